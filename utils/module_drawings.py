"""Networks drawn from the modules themselves: what a model does to a picture is followed, then drawn.

The model runs once on tensors that have a shape and no numbers, and every operation is noted. So a drawing
shows what the code does, whoever wrote it, and cannot drift from it.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from utils import plots, volumes
from utils.volumes import Volume

Shape = tuple[int, ...]

GAP = 1.75  # between two volumes, for the arrow and its words, in units of the drawing


@dataclass(frozen=True)
class Stop:
    """One volume on the way through a network, and what made it.

    kind: "input", "conv", "up" (transposed convolution), "linear", "pool", "mean", "add", "cat" or "zeros".
    words: the operation in words, such as "conv 3×3, /2".
    shape: of the volume, without the batch: (C, H, W), (C, T) or (n,).
    sources: places in the list of stops of what the operation read.
    weights: how many parameters it has (biases included, normalisations behind it not).
    work: multiply-adds for one picture (biases and normalisations not counted).
    after: what follows on the same shape: "norm", "ReLU".
    """

    kind: str
    words: str
    shape: Shape
    sources: tuple[int, ...] = ()
    weights: int = 0
    after: tuple[str, ...] = ()
    work: int = 0


def follow(model: nn.Module, shape: Shape) -> list[Stop]:
    """Follow a picture through a model, in evaluation mode; the model itself is not touched.

    Args:
        model: any module whose forward takes one tensor (N, *shape).
        shape: of the input, without the batch.

    Returns:
        The stops, in the order in which they are made; the first is the input.
    """
    twin = copy.deepcopy(model).to("meta").eval()
    recorder = _Recorder()
    x = torch.empty(2, *shape, device="meta")
    recorder.begin(x)
    with torch.no_grad(), recorder:
        twin(x)
    return recorder.stops


def draw_row(
    stops: Sequence[Stop],
    height: float = 3.4,
    labels: Sequence[str] | None = None,
    title: str = "",
    unit: float = 0.42,
) -> Figure:
    """Draw a network as volumes in a row, with ways around as arcs above it.

    Args:
        stops: what `follow` found.
        height: of the highest volume, in units of the drawing.
        labels: what stands below each stop; by default the shape of its volume.
        title: words above the drawing.
        unit: length of one unit at most, in inches.
    """
    lanes, columns = _lanes(stops)
    sizes = [_drawn(stop, stops, height) for stop in stops]
    main = sorted((k for k in range(len(stops)) if lanes[k] == 0), key=lambda k: columns[k])
    lefts, x = [0.0] * len(stops), 0.5
    for k in main:
        lefts[k] = x
        x += _breadth(sizes[k]) + GAP
    width = x - GAP + 0.7
    by_column = {columns[k]: k for k in main}
    for k in range(len(stops)):
        if lanes[k]:
            before = max(column for column in by_column if column < columns[k])
            after = min(column for column in by_column if column > columns[k])
            middle = (lefts[by_column[before]] + lefts[by_column[after]]) / 2
            lefts[k] = middle
    arcs = any(len(stop.sources) > 1 for stop in stops)
    above = 2.9 if any(lanes) else 1.2 if arcs else 0.4
    top = above + (0.7 if title else 0.0)
    figure, ax = plots.canvas(width, top + height + 1.6, unit=min(unit, 13.5 / width))
    axis = top + height / 2
    boxes = []
    for k, stop in enumerate(stops):
        middle = axis if lanes[k] == 0 else top - 1.6
        boxes.append(_place(ax, stop, lefts[k], middle, sizes[k], small=lanes[k] > 0))
    for k, stop in enumerate(stops):
        for source in stop.sources:
            direct = lanes[k] == lanes[source] == 0 and columns[k] - columns[source] == 1
            _connect(ax, boxes[source], boxes[k], stop, stops[source], direct, axis - height / 2 - 0.75)
    for k in main:
        text = labels[k] if labels is not None else "" if stops[k].kind == "add" else _shape(stops[k].shape)
        middle = lefts[k] + _breadth(sizes[k]) / 2
        ax.text(middle, top + height + 0.35, text, ha="center", va="top", fontsize=9)
    if title:
        ax.text(0.5, 0.1, title, ha="left", va="top", fontsize=12)
    return figure


def draw_levels(stops: Sequence[Stop], title: str = "", height: float = 3.2, unit: float = 0.42) -> Figure:
    """Draw an image-to-image network: the smaller its volume, the lower it stands; skips run across.

    Args: as for `draw_row`; all volumes are (C, H, W).
    """
    stops = _joined(stops)
    sizes = [_flat(stop, stops, height) for stop in stops]
    sides = sorted({stop.shape[1] for stop in stops}, reverse=True)
    tops, y = {}, 1.0 if title else 0.5
    for side in sides:
        tops[side] = y
        y += max(size[1] for size, stop in zip(sizes, stops, strict=True) if stop.shape[1] == side) + 1.55
    lefts, x = [], 0.5
    for k, stop in enumerate(stops):
        falls = k > 0 and stop.shape[1] != stops[k - 1].shape[1]
        x += 0.0 if k == 0 else 0.75 if falls else 1.45
        lefts.append(x)
        x += sizes[k][0]
    figure, ax = plots.canvas(x + 0.7, y + 0.9, unit=min(unit, 13.5 / (x + 0.7)))
    boxes = []
    for stop, left, (wide, high) in zip(stops, lefts, sizes, strict=True):
        top = tops[stop.shape[1]]
        _bar(ax, stop, stops, left, top, wide, high)
        boxes.append((left, top, wide, high))
        ax.text(left + wide / 2, top + high + 0.1, f"{stop.shape[0]}", ha="center", va="top", fontsize=9)
    for side, top in tops.items():
        first = next(k for k, stop in enumerate(stops) if stop.shape[1] == side)
        left, _, _, high = boxes[first]
        words = "×".join(map(str, stops[first].shape[1:]))
        ax.text(left - 0.12, top + high / 2, words, ha="right", va="center", fontsize=8.5, rotation=90)
    for k, stop in enumerate(stops):
        for place, source in enumerate(stop.sources):
            if source >= 0:
                skip = stop.kind == "cat" and not place
                _connect_levels(ax, boxes[source], boxes[k], stop, stops[source], skip)
    _legend(ax, stops, y + 0.15)
    if title:
        ax.text(0.5, 0.1, title, ha="left", va="top", fontsize=12)
    return figure


class _Recorder(TorchDispatchMode):
    """Notes every operation that makes a volume; others hand the note of their input on."""

    def __init__(self) -> None:
        super().__init__()
        self.stops: list[Stop] = []
        self.made: dict[int, int] = {}  # id of a tensor -> its stop
        self.alive: list[torch.Tensor] = []  # so that no id is used twice

    def begin(self, x: torch.Tensor) -> None:
        self._new(x, Stop("input", "input", tuple(x.shape[1:])))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        y = result[0] if isinstance(result, (tuple, list)) and result else result
        if isinstance(y, torch.Tensor):
            self._note(func.overloadpacket.__name__, args, y)
        return result

    def _note(self, name: str, args: Sequence[Any], y: torch.Tensor) -> None:
        tensors = [a for arg in args for a in (arg if isinstance(arg, (tuple, list)) else [arg])]
        read = [self.made[id(t)] for t in tensors if isinstance(t, torch.Tensor) and id(t) in self.made]
        if not read:
            return
        before = self.stops[read[0]]
        shape = tuple(y.shape[1:])
        if name in ("zeros_like", "new_zeros") or (name == "mul" and 0 in args[1:]):
            self._new(y, Stop("zeros", "zeros", shape))
            return
        if "convolution" in name:
            weight, bias, stride = args[1], args[2], args[3]
            kernel = "×".join(map(str, weight.shape[2:])) if weight.dim() > 3 else str(weight.shape[2])
            step = f", /{stride[0]}" if stride[0] > 1 else ""
            weights = weight.numel() + (0 if bias is None else bias.numel())
            met = y if not args[6] else tensors[0]  # each of its numbers meets the weights of one filter
            work = math.prod(met.shape[1:]) * weight.numel() // weight.shape[0]
            if args[6]:
                words = f"up {kernel}, ×{stride[0]}"
                self._new(y, Stop("up", words, shape, (read[0],), weights, work=work))
            else:
                dilation = f", d {args[5][0]}" if args[5][0] > 1 else ""
                words = f"conv {kernel}{step}{dilation}"
                self._new(y, Stop("conv", words, shape, (read[0],), weights, work=work))
        elif name in ("addmm", "mm", "linear"):
            weights = sum(
                t.numel() for t in tensors if isinstance(t, torch.Tensor) and id(t) not in self.made
            )
            matrix = max(t.numel() for t in tensors if isinstance(t, torch.Tensor) and id(t) not in self.made)
            self._new(y, Stop("linear", "linear", shape, (read[0],), weights, work=matrix))
        elif "pool" in name and "avg" not in name:
            size = args[1][0] if len(args) > 1 else 2
            stride = args[2][0] if len(args) > 2 and args[2] else size
            self._new(y, Stop("pool", f"max {size}×{size}, /{stride}", shape, (read[0],)))
        elif name in ("mean", "adaptive_avg_pool2d", "_adaptive_avg_pool2d", "avg_pool2d"):
            self._new(y, Stop("mean", "mean", shape, (read[0],)))
        elif name in ("add", "add_") and len(set(read)) > 1:
            self._new(y, Stop("add", "+", shape, tuple(read[:2])))
        elif name == "cat" and len(read) > 1:
            self._new(y, Stop("cat", "side by side", shape, tuple(read)))
        else:
            after = "norm" if "norm" in name else "ReLU" if name in ("relu", "relu_", "clamp_min") else ""
            if after:
                self.stops[read[0]] = replace(before, after=(*before.after, after))
            elif math.prod(shape) == math.prod(before.shape) and before.kind == "mean":
                self.stops[read[0]] = replace(before, shape=shape)  # the mean as a list of numbers
            self.made[id(y)] = read[0]
            self.alive.append(y)

    def _new(self, y: torch.Tensor, stop: Stop) -> None:
        self.stops.append(stop)
        self.made[id(y)] = len(self.stops) - 1
        self.alive.append(y)


def _lanes(stops: Sequence[Stop]) -> tuple[list[int], list[float]]:
    """For each stop its lane (0 is the longest way through, 1 beside it) and its column on the way."""
    depth = [0.0] * len(stops)
    for k, stop in enumerate(stops):
        depth[k] = max((depth[source] + 1 for source in stop.sources), default=0.0)
    main = {len(stops) - 1}
    k = len(stops) - 1
    while stops[k].sources:
        k = max(stops[k].sources, key=lambda source: depth[source])
        main.add(k)
    lanes = [0 if k in main else 1 for k in range(len(stops))]
    columns = list(depth)
    for k, stop in enumerate(stops):
        if lanes[k]:
            readers = [depth[j] for j, other in enumerate(stops) if k in other.sources]
            columns[k] = (depth[stop.sources[0]] + max(readers, default=depth[k] + 1)) / 2
    return lanes, columns


def _drawn(stop: Stop, stops: Sequence[Stop], height: float) -> tuple[float, float, float]:
    """Drawn length of a volume along C, H and W (for one axis: a bar, for two: a sheet)."""
    if stop.kind == "add":
        return 0.9, 0.9, 0.0
    if len(stop.shape) == 1:
        longest = max(other.shape[0] for other in stops if len(other.shape) == 1)
        return 0.34, height * max((stop.shape[0] / longest) ** 0.3, 0.25), 0.0
    deep = 0.12 + 0.15 * math.log2(stop.shape[0])
    if len(stop.shape) == 2:
        longest = max(other.shape[1] for other in stops if len(other.shape) == 2)
        return deep, 0.82 * height * stop.shape[1] / longest, 0.0
    largest = max(other.shape[1] for other in stops if len(other.shape) == 3)
    scale = (stop.shape[1] / largest) ** 0.5
    return deep, 0.82 * height * scale, 0.5 * height * scale * (stop.shape[2] / stop.shape[1]) ** 0.5


def _breadth(size: tuple[float, float, float]) -> float:
    return size[0] + size[2] * volumes.INTO_THE_PAGE[0]


def _place(
    ax: Axes, stop: Stop, left: float, middle: float, size: tuple[float, float, float], small: bool
) -> tuple[float, float, float, float]:
    """Draw a volume (or a plus sign) and return (left, right, upper edge, middle) for the arrows."""
    if stop.kind == "add":
        ax.add_patch(
            Circle(
                (left + 0.45, middle), 0.45, facecolor="white", edgecolor=plots.INK, linewidth=1.6, zorder=4
            )
        )
        ax.text(left + 0.45, middle, "+", ha="center", va="center", fontsize=15, zorder=5)
        return left, left + 0.9, middle - 0.45, middle
    colour = plots.INPUT if stop.kind == "input" else plots.OUTPUT
    if small:
        box = Rectangle(
            (left, middle - 0.4), 1.9, 0.8, facecolor=plots.tint(plots.WEIGHTS, 0.3), edgecolor=plots.WEIGHTS
        )
        ax.add_patch(box)
        ax.text(left + 0.95, middle, stop.words.removeprefix("conv "), ha="center", va="center", fontsize=8.5)
        return left, left + 1.9, middle - 0.4, middle
    down = -size[2] * volumes.INTO_THE_PAGE[1]
    top = middle - (size[1] - down) / 2
    if len(stop.shape) == 3:
        volumes.draw_volume(ax, Volume((stop.shape[0], *stop.shape[1:]), left, top, size), colour)
    else:
        face = plots.tint(colour, 0.3)
        box = Rectangle((left, top), size[0], size[1], facecolor=face, edgecolor=colour, linewidth=1.6)
        ax.add_patch(box)
    return left, left + _breadth(size), top - down, middle


def _connect(
    ax: Axes,
    start: tuple[float, float, float, float],
    end: tuple[float, float, float, float],
    stop: Stop,
    source: Stop,
    direct: bool,
    over: float,
) -> None:
    """An arrow with the operation's words, or an arc over the volumes in between."""
    colour = plots.WEIGHTS if stop.weights else plots.INK
    if direct:
        ax.add_patch(_arrow((start[1] + 0.12, start[3]), (end[0] - 0.1, end[3]), colour))
        if stop.kind != "add":
            middle = (start[1] + end[0]) / 2 + (0.2 if source.kind == "add" else 0.0)
            ax.text(middle, start[3] - 0.15, _over(stop), ha="center", va="bottom", fontsize=8)
            ax.text(middle, start[3] + 0.15, "\n".join(stop.after), ha="center", va="top", fontsize=8)
        elif stop.after:
            middle = (end[0] + end[1]) / 2
            ax.text(middle, end[3] + 0.6, "\n".join(stop.after), ha="center", va="top", fontsize=8)
        return
    leaves = (
        (start[1] + 0.22, start[3]) if source.kind == "add" else ((start[0] + start[1]) / 2, start[2] - 0.05)
    )
    if end[3] < start[3] - 0.5:  # up to something beside the way
        path = [leaves, (leaves[0], end[3]), (end[0], end[3])]
    elif start[3] < end[3] - 0.5:  # and back from it
        path = [(start[1], start[3]), ((end[0] + end[1]) / 2, start[3]), ((end[0] + end[1]) / 2, end[2])]
    else:
        right = (end[0] + end[1]) / 2
        path = [leaves, (leaves[0], over), (right, over), (right, end[2])]
    for one, two in itertools.pairwise(path[:-1]):
        ax.plot(*zip(one, two, strict=True), color=plots.INK, linewidth=1.8, solid_capstyle="round", zorder=3)
    ax.add_patch(_arrow(path[-2], path[-1], plots.INK))


def _over(stop: Stop) -> str:
    """The operation in two short lines."""
    return stop.words.replace(" ", "\n", 1) if stop.kind in ("conv", "up", "pool") else stop.words


def _arrow(start: tuple[float, float], end: tuple[float, float], colour: str) -> FancyArrowPatch:
    return FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=13,
        linewidth=1.8,
        color=colour,
        shrinkA=0,
        shrinkB=0,
        zorder=5,
    )


def _flat(stop: Stop, stops: Sequence[Stop], height: float) -> tuple[float, float]:
    """Drawn breadth (channels) and height (pixels) of a volume seen from the side."""
    most = max(other.shape[0] for other in stops)
    largest = max(other.shape[1] for other in stops)
    return 0.3 + 1.1 * (stop.shape[0] / most) ** 0.7, height * (stop.shape[1] / largest) ** 0.8


def _joined(stops: Sequence[Stop]) -> list[Stop]:
    """Without the volumes that are only put beside others: what made them leads straight to the whole.

    A source of -1 stands for zeros.
    """
    readers = {k: [other.kind for other in stops if k in other.sources] for k in range(len(stops))}
    gone = {
        k
        for k, stop in enumerate(stops)
        if stop.kind == "zeros" or (stop.kind == "up" and readers[k] == ["cat"])
    }
    places = {k: place for place, k in enumerate(k for k in range(len(stops)) if k not in gone)}
    joined = []
    for k, stop in enumerate(stops):
        if k in gone:
            continue
        sources, ups = [], []
        for s in stop.sources:
            if stops[s].kind == "zeros":
                sources.append(-1)
            elif s in gone:
                ups.append(stops[s])
                sources.append(places[stops[s].sources[0]])
            else:
                sources.append(places[s])
        if ups:
            stop = replace(stop, words=ups[0].words, weights=ups[0].weights)
        joined.append(replace(stop, sources=tuple(sources)))
    return joined


def _bar(
    ax: Axes, stop: Stop, stops: Sequence[Stop], left: float, top: float, wide: float, high: float
) -> None:
    """A volume from the side; one that was put together shows its parts."""
    if stop.kind != "cat":
        colour = plots.INPUT if stop.kind == "input" else plots.OUTPUT
        face = plots.tint(colour, 0.35)
        ax.add_patch(Rectangle((left, top), wide, high, facecolor=face, edgecolor=colour, linewidth=1.6))
        return
    half = wide / len(stop.sources)
    for place, source in enumerate(stop.sources):
        box = Rectangle(
            (left + place * half, top),
            half,
            high,
            facecolor="white" if source < 0 else plots.tint(plots.OUTPUT, 0.35 if place else 0.15),
            edgecolor=plots.OUTPUT,
            linewidth=1.6,
            hatch="" if place or source < 0 else "////",
        )
        ax.add_patch(box)
        if source < 0:
            ax.text(left + (place + 0.5) * half, top + high / 2, "0", ha="center", va="center", fontsize=12)


def _connect_levels(
    ax: Axes,
    start: tuple[float, float, float, float],
    end: tuple[float, float, float, float],
    stop: Stop,
    source: Stop,
    skip: bool,
) -> None:
    """An arrow across (a skip), down (pooling), up (a transposed convolution) or on (everything else)."""
    colour = plots.WEIGHTS if stop.weights else plots.INK
    if skip:
        y = start[1] + 0.28
        ax.add_patch(_arrow((start[0] + start[2] + 0.08, y), (end[0] - 0.05, y), plots.INK))
        middle = (start[0] + start[2] + end[0]) / 2
        words = f"skip: {source.shape[0]} channels"
        ax.text(middle, y - 0.08, words, ha="center", va="bottom", fontsize=9)
    elif end[1] > start[1]:
        x = start[0] + start[2] / 2
        ax.add_patch(_arrow((x, start[1] + start[3] + 0.5), (end[0] + end[2] / 2, end[1] - 0.08), colour))
    elif end[1] < start[1]:
        x = end[0] + end[2] * (0.75 if stop.kind == "cat" else 0.5)
        ax.add_patch(_arrow((start[0] + start[2] / 2, start[1] - 0.08), (x, end[1] + end[3] + 0.5), colour))
    else:
        y = start[1] + 0.62 * start[3]
        ax.add_patch(_arrow((start[0] + start[2] + 0.08, y), (end[0] - 0.06, y), colour))


def _legend(ax: Axes, stops: Sequence[Stop], y: float) -> None:
    """Which arrow is which operation."""
    first = {kind: next((s for s in stops if s.kind == kind), None) for kind in ("conv", "pool", "cat")}
    entries = []
    if (conv := first["conv"]) is not None:
        entries.append((plots.WEIGHTS, "→", ", ".join([conv.words, *conv.after])))
    if (pool := first["pool"]) is not None:
        entries.append((plots.INK, "↘", pool.words))
    if (cat := first["cat"]) is not None:
        entries.append((plots.WEIGHTS, "↗", f"transposed conv {cat.words.removeprefix('up ')}"))
    if conv is not None and stops[-1].words != conv.words:
        entries.append((plots.WEIGHTS, "→", f"the last one: {stops[-1].words}"))
    x = 0.7
    for colour, sign, words in entries:
        ax.text(x, y, sign, color=colour, fontsize=15, fontweight="bold", va="center")
        ax.text(x + 0.75, y, words, fontsize=9.5, va="center")
        x += 1.3 + 0.235 * len(words)


def _shape(shape: Shape) -> str:
    if len(shape) == 1:
        return f"{shape[0]}"
    return f"{shape[0]}\n" + "×".join(map(str, shape[1:]))
