"""Finds out which cell of a file that a student handed in is which cell of the assignment.

By its label (nbgrader's grade_id), then by the cell's id, then by equal text, then by the names it defines,
then by its likeness to what was handed out.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from functools import cached_property, lru_cache

from . import names
from .assignment import Assignment, Cell
from .notebook_file import RawCell, RawNotebook
from .roles import JUDGES, ROLES

ALIKE = 0.5  # share of equal lines from which a cell without label counts as the solution's
MOST_COMPARED = 40  # cells compared with a solution; more would let a file keep the grader busy
REPEATABLE = (ast.Expr, ast.Assert, ast.Import, ast.ImportFrom)  # statements that do no harm if left out


class Matching:
    """Matches the cells of one file with those of the assignment. Cells of the file go by their index."""

    def __init__(self, assignment: Assignment, raw: RawNotebook) -> None:
        self.assignment = assignment
        self.raw = raw
        self.known = {cell.id: cell for cell in assignment.cells}
        self.order = {cell.id: place for place, cell in enumerate(assignment.cells)}
        self.solutions = [cell for cell in assignment.cells if cell.role == "solution"]
        self.owner: dict[int, str] = {}  # cell of the file -> cell of the assignment
        self.notes: dict[str, list[str]] = {}  # kind of repair -> cells concerned
        self._defined: dict[int, frozenset[str]] = {}  # cell of the file -> names it defines
        self._label()
        self.pieces: dict[str, list[int]] = {
            cell.id: [i for i, owner in sorted(self.owner.items()) if owner == cell.id]
            for cell in self.solutions
        }
        self.added: dict[str, list[str]] = {}  # lines that a student wrote into a setup or given cell
        self._look_into_instructor_cells()
        self._find_solutions()
        self.host = self._merge()

    def _label(self) -> None:
        """Assign cells of the file by grade_id, by id, and by equal text."""
        taken: set[str] = set()
        for index, cell in enumerate(self.raw.cells):
            found = next((key for key in (cell.grade_id, cell.id) if key in self.known), "")
            # Texts are numbered: in another edition the number belongs to another text.
            if found and not (self.other_edition and self.known[found].role == "text"):
                self.owner[index] = found
                taken.add(found)
        for index, cell in enumerate(self.raw.cells):
            if index not in self.owner and cell.source.strip():
                alike = self._texts.get(plain(cell.source), [])
                if not alike and cell.cell_type == "code":
                    alike = self._normal_forms.get(names.normal_form(cell.source), [])
                if alike:
                    found = next((name for name in alike if name not in taken), alike[0])
                    self.owner[index] = found
                    taken.add(found)
        self.label_was_lost = not any(cell.grade_id in self.known for cell in self.raw.cells)

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        """Text of each cell as handed out -> the ids of the cells that have it."""
        texts: dict[str, list[str]] = {}
        for cell in self.assignment.cells:
            texts.setdefault(plain(cell.released), []).append(cell.id)
        return texts

    @cached_property
    def _normal_forms(self) -> dict[str, list[str]]:
        """Normal form of each code cell as handed out -> the ids of the cells that have it."""
        forms: dict[str, list[str]] = {}
        for cell in self.assignment.cells:
            if cell.cell_type == "code" and cell.released.strip():
                forms.setdefault(names.normal_form(cell.released), []).append(cell.id)
        return forms

    @cached_property
    def course_statements(self) -> frozenset[str]:
        """The calls, assertions and imports in the instructor's code cells, in normal form."""
        return self._statements(role for role in ROLES if role != "solution")

    @cached_property
    def judging_statements(self) -> frozenset[str]:
        """The calls and assertions in the check and regression cells, in normal form."""
        return self._statements(JUDGES)

    def _statements(self, roles: Iterable[str]) -> frozenset[str]:
        chosen = set(roles)
        own = (cell for cell in self.assignment.cells if cell.role in chosen)
        nodes = (node for cell in own for node in names.statements(cell.released))
        return frozenset(unparse(node) for node in nodes if isinstance(node, REPEATABLE))

    def _look_into_instructor_cells(self) -> None:
        """Note what was changed, copied or added there; free cells that hold the student's own work."""
        seen: set[str] = set()
        for index, owner in sorted(self.owner.items()):
            cell, given = self.raw.cells[index], self.known[owner]
            if given.role in ("text", "solution"):
                continue
            if owner in seen:
                self.note("copied", owner)
            seen.add(owner)
            if self._same(cell, given):
                continue
            if given.role == "hidden" and plain(cell.source) == plain(given.source):
                self.note("leaked", owner)
                continue
            self.note("edited", owner)
            if self._names_of(index) & self._missing_names(given):
                del self.owner[index]  # a solution stands in the instructor's cell
            elif given.role in ("setup", "given") and not self.other_edition:
                before = {unparse(node) for node in names.statements(given.released)}
                added = [node for node in names.statements(cell.source) if unparse(node) not in before]
                kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
                lines = [unparse(node) for node in added if isinstance(node, kinds)]
                if lines:
                    self.added.setdefault(owner, []).extend(lines)

    def _missing_names(self, given: Cell) -> set[str]:
        """Names of solutions, without those that the instructor's cell defines itself."""
        return set(self.assignment.names_of_solutions()) - set(names.defined(given.released))

    def _same(self, cell: RawCell, given: Cell) -> bool:
        if cell.cell_type != given.cell_type:
            return False
        if cell.source == given.released or plain(cell.source) == plain(given.released):
            return True
        return names.normal_form(cell.source) == names.normal_form(given.released)

    def _find_solutions(self) -> None:
        """Fill in the solutions that no label leads to."""
        self._free_mislabelled()
        for solution in self.solutions:
            pieces = self.pieces[solution.id] = self._without_stubs(solution, self.pieces[solution.id])
            if not self._defines(solution, pieces):
                found = [i for i in self._free() if set(main(solution)) & self._names_of(i)]
                if found:
                    self.note("unlabelled" if self.label_was_lost else "elsewhere", solution.id)
                    own = [i for i in pieces if not self._is_stub(solution, i)]
                    self._take(solution, sorted({*own, *found}))
        for solution in self.solutions:
            if not self.pieces[solution.id]:
                alike = self._alike(solution)
                if alike is not None:
                    self.note("alike", solution.id)
                    self._take(solution, [alike])

    def _free_mislabelled(self) -> None:
        """Free cells with the label of one solution that define only another one."""
        defined = {s.id: self._defines(s, self.pieces[s.id]) for s in self.solutions}
        for solution in self.solutions:
            if defined[solution.id]:
                continue
            for index in list(self.pieces[solution.id]):
                others = [s for s in self.solutions if set(main(s)) & self._names_of(index)]
                if others and solution not in others and not any(defined[s.id] for s in others):
                    self.pieces[solution.id].remove(index)
                    del self.owner[index]

    def _take(self, solution: Cell, pieces: list[int]) -> None:
        self.pieces[solution.id] = pieces
        self.owner.update(dict.fromkeys(pieces, solution.id))

    def _free(self) -> list[int]:
        """Cells of the file that belong to nothing yet."""
        return [
            i for i, cell in enumerate(self.raw.cells) if i not in self.owner and cell.cell_type == "code"
        ]

    def _names_of(self, index: int) -> frozenset[str]:
        if index not in self._defined:
            self._defined[index] = frozenset(names.defined(self.raw.cells[index].source))
        return self._defined[index]

    def _is_stub(self, solution: Cell, index: int) -> bool:
        return plain(self.raw.cells[index].source) == plain(solution.released)

    def _defines(self, solution: Cell, pieces: Iterable[int]) -> bool:
        """Whether the pieces define what the exercise asks for, other than as it was handed out."""
        real = [i for i in pieces if not self._is_stub(solution, i)]
        return any(set(main(solution)) & self._names_of(i) for i in real)

    def _without_stubs(self, solution: Cell, pieces: list[int]) -> list[int]:
        """Leave out empty cells, second copies, and the untouched stub where there is real work beside it."""
        kept: dict[str, int] = {}
        for index in pieces:
            text = plain(self.raw.cells[index].source)
            if text:
                kept.setdefault(text, index)
        real = [index for index in kept.values() if not self._is_stub(solution, index)]
        if len(pieces) > 1:
            self.note("split" if len(real) > 1 else "copied", solution.id)
        return real or list(kept.values())[:1]

    def _alike(self, solution: Cell) -> int | None:
        """The free cell most like what was handed out for a solution."""
        best, found = ALIKE, None
        wanted = lines(solution.released)
        for index in self._free()[:MOST_COMPARED]:
            matcher = difflib.SequenceMatcher(None, wanted, lines(self.raw.cells[index].source), False)
            if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
                best, found = matcher.ratio(), index
        return found

    def _merge(self) -> dict[str, str]:
        """Solution -> the solution at whose place both stand, where a student joined two cells."""
        together: dict[str, list[str]] = {}  # solution with the text -> others that the text defines as well
        moved: set[str] = set()
        for solution in self.solutions:
            if self._defines(solution, self.pieces[solution.id]):
                continue
            for other in self.solutions:
                if other is solution or other.id in moved or solution.id in together:
                    continue
                if set(main(solution)) & {name for i in self.pieces[other.id] for name in self._names_of(i)}:
                    moved.add(solution.id)
                    together.setdefault(other.id, []).append(solution.id)
                    self.note("merged", solution.id)
                    break
        host: dict[str, str] = {}
        for holder, others in together.items():
            first = min([holder, *others], key=self.order.__getitem__)
            for member in (holder, *others):
                host[member] = first
                if member != holder:
                    self.pieces[member] = []
            self.pieces[first] = self.pieces[holder] if first == holder else self.pieces.pop(holder)
            self.pieces.setdefault(holder, [])
        return host

    def exercises(self) -> set[str]:
        """The solution and check cells of which anything is in the file."""
        return {o for o in self.owner.values() if self.known[o].role in ("solution", "check")}

    @property
    def other_edition(self) -> bool:
        """Whether the file was made from another edition of the assignment's source."""
        return bool(self.raw.edition) and self.raw.edition != self.assignment.edition

    def note(self, kind: str, cell: str) -> None:
        """Remember something to be said about a cell; the kinds stand in findings.py."""
        concerned = self.notes.setdefault(kind, [])
        if cell not in concerned:
            concerned.append(cell)


def main(solution: Cell) -> tuple[str, ...]:
    """The names by which a solution is recognised."""
    return (solution.exercise,) if solution.exercise in solution.defines else solution.defines


@lru_cache(maxsize=2048)
def plain(source: str) -> str:
    """The text without what editors change on their own: spaces at line ends, blank lines around it."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip()


def lines(source: str) -> list[str]:
    """The first lines that are not empty, without indentation."""
    return [line.strip() for line in source.splitlines()[:200] if line.strip()]


def unparse(node: ast.AST) -> str:
    """A statement in normal form; empty where it is nested too deeply."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return ""
