"""Right answers to notebook 1 in other styles: plain loops, einsum, sliding windows, FFT, shift and add, …"""

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


@style("neuron", "loops over plain floats")
def _(patch, weight, bias):
    total = float(bias)
    for k in range(patch.shape[0]):
        for i in range(patch.shape[1]):
            for j in range(patch.shape[2]):
                total += float(patch[k, i, j]) * float(weight[k, i, j])
    return total


@style("neuron", "einsum")
def _(patch, weight, bias):
    return np.einsum("kij,kij", patch, weight) + bias


@style("neuron", "inner product of flat arrays")
def _(patch, weight, bias):
    return np.dot(patch.flatten(), weight.flatten()) + bias


@style("neuron", "tensordot, an array without axes")
def _(patch, weight, bias):
    return np.tensordot(patch, weight, axes=3) + np.asarray(bias)


@style("output_size", "count the windows")
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    if kernel_size <= 0 or stride <= 0 or dilation <= 0 or padding < 0:
        raise ValueError("bad numbers")
    count, start = 0, -padding
    while start + dilation * (kernel_size - 1) < size + padding:
        count, start = count + 1, start + stride
    if count == 0:
        raise ValueError("no window fits")
    return count


@style("output_size", "floor of a fraction")
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    assert_sane(kernel_size, stride, dilation, padding)
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if room < 0:
        raise ValueError(f"{kernel_size} does not fit {size}")
    return math.floor(room / stride + 1)


@style("output_size", "length of a range, a NumPy integer")
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    assert_sane(kernel_size, stride, dilation, padding)
    starts = np.arange(0, size + 2 * padding - dilation * (kernel_size - 1), stride)
    if not starts.size:
        raise ValueError("no window fits")
    return np.int64(starts.size)


def assert_sane(kernel_size, stride, dilation, padding):
    if min(kernel_size, stride, dilation) < 1:
        raise ValueError("numbers below 1")
    if padding < 0:
        raise ValueError("negative padding")


def fit(size, kernel_size, stride=1, padding=0, dilation=1):
    assert_sane(kernel_size, stride, dilation, padding)
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if room < 0:
        raise ValueError("no window fits")
    return room // stride + 1


@style("uncovered", "a mask in the padded input")
def _(size, kernel_size, stride=1, padding=0):
    read = np.zeros(size + 2 * padding, bool)
    for window in range(fit(size, kernel_size, stride, padding)):
        read[window * stride : window * stride + kernel_size] = True
    return np.flatnonzero(~read[padding : padding + size]).tolist()


@style("uncovered", "an array of positions")
def _(size, kernel_size, stride=1, padding=0):
    starts = np.arange(fit(size, kernel_size, stride, padding)) * stride - padding
    return np.setdiff1d(np.arange(size), starts[:, None] + np.arange(kernel_size))


@style("uncovered", "arithmetic for each position")
def _(size, kernel_size, stride=1, padding=0):
    end = (fit(size, kernel_size, stride, padding) - 1) * stride + kernel_size
    return [p for p in range(size) if p + padding >= end or (p + padding) % stride >= kernel_size]


@style("uncovered", "a tuple")
def _(size, kernel_size, stride=1, padding=0):
    starts = [n * stride - padding for n in range(fit(size, kernel_size, stride, padding))]
    return tuple(p for p in range(size) if not any(s <= p < s + kernel_size for s in starts))


@style("pad2d", "np.pad")
def _(x, padding):
    return np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])


@style("pad2d", "joined from pieces")
def _(x, padding):
    n, c, _, w = x.shape
    rows = np.zeros((n, c, padding, w), x.dtype)
    tall = np.concatenate([rows, x, rows], axis=2)
    columns = np.zeros((n, c, tall.shape[2], padding), x.dtype)
    return np.concatenate([columns, tall, columns], axis=3)


@style("pad2d", "pixel by pixel")
def _(x, padding):
    if padding < 0:
        raise ValueError("negative padding")
    n, c, h, w = x.shape
    y = np.zeros_like(x, shape=(n, c, h + 2 * padding, w + 2 * padding))
    for i, j in itertools.product(range(h), range(w)):
        y[..., i + padding, j + padding] = x[..., i, j]
    return y


@style("pad2d", "slices counted from the end")
def _(x, padding):
    if padding < 0:
        raise ValueError("negative padding")
    if padding == 0:
        return x.copy()
    n, c, h, w = x.shape
    y = np.zeros((n, c, h + 2 * padding, w + 2 * padding)).astype(x.dtype)
    y[:, :, padding:-padding, padding:-padding] = x
    return y


@style("count_layer", "inputs per unit, units, sets of weights")
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    c, h, w = in_shape
    positions = fit(h, kernel_size, stride, padding) * fit(w, kernel_size, stride, padding)
    reads = {"dense": c * h * w, "local": c * kernel_size**2, "conv": c * kernel_size**2}
    if kind not in reads:
        raise ValueError(kind)
    sets = out_channels if kind == "conv" else out_channels * positions
    return sets * reads[kind] + sets, out_channels * positions * reads[kind]


@style("count_layer", "counted one by one, where that is possible")
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    c, h, w = in_shape
    h_out, w_out = (fit(size, kernel_size, stride, padding) for size in (h, w))
    parameters = adds = 0
    for _position in range(h_out * w_out):
        match kind:
            case "dense":
                parameters += out_channels * (1 + c * h * w)
                adds += out_channels * c * h * w
            case "local":
                parameters += out_channels * (1 + c * kernel_size**2)
                adds += out_channels * c * kernel_size**2
            case "conv":
                parameters = out_channels * (1 + c * kernel_size**2)
                adds += out_channels * c * kernel_size**2
            case _:
                raise ValueError(f"no such kind: {kind}")
    return [parameters, adds]


@style("count_layer", "NumPy integers")
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    if kind not in ("dense", "local", "conv"):
        raise ValueError(f"no such kind: {kind}")
    out = np.array([out_channels, *(fit(size, kernel_size, stride, padding) for size in in_shape[1:])])
    reads = np.prod(in_shape) if kind == "dense" else in_shape[0] * kernel_size**2
    adds = out.prod() * reads
    return np.array([out_channels * (reads + 1) if kind == "conv" else adds + out.prod(), adds])


def check_positions(x, weight, stride):
    places = tuple(fit(size, k, stride) for size, k in zip(x.shape[2:], weight.shape[4:], strict=True))
    if places != weight.shape[:2]:
        raise ValueError(f"{weight.shape[:2]} sets of weights for {places} positions")


@style("locally_connected2d", "sliding windows and einsum")
def _(x, weight, bias=None, stride=1):
    check_positions(x, weight, stride)
    windows = sliding_window_view(x, weight.shape[4:], axis=(2, 3))[:, :, ::stride, ::stride]
    y = np.einsum("ncijkl,ijockl->noij", windows, weight)
    return y if bias is None else y + bias.transpose(2, 0, 1)


@style("locally_connected2d", "plain loops")
def _(x, weight, bias=None, stride=1):
    check_positions(x, weight, stride)
    h_out, w_out, c_out, c_in, kh, kw = weight.shape
    y = np.zeros((len(x), c_out, h_out, w_out), x.dtype)
    for n, o, i, j in np.ndindex(*y.shape):
        total = 0 if bias is None else bias[i, j, o]
        for c, k, m in np.ndindex(c_in, kh, kw):
            total += x[n, c, i * stride + k, j * stride + m] * weight[i, j, o, c, k, m]
        y[n, o, i, j] = total
    return y


@style("locally_connected2d", "one matrix product per position")
def _(x, weight, bias=None, stride=1):
    check_positions(x, weight, stride)
    h_out, w_out, c_out, _, kh, kw = weight.shape
    y = np.empty((h_out, w_out, len(x), c_out), x.dtype)
    for i, j in np.ndindex(h_out, w_out):
        patch = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw].reshape(len(x), -1)
        y[i, j] = patch @ weight[i, j].reshape(c_out, -1).T
    if bias is not None:
        y += bias[:, :, None, :]
    return np.ascontiguousarray(y.transpose(2, 3, 0, 1))


@style("locally_connected2d", "one tap after the other")
def _(x, weight, bias=None, stride=1):
    check_positions(x, weight, stride)
    h_out, w_out, c_out, _, kh, kw = weight.shape
    y = np.zeros((len(x), c_out, h_out, w_out), x.dtype)
    for k, m in np.ndindex(kh, kw):
        pixels = x[:, :, k : k + stride * h_out : stride, m : m + stride * w_out : stride]
        y += np.einsum("ncij,ijoc->noij", pixels, weight[..., k, m])
    if bias is not None:
        y += np.moveaxis(bias, 2, 0)
    return y


def check_conv(x, weight, stride, padding, dilation=1):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"{x.shape[1]} channels, but {weight.shape[1]} expected")
    return tuple(
        fit(size, k, stride, padding, dilation) for size, k in zip(x.shape[2:], weight.shape[2:], strict=True)
    )


def framed(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


@style("conv2d_loops", "seven loops")
def _(x, weight, bias=None, stride=1, padding=0):
    h_out, w_out = check_conv(x, weight, stride, padding)
    c_out, c_in, kh, kw = weight.shape
    _, _, h, w = x.shape
    y = np.zeros((len(x), c_out, h_out, w_out), dtype=x.dtype)
    for n in range(len(x)):
        for o in range(c_out):
            for i in range(h_out):
                for j in range(w_out):
                    total = 0.0 if bias is None else bias[o]
                    for c in range(c_in):
                        for k in range(kh):
                            for m in range(kw):
                                row, column = i * stride + k - padding, j * stride + m - padding
                                if 0 <= row < h and 0 <= column < w:
                                    total += x[n, c, row, column] * weight[o, c, k, m]
                    y[n, o, i, j] = total
    return y


@style("conv2d_loops", "lists, joined at the end")
def _(x, weight, bias=None, stride=1, padding=0):
    h_out, w_out = check_conv(x, weight, stride, padding)
    kh, kw = weight.shape[2:]
    padded = framed(x, padding)
    biases = bias if bias is not None else [0] * len(weight)

    def answer(image, filter_, b, i, j):
        return (image[:, i : i + kh, j : j + kw] * filter_).sum() + b

    y = [
        [
            [[answer(image, f, b, i * stride, j * stride) for j in range(w_out)] for i in range(h_out)]
            for f, b in zip(weight, biases, strict=True)
        ]
        for image in padded
    ]
    return np.array(y, dtype=x.dtype)


@style("conv2d_loops", "all images and filters at each position")
def _(x, weight, bias=None, stride=1, padding=0):
    h_out, w_out = check_conv(x, weight, stride, padding)
    padded, (kh, kw) = framed(x, padding), weight.shape[2:]
    y = np.empty((len(x), len(weight), h_out, w_out), x.dtype)
    for i, j in np.ndindex(h_out, w_out):
        patch = padded[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        y[:, :, i, j] = np.tensordot(patch, weight, axes=((1, 2, 3), (1, 2, 3)))
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def both(name):
    """A style that suits conv2d_loops and conv2d."""

    def collect(function):
        STYLES["conv2d_loops", name] = STYLES["conv2d", name] = function
        return function

    return collect


def windows_of(x, weight, stride, padding, dilation):
    reach = tuple(dilation * (k - 1) + 1 for k in weight.shape[2:])
    windows = sliding_window_view(framed(x, padding), reach, axis=(2, 3))
    return windows[:, :, ::stride, ::stride, ::dilation, ::dilation]


@both("sliding windows and einsum")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    check_conv(x, weight, stride, padding, dilation)
    y = np.einsum(
        "nchwij,ocij->nohw", windows_of(x, weight, stride, padding, dilation), weight, optimize=True
    )
    return y if bias is None else y + bias[None, :, None, None]


@both("sliding windows and tensordot")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    check_conv(x, weight, stride, padding, dilation)
    windows = windows_of(x, weight, stride, padding, dilation)
    y = np.tensordot(windows, weight, axes=([1, 4, 5], [1, 2, 3]))
    if bias is not None:
        y += bias
    return y.transpose(0, 3, 1, 2)


@both("shift and add")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    padded = framed(x, padding)
    y = np.zeros((len(x), len(weight), h_out, w_out), x.dtype)
    for i, j in np.ndindex(*weight.shape[2:]):
        rows = slice(i * dilation, i * dilation + stride * (h_out - 1) + 1, stride)
        columns = slice(j * dilation, j * dilation + stride * (w_out - 1) + 1, stride)
        y += np.einsum("nchw,oc->nohw", padded[:, :, rows, columns], weight[:, :, i, j])
    if bias is not None:
        y += bias[:, np.newaxis, np.newaxis]
    return y


@both("Fourier transform")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    padded = framed(x, padding)
    h, w = padded.shape[2:]
    spread = np.zeros((*weight.shape[:2], h, w))
    spread[:, :, : dilation * weight.shape[2] : dilation, : dilation * weight.shape[3] : dilation] = weight
    product = np.einsum("nchw,ochw->nohw", np.fft.fft2(padded), np.conj(np.fft.fft2(spread)))
    y = np.fft.ifft2(product).real[:, :, ::stride, ::stride][:, :, :h_out, :w_out]
    if bias is not None:
        y = y + bias[:, None, None]
    return y.astype(x.dtype)


@both("columns picked by index arrays")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    c_out, c_in, kh, kw = weight.shape
    c, k, m = (index.reshape(-1, 1) for index in np.indices((c_in, kh, kw)))
    i, j = (index.reshape(1, -1) for index in np.indices((h_out, w_out)))
    columns = framed(x, padding)[:, c, k * dilation + i * stride, m * dilation + j * stride]
    y = (weight.reshape(c_out, -1) @ columns).reshape(len(x), c_out, h_out, w_out)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


@both("as_strided with the array's own strides")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    padded = framed(x, padding)
    n, c, h, w = padded.strides
    shape = (*x.shape[:2], h_out, w_out, *weight.shape[2:])
    steps = (n, c, h * stride, w * stride, h * dilation, w * dilation)
    windows = as_strided(padded, shape, steps, writeable=False)
    y = np.einsum("nchwij,ocij->nohw", windows, weight)
    return y if bias is None else y + bias[:, None, None]


def matrix_of(x, weight):
    matrix = weight[:, :, 0, 0] if weight.ndim == 4 else weight
    if matrix.shape[1] != x.shape[1]:
        raise ValueError("channels differ")
    return matrix


@style("conv1x1", "einsum")
def _(x, weight, bias=None):
    y = np.einsum("nchw,oc->nohw", x, matrix_of(x, weight))
    return y if bias is None else y + bias[:, None, None]


@style("conv1x1", "channels last")
def _(x, weight, bias=None):
    y = np.moveaxis(x, 1, -1) @ matrix_of(x, weight).T
    if bias is not None:
        y = y + bias
    return np.moveaxis(y, -1, 1)


@style("conv1x1", "tensordot")
def _(x, weight, bias=None):
    y = np.tensordot(matrix_of(x, weight), x, axes=(1, 1)).swapaxes(0, 1)
    return y if bias is None else y + np.expand_dims(bias, (0, 2, 3))


@style("conv1x1", "pixel by pixel")
def _(x, weight, bias=None):
    matrix = matrix_of(x, weight)
    y = np.empty((len(x), len(matrix), *x.shape[2:]), x.dtype)
    for n, i, j in np.ndindex(len(x), *x.shape[2:]):
        y[n, :, i, j] = matrix.dot(x[n, :, i, j]) + (0 if bias is None else bias)
    return y


@style("receptive_field", "from the output to the input")
def _(layers):
    size, jump = 1, 1
    for kernel, stride, dilation in layers[::-1]:
        if kernel < 1 or stride < 1 or dilation < 1:
            raise ValueError((kernel, stride, dilation))
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump = jump * stride
    return size, jump


@style("receptive_field", "sets of positions")
def _(layers):
    def sees(position):
        seen = {position}
        for kernel, stride, dilation in reversed(layers):
            if min(kernel, stride, dilation) < 1:
                raise ValueError("numbers below 1")
            seen = {p * stride + k * dilation for p in (min(seen), max(seen)) for k in (0, kernel - 1)}
        return seen

    return max(sees(0)) + 1, min(sees(1)) - min(sees(0))


@style("receptive_field", "products of NumPy, a list")
def _(layers):
    if not layers:
        return [1, 1]
    k, s, d = np.array(layers).T
    if (np.array(layers) < 1).any():
        raise ValueError(f"numbers below 1 in {layers}")
    jumps = np.concatenate([[1], np.cumprod(s)])
    return [1 + ((k - 1) * d * jumps[:-1]).sum(), jumps[-1]]


def check_transposed(x, weight, stride, padding):
    if x.shape[1] != weight.shape[0]:
        raise ValueError("channels differ")
    if stride < 1 or padding < 0:
        raise ValueError("bad stride or padding")
    size = tuple((n - 1) * stride + k for n, k in zip(x.shape[2:], weight.shape[2:], strict=True))
    if min(size) - 2 * padding < 1:
        raise ValueError("nothing is left")
    return size


def crop(y, padding, bias):
    y = y[:, :, padding : y.shape[2] - padding, padding : y.shape[3] - padding]
    return y if bias is None else y + bias[:, None, None]


@style("conv_transpose2d", "stamp by stamp")
def _(x, weight, bias=None, stride=1, padding=0):
    y = np.zeros((len(x), weight.shape[1], *check_transposed(x, weight, stride, padding)), x.dtype)
    kh, kw = weight.shape[2:]
    for i, j in np.ndindex(*x.shape[2:]):
        stamps = np.tensordot(x[:, :, i, j], weight, axes=1)
        y[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += stamps
    return crop(y, padding, bias)


@style("conv_transpose2d", "zeros between the pixels, then a flipped convolution")
def _(x, weight, bias=None, stride=1, padding=0):
    check_transposed(x, weight, stride, padding)
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    spread = np.zeros((n, c, (h - 1) * stride + 1, (w - 1) * stride + 1), x.dtype)
    spread[:, :, ::stride, ::stride] = x
    padded = np.pad(spread, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    windows = sliding_window_view(padded, (kh, kw), axis=(2, 3))
    return crop(np.einsum("nchwij,coij->nohw", windows, weight[:, :, ::-1, ::-1]), padding, bias)


@style("conv_transpose2d", "a matrix product, folded")
def _(x, weight, bias=None, stride=1, padding=0):
    size = check_transposed(x, weight, stride, padding)
    n, c, h, w = x.shape
    columns = (weight.reshape(c, -1).T @ x.reshape(n, c, -1)).reshape(n, *weight.shape[1:], h, w)
    y = np.zeros((n, weight.shape[1], *size), x.dtype)
    for i, j in np.ndindex(*weight.shape[2:]):
        y[:, :, i : i + h * stride : stride, j : j + w * stride : stride] += columns[:, :, i, j]
    return crop(y, padding, bias)


@style("conv_transpose2d", "Fourier transform")
def _(x, weight, bias=None, stride=1, padding=0):
    size = check_transposed(x, weight, stride, padding)
    spread = np.zeros((*x.shape[:2], *size))
    spread[:, :, : x.shape[2] * stride : stride, : x.shape[3] * stride : stride] = x
    product = np.einsum("nchw,cohw->nohw", np.fft.rfft2(spread), np.fft.rfft2(weight, size))
    return crop(np.fft.irfft2(product, size).astype(x.dtype), padding, bias)


@style("conv_transpose2d", "only the pixels that stay")
def _(x, weight, bias=None, stride=1, padding=0):
    full = check_transposed(x, weight, stride, padding)
    y = np.zeros((len(x), weight.shape[1], *(n - 2 * padding for n in full)), x.dtype)
    for i, j, k, m in np.ndindex(*x.shape[2:], *weight.shape[2:]):
        row, column = i * stride + k - padding, j * stride + m - padding
        if 0 <= row < y.shape[2] and 0 <= column < y.shape[3]:
            y[:, :, row, column] += x[:, :, i, j] @ weight[:, :, k, m]
    if bias is not None:
        y += bias[None, :, None, None]
    return y


def past_of(x, weight, dilation):
    if x.shape[1] != weight.shape[1] or dilation < 1:
        raise ValueError("channels differ, or bad dilation")
    return np.pad(x, ((0, 0), (0, 0), (dilation * (weight.shape[2] - 1), 0)))


@style("causal_conv1d", "sliding windows and einsum")
def _(x, weight, bias=None, dilation=1):
    reach = dilation * (weight.shape[2] - 1) + 1
    windows = sliding_window_view(past_of(x, weight, dilation), reach, axis=2)[..., ::dilation]
    y = np.einsum("nctk,ock->not", windows, weight)
    return y if bias is None else y + bias[:, None]


@style("causal_conv1d", "moment by moment")
def _(x, weight, bias=None, dilation=1):
    past_of(x, weight, dilation)
    n, _, steps = x.shape
    y = np.zeros((n, len(weight), steps), x.dtype)
    for t in range(steps):
        for k in range(weight.shape[2]):
            then = t - dilation * (weight.shape[2] - 1 - k)
            if then >= 0:
                y[:, :, t] += x[:, :, then] @ weight[:, :, k].T
    if bias is not None:
        y += bias[:, None]
    return y


@style("causal_conv1d", "np.convolve for each pair of channels")
def _(x, weight, bias=None, dilation=1):
    past_of(x, weight, dilation)
    n, c, steps = x.shape
    spread = np.zeros((*weight.shape[:2], dilation * (weight.shape[2] - 1) + 1), x.dtype)
    spread[..., ::dilation] = weight
    y = np.zeros((n, len(weight), steps), x.dtype)
    for image, o, channel in np.ndindex(n, len(weight), c):
        y[image, o] += np.convolve(x[image, channel], spread[o, channel, ::-1])[:steps]
    return y if bias is None else y + bias.reshape(1, -1, 1)


@style("causal_conv1d", "shifted copies")
def _(x, weight, bias=None, dilation=1):
    past_of(x, weight, dilation)
    n, _, steps = x.shape
    y = np.zeros((n, len(weight), steps), x.dtype)
    for ago, tap in enumerate(reversed(range(weight.shape[2]))):
        delay = min(ago * dilation, steps)
        y[:, :, delay:] += np.einsum("nct,oc->not", x[:, :, : steps - delay], weight[:, :, tap])
    if bias is not None:
        y += bias[np.newaxis, :, np.newaxis]
    return y


@style("causal_conv1d", "Fourier transform")
def _(x, weight, bias=None, dilation=1):
    past_of(x, weight, dilation)
    steps = x.shape[2]
    length = steps + dilation * (weight.shape[2] - 1)
    spread = np.zeros((*weight.shape[:2], dilation * (weight.shape[2] - 1) + 1))
    spread[..., ::dilation] = weight
    product = np.einsum("ncf,ocf->nof", np.fft.rfft(x, length), np.fft.rfft(spread[..., ::-1], length))
    y = np.fft.irfft(product, length)[..., :steps].astype(x.dtype)
    return y if bias is None else y + bias[:, None]


@style("conv2d_unfold", "F.unfold and einsum")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    columns = F.unfold(x, weight.shape[2:], dilation=dilation, padding=padding, stride=stride)
    y = torch.einsum("ot,ntp->nop", weight.reshape(len(weight), -1), columns)
    if bias is not None:
        y = y + bias.view(1, -1, 1)
    return y.reshape(len(x), len(weight), h_out, w_out)


@style("conv2d_unfold", "F.conv2d")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    check_conv(x, weight, stride, padding, dilation)
    return F.conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation)


@style("conv2d_unfold", "windows by Tensor.unfold")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    check_conv(x, weight, stride, padding, dilation)
    reach = [dilation * (k - 1) + 1 for k in weight.shape[2:]]
    padded = F.pad(x, (padding,) * 4)
    windows = padded.unfold(2, reach[0], stride).unfold(3, reach[1], stride)[..., ::dilation, ::dilation]
    y = torch.einsum("nchwij,ocij->nohw", windows, weight)
    return y if bias is None else y + bias[:, None, None]


@style("conv2d_unfold", "shift and add")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    padded = F.pad(x, (padding, padding, padding, padding))
    y = torch.zeros(len(x), len(weight), h_out, w_out, dtype=x.dtype, device=x.device)
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            rows = slice(i * dilation, i * dilation + stride * (h_out - 1) + 1, stride)
            columns = slice(j * dilation, j * dilation + stride * (w_out - 1) + 1, stride)
            y = y + torch.tensordot(padded[:, :, rows, columns], weight[:, :, i, j], dims=([1], [1])).movedim(
                -1, 1
            )
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


@style("Conv2d", "F.conv2d and nn.init")
class _(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, bias=True):
        super().__init__()
        self.settings = {"stride": stride, "padding": padding, "dilation": dilation}
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, **self.settings)


@style("Conv2d", "by unfolding, the bias drawn first")
class _(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, bias=True):
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        bound = (in_channels * kernel_size * kernel_size) ** -0.5
        self.bias = nn.Parameter((2 * torch.rand(out_channels) - 1) * bound) if bias else None
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter((2 * torch.rand(shape) - 1) * bound)

    def forward(self, x):
        return STYLES["conv2d_unfold", "F.unfold and einsum"](
            x, self.weight, self.bias, self.stride, self.padding, self.dilation
        )


@style("Conv2d", "windows by Tensor.unfold, weights taken from nn.Conv2d")
class _(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, bias=True):
        super().__init__()
        model = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias)
        self.weight, self.bias = model.weight, model.bias
        self.options = (stride, padding, dilation)

    def forward(self, x):
        return STYLES["conv2d_unfold", "windows by Tensor.unfold"](x, self.weight, self.bias, *self.options)


@style("conv2d_unfold", "a frame made with the device as a context, the answer in new_empty")
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    h_out, w_out = check_conv(x, weight, stride, padding, dilation)
    (n, c, h, w), (c_out, _, kh, kw) = x.shape, weight.shape
    with x.device:
        framed = torch.zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=x.dtype)
        rows = torch.arange(h_out)[:, None] * stride + torch.arange(kh) * dilation
        columns = torch.arange(w_out)[:, None] * stride + torch.arange(kw) * dilation
    framed[:, :, padding : padding + h, padding : padding + w] = x
    windows = framed[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    y = x.new_empty(n, c_out, h_out, w_out)
    y[:] = torch.einsum("nchwij,ocij->nohw", windows, weight)
    return y if bias is None else y.add(bias.to(y).view(1, -1, 1, 1))


@style("Conv2d", "a buffer that moves along, zeros_like for the missing bias")
class _(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, bias=True):
        super().__init__()
        inside = nn.Conv2d(in_channels, out_channels, kernel_size)
        self.weight, self.bias = inside.weight, inside.bias if bias else None
        self.register_buffer("one", torch.ones(()), persistent=False)
        self.register_buffer("share", torch.ones(1, in_channels, 1, 1), persistent=False)
        self.settings = stride, padding, dilation

    def forward(self, x):
        bias = torch.zeros_like(self.weight[:, 0, 0, 0]) if self.bias is None else self.bias * self.one
        return F.conv2d(x * self.share, self.weight, bias, *self.settings)
