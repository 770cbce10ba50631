"""Holes between the weights (dilated convolution) and holes between the pixels (transposed convolution)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils import grids, plots


def dilated_windows(dilations: Sequence[int] = (1, 2, 4), size: int = 9) -> Figure:
    """Draw the same nine weights on a size x size input, pulled apart by each dilation."""
    step = size + 1.4
    figure, ax = plots.canvas(0.6 + step * len(dilations), size + 2.9, unit=0.36)
    for panel, dilation in enumerate(dilations):
        grid = grids.Grid(size, size, 0.6 + step * panel, 1.3)
        span = 2 * dilation + 1
        first = (size - span) // 2
        grids.draw_grid(ax, grid, plots.INPUT, title=f"dilation {dilation}")
        grids.draw_window(ax, grid, first, first, (3, 3), dilation)
        words = f"9 weights span {span} × {span}"
        ax.text(grid.left + size / 2, size + 1.6, words, ha="center", va="top", fontsize=12)
    return figure


def dilated_beside_transposed() -> Figure:
    """Draw a dilated window that reads 9 pixels into 1, and a transposed one that writes 1 pixel into 9."""
    figure, ax = plots.canvas(29.9, 10.4, unit=0.4)
    for x, words in (
        (6.6, "dilated: 9 pixels are read into 1"),
        (22.9, "transposed: 1 pixel is written into 9"),
    ):
        ax.text(x, 0.95, words, ha="center", va="bottom", fontsize=13, fontweight="bold")

    source = grids.Grid(7, 7, 0.4, 2.4)
    grids.draw_grid(ax, source, plots.INPUT, title="input 7 × 7")
    grids.draw_window(ax, source, 1, 1, (3, 3), dilation=2)
    target = grids.Grid(3, 3, 10.2, 4.4)
    grids.draw_grid(ax, target, plots.OUTPUT, title="output 3 × 3")
    grids.fill_pixels(ax, target, [(1, 1)])
    grids.draw_arrow(ax, (7.7, 5.9), (9.9, 5.9))
    ax.text(3.9, 9.6, "3 × 3 weights, dilation 2", ha="center", va="top", fontsize=12)

    source = grids.Grid(3, 3, 16.4, 4.4)
    grids.draw_grid(ax, source, plots.INPUT, title="input 3 × 3")
    grids.fill_pixels(ax, source, [(1, 1)], plots.INPUT)
    target = grids.Grid(7, 7, 22.4, 2.4)
    grids.draw_grid(ax, target, plots.OUTPUT, title="output 7 × 7")
    grids.draw_window(ax, target, 2, 2, (3, 3))
    for row in (0, 2, 4):
        for column in (0, 2, 4):  # where the stamps of all nine pixels begin
            ax.plot(*target.centre(row, column), "o", color=plots.INK, markersize=4, zorder=6)
    grids.draw_arrow(ax, (19.7, 5.9), (22.1, 5.9))
    ax.text(25.9, 9.6, "3 × 3 weights, stride 2", ha="center", va="top", fontsize=12)
    return figure


def pixels_with_holes() -> Figure:
    """Draw the second view of a transposed convolution: zeros between the pixels, then a plain window."""
    figure, ax = plots.canvas(26, 10.4, unit=0.4)
    source = grids.Grid(3, 3, 0.4, 4.0)
    grids.draw_grid(ax, source, plots.INPUT, title="input 3 × 3")
    grids.draw_arrow(ax, (3.8, 5.5), (6.2, 5.5))
    spread = grids.Grid(5, 5, 8.6, 3.0)
    zeros = [
        (r, c)
        for r in range(-2, 7)
        for c in range(-2, 7)
        if r % 2 or c % 2 or not (0 <= r < 5 and 0 <= c < 5)
    ]
    pixels = [(r, c) for r in (0, 2, 4) for c in (0, 2, 4)]
    for colour, places in ((plots.PALE_GREY, zeros), (plots.INPUT, pixels)):
        for place in places:
            _one_pixel(ax, spread, place, colour, "0" if colour == plots.PALE_GREY else "")
    grids.draw_window(ax, spread, -1, -1, (3, 3))
    ax.text(11.1, 0.75, "zeros between the pixels, and around them", ha="center", va="bottom", fontsize=12)
    grids.draw_arrow(ax, (15.9, 5.5), (17.9, 5.5))
    target = grids.Grid(7, 7, 18.3, 2.0)
    grids.draw_grid(ax, target, plots.OUTPUT, title="output 7 × 7")
    grids.fill_pixels(ax, target, [(1, 1)])
    return figure


def _one_pixel(ax: Axes, grid: grids.Grid, place: tuple[int, int], colour: str, text: str) -> None:
    """One pixel of a grid in a colour of its own, with a text in it."""
    grids.draw_grid(ax, grids.Grid(1, 1, *grid.corner(*place)), colour)
    ax.text(*grid.centre(*place), text, ha="center", va="center", fontsize=9, color=plots.GREY)
