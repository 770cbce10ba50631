"""Several runs in one figure: mean, range, and what stands beside each bar."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

from utils import plots, spreads


@pytest.fixture
def ax() -> Axes:
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_a_curve_is_the_mean_of_the_runs_inside_their_range(ax: Axes) -> None:
    runs = np.array([[1.0, 4.0, 2.0], [3.0, 0.0, 2.0]])
    spreads.curve(ax, [1, 2, 3], runs, plots.OUTPUT, "-", "both")
    assert ax.lines[0].get_ydata().tolist() == [2, 2, 2]
    corners = ax.collections[0].get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (0, 4)


def test_bars_stand_at_the_means_with_a_dot_for_each_run(ax: Axes) -> None:
    spreads.bars(ax, ["a", "b"], [np.array([60.0, 70.0]), np.array([80.0, 80.0, 83.0])])
    assert [bar.get_height() for bar in ax.patches] == [65, 81]
    assert [len(dots.get_offsets()) for dots in ax.collections] == [2, 3]
    assert [text.get_text() for text in ax.texts] == ["65.0", "81.0"]


def test_the_ladder_is_sorted_and_says_the_change_from_the_first_entry(ax: Axes) -> None:
    runs = [np.array([50.0, 52.0]), np.array([61.0]), np.array([40.0, 41.0])]
    spreads.ladder(ax, ["as it was", "better", "worse"], runs)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["worse", "as it was", "better"]
    assert [text.get_text() for text in ax.texts] == ["−10.5", "", "+10.0"]
    assert [bar.get_width() for bar in ax.patches] == [-10.5, 0, 10]
