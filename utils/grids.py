"""Grids of pixels seen from above: padding, windows, strides, dilation, and the window that slides.

One unit of the drawing is one pixel of the input; x runs to the right, y downwards. Rows and columns are
counted from the top left pixel of the *unpadded* grid, so padding lies at negative positions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from utils import film, plots


@dataclass(frozen=True)
class Grid:
    """Where a grid of rows x columns pixels lies in a drawing.

    left, top: position of its upper left corner, in units of the drawing.
    pixel: side of one of its pixels, in units of the drawing.
    """

    rows: int
    columns: int
    left: float = 0.0
    top: float = 0.0
    pixel: float = 1.0

    def corner(self, row: float, column: float) -> tuple[float, float]:
        """(x, y) of the upper left corner of a pixel."""
        return self.left + column * self.pixel, self.top + row * self.pixel

    def centre(self, row: float, column: float) -> tuple[float, float]:
        """(x, y) of the middle of a pixel."""
        return self.corner(row + 0.5, column + 0.5)


def draw_grid(
    ax: Axes,
    grid: Grid,
    colour: str = plots.INPUT,
    values: np.ndarray | None = None,
    padding: int = 0,
    title: str = "",
    number_size: float = 11,
) -> None:
    """Draw the pixels of a grid.

    Args:
        colour: of the pixels (they are filled with a light tint of it).
        values: array (rows, columns) of numbers to write into the pixels; nan leaves a pixel empty.
        padding: width of a frame of grey pixels with zeros around the grid.
        title: words above the grid (above its padding, if there is any).
        number_size: size of the numbers, in points.
    """
    for row in range(-padding, grid.rows + padding):
        for column in range(-padding, grid.columns + padding):
            inside = 0 <= row < grid.rows and 0 <= column < grid.columns
            face = plots.tint(colour, 0.22) if inside else "#F3F3F3"
            edge = plots.tint(colour, 0.75) if inside else "#BBBBBB"
            _pixel(
                ax,
                grid,
                row,
                column,
                facecolor=face,
                edgecolor=edge,
                linewidth=1,
                linestyle="-" if inside else ":",
            )
            text = "" if inside else "0"
            if inside and values is not None and np.isfinite(values[row, column]):
                text = plots.number(values[row, column])
            if text:
                ink = plots.INK if inside else plots.GREY
                ax.text(
                    *grid.centre(row, column), text, ha="center", va="center", fontsize=number_size, color=ink
                )
    if title:
        x, y = grid.corner(-padding, grid.columns / 2)
        ax.text(x, y - 0.25, title, ha="center", va="bottom", fontsize=12)


def draw_window(
    ax: Axes,
    grid: Grid,
    row: int,
    column: int,
    kernel_size: tuple[int, int],
    dilation: int = 1,
    colour: str = plots.WEIGHTS,
    weights: np.ndarray | None = None,
) -> None:
    """Draw a window: a frame around all it spans, and a tint on the pixels that it reads.

    Args:
        row, column: the pixel of the window's upper left weight (negative in the padding).
        kernel_size: rows and columns of weights.
        dilation: step from one weight to the next, in pixels.
        weights: array of kernel_size; its numbers are written small into the corners of the pixels.
    """
    rows, columns = kernel_size
    for i in range(rows):
        for j in range(columns):
            y, x = row + i * dilation, column + j * dilation
            _pixel(ax, grid, y, x, facecolor=colour, alpha=0.45, edgecolor="none")
            if weights is not None:
                place = grid.corner(y + 0.95, x + 0.93)
                ax.text(
                    *place,
                    f"×{plots.number(weights[i, j])}",
                    ha="right",
                    va="bottom",
                    fontsize=9,
                    color="#5C3D00",
                )
    height, width = (rows - 1) * dilation + 1, (columns - 1) * dilation + 1
    ax.add_patch(
        Rectangle(
            grid.corner(row, column),
            width * grid.pixel,
            height * grid.pixel,
            facecolor="none",
            edgecolor=colour,
            linewidth=3,
            zorder=4,
        )
    )


def mark_pixels(
    ax: Axes, grid: Grid, pixels: Iterable[tuple[int, int]], colour: str = plots.INK, hatch: str = "xxx"
) -> None:
    """Hatch the pixels at the given (row, column): for instance those that no window reads."""
    for row, column in pixels:
        _pixel(
            ax, grid, row, column, facecolor="none", edgecolor=colour, hatch=hatch, linewidth=1.5, zorder=3
        )


def fill_pixels(ax: Axes, grid: Grid, pixels: Iterable[tuple[int, int]], colour: str = plots.OUTPUT) -> None:
    """Fill the pixels at the given (row, column) with a strong tint of the colour."""
    for row, column in pixels:
        _pixel(ax, grid, row, column, facecolor=plots.tint(colour, 0.6), edgecolor=colour, linewidth=1.5)


def draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    """An arrow from start to end (x, y in units of the drawing), with a word above its middle."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=16,
            linewidth=1.6,
            color=plots.INK,
            shrinkA=0,
            shrinkB=0,
            zorder=5,
        )
    )
    if text:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        ax.text(x, y - 0.2, text, ha="center", va="bottom", fontsize=11)


def draw_windows_of_row(
    ax: Axes,
    grid: Grid,
    starts: Iterable[int],
    kernel_size: int,
    dilation: int = 1,
    colour: str = plots.WEIGHTS,
) -> None:
    """Below a grid of one row, draw every window on a line of its own, as a bar under the pixels it spans.

    Args:
        starts: the pixel where each window begins (negative in the padding).
        kernel_size, dilation: a bar has kernel_size strong pixels, dilation apart.
    """
    span = (kernel_size - 1) * dilation + 1
    for line, start in enumerate(starts):
        y = grid.top + grid.pixel * 1.35 + 0.62 * line
        x, _ = grid.corner(0, start)
        ax.add_patch(
            Rectangle((x + 0.1, y + 0.18), span * grid.pixel - 0.2, 0.06, facecolor=colour, edgecolor="none")
        )
        for tap in range(kernel_size):
            left, _ = grid.corner(0, start + tap * dilation)
            box = Rectangle(
                (left + 0.06, y), grid.pixel - 0.12, 0.42, facecolor=plots.tint(colour, 0.6), edgecolor=colour
            )
            ax.add_patch(box)


def sliding_window(
    x: np.ndarray,
    weight: np.ndarray,
    output: np.ndarray,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    alt: str = "A window slides over the input; each stop fills one pixel of the output.",
) -> HTML:
    """The sliding window as a little film with a play button: one picture for each pixel of the output.

    Args:
        x: array (H, W), the input.
        weight: array (kh, kw), the window's weights.
        output: array (H_out, W_out), what the window finds at each stop (computed by you).
        stride, padding, dilation: ints, in pixels.
        alt: the words for those who cannot see it.

    Returns:
        HTML that runs in JupyterLab, in Colab and as a page without a server.
    """
    frames = []
    for stop in np.ndindex(*output.shape):
        figure = _one_stop(x, weight, output, stop, stride, padding, dilation)
        frames.append(film.small_png(figure))
        plt.close(figure)
    return film.play(frames, alt)


def _one_stop(
    x: np.ndarray,
    weight: np.ndarray,
    output: np.ndarray,
    stop: tuple[int, int],
    stride: int,
    padding: int,
    dilation: int,
) -> Figure:
    """One picture of the film: the window on the input, the output up to this stop, the sum in numbers."""
    (rows, columns), (rows_out, columns_out) = x.shape, output.shape
    height = max(rows + 2 * padding, rows_out) + 2.8
    figure, ax = plots.canvas(columns + 2 * padding + columns_out + 5, height, unit=0.5)
    middle = 1.2 + (height - 2.8) / 2
    source = Grid(rows, columns, 1 + padding, middle - rows / 2)
    target = Grid(rows_out, columns_out, columns + 2 * padding + 4, middle - rows_out / 2)

    top, left = stop[0] * stride - padding, stop[1] * stride - padding
    draw_grid(ax, source, plots.INPUT, x, padding, title=f"input {rows} × {columns}, padding {padding}")
    draw_window(ax, source, top, left, weight.shape, dilation, weights=weight)
    seen = np.full(output.shape, np.nan)
    count = stop[0] * columns_out + stop[1] + 1
    seen.flat[:count] = output.flat[:count]
    draw_grid(ax, target, plots.OUTPUT, seen, title=f"output {rows_out} × {columns_out}")
    fill_pixels(ax, target, [stop])
    ax.text(
        *target.centre(*stop),
        plots.number(output[stop]),
        ha="center",
        va="center",
        fontsize=11,
        fontweight="bold",
        zorder=6,
    )
    gap = source.corner(0, columns + padding)[0]
    draw_arrow(ax, (gap + 0.5, middle), (target.left - 0.5, middle), f"stride {stride}")

    padded = np.pad(x, padding)
    terms = []
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            number = padded[top + padding + i * dilation, left + padding + j * dilation]
            factor = plots.number(weight[i, j])
            terms.append(f"{plots.number(number)}·{factor if weight[i, j] >= 0 else f'({factor})'}")
    sentence = " + ".join(terms) + f" = {plots.number(output[stop])}"
    ax.text(
        (columns + 2 * padding + columns_out + 5) / 2,
        height - 0.7,
        sentence,
        ha="center",
        va="center",
        fontsize=11,
    )
    return figure


def _pixel(ax: Axes, grid: Grid, row: int, column: int, **style: Any) -> None:
    """Add one pixel of the grid with matplotlib's style words for rectangles."""
    ax.add_patch(Rectangle(grid.corner(row, column), grid.pixel, grid.pixel, **style))
