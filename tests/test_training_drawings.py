"""The drawings of notebook 5 show the numbers that their captions speak of."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from utils import training_drawings as drawings


def words(figure: Figure) -> str:
    """Everything that is written in a figure."""
    found = [text.get_text() for ax in figure.axes for text in ax.texts]
    for ax in figure.axes:
        found += [ax.get_title()]
        legend = ax.get_legend()
        found += [] if legend is None else [text.get_text() for text in legend.get_texts()]
    return "\n".join(found)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (drawings.three_fits, ["degree 13: misses the points by 0.00", "the truth"]),
        (drawings.penalties, ["L2: ½ w²", "L1: |w|"]),
        (drawings.leash, ["1.66 → 1", "0.78"]),
        (drawings.decay, ["αλ = 0.01: 0.37 is left"]),
        (drawings.dropped_nets, ["in use", "step 3"]),
        (drawings.all_masks, ["●●●\nchance 0.343", "○○○\nchance 0.027"]),
        (drawings.three_paths, ["A", "B", "C"]),
        (drawings.adam_parts, ["first weight", "second weight"]),
        (drawings.schedules, ["warm-up and cosine"]),
        (drawings.depth, ["× 0.8: 0.012", "× 1.25: 87"]),
        (drawings.recipe, ["test set\n(locked)", "a new best?"]),
        (drawings.grid_or_random, ["nine trainings on a grid"]),
    ],
)
def test_a_drawing_says_what_its_section_asks_about(draw: Callable[[], Figure], expected: list[str]) -> None:
    figure = draw()
    written = words(figure)
    plt.close(figure)
    assert [part for part in expected if part not in written] == []


def test_shrinkage_is_exactly_zero_between_minus_and_plus_lambda() -> None:
    figure = drawings.shrinkage(0.5)
    _, _, l1 = figure.axes[0].lines[:3]
    a, best = l1.get_xdata(), l1.get_ydata()
    plt.close(figure)
    assert (best[np.abs(a) <= 0.5] == 0).all()
    assert (best[np.abs(a) > 0.51] != 0).all()


def test_the_boundary_is_drawn_where_the_chance_is_one_half_if_it_is_anywhere() -> None:
    figure, (with_boundary, without) = plt.subplots(1, 2)
    x, y = np.array([[0.0, 1.0], [-1.0, 0.5]]), np.array([0, 1])
    ramp = np.tile(np.linspace(0, 1, 41), (41, 1))
    drawings.boundary(with_boundary, ramp, x, y)
    drawings.boundary(without, np.full((41, 41), 0.2), x, y)
    counts = [len(ax.collections) for ax in (with_boundary, without)]
    plt.close(figure)
    assert counts[0] == counts[1] + 1
