"""Wrong answers to the exercises of notebook 3 that real students write, each with a good teacher's hint.

Most are a right answer with one mistake put in, so that the mistake shows at a glance. Instructors only.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

from autograder.cases import Misconceptions

wrong = Misconceptions()


def need(condition, words):
    if not condition:
        raise ValueError(words)


def examine(x, kernel_size, stride):
    """The errors that are due; the stride that holds."""
    stride = kernel_size if stride is None else stride
    need(kernel_size >= 1 and stride >= 1, "bad numbers")
    need(kernel_size <= min(x.shape[2:]), "no window fits")
    return stride


def windows_of(x, kernel_size, stride):
    """(N, C, H_out, W_out, k, k)."""
    windows = sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


def best(windows):
    """The first maximum of each window: its value, its row and column in the window."""
    flat = windows.reshape(*windows.shape[:4], -1)
    place = flat.argmax(axis=-1)
    return flat.max(axis=-1), *np.divmod(place, windows.shape[-1])


def corners(shape, stride):
    """Row and column of each window's first pixel."""
    return np.arange(shape[2])[:, None] * stride, np.arange(shape[3])[None, :] * stride


def pool(x, kernel_size, stride=None):
    """The right answer."""
    stride = examine(x, kernel_size, stride)
    y, i, j = best(windows_of(x, kernel_size, stride))
    top, left = corners(y.shape, stride)
    return y, (top + i) * x.shape[3] + left + j


@wrong(
    "max_pool2d",
    "places inside the window",
    "Your argmax counts inside the window (0 … k² - 1). The way back needs the place in the whole H x W "
    "plane.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y, i, j = best(windows_of(x, kernel_size, stride))
    return y, i * kernel_size + j


@wrong(
    "max_pool2d",
    "height used for width",
    "Your argmax is row · H + column. A row is W pixels long: count row · W + column.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return y, argmax // x.shape[3] * x.shape[2] + argmax % x.shape[3]


@wrong(
    "max_pool2d",
    "width of the output in the place",
    "Your argmax is row · W_out + column. The places are those of the input, whose rows are W pixels long.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return y, argmax // x.shape[3] * y.shape[3] + argmax % x.shape[3]


@wrong(
    "max_pool2d",
    "places counted through all planes",
    "Your argmax goes on counting from one channel to the next. Each H x W plane begins at 0 again.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    n, c, h, w = x.shape
    return y, argmax + np.arange(n * c).reshape(n, c, 1, 1) * h * w


@wrong(
    "max_pool2d",
    "stride forgotten in the place",
    "The maxima are right, but in the places the window number is used as if it were its first pixel. Where "
    "does window i begin?",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y, i, j = best(windows_of(x, kernel_size, stride))
    top, left = corners(y.shape, 1)
    return y, (top + i) * x.shape[3] + left + j


@wrong(
    "max_pool2d",
    "last of equal maxima",
    "Of equal maxima you take the last one (`>=`?). The first one, row by row, should count.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y, i, j = best(windows_of(x, kernel_size, stride)[..., ::-1, ::-1])
    top, left = corners(y.shape, stride)
    last = kernel_size - 1
    return y, (top + last - i) * x.shape[3] + left + last - j


@wrong(
    "max_pool2d",
    "equal maxima column by column",
    "Of equal maxima you take the first one column by column. Go through the window row by row.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y, j, i = best(windows_of(x, kernel_size, stride).swapaxes(4, 5))
    top, left = corners(y.shape, stride)
    return y, (top + i) * x.shape[3] + left + j


@wrong(
    "max_pool2d",
    "stride ignored",
    "Your windows always stand side by side. Where a stride is given, it says where the next one begins.",
)
def _(x, kernel_size, stride=None):
    examine(x, kernel_size, stride)
    return pool(x, kernel_size)


@wrong(
    "max_pool2d",
    "stride of one where none is given",
    "Without a stride your windows move by one pixel. stride=None means kernel_size: side by side.",
)
def _(x, kernel_size, stride=None):
    return pool(x, kernel_size, 1 if stride is None else stride)


@wrong(
    "max_pool2d",
    "maxima start at zero",
    "Where all numbers of a window are below 0 you answer 0, which is not in the window. What should the "
    "search start with?",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return np.maximum(y, 0), np.where(y > 0, argmax, 0)


@wrong(
    "max_pool2d",
    "maxima start at a fixed small number",
    "Your search for the maximum starts at a fixed number, and the pixels may all be below it. Start with a "
    "pixel of the window.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    start = -1e9 if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return np.maximum(y, x.dtype.type(start)), np.where(y > start, argmax, 0)


@wrong("max_pool2d", "mean instead of maximum", "You take the mean of each window; the maximum is asked for.")
def _(x, kernel_size, stride=None):
    _, argmax = pool(x, kernel_size, stride)
    stride = kernel_size if stride is None else stride
    return windows_of(x, kernel_size, stride).mean(axis=(4, 5)).astype(x.dtype), argmax


@wrong(
    "max_pool2d",
    "always the last pixel",
    "You keep the last pixel of each window, whatever it holds. Look for the largest.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y = windows_of(x, kernel_size, stride)[..., -1, -1].copy()
    top, left = corners(y.shape, stride)
    return y, np.broadcast_to((top + kernel_size - 1) * x.shape[3] + left + kernel_size - 1, y.shape)


@wrong(
    "max_pool2d",
    "square output",
    "You take as many columns as rows. W_out follows from W as H_out does from H.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y, argmax = pool(x, kernel_size, stride)
    h_out = y.shape[2]
    if h_out > y.shape[3]:
        raise IndexError("a column that is not there")
    return y[..., :h_out], argmax[..., :h_out]


@wrong(
    "max_pool2d",
    "windows over the edge",
    "You count windows that hang over the edge. Only whole windows count, as in a convolution.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    over = [-(size - kernel_size) % stride for size in x.shape[2:]]
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = np.pad(x, ((0, 0), (0, 0), (0, over[0]), (0, over[1])), constant_values=low)
    y, argmax = pool(padded, kernel_size, stride)
    wide = padded.shape[3]
    return y, argmax // wide * x.shape[3] + argmax % wide


@wrong(
    "max_pool2d",
    "one maximum for all",
    "Every image and channel gets the same number: `.max()` without an axis goes through all of them. Each "
    "channel of each image has its own maximum.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return np.broadcast_to(y.max(axis=(0, 1), keepdims=True), y.shape).copy(), argmax


@wrong(
    "max_pool2d",
    "row and column instead of one number",
    "You give rows and columns apart. One whole number is asked for: row · W + column.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return y, np.stack(np.divmod(argmax, x.shape[3]), axis=-1)


@wrong(
    "max_pool2d",
    "only the maxima returned",
    "Two answers are due: the maxima, and where they stood. The way back will need the second.",
)
def _(x, kernel_size, stride=None):
    return pool(x, kernel_size, stride)[0]


@wrong(
    "max_pool2d",
    "places as floats",
    "Your argmax holds floats (`np.zeros` without a dtype?). Places are whole numbers, fit to index with.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return y, argmax.astype(np.float64)


@wrong("max_pool2d", "places counted from 1", "All places are one too large: the first pixel is number 0.")
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return y, argmax + 1


DTYPE_LOST = (
    "dtype lost",
    "The answer is float64 whatever came in. `np.zeros` makes float64 unless you tell it the dtype.",
)
NO_FIT = (
    "no error where no window fits",
    "If not even one window fits, or a size makes no sense, there is nothing to compute: raise a ValueError.",
)


@wrong("max_pool2d", *DTYPE_LOST)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    return y.astype(np.float64), argmax


@wrong(
    "max_pool2d",
    "input modified in place",
    "Your code crosses out the maxima in x itself. Others still need the input: leave it as it was.",
)
def _(x, kernel_size, stride=None):
    y, argmax = pool(x, kernel_size, stride)
    n, c = np.indices(y.shape)[:2]
    x[n, c, argmax // x.shape[3], argmax % x.shape[3]] -= 100
    return y, argmax


def careless(x, kernel_size, stride, answer, empty):
    """An answer without a look at the arguments: an empty one where no window fits."""
    stride = kernel_size if stride is None else stride
    if kernel_size >= 1 and stride >= 1 and kernel_size <= min(x.shape[2:]):
        return answer(x, kernel_size, stride)
    sizes = [max(0, (size - kernel_size) // (stride or 1) + 1) for size in x.shape[2:]]
    return empty((*x.shape[:2], *sizes))


@wrong("max_pool2d", *NO_FIT)
def _(x, kernel_size, stride=None):
    return careless(x, kernel_size, stride, pool, lambda shape: (np.zeros(shape), np.zeros(shape, int)))


def mean_pool(x, kernel_size, stride=None):
    """The right answer."""
    stride = examine(x, kernel_size, stride)
    return windows_of(x, kernel_size, stride).mean(axis=(4, 5))


@wrong(
    "avg_pool2d",
    "sum instead of mean",
    "You add up the window and do not divide. A mean is the sum divided by the number of its pixels.",
)
def _(x, kernel_size, stride=None):
    return mean_pool(x, kernel_size, stride) * x.dtype.type(kernel_size**2)


@wrong(
    "avg_pool2d",
    "divided by the side of the window",
    "You divide by kernel_size. The window is kernel_size wide and high: how many pixels does it hold?",
)
def _(x, kernel_size, stride=None):
    return mean_pool(x, kernel_size, stride) * x.dtype.type(kernel_size)


@wrong(
    "avg_pool2d", "maximum instead of mean", "You keep the largest number of each window. The mean is due."
)
def _(x, kernel_size, stride=None):
    return pool(x, kernel_size, stride)[0]


@wrong(
    "avg_pool2d",
    "stride ignored",
    "Your windows always stand side by side. Where a stride is given, it says where the next one begins.",
)
def _(x, kernel_size, stride=None):
    examine(x, kernel_size, stride)
    return mean_pool(x, kernel_size)


@wrong(
    "avg_pool2d",
    "stride of one where none is given",
    "Without a stride your windows move by one pixel. stride=None means kernel_size: side by side.",
)
def _(x, kernel_size, stride=None):
    return mean_pool(x, kernel_size, 1 if stride is None else stride)


@wrong(
    "avg_pool2d",
    "windows over the edge",
    "You count windows that hang over the edge. Only whole windows count.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    over = [-(size - kernel_size) % stride for size in x.shape[2:]]
    return mean_pool(np.pad(x, ((0, 0), (0, 0), (0, over[0]), (0, over[1]))), kernel_size, stride)


@wrong(
    "avg_pool2d",
    "square output",
    "You take as many columns as rows. W_out follows from W as H_out does from H.",
)
def _(x, kernel_size, stride=None):
    y = mean_pool(x, kernel_size, stride)
    if y.shape[2] > y.shape[3]:
        raise IndexError("a column that is not there")
    return y[..., : y.shape[2]]


@wrong(
    "avg_pool2d",
    "one mean for all",
    "Every image and channel gets the same number: `.mean()` without an axis goes through all of them.",
)
def _(x, kernel_size, stride=None):
    y = mean_pool(x, kernel_size, stride)
    return np.broadcast_to(y.mean(axis=(0, 1), keepdims=True), y.shape).copy()


@wrong(
    "avg_pool2d",
    "middle pixel instead of mean",
    "You keep one pixel of each window. All of them should have a say.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    return windows_of(x, kernel_size, stride)[..., kernel_size // 2, kernel_size // 2].copy()


@wrong("avg_pool2d", *DTYPE_LOST)
def _(x, kernel_size, stride=None):
    return mean_pool(x, kernel_size, stride).astype(np.float64)


@wrong(
    "avg_pool2d",
    "rounded to float32",
    "The answer is float32 whatever came in. Keep the dtype of x.",
)
def _(x, kernel_size, stride=None):
    return mean_pool(x, kernel_size, stride).astype(np.float32)


@wrong(
    "avg_pool2d",
    "input modified in place",
    "Your code divides x itself (`/=`). Others still need the input: leave it as it was.",
)
def _(x, kernel_size, stride=None):
    stride = examine(x, kernel_size, stride)
    y = mean_pool(x, kernel_size, stride)
    x /= 2
    return y


@wrong("avg_pool2d", *NO_FIT)
def _(x, kernel_size, stride=None):
    return careless(x, kernel_size, stride, mean_pool, np.zeros)


def moved(images, shift):
    return np.roll(images, shift, axis=3)


def change(after, before):
    return np.linalg.norm(after - before)


@wrong(
    "shift_stability",
    "moved along the height",
    "The images move up and down. They should move sideways: the width is the last axis.",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(layer(np.roll(images, s, axis=2)), still) for s in shifts]) / np.linalg.norm(
        still
    )


@wrong(
    "shift_stability",
    "channels rolled",
    "You roll the channels, not the columns. The axes are (N, C, H, W): which one is the width?",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(layer(np.roll(images, s, axis=1)), still) for s in shifts]) / np.linalg.norm(
        still
    )


@wrong(
    "shift_stability",
    "rolled without an axis",
    "Without an axis np.roll moves pixels on into the next row, channel and image. Name the axis of the "
    "width.",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(layer(np.roll(images, s)), still) for s in shifts]) / np.linalg.norm(still)


@wrong(
    "shift_stability",
    "moved the other way",
    "Your images move to the left where the shift is positive. They should move to the right.",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(layer(moved(images, -s)), still) for s in shifts]) / np.linalg.norm(still)


@wrong(
    "shift_stability",
    "zeros come in",
    "Black columns come in at the side. Here the images go round: what leaves on one side returns on the "
    "other.",
)
def _(layer, images, shifts):
    still, numbers = layer(images), []
    for s in shifts:
        image = moved(images, s)
        image[..., :s] = image[..., : max(s, 0)] = 0
        if s < 0:
            image[..., s:] = 0
        numbers.append(change(layer(image), still))
    return np.array(numbers) / np.linalg.norm(still)


@wrong(
    "shift_stability",
    "features moved instead of images",
    "You move the features. The question is what the layer answers to moved images.",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(np.roll(still, s, axis=-1), still) for s in shifts]) / np.linalg.norm(still)


@wrong(
    "shift_stability",
    "images compared instead of features",
    "You compare the images. The layer should answer first; then compare its answers.",
)
def _(layer, images, shifts):
    return np.array([change(moved(images, s), images) for s in shifts]) / np.linalg.norm(images)


@wrong(
    "shift_stability",
    "shifts add up",
    "Each shift starts where the last one ended. Start with the images as they came, for every shift.",
)
def _(layer, images, shifts):
    still = layer(images)
    sums = np.cumsum(shifts)
    return np.array([change(layer(moved(images, s)), still) for s in sums]) / np.linalg.norm(still)


@wrong(
    "shift_stability",
    "not relative",
    "This is the change itself. Divide it by the size of the features, so that layers can be compared.",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(layer(moved(images, s)), still) for s in shifts])


@wrong(
    "shift_stability",
    "divided by the images",
    "You divide by the size of the images. Divide by the size of the features of the images at rest.",
)
def _(layer, images, shifts):
    still = layer(images)
    return np.array([change(layer(moved(images, s)), still) for s in shifts]) / np.linalg.norm(images)


@wrong(
    "shift_stability",
    "squares without a root",
    "Your numbers are the squares of the right ones: the root of the sum of squares is missing.",
)
def _(layer, images, shifts):
    still = layer(images)
    numbers = np.array([change(layer(moved(images, s)), still) for s in shifts])
    return (numbers / np.linalg.norm(still)) ** 2


@wrong(
    "shift_stability",
    "absolute values instead of squares",
    "You add up absolute values. ||.|| is the root of the sum of squares.",
)
def _(layer, images, shifts):
    still = layer(images)
    numbers = [np.abs(layer(moved(images, s)) - still).sum() for s in shifts]
    return np.array(numbers) / np.abs(still).sum()


@wrong(
    "shift_stability",
    "mean over the images",
    "You take a quotient for each image and then their mean. One norm goes over the whole batch.",
)
def _(layer, images, shifts):
    still = layer(images)
    sizes = np.linalg.norm(still.reshape(len(images), -1), axis=1)
    numbers = [
        (np.linalg.norm((layer(moved(images, s)) - still).reshape(len(images), -1), axis=1) / sizes).mean()
        for s in shifts
    ]
    return np.array(numbers)


@wrong(
    "shift_stability",
    "mean over the shifts",
    "You return one number for all shifts. Each shift should have its own.",
)
def _(layer, images, shifts):
    still = layer(images)
    numbers = np.array([change(layer(moved(images, s)), still) for s in shifts])
    return np.array([numbers.mean() / np.linalg.norm(still)])


@wrong(
    "shift_stability",
    "images modified in place",
    "Your code moves the images themselves. Make a moved copy, and leave the images as they were.",
)
def _(layer, images, shifts):
    still = layer(images)
    numbers = [change(layer(moved(images, s)), still) for s in shifts]
    images[...] = moved(images, 1)
    return np.array(numbers) / np.linalg.norm(still)


def grouped(x, groups):
    need(groups >= 1 and x.shape[1] % groups == 0, "groups do not fit")
    return x.reshape(len(x), groups, -1, *x.shape[2:])


def over_channels(x, groups):
    """The right answer."""
    parts = grouped(x, groups)
    return parts.max(axis=2), parts.argmax(axis=2) + np.arange(groups)[:, None, None] * parts.shape[2]


@wrong(
    "max_over_channels",
    "channels counted inside the group",
    "Your argmax begins at 0 again in every group. It should say which channel of x it was: 0 … C - 1.",
)
def _(x, groups):
    parts = grouped(x, groups)
    return parts.max(axis=2), parts.argmax(axis=2)


@wrong(
    "max_over_channels",
    "groups taken for the size of a group",
    "You make groups of `groups` channels. `groups` is the number of groups; each holds C / groups channels.",
)
def _(x, groups):
    need(groups >= 1 and x.shape[1] % groups == 0, "groups do not fit")
    return over_channels(x, x.shape[1] // groups)


@wrong(
    "max_over_channels",
    "channels dealt out in turn",
    "You deal the channels out in turn, like cards. Neighbouring channels form a group: the first C / groups "
    "are the first one.",
)
def _(x, groups):
    need(groups >= 1 and x.shape[1] % groups == 0, "groups do not fit")
    parts = x.reshape(len(x), -1, groups, *x.shape[2:])
    return parts.max(axis=1), parts.argmax(axis=1) * groups + np.arange(groups)[:, None, None]


@wrong(
    "max_over_channels",
    "group number times number of groups",
    "The first channel of group g is not g times the number of groups: how many channels lie before it?",
)
def _(x, groups):
    parts = grouped(x, groups)
    return parts.max(axis=2), parts.argmax(axis=2) + np.arange(groups)[:, None, None] * groups


@wrong(
    "max_over_channels",
    "last of equal channels",
    "Of equal channels you take the last one. The first one should count.",
)
def _(x, groups):
    parts = grouped(x, groups)
    size = parts.shape[2]
    place = size - 1 - parts[:, :, ::-1].argmax(axis=2)
    return parts.max(axis=2), place + np.arange(groups)[:, None, None] * size


@wrong(
    "max_over_channels",
    "maxima start at zero",
    "Where all channels of a group are below 0 you answer 0, which none of them says.",
)
def _(x, groups):
    y, argmax = over_channels(x, groups)
    return np.maximum(y, 0), np.where(y > 0, argmax, 0)


@wrong("max_over_channels", "mean instead of maximum", "You take the mean of each group; the maximum is due.")
def _(x, groups):
    return grouped(x, groups).mean(axis=2), over_channels(x, groups)[1]


@wrong(
    "max_over_channels",
    "one group of all channels",
    "You take the maximum over all channels, whatever `groups` is. Each group has its own.",
)
def _(x, groups):
    grouped(x, groups)
    return over_channels(x, 1)


@wrong(
    "max_over_channels",
    "maximum over the pixels",
    "You take one maximum for a whole slice. The maximum goes over channels; every pixel has its own.",
)
def _(x, groups):
    y, argmax = over_channels(x, groups)
    return np.broadcast_to(y.max(axis=(2, 3), keepdims=True), y.shape).copy(), argmax


@wrong(
    "max_over_channels",
    "only the maxima returned",
    "Two answers are due: the maxima, and the channels that gave them. The way back will need the second.",
)
def _(x, groups):
    return over_channels(x, groups)[0]


@wrong("max_over_channels", "channels counted from 1", "All channels are one too large: the first one is 0.")
def _(x, groups):
    y, argmax = over_channels(x, groups)
    return y, argmax + 1


@wrong(
    "max_over_channels",
    "channels as floats",
    "Your argmax holds floats. Channels are whole numbers, fit to index with.",
)
def _(x, groups):
    y, argmax = over_channels(x, groups)
    return y, argmax.astype(np.float64)


@wrong("max_over_channels", *DTYPE_LOST)
def _(x, groups):
    y, argmax = over_channels(x, groups)
    return y.astype(np.float64), argmax


@wrong(
    "max_over_channels",
    "no error for groups that do not fit",
    "Where C is no multiple of `groups`, channels are left over in silence. Look first, and raise a "
    "ValueError.",
)
def _(x, groups):
    size = max(1, x.shape[1] // max(groups, 1))
    groups = x.shape[1] // size
    return over_channels(x[:, : groups * size], groups)


@wrong(
    "max_over_channels",
    "input modified in place",
    "Your code changes x itself. Others still need it: leave it as it was.",
)
def _(x, groups):
    y, argmax = over_channels(x, groups)
    x[:, 0] = 0
    return y, argmax


def slopes(f, x, above, below, divisor):
    """Differences of f at the points that `above` and `below` make of (x, index), divided."""
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        gradient[index] = (f(above(x, index)) - f(below(x, index))) / divisor
    return gradient


def nudged(h):
    def nudge(x, index):
        point = x.copy()
        point[index] += h
        return point

    return nudge


@wrong(
    "numerical_gradient",
    "nudged to one side only",
    "You compare f(x + h) with f(x). Nudge to both sides: the error shrinks from h to h².",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(h), nudged(0), h)


@wrong(
    "numerical_gradient",
    "nudged downwards only",
    "You compare f(x) with f(x - h). Nudge to both sides: the error shrinks from h to h².",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(0), nudged(-h), h)


@wrong(
    "numerical_gradient",
    "divided by h",
    "All slopes are twice as steep as they should be. How far are x + h and x - h apart?",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(h), nudged(-h), h)


@wrong(
    "numerical_gradient",
    "divided by 2, then multiplied by h",
    "`a / 2 * h` multiplies by h. Put the divisor in brackets: `a / (2 * h)`.",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(h), nudged(-h), 2 / h)


@wrong(
    "numerical_gradient",
    "nudged by half of h",
    "You nudge by h / 2 to each side. h is how far each number is nudged in each direction.",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(h / 2), nudged(-h / 2), h)


@wrong("numerical_gradient", "sign turned", "The signs are wrong: f(x + h) comes first, then f(x - h).")
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(-h), nudged(h), 2 * h)


@wrong(
    "numerical_gradient",
    "all entries nudged together",
    "You nudge all entries at once and get one slope for all. Nudge one at a time.",
)
def _(f, x, h=1e-5):
    return slopes(f, x, lambda x, _: x + h, lambda x, _: x - h, 2 * h)


@wrong(
    "numerical_gradient",
    "entries not put back",
    "A nudged entry stays nudged while you try the next one. Put it back first.",
)
def _(f, x, h=1e-5):
    point, gradient = x.copy(), np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        point[index] += h
        above = f(point)
        point[index] -= 2 * h
        gradient[index] = (above - f(point)) / (2 * h)
    return gradient


@wrong(
    "numerical_gradient",
    "input modified in place",
    "After your function x is not what it was. Nudge a copy, or put every entry back.",
)
def _(f, x, h=1e-5):
    gradient = slopes(f, x, nudged(h), nudged(-h), 2 * h)
    x -= h
    return gradient


@wrong(
    "numerical_gradient",
    "rows nudged together",
    "You go along the first axis only and nudge whole rows. Every entry needs its own nudge (np.ndindex).",
)
def _(f, x, h=1e-5):
    return slopes(
        f, x, lambda x, index: nudged(h)(x, index[0]), lambda x, index: nudged(-h)(x, index[0]), 2 * h
    )


@wrong(
    "numerical_gradient",
    "h ignored",
    "Your nudge is always the same, whatever h is. Use the h that is given.",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(1e-5), nudged(-1e-5), 2e-5)


@wrong(
    "numerical_gradient",
    "nudge measured against the entry",
    "You nudge in proportion to each entry. Every entry is nudged by h, and no more.",
)
def _(f, x, h=1e-5):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = h * abs(x[index])
        gradient[index] = (f(nudged(step)(x, index)) - f(nudged(-step)(x, index))) / (2 * step)
    return gradient


@wrong(
    "numerical_gradient",
    "answer is flat",
    "The numbers stand in one row. The gradient has the shape of x: one slope for each entry, at its place.",
)
def _(f, x, h=1e-5):
    return slopes(f, x, nudged(h), nudged(-h), 2 * h).ravel()


@wrong(
    "numerical_gradient",
    "a copy nudged by mistake",
    "Where x is a slice of a larger array, `reshape` or `ravel` makes a copy: you nudge the copy and ask f "
    "at x. "
    "Use np.ndindex, or nudge a copy of your own.",
)
def _(f, x, h=1e-5):
    point, gradient = x.copy("K") if x.flags.c_contiguous else x, np.zeros(x.size)
    flat = point.reshape(-1)
    for index in range(x.size):
        old = flat[index]
        flat[index] = old + h
        above = f(point)
        flat[index] = old - h
        gradient[index] = (above - f(point)) / (2 * h)
        flat[index] = old
    return gradient.reshape(x.shape)


@wrong(
    "numerical_gradient",
    "float32 inside",
    "Small nudges vanish in the rounding of float32. Work in float64.",
)
def _(f, x, h=1e-5):
    def single(h):
        return lambda x, index: nudged(np.float32(h))(x.astype(np.float32), index)

    return slopes(f, x, single(h), single(-h), 2 * h)


@wrong(
    "numerical_gradient",
    "gradient in float32",
    "Your gradient is float32, which has seven digits: small nudges vanish in its rounding. Work in float64.",
)
def _(f, x, h=1e-5):
    single = x.astype(np.float32)
    return slopes(f, single, nudged(np.float32(h)), nudged(np.float32(-h)), 2 * h).astype(np.float32)


@wrong(
    "relative_error",
    "absolute error",
    "This is |a - b|, which depends on the size of the numbers. Divide it by |a| + |b|.",
)
def _(a, b):
    return float(np.abs(a - b).max())


@wrong(
    "relative_error",
    "mean instead of the largest",
    "You take the mean, in which one wrong entry can hide. The largest counts.",
)
def _(a, b):
    return float((np.abs(a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-12)).mean())


@wrong(
    "relative_error",
    "divided by the first only",
    "You divide by |a| alone: exchange a and b, and the answer changes. Divide by |a| + |b|.",
)
def _(a, b):
    return float((np.abs(a - b) / np.maximum(np.abs(a), 1e-12)).max())


@wrong(
    "relative_error",
    "divided by the larger one",
    "You divide by the larger of |a| and |b|; that is common, too, but here it is their sum.",
)
def _(a, b):
    return float((np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-12)).max())


@wrong(
    "relative_error",
    "divided by the mean",
    "You divide by the mean of |a| and |b|. Divide by their sum: then the answer lies between 0 and 1.",
)
def _(a, b):
    return float((np.abs(a - b) / np.maximum((np.abs(a) + np.abs(b)) / 2, 1e-12)).max())


@wrong(
    "relative_error",
    "signs cancel below the line",
    "You divide by a + b or |a + b|. Where the signs differ, they cancel: take |a| + |b|.",
)
def _(a, b):
    return float((np.abs(a - b) / np.maximum(np.abs(a + b), 1e-12)).max())


@wrong(
    "relative_error",
    "sign above the line",
    "You take a - b without its absolute value: where b is larger, the error comes out negative and is lost.",
)
def _(a, b):
    return float(((a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-12)).max())


@wrong(
    "relative_error",
    "0 / 0 not caught",
    "Where both entries are 0 you divide 0 by 0, which gives nan. Such an entry counts as 0.",
)
def _(a, b):
    with np.errstate(all="ignore"):
        return float((np.abs(a - b) / (np.abs(a) + np.abs(b))).max())


@wrong(
    "relative_error",
    "largest difference over largest size",
    "You divide the largest difference by the largest size. Divide entry by entry, then take the largest.",
)
def _(a, b):
    return float(np.abs(a - b).max() / max((np.abs(a) + np.abs(b)).max(), 1e-12))


@wrong(
    "relative_error",
    "norms instead of entries",
    "You compare the norms of the whole arrays. Divide entry by entry, then take the largest.",
)
def _(a, b):
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a) + np.linalg.norm(b), 1e-12))


@wrong(
    "relative_error",
    "floor too high",
    "Something like 1e-3 below the line makes small numbers look right. Gradients may be small: let the "
    "floor "
    "be 1e-8 or less.",
)
def _(a, b):
    return float((np.abs(a - b) / (np.abs(a) + np.abs(b) + 1e-3)).max())


@wrong(
    "relative_error",
    "one error for each entry",
    "You return an array with the error of each entry. Return the largest of them.",
)
def _(a, b):
    return np.abs(a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-12)


def send_back(dy, argmax, input_shape, gather=np.add.at):
    """The right answer; `gather` says what happens where gradients meet."""
    n, c, h, w = input_shape
    dx = np.zeros((n * c, h * w), dy.dtype)
    planes = np.arange(n * c)[:, None]
    gather(dx, (planes, argmax.reshape(n * c, -1)), dy.reshape(n * c, -1))
    return dx.reshape(input_shape)


@wrong(
    "max_pool2d_backward",
    "gradients replace each other",
    "Where windows overlap, one pixel may win several times. Its gradients should add up, but yours "
    "replace each "
    "other: `=`, or `+=` with an index array that names a pixel twice (np.add.at adds).",
)
def _(dy, argmax, input_shape):
    return send_back(dy, argmax, input_shape, np.ndarray.__setitem__)


@wrong(
    "max_pool2d_backward",
    "largest gradient instead of the sum",
    "Where a pixel wins in several windows you keep the largest of its gradients. They add up.",
)
def _(dy, argmax, input_shape):
    lowest = send_back(dy, argmax, input_shape, np.minimum.at)
    highest = send_back(dy, argmax, input_shape, np.maximum.at)
    return np.where(highest > 0, highest, lowest)


@wrong(
    "max_pool2d_backward",
    "mean where windows meet",
    "Where a pixel wins in several windows you take the mean of its gradients. They add up.",
)
def _(dy, argmax, input_shape):
    count = send_back(np.ones_like(dy), argmax, input_shape)
    return send_back(dy, argmax, input_shape) / np.maximum(count, 1)


@wrong(
    "max_pool2d_backward",
    "height used for width",
    "You find the row as argmax // H. A row is W pixels long: divide by W.",
)
def _(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    n, c = np.indices(dy.shape)[:2]
    np.add.at(dx, (n, c, *np.divmod(argmax, input_shape[2])), dy)
    return dx


@wrong(
    "max_pool2d_backward",
    "column by column",
    "You read the places column by column. They count row by row: i * W + j.",
)
def _(dy, argmax, input_shape):
    n, c, h, w = input_shape
    return send_back(dy, argmax, input_shape).reshape(n, c, w, h).swapaxes(2, 3).copy()


@wrong(
    "max_pool2d_backward",
    "everything into the first plane",
    "All gradients land in the first channel of the first image: argmax counts inside each plane, so each "
    "image "
    "and channel needs an index of its own.",
)
def _(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    np.add.at(dx.reshape(-1), argmax.ravel(), dy.ravel())
    return dx


@wrong(
    "max_pool2d_backward",
    "places of the first image for all",
    "Every image gets the places of the first one. Each has its own maxima.",
)
def _(dy, argmax, input_shape):
    return send_back(dy, np.broadcast_to(argmax[:1], argmax.shape), input_shape)


@wrong(
    "max_pool2d_backward",
    "ones instead of gradients",
    "You mark the winners with 1. Send them the gradient dy that arrives at their window.",
)
def _(dy, argmax, input_shape):
    return send_back(np.ones_like(dy), argmax, input_shape)


@wrong(
    "max_pool2d_backward",
    "gradient shared with the whole image",
    "Every pixel gets a gradient. Only the pixels that took a maximum had a say in the output.",
)
def _(dy, argmax, input_shape):
    dx = send_back(dy, argmax, input_shape)
    return np.broadcast_to(dx.mean(axis=(2, 3), keepdims=True), dx.shape).astype(dy.dtype)


@wrong(
    "max_pool2d_backward",
    "places counted from 1",
    "All gradients land one pixel too early: argmax counts from 0.",
)
def _(dy, argmax, input_shape):
    return send_back(dy, argmax - 1, input_shape)


@wrong(
    "max_pool2d_backward",
    "answer is flat",
    "The gradients of a plane stand in one row. dx has the shape of the input: (N, C, H, W).",
)
def _(dy, argmax, input_shape):
    n, c, h, w = input_shape
    return send_back(dy, argmax, input_shape).reshape(n, c, h * w)


@wrong("max_pool2d_backward", *DTYPE_LOST)
def _(dy, argmax, input_shape):
    return send_back(dy, argmax, input_shape).astype(np.float64)


@wrong(
    "max_pool2d_backward",
    "gradients modified in place",
    "Your code changes dy itself. Others still need it: leave it as it was.",
)
def _(dy, argmax, input_shape):
    dx = send_back(dy, argmax, input_shape)
    dy *= 0
    return dx


def share_out(dy, input_shape, kernel_size, stride=None, add=True, divisor=None):
    """The right answer, unless told otherwise."""
    stride = kernel_size if stride is None else stride
    dx = np.zeros(input_shape, dy.dtype)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            top, left = i * stride, j * stride
            part = dx[:, :, top : top + kernel_size, left : left + kernel_size]
            share = dy[:, :, i : i + 1, j : j + 1] / (kernel_size**2 if divisor is None else divisor)
            part[...] = part + share if add else share
    return dx


@wrong(
    "avg_pool2d_backward",
    "not divided",
    "Every pixel gets the whole gradient, so more goes back than arrived. A window shares it among its "
    "pixels.",
)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size, stride, divisor=1)


@wrong(
    "avg_pool2d_backward",
    "divided by the side of the window",
    "You divide by kernel_size. The window is kernel_size wide and high: among how many pixels is it shared?",
)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size, stride, divisor=kernel_size)


@wrong(
    "avg_pool2d_backward",
    "divided by the pixels of the image",
    "You share a gradient among all pixels of the image. Only those of its window are concerned.",
)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size, stride, divisor=input_shape[2] * input_shape[3])


@wrong(
    "avg_pool2d_backward",
    "shares replace each other",
    "Where windows overlap, your shares replace each other. They add up: `+=`.",
)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size, stride, add=False)


@wrong(
    "avg_pool2d_backward",
    "mean where windows meet",
    "Where windows overlap you divide by their number. The shares simply add up.",
)
def _(dy, input_shape, kernel_size, stride=None):
    count = share_out(np.ones_like(dy), input_shape, kernel_size, stride, divisor=1)
    return share_out(dy, input_shape, kernel_size, stride) / np.maximum(count, 1)


@wrong(
    "avg_pool2d_backward",
    "stride ignored",
    "You let the windows stand side by side. The stride of the forward pass says where they stood.",
)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size)


@wrong(
    "avg_pool2d_backward",
    "stride of one where none is given",
    "Without a stride you let the windows move by one pixel. stride=None means kernel_size.",
)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size, 1 if stride is None else stride)


@wrong(
    "avg_pool2d_backward",
    "only the first pixel",
    "The whole gradient goes to the first pixel of the window. All its pixels had a share in the mean.",
)
def _(dy, input_shape, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    dx = np.zeros(input_shape, dy.dtype)
    dx[:, :, : dy.shape[2] * stride : stride, : dy.shape[3] * stride : stride] = dy
    return dx


@wrong(
    "avg_pool2d_backward",
    "rest gets a gradient",
    "Pixels that no window read get a gradient. They had no say in the output: theirs is 0.",
)
def _(dy, input_shape, kernel_size, stride=None):
    dx = share_out(dy, input_shape, kernel_size, stride)
    stride = kernel_size if stride is None else stride
    ends = [(size - 1) * stride + kernel_size for size in dy.shape[2:]]
    dx[:, :, ends[0] :] = dx[:, :, ends[0] - 1 : ends[0]]
    dx[:, :, :, ends[1] :] = dx[:, :, :, ends[1] - 1 : ends[1]]
    return dx


@wrong("avg_pool2d_backward", *DTYPE_LOST)
def _(dy, input_shape, kernel_size, stride=None):
    return share_out(dy, input_shape, kernel_size, stride).astype(np.float64)


@wrong(
    "avg_pool2d_backward",
    "gradients modified in place",
    "Your code divides dy itself (`/=`). Others still need it: leave it as it was.",
)
def _(dy, input_shape, kernel_size, stride=None):
    dx = share_out(dy, input_shape, kernel_size, stride)
    dy *= 0.25
    return dx


def to_channels(dy, argmax, input_shape):
    """The right answer."""
    dx = np.zeros(input_shape, dy.dtype)
    np.put_along_axis(dx, argmax, dy, axis=1)
    return dx


@wrong(
    "max_over_channels_backward",
    "channels counted inside the group",
    "All gradients land in the first group. argmax already says which channel of the input it was.",
)
def _(dy, argmax, input_shape):
    return to_channels(dy, argmax % (input_shape[1] // dy.shape[1]), input_shape)


@wrong(
    "max_over_channels_backward",
    "group added twice",
    "You add the first channel of the group to argmax. It is already counted in: argmax is a channel of "
    "the input.",
)
def _(dy, argmax, input_shape):
    first = np.arange(dy.shape[1])[:, None, None] * (input_shape[1] // dy.shape[1])
    return to_channels(dy, argmax + first, input_shape)


@wrong(
    "max_over_channels_backward",
    "whole group paid",
    "Every channel of the group gets the gradient. Only the one that took the maximum had a say.",
)
def _(dy, argmax, input_shape):
    return np.repeat(dy, input_shape[1] // dy.shape[1], axis=1)


@wrong(
    "max_over_channels_backward",
    "gradient shared in the group",
    "The channels of a group share the gradient evenly. All of it goes to the one that took the maximum.",
)
def _(dy, argmax, input_shape):
    size = input_shape[1] // dy.shape[1]
    return np.repeat(dy / size, size, axis=1).astype(dy.dtype)


@wrong(
    "max_over_channels_backward",
    "argmax ignored",
    "The gradients go to the first channel of each group, whoever won. Use argmax.",
)
def _(dy, argmax, input_shape):
    dx = np.zeros(input_shape, dy.dtype)
    dx[:, :: input_shape[1] // dy.shape[1]] = dy
    return dx


@wrong(
    "max_over_channels_backward",
    "one winner for the whole slice",
    "All pixels of a slice pay the winner of the first pixel. Every pixel has a winner of its own.",
)
def _(dy, argmax, input_shape):
    return to_channels(dy, np.broadcast_to(argmax[:, :, :1, :1], argmax.shape), input_shape)


@wrong(
    "max_over_channels_backward",
    "winners of the first image for all",
    "Every image pays the winners of the first one. Each has its own.",
)
def _(dy, argmax, input_shape):
    return to_channels(dy, np.broadcast_to(argmax[:1], argmax.shape), input_shape)


@wrong(
    "max_over_channels_backward",
    "ones instead of gradients",
    "You mark the winners with 1. Send them the gradient dy.",
)
def _(dy, argmax, input_shape):
    return to_channels(np.ones_like(dy), argmax, input_shape)


@wrong("max_over_channels_backward", *DTYPE_LOST)
def _(dy, argmax, input_shape):
    return to_channels(dy, argmax, input_shape).astype(np.float64)


@wrong(
    "max_over_channels_backward",
    "gradients modified in place",
    "Your code changes dy itself. Others still need it: leave it as it was.",
)
def _(dy, argmax, input_shape):
    dx = to_channels(dy, argmax, input_shape)
    dy *= 0
    return dx


@wrong(
    "relu_backward",
    "slope 1 at 0",
    "At x = 0 you let the gradient through. There the slope counts as 0: `>`.",
)
def _(dy, x):
    return dy * (x >= 0)


@wrong(
    "relu_backward",
    "slope one half at 0",
    "At x = 0 you let half of the gradient through. It counts as 0 here.",
)
def _(dy, x):
    return dy * np.heaviside(x, 0.5).astype(x.dtype)


@wrong(
    "relu_backward",
    "sign of the gradient instead of the input",
    "You look at the sign of dy. Whether a gradient passes depends on the input of the forward pass, x.",
)
def _(dy, x):
    return dy * (dy > 0)


@wrong(
    "relu_backward",
    "negative gradients cut off as well",
    "Negative gradients get lost. Only x decides; a gradient may have any sign.",
)
def _(dy, x):
    return np.where((x > 0) & (dy > 0), dy, dy.dtype.type(0))


@wrong(
    "relu_backward",
    "multiplied by the output",
    "You multiply by relu(x). The slope of ReLU is 1 or 0, whatever the size of x.",
)
def _(dy, x):
    return dy * np.maximum(x, 0)


@wrong(
    "relu_backward", "slope only", "That is the slope of ReLU. Multiply it by the gradient dy that arrives."
)
def _(dy, x):
    return (x > 0).astype(dy.dtype)


@wrong(
    "relu_backward",
    "the wrong half passes",
    "The gradient passes where x is negative. There the output is 0 whatever x is: nothing passes.",
)
def _(dy, x):
    return dy * (x < 0)


@wrong(
    "relu_backward",
    "everything passes",
    "The gradient passes everywhere. Where x was below 0 the slope is 0.",
)
def _(dy, x):
    return dy.copy()


@wrong(
    "relu_backward",
    "leaky",
    "A hundredth of the gradient passes where x is below 0. This ReLU does not leak: 0 passes.",
)
def _(dy, x):
    return np.where(x > 0, dy, dy.dtype.type(0.01) * dy)


@wrong(
    "relu_backward",
    "threshold above 0",
    "Very small positive inputs are treated as 0. The slope is 1 for every x above 0.",
)
def _(dy, x):
    return dy * (x > 1e-8)


@wrong("relu_backward", *DTYPE_LOST)
def _(dy, x):
    return (dy * (x > 0)).astype(np.float64)


@wrong(
    "relu_backward",
    "input modified in place",
    "Your code writes the zeros into dy or x itself. Make a new array.",
)
def _(dy, x):
    dy[x <= 0] = 0
    return dy


@wrong(
    "linear_backward",
    "gradient of the weight turned round",
    "Your dweight is (C_in, C_out). It has the shape of the weight: (C_out, C_in).",
)
def _(dy, x, weight):
    return dy @ weight, x.T @ dy, dy.sum(axis=0)


@wrong(
    "linear_backward",
    "weight transposed on the way back",
    "dx = dy Wᵀ fits only if the weight is square. Each input gets dy times its own column of the weight.",
)
def _(dy, x, weight):
    return dy @ weight.T, dy.T @ x, dy.sum(axis=0)


@wrong(
    "linear_backward",
    "mean over the batch",
    "You divide by the number of examples. dy already holds what each contributes: sum over the batch.",
)
def _(dy, x, weight):
    n = x.dtype.type(len(x))
    return dy @ weight, dy.T @ x / n, dy.sum(axis=0) / n


@wrong("linear_backward", "bias: mean over the batch", "dbias is the sum over the batch, not the mean.")
def _(dy, x, weight):
    return dy @ weight, dy.T @ x, dy.mean(axis=0)


@wrong(
    "linear_backward",
    "bias: not summed",
    "Your dbias is dy itself. The same bias is added for every example: sum over the batch.",
)
def _(dy, x, weight):
    return dy @ weight, dy.T @ x, dy.copy()


@wrong(
    "linear_backward",
    "bias: the batch axis stays",
    "Your dbias has an axis too many (`keepdims`?). It has the shape of the bias: (C_out,).",
)
def _(dy, x, weight):
    return dy @ weight, dy.T @ x, dy.sum(axis=0, keepdims=True)


@wrong(
    "linear_backward",
    "bias: summed over the outputs",
    "You sum dy over the outputs. Each output has a bias of its own: sum over the examples, axis 0.",
)
def _(dy, x, weight):
    return dy @ weight, dy.T @ x, dy.sum(axis=1)


@wrong(
    "linear_backward",
    "bias: a single number",
    "Your dbias is a single number: `.sum()` without an axis. Each output has a bias of its own.",
)
def _(dy, x, weight):
    return dy @ weight, dy.T @ x, dy.sum()


@wrong(
    "linear_backward",
    "answers exchanged",
    "The gradients come in another order: dx first, then dweight, then dbias.",
)
def _(dy, x, weight):
    return dy.T @ x, dy @ weight, dy.sum(axis=0)


@wrong(
    "linear_backward",
    "input forgotten",
    "Your dweight is the weight times something, but x is not in it. y = x Wᵀ: the slope with respect to W "
    "is x.",
)
def _(dy, x, weight):
    return dy @ weight, dy.sum(axis=0)[:, None] * weight, dy.sum(axis=0)


@wrong(
    "linear_backward",
    "only the last example",
    "Only one example gets into dweight and dbias: is there an `=` where a `+=` is due?",
)
def _(dy, x, weight):
    return dy @ weight, np.outer(dy[-1], x[-1]), dy[-1].copy()


@wrong("linear_backward", "no gradient of the bias", "Three gradients are due: dx, dweight and dbias.")
def _(dy, x, weight):
    return dy @ weight, dy.T @ x


@wrong("linear_backward", *DTYPE_LOST)
def _(dy, x, weight):
    return tuple(g.astype(np.float64) for g in (dy @ weight, dy.T @ x, dy.sum(axis=0)))


@wrong(
    "linear_backward",
    "input modified in place",
    "Your code changes one of its inputs. Leave them as they were.",
)
def _(dy, x, weight):
    answer = dy @ weight, dy.T @ x, dy.sum(axis=0)
    dy /= 2
    return answer


def frame(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def conv_back(dy, x, weight, stride=1, padding=0, add=True, crop=True):
    """The right answer, unless told otherwise."""
    padded = frame(x, padding)
    dpadded, dweight = np.zeros_like(padded), np.zeros_like(weight, order="C")
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            rows = slice(i, i + stride * (dy.shape[2] - 1) + 1, stride)
            columns = slice(j, j + stride * (dy.shape[3] - 1) + 1, stride)
            part = np.einsum("nohw,oc->nchw", dy, weight[:, :, i, j])
            dpadded[:, :, rows, columns] = dpadded[:, :, rows, columns] + part if add else part
            dweight[:, :, i, j] = np.einsum("nohw,nchw->oc", dy, padded[:, :, rows, columns])
    height, width = x.shape[2:]
    dx = dpadded[:, :, padding : padding + height, padding : padding + width] if crop else dpadded
    return dx.copy(), dweight, dy.sum(axis=(0, 2, 3))


@wrong(
    "conv2d_backward",
    "flipped filter",
    "Your dx looks as if the filters were turned by half a turn. The pixel that met weight (k, l) gets dy "
    "times "
    "weight (k, l) back.",
)
def _(dy, x, weight, stride=1, padding=0):
    _, dweight, dbias = conv_back(dy, x, weight, stride, padding)
    return conv_back(dy, x, weight[:, :, ::-1, ::-1], stride, padding)[0], dweight, dbias


@wrong(
    "conv2d_backward",
    "flipped gradient of the weight",
    "Your dweight is turned by half a turn. dweight (k, l) is the sum of dy times the pixels that met "
    "weight (k, l).",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, dbias = conv_back(dy, x, weight, stride, padding)
    return dx, dweight[:, :, ::-1, ::-1].copy(), dbias


@wrong(
    "conv2d_backward",
    "rows and columns of the filter exchanged",
    "The rows and columns of your dweight are exchanged, or those of the filter on the way back.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, dbias = conv_back(dy, x, weight, stride, padding)
    return dx, dweight.swapaxes(2, 3).copy(), dbias


@wrong(
    "conv2d_backward",
    "gradients replace each other",
    "Where windows overlap, a pixel gets a gradient from each of them. Yours replace each other: `+=`.",
)
def _(dy, x, weight, stride=1, padding=0):
    return conv_back(dy, x, weight, stride, padding, add=False)


@wrong(
    "conv2d_backward",
    "frame not cut off",
    "Your dx is as large as the padded input. The frame of zeros was not part of x: cut it off.",
)
def _(dy, x, weight, stride=1, padding=0):
    return conv_back(dy, x, weight, stride, padding, crop=False)


@wrong(
    "conv2d_backward",
    "frame cut off at the end only",
    "You cut the frame off on one side. Padding lies on all four sides: x begins at row and column "
    "`padding`.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, dbias = conv_back(dy, x, weight, stride, padding, crop=False)
    return dx[:, :, : x.shape[2], : x.shape[3]].copy(), dweight, dbias


@wrong(
    "conv2d_backward",
    "stride ignored",
    "You let the windows move by one pixel. The stride of the forward pass says which pixels window i read.",
)
def _(dy, x, weight, stride=1, padding=0):
    return conv_back(dy, x, weight, 1, padding)


@wrong(
    "conv2d_backward",
    "padding ignored in the gradient of the weight",
    "For dweight you read x without its padding, so that the windows lie elsewhere. Pad x as in the "
    "forward pass.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, _, dbias = conv_back(dy, x, weight, stride, padding)
    behind = np.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    return dx, conv_back(dy, behind, weight, stride, 0)[1], dbias


@wrong(
    "conv2d_backward",
    "mean over the batch",
    "You divide by the number of images. dy already holds what each contributes: sum over the batch.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, dbias = conv_back(dy, x, weight, stride, padding)
    return dx, dweight / x.dtype.type(len(x)), dbias / x.dtype.type(len(x))


@wrong(
    "conv2d_backward",
    "only the last image",
    "Only one image gets into dweight and dbias: is there an `=` where a `+=` is due?",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, _, _ = conv_back(dy, x, weight, stride, padding)
    return dx, *conv_back(dy[-1:], x[-1:], weight, stride, padding)[1:]


@wrong(
    "conv2d_backward",
    "bias: summed over the images only",
    "Your dbias still has rows and columns. The same bias is added at every position: sum over these, too.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, _ = conv_back(dy, x, weight, stride, padding)
    return dx, dweight, dy.sum(axis=0)


@wrong(
    "conv2d_backward",
    "bias: mean instead of sum",
    "Your dbias is a mean. The bias is added at every position of every image: sum over all of them.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, _ = conv_back(dy, x, weight, stride, padding)
    return dx, dweight, dy.mean(axis=(0, 2, 3))


@wrong(
    "conv2d_backward",
    "bias: one for each image",
    "Your dbias has a row for each image. The bias is the same for all: sum over the batch, too.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, _ = conv_back(dy, x, weight, stride, padding)
    return dx, dweight, dy.sum(axis=(2, 3))


@wrong(
    "conv2d_backward",
    "input and output channels exchanged",
    "Your dweight is (C_in, C_out, kh, kw). It has the shape of the weight: output channels first.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, dbias = conv_back(dy, x, weight, stride, padding)
    return dx, dweight.swapaxes(0, 1).copy(), dbias


@wrong(
    "conv2d_backward",
    "answers exchanged",
    "The gradients come in another order: dx first, then dweight, then dbias.",
)
def _(dy, x, weight, stride=1, padding=0):
    dx, dweight, dbias = conv_back(dy, x, weight, stride, padding)
    return dweight, dx, dbias


@wrong("conv2d_backward", "no gradient of the bias", "Three gradients are due: dx, dweight and dbias.")
def _(dy, x, weight, stride=1, padding=0):
    return conv_back(dy, x, weight, stride, padding)[:2]


@wrong("conv2d_backward", *DTYPE_LOST)
def _(dy, x, weight, stride=1, padding=0):
    return tuple(g.astype(np.float64) for g in conv_back(dy, x, weight, stride, padding))


@wrong(
    "conv2d_backward",
    "float32 inside",
    "The gradients are right to seven digits only: something was converted to float32 on the way.",
)
def _(dy, x, weight, stride=1, padding=0):
    small = [array.astype(np.float32) for array in (dy, x, weight)]
    return tuple(g.astype(x.dtype) for g in conv_back(*small, stride, padding))


@wrong(
    "conv2d_backward",
    "input modified in place",
    "Your code changes one of its inputs. Leave them as they were.",
)
def _(dy, x, weight, stride=1, padding=0):
    answer = conv_back(dy, x, weight, stride, padding)
    x *= 0.5
    return answer


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(scores, y):
    """The right answer."""
    rows = np.arange(len(y))
    shifted = scores - scores.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, y]
    gradient = softmax(scores)
    gradient[rows, y] -= 1
    return float(losses.mean()), gradient / len(y)


@wrong(
    "softmax_loss",
    "sum over the batch",
    "Your loss is the sum over the examples. The mean is due; then the gradient is divided by N, too.",
)
def _(scores, y):
    loss, gradient = cross_entropy(scores, y)
    return loss * len(y), gradient * len(y)


@wrong(
    "softmax_loss",
    "gradient not divided by the batch",
    "The loss is a mean over the batch, but its gradient is not: each example has a share of 1 / N.",
)
def _(scores, y):
    loss, gradient = cross_entropy(scores, y)
    return loss, gradient * len(y)


@wrong(
    "softmax_loss",
    "probabilities as gradient",
    "Your gradient holds the probabilities. What about the right class? Its score should rise, so 1 is "
    "taken off "
    "there.",
)
def _(scores, y):
    return cross_entropy(scores, y)[0], softmax(scores) / len(y)


@wrong(
    "softmax_loss",
    "sign of the gradient turned",
    "Your gradient points the wrong way: the slope is probability minus 1 at the right class.",
)
def _(scores, y):
    loss, gradient = cross_entropy(scores, y)
    return loss, -gradient


@wrong(
    "softmax_loss",
    "1 taken off in whole columns",
    "`p[:, y] -= 1` takes 1 off in whole columns. Pair each row with its own class: `p[np.arange(N), y]`.",
)
def _(scores, y):
    gradient = softmax(scores)
    gradient[:, y] -= 1
    return cross_entropy(scores, y)[0], gradient / len(y)


@wrong(
    "softmax_loss",
    "1 taken off at the likeliest class",
    "You take 1 off at the class with the highest score. Take it off at the right class, y.",
)
def _(scores, y):
    return cross_entropy(scores, y)[0], cross_entropy(scores, scores.argmax(axis=1))[1]


@wrong(
    "softmax_loss",
    "exp overflows",
    "exp of a large score is infinite. Take the largest score of each row off first: no probability changes.",
)
def _(scores, y):
    with np.errstate(all="ignore"):
        p = np.exp(scores)
        p = p / p.sum(axis=1, keepdims=True)
        loss = float(-np.log(p[np.arange(len(y)), y]).mean())
    p[np.arange(len(y)), y] -= 1
    return loss, p / len(y)


@wrong(
    "softmax_loss",
    "logarithm of zero",
    "A tiny probability is rounded to 0, and its logarithm is infinite. Take the logarithm before you "
    "divide: "
    "score - largest - log(sum of exps).",
)
def _(scores, y):
    with np.errstate(all="ignore"):
        loss = float(-np.log(softmax(scores)[np.arange(len(y)), y]).mean())
    return loss, cross_entropy(scores, y)[1]


@wrong(
    "softmax_loss",
    "probabilities held above a small number",
    "Something like `p + 1e-12` keeps the logarithm finite, but the loss wrong. Take the logarithm before "
    "you divide: "
    "score - largest - log(sum of exps).",
)
def _(scores, y):
    return float(-np.log(softmax(scores)[np.arange(len(y)), y] + 1e-12).mean()), cross_entropy(scores, y)[1]


@wrong(
    "softmax_loss",
    "largest score of the whole batch taken off",
    "You take the largest score of the whole batch off. An example far below it loses all its digits: take "
    "the "
    "largest of each row.",
)
def _(scores, y):
    with np.errstate(all="ignore"):
        p = np.exp(scores - scores.max())
        total = p.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - (scores - scores.max())[np.arange(len(y)), y]).mean())
        p = p / total
    p[np.arange(len(y)), y] -= 1
    return loss, p / len(y)


@wrong(
    "softmax_loss",
    "softmax over the examples",
    "Your probabilities sum to 1 over the examples. They sum to 1 over the classes of each example: axis 1.",
)
def _(scores, y):
    p = softmax(scores.T).T
    with np.errstate(all="ignore"):
        loss = float(-np.log(p[np.arange(len(y)), y]).mean())
    p[np.arange(len(y)), y] -= 1
    return loss, p / len(y)


@wrong("softmax_loss", "logarithm to base 2", "Your logarithm has base 2. The natural one is due: np.log.")
def _(scores, y):
    loss, gradient = cross_entropy(scores, y)
    return float(loss / np.log(2)), gradient


@wrong(
    "softmax_loss", "sign of the loss turned", "Your loss is negative. A minus belongs before the logarithm."
)
def _(scores, y):
    loss, gradient = cross_entropy(scores, y)
    return -loss, gradient


@wrong("softmax_loss", "only the loss", "Two answers are due: the loss and its gradient.")
def _(scores, y):
    return cross_entropy(scores, y)[0]


@wrong(
    "softmax_loss",
    "one loss for each example",
    "You return a loss for each example. Return their mean.",
)
def _(scores, y):
    shifted = scores - scores.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]
    return losses, cross_entropy(scores, y)[1]


@wrong(
    "softmax_loss",
    "dtype lost",
    "Your gradient is float64 whatever came in. Give it the dtype of the scores.",
)
def _(scores, y):
    return cross_entropy(scores.astype(np.float64), y)


@wrong(
    "softmax_loss",
    "scores modified in place",
    "Your code changes the scores themselves (`-=`?). Make a new array.",
)
def _(scores, y):
    answer = cross_entropy(scores, y)
    scores -= scores.max(axis=1, keepdims=True) + 1
    return answer


def hinge(scores, y, margin=1.0, kink=0.0):
    """The right answer, unless told otherwise: (margins, slopes)."""
    rows = np.arange(len(y))
    margins = scores - scores[rows, y][:, None] + scores.dtype.type(margin)
    margins[rows, y] = 0
    slopes = (margins > 0).astype(scores.dtype) + (margins == 0).astype(scores.dtype) * scores.dtype.type(
        kink
    )
    slopes[rows, y] = 0
    slopes[rows, y] = -slopes.sum(axis=1)
    return np.maximum(margins, 0), slopes


def mean_hinge(scores, y, **options):
    margins, slopes = hinge(scores, y, **options)
    return float(margins.sum() / len(y)), slopes / scores.dtype.type(len(y))


@wrong(
    "svm_loss",
    "right class counted",
    "Your loss is too large by 1: the right class is counted as well, with its margin of exactly 1. Leave "
    "it out.",
)
def _(scores, y):
    loss, gradient = mean_hinge(scores, y)
    return loss + 1, gradient


@wrong(
    "svm_loss",
    "right class has no slope",
    "The score of the right class stands in every margin, but its slope is 0 with you: each class inside "
    "the margin "
    "pushes it up.",
)
def _(scores, y):
    loss, gradient = mean_hinge(scores, y)
    gradient[np.arange(len(y)), y] = 0
    return loss, gradient


@wrong(
    "svm_loss",
    "right class pushed once only",
    "The slope of the right class is -1 with you. It is minus the number of classes inside the margin.",
)
def _(scores, y):
    loss, gradient = mean_hinge(scores, y)
    rows = np.arange(len(y))
    gradient[rows, y] = np.sign(gradient[rows, y]) / len(y)
    return loss, gradient


@wrong(
    "svm_loss",
    "slope at the kink",
    "A class that stays below by exactly 1 has the slope 0 here: `>`, not `>=`.",
)
def _(scores, y):
    return mean_hinge(scores, y, kink=1.0)


@wrong(
    "svm_loss",
    "no margin",
    "With you it is enough that a wrong class is below the right one. It should stay at least 1 below.",
)
def _(scores, y):
    return mean_hinge(scores, y, margin=0.0)


@wrong(
    "svm_loss",
    "only the worst class",
    "You count the worst wrong class only. All classes inside the margin add up.",
)
def _(scores, y):
    margins, _ = hinge(scores, y)
    rows, worst = np.arange(len(y)), margins.argmax(axis=1)
    gradient = np.zeros_like(scores, order="C")
    inside = margins[rows, worst] > 0
    gradient[rows[inside], worst[inside]] = 1 / len(y)
    gradient[rows[inside], y[inside]] = -1 / len(y)
    return float(margins.max(axis=1).mean()), gradient


@wrong(
    "svm_loss",
    "squared margins",
    "You square the margins. The plain ones are added up here.",
)
def _(scores, y):
    margins, _ = hinge(scores, y)
    gradient = 2 * margins
    gradient[np.arange(len(y)), y] = -gradient.sum(axis=1)
    return float((margins**2).sum() / len(y)), (gradient / len(y)).astype(scores.dtype)


@wrong(
    "svm_loss",
    "sum over the batch",
    "Your loss is the sum over the examples. The mean is due; then the gradient is divided by N, too.",
)
def _(scores, y):
    loss, gradient = mean_hinge(scores, y)
    return loss * len(y), gradient * scores.dtype.type(len(y))


@wrong(
    "svm_loss",
    "gradient not divided by the batch",
    "The loss is a mean over the batch, but its gradient is not: each example has a share of 1 / N.",
)
def _(scores, y):
    loss, gradient = mean_hinge(scores, y)
    return loss, gradient * scores.dtype.type(len(y))


@wrong(
    "svm_loss",
    "mean over the classes",
    "You average over the classes as well. The margins of an example are added up.",
)
def _(scores, y):
    loss, gradient = mean_hinge(scores, y)
    return loss / scores.shape[1], gradient / scores.dtype.type(scores.shape[1])


@wrong(
    "svm_loss",
    "margins not cut off at 0",
    "Classes far below lower your loss. A margin below 0 counts as 0.",
)
def _(scores, y):
    rows = np.arange(len(y))
    margins = scores - scores[rows, y][:, None] + 1
    margins[rows, y] = 0
    return float(margins.sum() / len(y)), mean_hinge(scores, y)[1]


@wrong(
    "svm_loss",
    "margins as gradient",
    "Your gradient grows with the margin. The slope of max(0, m) is 1 or 0, however large m is.",
)
def _(scores, y):
    margins, _ = hinge(scores, y)
    gradient = margins.copy()
    gradient[np.arange(len(y)), y] = -gradient.sum(axis=1)
    return mean_hinge(scores, y)[0], (gradient / len(y)).astype(scores.dtype)


@wrong(
    "svm_loss",
    "sign turned",
    "You reward wrong classes: the margin is the wrong class's score minus the right one's, plus 1.",
)
def _(scores, y):
    loss, gradient = mean_hinge(-scores, y)
    return loss, -gradient


@wrong("svm_loss", "only the loss", "Two answers are due: the loss and its gradient.")
def _(scores, y):
    return mean_hinge(scores, y)[0]


@wrong(
    "svm_loss",
    "dtype lost",
    "Your gradient is float64 whatever came in. Give it the dtype of the scores.",
)
def _(scores, y):
    return mean_hinge(scores.astype(np.float64), y)


@wrong("svm_loss", "scores modified in place", "Your code changes the scores themselves. Make a new array.")
def _(scores, y):
    answer = mean_hinge(scores, y)
    scores -= 1
    return answer


class RightConvNet:
    """The right net, its gradients by PyTorch; the wrong ones change one thing."""

    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        self.params = self.start(in_shape, n_classes, n_filters, rng or np.random.default_rng())

    def start(self, in_shape, n_classes, n_filters, rng, w1=None, w2=0.001):
        channels, height, width = in_shape
        shape = (n_filters, channels, 3, 3)
        return {
            "W1": rng.normal(0, (2 / (9 * channels)) ** 0.5 if w1 is None else w1, shape).astype(np.float32),
            "b1": np.zeros(n_filters, np.float32),
            "W2": rng.normal(0, w2, (n_classes, n_filters * height * width // 4)).astype(np.float32),
            "b2": np.zeros(n_classes, np.float32),
        }

    def leaves(self):
        return {name: torch.tensor(value, requires_grad=True) for name, value in self.params.items()}

    def convolve(self, x, p):
        return F.conv2d(x, p["W1"], p["b1"], padding=1)

    def activate(self, h):
        return F.relu(h)

    def pool(self, h):
        return F.max_pool2d(h, 2)

    def flatten(self, h):
        return h.flatten(1)

    def connect(self, h, p):
        return h @ p["W2"].T + p["b2"]

    def run(self, x, p):
        x = torch.from_numpy(np.ascontiguousarray(x)).to(p["W1"].dtype)
        return self.connect(self.flatten(self.pool(self.activate(self.convolve(x, p)))), p)

    def scores(self, x):
        return self.run(x, self.leaves()).detach().numpy()

    def measure(self, scores, y):
        return F.cross_entropy(scores, y)

    def finish(self, gradients):
        return gradients

    def loss(self, x, y):
        p = self.leaves()
        loss = self.measure(self.run(x, p), torch.from_numpy(y))
        found = torch.autograd.grad(loss, list(p.values()), allow_unused=True)
        pairs = zip(p.items(), found, strict=True)
        gradients = {k: (torch.zeros_like(v) if g is None else g).detach().numpy() for (k, v), g in pairs}
        return loss.item(), self.finish(gradients)


@wrong("ConvNet", "ReLU forgotten", "There is no ReLU between the convolution and the pooling.")
class _(RightConvNet):
    def activate(self, h):
        return h


@wrong(
    "ConvNet",
    "ReLU forgotten on the way back",
    "Scores and loss are right, but gradients pass where the ReLU was 0. Use relu_backward with the input "
    "of the ReLU.",
)
class _(RightConvNet):
    def activate(self, h):
        return h + (F.relu(h) - h).detach()


@wrong("ConvNet", "average pooling", "You pool with the mean; the maximum is asked for.")
class _(RightConvNet):
    def pool(self, h):
        return F.avg_pool2d(h, 2)


def in_windows(h):
    n, c, height, width = h.shape
    return h.reshape(n, c, height // 2, 2, width // 2, 2).transpose(3, 4).flatten(4)


@wrong(
    "ConvNet",
    "every tied maximum paid",
    "Where a window holds its maximum several times, every one of them gets the whole gradient (x == y?). "
    "Only one "
    "is paid: max_pool2d tells you which.",
)
class _(RightConvNet):
    def pool(self, h):
        windows = in_windows(h)
        mask = (windows == windows.amax(dim=4, keepdim=True)).detach()
        return windows.amax(dim=4).detach() + ((windows - windows.detach()) * mask).sum(dim=4)


@wrong(
    "ConvNet",
    "maximum paid at the wrong pixel",
    "The gradient of each window goes to its first pixel, whoever took the maximum. Use the argmax of "
    "max_pool2d.",
)
class _(RightConvNet):
    def pool(self, h):
        windows = in_windows(h)
        return windows.amax(dim=4).detach() + windows[..., 0] - windows[..., 0].detach()


@wrong(
    "ConvNet",
    "pixels flattened channels last",
    "The features reach the linear layer in another order. Flatten the pooled volume as it is: channels "
    "first, "
    "`reshape(N, -1)`.",
)
class _(RightConvNet):
    def flatten(self, h):
        return h.permute(0, 2, 3, 1).flatten(1)


@wrong(
    "ConvNet", "bias of the convolution forgotten", "b1 is not used in the convolution, or gets no gradient."
)
class _(RightConvNet):
    def convolve(self, x, p):
        return F.conv2d(x, p["W1"], None, padding=1)


@wrong("ConvNet", "bias of the linear layer forgotten", "b2 is not added to the scores, or gets no gradient.")
class _(RightConvNet):
    def connect(self, h, p):
        return h @ p["W2"].T


@wrong(
    "ConvNet",
    "flipped filters",
    "The filters are applied turned by half a turn. Nothing is flipped here: use conv2d as it is.",
)
class _(RightConvNet):
    def convolve(self, x, p):
        return F.conv2d(x, p["W1"].flip(2, 3), p["b1"], padding=1)


@wrong(
    "ConvNet",
    "gradient of the filters flipped",
    "Everything is right but the gradient of W1, which is turned by half a turn.",
)
class _(RightConvNet):
    def finish(self, gradients):
        return gradients | {"W1": gradients["W1"][:, :, ::-1, ::-1].copy()}


@wrong(
    "ConvNet",
    "padding forgotten",
    "The linear layer expects another number of features: without padding the convolution makes the image "
    "smaller.",
)
class _(RightConvNet):
    def start(self, in_shape, n_classes, n_filters, rng):
        channels, height, width = in_shape
        return super().start((channels, max(height - 2, 2), max(width - 2, 2)), n_classes, n_filters, rng)

    def convolve(self, x, p):
        return F.conv2d(x, p["W1"], p["b1"])


@wrong(
    "ConvNet", "ReLU on the scores", "Your scores are never negative: there is no ReLU after the last layer."
)
class _(RightConvNet):
    def connect(self, h, p):
        return F.relu(super().connect(h, p))


@wrong(
    "ConvNet",
    "loss summed over the batch",
    "The loss and its gradients grow with the number of images. The mean over the batch is due.",
)
class _(RightConvNet):
    def measure(self, scores, y):
        return F.cross_entropy(scores, y, reduction="sum")


@wrong(
    "ConvNet",
    "gradients not divided by the batch",
    "The loss is a mean over the images, but the gradients are sums: each image has a share of 1 / N.",
)
class _(RightConvNet):
    def loss(self, x, y):
        loss, gradients = super().loss(x, y)
        return loss, {name: value * value.dtype.type(len(y)) for name, value in gradients.items()}


@wrong("ConvNet", "SVM loss", "This is the hinge loss. The net is trained with the softmax loss.")
class _(RightConvNet):
    def measure(self, scores, y):
        margins = F.relu(scores - scores.gather(1, y[:, None]) + 1)
        return (margins.sum() - len(y)) / len(y)


@wrong(
    "ConvNet",
    "probabilities as scores",
    "`scores` returns probabilities. Scores are the plain answers of the linear layer.",
)
class _(RightConvNet):
    def scores(self, x):
        return softmax(super().scores(x))


@wrong(
    "ConvNet",
    "gradients with other names",
    "The gradients have other names than the parameters. Use the same: W1, b1, W2, b2.",
)
class _(RightConvNet):
    def finish(self, gradients):
        return {f"d{name}": value for name, value in gradients.items()}


@wrong("ConvNet", "no gradients of the biases", "b1 and b2 are trained, too: four gradients are due.")
class _(RightConvNet):
    def finish(self, gradients):
        return {name: gradients[name] for name in ("W1", "W2")}


@wrong("ConvNet", "only the loss", "`loss` should return the loss and the gradients.")
class _(RightConvNet):
    def loss(self, x, y):
        return super().loss(x, y)[0]


@wrong(
    "ConvNet",
    "step taken in the loss",
    "`loss` changes the parameters. It should only measure; the training takes the steps.",
)
class _(RightConvNet):
    def finish(self, gradients):
        for name, gradient in gradients.items():
            self.params[name] = self.params[name] - self.params[name].dtype.type(0.1) * gradient
        return gradients


@wrong(
    "ConvNet",
    "gradients of one batch added to the next",
    "Gradients of the last call are still in there. Each call starts from zero.",
)
class _(RightConvNet):
    def finish(self, gradients):
        before = getattr(self, "before", None)
        self.before = (
            gradients if before is None else {name: before[name] + gradients[name] for name in before}
        )
        return self.before


@wrong(
    "ConvNet",
    "parameters kept elsewhere as well",
    "The net computes with copies of its parameters: new arrays in `params` make no difference. Read "
    "self.params in "
    "every call.",
)
class _(RightConvNet):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.own = dict(self.params)

    def leaves(self):
        return {name: torch.tensor(value, requires_grad=True) for name, value in self.own.items()}


@wrong(
    "ConvNet",
    "float32 inside",
    "The answers are right to seven digits only: something in loss or scores turns numbers to float32. A "
    "gradient "
    "check needs float64, if the parameters are float64.",
)
class _(RightConvNet):
    def leaves(self):
        return {name: leaf.detach().float().requires_grad_() for name, leaf in super().leaves().items()}

    def scores(self, x):
        return super().scores(x).astype(x.dtype)


@wrong(
    "ConvNet",
    "number of filters ignored",
    "The net has ten filters, whatever n_filters says.",
)
class _(RightConvNet):
    def start(self, in_shape, n_classes, n_filters, rng):
        return super().start(in_shape, n_classes, 10, rng)


@wrong(
    "ConvNet",
    "weight of the linear layer turned round",
    "W2 is (features, classes) with you. It should be (n_classes, features), as for every linear layer here.",
)
class _(RightConvNet):
    def start(self, *args):
        params = super().start(*args)
        return params | {"W2": params["W2"].T.copy()}

    def connect(self, h, p):
        return h @ p["W2"] + p["b2"]


@wrong(
    "ConvNet",
    "features not divided by the pooling",
    "W2 has too many columns: the pooling halves height and width before the linear layer.",
)
class _(RightConvNet):
    def start(self, *args):
        params = super().start(*args)
        return params | {"W2": np.tile(params["W2"], (1, 4))}


@wrong(
    "ConvNet",
    "filters start at zero",
    "All filters start at the same values, so all would learn the same. Draw them at random.",
)
class _(RightConvNet):
    def start(self, *args):
        return super().start(*args, w1=0.0)


@wrong(
    "ConvNet",
    "filters start too small",
    "The filters start far too small: their answers vanish. The standard deviation is sqrt(2 / (9 C)).",
)
class _(RightConvNet):
    def start(self, *args):
        return super().start(*args, w1=0.001)


@wrong(
    "ConvNet",
    "filters start too large",
    "The filters start too large. The standard deviation is sqrt(2 / (9 C)), not 1.",
)
class _(RightConvNet):
    def start(self, in_shape, *args):
        return super().start(in_shape, *args, w1=3.0)


@wrong(
    "ConvNet",
    "filters start positive",
    "No filter has a negative weight (rng.random gives 0 … 1). Draw from a normal distribution around 0.",
)
class _(RightConvNet):
    def start(self, in_shape, n_classes, n_filters, rng):
        params = super().start(in_shape, n_classes, n_filters, rng)
        spread = (2 / (9 * in_shape[0])) ** 0.5
        return params | {"W1": (1.5 * spread + params["W1"]).astype(np.float32)}


@wrong(
    "ConvNet",
    "scores start too large",
    "The loss at the start is far from log(classes): the weights of the linear layer are too large. Their "
    "standard "
    "deviation is 0.001.",
)
class _(RightConvNet):
    def start(self, *args):
        return super().start(*args, w2=1.0)


@wrong(
    "ConvNet",
    "rng ignored",
    "The net draws its weights from a generator of its own. Use rng where one is given, so that a net can "
    "be made "
    "again.",
)
class _(RightConvNet):
    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        super().__init__(in_shape, n_classes, n_filters)


@wrong(
    "ConvNet",
    "always the same weights",
    "The net starts with the same weights, whatever rng is. Draw them from rng.",
)
class _(RightConvNet):
    def __init__(self, in_shape, n_classes, n_filters=10, rng=None):
        super().__init__(in_shape, n_classes, n_filters, np.random.default_rng(0))


def walk(loss_fn, weights, steps, step_size):
    """The right answer."""
    for _ in range(steps):
        weights = weights - weights.dtype.type(step_size) * loss_fn(weights)[1]
    return weights.copy()


@wrong(
    "gradient_descent",
    "uphill",
    "You walk uphill: the gradient points to where the loss grows. Step against it.",
)
def _(loss_fn, weights, steps, step_size):
    with np.errstate(all="ignore"):
        return walk(loss_fn, weights, steps, -step_size)


@wrong(
    "gradient_descent",
    "start modified in place",
    "Your code changes the array with which it was called (`-=`). Work on a copy.",
)
def _(loss_fn, weights, steps, step_size):
    for _ in range(steps):
        weights -= weights.dtype.type(step_size) * loss_fn(weights)[1]
    return weights


@wrong(
    "gradient_descent",
    "an end where it is flat",
    "You stop where the gradient is small. Exactly `steps` steps are asked for.",
)
def _(loss_fn, weights, steps, step_size):
    for _ in range(steps):
        if np.abs(loss_fn(weights)[1]).max() < 0.1:
            break
        weights = walk(loss_fn, weights, 1, step_size)
    return weights.copy()


@wrong(
    "gradient_descent",
    "gradient computed once",
    "You compute the gradient once, at the start. It changes at every step: ask loss_fn again.",
)
def _(loss_fn, weights, steps, step_size):
    return weights - weights.dtype.type(step_size * steps) * loss_fn(weights)[1]


@wrong(
    "gradient_descent", "one step too many", "You take one step too many. How many times should the loop run?"
)
def _(loss_fn, weights, steps, step_size):
    return walk(loss_fn, weights, steps + 1, step_size)


@wrong(
    "gradient_descent", "one step too few", "You take one step too few. How many times should the loop run?"
)
def _(loss_fn, weights, steps, step_size):
    return walk(loss_fn, weights, steps - 1, step_size)


@wrong(
    "gradient_descent",
    "one step only",
    "You take one step, however many are asked for. Is the return inside the loop?",
)
def _(loss_fn, weights, steps, step_size):
    return walk(loss_fn, weights, min(steps, 1), step_size)


@wrong(
    "gradient_descent",
    "loss instead of gradient",
    "You step by the loss. loss_fn returns (loss, gradient): the second one says where to go.",
)
def _(loss_fn, weights, steps, step_size):
    for _ in range(steps):
        weights = weights - weights.dtype.type(step_size * loss_fn(weights)[0])
    return weights.copy()


@wrong(
    "gradient_descent",
    "step size forgotten",
    "You step by the whole gradient. Multiply it by step_size.",
)
def _(loss_fn, weights, steps, step_size):
    with np.errstate(all="ignore"):
        return walk(loss_fn, weights, steps, 1)


@wrong(
    "gradient_descent",
    "gradient of length 1",
    "You scale the gradient to length 1. A flat slope should give a short step.",
)
def _(loss_fn, weights, steps, step_size):
    for _ in range(steps):
        gradient = loss_fn(weights)[1]
        weights = weights - weights.dtype.type(step_size) * gradient / np.linalg.norm(gradient)
    return weights.copy()


@wrong(
    "gradient_descent",
    "step size shrinks",
    "Your steps become smaller from one to the next. step_size stays the same here.",
)
def _(loss_fn, weights, steps, step_size):
    for step in range(steps):
        weights = weights - weights.dtype.type(step_size / (step + 1)) * loss_fn(weights)[1]
    return weights.copy()


@wrong(
    "gradient_descent",
    "all weights on the way",
    "You return all the weights on the way. Only those after the last step are asked for.",
)
def _(loss_fn, weights, steps, step_size):
    return np.stack([walk(loss_fn, weights, step, step_size) for step in range(steps + 1)])


@wrong(
    "gradient_descent",
    "loss returned",
    "You return the loss. The weights after the last step are asked for.",
)
def _(loss_fn, weights, steps, step_size):
    return loss_fn(walk(loss_fn, weights, steps, step_size))[0]


@wrong("gradient_descent", "nothing returned", "Your function returns nothing: `return` the weights.")
def _(loss_fn, weights, steps, step_size):
    walk(loss_fn, weights, steps, step_size)


def epoch_of(model, x, y, batches, step_size):
    """Take a step for each batch of numbers; return the losses."""
    losses = []
    for batch in batches:
        loss, gradients = model.loss(x[batch], y[batch])
        for name, gradient in gradients.items():
            model.params[name] = model.params[name] - step_size * gradient
        losses.append(loss)
    return losses


def cut(order, batch_size):
    return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]


@wrong(
    "minibatch_sgd",
    "not shuffled",
    "The examples come in the order of the data. Put them into a new random order for each epoch.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    return [
        loss
        for _ in range(epochs)
        for loss in epoch_of(model, x, y, cut(np.arange(len(x)), batch_size), step_size)
    ]


@wrong(
    "minibatch_sgd",
    "one order for all epochs",
    "You draw the order once. Draw a new one at the start of each epoch.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    batches = cut(rng.permutation(len(x)), batch_size)
    return [loss for _ in range(epochs) for loss in epoch_of(model, x, y, batches, step_size)]


@wrong(
    "minibatch_sgd",
    "drawn with replacement",
    "Your batches are drawn at random each time: some examples come twice in an epoch, others never. "
    "Shuffle all of "
    "them, then cut.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        batches = [rng.integers(0, len(x), len(part)) for part in cut(np.arange(len(x)), batch_size)]
        losses += epoch_of(model, x, y, batches, step_size)
    return losses


@wrong(
    "minibatch_sgd",
    "rest left out",
    "The examples that do not fill a batch are never seen in that epoch. The last batch may be smaller.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        batches = [part for part in cut(rng.permutation(len(x)), batch_size) if len(part) == batch_size]
        losses += epoch_of(model, x, y, batches, step_size)
    return losses


@wrong(
    "minibatch_sgd",
    "images and classes shuffled apart",
    "The images and their classes come in different orders. Use one order for both.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        order, other = rng.permutation(len(x)), rng.permutation(len(x))
        losses += epoch_of(model, x[order], y[other], cut(np.arange(len(x)), batch_size), step_size)
    return losses


@wrong(
    "minibatch_sgd",
    "one loss for each epoch",
    "You return one loss for each epoch. Return the loss of every batch.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    return [
        float(np.mean(epoch_of(model, x, y, cut(rng.permutation(len(x)), batch_size), step_size)))
        for _ in range(epochs)
    ]


def train(model, data, epochs, batch_size, step_size, rng):
    """The right answer."""
    x, y = data
    losses = []
    for _ in range(epochs):
        losses += epoch_of(model, x, y, cut(rng.permutation(len(x)), batch_size), step_size)
    return losses


@wrong("minibatch_sgd", "uphill", "The losses grow: you step along the gradient. Step against it.")
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, epochs, batch_size, -step_size, rng)


@wrong("minibatch_sgd", "step size forgotten", "You step by the whole gradient. Multiply it by step_size.")
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, epochs, batch_size, 1 if step_size != 1 else 0.5, rng)


@wrong(
    "minibatch_sgd",
    "step size shared by the batch",
    "You divide by the size of the batch once more. The gradient is already the mean over the batch.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, epochs, batch_size, step_size / batch_size if batch_size > 1 else 0.5, rng)


@wrong(
    "minibatch_sgd",
    "parameters not changed",
    "The model's parameters stay as they are: `w = w - …` changes a name, not the model. Write into "
    "model.params.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, epochs, batch_size, 0.0, rng)


@wrong(
    "minibatch_sgd",
    "one step for each epoch",
    "You add up the gradients and take one step for each epoch. Take one after each batch.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        total = dict.fromkeys(model.params, 0)
        for batch in cut(rng.permutation(len(x)), batch_size):
            loss, gradients = model.loss(x[batch], y[batch])
            losses.append(loss)
            total = {name: total[name] + gradients[name] for name in total}
        for name in total:
            model.params[name] = model.params[name] - step_size * total[name] / 2
    return losses


@wrong(
    "minibatch_sgd",
    "whole data in each batch",
    "Every step reads all the data. A batch holds batch_size examples only.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        count = len(cut(np.arange(len(x)), batch_size))
        losses += epoch_of(
            model, x, y, [rng.permutation(len(x)) for _ in range(count + (count == 1))], step_size
        )
    return losses


@wrong(
    "minibatch_sgd",
    "always the first batch",
    "Every step reads the first batch of the epoch. Where does the next one begin?",
)
def _(model, data, epochs, batch_size, step_size, rng):
    x, y = data
    losses = []
    for _ in range(epochs):
        batches = cut(rng.permutation(len(x)), batch_size)
        losses += epoch_of(model, x, y, [batches[0]] * max(len(batches), 2), step_size)
    return losses


@wrong("minibatch_sgd", "one epoch only", "You go through the data once, however many epochs are asked for.")
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, 1, batch_size, step_size, rng)


@wrong(
    "minibatch_sgd",
    "a generator of its own",
    "The order does not come from rng, so a training cannot be repeated. Use rng.permutation.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, epochs, batch_size, step_size, np.random.default_rng())


@wrong(
    "minibatch_sgd",
    "always the same order",
    "The order is the same whatever rng is: a generator with a fixed seed. Use rng.permutation.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    return train(model, data, epochs, batch_size, step_size, np.random.default_rng(0))


@wrong(
    "minibatch_sgd",
    "data shuffled in place",
    "Your code shuffles the data themselves. Shuffle a list of numbers, and pick the examples with it.",
)
def _(model, data, epochs, batch_size, step_size, rng):
    losses = train(model, data, epochs, batch_size, step_size, rng)
    data[0][:] = data[0][::-1].copy()
    data[1][:] = data[1][::-1].copy()
    return losses


@wrong("minibatch_sgd", "nothing returned", "Your function returns nothing: return the list of losses.")
def _(model, data, epochs, batch_size, step_size, rng):
    train(model, data, epochs, batch_size, step_size, rng)


def first_places(x, k, s):
    """Maxima and places in the plane, as tensors."""
    return F.max_pool2d(x, k, s, return_indices=True)


def scatter(shape, places, dy, accumulate=True):
    n, c, h, w = shape
    dx = torch.zeros(n, c, h * w, dtype=dy.dtype, device=dy.device)
    if accumulate:
        return dx.scatter_add_(2, places.flatten(2), dy.flatten(2)).view(shape)
    return dx.scatter_(2, places.flatten(2), dy.flatten(2)).view(shape)


class RightPool(torch.autograd.Function):
    """The right function; the wrong ones change one thing."""

    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        y, places = first_places(x, kernel_size, stride)
        ctx.save_for_backward(places, x, y)
        ctx.sizes = kernel_size, stride
        return y

    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        return scatter(x.shape, places, dy), None, None


def unfolded(x, k, s):
    return x.unfold(2, k, s).unfold(3, k, s).flatten(4)


def pay(ctx, dy, shares):
    """Send dy back to all pixels of its window by shares (N, C, H_out, W_out, k k)."""
    _, x, y = ctx.saved_tensors
    k, s = ctx.sizes
    dx = torch.zeros_like(x)
    for place in range(k * k):
        i, j = divmod(place, k)
        rows, columns = slice(i, i + s * (y.shape[2] - 1) + 1, s), slice(j, j + s * (y.shape[3] - 1) + 1, s)
        dx[:, :, rows, columns] += dy * shares[..., place]
    return dx, None, None


@wrong(
    "MaxPool2dFunction",
    "every tied maximum paid",
    "Where a window holds its maximum several times, every one gets the whole gradient (x == y?): more "
    "goes back than "
    "arrived. Pay the first one only.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        _, x, y = ctx.saved_tensors
        return pay(ctx, dy, (unfolded(x, *ctx.sizes) == y[..., None]).to(dy.dtype))


@wrong(
    "MaxPool2dFunction",
    "gradient shared between ties",
    "Where a window holds its maximum several times, you share the gradient among them. The first one gets "
    "all of it.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        _, x, y = ctx.saved_tensors
        ties = (unfolded(x, *ctx.sizes) == y[..., None]).to(dy.dtype)
        return pay(ctx, dy, ties / ties.sum(dim=4, keepdim=True))


@wrong(
    "MaxPool2dFunction",
    "last of equal maxima",
    "Of equal maxima you pay the last one. The first one, row by row, should be paid.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        _, x, _ = ctx.saved_tensors
        windows = unfolded(x, *ctx.sizes)
        place = windows.shape[4] - 1 - windows.flip(4).argmax(dim=4)
        return pay(ctx, dy, F.one_hot(place, windows.shape[4]).to(dy.dtype))


@wrong(
    "MaxPool2dFunction",
    "gradients replace each other",
    "Where windows overlap, one pixel may win several times. Its gradients add up: scatter_add_, not "
    "scatter_.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        return scatter(x.shape, places, dy, accumulate=False), None, None


@wrong(
    "MaxPool2dFunction",
    "gradient of average pooling",
    "Every pixel of a window gets a share. Only the one that took the maximum had a say.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        _, x, _ = ctx.saved_tensors
        windows = unfolded(x, *ctx.sizes)
        return pay(ctx, dy, torch.full_like(windows, 1 / windows.shape[4]))


@wrong(
    "MaxPool2dFunction",
    "ones instead of gradients",
    "You mark the winners with 1. Send them the gradient dy that arrives: something follows after the "
    "pooling.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        return scatter(x.shape, places, torch.ones_like(dy)), None, None


@wrong(
    "MaxPool2dFunction",
    "everything into the first plane",
    "All gradients land in the first channel of the first image: the places count inside each plane.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        dx = torch.zeros(x.numel(), dtype=dy.dtype, device=dy.device)
        return dx.index_add_(0, places.flatten(), dy.flatten()).view(x.shape), None, None


@wrong(
    "MaxPool2dFunction",
    "height used for width",
    "You find the row of a place by dividing by H. A row is W pixels long.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        h, w = x.shape[2:]
        return scatter(x.shape, (places // h * w + places % h) % (h * w), dy), None, None


@wrong(
    "MaxPool2dFunction",
    "stride ignored",
    "Your windows always stand side by side. The stride says where the next one begins.",
)
class _(RightPool):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        return RightPool.forward(ctx, x, kernel_size, kernel_size)


@wrong(
    "MaxPool2dFunction",
    "maxima start at zero",
    "Where all numbers of a window are below 0 you answer 0, which is not in the window.",
)
class _(RightPool):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        return RightPool.forward(ctx, x, kernel_size, stride).clamp(min=0)


@wrong(
    "MaxPool2dFunction",
    "one gradient returned",
    "PyTorch stops here. Does `backward` return one gradient for each argument of `forward`: dx, and None "
    "for "
    "each of the two sizes?",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        return scatter(x.shape, places, dy)


@wrong(
    "MaxPool2dFunction",
    "kept in the class",
    "What backward needs is kept in one place for all calls, so that a second call overwrites it. Keep it "
    "in ctx: "
    "each call has its own.",
)
class Kept(RightPool):
    last = None

    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        y, places = first_places(x, kernel_size, stride)
        Kept.last = places, x.shape, y.shape
        return y

    @staticmethod
    def backward(ctx, dy):
        places, shape, y_shape = Kept.last
        if dy.shape != y_shape:  # as it goes on: with an error, or with places that do not fit
            raise RuntimeError("shapes do not fit")
        return scatter(shape, places, dy), None, None


@wrong(
    "MaxPool2dFunction",
    "dtype lost",
    "Something becomes float32 on the way (`torch.zeros` without a dtype, `.float()`). Keep the dtype of x.",
)
class _(RightPool):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        return RightPool.forward(ctx, x, kernel_size, stride).float()


@wrong(
    "MaxPool2dFunction",
    "new tensors on the CPU",
    "A tensor is made without a device, so it is on the CPU: on a GPU your code stops. Give it "
    "`device=x.device`.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        n, c, h, w = x.shape
        dx = torch.zeros(n, c, h * w, dtype=dy.dtype)
        return dx.scatter_add_(2, places.flatten(2), dy.flatten(2)).view(x.shape), None, None


@wrong(
    "MaxPool2dFunction",
    "through NumPy",
    "`.numpy()` of a tensor on a GPU is an error. Stay with tensors: they can all that arrays can.",
)
class _(RightPool):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        return RightPool.forward(ctx, torch.from_numpy(x.numpy()), kernel_size, stride)


@wrong(
    "MaxPool2dFunction",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`). Make new tensors where x is: '
    "`device=x.device`.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        dx = torch.zeros(x.flatten(2).shape, dtype=dy.dtype, device=own_gpu())
        return dx.scatter_add_(2, places.flatten(2), dy.flatten(2)).view(x.shape), None, None


def own_gpu():
    return "cuda" if torch.cuda.is_available() else "cpu"


@wrong(
    "MaxPool2dFunction",
    "mean where windows meet",
    "Where a pixel wins in several windows you take the mean of its gradients. They add up.",
)
class _(RightPool):
    @staticmethod
    def backward(ctx, dy):
        places, x, _ = ctx.saved_tensors
        count = scatter(x.shape, places, torch.ones_like(dy)).clamp(min=1)
        return scatter(x.shape, places, dy) / count, None, None


def epoch(model, loader, optimizer, device, before=None, between=None, after=None, loss_of=F.cross_entropy):
    """The right loop, with places to do something else; returns [(loss, number of examples)]."""
    model.train()
    losses = []
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = loss_of(model(x), y)
        (before or optimizer.zero_grad)()
        loss.backward()
        (between or (lambda: None))()
        (after or optimizer.step)()
        losses.append((loss.item(), len(y)))
    return losses


def mean(losses):
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


@wrong(
    "train_epoch",
    "gradients not set to zero",
    "The gradients of all batches pile up. Set them to zero before each backward pass: "
    "optimizer.zero_grad().",
)
def _(model, loader, optimizer, device):
    return mean(epoch(model, loader, optimizer, device, before=lambda: None))


@wrong(
    "train_epoch",
    "gradients set to zero after the step only",
    "The gradients left over from before get into the first step. Set them to zero before the backward pass.",
)
def _(model, loader, optimizer, device):
    def step():
        optimizer.step()
        optimizer.zero_grad()

    return mean(epoch(model, loader, optimizer, device, before=lambda: None, after=step))


@wrong(
    "train_epoch",
    "gradients set to zero before the step",
    "You set the gradients to zero between backward and step: nothing is left to step with.",
)
def _(model, loader, optimizer, device):
    return mean(
        epoch(model, loader, optimizer, device, between=lambda: optimizer.zero_grad(set_to_none=False))
    )


@wrong("train_epoch", "no step", "The parameters never change: optimizer.step() is missing.")
def _(model, loader, optimizer, device):
    return mean(epoch(model, loader, optimizer, device, after=lambda: None))


@wrong(
    "train_epoch",
    "not in training mode",
    "The model stays in evaluation mode. Layers such as dropout behave differently in training: "
    "model.train().",
)
def _(model, loader, optimizer, device):
    train, model.train = model.train, lambda: None
    answer = mean(epoch(model, loader, optimizer, device))
    model.train = train
    return answer


@wrong(
    "train_epoch",
    "mean of the batch means",
    "You average over the batches. The last one is smaller: weight each by its number of examples.",
)
def _(model, loader, optimizer, device):
    losses = epoch(model, loader, optimizer, device)
    return sum(loss for loss, _ in losses) / len(losses)


@wrong(
    "train_epoch",
    "loss of the last batch",
    "You return the loss of the last batch. The mean over all is due.",
)
def _(model, loader, optimizer, device):
    return epoch(model, loader, optimizer, device)[-1][0]


@wrong("train_epoch", "sum of the losses", "You return the sum of the batches' losses. The mean is due.")
def _(model, loader, optimizer, device):
    return sum(loss for loss, _ in epoch(model, loader, optimizer, device))


@wrong(
    "train_epoch",
    "batch means divided by the examples",
    "You add up the mean losses of the batches, and divide by the number of examples. Each mean has to be "
    "multiplied "
    "by the size of its batch first.",
)
def _(model, loader, optimizer, device):
    losses = epoch(model, loader, optimizer, device)
    return sum(loss for loss, _ in losses) / sum(count for _, count in losses)


@wrong(
    "train_epoch",
    "a tensor returned",
    "You return a tensor, which keeps the whole graph alive. `.item()` takes the number out of it.",
)
def _(model, loader, optimizer, device):
    return torch.tensor(mean(epoch(model, loader, optimizer, device)))


@wrong(
    "train_epoch",
    "batches not moved",
    "The batches stay on the CPU. On a GPU the model could not read them: x.to(device), y.to(device).",
)
def _(model, loader, optimizer, device):
    return mean(epoch(model, loader, optimizer, "cpu"))


@wrong(
    "train_epoch",
    "classes not moved",
    "The images are moved to the device, but the classes are not: on a GPU the loss could not be computed.",
)
def _(model, loader, optimizer, device):
    return mean(epoch(model, [(x.to(device), y) for x, y in loader], optimizer, None))


@wrong(
    "train_epoch",
    "moved and not kept",
    "`x.to(device)` alone changes nothing: it returns the moved tensor. Write x = x.to(device).",
)
def _(model, loader, optimizer, device):
    model.train()
    losses = []
    for x, y in loader:
        x.to(device)
        y = y.to(device)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append((loss.item(), len(y)))
    return mean(losses)


@wrong(
    "train_epoch",
    "images not moved",
    "The classes are moved to the device, the images are not: the model could not read them on a GPU.",
)
def _(model, loader, optimizer, device):
    return mean(epoch(model, ((x.clone(), y.to(device)) for x, y in loader), optimizer, None))


@wrong(
    "train_epoch",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`) in place of using `device`.',
)
def _(model, loader, optimizer, device):
    return mean(epoch(model, loader, optimizer, own_gpu()))


@wrong(
    "train_epoch",
    "numpy of a tensor on the device",
    "`.numpy()` reads the CPU's memory, and the loss is on the device: `.item()` fetches one number.",
)
def _(model, loader, optimizer, device):
    losses = epoch(model, loader, optimizer, device, loss_of=lambda s, y: noted(F.cross_entropy(s, y)))
    return mean(losses)


def noted(loss):
    loss.detach().numpy()
    return loss


@wrong(
    "train_epoch",
    "sum of the losses on the CPU",
    "The losses are added up in a tensor that is on the CPU. Give it `device=device`, or add `.item()`s.",
)
def _(model, loader, optimizer, device):
    total = torch.zeros(1, dtype=torch.float64)

    def add(scores, y):
        loss = F.cross_entropy(scores, y)
        total.add_(loss.detach())
        return loss

    return mean(epoch(model, loader, optimizer, device, loss_of=add))


@wrong(
    "train_epoch",
    "softmax before the cross-entropy",
    "F.cross_entropy wants scores and takes the softmax itself. You take it twice.",
)
def _(model, loader, optimizer, device):
    return mean(
        epoch(model, loader, optimizer, device, loss_of=lambda s, y: F.cross_entropy(s.softmax(dim=1), y))
    )


@wrong(
    "train_epoch",
    "summed loss",
    "Your steps grow with the size of the batch: the loss of a batch is its mean (the default), not its sum.",
)
def _(model, loader, optimizer, device):
    losses = epoch(
        model,
        loader,
        optimizer,
        device,
        loss_of=lambda s, y: F.cross_entropy(s, y, reduction="sum") / (2 - len(y) ** 0),
    )
    return sum(loss for loss, _ in losses) / sum(count for _, count in losses)


@wrong(
    "train_epoch",
    "one step for the whole epoch",
    "The step is taken once, after all batches. Take one after each batch.",
)
def _(model, loader, optimizer, device):
    optimizer.zero_grad()
    losses = epoch(model, loader, optimizer, device, before=lambda: None, after=lambda: None)
    optimizer.step()
    return mean(losses)


@wrong(
    "train_epoch",
    "only the first batch",
    "Only the first batch is read. Is the return inside the loop?",
)
def _(model, loader, optimizer, device):
    return mean(epoch(model, [next(iter(loader))], optimizer, device))


def answers_of(model, loader, device, move=None):
    """[(right answers, examples)] of each batch."""
    counts = []
    for x, y in loader:
        right = model(x.to(device)).argmax(dim=1) == (y.to(device) if move is None else move(y))
        counts.append((int(right.sum()), len(y)))
    return counts


def share(counts):
    return sum(right for right, _ in counts) / sum(count for _, count in counts)


def evaluated(model, loader, device, answer=share, **options):
    """The right measurement; `answer` makes a number of [(right answers, examples)]."""
    mode = model.training
    model.eval()
    with torch.no_grad():
        counts = answers_of(model, loader, device, **options)
    model.train(mode)
    return answer(counts)


@wrong(
    "evaluate",
    "not in evaluation mode",
    "The model is measured in the mode it is in. Layers such as dropout should be quiet: model.eval().",
)
def _(model, loader, device):
    with torch.no_grad():
        return share(answers_of(model, loader, device))


@wrong(
    "evaluate",
    "left in evaluation mode",
    "Afterwards the model stays in evaluation mode, and the training goes on like that. Remember the mode, "
    "and put it "
    "back.",
)
def _(model, loader, device):
    model.eval()
    with torch.no_grad():
        return share(answers_of(model, loader, device))


@wrong(
    "evaluate",
    "always left in training mode",
    "Afterwards the model is in training mode, though it was not before. Remember its mode, and put it back.",
)
def _(model, loader, device):
    answer = evaluated(model, loader, device)
    model.train()
    return answer


@wrong(
    "evaluate",
    "gradients recorded",
    "The graph for gradients is recorded, which costs memory and time for nothing: with torch.no_grad().",
)
def _(model, loader, device):
    mode = model.training
    model.eval()
    answer = share(answers_of(model, loader, device))
    model.train(mode)
    return answer


@wrong(
    "evaluate",
    "mean of the batch accuracies",
    "You average over the batches. The last one is smaller: count right answers and examples, then divide.",
)
def _(model, loader, device):
    return evaluated(model, loader, device, lambda counts: float(np.mean([r / n for r, n in counts])))


@wrong(
    "evaluate",
    "all batches taken for full ones",
    "You divide by the number of batches times the size of the first. The last batch is smaller.",
)
def _(model, loader, device):
    return evaluated(
        model, loader, device, lambda counts: sum(r for r, _ in counts) / (len(counts) * counts[0][1] + 0.0)
    )


@wrong("evaluate", "percent", "You return percent. A share from 0 to 1 is asked for.")
def _(model, loader, device):
    return 100 * evaluated(model, loader, device)


@wrong(
    "evaluate",
    "number of right answers",
    "You return how many answers are right. Divide by the number of examples.",
)
def _(model, loader, device):
    return evaluated(model, loader, device, lambda counts: float(sum(r for r, _ in counts)))


@wrong("evaluate", "accuracy of the last batch", "You return the accuracy of the last batch only.")
def _(model, loader, device):
    return evaluated(model, loader, device, lambda counts: counts[-1][0] / counts[-1][1])


@wrong(
    "evaluate",
    "share of the wrong answers",
    "That is the share of wrong answers. The right ones are asked for.",
)
def _(model, loader, device):
    return 1 - evaluated(model, loader, device)


@wrong(
    "evaluate",
    "a tensor returned",
    "You return a tensor. A float is asked for: `.item()` takes the number out of it.",
)
def _(model, loader, device):
    return torch.tensor(evaluated(model, loader, device))


@wrong(
    "evaluate",
    "batches not moved",
    "The batches stay on the CPU. On a GPU the model could not read them: x.to(device), y.to(device).",
)
def _(model, loader, device):
    return evaluated(model, loader, "cpu")


@wrong(
    "evaluate",
    "classes not moved",
    "The images are moved to the device, but the classes are not: on a GPU they could not be compared.",
)
def _(model, loader, device):
    return evaluated(model, loader, device, move=lambda y: y)


@wrong(
    "evaluate",
    "numpy of a tensor on the device",
    "`.numpy()` reads the CPU's memory: fetch the answers first, `.cpu().numpy()`, or count with PyTorch.",
)
def _(model, loader, device):
    return evaluated(Fetching(model), loader, device)


class Fetching(torch.nn.Module):
    """Hands on scores, and turns them into an array on the way."""

    def __init__(self, model):
        super().__init__()
        self.inner = model
        self.training = model.training

    def train(self, mode=True):
        self.inner.train(mode)
        return super().train(mode)

    def forward(self, x):
        return torch.from_numpy(self.inner(x).numpy())


@wrong(
    "evaluate",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`) in place of using `device`.',
)
def _(model, loader, device):
    return evaluated(model, loader, own_gpu())


@wrong(
    "evaluate",
    "the model fetched to the CPU",
    "You move the model to the CPU and measure it there. It should stay on the device, and the work with it.",
)
def _(model, loader, device):
    answer = evaluated(model.cpu(), loader, "cpu")
    model.to(device)
    return answer


@wrong(
    "evaluate",
    "moved and not kept",
    "`x.to(device)` alone changes nothing: it returns the moved tensor. Write x = x.to(device).",
)
def _(model, loader, device):
    def copied():
        for x, y in loader:
            x.to(device), y.to(device)
            yield x, y

    return evaluated(model, copied(), "cpu")


@wrong(
    "evaluate",
    "lowest score taken",
    "You take the class with the lowest score. The highest one is the answer.",
)
def _(model, loader, device):
    class Turned(torch.nn.Module):
        def forward(self, x):
            return -model(x)

    mode = model.training
    model.eval()
    with torch.no_grad():
        counts = answers_of(Turned(), loader, device)
    model.train(mode)
    return share(counts)


@wrong(
    "evaluate",
    "mean loss",
    "You return a loss. The share of examples whose right class has the highest score is asked for.",
)
def _(model, loader, device):
    mode = model.training
    model.eval()
    with torch.no_grad():
        losses = [(F.cross_entropy(model(x.to(device)), y.to(device)).item(), len(y)) for x, y in loader]
    model.train(mode)
    return mean(losses)
