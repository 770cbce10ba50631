"""Mutants of the solutions of notebook 3 that no check can kill, because they do the same thing, and why.

Exercise -> change -> reason. "statement => *" stands for every surviving change of that statement.
"""

OVERWRITTEN = "every entry is set afterwards, so it does not matter what the array starts with"
STILL_ZERO = "the entry is still zero there"
ONE_DTYPE = "dy, x and weight always have one dtype"
ONE_LENGTH = "x and y always have one length"
RAISES = "NumPy raises a ValueError of its own in the next lines; ours only says it better"
THE_REST = "NumPy takes any negative number for 'the rest'"
NO_ORDER = "the order does not matter"
ONLY_SPEED = "changes how many images are multiplied at once, which changes the speed, not the answer"
EMPTY_BLOCKS = "blocks of images behind the last one are empty"
FREE_START = (
    "allowed: the first weights need not have exactly this spread, if the loss starts where it should"
)
BY_PLACE = "the function takes the gradients in the same order, whatever their shape"
ONE_SHAPE = "the two have one shape"

BLOCK = "block = max(1, 2 ** 20 // (taps * pixels * x.itemsize))"
ZEROS = "dfilters, dpadded = (np.zeros(filters.shape, x.dtype), np.zeros(padded.shape, x.dtype))"
COLUMNS = "columns = np.empty((block, *windows.shape[1:]), x.dtype)"
GRADIENTS = "return (dx, dfilters.reshape(weight.shape), dy.sum(axis=(0, 2, 3)))"
HINGE = "return (float(np.maximum(margins, 0).sum() / n), dscores / n)"
W1 = "'W1': rng.normal(0, (2 / (9 * channels)) ** 0.5, (n_filters, channels, 3, 3))"
W2 = "'W2': rng.normal(0, 0.001, (n_classes, features))"
UNPOOL = "dactive = max_pool2d_backward(dflat.reshape(pooled.shape), argmax, active.shape)"


def start(w1: str = W1, w2: str = W2) -> str:
    """The statement of ConvNet that draws the first weights."""
    return f"params = {{{w1}, 'b1': np.zeros(n_filters), {w2}, 'b2': np.zeros(n_classes)}}"


EQUIVALENT = {
    "max_pool2d": {
        "np.maximum(offset, larger * (i * width + j), out=offset) => "
        "np.maximum(larger * (i * width + j), offset, out=offset)": NO_ORDER,
        "np.maximum(y, pixels, out=y) => np.maximum(pixels, y, out=y)": NO_ORDER,
    },
    "max_over_channels": {"if groups < 1 or channels % groups: => if groups < 1:": RAISES},
    "numerical_gradient": {
        "gradient = np.zeros(x.shape) => gradient = np.ones(x.shape)": OVERWRITTEN,
        "gradient[index] = (above - below) / (2 * h) => "
        "gradient[index] += (above - below) / (2 * h)": STILL_ZERO,
    },
    "relative_error": {
        "return float((np.abs(a - b) / np.maximum(size, 1e-12)).max()) => "
        "return float((np.abs(a - b) / np.maximum(1e-12, size)).max())": NO_ORDER,
    },
    "conv2d_backward": {
        "filters = weight.reshape(c_out, -1) => filters = weight.reshape(c_out, -2)": THE_REST,
        f"{ZEROS} => {ZEROS.replace('x.dtype', 'dy.dtype', 1)}": ONE_DTYPE,
        f"{ZEROS} => {ZEROS.replace('x.dtype', 'weight.dtype', 1)}": ONE_DTYPE,
        f"{ZEROS} => {ZEROS[:-9]}dy.dtype))": ONE_DTYPE,
        f"{ZEROS} => {ZEROS[:-9]}weight.dtype))": ONE_DTYPE,
        f"{BLOCK} => *": ONLY_SPEED,
        f"{COLUMNS} => {COLUMNS.replace(', x.dtype', '')}": "only slower: the sums have x's dtype",
        f"{COLUMNS} => {COLUMNS.replace('x.dtype', 'dy.dtype')}": ONE_DTYPE,
        f"{COLUMNS} => {COLUMNS.replace('x.dtype', 'weight.dtype')}": ONE_DTYPE,
        "for first in range(0, n, block): => for first in range(0, height, block):": EMPTY_BLOCKS,
        "for first in range(0, n, block): => for first in range(0, width, block):": EMPTY_BLOCKS,
        f"{GRADIENTS} => {GRADIENTS.replace('0, 2, 3', '2, 0, 3')}": NO_ORDER,
        f"{GRADIENTS} => {GRADIENTS.replace('0, 2, 3', '0, 3, 2')}": NO_ORDER,
        "dcolumns = np.matmul(filters.T, rows, out=columns[:count].reshape(count, taps, pixels)) => "
        "dcolumns = np.matmul(filters.T, rows)": "takes new memory for the answer",
    },
    "softmax_loss": {"n = len(scores) => n = len(y)": ONE_LENGTH},
    "svm_loss": {
        "n = len(scores) => n = len(y)": ONE_LENGTH,
        "margins[rows, y] = 0 => margins[rows, y] = -1": "a margin below 0 counts as 0, too",
        "dscores[rows, y] = -dscores.sum(axis=1) => dscores[rows, y] += -dscores.sum(axis=1)": STILL_ZERO,
        f"{HINGE} => {HINGE.replace('margins, 0', '0, margins')}": NO_ORDER,
    },
    "ConvNet": {
        "rng = np.random.default_rng() if rng is None else rng => "
        "rng = np.random if rng is None else rng": "np.random draws normal numbers just as well",
        f"{start()} => {start(w2=W2.replace('0, 0.001', '0.001, 0'))}": FREE_START,
        f"{start()} => {start(W1.replace('2 /', '3 /'))}": FREE_START,
        f"{start()} => {start(W1.replace('2 /', '1 /'))}": FREE_START,
        f"{start()} => {start(W1.replace('9 *', '10 *'))}": FREE_START,
        f"{start()} => {start(W1.replace('9 *', '8 *'))}": FREE_START,
        "self.params = {name: value.astype(np.float32) for name, value in params.items()} => "
        "self.params = {name: value for name, value in params.items()}": "allowed: float64 is only slower",
        "pooled, _ = max_pool2d(np.maximum(hidden, 0), 2) => "
        "pooled, _ = max_pool2d(np.maximum(0, hidden), 2)": NO_ORDER,
        "active = np.maximum(hidden, 0) => active = np.maximum(0, hidden)": NO_ORDER,
        "return pooled.reshape(len(x), -1) @ p['W2'].T + p['b2'] => "
        "return pooled.reshape(len(x), -2) @ p['W2'].T + p['b2']": THE_REST,
        "flat = pooled.reshape(len(x), -1) => flat = pooled.reshape(len(x), -2)": THE_REST,
        "flat = pooled.reshape(len(x), -1) => flat = pooled.reshape(len(y), -1)": ONE_LENGTH,
        f"{UNPOOL} => {UNPOOL.replace('.reshape(pooled.shape)', '')}": BY_PLACE,
        f"{UNPOOL} => {UNPOOL.replace('pooled', 'argmax', 1)}": ONE_SHAPE,
    },
    "minibatch_sgd": {
        "order = rng.permutation(len(x)) => order = rng.permutation(len(y))": ONE_LENGTH,
        "for first in range(0, len(x), batch_size): => "
        "for first in range(0, len(y), batch_size):": ONE_LENGTH,
    },
    "MaxPool2dFunction": {
        "rows = torch.arange(y.shape[2], device=x.device)[:, None] * stride + place // kernel_size => "
        "rows = torch.arange(place.shape[2], device=x.device)[:, None] * stride "
        "+ place // kernel_size": ONE_SHAPE,
        "columns = torch.arange(y.shape[3], device=x.device) * stride + place % kernel_size => "
        "columns = torch.arange(place.shape[3], device=x.device) * stride + place % kernel_size": ONE_SHAPE,
    },
    "train_epoch": {
        "total, count = (0.0, 0) => total, count = (0, 0.0)": "the quotient is a float all the same",
        "optimizer.zero_grad() => model.zero_grad()": "the optimiser holds all parameters of the model",
        "total += loss.item() * len(y) => total += loss.item() * len(x)": ONE_LENGTH,
        "count += len(y) => count += len(x)": ONE_LENGTH,
    },
    "evaluate": {"count += len(y) => count += len(x)": ONE_LENGTH},
}
