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
#   title: "1 · The mathematics of convolution"
#   course:
#     limits:
#       cell_seconds: 15
#       call_seconds: 5
#       total_seconds: 60
#       memory_mb: 1024
# ---

# %% [markdown]
# # 1 · The mathematics of convolution
#
# A convolutional network is an ordinary neural network with two ideas added: its activations stay
# **three-dimensional**, and its neurons **share their weights**. In this notebook you build both ideas from
# nothing, first in NumPy, then in PyTorch.
#
# **After it you can**
#
# - say what one neuron of a convolutional layer computes, and do it by hand;
# - predict the size, the weights and the work of any convolutional layer;
# - say which pixels a layer never reads, and what padding changes;
# - write convolution four times: as a sum in loops, as a matrix product, transposed, and in time;
# - measure how much each way costs, on the processor and on a GPU if you have one.
#
# You need Python, NumPy and sums with indices. You do not need to know PyTorch yet.
#
# ## The way through
#
# | | section | you write | difficulty | minutes | points |
# |---:|---|---|:---:|---:|---:|
# | 1 | One neuron looks at a patch | `neuron` | ★ | 15 | 4 |
# | 2 | How many windows fit? | `output_size` | ★ | 15 | 6 |
# | 3 | What the stride skips | `uncovered` | ★★ | 20 | 6 |
# | 4 | A frame of zeros | `pad2d` | ★ | 15 | 4 |
# | 5 | Three ways to connect | `count_layer` | ★★ | 20 | 6 |
# | 6 | Windows without sharing | `locally_connected2d` | ★★ | 25 | 7 |
# | 7 | Convolution, as the sum says it | `conv2d_loops` | ★★ | 30 | 9 |
# | 8 | Convolution without loops, and dilated | `conv2d` | ★★★ | 35 | 11 |
# | 9 | The 1 × 1 convolution | `conv1x1` | ★ | 15 | 5 |
# | 10 | How far one output sees | `receptive_field` | ★★ | 20 | 6 |
# | 11 | Transposed convolution | `conv_transpose2d` | ★★★ | 35 | 9 |
# | 12 | Convolution in time | `causal_conv1d` | ★★ | 20 | 6 |
# | 13 | On the GPU | `conv2d_unfold`, `Conv2d` | ★★ | 35 | 12 |
# | 14 | Experiment and knowledge checks | four answers | ★ | 20 | 4 |
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
# | $N$ | number of images in a batch |
# | $C, H, W$ | channels (depth), height, width of a volume |
# | $x$ | input activations, shape $(N, C, H, W)$ or, for one image, $(C, H, W)$ |
# | $W$ with indices | weights; of a layer: $(C_\text{out}, C_\text{in}, k_h, k_w)$ |
# | $b$ | bias: one number for each output channel |
# | $h, y$ | output of one neuron, outputs of a layer |
# | $k, s, p, d$ | kernel size, stride, padding, dilation, all in pixels |
#
# Colours mean the same in all figures: **input is blue, weights are orange, outputs are green.**

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
            f"folder (notebooks/01_convolution/), or get the whole course from {COURSE}"
        ) from None
    sys.modules.pop("utils", None)  # somebody else's package of that name
    sys.path.insert(0, str(course))

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from utils import (
    checks,
    devices,
    drawings,
    flows,
    grids,
    holes,
    pictures,
    plots,
    stacks,
    timing,
    unrolled,
)

plots.use_style()
device = devices.default_device()
print(f"Ready. PyTorch will work on: {device}")

# %% [markdown]
# You will try your functions out on a photograph. It shows Grace Hopper, who wrote one of the first
# compilers. To a network it is a volume of $3 \times 150 \times 128$ numbers between 0 and 1.

# %% given="photograph"
photo = pictures.photograph()

# %% figure="show_photograph" tags=["keep-output"]
plots.show_images(
    [photo, *photo],
    ["photo  3 × 150 × 128", "red", "green", "blue"],
    alt="The photograph of Grace Hopper in uniform before a flag, and its red, green and blue "
    "channel in grey.",
)

# %% [markdown]
# ## 1 · One neuron looks at a patch
#
# An image of the CIFAR-10 collection has 3 channels, 32 rows and 32 columns. A neuron looks at a
# window of 5 × 5 pixels. **How many numbers does it multiply: 5, 25 or 75?**

# %% figure="draw_neuron" tags=["keep-output"]
plots.finish(
    drawings.neuron_and_patch(),
    alt="A blue box of 3 channels, 32 rows, 32 columns. An orange block of 3 by 5 by 5 inside it is "
    "joined by lines to one green neuron.",
)

# %% [markdown]
# It is 75. The window is small in height and width, but it reaches through **all** channels. Such a block of
# numbers is called a *patch*.
#
# **By hand.** Two channels, two rows, two columns, and a bias of 1:
#
# | | channel 1 | channel 2 |
# |---|:---:|:---:|
# | patch | $\begin{bmatrix}1&2\cr 0&1\end{bmatrix}$ | $\begin{bmatrix}3&0\cr 1&1\end{bmatrix}$ |
# | weights | $\begin{bmatrix}1&0\cr -1&1\end{bmatrix}$ | $\begin{bmatrix}2&5\cr 0&-1\end{bmatrix}$ |
# | products | $\begin{bmatrix}1&0\cr 0&1\end{bmatrix}$ | $\begin{bmatrix}6&0\cr 0&-1\end{bmatrix}$ |
# | their sum | 2 | 5 |
#
# The neuron answers $2 + 5 + 1 = 8$. One number, whatever the depth.
#
# **The formula.** For the region $r$ of the input,
#
# $$h^r = \sum_{ijk} x^r_{ijk}\, W_{ijk} + b$$
#
# $x^r$ and $W$ have the same shape $(C, k_h, k_w)$; $i$ runs over channels, $j$ over rows, $k$ over columns;
# $b$ and $h^r$ are numbers. It is a dot product, written for three axes.
#
# ### Exercise: `neuron`
#
# ★ · 5 minutes · 4 points
#
# The check hands your neuron patches of several shapes and compares the number it returns.
#
# <details><summary>Hint 1: where do I start?</summary>
#
# `patch * weight` multiplies number by number. What shape has the result?
# </details>
# <details><summary>Hint 2: my answer is an array</summary>
#
# `.sum()` without arguments adds up over all axes. With `axis=0` it leaves two axes standing.
# </details>
# <details><summary>Hint 3: my answer is a little wrong</summary>
#
# The bias is added once, after the sum, not once for every product.
# </details>


# %% solution="neuron"
def neuron(patch: np.ndarray, weight: np.ndarray, bias: float) -> float:
    """What one neuron answers when it looks at one patch of a volume.

    Args:
        patch: array (C, kh, kw), the part of the input that the neuron sees.
        weight: array (C, kh, kw), one weight for every number of the patch.
        bias: a number.

    Returns:
        a scalar: the sum of patch times weight over all three axes, plus the bias.
    """
    ### BEGIN SOLUTION
    return (patch * weight).sum() + bias
    ### END SOLUTION


# %% check="neuron" points=2
checks.run("neuron", neuron)

# %% hidden="neuron" points=2
# Hidden cases: other depths, patches that are not square, negative numbers, a bias other than
# zero, float32, and slices of larger arrays.
checks.run("neuron", neuron, hidden=True)

# %% [markdown]
# **Your neuron at work.** This neuron has positive weights in its upper rows and negative ones in its lower
# rows. So it asks: *is it brighter above than below?* Here are three patches, and what it answers.

# %% figure="neuron_at_work"
bright_above = np.zeros((3, 9, 9))
bright_above[:, :4], bright_above[:, 5:] = 1 / 108, -1 / 108  # the means of 4 rows above and 4 rows below
places = {"flat": (60, 100), "bright below": (30, 61), "bright above": (100, 69)}

figure, axes = plt.subplots(1, 5, figsize=(11, 3.2), width_ratios=[1.5, 1, 1, 1, 1])
axes[0].imshow(plots.for_imshow(photo))
axes[1].imshow(bright_above[0], cmap="PuOr_r", vmin=-0.02, vmax=0.02)
axes[0].set_title("photo")
axes[1].set_title("weights\n+ above, − below")
for ax, (name, (row, column)) in zip(axes[2:], places.items(), strict=True):
    patch = photo[:, row : row + 9, column : column + 9]
    ax.imshow(plots.for_imshow(patch))
    ax.set_title(f"{name}\nh = {neuron(patch, bright_above, 0.0):.2f}".replace("-", "−"))
    frame = plt.Rectangle((column, row), 9, 9, fill=False, edgecolor=plots.WEIGHTS, linewidth=2.5)
    axes[0].add_patch(frame)
for ax in axes:
    ax.set_axis_off()
plots.finish(
    figure,
    alt="Three framed patches of the photo and the neuron's answers: near zero on a flat patch, "
    "negative where it is brighter below, positive where it is brighter above.",
)

# %% [markdown]
# **More neurons, same patch.** One answer is not much. So let several neurons look at the same patch, each
# with weights of its own: neuron $o$ computes
#
# $$h^r_o = \sum_{ijk} x^r_{ijk}\, W_{oijk} + b_o .$$
#
# Their answers form a *column*. Move the patch, and the next column appears. All columns together are again a
# volume: the input of the next layer.

# %% figure="draw_column" tags=["keep-output"]
plots.finish(
    drawings.column_of_outputs(),
    alt="The orange patch of a blue input volume is joined to five green neurons in a row. They are "
    "one column, 5 by 1 by 1, inside a green output volume of 5 by 28 by 28.",
)

# %% [markdown]
# **Measured: why keep the three dimensions?** We could flatten the image to one long vector. A neuron that
# sees *all* pixels would not notice: shuffle pixels and weights alike, and the sum is the same. But look at
# what a small window is offered. Here is how alike two pixels are, against their distance, in the photo and
# in the same pixels shuffled.

# %% figure="neighbours_are_alike" tags=["keep-output"]
grey = photo.mean(axis=0)
shuffled = np.random.default_rng(0).permutation(grey.ravel()).reshape(grey.shape)

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.4), width_ratios=[1, 1, 2])
left.imshow(grey, vmin=0, vmax=1)
left.set_title("photo")
middle.imshow(shuffled, vmin=0, vmax=1)
middle.set_title("same pixels, shuffled")
for ax in (left, middle):
    ax.set_axis_off()
distances = np.arange(1, 41)
for image, name, style in ((grey, "photo", "-"), (shuffled, "shuffled", "--")):
    alike = [np.corrcoef(image[:, :-d].ravel(), image[:, d:].ravel())[0, 1] for d in distances]
    right.plot(distances, alike, style, color=plots.INPUT if name == "photo" else plots.GREY, label=name)
right.set_xlabel("distance of two pixels in a row [pixels]")
right.set_ylabel("correlation of their values")
right.set_ylim(-0.3, 1.05)
right.legend()
plots.finish(
    figure,
    alt="Correlation of two pixels against their distance. In the photo it starts near 1 and falls "
    "slowly; in the shuffled photo it is 0 at every distance.",
)

# %% [markdown]
# Neighbours know a lot about each other (a correlation of 0.9), pixels 40 apart know little (0.2), and in the
# shuffled image nobody knows anything. That is why a small window is a good place to look, and why we keep
# rows and columns.
#
# > **To sleep on.** Double the brightness of the patch. What happens to the neuron's answer, and what has the
# > bias to do with it? (The question returns in notebook 2, with filters.)

# %% [markdown]
# ## 2 · How many windows fit?
#
# Slide a window of 5 pixels along a row of 32. **How many places can it stop at: 32, 28 or 27?**

# %% figure="draw_windows" tags=["keep-output"]
plots.finish(
    drawings.windows_of_rows(
        [(7, 3, 1, 0), (7, 3, 2, 0), (7, 3, 1, 1)], ["stride 1", "stride 2", "stride 1, padding 1"]
    ),
    alt="A row of 7 pixels and windows of 3 below it: five windows at stride 1, three at stride 2, "
    "and seven at stride 1 with one padded zero at each end.",
)

# %% [markdown]
# Two knobs set the number of stops. The **stride** $s$ is the step from one stop to the next. The **padding**
# $p$ is the number of zeros put at *each* end.
#
# **By hand.** The picture in the middle: 7 pixels, window 3, stride 2. The first window begins at pixel 0,
# the next at 2, the next at 4. It ends at pixel 6, the last one. That makes 3. Put differently: once the
# first window lies there, 4 pixels are left over. A step takes 2. So there is room for 2 more. And with 8
# pixels? 5 are left over, still room for 2 more: half a step does not count.
#
# **The formula.** Along one axis,
#
# $$w_\text{out} = \left\lfloor \frac{w_\text{in} + 2p - k}{s} \right\rfloor + 1$$
#
# All are whole numbers of pixels: $w_\text{in}, k, s \ge 1$ and $p \ge 0$. The bracket rounds **down**. For
# the question above: $\lfloor (32 - 5)/1 \rfloor + 1 = 28$. The height has the same formula.
#
# One more knob for later: **dilation** $d$ pulls the $k$ weights apart, so that neighbours are $d$ pixels
# away from each other. How many pixels does such a window span? Draw $k = 3$, $d = 2$ on paper and count.
#
# ### Exercise: `output_size`
#
# ★ · 10 minutes · 6 points
#
# The check tries windows that fit exactly, with a remainder, with padding, dilated, and not at all.
#
# <details><summary>Hint 1: rounding down</summary>
#
# `//` divides whole numbers and rounds down. `int(a / b)` works with fractions on its way: avoid it.
# </details>
# <details><summary>Hint 2: dilation</summary>
#
# Between $k$ weights lie $k - 1$ gaps. Each gap is a step of $d$ pixels. The span is one more than all steps.
# Use the span where the formula has $k$.
# </details>
# <details><summary>Hint 3: when does no window fit?</summary>
#
# When the span is larger than the padded input. Careful: `-1 // 2 + 1` is `0`, and `-1 // 1 + 1` is `0` too;
# neither raises an error by itself.
# </details>


# %% solution="output_size"
def output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """How many windows fit along one axis: the size of the output there.

    Args:
        size: pixels of the input along this axis.
        kernel_size: number of weights along this axis.
        stride: step from one window to the next, in pixels, at least 1.
        padding: zeros added at each end of the axis, in pixels, at least 0.
        dilation: step from one weight to the next inside a window, in pixels; 1 means neighbours.

    Returns:
        an int, at least 1.

    Raises:
        ValueError: with the numbers in the message, if not even one window fits into the padded input, if
            kernel_size, stride or dilation is below 1, or if padding is negative.
    """
    ### BEGIN SOLUTION
    if min(kernel_size, stride, dilation) < 1 or padding < 0:
        raise ValueError(
            f"bad kernel_size {kernel_size}, stride {stride}, dilation {dilation} or padding {padding}"
        )
    span = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - span
    if room < 0:
        raise ValueError(f"a window that spans {span} pixels does not fit into {size} + 2 * {padding} pixels")
    return room // stride + 1
    ### END SOLUTION


# %% check="output_size" points=2
checks.run("output_size", output_size)

# %% hidden="output_size" points=4
# Hidden cases: strides that do not divide, padding and dilation together, windows that fit
# exactly, windows that do not fit, and bad arguments.
checks.run("output_size", output_size, hidden=True)

# %% [markdown]
# **Your function at work.** Stack ten layers with windows of 3 × 3 on a 32 × 32 image. Without padding each
# layer trims the image; with the right padding the size stays; with stride 2 it halves and halves again.

# %% figure="sizes_through_layers"
figure, ax = plt.subplots(figsize=(8, 3.8))
settings = (
    (1, 1, "stride 1, padding 1", "-o"),
    (1, 0, "stride 1, no padding", "--s"),
    (2, 1, "stride 2, padding 1", ":^"),
)
for stride, padding, name, style in settings:
    sizes = [32]
    for _ in range(10):
        sizes.append(output_size(sizes[-1], 3, stride, padding))
    ax.plot(range(11), sizes, style, label=name, markersize=7)
ax.set_xlabel("number of 3 × 3 layers")
ax.set_ylabel("width of the volume [pixels]")
ax.set_ylim(0, 35)
ax.set_xticks(range(11))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.finish(
    figure,
    alt="Width against number of layers. It stays 32 with padding 1, falls by 2 per layer to 12 "
    "without padding, and halves with stride 2 until it is 1.",
)

# %% [markdown]
# **The claim measured.** Textbooks say: $k = 3$, $s = 1$, $p = 1$ keeps the size. The networks called VGG are
# made of such layers. Is it true for *every* size? And which padding does a window of 5 or 7 need? This table
# is computed by your function. Its printout is compared with ours when the notebook is graded.

# %% regression="output_sizes"
kept = all(output_size(size, 3, 1, 1) == size for size in range(1, 40))
print(f"k=3, s=1, p=1 keeps every size from 1 to 39: {kept}")
print("\n  size   k   s   p   d   output")
for size, k, s, p, d in (
    (32, 5, 1, 0, 1),
    (32, 5, 1, 2, 1),
    (32, 7, 1, 3, 1),
    (32, 3, 2, 1, 1),
    (31, 3, 2, 1, 1),
    (224, 7, 2, 3, 1),
    (32, 3, 1, 2, 2),
):
    print(f"{size:6d} {k:3d} {s:3d} {p:3d} {d:3d} {output_size(size, k, s, p, d):8d}")

# %% [markdown]
# For an odd window, $p = (k - 1)/2$ keeps the size. An even window cannot do it: why?
#
# > **To sleep on.** The first layer of the famous AlexNet is said to turn 224 pixels into 55, with
# > windows of 11 and a stride of 4. Try to get 55 with your function. (Notebook 4 solves the riddle.)

# %% [markdown]
# ## 3 · What the stride skips
#
# A row has 8 pixels. The window is 3 wide and moves by 2. **Which pixels does it never see?**

# %% figure="draw_gaps" tags=["keep-output"]
plots.finish(
    drawings.windows_of_rows(
        [(8, 3, 2, 0), (9, 2, 3, 0), (8, 3, 2, 1)],
        ["window 3, stride 2", "window 2, stride 3", "window 3, stride 2, padding 1"],
    ),
    alt="Three rows of pixels with their windows below. Window 3 at stride 2 on 8 pixels misses the "
    "last one. Window 2 at stride 3 on 9 pixels misses every third. With padding 1 the first "
    "setting misses none.",
)

# %% [markdown]
# **By hand.** On the left the windows begin at 0, 2 and 4. They read the pixels 0 to 6. Pixel 7 is never
# read: one more step, and the window would hang over the end.
#
# In the middle the windows begin at 0, 3 and 6. They read 0, 1, 3, 4, 6, 7 and step over 2, 5 and 8.
#
# So there are two reasons for a blind spot:
#
# - a **gap** between windows, when the stride is larger than the window;
# - a **remainder** at the end, when the last step does not fit: $(w_\text{in} + 2p - k) \bmod s$ pixels.
#
# On the right there is a remainder, too. But it falls on a padded zero, and no pixel of the input is lost.
#
# **The formula.** Pixel $i \in \{0, \dots, w_\text{in} - 1\}$ is read if some stop
# $t \in \{0, \dots, w_\text{out} - 1\}$ has
#
# $$t s - p \;\le\; i \;\le\; t s - p + k - 1 .$$
#
# ### Exercise: `uncovered`
#
# ★★ · 10 minutes · 6 points
#
# The check compares your list with ours, position by position: with gaps, remainders and padding.
#
# <details><summary>Hint 1: a way that always works</summary>
#
# Do not look for a formula of the gaps. Collect the positions that *are* read; then list the others.
# </details>
# <details><summary>Hint 2: where does window number t begin?</summary>
#
# At $ts$ in the padded row. At $ts - p$ in the unpadded row, where positions are counted.
# </details>
# <details><summary>Hint 3: negative positions</summary>
#
# Windows may read at $-1$ or beyond the end: those are padded zeros. A `set` may hold them without harm, if
# you only ask it about $0, \dots, w_\text{in} - 1$. An array would take $-1$ for its last entry.
# </details>


# %% solution="uncovered"
def uncovered(size: int, kernel_size: int, stride: int = 1, padding: int = 0) -> list[int]:
    """Which input positions no window ever reads, along one axis.

    Args:
        size, kernel_size, stride, padding: ints in pixels, as for output_size; the dilation is 1.

    Returns:
        an increasing list of ints: positions counted in the *unpadded* input, 0 ... size - 1.
        The list is empty if every position is read at least once.

    Raises:
        ValueError: with the numbers in the message, if not even one window fits, if kernel_size or stride is
            below 1, or if padding is negative.
    """
    ### BEGIN SOLUTION
    seen = set()
    for window in range(output_size(size, kernel_size, stride, padding)):
        start = window * stride - padding
        seen.update(range(start, start + kernel_size))
    return [position for position in range(size) if position not in seen]
    ### END SOLUTION


# %% check="uncovered" points=2
checks.run("uncovered", uncovered)

# %% hidden="uncovered" points=4
# Hidden cases: strides larger than the window, remainders at the end, padding that hides or
# moves the gaps, windows that do not fit, and bad arguments.
checks.run("uncovered", uncovered, hidden=True)

# %% [markdown]
# **Your function at work.** On a grid, a row that is skipped is skipped in every column. Your function finds
# the rows and the columns; what no window reads is hatched. (The darker a pixel, the more windows read it.)

# %% figure="unread_on_a_grid"
figure, ax = plots.canvas(24.6, 9.3, unit=0.4)
for left, k, s in ((0.6, 3, 2), (13.6, 2, 3)):
    grid = grids.Grid(7, 10, left, 1.9)
    grids.draw_grid(ax, grid, title=f"7 × 10 pixels, window {k} × {k}, stride {s}")
    for row in range(0, 7 - k + 1, s):
        for column in range(0, 10 - k + 1, s):
            grids.draw_window(ax, grid, row, column, (k, k))
    rows, columns = uncovered(7, k, s), uncovered(10, k, s)
    grids.mark_pixels(ax, grid, [(i, j) for i in range(7) for j in range(10) if i in rows or j in columns])
plots.finish(
    figure,
    alt="Two grids of 7 by 10 pixels with all their windows. Window 3 at stride 2 leaves the last column "
    "unread. Window 2 at stride 3 leaves every third row and column unread, and the last ones.",
)

# %% [markdown]
# And the photo as three layers see it. What no window reads is painted white.

# %% figure="uncovered_at_work"
small = pictures.photograph(shrink=8)
seen, titles = [small], ["the photo, 75 × 64"]
for k, s in ((3, 2), (3, 4), (2, 5)):
    image = small.copy()
    image[:, uncovered(75, k, s), :] = 1
    image[:, :, uncovered(64, k, s)] = 1
    read = (75 - len(uncovered(75, k, s))) * (64 - len(uncovered(64, k, s))) / (75 * 64)
    seen.append(image)
    titles.append(f"window {k}, stride {s}\n{read:.0%} is read")
plots.show_images(
    seen,
    titles,
    alt="The photo, and what is left of it: nearly all with window 3 and stride 2; a grid of "
    "islands with window 3 and stride 4; few small islands with window 2 and stride 5.",
)

# %% [markdown]
# **The claim measured.** How much of a 75 × 64 image is never read, for windows of 3, 5 and 7? Look at where
# each curve leaves the floor.

# %% figure="never_read"
figure, ax = plt.subplots(figsize=(8, 3.6))
strides = np.arange(1, 11)
for k, style in ((3, "-o"), (5, "--s"), (7, ":^")):
    read = [
        (1 - len(uncovered(75, k, int(s))) / 75) * (1 - len(uncovered(64, k, int(s))) / 64) for s in strides
    ]
    ax.plot(strides, 100 * (1 - np.array(read)), style, label=f"window {k} × {k}", markersize=7)
ax.set_xlabel("stride [pixels]")
ax.set_ylabel("never read [% of the pixels]")
ax.set_xticks(strides)
ax.legend()
plots.finish(
    figure,
    alt="Share of pixels never read against the stride, for three windows. It is small up to a "
    "stride of the window's size and grows quickly beyond.",
)

# %% [markdown]
# Up to $s = k$ only remainders are lost: here about 8 % at most. Beyond, gaps open, and they grow in both
# directions: at $s = k + 1$ a window of 3 misses 43 %.

# %% regression="stride_gaps"
print("size  k  s  p   never read")
for size, k, s, p in (
    (8, 3, 2, 0),
    (8, 3, 2, 1),
    (9, 2, 3, 0),
    (12, 3, 5, 0),
    (12, 3, 5, 2),
    (11, 4, 4, 0),
    (7, 1, 3, 1),
):
    print(f"{size:4d} {k:2d} {s:2d} {p:2d}   {[int(i) for i in uncovered(size, k, s, p)]}")

# %% [markdown]
# > **To sleep on.** A photo has a bird in its last column of pixels, and the network never reports it. Would
# > you change the stride, the padding or the size of the photo? (Strides return in section 8, and in
# > notebook 3 as pooling.)

# %% [markdown]
# ## 4 · A frame of zeros
#
# A 3 × 3 window slides over an image with stride 1. A pixel in the middle is read by 9 windows. **How often
# is the pixel in the corner read?**

# %% figure="draw_padding" tags=["keep-output"]
plots.finish(
    drawings.padded_grid(),
    alt="Left: a grid of 4 by 6 pixels, a 3 by 3 window in its corner; the window's centre has 2 by "
    "4 stops. Right: the same grid in a frame of zeros; the window's centre now stops at all 4 "
    "by 6 pixels.",
)

# %% [markdown]
# Once. And the window's centre (green dots) never comes to the border at all. A frame of zeros mends both.
#
# **By hand.** Three rows, two columns, a frame of 1:
#
# $$\begin{bmatrix}1&2\\3&4\\5&6\end{bmatrix} \quad\longrightarrow\quad
# \begin{bmatrix}0&0&0&0\\0&1&2&0\\0&3&4&0\\0&5&6&0\\0&0&0&0\end{bmatrix}$$
#
# Both axes grow by **two**: one zero on each side.
#
# **The formula.** With $x$ of shape $(N, C, H, W)$, the padded $\hat x$ has the shape
# $(N, C, H + 2p, W + 2p)$ and
#
# $$\hat x_{n,c,i,j} = \begin{cases} x_{n,c,\,i-p,\,j-p} & \text{if } 0 \le i-p < H \text{ and } 0 \le j-p
# < W\\
# 0 & \text{otherwise.}\end{cases}$$
#
# Images and channels get no frame: only the last two axes do.
#
# ### Exercise: `pad2d`
#
# ★ · 10 minutes · 4 points
#
# The check looks at shape, dtype and every number, and whether `x` is still as it was.
#
# <details><summary>Hint 1: build it in two steps</summary>
#
# First make an array of zeros with the final shape. Then write `x` into its middle.
# </details>
# <details><summary>Hint 2: the slice of the middle</summary>
#
# Rows $p$ to $p + H$, columns $p$ to $p + W$. The slice `p:-p` looks shorter, but for $p = 0$ it is empty.
# </details>
# <details><summary>Hint 3: the dtype is wrong</summary>
#
# `np.zeros` makes float64 unless you say `dtype=x.dtype`.
# </details>


# %% solution="pad2d"
def pad2d(x: np.ndarray, padding: int) -> np.ndarray:
    """Put a frame of zeros around every image of a batch.

    Args:
        x: array (N, C, H, W). It is not modified.
        padding: int, at least 0: the width of the frame in pixels, the same on all four sides.

    Returns:
        a new array (N, C, H + 2 * padding, W + 2 * padding) with the dtype of x.

    Raises:
        ValueError: with the number in the message, if padding is negative.
    """
    ### BEGIN SOLUTION
    if padding < 0:
        raise ValueError(f"padding is {padding}; it must be at least 0")
    n, c, h, w = x.shape
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + h, padding : padding + w] = x
    return padded
    ### END SOLUTION


# %% check="pad2d" points=2
checks.run("pad2d", pad2d)

# %% hidden="pad2d" points=2
# Hidden cases: padding 0, wide frames, images that are not square, float32 and whole numbers,
# slices of larger arrays, inputs left as they were, and negative padding.
checks.run("pad2d", pad2d, hidden=True)

# %% [markdown]
# **Your function at work.** The photo in a frame of 16 zeros, and then the mean of every window of 17 × 17
# pixels in it. Watch the border.

# %% figure="padding_at_work"
framed = pad2d(photo[None], 16)
means = F.avg_pool2d(torch.tensor(framed), kernel_size=17, stride=1)[0].numpy()
plots.show_images(
    [photo, framed[0], means],
    ["photo\n3 × 150 × 128", "padding 16\n3 × 182 × 160", "means of 17 × 17 pixels\n3 × 166 × 144"],
    alt="The photo, the photo in a black frame, and a blurred photo that grows dark towards its border.",
)

# %% [markdown]
# **The claim measured.** How many windows of 3 × 3 read each pixel of a 6 × 8 image?

# %% figure="reads_per_pixel"
figure, axes = plt.subplots(1, 3, figsize=(11, 3.3))
for ax, padding in zip(axes, (0, 1, 2), strict=True):
    reads = pad2d(np.zeros((1, 1, 6, 8)), padding)[0, 0]
    for i in range(output_size(6, 3, 1, padding)):
        for j in range(output_size(8, 3, 1, padding)):
            reads[i : i + 3, j : j + 3] += 1
    inside = reads[padding : padding + 6, padding : padding + 8]
    ax.imshow(inside, cmap=plots.white_to(plots.INPUT), vmin=0, vmax=12)
    for (i, j), count in np.ndenumerate(inside):
        ax.text(j, i, f"{count:.0f}", ha="center", va="center")
    ax.set_title(f"padding {padding}")
    ax.set_axis_off()
plots.finish(
    figure,
    alt="How many 3 by 3 windows read each pixel. Without padding 1 in the corner and 9 in the "
    "middle; with padding 1 it is 4 in the corner; with padding 2 it is 9 everywhere.",
)

# %% [markdown]
# Padding 1 keeps the size; padding 2 is the first that treats all pixels alike. But the frame has a price:
# its zeros are *not* pixels, and the neurons at the border cannot tell. Below, every pixel of an image is 1,
# and every 5 × 5 window takes its mean. What should it be everywhere? What is it?

# %% regression="padded_border"
framed = pad2d(np.ones((1, 1, 6, 9)), 2)
print("mean of the 5 x 5 window around each pixel of a 6 x 9 image of ones, padding 2")
for i in range(6):
    print("  ".join(f"{framed[0, 0, i : i + 5, j : j + 5].mean():.2f}" for j in range(9)))

# %% [markdown]
# The border is darker although the image is not. A deep network sees this frame again in every layer.
#
# > **To sleep on.** What else could stand in the frame, so that an even image stays even? And could a network
# > use the dark border to find out *where* it is looking?

# %% [markdown]
# ## 5 · Three ways to connect
#
# We want a layer that turns a CIFAR-10 image, 3 × 32 × 32, into a volume of 6 × 28 × 28. **How many
# parameters does it need: 456, 357 thousand or 14 million?**

# %% figure="draw_three_ways" tags=["keep-output"]
plots.finish(
    drawings.three_ways_to_connect(),
    alt="Five blue inputs below, three green outputs above. Dense: all are joined by 15 lines. "
    "Local: every output is joined to its three nearest inputs by 9 lines. Conv: the same 9 "
    "lines, but they carry only three weights a, b and c.",
)

# %% [markdown]
# All three. It depends on how the neurons are connected.
#
# - `"dense"`: every neuron reads **everything**.
# - `"local"`: every neuron reads its own **window**, with weights of its own. A *locally connected* layer.
# - `"conv"`: every neuron reads its own window, and all neurons of a channel **share** one set of weights. A
#   *convolutional* layer.
#
# **By hand.** The picture: five inputs, three outputs, windows of 3. Each set of weights brings one bias.
#
# | kind | reads | sets of weights | parameters | multiply-adds |
# |---|:---:|:---:|---:|---:|
# | dense | 5 | 3 | 3 · 5 + 3 = 18 | 3 · 5 = 15 |
# | local | 3 | 3 | 3 · 3 + 3 = 12 | 3 · 3 = 9 |
# | conv | 3 | 1 | 1 · 3 + 1 = 4 | 3 · 3 = 9 |
#
# Look at the last column. Sharing saves **memory**; it saves no multiplication.
#
# **The formula.** The output volume has $n = C_\text{out} \cdot H_\text{out} \cdot W_\text{out}$ neurons,
# each reads $r$ numbers, and there are $m$ different sets of weights. Then
#
# $$\text{parameters} = m\,(r + 1), \qquad \text{multiply-adds} = n\, r .$$
#
# A window holds $C \cdot k \cdot k$ numbers, the whole input $C \cdot H \cdot W$. What are $r$ and $m$ for
# the three kinds? That is the exercise.
#
# ### Exercise: `count_layer`
#
# ★★ · 15 minutes · 6 points
#
# The check compares both counts for all three kinds, on volumes that are not square.
#
# <details><summary>Hint 1: begin with the output</summary>
#
# $H_\text{out}$ and $W_\text{out}$ come from your `output_size`, once with the height, once with the width.
# All three kinds make the same volume, so all three have the same $n$.
# </details>
# <details><summary>Hint 2: how many sets?</summary>
#
# Dense and local: every neuron has its own set, so $m = n$. Conv: all neurons of one output channel share a
# set.
# </details>
# <details><summary>Hint 3: my dense count is too large</summary>
#
# A dense neuron reads the image as it is. Padded zeros count only in windows.
# </details>


# %% solution="count_layer"
def count_layer(
    kind: str,
    in_shape: tuple[int, int, int],
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
) -> tuple[int, int]:
    """What a layer costs when it makes the volume (out_channels, H_out, W_out) in one of three ways.

    Args:
        kind: "dense" (every output reads the whole input, without padding),
            "local" (every output reads its own window, with weights of its own) or
            "conv" (every output reads its own window, with weights shared by its channel).
        in_shape: tuple (C, H, W) of the input.
        out_channels: int, depth of the output.
        kernel_size: int, height and width of a window.
        stride, padding: ints, the same along both axes. They set H_out and W_out for all three kinds.

    Returns:
        (parameters, multiply_adds), two ints. Biases are parameters: one for each output number
        ("dense", "local") or one for each channel ("conv"). Biases are not multiply-adds; weights
        that meet a padded zero are multiplied like all others.

    Raises:
        ValueError: for another kind, and where no window fits.
    """
    ### BEGIN SOLUTION
    c, h, w = in_shape
    h_out = output_size(h, kernel_size, stride, padding)
    w_out = output_size(w, kernel_size, stride, padding)
    outputs = out_channels * h_out * w_out
    window = c * kernel_size * kernel_size
    if kind == "dense":
        return outputs * (c * h * w + 1), outputs * c * h * w
    if kind == "local":
        return outputs * (window + 1), outputs * window
    if kind == "conv":
        return out_channels * (window + 1), outputs * window
    raise ValueError(f'kind is {kind!r}; it must be "dense", "local" or "conv"')
    ### END SOLUTION


# %% check="count_layer" points=2
checks.run("count_layer", count_layer)

# %% hidden="count_layer" points=4
# Hidden cases: volumes that are not square, strides and padding for all three kinds, large layers, windows
# that do not fit, and kinds that do not exist.
checks.run("count_layer", count_layer, hidden=True)

# %% [markdown]
# **Your function at work.** A layer as real networks have it: 64 output channels, windows of 3 × 3,
# padding 1. Mind the logarithmic axis: each mark is a hundred times the one before.

# %% figure="three_costs"
counts = np.array([count_layer(kind, (3, 32, 32), 64, 3, padding=1) for kind in ("dense", "local", "conv")])
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
for ax, column, title in zip(axes, (0, 1), ("parameters", "multiply-adds per image"), strict=True):
    bars = ax.barh(["dense", "local", "conv"], counts[:, column], color=plots.SERIES[2::-1])
    ax.bar_label(bars, [f" {count:,}" for count in counts[:, column]])
    ax.set_xscale("log")
    ax.set_xlim(1e2, 1e11)
    ax.set_title(title)
axes[0].invert_yaxis()
plots.finish(
    figure,
    alt="Bars on a logarithmic scale. Parameters: dense 201 million, local 1.8 million, conv 1792. "
    "Multiply-adds: dense 201 million, local and conv 1.8 million each.",
)

# %% [markdown]
# **The claim measured.** What if the image grows? The output grows with it. Watch the slopes.

# %% figure="costs_against_size"
figure, ax = plt.subplots(figsize=(8, 3.8))
sides = [8, 16, 32, 64, 128, 256, 512]
for kind, style in (("conv", "-o"), ("local", "--s"), ("dense", ":^")):
    parameters = [count_layer(kind, (3, side, side), 64, 3, padding=1)[0] for side in sides]
    ax.loglog(sides, parameters, style, label=kind, markersize=7)
ax.set_xlabel("height and width of the image [pixels]")
ax.set_ylabel("parameters")
ax.set_xticks(sides, [str(side) for side in sides])
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)
plots.finish(
    figure,
    alt="Parameters against image size, both axes logarithmic. Dense grows with the fourth power of "
    "the side, local with its square, and conv does not grow: the line is flat at 1792.",
)

# %% [markdown]
# Twice the side: a dense layer grows 16 times, a local one 4 times, a convolution not at all. The same
# filters serve an image of any size. So real networks can afford *many* filters, 64 to 1024 in a layer:

# %% regression="connection_costs"
kinds = ("dense", "local", "conv")
print("input 64 x 24 x 40, windows 3 x 3, padding 1")
print("                         parameters                multiply-adds")
print("filters            dense          local      conv           conv")
for filters in (64, 256, 1024):
    dense, local, conv = (count_layer(kind, (64, 24, 40), filters, 3, padding=1) for kind in kinds)
    print(f"{filters:7d} {dense[0]:16,d} {local[0]:14,d} {conv[0]:9,d} {conv[1]:14,d}")

# %% [markdown]
# > **To sleep on.** Local and conv multiply equally often. Yet on a real machine one of them is usually far
# > quicker. What must be fetched from memory for each multiplication? (Section 14 measures what a convolution
# > costs.)

# %% [markdown]
# ## 6 · Windows without sharing
#
# Two layers look at the same windows. One shares its weights, one does not. The whole image moves one pixel
# to the right. **Whose answers simply move along?**

# %% figure="draw_sharing" tags=["keep-output"]
plots.finish(
    drawings.shared_or_not(),
    alt="Two grids of 3 by 4 neurons. On the left every neuron has its own weights, W 00 to W 23, "
    "in its own shade. On the right all twelve neurons have the same weights W.",
)

# %% [markdown]
# You will measure it in a moment. First the layer without sharing.
#
# **By hand.** One row of four pixels, windows of 2, three neurons, no bias:
#
# | neuron | reads | its own weights | answers | with shared weights $[1, -1]$ |
# |:---:|:---:|:---:|---:|---:|
# | 0 | $[1, 2]$ | $[1, 1]$ | $3$ | $-1$ |
# | 1 | $[2, 3]$ | $[1, -1]$ | $-1$ | $-1$ |
# | 2 | $[3, 4]$ | $[0, 2]$ | $8$ | $-1$ |
#
# With shared weights all neurons ask the same question. Without, each asks its own.
#
# **The formula.** With stride $s$,
#
# $$y_{n,o,i,j} = \sum_{c=0}^{C_\text{in}-1}\;\sum_{u=0}^{k_h-1}\;\sum_{v=0}^{k_w-1}
# x_{n,\,c,\,is+u,\,js+v}\; W_{i,j,o,c,u,v} \;+\; b_{i,j,o}$$
#
# - $x$: $(N, C_\text{in}, H, W)$, and $y$: $(N, C_\text{out}, H_\text{out}, W_\text{out})$;
# - $W$: $(H_\text{out}, W_\text{out}, C_\text{out}, C_\text{in}, k_h, k_w)$. Six axes: *where* the neuron
#   sits, then *what* it looks for;
# - $b$: $(H_\text{out}, W_\text{out}, C_\text{out})$.
#
# ### Exercise: `locally_connected2d`
#
# ★★ · 15 minutes · 7 points
#
# The check compares shape, dtype and values, for several images, windows that are not square, and strides.
#
# <details><summary>Hint 1: which loops?</summary>
#
# Loop over $i$ and $j$. Everything else (images, output channels) can be done at once for one position.
# </details>
# <details><summary>Hint 2: one position</summary>
#
# The patch of all images is `x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]`, with the
# shape `(N, C_in, kh, kw)`. The weights there are `weight[i, j]`, `(C_out, C_in, kh, kw)`. Three axes are
# summed away.
# </details>
# <details><summary>Hint 3: summing three axes</summary>
#
# Either loop over images and output channels and call your `neuron`, or say it with letters:
# `np.einsum("ncuv,ocuv->no", ...)` keeps the letters after the arrow and sums over the others.
# </details>


# %% solution="locally_connected2d"
def locally_connected2d(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, stride: int = 1
) -> np.ndarray:
    """A layer whose neurons look at windows but share no weights.

    Args:
        x: array (N, C_in, H, W). It is not modified.
        weight: array (H_out, W_out, C_out, C_in, kh, kw): weight[i, j, o] belongs to the neuron
            at row i, column j, channel o of the output.
        bias: array (H_out, W_out, C_out) in the same order, or None for no bias.
        stride: int, step of the windows along both axes.

    Returns:
        array (N, C_out, H_out, W_out) with the dtype of x.

    Raises:
        ValueError: if (H_out, W_out) is not the number of windows of that size and stride.
    """
    ### BEGIN SOLUTION
    n, _, h, w = x.shape
    h_out, w_out, c_out, _, kh, kw = weight.shape
    fits = (output_size(h, kh, stride), output_size(w, kw, stride))
    if fits != (h_out, w_out):
        raise ValueError(f"weights for {h_out} x {w_out} positions, but {fits[0]} x {fits[1]} windows fit")
    y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype)
    for i in range(h_out):
        for j in range(w_out):
            patch = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, :, i, j] = np.einsum("nckl,ockl->no", patch, weight[i, j])
            if bias is not None:
                y[:, :, i, j] += bias[i, j]
    return y
    ### END SOLUTION


# %% check="locally_connected2d" points=3
checks.run("locally_connected2d", locally_connected2d)

# %% hidden="locally_connected2d" points=4
# Hidden cases: several images, windows that are not square, a stride that does not divide,
# with and without bias, float32, slices of larger arrays, and a wrong number of weights.
checks.run("locally_connected2d", locally_connected2d, hidden=True)

# %% [markdown]
# **Your layer at work.** Here the left half of the neurons looks for *vertical* edges, the right half for
# *horizontal* ones. A convolution could not do that with one channel.

# %% figure="local_at_work"
grey = photo.mean(axis=0, keepdims=True)
vertical = np.repeat([[-1.0, -1, 0, 1, 1]], 5, axis=0) / 10  # dark on the left, bright on the right
weight = np.empty((146, 124, 1, 1, 5, 5))
weight[:, :62], weight[:, 62:] = vertical, vertical.T
edges = np.abs(locally_connected2d(grey[None].astype(float), weight)[0])
plots.show_images(
    [grey, edges / edges.max()],
    ["photo\n1 × 150 × 128", "left half: vertical edges\nright half: horizontal edges"],
    alt="The photo in grey, and its edges: upright ones in the left half, level ones in the right half.",
    height=3.4,
)

# %% [markdown]
# **The claim measured.** Cut two pictures out of one, one pixel apart. If a layer treats all places alike,
# then its answers are one pixel apart, too. Below is the difference that remains, relative to the answers.

# %% regression="shift_test"
scene = ((np.arange(10)[:, None] * 7 + np.arange(13) ** 2) % 11 - 5.0)[None, None]  # (1, 1, 10, 13)
here, there = scene[..., :-1], scene[..., 1:]  # the same scene, one pixel apart
own = np.sin(np.arange(8 * 10 * 9)).reshape(8, 10, 1, 1, 3, 3)
shared = np.broadcast_to(own[0, 0], own.shape).copy()
for name, weight in (("own weights", own), ("shared weights", shared)):
    before, after = locally_connected2d(here, weight), locally_connected2d(there, weight)
    change = np.abs(after[..., :-1] - before[..., 1:]).sum() / np.abs(before).sum()
    print(f"{name:15s} difference after the shift: {change:.2f}")

# %% [markdown]
# With own weights the difference is larger than the answers themselves. With shared weights nothing remains:
# **the answers of a convolution move along with the image.** This is called *equivariance*. What the layer
# has learned in one corner it knows everywhere.
#
# > **To sleep on.** Passport photos always have the eyes in the same place. Would you still share the
# > weights?

# %% [markdown]
# ## 7 · Convolution, as the sum says it
#
# A 3 × 32 × 32 image meets **six** filters of 3 × 5 × 5. **What is the shape of the result, and how many
# times does a neuron compute its sum?**

# %% figure="draw_filter_bank" tags=["keep-output"]
plots.finish(
    drawings.filter_bank(),
    alt="A blue input of 3 by 32 by 32 goes into six orange filters. Each makes one thin green "
    "slice of 28 by 28; the slices are stacked to a green volume of 6 by 28 by 28.",
)

# %% [markdown]
# Each filter slides over all places and gives one slice. Six slices, stacked, are a new "image" of
# 6 × 28 × 28. The neurons compute $6 \cdot 28 \cdot 28 = 4704$ sums of 75 products each.
#
# **By hand.** Press *play*, or step with *next*. The window has stride 2; a frame of one zero surrounds the
# image. Compute the next stop in your head before you look. (If the buttons do nothing, run the cell once.)

# %% figure="sliding_window" tags=["keep-output"]
image = np.array(
    [
        [0, 1, 2, 1, 0, 3, 3],
        [1, 2, 0, 2, 1, 0, 3],
        [3, 1, 2, 1, 0, 2, 1],
        [2, 0, 1, 0, 2, 1, 1],
        [3, 2, 1, 4, 3, 0, 2],
    ]
)
weight = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
answers = F.conv2d(torch.tensor(image)[None, None], torch.tensor(weight)[None, None], stride=2, padding=1)
answers = answers[0, 0].numpy()
grids.sliding_window(image, weight, answers, stride=2, padding=1)

# %% [markdown]
# **The formula.** With $\hat x$ the padded input,
#
# $$y_{n,o,i,j} = \sum_{c=0}^{C_\text{in}-1}\;\sum_{u=0}^{k_h-1}\;\sum_{v=0}^{k_w-1}
# \hat x_{n,\,c,\,is+u,\,js+v}\; W_{o,c,u,v} \;+\; b_{o}$$
#
# - $x$: $(N, C_\text{in}, H, W)$, and $y$: $(N, C_\text{out}, H_\text{out}, W_\text{out})$, with sizes as in
#   section 2;
# - $W$: $(C_\text{out}, C_\text{in}, k_h, k_w)$: output depth, input depth, kernel height, kernel width;
# - $b$: $(C_\text{out})$.
#
# Compare with section 6: the weights have lost $i$ and $j$. That is all there is to weight sharing.
# (Mathematicians call this a *cross-correlation*, because their convolution turns the filter round first.
# Networks do not turn it, and neither do we. Notebook 2 looks at the difference.)
#
# ### Exercise: `conv2d_loops`
#
# ★★ · 20 minutes · 9 points
#
# You have all the parts: `output_size`, `pad2d` and `neuron`. Speed does not matter here; section 8 is about
# speed. The check compares shape, dtype and values: several images, filters that are not square, strides and
# padding together, with bias and without.
#
# <details><summary>Hint 1: the skeleton</summary>
#
# Read the left side of the formula: $n, o, i, j$. Those are four loops. The right side is one call of
# `neuron`.
# </details>
# <details><summary>Hint 2: which patch?</summary>
#
# Pad first. Then output $(i, j)$ reads the padded image from row $is$ and column $js$ on; no minus sign is
# left. Height goes with rows and $i$, width with columns and $j$.
# </details>
# <details><summary>Hint 3: bias</summary>
#
# `bias` may be `None`. Choose the number before the inner loops: `0` or `bias[o]`.
# </details>


# %% solution="conv2d_loops"
def conv2d_loops(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Convolution exactly as the sum says it: one neuron at a time, in loops.

    Args:
        x: array (N, C_in, H, W). It is not modified.
        weight: array (C_out, C_in, kh, kw), one filter (C_in, kh, kw) for each output channel.
        bias: array (C_out,), or None for no bias.
        stride: int, step of the window along both axes.
        padding: int, zeros on each of the four sides.

    Returns:
        array (N, C_out, H_out, W_out) with the dtype of x.

    Raises:
        ValueError: if x and weight do not have the same C_in, and where no window fits.
    """
    ### BEGIN SOLUTION
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, but the filters expect {c_weight}")
    h_out = output_size(h, kh, stride, padding)
    w_out = output_size(w, kw, stride, padding)
    padded = pad2d(x, padding)
    y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype)
    for image in range(n):
        for o in range(c_out):
            b = 0 if bias is None else bias[o]
            for i in range(h_out):
                for j in range(w_out):
                    patch = padded[image, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    y[image, o, i, j] = neuron(patch, weight[o], b)
    return y
    ### END SOLUTION


# %% check="conv2d_loops" points=4
checks.run("conv2d_loops", conv2d_loops)

# %% hidden="conv2d_loops" points=5
# Hidden cases: several images, filters that are not square, stride and padding together, with
# and without bias, float32 and float64, slices of larger arrays, inputs left as they were, and channels
# that do not match.
checks.run("conv2d_loops", conv2d_loops, hidden=True)

# %% [markdown]
# **Your convolution at work.** Six filters, each with a question of its own, and their six answers: one slice
# each. Mid-grey means 0, white means "yes", black means "the opposite".

# %% figure="six_filters"
ramp = np.repeat([[-1.0, -1, 0, 1, 1]], 5, axis=0)
corner = np.triu(np.ones((5, 5))) - np.tril(np.ones((5, 5)))
spot = np.full((5, 5), -1 / 24)
spot[2, 2] = 1
questions = {
    "bright?": np.ones((3, 5, 5)),
    "bright to the right?": np.stack([ramp] * 3),
    "bright above?": np.stack([-ramp.T] * 3),
    "bright above right?": np.stack([corner] * 3),
    "a small bright spot?": np.stack([spot] * 3),
    "more red than blue?": np.stack([np.ones((5, 5)), np.zeros((5, 5)), -np.ones((5, 5))]),
}
bank = np.stack([question / np.abs(question).sum() for question in questions.values()])
maps = conv2d_loops(photo[None].astype(float), bank, stride=2, padding=2)[0]
print(f"input (1, 3, 150, 128), filters {bank.shape}, output {(1, *maps.shape)}")
plots.show_images(
    [0.5 + 0.5 * m / np.abs(m).max() for m in maps],
    list(questions),
    alt="Six grey maps of the photo: a blur, edges in three directions, fine detail, and where red "
    "outweighs blue.",
    columns=3,
)

# %% [markdown]
# **The claim measured: one set of weights makes one slice.** Change filter number 3 and compare all slices of
# the output before and after.

# %% figure="one_filter_one_slice"
tile = pictures.photograph(shrink=8)[None].astype(float)
filters = np.sin(np.arange(6 * 3 * 5 * 5)).reshape(6, 3, 5, 5)
changed = filters.copy()
changed[3] *= 2
before, after = conv2d_loops(tile, filters), conv2d_loops(tile, changed)
figure, ax = plt.subplots(figsize=(7, 2.8))
ax.bar(range(6), np.abs(after - before).mean(axis=(0, 2, 3)), color=plots.OUTPUT)
ax.set_xlabel("slice of the output (channel)")
ax.set_ylabel("mean change")
plots.finish(
    figure, alt="Mean change of the six output slices after filter 3 was changed: only slice 3 has changed."
)

reference = F.conv2d(torch.tensor(tile), torch.tensor(filters)).numpy()
print("equal to PyTorch's convolution up to rounding:", bool(np.allclose(before, reference)))

# %% [markdown]
# Only slice 3 moves. So $D$ filters give an output of depth $D$, and nothing else decides about the depth.
#
# > **To sleep on.** Your function calls `neuron` once for every output number. Which of the four loops could
# > go first? And what would you need to remove them *all*? (That is section 8.)
# %% [markdown]
# ## 8 · Convolution without loops, and dilated
#
# For the six maps above your loops called `neuron` $6 \cdot 75 \cdot 64 = 28\,800$ times. **How many matrix
# products would do the same work: 28,800, six, or one?**

# %% figure="draw_columns" tags=["keep-output"]
image = np.array([[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 1]])
weight = np.array([[1, 0], [2, -1]])
answers = F.conv2d(torch.tensor(image)[None, None], torch.tensor(weight)[None, None])[0, 0].numpy()
plots.finish(
    unrolled.windows_as_columns(image, weight, answers),
    alt="The six 2 by 2 windows of a 3 by 4 input become the six columns of a 4 by 6 matrix. The filter "
    "becomes a row of four. Their product is a row of six numbers, the output.",
)

# %% [markdown]
# One. Write every window as a **column**. Write the filter as a **row**. A row times a column is what one
# neuron computes, so one product computes them all. Each further filter adds one row on the left.
#
# **By hand.** The window one step to the right holds 2, 0 / 1, 3. Read row by row, it is the column
# $(2, 0, 1, 3)$. The filter is the row $(1, 0, 2, -1)$. Together: $2 + 0 + 2 - 3 = 1$. It is the second
# number of the green row.
#
# **Now pull the weights apart.** A filter has nine weights. **Can it look at 9 × 9 pixels?**

# %% figure="draw_dilation" tags=["keep-output"]
plots.finish(
    holes.dilated_windows(),
    alt="The same nine weights on three grids: side by side with dilation 1, two pixels apart with "
    "dilation 2, four pixels apart with dilation 4. They span 3, 5 and 9 pixels.",
)

# %% [markdown]
# Yes, if it leaves pixels out. The **dilation** $d$ is the distance from one weight to the next. More context
# for the same nine weights; the price is that it does not look at every pixel.
#
# **The formula.** With $\hat x$ the padded input,
#
# $$y_{n,o,i,j} = \sum_{c=0}^{C_\text{in}-1}\;\sum_{u=0}^{k_h-1}\;\sum_{v=0}^{k_w-1}
# \hat x_{n,\,c,\,is+ud,\,js+vd}\; W_{o,c,u,v} \;+\; b_{o}$$
#
# Compare with section 7: only $u$ and $v$ have become $ud$ and $vd$. The stride $s$ moves the *window*, the
# dilation $d$ moves the *weights inside it*. As matrices, for each image $n$,
#
# $$Y_n = \mathbf{W} X_n + b$$
#
# - $\mathbf{W}$: $(C_\text{out},\; C_\text{in} k_h k_w)$, one filter in each row;
# - $X_n$: $(C_\text{in} k_h k_w,\; H_\text{out} W_\text{out})$, one window in each column;
# - $Y_n$: $(C_\text{out},\; H_\text{out} W_\text{out})$, then folded up to
#   $(C_\text{out}, H_\text{out}, W_\text{out})$.
#
# ### Exercise: `conv2d`
#
# ★★★ · 25 minutes · 11 points
#
# The check compares shape, dtype and values: strides, padding, dilation, filters that are not square. It also
# sees whether you loop over pixels.
#
# <details><summary>Hint 1: all windows without a loop</summary>
#
# `np.lib.stride_tricks.sliding_window_view(padded, (a, b), axis=(2, 3))` is a *view* of every $a \times b$
# window. Nothing is copied yet. Its shape is `(N, C, places down, places across, a, b)`.
# </details>
# <details><summary>Hint 2: stride and dilation are slices</summary>
#
# Ask for windows as large as the filter's *span*, $d(k - 1) + 1$. Then keep every `stride`-th place, and
# inside each window every `dilation`-th pixel. That is one line of slices with six axes.
# </details>
# <details><summary>Hint 3: which axes form a column?</summary>
#
# A column runs over $c, u, v$, in the order in which `weight.reshape(c_out, -1)` has them. So bring the axes
# into the order $n, c, u, v, i, j$ before you reshape. A reshape in another order runs, but mixes up the
# numbers.
# </details>
# <details><summary>Hint 4: it is right, but slower than I hoped</summary>
#
# The columns hold every pixel up to $k_h k_w$ times. For a whole batch they are too large for the processor's
# fast memory. Make the columns of a few images, multiply, go on. A loop over *blocks of images* is fine; a
# loop over pixels is not.
# </details>


# %% solution="conv2d"
def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> np.ndarray:
    """Convolve a batch of volumes with a bank of filters, without a Python loop over pixels.

    Args:
        x: activations, float32 or float64, (N, C_in, H, W). Not modified.
        weight: filters, (C_out, C_in, kh, kw); kh and kw may differ.
        bias: one number per filter, (C_out,), or None.
        stride: step of the window, in pixels, at least 1.
        padding: rows and columns of zeros added on each side, at least 0.
        dilation: distance between neighbouring taps of the filter, in pixels, at least 1.

    Returns:
        Activations (N, C_out, H_out, W_out) in x's dtype.

    Raises:
        ValueError: with the numbers in the message, if the channels of x and weight differ, if stride or
            dilation is below 1, if padding is negative, or if no window fits.
    """
    ### BEGIN SOLUTION
    n, c_in, height, width = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_weight != c_in:
        raise ValueError(f"x has {c_in} channels, but the filters read {c_weight}")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"bad stride {stride}, padding {padding} or dilation {dilation}")
    reach_h, reach_w = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
    if reach_h > height + 2 * padding or reach_w > width + 2 * padding:
        raise ValueError(
            f"a window of {reach_h} x {reach_w} does not fit {height} x {width} with padding {padding}"
        )

    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (reach_h, reach_w), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation]  # (N, C_in, H_out, W_out, kh, kw)
    windows = windows.transpose(0, 1, 4, 5, 2, 3)  # (N, C_in, kh, kw, H_out, W_out), still a view
    h_out, w_out = windows.shape[4:]

    filters = weight.reshape(c_out, -1)  # (C_out, taps)
    taps, pixels = filters.shape[1], h_out * w_out
    y = np.empty((n, c_out, pixels), x.dtype)
    # The columns of a few images at a time, about 1 MB: written again and again, they stay in the cache.
    block = max(1, 2**20 // (taps * pixels * x.itemsize))
    columns = np.empty((block, *windows.shape[1:]), x.dtype)
    for first in range(0, n, block):
        part = windows[first : first + block]
        columns[: len(part)] = part  # the only copy
        np.matmul(filters, columns[: len(part)].reshape(-1, taps, pixels), out=y[first : first + block])
    if bias is not None:
        y += bias[:, None]
    return y.reshape(n, c_out, h_out, w_out)
    ### END SOLUTION


# %% check="conv2d" points=4
checks.run("conv2d", conv2d)

# %% hidden="conv2d" points=7
# Hidden cases: stride, padding and dilation together, non-square filters, one image and many, float32 and
# float64, inputs that are slices of a larger array, inputs left as they were, wrong arguments.
checks.run("conv2d", conv2d, hidden=True)

# %% [markdown]
# **Your function at work.** One filter, nine weights, asks everywhere: *is it brighter to the right?* The
# weights are pulled apart further and further.

# %% figure="dilation_at_work"
grey = photo.mean(axis=0)[None, None]
right_brighter = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=np.float32)[None, None] / 8
maps = [conv2d(grey, right_brighter, padding=d, dilation=d)[0, 0] for d in (1, 4, 12)]
plots.show_images(
    [grey[0, 0], *[0.5 + 0.5 * m / np.abs(m).max() for m in maps]],
    ["photo", *[f"dilation {d}\nspans {2 * d + 1} × {2 * d + 1}" for d in (1, 4, 12)]],
    alt="The photo and three edge maps. With dilation 1 the edges are thin lines, with 4 they are broad "
    "bands, with 12 the face appears twice, once bright and once dark.",
    height=2.9,
)

# %% [markdown]
# Dilation 1 finds fine edges, dilation 4 broad ones. With dilation 12 her face appears twice, once bright and
# once dark: every output compares pixels that are 24 apart, and reads nothing in between.
#
# **The claim measured: same numbers, less time.** The same layer by your two functions.

# %% figure="speed_up"
numbers = np.random.default_rng(0)
x, weight = numbers.normal(size=(2, 8, 32, 32)), numbers.normal(size=(16, 8, 3, 3))
difference = np.abs(conv2d(x, weight, None, 1, 1) - conv2d_loops(x, weight, None, 1, 1)).max()
loops = timing.measure(conv2d_loops, x, weight, None, 1, 1, label="speed up: loops", repeats=3)
fast = timing.measure(conv2d, x, weight, None, 1, 1, label="speed up: vectorised", repeats=9)
print(f"layer (2, 8, 32, 32) → 16 filters of 3 × 3; difference below 1e-12: {bool(difference < 1e-12)}")
print(f"loops {timing.in_words(loops)}, matrix product {timing.in_words(fast)}: ", end="")
print(f"about {float(f'{loops / fast:.1g}'):.0f} times faster")

# %% [markdown]
# The number of multiplications has not changed. What has gone is Python's work around each of them. The table
# below is computed by your function and compared with ours when the notebook is graded.

# %% regression="conv2d_settings"
x = np.sin(np.arange(2 * 3 * 11 * 8) * 0.7).reshape(2, 3, 11, 8)
weight = np.cos(np.arange(4 * 3 * 3 * 2) * 1.3).reshape(4, 3, 3, 2)
print("stride  padding  dilation   output           root of the mean square")
for stride, padding, dilation in ((1, 0, 1), (2, 0, 1), (1, 1, 2), (3, 2, 2), (2, 1, 3)):
    y = conv2d(x, weight, np.arange(4.0), stride, padding, dilation)
    print(f"{stride:6d} {padding:8d} {dilation:9d}   {tuple(y.shape)!s:16s} {np.sqrt((y**2).mean()):.3f}")

# %% [markdown]
# > **To sleep on.** For a 3 × 3 filter the columns hold nearly every pixel nine times. That is nine times the
# > memory, and still it is faster. Why? And for which kernel size would nothing be copied at all? (The next
# > section knows.)

# %% [markdown]
# ## 9 · The 1 × 1 convolution
#
# A window of 1 × 1 sees a single pixel. It cannot find an edge, not even a spot. **What is left for it to do?
# And how is that not just multiplication?**

# %% figure="draw_one_by_one" tags=["keep-output"]
plots.finish(
    unrolled.pixels_as_columns(),
    alt="One pixel of a volume with 4 channels, drawn as a column of 4 numbers, is multiplied by a 2 by "
    "4 matrix. The answer, a column of 2 numbers, is the same pixel of a volume with 2 channels.",
)

# %% [markdown]
# It sees one *place*, but all **channels** there. It mixes them, at every place with the same matrix.
#
# **By hand.** One pixel: red 1, green 5, blue 4. Two filters, then a ReLU, which turns negative numbers to 0:
#
# $$\begin{bmatrix}1&0&-1\\-1&0&1\end{bmatrix}\begin{bmatrix}1\\5\\4\end{bmatrix}
# = \begin{bmatrix}-3\\3\end{bmatrix}
# \;\xrightarrow{\;\text{ReLU}\;}\; \begin{bmatrix}0\\3\end{bmatrix}
# \;\xrightarrow{\;[1\;\;1]\;}\; 3$$
#
# A second 1 × 1 layer added up the two numbers. What came out is $|\,\text{red} - \text{blue}\,|$. No matrix
# alone can compute an absolute value. There is the answer to the second question: multiplications, **followed
# by a ReLU**.
#
# **The formula.**
#
# $$y_{n,o,i,j} = \sum_{c=0}^{C_\text{in}-1} W_{o,c}\; x_{n,c,i,j} + b_o$$
#
# - $x$: $(N, C_\text{in}, H, W)$, and $y$: $(N, C_\text{out}, H, W)$. The picture keeps its size;
# - $W$: $(C_\text{out}, C_\text{in})$ or, written as a bank of filters, $(C_\text{out}, C_\text{in}, 1, 1)$;
# - $b$: $(C_\text{out})$.
#
# ### Exercise: `conv1x1`
#
# ★ · 10 minutes · 5 points
#
# Write it as **one matrix product**, without calling `conv2d`. The check hands you the weight in both shapes,
# for several images, with bias and without.
#
# <details><summary>Hint 1: where are the columns?</summary>
#
# Each pixel is a window already. Reshape `x` to `(N, C_in, H * W)`: the columns are there, and nothing was
# copied.
# </details>
# <details><summary>Hint 2: two shapes of the weight</summary>
#
# `weight.reshape(len(weight), -1)` is a matrix in both cases.
# </details>
# <details><summary>Hint 3: a batch of products</summary>
#
# `matrix @ stack` with shapes `(a, b)` and `(N, b, m)` multiplies each of the `N` slices: `(N, a, m)`. For
# the bias, think about which axis has the length `C_out`.
# </details>


# %% solution="conv1x1"
def conv1x1(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """Mix the channels of every pixel with one matrix.

    Args:
        x: activations, (N, C_in, H, W). Not modified.
        weight: the matrix, (C_out, C_in), or the same written as filters, (C_out, C_in, 1, 1).
        bias: one number per output channel, (C_out,), or None.

    Returns:
        Activations (N, C_out, H, W) in x's dtype.

    Raises:
        ValueError: with both numbers in the message, if weight does not have C_in columns.
    """
    ### BEGIN SOLUTION
    n, c_in, height, width = x.shape
    matrix = weight.reshape(len(weight), -1)
    if matrix.shape[1] != c_in:
        raise ValueError(f"x has {c_in} channels, but the matrix has {matrix.shape[1]} columns")
    y = matrix @ x.reshape(n, c_in, height * width)
    if bias is not None:
        y = y + bias[:, None]
    return y.reshape(n, -1, height, width).astype(x.dtype, copy=False)
    ### END SOLUTION


# %% check="conv1x1" points=2
checks.run("conv1x1", conv1x1)

# %% hidden="conv1x1" points=3
# Hidden cases: both shapes of the weight, more and fewer channels out than in, batches, non-square images,
# with and without bias, float32 and float64, inputs left as they were, a matrix that does not fit.
checks.run("conv1x1", conv1x1, hidden=True)

# %% [markdown]
# **Your function at work.** The little network from above, at every pixel of the photo. One layer gives
# red − blue. Two layers with a ReLU between them give how *far apart* red and blue are.

# %% figure="one_by_one_at_work"
difference = np.array([[1.0, 0, -1], [-1, 0, 1]], dtype=np.float32)
layer1 = conv1x1(photo[None], difference)
layer2 = conv1x1(np.maximum(layer1, 0), np.ones((1, 2), dtype=np.float32))
plots.show_images(
    [photo, 0.5 + layer1[0, 0], 2 * layer2[0, 0]],
    [
        "photo  3 × 150 × 128",
        "one layer: red − blue\n(mid-grey is 0)",
        "two layers and a ReLU:\n|red − blue| (black is 0)",
    ],
    alt="The photo; the map red minus blue, bright on the face and the red stripes, dark on the blue "
    "background; and the map of the absolute difference, bright on the face and on the background.",
    height=2.9,
)

# %% [markdown]
# **Two claims measured.** First: without the ReLU, two 1 × 1 layers are worth no more than one. With it, no
# single layer can imitate them, however well its weights are chosen.

# %% regression="relu_between"
x = np.random.default_rng(1).normal(size=(1, 3, 20, 30))
first, second = np.array([[1.0, 0, -1], [-1, 0, 1]]), np.array([[1.0, 1.0]])
without = conv1x1(conv1x1(x, first), second)
merged = conv1x1(x, second @ first)
gap = np.abs(without - merged).max()
print(f"without ReLU: two layers against their product as one layer: difference {gap:.3f}")

target = conv1x1(np.maximum(conv1x1(x, first), 0), second).reshape(-1)
pixels = np.c_[x.reshape(3, -1).T, np.ones(600)]  # a row for each pixel: its channels, and 1 for the bias
best = np.linalg.lstsq(pixels, target, rcond=None)[0]
missed = np.sqrt(((pixels @ best - target) ** 2).mean() / ((target - target.mean()) ** 2).mean())
print(f"with ReLU: the best single layer misses {missed:.0%} of what the two compute")

# %% [markdown]
# 100 % means: it does no better than answering the mean at every pixel.
#
# Second: it makes deep volumes affordable. To filter 256 channels with 3 × 3, first squeeze them to 64,
# filter, and expand again. This is called a *bottleneck*. Here is the price of both, by your `count_layer`.

# %% figure="bottleneck"
volume = (256, 28, 28)
parts = {
    "3 × 3, 256 → 256": count_layer("conv", volume, 256, 3, padding=1),
    "1 × 1, 256 → 64": count_layer("conv", volume, 64, 1),
    "3 × 3, 64 → 64": count_layer("conv", (64, 28, 28), 64, 3, padding=1),
    "1 × 1, 64 → 256": count_layer("conv", (64, 28, 28), 256, 1),
}
work = np.array([multiply_adds / 1e6 for _, multiply_adds in parts.values()])
figure, ax = plt.subplots(figsize=(9, 2.5))
ax.barh(["direct", "bottleneck"], [work[0], 0], color=plots.tint(plots.WEIGHTS, 0.6))
start = 0.0
for name, amount, strength in zip(list(parts)[1:], work[1:], (0.3, 0.6, 1.0), strict=True):
    ax.barh("bottleneck", amount, left=start, color=plots.tint(plots.WEIGHTS, strength), label=name)
    start += amount
ax.bar_label(ax.containers[0], [f" {work[0]:.0f} million", ""])
ax.text(start, 1, f" {start:.0f} million: {work[0] / start:.1f} times less", va="center")
ax.invert_yaxis()
ax.set_xlabel("multiply-adds for a volume of 256 × 28 × 28 [million]")
ax.legend(loc="lower right")
plots.finish(
    figure,
    alt="Two bars of multiply-adds: the direct 3 by 3 layer needs 462 million, the bottleneck of three "
    "layers 55 million.",
)

# %% [markdown]
# > **To sleep on.** The image shrinks to a single pixel: $C \times 1 \times 1$. What is another name for a
# > 1 × 1 convolution then? (The bottleneck returns in notebook 4.)

# %% [markdown]
# ## 10 · How far one output sees
#
# Three layers lie on top of each other, each with windows of 3. **How many input pixels can change one number
# at the top: 3, 7, 9 or 27? And what if the second layer is dilated by 2 and the third by 4?**

# %% figure="draw_stacks" tags=["keep-output"]
figure, axes = plt.subplots(2, 1, figsize=(9.5, 6.6))
stacks.draw_stack(axes[0], [(3, 1, 1), (3, 1, 1), (3, 1, 1)], 17, 5, "three plain layers")
stacks.draw_stack(axes[1], [(3, 1, 1), (3, 1, 2), (3, 1, 4)], 17, 1, "dilation 1, 2, 4")
plots.finish(
    figure,
    alt="Two stacks of three layers seen from the side, with the inputs of one top output in colour. "
    "With plain layers the cone is 7 pixels wide at the bottom, with dilations 1, 2 and 4 it is 15 "
    "pixels wide.",
)

# %% [markdown]
# Seven, and fifteen, with the same nine weights. This stretch is the output's **receptive field**.
#
# **By hand.** Go up from the input and keep two numbers. The *size* is how many input pixels one output can
# see. The *jump* is how many input pixels lie between two neighbouring outputs. Three layers, the second with
# stride 2, the third dilated by 2:
#
# | layer $(k, s, d)$ | size grows by $(k-1) \cdot d \cdot$ jump | size | jump |
# |---|---|---:|---:|
# | input | | 1 | 1 |
# | $(3, 1, 1)$ | $2 \cdot 1 \cdot 1 = 2$ | 3 | 1 |
# | $(3, 2, 1)$ | $2 \cdot 1 \cdot 1 = 2$ | 5 | 2 |
# | $(3, 1, 2)$ | $2 \cdot 2 \cdot 2 = 8$ | 13 | 2 |
#
# A layer's own stride does not widen what *it* sees. It spreads what all *later* layers see.
#
# **The formula.** With $r_0 = j_0 = 1$, layer $l = 1, 2, \dots$ makes
#
# $$r_l = r_{l-1} + (k_l - 1)\, d_l\, j_{l-1}, \qquad j_l = j_{l-1}\, s_l .$$
#
# $r$ is the size and $j$ the jump, both in pixels of the *input*. All numbers are whole and at least 1.
#
# ### Exercise: `receptive_field`
#
# ★★ · 10 minutes · 6 points
#
# The check compares both numbers, for stacks with strides and dilations in different places.
#
# <details><summary>Hint 1: the loop</summary>
#
# Start with `size, jump = 1, 1` and go through the layers once, in order.
# </details>
# <details><summary>Hint 2: strides come out wrong</summary>
#
# Which jump does the formula use for the size: the one before this layer, or the one after it?
# </details>
# <details><summary>Hint 3: the order in the tuple</summary>
#
# Each layer is `(kernel, stride, dilation)`. Write `for kernel, stride, dilation in layers` and the names do
# the rest.
# </details>


# %% solution="receptive_field"
def receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Say how far one output of a stack of layers sees along one axis.

    Args:
        layers: one tuple (kernel, stride, dilation) per layer, in order from the input. Each number is at
            least 1.

    Returns:
        (size, jump), both in input pixels: the width of the stretch of input that can reach one output, and
        the distance between the stretches of two neighbouring outputs. An empty list gives (1, 1).

    Raises:
        ValueError: with the layer's numbers in the message, if one of them is below 1.
    """
    ### BEGIN SOLUTION
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        if min(kernel, stride, dilation) < 1:
            raise ValueError(f"kernel {kernel}, stride {stride} and dilation {dilation} must be at least 1")
        size += (kernel - 1) * dilation * jump
        jump *= stride
    return size, jump
    ### END SOLUTION


# %% check="receptive_field" points=2
checks.run("receptive_field", receptive_field)

# %% hidden="receptive_field" points=4
# Hidden cases: strides before and after other layers, even kernels, dilation and stride together, deep
# stacks, layers of one pixel, numbers below 1.
checks.run("receptive_field", receptive_field, hidden=True)

# %% [markdown]
# **Your function at work: an experiment with impulses.** Does the formula tell the truth? Light a single
# pixel of a dark image, push it through the layers, and look whether the output in the middle reacts. Then
# light the next pixel. Below, 441 such images went through *your* `conv2d`. The frame is what *your*
# `receptive_field` predicts.

# %% figure="impulses"
side = 21
impulses = np.eye(side * side, dtype=np.float32).reshape(-1, 1, side, side)
ones = np.ones((1, 1, 3, 3), dtype=np.float32)
figure, axes = plt.subplots(1, 3, figsize=(11, 4.3))
for ax, dilations in zip(axes, ((1, 1, 1), (1, 2, 4), (2, 2, 2)), strict=True):
    y = impulses
    for d in dilations:
        y = conv2d(y, ones, padding=d, dilation=d)
    reaction = y[:, 0, side // 2, side // 2].reshape(side, side).round()
    size, _ = receptive_field([(3, 1, d) for d in dilations])
    ax.imshow(np.ma.masked_equal(reaction, 0), cmap=plots.white_to(plots.INPUT), vmin=-0.35 * reaction.max())
    ax.add_patch(
        plt.Rectangle(2 * (side / 2 - 0.5 - size / 2,), size, size, fill=False, ec=plots.WEIGHTS, lw=3)
    )
    rows = np.flatnonzero(reaction.any(axis=1))
    ax.set_title(
        f"dilations {', '.join(map(str, dilations))}\npredicted {size}, measured {rows[-1] - rows[0] + 1}"
    )
    ax.set_xlabel(f"{np.count_nonzero(reaction)} of {size * size} pixels count", labelpad=8)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
plots.finish(
    figure,
    alt="Which pixels make the middle output react. Dilations 1, 1, 1: a full square of 7 by 7, "
    "strongest in the middle. Dilations 1, 2, 4: a full, even square of 15 by 15. Dilations 2, 2, "
    "2: 13 by 13, but only every second row and column. All fit the predicted frames.",
)

# %% [markdown]
# All three fit. But look at the third: with dilation 2 everywhere, only 49 of 169 pixels are read, and seven
# out of ten **never**. With 1, 2, 4 none is left out. Wide and complete is a matter of choosing the
# dilations.
#
# **The claim measured.** How does the receptive field grow with depth? All layers below have windows of 3.

# %% figure="growth"
depths = np.arange(1, 9)
stacks_of_layers = {
    "plain": lambda level: (3, 1, 1),
    "stride 2 in every layer": lambda level: (3, 2, 1),
    "dilation 1, 2, 4, 8, …": lambda level: (3, 1, 2**level),
}
figure, ax = plt.subplots(figsize=(8, 3.8))
for (name, layer), style in zip(stacks_of_layers.items(), ("-o", "--s", ":^"), strict=True):
    sizes = [receptive_field([layer(level) for level in range(depth)])[0] for depth in depths]
    ax.semilogy(
        depths,
        sizes,
        style,
        label=name,
        markersize=11 if style == "--s" else 6,
        markerfacecolor="white" if style == "--s" else None,
    )
ax.set_xlabel("number of 3-wide layers")
ax.set_ylabel("receptive field [pixels]")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.finish(
    figure,
    alt="Receptive field against depth, logarithmic. Plain layers grow slowly to 17 pixels at depth 8; "
    "stride 2 and doubling dilations both reach 511, on the same curve.",
)

# %% [markdown]
# Plain layers add 2 pixels each. Strides and doubling dilations both *double* it: 511 pixels after eight
# layers. The strided stack pays with resolution: its outputs are 256 pixels apart. The dilated one keeps them
# all.

# %% regression="receptive_fields"
print("layers (kernel, stride, dilation)                size  jump   by impulses")
row = np.eye(41)[:, None, None, :]  # 41 images of one row, each with one bright pixel
for layers in (
    [(3, 1, 1)],
    [(3, 1, 1), (3, 2, 1), (3, 1, 2)],
    [(5, 2, 1), (2, 3, 1)],
    [(2, 1, 1), (2, 1, 2), (2, 1, 4), (2, 1, 8)],
):
    size, jump = receptive_field(layers)
    y = row
    for kernel, stride, dilation in layers:
        y = conv2d(y, np.ones((1, 1, 1, kernel)), None, stride, 0, dilation)
    found = np.flatnonzero(y[:, 0, 0, 0] > 1e-9)
    print(f"{layers!s:48s} {size:4d} {jump:5d} {found[-1] - found[0] + 1:8d}")

# %% [markdown]
# > **To sleep on.** The first of the three squares is darkest in its middle. So do all pixels of a receptive
# > field count alike? How many paths lead from a corner pixel to the top? (Receptive fields return in
# > notebook 4.)

# %% [markdown]
# ## 11 · Transposed convolution
#
# A layer with windows of 3 and stride 2 turns 7 × 7 pixels into 3 × 3. **Which layer leads from 3 × 3 to
# 7 × 7? And does it bring the old pixels back?**

# %% figure="draw_transposed" tags=["keep-output"]
plots.finish(
    holes.dilated_beside_transposed(),
    alt="Left, dilated convolution: nine spread-out pixels of a 7 by 7 input are read into one pixel of "
    "a 3 by 3 output. Right, transposed convolution: one pixel of a 3 by 3 input is written into "
    "nine neighbouring pixels of a 7 by 7 output; dots two pixels apart mark where the nine stamps "
    "begin.",
)

# %% [markdown]
# A convolution **reads**: many pixels go into one. A *transposed* convolution **writes**: one pixel goes into
# many. Think of the filter as a **stamp**. Every input pixel presses it onto the output, as strongly as the
# pixel is bright. The stride says how far apart the stamps begin (the dots). Where stamps overlap, they add
# up.
#
# It is easy to take it for dilation, because both have holes. Dilation has them between the **weights**, the
# transposed convolution between the **pixels**.
#
# **By hand.** Two pixels $(2, 1)$, a stamp $(1, 3, 1)$, stride 2:
#
# | | 0 | 1 | 2 | 3 | 4 |
# |---|:---:|:---:|:---:|:---:|:---:|
# | stamp of the pixel 2 | 2 | 6 | 2 | | |
# | stamp of the pixel 1 | | | 1 | 3 | 1 |
# | **output** | **2** | **6** | **3** | **3** | **1** |
#
# Two pixels have become $(2 - 1) \cdot 2 + 3 = 5$.
#
# **Why "transposed"?** A convolution is linear. So it *is* a matrix, mostly of zeros, with the same few
# weights in every row:

# %% figure="draw_layer_as_matrix" tags=["keep-output"]
matrix = np.zeros((3, 7))
for i in range(3):
    matrix[i, 2 * i : 2 * i + 3] = (1, 2, 3)
plots.finish(
    unrolled.layer_as_matrix(matrix, {1.0: "a", 2.0: "b", 3.0: "c"}),
    alt="Left: a convolution with weights a, b, c and stride 2 as a 3 by 7 matrix. Each row holds a, b, "
    "c, two columns further right than the row above. Right: its transpose, 7 by 3, with a stamp a, "
    "b, c in each column.",
)

# %% [markdown]
# Each **row** on the left is a window that reads. Turn the matrix over, and each **column** on the right is a
# stamp that writes. Two products with the same weights, in the two directions. Transposed, *not inverted*:
# the sizes come back, the pixels do not.
#
# **The formula.** Every input number adds to the output, for all $n, c, o, i, j, u, v$:
#
# $$y_{n,\,o,\,is+u-p,\,js+v-p} \;\mathrel{+}=\; x_{n,c,i,j}\; W_{c,o,u,v}$$
#
# - $x$: $(N, C_\text{in}, H, W)$; $W$: $(C_\text{in}, C_\text{out}, k_h, k_w)$, **input channels first**;
# - $y$: $(N, C_\text{out}, H_\text{out}, W_\text{out})$ starts as the bias $b_o$, with
#   $H_\text{out} = (H - 1)\,s + k_h - 2p$, and the width likewise;
# - the padding $p$ works backwards, too: it **cuts off** $p$ pixels on each side.
#
# ### Exercise: `conv_transpose2d`
#
# ★★★ · 25 minutes · 9 points
#
# The check compares shape, dtype and values: stamps that overlap and stamps that do not, channels, padding.
#
# <details><summary>Hint 1: a canvas</summary>
#
# Make zeros of the full size, without padding: $(H-1)s + k_h$ rows. Stamp. Cut the padding off at the very
# end. Then the bias.
# </details>
# <details><summary>Hint 2: stamp by stamp</summary>
#
# For pixel $(i, j)$ of all images: `x[:, :, i, j]` is `(N, C_in)`, the stamps are `(C_in, C_out, kh, kw)`.
# Sum over the input channels and add the result to `y[:, :, i*s : i*s+kh, j*s : j*s+kw]`, with `+=`.
# </details>
# <details><summary>Hint 3: without a loop over pixels</summary>
#
# Turn it round: loop over the few places $(u, v)$ *inside* the stamp. All pixels write there at once, into
# the slice that starts at `u` (or `v`), has the step `s` and as many entries as `x` has rows (or columns).
# </details>
# <details><summary>Hint 4: cutting off</summary>
#
# `y[:, :, p:-p]` is empty for $p = 0$. Say where the slice ends: `p : full - p`.
# </details>


# %% solution="conv_transpose2d"
def conv_transpose2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """Let every input pixel stamp the filter onto a larger output; stamps that overlap add up.

    Args:
        x: activations, (N, C_in, H, W). Not modified.
        weight: the stamps, (C_in, C_out, kh, kw): here the *input* channel comes first.
        bias: one number per output channel, (C_out,), or None.
        stride: distance between neighbouring stamps, in output pixels, at least 1.
        padding: rows and columns cut off on each side of the output, at least 0.

    Returns:
        Activations (N, C_out, (H - 1) * stride + kh - 2 * padding, (W - 1) * stride + kw - 2 * padding)
        in x's dtype.

    Raises:
        ValueError: with the numbers in the message, if the channels of x and weight differ, if stride is
            below 1, if padding is negative, or if the padding leaves no output.
    """
    ### BEGIN SOLUTION
    n, c_in, height, width = x.shape
    c_weight, c_out, kh, kw = weight.shape
    if c_weight != c_in:
        raise ValueError(f"x has {c_in} channels, but the weight reads {c_weight}")
    if stride < 1 or padding < 0:
        raise ValueError(f"bad stride {stride} or padding {padding}")
    full_h, full_w = (height - 1) * stride + kh, (width - 1) * stride + kw
    if min(full_h, full_w) <= 2 * padding:
        raise ValueError(f"padding {padding} leaves nothing of an output of {full_h} x {full_w}")

    y = np.zeros((n, c_out, full_h, full_w), x.dtype)
    for i in range(kh):
        for j in range(kw):
            # What tap (i, j) of every stamp adds, for all pixels at once; one tap's targets never collide.
            tap = np.tensordot(weight[:, :, i, j], x, axes=(0, 1)).swapaxes(0, 1)  # (N, C_out, H, W)
            y[:, :, i : i + height * stride : stride, j : j + width * stride : stride] += tap
    y = y[:, :, padding : full_h - padding, padding : full_w - padding]
    if bias is not None:
        y += bias[:, None, None]
    return y
    ### END SOLUTION


# %% check="conv_transpose2d" points=4
checks.run("conv_transpose2d", conv_transpose2d)

# %% hidden="conv_transpose2d" points=5
# Hidden cases: strides larger and smaller than the filter, padding, a single pixel of input, more and fewer
# channels out than in, float32, inputs that are slices of a larger array, wrong arguments.
checks.run("conv_transpose2d", conv_transpose2d, hidden=True)

# %% [markdown]
# **Your function at work.** A small copy of the photo, made twice as large by three different stamps.

# %% figure="larger"
small = pictures.photograph(shrink=8)[:, None].copy()  # (3, 1, 75, 64): three grey images
tent = np.array([1, 3, 3, 1], dtype=np.float32) / 4
stamps = {
    "2 × 2 of ones\nstride 2": (np.ones((2, 2), dtype=np.float32), 0),
    "3 × 3 of one half\nstride 2": (np.full((3, 3), 0.5, dtype=np.float32), 0),
    "4 × 4 tent\nstride 2, padding 1": (np.outer(tent, tent), 1),
}
larger = {"input  75 × 64": small}
for name, (stamp, padding) in stamps.items():
    larger[name] = conv_transpose2d(small, stamp[None, None], None, 2, padding)

face = (slice(10, 46), slice(14, 46))
figure, axes = plt.subplots(1, 4, figsize=(12, 4))
for ax, (name, image) in zip(axes, larger.items(), strict=True):
    scale = image.shape[-1] // 64
    rows, columns = (slice(part.start * scale, part.stop * scale) for part in face)
    ax.imshow(plots.for_imshow(image[:, 0, rows, columns]), interpolation="nearest")
    ax.set_title(name)
    ax.set_axis_off()
plots.finish(
    figure,
    alt="The face from the photo, and enlarged by three stamps: 2 by 2 gives blocks, 3 by 3 gives a "
    "checkerboard of bright and dark pixels, the 4 by 4 tent gives a smooth picture.",
)

# %% [markdown]
# Blocks, a checkerboard, and a smooth picture. Where does the checkerboard come from?
#
# **Two claims measured.** First, count. Let every pixel and every weight be 1; then the output says how many
# stamps reached it.

# %% figure="stamps_per_pixel"
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6))
for ax, k in zip(axes, (2, 3, 4), strict=True):
    count = conv_transpose2d(np.ones((1, 1, 4, 4)), np.ones((1, 1, k, k)), None, 2)[0, 0]
    ax.imshow(count, cmap=plots.white_to(plots.OUTPUT), vmin=0, vmax=6)
    for (i, j), number in np.ndenumerate(count):
        ax.text(j, i, f"{number:.0f}", ha="center", va="center", fontsize=11)
    ax.set_title(f"stamp {k} × {k}, stride 2")
    ax.set_axis_off()
plots.finish(
    figure,
    alt="How many stamps reach each output pixel, for stride 2. Stamp 2 by 2: one everywhere. Stamp 3 "
    "by 3: 1, 2 and 4 in turns, a checkerboard. Stamp 4 by 4: four everywhere inside.",
)

# %% [markdown]
# If the stamp's size is no multiple of the stride, stamps overlap here and not there. A network can learn to
# make up for it, but it is easier to choose 4 with stride 2.
#
# Second: is it really the transpose? A matrix $A$ and its transpose satisfy
# $\langle A x, y\rangle = \langle x, A^{\mathsf T} y\rangle$ for **all** $x$ and $y$, and nothing else does.
# Take random $x$ and $y$ and the *same* weights. (For `conv2d` they are
# $(C_\text{out}, C_\text{in}, k_h, k_w)$. Going back, the channels swap their parts, so the array fits as it
# is.)

# %% regression="transposed"
numbers = np.random.default_rng(2)
print("x                 weights          s  p     <conv x, y>    <x, conv_transpose y>")
for (n, c, h, w), (o, kh, kw), s, p in (
    ((2, 3, 7, 9), (4, 3, 3), 2, 0),
    ((1, 2, 8, 5), (3, 4, 1), 1, 0),
    ((3, 1, 9, 11), (2, 3, 5), 2, 1),
):
    x, weight = numbers.normal(size=(n, c, h, w)), numbers.normal(size=(o, c, kh, kw))
    read = conv2d(x, weight, None, s, p)
    y = numbers.normal(size=read.shape)
    written = conv_transpose2d(y, weight, None, s, p)
    left, right = (read * y).sum(), (x * written).sum()
    print(f"{x.shape!s:17s} {weight.shape!s:15s} {s:2d} {p:2d}  {left:14.6f} {right:20.6f}")

# %% [markdown]
# The two columns agree to the last digit. Remember this identity: backpropagation through a convolution *is*
# a transposed convolution (notebook 3).
#
# **A second view.** You can get the same output with a plain convolution. Put zeros between the pixels, and a
# frame of zeros around them; then slide the filter, turned by 180°. This is why the layer is also called
# *fractionally strided*: seen from the output, the window moves half an input pixel at a time.

# %% figure="draw_zeros_between" tags=["keep-output"]
plots.finish(
    holes.pixels_with_holes(),
    alt="A 3 by 3 input, then the same nine pixels with zeros between and around them. A plain 3 by 3 "
    "window slides over this and gives a 7 by 7 output.",
)

# %% [markdown]
# > **To sleep on.** Some call this layer *deconvolution*. Compute `conv_transpose2d(conv2d(x, w), w)` for
# > some `x`. Is it `x`? What would a true inverse need that was lost on the way? (The layer returns in
# > notebook 4, where U-Nets climb back to full size.)

# %% [markdown]
# ## 12 · Convolution in time
#
# A network shall tell at every moment whether a machine is about to fail. Its window is 3 long, centred, with
# padding 1, as in an image. It does well in the laboratory and badly in the factory. **What did it know in
# the laboratory?**

# %% figure="draw_causal" tags=["keep-output"]
figure, axes = plt.subplots(2, 1, figsize=(9.5, 6.2), height_ratios=[1, 2.2])
stacks.draw_stack(axes[0], [(3, 1, 1)], 12, 6, "centred: reads one step of the future", unit="time step")
stacks.draw_stack(
    axes[1],
    [(2, 1, 1), (2, 1, 2), (2, 1, 4)],
    12,
    9,
    "causal, dilation 1, 2, 4: reads the past only",
    True,
    "time step",
)
plots.finish(
    figure,
    alt="Above: a centred window of 3 reads the step before, the present and the step after. Below: "
    "three causal layers with dilations 1, 2 and 4; the output reads the present and the seven "
    "steps before it, nothing after.",
)

# %% [markdown]
# It knew the next moment. On a recording, that is easy; live, the next moment has not happened yet. A
# **causal** convolution reads the present and the past only. So all padding goes to the *beginning*.
#
# **By hand.** A signal $(4, 2, 5, 1)$ and the filter $(-1, 2)$, whose last weight reads the present. Before
# the beginning there is a 0:
#
# | time | 0 | 1 | 2 | 3 |
# |---|:---:|:---:|:---:|:---:|
# | past, present | 0, 4 | 4, 2 | 2, 5 | 5, 1 |
# | output | $0 + 8 = 8$ | $-4 + 4 = 0$ | $-2 + 10 = 8$ | $-5 + 2 = -3$ |
#
# **The formula.** With $x = 0$ before the beginning,
#
# $$y_{n,o,t} = \sum_{c=0}^{C_\text{in}-1}\;\sum_{\tau=0}^{k-1}
# W_{o,c,\tau}\; x_{n,\,c,\;t - (k-1-\tau)\,d} \;+\; b_o$$
#
# - $x$: $(N, C_\text{in}, T)$, and $y$: $(N, C_\text{out}, T)$. The length stays;
# - $W$: $(C_\text{out}, C_\text{in}, k)$. The last tap, $\tau = k-1$, reads the present, $t$;
# - $d$: the dilation, in time steps.
#
# ### Exercise: `causal_conv1d`
#
# ★★ · 15 minutes · 6 points
#
# The check compares shape, dtype and values for several channels and dilations, and looks for leaks from the
# future.
#
# <details><summary>Hint 1: how many zeros?</summary>
#
# How far back does the first tap look? So many zeros go before the beginning. After the end: none.
# </details>
# <details><summary>Hint 2: a loop over taps</summary>
#
# The filter has only $k$ taps, so loop over them. Tap $\tau$ needs a piece of the padded signal that is $T$
# long. Where does it begin?
# </details>
# <details><summary>Hint 3: the channels</summary>
#
# `weight[:, :, tap] @ piece`, with shapes `(C_out, C_in)` and `(N, C_in, T)`, sums over the input channels
# for the whole batch.
# </details>


# %% solution="causal_conv1d"
def causal_conv1d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    dilation: int = 1,
) -> np.ndarray:
    """Convolve in time so that each output knows the present and the past only.

    Args:
        x: signals, (N, C_in, T). Not modified.
        weight: filters, (C_out, C_in, k); the last tap reads the present, the one before it reads
            `dilation` steps ago, and so on. Before the beginning there are zeros.
        bias: one number per filter, (C_out,), or None.
        dilation: distance between neighbouring taps, in time steps, at least 1.

    Returns:
        Signals (N, C_out, T) in x's dtype: as long as the input.

    Raises:
        ValueError: with the numbers in the message, if the channels of x and weight differ or if dilation
            is below 1.
    """
    ### BEGIN SOLUTION
    n, c_in, steps = x.shape
    c_out, c_weight, k = weight.shape
    if c_weight != c_in:
        raise ValueError(f"x has {c_in} channels, but the filters read {c_weight}")
    if dilation < 1:
        raise ValueError(f"dilation must be at least 1, not {dilation}")
    past = np.pad(x, ((0, 0), (0, 0), ((k - 1) * dilation, 0)))
    y = np.zeros((n, c_out, steps), x.dtype)
    for tap in range(k):
        y += weight[:, :, tap] @ past[:, :, tap * dilation : tap * dilation + steps]
    if bias is not None:
        y += bias[:, None]
    return y
    ### END SOLUTION


# %% check="causal_conv1d" points=2
checks.run("causal_conv1d", causal_conv1d)

# %% hidden="causal_conv1d" points=4
# Hidden cases: two signals with the same past and different futures, filters longer than the signal, other
# dilations and channels, float32, inputs that are slices of a larger array, wrong arguments.
checks.run("causal_conv1d", causal_conv1d, hidden=True)

# %% [markdown]
# **Your function at work.** Read one row of the photo from left to right, as a scanner would: brightness in
# time. A causal layer smooths it with a mean over the last 8 steps. The same mean, centred, would need 4
# steps of the future.

# %% figure="scanner"
signal = photo.mean(axis=0)[72][None, None].astype(float)  # (1, 1, 128)
mean = np.ones((1, 1, 8)) / 8
causal = causal_conv1d(signal, mean)[0, 0]
# Entry t of the centred mean reads the steps t ... t + 7; their middle is t + 3.
centred = np.convolve(signal[0, 0], np.ones(8) / 8, mode="valid")

figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 3.6), width_ratios=[1, 2.6])
left.imshow(photo.mean(axis=0), vmin=0, vmax=1)
left.axhline(72, color=plots.INPUT, linewidth=2)
left.set_title("row 72")
left.set_axis_off()
right.plot(signal[0, 0], color=plots.tint(plots.INPUT, 0.45), linewidth=1.5, label="signal")
right.plot(np.arange(3, 124), centred, "--", color=plots.GREY, linewidth=2, label="mean, centred")
right.plot(causal, color=plots.OUTPUT, label="mean, causal")
right.set_xlabel("time [steps of the scanner]")
right.set_ylabel("brightness")
right.legend(loc="upper left", bbox_to_anchor=(1, 1))
plots.finish(
    figure,
    alt="Brightness along row 72 of the photo, its centred mean and its causal mean. Both are smooth; "
    "the causal one follows every change about four steps late.",
)

# %% [markdown]
# The causal mean is as smooth, but it comes about 4 steps late. That is the price of not knowing the future.
#
# **The claim measured: the future never leaks.** Disturb the signal at one time, and look at which outputs
# change. Do it for every time. What lies above the diagonal changed *before* its cause.

# %% figure="leak"
steps = 24
bumps = np.eye(steps)[:, None]  # (24, 1, 24): signal number t is disturbed at time t
weights = np.ones((1, 1, 3))
influence = {"causal, k = 3": causal_conv1d(bumps, weights)[:, 0]}
y = bumps
for d in (1, 2, 4):
    y = causal_conv1d(y, np.ones((1, 1, 2)), None, d)
influence["causal, k = 2, dilation 1, 2, 4"] = y[:, 0]
influence["centred, k = 3"] = conv2d(bumps[:, None], weights[None], None, 1, 1)[:, 0, 1]

figure, axes = plt.subplots(1, 3, figsize=(11.5, 4.2), sharey=True)
for ax, (name, changed) in zip(axes, influence.items(), strict=True):
    changed = changed > 1e-9
    leak = np.tril(changed, -1)
    for cells, colour in ((changed & ~leak, plots.tint(plots.OUTPUT, 0.75)), (leak, plots.SERIES[1])):
        time_in, time_out = np.nonzero(cells)
        ax.scatter(time_out, time_in, s=75, marker="s", color=colour)
    ax.plot([-0.5, steps - 0.5], [-0.5, steps - 0.5], color=plots.INK, linewidth=1)
    ax.set_aspect("equal")
    ax.set_title(f"{name}\n{int(leak.sum())} leaks")
    ax.set_xlabel("time of the output")
axes[0].set_ylabel("time of the disturbance")
plots.finish(
    figure,
    alt="Which outputs change when one input is disturbed. For the causal layers only outputs at the "
    "same time or later change: no leaks. For the centred layer 23 outputs change one step before "
    "their cause.",
)

# %% [markdown]
# The causal layers leak nothing. The centred one leaks one step, at every time. And the causal stack of three
# layers remembers 8 steps, as your `receptive_field` says. Its printout is compared with ours:

# %% regression="no_leak"
signal = np.random.default_rng(3).normal(size=(1, 2, 20))
disturbed = signal.copy()
disturbed[0, 1, 9] += 1
filters = np.random.default_rng(4).normal(size=(3, 2, 4))
print("input disturbed at time 9, filter of 4 taps")
for dilation in (1, 2, 5):
    before = causal_conv1d(signal, filters, None, dilation)
    after = causal_conv1d(disturbed, filters, None, dilation)
    times = [int(t) for t in np.flatnonzero(np.abs(after - before).max(axis=(0, 1)) > 1e-9)]
    size, _ = receptive_field([(4, 1, dilation)])
    print(f"dilation {dilation}: outputs change at times {times}, receptive field {size}")

# %% [markdown]
# > **To sleep on.** Sound comes as 16,000 numbers a second. How many layers with $k = 2$ and dilation 1, 2,
# > 4, 8, … see a whole second? And how many without dilation? (Notebook 4 trains such a network.)

# %% [markdown]
# ## 13 · On the GPU
#
# So far everything was NumPy, on the processor. A GPU multiplies matrices many times faster, and PyTorch can
# use it. **What must change in your code?**
#
# Less than you may think. PyTorch's tensors behave much like arrays. Three rules are enough:
#
# - A tensor lives on a **device**. `x.to(device)` gives a copy there. Two tensors must be on the *same* one
#   to meet.
# - A new tensor is born on the **CPU**, unless you say `device=x.device`.
# - PyTorch keeps a record of what you do, so that gradients can flow back. Through NumPy they cannot.
#
# ### First the function
#
# `F.unfold` writes windows as columns, as you did in section 8, for a whole batch and on any device.

# %% figure="draw_unfold" tags=["keep-output"]
plots.finish(
    flows.unfold_and_multiply(),
    alt="x of shape N, C, H, W is unfolded to columns of shape N, C times kh times kw, L. Multiplied by "
    "the weights as rows, of shape C out, C times kh times kw, this gives N, C out, L, which is "
    "folded up to N, C out, H out, W out. L is the number of windows.",
)

# %% [markdown]
# **By hand.** One image, one channel, two rows, three columns; windows of 2 × 2. How many columns, how long?
# Say it before you look.

# %% figure="unfold_by_hand" tags=["keep-output"]
x = torch.arange(6.0).reshape(1, 1, 2, 3)
print("x =\n", x[0, 0].numpy())
print("F.unfold(x, (2, 2)) =\n", F.unfold(x, (2, 2))[0].numpy())

# %% [markdown]
# **The formula** is that of section 8: $Y_n = \mathbf{W} X_n + b$, with
#
# - $X$: `F.unfold(x, (kh, kw), dilation, padding, stride)`, $(N,\; C_\text{in} k_h k_w,\; L)$ with
#   $L = H_\text{out} W_\text{out}$;
# - $\mathbf{W}$: $(C_\text{out},\; C_\text{in} k_h k_w)$, and $Y$: $(N, C_\text{out}, L)$, to be folded up.
#
# ### Exercise: `conv2d_unfold`
#
# ★★ · 15 minutes · 6 points
#
# Use `F.unfold` and one matrix product. `F.conv2d` would do all of it for you; leave it for the comparison.
# The check looks at the values, and whether gradients flow back through your function.
#
# <details><summary>Hint 1: mind the order</summary>
#
# `F.unfold` takes dilation, padding, stride, in *this* order. Name them, and nothing can go wrong.
# </details>
# <details><summary>Hint 2: the size of the output</summary>
#
# Columns do not say how to fold them up: 12 windows may be 3 × 4 or 2 × 6. Compute the height and the width,
# for instance with your `output_size`, which also raises the errors.
# </details>
# <details><summary>Hint 3: matrices</summary>
#
# `weight.flatten(1)` is $\mathbf{W}$. `@` multiplies it with each slice of the columns. The bias needs the
# shape `(C_out, 1, 1)` at the end.
# </details>


# %% solution="conv2d_unfold"
def conv2d_unfold(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> torch.Tensor:
    """Convolve on whatever device the tensors are: `F.unfold`, then one matrix product.

    Args:
        x: activations, (N, C_in, H, W), on any device. Not modified.
        weight: filters, (C_out, C_in, kh, kw), on x's device.
        bias: one number per filter, (C_out,), or None.
        stride, padding, dilation: in pixels, as in `conv2d`.

    Returns:
        Activations (N, C_out, H_out, W_out), in x's dtype and on x's device; gradients flow through.

    Raises:
        ValueError: with the numbers in the message, in the cases in which `conv2d` raises one.
    """
    ### BEGIN SOLUTION
    height, width = x.shape[2:]
    _, c_in, kh, kw = weight.shape
    if x.shape[1] != c_in:
        raise ValueError(f"x has {x.shape[1]} channels, but the filters read {c_in}")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"bad stride {stride}, padding {padding} or dilation {dilation}")
    h_out = (height + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    w_out = (width + 2 * padding - dilation * (kw - 1) - 1) // stride + 1
    if h_out < 1 or w_out < 1:
        raise ValueError(
            f"filters of {kh} x {kw}, dilation {dilation}, do not fit {height} x {width}, padding {padding}"
        )
    columns = F.unfold(x, (kh, kw), dilation, padding, stride)  # (N, C_in * kh * kw, H_out * W_out)
    y = (weight.flatten(1) @ columns).unflatten(2, (h_out, w_out))
    return y if bias is None else y + bias[:, None, None]
    ### END SOLUTION


# %% check="conv2d_unfold" points=2
checks.run("conv2d_unfold", conv2d_unfold)

# %% hidden="conv2d_unfold" points=4
# Hidden cases: stride, padding and dilation all different, filters that fit exactly, gradients for x, weight
# and bias, float32, inputs that are slices of a larger tensor, wrong arguments.
checks.run("conv2d_unfold", conv2d_unfold, hidden=True)

# %% [markdown]
# **Your function at work, and the claim measured.** Does it compute the same as your NumPy function? To the
# last digit?

# %% figure="unfold_at_work"
numbers = np.random.default_rng(5)
weight, bias = numbers.normal(size=(6, 3, 5, 5)) / 9, numbers.normal(size=6) / 9
wide = torch.float32 if device.type == "mps" else torch.float64  # Apple's GPU has no float64
exact = conv2d(photo[None].astype(float), weight, bias, 1, 2)
for dtype, tolerance in ((wide, 1e-12), (torch.float32, 1e-12), (torch.float32, 1e-5)):
    tensors = [torch.tensor(a, dtype=dtype, device=device) for a in (photo[None], weight, bias)]
    y = conv2d_unfold(*tensors, padding=2)
    close = bool(np.abs(y.cpu().numpy() - exact).max() < tolerance)
    print(f"{y.dtype} on {y.device}: differs from NumPy's float64 by less than {tolerance}: {close}")
maps = y[0].cpu().numpy()
plots.show_images(
    [0.5 + 0.5 * m / np.abs(m).max() for m in maps],
    [f"slice {o}" for o in range(6)],
    alt="Six slices of the output, made on PyTorch's device with random filters: the photo with "
    "different edges and shades.",
    height=2.2,
)

# %% [markdown]
# `float64` keeps about 16 digits, `float32` about 7, and it is much faster on a GPU. Networks are trained
# with 7 or even fewer.
#
# ### Then the layer
#
# A function forgets. **Who keeps the weights between two calls, moves them to the GPU, and hands them to the
# optimiser?**

# %% figure="draw_layer" tags=["keep-output"]
plots.finish(
    flows.layer_with_memory(),
    alt="A box named Conv2d(3, 16, 5) holds a weight of shape 16, 3, 5, 5 and a bias of shape 16. x "
    "goes in. It answers to y = layer(x), layer.parameters(), layer.to(device) and "
    "layer.state_dict().",
)

# %% [markdown]
# An object: a *module*. A network is a sequence of such layers, with activation functions between them.
# `nn.Module` does the book-keeping, on one condition: the weights must be **registered**, as
# `self.weight = nn.Parameter(...)`.
#
# **By hand.** `Conv2d(3, 16, 5)` has $16 \cdot 3 \cdot 5 \cdot 5 = 1200$ weights and 16 biases: 1216
# parameters. Each neuron reads $n = 3 \cdot 5 \cdot 5 = 75$ numbers. PyTorch draws first weights and biases
# evenly between $-1/\sqrt{75}$ and $1/\sqrt{75}$.
#
# **The formula.** With $n = C_\text{in}\, k^2$ numbers read by each neuron,
#
# $$W_{o,c,u,v},\; b_o \;\sim\; \text{uniform}\left(-\tfrac{1}{\sqrt n},\; \tfrac{1}{\sqrt n}\right),
# \qquad W: (C_\text{out}, C_\text{in}, k, k), \quad b: (C_\text{out})$$
#
# ### Exercise: `Conv2d`
#
# ★★ · 15 minutes · 6 points
#
# Inside `forward` you may use `F.conv2d`, or your own `conv2d_unfold`. You have earned it. The check looks at
# the parameters, their shapes and first values, and at what your layer makes of a batch.
#
# <details><summary>Hint 1: what goes into <code>__init__</code>?</summary>
#
# Keep stride, padding and dilation as attributes. Make `self.weight` and `self.bias`, each an `nn.Parameter`.
# For `bias=False`, set `self.bias = None`.
# </details>
# <details><summary>Hint 2: drawing evenly</summary>
#
# `torch.empty(shape).uniform_(-bound, bound)` fills a tensor in place.
# </details>
# <details><summary>Hint 3: the layer has no parameters</summary>
#
# A plain tensor as an attribute is not registered. Neither is a parameter on which you computed further:
# `nn.Parameter(...) * 2` is a plain tensor again. `nn.Parameter` must be the last step.
# </details>


# %% solution="Conv2d"
class Conv2d(nn.Module):
    """A convolutional layer that owns its filters.

    Args, in the order of `nn.Conv2d`:
        in_channels, out_channels: C_in and C_out.
        kernel_size: side of the square kernel, in pixels.
        stride, padding, dilation: in pixels, as in `conv2d`.
        bias: by keyword; False makes a layer without a bias (`self.bias` is then None).

    Parameters that the layer owns, float32:
        weight (C_out, C_in, kernel_size, kernel_size) and bias (C_out,), each drawn evenly between -bound
        and bound, where bound = 1 / sqrt(C_in * kernel_size ** 2): PyTorch's own choice.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.stride, self.padding, self.dilation = stride, padding, dilation
        bound = (in_channels * kernel_size**2) ** -0.5
        weight = torch.empty(out_channels, in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the activations (N, C_out, H_out, W_out) of the volumes x (N, C_in, H, W)."""
        ### BEGIN SOLUTION
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation)
        ### END SOLUTION


# %% check="Conv2d" points=2
checks.run("Conv2d", Conv2d)

# %% hidden="Conv2d" points=4
# Hidden cases: stride, padding and dilation all different, more channels in than out, a kernel of one pixel,
# a layer without bias, where the first weights lie, gradients, a layer moved to float64.
checks.run("Conv2d", Conv2d, hidden=True)

# %% [markdown]
# **Your layer at work.** A fresh layer with 8 filters looks at the photo. It has learned nothing yet; its
# filters are noise.

# %% figure="fresh_layer"
torch.manual_seed(0)
layer = Conv2d(3, 8, 7, padding=3).to(device)
with torch.no_grad():
    maps = layer(torch.tensor(photo[None], device=device))[0].cpu().numpy()
plots.show_images(
    [(m - m.min()) / (m.max() - m.min()) for m in maps],
    [f"slice {o}" for o in range(8)],
    alt="Eight slices of the output of a fresh layer: blurred and embossed versions of the photo.",
    height=1.7,
)

# %% [markdown]
# Even noise answers to edges and shades. Notebook 2 asks how much better learned filters are.
#
# **The claims measured.** What does registering buy? Compare with a layer that keeps its weights as a plain
# tensor.


# %% figure="registered"
class ForgetfulConv2d(nn.Module):
    """A layer whose weight is a plain tensor: PyTorch does not know of it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.zeros(16, 3, 5, 5)


for name, layer in (("Conv2d(3, 16, 5)", Conv2d(3, 16, 5)), ("forgetful", ForgetfulConv2d())):
    parameters = sum(p.numel() for p in layer.parameters())
    moved = layer.to(torch.float64).weight.dtype == torch.float64
    saved = list(layer.state_dict())
    print(f"{name:17s} parameters found: {parameters:5d}   follows .to(...): {moved!s:5s}   saved: {saved}")

# %% [markdown]
# The optimiser would train nothing, the GPU would get nothing, the file would hold nothing, and no error says
# so.
#
# And the bound? It decides how strong the signal is that comes out. Stack fresh layers and measure.

# %% figure="signal_by_depth"
torch.manual_seed(0)
x = torch.randn(4, 32, 24, 24)
spread = [float(x.std())]
with torch.no_grad():
    for _ in range(8):
        x = Conv2d(32, 32, 3, bias=False)(x)
        spread.append(float(x.std()))
figure, ax = plt.subplots(figsize=(7.5, 3.4))
ax.semilogy(range(9), spread, "-o", color=plots.OUTPUT, label="measured")
ax.semilogy(range(9), 3.0 ** (-np.arange(9) / 2), "--", color=plots.GREY, label="1/√3 per layer")
ax.set_xlabel("number of fresh layers")
ax.set_ylabel("standard deviation\nof the activations")
ax.legend()
plots.finish(
    figure,
    alt="Standard deviation of the activations against the number of fresh layers, logarithmic: a "
    "straight fall by a factor of 1.7 per layer, from 1 to about 0.01.",
)

# %% [markdown]
# Each layer keeps only $1/\sqrt 3 \approx 58\,\%$ of the signal. After eight, about one per cent is left.
#
# > **To sleep on.** Which bound would keep the signal as strong as it was? And which one if a ReLU followed
# > each layer? (Notebook 5 answers.)

# %% [markdown]
# ## 14 · The experiment: what does a convolution cost?
#
# You have now written convolution as loops, as a matrix product in NumPy, and as unfolding in PyTorch. All
# multiply equally often. **How far apart are their times: 2, 20 or 2000 times? And who could be faster than
# all of them?**
#
# Measuring time honestly takes four things, and `timing.measure` does them:
#
# - **warm up**: the first run sets things up and does not count;
# - **wait for the device**: a GPU returns at once and works on, so the clock must wait for it, before and
#   after;
# - take the **median** of several runs: a mean follows every hiccup of the machine;
# - compare in **one run**, on one machine.
#
# The grey line is the **limit**: the time that the bare multiply-adds would take as one large matrix product
# (programmers call it GEMM), the thing processors do best. We measure how many multiply-adds a second such a
# product reaches here, at best, where all fits into the fast memory, and divide.

# %% figure="cost"
small = devices.quick()
repeats = 3 if small else 9
per_second = 0.0  # multiply-adds, by the best of six products
for side in (256, 384, 512):
    square = np.ones((side, side), dtype=np.float32)
    for name, product, factor in (
        ("NumPy", np.matmul, square),
        ("PyTorch", torch.matmul, torch.from_numpy(square)),
    ):
        seconds = timing.measure(product, factor, factor, label=f"product, {name}, {side}", repeats=25)
        per_second = max(per_second, side**3 / seconds)

ways = {
    "your loops": (conv2d_loops, ":s", plots.SERIES[0]),
    "your NumPy": (conv2d, "-o", plots.SERIES[1]),
    "your unfold, CPU": (conv2d_unfold, "--^", plots.SERIES[3]),
    "PyTorch, CPU": (F.conv2d, "-.D", plots.SERIES[2]),
}
if device.type != "cpu":
    ways[f"PyTorch, {devices.describe(device)}"] = (F.conv2d, "-v", plots.SERIES[0])


def time_layer(way: str, channels: int, size: int) -> float:
    """Seconds for one image (channels, size, size) and as many filters of 3 × 3, padding 1, float32."""
    function = ways[way][0]
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((1, channels, size, size), dtype=np.float32)
    weight = numbers.standard_normal((channels, channels, 3, 3), dtype=np.float32)
    place = "cpu" if "CPU" in way else device
    if function in (conv2d_unfold, F.conv2d):
        x, weight = torch.from_numpy(x).to(place), torch.from_numpy(weight).to(place)
    label = f"{way}, {channels} channels, {size} pixels"
    runs = 3 if "loops" in way else repeats
    return timing.measure(function, x, weight, None, 1, 1, label=label, repeats=runs, device=place)


figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), sharey=True)
sizes = [8, 16, 32] if small else [8, 16, 32, 64, 128]
depths = [4, 8, 16] if small else [4, 8, 16, 32, 64, 128]
experiments = (
    (sizes, [(16, s) for s in sizes], "side of the image [pixels], 16 channels in and out"),
    (depths, [(c, 16) for c in depths], "channels in and out, image of 16 × 16"),
)
for ax, (values, layers, words) in zip(axes, experiments, strict=True):
    for way, (_, style, colour) in ways.items():
        affordable = [k for k, (c, s) in enumerate(layers) if way != "your loops" or c * s * s <= 70_000]
        times = [1e3 * time_layer(way, *layers[k]) for k in affordable]
        ax.loglog([values[k] for k in affordable], times, style, color=colour, label=way, markersize=6)
    limit = [1e3 * 9 * c * c * s * s / per_second for c, s in layers]
    ax.loglog(
        values, limit, color=plots.tint(plots.INK, 0.2), linewidth=7, label="limit: matrix product, CPU"
    )
    ax.set_xlabel(words)
    ax.set_xticks(values, [str(value) for value in values])
    ax.minorticks_off()
axes[0].set_ylabel("time for one image [ms]")
axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
plots.finish(
    figure,
    alt="Time of a 3 by 3 layer against image size and against channels, both axes logarithmic. The "
    "loops are two to three orders of magnitude above the others; the vectorised versions come "
    "close to the limit of the matrix product for large layers and are far above it for small ones.",
)

# %% [markdown]
# The loops are **hundreds of times** slower than the rest; the others lie within a factor of ten or so. Read
# the picture slowly:
#
# - The loops pay for every output number, and hardly for what each of them sums up: from 4 channels to 64
#   each sum is 16 times as long, but takes at most about twice the time. It is Python that costs, not the
#   multiplying.
# - For small layers the fast ways run flat, far above the limit. They pay a fixed price per call, and the
#   multiplying hardly counts.
# - For large layers they rise like the limit: with twice the side the work is 4 times as much, with twice the
#   channels also. PyTorch comes close to the limit.
# - The gap that stays above it is mostly the making of columns: memory, not arithmetic.
#
# > **To sleep on.** Can a convolution be *faster* than this limit? Nothing forces it to use nine
# > multiplications per window. (Look up *Winograd* if you are curious, or ask how a Fourier transform would
# > do it.)

# %% [markdown]
# ## Knowledge checks
#
# Four questions, one point each. Write the answer into the cell; it is marked after you hand in.
#
# **Question 1.** A layer looks at RGB images with filters of 3 × 3. **How many weights does each filter
# have**, the bias not counted? Answer with a whole number.

# %% solution="quiz_weights_per_filter" stub=""
quiz_weights_per_filter = None  # a whole number
### BEGIN SOLUTION
quiz_weights_per_filter = 27
### END SOLUTION

# %% check="quiz_weights_per_filter" points=0
checks.quiz("quiz_weights_per_filter", quiz_weights_per_filter)

# %% hidden="quiz_weights_per_filter" points=1
# Question 1, the weights of one filter: your answer is marked here after you hand in.
checks.quiz("quiz_weights_per_filter", quiz_weights_per_filter, hidden=True)

# %% [markdown]
# **Question 2.** You are shown *one slice* of a layer's output, as a grey picture of 30 × 30, and you know
# that the input was an RGB image of 32 × 32. **How many filters are in the layer's bank?**
#
# - (a) 3, one for each colour
# - (b) 27, one for each weight
# - (c) 30, one for each row of the slice
# - (d) it cannot be said

# %% solution="quiz_bank_size" stub=""
quiz_bank_size = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_bank_size = "d"
### END SOLUTION

# %% check="quiz_bank_size" points=0
checks.quiz("quiz_bank_size", quiz_bank_size)

# %% hidden="quiz_bank_size" points=1
# Question 2, the size of the bank: your answer is marked here after you hand in.
checks.quiz("quiz_bank_size", quiz_bank_size, hidden=True)

# %% [markdown]
# **Question 3.** Networks of the VGG kind use $k = 3$, $s = 1$, $p = 1$. A volume of $3 \times 48 \times 80$
# goes through **three** such layers with 64 filters each. **What shape comes out?**
#
# - (a) $64 \times 42 \times 74$
# - (b) $192 \times 48 \times 80$
# - (c) $64 \times 48 \times 80$
# - (d) $3 \times 48 \times 80$

# %% solution="quiz_vgg_size" stub=""
quiz_vgg_size = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_vgg_size = "c"
### END SOLUTION

# %% check="quiz_vgg_size" points=0
checks.quiz("quiz_vgg_size", quiz_vgg_size)

# %% hidden="quiz_vgg_size" points=1
# Question 3, the shape after three layers: your answer is marked here after you hand in.
checks.quiz("quiz_vgg_size", quiz_vgg_size, hidden=True)

# %% [markdown]
# **Question 4.** Two 1 × 1 layers follow each other, with a ReLU between them. **Why can they do more than
# one 1 × 1 layer?**
#
# - (a) The ReLU is not linear, so the two cannot be merged into one matrix.
# - (b) The second layer sees a window twice as large.
# - (c) Two layers have more weights, and more weights always compute more.
# - (d) They cannot: both are multiplications, and multiplications can be merged.

# %% solution="quiz_one_by_one" stub=""
quiz_one_by_one = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_one_by_one = "a"
### END SOLUTION

# %% check="quiz_one_by_one" points=0
checks.quiz("quiz_one_by_one", quiz_one_by_one)

# %% hidden="quiz_one_by_one" points=1
# Question 4, the ReLU between two 1 × 1 layers: your answer is marked here after you hand in.
checks.quiz("quiz_one_by_one", quiz_one_by_one, hidden=True)

# %% [markdown]
# ## Your tables, compared with ours
#
# This notebook has ten tables that your functions printed, from the sizes in section 2 to the leaks in
# section 12. When it is graded, they are computed once more and compared with ours. Each one that agrees
# earns its share of 5 points.

# %% regression_points=5
# Nothing to do here: the points for the tables are entered in this cell.

# %% [markdown]
# ## What you have now
#
# | you can | because you wrote |
# |---|---|
# | predict size, weights and work of a layer | `output_size`, `uncovered`, `count_layer` |
# | compute a convolution, slowly and surely | `neuron`, `pad2d`, `locally_connected2d`, `conv2d_loops` |
# | compute it fast, and dilated | `conv2d`, `conv2d_unfold` |
# | mix channels, and say why a ReLU must follow | `conv1x1` |
# | say how far a stack of layers sees | `receptive_field` |
# | go back to a larger size | `conv_transpose2d` |
# | work in time without knowing the future | `causal_conv1d` |
# | give weights a home on any device | `Conv2d` |
#
# All filters in this notebook were chosen by hand or by chance. **Where do good filters come from?** Notebook
# 2 begins with filters that people designed, Sobel's and Gauss's, and then lets a layer *learn* them from
# pictures.
