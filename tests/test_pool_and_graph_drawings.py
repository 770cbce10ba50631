"""Drawings of pooling and of computation graphs: they come out alike each time, and what they show is true."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from utils import graph_drawings, plots, pool_drawings

PICTURE = np.array([[1, 3, 2, 0], [4, 2, 6, 6], [0, 1, 3, 2], [5, 2, 1, 3]])
ARRIVES = np.array([[2.0, -1.0], [8.0, 4.0]])
STEP = graph_drawings.Step("conv", "$h_1$", "(N, 2, 4, 4)", "$W_1$")
DRAWINGS: dict[str, Callable[[], Figure]] = {
    "max pooling": lambda: pool_drawings.max_pooling(np.hstack([PICTURE, PICTURE]), 2),
    "ways to shrink": lambda: pool_drawings.ways_to_shrink(PICTURE, 2),
    "way back": lambda: pool_drawings.way_back(PICTURE, ARRIVES, 2),
    "moved row": lambda: pool_drawings.moved_row([0, 0, 8, 3]),
    "chain": lambda: graph_drawings.chain(("$x$", "(N, 1, 4, 4)"), [STEP]),
    "one layer back": graph_drawings.one_layer_back,
    "gates": lambda: graph_drawings.gates(np.array([-3, 2]), np.array([7, -1])),
    "linear shapes": graph_drawings.linear_shapes,
    "convolution back": lambda: graph_drawings.convolution_back(PICTURE, np.eye(2), np.ones((3, 3))),
    "small convnet": graph_drawings.small_convnet,
    "function with context": graph_drawings.function_with_context,
    "training loop": graph_drawings.training_loop,
}


def words(figure: Figure) -> list[str]:
    """All texts of a drawing, in the order in which they were written."""
    found = [text.get_text() for ax in figure.axes for text in ax.texts]
    plt.close(figure)
    return found


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_gives_the_same_bytes_each_time(name: str) -> None:
    pictures = []
    for _ in range(2):
        figure = DRAWINGS[name]()
        pictures.append(plots.to_png(figure))
        plt.close(figure)
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_word_leaves_the_sheet(name: str) -> None:
    figure = DRAWINGS[name]()
    figure.draw_without_rendering()
    sheet = figure.bbox
    for ax in figure.axes:
        for text in ax.texts:
            box = text.get_window_extent()
            inside = box.x0 >= sheet.x0 and box.x1 <= sheet.x1 and box.y0 >= sheet.y0 and box.y1 <= sheet.y1
            assert inside or not text.get_text(), text.get_text()
    plt.close(figure)


def test_a_tie_is_won_by_the_first_place() -> None:
    written = words(pool_drawings.max_pooling(PICTURE, 2))
    output = written[written.index("output 2 × 2") - 4 : written.index("output 2 × 2")]
    places = written[written.index("argmax: where") - 4 : written.index("argmax: where")]
    assert output == ["4", "6", "5", "3"]
    assert places == ["4", "6", "12", "10"]  # 6 stands at places 6 and 7, 3 at places 10 and 15


def test_through_the_maximum_and_the_mean_comes_back_what_arrived() -> None:
    written = words(pool_drawings.way_back(PICTURE, ARRIVES, 2))
    numbers = [text.replace("−", "-") for text in written]
    through_max = numbers[numbers.index("through max: dx") + 1 :][:16]
    through_mean = numbers[numbers.index("through mean: dx") + 1 :][:16]
    assert sum(map(float, through_max)) == sum(map(float, through_mean)) == ARRIVES.sum()
    assert sorted(through_max) == ["-1", *["0"] * 12, "2", "4", "8"]


def test_a_peak_that_stays_in_its_window_changes_nothing() -> None:
    def red(figure: Figure) -> int:
        faces = [patch.get_facecolor()[:3] for ax in figure.axes for patch in ax.patches]
        plt.close(figure)
        return sum(bool(np.allclose(face, plots.tint(plots.GRADIENT, 0.6))) for face in faces)

    assert red(pool_drawings.moved_row([0, 0, 8, 0])) == 1  # only every second pixel loses it
    assert (
        red(pool_drawings.moved_row([0, 0, 0, 8])) == 1
    )  # it leaves the row; every second pixel never saw it


def test_only_positive_inputs_pass_the_gate() -> None:
    written = words(graph_drawings.gates(np.array([-3, 0, 5]), np.array([7, 4, 2])))
    numbers = [text for text in written if text in ("−3", "0", "5", "7", "4", "2")]
    assert numbers == ["−3", "0", "7", "0", "0", "4", "5", "5", "2"]  # input, output, arriving gradient
