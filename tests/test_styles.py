"""Right code in other styles gets full marks, and wrong code is named, in every notebook."""

import collections

import pytest
from casebooks import EXERCISES, MISCONCEPTIONS, NOTEBOOKS, STYLES, Notebook

from utils import checks

MOST_BYTES = 300_000  # of the answers that students download

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=str)


@pytest.fixture(autouse=True)
def only_recorded(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDERS", [notebook.folder])


@pytest.mark.parametrize(("notebook", "exercise"), EXERCISES, ids=str)
def test_the_solution_passes(notebook: Notebook, exercise: str) -> None:
    checks.run(exercise, notebook.solutions[exercise])
    checks.run(exercise, notebook.solutions[exercise], hidden=True)


@pytest.mark.parametrize(("notebook", "exercise", "style"), STYLES, ids=str)
def test_right_code_in_another_style_passes(notebook: Notebook, exercise: str, style: str) -> None:
    checks.run(exercise, notebook.styles[exercise, style])
    checks.run(exercise, notebook.styles[exercise, style], hidden=True)


@each_notebook
def test_each_exercise_is_written_in_three_other_styles(notebook: Notebook) -> None:
    styles = collections.Counter(exercise for exercise, _ in notebook.styles)
    assert set(styles) == set(notebook.book.exercises)
    assert min(styles.values()) >= 3


@pytest.mark.parametrize(("notebook", "exercise", "name"), MISCONCEPTIONS, ids=str)
def test_a_misconception_loses_points_and_is_named(notebook: Notebook, exercise: str, name: str) -> None:
    (mistake,) = [mistake for mistake in notebook.book.mistakes(exercise) if mistake.name == name]
    verdicts = []
    for hidden in (False, True):
        try:
            checks.run(exercise, mistake.function, hidden=hidden)
        except checks.CheckFailed as failed:
            assert failed.message.startswith(failed.hint)
            verdicts.append(failed.misconception)
    assert verdicts, "the misconception passes all checks"
    assert set(verdicts) == {name}


@each_notebook
def test_quizzes_mark_right_and_wrong(notebook: Notebook) -> None:
    for name, quiz in notebook.book.quizzes.items():
        right = notebook.solutions[name]
        checks.quiz(name, right)
        checks.quiz(name, right, hidden=True)
        for answer, hint in quiz.hints.items():
            checks.quiz(name, answer)
            with pytest.raises(checks.CheckFailed) as caught:
                checks.quiz(name, answer, hidden=True)
            assert str(caught.value) == hint


@each_notebook
def test_the_answers_are_small(notebook: Notebook) -> None:
    assert (notebook.folder / "answers.npz").stat().st_size < MOST_BYTES
    assert (notebook.folder / "hidden.npz").stat().st_size < MOST_BYTES


@each_notebook
def test_each_misconception_has_a_hint_that_is_a_sentence(notebook: Notebook) -> None:
    for mistake in notebook.book.misconceptions:
        assert len(mistake.hint) >= 30, mistake.name
        assert mistake.hint.rstrip()[-1] in ".?)", mistake.name
        assert "  " not in mistake.hint, mistake.name
