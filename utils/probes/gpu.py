"""Tries code on a GPU, a simulated one where there is none: where things were, and what was refused.

Two GPUs are simulated and the second one is asked for, so that a fixed "cuda" is noticed. What leaves a probe
are plain tensors on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from ..simulated_gpu import SimulatedGPU
from . import beside, find, tensors_in

GPUS = 2
REGISTERED = ("_parameters", "_buffers", "_modules")
LONGEST = 500  # characters of an error that are reported


def on_gpu(
    call: Callable[[Any], Any], prepare: Callable[[torch.device], Any] = lambda device: device
) -> tuple[dict[str, Any], Any]:
    """Make a call on a GPU.

    Arguments:
        prepare: gets the GPU and makes what the call needs; its copies between devices are not counted.
        call: gets what `prepare` made.

    Returns:
        what was seen, and the answer on the CPU, None where the GPU refused. Seen: the "device"; whether it
        is "simulated"; the words of the error with which a GPU "refused" something, "" for none; whether a
        module whose `forward` ran then keeps a tensor "unregistered" on another device; how many matrix
        products and convolutions were "computed" where, and how many "copies" went between devices (both
        empty on a real GPU); where the tensors of the "answers" are.

    Raises:
        whatever the call raises that has nothing to do with devices.
    """
    with SimulatedGPU(GPUS) as gpu:
        device = torch.device("cuda", torch.cuda.device_count() - 1)
        seen: dict[str, Any] = {"device": str(device), "simulated": not gpu.real}
        seen |= {"refused": "", "unregistered": False}
        prepared, answer = prepare(device), None
        gpu.moves.clear()
        try:
            answer = call(prepared)
        except NotImplementedError:
            raise  # the exercise is still to be written
        except (RuntimeError, TypeError) as error:
            if not _about_devices(error):
                raise
            seen |= {"refused": str(error)[:LONGEST], "unregistered": _unregistered(error, device)}
        seen |= {"computed": dict(gpu.compute), "copies": dict(gpu.moves)}
        seen["answers"] = sorted({str(tensor.device) for tensor in tensors_in(answer)})
        return seen, _each(answer, lambda tensor: tensor.detach().cpu())


@beside
def tried(function: Any, probe: str, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Ask another probe ("" for a plain call) with all tensors on a GPU; returns what `on_gpu` saw."""
    asked = partial(find(probe), function) if probe else function

    def prepare(device: torch.device) -> Any:
        return _each((list(arguments), options), lambda tensor: tensor.to(device))

    return on_gpu(lambda there: asked(*there[0], **there[1]), prepare)[0]


def _about_devices(error: Exception) -> bool:
    return any(word in str(error) for word in ("device", "cuda", "CUDA"))


def _each(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The same with every tensor changed, also those inside lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(_each(item, change) for item in value)
    return {name: _each(item, change) for name, item in value.items()} if type(value) is dict else value


def _unregistered(error: BaseException, device: torch.device) -> bool:
    """Whether a module in which an error arose keeps tensors elsewhere that do not move with it."""
    modules, trace = [], error.__traceback__
    while trace is not None:
        modules.append(trace.tb_frame.f_locals.get("self"))
        trace = trace.tb_next
    kept = [value for module in modules if isinstance(module, nn.Module) for value in _own(module)]
    return any(tensor.device != device for tensor in tensors_in(kept))


def _own(module: nn.Module) -> list[Any]:
    """What a module keeps in plain attributes, with the parameters of layers in plain lists."""
    values = [value for name, value in vars(module).items() if name not in REGISTERED]
    lists = [list(value.values()) if isinstance(value, dict) else value for value in values]
    items = [item for value in lists if isinstance(value, (list, tuple)) for item in value]
    layers = [item for item in items if isinstance(item, nn.Module)]
    return [*values, *(parameter for layer in layers for parameter in layer.parameters())]
