"""Switches the simulation on and off: replaces what PyTorch says about GPUs, and puts everything back."""

from __future__ import annotations

import contextlib
from collections import Counter
from types import SimpleNamespace, TracebackType
from typing import Any

import torch

from . import tensors
from .dispatch import Dispatch
from .labels import State, normal, running, state

NAME = "Simulated GPU"
MEMORY_BYTES = 8 << 30  # what it says it has


class SimulatedGPU(contextlib.ContextDecorator):
    """A GPU for the time of a `with` statement; a real one, if there is one, is used instead.

    Attributes:
        real: whether the GPU is real, and nothing simulated.
        compute: how many matrix products and convolutions ran where, {"cuda:0": 7}.
        moves: how many copies went between devices, {"cpu->cuda:0": 2}.
    """

    def __init__(self, count: int = 1) -> None:
        """`count`: number of GPUs. With two, a fixed "cuda" differs from the device that was asked for."""
        self._count = count
        self._undo = contextlib.ExitStack()
        self.real = False
        self.compute: Counter[str] = Counter()
        self.moves: Counter[str] = Counter()

    def __enter__(self) -> SimulatedGPU:
        if running:
            raise RuntimeError("a simulation is already running")
        self.real = torch.cuda.is_available()
        if not self.real:
            running.append(State(self._count, compute=self.compute, moves=self.moves))
            try:
                self._replace_all()
                self._undo.enter_context(Dispatch())
            except BaseException:
                self._put_back()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put_back()

    def _put_back(self) -> None:
        self._undo.close()
        running.clear()

    def _replace(self, owner: Any, **new: Any) -> None:
        for name, value in new.items():
            if name in vars(owner):
                self._undo.callback(setattr, owner, name, vars(owner)[name])
            else:
                self._undo.callback(delattr, owner, name)
            setattr(owner, name, value)

    def _replace_all(self) -> None:
        library: Any = torch
        self._replace(torch.Tensor, **tensors.replacements())
        made = {name: tensors.from_data(getattr(torch, name)) for name in ("tensor", "as_tensor", "asarray")}
        self._replace(torch, Generator=tensors.Generator, compile=_not_compiled, **made)
        self._replace(library._C._nn, _parse_to=tensors.parse_to)
        self._replace(torch.autograd.function.BackwardCFunction, apply=tensors.checked_backward)
        self._replace(
            library.utils._foreach_utils, **_answers(_get_foreach_kernels_supported_devices=[])
        )  # optimisers take one tensor after the other, as on the CPU
        self._replace(torch.amp.autocast, __init__=_autocast_by_the_cpu)
        self._replace(torch.storage._StorageBase, clone=_clone_with_label)
        self._replace_files()
        self._replace_cuda()

    def _replace_files(self) -> None:
        """torch.save and torch.load keep labels, and map_location works."""
        packages: Any = torch.serialization._package_registry
        entry = (0, _location, _restore)
        packages.insert(0, entry)
        self._undo.callback(packages.remove, entry)

    def _replace_cuda(self) -> None:
        event = type("Event", (), _answers(**dict.fromkeys(("__init__", "record", "synchronize", "wait"))))
        for name, value in (("is_capturing", False), ("elapsed_time", 0.0)):
            setattr(event, name, lambda *args, _value=value: _value)
        card = SimpleNamespace(name=NAME, major=8, minor=0, total_memory=MEMORY_BYTES)
        both = _answers(is_available=True, device_count=self._count, synchronize=None, current_stream=event())
        self._replace(
            torch.accelerator,
            **both,
            current_device_index=lambda: state().current,
            **_answers(current_accelerator=torch.device("cuda"), set_device_index=None),
        )
        self._replace(
            torch.cuda,
            **both,
            **_answers(_lazy_init=None, reset_peak_memory_stats=None, empty_cache=None),
            **_answers(get_device_name=NAME, get_device_properties=card, get_device_capability=(8, 0)),
            **_answers(max_memory_allocated=0, memory_allocated=0, is_bf16_supported=True),
            Event=event,
            Stream=event,
            manual_seed=_seed,
            manual_seed_all=_seed,
            device=contextlib.nullcontext,
            stream=contextlib.nullcontext,
            current_device=lambda: state().current,
            set_device=_set_device,
            get_rng_state=lambda *args: torch.get_rng_state(),
            set_rng_state=lambda new, *args: torch.set_rng_state(new),
        )


def _answers(**values: Any) -> dict[str, Any]:
    """Functions that give these values, whatever they are asked."""
    return {name: lambda *args, _value=value, **kwargs: _value for name, value in values.items()}


def _seed(seed: int) -> None:
    torch.default_generator.manual_seed(int(seed))


def _set_device(device: Any) -> None:
    state().current = normal(device).index or 0


def _not_compiled(function: Any = None, **options: Any) -> Any:
    """torch.compile gives the function as it is."""
    return function if function is not None else lambda given: given


_real_autocast: Any = torch.amp.autocast.__init__
_real_clone: Any = torch.storage._StorageBase.clone


def _autocast_by_the_cpu(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
    """A GPU's automatic precision, with the CPU's list of operations."""
    if device_type == "cuda":
        device_type = "cpu"
        args = args or (kwargs.pop("dtype", None) or torch.float16,)
    _real_autocast(self, device_type, *args, **kwargs)


def _clone_with_label(storage: Any) -> Any:
    """What copy.deepcopy makes of a tensor's storage."""
    new = _real_clone(storage)
    new._course_device = getattr(storage, "_course_device", None)
    return new


def _location(storage: Any) -> str:
    return str(getattr(storage, "_course_device", None) or "")


def _restore(storage: Any, location: str) -> Any:
    if not location.startswith("cuda"):
        return None
    storage._course_device = normal(location)
    return storage
