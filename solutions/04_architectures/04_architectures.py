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
#   title: "4 · Common architectures"
#   course:
#     limits:
#       cell_seconds: 20
#       call_seconds: 5
#       total_seconds: 90
#       memory_mb: 1536
# ---

# %% [markdown]
# # 4 · Common architectures
#
# You have the layers. Now you put them together. In this notebook you build six networks that many others
# are copies of: **AlexNet**, **VGG**, **ResNet**, the **autoencoder**, the **U-Net** and a network for
# **time**. Each of them was an answer to a question, and you will ask it first: why so large, why so deep,
# why does it not learn, what is worth keeping, where did the details go, how far back does it remember?
#
# **After it you can**
#
# - count the volumes, the weights and the work of any network, and find the number that does not fit;
# - build the six networks in PyTorch, on the CPU or on a GPU, from their descriptions;
# - tell apart two reasons why a deep network fails, and show which of them is at work;
# - write the way back through a skip connection in NumPy;
# - judge pictures that a network made, and see what skip connections are good for.
#
# You need notebooks 1 and 3. Of notebook 2 the occlusion map returns; it is given here.
#
# ## The way through
#
# | | section | you write | difficulty | minutes | points |
# |---:|---|---|:---:|---:|---:|
# | 1 | What stands between the layers? | three counters | ★★ | 30 | 11 |
# | 2 | AlexNet: a number that does not fit | `AlexNet` | ★★ | 30 | 7 |
# | 3 | VGG: small windows, many of them | `make_vgg` | ★★ | 25 | 7 |
# | 4 | A way around | `residual_block` and its way back | ★★★ | 40 | 13 |
# | 5 | A residual network | `ResidualBlock`, `ResNet` | ★★ | 35 | 14 |
# | 6 | Does the gradient arrive? | `gradient_norms` | ★★ | 35 | 6 |
# | 7 | Through the bottleneck | `Autoencoder` | ★★ | 35 | 8 |
# | 8 | One step up | `up_and_concat` | ★★ | 20 | 5 |
# | 9 | How good is a picture? | `psnr`, `iou` | ★ | 15 | 6 |
# | 10 | From picture to picture | `UNet` | ★★★ | 45 | 8 |
# | 11 | Convolutions in time | `TemporalConvNet` | ★★ | 30 | 7 |
# | 12 | Which pixels matter, once more | – | – | 15 | – |
# | 13 | Knowledge checks | four answers | ★ | 10 | 4 |
# | | your tables, compared with ours | – | | | 4 |
# | | **together** | | | **about 6 h** | **100** |
#
# ## How to work
#
# Run the cells from top to bottom (`Shift`+`Enter`). In each exercise, replace the line
# `raise NotImplementedError(...)` by your code. The cell below it checks your answer and tells you what is
# wrong. Hidden checks look at more cases later; their comments say at which. Stuck? Open one hint, try again,
# then open the next.
#
# Sections 1 to 3, 4 to 6 and 7 to 12 make three good sittings.
#
# ## The symbols
#
# | symbol | meaning |
# |---|---|
# | $N, C, H, W$ | pictures in a batch, channels, height, width |
# | $k, s, p$ | size of a window, its step, and the border of zeros, in pixels |
# | $f(x)$ | what a few layers make of $x$: the *branch* of a residual block, of $x$'s shape |
# | $L$ | the loss |
# | $\hat x$ | the picture that a decoder makes (in notebook 1: $x$ with its frame of zeros) |
# | $z$ | a code: a list of numbers, $(N, d)$, shorter than the picture it stands for |
# | $K$ | depth of a U-Net: how often the picture is halved on its way down |
# | $T$ | steps in time; a sequence is $(N, C, T)$ |
#
# The drawings of networks in this notebook are made **from the modules themselves**: a tensor without numbers
# runs through the model, and everything that happens to it is noted and drawn. So what you see is what your
# code does. Colours mean the same as before: **input blue, weights orange, outputs green, gradients red.**
# An orange arrow has weights, a black one has none.

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
            f"folder (notebooks/04_architectures/), or get the whole course from {COURSE}"
        ) from None
    sys.modules.pop("utils", None)  # somebody else's package of that name
    sys.path.insert(0, str(course))

import copy
import math
from collections.abc import Sequence
from typing import Any

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
    filter_drawings,
    module_drawings,
    occlusion,
    pictures,
    plots,
    progress,
    stacks,
    step_up,
    training,
)
from utils.convolution import conv2d, conv2d_backward
from utils.module_drawings import Stop
from utils.probes import architectures as probes

plots.use_style()
device = devices.default_device()
print(f"Ready. PyTorch will work on: {device}")

# %% [markdown]
# ## 1 · What stands between the layers?
#
# Here is the network that you trained in notebook 3: one convolution, one pooling, one linear layer. All its
# activations are volumes; only their shapes are missing. **What stands at the three question marks? And where
# are most of its weights: on the first arrow or on the last one?**

# %% figure="draw_three_layers" tags=["keep-output"]
three = [
    Stop("input", "input", (3, 32, 32)),
    Stop("conv", "conv 3×3", (10, 32, 32), (0,), 280, ("ReLU",)),
    Stop("pool", "max 2×2, /2", (10, 16, 16), (1,)),
    Stop("linear", "linear", (10,), (2,), 25610),
]
plots.finish(
    module_drawings.draw_row(three, labels=["3\n32×32", "?", "?", "?"]),
    alt="A row of volumes joined by arrows: a picture of 3 channels and 32 by 32 pixels, then convolution 3 "
    "by 3 and ReLU, max pooling 2 by 2, and a linear layer. The shapes of the last three are question marks.",
)

# %% [markdown]
# A network is written down here as a list of layers, each a short tuple:
#
# ```python
# [("conv", 3, 10, 3, 1, 1), ("pool", 2, 2), ("linear", 2560, 10)]
# #         in out k  s  p           k  s             in   out
# ```
#
# **By hand.** The convolution has 10 filters and keeps the size: 10 × 32 × 32. Pooling halves height and
# width: 10 × 16 × 16, a list of 2560 numbers for the linear layer, which makes 10 of it. Weights:
# $10 \cdot 3 \cdot 3 \cdot 3 + 10 = 280$ for the filters and their biases, $10 \cdot 2560 + 10 = 25{,}610$
# for the linear layer. Work: $10{,}240 \cdot 27 = 276{,}480$ multiply-adds for the convolution, 25,600 for
# the linear layer.
#
# **The formula.** The volume after a window of $k$, step $s$, border $p$ has
#
# $$H_\text{out} = \left\lfloor \frac{H + 2p - k}{s} \right\rfloor + 1, \qquad
# \text{parameters} = C_\text{out}\,(C_\text{in}\, k^2 + 1), \qquad
# \text{multiply-adds} = C_\text{out} H_\text{out} W_\text{out} \cdot C_\text{in}\, k^2$$
#
# and the width likewise. A linear layer is the case $H_\text{out} = W_\text{out} = k = 1$.
#
# ### Exercise: `activation_volumes`
#
# ★★ · 15 minutes · 5 points
#
# The check compares the whole list, and looks at layers that do not fit each other.
#
# <details><summary>Hint 1: carry the shape along</summary>
#
# One variable holds the current shape. Each layer reads it, checks it and makes the next one; append that to
# a list that began with the input's shape.
# </details>
# <details><summary>Hint 2: take a tuple apart</summary>
#
# `word, *numbers = layer` gives the word and the list of the other entries. Then ask which word it is.
# </details>
# <details><summary>Hint 3: where the picture ends</summary>
#
# `math.prod(shape)` is the number of entries of any shape, flat or not. That is what a linear layer reads.
# A shape of length 1 can not go into a convolution any more.
# </details>


# %% solution="activation_volumes"
def activation_volumes(
    layers: Sequence[tuple[Any, ...]], input_shape: tuple[int, int, int]
) -> list[tuple[int, ...]]:
    """Follow a picture through a network and note the shape of everything on its way.

    Args:
        layers: the layers in order, each a tuple: ("conv", in_channels, out_channels, kernel, stride,
            padding), ("pool", kernel, stride) or ("linear", in_features, out_features). Windows are square,
            all sizes in pixels; pooling has no padding. Before the first linear layer the volume is
            flattened. Not modified.
        input_shape: (C, H, W) of the picture.

    Returns:
        The input's shape and then one shape for each layer, as a list of tuples of ints: (C, H, W) as long
        as the picture is a volume, (n,) after a linear layer. No layers give [input_shape].

    Raises:
        ValueError: with the numbers in the message, if a layer's in_channels or in_features is not what
            arrives, if no window fits, if a "conv" or "pool" comes after a "linear", or for another word.
    """
    ### BEGIN SOLUTION
    shape: tuple[int, ...] = tuple(input_shape)
    volumes = [shape]
    for layer in layers:
        word, *numbers = layer
        if word not in ("conv", "pool", "linear"):
            raise ValueError(f"{word!r} is not a layer; known are conv, pool and linear")
        if word == "linear":
            reads, writes = numbers
            if math.prod(shape) != reads:
                raise ValueError(f"{layer} reads {reads} numbers, but {math.prod(shape)} arrive: {shape}")
            shape = (writes,)
        else:
            if len(shape) != 3:
                raise ValueError(f"{layer} needs a volume, but a list of {shape[0]} numbers arrives")
            channels, height, width = shape
            padding = 0
            if word == "conv":
                reads, writes, kernel, stride, padding = numbers
                if reads != channels:
                    raise ValueError(f"{layer} reads {reads} channels, but {channels} arrive: {shape}")
                channels = writes
            else:
                kernel, stride = numbers
            if kernel > min(height, width) + 2 * padding:
                raise ValueError(f"{layer}: no window of {kernel} fits {height} x {width}, padding {padding}")
            height, width = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
            shape = (channels, height, width)
        volumes.append(shape)
    return volumes
    ### END SOLUTION


# %% check="activation_volumes" points=2
checks.run("activation_volumes", activation_volumes)

# %% hidden="activation_volumes" points=3
# Hidden cases: pictures that are not square, strides that do not divide, padding, several linear layers,
# one channel, a single layer, no layer at all, layers that do not fit and words that are no layer.
checks.run("activation_volumes", activation_volumes, hidden=True)

# %% [markdown]
# ### Exercises: `count_parameters` and `count_multiply_adds`
#
# ★ · 15 minutes · 6 points
#
# The checks compare the counts of many small networks.
#
# <details><summary>Hint 1: sizes of the picture</summary>
#
# The number of weights does not depend on the size of the picture. The work does: use `activation_volumes`.
# </details>
# <details><summary>Hint 2: layers and volumes side by side</summary>
#
# The list of volumes is one longer than the list of layers: `zip(layers, volumes[1:])` gives each layer with
# its output.
# </details>
# <details><summary>Hint 3: one number of the output</summary>
#
# costs $C_\text{in} k^2$ multiply-adds. The output has $C_\text{out} H_\text{out} W_\text{out}$ numbers.
# </details>


# %% solution="count_parameters"
def count_parameters(layers: Sequence[tuple[Any, ...]]) -> int:
    """Count what a network has to learn: all weights and all biases.

    Args:
        layers: as for `activation_volumes`. Each layer names what it reads, so no input shape is needed, and
            whether the layers fit each other is not looked at. Not modified.

    Returns:
        The number of parameters. A "conv" has out * in * kernel * kernel weights and one bias for each
        filter; a "linear" has out * in weights and one bias for each output; a "pool" has none.

    Raises:
        ValueError: for another word than these three.
    """
    ### BEGIN SOLUTION
    total = 0
    for word, *numbers in layers:
        if word == "conv":
            reads, writes, kernel = numbers[:3]
            total += writes * (reads * kernel * kernel + 1)
        elif word == "linear":
            reads, writes = numbers
            total += writes * (reads + 1)
        elif word != "pool":
            raise ValueError(f"{word!r} is not a layer; known are conv, pool and linear")
    return total
    ### END SOLUTION


# %% check="count_parameters" points=1
checks.run("count_parameters", count_parameters)

# %% hidden="count_parameters" points=2
# Hidden cases: no layer, one channel, pooling alone, large layers, layers that do not fit each other, words
# that are no layer.
checks.run("count_parameters", count_parameters, hidden=True)


# %% solution="count_multiply_adds"
def count_multiply_adds(layers: Sequence[tuple[Any, ...]], input_shape: tuple[int, int, int]) -> int:
    """Count the work for one picture: every multiplication of a number by a weight.

    Args:
        layers, input_shape: as for `activation_volumes`. Not modified.

    Returns:
        The number of multiply-adds. A "conv" needs in * kernel * kernel of them for each number of its
        output (those that meet the padding count as well), a "linear" in * out. Biases and pooling are not
        counted.

    Raises:
        ValueError: as `activation_volumes`.
    """
    ### BEGIN SOLUTION
    total = 0
    volumes = activation_volumes(layers, input_shape)
    for (word, *numbers), output in zip(layers, volumes[1:], strict=True):
        if word == "conv":
            reads, _, kernel, *_ = numbers
            total += math.prod(output) * reads * kernel * kernel
        elif word == "linear":
            total += math.prod(numbers)
    return total
    ### END SOLUTION


# %% check="count_multiply_adds" points=1
checks.run("count_multiply_adds", count_multiply_adds)

# %% hidden="count_multiply_adds" points=2
# Hidden cases: pictures that are not square, strides, padding, pooling in between, linear layers alone, no
# layer, layers that do not fit.
checks.run("count_multiply_adds", count_multiply_adds, hidden=True)

# %% [markdown]
# **Your functions at work.** A large network of five convolutions and three linear layers; you will meet it
# in a moment. Where are its weights, and where is its work?

# %% figure="weights_and_work"
ALEXNET = [
    ("conv", 3, 96, 11, 4, 0),
    ("pool", 3, 2),
    ("conv", 96, 256, 5, 1, 2),
    ("pool", 3, 2),
    ("conv", 256, 384, 3, 1, 1),
    ("conv", 384, 384, 3, 1, 1),
    ("conv", 384, 256, 3, 1, 1),
    ("pool", 3, 2),
    ("linear", 9216, 4096),
    ("linear", 4096, 4096),
    ("linear", 4096, 1000),
]
places = [k for k, layer in enumerate(ALEXNET) if layer[0] != "pool"]
names = [f"{ALEXNET[k][0]} {number}" for number, k in enumerate(places, 1)]
parameters = [count_parameters(ALEXNET[k : k + 1]) / 1e6 for k in places]
up_to = [count_multiply_adds(ALEXNET[:k], (3, 227, 227)) / 1e6 for k in range(len(ALEXNET) + 1)]
work = [up_to[k + 1] - up_to[k] for k in places]
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), sharey=True)
for ax, numbers, words in zip(axes, (parameters, work), ("parameters", "multiply-adds"), strict=True):
    bars = ax.barh(names, numbers, color=plots.WEIGHTS if words == "parameters" else plots.OUTPUT)
    ax.bar_label(bars, [f" {number:.1f}" for number in numbers], fontsize=10.5)
    ax.set_xlim(0, 1.15 * max(numbers))
    ax.set_title(f"{words} [millions], together {sum(numbers):.1f}")
axes[0].invert_yaxis()
plots.finish(
    figure,
    alt="Bars for five convolutions and three linear layers. Parameters in millions: 0.0, 0.6, 0.9, 1.3, "
    "0.9 for the convolutions, 37.8, 16.8 and 4.1 for the linear layers. Multiply-adds in millions: 105, "
    "448, 150, 224, 150, and 38, 17, 4.",
)

# %% [markdown]
# Nearly all weights are in the linear layers, nearly all work is in the convolutions. Keep both pictures in
# mind: they explain most of what comes in this notebook.
#
# **The claim measured: a bottleneck saves work.** Notebook 1 promised it: go through few channels. Two 3 × 3
# convolutions on 256 channels, against 256 → 64 by 1 × 1, 3 × 3 on 64, and 64 → 256 by 1 × 1.

# %% regression="counts"
alexnet = [("conv", 3, 96, 11, 4, 0), ("pool", 3, 2), ("conv", 96, 256, 5, 1, 2), ("pool", 3, 2)]
alexnet += [("conv", 256, 384, 3, 1, 1), ("conv", 384, 384, 3, 1, 1), ("conv", 384, 256, 3, 1, 1)]
alexnet += [("pool", 3, 2), ("linear", 9216, 4096), ("linear", 4096, 4096), ("linear", 4096, 1000)]
wide = [("conv", 256, 256, 3, 1, 1)] * 2
narrow = [("conv", 256, 64, 1, 1, 0), ("conv", 64, 64, 3, 1, 1), ("conv", 64, 256, 1, 1, 0)]
print("network                             parameters   multiply-adds   last volume")
for name, layers, shape in (
    ("five convolutions, three linear", alexnet, (3, 227, 227)),
    ("two 3 × 3 on 256 channels", wide, (256, 14, 14)),
    ("through 64 channels and back", narrow, (256, 14, 14)),
):
    last = " × ".join(str(side) for side in activation_volumes(layers, shape)[-1])
    counts = f"{count_parameters(layers):12,} {count_multiply_adds(layers, shape):15,}"
    print(f"{name:33s} {counts}   {last}")

# %% [markdown]
# Seventeen times fewer weights and seventeen times less work, for volumes of the same shape. The deepest
# residual networks are built of such blocks.
#
# > **To sleep on.** One pooling layer has no weights and hardly any work. What would AlexNet's counts be
# > without its three poolings? (Which of the two counts explodes, and in which layer?)

# %% [markdown]
# ## 2 · AlexNet: a number that does not fit
#
# In 2012 a network of eight layers won the ImageNet contest by a wide margin: 1000 classes, 1.2 million
# pictures, two graphics cards, five to six days of training (Krizhevsky, Sutskever, Hinton: *ImageNet
# classification with deep convolutional neural networks*, 2012). Before it, one made features by hand and put
# a linear classifier behind them. AlexNet learned both at once. The caption of its best-known figure gives
# the number of neurons of each layer:
#
# > The network's input is 150,528-dimensional, and the number of neurons in the network's remaining layers is
# > given by 253,440–186,624–64,896–64,896–43,264–4096–…–1000.
#
# (The lecture's copy has one 4096; the network has two layers of that size.) **One of these numbers does not
# follow from the layers. Which?**

# %% figure="draw_caption" tags=["keep-output"]
caption = [
    Stop("input", "input", (3, 224, 224)),
    Stop("conv", "conv 11×11, /4", (96, 55, 55), (0,), 1),
    Stop("conv", "pool, conv 5×5", (256, 27, 27), (1,), 1),
    Stop("conv", "pool, conv 3×3", (384, 13, 13), (2,), 1),
    Stop("conv", "conv 3×3", (384, 13, 13), (3,), 1),
    Stop("conv", "conv 3×3", (256, 13, 13), (4,), 1),
    Stop("linear", "pool, linear", (4096,), (5,), 1),
    Stop("linear", "linear", (4096,), (6,), 1),
    Stop("linear", "linear", (1000,), (7,), 1),
]
numbers = ["150,528", "253,440", "186,624", "64,896", "64,896", "43,264", "4096", "4096", "1000"]
plots.finish(
    module_drawings.draw_row(caption, labels=numbers),
    alt="AlexNet as a row of volumes. Below them the numbers of the caption: 150,528, 253,440, 186,624, "
    "64,896, 64,896, 43,264, 4096, 4096, 1000.",
)

# %% [markdown]
# The paper states the first layer like this: 96 filters of 11 × 11 × 3 with a stride of 4 look at pictures of
# 224 × 224 × 3.
#
# **By hand.** $224 \cdot 224 \cdot 3 = 150{,}528$: the input fits. And the first layer?
# $(224 - 11)/4 = 53.25$, so 54 windows fit along each side. That makes $54 \cdot 54 \cdot 96 = 279{,}936$
# neurons. The drawing in the paper says 55, though, and $55 \cdot 55 \cdot 96 = 290{,}400$. Neither of the
# two is 253,440. Now the second: $27 \cdot 27 \cdot 256 = 186{,}624$, as it says.
#
# **The formula** is the floor formula of notebook 1 again. Which inputs give 55?
#
# $$\left\lfloor \frac{H + 2p - 11}{4} \right\rfloor + 1 = 55 \quad\Longleftrightarrow\quad
# 227 \le H + 2p \le 230$$
#
# So either the picture is 227 pixels wide, or 224 with a border of 2 (or of 1 on one side and 2 on the
# other). Your functions go through the cases:

# %% regression="the_odd_number"
print("first layer of AlexNet: 96 filters of 11 × 11, stride 4")
print("picture  padding   side   neurons   is it 253,440?")
for side, padding in ((224, 0), (224, 1), (224, 2), (224, 3), (227, 0), (228, 0)):
    volume = activation_volumes([("conv", 3, 96, 11, 4, padding)], (3, side, side))[1]
    neurons = volume[0] * volume[1] * volume[2]
    print(f"{side:7d} {padding:8d} {volume[1]:6d} {neurons:9,}   {'yes' if neurons == 253440 else 'no'}")
rest = [("pool", 3, 2), ("conv", 96, 256, 5, 1, 2), ("pool", 3, 2), ("conv", 256, 384, 3, 1, 1)]
rest += [("conv", 384, 384, 3, 1, 1), ("conv", 384, 256, 3, 1, 1)]
later = [v[0] * v[1] * v[2] for v in activation_volumes(rest, (96, 55, 55))]
print(f"after 55 × 55 × 96, layers 2 to 5: {later[2]:,} – {later[4]:,} – {later[5]:,} – {later[6]:,}")
print(f"for comparison: 55 · 48 · 96 = {55 * 48 * 96:,}")

# %% [markdown]
# **No** picture of about that size gives 253,440. All the later numbers follow from 55 × 55. So does the
# caption's first number have a slip in it? It is $55 \cdot 48 \cdot 96$, as if one side of the volume had
# been replaced by 48, the number of filters on *one* of the two cards. We can not know; but we know that it
# does not follow. **Even famous numbers can be checked, and you now own the tool.** In this course the
# picture has 227 pixels.
#
# The drawing in the paper has an upper and a lower half: one for each graphics card, since neither had memory
# for the whole. Filters in layers 2, 4 and 5 read only the half of the channels that was on their own card;
# layer 3 and the linear layers read everything. That saves weights: your `count_parameters` says how many.

# %% figure="two_cards"
on_two_cards = list(ALEXNET)
for place in (2, 5, 6):  # layers 2, 4 and 5: half of the channels arrive
    word, reads, *rest = ALEXNET[place]
    on_two_cards[place] = (word, reads // 2, *rest)
print(f"each filter reads all channels:    {count_parameters(ALEXNET):,} parameters")
print(f"layers 2, 4 and 5 read one half:   {count_parameters(on_two_cards):,} parameters")

# %% [markdown]
# The paper says 60 million. So its network is counted with the two cards.
#
# ### Exercise: `AlexNet`
#
# ★★ · 25 minutes · 7 points
#
# Build it for one card. It shall work at full size and, with `width` and `image_size`, as a small one that
# trains here in seconds. The check looks at shapes and volumes, at where a ReLU stands and where not, and at
# what each layer reads. The full network is checked on the **meta device**: tensors there have a shape but no
# numbers, so 62 million parameters need no memory. You have nothing to do for that.
#
# <details><summary>Hint 1: two Sequentials</summary>
#
# One `nn.Sequential` for the part with volumes, one for the part with lists of numbers that begins with
# `nn.Flatten()`.
# </details>
# <details><summary>Hint 2: how much the first linear layer reads</summary>
#
# It depends on `image_size`. Only four layers change the size: the first convolution and three poolings. Put
# the floor formula into `__init__`, with `//`.
# </details>
# <details><summary>Hint 3: three things that are easily wrong</summary>
#
# The poolings are 3 × 3 with stride 2, so their windows overlap. The last layer has no ReLU: its output are
# scores. And `round(width * 4096)` counts hidden units, `n_classes` stays as it is.
# </details>


# %% solution="AlexNet"
class AlexNet(nn.Module):
    """The network that won in 2012, on one device: five convolutions, three linear layers.

    Layer by layer (pictures of 227 x 227, width 1):

    1. convolution, 96 filters of 11 x 11, stride 4, no padding; ReLU; max pooling 3 x 3, stride 2
    2. convolution, 256 filters of 5 x 5, padding 2; ReLU; max pooling 3 x 3, stride 2
    3. convolution, 384 filters of 3 x 3, padding 1; ReLU
    4. convolution, 384 filters of 3 x 3, padding 1; ReLU
    5. convolution, 256 filters of 3 x 3, padding 1; ReLU; max pooling 3 x 3, stride 2
    6. linear, 4096; ReLU
    7. linear, 4096; ReLU
    8. linear, n_classes

    All eight have a bias. The original's local response normalisation and its dropout are left out, and each
    filter reads all channels.

    Args:
        n_classes: number of scores.
        width: by what the numbers of filters and of hidden units are multiplied, rounded to whole numbers:
            96, 256, 384, 384, 256, 4096, 4096 become round(width * 96), ... . The scores stay n_classes.
        image_size: height and width of the pictures, in pixels; it decides how many numbers the first linear
            layer reads.
        in_channels: channels of the pictures.
    """

    def __init__(
        self, n_classes: int = 1000, width: float = 1.0, image_size: int = 227, in_channels: int = 3
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        c1, c2, c3, c4, c5, hidden = (round(width * count) for count in (96, 256, 384, 384, 256, 4096))
        size = (image_size - 11) // 4 + 1
        for _ in range(3):
            size = (size - 3) // 2 + 1  # the three poolings; the convolutions between them keep the size
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, c1, 11, stride=4),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c1, c2, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c2, c3, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(c4, c5, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(c5 * size * size, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_classes),
        )
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores (N, n_classes) of pictures x (N, in_channels, image_size, image_size)."""
        ### BEGIN SOLUTION
        return self.classifier(self.features(x))
        ### END SOLUTION


# %% check="AlexNet" points=3
checks.run("AlexNet", AlexNet)

# %% hidden="AlexNet" points=4
# Hidden cases: the full network on the meta device (its volumes, its parameters), other widths, numbers of
# classes, channels and picture sizes, the order of the layers, where ReLU is and where it is not, gradients,
# the device.
checks.run("AlexNet", AlexNet, hidden=True)

# %% [markdown]
# **Your network at work**, drawn from your module at full size on the meta device.

# %% figure="draw_your_alexnet"
with torch.device("meta"):
    full = AlexNet()
plots.finish(
    module_drawings.draw_row(module_drawings.follow(full, (3, 227, 227))),
    alt="Your AlexNet as a row of volumes with their shapes: 3 × 227 × 227, 96 × 55 × 55, 96 × 27 × 27, "
    "256 × 27 × 27, 256 × 13 × 13, 384 × 13 × 13 twice, 256 × 13 × 13, 256 × 6 × 6, then lists of 4096, "
    "4096 and 1000 numbers.",
)
print(f"{sum(weight.numel() for weight in full.parameters()):,} parameters, as your count says: ", end="")
print(sum(weight.numel() for weight in full.parameters()) == count_parameters(ALEXNET))

# %% [markdown]
# **The claim measured: it learns.** A network of a sixteenth of the width, on pictures of 67 × 67 pixels,
# goes up the third rung of notebook 3's ladder: it learns 40 pictures by heart. (It trains on many more of
# them in section 12.) About 3 seconds on one CPU core.

# %% figure="alexnet_by_heart"


def enlarged(images, side=67):
    """Pictures of EmojiTen, enlarged for AlexNet, and their classes."""
    x, y = images.tensors(device)
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=False), y


def learn_by_heart():
    """Loss of each step of a small AlexNet on 40 pictures."""
    torch.manual_seed(0)
    model = AlexNet(10, width=1 / 16, image_size=67)
    x, y = enlarged(datasets.load("emojiten", "train", n=40))
    history = training.fit(
        model, (x, y), 12 if devices.quick() else 60, batch_size=20, lr=3e-3, device=device
    )
    return {
        "loss": history["loss"],
        "right": training.accuracy(model, (x, y), device=device),
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }


by_heart = experiments.run("alexnet by heart", learn_by_heart)
figure, ax = plt.subplots(figsize=(8, 3))
ax.semilogy(range(1, len(by_heart["loss"]) + 1), by_heart["loss"], color=plots.INK)
ax.axhline(math.log(10), color=plots.GREY, linestyle=":", linewidth=1.5)
ax.text(len(by_heart["loss"]), math.log(10) * 0.85, "log 10", ha="right", va="top")
ax.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
ax.minorticks_off()
ax.set_xlabel("epoch (2 batches of 20 pictures)")
ax.set_ylabel("loss")
ax.set_title(
    f"AlexNet, 1/16 of the width: {by_heart['parameters']:,} parameters, {by_heart['right']:.0%} right"
)
plots.finish(
    figure,
    alt="Loss of a small AlexNet on its 40 pictures by epoch, logarithmic: it stays at log 10 at first, "
    "then falls far below.",
)

# %% [markdown]
# Look at the first epochs: nothing happens for a while. Eight layers without normalisation, with small first
# weights, are slow to wake. Section 6 measures why.
#
# > **To sleep on.** The network of 2012 had dropout in two of its layers: in the first two linear ones, not
# > in the convolutions. Look at your bars in section 1 once more. Why there? (Notebook 5 has dropout.)

# %% [markdown]
# ## 3 · VGG: small windows, many of them
#
# AlexNet's first filters have 11 × 11 pixels, the next ones 5 × 5. Two years later came a network that used
# **nothing but 3 × 3**, with stride 1 and padding 1, but up to 19 layers (Simonyan and Zisserman: *Very deep
# convolutional networks for large-scale image recognition*, 2014). Two 3 × 3 layers stand on each other.
# **How many pixels does one of their outputs see? And have they more weights than one 5 × 5 layer, or
# fewer?**

# %% figure="draw_two_for_one" tags=["keep-output"]
figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), width_ratios=[1, 1, 1.1])
stacks.draw_stack(axes[0], [(5, 1, 1)], 9, 2, "one window of 5")
stacks.draw_stack(axes[1], [(3, 1, 1)] * 2, 9, 2, "two windows of 3")
stacks.draw_stack(axes[2], [(3, 1, 1)] * 3, 9, 1, "three windows of 3")
plots.finish(
    figure,
    alt="Three stacks of layers from the side, in one dimension. One output of a layer with windows of 5 "
    "sees 5 input pixels; of two layers with windows of 3, also 5; of three such layers, 7.",
)

# %% [markdown]
# **By hand.** With $C$ channels in and out, and without biases: one 5 × 5 layer has $25\,C^2$ weights, two
# 3 × 3 layers have $2 \cdot 9\,C^2 = 18\,C^2$, and both see 5 × 5 pixels. And the two have a ReLU in between:
# they can do more with less.
#
# **The formula.** A stack of $n$ layers of 3 × 3 sees $2n + 1$ pixels along each side and has $9n\,C^2$
# weights. One layer that sees as much has $(2n + 1)^2\, C^2$. Your counters fill the table in:

# %% regression="small_windows"
channels = 64
print(f"volumes of {channels} × 56 × 56 in and out, biases counted as parameters")
print("layers        sees     parameters   multiply-adds")
for words, sizes in (("5 × 5", [5]), ("3 × 3 twice", [3, 3]), ("7 × 7", [7]), ("3 × 3 thrice", [3, 3, 3])):
    layers = [("conv", channels, channels, k, 1, k // 2) for k in sizes]
    sees = 1 + sum(k - 1 for k in sizes)
    counts = f"{count_parameters(layers):10,} {count_multiply_adds(layers, (channels, 56, 56)):15,}"
    print(f"{words:12s} {sees} × {sees}    {counts}")

# %% [markdown]
# ### Exercise: `make_vgg`
#
# ★★ · 15 minutes · 7 points
#
# Such networks are so regular that a plan of a few numbers says everything. With
# `[64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]` you get the
# convolutions of VGG-16. The check builds networks from several plans and looks at each layer's effect.
#
# <details><summary>Hint 1: remember the channels</summary>
#
# Go through the plan once. A variable holds how many channels arrive; after a convolution it changes.
# </details>
# <details><summary>Hint 2: pictures of any size</summary>
#
# `nn.AdaptiveAvgPool2d(1)` followed by `nn.Flatten()` is the mean over all places, whatever their number.
# </details>
# <details><summary>Hint 3: unpack a list</summary>
#
# `nn.Sequential(*layers)` takes the entries of a list as its modules.
# </details>


# %% solution="make_vgg"
def make_vgg(config: Sequence[int | str], in_channels: int, n_classes: int) -> nn.Module:
    """Build a network in the manner of VGG from a short plan.

    Args:
        config: the plan, in order. A number c is a convolution with c filters of 3 x 3, stride 1, padding 1,
            with bias, and a ReLU behind it; "M" is max pooling 2 x 2 with stride 2. Not modified.
        in_channels: channels of the pictures.
        n_classes: number of scores.

    Returns:
        A model that turns pictures (N, in_channels, H, W) of any size that the poolings allow into scores
        (N, n_classes): the plan, then the mean of each channel over all its places, then one linear layer
        with bias. (The original flattens and has three linear layers.) There is no normalisation and no
        dropout.

    Raises:
        ValueError: with the entry in the message, if one is neither a positive int nor "M".
    """
    ### BEGIN SOLUTION
    layers: list[nn.Module] = []
    channels = in_channels
    for entry in config:
        if entry == "M":
            layers.append(nn.MaxPool2d(2))
        elif isinstance(entry, int) and entry > 0:
            layers += [nn.Conv2d(channels, entry, 3, padding=1), nn.ReLU()]
            channels = entry
        else:
            raise ValueError(f"{entry!r} is neither a number of filters nor 'M'")
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, n_classes))
    ### END SOLUTION


# %% check="make_vgg" points=3
checks.run("make_vgg", make_vgg)

# %% hidden="make_vgg" points=4
# Hidden cases: other plans, a plan without pooling, several sizes of pictures through one network, sizes that
# do not divide, the order of convolution, ReLU and pooling, gradients, the device, words that mean nothing.
checks.run("make_vgg", make_vgg, hidden=True)

# %% [markdown]
# **Your function at work.** A plan for small pictures, and the original plan counted.

# %% figure="draw_your_vgg"
small_plan = [16, 16, "M", 32, 32, "M", 64, 64, "M"]
plots.finish(
    module_drawings.draw_row(module_drawings.follow(make_vgg(small_plan, 3, 10), (3, 32, 32))),
    alt="Your small VGG as a row of volumes: pairs of 3 by 3 convolutions with 16, 32 and 64 filters, each "
    "followed by max pooling, then the mean of each channel and a linear layer with 10 outputs.",
)
VGG16 = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
with torch.device("meta"):
    vgg16 = make_vgg(VGG16, 3, 1000)
convolutions = sum(weight.numel() for weight in vgg16.parameters() if weight.dim() == 4)
print(f"VGG-16: {convolutions:,} weights in 13 convolutions.")
print(f"The original's three linear layers: {count_parameters([('linear', 25088, 4096), *ALEXNET[-2:]]):,}")

# %% [markdown]
# Thirteen convolutions, and still nine tenths of the original's weights were in its three linear layers. The
# mean over all places, as in your version, does without them. Later networks all do.
#
# **The claim measured: do all pixels of a receptive field count alike?** Notebook 1 left this open. Six 3 × 3
# layers see 13 × 13 pixels. The gradient of the middle output with respect to the picture says how much each
# pixel counts. Here it is for 30 fresh networks of yours; the line is the number of *ways* that lead from a
# pixel to the output.

# %% figure="effective_receptive_field"


def pull_of_pixels():
    """Mean square of the gradient of the middle output of six layers, by pixel, the largest being 1."""
    total = np.zeros((21, 21))
    for seed in range(4 if devices.quick() else 30):
        torch.manual_seed(seed)
        model = make_vgg([16] * 6, 1, 2)
        last = [module for module in model.modules() if isinstance(module, nn.Conv2d)][-1]
        kept = []
        handle = last.register_forward_hook(lambda module, inputs, output, kept=kept: kept.append(output))
        x = torch.randn(1, 1, 21, 21, requires_grad=True)
        model(x)
        handle.remove()
        kept[0][0, :, 10, 10].sum().backward()
        total += x.grad[0, 0].numpy() ** 2 / x.grad.square().max().item()
    return {"pull": (total / total.max()).astype(np.float32)}


pull = experiments.run("pull of pixels", pull_of_pixels)["pull"]
ways = np.array([1.0])
for _ in range(6):
    ways = np.convolve(ways, np.ones(3))
seen = np.pad(ways, 4)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.9), width_ratios=[1, 1.5])
left.imshow(pull, cmap=plots.white_to(plots.GRADIENT), vmin=0, vmax=1)
left.plot([3.5, 16.5, 16.5, 3.5, 3.5], [3.5, 3.5, 16.5, 16.5, 3.5], color=plots.INK, linewidth=1.5)
left.set_title("mean square of the gradient; frame: 13 × 13", fontsize=11)
left.spines[:].set_visible(False)
left.set_xticks([])
left.set_yticks([])
places = np.arange(21) - 10
right.bar(places, pull[10], color=plots.tint(plots.GRADIENT, 0.6), label="gradient squared, middle row")
right.plot(places, seen / seen.max(), "-o", color=plots.INK, markersize=5, label="number of ways, scaled")
right.set_xlabel("pixels from the middle")
right.set_ylabel("relative to the middle")
right.legend(fontsize=10.5)
plots.finish(
    figure,
    alt="Left, a map of 21 by 21 pixels: a red spot in the middle that fades outwards, all inside a frame "
    "of 13 by 13. Right, its middle row as bars: a bell; a line with the number of ways is a bell of a "
    "similar shape.",
)

# %% [markdown]
# The field is a square on paper and a bell in truth. A pixel in the corner has a single way to the output,
# one in the middle has thousands. Each way carries a product of random weights, and squares of random numbers
# add up: so the mean square follows the number of ways. A network needs a receptive field that is clearly
# *larger* than what it should see.
#
# > **To sleep on.** If two 3 × 3 are better than one 5 × 5, why not four 2 × 2? What would the padding have
# > to be?

# %% [markdown]
# ## 4 · A way around
#
# More layers, better network: so it went from AlexNet to VGG. Then it stopped. Plain networks of 34 layers
# learned *worse* than those of 18. The answer is a wire (He, Zhang, Ren, Sun: *Deep residual learning for
# image recognition*, 2016). **All filters of the two convolutions are zero. What comes out at the end, and
# what gradient arrives at the front?**

# %% figure="draw_block" tags=["keep-output"]
block = [
    Stop("input", "input", (8, 6, 6)),
    Stop("conv", "conv 3×3", (8, 6, 6), (0,), 576, ("ReLU",)),
    Stop("conv", "conv 3×3", (8, 6, 6), (1,), 576),
    Stop("add", "+", (8, 6, 6), (2, 0), 0, ("ReLU",)),
    Stop("pool", "", (8, 6, 6), (3,)),
]
plots.finish(
    module_drawings.draw_row(block, labels=["x", "", "f(x)", "", "y"], height=2.6),
    alt="A volume x goes through a convolution with ReLU and a second convolution, which gives f of x. A "
    "line leads from x around both to a plus sign behind them, then comes a ReLU: the output y.",
)

# %% [markdown]
# With filters of zero, $f(x) = 0$ and $y = \operatorname{relu}(x)$: the block hands on what it got. (What it
# got comes out of a ReLU itself, so it is not negative, and $y = x$.) And the gradient comes back around, as
# it was. **To do nothing is easy for such a block. For two plain layers it is hard: they would have to
# *learn* to copy.** The block has to learn only what is *missing*, the residual: hence its name.
#
# **By hand.** One pixel, one channel; filters are single numbers here. $x = 2$, $w_1 = 3$, $w_2 = -0.5$:
# $f(x) = -0.5 \cdot \operatorname{relu}(3 \cdot 2) = -3$, so $y = \operatorname{relu}(2 - 3) = 0$. With
# $w_2 = 0.5$ it is $y = \operatorname{relu}(2 + 3) = 5$. Back, with $dy = 1$: the sum got everything,
# $d_\text{sum} = 1$. Around: 1. Through: $1 \cdot 0.5 \cdot 3 = 1.5$. Together $dx = 2.5$.
#
# **The formula.** With $\star$ for a 3 × 3 convolution with padding 1, as layers compute it (not turned),
#
# $$y = \operatorname{relu}\bigl(x + f(x)\bigr), \qquad f(x) = w_2 \star \operatorname{relu}(w_1 \star x)$$
#
# - $x, y$: $(N, C, H, W)$; $w_1, w_2$: $(C, C, 3, 3)$. A sum hands its gradient to *both* summands, whole:
#
# $$dx = d_\text{sum} + \Bigl(\frac{\partial f}{\partial x}\Bigr)^{\mathsf T} d_\text{sum}, \qquad
# d_\text{sum} = dy \cdot [\,x + f(x) > 0\,]$$
#
# The first summand is the point. Whatever the filters do, it arrives.
#
# ### Exercise: `residual_block`
#
# ★ · 10 minutes · 5 points
#
# `conv2d` is given, as you wrote it in notebook 1. The check compares $y$ and looks into the cache.
#
# <details><summary>Hint 1: inside out</summary>
#
# First `conv2d(x, w1, padding=1)`, then a ReLU (`np.maximum(…, 0)`), then the second convolution.
# </details>
# <details><summary>Hint 2: when to add</summary>
#
# Before the last ReLU, not behind it.
# </details>
# <details><summary>Hint 3: nothing is changed</summary>
#
# `total += …` on the array x itself would change your caller's x. Make a new array.
# </details>


# %% solution="residual_block"
def residual_block(
    x: np.ndarray, w1: np.ndarray, w2: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Two convolutions and a way around them: y = relu(x + conv(relu(conv(x, w1)), w2)).

    Args:
        x: activations, float32 or float64, (N, C, H, W). Not modified.
        w1, w2: filters, (C, C, 3, 3). Both convolutions have padding 1, stride 1 and no bias. Not modified.

    Returns:
        (y, cache): y has the shape and dtype of x; cache is the tuple (x, w1, w2), for the way back.
    """
    ### BEGIN SOLUTION
    hidden = np.maximum(conv2d(x, w1, padding=1), 0)
    y = np.maximum(x + conv2d(hidden, w2, padding=1), 0)
    return y, (x, w1, w2)
    ### END SOLUTION


# %% check="residual_block" points=2
checks.run("residual_block", residual_block)

# %% hidden="residual_block" points=3
# Hidden cases: pictures that are not square, one channel, one picture, filters of zeros, float32, slices of
# larger arrays, inputs left as they were.
checks.run("residual_block", residual_block, hidden=True)

# %% [markdown]
# ### Exercise: `residual_block_backward`
#
# ★★★ · 25 minutes · 8 points
#
# `conv2d_backward(dy, x, weight, stride, padding)` is given, as you wrote it in notebook 3. The check
# compares all three gradients with PyTorch's.
#
# <details><summary>Hint 1: compute what you need again</summary>
#
# The cache holds x and the filters. What went into each ReLU, and into the second convolution, you can
# compute once more from them.
# </details>
# <details><summary>Hint 2: one step at a time, from the back</summary>
#
# Last ReLU, then the sum (nothing to compute), second convolution, first ReLU, first convolution.
# </details>
# <details><summary>Hint 3: two ways meet in x</summary>
#
# Where a value was used twice, its gradients add up. x was used by the first convolution and by the sum.
# </details>


# %% solution="residual_block_backward"
def residual_block_backward(
    dy: np.ndarray, cache: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The way back through `residual_block`.

    Args:
        dy: gradient of the loss with respect to y, (N, C, H, W). Not modified.
        cache: the tuple (x, w1, w2) of `residual_block`. Not modified.

    Returns:
        (dx, dw1, dw2): gradients with the shapes of x, w1 and w2, in dy's dtype. A ReLU has slope 0 at 0.
    """
    ### BEGIN SOLUTION
    x, w1, w2 = cache
    before = conv2d(x, w1, padding=1)
    hidden = np.maximum(before, 0)
    total = x + conv2d(hidden, w2, padding=1)

    dtotal = dy * (total > 0)
    dhidden, dw2, _ = conv2d_backward(dtotal, hidden, w2, 1, 1)
    dx, dw1, _ = conv2d_backward(dhidden * (before > 0), x, w1, 1, 1)
    return dx + dtotal, dw1, dw2  # one part came through the filters, the other around them
    ### END SOLUTION


# %% check="residual_block_backward" points=3
checks.run("residual_block_backward", residual_block_backward)

# %% hidden="residual_block_backward" points=5
# Hidden cases: pictures that are not square, one channel, several pictures, filters of zeros (what is left is
# the way around), places where a ReLU is shut, float32, inputs left as they were.
checks.run("residual_block_backward", residual_block_backward, hidden=True)

# %% [markdown]
# **Your functions at work.** A stack of 30 blocks in NumPy, and a stack of the same filters without the way
# around. A gradient of length 1 arrives at the top. How much of it is left further down? Two sizes of first
# weights: half of what keeps a plain stack alive, and just what keeps it alive.

# %% figure="thirty_blocks"


def plain_block(x, w1, w2):
    """The twin of `residual_block` without the way around."""
    return np.maximum(conv2d(np.maximum(conv2d(x, w1, padding=1), 0), w2, padding=1), 0)


def plain_block_backward(dy, x, w1, w2):
    """Its gradient with respect to x."""
    before = conv2d(x, w1, padding=1)
    hidden = np.maximum(before, 0)
    dtotal = dy * (conv2d(hidden, w2, padding=1) > 0)
    dhidden = conv2d_backward(dtotal, hidden, w2, 1, 1)[0]
    return conv2d_backward(dhidden * (before > 0), x, w1, 1, 1)[0]


def thirty_blocks():
    """Length of the gradient and of the activations behind each block, for two sizes of weights."""
    found = {}
    for name, scale in (("half", 0.5), ("right", 1.0)):
        for kind in ("plain", "around"):
            rng = np.random.default_rng(0)
            deviation = scale * (2 / (9 * 8)) ** 0.5
            filters = [rng.normal(0, deviation, (2, 8, 8, 3, 3)) for _ in range(30)]
            x = np.maximum(rng.normal(size=(2, 8, 8, 8)), 0)
            inputs, lengths = [], [np.linalg.norm(x)]
            for w1, w2 in filters:
                inputs.append(x)
                x = residual_block(x, w1, w2)[0] if kind == "around" else plain_block(x, w1, w2)
                lengths.append(np.linalg.norm(x))
            gradient = rng.normal(size=x.shape)
            gradient /= np.linalg.norm(gradient)
            arrived = [1.0]
            for x, (w1, w2) in zip(inputs[::-1], filters[::-1], strict=True):
                if kind == "around":
                    gradient = residual_block_backward(gradient, (x, w1, w2))[0]
                else:
                    gradient = plain_block_backward(gradient, x, w1, w2)
                arrived.append(np.linalg.norm(gradient))
            found |= {f"{name} {kind}": arrived, f"{name} {kind} forward": np.array(lengths) / lengths[0]}
    return found


result = experiments.run("thirty blocks", thirty_blocks)
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), sharey=True)
for ax, name, words in zip(
    axes, ("half", "right"), ("weights half as large", "weights as He et al."), strict=True
):
    for kind, style, legend in (("plain", "--", "plain"), ("around", "-", "with the way around")):
        ax.semilogy(result[f"{name} {kind}"], style, color=plots.GRADIENT, label=legend)
    ax.set_title(words)
    ax.set_xlabel("blocks that the gradient has come through")
    ax.axhline(1, color=plots.GREY, linestyle=":", linewidth=1.2)
axes[0].set_ylabel("length of the gradient")
axes[0].legend(fontsize=10.5)
plots.finish(
    figure,
    alt="Length of the gradient against the number of blocks it came through, logarithmic. With half the "
    "weights, the plain stack loses many orders of magnitude, the one with ways around stays near 1 and "
    "grows slowly. With larger weights the plain one stays within an order of magnitude or two, the other "
    "one grows by many.",
)

# %% [markdown]
# Left: 30 plain blocks leave nothing of the gradient. This is the **vanishing gradient**. The way around
# keeps it alive. Right: with larger first weights the plain stack keeps its gradient, too, and now the *sum*
# grows from block to block. A way around alone is no cure-all. That is why the next section puts a
# **normalisation** behind each convolution.

# %% regression="residual"
numbers = np.arange(3 * 5)
x = ((numbers * 7) % 5 - 1.0).reshape(1, 1, 3, 5)
w1 = (np.arange(9.0) * 2 % 5 - 2).reshape(1, 1, 3, 3)
w2 = (np.arange(9.0) * 3 % 7 - 3).reshape(1, 1, 3, 3)
print("filters              sum of y   sum of dx   dw1, first row        dw2, first row")
for words, first, second in (
    ("both zero", 0 * w1, 0 * w2),
    ("the second zero", w1, 0 * w2),
    ("the first zero", 0 * w1, w2),
    ("both at work", w1, w2),
    ("the other way round", w2, w1),
):
    y, cache = residual_block(x, first, second)
    dx, dw1, dw2 = residual_block_backward(np.ones_like(y), cache)
    rows = [" ".join(f"{value + 0.0:6.1f}" for value in part[0, 0, 0]) for part in (dw1, dw2)]
    print(f"{words:19s} {y.sum():9.1f} {dx.sum():11.1f}   {rows[0]}   {rows[1]}")

# %% [markdown]
# Look at the first row: no filters, and yet a gradient. But `dw1` and `dw2` are zero there: such filters
# would stay zero for ever. The second row shows a good start: only the *second* filters are zero. The block
# hands its input on, and it can learn.
#
# > **To sleep on.** Why does the block add, and not multiply, $y = x \cdot f(x)$? Write its $dx$ down.

# %% [markdown]
# ## 5 · A residual network
#
# Take a network of five layers that works well. Put four more in front of its last one. **Can the longer
# network be worse on its training pictures?**

# %% figure="draw_longer_network" tags=["keep-output"]
longer = [
    Stop("input", "input", (3, 16, 16)),
    *[Stop("conv", "conv", (16, 16, 16), (k,), 1) for k in range(4)],
    *[Stop("conv", "copy?", (16, 16, 16), (k,), 1) for k in range(4, 8)],
    Stop("linear", "linear", (10,), (8,), 1),
]
plots.finish(
    module_drawings.draw_row(longer, labels=["", "works", "works", "works", "works", *["new"] * 4, "works"]),
    alt="A row of volumes: four convolutions that work, four new ones with the word copy and a question "
    "mark, and a linear layer that works.",
)

# %% [markdown]
# It *need* not be: the new layers could hand on what they get, and the two networks would be the same. So if
# the longer one is worse **in training**, it is not overfitting. It is that descent did not find what is
# there. That is called **degradation**, and whether it happens is a matter of measurement (section 6).
#
# Blocks with a way around need not find how to copy. A **residual network** is a row of them. Where the
# volume shrinks and gets more channels, $x$ and $f(x)$ have different shapes; there a 1 × 1 convolution takes
# $x$ across, the *projection*.
#
# **By hand.** A block from 16 to 32 channels with stride 2, on $16 \times 32 \times 32$. Through: 3 × 3,
# stride 2, 32 filters: $32 \times 16 \times 16$, and once more 3 × 3. Around: 1 × 1, stride 2, 32 filters:
# $32 \times 16 \times 16$. Weights: $16 \cdot 32 \cdot 9 + 32 \cdot 32 \cdot 9 + 16 \cdot 32 = 14{,}336$.
#
# **The formula** of the network: with $m$ stages of $b$ blocks, each block of two convolutions, one
# convolution before and one linear layer behind them, there are $2 + 2bm$ layers with weights. Each of them
# but the last has a normalisation behind it. For channel $c$ of a batch,
#
# $$\operatorname{norm}(x)_{n,c,i,j} =
# \gamma_c\, \frac{x_{n,c,i,j} - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} + \beta_c$$
#
# with mean $\mu_c$ and variance $\sigma_c^2$ over $n, i, j$, and two learned numbers $\gamma_c, \beta_c$ per
# channel. In evaluation mode it uses the running means of training instead. `nn.BatchNorm2d` does all that.
#
# ### Exercise: `ResidualBlock`
#
# ★★ · 15 minutes · 7 points
#
# The check sets parameters, compares outputs and gradients, and looks at what training mode does. With
# `skip=False` the block becomes its own *plain twin*: the same parameters, only the addition is left out.
#
# <details><summary>Hint 1: two ways</summary>
#
# One `nn.Sequential` for the way through, and for the way around another one or `nn.Identity()`.
# </details>
# <details><summary>Hint 2: where the last ReLU stands</summary>
#
# Behind the sum. The way through ends with a normalisation.
# </details>
# <details><summary>Hint 3: the twin</summary>
#
# Build everything, whatever `skip` says. Only `forward` looks at it.
# </details>


# %% solution="ResidualBlock"
class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a way around them.

    The way through: convolution 3 x 3 (padding 1, the block's stride), normalisation, ReLU, convolution 3 x 3
    (padding 1, stride 1), normalisation. The way around: x itself; where in_channels is not out_channels or
    the stride is not 1, a 1 x 1 convolution with the same stride and a normalisation behind it (the
    projection). Their sum goes through a ReLU. Normalisation is nn.BatchNorm2d with its usual settings; no
    convolution has a bias.

    Args:
        in_channels, out_channels: channels of input and output.
        stride: of the first convolution (and of the projection), in pixels.
        skip: False leaves out the addition and nothing else: the output is the ReLU of the way through. All
            parameters are there all the same, with the same names, so that the twins can exchange theirs
            (`load_state_dict`); a projection is then not used.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, skip: bool = True) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.through = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.around: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.around = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        self.skip = skip
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn x (N, in_channels, H, W) into (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        ### BEGIN SOLUTION
        y = self.through(x)
        return F.relu(y + self.around(x) if self.skip else y)
        ### END SOLUTION


# %% check="ResidualBlock" points=3
checks.run("ResidualBlock", ResidualBlock)

# %% hidden="ResidualBlock" points=4
# Hidden cases: training and evaluation, strides, more and fewer channels, sizes that do not divide, the plain
# twin, filters of zeros, the gradient that goes around, what is registered, the device.
checks.run("ResidualBlock", ResidualBlock, hidden=True)

# %% [markdown]
# ### Exercise: `ResNet`
#
# ★★ · 15 minutes · 7 points
#
# The check counts blocks and strides, compares the twins, and sends pictures of several sizes through.
#
# <details><summary>Hint 1: two loops</summary>
#
# Over the stages, and in each over its blocks. A variable remembers how many channels arrive.
# </details>
# <details><summary>Hint 2: which block has stride 2</summary>
#
# The first one of each stage, except in the first stage.
# </details>
# <details><summary>Hint 3: the mean over places</summary>
#
# `x.mean(dim=(2, 3))` turns (N, C, H, W) into (N, C).
# </details>


# %% solution="ResNet"
class ResNet(nn.Module):
    """Residual blocks in stages, between a first convolution and a linear layer.

    The first convolution has widths[0] filters of 3 x 3 (stride 1, padding 1, no bias), nn.BatchNorm2d and a
    ReLU behind it. Stage k has `blocks` residual blocks with widths[k] channels; the first block of each
    stage but the first has stride 2. Then comes the mean of each channel over all its places and a linear
    layer with bias. There are 2 + 2 * blocks * len(widths) layers with weights, projections not counted.

    Args:
        in_channels: channels of the pictures.
        n_classes: number of scores.
        widths: channels of the stages.
        blocks: residual blocks in each stage.
        skip: passed on to every block: False makes the plain twin, with the same parameters.
    """

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        widths: Sequence[int] = (16, 32, 64),
        blocks: int = 2,
        skip: bool = True,
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        channels = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(ResidualBlock(channels, width, stride, skip))
                channels = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(channels, n_classes)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores (N, n_classes) of pictures x (N, in_channels, H, W)."""
        ### BEGIN SOLUTION
        return self.head(self.body(x).mean(dim=(2, 3)))
        ### END SOLUTION


# %% check="ResNet" points=3
checks.run("ResNet", ResNet)

# %% hidden="ResNet" points=4
# Hidden cases: other widths and numbers of blocks, where the strides are, pictures of several sizes, the
# plain twin with the same parameters, training and evaluation, what is registered, the device.
checks.run("ResNet", ResNet, hidden=True)

# %% [markdown]
# **Your network at work**, drawn from your module: one block in each of three stages. The orange boxes above
# are the projections.

# %% figure="draw_your_resnet"
plots.finish(
    module_drawings.draw_row(module_drawings.follow(ResNet(3, 10, blocks=1), (3, 32, 32))),
    alt="Your residual network: a convolution, then three blocks of two convolutions each with a line "
    "around them to a plus sign; two of the lines go through a 1 by 1 convolution with stride 2; then the "
    "mean and a linear layer.",
)

# %% [markdown]
# **The claim measured: the twins differ in nothing but the addition.** The plain twin takes over the residual
# network's parameters, name by name, and says something else. What it does not use are the projections: a
# filter bank, a $\gamma$ and a $\beta$ each.

# %% regression="twins"
pair = torch.linspace(-2, 2, 2 * 3 * 8 * 8, dtype=torch.float64).reshape(2, 3, 8, 8).sin()
print("widths       blocks  layers  weights in all   twin takes them   says the same   arrays not used")
for widths, blocks in (((8,), 2), ((16,), 5), ((8, 16), 1), ((8, 16, 32), 2)):
    how = [3, 10, widths, blocks]
    net = probes.network(ResNet, how, {}, pair)
    twin = probes.twin(ResNet, how, {}, pair, "skip")
    idle = probes.network(ResNet, how, {"skip": False}, pair).get("idle")
    weights = sum(math.prod(shape) for shape in net.get("weights", []))
    fits, same = bool(twin.get("fits")), False
    if fits and "outputs" in net:
        same = bool((net["outputs"][0] - twin["evaluation"]).abs().max() < 1e-9)
    words = [("yes" if answer else "no") for answer in (fits, same)]
    counts = f"{blocks:6d} {2 + 2 * blocks * len(widths):7d} {weights:15,}"
    print(f"{widths!s:12s} {counts}   {words[0]:17s} {words[1]:15s} {idle}")

# %% [markdown]
# > **To sleep on.** A residual network with three blocks has $2^3 = 8$ ways from its input to its output. How
# > long are they, in convolutions? And how many has the plain twin?

# %% [markdown]
# ## 6 · Does the gradient arrive?
#
# On its way to the front, a gradient is multiplied at every layer. If each layer leaves nine tenths of it,
# **how much arrives after 10, 30 and 100 layers? And if each leaves a half?**

# %% figure="draw_factors" tags=["keep-output"]
figure, ax = plt.subplots(figsize=(9, 3.2))
layers = np.arange(101)
for factor, style in ((1.0, "-"), (0.9, "--"), (0.5, ":")):
    ax.semilogy(layers, factor**layers, style, color=plots.GRADIENT, label=f"each layer leaves {factor:g}")
ax.set_ylim(1e-12, 10)
ax.set_xlabel("layers")
ax.set_ylabel("what arrives")
ax.legend(loc="lower right", fontsize=10.5)
plots.finish(
    figure,
    alt="What arrives after up to 100 layers, logarithmic. Factor 1: a level line. Factor 0.9: after 100 "
    "layers about a forty-thousandth. Factor 0.5: below a billionth after 30 layers.",
)

# %% [markdown]
# That is the **vanishing gradient**: the front layers get no word of what to do. It is *one* reason why a
# deep network may fail. It is not the only one, so you build an instrument.
#
# **By hand.** A network has two linear layers of one weight each, $y = w_2\,w_1\,x$ with $x = 1$,
# $w_1 = 3$, $w_2 = 0.1$, and the gradient 1 arrives at $y$. Then $\partial L/\partial w_2 = w_1 x = 3$ and
# $\partial L/\partial w_1 = w_2 x = 0.1$. The front layer gets a thirtieth of what the last one gets.
#
# **The formula.** For each weight array $W_l$ (filters or a matrix), the number
# $\bigl\lVert \partial L / \partial W_l \bigr\rVert = \sqrt{\sum (\partial L/\partial W_l)^2}$, the sum over
# all its entries. $L$ is the mean cross-entropy of a batch.
#
# ### Exercise: `gradient_norms`
#
# ★★ · 15 minutes · 6 points
#
# An instrument must not change what it measures. The check looks at the numbers, and at the model before and
# after.
#
# <details><summary>Hint 1: measure on a copy</summary>
#
# `copy.deepcopy(model)` makes a model of its own: whatever happens to it, the first one stays as it is. Its
# gradients are copied as well, so clear them.
# </details>
# <details><summary>Hint 2: which parameters</summary>
#
# `parameter.dim() >= 2`: filters have four axes, matrices two; biases and normalisations have one.
# </details>
# <details><summary>Hint 3: nothing arrived</summary>
#
# A parameter that took no part has `grad` None. Its number is 0.0.
# </details>


# %% solution="gradient_norms"
def gradient_norms(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> list[float]:
    """Measure how strong the gradient is that arrives at each layer.

    Args:
        model: turns x into scores (N, classes). It is used in the mode it is in, and nothing of it is
            changed: neither its parameters, nor gradients that are stored in it, nor the running statistics
            of its normalisations.
        x: pictures (N, C, H, W), on the model's device.
        y: classes, int64 (N,), on the model's device.

    Returns:
        One float for each parameter with at least two axes (filters and matrices; not biases, not
        normalisations), in the order of model.named_parameters(): the Euclidean norm of the gradient of the
        mean cross-entropy with respect to it, 0.0 where none arrives.
    """
    ### BEGIN SOLUTION
    twin = copy.deepcopy(model)
    twin.zero_grad()
    F.cross_entropy(twin(x), y).backward()
    weights = [weight for weight in twin.parameters() if weight.dim() >= 2]
    return [0.0 if weight.grad is None else weight.grad.norm().item() for weight in weights]
    ### END SOLUTION


# %% check="gradient_norms" points=2
checks.run("gradient_norms", gradient_norms)

# %% hidden="gradient_norms" points=4
# Hidden cases: several models and orders, layers that get no gradient, gradients that were there before,
# normalisation and its memory, the model's mode, frozen layers, filters of other shapes, the device.
checks.run("gradient_norms", gradient_norms, hidden=True)

# %% [markdown]
# **Your function at work.** A network of 26 layers, plain and residual, *before any training*, on 100
# pictures of clothes. Left without normalisations (they are replaced by nothing), right with them. Three
# draws each.

# %% figure="norms_by_depth"


def clothes(split, n):
    """Fashion-MNIST, shrunk to 7 × 7 pixels so that it takes seconds, on the device."""
    x, y = datasets.load("fashion_mnist", split, n=n).tensors(device)
    return F.avg_pool2d(x, 4), y


def without_norms(model):
    """Replace every normalisation of a model by nothing; the model is changed."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    return model


def norms_by_depth():
    """Gradient norms of fresh networks, one row for each draw."""
    x, y = clothes("train", 100)
    found = {}
    for kind in ("plain", "residual", "plain, no norm", "residual, no norm", "plain, no norm, He"):
        rows = []
        for seed in range(3):
            torch.manual_seed(seed)
            model = ResNet(1, 10, (8,), 12, skip=kind.startswith("residual"))
            if "no norm" in kind:
                without_norms(model)
            if "He" in kind:
                for weight in model.parameters():
                    if weight.dim() == 4:
                        nn.init.kaiming_normal_(weight)
            rows.append(gradient_norms(model.to(device), x, y)[:-1])
        found[kind] = np.array(rows, np.float32)
    return found


fresh = experiments.run("norms by depth", norms_by_depth)
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4), sharey=True)
looks = (
    (left, "plain, no norm", "--", plots.GRADIENT, "plain"),
    (left, "plain, no norm, He", "-.", plots.SERIES[1], "plain, larger first weights"),
    (left, "residual, no norm", "-", plots.GRADIENT, "residual"),
    (right, "plain", "--", plots.GRADIENT, "plain"),
    (right, "residual", "-", plots.GRADIENT, "residual"),
)
for ax, kind, style, colour, words in looks:
    rows = fresh[kind]
    depth = np.arange(1, rows.shape[1] + 1)
    ax.fill_between(depth, rows.min(axis=0), rows.max(axis=0), color=plots.tint(colour, 0.3))
    ax.semilogy(depth, np.exp(np.log(rows).mean(axis=0)), style, color=colour, label=words)
left.set_title("without normalisation")
right.set_title("with normalisation")
left.set_ylabel("norm of the gradient")
for ax in (left, right):
    ax.set_xlabel("convolution, from the input on")
    ax.legend(fontsize=10.5)
plots.finish(
    figure,
    alt="Norm of the gradient by layer, logarithmic, on a level for most networks. Without normalisation "
    "that of the plain network lies nine orders of magnitude below that of the residual one; with larger "
    "first weights it lies only a little below. With normalisation the plain network's gradient grows slowly "
    "towards the first layer, and the residual network's is level.",
)

# %% [markdown]
# Left: the plain network's gradient has **vanished**, by nine orders of magnitude. But look: at the last
# layers just as at the first! A weight's gradient is what arrives from behind *times* what comes from the
# front. Towards the front less arrives from behind (section 4 showed that alone); towards the back less comes
# from the front, since small weights make the picture fade on its way as well. The product is level, and
# nothing. The way around keeps both alive. So do larger first weights (notebook 5 has the rule).
#
# Right: with normalisation **nothing vanishes in the plain network. On the contrary, its gradient grows
# towards the front.** So if the plain network *with* normalisation fails, the vanishing gradient is not to
# blame. Does it fail?
#
# **The claim measured: is deeper worse?** Networks of 8 and of 20 layers, plain and residual, learn 500
# pictures of clothes; for comparison the deep ones also without normalisation. Each has the same pictures,
# the same number of steps and the same step sizes; three draws of the first weights, the dots (one draw
# without normalisation). About 25 seconds on one CPU core.

# %% figure="deeper_or_not"
SMALL = devices.quick()
SEEDS = 1 if SMALL else 3
clothes_train, clothes_test = clothes("train", 200 if SMALL else 500), clothes("test", 500)


def train_watched(model, data, epochs, seed, watch=lambda: None):
    """Train with Adam and one cycle of the step size; return the mean losses of the epochs."""
    x, y = data
    # Channels as the innermost axis of the memory: convolutions on a CPU are faster, values the same.
    x, model = x.to(memory_format=torch.channels_last), model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=True)
    steps = epochs * -(-len(x) // 50)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.2)
    order, losses = torch.Generator().manual_seed(seed), []
    watch()
    for _ in range(epochs):
        model.train()
        total = 0.0
        for part in torch.randperm(len(x), generator=order).to(x.device).split(50):
            loss = F.cross_entropy(model(x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            total += loss.item() * len(part)
        losses.append(total / len(x))
        watch()
    return losses


def blocks_at_work(model, data, found):
    """Note how much each block changes what it gets, and the accuracy with each block taken out."""
    x, y = (part[:250] for part in data)
    model = copy.deepcopy(model).train()  # normalised by these pictures: running means lag behind at first
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    changes: list[float] = []

    def measure(module, inputs, output):
        if output.shape == inputs[0].shape:
            changes.append(float((output - inputs[0]).norm() / inputs[0].norm()))

    def right():
        with torch.no_grad():
            return float((model(x).argmax(1) == y).float().mean())

    handles = [block.register_forward_hook(measure) for block in blocks]
    found["accuracy"].append(right())
    for handle in handles:
        handle.remove()
    found["changes"].append(changes)
    without = []
    for block in blocks:
        handle = block.register_forward_hook(
            lambda module, inputs, output: inputs[0] if output.shape == inputs[0].shape else output
        )
        without.append(right())
        handle.remove()
    found["without"].append(without)


def deeper_or_not():
    """Losses and accuracies of all networks, and the blocks of one of them while it learns."""
    epochs = 2 if SMALL else 4
    kinds = [("plain", 1), ("residual", 1), ("plain", 3), ("residual", 3)]
    kinds += [("plain, no norm", 3), ("residual, no norm", 3)]
    found: dict[str, Any] = {}
    plan = [
        (kind, blocks, seed) for kind, blocks in kinds for seed in range(1 if "no norm" in kind else SEEDS)
    ]
    for kind, blocks, seed in progress.bar(plan, "plain and residual"):
        torch.manual_seed(seed)
        model = ResNet(1, 10, (8, 16, 32), blocks, skip=kind.startswith("residual"))
        if "no norm" in kind:
            without_norms(model)
        model.to(device)
        name = f"{kind} {2 + 6 * blocks}"
        notes: dict[str, list] = {"accuracy": [], "changes": [], "without": []}
        look = kind.startswith("residual") and blocks == 3 and seed == 0
        watch = (lambda m=model, n=notes: blocks_at_work(m, clothes_test, n)) if look else (lambda: None)
        losses = train_watched(model, clothes_train, epochs, seed, watch)
        if look:
            found |= {f"{kind} {key}": np.array(value, np.float32) for key, value in notes.items()}
        found.setdefault(f"loss {name}", []).append(losses)
        for words, data in (("train", clothes_train), ("test", clothes_test)):
            found.setdefault(f"{words} {name}", []).append(training.accuracy(model, data, device=device))
    return found


depths = experiments.run("deeper or not", deeper_or_not)
looks = (
    ("plain 8", "--", plots.SERIES[2], "plain, 8 layers"),
    ("residual 8", "-", plots.SERIES[2], "residual, 8"),
    ("plain 20", "--", plots.SERIES[1], "plain, 20"),
    ("residual 20", "-", plots.SERIES[1], "residual, 20"),
    ("plain, no norm 20", "--", plots.SERIES[3], "plain, 20, no norm"),
    ("residual, no norm 20", "-", plots.SERIES[3], "residual, 20, no norm"),
)
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.3), width_ratios=[1, 1.15])
for row, (name, style, colour, words) in enumerate(looks):
    losses = depths[f"loss {name}"]
    left.plot(np.arange(1, losses.shape[1] + 1), losses.mean(axis=0), style, color=colour, label=words)
    for key, marker, size in (("train", "o", 9), ("test", "s", 8)):
        values = 100 * depths[f"{key} {name}"]
        right.plot(
            values,
            np.full(len(values), row) + (0.14 if key == "test" else -0.14),
            marker,
            color=colour,
            markersize=size,
            fillstyle="full" if key == "train" else "none",
            alpha=0.75,
            label=f"{'training' if key == 'train' else 'new'} pictures" if row == 0 else None,
        )
left.set_xlabel("epoch")
left.set_xticks(range(1, losses.shape[1] + 1))
left.set_ylabel("mean training loss")
left.legend(fontsize=9.5)
right.set_yticks(range(len(looks)), [words for *_, words in looks])
right.invert_yaxis()
right.axvline(10, color=plots.GREY, linestyle=":", linewidth=1.2)
right.set_xlim(0, 100)
right.set_xlabel("right answers [%]; dotted: guessing")
right.legend(fontsize=9.5, loc="upper left", bbox_to_anchor=(0.08, 1.0))
plots.finish(
    figure,
    alt="Left, training loss by epoch: the residual network of 20 layers falls fastest, the plain one of "
    "20 layers stays far above the plain one of 8 layers, and without normalisation the plain one stays at "
    "log 10. Right, right answers on training and new pictures for each network and draw.",
)

# %% [markdown]
# Read it from top to bottom.
#
# - **Degradation.** With normalisation, 20 plain layers end far *below* 8 plain layers, and already **on
#   their training pictures**: this is not overfitting. And their gradient did not vanish (the figure before).
#   They are just hard to train.
# - **The way around** turns it over: 20 residual layers learn their pictures better than 8, and do at least
#   as well on new ones.
# - **The vanishing gradient** is the last-but-one row: without normalisation, 20 plain layers learn nothing
#   at all in this time. With the way around they learn.
#
# Two illnesses, one remedy. The lecture's slide names the vanishing gradient as the reason why deep plain
# networks do worse. Here you saw both, apart: where normalisation keeps the gradient alive, the degradation
# is still there.
#
# **The claim measured: "skipped layers train faster at the beginning, then later are filled out".** The first
# half you see above: the deep residual network is ahead from the first epoch on. And the second half? Watch
# the blocks of two of the networks while they learn. Left and middle: how much does each block change what it
# gets? Right: the accuracy when a single block is taken out.

# %% figure="filled_out"
figure, axes = plt.subplots(1, 3, figsize=(14, 3.9))
for ax, kind, words in zip(
    axes, ("residual, no norm", "residual"), ("without normalisation", "with normalisation"), strict=False
):
    changes = depths[f"{kind} changes"]
    for block in range(changes.shape[1]):
        shade = plots.tint(plots.OUTPUT, 0.3 + 0.7 * block / max(changes.shape[1] - 1, 1))
        ax.plot(changes[:, block], "-o", markersize=5, linewidth=1.8, color=shade)
    ax.set_ylim(0, 1.1 * changes.max())
    ax.set_title(f"{words}\npale: front blocks, dark: back blocks", fontsize=11)
axes[0].set_ylabel("‖ y − x ‖ / ‖ x ‖ of a block")
accuracy, without = depths["residual accuracy"], depths["residual without"]
removable = np.ptp(without - accuracy[:, None], axis=0) > 0  # a block with a projection can not be taken out
epochs, without = np.arange(len(accuracy)), without[:, removable]
axes[2].fill_between(
    epochs,
    100 * without.min(axis=1),
    100 * without.max(axis=1),
    color=plots.tint(plots.GRADIENT, 0.25),
    label="one block taken out: range",
)
axes[2].plot(epochs, 100 * without.mean(axis=1), "--", color=plots.GRADIENT, label="and mean")
axes[2].plot(epochs, 100 * accuracy, "-o", color=plots.INK, label="all blocks")
axes[2].set_ylim(0, 100)
axes[2].set_ylabel("right answers, new pictures [%]")
axes[2].set_title("with normalisation", fontsize=11)
axes[2].legend(fontsize=10)
for ax in axes:
    ax.set_xlabel("epoch")
    ax.set_xticks(epochs)
plots.finish(
    figure,
    alt="Relative change that each block makes, by epoch: without normalisation small at first and then "
    "growing; with normalisation about as large at the start as at the end. Right, accuracy with all "
    "blocks, and with one block taken out: a few points below.",
)

# %% [markdown]
# **Without normalisation it is as the lecture says.** At first all blocks hand their input on nearly
# unchanged: the network is as good as shallow. Then all of them fill, the back ones first.
#
# **With normalisation it is not.** Each branch is scaled to one size from the first step on, so a block
# changes its input as much at the start as at the end; the further back, the less, since the sum in front of
# it has grown. (Unless one starts with $\gamma = 0$: see below.) What stays true is that *no block is
# indispensable*: without one of them, the network loses about seven points on average, and
# never all.
#
# > **To sleep on.** Start every block's last normalisation with $\gamma = 0$. What is the network then, at
# > the first step? Would you expect it to learn faster or slower? (Try it: it is one line.)

# %% [markdown]
# ## 7 · Through the bottleneck
#
# Here are some clothes, and the same squeezed through few numbers: shrunk to 7 × 7, 4 × 4 and 2 × 2 pixels,
# then enlarged again. **Can one do better with as many numbers?**

# %% figure="draw_squeezed" tags=["keep-output"]
some = torch.tensor(datasets.load("fashion_mnist", "test", n=8).floats(standardise=False))
figure, axes = plt.subplots(4, 8, figsize=(9.5, 5.2))
for row, side in enumerate((28, 7, 4, 2)):
    small = F.adaptive_avg_pool2d(some, side)
    large = F.interpolate(small, size=(28, 28), mode="bilinear")
    for ax, image in zip(axes[row], large, strict=True):
        ax.imshow(image[0], vmin=0, vmax=1, cmap="gray")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    axes[row, 0].set_ylabel(f"{side * side}\nnumbers", rotation=0, ha="right", va="center")
plots.finish(
    figure,
    alt="Eight grey pictures of clothes in four rows: as they are with 784 numbers, and squeezed through "
    "49, 16 and 4 numbers by shrinking: more and more blurred.",
)

# %% [markdown]
# An **autoencoder** learns to. One network, the *encoder*, makes a short *code* $z$ of the picture; another
# one, the *decoder*, makes a picture of the code. Both learn together, and what they should put out is simply
# what went in. Nobody has to say what is in the pictures: there are no labels. All that keeps it from copying
# is the **bottleneck**.
#
# **By hand.** Pictures of two pixels, always the same in both: (1, 1), (5, 5), (3, 3). One number is enough:
# $z = (x_1 + x_2)/2$, and back $\hat x = (z, z)$, without any error. Now (1, 2) comes along: $z = 1.5$,
# $\hat x = (1.5, 1.5)$. What is *usual* passes through the bottleneck, what is unusual is lost.
#
# **The formula.**
#
# $$z = \operatorname{enc}(x), \qquad \hat x = \operatorname{dec}(z), \qquad
# L = \frac{1}{N C H W} \sum \bigl(\hat x - x\bigr)^2$$
#
# - $x, \hat x$: $(N, C, H, W)$; $z$: $(N, d)$ with $d$ much smaller than $C H W$.
#
# Yours is convolutional: two convolutions with stride 2 and one linear layer down, one linear layer and two
# transposed convolutions up.
#
# ### Exercise: `Autoencoder`
#
# ★★ · 20 minutes · 8 points
#
# The check looks at shapes, at where a ReLU stands and where not, and whether `forward` is `decode` after
# `encode`: nothing may find a way around the code.
#
# <details><summary>Hint 1: sizes</summary>
#
# With kernel 3, stride 2, padding 1 an even size is halved exactly; a transposed convolution with kernel 2
# and stride 2 doubles it exactly.
# </details>
# <details><summary>Hint 2: from a list to a volume</summary>
#
# `nn.Unflatten(1, (2 * width, H // 4, W // 4))` is the opposite of `nn.Flatten()`.
# </details>
# <details><summary>Hint 3: where no ReLU belongs</summary>
#
# Behind the code, which may be negative, and behind the very last layer.
# </details>


# %% solution="Autoencoder"
class Autoencoder(nn.Module):
    """A convolutional autoencoder: a picture becomes a short code, the code a picture again.

    Encoder: convolution 3 x 3 (stride 2, padding 1) to `width` channels, ReLU; the same to 2 * width
    channels, ReLU; flatten; linear layer to the code, without ReLU. Decoder, the mirror image: linear layer
    from the code, ReLU, reshaped to (2 * width, H / 4, W / 4); transposed convolution 2 x 2 (stride 2) to
    `width` channels, ReLU; transposed convolution 2 x 2 (stride 2) to C channels, without anything behind it.
    All layers have a bias.

    Args:
        in_shape: (C, H, W) of a picture; H and W are multiples of 4.
        bottleneck: how many numbers the code has.
        width: channels after the first convolution.

    Raises:
        ValueError: with the numbers in the message, if H or W is not a multiple of 4.
    """

    def __init__(self, in_shape: tuple[int, int, int], bottleneck: int, width: int = 16) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        channels, height, width_of_picture = in_shape
        if height % 4 or width_of_picture % 4:
            raise ValueError(f"height and width must be multiples of 4, not {height} and {width_of_picture}")
        small = (2 * width, height // 4, width_of_picture // 4)
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(math.prod(small), bottleneck),
        )
        self.decoder = nn.Sequential(
            nn.Linear(bottleneck, math.prod(small)),
            nn.ReLU(),
            nn.Unflatten(1, small),
            nn.ConvTranspose2d(2 * width, width, 2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 2, stride=2),
        )
        ### END SOLUTION

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Turn pictures (N, C, H, W) into codes (N, bottleneck)."""
        ### BEGIN SOLUTION
        return self.encoder(x)
        ### END SOLUTION

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Turn codes (N, bottleneck) into pictures (N, C, H, W)."""
        ### BEGIN SOLUTION
        return self.decoder(code)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the pictures (N, C, H, W) that the codes of x give."""
        ### BEGIN SOLUTION
        return self.decode(self.encode(x))
        ### END SOLUTION


# %% check="Autoencoder" points=3
checks.run("Autoencoder", Autoencoder)

# %% hidden="Autoencoder" points=5
# Hidden cases: other sizes of pictures and codes, pictures that are not square, one channel, what goes into
# the code and what comes out of it, where ReLU is and where it is not, parameters, gradients, the device.
checks.run("Autoencoder", Autoencoder, hidden=True)

# %% [markdown]
# **Your network at work**, drawn from your module: the bottleneck is easy to find.

# %% figure="draw_your_autoencoder"
plots.finish(
    module_drawings.draw_row(module_drawings.follow(Autoencoder((1, 28, 28), 16, 8), (1, 28, 28))),
    alt="Your autoencoder: 1 × 28 × 28, 8 × 14 × 14, 16 × 7 × 7, a short list of 16 numbers, a list of 784 "
    "numbers, 8 × 14 × 14, 1 × 28 × 28.",
)

# %% [markdown]
# **The claim measured: how narrow may the bottleneck be?** Codes of 4, 16 and 32 numbers, and for comparison
# an autoencoder of *fully connected* (linear) layers only, with 16 numbers and as many parameters as yours.
# All learn the same 1200 pictures for 5 epochs; below are pictures that they never saw. *PSNR* in decibels
# says how close they come: the higher the better (section 9 explains it). About 8 seconds on one CPU core.

# %% figure="bottlenecks"


class DenseAutoencoder(nn.Module):
    """Two linear layers down and two up, with about as many parameters as the convolutional one."""

    def __init__(self, size: int, hidden: int, bottleneck: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Flatten(), nn.Linear(size * size, hidden), nn.ReLU(), nn.Linear(hidden, bottleneck)
        )
        self.decode = nn.Sequential(
            nn.Linear(bottleneck, hidden),
            nn.ReLU(),
            nn.Linear(hidden, size * size),
            nn.Unflatten(1, (1, size, size)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


def picture_to_picture(model, x, target, loss_of, epochs, lr, batch_size, words, seed=0):
    """Train a model that makes pictures of pictures (Adam, one cycle of the step size); return it."""
    x = x.to(memory_format=torch.channels_last)  # faster on a CPU, as in section 6
    model.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    steps = epochs * -(-len(x) // batch_size)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    order = torch.Generator().manual_seed(seed)
    parts = (p for _ in range(epochs) for p in torch.randperm(len(x), generator=order).split(batch_size))
    for part in progress.bar(parts, words, steps):
        now = part.to(device)
        loss = loss_of(model(x[now]), target[now])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cycle.step()
    return model.eval()


def grey_clothes(split, n):
    """Pictures of clothes, 28 × 28, from 0 to 1, and their classes, on the device."""
    images = datasets.load("fashion_mnist", split, n=n)
    return torch.tensor(images.floats(standardise=False), device=device), images.labels


def bottlenecks():
    """What four autoencoders make of new pictures, and the codes of one of them."""
    x, new_x = grey_clothes("train", 300 if devices.quick() else 1200)[0], grey_clothes("test", 1000)[0]
    found: dict[str, Any] = {}
    for name, size in (("conv", 4), ("conv", 16), ("conv", 32), ("linear", 16)):
        torch.manual_seed(0)
        model = Autoencoder((1, 28, 28), size, 8) if name == "conv" else DenseAutoencoder(28, 17, size)
        epochs = 1 if devices.quick() else 5
        model = picture_to_picture(model, x, x, F.mse_loss, epochs, 1e-2, 30, f"{name}, code of {size}")
        with torch.no_grad():
            made = model(new_x)
            error = (made - new_x).square().mean(dim=(1, 2, 3))
            found |= {
                f"{name} {size}": (255 * made[:8, 0].clamp(0, 1)).cpu().numpy().astype(np.uint8),
                f"{name} {size} psnr": (-10 * torch.log10(error)).cpu().numpy().astype(np.float16),
                f"{name} {size} parameters": sum(weight.numel() for weight in model.parameters()),
            }
            if (name, size) == ("conv", 16):
                found["codes"] = model.encode(x).cpu().numpy().astype(np.float16)
                found["new codes"] = model.encode(new_x).cpu().numpy().astype(np.float16)
    return found


squeezed = experiments.run("bottlenecks", bottlenecks)
new_x, new_y = grey_clothes("test", 1000)
shrunk = F.interpolate(F.adaptive_avg_pool2d(new_x, 4), size=(28, 28), mode="bilinear").cpu()
shrunk_psnr = -10 * np.log10((shrunk - new_x.cpu()).square().mean(dim=(1, 2, 3)).numpy())
rows = [("the pictures", None, new_x[:8, 0].cpu().numpy(), None)]
for name, size in (("conv", 32), ("conv", 16), ("conv", 4), ("linear", 16)):
    words = f"{'yours' if name == 'conv' else 'linear layers'},\n{size} numbers"
    rows.append((words, f"{name} {size}", squeezed[f"{name} {size}"] / 255, squeezed[f"{name} {size} psnr"]))
rows.append(("shrunk to 4 × 4,\n16 numbers", None, shrunk[:8, 0].numpy(), shrunk_psnr))
figure, axes = plt.subplots(len(rows), 8, figsize=(11.5, 7.6))
for row, (words, key, images, quality) in zip(axes, rows, strict=True):
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image, vmin=0, vmax=1, cmap="gray")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    row[0].set_ylabel(words, rotation=0, ha="right", va="center")
    if quality is not None:
        ax = row[-1]
        text = f"{np.mean(quality.astype(float)):.1f} dB"
        if key is not None:
            text += f"\n{squeezed[f'{key} parameters']:,}\nparameters"
        ax.text(1.08, 0.5, text, transform=ax.transAxes, va="center", fontsize=11)
plots.finish(
    figure,
    alt="Eight pictures of clothes in six rows: as they are; after your autoencoder with 32, 16 and 4 "
    "numbers; after one of linear layers with 16 numbers; and shrunk to 4 by 4 pixels. To the right of each "
    "row its mean PSNR.",
)

# %% [markdown]
# The wider the bottleneck, the better the picture, and every doubling buys less. Four numbers know *that* it
# is a shirt, 32 know roughly which. With as many numbers and as many parameters, yours comes closer than the
# one of linear layers: it knows from the start that a picture has neighbours. And both are ahead of
# shrinking, which spends its sixteen numbers evenly on all places, whether anything ever happens there or
# not. (The little squares come from the transposed convolutions: their windows do not overlap.)
#
# **The claim measured: is the code good for something else?** "Sometimes it can be used to train a feature
# extractor", says the lecture: throw the decoder away, and put a linear classifier on the code. It should
# need fewer labels, since the autoencoder has learned from all pictures without any. A fair test needs
# opponents: the same classifier on all 784 raw pixels, and on the picture shrunk to 4 × 4, which has 16
# numbers as well. Five draws of the labelled pictures.

# %% figure="few_labels"


def classifier(x, y, new_x, new_y, l2):
    """Accuracy of a linear classifier with softmax loss, found by L-BFGS (features standardised)."""
    middle, spread = x.mean(0), x.std() + 1e-6
    x, new_x = (x - middle) / spread, (new_x - middle) / spread
    layer = nn.Linear(x.shape[1], 10)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    search = torch.optim.LBFGS(layer.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def loss_of():
        search.zero_grad()
        loss = F.cross_entropy(layer(x), y) + l2 * layer.weight.square().sum()
        loss.backward()
        return loss

    search.step(loss_of)
    with torch.no_grad():
        return float((layer(new_x).argmax(1) == new_y).float().mean())


LABELS = (10, 20, 50, 100, 200)


def few_labels():
    """Accuracies by number of labels and draw, for three kinds of features."""
    x, y = grey_clothes("train", 300 if devices.quick() else 1200)
    new_x, new_y = grey_clothes("test", 1000)
    x, new_x, y, new_y = x.cpu(), new_x.cpu(), torch.tensor(y), torch.tensor(new_y)
    kinds = {
        "code": [torch.tensor(squeezed[name].astype(np.float32)) for name in ("codes", "new codes")],
        "pixels": [x.flatten(1), new_x.flatten(1)],
        "shrunk": [F.adaptive_avg_pool2d(images, 4).flatten(1) for images in (x, new_x)],
    }
    found = {name: np.zeros((len(LABELS), 5), np.float32) for name in kinds}
    for column in range(5):
        rng = np.random.default_rng(column)
        order = [rng.permutation(np.flatnonzero(y.numpy() == label)) for label in range(10)]
        for row, labels in enumerate(LABELS):
            chosen = np.concatenate([places[: labels // 10] for places in order])
            for name, (seen, new) in kinds.items():
                found[name][row, column] = classifier(seen[chosen], y[chosen], new, new_y, 1e-2)
    return found


result = experiments.run("few labels", few_labels)
figure, ax = plt.subplots(figsize=(8.5, 4))
for (name, words), style, colour in zip(
    (("pixels", "784 raw pixels"), ("code", "16 numbers of the code"), ("shrunk", "16 pixels, shrunk")),
    ("-o", "--s", ":^"),
    (plots.SERIES[0], plots.OUTPUT, plots.SERIES[2]),
    strict=True,
):
    rows = 100 * result[name]
    ax.fill_between(LABELS, rows.min(axis=1), rows.max(axis=1), color=plots.tint(colour, 0.2))
    ax.plot(LABELS, rows.mean(axis=1), style, color=colour, label=words)
ax.set_xscale("log")
ax.set_xticks(LABELS, [str(n) for n in LABELS])
ax.minorticks_off()
ax.set_xlabel("labelled pictures")
ax.set_ylabel("right answers [%]")
ax.legend(loc="lower right", fontsize=10.5)
plots.finish(
    figure,
    alt="Right answers against the number of labelled pictures, with ranges over five draws: raw pixels "
    "and the code rise together from about 45 percent, the pixels end highest; the shrunken picture stays "
    "below the code.",
)

# %% [markdown]
# Read it honestly. With the *same sixteen numbers*, the code beats the shrunken picture at every number of
# labels. Against *all* 784 pixels it is level up to about 50 labels, and then the pixels win. So it saves
# numbers here, fifty times fewer, and not labels.
#
# Why not more? The autoencoder was asked to keep what makes the *pixels* right, not what makes *classes*
# differ. A shade of grey costs many pixels and says little about the class; a sleeve costs few and says much.
# To put out what went in is a weak teacher. Later methods ask for more, such as filling in what was covered.
#
# > **To sleep on.** An autoencoder with a code of 784 numbers could copy. Would it be a better feature
# > extractor? What if you add noise to its *input* only?

# %% [markdown]
# ## 8 · One step up
#
# For many tasks the answer is a picture again: where is the nose, *to the pixel*? A network that shrinks its
# volumes has to make them large again, and by then it has forgotten where exactly things were. So put beside
# the enlarged volume what was there before the shrinking. **What stands in the green pixels that are still
# empty, and how many channels has the result?**

# %% figure="draw_up_and_concat" tags=["keep-output"]
plots.finish(
    step_up.draw_step_up(
        np.array([[3.0, 1.0], [2.0, 5.0]]),
        np.array([[1.0, 0.0], [2.0, -1.0]]),
        np.array([[1, 4, 2, 0], [3, 3, 1, 2], [0, 5, 5, 1], [2, 0, 4, 3]], dtype=float),
        (0, 0),
    ),
    alt="A grid x of 2 by 2 numbers, 3 1 over 2 5, times a window of weights, 1 0 over 2 -1. Of the 4 by 4 "
    "pixels that come up, the upper left four are filled: 3 0 over 6 -3. Beside them stands the skip, 4 by "
    "4 numbers.",
)

# %% [markdown]
# The left part is a **transposed convolution** (notebook 1) with a window of 2 × 2 and stride 2: every number
# becomes four, the windows do not overlap. *Up-convolution* is another name for it. The right part is only
# put beside it: nothing is added, the *channels* are more.
#
# **By hand.** The lower right pixel of $x$ is 5; it becomes 5, 0 / 10, −5. With one channel from below and
# one in the skip, the result has two, the skip's first.
#
# **The formula.** For $x$: $(N, C, h, w)$, weight $W$: $(C, C_\text{up}, 2, 2)$, skip $s$:
# $(N, C_s, 2h, 2w)$, the result $y$ is $(N, C_s + C_\text{up}, 2h, 2w)$ with
#
# $$y_{n,\,c,\,i,\,j} = s_{n,\,c,\,i,\,j} \ \ (c < C_s), \qquad
# y_{n,\,C_s + u,\,2i + a,\,2j + b} = \sum_{c} x_{n,\,c,\,i,\,j}\, W_{c,\,u,\,a,\,b}$$
#
# and $a, b$ are 0 or 1.
#
# ### Exercise: `up_and_concat`
#
# ★★ · 15 minutes · 5 points
#
# The check compares all values and looks at shapes that do not fit.
#
# <details><summary>Hint 1: four assignments</summary>
#
# `up[:, :, a::2, b::2] = …` writes the quarter of the pixels that the weight at $(a, b)$ makes.
# </details>
# <details><summary>Hint 2: a sum over channels</summary>
#
# `np.einsum("nchw,cu->nuhw", x, weight[:, :, a, b])`.
# </details>
# <details><summary>Hint 3: side by side</summary>
#
# `np.concatenate([first, second], axis=1)`; axis 1 are the channels.
# </details>


# %% solution="up_and_concat"
def up_and_concat(x: np.ndarray, weight: np.ndarray, skip: np.ndarray) -> np.ndarray:
    """Make a small volume twice as high and wide, and put a large one beside it: one step up in a U-Net.

    Args:
        x: the small volume, float32 or float64, (N, C, h, w). Not modified.
        weight: filters (C, C_up, 2, 2) of a transposed convolution with stride 2, without padding and bias.
            Not modified.
        skip: the large volume, (N, C_skip, 2 * h, 2 * w). Not modified.

    Returns:
        (N, C_skip + C_up, 2 * h, 2 * w) in x's dtype: first the channels of `skip`, then those of the
        transposed convolution of x.

    Raises:
        ValueError: with the shapes in the message, if x and weight, or x and skip, do not fit each other.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = x.shape
    if weight.shape[0] != channels or weight.shape[2:] != (2, 2):
        raise ValueError(f"weight {weight.shape} does not fit x {x.shape}")
    if skip.shape[0] != n or skip.shape[2:] != (2 * height, 2 * width):
        raise ValueError(f"skip {skip.shape} does not fit x {x.shape}, made twice as large")
    up = np.empty((n, weight.shape[1], 2 * height, 2 * width), x.dtype)
    for i in range(2):
        for j in range(
            2
        ):  # the windows do not overlap: each weight of a window writes a quarter of the pixels
            up[:, :, i::2, j::2] = np.einsum("nchw,cu->nuhw", x, weight[:, :, i, j])
    return np.concatenate([skip, up], axis=1)
    ### END SOLUTION


# %% check="up_and_concat" points=2
checks.run("up_and_concat", up_and_concat)

# %% hidden="up_and_concat" points=3
# Hidden cases: volumes that are not square, one channel, more and fewer channels on either side, float32, all
# four weights of a window, slices of larger arrays, inputs left as they were, shapes that do not fit.
checks.run("up_and_concat", up_and_concat, hidden=True)

# %% [markdown]
# **Your function at work.** A picture is shrunk to an eighth and comes up again in three steps. Below, each
# step is helped by a skip: here by the *edges* of the larger picture, what the shrinking lost. (Weights of 1
# copy each pixel four times; a real network learns them. And it learns what to do with the skip; here it is
# simply added at the end.)

# %% figure="up_at_work"
face = pictures.photograph(shrink=4)[:, 8:136, :128].mean(axis=0)[None, None]
copy_four = np.ones((1, 1, 2, 2), face.dtype)
pyramid = [face]
for _ in range(3):
    image = pyramid[-1]
    pyramid.append(image.reshape(1, 1, image.shape[2] // 2, 2, -1, 2).mean(axis=(3, 5)))
alone = helped = pyramid[3]
for image in pyramid[2::-1]:
    lost = image - np.kron(image.reshape(1, 1, image.shape[2] // 2, 2, -1, 2).mean(axis=(3, 5)), copy_four)
    alone = up_and_concat(alone, copy_four, lost)[:, 1:]
    both = up_and_concat(helped, copy_four, lost)
    helped = both[:, :1] + both[:, 1:]
plots.show_images(
    [face[0], np.kron(pyramid[3], np.ones((1, 1, 8, 8)))[0], alone[0], helped[0]],
    ["128 × 128", "shrunk to 16 × 16", "up three times", "up, with skips"],
    alt="A photograph; the same shrunk to 16 by 16 pixels; enlarged again in three steps, as coarse as "
    "before; and enlarged with the help of skips: as sharp as at first.",
)
print("exactly the first picture again:", bool(np.abs(helped - face).max() < 1e-5))

# %% regression="step_up"
x = (np.arange(2 * 2 * 3) % 5 - 1.0).reshape(1, 2, 2, 3)
skip = (np.arange(2 * 4 * 6) % 7).reshape(1, 2, 4, 6)
print("weights                     channels   of the skip   sum   first row of the last channel")
for words, weight in (
    ("all 1", np.ones((2, 1, 2, 2))),
    ("only the upper left", np.array([[[[1.0, 0], [0, 0]]], [[[1.0, 0], [0, 0]]]])),
    ("counted up, two channels", np.arange(16.0).reshape(2, 2, 2, 2)),
):
    y = up_and_concat(x, weight, skip)
    kept = [channel for channel in range(y.shape[1]) if np.array_equal(y[0, channel], skip[0, channel % 2])]
    row = " ".join(f"{value + 0.0:3.0f}" for value in y[0, -1, 0])
    print(f"{words:27s} {y.shape[1]:8d}   {kept!s:12s} {y.sum():5.0f}   {row}")

# %% [markdown]
# > **To sleep on.** With a window of 3 × 3 and stride 2 the windows overlap: some pixels get one summand,
# > some two, some four. What pattern would that draw into an even grey picture?

# %% [markdown]
# ## 9 · How good is a picture?
#
# A network says for each pixel whether it belongs to the symbol. **The symbol covers 20 % of the picture. How
# many pixels does a network get right that always says "no"?**

# %% figure="draw_masks" tags=["keep-output"]
rows, columns = np.mgrid[:12, :16]
truth = (rows - 6) ** 2 + (columns - 6) ** 2 <= 12
guess = (rows - 6) ** 2 + (columns - 8.5) ** 2 <= 12
figure, axes = plt.subplots(1, 3, figsize=(11, 3))
for ax, mask, words, colour in (
    (axes[0], truth, f"truth: {truth.sum()} pixels", plots.INPUT),
    (axes[1], guess, f"guess: {guess.sum()} pixels", plots.OUTPUT),
):
    ax.imshow(mask, cmap=plots.white_to(colour), vmin=0, vmax=1.3)
    ax.set_title(words)
both, one = (truth & guess).astype(float), (truth ^ guess).astype(float)
axes[2].imshow(both + 0.3 * one, cmap=plots.white_to(plots.INK), vmin=0, vmax=1.3)
axes[2].set_title(f"both: {int(both.sum())}, only one: {int(one.sum())}")
for ax in axes:
    ax.set_xticks(np.arange(0.5, 15), minor=True)
    ax.set_yticks(np.arange(0.5, 11), minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    ax.spines[:].set_visible(False)
plots.finish(
    figure,
    alt="Two discs on a grid of pixels, of equal size and shifted against each other: the truth and the "
    "guess. Third, the pixels that are in both dark, those in only one of them pale.",
)

# %% [markdown]
# Eighty per cent right, and worth nothing. So masks are judged by **intersection over union**, IoU: pixels in
# both masks, divided by pixels in at least one. And pictures with many shades are judged by how far their
# pixels are off: the **peak signal-to-noise ratio**, PSNR.
#
# **By hand.** Masks 1 1 0 0 and 0 1 1 0: one pixel in both, three in at least one: IoU 1/3. Pictures
# 0.5 0.5 and 0.6 0.4: squared differences 0.01 and 0.01, mean 0.01. PSNR
# $= 10 \log_{10}(1 / 0.01) = 20$ dB.
#
# **The formula.**
#
# $$\operatorname{IoU} = \frac{|A \cap B|}{|A \cup B|}, \qquad
# \operatorname{PSNR} = 10 \log_{10} \frac{\text{peak}^2}{\text{mean of } (x - \text{target})^2} \ \text{dB}$$
#
# ### Exercises: `psnr` and `iou`
#
# ★ · 10 minutes · 6 points
#
# The checks compare values, also for equal pictures, whole numbers and empty masks.
#
# <details><summary>Hint 1: whole numbers</summary>
#
# In uint8, 3 − 5 is 254. Turn both pictures into floats first.
# </details>
# <details><summary>Hint 2: nothing to divide by</summary>
#
# Two equal pictures: `float("inf")`. Two empty masks: they agree, so 1.0.
# </details>
# <details><summary>Hint 3: counting</summary>
#
# `a & b` and `a | b` work on boolean arrays, and `np.sum` counts what is True.
# </details>


# %% solution="psnr"
def psnr(x: np.ndarray, target: np.ndarray, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio: how close a picture is to another one.

    Args:
        x, target: arrays of one shape. They may hold whole numbers of any kind. Not modified.
        peak: the largest value that a pixel can have.

    Returns:
        10 * log10(peak ** 2 / mean squared difference), in decibels, as a float; inf where they are equal.

    Raises:
        ValueError: with both shapes in the message, if they differ.
    """
    ### BEGIN SOLUTION
    if x.shape != target.shape:
        raise ValueError(f"shapes {x.shape} and {target.shape} differ")
    error = float(np.mean((x.astype(np.float64) - target.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else 10 * math.log10(peak**2 / error)
    ### END SOLUTION


# %% check="psnr" points=1
checks.run("psnr", psnr)

# %% hidden="psnr" points=2
# Hidden cases: volumes and single numbers of pixels, other peaks, equal pictures, whole numbers, float32.
checks.run("psnr", psnr, hidden=True)


# %% solution="iou"
def iou(prediction: np.ndarray, target: np.ndarray) -> float:
    """Intersection over union: how well two masks agree.

    Args:
        prediction, target: boolean arrays of one shape. Not modified.

    Returns:
        Number of pixels in both masks / number of pixels in at least one of them, as a float from 0 to 1; 1.0
        if both are empty.

    Raises:
        ValueError: with both shapes in the message, if they differ.
    """
    ### BEGIN SOLUTION
    if prediction.shape != target.shape:
        raise ValueError(f"shapes {prediction.shape} and {target.shape} differ")
    union = int(np.sum(prediction | target))
    return float(np.sum(prediction & target)) / union if union else 1.0
    ### END SOLUTION


# %% check="iou" points=1
checks.run("iou", iou)

# %% hidden="iou" points=2
# Hidden cases: masks that overlap in part, not at all, altogether, one inside the other, empty ones, masks
# with several axes.
checks.run("iou", iou, hidden=True)

# %% [markdown]
# **Your functions at work.** Noise on a photograph: how does a picture of 10, 20, 30 and 40 dB look? (Each 10
# dB are a tenth of the mean squared error.)

# %% figure="decibels"
clean = pictures.photograph(shrink=4)[:, 8:136, :128].mean(axis=0, keepdims=True)
noise = np.random.default_rng(0).standard_normal(clean.shape)
noisy = {level: clean + 10 ** (-level / 20) * noise for level in (10, 20, 30, 40)}
plots.show_images(
    [clean, *noisy.values()],
    ["the photograph", *[f"{psnr(image, clean):.1f} dB" for image in noisy.values()]],
    alt="A photograph, and the same with noise at 10, 20, 30 and 40 decibels: hardly to be recognised, "
    "grainy, slightly grainy, and as good as clean.",
    height=2.4,
)

# %% [markdown]
# **The claim measured: why not simply count right pixels?** A mask of 16 × 16 in a picture of 40 × 40, and
# guesses that are shifted, too large, or empty:

# %% regression="judged"
truth = np.zeros((40, 40), bool)
truth[12:28, 12:28] = True
guesses = {"the same": truth, "shifted by 4 pixels": np.roll(truth, 4, axis=1), "empty": np.zeros_like(truth)}
guesses["4 pixels too large"] = np.zeros_like(truth)
guesses["4 pixels too large"][8:32, 8:32] = True
guesses["everywhere"] = np.ones_like(truth)
print("guess                 right pixels     IoU    PSNR")
for words, guess in guesses.items():
    right = np.mean(guess == truth)
    quality = psnr(guess.astype(float), truth.astype(float))
    print(f"{words:20s} {100 * right:10.1f} % {iou(guess, truth):9.3f} {quality:7.2f}")

# %% [markdown]
# > **To sleep on.** A picture that is shifted by one pixel looks the same to you. What does PSNR say?

# %% [markdown]
# ## 10 · From picture to picture
#
# Many tasks have one form: a picture goes in, a picture of the same size comes out. Which of the four below
# needs the *details* of its input most? **For which of them could a network without skips be good enough?**

# %% figure="draw_tasks" tags=["keep-output"]
shown = datasets.load("emojiten", "train", n=12).subset([0, 3, 5, 8])
shown_x = shown.floats(standardise=False)
grain = np.random.default_rng(0).standard_normal(shown_x.shape)
blurred = F.avg_pool2d(torch.tensor(shown_x), 4).repeat_interleave(4, 2).repeat_interleave(4, 3).numpy()
tasks = (
    ("find the symbol", shown_x[0], shown.masks[0]),
    ("remove noise", shown_x[1] + 0.15 * grain[1], shown_x[1]),
    ("give colour", shown_x[2].mean(axis=0), shown_x[2]),
    ("make sharp", blurred[3], shown_x[3]),
)
figure, axes = plt.subplots(2, 4, figsize=(10, 5.2))
for column, (words, given, wanted) in enumerate(tasks):
    for ax, image in zip(axes[:, column], (given, wanted), strict=True):
        ax.imshow(plots.for_imshow(image), vmin=0, vmax=1, interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])
    axes[0, column].set_title(words)
axes[0, 0].set_ylabel("goes in", color=plots.INPUT)
axes[1, 0].set_ylabel("should come out", color=plots.OUTPUT)
plots.finish(
    figure,
    alt="Four pairs of pictures, what goes in above what should come out: a symbol and its mask; a noisy "
    "picture and the clean one; a grey picture and the coloured one; a blurred picture and the sharp one.",
)

# %% [markdown]
# A network for all of them is the **U-Net** (Ronneberger, Fischer, Brox: *U-Net: convolutional networks for
# biomedical image segmentation*, 2015). It goes down as any network does, so that its lowest neurons see
# nearly everything. Then it goes up again by transposed convolutions, and on every level it gets back, across
# a skip, what it knew on the way down. (Here the skip is put *beside*, in a residual block it is *added*.)
#
# **By hand.** Width 8, depth 2, pictures of 32 × 32. Down: 8 × 32 × 32, then 16 × 16 × 16, then 32 × 8 × 8.
# Up: a transposed convolution makes 16 × 16 × 16 of it, the skip has 16 × 16 × 16, together 32 × 16 × 16, and
# the pair makes 16 × 16 × 16. Once more: 8 + 8 = 16 channels, and the pair makes 8 × 32 × 32. The last 1 × 1
# convolution makes as many channels as the answer has.
#
# **The formula.** With pair$_k$ for two convolutions (each with norm and ReLU) on level $k$, and
# $[\cdot\,, \cdot]$ for side by side,
#
# $$d_0 = \operatorname{pair}_0(x), \quad d_k = \operatorname{pair}_k(\operatorname{pool} d_{k-1}), \qquad
# u_K = d_K, \quad u_k = \operatorname{pair}'_k\bigl[\,d_k,\ \operatorname{up} u_{k+1}\bigr]$$
#
# - $d_k, u_k$: $(N,\ \text{width} \cdot 2^k,\ H/2^k,\ W/2^k)$ for $k = 0, \ldots, K$, where $K$ is the depth.
#
# ### Exercise: `UNet`
#
# ★★★ · 30 minutes · 8 points
#
# With `skips=False` zeros take the place of what the skips carry: the twin has the same parameters, and only
# the information is missing. The check looks at what passes through each level and each skip, at the order of
# the channels, and at the twins.
#
# <details><summary>Hint 1: a helper</summary>
#
# Write the pair once, as a function inside `__init__` that returns an `nn.Sequential`.
# </details>
# <details><summary>Hint 2: lists of modules</summary>
#
# In a Python list, modules are not registered: their parameters would not be trained. Use `nn.ModuleList`.
# </details>
# <details><summary>Hint 3: forward</summary>
#
# On the way down, append each level's output to a list. On the way up, go through that list from its end,
# without its last entry.
# </details>
# <details><summary>Hint 4: zeros of the right kind</summary>
#
# `torch.zeros_like(skip)` has the shape, the type and the device of the skip.
# </details>


# %% solution="UNet"
class UNet(nn.Module):
    """From a picture to a picture: down, up again, and a way across on every level.

    A *pair* is twice: convolution 3 x 3 (padding 1, no bias), nn.BatchNorm2d, ReLU; the first convolution
    changes the number of channels. Level k = 0, 1, ..., depth works with width * 2 ** k channels.

    Down: on level 0 a pair, then for every level below it max pooling 2 x 2 and a pair. Up, from the lowest
    level to level 0: a transposed convolution 2 x 2 (stride 2, with bias) to the channels of the level above;
    beside its output is put what the pair of that level made on the way down (the skip: its channels come
    first, as in `up_and_concat`); a pair makes width * 2 ** k channels of both. At the end a 1 x 1
    convolution with bias, and nothing behind it.

    Args:
        in_channels, out_channels: channels of the input and of the output picture.
        width: channels on level 0.
        depth: how often the picture is halved, at least 1.
        skips: False puts zeros in the place of what the skips carry, and changes nothing else: the twin has
            the same parameters.
    """

    def __init__(
        self, in_channels: int, out_channels: int, width: int = 16, depth: int = 2, skips: bool = True
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION

        def pair(reads: int, writes: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            for channels in (reads, writes):
                convolution = nn.Conv2d(channels, writes, 3, padding=1, bias=False)
                layers += [convolution, nn.BatchNorm2d(writes), nn.ReLU()]
            return nn.Sequential(*layers)

        sizes = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            [pair(reads, writes) for reads, writes in zip([in_channels, *sizes], sizes, strict=False)]
        )
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * size, size, 2, stride=2) for size in sizes[-2::-1]])
        self.merge = nn.ModuleList([pair(2 * size, size) for size in sizes[-2::-1]])
        self.last = nn.Conv2d(width, out_channels, 1)
        self.skips = skips
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn x (N, in_channels, H, W) into (N, out_channels, H, W).

        Raises:
            ValueError: with the numbers in the message, if H or W is not a multiple of 2 ** depth.
        """
        ### BEGIN SOLUTION
        height, width = x.shape[2:]
        unit = 2 ** len(self.up)
        if height % unit or width % unit:
            raise ValueError(f"height and width must be multiples of {unit}, not {height} and {width}")
        kept = []
        for level, pair in enumerate(self.down):
            x = pair(F.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for up, merge, skip in zip(self.up, self.merge, kept[-2::-1], strict=True):
            carried = skip if self.skips else torch.zeros_like(skip)
            x = merge(torch.cat([carried, up(x)], dim=1))
        return self.last(x)
        ### END SOLUTION


# %% check="UNet" points=3
checks.run("UNet", UNet)

# %% hidden="UNet" points=5
# Hidden cases: other depths, widths and numbers of channels, pictures that are not square, what the skips
# carry and where they arrive, the twin without skips, training and evaluation, what is registered, sizes that
# do not divide, the device.
checks.run("UNet", UNet, hidden=True)

# %% [markdown]
# **Your network at work**, drawn from your module, with skips and without. Where the name comes from is plain
# to see.

# %% figure="draw_your_unet"
for skips, words, carried in (
    (True, "with skips", "joined by arrows across on the two upper levels"),
    (False, "without: zeros in their place", "with zeros in the places of the skips"),
):
    stops = module_drawings.follow(UNet(3, 1, 8, 2, skips), (3, 32, 32))
    plots.finish(
        module_drawings.draw_levels(stops, title=words),
        alt="Your U-Net: volumes of 32 by 32, 16 by 16 and 8 by 8 pixels on three levels, down on the left "
        f"and up on the right, {carried}.",
    )

# %% [markdown]
# **The claim measured: what are skips good for?** Two of the tasks, each with and without skips, two draws of
# the first weights, the same pictures and the same number of steps for all twins. *Find the symbol*: the mask
# of a picture, judged by your `iou` on new symbols before new photographs. *Remove noise*: judged by your
# `psnr`; the network learns on pieces of 16 × 16 pixels and is judged on whole pictures, since a network of
# convolutions takes any size. Here a third one takes
# part, in one draw: its U-Net puts out the *noise*, which is then
# subtracted. (Why is that a way around, as in section 4?) The simplest opponent is to blur a little. About 20
# seconds on one CPU core.

# %% figure="with_and_without_skips"


def tasks_of(split, n, seed):
    """Pictures from -2 to 2, their masks, noise, and the noisy pictures, as tensors on the device."""
    images = datasets.load("emojiten", split, n=n)
    plain = torch.tensor(images.floats(standardise=False))
    grain = torch.randn(plain.shape, generator=torch.Generator().manual_seed(seed))
    parts = 4 * (plain - 0.5), torch.tensor(images.masks).float(), grain, 4 * (plain + 0.15 * grain - 0.5)
    return tuple(part.to(device) for part in parts)


def in_units(x):
    """Back to pictures from 0 to 1, as an array."""
    return (x / 4 + 0.5).cpu().numpy()


TWINS = {  # name: task, skips, puts out the noise
    "mask, with skips": ("mask", True, False),
    "mask, without": ("mask", False, False),
    "clean, with skips": ("clean", True, False),
    "clean, without": ("clean", False, False),
    "clean, noise put out": ("clean", True, True),
}


def with_and_without_skips():
    """Qualities of new pictures for each twin and draw; some pictures of the first draw."""
    quick = devices.quick()
    few, many = (tasks_of("train", n, 0) for n in ((40, 60) if quick else (100, 320)))
    plain, masks, _, noisy = tasks_of("test", 100, 1)
    clean, wanted = in_units(plain), masks.cpu().numpy() > 0
    blur = F.avg_pool2d(F.pad(noisy, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    found: dict[str, Any] = {
        "noisy": [psnr(*pair) for pair in zip(in_units(noisy), clean, strict=True)],
        "blurred": [psnr(*pair) for pair in zip(in_units(blur), clean, strict=True)],
    }
    middle = (..., slice(8, 24), slice(8, 24))
    for name, (task, skips, noise_out) in TWINS.items():
        qualities = []
        for seed in range(1 if quick or noise_out else 2):
            torch.manual_seed(seed)
            if task == "mask":
                model, epochs, rate, size = UNet(3, 1, 6, 3, skips), 4, 1e-2, 10
                x, target, loss_of = few[0], few[1], F.binary_cross_entropy_with_logits
            else:
                model, epochs, rate, size = UNet(3, 3, 12, 2, skips), 5, 3e-2, 20
                x, target, loss_of = many[3][middle], many[2 if noise_out else 0][middle], F.mse_loss
            model = picture_to_picture(model, x, target, loss_of, epochs, rate, size, name, seed)
            with torch.no_grad():
                made = model(plain if task == "mask" else noisy)
            if task == "mask":
                qualities.append([iou(*pair) for pair in zip(made.cpu().numpy() > 0, wanted, strict=True)])
                shown = torch.sigmoid(made).cpu().numpy()
            else:
                shown = in_units(noisy - 4 * 0.15 * made if noise_out else made)
                qualities.append([psnr(*pair) for pair in zip(shown, clean, strict=True)])
            if seed == 0:
                found[f"{name}: pictures"] = (255 * shown[:6].clip(0, 1)).astype(np.uint8)
        found[name] = np.array(qualities, np.float32)
    return found


skipped = experiments.run("with and without skips", with_and_without_skips)
plain, masks, _, noisy = tasks_of("test", 100, 1)
rows = {"goes in": (in_units(plain[:6]), in_units(noisy[:6]))}
for words in ("with skips", "without", "noise put out"):
    pair = [skipped.get(f"{task}, {words}: pictures") for task in ("mask", "clean")]
    rows[words] = tuple(None if part is None else part / 255 for part in pair)
rows["truth"] = (masks[:6].cpu().numpy(), in_units(plain[:6]))
figure, axes = plt.subplots(5, 13, figsize=(13.5, 5.6), width_ratios=[1] * 6 + [0.9] + [1] * 6)
for row, (words, halves) in zip(axes, rows.items(), strict=True):
    for images, start in zip(halves, (0, 7), strict=True):
        for ax, image in zip(row[start : start + 6], images if images is not None else (), strict=False):
            ax.imshow(plots.for_imshow(image), vmin=0, vmax=1, interpolation="nearest")
        if images is not None:
            row[start].set_ylabel(words, rotation=0, ha="right", va="center", fontsize=10.5)
for ax in axes.flat:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
plots.finish(
    figure,
    alt="Six new pictures for each of two tasks, in rows: what goes in, what the U-Net with skips makes of "
    "it, what the one without makes of it, and the truth. On the left masks of symbols, on the right "
    "pictures with noise removed: without skips they are blurred beyond recognition. One more row on the "
    "right, where the noise was put out and subtracted, is sharp.",
)

# %% figure="skips_in_numbers"
bars = {
    "mask": {words: skipped[f"mask, {words}"].mean(axis=1) for words in ("with skips", "without")},
    "clean": {
        "with skips": skipped["clean, with skips"].mean(axis=1),
        "without": skipped["clean, without"].mean(axis=1),
        "with skips,\nnoise put out": skipped["clean, noise put out"].mean(axis=1),
        "blurred 3 × 3": skipped["blurred"].mean(keepdims=True),
        "left as it is": skipped["noisy"].mean(keepdims=True),
    },
}
figure, axes = plt.subplots(1, 2, figsize=(12, 3.4))
for ax, (task, values), unit in zip(axes, bars.items(), ("mean IoU", "mean PSNR [dB]"), strict=True):
    for place, (words, draws) in enumerate(values.items()):
        colour = (
            plots.tint(plots.OUTPUT, 0.5 if words == "without" else 0.9) if place < 3 else plots.PALE_GREY
        )
        ax.barh(place, draws.mean(), color=colour)
        ax.plot(draws, np.full(len(draws), place), "o", color=plots.INK, markersize=6)
        text = f"  {draws.mean():.2f}" if task == "mask" else f"  {draws.mean():.1f}"
        ax.text(draws.max(), place, text, va="center")
    ax.set_yticks(range(len(values)), list(values))
    ax.invert_yaxis()
    ax.set_xlabel(f"{unit}; dots: draws")
    ax.set_xlim(0, 1.18 * max(draws.max() for draws in values.values()))
    ax.set_title("find the symbol" if task == "mask" else "remove noise")
plots.finish(
    figure,
    alt="Bars with a dot for each draw. Find the symbol: mean IoU with skips clearly above that without. "
    "Remove noise: mean PSNR without skips hardly above that of the noisy picture and far below that of a "
    "blurred one; with skips above the blur, and best where the noise is put out.",
)

# %% [markdown]
# *Find the symbol.* Without skips the network knows roughly where the symbol is, as a blot: the lowest level
# has 4 × 4 places. With skips something of the outline comes back, after no more than 100 pictures.
#
# *Remove noise.* Without skips the answer has to be told from the lowest level alone; the result is worse
# than a plain blur. With skips it is a little better than the blur, and better still if the network puts out
# only the noise: then the whole picture takes a way around *everything*, and only what is wrong with it has
# to be learned. That is a residual block as large as a network.
#
# > **To sleep on.** All noise here had one strength. What do you expect of the two networks with skips if
# > the noise is half as strong, or if there is none at all? Which of them can do nothing?

# %% [markdown]
# ## 11 · Convolutions in time
#
# A game: you hear notes, high or low, one per step, and say at each step whether the note is **the same as
# twelve steps ago**. How far back must a network remember? Below are causal convolutions over time (notebook
# 1): each output sees itself and its past. **Which of the three stacks can play the game?**

# %% figure="draw_stacks_in_time" tags=["keep-output"]
figure, axes = plt.subplots(1, 3, figsize=(13.5, 3.6))
for ax, layers in zip(axes, (2, 3, 4), strict=True):
    stack = [(2, 1, 2**k) for k in range(layers)]
    stacks.draw_stack(ax, stack, 16, 15, f"{layers} layers", causal=True, unit="step")
plots.finish(
    figure,
    alt="Three stacks of causal layers from the side, with dilations 1, 2, 4, 8: with two layers the last "
    "output sees 4 steps, with three layers 8, with four layers 16.",
)

# %% [markdown]
# Only the third: the clue is 12 steps back, so 13 steps must be seen. Doubling the dilation doubles the view
# with each layer. At 16,000 numbers a second (a voice), 14 layers see one second; without dilation it would
# take 16,000 layers.
#
# **By hand.** Kernel 2, dilations 1, 2, 4: the last layer reads steps $t$ and $t - 4$, the one below
# $t, t - 2, t - 4, t - 6$, the lowest all of $t, \ldots, t - 7$: 8 steps.
#
# **The formula.** With $n$ layers of kernel $k$ and dilations $1, 2, \ldots, 2^{n-1}$, an output sees
#
# $$1 + (k - 1)(1 + 2 + \cdots + 2^{n-1}) = 1 + (k - 1)(2^n - 1) \quad \text{steps}$$
#
# ### Exercise: `TemporalConvNet`
#
# ★★ · 20 minutes · 7 points
#
# The check asks which inputs each output depends on, and whether any of them lies in the future.
#
# <details><summary>Hint 1: zeros on one side</summary>
#
# `nn.Conv1d` pads on both sides: half of that would be the future. Put all zeros before the first step, with
# `nn.ConstantPad1d((left, 0), 0.0)` or `F.pad(x, (left, 0))`.
# </details>
# <details><summary>Hint 2: how many zeros</summary>
#
# As many as the first tap lies back: $(k - 1) \cdot \text{dilation}$. Then the length stays the same.
# </details>
# <details><summary>Hint 3: the end</summary>
#
# One more convolution with kernel 1 makes `n_outputs` of the `channels`, without ReLU.
# </details>


# %% solution="TemporalConvNet"
class TemporalConvNet(nn.Module):
    """Causal convolutions in time, each with twice the dilation of the one before it.

    Layer k = 0, 1, ..., n_layers - 1 is a convolution over time with dilation 2 ** k and a ReLU behind it;
    its last tap reads the present, and zeros stand before the first step. Behind them a convolution with
    kernel size 1 makes the outputs, without ReLU. All have a bias.

    Args:
        in_channels: numbers that arrive at each step.
        channels: filters of each of the n_layers convolutions.
        n_outputs: numbers that leave at each step.
        n_layers: number of dilated convolutions, at least 1.
        kernel_size: their taps, at least 2.

    An output depends on its own step and on those before it, 1 + (kernel_size - 1) * (2 ** n_layers - 1) in
    all.
    """

    def __init__(
        self, in_channels: int, channels: int, n_outputs: int, n_layers: int, kernel_size: int = 2
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        reads = in_channels
        for layer in range(n_layers):
            dilation = 2**layer
            layers += [
                nn.ConstantPad1d(((kernel_size - 1) * dilation, 0), 0.0),  # on the side of the past only
                nn.Conv1d(reads, channels, kernel_size, dilation=dilation),
                nn.ReLU(),
            ]
            reads = channels
        self.layers = nn.Sequential(*layers, nn.Conv1d(channels, n_outputs, 1))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn x (N, in_channels, T) into (N, n_outputs, T)."""
        ### BEGIN SOLUTION
        return self.layers(x)
        ### END SOLUTION


# %% check="TemporalConvNet" points=3
checks.run("TemporalConvNet", TemporalConvNet)

# %% hidden="TemporalConvNet" points=4
# Hidden cases: other kernels, depths and numbers of channels, short sequences, how far back each net sees and
# that it never sees the future, ReLU, what is registered, gradients, the device.
checks.run("TemporalConvNet", TemporalConvNet, hidden=True)

# %% [markdown]
# **Your network at work.** How far back each of your networks really sees, found by asking for gradients (all
# weights set to positive numbers, so that nothing cancels), beside the formula.

# %% regression="how_far_back"
print("kernel  layers   formula   sees   sees the future")
for kernel_size, n_layers in ((2, 1), (2, 3), (2, 5), (3, 2), (3, 4), (5, 3)):
    sequence = torch.zeros(1, 1, 120, dtype=torch.float64)
    behind = probes.reach(TemporalConvNet, [1, 2, 1, n_layers, kernel_size], {}, sequence)["behind"]
    formula = 1 + (kernel_size - 1) * (2**n_layers - 1)
    sees = max(behind, default=-1) + 1
    future = "yes" if min(behind, default=0) < 0 else "no"
    print(f"{kernel_size:6d} {n_layers:7d} {formula:9d} {sees:6d}   {future}")

# %% [markdown]
# **The claim measured: the accuracy jumps when the receptive field reaches the clue.** Four depths play the
# game with clues 3, 7, 8 and 12 steps back. Guessing gives 50 %. About 6 seconds on one CPU core.

# %% figure="memory_game"
CLUES, DEPTHS = (3, 7, 8, 12), (1, 2, 3, 4)


def game(n, clue, seed):
    """Sequences of notes (n, 1, 56), -1 or 1, and from step `clue` on whether the note is that of then."""
    notes = torch.randint(0, 2, (n, 56), generator=torch.Generator().manual_seed(seed))
    same = (notes[:, clue:] == notes[:, :-clue]).long()
    return (2.0 * notes - 1)[:, None].to(device), same.to(device)


def memory_game():
    """Accuracy on new sequences by clue and depth."""
    found = np.zeros((len(CLUES), len(DEPTHS)), np.float32)
    plan = [(row, column) for row in range(len(CLUES)) for column in range(len(DEPTHS))]
    for row, column in progress.bar(plan, "memory game"):
        clue = CLUES[row]
        torch.manual_seed(0)
        model = TemporalConvNet(1, 24, 2, DEPTHS[column]).to(device)
        steps = 20 if devices.quick() else 100
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps, pct_start=0.2)
        for step in range(steps):
            x, y = game(24, clue, step)
            loss = F.cross_entropy(model(x)[:, :, clue:], y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
        x, y = game(200, clue, 10**6)
        with torch.no_grad():
            found[row, column] = float((model(x)[:, :, clue:].argmax(1) == y).float().mean())
    return {"accuracy": found}


played = experiments.run("memory game", memory_game)["accuracy"]
sees = [2**n for n in DEPTHS]
figure, ax = plt.subplots(figsize=(8.5, 4))
for clue, row, style, colour in zip(CLUES, played, ("-o", "--s", "-.D", ":^"), plots.SERIES, strict=True):
    ax.plot(sees, 100 * row, style, color=colour, label=f"{clue} steps back", markersize=7)
ax.set_xscale("log", base=2)
ax.set_xticks(sees, [f"{n} layers\nsee {s}" for n, s in zip(DEPTHS, sees, strict=True)])
ax.set_ylabel("right answers [%]")
ax.set_ylim(45, 103)
ax.legend(title="the clue lies", fontsize=10.5)
plots.finish(
    figure,
    alt="Right answers against what the network sees, for clues 3, 7, 8 and 12 steps back: each curve "
    "stays at 50 percent and jumps to about 100 where the network sees one step more than that.",
)

# %% [markdown]
# Guessing, then everything right, and nothing in between. A clue 7 steps back needs a view of 8 steps, and
# three layers have just that. A clue 8 steps back needs 9: the same three layers do no better than a coin.
# **No training makes up for a receptive field that is too small.** In pictures it is the same, only less
# plain to see.
#
# > **To sleep on.** The network with four layers sees 16 steps. Does it use them all in the game with a
# > clue 3 steps back? How would you find out with one backward pass?

# %% [markdown]
# ## 12 · Which pixels matter, once more
#
# AlexNet's year was a riddle at first: why does it work? Zeiler and Fergus (*Visualizing and understanding
# convolutional networks*, 2014) looked inside. They covered parts of the picture with a grey square and
# watched the score, as you did in notebook 2, and they found that the network does look at the object. (They
# also found that AlexNet's 11 × 11 with stride 4 was too coarse, and did better with 7 × 7 and
# stride 2.) **Of your networks, does the better one look better?**
#
# First, three of them compete: your AlexNet (a twelfth of the width, pictures enlarged to 67 × 67), your VGG
# and your residual network. Same 1000 pictures of EmojiTen, same number of epochs. About 20 seconds on one
# CPU core.

# %% figure="three_compete"


class Enlarge(nn.Module):
    """Enlarges pictures for AlexNet."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, size=(67, 67), mode="bilinear")


COMPETITORS = {
    "AlexNet": lambda: nn.Sequential(Enlarge(), AlexNet(10, 1 / 12, 67)),
    "VGG": lambda: make_vgg([12, "M", 24, 24, "M", 48, 48, "M"], 3, 10),
    "ResNet": lambda: ResNet(3, 10, (8, 16, 32), 1),
}


def three_compete():
    """Accuracy of each, its weights, and how many multiply-adds a picture costs."""
    train = datasets.load("emojiten", "train", n=200 if devices.quick() else 1000)
    seen, test = (datasets.load("emojiten", split, n=500) for split in ("seen", "test"))
    found: dict[str, Any] = {}
    for name, build in COMPETITORS.items():
        torch.manual_seed(0)
        model = build()
        epochs = 1 if devices.quick() else 4
        history = training.fit(model, train, epochs, lr=5e-3, device=device, words=f"training {name}")
        found |= {
            f"{name} loss": history["loss"],
            f"{name} seen": training.accuracy(model, seen, device=device),
            f"{name} test": training.accuracy(model, test, device=device),
            f"{name} weights": training.pack(model),
        }
    return found


league = experiments.run("three compete", three_compete)
models = {name: training.unpack(build(), league[f"{name} weights"]) for name, build in COMPETITORS.items()}
print("network   parameters  multiply-adds   right: seen symbols   new symbols   loss at the end")
for name, model in models.items():
    stops = module_drawings.follow(model, (3, 32, 32))
    work = sum(stop.work for stop in stops)
    count = sum(weight.numel() for weight in model.parameters())
    ends = f"{league[f'{name} seen']:17.0%} {league[f'{name} test']:13.0%} {league[f'{name} loss'][-1]:13.2f}"
    print(f"{name:9s} {count:10,} {work:14,} {ends}")
best = max(models, key=lambda name: league[f"{name} test"])
print("best on new symbols:", best)

# %% [markdown]
# The residual network is best on both, with the fewest weights. AlexNet has several times as many, most of
# them in its linear layers, as in section 1, and needs the least work, since its first step is large. AlexNet
# and the VGG have no normalisation, and after four epochs they have hardly woken up: section 6 says why. (One
# draw each, small networks, a short training: this is what *these three* did here. Given more time the order
# may change.)
#
# Now cover. The square is 8 × 8, in steps of 3 pixels, filled with the mean colour. Orange says: covering
# this costs score. EmojiTen knows where the symbol is, so the question has a number: **what share of all drop
# lies on the symbol?** A network that looked nowhere in particular would get the share of the *picture* that
# the symbol covers.

# %% figure="occlusion_of_the_best"
PATCH, STEP = 8, 3
looked_at = datasets.load("emojiten", "test", n=40 if devices.quick() else 120)
looked_x, looked_y = looked_at.tensors(device)
with torch.no_grad():
    right = {name: model.to(device)(looked_x).argmax(1) == looked_y for name, model in models.items()}
cover = F.avg_pool2d(torch.tensor(looked_at.masks).float(), PATCH, STEP)[
    :, 0
].numpy()  # share of symbol below


def maps_of(name, places):
    """Occlusion maps of some of the pictures, for their true class."""
    maps = [
        occlusion.occlusion_map_batched(
            models[name], looked_x[k], int(looked_y[k]), PATCH, STEP, batch_size=256
        )
        for k in places
    ]
    return torch.stack(maps).cpu().numpy()


def on_the_symbol():
    """Share of the drop that lies on the symbol, for each picture that all networks have right."""
    places = [k for k in range(len(looked_y)) if all(bool(r[k]) for r in right.values())][:30]
    found: dict[str, Any] = {"places": places}
    for name in progress.bar(list(models), "covering"):
        maps = maps_of(name, places)
        drops = np.maximum(maps, 0)
        found[name] = (drops * cover[places]).sum(axis=(1, 2)) / drops.sum(axis=(1, 2))
        found[f"{name} maps"] = maps[:4].astype(np.float16)
    return found


looked = experiments.run("on the symbol", on_the_symbol)
places = looked["places"]
figure, axes = plt.subplots(len(models) + 1, 4, figsize=(7.6, 8))
for column, place in enumerate(places[:4]):
    image = looked_at.floats(standardise=False)[place]
    axes[0, column].imshow(plots.for_imshow(image), interpolation="nearest")
    axes[0, column].set_title(looked_at.classes[looked_at.labels[place]])
    for ax, name in zip(axes[1:, column], models, strict=True):
        drops = looked[f"{name} maps"][column].astype(float)
        filter_drawings.overlay(ax, image, drops, PATCH, STEP, float(np.abs(drops).max()))
for row, name in zip(axes, ("", *models), strict=True):
    row[0].text(-0.1, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=12)
    for ax in row:
        ax.set_xticks([])
        ax.set_yticks([])
plots.finish(
    figure,
    alt="Four pictures and below each the occlusion maps of AlexNet, VGG and the residual network: orange "
    "spots where covering costs score, mostly on the symbols.",
)
print(
    f"{len(places)} pictures that all three have right; the symbol covers {cover[places].mean():.0%} of them"
)
for name in models:
    share = looked[name]
    half = 1.96 * share.std() / len(share) ** 0.5
    print(
        f"{name:8s} share of the drop on the symbol: {share.mean():.0%} ± {half:.0%} (95 % range of the mean)"
    )

# %% [markdown]
# All three take their scores mostly from the symbol: about 70 to 80 % of the drop, where "nowhere in
# particular" would give a half. Zeiler and Fergus' finding holds even for these small networks. But the best
# of the three does *not* look at the symbol more than the others: the ranges overlap. It knows better what to
# make of what it sees. (A square of 8 × 8 covers symbol and background at once, so 100 % can not be reached.)
#
# > **To sleep on.** Which of your networks would you take for a telephone, which for a data centre? Which
# > number of this section would you need that is not in it?

# %% [markdown]
# ## 13 · Knowledge checks
#
# Four questions, one point each. Write the answer into the cell; it is marked after you hand in.
#
# **Question 1.** Three layers of 3 × 3 filters stand on top of each other, each with 10 channels in and 10
# out, without biases. **How many weights have the three together?** Answer with a whole number.

# %% solution="quiz_three_small" stub=""
quiz_three_small = None  # a whole number
### BEGIN SOLUTION
quiz_three_small = 2700
### END SOLUTION

# %% check="quiz_three_small" points=0
checks.quiz("quiz_three_small", quiz_three_small)

# %% hidden="quiz_three_small" points=1
# Question 1, the weights of three small layers: your answer is marked here after you hand in.
checks.quiz("quiz_three_small", quiz_three_small, hidden=True)

# %% [markdown]
# **Question 2.** A residual block computes $y = x + f(x)$, and all filters in $f$ are zero. From above
# arrives the gradient `dy`. **What leaves the block towards $x$?**
#
# - (a) nothing, because all weights are zero
# - (b) `dy`
# - (c) half of `dy`: the other half is lost in $f$
# - (d) twice `dy`: there are two ways

# %% solution="quiz_way_around" stub=""
quiz_way_around = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_way_around = "b"
### END SOLUTION

# %% check="quiz_way_around" points=0
checks.quiz("quiz_way_around", quiz_way_around)

# %% hidden="quiz_way_around" points=1
# Question 2, the gradient around a block: your answer is marked here after you hand in.
checks.quiz("quiz_way_around", quiz_way_around, hidden=True)

# %% [markdown]
# **Question 3.** A plain network of 56 layers ends with more mistakes *on its training pictures* than one of
# 20 layers. Both have normalisations, and the gradient that arrives at their first layers is not small.
# **What is this?**
#
# - (a) overfitting: the deeper network has too many weights
# - (b) the vanishing gradient
# - (c) degradation: the deeper network could do as well, but is harder to train
# - (d) too few training pictures

# %% solution="quiz_deeper_and_worse" stub=""
quiz_deeper_and_worse = None  # "a", "b", "c" or "d"
### BEGIN SOLUTION
quiz_deeper_and_worse = "c"
### END SOLUTION

# %% check="quiz_deeper_and_worse" points=0
checks.quiz("quiz_deeper_and_worse", quiz_deeper_and_worse)

# %% hidden="quiz_deeper_and_worse" points=1
# Question 3, deeper and worse: your answer is marked here after you hand in.
checks.quiz("quiz_deeper_and_worse", quiz_deeper_and_worse, hidden=True)

# %% [markdown]
# **Question 4.** A U-Net works with 16 channels on level 0, 32 on level 1, 64 on level 2 and so on. On its
# way up it arrives on level 1, and puts the skip beside what came up. **How many channels does the next
# convolution read?** Answer with a whole number.

# %% solution="quiz_channels_beside" stub=""
quiz_channels_beside = None  # a whole number
### BEGIN SOLUTION
quiz_channels_beside = 64
### END SOLUTION

# %% check="quiz_channels_beside" points=0
checks.quiz("quiz_channels_beside", quiz_channels_beside)

# %% hidden="quiz_channels_beside" points=1
# Question 4, channels side by side: your answer is marked here after you hand in.
checks.quiz("quiz_channels_beside", quiz_channels_beside, hidden=True)

# %% [markdown]
# ## Your tables, compared with ours
#
# This notebook has eight tables that your functions printed, from the counts in section 1 to the receptive
# fields in section 11. When it is graded, they are computed once more and compared with ours. Each one that
# agrees earns its share of 4 points.

# %% regression_points=4
# Nothing to do here: the points for the tables are entered in this cell.

# %% [markdown]
# ## What you have now
#
# | you can | because you wrote |
# |---|---|
# | say what any network costs, and find a number that does not fit | `activation_volumes` and two counters |
# | build the networks that others are copies of | `AlexNet`, `make_vgg`, `ResNet` |
# | keep a gradient alive, and go back through a sum | `residual_block`, `residual_block_backward` |
# | tell a vanishing gradient from degradation | `gradient_norms`, and twins that differ in one thing |
# | squeeze pictures through a few numbers | `Autoencoder` |
# | answer with a picture, and say how good it is | `up_and_concat`, `UNet`, `psnr`, `iou` |
# | give a network a memory of a known length | `TemporalConvNet` |
#
# Look at the dots of section 6 once more: nearly all networks did better on the pictures that they had
# learned than on new ones. And the step size, the schedule, the first weights were *given*. Notebook 5 puts
# them into your hands: **how do you train such a network well, and how do you keep it from learning its
# pictures by heart?**
