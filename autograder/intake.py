"""Turns the file that a student handed in into the cells to be run, and says what had to be repaired.

Instructor's cells always come from the instructor's copy, in the instructor's order. A student's solution is
found by its label (nbgrader's grade_id), then by the cell's id, then by the names it defines, then by its
likeness to what was handed out. The student's own cells keep their place: after the cell they followed.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import names
from .assignment import Assignment, Cell
from .notebook_file import HAND_IN, Missing, RawCell, RawNotebook, Unreadable, read
from .roles import GRADED, JUDGES, ROLES

__all__ = ["Missing", "PlannedCell", "Submission", "Unreadable", "read_submission"]

ALIKE = 0.5  # share of equal lines from which a cell without label counts as the solution's
MOST_COMPARED = 40  # cells compared with a solution; more would let a file keep the grader busy
MOST_EXTRA_CELLS = 500
EXCUSING_TAGS = {"skip-execution", "raises-exception", "nbval-skip", "nbval-ignore-output"}
_REPEATABLE = (ast.Expr, ast.Assert, ast.Import, ast.ImportFrom)
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
    plan = _Plan(assignment, raw)
    cells = plan.cells()
    return Submission(student, raw.path, cells, (*raw.repairs, *plan.repairs()), tuple(plan.tampering()))


class _Plan:
    """Matches the cells of one file with those of the assignment. Cells of the file go by their index."""

    def __init__(self, assignment: Assignment, raw: RawNotebook) -> None:
        self._assignment = assignment
        self._raw = raw
        self._known = {cell.id: cell for cell in assignment.cells}
        self._order = {cell.id: place for place, cell in enumerate(assignment.cells)}
        self._solutions = [cell for cell in assignment.cells if cell.role == "solution"]
        self._owner: dict[int, str] = {}  # cell of the file -> cell of the assignment
        self._notes: dict[str, list[str]] = {}  # kind of repair -> cells concerned
        self._defined: dict[int, frozenset[str]] = {}  # cell of the file -> names it defines
        self._label()
        self._pieces: dict[str, list[int]] = {
            cell.id: [i for i, owner in sorted(self._owner.items()) if owner == cell.id]
            for cell in self._solutions
        }
        self._added: dict[str, list[str]] = {}  # lines that a student wrote into a setup or given cell
        self._look_into_instructor_cells()
        self._find_solutions()
        self._host = self._merge()
        self._refuse_other_notebooks()

    # What belongs to what

    def _label(self) -> None:
        """Assign cells of the file by grade_id, by id, and by equal text."""
        by_text: dict[str, list[str]] = {}
        for given in self._assignment.cells:
            by_text.setdefault(_plain(given.released), []).append(given.id)
        taken: set[str] = set()
        for index, cell in enumerate(self._raw.cells):
            found = next((key for key in (cell.grade_id, cell.id) if key in self._known), "")
            # Texts are numbered: in another edition the number belongs to another text.
            if found and not (self._other_edition and self._known[found].role == "text"):
                self._owner[index] = found
                taken.add(found)
        for index, cell in enumerate(self._raw.cells):
            if index not in self._owner and cell.source.strip():
                alike = by_text.get(_plain(cell.source), [])
                if not alike and cell.cell_type == "code":
                    alike = self._normal_forms.get(names.normal_form(cell.source), [])
                if alike:
                    found = next((name for name in alike if name not in taken), alike[0])
                    self._owner[index] = found
                    taken.add(found)
        self._label_was_lost = not any(cell.grade_id in self._known for cell in self._raw.cells)

    @cached_property
    def _normal_forms(self) -> dict[str, list[str]]:
        """Normal form of each code cell as handed out -> the ids of the cells that have it."""
        forms: dict[str, list[str]] = {}
        for cell in self._assignment.cells:
            if cell.cell_type == "code" and cell.released.strip():
                forms.setdefault(names.normal_form(cell.released), []).append(cell.id)
        return forms

    @cached_property
    def _course_statements(self) -> frozenset[str]:
        """The calls, assertions and imports in the instructor's code cells, in normal form."""
        return self._statements(role for role in ROLES if role != "solution")

    @cached_property
    def _judging_statements(self) -> frozenset[str]:
        """The calls and assertions in the check and regression cells, in normal form."""
        return self._statements(JUDGES)

    def _statements(self, roles: Iterable[str]) -> frozenset[str]:
        chosen = set(roles)
        own = (cell for cell in self._assignment.cells if cell.role in chosen)
        nodes = (node for cell in own for node in names.statements(cell.released))
        return frozenset(_unparse(node) for node in nodes if isinstance(node, _REPEATABLE))

    def _look_into_instructor_cells(self) -> None:
        """Note what was changed, copied or added there; free cells that hold the student's own work."""
        seen: set[str] = set()
        for index, owner in sorted(self._owner.items()):
            cell, given = self._raw.cells[index], self._known[owner]
            if given.role in ("text", "solution"):
                continue
            if owner in seen:
                self._note("copied", owner)
            seen.add(owner)
            if self._same(cell, given):
                continue
            if given.role == "hidden" and _plain(cell.source) == _plain(given.source):
                self._note("leaked", owner)
                continue
            self._note("edited", owner)
            if self._names_of(index) & self._missing_names(given):
                del self._owner[index]  # a solution stands in the instructor's cell
            elif given.role in ("setup", "given") and not self._other_edition:
                before = {_unparse(node) for node in names.statements(given.released)}
                added = [node for node in names.statements(cell.source) if _unparse(node) not in before]
                kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
                lines = [_unparse(node) for node in added if isinstance(node, kinds)]
                if lines:
                    self._added.setdefault(owner, []).extend(lines)

    def _missing_names(self, given: Cell) -> set[str]:
        """Names of solutions, without those that the instructor's cell defines itself."""
        return set(self._assignment.names_of_solutions()) - set(names.defined(given.released))

    def _same(self, cell: RawCell, given: Cell) -> bool:
        if cell.cell_type != given.cell_type:
            return False
        if _plain(cell.source) == _plain(given.released):
            return True
        return names.normal_form(cell.source) == names.normal_form(given.released)

    def _find_solutions(self) -> None:
        """Fill in the solutions that no label leads to."""
        self._free_mislabelled()
        for solution in self._solutions:
            pieces = self._pieces[solution.id] = self._without_stubs(solution, self._pieces[solution.id])
            if not self._defines(solution, pieces):
                found = [i for i in self._free() if set(_main(solution)) & self._names_of(i)]
                if found:
                    self._note("unlabelled" if self._label_was_lost else "elsewhere", solution.id)
                    own = [i for i in pieces if not self._is_stub(solution, i)]
                    self._take(solution, sorted({*own, *found}))
        for solution in self._solutions:
            if not self._pieces[solution.id]:
                alike = self._alike(solution)
                if alike is not None:
                    self._note("alike", solution.id)
                    self._take(solution, [alike])

    def _free_mislabelled(self) -> None:
        """Free cells with the label of one solution that define only another one."""
        defined = {s.id: self._defines(s, self._pieces[s.id]) for s in self._solutions}
        for solution in self._solutions:
            if defined[solution.id]:
                continue
            for index in list(self._pieces[solution.id]):
                others = [s for s in self._solutions if set(_main(s)) & self._names_of(index)]
                if others and solution not in others and not any(defined[s.id] for s in others):
                    self._pieces[solution.id].remove(index)
                    del self._owner[index]

    def _take(self, solution: Cell, pieces: list[int]) -> None:
        self._pieces[solution.id] = pieces
        self._owner.update(dict.fromkeys(pieces, solution.id))

    def _free(self) -> list[int]:
        """Cells of the file that belong to nothing yet."""
        return [
            i for i, cell in enumerate(self._raw.cells) if i not in self._owner and cell.cell_type == "code"
        ]

    def _names_of(self, index: int) -> frozenset[str]:
        if index not in self._defined:
            self._defined[index] = frozenset(names.defined(self._raw.cells[index].source))
        return self._defined[index]

    def _is_stub(self, solution: Cell, index: int) -> bool:
        return _plain(self._raw.cells[index].source) == _plain(solution.released)

    def _defines(self, solution: Cell, pieces: Iterable[int]) -> bool:
        """Whether the pieces define what the exercise asks for, other than as it was handed out."""
        real = [i for i in pieces if not self._is_stub(solution, i)]
        return any(set(_main(solution)) & self._names_of(i) for i in real)

    def _without_stubs(self, solution: Cell, pieces: list[int]) -> list[int]:
        """Leave out empty cells, second copies, and the untouched stub where there is real work beside it."""
        kept: dict[str, int] = {}
        for index in pieces:
            text = _plain(self._raw.cells[index].source)
            if text:
                kept.setdefault(text, index)
        real = [index for index in kept.values() if not self._is_stub(solution, index)]
        if len(pieces) > 1:
            self._note("split" if len(real) > 1 else "copied", solution.id)
        return real or list(kept.values())[:1]

    def _alike(self, solution: Cell) -> int | None:
        """The free cell most like what was handed out for a solution."""
        best, found = ALIKE, None
        wanted = _lines(solution.released)
        for index in self._free()[:MOST_COMPARED]:
            matcher = difflib.SequenceMatcher(None, wanted, _lines(self._raw.cells[index].source), False)
            if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
                best, found = matcher.ratio(), index
        return found

    def _merge(self) -> dict[str, str]:
        """Solution -> the solution at whose place both stand, where a student joined two cells."""
        together: dict[str, list[str]] = {}  # solution with the text -> others that the text defines as well
        for solution in self._solutions:
            if self._defines(solution, self._pieces[solution.id]):
                continue
            for other in self._solutions:
                names_there = {name for i in self._pieces[other.id] for name in self._names_of(i)}
                if other.id != solution.id and set(_main(solution)) & names_there:
                    together.setdefault(other.id, []).append(solution.id)
                    self._note("merged", solution.id)
                    break
        host: dict[str, str] = {}
        for holder, others in together.items():
            first = min([holder, *others], key=self._order.__getitem__)
            for member in (holder, *others):
                host[member] = first
                if member != holder:
                    self._pieces[member] = []
            self._pieces[first] = self._pieces[holder] if first == holder else self._pieces.pop(holder)
            self._pieces.setdefault(holder, [])
        return host

    def _refuse_other_notebooks(self) -> None:
        """Raise Unreadable where the file is not this assignment at all."""
        if any(self._known[owner].role in ("solution", "check") for owner in self._owner.values()):
            return
        wanted, other = self._assignment.name, self._raw.assignment
        what = (
            f"This is the notebook {_listed([other])}" if other not in ("", wanted) else "This is another one"
        )
        if other == wanted:
            what = "Everything of the course has been deleted"
        raise Unreadable(f"{what}: none of the exercises of '{wanted}' is in it. {HAND_IN}")

    # What comes out

    def cells(self) -> tuple[PlannedCell, ...]:
        """The cells in the order in which they are run."""
        extras = self._extras()
        planned = list(extras.get("", ()))
        for cell in self._assignment.cells:
            source = self._solution_source(cell) if cell.role == "solution" else cell.released
            planned.append(PlannedCell(cell.id, cell.cell_type, cell.role, source))
            planned += extras.get(cell.id, ())
        return tuple(planned)

    def _solution_source(self, solution: Cell) -> str:
        pieces = self._pieces[solution.id]
        if pieces:
            for index in pieces:
                if self._raw.cells[index].cell_type != "code":
                    self._note("not code", solution.id)
            texts = [self._own_work(self._raw.cells[index].source) for index in pieces]
            return "\n\n".join([texts[0], *map(_without_cell_magic, texts[1:])])
        if solution.id in self._host:
            return f"# This solution stands in the cell '{self._host[solution.id]}'."
        self._note("missing solution", solution.id)
        return solution.released

    def _own_work(self, source: str) -> str:
        """A solution without the instructor's check statements that a student joined to it."""
        body = names.statements(source)
        lines = source.split("\n")
        for before, node, after in zip([None, *body], body, [*body[1:], None], strict=False):
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            alone = (before is None or (before.end_lineno or before.lineno) <= first) and (
                after is None or after.lineno > last
            )
            judging = isinstance(node, _REPEATABLE) and _unparse(node) in self._judging_statements
            if alone and judging and len(body) > 1:
                lines[first:last] = [""] * (last - first)
        return "\n".join(lines).strip("\n")

    def _extras(self) -> dict[str, list[PlannedCell]]:
        """The student's own cells by the id of the assignment's cell that they follow ("": none)."""
        extras: dict[str, list[PlannedCell]] = {}
        anchor = ""
        count = 0

        def add(after: str, cell_type: str, source: str) -> None:
            nonlocal count
            count += 1
            if count <= MOST_EXTRA_CELLS:
                cell = PlannedCell(f"extra-{count:02d}", cell_type, "extra", source)
                extras.setdefault(after, []).append(cell)

        for owner, lines in self._added.items():
            add(owner, "code", "\n".join(lines))
        for index, cell in enumerate(self._raw.cells):
            if index in self._owner:
                anchor = self._owner[index]
            elif cell.cell_type != "code":
                if cell.source.strip():
                    add(anchor, "markdown", cell.source)
            elif cell.source.strip() and not self._is_course_copy(cell):
                add(anchor, "code", cell.source)
        if count > MOST_EXTRA_CELLS:
            self._note("too many", str(count - MOST_EXTRA_CELLS))
        return extras

    def _is_course_copy(self, cell: RawCell) -> bool:
        """Whether every statement is one of the instructor's: copied checks, alone or several in a cell."""
        nodes = names.statements(cell.source)
        return bool(nodes) and all(_unparse(node) in self._course_statements for node in nodes)

    # What is said about it

    @property
    def _other_edition(self) -> bool:
        return bool(self._raw.edition) and self._raw.edition != self._assignment.edition

    def _note(self, kind: str, cell: str) -> None:
        concerned = self._notes.setdefault(kind, [])
        if cell not in concerned:
            concerned.append(cell)

    def repairs(self) -> list[str]:
        """What was mended, in plain sentences."""
        said = []
        if self._label_was_lost:
            said.append(
                "The notebook had lost nbgrader's labels (Colab and some editors drop them); "
                "the cells were recognised by their ids and content."
            )
        if self._other_edition:
            said.append("The notebook was made from another edition of the assignment.")
        for kind, sentence in _REPAIRS.items():
            concerned = self._notes.get(kind, [])
            if kind == "edited":
                concerned = [c for c in concerned if self._other_edition or self._known[c].role not in JUDGES]
            if concerned:
                said.append(sentence.format(_listed(concerned)))
        present = set(self._owner.values())
        gone = [c.id for c in self._assignment.cells if c.role in JUDGES and c.id not in present]
        if gone:
            said.append(f"Check cells that were missing were put back: {_listed(gone)}.")
        gone = [c.id for c in self._assignment.cells if c.role in ("setup", "given") and c.id not in present]
        if gone:
            said.append(f"Cells of the course that were missing were put back: {_listed(gone)}.")
        firsts: dict[str, int] = {}
        for index, owner in sorted(self._owner.items()):
            if self._known[owner].role in ("solution", "setup", "given"):
                firsts.setdefault(owner, index)
        places = [self._order[owner] for owner in firsts]
        if places != sorted(places):
            said.append("The cells were in another order; they were run in the order of the assignment.")
        return said

    def tampering(self) -> list[str]:
        """What looks like an attempt to change the grading, in plain sentences."""
        said = []
        judges = [c for c in self._notes.get("edited", []) if self._known[c].role in JUDGES]
        if judges and not self._other_edition:
            said.append(f"Check cells were edited; the originals were used: {_listed(judges)}.")
        if leaked := self._notes.get("leaked"):
            said.append(f"Hidden checks, which students do not get, are in the file: {_listed(leaked)}.")
        points, marks, tags, faked = [], [], [], []
        for index, cell in enumerate(self._raw.cells):
            given = self._known.get(cell.grade_id)
            if given is None:
                if cell.mark("grade") is True:
                    faked.append(cell.grade_id or cell.id or f"number {index + 1}")
            elif not self._other_edition:
                graded = given.role in GRADED
                worth = cell.mark("points")
                if graded and worth is not None and worth != given.points:
                    points.append(given.id)
                wrong = cell.mark("grade") not in (None, graded)
                if wrong or cell.mark("solution") not in (None, given.role == "solution"):
                    marks.append(given.id)
            if given is not None and set(cell.tags) & (EXCUSING_TAGS - set(given.tags)):
                tags.append(given.id)
        if points:
            said.append(f"The points of cells were changed; the originals count: {_listed(points)}.")
        if marks:
            said.append(f"The labels of cells were changed; the originals count: {_listed(marks)}.")
        if tags:
            said.append(f"Tags that skip or excuse a cell were added and ignored: {_listed(tags)}.")
        if faked:
            said.append(f"Added cells claim to be graded checks; they are not: {_listed(faked)}.")
        return said


_REPAIRS = {
    "unlabelled": "Solutions were found by the names they define: {}.",
    "elsewhere": "Solutions stood in other cells than theirs and were found by the names they define: {}.",
    "alike": "Solutions were found by their likeness to what was handed out: {}.",
    "split": "Solutions in several cells were joined: {}.",
    "merged": "Solutions stood together with another one in a single cell: {}.",
    "copied": "Cells that were there more than once were used once: {}.",
    "not code": "Solutions in text cells were run as code: {}.",
    "missing solution": "Solutions that were missing count as not written: {}.",
    "edited": "Cells of the course were changed; the course's own text was used: {}.",
    "too many": f"More than {MOST_EXTRA_CELLS} cells were added; {{}} of them were left out.",
}


def _main(solution: Cell) -> tuple[str, ...]:
    """The names by which a solution is recognised."""
    return (solution.exercise,) if solution.exercise in solution.defines else solution.defines


def _plain(source: str) -> str:
    """The text without what editors change on their own: spaces at line ends, blank lines around it."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip()


def _lines(source: str) -> list[str]:
    return [line.strip() for line in source.splitlines()[:200] if line.strip()]


def _unparse(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return ""


def _without_cell_magic(source: str) -> str:
    """A later piece of a joined cell: cell magics only work in a cell's first line."""
    first, _, rest = source.lstrip().partition("\n")
    return rest if first.split(" ")[0] in _TIMING_MAGICS else source


def _listed(cells: Sequence[str]) -> str:
    """Names for a sentence: printable, quoted, not too many."""
    shown = ["'" + "".join(c if c.isprintable() else "?" for c in cell)[:40] + "'" for cell in cells[:8]]
    more = f" and {len(cells) - 8} more" if len(cells) > 8 else ""
    return ", ".join(shown) + more
