"""What is said about a file that a student handed in: what was mended, and what looks like tampering.

One plain sentence for each kind of thing, naming the cells; it stands in the student's feedback.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from . import names
from .matching import Matching
from .roles import GRADED, JUDGES

EXCUSING_TAGS = {"skip-execution", "raises-exception", "nbval-skip", "nbval-ignore-output"}
# Words that no exercise needs. Code can lie to the probes that look at it in its own process, or look answers
# up; that cannot be prevented, only shown to a person.
MEDDLING = re.compile(
    r"answers\.npz|hidden\.npz|\bprobes\b|\bimport[^\n]{0,80}\bstored\b|\bautograder\b|\bsettrace\b"
    r"|\b_getframe\b|\b(?:ast|input)_transformers|/proc/"
)  # every repetition has an end: the text may have been made to take long
REPAIRS = {
    "unlabelled": "Solutions were found by the names they define: {}.",
    "elsewhere": "Solutions stood in other cells than theirs and were found by the names they define: {}.",
    "alike": "Solutions were found by their likeness to what was handed out: {}.",
    "split": "Solutions in several cells were joined: {}.",
    "merged": "Solutions stood together with another one in a single cell: {}.",
    "copied": "Cells that were there more than once were used once: {}.",
    "not code": "Solutions in text cells were run as code: {}.",
    "missing solution": "Solutions that were missing count as not written: {}.",
    "edited": "Cells of the course were changed; the course's own text was used: {}.",
    "too many": "Very many cells were added; so many of them were left out: {}.",
}


def other_notebook(matching: Matching) -> str:
    """What to say of a file in which no exercise of the assignment is found."""
    wanted, other = matching.assignment.name, matching.raw.assignment
    if other == wanted:
        what = "Everything of the course has been deleted"
    else:
        what = f"This is the notebook {_listed([other])}" if other else "This is another notebook"
    return f"{what}: none of the exercises of '{wanted}' is in it."


def repairs(matching: Matching) -> list[str]:
    """What was mended, in plain sentences."""
    said = []
    if matching.label_was_lost:
        said.append(
            "The notebook had lost nbgrader's labels (Colab and some editors drop them); "
            "the cells were recognised by their ids and content."
        )
    if matching.other_edition:
        said.append("The notebook was made from another edition of the assignment.")
    notes = {**matching.notes, "edited": _edited(matching, matching.other_edition)}
    said += [sentence.format(_listed(notes[kind])) for kind, sentence in REPAIRS.items() if notes.get(kind)]
    if gone := _missing(matching, JUDGES):
        said.append(f"Check cells that were missing were put back: {_listed(gone)}.")
    if gone := _missing(matching, ("setup", "given")):
        said.append(f"Cells of the course that were missing were put back: {_listed(gone)}.")
    if _reordered(matching):
        said.append("The cells were in another order; they were run in the order of the assignment.")
    return said


def tampering(matching: Matching) -> list[str]:
    """What looks like an attempt to change the grading, in plain sentences."""
    edited = [cell for cell in matching.notes.get("edited", []) if matching.known[cell].role in JUDGES]
    points, marks, tags, faked = [], [], [], []
    for index, cell in enumerate(matching.raw.cells):
        given = matching.known.get(cell.grade_id)
        if given is None:
            if cell.mark("grade") is True:
                faked.append(_name(matching, index))
            continue
        if set(cell.tags) & (EXCUSING_TAGS - set(given.tags)):
            tags.append(given.id)
        if matching.other_edition:
            continue
        graded = given.role in GRADED
        if graded and cell.mark("points") not in (None, given.points):
            points.append(given.id)
        grade, solution = cell.mark("grade"), cell.mark("solution")
        if grade not in (None, graded) or solution not in (None, given.role == "solution"):
            marks.append(given.id)
    said = {
        "Check cells were edited; the originals were used": [] if matching.other_edition else edited,
        "Hidden checks, which students do not get, are in the file": matching.notes.get("leaked", []),
        "The points of cells were changed; the originals count": points,
        "The labels of cells were changed; the originals count": marks,
        "Tags that skip or excuse a cell were added and ignored": tags,
        "Added cells claim to be graded checks; they are not": faked,
        "Names that the checks use were given another meaning; the checks use their own": _shadowed(matching),
    }
    said["Code that has to do with the checks rather than with the exercises; a person should look"] = [
        _name(matching, index)
        for index, cell in enumerate(matching.raw.cells)
        if cell.cell_type == "code" and MEDDLING.search(cell.source) and not _has_such_words(matching, index)
    ]
    return [f"{words}: {_listed(cells)}." for words, cells in said.items() if cells]


def _shadowed(matching: Matching) -> list[str]:
    """Cells that define, or set attributes of, what the checks import."""
    imported = {
        name
        for cell in matching.assignment.cells
        if cell.role == "setup"
        for node in names.statements(cell.released)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in names.binds(node)
    }
    suspects = {
        index: found
        for index, cell in enumerate(matching.raw.cells)
        if cell.cell_type == "code"
        and not _is_as_given(matching, index)
        and (found := names.overridden(cell.source) & imported)
    }
    if not suspects:  # nearly always; to read all the checks takes longer than to grade some of them
        return []
    judged = {
        name
        for cell in matching.assignment.cells
        if cell.role in JUDGES
        for name in names.read_first(cell.released)
    }
    return [_name(matching, index) for index, found in suspects.items() if found & judged]


def _name(matching: Matching, index: int) -> str:
    """What a cell of the file is called in a sentence."""
    cell = matching.raw.cells[index]
    return cell.grade_id or cell.id or f"number {index + 1}"


def _is_as_given(matching: Matching, index: int) -> bool:
    """Whether a cell holds the very text that was handed out."""
    owner = matching.owner.get(index)
    return owner is not None and matching.raw.cells[index].source == matching.known[owner].released


def _has_such_words(matching: Matching, index: int) -> bool:
    """Whether a cell holds words of `MEDDLING` as it was handed out."""
    owner = matching.owner.get(index)
    return owner is not None and bool(MEDDLING.search(matching.known[owner].released))


def _edited(matching: Matching, all_of_them: bool) -> list[str]:
    """Cells of the course that were changed; those that judge are tampering unless the edition is another."""
    edited = matching.notes.get("edited", [])
    return [cell for cell in edited if all_of_them or matching.known[cell].role not in JUDGES]


def _missing(matching: Matching, roles: Sequence[str]) -> list[str]:
    present = set(matching.owner.values())
    return [cell.id for cell in matching.assignment.cells if cell.role in roles and cell.id not in present]


def _reordered(matching: Matching) -> bool:
    firsts: dict[str, int] = {}
    for index, owner in sorted(matching.owner.items()):
        if matching.known[owner].role in ("solution", "setup", "given"):
            firsts.setdefault(owner, index)
    places = [matching.order[owner] for owner in firsts]
    return places != sorted(places)


def _listed(cells: Sequence[str]) -> str:
    """Names for a sentence: printable, quoted, not too many."""
    shown = ["'" + "".join(c if c.isprintable() else "?" for c in cell)[:40] + "'" for cell in cells[:8]]
    more = f" and {len(cells) - 8} more" if len(cells) > 8 else ""
    return ", ".join(shown) + more
