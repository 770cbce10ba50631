"""Wrong answers to the exercises of notebook 1 that real students write, each with a good teacher's hint.

Most are a right answer with one mistake put in, so that the mistake shows at a glance. Instructors only.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Misconceptions

wrong = Misconceptions()


def need(condition, words):
    if not condition:
        raise ValueError(words)


@wrong(
    "neuron",
    "bias forgotten",
    "The bias seems to be missing: which part of h = Σ x W + b is not in your sum?",
)
def _(patch, weight, bias):
    return (patch * weight).sum()


@wrong(
    "neuron",
    "bias added to every product",
    "The bias is added once for every weight. A neuron has one bias: it is added after the sum, not "
    "inside it.",
)
def _(patch, weight, bias):
    return (patch * weight + bias).sum()


@wrong(
    "neuron",
    "channels averaged",
    "Your answer is an average over the channels. The neuron adds what all channels say: Σ runs over i, j"
    " and k.",
)
def _(patch, weight, bias):
    return (patch * weight).sum(axis=(1, 2)).mean() + bias


@wrong(
    "neuron",
    "mean instead of sum",
    "You take the mean of the products where the formula has their sum.",
)
def _(patch, weight, bias):
    return (patch * weight).mean() + bias


@wrong(
    "neuron",
    "only the first channel",
    "Only the first channel is read. The patch is a volume: the neuron looks at its whole depth.",
)
def _(patch, weight, bias):
    return (patch[0] * weight[0]).sum() + bias


@wrong(
    "neuron",
    "one answer per channel",
    "You get one number per channel. The sum runs over all three axes, so that a single number is left.",
)
def _(patch, weight, bias):
    return (patch * weight).sum(axis=(1, 2)) + bias


@wrong(
    "neuron",
    "flipped weights",
    "The weights look turned by half a turn. Here every weight meets the number at its own place: nothing"
    " is flipped.",
)
def _(patch, weight, bias):
    return (patch * weight[:, ::-1, ::-1]).sum() + bias


@wrong(
    "neuron",
    "matrix product",
    "That looks like a matrix product. In the formula each number is multiplied by the one weight at its "
    "place.",
)
def _(patch, weight, bias):
    return (patch @ weight).sum() + bias


@wrong(
    "neuron",
    "input modified in place",
    "Your code writes the products into the patch itself (`*=`?). Others still need the patch: make a new"
    " array.",
)
def _(patch, weight, bias):
    patch *= weight
    return patch.sum() + bias


@wrong(
    "neuron",
    "negative answers cut off",
    "Negative answers come out as 0. The nonlinearity comes later; h itself may be negative.",
)
def _(patch, weight, bias):
    return max(0.0, (patch * weight).sum() + bias)


@wrong(
    "neuron",
    "rounded to float32",
    "The answer is right to seven digits only: something was converted to float32 on the way.",
)
def _(patch, weight, bias):
    return (patch.astype(np.float32) * weight.astype(np.float32)).sum() + np.float32(bias)


def room(size, kernel_size, padding, dilation, stride=1):
    need(min(kernel_size, stride, dilation) >= 1 and padding >= 0, "bad numbers")
    return size + 2 * padding - (dilation * (kernel_size - 1) + 1)


@wrong(
    "output_size",
    "ceil instead of floor",
    "You round up: at the end you count a window that hangs over the edge. Only whole windows count.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, padding, dilation, stride)
    need(free >= 0, "no window fits")
    return math.ceil(free / stride) + 1


@wrong(
    "output_size",
    "off by one",
    "One window is missing: how many windows are there if there is no room to move at all?",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, padding, dilation, stride)
    need(free >= 0, "no window fits")
    return free // stride


@wrong(
    "output_size",
    "padding on one side",
    "You count the padding once. The zeros are added at both ends of the axis.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = size + padding - dilation * (kernel_size - 1) - 1
    need(free >= 0, "no window fits")
    return free // stride + 1


@wrong(
    "output_size",
    "padding ignored",
    "The padding makes no difference in your answer. The input grows by it first.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, 0, dilation, stride)
    need(free >= 0, "no window fits")
    return free // stride + 1


@wrong(
    "output_size",
    "dilation ignored",
    "The dilation makes no difference in your answer. Draw a window of 3 weights with dilation 2: how "
    "wide is it?",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, padding, 1, stride)
    need(free >= 0, "no window fits")
    return free // stride + 1


@wrong(
    "output_size",
    "dilation times kernel",
    "Your dilated window is too wide. Dilation stretches the gaps between the weights: how many gaps do k"
    " weights have?",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = size + 2 * padding - dilation * kernel_size
    need(free >= 0, "no window fits")
    return free // stride + 1


@wrong(
    "output_size",
    "stride ignored",
    "The stride makes no difference in your answer. It says where the next window starts.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, padding, dilation, stride)
    need(free >= 0, "no window fits")
    return free + 1


@wrong(
    "output_size",
    "float division",
    "The number of windows is a whole number, but you return a float: divide so that a whole number comes"
    " out.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, padding, dilation, stride)
    need(free >= 0, "no window fits")
    return free / stride + 1


@wrong(
    "output_size",
    "no error where no window fits",
    "If not even one window fits, the formula gives a number that means nothing. Raise a ValueError "
    "before you use it.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    return room(size, kernel_size, padding, dilation, stride) // stride + 1


@wrong(
    "output_size",
    "error only below one output",
    "A window that does not fit can still give 1 if the result is rounded towards 0. Look at the room "
    "before you divide.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    answer = int(room(size, kernel_size, padding, dilation, stride) / stride) + 1
    need(answer >= 1, "no window fits")
    return answer


@wrong(
    "output_size",
    "exact fit refused",
    "A window exactly as large as the padded input does fit: there is one output, no error.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = room(size, kernel_size, padding, dilation, stride)
    need(free > 0, "no window fits")
    return free // stride + 1


def windows(size, kernel_size, stride, padding):
    free = room(size, kernel_size, padding, 1, stride)
    need(free >= 0, "no window fits")
    return free // stride + 1


def unread(size, seen):
    return [position for position in range(size) if position not in seen]


def read(count, kernel_size, stride, padding):
    return {n * stride - padding + k for n in range(count) for k in range(kernel_size)}


@wrong(
    "uncovered",
    "only the rest at the end",
    "You find the rest at the end, but not the gaps between two windows. When does a gap open there?",
)
def _(size, kernel_size, stride=1, padding=0):
    last = (windows(size, kernel_size, stride, padding) - 1) * stride - padding + kernel_size
    return list(range(max(last, 0), size))


@wrong(
    "uncovered",
    "only the gaps",
    "You find the gaps between windows, but not the rest at the end: what lies behind the last whole window?",
)
def _(size, kernel_size, stride=1, padding=0):
    count = windows(size, kernel_size, stride, padding)
    seen = read(count, kernel_size, stride, padding)
    return [p for p in unread(size, seen) if p <= max(seen)]


@wrong(
    "uncovered",
    "counted in the padded input",
    "Your positions count from the start of the padded input. Count in the unpadded one: its first pixel "
    "is 0.",
)
def _(size, kernel_size, stride=1, padding=0):
    count = windows(size, kernel_size, stride, padding)
    return unread(size + 2 * padding, read(count, kernel_size, stride, 0))


@wrong(
    "uncovered",
    "padding does not move the windows",
    "The first window starts in the padding, before pixel 0. Yours starts at pixel 0.",
)
def _(size, kernel_size, stride=1, padding=0):
    return unread(size, read(windows(size, kernel_size, stride, padding), kernel_size, stride, 0))


@wrong(
    "uncovered",
    "padding ignored",
    "The padding makes no difference in your answer; it moves the windows and adds some.",
)
def _(size, kernel_size, stride=1, padding=0):
    return unread(size, read(windows(size, kernel_size, stride, 0), kernel_size, stride, 0))


@wrong(
    "uncovered",
    "windows over the edge",
    "You count pixels as read by a window that hangs over the edge. Such a window does not exist.",
)
def _(size, kernel_size, stride=1, padding=0):
    windows(size, kernel_size, stride, padding)
    return unread(size, read(size + 2 * padding, kernel_size, stride, padding))


@wrong(
    "uncovered",
    "one window too few",
    "The last window that fits is missing from yours: is your loop one short?",
)
def _(size, kernel_size, stride=1, padding=0):
    return unread(size, read(windows(size, kernel_size, stride, padding) - 1, kernel_size, stride, padding))


@wrong(
    "uncovered",
    "read and unread exchanged",
    "These are the positions that *are* read. The question is about the others.",
)
def _(size, kernel_size, stride=1, padding=0):
    seen = read(windows(size, kernel_size, stride, padding), kernel_size, stride, padding)
    return [position for position in range(size) if position in seen]


@wrong(
    "uncovered",
    "number instead of positions",
    "You return how many positions are skipped; the question is which ones.",
)
def _(size, kernel_size, stride=1, padding=0):
    seen = read(windows(size, kernel_size, stride, padding), kernel_size, stride, padding)
    return len(unread(size, seen))


@wrong("uncovered", "counted from 1", "All positions are one too large: the first pixel is number 0.")
def _(size, kernel_size, stride=1, padding=0):
    seen = read(windows(size, kernel_size, stride, padding), kernel_size, stride, padding)
    return [position + 1 for position in unread(size, seen)]


@wrong(
    "uncovered",
    "no error where no window fits",
    "Where no window fits there is nothing to answer: raise a ValueError (output_size does it for you).",
)
def _(size, kernel_size, stride=1, padding=0):
    return unread(
        size, read(room(size, kernel_size, padding, 1, stride) // stride + 1, kernel_size, stride, padding)
    )


def frame(x, top, bottom, left, right, **options):
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), **options)


@wrong(
    "pad2d",
    "padding on one side",
    "The zeros are only below and to the right of the image. The frame goes all the way round.",
)
def _(x, padding):
    return frame(x, 0, padding, 0, padding)


@wrong(
    "pad2d",
    "all of the frame on one side",
    "The size is right, but the image sits in a corner of the frame. It belongs in the middle.",
)
def _(x, padding):
    return frame(x, 0, 2 * padding, 0, 2 * padding)


@wrong(
    "pad2d",
    "every axis padded",
    "You pad the batch and the channels too. Only the last two axes, H and W, get a frame.",
)
def _(x, padding):
    return np.pad(x, padding)


@wrong("pad2d", "only the height", "Only rows are added, no columns: W grows by the frame as well.")
def _(x, padding):
    return frame(x, padding, padding, 0, 0)


@wrong("pad2d", "only the width", "Only columns are added, no rows: H grows by the frame as well.")
def _(x, padding):
    return frame(x, 0, 0, padding, padding)


@wrong("pad2d", "edge repeated", "The frame repeats the edge of the image. It should hold zeros.")
def _(x, padding):
    return frame(x, padding, padding, padding, padding, mode="edge")


@wrong("pad2d", "framed with ones", "Your frame does not hold zeros. Zero padding adds nothing to any sum.")
def _(x, padding):
    return frame(x, padding, padding, padding, padding, constant_values=1)


@wrong(
    "pad2d",
    "dtype lost",
    "The answer is float64 whatever came in. `np.zeros` makes float64 unless you tell it the dtype of x.",
)
def _(x, padding):
    return frame(x, padding, padding, padding, padding).astype(np.float64)


@wrong(
    "pad2d",
    "rounded to float32",
    "Every answer of yours is float32. Keep the dtype that x has.",
)
def _(x, padding):
    return frame(x, padding, padding, padding, padding).astype(np.float32)


@wrong(
    "pad2d",
    "slice that is empty without padding",
    "With padding 0 the slice `padding:-padding` is `0:-0`, which is empty. Say where the image ends "
    "instead.",
)
def _(x, padding):
    n, c, h, w = x.shape
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding), x.dtype)
    padded[:, :, padding:-padding, padding:-padding] = x
    return padded


@wrong(
    "pad2d",
    "the input itself returned",
    "Without padding you return x itself. Return a new array, or whoever changes the answer changes the "
    "input.",
)
def _(x, padding):
    return x if padding == 0 else frame(x, padding, padding, padding, padding)


def volume(in_shape, kernel_size, stride, padding):
    _, h, w = in_shape
    return tuple(windows(size, kernel_size, stride, padding) for size in (h, w))


def cost(kind, in_shape, out_channels, kernel_size, h_out, w_out):
    c, h, w = in_shape
    outputs, window = out_channels * h_out * w_out, c * kernel_size**2
    need(kind in ("dense", "local", "conv"), f"unknown kind {kind}")
    if kind == "dense":
        return outputs * (c * h * w + 1), outputs * c * h * w
    return (outputs if kind == "local" else out_channels) * (window + 1), outputs * window


@wrong(
    "count_layer",
    "biases forgotten",
    "The biases are missing from the parameters: count one for each set of weights.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    parameters, adds = cost(
        kind, in_shape, out_channels, kernel_size, *volume(in_shape, kernel_size, stride, padding)
    )
    h_out, w_out = volume(in_shape, kernel_size, stride, padding)
    return parameters - (1 if kind == "conv" else h_out * w_out) * out_channels, adds


@wrong(
    "count_layer",
    "one bias per channel everywhere",
    "Only a convolution shares its biases. A dense or local unit has one of its own, at every position.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    h_out, w_out = volume(in_shape, kernel_size, stride, padding)
    parameters, adds = cost(kind, in_shape, out_channels, kernel_size, h_out, w_out)
    return adds + out_channels if kind != "conv" else parameters, adds


@wrong(
    "count_layer",
    "counted in 32 bits",
    "Your numbers are too large for 32 bits and start again below zero. Count in Python's own whole numbers.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    counts = cost(kind, in_shape, out_channels, kernel_size, *volume(in_shape, kernel_size, stride, padding))
    return tuple((count + 2**31) % 2**32 - 2**31 for count in counts)


@wrong(
    "count_layer",
    "weights shared by the local layer",
    "You let the local layer share its weights. It looks through windows, but each position has its own "
    "weights.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    sizes = volume(in_shape, kernel_size, stride, padding)
    parameters, adds = cost(kind, in_shape, out_channels, kernel_size, *sizes)
    return cost("conv", in_shape, out_channels, kernel_size, *sizes)[
        0
    ] if kind == "local" else parameters, adds


@wrong(
    "count_layer",
    "weights not shared by the convolution",
    "You count new weights at every position of the convolution. Its filter is the same everywhere: count"
    " it once.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    sizes = volume(in_shape, kernel_size, stride, padding)
    need(kind in ("dense", "local", "conv"), "unknown kind")
    return cost("local" if kind == "conv" else kind, in_shape, out_channels, kernel_size, *sizes)


@wrong(
    "count_layer",
    "depth of the window forgotten",
    "A window reaches through the whole depth of the input: C times kernel_size times kernel_size numbers.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    sizes = volume(in_shape, kernel_size, stride, padding)
    flat = in_shape if kind == "dense" else (1, *in_shape[1:])
    return cost(kind, flat, out_channels, kernel_size, *sizes)


@wrong(
    "count_layer",
    "multiply-adds of one position",
    "You count the multiply-adds of one position. Sharing saves weights, not work: every position is "
    "computed.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    parameters, adds = cost(
        kind, in_shape, out_channels, kernel_size, *volume(in_shape, kernel_size, stride, padding)
    )
    return parameters, out_channels * in_shape[0] * kernel_size**2 if kind == "conv" else adds


@wrong(
    "count_layer", "biases counted as multiply-adds", "Adding a bias is not counted as a multiply-add here."
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    h_out, w_out = volume(in_shape, kernel_size, stride, padding)
    parameters, adds = cost(kind, in_shape, out_channels, kernel_size, h_out, w_out)
    return parameters, adds + out_channels * h_out * w_out


@wrong(
    "count_layer",
    "dense layer reads the padding",
    "A dense unit has no window and needs no padding: it reads the C · H · W numbers of the input, not "
    "the zeros.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    sizes = volume(in_shape, kernel_size, stride, padding)
    c, h, w = in_shape
    padded = (c, h + 2 * padding, w + 2 * padding)
    return cost(kind, padded if kind == "dense" else in_shape, out_channels, kernel_size, *sizes)


@wrong(
    "count_layer",
    "height used for width",
    "You take the output as square, from the height alone. H_out and W_out come from H and W, each its own.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    h_out, _ = volume(in_shape, kernel_size, stride, padding)
    return cost(kind, in_shape, out_channels, kernel_size, h_out, h_out)


@wrong(
    "count_layer",
    "stride ignored",
    "The stride makes no difference in your numbers; it sets H_out and W_out.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    return cost(kind, in_shape, out_channels, kernel_size, *volume(in_shape, kernel_size, 1, padding))


@wrong(
    "count_layer",
    "padding ignored",
    "The padding makes no difference in your numbers; it sets H_out and W_out.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    return cost(kind, in_shape, out_channels, kernel_size, *volume(in_shape, kernel_size, stride, 0))


@wrong(
    "count_layer",
    "answers exchanged",
    "The two numbers are exchanged: the parameters come first, then the multiply-adds.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    sizes = volume(in_shape, kernel_size, stride, padding)
    return cost(kind, in_shape, out_channels, kernel_size, *sizes)[::-1]


@wrong(
    "count_layer",
    "unknown kind taken as a convolution",
    "A kind that does not exist gets an answer from you (a lone `else`?). Raise a ValueError for it.",
)
def _(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    sizes = volume(in_shape, kernel_size, stride, padding)
    return cost(kind if kind in ("dense", "local") else "conv", in_shape, out_channels, kernel_size, *sizes)


def local(x, weight, bias, stride, step=None):
    """The right answer, except for what the arguments say: step is the (row, column) step of the windows."""
    step = step or (stride, stride)
    h_out, w_out, c_out, _, kh, kw = weight.shape
    fits = tuple(windows(size, k, stride, 0) for size, k in zip(x.shape[2:], (kh, kw), strict=True))
    need(fits == (h_out, w_out), "wrong number of positions")
    y = np.zeros((len(x), c_out, h_out, w_out), x.dtype)
    for i in range(h_out):
        for j in range(w_out):
            patch = x[:, :, i * step[0] : i * step[0] + kh, j * step[1] : j * step[1] + kw]
            y[:, :, i, j] = np.einsum("nckl,ockl->no", patch, weight[i, j])
    return y if bias is None else y + bias.transpose(2, 0, 1)


@wrong(
    "locally_connected2d",
    "weights shared",
    "Every position uses the weights of the first one. That is a convolution; here position (i, j) has "
    "weight[i, j].",
)
def _(x, weight, bias=None, stride=1):
    return local(x, np.broadcast_to(weight[:1, :1], weight.shape), bias, stride)


@wrong(
    "locally_connected2d",
    "stride ignored",
    "Neighbouring windows of yours lie one pixel apart, whatever the stride. Where does the window of row"
    " i start?",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight, bias, stride, (1, 1))


@wrong(
    "locally_connected2d",
    "stride along one axis only",
    "The rows move by the stride, the columns by one pixel. The stride holds along both axes.",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight, bias, stride, (stride, 1))


@wrong(
    "locally_connected2d",
    "bias forgotten",
    "Your answer has no bias. Where it is given, every neuron adds its own.",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight, None, stride)


@wrong(
    "locally_connected2d",
    "bias shared by the positions",
    "You add the same bias at every position. bias is (H_out, W_out, C_out): each neuron has its own.",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight, None if bias is None else np.broadcast_to(bias[:1, :1], bias.shape), stride)


@wrong(
    "locally_connected2d",
    "flipped windows",
    "Your weights look turned by half a turn. Each weight meets the pixel at its own place in the window.",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight[..., ::-1, ::-1], bias, stride)


@wrong(
    "locally_connected2d", "channels averaged", "You average over the input channels where the sum is due."
)
def _(x, weight, bias=None, stride=1):
    return (local(x, weight / x.shape[1], bias, stride)).astype(x.dtype)


@wrong(
    "locally_connected2d",
    "only the first channel",
    "Only the first input channel is read: a window is as deep as the input.",
)
def _(x, weight, bias=None, stride=1):
    return local(x[:, :1], weight[:, :, :, :1], bias, stride)


@wrong(
    "locally_connected2d",
    "output channels first written last",
    "Your answer is (N, H_out, W_out, C_out). The channels come second here: (N, C_out, H_out, W_out).",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight, bias, stride).transpose(0, 2, 3, 1)


@wrong(
    "locally_connected2d",
    "dtype lost",
    "The answer is float64 whatever came in: tell `np.zeros` the dtype of x.",
)
def _(x, weight, bias=None, stride=1):
    return local(x, weight, bias, stride).astype(np.float64)


@wrong(
    "locally_connected2d",
    "no error for a wrong number of positions",
    "The weights say how many positions there are; x and the stride say it too. If they differ, raise a "
    "ValueError.",
)
def _(x, weight, bias=None, stride=1):
    h_out, w_out, c_out, _, kh, kw = weight.shape
    y = np.zeros((len(x), c_out, h_out, w_out), x.dtype)
    for i in range(h_out):
        for j in range(w_out):
            patch = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            if patch.shape[2:] == (kh, kw):
                y[:, :, i, j] = np.einsum("nckl,ockl->no", patch, weight[i, j])
    return y if bias is None else y + bias.transpose(2, 0, 1)


@wrong(
    "locally_connected2d",
    "input modified in place",
    "Your code multiplies the weights into x itself: a slice is a view, so `*=` on a patch changes x.",
)
def _(x, weight, bias=None, stride=1):
    y = local(x, weight, bias, stride)
    x[:, :, : weight.shape[4], : weight.shape[5]] *= weight[0, 0, 0]
    return y


def examine(x, weight, stride, padding, dilation, channel_axis=1):
    """The errors that are due."""
    need(x.shape[1] == weight.shape[channel_axis], "channels differ")
    need(stride >= 1 and dilation >= 1 and padding >= 0, "bad stride, padding or dilation")
    for size, k in zip(x.shape[2:], weight.shape[2:], strict=True):
        need(room(size, k, padding, dilation, stride) >= 0, "no window fits")


def slide(padded, weight, bias, step, dilation, size, y=None):
    """Shift and add: step, dilation and size are pairs (rows, columns)."""
    h, w = size
    y = np.zeros((len(padded), len(weight), h, w), padded.dtype) if y is None else y
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            top, left = i * dilation[0], j * dilation[1]
            rows = slice(top, top + (h - 1) * step[0] + 1, step[0])
            columns = slice(left, left + (w - 1) * step[1] + 1, step[1])
            y += np.einsum("nchw,oc->nohw", padded[:, :, rows, columns], weight[:, :, i, j])
    if bias is not None:
        y += bias[:, None, None]
    return y


def sizes(x, weight, stride, padding, dilation):
    pairs = zip(x.shape[2:], weight.shape[2:], strict=True)
    return tuple(room(size, k, padding, dilation, stride) // stride + 1 for size, k in pairs)


def conv(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """The right answer."""
    examine(x, weight, stride, padding, dilation)
    size = sizes(x, weight, stride, padding, dilation)
    padded = frame(x, padding, padding, padding, padding)
    return slide(padded, weight, bias, (stride, stride), (dilation, dilation), size)


FLIPPED = (
    "flipped kernel",
    "Your filter is turned by half a turn. Here the first weight meets the first pixel of the window; "
    "nothing is flipped.",
)
ONE_FLIP = (
    "kernel axes swapped",
    "The rows and columns of your filter are exchanged: weight[o, c, k, l] belongs to row k and column l "
    "of the window.",
)
NO_BIAS = (
    "bias forgotten",
    "Your answer has no bias. Where a bias is given, add bias[o] to the whole slice of filter o.",
)
BIAS_PER_CHANNEL = (
    "bias added once per input channel",
    "The bias comes in several times: it is added inside the sum over the input channels. Add it once, "
    "after the sum.",
)
STRIDE_IGNORED = (
    "stride ignored",
    "The number of windows is right, but they lie one pixel apart, whatever the stride. Where does window"
    " i start?",
)
STRIDE_ON_ROWS = (
    "stride along one axis only",
    "The stride is used for the rows, but not for the columns. It holds along both axes.",
)
PADDING_IGNORED = (
    "padding ignored",
    "The padding makes no difference in your answer. The zeros come first, then the windows.",
)
PADDING_ONE_SIDE = (
    "padding on one side",
    "The zeros are only below and to the right. The same number of zeros goes on all four sides.",
)
HEIGHT_FOR_WIDTH = (
    "height used for width",
    "The width of your output comes from the height. W_out follows from W and kw, H_out from H and kh.",
)
CHANNELS_AVERAGED = (
    "channels averaged",
    "You average over the input channels. The formula has a sum: all channels of the window are added.",
)
FIRST_CHANNEL = (
    "only one input channel",
    "Only one input channel gets into your answer. A filter is as deep as the input; is there an `=` "
    "where a `+=` is due?",
)
DTYPE_LOST = (
    "dtype lost",
    "The answer is float64 whatever came in. `np.zeros` makes float64 unless you tell it the dtype of x.",
)
ROUNDED = (
    "float32 inside",
    "The answer is right to seven digits only: something was converted to float32 on the way.",
)
IN_PLACE = (
    "input modified in place",
    "Your code writes into x: a slice of x is a view, so `*=` or `+=` on a patch changes x itself. Make a"
    " new array.",
)
NO_CHANNEL_ERROR = (
    "no error for channels that differ",
    "If x and weight do not have the same number of channels, slicing or broadcasting hides it. Look "
    "first, and raise a ValueError.",
)
ONE_SHORT = (
    "one window too few",
    "Your output is one row and one column too small: is the + 1 missing from its size?",
)
SLICES_SWAPPED = (
    "slices in reverse order",
    "The slices of your output are in reverse order: slice o belongs to filter o.",
)


def both(name_and_hint):
    """Collect a mistake for conv2d_loops and conv2d alike."""

    def collect(function):
        wrong("conv2d_loops", *name_and_hint)(function)
        wrong("conv2d", *name_and_hint)(function)
        return function

    return collect


@both(FLIPPED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight[:, :, ::-1, ::-1], bias, stride, padding, dilation)


@both(ONE_FLIP)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight.swapaxes(2, 3), bias, stride, padding, dilation)


@both(NO_BIAS)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight, None, stride, padding, dilation)


@both(BIAS_PER_CHANNEL)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(
        x, weight, None if bias is None else bias * x.dtype.type(x.shape[1]), stride, padding, dilation
    )


@both(STRIDE_IGNORED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    padded = frame(x, padding, padding, padding, padding)
    return slide(
        padded, weight, bias, (1, 1), (dilation, dilation), sizes(x, weight, stride, padding, dilation)
    )


@both(STRIDE_ON_ROWS)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    padded = frame(x, padding, padding, padding, padding)
    return slide(
        padded, weight, bias, (stride, 1), (dilation, dilation), sizes(x, weight, stride, padding, dilation)
    )


@both(PADDING_IGNORED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    need(padding >= 0, "negative padding")
    return conv(x, weight, bias, stride, 0, dilation)


@both(PADDING_ONE_SIDE)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    padded = frame(x, 0, 2 * padding, 0, 2 * padding)
    return slide(
        padded, weight, bias, (stride,) * 2, (dilation,) * 2, sizes(x, weight, stride, padding, dilation)
    )


@both(HEIGHT_FOR_WIDTH)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    right = conv(x, weight, bias, stride, padding, dilation)
    y = np.zeros((*right.shape[:2], right.shape[2], right.shape[2]), x.dtype)
    shared = min(right.shape[2:])
    y[..., :shared] = right[..., :shared]
    return y


@both(CHANNELS_AVERAGED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight / x.dtype.type(x.shape[1]), bias, stride, padding, dilation)


@both(FIRST_CHANNEL)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    return conv(x[:, -1:], weight[:, -1:], bias, stride, padding, dilation)


@both(DTYPE_LOST)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight, bias, stride, padding, dilation).astype(np.float64)


@both(ROUNDED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    halves = [None if a is None else a.astype(np.float32) for a in (x, weight, bias)]
    return conv(*halves, stride, padding, dilation).astype(x.dtype)


@both(IN_PLACE)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    y = conv(x, weight, bias, stride, padding, dilation)
    x *= weight[0, 0, 0, 0]
    return y


@both(NO_CHANNEL_ERROR)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    shared = min(x.shape[1], weight.shape[1])
    return conv(x[:, :shared], weight[:, :shared], bias, stride, padding, dilation)


@both(ONE_SHORT)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight, bias, stride, padding, dilation)[:, :, :-1, :-1]


@both(SLICES_SWAPPED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight, bias, stride, padding, dilation)[:, ::-1]


@wrong(
    "conv2d",
    "dilation ignored",
    "The dilation makes no difference in your answer: the taps must lie further apart.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    need(dilation >= 1, "bad dilation")
    return conv(x, weight, bias, stride, padding, 1)


@wrong(
    "conv2d",
    "dilation along one axis only",
    "The rows of the window are spread out, the columns are not. The dilation holds along both axes.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    padded = frame(x, padding, padding, padding, padding)
    return slide(
        padded, weight, bias, (stride,) * 2, (dilation, 1), sizes(x, weight, stride, padding, dilation)
    )


@wrong(
    "conv2d",
    "dilation and stride exchanged",
    "Stride and dilation look exchanged. The stride is the step from window to window, the dilation from "
    "tap to tap.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight, bias, dilation, padding, stride)


@wrong(
    "conv2d",
    "loop over pixels",
    "The numbers are right, but Python still walks over the pixels one by one. Let NumPy do all positions"
    " at once: loop over the few taps of the filter, or use sliding_window_view.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    padded = frame(x, padding, padding, padding, padding)
    h, w = sizes(x, weight, stride, padding, dilation)
    reach = [dilation * (k - 1) + 1 for k in weight.shape[2:]]
    y = np.zeros((len(x), len(weight), h, w), x.dtype)
    for i in range(h):
        for j in range(w):
            top, left = i * stride, j * stride
            patch = padded[:, :, top : top + reach[0] : dilation, left : left + reach[1] : dilation]
            y[:, :, i, j] = np.einsum("nckl,ockl->no", patch, weight)
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv2d",
    "memory layout taken for granted",
    "Your windows assume that x lies in memory row by row. A slice of a larger array does not: use its "
    "own strides (sliding_window_view does), or copy it first.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    padded = frame(x, padding, padding, padding, padding) if padding else x
    steps = np.zeros(padded.shape, padded.dtype).strides  # those of an array without gaps
    taken = np.lib.stride_tricks.as_strided(padded, padded.shape, steps)
    size = sizes(x, weight, stride, padding, dilation)
    return slide(taken, weight, bias, (stride,) * 2, (dilation,) * 2, size)


@wrong(
    "conv2d",
    "bad numbers accepted",
    "A stride or dilation below 1, or a negative padding, makes no sense. Look first, and raise a "
    "ValueError.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return conv(x, weight, bias, max(stride, 1), max(padding, 0), max(dilation, 1))


@wrong(
    "conv2d_loops",
    "no error where no window fits",
    "Where no window fits you return an empty output. Raise a ValueError instead (output_size does it for"
    " you).",
)
@wrong(
    "conv2d",
    "no error where no window fits",
    "Where no window fits you return an empty output. Raise a ValueError instead, with the numbers in the"
    " message.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    need(x.shape[1] == weight.shape[1], "channels differ")
    need(stride >= 1 and dilation >= 1 and padding >= 0, "bad stride, padding or dilation")
    size = tuple(max(n, 0) for n in sizes(x, weight, stride, padding, dilation))
    if min(size) == 0:
        return np.zeros((len(x), len(weight), *size), x.dtype)
    return conv(x, weight, bias, stride, padding, dilation)


def mix(x, matrix, bias=None):
    """The right answer."""
    matrix = matrix.reshape(len(matrix), -1)
    need(matrix.shape[1] == x.shape[1], "channels differ")
    y = np.einsum("oc,nchw->nohw", matrix, x)
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv1x1",
    "bias forgotten",
    "Your answer has no bias. Where a bias is given, add bias[o] to the whole of channel o.",
)
def _(x, weight, bias=None):
    return mix(x, weight)


@wrong(
    "conv1x1",
    "matrix transposed",
    "Your matrix is used the other way round. weight[o, c] says how much of input channel c goes into "
    "output channel o.",
)
def _(x, weight, bias=None):
    matrix = weight.reshape(weight.shape[:2])
    need(matrix.shape[1] == x.shape[1], "channels differ")
    return (
        np.einsum("co,nchw->nohw", matrix, x)
        if bias is None
        else (np.einsum("co,nchw->nohw", matrix, x) + bias[:, None, None])
    )


@wrong(
    "conv1x1",
    "axes mixed up by reshape",
    "The numbers of different channels got mixed: reshape does not move axes. Bring the channels to the "
    "end first (transpose, moveaxis), then reshape.",
)
def _(x, weight, bias=None):
    n, c, h, w = x.shape
    matrix = weight.reshape(len(weight), -1)
    need(matrix.shape[1] == c, "channels differ")
    y = x.reshape(-1, c) @ matrix.T
    return (y if bias is None else y + bias).reshape(n, -1, h, w)


@wrong(
    "conv1x1",
    "channels left last",
    "Your answer is (N, H, W, C_out). The channels come second: move them back after the product.",
)
def _(x, weight, bias=None):
    return mix(x, weight, bias).transpose(0, 2, 3, 1)


@wrong(
    "conv1x1",
    "bias along the width",
    "The bias is spread over the columns of the image (broadcasting starts at the last axis). It belongs "
    "to the channels.",
)
def _(x, weight, bias=None):
    y = mix(x, weight)
    return y if bias is None else y + bias


@wrong("conv1x1", "channels averaged", "You average over the input channels where the sum is due.")
def _(x, weight, bias=None):
    return mix(x, weight / x.dtype.type(x.shape[1]), bias)


@wrong(
    "conv1x1",
    "filters of four axes refused",
    "Your code takes the weight as a matrix only. The same numbers may come as filters (C_out, C_in, 1, 1).",
)
def _(x, weight, bias=None):
    _, _ = weight.shape
    return mix(x, weight, bias)


@wrong(
    "conv1x1",
    "matrix as two axes refused",
    "Your code takes filters of four axes only. The weight may also come as a matrix (C_out, C_in).",
)
def _(x, weight, bias=None):
    _, _, _, _ = weight.shape
    return mix(x, weight, bias)


@wrong("conv1x1", "ReLU applied", "All your answers are 0 or more. This function stops before the ReLU.")
def _(x, weight, bias=None):
    return np.maximum(mix(x, weight, bias), x.dtype.type(0))


@wrong("conv1x1", "dtype lost", "The answer is float64 whatever came in. Keep the dtype of x.")
def _(x, weight, bias=None):
    return mix(x, weight, bias).astype(np.float64)


@wrong(
    "conv1x1",
    "no error for a matrix that does not fit",
    "If the matrix does not have C_in columns, broadcasting or slicing hides it. Look first, and raise a "
    "ValueError.",
)
def _(x, weight, bias=None):
    shared = min(x.shape[1], weight.shape[1])
    return mix(x[:, :shared], weight[:, :shared], bias)


@wrong(
    "conv1x1",
    "input modified in place",
    "Your code changes x or the weight (a reshaped array is a view: `+=` or `*=` on it reaches the "
    "original).",
)
def _(x, weight, bias=None):
    y = mix(x, weight, bias)
    weight *= 2
    return y


def grow(layers, size=1, jump=1):
    for kernel, stride, dilation in layers:
        need(min(kernel, stride, dilation) >= 1, "numbers below 1")
        size += (kernel - 1) * dilation * jump
        jump *= stride
    return size, jump


@wrong(
    "receptive_field",
    "jump ignored",
    "After a stride, neighbouring outputs lie further apart in the input: what a later kernel adds grows "
    "with the jump.",
)
def _(layers):
    _, jump = grow(layers)
    return 1 + sum((kernel - 1) * dilation for kernel, _, dilation in layers), jump


@wrong(
    "receptive_field",
    "own stride used too early",
    "A layer's own stride does not widen what that layer sees; it counts for the layers after it. Mind "
    "the order.",
)
def _(layers):
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        need(min(kernel, stride, dilation) >= 1, "numbers below 1")
        jump *= stride
        size += (kernel - 1) * dilation * jump
    return size, jump


@wrong(
    "receptive_field",
    "dilation ignored",
    "The dilation makes no difference in your answer: it spreads the taps.",
)
def _(layers):
    grow(layers)
    return grow([(kernel, stride, 1) for kernel, stride, _ in layers])


@wrong(
    "receptive_field",
    "dilation times kernel",
    "A dilated kernel of yours is too wide: k taps have only k - 1 gaps that the dilation stretches.",
)
def _(layers):
    grow(layers)
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel * dilation - 1) * jump
        jump *= stride
    return size, jump


@wrong(
    "receptive_field",
    "strides added",
    "Strides multiply: after two layers of stride 2 a step is 4 pixels of input.",
)
def _(layers):
    grow(layers)
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump += stride - 1
    return size, jump


@wrong(
    "receptive_field",
    "whole kernel added",
    "Each layer adds one kernel width too much: a kernel of 1 pixel sees no further. What does a kernel "
    "of 3 add?",
)
def _(layers):
    grow(layers)
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += kernel * dilation * jump
        jump *= stride
    return size, jump


@wrong(
    "receptive_field",
    "layers in the wrong order",
    "You walk from the output to the input, but with the formula for the other direction. Layers come in "
    "order from the input.",
)
def _(layers):
    return grow(list(reversed(layers)))


@wrong(
    "receptive_field",
    "starts at zero",
    "With no layer at all an output sees one pixel: the size starts at 1, not at 0.",
)
def _(layers):
    return grow(layers, size=0)


@wrong(
    "receptive_field",
    "answers exchanged",
    "The two numbers are exchanged: the size comes first, then the jump.",
)
def _(layers):
    return grow(layers)[::-1]


@wrong(
    "receptive_field",
    "only the size",
    "You return the size alone. The jump is asked for too: (size, jump).",
)
def _(layers):
    return grow(layers)[0]


@wrong(
    "receptive_field",
    "no error for numbers below 1",
    "A kernel, stride or dilation below 1 makes no sense. Look at each layer first, and raise a ValueError.",
)
def _(layers):
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump *= stride
    return size, jump


@wrong(
    "receptive_field",
    "list emptied",
    "Your code takes the layers out of the list it was given (`pop`?). Its owner still needs them: loop "
    "over it.",
)
def _(layers):
    answer = grow(layers)
    layers.clear()
    return answer


def stamp(x, weight, bias=None, stride=1, padding=0, overwrite=False):
    """The right answer, unless stamps overwrite each other."""
    examine_transposed(x, weight, stride, padding)
    y = full_stamp(x, weight, stride, overwrite)
    y = y[:, :, padding : y.shape[2] - padding, padding : y.shape[3] - padding]
    return y if bias is None else y + bias[:, None, None]


def examine_transposed(x, weight, stride, padding):
    need(x.shape[1] == len(weight), "channels differ")
    need(stride >= 1 and padding >= 0, "bad stride or padding")
    need(min(full_size(x, weight, stride)) > 2 * padding, "nothing is left")


def full_size(x, weight, stride):
    return tuple((n - 1) * stride + k for n, k in zip(x.shape[2:], weight.shape[2:], strict=True))


def full_stamp(x, weight, stride, overwrite=False):
    n, _, h, w = x.shape
    _, c_out, kh, kw = weight.shape
    y = np.zeros((n, c_out, *full_size(x, weight, stride)), x.dtype)
    for i in range(h):
        for j in range(w):
            place = np.s_[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            stamped = np.einsum("nc,cokl->nokl", x[:, :, i, j], weight)
            y[place] = stamped if overwrite else y[place] + stamped
    return y


@wrong(
    "conv_transpose2d",
    "overlapping stamps overwritten",
    "Where stamps overlap, the later one wipes out the earlier. They add up: `+=`, not `=`.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    return stamp(x, weight, bias, stride, padding, overwrite=True)


@wrong(
    "conv_transpose2d",
    "weight axes swapped",
    "You read the weight as (C_out, C_in, kh, kw). Here the input channel comes first: (C_in, C_out, kh, "
    "kw).",
)
def _(x, weight, bias=None, stride=1, padding=0):
    return stamp(x, weight.swapaxes(0, 1), bias, stride, padding)


@wrong(
    "conv_transpose2d",
    "padding added instead of cropped",
    "Padding makes your output larger. In the transposed convolution it works the other way: it cuts rows"
    " and columns off.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    examine_transposed(x, weight, stride, padding)
    y = frame(full_stamp(x, weight, stride), padding, padding, padding, padding)
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv_transpose2d",
    "padding ignored",
    "The padding makes no difference in your answer. It cuts the output on all sides.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    need(padding >= 0, "bad padding")
    return stamp(x, weight, bias, stride)


@wrong(
    "conv_transpose2d",
    "cropped on one side",
    "You cut all the padding off at the bottom and the right. The same number of rows and columns goes on"
    " each side.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    examine_transposed(x, weight, stride, padding)
    y = full_stamp(x, weight, stride)
    y = y[:, :, : y.shape[2] - 2 * padding, : y.shape[3] - 2 * padding]
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv_transpose2d",
    "slice that is empty without padding",
    "With padding 0 the slice `padding:-padding` is `0:-0`, which is empty. Say where the output ends "
    "instead.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    examine_transposed(x, weight, stride, padding)
    y = full_stamp(x, weight, stride)[:, :, padding:-padding, padding:-padding]
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv_transpose2d",
    "stride ignored",
    "The stamps lie one pixel apart, whatever the stride. The stride is their distance in the output.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    examine_transposed(x, weight, stride, padding)
    return stamp(x, weight, bias, 1, min(padding, (min(full_size(x, weight, 1)) - 1) // 2))


@wrong(
    "conv_transpose2d",
    "flipped stamp",
    "Every stamp is the filter turned by half a turn. If you insert zeros and convolve, the filter must "
    "be flipped; if you stamp, it must not.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    return stamp(x, weight[:, :, ::-1, ::-1], bias, stride, padding)


@wrong(
    "conv_transpose2d",
    "ordinary convolution",
    "That is an ordinary convolution: the output shrinks where it should grow. Each input pixel stamps "
    "the filter.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    examine_transposed(x, weight, stride, padding)
    return conv(x, weight.swapaxes(0, 1), bias, stride, padding)


@wrong(
    "conv_transpose2d",
    "bias forgotten",
    "Your answer has no bias. Where it is given, every output number gets it once.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    return stamp(x, weight, None, stride, padding)


@wrong(
    "conv_transpose2d",
    "bias stamped too",
    "The bias is added with every stamp, so that it counts several times where stamps overlap. Add it "
    "once, at the end.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    y = stamp(x, weight, None, stride, padding)
    if bias is None:
        return y
    ones = np.ones((len(x), 1, *x.shape[2:]), x.dtype)
    mask = np.ones((1, 1, *weight.shape[2:]), x.dtype)
    return y + stamp(ones, mask, None, stride, padding) * bias[:, None, None]


@wrong(
    "conv_transpose2d",
    "output as large as the input times the stride",
    "Your output is H · stride by W · stride. The last stamp reaches (H - 1) · stride + kh: the filter "
    "counts too.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    examine_transposed(x, weight, stride, padding)
    full, (h, w) = full_stamp(x, weight, stride), x.shape[2:]
    y = np.zeros((*full.shape[:2], h * stride, w * stride), x.dtype)
    rows, columns = min(full.shape[2], h * stride), min(full.shape[3], w * stride)
    y[:, :, :rows, :columns] = full[:, :, :rows, :columns]
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv_transpose2d",
    "dtype lost",
    "The answer is float64 whatever came in: tell `np.zeros` the dtype of x.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    return stamp(x, weight, bias, stride, padding).astype(np.float64)


@wrong(
    "conv_transpose2d",
    "bad numbers accepted",
    "A stride below 1, a negative padding, or one that leaves no output makes no sense: look first, and "
    "raise a ValueError.",
)
def _(x, weight, bias=None, stride=1, padding=0):
    need(x.shape[1] == len(weight), "channels differ")
    stride, padding = max(stride, 1), max(padding, 0)
    y = full_stamp(x, weight, stride)[:, :, padding:, padding:]
    y = y[:, :, : max(y.shape[2] - padding, 0), : max(y.shape[3] - padding, 0)]
    return y if bias is None else y + bias[:, None, None]


@wrong("conv_transpose2d", *NO_CHANNEL_ERROR)
def _(x, weight, bias=None, stride=1, padding=0):
    shared = min(x.shape[1], len(weight))
    return stamp(x[:, :shared], weight[:shared], bias, stride, padding)


def in_time(x, weight, bias, dilation, before, after=0):
    """Convolve with `before` zeros before the beginning and `after` behind the end."""
    need(x.shape[1] == weight.shape[1], "channels differ")
    need(dilation >= 1, "bad dilation")
    padded = np.pad(x, ((0, 0), (0, 0), (before, after)))
    steps = max(padded.shape[2] - (weight.shape[2] - 1) * dilation, 0)
    y = np.zeros((len(x), len(weight), steps), x.dtype)
    for tap in range(weight.shape[2]):
        y += weight[:, :, tap] @ padded[:, :, tap * dilation : tap * dilation + steps]
    return y if bias is None else y + bias[:, None]


def past(weight, dilation):
    return (weight.shape[2] - 1) * dilation


@wrong(
    "causal_conv1d",
    "future leaks",
    "Your output knows the future: half of the zeros stand at the end. All of them belong before the "
    "beginning.",
)
def _(x, weight, bias=None, dilation=1):
    zeros = past(weight, dilation)
    return in_time(x, weight, bias, dilation, zeros - zeros // 2, zeros // 2)


@wrong(
    "causal_conv1d",
    "padding at the end",
    "Your output looks into the future only: the zeros stand behind the end. They belong before the "
    "beginning.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, bias, dilation, 0, past(weight, dilation))


@wrong(
    "causal_conv1d",
    "flipped taps",
    "Your taps are in reverse order: the *last* tap reads the present, the first one the most distant past.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight[:, :, ::-1], bias, dilation, past(weight, dilation))


@wrong(
    "causal_conv1d",
    "dilation ignored",
    "The dilation makes no difference in your answer: the taps must lie further apart.",
)
def _(x, weight, bias=None, dilation=1):
    need(dilation >= 1, "bad dilation")
    return in_time(x, weight, bias, 1, past(weight, 1))


@wrong(
    "causal_conv1d",
    "dilation forgotten in the padding",
    "The output is shorter than the input: a dilated filter reaches further back, so it needs more zeros "
    "before the start.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, bias, dilation, past(weight, 1))


@wrong(
    "causal_conv1d",
    "no padding",
    "The output is shorter than the input. Before the beginning there are zeros: put them there first.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, bias, dilation, 0)


@wrong(
    "causal_conv1d",
    "padding at both ends",
    "The output is longer than the input. The zeros stand before the beginning only; if you pad both "
    "ends, cut the tail off.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, bias, dilation, past(weight, dilation), past(weight, dilation))


@wrong(
    "causal_conv1d",
    "present left out",
    "The output at time t does not know x at time t: it comes one step late. The last tap reads the present.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, bias, dilation, past(weight, dilation) + 1)[:, :, : x.shape[2]]


@wrong(
    "causal_conv1d",
    "bias forgotten",
    "Your answer has no bias. Where a bias is given, add bias[o] to the whole of channel o.",
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, None, dilation, past(weight, dilation))


@wrong("causal_conv1d", "channels averaged", "You average over the input channels where the sum is due.")
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight / x.dtype.type(x.shape[1]), bias, dilation, past(weight, dilation))


@wrong(
    "causal_conv1d", "dtype lost", "The answer is float64 whatever came in: tell `np.zeros` the dtype of x."
)
def _(x, weight, bias=None, dilation=1):
    return in_time(x, weight, bias, dilation, past(weight, dilation)).astype(np.float64)


@wrong("causal_conv1d", *NO_CHANNEL_ERROR)
def _(x, weight, bias=None, dilation=1):
    shared = min(x.shape[1], weight.shape[1])
    return in_time(x[:, :shared], weight[:, :shared], bias, dilation, past(weight, dilation))


@wrong(
    "causal_conv1d",
    "bad dilation accepted",
    "A dilation below 1 makes no sense: look first, and raise a ValueError.",
)
def _(x, weight, bias=None, dilation=1):
    dilation = max(dilation, 1)
    return in_time(x, weight, bias, dilation, past(weight, dilation))


def unfold(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """The right answer."""
    examine(x, weight, stride, padding, dilation)
    return F.conv2d(x, weight, bias, stride, padding, dilation)


@wrong("conv2d_unfold", *FLIPPED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x, weight.flip(2, 3), bias, stride, padding, dilation)


@wrong("conv2d_unfold", *NO_BIAS)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x, weight, None, stride, padding, dilation)


@wrong("conv2d_unfold", *PADDING_IGNORED)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    need(padding >= 0, "bad padding")
    return unfold(x, weight, bias, stride, 0, dilation)


@wrong(
    "conv2d_unfold",
    "dilation ignored",
    "The dilation makes no difference in your answer: F.unfold takes it as well.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    need(dilation >= 1, "bad dilation")
    return unfold(x, weight, bias, stride, padding, 1)


@wrong(
    "conv2d_unfold",
    "arguments of F.unfold in the wrong order",
    "F.unfold takes dilation, padding, stride in this order, unlike conv2d. Pass them by name.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    h, w = sizes(x, weight, stride, padding, dilation)
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], stride, padding, dilation)
    y = y.unflatten(2, (h, w))
    return y if bias is None else y + bias[:, None, None]


@wrong(
    "conv2d_unfold",
    "height and width exchanged",
    "The columns of F.unfold run along the rows of the image. Shape them back to (H_out, W_out), not "
    "(W_out, H_out).",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    y = unfold(x, weight, bias, stride, padding, dilation)
    return y.reshape(*y.shape[:2], y.shape[3], y.shape[2])


@wrong(
    "conv2d_unfold",
    "gradients cut off",
    "No gradient comes back: `.detach()`, `.data`, `.numpy()` or `torch.no_grad()` cuts the graph. Stay "
    "with tensors.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x, weight, bias, stride, padding, dilation).detach()


@wrong(
    "conv2d_unfold",
    "weights without gradient",
    "x gets its gradient, the weights do not: they were copied into a new tensor or detached before the "
    "product.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x, weight.detach(), None if bias is None else bias.detach(), stride, padding, dilation)


@wrong(
    "conv2d_unfold",
    "through NumPy",
    "You leave PyTorch for NumPy on the way. That breaks the gradients and does not work on a GPU: stay "
    "with tensors.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    arrays = [None if tensor is None else tensor.numpy() for tensor in (x, weight, bias)]
    return torch.from_numpy(conv(*arrays, stride, padding, dilation))


@wrong(
    "conv2d_unfold",
    "NumPy array returned",
    "You return a NumPy array. The answer should be a tensor, on the device of x.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x, weight, bias, stride, padding, dilation).detach().numpy()


@wrong(
    "conv2d_unfold",
    "dtype lost",
    "Every answer of yours is float32 (`.float()`?). Keep the dtype of x.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x, weight, bias, stride, padding, dilation).float()


@wrong(
    "conv2d_unfold",
    "no error of its own",
    "For bad arguments PyTorch raises a RuntimeError or nothing at all. Look first, and raise a ValueError.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(x, weight, bias, stride, padding, dilation)


@wrong(
    "conv2d_unfold",
    "one image of columns for all",
    "Every image of the batch gets the answer of the first one: the batch axis got lost on the way.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return unfold(x[:1].expand_as(x), weight, bias, stride, padding, dilation)


def framed(x, padding, **where):
    """Zeros around x, made by hand."""
    n, c, h, w = x.shape
    frame = torch.zeros(n, c, h + 2 * padding, w + 2 * padding, dtype=x.dtype, **where)
    frame[:, :, padding : padding + h, padding : padding + w] = x
    return frame


def own_gpu():
    return "cuda" if torch.cuda.is_available() else "cpu"


@wrong(
    "conv2d_unfold",
    "frame made on the CPU",
    "The frame of zeros is made without a device, so it is on the CPU. On a GPU it does not fit the weights: "
    "`device=x.device`, or F.unfold's own padding.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    return unfold(framed(x, padding), weight, bias, stride, 0, dilation)


@wrong(
    "conv2d_unfold",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`). Make new tensors where x is: '
    "`device=x.device`.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    examine(x, weight, stride, padding, dilation)
    return unfold(framed(x, padding, device=own_gpu()), weight, bias, stride, 0, dilation)


@wrong(
    "conv2d_unfold",
    "computed on the CPU",
    "You fetch everything to the CPU, compute there, and send the answer back. The work should be done where "
    "x is.",
)
def _(x, weight, bias=None, stride=1, padding=0, dilation=1):
    here = [None if tensor is None else tensor.cpu() for tensor in (x, weight, bias)]
    return unfold(*here, stride, padding, dilation).to(x.device)


class RightConv2d(nn.Module):
    """The right layer; the wrong ones change one thing."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, bias=True):
        super().__init__()
        self.stride, self.padding, self.dilation = stride, padding, dilation
        bound = (in_channels * kernel_size**2) ** -0.5
        weight = torch.empty(out_channels, in_channels, kernel_size, kernel_size).uniform_(-bound, bound)
        self.keep(weight, torch.empty(out_channels).uniform_(-bound, bound) if bias else None)

    def keep(self, weight, bias):
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation)


@wrong(
    "Conv2d",
    "weight is not a parameter",
    "The layer does not know its weights: a plain tensor is neither trained, nor saved, nor moved to the "
    "GPU. Wrap it in nn.Parameter.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        self.weight, self.bias = weight.requires_grad_(), None if bias is None else bias.requires_grad_()


@wrong(
    "Conv2d",
    "weight is a buffer",
    "The weights are buffers: saved and moved, but not trained. Wrap them in nn.Parameter.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)


@wrong(
    "Conv2d",
    "only the weight is a parameter",
    "The bias is a plain tensor. It is trained like the weight: nn.Parameter.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        self.weight, self.bias = nn.Parameter(weight), bias


@wrong(
    "Conv2d",
    "parameters with other names",
    "The parameters should be called weight and bias, as in nn.Conv2d, so that saved states fit.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        self.w, self.b = nn.Parameter(weight), None if bias is None else nn.Parameter(bias)

    def forward(self, x):
        return F.conv2d(x, self.w, self.b, self.stride, self.padding, self.dilation)


@wrong("Conv2d", "weight axes swapped", "The weight should be (C_out, C_in, k, k): output channels first.")
class _(RightConv2d):
    def keep(self, weight, bias):
        super().keep(weight.transpose(0, 1).contiguous(), bias)

    def forward(self, x):
        return F.conv2d(x, self.weight.transpose(0, 1), self.bias, self.stride, self.padding, self.dilation)


@wrong("Conv2d", "bias forgotten in forward", "The layer has a bias, but forward does not add it.")
class _(RightConv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, None, self.stride, self.padding, self.dilation)


@wrong("Conv2d", "bias=False ignored", "With bias=False the layer should have no bias: self.bias is None.")
class _(RightConv2d):
    def __init__(self, *arguments, bias=True):
        super().__init__(*arguments, bias=True)


@wrong(
    "Conv2d",
    "bias never there",
    "The layer has no bias at all. It owns one, unless it was built with bias=False.",
)
class _(RightConv2d):
    def __init__(self, *arguments, bias=True):
        super().__init__(*arguments, bias=False)


@wrong(
    "Conv2d",
    "padding hard-coded",
    "The padding is always half the kernel, whatever was asked for. Use the number given to the constructor.",
)
class _(RightConv2d):
    def forward(self, x):
        half = self.weight.shape[2] // 2
        return F.conv2d(x, self.weight, self.bias, self.stride, half, self.dilation)


@wrong(
    "Conv2d",
    "padding ignored",
    "The padding makes no difference: keep it in the constructor and use it in forward.",
)
class _(RightConv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation)


@wrong(
    "Conv2d",
    "stride ignored",
    "The stride makes no difference: keep it in the constructor and use it in forward.",
)
class _(RightConv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, 1, self.padding, self.dilation)


@wrong(
    "Conv2d",
    "dilation ignored",
    "The dilation makes no difference: keep it in the constructor and use it in forward.",
)
class _(RightConv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


@wrong(
    "Conv2d",
    "gradients cut off",
    "No gradient comes back: forward leaves the graph (`.detach()`, `.data`, `.numpy()` or "
    "`torch.no_grad()`).",
)
class _(RightConv2d):
    def forward(self, x):
        return F.conv2d(
            x,
            self.weight.data,
            None if self.bias is None else self.bias.data,
            self.stride,
            self.padding,
            self.dilation,
        ).detach()


@wrong(
    "Conv2d",
    "flipped kernel",
    "The filters are applied turned by half a turn. Nothing is flipped here.",
)
class _(RightConv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight.flip(2, 3), self.bias, self.stride, self.padding, self.dilation)


@wrong(
    "Conv2d",
    "frame made on the CPU",
    "forward makes its frame of zeros without a device, so it is on the CPU, wherever the layer was moved. "
    "Let F.conv2d pad, or say `device=x.device`.",
)
class _(RightConv2d):
    def forward(self, x):
        x = framed(x, self.padding)
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation)


@wrong(
    "Conv2d",
    "a device of its own",
    'The layer looks for a GPU itself (`"cuda" if torch.cuda.is_available()`). It is where it was moved to: '
    "`x.device`.",
)
class _(RightConv2d):
    def forward(self, x):
        x = framed(x, self.padding, device=own_gpu())
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation)


@wrong(
    "Conv2d",
    "a tensor that is not registered",
    "A tensor that the layer keeps stays on the CPU when the layer is moved: `self.register_buffer` makes it "
    "go along.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        super().keep(weight, bias)
        self.one = torch.ones(1)

    def forward(self, x):
        return super().forward(x * self.one.to(x.dtype))


@wrong(
    "Conv2d",
    "new weights at every call",
    "forward draws new weights each time, so there is nothing to train. Draw them once, in the constructor.",
)
class _(RightConv2d):
    def forward(self, x):
        bound = self.weight[0].numel() ** -0.5
        fresh = torch.linspace(-bound, bound, self.weight.numel(), dtype=x.dtype).view_as(self.weight)
        return F.conv2d(x, fresh, self.bias, self.stride, self.padding, self.dilation)


@wrong(
    "Conv2d",
    "weights start at zero",
    "All weights start at the same value, so all filters would learn the same. Draw them evenly between "
    "-bound and bound.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        super().keep(torch.zeros_like(weight), bias)


@wrong(
    "Conv2d",
    "weights start too large",
    "The first weights lie beyond the bound 1 / sqrt(C_in · k²): the scale is missing (torch.randn, "
    "torch.rand?).",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        super().keep(torch.randn_like(weight) * 3, bias)


@wrong(
    "Conv2d",
    "weights start positive",
    "No first weight is below 0 (torch.rand gives 0 … 1). Draw them evenly between -bound and bound.",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        super().keep(weight.abs(), bias)


@wrong(
    "Conv2d",
    "square root forgotten",
    "The first weights are far too small: the bound is one over the square root of C_in · k², not one "
    "over C_in · k².",
)
class _(RightConv2d):
    def keep(self, weight, bias):
        super().keep(weight * weight[0].numel() ** -0.5, bias)


@wrong(
    "output_size",
    "bad numbers accepted",
    "A window, stride or dilation below 1, or a negative padding, makes no sense. Look first, and raise a"
    " ValueError.",
)
def _(size, kernel_size, stride=1, padding=0, dilation=1):
    free = size + 2 * padding - dilation * (kernel_size - 1) - 1
    need(free >= 0, "no window fits")
    return free // stride + 1
