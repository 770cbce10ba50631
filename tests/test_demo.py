"""The demo classes: sixteen students each, always the same, and compared strictly with what is expected."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder import __main__ as command_line
from autograder import classroom, demo
from autograder.assignment import AssignmentError, load
from autograder.result import Grade

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = demo.assignments(ROOT)
EXPECTED = {name: demo.read_expected(ROOT / demo.ANSWERS / name) for name in ASSIGNMENTS}

every_assignment = pytest.mark.parametrize("name", ASSIGNMENTS)


def points(name: str) -> dict[str, float]:
    """What each exercise of an assignment is worth."""
    worth: dict[str, float] = {}
    for cell in load(ROOT, name).cells:
        if cell.points:
            exercise = cell.exercise or cell.id
            worth[exercise] = worth.get(exercise, 0) + cell.points
    return worth


def exercises(name: str) -> list[str]:
    return [cell.exercise for cell in load(ROOT, name).cells if cell.role == "solution"]


def answers(name: str, student: str) -> dict[str, demo.Answer]:
    return demo.read_answers(ROOT / demo.ANSWERS / name, student)


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """The text of each student's file, by assignment."""

    def make(name: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp(name)
        demo.make(ROOT, folder, name)
        paths = (folder / "submitted").glob(f"*/{name}/{name}.ipynb")
        return {path.parts[-3]: path.read_text() for path in paths}

    return make


def test_there_is_a_demo_class() -> None:
    assert "01_convolution" in ASSIGNMENTS


@every_assignment
def test_sixteen_students_hand_in(name: str, handed_in) -> None:
    assert len(EXPECTED[name]) == 16
    assert sorted(handed_in(name)) == sorted(entry.student for entry in EXPECTED[name])


@every_assignment
def test_the_same_students_do_the_same_everywhere(name: str) -> None:
    def characters(assignment: str) -> list[tuple]:
        return [(row.student, row.file, row.status, row.tampering) for row in EXPECTED[assignment]]

    assert characters(name) == characters(ASSIGNMENTS[0])


@every_assignment
def test_the_same_release_gives_the_same_bytes(name: str, handed_in) -> None:
    assert handed_in(name) == handed_in(name)


@every_assignment
def test_a_second_run_leaves_the_files_alone(name: str, tmp_path: Path) -> None:
    demo.make(ROOT, tmp_path, name)
    paths = sorted(tmp_path.rglob("*.ipynb"))
    before = [path.stat().st_mtime_ns for path in paths]
    demo.make(ROOT, tmp_path, name)
    assert [path.stat().st_mtime_ns for path in paths] == before


@every_assignment
def test_scores_follow_from_the_points_of_the_exercises(name: str) -> None:
    worth = points(name)
    assert sum(worth.values()) == 100
    for entry in EXPECTED[name]:
        assert {*entry.lost, *entry.points, *entry.named} <= {*worth, demo.EVERYTHING}, entry.student
        total = sum(entry.points_for(*item) for item in worth.items())
        assert entry.score == pytest.approx(total, abs=demo.NEAR), entry.student


@every_assignment
def test_every_answer_but_one_is_python(name: str) -> None:
    broken = []
    for entry in EXPECTED[name]:
        for answer in answers(name, entry.student).values():
            try:
                ast.parse(answer.source)
            except SyntaxError:
                broken.append(entry.student)
    assert broken == ["kepler"]


@every_assignment
def test_right_ones_answer_every_exercise(name: str) -> None:
    for student in ("ada", "boole", "cantor", "noether"):
        assert set(answers(name, student)) == set(exercises(name)), student


@every_assignment
def test_the_untouched_one_is_the_release(name: str, handed_in) -> None:
    release = (ROOT / "notebooks" / name / f"{name}.ipynb").read_text()
    assert json.loads(handed_in(name)["jacobi"]) == json.loads(release)


@every_assignment
def test_colab_leaves_nothing_of_the_course(name: str, handed_in) -> None:
    text = handed_in(name)["noether"]
    notebook = json.loads(text)
    assert "nbgrader" not in {key for cell in notebook["cells"] for key in cell["metadata"]}
    assert '"grade_id"' not in text
    assert "colab" in notebook["metadata"] and notebook["nbformat_minor"] == 0
    ids = [entry["metadata"]["id"] for entry in notebook["cells"]]
    assert len(set(ids)) == len(ids) and all(len(identity) >= 12 for identity in ids)


@every_assignment
def test_the_truncated_one_is_no_json(name: str, handed_in) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(handed_in(name)["turing"])


@every_assignment
def test_the_cheat_keeps_one_honest_answer_and_spoils_the_checks(name: str, handed_in) -> None:
    texts = handed_in(name)
    cells = json.loads(texts["moriarty"])["cells"]
    names = [demo.grade_id(entry) for entry in cells]
    before = {demo.grade_id(entry) for entry in json.loads(texts["jacobi"])["cells"]}
    first = exercises(name)[0]
    lost = sorted(identity.partition("_")[0] for identity in before - set(names))
    assert lost == ["check", "hidden"]
    assert names.count(f"check_{first}") == 2
    assert [entry for entry in cells if "skip-execution" in entry["metadata"].get("tags", [])]
    setup = names.index("setup")
    assert names[setup + 1 : setup + 3] == ["extra-patches", "extra-search"]
    sources = {identity: entry["source"] for identity, entry in zip(names, cells, strict=True)}
    assert "os._exit(0)" in sources["extra-exit"]
    assert sources[first] == answers(name, "moriarty")[first].source
    (cheat,) = (entry for entry in EXPECTED[name] if entry.student == "moriarty")
    assert {*cheat.lost, *cheat.points} == {*points(name)} - {first}
    assert {*cheat.points} <= {"regression"}  # a table may need nothing but the honest answer


def test_a_base_may_be_another_students_or_another_notebooks(tmp_path: Path) -> None:
    (tmp_path / "01_one").mkdir()
    (tmp_path / "02_two").mkdir()
    (tmp_path / "01_one" / "a.py").write_text('# %% extra="x"\nx = 1\n# %% solution="f"\nf = 1\n')
    (tmp_path / "02_two" / "b.py").write_text('# base: 01_one/a\n# only: x\n# %% solution="g"\ng = 2\n')
    (tmp_path / "02_two" / "c.py").write_text('# base: b\n# %% solution="g"\ng = 3\n')
    found = demo.read_answers(tmp_path / "02_two", "c")
    assert {name: answer.source for name, answer in found.items()} == {"x": "x = 1", "g": "g = 3"}


def test_an_unknown_exercise_is_an_error() -> None:
    with pytest.raises(KeyError):
        demo.fill({"cells": []}, {"conv2d": demo.Answer("solution", "conv2d", "")})


def test_a_class_counts_only_where_the_notebook_is_built(tmp_path: Path) -> None:
    for name in ("01_one", "02_two"):
        (tmp_path / demo.ANSWERS / name).mkdir(parents=True)
        (tmp_path / demo.ANSWERS / name / demo.EXPECTATIONS).touch()
    release = demo.release_of(tmp_path, "02_two")
    release.parent.mkdir(parents=True)
    release.touch()
    assert demo.assignments(tmp_path) == ["02_two"]
    with pytest.raises(AssignmentError, match=r"01_one.*make build.*02_two"):
        demo.make(tmp_path, tmp_path, "01_one")


def graded(entry: demo.Expected, worth: dict[str, float], **other: object) -> dict:
    """A grade exactly as expected."""
    cells = [
        {
            "exercise": exercise,
            "points": entry.points_for(exercise, most),
            "max_points": most,
            "misconception": entry.named.get(exercise, ""),
        }
        for exercise, most in worth.items()
    ]
    made = {"student": entry.student, "status": entry.status, "score": entry.score, "cells": cells}
    made |= {"notes": list(entry.mentions), "tampering": ["edited"] if entry.tampering else []}
    return made | other


@every_assignment
def test_no_differences_where_all_is_as_expected(name: str) -> None:
    worth = points(name)
    assert demo.compare(EXPECTED[name], [graded(entry, worth) for entry in EXPECTED[name]]) == []


@every_assignment
def test_every_difference_is_said_in_words(name: str) -> None:
    worth = points(name)
    entry = next(entry for entry in EXPECTED[name] if entry.student == "dijkstra")
    right, most = next(item for item in worth.items() if entry.points_for(*item) == item[1])
    exercise, misconception = next(iter(entry.named.items()))
    wrong = graded(entry, worth, status="stopped early", score=0.5, tampering=["x"])
    for cell in wrong["cells"]:
        if cell["exercise"] == right:
            cell["points"] = 0.25
        if cell["exercise"] == exercise:
            cell["misconception"] = "another"
    found = demo.compare([entry], [wrong, {"student": "eve", "cells": []}])
    assert sorted(found) == sorted(
        [
            "eve: graded, but not in the class",
            'dijkstra: status is "stopped early", expected "graded"',
            f"dijkstra: score is 0.5, expected {entry.score:g}",
            f"dijkstra: {right} got 0.25 points, expected {most:g}",
            f'dijkstra: {exercise}: the misconception "{misconception}" was not named',
            "dijkstra: tampering was suspected",
        ]
    )


@every_assignment
def test_a_missing_grade_is_a_difference(name: str) -> None:
    assert demo.compare(EXPECTED[name][:1], []) == ["ada: not graded"]


# The command


@pytest.fixture
def grading(monkeypatch):
    """Grading replaced: every class comes out as expected but for the students named in the returned set."""
    surprising: set[tuple[str, str]] = set()

    def grade_and_record(root, folder, name, options):
        grades = []
        for entry in EXPECTED["01_convolution"]:
            score = -1 if (name, entry.student) in surprising else entry.score
            record = graded(entry, points("01_convolution"), score=score)
            record["cells"] = [{"id": "", "passed": True} | cell for cell in record["cells"]]
            grades.append(Grade.from_dict(record | {"assignment": name, "max_score": 100}))
        return SimpleNamespace(grades=grades, where=lambda: f"report of {name}")

    monkeypatch.setattr(classroom, "grade_and_record", grade_and_record)
    monkeypatch.setattr(classroom, "table", lambda grades, expected: f"{len(grades)} rows")
    monkeypatch.setattr(demo, "assignments", lambda root: ["01_one", "02_two"])
    monkeypatch.setattr(demo, "make", lambda root, folder, name: list(EXPECTED["01_convolution"]))
    return surprising


def test_the_command_grades_every_class(grading, capsys, tmp_path: Path) -> None:
    assert command_line.main(["demo", "--json", str(tmp_path / "all.json")]) == command_line.DONE
    said = capsys.readouterr().out
    assert said.count("16 rows") == 2 and "report of 01_one" in said and "report of 02_two" in said
    assert said.endswith("\nAll 32 submissions of 2 notebooks came out as expected.\n")
    assert len(json.loads((tmp_path / "all.json").read_text())) == 32


def test_the_command_grades_one_class(grading, capsys) -> None:
    assert command_line.main(["demo", "02_two"]) == command_line.DONE
    said = capsys.readouterr().out
    assert "01_one" not in said
    assert said.endswith("\nAll 16 submissions of 1 notebook came out as expected.\n")


def test_one_surprise_in_any_class_fails_the_command(grading, capsys) -> None:
    grading.add(("01_one", "ada"))
    assert command_line.main(["demo"]) == command_line.PROBLEM
    said = capsys.readouterr()
    assert said.err == "NOT AS EXPECTED  01_one: ada: score is -1, expected 100\n"
    assert said.out.endswith(
        "32 submissions of 2 notebooks; differences from what was expected: 1, see above.\n"
    )


def test_nothing_built_is_said(grading, monkeypatch, capsys) -> None:
    monkeypatch.setattr(demo, "assignments", lambda root: [])
    assert command_line.main(["demo"]) == command_line.PROBLEM
    assert "make build" in capsys.readouterr().err
