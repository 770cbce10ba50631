"""The attributes of torch.Tensor that tell a device, change it, or refuse because of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._device import DeviceContext

from .dispatch import made_in_passing
from .labels import BASE, CPU, DeviceMistake, device_of, label, normal, set_label, state, tensors_in

KEEP = torch.preserve_format
_parse: Any = torch._C._nn._parse_to
_real_backward: Any = torch.autograd.function.BackwardCFunction.apply


def _really_to(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """PyTorch's own `to`, also for a lazy layer's parameter, which knows only methods of the usual names."""
    with torch._C.DisableTorchFunctionSubclass():
        return BASE.to(tensor, *args, **kwargs)


class Move(torch.autograd.Function):
    """A copy on another device; its gradient goes back to where the tensor came from."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, device: torch.device, dtype: torch.dtype, layout: Any) -> torch.Tensor:
        """Copy, and label the copy."""
        copied = _really_to(x, dtype=dtype, copy=True, memory_format=layout)
        return set_label(copied, device if device.type == "cuda" else None)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Remember where from."""
        ctx.back = device_of(inputs[0]), inputs[0].dtype, KEEP

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Move the gradient back."""
        return Move.apply(gradients[0], *ctx.back), None, None, None


def _labelled_zeros(gradient: Any, device: Any) -> Any:
    """C++ makes zeros where no gradient came; they are on the tensor's device."""
    if device and made_in_passing(gradient):
        set_label(gradient, device)
    return gradient


def checked_backward(ctx: Any, *gradients: Any) -> Any:
    """A custom Function's way back, with the look at devices that the autograd engine takes on a GPU."""
    saved = ctx.saved_tensors if any(made_in_passing(gradient) for gradient in gradients) else ()
    device = next((label(one) for _, one in tensors_in(enumerate((*gradients, *saved))) if label(one)), None)
    answer = _real_backward(ctx, *(_labelled_zeros(gradient, device) for gradient in gradients))
    for number, gradient in enumerate(answer if isinstance(answer, tuple) else (answer,)):
        if not isinstance(gradient, torch.Tensor) or not gradient.dim() or label(gradient):
            continue
        if device and ctx._forward_cls is not Move:
            raise DeviceMistake(
                f"Function {type(ctx).__name__} returned an invalid gradient at index {number} - "
                f"expected device {device} but got {device_of(gradient)}"
            )
    return answer


def parse_to(*args: Any, **kwargs: Any) -> Any:
    """What the arguments of `tensor.to` and `module.to` ask for."""
    if args and isinstance(args[0], torch.Tensor):
        args = (device_of(args[0]), args[0].dtype, *args[1:])
    elif args and isinstance(args[0], int):
        args = (normal(args[0]), *args[1:])
    return _parse(*args, **kwargs)


def from_data(real: Callable[..., Any]) -> Callable[..., Any]:
    """torch.tensor and its like, which would ask for a real device."""

    def make(
        *args: Any, device: Any = None, requires_grad: bool = False, pin_memory: bool = False, **kwargs: Any
    ) -> torch.Tensor:
        if device is None and args and isinstance(args[0], torch.Tensor):
            device = device_of(args[0])
        elif device is None:
            modes = torch.overrides._get_current_function_mode_stack()
            device = [CPU, *(mode.device for mode in modes if isinstance(mode, DeviceContext))][-1]
        made = real(*args, device=CPU, **kwargs).to(device)
        return made.requires_grad_() if requires_grad else made

    return make


class Generator(torch._C.Generator):
    """A random generator that may be on a GPU; the CPU draws."""

    _cdata: int  # PyTorch's own name of it

    def __new__(cls, device: Any = "cpu") -> Generator:
        """A new one; "cuda" puts it on the simulated GPU."""
        self = super().__new__(cls)
        if normal(device).type == "cuda":
            state().generators[self._cdata] = self
        return self

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it would be."""
        return torch.device("cuda" if self._cdata in state().generators else "cpu")


class Attributes:
    """Replace those of torch.Tensor that have the same names."""

    device = property(device_of)
    is_cuda = property(lambda self: device_of(self).type == "cuda")
    is_cpu = property(lambda self: device_of(self).type == "cpu")
    new_tensor = from_data(BASE.new_tensor)

    def to(self: Any, *args: Any, copy: bool = False, **kwargs: Any) -> torch.Tensor:
        """Move, or change the dtype."""
        device, dtype, _, layout = parse_to(*args, **kwargs)
        here = device_of(self)
        there = here if device is None else normal(device)
        how = {"dtype": dtype or self.dtype, "memory_format": layout or KEEP}
        if there == here:
            return _really_to(self, copy=copy, **how)
        if not {here.type, there.type} <= {"cpu", "cuda"}:  # "meta"
            return _really_to(self, device=there, copy=copy, **how)
        state().moves[f"{here}->{there}"] += 1
        move = Move.apply if self.requires_grad and torch.is_grad_enabled() else Move.forward
        return move(self, there, *how.values())

    def numpy(self: Any, *, force: bool = False) -> Any:
        """As an array, from the CPU only."""
        if label(self) is not None and not force:
            raise TypeError(
                f"can't convert {label(self)} device type tensor to numpy. Use Tensor.cpu() to copy the "
                "tensor to host memory first."
            )
        return BASE.numpy(self, force=force)

    def type(self: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The old way to ask for dtype and device in one word."""
        if dtype is None:
            return ("torch.cuda." if label(self) else "torch.") + BASE.type(self).split(".")[-1]
        if isinstance(dtype, torch.dtype):
            return self.to(dtype)
        name = getattr(dtype, "__name__", dtype).split(".")[-1]  # torch.FloatTensor
        return self.to("cuda" if "cuda" in str(dtype) else "cpu", getattr(torch, name).dtype)

    def _set_grad(self: Any, gradient: Any) -> None:
        if gradient is not None and device_of(gradient) != device_of(self):
            raise DeviceMistake(
                f"assigned grad has data located on a different device ({device_of(gradient)})"
            )
        BASE.grad.__set__(self, gradient)

    grad = property(lambda self: _labelled_zeros(BASE.grad.__get__(self), label(self)), _set_grad)

    type_as = to

    def cuda(self: Any, device: Any = None, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Move to a GPU."""
        return self.to("cuda" if device is None else device, **kwargs)

    def cpu(self: Any, **kwargs: Any) -> torch.Tensor:
        """Move to the CPU."""
        return self.to(CPU, **kwargs)

    def get_device(self: Any) -> int:
        """The number of the GPU, -1 on the CPU."""
        found = label(self)
        return -1 if found is None else found.index

    def pin_memory(self: Any, device: Any = None) -> Any:
        """Nothing to do."""
        return self

    def is_pinned(self: Any, device: Any = None) -> bool:
        """Never."""
        return False


def replacements() -> dict[str, Any]:
    """Name → what stands in for that attribute of torch.Tensor."""
    return {name: value for name, value in vars(Attributes).items() if not name.startswith("_")}
