"""Runs cells and calls in a real student's process, for the tests of the isolation."""

import atexit
import functools
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from autograder import sandbox
from autograder.assignment import Limits
from autograder.warm import WarmParent

ROOT = Path(__file__).resolve().parents[1]
SECRET = "hush"  # in the environment of whoever starts a warm parent
RELEASE = ROOT / "tests" / "fixtures" / "release"

sandboxed = pytest.mark.skipif(not sandbox.detect().works, reason=sandbox.detect().words)


@functools.cache
def warm_parent(mode: str) -> WarmParent:
    """One for all tests of a mode: starting takes seconds."""
    os.environ["COURSE_TEST_SECRET"] = SECRET
    parent = WarmParent(mode)
    atexit.register(parent.close)
    return parent


def settings(**limits: float) -> dict[str, Any]:
    return {"folder": str(RELEASE), "limits": asdict(Limits(**limits))}  # type: ignore[arg-type]


def script(*steps: str, mode: str = "", timeout: float = 60, **limits: float) -> dict[str, Any]:
    """Run cells, and calls (steps that begin with "="), in a new student's process."""
    mode = mode or ("auto" if sandbox.detect().works else "none")
    pairs = [["call", step[1:]] if step.startswith("=") else ["cell", step] for step in steps]
    return warm_parent(mode).run("tests.isolation_jobs:script", {"steps": pairs}, settings(**limits), timeout)


def texts(*steps: str, **options: Any) -> list[str]:
    """What each step printed, or its value, or its error."""
    return [
        step.get("text") or step.get("value") or step.get("message") or _error(step)
        for step in script(*steps, **options)["steps"]
    ]


def _error(step: dict[str, Any]) -> str:
    return "; ".join(f"{o['ename']}: {o['evalue']}" for o in step.get("outputs", ()) if "ename" in o)
