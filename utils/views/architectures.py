"""How the checks of notebook 4 look at networks: what they compute, and what they are made of."""

from typing import Any

import numpy as np

from ..compare import kind, to_numpy
from . import WrongForm, gpu, need, number, one_number_each, parts_of

NOT_REGISTERED = (
    "The network uses parameters that it does not know of: they would not be trained, moved to a device or "
    "saved. Are layers kept in a plain Python list? Put them into nn.Sequential or nn.ModuleList."
)
NO_TWIN = (
    "The twin cannot take over the parameters of the network (`load_state_dict`): both should have the same "
    "ones, with the same names, whether all of them are used or not."
)
MANY = 2000  # numbers; of larger gradients sums are compared, or the stored answers would be very large
LARGEST = 2**40  # no axis of a tensor is longer


def block(answer: Any, *_: Any) -> dict[str, Any]:
    """A pair of an output and the cache for the way back."""
    parts = parts_of(answer, "y", "cache")
    if kind(parts["cache"]) != "sequence" or len(parts["cache"]) != 3:
        raise WrongForm("The cache should be the tuple (x, w1, w2): what came in, as it came in.")
    return {"y": parts["y"], "cache": parts_of(parts["cache"], "x", "w1", "w2")}


def block_gradients(answer: Any, *_: Any) -> dict[str, Any]:
    """The three gradients of a residual block."""
    return parts_of(answer, "dx", "dw1", "dw2")


def decibels(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A number that may be infinite."""
    value = number(answer, "answer")
    if np.isfinite(value):
        return {"size": "finite", "decibels": value}
    words = {float("inf"): "infinite", float("-inf"): "minus infinity"}.get(value, "not a number")
    return {"size": words, "decibels": 0.0}


def _registered(report: Any) -> None:
    """Raise where parameters are used that are not registered."""
    need(report, {"strangers": "int"})
    if report["strangers"]:
        raise WrongForm(NOT_REGISTERED)


def _joined(tensors: Any) -> Any:
    """All numbers of several tensors in one array, float64."""
    return np.concatenate([np.zeros(0), *(to_numpy(tensor).astype(np.float64).ravel() for tensor in tensors)])


def _shapes(shapes: Any) -> Any:
    """Shapes of at most four axes as the rows of one table, filled up with zeros."""
    if any(len(shape) > 4 for shape in shapes):
        raise WrongForm("A parameter has more axes than any layer that is asked for.")
    if any(abs(size) > LARGEST for shape in shapes for size in shape):
        raise WrongForm("A parameter has an axis that is longer than anything.")
    return np.array([[*shape, 0, 0, 0, 0][:4] for shape in shapes], np.int64).reshape(-1, 4)


def _made_of(report: Any) -> dict[str, Any]:
    """The weights of a network and what stands beside them."""
    need(report, {"weights": [["int"]], "beside": ["text"]})
    beside = [text.split(", ") for text in report["beside"]]
    return {
        "weights (one row for each)": _shapes([list(shape) for shape in report["weights"]]),
        "number of layers with a bias": sum("bias" in kinds for kinds in beside),
        "number of normalisations": sum("scale" in kinds and "shift" in kinds for kinds in beside),
        "number of running statistics": sum(("mean" in kinds) + ("variance" in kinds) for kinds in beside),
    }


def network(
    report: Any,
    arguments: Any,
    options: Any,
    x: Any,
    look: str = "outputs",
    way: str = "usual",
    also: Any = (),
) -> dict[str, Any]:
    """What matters of a network: its weights and outputs, or what it does in training, or its gradients."""
    _registered(report)
    if look == "training":
        need(report, {"output": "anything", "statistics": ["tensor"]})
        return {
            "output in training mode": report["output"],
            "running statistics": _joined(report["statistics"]),
        }
    if look == "gradients":
        need(report, {"gradient": "anything", "sizes": ["float"]})
        gradient, name = report["gradient"], "gradient of x"
        if kind(gradient) == "tensor" and gradient.dim() > 2 and gradient.numel() > MANY:
            gradient, name = gradient.sum(dim=2), f"{name}, each column added up"
        return {name: gradient, "gradients": one_number_each(list(report["sizes"]))}
    need(report, {"idle": "int", "outputs": ["anything"], "x": "text", "arguments": "anything"})
    listed = kind(report["arguments"]) == "sequence" and _plain(report["arguments"])
    kept = listed and repr(list(report["arguments"])) == repr(list(arguments))
    names = ["output", "second output", "third output"]
    return {
        **_made_of(report),
        "number of unused parameters": report["idle"],
        **dict(zip(names, report["outputs"], strict=False)),
        "x": report["x"],
        "arguments": "as they were" if kept else "changed",
    }


def _plain(value: Any) -> bool:
    """Whether a value holds nothing but numbers and texts in lists."""
    if kind(value) == "sequence":
        return all(_plain(item) for item in value)
    return kind(value) in ("int", "float", "text", "bool")


def twin(
    report: Any, arguments: Any, options: Any, x: Any, switch: str, way: str = "usual"
) -> dict[str, Any]:
    """What matters of a network's twin, which has the network's parameters."""
    _registered(report)
    need(report, {"fits": "bool"})
    if not report["fits"]:
        need(report, {"lacks": ["int"]})
        filters = any(axes > 1 for axes in report["lacks"])
        lacks = (
            "filters or matrices" if filters else "biases or normalisations" if len(report["lacks"]) else ""
        )
        raise WrongForm(NO_TWIN + (f" Among others {lacks} do not fit." if lacks else ""))
    need(report, dict.fromkeys(("evaluation", "training"), "anything"))
    return {"output": report["evaluation"], "output in training mode": report["training"]}


def full_size(report: Any, *_: Any) -> dict[str, Any]:
    """What matters of a network that has shapes, but no numbers."""
    _registered(report)
    need(report, {"answer": ["int"], "parameters": "int"})
    return {
        **_made_of(report),
        "number of parameters": report["parameters"],
        "shape": list(report["answer"]),
    }


def reach(report: Any, *_: Any) -> dict[str, Any]:
    """How far a network over time sees."""
    _registered(report)
    need(report, {"behind": ["int"]})
    behind = [int(step) for step in report["behind"]]
    past = [step for step in behind if step >= 0]
    return {
        "future": "seen" if len(past) < len(behind) else "not seen",
        "present": "seen" if 0 in past else "not seen",
        "steps seen": max(past, default=-1) + 1,
        "steps left out among them": max(past, default=-1) + 1 - len(past),
    }


KEPT = {"parameters": ["tensor"], "gradients": ["anything"], "statistics": ["tensor"]}
KEPT |= {"modes": ["bool"], "wanted": ["bool"]}


def norms(report: Any, name: str, sizes: Any, x: Any, y: Any, ways: Any = ()) -> dict[str, Any]:
    """What matters of a measurement of gradients: its numbers, and that it leaves the model alone."""
    need(report, {"gpu": "dict"} if "gpu" in ways else {})
    on_gpu = gpu.tried(report["gpu"]) if "gpu" in ways else {}
    need(report, {"answer": "anything", "again": "anything"})
    need(report, KEPT | {f"{name} before": form for name, form in KEPT.items()})
    first, again = _floats(report["answer"]), _floats(report["again"])
    alike = first.shape == again.shape and np.allclose(first, again, rtol=1e-4)
    return {
        "numbers": first,
        "numbers of a second call": "the same" if alike else "different",
        **{name: _compared(report[name], report[f"{name} before"]) for name in KEPT},
        **on_gpu,
    }


def _floats(answer: Any) -> Any:
    """A list of numbers as an array."""
    if kind(answer) == "sequence" and any(kind(item) not in ("float", "int") for item in answer):
        raise WrongForm("The answer should be a list of floats: `.item()` takes a number out of a tensor.")
    return one_number_each(answer)


def _compared(after: Any, before: Any) -> str:
    """Whether two lists of tensors or of plain values are the same, in words."""
    if len(after) != len(before):
        return "changed"
    return "as before" if all(map(_same, after, before)) else "changed"


def _same(some: Any, other: Any) -> bool:
    if kind(some) != kind(other):
        return False
    if kind(some) == "tensor":
        return some.shape == other.shape and bool(np.array_equal(to_numpy(some), to_numpy(other)))
    return kind(some) in ("bool", "nothing") and some == other
