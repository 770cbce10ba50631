"""The diagrams of notebook 2: kernels on grids, their directions, banks of filters, networks, slices.

Every `draw_…` function draws one diagram and returns its figure; the notebook shows it with `plots.finish`.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from utils import flows, grids, plots, volumes
from utils.grids import Grid
from utils.volumes import Volume

SIGNED = "PuOr_r"  # positive weights orange, negative ones purple, zero white
# Directions as colours that come back to the first one, all about equally strong.
DIRECTIONS = LinearSegmentedColormap.from_list(
    "directions", [plots.INPUT, "#CC79A7", plots.WEIGHTS, plots.OUTPUT, plots.INPUT]
)


def signed(image: np.ndarray) -> np.ndarray:
    """Numbers of both signs as greys for `plots.show_images`: 0 is mid-grey, the largest white or black."""
    largest = float(np.abs(image).max())
    return 0.5 + 0.5 * image / largest if largest else np.full(image.shape, 0.5)


def show_weights(ax: Axes, weight: np.ndarray, title: str = "", largest: float = 0.0) -> None:
    """Show a kernel (kh, kw) in orange (positive) and purple (negative) in axes without a scale.

    Args:
        largest: weight that gets the full colour; 0 takes the kernel's own largest.
    """
    limit = largest or float(np.abs(weight).max()) or 1.0
    ax.imshow(weight, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color(plots.PALE_GREY)


def draw_kernel_on_image(
    image: np.ndarray,
    kernel: np.ndarray | None,
    answer: np.ndarray | None,
    titles: tuple[str, str, str],
    kernel_size: tuple[int, int] = (3, 3),
) -> Figure:
    """A small picture, a kernel, and what the kernel makes of the picture, as grids of numbers.

    Args:
        image, answer: arrays (H, W); None for the answer writes question marks.
        kernel: array (kh, kw), or None for question marks.
        titles: above the three grids.
        kernel_size: rows and columns of an unknown kernel.
    """
    rows, columns = image.shape
    kh, kw = kernel_size if kernel is None else kernel.shape
    width = 2 * columns + kw + 7.2
    figure, ax = plots.canvas(width, rows + 2.0, unit=min(0.5, 11.5 / width))
    middle = 1.4 + rows / 2
    places = (
        Grid(rows, columns, 0.6, 1.4),
        Grid(kh, kw, columns + 2.9, middle - kh / 2),
        Grid(rows, columns, columns + kw + 6.2, 1.4),
    )
    colours = (plots.INPUT, plots.WEIGHTS, plots.OUTPUT)
    for grid, values, colour, title in zip(places, (image, kernel, answer), colours, titles, strict=True):
        grids.draw_grid(ax, grid, colour, values, title=title)
        if values is None:
            for row, column in np.ndindex(grid.rows, grid.columns):
                x, y = grid.centre(row, column)
                ax.text(x, y, "?", ha="center", va="center", fontsize=12, color=plots.GREY)
    ax.text(columns + 1.75, middle, "∗", ha="center", va="center", fontsize=20)
    grids.draw_arrow(ax, (columns + kw + 3.6, middle), (columns + kw + 5.6, middle))
    return figure


def draw_which_edge(kernel: np.ndarray) -> Figure:
    """A kernel beside two pictures: an upright edge and a level edge, each with the kernel's window on it."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), width_ratios=[0.8, 1, 1])
    show_weights(axes[0], kernel, "the kernel", largest=2.5 * float(np.abs(kernel).max()))
    for (row, column), weight in np.ndenumerate(kernel):
        axes[0].text(column, row, plots.number(weight), ha="center", va="center", fontsize=14)
    upright = np.where(np.arange(9) < 5, 0.2, 0.9) * np.ones((9, 1))
    for ax, picture, title in (
        (axes[1], upright, "an upright edge"),
        (axes[2], upright.T[::-1], "a level edge"),
    ):
        ax.imshow(picture, vmin=0, vmax=1)
        frame = Rectangle((2.5, 2.5), 3, 3, fill=False, edgecolor=plots.WEIGHTS, linewidth=3)
        ax.add_patch(frame)
        ax.set_title(title)
        ax.set_axis_off()
    return figure


def draw_outer_product(column: np.ndarray, row: np.ndarray, title: str) -> Figure:
    """A kernel as a multiplication table: a column on its left, a row above it, the products inside."""
    rows, columns = len(column), len(row)
    figure, ax = plots.canvas(columns + 6.0, rows + 3.6, unit=0.5)
    left, top = 3.0, 2.4
    grids.draw_grid(ax, Grid(rows, 1, left - 1.5, top), plots.WEIGHTS, np.reshape(column, (-1, 1)))
    grids.draw_grid(ax, Grid(1, columns, left, top - 1.5), plots.WEIGHTS, np.reshape(row, (1, -1)))
    grids.draw_grid(ax, Grid(rows, columns, left, top), plots.WEIGHTS, np.outer(column, row))
    ax.text(left + columns / 2, top - 1.75, "row", ha="center", va="bottom")
    ax.text(left - 1.75, top + rows / 2, "column", ha="right", va="center", rotation=90)
    ax.text(left + columns / 2, top + rows + 0.3, title, ha="center", va="top")
    return figure


def draw_rose(n: int) -> Figure:
    """The n directions of a bank of edge filters as arrows, and the other half of the circle as dots."""
    figure, ax = plots.canvas(11.4, 6.2, unit=0.5)
    centre = np.array([5.4, 1.2])
    for k in range(n):
        angle = np.pi * k / n
        step = np.array([np.cos(angle), np.sin(angle)])
        opposite = centre - 0.9 * step
        ax.plot(*np.transpose([centre, opposite]), ":", color=plots.GREY, linewidth=1.2)
        _arrow(ax, centre, centre + 3.4 * step)
        x, y = centre + 4.0 * step
        ax.text(x, y, f"{180 * k / n:g}°", ha="center", va="center", color="#8A5A00")
    ax.text(9.9, 1.2, "right", ha="left", va="center")
    ax.text(5.4, 5.75, "downwards", ha="center", va="center")
    return figure


def _arrow(ax: Axes, start: np.ndarray, end: np.ndarray) -> None:
    ax.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(end),
            arrowstyle="-|>",
            mutation_scale=16,
            linewidth=2.2,
            color=plots.WEIGHTS,
            shrinkA=0,
            shrinkB=0,
        )
    )


def draw_bank_of_weights(out_channels: int, in_channels: int, marked: tuple[int, int]) -> Figure:
    """All weights of a layer as a table of kernels: a row for each filter, a column for each input channel.

    Args:
        marked: (output channel, input channel) of the kernel that is pointed out.
    """
    figure, ax = plots.canvas(in_channels * 1.5 + 9.6, out_channels * 1.5 + 2.4, unit=0.5)
    for o in range(out_channels):
        for i in range(in_channels):
            left, top = 3.6 + 1.5 * i, 1.8 + 1.5 * o
            strong = (o, i) == marked
            for row, column in np.ndindex(3, 3):
                face = plots.tint(plots.WEIGHTS, 0.75 if strong else 0.22)
                box = Rectangle(
                    (left + 0.4 * column, top + 0.4 * row), 0.4, 0.4, facecolor=face, edgecolor=plots.WEIGHTS
                )
                ax.add_patch(box)
    for i in range(in_channels):
        ax.text(4.2 + 1.5 * i, 1.55, f"{i}", ha="center", va="bottom")
    for o in range(out_channels):
        ax.text(3.2, 2.4 + 1.5 * o, f"{o}", ha="right", va="center")
    ax.text(3.6 + 0.75 * in_channels - 0.15, 0.35, "input channel", ha="center", va="center")
    ax.text(1.7, 1.8 + 0.75 * out_channels, "filter\n(output\nchannel)", ha="center", va="center")
    x, y = 3.6 + 1.5 * marked[1] + 1.2, 1.8 + 1.5 * marked[0] + 0.6
    ax.annotate(
        f"$W_{{{marked[0]}{marked[1]}}}$: a kernel of 3 × 3,\nfrom input channel {marked[1]}\n"
        f"to output channel {marked[0]}",
        (x, y),
        (3.6 + 1.5 * in_channels + 0.6, y),
        ha="left",
        va="center",
        arrowprops={"arrowstyle": "-", "color": plots.WEIGHTS, "linewidth": 1.5},
    )
    return figure


def draw_before_and_now() -> Figure:
    """Recognition before deep learning and with a ConvNet: the same steps, but who makes the features?"""
    figure, ax = plots.canvas(27.4, 8.6, unit=0.41)
    rows = (
        (2.2, "before", "extract features\n(filters by hand)", "chosen by people"),
        (6.3, "ConvNet", "convolutional layers\n(learned filters)", "learned from pictures"),
    )
    for y, name, middle, who in rows:
        ax.text(0.3, y, name, ha="left", va="center", fontsize=13, fontweight="bold")
        flows.draw_box(ax, 3.6, y, 3.8, "pixels", plots.INPUT)
        flows.draw_box(ax, 9.4, y, 6.0, middle, plots.WEIGHTS)
        flows.draw_box(ax, 17.4, y, 3.6, "one long\nvector", plots.OUTPUT)
        flows.draw_box(ax, 23.0, y, 4.2, "linear\nclassifier", plots.WEIGHTS)
        for start, end in ((7.4, 9.4), (15.4, 17.4), (21.0, 23.0)):
            grids.draw_arrow(ax, (start + 0.15, y), (end - 0.15, y))
        ax.text(12.4, y + 1.15, who, ha="center", va="top", fontsize=12, style="italic")
        ax.text(25.1, y + 1.15, "learned", ha="center", va="top", fontsize=12, style="italic")
    return figure


def draw_network(shapes: Sequence[tuple[int, int, int]], names: Sequence[str], classes: int) -> Figure:
    """A small ConvNet as a row of volumes that end in a vector of scores.

    Args:
        shapes: (C, H, W) of the input and after each block.
        names: what stands below each volume.
        classes: number of scores at the end.
    """
    sizes = [(0.35 * c**0.5, h / 9, w / 9) for c, h, w in shapes]
    lefts = [0.6]
    for size in sizes:
        lefts.append(lefts[-1] + size[0] + size[2] * volumes.INTO_THE_PAGE[0] + 1.6)
    middle = 3.0
    figure, ax = plots.canvas(lefts[-1] + 2.6, 6.6, unit=min(0.55, 12 / lefts[-1]))
    for k, (shape, size, left, name) in enumerate(zip(shapes, sizes, lefts, names, strict=False)):
        volume = Volume(shape, left, middle - size[1] / 2 + 0.2, size)
        volumes.draw_volume(ax, volume, plots.INPUT if k == 0 else plots.OUTPUT)
        ax.text(
            left + size[0] / 2 + 0.25,
            5.25,
            f"{name}\n{shape[0]} × {shape[1]} × {shape[2]}",
            ha="center",
            va="top",
        )
        end = lefts[k + 1] - 0.2
        grids.draw_arrow(ax, (end - 1.15, middle), (end, middle))
    for k in range(classes):
        box = Rectangle(
            (lefts[-1] + 0.2, middle - 0.2 * classes + 0.4 * k),
            0.4,
            0.4,
            facecolor=plots.tint(plots.OUTPUT, 0.35),
            edgecolor=plots.OUTPUT,
        )
        ax.add_patch(box)
    ax.text(lefts[-1] + 0.4, 5.25, f"scores\n{classes}", ha="center", va="top")
    return figure


def draw_unravelled(shape: tuple[int, int, int]) -> Figure:
    """A volume of activations, and beside it its slices, one for each channel."""
    channels = shape[0]
    figure, ax = plots.canvas(20.5, 6.6, unit=0.5)
    volumes.draw_volume(
        ax, Volume(shape, 1.2, 2.0, (2.2, 3.2, 3.2)), plots.OUTPUT, " × ".join(map(str, shape))
    )
    grids.draw_arrow(ax, (5.2, 3.0), (7.2, 3.0), "unravel")
    for k in range(channels):
        thin = Volume((1, *shape[1:]), 7.9 + 11.0 * k / channels, 2.0, (0.16, 3.2, 3.2))
        volumes.draw_volume(ax, thin, plots.OUTPUT)
        ax.text(thin.left + 0.1, 5.35, f"{k}", ha="center", va="top", fontsize=11)
    ax.text(
        13.2,
        6.3,
        f"{channels} slices of {shape[1]} × {shape[2]}: one grey picture for each channel",
        ha="center",
        va="center",
    )
    return figure


def draw_occlusion(
    image: np.ndarray, places: Sequence[tuple[int, int]], patch: int, words: Sequence[str]
) -> Figure:
    """A picture, whole and covered by a grey square at several places, with words below each.

    Args:
        image: (3, H, W), values in [0, 1].
        places: (row, column) of the square's upper left corner.
        patch: side of the square, in pixels.
        words: one text for the whole picture and one for each place.
    """
    figure, axes = plt.subplots(1, 1 + len(places), figsize=(2.6 * (1 + len(places)), 3.1))
    axes[0].imshow(plots.for_imshow(image), interpolation="nearest")
    for ax, (top, left) in zip(axes[1:], places, strict=True):
        covered = image.copy()
        covered[:, top : top + patch, left : left + patch] = 0.5
        ax.imshow(plots.for_imshow(covered), interpolation="nearest")
        frame = Rectangle(
            (left - 0.5, top - 0.5), patch, patch, fill=False, edgecolor=plots.WEIGHTS, linewidth=2.5
        )
        ax.add_patch(frame)
    for ax, text in zip(axes, words, strict=True):
        ax.set_axis_off()
        ax.set_title(text, y=-0.2)
    return figure


def overlay(ax: Axes, image: np.ndarray, drops: np.ndarray, patch: int, stride: int, largest: float) -> None:
    """Lay an occlusion map over its picture: orange where covering hurts, purple where it helps.

    Args:
        image: (3, H, W), values in [0, 1]; it is shown pale and grey.
        drops: (rows, columns), one number for each place of the square.
        largest: drop that gets the full colour.
    """
    grey = 0.35 + 0.65 * image.mean(axis=0)
    ax.imshow(grey, vmin=0, vmax=1, interpolation="nearest")
    rows, columns = drops.shape
    # Each number belongs to the middle of its square; its cell there is one stride wide.
    left = (patch - stride) / 2 - 0.5
    extent = (left, left + columns * stride, left + rows * stride, left)
    ax.imshow(
        drops, cmap=SIGNED, vmin=-largest, vmax=largest, alpha=0.62, extent=extent, interpolation="nearest"
    )
    ax.set_xlim(-0.5, image.shape[2] - 0.5)
    ax.set_ylim(image.shape[1] - 0.5, -0.5)
    ax.set_axis_off()


def draw_training_step() -> Figure:
    """One step of gradient descent as a circle: weights, answers, loss, gradient, and back to the weights."""
    figure, ax = plots.canvas(26.0, 8.4, unit=0.43)
    flows.draw_box(ax, 0.4, 2.0, 5.4, "pictures x\n(N, C, H, W)", plots.INPUT)
    flows.draw_box(ax, 0.4, 6.4, 5.4, "weights W\n(K, C, k, k)", plots.WEIGHTS)
    flows.draw_box(ax, 10.4, 2.0, 5.8, "answers\n(N, K, H, W)", plots.OUTPUT)
    flows.draw_box(ax, 20.6, 2.0, 5.0, "loss\na number", plots.OUTPUT)
    flows.draw_box(ax, 20.6, 6.4, 5.0, "W.grad\n(K, C, k, k)", plots.GRADIENT)
    grids.draw_arrow(ax, (5.9, 2.0), (10.2, 2.0), "F.conv2d")
    grids.draw_arrow(ax, (5.9, 5.9), (10.2, 2.9))
    grids.draw_arrow(ax, (16.4, 2.0), (20.4, 2.0), "and targets")
    grids.draw_arrow(ax, (23.1, 3.1), (23.1, 5.3))
    ax.text(22.8, 4.2, "loss.backward()", ha="right", va="center", fontsize=12, family="monospace")
    grids.draw_arrow(ax, (20.4, 6.4), (6.0, 6.4))
    ax.text(13.2, 6.9, "optimizer.step()", ha="center", va="top", fontsize=12, family="monospace")
    return figure
