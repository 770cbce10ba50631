"""Boole: everything right, with einsum and views of windows."""

# %% solution="max_pool2d"
def windows_of(x, kernel_size, stride):
    """All windows, (N, C, H_out, W_out, k, k), without a copy."""
    stride = kernel_size if stride is None else stride
    if kernel_size < 1 or stride < 1 or kernel_size > min(x.shape[2:]):
        raise ValueError(f"kernel size {kernel_size}, stride {stride}, images {x.shape[2:]}")
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


def max_pool2d(x, kernel_size, stride=None):
    windows = windows_of(x, kernel_size, stride)
    flat = windows.reshape(*windows.shape[:4], -1)
    places = np.arange(x.shape[2] * x.shape[3]).reshape(1, 1, *x.shape[2:])
    places = windows_of(places, kernel_size, stride)  # the same windows on a picture of numbers
    places = np.broadcast_to(places.reshape(1, 1, *places.shape[2:4], -1), flat.shape)
    best = flat.argmax(axis=4)[..., None]
    return np.take_along_axis(flat, best, 4)[..., 0], np.take_along_axis(places, best, 4)[..., 0]


# %% solution="avg_pool2d"
def avg_pool2d(x, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    if kernel_size < 1 or stride < 1 or kernel_size > min(x.shape[2:]):
        raise ValueError(f"kernel size {kernel_size}, stride {stride}, images {x.shape[2:]}")
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    sums = np.einsum("ncijkl->ncij", windows[:, :, ::stride, ::stride])
    return (sums / kernel_size**2).astype(x.dtype)


# %% solution="shift_stability"
def shift_stability(layer, images, shifts):
    still = layer(images)
    change = [layer(np.roll(images, shift, -1)) - still for shift in shifts]
    return np.array([np.sqrt(np.einsum("i,i->", c.ravel(), c.ravel())) for c in change]) / np.linalg.norm(still)


# %% solution="max_over_channels"
def max_over_channels(x, groups):
    n, c, h, w = x.shape
    if groups < 1 or c % groups:
        raise ValueError(f"{c} channels in {groups} groups")
    grouped = x.reshape(n, groups, c // groups, h, w)
    best = grouped.argmax(axis=2)
    y = np.take_along_axis(grouped, best[:, :, None], axis=2).squeeze(2)
    return y, best + np.arange(0, c, c // groups)[:, None, None]


# %% solution="numerical_gradient"
def numerical_gradient(f, x, h=1e-5):
    nudges = h * np.eye(x.size).reshape(x.size, *x.shape)
    slopes = [(f(x + nudge) - f(x - nudge)) / (2 * h) for nudge in nudges]
    return np.array(slopes, dtype=np.float64).reshape(x.shape)


# %% solution="relative_error"
def relative_error(a, b):
    size = np.abs(a) + np.abs(b)
    return float(np.max(np.abs(a - b) / np.where(size > 0, size, 1)))


# %% solution="max_pool2d_backward"
def max_pool2d_backward(dy, argmax, input_shape):
    n, c, h, w = input_shape
    dx = np.zeros((n, c, h * w), dy.dtype)
    image, channel = np.ogrid[:n, :c]
    np.add.at(dx, (image[..., None], channel[..., None], argmax.reshape(n, c, -1)), dy.reshape(n, c, -1))
    return dx.reshape(input_shape)


# %% solution="avg_pool2d_backward"
def avg_pool2d_backward(dy, input_shape, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    # Which pixel lies in which window, along each axis: zeros and ones.
    inside = []
    for pixels, count in zip(input_shape[2:], dy.shape[2:]):
        offset = np.arange(pixels) - stride * np.arange(count)[:, None]
        inside.append(((offset >= 0) & (offset < kernel_size)).astype(dy.dtype))
    return np.einsum("ncij,ih,jw->nchw", dy, *inside, optimize=True) / kernel_size**2


# %% solution="max_over_channels_backward"
def max_over_channels_backward(dy, argmax, input_shape):
    chosen = argmax[:, :, None] == np.arange(input_shape[1])[:, None, None]  # (N, groups, C, H, W)
    return np.einsum("nghw,ngchw->nchw", dy, chosen).astype(dy.dtype)


# %% solution="relu_backward"
def relu_backward(dy, x):
    return np.where(x > 0, dy, np.zeros_like(dy))


# %% solution="linear_backward"
def linear_backward(dy, x, weight):
    return np.einsum("no,oi->ni", dy, weight), np.einsum("no,ni->oi", dy, x), np.einsum("no->o", dy)


# %% solution="conv2d_backward"
def conv2d_backward(dy, x, weight, stride=1, padding=0):
    (h_out, w_out), (kh, kw) = dy.shape[2:], weight.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view
    windows = view(padded, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    dweight = np.einsum("noij,ncijkl->ockl", dy, windows, optimize=True)
    # For dx, the gradient is spread out and correlated with the turned filters.
    spread = np.zeros((*dy.shape[:2], padded.shape[2] + kh - 1, padded.shape[3] + kw - 1), dy.dtype)
    spread[:, :, kh - 1 :: stride, kw - 1 :: stride][:, :, :h_out, :w_out] = dy
    turned = weight[:, :, ::-1, ::-1]
    dpadded = np.einsum("noijkl,ockl->ncij", view(spread, (kh, kw), axis=(2, 3)), turned, optimize=True)
    dx = dpadded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx.astype(x.dtype), dweight.astype(x.dtype), np.einsum("noij->o", dy).astype(x.dtype)


# %% solution="softmax_loss"
def softmax_loss(scores, y):
    right = np.eye(scores.shape[1], dtype=scores.dtype)[y]
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    log_p = scores - scores.max(1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(1, keepdims=True))
    return float(-np.einsum("nk,nk->", right, log_p) / len(y)), (p - right) / len(y)


# %% solution="svm_loss"
def svm_loss(scores, y):
    right = np.eye(scores.shape[1], dtype=scores.dtype)[y]
    margins = (scores - np.einsum("nk,nk->n", scores, right)[:, None] + 1) * (1 - right)
    counts = (margins > 0).astype(scores.dtype)
    gradient = counts - right * counts.sum(axis=1, keepdims=True)
    return float(np.einsum("nk,nk->", margins, counts) / len(y)), gradient / len(y)


# %% solution="ConvNet"
class ConvNet:
    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        rng = rng or np.random.default_rng()
        c, h, w = in_shape
        spreads = {
            "W1": (np.sqrt(2 / (9 * c)), (n_filters, c, 3, 3)),
            "b1": (0, n_filters),
            "W2": (1e-3, (n_classes, n_filters * h * w // 4)),
            "b2": (0, n_classes),
        }
        self.params = {key: np.float32(rng.normal(0, *spread)) for key, spread in spreads.items()}

    def scores(self, x):
        p = self.params
        self.hidden = conv2d(x, p["W1"], p["b1"], padding=1)
        self.pooled, self.argmax = max_pool2d(self.hidden, 2)  # the largest first, ReLU afterwards: the same
        self.flat = np.maximum(self.pooled, 0).reshape(len(x), -1)
        return np.einsum("nf,kf->nk", self.flat, p["W2"]) + p["b2"]

    def loss(self, x, y):
        loss, dscores = softmax_loss(self.scores(x), y)
        dflat, dw2, db2 = linear_backward(dscores, self.flat, self.params["W2"])
        dpooled = relu_backward(dflat.reshape(self.pooled.shape), self.pooled)
        dhidden = max_pool2d_backward(dpooled, self.argmax, self.hidden.shape)
        _, dw1, db1 = conv2d_backward(dhidden, x, self.params["W1"], 1, 1)
        return loss, dict(W1=dw1, b1=db1, W2=dw2, b2=db2)


# %% solution="gradient_descent"
def gradient_descent(loss_fn, weights, steps, step_size):
    w = weights.copy()
    for _ in range(steps):
        w -= step_size * loss_fn(w)[1]
    return w


# %% solution="minibatch_sgd"
def minibatch_sgd(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for part in np.split(order, range(batch_size, len(y), batch_size)):
            loss, gradients = model.loss(x[part], y[part])
            for key in model.params:
                model.params[key] -= step_size * gradients[key]
            losses.append(loss)
    return losses


# %% solution="MaxPool2dFunction"
class MaxPool2dFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        windows = x.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride).flatten(4)
        numbers = torch.arange(x.shape[2] * x.shape[3], device=x.device).reshape(x.shape[2:])
        numbers = numbers.unfold(0, kernel_size, stride).unfold(1, kernel_size, stride).flatten(2)
        best = windows.argmax(-1, keepdim=True)
        ctx.save_for_backward(numbers.expand(windows.shape).gather(-1, best).squeeze(-1))
        ctx.shape = x.shape
        return windows.gather(-1, best).squeeze(-1)

    @staticmethod
    def backward(ctx, dy):
        (places,) = ctx.saved_tensors
        dx = dy.new_zeros(ctx.shape).flatten(2)
        return dx.scatter_add(2, places.flatten(2), dy.flatten(2)).reshape(ctx.shape), None, None


# %% solution="train_epoch"
def train_epoch(model, loader, optimizer, device):
    model.train()
    losses, sizes = [], []
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x.to(device)), y.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        sizes.append(len(y))
    return float(np.average(losses, weights=sizes))


# %% solution="evaluate"
@torch.no_grad()
def evaluate(model, loader, device):
    mode = model.training
    model.eval()
    right = torch.cat([model(x.to(device)).argmax(1) == y.to(device) for x, y in loader])
    model.train(mode)
    return right.double().mean().item()


# %% solution="quiz_max_gradient"
quiz_max_gradient = "b"

# %% solution="quiz_features"
quiz_features = 10 * (32 // 2) * (48 // 2)

# %% solution="quiz_loss_at_start"
quiz_loss_at_start = "c"

# %% solution="quiz_epoch"
quiz_epoch = "d"
