"""The main job on real input: the demo class of notebook 1, graded by us and by nbgrader's own commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder import demo
from autograder.classroom import Outcome, grade_and_record
from autograder.sandbox import detect

ROOT = Path(__file__).resolve().parents[1]
NAME = demo.ASSIGNMENT

pytestmark = [
    pytest.mark.skipif(not detect().works, reason=f"no sandbox: {detect().words}"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Outcome:
    """The demo class, graded once for all tests of this file."""
    folder = tmp_path_factory.mktemp("demo")
    demo.make(ROOT, folder)
    return grade_and_record(ROOT, folder, NAME)


def gradebook_scores(path: Path) -> dict[str, tuple[float, float]]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        return {row.student_id: (row.score, row.max_score) for row in gradebook.assignment_submissions(NAME)}


def test_all_sixteen_come_out_as_expected(graded):
    assert len(graded.grades) == 16
    expected = demo.read_expected(ROOT / "data" / "demo_class")
    assert demo.compare(expected, graded.grades) == []


def test_the_gradebook_holds_the_same_scores(graded):
    scores = {grade.student: (grade.score, grade.max_score) for grade in graded.grades}
    assert gradebook_scores(graded.folder / "gradebook.db") == scores


def test_everybody_gets_a_feedback_page_that_shows_no_hidden_test(graded):
    for grade in graded.grades:
        page = (graded.folder / "feedback" / grade.student / NAME / f"{NAME}.html").read_text()
        assert "hidden=True" not in page
        assert "BEGIN HIDDEN TESTS" not in page
        assert "BEGIN SOLUTION" not in page


def test_the_report_names_every_student(graded):
    page = graded.report.read_text()
    assert all(grade.student in page for grade in graded.grades)
    assert not re.search(r"""(src|href)=["']https?://""", page)  # one file, no network


def test_graded_notebooks_hold_neither_solutions_nor_hidden_tests(graded):
    reference = json.loads((ROOT / "solutions" / NAME / f"{NAME}.ipynb").read_text())
    hidden = [cell for cell in reference["cells"] if cell["id"].startswith("hidden_")]
    assert hidden
    for grade in graded.grades:
        for cell in grade.notebook["cells"]:
            assert "hidden=True" not in "".join(cell["source"]) or cell["id"].startswith("extra")


def test_nbgraders_own_commands_give_the_same_scores(graded, tmp_path):
    """`nbgrader autograde` and `generate_feedback`, as an instructor types them in the repository's root."""
    shutil.copytree(graded.folder / "submitted", tmp_path / "submitted")
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
            [sys.executable, "-m", "nbgrader", command, NAME, *folders, database],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert gradebook_scores(tmp_path / "gradebook.db") == gradebook_scores(graded.folder / "gradebook.db")
    assert len(list((tmp_path / "feedback").glob(f"*/{NAME}/{NAME}.html"))) == 16
