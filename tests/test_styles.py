"""Right code in other styles gets full marks, and wrong code is named, in notebook 1."""

import collections
from pathlib import Path
from typing import Any

import pytest
from styles.convolution import STYLES

from autograder.answers import record, run_solutions
from autograder.cases import CaseBook, load
from utils import checks

FOLDER = Path(__file__).resolve().parents[1] / "solutions" / "01_convolution"
BOOK = load(FOLDER)
MOST_BYTES = 300_000  # of the answers that students download


@pytest.fixture(scope="module")
def solutions() -> dict[str, Any]:
    return run_solutions(FOLDER / "01_convolution.py")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, solutions: dict[str, Any]) -> Path:
    """Answers recorded now, from what the sources say now."""
    folder = tmp_path_factory.mktemp("recorded") / "01_convolution"
    folder.mkdir()
    for name in ("cases.py", "misconceptions.py"):
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    record(folder, solutions)
    return folder


@pytest.fixture(autouse=True)
def only_recorded(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDERS", [recorded])


@pytest.mark.parametrize("exercise", BOOK.exercises)
def test_the_solution_passes(exercise: str, solutions: dict[str, Any]) -> None:
    checks.run(exercise, solutions[exercise])
    checks.run(exercise, solutions[exercise], hidden=True)


@pytest.mark.parametrize(("exercise", "style"), STYLES)
def test_right_code_in_another_style_passes(exercise: str, style: str) -> None:
    checks.run(exercise, STYLES[exercise, style])
    checks.run(exercise, STYLES[exercise, style], hidden=True)


def test_each_exercise_is_written_in_three_other_styles() -> None:
    styles = collections.Counter(exercise for exercise, _ in STYLES)
    assert set(styles) == set(BOOK.exercises)
    assert min(styles.values()) >= 3


@pytest.mark.parametrize(
    ("exercise", "name"), [(mistake.exercise, mistake.name) for mistake in BOOK.misconceptions]
)
def test_a_misconception_loses_points_and_is_named(exercise: str, name: str) -> None:
    (mistake,) = [mistake for mistake in BOOK.mistakes(exercise) if mistake.name == name]
    verdicts = []
    for hidden in (False, True):
        try:
            checks.run(exercise, mistake.function, hidden=hidden)
        except checks.CheckFailed as failed:
            assert failed.message.startswith(failed.hint)
            verdicts.append(failed.misconception)
    assert verdicts, "the misconception passes all checks"
    assert set(verdicts) == {name}


def test_quizzes_mark_right_and_wrong(solutions: dict[str, Any]) -> None:
    for name, quiz in BOOK.quizzes.items():
        checks.quiz(name, solutions[name])
        checks.quiz(name, solutions[name], hidden=True)
        for answer, hint in quiz.hints.items():
            checks.quiz(name, answer)
            with pytest.raises(checks.CheckFailed) as caught:
                checks.quiz(name, answer, hidden=True)
            assert str(caught.value) == hint


def test_the_answers_are_small(recorded: Path) -> None:
    assert (recorded / "answers.npz").stat().st_size < MOST_BYTES
    assert (recorded / "hidden.npz").stat().st_size < MOST_BYTES


def test_each_misconception_has_a_hint_that_is_a_sentence() -> None:
    book: CaseBook = BOOK
    for mistake in book.misconceptions:
        assert len(mistake.hint) >= 30, mistake.name
        assert mistake.hint.rstrip()[-1] in ".?)", mistake.name
        assert "  " not in mistake.hint, mistake.name
