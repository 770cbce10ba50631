"""Writes the frame of a new exercise: cells, cases and misconceptions to be replaced one after the other.

The frame builds as it is; `mutation` fails until every placeholder has become a mistake that the cases catch.
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .assignment import SOLUTIONS, AssignmentError, assignments
from .cases import PLACEHOLDER
from .engine import write_whole
from .source import read

CELLS = '''
# %% [markdown]
# ## {todo}: a question that {name} answers
#
# {todo}: a picture, and what the student should see in it.


# %% solution="{name}"
def {name}(x):
    """{todo}: what it does, in one sentence.

    Args:
        x: array (N, C, H, W). Not modified.

    Returns:
        {todo}: array (N, C, H, W), the dtype of x.
    """
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% check="{name}" points=0
checks.run("{name}", {name})

# %% hidden="{name}" points=0
# Hidden cases: {todo}, what they look at.
checks.run("{name}", {name}, hidden=True)

'''

CASES = """\
def {name}() -> Exercise:
    a = Arrays("{name}")
    return Exercise(
        "{name}",
        [
            visible("{todo}: small enough to work out by hand", np.array([[[[1.0, -2.0, 3.0]]]])),
            hidden("{todo}: a batch that is not square", a(2, 3, 4, 5)),
        ],
    )


"""

MISCONCEPTION = """

@wrong("{name}", "{todo}: {which} mistake", "{todo}: what a good teacher says to it.")
def _(x):
    return {code}
"""
MISTAKES = (("first", "x"), ("second", "3 * x"), ("third", "-2 * x"), ("fourth", "2 * x + 1"))


@dataclass(frozen=True)
class Scaffold:
    """Where the frame of an exercise was written."""

    files: tuple[Path, ...]
    line: int  # of the first new cell in the source


def new_exercise(root: Path, notebook: str, name: str) -> Scaffold:
    """Write the frame of an exercise behind the section of the last exercise of a notebook.

    It is worth 0 points at first, so that those of the notebook still add up to 100.

    Args:
        root: the course.
        notebook: name of the assignment.
        name: of the new function.

    Raises:
        AssignmentError: there is no such notebook, its source has mistakes, or the name cannot be taken.
    """
    if notebook not in assignments(root):
        raise AssignmentError(f"There is no {notebook}. There is: {', '.join(assignments(root))}.")
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or name.startswith("_"):
        raise AssignmentError(f"{name!r} cannot be the name of an exercise: it must be that of a function")
    folder = root / SOLUTIONS / notebook
    paths = tuple(folder / file for file in (f"{notebook}.py", "cases.py", "misconceptions.py"))
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise AssignmentError(f"{folder} has no {', '.join(missing)}")
    source, problems = read(paths[0])
    if problems:
        raise AssignmentError(f"{paths[0].name}: {problems[0]}. Mend this first.")
    cases = paths[1].read_text(encoding="utf-8")
    taken = {cell.id for cell in source.cells} | {cell.exercise for cell in source.cells}
    if name in taken or f"def {name}(" in source.text + cases:
        raise AssignmentError(f"{notebook} has {name!r} already: choose another name")
    exercises = [
        place
        for place, cell in enumerate(source.cells)
        if cell.role == "hidden" and not cell.exercise.startswith("quiz")
    ]
    rest = source.cells[exercises[-1] + 1 :] if exercises else source.cells[1:]
    # Not into the middle of a section: what stands behind its exercise belongs to it.
    sections = [cell for cell in rest if cell.role == "text" and cell.source.startswith("## ")]
    after = sections or rest
    lines = source.text.split("\n")
    place = after[0].line - 1 if after else len(lines)
    lines[place:place] = [*_filled(CELLS, name).strip("\n").split("\n"), ""]
    write_whole(paths[1], _with_case(cases, name))
    mistakes = [_filled(MISCONCEPTION, name, which=which, code=code) for which, code in MISTAKES]
    write_whole(paths[2], paths[2].read_text(encoding="utf-8").rstrip("\n") + "\n" + "".join(mistakes))
    write_whole(paths[0], "\n".join(lines))
    return Scaffold(paths, place + 1)


def _filled(text: str, name: str, **words: str) -> str:
    return text.format(name=name, todo=PLACEHOLDER, **words)


def _with_case(cases: str, name: str) -> str:
    """cases.py with the new exercise's function and its place in EXERCISES."""
    head, found, rest = cases.partition("\nEXERCISES = [")
    listed, closed, tail = rest.partition("]\n")
    if not found or not closed:
        raise AssignmentError("cases.py has no line that begins EXERCISES = [")
    entry = f"    {name}(),\n"
    listed = listed + entry if listed.endswith("\n") else f"\n{entry}"
    return f"{head}\n{_filled(CASES, name)}EXERCISES = [{listed}{closed}{tail}"


def next_steps(made: Scaffold, notebook: str, name: str) -> Sequence[str]:
    """What the author does now, for the terminal."""
    return [
        *(f"written: {path}" for path in made.files),
        f"Replace every {PLACEHOLDER} (the cells begin in line {made.line} of {made.files[0].name}), then",
        f"    python -m autograder build {notebook} && python -m autograder mutation {notebook} {name}",
    ]
