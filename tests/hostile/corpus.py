"""The whole class: written into a course, graded there, and looked at afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder import engine, processes
from autograder.classroom import Options, grade_and_record
from autograder.result import Grade

from .abuses import abuses
from .case import LEFT_BEHIND, Case
from .cheats import cheats
from .files import files
from .oddities import honest, oddities
from .target import SECRET, Target, copy_course

LIMITS = {
    "cell_seconds": 5,
    "call_seconds": 3,
    "processes": 24,
    "file_mb": 8,
    "scratch_mb": 16,
    "output_kb": 64,
}
OVERHEAD_SECONDS = 40  # of a submission beyond its own limit, on a machine that does much else
ROUNDED = 0.0001  # points are kept to four decimals
PLACES = ("/tmp", "/dev/shm", "/usr", "/", str(Path.home()), ".")


def cases(target: Target) -> list[Case]:
    """All cases for a notebook."""
    return [*honest(target), *cheats(target), *abuses(target), *files(target), *oddities(target)]


@dataclass(frozen=True)
class Outcome:
    """A class that was graded, while its warm parent still lives."""

    course: Path
    target: Target
    cases: Sequence[Case]
    grades: dict[str, Grade]
    left_processes: list[int]  # that outlived grading
    left_files: list[Path]

    def problems(self, case: Case) -> list[str]:
        """All that should not be, of one submission, in words."""
        return [*self.wrong_grade(case), *self.leaks(case), *self.unsafe_pages(case)]

    def wrong_grade(self, case: Case) -> list[str]:
        grade = self.grades[case.name]
        failed = [(cell.id, cell.message[:200]) for cell in grade.cells if not cell.passed]
        found = []
        if not case.least - ROUNDED <= grade.score <= case.most + ROUNDED:
            found.append(
                f"{grade.score:g} points, not {case.least:g} to {case.most:g}: {grade.notes} {failed}"
            )
        if grade.status not in case.statuses or grade.max_score != self.target.everything:
            found.append(f"{grade.status}, {grade.max_score} points at most: {grade.notes}")
        if case.suspected is not None and bool(grade.tampering) != case.suspected:
            found.append(f"a person is told: {grade.tampering or 'nothing'}")
        if grade.wall_seconds > self.target.assignment.limits.total_seconds + OVERHEAD_SECONDS:
            found.append(f"took {grade.wall_seconds} s")
        return found

    def leaks(self, case: Case) -> list[str]:
        """Where a secret stands that this student must not see."""
        if case.kind == "honest":
            return []  # their own work
        grade = self.grades[case.name]
        places = {
            "feedback": self.page(case),
            "record": json.dumps(grade.record()),
            "graded notebook": self.notebook(case),
        }
        found = [f"a secret stands in the {place}" for place, text in places.items() if SECRET in text]
        if "SAID" in str([cell.message for cell in grade.cells if cell.hidden]):
            found.append("a hidden check's message says what the code wanted to say")
        return found

    def unsafe_pages(self, case: Case) -> list[str]:
        page = self.page(case)
        found = [f"the feedback holds {tag}" for tag in ("<script>alert", "<img src=x") if tag in page]
        if len(page) > 20_000_000 or len(self.notebook(case)) > 40_000_000:
            found.append("its pages are too large")
        return found

    def page(self, case: Case) -> str:
        name = self.target.name
        return (self.course / "feedback" / case.name / name / f"{name}.html").read_text()

    def notebook(self, case: Case) -> str:
        """What an instructor opens, as text."""
        name = self.target.name
        return (self.course / "autograded" / case.name / name / f"{name}.ipynb").read_text()


def make(root: Path, target: Target, chosen: Sequence[Case], folder: Path, **limits: float) -> Path:
    """Write a course with the chosen submissions of `target`, which is an assignment of `root`."""
    course = copy_course(root, target.name, folder, {**LIMITS, **limits})
    for case in chosen:
        case.hand_in(course, target.name)
    return course


def grade(
    course: Path, target: Target, chosen: Sequence[Case], workers: int, keep_warm: bool = False
) -> Outcome:
    """Grade the class and look for what it left behind, before the warm parent is closed (unless kept warm)."""
    close = engine._close_warm_parents
    engine._close_warm_parents = lambda: None
    try:
        options = Options(sandbox="auto", workers=workers, json=course / "grades.json")
        done = grade_and_record(course, course, target.name, options=options)
        grades = {grade.student: grade for grade in done.grades}
        return Outcome(course, target, chosen, grades, _left_processes(), _left_files(course))
    finally:
        engine._close_warm_parents = close
        if not keep_warm:
            close()


def _warm_parents() -> list[tuple[int, Path]]:
    """Number and folder of each."""
    parents = list(engine._warm_parents.values())
    assert parents
    return [(parent._process.pid, Path(parent._folder)) for parent in parents]  # type: ignore[union-attr,arg-type]


def _left_processes() -> list[int]:
    def below() -> list[int]:
        return [pid for parent, _ in _warm_parents() for pid in processes.descendants(parent)]

    deadline = time.monotonic() + 10
    while below() and time.monotonic() < deadline:
        time.sleep(0.05)
    found = below()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if LEFT_BEHIND.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def _left_files(course: Path) -> list[Path]:
    found = [path for place in (course, *map(Path, PLACES)) for path in place.glob(f"{LEFT_BEHIND}*")]
    return [*found, *(left for _, folder in _warm_parents() for left in folder.glob("job*"))]
