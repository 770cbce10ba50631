"""The one writer to nbgrader's gradebook: registers an assignment's cells and records grades.

The scores are those of nbgrader's own SaveAutoGrades: each graded cell is scored by nbgrader's
`determine_grade`. Manual scores and comments of a human grader are kept. Every submission is one transaction,
so that a run that is killed leaves each submission either as it was or as it is now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import nbgrader.api
from alembic.script import ScriptDirectory
from nbformat import NotebookNode, from_dict
from nbgrader.api import Assignment as AssignmentRow
from nbgrader.api import (
    BaseCell,
    Comment,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.api import Grade as GradeRow
from nbgrader.api import Notebook as NotebookRow
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum, determine_grade
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session
from traitlets.config import Config

from .assignment import Assignment
from .gradebook_cells import CellRow, CellUpdate, GradebookError, cell_rows
from .result import Grade, Marks

BUSY_SECONDS = 30  # how long to wait for another program that is writing to an SQLite gradebook
Row = TypeVar("Row", GradeRow, Comment)
COURSE = "default_course"  # nbgrader's own default
NO_RESPONSE = "No response."  # nbgrader's own comment on a cell that the student left alone

NO_ANSWER = "does not answer; see whether the server runs and whether address and password are right"
_TROUBLE = (
    ("database is locked", "is in use by another program; close it (formgrader?) and run this again"),
    (
        "readonly database",
        "cannot be written; was it moved? If not, look at the permissions of the file and of its folder",
    ),
    ("disk is full", "cannot be written: the disk is full; free some space and run this again"),
    ("disk i/o error", "cannot be written: the disk failed or is full"),
    ("unable to open database", "cannot be opened; look at the permissions of the file and of its folder"),
    ("not a database", "is not a gradebook, or it is damaged; restore it from a backup or move it away"),
    ("malformed", "is damaged; restore it from a backup or move it away"),
    ("no such table", "was made by another version of nbgrader; back it up and run `nbgrader db upgrade`"),
    ("fatal:  database", "does not exist on that server; `createdb` makes it"),
    ("connection failed", NO_ANSWER),
    ("server closed the connection", NO_ANSWER),
    ("terminating connection", NO_ANSWER),
    ("connection is bad", NO_ANSWER),
    ("no such column", "was made by another version of nbgrader; back it up and run `nbgrader db upgrade`"),
)


def late_plugin(config: Config) -> LateSubmissionPlugin:
    """The plug-in for late submissions that nbgrader's configuration names."""
    step = AssignLatePenalties(config=config)
    step.init_plugin()
    return step.plugin_inst


def table_version() -> str:
    """The version of nbgrader's tables, as alembic knows it."""
    folder = Path(nbgrader.api.__file__).parent / "alembic"
    return str(ScriptDirectory(str(folder)).get_current_head())


# For each new gradebook nbgrader starts alembic's program to ask this: that takes seconds, and fails where
# the environment is not activated. Alembic's library gives the same answer.
nbgrader.api.get_alembic_version = table_version


def place(db_url: str) -> str:
    """Where a gradebook is, for a person to read: a file's path, or the address without the password."""
    if db_url.startswith("sqlite:///"):
        return db_url.removeprefix("sqlite:///")
    try:
        return make_url(db_url).render_as_string(hide_password=True)
    except ArgumentError:
        return "(no address of a database)"


class GradebookWriter:
    """An open gradebook. Used by one thread; close it or use it in a `with` statement."""

    def __init__(self, db_url: str, late_plugin: LateSubmissionPlugin | None = None) -> None:
        """Open the gradebook, or make a new one.

        Args:
            db_url: SQLAlchemy's, such as sqlite:////home/me/course/gradebook.db
            late_plugin: decides the penalty for a late submission; None: no penalty.

        Raises:
            GradebookError: it cannot be opened.
        """
        self._place = place(db_url)
        self._late_plugin = late_plugin
        if db_url.startswith("sqlite:///") and "timeout=" not in db_url:
            db_url += ("&" if "?" in db_url else "?") + f"timeout={BUSY_SECONDS}"
        try:
            self._gradebook = Gradebook(db_url, COURSE)
        except SQLAlchemyError as error:
            raise self._trouble(error) from None
        except ModuleNotFoundError as error:
            raise GradebookError(
                f"The gradebook {self._place} needs the package {error.name}; "
                "for PostgreSQL: pip install 'psycopg[binary]'"
            ) from None

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._gradebook.close()

    def check(self) -> None:
        """Try to read and to write; nothing is changed.

        Raises:
            GradebookError: one of them is not possible.
        """
        with self._transaction() as db:
            db.add(Student(id=f"trial-{uuid4()}"))
            db.flush()
            db.rollback()

    def register(self, assignment: Assignment) -> list[str]:
        """Record an assignment's cells as `nbgrader generate_assignment` does; quick where nothing changed.

        Returns:
            what changed in an assignment that already has submissions, in plain sentences.

        Raises:
            GradebookError: a cell has gone for which a human gave scores or comments.
        """
        kernelspec = assignment.notebook["metadata"].get("kernelspec", {})
        return self.register_cells(
            assignment.name, assignment.name, cell_rows(_saved(assignment)), kernelspec
        )

    def register_cells(
        self, assignment: str, notebook: str, rows: Sequence[CellRow], kernelspec: Mapping[str, Any]
    ) -> list[str]:
        """Make the gradebook's cells of one notebook those in `rows`; see `register`."""
        with self._transaction() as db:
            owner = db.query(AssignmentRow).filter_by(name=assignment).one_or_none()
            if owner is None:
                owner = AssignmentRow(name=assignment, course_id=COURSE)
                db.add(owner)
            book = next((book for book in owner.notebooks if book.name == notebook), None)
            if book is None:
                book = NotebookRow(name=notebook, assignment=owner)
                db.add(book)
            book.kernelspec = json.dumps(dict(kernelspec))
            db.flush()
            return CellUpdate(db, book, rows).run()

    def write(self, grade: Grade, timestamp: datetime | None = None) -> Marks:
        """Record one submission's grade, all or nothing. What is in the gradebook already is only compared.

        Args:
            grade: its notebook's graded cells are scored as nbgrader scores them.
            timestamp: when it was handed in (UTC); None leaves what the gradebook knows.

        Returns:
            what counts now, with what a person has changed and said.

        Raises:
            GradebookError: the assignment is not registered, or the gradebook cannot be written.
        """
        with self._transaction() as db:
            notebook = self._notebook(db, grade.assignment)
            submitted = _submission(db, notebook, grade.student, timestamp)
            cells = db.query(BaseCell.id, BaseCell.type, BaseCell.name).filter_by(notebook_id=notebook.id)
            ids = {(kind, name): identity for identity, kind, name in cells}
            scores = _rows(db, GradeRow, submitted, [ids[key] for key in ids if key[0] == "GradeCell"])
            comments = _rows(db, Comment, submitted, [ids[key] for key in ids if key[0] == "SolutionCell"])
            for plain in grade.notebook["cells"]:
                mark = plain.get("metadata", {}).get("nbgrader") or {}
                graded, solution = ("GradeCell", mark.get("grade_id")), ("SolutionCell", mark.get("grade_id"))
                if mark.get("grade") and graded in ids:
                    _score(scores[ids[graded]], from_dict(plain))
                if mark.get("solution") and solution in ids:
                    _comment(comments[ids[solution]], from_dict(plain))
            self._penalty(grade.student, submitted, scores.values())
            names = {identity: name for (_, name), identity in ids.items()}
            return Marks.of(
                {names[identity]: _counted(row) for identity, row in scores.items()},
                {names[identity]: row.manual_comment for identity, row in comments.items()},
                submitted.late_submission_penalty,
            )

    def scores(self, assignment: str) -> dict[str, float]:
        """Student -> score that counts: manual where a human gave one, with extra credit, less penalties."""
        with self._transaction() as db:
            rows = (
                db.query(Student.id, SubmittedNotebook)
                .join(SubmittedAssignment, SubmittedAssignment.student_id == Student.id)
                .join(AssignmentRow, AssignmentRow.id == SubmittedAssignment.assignment_id)
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .filter(AssignmentRow.name == assignment)
                .order_by(Student.id)
            )
            totals: dict[str, float] = {}
            for student, notebook in rows:
                reached = sum(_counted(row) for row in notebook.grades)
                penalty = notebook.late_submission_penalty or 0.0
                totals[student] = totals.get(student, 0.0) + reached - penalty
            return totals

    def _notebook(self, db: Session, name: str) -> NotebookRow:
        found = (
            db.query(NotebookRow)
            .join(AssignmentRow, AssignmentRow.id == NotebookRow.assignment_id)
            .filter(AssignmentRow.name == name, NotebookRow.name == name)
            .one_or_none()
        )
        if found is None:
            raise GradebookError(f"The gradebook {self._place} does not know the assignment '{name}'")
        return found

    def _penalty(self, student: str, submitted: SubmittedNotebook, rows: Any) -> None:
        """As nbgrader's AssignLatePenalties."""
        submitted.late_submission_penalty = None
        late = submitted.assignment.total_seconds_late
        if self._late_plugin is not None and late > 0:
            score = sum(_counted(row) for row in rows)
            penalty = self._late_plugin.late_submission_penalty(student, score, late)
            if penalty is not None:
                submitted.late_submission_penalty = min(max(penalty, 0), score)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        db = self._gradebook.db()
        try:
            yield db
            db.commit()
        except SQLAlchemyError as error:
            db.rollback()
            raise self._trouble(error) from None
        except BaseException:
            db.rollback()
            raise
        finally:
            db.expunge_all()

    def _trouble(self, error: SQLAlchemyError) -> GradebookError:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        words = next((words for sign, words in _TROUBLE if sign in said.lower()), f"cannot be used: {said}")
        return GradebookError(f"The gradebook {self._place} {words}")


def _saved(assignment: Assignment) -> list[NotebookNode]:
    """The cells as generate_assignment saves them: solutions cleared, hidden tests still there."""
    nodes = {node["id"]: from_dict(node) for node in assignment.notebook["cells"]}
    for cell in assignment.cells:
        nodes[cell.id].source = cell.released if cell.role == "solution" else cell.source
    return [nodes[cell.id] for cell in assignment.cells]


def _submission(
    db: Session, notebook: NotebookRow, student: str, timestamp: datetime | None
) -> SubmittedNotebook:
    """The student's rows, made where they are missing: nbgrader's add_submission without its commit."""
    if db.get(Student, student) is None:
        db.add(Student(id=student))
        db.flush()
    key = {"assignment_id": notebook.assignment_id, "student_id": student}
    submission = db.query(SubmittedAssignment).filter_by(**key).one_or_none()
    if submission is None:
        submission = SubmittedAssignment(**key)
        db.add(submission)
        db.flush()
    if timestamp is not None:
        submission.timestamp = timestamp
    # Not through `submission.notebooks`: no index serves that query, it reads the whole class's rows.
    both = {"notebook_id": notebook.id, "assignment_id": submission.id}
    submitted = db.query(SubmittedNotebook).filter_by(**both).one_or_none()
    if submitted is None:
        submitted = SubmittedNotebook(**both)
        db.add(submitted)
        db.flush()
    return submitted


def _rows(
    db: Session, table: type[Row], submitted: SubmittedNotebook, cells: Sequence[str]
) -> dict[str, Row]:
    """Cell -> the submission's row in `table`, made where it is missing; `cells` are ids.

    Asked for by cell and notebook, as the tables' indexes are: by notebook alone, SQLite would read the rows
    of the whole class, for each submission.
    """
    of_this = table.cell_id.in_(cells), table.notebook_id == submitted.id
    found = {row.cell_id: row for row in db.query(table).filter(*of_this)} if cells else {}
    for cell in cells:
        if cell not in found:
            found[cell] = table(cell_id=cell, notebook_id=submitted.id)
            db.add(found[cell])
    return found


def _score(row: GradeRow, cell: NotebookNode) -> None:
    """As nbgrader's SaveAutoGrades."""
    row.auto_score, _ = determine_grade(cell)
    row.needs_manual_grade = row.manual_score is not None or row.auto_score is None


def _comment(row: Comment, cell: NotebookNode) -> None:
    """As nbgrader's SaveAutoGrades."""
    untouched = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
    row.auto_comment = NO_RESPONSE if untouched else None


def _counted(row: GradeRow) -> float:
    """The score that counts for one cell, as nbgrader's database computes it."""
    base = row.manual_score if row.manual_score is not None else row.auto_score
    return 0.0 if base is None else base + (row.extra_credit or 0.0)
