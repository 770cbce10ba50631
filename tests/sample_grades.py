"""Made-up graded notebooks for the tests of the pages; no grading runs here."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

SECRET = "hidden_expected_value_31415"

EXERCISES = {
    "neuron": (2, 2),
    "count_layer": (2, 4),
    "output_size": (2, 4),
    "pad2d": (2, 2),
    "conv2d_loops": (4, 5),
    "conv2d": (4, 7),
    "conv1x1": (2, 3),
    "quiz_vgg_size": (0, 1),
}


def png(width: int = 60, height: int = 24) -> str:
    """A small grey picture as base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + bytes((x * 4 + y * 3) % 256 for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    raw = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return base64.b64encode(raw).decode()


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {k.replace("_", "/"): v for k, v in data.items()},
    }


def code(identity: str, source: str, *outputs: dict[str, Any], **nbgrader: Any) -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": identity, **nbgrader}} if nbgrader else {}
    return {
        "cell_type": "code",
        "id": identity,
        "metadata": metadata,
        "source": source,
        "execution_count": None,
        "outputs": list(outputs),
    }


def text(identity: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": identity, "metadata": {}, "source": source}


def verdict(
    exercise: str, hidden: bool, points: float, worth: float, message: str = "", misconception: str = ""
) -> dict[str, Any]:
    return {
        "id": f"{'hidden' if hidden else 'check'}_{exercise}",
        "exercise": exercise,
        "points": points,
        "max_points": worth,
        "passed": not message,
        "message": message,
        "misconception": misconception,
        "hidden": hidden,
    }


def record(
    student: str = "ada", failed: dict[str, tuple[str, str]] | None = None, **other: Any
) -> dict[str, Any]:
    """A grade's record; ``failed``: exercise to (message, misconception)."""
    cells = []
    for exercise, (visible, hidden) in EXERCISES.items():
        message, misconception = (failed or {}).get(exercise, ("", ""))
        for worth, is_hidden in ((visible, False), (hidden, True)):
            points = 0.0 if message else float(worth)
            cells.append(verdict(exercise, is_hidden, points, float(worth), message, misconception))
    cells.append(verdict("regression", False, 2.5, 5.0, "The output of 'impulse' differs: line 2"))
    cells[-1]["id"] = "regression"
    made = {
        "student": student,
        "assignment": "01_convolution",
        "status": "graded",
        "score": sum(cell["points"] for cell in cells),
        "max_score": sum(cell["max_points"] for cell in cells),
        "cells": cells,
        "repairs": [],
        "tampering": [],
        "notes": [],
        "cpu_seconds": 1.25,
        "wall_seconds": 2.5,
        "versions": {"python": "3.11.7", "numpy": "2.3.0"},
    }
    return made | other


def notebook(grade: dict[str, Any], own: dict[str, str] | None = None, **outputs: Any) -> dict[str, Any]:
    """A graded notebook; ``own``: a student's source by exercise, ``outputs``: what their cells gave."""
    cells = [
        text("t0", "# 1 · The mathematics of convolution\n\nLong text of the course."),
        code("setup", "import numpy as np", stream("Ready."), grade=False, locked=True, solution=False),
    ]
    verdicts = {cell["id"]: cell for cell in grade["cells"]}
    for exercise in EXERCISES:
        cells.append(text(f"t-{exercise}", f"## What does `{exercise}` do?\n\n```\n# not a heading\n```"))
        source = (own or {}).get(
            exercise, f"def {exercise}(x, weight):\n    return (x * weight).sum()  # 1 < 2"
        )
        cells.append(
            code(exercise, source, *outputs.get(exercise, ()), grade=False, locked=False, solution=True)
        )
        for identity in (f"check_{exercise}", f"hidden_{exercise}"):
            said = verdicts[identity]["message"]
            shown = [{"output_type": "error", "ename": "CheckFailed", "evalue": said, "traceback": [said]}]
            body = f'checks.run("{exercise}", {exercise})'
            if identity.startswith("hidden_"):
                shown = [stream(SECRET), {**shown[0], "traceback": [SECRET]}]
                body = (
                    "# Hidden cases: other depths.\n### BEGIN HIDDEN TESTS\n"
                    f"assert {exercise}(1) == {SECRET!r}\n### END HIDDEN TESTS"
                )
            cells.append(
                code(identity, body, *(shown if said else ()), grade=True, locked=True, solution=False)
            )
    cells.append(code("regression", "# points", grade=True, locked=True, solution=False))
    metadata = {"title": "1 · The mathematics of convolution", "course": {"grade": grade}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
