"""The cases of notebook 4: what the checks call each exercise with. Instructors only.

Networks are filled with given numbers and used (see utils/probes/architectures.py), so that neither the
names of their parts nor the way they are written matters. Where PyTorch has the layer or the gradient itself,
the right answer is taken from there.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from autograder.cases import Arrays, Case, Exercise, Quiz, hidden, visible

FLOAT32 = "float32"
Make = Callable[..., Case]
Layer = tuple[Any, ...]


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def rounded(value: Any) -> Any:
    """Numbers in twelve decimals: machines differ in the last digits of sums."""
    return np.round(value, 12)


def conv(reads: int, writes: int, kernel: int, stride: int = 1, padding: int = 0) -> Layer:
    return "conv", reads, writes, kernel, stride, padding


def pool(kernel: int, stride: int) -> Layer:
    return "pool", kernel, stride


def linear(reads: int, writes: int) -> Layer:
    return "linear", reads, writes


ALEXNET = [
    conv(3, 96, 11, 4),
    pool(3, 2),
    conv(96, 256, 5, 1, 2),
    pool(3, 2),
    conv(256, 384, 3, 1, 1),
    conv(384, 384, 3, 1, 1),
    conv(384, 256, 3, 1, 1),
    pool(3, 2),
    linear(9216, 4096),
    linear(4096, 4096),
    linear(4096, 1000),
]
SMALL = [conv(3, 4, 3, 1, 1), pool(2, 2), linear(48, 5)]


def activation_volumes() -> Exercise:
    def follow(make: Make, label: str, layers: list[Layer], shape: tuple[int, int, int]) -> Case:
        return make(label, layers, shape)

    def untouched(case: Case) -> Case:
        call = f"activation_volumes({list(case.args[0])}, {case.args[1]}), and what it does to its arguments"
        return case.through("arguments_after", call)

    return Exercise(
        "activation_volumes",
        [
            follow(visible, "a small network", SMALL, (3, 6, 8)),
            follow(visible, "AlexNet, 227 pixels", ALEXNET, (3, 227, 227)),
            follow(visible, "a stride that does not divide", [conv(3, 6, 4, 3, 1)], (3, 9, 12)),
            follow(visible, "a window that does not fit", [conv(1, 2, 5)], (1, 4, 8)),
            follow(visible, "channels that do not fit", [conv(3, 4, 3), conv(5, 2, 1)], (3, 6, 8)),
            untouched(visible("the arguments are left alone", SMALL, (3, 6, 8))),
            follow(hidden, "no layer at all", [], (3, 7, 5)),
            follow(hidden, "one convolution", [conv(2, 7, 3)], (2, 8, 5)),
            follow(hidden, "a convolution with a large frame", [conv(2, 3, 3, 2, 4)], (2, 5, 3)),
            follow(
                hidden, "a window as large as the picture and its frame", [conv(1, 2, 6, 1, 1)], (1, 4, 5)
            ),
            follow(hidden, "one pooling", [pool(3, 2)], (5, 9, 12)),
            follow(hidden, "poolings that overlap", [pool(3, 1), pool(2, 1)], (2, 6, 9)),
            follow(hidden, "a pooling with gaps", [pool(2, 3)], (2, 9, 13)),
            follow(hidden, "a pooling as large as the picture", [pool(4, 4)], (2, 4, 7)),
            follow(hidden, "linear layers alone", [linear(30, 7), linear(7, 2)], (2, 3, 5)),
            follow(
                hidden,
                "one channel, several linear layers",
                [*SMALL[1:2], linear(12, 9), linear(9, 1)],
                (1, 6, 8),
            ),
            follow(hidden, "a tall picture", [conv(3, 8, 5, 2, 2), pool(2, 2), conv(8, 4, 1)], (3, 31, 10)),
            follow(hidden, "a wide picture", [conv(1, 8, 5, 2, 2), pool(3, 2), conv(8, 4, 3)], (1, 13, 40)),
            follow(hidden, "many channels, one pixel", [conv(64, 32, 1), linear(32, 3)], (64, 1, 1)),
            untouched(hidden("a long list, left alone", ALEXNET, (3, 227, 227))),
            follow(hidden, "a frame that is too small", [conv(3, 2, 8, 1, 1)], (3, 9, 5)),
            follow(hidden, "a window that is wider than the picture", [conv(3, 2, 4)], (3, 8, 3)),
            follow(hidden, "a window that is higher than the picture", [conv(3, 2, 4)], (3, 3, 8)),
            follow(hidden, "a pooling that does not fit", [pool(2, 2), pool(3, 2)], (2, 4, 9)),
            follow(hidden, "a large stride, no window", [pool(3, 5)], (2, 2, 9)),
            follow(hidden, "the first convolution reads other channels", [conv(1, 4, 3)], (3, 6, 8)),
            follow(hidden, "a linear layer that reads too much", [linear(61, 4)], (3, 4, 5)),
            follow(hidden, "a linear layer that reads the channels only", [linear(3, 4)], (3, 4, 5)),
            follow(
                hidden, "linear layers that do not fit each other", [linear(60, 4), linear(5, 2)], (3, 4, 5)
            ),
            follow(hidden, "a convolution behind a linear layer", [linear(60, 4), conv(4, 2, 1)], (3, 4, 5)),
            follow(hidden, "a pooling behind a linear layer", [linear(60, 4), pool(1, 1)], (3, 4, 5)),
            follow(hidden, "a word that is no layer", [("relu", 2, 2)], (3, 4, 5)),
            follow(hidden, "a word that is no layer, at the end", [*SMALL, ("Linear", 5, 2)], (3, 6, 8)),
        ],
    )


def count_parameters() -> Exercise:
    def count(make: Make, label: str, layers: list[Layer]) -> Case:
        return make(label, layers)

    return Exercise(
        "count_parameters",
        [
            count(visible, "one convolution", [conv(3, 8, 5, 2, 1)]),
            count(visible, "one linear layer", [linear(6, 4)]),
            count(visible, "a small network", SMALL),
            count(visible, "AlexNet", ALEXNET),
            visible("the layers are left alone", SMALL).through(
                "arguments_after", f"count_parameters({SMALL}), and what it does to its argument"
            ),
            count(visible, "a word that is no layer", [("relu", 3, 3)]),
            count(hidden, "no layer at all", []),
            count(hidden, "pooling alone", [pool(2, 2), pool(3, 1)]),
            count(hidden, "one channel", [conv(1, 5, 3)]),
            count(hidden, "one filter", [conv(7, 1, 4, 3, 2)]),
            count(hidden, "filters of one pixel", [conv(6, 4, 1), conv(4, 9, 1)]),
            count(hidden, "a large kernel", [conv(2, 3, 11, 4)]),
            count(hidden, "one output", [linear(9, 1)]),
            count(hidden, "one input", [linear(1, 8)]),
            count(hidden, "several linear layers", [linear(9, 7), linear(7, 5), linear(5, 2)]),
            count(hidden, "large layers", [conv(512, 1024, 3, 1, 1), linear(25088, 4096)]),
            count(hidden, "layers that do not fit each other", [conv(3, 8, 3), conv(5, 2, 7), linear(4, 4)]),
            count(hidden, "the same layer twice", [conv(4, 4, 3), conv(4, 4, 3)]),
            hidden("a list that is left alone", ALEXNET).through("arguments_after"),
            count(hidden, "a word that is no layer, at the end", [*SMALL, ("norm", 5)]),
            count(hidden, "a word in capitals", [("CONV", 3, 8, 3, 1, 1)]),
            count(
                hidden, "a word that is no layer, between others", [conv(3, 8, 3), ("flatten",), linear(8, 2)]
            ),
        ],
    )


def count_multiply_adds() -> Exercise:
    def count(make: Make, label: str, layers: list[Layer], shape: tuple[int, int, int]) -> Case:
        return make(label, layers, shape)

    return Exercise(
        "count_multiply_adds",
        [
            count(visible, "one convolution", [conv(3, 8, 3)], (3, 6, 5)),
            count(visible, "one linear layer", [linear(30, 4)], (3, 2, 5)),
            count(visible, "a small network", SMALL, (3, 6, 8)),
            count(visible, "AlexNet, 227 pixels", ALEXNET, (3, 227, 227)),
            count(visible, "channels that do not fit", [conv(4, 8, 3)], (3, 6, 5)),
            visible("the arguments are left alone", SMALL, (3, 6, 8)).through(
                "arguments_after",
                f"count_multiply_adds({SMALL}, (3, 6, 8)), and what it does to its arguments",
            ),
            count(hidden, "no layer at all", [], (3, 6, 5)),
            count(hidden, "pooling alone", [pool(2, 2)], (3, 6, 5)),
            count(hidden, "a stride", [conv(2, 5, 3, 2)], (2, 9, 14)),
            count(hidden, "a large frame", [conv(2, 5, 3, 1, 3)], (2, 4, 7)),
            count(hidden, "a stride that does not divide, and a frame", [conv(3, 4, 5, 3, 2)], (3, 11, 16)),
            count(hidden, "filters of one pixel", [conv(6, 3, 1)], (6, 4, 9)),
            count(hidden, "one channel, one filter", [conv(1, 1, 4)], (1, 7, 5)),
            count(
                hidden,
                "poolings between convolutions",
                [conv(3, 8, 3, 1, 1), pool(3, 2), conv(8, 4, 3), pool(2, 2)],
                (3, 13, 20),
            ),
            count(hidden, "linear layers alone", [linear(24, 7), linear(7, 9), linear(9, 2)], (2, 3, 4)),
            count(hidden, "a tall picture", [conv(2, 4, 3, 2, 1), linear(104, 3)], (2, 26, 3)),
            count(
                hidden, "large numbers", [conv(512, 512, 3, 1, 1), conv(512, 1024, 3, 1, 1)], (512, 112, 224)
            ),
            hidden("a list that is left alone", ALEXNET, (3, 227, 227)).through("arguments_after"),
            count(hidden, "a linear layer that does not fit", [conv(3, 8, 3), linear(9, 2)], (3, 6, 5)),
            count(hidden, "a window that does not fit", [conv(3, 8, 7)], (3, 6, 8)),
            count(hidden, "a convolution behind a linear layer", [linear(90, 4), conv(4, 4, 1)], (3, 6, 5)),
            count(hidden, "a word that is no layer", [conv(3, 8, 3), ("dense", 8, 2)], (3, 6, 5)),
        ],
    )


LOOKS = {
    "outputs": "",
    "training": ", in training mode, and its running statistics afterwards",
    "gradients": ", in training mode, and gradients sent back",
}


def networks(name: str) -> Callable[..., Case]:
    """Cases in which a network of that name is built, filled with numbers, and used."""

    def case(
        make: Make,
        label: str,
        arguments: Sequence[Any],
        x: np.ndarray,
        look: str = "outputs",
        way: str = "usual",
        also: Sequence[tuple[str, np.ndarray]] = (),
        **options: Any,
    ) -> Case:
        words = ", ".join([*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())])
        more = "".join(
            f", then {method or 'once more'} on {value.dtype} of shape {value.shape}"
            for method, value in also
        )
        call = f"net = {name}({words}) with given parameters, on {x.dtype} of shape {x.shape}"
        tensors = [(method, tensor(value)) for method, value in also]
        made = make(label, list(arguments), options, x, look, way, tensors).tensors()
        made = made.through("architectures.network", call + more + LOOKS[look])
        made = made.seen_as("architectures.network")
        return made.within(2e-4) if x.dtype == FLOAT32 else made

    return case


def twins(name: str, switch: str) -> Callable[..., Case]:
    """Cases in which the twin of such a network, without its skips, takes over its parameters."""

    def case(make: Make, label: str, arguments: Sequence[Any], x: np.ndarray, **options: Any) -> Case:
        words = ", ".join([*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())])
        call = (
            f"twin = {name}({words}, {switch}=False) with the parameters of {name}({words}), on "
            f"{x.dtype} of shape {x.shape}"
        )
        made = make(label, list(arguments), options, x, switch).tensors()
        return made.through("architectures.twin", call).seen_as("architectures.twin")

    return case


def device(name: str) -> Callable[..., Case]:
    """Cases that look where a network keeps its tensors and makes new ones."""

    def case(make: Make, label: str, arguments: Sequence[Any], shape: Sequence[int], **options: Any) -> Case:
        words = ", ".join([*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())])
        call = f"net = {name}({words}) moved to a device, with a tensor there, and gradients sent back"
        x = np.zeros(tuple(shape), FLOAT32)
        made = make(label, list(arguments), options, x, "gradients").tensors()
        return made.through("architectures.network", call).on_gpu()

    return case


def alexnet() -> Exercise:
    a = Arrays("AlexNet")
    net = networks("AlexNet")
    place = device("AlexNet")
    filters = [(96, 3, 11), (256, 96, 5), (384, 256, 3), (384, 384, 3), (256, 384, 3)]
    matrices = [(4096, 9216), (4096, 4096), (1000, 4096)]
    shapes = [[writes, reads, kernel, kernel] for writes, reads, kernel in filters]
    shapes = [shapes[0], *shapes[2:], shapes[1]]  # by the size of the kernel, read as text
    full = {
        "weights (one row for each)": np.array([[*shape, 0, 0] for shape in matrices] + shapes),
        "number of layers with a bias": 8,
        "number of normalisations": 0,
        "number of running statistics": 0,
        "number of parameters": sum(w * (r * k * k + 1) for w, r, k in filters)
        + sum(w * (r + 1) for w, r in matrices),
        "shape": [2, 1000],
    }
    whole = visible("the full network: its weights, counted", (2, 3, 227, 227)).through(
        "architectures.full_size", 'AlexNet() on the device "meta", for pictures of 227 x 227'
    )
    again = hidden("the full network once more, with one picture", (1, 3, 227, 227)).through(
        "architectures.full_size"
    )
    return Exercise(
        "AlexNet",
        [
            whole.seen_as("architectures.full_size").expecting(full),
            net(visible, "a narrow network for small pictures", [5, 1 / 32, 67], a(2, 3, 67, 67)),
            net(visible, "the gradients", [3, 1 / 48, 67, 2], a(2, 2, 67, 67), "gradients"),
            place(visible, "everything on one device", [3, 1 / 48, 67], (1, 3, 67, 67)),
            place(hidden, "several pictures on one device", [2, 1 / 48, 67], (2, 3, 67, 67)),
            again.seen_as("architectures.full_size").expecting(full | {"shape": [1, 1000]}),
            net(hidden, "a width between whole numbers", [3, 0.0317, 67], a(1, 3, 67, 67)),
            net(hidden, "pictures that leave a rest", [2, 1 / 48, 101], a(1, 3, 101, 101)),
            net(
                hidden,
                "arguments by keyword, float32",
                [],
                a(1, 1, 98, 98, dtype=FLOAT32),
                n_classes=3,
                width=0.02,
                image_size=98,
                in_channels=1,
            ),
            net(hidden, "the gradients of a wider network", [2, 1 / 32, 67, 4], a(1, 4, 67, 67), "gradients"),
        ],
    )


def make_vgg() -> Exercise:
    a = Arrays("make_vgg")
    net = networks("make_vgg")
    place = device("make_vgg")
    return Exercise(
        "make_vgg",
        [
            net(visible, "two convolutions and a pooling", [[4, 6, "M"], 3, 5], a(2, 3, 6, 8)),
            net(
                visible,
                "two sizes of pictures",
                [[5, "M", 4], 3, 2],
                a(2, 3, 4, 6),
                also=[("", a(3, 3, 10, 6))],
            ),
            net(visible, "in training mode", [[4, "M", 6, 5, "M"], 2, 3], a(3, 2, 8, 4), "training"),
            net(visible, "the gradients", [[4, 3, "M"], 2, 3], a(2, 2, 6, 4), "gradients"),
            visible("an entry that means nothing", [[4, "P"], 3, 2], {}, tensor(a(1, 3, 4, 4))).through(
                "architectures.network", "make_vgg([4, 'P'], 3, 2)"
            ),
            place(visible, "everything on one device", [[4, "M", 6], 3, 5], (2, 3, 6, 8)),
            net(hidden, "one convolution", [[3], 2, 4], a(2, 2, 5, 7)),
            net(hidden, "no pooling, one filter in between", [[4, 1, 5], 3, 2], a(2, 3, 6, 5)),
            net(hidden, "no convolution", [["M"], 3, 4], a(2, 3, 6, 4)),
            net(hidden, "an empty plan", [[], 4, 3], a(3, 4, 5, 3)),
            net(hidden, "two poolings after each other", [["M", 4, "M", "M", 3], 1, 6], a(2, 1, 16, 24)),
            net(hidden, "sizes that do not divide", [[4, "M", 5, "M"], 3, 2], a(2, 3, 7, 11)),
            net(
                hidden,
                "three stages, several sizes",
                [[3, "M", 4, "M", 5, 6, "M"], 1, 2],
                a(2, 1, 8, 16),
                also=[("", a(1, 1, 19, 9))],
            ),
            net(
                hidden,
                "many filters, one score, float32",
                [[16, "M", 24], 3, 1],
                a(4, 3, 4, 6, dtype=FLOAT32),
            ),
            net(
                hidden, "the gradients of three stages", [[4, 5, "M", 4, 4], 2, 3], a(2, 2, 6, 4), "gradients"
            ),
            *(
                hidden(label, [plan, 3, 2], {}, tensor(a(1, 3, 8, 8))).through("architectures.network")
                for label, plan in [
                    ("no filters at all", [4, 0]),
                    ("a negative number of filters", [-3]),
                    ("a number of filters that is not whole", [4, 2.5]),
                    ("a small letter", ["m", 4]),
                    ("a text with a number", ["4"]),
                    ("nothing in place of a number", [4, None]),
                ]
            ),
        ],
    )


def forward_of_a_block(x: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
    return F.relu(x + F.conv2d(F.relu(F.conv2d(x, w1, padding=1)), w2, padding=1))


def block_arguments(
    a: Arrays, n: int, channels: int, height: int, width: int, form: Any = None, dtype: str = "float64"
) -> list[np.ndarray]:
    """x, w1 and w2; form: a method of `a` that makes arrays."""
    make = form or (lambda *shape: a(*shape, dtype=dtype))
    small = np.float32(0.25) if dtype == FLOAT32 else 0.25
    filters = [make(channels, channels, 3, 3) for _ in range(2)]
    return [make(n, channels, height, width), filters[0] * small, filters[1] * small]


def gappy(array: np.ndarray) -> np.ndarray:
    """The same numbers, each followed by a gap in memory."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def hand_filters(middle1: float, middle2: float) -> tuple[np.ndarray, np.ndarray]:
    """Two filters for one channel that only look at the pixel itself."""
    filters = np.zeros((2, 1, 1, 3, 3))
    filters[0, 0, 0, 1, 1], filters[1, 0, 0, 1, 1] = middle1, middle2
    return filters[0], filters[1]


def residual_block() -> Exercise:
    a = Arrays("residual_block")

    def case(make: Make, label: str, x: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> Case:
        y = forward_of_a_block(tensor(x), tensor(w1), tensor(w2)).numpy()
        answer = {"y": y if x.dtype == FLOAT32 else rounded(y), "cache": {"x": x, "w1": w1, "w2": w2}}
        return make(label, x, w1, w2).seen_as("architectures.block").expecting(answer)

    def sized(make: Make, label: str, *sizes: int, **form: Any) -> Case:
        return case(make, label, *block_arguments(a, *sizes, **form))

    by_hand = np.array([[[[1.0, -2.0, 3.0]]]])
    x, w1, w2 = block_arguments(a, 2, 3, 5, 4)
    slices = [gappy(value) for value in block_arguments(a, 2, 2, 4, 5)]
    turned = [np.asfortranarray(value) for value in block_arguments(a, 3, 2, 4, 5)]
    return Exercise(
        "residual_block",
        [
            case(visible, "three pixels, worked out by hand", by_hand, *hand_filters(2.0, -1.0)),
            sized(visible, "several pictures and channels", 2, 3, 4, 5),
            case(visible, "filters of zeros: what is left is relu(x)", x, w1 * 0, w2 * 0),
            sized(visible, "float32 stays float32", 2, 2, 3, 4, dtype=FLOAT32),
            sized(hidden, "tall pictures", 2, 3, 7, 3),
            sized(hidden, "wide pictures", 3, 2, 3, 8),
            sized(hidden, "one channel", 2, 1, 4, 6),
            sized(hidden, "one picture", 1, 4, 5, 3),
            sized(hidden, "one pixel", 2, 3, 1, 1),
            sized(hidden, "as many channels as pictures and pixels in a row", 3, 3, 3, 3),
            case(hidden, "the first filters are zero", x, w1 * 0, w2),
            case(hidden, "the second filters are zero", x, w1, w2 * 0),
            case(hidden, "nothing gets through the first ReLU", np.abs(x), -np.abs(w1), w2),
            case(hidden, "all numbers below zero", -np.abs(x), w1, w2),
            case(hidden, "all numbers above zero", np.abs(x), np.abs(w1), np.abs(w2)),
            sized(hidden, "float32", 2, 3, 5, 4, dtype=FLOAT32),
            sized(hidden, "numbers with all their digits", 2, 2, 4, 3, form=a.rough),
            case(hidden, "slices of larger arrays", *slices),
            case(hidden, "arrays that lie in memory the other way round", *turned),
        ],
    )


def residual_block_backward() -> Exercise:
    a = Arrays("residual_block_backward")

    def case(make: Make, label: str, dy: np.ndarray, x: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> Case:
        leaves = [tensor(value).requires_grad_() for value in (x, w1, w2)]
        found = torch.autograd.grad(forward_of_a_block(*leaves), leaves, tensor(dy))
        numbers = [g.numpy() if x.dtype == FLOAT32 else rounded(g.numpy()) for g in found]
        answer = dict(zip(("dx", "dw1", "dw2"), numbers, strict=True))
        return make(label, dy, (x, w1, w2)).seen_as("architectures.block_gradients").expecting(answer)

    def sized(make: Make, label: str, *sizes: int, form: Any = None, dtype: str = "float64") -> Case:
        dy = form(*_shape(sizes)) if form else a(*_shape(sizes), dtype=dtype)
        return case(make, label, dy, *block_arguments(a, *sizes, form=form, dtype=dtype))

    by_hand = np.array([[[[1.0, -2.0, 3.0]]]])
    x, w1, w2 = block_arguments(a, 2, 3, 5, 4)
    dy = a(2, 3, 5, 4)
    holes = np.where(a(2, 3, 5, 4) > 0.5, 0.0, x)
    slices = [gappy(value) for value in block_arguments(a, 2, 2, 4, 5)]
    turned = [np.asfortranarray(value) for value in block_arguments(a, 3, 2, 4, 5)]
    return Exercise(
        "residual_block_backward",
        [
            case(
                visible,
                "three pixels, worked out by hand",
                np.ones((1, 1, 1, 3)),
                by_hand,
                *hand_filters(2.0, -1.0),
            ),
            sized(visible, "several pictures and channels", 2, 3, 4, 5),
            case(visible, "filters of zeros: what is left is the way around", dy, x, w1 * 0, w2 * 0),
            sized(visible, "float32 stays float32", 2, 2, 3, 4, dtype=FLOAT32),
            sized(hidden, "tall pictures", 2, 3, 7, 3),
            sized(hidden, "wide pictures", 3, 2, 3, 8),
            sized(hidden, "one channel", 2, 1, 4, 6),
            sized(hidden, "one picture", 1, 4, 5, 3),
            sized(hidden, "one pixel", 2, 3, 1, 1),
            sized(hidden, "as many channels as pictures and pixels in a row", 3, 3, 3, 3),
            case(hidden, "the first filters are zero", dy, x, w1 * 0, w2),
            case(hidden, "the second filters are zero", dy, x, w1, w2 * 0),
            case(hidden, "nothing gets through the first ReLU", dy, np.abs(x), -np.abs(w1), w2),
            case(hidden, "nothing gets through the last ReLU", dy, -np.abs(x) - 9, w1, w2 * 0),
            case(hidden, "everything gets through", dy, np.abs(x), np.abs(w1), np.abs(w2)),
            case(hidden, "sums of exactly zero", dy, holes, w1, w2 * 0),
            case(hidden, "no gradient arrives", dy * 0, x, w1, w2),
            sized(hidden, "float32", 2, 3, 5, 4, dtype=FLOAT32),
            sized(hidden, "numbers with all their digits", 2, 2, 4, 3, form=a.rough),
            case(hidden, "slices of larger arrays", a.strided(2, 2, 4, 5), *slices),
            case(hidden, "arrays that lie in memory the other way round", a.turned(3, 2, 4, 5), *turned),
        ],
    )


def _shape(sizes: Sequence[int]) -> tuple[int, int, int, int]:
    n, channels, height, width = sizes
    return n, channels, height, width


def residual_block_module() -> Exercise:
    a = Arrays("ResidualBlock")
    net, twin, place = networks("ResidualBlock"), twins("ResidualBlock", "skip"), device("ResidualBlock")
    return Exercise(
        "ResidualBlock",
        [
            net(visible, "as many channels out as in", [3, 3], a(2, 3, 4, 6)),
            net(visible, "more channels, stride 2: with a projection", [2, 4, 2], a(3, 2, 6, 4)),
            net(visible, "the way through is shut: relu(x) is left", [3, 3], a(2, 3, 4, 5), way="around"),
            net(visible, "in training mode", [3, 3], a(2, 3, 4, 6), "training"),
            net(visible, "the gradients", [2, 3], a(2, 2, 4, 5), "gradients"),
            twin(visible, "the plain twin", [3, 3], a(2, 3, 4, 6)),
            twin(visible, "the plain twin of a block with a projection", [2, 4, 2], a(3, 2, 6, 4)),
            place(visible, "everything on one device", [2, 4, 2], (2, 2, 6, 4)),
            net(hidden, "fewer channels", [5, 2], a(2, 5, 4, 3)),
            net(hidden, "more channels, no stride", [2, 5], a(2, 2, 3, 6)),
            net(hidden, "as many channels, with a stride", [4, 4, 2], a(2, 4, 6, 8)),
            net(
                hidden,
                "a stride that does not divide, by keyword",
                [],
                a(2, 3, 7, 5),
                in_channels=3,
                out_channels=5,
                stride=2,
                skip=True,
            ),
            net(hidden, "a large stride", [2, 3, 3], a(2, 2, 8, 10)),
            net(hidden, "one channel, float32", [1, 1], a(4, 1, 5, 3, dtype=FLOAT32)),
            net(
                hidden,
                "the way through is shut, a projection is left",
                [2, 4, 2],
                a(2, 2, 6, 5),
                way="around",
            ),
            net(hidden, "with a projection, in training mode", [3, 2, 2], a(3, 3, 6, 4), "training"),
            net(hidden, "the gradients, without a projection", [3, 3], a.turned(2, 3, 4, 5), "gradients"),
            twin(hidden, "the plain twin, more channels", [2, 3], a(2, 2, 5, 4)),
            net(hidden, "the plain block itself", [3, 3], a(2, 3, 4, 5), skip=False),
        ],
    )


def resnet() -> Exercise:
    a = Arrays("ResNet")
    net, twin, place = networks("ResNet"), twins("ResNet", "skip"), device("ResNet")
    return Exercise(
        "ResNet",
        [
            net(visible, "one stage, one block", [3, 4, (5,), 1], a(2, 3, 4, 6)),
            net(visible, "two stages of two blocks", [2, 3, (4, 6), 2], a(3, 2, 8, 4)),
            net(visible, "the usual widths and blocks", [1, 3], a(1, 1, 4, 8)),
            net(visible, "the ways through are shut", [3, 2, (4, 6), 1], a(2, 3, 4, 6), way="around"),
            net(visible, "in training mode", [2, 3, (3, 4), 1], a(3, 2, 4, 6), "training"),
            net(visible, "the gradients", [2, 3, (4,), 1], a(2, 2, 5, 4), "gradients"),
            twin(visible, "the plain twin", [2, 3, (4, 6), 1], a(3, 2, 8, 4)),
            place(visible, "everything on one device", [3, 4, (4,), 1], (2, 3, 4, 6)),
            net(hidden, "three stages of one block", [1, 2, (3, 4, 5), 1], a(2, 1, 8, 12)),
            net(hidden, "one stage of three blocks", [3, 1, (4,), 3], a(2, 3, 5, 3)),
            net(hidden, "stages of equal width", [3, 2, (4, 4), 2], a(2, 3, 8, 4)),
            net(hidden, "sizes that do not divide, narrower stages", [2, 3, [6, 5, 3], 1], a(2, 2, 7, 9)),
            net(
                hidden, "two sizes of pictures", [2, 3, (3, 5), 1], a(2, 2, 6, 4), also=[("", a(1, 2, 9, 5))]
            ),
            net(
                hidden,
                "arguments by keyword, float32",
                [],
                a(2, 2, 4, 6, dtype=FLOAT32),
                in_channels=2,
                n_classes=3,
                widths=(3, 4),
                blocks=1,
                skip=True,
            ),
            net(hidden, "the gradients of two stages", [2, 3, (4, 3), 2], a(2, 2, 6, 4), "gradients"),
            twin(hidden, "the plain twin, three stages", [1, 4, (3, 4, 5), 1], a(2, 1, 8, 8)),
            net(hidden, "the plain network itself", [3, 2, (3, 4), 2], a(2, 3, 6, 4), skip=False),
        ],
    )


def gradient_norms() -> Exercise:
    a = Arrays("gradient_norms")
    words = {
        "dense": "two linear layers",
        "deep": "four convolutions with normalisations and a linear layer",
        "frozen": "the same with three frozen layers",
        "shared": "a layer that is used twice",
        "rows": "a convolution over the rows and a linear layer",
        "ladder": "an unused layer, and another order of definition than of use",
    }

    def measure(make: Make, label: str, name: str, x: np.ndarray, classes: int, *ways: str) -> Case:
        y = np.arange(len(x)) * 2 % classes
        more = {"training": "in training mode", "before": "with gradients from before", "gpu": "on a GPU"}
        call = f"gradient_norms(model, x, y) for a model of {words[name]}"
        call += "".join(f", {more[way]}" for way in ways)
        made = make(label, name, (x.shape[1], classes), x, y, list(ways)).tensors()
        made = made.through("architectures.gradients_by_layer", call).seen_as("architectures.norms")
        return made.within(1e-4 if x.dtype == FLOAT32 else 1e-6)

    return Exercise(
        "gradient_norms",
        [
            measure(visible, "two linear layers", "dense", a(3, 2, 4, 6), 3),
            measure(
                visible, "a layer without a gradient, the order of definition", "ladder", a(3, 2, 4, 6), 4
            ),
            measure(visible, "normalisation in training mode", "deep", a(4, 3, 5, 4), 3, "training"),
            measure(visible, "gradients that were there before", "dense", a(3, 1, 4, 4), 2, "before"),
            measure(visible, "everything stays on its device", "dense", a(2, 3, 4, 4), 3, "gpu"),
            measure(hidden, "evaluation mode", "deep", a(4, 3, 5, 4), 3),
            measure(hidden, "frozen layers", "frozen", a(3, 2, 4, 6), 3, "training"),
            measure(hidden, "frozen layers, gradients from before", "frozen", a(3, 2, 4, 6), 3, "before"),
            measure(hidden, "a layer that is used twice", "shared", a(3, 2, 4, 5), 3, "before"),
            measure(
                hidden, "an unused layer, training mode", "ladder", a(5, 1, 4, 6), 3, "training", "before"
            ),
            measure(
                hidden, "an unused layer with gradients from before", "ladder", a(2, 2, 4, 6), 3, "before"
            ),
            measure(hidden, "filters with one axis of pixels", "rows", a(3, 2, 4, 5), 3),
            measure(hidden, "many pictures", "dense", a(12, 2, 4, 4), 5),
            measure(hidden, "one picture", "dense", a(1, 2, 4, 6), 2),
            measure(
                hidden,
                "deep, in training mode, with gradients from before",
                "deep",
                a(3, 2, 4, 6),
                2,
                "training",
                "before",
            ),
            measure(hidden, "float32", "deep", a(4, 3, 5, 4, dtype=FLOAT32), 3, "training"),
            measure(hidden, "one device, training mode", "deep", a(3, 2, 4, 4), 3, "training", "gpu"),
        ],
    )


def autoencoder() -> Exercise:
    a = Arrays("Autoencoder")
    net, place = networks("Autoencoder"), device("Autoencoder")

    def refused(make: Make, label: str, shape: tuple[int, int, int]) -> Case:
        call = f"Autoencoder({shape}, 3)"
        return make(label, [shape, 3], {}, tensor(a(1, *shape))).through("architectures.network", call)

    return Exercise(
        "Autoencoder",
        [
            net(visible, "a small picture, a code of three numbers", [(2, 4, 8), 3, 2], a(2, 2, 4, 8)),
            net(
                visible,
                "from a picture to its code",
                [(3, 8, 4), 5, 3],
                a(2, 3, 8, 4),
                also=[("encode", a(3, 3, 8, 4))],
            ),
            net(
                visible,
                "from a code to its picture",
                [(1, 4, 8), 2, 2],
                a(2, 1, 4, 8),
                also=[("decode", a(3, 2))],
            ),
            net(visible, "the gradients", [(2, 4, 4), 3, 2], a(2, 2, 4, 4), "gradients"),
            refused(visible, "a height that is no multiple of 4", (1, 6, 8)),
            place(visible, "everything on one device", [(2, 4, 8), 3, 2], (2, 2, 4, 8)),
            net(hidden, "the usual width", [(1, 4, 8), 2], a(2, 1, 4, 8)),
            net(hidden, "one channel", [(1, 8, 12), 4, 3], a(2, 1, 8, 12)),
            net(
                hidden,
                "a code of one number, one filter",
                [(2, 8, 4), 1, 1],
                a(3, 2, 8, 4),
                also=[("decode", a(2, 1))],
            ),
            net(hidden, "a long code", [(1, 4, 8), 24, 2], a(2, 1, 4, 8), also=[("encode", a(1, 1, 4, 8))]),
            net(hidden, "a square picture, in training mode", [(2, 8, 8), 4, 2], a(3, 2, 8, 8), "training"),
            net(
                hidden,
                "arguments by keyword, float32",
                [],
                a(2, 2, 4, 8, dtype=FLOAT32),
                in_shape=(2, 4, 8),
                bottleneck=3,
                width=2,
            ),
            net(
                hidden,
                "the gradients of a tall picture",
                [(3, 12, 4), 3, 2],
                a.turned(2, 3, 12, 4),
                "gradients",
            ),
            refused(hidden, "a width that is no multiple", (2, 8, 6)),
            refused(hidden, "an odd height", (2, 5, 8)),
        ],
    )


def up_and_concat() -> Exercise:
    a = Arrays("up_and_concat")

    def case(make: Make, label: str, x: np.ndarray, weight: np.ndarray, skip: np.ndarray) -> Case:
        up = F.conv_transpose2d(tensor(x), tensor(weight), stride=2)
        return make(label, x, weight, skip).expecting(torch.cat([tensor(skip), up], dim=1).numpy())

    def sized(
        make: Make, label: str, n: int, c: int, h: int, w: int, up: int, beside: int, form: Any = None
    ) -> Case:
        form = form or a
        return case(make, label, form(n, c, h, w), form(c, up, 2, 2), form(n, beside, 2 * h, 2 * w))

    def single(*shape: int) -> np.ndarray:
        return a(*shape, dtype=FLOAT32)

    by_hand = np.array([[[[2.0, 3.0]]]]), np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.zeros((1, 1, 2, 4))
    return Exercise(
        "up_and_concat",
        [
            case(visible, "two pixels, worked out by hand", *by_hand),
            sized(visible, "several pictures and channels", 2, 4, 2, 3, 3, 2),
            sized(visible, "more channels beside than from below", 1, 2, 3, 2, 1, 5),
            sized(visible, "float32 stays float32", 2, 3, 2, 4, 2, 2, single),
            visible("a skip that is too small", a(1, 2, 3, 4), a(2, 2, 2, 2), a(1, 2, 5, 8)),
            sized(hidden, "a tall volume", 2, 3, 5, 2, 2, 3),
            sized(hidden, "a wide volume", 3, 2, 2, 6, 4, 2),
            sized(hidden, "one channel everywhere", 2, 1, 3, 2, 1, 1),
            sized(hidden, "as many channels on both sides", 2, 3, 2, 4, 3, 3),
            sized(hidden, "as many channels as rows and columns", 2, 2, 2, 2, 2, 2),
            sized(hidden, "one pixel", 2, 4, 1, 1, 2, 3),
            sized(hidden, "one picture", 1, 6, 2, 3, 3, 1),
            sized(hidden, "many channels from below", 2, 9, 2, 3, 5, 4),
            sized(hidden, "float32", 2, 4, 3, 2, 2, 1, single),
            sized(hidden, "numbers with all their digits", 2, 3, 2, 3, 2, 2, a.rough),
            sized(hidden, "slices of larger arrays", 2, 3, 2, 4, 2, 3, a.strided),
            sized(hidden, "arrays that lie in memory the other way round", 3, 2, 4, 2, 3, 2, a.turned),
            hidden("weights for other channels", a(2, 3, 2, 4), a(2, 3, 2, 2), a(2, 2, 4, 8)),
            hidden("filters of another size", a(2, 3, 2, 4), a(3, 2, 3, 3), a(2, 2, 4, 8)),
            hidden("filters that are too wide", a(2, 3, 2, 4), a(3, 2, 2, 3), a(2, 2, 4, 8)),
            hidden("filters of one pixel", a(2, 3, 2, 4), a(3, 2, 1, 1), a(2, 2, 4, 8)),
            hidden("filters of one row", a(2, 3, 2, 4), a(3, 2, 1, 2), a(2, 2, 4, 8)),
            hidden("a skip that is too large", a(2, 3, 2, 4), a(3, 2, 2, 2), a(2, 2, 6, 10)),
            hidden("a skip that is too wide", a(2, 3, 2, 4), a(3, 2, 2, 2), a(2, 2, 4, 9)),
            hidden("a skip of the small size", a(2, 3, 2, 4), a(3, 2, 2, 2), a(2, 2, 2, 4)),
            hidden("a skip that is turned", a(2, 3, 2, 4), a(3, 2, 2, 2), a(2, 2, 8, 4)),
            hidden("another number of pictures", a(2, 3, 2, 4), a(3, 2, 2, 2), a(3, 2, 4, 8)),
            hidden("one picture beside several", a(2, 3, 2, 4), a(3, 2, 2, 2), a(1, 2, 4, 8)),
            hidden("several pictures beside one", a(1, 3, 2, 4), a(3, 2, 2, 2), a(2, 2, 4, 8)),
        ],
    )


def unet() -> Exercise:
    a = Arrays("UNet")
    net, twin, place = networks("UNet"), twins("UNet", "skips"), device("UNet")

    def refused(make: Make, label: str, arguments: Sequence[int], *shape: int) -> Case:
        call = f"UNet({', '.join(map(str, arguments))}) on a tensor of shape {shape}"
        return make(label, list(arguments), {}, tensor(a(*shape))).through("architectures.network", call)

    return Exercise(
        "UNet",
        [
            net(visible, "one step down and up", [2, 1, 3, 1], a(2, 2, 4, 6)),
            net(visible, "the usual width and depth", [1, 1], a(1, 1, 4, 8)),
            net(visible, "nothing comes up: what the skips carry", [2, 3, 2, 2], a(2, 2, 8, 4), way="across"),
            net(visible, "in training mode", [2, 2, 2, 1], a(2, 2, 4, 6), "training"),
            net(visible, "the gradients", [1, 2, 2, 1], a(2, 1, 6, 4), "gradients"),
            twin(visible, "the twin without skips", [2, 1, 2, 2], a(2, 2, 4, 8)),
            refused(visible, "a height that is no multiple of 4", [1, 1, 2, 2], 2, 1, 6, 8),
            place(visible, "everything on one device", [2, 1, 2, 1], (2, 2, 4, 6)),
            net(hidden, "three steps", [1, 2, 2, 3], a(2, 1, 8, 16)),
            net(
                hidden,
                "one channel in, many out, by keyword",
                [],
                a(2, 1, 6, 4),
                in_channels=1,
                out_channels=5,
                width=2,
                depth=1,
                skips=True,
            ),
            net(
                hidden, "one channel on the upper level, float32", [5, 1, 1, 2], a(2, 5, 4, 8, dtype=FLOAT32)
            ),
            net(hidden, "two sizes of pictures", [2, 1, 2, 1], a(2, 2, 6, 4), also=[("", a(1, 2, 2, 8))]),
            net(hidden, "the gradients of two steps", [2, 1, 2, 2], a.turned(2, 2, 8, 4), "gradients"),
            twin(hidden, "the twin without skips, deeper", [3, 2, 1, 3], a(2, 3, 8, 8)),
            net(hidden, "the network without skips itself", [2, 1, 2, 1], a(2, 2, 4, 8), skips=False),
            refused(hidden, "a width that is no multiple", [1, 1, 2, 1], 2, 1, 4, 7),
            refused(hidden, "a multiple of half as much", [2, 1, 2, 3], 1, 2, 12, 8),
            refused(hidden, "a multiple of half as much across", [2, 1, 2, 2], 1, 2, 8, 6),
            place(hidden, "one device, without skips", [2, 1, 2, 1], (2, 2, 4, 6), skips=False),
        ],
    )


def psnr() -> Exercise:
    a = Arrays("psnr")

    def measure(
        make: Make, label: str, x: np.ndarray, target: np.ndarray, *peak: float, **by_name: float
    ) -> Case:
        error = ((x.astype(np.float64) - target.astype(np.float64)) ** 2).mean()
        top = float(by_name.get("peak", peak[0] if peak else 1.0))
        answer = {"size": "infinite", "decibels": 0.0}
        if error:
            answer = {"size": "finite", "decibels": round(20 * np.log10(top) - 10 * np.log10(error), 12)}
        case = make(label, x, target, *peak, **by_name).seen_as("architectures.decibels").expecting(answer)
        return case.within(1e-5) if x.dtype == FLOAT32 else case

    def whole(*shape: int, dtype: str = "uint8") -> np.ndarray:
        return (np.abs(a(*shape, dtype="int64")) * 28).astype(dtype)

    half = np.full((2, 3), 0.5)
    grey = a(2, 3, 4, 5)
    return Exercise(
        "psnr",
        [
            measure(visible, "everywhere a tenth beside it", half, half + 0.1),
            measure(visible, "two pictures", a(4, 6), a(4, 6)),
            measure(visible, "equal pictures", half, half.copy()),
            measure(
                visible, "a peak of 255", whole(3, 4).astype("float64"), whole(3, 4).astype("float64"), 255.0
            ),
            measure(visible, "whole numbers of 8 bits", whole(3, 4), whole(3, 4), 255),
            visible("shapes that differ", a(2, 3), a(3, 2)),
            measure(hidden, "a batch of pictures with several channels", grey, a(2, 3, 4, 5)),
            measure(hidden, "one number", a(1), a(1)),
            measure(hidden, "a peak below one", a(3, 5), a(3, 5), 0.25),
            measure(hidden, "a large peak by its name", a(3, 5) * 100, a(3, 5) * 90, peak=1023.0),
            measure(hidden, "errors larger than the peak", a(3, 5) * 9, a(3, 5)),
            measure(hidden, "hardly any error", grey, grey + 1e-5),
            measure(hidden, "one wrong pixel", half, half + np.eye(2, 3) * [[1], [0]] / 4),
            measure(hidden, "equal pictures with several channels", grey, grey.copy(), 2.0),
            measure(hidden, "equal whole numbers", whole(3, 4) // 2 * 0 + 7, whole(3, 4) // 2 * 0 + 7, 255),
            measure(hidden, "whole numbers without a sign", whole(2, 5, 4), whole(2, 5, 4), peak=255),
            measure(
                hidden,
                "whole numbers with a sign",
                whole(4, 6, dtype="int16") - 99,
                whole(4, 6, dtype="int16"),
                255,
            ),
            measure(
                hidden,
                "large whole numbers",
                whole(4, 6, dtype="int32") * 400,
                whole(4, 6, dtype="int32"),
                65535,
            ),
            measure(
                hidden, "larger and smaller errors", half, half + np.array([[0.5, 0, 0], [0, -0.25, 0.125]])
            ),
            measure(hidden, "float32", a(3, 4, dtype=FLOAT32), a(3, 4, dtype=FLOAT32)),
            measure(hidden, "numbers with all their digits", a.rough(3, 4), a.rough(3, 4)),
            measure(hidden, "a slice of a larger array", a.strided(3, 4), a.turned(3, 4)),
            hidden("shapes that NumPy would stretch", a(3, 4), a(1, 4)),
            hidden("one number beside a picture", a(3, 4), a(1, 1)),
            hidden("an axis more", a(3, 4), a(1, 3, 4)),
            hidden("a picture that is turned", a(3, 4), a(4, 3)),
        ],
    )


def iou() -> Exercise:
    a = Arrays("iou")

    def measure(make: Make, label: str, prediction: np.ndarray, target: np.ndarray) -> Case:
        both, either = (prediction & target).sum(), (prediction | target).sum()
        answer = float(both / either) if either else 1.0
        return make(label, prediction, target).expecting(answer).within(1e-7)  # a quotient in float32

    def mask(*shape: int, above: float = 0.0) -> np.ndarray:
        return a(*shape) > above

    def box(top: int, left: int, height: int, width: int) -> np.ndarray:
        grid = np.zeros((6, 9), bool)
        grid[top : top + height, left : left + width] = True
        return grid

    few, none = mask(4, 6, above=1.0), np.zeros((4, 6), bool)
    return Exercise(
        "iou",
        [
            measure(
                visible,
                "three pixels: one in both",
                np.array([True, True, False]),
                np.array([False, True, True]),
            ),
            measure(visible, "two boxes that overlap", box(0, 0, 3, 4), box(1, 2, 3, 4)),
            measure(visible, "two masks", mask(4, 6), mask(4, 6)),
            measure(visible, "two empty masks", none, none.copy()),
            measure(visible, "one is empty", none, few),
            visible("shapes that differ", mask(2, 3), mask(3, 2)),
            measure(hidden, "boxes that do not meet", box(0, 0, 2, 3), box(3, 4, 2, 3)),
            measure(hidden, "equal masks", few, few.copy()),
            measure(hidden, "a small box inside a large one", box(2, 3, 2, 2), box(1, 1, 4, 6)),
            measure(hidden, "a large box around a small one", box(0, 1, 5, 7), box(2, 2, 1, 3)),
            measure(hidden, "the other one is empty", few, none),
            measure(hidden, "everything and something", ~none, few),
            measure(hidden, "everything twice", ~none, ~none),
            measure(hidden, "few pixels and their opposite", few, ~few),
            measure(hidden, "many pixels", mask(5, 7, above=-1.5), mask(5, 7, above=-1.5)),
            measure(hidden, "masks with several axes", mask(2, 1, 4, 5), mask(2, 1, 4, 5)),
            measure(
                hidden, "a batch in which one picture is empty", np.stack([few, none]), np.stack([~few, none])
            ),
            measure(hidden, "one axis", mask(40), mask(40)),
            measure(hidden, "one pixel", np.array([[True]]), np.array([[True]])),
            measure(
                hidden,
                "more pixels than a byte can count",
                mask(40, 30, above=-1.9),
                mask(40, 30, above=-1.9),
            ),
            measure(hidden, "slices of larger masks", gappy(mask(4, 6)), np.asfortranarray(mask(4, 6))),
            hidden("shapes that NumPy would stretch", mask(3, 4), mask(1, 4)),
            hidden("an axis more", mask(3, 4), mask(1, 3, 4)),
            hidden("a mask that is turned", mask(3, 4), mask(4, 3)),
        ],
    )


def temporal_conv_net() -> Exercise:
    a = Arrays("TemporalConvNet")
    net, place = networks("TemporalConvNet"), device("TemporalConvNet")

    def sees(make: Make, label: str, channels: int, n_layers: int, kernel_size: int, steps: int) -> Case:
        arguments = [channels, 3, 2, n_layers, kernel_size]
        words = ", ".join(map(str, arguments))
        call = f"net = TemporalConvNet({words}), and on which of {steps} steps the middle one depends"
        made = make(label, arguments, {}, a(1, channels, steps)).tensors()
        made = made.through("architectures.reach", call).seen_as("architectures.reach")
        answer = {"future": "not seen", "present": "seen"}
        seen = 1 + (kernel_size - 1) * (2**n_layers - 1)
        return made.expecting(answer | {"steps seen": seen, "steps left out among them": 0})

    return Exercise(
        "TemporalConvNet",
        [
            sees(visible, "how far three layers see", 2, 3, 2, 24),
            net(visible, "one layer", [2, 3, 1, 1], a(2, 2, 6)),
            net(visible, "three layers of three taps", [3, 4, 2, 3, 3], a(2, 3, 20)),
            net(visible, "a sequence of one step", [2, 3, 2, 2], a(3, 2, 1)),
            net(visible, "the gradients", [2, 3, 2, 2], a(2, 2, 7), "gradients"),
            place(visible, "everything on one device", [2, 3, 1, 2], (2, 2, 9)),
            sees(hidden, "how far one layer sees", 1, 1, 2, 10),
            sees(hidden, "how far five layers see", 3, 5, 2, 80),
            sees(hidden, "how far layers with more taps see", 2, 3, 4, 60),
            net(hidden, "many layers", [2, 3, 2, 5], a(2, 2, 40)),
            net(hidden, "many taps, more outputs than channels", [2, 3, 6, 2, 5], a(2, 2, 17)),
            net(hidden, "one channel everywhere", [1, 1, 1, 3], a(3, 1, 11)),
            net(hidden, "two lengths", [2, 3, 2, 3], a(2, 2, 12), also=[("", a(1, 2, 3))]),
            net(
                hidden,
                "arguments by keyword, float32",
                [],
                a(2, 2, 9, dtype=FLOAT32),
                in_channels=2,
                channels=3,
                n_outputs=1,
                n_layers=2,
                kernel_size=3,
            ),
            net(
                hidden, "in training mode, short for its taps", [3, 2, 2, 3, 4], a.turned(2, 3, 4), "training"
            ),
            net(hidden, "the gradients of three layers", [2, 3, 2, 3, 3], a(2, 2, 10), "gradients"),
        ],
    )


EXERCISES = [
    activation_volumes(),
    count_parameters(),
    count_multiply_adds(),
    alexnet(),
    make_vgg(),
    residual_block(),
    residual_block_backward(),
    residual_block_module(),
    resnet(),
    gradient_norms(),
    autoencoder(),
    up_and_concat(),
    psnr(),
    iou(),
    unet(),
    temporal_conv_net(),
]

QUIZZES = [
    Quiz(
        "quiz_three_small",
        "a whole number",
        2700,
        {
            900: "That is one of the three layers: 10 filters, each with 10 · 3 · 3 weights.",
            270: "Each filter reads all ten channels: it has 10 · 3 · 3 weights, not 3 · 3.",
            4900: "That is one layer of 7 × 7 filters, which sees as far as the three together.",
            2730: "You counted 30 biases as well. These layers have none.",
            27: "That is one 3 × 3 slice in each layer. There are 10 filters in each, and each reads 10 "
            "channels.",
        },
        "Count one filter first: it reads all channels that come in. Then take it by the filters, and the "
        "layers.",
    ),
    Quiz(
        "quiz_way_around",
        "abcd",
        "b",
        {
            "a": "Through f nothing comes back, but there is the way around: y = x + f(x) hands dy on to "
            "x as it is.",
            "c": "A sum does not share the gradient out: each of its two summands gets all of it.",
            "d": "The way through f carries nothing back, since its filters are zero. Only the way around "
            "is left.",
        },
    ),
    Quiz(
        "quiz_deeper_and_worse",
        "abcd",
        "c",
        {
            "a": "An overfitted network makes fewer mistakes on its training pictures, not more.",
            "b": "The question says that the gradient at the first layers is not small: it does not vanish.",
            "d": "Few training pictures are easy to learn by heart: there would be fewer mistakes on "
            "them, not more.",
        },
    ),
    Quiz(
        "quiz_channels_beside",
        "a whole number",
        64,
        {
            32: "The skip is put beside what came up, not added to it: the channels of both are there.",
            96: "The transposed convolution has already made 32 channels of the 64.",
            48: "On level 1 the skip has 32 channels; 16 are those of level 0.",
        },
        "Write down the channels of the skip on level 1 and of what the transposed convolution makes, "
        "then put "
        "them side by side.",
    ),
]
