"""Drawings of notebook 5: what holds a network back, and how its training is steered."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch

from . import plots


def three_fits() -> Figure:
    """Fourteen noisy points along a wave, and polynomials of degree 1, 3 and 13 through them."""
    numbers = np.random.default_rng(7)
    x = np.linspace(-1, 1, 14)
    y = np.sin(2.6 * x) + numbers.normal(0, 0.22, 14)
    fine = np.linspace(-1, 1, 400)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), sharey=True)
    for ax, degree in zip(axes, (1, 3, 13), strict=True):
        fit = np.polynomial.Chebyshev.fit(x, y, degree)
        ax.plot(fine, np.sin(2.6 * fine), "--", color=plots.GREY, linewidth=1.8, label="the truth")
        ax.plot(fine, fit(fine), color=plots.OUTPUT, label=f"degree {degree}")
        ax.plot(x, y, "o", color=plots.INPUT, markersize=7)
        error = np.sqrt(np.mean((fit(x) - y) ** 2))
        ax.set_title(f"degree {degree}: misses the points by {error:.2f}")
        ax.set_ylim(-2, 2)
        ax.set_xlabel("x")
        ax.legend(loc="upper left", fontsize=10)
    axes[0].set_ylabel("y")
    return figure


def penalties() -> Figure:
    """What a weight costs, and the slope of it: half the square, the absolute value, both together."""
    w = np.linspace(-2, 2, 401)
    figure, axes = plt.subplots(2, 3, figsize=(11, 4.6), sharex=True, sharey="row")
    kinds = (
        ("L2: ½ w²", 0.5 * w**2, w),
        ("L1: |w|", np.abs(w), np.sign(w)),
        ("both: ½ |w| + ¼ w²", 0.5 * np.abs(w) + 0.25 * w**2, 0.5 * np.sign(w) + 0.5 * w),
    )
    for (above, below), (name, value, slope) in zip(axes.T, kinds, strict=True):
        above.plot(w, value, color=plots.WEIGHTS)
        above.set_title(name)
        below.plot(w[w < -0.001], slope[w < -0.001], color=plots.GRADIENT)
        below.plot(w[w > 0.001], slope[w > 0.001], color=plots.GRADIENT)
        below.axhline(0, color=plots.GREY, linewidth=1)
        below.set_xlabel("weight w")
    axes[0, 0].set_ylabel("cost")
    axes[1, 0].set_ylabel("slope")
    return figure


def shrinkage(lam: float) -> Figure:
    """The best weight against the one that the data want, without penalty, with L2 and with L1."""
    a = np.linspace(-2, 2, 401)
    figure, ax = plt.subplots(figsize=(6.2, 3.9))
    ax.plot(a, a, ":", color=plots.GREY, label="no penalty")
    ax.plot(a, a / (1 + lam), "--", color=plots.INK, label="L2: a / (1 + λ)")
    ax.plot(a, np.sign(a) * np.maximum(np.abs(a) - lam, 0), color=plots.WEIGHTS, label="L1")
    ax.annotate(
        "exactly 0",
        (0, 0),
        (0.25, -1.1),
        arrowprops={"arrowstyle": "->", "color": plots.INK},
        ha="left",
    )
    ax.axhline(0, color=plots.PALE_GREY, linewidth=1, zorder=0)
    ax.set_xlabel("the weight that the data want, a")
    ax.set_ylabel(f"the best weight, λ = {lam:g}")
    ax.legend(loc="upper left")
    return figure


def leash() -> Figure:
    """Five filters of two weights and the circle in which max norm keeps them."""
    figure, ax = plt.subplots(figsize=(5.2, 4.6))
    ax.add_patch(
        Circle((0, 0), 1, facecolor=plots.tint(plots.WEIGHTS, 0.15), edgecolor=plots.INK, linewidth=1.5)
    )
    for end in ((0.5, 0.6), (-0.7, 0.2), (0.2, -0.6), (1.5, 0.7), (-0.9, -1.4)):
        length = float(np.hypot(*end))
        style = {"arrowstyle": "-|>", "color": plots.WEIGHTS, "lw": 2.5, "shrinkA": 0, "shrinkB": 0}
        if length > 1:
            faint = style | {"color": plots.GREY, "lw": 1.5, "linestyle": "--"}
            ax.annotate("", end, (0, 0), arrowprops=faint)
            ax.text(end[0] * 1.08, end[1] * 1.08, f"{length:.2f} → 1", ha="center", va="center")
        else:
            aside = 0.6 * np.array(end) + 0.2 * np.array([-end[1], end[0]]) / length
            ax.text(aside[0], aside[1], f"{length:.2f}", ha="center", va="center", fontsize=11)
        ax.annotate("", (end[0] / max(length, 1), end[1] / max(length, 1)), (0, 0), arrowprops=style)
    ax.set_xlim(-1.8, 1.9)
    ax.set_ylim(-1.75, 1.3)
    ax.set_aspect("equal")
    ax.set_xlabel("first weight")
    ax.set_ylabel("second weight")
    return figure


def decay() -> Figure:
    """A weight without any gradient from the data, over 100 steps, for three strengths."""
    steps = np.arange(101)
    figure, ax = plt.subplots(figsize=(7.5, 3.3))
    for rate, style in ((0.001, ":"), (0.01, "-"), (0.05, "--")):
        left = (1 - rate) ** steps
        ax.plot(steps, left, style, color=plots.WEIGHTS, label=f"αλ = {rate:g}: {left[-1]:.2g} is left")
    ax.set_xlabel("step")
    ax.set_ylabel("weight")
    ax.set_ylim(0, 1.05)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def boundary(ax: Axes, chance: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Points of two kinds on a plane from -2 to 2, and the region that a network gives to kind 1.

    Args:
        chance: probability of kind 1 on an even grid, (n, n), row by row from below.
        x, y: points (N, 2), and their kind, 0 or 1, (N,).
    """
    axis = np.linspace(-2, 2, len(chance))
    colours = [plots.tint(plots.INPUT, 0.3), plots.tint(plots.WEIGHTS, 0.3)]
    ax.contourf(axis, axis, chance, levels=[-0.1, 0.5, 1.1], colors=colours)
    if chance.min() < 0.5 < chance.max():
        ax.contour(axis, axis, chance, levels=[0.5], colors=[plots.INK], linewidths=2)
    for kind, marker, colour in ((0, "s", plots.INPUT), (1, "o", plots.WEIGHTS)):
        ax.scatter(
            x[y == kind, 0], x[y == kind, 1], marker=marker, color=colour, edgecolor="white", s=55, zorder=3
        )
    ax.set_xlim(-2, 2)
    ax.set_ylim(-2, 2)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])


def dropped_nets() -> Figure:
    """A small network, and the same in three training steps with other hidden units crossed out."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2))
    layers = [
        [(float(layer), start + k) for k in range(count)]
        for layer, start, count in ((0, 0.5, 3), (1, 0.0, 4), (2, 1.0, 2))
    ]
    for ax, dropped, title in zip(
        axes, ((), (1, 3), (0,), (2, 3)), ("in use", "training, step 1", "step 2", "step 3"), strict=True
    ):
        for left, right in ((0, 1), (1, 2)):
            for i, start in enumerate(layers[left]):
                for j, end in enumerate(layers[right]):
                    if not (left == 1 and i in dropped) and not (right == 1 and j in dropped):
                        ax.plot(*zip(start, end, strict=True), color=plots.WEIGHTS, linewidth=1.4, zorder=1)
        for number, (units, colour) in enumerate(
            zip(layers, (plots.INPUT, plots.OUTPUT, plots.OUTPUT), strict=True)
        ):
            for k, (x, y) in enumerate(units):
                gone = number == 1 and k in dropped
                face = "white" if gone else plots.tint(colour, 0.35)
                edge = plots.GREY if gone else colour
                ax.add_patch(Circle((x, y), 0.2, facecolor=face, edgecolor=edge, linewidth=2, zorder=2))
                if gone:
                    ax.plot(
                        [x - 0.14, x + 0.14], [y - 0.14, y + 0.14], color=plots.INK, linewidth=2, zorder=3
                    )
                    ax.plot(
                        [x - 0.14, x + 0.14], [y + 0.14, y - 0.14], color=plots.INK, linewidth=2, zorder=3
                    )
        ax.set_title(title)
        ax.set_xlim(-0.35, 2.35)
        ax.set_ylim(-0.45, 3.45)
        ax.set_aspect("equal")
        ax.set_axis_off()
    return figure


def all_masks() -> Figure:
    """The eight masks of three inputs with their chances, and what each masked network answers."""
    w, x = np.array([[1.2, -0.6, 0.5], [-0.4, 0.9, 0.3]]), np.array([1.5, 2.0, 1.0])
    figure, axes = plt.subplots(1, 9, figsize=(13, 2.5), sharey=True)
    for number, ax in enumerate(axes[:8]):
        mask = (number >> np.arange(3)) & 1
        powers = np.exp(w @ (mask * x))
        ax.bar([0, 1], powers / powers.sum(), 0.7, color=plots.OUTPUT)
        chance = 0.3 ** (3 - mask.sum()) * 0.7 ** mask.sum()
        ax.set_title("".join("●" if bit else "○" for bit in mask) + f"\nchance {chance:.3f}", fontsize=11)
        ax.set_xticks([0, 1], ["A", "B"])
    axes[8].text(0.5, 0.5, "?", ha="center", va="center", fontsize=34)
    axes[8].set_title("one net,\nno mask", fontsize=11)
    axes[8].set_xlim(-0.6, 1.6)
    axes[8].set_xticks([0, 1], ["A", "B"])
    axes[0].set_ylim(0, 1)
    axes[0].set_ylabel("probability")
    return figure


def _ravine_map(ax: Axes) -> None:
    across, along = np.meshgrid(np.linspace(-4, 4, 161), np.linspace(-1.3, 1.3, 81))
    height = np.sqrt(0.5 * (across**2 + 30 * along**2))
    ax.contourf(across, along, height, levels=14, cmap=plots.white_to(plots.INPUT), alpha=0.6)
    ax.plot(0, 0, "*", color=plots.INK, markersize=13)
    ax.set_xlim(-4, 4)
    ax.set_ylim(-1.3, 1.3)


def three_paths() -> Figure:
    """Three unnamed paths of 25 steps in a valley that is 30 times as steep across as along."""
    steep = np.array([1.0, 30.0])
    figure, axes = plt.subplots(1, 3, figsize=(12, 2.5), sharey=True)
    for ax, name, (lr, beta, ahead) in zip(
        axes, "ABC", ((0.06, 0.0, False), (0.02, 0.9, False), (0.02, 0.9, True)), strict=True
    ):
        w, v, path = np.array([-3.0, 0.9]), np.zeros(2), [np.array([-3.0, 0.9])]
        for _ in range(25):
            gradient = steep * w
            v = beta * v + gradient
            w = w - lr * (gradient + beta * v if ahead else v)
            path.append(w)
        _ravine_map(ax)
        ax.plot(*np.array(path).T, "-o", color=plots.GRADIENT, markersize=4, linewidth=1.5)
        ax.set_title(name)
        ax.set_xticks([])
        ax.set_yticks([])
    return figure


def paths(found: Mapping[str, np.ndarray], alt: str) -> None:
    """Show paths (steps + 1, 2) in the valley that is 30 times as steep across as along, one panel each."""
    figure, axes = plt.subplots(1, len(found), figsize=(4.2 * len(found), 3.1), sharey=True, squeeze=False)
    for ax, (name, path) in zip(axes[0], found.items(), strict=True):
        _ravine_map(ax)
        ax.plot(*path.T, "-o", color=plots.GRADIENT, markersize=3.5, linewidth=1.3)
        height = 0.5 * (path[-1] ** 2 * np.array([1, 30])).sum()
        ax.set_title(f"{name}\nheight {height:.1e} after {len(path) - 1} steps", fontsize=11)
        ax.set_xlabel("first weight")
    axes[0, 0].set_ylabel("second weight")
    plots.finish(figure, alt)


def adam_parts() -> Figure:
    """Gradients of two weights, a thousand times different in size, and Adam's steps for both."""
    noise = np.random.default_rng(1).normal(0.6, 1, (2, 40)) * np.array([[100.0], [0.1]])
    figure, axes = plt.subplots(2, 2, figsize=(11, 4.4), sharex=True)
    for k, (above, below) in enumerate(axes.T):
        m = v = 0.0
        steps = []
        for t, gradient in enumerate(noise[k], 1):
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            steps.append(m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t)))
        above.bar(range(1, 41), noise[k], color=plots.GRADIENT)
        below.bar(range(1, 41), steps, color=plots.WEIGHTS)
        above.set_title(f"{('first', 'second')[k]} weight")
        below.set_ylim(-1.1, 1.1)
        below.axhline(0, color=plots.INK, linewidth=1)
        below.set_xlabel("step")
    axes[0, 0].set_ylabel("gradient")
    axes[1, 0].set_ylabel("Adam's step / α")
    return figure


def schedules() -> Figure:
    """Learning rates of four plans over 120 steps."""
    t = np.arange(120)
    warm = np.where(t < 30, (t + 1) / 30, (1 + np.cos(np.pi * (t - 30) / 90)) / 2)
    plans = (np.ones(120), 0.1 ** (t // 40), (1 + np.cos(np.pi * t / 120)) / 2, warm)
    figure, axes = plt.subplots(1, 4, figsize=(12, 2.4), sharey=True)
    names = ("constant", "step decay", "cosine", "warm-up and cosine")
    for ax, plan, name in zip(axes, plans, names, strict=True):
        ax.plot(t, plan, color=plots.INK)
        ax.fill_between(t, plan, color=plots.PALE_GREY)
        ax.set_title(name)
        ax.set_xlabel("step")
    axes[0].set_ylim(0, 1.08)
    axes[0].set_ylabel("learning rate / largest")
    return figure


def depth() -> Figure:
    """The spread of a signal behind twenty layers that each change it by the same factor."""
    layers = np.arange(21)
    figure, ax = plt.subplots(figsize=(7.5, 3.2))
    for factor, style in ((1.25, "--^"), (1.0, "-o"), (0.8, ":s")):
        size = factor**layers
        ax.semilogy(
            layers, size, style, color=plots.OUTPUT, markersize=5, label=f"× {factor:g}: {size[-1]:.2g}"
        )
    ax.set_xlabel("behind layer")
    ax.set_xticks(range(0, 21, 4))
    ax.set_ylabel("spread of the signal")
    ax.legend(title="each layer", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def recipe() -> Figure:
    """The way of a training: three sets of pictures, the loop, and what the validation set decides."""
    figure, ax = plots.canvas(24, 9.4)

    def box(x: float, y: float, words: str, colour: str, width: float = 4.0, height: float = 1.7) -> None:
        shape = FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.25",
            facecolor=plots.tint(colour, 0.25),
            edgecolor=colour,
            linewidth=1.8,
        )
        ax.add_patch(shape)
        ax.text(x + width / 2, y + height / 2, words, ha="center", va="center", fontsize=11)

    def arrow(start: tuple[float, float], end: tuple[float, float], curve: float = 0.0) -> None:
        style = {"arrowstyle": "-|>", "color": plots.INK, "lw": 1.6, "connectionstyle": f"arc3,rad={curve}"}
        ax.annotate("", end, start, arrowprops=style)

    box(0.4, 1.2, "training set", plots.INPUT)
    box(0.4, 4.4, "validation set", plots.INPUT)
    box(0.4, 7.3, "test set\n(locked)", plots.GREY)
    for k, (words, colour) in enumerate(
        (
            ("a batch,\naltered a little", plots.INPUT),
            ("scores, loss", plots.OUTPUT),
            ("gradients", plots.GRADIENT),
            ("rate, step,\nshort filters", plots.WEIGHTS),
        )
    ):
        box(6.0 + 4.5 * k, 1.2, words, colour, 3.7)
        if k:
            arrow((5.2 + 4.5 * k, 2.05), (5.95 + 4.5 * k, 2.05))
    arrow((4.45, 2.05), (5.95, 2.05))
    arrow((21.3, 1.15), (7.9, 1.15), 0.16)
    ax.text(14.6, 0.35, "for each batch", ha="center", va="top", fontsize=11, color=plots.GREY)
    box(8.2, 4.4, "accuracy, after\neach epoch", plots.OUTPUT, 4.2)
    box(15.0, 4.4, "a new best?", plots.GREY, 4.2)
    box(15.0, 7.3, "keep these weights", plots.WEIGHTS, 4.2)
    box(20.0, 7.3, "patience over:\nstop", plots.GREY, 3.7)
    arrow((4.45, 5.25), (8.15, 5.25))
    arrow((12.45, 5.25), (14.95, 5.25))
    arrow((17.1, 6.15), (17.1, 7.25))
    arrow((18.6, 6.15), (21.2, 7.25))
    ax.text(16.9, 6.7, "yes", ha="right", va="center", fontsize=11)
    ax.text(20.6, 6.6, "no", ha="left", va="center", fontsize=11)
    arrow((4.45, 8.15), (8.15, 8.15))
    box(8.2, 7.3, "once, at the end", plots.GREY, 4.2)
    return figure


def grid_or_random() -> Figure:
    """Nine trainings on a grid and at random, under the curve of the knob that matters."""
    x = np.linspace(0, 1, 400)

    def good(knob: np.ndarray) -> np.ndarray:
        return np.exp(-(((knob - 0.34) / 0.09) ** 2)) + 0.25 * np.exp(-(((knob - 0.75) / 0.25) ** 2))

    grid = np.stack(np.meshgrid([1 / 6, 0.5, 5 / 6], [1 / 6, 0.5, 5 / 6]), axis=-1).reshape(-1, 2)
    scattered = np.random.default_rng(12).random((9, 2))
    figure, axes = plt.subplots(2, 2, figsize=(9, 4.6), sharex=True, height_ratios=[1, 1.8])
    for (above, below), points, name in zip(
        axes.T, (grid, scattered), ("on a grid", "at random"), strict=True
    ):
        above.plot(x, good(x), color=plots.OUTPUT)
        above.plot(points[:, 0], good(points[:, 0]), "o", color=plots.INK, markersize=7)
        above.set_title(
            f"nine trainings {name},\nbest {good(points[:, 0]).max() / good(x).max():.0%} of the peak"
        )
        above.set_yticks([])
        below.scatter(*points.T, color=plots.INK, s=60)
        for place in points[:, 0]:
            below.axvline(place, color=plots.PALE_GREY, linewidth=1, zorder=0)
        below.set_xlabel("a knob that matters")
        below.set_yticks([])
        below.set_ylim(0, 1)
    axes[0, 0].set_ylabel("how good")
    axes[1, 0].set_ylabel("a knob that\nhardly matters")
    return figure
