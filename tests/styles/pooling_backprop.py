"""Right answers to notebook 3 in other styles: plain loops, sliding windows, masks, PyTorch, …"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from torch import nn

STYLES: dict[tuple[str, str], Callable[..., Any]] = {}


def style(exercise: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def collect(function: Callable[..., Any]) -> Callable[..., Any]:
        STYLES[exercise, name] = function
        return function

    return collect


def sizes(x, kernel_size, stride):
    stride = kernel_size if stride is None else stride
    if kernel_size < 1 or stride < 1:
        raise ValueError("numbers below 1")
    if x.shape[2] < kernel_size or x.shape[3] < kernel_size:
        raise ValueError("no window fits")
    return stride, (x.shape[2] - kernel_size) // stride + 1, (x.shape[3] - kernel_size) // stride + 1


@style("max_pool2d", "plain loops over pixels")
def _(x, kernel_size, stride=None):
    stride, h_out, w_out = sizes(x, kernel_size, stride)
    y = np.empty((*x.shape[:2], h_out, w_out), x.dtype)
    argmax = np.zeros(y.shape, int)
    for n, c, i, j in np.ndindex(*y.shape):
        where = i * stride, j * stride
        for row in range(i * stride, i * stride + kernel_size):
            for column in range(j * stride, j * stride + kernel_size):
                if x[n, c, row, column] > x[n, c, where[0], where[1]]:
                    where = row, column
        y[n, c, i, j] = x[n, c, where[0], where[1]]
        argmax[n, c, i, j] = where[0] * x.shape[3] + where[1]
    return y, argmax


@style("max_pool2d", "sliding windows, int32")
def _(x, kernel_size, stride=None):
    stride, h_out, w_out = sizes(x, kernel_size, stride)
    windows = sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))[:, :, ::stride, ::stride]
    flat = windows.reshape(*windows.shape[:4], kernel_size**2)
    row, column = np.unravel_index(flat.argmax(-1), (kernel_size, kernel_size))
    i, j = np.indices((h_out, w_out))
    return flat.max(-1), ((row + i * stride) * x.shape[3] + column + j * stride).astype(np.int32)


@style("max_pool2d", "one window at a time, for all images")
def _(x, kernel_size, stride=None):
    stride, h_out, w_out = sizes(x, kernel_size, stride)
    n, c, _, width = x.shape
    y, argmax = np.zeros((n, c, h_out, w_out), x.dtype), np.zeros((n, c, h_out, w_out), np.int64)
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * stride, j * stride
            patch = x[:, :, top : top + kernel_size, left : left + kernel_size].reshape(n, c, -1)
            best = np.argmax(patch, axis=2)
            y[:, :, i, j] = np.take_along_axis(patch, best[:, :, None], axis=2)[..., 0]
            argmax[:, :, i, j] = (top + best // kernel_size) * width + left + best % kernel_size
    return [y, argmax]


@style("max_pool2d", "places taken from an array of places, a tuple of uint64")
def _(x, kernel_size, stride=None):
    stride, _, _ = sizes(x, kernel_size, stride)
    places = np.broadcast_to(np.arange(x[0, 0].size).reshape(x.shape[2:]), x.shape)
    shape = (kernel_size, kernel_size)
    of_x, of_places = (
        sliding_window_view(array, shape, axis=(2, 3))[:, :, ::stride, ::stride].reshape(
            *x.shape[:2], -1, kernel_size**2
        )
        for array in (x, places)
    )
    best = of_x.argmax(-1)[..., None]
    _, h_out, w_out = sizes(x, kernel_size, stride)
    y, argmax = (np.take_along_axis(array, best, -1)[..., 0] for array in (of_x, of_places))
    return y.reshape(*x.shape[:2], h_out, w_out), argmax.reshape(*x.shape[:2], h_out, w_out).astype("uint64")


@style("avg_pool2d", "plain loops")
def _(x, kernel_size, stride=None):
    stride, h_out, w_out = sizes(x, kernel_size, stride)
    y = np.empty((*x.shape[:2], h_out, w_out), x.dtype)
    for i, j in itertools.product(range(h_out), range(w_out)):
        patch = x[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
        y[:, :, i, j] = patch.mean(axis=(2, 3))
    return y


@style("avg_pool2d", "sliding windows")
def _(x, kernel_size, stride=None):
    stride, _, _ = sizes(x, kernel_size, stride)
    windows = sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    return np.mean(windows[:, :, ::stride, ::stride], axis=(4, 5), dtype=x.dtype)


@style("avg_pool2d", "sums of sums")
def _(x, kernel_size, stride=None):
    stride, h_out, w_out = sizes(x, kernel_size, stride)
    total = np.zeros((*x.shape[:2], x.shape[2] + 1, x.shape[3] + 1))
    total[:, :, 1:, 1:] = x.cumsum(axis=2, dtype=float).cumsum(axis=3)
    rows, columns = np.arange(h_out)[:, None] * stride, np.arange(w_out) * stride
    down, right = rows + kernel_size, columns + kernel_size
    corners = total[:, :, down, right] - total[:, :, rows, right] - total[:, :, down, columns]
    return ((corners + total[:, :, rows, columns]) / kernel_size**2).astype(x.dtype)


@style("avg_pool2d", "as_strided and einsum")
def _(x, kernel_size, stride=None):
    stride, h_out, w_out = sizes(x, kernel_size, stride)
    n, c, h, w = x.strides
    shape = (*x.shape[:2], h_out, w_out, kernel_size, kernel_size)
    windows = as_strided(x, shape, (n, c, h * stride, w * stride, h, w), writeable=False)
    return np.einsum("nchwij->nchw", windows) / x.dtype.type(kernel_size * kernel_size)


@style("shift_stability", "a list of floats")
def _(layer, images, shifts):
    still = np.asarray(layer(images), dtype=float)
    norm = math.sqrt((still**2).sum())
    return [math.sqrt(((layer(np.roll(images, s, -1)) - still) ** 2).sum()) / norm for s in shifts]


@style("shift_stability", "columns picked by numbers")
def _(layer, images, shifts):
    width = images.shape[3]
    numbers = np.zeros(len(shifts))
    for number, shift in enumerate(shifts):
        after = layer(images[:, :, :, (np.arange(width) - shift) % width])
        before = layer(images)
        numbers[number] = np.sqrt(np.sum(np.square(after - before)) / np.sum(np.square(before)))
    return numbers


@style("shift_stability", "glued from two pieces, float32")
def _(layer, images, shifts):
    def turned(shift):
        cut = -shift % images.shape[-1]
        return np.concatenate([images[..., cut:], images[..., :cut]], axis=-1)

    still = layer(images).ravel()
    parts = [np.linalg.norm(layer(turned(shift)).ravel() - still) for shift in shifts]
    answer = np.array(parts) / np.linalg.norm(still)
    return answer.astype(np.float32)


def check_groups(x, groups):
    if groups <= 0 or x.shape[1] % groups != 0:
        raise ValueError(f"{x.shape[1]} channels, {groups} groups")
    return x.shape[1] // groups


@style("max_over_channels", "one group after the other")
def _(x, groups):
    size = check_groups(x, groups)
    y, argmax = [], []
    for first in range(0, x.shape[1], size):
        part = x[:, first : first + size]
        y.append(part.max(axis=1))
        argmax.append(part.argmax(axis=1) + first)
    return np.stack(y, axis=1), np.stack(argmax, axis=1)


@style("max_over_channels", "channel by channel")
def _(x, groups):
    size = check_groups(x, groups)
    y = x[:, ::size].copy()
    argmax = np.zeros(y.shape, np.int16)
    argmax += np.arange(0, x.shape[1], size, dtype=np.int16)[None, :, None, None]
    for step in range(1, size):
        channel = x[:, step::size]
        larger = channel > y
        y[larger] = channel[larger]
        argmax[larger] += (step - (argmax % size))[larger]
    return y, argmax


@style("max_over_channels", "np.array_split and loops")
def _(x, groups):
    check_groups(x, groups)
    parts = np.array_split(np.arange(x.shape[1]), groups)
    n, _, h, w = x.shape
    y, argmax = np.empty((n, groups, h, w), x.dtype), np.empty((n, groups, h, w), dtype=int)
    for image, g, i, j in np.ndindex(n, groups, h, w):
        best = max(parts[g], key=lambda channel: x[image, channel, i, j])
        y[image, g, i, j], argmax[image, g, i, j] = x[image, best, i, j], best
    return y, argmax


@style("numerical_gradient", "nudges in place, put back")
def _(f, x, h=1e-6):
    gradient = np.zeros_like(x)
    with np.nditer(x, flags=["multi_index"]) as entries:
        for _ in entries:
            index = entries.multi_index
            old = x[index]
            x[index] = old + h
            up = f(x)
            x[index] = old - h
            down = f(x)
            x[index] = old
            gradient[index] = (up - down) / (2 * h)
    return gradient


@style("numerical_gradient", "one unit vector after the other")
def _(f, x, h=1e-4):
    slopes = []
    for number in range(x.size):
        nudge = np.zeros(x.size)
        nudge[number] = h
        nudge = nudge.reshape(x.shape)
        slopes.append((f(x + nudge) - f(x - nudge)) / (h + h))
    return np.reshape(slopes, x.shape)


@style("numerical_gradient", "flat iterators")
def _(f, x, h=1e-5):
    point, gradient = np.array(x, dtype=float), np.empty(x.shape)
    for number in range(x.size):
        point.flat[number] += h
        value = f(point) / h
        point.flat[number] = x.flat[number] - h
        gradient.flat[number] = (value - f(point) / h) * 0.5
        point.flat[number] = x.flat[number]
    return gradient


@style("relative_error", "with a floor of 1e-8")
def _(a, b):
    return np.max(np.abs(a - b) / (np.maximum(1e-8, np.abs(a) + np.abs(b))))


@style("relative_error", "a floor that is added")
def _(a, b):
    return float(np.max(abs(a - b) / (abs(a) + abs(b) + 1e-10)))


@style("relative_error", "where it makes sense")
def _(a, b):
    size = np.abs(a) + np.abs(b)
    quotients = np.divide(np.abs(a - b), size, out=np.zeros(size.shape), where=size != 0)
    return quotients.max()


@style("relative_error", "plain floats")
def _(a, b):
    worst = 0
    for p, q in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
        if p != q:
            worst = max(worst, abs(p - q) / (abs(p) + abs(q)))
    return worst


@style("max_pool2d_backward", "plain loops")
def _(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    for n, c, i, j in np.ndindex(*dy.shape):
        row, column = divmod(int(argmax[n, c, i, j]), input_shape[3])
        dx[n, c, row, column] += dy[n, c, i, j]
    return dx


@style("max_pool2d_backward", "np.add.at")
def _(dy, argmax, input_shape):
    n, c, h, w = input_shape
    dx = np.zeros((n, c, h * w), dtype=dy.dtype)
    np.add.at(
        dx,
        (np.arange(n)[:, None, None], np.arange(c)[:, None], argmax.reshape(n, c, -1)),
        dy.reshape(n, c, -1),
    )
    return dx.reshape(n, c, h, w)


@style("max_pool2d_backward", "one output position after the other")
def _(dy, argmax, input_shape):
    n, c, h, w = input_shape
    dx = np.zeros((n * c, h * w), dy.dtype)
    for i, j in np.ndindex(*dy.shape[2:]):
        dx[np.arange(n * c), argmax[:, :, i, j].ravel()] += dy[:, :, i, j].ravel()
    return dx.reshape(input_shape)


@style("max_pool2d_backward", "compared with the number of every pixel")
def _(dy, argmax, input_shape):
    n, c, h, w = input_shape
    won = argmax.reshape(n, c, 1, -1) == np.arange(h * w).reshape(1, 1, -1, 1)
    return (won * dy.reshape(n, c, 1, -1)).sum(axis=3).reshape(input_shape)


@style("max_pool2d_backward", "torch.scatter_add")
def _(dy, argmax, input_shape):
    n, c, h, w = input_shape
    places = torch.from_numpy(argmax.reshape(n, c, -1).astype(np.int64))
    gradients = torch.from_numpy(dy.reshape(n, c, -1).copy())
    return (
        torch.zeros(n, c, h * w, dtype=gradients.dtype)
        .scatter_add(2, places, gradients)
        .numpy()
        .reshape(n, c, h, w)
    )


@style("avg_pool2d_backward", "plain loops")
def _(dy, input_shape, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros(input_shape, dy.dtype)
    for n, c, i, j in np.ndindex(*dy.shape):
        for row, column in np.ndindex(kernel_size, kernel_size):
            dx[n, c, i * stride + row, j * stride + column] += dy[n, c, i, j] / (kernel_size * kernel_size)
    return dx


@style("avg_pool2d_backward", "one window at a time, for all images")
def _(dy, input_shape, kernel_size, stride=None):
    if stride is None:
        stride = kernel_size
    dx = np.zeros_like(dy, shape=input_shape)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            window = dx[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            window += dy[:, :, i, j][:, :, None, None] / kernel_size**2
    return dx


@style("avg_pool2d_backward", "two matrices")
def _(dy, input_shape, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride

    def shares(size, count):
        matrix = np.zeros((size, count))
        for window in range(count):
            matrix[window * stride : window * stride + kernel_size, window] = 1 / kernel_size
        return matrix

    rows, columns = (shares(size, count) for size, count in zip(input_shape[2:], dy.shape[2:], strict=True))
    return (rows @ dy @ columns.T).astype(dy.dtype)


@style("max_over_channels_backward", "plain loops")
def _(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    for n, g, i, j in np.ndindex(*dy.shape):
        dx[n, argmax[n, g, i, j], i, j] += dy[n, g, i, j]
    return dx


@style("max_over_channels_backward", "index arrays")
def _(dy, argmax, input_shape):
    n, _, i, j = np.indices(dy.shape)
    dx = np.zeros(input_shape, dy.dtype)
    dx[n, argmax, i, j] = dy
    return dx


@style("max_over_channels_backward", "a mask for each channel")
def _(dy, argmax, input_shape):
    channels = [np.where(argmax == channel, dy, 0).sum(axis=1) for channel in range(input_shape[1])]
    return np.stack(channels, axis=1).astype(dy.dtype)


@style("relu_backward", "np.where")
def _(dy, x):
    return np.where(x > 0, dy, np.zeros_like(dy))


@style("relu_backward", "a copy with zeros written in")
def _(dy, x):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


@style("relu_backward", "np.heaviside")
def _(dy, x):
    return dy * np.heaviside(x, 0)


@style("linear_backward", "einsum")
def _(dy, x, weight):
    return np.einsum("no,oi->ni", dy, weight), np.einsum("no,ni->oi", dy, x), np.einsum("no->o", dy)


@style("linear_backward", "example by example")
def _(dy, x, weight):
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros(len(weight), dy.dtype)
    for n in range(len(x)):
        dx[n] = weight.T @ dy[n]
        dweight += np.outer(dy[n], x[n])
        dbias += dy[n]
    return dx, dweight, dbias


@style("linear_backward", "PyTorch, a list")
def _(dy, x, weight):
    leaves = [
        torch.from_numpy(array.copy()).requires_grad_()
        for array in (x, weight, np.zeros(len(weight), x.dtype))
    ]
    F.linear(*leaves).backward(torch.from_numpy(dy.copy()))
    return [leaf.grad.numpy() for leaf in leaves]


def framed(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


@style("conv2d_backward", "tap by tap")
def _(dy, x, weight, stride=1, padding=0):
    h_out, w_out = dy.shape[2:]
    padded = framed(x, padding)
    dpadded, dweight = np.zeros(padded.shape, x.dtype), np.zeros(weight.shape, x.dtype)
    for k, m in np.ndindex(*weight.shape[2:]):
        rows = slice(k, k + stride * (h_out - 1) + 1, stride)
        columns = slice(m, m + stride * (w_out - 1) + 1, stride)
        dpadded[:, :, rows, columns] += np.tensordot(dy, weight[:, :, k, m], (1, 0)).transpose(0, 3, 1, 2)
        dweight[:, :, k, m] = np.tensordot(dy, padded[:, :, rows, columns], ((0, 2, 3), (0, 2, 3)))
    height, width = x.shape[2:]
    return dpadded[:, :, padding : padding + height, padding : padding + width], dweight, dy.sum((0, 2, 3))


@style("conv2d_backward", "window by window")
def _(dy, x, weight, stride=1, padding=0):
    n, _, height, width = x.shape
    c_out, _, kh, kw = weight.shape
    padded = framed(x, padding)
    dpadded, dweight, dbias = np.zeros_like(padded), np.zeros_like(weight), np.zeros(c_out, dy.dtype)
    for image in range(n):
        for o in range(c_out):
            for i, j in np.ndindex(*dy.shape[2:]):
                rows, columns = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
                dpadded[image, :, rows, columns] += weight[o] * dy[image, o, i, j]
                dweight[o] += padded[image, :, rows, columns] * dy[image, o, i, j]
                dbias[o] += dy[image, o, i, j]
    ends = padding + height, padding + width
    return dpadded[:, :, padding : ends[0], padding : ends[1]], dweight, dbias


@style("conv2d_backward", "PyTorch")
def _(dy, x, weight, stride=1, padding=0):
    bias = np.zeros(len(weight), x.dtype)
    leaves = [torch.from_numpy(np.ascontiguousarray(array)).requires_grad_() for array in (x, weight, bias)]
    y = F.conv2d(*leaves, stride, padding)
    found = torch.autograd.grad(y, leaves, torch.from_numpy(np.ascontiguousarray(dy)))
    return tuple(gradient.numpy() for gradient in found)


@style("conv2d_backward", "a full convolution with the filters turned")
def _(dy, x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    padded = framed(x, padding)
    windows = sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    dweight = np.einsum("nohw,nchwkm->ockm", dy, windows)
    spread = np.zeros((*dy.shape[:2], padded.shape[2] + kh - 1, padded.shape[3] + kw - 1), dy.dtype)
    h_out, w_out = dy.shape[2:]
    rows, columns = (slice(k - 1, k - 1 + stride * s, stride) for k, s in ((kh, h_out), (kw, w_out)))
    spread[:, :, rows, columns] = dy
    windows = sliding_window_view(spread, (kh, kw), axis=(2, 3))
    dpadded = np.einsum("nohwkm,ockm->nchw", windows, weight[:, :, ::-1, ::-1])
    inside = slice(padding, padding + x.shape[2]), slice(padding, padding + x.shape[3])
    return dpadded[:, :, inside[0], inside[1]], dweight, np.einsum("nohw->o", dy)


@style("softmax_loss", "example by example")
def _(scores, y):
    n, loss, gradient = len(scores), 0.0, np.empty_like(scores)
    for number in range(n):
        row = scores[number] - scores[number].max()
        total = np.exp(row).sum()
        loss += (math.log(total) - row[y[number]]) / n
        gradient[number] = np.exp(row) / total / n
        gradient[number, y[number]] -= 1 / n
    return loss, gradient


@style("softmax_loss", "np.logaddexp and an identity matrix")
def _(scores, y):
    total = np.logaddexp.reduce(scores, axis=1, keepdims=True)
    wanted = np.eye(scores.shape[1], dtype=scores.dtype)[y]
    loss = -((scores - total) * wanted).sum(axis=1).mean()
    return loss, (np.exp(scores - total) - wanted) / len(y)


@style("softmax_loss", "PyTorch")
def _(scores, y):
    leaf = torch.from_numpy(scores.copy()).requires_grad_()
    loss = F.cross_entropy(leaf, torch.from_numpy(y.astype(np.int64)))
    loss.backward()
    return loss.item(), leaf.grad.numpy()


@style("softmax_loss", "an array without axes, float64 inside")
def _(scores, y):
    exact = scores.astype(np.float64)
    exact = exact - exact.max(1)[:, None]
    p = np.exp(exact) / np.exp(exact).sum(1)[:, None]
    losses = np.log(np.exp(exact).sum(1)) - np.take_along_axis(exact, y[:, None].astype(int), 1)[:, 0]
    np.put_along_axis(p, y[:, None].astype(int), np.take_along_axis(p, y[:, None].astype(int), 1) - 1, 1)
    return np.asarray(losses.mean()), (p / len(p)).astype(scores.dtype)


@style("svm_loss", "plain loops")
def _(scores, y):
    n, classes = scores.shape
    loss, gradient = 0.0, np.zeros_like(scores)
    for i in range(n):
        for j in range(classes):
            margin = scores[i, j] - scores[i, y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                gradient[i, j] += 1
                gradient[i, y[i]] -= 1
    return loss / n, gradient / n


@style("svm_loss", "the right class taken off at the end")
def _(scores, y):
    n = len(y)
    right = np.take_along_axis(scores, y[:, None].astype(int), axis=1)
    margins = np.maximum(scores - right + 1, 0)
    loss = margins.sum() / n - 1
    inside = margins > 0
    inside[np.arange(n), y] = False
    wanted = np.arange(scores.shape[1]) == y[:, None]
    gradient = inside - wanted * inside.sum(axis=1, keepdims=True)
    return loss, gradient.astype(scores.dtype) / n


@style("svm_loss", "PyTorch")
def _(scores, y):
    leaf, classes = torch.from_numpy(scores.copy()).requires_grad_(), torch.from_numpy(y.astype(np.int64))
    margins = F.relu(leaf - leaf.gather(1, classes[:, None]) + 1)
    loss = margins[F.one_hot(classes, scores.shape[1]) == 0].sum() / len(y)
    loss.backward()
    return float(loss.detach()), leaf.grad.numpy()


class Net:
    """What the nets below have in common."""

    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        c, h, w = in_shape
        rng = rng if rng is not None else np.random.default_rng()
        self.params = self.first((n_filters, c, 3, 3), (n_classes, n_filters * (h // 2) * (w // 2)), rng)


@style("ConvNet", "PyTorch inside, float64 parameters, uniform numbers")
class _(Net):
    def first(self, filters, matrix, rng):
        bound = (6 / (9 * filters[1])) ** 0.5
        return {
            "b1": np.zeros(filters[0]),
            "b2": np.zeros(matrix[0]),
            "W2": rng.uniform(-0.002, 0.002, matrix),
            "W1": rng.uniform(-bound, bound, filters),
        }

    def _run(self, x):
        p = {name: torch.tensor(value, requires_grad=True) for name, value in self.params.items()}
        h = F.conv2d(torch.tensor(x).to(p["W1"].dtype), p["W1"], p["b1"], padding=1)
        return p, F.linear(F.relu(F.max_pool2d(h, 2)).flatten(1), p["W2"], p["b2"])

    def scores(self, x):
        return self._run(x)[1].detach().numpy()

    def loss(self, x, y):
        p, scores = self._run(x)
        loss = F.cross_entropy(scores, torch.tensor(y))
        loss.backward()
        return loss.detach().numpy(), {name: leaf.grad.numpy() for name, leaf in p.items()}


@style("ConvNet", "the exercises before, a cache, ReLU after the pooling")
class _(Net):
    def first(self, filters, matrix, rng):
        draw = rng.standard_normal
        params = {"W1": draw(filters) * np.sqrt(2 / np.prod(filters[1:])), "b1": np.zeros(filters[0])}
        params |= {"W2": draw(matrix) * 1e-3, "b2": np.zeros(matrix[0])}
        return {name: np.float32(value) for name, value in params.items()}

    def scores(self, x):
        w1, b1, w2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        windows = sliding_window_view(framed(x, 1), (3, 3), axis=(2, 3))
        h = np.einsum("nchwij,ocij->nohw", windows, w1) + b1[:, None, None]
        pooled, argmax = STYLES["max_pool2d", "sliding windows, int32"](h, 2)
        flat = np.maximum(pooled, 0).reshape(len(x), -1)
        self.cache = h.shape, pooled, argmax, flat
        return flat @ w2.T + b2

    def loss(self, x, y):
        loss, dscores = STYLES["softmax_loss", "example by example"](self.scores(x), y)
        shape, pooled, argmax, flat = self.cache
        dflat, dw2, db2 = STYLES["linear_backward", "einsum"](dscores, flat, self.params["W2"])
        dpooled = STYLES["relu_backward", "np.where"](dflat.reshape(pooled.shape), pooled)
        dh = STYLES["max_pool2d_backward", "plain loops"](dpooled, argmax, shape)
        _, dw1, db1 = STYLES["conv2d_backward", "tap by tap"](dh, x, self.params["W1"], 1, 1)
        return loss, {"b2": db2, "W2": dw2, "b1": db1, "W1": dw1}


@style("ConvNet", "windows by reshape, the gradients through masks")
class _(Net):
    def first(self, filters, matrix, rng):
        w2 = rng.normal(scale=0.001, size=matrix)
        w1 = rng.normal(scale=math.sqrt(2 / (9 * filters[1])), size=filters)
        params = {"W1": w1, "b1": np.zeros(len(w1)), "W2": w2, "b2": np.zeros(len(w2))}
        return {name: value.astype("float32") for name, value in params.items()}

    def _forward(self, x):
        p, (n, _, h, w) = self.params, x.shape
        padded, active = framed(x, 1), 0
        for i, j in np.ndindex(3, 3):
            active = active + np.einsum(
                "nchw,oc->nohw", padded[:, :, i : i + h, j : j + w], p["W1"][:, :, i, j]
            )
        active = np.clip(active + p["b1"][:, None, None], 0, None)
        blocks = active.reshape(n, -1, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, -1, h // 2, w // 2, 4)
        return blocks, blocks.max(-1).reshape(n, -1)

    def scores(self, x):
        return self._forward(x)[1] @ self.params["W2"].T + self.params["b2"]

    def loss(self, x, y):
        (blocks, flat), (n, _, h, w) = self._forward(x), x.shape
        loss, dscores = STYLES["softmax_loss", "np.logaddexp and an identity matrix"](self.scores(x), y)
        dpooled = (dscores @ self.params["W2"]).reshape(blocks.shape[:4])
        winner = np.arange(4) == blocks.argmax(-1)[..., None]
        dblocks = dpooled[..., None] * winner * (blocks > 0)
        dh = dblocks.reshape(n, -1, h // 2, w // 2, 2, 2).swapaxes(3, 4).reshape(n, -1, h, w)
        windows = sliding_window_view(framed(x, 1), (3, 3), axis=(2, 3))
        gradients = {"W1": np.einsum("nohw,nchwij->ocij", dh, windows), "b1": dh.sum((0, 2, 3))}
        return loss, gradients | {"W2": dscores.T @ flat, "b2": dscores.sum(0)}


@style("gradient_descent", "a new array at each step")
def _(loss_fn, weights, steps, step_size):
    now = np.array(weights)
    for _ in range(steps):
        now = now - step_size * loss_fn(now)[1]
    return now


@style("gradient_descent", "a while loop in place on a copy")
def _(loss_fn, weights, steps, step_size):
    weights, left = weights.copy(), steps
    while left > 0:
        _loss, gradient = loss_fn(weights)
        np.subtract(weights, step_size * gradient, out=weights)
        left -= 1
    return weights


@style("gradient_descent", "recursion")
def _(loss_fn, weights, steps, step_size):
    def go(weights, steps):
        return weights if steps == 0 else go(weights + (-step_size) * loss_fn(weights)[1], steps - 1)

    return go(weights + 0, steps)


@style("minibatch_sgd", "shuffled numbers, changed in place")
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    numbers, losses = np.arange(len(y)), []
    for _ in range(epochs):
        rng.shuffle(numbers)
        start = 0
        while start < len(numbers):
            chosen = numbers[start : start + batch_size]
            loss, gradients = model.loss(x[chosen], y[chosen])
            for name in model.params:
                model.params[name] -= step_size * gradients[name]
            losses.append(float(loss))
            start += batch_size
    return losses


@style("minibatch_sgd", "sorted by random numbers, an array of losses")
def _(model, data, epochs, batch_size, step_size, rng):
    losses = np.array([])
    for _ in range(epochs):
        order = np.argsort(rng.random(len(data[0])))
        x, y = data[0][order], data[1][order]
        for first in range(0, len(x), batch_size):
            loss, gradients = model.loss(x[first : first + batch_size], y[first : first + batch_size])
            model.params.update({k: model.params[k] - step_size * g for k, g in gradients.items()})
            losses = np.append(losses, loss)
    return losses


@style("minibatch_sgd", "np.split, drawn without replacement, a new dictionary")
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _epoch in range(epochs):
        order = rng.choice(len(x), size=len(x), replace=False)
        for batch in np.split(order, range(batch_size, len(x), batch_size)):
            loss, gradients = model.loss(x[batch], y[batch])
            model.params = {name: w - step_size * gradients[name] for name, w in model.params.items()}
            losses += [loss]
    return losses


@style("MaxPool2dFunction", "PyTorch's own places")
class _(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        y, places = F.max_pool2d(x, kernel_size, stride, return_indices=True)
        ctx.save_for_backward(x, places)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, places = ctx.saved_tensors
        dx = torch.zeros_like(x).flatten(2)
        dx.scatter_add_(2, places.flatten(2), dy.flatten(2))
        return dx.reshape(x.shape), None, None


@style("MaxPool2dFunction", "window by window, x kept, compared again")
class _(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        ctx.k, ctx.s = kernel_size, stride
        ctx.save_for_backward(x)
        rows = range(0, x.shape[2] - kernel_size + 1, stride)
        columns = range(0, x.shape[3] - kernel_size + 1, stride)
        return torch.stack(
            [
                torch.stack(
                    [x[:, :, i : i + kernel_size, j : j + kernel_size].amax((2, 3)) for j in columns], -1
                )
                for i in rows
            ],
            -2,
        )

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        dx = torch.zeros_like(x)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                top, left = i * ctx.s, j * ctx.s
                patch = x[:, :, top : top + ctx.k, left : left + ctx.k].flatten(2)
                mask = F.one_hot(patch.argmax(2), ctx.k * ctx.k).view(*x.shape[:2], ctx.k, ctx.k)
                dx[:, :, top : top + ctx.k, left : left + ctx.k] += mask * dy[:, :, i, j, None, None]
        return dx, None, None


@style("MaxPool2dFunction", "F.unfold there and F.fold back")
class _(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        n, c, h, _w = x.shape
        columns = F.unfold(x, kernel_size, stride=stride).view(n, c, kernel_size**2, -1)
        y, place = columns.max(dim=2)
        ctx.settings = x.shape, kernel_size, stride
        ctx.save_for_backward(place)
        return y.view(n, c, (h - kernel_size) // stride + 1, -1)

    @staticmethod
    def backward(ctx, dy):
        (n, c, h, w), k, s = ctx.settings
        (place,) = ctx.saved_tensors
        columns = dy.new_zeros(n, c, k * k, place.shape[2])
        columns.scatter_(2, place[:, :, None], dy.reshape(n, c, 1, -1))
        return F.fold(columns.view(n, c * k * k, -1), (h, w), k, stride=s), None, None


@style("MaxPool2dFunction", "setup_context, index_put_, NumPy for the places")
class _(torch.autograd.Function):
    @staticmethod
    def forward(x, kernel_size, stride):
        return F.max_pool2d(x, kernel_size, stride)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, kernel_size, stride = inputs
        _, places = STYLES["max_pool2d", "plain loops over pixels"](
            x.detach().cpu().numpy(), kernel_size, stride
        )
        ctx.places, ctx.shape = torch.from_numpy(places), x.shape

    @staticmethod
    def backward(ctx, dy):
        n, c, h, w = ctx.shape
        dx = torch.zeros(n, c, h * w, dtype=dy.dtype, device=dy.device)
        images = torch.arange(n, device=dy.device)[:, None, None].expand_as(ctx.places.flatten(2))
        channels = torch.arange(c, device=dy.device)[None, :, None].expand_as(images)
        places = ctx.places.flatten(2).to(dy.device)
        dx.index_put_((images, channels, places), dy.flatten(2), accumulate=True)
        return dx.view(n, c, h, w), None, None


@style("train_epoch", "nn.CrossEntropyLoss, zero_grad after the forward pass")
def _(model, loader, optimizer, device):
    criterion = nn.CrossEntropyLoss()
    model.train(True)
    losses, sizes = [], []
    for batch in loader:
        images, classes = [tensor.to(device, non_blocking=True) for tensor in batch]
        scores = model(images)
        loss = criterion(scores, classes)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        sizes.append(images.shape[0])
    return np.average(losses, weights=sizes)


@style("train_epoch", "log-softmax, sums in a tensor")
def _(model, loader, optimizer, device):
    model.train()
    total, examples = torch.zeros((), device=device), 0
    for x, y in loader:
        optimizer.zero_grad(set_to_none=True)
        x = x.to(device)
        y = y.to(device=device)
        log_p = F.log_softmax(model(x), dim=1)
        loss = -log_p[torch.arange(len(y), device=device), y].mean()
        loss.backward()
        optimizer.step()
        total += loss.detach() * x.size(0)
        examples += x.size(0)
    return (total / examples).item()


@style("train_epoch", "the size of the data set, PyTorch's reductions")
def _(model, loader, optimizer, device):
    model.train()
    running = 0.0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        for parameter in model.parameters():
            parameter.grad = None
        losses = F.cross_entropy(model(inputs), targets, reduction="none")
        losses.mean().backward()
        optimizer.step()
        running += losses.sum().item()
    return running / len(loader.dataset)


@style("evaluate", "inference_mode, predictions brought to the CPU")
@torch.inference_mode()
def _(model, loader, device):
    before = model.training
    model.eval()
    hits = []
    for x, y in loader:
        hits += (model(x.to(device)).argmax(1).cpu() == y).tolist()
    model.train(before)
    return sum(hits) / len(hits)


@style("evaluate", "torch.max, a finally")
def _(model, loader, device):
    was_training = model.training
    model.train(False)
    try:
        right = examples = 0
        with torch.no_grad():
            for x, y in loader:
                x, y = x.to(device), y.to(device)
                _, predicted = torch.max(model(x), 1)
                right += (predicted == y).sum().item()
                examples += y.size(0)
        return right / examples
    finally:
        if was_training:
            model.train()


@style("evaluate", "everything joined at the end, NumPy")
def _(model, loader, device):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    scores, classes = [], []
    with torch.set_grad_enabled(False):
        for x, y in loader:
            scores.append(model(x.to(device)).cpu().numpy())
            classes.append(y.numpy())
    for module, mode in modes:
        module.training = mode
    return np.mean(np.concatenate(scores).argmax(axis=1) == np.concatenate(classes))


@style("evaluate", "a tensor of hits")
def _(model, loader, device):
    mode = model.training
    model.eval()
    hits = torch.zeros(0, dtype=torch.bool, device=device)
    with torch.no_grad():
        for batch in loader:
            x, y = (tensor.to(device) for tensor in batch)
            hits = torch.cat([hits, model(x).softmax(-1).argmax(-1).eq(y)])
    model.train(mode)
    return hits.float().mean().item()


@style("MaxPool2dFunction", "new_zeros, numbers of windows with the device as a context")
class _(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        with x.device:
            rows = torch.arange((x.shape[2] - kernel_size) // stride + 1) * stride
            columns = torch.arange((x.shape[3] - kernel_size) // stride + 1) * stride
        windows = x.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride)
        y, inside = windows.reshape(*windows.shape[:4], -1).max(-1)
        row = rows.view(-1, 1) + inside.div(kernel_size, rounding_mode="floor")
        ctx.save_for_backward(row * x.shape[3] + columns.to(inside) + inside % kernel_size)
        ctx.shape = x.shape
        return y

    @staticmethod
    def backward(ctx, dy):
        (places,) = ctx.saved_tensors
        dx = dy.new_zeros(ctx.shape[0], ctx.shape[1], ctx.shape[2] * ctx.shape[3])
        dx.scatter_add_(2, places.flatten(2), dy.flatten(2).to(dx))
        return dx.reshape(ctx.shape), None, None


@style("train_epoch", "to where the parameters are, sums in new_zeros")
def _(model, loader, optimizer, device):
    model.train()
    home = next(model.parameters())
    total, examples = home.new_zeros(()), 0
    for x, y in loader:
        x = x.to(home, non_blocking=True)
        y = y.to(x.device, non_blocking=True)
        optimizer.zero_grad()
        right = torch.zeros_like(scores := model(x)).scatter_(1, y[:, None], 1.0)
        loss = -(scores.log_softmax(1) * right).sum(1).mean()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(x)
        examples += len(x)
    return float(total) / examples


@style("evaluate", "labels go where the answers are")
def _(model, loader, device):
    mode, where = model.training, torch.device(device)
    model.eval()
    with torch.no_grad(), where:
        right, count = torch.zeros((), dtype=torch.int64), 0
        for x, y in loader:
            answers = model(x.to(where, non_blocking=True)).argmax(dim=1)
            right += (answers == y.to(answers)).sum()
            count += len(y)
    model.train(mode)
    return right.item() / count
