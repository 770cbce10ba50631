"""The cases of notebook 5: what the checks call each exercise with. Instructors only.

Where PyTorch knows the right answer, it is taken from there. Answers that chance has a part in are looked at
through a view, which says what any right way of drawing has in common.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from autograder.cases import Arrays, Case, Exercise, Quiz, hidden, visible
from utils.views.recipe import USUAL, learning_rate

FLOAT32 = "float32"
Make = Callable[..., Case]


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def rounded(value: Any) -> Any:
    """Numbers in twelve digits: machines differ in the last ones of roots and exponentials."""
    size = max(float(np.abs(value).max(initial=0)), 1e-300)
    scale = 10.0 ** math.floor(math.log10(size))
    return np.round(value / scale, 12) * scale if isinstance(value, np.ndarray) else float(f"{value:.12g}")


def with_zeros(array: np.ndarray) -> np.ndarray:
    """The same numbers, every third one put to zero."""
    array = array.copy()
    array.flat[::3] = 0
    return array


def gappy(array: np.ndarray) -> np.ndarray:
    """The same numbers, each followed by a gap in memory."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def penalties(penalty: Callable[..., torch.Tensor]) -> Callable[..., Case]:
    """Makes a case of a penalty; PyTorch finds the gradient."""

    def case(make: Make, label: str, w: np.ndarray, *strengths: float) -> Case:
        leaf = tensor(w.astype(np.float64)).requires_grad_()
        value = penalty(leaf, *strengths)
        (gradient,) = torch.autograd.grad(value, leaf)
        answer = {"value": rounded(value.item()), "gradient": rounded(gradient.numpy()).astype(w.dtype)}
        made = make(label, w, *strengths).seen_as("regularization.penalty").expecting(answer)
        return made.within(1e-5) if w.dtype == FLOAT32 else made

    return case


def l2_penalty() -> Exercise:
    a, case = Arrays("l2_penalty"), penalties(lambda w, lam: lam / 2 * (w**2).sum())
    return Exercise(
        "l2_penalty",
        [
            case(visible, "three weights, worked out by hand", np.array([3.0, -1.0, 2.0]), 0.5),
            case(visible, "the weights of a linear layer", a(2, 3), 0.125),
            case(visible, "four filters", a(4, 2, 3, 2), 0.01),
            case(visible, "a penalty of strength 0", a(2, 3), 0.0),
            case(visible, "float32 stays float32", a(2, 3, dtype=FLOAT32), 0.25),
            case(hidden, "a tall matrix", a(7, 2), 0.75),
            case(hidden, "a wide matrix", a(2, 9), 3.0),
            case(hidden, "filters", a(3, 4, 2, 5), 0.001),
            case(hidden, "one weight", a(1), 2.0),
            case(hidden, "many small weights", a(6, 5) / 1024, 0.1),
            case(hidden, "weights of zero", np.zeros((2, 3)), 0.5),
            case(hidden, "negative weights", -np.abs(a(3, 4)), 0.2),
            case(hidden, "no strength at all", a(3, 2, 2, 1), 0.0),
            case(hidden, "a strong penalty", a(3, 3), 40.0),
            case(hidden, "float32", a(3, 2, 2, 3, dtype=FLOAT32), 0.5),
            case(hidden, "numbers with all their digits", a.rough(3, 5), 0.3),
            case(hidden, "a slice of a larger array", a.strided(3, 4), 0.5),
            case(hidden, "an array that lies in memory the other way round", a.turned(4, 3), 0.25),
        ],
    )


def l1_penalty() -> Exercise:
    a, case = Arrays("l1_penalty"), penalties(lambda w, lam: lam * w.abs().sum())
    return Exercise(
        "l1_penalty",
        [
            case(visible, "three weights, worked out by hand", np.array([3.0, -1.0, 2.0]), 0.5),
            case(visible, "a weight of 0 has the slope 0", np.array([[0.0, -2.0], [0.5, 0.0]]), 0.25),
            case(visible, "the weights of a linear layer", a(2, 3), 0.125),
            case(visible, "four filters", a(4, 2, 3, 2), 0.01),
            case(visible, "float32 stays float32", a(2, 3, dtype=FLOAT32), 0.25),
            case(hidden, "a tall matrix", a(7, 2), 0.75),
            case(hidden, "a wide matrix", a(2, 9), 3.0),
            case(hidden, "filters", a(3, 4, 2, 5), 0.001),
            case(hidden, "some weights of zero", with_zeros(a(4, 5)), 0.5),
            case(hidden, "weights of zero only", np.zeros((2, 3)), 0.5),
            case(hidden, "one weight", a(1), 2.0),
            case(hidden, "tiny weights", a(4, 3) * 2.0**-60, 0.5),
            case(hidden, "negative weights", -np.abs(a(3, 4)), 0.2),
            case(hidden, "no strength at all", a(3, 2, 2, 1), 0.0),
            case(hidden, "a strong penalty", a(3, 3), 40.0),
            case(hidden, "float32, some weights of zero", with_zeros(a(3, 2, 2, 3, dtype=FLOAT32)), 0.5),
            case(hidden, "numbers with all their digits", a.rough(3, 5), 0.3),
            case(hidden, "a slice of a larger array", a.strided(3, 4), 0.5),
            case(hidden, "an array that lies in memory the other way round", a.turned(4, 3), 0.25),
        ],
    )


def elastic_penalty() -> Exercise:
    a = Arrays("elastic_penalty")
    case = penalties(lambda w, lam1, lam2: lam1 * w.abs().sum() + lam2 * (w**2).sum())
    return Exercise(
        "elastic_penalty",
        [
            case(visible, "three weights, worked out by hand", np.array([3.0, -1.0, 2.0]), 0.5, 0.25),
            case(visible, "the absolute values alone", a(2, 3), 0.5, 0.0),
            case(visible, "the squares alone: there is no one-half", a(2, 3), 0.0, 0.5),
            case(visible, "a weight of 0 has the slope 0", np.array([[0.0, -2.0], [0.5, 0.0]]), 0.25, 0.5),
            case(visible, "float32 stays float32", a(2, 3, dtype=FLOAT32), 0.25, 0.5),
            case(hidden, "a tall matrix", a(7, 2), 0.75, 0.1),
            case(hidden, "a wide matrix", a(2, 9), 0.1, 3.0),
            case(hidden, "filters", a(3, 4, 2, 5), 0.001, 0.02),
            case(hidden, "two equal strengths", a(3, 4), 0.25, 0.25),
            case(hidden, "some weights of zero", with_zeros(a(4, 5)), 0.5, 0.125),
            case(hidden, "weights of zero only", np.zeros((2, 3)), 0.5, 0.25),
            case(hidden, "one weight", a(1), 2.0, 0.5),
            case(hidden, "only the absolute values of filters", a(2, 2, 3, 1), 0.75, 0.0),
            case(hidden, "only the squares of filters", a(2, 2, 1, 3), 0.0, 0.75),
            case(hidden, "no strength at all", a(3, 2, 2, 1), 0.0, 0.0),
            case(hidden, "float32, some zeros", with_zeros(a(3, 2, 2, 3, dtype=FLOAT32)), 0.5, 0.25),
            case(hidden, "numbers with all their digits", a.rough(3, 5), 0.3, 0.7),
            case(hidden, "a slice of a larger array", a.strided(3, 4), 0.5, 0.25),
            case(hidden, "an array that lies in memory the other way round", a.turned(4, 3), 0.25, 0.5),
        ],
    )


def max_norm() -> Exercise:
    a = Arrays("max_norm")
    by_hand = np.array([[3.0, 4.0], [0.6, 0.8]])
    mixed = a(4, 2, 3, 2)
    mixed[1] /= 16
    mixed[3] = 0

    def case(make: Make, label: str, w: np.ndarray, c: float) -> Case:
        answer = rounded(_renormed(w, c))
        call = f"max_norm(w, {c}) for w of shape {w.shape}"
        made = make(label, w, c).through("owns_answer", call)
        return made.expecting({"output": answer.astype(w.dtype), "memory": "its own"})

    return Exercise(
        "max_norm",
        [
            visible("two rows worked out by hand", by_hand, 2.0),
            case(visible, "long filters, short ones, and one of zeros", mixed, 2.0),
            case(visible, "all filters short enough: a copy", a(3, 4) / 16, 4.0),
            case(visible, "a row as long as allowed", np.array([[3.0, 4.0], [6.0, 8.0]]), 5.0),
            case(visible, "float32 stays float32", a(2, 3, dtype=FLOAT32), 0.5),
            visible("a bound below 0", a(2, 3), -1.0),
            case(hidden, "a tall matrix", a(7, 2), 1.5),
            case(hidden, "a wide matrix", a(2, 9), 1.0),
            case(hidden, "filters of a convolution", a(5, 3, 2, 4), 3.0),
            case(hidden, "as many inputs as outputs", a(4, 4), 1.25),
            case(hidden, "filters with three axes", a(3, 2, 5), 2.0),
            case(hidden, "one filter", a(1, 2, 3, 3), 0.75),
            case(hidden, "filters that read one number", a(5, 1), 1.0),
            case(hidden, "short filters only", a(3, 2, 2, 2) / 64, 1.0),
            case(hidden, "filters of zeros only", np.zeros((2, 3, 2, 2)), 1.0),
            case(hidden, "long, short and empty filters", np.roll(mixed, 1, axis=0), 1.0),
            case(hidden, "very long filters", a(3, 5) * 1e6, 2.0),
            case(hidden, "very short filters and a tiny bound", a(3, 5) * 1e-9, 1e-9),
            case(hidden, "a bound of zero", a(3, 4), 0.0),
            case(hidden, "a bound of zero, and filters of zeros", np.zeros((2, 3)), 0.0),
            case(hidden, "float32 filters", a(3, 2, 2, 3, dtype=FLOAT32), 1.5),
            case(hidden, "numbers with all their digits", a.rough(3, 5), 1.1),
            case(hidden, "a slice of a larger array", a.strided(3, 2, 4), 1.5),
            case(hidden, "an array that lies in memory the other way round", a.turned(4, 3), 1.0),
            hidden("a negative bound", a(2, 2, 2, 2), -0.25),
        ],
    )


def _renormed(w: np.ndarray, c: float) -> np.ndarray:
    """What the definition says, row by row."""
    rows = [row * min(1.0, c / max(float(np.linalg.norm(row)), 1e-300)) for row in w.astype(np.float64)]
    return np.stack(rows)


def sgd_step() -> Exercise:
    a = Arrays("sgd_step")

    def case(make: Make, label: str, w: np.ndarray, grad: np.ndarray, lr: float, decay: float) -> Case:
        leaf = tensor(w.astype(np.float64)).requires_grad_()
        leaf.grad = tensor(grad.astype(np.float64))
        torch.optim.SGD([leaf], lr=lr, weight_decay=decay).step()
        answer = rounded(leaf.detach().numpy()).astype(w.dtype)
        return make(label, w, grad, lr, decay).expecting(answer)

    f = FLOAT32
    return Exercise(
        "sgd_step",
        [
            case(visible, "by hand", np.array([2.0, -4.0]), np.array([1.0, 1.0]), 0.5, 0.25),
            case(
                visible, "the gradient of the loss is 0: only the decay", a(2, 3), np.zeros((2, 3)), 0.5, 0.1
            ),
            case(visible, "no decay: only the step", a(2, 3), a(2, 3), 0.25, 0.0),
            case(visible, "filters", a(2, 3, 2, 2), a(2, 3, 2, 2), 0.125, 0.5),
            case(visible, "float32 stays float32", a(2, 3, dtype=f), a(2, 3, dtype=f), 0.25, 0.5),
            case(hidden, "a tall matrix", a(7, 2), a(7, 2), 0.75, 0.3),
            case(hidden, "a wide matrix", a(2, 9), a(2, 9), 0.03, 2.0),
            case(hidden, "filters of a convolution", a(3, 2, 4, 3), a(3, 2, 4, 3), 0.1, 0.05),
            case(hidden, "one weight", a(1), a(1), 0.2, 0.7),
            case(hidden, "no gradient", a(3, 4), np.zeros((3, 4)), 0.3, 0.6),
            case(hidden, "no decay", a(3, 4), a(3, 4), 0.3, 0.0),
            case(hidden, "a learning rate of zero", a(3, 4), a(3, 4), 0.0, 0.5),
            case(hidden, "a large learning rate", a(3, 4), a(3, 4), 3.0, 0.5),
            case(hidden, "a learning rate of one", a(3, 4), a(3, 4), 1.0, 0.25),
            case(hidden, "a small learning rate and a strong decay", a(3, 4), a(3, 4), 1e-3, 20.0),
            case(hidden, "weights of zero", np.zeros((3, 2)), a(3, 2), 0.5, 0.5),
            case(hidden, "float32 filters", a(3, 2, 2, 3, dtype=f), a(3, 2, 2, 3, dtype=f), 0.1, 0.3),
            case(hidden, "numbers with all their digits", a.rough(3, 5), a.rough(3, 5), 0.3, 0.7),
            case(hidden, "slices of larger arrays", a.strided(3, 4), a.strided(3, 4), 0.5, 0.25),
            case(hidden, "arrays that lie the other way round", a.turned(4, 3), a.turned(4, 3), 0.25, 0.5),
        ],
    )


def parameter_groups() -> Exercise:
    def case(
        make: Make, label: str, model: str, weight_decay: float, decayed: list[str], others: list[str]
    ) -> Case:
        answer = [
            {"params": decayed, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        call = f"parameter_groups(model, {weight_decay}), where the model has {model}"
        made = make(label, model, weight_decay).through("regularization.groups", call)
        return made.seen_as("regularization.groups").expecting(answer)

    chain = ["0.weight", "4.weight"], ["0.bias", "1.weight", "1.bias", "4.bias"]
    stem, head = "0.stem", "0.head.0"
    stems = [f"{stem}.{name}" for name in ("0.bias", "1.weight", "1.bias", "2.weight")]
    nested = (
        [f"{stem}.0.weight", f"{head}.weight", "1.matrix"],
        [*stems, f"{head}.bias", "1.bias_like", "1.temperature"],
    )
    frozen = ["1.weight", "3.weight"], ["1.bias", "3.bias"]
    tied = ["0.weight", "1.weight"], ["1.bias", "2.bias", "3.weight", "3.bias"]
    two = ["0.weight", "2.weight"], ["0.bias", "2.bias"]
    bare = ["0.weight", "1.weight"], list[str]()
    norms = list[str](), ["0.weight", "0.bias", "1.weight", "1.bias"]
    return Exercise(
        "parameter_groups",
        [
            case(visible, "biases do not decay", "two layers", 0.25, *two),
            case(visible, "the scales of a normalisation do not decay", "a chain", 0.01, *chain),
            case(visible, "frozen parameters are left out", "frozen layers", 0.5, *frozen),
            case(hidden, "a chain of layers", "a chain", 0.5, *chain),
            case(
                hidden,
                "layers inside layers, and parameters of their own",
                "layers inside layers",
                0.1,
                *nested,
            ),
            case(hidden, "some layers frozen", "frozen layers", 0.05, *frozen),
            case(hidden, "a weight that two layers share", "a shared weight", 0.3, *tied),
            case(hidden, "layers without bias", "no biases", 0.2, *bare),
            case(hidden, "a model of normalisations", "norms only", 0.02, *norms),
            case(hidden, "linear layers", "two layers", 1e-4, *two),
        ],
    )


def dropout() -> Exercise:
    a = Arrays("dropout")

    def case(make: Make, label: str, x: np.ndarray, p: float, seed: int) -> Case:
        kept, random = round(1 / (1 - p), 5), p > 0
        answer = {
            "numbers in the mask": [0.0, kept] if random else [1.0],
            "numbers in the mask at test time": [1.0],
            "y": "x times the mask",
            "y at test time": "x times the mask",
            "share of zeros": "p",
            "zeros": "each number on its own" if random else "nothing to see",
            "two calls": "different" if random else "equal",
            "equal generators": "equal",
            "another generator": "different" if random else "equal",
            "dtypes of y and mask": [str(x.dtype)] * 2,
            "dtypes of y and mask at test time": [str(x.dtype)] * 2,
        }
        call = f"dropout(x, {p}, rng, train) for x of shape {x.shape}, several times"
        made = make(label, x, p, seed).through("regularization.drops", call)
        return made.seen_as("regularization.dropped").expecting(answer).within(1e-5)

    def wrong(make: Make, label: str, p: float) -> Case:
        made = make(label, "drops", a(2, 3), p, 1)
        return made.through("regularization.refused", f"dropout(x, {p}, rng, train=True)")

    return Exercise(
        "dropout",
        [
            case(visible, "a quarter is dropped", a(40, 30), 0.25, 1),
            case(visible, "volumes (N, C, H, W)", a(8, 5, 6, 4), 0.5, 2),
            case(visible, "float32 stays float32", a(30, 20, dtype=FLOAT32), 0.75, 3),
            case(visible, "nothing is dropped with p = 0", a(5, 4), 0.0, 4),
            wrong(visible, "p = 1 drops everything", 1.0),
            case(hidden, "many volumes", a(6, 8, 5, 7), 0.3, 5),
            case(hidden, "a long row", a(1200), 0.4, 6),
            case(hidden, "few are dropped", a(50, 40), 0.1, 7),
            case(hidden, "most are dropped", a(40, 50), 0.9, 8),
            case(hidden, "half is dropped", a(45, 30), 0.5, 9),
            case(hidden, "nothing is dropped", a(3, 2, 4, 3), 0.0, 10),
            case(hidden, "float32 volumes", a(5, 6, 7, 5, dtype=FLOAT32), 0.6, 11),
            case(hidden, "three axes", a(12, 9, 11), 0.2, 12),
            case(hidden, "a slice of a larger array", a.strided(30, 40), 0.35, 13),
            case(hidden, "an array that lies in memory the other way round", a.turned(40, 25), 0.7, 14),
            wrong(hidden, "everything would be dropped", 1.0),
            wrong(hidden, "a probability below zero", -0.25),
            wrong(hidden, "a probability above one", 1.5),
        ],
    )


def dropout_backward() -> Exercise:
    a = Arrays("dropout_backward")

    def mask(p: float, *shape: int, dtype: str = "float64") -> np.ndarray:
        """A mask as dropout returns it, with zeros in places that need no generator."""
        return ((a(*shape) > 4 * p - 2) / (1 - p)).astype(dtype)

    def case(make: Make, label: str, dy: np.ndarray, mask: np.ndarray) -> Case:
        return make(label, dy, mask).expecting(rounded(dy * mask))

    by_hand = np.array([[4.0, -2.0, 3.0]]), np.array([[2.0, 0.0, 2.0]])
    f = FLOAT32
    return Exercise(
        "dropout_backward",
        [
            case(visible, "three numbers by hand", *by_hand),
            case(visible, "volumes", a(2, 3, 2, 4), mask(0.25, 2, 3, 2, 4)),
            case(visible, "nothing was dropped", a(2, 3), np.ones((2, 3))),
            case(visible, "float32 stays float32", a(2, 4, dtype=f), mask(0.5, 2, 4, dtype=f)),
            case(hidden, "many rows", a(7, 3), mask(0.3, 7, 3)),
            case(hidden, "larger volumes", a(3, 2, 5, 4), mask(0.6, 3, 2, 5, 4)),
            case(hidden, "one row", a(11), mask(0.75, 11)),
            case(hidden, "a mask of ones", a(3, 2, 2, 3), np.ones((3, 2, 2, 3))),
            case(hidden, "everything was dropped", a(3, 4), np.zeros((3, 4))),
            case(hidden, "few were dropped", a(5, 6), mask(0.1, 5, 6)),
            case(hidden, "most were dropped", a(6, 5), mask(0.9, 6, 5)),
            case(hidden, "float32", a(3, 2, 2, 5, dtype=f), mask(0.4, 3, 2, 2, 5, dtype=f)),
            case(hidden, "numbers with all their digits", a.rough(3, 5), mask(0.3, 3, 5)),
            case(hidden, "slices of larger arrays", a.strided(3, 4), gappy(mask(0.5, 3, 4))),
            case(
                hidden,
                "arrays that lie the other way round",
                a.turned(4, 3),
                np.asfortranarray(mask(0.2, 4, 3)),
            ),
        ],
    )


def dropout_layer() -> Exercise:
    a = Arrays("Dropout")

    def case(make: Make, label: str, x: np.ndarray, seed: int, **options: float) -> Case:
        p = options.get("p", 0.5)
        kept, random = round(1 / (1 - p), 5), p > 0
        answer = {
            "parameters": 0,
            "numbers that x is multiplied by": [0.0, kept] if random else [1.0],
            "numbers in evaluation mode": [1.0],
            "numbers in training mode again": [0.0, kept] if random else [1.0],
            "share of zeros": "p",
            "zeros": "each number on its own" if random else "nothing to see",
            "two calls": "different" if random else "equal",
            "two layers": "different" if random else "equal",
            "gradient": "takes the same way",
            "dtype": str(x.dtype),
            "dtype in evaluation mode": str(x.dtype),
        }
        words = ", ".join(f"{name}={value}" for name, value in options.items())
        call = f"layer = Dropout({words}), then layer(x) for x of shape {x.shape}, trained and not"
        made = make(label, options, x, seed).through("regularization.dropout_layer", call).tensors()
        return made.seen_as("regularization.layer").expecting(answer).within(1e-5)

    def wrong(make: Make, label: str, p: float) -> Case:
        made = make(label, "dropout_layer", {"p": p}, a(2, 3), 1)
        return made.through("regularization.refused", f"Dropout(p={p})").tensors()

    return Exercise(
        "Dropout",
        [
            case(visible, "half is dropped where no p is given", a(30, 40), 1),
            case(visible, "a quarter is dropped", a(40, 30), 2, p=0.25),
            case(visible, "volumes (N, C, H, W)", a(8, 5, 6, 4), 3, p=0.4),
            case(visible, "float32 stays float32", a(30, 20, dtype=FLOAT32), 4, p=0.75),
            case(visible, "new tensors on the device of x", a(3, 4), 14).on_gpu(),
            wrong(visible, "p = 1 drops everything", 1.0),
            case(hidden, "many volumes", a(6, 8, 5, 7), 5, p=0.3),
            case(hidden, "a long row", a(1200), 6, p=0.4),
            case(hidden, "few are dropped", a(50, 40), 7, p=0.1),
            case(hidden, "most are dropped", a(40, 50), 8, p=0.9),
            case(hidden, "nothing is dropped", a(3, 2, 4, 3), 9, p=0.0),
            case(hidden, "volumes, no p given", a(7, 5, 4, 9), 10),
            case(hidden, "float32 volumes", a(5, 6, 7, 5, dtype=FLOAT32), 11, p=0.6),
            case(hidden, "three axes", a(12, 9, 11), 12, p=0.2),
            case(hidden, "a slice of a larger tensor", a.strided(30, 40), 13, p=0.35),
            case(hidden, "new tensors on the device of volumes", a(2, 3, 4, 5), 15, p=0.3).on_gpu(),
            wrong(hidden, "everything would be dropped", 1.0),
            wrong(hidden, "a probability below zero", -0.25),
            wrong(hidden, "a probability above one", 1.5),
        ],
    )


def geometric_ensemble() -> Exercise:
    a = Arrays("geometric_ensemble")

    def case(
        make: Make,
        label: str,
        classes: int,
        n: int,
        p: float,
        x: Any = None,
        scale: float = 1.0,
        dtype: str = "float64",
        w: Any = None,
    ) -> Case:
        w = a(classes, n, dtype=dtype) * np.dtype(dtype).type(scale) if w is None else w
        b = a(classes, dtype=dtype)
        x = a(n, dtype=dtype) if x is None else x
        exact = [value.astype(np.float64) for value in (w, b, x)]
        scores = tensor((1 - p) * (exact[0] @ exact[2]) + exact[1])  # what dropout does at test time
        made = make(label, w, b, x, p).seen_as("doubles").expecting(rounded(scores.softmax(0).numpy()))
        return made.within(1e-4 if dtype == FLOAT32 else 1e-8)

    zeros = with_zeros(a(6))
    contrary = np.array([[4000.0, -4000.0], [-4000.0, 4000.0]])
    return Exercise(
        "geometric_ensemble",
        [
            case(visible, "two classes, two inputs, p = 1/2", 2, 2, 0.5),
            case(visible, "three classes, four inputs, p = 1/4", 3, 4, 0.25),
            case(visible, "p = 0: one network only", 3, 3, 0.0),
            case(visible, "two inputs of 0", 3, 6, 0.25, x=zeros),
            case(visible, "float32", 2, 3, 0.5, dtype=FLOAT32),
            case(hidden, "two classes", 2, 5, 0.2),
            case(hidden, "many classes", 9, 4, 0.6),
            case(hidden, "one input", 3, 1, 0.3),
            case(hidden, "eight inputs", 4, 8, 0.75),
            case(hidden, "as many inputs as classes", 4, 4, 0.1),
            case(hidden, "negative inputs", 3, 5, 0.4, x=-np.abs(a(5))),
            case(hidden, "inputs of zero", 3, 4, 0.5, x=np.zeros(4)),
            case(hidden, "one class", 1, 3, 0.3),
            case(hidden, "nothing is dropped", 4, 5, 0.0),
            case(hidden, "nearly everything is dropped", 4, 5, 0.95),
            case(hidden, "large scores", 3, 4, 0.3, scale=8.0),
            case(hidden, "very large scores", 3, 4, 0.5, scale=2000.0),
            case(hidden, "members that are sure of different classes", 2, 2, 0.5, x=np.ones(2), w=contrary),
            case(hidden, "float32, other probabilities", 4, 5, 0.3, dtype=FLOAT32),
            case(hidden, "a slice of a larger array", 3, 4, 0.3, x=a.strided(4)),
        ],
    )


OptimizerOf = Callable[[list[torch.Tensor], float, Mapping[str, float]], torch.optim.Optimizer]


def updates(name: str, optimizer_of: OptimizerOf) -> Callable[..., Case]:
    """Makes a case of an update rule; PyTorch takes the same steps."""

    def case(
        make: Make,
        label: str,
        w: np.ndarray,
        gradients: np.ndarray,
        rates: float | list[float],
        **options: float,
    ) -> Case:
        each = [rates] * len(gradients) if isinstance(rates, float) else rates
        leaf = tensor(w.astype(np.float64)).requires_grad_()
        optimizer = optimizer_of([leaf], 1.0, options)
        weights = []
        for gradient, rate in zip(gradients, each, strict=True):
            leaf.grad = tensor(gradient.astype(np.float64))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            weights.append(leaf.detach().numpy().copy())
        answer = {
            "weights": rounded(np.stack(weights)).astype(w.dtype),
            "w and grad": "as they were",
            "old state": "as it was",
        }
        words = "".join(f", {option}={value}" for option, value in options.items())
        rate_words = str(rates) if isinstance(rates, float) else "lr"
        call = f"{name}(w, grad, state, {rate_words}{words}) for w of shape {w.shape}, "
        call += "one step" if len(gradients) == 1 else f"{len(gradients)} steps"
        made = make(label, w, gradients, each, options).through("regularization.updates", call)
        return made.seen_as("regularization.moved").expecting(answer)

    return case


def common(a: Arrays, case: Callable[..., Case], lr: float) -> list[Case]:
    """The cases of every update rule."""
    f = FLOAT32
    falling = [lr, lr / 2, lr / 2, lr / 8, lr]
    return [
        case(visible, "the first step", a(2, 3), a(1, 2, 3), lr),
        case(visible, "five steps in a row", a(3, 2), a(5, 3, 2), lr),
        case(visible, "the learning rate changes on the way", a(4), a(5, 4), falling),
        case(visible, "float32 stays float32", a(2, 3, dtype=f), a(3, 2, 3, dtype=f), lr),
        case(hidden, "the first step of filters", a(2, 3, 2, 4), a(1, 2, 3, 2, 4), lr),
        case(hidden, "two steps", a(5, 2), a(2, 5, 2), lr),
        case(hidden, "many steps", a(3, 4), a(12, 3, 4), lr / 2),
        case(hidden, "filters, some steps", a(3, 2, 2, 3), a(4, 3, 2, 2, 3), lr),
        case(hidden, "one weight", a(1), a(6, 1), 2 * lr),
        case(hidden, "always the same gradient", a(2, 4), np.repeat(a(1, 2, 4), 6, axis=0), lr),
        case(
            hidden,
            "gradients of zero at first",
            a(2, 3),
            a(5, 2, 3) * [[[0]], [[0]], [[1]], [[1]], [[0]]],
            lr,
        ),
        case(hidden, "some gradients of zero", a(3, 3), with_zeros(a(4, 3, 3)), lr),
        case(hidden, "a learning rate that falls and rises", a(2, 5), a(5, 2, 5), falling[::-1]),
        case(hidden, "a large learning rate", a(4, 2), a(4, 4, 2), 4.0),
        case(hidden, "a learning rate of zero at first", a(3, 2), a(3, 3, 2), [0.0, lr, lr]),
        case(hidden, "float32 filters", a(2, 2, 3, 1, dtype=f), a(4, 2, 2, 3, 1, dtype=f), lr),
        case(hidden, "numbers with all their digits", a.rough(3, 3), a.rough(4, 3, 3), lr),
        case(hidden, "slices of larger arrays", a.strided(3, 4), a.strided(3, 3, 4), lr),
        case(hidden, "arrays that lie the other way round", a.turned(4, 3), a.turned(3, 4, 3), lr),
    ]


def sgd() -> Exercise:
    a = Arrays("sgd")
    case = updates("sgd", lambda leaves, lr, _: torch.optim.SGD(leaves, lr=lr))
    return Exercise("sgd", common(a, case, 0.125))


def _momentum(nesterov: bool) -> OptimizerOf:
    return lambda leaves, lr, options: torch.optim.SGD(
        leaves, lr=lr, momentum=options.get("beta", 0.9), nesterov=nesterov
    )


def momentum() -> Exercise:
    a, case = Arrays("momentum"), updates("momentum", _momentum(nesterov=False))
    cases = [
        case(visible, "another beta", a(2, 3), a(4, 2, 3), 0.125, beta=0.5),
        case(hidden, "hardly any friction", a(3, 2), a(8, 3, 2), 0.0625, beta=0.99),
        case(hidden, "a short memory", a(3, 2), a(6, 3, 2), 0.25, beta=0.125),
        case(hidden, "no memory at all", a(2, 3), a(4, 2, 3), 0.25, beta=0.0),
    ]
    return Exercise("momentum", common(a, case, 0.125) + cases)


def nesterov() -> Exercise:
    a, case = Arrays("nesterov"), updates("nesterov", _momentum(nesterov=True))
    cases = [
        case(visible, "another beta", a(2, 3), a(4, 2, 3), 0.125, beta=0.5),
        case(hidden, "hardly any friction", a(3, 2), a(8, 3, 2), 0.0625, beta=0.99),
        case(hidden, "a short memory", a(3, 2), a(6, 3, 2), 0.25, beta=0.125),
    ]
    return Exercise("nesterov", common(a, case, 0.125) + cases)


def _adam(kind: Any) -> OptimizerOf:
    def make(leaves: list[torch.Tensor], lr: float, options: Mapping[str, float]) -> torch.optim.Optimizer:
        betas = options.get("beta1", 0.9), options.get("beta2", 0.999)
        decay = {"weight_decay": options.get("weight_decay", 0.01)} if kind is torch.optim.AdamW else {}
        optimizer: torch.optim.Optimizer = kind(
            leaves, lr=lr, betas=betas, eps=options.get("eps", 1e-8), **decay
        )
        return optimizer

    return make


def of_adam(a: Arrays, case: Callable[..., Case], lr: float) -> list[Case]:
    """The cases of Adam and its relatives."""
    tiny = a(4, 3, 2) * 2.0**-27
    return [
        case(visible, "another beta1 and beta2", a(2, 3), a(4, 2, 3), lr, beta1=0.5, beta2=0.75),
        case(visible, "a large eps", a(2, 3), a(3, 2, 3), lr, eps=0.5),
        case(hidden, "another first beta", a(3, 2), a(6, 3, 2), lr, beta1=0.25),
        case(hidden, "another second beta", a(3, 2), a(6, 3, 2), lr, beta2=0.5),
        case(hidden, "no memory of directions", a(3, 2), a(5, 3, 2), lr, beta1=0.0),
        case(hidden, "a larger eps", a(3, 3), a(5, 3, 3), lr, eps=0.125),
        case(hidden, "tiny gradients", a(3, 2), tiny, lr),
        case(hidden, "gradients of very different size", a(2, 4), a(6, 2, 4) * [1, 100, 0.01, 1e-4], lr),
    ]


def adam() -> Exercise:
    a, case = Arrays("adam"), updates("adam", _adam(torch.optim.Adam))
    return Exercise("adam", common(a, case, 0.0625) + of_adam(a, case, 0.0625))


def adamw() -> Exercise:
    a, case = Arrays("adamw"), updates("adamw", _adam(torch.optim.AdamW))
    cases = [
        case(visible, "gradients of 0: only the decay", a(2, 3), np.zeros((3, 2, 3)), 0.25, weight_decay=0.5),
        case(visible, "a strong decay", a(3, 2), a(4, 3, 2), 0.125, weight_decay=0.75),
        case(hidden, "no decay", a(2, 3), a(4, 2, 3), 0.125, weight_decay=0.0),
        case(hidden, "a very strong decay", a(2, 3), a(5, 2, 3), 0.0625, weight_decay=4.0),
        case(hidden, "nothing but the decay", a(3, 4), np.zeros((4, 3, 4)), 0.125, weight_decay=0.3),
        case(hidden, "a decay while the rate changes", a(4), a(3, 4), [0.5, 0.125, 0.25], weight_decay=0.5),
        case(
            hidden,
            "float32, a strong decay",
            a(2, 3, dtype=FLOAT32),
            a(4, 2, 3, dtype=FLOAT32),
            0.125,
            weight_decay=1.0,
        ),
    ]
    return Exercise("adamw", common(a, case, 0.0625) + of_adam(a, case, 0.0625) + cases)


def step_decay() -> Exercise:
    def case(make: Make, label: str, steps: Sequence[int], lr: float, every: int, factor: float) -> Case:
        answer = np.array([lr * factor ** int(step / every) for step in steps])
        call = f"step_decay(step, {lr}, {every}, {factor}) for step = {_few(steps)}"
        made = make(label, list(steps), [lr, every, factor], {}).through("regularization.rates", call)
        return made.seen_as("one_number_each").expecting(rounded(answer))

    return Exercise(
        "step_decay",
        [
            visible("the first step", 0, 0.5, 10, 0.1),
            visible("the step at the first border", 10, 0.5, 10, 0.1),
            case(visible, "twelve steps, four at a time", range(12), 0.5, 4, 0.5),
            case(visible, "every step", range(5), 1.0, 1, 0.5),
            case(hidden, "many borders", range(0, 60, 1), 0.25, 7, 0.5),
            case(hidden, "the steps around a border", [29, 30, 31], 0.1, 30, 0.1),
            case(hidden, "before the first border", range(9), 0.3, 9, 0.2),
            case(hidden, "a factor above one", range(10), 0.125, 3, 2.0),
            case(hidden, "a factor of one", range(8), 0.75, 2, 1.0),
            case(hidden, "down to tiny rates", range(0, 12, 2), 0.01, 2, 0.1),
            case(hidden, "a change at every step", range(6), 0.8, 1, 0.9),
            case(hidden, "far beyond", [1000, 1001, 1234], 2.0, 100, 0.75),
            hidden("one step alone", 25, 0.2, 10, 0.5),
        ],
    )


def _few(steps: Sequence[int]) -> str:
    words = [str(step) for step in steps]
    return ", ".join(words) if len(words) < 5 else f"{words[0]}, {words[1]}, …, {words[-1]}"


def cosine_decay() -> Exercise:
    def case(make: Make, label: str, total: int, lr: float, **options: int) -> Case:
        warmup = options.get("warmup", 0)
        steps = list(range(total))
        recipe = {"lr": lr, "schedule": "cosine", "warmup": warmup / total}
        answer = np.array([learning_rate(recipe, step, total) for step in steps])
        words = "".join(f", {name}={value}" for name, value in options.items())
        call = f"cosine_decay(step, {total}, {lr}{words}) for step = {_few(steps)}"
        made = make(label, steps, [total, lr], options).through("regularization.rates", call)
        return made.seen_as("one_number_each").expecting(rounded(answer))

    cases = [
        visible("the first step, without a warm-up", 0, 8, 0.5),
        visible("half-way down", 4, 8, 0.5),
        case(visible, "eight steps", 8, 1.0),
        case(visible, "ten steps, the first four a warm-up", 10, 0.5, warmup=4),
        visible("a warm-up longer than the training", 0, 5, 0.1, warmup=6),
        case(hidden, "many steps", 50, 0.3),
        case(hidden, "many steps with a warm-up", 40, 0.01, warmup=7),
        case(hidden, "a warm-up of one step", 12, 0.25, warmup=1),
        case(hidden, "a warm-up of zero steps", 9, 0.75, warmup=0),
        case(hidden, "all but the last step are a warm-up", 6, 0.5, warmup=5),
        case(hidden, "one step in all", 1, 0.4),
        case(hidden, "two steps", 2, 0.8),
        case(hidden, "an odd number of steps", 11, 2.0, warmup=2),
        hidden("the last step of the warm-up", 9, 100, 0.2, 10),
        hidden("the first step after the warm-up", 10, 100, 0.2, 10),
        hidden("nothing but a warm-up", 3, 6, 0.5, 6),
        hidden("a warm-up that is too long", 0, 4, 0.1, warmup=9),
        hidden("a negative warm-up", 3, 8, 0.1, warmup=-1),
    ]
    cases = [one.within(1e-6) for one in cases]  # a cosine in float32 …
    cases.append(hidden("the last step", 99, 100, 0.2, 10).within(1e-3))  # … and what it leaves of 1 - 0.999
    return Exercise("cosine_decay", cases)


def init_weights() -> Exercise:
    def case(make: Make, label: str, shape: tuple[int, ...], scheme: str, seed: int) -> Case:
        answer = {
            "standard deviation": "as asked",
            "mean": "near 0",
            "draws": "normal",
            "two calls": "different",
            "equal generators": "equal",
            "another generator": "different",
        }
        call = f"init_weights({shape}, {scheme!r}, rng), several times"
        made = make(label, list(shape), scheme, seed).through("regularization.first_weights", call)
        return made.seen_as("regularization.weights").expecting(answer)

    def wrong(make: Make, label: str, scheme: str) -> Case:
        made = make(label, "first_weights", [4, 3], scheme, 0)
        return made.through("regularization.refused", f"init_weights((4, 3), {scheme!r}, rng)")

    return Exercise(
        "init_weights",
        [
            case(visible, "small weights of a linear layer", (60, 50), "small", 1),
            case(visible, "Xavier's for a linear layer", (120, 30), "xavier", 2),
            case(visible, "He's for a linear layer", (120, 30), "he", 3),
            case(visible, "He's for a convolution", (24, 8, 3, 5), "he", 4),
            wrong(visible, "a scheme that does not exist", "tiny"),
            case(hidden, "small weights of a convolution", (16, 20, 3, 3), "small", 5),
            case(hidden, "Xavier's rule, more inputs than outputs", (25, 160), "xavier", 6),
            case(hidden, "He's rule, more inputs than outputs", (25, 160), "he", 7),
            case(hidden, "Xavier's rule for a convolution", (8, 40, 3, 5), "xavier", 8),
            case(hidden, "Xavier's rule for a convolution with many filters", (48, 6, 5, 3), "xavier", 9),
            case(hidden, "He's rule for a convolution with few filters", (6, 40, 5, 3), "he", 10),
            case(hidden, "He's rule for filters of one pixel", (40, 70, 1, 1), "he", 11),
            case(hidden, "He's rule for flat filters", (32, 10, 1, 9), "he", 12),
            case(hidden, "He's rule for a few inputs only", (900, 4), "he", 13),
            wrong(hidden, "an unknown scheme", "zeros"),
            wrong(hidden, "a scheme of no name", ""),
        ],
    )


KNOBS = {"augment": "augment: a function", "checkpoint": "checkpoint: a path"}  # how a call is written
WAYS = {
    "gpu": "on a GPU",
    "there": "with examples that are there already",
    "seeds": "three times",
    "no device": "without naming a device",
}


def fit() -> Exercise:
    a = Arrays("fit")

    def data(n: int, shape: tuple[int, ...], classes: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
        return a(n, *shape, dtype=dtype), np.arange(n) * 7 % classes

    def case(
        make: Make,
        label: str,
        script: Sequence[int],
        n: int = 11,
        n_valid: int = 7,
        shape: tuple[int, ...] = (1, 2, 3),
        classes: int = 3,
        dtype: str = "float64",
        ways: Sequence[str] = (),
        epochs: int | None = None,
        **recipe: Any,
    ) -> Case:
        """epochs: how many take place, if not all."""
        (x, y), (valid_x, valid_y) = data(n, shape, classes, dtype), data(n_valid, shape, classes, dtype)
        weight = a(classes, int(np.prod(shape)), dtype=dtype) / 2
        recipe = {"batch_size": 4, "epochs": len(script)} | recipe
        used = USUAL | recipe
        size = used["batch_size"]
        sizes = [len(range(first, min(first + size, n))) for first in range(0, n, size)]
        taken = recipe["epochs"] if epochs is None else epochs
        seen = list(script)[:taken]
        best = seen.index(max(seen))
        total = recipe["epochs"] * len(sizes)
        rates = [learning_rate(used, step, total) for step in range(taken * len(sizes))]
        answer = {
            "model": "in training mode",
            "images": "on the device",
            "images at validation": "on the device",
            "mixed precision": "as asked",
            "model at validation": "in evaluation mode",
            "gradients at validation": "not recorded",
            "validation": "all of them after each epoch",
            "batch sizes": sizes * taken,
            "each epoch": "holds each example once",
            "order": "new in each epoch",
            "training examples": "altered" if "augment" in ways else "as they are",
            "validation examples": "as they are",
            "steps": "as the recipe says",
            "learning rates": rounded(np.array(rates)),
            "losses": "the mean over the examples",
            "accuracies": np.round(np.array(seen) / n_valid, 5),
            "best": best,
            "seconds": "since the start",
            "weights at the end": "of the best epoch",
            "statistics at the end": "of the best epoch",
            "model afterwards": "in evaluation mode",
            "recipe": "as it was",
        }
        if "checkpoint" in ways:
            answer |= {"file": "the weights at the end", "file's tensors": "on the CPU"}
        if "seeds" in ways:
            answer |= {
                "order, same seed": "equal",
                "order, another seed": "different",
                "random layers, same seed": "equal",
                "random layers, another seed": "different",
            }
        given = [f"{name}: {value}" for name, value in recipe.items()] + [
            KNOBS[w] for w in ways if w in KNOBS
        ]
        call = f"fit(model, train, valid, recipe, device) on {n} examples, with {{{', '.join(given)}}}"
        call += "".join(f", {WAYS[way]}" for way in ways if way in WAYS)
        made = make(label, x, y, valid_x, valid_y, weight, list(script), recipe, list(ways))
        return made.through("regularization.fits", call).seen_as("recipe.fit").tensors().expecting(answer)

    def wrong(make: Make, label: str, **recipe: Any) -> Case:
        (x, y), (valid_x, valid_y) = data(6, (2, 2), 2, "float64"), data(5, (2, 2), 2, "float64")
        knobs = recipe | {"epochs": 1}
        made = make(label, "fits", x, y, valid_x, valid_y, a(2, 4), [2, 3], knobs, []).tensors()
        return made.through("regularization.refused", f"fit(model, train, valid, {recipe}, device)")

    sgd_, adam_ = {"optimizer": "sgd", "lr": 0.125}, {"optimizer": "adam", "lr": 0.0625}
    constant = {"schedule": "constant"}
    return Exercise(
        "fit",
        [
            case(visible, "three epochs of SGD", [2, 3, 5], ways=["gpu"], **sgd_, **constant),
            case(visible, "the best epoch is not the last", [2, 6, 4, 3], **sgd_, **constant),
            case(visible, "the learning rate falls along a cosine", [2, 3, 4], **sgd_),
            case(
                visible,
                "weights decay, biases and scales do not",
                [2, 3, 4],
                weight_decay=0.5,
                lr=0.125,
                **constant,
            ),
            case(
                visible,
                "two epochs in a row without a new best",
                [3, 5, 4, 4, 4, 6],
                epochs=4,
                patience=2,
                **sgd_,
            ),
            wrong(visible, "a knob that does not exist", learning_rate=0.1),
            case(hidden, "a recipe that says hardly anything", [1, 4, 2], ways=["gpu"]),
            case(
                hidden,
                "one batch with everything",
                [2, 3, 5, 4],
                n=9,
                batch_size=20,
                ways=["no device"],
                **sgd_,
            ),
            case(
                hidden,
                "a last batch of one",
                [3, 1, 2],
                n=9,
                n_valid=6,
                shape=(2, 3),
                classes=4,
                lr=0.0625,
                **constant,
            ),
            case(hidden, "the first epoch is the best", [6, 2, 5, 3], weight_decay=0.25, lr=0.125),
            case(hidden, "two epochs are equally good", [2, 5, 3, 5, 5], **sgd_, momentum=0.5, seconds=1e6),
            case(hidden, "no example is ever right", [0, 0, 0], **sgd_),
            case(hidden, "no momentum", [2, 4, 3], **sgd_, momentum=0.0, **constant),
            case(hidden, "the penalty of Adam", [1, 3, 4], **adam_, weight_decay=0.75, **constant),
            case(
                hidden,
                "a learning rate that falls in steps",
                [1, 2, 4, 5, 3],
                n=7,
                batch_size=3,
                schedule="step",
                **sgd_,
            ),
            case(hidden, "a warm-up", [1, 2, 4, 3], n=15, warmup=0.3, **sgd_),
            case(hidden, "smoothed labels", [2, 3, 5], label_smoothing=0.25, **sgd_, **constant),
            case(hidden, "filters kept short", [2, 4, 3], max_norm=1.0, **sgd_, **constant),
            case(hidden, "training examples are altered", [2, 4, 3], ways=["augment", "gpu"], **sgd_),
            case(hidden, "patience of one epoch", [3, 4, 4, 4, 6], patience=1, epochs=3, **sgd_),
            case(hidden, "patience that is not needed", [3, 2, 4, 3, 5], patience=2, **sgd_),
            case(
                hidden,
                "patience runs out long before the end",
                [4, 3, 3, 2, 2, 6, 7],
                patience=3,
                epochs=4,
                **adam_,
            ),
            case(hidden, "no time at all", [3, 4, 5], seconds=0.0, epochs=1, **sgd_),
            case(hidden, "the best weights in a file", [3, 6, 5, 4], ways=["checkpoint", "gpu"], **sgd_),
            case(
                hidden, "examples that are on the device already", [3, 4, 2], ways=["gpu", "there"], **adam_
            ),
            case(hidden, "half precision on a GPU", [2, 3], ways=["gpu"], mixed_precision=True, **sgd_),
            case(hidden, "no half precision wanted", [2, 3], ways=["gpu"], mixed_precision=False, **sgd_),
            case(hidden, "what the seed decides", [2, 3], n=13, ways=["seeds"], seed=4, **sgd_),
            case(hidden, "float32", [2, 4, 3], dtype=FLOAT32, mixed_precision=False, **sgd_),
            case(hidden, "many validation examples", [301, 420], n=8, n_valid=503, shape=(2, 3, 4), **sgd_),
            wrong(hidden, "an unknown knob", weight_decays=0.1),
            wrong(hidden, "an unknown optimiser", optimizer="lion"),
            wrong(hidden, "an unknown schedule", schedule="linear"),
        ],
    )


def random_search() -> Exercise:
    space = {
        "lr": ("log", 1e-4, 1e-1),
        "momentum": ("uniform", 0.5, 1.0),
        "batch_size": [16, 32, 64],
        "epochs": 5,
    }

    def case(
        make: Make,
        label: str,
        space: dict[str, Any],
        n: int,
        seed: int,
    ) -> Case:
        random = any(isinstance(choices, (list, tuple)) for choices in space.values()) and n > 0
        answer = {
            "recipes": n,
            "knobs": dict.fromkeys(space, "as asked" if n else "none"),
            "draws for two knobs": "on their own"
            if n > 2 and sum(isinstance(choices, tuple) for choices in space.values()) > 1
            else "nothing to see",
            "two calls": "different" if random else "equal",
            "equal generators": "equal",
            "another generator": "different" if random else "equal",
            "space": "as it was",
        }
        call = f"random_search({space}, {n}, rng), several times"
        made = make(label, space, n, seed).through("regularization.searches", call)
        return made.seen_as("regularization.recipes").expecting(answer)

    def wrong(make: Make, label: str, **space: Any) -> Case:
        made = make(label, "searches", space, 3, 0)
        return made.through("regularization.refused", f"random_search({space}, 3, rng)")

    mixed = {
        "block": ["plain", "residual", None],
        "sizes": [(3, 5), (5, 3)],
        "flag": [True, False],
        "one": [7],
    }
    fixed = {"optimizer": "adam", "patience": None, "seed": 3, "lr": 0.5, "flag": True}
    two = {"a": ("uniform", -2.0, 3.0), "b": ("uniform", 0.0, 1.0), "c": ("log", 1.0, 1000.0)}
    return Exercise(
        "random_search",
        [
            case(visible, "four knobs", space, 400, 1),
            case(visible, "numbers on a logarithmic scale", {"lr": ("log", 1e-5, 1.0)}, 300, 2),
            case(visible, "texts, tuples, None", mixed, 200, 3),
            case(visible, "no recipe at all", space, 0, 4),
            wrong(visible, "a logarithmic range from 0", lr=("log", 0.0, 1.0)),
            wrong(visible, "an empty list", batch_size=[]),
            case(hidden, "several ranges, each with its own draw", two, 500, 5),
            case(hidden, "a wide logarithmic range", {"decay": ("log", 1e-9, 1e3)}, 400, 6),
            case(hidden, "narrow ranges", {"lr": ("uniform", 0.25, 1.0), "wd": ("log", 0.25, 1.0)}, 800, 7),
            case(hidden, "a range below zero", {"shift": ("uniform", -3.0, -1.0)}, 400, 8),
            case(hidden, "a range of one number", {"lr": ("uniform", 0.5, 0.5), "wd": [1, 2]}, 60, 9),
            case(
                hidden, "a logarithmic range of one number", {"lr": ("log", 0.5, 0.5), "wd": [1, 2]}, 60, 10
            ),
            case(
                hidden, "whole numbers as borders", {"lr": ("log", 1, 1000), "p": ("uniform", 0, 2)}, 400, 11
            ),
            case(hidden, "a long list", {"k": list(range(20))}, 800, 12),
            case(hidden, "entries of several kinds", {"k": [1, 1.5, "1", None, True]}, 500, 13),
            case(hidden, "texts, tuples, no entry at all", mixed, 300, 14),
            case(hidden, "lists inside a list", {"widths": [[8, 16], [16, 32], []]}, 200, 15),
            case(hidden, "nothing to choose", fixed, 5, 16),
            case(hidden, "a space without knobs", {}, 3, 17),
            case(hidden, "no recipes", two, 0, 18),
            wrong(hidden, "a list without entries", a=[1], b=[]),
            wrong(hidden, "a logarithmic range that begins below zero", a=("log", -1.0, 1.0)),
            wrong(hidden, "borders the wrong way round", a=("uniform", 2.0, 1.0)),
            wrong(hidden, "logarithmic borders the wrong way round", a=("log", 2.0, 1.0)),
            wrong(hidden, "a tuple with an unknown name", a=("normal", 0.0, 1.0)),
            wrong(hidden, "a tuple that is too short", a=("uniform", 1.0)),
            wrong(hidden, "a tuple that is too long", a=("log", 1.0, 2.0, 3.0)),
            wrong(hidden, "a tuple of numbers", a=(0.1, 0.2, 0.3)),
        ],
    )


EXERCISES = [
    l2_penalty(),
    l1_penalty(),
    elastic_penalty(),
    max_norm(),
    sgd_step(),
    parameter_groups(),
    dropout(),
    dropout_backward(),
    dropout_layer(),
    geometric_ensemble(),
    sgd(),
    momentum(),
    nesterov(),
    adam(),
    adamw(),
    step_decay(),
    cosine_decay(),
    init_weights(),
    fit(),
    random_search(),
]

QUIZZES = [
    Quiz(
        "quiz_decay_step",
        "a whole number",
        16,
        {
            19: "That is the decay alone. The step against the gradient comes on top of it.",
            17: "That is the step against the gradient alone. The decay comes on top of it.",
            7: "You take off λ W. The learning rate belongs to the decay, too: α λ W.",
            -15: "You take off the whole gradient. Multiply it by the learning rate.",
            -20: "The learning rate is missing, both in the decay and in the step.",
            18: "You add the decay. It makes weights smaller.",
            20: "You step along the gradient. Step against it.",
            15: "Your decay is 2 α λ W. The penalty has a one-half, so that its gradient has no 2.",
        },
        "Take α λ W off, and α times the gradient of the data loss.",
    ),
    Quiz(
        "quiz_forgot_eval",
        "abcd",
        "b",
        {
            "a": "The division keeps the mean of each activation as it is. Its noise stays: every call drops "
            "other numbers.",
            "c": "That would be dropout without the division by 1 - p. And every call drops other numbers.",
            "d": "That would be the old form of dropout, used without its factor at test time.",
        },
    ),
    Quiz(
        "quiz_penalty_or_decay",
        "abcd",
        "c",
        {
            "a": "The derivative is right. But only where the gradient goes straight into the step does it "
            "end up as α λ W: Adam divides it by its size first.",
            "b": "Adam divides λ W by the root of v, like the rest of the gradient. AdamW was made so that "
            "it does not.",
            "d": "Look at one step: W - α (g + λ W) = W - α g - α λ W.",
        },
    ),
    Quiz(
        "quiz_first_weights",
        "a whole number",
        100,
        {
            200: "That is fan_in. He's variance is 2 / fan_in: ReLU takes half of the signal away.",
            4: "An output reads a whole window: fan_in is 8 channels times the size of the kernel.",
            8: "That is the number of channels. An output reads a whole window of each: and where is the 2?",
            10: "That is one over the standard deviation. The variance is its square.",
            300: "That is Xavier's rule. He's has fan_in alone.",
            400: "That is fan_out, without the 2. He's rule has fan_in: what an output reads.",
            25: "That is the size of the kernel. An output reads it from each of the channels.",
        },
        "Count the numbers that an output reads: fan_in. He's variance is 2 / fan_in.",
    ),
]
