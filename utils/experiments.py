"""Experiments that take a while: run once when a notebook is made, replayed when it is made again.

Training gives slightly different numbers on different processors, and the figures of the committed
notebooks must not change from build to build. So where the environment variable COURSE_RESULTS names an npz
file, the result of an experiment found in it is replayed, and a new one is run and added. What the file
holds counts only for the notebook code that it was recorded with (COURSE_EDITION): with other code
everything is run anew. Without the variable, as for students and in tests, every experiment is run live.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

_EDITION = "edition"
_BETWEEN = " : "  # label and name of a value, in the file


def run(label: str, function: Callable[..., Mapping[str, Any]], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Run function(*args, **kwargs) or replay what came of it.

    Args:
        label: name of the experiment, different from all others of the notebook.
        function: returns a dictionary whose values are numbers, texts, arrays, or lists of these that NumPy
            makes into one array.

    Returns:
        the dictionary; numbers and texts as they are, everything else as NumPy arrays.

    Raises:
        TypeError: a value is none of these.
    """
    store = os.environ.get("COURSE_RESULTS")
    if not store:
        return {name: _value(_array(label, name, value)) for name, value in function(*args, **kwargs).items()}
    path, edition = Path(store), os.environ.get("COURSE_EDITION", "")
    known = _read(path, edition)
    found = {
        key.removeprefix(label + _BETWEEN): array
        for key, array in known.items()
        if key.startswith(label + _BETWEEN)
    }
    if not found:
        found = {name: _array(label, name, value) for name, value in function(*args, **kwargs).items()}
        _write(path, edition, known | {label + _BETWEEN + name: array for name, array in found.items()})
    return {name: _value(array) for name, array in found.items()}


def _array(label: str, name: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biufU":
        came = type(value).__name__
        raise TypeError(f"{label}: {name!r} is of the type {came}; numbers, texts and arrays are recorded")
    return array


def _value(array: np.ndarray) -> Any:
    return array.item() if array.ndim == 0 else array


def _read(path: Path, edition: str) -> dict[str, np.ndarray]:
    """What was recorded for this edition of the code, in the file's order."""
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    return found if str(found.pop(_EDITION, "")) == edition else {}


def _write(path: Path, edition: str, results: Mapping[str, np.ndarray]) -> None:
    """Write the file; the same results give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in {_EDITION: np.asarray(edition), **results}.items():
            data = BytesIO()
            np.lib.format.write_array(
                data, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False
            )
            member = zipfile.ZipInfo(f"{name}.npy")  # without a date
            archive.writestr(member, data.getvalue(), zipfile.ZIP_DEFLATED, 9)
