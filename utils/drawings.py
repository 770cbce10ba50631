"""The diagrams of notebook 1: neurons, patches, windows and weights, put together from grids and volumes.

Every function draws one diagram and returns its figure; the notebook shows it with `plots.finish`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import grids, plots, volumes
from utils.grids import Grid
from utils.volumes import Volume

OWN = ("", plots.WEIGHTS, "-")  # how a connection is drawn: letter, colour, kind of line
SHARED = (("a", plots.WEIGHTS, "-"), ("b", plots.INK, "--"), ("c", plots.GREY, "-."))


def neuron_and_patch() -> Figure:
    """One neuron, the 3 x 5 x 5 patch it looks at, and the 3 x 32 x 32 volume around the patch."""
    figure, ax = plots.canvas(12.4, 7.1, unit=0.6)
    image = Volume((3, 32, 32), 1.8, 2.1, (1.2, 4, 4))
    volumes.draw_volume(ax, image, plots.INPUT, "input: a colour image", axes_named=True)
    corners = volumes.draw_patch(ax, image, 14, 9, (5, 5))
    place = (10.2, 3.6)
    volumes.connect(ax, corners, place)
    volumes.draw_neuron(ax, place, text="h", radius=0.42)
    ax.text(6.95, 4.75, "how many weights?", ha="center", color=_dark(plots.WEIGHTS))
    ax.text(10.2, 4.35, "one neuron:\none number", ha="center", va="top", color=_dark(plots.OUTPUT))
    x, y = image.point(0, 14, 9)
    ax.annotate(
        "the patch it looks at\n3 × 5 × 5",
        (x + 0.9, y),
        (5.6, 1.3),
        ha="left",
        va="center",
        color=_dark(plots.WEIGHTS),
        arrowprops={"arrowstyle": "-", "color": plots.WEIGHTS, "shrinkA": 0, "linewidth": 1.2},
    )
    return figure


def column_of_outputs() -> Figure:
    """First one patch and a column of five neurons, then the whole output volume that such columns fill."""
    figure, ax = plots.canvas(17.6, 7.2, unit=0.6)
    image = Volume((3, 32, 32), 1.8, 2.2, (1.0, 3.6, 3.6))
    output = Volume((5, 28, 28), 9.6, 2.4, (3.0, 3.15, 3.15))
    volumes.draw_volume(ax, image, plots.INPUT, "input", axes_named=True)
    volumes.draw_volume(ax, output, plots.OUTPUT, "output", axes_named=True)
    corners = volumes.draw_patch(ax, image, 13, 9, (5, 5))
    centres = volumes.draw_column(ax, output, 12, 8, texts=[str(k) for k in range(1, 6)])
    volumes.connect(ax, corners, (centres[0][0] - 0.24, centres[0][1]))
    ax.text(6.9, 2.55, "five neurons,\none patch", ha="center", va="bottom", color=_dark(plots.WEIGHTS))
    ax.annotate(
        "a column of outputs\n5 × 1 × 1",
        centres[3],
        (14.6, 1.0),
        ha="left",
        va="center",
        color=_dark(plots.OUTPUT),
        arrowprops={"arrowstyle": "-", "color": plots.OUTPUT, "linewidth": 1.2, "shrinkB": 9},
    )
    return figure


def windows_of_rows(settings: Sequence[tuple[int, int, int, int]], titles: Sequence[str]) -> Figure:
    """Rows of pixels side by side, each with all its windows below it.

    Args:
        settings: for each row (size, kernel_size, stride, padding).
        titles: one for each row.
    """
    starts = [range(-p, size + p - k + 1, s) for size, k, s, p in settings]
    spans = [size + 2 * p + 1.2 for size, _, _, p in settings]
    lines = max(len(row) for row in starts)
    figure, ax = plots.canvas(sum(spans) + 0.2, 3.1 + 0.62 * lines, unit=min(0.42, 11 / sum(spans)))
    left = 0.7
    for (size, k, _, p), row, title, span in zip(settings, starts, titles, spans, strict=True):
        grid = Grid(1, size, left + p, 1.5)
        draw_numbered_row(ax, grid, p, title)
        grids.draw_windows_of_row(ax, grid, row, k)
        left += span
    return figure


def draw_numbered_row(ax: Axes, grid: Grid, padding: int, title: str) -> None:
    """A row of pixels with their positions written into them, zeros in the padding, and words above."""
    for column in range(-padding, grid.columns + padding):
        inside = 0 <= column < grid.columns
        face, edge = (
            (plots.tint(plots.INPUT, 0.22), plots.tint(plots.INPUT, 0.75))
            if inside
            else ("#F3F3F3", "#BBBBBB")
        )
        box = Rectangle(
            grid.corner(0, column), 1, 1, facecolor=face, edgecolor=edge, linestyle="-" if inside else ":"
        )
        ax.add_patch(box)
        text, ink = (str(column), plots.INK) if inside else ("0", plots.GREY)
        ax.text(*grid.centre(0, column), text, ha="center", va="center", fontsize=11, color=ink)
    x, y = grid.corner(0, grid.columns / 2)
    ax.text(x, y - 0.3, title, ha="center", va="bottom")


def padded_grid() -> Figure:
    """A 4 x 6 picture in a frame of zeros; the window's first stop lies half on the frame."""
    figure, ax = plots.canvas(18.8, 7.8, unit=0.42)
    bare, framed = Grid(4, 6, 0.6, 2.4), Grid(4, 6, 11.0, 2.4)
    for grid, padding, start, title in (
        (bare, 0, 0, "no padding: 2 × 4 stops"),
        (framed, 1, -1, "padding 1: 4 × 6 stops"),
    ):
        grids.draw_grid(ax, grid, padding=padding, title=title)
        grids.draw_window(ax, grid, start, start, (3, 3))
        stops = [
            (row, column)
            for row in range(1 - padding, 3 + padding)
            for column in range(1 - padding, 5 + padding)
        ]
        x, y = np.transpose([grid.centre(*stop) for stop in stops])
        ax.plot(x, y, "o", color=plots.OUTPUT, markersize=7, zorder=6)
    return figure


def three_ways_to_connect() -> Figure:
    """Five inputs, three outputs: all joined, windows with weights of their own, windows that share them."""
    figure, ax = plots.canvas(24.5, 7.6, unit=0.42)
    for left, kind, words in (
        (1.2, "dense", "15 weights"),
        (9.4, "local", "9 weights"),
        (17.6, "conv", "3 weights: a, b, c"),
    ):
        inputs = [(left + 0.2 + 1.35 * i, 5.7) for i in range(5)]
        outputs = [(left + 1.55 + 1.35 * o, 2.0) for o in range(3)]
        for o in range(3):
            for i in range(5) if kind == "dense" else range(o, o + 3):
                _draw_connection(ax, inputs[i], outputs[o], SHARED[i - o] if kind == "conv" else OWN)
        for i, place in enumerate(inputs):
            volumes.draw_neuron(ax, place, plots.INPUT, f"$x_{i}$", 0.44)
        for o, place in enumerate(outputs):
            volumes.draw_neuron(ax, place, plots.OUTPUT, f"$h_{o}$", 0.44)
        ax.text(left + 2.9, 0.7, f'"{kind}"', ha="center", fontsize=14, fontweight="bold")
        ax.text(left + 2.9, 7.0, words, ha="center")
    return figure


def shared_or_not() -> Figure:
    """Two output grids: every neuron with weights of its own, and all neurons with the same weights."""
    figure, ax = plots.canvas(19.2, 6.3, unit=0.46)
    for left, shared, title in (
        (0.8, False, "locally connected: 12 sets of weights"),
        (10.8, True, "convolution: 1 set"),
    ):
        for row in range(3):
            for column in range(4):
                strength = 0.55 if shared else 0.12 + 0.075 * ((5 * (4 * row + column)) % 12)
                corner = (left + 1.9 * column, 1.4 + 1.5 * row)
                face = plots.tint(plots.WEIGHTS, strength)
                ax.add_patch(Rectangle(corner, 1.9, 1.5, facecolor=face, edgecolor=plots.OUTPUT, linewidth=2))
                text = "$W$" if shared else f"$W_{{{row}{column}}}$"
                ax.text(corner[0] + 0.95, corner[1] + 0.75, text, ha="center", va="center", fontsize=14)
        ax.text(left + 3.8, 1.1, title, ha="center", va="bottom")
    return figure


def filter_bank() -> Figure:
    """Six filters of 3 x 5 x 5 make six slices, stacked to a volume of 6 x 28 x 28."""
    figure, ax = plots.canvas(18.8, 7.9, unit=0.56)
    image = Volume((3, 32, 32), 1.7, 2.3, (1.0, 3.6, 3.6))
    volumes.draw_volume(ax, image, plots.INPUT, "input\n3 × 32 × 32")
    for number in range(6):
        small = Volume((3, 5, 5), 6.4, 0.75 + 0.98 * number, (0.5, 0.62, 0.62))
        volumes.draw_box(ax, small, (0, 3), (0, 5), (0, 5), plots.WEIGHTS, linewidth=1.2)
        thin = Volume((1, 28, 28), 9.3, 0.75 + 0.98 * number, (0.16, 0.62, 0.62))
        volumes.draw_box(ax, thin, (0, 1), (0, 28), (0, 28), plots.OUTPUT, linewidth=1.2)
        middle = 1.04 + 0.98 * number
        grids.draw_arrow(ax, (7.5, middle), (9.1, middle))
    ax.text(6.85, 6.72, "six filters\n6 × (3 × 5 × 5)", ha="center", va="top")
    ax.text(9.5, 6.72, "six slices\n1 × 28 × 28", ha="center", va="top")
    grids.draw_arrow(ax, (4.7, 3.7), (6.0, 3.7))
    grids.draw_arrow(ax, (10.4, 3.7), (12.3, 3.7), "stack")
    output = Volume((6, 28, 28), 13.0, 2.5, (3.0, 3.15, 3.15))
    volumes.draw_volume(ax, output, plots.OUTPUT, "output: a new “image”\n6 × 28 × 28")
    for channel in range(1, 6):
        edge = [output.point(channel, row, column) for row, column in ((28, 0), (0, 0), (0, 28))]
        ax.plot(*np.transpose(edge), color=plots.OUTPUT, linewidth=1)
    return figure


def _draw_connection(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], style: tuple[str, str, str]
) -> None:
    """A line from an input to an output, with its weight's letter a third of the way up."""
    letter, colour, line = style
    x, y = np.transpose([start, end])
    ax.plot(x, y, color=colour, linestyle=line, linewidth=2, zorder=1)
    if letter:
        disc = {"boxstyle": "circle,pad=0.12", "facecolor": "white", "edgecolor": "none"}
        place = x[0] + 0.34 * (x[1] - x[0]), y[0] + 0.34 * (y[1] - y[0])
        ax.text(*place, letter, ha="center", va="center", fontsize=11, bbox=disc, zorder=3)


def _dark(colour: str) -> tuple[float, float, float]:
    """A darker shade of a colour of the course, for words that must be read on white."""
    red, green, blue = (0.62 * part for part in plots.tint(colour, 1.0))
    return red, green, blue
