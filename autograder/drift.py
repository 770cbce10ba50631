"""Says where committed files are not what their source gives.

Text is compared exactly. Pictures are compared by their pixels and stored arrays by their values, both with a
small tolerance: the last bits of floating-point results differ between processors and library builds, and a
file must not count as stale because it was built on another machine.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from .assignment import text_of

PIXEL_TOLERANCE = 8 / 255  # of one pixel's channel, 0 … 1
PIXELS_BEYOND = 0.002  # share of pixels that may differ by more: the edge of a line moves by a rounding error
VALUE_TOLERANCE = 1e-5  # of stored numbers, relative and absolute


def differences(committed: Path, fresh: Path) -> list[str]:
    """How a committed file differs from a freshly built one; an empty list where it does not."""
    if not committed.is_file():
        return ["is missing"]
    if committed.read_bytes() == fresh.read_bytes():
        return []
    if fresh.suffix == ".ipynb":
        return _notebook(committed, fresh)
    if fresh.suffix == ".npz":
        return _arrays(committed, fresh)
    return ["differs"]


def _notebook(committed: Path, fresh: Path) -> list[str]:
    try:
        old = json.loads(committed.read_bytes())
    except ValueError:
        return ["is not a notebook"]
    new = json.loads(fresh.read_bytes())
    old_cells = {cell.get("id"): cell for cell in old.get("cells", [])}
    new_cells = {cell["id"]: cell for cell in new["cells"]}
    found = [f"cell '{name}' is missing" for name in new_cells if name not in old_cells]
    found += [f"cell '{name}' is not in the source" for name in old_cells if name not in new_cells]
    if not found and list(old_cells) != list(new_cells):
        found.append("the order of the cells differs")
    for name, cell in new_cells.items():
        if name in old_cells:
            found += [f"cell '{name}': its {part} differs" for part in _cell(old_cells[name], cell)]
    counts = [[cell.get("execution_count") for cell in book.get("cells", [])] for book in (old, new)]
    if not found and counts[0] != counts[1]:
        found.append("the execution counts differ")
    if {k: v for k, v in old.items() if k != "cells"} != {k: v for k, v in new.items() if k != "cells"}:
        found.append("the notebook's metadata differs")
    return found


def _cell(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    parts = []
    if text_of(old) != text_of(new) or old.get("cell_type") != new.get("cell_type"):
        parts.append("source")
    if old.get("metadata") != new.get("metadata"):
        parts.append("metadata")
    old_outputs, new_outputs = old.get("outputs", []), new.get("outputs", [])
    same = len(old_outputs) == len(new_outputs) and all(map(same_output, old_outputs, new_outputs))
    if not same:
        parts.append("output")
    return parts


def same_output(old: Any, new: Any) -> bool:
    """Whether two outputs agree: text exactly, pictures by their pixels."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return set(old) == set(new) and all(
            _SAME_BY_TYPE.get(key, same_output)(old[key], new[key]) for key in new
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same_output, old, new))
    return old == new


def _same_picture(old: Any, new: Any) -> bool:
    if old == new:
        return True
    try:
        first, second = _pixels(old), _pixels(new)
    except (ValueError, TypeError, binascii.Error, SyntaxError, OSError):
        return False
    if first.shape != second.shape:
        return False
    beyond = np.abs(first - second) > PIXEL_TOLERANCE
    return bool(beyond.mean() <= PIXELS_BEYOND)


def _same_html(old: Any, new: Any) -> bool:
    """HTML may hold pictures, the frames of an animation: these by pixels, all the rest exactly."""
    first, second = (text if isinstance(text, str) else "".join(text) for text in (old, new))
    return first == second or (
        _HTML_PICTURE.sub("", first) == _HTML_PICTURE.sub("", second)
        and all(map(_same_picture, _HTML_PICTURE.findall(first), _HTML_PICTURE.findall(second)))
    )


_HTML_PICTURE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=\\\s]+")
_SAME_BY_TYPE = {"image/png": _same_picture, "text/html": _same_html}


def _pixels(png: Any) -> np.ndarray:
    from matplotlib.image import imread  # only where pictures differ: it takes a moment to import

    text = png if isinstance(png, str) else "".join(png)
    return np.asarray(imread(BytesIO(base64.b64decode(text)), format="png"), dtype=np.float64)


def _arrays(committed: Path, fresh: Path) -> list[str]:
    try:
        with np.load(committed, allow_pickle=False) as old, np.load(fresh, allow_pickle=False) as new:
            if set(old.files) != set(new.files):
                return ["holds other arrays"]
            return [
                f"its array '{name}' differs" for name in new.files if not _same_array(old[name], new[name])
            ]
    except (OSError, ValueError) as error:
        return [f"cannot be read ({error})"]


def _same_array(old: np.ndarray, new: np.ndarray) -> bool:
    if old.dtype == new.dtype == np.uint8 and old.ndim == new.ndim == 1:
        try:
            return _same_json(json.loads(old.tobytes()), json.loads(new.tobytes()))
        except ValueError:
            return bool(np.array_equal(old, new))
    if old.shape != new.shape or old.dtype != new.dtype:
        return False
    if old.dtype.kind in "fc":
        return bool(np.allclose(old, new, rtol=VALUE_TOLERANCE, atol=VALUE_TOLERANCE, equal_nan=True))
    return bool(np.array_equal(old, new))


def _same_json(old: Any, new: Any) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        close = math.isclose(old, new, rel_tol=VALUE_TOLERANCE, abs_tol=VALUE_TOLERANCE)
        return close or (math.isnan(old) and math.isnan(new))
    if isinstance(old, dict) and isinstance(new, dict):
        return set(old) == set(new) and all(_same_json(old[key], new[key]) for key in new)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same_json, old, new))
    return bool(type(old) is type(new) and old == new)
