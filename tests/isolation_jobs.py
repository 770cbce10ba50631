"""What the tests of the isolation run in a grader: cells and expressions, and the probes of the driver's side."""

import os
import time
from typing import Any

import numpy as np
import torch

from autograder.student import StudentError, StudentProcess


def script(student: StudentProcess, steps: list[list[str]]) -> dict[str, Any]:
    """Run steps: ["cell", source] or ["call", expression of the student's names s.get(...)]."""
    names: dict[str, Any] = {
        "np": np,
        "torch": torch,
        "os": os,
        "time": time,
        "get": student.get,
        "student": student,
    }
    results: list[Any] = []
    for kind, source in steps:
        start = time.perf_counter()
        if kind == "cell":
            run = student.run(source, f"cell{len(results)}")
            results.append({**run.__dict__, "text": text(run.outputs)})
        else:
            try:
                results.append({"value": repr(eval(source, names))})
            except Exception as error:
                name = error.type_name if isinstance(error, StudentError) else type(error).__name__
                results.append({"error": name, "kind": type(error).__name__, "message": str(error)})
        results[-1]["seconds"] = time.perf_counter() - start
    return {"steps": results, "alive": student.alive, "ended": student.ended, "grader": os.getpid()}


def text(outputs: list[dict]) -> str:
    """All the printed text."""
    return "".join(output.get("text", "") for output in outputs)


def sleep(student: StudentProcess | None, seconds: float) -> dict[str, Any]:
    if student is not None:
        student.run("import os; os.fork() or __import__('time').sleep(60)", "cell")
    time.sleep(seconds)
    return {}


def die(student: StudentProcess | None) -> dict[str, Any]:
    os._exit(7)


def fail(student: StudentProcess | None) -> dict[str, Any]:
    raise ValueError("on purpose")


def modules(student: StudentProcess | None, names: list[str]) -> dict[str, Any]:
    import sys

    return {name: name in sys.modules for name in names}
