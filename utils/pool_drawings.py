"""Diagrams of pooling: windows with their winners marked, and the gradient's way back to them, in red."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import grids, plots
from utils.grids import Grid


def max_pooling(x: np.ndarray, kernel_size: int) -> Figure:
    """Draw max pooling of a small picture: the windows, their winners, the answers and where they stood.

    Args:
        x: the picture (H, W).
        kernel_size: side of the windows, which lie side by side; it divides H and W.
    """
    height, width = x.shape
    y, winners = _strongest(x, kernel_size)
    rows, columns = y.shape
    figure, ax = plots.canvas(width + 2 * columns + 6.2, height + 2.3, unit=0.46)
    source = Grid(height, width, 0.5, 1.8)
    grids.draw_grid(
        ax,
        source,
        plots.INPUT,
        x,
        title=f"input {height} × {width}, windows {kernel_size} × {kernel_size}",
        number_size=12,
    )
    _number_places(ax, source)
    mark_winners(ax, source, x, winners)
    frame_windows(ax, source, kernel_size)
    middle = source.top + height / 2
    target = Grid(rows, columns, width + 3.2, middle - rows / 2)
    grids.draw_arrow(ax, (width + 1.0, middle), (target.left - 0.5, middle), "max")
    grids.draw_grid(ax, target, plots.OUTPUT, y, title=f"output {rows} × {columns}", number_size=12)
    place = Grid(rows, columns, target.left + columns + 2.2, target.top)
    grids.draw_grid(
        ax,
        place,
        "#8A8A8A",
        winners[:, :, 0] * width + winners[:, :, 1],
        title="argmax: where",
        number_size=12,
    )
    return figure


def ways_to_shrink(x: np.ndarray, kernel_size: int) -> Figure:
    """Draw one picture shrunk in three ways: the strongest, the mean, and one pixel of each window."""
    height, width = x.shape
    windows = _windows(x, kernel_size)
    rows, columns = windows.shape[:2]
    answers = {
        "the strongest": windows.max(axis=(2, 3)),
        "the mean": windows.mean(axis=(2, 3)),
        "every second pixel": windows[:, :, 0, 0],
    }
    figure, ax = plots.canvas(width + 3 * columns + 9.6, height + 2.1, unit=0.46)
    source = Grid(height, width, 0.5, 1.6)
    grids.draw_grid(ax, source, plots.INPUT, x, title=f"input {height} × {width}")
    frame_windows(ax, source, kernel_size)
    middle = source.top + height / 2
    grids.draw_arrow(ax, (width + 0.9, middle), (width + 2.5, middle))
    left = width + 3.6
    for words, answer in answers.items():
        grid = Grid(rows, columns, left, middle - rows / 2)
        grids.draw_grid(ax, grid, plots.OUTPUT, answer, title=words)
        left += columns + 2.5
    return figure


def way_back(x: np.ndarray, dy: np.ndarray, kernel_size: int) -> Figure:
    """Draw what comes back to a small picture through max pooling and through mean pooling.

    Args:
        x: the picture (H, W); windows of kernel_size lie side by side and fill it.
        dy: the gradient that arrives at the output, one number for each window.
    """
    height, width = x.shape
    _, winners = _strongest(x, kernel_size)
    rows, columns = dy.shape
    to_winners = np.zeros((height, width))
    to_winners[winners[:, :, 0], winners[:, :, 1]] = dy
    to_all = np.kron(dy, np.ones((kernel_size, kernel_size))) / kernel_size**2

    figure, ax = plots.canvas(3 * width + columns + 6.6, height + 2.3, unit=0.46)
    top = 1.8
    middle = top + height / 2
    source = Grid(height, width, 0.5, top)
    grids.draw_grid(ax, source, plots.INPUT, x, title="forward: who won?")
    mark_winners(ax, source, x, winners)
    frame_windows(ax, source, kernel_size)
    arrived = Grid(rows, columns, width + 2.0, middle - rows / 2)
    grids.draw_grid(ax, arrived, plots.GRADIENT, dy, title="arrives: dy")
    left = arrived.left + columns + 2.6
    draw_red_arrow(ax, (arrived.left + columns + 0.4, middle), (left - 0.5, middle), "back")
    for words, dx in (("through max: dx", to_winners), ("through mean: dx", to_all)):
        grid = Grid(height, width, left, top)
        grids.draw_grid(ax, grid, plots.GRADIENT, None, title=words)
        for (i, j), value in np.ndenumerate(dx):
            if value:
                grids.fill_pixels(ax, grid, [(i, j)], plots.GRADIENT)
            text = plots.number(value)
            ax.text(*grid.centre(i, j), text, ha="center", va="center", fontsize=11 if len(text) < 4 else 9)
        frame_windows(ax, grid, kernel_size)
        left += width + 1.4
    return figure


def moved_row(signal: Sequence[float]) -> Figure:
    """Draw a row of pixels and the same row moved by one pixel (a 0 comes in), each shrunk in two ways.

    What changes in an answer is filled in red.
    """
    here = np.asarray(signal, dtype=float)
    there = np.concatenate([[0.0], here[:-1]])
    size = len(here)
    figure, ax = plots.canvas(2 * size + 5.4, 7.0, unit=0.46)
    for row, name in ((1.6, "pixels"), (3.6, "every second pixel"), (5.4, "the stronger of two")):
        ax.text(4.3, row + 0.5, name, ha="right", va="center", fontsize=12)
    answers = [(line[::2], line.reshape(-1, 2).max(axis=1)) for line in (here, there)]
    for left, line, answer, title in (
        (4.6, here, answers[0], "before"),
        (5.0 + size, there, answers[1], "moved by one pixel"),
    ):
        grid = Grid(1, size, left, 1.6)
        grids.draw_grid(ax, grid, plots.INPUT, line[None], title=title)
        frame_windows(ax, grid, 2, high=1)
        for top, values, before in ((3.6, answer[0], answers[0][0]), (5.4, answer[1], answers[0][1])):
            for k, value in enumerate(values):
                box = Grid(1, 1, left + 2 * k + 0.5, top)
                grids.draw_grid(ax, box, plots.OUTPUT)
                if value != before[k]:
                    grids.fill_pixels(ax, box, [(0, 0)], plots.GRADIENT)
                ax.text(*box.centre(0, 0), plots.number(value), ha="center", va="center", fontsize=11)
    return figure


def frame_windows(ax: Axes, grid: Grid, kernel_size: int, high: int = 0) -> None:
    """Draw the frames of windows that lie side by side.

    Args:
        high: rows of a window, if they are not kernel_size.
    """
    high = high or kernel_size
    for row in range(0, grid.rows - high + 1, high):
        for column in range(0, grid.columns - kernel_size + 1, kernel_size):
            x, y = grid.corner(row, column)
            ax.add_patch(
                Rectangle(
                    (x + 0.05, y + 0.05),
                    kernel_size * grid.pixel - 0.1,
                    high * grid.pixel - 0.1,
                    facecolor="none",
                    edgecolor=plots.WEIGHTS,
                    linewidth=2.6,
                    zorder=4,
                )
            )


def mark_winners(ax: Axes, grid: Grid, x: np.ndarray, winners: np.ndarray) -> None:
    """Fill the winning pixels of a grid with the colour of outputs, and write their numbers in bold."""
    for row, column in winners.reshape(-1, 2):
        grids.fill_pixels(ax, grid, [(row, column)])
        ax.text(
            *grid.centre(row, column),
            plots.number(x[row, column]),
            ha="center",
            va="center",
            fontsize=12,
            fontweight="bold",
            zorder=6,
        )


def draw_red_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    """The gradient's way: an arrow in its colour, with a word above its middle."""
    ax.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": plots.GRADIENT, "linewidth": 2, "shrinkA": 0, "shrinkB": 0},
    )
    if text:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        ax.text(x, y - 0.25, text, ha="center", va="bottom", fontsize=11, color=plots.GRADIENT)


def _number_places(ax: Axes, grid: Grid) -> None:
    """Write the place i * W + j small into the corner of every pixel."""
    for row in range(grid.rows):
        for column in range(grid.columns):
            x, y = grid.corner(row + 0.9, column + 0.86)
            text = str(row * grid.columns + column)
            ax.text(x, y, text, ha="right", va="bottom", fontsize=7.5, color=plots.INK, zorder=5)


def _windows(x: np.ndarray, kernel_size: int) -> np.ndarray:
    """(rows of windows, columns of windows, k, k)."""
    rows, columns = x.shape[0] // kernel_size, x.shape[1] // kernel_size
    return x.reshape(rows, kernel_size, columns, kernel_size).swapaxes(1, 2)


def _strongest(x: np.ndarray, kernel_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest number of each window, and its (row, column) in the picture: (rows, columns, 2)."""
    windows = _windows(x, kernel_size)
    rows, columns = windows.shape[:2]
    flat = windows.reshape(rows, columns, -1)
    inside = np.stack(np.divmod(flat.argmax(axis=2), kernel_size), axis=2)
    first = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=2) * kernel_size
    return flat.max(axis=2), first + inside
