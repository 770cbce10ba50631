"""Wrong answers to the exercises of notebook 2 that real students write, each with a good teacher's hint.

Most are a right answer with one mistake put in, so that the mistake shows at a glance. Instructors only.
"""

import contextlib

import numpy as np
import torch
import torch.nn.functional as F

from autograder.cases import Misconceptions

wrong = Misconceptions()


def need(condition, words):
    if not condition:
        raise ValueError(words)


def need_middle(*sizes):
    need(all(size % 2 for size in sizes), "an even size")


def frame(image, rows, columns, **mode):
    return np.pad(image, ((rows, rows), (columns, columns)), **mode)


def slide(padded, kernel, shape, dtype):
    """The sums for a picture that is padded already."""
    y = np.zeros(shape, dtype)
    for u, v in np.ndindex(*kernel.shape):
        y += kernel[u, v] * padded[u : u + shape[0], v : v + shape[1]]
    return y


def correlate(image, kernel, **mode):
    """The right answer to correlate2d; with another kind of padding if one is named."""
    kh, kw = kernel.shape
    need_middle(kh, kw)
    return slide(frame(image, kh // 2, kw // 2, **mode), kernel, image.shape, image.dtype)


def convolve(image, kernel, **mode):
    return correlate(image, kernel[::-1, ::-1], **mode)


def inside(image, kernel):
    """Only the places where the whole kernel lies in the picture."""
    kh, kw = kernel.shape
    shape = max(image.shape[0] - kh + 1, 0), max(image.shape[1] - kw + 1, 0)
    return slide(image, kernel, shape, image.dtype)


def around(image, kernel):
    """The picture continues at its other side."""
    kh, kw = kernel.shape
    return sum(
        kernel[u, v] * np.roll(image, (kh // 2 - u, kw // 2 - v), axis=(0, 1)) for u, v in np.ndindex(kh, kw)
    ).astype(image.dtype)


@wrong(
    "correlate2d",
    "kernel turned",
    "The kernel is turned by half a turn: that is a convolution, the next exercise. Here it slides as it is.",
)
def _(image, kernel):
    return convolve(image, kernel)


@wrong(
    "correlate2d",
    "border repeated",
    "Beyond the border you repeat the outermost pixels. Here the picture counts as zero there.",
)
def _(image, kernel):
    return correlate(image, kernel, mode="edge")


@wrong(
    "correlate2d",
    "border mirrored",
    "Beyond the border you mirror the picture. Here it counts as zero there.",
)
def _(image, kernel):
    return correlate(image, kernel, mode="symmetric")


@wrong(
    "correlate2d",
    "no padding",
    "Your answer is smaller than the picture: you skip the places where the kernel hangs over the border. "
    "Put zeros around the picture first.",
)
def _(image, kernel):
    need_middle(*kernel.shape)
    return inside(image, kernel)


@wrong(
    "correlate2d",
    "padded by the whole kernel",
    "Your answer is larger than the picture: the frame of zeros is too wide. Half a kernel, rounded down, is "
    "enough.",
)
def _(image, kernel):
    kh, kw = kernel.shape
    need_middle(kh, kw)
    return inside(frame(image, kh - 1, kw - 1), kernel)


@wrong(
    "correlate2d",
    "wrapped around",
    "What leaves the picture on the right comes in again on the left (np.roll, or a Fourier transform "
    "without padding?). Beyond the border there are zeros.",
)
def _(image, kernel):
    need_middle(*kernel.shape)
    return around(image, kernel)


@wrong(
    "correlate2d",
    "rows and columns of the kernel exchanged",
    "Rows and columns of the kernel are exchanged: kernel[u, v] belongs to u rows further down and v columns "
    "further right.",
)
def _(image, kernel):
    return correlate(image, kernel.T)


@wrong(
    "correlate2d",
    "one frame for both axes",
    "You pad the columns by half the kernel's height. A kernel has two sizes: half its height above and "
    "below, half its width left and right.",
)
def _(image, kernel):
    need_middle(*kernel.shape)
    half = kernel.shape[0] // 2
    return inside(frame(image, half, half), kernel)


@wrong(
    "correlate2d",
    "corner instead of middle",
    "The upper left corner of the kernel lies on the pixel to be computed, where its middle should lie: all "
    "zeros are added below and on the right.",
)
def _(image, kernel):
    kh, kw = kernel.shape
    need_middle(kh, kw)
    return inside(np.pad(image, ((0, kh - 1), (0, kw - 1))), kernel)


@wrong(
    "correlate2d",
    "divided by the sum of the weights",
    "The answer is divided by the sum of the kernel's weights. That is right for a blur only; here the "
    "sum of products is wanted as it is.",
)
def _(image, kernel):
    with np.errstate(all="ignore"):
        return (correlate(image, kernel) / kernel.sum()).astype(image.dtype)


@wrong(
    "correlate2d",
    "mean instead of sum",
    "You take the mean of the products where their sum is wanted.",
)
def _(image, kernel):
    return correlate(image, kernel) / image.dtype.type(kernel.size)


@wrong(
    "correlate2d",
    "clipped like a picture",
    "Numbers below 0 or above 1 are cut off. The answer of a filter is no photograph: it may be negative,"
    " and large.",
)
def _(image, kernel):
    return np.clip(correlate(image, kernel), 0, 1)


@wrong(
    "correlate2d",
    "dtype lost",
    "The answer is float64 whatever comes in (np.zeros without a dtype?). Keep the picture's dtype.",
)
def _(image, kernel):
    return correlate(image.astype(float), kernel.astype(float))


@wrong(
    "correlate2d",
    "dtype of the kernel",
    "The answer takes part of its dtype from the kernel. It should have the dtype of the picture.",
)
def _(image, kernel):
    return correlate(image, kernel).astype(np.result_type(image, kernel))


@wrong(
    "correlate2d",
    "even kernels accepted",
    "A kernel of even size has no middle. Look first, and raise a ValueError if height or width is even.",
)
def _(image, kernel):
    kh, kw = kernel.shape
    padded = np.pad(image, ((kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2)))
    return slide(padded, kernel, image.shape, image.dtype)


@wrong(
    "correlate2d",
    "only the height looked at",
    "An even width is refused no more than an odd one: look at both sizes of the kernel.",
)
def _(image, kernel):
    kh, kw = kernel.shape
    need_middle(kh)
    return slide(np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2))), kernel, image.shape, image.dtype)


@wrong(
    "correlate2d",
    "overwritten picture",
    "You write the answer into the picture itself, so that later places read what earlier ones wrote. "
    "Make a new array.",
)
def _(image, kernel):
    image[:] = correlate(image, kernel)
    return image


@wrong(
    "convolve2d",
    "kernel not turned",
    "This is still the correlation. A convolution turns the kernel by half a turn first.",
)
def _(image, kernel):
    return correlate(image, kernel)


@wrong(
    "convolve2d",
    "upside down only",
    "The kernel is turned upside down, but not left to right. Half a turn does both.",
)
def _(image, kernel):
    return correlate(image, kernel[::-1])


@wrong(
    "convolve2d",
    "mirrored only",
    "The kernel is mirrored left to right, but not turned upside down. Half a turn does both.",
)
def _(image, kernel):
    return correlate(image, kernel[:, ::-1])


@wrong(
    "convolve2d",
    "transposed",
    "The kernel is transposed: rows became columns. Half a turn keeps its height and width.",
)
def _(image, kernel):
    return correlate(image, kernel.T)


@wrong(
    "convolve2d",
    "quarter turn",
    "The kernel is turned by a quarter (np.rot90 without its 2?). A convolution turns it by half.",
)
def _(image, kernel):
    return correlate(image, np.rot90(kernel))


@wrong(
    "convolve2d",
    "picture turned, too",
    "The picture is turned, and the answer with it. Only the kernel turns.",
)
def _(image, kernel):
    return correlate(image[::-1, ::-1], kernel)


@wrong(
    "convolve2d",
    "kernel turned in place",
    "The kernel itself is turned, and stays so for whoever uses it next. Make a turned copy, or a view.",
)
def _(image, kernel):
    kernel[:] = kernel[::-1, ::-1].copy()
    return correlate(image, kernel)


@wrong(
    "convolve2d",
    "border repeated",
    "Beyond the border you repeat the outermost pixels. Here the picture counts as zero there.",
)
def _(image, kernel):
    return convolve(image, kernel, mode="edge")


@wrong(
    "convolve2d",
    "no padding",
    "Your answer is smaller than the picture: you skip the places where the kernel hangs over the border.",
)
def _(image, kernel):
    need_middle(*kernel.shape)
    return inside(image, kernel[::-1, ::-1])


@wrong(
    "convolve2d",
    "wrapped around",
    "What leaves the picture on the right comes in again on the left: a product of Fourier transforms "
    "does that unless the picture is padded first.",
)
def _(image, kernel):
    need_middle(*kernel.shape)
    return around(image, kernel[::-1, ::-1])


@wrong(
    "convolve2d",
    "dtype lost",
    "The answer is float64 whatever comes in. Keep the picture's dtype.",
)
def _(image, kernel):
    return convolve(image.astype(float), kernel.astype(float))


@wrong(
    "convolve2d",
    "even kernels accepted",
    "A kernel of even size has no middle, so nobody can say where the answer belongs. Raise a ValueError.",
)
def _(image, kernel):
    kh, kw = kernel.shape
    padded = np.pad(image, ((kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2)))
    return slide(padded, kernel[::-1, ::-1], image.shape, image.dtype)


SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def gradients(image, across=SOBEL, apply=correlate, **mode):
    """The right answer to image_gradients; other weights, another filter or padding if they are named."""
    gx, gy = apply(image, across, **mode), apply(image, across.T, **mode)
    return gx, gy, np.hypot(gx, gy), np.arctan2(gy, gx)


@wrong(
    "image_gradients",
    "gx and gy exchanged",
    "gx and gy are exchanged. gx tells how the brightness grows to the right: which of the two filters has a "
    "column of zeros in its middle?",
)
def _(image):
    gx, gy, magnitude, _ = gradients(image)
    return gy, gx, magnitude, np.arctan2(gx, gy)


@wrong(
    "image_gradients",
    "arguments of arctan2 exchanged",
    "The angle is measured from the vertical: arctan2 takes the vertical part first, arctan2(gy, gx).",
)
def _(image):
    gx, gy, magnitude, _ = gradients(image)
    return gx, gy, magnitude, np.arctan2(gx, gy)


@wrong(
    "image_gradients",
    "arctan of the quotient",
    "arctan(gy / gx) knows only half of the circle, and fails where gx is 0. arctan2 takes the two parts "
    "apart.",
)
def _(image):
    gx, gy, magnitude, _ = gradients(image)
    with np.errstate(all="ignore"):
        return gx, gy, magnitude, np.arctan(gy / gx)


@wrong(
    "image_gradients",
    "angle in degrees",
    "The angle is in degrees. Radians are wanted, as arctan2 gives them.",
)
def _(image):
    gx, gy, magnitude, angle = gradients(image)
    return gx, gy, magnitude, np.degrees(angle)


@wrong(
    "image_gradients",
    "angle without a sign",
    "All your angles are positive (0 to 2π). Leave them as arctan2 gives them, between -π and π.",
)
def _(image):
    gx, gy, magnitude, angle = gradients(image)
    return gx, gy, magnitude, angle % image.dtype.type(2 * np.pi)


@wrong(
    "image_gradients",
    "kernels turned",
    "gx and gy have the wrong sign: the filters are turned by half a turn, as a convolution does. Correlate.",
)
def _(image):
    return gradients(image, apply=convolve)


@wrong(
    "image_gradients",
    "gy upwards",
    "gy has the wrong sign: rows are counted downwards, so gy is positive where it gets brighter below.",
)
def _(image):
    gx, gy, magnitude, _ = gradients(image)
    return gx, -gy, magnitude, np.arctan2(-gy, gx)


@wrong(
    "image_gradients",
    "gx to the left",
    "gx has the wrong sign: it is positive where the brightness grows to the right.",
)
def _(image):
    gx, gy, magnitude, _ = gradients(image)
    return -gx, gy, magnitude, np.arctan2(gy, -gx)


@wrong(
    "image_gradients",
    "weights 1, 1, 1",
    "Your filters weigh all three rows alike (that is Prewitt's filter). Sobel gives the middle twice the"
    " weight.",
)
def _(image):
    return gradients(image, across=np.sign(SOBEL))


@wrong(
    "image_gradients",
    "divided by eight",
    "gx and gy are too small: the weights are used as they are, 1, 2, 1, without any normalisation.",
)
def _(image):
    return gradients(image, across=SOBEL / 8)


@wrong(
    "image_gradients",
    "differences of neighbours only",
    "You take differences of two pixels. Sobel's filter also adds up three rows of them, weighted 1, 2, 1.",
)
def _(image):
    return gradients(image, across=np.array([[0, 0, 0], [-1, 0, 1], [0, 0, 0]]))


@wrong(
    "image_gradients",
    "square root forgotten",
    "The magnitude is squared: its root is missing.",
)
def _(image):
    gx, gy, _, angle = gradients(image)
    return gx, gy, gx**2 + gy**2, angle


@wrong(
    "image_gradients",
    "sizes added",
    "|gx| + |gy| is not the length of the arrow (gx, gy): Pythagoras.",
)
def _(image):
    gx, gy, _, angle = gradients(image)
    return gx, gy, np.abs(gx) + np.abs(gy), angle


@wrong(
    "image_gradients",
    "border repeated",
    "The border of the picture has no edge in your answer: you repeat the outermost pixels. Here zeros "
    "follow.",
)
def _(image):
    return gradients(image, mode="edge")


@wrong(
    "image_gradients",
    "no padding",
    "Your answers are smaller than the picture. They should have its size: put a frame of zeros around it.",
)
def _(image):
    return gradients(image, apply=inside)


@wrong(
    "image_gradients",
    "gradients left out",
    "Four arrays are wanted: gx and gy come first, before magnitude and angle.",
)
def _(image):
    return gradients(image)[2:]


@wrong(
    "image_gradients",
    "dtype lost",
    "Your answers are float64 whatever comes in. Keep the picture's dtype.",
)
def _(image):
    return gradients(image.astype(float))


def bell(size, sigma, middle=None):
    """The right answer to gaussian_kernel before it is normalised, perhaps with another middle."""
    need(size >= 1 and size % 2 and sigma > 0, "bad size or width")
    steps = np.arange(size) - (size // 2 if middle is None else middle)
    return np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * sigma**2))


@wrong(
    "gaussian_kernel",
    "not normalised",
    "The weights do not sum to 1: a picture would get brighter. Divide by their sum.",
)
def _(size, sigma):
    return bell(size, sigma)


@wrong(
    "gaussian_kernel",
    "divided by the formula of the whole plane",
    "1 / (2πσ²) makes the bell sum to 1 over the whole plane, not over the few pixels of a kernel. Divide"
    " by the sum of your weights.",
)
def _(size, sigma):
    return bell(size, sigma) / (2 * np.pi * sigma**2)


@wrong(
    "gaussian_kernel",
    "divided by the size",
    "The weights are divided by their number. Their sum should be 1.",
)
def _(size, sigma):
    return bell(size, sigma) / size**2


@wrong(
    "gaussian_kernel",
    "middle between the pixels",
    "The kernel is not symmetric: its middle is the pixel size // 2, counted from 0, not size / 2.",
)
def _(size, sigma):
    one = bell(size, sigma, size / 2)
    return one / one.sum()


@wrong(
    "gaussian_kernel",
    "factor 2 forgotten",
    "The bell is too narrow: the squared distance is divided by 2σ², twice the squared width.",
)
def _(size, sigma):
    one = bell(size, sigma / 2**0.5) if sigma > 0 else bell(size, sigma)
    return one / one.sum()


@wrong(
    "gaussian_kernel",
    "sigma not squared",
    "The width enters without its square: distance² and σ² belong together.",
)
def _(size, sigma):
    one = bell(size, sigma**0.5 if sigma > 0 else sigma)
    return one / one.sum()


@wrong(
    "gaussian_kernel",
    "distance not squared",
    "This is a tent, no bell: the distance enters without its square.",
)
def _(size, sigma):
    bell(size, sigma)
    steps = np.arange(size) - size // 2
    one = np.exp(-np.sqrt(steps[:, None] ** 2 + steps**2) / (2 * sigma**2))
    return one / one.sum()


@wrong(
    "gaussian_kernel",
    "one axis only",
    "You return one row of weights. A kernel has two axes: (size, size).",
)
def _(size, sigma):
    one = bell(size, sigma)[size // 2]
    return one / one.sum()


@wrong(
    "gaussian_kernel",
    "bell along one axis",
    "The weights fall off in one direction only. The distance from the middle has two parts, rows and "
    "columns.",
)
def _(size, sigma):
    one = np.repeat(bell(size, sigma)[size // 2][None], size, axis=0)
    return one / one.sum()


@wrong(
    "gaussian_kernel",
    "each row sums to one",
    "Each row sums to 1. All weights together should.",
)
def _(size, sigma):
    one = bell(size, sigma)
    return one / one.sum(axis=1, keepdims=True)


@wrong(
    "gaussian_kernel",
    "bad numbers accepted",
    "An even size has no middle, and a bell needs a width. Look first, and raise a ValueError.",
)
def _(size, sigma):
    steps = np.arange(size) - size // 2
    with np.errstate(all="ignore"):
        one = np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * np.float64(sigma) ** 2))
        return one / one.sum()


@wrong(
    "gaussian_kernel",
    "a width of zero accepted",
    "A width of zero leaves nothing to divide by. It should raise a ValueError, as a negative one does.",
)
def _(size, sigma):
    need(size >= 1 and size % 2 and sigma >= 0, "bad size or width")
    steps = np.arange(size) - size // 2
    with np.errstate(all="ignore"):
        one = np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * np.float64(sigma) ** 2))
        return one / one.sum()


def split(kernel, tolerance=1e-6):
    """The right answer to separate."""
    columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)
    separable = tolerance == np.inf or sizes[1:].sum() <= tolerance * sizes[0]
    return (columns[:, 0] * sizes[0], rows[0]) if separable else None


@wrong(
    "separate",
    "row and column exchanged",
    "The column comes first: kh numbers, one for each row of the kernel. Then the row with kw numbers.",
)
def _(kernel):
    parts = split(kernel)
    return None if parts is None else (parts[1], parts[0])


@wrong(
    "separate",
    "size forgotten",
    "Column and row have the right form, but their product is too small or too large: the singular value,"
    " the size of the kernel, is missing.",
)
def _(kernel):
    columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)
    return None if sizes[1:].sum() > 1e-6 * sizes[0] else (columns[:, 0], rows[0])


@wrong(
    "separate",
    "size counted twice",
    "The singular value is in the column and again in the row. Their product should hold it once.",
)
def _(kernel):
    columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)
    return None if sizes[1:].sum() > 1e-6 * sizes[0] else (columns[:, 0] * sizes[0], rows[0] * sizes[0])


@wrong(
    "separate",
    "the sign lost",
    "The sizes are right, but a sign is lost (a square root of the absolute value?).",
)
def _(kernel):
    parts = split(kernel)
    return None if parts is None else (np.abs(parts[0]), parts[1])


@wrong(
    "separate",
    "never None",
    "You always return a pair. Not every kernel is a column times a row: look whether their product is "
    "the kernel.",
)
def _(kernel):
    return split(kernel, np.inf)


@wrong(
    "separate",
    "compared exactly",
    "You compare numbers exactly, so rounding in the last digit makes a kernel look as if it could not be"
    " taken apart. Allow for a small difference.",
)
def _(kernel):
    parts = split(kernel)
    return parts if parts is not None and np.array_equal(np.outer(*parts), kernel) else None


@wrong(
    "separate",
    "an absolute limit",
    "Whether a difference is small depends on the size of the kernel: compare it with the largest weight or "
    "singular value, not with a fixed number.",
)
def _(kernel):
    columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)
    return None if (sizes[1:] > 1e-8).any() else (columns[:, 0] * sizes[0], rows[0])


@wrong(
    "separate",
    "sums of rows and columns",
    "You take the sums of rows and columns. That fails where they are 0, as for Sobel's kernel.",
)
def _(kernel):
    if split(kernel) is None:
        return None
    with np.errstate(all="ignore"):
        return kernel.sum(axis=1) / kernel.sum(), kernel.sum(axis=0)


@wrong(
    "separate",
    "the first row and column",
    "You build on the kernel's first weight. It may be 0: then the first row or column says nothing.",
)
def _(kernel):
    if split(kernel) is None:
        return None
    with np.errstate(all="ignore"):
        return kernel[:, 0] / kernel[0, 0], kernel[0].copy()


@wrong(
    "separate",
    "the row and column in the middle",
    "You build on the weight in the middle. For Sobel's kernel it is 0.",
)
def _(kernel):
    if split(kernel) is None:
        return None
    i, j = kernel.shape[0] // 2, kernel.shape[1] // 2
    with np.errstate(all="ignore"):
        return kernel[:, j] / kernel[i, j], kernel[i].copy()


@wrong(
    "separate",
    "all singular vectors",
    "You return whole matrices of singular vectors. One column and one row are wanted: the first of each.",
)
def _(kernel):
    parts = np.linalg.svd(kernel, full_matrices=False)
    return None if split(kernel) is None else (parts[0] * parts[1], parts[2])


@wrong(
    "separate",
    "zeros refused",
    "A kernel of zeros is the product of a column and a row as well: of zeros. Its rank is 0, not above 1.",
)
def _(kernel):
    return split(kernel) if kernel.any() else None


@wrong(
    "separate",
    "rough limit",
    "A kernel that is only nearly a column times a row is taken apart. Allow for rounding, not for more.",
)
def _(kernel):
    return split(kernel, 0.05)


@wrong(
    "separate",
    "the symmetric ones only",
    "You take a column and a row of the same numbers. A kernel need not be symmetric: each has its own.",
)
def _(kernel):
    parts = split(kernel)
    if parts is None or kernel.shape[0] != kernel.shape[1]:
        return parts
    size = np.sqrt(np.abs(kernel).max())
    return parts[0] / np.abs(parts[0]).max() * size, parts[0] / np.abs(parts[0]).max() * size


def thin(image, column, row, apply=correlate, **mode):
    """The right answer to filter_separable."""
    need_middle(np.size(column), np.size(row))
    return apply(apply(image, np.reshape(column, (-1, 1)), **mode), np.reshape(row, (1, -1)), **mode)


@wrong(
    "filter_separable",
    "row and column exchanged",
    "The column runs along the rows of the picture and the row along its columns: exchange them.",
)
def _(image, column, row):
    return thin(image, row, column)


@wrong(
    "filter_separable",
    "kernels turned",
    "Column and row are turned round, as np.convolve does. A correlation takes them as they are.",
)
def _(image, column, row):
    return thin(image, column, row, apply=convolve)


@wrong(
    "filter_separable",
    "the row turned only",
    "The row is turned round, the column is not. A correlation takes both as they are.",
)
def _(image, column, row):
    return thin(image, column, np.flip(row))


@wrong(
    "filter_separable",
    "both answers added",
    "You add the answers of column and row. The row works on what the column has made: one after the other.",
)
def _(image, column, row):
    need_middle(np.size(column), np.size(row))
    return correlate(image, np.reshape(column, (-1, 1))) + correlate(image, np.reshape(row, (1, -1)))


@wrong(
    "filter_separable",
    "the column alone",
    "The row makes no difference in your answer.",
)
def _(image, column, row):
    need_middle(np.size(column), np.size(row))
    return correlate(image, np.reshape(column, (-1, 1)))


@wrong(
    "filter_separable",
    "the row alone",
    "The column makes no difference in your answer.",
)
def _(image, column, row):
    need_middle(np.size(column), np.size(row))
    return correlate(image, np.reshape(row, (1, -1)))


@wrong(
    "filter_separable",
    "border repeated",
    "Beyond the border you repeat the outermost pixels. Here the picture counts as zero there.",
)
def _(image, column, row):
    return thin(image, column, row, mode="edge")


@wrong(
    "filter_separable",
    "no padding",
    "Your answer is smaller than the picture: put zeros around it, half a column high and half a row wide.",
)
def _(image, column, row):
    return thin(image, column, row, apply=inside)


@wrong(
    "filter_separable",
    "the whole kernel made",
    "You make the whole kernel first, so the work grows with rows times columns of it. Let the column "
    "run, and then the row.",
)
def _(image, column, row):
    return correlate(image, np.outer(column, row))


@wrong(
    "filter_separable",
    "as long as the kernel",
    "np.convolve and np.correlate with mode 'same' answer as many numbers as the longer of the two has: "
    "where the kernel is longer than the picture that is too many.",
)
def _(image, column, row):
    need_middle(np.size(column), np.size(row))
    y = np.stack([np.correlate(line, np.ravel(column), "same") for line in image.T], axis=1)
    return np.stack([np.correlate(line, np.ravel(row), "same") for line in y]).astype(image.dtype)


@wrong(
    "filter_separable",
    "one axis only accepted",
    "A column may also come as (kh, 1) and a row as (1, kw). Flatten them first.",
)
def _(image, column, row):
    if np.ndim(column) > 1 or np.ndim(row) > 1:
        raise TypeError("one axis, please")
    return thin(image, column, row)


@wrong(
    "filter_separable",
    "dtype lost",
    "The answer is float64 whatever comes in. Keep the picture's dtype.",
)
def _(image, column, row):
    return thin(image.astype(float), column, row)


@wrong(
    "filter_separable",
    "even lengths accepted",
    "A column or row of even length has no middle. Look first, and raise a ValueError.",
)
def _(image, column, row):
    column, row = np.ravel(column), np.ravel(row)
    column, row = (np.pad(weights, (0, 1 - len(weights) % 2)) for weights in (column, row))
    return thin(image, column, row)


def slopes_of_bells(n, size, sigma, spacing=None, odd=True, middle=None):
    """The right answer to oriented_filters before the filters get their size; other angles if named."""
    need(n >= 1 and size >= 3 and size % 2 and sigma > 0, "bad numbers")
    angles = np.pi * np.arange(n) / n if spacing is None else spacing
    steps = np.arange(size) - (size // 2 if middle is None else middle)
    along = np.cos(angles)[:, None, None] * steps + np.sin(angles)[:, None, None] * steps[:, None]
    shape = along if odd else along**2 - sigma**2
    return shape * np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * sigma**2))


def sized(filters):
    return (filters / np.sqrt((filters**2).sum(axis=(1, 2), keepdims=True)))[:, None]


@wrong(
    "oriented_filters",
    "a full circle of angles",
    "The angles are spread over the full circle. Half of it is enough, k · 180° / n: the other half only "
    "changes signs.",
)
def _(n, size, sigma):
    slopes_of_bells(n, size, sigma)
    return sized(slopes_of_bells(n, size, sigma, 2 * np.pi * np.arange(n) / n))


@wrong(
    "oriented_filters",
    "the last angle is the first again",
    "The last angle is 180°, which is the first direction again (np.linspace with its endpoint?). Take k "
    "· 180° / n.",
)
def _(n, size, sigma):
    slopes_of_bells(n, size, sigma)
    return sized(slopes_of_bells(n, size, sigma, np.linspace(0, np.pi, n)))


@wrong(
    "oriented_filters",
    "degrees for radians",
    "np.cos and np.sin take radians, your angles are degrees: np.radians turns one into the other.",
)
def _(n, size, sigma):
    slopes_of_bells(n, size, sigma)
    return sized(slopes_of_bells(n, size, sigma, 180 * np.arange(n) / n))


@wrong(
    "oriented_filters",
    "sine and cosine exchanged",
    "Filter 0 should look to the right, where columns are counted: its cosine belongs to the columns, its"
    " sine to the rows.",
)
def _(n, size, sigma):
    return sized(slopes_of_bells(n, size, sigma).swapaxes(1, 2))


@wrong(
    "oriented_filters",
    "turned the other way",
    "The filters turn towards upwards. Rows are counted downwards: the direction goes from right to down.",
)
def _(n, size, sigma):
    return sized(slopes_of_bells(n, size, sigma)[:, ::-1])


@wrong(
    "oriented_filters",
    "the wrong sign",
    "The filters answer with a negative number where the brightness grows in their direction: change the "
    "sign. (The derivative of a bell is negative on its far side.)",
)
def _(n, size, sigma):
    return sized(-slopes_of_bells(n, size, sigma))


@wrong(
    "oriented_filters",
    "filters for lines",
    "These filters are even: they answer lines, not edges. Turned by half a turn an edge filter changes "
    "its sign.",
)
def _(n, size, sigma):
    return sized(slopes_of_bells(n, size, sigma, odd=False))


@wrong(
    "oriented_filters",
    "not normalised",
    "The squares of a filter's weights should sum to 1: divide by the root of their sum.",
)
def _(n, size, sigma):
    return slopes_of_bells(n, size, sigma)[:, None]


@wrong(
    "oriented_filters",
    "one norm for the bank",
    "The whole bank is divided by one number. Each filter on its own should have squares that sum to 1.",
)
def _(n, size, sigma):
    filters = slopes_of_bells(n, size, sigma)
    return (filters / np.sqrt((filters**2).sum()))[:, None]


@wrong(
    "oriented_filters",
    "absolute weights sum to one",
    "The absolute weights sum to 1. Their squares should.",
)
def _(n, size, sigma):
    filters = slopes_of_bells(n, size, sigma)
    return (filters / np.abs(filters).sum(axis=(1, 2), keepdims=True))[:, None]


@wrong(
    "oriented_filters",
    "the width ignored",
    "The width of the bell makes no difference in your filters: where does sigma enter?",
)
def _(n, size, sigma):
    slopes_of_bells(n, size, sigma)
    return sized(slopes_of_bells(n, size, 1e6))


@wrong(
    "oriented_filters",
    "sigma not squared",
    "The bell is too narrow or too wide: distance² and σ² belong together, and 2σ² stands below.",
)
def _(n, size, sigma):
    slopes_of_bells(n, size, sigma)
    return sized(slopes_of_bells(n, size, sigma**2))


@wrong(
    "oriented_filters",
    "middle between the pixels",
    "The filters are not odd: their middle is the pixel size // 2, counted from 0, not size / 2.",
)
def _(n, size, sigma):
    return sized(slopes_of_bells(n, size, sigma, middle=size / 2))


@wrong(
    "oriented_filters",
    "no axis for the channel",
    "The bank should be (n, 1, size, size), as every convolution wants its weights: the axis of the "
    "channel is missing.",
)
def _(n, size, sigma):
    return sized(slopes_of_bells(n, size, sigma))[:, 0]


@wrong(
    "oriented_filters",
    "bells instead of slopes",
    "These are bells, which blur. The filter is the slope of a bell: its weights sum to 0.",
)
def _(n, size, sigma):
    slopes_of_bells(n, size, sigma)
    return sized(np.repeat(bell(size, sigma)[None], n, axis=0))


@wrong(
    "oriented_filters",
    "bad numbers accepted",
    "A bank without filters, an even size or a bell without a width makes no sense. Raise a ValueError.",
)
def _(n, size, sigma):
    steps = np.arange(size) - size // 2
    angles = np.pi * np.arange(n)[:, None, None] / max(n, 1)
    with np.errstate(all="ignore"):
        round_ = np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * np.float64(sigma) ** 2))
        return sized((np.cos(angles) * steps + np.sin(angles) * steps[:, None]) * round_)


def error_of(x, target, weight):
    return correlate(x, weight) - target


def slope_of(x, error, weight, factor=2.0, flip=1, **mode):
    """The gradient of filter_loss; other factors or another frame if they are named."""
    kh, kw = weight.shape
    padded = frame(x, kh // 2, kw // 2, **mode)
    h, w = x.shape
    gradient = np.zeros_like(weight, dtype=x.dtype)
    for u, v in np.ndindex(kh, kw):
        gradient[u, v] = factor * (error * padded[u : u + h, v : v + w]).mean()
    return gradient[::flip, ::flip]


def loss_and_slope(x, target, weight, **options):
    error = error_of(x, target, weight)
    return (error**2).mean(), slope_of(x, error, weight, **options)


@wrong(
    "filter_loss",
    "factor 2 forgotten",
    "The gradient is half as large as it should be: the derivative of a square brings a factor 2.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight, factor=1)


@wrong(
    "filter_loss",
    "gradient not divided by the number of pixels",
    "The loss is a mean over all pixels, so the gradient is one, too: the division by their number is "
    "missing.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight, factor=2 * x.size)


@wrong(
    "filter_loss",
    "gradient divided by the number of weights",
    "The gradient is divided by the number of weights. The mean runs over the pixels of the picture.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight, factor=2 * x.size / weight.size)


@wrong(
    "filter_loss",
    "sum instead of mean",
    "You sum the squared differences where their mean is wanted, in the loss and in the gradient.",
)
def _(x, target, weight):
    loss, gradient = loss_and_slope(x, target, weight, factor=2 * x.size)
    return loss * x.size, gradient


@wrong(
    "filter_loss",
    "half of the loss",
    "Loss and gradient are half as large as they should be: there is no factor ½ in this mean of squares.",
)
def _(x, target, weight):
    loss, gradient = loss_and_slope(x, target, weight, factor=1)
    return loss / 2, gradient


@wrong(
    "filter_loss",
    "root of the loss",
    "The loss is the mean of the squares, without a root.",
)
def _(x, target, weight):
    loss, gradient = loss_and_slope(x, target, weight)
    return loss**0.5, gradient


@wrong(
    "filter_loss",
    "absolute differences",
    "The loss is the mean of the squared differences, not of their absolute values.",
)
def _(x, target, weight):
    return np.abs(error_of(x, target, weight)).mean(), loss_and_slope(x, target, weight)[1]


@wrong(
    "filter_loss",
    "sign of the gradient",
    "The gradient points down the slope, it should point up: the difference is answer minus target.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight, factor=-2)


@wrong(
    "filter_loss",
    "gradient turned",
    "The gradient is turned by half a turn. Weight (u, v) meets the pixel u rows further down and v "
    "columns further right; its derivative reads the same pixels.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight, flip=-1)


@wrong(
    "filter_loss",
    "the kernel turned in the answer",
    "The answer is a convolution: the filter is turned before it slides. Here it slides as it is.",
)
def _(x, target, weight):
    error = convolve(x, weight) - target
    return (error**2).mean(), slope_of(x, error, weight, flip=-1)


@wrong(
    "filter_loss",
    "gradient transposed",
    "Rows and columns of the gradient are exchanged. It has the shape of the weight: entry (u, v) belongs"
    " to weight (u, v).",
)
def _(x, target, weight):
    loss, gradient = loss_and_slope(x, target, weight)
    return loss, gradient.T


@wrong(
    "filter_loss",
    "border left out of the gradient",
    "The gradient reads beyond the border what the answer does not: there must be zeros as well.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight, mode="edge")


@wrong(
    "filter_loss",
    "gradient of the answer",
    "The gradient does not contain the difference between answer and target: each pixel counts as much as"
    " it is wrong.",
)
def _(x, target, weight):
    error = error_of(x, target, weight)
    return (error**2).mean(), slope_of(x, np.ones_like(x), weight)


@wrong(
    "filter_loss",
    "gradient first",
    "The loss comes first, then the gradient.",
)
def _(x, target, weight):
    return loss_and_slope(x, target, weight)[::-1]


@wrong(
    "filter_loss",
    "the target ignored",
    "The target makes no difference in your answer: the difference to it is what should be small.",
)
def _(x, target, weight):
    return loss_and_slope(x, target * 0, weight)


@wrong(
    "filter_loss",
    "even filters accepted",
    "A filter of even size has no middle. Look first, and raise a ValueError if height or width is even.",
)
def _(x, target, weight):
    kh, kw = weight.shape
    padded = np.pad(x, ((kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw))
    error = np.einsum("hwij,ij->hw", windows, weight) - target
    return (error**2).mean(), (2 * np.einsum("hw,hwij->ij", error, windows) / x.size).astype(x.dtype)


@wrong(
    "filter_loss",
    "dtype of target or filter",
    "The gradient takes its dtype from the target or the filter. It should have the dtype of x.",
)
def _(x, target, weight):
    loss, gradient = loss_and_slope(x, target, weight)
    return loss, gradient.astype(np.result_type(x, target, weight))


@wrong(
    "filter_loss",
    "target changed",
    "Your code writes into the target (`-=`?). It is needed again at the next step: make a new array.",
)
def _(x, target, weight):
    answer = loss_and_slope(x, target, weight)
    target -= correlate(x, weight)
    return answer


def learn(x, target, size, steps, lr, start=None, loss=loss_and_slope):
    """The right answer to learn_filter; another start or another gradient if they are named."""
    weight = np.zeros((size, size), x.dtype) if start is None else start
    for _ in range(steps):
        weight = weight - x.dtype.type(lr) * loss(x, target, weight)[1]
    return weight


@wrong(
    "learn_filter",
    "up the slope",
    "The loss grows with every step: go against the gradient (minus, not plus).",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps, -lr)


@wrong(
    "learn_filter",
    "one step missing",
    "One step is missing: how many weights come before the first step, how many after the last?",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps - 1, lr)


@wrong(
    "learn_filter",
    "one step too many",
    "You take one step more than asked for.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps + 1, lr)


@wrong(
    "learn_filter",
    "learning rate ignored",
    "The learning rate makes no difference in your answer: it scales every step.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps, 0.1)


@wrong(
    "learn_filter",
    "the first gradient for all steps",
    "Every step uses the gradient of the start. It changes with the weights: compute it anew in each step.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, min(steps, 1), lr * steps)


@wrong(
    "learn_filter",
    "starts with ones",
    "The filter should start with zeros, not with ones.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps, lr, np.ones((kernel_size, kernel_size), x.dtype))


@wrong(
    "learn_filter",
    "starts at random",
    "The filter should start with zeros. Random numbers are needed where several filters would learn the "
    "same.",
)
def _(x, target, kernel_size, steps, lr):
    start = np.random.default_rng(0).normal(size=(kernel_size, kernel_size)).astype(x.dtype)
    return learn(x, target, kernel_size, steps, lr, start)


@wrong(
    "learn_filter",
    "starts with Sobel",
    "The filter starts as the one that is to be found. It should start with zeros and find it.",
)
def _(x, target, kernel_size, steps, lr):
    start = np.zeros((kernel_size, kernel_size), x.dtype)
    half = kernel_size // 2
    start[max(half - 1, 0) : half + 2, max(half - 1, 0) : half + 2] = SOBEL if half else 1
    return learn(x, target, kernel_size, steps, lr, start)


@wrong(
    "learn_filter",
    "loss returned, too",
    "Only the weights are wanted: one array.",
)
def _(x, target, kernel_size, steps, lr):
    weight = learn(x, target, kernel_size, steps, lr)
    return weight, loss_and_slope(x, target, weight)[0]


@wrong(
    "learn_filter",
    "losses returned",
    "You return the losses. The learned weights are wanted.",
)
def _(x, target, kernel_size, steps, lr):
    return [loss_and_slope(x, target, learn(x, target, kernel_size, n, lr))[0] for n in range(min(steps, 5))]


@wrong(
    "learn_filter",
    "input and target exchanged",
    "x and target are exchanged: the filter should turn x into target.",
)
def _(x, target, kernel_size, steps, lr):
    with np.errstate(all="ignore"):  # it may run away
        return learn(target, x, kernel_size, steps, lr)


@wrong(
    "learn_filter",
    "only the sign of the gradient",
    "All steps have the same length. A step is the learning rate times the gradient, small where the "
    "slope is small.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps, lr, loss=lambda *a: (0, np.sign(loss_and_slope(*a)[1])))


@wrong(
    "learn_filter",
    "step divided by the steps",
    "Your steps get shorter the more of them there are. Each has the length lr times the gradient.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps, lr / max(steps, 1))


@wrong(
    "learn_filter",
    "even sizes accepted",
    "A filter of even size has no middle. Raise a ValueError (filter_loss does it for you, if it looks).",
)
def _(x, target, kernel_size, steps, lr):
    if kernel_size % 2:
        return learn(x, target, kernel_size, steps, lr)
    return np.zeros((kernel_size, kernel_size), x.dtype)


@wrong(
    "learn_filter",
    "momentum",
    "Your steps carry on what the steps before them did (momentum?). Each step is the learning rate times"
    " the gradient, nothing else.",
)
def _(x, target, kernel_size, steps, lr):
    velocity, weight = 0, np.zeros((kernel_size, kernel_size), x.dtype)
    for _ in range(steps):
        velocity = x.dtype.type(0.9) * velocity - x.dtype.type(lr) * loss_and_slope(x, target, weight)[1]
        weight = weight + velocity
    return weight


@wrong(
    "learn_filter",
    "dtype lost",
    "The weights are float64 whatever comes in (np.zeros without a dtype?). Keep the dtype of x.",
)
def _(x, target, kernel_size, steps, lr):
    return learn(x, target, kernel_size, steps, lr).astype(float)


def stretch(one, low=None, high=None):
    low, high = one.min() if low is None else low, one.max() if high is None else high
    return (one - low) / (high - low) if np.any(high > low) else np.full(one.shape, 0.5)


def lay(tiles, columns=None, border=1.0):
    """Tiles (n, C, kh, kw) side by side; the right layout of filters_to_grid."""
    n, c, kh, kw = tiles.shape
    need(c in (1, 3), "1 or 3 channels")
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    grid = np.full((rows * (kh + 1) - 1, columns * (kw + 1) - 1, c), border)
    for k, one in enumerate(tiles):
        i, j = k // columns * (kh + 1), k % columns * (kw + 1)
        grid[i : i + kh, j : j + kw] = one.transpose(1, 2, 0)
    return grid if c == 3 else grid[..., 0]


def each(weight, change=stretch):
    need(weight.shape[1] in (1, 3), "1 or 3 channels")
    return np.stack([change(one) for one in weight.astype(float)])


@wrong(
    "filters_to_grid",
    "stretched over the whole bank",
    "All filters are stretched together, so a faint filter next to a strong one shows nothing. Stretch "
    "each on its own.",
)
def _(weight):
    need(weight.shape[1] in (1, 3), "1 or 3 channels")
    return lay(stretch(weight.astype(float)))


@wrong(
    "filters_to_grid",
    "each colour stretched on its own",
    "Red, green and blue of a filter are stretched apart, which changes its colours. Take the smallest "
    "and largest weight of all its channels together.",
)
def _(weight):
    need(weight.shape[1] in (1, 3), "1 or 3 channels")
    return lay(each(weight, lambda one: np.stack([stretch(channel) for channel in one])))


@wrong(
    "filters_to_grid",
    "divided by the largest weight",
    "The smallest weight of a filter should become 0: subtract it before you divide.",
)
def _(weight):
    return lay(each(weight, lambda one: one / (np.abs(one).max() or 1)))


@wrong(
    "filters_to_grid",
    "zero in the middle",
    "Zero weights become the middle grey. Here the smallest weight becomes 0 and the largest 1, wherever "
    "zero lies.",
)
def _(weight):
    return lay(each(weight, lambda one: 0.5 + one / (2 * np.abs(one).max() or 1)))


@wrong(
    "filters_to_grid",
    "clipped",
    "Weights below 0 and above 1 are cut off. Stretch each filter, so that nothing is lost.",
)
def _(weight):
    return lay(each(weight, lambda one: np.clip(one, 0, 1)))


@wrong(
    "filters_to_grid",
    "not stretched",
    "The weights are shown as they are. A picture needs values between 0 and 1.",
)
def _(weight):
    return lay(each(weight, lambda one: one))


@wrong(
    "filters_to_grid",
    "from 0 to 255",
    "The values reach up to 255. Here a picture holds floats between 0 and 1.",
)
def _(weight):
    return lay(each(weight, lambda one: 255 * stretch(one)), border=255)


@wrong(
    "filters_to_grid",
    "divided by zero",
    "A filter whose weights are all equal has no spread: you divide by zero. Give it one shade.",
)
def _(weight):
    with np.errstate(all="ignore"):
        return lay(each(weight, lambda one: (one - one.min()) / (one.max() - one.min())))


@wrong(
    "filters_to_grid",
    "a small number added to the spread",
    "You add a small number to the spread against a division by zero. A faint filter then stays dark: its"
    " spread is not larger than your number. Look whether the spread is 0.",
)
def _(weight):
    return lay(each(weight, lambda one: (one - one.min()) / (one.max() - one.min() + 1e-8)))


@wrong(
    "filters_to_grid",
    "columns before rows",
    "The filters run from top to bottom first. They should stand in rows, as one reads: from left to right.",
)
def _(weight):
    tiles = each(weight)
    n = len(tiles)
    rows = int(np.ceil(np.sqrt(n)))
    columns = -(-n // rows)
    places = [(k // rows, k % rows) for k in range(n)]
    ordered = np.zeros((rows * columns, *tiles.shape[1:]))
    for tile, (j, i) in zip(tiles, places, strict=True):
        ordered[i * columns + j] = tile
    return lay(ordered, columns)


@wrong(
    "filters_to_grid",
    "filters transposed",
    "Rows and columns of each filter are exchanged.",
)
def _(weight):
    return lay(each(weight).swapaxes(2, 3))


@wrong(
    "filters_to_grid",
    "reshaped without moving axes",
    "A reshape alone mixes the rows of different filters: move the axes first, so that the rows of "
    "neighbours stand beside each other.",
)
def _(weight):
    tiles = each(weight)
    n, c, kh, kw = tiles.shape
    grid = tiles.transpose(0, 2, 3, 1).reshape(kh, n * kw, c)
    return grid if c == 3 else grid[..., 0]


@wrong(
    "filters_to_grid",
    "channels first",
    "A coloured picture has its channels last: (rows, columns, 3).",
)
def _(weight):
    grid = lay(each(weight))
    return np.moveaxis(grid, -1, 0) if grid.ndim == 3 else grid


@wrong(
    "filters_to_grid",
    "an axis for grey",
    "A grey picture has two axes, (rows, columns): the channel's axis should be gone.",
)
def _(weight):
    grid = lay(each(weight))
    return grid if grid.ndim == 3 else grid[..., None]


@wrong(
    "filters_to_grid",
    "the last row cut off",
    "Filters are missing: where their number does not fill the last row, the row still has to be there.",
)
def _(weight):
    tiles = each(weight)
    columns = int(np.ceil(np.sqrt(len(tiles))))
    whole = len(tiles) // columns * columns
    return lay(tiles[:whole], columns)


@wrong(
    "filters_to_grid",
    "turned upside down",
    "Each filter stands on its head.",
)
def _(weight):
    return lay(each(weight)[:, :, ::-1])


@wrong(
    "filters_to_grid",
    "dark and bright exchanged",
    "The smallest weight becomes white and the largest black: it should be the other way round.",
)
def _(weight):
    return lay(each(weight, lambda one: stretch(-one)))


@wrong(
    "filters_to_grid",
    "any number of channels",
    "A picture has one channel or three. For any other number raise a ValueError.",
)
def _(weight):
    grey = weight.mean(axis=1, keepdims=True) if weight.shape[1] not in (1, 3) and weight.size else weight
    if not weight.size:
        return np.zeros((1, 1))
    return lay(each(grey))


@wrong(
    "filters_to_grid",
    "weights changed in place",
    "Your code stretches the weights themselves (`-=`, `/=`?). The network still needs them: make a new "
    "array.",
)
def _(weight):
    tiles = each(weight)
    weight[:] = tiles
    return lay(tiles)


def train_bank(x, targets, kernel_size, steps, device, turn=False, padding=None, start=0.0, loss=F.mse_loss):
    """The right answer to learn_filter_bank, still with its graph; one thing changed if it is named."""
    x, targets = x.to(device), targets.to(device)
    shape = (targets.shape[1], x.shape[1], kernel_size, kernel_size)
    weight = torch.full(shape, start, dtype=x.dtype, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.05)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.05 if step < steps // 2 else 0.01
        used = weight.flip(2, 3) if turn else weight
        optimizer.zero_grad()
        loss(F.conv2d(x, used, padding=kernel_size // 2 if padding is None else padding), targets).backward()
        optimizer.step()
    return weight


@wrong(
    "learn_filter_bank",
    "graph kept",
    "The filters still carry their graph of gradients, so whoever uses them trains on. `.detach()` cuts "
    "them off.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, device)


@wrong(
    "learn_filter_bank",
    "gradients never cleared",
    "PyTorch adds each new gradient to the old ones, so the filters run away. Set them to zero in each step: "
    "optimizer.zero_grad().",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    x, targets = x.to(device), targets.to(device)
    shape = (targets.shape[1], x.shape[1], kernel_size, kernel_size)
    weight = torch.zeros(shape, dtype=x.dtype, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for _ in range(steps):
        F.mse_loss(F.conv2d(x, weight, padding=kernel_size // 2), targets).backward()
        optimizer.step()
    return weight.detach()


@wrong(
    "learn_filter_bank",
    "nothing learned",
    "The filters are those of the start: the gradient is computed, but no step is taken (optimizer.step()).",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, 0, device).detach()


@wrong(
    "learn_filter_bank",
    "a single step",
    "The filters have hardly moved: only one step is taken. Repeat it as often as asked for.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, 2, device).detach()


@wrong(
    "learn_filter_bank",
    "up the slope",
    "The filters run away from the ones wanted: the steps go up the slope of the loss.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, 20, device, loss=lambda *a: -F.mse_loss(*a)).detach()


@wrong(
    "learn_filter_bank",
    "kernels turned",
    "The filters are turned by half a turn: nothing is flipped in PyTorch's convolutions.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, device, turn=True).detach()


@wrong(
    "learn_filter_bank",
    "channels and filters exchanged",
    "The first two axes are exchanged: (K, C, k, k), the filters first, then the channels that each of "
    "them reads.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, device).detach().transpose(0, 1).contiguous()


@wrong(
    "learn_filter_bank",
    "one filter for all",
    "All filters of the bank are the same: each has a target of its own.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    weight = train_bank(x, targets.mean(1, keepdim=True), kernel_size, steps, device).detach()
    return weight.repeat(targets.shape[1], 1, 1, 1)


@wrong(
    "learn_filter_bank",
    "the first picture alone",
    "You learn from the first picture only. All pictures of the batch should count.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x[:1, :, :4, :3], targets[:1, :, :4, :3], kernel_size, steps, device).detach()


@wrong(
    "learn_filter_bank",
    "bias and its layer returned",
    "You return something else than a tensor of weights, perhaps the layer (layer.weight.detach() is "
    "wanted).",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    weight = train_bank(x, targets, kernel_size, steps, device).detach()
    return weight, torch.zeros(len(weight), dtype=x.dtype)


@wrong(
    "learn_filter_bank",
    "NumPy array returned",
    "You return a NumPy array. The filters should be a tensor on the device.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, device).detach().cpu().numpy()


@wrong(
    "learn_filter_bank",
    "dtype lost",
    "The filters are float32 whatever comes in. Take the dtype of x.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x.float(), targets.float(), kernel_size, steps, device).detach()


@wrong(
    "learn_filter_bank",
    "the device ignored",
    "The filters are where the pictures were, not on the device asked for: move pictures and targets "
    "there, make the weights there, and leave them there.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, x.device).detach()


@wrong(
    "learn_filter_bank",
    "the pictures not moved",
    "The weights are on the device, pictures or targets are not: a GPU refuses that. `.to(device)` moves "
    "them.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    if torch.device(device) == x.device:
        return train_bank(x, targets, kernel_size, steps, device).detach()
    shape = (targets.shape[1], x.shape[1], kernel_size, kernel_size)
    return F.conv2d(x, torch.zeros(shape, device=device), padding=kernel_size // 2).detach()


@wrong(
    "learn_filter_bank",
    "learned on the CPU",
    "The filters are learned on the CPU and moved at the end. Move pictures and targets to the device first.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, x.device).detach().to(device)


@wrong(
    "learn_filter_bank",
    "moved after requires_grad",
    "On a GPU `torch.zeros(…, requires_grad=True).to(device)` is a copy, computed from the weights, and no "
    "optimiser takes it. Make the weights on the device: `device=device`.",
)
def _(x, targets, kernel_size, steps, device="cpu"):
    shape = (targets.shape[1], x.shape[1], kernel_size, kernel_size)
    torch.optim.Adam([torch.zeros(shape, dtype=x.dtype, requires_grad=True).to(device)])
    return train_bank(x, targets, kernel_size, steps, device).detach()


@wrong(
    "learn_filter_bank",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`) in place of using `device`.',
)
def _(x, targets, kernel_size, steps, device="cpu"):
    return train_bank(x, targets, kernel_size, steps, own_gpu()).detach()


def own_gpu():
    return "cuda" if torch.cuda.is_available() else "cpu"


def look(
    model, x, leaves_only=True, name=lambda name: name, keep=lambda output: output.detach().clone(), **options
):
    """The right answer to record_activations; one thing changed if it is named."""
    run = {"evaluate": True, "restore": True, "remove": True, "tidy": True, "graph": False, "freeze": False}
    run |= options
    seen = {}

    def hook_for(label):
        return lambda module, inputs, output: seen.__setitem__(name(label), keep(output))

    chosen = [(n, m) for n, m in model.named_modules() if not (leaves_only and list(m.children()))]
    modes = [(module, module.training) for module in model.modules()]
    was_training = model.training
    hooks = [module.register_forward_hook(hook_for(label)) for label, module in chosen]

    def tidy():
        for hook in hooks if run["remove"] else ():
            hook.remove()
        if run["restore"] == "whole":
            model.train(was_training)
        elif run["restore"] == "training":
            model.train()
        elif run["restore"]:
            for module, mode in modes:
                module.training = mode

    if run["evaluate"]:
        model.eval()
    try:
        with contextlib.nullcontext() if run["graph"] else torch.no_grad():
            model(x)
    except ArithmeticError:
        if run["tidy"]:
            tidy()
        raise
    tidy()
    return seen


@wrong(
    "record_activations",
    "hooks left behind",
    "Your hooks stay on the model: it goes on recording whenever it runs. register_forward_hook returns a"
    " handle; call its remove().",
)
def _(model, x):
    return look(model, x, remove=False)


@wrong(
    "record_activations",
    "nothing tidied up after an error",
    "If the model raises an error, your hooks stay on it and its mode is lost. try … finally tidies up in"
    " any case.",
)
def _(model, x):
    return look(model, x, tidy=False)


@wrong(
    "record_activations",
    "errors swallowed",
    "The model's own error disappears. Tidy up, but let it through (finally, not except).",
)
def _(model, x):
    try:
        return look(model, x)
    except ArithmeticError:
        return {}


@wrong(
    "record_activations",
    "changed by a later layer",
    "A layer that works in place (a ReLU after a convolution) changes what you recorded before it. detach() "
    "shares memory: keep a copy, .clone().",
)
def _(model, x):
    return look(model, x, keep=lambda output: output.detach())


@wrong(
    "record_activations",
    "graph kept",
    "The outputs still carry their graph of gradients, and with it the memory of the whole run. .detach()"
    " them.",
)
def _(model, x):
    return look(model, x, keep=lambda output: output.clone(), graph=True)


@wrong(
    "record_activations",
    "through NumPy",
    "`.numpy()` of a tensor on a GPU is an error. `.detach().clone()` keeps a copy where the tensor is.",
)
def _(model, x):
    return look(model, x, keep=lambda output: torch.tensor(output.numpy()))


@wrong(
    "record_activations",
    "a device of its own",
    'You send x to a GPU that you look for yourself (`"cuda" if torch.cuda.is_available()`). x is where the '
    "model is: leave it there.",
)
def _(model, x):
    return look(model, x.to(own_gpu()))


@wrong(
    "record_activations",
    "containers recorded, too",
    "Modules that only hold other modules are among your names. Leaf modules have no children.",
)
def _(model, x):
    return look(model, x, leaves_only=False)


@wrong(
    "record_activations",
    "only the outermost modules",
    "You look at the model's direct children (named_children). Layers may lie deeper: named_modules finds"
    " them all.",
)
def _(model, x):
    seen = {}
    outermost = {name for name, _ in model.named_children()} or {""}
    for name, value in look(model, x, leaves_only=False).items():
        if name in outermost:
            seen[name] = value
    return seen


@wrong(
    "record_activations",
    "named by their class",
    "Layers of one class overwrite each other: use the names of model.named_modules(), not the names of "
    "classes.",
)
def _(model, x):
    classes = {name: type(module).__name__ for name, module in model.named_modules()}
    return look(model, x, name=classes.__getitem__)


@wrong(
    "record_activations",
    "numbered",
    "The keys should be the names of model.named_modules(), not numbers.",
)
def _(model, x):
    return dict(enumerate(look(model, x).values()))


@wrong(
    "record_activations",
    "all under the last name",
    "Everything lands under one name: a function made in a loop sees the loop's variable as it is at the "
    "end. Hand the name over (a default argument, or a function that makes the hook).",
)
def _(model, x):
    *_, last = [name for name, module in model.named_modules() if not list(module.children())]
    return look(model, x, name=lambda _: last)


@wrong(
    "record_activations",
    "inputs recorded",
    "You keep what goes into each layer. What comes out of it is wanted: the hook's third argument.",
)
def _(model, x):
    seen, before, value = {}, x.detach().clone(), None
    for name, value in look(model, x).items():
        seen[name] = before
        before = value
    return seen


@wrong(
    "record_activations",
    "mode ignored",
    "The model is run in the mode in which it was: in training mode dropout throws numbers away and "
    "normalisation looks at the batch. Call model.eval() first.",
)
def _(model, x):
    torch.manual_seed(0)
    return look(model, x, evaluate=False)


@wrong(
    "record_activations",
    "left in evaluation mode",
    "The model stays in evaluation mode. It should be as it was before.",
)
def _(model, x):
    return look(model, x, restore=False)


@wrong(
    "record_activations",
    "always put into training mode",
    "Afterwards the model is in training mode, whatever it was before. Look first: module.training.",
)
def _(model, x):
    return look(model, x, restore="training")


@wrong(
    "record_activations",
    "one mode for all modules",
    "model.train(…) sets all modules to one mode. A frozen normalisation inside a model in training has "
    "another one: restore module by module.",
)
def _(model, x):
    return look(model, x, restore="whole")


@wrong(
    "record_activations",
    "hooks of others removed",
    "You remove all hooks there are. Some may belong to others: remove only your own, by their handles.",
)
def _(model, x):
    seen = look(model, x)
    for module in model.modules():
        module._forward_hooks.clear()
    return seen


@wrong(
    "record_activations",
    "gradients switched off for good",
    "The model's parameters no longer ask for gradients: it cannot be trained any more. torch.no_grad() "
    "around the run is enough.",
)
def _(model, x):
    return look(model.requires_grad_(False), x)


@wrong(
    "record_activations",
    "no gradients for anybody",
    "PyTorch records no gradients any more, for any model: torch.set_grad_enabled(False) was never undone. "
    "with torch.no_grad(): ends by itself.",
)
def _(model, x):
    torch.set_grad_enabled(False)
    return look(model, x)


@wrong(
    "record_activations",
    "the first run of a layer",
    "Of a layer that runs twice you keep the first output. The last one counts.",
)
def _(model, x):
    first = {}
    handles = [
        module.register_forward_hook(
            lambda m, i, o, name=name: first.setdefault(name, o.detach().clone()) is None or None
        )
        for name, module in model.named_modules()
        if not list(module.children())
    ]
    try:
        look(model, x)
    finally:
        for handle in handles:
            handle.remove()
    return first


@wrong(
    "record_activations",
    "in the order in which they are written down",
    "The layers stand in the order in which they are written down in the model. The order in which they "
    "ran is wanted.",
)
def _(model, x):
    seen = look(model, x)
    return {name: seen[name] for name, _ in model.named_modules() if name in seen}


@wrong(
    "record_activations",
    "NumPy arrays",
    "You keep NumPy arrays. The outputs should stay tensors.",
)
def _(model, x):
    return look(model, x, keep=lambda output: output.detach().cpu().numpy().copy())


@wrong(
    "record_activations",
    "a list of outputs",
    "You return the outputs without their names. A dictionary is wanted: name and output of each layer.",
)
def _(model, x):
    return list(look(model, x).values())


def need_place(image, patch, stride):
    need(patch >= 1 and stride >= 1 and patch <= min(image.shape[1:]), "no square fits")


def places(image, patch, stride):
    """All corners of the square, and how many there are in each direction."""
    need_place(image, patch, stride)
    rows, columns = ((size - patch) // stride + 1 for size in image.shape[1:])
    return [(i * stride, j * stride) for i in range(rows) for j in range(columns)], (rows, columns)


def cover(image, top, left, patch, fill):
    covered = image.copy()
    covered[:, top : top + patch, left : left + patch] = fill
    return covered


def drops(predict, image, patch, stride=1, fill=0.0):
    """The right answer to occlusion_map."""
    corners, shape = places(image, patch, stride)
    whole = predict(image)
    return np.array([whole - predict(cover(image, *corner, patch, fill)) for corner in corners]).reshape(
        shape
    )


@wrong(
    "occlusion_map",
    "the prediction instead of the drop",
    "The map holds the predictions for the covered pictures. What counts is how much they drop.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return predict(image) - drops(predict, image, patch, stride, fill)


@wrong(
    "occlusion_map",
    "sign of the drop",
    "The sign is wrong: where covering hurts, the drop is positive, predict(image) minus predict(covered "
    "image).",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return -drops(predict, image, patch, stride, fill)


@wrong(
    "occlusion_map",
    "drops below zero cut off",
    "A prediction may also grow when something is covered. Keep the negative numbers.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return np.maximum(drops(predict, image, patch, stride, fill), 0)


@wrong(
    "occlusion_map",
    "size of the drop",
    "The sign is lost: a prediction that grows has a negative drop (no absolute value).",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return np.abs(drops(predict, image, patch, stride, fill))


@wrong(
    "occlusion_map",
    "drop relative to the whole",
    "You divide by the prediction for the whole picture. The plain difference is wanted.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return drops(predict, image, patch, stride, fill) / predict(image)


@wrong(
    "occlusion_map",
    "fill ignored",
    "The square is always black. It should have the value fill.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return drops(predict, image, patch, stride)


@wrong(
    "occlusion_map",
    "stride ignored",
    "The stride makes no difference: the square should move on by stride pixels.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    need_place(image, patch, stride)
    return drops(predict, image, patch, 1, fill)


@wrong(
    "occlusion_map",
    "steps as large as the square",
    "The square moves on by its own size. It should move on by stride pixels.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    need_place(image, patch, stride)
    return drops(predict, image, patch, patch, fill)


@wrong(
    "occlusion_map",
    "patch and stride exchanged",
    "patch and stride are exchanged: patch is the side of the square, stride the step to the next place.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return drops(predict, image, stride, patch, fill)


@wrong(
    "occlusion_map",
    "squares over the edge",
    "You count places where the square hangs over the border. Only places where it fits count.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    need_place(image, patch, stride)
    rows, columns = (-(-size // stride) for size in image.shape[1:])
    whole = predict(image)
    return np.array(
        [
            [whole - predict(cover(image, i * stride, j * stride, patch, fill)) for j in range(columns)]
            for i in range(rows)
        ]
    )


@wrong(
    "occlusion_map",
    "one place missing",
    "The last row and column of places are missing: how many places are there if the square is as large "
    "as the picture?",
)
def _(predict, image, patch, stride=1, fill=0.0):
    answer = drops(predict, image, patch, stride, fill)
    return answer[: (image.shape[1] - patch) // stride, : (image.shape[2] - patch) // stride]


@wrong(
    "occlusion_map",
    "rows and columns exchanged",
    "Rows and columns of the map are exchanged: it should lie over the picture.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    return drops(predict, image, patch, stride, fill).T


@wrong(
    "occlusion_map",
    "steps not multiplied",
    "The places are counted in steps, not in pixels: place i begins at row i · stride.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    corners, shape = places(image, patch, stride)
    whole = predict(image)
    found = [whole - predict(cover(image, i // stride, j // stride, patch, fill)) for i, j in corners]
    return np.array(found).reshape(shape)


@wrong(
    "occlusion_map",
    "only the first channel",
    "Only the first channel is covered. The square hides all channels.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    corners, shape = places(image, patch, stride)

    def first_covered(top, left):
        covered = cover(image, top, left, patch, fill)
        covered[1:] = image[1:]
        return covered

    whole = predict(image)
    return np.array([whole - predict(first_covered(*corner)) for corner in corners]).reshape(shape)


@wrong(
    "occlusion_map",
    "squares pile up",
    "Earlier squares are still there when the next one comes. Cover a fresh copy of the picture each time.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    corners, shape = places(image, patch, stride)
    whole, covered, found = predict(image), image.copy(), []
    for top, left in corners:
        covered[:, top : top + patch, left : left + patch] = fill
        found.append(whole - predict(covered))
    return np.array(found).reshape(shape)


@wrong(
    "occlusion_map",
    "picture covered for good",
    "The squares stay in the picture that was handed over: cover a copy of it.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    corners, shape = places(image, patch, stride)
    whole, found = predict(image), []
    for top, left in corners:
        image[:, top : top + patch, left : left + patch] = fill
        found.append(whole - predict(image))
    return np.array(found).reshape(shape)


@wrong(
    "occlusion_map",
    "everything but the square",
    "You cover everything except the square. The square itself should be hidden.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    corners, shape = places(image, patch, stride)

    def rest_covered(top, left):
        covered = np.full_like(image, fill)
        inside_ = np.s_[:, top : top + patch, left : left + patch]
        covered[inside_] = image[inside_]
        return covered

    whole = predict(image)
    return np.array([whole - predict(rest_covered(*corner)) for corner in corners]).reshape(shape)


@wrong(
    "occlusion_map",
    "a map as large as the picture",
    "Your map has the size of the picture. It has one number for each place of the square.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    corners, _ = places(image, patch, stride)
    answer, whole = np.zeros(image.shape[1:]), predict(image)
    for top, left in corners:
        answer[top : top + patch, left : left + patch] = whole - predict(cover(image, top, left, patch, fill))
    return answer


@wrong(
    "occlusion_map",
    "bad squares accepted",
    "A square that does not fit, or has no size, and a stride below 1 make no sense. Raise a ValueError.",
)
def _(predict, image, patch, stride=1, fill=0.0):
    rows, columns = (max((size - patch) // (stride or 1) + 1, 0) for size in image.shape[1:])
    whole = predict(image)
    found = [
        [whole - predict(cover(image, i * stride, j * stride, patch, fill)) for j in range(columns)]
        for i in range(rows)
    ]
    return np.array(found).reshape(rows, columns)


def watch(model, image, target, patch, stride=1, fill=0.0, batch_size=64, **options):
    """The right answer to occlusion_map_batched; one thing changed if it is named."""
    run = {"evaluate": True, "restore": True, "always": True, "graph": False, "score": lambda scores: scores}
    run |= options
    corners, shape = places(image, patch, stride)
    modes = [(module, module.training) for module in model.modules()]
    was_training = model.training

    def tidy():
        if run["restore"] == "whole":
            model.train(was_training)
        elif run["restore"] == "training":
            model.train()
        elif run["restore"]:
            for module, mode in modes:
                module.training = mode

    if run["evaluate"]:
        model.eval()
    try:
        with contextlib.nullcontext() if run["graph"] else torch.no_grad():
            whole = run["score"](model(image[None]))[0, target]
            scores = []
            for first in range(0, len(corners), batch_size):
                part = corners[first : first + batch_size]
                covered = image.repeat(len(part), 1, 1, 1)
                for one, (top, left) in zip(covered, part, strict=True):
                    one[:, top : top + patch, left : left + patch] = fill
                scores.append(run["score"](model(covered))[:, target])
    except ArithmeticError:
        if run["always"]:
            tidy()
        raise
    tidy()
    return (whole - torch.cat(scores)).reshape(shape)


@wrong(
    "occlusion_map_batched",
    "probability instead of score",
    "The map shows how the probability drops. The raw score is wanted: no softmax.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size, score=lambda s: s.softmax(1))


@wrong(
    "occlusion_map_batched",
    "the winner's score",
    "You watch the largest score, whichever class it belongs to. Watch the score of the class target.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(
        model,
        image,
        target,
        patch,
        stride,
        fill,
        batch_size,
        score=lambda s: s.amax(1, keepdim=True).expand_as(s),
    )


@wrong(
    "occlusion_map_batched",
    "sign of the drop",
    "The sign is wrong: the score of the whole picture minus the score of the covered one.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return -watch(model, image, target, patch, stride, fill, batch_size)


@wrong(
    "occlusion_map_batched",
    "the score instead of the drop",
    "The map holds the scores of the covered pictures. What counts is how much they drop.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    found = watch(model, image, target, patch, stride, fill, batch_size)
    with torch.no_grad():
        modes = [(module, module.training) for module in model.modules()]
        whole = model.eval()(image[None])[0, target]
    for module, mode in modes:
        module.training = mode
    return whole - found


@wrong(
    "occlusion_map_batched",
    "graph kept",
    "The map still carries its graph of gradients, and with it the memory of every batch: torch.no_grad().",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size, graph=True)


@wrong(
    "occlusion_map_batched",
    "no gradients for anybody",
    "PyTorch records no gradients any more, for any model: torch.set_grad_enabled(False) was never undone. "
    "with torch.no_grad(): ends by itself.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    torch.set_grad_enabled(False)
    return watch(model, image, target, patch, stride, fill, batch_size)


@wrong(
    "occlusion_map_batched",
    "all pictures at once",
    "All covered pictures go through the model at once. At most batch_size may, or a large map does not "
    "fit into memory.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, 10**6)


@wrong(
    "occlusion_map_batched",
    "the whole picture in the first batch",
    "One batch has a picture too many: the whole picture counts as well.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size + 1)


@wrong(
    "occlusion_map_batched",
    "last batch lost",
    "The last places are missing: a batch that is not full has to go through the model, too.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    found = watch(model, image, target, patch, stride, fill, batch_size)
    whole_batches = found.numel() // batch_size * batch_size
    found.view(-1)[whole_batches:] = 0
    return found


@wrong(
    "occlusion_map_batched",
    "left in evaluation mode",
    "The model stays in evaluation mode. It should be as it was before.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size, restore=False)


@wrong(
    "occlusion_map_batched",
    "always put into training mode",
    "Afterwards the model is in training mode, whatever it was before. Look first: module.training.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size, restore="training")


@wrong(
    "occlusion_map_batched",
    "one mode for all modules",
    "model.train(…) sets all modules to one mode. A frozen normalisation has another one: restore module "
    "by module.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size, restore="whole")


@wrong(
    "occlusion_map_batched",
    "mode not restored after an error",
    "If the model raises an error, it stays in evaluation mode. try … finally restores it in any case.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size, always=False)


@wrong(
    "occlusion_map_batched",
    "mode ignored",
    "The model is watched in the mode in which it was: in training mode dropout and normalisation make "
    "the scores depend on chance and on the batch. Call model.eval() first.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    torch.manual_seed(0)
    return watch(model, image, target, patch, stride, fill, batch_size, evaluate=False)


@wrong(
    "occlusion_map_batched",
    "fill ignored",
    "The square is always black. It should have the value fill.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, 0.0, batch_size)


@wrong(
    "occlusion_map_batched",
    "stride ignored",
    "The stride makes no difference: the square should move on by stride pixels.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    need_place(image, patch, stride)
    return watch(model, image, target, patch, 1, fill, batch_size)


@wrong(
    "occlusion_map_batched",
    "patch and stride exchanged",
    "patch and stride are exchanged: patch is the side of the square, stride the step to the next place.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, stride, patch, fill, batch_size)


@wrong(
    "occlusion_map_batched",
    "picture covered for good",
    "The squares are written into the picture that was handed over (expand makes no copies): repeat or "
    "clone it.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    found = watch(model, image, target, patch, stride, fill, batch_size)
    corners, _ = places(image, patch, stride)
    for top, left in corners:
        image[:, top : top + patch, left : left + patch] = fill
    return found


@wrong(
    "occlusion_map_batched",
    "rows and columns exchanged",
    "Rows and columns of the map are exchanged: it should lie over the picture.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size).T.contiguous()


@wrong(
    "occlusion_map_batched",
    "a flat map",
    "The map is one long row. It should have one row for each row of places.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size).flatten()


@wrong(
    "occlusion_map_batched",
    "one map per class",
    "You return the drops of all classes. Only the class target is asked for.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    one = watch(model, image, target, patch, stride, fill, batch_size)
    return torch.stack([one, one], dim=-1)


@wrong(
    "occlusion_map_batched",
    "map made on the CPU",
    "The map is made without a device and filled in: it stays on the CPU. Give it `device=image.device`.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    found = watch(model, image, target, patch, stride, fill, batch_size)
    drops = torch.zeros(found.shape, dtype=found.dtype)
    drops[:] = found
    return drops


@wrong(
    "occlusion_map_batched",
    "mask made on the CPU",
    "The mask that covers a square is made without a device, so it is on the CPU: on a GPU your code stops. "
    "Give it `device=image.device`.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    whole = torch.ones(image.shape, dtype=image.dtype)
    return watch(model, image * whole, target, patch, stride, fill, batch_size)


@wrong(
    "occlusion_map_batched",
    "through NumPy",
    "`.numpy()` of a tensor on a GPU is an error. Stay with tensors, or fetch it first: `.cpu().numpy()`.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    found = watch(model, image, target, patch, stride, fill, batch_size)
    return torch.from_numpy(found.numpy()).to(image.device)


@wrong(
    "occlusion_map_batched",
    "a device of its own",
    'You send the picture to a GPU that you look for yourself (`"cuda" if torch.cuda.is_available()`). It is '
    "where the model is: leave it there.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image.to(own_gpu()), target, patch, stride, fill, batch_size)


@wrong(
    "occlusion_map_batched",
    "NumPy array returned",
    "You return a NumPy array. The map should be a tensor on the picture's device.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    return watch(model, image, target, patch, stride, fill, batch_size).cpu().numpy()


@wrong(
    "occlusion_map_batched",
    "bad squares accepted",
    "A square that does not fit, or has no size, and a stride below 1 make no sense. Raise a ValueError.",
)
def _(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    if patch >= 1 and stride >= 1 and patch <= min(image.shape[1:]):
        return watch(model, image, target, patch, stride, fill, batch_size)
    rows, columns = (max((size - patch) // (stride or 1) + 1, 0) for size in image.shape[1:])
    return torch.zeros(rows, columns, dtype=image.dtype)


def flat(features):
    return features.reshape(len(features), -1).astype(float)


def fit(train_x, train_y, l2, intercept=True, penalise_all=False):
    """Ridge regression on labels written as 0 and 1: the classes, their weights and intercepts."""
    x, classes = flat(train_x), np.unique(train_y)
    wanted = (train_y[:, None] == classes).astype(float)
    centre, spread = x.mean(axis=0) * intercept, np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    x = (x - centre) / spread
    base = wanted.mean(axis=0) * (intercept and not penalise_all)
    gram = x.T @ x + max(l2, 1e-9) * len(x) * np.eye(x.shape[1])
    weight = np.linalg.solve(gram, x.T @ (wanted - base))
    if penalise_all:
        base = wanted.mean(axis=0) / (1 + l2)
    return classes, centre, spread, weight, base


def guess(model, x):
    classes, centre, spread, weight, base = model
    return classes[((flat(x) - centre) / spread @ weight + base).argmax(axis=1)]


@wrong(
    "linear_probe",
    "intercept missing",
    "Your classifier has no intercept: its border runs through the origin. Add one, for instance as a "
    "column of ones.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(train_x, train_y, l2, intercept=False), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "intercept penalised",
    "The penalty pulls the intercept to 0 as well. It belongs to the weights only: leave the intercept "
    "out of it.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    classes = np.unique(train_y)
    wanted = (train_y[:, None] == classes).astype(float)
    x, test = (np.column_stack([flat(x), np.ones(len(x))]) for x in (train_x, test_x))
    weight = np.linalg.lstsq(
        np.vstack([x, l2**0.5 * np.eye(x.shape[1])]),
        np.vstack([wanted, np.zeros((x.shape[1], len(classes)))]),
        rcond=None,
    )[0]
    return float((classes[(test @ weight).argmax(axis=1)] == test_y).mean())


@wrong(
    "linear_probe",
    "fitted to the test set",
    "Your classifier is trained on the test set, so it knows the answers. Train on the training set only.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(test_x, test_y, l2), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "fitted to both sets",
    "Your classifier is trained on the test set as well. Keep it apart, or nobody knows what the features"
    " are worth.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    both = np.concatenate([flat(train_x), flat(test_x)]), np.concatenate([train_y, test_y])
    return float((guess(fit(*both, l2), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "accuracy on the training set",
    "You measure on the training set. The accuracy on the test set is wanted.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(train_x, train_y, l2), train_x) == train_y).mean())


@wrong(
    "linear_probe",
    "per cent",
    "The accuracy is in per cent. A number between 0 and 1 is wanted.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float(100 * (guess(fit(train_x, train_y, l2), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "errors counted",
    "You count how often the classifier is wrong. How often it is right is wanted.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(train_x, train_y, l2), test_x) != test_y).mean())


@wrong(
    "linear_probe",
    "a count, no share",
    "You return how many images are right. Divide by the number of test images.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(train_x, train_y, l2), test_x) == test_y).sum())


@wrong(
    "linear_probe",
    "divided by the training set",
    "You divide by the number of training images. The test images are the ones that were guessed.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(train_x, train_y, l2), test_x) == test_y).sum() / len(train_y))


@wrong(
    "linear_probe",
    "column number for label",
    "The number of the best column is taken for the label. Labels need not be 0, 1, 2, …: look the class up.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    classes, *rest = fit(train_x, train_y, l2)
    return float((guess((np.arange(len(classes)), *rest), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "labels taken for numbers",
    "You fit the label as a number, as if class 2 lay between 1 and 3. Each class needs a score of its own.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    x = np.column_stack([flat(train_x), np.ones(len(train_x))])
    weight = np.linalg.solve(x.T @ x + 1e-6 * np.eye(x.shape[1]), x.T @ train_y)
    guesses = np.round(np.column_stack([flat(test_x), np.ones(len(test_x))]) @ weight)
    return float((guesses == test_y).mean())


@wrong(
    "linear_probe",
    "volumes not flattened",
    "Only the first numbers of each volume are used. Flatten everything behind the first axis.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    if train_x.ndim > 2:
        train_x, test_x = (x.reshape(*x.shape[:2], -1)[:, 0] for x in (train_x, test_x))
    return float((guess(fit(train_x, train_y, l2), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "volumes averaged",
    "The volumes are averaged over their pixels. Flatten them: every number is a feature.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    if train_x.ndim > 2:
        train_x, test_x = (x.mean(axis=tuple(range(1, x.ndim)))[:, None] for x in (train_x, test_x))
    return float((guess(fit(train_x, train_y, l2), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "penalty ignored",
    "The penalty makes no difference: with a very large l2 the weights should go to 0.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return float((guess(fit(train_x, train_y, 1e-6), test_x) == test_y).mean())


@wrong(
    "linear_probe",
    "nearest neighbour",
    "This is no linear classifier: it compares with single training images. Fit weights and an intercept.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    distance = ((flat(test_x)[:, None] - flat(train_x)[None]) ** 2).sum(axis=2)
    return float((train_y[distance.argmin(axis=1)] == test_y).mean())


@wrong(
    "linear_probe",
    "test set standardised on its own",
    "The test set is centred and scaled by its own mean and spread, which moves it. Use those of the "
    "training set.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    classes, _, _, weight, base = fit(train_x, train_y, l2)
    x = flat(test_x)
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    return float((classes[(x @ weight + base).argmax(axis=1)] == test_y).mean())


@wrong(
    "linear_probe",
    "features standardised in place",
    "Your code standardises the features of the caller (`-=`, `/=`?). They are needed again: make new "
    "arrays.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    answer = float((guess(fit(train_x, train_y, l2), test_x) == test_y).mean())
    train_x -= train_x.mean(axis=0)
    return answer


@wrong(
    "linear_probe",
    "guesses returned",
    "You return the guesses. One number is wanted: how often they are right.",
)
def _(train_x, train_y, test_x, test_y, l2=1e-2):
    return guess(fit(train_x, train_y, l2), test_x)
