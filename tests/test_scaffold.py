"""A new exercise's frame builds as it is, and the audit fails until its placeholders are real mistakes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from autograder import mutation
from autograder.assignment import AssignmentError
from autograder.build import build
from autograder.scaffold import new_exercise

ROOT = Path(__file__).resolve().parents[1]
NAME = "01_small"
SOURCE = """\
# %% setup=true
import numpy as np
from utils import checks

print("Ready.")

# %% solution="first"
def first(x):
    \"\"\"Return x.\"\"\"
    ### BEGIN SOLUTION
    return np.array(x, copy=True)
    ### END SOLUTION


# %% hidden="first" points=100
# Hidden: one number.
assert first(1) == 1

# %% [markdown]
# The end.
"""
CASES = """\
import numpy as np

from autograder.cases import Arrays, Case, Exercise, Quiz, hidden, visible

EXERCISES = []

QUIZZES = []
"""
MISCONCEPTIONS = "from autograder.cases import Misconceptions\n\nwrong = Misconceptions()\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "course" / "solutions" / NAME
    folder.mkdir(parents=True)
    for file, text in ((f"{NAME}.py", SOURCE), ("cases.py", CASES), ("misconceptions.py", MISCONCEPTIONS)):
        (folder / file).write_text(text)
    root = tmp_path / "course"
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for shared in ("utils", "autograder"):
        (root / shared).symlink_to(ROOT / shared)
    return root


def replaced(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_the_frame_stands_between_two_sections(root: Path) -> None:
    """What stands behind the last exercise belongs to its section and stays there."""
    source = root / "solutions" / NAME / f"{NAME}.py"
    ending = '\n# %% figure="first_at_work"\nprint(1)\n\n# %% [markdown]\n# ## What comes next\n'
    source.write_text(SOURCE + ending)
    new_exercise(root, NAME, "double")
    text = source.read_text()
    places = [text.index(part) for part in ("first_at_work", 'solution="double"', "What comes next")]
    assert places == sorted(places)


def test_the_frame_builds_and_fails_the_audit_until_it_is_filled(root: Path) -> None:
    made = new_exercise(root, NAME, "double")
    assert build(root, NAME) == []
    cells = json.loads((root / "notebooks" / NAME / f"{NAME}.ipynb").read_text())["cells"]
    ids = [cell["id"] for cell in cells]
    assert ids[2:7] == ["hidden_first", "text-01", "double", "check_double", "hidden_double"]
    report = mutation.run(root, NAME, "double")
    assert not report.ok and len(report.audits[0].survivors_named) == 4
    _, cases, mistakes = made.files
    pairs = [(f"TODO: {which} mistake", which) for which in ("first", "second", "third", "fourth")]
    replaced(mistakes, *pairs)
    replaced(cases, ("TODO: small", "small"), ("TODO: a batch", "a batch"))
    assert mutation.run(root, NAME, "double").ok


MISTAKES = {
    "no points": (f"{NAME}.py", 'check="double" points=0', 'check="double"', r"\(check_double\): has no points"),
    "points that do not add up": (f"{NAME}.py", 'check="double" points=0', 'check="double" points=3', "sum to 103"),
    "an id twice": (f"{NAME}.py", '# %% hidden="double"', '# %% hidden="first"', "the id is already taken"),
    "no solution marks": (f"{NAME}.py", "    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "    return 2 * x", "students would get the solution"),
    "a mistake that passes": ("misconceptions.py", "return 3 * x", "return x + x", "no case tells 'TODO: second mistake'"),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_clear_line(root: Path, what: str) -> None:
    file, old, new, words = MISTAKES[what]
    new_exercise(root, NAME, "double")
    replaced(root / "solutions" / NAME / file, (old, new))
    problems = build(root, NAME)
    assert len(problems) == 1, problems
    assert re.search(words, problems[0]) and "\n" not in problems[0]


def test_a_release_that_gives_an_answer_away_is_not_built(root: Path) -> None:
    new_exercise(root, NAME, "double")
    figure = '# %% figure="shown" tags=["keep-output"]\nprint("return np.array(x, copy=" "True)")\n\n# %% [markdown]\n# The end.'
    replaced(root / "solutions" / NAME / f"{NAME}.py", ("# %% [markdown]\n# The end.", figure))
    (problem,) = build(root, NAME)
    assert "would give answers away" in problem and "'shown'" in problem


@pytest.mark.parametrize(
    ("notebook", "name", "words"),
    [
        ("02_none", "double", "There is no 02_none. There is: 01_small"),
        (NAME, "first", "has 'first' already"),
        (NAME, "2d", "cannot be the name"),
        (NAME, "class", "cannot be the name"),
    ],
)
def test_bad_names_are_refused_and_nothing_is_written(
    root: Path, notebook: str, name: str, words: str
) -> None:
    with pytest.raises(AssignmentError, match=words):
        new_exercise(root, notebook, name)
    assert (root / "solutions" / NAME / f"{NAME}.py").read_text() == SOURCE
