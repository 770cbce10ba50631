"""Questions to an answer that a plain call cannot ask: the inside of a layer, gradients, loops.

Each probe gets the function or class first and returns plain values, so that a check can compare them. Under
grading that function lives in another process; `@beside` sends the question there. Probes that only one
notebook needs stand in modules of their own beside this file.
"""

import copy
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from types import FrameType
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import torch

P = ParamSpec("P")
R = TypeVar("R")

ENOUGH = 16  # so many random numbers are never all positive by accident (once in 65,000 times)
MANY = 64  # one of so many random numbers comes near the bound


def beside(probe: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Make a probe run in the process in which its first argument lives."""

    @wraps(probe)
    def ask(first: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        run_beside = getattr(first, "_run_beside", None)
        if run_beside is None:
            return probe(first, *args, **kwargs)
        return run_beside(probe.__module__, probe.__name__, args, kwargs)

    return ask


def find(name: str) -> Callable[..., Any]:
    """The probe of that name: "layer" stands in this file, "filters.activations" in filters.py beside it."""
    module, _, probe = name.rpartition(".")
    return getattr(importlib.import_module(f"{__name__}.{module}" if module else __name__), probe)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in a value: itself, or those inside lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(item)


def detached(value: Any) -> Any:
    """A tensor without its graph; anything else as it is."""
    return value.detach() if isinstance(value, torch.Tensor) else value


def device() -> str:
    """Where the checks put tensors: the device of the notebook if it can compute in float64, else the CPU."""
    from .. import devices  # only now: most checks need no tensor

    name = str(devices.default_device())
    return "cpu" if name.startswith("mps") else name


@beside
def gradients(function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Call a function of tensors and let gradients flow back through it.

    Returns:
        "output": the answer; "gradients": the gradient of a weighted sum of the answer for each tensor among
        the arguments, None where no gradient arrived.
    """
    leaves = [a.detach().clone().requires_grad_() if isinstance(a, torch.Tensor) else a for a in arguments]
    output = function(*leaves, **options)
    return {
        "output": detached(output),
        "gradients": _gradients(output, [a for a in leaves if isinstance(a, torch.Tensor)]),
    }


@beside
def layer(
    layer_class: Any,
    arguments: Sequence[Any],
    options: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    x: torch.Tensor,
) -> dict[str, Any]:
    """Build a layer, give it a state, and use it.

    Returns:
        "parameters": shape of each registered parameter by name; "gradients wanted": whether each asks for
        gradients; "state": what would be saved; "start": whether the first weights lie where they should;
        "output": the answer to x; "gradients": of a weighted sum of the answer, for x and each parameter.
    """
    torch.manual_seed(0)
    built = layer_class(*arguments, **options)
    parameters = dict(sorted(built.named_parameters()))
    report: dict[str, Any] = {
        "parameters": {name: list(p.shape) for name, p in parameters.items()},
        "gradients wanted": {name: p.requires_grad for name, p in parameters.items()},
        "saved state": {name: list(value.shape) for name, value in sorted(built.state_dict().items())},
        "start": {name: _spread(p, arguments[0] * arguments[2] ** 2) for name, p in parameters.items()},
    }
    built.to(x.device, x.dtype)
    with torch.no_grad():
        for name, value in state.items():
            if name in parameters and parameters[name].shape == value.shape:
                parameters[name].copy_(value)
    x = x.detach().clone().requires_grad_()
    output = built(x)
    found = _gradients(output, [x, *parameters.values()])
    return report | {
        "output": detached(output),
        "gradients": dict(zip(["x", *parameters], found, strict=True)),
    }


def _spread(parameter: torch.Tensor, fan_in: int) -> str:
    """Where the first values of a parameter lie, in words, against the bound 1 / sqrt(fan_in)."""
    bound = fan_in**-0.5
    largest = float(parameter.detach().abs().max())
    if not largest <= bound * 1.0001:  # also for NaN
        return "beyond the bound"
    if parameter.numel() < ENOUGH:
        return "within the bound"
    if float(parameter.detach().std()) < bound / 10:
        return "almost all alike"
    if parameter.numel() >= MANY and largest < bound * 0.6:
        return "far from the bound"
    return "within the bound, on both sides of 0" if float(parameter.detach().min()) < 0 else "none below 0"


def weights_of(output: torch.Tensor) -> torch.Tensor:
    """Small whole numbers in the shape of the output, no two neighbours alike; all machines agree on sums."""
    steps = torch.arange(output.numel(), dtype=output.dtype, device=output.device)
    return (steps * 3 % 7 - 3).reshape(output.shape)


def _gradients(output: Any, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
    """Gradients of a weighted sum of the output; None for a leaf that the output does not depend on."""
    if not (isinstance(output, torch.Tensor) and output.requires_grad):
        return [None] * len(leaves)
    weights = weights_of(output)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    found = dict(
        zip(
            map(id, wanted),
            torch.autograd.grad((output * weights).sum(), wanted, allow_unused=True),
            strict=True,
        )
    )
    return [found.get(id(leaf)) for leaf in leaves]


@beside
def owns_answer(function: Any, *arguments: Any) -> dict[str, Any]:
    """Call a function of arrays; say also whether its answer is a new array, not a view of an argument."""
    answer = function(*arguments)
    arrays = [value for value in arguments if isinstance(value, np.ndarray)]
    shared = isinstance(answer, np.ndarray) and any(np.shares_memory(answer, array) for array in arrays)
    return {"output": answer, "memory": "shared with the input" if shared else "its own"}


@beside
def arguments_after(function: Any, *arguments: Any) -> dict[str, Any]:
    """Call a function of lists; say also what its arguments are after the call."""
    arguments = copy.deepcopy(arguments)
    return {"output": function(*arguments), "arguments after the call": list(arguments)}


@beside
def loops_over_pixels(function: Any, small: Sequence[Any], large: Sequence[Any]) -> str:
    """Whether the work in Python grows with the image, in words: counts the lines that are executed.

    Arguments:
        small, large: arguments of two calls that differ only in the size of the picture, which is the last
            two axes of the first argument.
    """
    few, many = (_lines(function, arguments) for arguments in (small, large))
    pixels = [arguments[0].shape[-2] * arguments[0].shape[-1] for arguments in (small, large)]
    return "a loop over pixels" if many - few > (pixels[1] - pixels[0]) // 2 else "no loop over pixels"


def _lines(function: Any, arguments: Sequence[Any]) -> int:
    """How many lines of Python run during one call."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count
