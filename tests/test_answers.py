"""Recording the answers of an assignment: the same bytes each time, and no gap goes unnoticed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autograder.answers import DIGITS, RecordError, record, run_solutions, solution_cells
from autograder.cases import Arrays
from utils import checks, views

CASES = """
from autograder.cases import Arrays, Exercise, Quiz, hidden, visible

a = Arrays("double")
EXERCISES = [Exercise("double", [visible("a row", a(1, 3)), hidden("secret row", a.rough(1, 4))])]
QUIZZES = [Quiz("quiz_x", "ab", "b", {"a": "a is wrong."})]
"""
MISCONCEPTIONS = """
from autograder.cases import Misconceptions

wrong = Misconceptions()
for number in range(3, 7):
    wrong("double", f"times {number}", f"Not {number} times.")(lambda x, number=number: x * number)
"""


def double(x: np.ndarray) -> np.ndarray:
    return 2 * x


def course(folder: Path, cases: str = CASES, misconceptions: str = MISCONCEPTIONS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cases.py").write_text(cases, encoding="utf-8")
    (folder / "misconceptions.py").write_text(misconceptions, encoding="utf-8")
    return folder


def test_two_recordings_give_the_same_bytes(tmp_path: Path) -> None:
    solutions = {"double": double, "quiz_x": "b"}
    for name in ("one", "two"):
        record(course(tmp_path / name), solutions)
    for file in ("answers.npz", "hidden.npz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_students_file_holds_no_code_and_nothing_hidden(tmp_path: Path) -> None:
    record(course(tmp_path), {"double": double, "quiz_x": "b"})
    with np.load(tmp_path / "answers.npz", allow_pickle=False) as file:
        structure = file["structure"].tobytes().decode()
        assert set(file.files) == {"structure", "float64"}
        assert len(file["float64"]) == 2 * 3
    assert "a row" in structure
    assert "secret" not in structure
    assert "a is wrong" not in structure
    assert '"right"' not in structure
    assert "lambda" not in structure


def test_answers_are_rounded_so_that_machines_agree(tmp_path: Path) -> None:
    record(course(tmp_path), {"double": lambda x: 2 * x * (1 + 2e-16), "quiz_x": "b"})
    with np.load(tmp_path / "hidden.npz", allow_pickle=False) as file:
        answer = file["float64"][4:]
    assert [float(f"{number:.{DIGITS}g}") for number in answer] == answer.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c, m: (c, m.replace("(3, 7)", "(3, 6)")), "double: 3 misconceptions; 4 are needed"),
        (
            lambda c, m: (c, m.replace("(3, 7)", "(2, 7)")),
            "double: no case tells 'times 2' from the solution",
        ),
        (lambda c, m: (c, m.replace('f"Not {number} times."', '" "')), "'times 3' has no hint"),
        (lambda c, m: (c, m.replace('f"times {number}"', '"same"')), "two misconceptions have the same name"),
        (lambda c, m: (c, m.replace('wrong("double"', 'wrong("triple"')), "double: 0 misconceptions"),
        (
            lambda c, m: (c, m + 'wrong("triple", "n", "h")(abs)'),
            "triple: has the misconception 'n', but no cases",
        ),
        (
            lambda c, m: (c.replace('hidden("secret', 'visible("secret'), m),
            "double: there are no hidden cases",
        ),
        (
            lambda c, m: (c.replace("secret row", "a row of 4"), m),
            "the label of a hidden case holds a number",
        ),
        (
            lambda c, m: (c.replace('Exercise("double"', 'Exercise("triple"'), m),
            "no solution cell defines it",
        ),
        (lambda c, m: (c.replace('{"a": "a is wrong."}', "{}"), m), "quiz_x: a wrong answer has no hint"),
        (lambda c, m: (c.replace('"ab", "b"', '"abc", "b"'), m), "quiz_x: each wrong option needs a hint"),
        (lambda c, m: (c.replace('"ab", "b"', '"ab", "a"'), m), "cases.py says 'a', the notebook says 'b'"),
    ],
)
def test_gaps_are_refused_in_one_line(
    tmp_path: Path, change: Callable[[str, str], tuple[str, str]], words: str
) -> None:
    with pytest.raises(RecordError) as caught:
        record(course(tmp_path, *change(CASES, MISCONCEPTIONS)), {"double": double, "quiz_x": "b"})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_solution_that_fails_or_changes_its_input_is_refused(tmp_path: Path) -> None:
    def fails(x: np.ndarray) -> np.ndarray:
        raise KeyError("x")

    def changes(x: np.ndarray) -> np.ndarray:
        x *= 2
        return x

    for function, words in [(fails, "raised KeyError"), (changes, "changes its arguments")]:
        with pytest.raises(RecordError, match=words):
            record(course(tmp_path), {"double": function, "quiz_x": "b"})


LOOSE = """
from autograder.cases import Arrays, Exercise, Quiz, hidden, visible

a = Arrays("double")
EXERCISES = [
    Exercise(
        "double",
        [
            visible("a row", a(1, 3)).within(0.1).expecting(2 * Arrays("double")(1, 3)),
            hidden("another", a(2, 2)).seen_as("VIEW"),
        ],
    )
]
QUIZZES = [Quiz("quiz_x", "ab", "b", {"a": "a is wrong."})]
"""


def test_a_case_may_be_looser_and_look_at_a_part_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def largest(answer: np.ndarray, x: np.ndarray) -> float:
        if np.shape(answer) != x.shape:
            raise views.WrongForm("The answer should have the shape of the input.")
        return float(np.max(answer))

    monkeypatch.setattr(views, "largest", largest, raising=False)
    folder = course(tmp_path, LOOSE.replace("VIEW", "largest"))
    record(folder, {"double": lambda x: 2.01 * x, "quiz_x": "b"})  # near enough to the given answer
    monkeypatch.setattr(checks, "FOLDERS", [folder])
    for hidden in (False, True):
        checks.run("double", lambda x: 2.01 * x, hidden=hidden)
    checks.run("double", lambda x: np.sort(2.01 * x.ravel()).reshape(x.shape), hidden=True)
    with pytest.raises(checks.CheckFailed, match="The answer at index"):
        checks.run("double", lambda x: 2.9 * x)
    with pytest.raises(checks.CheckFailed, match="should have the shape of the input"):
        checks.run("double", lambda x: x.ravel(), hidden=True)
    with pytest.raises(RecordError, match="'a row', the solution is not right"):
        record(folder, {"double": lambda x: 2.9 * x, "quiz_x": "b"})


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cases\.py is missing"):
        record(tmp_path, {})


def test_inputs_are_the_same_everywhere_and_never_zero() -> None:
    numbers = Arrays("x")(3, 4)
    assert numbers.tolist() == Arrays("x")(3, 4).tolist()
    assert numbers.ravel()[:3].tolist() == [1.6875, -0.0625, -0.8125]
    assert (np.abs(Arrays("x")(1000) * 16) % 2 == 1).all()
    assert not Arrays("x").strided(2, 3).flags.c_contiguous
    assert Arrays("x").turned(2, 3).flags.f_contiguous
    assert (Arrays("x").rough(5).astype("float32") != Arrays("x").rough(5)).all()


def test_solutions_are_read_from_the_source(tmp_path: Path) -> None:
    source = tmp_path / "00_small.py"
    source.write_text(
        '# %% setup=true\nimport math\n\n# %% solution="root"\ndef root(x):\n    return math.sqrt(x)\n\n'
        '# %% figure="crash"\n1 / 0\n',
        encoding="utf-8",
    )
    setup, cells = solution_cells(source)
    assert setup == "import math"
    assert [cell.name for cell in cells] == ["root"]
    assert run_solutions(source)["root"](9) == 3
