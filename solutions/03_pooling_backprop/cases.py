"""The cases of notebook 3: what the checks call each exercise with. Instructors only.

Where PyTorch knows the right answer, it is taken from there: gradients are not compared with themselves.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from autograder.cases import Arrays, Case, Exercise, Quiz, hidden, visible
from utils.probes.backprop import FUNCTIONS, LAYERS, LOSSES

FLOAT32 = "float32"
Make = Callable[..., Case]


def distinct(a: Arrays, *shape: int, dtype: str = "float64") -> np.ndarray:
    """An array of sixteenths around 0 in which no number is there twice: no window has a tie."""
    ranks = a.rough(*shape).argsort(axis=None).argsort()
    return ((2 * ranks + 1 - ranks.size) / 16).reshape(shape).astype(dtype)


def gappy(array: np.ndarray) -> np.ndarray:
    """The same numbers, each followed by a gap in memory."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def gradients_of(
    function: Callable[..., torch.Tensor], dy: np.ndarray, *arrays: np.ndarray
) -> list[np.ndarray]:
    """What PyTorch says: the gradients with respect to the arrays, if dy arrives at the function's answer."""
    leaves = [tensor(array).requires_grad_() for array in arrays]
    found = torch.autograd.grad(function(*leaves), leaves, tensor(dy))
    return [gradient.numpy() for gradient in found]


def shown(array: np.ndarray) -> str:
    """An array in a message: its numbers if they are few."""
    return str(array.tolist()) if array.size <= 12 else f"<{array.dtype} {array.shape}>"


def rounded(value: Any) -> Any:
    """Numbers in twelve decimals: machines differ in the last digits of logarithms and exponentials."""
    return np.round(value, 12) if isinstance(value, np.ndarray) else round(float(value), 12)


def taken(x: np.ndarray, kernel_size: int, stride: int | None = None) -> np.ndarray:
    """The places of the maxima, as PyTorch says them."""
    return F.max_pool2d(tensor(x), kernel_size, stride, return_indices=True)[1].numpy()


def max_pool2d() -> Exercise:
    a = Arrays("max_pool2d")
    by_hand = np.array([[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 7.0, 6.0]]]])
    ties = np.array([[[[2.0, 2.0, 1.0, 3.0, 0.0, 0.0], [2.0, 2.0, 3.0, 1.0, 0.0, 0.0]]]])
    far = distinct(a, 2, 2, 4, 5) * 1e38 - 1e40
    partly = distinct(a, 1, 2, 4, 6)
    partly[:, :, 0, :3] = partly[:, :, 3, 4] = -np.inf

    def pool(make: Make, label: str, x: np.ndarray, *args: int, **kwargs: int) -> Case:
        exact = tensor(x if x.dtype.kind == "f" else x.astype(np.float64))
        y, argmax = F.max_pool2d(exact, *args, **kwargs, return_indices=True)
        answer = {"y": y.numpy().astype(x.dtype), "argmax": argmax.numpy()}
        return make(label, x, *args, **kwargs).seen_as("backprop.pooled").expecting(answer)

    return Exercise(
        "max_pool2d",
        [
            pool(visible, "two windows worked out by hand", by_hand, 2),
            pool(visible, "several images and channels", distinct(a, 2, 3, 4, 6), 2),
            pool(visible, "a rest that no window reads", distinct(a, 1, 2, 5, 7), 2),
            pool(visible, "windows that overlap", distinct(a, 1, 2, 5, 4), 3, stride=1),
            pool(visible, "of equal maxima the first one counts", ties, 2),
            pool(visible, "all numbers below 0", -distinct(a, 1, 2, 4, 4) - 5, 2),
            pool(visible, "float32 stays float32", distinct(a, 2, 1, 4, 6, dtype=FLOAT32), 2),
            pool(visible, "whole numbers stay whole numbers", a(1, 2, 4, 6, dtype="int64"), 2),
            visible("a window that does not fit", a(1, 1, 2, 5), 3),
            pool(hidden, "a tall image", distinct(a, 2, 3, 8, 4), 2),
            pool(hidden, "a wide image", distinct(a, 3, 2, 4, 10), 2),
            pool(hidden, "a large window and a rest", distinct(a, 2, 2, 7, 8), 3),
            pool(hidden, "a stride that does not divide", distinct(a, 2, 2, 8, 7), 3, 2),
            pool(hidden, "windows with gaps between them", distinct(a, 2, 3, 8, 9), 2, stride=3),
            pool(hidden, "windows of one pixel with gaps", distinct(a, 2, 2, 5, 6), 1, 2),
            pool(hidden, "windows of one pixel", distinct(a, 2, 3, 3, 2), 1),
            pool(hidden, "a large window that moves by one pixel", distinct(a, 2, 2, 6, 7), 4, 1),
            pool(hidden, "a window as high as the image", distinct(a, 2, 2, 3, 7), 3),
            pool(hidden, "a window as wide as the image", distinct(a, 2, 3, 8, 3), 3, 2),
            pool(hidden, "one window in all", distinct(a, 2, 3, 3, 3), 3),
            pool(hidden, "many equal maxima", (a(2, 3, 6, 8) > 0).astype(np.float64), 2),
            pool(
                hidden, "equal maxima in windows that overlap", (a(2, 2, 5, 6) > 1).astype(np.float64), 3, 1
            ),
            pool(hidden, "all numbers alike", np.full((1, 2, 4, 6), -1.5), 2),
            pool(hidden, "a picture after a ReLU", np.maximum(distinct(a, 2, 2, 6, 4), 0), 2),
            pool(hidden, "equal maxima below zero", np.minimum(distinct(a, 2, 2, 6, 7), -2.0), 3, 2),
            pool(hidden, "numbers far below zero", far, 2),
            pool(hidden, "some pixels are minus infinity", partly, 2),
            pool(hidden, "float32", distinct(a, 2, 2, 5, 7, dtype=FLOAT32), 3, 2),
            pool(hidden, "whole numbers", a(2, 2, 5, 6, dtype="int64"), 2),
            pool(hidden, "numbers with all their digits", a.rough(2, 3, 5, 6), 2),
            pool(hidden, "a slice of a larger array", gappy(distinct(a, 2, 2, 5, 6)), 2),
            pool(hidden, "an array that lies in memory the other way round", a.turned(2, 3, 5, 8), 3, 2),
            hidden("a window higher than the image", a(1, 2, 2, 6), 3),
            hidden("a window wider than the image", a(1, 2, 6, 2), 3, 1),
            hidden("a window higher than the image, large stride", a(1, 2, 2, 8), 3, 4),
            hidden("a window of no pixel", a(1, 2, 4, 5), 0, 1),
            hidden("a window of no pixel and no stride", a(1, 2, 4, 5), 0),
            hidden("a window of no pixel, a large stride", a(1, 2, 4, 5), 0, 3),
            hidden("a negative window", a(1, 2, 4, 5), -1, 1),
            hidden("a stride of zero", a(1, 2, 4, 5), 2, 0),
            hidden("a negative stride", a(1, 2, 4, 5), 2, stride=-1),
        ],
    )


def max_pool2d_backward() -> Exercise:
    a = Arrays("max_pool2d_backward")
    by_hand = np.array([[[[3.0, 5.0]]]]), np.array([[[[2, 5]]]]), (1, 1, 2, 4)
    peak = distinct(a, 2, 2, 5, 5)
    peak[:, :, 2, 2] = 99
    ties = np.maximum(distinct(a, 2, 2, 5, 6), 0)

    def back(make: Make, label: str, x: np.ndarray, kernel_size: int, stride: int | None = None) -> Case:
        argmax = taken(x, kernel_size, stride)
        dy = a(*argmax.shape, dtype=str(x.dtype))
        (dx,) = gradients_of(lambda x: F.max_pool2d(x, kernel_size, stride), dy, x)
        return make(label, dy, argmax, x.shape).expecting(dx)

    def with_other(case: Case, dy: Callable[[Any], Any], argmax: Callable[[Any], Any]) -> Case:
        """The same case with its arrays in another form."""
        make = hidden if case.hidden else visible
        return make(case.label, dy(case.args[0]), argmax(case.args[1]), case.args[2]).expecting(case.answer)

    slices = back(hidden, "slices of larger arrays", distinct(a, 2, 2, 5, 7), 3, 1)
    turned = back(hidden, "arrays that lie in memory the other way round", distinct(a, 3, 2, 5, 8), 2)
    small = back(hidden, "places stored in a smaller dtype", distinct(a, 2, 3, 4, 6), 2)
    digits = back(hidden, "numbers with all their digits", distinct(a, 2, 3, 6, 4), 2)
    rough = a.rough(*digits.args[0].shape)
    return Exercise(
        "max_pool2d_backward",
        [
            visible("two gradients sent back by hand", *by_hand),
            back(visible, "several images and channels", distinct(a, 2, 3, 4, 6), 2),
            back(visible, "a rest that no window reads", distinct(a, 1, 2, 5, 7), 2),
            back(visible, "windows that overlap: gradients add up", peak[:1], 3, 1),
            back(visible, "ties: one position is paid, not all", np.ones((1, 2, 4, 6)), 2),
            back(visible, "float32 stays float32", distinct(a, 2, 1, 4, 6, dtype=FLOAT32), 2),
            back(hidden, "a tall image", distinct(a, 2, 3, 8, 4), 2),
            back(hidden, "a wide image", distinct(a, 3, 2, 4, 10), 2),
            back(hidden, "windows that overlap", distinct(a, 2, 3, 6, 5), 3, 1),
            back(hidden, "windows that overlap, a larger stride", distinct(a, 2, 2, 8, 9), 4, 2),
            back(hidden, "one pixel wins in all windows", peak, 3, 1),
            back(hidden, "ties in windows that overlap", ties, 3, 1),
            back(hidden, "a picture that is the same everywhere", np.zeros((2, 3, 4, 6)), 2),
            back(hidden, "windows with gaps between them", distinct(a, 2, 3, 8, 9), 2, 3),
            back(hidden, "windows of one pixel", distinct(a, 2, 3, 3, 4), 1),
            back(hidden, "one window in all", distinct(a, 3, 2, 3, 4), 3),
            back(hidden, "one image with one channel", distinct(a, 1, 1, 5, 6), 2),
            back(hidden, "float32, windows that overlap", distinct(a, 2, 2, 5, 6, dtype=FLOAT32), 3, 1),
            hidden(digits.label, rough, *digits.args[1:]),
            with_other(small, np.copy, lambda argmax: argmax.astype(np.int32)),
            with_other(slices, gappy, gappy),
            with_other(turned, np.asfortranarray, np.asfortranarray),
        ],
    )


def avg_pool2d() -> Exercise:
    a = Arrays("avg_pool2d")
    by_hand = np.array([[[[1.0, 5.0, 2.0, 0.0], [3.0, 3.0, 7.0, 6.0]]]])

    def pool(make: Make, label: str, x: np.ndarray, *args: int, **kwargs: int) -> Case:
        y = F.avg_pool2d(tensor(x), *args, **kwargs).numpy()
        return make(label, x, *args, **kwargs).expecting(y if x.dtype == FLOAT32 else rounded(y))

    return Exercise(
        "avg_pool2d",
        [
            pool(visible, "two windows worked out by hand", by_hand, 2),
            pool(visible, "several images and channels", a(2, 3, 4, 6), 2),
            pool(visible, "a rest that no window reads", a(1, 2, 5, 7), 2),
            pool(visible, "windows that overlap", a(1, 2, 5, 4), 3, stride=1),
            pool(visible, "float32 stays float32", a(2, 1, 4, 6, dtype=FLOAT32), 2),
            visible("a window that does not fit", a(1, 1, 2, 5), 3),
            pool(hidden, "a tall image", a(2, 3, 8, 4), 2),
            pool(hidden, "a wide image", a(3, 2, 4, 10), 2),
            pool(hidden, "a large window and a rest", a(2, 2, 7, 8), 3),
            pool(hidden, "a stride that does not divide", a(2, 2, 8, 7), 3, 2),
            pool(hidden, "windows with gaps between them", a(2, 3, 8, 9), 2, stride=3),
            pool(hidden, "windows of one pixel with gaps", a(2, 2, 5, 6), 1, 2),
            pool(hidden, "windows of one pixel", a(2, 3, 3, 2), 1),
            pool(hidden, "a large window that moves by one pixel", a(2, 2, 6, 7), 4, 1),
            pool(hidden, "a window as high as the image", a(2, 2, 3, 7), 3),
            pool(hidden, "a window as wide as the image", a(2, 3, 8, 3), 3, 2),
            pool(hidden, "one window in all", a(2, 3, 3, 3), 3),
            pool(hidden, "float32", a(2, 2, 5, 7, dtype=FLOAT32), 3, 2),
            pool(hidden, "numbers with all their digits", a.rough(2, 3, 5, 6), 2),
            pool(hidden, "a slice of a larger array", a.strided(2, 2, 5, 6), 2),
            pool(hidden, "an array that lies in memory the other way round", a.turned(2, 3, 5, 8), 3, 2),
            hidden("a window higher than the image", a(1, 2, 2, 6), 3),
            hidden("a window wider than the image", a(1, 2, 6, 2), 3, 1),
            hidden("a window higher than the image, large stride", a(1, 2, 2, 8), 3, 4),
            hidden("a window of no pixel", a(1, 2, 4, 5), 0, 1),
            hidden("a window of no pixel and no stride", a(1, 2, 4, 5), 0),
            hidden("a window of no pixel, a large stride", a(1, 2, 4, 5), 0, 3),
            hidden("a negative window", a(1, 2, 4, 5), -1, 1),
            hidden("a stride of zero", a(1, 2, 4, 5), 2, 0),
            hidden("a negative stride", a(1, 2, 4, 5), 2, stride=-1),
        ],
    )


def avg_pool2d_backward() -> Exercise:
    a = Arrays("avg_pool2d_backward")
    by_hand = np.array([[[[4.0, 8.0]]]])

    def back(
        make: Make, label: str, shape: tuple[int, ...], *args: int, form: Any = None, **kwargs: int
    ) -> Case:
        """form: a method of `a` for the gradient that arrives."""
        y = F.avg_pool2d(torch.zeros(shape), *args, **kwargs)
        dy = (form or a)(*y.shape)
        (dx,) = gradients_of(lambda x: F.avg_pool2d(x, *args, **kwargs), dy, np.zeros(shape, dy.dtype))
        return make(label, dy, shape, *args, **kwargs).expecting(dx if dx.dtype == FLOAT32 else rounded(dx))

    def single(*shape: int) -> np.ndarray:
        return a(*shape, dtype=FLOAT32)

    return Exercise(
        "avg_pool2d_backward",
        [
            visible("two gradients shared out by hand", by_hand, (1, 1, 2, 4), 2),
            back(visible, "several images and channels", (2, 3, 4, 6), 2),
            back(visible, "a rest that no window reads", (1, 2, 5, 7), 2),
            back(visible, "windows that overlap: shares add up", (1, 2, 5, 4), 3, stride=1),
            back(visible, "float32 stays float32", (2, 1, 4, 6), 2, form=single),
            back(hidden, "a tall image", (2, 3, 8, 4), 2),
            back(hidden, "a wide image", (3, 2, 4, 10), 2),
            back(hidden, "windows that overlap", (2, 3, 6, 5), 3, 1),
            back(hidden, "windows that overlap, a larger stride", (2, 2, 8, 9), 4, 2),
            back(hidden, "windows that overlap, and a rest", (2, 2, 8, 7), 3, 2),
            back(hidden, "windows with gaps between them", (2, 3, 8, 9), 2, stride=3),
            back(hidden, "windows of one pixel", (2, 3, 3, 4), 1),
            back(hidden, "windows of one pixel with gaps", (2, 2, 5, 6), 1, 2),
            back(hidden, "one window in all", (3, 2, 3, 3), 3),
            back(hidden, "one image with one channel", (1, 1, 5, 6), 2),
            back(hidden, "float32, windows that overlap", (2, 2, 5, 6), 3, 1, form=single),
            back(hidden, "numbers with all their digits", (2, 3, 6, 5), 2, form=a.rough),
            back(hidden, "a slice of a larger array", (2, 2, 5, 7), 3, 1, form=a.strided),
            back(hidden, "an array that lies in memory the other way round", (2, 2, 6, 8), 2, form=a.turned),
        ],
    )


def max_over_channels() -> Exercise:
    a = Arrays("max_over_channels")
    by_hand = np.array([[[[1.0, 8.0]], [[3.0, 2.0]], [[5.0, -1.0]], [[4.0, 6.0]]]])

    def pool(make: Make, label: str, x: np.ndarray, groups: int) -> Case:
        n, c, h, w = x.shape
        grouped = x.reshape(n, groups, -1, h, w)
        first = np.arange(groups).reshape(1, -1, 1, 1) * (c // groups)
        answer = {"y": grouped.max(axis=2), "argmax": grouped.argmax(axis=2) + first}
        return make(label, x, groups).seen_as("backprop.pooled").expecting(answer)

    ones = (a(2, 6, 3, 4) > 0).astype(np.float64)
    return Exercise(
        "max_over_channels",
        [
            pool(visible, "two groups worked out by hand", by_hand, 2),
            pool(visible, "two images, three groups", distinct(a, 2, 6, 2, 3), 3),
            pool(visible, "one group of all channels", distinct(a, 2, 5, 2, 3), 1),
            pool(visible, "of equal channels the first one counts", ones[:1, :, :2, :3], 2),
            pool(visible, "all numbers below 0", -distinct(a, 1, 4, 2, 3) - 5, 2),
            pool(visible, "float32 stays float32", distinct(a, 1, 6, 2, 3, dtype=FLOAT32), 2),
            visible("groups that do not fit", a(1, 5, 2, 3), 2),
            pool(hidden, "a tall image", distinct(a, 2, 6, 5, 2), 2),
            pool(hidden, "a wide image, many groups", distinct(a, 3, 8, 2, 5), 4),
            pool(hidden, "fewer groups than channels in a group", distinct(a, 2, 8, 3, 4), 2),
            pool(hidden, "groups of one channel", distinct(a, 2, 4, 2, 3), 4),
            pool(hidden, "one group", distinct(a, 3, 7, 3, 2), 1),
            pool(hidden, "one channel", distinct(a, 2, 1, 3, 4), 1),
            pool(hidden, "a single pixel", distinct(a, 3, 6, 1, 1), 2),
            pool(hidden, "as many channels as rows and columns", distinct(a, 2, 4, 4, 4), 2),
            pool(hidden, "many equal channels", ones, 2),
            pool(hidden, "all numbers alike", np.full((1, 6, 2, 3), -0.5), 3),
            pool(hidden, "numbers after a ReLU", np.maximum(distinct(a, 2, 6, 3, 2), 0), 2),
            pool(hidden, "numbers far below zero", distinct(a, 2, 4, 3, 5) * 1e38 - 1e40, 2),
            pool(hidden, "float32", distinct(a, 2, 6, 3, 4, dtype=FLOAT32), 3),
            pool(hidden, "numbers with all their digits", a.rough(2, 6, 3, 4), 2),
            pool(hidden, "a slice of a larger array", gappy(distinct(a, 2, 6, 3, 2)), 3),
            pool(hidden, "an array that lies in memory the other way round", a.turned(2, 8, 3, 4), 2),
            hidden("more groups than channels", a(2, 4, 2, 3), 8),
            hidden("groups that leave a rest of one", a(2, 7, 2, 3), 3),
            hidden("no group", a(2, 4, 2, 3), 0),
            hidden("a negative number of groups", a(2, 4, 2, 3), -2),
        ],
    )


def max_over_channels_backward() -> Exercise:
    a = Arrays("max_over_channels_backward")
    by_hand = np.array([[[[5.0, 7.0]], [[-2.0, 3.0]]]]), np.array([[[[1, 0]], [[2, 3]]]]), (1, 4, 1, 2)

    def back(
        make: Make, label: str, x: np.ndarray, groups: int, form: Any = None, layout: Any = None
    ) -> Case:
        """form: a method of `a` for the gradient that arrives; layout: applied to the places."""
        n, c, h, w = x.shape
        first = np.arange(groups).reshape(1, -1, 1, 1) * (c // groups)
        argmax = x.reshape(n, groups, -1, h, w).argmax(axis=2) + first
        dy = (form or a)(n, groups, h, w)
        (dx,) = gradients_of(
            lambda x: x.reshape(n, groups, -1, h, w).gather(2, tensor(argmax - first)[:, :, None])[:, :, 0],
            dy,
            np.zeros(x.shape, dy.dtype),
        )
        return make(label, dy, layout(argmax) if layout else argmax, x.shape).expecting(dx)

    def single(*shape: int) -> np.ndarray:
        return a(*shape, dtype=FLOAT32)

    return Exercise(
        "max_over_channels_backward",
        [
            visible("two groups by hand", *by_hand),
            back(visible, "two images, three groups", distinct(a, 2, 6, 2, 3), 3),
            back(visible, "one group of all channels", distinct(a, 2, 5, 2, 3), 1),
            back(visible, "ties: one channel is paid, not all", np.ones((1, 6, 2, 3)), 2),
            back(visible, "float32 stays float32", distinct(a, 1, 6, 2, 3), 2, single),
            back(hidden, "a tall image", distinct(a, 2, 6, 5, 2), 2),
            back(hidden, "a wide image, many groups", distinct(a, 3, 8, 2, 5), 4),
            back(hidden, "groups of one channel", distinct(a, 2, 4, 2, 3), 4),
            back(hidden, "one group", distinct(a, 3, 7, 3, 2), 1),
            back(hidden, "one channel", distinct(a, 2, 1, 3, 4), 1),
            back(hidden, "a single pixel", distinct(a, 3, 6, 1, 1), 2),
            back(hidden, "as many channels as rows and columns", distinct(a, 4, 4, 4, 4), 2),
            back(hidden, "float32", distinct(a, 2, 6, 3, 4), 3, single),
            back(hidden, "numbers with all their digits", distinct(a, 2, 6, 3, 4), 2, a.rough),
            back(
                hidden,
                "places stored in a smaller dtype",
                distinct(a, 2, 6, 2, 3),
                2,
                None,
                lambda argmax: argmax.astype(np.int32),
            ),
            back(hidden, "slices of larger arrays", distinct(a, 2, 6, 3, 2), 3, a.strided, gappy),
            back(
                hidden,
                "arrays that lie in memory the other way round",
                distinct(a, 2, 8, 3, 4),
                2,
                a.turned,
                np.asfortranarray,
            ),
        ],
    )


def numerical_gradient() -> Exercise:
    a = Arrays("numerical_gradient")
    words = {
        "cubes": "(x**3).sum()",
        "products": "(x[..., 1:] * x[..., :-1] ** 2).sum() + (x[0] * x[-1]).sum()",
        "waves": "the sum of 1 sin(x₁) + 2 sin(x₂) + …",
        "first": "x.flat[0] ** 2",
    }

    def nudge(make: Make, label: str, name: str, x: np.ndarray, *h: float) -> Case:
        arguments = ", ".join(["f", shown(x), *map(str, h)])
        call = f"numerical_gradient({arguments}) with f(x) = {words[name]}"
        answer = np.empty(x.shape)
        for index in np.ndindex(x.shape):
            up, down = x.copy(), x.copy()
            up[index] += h[0] if h else 1e-4
            down[index] -= h[0] if h else 1e-4
            answer[index] = (FUNCTIONS[name](up) - FUNCTIONS[name](down)) / (up[index] - down[index])
        case = make(label, name, x, *h).through("backprop.differences", call).expecting(rounded(answer))
        return case.within(1e-8 if h and h[0] > 1e-3 else 1e-4)

    return Exercise(
        "numerical_gradient",
        [
            nudge(visible, "three numbers, a large nudge", "cubes", a(3), 0.5),
            nudge(visible, "a table of numbers", "products", a(2, 3), 0.25),
            nudge(visible, "the usual nudge", "waves", a(3, 2)),
            nudge(visible, "a function of one entry only", "first", a(2, 2), 0.5),
            nudge(hidden, "one number", "cubes", a(1), 0.25),
            nudge(hidden, "a larger nudge", "cubes", a(4, 3), 1.5),
            nudge(hidden, "entries that depend on each other", "products", a(4, 3), 0.125),
            nudge(hidden, "four axes", "products", a(2, 3, 2, 4), 0.5),
            nudge(hidden, "four axes, the usual nudge", "waves", a(2, 1, 3, 2)),
            nudge(hidden, "a small nudge", "waves", a(5), 1e-4),
            nudge(hidden, "a function of one entry, the usual nudge", "first", a(3)),
            nudge(hidden, "numbers with all their digits", "waves", a.rough(3, 4), 0.25),
            nudge(hidden, "a slice of a larger array", "waves", a.strided(3, 4), 0.5),
            nudge(
                hidden, "an array that lies in memory the other way round", "products", a.turned(3, 4), 0.5
            ),
        ],
    )


def relative_error() -> Exercise:
    a = Arrays("relative_error")

    def compare(make: Make, label: str, one: np.ndarray, other: np.ndarray) -> Case:
        size = np.abs(one).astype(np.float64) + np.abs(other)
        quotients = np.abs(one.astype(np.float64) - other)[size > 0] / size[size > 0]
        return make(label, one, other).within(1e-3).expecting(rounded(max([0.0, *quotients])))

    some, rows, flat = a(2, 3), a(3, 4), a(5)
    near = rows * (1 + a(3, 4) / 64)
    signs = a(4, 2)
    large, deep = a(3, 2), a(2, 2, 3, 2)
    zeros = np.zeros((2, 3))
    part = flat.copy()
    part[[1, 3]] = 0
    far, further = np.array([1e4, 2.0, -3.0, 1e-3]), np.array([1e3, 0, 0, 1e-3])
    return Exercise(
        "relative_error",
        [
            compare(visible, "two numbers each", np.array([2.0, -4.0]), np.array([3.0, -5.0])),
            compare(visible, "two tables", some, some + 0.5),
            compare(visible, "the same twice", some, some.copy()),
            compare(visible, "zeros on both sides", np.array([0.0, 3.0]), np.array([0.0, 2.0])),
            compare(visible, "nothing but zeros", zeros, zeros.copy()),
            compare(hidden, "arrays that are near each other", rows, near),
            compare(hidden, "the same, exchanged", near, rows),
            compare(hidden, "signs that differ", signs, signs * np.array([1.0, -1.0])),
            compare(hidden, "all signs differ", large, -large * 2),
            compare(hidden, "all numbers below zero", -np.abs(rows), -np.abs(near)),
            compare(hidden, "a zero on one side", part, part + np.array([0, 0.25, 0, 0, 0])),
            compare(hidden, "some zeros on both sides", part, part * 1.5),
            compare(hidden, "the largest difference is not the largest error", far, far + further),
            compare(hidden, "very large numbers", large * 1e6, large * 1e6 + 1e5),
            compare(hidden, "small numbers", large * 1e-3, large * 1.5e-3),
            compare(hidden, "tiny numbers", flat * 1e-4, flat * 1.25e-4),
            compare(hidden, "four axes", deep, deep + a(2, 2, 3, 2) / 32),
            compare(hidden, "float32", rows.astype(FLOAT32), near.astype(FLOAT32)),
            compare(hidden, "slices of larger arrays", a.strided(3, 4), a.turned(3, 4)),
        ],
    )


def conv2d_backward() -> Exercise:
    a = Arrays("conv2d_backward")
    f = FLOAT32
    impulse = np.zeros((1, 1, 4, 5))
    impulse[0, 0, 1, 2] = 1

    def back(
        make: Make, label: str, x: np.ndarray, weight: np.ndarray, *how: int, form: Any = None, **named: int
    ) -> Case:
        """form: a method of `a` for the gradient that arrives."""
        y = F.conv2d(tensor(x), tensor(weight), None, *how, **named)
        dy = form(*y.shape) if form else a(*y.shape, dtype=str(x.dtype))
        bias = np.zeros(len(weight), x.dtype)
        found = gradients_of(
            lambda x, weight, bias: F.conv2d(x, weight, bias, *how, **named), dy, x, weight, bias
        )
        answer = dict(zip(("dx", "dweight", "dbias"), map(rounded, found), strict=True))
        return make(label, dy, x, weight, *how, **named).seen_as("backprop.layer_gradients").expecting(answer)

    return Exercise(
        "conv2d_backward",
        [
            back(visible, "one bright pixel", impulse, a(1, 1, 3, 2)),
            back(visible, "one channel, a filter that is not square", a(1, 1, 4, 5), a(1, 1, 2, 3)),
            back(visible, "two images, several channels", a(2, 3, 5, 4), a(4, 3, 3, 2), 1, 0),
            back(visible, "padding 1", a(1, 2, 4, 5), a(3, 2, 3, 2), 1, 1),
            back(visible, "stride 2, and a rest that no window reads", a(1, 2, 6, 7), a(2, 2, 3, 2), 2, 0),
            back(visible, "float32 stays float32", a(1, 2, 4, 3, dtype=f), a(2, 2, 2, 2, dtype=f), 1, 1),
            back(hidden, "stride and padding together", a(2, 3, 5, 8), a(4, 3, 3, 2), 2, 1),
            back(hidden, "a stride given by name", a(2, 2, 7, 6), a(3, 2, 2, 3), stride=2),
            back(hidden, "padding given by name", a(2, 2, 4, 3), a(3, 2, 3, 2), padding=2),
            back(hidden, "a stride larger than the filter leaves gaps", a(2, 2, 8, 7), a(3, 2, 2, 2), 3, 0),
            back(hidden, "a stride that does not divide, padding", a(2, 2, 6, 9), a(2, 2, 3, 4), 3, 1),
            back(hidden, "padding wider than the filter", a(1, 2, 3, 4), a(2, 2, 2, 1), 1, 3),
            back(hidden, "a filter of a single pixel", a(2, 3, 3, 4), a(4, 3, 1, 1), 1, 0),
            back(hidden, "a filter of a single pixel with a stride", a(2, 3, 5, 4), a(2, 3, 1, 1), 2, 0),
            back(hidden, "a filter as large as the image", a(2, 2, 3, 4), a(3, 2, 3, 4), 1, 0),
            back(hidden, "one channel, three filters", a(2, 1, 4, 5), a(3, 1, 2, 2), 1, 1),
            back(hidden, "more channels than filters", a(3, 5, 4, 3), a(2, 5, 2, 3), 1, 1),
            back(hidden, "as many channels as filters", a(2, 3, 5, 4), a(3, 3, 3, 3), 1, 1),
            back(hidden, "as many images as channels and filters", a(2, 2, 5, 5), a(2, 2, 3, 3), 2, 1),
            back(hidden, "many images", a(7, 1, 3, 4), a(2, 1, 2, 2), 1, 0),
            back(hidden, "several larger images", a(3, 1, 29, 30), a(1, 1, 16, 16), 1, 0),
            back(hidden, "one large image", a(1, 1, 38, 39), a(1, 1, 16, 16), 1, 0),
            back(hidden, "float32", a(2, 3, 4, 5, dtype=f), a(2, 3, 2, 3, dtype=f), 2, 1),
            back(
                hidden,
                "numbers with all their digits",
                a.rough(2, 3, 4, 5),
                a.rough(2, 3, 3, 2),
                1,
                1,
                form=a.rough,
            ),
            back(
                hidden,
                "slices of larger arrays",
                a.strided(2, 2, 4, 5),
                a.turned(3, 2, 2, 3),
                1,
                1,
                form=a.strided,
            ),
            back(
                hidden,
                "arrays that lie in memory the other way round",
                a.turned(2, 2, 5, 4),
                a.strided(3, 2, 2, 3),
                2,
                0,
                form=a.turned,
            ),
            back(hidden, "a window as wide as the padded image", a(2, 2, 5, 2), a(3, 2, 2, 4), 1, 1),
        ],
    )


def relu_backward() -> Exercise:
    a = Arrays("relu_backward")
    f = FLOAT32

    def back(make: Make, label: str, dy: np.ndarray, x: np.ndarray) -> Case:
        (dx,) = gradients_of(torch.relu, dy, x)
        return make(label, dy, x).expecting(dx)

    zeros = a(2, 3, 4)
    zeros[:, 1], zeros[0, 2] = 0.0, -0.0
    return Exercise(
        "relu_backward",
        [
            back(visible, "six numbers", a(2, 3), np.array([[1.0, -2.0, 0.5], [-0.25, 3.0, -1.0]])),
            back(visible, "a zero has the slope 0", a(3), np.array([-1.0, 0.0, 1.0])),
            back(visible, "a batch of volumes", a(2, 2, 3, 4), a(2, 2, 3, 4)),
            back(visible, "float32 stays float32", a(2, 3, dtype=f), a(2, 3, dtype=f)),
            back(hidden, "one axis", a(9), a(9)),
            back(hidden, "several zeros", a(2, 3, 4), zeros),
            back(hidden, "all inputs below zero", a(3, 4), -np.abs(a(3, 4))),
            back(hidden, "all inputs above zero", a(3, 4), np.abs(a(3, 4))),
            back(hidden, "tiny inputs", a(4), np.array([1e-12, -1e-12, 1e-300, -1e-300])),
            back(hidden, "large inputs", a(3, 2), a(3, 2) * 1e6),
            back(hidden, "a gradient of zeros", np.zeros((2, 3)), a(2, 3)),
            back(hidden, "as many rows as columns", a(3, 3), a(3, 3)),
            back(hidden, "float32, a batch of volumes", a(2, 3, 2, 4, dtype=f), a(2, 3, 2, 4, dtype=f)),
            back(hidden, "numbers with all their digits", a.rough(3, 4), a.rough(3, 4)),
            back(hidden, "slices of larger arrays", a.strided(2, 3, 4), a.turned(2, 3, 4)),
        ],
    )


def linear_backward() -> Exercise:
    a = Arrays("linear_backward")
    f = FLOAT32

    def back(make: Make, label: str, dy: np.ndarray, x: np.ndarray, weight: np.ndarray) -> Case:
        bias = np.zeros(len(weight), x.dtype)
        found = gradients_of(F.linear, dy, x, weight, bias)
        answer = dict(zip(("dx", "dweight", "dbias"), map(rounded, found), strict=True))
        return make(label, dy, x, weight).seen_as("backprop.layer_gradients").expecting(answer)

    by_hand = (
        np.array([[1.0, 2.0]]),
        np.array([[3.0, -1.0, 2.0]]),
        np.array([[1.0, 0.0, 2.0], [-1.0, 1.0, 0.0]]),
    )
    return Exercise(
        "linear_backward",
        [
            back(visible, "one example, worked out by hand", *by_hand),
            back(visible, "four examples, three inputs, two outputs", a(4, 2), a(4, 3), a(2, 3)),
            back(visible, "more outputs than inputs", a(3, 5), a(3, 2), a(5, 2)),
            back(visible, "float32 stays float32", a(2, 3, dtype=f), a(2, 4, dtype=f), a(3, 4, dtype=f)),
            back(hidden, "many examples", a(9, 3), a(9, 2), a(3, 2)),
            back(hidden, "as many outputs as inputs", a(4, 3), a(4, 3), a(3, 3)),
            back(hidden, "as many examples as inputs and outputs", a(3, 3), a(3, 3), a(3, 3)),
            back(hidden, "as many examples as outputs", a(4, 4), a(4, 2), a(4, 2)),
            back(hidden, "one example", a(1, 3), a(1, 5), a(3, 5)),
            back(hidden, "one output", a(4, 1), a(4, 3), a(1, 3)),
            back(hidden, "one input", a(4, 3), a(4, 1), a(3, 1)),
            back(hidden, "float32", a(5, 2, dtype=f), a(5, 3, dtype=f), a(2, 3, dtype=f)),
            back(hidden, "numbers with all their digits", a.rough(4, 2), a.rough(4, 3), a.rough(2, 3)),
            back(hidden, "slices of larger arrays", a.strided(4, 2), a.turned(4, 3), a.strided(2, 3)),
            back(
                hidden,
                "an input the other way round in memory",
                a.turned(3, 4),
                a.strided(3, 2),
                a.turned(4, 2),
            ),
        ],
    )


def with_loss(loss: Callable[..., torch.Tensor]) -> Callable[..., Case]:
    """Cases of a loss of scores and labels, with the answers that PyTorch gives."""

    def case(make: Make, label: str, scores: np.ndarray, y: list[int], dtype: str = "int64") -> Case:
        exact = tensor(scores.astype(np.float64)).requires_grad_()
        value = loss(exact, torch.tensor(y))
        (gradient,) = torch.autograd.grad(value, exact)
        answer = {"loss": rounded(value.item()), "gradient": rounded(gradient.numpy()).astype(scores.dtype)}
        made = make(label, scores, np.array(y, dtype)).seen_as("backprop.loss_and_gradient").expecting(answer)
        return made.within(1e-5) if scores.dtype == FLOAT32 else made

    return case


def softmax_loss() -> Exercise:
    a = Arrays("softmax_loss")
    case = with_loss(F.cross_entropy)
    levels = np.array([[5000], [0], [-5000]])
    far = np.array([[1000.0, 0.0, -1000.0], [3.0, 2.0, 1.0]])
    return Exercise(
        "softmax_loss",
        [
            case(visible, "two classes with equal scores", np.array([[0.0, 0.0]]), [1]),
            case(visible, "three examples, four classes", a(3, 4), [2, 0, 3]),
            case(visible, "one example", a(1, 3), [1]),
            case(visible, "scores of 1000", np.array([[1000.0, 999.0, 998.0], [0.0, 1.0, 2.0]]), [0, 2]),
            case(visible, "float32 stays float32", a(2, 3, dtype=FLOAT32), [0, 2]),
            case(hidden, "many examples", a(9, 3), [0, 2, 1, 1, 0, 2, 2, 2, 0]),
            case(hidden, "all examples of one class", a(4, 5), [4, 4, 4, 4]),
            case(hidden, "the first class", a(2, 4), [0, 0]),
            case(hidden, "as many examples as classes", a(3, 3), [1, 1, 2]),
            case(hidden, "one example, many classes", a(1, 9), [7]),
            case(hidden, "one class only", a(3, 1), [0, 0, 0]),
            case(hidden, "equal scores", np.full((3, 5), 2.5), [0, 4, 2]),
            case(hidden, "certain and right", far, [0, 0]),
            case(hidden, "certain and wrong", far, [2, 1]),
            case(hidden, "very large scores", a(3, 4) * 1e5, [3, 0, 1]),
            case(hidden, "scores far below zero", a(3, 4) - 2000, [1, 2, 0]),
            case(hidden, "examples on very different levels", a(3, 4) + levels, [1, 3, 0]),
            case(hidden, "float32", a(4, 3, dtype=FLOAT32), [2, 1, 1, 0]),
            case(hidden, "float32, large scores", a(3, 4, dtype=FLOAT32) * np.float32(200), [2, 1, 3]),
            case(hidden, "numbers with all their digits", a.rough(4, 5), [3, 0, 0, 4]),
            case(hidden, "labels stored in a smaller dtype", a(3, 4), [3, 1, 0], "int32"),
            case(hidden, "labels stored as bytes", a(3, 4), [0, 2, 3], "uint8"),
            case(hidden, "a slice of a larger array", a.strided(3, 4), [1, 0, 2]),
            case(hidden, "an array that lies in memory the other way round", a.turned(4, 3), [0, 2, 2, 1]),
        ],
    )


def svm_loss() -> Exercise:
    a = Arrays("svm_loss")

    def hinge(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        margins = torch.relu(scores - scores.gather(1, y[:, None]) + 1)
        return (margins * (1 - F.one_hot(y, scores.shape[1]))).sum() / len(y)

    case = with_loss(hinge)
    kink = np.array([[3.0, 2.0, 1.5, 2.5], [1.0, 2.0, 0.0, 1.0]])
    won = np.array([[9.0, 1.0, 2.0], [0.5, 4.0, -1.0]])
    return Exercise(
        "svm_loss",
        [
            case(visible, "one example, worked out by hand", np.array([[2.0, 2.5, 0.5]]), [0]),
            case(visible, "three examples, four classes", a(3, 4), [2, 0, 3]),
            case(visible, "a margin of exactly 1 has the slope 0", kink[:1], [0]),
            case(visible, "every class far enough below", won, [0, 1]),
            case(visible, "float32 stays float32", a(2, 3, dtype=FLOAT32), [0, 2]),
            case(hidden, "many examples", a(9, 3), [0, 2, 1, 1, 0, 2, 2, 2, 0]),
            case(hidden, "several classes inside the margin", np.array([[0.0, 0.5, 0.75, -0.5, -3.0]]), [0]),
            case(hidden, "all examples of one class", a(4, 5), [4, 4, 4, 4]),
            case(hidden, "the first class", a(2, 4), [0, 0]),
            case(hidden, "as many examples as classes", a(3, 3), [1, 1, 2]),
            case(hidden, "one example, many classes", a(1, 9), [7]),
            case(hidden, "one class only", a(3, 1), [0, 0, 0]),
            case(hidden, "equal scores", np.full((3, 5), 2.5), [0, 4, 2]),
            case(hidden, "margins of exactly one", kink, [0, 1]),
            case(hidden, "some examples far enough, some not", np.concatenate([won, a(2, 3)]), [0, 1, 2, 0]),
            case(hidden, "very large scores", a(3, 4) * 1e5, [3, 0, 1]),
            case(hidden, "scores below zero", -np.abs(a(3, 4)) * 2, [1, 2, 0]),
            case(hidden, "float32", a(4, 3, dtype=FLOAT32), [2, 1, 1, 0]),
            case(hidden, "numbers with all their digits", a.rough(4, 5), [3, 0, 0, 4]),
            case(hidden, "labels stored in a smaller dtype", a(3, 4), [3, 1, 0], "int32"),
            case(hidden, "labels stored as bytes", a(3, 4), [0, 2, 3], "uint8"),
            case(hidden, "a slice of a larger array", a.strided(3, 4), [1, 0, 2]),
            case(hidden, "an array that lies in memory the other way round", a.turned(4, 3), [0, 2, 2, 1]),
        ],
    )


def shift_stability() -> Exercise:
    a = Arrays("shift_stability")
    words = {
        "subsampled": "layer(images) = images[:, :, ::2, ::2]",
        "pooled": "a layer of 2 x 2 max pooling",
        "edges": "a layer of differences between neighbours",
    }

    def shift(make: Make, label: str, name: str, images: np.ndarray, shifts: list[int]) -> Case:
        layer, exact = LAYERS[name], images.astype(np.float64)
        width = images.shape[3]
        still = layer(exact)
        answer = []
        for pixels in shifts:
            columns = (np.arange(width) - pixels) % width
            change = layer(exact[..., columns]) - still
            answer.append(((change**2).sum() / (still**2).sum()) ** 0.5)
        call = f"shift_stability(layer, {shown(images)}, {shifts}) with {words[name]}"
        case = make(label, name, images, shifts).through("backprop.shifted", call).seen_as("one_number_each")
        case = case.expecting(rounded(np.array(answer)))
        return case.within(1e-5 if images.dtype == FLOAT32 else 1e-6)

    return Exercise(
        "shift_stability",
        [
            shift(
                visible, "every second pixel, shifts of 0, 1 and 2", "subsampled", a(1, 1, 2, 6), [0, 1, 2]
            ),
            shift(visible, "max pooling of several images", "pooled", a(2, 2, 4, 6), [1, 2, 3]),
            shift(visible, "a shift to the left", "edges", a(2, 1, 3, 5), [-1, 1]),
            shift(visible, "one shift", "pooled", a(1, 2, 4, 8), [1]),
            shift(hidden, "every second pixel of several images", "subsampled", a(3, 2, 4, 7), [1, 2, 3, 4]),
            shift(hidden, "tall images", "pooled", a(2, 3, 8, 4), [0, 1, 2]),
            shift(hidden, "as high as wide", "edges", a(2, 2, 5, 5), [1, 2]),
            shift(hidden, "a whole round and more", "edges", a(2, 2, 3, 5), [5, 6, -5, 12]),
            shift(hidden, "no shift at all", "pooled", a(2, 2, 4, 6), [0]),
            shift(hidden, "shifts in any order", "edges", a(3, 1, 4, 6), [3, -2, 0, 1, 1]),
            shift(
                hidden, "images of different brightness", "edges", a(2, 1, 3, 6) * [[[[9]]], [[[1]]]], [1, 2]
            ),
            shift(hidden, "features with two axes", "edges", a(2, 3, 3, 4), [1, 2, 3]),
            shift(hidden, "float32", "pooled", a(2, 2, 4, 6, dtype=FLOAT32), [1, 2]),
            shift(hidden, "numbers with all their digits", "subsampled", a.rough(2, 2, 3, 6), [1, -1]),
            shift(hidden, "a slice of a larger array", "edges", a.strided(2, 2, 3, 5), [1, 2]),
        ],
    )


def conv_net() -> Exercise:
    a = Arrays("ConvNet")

    def start(make: Make, label: str, in_shape: tuple[int, int, int], *sizes: int) -> Case:
        x, y = a(8, *in_shape, dtype=FLOAT32), np.arange(8) * 3 % sizes[0]
        words = ", ".join(map(str, (in_shape, *sizes)))
        call = f"net = ConvNet({words}, rng=np.random.default_rng(0)), then net.loss on eight images"
        return (
            make(label, in_shape, list(sizes), x, y)
            .through("backprop.net_at_start", call)
            .seen_as("backprop.net_start")
        )

    def answer(x: np.ndarray, y: np.ndarray, params: dict[str, np.ndarray]) -> dict[str, Any]:
        """What PyTorch says."""
        leaves = {name: tensor(value.astype(np.float64)).requires_grad_() for name, value in params.items()}
        hidden_ = F.conv2d(tensor(x.astype(np.float64)), leaves["W1"], leaves["b1"], padding=1)
        scores = F.max_pool2d(F.relu(hidden_), 2).flatten(1) @ leaves["W2"].T + leaves["b2"]
        loss = F.cross_entropy(scores, tensor(y))
        found = torch.autograd.grad(loss, list(leaves.values()))
        return {
            "scores": rounded(scores.detach().numpy()),
            "loss": rounded(loss.item()),
            "gradients": {name: rounded(g.numpy()) for name, g in zip(leaves, found, strict=True)},
            "parameters": "as they were",
        }

    def use(
        make: Make,
        label: str,
        x: np.ndarray,
        y: list[int],
        sizes: tuple[int, int],
        way: str = "new arrays",
        **changes: Callable[[np.ndarray], np.ndarray],
    ) -> Case:
        """A net with given weights, of the dtype of x; sizes: (classes, filters)."""
        (n_classes, n_filters), (channels, height, width) = sizes, x.shape[1:]
        features, dtype = n_filters * (height // 2) * (width // 2), str(x.dtype)
        params = {
            "W1": a(n_filters, channels, 3, 3, dtype=dtype),
            "W2": a(n_classes, features, dtype=dtype) / 4,
            "b1": a(n_filters, dtype=dtype) / 2,
            "b2": a(n_classes, dtype=dtype),
        }
        params |= {name: change(params[name]) for name, change in changes.items()}
        in_shape, labels = x.shape[1:], np.array(y)
        net = f"ConvNet({in_shape}, {n_classes}, {n_filters}) with given params ({way})"
        case = make(label, (in_shape, n_classes, n_filters), params, way, x, labels)
        case = (
            case.through("backprop.net_losses", f"{net}, on x of shape {x.shape}")
            .seen_as("backprop.net_answer")
            .expecting(answer(x, labels, params))
        )
        return case.within(1e-4 if dtype == FLOAT32 or way == "into its arrays" else 1e-8)

    flat = a(2, 2, 4, 6)
    flat[:, :, :, 1:5] = 0.75  # equal maxima
    return Exercise(
        "ConvNet",
        [
            start(visible, "a net at its start: ten classes", (3, 8, 6), 10),
            use(visible, "scores, loss and gradients of one image", a(1, 1, 2, 4), [1], (2, 2)),
            use(visible, "several images and channels", a(3, 2, 4, 6), [2, 0, 1], (3, 4)),
            use(visible, "float32", a(2, 3, 4, 2, dtype=FLOAT32), [1, 3], (4, 3), "into its arrays"),
            start(hidden, "a net at its start: other numbers of classes and filters", (1, 4, 10), 4, 16),
            start(hidden, "a net at its start: two filters, many channels", (12, 6, 4), 25, 2),
            use(hidden, "tall images", a(2, 3, 8, 4), [0, 4], (5, 3)),
            use(hidden, "wide images", a(3, 1, 2, 10), [1, 1, 0], (2, 5)),
            use(hidden, "the usual ten filters", a(2, 3, 4, 6), [2, 5], (6, 10)),
            use(hidden, "one filter", a(4, 2, 4, 4), [1, 2, 0, 2], (3, 1)),
            use(hidden, "a new dictionary of parameters", a(2, 1, 4, 6), [1, 0], (2, 3), "a new dictionary"),
            use(hidden, "black images", np.zeros((2, 2, 4, 6)), [1, 0], (3, 4), b1=np.zeros_like),
            use(hidden, "many images", a(9, 1, 4, 2), [0, 2, 1, 1, 0, 2, 2, 2, 0], (3, 3)),
            use(hidden, "pixels of equal brightness", flat, [1, 0], (3, 4)),
            use(hidden, "hardly any neuron answers", a(2, 2, 4, 6), [0, 1], (3, 4), b1=lambda b: b - 8),
            use(hidden, "no neuron answers at all", a(2, 2, 4, 6), [2, 1], (3, 2), b1=lambda b: b - 99),
            use(hidden, "very large scores", a(2, 2, 4, 4), [1, 0], (3, 3), W2=lambda w: w * 1000),
            use(
                hidden,
                "weights written into the net's arrays",
                a(3, 2, 4, 6),
                [1, 0, 3],
                (4, 2),
                "into its arrays",
            ),
            use(hidden, "float32, new arrays", a(2, 2, 6, 4, dtype=FLOAT32), [2, 0], (3, 5)),
            use(hidden, "numbers with all their digits", a.rough(2, 2, 4, 6), [1, 3], (4, 3)),
            use(hidden, "images that are slices of a larger array", a.strided(2, 3, 4, 6), [0, 2], (3, 2)),
        ],
    )


def gradient_descent() -> Exercise:
    a = Arrays("gradient_descent")
    words = {
        "bowl": "(1 w₁² + 2 w₂² + …) / 2",
        "valley": "((w - 1) ** 4).sum()",
        "slope": "w.sum()",
    }

    def descend(make: Make, label: str, name: str, start: np.ndarray, steps: int, step_size: float) -> Case:
        weights = start.astype(np.float64)
        for _ in range(steps):
            weights = weights - step_size * LOSSES[name](weights)[1]
        arguments = f"loss_fn, {shown(start)}, {steps}, {step_size}"
        call = f"gradient_descent({arguments}) for the loss {words[name]}"
        case = make(label, name, start, steps, step_size).through("backprop.descent", call)
        return case.expecting(rounded(weights).astype(start.dtype))

    return Exercise(
        "gradient_descent",
        [
            descend(visible, "one step on a plane", "slope", np.array([1.0, 2.0, -3.0]), 1, 0.5),
            descend(visible, "three steps", "bowl", a(2, 3), 3, 0.125),
            descend(visible, "no step at all", "bowl", a(3), 0, 0.5),
            descend(visible, "a loss that is not quadratic", "valley", a(4), 5, 0.01),
            descend(hidden, "one step", "bowl", a(3, 2), 1, 0.25),
            descend(hidden, "many steps", "valley", a(2, 3), 40, 0.02),
            descend(hidden, "steps that are too large", "bowl", a(2, 2), 6, 1.0),
            descend(hidden, "steps of size zero", "bowl", a(2, 2), 3, 0.0),
            descend(hidden, "tiny steps", "valley", a(5), 7, 1e-3),
            descend(hidden, "four axes", "bowl", a(2, 3, 2, 2), 4, 0.0625),
            descend(hidden, "no step, four axes", "valley", a(2, 1, 2, 2), 0, 0.1),
            descend(hidden, "float32", "bowl", a(2, 3, dtype=FLOAT32), 3, 0.125),
            descend(hidden, "close to the minimum", "bowl", a(2, 3) / 256, 5, 0.125),
            descend(hidden, "numbers with all their digits", "valley", a.rough(3, 2), 4, 0.05),
            descend(hidden, "a slice of a larger array", "bowl", a.strided(2, 3), 3, 0.125),
        ],
    )


def minibatch_sgd() -> Exercise:
    a = Arrays("minibatch_sgd")

    def train(
        make: Make,
        label: str,
        shape: tuple[int, ...],
        epochs: int,
        batch_size: int,
        step_size: float,
        seed: int,
    ) -> Case:
        x, y = distinct(a, *shape) / shape[0], np.arange(shape[0]) * 7 % 5
        call = (
            f"minibatch_sgd(model, (x, y), {epochs}, {batch_size}, {step_size}, rng) on {shape[0]} examples, "
            "with a model that notes what it is asked"
        )
        case = make(label, x, y, epochs, batch_size, step_size, seed)
        return case.through("backprop.sgd_runs", call).seen_as("backprop.sgd")

    return Exercise(
        "minibatch_sgd",
        [
            train(visible, "12 examples in batches of 4, two epochs", (12, 1, 2, 2), 2, 4, 0.0625, 1),
            train(visible, "11 examples in batches of 4: the last is smaller", (11, 2, 1, 3), 3, 4, 0.125, 2),
            train(visible, "one epoch", (9, 1, 3, 2), 1, 3, 0.0625, 3),
            train(hidden, "a last batch of one", (10, 2, 2, 1), 2, 3, 0.0625, 4),
            train(hidden, "one batch with everything", (8, 1, 2, 3), 3, 8, 0.125, 5),
            train(hidden, "batches larger than the data", (7, 1, 2, 3), 2, 20, 0.125, 6),
            train(hidden, "batches of one", (8, 2, 1, 2), 2, 1, 0.0625, 7),
            train(hidden, "many epochs", (9, 1, 1, 2), 6, 4, 0.25, 8),
            train(hidden, "one epoch, large steps", (13, 1, 2, 2), 1, 5, 1.0, 9),
            train(hidden, "large images", (8, 3, 6, 5), 2, 3, 0.03125, 10),
        ],
    )


def max_pool2d_function() -> Exercise:
    a = Arrays("MaxPool2dFunction")
    words = {
        "once": "and gradients sent back",
        "twice": "and once more with a larger window, in one graph",
        "chained": "and pooled again with stride 1",
        "one number": "summed up",
        "axes turned": "its axes turned afterwards",
        "each output": "and the gradient of every output",
    }

    def weights(output: torch.Tensor) -> torch.Tensor:
        return (torch.arange(output.numel(), dtype=output.dtype) * 3 % 7 - 3).reshape(output.shape)

    def answer(x: torch.Tensor, k: int, s: int, way: str) -> dict[str, torch.Tensor]:
        """What PyTorch's own pooling says."""
        leaf = x.clone().requires_grad_()
        output = F.max_pool2d(leaf, k, s)
        if way == "each output":
            jacobian = torch.autograd.functional.jacobian(lambda x: F.max_pool2d(x, k, s), x)
            return {"output": output.detach(), "gradient": jacobian.flatten(0, 3)}
        total = (output * weights(output)).sum()
        if way == "twice":
            output = F.max_pool2d(leaf * 2, k + 1, s)
            total = total + (output * weights(output)).sum()
        elif way == "chained":
            output = F.max_pool2d(output, k, 1)
            total = (output * weights(output)).sum()
        elif way == "one number":
            total = output.sum()
        elif way == "axes turned":
            turned = output.permute(3, 1, 0, 2)
            total = (turned * weights(turned)).sum()
        return {"output": output.detach(), "gradient": torch.autograd.grad(total, leaf)[0]}

    def pool(make: Make, label: str, x: np.ndarray, k: int, s: int, way: str = "once") -> Case:
        call = f"MaxPool2dFunction.apply(x, {k}, {s}) for x of shape {x.shape}, {words[way]}"
        case = make(label, x, k, s, way).through("backprop.pool_function", call).tensors()
        return case.expecting(answer(tensor(x), k, s, way))

    ones = (a(2, 2, 4, 6) > 0).astype(np.float64)
    return Exercise(
        "MaxPool2dFunction",
        [
            pool(visible, "several images and channels", distinct(a, 2, 3, 4, 6), 2, 2),
            pool(visible, "windows that overlap", distinct(a, 1, 2, 5, 4), 3, 1),
            pool(visible, "of equal maxima the first one is paid", np.ones((1, 2, 4, 6)), 2, 2),
            pool(visible, "a rest that no window reads", distinct(a, 1, 2, 5, 7), 2, 2),
            pool(visible, "the gradient of each output", distinct(a, 1, 2, 4, 5), 2, 1, "each output"),
            pool(visible, "float32", distinct(a, 2, 1, 4, 6, dtype=FLOAT32), 2, 2),
            pool(visible, "new tensors on the device of x", distinct(a, 2, 3, 5, 6), 3, 2).on_gpu(),
            pool(hidden, "a tall image", distinct(a, 2, 3, 8, 4), 2, 2),
            pool(hidden, "new tensors on the device of a larger x", distinct(a, 2, 2, 7, 9), 3, 2).on_gpu(),
            pool(hidden, "windows with gaps between them", distinct(a, 2, 2, 8, 9), 2, 3),
            pool(hidden, "a large window and a rest", distinct(a, 2, 2, 8, 7), 3, 2),
            pool(hidden, "windows of one pixel", distinct(a, 2, 3, 3, 4), 1, 1),
            pool(hidden, "one window in all", distinct(a, 3, 2, 3, 4), 3, 1),
            pool(hidden, "many equal maxima", ones, 2, 2),
            pool(hidden, "equal maxima in windows that overlap", ones, 3, 1),
            pool(hidden, "all numbers below zero", -distinct(a, 2, 2, 4, 6) - 9, 2, 2),
            pool(hidden, "the gradient of every single output", distinct(a, 2, 2, 4, 5), 3, 1, "each output"),
            pool(hidden, "used twice in one graph", distinct(a, 2, 2, 6, 5), 2, 1, "twice"),
            pool(hidden, "one pooling after the other", distinct(a, 2, 2, 8, 9), 2, 2, "chained"),
            pool(hidden, "a gradient without memory of its own", distinct(a, 2, 2, 5, 6), 2, 1, "one number"),
            pool(hidden, "a gradient with its axes turned", distinct(a, 2, 3, 5, 4), 2, 1, "axes turned"),
            pool(hidden, "float32, windows that overlap", distinct(a, 2, 2, 5, 6, dtype=FLOAT32), 3, 1),
            pool(hidden, "numbers with all their digits", a.rough(2, 3, 5, 6), 2, 2),
            pool(hidden, "a slice of a larger tensor", gappy(distinct(a, 2, 2, 5, 6)), 2, 1),
            pool(hidden, "a tensor that lies in memory the other way round", a.turned(2, 3, 5, 8), 3, 2),
        ],
    )


def train_epoch() -> Exercise:
    a = Arrays("train_epoch")

    def train(
        make: Make,
        label: str,
        n: int,
        shape: tuple[int, int, int],
        n_classes: int,
        batch_size: int,
        steps: str,
    ) -> Case:
        x, y = a(n, *shape), np.arange(n) * 7 % n_classes
        weight = a(n_classes, int(np.prod(shape)))
        call = (
            f"train_epoch(model, loader, optimizer, device) on {n} images in batches of {batch_size}; "
            f"the optimizer takes {steps}"
        )
        case = make(label, x, y, weight, batch_size, steps).through("backprop.epoch", call)
        return case.seen_as("backprop.training").tensors().within(1e-5)

    return Exercise(
        "train_epoch",
        [
            train(visible, "12 images in batches of 4", 12, (1, 2, 3), 3, 4, "plain steps"),
            train(
                visible, "11 images in batches of 4: the last is smaller", 11, (2, 3, 2), 4, 4, "plain steps"
            ),
            train(visible, "momentum", 9, (1, 3, 2), 3, 3, "momentum"),
            train(hidden, "one batch with everything", 6, (2, 2, 3), 3, 8, "plain steps"),
            train(hidden, "a last batch of one", 10, (1, 2, 3), 4, 3, "plain steps"),
            train(hidden, "batches of one", 5, (3, 1, 2), 2, 1, "plain steps"),
            train(hidden, "momentum, a smaller last batch", 13, (1, 2, 2), 5, 5, "momentum"),
            train(hidden, "another optimiser", 10, (2, 2, 1), 3, 4, "Adam"),
        ],
    )


def evaluate() -> Exercise:
    a = Arrays("evaluate")

    def measure(
        make: Make,
        label: str,
        n: int,
        shape: tuple[int, int, int],
        n_classes: int,
        batch_size: int,
        training: bool,
    ) -> Case:
        x, weight = a(n, *shape), a(n_classes, int(np.prod(shape)))
        scores = x.reshape(n, -1) @ weight.T + np.arange(n_classes) / 4
        ranked = scores.argsort(axis=1)
        best, second, worst = ranked[:, -1], ranked[:, -2], ranked[:, 0]
        y = np.choose(np.arange(n) % 4, [best, worst, second, best])
        y[-1] = best[-1]
        mode = "training" if training else "evaluation"
        call = (
            f"evaluate(model, loader, device) on {n} images in batches of {batch_size}; "
            f"the model is in {mode} mode"
        )
        case = make(label, x, y, weight, batch_size, training).through("backprop.accuracy", call)
        answer = {
            "model": "in evaluation mode",
            "images": "on the device",
            "model afterwards is": "on the device",
            "gradients": "not recorded",
            "model afterwards": f"in {mode} mode",
            "accuracy": float(np.mean(best == y)),
        }
        return case.seen_as("backprop.evaluation").tensors().within(1e-5).expecting(answer)

    return Exercise(
        "evaluate",
        [
            measure(visible, "12 images in batches of 4", 12, (1, 2, 3), 3, 4, True),
            measure(visible, "11 images in batches of 5: the last is smaller", 11, (2, 3, 2), 4, 5, True),
            measure(visible, "a model in evaluation mode", 9, (1, 3, 2), 5, 4, False),
            measure(hidden, "one batch with everything", 8, (2, 2, 3), 3, 20, True),
            measure(hidden, "a last batch of one", 13, (1, 2, 3), 6, 4, True),
            measure(hidden, "batches of one", 5, (3, 1, 2), 2, 1, False),
            measure(hidden, "as many images in a batch as classes", 7, (1, 2, 3), 4, 4, False),
            measure(hidden, "many classes", 16, (2, 2, 2), 12, 5, True),
        ],
    )


EXERCISES = [
    max_pool2d(),
    avg_pool2d(),
    shift_stability(),
    max_over_channels(),
    numerical_gradient(),
    relative_error(),
    max_pool2d_backward(),
    avg_pool2d_backward(),
    max_over_channels_backward(),
    relu_backward(),
    linear_backward(),
    conv2d_backward(),
    softmax_loss(),
    svm_loss(),
    conv_net(),
    gradient_descent(),
    minibatch_sgd(),
    max_pool2d_function(),
    train_epoch(),
    evaluate(),
]

QUIZZES = [
    Quiz(
        "quiz_features",
        "a whole number",
        3840,
        {
            15360: "These are the numbers before the pooling. It keeps one number of each 2 × 2 window.",
            7680: "A 2 × 2 window halves the height and the width: a quarter of the numbers is left, not "
            "half.",
            1152: "You kept the depth of the input, 3. The output has one slice for each of the ten filters.",
            3450: "With padding 1 a 3 × 3 filter keeps height and width. You pooled a 30 × 46 image.",
            384: "That is one slice. Each of the ten filters makes one.",
        },
        "Follow the volume: depth, height and width after the convolution, then after the pooling. Multiply "
        "what is left.",
    ),
    Quiz(
        "quiz_max_gradient",
        "abcd",
        "b",
        {
            "a": "You share the gradient between the two maxima. Of equal maxima one is paid, the first.",
            "c": "That is the way back through average pooling: everyone gets the same share.",
            "d": "You pay both maxima in full: 12 would go back, though only 6 arrived. One of them took the "
            "maximum.",
        },
    ),
    Quiz(
        "quiz_loss_at_start",
        "abcd",
        "c",
        {
            "a": "A fresh network knows nothing, so each of the 100 classes should get about one hundredth. "
            "Minus the logarithm of that is about 4.6, not 9.2.",
            "b": "Nothing has been trained yet: the step size has had no part in this number.",
            "d": "The loss is a mean over the images. Before training it does not depend on how many there "
            "are.",
        },
    ),
    Quiz(
        "quiz_epoch",
        "abcd",
        "d",
        {
            "a": "One step with all images is full gradient descent. Mini-batches take a step after each "
            "batch.",
            "b": "There are 600 steps, but each reads 100 images only: every image is read once.",
            "c": "The name 'stochastic' suggests one image at a time, but a step is taken for each batch "
            "of 100.",
        },
    ),
]
