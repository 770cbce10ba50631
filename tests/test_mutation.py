"""The audit of the checks, on small examples and on every notebook, where it must reach its bar."""

import io
import time

import numpy as np
import pytest
from casebooks import NOTEBOOKS, ROOT, Notebook
from rich.console import Console

from autograder import mutation
from autograder.answers import solution_cells
from autograder.cases import Exercise, hidden, visible
from autograder.mutants import mutants

CLIP = '''
def clip(x, low=0):
    """Cut off at 0 - 1."""
    if low < 0:
        raise ValueError(f"low is {low - 1}")
    return [max(n, low) for n in x]
'''


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants(source)]


def test_mutants_change_one_thing_each() -> None:
    assert changes(CLIP) == [
        "def clip(x, low=0): => def clip(x, low=1):",
        "def clip(x, low=0): => def clip(x, low=-1):",
        "if low < 0: => (left out)",
        "if low < 0: => if not low < 0:",
        "if low < 0: => if low <= 0:",
        "if low < 0: => if low >= 0:",
        "if low < 0: => if low < 1:",
        "if low < 0: => if low < -1:",
        "return [max(n, low) for n in x] => return [max(n) for n in x]",
        "return [max(n, low) for n in x] => return [min(n, low) for n in x]",
        "raise ValueError(f'low is {low - 1}') => (left out)",
    ]


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("a, b = x.shape; y = a * 2", "y = a * 2 => y = b * 2"),
        ("y = x[1:n]", "y = x[1:n] => y = x[1:n - 1]"),
        ("y = x[i, j]", "y = x[i, j] => y = x[j, i]"),
        ("y += x", "y += x => y = x"),
        ("y = np.sum(x, axis=1)", "y = np.sum(x, axis=1) => y = np.sum(x)"),
        ("y = np.sum(x, axis=1)", "y = np.sum(x, axis=1) => y = np.mean(x, axis=1)"),
        ("y = x.astype(t)", "y = x.astype(t) => y = x"),
        (
            "y = np.einsum('ab,bc->ac', x, x)",
            "y = np.einsum('ab,bc->ac', x, x) => y = np.einsum('ab,bc->ca', x, x)",
        ),
        (
            "y = x if b is None else x + b",
            "y = x if b is None else x + b => y = x if b is not None else x + b",
        ),
    ],
)
def test_the_mistakes_that_students_make_are_among_them(line: str, change: str) -> None:
    assert change in changes(f"def f(x, n, i, j, t, b, y):\n    {line}\n    return y")


def audit(source: str, exercise: Exercise, **listed: str) -> mutation.Audit:
    namespace: dict = {"np": np}
    exec(source, namespace)
    reasons = {exercise.name: {change.replace("__", " "): reason for change, reason in listed.items()}}
    return mutation.audit(exercise, source, namespace, {}, reasons)


def test_weak_cases_let_mutants_survive() -> None:
    weak = audit(CLIP, Exercise("clip", [visible("one number", [3]), hidden("another", [5])]))
    strong = audit(
        CLIP,
        Exercise(
            "clip", [visible("mixed", [-1, 0, 1, 3]), hidden("low", [-1, 3], 2), hidden("bad", [1], -1)]
        ),
    )
    assert weak.share < 0.7
    assert strong.share == 1
    assert all(not survivor.reason for survivor in weak.survivors)


def test_equivalent_mutants_need_a_reason() -> None:
    source = "def zero(x):\n    return x * 0"
    exercise = Exercise("zero", [visible("one", 1), hidden("none", 0)])
    listed = {"zero": {"return x * 0 => return 0": "the same", "return y => *": "not there"}}
    namespace: dict = {}
    exec(source, namespace)
    found = mutation.audit(exercise, source, namespace, {}, listed)
    assert [(s.change, s.reason) for s in found.survivors] == [("return x * 0 => return 0", "the same")]
    assert found.share == 1
    assert mutation._unused(found, listed) == ["return y => *"]


def test_hanging_crashing_and_greedy_code_counts_as_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(x: int) -> int:
        while True:
            pass

    def ends(x: int) -> int:
        import os

        os._exit(0)

    def greedy(x: int) -> int:
        return len(bytearray(1 << 40)) and x

    def leaves(x: int) -> int:
        raise SystemExit(0)

    def right(x: int) -> int:
        return x

    monkeypatch.setattr(mutation, "CPU_LIMIT_SECONDS", 0.2)
    exercise = Exercise("same", [visible("one", 1), hidden("two", 2)])
    judge = mutation.Judge(exercise, mutation.answers.reference_outcomes(exercise, right))
    functions = [right, hangs, right, ends, greedy, right, leaves]
    start = time.monotonic()
    assert judge.survivors([lambda made=function: made for function in functions]) == [0, 2, 5]  # type: ignore[misc]
    assert time.monotonic() - start < 20


def test_nothing_is_shown_if_the_solution_itself_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation.Judge, "survivors", lambda self, builders: [])
    exercise = Exercise("zero", [visible("one", 1), hidden("two", 2)])
    with pytest.raises(RuntimeError, match="zero: the solution itself fails"):
        mutation.audit(exercise, "zero = abs", {"zero": abs}, {}, {})


def test_an_unknown_exercise_is_named() -> None:
    with pytest.raises(LookupError, match="01_convolution has no exercise nothing; it has neuron"):
        mutation.run(ROOT, "01_convolution", "nothing")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=str)
def test_the_checks_of_a_notebook_reach_the_bar(notebook: Notebook) -> None:
    report = mutation.run(ROOT, notebook.name)
    assert report.ok
    assert report.unused == ()
    solved = {cell.name for cell in solution_cells(notebook.source)[1]}
    assert {one.exercise for one in report.audits} == solved - set(notebook.book.quizzes)
    for one in report.audits:
        assert one.named >= 4
        assert one.survivors_named == ()
        assert one.left_out == 0
    words = io.StringIO()
    mutation.show(report, Console(file=words, width=140))
    assert "is reached" in words.getvalue()
    assert "NOT KILLED" not in words.getvalue()
