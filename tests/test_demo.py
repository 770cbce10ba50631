"""The demo class is sixteen, always the same, and compared strictly with what is expected."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from autograder import demo

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = demo.read_expected(ROOT / demo.ANSWERS)
POINTS = {
    "neuron": 4,
    "count_layer": 6,
    "output_size": 6,
    "uncovered": 6,
    "pad2d": 4,
    "locally_connected2d": 7,
    "conv2d_loops": 9,
    "conv2d": 11,
    "conv1x1": 5,
    "receptive_field": 6,
    "conv_transpose2d": 9,
    "causal_conv1d": 6,
    "conv2d_unfold": 6,
    "Conv2d": 6,
    "quiz_weights_per_filter": 1,
    "quiz_bank_size": 1,
    "quiz_vgg_size": 1,
    "quiz_one_by_one": 1,
    "regression": 5,
}
ANSWERED = tuple(POINTS)[:-1]


def cell(identity: str, source: str) -> dict:
    metadata = {"nbgrader": {"grade_id": identity, "points": 1}}
    return {"cell_type": "code", "id": identity, "metadata": metadata, "source": source, "outputs": []}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course folder with a small release and the real answers."""
    cells = [cell("setup", "import numpy as np")]
    for name in ANSWERED:
        cells.append(cell(name, f"def {name}(): raise NotImplementedError"))
        cells += [cell(f"check_{name}", "checks.run()"), cell(f"hidden_{name}", "# Hidden.")]
    release = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"title": "1"}, "cells": cells}
    path = tmp_path / "notebooks" / demo.ASSIGNMENT / f"{demo.ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(release))
    (tmp_path / "data").symlink_to(ROOT / "data")
    return tmp_path


def handed_in(folder: Path) -> dict[str, str]:
    paths = (folder / "submitted").glob("*/01_convolution/01_convolution.ipynb")
    return {path.parts[-3]: path.read_text() for path in paths}


def test_sixteen_students_hand_in(root: Path) -> None:
    expected = demo.make(root, root / "demo")
    assert len(expected) == 16
    assert sorted(handed_in(root / "demo")) == sorted(entry.student for entry in expected)


def test_the_same_release_gives_the_same_bytes(root: Path) -> None:
    demo.make(root, root / "one")
    demo.make(root, root / "two")
    assert handed_in(root / "one") == handed_in(root / "two")


def test_a_second_run_leaves_the_files_alone(root: Path) -> None:
    demo.make(root, root / "demo")
    paths = sorted((root / "demo").rglob("*.ipynb"))
    before = [path.stat().st_mtime_ns for path in paths]
    demo.make(root, root / "demo")
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_scores_follow_from_the_points_of_the_exercises() -> None:
    assert sum(POINTS.values()) == 100
    for entry in EXPECTED:
        assert {*entry.lost, *entry.points, *entry.named} <= {*POINTS, demo.EVERYTHING}, entry.student
        assert entry.score == sum(entry.points_for(*item) for item in POINTS.items()), entry.student


def test_every_answer_but_one_is_python(root: Path) -> None:
    broken = set()
    for entry in EXPECTED:
        for answer in demo.read_answers(root / demo.ANSWERS, entry.student).values():
            try:
                ast.parse(answer.source)
            except SyntaxError:
                broken.add((entry.student, answer.name))
    assert broken == {("kepler", "conv1x1")}


def test_right_ones_answer_every_exercise(root: Path) -> None:
    for student in ("ada", "boole", "cantor", "noether"):
        answers = demo.read_answers(root / demo.ANSWERS, student)
        assert set(answers) == set(ANSWERED), student


def test_the_untouched_one_is_the_release(root: Path) -> None:
    demo.make(root, root / "demo")
    release = (root / "notebooks" / demo.ASSIGNMENT / f"{demo.ASSIGNMENT}.ipynb").read_text()
    assert json.loads(handed_in(root / "demo")["jacobi"]) == json.loads(release)


def test_colab_leaves_nothing_of_the_course(root: Path) -> None:
    demo.make(root, root / "demo")
    text = handed_in(root / "demo")["noether"]
    notebook = json.loads(text)
    assert "nbgrader" not in text
    assert "colab" in notebook["metadata"] and notebook["nbformat_minor"] == 0
    ids = [entry["metadata"]["id"] for entry in notebook["cells"]]
    assert len(set(ids)) == len(ids) and all(len(identity) == 12 for identity in ids)


def test_the_truncated_one_is_no_json(root: Path) -> None:
    demo.make(root, root / "demo")
    with pytest.raises(json.JSONDecodeError):
        json.loads(handed_in(root / "demo")["turing"])


def test_the_cheat_keeps_one_honest_answer_and_spoils_the_checks(root: Path) -> None:
    demo.make(root, root / "demo")
    cells = json.loads(handed_in(root / "demo")["moriarty"])["cells"]
    names = [demo.grade_id(entry) for entry in cells]
    assert "hidden_conv2d" not in names and names.count("check_neuron") == 2
    assert [entry for entry in cells if "skip-execution" in entry["metadata"].get("tags", [])]
    assert names[1:3] == ["extra-patches", "extra-search"]
    sources = {name: entry["source"] for name, entry in zip(names, cells, strict=True)}
    assert "os._exit(0)" in sources["extra-exit"]
    assert sources["neuron"] == demo.read_answers(root / demo.ANSWERS, "moriarty")["neuron"].source


def test_an_unknown_exercise_is_an_error(root: Path) -> None:
    with pytest.raises(KeyError):
        demo.fill({"cells": []}, {"conv2d": demo.Answer("solution", "conv2d", "")})


def graded(entry: demo.Expected, **other: object) -> dict:
    """A grade exactly as expected."""
    cells = [
        {
            "exercise": exercise,
            "points": entry.points_for(exercise, worth),
            "max_points": worth,
            "misconception": entry.named.get(exercise, ""),
        }
        for exercise, worth in POINTS.items()
    ]
    made = {"student": entry.student, "status": entry.status, "score": entry.score, "cells": cells}
    made |= {"notes": list(entry.mentions), "tampering": ["edited"] if entry.tampering else []}
    return made | other


def test_no_differences_where_all_is_as_expected() -> None:
    assert demo.compare(EXPECTED, [graded(entry) for entry in EXPECTED]) == []


def test_every_difference_is_said_in_words() -> None:
    entry = next(entry for entry in EXPECTED if entry.student == "dijkstra")
    wrong = graded(entry, status="stopped early", score=91, tampering=["x"])
    wrong["cells"][0] |= {"points": 1, "misconception": "another"}
    found = demo.compare([entry], [wrong, {"student": "eve", "cells": []}])
    assert len(found) >= 5
    for words in (
        "eve: graded, but not in the class",
        'dijkstra: status is "stopped early", expected "graded"',
        f"dijkstra: score is 91, expected {entry.score:g}",
        "dijkstra: neuron got 1 points, expected 4",
        "dijkstra: tampering was suspected",
    ):
        assert words in found


def test_a_missing_grade_is_a_difference() -> None:
    assert demo.compare(EXPECTED[:1], []) == ["ada: not graded"]
