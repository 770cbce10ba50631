"""Keeps the gradebook's list of an assignment's cells up to date, also when grades exist already.

nbgrader's own SaveCells refuses once there are submissions; here cells that are new get empty grades, points
may change, and only what a human has graded by hand is never thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.api import BaseCell, Comment, GradeCell, SolutionCell, SourceCell, SubmittedNotebook
from nbgrader.api import Grade as GradeRow
from nbgrader.api import Notebook as NotebookRow
from nbgrader.utils import compute_checksum, is_grade, is_locked, is_solution
from sqlalchemy.orm import Session


class GradebookError(Exception):
    """The gradebook cannot be used; one line says why and what to do."""


@dataclass(frozen=True)
class CellRow:
    """What the gradebook keeps of one cell; the form in which nbgrader's SaveCells would save it."""

    name: str
    cell_type: str
    source: str  # solutions cleared, hidden tests still in it
    checksum: str
    locked: bool
    solution: bool
    max_score: float | None  # None: not graded


def cell_rows(cells: Sequence[NotebookNode]) -> list[CellRow]:
    """The rows for a notebook's cells; the cells are as `SaveCells` meets them."""
    rows = []
    for cell in cells:
        if is_grade(cell) or is_solution(cell) or is_locked(cell):
            nbgrader = cell.metadata.nbgrader
            points = float(nbgrader["points"]) if is_grade(cell) else None
            checksum = compute_checksum(cell)
            rows.append(
                CellRow(
                    nbgrader["grade_id"],
                    cell.cell_type,
                    cell.source,
                    checksum,
                    is_locked(cell),
                    is_solution(cell),
                    points,
                )
            )
    return rows


class CellUpdate:
    """Brings the gradebook's cells of one notebook up to date, with or without submissions."""

    def __init__(self, db: Session, notebook: NotebookRow, rows: Sequence[CellRow]) -> None:
        self._db = db
        self._notebook = notebook
        self._rows = rows
        self._submitted = db.query(SubmittedNotebook).filter_by(notebook_id=notebook.id).all()
        self._changes: list[str] = []

    def run(self) -> list[str]:
        """Update; return what changed in an assignment that has submissions, in plain sentences.

        Raises:
            GradebookError: a cell has gone for which a human gave scores or comments.
        """
        cells = self._db.query(BaseCell).filter_by(notebook_id=self._notebook.id).all()
        old = {(cell.type, cell.name): cell for cell in cells}
        graded = {row.name: row for row in self._rows if row.max_score is not None}
        solutions = [row.name for row in self._rows if row.solution]
        wanted = {("GradeCell", name) for name in graded} | {("SolutionCell", name) for name in solutions}
        for kind, name in sorted(set(old) - wanted):
            self._remove(old[kind, name])
        for name, row in graded.items():
            if ("GradeCell", name) not in old:
                cell = GradeCell(
                    name=name, notebook=self._notebook, max_score=row.max_score, cell_type=row.cell_type
                )
                self._add(cell, GradeRow)
            else:
                self._update_points(old["GradeCell", name], row)
        for name in solutions:
            if ("SolutionCell", name) not in old:
                self._add(SolutionCell(name=name, notebook=self._notebook), Comment)
        self._update_sources()
        return self._changes

    def _remove(self, cell: BaseCell) -> None:
        by_hand = (
            self._db.query(GradeRow)
            .filter(GradeRow.cell_id == cell.id)
            .filter((GradeRow.manual_score.is_not(None)) | (GradeRow.extra_credit.is_not(None)))
            .count()
            + self._db.query(Comment)
            .filter(Comment.cell_id == cell.id, Comment.manual_comment.is_not(None))
            .count()
        )
        if by_hand:
            raise GradebookError(
                f"The cell '{cell.name}' has gone from '{self._notebook.name}', but {by_hand} manual scores "
                "or comments belong to it. Put the cell back, or move the gradebook away and start a new one"
            )
        for table in (GradeRow, Comment):
            self._db.query(table).filter(table.cell_id == cell.id).delete(synchronize_session="fetch")
        self._db.delete(cell)
        if self._submitted:
            self._changes.append(f"The cell '{cell.name}' was removed, with its automatic grades.")

    def _add(self, cell: BaseCell, table: type) -> None:
        self._db.add(cell)
        self._db.flush()
        for submitted in self._submitted:
            self._db.add(table(cell_id=cell.id, notebook=submitted))
        if self._submitted:
            self._changes.append(f"The cell '{cell.name}' is new; grade the submissions again.")

    def _update_points(self, cell: GradeCell, row: CellRow) -> None:
        if cell.max_score != row.max_score and self._submitted:
            change = f"from {cell.max_score:g} to {row.max_score:g} points"
            self._changes.append(f"The cell '{cell.name}' went {change}; grade the submissions again.")
        cell.max_score, cell.cell_type = row.max_score, row.cell_type

    def _update_sources(self) -> None:
        old = {
            cell.name: cell for cell in self._db.query(SourceCell).filter_by(notebook_id=self._notebook.id)
        }
        for name in set(old) - {row.name for row in self._rows}:
            self._db.delete(old[name])
        for row in self._rows:
            cell = old.get(row.name)
            if cell is None:
                cell = SourceCell(name=row.name, notebook=self._notebook)
                self._db.add(cell)
            cell.cell_type, cell.locked = row.cell_type, row.locked
            cell.source, cell.checksum = row.source, row.checksum
