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
#   title: "3 · Pooling and backpropagation"
#   course:
#     limits:
#       cell_seconds: 15
#       call_seconds: 5
#       total_seconds: 90
#       memory_mb: 1536
# ---

# %% [markdown]
# # 3 · Pooling and backpropagation
#
# So far a layer only looked *forward*. In this notebook layers learn to look *back*: each says how every
# number it saw should change so that the answer gets better. First you meet pooling, the layer that makes
# volumes smaller and answers steadier. Then you write the way back through every layer, one by one. Put
# together, they are a network that learns, made of nothing but your own NumPy.
#
# **After it you can**
#
# - pool a volume over space and over channels, and say what becomes stable by it;
# - measure any gradient, and derive it layer by layer: pooling, ReLU, linear, convolution, two losses;
# - build a ConvNet and bring it up the sanity ladder: loss at start, gradient check, overfit, train;
# - tell full, mini-batch and stochastic gradient descent apart, and measure what each costs;
# - teach PyTorch a function of your own, and train on a GPU if you have one.
#
# You need notebook 1. Of notebook 2 only its bank of edge filters returns; it is given here.
#
# ## The way through
#
# | | section | you write | difficulty | minutes | points |
# |---:|---|---|:---:|---:|---:|
# | 1 | Keep the strongest | `max_pool2d` | ★★ | 25 | 7 |
# | 2 | Keep the mean | `avg_pool2d` | ★ | 15 | 3 |
# | 3 | The picture moves by one pixel | `shift_stability` | ★★ | 20 | 4 |
# | 4 | The strongest of several filters | `max_over_channels` | ★★ | 20 | 4 |
# | 5 | Nudge and see | `numerical_gradient`, `relative_error` | ★★ | 30 | 8 |
# | 6 | The way back through pooling | three backward functions | ★★ | 35 | 13 |
# | 7 | Back through ReLU and a linear layer | `relu_backward`, `linear_backward` | ★ | 25 | 6 |
# | 8 | Back through a convolution | `conv2d_backward` | ★★★ | 40 | 10 |
# | 9 | How wrong is a list of scores? | `softmax_loss`, `svm_loss` | ★★ | 30 | 9 |
# | 10 | A ConvNet of your own | `ConvNet` | ★★★ | 40 | 9 |
# | 11 | Downhill | `gradient_descent`, `minibatch_sgd` | ★★ | 40 | 8 |
# | 12 | On the GPU: a function that knows its way back | `MaxPool2dFunction` | ★★★ | 25 | 5 |
# | 13 | On the GPU: the training loop | `train_epoch`, `evaluate` | ★★ | 25 | 5 |
# | 14 | Knowledge checks | four answers | ★ | 10 | 4 |
# | | your tables, compared with ours | – | | | 5 |
# | | **together** | | | **about 6 h** | **100** |
#
# ## How to work
#
# Run the cells from top to bottom (`Shift`+`Enter`). In each exercise, replace the line
# `raise NotImplementedError(...)` by your code. The cell below it checks your answer and tells you what is
# wrong. Hidden checks look at more cases later; their comments say at which. Stuck? Open one hint, try again,
# then open the next.
#
# Sections 1 to 5 and 6 to 9 make two good sittings, 10 to 14 a third one.
#
# ## The symbols
#
# | symbol | meaning |
# |---|---|
# | $N, C, H, W$ | images in a batch, channels, height, width |
# | $k, s$ | size of a window and its step, in pixels |
# | $f_l$ | a layer; $h_l = f_l(h_{l-1})$ is what it makes, $h_0 = x$ the input |
# | $L$ | the loss: one number, the smaller the better |
# | $\partial L / \partial h$ | gradient: how fast $L$ changes with each number of $h$; it has $h$'s shape |
# | `dy`, `dx`, `dweight` | short for $\partial L/\partial y$, and so on |
#
# Colours mean the same in all figures: **input is blue, weights are orange, outputs are green, gradients are
# red.**

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
            f"folder (notebooks/03_pooling_backprop/), or get the whole course from {COURSE}"
        ) from None
    sys.modules.pop("utils", None)  # somebody else's package of that name
    sys.path.insert(0, str(course))

import time
from collections.abc import Callable, Iterable, Sequence

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
    graph_drawings,
    pictures,
    plots,
    pool_drawings,
    progress,
    timing,
)
from utils.convolution import conv2d
from utils.edge_bank import edge_filters
from utils.probes.ladder import climb

plots.use_style()
device = devices.default_device()
print(f"Ready. PyTorch will work on: {device}")

# %% [markdown]
# You will try your functions out on the photograph that you know from notebook 1.

# %% given="photograph"
photo = pictures.photograph()

# %% [markdown]
# ## 1 · Keep the strongest
#
# A layer has marked where it found edges: large numbers, small numbers. The next layer wants to know
# *whether* there is an edge hereabouts, not at which pixel. So it looks through windows of 2 × 2, side by
# side, and keeps the largest number of each. **Of the 24 numbers below six are kept. Which?** (The small
# numbers count the pixels.)

# %% figure="draw_max_pooling" tags=["keep-output"]
marks = np.array([[1, 3, 2, 0, 5, 1], [4, 2, 6, 6, 0, 2], [0, 1, 3, 2, 2, 7], [5, 2, 1, 0, 8, 4]])
plots.finish(
    pool_drawings.max_pooling(marks, 2),
    alt="A grid of 4 by 6 numbers in six framed windows of 2 by 2; the largest number of each window is "
    "filled green. To the right the six largest numbers, 4 6 5 and 5 3 8, and the places where they "
    "stood, 6 8 4 and 18 14 22.",
)

# %% [markdown]
# This is **max pooling**. It has no weights; nothing in it is learned. Each channel is pooled on its own, so
# the depth stays.
#
# Besides the numbers we keep *where* each of them stood, the **argmax**. The way back will need it (section
# 6).
#
# **By hand.** The second window in the upper row holds 2, 0 / 6, 6. The largest is 6, and it is there twice.
# We give the win to the first one, reading row by row: row 1, column 2. In a plane of 6 columns that is place
# $1 \cdot 6 + 2 = 8$.
#
# **The formula.** With windows of $k \times k$ and stride $s$ (usually $s = k$),
#
# $$y_{n,c,i,j} = \max_{0 \le u, v < k} x_{n,\,c,\,is+u,\,js+v}$$
#
# - $x$: $(N, C, H, W)$, and $y$: $(N, C, H_\text{out}, W_\text{out})$ with
#   $H_\text{out} = \lfloor (H - k)/s \rfloor + 1$, the width likewise; there is no padding;
# - argmax: the shape of $y$; place $(is + u)\,W + (js + v)$ for the winning $u, v$.
#
# ### Exercise: `max_pool2d`
#
# ★★ · 20 minutes · 7 points
#
# The check compares both answers: numbers and places, windows that overlap, rests at the border, ties.
#
# <details><summary>Hint 1: loops first</summary>
#
# Four loops over $n, c, i, j$ and one window in each are right, but slow. Then turn it round: loop over the
# $k^2$ places *inside* a window, and treat all windows at once.
# </details>
# <details><summary>Hint 2: one place of all windows</summary>
#
# `x[:, :, u : u + h_out * stride : stride, v : v + w_out * stride : stride]` holds, for every window, its
# pixel at $(u, v)$. Compare it with the best seen so far.
# </details>
# <details><summary>Hint 3: ties and places</summary>
#
# A strict `>` leaves the earlier one in place. Remember the winner's offset from the window's first pixel,
# $uW + v$, and add the place of that first pixel at the end.
# </details>


# %% solution="max_pool2d"
def max_pool2d(x: np.ndarray, kernel_size: int, stride: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Keep the largest number of every window, and remember where it stood.

    Args:
        x: activations, (N, C, H, W). Not modified.
        kernel_size: height and width of a window, in pixels, at least 1.
        stride: step of the windows along both axes, in pixels, at least 1; None means kernel_size.

    Returns:
        (y, argmax), two arrays (N, C, H_out, W_out) with H_out = (H - kernel_size) // stride + 1, the width
        likewise. y has x's dtype. argmax holds whole numbers: where each maximum stands in its own H x W
        plane, counted row by row, i * W + j for row i and column j. Of equal maxima the first one in this
        order counts.

    Raises:
        ValueError: with the numbers in the message, if kernel_size or stride is below 1, and where no window
            fits.
    """
    ### BEGIN SOLUTION
    stride = kernel_size if stride is None else stride
    height, width = x.shape[2:]
    if kernel_size < 1 or stride < 1:
        raise ValueError(f"bad kernel size {kernel_size} or stride {stride}")
    if kernel_size > min(height, width):
        raise ValueError(f"a window of {kernel_size} x {kernel_size} does not fit {height} x {width}")
    h_out, w_out = (height - kernel_size) // stride + 1, (width - kernel_size) // stride + 1

    # One place (i, j) inside the window at a time, for all windows at once.
    y = x[:, :, : h_out * stride : stride, : w_out * stride : stride].copy()
    offset = np.zeros(y.shape, dtype=np.int64)  # from a window's first pixel to its maximum
    for i in range(kernel_size):
        for j in range(kernel_size):
            pixels = x[:, :, i : i + h_out * stride : stride, j : j + w_out * stride : stride]
            larger = pixels > y  # not >=: of equal maxima the first one stays
            np.maximum(offset, larger * (i * width + j), out=offset)  # later places have larger offsets
            np.maximum(y, pixels, out=y)
    first = np.arange(h_out)[:, None] * stride * width + np.arange(w_out) * stride
    return y, first + offset
    ### END SOLUTION


# %% check="max_pool2d" points=3
checks.run("max_pool2d", max_pool2d)

# %% hidden="max_pool2d" points=4
# Hidden cases: several images and channels, windows that overlap or leave gaps, a rest at the border, equal
# maxima, negative numbers, float32 and whole numbers, inputs left as they were, wrong arguments.
checks.run("max_pool2d", max_pool2d, hidden=True)

# %% [markdown]
# **Your function at work.** A filter looks for edges, then your pooling shrinks its answers. Look at the thin
# lines.

# %% figure="max_pool_at_work"
upright = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=np.float32)[None, None] / 4
edges = np.abs(conv2d(photo.mean(axis=0)[None, None], upright, padding=1))
pooled = {k: max_pool2d(edges, k)[0] for k in (2, 4, 8)}
plots.show_images(
    [2 * edges[0, 0], *[2 * small[0, 0] for small in pooled.values()]],
    ["edges  150 × 128", *[f"{k} × {k}: {small.shape[2]} × {small.shape[3]}" for k, small in pooled.items()]],
    alt="Edges of the photo, and the same after max pooling by 2, 4 and 8: coarser and coarser, but every "
    "edge is still there and as bright as before.",
    height=2.9,
)

# %% [markdown]
# The picture gets coarse, but no edge gets lost, and none gets weaker. Even with one number for 64, the face
# is still framed.
#
# **The claim measured: what it saves, and what it costs.** Pooling by 2 leaves a quarter of the numbers to
# all later layers. Does it cost much itself? Here is your function on 64 volumes, beside PyTorch's and beside
# the convolution before it.

# %% figure="max_pool_time"
x = np.random.default_rng(0).standard_normal((64, 10, 32, 32), dtype=np.float32)
weight = np.random.default_rng(1).standard_normal((10, 10, 3, 3), dtype=np.float32)
tensor = torch.from_numpy(x)
times = {
    "3 × 3 convolution before it": timing.measure(conv2d, x, weight, None, 1, 1, label="pool: conv"),
    "your max_pool2d": timing.measure(max_pool2d, x, 2, label="pool: yours"),
    "PyTorch's": timing.measure(lambda: F.max_pool2d(tensor, 2, return_indices=True), label="pool: torch"),
}
for name, seconds in times.items():
    print(f"{name:28s} {timing.in_words(seconds)}")
print(f"numbers before {x.size:,}, after {max_pool2d(x, 2)[0].size:,}")

# %% regression="pooled"
x = ((np.arange(7 * 9) * 37) % 50 - 20.0).reshape(1, 1, 7, 9)
print("window  stride   output   sum of maxima   places")
for k, s in ((2, 2), (3, 2), (2, 3), (3, 3), (5, 1)):
    y, argmax = max_pool2d(x, k, s)
    places = [int(place) for place in argmax.ravel()]
    print(f"{k:6d} {s:7d}   {y.shape[2]} × {y.shape[3]} {y.sum():12.0f}      {places[:6]} …")

# %% [markdown]
# > **To sleep on.** Pool the photo's edges with 2 × 2 twice, or with 4 × 4 once: is it the same? And with the
# > *mean* in place of the maximum? (Section 2 has the mean.)

# %% [markdown]
# ## 2 · Keep the mean
#
# A single star stands in a dark sky. You shrink the picture to half its size, in three ways. **In which of
# the small pictures is the star still to be seen, and how bright?**

# %% figure="draw_ways_to_shrink" tags=["keep-output"]
sky = np.zeros((4, 6))
sky[2, 3], sky[0, 0] = 8, 2
plots.finish(
    pool_drawings.ways_to_shrink(sky, 2),
    alt="A dark grid of 4 by 6 pixels with a star of 8 and one of 2. The strongest of each 2 by 2 window "
    "keeps 8 and 2. The mean keeps 2 and 0.5. Every second pixel keeps the star of 2 and loses that of "
    "8.",
)

# %% [markdown]
# The strongest keeps both stars as they are. The mean keeps them, but only a quarter as bright. Taking every
# second pixel keeps one by luck and loses the other.
#
# **By hand.** A window holds 1, 3 / 4, 2: its maximum is 4, its mean $(1 + 3 + 4 + 2)/4 = 2.5$, its first
# pixel 1.
#
# **The formula.** With the same windows and the same sizes as in section 1,
#
# $$y_{n,c,i,j} = \frac{1}{k^2} \sum_{u=0}^{k-1} \sum_{v=0}^{k-1} x_{n,\,c,\,is+u,\,js+v}$$
#
# ### Exercise: `avg_pool2d`
#
# ★ · 10 minutes · 3 points
#
# The check compares shape, dtype and values, for windows that overlap and windows that leave gaps.
#
# <details><summary>Hint 1: you have it nearly</summary>
#
# Everything about sizes, errors and slices is as in `max_pool2d`. Only what you do with the $k^2$ slices is
# different, and simpler.
# </details>
# <details><summary>Hint 2: the dtype</summary>
#
# Begin with zeros of x's dtype. Dividing a float32 array by a Python number leaves it float32.
# </details>
# <details><summary>Hint 3: by how much to divide</summary>
#
# By the number of pixels in the window, not by its side.
# </details>


# %% solution="avg_pool2d"
def avg_pool2d(x: np.ndarray, kernel_size: int, stride: int | None = None) -> np.ndarray:
    """Replace every window by its mean.

    Args:
        x: activations, float32 or float64, (N, C, H, W). Not modified.
        kernel_size: height and width of a window, in pixels, at least 1.
        stride: step of the windows along both axes, in pixels, at least 1; None means kernel_size.

    Returns:
        The means, (N, C, H_out, W_out) as for `max_pool2d`, in x's dtype.

    Raises:
        ValueError: with the numbers in the message, if kernel_size or stride is below 1, and where no window
            fits.
    """
    ### BEGIN SOLUTION
    stride = kernel_size if stride is None else stride
    height, width = x.shape[2:]
    if kernel_size < 1 or stride < 1:
        raise ValueError(f"bad kernel size {kernel_size} or stride {stride}")
    if kernel_size > min(height, width):
        raise ValueError(f"a window of {kernel_size} x {kernel_size} does not fit {height} x {width}")
    h_out, w_out = (height - kernel_size) // stride + 1, (width - kernel_size) // stride + 1

    total = np.zeros((*x.shape[:2], h_out, w_out), x.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            total += x[:, :, i : i + h_out * stride : stride, j : j + w_out * stride : stride]
    return total / kernel_size**2
    ### END SOLUTION


# %% check="avg_pool2d" points=1
checks.run("avg_pool2d", avg_pool2d)

# %% hidden="avg_pool2d" points=2
# Hidden cases: several images and channels, windows that overlap or leave gaps, a rest at the border,
# float32, slices of larger arrays, inputs left as they were, wrong arguments.
checks.run("avg_pool2d", avg_pool2d, hidden=True)

# %% [markdown]
# **Your functions at work.** A piece of the photo, shrunk by 6 in three ways.

# %% figure="avg_pool_at_work"
large = pictures.photograph(shrink=1)[:, 120:420, 120:420]
small = {
    "every sixth pixel": large[:, ::6, ::6],
    "the mean of 6 × 6": avg_pool2d(large[None], 6)[0],
    "the strongest of 6 × 6": max_pool2d(large[None], 6)[0][0],
}
plots.show_images(
    [large, *small.values()],
    ["300 × 300", *[f"{name}\n50 × 50" for name in small]],
    alt="A piece of the photo and three small versions. Every sixth pixel looks ragged, the mean looks "
    "smooth, the strongest is too bright.",
    height=2.8,
)

# %% [markdown]
# For the *eye*, the mean is best: what leaves a pixel is shared by its neighbours. The strongest is not made
# for pictures: it brightens all. It is made for **answers of filters**, where a large number means "here it
# is".
#
# **The claim measured.** The star again. It may stand at any of 36 pixels of a window of 6 × 6. What is
# left of it after shrinking?

# %% figure="star"
stars = np.eye(36).reshape(36, 1, 6, 6)  # 36 skies, each with its star at another pixel
left = {
    "every sixth pixel": stars[:, 0, 0, 0],
    "the mean": avg_pool2d(stars, 6)[:, 0, 0, 0],
    "the strongest": max_pool2d(stars, 6)[0][:, 0, 0, 0],
}
figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), sharey=True)
for ax, (name, brightness) in zip(axes, left.items(), strict=True):
    ax.bar(range(36), brightness, color=plots.OUTPUT, width=0.85)
    ax.set_title(f"{name}\nseen {np.mean(brightness > 0):.0%} of the time")
    ax.set_xlabel("where the star stands")
axes[0].set_ylabel("brightness that is left")
plots.finish(
    figure,
    alt="Brightness left of a star for each of its 36 places. Every sixth pixel: 1 at one place, else 0. "
    "The mean: one thirty-sixth everywhere. The strongest: 1 everywhere.",
)

# %% [markdown]
# Subsampling sees it once in 36 times. The mean sees it always, and hardly. The strongest does not care where
# in the window it stands. Hold on to that sentence: it is the reason for the next section.
#
# > **To sleep on.** A dark spot on a bright ground: which of the three keeps it? And what would *min* pooling
# > be good for?

# %% [markdown]
# ## 3 · The picture moves by one pixel
#
# A camera shakes, and the picture moves by one pixel. Below is one row of answers, before and after. **How
# many of the small pictures' numbers change: when you take every second pixel, and when you take the stronger
# of two?**

# %% figure="draw_moved_row" tags=["keep-output"]
plots.finish(
    pool_drawings.moved_row([0, 0, 8, 3, 0, 0, 6, 0]),
    alt="A row of eight pixels, 0 0 8 3 0 0 6 0, and the same moved right by one. Taking every second pixel "
    "gives 0 8 0 6 and then 0 0 3 0: three of four have changed. Taking the stronger of two gives 0 8 0 "
    "6 and then 0 8 3 6: one has changed.",
)

# %% [markdown]
# Three of four change, and one of four. A peak that moves *within* its window changes nothing. So pooling
# makes the answers **stable against small translations**. A peak that leaves its window does change
# something (the 3 in the middle). So the stability is not perfect. How large is it? Let us measure.
#
# **By hand.** Call the small pictures of the upper row $a = (0, 8, 0, 6)$ before and $b = (0, 0, 3, 0)$
# after. Their difference has the length $\sqrt{8^2 + 3^2 + 6^2} \approx 10.4$, and $a$ has the length 10.
# The relative change is 1.04: more than there was before. For the lower row it is $3/10 = 0.3$.
#
# **The formula.** Let $S_t$ move an image by $t$ pixels to the right. The change of a layer $f$ is
#
# $$\text{change}(t) = \frac{\lVert f(S_t\, x) - f(x) \rVert}{\lVert f(x) \rVert},
# \qquad \lVert a \rVert = \sqrt{\textstyle\sum a^2} \text{ over all entries of the batch.}$$
#
# $x$: $(N, C, H, W)$; $f(x)$: any shape. 0 means: did not notice. So that no pixel is lost, the image moves
# *round*: what leaves on the right comes in on the left.
#
# ### Exercise: `shift_stability`
#
# ★★ · 10 minutes · 4 points
#
# The check hands you layers of several kinds and compares the numbers.
#
# <details><summary>Hint 1: moving round</summary>
#
# `np.roll(images, shift, axis=...)` moves round and makes a new array. Which axis is the width?
# </details>
# <details><summary>Hint 2: one number for the batch</summary>
#
# `np.linalg.norm(a)` of an array with several axes, without `axis`, is the root of the sum of all squares.
# </details>
# <details><summary>Hint 3: relative to what?</summary>
#
# To the features of the images as they were. Compute them once, before the loop.
# </details>


# %% solution="shift_stability"
def shift_stability(
    layer: Callable[[np.ndarray], np.ndarray], images: np.ndarray, shifts: Sequence[int]
) -> np.ndarray:
    """Measure how much the answers of a layer change when the images move sideways.

    Args:
        layer: a function that turns images (N, C, H, W) into features, an array of any shape.
        images: the images, (N, C, H, W). Not modified.
        shifts: whole numbers of pixels. The images move so far to the right, round and round: what leaves
            on the right comes in on the left (`np.roll` along the width). Negative ones move to the left.

    Returns:
        One number for each shift, array (len(shifts),): ||layer(moved) - layer(images)|| divided by
        ||layer(images)||, where ||.|| is the root of the sum of squares over the whole batch.
    """
    ### BEGIN SOLUTION
    features = layer(images)
    changes = [np.linalg.norm(layer(np.roll(images, shift, axis=3)) - features) for shift in shifts]
    return np.array(changes) / np.linalg.norm(features)
    ### END SOLUTION


# %% check="shift_stability" points=2
checks.run("shift_stability", shift_stability)

# %% hidden="shift_stability" points=2
# Hidden cases: several images, images that are not square, shifts to the left, shifts of zero and of a whole
# round, layers with answers of any shape, inputs left as they were.
checks.run("shift_stability", shift_stability, hidden=True)

# %% [markdown]
# **Your function at work.** First look at what happens. A layer answers to edges in eight directions, and its
# answers are shrunk by 4. Then the photo moves by one pixel, and we look at the difference.

# %% figure="moved_photo"
bank = edge_filters(3)  # 8 edge filters of 3 × 3, one for each 45°
ways = {
    "every fourth pixel": lambda answers: answers[:, :, ::4, ::4],
    "max pooling 4 × 4": lambda answers: max_pool2d(answers, 4)[0],
    "blurred, then every fourth": lambda answers: avg_pool2d(avg_pool2d(answers, 4, 1), 4, 4),
}


def edge_answers(images):
    """What the bank finds: (N, 1, H, W) to (N, 8, H, W), nothing below 0."""
    return np.maximum(conv2d(images, bank, None, 1, 1), 0)


grey = photo[:, 20:116, 20:116].mean(axis=0)[None, None]
figure, axes = plt.subplots(1, 4, figsize=(12, 3.5))
axes[0].imshow(plots.for_imshow(grey[0]))
axes[0].set_title("photo, to be moved\nby one pixel")
for ax, (name, shrink) in zip(axes[1:], ways.items(), strict=True):
    before, after = (shrink(edge_answers(np.roll(grey, t, axis=3)))[0].max(axis=0) for t in (0, 1))
    change = np.abs(after - before)[:23, 1:23]  # without what moved round
    ax.imshow(change / before.max(), cmap=plots.white_to(plots.GRADIENT), vmin=0, vmax=0.6)
    [amount] = shift_stability(lambda images, way=shrink: way(edge_answers(images)), grey, [1])
    ax.set_title(f"{name}\nchange {amount:.2f}")
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="A piece of the photo, and how much its shrunk edge answers change when it moves by one pixel. "
    "Every fourth pixel: strong changes along all edges. Max pooling: fewer. Blurred: faint ones.",
)

# %% [markdown]
# **The claim measured.** Now on 200 pictures of the EmojiTen collection, for shifts of 0 to 8 pixels.
# (EmojiTen has the ten classes of CIFAR-10; its pictures are drawn symbols on pieces of photographs. You
# will train on it in section 11.) This takes about 3 seconds, on a GPU machine as well: all of it is NumPy.

# %% figure="stability_curves"


def stability():
    """The change by shift for each way of shrinking."""
    images = datasets.load("emojiten", "test", n=200).floats().mean(axis=1, keepdims=True)
    shifts = range(9)
    found = {
        name: shift_stability(lambda images, way=way: way(edge_answers(images)), images, shifts)
        for name, way in progress.bar(ways.items(), "moving images", len(ways))
    }
    return found | {"not shrunk at all": shift_stability(edge_answers, images, shifts)}


result = experiments.run("stability", stability)
figure, ax = plt.subplots(figsize=(8.5, 4))
styles = ("-o", "--s", ":^", "-.")
for (name, change), style, colour in zip(result.items(), styles, plots.SERIES, strict=True):
    ax.plot(range(9), change, style, color=colour, label=f"{name}: {change[1]:.2f} at 1 pixel", markersize=7)
ax.set_xlabel("shift [pixels]")
ax.set_ylabel("relative change of the answers")
ax.set_ylim(0, 1.25)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.finish(
    figure,
    alt="Relative change against the shift. Every fourth pixel rises as steeply as the unshrunk answers, to "
    "0.6 at one pixel and 0.9 at two. Max pooling and blurred subsampling rise about half as steeply.",
)

# %% [markdown]
# Read it slowly.
#
# - Taking every fourth pixel is nearly as nervous as not shrinking at all. It throws pixels away, and gains
#   next to nothing.
# - Max pooling halves the change at one pixel. **Pooling is not downsampling**: it looks at all pixels
#   before it drops any.
# - Blurring first is even steadier at one pixel. It is what a textbook on signals would advise: no step wider
#   than the detail. (R. Zhang, *Making convolutional networks shift-invariant again*, ICML 2019, puts such a
#   blur behind the maximum.)
# - Against shifts of a whole window and more little helps. Stability is for *small* translations.
#
# One caution: change is measured against the size of the answers, and maxima are larger than means.

# %% regression="moved"
numbers = np.random.default_rng(3)
x = numbers.normal(size=(4, 2, 12, 16)).cumsum(axis=3)  # rows that wander: neighbours are alike
layers = {
    "every second pixel": lambda images: images[:, :, ::2, ::2],
    "max pooling": lambda images: max_pool2d(images, 2)[0],
    "mean pooling": lambda images: avg_pool2d(images, 2),
}
change = {name: shift_stability(layer, x, [0, 1, 2, -1, 16]) for name, layer in layers.items()}
print("shift                    0      1      2     -1     16")
for name, values in change.items():
    print(f"{name:20s}" + "".join(f"{value:7.3f}" for value in values))
steady = [bool(change[name][1] < change["every second pixel"][1]) for name in ("max pooling", "mean pooling")]
print(f"steadier than subsampling at one pixel: max pooling {steady[0]}, mean pooling {steady[1]}")

# %% [markdown]
# > **To sleep on.** A network shall say *where* the nose is, to the pixel. Is stability still what you want?
# > (Notebook 4 meets this question with U-Nets.)

# %% [markdown]
# ## 4 · The strongest of several filters
#
# An upright edge filter answers 1 to an upright edge. The edge turns by 45°, then by 90°. **What does the
# filter answer? And which layer would answer 1 to every edge, however it is turned?**

# %% figure="draw_bank" tags=["keep-output"]
fine = edge_filters(9)[::2]  # 8 filters, one for each 45°
ramp = np.mgrid[-15:16, -15:16]


def turned_edge(degrees):
    """A soft edge through the middle, (1, 1, 31, 31), dark to bright in the direction of the angle."""
    t = np.deg2rad(degrees)
    return np.tanh(ramp[1] * np.cos(t) - ramp[0] * np.sin(t)).astype(np.float32)[None, None]


figure, axes = plt.subplots(2, 8, figsize=(11, 3.4))
for k, (above, below) in enumerate(axes.T):
    above.imshow(turned_edge(45 * k)[0, 0, 11:20, 11:20], cmap="gray", vmin=-1, vmax=1)
    below.imshow(fine[k, 0], cmap="PuOr_r", vmin=-0.25, vmax=0.25)
    above.set_title(f"{45 * k}°")
    answer = (
        conv2d(turned_edge(45 * k), fine[:1])[0, 0, 11, 11] / conv2d(turned_edge(0), fine[:1])[0, 0, 11, 11]
    )
    above.set_xlabel(f"filter 0: {answer + 1e-9:.1f}".replace("-", "−"), fontsize=11)
    below.set_xlabel(f"filter {k}", fontsize=11)
for ax in axes.flat:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
plots.finish(
    figure,
    alt="Above, an edge turned by 0 to 315 degrees in eight steps, and the answer of the upright filter to "
    "it: 1 at 0, less at 45, 0 at 90, minus 1 at 180. Below, the eight filters of a bank, each turned "
    "by 45 degrees.",
)

# %% [markdown]
# The filter answers 1, about 0.6, and nothing. But it has brothers: a bank with one filter for each
# direction. One of them always answers. So take **the strongest of the bank**: pooling, this time across
# *channels*.
#
# **By hand.** At one pixel four channels answer $(0.2,\, 0.9,\, -0.4,\, 0.7)$. In two groups of neighbours:
# $\max(0.2, 0.9) = 0.9$ from channel 1, and $\max(-0.4, 0.7) = 0.7$ from channel 3. In one group: 0.9 from
# channel 1.
#
# **The formula.** $C$ channels in $G$ groups of $m = C/G$ neighbours each:
#
# $$y_{n,g,i,j} = \max_{0 \le q < m} x_{n,\,gm+q,\,i,\,j}$$
#
# $x$: $(N, C, H, W)$, and $y$: $(N, G, H, W)$. Height and width stay; the depth shrinks. The argmax holds the
# winning channel, $gm + q$.
#
# ### Exercise: `max_over_channels`
#
# ★★ · 10 minutes · 4 points
#
# The check compares the maxima and the channels from which they came.
#
# <details><summary>Hint 1: an axis for the group</summary>
#
# `x.reshape(n, groups, C // groups, H, W)` gives neighbours an axis of their own. Nothing is copied.
# </details>
# <details><summary>Hint 2: the first of equals</summary>
#
# `argmax` gives the first of equal entries by itself.
# </details>
# <details><summary>Hint 3: which channel of x?</summary>
#
# `argmax` along that axis counts inside the group. Group $g$ begins at channel $gm$: add it, with a shape
# that fits `(N, G, H, W)`.
# </details>


# %% solution="max_over_channels"
def max_over_channels(x: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep, at every pixel, the largest answer of each group of neighbouring channels.

    Args:
        x: activations, (N, C, H, W). Not modified.
        groups: number of groups. The first C / groups channels are the first group, and so on.

    Returns:
        (y, argmax), two arrays (N, groups, H, W). y has x's dtype; argmax holds whole numbers, the channel of
        x (0 ... C - 1) in which each maximum stands. Of equal channels the first one counts.

    Raises:
        ValueError: with both numbers in the message, if groups is below 1 or C is no multiple of it.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = x.shape
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels cannot be put into {groups} groups of equal size")
    size = channels // groups
    grouped = x.reshape(n, groups, size, height, width)
    argmax = grouped.argmax(axis=2) + size * np.arange(groups)[:, None, None]
    return grouped.max(axis=2), argmax
    ### END SOLUTION


# %% check="max_over_channels" points=2
checks.run("max_over_channels", max_over_channels)

# %% hidden="max_over_channels" points=2
# Hidden cases: one group and many, groups of one channel, several images, images that are not square, equal
# channels, negative numbers, float32, inputs left as they were, groups that do not fit.
checks.run("max_over_channels", max_over_channels, hidden=True)

# %% [markdown]
# **Your function at work.** Eight filters look at the photo. You keep the strongest answer at each pixel, and
# who gave it. In the picture on the right each direction has its own colour.

# %% figure="strongest_direction"
grey = photo.mean(axis=0)[None, None]
answers = np.maximum(conv2d(grey, fine, None, 1, 4), 0)
strongest, winner = max_over_channels(answers, 1)
strength = np.clip(2.5 * strongest[0, 0] / strongest.max(), 0, 1)
hues = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#FFFFFF"]
circle = np.array([plt.matplotlib.colors.to_rgb(hue) for hue in hues])
figure, axes = plt.subplots(1, 5, figsize=(12.6, 3.4), width_ratios=[1, 1, 1, 1, 0.55])
for ax, image, title in zip(
    axes,
    (answers[0, 0], answers[0, 2], strongest[0, 0], strength[..., None] * circle[winner[0, 0]]),
    ("filter 0", "filter 2", "the strongest of 8", "and who it was"),
    strict=False,
):
    ax.imshow(image if image.ndim == 3 else np.clip(2.5 * image / strongest.max(), 0, 1), cmap="gray")
    ax.set_title(title)
for k in range(8):
    t = np.deg2rad(45 * k)
    axes[4].annotate(
        "", (np.cos(t), np.sin(t)), (0, 0), arrowprops={"arrowstyle": "-|>", "color": circle[k], "lw": 4}
    )
axes[4].add_patch(plt.Circle((0, 0), 1.2, color="black", zorder=0))
axes[4].set_xlim(-1.2, 1.2)
axes[4].set_ylim(-1.2, 1.2)
axes[4].set_aspect("equal")
axes[4].set_title("to the brighter side", fontsize=10)
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="Answers of the upright and of the level filter, each with only a part of the photo's outlines; the "
    "strongest of all eight, with all outlines; and the outlines coloured by direction, with a rose of "
    "eight arrows as the key.",
)

# %% [markdown]
# Filter 0 misses what is level, filter 2 what is upright. The strongest of all misses nothing.
#
# **The claim measured.** Turn an edge once round, in steps of 5°, and record one filter, and the strongest
# of 4, 8 and 16.

# %% figure="turning_edge"
degrees = np.arange(0, 361, 5)
edges = np.concatenate([turned_edge(angle) for angle in degrees])
figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 3.8), width_ratios=[2.1, 1])
spread = []
for n, style, colour in (
    (1, ":", plots.GREY),
    (4, "-.", plots.SERIES[1]),
    (8, "--", plots.SERIES[3]),
    (16, "-", plots.OUTPUT),
):
    turning = edge_filters(9)[:: 16 // n]
    answer = max_over_channels(np.maximum(conv2d(edges, turning), 0), 1)[0][:, 0, 11, 11]
    answer = answer / answer.max()
    spread.append(100 * (1 - answer.min()))
    left.plot(degrees, answer, style, color=colour, label="one filter" if n == 1 else f"strongest of {n}")
left.set_xlabel("the edge is turned by [degrees]")
left.set_ylabel("answer, relative to its largest")
left.set_xticks(range(0, 361, 45))
left.set_ylim(-0.03, 1.08)
left.legend(loc="center", bbox_to_anchor=(0.5, 0.3), fontsize=11)
bars = right.bar(["1", "4", "8", "16"], spread, color=plots.OUTPUT)
right.bar_label(bars, [f"{value:.0f} %" for value in spread])
right.set_xlabel("filters in the bank")
right.set_ylabel("loss at the worst angle [%]")
plots.finish(
    figure,
    alt="Answer against the angle of an edge. One filter falls from 1 to 0 and answers to a quarter of the "
    "angles well. The strongest of 4 dips between its filters, the strongest of 8 dips little, that of "
    "16 is nearly flat. Bars show the loss at the worst angle.",
)

# %% [markdown]
# One filter is blind to half of all angles. The strongest of eight loses about a tenth at the worst angle,
# that of sixteen a few per cent: it answers **to any edge, regardless of its orientation**. Pooling over
# space forgot *where*; pooling over channels forgets *which way*. What is forgotten is decided by what is
# pooled: filters for sizes would give an answer that does not care for size.

# %% regression="turning_answers"
t = np.deg2rad(np.arange(0, 360, 15))
directions = np.deg2rad(np.arange(0, 360, 45))
answers = np.cos(t[:, None] - directions)[:, :, None, None]  # (24, 8, 1, 1): 24 edges, 8 ideal filters
strongest, winner = max_over_channels(answers, 1)
pairs, _ = max_over_channels(answers, 4)
print("winners:", [int(channel) for channel in winner.ravel()])
print(f"weakest answer, one filter: {answers[:, 0].min():.2f}")
print(f"weakest answer, strongest of 8: {strongest.min():.2f}")
print(f"weakest answer, strongest of 2 neighbours: {pairs[:, 0].min():.2f}")

# %% [markdown]
# > **To sleep on.** What must happen to the bank so that a *sloping* coin, seen as an ellipse, is still
# > found? And could a network learn for itself which filters to put into one group?
# %% [markdown]
# ## 5 · Nudge and see
#
# A network is a chain of functions, one after the other: $f(x) = f_L(\dots f_2(f_1(x)))$, with a loss at
# its end. **By how much does the loss change when one weight of the first layer changes a little?** The
# weight acts through all layers that follow.

# %% figure="draw_chain" tags=["keep-output"]
step = graph_drawings.Step
small_net = [
    step("conv", "$h_1$", "(N, 10, 32, 32)", "$W_1, b_1$"),
    step("ReLU", "$h_2$", "(N, 10, 32, 32)"),
    step("pool", "$h_3$", "(N, 10, 16, 16)"),
    step("linear", "$h_4$: scores", "(N, 10)", "$W_2, b_2$"),
    step("softmax", "$L$", "one number"),
]
plots.finish(
    graph_drawings.chain(("$x$", "(N, 3, 32, 32)"), small_net),
    alt="A chain of boxes: x, then h1 after the convolution with W1 and b1, h2 after ReLU, h3 after "
    "pooling, h4, the scores, after the linear layer with W2 and b2, and the loss L. Green arrows lead "
    "forward. Below, red boxes hold the gradient of L for each value; red arrows lead backward.",
)

# %% [markdown]
# There are two ways to find out. The first needs no thought: **nudge** the weight, run everything again,
# and see. The second goes through the chain once, backward (the red row); you build it in sections 6 to 10.
# The first is far too slow for training, but it cannot be wrong. So it will be your judge in all that
# follows.
#
# **By hand.** Three functions of one number: $h_1 = 3x$, then $h_2 = \max(h_1, 0)$, then $L = (h_2 - 1)^2$.
# At $x = 2$: $h_1 = 6$, $h_2 = 6$, $L = 25$.
#
# - *Nudge* by 0.01: up to $x = 2.01$ gives $L = 5.03^2 = 25.3009$, down to $1.99$ gives $4.97^2 = 24.7009$.
#   The slope is $(25.3009 - 24.7009) / 0.02 = 30$.
# - *Backward*, one link at a time: $L$ changes $2(h_2 - 1) = 10$ times as fast as $h_2$; $h_2$ as fast as
#   $h_1$, because 6 is positive; $h_1$ 3 times as fast as $x$. The product: $10 \cdot 1 \cdot 3 = 30$.
#
# That product is the **chain rule**, and multiplying it up from the end of the chain is **backpropagation**.
#
# **The formula.** With $e_i$ the array that is 1 at entry $i$ and 0 elsewhere,
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h\, e_i) - f(x - h\, e_i)}{2h}$$
#
# $x$: any shape; $f(x)$: one number; the gradient: $x$'s shape. Nudging to *both* sides is worth its price:
# the error shrinks with $h^2$ instead of $h$.
#
# ### Exercise: `numerical_gradient`
#
# ★★ · 15 minutes · 5 points
#
# The check hands you functions of arrays with one to four axes.
#
# <details><summary>Hint 1: every entry, whatever the shape</summary>
#
# `for index in np.ndindex(x.shape)` gives the index of each entry as a tuple.
# </details>
# <details><summary>Hint 2: nudge a copy</summary>
#
# Make one copy of `x` before the loop. In the loop change a single entry of it, call `f`, change it again,
# call `f`, and put the old value back.
# </details>
# <details><summary>Hint 3: all my gradients are 0, or twice too large</summary>
#
# Does `f` get the nudged array? And the two points are how far apart?
# </details>


# %% solution="numerical_gradient"
def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """Measure the gradient of a function by nudging one number of x at a time, up and down.

    Args:
        f: a function that turns an array of x's shape into one number. It may be called many times.
        x: float64 array of any shape. Not modified.
        h: how far each number is nudged in each direction.

    Returns:
        float64 array of x's shape: (f(x with x_i + h) - f(x with x_i - h)) / (2 h) for each entry i.
    """
    ### BEGIN SOLUTION
    nudged = x.copy()
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudged[index] = x[index] + h
        above = f(nudged)
        nudged[index] = x[index] - h
        below = f(nudged)
        nudged[index] = x[index]
        gradient[index] = (above - below) / (2 * h)
    return gradient
    ### END SOLUTION


# %% check="numerical_gradient" points=2
checks.run("numerical_gradient", numerical_gradient)

# %% hidden="numerical_gradient" points=3
# Hidden cases: arrays with one axis and with four, functions that are not linear, functions that depend
# on some entries only, other nudges, slices of larger arrays, inputs left as they were.
checks.run("numerical_gradient", numerical_gradient, hidden=True)

# %% [markdown]
# **How near is near enough?** Two gradients are never equal to the last digit. A difference of 0.001 is
# nothing beside 1000 and everything beside 0.001. So compare with the size:
#
# $$\text{relative error}(a, b) = \max_i \frac{|a_i - b_i|}{|a_i| + |b_i|}$$
#
# $a, b$: one shape. The answer lies between 0 and 1; signs that differ give 1. Where both entries are 0 they
# agree, and the quotient counts as 0.
#
# **By hand.** $a = (1, 0, 2)$ and $b = (1, 0, 3)$: the quotients are 0, 0 (both are zero) and
# $1/5$. The relative error is 0.2.
#
# ### Exercise: `relative_error`
#
# ★ · 5 minutes · 3 points
#
# The check looks at zeros, at signs, and at very small numbers.
#
# <details><summary>Hint 1: the largest</summary>
#
# One number comes out: the *worst* entry counts, not the mean.
# </details>
# <details><summary>Hint 2: nan</summary>
#
# 0/0 is `nan` in NumPy. Keep the denominator above a tiny number: `np.maximum(size, tiny)`.
# </details>
# <details><summary>Hint 3: how tiny?</summary>
#
# So tiny that it never matters for numbers that do: 1e-12, say. If you *add* 0.01 to the denominator, small
# gradients look right although they are wrong.
# </details>


# %% solution="relative_error"
def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Say how far two arrays are apart, measured against their size.

    Args:
        a, b: arrays of one shape. Not modified.

    Returns:
        The largest |a - b| / (|a| + |b|) over all entries, a number from 0 to 1. Where both entries are 0,
        the quotient counts as 0.
    """
    ### BEGIN SOLUTION
    size = np.abs(a) + np.abs(b)
    return float((np.abs(a - b) / np.maximum(size, 1e-12)).max())
    ### END SOLUTION


# %% check="relative_error" points=1
checks.run("relative_error", relative_error)

# %% hidden="relative_error" points=2
# Hidden cases: arrays of any shape, signs that differ, tiny numbers, zeros on one side and on both, arrays
# that are equal.
checks.run("relative_error", relative_error, hidden=True)

# %% [markdown]
# **Your functions at work.** Before you derive how the gradient comes back through max pooling, *look* at
# it. The function below pools a small piece of the photo and adds up the squares, halved. Nudge every
# pixel.

# %% figure="nudge_the_photo"
piece = photo[:, 40:52, 56:72].mean(axis=0).astype(float)  # 12 × 16 pixels


def half_of_squares(picture):
    """One number: half the sum of the squared maxima."""
    return 0.5 * (max_pool2d(picture[None, None], 4)[0] ** 2).sum()


gradient = numerical_gradient(half_of_squares, piece)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.7))
left.imshow(piece, vmin=0, vmax=1)
left.set_title("a piece of the photo, windows of 4 × 4")
right.imshow(gradient, cmap=plots.white_to(plots.GRADIENT), vmin=0, vmax=1)
right.set_title("nudged: what each pixel does to the number")
for ax in (left, right):
    for row in range(0, 12, 4):
        for column in range(0, 16, 4):
            ax.add_patch(
                plt.Rectangle(
                    (column - 0.5, row - 0.5), 4, 4, fill=False, edgecolor=plots.WEIGHTS, linewidth=2
                )
            )
    ax.set_axis_off()
for row, column in np.argwhere(gradient > 1e-6):
    right.text(column, row, f"{gradient[row, column]:.2f}", ha="center", va="center", fontsize=8)
plots.finish(
    figure,
    alt="A coarse piece of the photo in twelve windows of 4 by 4. The measured gradient is white everywhere "
    "but at one pixel in each window, which holds a number.",
)

# %% [markdown]
# One pixel in each window counts, all others do nothing. Which one, and what is the number written in it? You
# have just measured the rule of section 6.
#
# **The claim measured: how small a nudge?** Small, one would think: the smaller, the more exact. Here is the
# error of the measured gradient of $\sum \sin x_i$, whose true gradient is $\cos x_i$, against $h$.

# %% figure="size_of_the_nudge"
x = np.linspace(-1.2, 1.2, 25)


def nudges():
    """Relative error by h in float64, to both sides and to one side only."""
    h = 10.0 ** -np.arange(0.5, 13.1, 0.5)
    both = [relative_error(numerical_gradient(lambda v: np.sin(v).sum(), x, size), np.cos(x)) for size in h]
    one = [relative_error((np.sin(x + size) - np.sin(x)) / size, np.cos(x)) for size in h]
    return {"h": h, "both": both, "one": one}


result = experiments.run("nudges", nudges)
figure, ax = plt.subplots(figsize=(8, 3.8))
ax.loglog(result["h"], result["one"], "--s", color=plots.SERIES[2], label="nudged to one side", markersize=5)
ax.loglog(result["h"], result["both"], "-o", color=plots.GRADIENT, label="nudged to both sides", markersize=5)
ax.axvline(1e-5, color=plots.INK, linewidth=1, linestyle=":")
ax.text(0.8e-5, 2e-1, "h = 1e-5", ha="left", va="center")
ax.invert_xaxis()
ax.set_xlabel("size of the nudge h (smaller to the right)")
ax.set_ylabel("relative error")
ax.legend(loc="upper right")
plots.finish(
    figure,
    alt="Relative error against the nudge, both logarithmic. Both curves first fall, that of both sides "
    "twice as steeply, down to below 1e-9 near h = 1e-5; then they rise again as the nudge gets "
    "smaller.",
)

# %% [markdown]
# On the left the nudge is too coarse: the curve bends. On the right it is too fine: two numbers of 16
# digits that differ in the last ones leave few digits when subtracted. The bottom lies near $h = 10^{-5}$,
# where about ten digits are right. So a gradient that is right shows a relative error **below about
# $10^{-6}$** in float64, and a wrong one shows something like 0.1 or 1. With float32 there is no good place
# at all: **gradient checks are done in float64.**

# %% regression="nudge_sizes"
x = np.linspace(-1.2, 1.2, 7).reshape(1, 7)
error = {
    h: relative_error(numerical_gradient(lambda v: float((v**4).sum()), x, h), 4 * x**3)
    for h in (1e-1, 1e-5, 1e-12)
}
print("h = 1e-5 beats h = 1e-1:", bool(error[1e-5] < error[1e-1] / 1000))
print("h = 1e-5 beats h = 1e-12:", bool(error[1e-5] < error[1e-12] / 1000))
print("h = 1e-5 is right to six digits:", bool(error[1e-5] < 1e-6))

# %% [markdown]
# > **To sleep on.** A network has 25,000 weights. How many times must it run for one measured gradient? And
# > what will go wrong when you nudge a pixel that is *nearly* the largest of its window?

# %% [markdown]
# ## 6 · The way back through pooling
#
# From above arrives the red number 3: "if this maximum grew a little, the loss would grow three times as
# much". The maximum was taken from four pixels. **Which of them is to be told, and what?**

# %% figure="draw_way_back" tags=["keep-output"]
plots.finish(
    pool_drawings.way_back(marks, np.array([[2, -1, 3], [0.5, 4, 1]]), 2),
    alt="Left the grid of section 1 with the six winners in green. Six red numbers arrive. Back through the "
    "maximum each goes to its winner, all other pixels get 0. Back through the mean each is shared out "
    "evenly: a quarter of it to each of the four pixels.",
)

# %% [markdown]
# In the forward pass we stored the index that took the maximum. **The gradient goes to that index**, all of
# it; the losers get nothing. Through the mean it is shared out evenly.
#
# Every layer from here on does the same errand. It is told $\partial L / \partial y$ and answers
# $\partial L / \partial x$ and, if it has weights, their gradients:

# %% figure="draw_one_layer" tags=["keep-output"]
plots.finish(
    graph_drawings.one_layer_back(),
    alt="A layer as a box that remembers x. Forward, in green: x and the weights go in, y comes out. "
    "Backward, in red: dy comes in from the right, dx leaves to the left, dweight and dbias leave "
    "below.",
)

# %% [markdown]
# **By hand.** Windows of 2 with stride 1 over the row 1, 7, 3: both windows are won by the 7. If 2 and 5
# arrive, the 7 gets $2 + 5 = 7$. **Where ways meet, gradients add up.** Through the mean the same row gets
# $(1,\; 1 + 2.5,\; 2.5)$.
#
# And ties? A window 6, 6 has two maxima. One of them was chosen; that one is paid. Paying both would hand out
# more than arrived.
#
# **The formulas.** Each output number $(i, j)$ of plane $(n, c)$ sends
#
# $$\text{max:}\quad dx_{n,c,\;\text{argmax}_{n,c,i,j}} \mathrel{+}= dy_{n,c,i,j}
# \qquad\quad
# \text{mean:}\quad dx_{n,c,\,is+u,\,js+v} \mathrel{+}= \tfrac{1}{k^2}\, dy_{n,c,i,j}
# \;\text{ for all } u, v < k$$
#
# $dx$: $(N, C, H, W)$, starting from 0; in the left formula each plane is counted as one row of $H \cdot W$
# places. $dy$ and argmax: $(N, C, H_\text{out}, W_\text{out})$. Across channels it is the left formula once
# more, with the channel as the place; there are no overlaps.
#
# ### Exercise: `max_pool2d_backward`
#
# ★★ · 15 minutes · 6 points
#
# The check looks at overlaps, at gaps, and whether the planes stay apart.
#
# <details><summary>Hint 1: flat planes</summary>
#
# Make `dx` as zeros of shape `(n, c, h * w)`, send the gradients, and reshape at the end.
# </details>
# <details><summary>Hint 2: += with an index array forgets</summary>
#
# `dx[index] += dy` adds only *once* where an index occurs twice. `np.add.at(dx, index, dy)` adds every
# time, and so does `np.bincount(places, weights=…, minlength=…)` with flat places.
# </details>
# <details><summary>Hint 3: which plane?</summary>
#
# argmax counts inside one plane. For flat places of the whole array, plane number $nC + c$ begins at
# $(nC + c) \cdot HW$. For `np.add.at` you need three index arrays that broadcast together.
# </details>


# %% solution="max_pool2d_backward"
def max_pool2d_backward(
    dy: np.ndarray, argmax: np.ndarray, input_shape: tuple[int, int, int, int]
) -> np.ndarray:
    """Send each gradient back to the pixel that took the maximum.

    Args:
        dy: gradient with respect to the output of `max_pool2d`, (N, C, H_out, W_out). Not modified.
        argmax: the second answer of `max_pool2d`, (N, C, H_out, W_out): places i * W + j in the input's
            planes.
        input_shape: (N, C, H, W) of the input.

    Returns:
        Gradient with respect to the input, (N, C, H, W), in dy's dtype. A pixel that won in several windows
        gets the sum of what they send; a pixel that never won gets 0.
    """
    ### BEGIN SOLUTION
    n, c, height, width = input_shape
    planes = np.arange(n * c).reshape(n, c, 1, 1) * (height * width)  # where each plane begins
    dx = np.zeros(n * c * height * width, dy.dtype)
    np.add.at(dx, (planes + argmax).ravel(), dy.ravel())  # not dx[...] += dy: that would add only once
    return dx.reshape(input_shape)
    ### END SOLUTION


# %% check="max_pool2d_backward" points=2
checks.run("max_pool2d_backward", max_pool2d_backward)

# %% hidden="max_pool2d_backward" points=4
# Hidden cases: windows that overlap, so that gradients add up, windows that leave gaps, several images and
# channels, images that are not square, ties, float32, inputs left as they were.
checks.run("max_pool2d_backward", max_pool2d_backward, hidden=True)

# %% [markdown]
# ### Exercise: `avg_pool2d_backward`
#
# ★ · 10 minutes · 4 points
#
# The check looks at overlaps, rests and the size of the shares.
#
# <details><summary>Hint 1: the forward pass, turned round</summary>
#
# Forward you *read* $k^2$ slices of `x` and added them up. Backward you *add* to the same $k^2$ slices of
# `dx`.
# </details>
# <details><summary>Hint 2: why input_shape?</summary>
#
# A rest at the border was read by no window. The shape of `dy` does not tell how wide it was.
# </details>
# <details><summary>Hint 3: repeat and divide</summary>
#
# `np.repeat` works only for windows that lie side by side. Slices work for all.
# </details>


# %% solution="avg_pool2d_backward"
def avg_pool2d_backward(
    dy: np.ndarray, input_shape: tuple[int, int, int, int], kernel_size: int, stride: int | None = None
) -> np.ndarray:
    """Share each gradient out evenly among the pixels of its window.

    Args:
        dy: gradient with respect to the output of `avg_pool2d`, (N, C, H_out, W_out). Not modified.
        input_shape: (N, C, H, W) of the input.
        kernel_size: height and width of a window, as in the forward pass.
        stride: step of the windows, as in the forward pass; None means kernel_size.

    Returns:
        Gradient with respect to the input, (N, C, H, W), in dy's dtype. Where windows overlap, their shares
        add up; a pixel that no window read gets 0.
    """
    ### BEGIN SOLUTION
    stride = kernel_size if stride is None else stride
    h_out, w_out = dy.shape[2:]
    dx = np.zeros(input_shape, dy.dtype)
    share = dy / kernel_size**2
    for i in range(kernel_size):
        for j in range(kernel_size):
            dx[:, :, i : i + h_out * stride : stride, j : j + w_out * stride : stride] += share
    return dx
    ### END SOLUTION


# %% check="avg_pool2d_backward" points=2
checks.run("avg_pool2d_backward", avg_pool2d_backward)

# %% hidden="avg_pool2d_backward" points=2
# Hidden cases: windows that overlap, windows that leave gaps, a rest at the border, several images and
# channels, float32, inputs left as they were.
checks.run("avg_pool2d_backward", avg_pool2d_backward, hidden=True)

# %% [markdown]
# ### Exercise: `max_over_channels_backward`
#
# ★ · 10 minutes · 3 points
#
# The check compares the gradients and looks at the losers' channels.
#
# <details><summary>Hint 1: nothing overlaps</summary>
#
# At one pixel each group has one winner, and no channel belongs to two groups. So nothing needs to be added
# up.
# </details>
# <details><summary>Hint 2: writing along an axis</summary>
#
# `np.put_along_axis(array, index, values, axis)` writes `values` to the places that `index` names along one
# axis.
# </details>
# <details><summary>Hint 3: or index arrays</summary>
#
# `dx[n, argmax, i, j] = dy` works, if `n`, `i` and `j` are aranges with shapes that broadcast to argmax's.
# </details>


# %% solution="max_over_channels_backward"
def max_over_channels_backward(
    dy: np.ndarray, argmax: np.ndarray, input_shape: tuple[int, int, int, int]
) -> np.ndarray:
    """Send each gradient back to the channel that took the maximum.

    Args:
        dy: gradient with respect to the output of `max_over_channels`, (N, groups, H, W). Not modified.
        argmax: the second answer of `max_over_channels`, (N, groups, H, W): channels of the input.
        input_shape: (N, C, H, W) of the input.

    Returns:
        Gradient with respect to the input, (N, C, H, W), in dy's dtype.
    """
    ### BEGIN SOLUTION
    dx = np.zeros(input_shape, dy.dtype)
    np.put_along_axis(dx, argmax, dy, axis=1)  # groups have no channel in common: nothing adds up
    return dx
    ### END SOLUTION


# %% check="max_over_channels_backward" points=1
checks.run("max_over_channels_backward", max_over_channels_backward)

# %% hidden="max_over_channels_backward" points=2
# Hidden cases: one group and many, several images, images that are not square, float32, inputs left as they
# were.
checks.run("max_over_channels_backward", max_over_channels_backward, hidden=True)

# %% [markdown]
# **Your functions at work.** Let the number 1 arrive at every pooled pixel of a piece of the photo. Where
# does it go, for windows of 4 × 4 side by side, and for windows of 5 × 5 with stride 2, which overlap?

# %% figure="way_back_at_work"
piece = photo[:, 24:72, 44:92].mean(axis=0)[None, None]
figure, axes = plt.subplots(1, 5, figsize=(13, 3.2))
axes[0].imshow(plots.for_imshow(piece[0]))
axes[0].set_title("48 × 48 pixels")
column = 1
for k, s in ((4, 4), (5, 2)):
    y, argmax = max_pool2d(piece, k, s)
    paid = max_pool2d_backward(np.ones_like(y), argmax, piece.shape)[0, 0]
    shared = avg_pool2d_backward(np.ones_like(y), piece.shape, k, s)[0, 0]
    for gradient, name in ((paid, "max"), (shared, "mean")):
        axes[column].imshow(gradient, cmap=plots.white_to(plots.GRADIENT), vmin=0, vmax=gradient.max())
        axes[column].set_title(f"{name}, {k} × {k}, stride {s}\nlargest {gradient.max():.2f}")
        column += 1
for ax in axes:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
plots.finish(
    figure,
    alt="A piece of the photo and four red maps. Through max pooling of 4 by 4 one pixel of each window is "
    "red. Through the mean all are pale alike. With overlapping windows some pixels win several times "
    "and are darker; through the mean the gradient is even inside and paler at the border.",
)

# %% [markdown]
# Through the maximum few pixels learn, and much; through the mean all learn, and little. In total both send
# back exactly what arrived: the sum of `dx` is the sum of `dy`.
#
# **The claim measured: the winner takes it all.** The share of pixels that get any gradient, against the
# window's size, for windows side by side and for a stride of 1.

# %% figure="who_learns"
sizes = np.arange(1, 9)
patch = photo[:, :48, :48].mean(axis=0)[None, None] + np.random.default_rng(0).normal(0, 0.01, (1, 1, 48, 48))
figure, ax = plt.subplots(figsize=(8, 3.7))
for words, stride_of, style, colour in (
    ("max, side by side", lambda k: k, "-o", plots.GRADIENT),
    ("max, stride 1", lambda k: 1, "--s", plots.SERIES[1]),
    ("mean, side by side or stride 1", None, ":^", plots.SERIES[2]),
):
    share = []
    for k in map(int, sizes):
        if stride_of is None:
            dx = avg_pool2d_backward(np.ones((1, 1, 48 // k, 48 // k)), patch.shape, k)[
                :, :, : 48 // k * k, : 48 // k * k
            ]
        else:
            y, argmax = max_pool2d(patch, k, stride_of(k))
            dx = max_pool2d_backward(np.ones_like(y), argmax, patch.shape)
        share.append(100 * np.mean(dx > 0))
    ax.plot(sizes, share, style, color=colour, label=words, markersize=7)
ax.set_xlabel("window k × k")
ax.set_ylabel("pixels that get a gradient [%]")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.finish(
    figure,
    alt="Share of pixels with a gradient against the window's size. Through the mean 100 percent. Through "
    "the maximum with windows side by side it falls as 100 divided by k squared, to 2 percent at 8; "
    "with stride 1 it falls more slowly.",
)

# %% [markdown]
# Side by side it is $1/k^2$, of course: at 2 × 2 a quarter of all pixels learn from each image. Your
# gradients are put to the test, against your own nudges, in the table of section 8.
#
# > **To sleep on.** In the forward pass the argmax cost you extra work. Could you do without it, and find the
# > winner again on the way back, from `x` and `y`? What about ties?

# %% [markdown]
# ## 7 · Back through ReLU and a linear layer
#
# ReLU lets positive numbers pass and turns negative ones to 0. **What does it do to a gradient that comes
# back where the input was −3? And where it was 0?**

# %% figure="draw_gates" tags=["keep-output"]
plots.finish(
    graph_drawings.gates(np.array([-3, 2, 0, 5]), np.array([7, -1, 4, 3])),
    alt="Four inputs, minus 3, 2, 0 and 5, above four gates. The gates of 2 and 5 are open, those of minus 3 "
    "and 0 are shut; below them the outputs 0, 2, 0, 5 and the arriving gradients 7, minus 1, 4, 3. What "
    "goes back is left open.",
)

# %% [markdown]
# An input of −3 gave 0, and −2.9 would have given 0, too. Nothing changes; so the gradient there is **0**,
# however large the number that arrived. Where the input was positive, all of it passes. At exactly 0 the
# slope jumps from 0 to 1; we take 0, as PyTorch does. ReLU is a **gate**: the forward pass sets it, the
# backward pass finds it open or shut.
#
# **By hand.** $x = (-3, 2, 0, 5)$, and $(7, -1, 4, 3)$ arrives: $(0, -1, 0, 3)$ goes back.
#
# **The formula.** $dx_i = dy_i$ where $x_i > 0$, else 0. All three have one shape, any shape.
#
# ### Exercise: `relu_backward`
#
# ★ · 5 minutes · 2 points
#
# The check looks at inputs of 0, negative gradients, and arrays with any number of axes.
#
# <details><summary>Hint 1: whose sign?</summary>
#
# The gate was set by the *input*. The sign of the gradient does not matter.
# </details>
# <details><summary>Hint 2: a mask</summary>
#
# `x > 0` is an array of truth values; multiplied, they count as 1 and 0.
# </details>
# <details><summary>Hint 3: the dtype</summary>
#
# Do not build the mask as a float64 array: it would turn a float32 gradient into float64.
# </details>


# %% solution="relu_backward"
def relu_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Let the gradient through where the input was positive.

    Args:
        dy: gradient with respect to relu(x) = max(x, 0), of any shape. Not modified.
        x: the input of the forward pass, of the same shape. Not modified.

    Returns:
        Gradient with respect to x, of the same shape, in dy's dtype. The slope at x = 0 counts as 0.
    """
    ### BEGIN SOLUTION
    return dy * (x > 0)
    ### END SOLUTION


# %% check="relu_backward" points=1
checks.run("relu_backward", relu_backward)

# %% hidden="relu_backward" points=1
# Hidden cases: arrays with any number of axes, inputs of exactly 0, float32, inputs left as they were.
checks.run("relu_backward", relu_backward, hidden=True)

# %% [markdown]
# Now the linear layer, $y = x W^{\mathsf T} + b$. **Three arrays went in. Which product gives which
# gradient?** Hide the answer and find it by the shapes alone: the sides must fit.

# %% figure="draw_linear_shapes" tags=["keep-output"]
plots.finish(
    graph_drawings.linear_shapes(),
    alt="Three products drawn as rectangles. Forward: x, N by C in, times W transposed, C in by C out, is "
    "y, N by C out. Back to the input: dy, N by C out, times W is dx, N by C in. Back to the weight: dy "
    "transposed, C out by N, times x is dW, C out by C in.",
)

# %% [markdown]
# **By hand.** One example, two inputs, one output: $x = (2, 3)$, $W = (4, 5)$, and $dy = 10$ arrives. If
# $x_0$ grows by a little, $y$ grows 4 times as much, so $dx = 10 \cdot (4, 5) = (40, 50)$. If $W_0$ grows,
# $y$ grows $x_0 = 2$ times as much: $dW = 10 \cdot (2, 3) = (20, 30)$. And $db = 10$. **Each factor's
# gradient is the other factor, times what arrived.**
#
# **The formula.**
#
# $$dx = dy\; W, \qquad dW = dy^{\mathsf T} x, \qquad db_o = \sum_n dy_{n,o}$$
#
# $x, dx$: $(N, C_\text{in})$; $dy$: $(N, C_\text{out})$; $W, dW$: $(C_\text{out}, C_\text{in})$; $db$:
# $(C_\text{out})$. The weights serve all examples, so their gradients are **summed over the batch**.
#
# ### Exercise: `linear_backward`
#
# ★ · 10 minutes · 4 points
#
# The check compares all three gradients, also where all sides are equal and shapes tell you nothing.
#
# <details><summary>Hint 1: dx</summary>
#
# Example $n$ gets a row: the weights' rows, mixed in the strengths that arrived.
# </details>
# <details><summary>Hint 2: dweight</summary>
#
# `dweight[o, c]` is the sum over examples of `dy[n, o] * x[n, c]`. Which matrix product sums over $n$?
# </details>
# <details><summary>Hint 3: dbias</summary>
#
# The bias reaches each example once. Sum, not mean: the mean over the batch belongs to the loss.
# </details>


# %% solution="linear_backward"
def linear_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go back through a linear layer y = x Wᵀ + b.

    Args:
        dy: gradient with respect to the output, (N, C_out). Not modified.
        x: input of the forward pass, (N, C_in): one row for each example. Not modified.
        weight: (C_out, C_in). Not modified.

    Returns:
        (dx, dweight, dbias): the gradients with respect to x (N, C_in), to the weight (C_out, C_in) and to
        the bias (C_out,), summed over the batch where the batch has no axis in the result.
    """
    ### BEGIN SOLUTION
    return dy @ weight, dy.T @ x, dy.sum(axis=0)
    ### END SOLUTION


# %% check="linear_backward" points=2
checks.run("linear_backward", linear_backward)

# %% hidden="linear_backward" points=2
# Hidden cases: as many rows as columns, batches of one, more outputs than inputs and the other way round,
# float32, slices of larger arrays, inputs left as they were.
checks.run("linear_backward", linear_backward, hidden=True)

# %% [markdown]
# **Your functions at work.** Three linear layers with ReLUs between them, 200 examples. We send a gradient
# back and look at how many numbers of it get through each gate. The first weights are drawn so that half of
# the gates are open.

# %% figure="gates"
numbers = np.random.default_rng(0)
x = numbers.normal(size=(200, 40))
weights = [numbers.normal(size=(40, 40)) * np.sqrt(2 / 40) for _ in range(3)]
inputs, gates = [], []
for weight in weights:
    inputs.append(x)
    gates.append(x @ weight.T)
    x = np.maximum(gates[-1], 0)
gradient = numbers.normal(size=(200, 40))
figure, axes = plt.subplots(1, 3, figsize=(12, 3.1))
for ax, number in zip(axes, (2, 1, 0), strict=True):
    gradient = relu_backward(gradient, gates[number])
    ax.imshow(gradient[:25], cmap="PuOr_r", vmin=-2, vmax=2, aspect="auto")
    ax.set_title(f"behind the gate of layer {number + 1}\n{np.mean(gradient != 0):.0%} got through")
    ax.set_xlabel("unit")
    gradient, _, _ = linear_backward(gradient, inputs[number], weights[number])
axes[0].set_ylabel("example")
plots.finish(
    figure,
    alt="Gradients behind the gates of layers 3, 2 and 1, for 25 examples and 40 units. In each picture "
    "about half of the entries are blank.",
)

# %% [markdown]
# About half gets through at each gate, but the linear layer behind it mixes what is left and fills all places
# again.
#
# **The claim measured.** So does the gradient get weaker with every gate? Compare 20 layers with ReLU whose
# weights have the variance $2/n$ and $1/n$, where $n$ is the number of inputs.

# %% figure="gradient_by_depth"
figure, ax = plt.subplots(figsize=(8, 3.5))
for variance, style, colour in ((2, "-o", plots.GRADIENT), (1, "--s", plots.SERIES[2])):
    numbers = np.random.default_rng(1)
    x = numbers.normal(size=(100, 200))
    passed = []
    for _ in range(20):
        weight = numbers.normal(size=(200, 200)) * np.sqrt(variance / 200)
        passed.append((x, x @ weight.T, weight))
        x = np.maximum(passed[-1][1], 0)
    gradient = numbers.normal(size=x.shape)
    size = [1.0]
    start = np.linalg.norm(gradient)
    for before, gate, weight in reversed(passed):
        gradient, _, _ = linear_backward(relu_backward(gradient, gate), before, weight)
        size.append(np.linalg.norm(gradient) / start)
    ax.semilogy(range(21), size, style, color=colour, label=f"variance {variance}/n", markersize=5)
ax.set_xlabel("layers passed, from the loss backward")
ax.set_ylabel("size of the gradient")
ax.legend()
plots.finish(
    figure,
    alt="Size of the gradient against the number of layers passed backward, logarithmic. With variance 2/n "
    "it stays near 1; with variance 1/n it falls to about a thousandth after 20 layers.",
)

# %% [markdown]
# With $1/n$ each gate halves the square of the gradient, and after 20 layers a thousandth is left. With
# $2/n$ the weights make up for the gates. This is why your ConvNet will draw its first filters with the
# variance 2 / (numbers read). (K. He and others, 2015; notebooks 4 and 5 return to it.)
#
# > **To sleep on.** A unit whose gate is shut for *every* image of the data: what gradient do its weights
# > get? Will it ever open again?

# %% [markdown]
# ## 8 · Back through a convolution
#
# A convolution reads a window and sums up. **One output number is told "3". Whom must it tell in turn:
# which pixels, and which weights?**

# %% figure="draw_convolution_back" tags=["keep-output"]
picture = np.array([[1, 2, 0, 1, 2], [0, 1, 3, 2, 1], [2, 0, 1, 1, 0], [1, 1, 2, 0, 3]])
plots.finish(
    graph_drawings.convolution_back(
        picture, np.array([[1, 0], [2, -1]]), np.array([[1, 0, 2, 1], [0, 3, -1, 2], [2, 1, 0, 1]])
    ),
    alt="Three panels. Forward: a 2 by 2 window of a 4 by 5 picture is read into one output pixel. Back to "
    "the picture: the 3 that arrives at this pixel stamps 3 times the filter onto the window's four "
    "pixels of dx. Back to the filter: 3 times the window's four pixels is added to dW.",
)

# %% [markdown]
# All that it touched: the pixels of its window and the weights of its filter. Each factor gets the other
# one, times 3, as in the linear layer:
#
# - onto the **picture** it presses 3 × the *filter*, like a stamp. All output numbers stamp, and stamps add
#   up. You know this: it is the **transposed convolution** of notebook 1;
# - to the **filter** it adds 3 × the *window*. The filter was used everywhere, so it collects from
#   everywhere: the price of weight sharing is a sum.
#
# **By hand.** A row $x = (1, 4, 2)$, a filter $W = (3, -1)$; so $y = (3 - 4,\; 12 - 2) = (-1, 10)$. Let
# $dy = (5, 2)$ arrive. Back to the row: $5 \cdot (3, -1)$ at places 0 and 1, $2 \cdot (3, -1)$ at 1 and 2,
# together $(15,\; -5 + 6,\; -2) = (15, 1, -2)$. Back to the filter:
# $5 \cdot (1, 4) + 2 \cdot (4, 2) = (13, 24)$. To the bias: $5 + 2 = 7$.
#
# **The formula.** With $\hat x$ the padded input, for all $n, o, i, j$ and $c, u, v$,
#
# $$d\hat x_{n,\,c,\,is+u,\,js+v} \mathrel{+}= dy_{n,o,i,j}\; W_{o,c,u,v}, \qquad
# dW_{o,c,u,v} \mathrel{+}= dy_{n,o,i,j}\; \hat x_{n,\,c,\,is+u,\,js+v}, \qquad
# db_o \mathrel{+}= dy_{n,o,i,j}$$
#
# $dy$: $(N, C_\text{out}, H_\text{out}, W_\text{out})$; $dx$: cut the frame of zeros off $d\hat x$ again
# and get $(N, C_\text{in}, H, W)$; $dW$: $(C_\text{out}, C_\text{in}, k_h, k_w)$; $db$: $(C_\text{out})$.
# With the columns $X_n$ of notebook 1, $Y_n = \mathbf W X_n + b$, these are two matrix products for each
# image: $d\mathbf W = \sum_n dY_n X_n^{\mathsf T}$ and $dX_n = \mathbf W^{\mathsf T} dY_n$, whose columns
# are then added back to the pixels they came from.
#
# ### Exercise: `conv2d_backward`
#
# ★★★ · 30 minutes · 10 points
#
# The check compares all three gradients: stride, padding, filters that are not square, float32.
#
# <details><summary>Hint 1: a loop over the weights' places</summary>
#
# Loop over $u$ and $v$ only, $k_h k_w$ rounds. The slice
# `padded[:, :, u : u + h_out * stride : stride, v : v + w_out * stride : stride]`, shape
# `(N, C_in, H_out, W_out)`, is what all windows read at $(u, v)$.
# </details>
# <details><summary>Hint 2: two sums</summary>
#
# For one $(u, v)$: `dweight[:, :, u, v]` sums that slice times `dy` over $n, i, j$. And to the same slice
# of the padded gradient you add `dy` times `weight[:, :, u, v]`, summed over $o$. `np.einsum` or
# `np.tensordot` write either in one line.
# </details>
# <details><summary>Hint 3: padding</summary>
#
# Work on padded arrays throughout. At the end cut the frame off: rows `padding : padding + H`, not
# `padding : -padding`.
# </details>
# <details><summary>Hint 4: right, but slow?</summary>
#
# Make columns as in notebook 1, a few images at a time: then there are only the two matrix products and the
# adding back. It is worth it: your network will call this function a few hundred times.
# </details>


# %% solution="conv2d_backward"
def conv2d_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go back through `conv2d(x, weight, bias, stride, padding)`.

    Args:
        dy: gradient with respect to the output, (N, C_out, H_out, W_out). Not modified.
        x: input of the forward pass, (N, C_in, H, W). Not modified.
        weight: filters, (C_out, C_in, kh, kw). Not modified.
        stride, padding: as in the forward pass.

    Returns:
        (dx, dweight, dbias): the gradients with respect to x (N, C_in, H, W), to the weight
        (C_out, C_in, kh, kw) and to the bias (C_out,), each in x's dtype.
    """
    ### BEGIN SOLUTION
    n, c_in, height, width = x.shape
    c_out, _, kh, kw = weight.shape
    h_out, w_out = dy.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride].transpose(0, 1, 4, 5, 2, 3)  # (N, C_in, kh, kw, H_out, W_out)

    filters = weight.reshape(c_out, -1)
    taps, pixels = filters.shape[1], h_out * w_out
    dy_rows = dy.reshape(n, c_out, pixels)
    dfilters, dpadded = np.zeros(filters.shape, x.dtype), np.zeros(padded.shape, x.dtype)
    # A few images at a time, as in the forward pass, so that their columns stay in the cache.
    block = max(1, 2**20 // (taps * pixels * x.itemsize))
    columns = np.empty((block, *windows.shape[1:]), x.dtype)
    for first in range(0, n, block):
        rows = dy_rows[first : first + block]
        count = len(rows)
        columns[:count] = windows[first : first + block]
        for image in range(count):
            dfilters += rows[image] @ columns[image].reshape(taps, pixels).T
        dcolumns = np.matmul(filters.T, rows, out=columns[:count].reshape(count, taps, pixels))
        dcolumns = dcolumns.reshape(count, c_in, kh, kw, h_out, w_out)
        part = dpadded[first : first + block]
        for i in range(kh):
            for j in range(kw):
                part[:, :, i : i + h_out * stride : stride, j : j + w_out * stride : stride] += dcolumns[
                    :, :, i, j
                ]
    dx = dpadded[:, :, padding : padding + height, padding : padding + width]
    return dx, dfilters.reshape(weight.shape), dy.sum(axis=(0, 2, 3))
    ### END SOLUTION


# %% check="conv2d_backward" points=4
checks.run("conv2d_backward", conv2d_backward)

# %% hidden="conv2d_backward" points=6
# Hidden cases: stride and padding together, strides that do not divide, filters that are not square, several
# images, more and fewer channels out than in, float32, slices of larger arrays, inputs left as they were.
checks.run("conv2d_backward", conv2d_backward, hidden=True)

# %% [markdown]
# **Your function at work.** What would a neuron like to see? Choose one edge neuron each at four places of
# the photo, let 1 arrive there and 0 everywhere else, and go back to the picture. `dx` is the change of the
# photo that these four would welcome most.

# %% figure="what_neurons_want"
grey = photo.mean(axis=0)[None, None]
wide = edge_filters(21)[:4]
dy = np.zeros((1, 4, 150, 128), dtype=np.float32)
for channel, (row, column) in enumerate(((30, 30), (75, 64), (52, 88), (86, 74))):
    dy[0, channel, row, column] = 1
dx, dweight, _ = conv2d_backward(dy, grey, wide, 1, 10)
figure, axes = plt.subplots(1, 6, figsize=(13, 3.3), width_ratios=[1.5, 1.5, 1, 1, 1, 1])
axes[0].imshow(plots.for_imshow(grey[0]))
axes[0].set_title("photo, four neurons")
axes[0].scatter((30, 64, 88, 74), (30, 75, 52, 86), s=50, color=plots.GRADIENT)
axes[1].imshow(dx[0, 0], cmap="PuOr_r", vmin=-0.15, vmax=0.15)
axes[1].set_title("dx: four stamps")
for channel in range(4):
    axes[2 + channel].imshow(dweight[channel, 0], vmin=0, vmax=1)
    axes[2 + channel].set_title(f"dweight[{channel}]\nwhat it saw")
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="The photo with four red dots; dx, blank but for four round edge filters at these places, two of "
    "them overlapping; and dweight of the four filters: the four pieces of the photo around the dots.",
)

# %% [markdown]
# Both halves of the rule in one picture: the pixels get the *filter*, the filters get the *pixels*.
#
# **The claim measured: what does the way back cost?** Forward is one matrix product, backward two of the same
# size: twice the multiplying. And a measured gradient? Two forward passes for *each* weight. We time one of
# each kind and multiply.

# %% figure="cost_of_backward"
numbers = np.random.default_rng(0)
x = numbers.standard_normal((32, 16, 32, 32), dtype=np.float32)
weight = numbers.standard_normal((32, 16, 3, 3), dtype=np.float32)
y = conv2d(x, weight, None, 1, 1)
tensors = [torch.from_numpy(array).requires_grad_() for array in (x, weight)]
output = F.conv2d(*tensors, padding=1)
arrived = torch.from_numpy(y)


def backward_in_pytorch():
    """PyTorch's gradients of the same layer."""
    return torch.autograd.grad(output, tensors, arrived, retain_graph=True)


forward = timing.measure(conv2d, x, weight, None, 1, 1, label="backward: forward pass")
times = {
    "forward, PyTorch": forward,
    "backward, PyTorch": timing.measure(backward_in_pytorch, label="backward: PyTorch"),
    "backward, yours": timing.measure(
        conv2d_backward, y, x, weight, 1, 1, label="backward: yours", repeats=3
    ),
    "nudging each weight": 2 * weight.size * forward,
}
figure, ax = plt.subplots(figsize=(9, 2.9))
colours = [plots.OUTPUT, plots.tint(plots.GRADIENT, 0.5), plots.GRADIENT, plots.GREY]
bars = ax.barh(list(times), list(times.values()), color=colours)
ax.bar_label(bars, [f" {timing.in_words(seconds)}" for seconds in times.values()])
ax.set_xscale("log")
ax.set_xlim(forward / 3, 1e5 * forward)
ax.invert_yaxis()
ax.set_xlabel("time for a layer of 32 × 16 × 32 × 32 with 32 filters of 3 × 3 [s]")
plots.finish(
    figure,
    alt="Times on a logarithmic axis: forward and backward in PyTorch and your backward lie within a factor "
    "of ten; nudging each weight takes nearly ten thousand times as long as a forward pass.",
)

# %% [markdown]
# Backward costs a few forward passes (more than two: all those stamps must be added up in memory),
# **whatever the number of weights**. Nudging costs two for *each* weight: the better part of a minute for
# one gradient of this one small layer, and for a network of millions it is hopeless. That is why networks
# are trained by backpropagation.
#
# **Are your gradients right?** Here your nudges judge all your backward functions. Each row compares them
# on random numbers.

# %% regression="gradient_checks"
numbers = np.random.default_rng(0)


def agree(name, f, x, gradient):
    """Print whether the measured gradient of f at x is the given one, to six digits."""
    print(f"{name:28s} {bool(relative_error(numerical_gradient(f, x), gradient) < 1e-6)}")


x = numbers.permutation(40).reshape(1, 2, 4, 5) / 4.0  # no two alike: a nudge changes no winner
y, argmax = max_pool2d(x, 2, 1)
dy = numbers.normal(size=y.shape)
agree(
    "max pooling",
    lambda v: float((max_pool2d(v, 2, 1)[0] * dy).sum()),
    x,
    max_pool2d_backward(dy, argmax, x.shape),
)
agree(
    "mean pooling",
    lambda v: float((avg_pool2d(v, 2, 1) * dy).sum()),
    x,
    avg_pool2d_backward(dy, x.shape, 2, 1),
)
strongest, winner = max_over_channels(x, 1)
d = numbers.normal(size=strongest.shape)
agree(
    "max over channels",
    lambda v: float((max_over_channels(v, 1)[0] * d).sum()),
    x,
    max_over_channels_backward(d, winner, x.shape),
)
dy = numbers.normal(size=(3, 4))
agree("ReLU", lambda v: float((np.maximum(v, 0) * dy).sum()), dy + 0.01, relu_backward(dy, dy + 0.01))
x, weight = numbers.normal(size=(3, 5)), numbers.normal(size=(4, 5))
dx, dweight, dbias = linear_backward(dy, x, weight)
agree("linear, input", lambda v: float(((v @ weight.T) * dy).sum()), x, dx)
agree("linear, weight", lambda v: float(((x @ v.T) * dy).sum()), weight, dweight)
print(f"{'linear, bias':28s} {bool(relative_error(dbias, dy.sum(axis=0)) < 1e-9)}")

x, weight = numbers.normal(size=(2, 2, 5, 6)), numbers.normal(size=(3, 2, 3, 2))
dy = numbers.normal(size=(2, 3, 3, 4))  # stride 2, padding 1
dx, dweight, dbias = conv2d_backward(dy, x, weight, 2, 1)
agree("convolution, input", lambda v: float((conv2d(v, weight, None, 2, 1) * dy).sum()), x, dx)
agree("convolution, weight", lambda v: float((conv2d(x, v, None, 2, 1) * dy).sum()), weight, dweight)
print(f"{'convolution, bias':28s} {bool(relative_error(dbias, dy.sum(axis=(0, 2, 3))) < 1e-9)}")

# %% [markdown]
# > **To sleep on.** The first layer of a network reads the photo. Who needs its `dx`? And what could you do
# > with it nevertheless?

# %% [markdown]
# ## 9 · How wrong is a list of scores?
#
# For a photo of a cat three classes got the scores: cat 2.0, dog 1.5, ship −1.0. The cat wins. **Is there
# anything left to learn?**

# %% figure="draw_two_losses" tags=["keep-output"]
names, scores = ["cat (right)", "dog", "ship"], np.array([2.0, 1.5, -1.0])
odds = np.exp(scores)
margins = np.maximum(0, scores - scores[0] + 1)
margins[0] = 0
figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), sharey=True)
for ax, values, colour, title in (
    (axes[0], scores, plots.OUTPUT, "scores"),
    (axes[1], odds / odds.sum(), plots.OUTPUT, "softmax: probabilities"),
    (axes[2], margins, plots.GRADIENT, "SVM: inside the margin of 1"),
):
    bars = ax.barh(names, values, color=plots.tint(colour, 0.7), edgecolor=colour)
    ax.bar_label(bars, [f" {value:.2f}".replace("-", "−") for value in values], padding=3)
    ax.set_title(title)
    ax.set_xlim(min(0, 2 * values.min()), 1.35 * values.max())
    ax.axvline(0, color=plots.INK, linewidth=1)
axes[0].invert_yaxis()
axes[1].set_xlabel(f"loss = −log {odds[0] / odds.sum():.2f} = {-np.log(odds[0] / odds.sum()):.2f}")
axes[2].set_xlabel(f"loss = {margins.sum():.2f}")
plots.finish(
    figure,
    alt="Bars of three scores, of the three probabilities 0.60, 0.37 and 0.03 that softmax makes of them, "
    "with the loss 0.50, and of how far each wrong class is inside the margin: dog 0.50, ship 0; the "
    "loss is 0.50.",
)

# %% [markdown]
# Two judges, two answers.
#
# - **Softmax** turns scores into probabilities and asks: how surprised am I by the truth? Its loss is minus
#   the logarithm of the right class's probability. It is never quite content.
# - The **SVM** wants every wrong class at least 1 below the right one. The ship is far below: no word about
#   it. The dog is only 0.5 below: half a point of loss.
#
# **By hand.** $e^{2} \approx 7.39$, $e^{1.5} \approx 4.48$, $e^{-1} \approx 0.37$; together 12.24. The
# cat's probability is $7.39/12.24 = 0.60$, the loss $-\log 0.60 = 0.50$. Its gradient is as simple as can
# be: *probability minus truth*, $(0.60 - 1,\; 0.37,\; 0.03)$. The SVM's: $+1$ for each class inside the
# margin, and for the right class minus their number: $(-1, 1, 0)$.
#
# **The formulas.** For example $n$ with scores $s_n$ and right class $y_n$, and the mean over the batch:
#
# $$L_\text{softmax} = -\frac1N \sum_n \log \frac{e^{s_{n,y_n}}}{\sum_c e^{s_{n,c}}}, \qquad
# L_\text{SVM} = \frac1N \sum_n \sum_{c \ne y_n} \max(0,\; s_{n,c} - s_{n,y_n} + 1)$$
#
# $s$ and $\partial L/\partial s$: $(N, \text{classes})$; $y$: $(N)$, whole numbers; $L$: one number.
#
# ### Exercise: `softmax_loss`
#
# ★★ · 15 minutes · 5 points
#
# The check compares loss and gradient, also for scores of a thousand and more.
#
# <details><summary>Hint 1: exp overflows</summary>
#
# $e^{1000}$ is infinite in float64. But adding one number to *all* scores of an example changes no
# probability. Which number makes the largest score 0?
# </details>
# <details><summary>Hint 2: the logarithm of nearly nothing</summary>
#
# Do not take the logarithm of a probability that may have become 0. $\log(e^a / \sum) = a - \log \sum$
# stays finite.
# </details>
# <details><summary>Hint 3: picking the right class</summary>
#
# `array[np.arange(n), y]` picks one entry from each row. `scores[:, y]` does something else. And the
# gradient is divided by the batch size, like the loss.
# </details>


# %% solution="softmax_loss"
def softmax_loss(scores: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-entropy of the softmax of the scores: minus the logarithm of the right class's probability.

    Args:
        scores: (N, classes), any numbers. Not modified.
        y: (N,), whole numbers: the right class of each example.

    Returns:
        (loss, dscores): the mean loss over the batch, with the natural logarithm, and its gradient with
        respect to the scores, (N, classes), in the scores' dtype. Both stay finite for scores of any size.
    """
    ### BEGIN SOLUTION
    n = len(scores)
    shifted = scores - scores.max(axis=1, keepdims=True)  # changes no probability, and exp cannot overflow
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probabilities[np.arange(n), y].mean()
    dscores = np.exp(log_probabilities)
    dscores[np.arange(n), y] -= 1
    return float(loss), dscores / n
    ### END SOLUTION


# %% check="softmax_loss" points=2
checks.run("softmax_loss", softmax_loss)

# %% hidden="softmax_loss" points=3
# Hidden cases: batches of one and more, very large scores, equal scores, float32, inputs left as they were.
checks.run("softmax_loss", softmax_loss, hidden=True)

# %% [markdown]
# ### Exercise: `svm_loss`
#
# ★★ · 10 minutes · 4 points
#
# The check compares loss and gradient, with several classes inside the margin, and with none.
#
# <details><summary>Hint 1: all margins at once</summary>
#
# Subtract from each row its right score: an array `(n, 1)` broadcasts. Add 1.
# </details>
# <details><summary>Hint 2: the right class itself</summary>
#
# Its own "margin" would always be 1. Set it to 0 before you sum.
# </details>
# <details><summary>Hint 3: the gradient</summary>
#
# First put 1 where a margin is positive, 0 elsewhere. Then the right class gets minus the number of ones in
# its row.
# </details>


# %% solution="svm_loss"
def svm_loss(scores: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Hinge loss: every wrong class must stay at least 1 below the right one.

    Args:
        scores: (N, classes), any numbers. Not modified.
        y: (N,), whole numbers: the right class of each example.

    Returns:
        (loss, dscores): the sum over the wrong classes of max(0, score - score of the right class + 1),
        averaged over the batch, and its gradient with respect to the scores, (N, classes), in the scores'
        dtype. A class that stays below by exactly 1 has the slope 0.
    """
    ### BEGIN SOLUTION
    n = len(scores)
    rows = np.arange(n)
    margins = scores - scores[rows, y][:, None] + 1
    margins[rows, y] = 0
    dscores = (margins > 0).astype(scores.dtype)
    dscores[rows, y] = -dscores.sum(axis=1)
    return float(np.maximum(margins, 0).sum() / n), dscores / n
    ### END SOLUTION


# %% check="svm_loss" points=2
checks.run("svm_loss", svm_loss)

# %% hidden="svm_loss" points=2
# Hidden cases: batches of one and more, several wrong classes inside the margin, none inside it, margins of
# exactly 1, float32, inputs left as they were.
checks.run("svm_loss", svm_loss, hidden=True)

# %% [markdown]
# **Your functions at work.** Keep dog and ship as they are, and let the cat's score run from −4 to 6.

# %% figure="losses_at_work"
cat = np.linspace(-4, 6, 201)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.5), sharex=True)
for judge, name, style in ((softmax_loss, "softmax", "-"), (svm_loss, "SVM", "--")):
    answers_ = [judge(np.array([[score, 1.5, -1.0]]), np.array([0])) for score in cat]
    axes[0].plot(cat, [loss for loss, _ in answers_], style, color=plots.INK, label=name)
    axes[1].plot(cat, [d[0, 0] for _, d in answers_], style, color=plots.GRADIENT, label=name)
for ax, label in zip(axes, ("loss", "gradient for the cat's score"), strict=True):
    ax.axvline(1.5, color=plots.GREY, linewidth=1, linestyle=":")
    ax.set_xlabel("score of the right class, cat")
    ax.set_ylabel(label)
    ax.legend()
axes[0].text(1.6, 8.2, "dog's score", color=plots.GREY, va="center")
plots.finish(
    figure,
    alt="Loss and gradient against the right class's score. Softmax is a smooth curve that flattens out "
    "above the dog's score and never reaches 0. The SVM is a broken line that is exactly 0 from 2.5 on; "
    "its gradient is minus 2, minus 1, then 0.",
)

# %% [markdown]
# Left of the dog's score both pull with a firm hand. Right of it the SVM lets go at 2.5; softmax goes on
# pulling, ever more gently.
#
# **The claim measured.** A fresh network knows nothing: all its scores are near 0. So before any training
# its loss should be $\log(\text{classes})$ with softmax, and classes − 1 with the SVM. Remember this
# number. It is the first thing to look at when you train anything.

# %% figure="loss_of_the_ignorant"
counts = np.array([2, 5, 10, 20, 50, 100, 200, 500, 1000])
figure, ax = plt.subplots(figsize=(7.5, 3.4))
for judge, name, style in ((softmax_loss, "softmax", "-o"), (svm_loss, "SVM", "--s")):
    start = [judge(np.zeros((3, classes)), np.array([0, 1, 1]))[0] for classes in counts]
    ax.loglog(counts, start, style, color=plots.INK if name == "softmax" else plots.GREY, label=name)
    ax.annotate(f"{start[2]:.3g}", (10, start[2]), (0, 10), textcoords="offset points", ha="right")
ax.set_xlabel("number of classes")
ax.set_ylabel("loss of equal scores")
ax.legend()
plots.finish(
    figure,
    alt="Loss of equal scores against the number of classes, both logarithmic. Softmax grows slowly, 2.3 at "
    "ten classes; the SVM grows in proportion, 9 at ten classes.",
)

# %% regression="losses"
scores = np.array([[2.0, 1.5, -1.0], [0.0, 0.0, 0.0], [-3.0, 4.0, 3.5], [1000.0, 0.0, -1000.0]])
y = np.array([0, 2, 1, 0])
for name, judge in (("softmax", softmax_loss), ("SVM", svm_loss)):
    loss, d = judge(scores, y)
    alone = [round(float(judge(scores[n : n + 1], y[n : n + 1])[0]), 3) + 0.0 for n in range(4)]
    print(f"{name:8s} loss {loss:.4f}   one by one {alone}")
    print(f"         gradient of the first row {[round(float(v), 4) + 0.0 for v in d[0]]}")
    print(f"         each row of the gradient sums to 0: {bool(np.abs(d.sum(axis=1)).max() < 1e-9)}")
    error = relative_error(
        numerical_gradient(lambda s, judge=judge: judge(s, y[:1])[0], scores[:1]), judge(scores[:1], y[:1])[1]
    )
    print(f"         agrees with nudging: {bool(error < 1e-6)}")

# %% [markdown]
# > **To sleep on.** Double all scores. Does the winner change? Does the loss? What would a network do if
# > nothing held it back? (Notebook 5 holds it back.)
# %% [markdown]
# ## 10 · A ConvNet of your own
#
# You have all the parts. Here they are as a network: ten filters of 3 × 3 with stride 1 and padding 1,
# ReLU, pooling of 2 × 2 with stride 2, and a linear layer for ten classes. **How many numbers does the
# linear layer read?**

# %% figure="draw_convnet" tags=["keep-output"]
plots.finish(
    graph_drawings.small_convnet(),
    alt="Volumes from left to right: the image 3 by 32 by 32 in blue; after ten orange filters and ReLU 10 "
    "by 32 by 32 in green; after max pooling 10 by 16 by 16; flattened to a column; ten scores.",
)

# %% [markdown]
# $10 \cdot 16 \cdot 16 = 2560$, and it needs as many weights for each of the ten classes.
#
# **By hand: the way back.** Read the chain of section 5 from right to left, and say for each link which of
# your functions takes the gradient over it, and what that function must have kept from the forward pass:
#
# | link | backward | needs |
# |---|---|---|
# | scores → loss | `softmax_loss` returns it | – |
# | linear | `linear_backward` | its input, the weight |
# | flatten | `reshape`, to the shape before | that shape |
# | max pooling | `max_pool2d_backward` | argmax, the shape before |
# | ReLU | `relu_backward` | its input |
# | convolution | `conv2d_backward` | its input, the filters |
#
# **The formula.** Forward $h_l = f_l(h_{l-1})$ for $l = 1, \dots, L$; backward, from the last layer to the
# first,
#
# $$\frac{\partial L}{\partial h_{l-1}} = \left(\frac{\partial h_l}{\partial h_{l-1}}\right)^{\mathsf T}
# \frac{\partial L}{\partial h_l}$$
#
# Each of your backward functions is one such product. None of them ever writes the large matrix down.
#
# ### Exercise: `ConvNet`
#
# ★★★ · 30 minutes · 9 points
#
# `conv2d` is given (it is PyTorch's, for arrays, with the signature that you know); everything else is
# yours. The check looks at the first weights, the scores, the loss and all four gradients.
#
# <details><summary>Hint 1: the first weights</summary>
#
# `rng.normal(0, deviation, shape)` draws float64. Turn them into float32 with `.astype(np.float32)`.
# </details>
# <details><summary>Hint 2: keep everything</summary>
#
# In `loss`, give each value of the forward pass its own name. On the way back you will need nearly all of
# them.
# </details>
# <details><summary>Hint 3: shapes that do not fit</summary>
#
# The gradient behind the linear layer is flat, `(N, features)`. Before pooling can take it, it needs the
# shape that the pooled volume had.
# </details>
# <details><summary>Hint 4: which x?</summary>
#
# `relu_backward` wants what went *into* the ReLU, `conv2d_backward` what went into the convolution: the
# images.
# </details>


# %% solution="ConvNet"
class ConvNet:
    """A small convolutional network: 3 x 3 convolution (padding 1), ReLU, 2 x 2 max pooling, linear layer.

    Args:
        in_shape: (C, H, W) of an image; H and W are even.
        n_classes: number of classes.
        n_filters: F, number of filters of the convolution.
        rng: the random generator that draws the first weights; None makes a new one.

    Attributes:
        params: dictionary of float32 arrays. W1 (F, C, 3, 3), drawn from a normal distribution with standard
            deviation sqrt(2 / (9 C)); b1 (F,), zeros; W2 (n_classes, F * H / 2 * W / 2), normal with standard
            deviation 0.001; b2 (n_classes,), zeros.
    """

    def __init__(
        self,
        in_shape: tuple[int, int, int],
        n_classes: int,
        n_filters: int = 10,
        rng: np.random.Generator | None = None,
    ) -> None:
        ### BEGIN SOLUTION
        rng = np.random.default_rng() if rng is None else rng
        channels, height, width = in_shape
        features = n_filters * (height // 2) * (width // 2)
        params = {
            "W1": rng.normal(0, (2 / (9 * channels)) ** 0.5, (n_filters, channels, 3, 3)),
            "b1": np.zeros(n_filters),
            "W2": rng.normal(0, 0.001, (n_classes, features)),
            "b2": np.zeros(n_classes),
        }
        self.params = {name: value.astype(np.float32) for name, value in params.items()}
        ### END SOLUTION

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return the scores (N, n_classes) of images x (N, C, H, W)."""
        ### BEGIN SOLUTION
        p = self.params
        hidden = conv2d(x, p["W1"], p["b1"], 1, 1)
        pooled, _ = max_pool2d(np.maximum(hidden, 0), 2)
        return pooled.reshape(len(x), -1) @ p["W2"].T + p["b2"]
        ### END SOLUTION

    def loss(self, x: np.ndarray, y: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """Return the softmax loss of images x (N, C, H, W) with classes y (N,), and its gradients.

        The gradients are a dictionary with the names and shapes of `params`.
        """
        ### BEGIN SOLUTION
        p = self.params
        hidden = conv2d(x, p["W1"], p["b1"], 1, 1)
        active = np.maximum(hidden, 0)
        pooled, argmax = max_pool2d(active, 2)
        flat = pooled.reshape(len(x), -1)
        loss, dscores = softmax_loss(flat @ p["W2"].T + p["b2"], y)

        dflat, dw2, db2 = linear_backward(dscores, flat, p["W2"])
        dactive = max_pool2d_backward(dflat.reshape(pooled.shape), argmax, active.shape)
        dhidden = relu_backward(dactive, hidden)
        _, dw1, db1 = conv2d_backward(dhidden, x, p["W1"], 1, 1)
        return loss, {"W1": dw1, "b1": db1, "W2": dw2, "b2": db2}
        ### END SOLUTION


# %% check="ConvNet" points=4
checks.run("ConvNet", ConvNet)

# %% hidden="ConvNet" points=5
# Hidden cases: the first weights (shapes, spread), other numbers of filters and classes, images that are not
# square, several channels, the scores, the loss and all four gradients, inputs left as they were.
checks.run("ConvNet", ConvNet, hidden=True)

# %% [markdown]
# **Your network at work: the sanity ladder.** A network with a mistake in it often trains nevertheless,
# only badly, and nobody notices. So climb four rungs, each of which needs the one below:
#
# 1. the **loss at the start** is log(classes);
# 2. the **gradient check** passes;
# 3. it can **overfit** 50 images, until it knows them by heart;
# 4. then **train** it on everything.
#
# *Rung 1*: fifty fresh networks of yours, and fifty whose last weights are drawn a thousand times too large.

# %% figure="rung_1_loss_at_start"
few = datasets.load("emojiten", "train", n=50)
few_x, few_y = few.floats(), few.labels
fresh, too_large = [], []
for seed in range(50):
    net = ConvNet((3, 32, 32), 10, rng=np.random.default_rng(seed))
    fresh.append(net.loss(few_x[:10], few_y[:10])[0])
    net.params["W2"] = net.params["W2"] * 1000
    too_large.append(net.loss(few_x[:10], few_y[:10])[0])
figure, ax = plt.subplots(figsize=(8.5, 2.6))
ax.scatter(fresh, np.ones(50), s=60, alpha=0.4, color=plots.OUTPUT)
ax.scatter(too_large, np.zeros(50), s=60, alpha=0.4, color=plots.GRADIENT)
ax.axvline(np.log(10), color=plots.INK, linestyle=":", linewidth=1.5)
ax.text(np.log(10) * 1.04, 0.5, "log 10 = 2.303", va="center")
ax.set_xscale("log")
ax.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
ax.minorticks_off()
ax.set_yticks([0, 1], ["W2 a thousand\ntimes too large", "yours"])
ax.set_ylim(-0.5, 1.5)
ax.set_xlabel("loss before any training")
plots.finish(
    figure,
    alt="Losses before training. Fifty fresh networks all lie at 2.30. With too large last weights they lie "
    "between about 40 and 150.",
)

# %% [markdown]
# Yours say "no idea", as they should. The others are *sure and wrong*: they would spend their first steps
# on unlearning.
#
# *Rung 2*: the gradient check, in float64, on a tiny network. Every dot is one parameter, nudged (across) and
# backpropagated (up). This takes about 2 seconds.

# %% figure="rung_2_gradient_check"


def gradient_check():
    """Gradients of a tiny network, measured and backpropagated, one array each per parameter."""
    numbers = np.random.default_rng(0)
    net = ConvNet((2, 6, 8), 4, n_filters=3, rng=numbers)
    net.params = {name: value + 0.1 * numbers.normal(size=value.shape) for name, value in net.params.items()}
    x, y = numbers.normal(size=(5, 2, 6, 8)), np.array([0, 3, 1, 2, 0])
    _, gradients = net.loss(x, y)
    found = {}
    for name, value in progress.bar(list(net.params.items()), "nudging"):

        def loss_of(array, name=name):
            net.params[name] = array
            return net.loss(x, y)[0]

        found[f"measured {name}"] = numerical_gradient(loss_of, value)
        found[f"backward {name}"] = gradients[name]
        net.params[name] = value
    return found


result = experiments.run("gradient check", gradient_check)
figure, axes = plt.subplots(1, 4, figsize=(13, 3.3))
for ax, name in zip(axes, ("W1", "b1", "W2", "b2"), strict=True):
    across, up = result[f"measured {name}"].ravel(), result[f"backward {name}"].ravel()
    limit = 1.15 * np.abs(across).max()
    ax.plot([-limit, limit], [-limit, limit], color=plots.GREY, linewidth=1)
    ax.scatter(across, up, s=26, color=plots.GRADIENT, alpha=0.6)
    right = relative_error(across, up) < 1e-5
    ax.set_title(f"{name}: {across.size} parameters\nrelative error below 1e-5: {right}", fontsize=10.5)
    ax.set_xlabel("measured")
axes[0].set_ylabel("backpropagated")
plots.finish(
    figure,
    alt="Four scatter plots, for W1, b1, W2 and b2, of the backpropagated against the measured gradient: "
    "all dots lie on the diagonal.",
)

# %% [markdown]
# If all dots lie on the line, your chain is complete, and no link of it is bent. If only W1 and b1 are off,
# look between the linear layer and the convolution. (A single dot may stray: a nudge can push an input
# across a kink of ReLU, or change a winner.)
#
# **The claim measured: where do the weights sit, and where is the work?** The network of the picture,
# counted from your `params`.

# %% figure="where_is_the_work"
shapes = {name: value.shape for name, value in ConvNet((3, 32, 32), 10).params.items()}
weights = [np.prod(shapes["W1"]) + np.prod(shapes["b1"]), np.prod(shapes["W2"]) + np.prod(shapes["b2"])]
work = [np.prod(shapes["W1"]) * 32 * 32, np.prod(shapes["W2"])]
figure, axes = plt.subplots(1, 2, figsize=(10, 2.3))
for ax, numbers, title in zip(axes, (weights, work), ("parameters", "multiply-adds per image"), strict=True):
    bars = ax.barh(
        ["convolution", "linear layer"], numbers, color=[plots.WEIGHTS, plots.tint(plots.WEIGHTS, 0.5)]
    )
    ax.bar_label(bars, [f" {int(number):,}" for number in numbers])
    ax.set_xlim(0, 1.3 * max(numbers))
    ax.set_xticks([])
    ax.set_title(title)
    ax.invert_yaxis()
plots.finish(
    figure,
    alt="Bars. Parameters: convolution 280, linear layer 25,610. Multiply-adds: convolution 276,480, linear "
    "layer 25,600.",
)

# %% [markdown]
# One per cent of the weights does nine tenths of the work. That is weight sharing, seen from the other side.
#
# > **To sleep on.** Put pooling *before* ReLU. Does the network compute something else? Which order is
# > cheaper?

# %% [markdown]
# ## 11 · Downhill
#
# How do you train such a thing? Roughly: **gather labelled data, find an architecture, minimise the loss.**
# You have the architecture; the data come in a moment. Now the last part. You stand on a hillside in the
# fog and know the slope under your feet. **Where do you step, and how far?**

# %% figure="draw_valley" tags=["keep-output"]
across, along = np.meshgrid(np.linspace(-4, 4, 161), np.linspace(-2, 2, 81))
figure, ax = plt.subplots(figsize=(8, 3.9))
ax.contourf(
    across, along, 0.5 * (across**2 + 10 * along**2), levels=14, cmap=plots.white_to(plots.INPUT), alpha=0.7
)
start = np.array([-3.0, 1.2])
ax.plot(*start, "o", color=plots.INK, markersize=9)
for step_size, words in ((0.05, "step size 0.05"), (0.1, "0.1"), (0.2, "0.2")):
    end = start - step_size * np.array([1.0, 10.0]) * start
    ax.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": plots.GRADIENT, "lw": 2.2, "shrinkA": 4, "shrinkB": 0},
    )
    ax.text(end[0] + 0.12, end[1], words, va="center")
ax.plot(0, 0, "*", color=plots.INK, markersize=15)
ax.text(0.2, 0, "lowest point", va="center")
ax.set_xlabel("first weight")
ax.set_ylabel("second weight")
plots.finish(
    figure,
    alt="A long valley as a map of its height. From a point on its slope three red arrows of different "
    "lengths lead the same way, across the valley: the first ends on the near slope, the second on the "
    "valley floor, the third on the far slope. The lowest point is far to the right.",
)

# %% [markdown]
# Against the gradient. It points *up* the steepest way, so minus the gradient points down. (Note that the
# steepest way is not the way to the lowest point.) The length is yours to choose:
#
# ```python
# while True:
#     weights_grad = evaluate_gradient(loss_fun, data, weights)
#     weights += -step_size * weights_grad
# ```
#
# This is **gradient descent**, in its plainest form, *vanilla*.
#
# **By hand.** $L(w) = w^2$ has the gradient $2w$. From $w = 4$ with step size 0.25: $4 - 0.25 \cdot 8 = 2$,
# then 1, then 0.5. With step size 1: $4 - 8 = -4$, then 4, then −4, for ever. With 1.5: $-8, 16, -32$: away
# it goes.
#
# **The formula.** $w \leftarrow w - \eta\, \dfrac{\partial L}{\partial w}$, where $w$ and the gradient have
# one shape and $\eta$ is the step size, also called *learning rate*.
#
# ### Exercise: `gradient_descent`
#
# ★ · 5 minutes · 3 points
#
# The check walks on several hillsides and looks whether the start is still what it was.
#
# <details><summary>Hint 1: what loss_fn returns</summary>
#
# Two things: the loss and the gradient. Here you need the second.
# </details>
# <details><summary>Hint 2: the start has changed</summary>
#
# `weights += …` on an array changes the very array you were given. Copy it once, before the loop.
# </details>
# <details><summary>Hint 3: one step too few</summary>
#
# With `steps=0` the answer is the start, as a new array; with `steps=1` it is one step away.
# </details>


# %% solution="gradient_descent"
def gradient_descent(
    loss_fn: Callable[[np.ndarray], tuple[float, np.ndarray]],
    weights: np.ndarray,
    steps: int,
    step_size: float,
) -> np.ndarray:
    """Walk downhill: at each step, against the gradient.

    Args:
        loss_fn: a function that turns weights into (loss, gradient), the gradient of the weights' shape.
        weights: where to start, array of any shape. Not modified.
        steps: number of steps, at least 0.
        step_size: by what the gradient is multiplied.

    Returns:
        The weights after the last step: a new array of the same shape and dtype.
    """
    ### BEGIN SOLUTION
    weights = weights.copy()
    for _ in range(steps):
        _, gradient = loss_fn(weights)
        weights += -step_size * gradient
    return weights
    ### END SOLUTION


# %% check="gradient_descent" points=1
checks.run("gradient_descent", gradient_descent)

# %% hidden="gradient_descent" points=2
# Hidden cases: weights of any shape and in float32, no step at all, many steps, other step sizes, a start
# close to the minimum, the start left as it was.
checks.run("gradient_descent", gradient_descent, hidden=True)

# %% [markdown]
# **Your function at work.** Thirty steps in the valley, with three step sizes.

# %% figure="three_step_sizes"


def valley(w):
    """Height and gradient of a valley that is ten times as steep across as along."""
    return 0.5 * (w[0] ** 2 + 10 * w[1] ** 2), np.array([1.0, 10.0]) * w


figure, axes = plt.subplots(1, 3, figsize=(13, 3.1), sharey=True)
for ax, step_size in zip(axes, (0.02, 0.17, 0.205), strict=True):
    path = np.array(
        [gradient_descent(valley, np.array([-3.0, 1.2]), steps, step_size) for steps in range(31)]
    )
    ax.contourf(
        across,
        along,
        0.5 * (across**2 + 10 * along**2),
        levels=14,
        cmap=plots.white_to(plots.INPUT),
        alpha=0.6,
    )
    ax.plot(*path.T, "-o", color=plots.GRADIENT, markersize=4, linewidth=1.5)
    ax.plot(0, 0, "*", color=plots.INK, markersize=13)
    ax.set_xlim(-4, 4)
    ax.set_ylim(-2, 2)
    ax.set_title(
        f"step size {step_size}: height {round(valley(path[-1])[0], 4):g} after 30 steps", fontsize=11
    )
plots.finish(
    figure,
    alt="Three paths in the valley. Step size 0.02: slowly down and then along, not yet there. 0.17: zigzag "
    "across the valley and quickly to the lowest point. 0.205: the zigzag grows wider and leaves the "
    "picture.",
)

# %% [markdown]
# Too small is slow. Too large explodes, and the border is sharp: here 0.2. The best lies just below it.
#
# **But the data are many.** One gradient of the loss over 60,000 images costs 60,000 forward and backward
# passes: for *one* step. **Would 100 images, drawn at random, not point roughly the same way?**
#
# They do. So, in a loop: sample a batch, forward, backward, update. This is **mini-batch gradient
# descent**. It is *usually called SGD*, stochastic gradient descent, although, strictly, SGD has a batch of
# **one** image. PyTorch's `torch.optim.SGD` does whatever batch you give it. We say "batch size 1" where we
# mean one. A walk through all data is an **epoch**.
#
# ### Exercise: `minibatch_sgd`
#
# ★★ · 15 minutes · 5 points
#
# The check uses small models that write down which examples they are shown.
#
# <details><summary>Hint 1: each once, in random order</summary>
#
# `rng.permutation(n)` is a new order. Cut it into pieces of `batch_size`; a slice beyond the end is simply
# shorter.
# </details>
# <details><summary>Hint 2: x and y belong together</summary>
#
# Use the same piece of the order for both: `x[batch]`, `y[batch]`.
# </details>
# <details><summary>Hint 3: which parameters?</summary>
#
# All: loop over the gradients' names. A new order is drawn for *each* epoch.
# </details>


# %% solution="minibatch_sgd"
def minibatch_sgd(
    model: ConvNet,
    data: tuple[np.ndarray, np.ndarray],
    epochs: int,
    batch_size: int,
    step_size: float,
    rng: np.random.Generator,
) -> list[float]:
    """Train a model by mini-batch gradient descent. It changes the arrays in `model.params`.

    Args:
        model: it has a dictionary `params` and a method loss(x, y) -> (loss, gradients with the same names).
        data: (x, y), images (N, C, H, W) and classes (N,). Not modified.
        epochs: how often the data are gone through.
        batch_size: examples in a batch. If it does not divide N, the last batch of an epoch is smaller.
        step_size: by what the gradients are multiplied.
        rng: the random generator that puts the examples into a new order for each epoch.

    Returns:
        The loss of every batch, before its step, in order.
    """
    ### BEGIN SOLUTION
    x, y = data
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), batch_size):
            batch = order[first : first + batch_size]
            loss, gradients = model.loss(x[batch], y[batch])
            for name, gradient in gradients.items():
                model.params[name] = model.params[name] - step_size * gradient
            losses.append(loss)
    return losses
    ### END SOLUTION


# %% check="minibatch_sgd" points=2
checks.run("minibatch_sgd", minibatch_sgd)

# %% hidden="minibatch_sgd" points=3
# Hidden cases: a batch size that does not divide, one batch with everything, batches of one, several epochs,
# each example once per epoch, a new order in each, data left as they were.
checks.run("minibatch_sgd", minibatch_sgd, hidden=True)

# %% [markdown]
# **Your function at work: rung 3.** Fifty images, forty epochs. A network that cannot even learn these by
# heart has a mistake that the first two rungs did not show. About 2 seconds on two CPU cores; a GPU does
# not matter here, all is NumPy.

# %% figure="rung_3_overfit"


def overfit():
    """Losses of all batches, and the share of right answers before and after."""
    net = ConvNet((3, 32, 32), 10, rng=np.random.default_rng(0))
    right = [float(np.mean(net.scores(few_x).argmax(axis=1) == few_y))]
    losses = minibatch_sgd(
        net, (few_x, few_y), 10 if devices.quick() else 40, 10, 0.02, np.random.default_rng(1)
    )
    right.append(float(np.mean(net.scores(few_x).argmax(axis=1) == few_y)))
    return {"losses": losses, "right": right}


result = experiments.run("overfit", overfit)
figure, ax = plt.subplots(figsize=(8, 3.3))
ax.semilogy(np.arange(len(result["losses"])) / 5, result["losses"], color=plots.INK, linewidth=1.5)
ax.axhline(np.log(10), color=plots.GREY, linestyle=":", linewidth=1.5)
ax.set_xlabel("epoch (5 batches of 10 images)")
ax.set_ylabel("loss of the batch")
ax.set_title(f"right on its 50 images: {result['right'][0]:.0%} before, {result['right'][1]:.0%} after")
plots.finish(
    figure,
    alt="Loss of the batches against the epoch, logarithmic. It starts at 2.3 and falls, with jumps, to "
    "about a hundredth.",
)

# %% [markdown]
# By heart. It has learned nothing about cats in general, and that is fine: the rung asks whether the
# machinery *can* learn.
#
# **The claim measured: full, mini-batch or one by one?** Four nets, all from the same first weights, see
# the same 400 images six times: 400 at a time (gradient descent proper), 100, 10, and 1 at a time (SGD
# proper). Each has the step size that did best for it in a trial beforehand: 0.01, 0.05, 0.04 and 0.006.
# About 10 seconds on two CPU cores; the same on a GPU machine.

# %% figure="batch_sizes"


def batch_sizes():
    """Loss on all images after each epoch, and seconds, for each batch size."""
    images = datasets.load("emojiten", "train", n=200 if devices.quick() else 400)
    x, y = images.floats(), images.labels
    epochs = 2 if devices.quick() else 6
    found = {}
    for size, step_size in progress.bar(
        ((len(x), 0.01), (100, 0.05), (10, 0.04), (1, 0.006)), "four batch sizes", 4
    ):
        net, rng = ConvNet((3, 32, 32), 10, rng=np.random.default_rng(0)), np.random.default_rng(1)
        losses, seconds = [softmax_loss(net.scores(x), y)[0]], 0.0
        for _ in range(epochs):
            start = time.process_time()
            minibatch_sgd(net, (x, y), 1, size, step_size, rng)
            seconds += time.process_time() - start
            losses.append(softmax_loss(net.scores(x), y)[0])
        found |= {f"loss {size}": losses, f"seconds {size}": round(seconds, 1)}
    return found


result = experiments.run("batch sizes", batch_sizes)
sizes = [int(name.split()[1]) for name in result if name.startswith("loss")]
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.9), width_ratios=[2, 1])
for size, style, colour in zip(sizes, ("-o", "--s", "-.D", ":^"), plots.SERIES, strict=True):
    losses = result[f"loss {size}"]
    seen = np.arange(len(losses)) * sizes[0]
    left.semilogy(seen, losses, style, color=colour, label=f"{size} at a time", markersize=6)
left.set_xlabel("images seen")
left.set_ylabel("loss on all images")
left.legend(loc="lower left")
bars = right.bar(
    [str(size) for size in sizes], [result[f"seconds {size}"] for size in sizes], color=plots.SERIES
)
right.bar_label(bars, [f"{result[f'seconds {size}']:.1f} s" for size in sizes])
right.set_xlabel("images at a time")
right.set_ylabel("processor time [s]")
plots.finish(
    figure,
    alt="Left, loss against images seen for four batch sizes, logarithmic: 500 at a time falls slowly, 100 "
    "faster, 10 and 1 by far the fastest. Right, the time: one at a time takes longest.",
)

# %% [markdown]
# After the same number of images, full gradient descent has not come far: it took six steps, the others 24,
# 240 and 2400. One at a time learns the most from each image, but it is slow on the clock: a processor
# likes to work on many images at once. So the batch is a compromise, and anything from ten to a few hundred
# will do.
#
# ### Rung 4: train it
#
# **EmojiTen** has the ten classes of CIFAR-10. Each picture is a drawn symbol on a piece of a photograph.
# The test pictures show symbols that the network has never seen; the "seen" ones are new pictures of
# symbols that it knows.

# %% figure="show_data" tags=["keep-output"]
shown = datasets.load("emojiten", "train", n=20)
figure, axes = plt.subplots(2, 10, figsize=(12, 2.9))
for ax, image, label in zip(axes.T.flat, shown.images, shown.labels, strict=True):
    ax.imshow(np.moveaxis(image, 0, -1))
    ax.set_title(shown.classes[label], fontsize=9)
    ax.set_axis_off()
plots.finish(
    figure,
    alt="Twenty small colour pictures in two rows with their classes: drawn airplanes, cars, birds, cats, "
    "deer, dogs, frogs, horses, ships and trucks on pieces of photographs.",
)

# %% [markdown]
# Your network trains on 6000 of them for five epochs with batches of 100: four with step size 0.05, one
# with 0.01. Beside it a *linear* classifier on the raw pixels, with twice the epochs. **About 20 seconds on
# two CPU cores, all of it your own NumPy; a GPU does not help here** (section 13 uses it).

# %% figure="rung_4_train"
small = devices.quick()
train = datasets.load("emojiten", "train", n=500 if small else 6000)
seen, test = (datasets.load("emojiten", split, n=200 if small else 1000) for split in ("seen", "test"))
plan = [0.05] * 4 + [0.01]  # step size of each epoch
BATCH = 100


class Linear:
    """The baseline: a linear classifier on the raw pixels."""

    def __init__(self, features):
        self.params = {"W": np.zeros((10, features), np.float32), "b": np.zeros(10, np.float32)}

    def scores(self, x):
        return x.reshape(len(x), -1) @ self.params["W"].T + self.params["b"]

    def loss(self, x, y):
        loss, dscores = softmax_loss(self.scores(x), y)
        _, dweight, dbias = linear_backward(dscores, x.reshape(len(x), -1), self.params["W"])
        return loss, {"W": dweight, "b": dbias}


def accuracy(model, images):
    """Share of right answers."""
    return float(np.mean(model.scores(images.floats()).argmax(axis=1) == images.labels))


def train_in_numpy():
    """Curves of the network and of the linear classifier, and the network's filters before and after."""
    data = train.floats(), train.labels
    net, rng = ConvNet((3, 32, 32), 10, rng=np.random.default_rng(0)), np.random.default_rng(1)
    first = net.params["W1"].copy()
    curves = {"seen": [accuracy(net, seen)], "test": [accuracy(net, test)]}
    losses, seconds = [], 0.0
    for step_size in progress.bar(plan, "training in NumPy"):
        start = time.process_time()
        losses += minibatch_sgd(net, data, 1, BATCH, step_size, rng)
        seconds += time.process_time() - start
        curves["seen"].append(accuracy(net, seen))
        curves["test"].append(accuracy(net, test))
    linear, rng = Linear(3 * 32 * 32), np.random.default_rng(1)
    for step_size in [0.003] * 8 + [0.0005] * 2:
        minibatch_sgd(linear, data, 1, BATCH, step_size, rng)
    guess = net.scores(test.floats()).argmax(axis=1).astype(np.uint8)
    return curves | {
        "losses": np.array(losses, np.float32),
        "seconds": round(seconds, 1),
        "linear": [accuracy(linear, seen), accuracy(linear, test)],
        "before": first,
        "after": net.params["W1"],
        "guess": guess,
    }


numpy_run = experiments.run("train in numpy", train_in_numpy)
figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4))
losses = numpy_run["losses"]
epochs = np.arange(1, len(losses) + 1) / (len(losses) / len(plan))
left.plot(epochs, losses, color=plots.tint(plots.INK, 0.25), linewidth=1, label="each batch")
smooth = np.convolve(losses, np.ones(15) / 15, mode="valid") if len(losses) > 15 else losses
left.plot(epochs[-len(smooth) :], smooth, color=plots.INK, label="mean of 15 batches")
left.axhline(np.log(10), color=plots.GREY, linestyle=":", linewidth=1.5)
left.set_ylim(0, 4)
left.set_xlabel("epoch")
left.set_ylabel("loss")
left.legend()
for row, (name, style, colour) in enumerate((("seen", "-o", plots.OUTPUT), ("test", "--s", plots.SERIES[1]))):
    words = "symbols seen in training" if name == "seen" else "new symbols"
    right.plot(
        100 * numpy_run[name],
        style,
        color=colour,
        label=f"network, {words}: {numpy_run[name][-1]:.0%}",
        markersize=6,
    )
    base = numpy_run["linear"][row]
    right.axhline(
        100 * base, linestyle=":", color=colour, linewidth=1.8, label=f"linear, {words}: {base:.0%}"
    )
right.set_xlabel("epoch")
right.set_ylabel("right answers [%]")
right.set_ylim(0, 100)
right.legend(loc="upper left", fontsize=10.5)
figure.suptitle(f"training took {numpy_run['seconds']:.0f} s of processor time")
plots.finish(
    figure,
    alt="Left, the loss of the batches: it starts at 2.3, jumps up at first and falls to about 0.8. Right, "
    "right answers by epoch: the network rises from 10 to over 60 percent on symbols seen in training "
    "and to about 50 on new ones; dotted lines show the linear classifier clearly below.",
)

# %% [markdown]
# Clearly above the linear classifier, both on symbols that it knows and on new ones, with ten filters and
# in well under a minute. (The gap between the two curves is the subject of notebook 5.) **What have the ten
# filters become: edge finders, colour finders, or nothing in particular?**

# %% figure="learned_filters"
figure, axes = plt.subplots(2, 10, figsize=(12, 3))
for row, name in enumerate(("before", "after")):
    bank_ = numpy_run[name]
    for ax, filter_ in zip(axes[row], bank_, strict=True):
        ax.imshow(np.moveaxis(0.5 + 0.5 * filter_ / np.abs(filter_).max(), 0, -1), interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])
    axes[row, 0].set_ylabel(name)
moved = np.linalg.norm(numpy_run["after"] - numpy_run["before"]) / np.linalg.norm(numpy_run["before"])
figure.suptitle(f"the filters have changed by {moved:.0%} of their size")
plots.finish(
    figure,
    alt="The ten filters of 3 by 3 in colour, before and after training. Before they are noise, and "
    "afterwards each still looks much like it did before.",
)

# %% [markdown]
# Hardly anything in particular: they have moved by less than half of their size, and the eye barely sees
# it. Ten filters drawn by chance answer to ten different mixtures of edges and colours, and the linear
# layer made the best of them. (Notebook 2 measured how far random filters carry.) For filters that one can
# name it takes more layers, more pictures and more time. And where does the network go wrong?

# %% figure="right_and_wrong"
guess = numpy_run["guess"]
wrong = np.flatnonzero(guess != test.labels)[:8]
correct = np.flatnonzero(guess == test.labels)[:8]
figure, axes = plt.subplots(2, 8, figsize=(12, 3.7))
for line, numbers in zip(axes, (correct, wrong), strict=True):
    for ax in line:
        ax.set_axis_off()
    for ax, number in zip(line, numbers, strict=False):
        ax.imshow(np.moveaxis(test.images[number], 0, -1))
        told, truth = test.classes[guess[number]], test.classes[test.labels[number]]
        ax.set_title(told if told == truth else f"“{told}”\nis {truth}", fontsize=9.5)
plots.finish(
    figure,
    alt="Eight new pictures that the network names rightly, and eight that it takes for something else, "
    "each with the network's answer.",
)

# %% regression="downhill"


def slope(w):
    """Height and gradient of a valley that is four times as steep across as along."""
    return float(0.5 * (w[0] ** 2 + 4 * w[1] ** 2)), np.array([1.0, 4.0]) * w


print("step size   after 10 steps")
for step_size in (0.05, 0.25, 0.45, 0.55):
    end = gradient_descent(slope, np.array([2.0, 1.0]), 10, step_size)
    print(f"{step_size:9.2f}   {end[0]:8.4f} {end[1]:8.4f}")

# %% regression="sanity_ladder"
x = np.random.default_rng(0).normal(size=(12, 2, 6, 8)).astype(np.float32)
y = np.arange(12) % 4
saw = climb(ConvNet, minibatch_sgd, x, y, 4)
kept = (saw["start"] - saw["after a small step"]) / (0.001 * saw["slope"])
print("rung 1: the loss at the start is log 4:", bool(abs(saw["start"] - np.log(4)) < 0.05))
print("rung 2: a small step lowers the loss as the gradient promises:", bool(abs(kept - 1) < 0.1))
print(
    f"rung 3: {len(saw['batches'])} batches later it knows all by heart:", bool((saw["answers"] == y).all())
)
print("five epochs: batches of 2 get further than batches of 12:", bool(saw["small"] < saw["full"]))

# %% [markdown]
# > **To sleep on.** Look at the first epoch of the loss: before it fell it jumped *above* log 10. What does
# > that tell about the step size? And why is the same step size right a little later?

# %% [markdown]
# ## 12 · On the GPU: a function that knows its way back
#
# PyTorch finds gradients by itself: it writes down every operation of the forward pass and walks the list
# backward. For that it must know the way back through each operation. **How do you teach it one that it
# does not know?**

# %% figure="draw_autograd" tags=["keep-output"]
plots.finish(
    graph_drawings.function_with_context(),
    alt="Two boxes, forward and backward, with a memory named ctx between them. x, kernel size and stride "
    "go into forward, y comes out. dy goes into backward; dx, None and None come out. forward saves "
    "argmax and the input's shape into ctx, backward reads them.",
)

# %% [markdown]
# By a class with two static methods. `forward` computes, and keeps in `ctx` what the way back will need;
# `backward` gets `dy` and returns **one gradient for each argument** of `forward`, `None` for those that
# have none (a stride has no gradient).
#
# **By hand.** `MaxPool2dFunction.apply(x, 2, 2)` has three arguments, so `backward` returns three things:
# `dx, None, None`. What it needs is what your NumPy function needs: the argmax and the shape of `x`.
#
# **The formula** is that of section 6, left.
#
# ### Exercise: `MaxPool2dFunction`
#
# ★★★ · 20 minutes · 5 points
#
# Write it with tensor operations that work on any device; `F.max_pool2d` would bring its own way back
# along. The check compares values and gradients with PyTorch's own pooling, for every single output.
#
# <details><summary>Hint 1: windows of a tensor</summary>
#
# `x.unfold(2, k, s).unfold(3, k, s)` is a view `(N, C, H_out, W_out, k, k)`. `.flatten(4)` makes the last
# two axes one, and `.max(dim=4)` gives values and indices; of equal ones the first.
# </details>
# <details><summary>Hint 2: from the place in the window to the place in the plane</summary>
#
# Index $q$ in the window is row $q // k$, column $q \bmod k$ there. Add where the window begins. New
# tensors (`torch.arange`) must be made with `device=x.device`.
# </details>
# <details><summary>Hint 3: keeping and adding</summary>
#
# Tensors are kept by `ctx.save_for_backward(...)` and come back, as a tuple, in `ctx.saved_tensors`; other
# things are plain attributes of `ctx`. `zeros.scatter_add_(dim, index, values)` adds every time, also where
# an index occurs twice.
# </details>


# %% solution="MaxPool2dFunction"
class MaxPool2dFunction(torch.autograd.Function):
    """Max pooling with a backward pass of its own, on any device.

    Use it as `MaxPool2dFunction.apply(x, kernel_size, stride)`, with x (N, C, H, W) and both sizes in pixels;
    it returns y (N, C, H_out, W_out). Of equal maxima the first one (row by row) gets the gradient.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, kernel_size: int, stride: int) -> torch.Tensor:
        """Pool, and keep in ctx what `backward` will need."""
        ### BEGIN SOLUTION
        width = x.shape[3]
        windows = x.unfold(2, kernel_size, stride).unfold(
            3, kernel_size, stride
        )  # (N, C, H_out, W_out, k, k)
        y, place = windows.flatten(4).max(dim=4)
        rows = torch.arange(y.shape[2], device=x.device)[:, None] * stride + place // kernel_size
        columns = torch.arange(y.shape[3], device=x.device) * stride + place % kernel_size
        ctx.save_for_backward(rows * width + columns)
        ctx.input_shape = x.shape
        return y
        ### END SOLUTION

    @staticmethod
    def backward(ctx, dy: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Return one gradient for each argument of `forward`; kernel_size and stride have none."""
        ### BEGIN SOLUTION
        (argmax,) = ctx.saved_tensors
        n, c, height, width = ctx.input_shape
        dx = torch.zeros(n, c, height * width, dtype=dy.dtype, device=dy.device)
        dx.scatter_add_(2, argmax.flatten(2), dy.flatten(2))
        return dx.view(ctx.input_shape), None, None
        ### END SOLUTION


# %% check="MaxPool2dFunction" points=2
checks.run("MaxPool2dFunction", MaxPool2dFunction)

# %% hidden="MaxPool2dFunction" points=3
# Hidden cases: windows that overlap, so that gradients add up, windows that leave gaps, ties, float32,
# tensors that are slices of larger ones, the gradient of every single output, two calls in one graph.
checks.run("MaxPool2dFunction", MaxPool2dFunction, hidden=True)

# %% [markdown]
# **Your function at work: three judges.** PyTorch's `gradcheck` nudges it. PyTorch's own max pooling is
# compared with it. And so is your NumPy function.

# %% figure="three_judges"
numbers = np.random.default_rng(0)
picture = numbers.permutation(2 * 3 * 7 * 8).reshape(2, 3, 7, 8) / 100
tensor = torch.tensor(picture, requires_grad=True)  # on the CPU, float64: what gradcheck needs
print("gradcheck:", torch.autograd.gradcheck(lambda x: MaxPool2dFunction.apply(x, 3, 2), tensor))

wide = torch.float32 if device.type == "mps" else torch.float64  # Apple's GPU has no float64
here = torch.tensor(picture, dtype=wide, device=device, requires_grad=True)
there = here.detach().clone().requires_grad_()
y, yours = MaxPool2dFunction.apply(here, 3, 2), F.max_pool2d(there, 3, 2)
dy = torch.rand_like(y)
y.backward(dy)
yours.backward(dy)
print(
    f"equal to PyTorch's on {device}:",
    bool(torch.equal(y, yours)) and bool(torch.allclose(here.grad, there.grad)),
)
values, argmax = max_pool2d(picture, 3, 2)
dx = max_pool2d_backward(dy.cpu().numpy(), argmax, picture.shape)
print(
    "equal to your NumPy:",
    bool(np.allclose(y.detach().cpu(), values)) and bool(np.allclose(here.grad.cpu(), dx)),
)

# %% [markdown]
# **The claim measured.** Forward and backward of one pooling layer, three ways.

# %% figure="pooling_times"
x = np.random.default_rng(0).standard_normal((64, 16, 32, 32), dtype=np.float32)
tensor = torch.from_numpy(x).to(device).requires_grad_()


def in_numpy():
    """Forward and backward of your NumPy functions."""
    y, argmax = max_pool2d(x, 2)
    return max_pool2d_backward(y, argmax, x.shape)


def in_torch(pool):
    """Forward and backward of a pooling of tensors."""
    y = pool(tensor, 2, 2)
    return torch.autograd.grad(y, tensor, y.detach())


times = {
    "your NumPy, CPU": timing.measure(in_numpy, label="pooling: numpy"),
    f"your Function, {devices.describe(device)}": timing.measure(
        in_torch, MaxPool2dFunction.apply, label="pooling: function", device=device
    ),
    f"PyTorch's, {devices.describe(device)}": timing.measure(
        in_torch, F.max_pool2d, label="pooling: torch", device=device
    ),
}
figure, ax = plt.subplots(figsize=(9, 2.2))
bars = ax.barh(
    list(times), [1e3 * seconds for seconds in times.values()], color=[plots.GREY, plots.OUTPUT, plots.INK]
)
ax.bar_label(bars, [f" {timing.in_words(seconds)}" for seconds in times.values()])
ax.set_xlim(0, 1.25e3 * max(times.values()))
ax.invert_yaxis()
ax.set_xlabel("forward and backward, 64 × 16 × 32 × 32, windows of 2 × 2 [ms]")
plots.finish(
    figure, alt="Bars of the time for forward and backward: your NumPy, your Function, PyTorch's own."
)

# %% [markdown]
# On the processor all three are of one order. On a GPU the gap to NumPy is wide (an estimate: ten to a
# hundred times). Your Function reads every window from memory as a copy; PyTorch's does not.
#
# > **To sleep on.** `gradcheck` wants float64, and numbers that are not tied. Why? What would it say about
# > a window 6, 6?

# %% [markdown]
# ## 13 · On the GPU: the training loop
#
# In PyTorch the network, its gradients and the update are three lines. What is left for you is the loop
# around them. **Which four calls does every step need, and in which order?**

# %% figure="draw_training_loop" tags=["keep-output"]
plots.finish(
    graph_drawings.training_loop(),
    alt="A circle of five boxes: take a batch to the device; forward, loss; zero_grad; backward; "
    "optimizer.step; and round again.",
)

# %% [markdown]
# **By hand.** Two batches, of 3 and of 1 examples, with mean losses 2.0 and 4.0. The mean loss over the
# *examples* is $(3 \cdot 2 + 1 \cdot 4)/4 = 2.5$, not 3.
#
# **The formula** of each step is that of section 11, $w \leftarrow w - \eta\,\partial L/\partial w$, done
# by the optimizer for all parameters. Three things are easily forgotten: gradients **add up** until you
# clear them; `loss` holds the whole graph, `loss.item()` only the number; and a model may behave
# differently in training and in use: `model.train()`, `model.eval()`.
#
# ### Exercise: `train_epoch`
#
# ★★ · 10 minutes · 3 points
#
# The check trains small models for an epoch and compares the loss and the parameters afterwards.
#
# <details><summary>Hint 1: the loss</summary>
#
# `F.cross_entropy(scores, y)` is your `softmax_loss`: the mean over the batch.
# </details>
# <details><summary>Hint 2: the order</summary>
#
# Gradients must be cleared somewhere between two `backward` calls, and the step comes after `backward`.
# </details>
# <details><summary>Hint 3: the mean</summary>
#
# Weight each batch's loss with its number of examples.
# </details>


# %% solution="train_epoch"
def train_epoch(
    model: nn.Module,
    loader: Iterable[tuple[torch.Tensor, torch.Tensor]],
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
) -> float:
    """Go through the data once and take one step for each batch.

    Args:
        model: turns images (N, C, H, W) into scores (N, classes); its parameters are on `device`. It is put
            into training mode.
        loader: gives batches (x, y), tensors on any device; y holds the classes, (N,). Batches may differ in
            size.
        optimizer: holds the model's parameters.
        device: where the work is done.

    Returns:
        The mean cross-entropy over all examples, each taken before its batch's step, as a float.
    """
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count
    ### END SOLUTION


# %% check="train_epoch" points=1
checks.run("train_epoch", train_epoch)

# %% hidden="train_epoch" points=2
# Hidden cases: batches of different sizes, gradients left over from before, a model that behaves differently
# in training, several optimisers.
checks.run("train_epoch", train_epoch, hidden=True)

# %% [markdown]
# ### Exercise: `evaluate`
#
# ★ · 5 minutes · 2 points
#
# The check looks at the accuracy, and at the model's mode before and after.
#
# <details><summary>Hint 1: the answer of a row</summary>
#
# `scores.argmax(dim=1)`, compared with `y` on the same device.
# </details>
# <details><summary>Hint 2: nothing recorded</summary>
#
# `with torch.no_grad():` around the loop.
# </details>
# <details><summary>Hint 3: the mode</summary>
#
# Remember `model.training`, switch to `model.eval()`, and set it back with `model.train(remembered)`.
# </details>


# %% solution="evaluate"
def evaluate(
    model: nn.Module, loader: Iterable[tuple[torch.Tensor, torch.Tensor]], device: torch.device | str
) -> float:
    """Measure the share of examples whose right class has the highest score.

    Args:
        model: turns images (N, C, H, W) into scores (N, classes); its parameters are on `device`. It is in
            evaluation mode during the measurement and afterwards in the mode it was in before.
        loader: gives batches (x, y), tensors on any device. Batches may differ in size.
        device: where the work is done.

    Returns:
        The accuracy, a float from 0 to 1. No gradient is recorded, nothing of the model is changed.
    """
    ### BEGIN SOLUTION
    mode = model.training
    model.eval()
    right, count = 0, 0
    with torch.no_grad():
        for x, y in loader:
            right += int((model(x.to(device)).argmax(dim=1) == y.to(device)).sum())
            count += len(y)
    model.train(mode)
    return right / count
    ### END SOLUTION


# %% check="evaluate" points=1
checks.run("evaluate", evaluate)

# %% hidden="evaluate" points=1
# Hidden cases: batches of different sizes, a model that behaves differently in training, its mode afterwards,
# no gradients.
checks.run("evaluate", evaluate, hidden=True)

# %% [markdown]
# **Your functions at work.** The same network once more, as PyTorch modules, with the *same* first weights
# and the same batches in the same order. First: do its gradients agree with those of your NumPy network?

# %% figure="same_gradients"


def twin_of(net, dtype=torch.float32):
    """The NumPy network's twin on the device, with its parameters."""
    filters, channels = net.params["W1"].shape[:2]
    classes, features = net.params["W2"].shape
    model = nn.Sequential(
        nn.Conv2d(channels, filters, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, classes),
    ).to(device, dtype)
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), ("W1", "b1", "W2", "b2"), strict=True):
            parameter.copy_(torch.from_numpy(net.params[name]))
    return model


net = ConvNet((3, 32, 32), 10, rng=np.random.default_rng(0))
net.params["W2"] = net.params["W2"] * 100  # so that the scores differ
for dtype, tolerance in ((torch.float32, 1e-3), (wide, 1e-3 if wide == torch.float32 else 1e-9)):
    as_numpy = np.float32 if dtype == torch.float32 else np.float64
    net.params = {name: value.astype(as_numpy) for name, value in net.params.items()}
    loss, gradients = net.loss(few_x.astype(as_numpy), few_y)
    model = twin_of(net, dtype)
    F.cross_entropy(
        model(torch.tensor(few_x, dtype=dtype, device=device)), torch.tensor(few_y, device=device)
    ).backward()
    for parameter, (name, gradient) in zip(model.parameters(), gradients.items(), strict=True):
        difference = np.abs(parameter.grad.cpu().numpy() - gradient).max() / np.abs(gradient).max()
        print(f"{dtype}  {name} differs by less than {tolerance:.0e}: {bool(difference < tolerance)}")

# %% [markdown]
# **The claim measured: the same training, on the device.** Same weights, same batches, same step sizes: the
# curves should lie on each other. About 8 seconds on two CPU cores; on a GPU about 1 to 2 seconds (an
# estimate).

# %% figure="train_on_device"


def train_on_device():
    """Curves of the twin, and its time."""
    model = twin_of(ConvNet((3, 32, 32), 10, rng=np.random.default_rng(0)))
    x, y = train.tensors(device)
    loaders = {name: [images.tensors(device)] for name, images in (("seen", seen), ("test", test))}
    rng = np.random.default_rng(1)
    curves = {name: [evaluate(model, loader, device)] for name, loader in loaders.items()}
    clock = time.process_time if torch.device(device).type == "cpu" else time.perf_counter
    losses, seconds = [], 0.0
    for step_size in progress.bar(plan, f"training on {device}"):
        order = torch.from_numpy(rng.permutation(len(y))).to(device)
        batches = [(x[part], y[part]) for part in order.split(BATCH)]
        devices.wait(device)
        start = clock()
        losses.append(train_epoch(model, batches, torch.optim.SGD(model.parameters(), lr=step_size), device))
        devices.wait(device)
        seconds += clock() - start
        for name, loader in loaders.items():
            curves[name].append(evaluate(model, loader, device))
    return curves | {"losses": losses, "seconds": round(seconds, 1)}


device_run = experiments.run("train on the device", train_on_device)
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.8))
by_epoch = numpy_run["losses"].reshape(len(plan), -1).mean(axis=1)
left.plot(
    range(1, len(plan) + 1), by_epoch, "-o", color=plots.GREY, linewidth=5, markersize=9, label="your NumPy"
)
left.plot(
    range(1, len(plan) + 1),
    device_run["losses"],
    "--s",
    color=plots.INK,
    label=f"PyTorch, {devices.describe(device)}",
)
left.set_xlabel("epoch")
left.set_ylabel("mean loss")
left.legend()
for name, colour in (("seen", plots.OUTPUT), ("test", plots.SERIES[1])):
    words = "seen" if name == "seen" else "new"
    right.plot(
        100 * numpy_run[name],
        "-o",
        color=plots.tint(colour, 0.45),
        linewidth=5,
        markersize=9,
        label=f"NumPy, {words} symbols",
    )
    right.plot(100 * device_run[name], "--s", color=colour, label=f"PyTorch, {words} symbols")
right.set_xlabel("epoch")
right.set_ylabel("right answers [%]")
right.set_ylim(0, 100)
right.legend(loc="lower right", fontsize=10.5)
took = [f"{run['seconds']:.0f} s" for run in (numpy_run, device_run)]
for ax in (left, right):
    ax.set_xticks(range(len(plan) + 1))
figure.suptitle(f"your NumPy {took[0]}, PyTorch on {devices.describe(device)} {took[1]}")
plots.finish(
    figure,
    alt="Mean loss and right answers by epoch, your NumPy network as broad pale lines and its PyTorch twin "
    "as dashed lines on top of them: they lie on each other.",
)

# %% [markdown]
# On a processor they agree to the width of the line, all the way. (A GPU adds up in another order. Rounding
# in the seventh digit, amplified by thousands of choices of a maximum, may drive the two slowly apart:
# different in detail, alike in what they can do.) **Your NumPy was right all along.** From now on PyTorch
# does the gradients, and you know what it does.
#
# > **To sleep on.** You wrote a network with one convolution. What would you have to write for ten of them?
# > And why may the gradient not arrive at the first one? (That is notebook 4.)

# %% [markdown]
# ## 14 · Knowledge checks
#
# Four questions, one point each. Write the answer into the cell; it is marked after you hand in.
#
# **Question 1.** Images of $3 \times 32 \times 48$ go through ten 3 × 3 filters (stride 1, padding 1),
# ReLU, and 2 × 2 max pooling with stride 2. **How many numbers does the linear layer read** from each
# image? Answer with a whole number.

# %% solution="quiz_features" stub=""
quiz_features = None  # a whole number
### BEGIN SOLUTION
quiz_features = 3840
### END SOLUTION

# %% check="quiz_features" points=0
checks.quiz("quiz_features", quiz_features)

# %% hidden="quiz_features" points=1
# Question 1, what the linear layer reads: your answer is marked here after you hand in.
checks.quiz("quiz_features", quiz_features, hidden=True)

# %% [markdown]
# **Question 2.** A window of 2 × 2 holds 3, 7 / 7, 1. It goes through max pooling, and from above arrives
# the gradient 6. **What goes back to the four pixels?**
#
# - (a) 0, 3 / 3, 0
# - (b) 0, 6 / 0, 0
# - (c) 1.5, 1.5 / 1.5, 1.5
# - (d) 0, 6 / 6, 0

# %% solution="quiz_max_gradient" stub=""
quiz_max_gradient = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_max_gradient = "b"
### END SOLUTION

# %% check="quiz_max_gradient" points=0
checks.quiz("quiz_max_gradient", quiz_max_gradient)

# %% hidden="quiz_max_gradient" points=1
# Question 2, the gradient of a maximum: your answer is marked here after you hand in.
checks.quiz("quiz_max_gradient", quiz_max_gradient, hidden=True)

# %% [markdown]
# **Question 3.** A fresh network for 100 classes has a softmax loss of 9.2 on its first batch. **What do
# you conclude?**
#
# - (a) Nothing: the loss of a fresh network is large, training will bring it down.
# - (b) It needs a larger step size.
# - (c) Something is wrong before training has begun: it should be about 4.6.
# - (d) The batch has too few images.

# %% solution="quiz_loss_at_start" stub=""
quiz_loss_at_start = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_loss_at_start = "c"
### END SOLUTION

# %% check="quiz_loss_at_start" points=0
checks.quiz("quiz_loss_at_start", quiz_loss_at_start)

# %% hidden="quiz_loss_at_start" points=1
# Question 3, the loss before training: your answer is marked here after you hand in.
checks.quiz("quiz_loss_at_start", quiz_loss_at_start, hidden=True)

# %% [markdown]
# **Question 4.** There are 60,000 images, and batches of 100. **What does one epoch of mini-batch gradient
# descent do, compared with one step of full gradient descent?**
#
# - (a) It takes one step, too, and reads as many images.
# - (b) It takes 600 steps and reads 600 times as many images.
# - (c) It takes 60,000 steps, because "stochastic" means one image at a time.
# - (d) It takes 600 steps and reads as many images.

# %% solution="quiz_epoch" stub=""
quiz_epoch = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_epoch = "d"
### END SOLUTION

# %% check="quiz_epoch" points=0
checks.quiz("quiz_epoch", quiz_epoch)

# %% hidden="quiz_epoch" points=1
# Question 4, an epoch of mini-batches: your answer is marked here after you hand in.
checks.quiz("quiz_epoch", quiz_epoch, hidden=True)

# %% [markdown]
# ## Your tables, compared with ours
#
# This notebook has eight tables that your functions printed, from the pooled sizes in section 1 to the
# ladder in section 11. When it is graded, they are computed once more and compared with ours. Each one that
# agrees earns its share of 5 points.

# %% regression_points=5
# Nothing to do here: the points for the tables are entered in this cell.

# %% [markdown]
# ## What you have now
#
# | you can | because you wrote |
# |---|---|
# | shrink a volume, and say what becomes stable | `max_pool2d`, `avg_pool2d`, `shift_stability` |
# | forget *which way* instead of *where* | `max_over_channels` |
# | judge any gradient | `numerical_gradient`, `relative_error` |
# | go back through every layer of a ConvNet | six backward functions |
# | say how wrong a list of scores is | `softmax_loss`, `svm_loss` |
# | build a network, and trust it | `ConvNet`, and the sanity ladder |
# | walk downhill, with all data or with a few | `gradient_descent`, `minibatch_sgd` |
# | teach PyTorch a way back, and train on any device | `MaxPool2dFunction`, `train_epoch`, `evaluate` |
#
# Your network has one convolution, ten filters and a test accuracy that leaves room. **What happens when
# you put more layers on top of each other?** Notebook 4 tells of the networks that tried: AlexNet, VGG, and
# the trick without which the gradient would not have found its way back.
