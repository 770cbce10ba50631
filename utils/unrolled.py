"""Convolution as a matrix product: windows as columns, pixels as columns, the layer as one large matrix."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import grids, plots, volumes


def windows_as_columns(x: np.ndarray, weight: np.ndarray, output: np.ndarray) -> Figure:
    """Draw how every window of a small image becomes a column, and one product gives all outputs.

    The product is drawn the way it is computed by hand: a number of the result stands where its row of the
    left matrix and its column of the upper matrix meet.

    Args:
        x: the image (H, W).
        weight: the filter (kh, kw).
        output: what the filter finds, (H - kh + 1, W - kw + 1), computed by you.
    """
    (rows, columns), (kh, kw), (h_out, w_out) = x.shape, weight.shape, output.shape
    taps, pixels = kh * kw, h_out * w_out
    unrolled = np.lib.stride_tricks.sliding_window_view(x, (kh, kw)).reshape(pixels, taps).T

    left = columns + kw + 2.2
    top, bottom = 1.3, 1.3 + taps + 0.6
    figure, ax = plots.canvas(left + taps + 0.6 + pixels + 0.4, bottom + 2.1, unit=0.5)
    image = grids.Grid(rows, columns, 0.4, top)
    grids.draw_grid(ax, image, plots.INPUT, x, title=f"input {rows} × {columns}")
    grids.draw_window(ax, image, 0, 0, (kh, kw))
    small = grids.Grid(kh, kw, columns + 1.4, top)
    grids.draw_grid(ax, small, plots.WEIGHTS, weight, title=f"filter {kh} × {kw}")

    right = grids.Grid(taps, pixels, left + taps + 0.6, top)
    grids.draw_grid(ax, right, plots.INPUT, unrolled, title=f"columns {taps} × {pixels}: one for each window")
    grids.draw_window(ax, right, 0, 0, (taps, 1))
    row = grids.Grid(1, taps, left, bottom)
    grids.draw_grid(ax, row, plots.WEIGHTS, weight.reshape(1, taps), title=f"filter as a row 1 × {taps}")
    result = grids.Grid(1, pixels, left + taps + 0.6, bottom)
    grids.draw_grid(ax, result, plots.OUTPUT, output.reshape(1, pixels))
    grids.fill_pixels(ax, result, [(0, 0)])
    place = result.corner(1.25, pixels / 2)
    ax.text(
        *place, f"output 1 × {pixels}, to be folded to {h_out} × {w_out}", ha="center", va="top", fontsize=12
    )
    return figure


def pixels_as_columns() -> Figure:
    """Draw a 1 x 1 convolution: one matrix multiplies the column of channels at every pixel."""
    figure, ax = plots.canvas(19.8, 6.2, unit=0.5)
    source = volumes.Volume((4, 5, 6), 0.8, 2.4, (2.4, 2.6, 3.4))
    target = volumes.Volume((2, 5, 6), 15.0, 2.4, (1.2, 2.6, 3.4))
    volumes.draw_volume(ax, source, plots.INPUT, title="input (4, H, W)")
    volumes.draw_patch(ax, source, 0, 2, (1, 1), plots.INPUT)
    volumes.draw_volume(ax, target, plots.OUTPUT, title="output (2, H, W)")
    volumes.draw_patch(ax, target, 0, 2, (1, 1), plots.OUTPUT)

    top = 1.6
    for place, (rows, columns), colour, words in (
        (6.2, (2, 4), plots.WEIGHTS, "weights (2, 4)"),
        (10.5, (4, 1), plots.INPUT, "one pixel"),
        (12.7, (2, 1), plots.OUTPUT, "its answer"),
    ):
        grid = grids.Grid(rows, columns, place, top + (4 - rows) / 2 * 0.75, 0.75)
        grids.draw_grid(ax, grid, colour)
        x = place + columns * 0.75 / 2
        ax.text(x, top + 3.3, words, ha="center", va="top", fontsize=11)
    for x, sign in ((9.85, "·"), (11.95, "=")):
        ax.text(x, top + 1.5, sign, ha="center", va="center", fontsize=24)
    return figure


def layer_as_matrix(matrix: np.ndarray, names: dict[float, str]) -> Figure:
    """Draw the matrix of a 1-D convolution beside its transpose; zeros stay white.

    Args:
        matrix: (outputs, inputs); row i holds the weights that output i gives to the inputs.
        names: what to write for a value that is not zero, for instance {1.0: "a"}.
    """
    outputs, inputs = matrix.shape
    start = inputs + 5.6
    figure, ax = plots.canvas(start + outputs + 4.2, max(inputs, outputs) + 2.5, unit=0.5)
    input_colour, output_colour = plots.INPUT, plots.OUTPUT
    _times(ax, matrix, names, 0.4, ("x", input_colour), ("y", output_colour), "convolution")
    _times(ax, matrix.T, names, start, ("y", output_colour), ("z", input_colour), "its transpose")
    return figure


def _times(
    ax: Axes,
    matrix: np.ndarray,
    names: dict[float, str],
    left: float,
    source: tuple[str, str],
    target: tuple[str, str],
    title: str,
) -> None:
    """One product, matrix times source = target; each vector is a (name, colour)."""
    top = 2.1
    rows, columns = matrix.shape
    body = grids.Grid(rows, columns, left, top)
    for (i, j), weight in np.ndenumerate(matrix):
        face = plots.tint(plots.WEIGHTS, 0.45) if weight else "white"
        ax.add_patch(Rectangle(body.corner(i, j), 1, 1, facecolor=face, edgecolor="#BBBBBB", linewidth=1))
        ax.text(*body.centre(i, j), names.get(float(weight), ""), ha="center", va="center", fontsize=12)
    middle = left + columns / 2
    ax.text(middle, top - 1.1, title, ha="center", va="bottom", fontsize=13, fontweight="bold")
    ax.text(middle, top - 0.25, f"matrix {rows} × {columns}", ha="center", va="bottom", fontsize=12)
    place = left + columns + 0.4
    for (name, colour), length in ((source, columns), (target, rows)):
        grids.draw_grid(ax, grids.Grid(length, 1, place, top), colour, title=f"{name} ({length})")
        place += 2
    ax.text(place - 2.5, top + min(rows, columns) / 2, "=", ha="center", va="center", fontsize=16)
