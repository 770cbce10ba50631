"""A class full of hostile, broken and odd submissions: no point gained, nothing lost, nothing left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from hostile import CASES, HONEST, LEFT_BEHIND, NAME, SECRETS, Case, oddities
from isolation import sandboxed

from autograder import engine, processes
from autograder.classroom import Options, grade_and_record
from autograder.result import Grade

pytestmark = sandboxed

LIMITS = {
    "cell_seconds": 5,
    "call_seconds": 3,
    "total_seconds": 10,
    "memory_mb": 400,
    "processes": 24,
    "file_mb": 8,
    "scratch_mb": 16,
    "output_kb": 64,
}
WORKERS = 6  # most of the time is spent waiting for time limits
OVERHEAD_SECONDS = 40  # of a submission beyond its own limit, on a machine that does much else


@pytest.fixture(scope="module")
def course(built_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course with all submissions and with hidden answers, which nobody may see."""
    import shutil

    root = Path(shutil.copytree(built_course, tmp_path_factory.mktemp("hostile") / "course"))
    config = root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.CourseGrading.limits = {LIMITS}\n")
    (root / "solutions" / NAME / "hidden.npz").write_text("STORED-HIDDEN-ANSWERS")
    for case in CASES:
        case.hand_in(root)
    return root


@pytest.fixture(scope="module")
def grades(course: Path) -> Iterator[dict[str, Grade]]:
    """The whole class, graded once; the warm parent lives on until all tests have looked round."""
    close = engine._close_warm_parents
    engine._close_warm_parents = lambda: None
    try:
        options = Options(sandbox="auto", workers=WORKERS, json=course / "grades.json")
        outcome = grade_and_record(course, course, NAME, options=options)
        yield {grade.student: grade for grade in outcome.grades}
    finally:
        engine._close_warm_parents = close
        close()


def graded_notebook(course: Path, case: Case) -> str:
    """What an instructor opens, as text."""
    return (course / "autograded" / case.name / NAME / f"{NAME}.ipynb").read_text()


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES) >= 45


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_points(case: Case, grades: dict[str, Grade]):
    grade = grades[case.name]
    story = [grade.status, grade.notes, [(cell.id, cell.message) for cell in grade.cells if not cell.passed]]
    assert case.least <= grade.score <= case.most, story
    assert grade.status in case.statuses, story
    assert grade.max_score == 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_leaks(case: Case, course: Path, grades: dict[str, Grade]):
    if case.name in HONEST:
        return  # their own work
    page = (course / "feedback" / case.name / NAME / f"{NAME}.html").read_text()
    record = json.dumps(grades[case.name].record()) + graded_notebook(course, case)
    for secret in SECRETS:
        assert secret not in page
        assert json.dumps(secret)[1:-1] not in record
    messages = [cell.message for cell in grades[case.name].cells if cell.hidden]
    assert "SAID" not in str(messages)


def test_the_others_do_not_notice(grades: dict[str, Grade]):
    assert {grades[name].score for name in HONEST} == {100}
    assert not any(grades[name].tampering or grades[name].notes for name in HONEST)


def test_no_script_runs_in_the_feedback(course: Path, grades: dict[str, Grade]):
    pages = [*course.glob("feedback/*/*/*.html"), course / "report" / f"{NAME}.html"]
    assert len(pages) == len(CASES) + 1
    for page in pages:
        assert "<script>alert" not in page.read_text()
        assert "<img src=x" not in page.read_text()


def test_no_script_runs_in_the_formgrader(course: Path, grades: dict[str, Grade]):
    from nbconvert.exporters import HTMLExporter

    notebook = nbformat.read(course / "autograded" / "scripts" / NAME / f"{NAME}.ipynb", 4)
    page, _ = HTMLExporter().from_notebook_node(notebook)  # what nbgrader's formgrader shows is made by it
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


@pytest.mark.parametrize("name", ["patch-probes", "ask-the-caller", "search-memory", "load-the-assignment"])
def test_meddling_is_shown_to_a_person(name: str, grades: dict[str, Grade]):
    assert any("a person should look" in sentence for sentence in grades[name].tampering)


def test_honest_oddities_are_not_suspected(grades: dict[str, Grade]):
    assert {
        case.name: grades[case.name].tampering for case in oddities() if grades[case.name].tampering
    } == {}


def test_limits_are_kept(course: Path, grades: dict[str, Grade]):
    assert {
        name: g.wall_seconds
        for name, g in grades.items()
        if g.wall_seconds > LIMITS["total_seconds"] + OVERHEAD_SECONDS
    } == {}
    sizes = {case.name: len(graded_notebook(course, case)) for case in CASES}
    assert {name: size for name, size in sizes.items() if size > 40_000_000} == {}


def test_no_process_survives(grades: dict[str, Grade]):
    (parent,) = engine._warm_parents.values()
    assert parent._process is not None
    deadline = time.monotonic() + 10
    while processes.descendants(parent._process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.descendants(parent._process.pid) == []
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(entry.read_bytes())
        except OSError:
            continue
    assert not [command for command in commands if LEFT_BEHIND.encode() in command]


def test_no_file_survives(course: Path, grades: dict[str, Grade]):
    places = [course, Path("/tmp"), Path("/dev/shm"), Path("/usr"), Path.home(), Path(os.getcwd())]
    assert [path for place in places for path in place.glob(f"{LEFT_BEHIND}*")] == []
    (parent,) = engine._warm_parents.values()
    assert parent._folder is not None
    assert list(Path(parent._folder).glob("job*")) == []
