"""Drawings of layers: they come out alike each time, and what they show is true."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils import flows, holes, plots, stacks, unrolled

IMAGE = np.arange(12).reshape(3, 4)
DRAWINGS = {
    "windows as columns": lambda: unrolled.windows_as_columns(IMAGE, np.eye(2), np.zeros((2, 3))),
    "layer as matrix": lambda: unrolled.layer_as_matrix(np.eye(3, 5), {1.0: "a"}),
    "pixels as columns": unrolled.pixels_as_columns,
    "dilated windows": holes.dilated_windows,
    "dilated beside transposed": holes.dilated_beside_transposed,
    "pixels with holes": holes.pixels_with_holes,
    "unfold and multiply": flows.unfold_and_multiply,
    "layer with memory": flows.layer_with_memory,
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_gives_the_same_bytes_each_time(name):
    pictures = []
    for _ in range(2):
        figure = DRAWINGS[name]()
        pictures.append(plots.to_png(figure))
        plt.close(figure)
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("layers", "size", "chosen", "causal", "words"),
    [
        ([(3, 1, 1)] * 3, 11, 2, False, "7 input pixels"),
        ([(3, 1, 1), (3, 1, 2), (3, 1, 4)], 17, 1, False, "15 input pixels"),
        ([(3, 1, 1), (3, 2, 1), (3, 1, 2)], 16, 0, False, "13 input pixels"),
        ([(2, 1, 1), (2, 1, 2), (2, 1, 4)], 12, 9, True, "8 input pixels"),
        ([(2, 1, 4)], 12, 1, True, "1 input pixel"),
    ],
)
def test_a_stack_counts_the_inputs_that_reach_the_chosen_output(layers, size, chosen, causal, words):
    figure, ax = plt.subplots()
    stacks.draw_stack(ax, layers, size, chosen, causal=causal)
    assert words in [text.get_text() for text in ax.texts]
    plt.close(figure)
