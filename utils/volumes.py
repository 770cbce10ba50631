"""Volumes of activations in perspective: boxes, the patch a neuron sees, the neuron, columns of outputs.

A volume (C, H, W) is drawn as a box: channels run to the right, rows downwards, columns into the page.
All lengths of a drawing are in its own units: a box that is 32 pixels high may be drawn 4 units high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Polygon

from utils import plots

INTO_THE_PAGE = (0.42, -0.36)  # where a step of one unit into the page goes, in (right, down) units


@dataclass(frozen=True)
class Volume:
    """A box in a drawing.

    shape: (C, H, W), what the box stands for.
    left, top: position of its front upper left corner, in units of the drawing.
    size: drawn length of the three axes (along C, H and W), in units of the drawing.
    """

    shape: tuple[int, int, int]
    left: float
    top: float
    size: tuple[float, float, float]

    def point(self, channel: float, row: float, column: float) -> tuple[float, float]:
        """(x, y) in the drawing of a place in the volume, counted in pixels from the box's first corner."""
        steps = [
            at * drawn / count
            for at, drawn, count in zip((channel, row, column), self.size, self.shape, strict=True)
        ]
        right, down = INTO_THE_PAGE
        return self.left + steps[0] + steps[2] * right, self.top + steps[1] + steps[2] * down


def draw_volume(
    ax: Axes, volume: Volume, colour: str = plots.INPUT, title: str = "", axes_named: bool = False
) -> None:
    """Draw a volume as a box of glass.

    Args:
        title: words below the box.
        axes_named: write C, H and W with their lengths along the edges.
    """
    c, h, w = volume.shape
    draw_box(ax, volume, (0, c), (0, h), (0, w), colour, strength=0.16, linewidth=1.6)
    middle = volume.point(c / 2, h, w / 4)[0]
    if title:
        ax.text(
            middle,
            volume.top + volume.size[1] + (0.95 if axes_named else 0.3),
            title,
            ha="center",
            va="top",
            fontsize=12,
        )
    if axes_named:
        x, y = volume.point(c / 2, h, 0)
        ax.text(x, y + 0.12, f"C = {c}", ha="center", va="top", fontsize=11)
        x, y = volume.point(0, h / 2, 0)
        ax.text(x - 0.15, y, f"H = {h}", ha="right", va="center", fontsize=11)
        x, y = volume.point(0, 0, w / 2)
        ax.text(x - 0.12, y - 0.12, f"W = {w}", ha="right", va="bottom", fontsize=11)


def draw_box(
    ax: Axes,
    volume: Volume,
    channels: tuple[float, float],
    rows: tuple[float, float],
    columns: tuple[float, float],
    colour: str,
    strength: float = 0.5,
    linewidth: float = 2.0,
) -> None:
    """Draw a part of a volume: the box between the given limits (first, one past the last) of each axis.

    strength: how strong the faces are tinted, 0 (white) to 1.
    """
    (c0, c1), (r0, r1), (w0, w1) = channels, rows, columns
    front = [(c0, r0, w0), (c1, r0, w0), (c1, r1, w0), (c0, r1, w0)]
    top = [(c0, r0, w0), (c1, r0, w0), (c1, r0, w1), (c0, r0, w1)]
    side = [(c1, r0, w0), (c1, r0, w1), (c1, r1, w1), (c1, r1, w0)]
    for face, shade in ((top, 0.8), (side, 1.25), (front, 1.0)):
        corners = [volume.point(*corner) for corner in face]
        tint = plots.tint(colour, min(strength * shade, 1.0))
        ax.add_patch(
            Polygon(
                corners, facecolor=tint, edgecolor=colour, linewidth=linewidth, alpha=0.9, joinstyle="round"
            )
        )


def draw_patch(
    ax: Axes,
    volume: Volume,
    row: int,
    column: int,
    kernel_size: tuple[int, int],
    colour: str = plots.WEIGHTS,
) -> list[tuple[float, float]]:
    """Draw the patch that starts at (row, column) and reaches through all channels.

    Returns:
        the four corners (x, y) of its right end, for `connect`.
    """
    c = volume.shape[0]
    rows, columns = (row, row + kernel_size[0]), (column, column + kernel_size[1])
    draw_box(ax, volume, (0, c), rows, columns, colour)
    return [volume.point(c, r, w) for r in rows for w in columns]


def draw_neuron(
    ax: Axes, centre: tuple[float, float], colour: str = plots.OUTPUT, text: str = "", radius: float = 0.2
) -> None:
    """Draw one neuron as a disc around the centre (x, y), with a short text in it."""
    ax.add_patch(
        Circle(centre, radius, facecolor=plots.tint(colour, 0.75), edgecolor=colour, linewidth=1.6, zorder=6)
    )
    if text:
        ax.text(*centre, text, ha="center", va="center", fontsize=10 if radius < 0.4 else 12, zorder=7)


def draw_column(
    ax: Axes, volume: Volume, row: int, column: int, colour: str = plots.OUTPUT, texts: Sequence[str] = ()
) -> list[tuple[float, float]]:
    """Draw the column of neurons at (row, column) of an output volume: one disc for each channel.

    Args:
        texts: what stands in the discs, one for each channel, or nothing.

    Returns:
        the centres (x, y) of the discs, for `connect`.
    """
    c = volume.shape[0]
    centres = [volume.point(channel + 0.5, row + 0.5, column + 0.5) for channel in range(c)]
    radius = min(0.24, 0.45 * volume.size[0] / c)
    for channel, centre in enumerate(centres):
        draw_neuron(ax, centre, colour, texts[channel] if texts else "", radius)
    return centres


def connect(
    ax: Axes, corners: Sequence[tuple[float, float]], neuron: tuple[float, float], colour: str = plots.WEIGHTS
) -> None:
    """Draw the lines of sight from the corners of a patch to a neuron."""
    for corner in corners:
        x, y = np.transpose([corner, neuron])
        ax.plot(x, y, color=colour, linewidth=1.2, zorder=5)
