"""The grade of one submission as a record: what every later step (gradebook, feedback, report) works with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from .assignment import Assignment
from .versions import versions

Status = Literal["graded", "graded with repairs", "stopped early", "missing", "ungradable", "grader error"]


@dataclass(frozen=True)
class CellGrade:
    """The points of one graded cell and why."""

    id: str
    exercise: str
    points: float
    max_points: float
    passed: bool
    message: str = ""
    misconception: str = ""
    hidden: bool = False


@dataclass(frozen=True)
class Marks:
    """What the gradebook holds of one submission: what grading and people made of it together."""

    points: Mapping[str, float]  # of each graded cell: manual where a person gave some, with extra credit
    comments: Mapping[str, str] = field(default_factory=dict)  # cell -> what a person wrote about it
    penalty: float = 0.0  # points that are taken off because it came late

    @classmethod
    def of(
        cls, points: Mapping[str, float], comments: Mapping[str, str | None], penalty: float | None
    ) -> Marks:
        """From what nbgrader's tables hold: no comment and no penalty may be None there."""
        said = {cell: text.strip() for cell, text in comments.items() if text and text.strip()}
        return cls(points, said, penalty or 0.0)


@dataclass(frozen=True)
class Grade:
    """Everything that grading found out about one submission."""

    student: str
    assignment: str
    status: Status
    score: float
    max_score: float
    cells: tuple[CellGrade, ...] = ()
    repairs: tuple[str, ...] = ()
    tampering: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # limits that were hit, why a file could not be read: plain words
    cpu_seconds: float = 0.0  # of the student's cells
    wall_seconds: float = 0.0  # of the whole grading
    versions: dict[str, str] = field(default_factory=dict)
    notebook: dict[str, Any] = field(default_factory=dict)  # the graded notebook, nbformat 4

    def without_notebook(self) -> Grade:
        """The same but for the notebook, which is most of it."""
        return replace(self, notebook={})

    def record(self) -> dict[str, Any]:
        """All but the notebook, as plain data."""
        plain = asdict(self.without_notebook())
        del plain["notebook"]
        return plain

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {**self.record(), "notebook": self.notebook}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Grade:
        """Rebuild a grade from `to_dict` or JSON."""
        plain = {key: data[key] for key in (item.name for item in fields(cls)) if key in data}
        plain["cells"] = tuple(CellGrade(**cell) for cell in plain.get("cells", ()))
        for key in ("repairs", "tampering", "notes"):
            plain[key] = tuple(plain.get(key, ()))
        return cls(**plain)


def not_graded(assignment: Assignment, student: str, status: Status, reason: str) -> Grade:
    """A grade of zero for what could not be run, with the reason in the student's words."""
    cells = tuple(
        CellGrade(
            cell.id, cell.exercise or cell.id, 0.0, cell.points, False, reason, hidden=cell.role == "hidden"
        )
        for cell in assignment.cells
        if cell.points
    )
    notebook = copy.deepcopy(dict(assignment.notebook))
    for node in notebook["cells"]:
        if node["cell_type"] == "code":
            graded = node["metadata"].get("nbgrader", {}).get("grade")
            failure = {"output_type": "error", "ename": "NotGraded", "evalue": reason, "traceback": [reason]}
            node["outputs"] = [failure] if graded else []
            node["execution_count"] = None
    result = Grade(
        student,
        assignment.name,
        status,
        0.0,
        sum(cell.max_points for cell in cells),
        cells,
        notes=(reason,),
        versions=versions(assignment.version),
    )
    return with_notebook(result, notebook)


def with_notebook(result: Grade, notebook: dict[str, Any]) -> Grade:
    """Put the record into the notebook, so that the feedback can be made from the notebook alone."""
    notebook["metadata"] = {**notebook["metadata"], "course": {"grade": result.record()}}
    return replace(result, notebook=notebook)
