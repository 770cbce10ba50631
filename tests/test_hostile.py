"""A class full of hostile, broken and odd submissions: no point gained, nothing lost, nothing left behind.

All cases on the small assignment; on each real notebook a few that together stand for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from hostile import corpus
from hostile.case import Case
from hostile.sample import sample
from hostile.target import target_of
from isolation import sandboxed

from autograder import engine

pytestmark = [sandboxed, pytest.mark.timeout(600)]

WORKERS = 6  # most of the time is spent waiting for time limits
LIMITS = {"total_seconds": 10, "memory_mb": 400}
MINI = "01_mini"


@pytest.fixture(scope="module")
def outcome(built_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[corpus.Outcome]:
    """The whole class, graded once."""
    target = target_of(built_course / "notebooks" / MINI / f"{MINI}.ipynb")
    chosen = corpus.cases(target)
    course = corpus.make(built_course, target, chosen, tmp_path_factory.mktemp("hostile"), **LIMITS)
    yield corpus.grade(course, target, chosen, WORKERS)


def _cases() -> list[str]:
    """The names of all cases, which are the same for every notebook."""
    first = min((ROOT / "notebooks").glob("[0-9]*/*.ipynb"))
    return [case.name for case in corpus.cases(target_of(first))]


NAMES = _cases()


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES) >= 250


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, outcome: corpus.Outcome):
    """No point gained or lost, no secret seen, no unsafe page, a person told where it is due and only there."""
    assert outcome.problems(_case(outcome, name)) == []


def _case(outcome: corpus.Outcome, name: str) -> Case:
    return next(case for case in outcome.cases if case.name == name)


def test_the_others_do_not_notice(outcome: corpus.Outcome):
    honest = [outcome.grades[case.name] for case in outcome.cases if case.kind == "honest"]
    assert [grade.score for grade in honest] == [100, 100, 100]
    assert not any(grade.tampering or grade.notes for grade in honest)


def test_nothing_is_left_behind(outcome: corpus.Outcome):
    assert (outcome.left_processes, outcome.left_files) == ([], [])


def test_no_script_runs_in_the_class_report(outcome: corpus.Outcome):
    page = (outcome.course / "report" / f"{MINI}.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_no_script_runs_in_the_formgrader(outcome: corpus.Outcome):
    from nbconvert.exporters import HTMLExporter

    notebook = nbformat.reads(outcome.notebook(_case(outcome, "scripts")), 4)
    page, _ = HTMLExporter().from_notebook_node(notebook)  # what nbgrader's formgrader shows is made by it
    assert "alert(1)" in page
    for tag in ("<script>alert", "<img src=x", "<svg xmlns", 'href="javascript:'):
        assert tag not in page


def test_what_was_tried_stands_in_report_and_json(outcome: corpus.Outcome):
    page = (outcome.course / "report" / f"{MINI}.html").read_text()
    record = (outcome.course / "grades.json").read_text()
    for words in ("Check cells were edited", "system calls that the sandbox forbids: ptrace"):
        assert words in page
        assert words in record


@pytest.fixture(scope="module")
def warm() -> Iterator[None]:
    """One warm parent for all notebooks: starting takes seconds."""
    yield
    engine._close_warm_parents()


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "notebook", sorted((ROOT / "notebooks").glob("[0-9]*/*.ipynb")), ids=lambda p: p.stem
)
def test_a_sample_on_a_real_notebook(notebook: Path, tmp_path: Path):
    target = target_of(notebook)
    chosen = sample(target, turn=int(target.name[:2]))
    course = corpus.make(ROOT, target, chosen, tmp_path)
    outcome = corpus.grade(course, target, chosen, workers=2, keep_warm=True)
    assert {case.name: found for case in chosen if (found := outcome.problems(case))} == {}
    assert (outcome.left_processes, outcome.left_files) == ([], [])
