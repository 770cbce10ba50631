"""Right answers to notebook 2 in other styles: plain loops, einsum, FFT, other layouts, optimisers, classifiers."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

STYLES: dict[tuple[str, str], Callable[..., Any]] = {}


def style(exercise: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def collect(function: Callable[..., Any]) -> Callable[..., Any]:
        STYLES[exercise, name] = function
        return function

    return collect


def refuse_even(*sizes):
    if any(size % 2 == 0 for size in sizes):
        raise ValueError(f"even sizes among {sizes}")


@style("correlate2d", "four loops over plain floats")
def loops(image, kernel):
    refuse_even(*kernel.shape)
    (h, w), (kh, kw) = image.shape, kernel.shape
    y = np.zeros_like(image)
    for i in range(h):
        for j in range(w):
            total = 0.0
            for u in range(kh):
                for v in range(kw):
                    row, column = i + u - kh // 2, j + v - kw // 2
                    if 0 <= row < h and 0 <= column < w:
                        total += float(image[row, column]) * float(kernel[u, v])
            y[i, j] = total
    return y


@style("correlate2d", "sliding windows and einsum")
def windows(image, kernel):
    refuse_even(*kernel.shape)
    kh, kw = kernel.shape
    padded = np.pad(image, ((kh // 2,), (kw // 2,)))
    return np.einsum("hwij,ij->hw", sliding_window_view(padded, kernel.shape), kernel).astype(image.dtype)


@style("correlate2d", "Fourier transform")
def fourier(image, kernel):
    refuse_even(*kernel.shape)
    (h, w), (kh, kw) = image.shape, kernel.shape
    size = (h + kh - 1, w + kw - 1)
    product = np.fft.rfft2(image, size) * np.fft.rfft2(kernel[::-1, ::-1], size)
    full = np.fft.irfft2(product, size)
    return full[kh // 2 : kh // 2 + h, kw // 2 : kw // 2 + w].astype(image.dtype)


@style("correlate2d", "a frame filled by hand, one window after the other")
def _(image, kernel):
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError("even")
    h, w = image.shape
    framed = np.zeros((h + kh - 1, w + kw - 1), dtype=image.dtype)
    framed[kh // 2 : kh // 2 + h, kw // 2 : kw // 2 + w] = image
    rows = [[(framed[i : i + kh, j : j + kw] * kernel).sum() for j in range(w)] for i in range(h)]
    return np.array(rows, dtype=image.dtype)


@style("correlate2d", "PyTorch")
def by_torch(image, kernel):
    refuse_even(*kernel.shape)
    x, weight = (torch.from_numpy(np.array(a, image.dtype))[None, None] for a in (image, kernel))
    return F.conv2d(x, weight, padding=(kernel.shape[0] // 2, kernel.shape[1] // 2))[0, 0].numpy()


@style("convolve2d", "correlation with the kernel turned")
def _(image, kernel):
    return windows(image, np.flip(kernel))


@style("convolve2d", "two quarter turns")
def _(image, kernel):
    return loops(image, np.rot90(kernel, 2))


@style("convolve2d", "stamps: every pixel spreads the kernel")
def _(image, kernel):
    refuse_even(*kernel.shape)
    (h, w), (kh, kw) = image.shape, kernel.shape
    full = np.zeros((h + kh - 1, w + kw - 1), image.dtype)
    for i, j in np.ndindex(h, w):
        full[i : i + kh, j : j + kw] += (image[i, j] * kernel).astype(image.dtype)
    return full[kh // 2 : kh // 2 + h, kw // 2 : kw // 2 + w].copy()


@style("convolve2d", "Fourier transform")
def _(image, kernel):
    return fourier(image, kernel[::-1, ::-1])


@style("convolve2d", "picture turned, correlated, turned back")
def _(image, kernel):
    return windows(image[::-1, ::-1], kernel)[::-1, ::-1]


@style("image_gradients", "differences of slices")
def _(image):
    p = np.pad(image, 1)
    smooth_down = p[:-2] + 2 * p[1:-1] + p[2:]
    smooth_right = p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]
    gx = smooth_down[:, 2:] - smooth_down[:, :-2]
    gy = smooth_right[2:] - smooth_right[:-2]
    return gx, gy, np.sqrt(gx**2 + gy**2), np.arctan2(gy, gx)


@style("image_gradients", "Fourier transform, complex numbers")
def _(image):
    gx = fourier(image, np.outer([1, 2, 1], [-1, 0, 1]))
    gy = fourier(image, np.outer([-1, 0, 1], [1, 2, 1]))
    arrow = gx + 1j * gy
    return gx, gy, np.abs(arrow).astype(image.dtype), np.angle(arrow).astype(image.dtype)


@style("image_gradients", "PyTorch, the upward filter with its sign changed")
def _(image):
    right = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    weight = torch.stack([right, right.T.flip(0)])[:, None].to(
        torch.from_numpy(np.ones(1, image.dtype)).dtype
    )
    gx, up = F.conv2d(torch.from_numpy(image.copy())[None, None], weight, padding=1)[0]
    gy = -up
    return [gx.numpy(), gy.numpy(), torch.hypot(gx, gy).numpy(), torch.atan2(gy, gx).numpy()]


@style("image_gradients", "loops with plain floats")
def _(image):
    gx = loops(image, np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]))
    gy = loops(image, np.array([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]))
    angle = np.array(
        [[math.atan2(b, a) for a, b in zip(*rows, strict=True)] for rows in zip(gx, gy, strict=True)]
    )
    return gx, gy, np.sqrt(np.square(gx) + np.square(gy)), angle.astype(image.dtype)


def check_bell(size, sigma):
    if size <= 0 or size % 2 != 1 or sigma <= 0:
        raise ValueError(f"bad size {size} or sigma {sigma}")


@style("gaussian_kernel", "outer product of two rows")
def _(size, sigma):
    check_bell(size, sigma)
    x = np.linspace(-(size // 2), size // 2, size)
    row = np.exp(-0.5 * (x / sigma) ** 2)
    row /= row.sum()
    return np.outer(row, row)


@style("gaussian_kernel", "a grid of distances")
def _(size, sigma):
    check_bell(size, sigma)
    y, x = np.mgrid[:size, :size] - (size - 1) // 2
    kernel = np.exp(-(np.hypot(x, y) ** 2) / 2 / sigma**2) / (2 * np.pi * sigma**2)
    return kernel / np.sum(kernel)


@style("gaussian_kernel", "loops with math.exp")
def _(size, sigma):
    check_bell(size, sigma)
    middle = size // 2
    weights = [
        [math.exp(-((i - middle) ** 2 + (j - middle) ** 2) / (2 * sigma * sigma)) for j in range(size)]
        for i in range(size)
    ]
    total = math.fsum(map(math.fsum, weights))
    return np.array([[weight / total for weight in row] for row in weights])


@style("separate", "pivot: the row and column of the largest weight")
def _(kernel):
    i, j = np.unravel_index(np.abs(kernel).argmax(), kernel.shape)
    if kernel[i, j] == 0:
        return kernel[:, 0].copy(), kernel[0].copy()
    column, row = kernel[:, j].copy(), kernel[i] / kernel[i, j]
    error = np.abs(np.outer(column, row) - kernel).max()
    return (column, row) if error <= 1e-5 * np.abs(kernel[i, j]) else None


@style("separate", "matrix rank, then singular vectors as a column and a row with two axes")
def _(kernel):
    if np.linalg.matrix_rank(kernel) > 1:
        return None
    u, s, vt = np.linalg.svd(kernel)
    root = np.sqrt(s[0])
    return u[:, :1] * root, vt[:1] * root


@style("separate", "eigenvector of K Kᵀ")
def _(kernel):
    exact = kernel.astype(float) / (np.abs(kernel).max() or 1)
    column = np.linalg.eigh(exact @ exact.T)[1][:, -1]
    row = column @ exact
    if np.linalg.norm(np.outer(column, row) - exact) > 1e-5 * np.linalg.norm(exact):
        return None
    return [column, row * (np.abs(kernel).max() or 1)]


@style("separate", "a power iteration")
def _(kernel):
    row = kernel[np.abs(kernel).sum(axis=1).argmax()].astype(float)
    if not row.any():
        return np.zeros(kernel.shape[0]), np.zeros(kernel.shape[1])
    scaled = kernel / np.abs(kernel).max()
    for _ in range(3):
        row = scaled.T @ (scaled @ row)
        row /= np.linalg.norm(row)
    column = kernel @ row
    residue = kernel - column[:, None] * row
    return (column, row) if np.abs(residue).max() < 1e-5 * np.abs(kernel).max() else None


@style("filter_separable", "sliding windows along one axis, then the other")
def _(image, column, row):
    column, row = np.ravel(column), np.ravel(row)
    refuse_even(len(column), len(row))
    down = np.pad(image, ((len(column) // 2,) * 2, (0, 0)))
    y = sliding_window_view(down, len(column), axis=0) @ column
    y = sliding_window_view(np.pad(y, ((0, 0), (len(row) // 2,) * 2)), len(row), axis=1) @ row
    return y.astype(image.dtype)


@style("filter_separable", "np.convolve for each column and row")
def _(image, column, row):
    column, row = np.asarray(column).flatten(), np.asarray(row).flatten()
    refuse_even(column.size, row.size)

    def along(line, weights):
        start = len(weights) // 2
        return np.convolve(line, weights[::-1])[start : start + len(line)]

    y = np.apply_along_axis(along, 0, image, column)
    return np.apply_along_axis(along, 1, y, row).astype(image.dtype)


@style("filter_separable", "row first, padded both ways at once, shift and add")
def _(image, column, row):
    column, row = np.squeeze(column), np.squeeze(row)
    column, row = np.atleast_1d(column), np.atleast_1d(row)
    refuse_even(len(column), len(row))
    h, w = image.shape
    padded = np.pad(image, ((len(column) // 2,), (len(row) // 2,)))
    across = sum(padded[:, v : v + w] * row[v] for v in range(len(row)))
    return sum(across[u : u + h] * column[u] for u in range(len(column))).astype(image.dtype)


@style("filter_separable", "loops over pixels")
def _(image, column, row):
    column, row = column.reshape(-1), row.reshape(-1)
    refuse_even(len(column), len(row))
    h, w = image.shape
    between, y = np.zeros((h, w)), np.zeros((h, w), image.dtype)
    for i, j in np.ndindex(h, w):
        for u in range(len(column)):
            if 0 <= i + u - len(column) // 2 < h:
                between[i, j] += image[i + u - len(column) // 2, j] * column[u]
    for i, j in np.ndindex(h, w):
        total = 0.0
        for v in range(len(row)):
            if 0 <= j + v - len(row) // 2 < w:
                total += between[i, j + v - len(row) // 2] * row[v]
        y[i, j] = total
    return y


@style("filter_separable", "matrices with bands")
def _(image, column, row):
    column, row = np.ravel(column), np.ravel(row)
    refuse_even(len(column), len(row))

    def band(weights, size):
        matrix = np.zeros((size, size + len(weights) - 1))
        for i in range(size):
            matrix[i, i : i + len(weights)] = weights
        return matrix[:, len(weights) // 2 : len(weights) // 2 + size]

    return (band(column, image.shape[0]) @ image @ band(row, image.shape[1]).T).astype(image.dtype)


def check_bank(n, size, sigma):
    if n < 1:
        raise ValueError(f"{n} filters")
    if size < 3 or size % 2 == 0:
        raise ValueError(f"size {size}")
    if sigma <= 0:
        raise ValueError(f"sigma {sigma}")


@style("oriented_filters", "one filter after the other")
def _(n, size, sigma):
    check_bank(n, size, sigma)
    y, x = np.mgrid[:size, :size] - size // 2
    filters = []
    for k in range(n):
        angle = k * math.pi / n
        one = (x * math.cos(angle) + y * math.sin(angle)) * np.exp(-(x**2 + y**2) / 2 / sigma**2)
        filters.append(one / np.linalg.norm(one))
    return np.array(filters)[:, np.newaxis]


@style("oriented_filters", "steered from two basis filters, float32")
def _(n, size, sigma):
    check_bank(n, size, sigma)
    r = np.arange(size, dtype=np.float32) - size // 2
    bell = np.exp(-(r**2) / (2 * sigma**2)).astype(np.float32)
    right = np.outer(bell, bell * r)
    right /= np.sqrt(np.sum(right**2))
    angles = np.linspace(0, np.pi, n, endpoint=False).astype(np.float32)
    bank = np.einsum("k,ij->kij", np.cos(angles), right) + np.einsum("k,ij->kij", np.sin(angles), right.T)
    return bank.reshape(n, 1, size, size)


@style("oriented_filters", "minus the derivative of a bell in turned coordinates, made odd")
def _(n, size, sigma):
    check_bank(n, size, sigma)
    bank = np.empty((n, 1, size, size))
    r = np.arange(-(size // 2), size // 2 + 1)
    for k in range(n):
        c, s = np.cos(np.pi * k / n), np.sin(np.pi * k / n)
        u, v = c * r[None] + s * r[:, None], -s * r[None] + c * r[:, None]
        derivative = -u / sigma**2 * np.exp(-(u**2 + v**2) / (2 * sigma**2))
        odd = -(derivative - derivative[::-1, ::-1]) / 2
        bank[k, 0] = odd / (odd**2).sum() ** 0.5
    return bank


@style("oriented_filters", "differences of two bells, half a pixel to either side")
def _(n, size, sigma):
    check_bank(n, size, sigma)
    r = np.arange(size) - size // 2
    bank = []
    for angle in np.pi * np.arange(n) / n:
        right, down = np.cos(angle) / 2, np.sin(angle) / 2
        near, far = (
            np.exp(-((r[None] - sign * right) ** 2 + (r[:, None] - sign * down) ** 2) / (2 * sigma**2))
            for sign in (1, -1)
        )
        bank.append([(near - far) / np.linalg.norm(near - far)])
    return np.array(bank)


@style("oriented_filters", "complex numbers")
def _(n, size, sigma):
    check_bank(n, size, sigma)
    r = np.arange(size) - (size - 1) / 2
    z = r[None] + 1j * r[:, None]
    turned = z[None] * np.exp(-1j * np.pi * np.arange(n) / n)[:, None, None]
    bank = turned.real * np.exp(-(np.abs(z) ** 2) / (2 * sigma**2))
    return (bank / np.linalg.norm(bank.reshape(n, -1), axis=1)[:, None, None])[:, None]


@style("filter_loss", "sliding windows and einsum")
def window_loss(x, target, weight):
    kh, kw = weight.shape
    seen = sliding_window_view(np.pad(x, ((kh // 2,), (kw // 2,))), (kh, kw))
    error = np.einsum("hwij,ij->hw", seen, weight) - target
    gradient = 2 * np.einsum("hw,hwij->ij", error, seen) / x.size
    return np.mean(error**2), gradient.astype(x.dtype)


@style("filter_loss", "automatic differentiation")
def _(x, target, weight):
    refuse_even(*weight.shape)
    x_, target_, weight_ = (torch.from_numpy(np.array(a, x.dtype)) for a in (x, target, weight))
    x_, target_ = x_[None, None], target_[None, None]
    weight_.requires_grad_()
    y = F.conv2d(x_, weight_[None, None], padding=tuple(k // 2 for k in weight.shape))
    loss = F.mse_loss(y, target_)
    loss.backward()
    return loss.item(), weight_.grad.numpy()


@style("filter_loss", "a matrix of windows, least squares")
def _(x, target, weight):
    refuse_even(*weight.shape)
    kh, kw = weight.shape
    padded = np.pad(x, ((kh // 2,), (kw // 2,)))
    matrix = sliding_window_view(padded, (kh, kw)).reshape(x.size, -1)
    error = matrix @ weight.reshape(-1) - target.reshape(-1)
    gradient = (2 / len(error) * matrix.T @ error).reshape(kh, kw)
    return [error @ error / len(error), gradient.astype(x.dtype)]


@style("filter_loss", "the gradient as a correlation of the picture with the errors")
def _(x, target, weight):
    error = by_torch(x, weight) - target.astype(x.dtype)
    kh, kw = weight.shape
    padded = torch.from_numpy(np.pad(x, ((kh // 2,), (kw // 2,))))[None, None]
    gradient = F.conv2d(padded, torch.from_numpy(error)[None, None])[0, 0] * 2 / x.size
    return float(np.square(error).mean()), gradient.numpy()


@style("learn_filter", "weights in place")
def _(x, target, kernel_size, steps, lr):
    weight = np.zeros((kernel_size, kernel_size), dtype=x.dtype)
    for _ in range(steps):
        weight -= (lr * window_loss(x, target, weight)[1]).astype(x.dtype)
    return weight


@style("learn_filter", "torch.optim.SGD")
def _(x, target, kernel_size, steps, lr):
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel size {kernel_size}")
    x_, target_ = (torch.from_numpy(np.array(a, x.dtype))[None, None] for a in (x, target))
    weight = torch.zeros(1, 1, kernel_size, kernel_size, dtype=x_.dtype, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        ((F.conv2d(x_, weight, padding=kernel_size // 2) - target_) ** 2).mean().backward()
        optimizer.step()
    return weight.detach().numpy()[0, 0]


@style("learn_filter", "the normal equations, step by step")
def _(x, target, kernel_size, steps, lr):
    refuse_even(kernel_size)
    seen = (
        sliding_window_view(np.pad(x, kernel_size // 2), (kernel_size,) * 2).reshape(x.size, -1).astype(float)
    )
    square, pull = seen.T @ seen / x.size, seen.T @ target.reshape(-1) / x.size
    weight = np.zeros(kernel_size**2)
    while steps > 0:
        weight, steps = weight - 2 * lr * (square @ weight - pull), steps - 1
    return weight.reshape(kernel_size, kernel_size).astype(x.dtype)


def shades(weight):
    n, c = weight.shape[:2]
    if c not in {1, 3}:
        raise ValueError(f"{c} channels")
    low = weight.reshape(n, -1).min(axis=1).reshape(n, 1, 1, 1)
    spread = weight.reshape(n, -1).max(axis=1).reshape(n, 1, 1, 1) - low
    tiles = np.divide(weight - low, spread, out=np.zeros(weight.shape), where=spread > 0)
    return tiles.transpose(0, 2, 3, 1)


@style("filters_to_grid", "one long row, no border")
def _(weight):
    return (
        np.concatenate(list(shades(weight)), axis=1).squeeze(-1)
        if weight.shape[1] == 1
        else np.hstack(shades(weight))
    )


@style("filters_to_grid", "one column, a black border of two around everything")
def _(weight):
    tiles = np.pad(shades(weight), ((0, 0), (0, 2), (2, 2), (0, 0)))
    grid = np.vstack([np.zeros((2, *tiles.shape[2:])), *tiles])
    return grid if weight.shape[1] == 3 else grid[:, :, 0]


@style("filters_to_grid", "by reshape, filled up, float32")
def _(weight):
    tiles = shades(weight).astype(np.float32)
    n, kh, kw, c = tiles.shape
    columns = math.isqrt(n - 1) + 1
    rows = math.ceil(n / columns)
    full = np.full((rows * columns, kh, kw, c), 0.5, np.float32)
    full[:n] = tiles
    grid = full.reshape(rows, columns, kh, kw, c).swapaxes(1, 2).reshape(rows * kh, columns * kw, c)
    return grid[..., 0] if c == 1 else grid


@style("filters_to_grid", "eight in a row, grey gaps at the right and below each")
def _(weight):
    tiles = np.pad(shades(weight), ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=0.5)
    n, kh, kw, c = tiles.shape
    grid = np.full((-(-n // 8) * kh, 8 * kw, c), 0.5)
    for k, (i, j) in zip(range(n), itertools.product(range(n), range(8)), strict=False):
        grid[i * kh : (i + 1) * kh, j * kw : (j + 1) * kw] = tiles[k]
    return grid if c == 3 else grid[:, :, 0]


@style("filters_to_grid", "a gap of three and a frame of one")
def _(weight):
    tiles = shades(weight)
    n, kh, kw, c = tiles.shape
    columns = min(n, 4)
    rows = -(-n // columns)
    grid = np.ones((rows * (kh + 3) - 1, columns * (kw + 3) - 1, c))
    for k, tile in enumerate(tiles):
        top, left = 1 + k // columns * (kh + 3), 1 + k % columns * (kw + 3)
        grid[top : top + kh, left : left + kw] = tile
    return grid if c == 3 else grid[:, :, 0]


def bank_of(x, targets, kernel_size, device):
    shape = (targets.size(1), x.size(1), kernel_size, kernel_size)
    return x.to(device), targets.to(device), torch.zeros(shape, dtype=x.dtype, device=device)


@style("learn_filter_bank", "plain gradient descent by hand")
def _(x, targets, kernel_size, steps, device="cpu"):
    x, targets, weight = bank_of(x, targets, kernel_size, device)
    for _ in range(steps):
        weight.requires_grad_()
        loss = (F.conv2d(x, weight, padding="same") - targets).square().mean()
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = (weight - 0.3 * gradient).detach()
    return weight


@style("learn_filter_bank", "a layer and SGD with momentum, losses kept")
def _(x, targets, kernel_size, steps, device="cpu"):
    x, targets = x.to(device), targets.to(device)
    layer = nn.Conv2d(x.shape[1], targets.shape[1], kernel_size, padding=kernel_size // 2, bias=False)
    layer.to(device=device, dtype=x.dtype)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.8)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.MSELoss()(layer(x), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return layer.weight.data


@style("learn_filter_bank", "Adam with a small rate, the sum over filters")
def _(x, targets, kernel_size, steps, device="cpu"):
    x, targets, weight = bank_of(x, targets, kernel_size, device)
    weight = nn.Parameter(weight)
    optimizer = torch.optim.Adam([weight], lr=0.02)
    for _ in range(steps):
        y = F.conv2d(x, weight, padding=(kernel_size // 2, kernel_size // 2))
        loss = ((y - targets) ** 2).mean(dim=(0, 2, 3)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return weight.clone()


@style("learn_filter_bank", "LBFGS by unfolding")
def _(x, targets, kernel_size, steps, device="cpu"):
    x, targets, weight = bank_of(x, targets, kernel_size, torch.device(device))
    columns = F.unfold(x, kernel_size, padding=kernel_size // 2)
    weight.requires_grad_(True)
    optimizer = torch.optim.LBFGS([weight], max_iter=steps)

    def closure():
        optimizer.zero_grad()
        loss = (weight.flatten(1) @ columns - targets.flatten(2)).pow(2).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach()


@style("record_activations", "a class for the hooks")
def _(model, x):
    class Recorder:
        def __init__(self, name, store):
            self.name, self.store = name, store

        def __call__(self, module, inputs, output):
            self.store.pop(self.name, None)
            self.store[self.name] = output.clone().detach()

    before = {module: module.training for module in model.modules()}
    store, handles = {}, []
    try:
        for name, module in model.named_modules():
            if len(list(module.children())) == 0:
                handles.append(module.register_forward_hook(Recorder(name, store)))
        model.train(False)
        model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in before.items():
            module.train(mode) if not list(module.children()) else setattr(module, "training", mode)
    return store


@style("record_activations", "inference mode, a default argument")
def _(model, x):
    found, handles, training = {}, [], [m for m in model.modules() if m.training]
    for name, module in model.named_modules():
        if not any(module.children()):

            def hook(module, inputs, output, name=name):
                found[name] = output.detach().cpu().clone().to(output.device)

            handles.append(module.register_forward_hook(hook))
    model.eval()
    try:
        with torch.inference_mode():
            model(x.clone())
    finally:
        [handle.remove() for handle in handles]
        for module in training:
            module.training = True
    return {name: value.clone() for name, value in found.items()}


@style("record_activations", "one hook for all modules there are")
def _(model, x):
    names = {module: name for name, module in model.named_modules() if not list(module.children())}
    seen = {}

    def hook(module, inputs, output):
        if module in names:
            seen[names[module]] = torch.empty_like(output).copy_(output).detach()

    modes = {name: module.training for name, module in model.named_modules()}
    handle = nn.modules.module.register_module_forward_hook(hook)
    try:
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        handle.remove()
        for name, module in model.named_modules():
            module.training = modes[name]
    return seen


def check_square(height, width, patch, stride):
    if patch <= 0 or stride <= 0:
        raise ValueError(f"patch {patch}, stride {stride}")
    if patch > height or patch > width:
        raise ValueError(f"{patch} does not fit {height} x {width}")


@style("occlusion_map", "a mask")
def _(predict, image, patch, stride=1, fill=0.0):
    h, w = image.shape[1:]
    check_square(h, w, patch, stride)
    rows, columns = range(0, h - patch + 1, stride), range(0, w - patch + 1, stride)
    answer = np.zeros((len(rows), len(columns)))
    for a, i in enumerate(rows):
        for b, j in enumerate(columns):
            mask = np.zeros((h, w), bool)
            mask[i : i + patch, j : j + patch] = True
            answer[a, b] = predict(image) - predict(np.where(mask, np.asarray(fill, image.dtype), image))
    return answer


@style("occlusion_map", "one copy, put right again after each square")
def _(predict, image, patch, stride=1, fill=0.0):
    check_square(*image.shape[1:], patch, stride)
    copy, whole, drops = image.copy(), predict(image), []
    for i in range(0, image.shape[1] - patch + 1, stride):
        drops.append([])
        for j in range(0, image.shape[2] - patch + 1, stride):
            here = np.s_[:, i : i + patch, j : j + patch]
            copy[here] = fill
            drops[-1].append(whole - predict(copy))
            copy[here] = image[here]
    return np.array(drops)


@style("occlusion_map", "all covered pictures first")
def _(predict, image, patch, stride=1, fill=0.0):
    _, h, w = image.shape
    check_square(h, w, patch, stride)
    shape = ((h - patch) // stride + 1, (w - patch) // stride + 1)
    stack = np.repeat(image[None], shape[0] * shape[1], axis=0)
    for n, (i, j) in enumerate(np.ndindex(*shape)):
        stack[n, :, i * stride : i * stride + patch, j * stride : j * stride + patch] = fill
    return predict(image) - np.array([predict(one) for one in stack]).reshape(shape)


@style("occlusion_map_batched", "a generator of covered pictures")
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    _, h, w = image.shape
    check_square(h, w, patch, stride)
    corners = list(itertools.product(range(0, h - patch + 1, stride), range(0, w - patch + 1, stride)))

    def covered(i, j):
        one = image.clone()
        one[..., i : i + patch, j : j + patch] = fill
        return one

    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.inference_mode():
            whole = model(image.unsqueeze(0))[0, target].item()
            drops = []
            while len(drops) < len(corners):
                batch = torch.stack(
                    [covered(*corner) for corner in corners[len(drops) : len(drops) + batch_size]]
                )
                drops.extend((whole - model(batch)[:, target]).tolist())
    finally:
        for module in training:
            module.training = True
    rows = (h - patch) // stride + 1
    return torch.tensor(drops, dtype=image.dtype, device=image.device).reshape(rows, -1)


@style("occlusion_map_batched", "masks, all pictures made at once, split into batches")
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    h, w = image.shape[-2:]
    check_square(h, w, patch, stride)
    rows, columns = (h - patch) // stride + 1, (w - patch) // stride + 1
    i = torch.arange(h, device=image.device) - torch.arange(rows, device=image.device)[:, None] * stride
    j = torch.arange(w, device=image.device) - torch.arange(columns, device=image.device)[:, None] * stride
    inside_i, inside_j = (i >= 0) & (i < patch), (j >= 0) & (j < patch)
    mask = (inside_i[:, None, :, None] & inside_j[None, :, None, :]).flatten(0, 1)[:, None]
    pictures = torch.where(mask, torch.full_like(image, fill), image)
    states = {module: module.training for module in model.modules()}
    try:
        model.train(False)
        scores = torch.cat([model(part).detach()[:, target] for part in pictures.split(batch_size)])
        return model(image[None]).detach()[0, target] - scores.view(rows, columns)
    finally:
        for module, state in states.items():
            module.training = state


@style("occlusion_map_batched", "one picture after the other")
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    check_square(image.shape[1], image.shape[2], patch, stride)
    modes = [module.training for module in model.modules()]

    @torch.no_grad()
    def score(picture):
        return model(picture[None])[0][target]

    model.eval()
    try:
        whole = score(image)
        drops = []
        for i in range(0, image.shape[1] - patch + 1, stride):
            for j in range(0, image.shape[2] - patch + 1, stride):
                covered = image.detach().clone()
                covered[:, i : i + patch, j : j + patch] = fill
                drops.append(whole - score(covered))
    finally:
        for module, mode in zip(model.modules(), modes, strict=True):
            module.training = mode
    return torch.stack(drops).unflatten(0, ((image.shape[1] - patch) // stride + 1, -1))


def rows_of(x):
    return np.asarray(x, float).reshape(len(x), -1)


@style("linear_probe", "least squares with extra rows for the penalty")
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    x, test = rows_of(train_x), rows_of(test_x)
    classes, codes = np.unique(train_y, return_inverse=True)
    d = x.shape[1]
    penalty = np.column_stack([np.sqrt(l2) * np.eye(d), np.zeros(d)])
    matrix = np.vstack([np.column_stack([x, np.ones(len(x))]), penalty])
    wanted = np.vstack([np.eye(len(classes))[codes], np.zeros((d, len(classes)))])
    weight = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    scores = np.column_stack([test, np.ones(len(test))]) @ weight
    return np.mean(classes[scores.argmax(axis=1)] == test_y)


@style("linear_probe", "softmax regression by LBFGS")
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    x, test = torch.tensor(rows_of(train_x)), torch.tensor(rows_of(test_x))
    mean, std = x.mean(0), x.std(0)
    std = torch.where(std > 0, std, torch.ones_like(std))
    x, test = (x - mean) / std, (test - mean) / std
    classes, y = torch.unique(torch.tensor(train_y), return_inverse=True)
    weight = torch.zeros(x.shape[1], len(classes), dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(len(classes), dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, y) + l2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    guesses = classes[(test @ weight + bias).argmax(1)]
    return (guesses == torch.tensor(test_y)).float().mean().item()


@style("linear_probe", "softmax regression by gradient descent, step by step")
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    x, test = rows_of(train_x), rows_of(test_x)
    centre, spread = x.mean(0), x.std(0) + 1e-12
    x, test = (x - centre) / spread, (test - centre) / spread
    spread_of_all = np.linalg.norm(x, 2) ** 2 / len(x)
    classes = sorted(set(train_y.tolist()))
    wanted = np.array([[float(y == c) for c in classes] for y in train_y])
    weight, bias = np.zeros((x.shape[1], len(classes))), np.log(wanted.mean(0))
    for _ in range(800):
        scores = x @ weight + bias
        chances = np.exp(scores - scores.max(1, keepdims=True))
        error = chances / chances.sum(1, keepdims=True) - wanted
        weight -= (x.T @ error / len(x) + 2 * l2 * weight) / (spread_of_all + 2 * l2)
        bias -= error.mean(0)
    guesses = np.array(classes)[(test @ weight + bias).argmax(1)]
    return float(np.count_nonzero(guesses == test_y) / len(test_y))


@style("linear_probe", "ridge regression in the dual, on labels of minus and plus one")
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    x, test = rows_of(train_x), rows_of(test_x)
    mean = x.mean(axis=0)
    x, test = x - mean, test - mean
    classes = np.unique(train_y)
    wanted = np.where(train_y[:, None] == classes, 1.0, -1.0)
    gram = x @ x.T + (l2 + 1e-8) * np.eye(len(x))
    scores = test @ x.T @ np.linalg.solve(gram, wanted - wanted.mean(axis=0)) + wanted.mean(axis=0)
    return (classes[np.argmax(scores, axis=1)] == test_y).mean()


@style("learn_filter_bank", "the device as a context, a schedule by hand")
def _(x, targets, kernel_size, steps, device="cpu"):
    with torch.device(device):
        weight = torch.zeros(targets.shape[1], x.shape[1], kernel_size, kernel_size, dtype=x.dtype)
        x, targets = torch.as_tensor(x, device=device), torch.as_tensor(targets, device=device)
    weight.requires_grad_()
    optimizer = torch.optim.Adam([weight], lr=0.05)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.05 if 2 * step < steps else 0.01
        optimizer.zero_grad()
        answers = F.conv2d(x, weight.to(x), padding="same")
        (answers - targets.to(answers)).square().mean().backward()
        optimizer.step()
    return weight.detach()


@style("record_activations", "copies into empty_like")
def _(model, x):
    kept, modes = {}, {module: module.training for module in model.modules()}

    def keep(name, output):
        kept[name] = torch.empty_like(output, requires_grad=False)
        kept[name].copy_(output.detach(), non_blocking=True)

    leaves = [(name, module) for name, module in model.named_modules() if not [*module.children()]]
    hooks = [
        m.register_forward_hook(lambda _, __, output, name=name: keep(name, output)) for name, m in leaves
    ]
    try:
        with torch.no_grad():
            model.eval()(x)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return kept


@style("occlusion_map_batched", "a map from new_empty, masks from ones_like")
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    _, h, w = image.shape
    check_square(h, w, patch, stride)
    drops = image.new_empty((h - patch) // stride + 1, (w - patch) // stride + 1)
    modes = [(module, module.training) for module in model.modules()]
    with torch.no_grad():
        model.eval()
        try:
            whole = model(image[None])[0, target]
            places = torch.arange(drops.numel(), device=image.device).split(batch_size)
            for part in places:
                masks = torch.ones_like(image).repeat(len(part), 1, 1, 1).bool()
                for mask, place in zip(masks, part.tolist(), strict=True):
                    top, left = (number * stride for number in divmod(place, drops.shape[1]))
                    mask[:, top : top + patch, left : left + patch] = False
                covered = torch.where(
                    masks, image, torch.tensor(fill, dtype=image.dtype, device=image.device)
                )
                drops.view(-1)[part] = whole - model(covered)[:, target]
        finally:
            for module, mode in modes:
                module.training = mode
    return drops
