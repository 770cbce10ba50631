"""Cantor: everything right, by other ways: library calls, transposed convolutions, trees of comparisons."""
# base: boole

# %% solution="max_pool2d"
def max_pool2d(x, kernel_size, stride=None):
    # PyTorch pools; for whole numbers there are doubles.
    stride = kernel_size if stride is None else stride
    if kernel_size < 1 or stride < 1:
        raise ValueError(f"kernel size {kernel_size}, stride {stride}")
    if kernel_size > min(x.shape[2:]):
        raise ValueError(f"a window of {kernel_size} does not fit {x.shape[2:]}")
    numbers = x if x.dtype.kind == "f" else x.astype(np.float64)
    images = torch.from_numpy(np.ascontiguousarray(numbers))
    y, argmax = F.max_pool2d(images, kernel_size, stride, return_indices=True)
    return y.numpy().astype(x.dtype), argmax.numpy()


# %% solution="avg_pool2d"
def avg_pool2d(x, kernel_size, stride=None):
    # Sums over windows are differences of sums over everything above and to the left.
    stride = kernel_size if stride is None else stride
    if kernel_size < 1 or stride < 1:
        raise ValueError(f"kernel size {kernel_size}, stride {stride}")
    height, width = x.shape[2:]
    if kernel_size > min(height, width):
        raise ValueError(f"a window of {kernel_size} does not fit {height} x {width}")
    sums = np.zeros((*x.shape[:2], height + 1, width + 1))
    sums[:, :, 1:, 1:] = x.astype(np.float64).cumsum(2).cumsum(3)
    k = kernel_size
    windows = sums[:, :, k:, k:] - sums[:, :, :-k, k:] - sums[:, :, k:, :-k] + sums[:, :, :-k, :-k]
    return (windows[:, :, ::stride, ::stride] / k**2).astype(x.dtype)


# %% solution="shift_stability"
def shift_stability(layer, images, shifts):
    def length(features):
        return np.linalg.norm(np.asarray(features, float).ravel())

    still = layer(images)
    moved = (np.concatenate([images[..., -s % w :], images[..., : -s % w]], 3) for s in shifts for w in images.shape[3:])
    return np.array([length(layer(m) - still) / length(still) for m in moved])


# %% solution="max_over_channels"
def max_over_channels(x, groups):
    # A knock-out: each channel of a group challenges the best one so far.
    c = x.shape[1]
    if groups < 1 or c % groups:
        raise ValueError(f"{c} channels cannot be put into {groups} groups")
    size = c // groups
    y = x[:, ::size].copy()
    argmax = np.zeros(y.shape, np.int64) + np.arange(0, c, size)[:, None, None]
    for channel in range(1, size):
        challenger = x[:, channel::size]
        argmax = np.where(challenger > y, argmax // size * size + channel, argmax)
        y = np.maximum(y, challenger)
    return y, argmax


# %% solution="numerical_gradient"
def numerical_gradient(f, x, h=1e-5):
    gradient = []
    flat = x.ravel()
    for k in range(x.size):
        values = []
        for nudge in (-h, h):
            changed = flat.copy()
            changed[k] += nudge
            values.append(f(changed.reshape(x.shape)))
        gradient.append(np.diff(values)[0] / (2 * h))
    return np.reshape(gradient, x.shape)


# %% solution="max_pool2d_backward"
def max_pool2d_backward(dy, argmax, input_shape):
    dx = torch.zeros(input_shape[0], input_shape[1], input_shape[2] * input_shape[3])
    dy = torch.tensor(np.ascontiguousarray(dy))
    places = torch.tensor(np.ascontiguousarray(argmax).astype(np.int64))
    return dx.to(dy.dtype).scatter_add_(2, places.flatten(2), dy.flatten(2)).reshape(*input_shape).numpy()


# %% solution="avg_pool2d_backward"
def avg_pool2d_backward(dy, input_shape, kernel_size, stride=None):
    # Every plane is a transposed convolution with a filter of equal weights.
    stride = kernel_size if stride is None else stride
    n, c, height, width = input_shape
    planes = torch.tensor(np.ascontiguousarray(dy)).reshape(n * c, 1, *dy.shape[2:])
    weight = torch.full((1, 1, kernel_size, kernel_size), 1 / kernel_size**2, dtype=planes.dtype)
    dx = F.conv_transpose2d(planes, weight, stride=stride)
    dx = F.pad(dx, (0, width - dx.shape[3], 0, height - dx.shape[2]))
    return dx.reshape(*input_shape).numpy()


# %% solution="max_over_channels_backward"
def max_over_channels_backward(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    image, _, row, column = np.indices(dy.shape)
    dx[image, argmax, row, column] = dy
    return dx


# %% solution="relu_backward"
def relu_backward(dy, x):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


# %% solution="conv2d_backward"
def conv2d_backward(dy, x, weight, stride=1, padding=0):
    images = torch.tensor(np.ascontiguousarray(x), requires_grad=True)
    filters = torch.tensor(np.ascontiguousarray(weight).astype(x.dtype), requires_grad=True)
    bias = torch.zeros(len(weight), dtype=images.dtype, requires_grad=True)
    y = F.conv2d(images, filters, bias, stride, padding)
    y.backward(torch.tensor(np.ascontiguousarray(dy).astype(x.dtype)))
    return images.grad.numpy(), filters.grad.numpy(), bias.grad.numpy()


# %% solution="softmax_loss"
def softmax_loss(scores, y):
    leaves = torch.tensor(np.ascontiguousarray(scores), requires_grad=True)
    loss = F.cross_entropy(leaves, torch.tensor(np.asarray(y, np.int64)))
    loss.backward()
    return loss.item(), leaves.grad.numpy()


# %% solution="svm_loss"
def svm_loss(scores, y):
    rows = np.arange(len(y))
    slack = np.maximum(0, 1 + scores - np.take_along_axis(scores, np.reshape(y, (-1, 1)), 1))
    slack[rows, y] = 0
    gradient = np.sign(slack)
    np.put_along_axis(gradient, np.reshape(y, (-1, 1)), -gradient.sum(1, keepdims=True), 1)
    return slack.sum() / len(y), gradient / len(y)


# %% solution="ConvNet"
class ConvNet:
    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        rng = np.random.default_rng(rng)
        c, h, w = in_shape
        self.params = {
            "W1": rng.normal(scale=(2 / 9 / c) ** 0.5, size=(n_filters, c, 3, 3)).astype("float32"),
            "b1": np.zeros(n_filters, "float32"),
            "W2": rng.normal(scale=0.001, size=(n_classes, n_filters * (h // 2) * (w // 2))).astype("float32"),
            "b2": np.zeros(n_classes, "float32"),
        }

    def _scores(self, x, p):
        images = torch.tensor(np.ascontiguousarray(x)).to(p["W1"].dtype)
        hidden = F.relu(F.conv2d(images, p["W1"], p["b1"], padding=1))
        return F.linear(F.max_pool2d(hidden, 2).flatten(1), p["W2"], p["b2"])

    def scores(self, x):
        p = {key: torch.tensor(value) for key, value in self.params.items()}
        return self._scores(x, p).numpy()

    def loss(self, x, y):
        p = {key: torch.tensor(value, requires_grad=True) for key, value in self.params.items()}
        loss = F.cross_entropy(self._scores(x, p), torch.tensor(np.asarray(y, np.int64)))
        loss.backward()
        return loss.item(), {key: value.grad.numpy() for key, value in p.items()}


# %% solution="minibatch_sgd"
def minibatch_sgd(model, data, epochs, batch_size, step_size, rng):
    x, y = data

    def batches():
        for _ in range(epochs):
            queue = list(rng.permutation(len(x)))
            while queue:
                yield queue[:batch_size]
                queue = queue[batch_size:]

    losses = []
    for batch in batches():
        loss, gradients = model.loss(x[batch], y[batch])
        losses.append(float(loss))
        model.params.update({key: model.params[key] - step_size * g for key, g in gradients.items()})
    return losses


# %% solution="MaxPool2dFunction"
class MaxPool2dFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        y, places = F.max_pool2d(x, kernel_size, stride, return_indices=True)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return y

    @staticmethod
    def backward(ctx, dy):
        (places,) = ctx.saved_tensors
        n, c, height, width = ctx.shape
        planes = torch.arange(n * c, device=dy.device).reshape(n, c, 1, 1) * (height * width)
        dx = torch.zeros(n * c * height * width, dtype=dy.dtype, device=dy.device)
        dx = dx.index_add(0, (planes + places).reshape(-1), dy.reshape(-1))
        return dx.reshape(ctx.shape), None, None


# %% solution="evaluate"
def evaluate(model, loader, device):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    right = count = 0
    with torch.inference_mode():
        for x, y in loader:
            scores = model(x.to(device))
            right += torch.count_nonzero(scores.max(dim=1).indices == y.to(device)).item()
            count += y.numel()
    for module, mode in modes:
        module.training = mode
    return right / count
