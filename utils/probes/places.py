"""Tensors that remember on which device they would be, so that a CPU shows what would go wrong on a GPU.

The device that a function is told to use is "cpu:0" where there is no better one. To PyTorch that is the CPU,
but it is a place of its own here: a tensor of a loader, on "cpu", must be moved there before it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset, default_collate

from ..simulated_gpu import SimulatedGPU

LOADER = "cpu"
MOVES = (torch.Tensor.to, torch.Tensor.cuda, torch.Tensor.cpu)


def target(device: torch.device) -> torch.device:
    """The device to tell a function to use, so that it differs from where a loader's batches are."""
    return torch.device("cpu:0") if device.type == "cpu" else device


class Placed(torch.Tensor):
    """A tensor with a place.

    Attributes:
        place: the name of the device where it would be.
        mixed: names of the functions in which tensors of different places met; one list for all.
    """

    place: str
    mixed: list[str]

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = list(_placed([*args, *(kwargs or {}).values()]))
        places = {tensor.place for tensor in given}
        mixed, name = given[0].mixed, getattr(func, "__name__", "")
        if len(places) > 1 or (name == "numpy" and places != {LOADER}):
            mixed.append(name)
        with torch._C.DisableTorchFunctionSubclass():
            answer = func(*_bare(args), **_bare(kwargs or {}))
        place = max(places, key=lambda own: own != LOADER)  # of two places the answer is on the faster one
        if func in MOVES:
            place = _destination(name, args, kwargs or {}, place)
        return put(answer, place, mixed)


def _placed(values: Any) -> Iterator[Placed]:
    """All tensors with a place among values and inside lists of them."""
    for value in values:
        if isinstance(value, Placed):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _placed(value)


def _bare(value: Any) -> Any:
    """The same without places."""
    if isinstance(value, Placed):
        return value.as_subclass(torch.Tensor)
    if type(value) in (list, tuple):
        return type(value)(_bare(item) for item in value)
    return {name: _bare(item) for name, item in value.items()} if isinstance(value, dict) else value


def put(value: Any, place: str, mixed: list[str]) -> Any:
    """The same with a place: a tensor, or a tuple or list of tensors; anything else as it is."""
    if isinstance(value, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():
            tensor = value.as_subclass(Placed)
        tensor.place, tensor.mixed = place, mixed
        return tensor
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)([put(item, place, mixed) for item in value])
    return value


def _destination(name: str, args: Any, kwargs: Mapping[str, Any], place: str) -> str:
    """Where a move leads."""
    if name != "to":
        return LOADER if name == "cpu" else "cuda:0"
    for value in [*args[1:], *kwargs.values()]:
        if isinstance(value, Placed):
            return value.place
        if isinstance(value, (str, torch.device)):
            device = torch.device(value)
            return str(device) if device.type == "cpu" or device.index is not None else f"{device}:0"
    return place  # only the dtype changes


def loader(x: torch.Tensor, y: torch.Tensor, batch_size: int, mixed: list[str]) -> DataLoader[Any]:
    """A loader that keeps the order and gives batches on the CPU, wherever x and y are."""

    def collate(examples: list[Any]) -> list[torch.Tensor]:
        return [put(tensor, LOADER, mixed) for tensor in default_collate(examples)]

    return DataLoader(TensorDataset(x.cpu(), y.cpu()), batch_size, collate_fn=collate)


def place(tensor: torch.Tensor) -> str:
    """Where a tensor is, or would be."""
    return tensor.place if isinstance(tensor, Placed) else str(target(tensor.device))


def plain(value: Any) -> Any:
    """A value without its place and its graph."""
    if isinstance(value, torch.Tensor):
        return (value.as_subclass(torch.Tensor) if isinstance(value, Placed) else value).detach()
    return value


def mixed_devices(call: Callable[[torch.Tensor], object], shape: tuple[int, ...]) -> bool:
    """Whether a function of a tensor mixes devices on a GPU: a simulated one, where there is none.

    `call` gets a tensor of that shape on the GPU; what it needs beside, it puts where that tensor is. Errors
    that have nothing to do with devices say nothing about them.
    """
    with SimulatedGPU():
        x = torch.linspace(0, 1, math.prod(shape), device="cuda").reshape(shape).requires_grad_()
        try:
            call(x)
        except NotImplementedError:
            raise  # the exercise is still to be written
        except Exception as error:
            return "device" in str(error)
    return False
