"""How the checks of notebook 5 look at penalties, masks, steps, first weights, and recipes.

Answers that chance has a part in are described by what any right way of drawing has in common. Their
thresholds lie five and more standard deviations from what is expected, so that chance decides nothing.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compare import kind, to_numpy
from . import WrongForm, came, need, number, parts_of

SIGMAS = 6.0  # further from the expectation than that, nothing lies by chance


def penalty(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A pair (value, gradient)."""
    parts = parts_of(answer, "value", "gradient")
    value = parts["value"]
    if kind(value) == "array" and value.shape == () and value.dtype.kind == "f":
        value = value[()]
    return {"value": number(value, "value"), "gradient": parts["gradient"]}


def _floats(value: Any, shape: tuple[int, ...], what: str) -> Any:
    """An array or tensor of floats of a shape, as a float64 array."""
    if kind(value) not in ("array", "tensor"):
        raise WrongForm(f"{what} should be an array, but {came(value)}.")
    array = to_numpy(value)
    if array.dtype.kind != "f":
        raise WrongForm(f"{what} should hold floats.")
    if array.shape != shape:
        raise WrongForm(f"{what} should have the shape of x.")
    return array.astype(np.float64)


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _values(mask: Any) -> list[float]:
    """The different numbers in a mask, at most four of them."""
    return [float(value) for value in np.unique(np.round(mask, 5))[:4]]


def _share(mask: Any, p: float) -> str:
    """How many entries of a mask are 0, in words, against the probability p."""
    share, allowed = float((mask == 0).mean()), SIGMAS * math.sqrt(p * (1 - p) / mask.size)
    if abs(share - p) <= allowed:
        return "p"
    return "1 - p" if abs(share - 1 + p) <= allowed else "another share"


def _coins(mask: Any, p: float, *others: Any) -> str:
    """Whether each entry of a mask was decided on its own, in words; `others` are further masks."""
    if (mask != 0).all() or (mask == 0).all():
        return "nothing to see"
    for axis in range(mask.ndim):
        if mask.shape[axis] > 1 and (mask == np.take(mask, [0], axis)).all():
            return f"one decision for all along axis {axis}"
    rows = (mask.reshape(len(mask), -1) == 0).sum(axis=1)
    if len(rows) > 1 and (rows == rows[0]).all():
        return "the same number in each row"
    counts = [int((draw == 0).sum()) for draw in (mask, *others)]
    if len(set(counts)) == 1 and abs(counts[0] - p * mask.size) < 1:
        return "always the same number"
    return "each number on its own"


def _made(y: Any, x: Any, mask: Any, p: float) -> str:
    """How y was made, in words; the right way first."""
    ways = {
        "x times the mask": x * mask,
        "x": x,
        "x where it is kept, not enlarged": x * (mask != 0),
        "x enlarged where it is kept": x * (mask != 0) / (1 - p),
        "x times 1 - p": x * (1 - p),
        "x divided by 1 - p": x / (1 - p),
        "x times the mask, enlarged once more": x * mask / (1 - p),
    }
    return next((words for words, way in ways.items() if np.allclose(y, way, atol=1e-5)), "something else")


def _alike(some: Any, others: Any) -> str:
    """Whether two draws are the same."""
    return "equal" if np.array_equal(some, others) else "different"


def dropped(report: Any, x: Any, p: float, seed: int) -> dict[str, Any]:
    """What matters of dropout in NumPy: the numbers in its mask, how many are dropped, who decides."""
    runs = ("first", "next", "again", "other", "test")
    need(report, dict.fromkeys(runs, "anything") | {"new": "bool"})
    parts = {run: parts_of(report[run], "y", "mask") for run in runs}
    masks = {run: _floats(parts[run]["mask"], x.shape, "mask") for run in runs}
    y = {run: _floats(parts[run]["y"], x.shape, "y") for run in runs}
    mask = masks["first"]
    return {
        "numbers in the mask": _values(mask),
        "numbers in the mask at test time": _values(masks["test"]),
        "y": _made(y["first"], x, mask, p),
        "y at test time": _made(y["test"], x, masks["test"], p)
        if report["new"]
        else "x itself, no new array",
        "share of zeros": _share(mask, p),
        "zeros": _coins(mask, p, masks["next"], masks["other"]),
        "two calls": _alike(mask, masks["next"]),
        "equal generators": _alike(mask, masks["again"]),
        "another generator": _alike(mask, masks["other"]),
        "dtypes of y and mask": [_dtype(parts["first"][name]) for name in ("y", "mask")],
        "dtypes of y and mask at test time": [_dtype(parts["test"][name]) for name in ("y", "mask")],
    }


def layer(report: Any, options: Mapping[str, float], x: Any, seed: int) -> dict[str, Any]:
    """What matters of a dropout layer: its outputs in units of x, in training and in evaluation mode."""
    runs = ("first", "next", "later", "second layer", "test")
    need(report, dict.fromkeys((*runs, "gradient"), "anything") | {"parameters": "int"})
    inputs, p = to_numpy(x).astype(np.float64), float(options.get("p", 0.5))
    shares = {run: np.round(_floats(report[run], inputs.shape, "The output") / inputs, 5) for run in runs}
    mask = shares["first"]
    if report["gradient"] is None:
        gradient = "does not arrive"
    else:
        arrived = _floats(report["gradient"], inputs.shape, "The gradient")
        gradient = "takes the same way" if np.allclose(arrived, mask, atol=1e-4) else "takes another way"
    return {
        "parameters": report["parameters"],
        "numbers that x is multiplied by": _values(mask),
        "numbers in evaluation mode": _values(shares["test"]),
        "numbers in training mode again": _values(shares["later"]),
        "share of zeros": _share(mask, p),
        "zeros": _coins(mask, p, shares["next"], shares["second layer"]),
        "two calls": _alike(mask, shares["next"]),
        "two layers": _alike(shares["next"], shares["second layer"]),
        "gradient": gradient,
        "dtype": _dtype(report["first"]),
        "dtype in evaluation mode": _dtype(report["test"]),
    }


def groups(answer: Any, *_: Any) -> list[dict[str, Any]]:
    """The groups of parameters, in the order of their decay."""
    form = "The answer should be a list of two dictionaries with params and weight_decay"
    if kind(answer) != "sequence" or any(kind(group) != "dict" for group in answer):
        raise WrongForm(f"{form}, but {came(answer)}." if kind(answer) != "sequence" else f"{form}.")
    found = []
    for group in answer:
        if "params" not in group or "weight_decay" not in group:
            raise WrongForm(f"{form}; one of these two names is missing.")
        names = group["params"]
        if kind(names) != "sequence" or any(kind(name) != "text" for name in names):
            raise WrongForm("The params of a group should be a list of the parameters themselves.")
        found.append({"params": list(names), "weight_decay": number(group["weight_decay"], "weight_decay")})
    return sorted(found, key=lambda group: (-group["weight_decay"], group["params"]))


def moved(report: Any, w: Any, gradients: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """The weights after each step, and whether the step left its arguments and the old state as they were."""
    if kind(report) == "dict" and "answer" in report:
        raise WrongForm(f"The answer should be a tuple of new weights and new state, but {_pair(report)}.")
    lists = ("weights", "w then", "gradients then", "once more")
    need(report, {name: ["array"] for name in lists})
    weights = list(report["weights"])
    if any(array.shape != w.shape or array.dtype != w.dtype for array in weights):
        wrong = next(a for a in weights if a.shape != w.shape or a.dtype != w.dtype)
        if wrong.shape != w.shape:
            raise WrongForm("The new weights should have the shape of w.")
        raise WrongForm("The new weights should have the dtype of w.")
    before = [w, *weights[:-1]]
    kept = _equal(before, report["w then"]) and _equal(list(gradients), report["gradients then"])
    return {
        "weights": np.stack(weights) if weights else w[None][:0],
        "w and grad": "as they were" if kept else "changed by the step",
        "old state": "as it was" if _equal(weights, report["once more"]) else "changed by the step",
    }


def _pair(report: Any) -> str:
    return came(report["answer"]) if kind(report["answer"]) == "array" else "it is something else"


def _equal(some: Any, others: Any) -> bool:
    """Whether two lists hold the same arrays, but for rounding."""
    if len(some) != len(others) or any(a.shape != b.shape for a, b in zip(some, others, strict=True)):
        return False
    if any(b.dtype.kind not in "fiu" for b in others):
        return False
    return all(np.allclose(a, b, rtol=1e-6, atol=1e-12) for a, b in zip(some, others, strict=True))


def weights(report: Any, shape: Any, scheme: str, seed: int) -> dict[str, Any]:
    """What matters of first weights: their spread against the scheme's, their form, who draws them."""
    runs, shape = ("first", "next", "again", "other"), tuple(shape)
    need(report, dict.fromkeys(runs, "array"))
    arrays = {run: report[run] for run in runs}
    first = arrays["first"]
    if first.dtype.kind != "f":
        raise WrongForm("The weights should be an array of floats.")
    if first.shape != shape:
        raise WrongForm("The weights should have the shape asked for.")
    area = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * area, shape[0] * area
    variance = {"small": 1e-4, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}[scheme]
    return {
        "standard deviation": _spread(first.astype(np.float64), variance, shape),
        "mean": _centre(first.astype(np.float64)),
        "draws": _bell(first.astype(np.float64)),
        "two calls": _alike(first, arrays["next"]),
        "equal generators": _alike(first, arrays["again"]),
        "another generator": _alike(first, arrays["other"]),
    }


def _spread(values: Any, variance: float, shape: tuple[int, ...]) -> str:
    """The standard deviation in words: of which rule it is."""
    if not np.isfinite(values).all():
        return "not a number"
    if values.std() == 0:
        return "0"
    area = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * area, shape[0] * area
    rules = {  # the right one first
        "as asked": variance,
        "the variance in its place": variance**2,
        "1 / fan_in": 1 / fan_in,
        "2 / fan_in": 2 / fan_in,
        "2 / fan_out": 2 / fan_out,
        "2 / (fan_in + fan_out)": 2 / (fan_in + fan_out),
        "1 / (fan_in + fan_out)": 1 / (fan_in + fan_out),
        "without the size of the kernel": variance * area,
        "only fan_in with the size of the kernel": 2 / (shape[0] + fan_in),
        "the usual 1": 1.0,
        "the usual 0.01": 1e-4,
    }
    near = SIGMAS / math.sqrt(2 * values.size)
    found = (name for name, rule in rules.items() if abs(float(values.std()) / math.sqrt(rule) - 1) <= near)
    return next(found, "another one")


def _centre(values: Any) -> str:
    near = SIGMAS * float(values.std()) / math.sqrt(values.size)
    return "near 0" if abs(float(values.mean())) <= near else "not near 0"


def _bell(values: Any) -> str:
    """Whether values may be draws of a normal distribution: what share of them lies where."""
    size = values.std()
    if not np.isfinite(values).all() or size == 0 or len(np.unique(values)) < values.size // 2:
        return "hardly any different numbers"
    scaled = np.abs(values - values.mean()) / size
    for border in (0.5, 1.0, 2.0, 2.5):
        due = math.erfc(border / math.sqrt(2))
        if abs(float((scaled > border).mean()) - due) > SIGMAS * math.sqrt(due * (1 - due) / values.size):
            return "not normal"
    return "normal"


EVEN = 8  # the parts of a range in which about equally many draws should lie


def recipes(report: Any, space: Mapping[str, Any], n: int, seed: int) -> dict[str, Any]:
    """What matters of recipes drawn at random: names, how each knob's values are spread, who draws them."""
    runs = ("all", "first", "next", "again", "other")
    need(report, {run: ["dict"] for run in runs} | {"space": "anything"})
    drawn, names = list(report["all"]), list(space)
    if any(list(recipe) != names for run in runs for recipe in report[run]):
        raise WrongForm("Each recipe should have the names of the space, in its order.")
    draws = {run: [list(map(comparable, recipe.values())) for recipe in report[run]] for run in runs[1:]}
    columns = {name: [recipe[name] for recipe in drawn] for name in names}
    free = [name for name in names if isinstance(space[name], tuple)]
    return {
        "recipes": len(drawn),
        "knobs": {name: _column(columns[name], space[name]) for name in names},
        "draws for two knobs": _bound([_places(columns[name], space[name]) for name in free]),
        "two calls": "equal" if draws["first"] == draws["next"] else "different",
        "equal generators": "equal" if draws["first"] == draws["again"] else "different",
        "another generator": "equal" if draws["first"] == draws["other"] else "different",
        "space": "as it was" if comparable(report["space"]) == comparable(dict(space)) else "changed",
    }


def comparable(value: Any) -> Any:
    """A value as something that can be compared with its like: types count, NumPy's numbers are Python's."""
    what = kind(value)
    if what in ("array", "tensor"):
        return "array", to_numpy(value).tolist()
    if what == "sequence":
        return type(value).__name__, [comparable(item) for item in value]
    if what == "dict":
        return what, [[key, comparable(item)] for key, item in value.items()]
    if what in ("bool", "int", "float"):
        return what, value if type(value) in (bool, int, float) else value.item()
    return what, value if what in ("text", "nothing") else ""


def _column(values: Sequence[Any], choices: Any) -> str:
    """How the draws for one knob lie, in words."""
    if not values:
        return "none"
    if isinstance(choices, tuple):
        if any(kind(value) != "float" for value in values):
            return "no floats"
        return _range(np.array(values, float), *choices)
    entries = (
        [comparable(choice) for choice in choices] if isinstance(choices, list) else [comparable(choices)]
    )
    found = [comparable(value) for value in values]
    if any(value not in entries for value in found):
        return "not entries of the list" if isinstance(choices, list) else "something else"
    counts = [found.count(entry) for entry in entries]
    due = len(values) / len(entries)
    if min(counts) == 0 and due > SIGMAS**2:
        return "some entries never"
    spread = SIGMAS * math.sqrt(due * (1 - 1 / len(entries)))
    return "as asked" if all(abs(count - due) <= spread for count in counts) else "not evenly"


def _range(values: Any, form: str, low: float, high: float) -> str:
    """Where floats lie between two borders, in words."""
    slack = 1e-9 * max(abs(low), abs(high))
    if not ((values >= low - slack) & (values <= high + slack)).all():
        return "beyond the borders"
    if low == high:
        return "as asked"
    if len(values) > 1 and len(np.unique(values)) < len(values) // 2:
        return "hardly any different numbers"
    evenly, on_logs = (
        _even(values, low, high),
        low > 0 and _even(np.log(values), math.log(low), math.log(high)),
    )
    if form == "log":
        return "as asked" if on_logs else "evenly, not their logarithms" if evenly else "otherwise"
    return "as asked" if evenly else "evenly in their logarithms" if on_logs else "otherwise"


def _even(values: Any, low: float, high: float) -> bool:
    """Whether about equally many values lie in each part of a range."""
    parts = np.clip(((values - low) / (high - low) * EVEN).astype(int), 0, EVEN - 1)
    due = len(values) / EVEN
    return bool((np.abs(np.bincount(parts, minlength=EVEN) - due) <= SIGMAS * math.sqrt(due)).all())


def _places(values: Sequence[Any], choices: Any) -> Any:
    """Where draws lie in their range, by rank."""
    numbers = [float(value) if kind(value) == "float" else 0.0 for value in values]
    return np.argsort(np.argsort(numbers, kind="stable"), kind="stable")


def _bound(ranks: Sequence[Any]) -> str:
    """Whether the draws for several ranges go together."""
    if len(ranks) < 2 or len(ranks[0]) < 3:
        return "nothing to see"
    for index, some in enumerate(ranks):
        for others in ranks[:index]:
            if abs(float(np.corrcoef(some, others)[0, 1])) > SIGMAS / math.sqrt(len(some)):
                return "bound to each other"
    return "on their own"
