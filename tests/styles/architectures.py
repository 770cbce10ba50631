"""Right answers to notebook 4 in other styles: dictionaries and recursion, einsum, functional layers, names of
their own, lazy layers, layers made in another order, …
"""

import copy
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

STYLES: dict[tuple[str, str], Callable[..., Any]] = {}


def style(exercise: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def collect(function: Callable[..., Any]) -> Callable[..., Any]:
        STYLES[exercise, name] = function
        return function

    return collect


@style("activation_volumes", "a while loop, windows counted by range")
def _(layers, input_shape):
    volumes, index = [tuple(int(n) for n in input_shape)], 0
    while index < len(layers):
        layer, now = layers[index], volumes[-1]
        if layer[0] == "conv":
            if len(now) != 3 or layer[1] != now[0]:
                raise ValueError(f"{layer} does not fit {now}")
            _, _, out, k, s, p = layer
            sizes = [n + 2 * p for n in now[1:]]
        elif layer[0] == "pool":
            if len(now) != 3:
                raise ValueError(f"{layer} does not fit {now}")
            _, k, s = layer
            out, sizes = now[0], list(now[1:])
        elif layer[0] == "linear":
            if int(np.prod(now)) != layer[1]:
                raise ValueError(f"{layer} does not fit {now}")
            volumes.append((layer[2],))
            index += 1
            continue
        else:
            raise ValueError(layer[0])
        if any(n < k for n in sizes):
            raise ValueError("no window fits")
        volumes.append((out, *[len(range(0, n - k + 1, s)) for n in sizes]))
        index += 1
    return volumes


@style("activation_volumes", "recursion and match")
def _(layers, input_shape):
    def step(shape, layer):
        match (layer, shape):
            case (("conv", reads, writes, k, s, p), (c, h, w)) if reads == c and min(h, w) + 2 * p >= k:
                return writes, (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1
            case (("pool", k, s), (c, h, w)) if min(h, w) >= k:
                return c, (h - k) // s + 1, (w - k) // s + 1
            case (("linear", reads, writes), _) if math.prod(shape) == reads:
                return (writes,)
        raise ValueError(f"{layer} does not take {shape}")

    def go(shape, rest):
        return [shape] if not rest else [shape, *go(step(shape, rest[0]), rest[1:])]

    return go(tuple(input_shape), list(layers))


@style("activation_volumes", "PyTorch on the device meta")
def _(layers, input_shape):
    x = torch.empty(1, *input_shape, device="meta")
    volumes = [tuple(x.shape[1:])]
    for word, *sizes in layers:
        try:
            if word == "linear":
                x = nn.Linear(*sizes, device="meta")(x.flatten(1))
            elif x.dim() != 4:
                raise ValueError("no volume")
            elif word == "conv":
                reads, writes, kernel, stride, padding = sizes
                x = nn.Conv2d(reads, writes, kernel, stride, padding, device="meta")(x)
            elif word == "pool":
                if sizes[0] > min(x.shape[2:]):
                    raise ValueError("no window")
                x = F.max_pool2d(x, *sizes)
            else:
                raise ValueError(word)
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        volumes.append(tuple(x.shape[1:]))
    return volumes


@style("activation_volumes", "itertools.accumulate")
def _(layers, input_shape):
    def after(shape, layer):
        word = layer[0]
        if word == "linear":
            if reduce(lambda a, b: a * b, shape) != layer[1]:
                raise ValueError(layer)
            return (layer[2],)
        if word not in ("conv", "pool") or len(shape) == 1:
            raise ValueError(layer)
        kernel, stride, padding = layer[3:] if word == "conv" else (layer[1], layer[2], 0)
        if word == "conv" and layer[1] != shape[0]:
            raise ValueError(layer)
        sizes = [math.floor((n + 2 * padding - kernel) / stride) + 1 for n in shape[1:]]
        if min(n + 2 * padding for n in shape[1:]) < kernel:
            raise ValueError(layer)
        return (layer[2] if word == "conv" else shape[0], *sizes)

    return list(itertools.accumulate(layers, after, initial=tuple(input_shape)))


@style("count_parameters", "a dictionary of functions")
def _(layers):
    count = {
        "conv": lambda reads, writes, kernel, stride, padding: (reads * kernel**2 + 1) * writes,
        "pool": lambda kernel, stride: 0,
        "linear": lambda reads, writes: reads * writes + writes,
    }
    try:
        return sum(count[word](*sizes) for word, *sizes in layers)
    except KeyError as error:
        raise ValueError(f"unknown layer {error}") from None


@style("count_parameters", "PyTorch's layers on the device meta")
def _(layers):
    total = 0
    for layer in layers:
        match layer[0]:
            case "conv":
                made = nn.Conv2d(*layer[1:4], device="meta")
            case "linear":
                made = nn.Linear(layer[1], layer[2], device="meta")
            case "pool":
                made = nn.MaxPool2d(layer[1])
            case _:
                raise ValueError(f"{layer[0]} is unknown")
        total += sum(p.numel() for p in made.parameters())
    return total


@style("count_parameters", "NumPy integers, weights and biases apart")
def _(layers):
    weights, biases = np.int64(0), np.int64(0)
    for layer in layers:
        if layer[0] == "pool":
            continue
        if layer[0] not in ("conv", "linear"):
            raise ValueError(str(layer))
        weights += np.prod([layer[1], layer[2], layer[3], layer[3]] if layer[0] == "conv" else layer[1:])
        biases += layer[2]
    return weights + biases


@style("count_multiply_adds", "one walk through the layers")
def _(layers, input_shape):
    shape, total = list(input_shape), 0
    for word, *sizes in layers:
        if word == "linear":
            if np.prod(shape) != sizes[0]:
                raise ValueError("other numbers arrive")
            total += sizes[0] * sizes[1]
            shape = sizes[1:]
            continue
        if word not in ("conv", "pool") or len(shape) < 3:
            raise ValueError(word)
        kernel, stride, padding = sizes[2:] if word == "conv" else (*sizes, 0)
        if word == "conv" and sizes[0] != shape[0]:
            raise ValueError("other channels arrive")
        places = [(n + 2 * padding - kernel) // stride + 1 for n in shape[1:]]
        if min(places) < 1:
            raise ValueError("no window fits")
        if word == "conv":
            total += sizes[1] * places[0] * places[1] * sizes[0] * kernel**2
            shape[0] = sizes[1]
        shape[1:] = places
    return total


@style("count_multiply_adds", "volumes from the style before")
def _(layers, input_shape):
    volumes = STYLES["activation_volumes", "recursion and match"](layers, input_shape)
    pairs = list(zip(layers, volumes[1:], strict=True))
    convolutions = sum(math.prod(v) * la[1] * la[3] ** 2 for la, v in pairs if la[0] == "conv")
    return convolutions + sum(la[1] * v[0] for la, v in pairs if la[0] == "linear")


@style("count_multiply_adds", "weights times places")
def _(layers, input_shape):
    volumes = STYLES["activation_volumes", "itertools.accumulate"](layers, input_shape)
    total = 0
    for layer, volume in zip(layers, volumes[1:], strict=False):
        if layer[0] == "conv":
            total += layer[1] * layer[2] * layer[3] * layer[3] * volume[1] * volume[2]
        if layer[0] == "linear":
            total += layer[1] * layer[2]
    return total


@style("AlexNet", "one Sequential, names of layers, pooling before the ReLU")
class _(nn.Sequential):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        c = [in_channels, *(round(width * n) for n in (96, 256, 384, 384, 256))]
        hidden = round(4096 * width)
        side = ((((image_size - 7) // 4) - 1) // 2 - 1) // 2
        side = (side - 1) // 2
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(c[0], c[1], 11, 4),
                pool1=nn.MaxPool2d(3, 2),
                relu1=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(c[1], c[2], 5, padding="same"),
                pool2=nn.MaxPool2d(3, 2),
                relu2=nn.ReLU(inplace=True),
                conv3=nn.Conv2d(c[2], c[3], 3, padding="same"),
                relu3=nn.ReLU(inplace=True),
                conv4=nn.Conv2d(c[3], c[4], 3, padding="same"),
                relu4=nn.ReLU(inplace=True),
                conv5=nn.Conv2d(c[4], c[5], 3, padding="same"),
                relu5=nn.ReLU(inplace=True),
                pool5=nn.MaxPool2d(3, 2),
                flat=nn.Flatten(),
                fc6=nn.Linear(c[5] * side * side, hidden),
                relu6=nn.ReLU(inplace=True),
                fc7=nn.Linear(hidden, hidden),
                relu7=nn.ReLU(inplace=True),
                fc8=nn.Linear(hidden, n_classes),
            )
        )


@style("AlexNet", "functional, the last layers defined first, a trial on the device meta")
class _(nn.Module):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        super().__init__()
        a, b, c, d, e, h = [round(n * width) for n in [96, 256, 384, 384, 256, 4096]]
        with torch.device("meta"):
            side = torch.zeros(1, 1, image_size, image_size)
            side = F.max_pool2d(F.conv2d(side, torch.zeros(1, 1, 11, 11), stride=4), 3, 2)
            side = F.max_pool2d(F.max_pool2d(side, 3, 2), 3, 2)
        self.scores = nn.Linear(h, n_classes)
        self.second = nn.Linear(h, h)
        self.first = nn.Linear(e * side.numel(), h)
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(d, e, 3, padding=1),
                nn.Conv2d(c, d, 3, padding=1),
                nn.Conv2d(b, c, 3, padding=1),
                nn.Conv2d(a, b, 5, padding=2),
                nn.Conv2d(in_channels, a, 11, stride=4),
            ]
        )

    def forward(self, x):
        for number, convolution in enumerate(reversed(self.convolutions), 1):
            x = torch.relu(convolution(x))
            if number in (1, 2, 5):
                x = F.max_pool2d(x, kernel_size=3, stride=2)
        x = x.reshape(len(x), -1)
        x = self.first(x).clamp(min=0)
        x = self.second(x).clamp(min=0)
        return self.scores(x)


@style("AlexNet", "parameters of its own, matrices multiplied by hand")
class _(nn.Module):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        super().__init__()
        writes = [round(n * width) for n in (96, 256, 384, 384, 256)]
        sizes = zip([in_channels, *writes], writes, (11, 5, 3, 3, 3), strict=False)
        self.filters = nn.ParameterList([torch.randn(w, r, k, k) / 9 for r, w, k in sizes])
        self.offsets = nn.ParameterList([torch.zeros(w) for w in writes])
        side = (image_size - 11) // 4 + 1
        for _ in "123":
            side = (side - 3) // 2 + 1
        hidden = round(width * 4096)
        steps = [writes[-1] * side**2, hidden, hidden, n_classes]
        self.matrices = nn.ParameterList([torch.randn(w, r) / 9 for r, w in itertools.pairwise(steps)])
        self.shifts = nn.ParameterList([torch.zeros(w) for w in steps[1:]])

    def forward(self, x):
        for i, (filters, offset) in enumerate(zip(self.filters, self.offsets, strict=True)):
            padding = {11: 0, 5: 2, 3: 1}[filters.shape[-1]]
            x = F.relu(F.conv2d(x, filters, offset, stride=1 if i else 4, padding=padding))
            x = F.max_pool2d(x, 3, 2) if i in (0, 1, 4) else x
        x = x.flatten(start_dim=1)
        for i, (matrix, shift) in enumerate(zip(self.matrices, self.shifts, strict=True)):
            x = x @ matrix.T + shift
            x = x.relu() if i < 2 else x
        return x


@style("AlexNet", "lazy layers")
class _(nn.Module):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        super().__init__()
        relu, pool = nn.ReLU(), nn.MaxPool2d(3, 2)
        a, b, c, d, e, h = (round(n * width) for n in (96, 256, 384, 384, 256, 4096))
        self.net = nn.Sequential(
            *[nn.LazyConv2d(a, 11, 4), relu, pool, nn.LazyConv2d(b, 5, padding=2), relu, pool],
            *[nn.LazyConv2d(c, 3, padding=1), relu, nn.LazyConv2d(d, 3, padding=1), relu],
            *[nn.LazyConv2d(e, 3, padding=1), relu, pool, nn.Flatten()],
            *[nn.LazyLinear(h), relu, nn.LazyLinear(h), relu, nn.LazyLinear(n_classes)],
        )

    def forward(self, x):
        return self.net(x)


def looked_at(config):
    for entry in config:
        if entry != "M" and (not isinstance(entry, int) or entry < 1):
            raise ValueError(f"{entry} in the plan")


@style("make_vgg", "a module with add_module")
def _(config, in_channels, n_classes):
    looked_at(config)
    net = nn.Sequential()
    for i, entry in enumerate(config):
        if entry == "M":
            net.add_module(f"pool{i}", nn.MaxPool2d(kernel_size=2, stride=2))
        else:
            net.add_module(f"conv{i}", nn.Conv2d(in_channels, entry, (3, 3), padding="same"))
            net.add_module(f"relu{i}", nn.ReLU(inplace=True))
            in_channels = entry
    net.add_module("mean", nn.AdaptiveAvgPool2d((1, 1)))
    net.add_module("flat", nn.Flatten())
    net.add_module("scores", nn.Linear(in_channels, n_classes))
    return net


@style("make_vgg", "a class that reads the plan in forward")
class _(nn.Module):
    def __init__(self, config, in_channels, n_classes):
        super().__init__()
        looked_at(config)
        self.plan = list(config)
        counts = [in_channels] + [entry for entry in config if entry != "M"]
        self.head = nn.Linear(counts[-1], n_classes)
        self.convs = nn.ModuleList([nn.Conv2d(a, b, 3, 1, 1) for a, b in itertools.pairwise(counts)])

    def forward(self, x):
        convs = iter(self.convs)
        for entry in self.plan:
            x = F.max_pool2d(x, 2) if entry == "M" else F.relu(next(convs)(x))
        return self.head(x.mean((-2, -1)))


@style("make_vgg", "stages as modules of their own, lazy scores")
def _(config, in_channels, n_classes):
    looked_at(config)

    class Mean(nn.Module):
        def forward(self, x):
            return x.flatten(2).sum(-1) / (x.shape[2] * x.shape[3])

    stages, stage = nn.ModuleList(), nn.Sequential()
    for entry in config:
        if entry == "M":
            stage.append(nn.MaxPool2d(2))
            stages.append(stage)
            stage = nn.Sequential()
        else:
            stage.append(nn.Sequential(nn.LazyConv2d(entry, 3, padding=1), nn.ReLU()))
    return nn.Sequential(*stages, stage, Mean(), nn.LazyLinear(n_classes))


def same(x, weight):
    """A 3 x 3 convolution of padding 1 in NumPy."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight)


@style("residual_block", "sliding windows and einsum")
def _(x, w1, w2):
    hidden = same(x, w1).clip(min=0)
    return np.clip(same(hidden, w2) + x, 0, None), (x, w1, w2)


@style("residual_block", "tap by tap, in place on copies, masks, a list as cache")
def _(x, w1, w2):
    def convolve(x, weight):
        padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        y = np.zeros((len(x), len(weight), *x.shape[2:]), x.dtype)
        for i, j in itertools.product(range(3), repeat=2):
            patch = padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
            y += np.tensordot(patch, weight[:, :, i, j], axes=([1], [1])).transpose(0, 3, 1, 2)
        return y

    hidden = convolve(x, w1)
    hidden[hidden < 0] = 0
    y = convolve(hidden, w2)
    y += x
    y *= y > 0
    return [y, [x, w1, w2]]


@style("residual_block", "PyTorch, copies in the cache")
def _(x, w1, w2):
    tx, t1, t2 = (torch.tensor(a) for a in (x, w1, w2))
    y = tx + F.conv2d(F.conv2d(tx, t1, padding=1).relu_(), t2, padding="same")
    return y.relu().numpy(), (x.copy(), w1.copy(), w2.copy())


@style("residual_block_backward", "autograd")
def _(dy, cache):
    x, w1, w2 = (torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in cache)
    y = F.relu(x + F.conv2d(F.relu(F.conv2d(x, w1, padding=1)), w2, padding=1))
    y.backward(torch.tensor(np.ascontiguousarray(dy)))
    return x.grad.numpy(), w1.grad.numpy(), w2.grad.numpy()


@style("residual_block_backward", "turned filters and windows")
def _(dy, cache):
    x, w1, w2 = cache

    def back(dy, x, weight):
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = sliding_window_view(padded, (3, 3), axis=(2, 3))
        turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
        return same(dy, turned), np.einsum("nohw,nchwij->ocij", dy, windows)

    h = same(x, w1)
    active = np.where(h > 0, h, 0)
    d = np.where(x + same(active, w2) > 0, dy, 0)
    dh, dw2 = back(d, active, w2)
    dh[h <= 0] = 0
    dx, dw1 = back(dh, x, w1)
    dx += d
    return [dx, dw1, dw2]


@style("residual_block_backward", "torch.func, gradients of a sum")
def _(dy, cache):
    arrays = tuple(torch.from_numpy(np.array(a)) for a in cache)

    def total(x, w1, w2):
        hidden = F.conv2d(x, w1, padding=1)
        hidden = torch.where(hidden > 0, hidden, torch.zeros_like(hidden))
        out = x + F.conv2d(hidden, w2, padding=1)
        return (torch.where(out > 0, out, torch.zeros_like(out)) * torch.from_numpy(np.array(dy))).sum()

    return tuple(g.numpy() for g in torch.func.grad(total, argnums=(0, 1, 2))(*arrays))


@style("ResidualBlock", "names of the paper, in place, downsample or None")
class BasicBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride > 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        self.skip = skip

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.skip:
            if self.downsample is not None:
                identity = self.downsample(x)
            out += identity
        return self.relu(out)


@style("ResidualBlock", "the way around first, its layers defined first, functional")
class AroundFirst(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        self.project = (in_channels, 1) != (out_channels, stride)
        if self.project:
            self.norm_p = nn.BatchNorm2d(out_channels)
            self.conv_p = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(out_channels) for _ in range(2)])
        self.second = nn.Parameter(torch.randn(out_channels, out_channels, 3, 3) / 10)
        self.first = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3) / 10)
        self.stride, self.skip = stride, skip

    def forward(self, x):
        around = torch.zeros((), dtype=x.dtype, device=x.device)
        if self.skip:
            around = self.norm_p(self.conv_p(x)) if self.project else x
        y = F.conv2d(x, self.first, stride=self.stride, padding=1)
        y = F.conv2d(F.relu(self.norms[0](y)), self.second, padding=1)
        return torch.relu(around + self.norms[1](y))


@style("ResidualBlock", "convolutions first, then the normalisations, explicit zeros around")
class Interleaved(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        self.body = nn.ModuleDict(
            {
                "a": nn.Conv2d(in_channels, out_channels, 3, stride, bias=False),
                "b": nn.Conv2d(out_channels, out_channels, 3, bias=False),
                "na": nn.BatchNorm2d(out_channels),
                "nb": nn.BatchNorm2d(out_channels),
            }
        )
        if stride != 1 or in_channels != out_channels:
            self.body["p"] = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.body["np"] = nn.BatchNorm2d(out_channels)
        self.stride, self.skip = stride, skip

    def forward(self, x):
        body = self.body
        a = body["a"](F.pad(x, (1, 1, 1, 1)))
        p = x
        if self.skip and "p" in body:
            p = body["p"](x[:, :, :: self.stride, :: self.stride])
        a = body["na"](a).clamp_min(0)
        if self.skip and "p" in body:
            p = body["np"](p)
        b = body["nb"](body["b"](F.pad(a, (1, 1, 1, 1))))
        return (b + p if self.skip else b).clamp_min(0)


def resnet(block):
    class Net(nn.Module):
        def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
            super().__init__()
            self.fc = nn.Linear(widths[-1], n_classes)
            self.conv1 = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0])
            reads = widths[0]
            for number, writes in enumerate(widths, 1):
                stage = [block(reads, writes, 1 if number == 1 else 2, skip=skip)]
                stage += [block(writes, writes, skip=skip) for _ in range(blocks - 1)]
                self.add_module(f"layer{number}", nn.Sequential(*stage))
                reads = writes
            self.n = len(widths)

        def forward(self, x):
            x = F.relu(self.bn1(self.conv1(x)), inplace=True)
            for number in range(1, self.n + 1):
                x = getattr(self, f"layer{number}")(x)
            return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))

    return Net


style("ResNet", "names of the paper, stages")(resnet(BasicBlock))
style("ResNet", "blocks that go around first")(resnet(AroundFirst))


@style("ResNet", "a list of blocks, the mean by hand, another block")
class _(nn.Module):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__()
        plan = [(w, 2 if stage and not b else 1) for stage, w in enumerate(widths) for b in range(blocks)]
        reads = [widths[0], *(w for w, _ in plan)]
        self.blocks = nn.ModuleList(
            [Interleaved(r, w, s, skip) for r, (w, s) in zip(reads, plan, strict=False)]
        )
        self.start = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0])
        )
        self.weight = nn.Parameter(torch.randn(n_classes, widths[-1]))
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def forward(self, x):
        x = torch.relu(self.start(x))
        for block in self.blocks:
            x = block(x)
        features = x.flatten(2).sum(dim=2) / x[0, 0].numel()
        return F.linear(features, self.weight) + self.bias


@style("gradient_norms", "autograd.grad on a copy")
def _(model, x, y):
    model = copy.deepcopy(model)
    weights = [p for p in model.parameters() if p.ndim > 1]
    wanted = [p for p in weights if p.requires_grad]
    found = torch.autograd.grad(F.cross_entropy(model(x), y), wanted, allow_unused=True)
    by_id = {id(p): g for p, g in zip(wanted, found, strict=True)}
    return [
        float(by_id[id(p)].square().sum().sqrt()) if by_id.get(id(p)) is not None else 0.0 for p in weights
    ]


@style("gradient_norms", "the model itself, everything put back")
def _(model, x, y):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    stored = [p.grad for p in model.parameters()]
    for p in model.parameters():
        p.grad = None
    nn.CrossEntropyLoss()(model(x), y).backward()
    norms = []
    for _name, p in model.named_parameters():
        if len(p.shape) >= 2:
            norms.append(0.0 if p.grad is None else torch.linalg.vector_norm(p.grad).item())
    for p, grad in zip(model.parameters(), stored, strict=True):
        p.grad = grad
    model.load_state_dict(state)
    return norms


@style("gradient_norms", "functional_call with copies, an array in float32")
def _(model, x, y):
    parameters = {k: p.detach().clone().requires_grad_(p.requires_grad) for k, p in model.named_parameters()}
    buffers = {k: b.detach().clone() for k, b in model.named_buffers()}
    scores = torch.func.functional_call(model, {**parameters, **buffers}, (x,))
    loss = -F.log_softmax(scores, dim=1).gather(1, y[:, None]).mean()
    loss.backward()
    return np.array(
        [
            0.0 if p.grad is None else p.grad.flatten().norm().item()
            for p in parameters.values()
            if p.dim() >= 2
        ],
        dtype=np.float32,
    )


@style("Autoencoder", "functional, layers with names, Unflatten by view")
class _(nn.Module):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        if in_shape[1] % 4 != 0 or in_shape[2] % 4 != 0:
            raise ValueError(f"{in_shape} does not divide")
        self.shape = (width * 2, in_shape[1] // 4, in_shape[2] // 4)
        n = self.shape[0] * self.shape[1] * self.shape[2]
        self.up2 = nn.ConvTranspose2d(width, in_shape[0], 2, stride=2)
        self.up1 = nn.ConvTranspose2d(width * 2, width, 2, stride=2)
        self.fc2 = nn.Linear(bottleneck, n)
        self.fc1 = nn.Linear(n, bottleneck)
        self.conv2 = nn.Conv2d(width, width * 2, 3, stride=2, padding=1)
        self.conv1 = nn.Conv2d(in_shape[0], width, 3, stride=2, padding=1)

    def encode(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        return self.fc1(x.reshape(x.size(0), -1))

    def decode(self, code):
        x = torch.relu(self.fc2(code)).reshape(-1, *self.shape)
        return self.up2(torch.relu(self.up1(x)))

    def forward(self, x):
        return self.decode(self.encode(x))


@style("Autoencoder", "lazy layers, in place, one Sequential cut in two")
class _(nn.Module):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        c, h, w = in_shape
        if (h | w) & 3:
            raise ValueError("multiples of 4 only")
        self.layers = nn.Sequential(
            nn.LazyConv2d(width, 3, 2, 1),
            nn.ReLU(True),
            nn.LazyConv2d(2 * width, 3, 2, 1),
            nn.ReLU(True),
            nn.Flatten(),
            nn.LazyLinear(bottleneck),
            nn.Linear(bottleneck, width * h * w // 8),
            nn.ReLU(True),
            nn.Unflatten(1, (2 * width, h // 4, w // 4)),
            nn.LazyConvTranspose2d(width, 2, 2),
            nn.ReLU(True),
            nn.LazyConvTranspose2d(c, 2, 2),
        )

    def encode(self, x):
        return self.layers[:6](x)

    def decode(self, code):
        return self.layers[6:](code)

    def forward(self, x):
        return self.layers(x)


@style("Autoencoder", "encoder and decoder as classes")
class _(nn.Module):
    class Encoder(nn.Module):
        def __init__(self, channels, width, sides, bottleneck):
            super().__init__()
            self.convs = nn.ModuleList(
                [nn.Conv2d(r, w, 3, 2, 1) for r, w in ((channels, width), (width, 2 * width))]
            )
            self.matrix = nn.Parameter(torch.randn(bottleneck, 2 * width * sides[0] * sides[1]) / 10)
            self.shift = nn.Parameter(torch.zeros(bottleneck))

        def forward(self, x):
            for conv in self.convs:
                x = conv(x).clamp(min=0)
            return F.linear(x.flatten(1), self.matrix, self.shift)

    class Decoder(nn.Module):
        def __init__(self, channels, width, sides, bottleneck):
            super().__init__()
            self.first = nn.Sequential(nn.Linear(bottleneck, 2 * width * sides[0] * sides[1]), nn.ReLU())
            self.ups = nn.Sequential(
                nn.ConvTranspose2d(2 * width, width, 2, 2),
                nn.ReLU(),
                nn.ConvTranspose2d(width, channels, 2, 2),
            )
            self.sides, self.width = sides, width

        def forward(self, code):
            return self.ups(self.first(code).view(len(code), 2 * self.width, *self.sides))

    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        channels, *pixels = in_shape
        if any(n % 4 for n in pixels):
            raise ValueError(str(pixels))
        sides = [n // 4 for n in pixels]
        self.decoder = self.Decoder(channels, width, sides, bottleneck)
        self.encoder = self.Encoder(channels, width, sides, bottleneck)
        self.encode, self.decode = self.encoder.forward, self.decoder.forward

    def forward(self, x):
        return self.decode(self.encode(x))


def fit(x, weight, skip):
    n, c, h, w = x.shape
    if weight.shape[:1] + weight.shape[2:] != (c, 2, 2) or skip.shape[:1] + skip.shape[2:] != (
        n,
        2 * h,
        2 * w,
    ):
        raise ValueError(f"{x.shape}, {weight.shape} and {skip.shape} do not fit")


@style("up_and_concat", "plain loops")
def _(x, weight, skip):
    fit(x, weight, skip)
    n, c_skip, height, width = skip.shape
    out = np.empty((n, c_skip + weight.shape[1], height, width), x.dtype)
    out[:, :c_skip] = skip
    for b, u, i, j in np.ndindex(n, weight.shape[1], height, width):
        out[b, c_skip + u, i, j] = (x[b, :, i // 2, j // 2] * weight[:, u, i % 2, j % 2]).sum()
    return out


@style("up_and_concat", "one einsum and a reshape")
def _(x, weight, skip):
    fit(x, weight, skip)
    n, _, h, w = x.shape
    up = np.einsum("bchw,cuij->buhiwj", x, weight).reshape(n, -1, 2 * h, 2 * w)
    return np.hstack([skip, up])


@style("up_and_concat", "PyTorch")
def _(x, weight, skip):
    fit(x, weight, skip)
    small, filters, large = (torch.from_numpy(a.copy()) for a in (x, weight, skip))
    return torch.cat((large, F.conv_transpose2d(small, filters, stride=2)), 1).numpy()


@style("up_and_concat", "np.kron for each pair of channels")
def _(x, weight, skip):
    fit(x, weight, skip)
    up = [
        [sum(np.kron(plane, weight[c, u]) for c, plane in enumerate(volume)) for u in range(weight.shape[1])]
        for volume in x
    ]
    return np.concatenate((skip, np.array(up, dtype=x.dtype)), 1)


@style("psnr", "root and twenty")
def _(x, target, peak=1.0):
    if x.shape != target.shape:
        raise ValueError("shapes")
    root = np.sqrt(np.mean(np.square(np.subtract(x, target, dtype=float))))
    with np.errstate(divide="ignore"):
        return 20 * np.log10(peak / root)


@style("psnr", "logarithms apart, flattened lists")
def _(x, target, peak=1.0):
    if np.shape(x) != np.shape(target):
        raise ValueError(f"{np.shape(x)}, {np.shape(target)}")
    pairs = zip(x.ravel().tolist(), target.ravel().tolist(), strict=True)
    squares = [(a - b) ** 2 for a, b in pairs]
    mean = math.fsum(squares) / len(squares)
    if mean == 0:
        return math.inf
    return 20 * math.log10(peak) - 10 * math.log10(mean)


@style("psnr", "PyTorch, in the input's own float")
def _(x, target, peak=1.0):
    if x.shape != target.shape:
        raise ValueError("other shapes")
    a, b = (torch.from_numpy(np.ascontiguousarray(v)) for v in (x, target))
    if not a.is_floating_point():
        a, b = a.double(), b.double()
    error = F.mse_loss(a, b)
    return (10 * torch.log10(peak**2 / error)).item()


@style("iou", "np.logical_and, np.logical_or")
def _(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes")
    union = np.logical_or(prediction, target).sum()
    if union == 0:
        return 1.0
    return np.logical_and(prediction, target).sum() / union


@style("iou", "sets of places")
def _(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes")
    ours, theirs = (set(np.flatnonzero(mask).tolist()) for mask in (prediction, target))
    return len(ours & theirs) / len(ours | theirs) if ours or theirs else 1


@style("iou", "PyTorch, a quotient in float32")
def _(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes")
    a, b = torch.tensor(prediction), torch.tensor(target)
    union = (a | b).sum()
    return ((a & b).sum() / union).item() if union else 1.0


@style("iou", "hits, misses and false alarms")
def _(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError(f"{prediction.shape} against {target.shape}")
    hits = np.count_nonzero(prediction & target)
    misses = np.count_nonzero(~prediction & target)
    alarms = np.count_nonzero(prediction & ~target)
    if hits + misses + alarms == 0:
        return 1.0
    return float(hits / (hits + misses + alarms))


class DoubleConv(nn.Module):
    def __init__(self, reads, writes):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(reads, writes, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(writes),
            nn.ReLU(inplace=True),
            nn.Conv2d(writes, writes, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(writes),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


def divides(x, depth):
    if x.shape[-1] % 2**depth or x.shape[-2] % 2**depth:
        raise ValueError(f"{tuple(x.shape)} is not divided by 2 ** {depth}")


@style("UNet", "recursion: a level holds the levels below it")
class _(nn.Module):
    class Level(nn.Module):
        def __init__(self, reads, width, depth, skips):
            super().__init__()
            self.inner = type(self)(width, 2 * width, depth - 1, skips) if depth else None
            self.down = DoubleConv(reads, width)
            if depth:
                self.merge = DoubleConv(2 * width, width)
                self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
            self.skips = skips

        def forward(self, x):
            x = self.down(x)
            if self.inner is None:
                return x
            up = self.up(self.inner(F.max_pool2d(x, 2)))
            return self.merge(torch.cat([x if self.skips else x * 0, up], 1))

    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        self.top = self.Level(in_channels, width, depth, skips)
        self.last = nn.Conv2d(width, out_channels, 1)
        self.depth = depth

    def forward(self, x):
        divides(x, self.depth)
        return self.last(self.top(x))


@style("UNet", "a stack of skips, names by number, new_zeros")
class _(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        self.outc = nn.Conv2d(width, out_channels, kernel_size=1)
        self.inc = DoubleConv(in_channels, width)
        for k in range(1, depth + 1):
            c = width * 2 ** (k - 1)
            setattr(self, f"up{k}", nn.ConvTranspose2d(2 * c, c, kernel_size=2, stride=2))
            setattr(self, f"conv{k}", DoubleConv(2 * c, c))
            setattr(self, f"down{k}", nn.Sequential(nn.MaxPool2d(2), DoubleConv(c, 2 * c)))
        self.depth, self.skips = depth, skips

    def forward(self, x):
        divides(x, self.depth)
        stack = [self.inc(x)]
        for k in range(1, self.depth + 1):
            stack.append(getattr(self, f"down{k}")(stack[-1]))
        x = stack.pop()
        for k in range(self.depth, 0, -1):
            skip = stack.pop()
            if not self.skips:
                skip = skip.new_zeros(skip.shape)
            x = getattr(self, f"conv{k}")(torch.cat((skip, getattr(self, f"up{k}")(x)), dim=1))
        return self.outc(x)


@style("UNet", "ModuleDicts, functional ReLU, the skip kept by a slice, the last layer a matrix product")
class _(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        self.parts = nn.ModuleDict()
        for level in range(depth + 1):
            size = width << level
            self._pair(f"down{level}", in_channels if level == 0 else size // 2, size)
            if level < depth:
                self._pair(f"up{level}", 2 * size, size)
                self.parts[f"transposed{level}"] = nn.ConvTranspose2d(2 * size, size, 2, 2)
        self.weight = nn.Parameter(torch.randn(out_channels, width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.depth, self.skips = depth, skips

    def _pair(self, name, reads, writes):
        for number, size in enumerate((reads, writes)):
            self.parts[f"{name}_norm{number}"] = nn.BatchNorm2d(writes)
            self.parts[f"{name}_conv{number}"] = nn.Conv2d(size, writes, 3, 1, 1, bias=False)

    def _run(self, name, x):
        for number in range(2):
            x = self.parts[f"{name}_norm{number}"](self.parts[f"{name}_conv{number}"](x)).relu()
        return x

    def forward(self, x):
        divides(x, self.depth)
        kept = {}
        for level in range(self.depth + 1):
            x = self._run(f"down{level}", x)
            if level < self.depth:
                kept[level] = x
                x = F.max_pool2d(x, kernel_size=2, stride=2)
        for level in reversed(range(self.depth)):
            size = kept[level].shape[1]
            both = kept[level].new_zeros(len(x), 2 * size, *kept[level].shape[2:])
            if self.skips:
                both[:, :size] = kept[level]
            both[:, size:] = self.parts[f"transposed{level}"](x)
            x = self._run(f"up{level}", both)
        return F.conv2d(x, self.weight, self.bias)


@style("TemporalConvNet", "padded on both sides, cut at the end")
class _(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        self.readout = nn.Conv1d(channels, n_outputs, 1)
        self.convs = nn.ModuleList()
        for i in range(n_layers):
            d = 2**i
            self.convs.append(
                nn.Conv1d(
                    in_channels if i == 0 else channels,
                    channels,
                    kernel_size,
                    padding=(kernel_size - 1) * d,
                    dilation=d,
                )
            )

    def forward(self, x):
        steps = x.shape[-1]
        for conv in self.convs:
            x = F.relu(conv(x)[..., :steps])
        return self.readout(x)


@style("TemporalConvNet", "tap by tap, matrices over channels")
class _(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        reads = [in_channels] + [channels] * (n_layers - 1)
        self.weights = nn.ParameterList([torch.randn(channels, r, kernel_size) for r in reads])
        self.biases = nn.ParameterList([torch.zeros(channels) for _ in reads])
        self.out = nn.Conv1d(channels, n_outputs, kernel_size=1)

    def forward(self, x):
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            taps, total = weight.shape[2], None
            for tap in range(taps):
                delay = (taps - 1 - tap) * 2**layer
                moved = F.pad(x, (delay, 0))[:, :, : x.shape[2]]
                part = torch.einsum("oc,nct->not", weight[:, :, tap], moved)
                total = part if total is None else total + part
            x = torch.relu(total + bias[:, None])
        return self.out(x)


@style("TemporalConvNet", "a causal layer as a class, zeros put before")
class _(nn.Sequential):
    class Causal(nn.Conv1d):
        def forward(self, x):
            steps = (self.kernel_size[0] - 1) * self.dilation[0]
            zeros = torch.zeros(x.shape[0], x.shape[1], steps, dtype=x.dtype, device=x.device)
            return super().forward(torch.cat([zeros, x], dim=-1))

    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        sizes = itertools.pairwise([in_channels] + n_layers * [channels])
        layers = []
        for number, (reads, writes) in enumerate(sizes):
            layers.append(self.Causal(reads, writes, kernel_size, dilation=1 << number))
            layers.append(nn.ReLU())
        super().__init__(*layers, nn.Conv1d(channels, n_outputs, 1))


@style("gradient_norms", "norms added up on the device, zeros_like for what is missing")
def _(model, x, y):
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.grad = None
    F.cross_entropy(twin(x), y.to(x.device)).backward()
    weights = [p.detach() if p.grad is None else p.grad for p in twin.parameters() if p.dim() >= 2]
    given = [p.grad is not None for p in twin.parameters() if p.dim() >= 2]
    norms = x.new_zeros(len(weights))
    for number, (weight, arrived) in enumerate(zip(weights, given, strict=True)):
        norms[number] = (weight if arrived else torch.zeros_like(weight)).norm()
    return norms.tolist()


@style("TemporalConvNet", "new_zeros before, a buffer that moves along")
class _(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        reads = [in_channels, *[channels] * n_layers]
        self.layers = nn.ModuleList(
            nn.Conv1d(reads[k], channels, kernel_size, dilation=2**k) for k in range(n_layers)
        )
        self.last = nn.Conv1d(channels, n_outputs, 1)
        self.register_buffer("floor", torch.zeros(1), persistent=False)

    def forward(self, x):
        for layer in self.layers:
            before = x.new_zeros(len(x), x.shape[1], (layer.kernel_size[0] - 1) * layer.dilation[0])
            x = torch.maximum(layer(torch.cat([before, x], dim=2)), self.floor.to(x))
        return self.last(x)
