"""Several runs in one figure: their mean, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from . import plots


def curve(
    ax: Axes, x: Sequence[float] | np.ndarray, runs: np.ndarray, colour: str, style: str, label: str
) -> None:
    """Draw the mean of several runs as a line, and the range from the lowest to the highest as a pale band.

    Args:
        x: where the values were taken, (n,).
        runs: one row for each run, (runs, n).
        colour, style, label: of the line, as matplotlib takes them.
    """
    runs = np.asarray(runs, dtype=float)
    ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=colour, alpha=0.18, linewidth=0)
    ax.plot(x, runs.mean(axis=0), style, color=colour, label=label)


def bars(ax: Axes, names: Sequence[str], runs: Sequence[np.ndarray]) -> None:
    """Upright bars: the mean of each entry's runs with its number, and a dot for each run.

    Args:
        names: one for each bar.
        runs: the values of each bar's runs. The axis begins a little below the lowest one.
    """
    for place, values in enumerate(runs):
        mean = float(np.mean(values))
        ax.bar(place, mean, 0.7, color=plots.tint(plots.OUTPUT, 0.45))
        ax.scatter(np.full(len(values), place), values, s=28, color=plots.INK, zorder=3)
        ax.annotate(
            f"{mean:.1f}",
            (place, np.max(values)),
            (0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=11,
        )
    ax.set_xticks(range(len(names)), names)
    low, high = min(map(np.min, runs)), max(map(np.max, runs))
    ax.set_ylim(max(0, low - 0.6 * (high - low) - 1), high + 0.15 * (high - low) + 1)


def ladder(ax: Axes, names: Sequence[str], runs: Sequence[np.ndarray]) -> None:
    """Level bars from the first entry's mean to each other one's, sorted, and a dot for each run.

    Args:
        names: one for each entry; the first is the one that the others are compared with.
        runs: the values of each entry's runs.
    """
    means = np.array([np.mean(values) for values in runs])
    order = np.argsort(means)
    base = means[0]
    for place, number in enumerate(order):
        colour = plots.GREY if number == 0 else plots.OUTPUT if means[number] > base else plots.GRADIENT
        ax.barh(place, means[number] - base, 0.62, left=base, color=plots.tint(colour, 0.5))
        ax.scatter(runs[number], np.full(len(runs[number]), place), s=28, color=plots.INK, zorder=3)
        ax.annotate(
            f"{means[number] - base:+.1f}".replace("-", "−") if number else "",
            (max(np.max(runs[number]), base), place),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=11,
        )
    ax.axvline(base, color=plots.INK, linewidth=1.2)
    ax.set_yticks(range(len(names)), [names[number] for number in order])
    ax.margins(x=0.1)
