"""Stored answers: the inputs of the checks and what should come out, read from one small npz file.

No solution code is stored, only numbers. A file holds one flat buffer per dtype and, as JSON, the structure
that says which piece of which buffer is which array. `autograder/answers.py` writes these files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

Node = Any  # a value as JSON: numbers and text as they are, everything else as a dictionary with one key
Buffers = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One call to be made and what should come of it."""

    label: str
    probe: str  # name of a probe (see `utils.probes.find`) that makes the call, "" for a plain call
    call: str  # the call in words, "" where the arguments say it
    args: list[Node]
    kwargs: list[tuple[str, Node]]
    expected: Node  # {"value": node} or {"raises": name of the exception}
    buffers: Buffers = field(repr=False)
    view: str = ""  # name of a function of utils.views through which the answer is looked at
    tolerance: float | None = None  # of the right answer, in place of `utils.compare.TOLERANCE`

    def inputs(self, device: str = "cpu") -> tuple[list[Any], dict[str, Any]]:
        """Fresh copies of the arguments, tensors on `device`."""
        args = [unpack(node, self.buffers, device) for node in self.args]
        return args, {name: unpack(node, self.buffers, device) for name, node in self.kwargs}

    @property
    def raises(self) -> str:
        """Name of the exception that should be raised, "" where a value is expected."""
        return self.expected.get("raises", "")

    @property
    def value(self) -> Any:
        """The right answer (None where an exception is expected)."""
        return None if self.raises else unpack(self.expected["value"], self.buffers)


@dataclass(frozen=True)
class Misconception:
    """A well-known mistake: its hint, and a fingerprint of its answer per case (None where it is right)."""

    name: str
    hint: str
    fingerprints: tuple[Node, ...]


@dataclass(frozen=True)
class Sheet:
    """Everything stored about one exercise in one file."""

    exercise: str
    cases: tuple[Case, ...]
    misconceptions: tuple[Misconception, ...]


@dataclass(frozen=True)
class QuizSheet:
    """A question's form and, in the hidden file only, its right answer and the hints for wrong ones."""

    name: str
    form: str  # "a whole number", or the letters of the options such as "abcd"
    right: int | str | None
    hints: Mapping[str, str]
    otherwise: str


def unpack(node: Node, buffers: Buffers, device: str = "cpu") -> Any:
    """Rebuild a value from its JSON node; arrays are fresh copies in their stored memory layout."""
    if not isinstance(node, dict):
        return node
    ((tag, content),) = node.items()
    if tag == "array":
        return _array(content, buffers)
    if tag == "tensor":
        return torch.from_numpy(_array(content, buffers)).to(device)
    if tag == "number":
        return np.dtype(content[0]).type(content[1])
    if tag == "tuple":
        return tuple(unpack(item, buffers, device) for item in content)
    if tag == "list":
        return [unpack(item, buffers, device) for item in content]
    if tag == "dict":
        return {key: unpack(item, buffers, device) for key, item in content}
    raise ValueError(f"unknown kind of stored value: {tag}")


def _array(content: list[Any], buffers: Buffers) -> np.ndarray:
    """An array from its piece of a buffer. Layout "c": rows one after the other, as usual; "f": the other way
    round; "strided": every second number of a longer row, with zeros in between.
    """
    dtype, start, shape, layout = content
    flat = buffers[dtype][start : start + int(np.prod(shape))].reshape(shape)
    if layout == "strided":
        longer = np.zeros((*shape[:-1], 2 * shape[-1]), flat.dtype)
        longer[..., ::2] = flat
        return longer[..., ::2]
    return flat.copy(order="F" if layout == "f" else "C")


@lru_cache(maxsize=16)
def _read(path: Path, _modified: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(path, allow_pickle=False) as file:
        buffers = {name: file[name] for name in file.files}
    return json.loads(buffers.pop("structure").tobytes()), buffers


def read(path: Path, exercise: str) -> Sheet | QuizSheet | None:
    """What the file at `path` holds about an exercise or a quiz; None if nothing."""
    structure, buffers = _read(path, path.stat().st_mtime_ns)
    if exercise in structure["quizzes"]:
        entry = structure["quizzes"][exercise]
        return QuizSheet(
            exercise, entry["form"], entry.get("right"), entry.get("hints", {}), entry.get("otherwise", "")
        )
    if exercise not in structure["exercises"]:
        return None
    entry = structure["exercises"][exercise]
    cases = tuple(Case(**case, buffers=buffers) for case in entry["cases"])
    misconceptions = tuple(
        Misconception(item["name"], item["hint"], tuple(item["fingerprints"]))
        for item in entry["misconceptions"]
    )
    return Sheet(exercise, cases, misconceptions)
