"""Where a tensor would be: a label on its storage."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

CPU = torch.device("cpu")
BASE: Any = torch._C.TensorBase  # whose attributes are the real ones, also while those of Tensor are replaced


class DeviceMistake(RuntimeError):
    """What a GPU would have reported as a RuntimeError."""


@dataclass
class State:
    """What one simulation knows."""

    count: int  # GPUs
    current: int = 0  # the one that "cuda" without a number means
    process: int = field(default_factory=os.getpid)
    generators: dict[int, Any] = field(default_factory=dict)  # random generators that are on a GPU
    compute: Counter[str] = field(default_factory=Counter)  # matrix products and convolutions by device
    moves: Counter[str] = field(default_factory=Counter)  # copies, such as "cpu->cuda:0"


running: list[State] = []  # the simulation that is active, if there is one


def state() -> State:
    """The active simulation's knowledge."""
    return running[-1]


def carrier(tensor: torch.Tensor) -> Any:
    """The object that carries a tensor's label."""
    try:
        with torch._C.DisableTorchFunctionSubclass():  # also of a lazy layer's parameter
            return tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):
        functorch: Any = torch._C._functorch
        if functorch.is_functorch_wrapped_tensor(tensor):
            return carrier(functorch.get_unwrapped(tensor))
        return tensor  # a sparse one has no storage


def known(tensor: torch.Tensor) -> tuple[torch.device | None, tuple[int, int] | None]:
    """A tensor's label and what `mark_fresh` noted of it, with one look at its storage."""
    where = carrier(tensor)
    return getattr(where, "_course_device", None), getattr(where, "_course_fresh", None)


def label(tensor: torch.Tensor) -> torch.device | None:
    """The simulated device of a tensor; None if it is where PyTorch says."""
    return known(tensor)[0]


def set_label(tensor: torch.Tensor, device: torch.device | None) -> torch.Tensor:
    """Put a tensor on a simulated device, without a copy; None takes it away from there."""
    if device is not None and os.getpid() != state().process:
        raise DeviceMistake(
            "Cannot re-initialize CUDA in forked subprocess (let a DataLoader's workers give CPU tensors, "
            "and move the batch in the training loop)"
        )
    where = carrier(tensor)
    if device is None or where.device.type == "cpu":  # "meta" stays what it is
        where._course_device = device
    return tensor


def device_of(tensor: torch.Tensor) -> torch.device:
    """The device of a tensor, simulated or real."""
    return label(tensor) or BASE.device.__get__(tensor)


def normal(device: Any) -> torch.device:
    """Any spelling of a device as a torch.device, with its number where it is a GPU."""
    found = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    if found.type == "cuda":
        found = torch.device("cuda", state().current if found.index is None else found.index)
        if found.index >= state().count:
            raise DeviceMistake(f"CUDA error: invalid device ordinal ({found})")
    return found


def mark_fresh(tensor: torch.Tensor, place: tuple[int, int]) -> None:
    """Note in which call of Python a tensor without a device of its own was made."""
    carrier(tensor)._course_fresh = place


def tensors_in(values: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, torch.Tensor]]:
    """The tensors among (name, value) pairs, also those inside lists and tuples."""
    for name, value in values:
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, torch.Tensor):
                yield name, item
