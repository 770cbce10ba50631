"""What a student reads first who makes a well-known mistake: every misconception, run against its checks.

The visible check speaks first; where it passes, the hidden one does, on the feedback page.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from utils import checks

from .assignment import SOLUTIONS, AssignmentError, assignments
from .cases import Misconception, load


@dataclass(frozen=True)
class FirstMessage:
    """What the checks say to one misconception."""

    assignment: str
    exercise: str
    misconception: str
    said: str  # the message; "" where every check passes
    named: str  # the misconception that the message names; "" where none
    hidden: bool  # only the hidden check notices

    @property
    def ok(self) -> bool:
        """Whether the student is told which mistake it is."""
        return self.named == self.misconception

    @property
    def problem(self) -> str:
        """What is wrong, in one line; "" if nothing is."""
        if self.ok:
            return ""
        what = f"takes it for {self.named!r}" if self.named else "does not name it"
        words = f"the first message {what}" if self.said else "no check fails"
        return f"{self.assignment}, {self.exercise}, {self.misconception!r}: {words}"

    def __str__(self) -> str:
        where = "hidden check" if self.hidden else "visible check"
        head = f"{self.exercise} · {self.misconception} ({where})"
        return "\n".join([head, *(f"    {line}" for line in self.said.splitlines())])


def first_messages(root: Path, name: str) -> Iterator[FirstMessage]:
    """The messages to all misconceptions of a built notebook, in the order of misconceptions.py.

    Raises:
        AssignmentError: there is no such notebook.
    """
    if name not in assignments(root):
        raise AssignmentError(f"There is no {name}. There is: {', '.join(assignments(root))}.")
    folder = root / SOLUTIONS / name
    book = load(folder)
    places, threads = checks.FOLDERS[:], torch.get_num_threads()
    checks.FOLDERS[:] = [folder]
    torch.set_num_threads(1)
    try:
        for mistake in book.misconceptions:
            yield _first(name, mistake)
    finally:
        checks.FOLDERS[:] = places
        torch.set_num_threads(threads)


def _first(name: str, mistake: Misconception) -> FirstMessage:
    for hidden in (False, True):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                checks.run(mistake.exercise, mistake.function, hidden=hidden)
            except checks.CheckFailed as failure:
                return FirstMessage(
                    name, mistake.exercise, mistake.name, failure.message, failure.misconception, hidden
                )
    return FirstMessage(name, mistake.exercise, mistake.name, "", "", False)
