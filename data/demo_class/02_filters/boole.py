"""Boole: everything right, with einsum and views of windows."""

# %% solution="correlate2d"
def correlate2d(image, kernel):
    if kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
        raise ValueError(f"kernel of even size: {kernel.shape}")
    padded = np.pad(image, [(side // 2, side // 2) for side in kernel.shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijuv,uv->ij", windows, kernel).astype(image.dtype)


# %% solution="convolve2d"
def convolve2d(image, kernel):
    return correlate2d(image, np.flip(kernel))


# %% solution="image_gradients"
def image_gradients(image):
    smooth, slope = np.array([1, 2, 1]), np.array([-1, 0, 1])
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))
    gx, gy = (
        np.einsum("ijuv,u,v->ij", windows, *pair).astype(image.dtype)
        for pair in ((smooth, slope), (slope, smooth))
    )
    arrows = gx + 1j * gy
    return gx, gy, np.abs(arrows).astype(image.dtype), np.angle(arrows).astype(image.dtype)


# %% solution="gaussian_kernel"
def gaussian_kernel(size, sigma):
    if size < 1 or size % 2 == 0 or not sigma > 0:
        raise ValueError(f"size {size}, sigma {sigma}")
    bell = np.exp(-0.5 * (np.linspace(-(size // 2), size // 2, size) / sigma) ** 2)
    bell /= bell.sum()
    return np.einsum("i,j->ij", bell, bell)


# %% solution="separate"
def separate(kernel):
    u, s, vt = np.linalg.svd(kernel, full_matrices=False)
    if np.count_nonzero(s > 1e-6 * s[0]) > 1:
        return None
    return u[:, 0] * np.sqrt(s[0]), vt[0] * np.sqrt(s[0])


# %% solution="filter_separable"
def filter_separable(image, column, row):
    column, row = np.ravel(column), np.ravel(row)
    if column.size % 2 == 0 or row.size % 2 == 0:
        raise ValueError(f"even number of weights: {column.size}, {row.size}")
    view = np.lib.stride_tricks.sliding_window_view
    rows, columns = column.size // 2, row.size // 2
    between = np.einsum("iju,u->ij", view(np.pad(image, ((rows, rows), (0, 0))), column.size, 0), column)
    return np.einsum("ijv,v->ij", view(np.pad(between, ((0, 0), (columns, columns))), row.size, 1), row).astype(
        image.dtype
    )


# %% solution="oriented_filters"
def oriented_filters(n, size, sigma):
    if n < 1 or size < 3 or size % 2 == 0 or not sigma > 0:
        raise ValueError(f"n {n}, size {size}, sigma {sigma}")
    y, x = np.mgrid[:size, :size] - size // 2
    slopes = np.stack([x, y]) * np.exp(-(x**2 + y**2) / (2 * sigma**2))  # of the bell, along x and along y
    angles = np.linspace(0, np.pi, n, endpoint=False)
    filters = np.einsum("cn,chw->nhw", [np.cos(angles), np.sin(angles)], slopes)
    return (filters / np.sqrt(np.einsum("nhw,nhw->n", filters, filters))[:, None, None])[:, None]


# %% solution="filter_loss"
def filter_loss(x, target, weight):
    padded = np.pad(x, [(side // 2, side // 2) for side in weight.shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape)
    error = np.einsum("ijuv,uv->ij", windows, weight) - target
    gradient = np.einsum("ijuv,ij->uv", windows, 2 * error / error.size)
    return np.mean(error**2), gradient.astype(x.dtype)


# %% solution="learn_filter"
def learn_filter(x, target, kernel_size, steps, lr):
    weight = np.zeros([kernel_size] * 2, dtype=x.dtype)
    for _ in range(steps):
        weight -= lr * filter_loss(x, target, weight)[1]
    return weight


# %% solution="filters_to_grid"
def filters_to_grid(weight):
    n, c, kh, kw = weight.shape
    if c not in (1, 3):
        raise ValueError(f"{c} channels")
    low, high = (extreme(axis=(1, 2, 3), keepdims=True) for extreme in (weight.min, weight.max))
    tiles = (weight - low) / np.where(high > low, high - low, 1)
    columns = min(n, 8)
    tiles = np.pad(tiles, ((0, -n % columns), (0, 0), (1, 1), (1, 1)))
    grid = tiles.reshape(-1, columns, c, kh + 2, kw + 2)
    grid = np.einsum("rschw->rhswc", grid).reshape(len(grid) * (kh + 2), columns * (kw + 2), c)
    return grid if c == 3 else grid.squeeze(2)


# %% solution="learn_filter_bank"
def learn_filter_bank(x, targets, kernel_size, steps, device="cpu"):
    x, targets = x.to(device), targets.to(device)
    k, c = targets.shape[1], x.shape[1]
    weight = torch.zeros(k, c, kernel_size, kernel_size, device=device, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / max(1, steps))
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(F.conv2d(x, weight, padding="same"), targets).backward()
        optimizer.step()
        scheduler.step()
    return weight.detach()


# %% solution="record_activations"
def record_activations(model, x):
    leaves = {name: module for name, module in model.named_modules() if not any(module.children())}
    training = {module: module.training for module in model.modules()}
    seen = {}
    handles = [
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output.detach().clone()})
        )
        for name, module in leaves.items()
    ]
    try:
        with torch.inference_mode():
            model.eval()(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in training.items():
            module.training = mode
    return seen


# %% solution="occlusion_map"
def occlusion_map(predict, image, patch, stride=1, fill=0.0):
    if patch < 1 or stride < 1 or patch > min(image.shape[1:]):
        raise ValueError(f"patch {patch}, stride {stride}, image {image.shape}")
    shape = [(side - patch) // stride + 1 for side in image.shape[1:]]
    whole, drops = predict(image), np.empty(shape)
    for i, j in np.ndindex(*shape):
        covered = image.copy()
        view = np.lib.stride_tricks.sliding_window_view(covered, (patch, patch), axis=(1, 2), writeable=True)
        view[:, i * stride, j * stride] = fill
        drops[i, j] = whole - predict(covered)
    return drops


# %% solution="occlusion_map_batched"
def occlusion_map_batched(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    _, height, width = image.shape
    if patch < 1 or stride < 1 or patch > min(height, width):
        raise ValueError(f"patch {patch}, stride {stride}, image {tuple(image.shape)}")
    rows = torch.arange(0, height - patch + 1, stride, device=image.device)
    columns = torch.arange(0, width - patch + 1, stride, device=image.device)
    y, x = torch.arange(height, device=image.device), torch.arange(width, device=image.device)
    hit_rows = (y >= rows[:, None]) & (y < rows[:, None] + patch)  # (rows, H)
    hit_columns = (x >= columns[:, None]) & (x < columns[:, None] + patch)  # (columns, W)
    covered = (hit_rows[:, None, :, None] & hit_columns[None, :, None, :]).reshape(-1, 1, height, width)
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            whole = model(image[None])[0, target]
            parts = [model(image.masked_fill(part, fill))[:, target] for part in covered.split(batch_size)]
    finally:
        for module, mode in training.items():
            module.training = mode
    return (whole - torch.cat(parts)).unflatten(0, (len(rows), len(columns)))


# %% solution="linear_probe"
def linear_probe(train_x, train_y, test_x, test_y, l2=1e-2):
    train, test = (np.asarray(x, float).reshape(len(x), -1) for x in (train_x, test_x))
    mean, scale = train.mean(0), np.maximum(train.std(0), 1e-9)
    train, test = (train - mean) / scale, (test - mean) / scale
    classes, labels = np.unique(train_y, return_inverse=True)
    wanted = np.eye(len(classes))[labels]
    u, s, vt = np.linalg.svd(train, full_matrices=False)
    shrink = s / (s**2 + l2 * len(train) + 1e-9)
    scores = np.einsum("md,rd,r,nr,nk->mk", test, vt, shrink, u, wanted - wanted.mean(0), optimize=True)
    return float(np.mean(classes[(scores + wanted.mean(0)).argmax(1)] == test_y))


# %% solution="quiz_flip"
quiz_flip = "b"

# %% solution="quiz_sobel"
quiz_sobel = "c"

# %% solution="quiz_separable"
quiz_separable = 15 + 15

# %% solution="quiz_occlusion"
quiz_occlusion = "d"
