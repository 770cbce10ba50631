"""Values to messages and back: plain data is all that crosses between the grader and a student's process.

Nothing is ever pickled, evaluated or imported at a student's word: the receiver builds every value itself and
believes no length, shape, type name or nesting that it has not checked. Arrays and long texts travel as raw
bytes beside the message (see `frames`).
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .frames import Buffer, WireError, clean_text

MAX_DEPTH = 32  # containers in containers
MAX_ITEMS = 500_000  # objects of one message
MAX_KEYS = 10_000  # of one dict or set; of several in one message, the root of the sum of their squares
MAX_INT_BYTES = 8192
MAX_DIMENSIONS = 32
SHORT_TEXT = 4096  # characters or bytes that still travel inside the header

_DTYPE = re.compile(r"[<>|=]?[biufcUS]\d{1,9}")
_DEVICE = re.compile(r"[a-z]{2,16}(:\d{1,3})?")
_TORCH_DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
_TYPES: dict[str, type] = {
    kind.__name__: kind for kind in (bool, int, float, complex, str, list, tuple, dict)
}

_READ_AS_THEY_ARE = frozenset((bool, int, float, str, bytes, type(None)))  # what msgpack reads, but for lists

Opaque = Callable[[object], list]  # the sender's way to write an object that is not a value
Resolve = Callable[[str, list], object]  # the receiver's way to read it


class Encoder:
    """Writes the values of one message.

    Attributes:
        buffers: the raw bytes to send after the header.
        arrays: every array and tensor met, in order; `Decoder.arrays` has the same order on the other side.
    """

    def __init__(self, opaque: Opaque | None = None) -> None:
        self.buffers: list[Buffer] = []
        self.arrays: list[Any] = []
        self._opaque = opaque
        self._items = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The value as msgpack takes it: scalars as they are, everything else as [tag, …].

        Raises:
            WireError: it is nested too deeply (or contains itself), or is nothing that can cross.
        """
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**63 else self._big_int(value)
        if kind is str:
            return self._text(value)
        self._items += 1
        if self._items > MAX_ITEMS:
            raise WireError("too many objects to hand over")
        if depth > MAX_DEPTH:
            raise WireError("nested too deeply to hand over (or it contains itself)")
        if kind is np.ndarray:
            return self._array(value)
        if isinstance(value, np.generic):
            return self._scalar(value)
        if isinstance(value, tuple):  # also torch.Size and named tuples
            return ["tuple", self._all(tuple.__iter__(value), depth + 1)]
        if isinstance(value, list):
            return ["list", self._all(list.__iter__(value), depth + 1)]
        if isinstance(value, dict):  # also OrderedDict, as state_dict() gives
            pairs = [(self.encode(k, depth + 1), self.encode(v, depth + 1)) for k, v in dict.items(value)]
            return ["dict", [part for pair in pairs for part in pair]]
        if kind is set or kind is frozenset:
            return [kind.__name__, self._all(value, depth + 1)]
        if kind is bytes or kind is bytearray:
            return self._bytes(bytes(value))
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind is slice or kind is range:
            parts = (value.start, value.stop, value.step)
            return [kind.__name__, self._all(parts, depth + 1)]
        if value is Ellipsis:
            return ["..."]
        return self._special(value)

    def _all(self, items: Iterable, depth: int) -> list:
        return [item if type(item) is float else self.encode(item, depth) for item in items]

    def _special(self, value: Any) -> list:
        """dtypes, types, tensors and devices; then whatever the sender makes of objects."""
        if isinstance(value, np.dtype) and _DTYPE.fullmatch(value.str):
            return ["numpy dtype", value.str]
        if isinstance(value, type):
            if _TYPES.get(value.__name__) is value:
                return ["type", value.__name__]
            name = value.__name__
            if issubclass(value, np.generic) and getattr(np, name, None) is value:
                return ["numpy type", name]
        torch = sys.modules.get("torch")  # where torch was never imported nothing can be a tensor
        if torch is not None:
            if isinstance(value, torch.dtype):
                return ["torch dtype", str(value).removeprefix("torch.")]
            if isinstance(value, torch.device):
                return ["device", str(value)]
            if type(value) in (torch.Tensor, torch.nn.Parameter):
                return self._tensor(value)
        if self._opaque is None:
            raise WireError(f"a {type(value).__name__} cannot be handed over")
        return self._opaque(value)

    def _put(self, data: Buffer) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _big_int(self, value: int) -> list:
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise WireError("the number has too many digits to hand over")
        return ["int", value.to_bytes(size, "little", signed=True)]

    def _text(self, value: str) -> Any:
        if len(value) <= SHORT_TEXT:
            return value if value.isascii() else clean_text(value, SHORT_TEXT)
        return ["text", self._put(value.encode("utf-8", "replace"))]

    def _bytes(self, value: bytes) -> Any:
        return value if len(value) <= SHORT_TEXT else ["bytes", self._put(value)]

    def _scalar(self, value: np.generic) -> list:
        if not _DTYPE.fullmatch(value.dtype.str):
            raise WireError(f"a NumPy {value.dtype} cannot be handed over")
        return ["numpy", value.dtype.str, self._bytes(value.tobytes())]

    def _array(self, value: np.ndarray) -> list:
        if not _DTYPE.fullmatch(value.dtype.str):
            raise WireError(f"an array of dtype {value.dtype} cannot be handed over")
        self.arrays.append(value)
        size = value.itemsize or 1
        # Strides that are no multiple of the item (views into records) come out as gaps of the same order.
        steps = [stride // size for stride in value.strides]
        strides = None if value.flags.c_contiguous else portable_strides(value.shape, steps)
        return [
            "array",
            value.dtype.str,
            list(value.shape),
            strides,
            bool(value.flags.writeable),
            self._put(array_bytes(value)),
        ]

    def _tensor(self, value: Any) -> list:
        name = str(value.dtype).removeprefix("torch.")
        if name not in _TORCH_DTYPES or str(value.layout) != "torch.strided" or value.device.type == "meta":
            raise WireError(
                f"a tensor of {value.dtype}, {value.layout}, {value.device} cannot be handed over"
            )
        self.arrays.append(value)
        strides = None if value.is_contiguous() else portable_strides(value.shape, value.stride())
        return [
            "tensor",
            name,
            list(value.shape),
            strides,
            bool(value.requires_grad),
            str(value.device),
            self._put(array_bytes(value)),
        ]


def array_bytes(value: Any) -> Buffer:
    """The elements of an array or tensor in the order of their indices."""
    if not isinstance(value, np.ndarray):
        torch = sys.modules["torch"]
        flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return flat.view(torch.uint8).numpy().data if flat.numel() else b""
    if value.nbytes == 0:
        return b""
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8).data


def portable_strides(shape: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Strides, counted in elements, with which the receiver rebuilds the layout of an array.

    They are the array's own where these need little more memory than its values do. Otherwise (a column of a
    large table, overlapping windows) the order of the axes stays and each element is followed by a gap.
    """
    axes = sorted((axis for axis, size in enumerate(shape) if size > 1), key=lambda axis: abs(strides[axis]))
    span = 1
    overlapping = False
    for axis in axes:
        if strides[axis]:
            overlapping |= abs(strides[axis]) < span
            span += abs(strides[axis]) * (shape[axis] - 1)
    if not overlapping and span <= _largest_span(shape):
        return [stride if size > 1 else 1 for size, stride in zip(shape, strides, strict=True)]
    portable, step = [1] * len(shape), 2
    for axis in axes:
        portable[axis] = step
        step *= shape[axis]
    return portable


def _largest_span(shape: Sequence[int]) -> int:
    return 4 * math.prod(shape) + 1024


class Decoder:
    """Reads the values of one message.

    Attributes:
        arrays: every array and tensor built, each with the bytes it was built from, in the sender's order.
    """

    def __init__(self, buffers: Sequence[memoryview], resolve: Resolve | None = None) -> None:
        self.arrays: list[tuple[Any, memoryview]] = []
        self._buffers = buffers
        self._resolve = resolve
        self._collisions = 0  # at worst: keys chosen to collide cost the square of their number

    def decode(self, item: Any) -> Any:
        """Build the value.

        Raises:
            WireError: the item is not what `Encoder.encode` writes, or is too large.
        """
        try:
            return self._value(item, 0)
        except WireError:
            raise
        except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
            raise WireError(f"a value cannot be read: {type(error).__name__}") from error

    def _value(self, item: Any, depth: int) -> Any:
        kind = type(item)
        if kind in _READ_AS_THEY_ARE:
            return item
        if kind is not list or not item or type(item[0]) is not str or depth > MAX_DEPTH + 1:
            raise WireError("a value has another form")
        tag, rest = item[0], item[1:]
        if tag in ("tuple", "list", "set", "frozenset", "slice", "range"):
            return self._container(tag, self._all(rest[0], depth + 1))
        if tag == "dict":
            parts = self._all(rest[0], depth + 1)
            self._count_keys(len(parts) // 2)
            return dict(zip(parts[::2], parts[1::2], strict=True))
        read = getattr(self, _READERS.get(tag, ""), None)
        if read is not None:
            return read(*rest)
        if self._resolve is None:
            raise WireError("an object arrived where only values are expected")
        return self._resolve(tag, rest)

    def _all(self, items: Any, depth: int) -> list:
        if type(items) is not list:
            raise WireError("a container has another form")
        return [item if type(item) in _READ_AS_THEY_ARE else self._value(item, depth) for item in items]

    def _container(self, tag: str, parts: list) -> Any:
        if tag == "list":
            return parts
        if tag == "tuple":
            return tuple(parts)
        if tag == "slice":
            return slice(*parts)
        if tag == "range":
            return range(*parts)
        self._count_keys(len(parts))
        return set(parts) if tag == "set" else frozenset(parts)

    def _count_keys(self, number: int) -> None:
        self._collisions += number**2
        if self._collisions > MAX_KEYS**2:
            raise WireError("too many keys of dicts and sets")

    def _buffer(self, index: Any) -> memoryview:
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise WireError("a value's bytes are missing")
        return self._buffers[index]

    def _read_ellipsis(self) -> Any:
        return Ellipsis

    def _read_complex(self, real: Any, imaginary: Any) -> complex:
        return complex(float(real), float(imaginary))

    def _read_int(self, data: Any) -> int:
        if type(data) is not bytes or len(data) > MAX_INT_BYTES:
            raise WireError("a number is too long")
        return int.from_bytes(data, "little", signed=True)

    def _read_text(self, index: Any) -> str:
        return str(self._buffer(index), "utf-8")

    def _read_bytes(self, index: Any) -> bytes:
        return bytes(self._buffer(index))

    def _read_numpy(self, dtype: Any, data: Any) -> np.generic:
        raw = data if type(data) is bytes else self._value(data, 0)
        return self._elements(_dtype(dtype), [1], raw)[0]

    def _read_numpy_dtype(self, name: Any) -> np.dtype:
        return _dtype(name)

    def _read_type(self, name: Any) -> type:
        return _TYPES[name]

    def _read_numpy_type(self, name: Any) -> type:
        found = getattr(np, name, None) if type(name) is str else None
        if not (isinstance(found, type) and issubclass(found, np.generic)):
            raise WireError("not a NumPy type")
        return found

    def _read_torch_dtype(self, name: Any) -> Any:
        return _torch_dtype(name)

    def _read_device(self, name: Any) -> Any:
        import torch

        if type(name) is not str or not _DEVICE.fullmatch(name):
            raise WireError("not a device")
        return torch.device(name)

    def _elements(self, dtype: np.dtype, shape: list[int], raw: Buffer) -> np.ndarray:
        """The elements in a new array without gaps."""
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise WireError("the bytes of an array do not fit its shape")
        if len(raw) == 0:
            return np.empty(shape, dtype)
        elements = np.frombuffer(raw, dtype).reshape(shape).copy()
        # Bytes that are no truth value, or no character, would make NumPy misbehave in the receiver's hands.
        if dtype.kind == "b" and elements.view(np.uint8).max() > 1:
            raise WireError("not a truth value")
        if dtype.kind == "U" and np.frombuffer(raw, dtype.str[0] + "u4").max() > sys.maxunicode:
            raise WireError("not a character")
        return elements

    def _read_array(self, dtype: Any, shape: Any, strides: Any, writeable: Any, index: Any) -> np.ndarray:
        kind, raw = _dtype(dtype), self._buffer(index)
        array = self._elements(kind, _shape(shape), raw)
        if strides is not None and array.size:
            start, span = _span(array.shape, _integers(strides))
            memory = np.zeros(span, kind)
            steps = [stride * kind.itemsize for stride in strides]
            view = np.lib.stride_tricks.as_strided(memory[start:], array.shape, steps)
            view[...] = array
            array = view
        if writeable is False:
            array.flags.writeable = False
        self.arrays.append((array, raw))
        return array

    def _read_tensor(
        self, dtype: Any, shape: Any, strides: Any, wants_gradient: Any, device: Any, index: Any
    ) -> Any:
        import torch

        kind, size, raw = _torch_dtype(dtype), _shape(shape), self._buffer(index)
        if math.prod(size) * kind.itemsize != len(raw):
            raise WireError("the bytes of a tensor do not fit its shape")
        if kind is torch.bool:
            self._elements(np.dtype(bool), [len(raw)], raw)
        if not len(raw):
            tensor = torch.empty(size, dtype=kind)
        else:
            tensor = torch.frombuffer(bytearray(raw), dtype=kind).reshape(size)
            if strides is not None:
                start, span = _span(size, _integers(strides))
                if start:
                    raise WireError("a tensor has no negative strides")
                # One element stands for a whole axis along which a tensor was expanded.
                first = tensor[tuple(slice(None) if stride else slice(1) for stride in strides)]
                memory = torch.zeros(span, dtype=kind)
                memory.as_strided(first.shape, strides).copy_(first)
                tensor = memory.as_strided(size, strides)
        if type(device) is str and device != "cpu" and _DEVICE.fullmatch(device):
            tensor.__dict__["student_device"] = device  # where it was; the copy lives on the CPU
        self.arrays.append((tensor, raw))
        return tensor.requires_grad_(wants_gradient is True)


_READERS = {
    "...": "_read_ellipsis",
    "complex": "_read_complex",
    "int": "_read_int",
    "text": "_read_text",
    "bytes": "_read_bytes",
    "numpy": "_read_numpy",
    "numpy dtype": "_read_numpy_dtype",
    "numpy type": "_read_numpy_type",
    "type": "_read_type",
    "torch dtype": "_read_torch_dtype",
    "device": "_read_device",
    "array": "_read_array",
    "tensor": "_read_tensor",
}


def _dtype(name: Any) -> np.dtype:
    if type(name) is not str or not _DTYPE.fullmatch(name):
        raise WireError("not a dtype that can be handed over")
    return np.dtype(name)


def _torch_dtype(name: Any) -> Any:
    import torch

    if name not in _TORCH_DTYPES:
        raise WireError("not a tensor's dtype")
    return getattr(torch, name)


def _integers(items: Any) -> list[int]:
    if type(items) is not list or any(type(item) is not int or abs(item) > 2**40 for item in items):
        raise WireError("not a list of sizes")
    return items


def _shape(items: Any) -> list[int]:
    sizes = _integers(items)
    if len(sizes) > MAX_DIMENSIONS or any(size < 0 for size in sizes):
        raise WireError("not a shape")
    return sizes


def _span(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Where the first element lies in memory and how many elements the memory holds."""
    if len(strides) != len(shape):
        raise WireError("strides do not fit the shape")
    reach = [stride * (size - 1) for size, stride in zip(shape, strides, strict=True)]
    before = -sum(step for step in reach if step < 0)
    span = before + sum(step for step in reach if step > 0) + 1
    if span > _largest_span(shape):
        raise WireError("an array has larger gaps than values")
    return before, span


def is_changed(array: Any, received: memoryview) -> bool:
    """Whether an array or tensor differs, in any byte, from the bytes it was built from."""
    return bytes(array_bytes(array)) != received


def copy_into(target: Any, source: Any) -> None:
    """Give the caller's array the values that the student's code left in its copy.

    Raises:
        WireError: the copy has another type, shape or dtype.
    """
    if (type(source) is np.ndarray) != isinstance(target, np.ndarray):
        raise WireError("the code made something else of an array that it was given")
    if tuple(source.shape) != tuple(target.shape) or source.dtype != target.dtype:
        raise WireError("the code changed the shape or dtype of an array that it was given")
    if isinstance(target, np.ndarray):
        if target.flags.writeable:
            target[...] = source
    else:
        target.detach().copy_(source.detach())
