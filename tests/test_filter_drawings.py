"""The drawings of notebook 2 show what they are asked to show."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from utils import filter_drawings


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def _words(figure: Figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts if text.get_text()]


def test_signed_numbers_have_zero_in_the_middle():
    assert filter_drawings.signed(np.array([-2.0, 0, 1])).tolist() == [0, 0.5, 0.75]
    assert filter_drawings.signed(np.zeros(3)).tolist() == [0.5, 0.5, 0.5]


def test_an_unknown_kernel_and_an_unknown_answer_are_question_marks():
    image, kernel = np.arange(6).reshape(2, 3), np.ones((1, 3))
    titles = ("a", "b", "c")
    assert _words(filter_drawings.draw_kernel_on_image(image, kernel, None, titles)).count("?") == 6
    assert _words(filter_drawings.draw_kernel_on_image(image, None, image, titles, (3, 1))).count("?") == 3


def test_the_multiplication_table_holds_the_products():
    words = _words(filter_drawings.draw_outer_product(np.array([2, 5]), np.array([3, 7]), "table"))
    assert {"6", "14", "15", "35"} <= set(words)


def test_the_rose_names_every_direction():
    words = _words(filter_drawings.draw_rose(4))
    assert [word for word in words if word.endswith("°")] == ["0°", "45°", "90°", "135°"]


def test_the_marked_kernel_is_named():
    words = _words(filter_drawings.draw_bank_of_weights(4, 5, (2, 3)))
    assert any("W_{23}" in word and "input channel 3" in word for word in words)


def test_the_network_shows_all_shapes():
    words = " ".join(
        _words(filter_drawings.draw_network([(3, 32, 32), (16, 8, 8)], ["picture", "block"], 10))
    )
    assert "3 × 32 × 32" in words and "16 × 8 × 8" in words and "10" in words


def test_an_occlusion_map_lies_where_its_squares_have_their_middles():
    _, ax = plt.subplots()
    filter_drawings.overlay(ax, np.zeros((3, 32, 32)), np.zeros((9, 9)), 8, 3, 1.0)
    left, right, bottom, top = ax.images[1].get_extent()
    # The first square covers pixels 0 to 7: its middle is 3.5, and its cell one stride wide.
    assert ((left + left + 3) / 2, (top + top + 3) / 2) == (3.5, 3.5)
    assert (right - left, bottom - top) == (27, 27)


@pytest.mark.parametrize(
    "draw",
    [
        filter_drawings.draw_before_and_now,
        filter_drawings.draw_training_step,
        lambda: filter_drawings.draw_unravelled((16, 16, 16)),
        lambda: filter_drawings.draw_which_edge(np.eye(3)),
        lambda: filter_drawings.draw_occlusion(np.ones((3, 9, 9)), [(0, 1)], 3, ["whole", "covered"]),
    ],
)
def test_every_other_drawing_has_something_on_it(draw):
    figure = draw()
    assert any(ax.patches or ax.images for ax in figure.axes)
