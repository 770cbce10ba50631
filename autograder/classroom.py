"""From a folder of submissions to grades, gradebook, feedback pages and report, for `grade` and `demo`."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
from .assignment import Assignment
from .audit import FILE as AUDIT_FILE
from .audit import Audit
from .engine import (
    KEPT,
    Job,
    Settings,
    choose,
    find_jobs,
    grade_class,
    kept_grades,
    what_is_due,
    write_whole,
)
from .gradebook import GradebookWriter, late_plugin
from .result import Grade, Marks
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
        AssignmentError, NothingToGrade, SandboxUnavailable, AuditError, GradebookError: with a line that says
            what to do.
    """
    work = _Work.of(root, folder, name, students, options)
    folder, assignment = work.folder, work.assignment
    if work.settings.sandbox == "none":
        print(UNPROTECTED, file=sys.stderr)
    else:
        sandbox.require()
    db_url = work.course.gradebook_of(folder, root)
    code: dict[str, Code] = {}
    with (
        _logging_to(folder / "grading.log"),
        Audit(folder) as audit,
        GradebookWriter(db_url, late_plugin(work.course.config)) as gradebook,
    ):
        for change in gradebook.register(assignment):
            log.warning(change)
        with _progress(len(work.jobs)) as progress:

            def record(job: Job, grade: Grade, fresh: bool) -> None:
                code[grade.student] = code_of(grade.notebook)
                if grade.status != "grader error":
                    handed_in = timestamps.read(folder / "submitted" / grade.student / name)
                    _write_notebook_and_feedback(folder, grade, gradebook.write(grade, handed_in))
                    audit.graded(job, grade, fresh)
                line = _line(grade, fresh)
                log.info(line, extra={"student": grade.student, "assignment": name})
                progress(line)

            size = len(work.jobs)
            audit.write("begin", assignment=name, submissions=size, sandbox=work.settings.sandbox)
            grades = grade_class(root, folder, assignment, work.jobs, work.settings, record)
            audit.write("end", assignment=name, submissions=size)
    page = folder / "report" / f"{name}.html"
    everybody = {grade.student: grade for grade in grades}
    for kept in kept_grades(folder, assignment, work.others):
        code[kept.student] = code_of(kept.notebook)
        everybody[kept.student] = kept.without_notebook()
    write_whole(page, report.render([everybody[student] for student in sorted(everybody)], assignment, code))
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
    work = _Work.of(root, folder, name, students, options)
    due = what_is_due(work.folder, work.assignment, work.jobs, work.settings)
    size = sum(words != KEPT for words in due.values())
    grid = Table("student", "file", "would be", show_lines=False, pad_edge=False)
    for job in work.jobs:
        grid.add_row(*map(Text, (job.student, str(job.path.relative_to(work.folder)), due[job.student])))
    protection = "none" if work.settings.sandbox == "none" else sandbox.detect().words
    return (
        f"{_printed(grid)}\n{size} of {len(work.jobs)} would be graded, the others kept. Nothing was done.\n"
        f"sandbox: {protection}"
    )


@dataclass(frozen=True)
class _Work:
    """What is to be done: which submissions, against what, and how."""

    folder: Path
    course: CourseSettings
    settings: Settings
    assignment: Assignment
    jobs: list[Job]
    others: list[Job]  # of students who were not named

    @classmethod
    def of(cls, root: Path, folder: Path, name: str, students: Sequence[str], options: Options) -> _Work:
        """Look at the class's folder and the configuration; the command line counts first."""
        folder = folder.resolve()
        course = course_settings(root)
        assignment = assignments.load(root, name, course.limits)
        protection = options.sandbox or course.sandbox
        how = Settings(protection, options.workers, options.scheduler, options.force, course.grader_seconds)
        everybody = find_jobs(folder, assignment)
        jobs = choose(everybody, students, folder, name)
        chosen = {job.student for job in jobs}
        others = [job for job in everybody if job.student not in chosen]
        return cls(folder, course, how, assignment, jobs, others)


def _write_notebook_and_feedback(folder: Path, grade: Grade, marks: Marks) -> None:
    """As nbgrader lays them out, so that its formgrader and its students' tools find them.

    Making a page takes longer than all else that is done for an unchanged submission. So a note is kept of
    what a page was made from and when it was written; where both still hold, the page stays as it is.
    """
    place = Path(grade.student) / grade.assignment / grade.assignment
    notebook = json.dumps(grade.notebook)
    write_whole(folder / "autograded" / place.with_suffix(".ipynb"), notebook)
    page = folder / "feedback" / place.with_suffix(".html")
    note = folder / ".grading" / grade.assignment / "pages" / f"{grade.student}.txt"
    made_from = hashlib.sha256(
        f"{notebook} {sorted(marks.points.items())} {sorted(marks.comments.items())} {marks.penalty}".encode()
    ).hexdigest()
    with suppress(OSError):
        if note.read_text() == f"{made_from} {page.stat().st_mtime_ns}":
            return
    write_whole(page, feedback.render(grade.notebook, marks))
    write_whole(note, f"{made_from} {page.stat().st_mtime_ns}")


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


class _LogFile(logging.FileHandler):
    """A log whose disk is full ends the run with one clear line, not with a traceback for each message."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802: the name is logging's
        raise  # what happened while the record was written


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Append what this package logs to a file, one line of JSON each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(path, encoding="utf-8")
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
