# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   title: "2 · Filters, fixed and learned"
#   course:
#     limits:
#       cell_seconds: 15
#       call_seconds: 5
#       total_seconds: 60
#       memory_mb: 1024
# ---

# %% [markdown]
# # 2 · Filters, fixed and learned
#
# A filter asks one question everywhere in a picture. In notebook 1 the questions came from nowhere. Here you
# first use filters that **people designed**, then let a filter **learn** its weights from pictures, and then
# look into a network that has learned all of its filters: what it sees, where it looks, and how it decides.
#
# **After it you can**
#
# - say what a kernel answers before you run it, and which way round it slides;
# - build the classic filters (Sobel, Gauss, a bank of directions) and apply them cheaply;
# - recover an unknown filter from a picture before and after, by gradient descent;
# - take the activations out of any PyTorch network and show them slice by slice;
# - find the pixels on which a prediction rests;
# - measure how far the classes are linearly separable, layer by layer.
#
# You need notebook 1, and what a derivative is.
#
# ## The way through
#
# | | section | you write | difficulty | minutes | points |
# |---:|---|---|:---:|---:|---:|
# | 1 | One filter slides over one picture | `correlate2d` | ★ | 20 | 7 |
# | 2 | The flip | `convolve2d` | ★ | 15 | 5 |
# | 3 | Where the brightness changes | `image_gradients` | ★★ | 20 | 6 |
# | 4 | Blur | `gaussian_kernel` | ★ | 15 | 4 |
# | 5 | Two thin filters for a wide one | `separate`, `filter_separable` | ★★ | 25 | 11 |
# | 6 | A filter for every direction | `oriented_filters` | ★★ | 20 | 7 |
# | 7 | A filter learns | `filter_loss`, `learn_filter` | ★★★ | 40 | 14 |
# | 8 | A picture of a filter bank | `filters_to_grid` | ★ | 15 | 5 |
# | 9 | Many filters at once, on the GPU | `learn_filter_bank` | ★★ | 25 | 7 |
# | 10 | A network learns its filters | (an experiment) | – | 15 | |
# | 11 | Look inside | `record_activations` | ★★ | 25 | 7 |
# | 12 | Which pixels matter | `occlusion_map`, `occlusion_map_batched` | ★★ | 30 | 12 |
# | 13 | Are the classes linearly separable? | `linear_probe` | ★★ | 25 | 6 |
# | 14 | Knowledge checks | four answers | ★ | 10 | 4 |
# | | your tables, compared with ours | – | | | 5 |
# | | **together** | | | **about 5 h** | **100** |
#
# ## How to work
#
# Run the cells from top to bottom (`Shift`+`Enter`). In each exercise, replace the line
# `raise NotImplementedError(...)` by your code. The cell below it checks your answer and tells you what is
# wrong. Hidden checks look at more cases later; their comments say at which. Stuck? Open one hint, try again,
# then open the next.
#
# ## The symbols
#
# | symbol | meaning |
# |---|---|
# | $x$ | a picture $(H, W)$, or a batch of volumes $(N, C, H, W)$ |
# | $\hat x$ | the same with zeros beyond its border |
# | $K$, $W$ | a kernel chosen by hand, and weights that are learned: $(k_h, k_w)$, or those of a layer |
# | $W_{23}$ | of a layer's weights: the kernel of filter 2 that reads input channel 3 |
# | $y$, $t$ | what the filter answers, what it should answer (the target) |
# | $L$, $\partial L/\partial W$ | the loss, a number; its gradient, in the shape of $W$ |
# | $\sigma$ | width of a Gaussian bell, in pixels |
#
# Colours mean the same in all figures: **input is blue, weights are orange, outputs are green, gradients are
# red.** In pictures of weights, positive ones are orange and negative ones purple.

# %% setup=true
import sys
from pathlib import Path

COURSE = "https://github.com/convolution-course/convolution-course"  # where Colab gets the course from

try:
    from utils import checks
except ImportError:
    if "google.colab" in sys.modules and not Path("/content/course").exists():
        import subprocess

        subprocess.run(["git", "clone", "--quiet", "--depth", "1", COURSE, "/content/course"], check=True)
    places = [Path.cwd(), *Path.cwd().parents, Path("/content/course")]
    course = next((place for place in places if (place / "utils" / "checks.py").is_file()), None)
    if course is None:
        raise ModuleNotFoundError(
            "The folder `utils` of the course was not found. Open this notebook inside the course's "
            f"folder (notebooks/02_filters/), or get the whole course from {COURSE}"
        ) from None
    sys.modules.pop("utils", None)  # somebody else's package of that name
    sys.path.insert(0, str(course))

from collections import OrderedDict
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from utils import (
    checks,
    datasets,
    devices,
    experiments,
    film,
    filter_drawings,
    pictures,
    plots,
    pretrained,
    progress,
    timing,
    training,
)

plots.use_style()
device = devices.default_device()
print(f"Ready. PyTorch will work on: {device}")

# %% [markdown]
# Before deep learning, people recognised pictures in four steps. They took the pixels, extracted *features*
# with filters that somebody had thought out, wrote all features into one long vector, and trained a **linear
# classifier** on the vector. Compare that with a ConvNet. **Which of the four steps has changed?**

# %% figure="draw_before_and_now" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_before_and_now(),
    alt="Two rows of four boxes. Before: pixels, features by filters made by hand and chosen by people, one "
    "long vector, a learned linear classifier. ConvNet: pixels, convolutional layers learned from pictures, "
    "one long vector, a learned linear classifier.",
)

# %% [markdown]
# Only the second, and only in one respect: *who* chooses the filters. The first half of this notebook is the
# upper row, the second half the lower one. We work on the photograph of notebook 1, in grey.

# %% given="photograph"
photo = pictures.photograph()  # (3, 150, 128), red, green and blue from 0 to 1
grey = photo.mean(axis=0)  # (150, 128)

# %% [markdown]
# ## 1 · One filter slides over one picture
#
# A kernel is zero, but for a single 1, to the *right* of its middle. It slides over a picture. **What happens
# to the picture: nothing, does it move to the right, or to the left?**

# %% figure="draw_single_one" tags=["keep-output"]
picture = np.array([[0, 0, 0, 0, 0], [0, 0, 9, 5, 0], [0, 0, 3, 1, 0], [0, 0, 0, 0, 0]])
right_of_middle = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0]])
plots.finish(
    filter_drawings.draw_kernel_on_image(
        picture, right_of_middle, None, ("picture 4 × 5", "kernel 3 × 3", "answer 4 × 5")
    ),
    alt="A blue grid of 4 by 5 numbers with 9, 5, 3, 1 in its middle, an orange kernel of 3 by 3 with a "
    "single "
    "1 to the right of its middle, and a green grid of question marks.",
)

# %% [markdown]
# **By hand.** Lay the kernel's middle on the pixel in row 1, column 1 (counted from 0), where a 0 stands. The
# 1 lies on its right neighbour, the 9. So the answer *there* is 9. Go on: every pixel receives what stood to
# its right, and the picture moves to the **left**. The last column receives what stands beyond the border,
# and we agree that this is 0.
#
# **The formula.** With $\hat x$ for the picture with zeros beyond its border,
#
# $$y_{ij} = \sum_{u=0}^{k_h-1}\;\sum_{v=0}^{k_w-1} \hat x_{\,i + u - \lfloor k_h/2 \rfloor,\;
# j + v - \lfloor k_w/2 \rfloor}\; K_{uv}$$
#
# - $x$ and $y$: $(H, W)$, the size stays;
# - $K$: $(k_h, k_w)$, both odd, so that there is a middle.
#
# This is the *cross-correlation*, the thing that convolutional layers compute. It is notebook 1's convolution
# with one channel, one filter, stride 1 and $p = \lfloor k/2 \rfloor$.
#
# ### Exercise: `correlate2d`
#
# ★ · 15 minutes · 7 points
#
# Write it in NumPy. The next sections use it on whole photographs, so loop over the few weights of the
# kernel rather than over the many pixels. The check compares size, dtype and every number, also at the border
# and for kernels that are not square.
#
# <details><summary>Hint 1: where do I start?</summary>
#
# Make a copy of the picture that is framed by zeros: half a kernel on each side. Half a kernel is `kh // 2`
# rows above and below, `kw // 2` columns left and right.
# </details>
# <details><summary>Hint 2: one weight, all pixels</summary>
#
# Take a single weight, in row $u$ and column $v$ of the kernel. Which part of the framed picture does it meet
# when the kernel's middle visits all pixels in turn? It is as large as the picture, and it begins at a place
# that depends on $u$ and $v$ only.
# </details>
# <details><summary>Hint 3: my picture loses its dtype, or the input changes</summary>
#
# Collect the sum in a fresh array that has the dtype of the picture. Adding to a slice of the input itself
# would change the input.
# </details>


# %% solution="correlate2d"
def correlate2d(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide a kernel over a picture, as it is, and sum up the products at every place.

    Args:
        image: float array (H, W). It is not modified.
        kernel: array (kh, kw); kh and kw are odd and may differ. Its middle lies on the pixel to be computed.

    Returns:
        a new array (H, W) with the dtype of image. Beyond the border the picture counts as zero.

    Raises:
        ValueError: with the numbers in the message, if kh or kw is even.
    """
    ### BEGIN SOLUTION
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"a kernel of {kh} x {kw} has no middle; both sizes must be odd")
    height, width = image.shape
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    answer = np.zeros(image.shape, image.dtype)
    for u in range(kh):
        for v in range(kw):
            answer += kernel[u, v] * padded[u : u + height, v : v + width]
    return answer
    ### END SOLUTION


# %% check="correlate2d" points=3
checks.run("correlate2d", correlate2d)

# %% hidden="correlate2d" points=4
# Hidden cases: kernels that are not square, larger than the picture, or of one pixel, float32, slices of
# larger arrays, inputs left as they were, and kernels of even size.
checks.run("correlate2d", correlate2d, hidden=True)

# %% [markdown]
# **Your function at work.** Five kernels, five questions. Mid-grey means 0 in the last two pictures.

# %% figure="five_kernels"
far_right = np.zeros((1, 33))
far_right[0, -1] = 1
mean = np.full((7, 7), 1 / 49)
sharper = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
spots = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]) / 8
brighter_above = np.array([[1], [0], [-1]])
plots.show_images(
    [
        grey,
        correlate2d(grey, far_right),
        correlate2d(grey, mean),
        correlate2d(grey, sharper),
        filter_drawings.signed(correlate2d(grey, spots)),
        filter_drawings.signed(correlate2d(grey, brighter_above)),
    ],
    [
        "the photo",
        "a single 1, far right:\nmoved to the left",
        "49 times 1/49:\nthe mean, blurred",
        "5 in the middle, −1 around:\nsharper",
        "8 in the middle, −1 around:\nsmall spots",
        "1 above, −1 below:\nbrighter above?",
    ],
    alt="The photo in grey and five answers: moved to the left with a black stripe at the right; blurred; "
    "sharper; small details on mid-grey; level edges on mid-grey.",
    height=2.9,
    columns=3,
)

# %% [markdown]
# **Measured: the sum of the weights.** Before you run a kernel, add up its weights. On a flat part of the
# picture, all pixels are alike, so the answer is the brightness *times that sum*. A kernel whose weights sum
# to 1 keeps the brightness; one whose weights sum to 0 does not answer to brightness at all, only to
# **change**. This table is computed by your function and compared with ours when the notebook is graded.

# %% regression="sum_of_the_weights"
flat, ramp = np.full((9, 11), 0.5), np.ones((9, 1)) * np.arange(11.0)
print("kernel                sum   on a flat 0.5   on a ramp: +1 per pixel to the right, at 5")
for name, kernel in (
    ("mean of 3 x 3", np.full((3, 3), 1 / 9)),
    ("sharper", np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])),
    ("spots", np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])),
    ("right minus left", np.array([[-1, 0, 1]])),
    ("above minus below", np.array([[1], [0], [-1]])),
):
    numbers = kernel.sum(), correlate2d(flat, kernel)[4, 5], correlate2d(ramp, kernel)[4, 5]
    total, even, steady = (round(float(number), 6) + 0.0 for number in numbers)  # no "-0"
    print(f"{name:20s} {total:4.0f} {even:15.2f} {steady:15.2f}")

# %% [markdown]
# Mean, sharper: the sum is 1, and both a flat part and a steady ramp come out as they were. Spots: the sum is
# 0, and neither is answered. Only *right minus left* notices the ramp.
#
# > **To sleep on.** In notebook 1 you doubled the brightness of a patch. Which of these five kernels answer
# > differently if you *add* 0.1 to every pixel instead? (Networks learn which kind they need: section 10.)

# %% [markdown]
# ## 2 · The flip
#
# A picture is black, but for a single white pixel. A filter slides over it. **What does it draw?**

# %% figure="draw_spot" tags=["keep-output"]
spot = np.zeros((5, 5))
spot[2, 2] = 1
numbered = np.arange(1, 10).reshape(3, 3)
plots.finish(
    filter_drawings.draw_kernel_on_image(
        spot, numbered, None, ("one white pixel", "kernel", "what does it draw?")
    ),
    alt="A blue grid of 5 by 5 zeros with a single 1 in its middle, an orange kernel with the numbers 1 "
    "to 9 in "
    "rows, and a green grid of question marks.",
)

# %% [markdown]
# **By hand.** Lay the kernel's middle on the pixel *above left* of the white one. Which weight lies on the
# white pixel? The one at the *lower right*, the 9. So 9 is drawn at the upper left. Go on, and you get
#
# $$\begin{bmatrix}9&8&7\\6&5&4\\3&2&1\end{bmatrix}$$
#
# the kernel, turned by 180°. Mathematicians did not like that. They turn the kernel *first*; then a spot
# draws the kernel as it is, like a stamp. That is the true **convolution**.
#
# **The formula.**
#
# $$(x * K)_{ij} = \sum_{u}\sum_{v}
# \hat x_{\,i - u + \lfloor k_h/2 \rfloor,\; j - v + \lfloor k_w/2 \rfloor}\;
# K_{uv}$$
#
# - $x$, $x * K$: $(H, W)$, and $K$: $(k_h, k_w)$, both odd.
#
# Compare with section 1: only the signs of $u$ and $v$ have changed. One reads the picture forwards while it
# reads the kernel forwards; the other reads one of the two backwards.
#
# ### Exercise: `convolve2d`
#
# ★ · 10 minutes · 5 points
#
# The check uses kernels without any symmetry, so that every wrong turn shows.
#
# <details><summary>Hint 1: how much is there to write?</summary>
#
# Very little. You have `correlate2d`, and the question above says what must happen to the kernel first.
# </details>
# <details><summary>Hint 2: 180°, not a mirror</summary>
#
# A mirror turns over one axis: left and right. Half a turn exchanges left and right *and* above and below.
# Transposing exchanges rows and columns: that is something else again.
# </details>
# <details><summary>Hint 3: slices that run backwards</summary>
#
# `a[::-1]` reads an array backwards along its first axis. How would you say that for two axes?
# </details>


# %% solution="convolve2d"
def convolve2d(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve a picture with a kernel as mathematicians do: turn the kernel by 180°, then correlate.

    Args:
        image: float array (H, W). It is not modified.
        kernel: array (kh, kw); kh and kw are odd and may differ. It is not modified.

    Returns:
        a new array (H, W) with the dtype of image. Beyond the border the picture counts as zero.

    Raises:
        ValueError: with the numbers in the message, if kh or kw is even.
    """
    ### BEGIN SOLUTION
    return correlate2d(image, kernel[::-1, ::-1])
    ### END SOLUTION


# %% check="convolve2d" points=2
checks.run("convolve2d", convolve2d)

# %% hidden="convolve2d" points=3
# Hidden cases: kernels without any symmetry and kernels that are not square, one bright pixel, float32,
# slices of larger arrays, inputs left as they were, and kernels of even size.
checks.run("convolve2d", convolve2d, hidden=True)

# %% [markdown]
# **Your function at work.** A picture with eight white pixels, and a kernel that looks like the letter F.

# %% figure="stamps"
letter = np.zeros((7, 5))
letter[:, 0] = letter[0] = letter[3, :4] = 1
stars = np.zeros((40, 64))
stars[[6, 9, 14, 18, 24, 27, 33, 32], [8, 44, 24, 56, 10, 38, 22, 53]] = 1
plots.show_images(
    [stars, 0.9 * np.pad(letter, 1), correlate2d(stars, letter), convolve2d(stars, letter)],
    ["the picture", "the kernel", "correlation", "convolution"],
    alt="White pixels on black; the letter F; the correlation draws an F standing on its head at each pixel; "
    "the convolution draws upright Fs.",
    height=2.0,
)

# %% [markdown]
# **The claim measured: with the turn, the order does not matter.** Two kernels $A$ and $B$, one after the
# other. A true convolution obeys $A * B = B * A$, as numbers do. A correlation does not. Where both are
# symmetric, nobody can tell. (Your functions keep the size, so the first kernel gets a wide frame of zeros.)

# %% regression="order_of_kernels"
first = np.pad(np.array([[1.0, 2, 0], [0, -1, 3], [4, 0, 1]]), 3)
second = np.array([[0.0, 1, 2], [5, -1, 0], [1, 0, -2]])
bell, mean = np.outer([1.0, 2, 1], [1, 2, 1]), np.ones((3, 3))
for name, function in (("correlation", correlate2d), ("convolution", convolve2d)):
    here = function(first, second)
    there = function(np.pad(second, 3), first[3:-3, 3:-3])
    alike = function(np.pad(bell, 3), mean), function(np.pad(mean, 3), bell)
    same = bool(np.abs(here - there).max() < 1e-9)
    turned = bool(np.abs(here - there[::-1, ::-1]).max() < 1e-9)
    print(f"{name}: A then B equals B then A: {same!s:5s}  equals it turned by 180°: {turned!s:5s}  ", end="")
    print(f"symmetric kernels: {bool(np.abs(alike[0] - alike[1]).max() < 1e-9)}")

# %% [markdown]
# **Does a network care?** No. Its weights are learned, and whoever turns them first learns them turned. So
# PyTorch leaves the turn out, and so does this course: *convolutional* layers correlate.
#
# > **To sleep on.** Backpropagation through a correlation needs the turn again. Where in notebook 1 did a
# > stamp draw a kernel as it is? (Section 11 there, and notebook 3.)

# %% [markdown]
# ## 3 · Where the brightness changes
#
# The lecture calls the kernel on the left a *vertical Sobel filter*. **To which of the two edges does it
# answer?**

# %% figure="draw_which_edge" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_which_edge(np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])),
    alt="The kernel with 1, 2, 1 in its upper row, zeros in the middle and -1, -2, -1 below; a picture "
    "with an "
    "upright edge, dark on the left and bright on the right; a picture with a level edge, bright above and "
    "dark below. An orange window lies on each edge.",
)

# %% [markdown]
# **By hand.** On the upright edge the window holds, row by row, $0.2, 0.2, 0.9$, three times the same. The
# upper row counts $0.2 + 2 \cdot 0.2 + 0.9 = 1.5$, the lower row $-1.5$. Together 0: the kernel sees nothing.
# On the level edge the upper row counts $4 \cdot 0.9 = 3.6$ and the lower one $-4 \cdot 0.2 = -0.8$: the
# answer is $2.8$.
#
# So "vertical" is the direction **in which the kernel differentiates**, from below to above. The edges that
# answer lie **across** that direction: they are level. Others call the same kernel *horizontal*, after the
# edges. Both names are in use, so better say what you mean: *the slope downwards*, *the slope to the right*.
# And mind the sign: used as a correlation, the lecture's kernel is positive where it is brighter *above*. We
# take the opposite sign, so that the slope is positive where the brightness **grows** along the axis.
#
# **The formula.** With the correlation of section 1, written $\star$,
#
# $$g_x = x \star \begin{bmatrix}-1&0&1\\-2&0&2\\-1&0&1\end{bmatrix}, \qquad
# g_y = x \star \begin{bmatrix}-1&-2&-1\\0&0&0\\1&2&1\end{bmatrix}, \qquad
# m = \sqrt{g_x^2 + g_y^2}, \qquad \theta = \operatorname{atan2}(g_y, g_x)$$
#
# All have the picture's shape, $(H, W)$. Rows are counted downwards, so $g_y$ is positive where it grows
# brighter *downwards*. $m$ says how steep the slope is, and $\theta$, in radians, in which direction it
# points: 0 to the right, $\pi/2$ downwards. The 2 in the middle smooths a little along the edge.
#
# ### Exercise: `image_gradients`
#
# ★★ · 10 minutes · 6 points
#
# The check looks at all four answers: edges in eight directions, their signs, the border, the dtype.
#
# <details><summary>Hint 1: how many kernels?</summary>
#
# Two, and one is the other with rows and columns exchanged.
# </details>
# <details><summary>Hint 2: one of my slopes has the wrong sign</summary>
#
# Test with a ramp: `np.arange(5.0)[None, :] * np.ones((4, 1))` grows to the right. Away from the border $g_x$
# must be $+8$ and $g_y$ must be 0. If the sign is wrong, did you convolve instead of correlate?
# </details>
# <details><summary>Hint 3: the angle</summary>
#
# Dividing $g_y$ by $g_x$ loses the quadrant, and fails where $g_x$ is 0. NumPy has the two-argument function;
# look up which argument comes first.
# </details>


# %% solution="image_gradients"
def image_gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The slope of the brightness at every pixel, by Sobel's two 3 x 3 filters.

    The weights are 1, 2, 1 along the edge and -1, 0, 1 across it, without any normalisation, used as a
    correlation with zeros beyond the border.

    Args:
        image: float array (H, W). It is not modified.

    Returns:
        (gx, gy, magnitude, angle), four arrays (H, W) with the dtype of image:
        gx is positive where the brightness grows to the right, gy where it grows downwards,
        magnitude is the length of the arrow (gx, gy), and angle its direction, arctan2(gy, gx), in radians.
    """
    ### BEGIN SOLUTION
    to_the_right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gx = correlate2d(image, to_the_right)
    gy = correlate2d(image, to_the_right.T)
    return gx, gy, np.hypot(gx, gy), np.arctan2(gy, gx)
    ### END SOLUTION


# %% check="image_gradients" points=2
checks.run("image_gradients", image_gradients)

# %% hidden="image_gradients" points=4
# Hidden cases: edges in all eight directions, pictures that are not square, the border, float32, slices of
# larger arrays, inputs left as they were.
checks.run("image_gradients", image_gradients, hidden=True)

# %% [markdown]
# **Your function at work.** A disc, so that all directions occur, and the photo. The colour of the last
# picture is the direction, its strength the magnitude.

# %% figure="gradients_at_work"
rows, columns = np.mgrid[:150, :128]
disc = np.clip(45.5 - np.hypot(rows - 75, columns - 64), 0, 1)
figure, axes = plt.subplots(2, 5, figsize=(11.5, 5.6))
for line, image in zip(axes, (disc, grey), strict=True):
    gx, gy, magnitude, angle = image_gradients(image)
    strength = np.clip(magnitude / np.quantile(magnitude, 0.98), 0, 1)[..., None]
    direction = 1 - strength * (1 - filter_drawings.DIRECTIONS((angle / np.pi / 2) % 1)[..., :3])
    shown = (image, filter_drawings.signed(gx), filter_drawings.signed(gy), 1 - strength[..., 0], direction)
    for ax, part in zip(line, shown, strict=True):
        ax.imshow(part, vmin=0, vmax=1, interpolation="nearest")
        ax.set_axis_off()
titles = ("picture", "$g_x$: grows to the right", "$g_y$: grows downwards", "magnitude", "direction")
for ax, title in zip(axes[0], titles, strict=True):
    ax.set_title(title)
plots.finish(
    figure,
    alt="A white disc and the photo, and for both: the slope to the right, white at left edges of bright "
    "things and black at right ones; the slope downwards; the magnitude, dark along all edges; and the "
    "direction as a colour that goes once round the disc.",
)

# %% [markdown]
# Level edges are missing in $g_x$, upright ones in $g_y$. The magnitude has them all, and in one strength.
#
# **The claim measured.** How well does such a small kernel know the direction of an edge? Here are soft edges
# in every direction, and the error of $\theta$ in their middle.

# %% figure="direction_error"
true = np.deg2rad(np.arange(0, 360, 3.0))
rows, columns = np.mgrid[-10:11, -10:11]
figure, ax = plt.subplots(figsize=(8.5, 3.4))
for softness, style in ((0.7, "-o"), (1.5, "--s"), (4.0, ":^")):
    found = []
    for direction in true:
        distance = columns * np.cos(direction) + rows * np.sin(direction)
        edge = 1 / (1 + np.exp(-np.clip(distance / softness, -50, 50)))
        found.append(image_gradients(edge)[3][10, 10])
    error = (np.array(found) - true + np.pi) % (2 * np.pi) - np.pi
    ax.plot(
        np.rad2deg(true),
        np.rad2deg(error),
        style,
        label=f"{softness:g} pixels",
        markersize=3.5,
        linewidth=1.5,
    )
ax.set_xlabel("true direction of the slope [degrees]")
ax.set_ylabel("error of the angle\n[degrees]")
ax.set_xticks(range(0, 361, 45))
ax.legend(title="softness of the edge", loc="center left", bbox_to_anchor=(1, 0.5))
plots.finish(
    figure,
    alt="Error of the angle against the true direction for three soft edges. It is zero at multiples of 45 "
    "degrees and swings between them; the softer the edge, the smaller the swing.",
)

# %% [markdown]
# The angle is right in the eight main directions and never far off between them: the harder the edge, the
# larger the error. The eight directions once more, on a ramp, as a table that is compared with ours:

# %% regression="eight_directions"
print("grows towards       gx     gy   magnitude   angle [degrees, 0 to 359]")
for name, down, right in (
    ("right", 0, 1),
    ("below right", 1, 1),
    ("below", 1, 0),
    ("below left", 1, -1),
    ("left", 0, -1),
    ("above left", -1, -1),
    ("above", -1, 0),
    ("above right", -1, 1),
):
    ramp = 0.1 * (down * np.arange(7.0)[:, None] + right * np.arange(9.0)) + 5
    gx, gy, magnitude, angle = (round(float(part[3, 4]), 6) + 0.0 for part in image_gradients(ramp))
    print(f"{name:15s} {gx:6.1f} {gy:6.1f} {magnitude:11.3f} {round(np.degrees(angle)) % 360:12d}")

# %% [markdown]
# > **To sleep on.** In a flat part of a picture both slopes are zero, and $\theta$ says nothing. What does it
# > say in a part that is *almost* flat, with a little noise? (Look at the wall behind her in the last
# > picture, and go on to section 4.)

# %% [markdown]
# ## 4 · Blur
#
# Add noise to a photo, and the slopes see noise everywhere: it changes from pixel to pixel. So blur first.
# **Does a blur of 7 × 7 take away half of the noise, six parts of seven, or nearly all of it?**

# %% figure="draw_noise" tags=["keep-output"]
noisy = grey + 0.2 * np.random.default_rng(0).normal(size=grey.shape)
row = F.pad(torch.tensor(noisy)[None, None], (1, 1, 1, 1), mode="replicate")
slope = F.conv2d(row, torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double()[None, None])[0, 0].numpy()
plots.show_images(
    [grey, noisy, filter_drawings.signed(slope)],
    ["the photo", "with noise of 0.2", "its slope to the right"],
    alt="The photo, the photo with strong noise, and the slope of the noisy photo, in which hardly an edge "
    "can be seen.",
)

# %% [markdown]
# A blur replaces each pixel by a weighted mean of its neighbourhood. Which weights? Equal ones would give a
# far pixel as much to say as the pixel itself, and one step further nothing. The **Gaussian bell** falls off
# gently, alike in all directions.
#
# **By hand.** $\sigma = 1$, three weights in a row. At the distances 1, 0, 1 stand $e^{-1/2} = 0.61$,
# $e^0 = 1$ and $0.61$. Their sum is $2.21$. Divided by it: $0.27,\; 0.45,\; 0.27$, and they sum to 1.
#
# **The formula.** With $c = \lfloor \text{size}/2 \rfloor$ for the middle,
#
# $$G_{uv} = \frac{1}{Z}\, \exp\left(-\frac{(u-c)^2 + (v-c)^2}{2\sigma^2}\right), \qquad
# Z \text{ such that } \sum_{uv} G_{uv} = 1$$
#
# - $G$: (size, size), size odd; $\sigma$: the width in pixels. The textbook's factor $1/2\pi\sigma^2$ is
#   *not* $1/Z$ once the bell is cut off and sampled.
#
# ### Exercise: `gaussian_kernel`
#
# ★ · 10 minutes · 4 points
#
# The check compares every weight, their sum, and what happens to bad arguments.
#
# <details><summary>Hint 1: distances from the middle</summary>
#
# One array holds the steps from the middle, for instance $-2, -1, 0, 1, 2$. You need it once along the rows
# and once along the columns.
# </details>
# <details><summary>Hint 2: from two rows to a square</summary>
#
# An array of shape `(size, 1)` and one of shape `(size,)` together give `(size, size)`.
# </details>
# <details><summary>Hint 3: the weights do not sum to 1</summary>
#
# Do not look for the right factor in advance. Compute the bell without any factor, then divide by what it
# sums to.
# </details>


# %% solution="gaussian_kernel"
def gaussian_kernel(size: int, sigma: float) -> np.ndarray:
    """A round bell that blurs a picture: weights that fall off with the distance from the middle.

    Args:
        size: rows and columns of the kernel, odd, at least 1.
        sigma: width of the bell in pixels (its standard deviation), above 0.

    Returns:
        array (size, size), float64, proportional to exp(-(distance / sigma)² / 2), where distance is counted
        in pixels from the middle; all weights together sum to 1.

    Raises:
        ValueError: with the numbers in the message, if size is even or below 1, or if sigma is not above 0.
    """
    ### BEGIN SOLUTION
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size is {size}; it must be odd and at least 1")
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}; it must be above 0")
    steps = np.arange(size) - size // 2
    bell = np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * sigma**2))
    return bell / bell.sum()
    ### END SOLUTION


# %% check="gaussian_kernel" points=2
checks.run("gaussian_kernel", gaussian_kernel)

# %% hidden="gaussian_kernel" points=2
# Hidden cases: wide and narrow bells, a bell wider than its kernel, size 1, and bad arguments.
checks.run("gaussian_kernel", gaussian_kernel, hidden=True)

# %% [markdown]
# **Your function at work.** The noisy photo, its blurs, and their slopes.

# %% figure="blur_at_work"
noisy = grey + 0.2 * np.random.default_rng(0).normal(size=grey.shape)
figure, axes = plt.subplots(2, 4, figsize=(11.5, 5.9))
for column, sigma in zip(axes.T, (0, 1, 2, 4), strict=True):
    blurred = correlate2d(noisy, gaussian_kernel(6 * sigma + 1, max(sigma, 1)))
    inside = (slice(12, 112), slice(14, 114))  # without the border: zeros were blurred into it
    steepness = image_gradients(blurred)[2][inside]
    column[0].imshow(blurred[inside], vmin=0, vmax=1, interpolation="nearest")
    column[0].set_title(f"σ = {sigma} pixels" if sigma else "no blur")
    column[1].imshow(-steepness / np.quantile(steepness, 0.985), vmin=-1, vmax=0, interpolation="nearest")
    for ax in column:
        ax.set_axis_off()
axes[1, 0].set_title("magnitude of the slope", fontsize=11)
plots.finish(
    figure,
    alt="Above, the noisy photo without blur and with three Gaussian blurs. Below, the magnitude of the "
    "slope: "
    "only noise without blur, clear outlines of the face at sigma 1 and 2, few thick outlines at sigma 4.",
)

# %% [markdown]
# Without a blur the outlines drown. With $\sigma = 2$ they are clear, with $\sigma = 4$ only the large ones
# are left. A larger $\sigma$ asks a larger question.
#
# **The claim measured.** How much noise is left? Theory says $1/(2\sqrt{\pi}\,\sigma)$ of it. And a mean of
# equal weights over as many pixels?

# %% figure="noise_left"
noise = np.random.default_rng(1).normal(size=(200, 200))
sigmas = np.array([0.5, 0.7, 1, 1.4, 2, 2.8, 4])
left = []
for sigma in sigmas:
    size = 2 * int(np.ceil(4 * sigma)) + 1
    left.append(correlate2d(noise, gaussian_kernel(size, sigma))[20:-20, 20:-20].std())
figure, ax = plt.subplots(figsize=(7, 3.6))
ax.loglog(sigmas, left, "o", color=plots.OUTPUT, markersize=9, label="measured")
ax.loglog(sigmas, 1 / (2 * np.sqrt(np.pi) * sigmas), "--", color=plots.GREY, label="1 / (2 √π σ)")
ax.set_xlabel("σ [pixels]")
ax.set_ylabel("noise left\n[share of its spread]")
ax.set_xticks(sigmas, [f"{sigma:g}" for sigma in sigmas])
ax.set_yticks([0.05, 0.1, 0.2, 0.5], ["5 %", "10 %", "20 %", "50 %"])
ax.minorticks_off()
ax.legend()
plots.finish(
    figure,
    alt="Share of the noise that is left against sigma, both axes logarithmic. The measured points lie on "
    "the "
    "theoretical line and fall from about 55 per cent at sigma 0.5 to 7 per cent at sigma 4.",
)

# %% [markdown]
# To the question above: 7 × 7 equal weights leave $1/\sqrt{49}$, one part in seven, so six of seven go. The
# bell's weights are not equal, and it needs $\sigma = 2$ for the same.
#
# One more property makes the bell special. Blur twice, with $\sigma_a$ and $\sigma_b$: what comes out is
# again a bell, and $\sigma^2 = \sigma_a^2 + \sigma_b^2$. The table measures the width of the doubly blurred
# spot.

# %% regression="two_blurs"
spot = np.zeros((61, 61))
spot[30, 30] = 1
steps = np.arange(61) - 30
print("sigma a  sigma b   width of both   root of the sum of squares   largest difference to one bell")
for a, b in ((1.0, 1.0), (1.5, 2.0), (3.0, 4.0), (2.0, 0.7)):
    both = correlate2d(correlate2d(spot, gaussian_kernel(31, a)), gaussian_kernel(31, b))
    width = np.sqrt((both * steps**2).sum() / both.sum())
    single = gaussian_kernel(61, np.hypot(a, b))
    below = bool(np.abs(both - single).max() < 0.02 * single.max())
    print(f"{a:7.1f} {b:8.1f} {width:15.2f} {np.hypot(a, b):20.2f}              below 2 %: {below}")

# %% [markdown]
# The widths agree. So blurring in small steps and blurring at once are the same thing.
#
# > **To sleep on.** Every blur of the photo needs a large kernel: for $\sigma = 4$ it was 25 × 25, 625
# > multiplications for each pixel. Could many small blurs do the work of a large one? How many of
# > $\sigma = 1$ make one of $\sigma = 4$?

# %% [markdown]
# ## 5 · Two thin filters for a wide one
#
# A kernel of 15 × 15 costs 225 multiplications for each pixel. **Some such kernels can be had for 30. What
# must be special about them?**

# %% figure="draw_outer_product" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_outer_product(
        np.array([1, 2, 1]), np.array([-1, 0, 1]), "each weight: column times row"
    ),
    alt="A multiplication table: the column 1, 2, 1 on the left, the row -1, 0, 1 above, and their products "
    "inside, which are Sobel's kernel.",
)

# %% [markdown]
# They are **multiplication tables**. Sobel's kernel is one: a column that smooths, times a row that
# differentiates. Then the sum over all weights can be taken in two steps, first along the columns, then along
# the rows, and the second step uses what the first has found.
#
# **By hand.** Is this one a table, too?
#
# $$\begin{bmatrix}2&4&6\\1&2&3\end{bmatrix} \qquad \begin{bmatrix}0&1&0\\1&1&1\\0&1&0\end{bmatrix}$$
#
# The first: each row is a multiple of $(2, 4, 6)$, the first once, the second half a time. So the column is
# $(1, \tfrac12)$ and the row $(2, 4, 6)$. Or the column $(2, 1)$ and the row $(1, 2, 3)$: it is the same
# table. The plus sign: $(1, 1, 1)$ is no multiple of $(0, 1, 0)$, so there is no such column.
#
# **The formula.** A kernel is *separable* if
#
# $$K_{uv} = a_u\, b_v, \qquad \text{then} \qquad x \star K = (x \star a) \star b^{\mathsf T}$$
#
# - $a$: $(k_h)$, a column; $b$: $(k_w)$, a row; $K$: $(k_h, k_w)$;
# - $k_h k_w$ multiplications for each pixel become $k_h + k_w$.
#
# In the language of matrices, $K$ has **rank 1**. (A kernel of zeros has rank 0 and is a table as well.)
#
# ### Exercise: `separate`
#
# ★★ · 10 minutes · 6 points
#
# The check multiplies your column and row and compares with the kernel. How you share out size and sign
# between them is up to you. It also tries kernels that are *almost* tables.
#
# <details><summary>Hint 1: a row to start from</summary>
#
# In a table every row is a multiple of every other. Which one do you take as *the* row? Not simply the
# first: it may be all zeros.
# </details>
# <details><summary>Hint 2: is it a table at all?</summary>
#
# Build the table from your column and row and compare it with the kernel. Allow for rounding errors, measured
# against the kernel's largest weight: a kernel may be tiny, or huge.
# </details>
# <details><summary>Hint 3: the tool for it</summary>
#
# The *singular value decomposition*, `np.linalg.svd`, writes every matrix as a sum of tables, the strongest
# first, and says how strong each is. What do the strengths of a rank-1 matrix look like? Where does the first
# strength itself belong: to the column, to the row, to both?
# </details>


# %% solution="separate"
def separate(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Take a kernel apart into one column and one row, where that is possible.

    Args:
        kernel: array (kh, kw). It is not modified.

    Returns:
        (column, row), arrays of kh and of kw numbers with np.outer(column, row) equal to the kernel up to
        rounding (compared with the kernel's largest weight); how size and sign are shared out between the two
        is free. None where no such pair exists (the kernel's rank is above 1).
    """
    ### BEGIN SOLUTION
    columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)
    if sizes[1:].sum() > 1e-5 * sizes[0]:
        return None
    return columns[:, 0] * sizes[0], rows[0]
    ### END SOLUTION


# %% check="separate" points=2
checks.run("separate", separate)

# %% hidden="separate" points=4
# Hidden cases: kernels that are not square, with negative numbers, with zeros in the first row and column,
# of one row or one column, nearly separable, not separable, nothing but zeros, and in float32.
checks.run("separate", separate, hidden=True)

# %% [markdown]
# ### Exercise: `filter_separable`
#
# ★ · 5 minutes · 5 points
#
# Two thin correlations, one after the other. Do not build the wide kernel: the check looks at how your work
# grows with the length of the two.
#
# <details><summary>Hint 1: thin kernels</summary>
#
# A column is a kernel of shape `(kh, 1)`, a row one of shape `(1, kw)`. Your `correlate2d` takes kernels that
# are not square.
# </details>
# <details><summary>Hint 2: which shape comes in?</summary>
#
# The column may arrive as `(kh,)` or `(kh, 1)`. `np.reshape(a, (-1, 1))` does not mind.
# </details>
# <details><summary>Hint 3: which first?</summary>
#
# Does the order matter? Write the two sums one inside the other, and exchange them.
# </details>


# %% solution="filter_separable"
def filter_separable(image: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Correlate a picture with the kernel np.outer(column, row), without ever making that kernel.

    Args:
        image: float array (H, W). It is not modified.
        column: kh weights from top to bottom, kh odd; shape (kh,) or (kh, 1).
        row: kw weights from left to right, kw odd; shape (kw,) or (1, kw).

    Returns:
        a new array (H, W) with the dtype of image. Beyond the border the picture counts as zero. The work is
        kh + kw multiplications per pixel, not kh * kw.

    Raises:
        ValueError: with the numbers in the message, if kh or kw is even.
    """
    ### BEGIN SOLUTION
    return correlate2d(correlate2d(image, np.reshape(column, (-1, 1))), np.reshape(row, (1, -1)))
    ### END SOLUTION


# %% check="filter_separable" points=2
checks.run("filter_separable", filter_separable)

# %% hidden="filter_separable" points=3
# Hidden cases: a column and a row of different lengths, without symmetry, float32, slices of larger arrays,
# inputs left as they were, even lengths, and how the work grows with the kernel.
checks.run("filter_separable", filter_separable, hidden=True)

# %% [markdown]
# **Your functions at work.** Four kernels. What `separate` finds is drawn as a column and a row beside it.

# %% figure="separated"
disc = (np.hypot(*np.mgrid[-7:8, -7:8]) < 7.2).astype(float)
slope = np.arange(-7, 8) * gaussian_kernel(15, 2.5)
kernels = {
    "Gauss, σ = 2.5": gaussian_kernel(15, 2.5),
    "its slope to the right": slope,
    "mean of a square": np.ones((15, 15)),
    "mean of a disc": disc,
}
figure, axes = plt.subplots(2, 8, figsize=(11.5, 3.2), width_ratios=[1, 6] * 4, height_ratios=[1, 6])
for k, (name, kernel) in enumerate(kernels.items()):
    parts = separate(kernel)
    corner, above, beside, middle = axes[0, 2 * k], axes[0, 2 * k + 1], axes[1, 2 * k], axes[1, 2 * k + 1]
    for ax in (corner, above, beside):
        ax.set_axis_off()
    filter_drawings.show_weights(middle, kernel)
    middle.set_xlabel(name)
    if parts is None:
        above.text(0.5, 0.3, "not separable", ha="center", va="center", transform=above.transAxes)
    else:
        sign = 1 if np.sum(parts[0]) >= 0 else -1  # minus times minus: both signs are right
        filter_drawings.show_weights(beside, sign * np.reshape(parts[0], (-1, 1)))
        filter_drawings.show_weights(above, sign * np.reshape(parts[1], (1, -1)))
        beside.set_axis_on()
        above.set_axis_on()
plots.finish(
    figure,
    alt="Four kernels of 15 by 15: the Gaussian bell, its slope and the square mean, each with its column "
    "and "
    "row; the disc is marked as not separable.",
)

# %% [markdown]
# **The claim measured.** Both ways give the same picture. What do they cost?

# %% figure="cost_of_width"
widths = [3, 7, 15, 31] if devices.quick() else [3, 5, 7, 11, 15, 23, 31]
wide, thin, different = [], [], 0.0
for width in widths:
    kernel = gaussian_kernel(width, width / 5)
    column, line = separate(kernel)
    together = correlate2d(grey, kernel), filter_separable(grey, column, line)
    different = max(different, float(np.abs(together[0] - together[1]).max()))
    wide.append(timing.measure(correlate2d, grey, kernel, label=f"wide kernel, {width}", repeats=11))
    thin.append(
        timing.measure(filter_separable, grey, column, line, label=f"thin kernels, {width}", repeats=25)
    )
figure, ax = plt.subplots(figsize=(7.5, 3.8))
ax.loglog(widths, 1e3 * np.array(wide), "-o", color=plots.SERIES[0], label="one wide kernel")
ax.loglog(widths, 1e3 * np.array(thin), "--s", color=plots.SERIES[1], label="column, then row")
ax.set_xlabel("width of the kernel [pixels]")
ax.set_ylabel("time for the photo [ms]")
ax.set_xticks(widths, [str(width) for width in widths])
ax.minorticks_off()
ax.legend()
plots.finish(
    figure,
    alt="Time against the width of the kernel, both axes logarithmic. The wide kernel rises twice as "
    "steeply as "
    "column and row; at 31 pixels it takes about ten times as long.",
)
print(f"largest difference of the two answers below 1e-5: {different < 1e-5}")
print(f"at {widths[-1]} pixels: about {wide[-1] / thin[-1]:.0f} times faster")

# %% [markdown]
# The time of the wide kernel grows with the square of the width, that of the two thin ones with the width
# itself. Which of the well-known kernels are separable? Your `separate` says it:

# %% regression="separable_kernels"
column, row = np.array([1.0, 2, 1]), np.array([-1.0, 0, 1])
print("kernel                size      separable   multiplications per pixel")
for name, kernel in (
    ("Sobel", np.outer(column, row)),
    ("Gauss", gaussian_kernel(15, 2.5)),
    ("mean of a rectangle", np.ones((5, 9))),
    ("sharper", np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]])),
    ("spots", np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])),
    ("ramp to below right", np.add.outer(np.arange(-3.0, 4), np.arange(-3.0, 4))),
    ("one diagonal", np.eye(7)),
):
    kh, kw = kernel.shape
    parts = separate(kernel)
    if parts is not None and not np.abs(np.outer(*parts) - kernel).max() < 1e-6:
        print(f"{name}: column times row is not the kernel")
    cost = kh * kw if parts is None else kh + kw
    print(f"{name:20s} {kh:2d} × {kw:2d}   {'no' if parts is None else 'yes':9s} {cost:4d}")

# %% [markdown]
# > **To sleep on.** A kernel of rank 2 is a sum of two tables. What would it cost? And what is the largest
# > rank that still pays off for 15 × 15? (Networks do something similar: two 3 × 3 layers in place of one
# > 5 × 5, notebook 4.)

# %% [markdown]
# ## 6 · A filter for every direction
#
# An edge may have any direction. Sobel has two filters. **How many filters do you need, so that at least one
# of them answers every edge almost fully: 2, 8 or 360?**

# %% figure="draw_rose" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_rose(8),
    alt="Eight orange arrows in steps of 22.5 degrees, from 0, to the right, over 90, downwards, to 157.5. "
    "The opposite directions are only dotted.",
)

# %% [markdown]
# Half of the circle is enough: an edge that grows in the opposite direction gives the same number with the
# other sign. And a filter also answers edges that are a little askew.
#
# **By hand.** An edge whose slope points to the angle $\varphi$, and a filter for the angle $\theta$: the
# answer is the full one times $\cos(\varphi - \theta)$. With 8 filters the nearest is at most
# $22.5°/2 = 11.25°$ away, and $\cos 11.25° = 0.98$. So eight do it. With the two of Sobel it may be
# $\cos 45° = 0.71$.
#
# **The formula.** Take the Gaussian bell, and its slope in the direction $\theta_k$. With
# $\theta_k = k \cdot 180°/n$, columns $v$ and rows $u$ counted from the middle,
#
# $$F_k(u, v) = \frac{1}{Z_k}\,\bigl(v \cos\theta_k + u \sin\theta_k\bigr)\;
# \exp\left(-\frac{u^2 + v^2}{2\sigma^2}\right), \qquad Z_k \text{ such that } \sum_{uv} F_k(u,v)^2 = 1$$
#
# - $k = 0, \dots, n-1$, and the bank has the shape $(n, 1, \text{size}, \text{size})$: $n$ filters of one
#   channel, ready for a convolutional layer;
# - positive where the brightness *grows* in the direction $\theta_k$, as in section 3.
#
# ### Exercise: `oriented_filters`
#
# ★★ · 15 minutes · 7 points
#
# The check looks at shape, sums, norms, directions, signs and the width.
#
# <details><summary>Hint 1: how far along the direction?</summary>
#
# The bracket in the formula is how far a pixel lies from the middle, measured *along* $\theta$: all to the
# right for 0°, all downwards for 90°. Two small arrays of steps, one as a row and one as a column, give it
# for all pixels at once.
# </details>
# <details><summary>Hint 2: a loop or an extra axis</summary>
#
# Loop over the angles and stack the filters. Or give the angles the shape `(n, 1, 1)`, and the rest happens
# by itself.
# </details>
# <details><summary>Hint 3: the norm</summary>
#
# Divide each filter by the root of the sum of its *own* squares. The sum of the weights needs no care: why is
# it 0?
# </details>


# %% solution="oriented_filters"
def oriented_filters(n: int, size: int, sigma: float) -> np.ndarray:
    """A bank of edge filters that differ only in their direction: slopes of a Gaussian bell.

    Args:
        n: number of filters, at least 1. Filter k looks in the direction k * 180° / n, turned from
            "to the right" towards "downwards"; the other half of the circle would only change the sign.
        size: rows and columns of each filter, odd, at least 3.
        sigma: width of the bell in pixels, above 0.

    Returns:
        array (n, 1, size, size), float64. Used as a correlation, filter k answers most strongly, and with a
        positive number, where the brightness grows in its direction. Every filter is odd (turning it by 180°
        changes its sign), so its weights sum to 0; the squares of its weights sum to 1.

    Raises:
        ValueError: with the numbers in the message, if n is below 1, if size is even or below 3, or if sigma
            is not above 0.
    """
    ### BEGIN SOLUTION
    if n < 1 or size < 3 or size % 2 == 0 or not sigma > 0:
        raise ValueError(f"bad n {n}, size {size} or sigma {sigma}")
    angles = np.pi * np.arange(n)[:, None, None] / n
    steps = np.arange(size) - size // 2
    along = np.cos(angles) * steps + np.sin(angles) * steps[:, None]  # (n, size, size)
    filters = along * np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * sigma**2))
    filters /= np.sqrt((filters**2).sum(axis=(1, 2), keepdims=True))
    return filters[:, None]
    ### END SOLUTION


# %% check="oriented_filters" points=3
checks.run("oriented_filters", oriented_filters)

# %% hidden="oriented_filters" points=4
# Hidden cases: other numbers of filters, sizes and widths: sums, norms, symmetry, directions and signs, which
# edge each filter prefers, and bad arguments.
checks.run("oriented_filters", oriented_filters, hidden=True)

# %% [markdown]
# **Your filters at work.** Eight of them, and which one answers most strongly in the photo.

# %% figure="bank_at_work"
bank = oriented_filters(8, 11, 1.6)
answers = np.stack([correlate2d(grey, one[0])[6:-6, 6:-6] for one in bank])  # without the dark border
strongest, strength = np.abs(answers).argmax(axis=0), np.abs(answers).max(axis=0)
figure = plt.figure(figsize=(11.5, 4.6))
left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1])
tiles = left.subplots(3, 4, height_ratios=[1, 1, 1.3])
for k, one in enumerate(bank):
    filter_drawings.show_weights(tiles.flat[k], one[0], f"{k * 22.5:g}°")
for ax, k in zip(tiles[2], (0, 2, 4, 6), strict=True):
    ax.imshow(filter_drawings.signed(answers[k]), vmin=0, vmax=1)
    ax.set_title(f"answer at {k * 22.5:g}°", fontsize=11)
    ax.set_axis_off()
ax = right.subplots()
cyclic = filter_drawings.DIRECTIONS
weight = np.clip(strength / np.quantile(strength, 0.97), 0, 1)[..., None]
shown = 1 - weight * (1 - cyclic(strongest / 8)[..., :3])
ax.imshow(shown, interpolation="nearest")
ax.set_title("colour: the filter that answers most")
ax.set_axis_off()
scale = right.colorbar(
    plt.cm.ScalarMappable(plt.Normalize(0, 180), cyclic), ax=ax, shrink=0.8, label="direction [degrees]"
)
scale.set_ticks(range(0, 181, 45))
plots.finish(
    figure,
    alt="Eight filters, each half orange and half purple, turned in steps of 22.5 degrees; four answers "
    "to the "
    "photo, each with the edges across its direction; and the photo's edges coloured by the filter that "
    "answers "
    "most.",
)

# %% [markdown]
# **The claim measured.** Turn an edge once round, and ask the bank at each angle.

# %% figure="tuning"
turned = np.arange(0, 361, 3.0)
rows, columns = np.mgrid[-7:8, -7:8]
edges = []
for direction in np.deg2rad(turned):
    distance = columns * np.cos(direction) + rows * np.sin(direction)
    edges.append(np.clip(0.5 + distance, 0, 1))
edges = np.stack(edges)
figure, axes = plt.subplots(1, 2, figsize=(11.5, 3.6), sharey=True)
for ax, n in zip(axes, (2, 8), strict=True):
    answers = np.abs(np.einsum("auv,kuv->ak", edges, oriented_filters(n, 15, 2.0)[:, 0]))
    answers /= answers.max()
    for k in range(n):
        ax.plot(turned, answers[:, k], color=plots.tint(plots.OUTPUT, 0.45), linewidth=1.2)
    ax.plot(turned, answers.max(axis=1), color=plots.OUTPUT, linewidth=3.5)
    ax.set_title(f"{n} filters: the best one gives at least {answers.max(axis=1).min():.0%}")
    ax.set_xlabel("direction of the edge [degrees]")
    ax.set_xticks(range(0, 361, 90))
axes[0].set_ylabel("size of the answer\n[share of the largest]")
axes[0].plot([], [], color=plots.tint(plots.OUTPUT, 0.45), linewidth=1.2, label="each filter")
axes[0].plot([], [], color=plots.OUTPUT, linewidth=3.5, label="the largest of them")
axes[0].legend(loc="lower center", ncols=2)
axes[0].set_ylim(0, 1.08)
plots.finish(
    figure,
    alt="Answers of 2 and of 8 filters against the direction of an edge, as arches. The largest of 2 "
    "falls to "
    "about 70 per cent between them, the largest of 8 is almost constant.",
)

# %% [markdown]
# The answer of one filter depends on the direction; the **largest of eight** hardly does. Taking the largest
# over channels is a kind of pooling, and it makes a detector *for any edge, regardless of its orientation*.
# Notebook 3 builds it.

# %% regression="best_of_n"
turned = np.deg2rad(np.arange(0, 360, 1.0))[:, None, None]
rows, columns = np.mgrid[-6:7, -6:7]
edges = np.clip(0.5 + columns * np.cos(turned) + rows * np.sin(turned), 0, 1)  # (360, 13, 13)
print("filters   the best one gives at least   cosine of half a step")
for n in (1, 2, 4, 8, 16):
    answers = np.abs(edges.reshape(360, -1) @ oriented_filters(n, 13, 1.8).reshape(n, -1).T)
    print(f"{n:5d} {answers.max(axis=1).min() / answers.max():20.0%} {np.cos(np.pi / 2 / n) + 0.0:24.0%}")

# %% [markdown]
# > **To sleep on.** The filter for 30° is $\cos 30°$ times the filter for 0° plus $\sin 30°$ times the one
# > for 90°: look at the formula. So two filters *know* everything that eight say. What do the eight have that
# > the two have not? (Think of what a network can do with a ReLU and a maximum.)

# %% [markdown]
# ## 7 · A filter learns
#
# Somebody took a picture (left), slid a kernel over it, and got the picture on the right. **Which kernel was
# it?** Look for a zero on the right, and ask what is special there on the left.

# %% figure="draw_which_kernel" tags=["keep-output"]
before = np.array([[2, 2, 3, 3, 1, 0], [1, 1, 4, 5, 5, 0], [0, 0, 0, 2, 4, 3], [1, 2, 3, 4, 5, 5]])
secret = torch.tensor([[0.0, 0, 0], [0, -1, 1], [0, 0, 0]])
after = F.conv2d(torch.tensor(before).float()[None, None], secret[None, None], padding=1)[0, 0].numpy()
plots.finish(
    filter_drawings.draw_kernel_on_image(before, None, after, ("before", "which kernel?", "after")),
    alt="A grid of numbers before, a kernel of nine question marks, and a grid of numbers after. The "
    "answer is "
    "zero where a number has an equal one to its right.",
)

# %% [markdown]
# It is *the right neighbour minus the pixel itself*. You found it by guessing and testing. A computer can do
# that, too, if each test says in which direction to guess next.
#
# **By hand.** The smallest case: a picture of two pixels $x = (1, 2)$, a kernel of a single weight $w$, and
# the target $t = (3, 6)$. Start with $w = 1$. The answer is $(1, 2)$, the error answer minus target
# $(-2, -4)$, the loss $(4 + 16)/2 = 10$. If $w$ grows a little, the answers grow by $x$: so the loss changes
# by $2 \cdot \tfrac12(-2 \cdot 1 - 4 \cdot 2) = -10$ per unit of $w$. That is the gradient; it says *grow*.
# One step with the learning rate $0.1$: $w = 1 - 0.1 \cdot (-10) = 2$. The next: the gradient is $-5$, and
# $w = 2.5$. Then $2.75$, $2.875$, … towards 3.
#
# **The formula.** With $y = x \star W$ and $P = H \cdot W$ pixels,
#
# $$L = \frac{1}{P} \sum_{ij} (y_{ij} - t_{ij})^2, \qquad
# \frac{\partial L}{\partial W_{uv}} = \frac{2}{P} \sum_{ij} (y_{ij} - t_{ij})\;
# \hat x_{\,i + u - \lfloor k_h/2\rfloor,\; j + v - \lfloor k_w/2\rfloor}$$
#
# - $x, y, t$: $(H, W)$; $L$: a number; $\partial L/\partial W$: $(k_h, k_w)$, like the weights.
#
# Where does the second formula come from? $y_{ij}$ is a sum in which $W_{uv}$ appears once, with one pixel of
# $\hat x$ as its factor. So the gradient asks: *how well does the error agree with the picture, shifted as
# this weight sees it?*
#
# ### Exercise: `filter_loss`
#
# ★★★ · 20 minutes · 8 points
#
# The check compares loss and gradient: filters and pictures that are not square, and the border.
#
# <details><summary>Hint 1: the order of work</summary>
#
# Answer, error, loss; all three are one line each. The gradient needs the error and the framed picture.
# </details>
# <details><summary>Hint 2: one weight of the gradient</summary>
#
# In `correlate2d` the weight in row $u$, column $v$ met a part of the framed picture as large as the picture.
# Its gradient is a mean over all pixels of the error times the *same* part, and a factor that squares leave
# behind.
# </details>
# <details><summary>Hint 3: is my gradient right?</summary>
#
# Ask the definition. Change one weight by `1e-6`, and see by how much the loss has changed. Divided by
# `1e-6`, that must be the gradient of this weight, up to about six digits.
# </details>


# %% solution="filter_loss"
def filter_loss(x: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """How far a filter's answer is from the wanted picture, and in which direction each weight should not go.

    Args:
        x: float array (H, W), the input picture. Not modified.
        target: array (H, W), the picture that the filter should make of it. Not modified.
        weight: array (kh, kw), the filter, both sizes odd. Not modified.

    Returns:
        (loss, gradient): the mean over all pixels of (answer - target)², where answer is the correlation of x
        with weight (same size, zeros beyond the border), and its derivative by each weight, (kh, kw), with
        the dtype of x.

    Raises:
        ValueError: with the numbers in the message, if kh or kw is even.
    """
    ### BEGIN SOLUTION
    kh, kw = weight.shape
    height, width = x.shape
    error = correlate2d(x, weight) - target
    padded = np.pad(x, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    gradient = np.empty(weight.shape, x.dtype)
    for u in range(kh):
        for v in range(kw):
            gradient[u, v] = 2 * (error * padded[u : u + height, v : v + width]).mean()
    return float((error**2).mean()), gradient
    ### END SOLUTION


# %% check="filter_loss" points=3
checks.run("filter_loss", filter_loss)

# %% hidden="filter_loss" points=5
# Hidden cases: filters that are not square, pictures that are not square, a filter that is right already,
# the border, float32, slices of larger arrays, inputs left as they were.
checks.run("filter_loss", filter_loss, hidden=True)

# %% [markdown]
# ### Exercise: `learn_filter`
#
# ★ · 5 minutes · 6 points
#
# Gradient descent: start at zero, and take `steps` steps
# $W \leftarrow W - \text{lr} \cdot \partial L/\partial W$. The check compares the weights after no step,
# after one and after many.
#
# <details><summary>Hint 1: what is kept from step to step?</summary>
#
# Only the weights. Loss and gradient are computed anew in every step; the loss itself is not needed.
# </details>
# <details><summary>Hint 2: my loss grows</summary>
#
# Against the gradient, not along it: look at the sign.
# </details>
# <details><summary>Hint 3: the dtype</summary>
#
# `np.zeros(shape)` makes float64. The weights should have the dtype of the picture.
# </details>


# %% solution="learn_filter"
def learn_filter(x: np.ndarray, target: np.ndarray, kernel_size: int, steps: int, lr: float) -> np.ndarray:
    """Find the filter that turns x into target, by gradient descent from a filter of zeros.

    Args:
        x: float array (H, W), the input picture. Not modified.
        target: array (H, W), the picture that the filter should make of it. Not modified.
        kernel_size: rows and columns of the filter, odd.
        steps: number of steps; each goes against the gradient of `filter_loss` over the whole picture.
        lr: learning rate, the length of a step in gradients.

    Returns:
        the weights after the last step, array (kernel_size, kernel_size) with the dtype of x.

    Raises:
        ValueError: with the number in the message, if kernel_size is even.
    """
    ### BEGIN SOLUTION
    weight = np.zeros((kernel_size, kernel_size), x.dtype)
    for _ in range(steps):
        _, gradient = filter_loss(x, target, weight)
        weight -= lr * gradient
    return weight
    ### END SOLUTION


# %% check="learn_filter" points=2
checks.run("learn_filter", learn_filter)

# %% hidden="learn_filter" points=4
# Hidden cases: no step, one step, many steps, other sizes and learning rates, a filter without symmetry,
# float32, inputs left as they were.
checks.run("learn_filter", learn_filter, hidden=True)

# %% [markdown]
# **Is the gradient right?** Before anybody descends, compare it with difference quotients of the loss itself.
# The table is compared with ours.

# %% regression="gradient_and_quotient"
numbers = np.random.default_rng(0)
print("picture   filter   loss       gradient agrees with the quotient   zero at the right filter")
for (h, w), (kh, kw) in (((6, 9), (3, 3)), ((8, 5), (1, 5)), ((7, 7), (5, 3))):
    x, weight, right = (
        numbers.normal(size=(h, w)),
        numbers.normal(size=(kh, kw)),
        numbers.normal(size=(kh, kw)),
    )
    target = correlate2d(x, right)
    loss, gradient = filter_loss(x, target, weight)
    quotient = np.zeros((kh, kw))
    for u, v in np.ndindex(kh, kw):
        there, back = weight.copy(), weight.copy()
        there[u, v] += 1e-5
        back[u, v] -= 1e-5
        quotient[u, v] = (filter_loss(x, target, there)[0] - filter_loss(x, target, back)[0]) / 2e-5
    agrees = bool(np.abs(gradient - quotient).max() < 1e-6)
    still = bool(np.abs(filter_loss(x, target, right)[1]).max() < 1e-12)
    print(f"{h} × {w}     {kh} × {kw}  {loss:7.3f}       {agrees!s:35s} {still}")

# %% [markdown]
# **Your functions at work: Sobel, recovered.** The input is the photo, made smaller and brought to mean 0 and
# variance 1. The target is what the lecture's kernel makes of it. Your `learn_filter` never sees that kernel,
# only the two pictures. Press *play* and watch it form. (About 3 seconds on a CPU.)

# %% figure="filter_forming"
x = pictures.photograph(shrink=8).mean(axis=0).astype(float)
x = (x - x.mean()) / x.std()
sobel = np.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
target = correlate2d(x, sobel)
stops = [0, 1, 2, 4, 8, 16, 32, 64] if devices.quick() else [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 400]
formed = [learn_filter(x, target, 3, steps, 0.13) for steps in progress.bar(stops, "learning")]
losses = [filter_loss(x, target, weight)[0] for weight in formed]
frames = []
for k, (steps, weight) in enumerate(zip(stops, formed, strict=True)):
    figure, axes = plt.subplots(1, 4, figsize=(9.6, 2.7), width_ratios=[1.1, 1, 1, 1.3])
    filter_drawings.show_weights(axes[0], weight, f"the filter after {steps} steps", largest=2.5)
    for (i, j), number in np.ndenumerate(weight):
        axes[0].text(
            j, i, f"{round(number, 1) + 0.0:.1f}".replace("-", "−"), ha="center", va="center", fontsize=11
        )
    for ax, picture, name in (
        (axes[1], correlate2d(x, weight), "its answer"),
        (axes[2], target, "the target"),
    ):
        ax.imshow(picture, vmin=-5, vmax=5)
        ax.set_title(name)
        ax.set_axis_off()
    axes[3].semilogy(range(k + 1), losses[: k + 1], "-o", color=plots.OUTPUT, markersize=5)
    axes[3].set_xlim(-0.5, len(stops) - 0.5)
    axes[3].set_ylim(min(losses) / 3, max(losses) * 3)
    axes[3].set_xticks(range(0, len(stops), 2), [str(step) for step in stops[::2]])
    axes[3].set_title("loss against steps")
    frames.append(film.small_png(figure, pixels_per_inch=84))
    plt.close(figure)
error = np.abs(formed[-1] - sobel).max()
print(f"after {stops[-1]} steps no weight is further than {np.ceil(error * 100) / 100:.2f} from Sobel's")
film.play(
    frames,
    "A filter of 3 by 3 forms in steps: first a smooth slope from above to below, then the weights 1, 2, "
    "1 above "
    "and -1, -2, -1 below; its answer grows more and more like the target, and the loss falls by many "
    "orders of magnitude.",
    stop="picture",
    slider="picture of the film",
)

# %% [markdown]
# Sobel's kernel comes out, with its zeros and its twos. **Nobody told the filter what an edge is.** The
# pictures did.
#
# Look at the film once more. After 16 steps the answer looks right already, and yet the weights are not
# Sobel's. The rest of the time goes into differences that hardly show. Why?
#
# **The claim measured: a photo is a hard teacher.** Take a kernel with only two weights, for the left and the
# right neighbour, which should become $-1$ and $+1$. Then the loss is a landscape that can be drawn.

# %% figure="valley"
picture = pictures.photograph(shrink=8).mean(axis=0).astype(float)
shuffled = np.random.default_rng(0).permutation(picture.ravel()).reshape(picture.shape)
both = np.ones((1, 3)) * [1, 0, 1]  # the middle weight stays at 0
figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
for ax, image, name in ((axes[0], picture, "the photo"), (axes[1], shuffled, "the same pixels, shuffled")):
    image = (image - image.mean()) / image.std()
    target = correlate2d(image, np.array([[-1.0, 0, 1]]))
    side = np.linspace(-2, 2, 21)
    landscape = [[filter_loss(image, target, np.array([[a, 0, b]]))[0] for a in side] for b in side]
    ax.contour(side, side, np.sqrt(landscape), levels=12, colors=[plots.GREY], linewidths=0.8)
    weight, path = np.array([[1.5, 0, 1.9]]), []
    for _ in range(41):
        path.append((weight[0, 0], weight[0, 2]))
        weight = weight - 0.25 * both * filter_loss(image, target, weight)[1]
    ax.plot(*np.transpose(path), "-o", color=plots.GRADIENT, markersize=4, linewidth=1.5)
    ax.plot(-1, 1, "*", color=plots.WEIGHTS, markersize=20, markeredgecolor=plots.INK)
    reached = next((k for k, place in enumerate(path) if np.hypot(place[0] + 1, place[1] - 1) < 0.1), None)
    words = f"there after {reached} steps" if reached is not None else "not there after 40 steps"
    ax.set_title(f"{name}: {words}")
    ax.set_xlabel("weight of the left neighbour")
    ax.set_aspect("equal")
axes[0].set_ylabel("weight of the right neighbour")
plots.finish(
    figure,
    alt="Contour lines of the loss over two weights, the path of gradient descent in red, and the goal as a "
    "star. For the photo the lines are long narrow ellipses: the path drops into a valley and then creeps "
    "along "
    "it. For the shuffled pixels they are circles, and the path goes straight to the star.",
)

# %% [markdown]
# In a photo, neighbours are almost equal (notebook 1 measured it). So it hardly matters which of the two
# neighbours gets a weight, as long as the sum is right: the landscape is a narrow **valley**. Descent drops
# into it at once and then creeps along its floor. Shuffle the pixels, and the valley is a round bowl.
#
# This is the reason why inputs are standardised, why networks have normalisation layers, and why there are
# better optimisers than plain descent. You will meet all three.
#
# > **To sleep on.** The photo's mean was taken away first. What would the landscape look like with all pixels
# > between 0 and 1? Along which direction would it be steepest?

# %% [markdown]
# ## 8 · A picture of a filter bank
#
# A layer reads 5 channels and has 4 filters of 3 × 3. The lecture writes $W_{23}$ for one of its kernels.
# **How many kernels like that are there? And which filters can be shown as *one* colour picture?**

# %% figure="draw_bank_of_weights" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_bank_of_weights(4, 5, (2, 3)),
    alt="A table of small kernels with 4 rows, one for each filter, and 5 columns, one for each input "
    "channel. "
    "The kernel in row 2, column 3 is marked as W 23.",
)

# %% [markdown]
# Twenty: for each filter one kernel per input channel. A filter that reads exactly **three** channels, red,
# green and blue, is itself a small colour picture. So the filters of a first layer can be looked at directly;
# those of later layers only channel by channel.
#
# Weights may be negative, and a screen shows 0 to 1. So each filter is *stretched*.
#
# **By hand.** A filter of the weights $-2, 0, 2$ becomes $0, 0.5, 1$. One of $1, 2, 5$ becomes $0, 0.25, 1$.
# In colour: if the smallest weight of *all three channels* is $-1$ and the largest is $3$, then a weight of
# $1$ becomes $0.5$, whichever channel it belongs to. Stretching the channels one by one would change the
# colour.
#
# **The formula.** For each filter $o$ on its own,
#
# $$G_{o,c,u,v} = \frac{W_{o,c,u,v} - \min W_o}{\max W_o - \min W_o}$$
#
# with minimum and maximum over all $c, u, v$. $W$: $(n, C, k_h, k_w)$ with $C = 1$ or 3. The pictures stand
# in rows, with a border between them.
#
# ### Exercise: `filters_to_grid`
#
# ★ · 10 minutes · 5 points
#
# The layout is yours: how many in a row, how wide a border, what fills an unfinished row. The check finds the
# filters in your grid and compares them.
#
# <details><summary>Hint 1: how large is the grid?</summary>
#
# Choose the columns, for instance about $\sqrt n$. Then the rows follow, rounded *up*. Each filter takes
# $k_h + 1$ rows of the grid if the border is one pixel wide.
# </details>
# <details><summary>Hint 2: where does filter number k begin?</summary>
#
# Its place in the table is `k // columns` down and `k % columns` to the right.
# </details>
# <details><summary>Hint 3: colour, and equal weights</summary>
#
# matplotlib wants red, green and blue on the *last* axis; in the bank they are on the first axis of each
# filter. And a filter whose weights are all equal has nothing to divide by: give it any one shade.
# </details>


# %% solution="filters_to_grid"
def filters_to_grid(weight: np.ndarray) -> np.ndarray:
    """Lay the filters of a bank side by side in one picture.

    Args:
        weight: array (n, C, kh, kw) with C = 1 (grey) or C = 3 (red, green, blue). Not modified.

    Returns:
        float array (rows, columns) for C = 1, (rows, columns, 3) for C = 3, with values in [0, 1]. The
        filters stand in rows, from left to right and from top to bottom. Each filter is stretched on its own:
        its smallest weight (of all its channels together) becomes 0, its largest 1; a filter of equal weights
        gets one shade. How many filters stand in a row, the border between them and what fills an
        unfinished row are free.

    Raises:
        ValueError: with the number in the message, if C is neither 1 nor 3.
    """
    ### BEGIN SOLUTION
    n, channels, kh, kw = weight.shape
    if channels not in (1, 3):
        raise ValueError(
            f"a filter with {channels} channels cannot be shown as a picture: 1 or 3 are possible"
        )
    columns = int(np.ceil(np.sqrt(n)))
    rows = int(np.ceil(n / columns))
    grid = np.ones((rows * (kh + 1) - 1, columns * (kw + 1) - 1, channels))
    for k, one in enumerate(weight):
        spread = one.max() - one.min()
        stretched = (one - one.min()) / spread if spread > 0 else np.full(one.shape, 0.5)
        top, left = k // columns * (kh + 1), k % columns * (kw + 1)
        grid[top : top + kh, left : left + kw] = stretched.transpose(1, 2, 0)
    return grid if channels == 3 else grid[:, :, 0]
    ### END SOLUTION


# %% check="filters_to_grid" points=2
checks.run("filters_to_grid", filters_to_grid)

# %% hidden="filters_to_grid" points=3
# Hidden cases: other numbers of filters, filters that are not square, colour, negative weights, a filter of
# equal weights, float32, inputs left as they were, and a number of channels that cannot be shown.
checks.run("filters_to_grid", filters_to_grid, hidden=True)

# %% [markdown]
# **Your function at work.** Your bank of directions, and the first layer of a fresh network.

# %% figure="grids"
torch.manual_seed(0)
fresh = nn.Conv2d(3, 16, 5).weight.detach().numpy()
figure, axes = plt.subplots(1, 2, figsize=(9, 4.2))
axes[0].imshow(filters_to_grid(oriented_filters(16, 11, 1.8)), vmin=0, vmax=1, interpolation="nearest")
axes[0].set_title("16 directions (16, 1, 11, 11)")
axes[1].imshow(filters_to_grid(fresh), interpolation="nearest")
axes[1].set_title("a fresh layer (16, 3, 5, 5)")
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="Left, a grid of 16 grey filters that turn step by step. Right, a grid of 16 filters of 5 by 5 "
    "pixels in "
    "random colours.",
)

# %% [markdown]
# **The claim measured: the stretch hides how strong a filter is.** Weaken every second filter of the bank to
# a hundredth. In the grid they look the same as before. In the layer's output they are almost gone.

# %% figure="stretch_hides"
bank = oriented_filters(8, 11, 1.8)
bank[1::2] /= 100
strength = [np.abs(correlate2d(grey, one[0])).mean() for one in bank]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2), width_ratios=[1, 1.6])
left.imshow(filters_to_grid(bank), vmin=0, vmax=1, interpolation="nearest")
left.set_title("filters 0 to 7, each stretched")
left.set_axis_off()
right.bar(range(8), strength, color=plots.OUTPUT)
right.set_yscale("log")
right.set_xlabel("filter")
right.set_ylabel("mean size of its answer")
plots.finish(
    figure,
    alt="Eight filters that look equally strong, and the mean size of their answers on a logarithmic "
    "axis: every "
    "second one answers a hundred times more weakly.",
)

# %% [markdown]
# So a pretty filter need not matter. Look at the picture *and* at the numbers.
#
# > **To sleep on.** In which way could you show the 20 kernels above so that one sees which are strong? And
# > what would it take to find out which of them *matter* for the network's decision? (Section 12 asks that of
# > pixels.)

# %% [markdown]
# ## 9 · Many filters at once, on the GPU
#
# Your `learn_filter` learns one kernel from one grey picture. A layer has 64 filters of 3 channels and sees a
# batch of pictures. **What must change in the loss? What in the gradient?**
#
# In the loss, little: the mean runs over all pictures, filters and pixels. And the gradient you need not
# write any more. PyTorch keeps a record of the computation and goes through it backwards: `loss.backward()`
# fills `weight.grad`.

# %% figure="draw_training_step" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_training_step(),
    alt="A circle of four boxes: the weights go into a convolution with the pictures, its answers and the "
    "targets "
    "give the loss, loss.backward gives the gradient in red, and optimizer.step changes the weights.",
)

# %% [markdown]
# **By hand.** One step of the loop, for the case of section 7, $x = (1, 2)$, $t = (3, 6)$, $w = 1$:
#
# | line | what it does | result |
# |---|---|---|
# | `optimizer.zero_grad()` | forgets the old gradient | – |
# | `loss = ((w * x - t) ** 2).mean()` | forwards | 10 |
# | `loss.backward()` | backwards | `w.grad` is $-10$ |
# | `optimizer.step()` | $w \leftarrow w - \text{lr} \cdot$ `w.grad` | $w = 2$ for lr $= 0.1$ |
#
# If the first line is forgotten, gradients add up from step to step.
#
# **The formula.** With pictures $x$: $(N, C, H, W)$, targets $t$: $(N, K, H, W)$ and weights $W$:
# $(K, C, k, k)$,
#
# $$L = \frac{1}{N K H W} \sum_{n,o,i,j} \bigl((x \star W)_{n,o,i,j} - t_{n,o,i,j}\bigr)^2$$
#
# You need not descend plainly. `torch.optim.Adam` gives every weight a step length of its own, according to
# the gradients it has seen; notebook 5 takes it apart.
#
# ### Exercise: `learn_filter_bank`
#
# ★★ · 20 minutes · 7 points
#
# Optimiser and learning rate are your choice. The check gives pictures of mean 0 and variance 1, and wants
# every weight within 2 % of the largest one after 200 steps. It also looks at *where* your answer lives.
#
# <details><summary>Hint 1: the weights</summary>
#
# A tensor of zeros with `requires_grad=True`, made on the device. An optimiser takes a list: `[weight]`.
# </details>
# <details><summary>Hint 2: the forward line</summary>
#
# `F.conv2d` with a padding that keeps the size, and `F.mse_loss`.
# </details>
# <details><summary>Hint 3: almost right, but not within 2 %</summary>
#
# Adam with a constant rate dances around the goal. Let the rate fall, for instance with
# `torch.optim.lr_scheduler.CosineAnnealingLR`, which wants `schedule.step()` once after each step. Or use
# plain descent (`torch.optim.SGD`) with a larger rate: the mean over the filters makes gradients $K$ times
# smaller than in section 7.
# </details>
# <details><summary>Hint 4: the answer carries a graph</summary>
#
# `weight.detach()` is the same tensor without its record.
# </details>


# %% solution="learn_filter_bank"
def learn_filter_bank(
    x: torch.Tensor,
    targets: torch.Tensor,
    kernel_size: int,
    steps: int,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Find a bank of filters that turns pictures into wanted feature maps, by gradient descent on a device.

    Args:
        x: pictures, (N, C, H, W), on any device. Not modified.
        targets: what the K filters should answer, (N, K, H, W). Not modified.
        kernel_size: rows and columns of the filters, odd; zeros beyond the border keep the size.
        steps: number of steps. Learning rate and optimiser are yours to choose: on pictures of mean 0 and
            variance 1 without much structure, 200 steps should bring every weight to within 2 % of the
            largest one.
        device: where to compute.

    Returns:
        the filters, (K, C, kernel_size, kernel_size), with the dtype of x, on the device and without a graph
        of gradients.
    """
    ### BEGIN SOLUTION
    x, targets = x.to(device), targets.to(device)
    shape = (targets.shape[1], x.shape[1], kernel_size, kernel_size)
    weight = torch.zeros(shape, dtype=x.dtype, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(F.conv2d(x, weight, padding=kernel_size // 2), targets)
        loss.backward()
        optimizer.step()
        schedule.step()
    return weight.detach()
    ### END SOLUTION


# %% check="learn_filter_bank" points=3
checks.run("learn_filter_bank", learn_filter_bank)

# %% hidden="learn_filter_bank" points=4
# Hidden cases: several channels and filters, filters without symmetry, float64, where the answer lives and
# whether it still carries a graph, inputs left as they were.
checks.run("learn_filter_bank", learn_filter_bank, hidden=True)

# %% [markdown]
# **Your function at work.** Nine colour filters at once: your directions, each on a colour contrast of its
# own. You know from section 7 what makes a good teacher: neighbours that know nothing of each other. So the
# pictures are noise. (About 2 seconds on a CPU; less than one on a GPU, by estimate.)

# %% figure="bank_recovered"
contrasts = np.array(
    [[1, 1, 1], [1, -1, 0], [0, 1, -1], [1, 0, -1], [1, 1, 1], [-1, 1, 0], [1, -2, 1], [1, 1, -2], [-2, 1, 1]]
)
contrasts = (contrasts / np.linalg.norm(contrasts, axis=1, keepdims=True))[:, :, None, None]
secret = torch.tensor(oriented_filters(9, 5, 1.1) * contrasts, dtype=torch.float32)
noise = torch.tensor(np.random.default_rng(0).normal(size=(16, 3, 24, 24)), dtype=torch.float32)
wanted = F.conv2d(noise, secret, padding=2)
stops = (2, 10) if devices.quick() else (2, 10, 50, 200)
banks = [learn_filter_bank(noise, wanted, 5, steps, device).cpu() for steps in stops]
figure, axes = plt.subplots(1, len(stops) + 1, figsize=(2.3 * len(stops) + 2.3, 2.6))
figure.get_layout_engine().set(wspace=0.1)
names = [f"after {steps} steps" for steps in stops] + ["the hidden bank"]
for ax, one, name in zip(axes, [*banks, secret], names, strict=True):
    ax.imshow(filters_to_grid(one.numpy()), interpolation="nearest")
    ax.set_title(name)
    ax.set_axis_off()
plots.finish(
    figure,
    alt="Grids of nine small colour filters after 2, 10, 50 and 200 steps, and the hidden bank. The learned "
    "filters grow clearer and in the end look like the hidden ones.",
)

# %% [markdown]
# **The claim measured: one call, many filters.** NumPy learns the filters one by one, on one channel.
# `learn_filter_bank` learns all of them at once, on the device. How does the time grow with the number of
# filters? (Each line: 20 steps on one picture of 75 × 64.)

# %% figure="bank_cost"
counts = [1, 4, 16] if devices.quick() else [1, 4, 16, 32]
x = pictures.photograph(shrink=8).mean(axis=0)
x = (x - x.mean()) / x.std()
directions = oriented_filters(counts[-1], 5, 1.1).astype(np.float32)
images = torch.tensor(x)[None, None]
answers = F.conv2d(images, torch.tensor(directions), padding=2)
one = timing.measure(learn_filter, x, answers[0, 0].numpy(), 5, 20, 0.1, label="one filter, NumPy", repeats=5)
times = [
    timing.measure(
        learn_filter_bank,
        images,
        answers[:, :n],
        5,
        20,
        device,
        label=f"{n} filters",
        repeats=5,
        device=device,
    )
    for n in counts
]
figure, ax = plt.subplots(figsize=(7.5, 3.6))
ax.loglog(
    counts, 1e3 * one * np.array(counts), "--s", color=plots.SERIES[1], label="NumPy, one after the other"
)
ax.loglog(
    counts, 1e3 * np.array(times), "-o", color=plots.SERIES[0], label=f"PyTorch, {devices.describe(device)}"
)
ax.set_xlabel("number of filters")
ax.set_ylabel("time for 20 steps [ms]")
ax.set_xticks(counts, [str(n) for n in counts])
ax.set_yticks([10, 30, 100, 300, 1000], ["10", "30", "100", "300", "1000"])
ax.minorticks_off()
ax.legend()
plots.finish(
    figure,
    alt="Time for 20 steps against the number of filters, both axes logarithmic. NumPy's line rises in "
    "proportion; PyTorch's is flatter and far below for many filters.",
)

# %% [markdown]
# PyTorch pays a fixed price for each step, and a little for each filter. On a GPU the second price all but
# vanishes, until the device is full.
#
# > **To sleep on.** Here somebody *had* the right filters, and we only found them again. In a real task
# > nobody has them: there are only pictures and names of what they show. What could take the place of the
# > targets?

# %% [markdown]
# ## 10 · A network learns its filters
#
# Here are ten classes: airplane, automobile, bird, cat, deer, dog, frog, horse, ship and truck, the classes
# of CIFAR-10. The pictures, **EmojiTen**, are composed here: emoji of several designers, turned and scaled,
# on crops of photographs. They are *drawn* things on real backgrounds; do not take the numbers for those of
# photographs.
#
# There are two ways to ask what a network has learned. *New pictures* show emoji that it knows from training,
# in other places and on other backgrounds. *New emoji* were never part of the training. **Which is harder?**

# %% figure="show_data" tags=["keep-output"]
small = devices.quick()
train = datasets.load("emojiten", "train", n=300 if small else 1400)
new_pictures = datasets.load("emojiten", "seen", n=300 if small else 900)
new_emoji = datasets.load("emojiten", "test", n=300 if small else 800)
chosen = [int(np.flatnonzero(train.labels == k)[j]) for j in (0, 3) for k in range(10)]
plots.show_images(
    [train.images[k] / 255 for k in chosen],
    [*train.classes, *[""] * 10],
    alt="Twenty small colour pictures, two of each of the ten classes: emoji of vehicles and animals on "
    "crops of "
    "photographs.",
    height=1.05,
    columns=10,
)

# %% [markdown]
# The network has three blocks. Each is a convolution, a pooling that keeps the largest of 2 × 2 answers
# (notebook 3), a normalisation and a ReLU. At the end stands **one linear layer**: the classifier of the
# upper row in the very first picture.

# %% figure="draw_network" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_network(
        [(3, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4)],
        [
            "picture",
            "block 1\n16 filters of 5 × 5",
            "block 2\n32 filters of 3 × 3",
            "block 3\n64 filters of 3 × 3",
        ],
        10,
    ),
    alt="A row of volumes: the picture of 3 by 32 by 32, then 16 by 16 by 16, 32 by 8 by 8 and 64 by 4 by "
    "4, and a "
    "column of ten scores.",
)


# %% given="small_net"
def small_net(seed: int) -> nn.Sequential:
    """A fresh ConvNet for pictures of 3 x 32 x 32 and ten classes; the seed decides its first weights."""
    torch.manual_seed(seed)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for k, (read, filters, size) in enumerate(((3, 16, 5), (16, 32, 3), (32, 64, 3)), start=1):
        layers[f"conv{k}"] = nn.Conv2d(read, filters, size, padding=size // 2, bias=False)
        layers[f"pool{k}"] = nn.MaxPool2d(2)
        layers[f"norm{k}"] = nn.BatchNorm2d(filters)
        layers[f"relu{k}"] = nn.ReLU()
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(64 * 4 * 4, 10)
    with torch.no_grad():
        layers["conv1"].weight.mul_(0.1)  # norm1 makes up for it; what is learned soon outweighs the chance
    return nn.Sequential(layers)


# %% [markdown]
# **The experiment.** Five competitors, all with the same pictures, the same number of epochs, the same
# batches and three seeds each:
#
# - a **linear** classifier on the pixels, and an **MLP** with 128 hidden neurons;
# - the ConvNet with **all filters frozen** as chance made them: only its last layer learns;
# - the ConvNet with its **first layer frozen** as chance made it: the rest learns;
# - the ConvNet, **all learned**.
#
# Write down your order before you run the cell. It trains 15 networks for 4 epochs on 1400 pictures: about 30
# seconds on two CPU cores, and by our estimate less than 10 on a GPU. (The training loop is given,
# `training.fit`; you write your own in notebook 3.)


# %% figure="learned_or_random"
def competitor(kind: str, seed: int) -> nn.Module:
    """A fresh model of one kind; what shall not learn is frozen."""
    torch.manual_seed(seed)
    if kind == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    if kind == "MLP":
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 128), nn.ReLU(), nn.Linear(128, 10))
    model = small_net(seed)
    frozen = {"all frozen": ("conv1", "conv2", "conv3"), "first frozen": ("conv1",), "all learned": ()}[kind]
    for name in frozen:
        model.get_submodule(name).requires_grad_(False)
    return model


def train_all() -> dict[str, object]:
    """Train every competitor with every seed; accuracies, losses, and the learned ConvNets' weights."""
    data = train.tensors(device)
    tests = new_pictures.tensors(device), new_emoji.tensors(device)
    accuracy = np.zeros((len(kinds), len(seeds), 2), np.float32)
    loss = np.zeros((len(kinds), len(seeds), epochs), np.float32)
    weights = {}
    for i, kind in enumerate(kinds):
        for j, seed in enumerate(seeds):
            model = competitor(kind, seed)
            rate = 1e-3 if kind in ("linear", "MLP") else 3e-3  # the better of the two for each
            words = f"{kind}, seed {seed}"
            history = training.fit(model, data, epochs, lr=rate, seed=seed, device=device, words=words)
            loss[i, j] = history["loss"]
            accuracy[i, j] = [training.accuracy(model, test, device=device) for test in tests]
            if kind == "all learned":
                weights[f"net {seed}"] = training.pack(model)
    return {"accuracy": accuracy, "loss": loss, **weights}


kinds = ("linear", "MLP", "all frozen", "first frozen", "all learned")
seeds, epochs = ((0,), 1) if small else ((0, 1, 2), 4)
trained = experiments.run("training", train_all)

figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 3.9), width_ratios=[1.9, 1])
for side, (name, colour) in enumerate((("new pictures", plots.SERIES[0]), ("new emoji", plots.SERIES[1]))):
    values = 100 * trained["accuracy"][:, :, side]  # (kinds, seeds)
    places = np.arange(len(kinds)) + 0.4 * side - 0.2
    left.bar(places, values.mean(axis=1), 0.36, color=plots.tint(colour, 0.35), label=name)
    left.plot(np.repeat(places, len(seeds)), values.ravel(), "_", color=colour, markersize=13)
    for place, value in zip(places, values, strict=True):
        left.text(place, value.max() + 2, f"{value.mean():.0f}", ha="center", fontsize=11)
left.axhline(10, color=plots.GREY, linestyle=":", linewidth=1.5, label="chance")
left.set_xticks(
    range(len(kinds)),
    ["linear", "MLP", "ConvNet\nall frozen", "ConvNet\nfirst frozen", "ConvNet\nall learned"],
)
left.set_ylabel("right answers [%]")
left.set_ylim(0, 100)
left.legend(loc="upper left", ncols=3)
styles = (":s", "--^", "-.v", "--D", "-o")
for kind, curve, style, colour in zip(
    kinds, trained["loss"].mean(axis=1), styles, plots.SERIES * 2, strict=False
):
    right.plot(range(1, epochs + 1), curve, style, color=colour, label=kind, linewidth=1.8)
right.set_xlabel("epoch")
right.set_ylabel("training loss")
right.set_xticks(range(1, epochs + 1))
right.legend(fontsize=10)
plots.finish(
    figure,
    alt="Bars of accuracy on new pictures and new emoji with a mark for each seed: lowest the linear "
    "classifier, "
    "then the MLP, then the ConvNet with all filters frozen; far above them the ConvNet with only its "
    "first layer "
    "frozen and the one in which all is learned. Beside it the training loss by epoch.",
)

# %% [markdown]
# Read the bars slowly.
#
# - The ConvNet is far ahead of the linear classifier and of the MLP, with the same pictures and epochs.
# - Even the ConvNet whose filters are **all frozen as chance made them** beats the MLP that may learn
#   everything. Windows, shared weights and pooling are worth something before anything is learned.
# - **Learned filters are better than random ones**: with all filters frozen, many answers are lost. But a
#   *single* random layer costs little: a few per cent on new pictures, and nothing that we could measure on
#   new emoji. The layers behind it learn to make do with it; on the training pictures its loss is even lower.
# - New emoji are much harder than new pictures of known ones. 1400 pictures are few to learn from.
#
# **Learned and random filters, seen.** The 16 filters of the first layer, before and after.

# %% figure="first_layer"
net = training.unpack(small_net(0), trained["net 0"])
before, after = small_net(0).conv1.weight.detach().numpy(), net.conv1.weight.detach().numpy()
figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.9), width_ratios=[1, 1, 1.1])
figure.get_layout_engine().set(wspace=0.06)
for ax, bank, name in (
    (axes[0], before, "random, before training"),
    (axes[1], after, "learned, after training"),
):
    ax.imshow(filters_to_grid(bank), interpolation="nearest")
    ax.set_title(name)
    ax.set_axis_off()
alike = []
for bank in (before, after):
    pairs = (bank[..., :, 1:], bank[..., :, :-1]), (bank[..., 1:, :], bank[..., :-1, :])
    alike.append(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]))
axes[2].bar(["random", "learned"], alike, 0.5, color=plots.tint(plots.WEIGHTS, 0.6))
for k, value in enumerate(alike):
    axes[2].text(k, max(value, 0) + 0.02, plots.number(round(float(value), 2)), ha="center")
axes[2].axhline(0, color=plots.INK, linewidth=1)
axes[2].set_ylabel("correlation of neighbouring weights")
axes[2].set_ylim(min(0, *alike) - 0.05, max(alike) + 0.15)
plots.finish(
    figure,
    alt="Two grids of 16 small colour filters, random before training and smoother after it, with edges "
    "and patches "
    "of one colour; and bars: neighbouring weights are uncorrelated before and clearly correlated after.",
)

# %% [markdown]
# Before, neighbouring weights know nothing of each other. After, filters have become smoother: some look
# for an edge, some compare two colours, some are patches of one colour. Nobody put these questions in. (The
# grain that is left is what chance had put there. After four epochs it has not all gone.)
#
# > **To sleep on.** Freeze the *second* layer instead of the first. Would it cost more or less? And what if
# > the first layer were your eight directions of section 6? You have all the parts to try it.

# %% [markdown]
# ## 11 · Look inside
#
# What comes out of a layer is a volume. Volumes are hard to look at. But a volume of 16 × 16 × 16 is also
# 16 pictures of 16 × 16. **And how many pictures is the output of block 3, and how large are they?**

# %% figure="draw_unravelled" tags=["keep-output"]
plots.finish(
    filter_drawings.draw_unravelled((16, 16, 16)),
    alt="A green volume of 16 by 16 by 16, an arrow with the word unravel, and 16 thin slices in a row, "
    "numbered "
    "from 0 to 15.",
)

# %% [markdown]
# We can *unravel the cube*, channel by channel: block 3 gives 64 pictures of only 4 × 4 pixels. Each slice
# says **where** its filter found what it looks for.
#
# But a network returns its last output only. What happens inside is forgotten. PyTorch's way to listen in is
# a **hook**: a function of yours that a module calls each time it has computed something.
#
# **By hand.** A layer that doubles, and a hook that writes down what it saw:
#
# | line | what happens |
# |---|---|
# | `seen = []` | an empty notepad |
# | `def note(module, inputs, output): seen.append(output)` | a function with just these three arguments |
# | `handle = layer.register_forward_hook(note)` | from now on the layer calls `note` |
# | `layer(x)` with $x = 3$ | returns 6 as always, and `seen` is `[6]` |
# | `handle.remove()` | the layer forgets `note` |
#
# Three things go wrong easily. A hook that is **not removed** stays for ever, also when an error stops the
# run. A later layer that works **in place** (`nn.ReLU(inplace=True)`) overwrites what you have noted, unless
# you noted a copy. And a model in **training mode** behaves differently: dropout drops, normalisation uses
# the batch. So look in evaluation mode, and put every module back into the mode it had.
#
# **The formula.** For a network $f = f_L \circ \dots \circ f_1$ the activations are
#
# $$a_0 = x, \qquad a_\ell = f_\ell(a_{\ell-1}), \qquad \ell = 1, \dots, L$$
#
# You return $\{\text{name of } f_\ell : a_\ell\}$, each with the shape that layer $\ell$ gives, for instance
# $(N, C_\ell, H_\ell, W_\ell)$.
#
# ### Exercise: `record_activations`
#
# ★★ · 20 minutes · 7 points
#
# The check looks at names, values, what in-place layers do to them, hooks that were left behind, and the mode
# of every module afterwards, also where the model raises an error.
#
# <details><summary>Hint 1: which modules, which names?</summary>
#
# `model.named_modules()` gives pairs of name and module, containers included. A *leaf* has no children:
# `list(module.children())` is empty.
# </details>
# <details><summary>Hint 2: all my entries have the same name</summary>
#
# A function made in a loop looks its loop variable up when it is *called*, after the loop's end. Make the
# hook in a function of its own that gets the name as argument, or bind it as a default argument.
# </details>
# <details><summary>Hint 3: clean up in any case</summary>
#
# `try: … finally: …` runs the last part with and without an error. Note the mode of *every* module before you
# change it: `model.train(True)` at the end would wake up modules that somebody had put to sleep.
# </details>
# <details><summary>Hint 4: a copy without a record</summary>
#
# `.detach()` cuts the record off but shares the memory. `.clone()` makes the copy.
# </details>


# %% solution="record_activations"
def record_activations(model: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run a model once and keep what every layer says.

    The model looks at x in evaluation mode (dropout is off). Afterwards it is as it was: every module in the
    mode in which it was, without any hook of yours, also where the model raises an error.

    Args:
        model: any module, on any device.
        x: a batch for it, (N, C, H, W), on the model's device.

    Returns:
        {name: output}, in the order in which the layers ran, for every leaf module (one without modules
        inside) that ran, with the names of `model.named_modules()`. The outputs carry no graph of gradients
        and are copies: a later layer that works in place does not change them. Of a layer that runs twice the
        last output counts, and its place in the order is free.
    """
    ### BEGIN SOLUTION
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            seen[name] = output.detach().clone()

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    modes = [(module, module.training) for module in model.modules()]
    hooks = [module.register_forward_hook(keep(name)) for name, module in leaves]
    try:
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    return seen
    ### END SOLUTION


# %% check="record_activations" points=3
checks.run("record_activations", record_activations)

# %% hidden="record_activations" points=4
# Hidden cases: modules inside modules, layers that work in place, dropout, modes that differ from module to
# module, hooks left behind, a model that raises an error.
checks.run("record_activations", record_activations, hidden=True)

# %% [markdown]
# **Your function at work.** The cube, slice by slice, for one picture: before the picture goes into the first
# block, and what comes out of each of the three. White is a strong answer. (Your `filters_to_grid` lays them
# out, so each slice is stretched on its own.)

# %% figure="slice_by_slice"
x, labels = new_pictures.tensors()
guesses = training.scores(net, x).argmax(1)
right = np.flatnonzero((guesses == labels).numpy())
pick = int(next((k for k in right if new_pictures.classes[labels[k]] == "cat"), right[0]))
seen = record_activations(net, x[pick : pick + 1])
figure = plt.figure(figsize=(11.5, 3.6))
axes = figure.subplots(1, 4, width_ratios=[0.8, 1, 1, 1])
axes[0].imshow(plots.for_imshow(new_pictures.images[pick] / 255), interpolation="nearest")
axes[0].set_title(f"{new_pictures.classes[labels[pick]]}\n3 × 32 × 32")
for ax, name in zip(axes[1:], ("relu1", "relu2", "relu3"), strict=True):
    volume = seen[name][0].numpy()
    ax.imshow(filters_to_grid(volume[:, None]), vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(f"{name}\n" + " × ".join(map(str, volume.shape)))
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="A small picture and three grids: 16 slices of 16 by 16 in which the object can still be "
    "recognised by its "
    "outlines, 32 slices of 8 by 8 with coarse patches, 64 slices of 4 by 4 with a few bright pixels each.",
)

# %% [markdown]
# In block 1 you recognise the picture, as outlines and colour patches. In block 3 you do not: a slice there
# says *something is here*, on a grid of 4 × 4, and most say nothing.
#
# **What does a slice look for?** Ask for the pictures that excite it most.

# %% figure="favourites"
many = 100 if small else 500
strongest = record_activations(net, x[:many])["relu3"].amax(dim=(2, 3)).numpy()  # (pictures, 64)
slices = np.argsort(-strongest.mean(axis=0))[[0, 3, 6, 9, 12]]
figure, axes = plt.subplots(5, 9, figsize=(9.6, 5.7), width_ratios=[1.3, *[1] * 8])
for line, k in zip(axes, slices, strict=True):
    line[0].text(0.9, 0.5, f"slice {k}", ha="right", va="center", transform=line[0].transAxes)
    for ax, index in zip(line[1:], np.argsort(-strongest[:, k])[:8], strict=True):
        ax.imshow(plots.for_imshow(new_pictures.images[index] / 255), interpolation="nearest")
    for ax in line:
        ax.set_axis_off()
plots.finish(
    figure,
    alt="Five rows of eight pictures: those that excite five slices of block 3 most. Within a row the "
    "pictures "
    "resemble each other.",
)

# %% [markdown]
# Slices of block 3 have favourites: often things of a kind or of a colour, and often several kinds in one
# slice. Nobody named them, and only together do they tell the ten classes apart.
#
# **The claim measured: deeper volumes are smaller, and half silent.** How many numbers does each block pass
# on, and how many of them are not zero?

# %% figure="silence"
volumes = (3 * 32 * 32, 16 * 16 * 16, 32 * 8 * 8, 64 * 4 * 4)


def active_shares() -> dict[str, object]:
    """Share of numbers above zero after each block, for the first pictures of the test set."""
    found = record_activations(net, x[:many])
    return {"above zero": [float((found[f"relu{k}"] > 0).float().mean()) for k in (1, 2, 3)]}


shares = experiments.run("silence", active_shares)["above zero"]
figure, ax = plt.subplots(figsize=(7.5, 3.3))
ax.bar(range(4), volumes, color=[plots.tint(colour, 0.25) for colour in (plots.INPUT, *[plots.OUTPUT] * 3)])
ax.bar(range(1, 4), shares * np.array(volumes[1:]), color=plots.OUTPUT, label="above zero")
for k, share in enumerate(shares, start=1):
    ax.text(k, volumes[k] + 80, f"{share:.0%} above zero", ha="center", fontsize=11)
ax.set_xticks(range(4), ["picture", "block 1", "block 2", "block 3"])
ax.set_ylabel("numbers")
plots.finish(
    figure,
    alt="Bars: 3072 numbers in the picture, 4096 after block 1, 2048 after block 2, 1024 after block 3; "
    "in each of "
    "the three blocks about half of the numbers are above zero.",
)

# %% [markdown]
# The first block widens, then each one halves. And of what it passes on, about half is zero: the ReLU has
# silenced it. What is left says *what is where*, ever more coarsely.
#
# > **To sleep on.** A slice that is zero for every picture of the training set is called *dead*. Can it ever
# > come back to life by gradient descent? (Notebook 3 shows what the ReLU does to a gradient.)

# %% [markdown]
# ## 12 · Which pixels matter
#
# A network says *horse*. **Did it look at the horse, or at the meadow?** A simple way to find out: cover a
# part of the picture and ask again. This is *occlusion* (Zeiler and Fergus, 2014).

# %% figure="draw_occlusion" tags=["keep-output"]
example = pictures.load("cat")[:, 20:170, 60:240]
plots.finish(
    filter_drawings.draw_occlusion(
        example, [(20, 15), (55, 95), (100, 20)], 45, ["the whole picture", "here?", "or here?", "or here?"]
    ),
    alt="A photograph of a cat, and the same with a grey square at three different places.",
)

# %% [markdown]
# **By hand.** A picture of one channel, one row and five columns: $(1, 4, 2, 0, 3)$. The prediction is *the
# sum of columns 1 and 2*, so $4 + 2 = 6$. The square is 2 wide, moves by 1, and covers with 0:
#
# | covered | columns left | prediction | drop |
# |---|---|---:|---:|
# | 0, 1 | $(\cdot, \cdot, 2, 0, 3)$ | 2 | $6 - 2 = 4$ |
# | 1, 2 | $(1, \cdot, \cdot, 0, 3)$ | 0 | $6$ |
# | 2, 3 | $(1, 4, \cdot, \cdot, 3)$ | 4 | $2$ |
# | 3, 4 | $(1, 4, 2, \cdot, \cdot)$ | 6 | $0$ |
#
# The map $(4, 6, 2, 0)$ points at columns 1 and 2. It has four places, not five: the square must fit.
#
# **The formula.** With $x^{(i,j)}$ for the picture whose square from row $is$ and column $js$ on, $q$ pixels
# wide and through *all* channels, is covered,
#
# $$D_{ij} = f(x) - f(x^{(i,j)}), \qquad i = 0, \dots, \lfloor (H - q)/s \rfloor, \quad
# j = 0, \dots, \lfloor (W - q)/s \rfloor$$
#
# - $x$: $(C, H, W)$; $f(x)$: a number, for instance the probability of a class;
# - $D$ has the size that you know from notebook 1: the square is a window without padding.
#
# **Positive**: the square hid something that the prediction needs. **Negative**: it hid something that spoke
# against it.
#
# ### Exercise: `occlusion_map`
#
# ★★ · 10 minutes · 6 points
#
# The check hands over predictions of its own, strides that do not divide, fills other than zero, and looks
# whether the picture is still as it was.
#
# <details><summary>Hint 1: what is asked once, what often?</summary>
#
# The whole picture once, before the loops. Each place of the square once more.
# </details>
# <details><summary>Hint 2: my map looks smeared</summary>
#
# Each place covers a *fresh* copy. If you cover one and the same copy again and again, the squares pile up.
# </details>
# <details><summary>Hint 3: the signs</summary>
#
# A drop is *before minus after*.
# </details>


# %% solution="occlusion_map"
def occlusion_map(
    predict: Callable[[np.ndarray], float],
    image: np.ndarray,
    patch: int,
    stride: int = 1,
    fill: float = 0.0,
) -> np.ndarray:
    """How much a prediction drops when a square of the picture is covered, for every place of the square.

    Args:
        predict: takes a picture (C, H, W) and returns a number, for instance a class's probability.
        image: array (C, H, W). It is not modified.
        patch: side of the square in pixels.
        stride: step from one place of the square to the next, in pixels, along both axes.
        fill: the value that covers all channels inside the square.

    Returns:
        array ((H - patch) // stride + 1, (W - patch) // stride + 1), float64, with predict(image) minus
        predict(covered image): positive where the square hides something that the prediction needs.

    Raises:
        ValueError: with the numbers in the message, if patch or stride is below 1 or the square does not fit.
    """
    ### BEGIN SOLUTION
    _, height, width = image.shape
    if patch < 1 or stride < 1 or patch > min(height, width):
        raise ValueError(f"bad patch {patch} or stride {stride} for a picture of {height} x {width}")
    rows, columns = (height - patch) // stride + 1, (width - patch) // stride + 1
    whole = predict(image)
    drops = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            covered = image.copy()
            covered[:, i * stride : i * stride + patch, j * stride : j * stride + patch] = fill
            drops[i, j] = whole - predict(covered)
    return drops
    ### END SOLUTION


# %% check="occlusion_map" points=2
checks.run("occlusion_map", occlusion_map)

# %% hidden="occlusion_map" points=4
# Hidden cases: strides that do not divide, pictures that are not square, several channels, fills other than
# zero, drops below zero, inputs left as they were, squares that do not fit.
checks.run("occlusion_map", occlusion_map, hidden=True)

# %% [markdown]
# One prediction at a time keeps a GPU waiting. It is at its best with a batch. So the same once more in
# PyTorch, for the **raw score** of a class. (A probability saturates: at 99.9 % a large drop of the score
# hardly shows.)
#
# ### Exercise: `occlusion_map_batched`
#
# ★★ · 15 minutes · 6 points
#
# At most `batch_size` pictures may go through the model at once. The check counts them. Evaluation mode and
# clean-up are as in section 11.
#
# <details><summary>Hint 1: list the places first</summary>
#
# Make a list of all upper left corners, in the order of the map. Then cut the list into pieces of
# `batch_size`; the last piece may be shorter.
# </details>
# <details><summary>Hint 2: a batch of copies</summary>
#
# `image.repeat(n, 1, 1, 1)` makes `n` true copies. `image.expand(n, …)` looks the same, but all `n` share one
# memory: a square in one is a square in all.
# </details>
# <details><summary>Hint 3: from a list to a map</summary>
#
# `torch.cat` joins the scores of the batches; `reshape` makes a map of them.
# </details>


# %% solution="occlusion_map_batched"
def occlusion_map_batched(
    model: nn.Module,
    image: torch.Tensor,
    target: int,
    patch: int,
    stride: int = 1,
    fill: float = 0.0,
    batch_size: int = 64,
) -> torch.Tensor:
    """The occlusion map of one class's score, with many covered pictures in one batch.

    The model looks in evaluation mode; afterwards every module is in the mode in which it was, also where the
    model raises an error.

    Args:
        model: takes (N, C, H, W), returns raw scores (N, classes).
        image: one picture (C, H, W), on the model's device. Not modified.
        target: the class whose score is watched.
        patch, stride, fill: as in `occlusion_map`.
        batch_size: at most so many pictures go through the model at once.

    Returns:
        tensor ((H - patch) // stride + 1, (W - patch) // stride + 1) on the image's device, without a graph:
        the score of the whole picture minus the score of the covered one.

    Raises:
        ValueError: with the numbers in the message, if patch or stride is below 1 or the square does not fit.
    """
    ### BEGIN SOLUTION
    _, height, width = image.shape
    if patch < 1 or stride < 1 or patch > min(height, width):
        raise ValueError(f"bad patch {patch} or stride {stride} for a picture of {height} x {width}")
    rows, columns = (height - patch) // stride + 1, (width - patch) // stride + 1
    places = [(i * stride, j * stride) for i in range(rows) for j in range(columns)]
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            whole = model(image[None])[0, target]
            scores = []
            for first in range(0, len(places), batch_size):
                part = places[first : first + batch_size]
                covered = image.repeat(len(part), 1, 1, 1)
                for one, (top, left) in zip(covered, part, strict=True):
                    one[:, top : top + patch, left : left + patch] = fill
                scores.append(model(covered)[:, target])
    finally:
        for module, mode in modes:
            module.training = mode
    return (whole - torch.cat(scores)).reshape(rows, columns)
    ### END SOLUTION


# %% check="occlusion_map_batched" points=2
checks.run("occlusion_map_batched", occlusion_map_batched)

# %% hidden="occlusion_map_batched" points=4
# Hidden cases: batches that do not divide and batches of one, strides that do not divide, pictures that are
# not square, fills other than zero, dropout, the model's mode afterwards, graphs, squares that do not fit.
checks.run("occlusion_map_batched", occlusion_map_batched, hidden=True)

# %% [markdown]
# **Your functions at work: right and wrong predictions.** Above, pictures that the network names rightly;
# below, pictures that it takes for something else. Orange marks what the named class rests on, purple what
# speaks against it. The square is 8 pixels wide. (About 5 seconds on a CPU.)


# %% figure="right_and_wrong"
def maps_of(count: int, patch: int, stride: int) -> dict[str, object]:
    """Occlusion maps of the most confident right and wrong predictions, one of each true class at most."""
    x, labels = new_emoji.tensors()
    probabilities = training.scores(net, x).softmax(1)
    confidence, guesses = probabilities.max(1)
    chosen: list[int] = []
    for right in (True, False):
        candidates = torch.nonzero((guesses == labels) == right)[:, 0].tolist()
        candidates.sort(key=lambda k: -float(confidence[k]))
        taken: list[int] = []
        for k in candidates:
            if len(taken) < count and int(labels[k]) not in [int(labels[other]) for other in taken]:
                taken.append(k)
        chosen += taken
    maps = []
    for k in progress.bar(chosen, "covering"):
        target = int(guesses[k])

        def probability(image: np.ndarray, target: int = target) -> float:
            with torch.no_grad():
                return float(net(torch.from_numpy(image)[None]).softmax(1)[0, target])

        maps.append(occlusion_map(probability, x[k].numpy(), patch, stride, 0.0))
    named = [f"{new_emoji.classes[guesses[k]]} {100 * float(confidence[k]):.0f} %" for k in chosen]
    truth = [new_emoji.classes[labels[k]] for k in chosen]
    return {"chosen": chosen, "maps": np.array(maps, np.float32), "named": named, "truth": truth}


occluded = experiments.run("occlusion", maps_of, 4, 8, 3)
figure, axes = plt.subplots(4, 4, figsize=(9, 10.2), height_ratios=[1, 1, 1, 1])
for k, (index, drops) in enumerate(zip(occluded["chosen"], occluded["maps"], strict=True)):
    line = 0 if k < 4 else 2
    image = new_emoji.images[index] / 255
    axes[line, k % 4].imshow(plots.for_imshow(image), interpolation="nearest")
    words = f"{occluded['named'][k]}" + ("" if line == 0 else f"\nin truth {occluded['truth'][k]}")
    axes[line, k % 4].set_title(words)
    filter_drawings.overlay(axes[line + 1, k % 4], image, drops, 8, 3, float(np.abs(drops).max()))
for ax in axes.flat:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="Eight pictures with their occlusion maps, four named rightly and four wrongly. Where the answer "
    "is right, "
    "orange mostly lies on the object; where it is wrong, it often lies on a part of it or on the "
    "background.",
)

# %% [markdown]
# The pale square holds the middles of all places of the cover; further out it does not get. Each map is
# coloured by its own largest drop, so compare *places*, not strengths. Even the wrong answers have their
# reasons: the network did look at something there, only at the wrong thing, or at the right one with the
# wrong name.
#
# **The claim measured: does it look at the thing?** EmojiTen knows which pixels belong to the emoji. So we
# can ask what share of all positive drops falls on squares whose middle lies on the emoji, and compare it
# with the share of places that lie there anyway. If the network looked anywhere, both would be equal.


# %% figure="on_the_object"
def share_on_object(count: int) -> dict[str, object]:
    """For right and for wrong predictions: share of the positive drops on the object, and of the places."""
    x, labels = new_emoji.tensors(device)
    model = net.to(device)
    guesses = training.scores(model, x, device=device).argmax(1)
    found: dict[str, list[tuple[float, float]]] = {"right": [], "wrong": []}
    for k in progress.bar(range(count), "covering"):
        drops = occlusion_map_batched(model, x[k], int(guesses[k]), 8, 3, 0.0, 81).clamp(min=0).cpu().numpy()
        on = new_emoji.masks[k, 0, 4:29:3, 4:29:3] > 0  # the middles of the squares
        if drops.sum() > 0:
            kind = "right" if guesses[k] == labels[k].cpu() else "wrong"
            found[kind].append((float(drops[on].sum() / drops.sum()), float(on.mean())))
    net.cpu()
    return {kind: np.array(pairs, np.float32) for kind, pairs in found.items()}


looked = experiments.run("looked", share_on_object, 20 if small else 100)
figure, ax = plt.subplots(figsize=(7.5, 3.5))
for k, kind in enumerate(("right", "wrong")):
    pairs = 100 * looked[kind].reshape(-1, 2)
    for j, (values, colour) in enumerate(((pairs[:, 0], plots.OUTPUT), (pairs[:, 1], plots.GREY))):
        error = 2 * values.std() / max(len(values), 1) ** 0.5
        place = k + 0.36 * j - 0.18
        ax.bar(
            place, values.mean(), 0.32, yerr=error, color=plots.tint(colour, 0.5), ecolor=plots.INK, capsize=4
        )
        ax.text(place, values.mean() + error + 2, f"{values.mean():.0f} %", ha="center")
ax.bar(0, 0, color=plots.tint(plots.OUTPUT, 0.5), label="share of the drops on the emoji")
ax.bar(0, 0, color=plots.tint(plots.GREY, 0.5), label="share of the places on the emoji")
ax.set_xticks((0, 1), [f"{kind} predictions\n({len(looked[kind])} pictures)" for kind in ("right", "wrong")])
ax.set_ylabel("share [%]")
ax.set_ylim(0, 100)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plots.finish(
    figure,
    alt="Bars with error bars: the share of positive drops that falls on the emoji and the share of "
    "places that lie "
    "there, for right and for wrong predictions.",
)

# %% [markdown]
# Where the network is right, about three quarters of the drops fall on the emoji, although only a half of the
# places lie there. Where it is wrong, both shares are smaller: these emoji are smaller. But even then it
# looks mostly at the thing, and not just anywhere. It has seen it, and calls it by the wrong name. (The lines
# show twice the standard error.)
#
# **And the price.** A map of 13 × 13 places costs 170 predictions. One by one, or in batches:

# %% figure="occlusion_cost"
image = new_emoji.tensors(device)[0][0]
model = net.to(device)
costs = [
    timing.measure(
        occlusion_map_batched,
        model,
        image,
        0,
        8,
        2,
        0.0,
        size,
        label=f"batches of {size}",
        repeats=3,
        device=device,
    )
    for size in (1, 8, 64, 169)
]
net.cpu()
for size, seconds in zip((1, 8, 64, 169), costs, strict=True):
    print(f"at most {size:3d} pictures at once: {timing.in_words(seconds):>7s}")
print(
    f"PyTorch on {devices.describe(device)}: batches of 64 are about {costs[0] / costs[2]:.0f} times faster"
)

# %% [markdown]
# **A large network on a photograph.** Networks trained on a million photographs of 1000 classes can be had
# ready made. Here is what EfficientNet-Lite0 (after Tan and Le, 2019) says to a cup of coffee, with a square
# of 42 pixels. The map was made beforehand and lies in the course's data.

# %% figure="coffee" tags=["keep-output"]
stored = pretrained.occlusion_of_coffee()
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), width_ratios=[1, 1, 1])
covered = stored.image.copy()
i, j = np.unravel_index(stored.drop.argmax(), stored.drop.shape)
top, edge = i * stored.stride, j * stored.stride
covered[:, top : top + stored.patch, edge : edge + stored.patch] = 0.5
axes[0].imshow(plots.for_imshow(stored.image))
axes[0].set_title(f"P({stored.label}) = {stored.probability:.2f}")
axes[1].imshow(plots.for_imshow(covered))
axes[1].set_title(f"P({stored.label}) = {stored.probability - stored.drop.max():.2f}")
filter_drawings.overlay(
    axes[2], stored.image, stored.drop, stored.patch, stored.stride, float(np.abs(stored.drop).max())
)
axes[2].set_title("drop, for every place")
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="A photograph of a cup of coffee that the network calls espresso; the same with a grey square "
    "where it hurts "
    "most and a lower probability; and the map of drops, orange at the cup.",
)

# %% [markdown]
# **And live?** The network is not part of the course: it comes in three small packages, 20 MB. If they are
# installed, the cell below asks it about a cat, with *your* function. If not, it prints the command that
# installs them, and you miss nothing that you need. (About 5 seconds on a CPU, by estimate one on a GPU.)


# %% figure="live_network"
def ask_large_network() -> dict[str, object]:
    """An occlusion map by the pretrained network, or the reason why there is none."""
    try:
        large = pretrained.load_classifier(device)
    except pretrained.NotInstalled as missing:
        return {"words": str(missing), "image": np.zeros((3, 1, 1)), "drops": np.zeros((1, 1))}
    image = pretrained.middle(pictures.load("cat"))
    image = F.interpolate(torch.tensor(image)[None], (224, 224), mode="bilinear", antialias=True)[0]
    probabilities = large.probabilities(image.to(device))
    target = int(probabilities.argmax())
    drops = occlusion_map_batched(large.model, large.preprocess(image.to(device))[0], target, 42, 26, 0.0, 16)
    words = f"{large.classes[target]}: {float(probabilities.max()):.2f}"
    return {"words": words, "image": image.numpy(), "drops": drops.cpu().numpy()}


live = experiments.run("large network", ask_large_network)
print(live["words"])
if live["drops"].size > 1:
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.7))
    axes[0].imshow(plots.for_imshow(live["image"]))
    axes[0].set_axis_off()
    filter_drawings.overlay(axes[1], live["image"], live["drops"], 42, 26, float(np.abs(live["drops"]).max()))
    plots.finish(figure, alt="A photograph of a cat and the occlusion map of its class.")

# %% [markdown]
# > **To sleep on.** The square is filled with 0, which is the mean colour of the training pictures, a grey.
# > Why not with black? And could the edge of the square itself look like something to the network?

# %% [markdown]
# ## 13 · Are the classes linearly separable?
#
# A linear classifier can draw straight lines only. Left, two classes that no straight line separates. Right,
# the same points after one feature was computed. **Which feature?**

# %% figure="draw_separable" tags=["keep-output"]
numbers = np.random.default_rng(4)
points = numbers.uniform(-1, 1, size=(160, 2))
points = points[np.abs(points).min(axis=1) > 0.08]
kind = points[:, 0] * points[:, 1] > 0
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
for ax, x, y in ((axes[0], points[:, 0], points[:, 1]), (axes[1], points[:, 0], points[:, 0] * points[:, 1])):
    ax.plot(x[kind], y[kind], "o", color=plots.SERIES[1], markersize=6)
    ax.plot(x[~kind], y[~kind], "s", color=plots.SERIES[0], markersize=5)
    ax.set_xlabel("$x_1$")
axes[0].set_ylabel("$x_2$")
axes[1].set_ylabel("a feature of $x_1$ and $x_2$")
axes[1].axhline(0, color=plots.WEIGHTS, linewidth=3)
axes[0].set_title("no straight line separates them")
axes[1].set_title("one does")
plots.finish(
    figure,
    alt="Left, dots in two opposite quadrants and squares in the other two. Right, plotted against a "
    "feature, the "
    "dots lie above an orange line and the squares below it.",
)

# %% [markdown]
# The product $x_1 x_2$. Both classes are where they were; only the *description* of the points has changed.
# That is the job of all layers but the last: **describe the pictures so that the classes become linearly
# separable.** The last layer of most ConvNets is a linear classifier.
#
# A **linear probe** measures how far a layer has come. Freeze the network, take the activations of one layer
# as features, train a linear classifier on them, and count its right answers on other pictures.
#
# **By hand.** Two classes on a line. Class A lies at $1$ and $3$, class B at $9$ and $11$. Write the classes
# as numbers, A as 0 and B as 1, and fit a straight line: $s = 0.5 + 0.12\,(x - 6)$, nearly. It passes
# $\tfrac12$ in the middle, at 6. A new point at 5 has $s = 0.38$: class A. For more classes, fit one line for
# each (*is it this class: 1 or 0?*) and take the class whose line is highest.
#
# **The formula.** With features $\phi$: $(N, d)$, labels as rows of 0 and 1 $Y$: $(N, c)$, weights $W$:
# $(d, c)$, intercepts $b$: $(c)$,
#
# $$\min_{W, b}\; \frac1N \lVert \phi W + b - Y \rVert^2 + \lambda \lVert W \rVert^2
# \quad\Rightarrow\quad
# W = \bigl(\tilde\phi^{\mathsf T}\tilde\phi + \lambda N I\bigr)^{-1} \tilde\phi^{\mathsf T} \tilde Y$$
#
# where the tilde means: minus its mean over the training pictures. $\lambda$ is the penalty `l2`. It keeps
# the weights small where there are more features than pictures; without it the matrix has no inverse.
#
# ### Exercise: `linear_probe`
#
# ★★ · 20 minutes · 6 points
#
# Least squares as above, or softmax regression: any linear classifier with an intercept and a penalty will
# do. The check counts right answers on data where all of them agree.
#
# <details><summary>Hint 1: make the features even</summary>
#
# Flatten everything behind the first axis. Then take the mean of each feature away and divide by its spread;
# both from the *training* pictures, also for the test pictures. A feature that never changes has the spread
# 0.
# </details>
# <details><summary>Hint 2: labels as rows of 0 and 1</summary>
#
# `np.unique(train_y)` lists the classes; comparing a column of labels with this row gives a table of true and
# false. In the end, translate the number of the highest column back into a label.
# </details>
# <details><summary>Hint 3: it takes too long</summary>
#
# `np.linalg.solve(A, B)` is quicker and more exact than an inverse. And with more features than pictures
# there is a smaller matrix: $(\tilde\phi\tilde\phi^{\mathsf T} + \lambda N I)$ is $N \times N$, and
# $W = \tilde\phi^{\mathsf T}(\tilde\phi\tilde\phi^{\mathsf T} + \lambda N I)^{-1}\tilde Y$ is the same $W$.
# </details>


# %% solution="linear_probe"
def linear_probe(
    train_x: np.ndarray,
    train_y: np.ndarray,
    test_x: np.ndarray,
    test_y: np.ndarray,
    l2: float = 1e-2,
) -> float:
    """Train a linear classifier on features and say how often it is right on others.

    Any linear classifier with an intercept and a penalty on its weights will do: least squares on labels
    written as 0 and 1 (one column for each class), or softmax regression.

    Args:
        train_x, test_x: features, (N, ...) and (M, ...): everything behind the first axis is flattened.
        train_y, test_y: labels, (N,) and (M,), whole numbers.
        l2: weight of the penalty (the sum of the squared weights, without the intercept), at least 0: the
            larger, the smaller the weights.

    Returns:
        the accuracy on the test set, a float in [0, 1].
    """
    ### BEGIN SOLUTION
    train = train_x.reshape(len(train_x), -1).astype(float)
    test = test_x.reshape(len(test_x), -1).astype(float)
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread[spread == 0] = 1
    train, test = (train - centre) / spread, (test - centre) / spread

    classes = np.unique(train_y)
    wanted = (train_y[:, None] == classes).astype(float)
    intercept = wanted.mean(axis=0)  # the features are centred
    n, d = train.shape
    penalty = max(l2, 1e-9) * n
    if d <= n:
        weight = np.linalg.solve(train.T @ train + penalty * np.eye(d), train.T @ (wanted - intercept))
        scores = test @ weight
    else:  # the same solution by a smaller matrix
        pull = np.linalg.solve(train @ train.T + penalty * np.eye(n), wanted - intercept)
        scores = test @ (train.T @ pull)
    guesses = classes[(scores + intercept).argmax(axis=1)]
    return float((guesses == test_y).mean())
    ### END SOLUTION


# %% check="linear_probe" points=2
checks.run("linear_probe", linear_probe)

# %% hidden="linear_probe" points=4
# Hidden cases: features far from zero and of different sizes, more features than images, volumes, two classes
# and many, classes of different sizes, labels that do not start at 0, inputs left as they were.
checks.run("linear_probe", linear_probe, hidden=True)

# %% [markdown]
# **Your probe at work** on the points above, and on others. The table is compared with ours.

# %% regression="separable_or_not"
numbers = np.random.default_rng(5)
points = numbers.uniform(-1, 1, size=(600, 2))
points = points[np.abs(points).min(axis=1) > 0.1]
half = len(points) // 2
with_product = np.c_[points, points[:, :1] * points[:, 1:]]
rings = np.hypot(*points.T)
print("classes                  features                accuracy")
for name, labels, features, words in (
    ("left and right", points[:, 0] > 0, points, "x1, x2"),
    ("opposite quadrants", points[:, 0] * points[:, 1] > 0, points, "x1, x2"),
    ("opposite quadrants", points[:, 0] * points[:, 1] > 0, with_product, "x1, x2, x1 · x2"),
    ("inside and outside", rings > 0.75, points, "x1, x2"),
    ("inside and outside", rings > 0.75, points**2, "x1², x2²"),
):
    labels = labels.astype(int)
    reached = linear_probe(features[:half], labels[:half], features[half:], labels[half:], 1e-3)
    verdict = "nearly all" if reached > 0.93 else "a good half" if reached < 0.72 else "in between"
    print(f"{name:24s} {words:23s} {verdict}")

# %% [markdown]
# **The claim measured: separability grows with depth.** The features are the pixels, then what each block
# gives. The probe learns on 600 new pictures and is tested on 300 others, and on 800 pictures of
# new emoji. Three networks that differ in their seed, and the same three *before* they had learned anything.
# For the recap at the beginning there is one more competitor: **features by hand**, your eight directions of
# section 6, on brightness and two colour contrasts, each pooled to 4 × 4 places. (About 15 seconds on a CPU.)


# %% figure="probe_by_depth"
def features_by_hand(images: torch.Tensor) -> np.ndarray:
    """Answers of the oriented filters, positive and negative apart, averaged over 4 x 4 places."""
    bank = torch.tensor(oriented_filters(8, 7, 1.2), dtype=torch.float32)
    red, green, blue = images.split(1, dim=1)
    answers = [
        F.conv2d(channel, bank, padding=3) for channel in (red + green + blue, red - green, green - blue)
    ]
    both = torch.cat([part for answer in answers for part in (answer.relu(), (-answer).relu())], dim=1)
    colours = F.adaptive_avg_pool2d(images, 4)
    return torch.cat([F.adaptive_avg_pool2d(both, 4), colours], dim=1).numpy()


def probe_all() -> dict[str, object]:
    """Accuracies of linear probes by depth, on new pictures and new emoji."""
    x, y = new_pictures.tensors()
    other, z = new_emoji.tensors()

    def both(features: np.ndarray, unseen: np.ndarray) -> list[float]:
        learn, labels = features[: 2 * half], y[: 2 * half].numpy()
        return [
            linear_probe(learn, labels, features[2 * half : 3 * half], y[2 * half : 3 * half].numpy(), 1.0),
            linear_probe(learn, labels, unseen, z.numpy(), 1.0),
        ]

    result: dict[str, object] = {
        "pixels": both(x.numpy(), other.numpy()),
        "by hand": both(features_by_hand(x), features_by_hand(other)),
    }
    for name in ("learned", "fresh"):
        table = []
        for seed in progress.bar(seeds, f"probing {name} networks"):
            model = small_net(seed)
            if name == "learned":
                training.unpack(model, trained[f"net {seed}"])
            else:
                training.settle(model, x[: 2 * half])
            inside, unseen = record_activations(model, x), record_activations(model, other)
            table.append([both(inside[layer].numpy(), unseen[layer].numpy()) for layer in blocks])
        result[name] = np.array(table, np.float32)  # (seeds, blocks, 2)
    return result


half = 100 if small else 300
blocks = ("relu1", "relu2", "relu3")
probed = experiments.run("probes", probe_all)
figure, axes = plt.subplots(1, 2, figsize=(11.5, 4), sharey=True)
for side, (ax, title) in enumerate(zip(axes, ("new pictures", "new emoji"), strict=True)):
    for name, style, colour in (("learned", "-o", plots.SERIES[0]), ("fresh", "--s", plots.SERIES[1])):
        values = 100 * np.stack(
            [np.r_[probed["pixels"][side], seed[:, side]] for seed in probed[name]]
        )  # (seeds, depths)
        ax.errorbar(
            range(4),
            values.mean(axis=0),
            [values.mean(axis=0) - values.min(axis=0), values.max(axis=0) - values.mean(axis=0)],
            fmt=style,
            color=colour,
            capsize=5,
            label=f"{name} network",
        )
        ax.text(3.12, values[:, 3].mean(), f"{values[:, 3].mean():.0f}", va="center", color=colour)
    ax.axhline(100 * probed["by hand"][side], color=plots.WEIGHTS, linestyle=":", label="features by hand")
    ax.set_xticks(range(4), ["pixels", "block 1", "block 2", "block 3"])
    ax.set_title(title)
    ax.set_xlim(-0.2, 3.5)
axes[0].set_ylabel("right answers of a linear probe [%]")
axes[0].set_ylim(0, 100)
axes[1].legend(loc="lower right")
plots.finish(
    figure,
    alt="Accuracy of a linear probe by depth, with bars from the lowest to the highest of three seeds, "
    "for new "
    "pictures and new emoji. For learned networks it rises from the pixels over block 1 and 2 to block 3; "
    "for fresh "
    "networks it rises little; features by hand lie as a dotted line between the two.",
)

# %% [markdown]
# In the learned networks every block makes the classes easier to separate, from the pixels to the last one:
# with new pictures from below 40 % to about 70 %. In fresh networks the first blocks help a
# little, the last not at all.
#
# And the features by hand? They beat the pixels and every fresh network, and the *first* blocks of the
# learned ones. People's ideas were good. But the learned features of the last block are better, and nobody
# had to have an idea.
#
# **Are the features good for anything else?** The lecture has an unserious task: *dog or food?* Our network
# has never seen food, and was never asked this question. Are dogs and food linearly separable in what it
# computes? The probe learns from 700 pictures. It is tested on other drawings of the same things, and on
# things of which it has seen none.


# %% figure="dog_or_food"
def probe_dog_or_food() -> dict[str, object]:
    """Accuracy of a probe on pixels and on the features of the networks, fresh and learned."""
    count = 100 if small else 700
    learn = datasets.load("dog_or_food", "train", n=count)
    tests = [datasets.load("dog_or_food", split, n=count // 2) for split in ("test", "unseen")]
    x, y = learn.tensors()
    others = [test.tensors() for test in tests]

    def reached(model: nn.Module) -> list[float]:
        learned_from = record_activations(model, x)["relu3"].numpy()
        features = [record_activations(model, other)["relu3"].numpy() for other, _ in others]
        return [
            linear_probe(learned_from, y.numpy(), part, labels.numpy(), 1.0)
            for part, (_, labels) in zip(features, others, strict=True)
        ]

    pixels = [linear_probe(x.numpy(), y.numpy(), other.numpy(), z.numpy(), 1.0) for other, z in others]
    shown = [int(np.flatnonzero(tests[0].labels == k)[j]) for k in (0, 1) for j in (0, 5, 10)]
    return {
        "pixels": [pixels],
        "fresh": [reached(training.settle(small_net(seed), x)) for seed in seeds],
        "learned": [reached(training.unpack(small_net(seed), trained[f"net {seed}"])) for seed in seeds],
        "shown": tests[0].images[shown],
        "names": [learn.classes[k] for k in tests[0].labels[shown]],
    }


dogs = experiments.run("dog or food", probe_dog_or_food)
figure = plt.figure(figsize=(11.5, 3.6))
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.3])
for ax, image, name in zip(left.subplots(2, 3).flat, dogs["shown"], dogs["names"], strict=True):
    ax.imshow(plots.for_imshow(image / 255), interpolation="nearest")
    ax.set_title(name, fontsize=11)
    ax.set_axis_off()
ax = right.subplots()
for side, (name, colour) in enumerate(
    (("other drawings", plots.SERIES[0]), ("other things", plots.SERIES[1]))
):
    for k, features in enumerate(("pixels", "fresh", "learned")):
        values, place = 100 * dogs[features][:, side], k + 0.4 * side - 0.2
        ax.bar(place, values.mean(), 0.36, color=plots.tint(colour, 0.35), label=name if k == 0 else None)
        ax.plot([place] * len(values), values, "_", color=colour, markersize=15)
        ax.text(place, values.max() + 2, f"{values.mean():.0f}", ha="center", fontsize=11)
ax.axhline(50, color=plots.GREY, linestyle=":", linewidth=1.5, label="chance")
ax.set_xticks(range(3), ["pixels", "block 3, fresh\nnetworks", "block 3, learned\non EmojiTen"])
ax.set_ylabel("right answers [%]")
ax.set_ylim(0, 115)
ax.set_yticks(range(0, 101, 25))
ax.legend(loc="upper left", ncols=3, fontsize=11)
plots.finish(
    figure,
    alt="Three small pictures of dogs and three of food, and bars of accuracy with a mark for each seed: "
    "on other "
    "drawings of the same things the learned features are best, before fresh ones and pixels; on other "
    "things all "
    "three are close together, a little above chance.",
)

# %% [markdown]
# On other drawings of known things, features learned for *ten other classes* are clearly the best: about
# 80 %. On things of which the probe has seen none they are no help: about 60 % for everybody. **Transfer
# works as far as the new pictures resemble the old ones.** Whoever reports only one of the two tests tells
# half of the story.
#
# > **To sleep on.** A probe of high accuracy shows that the information is *there*, in linear form. Does it
# > show that the network *uses* it? What would you do to find out?

# %% [markdown]
# ## 14 · Knowledge checks
#
# Four questions, one point each. Write the answer into the cell; it is marked after you hand in.
#
# **Question 1.** PyTorch's convolution layers do not turn their filters; they correlate. A friend builds a
# layer that turns them first, as mathematicians do, and trains the same network anew. **What happens?**
#
# - (a) It learns nothing useful: the filters look at the wrong pixels.
# - (b) It learns the same filters, turned by 180°, and is as good.
# - (c) Dark and bright are exchanged in all its feature maps.
# - (d) It works with symmetric filters only.

# %% solution="quiz_flip" stub=""
quiz_flip = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_flip = "b"
### END SOLUTION


# %% check="quiz_flip" points=0
checks.quiz("quiz_flip", quiz_flip)

# %% hidden="quiz_flip" points=1
# Question 1, the flip in a network: your answer is marked here after you hand in.
checks.quiz("quiz_flip", quiz_flip, hidden=True)

# %% [markdown]
# **Question 2.** The kernel $\begin{bmatrix}1&2&1\\0&0&0\\-1&-2&-1\end{bmatrix}$ slides, as it is, over a
# picture whose left half is black and whose right half is white. **What does it answer at the edge in the
# middle, away from the border?**
#
# - (a) a strong positive number
# - (b) a strong negative number
# - (c) zero
# - (d) it depends on how wide the picture is

# %% solution="quiz_sobel" stub=""
quiz_sobel = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_sobel = "c"
### END SOLUTION


# %% check="quiz_sobel" points=0
checks.quiz("quiz_sobel", quiz_sobel)

# %% hidden="quiz_sobel" points=1
# Question 2, what the filter differentiates: your answer is marked here after you hand in.
checks.quiz("quiz_sobel", quiz_sobel, hidden=True)

# %% [markdown]
# **Question 3.** A Gaussian kernel of 15 × 15 is applied as a column and a row. **How many multiplications
# per pixel does that take?** Answer with a whole number.

# %% solution="quiz_separable" stub=""
quiz_separable = None  # a whole number
### BEGIN SOLUTION
quiz_separable = 30
### END SOLUTION


# %% check="quiz_separable" points=0
checks.quiz("quiz_separable", quiz_separable)

# %% hidden="quiz_separable" points=1
# Question 3, the work of a separable filter: your answer is marked here after you hand in.
checks.quiz("quiz_separable", quiz_separable, hidden=True)

# %% [markdown]
# **Question 4.** A network says *cat* with 99 %. You cover every place once with a small square, and nowhere
# does the probability drop noticeably. **What follows?**
#
# - (a) The network does not look at the picture.
# - (b) The map has been computed wrongly.
# - (c) Every pixel counts equally.
# - (d) No single square hides enough: what the network needs may stand in several places.

# %% solution="quiz_occlusion" stub=""
quiz_occlusion = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_occlusion = "d"
### END SOLUTION


# %% check="quiz_occlusion" points=0
checks.quiz("quiz_occlusion", quiz_occlusion)

# %% hidden="quiz_occlusion" points=1
# Question 4, what an occlusion map says: your answer is marked here after you hand in.
checks.quiz("quiz_occlusion", quiz_occlusion, hidden=True)

# %% [markdown]
# ## Your tables, compared with ours
#
# This notebook has eight tables that your functions printed, from the sums of weights in section 1 to the
# separable points in section 13. When it is graded, they are computed once more and compared with ours. Each
# one that agrees earns its share of 5 points.

# %% regression_points=5
# Nothing to do here: the points for the tables are entered in this cell.

# %% [markdown]
# ## What you have now
#
# | you can | because you wrote |
# |---|---|
# | slide a kernel over a picture, either way round | `correlate2d`, `convolve2d` |
# | find edges, their strength and direction | `image_gradients`, `oriented_filters` |
# | blur, and do it cheaply | `gaussian_kernel`, `separate`, `filter_separable` |
# | learn a filter from a picture before and after | `filter_loss`, `learn_filter`, `learn_filter_bank` |
# | look at filters and at what they answer | `filters_to_grid`, `record_activations` |
# | find the pixels on which a prediction rests | `occlusion_map`, `occlusion_map_batched` |
# | measure what a layer has made of the pixels | `linear_probe` |
#
# In section 10 the training loop, the pooling and the gradients were given. **How does the gradient find its
# way back through a maximum, a ReLU, a convolution?** Notebook 3 builds all of it, and trains a network that
# is yours from the first line to the last.
