"""The main job on real input: every notebook's demo class, graded by us and by nbgrader's own commands.

Our engine grades all of it. nbgrader's own commands, which take far longer, grade the whole class of notebook 1
and two students of the others: the same code grades there, and these two have a wrong notebook, and one
without metadata.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder import demo
from autograder.classroom import Outcome, grade_and_record
from autograder.sandbox import detect

ROOT = Path(__file__).resolve().parents[1]
WHOLE_CLASS_BY_NBGRADER = "01_convolution"
SOME = ("dijkstra", "noether")

pytestmark = [
    pytest.mark.skipif(not detect().works, reason=f"no sandbox: {detect().words}"),
    pytest.mark.timeout(600),
]


@dataclass(frozen=True)
class Graded:
    """A demo class, what is expected of it, and how it came out."""

    name: str
    expected: list[demo.Expected]
    outcome: Outcome


@pytest.fixture(scope="module", params=demo.assignments(ROOT))
def graded(request, tmp_path_factory) -> Graded:
    """One notebook's demo class, graded once for all tests of this file."""
    folder = tmp_path_factory.mktemp("demo")
    expected = demo.make(ROOT, folder, request.param)
    return Graded(request.param, expected, grade_and_record(ROOT, folder, request.param))


def gradebook_scores(path: Path, name: str) -> dict[str, tuple[float, float]]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        return {row.student_id: (row.score, row.max_score) for row in gradebook.assignment_submissions(name)}


def test_all_sixteen_come_out_as_expected(graded):
    assert len(graded.outcome.grades) == 16
    assert demo.compare(graded.expected, graded.outcome.grades) == []


def test_the_gradebook_holds_the_same_scores(graded):
    scores = {grade.student: (grade.score, grade.max_score) for grade in graded.outcome.grades}
    assert gradebook_scores(graded.outcome.folder / "gradebook.db", graded.name) == scores


def test_everybody_gets_a_feedback_page_that_shows_no_hidden_test(graded):
    for grade in graded.outcome.grades:
        place = Path("feedback", grade.student, graded.name, f"{graded.name}.html")
        page = (graded.outcome.folder / place).read_text()
        assert "hidden=True" not in page
        assert "BEGIN HIDDEN TESTS" not in page
        assert "BEGIN SOLUTION" not in page


def test_the_report_names_every_student(graded):
    page = graded.outcome.report.read_text()
    assert all(grade.student in page for grade in graded.outcome.grades)
    assert not re.search(r"""(src|href)=["']https?://""", page)  # one file, no network


def test_graded_notebooks_hold_neither_solutions_nor_hidden_tests(graded):
    reference = json.loads((ROOT / "solutions" / graded.name / f"{graded.name}.ipynb").read_text())
    hidden = [cell for cell in reference["cells"] if cell["id"].startswith("hidden_")]
    assert hidden
    for grade in graded.outcome.grades:
        place = Path("autograded", grade.student, graded.name, f"{graded.name}.ipynb")
        for cell in json.loads((graded.outcome.folder / place).read_text())["cells"]:
            assert "hidden=True" not in "".join(cell["source"]) or cell["id"].startswith("extra")


def test_nbgraders_own_commands_give_the_same_scores(graded, tmp_path):
    """`nbgrader autograde` and `generate_feedback`, as an instructor types them in the repository's root."""
    name, folder = graded.name, graded.outcome.folder
    scores = gradebook_scores(folder / "gradebook.db", name)
    students = sorted(scores) if name == WHOLE_CLASS_BY_NBGRADER else SOME
    for student in students:
        shutil.copytree(folder / "submitted" / student, tmp_path / "submitted" / student)
    folders = [
        f"--CourseDirectory.{step}_directory={tmp_path / step}"
        for step in ("submitted", "autograded", "feedback")
    ]
    database = f"--CourseDirectory.db_url=sqlite:///{tmp_path / 'gradebook.db'}"
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
        "JUPYTER_DATA_DIR": str(tmp_path / "jupyter"),
    }
    for command in ("autograde", "generate_feedback"):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, name, *folders, database],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    theirs = gradebook_scores(tmp_path / "gradebook.db", name)
    assert theirs == {student: scores[student] for student in students}
    assert len(list((tmp_path / "feedback").glob(f"*/{name}/{name}.html"))) == len(students)
