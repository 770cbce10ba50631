"""How the checks of notebook 3 look at pooling, gradients, and what a net does as it is trained."""

from typing import Any

import numpy as np

from ..compare import kind
from ..probes.backprop import line_loss, line_start
from . import MODES, WrongForm, gpu, need, number, one_number_each, order_of, parts_of


def pooled(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A pair (y, argmax); any dtype of whole numbers will do for the second."""
    parts = parts_of(answer, "y", "argmax")
    argmax = parts["argmax"]
    if kind(argmax) != "array" or argmax.dtype.kind not in "iu":
        raise WrongForm("argmax should be an array of whole numbers (dtype int64), for they are places.")
    return {"y": parts["y"], "argmax": argmax.astype(np.int64)}


def loss_and_gradient(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A pair (loss, gradient)."""
    return parts_of(answer, "loss", "gradient")


def layer_gradients(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """The three gradients of a layer with weights."""
    return parts_of(answer, "dx", "dweight", "dbias")


def _doubles(params: Any, what: str) -> dict[str, Any]:
    """A dictionary of arrays in the order of its names, the arrays as float64 whatever float they are."""
    if kind(params) != "dict" or not all(kind(name) == "text" for name in params):
        raise WrongForm(f"The {what} should be a dictionary with the names of the parameters.")
    if not all(kind(value) == "array" and value.dtype.kind == "f" for value in params.values()):
        raise WrongForm(f"The {what} should be arrays of floats in a dictionary.")
    return {name: params[name].astype(np.float64) for name in sorted(params)}


def _double(value: Any) -> Any:
    return value.astype(np.float64) if kind(value) == "array" and value.dtype.kind == "f" else value


NETS = ("params", "again", "other", "no generator")


def net_start(report: Any, in_shape: Any, sizes: Any, x: Any, y: Any) -> dict[str, Any]:
    """What matters of a net's first weights: shapes, spread, the loss that they give, who draws them."""
    need(report, dict.fromkeys((*NETS, "loss"), "anything"))
    nets = {name: _doubles(report[name], "params") for name in NETS}
    params, expected, loss = nets["params"], float(np.log(sizes[0])), number(report["loss"], "loss")
    spread = (2 / (9 * in_shape[0])) ** 0.5
    return {
        "parameters": {name: list(value.shape) for name, value in params.items()},
        "parameters without a generator": list(nets["no generator"]),
        "W1": _spread(params.get("W1"), spread),
        "b1, W2 and b2": "near 0" if _small(params, "b1", "W2", "b2") else "not near 0",
        "loss": "near log(classes)" if abs(loss - expected) < expected / 10 else "not near log(classes)",
        "equal generators": "equal weights" if _same(params, nets["again"]) else "different weights",
        "another generator": "equal weights" if _same(params, nets["other"]) else "different weights",
    }


def _small(params: dict[str, Any], *names: str) -> bool:
    return all(name in params and bool((np.abs(params[name]) < 0.25).all()) for name in names)


def _spread(weights: Any, spread: float) -> str:
    """How first weights lie around 0, in words, against the standard deviation that they should have."""
    if kind(weights) != "array" or not weights.size or not np.isfinite(weights).all():
        return "not numbers"
    if weights.std() < 1e-9:
        return "all alike"
    if abs(weights.mean()) > spread:
        return "not around 0"
    share = weights.std() / spread
    return "too small" if share < 0.5 else "too large" if share > 2 else "as asked"


def _same(some: dict[str, Any], others: dict[str, Any]) -> bool:
    """Whether two dictionaries hold the same arrays, but for rounding to float32."""
    if list(some) != list(others) or any(some[name].shape != others[name].shape for name in some):
        return False
    return all(np.allclose(some[name], others[name], atol=1e-9) for name in some)


def net_answer(report: Any, sizes: Any, params: Any, *_: Any) -> dict[str, Any]:
    """Scores, loss and gradients of a net in float64, and whether its parameters are as they were."""
    need(report, dict.fromkeys(("params", "scores", "loss", "gradients"), "anything"))
    kept = _same(_doubles(report["params"], "params"), _doubles(params, "params"))
    return {
        "scores": _double(report["scores"]),
        "loss": number(report["loss"], "loss"),
        "gradients": _doubles(report["gradients"], "gradients"),
        "parameters": "as they were" if kept else "changed by the loss",
    }


def sgd(
    report: Any, x: Any, y: Any, epochs: int, batch_size: int, step_size: float, seed: int
) -> dict[str, Any]:
    """What matters of a training: the batches, their order, the steps taken, the losses returned."""
    saw = {"examples": [["int"]], "labels": [["int"]]}
    need(report, {"run": saw | {"after": "dict", "answer": "anything"}, "again": saw, "other": saw})
    batches, again, other = ([list(batch) for batch in report[name]["examples"]] for name in report)
    labels = [list(batch) for batch in report["run"]["labels"]]
    order = [example for batch in batches for example in batch]
    if not set(order) <= set(range(-1, len(x))):
        raise WrongForm("What your code does could not be watched.")
    rounds = [order[start : start + len(x)] for start in range(0, len(order), len(x))]
    right = all(sorted(round_) == list(range(len(x))) for round_ in rounds)
    weights, own = line_start(x), []
    for batch in filter(len, batches):  # the steps that are due, on what the model saw
        loss, gradients = line_loss(weights, x[batch], y[batch])
        weights = {name: value - step_size * gradients[name] for name, value in weights.items()}
        own.append(loss)
    after, losses = _doubles(report["run"]["after"], "params"), one_number_each(report["run"]["answer"])
    return {
        "batch sizes": [len(batch) for batch in batches],
        "images with their classes": "together"
        if labels == [[int(y[example]) for example in batch] for batch in batches]
        else "mixed up",
        "each epoch": "holds each example once" if right else "does not hold each example once",
        "order": order_of(rounds),
        "source of the order": _source(batches, again, other),
        "weights, minus those after the right steps": {
            name: after[name] - weights[name]
            if name in weights and after[name].shape == weights[name].shape
            else after[name]
            for name in after
        },
        "losses, minus those of the batches": losses - own if losses.shape == (len(own),) else losses,
    }


def _source(batches: Any, again: Any, other: Any) -> str:
    """Where the order of three runs comes from; the first two had equal generators."""
    if batches != again:
        return "chance without rng"
    return "rng" if batches != other else "always the same"


CALLS = [{"training": "bool", "recorded": "bool", "place": "text"}]
WATCHED = {"answer": "anything", "after": "dict", "home": "text", "training": "bool"}


def _watched(report: Any) -> None:
    """Look at what a loop on a GPU reports."""
    need(report, {"gpu": "dict", "calls": CALLS})
    gpu.loop(report["gpu"], report["calls"])
    need(report, WATCHED)


def _calls(report: Any, what: str, words: dict[Any, str], other: str) -> str:
    """How a model was called, in words."""
    answers = {call[what] for call in report["calls"]}
    if not answers:
        return "not called"
    return words.get(answers.pop(), other) if len(answers) == 1 else "now so, now so"


def _on_device(report: Any) -> dict[str, str]:
    device = report["gpu"]["device"]
    return {
        "images": _calls(report, "place", {device: "on the device"}, "not on the device"),
        "model afterwards is": "on the device" if report["home"] == device else "not on the device",
    }


def training(report: Any, *_: Any) -> dict[str, Any]:
    """What matters of an epoch of training in PyTorch."""
    _watched(report)
    need(report, {"steps": "int"})
    return {
        "model": _calls(report, "training", MODES, ""),
        **_on_device(report),
        "steps": report["steps"],
        "parameters": report["after"],
        "mean loss": number(report["answer"], "mean loss"),
    }


def evaluation(report: Any, *_: Any) -> dict[str, Any]:
    """What matters of a model's evaluation in PyTorch."""
    _watched(report)
    return {
        "model": _calls(report, "training", MODES, ""),
        **_on_device(report),
        "gradients": _calls(report, "recorded", {True: "recorded", False: "not recorded"}, ""),
        "model afterwards": MODES[bool(report["training"])],
        "accuracy": number(report["answer"], "accuracy"),
    }
