"""Sees each operation of PyTorch, forward and backward: are its tensors on one device, and where is it?"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .labels import (
    CPU,
    DeviceMistake,
    known,
    mark_fresh,
    normal,
    set_label,
    state,
    tensors_in,
)

aten: Any = torch.ops.aten

# Operations with a rule of their own. Everywhere else all tensors are on one device, except that a tensor
# without axes on the CPU may meet tensors on a GPU unless it is the one that is written to.
CROSSING = {aten.copy_, aten._foreach_copy_, aten.set_, aten._to_copy}
INDEX_MAY_BE_ON_CPU: dict[Any, tuple[int, ...]] = {
    **dict.fromkeys((aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_), (1,)),
    **dict.fromkeys((aten._unsafe_index, aten._unsafe_index_put), (1,)),
    aten._ctc_loss: (2, 3),
    aten._ctc_loss_backward: (3, 4),
}
MUST_BE_ON_CPU: dict[Any, tuple[int, ...]] = {aten._pack_padded_sequence: (1,), aten.tensor_split: (1,)}
COMPUTE = {  # what is counted; a GPU has no such operations for whole numbers
    aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.mv, aten.addmv, aten.dot, aten.convolution,
}  # fmt: skip


class Dispatch(TorchDispatchMode):
    """The rules of devices, applied to each operation; the CPU computes."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch puts a function of its own between us and the caller

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Check, compute, label."""
        kwargs, operation = dict(kwargs or {}), func.overloadpacket
        found = [
            (name, tensor, *known(tensor)) for name, tensor in tensors_in((*enumerate(args), *kwargs.items()))
        ]
        # A tensor that a function in C++ makes for its own use (one_hot's zeros) arrives here as a new CPU
        # tensor. It may join any device while that call lasts, that is, while Python stands at the same
        # instruction; after that it is a CPU tensor.
        here = _place_of_the_caller()
        fresh = [own is None and made == here for _, _, own, made in found]
        asked = kwargs.get("device")
        to_cpu = asked == CPU and operation.__name__.endswith("_like")
        device = None
        if asked is not None and asked.type == "cuda":
            device, kwargs["device"] = normal(asked), CPU
            generator = kwargs.get("generator")
            if generator is not None and generator._cdata not in state().generators:
                raise DeviceMistake("Expected a 'cuda' device type for generator but found 'cpu'")
        elif not to_cpu and any(own for _, _, own, _ in found):
            if operation not in CROSSING:
                settled = [one[:3] for one, new in zip(found, fresh, strict=True) if not new]
                device = _common_device(func, operation, settled)
            elif fresh[0] or operation is aten._to_copy:
                device = next(own for (_, _, own, _), new in zip(found, fresh, strict=True) if not new)
            if device:
                for (_, tensor, _, _), new in zip(found, fresh, strict=True):
                    if new:
                        set_label(tensor, device)
        if kwargs.get("pin_memory"):
            kwargs["pin_memory"] = False
        if operation in COMPUTE:
            state().compute[str(device or found[0][1].device)] += 1
        answer = func(*args, **kwargs)
        made = answer[:1] if operation is aten._pack_padded_sequence else answer
        for _, tensor in tensors_in(((0, made),)):
            if device is not None:
                set_label(tensor, device)
            elif to_cpu or all(fresh):
                mark_fresh(tensor, here)
        return answer


def _place_of_the_caller() -> tuple[int, int]:
    """Which instruction of Python called PyTorch."""
    frame = sys._getframe(2)
    while frame.f_code.co_name == "__torch_function__" and frame.f_back:  # that of a `with torch.device(…)`
        frame = frame.f_back
    return id(frame), frame.f_lasti


def _common_device(func: Any, operation: Any, found: list[tuple[Any, torch.Tensor, Any]]) -> Any:
    """The device of the result, from (argument, tensor, label) of each tensor.

    Raises:
        DeviceMistake: they are on different ones.
    """
    arguments = func._schema.arguments
    may, must = INDEX_MAY_BE_ON_CPU.get(operation, ()), MUST_BE_ON_CPU.get(operation, ())
    device = found[0][2] if may or must else next(own for _, _, own in found if own)
    for name, tensor, own in found:
        if name in must:
            wrong = own is not None
        else:
            may_join = own is None and (
                name in may or (tensor.dim() == 0 and not _is_written(arguments, name))
            )
            wrong = own != device and not may_join
        if wrong:
            what = ", ".join(
                f"{arguments[at].name if isinstance(at, int) else at}{list(one.shape)} on {where or CPU}"
                for at, one, where in found
            )
            raise DeviceMistake(
                "Expected all tensors to be on the same device, but found at least two devices "
                f"({func._schema.name.removeprefix('aten::')}: {what})"
            )
    first = found[0][1]
    if operation in COMPUTE and not (first.is_floating_point() or first.is_complex()):
        raise DeviceMistake(f'"{operation.__name__}_cuda" not implemented for {first.dtype}')
    return device


def _is_written(arguments: Any, name: Any) -> bool:
    """Whether an operation writes to the argument of that name or number."""
    return any(
        argument.is_write for number, argument in enumerate(arguments) if name in (number, argument.name)
    )


def made_in_passing(tensor: Any) -> bool:
    """Whether a tensor was made without a device of its own while the simulation watched."""
    if not isinstance(tensor, torch.Tensor):
        return False
    own, made = known(tensor)
    return own is None and made is not None
