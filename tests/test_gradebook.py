"""The gradebook gets the scores that nbgrader would give, whole or not at all; what humans wrote is kept."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import nbgrader
import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from toy_grader import toy_grade
from traitlets.config import Config

from autograder.assignment import Assignment
from autograder.gradebook import GradebookError, GradebookWriter, late_plugin, table_version
from autograder.result import Grade

NAME = "01_mini"


@pytest.fixture(scope="module")
def empty_gradebook(mini: Assignment, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with GradebookWriter(f"sqlite:///{path}") as writer:
        assert writer.register(mini) == []
    return path.read_bytes()


@pytest.fixture
def path(empty_gradebook: bytes, tmp_path: Path) -> Path:
    """A gradebook that knows the small assignment."""
    (tmp_path / "gradebook.db").write_bytes(empty_gradebook)
    return tmp_path / "gradebook.db"


@pytest.fixture(scope="module")
def untouched(mini: Assignment) -> Grade:
    """The grade of the release as it was handed out."""
    return toy_grade(mini.release_folder / f"{NAME}.ipynb", mini, "ada")


@pytest.fixture(scope="module")
def perfect(mini: Assignment) -> Grade:
    """The grade of the instructor's own notebook; the toy grader gives half of the regression points."""
    return toy_grade(mini.folder / f"{NAME}.ipynb", mini, "ada")


def writer(path: Path) -> GradebookWriter:
    return GradebookWriter(f"sqlite:///{path}")


def test_the_version_of_the_tables_is_the_one_that_alembic_tells(tmp_path):
    folder = Path(nbgrader.__file__).parent / "alembic"
    command = [sys.executable, "-m", "alembic", "-c", str(tmp_path / "alembic.ini"), "heads"]
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert told.split()[0] == table_version()


def test_scores_are_written(path, untouched, perfect):
    with writer(path) as gradebook:
        gradebook.write(untouched)
        gradebook.write(replace(perfect, student="bob"))
        assert gradebook.scores(NAME) == {"ada": 10.0, "bob": 90.0}
    with Gradebook(f"sqlite:///{path}") as nbgrader:
        rows = {row["student"]: row for row in nbgrader.submission_dicts(NAME)}
    assert (rows["bob"]["score"], rows["bob"]["max_score"]) == (90.0, 100.0)
    assert not rows["bob"]["needs_manual_grade"]


def test_writing_again_replaces(path, untouched, perfect):
    with writer(path) as gradebook:
        gradebook.write(perfect)
        gradebook.write(untouched)
        assert gradebook.scores(NAME) == {"ada": 10.0}


def test_untouched_solutions_say_no_response(path, untouched, perfect):
    with writer(path) as gradebook:
        gradebook.write(untouched)
        gradebook.write(replace(perfect, student="bob"))
    with Gradebook(f"sqlite:///{path}") as nbgrader:
        assert nbgrader.find_comment("double", NAME, NAME, "ada").comment == "No response."
        assert nbgrader.find_comment("double", NAME, NAME, "bob").comment is None


def test_manual_scores_and_comments_are_kept(path, untouched, perfect):
    with writer(path) as gradebook:
        gradebook.write(untouched)
        with Gradebook(f"sqlite:///{path}") as nbgrader:
            grade = nbgrader.find_grade("hidden_double", NAME, NAME, "ada")
            grade.manual_score, grade.extra_credit = 12.0, 1.0
            nbgrader.find_comment("double", NAME, NAME, "ada").manual_comment = "Nice idea."
            nbgrader.db.commit()
        gradebook.write(perfect)
        assert gradebook.scores(NAME) == {"ada": 90.0 - 30.0 + 13.0}
        marks = gradebook.write(perfect)
        assert marks.points["hidden_double"] == 13.0
        assert marks.comments == {"double": "Nice idea."}
    with Gradebook(f"sqlite:///{path}") as nbgrader:
        grade = nbgrader.find_grade("hidden_double", NAME, NAME, "ada")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (30.0, 12.0, True)
        assert nbgrader.find_comment("double", NAME, NAME, "ada").comment == "Nice idea."


class TenPercent(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 10


def test_late_penalties(path, perfect):
    due = datetime(2026, 5, 1)
    with Gradebook(f"sqlite:///{path}") as nbgrader:
        nbgrader.update_or_create_assignment(NAME, duedate=str(due))
    with GradebookWriter(f"sqlite:///{path}", TenPercent()) as gradebook:
        assert gradebook.write(perfect, timestamp=due + timedelta(hours=1)).penalty == 9.0
        assert gradebook.write(replace(perfect, student="bob"), timestamp=due).penalty == 0.0
        assert gradebook.scores(NAME) == {"ada": 81.0, "bob": 90.0}


@pytest.mark.parametrize(("method", "score"), [("none", 90.0), ("zero", 0.0)])
def test_nbgraders_configuration_decides_about_late_submissions(path, perfect, method, score):
    due = datetime(2026, 5, 1)
    with Gradebook(f"sqlite:///{path}") as nbgrader:
        nbgrader.update_or_create_assignment(NAME, duedate=str(due))
    plugin = late_plugin(Config({"LateSubmissionPlugin": {"penalty_method": method}}))
    with GradebookWriter(f"sqlite:///{path}", plugin) as gradebook:
        gradebook.write(perfect, timestamp=due + timedelta(hours=1))
        assert gradebook.scores(NAME) == {"ada": score}


def changed(mini: Assignment, drop: str = "", points: dict[str, float] | None = None) -> Assignment:
    """The assignment without a cell, or with other points."""
    cells = tuple(cell for cell in mini.cells if cell.id != drop)
    nodes = [dict(node) for node in mini.notebook["cells"] if node["id"] != drop]
    for node in nodes:
        if node["id"] in (points or {}):
            nbgrader = {**node["metadata"]["nbgrader"], "points": points[node["id"]]}
            node["metadata"] = {**node["metadata"], "nbgrader": nbgrader}
    return replace(mini, cells=cells, notebook={**mini.notebook, "cells": nodes})


def test_registering_again_changes_nothing(path, mini, perfect):
    with writer(path) as gradebook:
        gradebook.write(perfect)
        assert gradebook.register(mini) == []
        assert gradebook.scores(NAME) == {"ada": 90.0}


def test_a_new_cell_and_new_points_after_grading(path, mini, perfect):
    with writer(path) as gradebook:
        gradebook.register(changed(mini, drop="hidden_double"))
        gradebook.write(perfect)
        assert gradebook.scores(NAME) == {"ada": 60.0}
        said = gradebook.register(changed(mini, points={"check_double": 15}))
        assert "'hidden_double' is new" in " ".join(said)
        assert "'check_double' went from 10 to 15 points" in " ".join(said)
        gradebook.write(perfect)
        assert gradebook.scores(NAME) == {"ada": 90.0}


def test_a_removed_cell_takes_its_automatic_grades_along(path, mini, perfect):
    with writer(path) as gradebook:
        gradebook.write(perfect)
        said = gradebook.register(changed(mini, drop="hidden_double"))
        assert said == ["The cell 'hidden_double' was removed, with its automatic grades."]
        assert gradebook.scores(NAME) == {"ada": 60.0}


def test_a_removed_cell_with_manual_scores_is_refused(path, mini, perfect):
    with writer(path) as gradebook:
        gradebook.write(perfect)
        with Gradebook(f"sqlite:///{path}") as nbgrader:
            nbgrader.find_grade("hidden_double", NAME, NAME, "ada").manual_score = 3.0
            nbgrader.db.commit()
        with pytest.raises(GradebookError, match="1 manual scores or comments belong to it"):
            gradebook.register(changed(mini, drop="hidden_double"))
        assert gradebook.scores(NAME) == {"ada": 63.0}


def test_an_unknown_assignment_is_said(path, perfect):
    with writer(path) as gradebook, pytest.raises(GradebookError, match="does not know the assignment '02'"):
        gradebook.write(replace(perfect, assignment="02"))


def test_a_locked_gradebook_is_said(path, perfect, monkeypatch):
    monkeypatch.setattr("autograder.gradebook.BUSY_SECONDS", 0.1)
    with writer(path) as gradebook:
        other = sqlite3.connect(path)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(GradebookError, match=r"gradebook\.db is in use by another program"):
            gradebook.write(perfect)
        other.rollback()
        other.close()
        gradebook.write(perfect)
        assert gradebook.scores(NAME) == {"ada": 90.0}


def test_a_full_disk_is_said(path, perfect):
    with writer(path) as gradebook:
        gradebook._gradebook.db().connection().exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(GradebookError, match="the disk is full"):
            for number in range(50):
                gradebook.write(replace(perfect, student=f"student{number}"))


def test_what_is_no_gradebook_is_said(tmp_path):
    (tmp_path / "gradebook.db").write_text("hello " * 1000)
    with pytest.raises(GradebookError, match="is not a gradebook"):
        writer(tmp_path / "gradebook.db")
    with pytest.raises(GradebookError, match="cannot be opened"):
        writer(tmp_path / "absent" / "gradebook.db")


def test_a_read_only_gradebook_is_said(path, perfect):
    with GradebookWriter(f"sqlite:///file:{path}?mode=ro&uri=true") as gradebook:
        with pytest.raises(GradebookError, match="cannot be written; was it moved"):
            gradebook.write(perfect)
        assert gradebook.scores(NAME) == {}


def test_a_killed_writer_leaves_whole_submissions(path, built_course, tmp_path):
    program = f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        from dataclasses import replace
        from pathlib import Path
        from autograder.assignment import load
        from autograder.gradebook import GradebookWriter
        from toy_grader import toy_grade
        mini = load(Path({str(built_course)!r}), "{NAME}")
        perfect = toy_grade(mini.folder / "{NAME}.ipynb", mini, "ada")
        with GradebookWriter("sqlite:///{path}") as gradebook:
            for number in range(100_000):
                gradebook.write(replace(perfect, student=f"student{{number}}"))
                if number == 0:
                    print("writing", flush=True)
    """
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, cwd=root
    )
    assert process.stdout is not None and process.stdout.readline() == b"writing\n"
    time.sleep(0.35)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with writer(path) as gradebook:
        scores = gradebook.scores(NAME)
    assert scores and set(scores.values()) == {90.0}


def test_a_submission_costs_little_time(path, perfect):
    with writer(path) as gradebook:
        gradebook.write(perfect)  # the first one compiles the queries
        start = time.process_time()
        for number in range(20):
            gradebook.write(replace(perfect, student=f"student{number}"))
        seconds = (time.process_time() - start) / 20
    assert seconds < 0.04
