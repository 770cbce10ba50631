"""Ada: everything right, written with plain loops wherever the exercise allows them."""

# %% solution="max_pool2d"
def max_pool2d(x, kernel_size, stride=None):
    if stride is None:
        stride = kernel_size
    if kernel_size < 1 or stride < 1:
        raise ValueError(f"kernel size {kernel_size}, stride {stride}")
    n, c, height, width = x.shape
    if kernel_size > height or kernel_size > width:
        raise ValueError(f"a window of {kernel_size} does not fit {height} x {width}")
    h_out = (height - kernel_size) // stride + 1
    w_out = (width - kernel_size) // stride + 1
    y = np.zeros((n, c, h_out, w_out), x.dtype)
    argmax = np.zeros((n, c, h_out, w_out), int)
    for b in range(n):
        for k in range(c):
            for i in range(h_out):
                for j in range(w_out):
                    top, left = i * stride, j * stride
                    best, place = x[b, k, top, left], top * width + left
                    for row in range(top, top + kernel_size):
                        for column in range(left, left + kernel_size):
                            if x[b, k, row, column] > best:
                                best, place = x[b, k, row, column], row * width + column
                    y[b, k, i, j], argmax[b, k, i, j] = best, place
    return y, argmax


# %% solution="avg_pool2d"
def avg_pool2d(x, kernel_size, stride=None):
    if stride is None:
        stride = kernel_size
    if kernel_size < 1 or stride < 1:
        raise ValueError(f"kernel size {kernel_size}, stride {stride}")
    n, c, height, width = x.shape
    if kernel_size > height or kernel_size > width:
        raise ValueError(f"a window of {kernel_size} does not fit {height} x {width}")
    h_out = (height - kernel_size) // stride + 1
    w_out = (width - kernel_size) // stride + 1
    y = np.zeros((n, c, h_out, w_out), x.dtype)
    for i in range(h_out):
        for j in range(w_out):
            window = x[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            y[:, :, i, j] = window.sum(axis=(2, 3)) / kernel_size**2
    return y


# %% solution="shift_stability"
def shift_stability(layer, images, shifts):
    answers = layer(images)
    length = np.sqrt((answers**2).sum())
    width = images.shape[3]
    stability = []
    for shift in shifts:
        moved = np.zeros(images.shape, images.dtype)
        for j in range(width):
            moved[:, :, :, (j + shift) % width] = images[:, :, :, j]
        stability.append(np.sqrt(((layer(moved) - answers) ** 2).sum()) / length)
    return np.array(stability)


# %% solution="max_over_channels"
def max_over_channels(x, groups):
    n, c, height, width = x.shape
    if groups < 1 or c % groups != 0:
        raise ValueError(f"{c} channels, {groups} groups")
    size = c // groups
    y = np.zeros((n, groups, height, width), x.dtype)
    argmax = np.zeros((n, groups, height, width), int)
    for b in range(n):
        for g in range(groups):
            for i in range(height):
                for j in range(width):
                    best = g * size
                    for channel in range(g * size, (g + 1) * size):
                        if x[b, channel, i, j] > x[b, best, i, j]:
                            best = channel
                    y[b, g, i, j] = x[b, best, i, j]
                    argmax[b, g, i, j] = best
    return y, argmax


# %% solution="numerical_gradient"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        up = np.array(x)
        down = np.array(x)
        up[index] += h
        down[index] -= h
        gradient[index] = (f(up) - f(down)) / (2 * h)
    return gradient


# %% solution="relative_error"
def relative_error(a, b):
    worst = 0.0
    for one, other in zip(np.ravel(a), np.ravel(b)):
        size = abs(one) + abs(other)
        if size > 0:
            worst = max(worst, float(abs(one - other) / size))
    return worst


# %% solution="max_pool2d_backward"
def max_pool2d_backward(dy, argmax, input_shape):
    n, c, height, width = input_shape
    dx = np.zeros(input_shape, dy.dtype)
    for b in range(n):
        for k in range(c):
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    place = argmax[b, k, i, j]
                    dx[b, k, place // width, place % width] += dy[b, k, i, j]
    return dx


# %% solution="avg_pool2d_backward"
def avg_pool2d_backward(dy, input_shape, kernel_size, stride=None):
    if stride is None:
        stride = kernel_size
    dx = np.zeros(input_shape, dy.dtype)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            top, left = i * stride, j * stride
            share = dy[:, :, i : i + 1, j : j + 1] / kernel_size**2
            dx[:, :, top : top + kernel_size, left : left + kernel_size] += share
    return dx


# %% solution="max_over_channels_backward"
def max_over_channels_backward(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    for b in range(dy.shape[0]):
        for g in range(dy.shape[1]):
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    dx[b, argmax[b, g, i, j], i, j] = dy[b, g, i, j]
    return dx


# %% solution="relu_backward"
def relu_backward(dy, x):
    dx = np.zeros(x.shape, dy.dtype)
    for index in np.ndindex(x.shape):
        if x[index] > 0:
            dx[index] = dy[index]
    return dx


# %% solution="linear_backward"
def linear_backward(dy, x, weight):
    dx = np.zeros(x.shape, x.dtype)
    dweight = np.zeros(weight.shape, x.dtype)
    dbias = np.zeros(len(weight), x.dtype)
    for b in range(len(x)):
        for o in range(len(weight)):
            dx[b] += dy[b, o] * weight[o]
            dweight[o] += dy[b, o] * x[b]
            dbias[o] += dy[b, o]
    return dx, dweight, dbias


# %% solution="conv2d_backward"
def conv2d_backward(dy, x, weight, stride=1, padding=0):
    n, c_in, height, width = x.shape
    c_out, _, kh, kw = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dpadded = np.zeros(padded.shape, x.dtype)
    dweight = np.zeros(weight.shape, x.dtype)
    dbias = np.zeros(c_out, x.dtype)
    for b in range(n):
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                top, left = i * stride, j * stride
                slope = dy[b, :, i, j]
                slopes = slope.reshape(c_out, 1, 1, 1)  # one number for each filter
                dpadded[b, :, top : top + kh, left : left + kw] += (slopes * weight).sum(axis=0)
                dweight += slopes * padded[b, :, top : top + kh, left : left + kw]
                dbias += slope
    return dpadded[:, :, padding : padding + height, padding : padding + width], dweight, dbias


# %% solution="softmax_loss"
def softmax_loss(scores, y):
    n, classes = scores.shape
    loss = 0.0
    dscores = np.zeros(scores.shape, scores.dtype)
    for b in range(n):
        exponentials = np.exp(scores[b] - scores[b].max())
        total = exponentials.sum()
        loss += np.log(total) - (scores[b, y[b]] - scores[b].max())
        for k in range(classes):
            dscores[b, k] = exponentials[k] / total / n
        dscores[b, y[b]] -= 1 / n
    return float(loss / n), dscores


# %% solution="svm_loss"
def svm_loss(scores, y):
    n, classes = scores.shape
    loss = 0.0
    dscores = np.zeros(scores.shape, scores.dtype)
    for b in range(n):
        for k in range(classes):
            margin = scores[b, k] - scores[b, y[b]] + 1
            if k != y[b] and margin > 0:
                loss += margin / n
                dscores[b, k] += 1 / n
                dscores[b, y[b]] -= 1 / n
    return float(loss), dscores


# %% solution="ConvNet"
class ConvNet:
    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        if rng is None:
            rng = np.random.default_rng()
        channels, height, width = in_shape
        features = n_filters * (height // 2) * (width // 2)
        self.params = {}
        self.params["W1"] = rng.standard_normal((n_filters, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
        self.params["b1"] = np.zeros(n_filters)
        self.params["W2"] = rng.standard_normal((n_classes, features)) * 0.001
        self.params["b2"] = np.zeros(n_classes)
        for name in self.params:
            self.params[name] = self.params[name].astype(np.float32)

    def forward(self, x):
        hidden = conv2d(x, self.params["W1"], self.params["b1"], 1, 1)
        active = np.maximum(hidden, 0)
        pooled, argmax = max_pool2d(active, 2)
        flat = pooled.reshape(len(x), -1)
        scores = flat @ self.params["W2"].T + self.params["b2"]
        return hidden, pooled, argmax, flat, scores

    def scores(self, x):
        return self.forward(x)[4]

    def loss(self, x, y):
        hidden, pooled, argmax, flat, scores = self.forward(x)
        loss, dscores = softmax_loss(scores, y)
        gradients = {}
        dflat, gradients["W2"], gradients["b2"] = linear_backward(dscores, flat, self.params["W2"])
        dactive = max_pool2d_backward(dflat.reshape(pooled.shape), argmax, hidden.shape)
        dhidden = relu_backward(dactive, hidden)
        dx, gradients["W1"], gradients["b1"] = conv2d_backward(dhidden, x, self.params["W1"], 1, 1)
        return loss, gradients


# %% solution="gradient_descent"
def gradient_descent(loss_fn, weights, steps, step_size):
    weights = np.array(weights)
    for step in range(steps):
        loss, gradient = loss_fn(weights)
        weights = weights - step_size * gradient
    return weights


# %% solution="minibatch_sgd"
def minibatch_sgd(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for epoch in range(epochs):
        order = np.arange(len(x))
        rng.shuffle(order)
        start = 0
        while start < len(x):
            chosen = order[start : start + batch_size]
            loss, gradients = model.loss(x[chosen], y[chosen])
            losses.append(loss)
            for name in model.params:
                model.params[name] = model.params[name] - step_size * gradients[name]
            start += batch_size
    return losses


# %% solution="MaxPool2dFunction"
class MaxPool2dFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        n, c, height, width = x.shape
        h_out, w_out = (height - kernel_size) // stride + 1, (width - kernel_size) // stride + 1
        y = torch.zeros(n, c, h_out, w_out, dtype=x.dtype, device=x.device)
        places = torch.zeros(n, c, h_out, w_out, dtype=torch.long, device=x.device)
        for i in range(h_out):
            for j in range(w_out):
                top, left = i * stride, j * stride
                window = x[:, :, top : top + kernel_size, left : left + kernel_size].reshape(n, c, -1)
                best = window.argmax(dim=2, keepdim=True)
                y[:, :, i, j] = window.gather(2, best)[:, :, 0]
                best = best[:, :, 0]
                places[:, :, i, j] = (top + best // kernel_size) * width + left + best % kernel_size
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return y

    @staticmethod
    def backward(ctx, dy):
        (places,) = ctx.saved_tensors
        n, c, height, width = ctx.shape
        dx = torch.zeros(n, c, height * width, dtype=dy.dtype, device=dy.device)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                dx.scatter_add_(2, places[:, :, i, j][:, :, None], dy[:, :, i, j][:, :, None])
        return dx.reshape(ctx.shape), None, None


# %% solution="train_epoch"
def train_epoch(model, loader, optimizer, device):
    model.train()
    total = 0.0
    examples = 0
    for x, y in loader:
        x = x.to(device)
        y = y.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        examples += len(x)
    return total / examples


# %% solution="evaluate"
def evaluate(model, loader, device):
    was_training = model.training
    model.eval()
    right = 0
    examples = 0
    with torch.no_grad():
        for x, y in loader:
            guesses = model(x.to(device)).argmax(dim=1).cpu()
            for guess, label in zip(guesses, y):
                if guess == label:
                    right += 1
                examples += 1
    model.train(was_training)
    return right / examples


# %% solution="quiz_max_gradient"
quiz_max_gradient = "b"

# %% solution="quiz_features"
quiz_features = 3840

# %% solution="quiz_loss_at_start"
quiz_loss_at_start = "c"

# %% solution="quiz_epoch"
quiz_epoch = "d"
