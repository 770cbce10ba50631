"""Ada: everything right, written with plain loops wherever the exercise allows them."""

# %% solution="correlate2d"
def correlate2d(image, kernel):
    height, width = image.shape
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"the kernel {kh} x {kw} has no middle")
    top, left = kh // 2, kw // 2
    # A picture with room for half a kernel on every side.
    wide = np.zeros((height + 2 * top, width + 2 * left), image.dtype)
    for i in range(height):
        for j in range(width):
            wide[i + top, j + left] = image[i, j]
    out = np.zeros((height, width), image.dtype)
    for i in range(height):
        for j in range(width):
            out[i, j] = (wide[i : i + kh, j : j + kw] * kernel).sum()
    return out


# %% solution="convolve2d"
def convolve2d(image, kernel):
    kh, kw = kernel.shape
    turned = np.zeros((kh, kw), kernel.dtype)
    for u in range(kh):
        for v in range(kw):
            turned[kh - 1 - u, kw - 1 - v] = kernel[u, v]
    return correlate2d(image, turned)


# %% solution="image_gradients"
def image_gradients(image):
    across = np.zeros((3, 3))
    down = np.zeros((3, 3))
    for place, weight in enumerate([1, 2, 1]):
        across[place, 0], across[place, 2] = -weight, weight
        down[0, place], down[2, place] = -weight, weight
    gx = correlate2d(image, across)
    gy = correlate2d(image, down)
    magnitude = np.zeros(image.shape, image.dtype)
    angle = np.zeros(image.shape, image.dtype)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            magnitude[i, j] = np.sqrt(gx[i, j] ** 2 + gy[i, j] ** 2)
            angle[i, j] = np.arctan2(gy[i, j], gx[i, j])
    return gx, gy, magnitude, angle


# %% solution="gaussian_kernel"
def gaussian_kernel(size, sigma):
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size {size} is not odd and positive")
    if sigma <= 0:
        raise ValueError(f"sigma {sigma} is not positive")
    middle = size // 2
    kernel = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            squared = (i - middle) ** 2 + (j - middle) ** 2
            kernel[i, j] = np.exp(-squared / (2 * sigma**2))
    total = 0
    for row in kernel:
        for weight in row:
            total += weight
    return kernel / total


# %% solution="separate"
def separate(kernel):
    # The largest weight shows one row and one column; all others must be multiples of these.
    kh, kw = kernel.shape
    largest, at = 0, (0, 0)
    for i in range(kh):
        for j in range(kw):
            if abs(kernel[i, j]) > largest:
                largest, at = abs(kernel[i, j]), (i, j)
    if largest == 0:
        return np.zeros(kh, kernel.dtype), np.zeros(kw, kernel.dtype)
    column = kernel[:, at[1]] / kernel[at]
    row = kernel[at[0]].copy()
    for i in range(kh):
        for j in range(kw):
            if abs(column[i] * row[j] - kernel[i, j]) > 1e-6 * largest:
                return None
    return column, row


# %% solution="filter_separable"
def filter_separable(image, column, row):
    column, row = np.asarray(column).reshape(-1), np.asarray(row).reshape(-1)
    if len(column) % 2 == 0 or len(row) % 2 == 0:
        raise ValueError(f"{len(column)} and {len(row)} weights: both numbers must be odd")
    height, width = image.shape
    between = np.zeros(image.shape, image.dtype)
    for place, weight in enumerate(column):
        shift = place - len(column) // 2
        for i in range(height):
            if 0 <= i + shift < height:
                between[i] += weight * image[i + shift]
    out = np.zeros(image.shape, image.dtype)
    for place, weight in enumerate(row):
        shift = place - len(row) // 2
        for j in range(width):
            if 0 <= j + shift < width:
                out[:, j] += weight * between[:, j + shift]
    return out


# %% solution="oriented_filters"
def oriented_filters(n, size, sigma):
    if n < 1:
        raise ValueError(f"{n} filters")
    if size < 3 or size % 2 == 0:
        raise ValueError(f"size {size}")
    if sigma <= 0:
        raise ValueError(f"sigma {sigma}")
    filters = np.zeros((n, 1, size, size))
    middle = size // 2
    for k in range(n):
        angle = k * np.pi / n
        for i in range(size):
            for j in range(size):
                down, right = i - middle, j - middle
                along = right * np.cos(angle) + down * np.sin(angle)
                filters[k, 0, i, j] = along * np.exp(-(down**2 + right**2) / (2 * sigma**2))
        filters[k] /= np.sqrt((filters[k] ** 2).sum())
    return filters


# %% solution="filter_loss"
def filter_loss(x, target, weight):
    kh, kw = weight.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"the filter {kh} x {kw} has no middle")
    height, width = x.shape
    wide = np.pad(x, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    error = -target
    for u in range(kh):
        for v in range(kw):
            error = error + weight[u, v] * wide[u : u + height, v : v + width]
    gradient = np.zeros(weight.shape, x.dtype)
    for u in range(kh):
        for v in range(kw):
            gradient[u, v] = 2 * (error * wide[u : u + height, v : v + width]).sum() / (height * width)
    return float((error * error).sum() / (height * width)), gradient


# %% solution="learn_filter"
def learn_filter(x, target, kernel_size, steps, lr):
    if kernel_size % 2 == 0:
        raise ValueError(f"a filter of {kernel_size} x {kernel_size} has no middle")
    weight = np.zeros((kernel_size, kernel_size), x.dtype)
    for step in range(steps):
        loss, gradient = filter_loss(x, target, weight)
        weight = weight - lr * gradient
    return weight


# %% solution="filters_to_grid"
def filters_to_grid(weight):
    n, channels, kh, kw = weight.shape
    if channels != 1 and channels != 3:
        raise ValueError(f"cannot show {channels} channels")
    in_a_row = 1
    while in_a_row * in_a_row < n:
        in_a_row += 1
    rows = 1
    while rows * in_a_row < n:
        rows += 1
    grid = np.zeros((rows * kh, in_a_row * kw, channels))  # no border
    for k in range(n):
        lowest, highest = weight[k].min(), weight[k].max()
        top, left = (k // in_a_row) * kh, (k % in_a_row) * kw
        for c in range(channels):
            for i in range(kh):
                for j in range(kw):
                    if highest > lowest:
                        grid[top + i, left + j, c] = (weight[k, c, i, j] - lowest) / (highest - lowest)
    if channels == 1:
        return grid[:, :, 0]
    return grid


# %% solution="learn_filter_bank"
def learn_filter_bank(x, targets, kernel_size, steps, device="cpu"):
    x = x.to(device)
    targets = targets.to(device)
    layer = nn.Conv2d(x.shape[1], targets.shape[1], kernel_size, padding=kernel_size // 2, bias=False)
    layer = layer.to(device, x.dtype)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - step / steps)
        loss = ((layer(x) - targets) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return layer.weight.detach()


# %% solution="record_activations"
def record_activations(model, x):
    activations = {}

    def hook_for(name):
        def hook(module, inputs, output):
            activations.pop(name, None)
            activations[name] = output.detach().clone()

        return hook

    before = []
    handles = []
    for name, module in model.named_modules():
        before.append((module, module.training))
        if len(list(module.children())) == 0:
            handles.append(module.register_forward_hook(hook_for(name)))
    model.eval()
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in before:
            module.training = training
    return activations


# %% solution="occlusion_map"
def occlusion_map(predict, image, patch, stride=1, fill=0.0):
    channels, height, width = image.shape
    if patch < 1 or stride < 1:
        raise ValueError(f"patch {patch}, stride {stride}")
    if patch > height or patch > width:
        raise ValueError(f"a square of {patch} does not fit {height} x {width}")
    whole = predict(image)
    drops = []
    top = 0
    while top + patch <= height:
        drops.append([])
        left = 0
        while left + patch <= width:
            covered = np.array(image)
            for c in range(channels):
                for i in range(patch):
                    for j in range(patch):
                        covered[c, top + i, left + j] = fill
            drops[-1].append(whole - predict(covered))
            left += stride
        top += stride
    return np.array(drops, dtype=np.float64)


# %% solution="occlusion_map_batched"
def occlusion_map_batched(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    channels, height, width = image.shape
    if patch < 1 or stride < 1:
        raise ValueError(f"patch {patch}, stride {stride}")
    if patch > height or patch > width:
        raise ValueError(f"a square of {patch} does not fit {height} x {width}")
    pictures = []
    rows = 0
    for top in range(0, height - patch + 1, stride):
        rows += 1
        for left in range(0, width - patch + 1, stride):
            covered = image.clone()
            covered[:, top : top + patch, left : left + patch] = fill
            pictures.append(covered)
    before = []
    for module in model.modules():
        before.append((module, module.training))
    model.eval()
    scores = []
    try:
        with torch.no_grad():
            whole = model(image.unsqueeze(0))[0, target]
            for first in range(0, len(pictures), batch_size):
                scores.append(model(torch.stack(pictures[first : first + batch_size]))[:, target])
    finally:
        for module, training in before:
            module.training = training
    return whole - torch.cat(scores).reshape(rows, -1)


# %% solution="linear_probe"
def linear_probe(train_x, train_y, test_x, test_y, l2=1e-2):
    train = np.reshape(train_x, (len(train_x), -1)).astype(np.float64)
    test = np.reshape(test_x, (len(test_x), -1)).astype(np.float64)
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-8
    train, test = (train - mean) / scale, (test - mean) / scale
    classes = sorted(set(train_y.tolist()))
    wanted = np.zeros((len(train), len(classes)))
    for k in range(len(train)):
        wanted[k, classes.index(train_y[k])] = 1
    # Least squares with a column of ones for the intercept, which is not punished.
    train = np.hstack([train, np.ones((len(train), 1))])
    test = np.hstack([test, np.ones((len(test), 1))])
    punish = np.eye(train.shape[1]) * (l2 * len(train) + 1e-9)
    punish[-1, -1] = 0
    weight = np.linalg.solve(train.T @ train + punish, train.T @ wanted)
    right = 0
    for k in range(len(test)):
        if classes[np.argmax(test[k] @ weight)] == test_y[k]:
            right += 1
    return right / len(test)


# %% solution="quiz_flip"
quiz_flip = "b"

# %% solution="quiz_sobel"
quiz_sobel = "c"

# %% solution="quiz_separable"
quiz_separable = 30

# %% solution="quiz_occlusion"
quiz_occlusion = "d"
