"""From a folder of submissions to grades, gradebook, feedback pages and report, for `grade` and `demo`."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from . import assignment as assignments
from . import feedback, report, sandbox, timestamps
from .audit import FILE as AUDIT_FILE
from .audit import Audit
from .engine import (
    KEPT,
    Job,
    Settings,
    find_jobs,
    grade_class,
    kept_grades,
    what_is_due,
    write_whole,
)
from .gradebook import GradebookWriter, late_plugin
from .result import Grade
from .settings import CourseSettings, course_settings
from .students_code import Code, code_of

log = logging.getLogger("autograder")

UNPROTECTED = (
    "WARNING  --sandbox none: the students' code runs with your rights: it can read and change your files "
    "and use the network. Only for submissions that you trust."
)


@dataclass(frozen=True)
class Options:
    """What the command line says; None and 0 leave it to nbgrader_config.py and the machine."""

    sandbox: str | None = None
    workers: int = 0
    scheduler: str = ""
    force: bool = False
    json: Path | None = None


DEFAULTS = Options()


@dataclass(frozen=True)
class Outcome:
    """What grading a class left behind."""

    grades: list[Grade]
    folder: Path
    report: Path
    gradebook: str

    @property
    def failed(self) -> list[str]:
        """Students whom the grader itself failed: no grade was written for them."""
        return [grade.student for grade in self.grades if grade.status == "grader error"]

    def where(self) -> str:
        """Say where everything is."""
        lines = [
            f"gradebook  {self.gradebook}",
            f"feedback   {self.folder / 'feedback'}/STUDENT/{self.grades[0].assignment}/",
            f"report     {self.report}",
            f"log        {self.folder / 'grading.log'} and {self.folder / AUDIT_FILE}",
        ]
        if self.failed:
            lines.append(
                f"NOT GRADED {', '.join(self.failed)}: the grader failed (see the log); run it again"
            )
        return "\n".join(lines)


def grade_and_record(
    root: Path, folder: Path, name: str, students: Sequence[str] = (), options: Options = DEFAULTS
) -> Outcome:
    """Grade, and write gradebook, graded notebooks, feedback, report and (if asked) JSON.

    Args:
        root: the course, with solutions/ and notebooks/.
        folder: the class, with submitted/; everything is written beside that.
        name: of the assignment.
        students: only these; empty for everybody who handed in.
        options: how to grade.

    Raises:
        AssignmentError, NothingToGrade, SandboxUnavailable, GradebookError: with a line that says what to do.
    """
    folder = folder.resolve()
    course = course_settings(root)
    assignment = assignments.load(root, name, course.limits)
    settings = _settings(course, options)
    if settings.sandbox == "none":
        print(UNPROTECTED, file=sys.stderr)
    else:
        sandbox.require()
    jobs = find_jobs(folder, assignment, students)
    db_url = course.gradebook_of(folder, root)
    late = late_plugin(course.config)
    code: dict[str, Code] = {}
    with (
        _logging_to(folder / "grading.log"),
        Audit(folder) as audit,
        GradebookWriter(db_url, late) as gradebook,
    ):
        for change in gradebook.register(assignment):
            log.warning(change)
        with _progress(len(jobs)) as progress:

            def record(job: Job, grade: Grade, fresh: bool) -> None:
                code[grade.student] = code_of(grade.notebook)
                if grade.status != "grader error":
                    gradebook.write(grade, timestamps.read(folder / "submitted" / grade.student / name))
                    _write_notebook_and_feedback(folder, grade, gradebook.points(name, grade.student))
                    audit.graded(job, grade, fresh)
                line = _line(grade, fresh)
                log.info(line, extra={"student": grade.student, "assignment": name})
                progress(line)

            audit.write("begin", assignment=name, submissions=len(jobs), sandbox=settings.sandbox)
            grades = grade_class(root, folder, assignment, jobs, settings, record)
            audit.write("end", assignment=name, submissions=len(jobs))
    page = folder / "report" / f"{name}.html"
    everybody = grades
    if students:
        everybody = []
        for kept in kept_grades(folder, assignment):
            code[kept.student] = code_of(kept.notebook)
            everybody.append(kept.without_notebook())
    write_whole(page, report.render(everybody, assignment, code))
    if options.json:
        write_whole(options.json, json.dumps([grade.record() for grade in grades], indent=1))
    return Outcome(grades, folder, page, db_url)


def plan(
    root: Path, folder: Path, name: str, students: Sequence[str] = (), options: Options = DEFAULTS
) -> str:
    """What `grade_and_record` would do, as a table and a last line; nothing is run and nothing written.

    Raises:
        AssignmentError, NothingToGrade: as there.
    """
    folder = folder.resolve()
    course = course_settings(root)
    assignment = assignments.load(root, name, course.limits)
    settings = _settings(course, options)
    jobs = find_jobs(folder, assignment, students)
    work = what_is_due(folder, assignment, jobs, settings)
    due = sum(words != KEPT for words in work.values())
    grid = Table("student", "file", "would be", show_lines=False, pad_edge=False)
    for job in jobs:
        grid.add_row(*map(Text, (job.student, str(job.path.relative_to(folder)), work[job.student])))
    protection = "none" if settings.sandbox == "none" else sandbox.detect().words
    return (
        f"{_printed(grid)}\n{due} of {len(jobs)} would be graded, the others kept. Nothing was done.\n"
        f"sandbox: {protection}"
    )


def _settings(course: CourseSettings, options: Options) -> Settings:
    """The command line first, then nbgrader_config.py."""
    protection = options.sandbox or course.sandbox
    return Settings(protection, options.workers, options.scheduler, options.force, course.grader_seconds)


def _write_notebook_and_feedback(folder: Path, grade: Grade, points: dict[str, float]) -> None:
    """As nbgrader lays them out, so that its formgrader and its students' tools find them."""
    place = Path(grade.student) / grade.assignment / grade.assignment
    write_whole(folder / "autograded" / place.with_suffix(".ipynb"), json.dumps(grade.notebook))
    write_whole(folder / "feedback" / place.with_suffix(".html"), feedback.render(grade.notebook, points))


def _line(grade: Grade, fresh: bool) -> str:
    words = [f"{grade.student}: {grade.score:g}/{grade.max_score:g}, {grade.status}"]
    words.append(f"{grade.wall_seconds:.1f} s" if fresh else "kept from an earlier run")
    if grade.tampering:
        words.append(f"{len(grade.tampering)} sign(s) of tampering")
    return ", ".join(words)


@contextmanager
def _progress(total: int) -> Iterator:
    """A progress bar on a terminal, a line per submission elsewhere."""
    console = Console(stderr=True)
    columns = TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("grading", total=total)

        def advance(line: str) -> None:
            progress.advance(task)
            progress.console.print(Text(line))

        yield advance


class _JsonLine(logging.Formatter):
    """A log record as one line of JSON: easy to search, and no text can pretend to be a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")}
        line |= {"level": record.levelname, "message": record.getMessage()}
        line |= {name: vars(record)[name] for name in ("assignment", "student") if name in vars(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Append what this package logs to a file, one line of JSON each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_JsonLine())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def table(grades: Sequence[Grade], expected: dict[str, str] | None = None) -> str:
    """The class as a table; with a column of what was expected where that is known."""
    columns = ["student", "score", "status", *(["expected"] if expected else []), "what happened"]
    grid = Table(*columns, show_lines=False, pad_edge=False)
    for grade in grades:
        cells = [grade.student, f"{grade.score:g} / {grade.max_score:g}", grade.status]
        if expected:
            cells.append(expected.get(grade.student, ""))
        cells.append(story(grade))
        grid.add_row(*map(Text, cells))
    return _printed(grid)


def _printed(grid: Table) -> str:
    text = StringIO()
    Console(file=text, width=150).print(grid)
    return text.getvalue().rstrip()


def story(grade: Grade) -> str:
    """One line on what happened: a note, a sign of tampering, failed exercises with their misconceptions."""
    failed: dict[str, str] = {}
    for cell in grade.cells:
        if not cell.passed:
            failed[cell.exercise] = failed.get(cell.exercise) or cell.misconception
    words = list(grade.notes[:1])
    if grade.tampering:
        words.append(f"tampering: {grade.tampering[0]}")
    if grade.repairs:
        words.append(f"{len(grade.repairs)} repair(s)")
    if failed and grade.status not in ("missing", "ungradable"):
        named = [f"{name} ({reason})" if reason else name for name, reason in failed.items()]
        words.append(
            "lost: " + ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")
        )
    return "; ".join(words) or "all checks pass"
