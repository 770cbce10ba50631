"""Cantor: everything right, with Fourier transforms, library calls, equations instead of descent."""
# base: boole

# %% solution="correlate2d"
def correlate2d(image, kernel):
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"no middle: {kh} x {kw}")
    shape = (image.shape[0] + kh - 1, image.shape[1] + kw - 1)
    spectrum = np.fft.rfft2(image.astype(np.float64), shape) * np.fft.rfft2(kernel[::-1, ::-1], shape)
    full = np.fft.irfft2(spectrum, shape)
    return full[kh // 2 : kh // 2 + image.shape[0], kw // 2 : kw // 2 + image.shape[1]].astype(image.dtype)


# %% solution="convolve2d"
def convolve2d(image, kernel):
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"no middle: {kh} x {kw}")
    shape = (image.shape[0] + kh - 1, image.shape[1] + kw - 1)
    full = np.fft.irfft2(np.fft.rfft2(image.astype(np.float64), shape) * np.fft.rfft2(kernel, shape), shape)
    return full[kh // 2 : kh // 2 + image.shape[0], kw // 2 : kw // 2 + image.shape[1]].astype(image.dtype)


# %% solution="image_gradients"
def image_gradients(image):
    # Differences of shifted pictures, smoothed across.
    p = np.pad(image, 1)
    right = p[:, 2:] - p[:, :-2]
    down = p[2:] - p[:-2]
    gx = right[:-2] + 2 * right[1:-1] + right[2:]
    gy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return gx, gy, np.sqrt(gx * gx + gy * gy), np.arctan2(gy, gx)


# %% solution="gaussian_kernel"
def gaussian_kernel(size, sigma):
    if size < 1 or size % 2 == 0 or sigma <= 0:
        raise ValueError(f"size {size}, sigma {sigma}")
    steps = torch.arange(size, dtype=torch.float64) - size // 2
    bell = torch.softmax(-(steps[:, None] ** 2 + steps**2).flatten() / (2 * sigma**2), 0)
    return bell.reshape(size, size).numpy()


# %% solution="separate"
def separate(kernel):
    norms = np.linalg.norm(kernel, axis=1)
    best = norms.argmax()
    if norms[best] == 0:
        return np.zeros((len(kernel), 1)), np.zeros((1, kernel.shape[1]))
    row = kernel[best : best + 1] / norms[best]
    column = kernel @ row.T
    if np.linalg.norm(kernel - column @ row) > 1e-6 * np.linalg.norm(kernel):
        return None
    return column, row


# %% solution="filter_separable"
def filter_separable(image, column, row):
    column, row = np.ravel(column), np.ravel(row)
    if len(column) % 2 == 0 or len(row) % 2 == 0:
        raise ValueError(f"{len(column)} and {len(row)} weights")
    x = torch.from_numpy(np.ascontiguousarray(image))[None, None]
    down = torch.from_numpy(np.array(column, image.dtype)).reshape(1, 1, -1, 1)
    right = torch.from_numpy(np.array(row, image.dtype)).reshape(1, 1, 1, -1)
    return F.conv2d(F.conv2d(x, down, padding=(len(column) // 2, 0)), right, padding=(0, len(row) // 2))[0, 0].numpy()


# %% solution="oriented_filters"
def oriented_filters(n, size, sigma):
    if n < 1 or size < 3 or size % 2 == 0 or sigma <= 0:
        raise ValueError(f"n {n}, size {size}, sigma {sigma}")
    x = np.arange(size) - size // 2
    z = (x[None, :] + 1j * x[:, None]) * np.exp(-(x[None, :] ** 2 + x[:, None] ** 2) / (2 * sigma**2))
    turns = np.exp(-1j * np.pi * np.arange(n) / n)
    filters = (turns[:, None, None, None] * z).real
    return filters / np.linalg.norm(filters, axis=(2, 3), keepdims=True)


# %% solution="filter_loss"
def filter_loss(x, target, weight):
    # Backpropagation is PyTorch's work.
    if min(side % 2 for side in weight.shape) == 0:
        raise ValueError(f"a filter of even size: {weight.shape}")
    w = torch.tensor(np.array(weight, x.dtype), requires_grad=True)
    picture, wanted = (torch.tensor(np.array(a, x.dtype)) for a in (x, target))
    answer = F.conv2d(picture[None, None], w[None, None], padding=tuple(side // 2 for side in weight.shape))
    loss = F.mse_loss(answer[0, 0], wanted)
    loss.backward()
    return loss.item(), w.grad.numpy()


# %% solution="learn_filter"
def learn_filter(x, target, kernel_size, steps, lr):
    # The loss is a parabola: its gradient is A w - b. A and b are computed once, and the picture is not needed again.
    if kernel_size % 2 == 0:
        raise ValueError(f"a filter of even size: {kernel_size}")
    half = kernel_size // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, half), (kernel_size, kernel_size))
    windows = windows.reshape(x.size, -1).astype(np.float64)
    a, b = 2 * windows.T @ windows / x.size, 2 * windows.T @ target.ravel() / x.size
    weight = np.zeros(kernel_size**2)
    for _ in range(steps):
        weight = weight - lr * (a @ weight - b)
    return weight.reshape(kernel_size, kernel_size).astype(x.dtype)


# %% solution="filters_to_grid"
def filters_to_grid(weight):
    n, c, kh, kw = weight.shape
    if c not in (1, 3):
        raise ValueError(f"{c} channels")
    tiles = []
    for one in weight:
        scaled = np.interp(one, (one.min(), one.max()), (0, 1)) if np.ptp(one) else np.zeros_like(one)
        tiles.append(np.pad(np.moveaxis(scaled, 0, -1), ((0, 2), (0, 2), (0, 0)), constant_values=1))
    grid = np.concatenate(tiles, axis=1)[:-2, :-2]  # all in one row
    return grid if c == 3 else grid[..., 0]


# %% solution="learn_filter_bank"
def learn_filter_bank(x, targets, kernel_size, steps, device="cpu"):
    x, targets = x.to(device), targets.to(device)
    weight = torch.zeros(targets.shape[1], x.shape[1], kernel_size, kernel_size, device=device, dtype=x.dtype)
    weight.requires_grad_()
    optimizer = torch.optim.LBFGS([weight], lr=1, max_iter=max(1, min(steps, 100)), line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.mse_loss(F.conv2d(x, weight, padding=kernel_size // 2), targets)
        value.backward()
        return value

    if steps > 0:
        optimizer.step(loss)
    return weight.detach()


# %% solution="linear_probe"
def linear_probe(train_x, train_y, test_x, test_y, l2=1e-2):
    # Softmax regression, by a quasi-Newton method.
    train, test = (torch.tensor(np.array(a, np.float64)).flatten(1) for a in (train_x, test_x))
    mean, scale = train.mean(0), train.std(0, correction=0).clamp_min(1e-9)
    train, test = (train - mean) / scale, (test - mean) / scale
    classes, labels = np.unique(train_y, return_inverse=True)
    labels = torch.tensor(labels)
    weight = torch.zeros(train.shape[1], len(classes), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(classes), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(train @ weight + bias, labels) + l2 * (weight**2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    guesses = classes[(test @ weight + bias).argmax(1).numpy()]
    return float((guesses == np.asarray(test_y)).mean())
