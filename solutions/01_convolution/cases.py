"""The cases of notebook 1: what the checks call each exercise with. Instructors only."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.cases import Arrays, Case, Exercise, Quiz, hidden, visible

FLOAT32 = "float32"


def neuron() -> Exercise:
    a = Arrays("neuron")
    by_hand = np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([[[1.0, 0.0], [2.0, -1.0]]])
    return Exercise(
        "neuron",
        [
            visible("a patch small enough to work out by hand", *by_hand, 0.5),
            visible("three channels", a(3, 2, 2), a(3, 2, 2), 0.25),
            visible("a patch that is not square", a(2, 3, 2), a(2, 3, 2), -1.5),
            hidden("no bias to speak of", a(4, 3, 3), a(4, 3, 3), 0),
            hidden("a patch that is wider than high", a(5, 2, 4), a(5, 2, 4), 3.0),
            hidden("an answer below zero", a(2, 3, 2) ** 2, -(a(2, 3, 2) ** 2), -2.0),
            hidden("a patch of a single number", a(1, 1, 1), a(1, 1, 1), -0.5),
            hidden("a column of channels, one pixel high and wide", a(6, 1, 1), a(6, 1, 1), 0.125),
            hidden("float32", a(3, 2, 4, dtype=FLOAT32), a(3, 2, 4, dtype=FLOAT32), np.float32(1.5)),
            hidden("numbers with all their digits", a.rough(3, 4, 2), a.rough(3, 4, 2), 1 / 3),
            hidden("slices of larger arrays", a.strided(3, 2, 3), a.turned(3, 2, 3), 0.75),
        ],
    )


def output_size() -> Exercise:
    return Exercise(
        "output_size",
        [
            visible("three windows by hand", 5, 3),
            visible("a stride that divides", 7, 3, stride=2),
            visible("a stride that does not divide", 8, 3, stride=2),
            visible("padding that keeps the size", 32, 3, stride=1, padding=1),
            visible("dilation", 9, 3, dilation=2),
            visible("a window that does not fit", 4, 5),
            hidden("a window as large as the input", 6, 6),
            hidden("a window as large as the padded input", 4, 8, 3, 2),
            hidden("a window of one pixel", 5, 1, stride=2),
            hidden("a large stride and a rest", 11, 4, stride=5),
            hidden("a rest of one pixel less than the stride", 224, 11, stride=4, padding=2),
            hidden("a stride larger than the input", 3, 2, stride=7),
            hidden("an even window with padding", 10, 4, stride=3, padding=1),
            hidden("wide padding", 5, 2, stride=2, padding=3),
            hidden("padding and dilation together", 12, 3, 2, 1, 3),
            hidden("dilation of an even window with a stride", 20, 4, stride=3, dilation=2),
            hidden("a dilated window that fits exactly", 9, 3, 1, 0, 4),
            hidden("dilation of a window of one pixel", 5, 1, dilation=4),
            hidden("a window one pixel too large", 5, 6, stride=2),
            hidden("a window two pixels too large, and a large stride", 3, 5, stride=4),
            hidden("a dilated window that does not fit", 8, 3, 1, 0, 4),
            hidden("padding that is not enough", 2, 7, stride=3, padding=2),
            hidden("a window of no pixel", 5, 0),
            hidden("a negative window", 5, -1, dilation=2),
            hidden("a stride of zero", 5, 3, stride=0),
            hidden("a negative stride", 5, 3, stride=-1),
            hidden("a dilation of zero", 5, 3, dilation=0),
            hidden("a negative dilation", 5, 3, 1, 0, -1),
            hidden("negative padding", 7, 3, padding=-1),
        ],
    )


def uncovered() -> Exercise:
    return Exercise(
        "uncovered",
        [
            visible("every pixel is read", 6, 3),
            visible("gaps between the windows", 7, 1, stride=2),
            visible("a rest at the end", 8, 3, stride=2),
            visible("gaps and a rest", 10, 2, stride=3),
            visible("padding moves the windows", 10, 2, stride=3, padding=1),
            visible("a window that does not fit", 3, 5),
            hidden("a stride as large as the window", 9, 3, stride=3),
            hidden("a stride as large as the window, and a rest", 11, 3, stride=3),
            hidden("only the first pixels are read", 6, 2, stride=9),
            hidden("a long rest", 13, 4, stride=5),
            hidden("padding that hides the rest", 6, 3, stride=2, padding=1),
            hidden("padding that leaves a rest", 9, 3, stride=4, padding=1),
            hidden("the first window lies in the padding", 7, 2, stride=5, padding=2),
            hidden("padding wider than the window", 8, 1, stride=3, padding=2),
            hidden("the last window lies in the padding", 6, 2, stride=4, padding=3),
            hidden("one window only", 4, 4, stride=2),
            hidden("one pixel only", 1, 1, stride=3),
            hidden("no pixel is read at all", 1, 1, stride=5, padding=2),
            hidden("padding that is not enough", 2, 7, stride=2, padding=2),
            hidden("a window one pixel too large", 6, 7, stride=3),
            hidden("a stride of zero", 6, 2, stride=0),
            hidden("negative padding", 6, 2, padding=-1),
        ],
    )


def pad2d() -> Exercise:
    a = Arrays("pad2d")
    return Exercise(
        "pad2d",
        [
            visible("one small image", a(1, 1, 2, 3), 1),
            visible("two images with three channels, a wider frame", a(2, 3, 4, 2), 2),
            visible("no padding at all", a(1, 2, 3, 4), 0),
            visible("float32 stays float32", a(2, 1, 3, 2, dtype=FLOAT32), 1),
            hidden("a tall image", a(2, 3, 5, 2), 1),
            hidden("a wide image", a(3, 2, 2, 6), 3),
            hidden("a frame wider than the image", a(1, 2, 1, 2), 4),
            hidden("whole numbers stay whole numbers", a(2, 2, 3, 4, dtype="int64"), 1),
            hidden("bytes, as images are stored", a(1, 3, 2, 4, dtype="int64").astype("uint8"), 2),
            hidden("numbers with all their digits", a.rough(2, 2, 3, 2), 1),
            hidden("a slice of a larger array", a.strided(2, 2, 3, 4), 1),
            hidden("an array that lies in memory the other way round", a.turned(2, 3, 4, 5), 2),
            hidden("negative padding", a(1, 2, 4, 5), -1),
            hidden("much negative padding", a(1, 1, 2, 3), -3),
            hidden("a new array, also without padding", a(2, 1, 2, 3), 0).through("owns_answer"),
        ],
    )


def count_layer() -> Exercise:
    return Exercise(
        "count_layer",
        [
            visible("a small shared layer", "conv", (1, 4, 5), 2, 3),
            visible("the same, locally connected", "local", (1, 4, 5), 2, 3),
            visible("the same, dense", "dense", (1, 4, 5), 2, 3),
            visible("CIFAR-sized, a bank of 64 filters", "conv", (3, 32, 32), 64, 3, 1, 1),
            visible("stride 2 and padding 1, shared", "conv", (2, 6, 9), 4, 3, 2, 1),
            visible("stride 2 and padding 1, dense", "dense", (2, 6, 9), 4, 3, 2, 1),
            visible("a kind that does not exist", "sparse", (1, 4, 5), 2, 3),
            hidden("shared, depth and stride", "conv", (3, 9, 7), 5, 2, 2),
            hidden("shared, stride and padding", "conv", (6, 11, 8), 10, 5, 3, 2),
            hidden("shared, one pixel wide", "conv", (8, 6, 5), 3, 1),
            hidden("local, depth and stride", "local", (3, 9, 7), 5, 2, 2),
            hidden("local, stride and padding", "local", (4, 10, 13), 6, 3, 2, 1),
            hidden("local, one large window", "local", (2, 5, 5), 7, 5),
            hidden("dense, depth and stride", "dense", (3, 9, 7), 5, 2, 2),
            hidden("dense, padding", "dense", (2, 6, 8), 4, 3, 1, 1),
            hidden("dense, stride and padding", "dense", (4, 7, 10), 3, 3, 2, 1),
            hidden("as large as in AlexNet, dense", "dense", (256, 13, 13), 384, 3, 1, 1),
            hidden("a large bank, locally connected", "local", (3, 32, 28), 256, 3, 1, 1),
            hidden("a window higher than the image, shared", "conv", (3, 2, 9), 4, 3),
            hidden("a window wider than the image, local", "local", (3, 9, 2), 4, 3),
            hidden("a window wider than the image, dense", "dense", (3, 9, 2), 4, 3),
            hidden("an empty kind", "", (3, 9, 7), 4, 3),
            hidden("another kind that does not exist", "convolution", (3, 9, 7), 4, 3),
        ],
    )


def locally_connected2d() -> Exercise:
    a = Arrays("locally_connected2d")
    f = FLOAT32
    return Exercise(
        "locally_connected2d",
        [
            visible("one channel", a(1, 1, 3, 4), a(2, 3, 1, 1, 2, 2)),
            visible("several images and channels", a(2, 3, 4, 3), a(3, 2, 2, 3, 2, 2)),
            visible("a bias for each neuron", a(1, 2, 3, 4), a(2, 3, 2, 2, 2, 2), a(2, 3, 2)),
            visible("stride 2", a(1, 2, 5, 7), a(2, 3, 2, 2, 2, 3), stride=2),
            visible("float32 stays float32", a(1, 2, 3, 3, dtype=f), a(2, 2, 1, 2, 2, 2, dtype=f)),
            visible("weights for too many positions", a(1, 1, 4, 4), a(4, 4, 1, 1, 2, 2)),
            hidden("a window higher than wide", a(2, 2, 5, 4), a(3, 3, 3, 2, 3, 2), a(3, 3, 3)),
            hidden("a window wider than high", a(2, 3, 3, 6), a(3, 4, 2, 3, 1, 3)),
            hidden("a stride that does not divide", a(2, 2, 6, 8), a(2, 3, 3, 2, 3, 2), a(2, 3, 3), 3),
            hidden("a stride given by name, no bias", a(3, 1, 7, 6), a(3, 2, 2, 1, 2, 3), stride=2),
            hidden("one window in all", a(2, 3, 3, 2), a(1, 1, 4, 3, 3, 2), a(1, 1, 4)),
            hidden("one image", a(1, 3, 4, 5), a(3, 4, 2, 3, 2, 2), a(3, 4, 2)),
            hidden("float32", a(2, 2, 4, 3, dtype=f), a(3, 2, 3, 2, 2, 2, dtype=f), a(3, 2, 3, dtype=f)),
            hidden(
                "numbers with all their digits",
                a.rough(2, 2, 3, 4),
                a.rough(2, 3, 2, 2, 2, 2),
                a.rough(2, 3, 2),
            ),
            hidden(
                "slices of larger arrays",
                a.strided(2, 2, 4, 4),
                a.turned(3, 2, 2, 2, 2, 3),
                a.strided(3, 2, 2),
            ),
            hidden("weights for too few positions", a(1, 2, 5, 4), a(2, 2, 1, 2, 2, 2)),
            hidden("weights for rows and columns exchanged", a(1, 2, 5, 4), a(3, 4, 1, 2, 2, 2)),
            hidden("weights for another stride", a(1, 1, 5, 7), a(4, 6, 1, 1, 2, 2), None, 2),
        ],
    )


def conv2d_loops() -> Exercise:
    a = Arrays("conv2d_loops")
    f = FLOAT32
    impulse = np.zeros((1, 1, 4, 5))
    impulse[0, 0, 1, 2] = 1
    return Exercise(
        "conv2d_loops",
        [
            visible("one bright pixel: the filter shows itself", impulse, a(1, 1, 3, 2)),
            visible("several channels become several slices", a(1, 3, 4, 5), a(2, 3, 2, 2)),
            visible("two images, a filter that is not square", a(2, 2, 5, 4), a(3, 2, 3, 2)),
            visible("a bias for each filter", a(2, 2, 3, 4), a(3, 2, 2, 2), a(3)),
            visible("stride 2, and a rest", a(1, 2, 6, 7), a(2, 2, 3, 2), stride=2),
            visible("padding 1", a(1, 2, 3, 4), a(2, 2, 3, 2), padding=1),
            visible("float32 stays float32", a(1, 2, 4, 3, dtype=f), a(2, 2, 2, 2, dtype=f), a(2, dtype=f)),
            visible("channels that do not match", a(1, 3, 4, 5), a(2, 2, 3, 3)),
            hidden("stride and padding together", a(2, 3, 5, 8), a(4, 3, 3, 2), a(4), 2, 1),
            hidden("a wide filter and a large stride", a(2, 2, 5, 9), a(3, 2, 2, 4), a(3), 3, 2),
            hidden("a filter of a single pixel", a(2, 3, 3, 4), a(4, 3, 1, 1), a(4)),
            hidden("a filter as large as the image", a(2, 2, 3, 4), a(3, 2, 3, 4), a(3)),
            hidden("more channels than filters", a(3, 5, 4, 3), a(2, 5, 2, 3), None, 1, 1),
            hidden("an image lower than the stride", a(1, 2, 2, 5), a(2, 2, 2, 2), None, 3),
            hidden("a filter that fits thanks to the padding", a(1, 1, 2, 3), a(1, 1, 6, 7), None, 1, 2),
            hidden("float32", a(2, 3, 4, 5, dtype=f), a(2, 3, 2, 3, dtype=f), None, 2, 1),
            hidden(
                "numbers with all their digits", a.rough(2, 3, 4, 5), a.rough(2, 3, 3, 2), a.rough(2), 1, 1
            ),
            hidden("slices of larger arrays", a.strided(2, 2, 4, 5), a.turned(3, 2, 2, 3), a.strided(3), 2),
            hidden(
                "slices of larger arrays, with padding",
                a.turned(2, 2, 4, 5),
                a.strided(3, 2, 2, 3),
                None,
                1,
                1,
            ),
            hidden("filters of one channel for an image of three", a(1, 3, 4, 5), a(2, 1, 2, 2)),
            hidden("filters with a channel too many", a(1, 2, 4, 5), a(2, 3, 2, 2)),
            hidden("two images, filters with twice the channels", a(2, 2, 4, 5), a(3, 4, 2, 2)),
            hidden("an image of one channel for filters of two", a(1, 1, 4, 5), a(2, 2, 2, 2)),
            hidden("a filter higher than the image", a(1, 2, 2, 6), a(1, 2, 3, 2)),
            hidden("a filter wider than the padded image", a(1, 2, 6, 2), a(1, 2, 2, 5), None, 1, 1),
        ],
    )


def conv2d() -> Exercise:
    a = Arrays("conv2d")
    f = FLOAT32
    impulse = np.zeros((1, 1, 5, 6))
    impulse[0, 0, 2, 3] = 1
    small, large, bank = a(1, 2, 6, 5), a(1, 2, 24, 30), a(3, 2, 3, 2)
    loops = visible(
        "no Python loop over pixels", (small, bank, None, 1, 1), (large, bank, None, 1, 1)
    ).through(
        "loops_over_pixels", f"conv2d on an image of {small.shape[2:]} pixels and on one of {large.shape[2:]}"
    )
    return Exercise(
        "conv2d",
        [
            visible("one bright pixel: the filter shows itself", impulse, a(1, 1, 3, 2)),
            visible("two images, a filter that is not square, a bias", a(2, 3, 5, 4), a(4, 3, 3, 2), a(4)),
            visible("stride 2, and a rest", a(1, 2, 6, 7), a(2, 2, 3, 2), stride=2),
            visible("padding 1", a(1, 2, 3, 4), a(2, 2, 3, 2), padding=1),
            visible("dilation 2", a(1, 2, 7, 6), a(2, 2, 3, 2), dilation=2),
            visible("float32 stays float32", a(1, 2, 4, 3, dtype=f), a(2, 2, 2, 2, dtype=f), a(2, dtype=f)),
            visible("channels that do not match", a(1, 3, 4, 5), a(2, 2, 3, 3)),
            loops,
            hidden("stride and padding together", a(2, 3, 5, 8), a(4, 3, 3, 2), a(4), 2, 1),
            hidden("stride, padding and dilation together", a(2, 3, 9, 7), a(4, 3, 3, 2), a(4), 2, 1, 3),
            hidden("stride and dilation differ, a wide filter", a(2, 2, 6, 11), a(3, 2, 2, 3), a(3), 3, 2, 2),
            hidden("a dilated filter that fits exactly", a(1, 2, 7, 5), a(2, 2, 3, 2), None, 1, 0, 3),
            hidden("a filter of a single pixel, dilated", a(2, 3, 3, 4), a(4, 3, 1, 1), a(4), 2, 0, 2),
            hidden("a filter as large as the image", a(2, 2, 3, 4), a(3, 2, 3, 4), a(3)),
            hidden("more channels than filters", a(3, 5, 4, 3), a(2, 5, 2, 3), None, 1, 1),
            hidden("an image lower than the stride", a(1, 2, 2, 5), a(2, 2, 2, 2), None, 3),
            hidden("a filter that fits thanks to the padding", a(1, 1, 2, 3), a(1, 1, 8, 9), None, 1, 3),
            hidden("several larger images", a(3, 2, 26, 27), a(2, 2, 10, 10), a(2)),
            hidden("float32", a(2, 3, 4, 5, dtype=f), a(2, 3, 2, 3, dtype=f), None, 2, 1),
            hidden(
                "numbers with all their digits", a.rough(2, 3, 4, 5), a.rough(2, 3, 3, 2), a.rough(2), 1, 1, 2
            ),
            hidden("slices of larger arrays", a.strided(2, 2, 4, 5), a.turned(3, 2, 2, 3), a.strided(3), 2),
            hidden(
                "slices of larger arrays, with padding",
                a.turned(2, 2, 4, 5),
                a.strided(3, 2, 2, 3),
                None,
                1,
                1,
            ),
            hidden("filters of one channel for an image of three", a(1, 3, 4, 5), a(2, 1, 2, 2)),
            hidden("filters with a channel too many", a(1, 2, 4, 5), a(2, 3, 2, 2)),
            hidden("two images, filters with twice the channels", a(2, 2, 4, 5), a(3, 4, 2, 2)),
            hidden(
                "channels that do not match, though all weights fit in number", a(1, 4, 5, 5), a(2, 2, 2, 4)
            ),
            hidden("a filter higher than the image", a(1, 2, 2, 6), a(1, 2, 3, 2)),
            hidden("a filter wider than the padded image", a(1, 2, 6, 2), a(1, 2, 2, 5), None, 1, 1),
            hidden("a dilated filter that does not fit", a(1, 2, 6, 6), a(1, 2, 2, 3), None, 1, 0, 3),
            hidden(
                "a dilated filter too high to fit, and a stride", a(1, 2, 6, 7), a(1, 2, 3, 2), None, 3, 0, 3
            ),
            hidden("a stride of zero", a(1, 2, 4, 5), a(1, 2, 2, 2), None, 0),
            hidden("a negative stride", a(1, 2, 4, 5), a(1, 2, 2, 2), stride=-1),
            hidden("a dilation of zero", a(1, 2, 4, 5), a(1, 2, 2, 2), dilation=0),
            hidden("a negative dilation", a(1, 2, 4, 5), a(1, 2, 2, 2), dilation=-2),
            hidden("a negative dilation of a single pixel", a(1, 2, 4, 5), a(1, 2, 1, 1), dilation=-1),
            hidden("negative padding", a(1, 2, 6, 7), a(1, 2, 2, 2), padding=-1),
        ],
    )


def conv1x1() -> Exercise:
    a = Arrays("conv1x1")
    f = FLOAT32
    return Exercise(
        "conv1x1",
        [
            visible("three channels become two", a(1, 3, 2, 4), a(2, 3)),
            visible("two images, a bias", a(2, 2, 3, 2), a(4, 2), a(4)),
            visible("the matrix written as filters", a(2, 3, 2, 3), a(2, 3, 1, 1), a(2)),
            visible("float32 stays float32", a(1, 2, 3, 2, dtype=f), a(3, 2, dtype=f), a(3, dtype=f)),
            visible("a matrix that does not fit", a(1, 3, 2, 4), a(3, 2)),
            hidden("more channels out than in", a(2, 3, 4, 2), a(7, 3), a(7)),
            hidden("fewer channels out than in", a(3, 6, 2, 5), a(2, 6)),
            hidden("as many channels out as in", a(2, 4, 3, 2), a(4, 4), a(4)),
            hidden("as many channels as rows and columns", a(2, 3, 3, 3), a(3, 3), a(3)),
            hidden("one channel in", a(2, 1, 3, 4), a(3, 1), a(3)),
            hidden("one channel out, written as filters", a(2, 5, 4, 3), a(1, 5, 1, 1)),
            hidden("a single pixel", a(3, 4, 1, 1), a(2, 4), a(2)),
            hidden("written as filters, no bias", a(2, 4, 3, 5), a(3, 4, 1, 1)),
            hidden("float32, no bias", a(2, 3, 2, 3, dtype=f), a(4, 3, 1, 1, dtype=f)),
            hidden("numbers with all their digits", a.rough(2, 4, 3, 2), a.rough(3, 4), a.rough(3)),
            hidden("slices of larger arrays", a.strided(2, 3, 4, 2), a.turned(5, 3), a.strided(5)),
            hidden(
                "an array that lies in memory the other way round",
                a.turned(2, 3, 4, 5),
                a.strided(2, 3, 1, 1),
            ),
            hidden("a matrix with a column too many", a(2, 3, 4, 2), a(2, 4)),
            hidden("filters of one channel for an image of three", a(1, 3, 4, 2), a(2, 1, 1, 1)),
            hidden("an image of one channel for a matrix of two columns", a(1, 1, 4, 2), a(3, 2)),
        ],
    )


def receptive_field() -> Exercise:
    return Exercise(
        "receptive_field",
        [
            visible("no layer", []),
            visible("one layer", [(3, 1, 1)]),
            visible("two layers of 3 see as far as one of 5", [(3, 1, 1), (3, 1, 1)]),
            visible("a stride before another layer", [(3, 2, 1), (3, 1, 1)]),
            visible("two strides, then another layer", [(3, 2, 1), (5, 3, 1), (2, 1, 1)]),
            visible("dilation doubles from layer to layer", [(3, 1, 1), (3, 1, 2), (3, 1, 4)]),
            visible("the list is left as it was", [(3, 2, 1), (2, 1, 1)]).through("arguments_after"),
            visible("a stride of zero", [(3, 1, 1), (3, 0, 1)]),
            hidden("a stride after another layer", [(3, 1, 1), (2, 2, 1)]),
            hidden("strides multiply", [(3, 2, 1), (3, 2, 1), (3, 3, 1), (2, 2, 1)]),
            hidden("the list of a deep stack is left as it was", [(3, 1, 1)] * 4).through("arguments_after"),
            hidden("even kernels", [(2, 1, 1), (4, 2, 1), (6, 1, 1)]),
            hidden("dilation and stride in one layer", [(3, 2, 3)]),
            hidden("dilation after a stride", [(5, 3, 1), (3, 1, 2), (2, 1, 1)]),
            hidden("a layer of one pixel with a stride", [(1, 3, 1), (3, 1, 1)]),
            hidden("a layer of one pixel with dilation", [(1, 1, 5), (4, 2, 3), (1, 1, 1)]),
            hidden("a deep stack", [(7, 2, 1), (3, 2, 1), *[(3, 1, 1), (3, 2, 1)] * 3, (3, 1, 4)]),
            hidden("a kernel of zero", [(3, 1, 1), (0, 1, 1), (3, 1, 1)]),
            hidden("a dilation of zero", [(3, 2, 0)]),
            hidden("a stride of zero in the first layer", [(3, 0, 1), (3, 1, 1)]),
            hidden("a negative stride", [(3, -2, 1)]),
            hidden("a negative kernel", [(-3, 1, 1), (3, 1, 1)]),
            hidden("a negative dilation", [(5, 1, 1), (3, 1, -1)]),
        ],
    )


def conv_transpose2d() -> Exercise:
    a = Arrays("conv_transpose2d")
    f = FLOAT32
    impulse = np.zeros((1, 1, 3, 2))
    impulse[0, 0, 1, 0] = 1
    return Exercise(
        "conv_transpose2d",
        [
            visible("one bright pixel stamps the filter", impulse, a(1, 1, 2, 3)),
            visible("stamps that overlap", a(1, 1, 2, 3), a(1, 1, 3, 2)),
            visible("stride 2, several channels", a(1, 3, 2, 3), a(3, 2, 3, 2), stride=2),
            visible("two images, a bias for each channel", a(2, 2, 3, 2), a(2, 3, 2, 2), a(3)),
            visible("padding cuts the output", a(1, 2, 3, 4), a(2, 2, 3, 2), stride=2, padding=1),
            visible("float32 stays float32", a(1, 2, 3, 2, dtype=f), a(2, 3, 2, 2, dtype=f), a(3, dtype=f)),
            visible("channels that do not match", a(1, 3, 2, 2), a(2, 3, 2, 2)),
            hidden("as many channels out as in", a(2, 3, 3, 2), a(3, 3, 2, 3), a(3)),
            hidden("a stride larger than the filter leaves gaps", a(2, 2, 3, 2), a(2, 3, 2, 1), a(3), 3),
            hidden("a stride as large as the filter", a(2, 3, 2, 4), a(3, 2, 2, 2), None, 2),
            hidden("a stride smaller than the filter, padding", a(2, 3, 4, 3), a(3, 4, 4, 5), a(4), 2, 1),
            hidden("padding without a stride", a(2, 2, 4, 5), a(2, 3, 3, 4), None, 1, 2),
            hidden("a large stride and padding", a(1, 2, 4, 3), a(2, 2, 3, 4), a(2), 3, 2),
            hidden("a filter of a single pixel", a(2, 3, 3, 2), a(3, 4, 1, 1), a(4), 2),
            hidden("a single pixel of input", a(2, 3, 1, 1), a(3, 2, 3, 2), a(2), 2),
            hidden("more channels out than in", a(2, 1, 2, 3), a(1, 5, 2, 3)),
            hidden("a single row is left", a(1, 2, 2, 4), a(2, 1, 2, 3), a(1), 1, 1),
            hidden("a single column is left", a(1, 2, 4, 2), a(2, 1, 3, 2), None, 1, 1),
            hidden("float32", a(2, 3, 2, 4, dtype=f), a(3, 2, 3, 2, dtype=f), None, 2, 1),
            hidden("numbers with all their digits", a.rough(2, 3, 3, 2), a.rough(3, 2, 3, 2), a.rough(2), 2),
            hidden("slices of larger arrays", a.strided(2, 2, 3, 4), a.turned(2, 3, 2, 3), a.strided(3), 2),
            hidden(
                "arrays that lie in memory the other way round", a.turned(2, 2, 3, 4), a.strided(2, 3, 2, 3)
            ),
            hidden("a weight of one channel for an image of three", a(1, 3, 2, 2), a(1, 2, 2, 2)),
            hidden("an image of one channel for a weight of two", a(1, 1, 2, 2), a(2, 3, 2, 2)),
            hidden("padding that leaves no rows", a(1, 2, 1, 4), a(2, 2, 2, 3), None, 1, 1),
            hidden("padding that leaves no columns", a(1, 2, 4, 1), a(2, 2, 3, 2), None, 1, 1),
            hidden("padding that leaves less than nothing", a(1, 1, 2, 2), a(1, 1, 2, 2), None, 1, 3),
            hidden("a stride of zero", a(1, 2, 3, 3), a(2, 2, 2, 2), None, 0),
            hidden("a negative stride", a(1, 2, 3, 3), a(2, 2, 2, 2), stride=-1),
            hidden("a negative stride, a single pixel of input", a(1, 2, 1, 1), a(2, 2, 2, 3), stride=-1),
            hidden("negative padding", a(1, 2, 3, 3), a(2, 2, 2, 2), padding=-1),
        ],
    )


def causal_conv1d() -> Exercise:
    a = Arrays("causal_conv1d")
    f = FLOAT32
    impulse = np.zeros((1, 1, 7))
    impulse[0, 0, 3] = 1
    future = a(1, 2, 8)
    changed = future.copy()
    changed[..., 5:] += 1
    filters = a(2, 2, 3)
    return Exercise(
        "causal_conv1d",
        [
            visible("one moment: it echoes in the future only", impulse, a(1, 1, 3)),
            visible("two signals, several channels, a bias", a(2, 3, 5), a(4, 3, 2), a(4)),
            visible("dilation 2", a(1, 2, 7), a(2, 2, 3), dilation=2),
            visible("float32 stays float32", a(1, 2, 5, dtype=f), a(3, 2, 2, dtype=f), a(3, dtype=f)),
            visible("channels that do not match", a(1, 3, 6), a(2, 2, 3)),
            hidden("a signal with a future", future, filters),
            hidden("the same signal with another future", changed, filters),
            hidden("a filter of one tap", a(2, 3, 4), a(2, 3, 1), a(2), 3),
            hidden("a filter longer than the signal", a(2, 2, 3), a(3, 2, 5), a(3)),
            hidden("a dilated filter much longer than the signal", a(1, 2, 3), a(2, 2, 3), a(2), 4),
            hidden("dilation of a filter with two taps", a(2, 2, 9), a(3, 2, 2), None, 3),
            hidden("dilation of a filter with four taps", a(2, 3, 11), a(2, 3, 4), a(2), 2),
            hidden("a single moment", a(2, 3, 1), a(2, 3, 2), a(2)),
            hidden("more channels than filters", a(3, 5, 4), a(1, 5, 3)),
            hidden("as many channels as filters", a(2, 3, 5), a(3, 3, 3), a(3)),
            hidden("float32", a(2, 3, 6, dtype=f), a(2, 3, 3, dtype=f), None, 2),
            hidden("numbers with all their digits", a.rough(2, 3, 6), a.rough(2, 3, 3), a.rough(2), 2),
            hidden("slices of larger arrays", a.strided(2, 3, 5), a.turned(2, 3, 3), a.strided(2)),
            hidden(
                "arrays that lie in memory the other way round",
                a.turned(2, 3, 5),
                a.strided(2, 3, 2),
                None,
                2,
            ),
            hidden("filters of one channel for a signal of three", a(1, 3, 6), a(2, 1, 3)),
            hidden("a signal of one channel for filters of two", a(1, 1, 6), a(2, 2, 3)),
            hidden("a dilation of zero", a(1, 2, 6), a(2, 2, 3), None, 0),
            hidden("a negative dilation", a(1, 2, 6), a(2, 2, 3), dilation=-1),
        ],
    )


def conv2d_unfold() -> Exercise:
    a = Arrays("conv2d_unfold")
    f = FLOAT32

    def place(make: Callable[..., Case], label: str, *arguments: Any) -> Case:
        """Answers and gradients of a call on a GPU."""
        shapes = ", ".join(
            str(value.shape if isinstance(value, np.ndarray) else value) for value in arguments
        )
        call = f"conv2d_unfold({shapes}) and gradients sent back"
        return make(label, *arguments).through("gradients", call).on_gpu()

    cases = [
        visible("two images, a filter that is not square, a bias", a(2, 3, 5, 4), a(4, 3, 3, 2), a(4)),
        visible("stride 2, and a rest", a(1, 2, 6, 7), a(2, 2, 3, 2), stride=2),
        visible("stride, padding and dilation together", a(1, 2, 7, 6), a(2, 2, 3, 2), a(2), 2, 1, 2),
        visible("float32 stays float32", a(1, 2, 4, 3, dtype=f), a(2, 2, 2, 2, dtype=f), a(2, dtype=f)),
        visible("gradients for x, weight and bias", a(1, 2, 4, 5), a(2, 2, 2, 3), a(2)).through("gradients"),
        place(visible, "new tensors on the device of x", a(2, 2, 4, 5), a(3, 2, 2, 3), a(3), 1, 1),
        visible("channels that do not match", a(1, 3, 4, 5), a(2, 2, 3, 3)),
        hidden("stride and padding together", a(2, 3, 5, 8), a(4, 3, 3, 2), a(4), 2, 1),
        place(hidden, "on a device, without a bias", a(1, 3, 6, 5), a(2, 3, 3, 2), None, 2, 0, 2),
        hidden("stride, padding and dilation all different", a(2, 3, 11, 9), a(4, 3, 3, 2), a(4), 3, 1, 2),
        hidden("dilation of a wide filter", a(2, 2, 6, 11), a(3, 2, 2, 3), None, 1, 2, 3),
        hidden("a dilated filter that fits exactly", a(1, 2, 7, 5), a(2, 2, 3, 2), None, 1, 0, 3),
        hidden("a filter of a single pixel, dilated", a(2, 3, 3, 4), a(4, 3, 1, 1), a(4), 2, 0, 2),
        hidden("a filter as large as the image", a(2, 2, 3, 4), a(3, 2, 3, 4), a(3)),
        hidden("more channels than filters", a(3, 5, 4, 3), a(2, 5, 2, 3), None, 1, 1),
        hidden("an image lower than the stride", a(1, 2, 2, 5), a(2, 2, 2, 2), None, 3),
        hidden("a filter that fits thanks to the padding", a(1, 1, 2, 3), a(1, 1, 8, 9), None, 1, 3),
        hidden("float32", a(2, 3, 4, 5, dtype=f), a(2, 3, 2, 3, dtype=f), None, 2, 1),
        hidden(
            "numbers with all their digits", a.rough(2, 3, 4, 5), a.rough(2, 3, 3, 2), a.rough(2), 1, 1, 2
        ),
        hidden("slices of larger tensors", a.strided(2, 2, 4, 5), a.turned(3, 2, 2, 3), a.strided(3), 2),
        hidden(
            "slices of larger tensors, with padding", a.turned(2, 2, 4, 5), a.strided(3, 2, 2, 3), None, 1, 1
        ),
        hidden("gradients with a stride", a(2, 2, 6, 5), a(3, 2, 3, 2), a(3), 2, 1).through("gradients"),
        hidden("gradients without a bias", a(2, 3, 5, 6), a(2, 3, 2, 2), None, 1, 0, 2).through("gradients"),
        hidden("gradients in float32", a(1, 2, 3, 4, dtype=f), a(2, 2, 2, 3, dtype=f)).through("gradients"),
        hidden("filters of one channel for an image of three", a(1, 3, 4, 5), a(2, 1, 2, 2)),
        hidden("filters with a channel too many", a(1, 2, 4, 5), a(2, 3, 2, 2)),
        hidden("two images, filters with twice the channels", a(2, 2, 4, 5), a(3, 4, 2, 2)),
        hidden("channels that do not match, though all weights fit in number", a(1, 4, 5, 5), a(2, 2, 2, 4)),
        hidden("a filter higher than the image", a(1, 2, 2, 6), a(1, 2, 3, 2)),
        hidden("a filter wider than the padded image", a(1, 2, 6, 2), a(1, 2, 2, 5), None, 1, 1),
        hidden("a dilated filter that does not fit", a(1, 2, 6, 6), a(1, 2, 2, 3), None, 1, 0, 3),
        hidden("a dilated filter too high to fit, and a stride", a(1, 2, 6, 7), a(1, 2, 3, 2), None, 3, 0, 3),
        hidden("a stride of zero", a(1, 2, 4, 5), a(1, 2, 2, 2), None, 0),
        hidden("a negative stride", a(1, 2, 4, 5), a(1, 2, 2, 2), stride=-1),
        hidden("a dilation of zero", a(1, 2, 4, 5), a(1, 2, 2, 2), dilation=0),
        hidden("a negative dilation", a(1, 2, 4, 5), a(1, 2, 2, 2), dilation=-2),
        hidden("a negative dilation of a single pixel", a(1, 2, 4, 5), a(1, 2, 1, 1), dilation=-1),
        hidden("negative padding", a(1, 2, 6, 7), a(1, 2, 2, 2), padding=-1),
    ]
    return Exercise("conv2d_unfold", [case.tensors() for case in cases])


def conv2d_layer() -> Exercise:
    a = Arrays("Conv2d")
    f = FLOAT32

    def use(label: str, make: Callable[..., Case], x: np.ndarray, *arguments: int, **options: bool) -> Case:
        """A layer built with `arguments` and `options`, given a state, and used on x."""
        c_in, c_out, k = arguments[:3]
        state = {"weight": a(c_out, c_in, k, k, dtype=str(x.dtype))}
        if options.get("bias", True):
            state["bias"] = a(c_out, dtype=str(x.dtype))
        words = [*map(str, arguments), *(f"{name}={value}" for name, value in options.items())]
        call = f"Conv2d({', '.join(words)}) applied to x of shape {x.shape}"
        return make(label, arguments, options, state, x).through("layer", call).tensors()

    return Exercise(
        "Conv2d",
        [
            use("weight and bias are parameters", visible, a(2, 3, 5, 4, dtype=f), 3, 16, 3),
            use("stride 2, padding 1", visible, a(1, 2, 6, 5, dtype=f), 2, 4, 3, 2, 1),
            use("dilation 2", visible, a(1, 2, 6, 5, dtype=f), 2, 4, 2, 1, 0, 2),
            use("a layer without bias", visible, a(1, 3, 4, 5, dtype=f), 3, 6, 2, bias=False),
            use("a layer that was moved", visible, a(2, 2, 4, 5, dtype=f), 2, 4, 3, 1, 1).on_gpu(),
            use(
                "stride, padding and dilation all different",
                hidden,
                a(2, 3, 11, 9, dtype=f),
                3,
                4,
                3,
                3,
                1,
                2,
            ),
            use("more channels in than out", hidden, a(2, 6, 4, 3, dtype=f), 6, 2, 2),
            use("a wide bank of filters", hidden, a(1, 4, 3, 4, dtype=f), 4, 32, 3, 1, 1),
            use("a kernel of one pixel", hidden, a(2, 5, 3, 4, dtype=f), 5, 18, 1),
            use("bias asked for by name", hidden, a(1, 2, 5, 6, dtype=f), 2, 5, 2, 2, bias=True),
            use(
                "no bias, with stride and padding", hidden, a(2, 2, 5, 8, dtype=f), 2, 8, 3, 2, 2, bias=False
            ),
            use("the layer moved to float64", hidden, a(2, 2, 4, 5), 2, 3, 2, 1, 1),
            use("a moved layer, no bias", hidden, a(2, 3, 4, 5, dtype=f), 3, 5, 2, 2, bias=False).on_gpu(),
        ],
    )


EXERCISES = [
    neuron(),
    output_size(),
    uncovered(),
    pad2d(),
    count_layer(),
    locally_connected2d(),
    conv2d_loops(),
    conv2d(),
    conv1x1(),
    receptive_field(),
    conv_transpose2d(),
    causal_conv1d(),
    conv2d_unfold(),
    conv2d_layer(),
]

QUIZZES = [
    Quiz(
        "quiz_weights_per_filter",
        "a whole number",
        27,
        {
            9: "9 is one slice of the filter. The input has three channels, and the filter reaches "
            "through all of them.",
            3: "3 is the depth alone: at each of the 3 × 3 places of the window there is a weight for "
            "every channel.",
            28: "28 counts the bias as well. The question is about the weights.",
            81: "81 counts three filters. One filter is 3 × 3 pixels wide and as deep as the input.",
        },
        "Multiply three numbers: the height of the window, its width, and the depth of the input.",
    ),
    Quiz(
        "quiz_bank_size",
        "abcd",
        "d",
        {
            "a": "The three colours are the depth of the *input*: every filter reads all three. How many "
            "filters there are is not tied to it.",
            "b": "27 is the number of weights of one filter. How many such filters the bank holds is "
            "another question.",
            "c": "The 30 rows are the positions of the window. One filter makes one slice, whatever its "
            "size.",
        },
    ),
    Quiz(
        "quiz_vgg_size",
        "abcd",
        "c",
        {
            "a": "Without padding each layer would take 2 rows and columns away. What does p = 1 do?",
            "b": "The channels of the three layers do not add up: each layer makes a new volume of 64 "
            "slices.",
            "d": "Height and width are right. The depth of the output is the number of filters, "
            "not the input's depth.",
        },
    ),
    Quiz(
        "quiz_one_by_one",
        "abcd",
        "a",
        {
            "b": "A 1 × 1 window stays 1 × 1, however many layers follow each other.",
            "c": "More weights alone do not help: two matrices in a row are one matrix, with fewer weights.",
            "d": "That would be so without the ReLU. What becomes of negative numbers between them?",
        },
    ),
]
