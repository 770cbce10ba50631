"""How the checks of notebook 5 look at a training by a recipe.

The order of the examples is free, so the right steps are taken here, too, on the batches that were seen; if
the steps were others, the slip that explains them is looked for.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..compare import kind, to_numpy
from ..probes.regularization import SMALL, first_parameters
from . import MODES, WrongForm, came, gpu, need, one_number_each, order_of
from .regularization import comparable

AGREE = 1e-9  # relative; of two trainings in float64
AGREE_SHORT = 1e-5  # where filters are kept short: `torch.renorm` divides by the length plus 1e-7
AGREE_SINGLE = 1e-3  # in float32, after some tens of steps
CALLS = {
    "training": "bool",
    "recorded": "bool",
    "autocast": "bool",
    "place": "text",
    "home": "text",
    "examples": ["int"],
    "altered": ["bool"],
    "noise": "float",
    "weights": "array",
}
STATE = ("weight", "bias", "scale", "seen")
RECORDED = {True: "recorded", False: "not recorded"}
ALTERED = {True: "altered", False: "as they are"}
HISTORY = ("loss", "accuracy", "lr", "seconds", "best")
USUAL = {  # the recipe where a case says nothing else; the exercise says the same
    "epochs": 10,
    "batch_size": 64,
    "optimizer": "adamw",
    "lr": 3e-3,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "warmup": 0.0,
    "label_smoothing": 0.0,
    "max_norm": None,
}


def learning_rate(recipe: Mapping[str, Any], step: int, total: int) -> float:
    """The learning rate of a step of a training with so many steps in all."""
    lr = float(recipe["lr"])
    if recipe["schedule"] == "constant":
        return lr
    if recipe["schedule"] == "step":
        return lr * 0.1 ** (step // math.ceil(total / 3))
    warmup = round(recipe["warmup"] * total)
    if step < warmup:
        return lr * (step + 1) / warmup
    return lr * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


class _Training:
    """The training that a recipe asks for, on the batches that were seen, in plain NumPy.

    `changes` are what a wrong training does instead of what the recipe says, by name.
    """

    def __init__(self, data: Any, weight: Any, recipe: Mapping[str, Any], total: int, **changes: Any) -> None:
        self._x, self._y = data
        self._recipe, self._total, self._changes = {**recipe, **changes}, total, changes
        self._params = [to_numpy(value).astype(np.float64) for value in first_parameters(weight)]
        self._memory: list[Any] = [None] * len(self._params)
        self._left: list[Any] = [0.0] * len(self._params)
        self.step = 0

    def weights(self) -> Any:
        """All parameters in one row."""
        return np.concatenate([value.ravel() for value in self._params])

    def set(self, row: Any) -> "_Training":
        """Put other parameters in the place of these."""
        ends = np.cumsum([value.size for value in self._params])[:-1]
        parts = np.split(np.asarray(row, np.float64), ends)
        self._params = [part.reshape(value.shape) for part, value in zip(parts, self._params, strict=True)]
        return self

    def loss(self, batch: Sequence[int], altered: Sequence[bool], smoothing: float | None = None) -> Any:
        """The mean loss of a batch, and the gradients."""
        smoothing = self._recipe["label_smoothing"] if smoothing is None else smoothing
        weight, bias, scale = self._params
        x = self._x[list(batch)] * np.where(altered, SMALL, 1.0)[:, None]
        scores = (x * scale) @ weight.T + bias
        scores = scores - scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        truth = np.full(scores.shape, smoothing / scores.shape[1])
        truth[np.arange(len(x)), self._y[list(batch)]] += 1 - smoothing
        d = (np.exp(logs) - truth) / len(x)
        if "twice" in self._changes:
            first = np.exp(logs)
            second = np.exp(first) / np.exp(first).sum(axis=1, keepdims=True)
            d = (second - truth) / len(x)
            d = first * (d - (d * first).sum(axis=1, keepdims=True))
        return -(truth * logs).sum() / len(x), [
            d.T @ (x * scale),
            d.sum(axis=0),
            ((d @ weight) * x).sum(axis=0),
        ]

    def go(self, batch: Sequence[int], altered: Sequence[bool], epoch: int, epochs: int) -> float:
        """One step on a batch; returns its loss before."""
        recipe, changes = self._recipe, self._changes
        moment = self.step
        if "rate" in changes:
            moment = MOMENTS[changes["rate"]](self.step, epoch, self._total // max(epochs, 1))
        rate = learning_rate(recipe, moment, self._total)
        loss, gradients = self.loss(batch, altered)
        if changes.get("piled up"):
            self._left = [left + gradient for left, gradient in zip(self._left, gradients, strict=True)]
            gradients = self._left
        self.step += 1
        for index, (value, gradient) in enumerate(zip(self._params, gradients, strict=True)):
            decay = recipe["weight_decay"] if value.ndim > 1 or changes.get("decay of all") else 0.0
            self._params[index] = self._moved(index, value, gradient, rate, decay)
        if recipe["max_norm"] is not None:
            self._params[0] = _shortened(self._params[0], recipe["max_norm"], changes.get("leash", "row"))
        return float(loss)

    def _moved(self, index: int, value: Any, gradient: Any, rate: float, decay: float) -> Any:
        recipe, memory = self._recipe, self._memory[index]
        if recipe["optimizer"] == "sgd":
            beta = recipe["momentum"]
            gradient = gradient + decay * value
            memory = gradient if memory is None else beta * memory + gradient
            self._memory[index] = memory
            plain = self._changes.get("plain momentum")
            return value - rate * (memory if plain else gradient + beta * memory)
        if recipe["optimizer"] == "adam":
            gradient, decay = gradient + decay * value, 0.0
        m, v = (0.0, 0.0) if memory is None else memory
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        self._memory[index] = m, v
        sizes = np.sqrt(v / (1 - 0.999**self.step)) + 1e-8
        return value * (1 - rate * decay) - rate * m / (1 - 0.9**self.step) / sizes


def _shortened(weight: Any, c: float, leash: str) -> Any:
    axes = {"row": 1, "column": 0, "whole": None}[leash]
    length = np.sqrt((weight**2).sum(axis=axes, keepdims=True))
    return weight * np.minimum(1, c / np.maximum(length, 1e-300))


MOMENTS: dict[str, Callable[[int, int, int], int]] = {  # of which step the learning rate is taken
    "once an epoch": lambda step, epoch, per_epoch: epoch * per_epoch,
    "epochs": lambda step, epoch, per_epoch: epoch,
    "ahead": lambda step, epoch, per_epoch: step + 1,
}


def _slips(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a training may do instead of what this recipe says: what is changed, by the words for it."""
    swapped = {"adam": "adamw", "adamw": "adam"}.get(recipe["optimizer"], "sgd")
    slips: dict[str, dict[str, Any]] = {"gradients pile up": {"piled up": True}}
    if recipe["schedule"] != "constant":
        slips |= {
            "the largest learning rate all the time": {"schedule": "constant"},
            "the learning rate changes once an epoch": {"rate": "once an epoch"},
            "the learning rate counts epochs, not steps": {"rate": "epochs"},
            "the learning rate is one step ahead": {"rate": "ahead"},
        }
    if recipe["warmup"]:
        slips["the warm-up is missing"] = {"warmup": 0.0}
    if recipe["weight_decay"]:
        slips |= {
            "biases and scales decay, too": {"decay of all": True},
            "nothing decays": {"weight_decay": 0.0},
            "the decay is in the gradient, or should be": {"optimizer": swapped},
        }
    elif recipe["optimizer"] == "adamw":
        slips["everything decays a little"] = {"weight_decay": 0.01, "decay of all": True}
    if recipe["optimizer"] == "sgd" and recipe["momentum"]:
        slips |= {
            "momentum is missing": {"momentum": 0.0},
            "momentum without looking ahead": {"plain momentum": True},
        }
    if recipe["label_smoothing"]:
        slips["labels are not smoothed"] = {"label_smoothing": 0.0}
    if recipe["max_norm"] is not None:
        slips |= {
            "filters are not kept short": {"max_norm": None},
            "all filters together are kept short": {"leash": "whole"},
            "columns are kept short": {"leash": "column"},
        }
    return slips | {
        "the softmax is taken twice": {"twice": True},
        "the step of plain gradient descent": {"optimizer": "sgd", "momentum": 0.0},
        "the step of SGD": {"optimizer": "sgd"},
        "the step of Adam": {"optimizer": "adam"},
        "the step of AdamW": {"optimizer": "adamw"},
    }


def _near(some: Any, others: Any, agree: float) -> bool:
    """Whether two arrays agree, relative to the largest number of the second."""
    if np.shape(some) != np.shape(others) or not np.size(others):
        return False
    error = np.abs(np.asarray(some, np.float64) - np.asarray(others, np.float64))
    return bool((error <= agree * float(np.abs(np.asarray(others, np.float64)).max())).all())


def _path(training: _Training, batches: Sequence[Any], per_epoch: int, epochs: int) -> tuple[Any, Any]:
    """The parameters before each step and after the last; the loss of each batch."""
    rows, losses = [training.weights()], []
    with np.errstate(all="ignore"):
        for index, call in enumerate(batches):
            losses.append(training.go(call["examples"], call["altered"], index // per_epoch, epochs))
            rows.append(training.weights())
    return np.stack(rows), np.array(losses)


def _explains(
    training: _Training, observed: Any, batches: Sequence[Any], per_epoch: int, epochs: int, agree: float
) -> bool:
    """Whether a training takes the steps that were seen."""
    with np.errstate(all="ignore"):
        for index, (row, call) in enumerate(zip(observed, batches, strict=True)):
            if not _near(row, training.weights(), agree):
                return False
            training.go(call["examples"], call["altered"], index // per_epoch, epochs)
    return True


def fit(
    report: Any,
    train_x: Any,
    train_y: Any,
    valid_x: Any,
    valid_y: Any,
    weight: Any,
    script: Any,
    recipe: Mapping[str, Any],
    ways: Sequence[str] = (),
) -> dict[str, Any]:
    """What matters of a training by a recipe: how the model was used, the steps, the history, the end."""
    need(report, {"calls": [CALLS]} | ({"gpu": "dict"} if "gpu" in ways else {}))
    if "gpu" in ways:
        gpu.loop(report["gpu"], report["calls"], validates=True)
    form = {
        "device": "text",
        "seconds": "float",
        "training": "bool",
        "recipe": "dict",
    }
    need(report, form | {"history": "anything", "after": dict.fromkeys(STATE, "tensor")})
    history = report["history"]
    if kind(history) != "dict" or any(name not in history for name in HISTORY):
        words = ", ".join(HISTORY[:-1]) + " and " + HISTORY[-1]
        raise WrongForm(f"The answer should be a dictionary with {words}.")
    n, n_valid, used = len(train_y), len(valid_y), {**USUAL, **recipe}
    calls = list(report["calls"])
    known = set(range(-1, n + n_valid))
    if any(not set(c["examples"]) <= known or len(c["altered"]) != len(c["examples"]) for c in calls):
        raise WrongForm("What your code does could not be watched.")
    batches = [call for call in calls if call["recorded"] and call["examples"] and _all(call, 0, n)]
    checks = [call for call in calls if not _all(call, 0, n)]
    data = to_numpy(train_x).reshape(n, -1).astype(np.float64), to_numpy(train_y)
    rows, size = (
        [call["weights"] for call in batches],
        sum(value.numel() for value in first_parameters(weight)),
    )
    if any(row.shape != (size,) or row.dtype.kind != "f" for row in rows):
        raise WrongForm("What your code does could not be watched.")
    exact = str(weight.dtype) == "torch.float64"
    agree = AGREE_SINGLE if not exact else AGREE if used["max_norm"] is None else AGREE_SHORT
    per_epoch = math.ceil(n / used["batch_size"])
    total = used["epochs"] * per_epoch
    path, losses = _path(_Training(data, weight, used, total), batches, per_epoch, used["epochs"])
    observed = np.stack(rows) if rows else np.zeros((0, size))
    after = np.concatenate([to_numpy(report["after"][name]).ravel() for name in STATE[:-1]])
    order = [example for call in batches for example in call["examples"]]
    rounds = [order[start : start + n] for start in range(0, len(order), n)]
    kept = comparable(report["recipe"]) == comparable(_stored(recipe, ways))
    on_device = {report["device"]: "on the device"}
    answer = {
        "model": _said({call["training"] for call in batches}, MODES),
        "images": _said({call["place"] for call in batches}, on_device),
        "images at validation": _said({call["place"] for call in checks}, on_device),
        "mixed precision": _precision(batches, recipe, report["device"]),
        "model at validation": _said({call["training"] for call in checks}, MODES),
        "gradients at validation": _said({call["recorded"] for call in checks}, RECORDED),
        "validation": _validated(calls, n, n_valid, len(rounds)),
        "batch sizes": [len(call["examples"]) for call in batches],
        "each epoch": "holds each example once"
        if all(sorted(round_) == list(range(n)) for round_ in rounds)
        else "does not hold each example once",
        "order": order_of(rounds),
        "training examples": _said({flag for c in batches for flag in c["altered"]}, ALTERED),
        "validation examples": _said({flag for c in checks for flag in c["altered"]}, ALTERED),
        "steps": _steps(observed, path, agree, (data, weight, used, total), batches, per_epoch),
        "learning rates": _row(history["lr"]),
        "losses": _losses(
            history["loss"], losses, _Training(data, weight, used, total), observed, batches, per_epoch
        ),
        "accuracies": np.round(_row(history["accuracy"]), 5),
        "best": _whole(history["best"]),
        "seconds": _clock(_row(history["seconds"]), len(rounds), float(report["seconds"])),
        "weights at the end": _end(after, observed, path, per_epoch, script, agree),
        "statistics at the end": _seen(report["after"]["seen"], n, len(rounds), script),
        "model afterwards": MODES[bool(report["training"])],
        "recipe": "as it was" if kept else "changed",
    }
    if "checkpoint" in ways:
        answer["file"] = _file(report.get("file"), report["after"], agree)
        need(report, {"file's devices": ["text"]})
        found = list(report["file's devices"])
        answer["file's tensors"] = "on the CPU" if found == ["cpu"] else "not on the CPU" if found else "none"
    if "seeds" in ways:
        need(report, {"again": [CALLS], "other": [CALLS]})
        answer |= _seeds(batches, list(report["again"]), list(report["other"]), n)
    return answer


def _precision(batches: Sequence[Any], recipe: Mapping[str, Any], device: str) -> str:
    """Whether 16-bit numbers were used in training, in words."""
    mixed = {bool(call["autocast"]) for call in batches}
    if not device.startswith("cuda"):
        return "not on a CPU" if True in mixed else "as asked"
    asked = recipe.get("mixed_precision")
    if asked is None or mixed <= {asked}:
        return "as asked"
    return "left out on a GPU" if asked else "not asked for"


def _stored(recipe: Mapping[str, Any], ways: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in recipe.items() if name not in ways}


def _all(call: Any, low: int, high: int) -> bool:
    return all(low <= example < high for example in call["examples"])


def _said(found: set[Any], words: Mapping[Any, str]) -> str:
    """What is the same for all calls, in words."""
    if not found:
        return "never called"
    return words.get(found.pop(), "elsewhere") if len(found) == 1 else "now so, now so"


def _row(value: Any) -> Any:
    """A list of numbers of the history."""
    numbers = one_number_each(value)
    if numbers.ndim != 1:
        raise WrongForm("The parts of the history should be lists of numbers.")
    return numbers


def _whole(value: Any) -> Any:
    if kind(value) not in ("int", "float"):
        raise WrongForm(f"The best of the history should be a whole number, but {came(value)}.")
    return value


def _validated(calls: Sequence[Any], n: int, n_valid: int, epochs: int) -> str:
    """Whether all examples for validation are looked at after each epoch, and not in between."""
    trained, looks = 0, dict.fromkeys(range(1, epochs + 1), frozenset[int]())
    for call in calls:
        if call["recorded"] and _all(call, 0, n):
            trained += len(call["examples"])
        elif not _all(call, 0, n):
            if trained % n or not trained:
                return "between the epochs' batches"
            looks[trained // n] = looks.get(trained // n, frozenset()) | set(call["examples"])
    whole = set(range(n, n + n_valid))
    return (
        "all of them after each epoch" if all(look >= whole for look in looks.values()) else "not all of them"
    )


def _steps(
    observed: Any, path: Any, agree: float, setting: Any, batches: Sequence[Any], per_epoch: int
) -> str:
    """Whether the parameters moved as the recipe says; if not, which slip explains it, if one does."""
    if len(observed) < 2:
        return "none to be seen"
    if _near(observed, path[:-1], agree):
        return "as the recipe says"
    if (observed == observed[0]).all():
        return "none"
    data, weight, used, total = setting
    for words, changes in _slips(used).items():
        other = _Training(data, weight, used, total, **changes)
        if _explains(other, observed, batches, per_epoch, used["epochs"], max(agree, 1e-7)):
            return words
    starts = range(per_epoch, len(observed), per_epoch)
    still = all((observed[i] == observed[i - 1]).all() for i in range(1, len(observed)) if i not in starts)
    return "one for each epoch" if still and per_epoch > 1 else "others"


def _losses(
    given: Any, due: Any, training: Any, observed: Any, batches: Sequence[Any], per_epoch: int
) -> str:
    """Which mean the losses of the history are, in words; due: of each batch, if all steps are right."""
    values = _row(given)
    counts = np.array([len(call["examples"]) for call in batches])
    parts = [slice(start, start + per_epoch) for start in range(0, len(batches), per_epoch)]
    if len(values) != len(parts):
        return "not one for each epoch"
    means = [(due[part] * counts[part]).sum() / counts[part].sum() for part in parts]
    if _near(values, np.array(means), 1e-4):
        return "the mean over the examples"
    for smoothing, extra in ((None, ""), (0.0, ", labels not smoothed")):
        own = np.array(
            [
                training.set(row).loss(call["examples"], call["altered"], smoothing)[0]
                for row, call in zip(observed, batches, strict=True)
            ]
        )
        ways: dict[str, Callable[[Any, Any], float]] = {
            "the mean over the examples": lambda loss, count: (loss * count).sum() / count.sum(),
            "mean of the batches' means": lambda loss, count: loss.mean(),
            "sum over the examples": lambda loss, count: (loss * count).sum(),
            "sum over the batches": lambda loss, count: loss.sum(),
            "sum over the batches by the number of examples": lambda loss, count: loss.sum() / count.sum(),
            "of the last batch": lambda loss, count: loss[-1],
        }
        for words, way in ways.items():
            if _near(values, np.array([way(own[part], counts[part]) for part in parts]), 1e-4):
                return words + extra
    return "something else"


def _clock(seconds: Any, epochs: int, passed: float) -> str:
    """Whether the seconds of the history are those since the start, in words."""
    if len(seconds) != epochs:
        return "not one for each epoch"
    growing = bool((np.diff([0.0, *seconds]) >= 0).all()) and bool((seconds <= passed).all())
    return "since the start" if growing else "not since the start"


def _end(after: Any, observed: Any, path: Any, per_epoch: int, script: Any, agree: float) -> str:
    """Of which epoch the parameters are at the end, in words."""
    ends = [*observed[per_epoch::per_epoch], path[-1]]
    if len(observed) == 0 or after.shape != path[-1].shape:
        return "of no epoch"
    best = _best(script, len(ends))
    names = ["of the best epoch" if k == best else "of another epoch" for k in range(len(ends))]
    names[-1] = names[-1] if best == len(ends) - 1 else "of the last epoch"
    near = [name for name, row in zip(names, ends, strict=True) if _near(after, row, max(agree, 1e-8))]
    if _near(after, observed[0], agree):
        return "as at the start"
    return min(near, key=lambda name: name != "of the best epoch") if near else "of no epoch"


def _best(script: Any, epochs: int) -> int:
    """The first epoch with the best answers."""
    scores = list(script)[:epochs]
    return scores.index(max(scores)) if scores else 0


def _seen(seen: Any, n: int, epochs: int, script: Any) -> str:
    count = float(to_numpy(seen).ravel()[0]) if seen.numel() == 1 and kind(seen) == "tensor" else -1.0
    if count == n * (_best(script, epochs) + 1):
        return "of the best epoch"
    return "of the last epoch" if count == n * epochs else "of no epoch"


def _file(written: Any, after: Mapping[str, Any], agree: float) -> str:
    """What the file of a checkpoint holds, in words."""
    if kind(written) != "dict":
        return "not written" if kind(written) == "text" else "no state_dict"
    if list(written) != list(after) or any(kind(value) != "tensor" for value in written.values()):
        return "no state_dict"
    if any(written[name].shape != after[name].shape for name in after):
        return "no state_dict"
    same = all(_near(to_numpy(written[name]), to_numpy(after[name]), agree) for name in after)
    return "the weights at the end" if same else "other weights"


def _seeds(batches: Sequence[Any], again: Sequence[Any], other: Sequence[Any], n: int) -> dict[str, str]:
    """What a seed decides: the order of the examples, and what layers such as dropout draw."""
    runs = [[call for call in calls if call["recorded"] and _all(call, 0, n)] for calls in (again, other)]
    orders = [[list(call["examples"]) for call in run] for run in (batches, *runs)]
    noise = [[call["noise"] for call in run] for run in (batches, *runs)]
    return {
        "order, same seed": "equal" if orders[0] == orders[1] else "different",
        "order, another seed": "equal" if orders[0] == orders[2] else "different",
        "random layers, same seed": "equal" if noise[0] == noise[1] else "different",
        "random layers, another seed": "equal" if noise[0] == noise[2] else "different",
    }
