"""Turns the file that a student handed in into the cells to be run, and says what had to be repaired.

Instructor's cells always come from the instructor's copy, in the instructor's order. A student's solution is
found by its label (nbgrader's grade_id), then by the cell's id, then by the names it defines, then by its
likeness to what was handed out. The student's own cells keep their place: after the cell they followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import findings, names
from .assignment import Assignment, Cell
from .matching import REPEATABLE, Matching, unparse
from .notebook_file import HAND_IN, Missing, RawCell, Unreadable, read

__all__ = ["Missing", "PlannedCell", "Submission", "Unreadable", "read_submission"]

MOST_EXTRA_CELLS = 500
_TIMING_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True)
class PlannedCell:
    """One cell as it will be run, judged or shown."""

    id: str
    cell_type: str  # "code" or "markdown"
    role: str  # as in the assignment; "extra" for a student's own additional cell
    source: str  # never holds solutions or hidden tests of the instructor


@dataclass(frozen=True)
class Submission:
    """A submission ready to be graded."""

    student: str
    path: Path
    cells: tuple[PlannedCell, ...]
    repairs: tuple[str, ...]  # what was mended, one plain sentence each
    tampering: tuple[str, ...]  # what looks like an attempt to change the grading, one plain sentence each


def read_submission(path: Path, assignment: Assignment, student: str) -> Submission:
    """Read what a student handed in at `path`; where that is missing, the only other notebook beside it.

    Raises:
        Missing: nothing was handed in.
        Unreadable: in words that tell the student how to hand in a good file.
    """
    raw = read(path)
    matching = Matching(assignment, raw)
    if not matching.exercises():
        raise Unreadable(f"{findings.other_notebook(matching)} {HAND_IN}")
    cells = tuple(_planned(matching))
    repairs = (*raw.repairs, *findings.repairs(matching))
    return Submission(student, raw.path, cells, repairs, tuple(findings.tampering(matching)))


def _planned(matching: Matching) -> Iterator[PlannedCell]:
    """The cells in the order in which they are run."""
    extras = _extras(matching)
    yield from extras.get("", ())
    for cell in matching.assignment.cells:
        source = _solution(matching, cell) if cell.role == "solution" else cell.released
        yield PlannedCell(cell.id, cell.cell_type, cell.role, source)
        yield from extras.get(cell.id, ())


def _solution(matching: Matching, solution: Cell) -> str:
    """The student's text of a solution; where there is none, what was handed out."""
    pieces = [matching.raw.cells[index] for index in matching.pieces[solution.id]]
    if any(piece.cell_type != "code" for piece in pieces):
        matching.note("not code", solution.id)
    if pieces:
        texts = [_own_work(piece.source, matching) for piece in pieces]
        return "\n\n".join([texts[0], *map(_without_cell_magic, texts[1:])])
    if solution.id in matching.host:
        return f"# This solution stands in the cell '{matching.host[solution.id]}'."
    matching.note("missing solution", solution.id)
    return solution.released


def _own_work(source: str, matching: Matching) -> str:
    """A solution without the instructor's check statements that a student joined to it."""
    body = names.statements(source)
    lines = source.split("\n")
    for before, node, after in zip([None, *body], body, [*body[1:], None], strict=False):
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        alone = (before is None or (before.end_lineno or before.lineno) <= first) and (
            after is None or after.lineno > last
        )
        may_judge = alone and len(body) > 1 and isinstance(node, REPEATABLE)
        if may_judge and unparse(node) in matching.judging_statements:
            lines[first:last] = [""] * (last - first)
    return "\n".join(lines).strip("\n")


def _without_cell_magic(source: str) -> str:
    """A later piece of a joined cell: cell magics only work in a cell's first line."""
    first, _, rest = source.lstrip().partition("\n")
    return rest if first.split(" ")[0] in _TIMING_MAGICS else source


def _extras(matching: Matching) -> dict[str, list[PlannedCell]]:
    """The student's own cells by the id of the assignment's cell that they follow ("": none)."""
    found = [(owner, "code", "\n".join(lines)) for owner, lines in matching.added.items()]
    anchor = ""
    for index, cell in enumerate(matching.raw.cells):
        anchor = matching.owner.get(index, anchor)
        if index not in matching.owner and cell.source.strip() and not _is_course_copy(matching, cell):
            found.append((anchor, "code" if cell.cell_type == "code" else "markdown", cell.source))
    if len(found) > MOST_EXTRA_CELLS:
        matching.note("too many", str(len(found) - MOST_EXTRA_CELLS))
    extras: dict[str, list[PlannedCell]] = {}
    for number, (owner, cell_type, source) in enumerate(found[:MOST_EXTRA_CELLS], 1):
        planned = PlannedCell(f"extra-{number:02d}", cell_type, "extra", source)
        extras.setdefault(owner, []).append(planned)
    return extras


def _is_course_copy(matching: Matching, cell: RawCell) -> bool:
    """Whether every statement is one of the instructor's: copied checks, alone or several in a cell."""
    nodes = names.statements(cell.source) if cell.cell_type == "code" else []
    return bool(nodes) and all(unparse(node) in matching.course_statements for node in nodes)
