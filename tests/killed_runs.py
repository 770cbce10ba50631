"""Grades a class in processes that are killed, each after another number of lines of our own code.

    python tests/killed_runs.py COURSE PLACES

COURSE holds submissions. It is graded undisturbed. For each of PLACES, spread over a whole run, there is a copy,
COURSE.0, COURSE.1, …; the run in it ends there as by `kill -9`, and a second run goes on. The toy grader takes the place of Dask and of the students' processes: what is tested is everything
that the one writer keeps on disk. It is a program of its own because only a process without threads may fork.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from toy_grader import toy_run

from autograder import classroom, engine

NAME = "01_mini"
WRITERS = {
    str(Path(classroom.__file__).with_name(f"{name}.py"))
    for name in ("classroom", "engine", "gradebook", "audit")
}
NEVER = 10**9


class Countdown:
    """A trace function that kills this process after a number of lines of the modules that write."""

    def __init__(self, lines: int) -> None:
        self.rest = lines

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Countdown | None:
        if event == "call":
            return self if frame.f_code.co_filename in WRITERS else None
        self.rest -= 1
        if self.rest == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self


def grade(course: Path, lines: int = NEVER) -> int:
    """Grade; die after so many lines. Returns how many there were."""
    trace = Countdown(lines)
    sys.settrace(trace)
    classroom.grade_and_record(course, course, NAME, options=classroom.Options(sandbox="none"))
    sys.settrace(None)
    return lines - trace.rest


def grade_in_a_child(course: Path, lines: int = NEVER) -> int:
    """The same in a process of its own; returns how that ended."""
    child = os.fork()
    if child == 0:
        try:
            grade(course, lines)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    course, places = Path(sys.argv[1]), int(sys.argv[2])
    engine._run = toy_run
    copies = [course.with_name(f"{course.name}.{number}") for number in range(places)]
    for copy in copies:
        shutil.copytree(course, copy)
    total = grade(course)
    for number, copy in enumerate(copies):
        assert grade_in_a_child(copy, 1 + total * (2 * number + 1) // (2 * places)) == -signal.SIGKILL
        assert grade_in_a_child(copy) == 0


if __name__ == "__main__":
    main()
