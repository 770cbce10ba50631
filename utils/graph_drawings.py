"""Computation graphs: values as boxes with their shapes, forward in green, the gradient's way back in red."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from utils import grids, plots, volumes
from utils.grids import Grid
from utils.volumes import Volume


@dataclass(frozen=True)
class Step:
    """One layer of a chain: what it is called, what comes out of it, and which parameters it owns."""

    name: str  # such as "conv"
    value: str  # name of its output, in matplotlib's mathematics
    shape: str  # of its output
    parameters: str = ""  # names and shapes; "" for a layer that has none


def chain(source: tuple[str, str], steps: Sequence[Step], box: float = 2.9, gap: float = 1.75) -> Figure:
    """Draw a chain of layers from the input to the loss, and the gradient's way back below it.

    Args:
        source: name and shape of the input.
        steps: the layers in order; the last one makes the loss.
        box, gap: width of a value's box and of the space between two of them, in units of the drawing.
    """
    width = (box + gap) * len(steps) + box + 0.8
    figure, ax = plots.canvas(width, 6.6, unit=min(0.46, 13.2 / width))
    top, high = 2.5, 1.7
    values = [(*source, plots.INPUT), *[(step.value, step.shape, plots.OUTPUT) for step in steps]]
    for k, (name, shape, colour) in enumerate(values):
        left = 0.4 + k * (box + gap)
        _value(ax, left, top, box, high, f"{name}\n{shape}", colour)
        if k == 0:
            continue
        step = steps[k - 1]
        _arrow(ax, (left - gap + 0.1, top + 0.5), (left - 0.1, top + 0.5), plots.OUTPUT)
        ax.text(left - gap / 2, top + 0.2, f"$f_{k}$\n{step.name}", ha="center", va="bottom", fontsize=11)
        _arrow(ax, (left - 0.1, top + high + 1.0), (left - gap + 0.1, top + high + 1.0), plots.GRADIENT)
        if step.parameters:
            _value(ax, left - gap / 2 - 1.5, 0.1, 3.0, 0.9, step.parameters, plots.WEIGHTS, size=10)
    for k, (name, _, _) in enumerate(values):
        left = 0.4 + k * (box + gap)
        gradient = "1" if k == len(steps) else rf"$\partial L\,/\,\partial\,$ {name}"
        _value(ax, left, top + high + 0.45, box, 1.1, gradient, plots.GRADIENT)
    ax.text(0.4, 1.6, "forward →", color=plots.OUTPUT, fontsize=12, fontweight="bold", va="center")
    ax.text(
        width - 0.4,
        6.25,
        "← backward",
        color=plots.GRADIENT,
        fontsize=12,
        fontweight="bold",
        ha="right",
        va="center",
    )
    return figure


def one_layer_back() -> Figure:
    """Draw what a layer gets and gives, forward and backward."""
    figure, ax = plots.canvas(21.0, 6.3, unit=0.46)
    ax.add_patch(
        FancyBboxPatch(
            (7.6, 1.7),
            5.8,
            3.0,
            boxstyle="round,pad=0.1",
            facecolor="white",
            edgecolor=plots.INK,
            linewidth=1.8,
        )
    )
    ax.text(10.5, 2.75, "layer", ha="center", va="center", fontsize=14, fontweight="bold")
    ax.text(10.5, 3.7, "remembers x", ha="center", va="center", fontsize=12)
    _value(ax, 0.5, 1.75, 3.0, 1.1, "x", plots.INPUT)
    _value(ax, 17.5, 1.75, 3.0, 1.1, "y", plots.OUTPUT)
    _arrow(ax, (3.7, 2.3), (7.4, 2.3), plots.OUTPUT)
    _arrow(ax, (13.6, 2.3), (17.3, 2.3), plots.OUTPUT)
    _value(ax, 0.5, 3.55, 3.0, 1.1, "dx", plots.GRADIENT)
    _value(ax, 17.5, 3.55, 3.0, 1.1, "dy", plots.GRADIENT)
    _arrow(ax, (7.4, 4.1), (3.7, 4.1), plots.GRADIENT)
    _arrow(ax, (17.3, 4.1), (13.6, 4.1), plots.GRADIENT)
    _value(ax, 5.6, 0.1, 4.0, 0.95, "weight, bias", plots.WEIGHTS)
    _arrow(ax, (8.6, 1.1), (8.6, 1.6), plots.WEIGHTS)
    _value(ax, 10.7, 5.25, 4.6, 0.95, "dweight, dbias", plots.GRADIENT)
    _arrow(ax, (12.4, 4.8), (12.4, 5.15), plots.GRADIENT)
    return figure


def gates(x: np.ndarray, dy: np.ndarray) -> Figure:
    """Draw a row of numbers going through ReLU, and gradients coming back through its open and shut gates.

    Args:
        x: the inputs, (n,).
        dy: the gradients that arrive, (n,). What goes back is left open: a question mark.
    """
    count = len(x)
    figure, ax = plots.canvas(3.4 * count + 4.2, 6.9, unit=0.46)
    for top, words in ((0.6, "input x"), (2.35, "gate"), (4.1, "output y"), (5.5, "arrives, dy")):
        ax.text(2.9, top + 0.5, words, ha="right", va="center", fontsize=12)
    for k, (value, arrived) in enumerate(zip(x, dy, strict=True)):
        left = 3.4 * k + 4.0
        grids.draw_grid(ax, Grid(1, 1, left, 0.6), plots.INPUT, np.array([[value]]))
        middle = left + 0.5
        passes = value > 0
        _arrow(ax, (middle, 1.7), (middle, 4.0 if passes else 2.6), plots.OUTPUT if passes else plots.GREY)
        for side in (-1, 1):
            start = middle + side * (0.35 if passes else 0.0)
            ax.plot([start, middle + side * 1.1], [2.85, 2.85], color=plots.INK, linewidth=4, zorder=4)
        grids.draw_grid(ax, Grid(1, 1, left, 4.1), plots.OUTPUT, np.array([[max(value, 0)]]))
        grids.draw_grid(ax, Grid(1, 1, left, 5.5), plots.GRADIENT, np.array([[arrived]]))
        ax.text(left + 1.35, 0.6 + 0.5, "dx = ?", ha="left", va="center", fontsize=11, color=plots.GRADIENT)
    return figure


def linear_shapes(n: int = 5, c_in: int = 4, c_out: int = 3) -> Figure:
    """Draw the three products of a linear layer as rectangles whose sides are the shapes."""
    figure, ax = plots.canvas(35.2, 8.3, unit=0.36)
    blue, orange, green, red = plots.INPUT, plots.WEIGHTS, plots.OUTPUT, plots.GRADIENT
    products = (
        ("forward", (("x", n, c_in, blue), ("Wᵀ", c_in, c_out, orange), ("y", n, c_out, green))),
        ("back to the input", (("dy", n, c_out, red), ("W", c_out, c_in, orange), ("dx", n, c_in, red))),
        ("back to the weight", (("dyᵀ", c_out, n, red), ("x", n, c_in, blue), ("dW", c_out, c_in, red))),
    )
    words = {n: "N", c_in: "C_in", c_out: "C_out"}
    left = 0.6
    for title, factors in products:
        begin = left
        for (name, rows, columns, colour), sign in zip(factors, ("·", "=", ""), strict=True):
            wide, high = 0.72 * columns, 0.72 * rows
            y = 4.2 - high / 2
            ax.add_patch(
                Rectangle(
                    (left, y), wide, high, facecolor=plots.tint(colour, 0.3), edgecolor=colour, linewidth=2
                )
            )
            ax.text(left + wide / 2, 4.2, name, ha="center", va="center", fontsize=13)
            ax.text(
                left + wide / 2,
                y + high + 0.15,
                f"{words[rows]} × {words[columns]}",
                ha="center",
                va="top",
                fontsize=9.5,
            )
            left += wide + 0.35
            if sign:
                ax.text(left + 0.2, 4.2, sign, ha="center", va="center", fontsize=20)
                left += 0.75
        ax.text(
            (begin + left - 0.35) / 2, 1.0, title, ha="center", va="center", fontsize=13, fontweight="bold"
        )
        left += 1.2
    ax.text(0.6, 7.7, f"drawn for N = {n} examples, C_in = {c_in}, C_out = {c_out}", ha="left", fontsize=11)
    return figure


def convolution_back(x: np.ndarray, weight: np.ndarray, dy: np.ndarray) -> Figure:
    """Draw what one output pixel of a convolution reads, and what it sends back to picture and filter.

    Args:
        x: picture (H, W); weight: filter (kh, kw); dy: gradient (H - kh + 1, W - kw + 1).
    """
    (height, width), (kh, kw), (rows, columns) = x.shape, weight.shape, dy.shape
    spot = (1, 1)
    figure, ax = plots.canvas(3 * (width + columns + 4.0) - 0.4, height + kh + 4.4, unit=0.37)
    top = 2.3
    left = 0.5
    titles = ("forward: reads", "back to the picture: stamps", "back to the filter: adds up")
    for number, title in enumerate(titles):
        big = Grid(height, width, left, top)
        small = Grid(rows, columns, left + width + 2.0, top + (height - rows) / 2)
        filters = Grid(kh, kw, left + (width - kw) / 2, top + height + 1.5)
        red = plots.GRADIENT
        ax.text(
            left + (width + columns + 2) / 2,
            0.7,
            title,
            ha="center",
            va="center",
            fontsize=13,
            fontweight="bold",
        )
        back = number > 0
        grids.draw_grid(
            ax,
            big,
            red if number == 1 else plots.INPUT,
            None if number == 1 else x,
            title="dx" if number == 1 else "x",
        )
        grids.draw_grid(
            ax, small, red if back else plots.OUTPUT, dy if back else None, title="dy" if back else "y"
        )
        grids.draw_grid(ax, filters, red if number == 2 else plots.WEIGHTS, None if number == 2 else weight)
        name = "dW" if number == 2 else "W"
        ax.text(filters.left + kw + 0.3, filters.top + kh / 2, name, ha="left", va="center", fontsize=12)
        grids.fill_pixels(ax, small, [spot], red if back else plots.OUTPUT)
        if back:
            ax.text(
                *small.centre(*spot),
                plots.number(dy[spot]),
                ha="center",
                va="center",
                fontsize=11,
                fontweight="bold",
                zorder=6,
            )
        sent = dy[spot] * (weight if number == 1 else x[spot[0] : spot[0] + kh, spot[1] : spot[1] + kw])
        for i in range(kh):
            for j in range(kw):
                place = (big, spot[0] + i, spot[1] + j) if number == 1 else (filters, i, j)
                if back:
                    grids.fill_pixels(ax, place[0], [place[1:]], red)
                    ax.text(
                        *place[0].centre(*place[1:]),
                        plots.number(sent[i, j], sign=True),
                        ha="center",
                        va="center",
                        fontsize=9.5,
                        zorder=6,
                    )
        x0, y0 = big.corner(*spot)
        ax.add_patch(
            Rectangle((x0, y0), kw, kh, facecolor="none", edgecolor=plots.WEIGHTS, linewidth=3, zorder=5)
        )
        middle = big.top + height / 2
        here, there = (left + width + 0.3, middle), (small.left - 0.3, middle)
        if number == 0:
            _arrow(ax, here, there, plots.OUTPUT)
        elif number == 1:
            _arrow(ax, there, here, red)
        else:
            ax.text(left + width + 1.0, middle, "×", ha="center", va="center", fontsize=20)
            _arrow(ax, (left + width / 2, top + height + 0.2), (left + width / 2, filters.top - 0.15), red)
        left += width + columns + 4.0
    return figure


def small_convnet() -> Figure:
    """Draw the volumes of the small network: 3 x 32 x 32, ten filters, pooling, flat, ten scores."""
    figure, ax = plots.canvas(25.5, 7.2, unit=0.46)
    stages = (
        (Volume((3, 32, 32), 0.8, 2.6, (0.6, 3.2, 3.2)), plots.INPUT, "image\n3 × 32 × 32"),
        (Volume((10, 32, 32), 7.2, 2.6, (2.0, 3.2, 3.2)), plots.OUTPUT, "conv, ReLU\n10 × 32 × 32"),
        (Volume((10, 16, 16), 14.2, 3.4, (2.0, 1.6, 1.6)), plots.OUTPUT, "max pooling\n10 × 16 × 16"),
    )
    middle = 4.2
    for volume, colour, words in stages:
        volumes.draw_volume(ax, volume, colour)
        ax.text(volume.left + volume.size[0] / 2 + 0.3, 6.15, words, ha="center", va="top", fontsize=12)
    corners = volumes.draw_patch(ax, stages[0][0], 8, 12, (6, 6))
    volumes.connect(ax, corners, (7.9, 4.0))
    for number in range(10):
        left, top = 3.35 + 0.55 * (number % 5), 0.5 + 0.6 * (number // 5)
        face = plots.tint(plots.WEIGHTS, 0.5)
        ax.add_patch(
            Rectangle((left, top), 0.45, 0.45, facecolor=face, edgecolor=plots.WEIGHTS, linewidth=1.5)
        )
    ax.text(6.35, 0.95, "ten filters 3 × 3", ha="left", va="center", fontsize=12)
    for start, end, words in ((10.9, 13.8, "2 × 2\nstride 2"), (17.4, 19.2, "flat"), (20.4, 22.6, "linear")):
        _arrow(ax, (start, middle), (end, middle), plots.OUTPUT)
        ax.text((start + end) / 2, middle - 0.25, words, ha="center", va="bottom", fontsize=11)
    for left, top, high, count, words in (
        (19.5, 1.6, 5.2, 26, "how many?"),
        (22.9, 3.2, 2.0, 10, "10 scores"),
    ):
        for k in range(count):
            y = top + high * k / count
            face = plots.tint(plots.OUTPUT, 0.22)
            ax.add_patch(
                Rectangle((left, y), 0.5, high / count, facecolor=face, edgecolor=plots.OUTPUT, linewidth=1)
            )
        ax.text(left + 0.6, top - 0.2, words, ha="center", va="bottom", fontsize=12)
    return figure


def function_with_context() -> Figure:
    """Draw an autograd function: forward and backward, and the memory between them."""
    figure, ax = plots.canvas(21.5, 7.5, unit=0.46)
    for top, name in ((0.6, "forward"), (5.2, "backward")):
        frame = FancyBboxPatch(
            (9.0, top),
            6.0,
            1.7,
            boxstyle="round,pad=0.1",
            facecolor="white",
            edgecolor=plots.INK,
            linewidth=1.8,
        )
        ax.add_patch(frame)
        ax.text(12.0, top + 0.85, name, ha="center", va="center", fontsize=14, fontweight="bold")
    _value(ax, 9.6, 3.0, 4.8, 1.5, "ctx remembers\nargmax, shape of x", plots.INPUT)
    _arrow(ax, (12.0, 2.45), (12.0, 3.0), plots.INK)
    _arrow(ax, (12.0, 4.5), (12.0, 5.05), plots.INK)
    _value(ax, 0.4, 0.85, 6.2, 1.2, "x, kernel_size, stride", plots.INPUT)
    _arrow(ax, (6.8, 1.45), (8.8, 1.45), plots.OUTPUT)
    _value(ax, 17.4, 0.85, 3.6, 1.2, "y", plots.OUTPUT)
    _arrow(ax, (15.2, 1.45), (17.2, 1.45), plots.OUTPUT)
    _value(ax, 17.4, 5.45, 3.6, 1.2, "dy", plots.GRADIENT)
    _arrow(ax, (17.2, 6.05), (15.2, 6.05), plots.GRADIENT)
    _value(ax, 0.4, 5.45, 6.2, 1.2, "dx, None, None", plots.GRADIENT)
    _arrow(ax, (8.8, 6.05), (6.8, 6.05), plots.GRADIENT)
    return figure


def training_loop() -> Figure:
    """Draw one step of training as a round of five boxes."""
    figure, ax = plots.canvas(25.0, 5.7, unit=0.46)
    boxes = (
        ("batch to\nthe device", plots.INPUT),
        ("scores = model(x)\nloss", plots.OUTPUT),
        ("optimizer\n.zero_grad()", plots.GRADIENT),
        ("loss\n.backward()", plots.GRADIENT),
        ("optimizer\n.step()", plots.WEIGHTS),
    )
    for k, (words, colour) in enumerate(boxes):
        _value(ax, 0.4 + 4.95 * k, 1.2, 4.0, 1.8, words, colour)
        if k:
            _arrow(ax, (0.4 + 4.95 * k - 0.9, 2.1), (0.4 + 4.95 * k - 0.05, 2.1), plots.INK)
    x = (22.2, 22.2, 2.4, 2.4)
    ax.plot(x, (3.1, 4.6, 4.6, 3.4), color=plots.INK, linewidth=2.2)
    _arrow(ax, (2.4, 3.6), (2.4, 3.05), plots.INK)
    ax.text(
        12.3,
        4.9,
        "next batch; after the last one an epoch is over",
        ha="center",
        va="top",
        fontsize=12,
    )
    return figure


def _value(
    ax: Axes, left: float, top: float, width: float, height: float, text: str, colour: str, size: float = 11
) -> None:
    """A value as a rounded box with words in it."""
    ax.add_patch(
        FancyBboxPatch(
            (left + 0.1, top + 0.1),
            width - 0.2,
            height - 0.2,
            boxstyle="round,pad=0.1",
            facecolor=plots.tint(colour, 0.25),
            edgecolor=colour,
            linewidth=1.8,
        )
    )
    ax.text(left + width / 2, top + height / 2, text, ha="center", va="center", fontsize=size)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=16,
            linewidth=2.2,
            color=colour,
            shrinkA=0,
            shrinkB=0,
            zorder=5,
        )
    )
