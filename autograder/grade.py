"""Grades one submission: intake, the student's process, the referee, the regression, the result.

Every way of grading a submission (the engine, nbgrader's `autograde`, the demo) comes through `grade`.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from .assignment import Assignment, Cell, load
from .intake import Missing, PlannedCell, Submission, Unreadable, read_submission
from .referee import Referee, Verdict, partial_credit, regression_share
from .result import CellGrade, Grade, Status, not_graded, with_notebook
from .student import StudentProcess
from .versions import versions

OUTPUT_BYTES = 32 << 20  # of the outputs of all the student's cells, as the graded notebook's file has them


def run_job(
    process: StudentProcess,
    root: str,
    assignment_name: str,
    path: str,
    student: str,
    limits: dict | None = None,
) -> dict[str, Any]:
    """Grade the file at `path`; the form in which the warm parent calls `grade` (plain data in and out)."""
    return grade(Path(path), load(Path(root), assignment_name, limits), process, student).to_dict()


def grade(path: Path, assignment: Assignment, process: StudentProcess, student: str) -> Grade:
    """Grade one submitted notebook.

    Args:
        path: the submitted .ipynb; it may be missing, broken or hostile.
        assignment: what it is graded against.
        process: a fresh student process, in which nothing has run yet.
        student: the student's id in the gradebook.
    """
    start = time.perf_counter()
    try:
        submission = read_submission(path, assignment, student)
    except Missing as reason:
        return not_graded(assignment, student, "missing", str(reason))
    except Unreadable as reason:
        return not_graded(assignment, student, "ungradable", str(reason))
    return _Grading(assignment, process, submission).run(start)


class _Grading:
    """The state of grading one submission, cell by cell."""

    def __init__(self, assignment: Assignment, process: StudentProcess, submission: Submission) -> None:
        self._assignment = assignment
        self._process = process
        self._submission = submission
        self._cells: dict[str, Cell] = {cell.id: cell for cell in assignment.cells}
        self._templates = {node["id"]: node for node in assignment.notebook["cells"]}
        self._referee = Referee(assignment, process)
        self._regressions: dict[str, Verdict] = {}
        self._grades: list[CellGrade] = []
        self._notes: list[str] = []
        self._cpu_seconds = 0.0
        self._output_room = OUTPUT_BYTES

    def run(self, start: float) -> Grade:
        nodes = [self._visit(planned) for planned in self._submission.cells]
        if not self._process.alive:
            self._notes.append(self._process.ended)
        result = Grade(
            self._submission.student,
            self._assignment.name,
            self._status(),
            sum(cell.points for cell in self._grades),
            sum(cell.max_points for cell in self._grades),
            tuple(self._grades),
            self._submission.repairs,
            (*self._submission.tampering, *self._process.attempts.tampering()),
            tuple(dict.fromkeys([*self._notes, *self._process.attempts.notes()])),
            round(self._cpu_seconds, 3),
            round(time.perf_counter() - start, 3),
            versions(self._assignment.version),
        )
        notebook = {**self._assignment.notebook, "cells": nodes}
        return with_notebook(result, notebook)

    def _status(self) -> Status:
        if not self._process.alive:
            return "stopped early"
        return "graded with repairs" if self._submission.repairs else "graded"

    def _visit(self, planned: PlannedCell) -> dict[str, Any]:
        """Run or judge one cell; return it as it stands in the graded notebook."""
        node = self._node(planned)
        if planned.cell_type != "code":
            return node
        if planned.role in ("check", "hidden"):
            cell = self._cells[planned.id]
            verdict = self._referee.judge(cell)
            self._record(cell, verdict)
            node["outputs"] = verdict.outputs
        elif planned.role == "regression":
            verdict = self._regressions[planned.id] = self._referee.watch(self._cells[planned.id])
            node["outputs"] = verdict.outputs
        elif planned.role == "regression_points":
            node["outputs"] = self._regression_points(self._cells[planned.id])
        elif planned.role != "figure":  # pictures give no points, and nothing depends on them
            run = self._process.run(planned.source, planned.id)
            node["outputs"] = self._within_room(run.outputs)
            self._cpu_seconds += run.cpu_seconds
            if run.note:
                self._notes.append(run.note)
        return node

    def _within_room(self, outputs: list[dict]) -> list[dict]:
        """The outputs of one cell, or none where the notebook would become too large for a file."""
        if not outputs:
            return outputs
        size = len(json.dumps(outputs))
        if size > self._output_room:
            self._notes.append(f"Outputs of more than {OUTPUT_BYTES >> 20} MB in all were left out.")
            return []
        self._output_room -= size
        return outputs

    def _node(self, planned: PlannedCell) -> dict[str, Any]:
        template = self._templates.get(planned.id)
        metadata = dict(template["metadata"]) if template else {}  # nobody changes what is in it
        node: dict[str, Any] = {
            "id": planned.id,
            "cell_type": planned.cell_type,
            "metadata": metadata,
            "source": planned.source,
        }
        if planned.role == "extra" and planned.cell_type != "code":
            node["source"] = _as_plain_text(planned.source)
        if planned.cell_type == "code":
            node |= {"outputs": [], "execution_count": None}
        return node

    def _record(self, cell: Cell, verdict: Verdict) -> None:
        self._grades.append(
            CellGrade(
                cell.id,
                cell.exercise or cell.id,
                round(verdict.share * cell.points, 4),
                cell.points,
                verdict.passed,
                verdict.message,
                verdict.misconception,
                hidden=cell.role == "hidden",
            )
        )

    def _regression_points(self, cell: Cell) -> list[dict]:
        share = regression_share(self._regressions)
        wrong = [verdict.message for verdict in self._regressions.values() if not verdict.passed]
        self._record(cell, Verdict(not wrong, share, "\n".join(wrong)))
        return [partial_credit(round(share * cell.points, 4))]


def _as_plain_text(source: str) -> str:
    """A student's own text as a block of code: pages that render a notebook would run the scripts in it."""
    longest = max(map(len, re.findall("`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{source}\n{fence}"
