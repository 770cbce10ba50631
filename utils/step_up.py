"""One step up in a U-Net, pixel by pixel: every number becomes four, and a large volume comes beside them."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import grids, plots
from utils.grids import Grid


def draw_step_up(x: np.ndarray, weight: np.ndarray, skip: np.ndarray, chosen: tuple[int, int]) -> Figure:
    """Draw one channel of the small volume, a window of weights, what they make, and the skip beside it.

    Args:
        x: one channel of the small volume, (h, w).
        weight: the window of a transposed convolution with stride 2, (2, 2).
        skip: one channel of the large volume, (2 * h, 2 * w).
        chosen: row and column of the pixel of x whose four products are shown; the others are left open.
    """
    height, width = skip.shape
    figure, ax = plots.canvas(2 * width + 13.2, height + 3.4, unit=0.46)
    top, middle = 1.3, 1.3 + height / 2
    row, column = chosen
    small = Grid(x.shape[0], x.shape[1], 0.6, middle - x.shape[0] / 2)
    grids.draw_grid(ax, small, plots.INPUT, x)
    corner = small.corner(row, column)
    ax.add_patch(Rectangle(corner, 1, 1, facecolor="none", edgecolor=plots.INK, linewidth=2.5, zorder=6))
    ax.text(0.6 + x.shape[1] / 2, middle + x.shape[0] / 2 + 0.35, "x", ha="center", va="top", fontsize=13)

    left = x.shape[1] + 2.0
    window = Grid(2, 2, left, middle - 1)
    grids.draw_grid(ax, window, plots.WEIGHTS, weight)
    ax.text(left - 0.7, middle, "·", ha="center", va="center", fontsize=22)
    ax.text(left + 1, middle + 1.35, "weight", ha="center", va="top", fontsize=13)

    left += 4.6
    grids.draw_arrow(ax, (left - 2.2, middle), (left - 0.3, middle), "stride 2")
    beside = Grid(height, width, left, top)
    grids.draw_grid(ax, beside, plots.INPUT, skip)
    ax.text(left + width / 2, top + height + 0.35, "the skip: first", ha="center", va="top", fontsize=13)

    left += width + 0.9
    made = Grid(height, width, left, top)
    grids.draw_grid(ax, made, plots.OUTPUT)
    for i in range(2):
        for j in range(2):
            x_middle, y_middle = made.centre(2 * row + i, 2 * column + j)
            value = plots.number(float(x[chosen] * weight[i, j]))
            ax.text(x_middle, y_middle, value, ha="center", va="center", fontsize=12, zorder=6)
    grids.fill_pixels(ax, made, [(2 * row + i, 2 * column + j) for i in range(2) for j in range(2)])
    ax.text(
        left + width / 2, top + height + 0.35, "what came up: behind it", ha="center", va="top", fontsize=13
    )
    return figure
