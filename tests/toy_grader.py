"""Grades a submission of the small assignment in this process, unprotected: for tests of its surroundings."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autograder.assignment import Assignment, load
from autograder.engine import Job, Settings
from autograder.intake import Missing, Unreadable, read_submission
from autograder.result import CellGrade, Grade, not_graded


def toy_grade(path: Path, assignment: Assignment, student: str) -> Grade:
    """Run all cells in one namespace; a graded cell that raises earns nothing."""
    try:
        submission = read_submission(path, assignment, student)
    except Missing as reason:
        return not_graded(assignment, student, "missing", str(reason))
    except Unreadable as reason:
        return not_graded(assignment, student, "ungradable", str(reason))
    known = {cell.id: cell for cell in assignment.cells}
    frames = {node["id"]: node for node in assignment.notebook["cells"]}
    namespace: dict[str, Any] = {}
    nodes, grades = [], []
    for planned in submission.cells:
        node = copy.deepcopy(frames.get(planned.id, {"metadata": {}, "id": planned.id}))
        node |= {"cell_type": planned.cell_type, "source": planned.source}
        if planned.cell_type == "code":
            node |= {"outputs": [], "execution_count": None}
            cell = known.get(planned.id)
            error = _run(cell.source if cell and planned.role != "solution" else planned.source, namespace)
            if cell and cell.points:
                passed = not error
                points = cell.points if passed else 0.0
                if cell.role == "regression_points":
                    points, passed = cell.points / 2, False
                    data = {"text/plain": repr(points)}
                    node["outputs"] = [
                        _output("execute_result", data=data, metadata={}, execution_count=None)
                    ]
                elif error:
                    words = {"ename": "CheckFailed", "evalue": error, "traceback": [error]}
                    node["outputs"] = [_output("error", **words)]
                grades.append(
                    CellGrade(
                        cell.id, cell.exercise or cell.id, points, cell.points, passed, error, hidden=False
                    )
                )
        nodes.append(node)
    status = "graded with repairs" if submission.repairs else "graded"
    grade = Grade(
        student,
        assignment.name,
        status,
        sum(cell.points for cell in grades),
        assignment.max_score,
        tuple(grades),
        submission.repairs,
        submission.tampering,
    )
    metadata = {**assignment.notebook["metadata"], "course": {"grade": grade.record()}}
    notebook = {**assignment.notebook, "cells": nodes, "metadata": metadata}
    return Grade.from_dict({**grade.to_dict(), "notebook": notebook})


def toy_grade_here(arguments: dict[str, Any], *_: Any) -> dict[str, Any]:
    """In place of `autograder.engine.grade_here`."""
    assignment = load(Path(arguments["root"]), arguments["assignment_name"], arguments["limits"])
    return toy_grade(Path(arguments["path"]), assignment, arguments["student"]).to_dict()


def toy_run(
    root: Path, assignment: Assignment, jobs: Sequence[Job], settings: Settings
) -> Iterator[tuple[Job, Grade]]:
    """In place of `autograder.engine._run`: no cluster, no further processes."""
    for job in jobs:
        yield job, toy_grade(job.path, assignment, job.student)


def _output(kind: str, **fields: Any) -> dict[str, Any]:
    return {"output_type": kind, **fields}


def _run(source: str, namespace: dict[str, Any]) -> str:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(source, namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
