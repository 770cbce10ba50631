"""What the test of checks over the wire runs in a grader: checks of functions in another process."""

import contextlib
import io
from pathlib import Path
from typing import Any

from autograder.student import StudentProcess
from utils import checks


def verdicts(
    student: StudentProcess, folder: str, cells: list[str], calls: list[list[Any]]
) -> dict[str, Any]:
    """Run cells in the student's process, then each check (exercise, its name there); "" or the message."""
    checks.FOLDERS[:] = [Path(folder)]
    for number, source in enumerate(cells):
        run = student.run(source, f"cell{number}")
        assert run.status == "ok", run.outputs
    return {"verdicts": [verdict(exercise, student.get(name)) for exercise, name in calls]}


def verdict(exercise: str, function: Any) -> list[str]:
    """The messages of the visible and the hidden check, "" where it passes."""
    messages = []
    for hidden in (False, True):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                checks.run(exercise, function, hidden=hidden)
            messages.append("")
        except checks.CheckFailed as failed:
            messages.append(failed.message)
    return messages
