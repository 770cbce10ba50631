"""A stack of 1-D layers seen from the side: which inputs reach one output.

Every layer is a row of nodes, the input at the bottom. A node stands above the middle of what it reads
(or, in causal layers, above its latest input).
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from utils import plots

Layer = tuple[int, int, int]  # (kernel, stride, dilation), each in the layer's own input pixels
NODE = 11  # diameter of a node, in points


def draw_stack(
    ax: Axes,
    layers: Sequence[Layer],
    size: int,
    chosen: int,
    title: str = "",
    causal: bool = False,
    unit: str = "input pixel",
) -> None:
    """Draw all connections of a stack in grey and those that end in one output in colour.

    Args:
        layers: (kernel, stride, dilation) per layer, in order from the input.
        size: number of inputs; there is no padding, except the past's zeros of causal layers.
        chosen: index of the output whose inputs are shown.
        title: words above the drawing.
        causal: a node reads itself and the past only; all layers then have `size` nodes.
        unit: the words below the input's row.
    """
    places = [[float(i) for i in range(size)]]
    reads: list[list[list[int]]] = []  # for each layer and node, the indices that it reads one row below
    for kernel, stride, dilation in layers:
        below = places[-1]
        reach = (kernel - 1) * dilation
        if causal:
            rows = [
                [i - tap * dilation for tap in range(kernel) if i >= tap * dilation]
                for i in range(len(below))
            ]
            places.append(below)
        else:
            firsts = range(0, len(below) - reach, stride)
            rows = [[first + tap * dilation for tap in range(kernel)] for first in firsts]
            places.append([(below[row[0]] + below[row[-1]]) / 2 for row in rows])
        reads.append(rows)

    reached = _reached(reads, chosen)
    for level, rows in enumerate(reads):
        for node, row in enumerate(rows):
            for source in row:
                hot = node in reached[level + 1]
                ax.plot(
                    [places[level][source], places[level + 1][node]],
                    [level, level + 1],
                    color=plots.WEIGHTS if hot else plots.PALE_GREY,
                    linewidth=2.2 if hot else 1,
                    zorder=2 if hot else 1,
                )
    for level, line in enumerate(places):
        colour = plots.INPUT if level == 0 else plots.OUTPUT
        for node, x in enumerate(line):
            hot = node in reached[level]
            face = plots.tint(colour, 0.75 if level in (0, len(layers)) else 0.35) if hot else "white"
            edge = colour if hot else plots.GREY
            ax.plot(x, level, "o", markersize=NODE, markerfacecolor=face, markeredgecolor=edge, zorder=3)
    for level, (kernel, stride, dilation) in enumerate(layers):
        words = f"k {kernel}, s {stride}, d {dilation}"
        ax.text(size - 0.1, level + 0.5, words, ha="left", va="center", fontsize=10.5)

    seen = sorted(reached[0])
    ax.plot(
        [places[0][seen[0]] - 0.3, places[0][seen[-1]] + 0.3], [-0.45, -0.45], color=plots.INPUT, linewidth=4
    )
    middle = (places[0][seen[0]] + places[0][seen[-1]]) / 2
    span = seen[-1] - seen[0] + 1
    ax.text(middle, -0.62, f"{span} {unit}{'s' * (span > 1)}", ha="center", va="top", fontsize=12)
    ax.set_title(title)
    ax.set_xlim(-0.8, size + 3.2)
    ax.set_ylim(-1.15, len(layers) + 0.4)
    ax.set_axis_off()


def _reached(reads: Sequence[Sequence[Sequence[int]]], chosen: int) -> list[set[int]]:
    """For each row of nodes, from the input up, those that take part in the chosen output."""
    reached = [{chosen}]
    for rows in reversed(reads):
        reached.append({source for node in reached[-1] for source in rows[node]})
    return reached[::-1]
