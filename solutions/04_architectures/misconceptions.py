"""Wrong answers to the exercises of notebook 4 that real students write, each with a good teacher's hint.

Most are a right answer with one mistake put in, so that the mistake shows at a glance. Instructors only.
"""

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Misconceptions
from utils.convolution import conv2d, conv2d_backward

wrong = Misconceptions()


def need(condition, words):
    if not condition:
        raise ValueError(words)


def out_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


def follow(layers, shape, out=out_size, fits=None, settings=lambda kernel, stride: (kernel, stride)):
    """The right answer, with places for a mistake in the sizes; `fits` looks whether a window fits."""
    volumes = [tuple(shape)]
    for word, *numbers in layers:
        need(word in ("conv", "pool", "linear"), "no layer")
        shape = volumes[-1]
        if word == "linear":
            need(math.prod(shape) == numbers[0], "other numbers")
            volumes.append((numbers[1],))
            continue
        need(len(shape) == 3, "no volume")
        if word == "conv":
            reads, channels, kernel, stride, padding = numbers
            need(reads == shape[0], "other channels")
        else:
            channels, padding = shape[0], 0
            kernel, stride = settings(*numbers)
        need(
            min(shape[1:]) + 2 * padding >= kernel if fits is None else fits(shape, kernel, padding), "no fit"
        )
        volumes.append((channels, *(out(size, kernel, stride, padding) for size in shape[1:])))
    return volumes


def careless(layers, shape, out=out_size):
    """The same without any look at whether things fit."""
    volumes = [tuple(shape)]
    for word, *numbers in layers:
        shape = volumes[-1]
        if word == "linear":
            volumes.append((numbers[1],))
        elif word == "conv":
            volumes.append((numbers[1], *(out(size, *numbers[2:]) for size in shape[1:])))
        else:
            volumes.append((shape[0], *(out(size, *numbers[:2], 0) for size in shape[1:])))
    return volumes


@wrong(
    "activation_volumes",
    "padding on one side",
    "You add the padding once. The frame lies on both sides: a side becomes longer by twice the padding.",
)
def _(layers, input_shape):
    return follow(
        layers,
        input_shape,
        lambda size, k, s, p: (size + p - k) // s + 1,
        lambda shape, k, p: min(shape[1:]) + p >= k,
    )


@wrong(
    "activation_volumes",
    "padding ignored",
    "You leave the padding out. It makes both sides of the picture longer before a window moves over it.",
)
def _(layers, input_shape):
    return follow(
        layers,
        input_shape,
        lambda size, k, s, p: (size - k) // s + 1,
        lambda shape, k, p: min(shape[1:]) >= k,
    )


@wrong(
    "activation_volumes",
    "one window forgotten",
    "Each side is one too short: the window at the very start counts as well, hence the + 1.",
)
def _(layers, input_shape):
    volumes = [tuple(input_shape)]
    right = follow(layers, input_shape)  # raises the errors that are due
    for layer, due in zip(layers, right[1:], strict=True):
        shape = volumes[-1]
        if layer[0] == "linear":
            volumes.append(due)
        else:
            kernel, stride, padding = layer[3:] if layer[0] == "conv" else (*layer[1:], 0)
            sides = [(size + 2 * padding - kernel) // stride for size in shape[1:]]
            volumes.append((due[0], *sides))
    return volumes


@wrong(
    "activation_volumes",
    "rounded up",
    "Where the stride does not divide you round up. A window that hangs over the edge does not count: floor.",
)
def _(layers, input_shape):
    right = follow(layers, input_shape)
    volumes = [right[0]]
    for layer, due in zip(layers, right[1:], strict=True):
        shape = volumes[-1]
        if layer[0] == "linear":
            volumes.append(due)
        else:
            kernel, stride, padding = layer[3:] if layer[0] == "conv" else (*layer[1:], 0)
            volumes.append((due[0], *(-((kernel - size - 2 * padding) // stride) + 1 for size in shape[1:])))
    return volumes


@wrong(
    "activation_volumes",
    "width from the height",
    "Your volumes are as wide as high. The width follows from the width that came in, as the height does "
    "from "
    "the height.",
)
def _(layers, input_shape):
    return [(v[0], v[1], v[1]) if len(v) == 3 and i else v for i, v in enumerate(follow(layers, input_shape))]


@wrong(
    "activation_volumes",
    "height and width exchanged",
    "Height and width have changed places: a volume is (channels, height, width).",
)
def _(layers, input_shape):
    return [(v[0], v[2], v[1]) if len(v) == 3 and i else v for i, v in enumerate(follow(layers, input_shape))]


@wrong(
    "activation_volumes",
    "channels last",
    "You put the channels last. Here a volume is (channels, height, width).",
)
def _(layers, input_shape):
    return [(*v[1:], v[0]) if len(v) == 3 else v for v in follow(layers, input_shape)]


@wrong(
    "activation_volumes",
    "channels kept",
    "A convolution makes one slice for each of its filters: the new number of channels is its out_channels.",
)
def _(layers, input_shape):
    right = follow(layers, input_shape)
    return [right[0]] + [
        (layer[1], *due[1:]) if layer[0] == "conv" else due
        for layer, due in zip(layers, right[1:], strict=True)
    ]


@wrong(
    "activation_volumes",
    "poolings side by side",
    "You let the windows of a pooling stand side by side. The layer says the stride: they may overlap.",
)
def _(layers, input_shape):
    right = follow(layers, input_shape)
    volumes = [right[0]]
    for layer, due in zip(layers, right[1:], strict=True):
        shape = volumes[-1]
        if layer[0] == "linear":
            volumes.append(due)
        elif layer[0] == "pool":
            volumes.append((due[0], *((size - layer[1]) // layer[1] + 1 for size in shape[1:])))
        else:
            volumes.append((due[0], *(out_size(size, *layer[3:]) for size in shape[1:])))
    return volumes


@wrong(
    "activation_volumes",
    "kernel and stride of the pooling exchanged",
    "In a pooling layer the kernel comes first, then the stride. You read them the other way round.",
)
def _(layers, input_shape):
    return follow(layers, input_shape, settings=lambda kernel, stride: (stride, kernel))


@wrong(
    "activation_volumes",
    "input left out",
    "The list should begin with the input's own volume, before the first layer.",
)
def _(layers, input_shape):
    return follow(layers, input_shape)[1:]


@wrong(
    "activation_volumes", "last volume only", "You return the last volume. All of them are due, in a list."
)
def _(layers, input_shape):
    return follow(layers, input_shape)[-1]


@wrong(
    "activation_volumes",
    "flattening counted as a layer",
    "You note the flattened volume as a step of its own. The list has one entry for each layer.",
)
def _(layers, input_shape):
    right = follow(layers, input_shape)
    found = right[:1]
    for layer, before, after in zip(layers, right, right[1:], strict=False):
        if layer[0] == "linear" and len(before) == 3:
            found.append((math.prod(before),))
        found.append(after)
    return found


@wrong(
    "activation_volumes",
    "number in place of a tuple",
    "Behind a linear layer you note a plain number. Its volume is a tuple with one entry: (n,).",
)
def _(layers, input_shape):
    return [v[0] if len(v) == 1 else v for v in follow(layers, input_shape)]


@wrong(
    "activation_volumes",
    "sizes as floats",
    "Your sizes are floats: `/` always makes one. `//` divides whole numbers and rounds down.",
)
def _(layers, input_shape):
    right = follow(layers, input_shape)
    return right[:1] + [(v[0], float(v[1]), float(v[2])) if len(v) == 3 else v for v in right[1:]]


NO_LOOK = (
    "nothing is looked at",
    "Layers that do not fit are let through. Compare what a layer reads with what arrives, look whether a "
    "window fits, and raise a ValueError.",
)


@wrong("activation_volumes", *NO_LOOK)
def _(layers, input_shape):
    return careless(layers, input_shape)


@wrong(
    "activation_volumes",
    "what a layer reads is not compared",
    "A window that does not fit is found, but not a layer that reads something else than what arrives.",
)
def _(layers, input_shape):
    need(all(layer[0] in ("conv", "pool", "linear") for layer in layers), "no layer")
    volumes = careless(layers, input_shape)
    need(all(min(volume) > 0 for volume in volumes), "no fit")
    return volumes


@wrong(
    "activation_volumes",
    "fit looked for without the frame",
    "You refuse windows that fit once the padding is there. Compare the kernel with the padded sides.",
)
def _(layers, input_shape):
    return follow(layers, input_shape, fits=lambda shape, k, p: min(shape[1:]) >= k)


@wrong(
    "activation_volumes",
    "list used up",
    "Your code takes the layers out of the list that it was given. Others still need it: leave it as it was.",
)
def _(layers, input_shape):
    volumes = follow(layers, input_shape)
    layers.clear()
    return volumes


def weights_of(layers, of_conv, of_linear, of_pool=lambda kernel, stride: 0):
    """Something counted for each layer, and the error that is due."""
    ways = {"conv": of_conv, "linear": of_linear, "pool": of_pool}
    need(all(layer[0] in ways for layer in layers), "no layer")
    return sum(ways[word](*numbers) for word, *numbers in layers)


def conv_weights(reads, writes, kernel, stride, padding):
    return writes * (reads * kernel * kernel + 1)


def linear_weights(reads, writes):
    return writes * (reads + 1)


@wrong(
    "count_parameters",
    "no biases",
    "You count the weights only. Each filter, and each output of a linear layer, has a bias as well.",
)
def _(layers):
    return weights_of(layers, lambda r, w, k, *_: w * r * k * k, lambda reads, writes: reads * writes)


@wrong(
    "count_parameters",
    "one bias for a layer",
    "You count one bias for each layer. There is one for each filter, and one for each output.",
)
def _(layers):
    return weights_of(layers, lambda r, w, k, *_: w * r * k * k + 1, lambda reads, writes: reads * writes + 1)


@wrong(
    "count_parameters",
    "biases of what comes in",
    "You count a bias for each input. It is added to an output: one for each filter or output.",
)
def _(layers):
    return weights_of(
        layers, lambda r, w, k, *_: w * r * k * k + r, lambda reads, writes: reads * writes + reads
    )


@wrong(
    "count_parameters",
    "biases in convolutions only",
    "Linear layers have biases as well: one for each output.",
)
def _(layers):
    return weights_of(layers, conv_weights, lambda reads, writes: reads * writes)


@wrong(
    "count_parameters",
    "biases in linear layers only",
    "Convolutions have biases as well: one for each filter.",
)
def _(layers):
    return weights_of(layers, lambda r, w, k, *_: w * r * k * k, linear_weights)


@wrong(
    "count_parameters",
    "kernel not squared",
    "A filter is kernel high and kernel wide: it has kernel · kernel weights for each channel.",
)
def _(layers):
    return weights_of(layers, lambda r, w, k, *_: w * (r * k + 1), linear_weights)


@wrong(
    "count_parameters",
    "filters that read one channel",
    "Each filter reads all channels that come in: it has kernel · kernel weights for each of them.",
)
def _(layers):
    return weights_of(layers, lambda r, w, k, *_: w * (k * k + 1), linear_weights)


@wrong(
    "count_parameters",
    "one filter only",
    "You count the weights of one filter. The layer has out_channels of them.",
)
def _(layers):
    return weights_of(layers, lambda r, w, k, *_: r * k * k + 1, linear_weights)


@wrong(
    "count_parameters",
    "pooling with weights",
    "You count weights in the pooling. It takes a maximum: there is nothing to learn.",
)
def _(layers):
    return weights_of(layers, conv_weights, linear_weights, lambda kernel, stride: kernel * kernel)


@wrong(
    "count_parameters",
    "linear layers forgotten",
    "You count the convolutions only. The linear layers have weights, too, and many of them.",
)
def _(layers):
    return weights_of(layers, conv_weights, lambda reads, writes: 0)


@wrong(
    "count_parameters",
    "one number for each layer",
    "You return a list. Add the numbers of the layers up.",
)
def _(layers):
    weights_of(layers, conv_weights, linear_weights)
    return [weights_of([layer], conv_weights, linear_weights) for layer in layers]


@wrong(
    "count_parameters",
    "unknown words let through",
    "A word that is no layer counts as nothing. Raise a ValueError for it: it may be a slip of the pen.",
)
def _(layers):
    known = [layer for layer in layers if layer[0] in ("conv", "linear")]
    return weights_of(known, conv_weights, linear_weights)


@wrong(
    "count_parameters",
    "list used up",
    "Your code takes the layers out of the list that it was given. Others still need it: leave it as it was.",
)
def _(layers):
    count = weights_of(layers, conv_weights, linear_weights)
    layers.clear()
    return count


def work(layers, shape, of_conv, of_linear=lambda reads, writes: reads * writes, of_pool=lambda *_: 0):
    """Something counted for each layer: of_conv(volume before, volume after, reads, kernel)."""
    volumes = follow(layers, shape)
    total = 0
    for (word, *numbers), before, after in zip(layers, volumes, volumes[1:], strict=False):
        if word == "conv":
            total += of_conv(before, after, numbers[0], numbers[2])
        elif word == "linear":
            total += of_linear(*numbers)
        else:
            total += of_pool(after, numbers[0])
    return total


def conv_work(before, after, reads, kernel):
    return math.prod(after) * reads * kernel * kernel


@wrong(
    "count_multiply_adds",
    "biases counted",
    "You count the biases as well. They are added, not multiplied: leave them out.",
)
def _(layers, input_shape):
    return work(
        layers,
        input_shape,
        lambda before, after, reads, k: math.prod(after) * (reads * k * k + 1),
        lambda reads, writes: (reads + 1) * writes,
    )


@wrong(
    "count_multiply_adds",
    "places of the input",
    "You count one window for each pixel of the input. There is one for each number of the output.",
)
def _(layers, input_shape):
    return work(
        layers,
        input_shape,
        lambda before, after, reads, k: after[0] * before[1] * before[2] * reads * k * k,
    )


@wrong(
    "count_multiply_adds",
    "filters that read one channel",
    "Each filter reads all channels that come in: in · kernel · kernel multiplications for one output "
    "number.",
)
def _(layers, input_shape):
    return work(layers, input_shape, lambda before, after, reads, k: math.prod(after) * k * k)


@wrong(
    "count_multiply_adds",
    "one filter only",
    "You count the work of one filter. Each of the out_channels filters does it.",
)
def _(layers, input_shape):
    return work(layers, input_shape, lambda before, after, reads, k: after[1] * after[2] * reads * k * k)


@wrong(
    "count_multiply_adds",
    "kernel not squared",
    "A filter is kernel high and kernel wide: kernel · kernel multiplications for each channel.",
)
def _(layers, input_shape):
    return work(layers, input_shape, lambda before, after, reads, k: math.prod(after) * reads * k)


@wrong(
    "count_multiply_adds",
    "parameters in place of work",
    "You count the weights. Each weight of a filter is used again at every place of the output.",
)
def _(layers, input_shape):
    return work(layers, input_shape, lambda before, after, reads, k: after[0] * reads * k * k)


@wrong(
    "count_multiply_adds",
    "multiplications and additions apart",
    "You count each multiplication and each addition. A multiply-add is both in one.",
)
def _(layers, input_shape):
    return 2 * work(layers, input_shape, conv_work)


@wrong(
    "count_multiply_adds",
    "pooling counted",
    "You count the comparisons of the pooling as well. Only multiplications by a weight count here.",
)
def _(layers, input_shape):
    return work(
        layers, input_shape, conv_work, of_pool=lambda after, kernel: math.prod(after) * kernel * kernel
    )


@wrong(
    "count_multiply_adds", "linear layers forgotten", "A linear layer multiplies in · out times: add that."
)
def _(layers, input_shape):
    return work(layers, input_shape, conv_work, lambda reads, writes: 0)


@wrong(
    "count_multiply_adds",
    "square output",
    "You take the output for square. Its width follows from the width of what comes in.",
)
def _(layers, input_shape):
    return work(
        layers, input_shape, lambda before, after, reads, k: after[0] * after[1] * after[1] * reads * k * k
    )


@wrong(
    "count_multiply_adds",
    "frame left out",
    "You leave out what meets the padding. The zeros are multiplied like other numbers: count them, too.",
)
def _(layers, input_shape):
    volumes = follow(layers, input_shape)
    total = 0
    for (word, *numbers), before, after in zip(layers, volumes, volumes[1:], strict=False):
        if word == "linear":
            total += numbers[0] * numbers[1]
        elif word == "conv":
            reads, writes, kernel, stride, padding = numbers
            met = [
                sum(
                    0 <= place * stride - padding + tap < size
                    for place in range(count)
                    for tap in range(kernel)
                )
                for size, count in zip(before[1:], after[1:], strict=True)
            ]
            total += reads * writes * met[0] * met[1]
    return total


@wrong("count_multiply_adds", *NO_LOOK)
def _(layers, input_shape):
    total, volumes = 0, careless(layers, input_shape)
    for (word, *numbers), after in zip(layers, volumes[1:], strict=True):
        if word == "conv":
            total += conv_work(None, after, numbers[0], numbers[2])
        elif word == "linear":
            total += numbers[0] * numbers[1]
    return total


@wrong(
    "count_multiply_adds",
    "list used up",
    "Your code takes the layers out of the list that it was given. Others still need it: leave it as it was.",
)
def _(layers, input_shape):
    count = work(layers, input_shape, conv_work)
    layers.clear()
    return count


class OnTheCPU(nn.Module):
    """Makes a new tensor without a device."""

    def forward(self, x):
        return x + torch.zeros(x.shape[-1], dtype=x.dtype)


class OnOneGPU(nn.Module):
    """Makes a new tensor on a GPU that it looks for itself."""

    def forward(self, x):
        own = "cuda" if torch.cuda.is_available() else "cpu"
        return x + torch.zeros(x.shape[-1], dtype=x.dtype, device=own)


class NotRegistered(nn.Module):
    """Keeps a tensor that does not move along."""

    def __init__(self):
        super().__init__()
        self.shift = torch.zeros(1)

    def forward(self, x):
        return x + self.shift.to(x.dtype)


def behind(layer, right):
    """The right network behind one more layer."""

    class Behind(right):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.in_front = layer()

        def forward(self, x):
            return super().forward(self.in_front(x))

    return Behind


OWN_GPU = (
    "a device of its own",
    'The network looks for a GPU itself (`"cuda" if torch.cuda.is_available()`). New tensors belong where x '
    "is: `device=x.device`.",
)
BUFFER = (
    "a tensor that is not registered",
    "A tensor that the network keeps stays on the CPU when the network is moved: `self.register_buffer` "
    "makes it go along (and be saved).",
)
CPU = (
    "tensor on the CPU",
    "A tensor is made without a device inside `forward`, so it is on the CPU: on a GPU your code stops. "
    "Give it "
    "`device=x.device`, or register it as a buffer.",
)
PLAIN_LIST = (
    "layers in a plain list",
    "The layers lie in a Python list, where the network does not see them: they are not trained, moved or "
    "saved. Use nn.ModuleList or nn.Sequential.",
)
SOFTMAX = (
    "softmax at the end",
    "Scores are due, as they come out of the last layer: F.cross_entropy takes the softmax itself.",
)
LAST_RELU = (
    "ReLU behind the scores",
    "The scores go through a ReLU, so that none can be below 0. Nothing stands behind the last layer.",
)
NO_GRADIENT = (
    "graph cut off",
    "Something in `forward` (`detach`, `no_grad`, `.data`) cuts the graph: the gradient does not get back.",
)


class RightAlexNet(nn.Module):
    """The right answer, with places for mistakes."""

    activate = nn.ReLU
    between = nn.ReLU  # the linear layers
    pool = staticmethod(lambda: nn.MaxPool2d(3, stride=2))
    first_padding = 0
    groups = 1
    bias = True
    rounding = round
    linear_layers = 3
    pools = (0, 1, 4)
    kernels = (11, 5, 3, 3, 3)

    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        super().__init__()
        counts = [type(self).rounding(width * count) for count in (96, 256, 384, 384, 256, 4096)]
        layers = []
        for index, (reads, writes) in enumerate(zip([in_channels, *counts], counts[:5], strict=False)):
            kernel = self.kernels[index]
            padding = kernel // 2 if index else self.first_padding
            groups = self.groups if index in (1, 3, 4) and reads % 2 == writes % 2 == 0 else 1
            layers.append(
                nn.Conv2d(reads, writes, kernel, 1 if index else 4, padding, groups=groups, bias=self.bias)
            )
            layers += self.behind(writes)
            if index in self.pools:
                layers.append(self.pool())
        size = (image_size + 2 * self.first_padding - 11) // 4 + 1
        for _ in self.pools:
            size = self.pooled(size)
        self.features = nn.Sequential(*layers)
        self.classifier = self.head(counts[4] * size * size, counts[5], n_classes)

    def behind(self, channels):
        return [self.activate()]

    @staticmethod
    def pooled(size):
        return (size - 3) // 2 + 1

    def head(self, features, hidden, n_classes):
        layers = [nn.Flatten()]
        reads = features
        for _ in range(self.linear_layers - 1):
            layers += [nn.Linear(reads, hidden, bias=self.bias), self.between()]
            reads = hidden
        return nn.Sequential(*layers, nn.Linear(reads, n_classes, bias=self.bias))

    def forward(self, x):
        return self.classifier(self.features(x))


@wrong("AlexNet", *LAST_RELU)
class _(RightAlexNet):
    def forward(self, x):
        return F.relu(super().forward(x))


@wrong("AlexNet", *SOFTMAX)
class _(RightAlexNet):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@wrong(
    "AlexNet",
    "no ReLU between the linear layers",
    "Between the linear layers nothing is bent: three of them in a row are no more than one. Put a ReLU "
    "behind "
    "the first two.",
)
class _(RightAlexNet):
    between = nn.Identity


@wrong(
    "AlexNet",
    "no ReLU behind the convolutions",
    "Behind each convolution stands a ReLU; yours are missing.",
)
class _(RightAlexNet):
    activate = nn.Identity


@wrong(
    "AlexNet",
    "another activation",
    "You bend with another function than ReLU. AlexNet was fast to train because it did not.",
)
class _(RightAlexNet):
    activate = between = nn.Tanh


@wrong(
    "AlexNet",
    "pooling without overlap",
    "Your pooling windows are 2 x 2. Here they are 3 x 3 and move by 2, so that they overlap.",
)
class _(RightAlexNet):
    pool = staticmethod(lambda: nn.MaxPool2d(2, stride=2))
    pooled = staticmethod(lambda size: size // 2)


@wrong("AlexNet", "average pooling", "Your pooling takes the mean of a window. AlexNet takes the maximum.")
class _(RightAlexNet):
    pool = staticmethod(lambda: nn.AvgPool2d(3, stride=2))


@wrong(
    "AlexNet",
    "pooling behind each convolution",
    "There are three poolings: behind the first, the second and the fifth convolution. Look at the places "
    "again.",
)
class _(RightAlexNet):
    pools = (0, 1, 2)


@wrong(
    "AlexNet",
    "frame on the first convolution",
    "Your first convolution has a frame of zeros. Here the pictures have 227 pixels so that it needs none.",
)
class _(RightAlexNet):
    first_padding = 2


@wrong(
    "AlexNet",
    "two groups",
    "In the original half of the filters read half of the channels, because it ran on two GPUs. Here each "
    "filter reads all of them.",
)
class _(RightAlexNet):
    groups = 2


@wrong(
    "AlexNet",
    "kernels in another order",
    "The kernels become smaller: 11 x 11, then 5 x 5, then three times 3 x 3.",
)
class _(RightAlexNet):
    kernels = (11, 3, 3, 3, 5)


@wrong("AlexNet", "no biases", "All eight layers have a bias: leave `bias=False` out.")
class _(RightAlexNet):
    bias = False


@wrong(
    "AlexNet",
    "dropout kept",
    "Your network has dropout, as the original. Here it is left out; notebook 5 comes back to it.",
)
class _(RightAlexNet):
    def forward(self, x):
        torch.manual_seed(0)
        return self.classifier(F.dropout(self.features(x), 0.5, self.training))


@wrong(
    "AlexNet",
    "local response normalisation kept",
    "Your network has the original's local response normalisation. Here it is left out.",
)
class _(RightAlexNet):
    def behind(self, channels):
        return [nn.ReLU(), nn.LocalResponseNorm(5, alpha=1e-2)]


@wrong(
    "AlexNet",
    "batch normalisation put in",
    "Your network has batch normalisation, which came three years later. Leave it out here.",
)
class _(RightAlexNet):
    def behind(self, channels):
        return [nn.BatchNorm2d(channels), nn.ReLU()]


@wrong(
    "AlexNet",
    "widths rounded down",
    "`int` cuts off what stands behind the point. The numbers of filters are rounded: round(width * 96).",
)
class _(RightAlexNet):
    rounding = int


@wrong("AlexNet", "widths rounded up", "You round up. The numbers of filters are rounded: round(width * 96).")
class _(RightAlexNet):
    rounding = math.ceil


@wrong(
    "AlexNet",
    "width ignored in a linear layer",
    "The width also multiplies the numbers of hidden units, 4096 in each of two layers.",
)
class _(RightAlexNet):
    def head(self, features, hidden, n_classes):
        first = [nn.Flatten(), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 4096), nn.ReLU()]
        return nn.Sequential(*first, nn.Linear(4096, n_classes))


@wrong(
    "AlexNet",
    "one linear layer too few",
    "There are three linear layers: two with hidden units, one that makes the scores.",
)
class _(RightAlexNet):
    linear_layers = 2


@wrong(
    "AlexNet",
    "mean in place of flattening",
    "You take the mean of each channel. Here the volume is flattened: the first linear layer reads each "
    "place.",
)
class _(RightAlexNet):
    def head(self, features, hidden, n_classes):
        channels = [layer for layer in self.features if isinstance(layer, nn.Conv2d)][-1].out_channels
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), *super().head(channels, hidden, n_classes))


@wrong("AlexNet", *PLAIN_LIST)
class _(RightAlexNet):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.layers = list(self.classifier)
        del self.classifier

    def forward(self, x):
        x = self.features(x)
        for layer in self.layers:
            x = layer(x)
        return x


wrong("AlexNet", *OWN_GPU)(behind(OnOneGPU, RightAlexNet))
wrong("AlexNet", *BUFFER)(behind(NotRegistered, RightAlexNet))


@wrong("AlexNet", *CPU)
class _(RightAlexNet):
    def forward(self, x):
        return super().forward(OnTheCPU()(x))


@wrong("AlexNet", *NO_GRADIENT)
class _(RightAlexNet):
    def forward(self, x):
        return self.classifier(self.features(x).detach())


def planned(config, in_channels, conv, pooling=lambda: nn.MaxPool2d(2)):
    """The layers of a plan and the channels that leave them."""
    layers, channels = [], in_channels
    for entry in config:
        if entry == "M":
            layers.append(pooling())
            continue
        need(isinstance(entry, int) and entry > 0, "no entry")
        layers += conv(channels, entry)
        channels = entry
    return layers, channels


def pair(reads, writes):
    return [nn.Conv2d(reads, writes, 3, padding=1), nn.ReLU()]


def headed(layers, channels, n_classes, head=None):
    mean = [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if head is None else head
    return nn.Sequential(*layers, *mean, nn.Linear(channels, n_classes))


@wrong(
    "make_vgg",
    "no ReLU",
    "Behind each convolution stands a ReLU; yours are missing. Without them all layers together are one.",
)
def _(config, in_channels, n_classes):
    return headed(*planned(config, in_channels, lambda r, w: pair(r, w)[:1]), n_classes)


@wrong(
    "make_vgg",
    "one ReLU for a stage",
    "The ReLU stands before the pooling only. It belongs behind each convolution.",
)
def _(config, in_channels, n_classes):
    layers, channels = planned(
        config, in_channels, lambda r, w: pair(r, w)[:1], lambda: nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    )
    if config and config[-1] != "M":
        layers.append(nn.ReLU())
    return headed(layers, channels, n_classes)


@wrong(
    "make_vgg",
    "no padding",
    "Your convolutions have no padding, so that the picture becomes smaller in each. Padding 1 keeps its "
    "size.",
)
def _(config, in_channels, n_classes):
    layers, channels = planned(config, in_channels, lambda r, w: [nn.Conv2d(r, w, 3), nn.ReLU()])
    return headed(layers, channels, n_classes)


@wrong(
    "make_vgg",
    "larger kernels",
    "Your filters are 5 x 5. The idea of VGG is many small ones: 3 x 3.",
)
def _(config, in_channels, n_classes):
    layers, channels = planned(config, in_channels, lambda r, w: [nn.Conv2d(r, w, 5, padding=2), nn.ReLU()])
    return headed(layers, channels, n_classes)


@wrong("make_vgg", "average pooling", 'Your "M" takes the mean of a window. M stands for the maximum.')
def _(config, in_channels, n_classes):
    return headed(*planned(config, in_channels, pair, lambda: nn.AvgPool2d(2)), n_classes)


@wrong(
    "make_vgg",
    "poolings that overlap",
    "Your pooling windows are 3 x 3. In VGG they are 2 x 2 with stride 2, side by side.",
)
def _(config, in_channels, n_classes):
    layers, channels = planned(config, in_channels, pair, lambda: nn.MaxPool2d(3, stride=2, padding=1))
    return headed(layers, channels, n_classes)


@wrong(
    "make_vgg",
    "maximum over all places",
    "Before the linear layer you take the largest number of each channel. The mean over all places is "
    "asked for.",
)
def _(config, in_channels, n_classes):
    layers, channels = planned(config, in_channels, pair)
    return headed(layers, channels, n_classes, [nn.AdaptiveMaxPool2d(1), nn.Flatten()])


@wrong(
    "make_vgg",
    "flattened in place of the mean",
    "Your linear layer reads each place, so it fits one size of pictures only. Take the mean of each channel "
    "first.",
)
def _(config, in_channels, n_classes):
    layers, _ = planned(config, in_channels, pair)
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(n_classes))


@wrong("make_vgg", *LAST_RELU)
def _(config, in_channels, n_classes):
    return nn.Sequential(headed(*planned(config, in_channels, pair), n_classes), nn.ReLU())


@wrong("make_vgg", *SOFTMAX)
def _(config, in_channels, n_classes):
    return nn.Sequential(headed(*planned(config, in_channels, pair), n_classes), nn.Softmax(dim=1))


@wrong(
    "make_vgg",
    "normalisation put in",
    "Your network has normalisations, which came after VGG. Leave them out here.",
)
def _(config, in_channels, n_classes):
    def layers(reads, writes):
        return [nn.Conv2d(reads, writes, 3, padding=1), nn.BatchNorm2d(writes), nn.ReLU()]

    return headed(*planned(config, in_channels, layers), n_classes)


@wrong("make_vgg", "no biases", "The convolutions have a bias here: leave `bias=False` out.")
def _(config, in_channels, n_classes):
    def layers(reads, writes):
        return [nn.Conv2d(reads, writes, 3, padding=1, bias=False), nn.ReLU()]

    return headed(*planned(config, in_channels, layers), n_classes)


@wrong("make_vgg", "dropout kept", "Your network has dropout, as the original. Here it is left out.")
def _(config, in_channels, n_classes):
    class Dropped(nn.Module):
        def forward(self, x):
            torch.manual_seed(0)
            return F.dropout(x, 0.5, self.training)

    layers, channels = planned(config, in_channels, pair)
    return headed([*layers, Dropped()], channels, n_classes)


@wrong(
    "make_vgg",
    "channels of the input everywhere",
    "Each convolution of yours reads in_channels. It should read what the one before it wrote.",
)
def _(config, in_channels, n_classes):
    layers, channels = planned(config, in_channels, lambda reads, writes: pair(in_channels, writes))
    return headed(layers, channels, n_classes)


@wrong(
    "make_vgg",
    "one layer used again",
    "Where two convolutions have the same sizes you use one and the same layer twice. Make a new one each "
    "time.",
)
def _(config, in_channels, n_classes):
    made = {}

    def layers(reads, writes):
        return made.setdefault((reads, writes), pair(reads, writes))

    return headed(*planned([4 if entry == 5 else entry for entry in config], in_channels, layers), n_classes)


@wrong("make_vgg", *PLAIN_LIST)
class _(nn.Module):
    def __init__(self, config, in_channels, n_classes):
        super().__init__()
        self.layers, channels = planned(config, in_channels, pair)
        self.head = nn.Linear(channels, n_classes)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(dim=(2, 3)))


@wrong("make_vgg", *OWN_GPU)
def _(config, in_channels, n_classes):
    return nn.Sequential(OnOneGPU(), headed(*planned(config, in_channels, pair), n_classes))


@wrong("make_vgg", *BUFFER)
def _(config, in_channels, n_classes):
    return nn.Sequential(NotRegistered(), headed(*planned(config, in_channels, pair), n_classes))


@wrong("make_vgg", *CPU)
def _(config, in_channels, n_classes):
    return nn.Sequential(OnTheCPU(), headed(*planned(config, in_channels, pair), n_classes))


@wrong(
    "make_vgg",
    "strange entries let through",
    'An entry that is neither a positive number nor "M" is passed over. Raise a ValueError: it may be a slip '
    "of the pen.",
)
def _(config, in_channels, n_classes):
    known = [entry for entry in config if entry == "M" or (isinstance(entry, int) and entry > 0)]
    return headed(*planned(known, in_channels, pair), n_classes)


@wrong(
    "make_vgg",
    "plan used up",
    "Your code takes the entries out of the plan that it was given. Others still need it: leave it as it "
    "was.",
)
def _(config, in_channels, n_classes):
    model = headed(*planned(config, in_channels, pair), n_classes)
    config.clear()
    return model


def through(x, w1, w2):
    return conv2d(np.maximum(conv2d(x, w1, padding=1), 0), w2, padding=1)


def whole(x, w1, w2):
    return np.maximum(x + through(x, w1, w2), 0)


@wrong(
    "residual_block",
    "no skip",
    "The way around is missing: x is added to what comes out of the two convolutions.",
)
def _(x, w1, w2):
    return np.maximum(through(x, w1, w2), 0), (x, w1, w2)


@wrong(
    "residual_block",
    "skip added behind the ReLU",
    "You add x behind the last ReLU. First the sum, then the ReLU.",
)
def _(x, w1, w2):
    return x + np.maximum(through(x, w1, w2), 0), (x, w1, w2)


@wrong("residual_block", "no last ReLU", "The sum should go through a ReLU at the end.")
def _(x, w1, w2):
    return x + through(x, w1, w2), (x, w1, w2)


@wrong(
    "residual_block",
    "no ReLU between the convolutions",
    "Between the two convolutions stands a ReLU. Without it they are one convolution.",
)
def _(x, w1, w2):
    return np.maximum(x + conv2d(conv2d(x, w1, padding=1), w2, padding=1), 0), (x, w1, w2)


@wrong(
    "residual_block",
    "ReLU before the sum",
    "What comes out of the second convolution goes through a ReLU before the sum. It may be below 0 there.",
)
def _(x, w1, w2):
    return np.maximum(x + np.maximum(through(x, w1, w2), 0), 0), (x, w1, w2)


@wrong(
    "residual_block",
    "skip through a ReLU",
    "On its way around x goes through a ReLU. It should arrive as it is.",
)
def _(x, w1, w2):
    return np.maximum(np.maximum(x, 0) + through(x, w1, w2), 0), (x, w1, w2)


@wrong("residual_block", "filters exchanged", "w1 belongs to the first convolution, w2 to the second.")
def _(x, w1, w2):
    return whole(x, w2, w1), (x, w1, w2)


@wrong("residual_block", "first filters used twice", "Both convolutions use w1. The second has w2.")
def _(x, w1, w2):
    return whole(x, w1, w1), (x, w1, w2)


@wrong(
    "residual_block",
    "skip from behind the first convolution",
    "You add what came out of the first convolution. The way around begins before it: add x.",
)
def _(x, w1, w2):
    hidden = np.maximum(conv2d(x, w1, padding=1), 0)
    return np.maximum(hidden + conv2d(hidden, w2, padding=1), 0), (x, w1, w2)


@wrong(
    "residual_block",
    "filters flipped",
    "Your filters are turned by half a turn. Here a convolution is what PyTorch means by it, without a flip.",
)
def _(x, w1, w2):
    return whole(x, w1[..., ::-1, ::-1], w2[..., ::-1, ::-1]), (x, w1, w2)


@wrong(
    "residual_block",
    "mean of the two ways",
    "You take the mean of the two ways. Their sum is asked for.",
)
def _(x, w1, w2):
    return whole(x, w1, w2) / x.dtype.type(2), (x, w1, w2)


@wrong(
    "residual_block",
    "other things in the cache",
    "The way back gets the cache (x, w1, w2). Yours holds the hidden activations in the place of x.",
)
def _(x, w1, w2):
    return whole(x, w1, w2), (np.maximum(conv2d(x, w1, padding=1), 0), w1, w2)


@wrong("residual_block", "no cache", "Two answers are due: y, and the cache (x, w1, w2) for the way back.")
def _(x, w1, w2):
    return whole(x, w1, w2)


@wrong(
    "residual_block",
    "dtype lost",
    "The answer is float64 whatever came in. Keep the dtype of x.",
)
def _(x, w1, w2):
    return whole(x, w1, w2).astype(np.float64), (x, w1, w2)


@wrong(
    "residual_block",
    "input modified in place",
    "Your code adds into x itself (`+=`). Others still need the input, and the cache as well.",
)
def _(x, w1, w2):
    x += through(x, w1, w2)
    return np.maximum(x, 0), (x, w1, w2)


def back(
    dy,
    cache,
    first=lambda before: before > 0,
    last=lambda total, dy: total > 0,
    around=lambda dtotal, dy: dtotal,
    hidden_for=lambda hidden, x: hidden,
    input_for=lambda x, hidden: x,
):
    """The right answer, with places for mistakes."""
    x, w1, w2 = cache
    before = conv2d(x, w1, padding=1)
    hidden = np.maximum(before, 0)
    total = x + conv2d(hidden, w2, padding=1)
    dtotal = dy * last(total, dy)
    dhidden, _, _ = conv2d_backward(dtotal, hidden, w2, 1, 1)
    _, dw2, _ = conv2d_backward(dtotal, hidden_for(hidden, x), w2, 1, 1)
    dbefore = dhidden * first(before)
    dx, _, _ = conv2d_backward(dbefore, x, w1, 1, 1)
    _, dw1, _ = conv2d_backward(dbefore, input_for(x, hidden), w1, 1, 1)
    return dx + around(dtotal, dy), dw1, dw2


@wrong(
    "residual_block_backward",
    "way around forgotten",
    "x goes two ways: through the filters and around them. Both send a gradient back, and the two add up.",
)
def _(dy, cache):
    return back(dy, cache, around=lambda dtotal, dy: 0 * dy)


@wrong(
    "residual_block_backward",
    "way around past the last ReLU",
    "The way around ends before the last ReLU: what goes back on it is dy behind that ReLU's mask, not dy.",
)
def _(dy, cache):
    return back(dy, cache, around=lambda dtotal, dy: dy)


@wrong(
    "residual_block_backward",
    "way around only",
    "You send back what came around. The way through the filters carries a part of dx, too.",
)
def _(dy, cache):
    _, dw1, dw2 = back(dy, cache)
    zero, _, _ = back(dy, cache, first=lambda before: before * 0)
    return zero, dw1, dw2


@wrong(
    "residual_block_backward",
    "way around counted twice",
    "What came around is in dx twice. Add it once.",
)
def _(dy, cache):
    return back(dy, cache, around=lambda dtotal, dy: 2 * dtotal)


@wrong(
    "residual_block_backward",
    "last ReLU forgotten",
    "The last ReLU is shut where the sum is not above 0: there nothing of dy gets back.",
)
def _(dy, cache):
    return back(dy, cache, last=lambda total, dy: np.ones_like(dy))


@wrong(
    "residual_block_backward",
    "inner ReLU forgotten",
    "The ReLU between the convolutions is shut at some places. Nothing gets back through it there.",
)
def _(dy, cache):
    return back(dy, cache, first=lambda before: np.ones_like(before))


@wrong(
    "residual_block_backward",
    "mask from the gradient",
    "A ReLU is shut where its *input* is not above 0. You look at the sign of the gradient.",
)
def _(dy, cache):
    return back(dy, cache, last=lambda total, dy: dy > 0)


@wrong(
    "residual_block_backward",
    "last mask without the skip",
    "The mask of the last ReLU is that of the sum. You take what came through the filters, without x.",
)
def _(dy, cache):
    x = cache[0]
    return back(dy, cache, last=lambda total, dy: total - x > 0)


@wrong(
    "residual_block_backward",
    "slope of one at zero",
    "At exactly 0 the slope of a ReLU is 0 by agreement: the mask is `>`, not `>=`.",
)
def _(dy, cache):
    return back(dy, cache, first=lambda before: before >= 0, last=lambda total, dy: total >= 0)


@wrong(
    "residual_block_backward",
    "hidden activations without ReLU",
    "For dw2 you need what went into the second convolution: the hidden activations behind the ReLU.",
)
def _(dy, cache):
    x, w1, _ = cache
    return back(dy, cache, hidden_for=lambda hidden, _: conv2d(x, w1, padding=1))


@wrong(
    "residual_block_backward",
    "dw2 from the input of the block",
    "For dw2 you use x. Into the second convolution went the hidden activations.",
)
def _(dy, cache):
    return back(dy, cache, hidden_for=lambda hidden, x: x)


@wrong(
    "residual_block_backward",
    "dw1 from the hidden activations",
    "For dw1 you use the hidden activations. Into the first convolution went x.",
)
def _(dy, cache):
    return back(dy, cache, input_for=lambda x, hidden: hidden)


@wrong(
    "residual_block_backward",
    "gradients of the filters exchanged",
    "dw1 and dw2 have changed places: the order is dx, dw1, dw2.",
)
def _(dy, cache):
    dx, dw1, dw2 = back(dy, cache)
    return dx, dw2, dw1


@wrong(
    "residual_block_backward",
    "order of the gradients",
    "The three gradients are returned in another order than dx, dw1, dw2.",
)
def _(dy, cache):
    dx, dw1, dw2 = back(dy, cache)
    return dw1, dw2, dx


@wrong(
    "residual_block_backward",
    "filters not flipped on the way back",
    "On the way back through a convolution the filters are turned by half a turn. Is that in your dx?",
)
def _(dy, cache):
    x, w1, w2 = cache
    _, dw1, dw2 = back(dy, cache)
    before = conv2d(x, w1, padding=1)
    dtotal = dy * (x + conv2d(np.maximum(before, 0), w2, padding=1) > 0)
    dhidden = conv2d(dtotal, w2.swapaxes(0, 1), padding=1) * (before > 0)
    return dtotal + conv2d(dhidden, w1.swapaxes(0, 1), padding=1), dw1, dw2


@wrong(
    "residual_block_backward",
    "mean over the pictures",
    "You divide the gradients of the filters by the number of pictures. They are sums: the loss has divided "
    "already, if it is a mean.",
)
def _(dy, cache):
    dx, dw1, dw2 = back(dy, cache)
    return dx, dw1 / dy.dtype.type(len(dy)), dw2 / dy.dtype.type(len(dy))


@wrong(
    "residual_block_backward", "dtype lost", "The answers are float64 whatever came in. Keep the dtype of dy."
)
def _(dy, cache):
    return tuple(part.astype(np.float64) for part in back(dy, cache))


@wrong(
    "residual_block_backward",
    "gradient modified in place",
    "Your code masks dy itself (`*=`). Others still need it: leave it as it was.",
)
def _(dy, cache):
    x, w1, w2 = cache
    answer = back(dy, cache)
    dy *= whole(x, w1, w2) > 0
    return answer


class RightBlock(nn.Module):
    """The right answer, with places for mistakes."""

    norm = nn.BatchNorm2d
    bias = False
    second_stride = False  # the stride on the second convolution
    projects = staticmethod(lambda reads, writes, stride: stride != 1 or reads != writes)

    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        first, second = (1, stride) if self.second_stride else (stride, 1)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, first, 1, bias=self.bias)
        self.norm1 = self.norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, second, 1, bias=self.bias)
        self.norm2 = self.norm(out_channels)
        self.around = nn.Identity()
        if self.projects(in_channels, out_channels, stride):
            self.around = self.projection(in_channels, out_channels, stride)
        self.skip = skip

    def projection(self, reads, writes, stride):
        return nn.Sequential(nn.Conv2d(reads, writes, 1, stride, bias=self.bias), self.norm(writes))

    def way_through(self, x):
        return self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))

    def forward(self, x):
        y = self.way_through(x)
        return F.relu(y + self.around(x) if self.skip else y)


@wrong(
    "ResidualBlock",
    "no skip",
    "The way around is missing: x (or its projection) is added before the last ReLU, if skip is True.",
)
class _(RightBlock):
    def forward(self, x):
        self.around(x)
        return F.relu(self.way_through(x))


@wrong(
    "ResidualBlock",
    "skip added behind the ReLU",
    "You add the way around behind the last ReLU. First the sum, then the ReLU.",
)
class _(RightBlock):
    def forward(self, x):
        y = F.relu(self.way_through(x))
        return y + self.around(x) if self.skip else y


@wrong("ResidualBlock", "no last ReLU", "The sum should go through a ReLU at the end.")
class _(RightBlock):
    def forward(self, x):
        y = self.way_through(x)
        return y + self.around(x) if self.skip else y


@wrong(
    "ResidualBlock",
    "ReLU before the sum",
    "The way through has a ReLU at its end, so that it can only add. It ends with the normalisation.",
)
class _(RightBlock):
    def forward(self, x):
        y = F.relu(self.way_through(x))
        return F.relu(y + self.around(x)) if self.skip else y


@wrong(
    "ResidualBlock",
    "skip through a ReLU",
    "On its way around x goes through a ReLU (is one of them in place?). It should arrive as it is.",
)
class _(RightBlock):
    def forward(self, x):
        y = self.way_through(x)
        return F.relu(y + self.around(F.relu(x)) if self.skip else y)


@wrong(
    "ResidualBlock",
    "no ReLU between the convolutions",
    "Between the two convolutions stands a ReLU behind the first normalisation; yours is missing.",
)
class _(RightBlock):
    def way_through(self, x):
        return self.norm2(self.conv2(self.norm1(self.conv1(x))))


@wrong(
    "ResidualBlock",
    "normalisation behind the ReLU",
    "The order is convolution, normalisation, ReLU. You normalise behind the ReLU.",
)
class _(RightBlock):
    def way_through(self, x):
        return self.norm2(self.conv2(self.norm1(F.relu(self.conv1(x)))))


@wrong(
    "ResidualBlock",
    "normalisation first",
    "The order is convolution, normalisation, ReLU. You normalise and bend before the convolution, as in a "
    "later design.",
)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride, skip)
        self.norm1 = nn.BatchNorm2d(in_channels)

    def forward(self, x):
        y = self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))
        return y + self.around(x) if self.skip else y


@wrong(
    "ResidualBlock",
    "no normalisations",
    "The normalisations are missing: one behind each convolution, nn.BatchNorm2d.",
)
class _(RightBlock):
    norm = nn.Identity


@wrong(
    "ResidualBlock",
    "no second normalisation",
    "Behind the second convolution stands a normalisation as well, before the sum.",
)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride, skip)
        self.norm2 = nn.Identity()


@wrong(
    "ResidualBlock",
    "one normalisation used twice",
    "Both convolutions share one normalisation: its numbers are those of two different layers. Make two.",
)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride, skip)
        self.norm2 = self.norm1


@wrong(
    "ResidualBlock",
    "another normalisation",
    "You normalise in another way. nn.BatchNorm2d normalises each channel over the whole batch.",
)
class _(RightBlock):
    norm = staticmethod(lambda channels: nn.GroupNorm(1, channels))


@wrong(
    "ResidualBlock",
    "normalisation without memory",
    "Your normalisations keep no running statistics, or other ones. Use nn.BatchNorm2d with its usual "
    "settings.",
)
class _(RightBlock):
    norm = staticmethod(lambda channels: nn.BatchNorm2d(channels, momentum=0.01))


@wrong(
    "ResidualBlock",
    "biases before the normalisations",
    "Your convolutions have a bias. The normalisation behind takes it out again: bias=False.",
)
class _(RightBlock):
    bias = True


@wrong(
    "ResidualBlock",
    "stride on the second convolution",
    "The stride belongs to the first convolution: the second works on the smaller picture.",
)
class _(RightBlock):
    second_stride = True


@wrong(
    "ResidualBlock",
    "projection without a stride",
    "The projection does not stride, so that its output is too large to be added. It has the block's stride.",
)
class _(RightBlock):
    def projection(self, reads, writes, stride):
        return super().projection(reads, writes, 1)


@wrong(
    "ResidualBlock",
    "no projection for a stride alone",
    "Where the stride is not 1 the picture shrinks, and x does not fit any more: that needs a projection, "
    "too, "
    "even if the channels stay.",
)
class _(RightBlock):
    projects = staticmethod(lambda reads, writes, stride: reads != writes)


@wrong(
    "ResidualBlock",
    "no projection for channels alone",
    "Where the channels change x does not fit, even if the stride is 1: that needs a projection, too.",
)
class _(RightBlock):
    projects = staticmethod(lambda reads, writes, stride: stride != 1)


@wrong(
    "ResidualBlock",
    "projection everywhere",
    "Where the shape stays x goes around as it is. You have a projection there as well.",
)
class _(RightBlock):
    projects = staticmethod(lambda reads, writes, stride: True)


@wrong(
    "ResidualBlock",
    "projection without normalisation",
    "Behind the 1 x 1 convolution of the projection stands a normalisation as well.",
)
class _(RightBlock):
    def projection(self, reads, writes, stride):
        return nn.Conv2d(reads, writes, 1, stride, bias=False)


@wrong(
    "ResidualBlock",
    "projection with a ReLU",
    "The projection has a ReLU. The way around has none: convolution and normalisation only.",
)
class _(RightBlock):
    def projection(self, reads, writes, stride):
        return nn.Sequential(*super().projection(reads, writes, stride), nn.ReLU())


@wrong(
    "ResidualBlock",
    "projection with large filters",
    "The projection has 3 x 3 filters. It only has to make the shape fit: 1 x 1.",
)
class _(RightBlock):
    def projection(self, reads, writes, stride):
        return nn.Sequential(nn.Conv2d(reads, writes, 3, stride, 1, bias=False), nn.BatchNorm2d(writes))


@wrong(
    "ResidualBlock",
    "channels filled up with zeros",
    "You make x fit without weights, by leaving out pixels and adding empty channels. Here it is a 1 x 1 "
    "convolution with a normalisation.",
)
class _(RightBlock):
    def projection(self, reads, writes, stride):
        class Fill(nn.Module):
            def forward(self, x):
                return F.pad(x[:, :writes, ::stride, ::stride], (0, 0, 0, 0, 0, max(0, writes - reads)))

        return Fill()


@wrong(
    "ResidualBlock",
    "projection of the way through",
    "You project what came through. The way around starts at x.",
)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride, skip)
        if not isinstance(self.around, nn.Identity):
            self.around = self.projection(out_channels, out_channels, 1)

    def forward(self, x):
        y = self.way_through(x)
        around = x if isinstance(self.around, nn.Identity) else self.around(y)
        return F.relu(y + around if self.skip else y)


@wrong(
    "ResidualBlock",
    "twin without the projection",
    "With skip=False your block has no projection at all. Make it all the same (and leave it unused), so "
    "that "
    "the twins can exchange their parameters.",
)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride, skip)
        if not skip:
            self.around = nn.Identity()


@wrong(
    "ResidualBlock",
    "twin without the last ReLU",
    "With skip=False the last ReLU is missing. The twins differ in the addition, and in nothing else.",
)
class _(RightBlock):
    def forward(self, x):
        y = self.way_through(x)
        return F.relu(y + self.around(x)) if self.skip else y


@wrong(
    "ResidualBlock",
    "twin that keeps the projection",
    "With skip=False the projection is still added. The twin adds nothing.",
)
class _(RightBlock):
    def forward(self, x):
        y = self.way_through(x)
        kept = self.skip or not isinstance(self.around, nn.Identity)
        return F.relu(y + self.around(x) if kept else y)


@wrong(
    "ResidualBlock",
    "skip=False ignored",
    "With skip=False nothing is to be added; your block adds all the same.",
)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride)


@wrong("ResidualBlock", *PLAIN_LIST)
class _(RightBlock):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__(in_channels, out_channels, stride, skip)
        self.layers = [self.conv1, self.conv2]
        del self.conv1, self.conv2

    def way_through(self, x):
        first, second = self.layers
        return self.norm2(second(F.relu(self.norm1(first(x)))))


wrong("ResidualBlock", *OWN_GPU)(behind(OnOneGPU, RightBlock))
wrong("ResidualBlock", *BUFFER)(behind(NotRegistered, RightBlock))


@wrong("ResidualBlock", *CPU)
class _(RightBlock):
    def forward(self, x):
        return super().forward(OnTheCPU()(x))


@wrong("ResidualBlock", *NO_GRADIENT)
class _(RightBlock):
    def forward(self, x):
        y = self.way_through(x)
        return F.relu(y + self.around(x.detach()) if self.skip else y)


@wrong(
    "ResidualBlock",
    "input modified in place",
    "Your code changes x itself (`+=`, or a ReLU in place). Others still need the input: leave it as it was.",
)
class _(RightBlock):
    def forward(self, x):
        y = super().forward(x)
        with torch.no_grad():
            x.relu_()
        return y


class RightResNet(nn.Module):
    """The right answer, with places for mistakes."""

    block = RightBlock

    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__()
        self.stem = self.first(in_channels, widths[0])
        self.body = nn.Sequential(*self.stages(widths, blocks, skip))
        self.head = nn.Linear(widths[-1], n_classes)

    def first(self, reads, writes):
        return nn.Sequential(nn.Conv2d(reads, writes, 3, 1, 1, bias=False), nn.BatchNorm2d(writes), nn.ReLU())

    def stride(self, stage, block, blocks):
        return 2 if stage and not block else 1

    def stages(self, widths, blocks, skip):
        layers, channels = [], widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(self.block(channels, width, self.stride(stage, block, blocks), skip))
                channels = width
        return layers

    def pooled(self, x):
        return x.mean(dim=(2, 3))

    def forward(self, x):
        return self.head(self.pooled(self.body(self.stem(x))))


@wrong(
    "ResNet",
    "blocks without their skip",
    "Your blocks add nothing. Is `skip` passed on to each of them, and is it True by default?",
)
class _(RightResNet):
    def stages(self, widths, blocks, skip):
        return super().stages(widths, blocks, False)


@wrong(
    "ResNet",
    "skip not passed on",
    "With skip=False your network is the same as with True. Pass skip on to every block.",
)
class _(RightResNet):
    def stages(self, widths, blocks, skip):
        return super().stages(widths, blocks, True)


@wrong(
    "ResNet",
    "stride in the first stage",
    "The first stage strides, too. It works at the full size: only the later stages begin with stride 2.",
)
class _(RightResNet):
    def stride(self, stage, block, blocks):
        return 1 if block else 2


@wrong(
    "ResNet", "no strides", "Your pictures keep their size. Each stage but the first begins with stride 2."
)
class _(RightResNet):
    def stride(self, stage, block, blocks):
        return 1


@wrong("ResNet", "stride in each block", "Every block of a later stage strides. Only the first of each does.")
class _(RightResNet):
    def stride(self, stage, block, blocks):
        return 2 if stage else 1


@wrong(
    "ResNet",
    "stride in the last block",
    "You stride in the last block of a stage. The first block of each stage but the first does.",
)
class _(RightResNet):
    def stride(self, stage, block, blocks):
        return 2 if stage and block == blocks - 1 else 1


@wrong(
    "ResNet",
    "strides of 2, 4, …",
    "Your strides grow from stage to stage. They follow each other, so that each is 2.",
)
class _(RightResNet):
    def stride(self, stage, block, blocks):
        return 1 if block else 2**stage


@wrong("ResNet", "no ReLU behind the first convolution", "Behind the first normalisation stands a ReLU.")
class _(RightResNet):
    def first(self, reads, writes):
        return super().first(reads, writes)[:2]


@wrong(
    "ResNet", "no first normalisation", "Behind the first convolution stands a normalisation, then a ReLU."
)
class _(RightResNet):
    def first(self, reads, writes):
        return nn.Sequential(nn.Conv2d(reads, writes, 3, 1, 1, bias=False), nn.ReLU())


@wrong(
    "ResNet",
    "a bias in the first convolution",
    "Your first convolution has a bias. The normalisation behind takes it out again: bias=False.",
)
class _(RightResNet):
    def first(self, reads, writes):
        return nn.Sequential(nn.Conv2d(reads, writes, 3, 1, 1), nn.BatchNorm2d(writes), nn.ReLU())


@wrong(
    "ResNet",
    "first layers for large pictures",
    "You begin with 7 x 7 filters and stride 2, as for large photographs. These pictures are small: 3 x 3, "
    "stride 1.",
)
class _(RightResNet):
    def first(self, reads, writes):
        return nn.Sequential(nn.Conv2d(reads, writes, 7, 2, 3, bias=False), nn.BatchNorm2d(writes), nn.ReLU())


@wrong(
    "ResNet", "pooling behind the first convolution", "There is no pooling here: the strides make it smaller."
)
class _(RightResNet):
    def first(self, reads, writes):
        return nn.Sequential(*super().first(reads, writes), nn.MaxPool2d(3, 2, 1))


@wrong(
    "ResNet",
    "maximum over all places",
    "Before the linear layer you take the largest number of each channel. The mean over all places is "
    "asked for.",
)
class _(RightResNet):
    def pooled(self, x):
        return x.amax(dim=(2, 3))


@wrong("ResNet", "sum over all places", "You add up all places of a channel. Their mean is asked for.")
class _(RightResNet):
    def pooled(self, x):
        return x.sum(dim=(2, 3))


@wrong(
    "ResNet",
    "mean over the height only",
    "You take the mean over one axis. Each channel has a height and a width.",
)
class _(RightResNet):
    def pooled(self, x):
        return x.mean(dim=2)[..., 0]


@wrong("ResNet", *LAST_RELU)
class _(RightResNet):
    def forward(self, x):
        return F.relu(super().forward(x))


@wrong("ResNet", *SOFTMAX)
class _(RightResNet):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@wrong("ResNet", "no bias in the linear layer", "The linear layer has a bias: leave `bias=False` out there.")
class _(RightResNet):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__(in_channels, n_classes, widths, blocks, skip)
        self.head = nn.Linear(widths[-1], n_classes, bias=False)


@wrong(
    "ResNet",
    "one block too few",
    "The stages have one block less than asked for: the one with the stride is one of them.",
)
class _(RightResNet):
    def stages(self, widths, blocks, skip):
        return super().stages(widths, max(1, blocks - 1), skip)


@wrong(
    "ResNet",
    "one block used again",
    "Within a stage you use one and the same block several times. Make a new one each time (`[block] * n` "
    "repeats one object).",
)
class _(RightResNet):
    def stages(self, widths, blocks, skip):
        layers = super().stages(widths, blocks, skip)
        for index in range(len(layers)):
            if index % blocks > 1:
                layers[index] = layers[index - 1]
            elif index % blocks == 1 and index < blocks:
                layers[index] = layers[0]
        return layers


@wrong("ResNet", *PLAIN_LIST)
class _(RightResNet):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__(in_channels, n_classes, widths, blocks, skip)
        self.blocks = list(self.body)
        del self.body

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.pooled(x))


@wrong(
    "ResNet",
    "plain twin without its projections",
    "With skip=False your network lacks the projections: it has fewer parameters than its twin. Make them "
    "all "
    "the same, and leave them unused.",
)
class _(RightResNet):
    def stages(self, widths, blocks, skip):
        layers = super().stages(widths, blocks, skip)
        for layer in layers:
            layer.around = layer.around if skip else nn.Identity()
        return layers


@wrong(
    "ResNet",
    "plain twin without normalisations",
    "With skip=False the normalisations are missing as well. The twins differ in the addition, and in "
    "nothing "
    "else.",
)
class _(RightResNet):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__(in_channels, n_classes, widths, blocks, skip)
        if not skip:
            for block in self.body:
                block.norm1 = block.norm2 = nn.Identity()


wrong("ResNet", *OWN_GPU)(behind(OnOneGPU, RightResNet))
wrong("ResNet", *BUFFER)(behind(NotRegistered, RightResNet))


@wrong("ResNet", *CPU)
class _(RightResNet):
    def forward(self, x):
        return super().forward(OnTheCPU()(x))


@wrong("ResNet", *NO_GRADIENT)
class _(RightResNet):
    def forward(self, x):
        return self.head(self.pooled(self.body(self.stem(x))).detach())


def measured(
    model,
    x,
    y,
    chosen=lambda p: p.dim() >= 2,
    size=lambda g: g.norm().item(),
    loss=F.cross_entropy,
    missing=0.0,
    twin=copy.deepcopy,
    zero=True,
):
    """The right measurement, with places for mistakes; missing: None leaves the layer out."""
    copied = twin(model)
    if zero:
        copied.zero_grad()
    loss(copied(x), y).backward()
    found = [missing if p.grad is None else size(p.grad) for p in copied.parameters() if chosen(p)]
    return [number for number in found if number is not None]


def itself(model):
    return model


@wrong(
    "gradient_norms",
    "biases counted",
    "You measure each parameter. Only those with at least two axes are layers here: filters and matrices.",
)
def _(model, x, y):
    return measured(model, x, y, lambda p: True)


@wrong(
    "gradient_norms",
    "convolutions only",
    "You measure filters only. A matrix of a linear layer has two axes and counts as well.",
)
def _(model, x, y):
    return measured(model, x, y, lambda p: p.dim() == 4)


@wrong(
    "gradient_norms",
    "two or four axes only",
    "You measure parameters with two or four axes. At least two: a filter over a signal (Conv1d) has three.",
)
def _(model, x, y):
    return measured(model, x, y, lambda p: p.dim() in (2, 4))


@wrong(
    "gradient_norms",
    "known layers only",
    "You ask the layers for their `weight`. A matrix that the model itself holds is a parameter, too: go "
    "through "
    "model.named_parameters().",
)
def _(model, x, y):
    kinds = (nn.Conv2d, nn.Linear)
    twin = copy.deepcopy(model)
    twin.zero_grad()
    F.cross_entropy(twin(x), y).backward()
    layers = [layer for layer in twin.modules() if isinstance(layer, kinds)]
    return [0.0 if layer.weight.grad is None else layer.weight.grad.norm().item() for layer in layers]


@wrong(
    "gradient_norms",
    "measured on the CPU",
    "You measure a copy on the CPU. Model, pictures and classes are on one device: the work belongs there.",
)
def _(model, x, y):
    return measured(model, x.cpu(), y.cpu(), twin=lambda model: copy.deepcopy(model).cpu())


@wrong(
    "gradient_norms",
    "numpy of a tensor on the device",
    "`.numpy()` of a gradient that is on a GPU is an error: `gradient.norm().item()` fetches one number.",
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: float(np.linalg.norm(g.numpy())))


@wrong(
    "gradient_norms",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`). All is on the device of the model: '
    "leave it there.",
)
def _(model, x, y):
    own = "cuda" if torch.cuda.is_available() else "cpu"
    return measured(model, x.to(own), y.to(own))


@wrong(
    "gradient_norms", "squared norms", "You return the squares of the norms. Take the square root of the sum."
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: g.square().sum().item())


@wrong(
    "gradient_norms",
    "mean size",
    "You take the mean of the sizes. The norm is the root of the sum of squares.",
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: g.abs().mean().item())


@wrong(
    "gradient_norms", "sum of the sizes", "You add up the sizes. The norm is the root of the sum of squares."
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: g.abs().sum().item())


@wrong(
    "gradient_norms",
    "largest entry",
    "You return the largest entry. The norm is the root of the sum of squares.",
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: g.abs().max().item())


@wrong(
    "gradient_norms",
    "root of the mean square",
    "You divide by the number of entries. The norm is the root of the sum of squares, not of their mean.",
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: g.square().mean().sqrt().item())


@wrong(
    "gradient_norms",
    "norms of the weights",
    "You measure the weights themselves. The gradients with respect to them are asked for: `.grad`.",
)
def _(model, x, y):
    return [p.detach().norm().item() for p in model.parameters() if p.dim() >= 2]


@wrong(
    "gradient_norms",
    "divided by the weights",
    "You divide by the norm of the weights. The norm of the gradient itself is asked for.",
)
def _(model, x, y):
    weights = [p.detach().norm().item() for p in model.parameters() if p.dim() >= 2]
    return [g / w for g, w in zip(measured(model, x, y), weights, strict=True)]


@wrong(
    "gradient_norms",
    "gradients piled up over the calls",
    "You call backward on the model itself and never set the gradients to zero: with each call they grow.",
)
def _(model, x, y):
    return measured(model, x, y, zero=False, twin=itself)


@wrong(
    "gradient_norms",
    "gradients left behind",
    "Afterwards the model holds your gradients in place of its own. Work on a copy, or put them back.",
)
def _(model, x, y):
    statistics = copy.deepcopy(dict(model.named_buffers()))
    answer = measured(model, x, y, twin=itself)
    for name, buffer in model.named_buffers():
        buffer.copy_(statistics[name])
    return answer


@wrong(
    "gradient_norms",
    "gradients removed",
    "Afterwards the gradients that were stored in the model are gone. Work on a copy, or put them back.",
)
def _(model, x, y):
    answer = measured(model, x, y)
    model.zero_grad()
    return answer


@wrong(
    "gradient_norms",
    "running statistics changed",
    "In training mode each pass moves the running statistics of the normalisations. Work on a copy of the "
    "model.",
)
def _(model, x, y):
    answer = measured(model, x, y)
    with torch.no_grad():
        model(x)
    return answer


@wrong(
    "gradient_norms",
    "measured in evaluation mode",
    "You switch to evaluation mode, where the normalisations do something else. Use the mode that it is in.",
)
def _(model, x, y):
    return measured(copy.deepcopy(model).eval(), x, y)


@wrong(
    "gradient_norms",
    "measured in training mode",
    "You switch to training mode, where the normalisations do something else. Use the mode that it is in.",
)
def _(model, x, y):
    return measured(copy.deepcopy(model).train(), x, y)


@wrong("gradient_norms", "left in evaluation mode", "Afterwards the model is in another mode than before.")
def _(model, x, y):
    answer = measured(model, x, y)
    model.eval()
    return answer


@wrong(
    "gradient_norms",
    "layers without a gradient left out",
    "A layer that gets no gradient is missing in your list. Write 0.0 for it, so that the places stay.",
)
def _(model, x, y):
    return measured(model, x, y, missing=None)


@wrong(
    "gradient_norms",
    "frozen layers thawed",
    "You measure frozen layers as if they were not. They get no gradient: write 0.0, and leave them frozen.",
)
def _(model, x, y):
    return measured(copy.deepcopy(model).requires_grad_(True), x, y)


@wrong(
    "gradient_norms",
    "reverse order",
    "Your list begins with the last layer. The order is that of named_parameters.",
)
def _(model, x, y):
    return measured(model, x, y)[::-1]


@wrong("gradient_norms", "sorted by name", "Your list is sorted. The order is that of named_parameters.")
def _(model, x, y):
    names = [name for name, p in model.named_parameters() if p.dim() >= 2]
    return [number for _, number in sorted(zip(names, measured(model, x, y), strict=True))]


@wrong(
    "gradient_norms",
    "summed loss",
    "You add the losses of the pictures up. Their mean is asked for (the default).",
)
def _(model, x, y):
    return measured(model, x, y, loss=lambda s, y: F.cross_entropy(s, y, reduction="sum"))


@wrong(
    "gradient_norms",
    "softmax before the cross-entropy",
    "F.cross_entropy wants scores and takes the softmax itself. You take it twice.",
)
def _(model, x, y):
    return measured(model, x, y, loss=lambda s, y: F.cross_entropy(s.softmax(dim=1), y))


@wrong("gradient_norms", "squared error", "The loss is the mean cross-entropy. You take another one.")
def _(model, x, y):
    return measured(model, x, y, loss=lambda s, y: F.mse_loss(s, F.one_hot(y, s.shape[1]).to(s.dtype)))


@wrong(
    "gradient_norms",
    "tensors returned",
    "You return tensors. Floats are asked for: `.item()` takes the number out of one.",
)
def _(model, x, y):
    return measured(model, x, y, size=lambda g: g.norm(), missing=torch.tensor(0.0))


@wrong(
    "gradient_norms",
    "something on the CPU",
    "Something stays on, or moves to, the CPU. Pictures and classes are where the model is; a tensor of your "
    "own belongs there, too: `device=x.device`.",
)
def _(model, x, y):
    return measured(model, x.cpu(), y.cpu())


@wrong(
    "gradient_norms",
    "one number for all",
    "You return one number for the whole model. One for each layer is due.",
)
def _(model, x, y):
    return math.hypot(*measured(model, x, y))


class RightAutoencoder(nn.Module):
    """The right answer, with places for mistakes."""

    between = nn.ReLU
    bias = True

    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        channels, h, w = in_shape
        need(h % 4 == 0 and w % 4 == 0, "no multiples of 4")
        self.small = (2 * width, h // 4, w // 4)
        self.encoder = nn.Sequential(*self.down(channels, width), *self.down(width, 2 * width))
        self.to_code = nn.Linear(math.prod(self.small), bottleneck, bias=self.bias)
        self.from_code = nn.Linear(bottleneck, math.prod(self.small), bias=self.bias)
        self.decoder = nn.Sequential(self.up(2 * width, width), self.between(), self.up(width, channels))

    def down(self, reads, writes):
        return [nn.Conv2d(reads, writes, 3, 2, 1, bias=self.bias), self.between()]

    def up(self, reads, writes):
        return nn.ConvTranspose2d(reads, writes, 2, 2, bias=self.bias)

    def encode(self, x):
        return self.to_code(self.encoder(x).flatten(1))

    def volume(self, code):
        return F.relu(self.from_code(code)).view(-1, *self.small)

    def decode(self, code):
        return self.decoder(self.volume(code))

    def forward(self, x):
        return self.decode(self.encode(x))


@wrong(
    "Autoencoder",
    "ReLU on the code",
    "The code goes through a ReLU, which throws half of it away. Nothing stands behind that linear layer.",
)
class _(RightAutoencoder):
    def encode(self, x):
        return F.relu(super().encode(x))


@wrong(
    "Autoencoder",
    "ReLU at the end",
    "The picture goes through a ReLU at the end. Nothing stands behind the last layer.",
)
class _(RightAutoencoder):
    def decode(self, code):
        return F.relu(super().decode(code))


@wrong(
    "Autoencoder",
    "sigmoid at the end",
    "A sigmoid presses the picture between 0 and 1. Here nothing stands behind the last layer.",
)
class _(RightAutoencoder):
    def decode(self, code):
        return super().decode(code).sigmoid()


@wrong(
    "Autoencoder",
    "no ReLU behind the first layer of the decoder",
    "Behind the linear layer of the decoder stands a ReLU.",
)
class _(RightAutoencoder):
    def volume(self, code):
        return self.from_code(code).view(-1, *self.small)


@wrong(
    "Autoencoder",
    "no ReLU between the layers",
    "Between your convolutions nothing is bent: without ReLU all of them together are one linear layer.",
)
class _(RightAutoencoder):
    between = nn.Identity


@wrong(
    "Autoencoder",
    "no ReLU before the code",
    "Behind the second convolution stands a ReLU, before the linear layer that makes the code.",
)
class _(RightAutoencoder):
    def encode(self, x):
        return self.to_code(self.encoder[:-1](x).flatten(1))


@wrong(
    "Autoencoder",
    "pooling in place of strides",
    "You make the pictures smaller by pooling. Here the convolutions themselves have stride 2.",
)
class _(RightAutoencoder):
    def down(self, reads, writes):
        return [nn.Conv2d(reads, writes, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)]


@wrong(
    "Autoencoder",
    "height and width exchanged",
    "The decoder takes the height for the width. The small volume is (2 · width, H / 4, W / 4).",
)
class _(RightAutoencoder):
    def volume(self, code):
        channels, h, w = self.small
        return F.relu(self.from_code(code)).view(-1, channels, w, h)


@wrong(
    "Autoencoder",
    "channels last in the code",
    "The encoder brings the channels to the end before it flattens. Flatten (C, H, W) as it lies.",
)
class _(RightAutoencoder):
    def encode(self, x):
        return self.to_code(self.encoder(x).permute(0, 2, 3, 1).flatten(1))


@wrong(
    "Autoencoder",
    "copied enlargement",
    "The decoder copies pixels and convolves. A transposed convolution 2 x 2 with stride 2 is asked for.",
)
class _(RightAutoencoder):
    def up(self, reads, writes):
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(reads, writes, 3, padding=1))


@wrong(
    "Autoencoder",
    "larger windows in the decoder",
    "Your transposed convolutions have windows of 4 x 4. They are 2 x 2 with stride 2 here, side by side.",
)
class _(RightAutoencoder):
    def up(self, reads, writes):
        return nn.ConvTranspose2d(reads, writes, 4, 2, 1)


@wrong("Autoencoder", "no biases", "All layers have a bias here: leave `bias=False` out.")
class _(RightAutoencoder):
    bias = False


@wrong(
    "Autoencoder",
    "channels not doubled",
    "The second convolution makes 2 · width channels, and the decoder begins with as many.",
)
class _(RightAutoencoder):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__(in_shape, bottleneck, width)
        channels = in_shape[0]
        self.small = (width, *self.small[1:])
        self.encoder = nn.Sequential(*self.down(channels, width), *self.down(width, width))
        self.to_code = nn.Linear(math.prod(self.small), bottleneck)
        self.from_code = nn.Linear(bottleneck, math.prod(self.small))
        self.decoder = nn.Sequential(self.up(width, width), nn.ReLU(), self.up(width, channels))


@wrong(
    "Autoencoder",
    "a way around the bottleneck",
    "Something reaches the decoder that did not go through the code. Then the bottleneck is none: decode "
    "gets "
    "the code only.",
)
class _(RightAutoencoder):
    def forward(self, x):
        return super().forward(x) + x


@wrong(
    "Autoencoder",
    "code returned",
    "`forward` returns the code. The picture that the code gives is asked for.",
)
class _(RightAutoencoder):
    def forward(self, x):
        self.decode(self.encode(x))
        return self.encode(x)


@wrong("Autoencoder", "two answers", "`forward` returns the code as well. Only the picture is asked for.")
class _(RightAutoencoder):
    def forward(self, x):
        code = self.encode(x)
        return self.decode(code), code


@wrong(
    "Autoencoder",
    "one matrix for both ways",
    "The decoder uses the encoder's matrix, turned. Here each has a linear layer of its own.",
)
class _(RightAutoencoder):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__(in_shape, bottleneck, width)
        del self.from_code
        self.shift = nn.Parameter(torch.zeros(math.prod(self.small)))

    def volume(self, code):
        return F.relu(F.linear(code, self.to_code.weight.T, self.shift)).view(-1, *self.small)


@wrong("Autoencoder", "normalisation put in", "Your network has normalisations. Here are none.")
class _(RightAutoencoder):
    def down(self, reads, writes):
        return [nn.Conv2d(reads, writes, 3, 2, 1), nn.BatchNorm2d(writes), nn.ReLU()]


@wrong(
    "Autoencoder",
    "no error for other sizes",
    "A height or width that is no multiple of 4 would come out smaller than it went in. Raise a ValueError.",
)
class _(RightAutoencoder):
    def __init__(self, in_shape, bottleneck, width=16):
        channels, h, w = in_shape
        super().__init__((channels, h // 4 * 4, w // 4 * 4), bottleneck, width)
        self.sides = h // 4 * 4, w // 4 * 4

    def encode(self, x):
        return super().encode(x[:, :, : self.sides[0], : self.sides[1]])


@wrong("Autoencoder", *PLAIN_LIST)
class _(RightAutoencoder):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__(in_shape, bottleneck, width)
        self.layers = list(self.decoder)
        del self.decoder

    def decode(self, code):
        x = self.volume(code)
        for layer in self.layers:
            x = layer(x)
        return x


wrong("Autoencoder", *OWN_GPU)(behind(OnOneGPU, RightAutoencoder))
wrong("Autoencoder", *BUFFER)(behind(NotRegistered, RightAutoencoder))


@wrong("Autoencoder", *CPU)
class _(RightAutoencoder):
    def encode(self, x):
        return super().encode(OnTheCPU()(x))


@wrong("Autoencoder", *NO_GRADIENT)
class _(RightAutoencoder):
    def encode(self, x):
        return super().encode(x).detach()


def examine(x, weight, skip):
    need(weight.shape[0] == x.shape[1] and weight.shape[2:] == (2, 2), "other filters")
    need(skip.shape[0] == x.shape[0], "other pictures")
    need(skip.shape[2:] == (2 * x.shape[2], 2 * x.shape[3]), "other sizes")


def enlarged(x, weight, places=lambda i, j: (i, j)):
    """The transposed convolution; `places` says where a weight writes in its window."""
    n, _, h, w = x.shape
    up = np.zeros((n, weight.shape[1], 2 * h, 2 * w), x.dtype)
    for i, j in np.ndindex(2, 2):
        row, column = places(i, j)
        up[:, :, row::2, column::2] = np.einsum("nchw,cu->nuhw", x, weight[:, :, i, j])
    return up


def beside(skip, up):
    return np.concatenate([skip, up], axis=1)


@wrong(
    "up_and_concat",
    "skip behind",
    "You put the skip behind what came up. Its channels come first.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    return beside(enlarged(x, weight), skip)


@wrong(
    "up_and_concat",
    "filters turned",
    "Your windows are turned by half a turn. In a transposed convolution weight[..., i, j] writes to row "
    "i and "
    "column j of the window.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    return beside(skip, enlarged(x, weight, lambda i, j: (1 - i, 1 - j)))


@wrong(
    "up_and_concat",
    "rows and columns of the window exchanged",
    "In your windows rows and columns have changed places.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    return beside(skip, enlarged(x, weight, lambda i, j: (j, i)))


@wrong(
    "up_and_concat",
    "quarters in place of windows",
    "You write each weight's picture into a quarter of the large one. Each pixel of x becomes a window of "
    "2 x 2: "
    "the four pictures are woven into each other, `[i::2, j::2]`.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    h, w = x.shape[2:]
    up = np.zeros_like(enlarged(x, weight))
    for i, j in np.ndindex(2, 2):
        up[:, :, i * h : (i + 1) * h, j * w : (j + 1) * w] = np.einsum("nchw,cu->nuhw", x, weight[:, :, i, j])
    return beside(skip, up)


@wrong(
    "up_and_concat",
    "pixels copied",
    "You copy each pixel into its window. Each of the four places has a weight of its own.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    up = np.einsum("nchw,cu->nuhw", x, weight.mean(axis=(2, 3)))
    return beside(skip, up.repeat(2, axis=2).repeat(2, axis=3))


@wrong(
    "up_and_concat",
    "zeros between the pixels",
    "Only one of four pixels is written: the others of its window stay 0. Each has a weight of its own.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    up = np.zeros_like(enlarged(x, weight))
    up[:, :, ::2, ::2] = np.einsum("nchw,cu->nuhw", x, weight[:, :, 0, 0])
    return beside(skip, up)


@wrong(
    "up_and_concat",
    "each channel on its own",
    "Your output channels read one input channel each. Each reads all of them: a sum over C.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    count = weight.shape[1]
    alone = np.zeros_like(weight)
    for up in range(count):
        alone[up % len(weight), up] = weight[up % len(weight), up]
    return beside(skip, enlarged(x, alone))


@wrong(
    "up_and_concat",
    "added in place of put beside",
    "You add the skip to what came up. In a U-Net it is put beside it: the channels of both are there.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    up = enlarged(x, weight)
    if up.shape != skip.shape:
        raise IndexError("they do not fit")
    return skip + up


@wrong(
    "up_and_concat",
    "put together along another axis",
    "You put the two together along the height. The channels are axis 1.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    up = enlarged(x, weight)
    if up.shape[1] != skip.shape[1]:
        raise IndexError("they do not fit")
    return np.concatenate([skip, up], axis=2)


@wrong("up_and_concat", "skip left out", "You return what came up. The skip should stand before it.")
def _(x, weight, skip):
    examine(x, weight, skip)
    return enlarged(x, weight)


@wrong(
    "up_and_concat",
    "skip cropped",
    "You cut the larger one of the two to the size of the other. Here both should fit: raise a ValueError "
    "where "
    "they do not.",
)
def _(x, weight, skip):
    need(weight.shape[0] == x.shape[1] and weight.shape[2:] == (2, 2), "other filters")
    need(skip.shape[0] == x.shape[0], "other pictures")
    up = enlarged(x, weight)
    h, w = (min(a, b) for a, b in zip(up.shape[2:], skip.shape[2:], strict=True))
    return beside(skip[:, :, :h, :w], up[:, :, :h, :w])


@wrong(
    "up_and_concat",
    "filters not looked at",
    "Filters of another size are let through. Raise a ValueError where the weight does not fit.",
)
def _(x, weight, skip):
    need(weight.shape[0] == x.shape[1], "other channels")
    need(skip.shape[0] == x.shape[0] and skip.shape[2:] == (2 * x.shape[2], 2 * x.shape[3]), "other sizes")
    fitting = np.zeros((*weight.shape[:2], 2, 2), weight.dtype)
    part = weight[:, :, :2, :2]
    fitting[:, :, : part.shape[2], : part.shape[3]] = part
    return beside(skip, enlarged(x, fitting))


@wrong("up_and_concat", "dtype lost", "The answer is float64 whatever came in. Keep the dtype of x.")
def _(x, weight, skip):
    examine(x, weight, skip)
    return beside(skip, enlarged(x, weight)).astype(np.float64)


@wrong("up_and_concat", "rounded to float32", "The answer is float32 whatever came in. Keep the dtype of x.")
def _(x, weight, skip):
    examine(x, weight, skip)
    return beside(skip, enlarged(x, weight)).astype(np.float32)


@wrong(
    "up_and_concat",
    "skip modified in place",
    "Your code changes the skip itself. Others still need it: leave it as it was.",
)
def _(x, weight, skip):
    examine(x, weight, skip)
    answer = beside(skip, enlarged(x, weight))
    skip *= 2
    return answer


def error_of(x, target):
    need(x.shape == target.shape, "shapes differ")
    return float(np.mean((x.astype(np.float64) - target.astype(np.float64)) ** 2))


def level(ratio):
    return 10 * math.log10(ratio) if ratio < math.inf else math.inf


def over(top, bottom):
    return top / bottom if bottom else math.inf


@wrong("psnr", "natural logarithm", "You take the natural logarithm. Decibels are made with log10.")
def _(x, target, peak=1.0):
    error = error_of(x, target)
    return 10 * math.log(peak**2 / error) if error else math.inf


@wrong("psnr", "peak not squared", "The error is a mean of squares, so the peak is squared as well.")
def _(x, target, peak=1.0):
    return level(over(peak, error_of(x, target)))


@wrong(
    "psnr",
    "peak ignored",
    "You leave the peak out. What is a large error depends on how large a pixel can be.",
)
def _(x, target, peak=1.0):
    return level(over(1.0, error_of(x, target)))


@wrong(
    "psnr",
    "peak of the picture",
    "You take the largest number of the target. The peak is what a pixel *can* have, and is given.",
)
def _(x, target, peak=1.0):
    return level(over(float(abs(target.astype(np.float64)).max()) ** 2, error_of(x, target)))


@wrong(
    "psnr",
    "peak of bytes",
    "You take 255 for the peak, whatever is given. Pixels from 0 to 1 have the peak 1.",
)
def _(x, target, peak=1.0):
    return level(over(255.0**2, error_of(x, target)))


@wrong(
    "psnr",
    "twenty in place of ten",
    "The factor is 20 where the root of the error is taken. With squares it is 10.",
)
def _(x, target, peak=1.0):
    return 2 * level(over(peak**2, error_of(x, target)))


@wrong(
    "psnr",
    "root of the error",
    "You take the root of the mean squared error, but the square of the peak. Both squared, or neither "
    "(and 20).",
)
def _(x, target, peak=1.0):
    return level(over(peak**2, math.sqrt(error_of(x, target))))


@wrong(
    "psnr",
    "fraction turned over",
    "The error stands above and the peak below. A better picture has more decibels.",
)
def _(x, target, peak=1.0):
    error = error_of(x, target)
    return -level(over(peak**2, error)) if error else -math.inf


@wrong("psnr", "factor forgotten", "The logarithm counts bels. Ten decibels are one bel: multiply by 10.")
def _(x, target, peak=1.0):
    return level(over(peak**2, error_of(x, target))) / 10


@wrong(
    "psnr",
    "mean absolute difference",
    "You take the mean of the sizes. The mean of the squares is asked for.",
)
def _(x, target, peak=1.0):
    need(x.shape == target.shape, "shapes differ")
    error = float(np.abs(x.astype(np.float64) - target.astype(np.float64)).mean())
    return level(over(peak**2, error))


@wrong("psnr", "sum in place of the mean", "You add the squares up. Their mean does not depend on the size.")
def _(x, target, peak=1.0):
    return level(over(peak**2, error_of(x, target) * x.size))


@wrong(
    "psnr",
    "divided by the height",
    "You divide by len(x), the number of rows. The mean is over all pixels.",
)
def _(x, target, peak=1.0):
    return level(over(peak**2, error_of(x, target) * x.size / len(x)))


@wrong(
    "psnr",
    "whole numbers that run over",
    "In whole numbers of 8 bits 3 - 5 is 254. Turn both into floats before you subtract.",
)
def _(x, target, peak=1.0):
    need(x.shape == target.shape, "shapes differ")
    return level(over(peak**2, float(np.mean((x - target) ** 2))))


@wrong(
    "psnr",
    "only the squares run over",
    "You subtract in floats, or wide numbers, but the squares still run over. Turn both into floats first.",
)
def _(x, target, peak=1.0):
    need(x.shape == target.shape, "shapes differ")
    difference = x.astype(np.float64) - target.astype(np.float64)
    if x.dtype.kind in "iu":
        difference = difference.astype(np.int16)
    return level(over(peak**2, float(np.mean(difference**2))))


@wrong(
    "psnr", "100 where they are equal", "Where the pictures are equal the error is 0 and the answer is inf."
)
def _(x, target, peak=1.0):
    return min(level(over(peak**2, error_of(x, target))), 100.0)


@wrong(
    "psnr",
    "something small added",
    "You add something small to the error, so that it is never 0. Equal pictures have inf decibels.",
)
def _(x, target, peak=1.0):
    return level(over(peak**2, error_of(x, target) + 1e-10))


@wrong("psnr", "0 where they are equal", "Equal pictures could not be better: the answer is inf.")
def _(x, target, peak=1.0):
    error = error_of(x, target)
    return level(peak**2 / error) if error else 0.0


@wrong(
    "psnr",
    "shapes not compared",
    "Arrays of different shapes are stretched to each other. Raise a ValueError.",
)
def _(x, target, peak=1.0):
    return level(over(peak**2, float(np.mean((x.astype(np.float64) - target.astype(np.float64)) ** 2))))


@wrong(
    "psnr",
    "input modified in place",
    "Your code subtracts in x itself (`-=`). Leave the inputs as they were.",
)
def _(x, target, peak=1.0):
    answer = level(over(peak**2, error_of(x, target)))
    x -= target
    return answer


def masks(prediction, target):
    need(prediction.shape == target.shape, "shapes differ")
    return int((prediction & target).sum()), int((prediction | target).sum())


def share(some, all_):
    return some / all_ if all_ else 1.0


@wrong(
    "iou",
    "Dice in place of IoU",
    "You divide twice the intersection by the sum of both masks: that is the Dice coefficient. Divide the "
    "intersection by the union.",
)
def _(prediction, target):
    both, _ = masks(prediction, target)
    return share(2 * both, int(prediction.sum()) + int(target.sum()))


@wrong(
    "iou",
    "both sizes in place of the union",
    "You divide by the sum of both sizes, in which the pixels in both count twice. The union counts them "
    "once.",
)
def _(prediction, target):
    both, _ = masks(prediction, target)
    return share(both, int(prediction.sum()) + int(target.sum()))


@wrong(
    "iou",
    "share of equal pixels",
    "You count all pixels in which the masks agree, also where both say no. Only the masks themselves count.",
)
def _(prediction, target):
    masks(prediction, target)
    return float((prediction == target).mean())


@wrong(
    "iou",
    "divided by all pixels",
    "You divide by the number of all pixels. Divide by those in at least one mask.",
)
def _(prediction, target):
    return masks(prediction, target)[0] / prediction.size


@wrong(
    "iou",
    "divided by the target",
    "You divide by the target's size. Pixels that only the prediction has count, too.",
)
def _(prediction, target):
    return share(masks(prediction, target)[0], int(target.sum()))


@wrong(
    "iou",
    "divided by the prediction",
    "You divide by the prediction's size. Pixels that it missed count, too.",
)
def _(prediction, target):
    return share(masks(prediction, target)[0], int(prediction.sum()))


@wrong(
    "iou",
    "pixels in one mask only",
    "You count the pixels in just one of the masks below. The union holds those in both, too.",
)
def _(prediction, target):
    both, either = masks(prediction, target)
    return share(both, either - both)


@wrong("iou", "fraction turned over", "The union stands above. The intersection is the smaller one: 0 to 1.")
def _(prediction, target):
    both, either = masks(prediction, target)
    return share(either, both)


@wrong("iou", "0 for empty masks", "Two empty masks agree in everything: the answer is 1.0.")
def _(prediction, target):
    both, either = masks(prediction, target)
    return both / either if either else 0.0


@wrong(
    "iou",
    "0 divided by 0",
    "For two empty masks you divide 0 by 0. They agree in everything: the answer is 1.0.",
)
def _(prediction, target):
    both, either = masks(prediction, target)
    return both / either if either else math.nan


@wrong(
    "iou",
    "1 where one mask is empty",
    "Where one mask is empty and the other is not they share nothing: 0.0.",
)
def _(prediction, target):
    both, either = masks(prediction, target)
    return both / either if prediction.any() and target.any() else 1.0


@wrong(
    "iou",
    "something small added",
    "You add something small above and below. Treat two empty masks on their own.",
)
def _(prediction, target):
    both, either = masks(prediction, target)
    return (both + 1e-6) / (either + 1e-6)


@wrong(
    "iou",
    "mean over the pictures",
    "You take the mean of the pictures of a batch. All pixels are counted together.",
)
def _(prediction, target):
    masks(prediction, target)
    if prediction.ndim < 3:
        return share(*masks(prediction, target))
    return float(np.mean([share(*masks(p, t)) for p, t in zip(prediction, target, strict=True)]))


@wrong(
    "iou",
    "how far apart",
    "You return 1 minus the intersection over the union: a loss. The measure itself is due.",
)
def _(prediction, target):
    return 1 - share(*masks(prediction, target))


@wrong(
    "iou",
    "counted in bytes",
    "You count in numbers of 8 bits, which run over behind 255. Count in whole Python numbers.",
)
def _(prediction, target):
    masks(prediction, target)
    both = int((prediction & target).sum(dtype=np.uint8))
    return share(both, int((prediction | target).sum(dtype=np.uint8)))


@wrong(
    "iou", "shapes not compared", "Masks of different shapes are stretched to each other. Raise a ValueError."
)
def _(prediction, target):
    return share(int((prediction & target).sum()), int((prediction | target).sum()))


@wrong(
    "iou",
    "input modified in place",
    "Your code works in the prediction itself (`&=`). Leave the inputs as they were.",
)
def _(prediction, target):
    answer = share(*masks(prediction, target))
    prediction &= target
    return answer


class RightUNet(nn.Module):
    """The right answer, with places for mistakes."""

    norm = nn.BatchNorm2d
    bias = False
    per_level = 2

    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        sizes = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(map(self.pair, [in_channels, *sizes], sizes))
        self.up = nn.ModuleList([self.enlarge(2 * size, size) for size in sizes[-2::-1]])
        self.merge = nn.ModuleList([self.pair(self.merged(size), size) for size in sizes[-2::-1]])
        self.last = self.ending(width, out_channels)
        self.skips = skips

    def pair(self, reads, writes):
        layers = []
        for _ in range(self.per_level):
            layers += self.layer(reads, writes)
            reads = writes
        return nn.Sequential(*layers)

    def layer(self, reads, writes):
        return [nn.Conv2d(reads, writes, 3, padding=1, bias=self.bias), self.norm(writes), nn.ReLU()]

    def enlarge(self, reads, writes):
        return nn.ConvTranspose2d(reads, writes, 2, 2)

    def merged(self, size):
        return 2 * size

    def ending(self, reads, writes):
        return nn.Conv2d(reads, writes, 1)

    def shrink(self, x):
        return F.max_pool2d(x, 2)

    def look(self, x):
        unit = 2 ** len(self.up)
        need(x.shape[2] % unit == 0 and x.shape[3] % unit == 0, "sizes that do not divide")

    def walk(self, x):
        """The way down: what the lowest level makes, and the skips from the lowest to the highest."""
        kept = []
        for level, pair in enumerate(self.down):
            x = pair(self.shrink(x) if level else x)
            kept.append(x)
        return x, kept[-2::-1]

    def carried(self, skip):
        return skip if self.skips else torch.zeros_like(skip)

    def join(self, skip, up):
        return torch.cat([skip, up], dim=1)

    def forward(self, x):
        self.look(x)
        x, skips = self.walk(x)
        for up, merge, skip in zip(self.up, self.merge, skips, strict=True):
            x = merge(self.join(self.carried(skip), up(x)))
        return self.last(x)


@wrong("UNet", "skip behind", "You put the skip behind what came up. Its channels come first.")
class _(RightUNet):
    def join(self, skip, up):
        return torch.cat([up, skip], dim=1)


@wrong(
    "UNet",
    "skip taken behind the pooling",
    "Your skips are taken behind the pooling, so they are small and have lost their details. Take what "
    "the pair "
    "made, before it is pooled.",
)
class _(RightUNet):
    def walk(self, x):
        x, skips = super().walk(x)
        return x, [F.interpolate(F.max_pool2d(skip, 2), scale_factor=2) for skip in skips]


@wrong(
    "UNet",
    "skip taken before the pair",
    "Your skips carry what came into a level. They carry what its pair of convolutions made of it.",
)
class _(RightUNet):
    def walk(self, x):
        kept = []
        for level, pair in enumerate(self.down):
            x = self.shrink(x) if level else x
            half = x
            x = pair(x)
            kept.append(pair[:3](half))
        return x, kept[-2::-1]


@wrong(
    "UNet",
    "skip added",
    "You add the skip to what came up. It is put beside it: the channels of both are there.",
)
class _(RightUNet):
    def merged(self, size):
        return size

    def join(self, skip, up):
        return skip + up


@wrong(
    "UNet",
    "skip shifted",
    "Skip and what came up do not lie on each other: one is shifted by a pixel (a crop that begins at the "
    "wrong "
    "place?).",
)
class _(RightUNet):
    def join(self, skip, up):
        return torch.cat([F.pad(skip, (0, 1, 0, 1))[:, :, 1:, 1:], up], dim=1)


@wrong(
    "UNet",
    "no skips at all",
    "Nothing goes across: with skips=True each level gets what its pair made on the way down.",
)
class _(RightUNet):
    def carried(self, skip):
        return torch.zeros_like(skip)


@wrong(
    "UNet",
    "skips=False ignored",
    "With skips=False zeros stand in the place of the skips; yours still carry.",
)
class _(RightUNet):
    def carried(self, skip):
        return skip


@wrong(
    "UNet",
    "twin with fewer parameters",
    "With skips=False the pairs on the way up read fewer channels, so that the twins cannot exchange their "
    "parameters. Put zeros in the place of the skips.",
)
class _(RightUNet):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__(in_channels, out_channels, width, depth, skips)
        if not skips:
            sizes = [width * 2**level for level in range(depth)]
            self.merge = nn.ModuleList([self.pair(size, size) for size in sizes[::-1]])

    def join(self, skip, up):
        return torch.cat([skip, up], dim=1) if self.skips else up


@wrong(
    "UNet",
    "no normalisations",
    "The normalisations are missing: one behind each 3 x 3 convolution, nn.BatchNorm2d.",
)
class _(RightUNet):
    norm = nn.Identity


@wrong(
    "UNet",
    "normalisation behind the ReLU",
    "The order is convolution, normalisation, ReLU. You normalise behind the ReLU.",
)
class _(RightUNet):
    def layer(self, reads, writes):
        conv, norm, relu = super().layer(reads, writes)
        return [conv, relu, norm]


@wrong(
    "UNet",
    "biases before the normalisations",
    "Your 3 x 3 convolutions have a bias. The normalisation behind takes it out again: bias=False.",
)
class _(RightUNet):
    bias = True


@wrong(
    "UNet", "one convolution for each level", "A pair is two convolutions, each with normalisation and ReLU."
)
class _(RightUNet):
    per_level = 1


@wrong("UNet", "no ReLU", "Behind each normalisation stands a ReLU; yours are missing.")
class _(RightUNet):
    def layer(self, reads, writes):
        return super().layer(reads, writes)[:2]


@wrong(
    "UNet",
    "no ReLU at the end of a pair",
    "The pair ends with its second normalisation. A ReLU stands behind each of the two.",
)
class _(RightUNet):
    def pair(self, reads, writes):
        return super().pair(reads, writes)[:-1]


@wrong(
    "UNet",
    "ReLU at the end",
    "The picture goes through a ReLU at the end. Nothing stands behind the last layer.",
)
class _(RightUNet):
    def forward(self, x):
        return F.relu(super().forward(x))


@wrong(
    "UNet",
    "sigmoid at the end",
    "A sigmoid presses the picture between 0 and 1. Here nothing stands behind the last layer.",
)
class _(RightUNet):
    def forward(self, x):
        return super().forward(x).sigmoid()


@wrong("UNet", "last layer 3 x 3", "The last convolution only mixes channels: its filters are 1 x 1.")
class _(RightUNet):
    def ending(self, reads, writes):
        return nn.Conv2d(reads, writes, 3, padding=1)


@wrong(
    "UNet",
    "copied enlargement",
    "On the way up you copy pixels and convolve. A transposed convolution 2 x 2 with stride 2 is asked for.",
)
class _(RightUNet):
    def enlarge(self, reads, writes):
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(reads, writes, 1))


@wrong(
    "UNet",
    "transposed convolutions without a bias",
    "The transposed convolutions have a bias here: leave `bias=False` out there.",
)
class _(RightUNet):
    def enlarge(self, reads, writes):
        return nn.ConvTranspose2d(reads, writes, 2, 2, bias=False)


@wrong(
    "UNet",
    "ReLU behind the transposed convolutions",
    "What comes up goes through a ReLU before it meets the skip. Nothing stands behind the transposed "
    "convolution.",
)
class _(RightUNet):
    def join(self, skip, up):
        return torch.cat([skip, F.relu(up)], dim=1)


@wrong("UNet", "average pooling", "On the way down you take means. Max pooling 2 x 2 is asked for.")
class _(RightUNet):
    def shrink(self, x):
        return F.avg_pool2d(x, 2)


@wrong(
    "UNet",
    "channels not doubled",
    "All levels have the same number of channels. Each level has twice as many as the one above it.",
)
class _(RightUNet):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__(in_channels, out_channels, width, depth, skips)
        self.down = nn.ModuleList(map(self.pair, [in_channels] + [width] * depth, [width] * (depth + 1)))
        self.up = nn.ModuleList([self.enlarge(width, width) for _ in range(depth)])
        self.merge = nn.ModuleList([self.pair(2 * width, width) for _ in range(depth)])


@wrong(
    "UNet",
    "no pair on the lowest level",
    "On the lowest level you only pool. There is a pair on every level, on the lowest, too.",
)
class _(RightUNet):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__(in_channels, out_channels, width, depth, skips)
        self.down[-1] = nn.Identity()
        size = width * 2 ** (depth - 1)
        self.up[0] = self.enlarge(size, size)


@wrong(
    "UNet",
    "sizes not looked at",
    "A height or width that does not divide is cut or filled in silence. Raise a ValueError.",
)
class _(RightUNet):
    def forward(self, x):
        height, width = x.shape[2:]
        unit = 2 ** len(self.up)
        return super().forward(F.pad(x, (0, -width % unit, 0, -height % unit)))[:, :, :height, :width]


@wrong("UNet", *PLAIN_LIST)
class _(RightUNet):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__(in_channels, out_channels, width, depth, skips)
        self.pairs = list(self.merge)
        del self.merge
        self.merge = self.pairs


wrong("UNet", *OWN_GPU)(behind(OnOneGPU, RightUNet))
wrong("UNet", *BUFFER)(behind(NotRegistered, RightUNet))


@wrong(
    "UNet",
    "zeros on the CPU",
    "The zeros in the place of the skips are made without a device, so they are on the CPU: on a GPU your "
    "code "
    "stops. torch.zeros_like(skip) makes them in the right place.",
)
class _(RightUNet):
    def carried(self, skip):
        return skip if self.skips else torch.zeros(skip.shape, dtype=skip.dtype)


@wrong("UNet", *NO_GRADIENT)
class _(RightUNet):
    def carried(self, skip):
        return super().carried(skip).detach()


class RightTemporal(nn.Module):
    """The right answer, with places for mistakes."""

    dilation = staticmethod(lambda layer: 2**layer)
    bias = True
    activate = nn.ReLU

    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        self.k = kernel_size
        self.convs = nn.ModuleList()
        for layer in range(n_layers):
            reads = channels if layer else in_channels
            self.convs.append(
                nn.Conv1d(reads, channels, kernel_size, dilation=self.dilation(layer), bias=self.bias)
            )
        self.last = self.ending(channels, n_outputs)

    def ending(self, reads, writes):
        return nn.Conv1d(reads, writes, 1, bias=self.bias)

    def convolved(self, conv, x):
        return conv(self.padded(x, (self.k - 1) * conv.dilation[0]))

    def padded(self, x, steps):
        return F.pad(x, (steps, 0))

    def forward(self, x):
        for conv in self.convs:
            x = self.activate()(self.convolved(conv, x))
        return self.last(x)


@wrong(
    "TemporalConvNet",
    "zeros on both sides",
    "You put zeros on both sides, so that each output also sees the future. All of them stand before the "
    "first "
    "step.",
)
class _(RightTemporal):
    def padded(self, x, steps):
        return F.pad(x, (steps - steps // 2, steps // 2))


@wrong(
    "TemporalConvNet",
    "zeros behind the last step",
    "You put the zeros behind the last step (or cut at the wrong end): each output sees the future and "
    "not the "
    "past.",
)
class _(RightTemporal):
    def padded(self, x, steps):
        return F.pad(x, (0, steps))


@wrong(
    "TemporalConvNet",
    "present not seen",
    "Your outputs see the past only. The last tap reads the present.",
)
class _(RightTemporal):
    def convolved(self, conv, x):
        steps = (self.k - 1) * conv.dilation[0]
        return conv(F.pad(x, (steps + 1, 0)))[:, :, : x.shape[2]]


@wrong(
    "TemporalConvNet",
    "taps turned around",
    "Your first tap reads the present and your last one the past. The order is that of time: the last tap "
    "reads "
    "the present.",
)
class _(RightTemporal):
    def convolved(self, conv, x):
        steps = (self.k - 1) * conv.dilation[0]
        return F.conv1d(F.pad(x, (steps, 0)), conv.weight.flip(2), conv.bias, dilation=conv.dilation)


@wrong(
    "TemporalConvNet",
    "dilation always 1",
    "Your layers have no dilation: what they see grows by k - 1 with each. It should double from layer to "
    "layer.",
)
class _(RightTemporal):
    dilation = staticmethod(lambda layer: 1)


@wrong(
    "TemporalConvNet",
    "dilation 1, 2, 3",
    "Your dilation grows by 1 from layer to layer. It should double: 1, 2, 4, 8.",
)
class _(RightTemporal):
    dilation = staticmethod(lambda layer: layer + 1)


@wrong(
    "TemporalConvNet",
    "dilation begins at 2",
    "Your first layer already has dilation 2, so that every second step is never read. Begin with 1.",
)
class _(RightTemporal):
    dilation = staticmethod(lambda layer: 2 ** (layer + 1))


@wrong(
    "TemporalConvNet",
    "dilation halved from layer to layer",
    "Your first layer has the largest dilation. It begins with 1 and doubles.",
)
class _(RightTemporal):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__(in_channels, channels, n_outputs, n_layers, kernel_size)
        for layer, conv in enumerate(self.convs):
            conv.dilation = (2 ** (n_layers - 1 - layer),)


@wrong(
    "TemporalConvNet",
    "dilation grows with the kernel",
    "Your dilation is kernel_size to the power of the layer. Here it is 2 to that power, whatever the "
    "kernel.",
)
class _(RightTemporal):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__(in_channels, channels, n_outputs, n_layers, kernel_size)
        for layer, conv in enumerate(self.convs):
            conv.dilation = (kernel_size**layer,)


@wrong(
    "TemporalConvNet",
    "zeros without the dilation",
    "You put k - 1 zeros before the first step, whatever the dilation: the output becomes shorter. It takes "
    "(k - 1) · dilation.",
)
class _(RightTemporal):
    def convolved(self, conv, x):
        steps = (self.k - 1) * conv.dilation[0]
        return conv(F.pad(x, (steps, 0)))[:, :, steps - self.k + 1 :]


@wrong(
    "TemporalConvNet",
    "kernel forgotten in the zeros",
    "You put as many zeros as the dilation says, whatever the kernel. It takes (k - 1) · dilation.",
)
class _(RightTemporal):
    def convolved(self, conv, x):
        steps, enough = conv.dilation[0], (self.k - 1) * conv.dilation[0]
        return conv(F.pad(x, (enough, 0)))[:, :, enough - steps :]


@wrong(
    "TemporalConvNet",
    "first step repeated",
    "Before the first step you repeat it. Zeros stand there.",
)
class _(RightTemporal):
    def padded(self, x, steps):
        return F.pad(x, (steps, 0), mode="replicate")


@wrong(
    "TemporalConvNet",
    "no ReLU",
    "Behind each dilated convolution stands a ReLU; yours are missing. Without them all layers together "
    "are one.",
)
class _(RightTemporal):
    activate = nn.Identity


@wrong(
    "TemporalConvNet",
    "no ReLU before the outputs",
    "Behind the last dilated convolution stands a ReLU as well.",
)
class _(RightTemporal):
    def forward(self, x):
        for index, conv in enumerate(self.convs):
            x = self.convolved(conv, x)
            x = F.relu(x) if index < len(self.convs) - 1 else x
        return self.last(x)


@wrong(
    "TemporalConvNet",
    "ReLU behind the outputs",
    "The outputs go through a ReLU. Nothing stands behind the last layer.",
)
class _(RightTemporal):
    def forward(self, x):
        return F.relu(super().forward(x))


@wrong(
    "TemporalConvNet",
    "no layer for the outputs",
    "The last dilated convolution makes the outputs itself. Behind it stands a convolution with kernel "
    "size 1.",
)
class _(RightTemporal):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__(in_channels, channels, n_outputs, n_layers, kernel_size)
        last = self.convs[-1]
        self.convs[-1] = nn.Conv1d(last.in_channels, n_outputs, kernel_size, dilation=last.dilation)
        self.last = nn.Identity()


@wrong(
    "TemporalConvNet",
    "outputs of the last step only",
    "You return the outputs of the last step. Each step has its own: (N, n_outputs, T).",
)
class _(RightTemporal):
    def forward(self, x):
        return super().forward(x)[:, :, -1]


@wrong(
    "TemporalConvNet",
    "skips put in",
    "Your layers have a way around, as in a later design. Here are none.",
)
class _(RightTemporal):
    def forward(self, x):
        for conv in self.convs:
            y = F.relu(self.convolved(conv, x))
            x = y + x if y.shape == x.shape else y
        return self.last(x)


@wrong("TemporalConvNet", "no biases", "All convolutions have a bias: leave `bias=False` out.")
class _(RightTemporal):
    bias = False


@wrong(
    "TemporalConvNet",
    "one layer used again",
    "All layers behind the first are one and the same. Make a new one for each.",
)
class _(RightTemporal):
    def forward(self, x):
        for layer, conv in enumerate(self.convs):
            shared = self.convs[min(layer, 1)]
            padded = self.padded(x, (self.k - 1) * conv.dilation[0])
            x = F.relu(F.conv1d(padded, shared.weight, shared.bias, dilation=conv.dilation))
        return self.last(x)


@wrong("TemporalConvNet", *PLAIN_LIST)
class _(RightTemporal):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__(in_channels, channels, n_outputs, n_layers, kernel_size)
        self.layers = list(self.convs)
        del self.convs
        self.convs = self.layers


wrong("TemporalConvNet", *OWN_GPU)(behind(OnOneGPU, RightTemporal))
wrong("TemporalConvNet", *BUFFER)(behind(NotRegistered, RightTemporal))


@wrong(
    "TemporalConvNet",
    "zeros on the CPU",
    "The zeros before the first step are made without a device, so they are on the CPU: on a GPU your code "
    "stops. F.pad makes them in the right place.",
)
class _(RightTemporal):
    def padded(self, x, steps):
        return torch.cat([torch.zeros(*x.shape[:2], steps, dtype=x.dtype), x], dim=2)


@wrong("TemporalConvNet", *NO_GRADIENT)
class _(RightTemporal):
    def forward(self, x):
        for index, conv in enumerate(self.convs):
            x = F.relu(self.convolved(conv, x))
            x = x.detach() if index == 0 else x
        return self.last(x)
