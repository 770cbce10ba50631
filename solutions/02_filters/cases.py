"""The cases of notebook 2: what the checks call each exercise with. Instructors only."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.cases import Arrays, Case, Exercise, Quiz, hidden, visible
from utils.views.gpu import RIGHT

FLOAT32 = "float32"
ROUGHLY = 1e-5  # enough for float32, where the answer may be computed in it


def impulse(height: int, width: int, row: int, column: int) -> np.ndarray:
    """A black picture with one bright pixel."""
    picture = np.zeros((height, width))
    picture[row, column] = 1
    return picture


def correlate2d() -> Exercise:
    a = Arrays("correlate2d")
    f = FLOAT32
    return Exercise(
        "correlate2d",
        [
            visible("one bright pixel: the kernel shows itself, turned", impulse(4, 5, 1, 2), a(3, 3)),
            visible("a kernel that is wider than high", a(3, 4), a(1, 3)),
            visible("a kernel that is higher than wide", a(5, 4), a(5, 3)),
            visible("float32 stays float32", a(3, 4, dtype=f), a(3, 1, dtype=f)),
            visible("a kernel without a middle", a(4, 5), a(2, 3)),
            hidden("a wide kernel", a(4, 9), a(3, 5)),
            hidden("a high kernel", a(8, 5), a(7, 3)),
            hidden("a kernel larger than the picture", a(2, 3), a(5, 7)),
            hidden("a kernel much wider than the picture", a(3, 2), a(1, 9)),
            hidden("a kernel of one pixel", a(3, 4), a(1, 1)),
            hidden("a picture of one pixel", a(1, 1), a(3, 5)),
            hidden("a picture of one row", a(1, 6), a(3, 3)),
            hidden(
                "a kernel whose weights sum to zero",
                a(5, 7),
                np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
            ),
            hidden("numbers from zero to one, as a photograph has", (a(4, 6) + 2) / 4, (a(3, 3) + 2) / 4),
            hidden("float32", a(5, 6, dtype=f), a(3, 5, dtype=f)),
            hidden("a picture in float32, a kernel in float64", a(4, 5, dtype=f), a(3, 3)),
            hidden("numbers with all their digits", a.rough(4, 6), a.rough(3, 5)),
            hidden("slices of larger arrays", a.strided(4, 5), a.turned(3, 5)),
            hidden("arrays that lie in memory the other way round", a.turned(5, 4), a.strided(5, 3)),
            hidden("a kernel of even width", a(4, 5), a(3, 4)),
            hidden("a kernel of even height", a(6, 5), a(4, 3)),
            hidden("a kernel that is even both ways", a(5, 6), a(2, 2)),
        ],
    )


def convolve2d() -> Exercise:
    a = Arrays("convolve2d")
    f = FLOAT32
    return Exercise(
        "convolve2d",
        [
            visible("one bright pixel: the kernel shows itself", impulse(4, 5, 1, 2), a(3, 3)),
            visible("a kernel that is wider than high", a(3, 4), a(1, 3)),
            visible("a kernel that is higher than wide", a(5, 4), a(5, 3)),
            visible("float32 stays float32", a(3, 4, dtype=f), a(3, 1, dtype=f)),
            visible("a kernel without a middle", a(4, 5), a(3, 2)),
            hidden("one bright pixel in the corner", impulse(4, 6, 3, 0), a(5, 3)),
            hidden("a wide kernel", a(4, 9), a(3, 5)),
            hidden("a high kernel", a(8, 5), a(7, 3)),
            hidden("a kernel larger than the picture", a(2, 3), a(5, 7)),
            hidden("a kernel of one pixel", a(3, 4), a(1, 1)),
            hidden("a kernel of one row", a(4, 5), a(1, 5)),
            hidden("a kernel of one column", a(5, 3), a(5, 1)),
            hidden("a picture of one row", a(1, 6), a(3, 3)),
            hidden("numbers from zero to one, as a photograph has", (a(4, 6) + 2) / 4, (a(3, 3) + 2) / 4),
            hidden("float32", a(5, 6, dtype=f), a(3, 5, dtype=f)),
            hidden("a picture in float32, a kernel in float64", a(4, 5, dtype=f), a(3, 3)),
            hidden("numbers with all their digits", a.rough(4, 6), a.rough(3, 5)),
            hidden("slices of larger arrays", a.strided(4, 5), a.turned(3, 5)),
            hidden("arrays that lie in memory the other way round", a.turned(5, 4), a.strided(5, 3)),
            hidden("a kernel of even width", a(4, 5), a(3, 4)),
            hidden("a kernel of even height", a(6, 5), a(2, 3)),
        ],
    )


def image_gradients() -> Exercise:
    a = Arrays("image_gradients")
    edge = np.zeros((4, 6))
    edge[:, 3:] = 1

    def half(angle: float) -> np.ndarray:
        """A picture that is dark on one side and bright on the side that lies in a direction."""
        rows, columns = np.mgrid[-3:4, -4:5]
        across = np.cos(np.radians(angle)) * columns + np.sin(np.radians(angle)) * rows
        return np.clip(across / 2 + 0.5, 0, 1)

    cases = [
        visible("brighter to the right", edge),
        visible("brighter downwards", edge[:, ::-1].T.copy()[:, :3]),
        visible("a small picture", a(3, 4)),
        visible("float32 stays float32", a(4, 3, dtype=FLOAT32)),
        hidden("an edge that looks to the right", half(0)),
        hidden("an edge that looks to the lower right", half(45)),
        hidden("an edge that looks downwards", half(90)),
        hidden("an edge that looks to the lower left", half(135)),
        hidden("an edge that looks to the left", half(180)),
        hidden("an edge that looks to the upper left", half(225)),
        hidden("an edge that looks upwards", half(270)),
        hidden("an edge that looks to the upper right", half(315)),
        hidden("an edge that looks in no simple direction", half(200)),
        hidden("a wide picture", a(3, 8)),
        hidden("a high picture", a(7, 3)),
        hidden("a picture of one pixel", a(1, 1)),
        hidden("a picture of one column", a(5, 1)),
        hidden("a flat picture: the border alone", np.full((4, 5), 0.5)),
        hidden("a black picture", np.zeros((3, 4))),
        hidden("float32", a(5, 6, dtype=FLOAT32)),
        hidden("numbers with all their digits", a.rough(5, 4)),
        hidden("a slice of a larger array", a.strided(4, 5)),
        hidden("an array that lies in memory the other way round", a.turned(5, 4)),
    ]
    return Exercise("image_gradients", [case.seen_as("filters.slopes") for case in cases])


def gaussian_kernel() -> Exercise:
    return Exercise(
        "gaussian_kernel",
        [
            visible("a small bell", 3, 1.0),
            visible("a narrow bell", 5, 0.6),
            visible("a wide bell", 7, 2.0),
            visible("a kernel without a middle", 4, 1.0),
            visible("a bell of no width", 3, 0.0),
            hidden("a wide kernel", 9, 1.5),
            hidden("a bell much wider than its kernel", 5, 20.0),
            hidden("a bell much narrower than a pixel", 3, 0.25),
            hidden("a width that is a whole number", 7, 3),
            hidden("a kernel of one weight", 1, 0.8),
            hidden("a large kernel", 15, 2.5),
            hidden("an even size", 2, 0.8),
            hidden("a size of zero", 0, 1.0),
            hidden("a negative size", -3, 1.0),
            hidden("a negative width", 5, -1.0),
            hidden("a width of zero for a kernel of one weight", 1, 0),
        ],
    )


def separate() -> Exercise:
    a = Arrays("separate")
    f = FLOAT32
    sobel = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    bell = np.outer(column := np.exp(-((np.arange(5) - 2.0) ** 2) / 3), column[1:4])
    rough = np.outer(a.rough(5), a.rough(3))
    nearly = rough.copy()
    nearly[3, 1] *= 1.002
    edges = np.outer([0, 0, 1.5, -2, 1], [0, -1, 0, 3, 0, 0, 2.0])
    cases = [
        visible("a Sobel kernel", sobel),
        visible("a bell", bell),
        visible("weights that sum to zero", np.outer([1.0, 2, 1], [1.0, -2, 1])),
        visible("a kernel that is wider than high", np.outer(a(1), a(5))),
        visible("a plus: no column and row make it", np.array([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])),
        hidden("a column times a row, with negative numbers", np.outer(a(3), a(5))),
        hidden("numbers with all their digits", rough),
        hidden("more columns than rows", np.outer(a.rough(3), a.rough(7))),
        hidden("zeros in the first row and column", edges),
        hidden("zeros in the row and column in the middle", np.outer([2.0, -1, 0, 1, 0.5], [1.0, 0, 3])),
        hidden("all weights negative", -(np.outer(a(3), a(3)) ** 2)),
        hidden("one row", a(1, 5)),
        hidden("one column", a(7, 1)),
        hidden("a single weight", a(1, 1)),
        hidden("a single negative weight", np.array([[-0.75]])),
        hidden("nothing but zeros", np.zeros((3, 5))),
        hidden("very faint", np.outer(a.rough(3), a.rough(5)) * 1e-12),
        hidden("very strong", np.outer(a.rough(5), a.rough(3)) * 1e9),
        hidden("a slice of a larger array", np.repeat(np.outer(a(3), a(5)), 2, axis=1)[:, ::2]),
        hidden("an array that lies in memory the other way round", np.asfortranarray(np.outer(a(5), a(3)))),
        hidden("any numbers", a(3, 5)),
        hidden("any numbers, higher than wide", a(5, 3)),
        hidden("any numbers in two rows", a(2, 5)),
        hidden("two columns that can be separated", np.outer(a(4), a(2))),
        hidden("nearly a column times a row", nearly),
        hidden("one weight stands alone", sobel + impulse(3, 3, 1, 1)),
        hidden("the sum of two that can be separated", np.outer(a(5), a(3)) + np.outer(a(5), a(3))),
        hidden("a diagonal", np.eye(3)),
        hidden("very faint, but not separable", a(3, 5) * 1e-12),
        hidden("two equal rows, and another one", np.array([[1.0, 2, 3], [1, 2, 3], [2, 1, 0]])),
        hidden("rows that have the same sum", np.array([[1.0, 2, 3], [3, 2, 1], [2, 2, 2]])),
    ]
    single = [
        hidden("float32", np.outer(a(5, dtype=f), a(7, dtype=f)).astype(f)),
        hidden("a bell in float32", bell.astype(f)),
        hidden("not separable, in float32", a(5, 3, dtype=f)),
    ]
    cases += [case.within(ROUGHLY) for case in single]
    return Exercise("separate", [case.seen_as("filters.outer_product") for case in cases])


def filter_separable() -> Exercise:
    a = Arrays("filter_separable")
    f = FLOAT32

    def work(make: Callable[..., Case], label: str, few: int, many: int) -> Case:
        """How much more is done where column and row are longer."""
        calls = [(a(2, 3), a(count), a(count)) for count in (few, many)]
        words = f"filter_separable with {few} and with {many} weights in column and row"
        return make(label, *calls).through("filters.work", words).seen_as("filters.growth")

    return Exercise(
        "filter_separable",
        [
            visible("one bright pixel: the kernel shows itself, turned", impulse(4, 5, 2, 2), a(3), a(3)),
            visible("a column longer than the row", a(4, 5), a(5), a(3)),
            visible("a row longer than the column", a(3, 4), a(1), a(3)),
            visible("a column and a row with two axes", a(3, 5), a(3, 1), a(1, 5)),
            visible("float32 stays float32", a(3, 4, dtype=f), a(3, dtype=f), a(1, dtype=f)),
            work(visible, "the work grows with rows plus columns of the kernel", 5, 61),
            visible("a column without a middle", a(4, 5), a(2), a(3)),
            hidden("a wide picture", a(3, 8), a(3), a(5)),
            hidden("a high picture", a(8, 3), a(7), a(3)),
            hidden("a column longer than the picture is high", a(2, 5), a(7), a(3)),
            hidden("a row longer than the picture is wide", a(4, 3), a(1), a(9)),
            hidden("a picture of one row", a(1, 6), a(3), a(3)),
            hidden("one weight each", a(3, 4), a(1), a(1)),
            hidden("a column with two axes, a row with one", a(4, 5), a(5, 1), a(3)),
            hidden("a row with two axes, a column with one", a(4, 5), a(3), a(1, 5)),
            hidden("one weight each, with two axes", a(3, 4), a(1, 1), a(1, 1)),
            hidden("weights that sum to zero", a(4, 5), np.array([1.0, 2, 1]), np.array([-1.0, 0, 1])),
            hidden("float32", a(5, 6, dtype=f), a(3, dtype=f), a(5, dtype=f)),
            hidden("a picture in float32, weights in float64", a(4, 5, dtype=f), a(3), a(5)),
            hidden("numbers with all their digits", a.rough(4, 6), a.rough(3), a.rough(5)),
            hidden("slices of larger arrays", a.strided(4, 5), a.strided(3), a.strided(5)),
            hidden("an array that lies in memory the other way round", a.turned(5, 4), a(5), a.strided(1, 3)),
            hidden("a row without a middle", a(4, 5), a(3), a(4)),
            hidden("a column of even length, with two axes", a(4, 5), a(4, 1), a(1, 3)),
            work(hidden, "the work for a large kernel", 7, 101),
        ],
    )


def oriented_filters() -> Exercise:
    def bank(make: Callable[..., Case], label: str, *arguments: Any) -> Case:
        """What every such bank has in common."""
        return make(label, *arguments).seen_as("filters.edge_bank").within(0.02)

    def weights(make: Callable[..., Case], label: str, *arguments: Any) -> Case:
        """The weights themselves, up to how the slope of a bell is found within a pixel."""
        return make(label, *arguments).seen_as("doubles").within(0.15)

    return Exercise(
        "oriented_filters",
        [
            bank(visible, "right, and down", 2, 5, 1.0),
            bank(visible, "four directions", 4, 7, 1.2),
            bank(visible, "an odd number of filters", 3, 9, 1.5),
            weights(visible, "the weights of four filters", 4, 7, 1.5),
            visible("no filter at all", 0, 5, 1.0),
            bank(hidden, "a single filter", 1, 5, 0.9),
            bank(hidden, "many directions", 12, 11, 1.8),
            bank(hidden, "five directions", 5, 9, 1.4),
            bank(hidden, "the smallest filters", 6, 3, 0.7),
            bank(hidden, "a narrow bell in a large filter", 4, 15, 1.0),
            bank(hidden, "a bell that is wider than the filter", 8, 5, 4.0),
            bank(hidden, "a width that is a whole number", 8, 13, 2),
            weights(hidden, "the weights of narrow filters", 3, 9, 0.75),
            weights(hidden, "the weights of wide filters", 6, 11, 3.0),
            weights(hidden, "the weights of filters wider than their size", 4, 5, 6.0),
            hidden("a negative number of filters", -2, 5, 1.0),
            hidden("an even size", 4, 6, 1.0),
            hidden("an even size below the smallest", 4, 2, 1.0),
            hidden("a size of one", 4, 1, 1.0),
            hidden("a negative size", 4, -3, 1.0),
            hidden("a bell of no width", 4, 5, 0.0),
            hidden("a negative width", 4, 5, -1.0),
        ],
    )


def filter_loss() -> Exercise:
    a = Arrays("filter_loss")
    f = FLOAT32

    def single(make: Callable[..., Case], label: str, *shapes: tuple[int, int]) -> Case:
        """A case in float32, where the mean depends on the order of summation."""
        return make(label, *(a(*shape, dtype=f) for shape in shapes)).within(ROUGHLY)

    picture = np.array([[0.0, 1, 0], [2, 0, 1]])
    flat = np.zeros((3, 3))
    flat[1, 1] = 1
    return Exercise(
        "filter_loss",
        [
            visible("a filter of one weight, by hand", picture, picture * 3, np.array([[1.0]])),
            visible("a filter of zeros", a(3, 4), a(3, 4), np.zeros((3, 3))),
            visible("a filter that is wider than high", a(4, 5), a(4, 5), a(1, 3)),
            visible("a filter that is higher than wide", a(5, 4), a(5, 4), a(5, 3)),
            single(visible, "float32", (3, 4), (3, 4), (3, 1)),
            visible("a filter without a middle", a(4, 5), a(4, 5), a(3, 2)),
            hidden("x in float32, target and filter in float64", a(3, 4, dtype=f), a(3, 4), a(3, 3)).within(
                ROUGHLY
            ),
            hidden("a filter of even height", a(4, 5), a(4, 5), a(2, 3)),
            hidden("a filter that is even both ways", a(5, 6), a(5, 6), a(4, 4)),
            hidden("a filter that is right already", twice := a(4, 6), twice, flat),
            hidden("a filter far from right", a(4, 6), a(4, 6) * 8, a(3, 5)),
            hidden("a wide picture", a(3, 8), a(3, 8), a(3, 3)),
            hidden("a high picture", a(8, 3), a(8, 3), a(7, 3)),
            hidden("a filter larger than the picture", a(2, 3), a(2, 3), a(5, 7)),
            hidden("a picture of one row", a(1, 6), a(1, 6), a(3, 3)),
            hidden("one bright pixel in the corner", impulse(4, 5, 3, 0), a(4, 5), a(3, 3)),
            hidden("a target with its bright pixel at the border", a(4, 5), impulse(4, 5, 0, 2), a(3, 5)),
            single(hidden, "a wide filter in float32", (4, 5), (4, 5), (3, 5)),
            single(hidden, "a high filter in float32", (6, 4), (6, 4), (5, 1)),
            hidden("numbers with all their digits", a.rough(4, 6), a.rough(4, 6), a.rough(3, 5)),
            hidden("slices of larger arrays", a.strided(4, 5), a.turned(4, 5), a.strided(5, 3)),
            hidden(
                "arrays that lie in memory the other way round",
                a.turned(5, 4),
                a.strided(5, 4),
                a.turned(3, 3),
            ),
        ],
    )


def learn_filter() -> Exercise:
    a = Arrays("learn_filter")
    f = FLOAT32

    def taught(make: Callable[..., Case], label: str, size: int, steps: int, lr: float, *shape: int) -> Case:
        """The target is the answer of a filter without symmetry, which is thus there to be found."""
        x, weight = a(*shape), a(size, size)
        padded = np.pad(x, size // 2)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
        return make(label, x, np.einsum("hwij,ij->hw", windows, weight), size, steps, lr)

    return Exercise(
        "learn_filter",
        [
            visible("one step of a filter with one weight", a(2, 3), a(2, 3), 1, 1, 0.5),
            visible("no step: the start", a(3, 4), a(3, 4), 3, 0, 0.1),
            visible("two steps", a(3, 4), a(3, 4), 3, 2, 0.1),
            taught(visible, "many steps: a filter is found again", 3, 150, 0.2, 5, 7),
            visible("float32", a(4, 3, dtype=f), a(4, 3, dtype=f), 3, 3, 0.1).within(ROUGHLY),
            visible("a filter without a middle", a(4, 5), a(4, 5), 2, 1, 0.1),
            hidden("an even size", a(4, 5), a(4, 5), 4, 3, 0.1),
            hidden("one step", a(4, 5), a(4, 5), 3, 1, 0.1),
            hidden("a large filter", a(6, 7), a(6, 7), 5, 4, 0.05),
            hidden("a filter larger than the picture", a(2, 3), a(2, 3), 5, 3, 0.1),
            hidden("a small step", a(4, 6), a(4, 6), 3, 5, 0.001),
            hidden("a large step", a(4, 6), a(4, 6), 3, 3, 0.5),
            hidden("a learning rate of zero", a(3, 5), a(3, 5), 3, 4, 0.0),
            taught(hidden, "many steps", 3, 150, 0.25, 7, 6),
            taught(hidden, "many steps for one weight", 1, 40, 0.3, 4, 3),
            hidden("a wide filter in float32", a(5, 6, dtype=f), a(5, 6, dtype=f), 5, 3, 0.1).within(ROUGHLY),
            hidden("x in float32, the target in float64", a(3, 5, dtype=f), a(3, 5), 3, 3, 0.1).within(
                ROUGHLY
            ),
            hidden("numbers with all their digits", a.rough(4, 6), a.rough(4, 6), 3, 4, 0.1),
            hidden("slices of larger arrays", a.strided(4, 5), a.turned(4, 5), 3, 3, 0.1),
        ],
    )


def filters_to_grid() -> Exercise:
    a = Arrays("filters_to_grid")

    def loud(*shape: int, **options: str) -> np.ndarray:
        """Filters that differ in size and in sign, so that each needs a stretch of its own."""
        weight = a(*shape, **options)
        for number, one in enumerate(weight):
            one *= 2 ** (number % 4)
            one += number % 3 - 1
        return weight

    equal = loud(3, 1, 3, 2)
    equal[1] = -0.25
    alike = loud(4, 3, 2, 3)
    alike[2] = 0
    cases = [
        visible("one filter", a(1, 1, 2, 3)),
        visible("four filters that differ in size and sign", loud(4, 1, 2, 3)),
        visible("two coloured filters", loud(2, 3, 3, 2)),
        visible("one filter has equal weights", equal),
        visible("float32", loud(3, 1, 2, 2, dtype=FLOAT32)),
        hidden("an unfinished row", loud(7, 1, 3, 2)),
        hidden("many filters", loud(12, 1, 2, 4)),
        hidden("a prime number of filters", loud(11, 1, 4, 3)),
        hidden("filters that are high and narrow", loud(5, 1, 6, 2)),
        hidden("filters of one row", loud(6, 1, 1, 4)),
        hidden("filters of one weight", a(5, 1, 1, 1)),
        hidden("coloured filters, an unfinished row", loud(5, 3, 2, 4)),
        hidden("as many coloured filters as colours", loud(3, 3, 3, 3)),
        hidden("one coloured filter of three rows and columns", loud(1, 3, 3, 3)),
        hidden("all weights negative", -np.abs(loud(4, 1, 3, 2))),
        hidden("weights between zero and one", (a(4, 1, 3, 2) + 2) / 4),
        hidden("faint filters", loud(4, 1, 2, 3) * 1e-9),
        hidden("a coloured filter of equal weights", alike),
        hidden("nothing but zeros", np.zeros((2, 1, 2, 3))),
        hidden("coloured filters in float32", loud(6, 3, 2, 3, dtype=FLOAT32)),
        hidden("numbers with all their digits", a.rough(5, 1, 3, 4)),
        hidden("a slice of a larger array", a.strided(4, 3, 2, 3)),
        hidden("an array that lies in memory the other way round", a.turned(5, 1, 3, 2)),
    ]
    seen = [case.seen_as("filters.filter_tiles").within(ROUGHLY) for case in cases]
    refused = [
        visible("two channels are no picture", a(3, 2, 2, 3)),
        hidden("four channels", a(3, 4, 2, 3)),
        hidden("no channel", np.zeros((2, 0, 2, 3))),
        hidden("as many channels as rows and filters", a(5, 5, 5, 2)),
    ]
    return Exercise("filters_to_grid", seen[:5] + refused[:1] + seen[5:] + refused[1:])


STEPS = 200
FOUND = 0.02  # the largest error of a filter found again, relative to its largest weight


def learn_filter_bank() -> Exercise:
    a = Arrays("learn_filter_bank")

    def taught(
        make: Callable[..., Case],
        label: str,
        bank: tuple[int, ...],
        size: tuple[int, int],
        dtype: str = FLOAT32,
        named: bool = True,
    ) -> Case:
        """Pictures of unit variance, and what a bank of filters answers to them; the bank is to be found."""
        _, channels, k, _ = bank
        x = (a.rough(2, channels, *size) * 0.75**0.5).astype(dtype)  # even numbers from -2 to 2
        weight = a(*bank, dtype=dtype) / 4
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(x, ((0, 0), (0, 0), (k // 2,) * 2, (k // 2,) * 2)), (k, k), axis=(2, 3)
        )
        targets = np.ascontiguousarray(np.einsum("nchwij,kcij->nkhw", windows, weight))
        where = "device" if named else "no device named"
        call = f"learn_filter_bank(x {x.shape}, targets {targets.shape}, {k}, {STEPS}, {where})"
        answer = {"filters": torch.from_numpy(weight), "graph": "none", "device": "the one asked for"}
        case = make(label, x, targets, k, STEPS, named=named).tensors().through("filters.learned_bank", call)
        return case.expecting(answer).within(FOUND)

    def place(make: Callable[..., Case], label: str, x: np.ndarray, targets: np.ndarray) -> Case:
        """Pictures on the CPU, and another device."""
        call = (
            f"learn_filter_bank(x {x.shape}, targets {targets.shape}, 3, 2, a GPU), x and targets on the CPU"
        )
        case = make(label, x, targets, 3, 2).tensors().through("filters.learned_on_gpu", call)
        return case.seen_as("gpu.tried").expecting(dict(RIGHT))

    return Exercise(
        "learn_filter_bank",
        [
            taught(visible, "one filter, one channel", (1, 1, 3, 3), (8, 9)),
            taught(visible, "three filters, two channels", (3, 2, 3, 3), (9, 10)),
            place(visible, "pictures that are not yet on the device", a(1, 2, 4, 5), a(1, 3, 4, 5)),
            taught(hidden, "more channels than filters", (2, 3, 3, 3), (11, 9)),
            taught(hidden, "filters of one pixel, no device named", (4, 2, 1, 1), (5, 7), named=False),
            taught(hidden, "large filters, float64", (2, 1, 5, 5), (12, 10), "float64"),
            place(hidden, "several pictures, not yet on the device", a(2, 2, 5, 4), a(2, 3, 5, 4)),
        ],
    )


def record_activations() -> Exercise:
    a = Arrays("record_activations")

    def look(
        make: Callable[..., Case], label: str, model: str, mode: str = "evaluating", dtype: str = "float64"
    ) -> Case:
        call = f"record_activations(a model ({model}; {mode}), x)"
        case = make(label, model, mode, a(2, 2, 5, 6, dtype=dtype))
        return case.tensors().through("filters.activations", call)

    training, frozen = "training", "partly frozen"
    return Exercise(
        "record_activations",
        [
            look(visible, "a chain of layers", "a chain of layers"),
            look(visible, "modules inside modules", "blocks of layers"),
            look(visible, "layers that work in place", "layers that work in place"),
            look(visible, "dropout, the model in training mode", "dropout", training),
            look(visible, "float32", "a chain of layers", dtype=FLOAT32),
            look(visible, "a model on a device", "a chain of layers").on_gpu(answers=False),
            look(hidden, "a model that is a single layer", "one layer"),
            look(hidden, "a layer that runs twice, another that never runs", "a layer that runs twice"),
            look(hidden, "normalisation, the model in training mode", "normalisation", training),
            look(hidden, "a model whose normalisations are frozen", "blocks of layers", frozen),
            look(hidden, "blocks in training mode", "blocks of layers", training),
            look(hidden, "a layer on which somebody else has put a hook", "a layer with a hook", training),
            look(hidden, "blocks on a device, in training mode", "blocks of layers", training).on_gpu(
                answers=False
            ),
            look(hidden, "a model that raises an error", "an error"),
            look(hidden, "a model that raises an error, in training mode", "an error", training),
            look(hidden, "a frozen model that raises an error", "an error", frozen),
        ],
    )


def occlusion_map() -> Exercise:
    a = Arrays("occlusion_map")
    f = FLOAT32

    def cover(
        make: Callable[..., Case], label: str, image: np.ndarray, *arguments: Any, **options: Any
    ) -> Case:
        words = [f"a picture of shape {image.shape}", *map(str, arguments)]
        words += [f"{name}={value}" for name, value in options.items()]
        weight = a(*image.shape, dtype=str(image.dtype))
        case = make(label, weight, image, *arguments, **options)
        case = case.through("filters.occlusion", f"occlusion_map(predict, {', '.join(words)})")
        return case.within(ROUGHLY) if image.dtype == f else case

    return Exercise(
        "occlusion_map",
        [
            cover(visible, "a square of one pixel", a(1, 3, 4), 1),
            cover(visible, "a square of two pixels, several channels", a(3, 4, 5), 2),
            cover(visible, "a stride", a(2, 5, 7), 3, 2),
            cover(visible, "another fill", a(2, 3, 5), 2, 1, 0.5),
            cover(visible, "a square that does not fit", a(2, 3, 5), 4),
            cover(hidden, "a stride that does not divide", a(3, 6, 9), 3, 2, 0.25),
            cover(hidden, "a stride larger than the square", a(2, 7, 8), 2, 3),
            cover(hidden, "a stride larger than the picture", a(2, 4, 5), 3, 9),
            cover(hidden, "a square as high as the picture", a(2, 3, 6), 3),
            cover(hidden, "a square as wide as the picture", a(2, 6, 3), 3, 2),
            cover(hidden, "a square as large as the picture", a(2, 3, 3), 3, fill=-1.0),
            cover(hidden, "a high picture", a(1, 8, 4), 2, 2, -0.5),
            cover(hidden, "fill by name", a(2, 4, 5), 2, fill=1.0),
            cover(hidden, "stride and fill by name", a(2, 5, 6), 2, fill=-2.0, stride=3),
            cover(hidden, "a fill that is a whole number", a(3, 4, 6), 2, 2, 1),
            cover(hidden, "float32", a(3, 5, 6, dtype=f), 2, 2, 0.5),
            cover(hidden, "numbers with all their digits", a.rough(2, 5, 4), 2, 1, 1 / 3),
            cover(hidden, "a slice of a larger array", a.strided(2, 4, 5), 2),
            cover(hidden, "an array that lies in memory the other way round", a.turned(2, 5, 4), 3),
            cover(hidden, "a square that is too high", a(2, 3, 6), 5),
            cover(hidden, "a square that is too wide", a(2, 6, 3), 4, 2),
            cover(hidden, "a square of no pixel", a(2, 4, 5), 0),
            cover(hidden, "a negative square", a(2, 4, 5), -1),
            cover(hidden, "a stride of zero", a(2, 4, 5), 2, 0),
            cover(hidden, "a negative stride", a(2, 4, 5), 2, -1),
        ],
    )


def occlusion_map_batched() -> Exercise:
    a = Arrays("occlusion_map_batched")

    def cover(
        make: Callable[..., Case],
        label: str,
        model: str,
        mode: str,
        image: np.ndarray,
        *arguments: Any,
        **options: Any,
    ) -> Case:
        words = [f"a model ({model}; {mode})", f"a picture of shape {image.shape}", *map(str, arguments)]
        words += [f"{name}={value}" for name, value in options.items()]
        case = make(label, model, mode, image, *arguments, **options).tensors()
        case = case.through("filters.occlusion_batched", f"occlusion_map_batched({', '.join(words)})")
        return case.seen_as("filters.covered")

    chain, blocks = "a chain of layers", "blocks of layers"
    evaluating, training, frozen = "evaluating", "training", "partly frozen"
    f = FLOAT32
    refused = {
        "a square that is too high": (a(2, 3, 6), 0, 5),
        "a square that is too wide": (a(2, 6, 3), 1, 4, 2),
        "a square of no pixel": (a(2, 4, 5), 1, 0),
        "a negative square": (a(2, 4, 5), 1, -1),
        "a stride of zero": (a(2, 4, 5), 1, 2, 0),
        "a negative stride": (a(2, 4, 5), 1, 2, -1),
    }
    return Exercise(
        "occlusion_map_batched",
        [
            cover(visible, "one batch", chain, evaluating, a(2, 3, 4), 1, 2),
            cover(visible, "batches of five, and a rest", chain, evaluating, a(3, 5, 6), 2, 2, 1, 0.5, 5),
            cover(visible, "a stride", blocks, evaluating, a(2, 6, 9), 0, 3, 2),
            cover(visible, "a model in training mode", "dropout", training, a(2, 4, 5), 3, 2),
            cover(visible, "float32", chain, evaluating, a(2, 4, 5, dtype=f), 1, 2, 2).within(ROUGHLY * 10),
            cover(visible, "a model on a device", chain, evaluating, a(2, 4, 5), 1, 2, 1, 0.5, 5).on_gpu(),
            cover(visible, "a square that does not fit", chain, evaluating, a(2, 3, 5), 1, 4),
            cover(
                hidden, "blocks on a device, with a stride", blocks, training, a(2, 5, 6), 2, 2, 2
            ).on_gpu(),
            cover(hidden, "a square of one pixel", chain, evaluating, a(2, 3, 4), 2, 1, 1, 0.5, 5),
            cover(hidden, "a low picture, the last class", chain, evaluating, a(3, 2, 6), 3, 1, 2),
            cover(hidden, "one picture at a time", chain, evaluating, a(2, 4, 5), 0, 2, 1, 0.0, 1),
            cover(hidden, "two pictures at a time", chain, evaluating, a(1, 4, 6), 2, 3, 1, -0.5, 2),
            cover(hidden, "batches that divide the places", chain, evaluating, a(2, 4, 5), 2, 2, 1, 1.0, 4),
            cover(hidden, "as many places as a batch", chain, evaluating, a(2, 3, 4), 1, 2, batch_size=6),
            cover(hidden, "more places than one batch", chain, evaluating, a(2, 10, 9), 3, 2),
            cover(hidden, "a stride that does not divide", blocks, evaluating, a(2, 6, 8), 2, 3, 2, 0.25, 4),
            cover(hidden, "a stride larger than the square", chain, evaluating, a(2, 8, 7), 0, 2, 3),
            cover(hidden, "a square as large as the picture", chain, evaluating, a(2, 3, 3), 1, 3, fill=2.0),
            cover(
                hidden,
                "stride, fill and batch by name",
                chain,
                evaluating,
                a(2, 7, 5),
                1,
                2,
                fill=-1.0,
                batch_size=3,
                stride=2,
            ),
            cover(
                hidden,
                "normalisation in training mode",
                "normalisation",
                training,
                a(2, 5, 4),
                2,
                2,
                1,
                0.5,
                4,
            ),
            cover(hidden, "blocks in training mode", blocks, training, a(2, 5, 6), 1, 2, 2),
            cover(
                hidden, "a model whose normalisations are frozen", blocks, frozen, a(2, 5, 6), 1, 3, 1, 0.5, 7
            ),
            cover(hidden, "a model that raises an error", "an error", training, a(2, 4, 5), 1, 2),
            cover(
                hidden,
                "a model that raises an error later",
                "an error later",
                frozen,
                a(2, 5, 6),
                1,
                2,
                1,
                0.0,
                4,
            ),
            cover(
                hidden,
                "numbers with all their digits",
                chain,
                evaluating,
                a.rough(2, 5, 4),
                0,
                2,
                1,
                1 / 3,
                5,
            ),
            cover(
                hidden, "a slice of a larger tensor", chain, evaluating, a.strided(2, 4, 5), 3, 2, 1, 0.5, 3
            ),
            cover(
                hidden,
                "a tensor that lies in memory the other way round",
                chain,
                evaluating,
                a.turned(2, 5, 4),
                1,
                2,
            ),
            *(cover(hidden, label, chain, evaluating, *arguments) for label, arguments in refused.items()),
        ],
    )


def linear_probe() -> Exercise:
    a = Arrays("linear_probe")

    def cloud(count: int, *shape: int, spread: float = 0.125) -> np.ndarray:
        """Points around zero, no two alike."""
        return a.rough(count, *shape) * spread

    def around(centres: list[list[float]], counts: list[int], spread: float = 0.125) -> np.ndarray:
        """Clouds of points around centres, one cloud after the other, in a shuffled order of their own."""
        return np.concatenate(
            [np.array(c) + cloud(n, len(c), spread=spread) for c, n in zip(centres, counts, strict=True)]
        )

    def labels(names: list[int], counts: list[int]) -> np.ndarray:
        return np.repeat(names, counts)

    far = [[51.0, 80.0], [53.0, 80.0]]
    triangle = [[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]]
    corners = [[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]]
    volumes, held_out = cloud(24, 3, 2, 2), cloud(12, 3, 2, 2)
    for values in (volumes, held_out):  # one class is brighter at one place, and darker at another
        values[::2, 1, 0, 1] += 1.5
        values[::2, 1, 1, 0] -= 1.5
    many, few = cloud(8, 40), cloud(7, 40)
    many[4:, ::2] += 3.0
    few[3:, ::2] += 3.0
    lopsided = cloud(10, 40)
    lopsided[:2, ::2] += 3.0

    def leaning(count: int) -> np.ndarray:
        """Two features whose difference tells the classes apart; the classes take turns."""
        features = cloud(count, 2) + 1.5 * a.rough(count)[:, None]
        features[::2, 0] += 2.0
        return features

    sizes = np.array([1.0, 1000.0, 30.0])
    scaled = [[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]
    cases = [
        visible(
            "two clouds",
            around([[-1.0, 0.5], [1.0, 0.0]], [8, 8]),
            labels([0, 1], [8, 8]),
            around([[-1.0, 0.5], [1.0, 0.0]], [4, 3]),
            labels([0, 1], [4, 3]),
        ),
        visible(
            "three clouds, and a quarter of the test labels are others",
            around(triangle, [7, 7, 7]),
            labels([0, 1, 2], [7, 7, 7]),
            around(triangle, [4, 4, 4]),
            np.array([0, 0, 0, 1, 1, 1, 2, 1, 2, 2, 0, 2]),
        ),
        visible(
            "features far from zero",
            around(far, [9, 6]),
            labels([0, 1], [9, 6]),
            around(far, [3, 5]),
            labels([0, 1], [3, 5]),
        ),
        visible("volumes", volumes, np.arange(24) % 2, held_out, np.arange(12) % 2),
        hidden(
            "volumes in float32, classes in two parts of the set",
            np.concatenate([volumes[1::2], volumes[::2]]).astype(FLOAT32),
            labels([4, 1], [12, 12]),
            held_out.astype(FLOAT32),
            np.array([1, 4, 4, 4, 1, 4, 4, 4, 1, 4, 1, 1]),
        ),
        hidden(
            "test images that look like the other class",
            around([[-1.0, 0.5], [1.0, 0.0]], [8, 8]),
            labels([0, 1], [8, 8]),
            around([[-1.0, 0.5], [1.0, 0.0]], [6, 4]),
            labels([1, 0], [6, 4]),
        ),
        hidden(
            "four clouds",
            around(corners, [6, 6, 6, 6]),
            labels([0, 1, 2, 3], [6, 6, 6, 6]),
            around(corners, [2, 3, 4, 1]),
            np.array([0, 1, 1, 1, 3, 2, 2, 2, 0, 3]),
        ),
        hidden(
            "labels that do not start at zero",
            around(triangle, [7, 6, 5]),
            labels([7, 3, 12], [7, 6, 5]),
            around(triangle, [3, 3, 4]),
            np.array([7, 7, 3, 3, 3, 3, 12, 12, 7, 12]),
        ),
        hidden(
            "negative labels, as support vector machines like them",
            around(far, [6, 6]),
            labels([1, -1], [6, 6]),
            around(far, [5, 4]),
            np.array([1, 1, 1, 1, -1, -1, -1, -1, -1]),
        ),
        hidden(
            "a class that the training set does not know",
            around(triangle, [7, 7, 0]),
            labels([0, 2], [7, 7]),
            around(triangle, [3, 4, 1]),
            labels([0, 2, 1], [3, 4, 1]),
        ),
        hidden(
            "classes of different sizes",
            around([[-1.0, 0.0], [1.5, 0.5]], [20, 4]),
            labels([0, 1], [20, 4]),
            around([[-1.0, 0.0], [1.5, 0.5]], [2, 6]),
            labels([0, 1], [2, 6]),
        ),
        hidden(
            "a class that the test set lacks",
            around(triangle, [7, 7, 7]),
            labels([0, 1, 2], [7, 7, 7]),
            around(triangle, [2, 3, 6]),
            np.array([0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1]),
        ),
        hidden(
            "features that lean on each other",
            leaning(24),
            np.arange(24) % 2,
            leaning(12),
            np.arange(12) % 2,
        ),
        hidden(
            "more features than images, which lean on each other",
            np.repeat(leaning(10), 8, axis=1),
            np.arange(10) % 2,
            np.repeat(leaning(12), 8, axis=1),
            np.arange(12) % 2,
            1e-4,
        ),
        hidden(
            "features of different sizes that lean on each other",
            leaning(24) * np.array([10.0, 1.0]),
            np.arange(24) % 2,
            leaning(12) * np.array([10.0, 1.0]),
            np.arange(12) % 2,
            1e-4,
        ),
        hidden("more features than images", many, np.arange(8) // 4, few, np.array([0, 0, 0, 1, 1, 1, 0])),
        hidden("more features than images, a penalty", many, np.arange(8) // 4, few, np.arange(7) // 3, 30.0),
        hidden(
            "more features than images, a penalty so strong that the intercept alone decides",
            lopsided,
            labels([1, 0], [2, 8]),
            few,
            np.arange(7) // 3,
            1e4,
        ),
        hidden(
            "a penalty that shrinks the weights, but not to zero",
            around([[-1.0, 0.5], [1.0, 0.0]], [8, 8]),
            labels([0, 1], [8, 8]),
            around([[-1.0, 0.5], [1.0, 0.0]], [4, 6]),
            labels([0, 1], [4, 6]),
            3.0,
        ),
        hidden(
            "features of different sizes",
            around(scaled, [9, 9], spread=0.25) * sizes,
            labels([0, 1], [9, 9]),
            around(scaled, [4, 4], spread=0.25) * sizes,
            np.array([0, 0, 0, 1, 1, 1, 1, 1]),
        ),
        hidden(
            "a feature that never changes",
            np.pad(around(triangle, [7, 7, 7]), ((0, 0), (1, 0)), constant_values=3.0),
            labels([0, 1, 2], [7, 7, 7]),
            np.pad(around(triangle, [2, 4, 2]), ((0, 0), (1, 0)), constant_values=3.0),
            np.array([0, 1, 1, 1, 1, 1, 2, 2]),
        ),
        hidden(
            "two features that are the same, and no penalty",
            around(triangle, [7, 7, 7])[:, [0, 1, 0]],
            labels([0, 1, 2], [7, 7, 7]),
            around(triangle, [3, 3, 2])[:, [0, 1, 0]],
            np.array([0, 0, 0, 1, 2, 1, 2, 2]),
            0.0,
        ),
        hidden(
            "a penalty so strong that the intercept alone decides",
            around([[-1.0, 0.5], [1.0, 0.0]], [4, 16]),
            labels([0, 1], [4, 16]),
            around([[-1.0, 0.5], [1.0, 0.0], [-0.4, 0.25]], [4, 3, 3]),
            labels([0, 1, 0], [4, 3, 3]),
            1e4,
        ),
        hidden(
            "a penalty by name",
            around(corners, [5, 5, 5, 5]),
            labels([0, 1, 2, 3], [5, 5, 5, 5]),
            around(corners, [2, 2, 2, 2]),
            labels([0, 1, 3, 2], [2, 2, 2, 2]),
            l2=1e-3,
        ),
        hidden(
            "float32",
            around(triangle, [7, 7, 7]).astype(FLOAT32),
            labels([0, 1, 2], [7, 7, 7]),
            around(triangle, [3, 3, 2]).astype(FLOAT32),
            np.array([0, 0, 1, 1, 1, 1, 2, 0]),
        ),
        hidden(
            "slices of larger arrays",
            np.repeat(around(triangle, [6, 6, 6]), 2, axis=1)[:, ::2],
            labels([0, 1, 2], [6, 6, 6]),
            np.asfortranarray(around(triangle, [2, 2, 3])),
            np.array([0, 0, 1, 2, 2, 2, 2]),
        ),
    ]
    # A share of few images; PyTorch computes it in float32.
    return Exercise("linear_probe", [case.within(1e-6) for case in cases])


EXERCISES = [
    correlate2d(),
    convolve2d(),
    image_gradients(),
    gaussian_kernel(),
    separate(),
    filter_separable(),
    oriented_filters(),
    filter_loss(),
    learn_filter(),
    filters_to_grid(),
    learn_filter_bank(),
    record_activations(),
    occlusion_map(),
    occlusion_map_batched(),
    linear_probe(),
]

QUIZZES = [
    Quiz(
        "quiz_flip",
        "abcd",
        "b",
        {
            "a": "The filters are learned while they are turned: gradient descent puts each weight where the "
            "turned filter needs it.",
            "c": "Turning changes the sign only of odd filters, and training would put that right as well.",
            "d": "For symmetric filters nothing changes at all. The others are learned, too: turned.",
        },
    ),
    Quiz(
        "quiz_sobel",
        "abcd",
        "c",
        {
            "a": "The kernel compares the row above with the row below. Here both rows are equal. You may "
            "think of the kernel turned by a quarter.",
            "b": "The kernel compares the row above with the row below. Here both rows are equal.",
            "d": "Only three columns are read at each place, however wide the picture is.",
        },
    ),
    Quiz(
        "quiz_separable",
        "a whole number",
        30,
        {
            225: "225 is the whole kernel at once. The column and the row are two thin filters.",
            15: "15 is one of the two filters alone: the column is applied, and then the row.",
            29: "The weight in the middle is not shared: both filters run in full.",
        },
        "Count the weights of the column and of the row: each costs one multiplication for every pixel.",
    ),
    Quiz(
        "quiz_occlusion",
        "abcd",
        "d",
        {
            "a": "If it did not look at the picture, covering all of it at once would not change its answer "
            "either. The map says nothing about that.",
            "b": "A map of small drops can be right. What does one small square leave uncovered?",
            "c": "No drop anywhere does not make all pixels equal: what counts may be there more than once.",
        },
    ),
]
