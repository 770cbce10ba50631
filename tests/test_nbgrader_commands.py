"""nbgrader's own commands, in a course folder with our configuration."""

from __future__ import annotations

import copy
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.application import NoStart
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderApp
from nbgrader.apps.api import NbGraderAPI
from toy_grader import toy_grade, toy_grade_here

from autograder.assignment import Assignment, load
from autograder.gradebook import GradebookWriter
from autograder.sandbox import SandboxUnavailable
from autograder.settings import read_config

# nbgrader's own way of making rows; SQLAlchemy finds it unusual.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

NAME = "01_mini"
SOLVED = {"double": "def double(x):\n    return x + x", "quiz_sides": "quiz_sides = 3"}


@pytest.fixture
def nbgrader(course: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Run an nbgrader command in the course folder; return its exit status."""
    monkeypatch.chdir(course)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(course / ".jupyter"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(course / ".jupyter"))
    monkeypatch.setattr("autograder.exporters.grade_here", toy_grade_here)
    monkeypatch.setattr("autograder.exporters.sandbox.require", lambda: None)

    def run(*arguments: str) -> int:
        app = NbGraderApp()
        try:
            app.initialize([*arguments])
            app.start()
        except NoStart:  # how JupyterApp says that a subcommand is done
            return 0
        except SystemExit as ending:
            return int(ending.code or 0)
        finally:
            app.reset()
            NbGraderApp.clear_instance()
        return 0

    yield run


@pytest.fixture
def hand_in(course: Path, mini: Assignment) -> Callable[..., Path]:
    """Write a submission; by default two of three exercises are solved."""

    def write(student: str, content: Any = None, name: str = f"{NAME}.ipynb", **sources: str) -> Path:
        folder = course / "submitted" / student / NAME
        folder.mkdir(parents=True, exist_ok=True)
        if content is None:
            content = copy.deepcopy(mini.notebook)
            for cell in content["cells"]:
                if cell["id"] in (SOLVED | sources):
                    cell["source"] = (SOLVED | sources)[cell["id"]]
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        (folder / name).write_bytes(content)
        return folder

    return write


def scores(course: Path) -> dict[str, float]:
    with GradebookWriter(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return gradebook.scores(NAME)


def released(course: Path) -> dict[str, bytes]:
    folder = course / "notebooks" / NAME
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# generate_assignment


def test_generate_assignment_gives_the_release_that_build_gives(course, nbgrader):
    before = released(course)
    shutil.rmtree(course / "notebooks")
    assert nbgrader("generate_assignment", NAME, "--force") == 0
    assert released(course) == before


def test_stray_files_do_not_reach_the_release(course, nbgrader):
    folder = course / "solutions" / NAME
    for name in ("hidden.npz", "misconceptions.py", "cases.py", "timings.json", ".secret", "notes.pyc"):
        (folder / name).write_text("x")
    for name in (".ipynb_checkpoints", "__pycache__", ".git"):
        (folder / name).mkdir()
        (folder / name / f"{NAME}.ipynb").write_text("x")
        (folder / name / "deep").mkdir()
        (folder / name / "deep" / "data.txt").write_text("x")
    for name in ("answers.npz", "picture.png"):
        (folder / name).write_text("for students")
    assert nbgrader("generate_assignment", NAME, "--force") == 0
    assert set(released(course)) == {f"{NAME}.ipynb", "answers.npz", "picture.png"}


def test_generate_assignment_registers_what_the_engine_registers(course, nbgrader):
    assert nbgrader("generate_assignment", NAME, "--force") == 0
    ours = course / "ours.db"
    shutil.copy(course / "gradebook.db", ours)
    theirs = cells_of(course / "gradebook.db")
    with GradebookWriter(f"sqlite:///{ours}") as gradebook:
        assert gradebook.register(load(course, NAME)) == []
    assert cells_of(ours) == theirs
    assert len(theirs) > 10


def test_nbgraders_own_savecells_would_register_the_same(course, nbgrader):
    assert nbgrader("generate_assignment", NAME, "--force") == 0
    ours = cells_of(course / "gradebook.db")
    config = (course / "nbgrader_config.py").read_text()
    config = config.replace("autograder.preprocessors.SaveCells", "nbgrader.preprocessors.SaveCells")
    (course / "nbgrader_config.py").write_text(config)
    assert nbgrader("generate_assignment", NAME, "--force") == 0
    assert cells_of(course / "gradebook.db") == ours


def cells_of(path: Path) -> list[tuple[Any, ...]]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        notebook = gradebook.find_notebook(NAME, NAME)
        grades = [("grade", c.name, c.max_score, c.cell_type) for c in notebook.grade_cells]
        solutions = [("solution", c.name) for c in notebook.solution_cells]
        sources = [(c.name, c.cell_type, c.locked, c.source, c.checksum) for c in notebook.source_cells]
    return sorted(map(str, grades + solutions + sources))  # type: ignore[arg-type]


def test_generate_assignment_after_grading_keeps_the_grades(course, nbgrader, hand_in):
    hand_in("ada")
    assert nbgrader("autograde", NAME) == 0
    before = scores(course)
    assert nbgrader("generate_assignment", NAME, "--force") == 0
    assert scores(course) == before


# validate


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What `nbgrader validate` says."""
    stream = io.StringIO()
    monkeypatch.setattr("nbgrader.validator.Validator.stream", stream)
    return stream


def test_a_solved_notebook_validates(course, nbgrader, hand_in, said):
    counter = "class Counter:\n    def __init__(self, s=0): self.v = s\n    def up(self):\n"
    counter += "        self.v += 1\n        return self.v"
    folder = hand_in("ada", Counter=counter)
    assert nbgrader("validate", str(folder / f"{NAME}.ipynb")) == 0
    assert "passes all the tests" in said.getvalue()


def test_an_untouched_notebook_does_not_validate(course, nbgrader, said):
    assert nbgrader("validate", f"notebooks/{NAME}/{NAME}.ipynb") == 0
    assert "VALIDATION FAILED ON 3 CELL(S)" in said.getvalue()
    assert "Replace this line by your code" in said.getvalue()


# autograde


def test_autograde_gives_the_scores_of_our_engine(course, nbgrader, hand_in):
    folder = hand_in("ada")
    hand_in("bob", Counter="class Counter: pass", double="def double(x): return x")
    assert nbgrader("autograde", NAME) == 0
    assignment = load(course, NAME)
    expected = toy_grade(folder / f"{NAME}.ipynb", assignment, "ada").score
    assert scores(course) == {"ada": expected, "bob": 20.0}
    assert expected == 60.0
    assert (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").is_file()


def test_autograde_and_our_writer_agree_row_by_row(course, nbgrader, hand_in):
    folder = hand_in("ada")
    assert nbgrader("autograde", NAME) == 0
    theirs = rows_of(course / "gradebook.db")
    (course / "gradebook.db").unlink()
    assignment = load(course, NAME)
    with GradebookWriter(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        gradebook.register(assignment)
        gradebook.write(toy_grade(folder / f"{NAME}.ipynb", assignment, "ada"))
    assert rows_of(course / "gradebook.db") == theirs


def rows_of(path: Path) -> dict[str, Any]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        notebook = gradebook.find_submission_notebook(NAME, NAME, "ada")
        grades = {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades}
        return grades | {"comment " + c.name: c.auto_comment for c in notebook.comments}


def test_no_submission_stops_the_class(course, nbgrader, hand_in):
    hand_in("a_pipe")
    pipe = course / "submitted" / "a_pipe" / NAME / f"{NAME}.ipynb"
    pipe.unlink()
    os.mkfifo(pipe)
    linked = hand_in("b_link") / f"{NAME}.ipynb"
    linked.unlink()
    linked.symlink_to(course / "solutions" / NAME / f"{NAME}.ipynb")
    hand_in("c_truncated", b'{"cells": [{"cell_ty')
    hand_in("d_named_otherwise", name="homework.ipynb")
    (hand_in("e_odd_timestamp") / "timestamp.txt").write_text("yesterday, I think")
    os.mkfifo(hand_in("f_pipe_for_a_timestamp") / "timestamp.txt")
    hand_in("g_late_in_the_alphabet")
    duplicated = json.loads((course / "notebooks" / NAME / f"{NAME}.ipynb").read_text())
    duplicated["cells"] += copy.deepcopy(duplicated["cells"])
    duplicated["cells"][1]["metadata"]["nbgrader"]["schema_version"] = 99
    hand_in("h_duplicated", duplicated)
    (course / "submitted" / "i_empty" / NAME).mkdir(parents=True)
    assert nbgrader("autograde", NAME) == 0
    assert scores(course) == {
        "a_pipe": 0.0,
        "b_link": 0.0,
        "c_truncated": 0.0,
        "d_named_otherwise": 60.0,
        "e_odd_timestamp": 60.0,
        "f_pipe_for_a_timestamp": 60.0,
        "g_late_in_the_alphabet": 60.0,
        "h_duplicated": 10.0,
        "i_empty": 0.0,
    }


def test_students_files_are_not_copied(course, nbgrader, hand_in):
    folder = hand_in("eve")
    (folder / "stolen.npz").symlink_to(course / "solutions" / NAME / f"{NAME}.py")
    (folder / "sitecustomize.py").write_text("print('run me')")
    (folder / "more").mkdir()
    (folder / "more" / "data.txt").write_text("x")
    (folder / "timestamp.txt").write_text("2026-05-01 12:00:00 UTC")
    assert nbgrader("autograde", NAME) == 0
    assert nbgrader("generate_feedback", NAME) == 0
    for step, made in (("autograded", f"{NAME}.ipynb"), ("feedback", f"{NAME}.html")):
        files = {path.name for path in (course / step / "eve" / NAME).rglob("*")}
        assert files == {made, "timestamp.txt"}


def test_a_newer_submission_is_graded_again(course, nbgrader, hand_in):
    folder = hand_in("ada", double="pass")
    (folder / "timestamp.txt").write_text("2026-05-01 12:00:00 UTC")
    assert nbgrader("autograde", NAME) == 0
    assert scores(course) == {"ada": 20.0}
    hand_in("ada")
    assert nbgrader("autograde", NAME) == 0  # the same timestamp: kept
    assert scores(course) == {"ada": 20.0}
    (folder / "timestamp.txt").write_text("2026-05-02 12:00:00 UTC")
    assert nbgrader("autograde", NAME) == 0
    assert scores(course) == {"ada": 60.0}


def test_an_assignment_that_is_not_built_is_said(course, nbgrader, hand_in, capfd):
    hand_in("ada")
    (course / "solutions" / NAME / f"{NAME}.ipynb").unlink()
    assert nbgrader("autograde", NAME) == 1
    assert "run `make build`" in capfd.readouterr().err


def test_a_missing_sandbox_is_said_once(course, nbgrader, hand_in, monkeypatch, capfd):
    def require() -> None:
        raise SandboxUnavailable("install bubblewrap")

    monkeypatch.setattr("autograder.exporters.sandbox.require", require)
    hand_in("ada")
    hand_in("bob")
    assert nbgrader("autograde", NAME) == 1
    assert capfd.readouterr().err.count("install bubblewrap") == 1
    assert scores(course) == {}


def test_only_one_student_is_graded_when_asked(course, nbgrader, hand_in):
    hand_in("ada")
    hand_in("bob")
    assert nbgrader("autograde", NAME, "--student=bob") == 0
    assert scores(course) == {"bob": 60.0}


def test_formgraders_buttons_do_the_same(course, nbgrader, hand_in):
    hand_in("ada")
    config = read_config(course)
    config.CourseDirectory.root = str(course)
    api = NbGraderAPI(config=config)
    assert api.autograde(NAME, "ada")["success"]
    assert scores(course) == {"ada": 60.0}
    assert api.generate_feedback(NAME, "ada")["success"]
    assert api.generate_assignment(NAME, force=True)["success"]
    assert "*" not in api.coursedir.ignore  # what guards autograding stays there


# generate_feedback, export


def test_feedback_shows_no_hidden_tests_and_the_gradebooks_scores(course, nbgrader, hand_in):
    hand_in("ada", double="def double(x):\n    return x  # <script>alert(1)</script>")
    assert nbgrader("autograde", NAME) == 0
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        gradebook.find_grade("hidden_double", NAME, NAME, "ada").manual_score = 7.5
        gradebook.find_comment("double", NAME, NAME, "ada").manual_comment = "Nearly there."
        gradebook.db.commit()
    assert nbgrader("generate_feedback", NAME) == 0
    page = (course / "feedback" / "ada" / NAME / f"{NAME}.html").read_text()
    assert "1e300" not in page and "BEGIN HIDDEN" not in page and "<script>alert" not in page
    assert "27.5" in page  # quiz 10, regression 10, and what the human gave
    assert page.count("Nearly there.") == 1 and "No response." not in page


def test_export_writes_the_scores(course, nbgrader, hand_in):
    hand_in("ada")
    assert nbgrader("autograde", NAME) == 0
    assert nbgrader("export", "--to=grades.csv") == 0
    lines = (course / "grades.csv").read_text().splitlines()
    assert lines[1].startswith(f"{NAME},") and lines[1].endswith(",60.0,100.0")


def test_a_class_folder_of_its_own(course, nbgrader, hand_in):
    hand_in("ada")
    folder = course / "demo"
    folder.mkdir()
    shutil.move(course / "submitted", folder / "submitted")
    (folder / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.source_directory = "../solutions"\n'
        'c.CourseDirectory.release_directory = "../notebooks"\n'
    )
    assert nbgrader("autograde", NAME, f"--course-dir={folder}") == 0
    assert scores(folder) == {"ada": 60.0}
