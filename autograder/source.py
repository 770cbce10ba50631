"""Reads the text source of an assignment (percent format) into cells with roles, and finds its mistakes.

A cell's role stands in its header, for example ``# %% check="conv2d" points=3``; see `ROLES`.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

from . import names
from .markdown import headings
from .roles import GRADED, JUDGES, ROLES

TOTAL_POINTS = 100
DEFAULT_STUB = 'raise NotImplementedError("Replace this line by your code")'
KEEP_OUTPUT = "keep-output"
NBVAL_CHECK = "nbval-check-output"
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
REGRESSION_POINTS_ID = "regression"
COMMENT_WIDTH = 88  # characters of a line that students read, so that it needs no scrolling

_OTHER_KEYS = {"points", "stub", "tags"}
_JUPYTEXT_KEYS = {"lines_to_next_cell", "lines_to_end_of_cell_marker"}  # how jupytext remembers blank lines
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,55}")


@dataclass(frozen=True)
class SourceCell:
    """One cell as its author wrote it."""

    id: str
    role: str  # "text" or a key of ROLES
    source: str
    exercise: str = ""  # what a solution, check or hidden cell belongs to
    points: float = 0.0
    tags: tuple[str, ...] = ()
    stub: str = DEFAULT_STUB  # what the student finds in place of the solution
    line: int = 0  # of the header in the file, from 1; 0 where unknown

    @property
    def place(self) -> str:
        """Where the author finds the cell."""
        return f"cell '{self.id}'" + (f" (line {self.line})" if self.line else "")


@dataclass(frozen=True)
class Source:
    """A whole source file."""

    name: str
    cells: tuple[SourceCell, ...]
    metadata: dict[str, Any]  # the notebook's: title, kernelspec, course.limits
    text: str


def read(path: Path) -> tuple[Source, list[str]]:
    """Read a percent-format file; return it together with everything that is wrong with it, one line each."""
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    headers = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"# ?%%", line)]
    lines = headers if len(headers) == len(notebook.cells) else [0] * len(notebook.cells)
    problems: list[str] = []
    cells = []
    texts = 0
    for node, line in zip(notebook.cells, lines, strict=True):
        if node.cell_type != "code":
            texts += 1
            tags = tuple(node.metadata.get("tags", ()))
            cells.append(SourceCell(f"text-{texts:02d}", "text", node.source, tags=tags, line=line))
            continue
        header = {key: value for key, value in node.metadata.items() if key not in _JUPYTEXT_KEYS}
        if node.source.strip() or header:
            cells.append(_code_cell(header, node.source.strip("\n"), line, problems))
    metadata = {key: value for key, value in notebook.metadata.items() if key != "jupytext"}
    source = Source(path.stem, tuple(cells), metadata, text)
    return source, problems + _problems(source)


def _code_cell(header: dict[str, Any], text: str, line: int, problems: list[str]) -> SourceCell:
    roles = [role for role in ROLES if role in header]
    where = f"the cell in line {line}" if line else f"the cell that begins {text[:40]!r}"
    unknown = sorted(set(header) - set(ROLES) - _OTHER_KEYS)
    if unknown:
        problems.append(f"{where}: unknown word {', '.join(map(repr, unknown))} in its header")
    if len(roles) != 1:
        found = "no role" if not roles else f"{len(roles)} roles ({', '.join(roles)})"
        problems.append(f"{where}: has {found}; it needs exactly one of: {'; '.join(ROLES.values())}")
        return SourceCell(f"line-{line}", "given", text, line=line)
    role, value = roles[0], header[roles[0]]
    exercise, points = "", header.get("points")
    if role == "setup":
        identity = "setup"
    elif role == "regression_points":
        identity, points = REGRESSION_POINTS_ID, value
    else:
        identity = f"{role}_{value}" if role in ("check", "hidden") else str(value)
        exercise = str(value) if role in ("solution", "check", "hidden") else ""
        if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
            problems.append(f"{where}: {role}={value!r} is not a name of letters, digits, _ and -")
    if role not in GRADED and points is not None:
        problems.append(f"{where}: points belong to check and hidden cells, not to a {role} cell")
    if "stub" in header and role != "solution":
        problems.append(f"{where}: only a solution cell has a stub")
    if role in GRADED and (isinstance(points, bool) or not isinstance(points, (int, float)) or points < 0):
        wrong = "has no points" if points is None else f"points={points!r} is not a number from 0 up"
        problems.append(f"{where} ({identity}): {wrong}")
        points = None
    tags = header.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        problems.append(f'{where}: tags must be written tags=["one", "two"]')
        tags = []
    return SourceCell(
        identity,
        role,
        text,
        exercise,
        float(points or 0),
        tuple(tags),
        str(header.get("stub", DEFAULT_STUB)),
        line,
    )


def _problems(source: Source) -> list[str]:
    """What is wrong between the cells, in the order of the file."""
    problems = []
    seen: dict[str, SourceCell] = {}
    for cell in source.cells:
        if cell.id in seen:
            problems.append(f"{cell.place}: the id is already taken by {seen[cell.id].place}")
        seen.setdefault(cell.id, cell)
    if [cell.role for cell in source.cells].count("setup") != 1:
        problems.append("there must be exactly one setup cell")
    problems += _exercise_problems(source)
    problems += _name_problems(source) + _heading_problems(source)
    total = sum(cell.points for cell in source.cells)
    if total != TOTAL_POINTS:
        problems.append(f"the points sum to {total:g}, not to {TOTAL_POINTS}")
    return problems


def _exercise_problems(source: Source) -> list[str]:
    problems = []
    solved: set[str] = set()
    checked = {cell.exercise for cell in source.cells if cell.role in ("check", "hidden")}
    for cell in source.cells:
        if cell.role == "solution":
            solved.add(cell.exercise)
            problems += [f"{cell.place}: {wrong}" for wrong in _marker_problems(cell)]
            if cell.exercise not in checked:
                problems.append(f"{cell.place}: no check or hidden cell looks at this exercise")
        elif cell.role in ("check", "hidden") and cell.exercise not in solved:
            problems.append(f"{cell.place}: no solution cell {cell.exercise!r} comes before it")
        elif "BEGIN SOLUTION" in cell.source:
            problems.append(f"{cell.place}: a solution block in a {cell.role} cell would reach the students")
        if cell.role in ("hidden", "regression_points") and "HIDDEN TESTS" in cell.source:
            problems.append(f"{cell.place}: leave out BEGIN/END HIDDEN TESTS, the build writes them")
    roles = [cell.role for cell in source.cells]
    if "regression" in roles and "regression_points" not in roles:
        problems.append("there are regression cells but no regression_points cell that pays for them")
    if "regression_points" in roles:
        after = roles[roles.index("regression_points") :]
        if "regression" not in roles or "regression" in after:
            problems.append("the regression_points cell must come after all regression cells")
    return problems


def _marker_problems(cell: SourceCell) -> list[str]:
    open_block = False
    blocks = 0
    for line in cell.source.splitlines():
        if "BEGIN SOLUTION" in line:
            if open_block:
                return ["a solution block begins inside another one"]
            open_block, blocks = True, blocks + 1
        elif "END SOLUTION" in line:
            if not open_block:
                return [f"{END_SOLUTION} without {BEGIN_SOLUTION}"]
            open_block = False
    if open_block:
        return [f"{BEGIN_SOLUTION} without {END_SOLUTION}"]
    if not blocks:
        return [f"has no {BEGIN_SOLUTION} / {END_SOLUTION}: students would get the solution"]
    if names.parse(cell.source) is None:
        return ["is not valid Python"]
    if names.parse(without_solution(cell.source, cell.stub)) is None:
        return ["what is left for the student is not valid Python"]
    return []


def _name_problems(source: Source) -> list[str]:
    """Names used where grading will not have them."""
    problems = []
    setup: set[str] = set()
    solutions: set[str] = set()
    passing: dict[str, SourceCell] = {}  # last bound by a figure or regression cell: not there under grading
    for cell in source.cells:
        if cell.role == "text":
            continue
        own, read = set(names.defined(cell.source)), names.read_first(cell.source)
        if names.parse(cell.source) is None and cell.role != "solution":
            problems.append(f"{cell.place}: is not valid Python")
        if cell.role != "figure":
            for name in sorted(read & set(passing)):
                first = passing[name]
                problems.append(
                    f"{cell.place}: uses {name!r} as the {first.role} {first.place} defines it; "
                    f"{first.role} cells do not run in the student's process when grading"
                )
        if cell.role in JUDGES:
            strange = read - setup - solutions - names.BUILTINS - set(passing)
            for name in sorted(strange):
                problems.append(
                    f"{cell.place}: uses {name!r}; a {cell.role} cell may use only names of the setup cell, "
                    "names that solution cells before it define at top level, and its own"
                )
        if KEEP_OUTPUT in cell.tags:
            for name in sorted(read & solutions):
                problems.append(
                    f"{cell.place}: its output is kept in the release, but it uses {name!r} of a solution"
                )
        if cell.role == "setup":
            setup |= own
        if cell.role == "solution":
            solutions |= own
        if cell.role in ("figure", "regression"):
            passing.update(dict.fromkeys(own, cell))
        elif cell.role in ("setup", "given", "solution"):
            for name in own:
                passing.pop(name, None)
    return problems


def _heading_problems(source: Source) -> list[str]:
    """Headings that skip a level: who hears the page is led by the levels."""
    problems = []
    above = 0
    for cell in source.cells:
        for level, words in headings(cell.source) if cell.role == "text" else ():
            if above and level > above + 1:
                found = f"{'#' * level} {words}"
                problems.append(
                    f"{cell.place}: the heading {found!r} skips a level: write {'#' * (above + 1)}"
                )
            above = level
    return problems


def without_solution(text: str, stub: str) -> str:
    """The text of a solution cell as the student gets it: each solution block replaced by the stub.

    An empty stub leaves nothing in its place.
    """
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        if "BEGIN SOLUTION" in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + part for part in stub.split("\n")] if stub else []
        elif "END SOLUTION" in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def with_hidden_marks(text: str) -> str:
    """The text of a hidden cell with nbgrader's marks around all but its leading comment lines.

    These lines are what students see: they are wrapped so that a window of usual width shows them whole.
    """
    lines = text.strip("\n").split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    while start and not lines[start - 1].strip():
        del lines[start - 1]
        start -= 1
    return "\n".join([*_wrapped(lines[:start]), BEGIN_HIDDEN, *lines[start:], END_HIDDEN])


def _wrapped(comment: list[str]) -> list[str]:
    """Comment lines with each paragraph filled anew; lines of lists and drawings stay as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    for line in [*comment, ""]:
        if re.match(r"# [^\s*|+-]", line):
            paragraph.append(line[2:])
            continue
        if paragraph:
            lines += textwrap.wrap(
                " ".join(paragraph),
                COMMENT_WIDTH,
                initial_indent="# ",
                subsequent_indent="# ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            paragraph = []
        lines.append(line)
    return lines[:-1]
