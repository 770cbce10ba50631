"""Honest stopwatch: warm-up runs, waiting for the device, and the median of several runs.

Figures in the committed notebooks must not change from build to build. So where the environment variable
COURSE_TIMINGS names a JSON file {label: seconds}, a label found in it is replayed, and a new one is measured
and added. Without the variable everything is measured live.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from . import devices


def measure(
    function: Callable[..., Any],
    *args: Any,
    label: str,
    repeats: int = 5,
    warm_up: int = 1,
    device: torch.device | str | None = None,
) -> float:
    """Time function(*args).

    Args:
        label: name of this measurement, different from all others of the notebook.
        repeats: number of timed runs, at least 1.
        warm_up: number of runs before them that do not count: the first is slow (memory, caches, set-up).
        device: where the work is done. A GPU is waited for, before and after each run.

    Returns:
        The median time of one run, in seconds.

    Raises:
        ValueError: if repeats is below 1 or warm_up is negative.
    """
    if repeats < 1 or warm_up < 0:
        raise ValueError(f"repeats is {repeats} (at least 1) and warm_up is {warm_up} (at least 0)")
    store = os.environ.get("COURSE_TIMINGS")
    known = _read(Path(store)) if store else {}
    if label in known:
        return known[label]

    for _ in range(warm_up):
        function(*args)
    seconds = statistics.median(_one_run(function, args, device or "cpu") for _ in range(repeats))
    if store:
        seconds = float(f"{seconds:.3g}")  # as in the file: the next build shows the same
        _write(Path(store), known | {label: seconds})
    return seconds


def in_words(seconds: float) -> str:
    """A duration with a fitting unit and two digits that mean something, like "3.1 ms"."""
    unit, size = ("s", 1.0) if seconds >= 1 else ("ms", 1e-3) if seconds >= 1e-3 else ("µs", 1e-6)
    return f"{float(f'{seconds / size:.2g}'):g} {unit}"


def _one_run(function: Callable[..., Any], args: tuple[Any, ...], device: torch.device | str) -> float:
    devices.wait(device)
    start = time.perf_counter()
    function(*args)
    devices.wait(device)
    return time.perf_counter() - start


def _read(path: Path) -> dict[str, float]:
    return json.loads(path.read_text()) if path.exists() else {}


def _write(path: Path, timings: dict[str, float]) -> None:
    path.write_text(json.dumps(timings, indent=1, sort_keys=True) + "\n")
