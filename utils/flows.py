"""Boxes and arrows: tensors and their shapes on the way through a layer."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from utils import grids, plots


def unfold_and_multiply() -> Figure:
    """Draw the shapes of a convolution by unfolding, from the batch of volumes to the batch of volumes."""
    figure, ax = plots.canvas(26.2, 6.3, unit=0.42)
    y = 2.0
    draw_box(ax, 0.4, y, 5.0, "x\n(N, C, H, W)", plots.INPUT)
    draw_box(ax, 7.9, y, 5.8, "columns\n(N, C·kh·kw, L)", plots.INPUT)
    draw_box(ax, 7.9, y + 2.7, 5.8, "weights as rows\n(C_out, C·kh·kw)", plots.WEIGHTS)
    draw_box(ax, 15.7, y, 4.2, "(N, C_out, L)", plots.OUTPUT)
    draw_box(ax, 22.1, y, 3.8, "y (N, C_out,\nH_out, W_out)", plots.OUTPUT)
    for start, end, words in ((5.4, 7.9, "unfold"), (13.7, 15.7, "matmul"), (19.9, 22.1, "fold up")):
        grids.draw_arrow(ax, (start + 0.15, y), (end - 0.15, y), words)
    grids.draw_arrow(ax, (13.75, y + 2.4), (15.9, y + 1.05))
    ax.text(25.9, y + 2.7, "L = H_out · W_out windows", ha="right", va="center", fontsize=12)
    return figure


def layer_with_memory() -> Figure:
    """Draw a layer as an object that owns its parameters, and who asks it for them."""
    figure, ax = plots.canvas(25.4, 7.6, unit=0.42)
    frame = FancyBboxPatch(
        (7.0, 0.8), 7.4, 6.2, boxstyle="round,pad=0.1", facecolor="white", edgecolor=plots.INK
    )
    ax.add_patch(frame)
    ax.text(10.7, 1.5, "Conv2d(3, 16, 5)", ha="center", va="center", fontsize=13, fontweight="bold")
    draw_box(ax, 7.7, 3.1, 6.0, "weight (16, 3, 5, 5)", plots.WEIGHTS)
    draw_box(ax, 7.7, 5.3, 6.0, "bias (16,)", plots.WEIGHTS)
    draw_box(ax, 0.4, 4.2, 4.4, "x (N, 3, H, W)", plots.INPUT)
    grids.draw_arrow(ax, (4.9, 4.2), (6.8, 4.2))
    for row, words in (
        (1.6, "y = layer(x)"),
        (3.3, "layer.parameters()"),
        (5.0, "layer.to(device)"),
        (6.5, "layer.state_dict()"),
    ):
        ax.text(16.9, row, words, ha="left", va="center", fontsize=12, family="monospace")
        grids.draw_arrow(ax, (14.6, row), (16.6, row))
    return figure


def draw_box(ax: Axes, left: float, middle: float, width: float, text: str, colour: str) -> None:
    """A tensor as a box with its name and shape; middle is the height of its middle line."""
    box = FancyBboxPatch(
        (left + 0.1, middle - 0.85),
        width - 0.2,
        1.7,
        boxstyle="round,pad=0.1",
        facecolor=plots.tint(colour, 0.25),
        edgecolor=colour,
        linewidth=1.8,
    )
    ax.add_patch(box)
    ax.text(left + width / 2, middle, text, ha="center", va="center", fontsize=12)
