"""The checks that students see, and their messages: what is said, in which order, and what never is."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from autograder.answers import record
from utils import checks, compare, probes, stored

ROOT = Path(__file__).resolve().parents[1]
CASES = '''
"""Cases of a small course."""

import numpy as np

from autograder.cases import Arrays, Exercise, Quiz, hidden, visible

a = Arrays("scale")
EXERCISES = [
    Exercise("scale", [
        visible("a row", np.array([[1.0, 2.0, 4.0]]), 3),
        visible("float32", a(2, 3, dtype="float32"), 0.5),
        visible("a factor below 0", a(2, 3), -1),
        hidden("a slice of a larger array", a.strided(2, 3), 3),
        hidden("all digits", a.rough(3, 2), 1.5),
        hidden("a negative factor", a(2, 3), -2),
    ]),
    Exercise("count", [visible("three", [1, 2, 3]), hidden("none", [])]),
    Exercise("odd", [visible("up to six", 6), hidden("none", 0)]),
    Exercise("mean", [visible("two numbers", np.array([1.0, 2.0])), hidden("more", a(5))]),
    Exercise("squares", [
        visible("a tensor", a(2, 2)).tensors().through("gradients"),
        hidden("a wide one", a(1, 4)).tensors(),
    ]),
]
QUIZZES = [
    Quiz("quiz_number", "a whole number", 27, {9: "9 forgets the depth."}),
    Quiz("quiz_letter", "abc", "b", {"a": "a is wrong.", "c": "c is wrong."}),
]
'''

MISCONCEPTIONS = '''
"""Misconceptions of a small course."""

from autograder.cases import Misconceptions

wrong = Misconceptions()


def right(x, factor):
    if factor < 0:
        raise ValueError("negative")
    return x * x.dtype.type(factor)


@wrong("scale", "added instead of multiplied", "You add the factor; it multiplies.")
def _(x, factor):
    right(x, factor)
    return x + x.dtype.type(factor)


@wrong("scale", "no error", "A factor below 0 should raise a ValueError.")
def _(x, factor):
    return x * x.dtype.type(factor)


@wrong("scale", "input changed", "Your code changes x itself.")
def _(x, factor):
    right(x, factor)
    x *= x.dtype.type(factor)
    return x


@wrong("scale", "rows mixed", "The rows are in reverse order.")
def _(x, factor):
    return right(x, factor)[:, ::-1]


@wrong("scale", "rows refused", "A row is an array like any other.")
def _(x, factor):
    if len(x) == 1:
        raise ValueError("a row")
    return right(x, factor)


for exercise in ("count", "odd", "mean", "squares"):
    for number in range(4):
        answer = "wrong" + "!" * number
        wrong(exercise, f"mistake {number}", f"Hint {number}.")(lambda *args, answer=answer: answer)
'''


def scale(x: np.ndarray, factor: float) -> np.ndarray:
    if factor < 0:
        raise ValueError(f"factor {factor}")
    return x * x.dtype.type(factor)


def odd(size: int) -> list[int]:
    return list(range(1, size, 2))


SOLUTIONS: dict[str, Any] = {
    "scale": scale,
    "count": len,
    "odd": odd,
    "mean": lambda x: x.mean(),
    "squares": lambda x: x * x,
    "quiz_number": 27,
    "quiz_letter": "b",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("00_small")
    (path / "cases.py").write_text(CASES, encoding="utf-8")
    (path / "misconceptions.py").write_text(MISCONCEPTIONS, encoding="utf-8")
    record(path, SOLUTIONS)
    return path


@pytest.fixture(autouse=True)
def only_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDERS", [folder])


def failure(exercise: str, function: Callable[..., Any], hidden: bool = False) -> checks.CheckFailed:
    with pytest.raises(checks.CheckFailed) as caught:
        checks.run(exercise, function, hidden=hidden)
    return caught.value


def text(words: str) -> str:
    return dedent(words).strip()


def test_a_right_answer_prints_one_line_per_case(capsys: pytest.CaptureFixture[str]) -> None:
    checks.run("scale", scale)
    assert capsys.readouterr().out == "✔ a row\n✔ float32\n✔ a factor below 0\n"
    checks.run("scale", scale, hidden=True)
    assert capsys.readouterr().out.count("✔") == 3


def test_a_well_known_mistake_is_named_first() -> None:
    failed = failure(
        "scale", lambda x, factor: scale(x, factor) - scale(x, factor) + x + x.dtype.type(factor)
    )
    assert failed.message == text(
        """
        You add the factor; it multiplies.

        ✘ a row
          scale([[1.0, 2.0, 4.0]], 3)
        The answer at index (0, 0) should be 3.0, but it is 4.0. 3 of 3 entries are wrong; the \
largest difference is 5.
        1 of 3 cases of scale are right.
        """
    )
    assert failed.misconception == "added instead of multiplied"
    assert failed.hint == "You add the factor; it multiplies."
    assert failed.label == "a row"
    assert str(failed) == failed.message


def test_a_mistake_that_comes_with_another_one_is_named_by_the_first_wrong_case() -> None:
    def two_mistakes(x: np.ndarray, factor: float) -> np.ndarray:
        return x + x.dtype.type(factor) if factor == 3 else np.zeros_like(x)

    failed = failure("scale", two_mistakes)
    assert failed.misconception == "added instead of multiplied"
    # It agrees in one case of three, so this is a guess.
    assert failed.message.startswith("Perhaps: You add the factor; it multiplies.")


def test_numbers_that_are_nearly_right_name_no_mistake() -> None:
    sheet = checks._find("scale", hidden=False)
    assert isinstance(sheet, stored.Sheet)
    sheet = replace(sheet, cases=sheet.cases[:2])
    nearly = [replace(checks.observe(case, scale), value=case.value * (1 + 1e-7)) for case in sheet.cases]
    # A mistake that is as near to the right answer, such as a tiny number that is added somewhere.
    tiny = stored.Misconception("tiny", "", tuple(compare.fingerprint(outcome) for outcome in nearly))
    some = replace(sheet, misconceptions=(tiny,))
    right = [compare.Outcome(case.value) for case in sheet.cases]
    differences = [compare.first_difference(*pair) for pair in zip(right, nearly, strict=True)]
    assert differences[0] is not None and differences[0].near and differences[1] is None
    assert checks._recognise(some, nearly, differences, 0) is None
    assert checks._recognise(some, nearly[:1], differences[:1], 0) is tiny


def test_arrays_in_a_tuple_are_written_by_their_shape() -> None:
    given = (np.ones((40, 30)), [np.ones(2), "a"], 3)
    assert checks._argument(given) == "(<float64 (40, 30)>, [[1.0, 1.0], 'a'], 3)"
    assert checks._argument((np.zeros(1),)) == "([0.0],)"
    assert checks._argument([(1, 2), (3, 4)]) == "[(1, 2), (3, 4)]"


@pytest.mark.parametrize(("off", "named"), [(0.0, True), (0.01, True), (0.05, False)])
def test_a_mistake_may_be_off_as_far_as_a_right_answer(off: float, named: bool) -> None:
    sheet = checks._find("scale", hidden=False)
    assert isinstance(sheet, stored.Sheet)
    roughly = replace(sheet, cases=tuple(replace(case, tolerance=0.02) for case in sheet.cases))
    added = [checks.observe(case, lambda x, factor: (x + factor) * (1 + off)) for case in sheet.cases]
    wrong = [compare.Difference("values", "", "")] * len(added)
    found = checks._recognise(roughly, added, wrong, 0)
    assert (found is not None and found.name == "added instead of multiplied") == named
    assert checks._recognise(sheet, added, wrong, 0) == (found if off == 0 else None)


def test_one_exception_alone_names_no_mistake() -> None:
    def refuses_rows(x: np.ndarray, factor: float) -> np.ndarray:
        if len(x) == 1:
            raise ValueError("a row")
        return scale(x, factor)

    def refuses(x: np.ndarray, factor: float) -> np.ndarray:
        raise ValueError("no reason")

    assert failure("scale", refuses_rows).misconception == "rows refused"
    assert failure("scale", refuses).misconception == ""


@pytest.mark.parametrize(
    ("shows", "words"),
    [
        ("nothing", "^A hidden check of scale does not hold.$"),
        (
            "message",
            "a slice of a larger array\nThe answer has the right shape and dtype, but wrong values.\n",
        ),
        ("example", r"a slice of a larger array\n  scale\(.*\nThe answer at index \(0, 0\) should be "),
    ],
)
def test_a_hidden_check_shows_what_its_author_allows(shows: str, words: str) -> None:
    with pytest.raises(checks.CheckFailed, match=words) as caught:
        checks.run("scale", lambda x, factor: scale(x, factor) + 1, hidden=True, shows=shows)
    assert caught.value.expected is None
    with pytest.raises(ValueError, match="one of nothing, message, example"):
        checks.run("scale", scale, hidden=True, shows="all")


def test_hidden_cases_show_no_numbers() -> None:
    failed = failure("scale", lambda x, factor: scale(x, factor) + 1, hidden=True)
    assert failed.message == text(
        """
        ✘ a slice of a larger array
        The answer has the right shape and dtype, but wrong values.
        1 of 3 hidden cases of scale are right.
        """
    )
    assert failed.expected is None
    assert failed.got is None
    assert failed.picture() is None


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, factor: 1 / 0, "Your code raised ZeroDivisionError: division by zero"),
        (
            lambda x, factor: None,
            "should be a NumPy array of shape (1, 3), but it is None. Is a `return` missing?",
        ),
        (
            lambda x, factor: scale(x, factor).tolist(),
            "a NumPy array of shape (1, 3), but it is a list or tuple ([[3.0, 6.0, 12.0]]).",
        ),
        (lambda x, factor: scale(x, factor).T, "The answer should have the shape (1, 3), but it has (3, 1)."),
        (
            lambda x, factor: scale(x, factor).astype("float32"),
            "The answer should have the dtype float64, as the input has, but it has float32.",
        ),
        (
            lambda x, factor: np.where(x > 1, np.nan, scale(x, factor)),
            "The answer holds nan at index (0, 1). Is every entry of it set?",
        ),
        (
            lambda x, factor: scale(x, factor) * (1 + 1e-7),
            "should be 3.0, but it is 3.0000003. 3 of 3 entries are wrong; the largest difference is 1.2e-06. "
            "So near and yet wrong: was something tiny added, or rounded to a coarser dtype, on the way?",
        ),
    ],
    ids=["error", "nothing", "list", "shape", "dtype", "nan", "rounded"],
)
def test_what_differs_first(function: Callable[..., Any], words: str) -> None:
    failed = failure("scale", function)
    assert words in failed.message
    assert failed.label == "a row"


def test_two_numbers_are_written_so_that_they_differ() -> None:
    def words(want: Any, came: Any) -> str:
        found = compare.first_difference(compare.Outcome(want), compare.Outcome(came))
        assert found is not None
        return found.words

    near = " So near and yet wrong: was something tiny added, or rounded to a coarser dtype, on the way?"
    third = words(1 / 3, 1 / (3 + 1e-7))
    assert third == "The answer should be 0.333333333, but it is 0.333333322." + near
    assert words(0.1, 0.2) == "The answer should be 0.1, but it is 0.2."
    assert words(np.float64(0.1), np.float64(0.1) + 1e-9 / 3).startswith(
        "The answer should be 0.1, but it is "
    )
    assert words(float("nan"), 1.5) == "The answer should be nan, but it is 1.5."


def test_a_changed_input_is_seen_though_the_answer_is_right() -> None:
    def changes(x: np.ndarray, factor: float) -> np.ndarray:
        y = scale(x, factor)
        x[0] = 0
        return y

    words = "Your code changes its argument number 1. Leave the inputs as they were."
    assert words in failure("scale", changes).message


def test_the_form_is_looked_at_before_the_numbers() -> None:
    failed = failure("scale", lambda x, factor: (x + np.nan).astype("float32"))
    assert "should have the dtype float64" in failed.message


def test_a_stub_is_called_unfinished_not_wrong() -> None:
    def stub(x: np.ndarray, factor: float) -> np.ndarray:
        raise NotImplementedError

    assert "This exercise is still to be written" in failure("scale", stub).message


def test_an_error_that_is_due_must_be_a_value_error() -> None:
    class Negative(ValueError):
        pass

    def with_error(error: type[Exception]) -> Callable[..., Any]:
        def function(x: np.ndarray, factor: float) -> np.ndarray:
            if factor < 0:
                raise error("factor")
            return scale(x, factor)

        return function

    checks.run("scale", with_error(Negative))
    wrong_error = failure("scale", with_error(TypeError)).message
    assert "These arguments are wrong on purpose: your code should raise ValueError" in wrong_error
    assert "but it raised TypeError: factor" in wrong_error
    missing = failure("scale", lambda x, factor: x * x.dtype.type(factor))
    assert missing.misconception == "no error"
    assert "should raise ValueError, but it returned a NumPy array of shape (2, 3)." in missing.message


def test_numbers_may_be_of_python_or_numpy() -> None:
    checks.run("count", lambda items: np.int64(len(items)))
    checks.run("count", lambda items: np.array(len(items)))
    checks.run("mean", lambda x: float(x.mean()))
    checks.run("mean", lambda x: np.asarray(x.mean()))
    assert (
        "should be a whole number (3), but it is a float (3.0)" in failure("count", lambda items: 3.0).message
    )
    assert "but it is True or False" in failure("count", lambda items: True).message


def test_numbers_of_very_many_digits_do_no_harm() -> None:
    words = "The answer should be 3, but it is a number of very many digits."
    assert words in failure("count", lambda items: 10**5000).message
    assert "very many digits" in failure("mean", lambda x: 10**5000).message
    for answer in ([10**5000], (1, [10**5000]), {"a": 10**5000}, {10**5000: 1}, {(10**5000,): 1}):
        assert "very many digits" in failure("mean", lambda x, answer=answer: answer).message


def test_answers_of_very_many_parts_are_cut_in_the_message_and_take_little_time() -> None:
    def parts_looked_at(answer: object) -> int:
        """How many of the answer's arrays were summed up to recognise a mistake."""
        return len(compare.fingerprint(compare.Outcome(answer))[2])

    for answer in ([0.5] * 100_000, {str(n): n for n in range(100_000)}, [[1] * 100_000] * 100):
        assert parts_looked_at(answer) == compare.MOST_PARTS
        assert len(failure("mean", lambda x, answer=answer: answer).message) < 500
    assert parts_looked_at([1, [2, 3]]) == 5
    assert "got [1, 3, 5, 7, 9, 11" in failure("odd", lambda size: list(range(1, 10**6, 2))).message


def test_lists_may_be_tuples_or_arrays_of_whole_numbers() -> None:
    checks.run("odd", lambda size: tuple(odd(size)))
    checks.run("odd", lambda size: np.array(odd(size), dtype=int))
    failed = failure("odd", lambda size: odd(size)[:-1])
    assert "The answer should hold 3 items, but it holds 2: expected [1, 3, 5], got [1, 3]." in failed.message
    failed = failure("odd", lambda size: [1, 3, 7])
    assert "The answer's item 2 should be 5, but it is 7." in failed.message


def test_objects_that_claim_to_be_equal_are_not_believed() -> None:
    class Equal:
        shape, dtype = (1, 3), np.dtype("float64")

        def __eq__(self, other: object) -> bool:
            return True

        def __sub__(self, other: object) -> "Equal":
            return self

        def __abs__(self) -> float:
            return 0.0

    class EqualArray(np.ndarray):
        def __eq__(self, other: object) -> Any:
            return np.ones(self.shape, bool)

    assert "object of type Equal" in failure("scale", lambda x, factor: Equal()).message
    assert "object of type EqualArray" in failure("scale", lambda x, factor: x.view(EqualArray)).message
    entries = np.empty((1, 3), object)
    entries[:] = Equal()
    assert "another kind of dtype" in failure("scale", lambda x, factor: entries).message


def test_hidden_messages_carry_nothing_that_the_code_wrote() -> None:
    """Or a student could have the hidden inputs printed into the feedback."""

    def raises(x: np.ndarray, factor: float) -> np.ndarray:
        raise type(f"Secret{factor}", (Exception,), {})(f"Secret{factor}")

    def returns(x: np.ndarray, factor: float) -> Any:
        return type(f"Secret{factor}", (), {})()

    def structured(x: np.ndarray, factor: float) -> Any:
        return np.zeros(x.shape, [(f"Secret{factor}", float)])

    for function in (raises, returns, structured):
        assert "Secret" not in failure("scale", function, hidden=True).message
    assert "Your code raised an error." in failure("scale", raises, hidden=True).message


def test_the_stack_of_calls_is_left_out() -> None:
    failed = failure("scale", lambda x, factor: x)
    assert failed._render_traceback_() == checks.wrapped(failed.message)
    assert issubclass(checks.CheckFailed, AssertionError)


def test_the_picture_is_drawn_for_arrays_with_two_axes_or_more() -> None:
    failed = failure("scale", lambda x, factor: scale(x, factor) + 1)
    figure = failed.picture()
    assert figure is not None
    assert len(figure.axes) >= 3
    assert failure("mean", lambda x: 0.0).picture() is None


def test_slices_of_larger_arrays_come_with_gaps(folder: Path) -> None:
    sheet = stored.read(folder / "hidden.npz", "scale")
    assert isinstance(sheet, stored.Sheet)
    (x, _), _ = sheet.cases[0].inputs()
    assert not x.flags.c_contiguous
    assert x.base.shape == (2, 6)
    assert (x.base[:, ::2] != 0).all()
    assert (x.base[:, 1::2] == 0).all()


def test_gradients_are_compared_too() -> None:
    checks.run("squares", lambda x: x * x)
    failed = failure("squares", lambda x: (x * x).detach())
    assert (
        "The answer's gradients, item 0 should be a PyTorch tensor of shape (2, 2), but it is None."
        in failed.message
    )


class Proxy:
    """Stands for a function in another process, as the referee's proxies do."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.asked = function, [""]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def _run_beside(self, module: str, name: str, args: Any, kwargs: Any) -> Any:
        self.asked.append(f"{module}.{name}")
        return getattr(probes, name)(self.function, *args, **kwargs)


def test_probes_run_beside_the_function_they_ask() -> None:
    proxy = Proxy(lambda x: x * x)
    checks.run("squares", proxy)
    assert proxy.asked == ["", "utils.probes.gradients"]


def test_errors_from_another_process_keep_their_names() -> None:
    class StudentError(Exception):
        type_name = "KeyError"

    class StudentDied(Exception):
        pass

    def raises(x: np.ndarray, factor: float) -> np.ndarray:
        raise StudentError("'a'")

    def dies(x: np.ndarray, factor: float) -> np.ndarray:
        raise StudentDied("out of memory")

    assert "Your code raised KeyError: 'a'" in failure("scale", Proxy(raises)).message
    with pytest.raises(StudentDied):
        checks.run("scale", Proxy(dies))


def test_quiz_says_whether_the_answer_has_a_valid_form(capsys: pytest.CaptureFixture[str]) -> None:
    checks.quiz("quiz_number", 3)
    checks.quiz("quiz_letter", " C ")
    assert capsys.readouterr().out.count("you learn after you hand in") == 2
    for name, answer, words in [
        ("quiz_number", None, "quiz_number has no answer yet: write a whole number."),
        ("quiz_number", "many", "The answer quiz_number should be a whole number."),
        ("quiz_number", 2.5, "should be a whole number"),
        ("quiz_letter", "d", 'The answer quiz_letter should be one of the letters "a", "b", "c".'),
        ("quiz_letter", "", "one of the letters"),
        ("quiz_letter", 1, "one of the letters"),
    ]:
        with pytest.raises(checks.CheckFailed, match=re.escape(words)):
            checks.quiz(name, answer)


def test_quiz_marks_the_answer_after_handing_in() -> None:
    for name, answers in {"quiz_number": [27, 27.0, np.int64(27)], "quiz_letter": ["b", "B", "(b)"]}.items():
        for answer in answers:
            checks.quiz(name, answer, hidden=True)
    for name, answer, words in [
        ("quiz_number", 9, "9 forgets the depth."),
        ("quiz_number", 10, "That is not the answer"),
        ("quiz_letter", "a", "a is wrong."),
    ]:
        with pytest.raises(checks.CheckFailed) as caught:
            checks.quiz(name, answer, hidden=True)
        assert str(caught.value).startswith(words)
        assert "27" not in str(caught.value)


def test_missing_answers_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="is a quiz"):
        checks.run("quiz_number", len)
    monkeypatch.setattr(checks, "FOLDERS", [tmp_path])
    with pytest.raises(LookupError, match="No stored answers for scale were found in"):
        checks.run("scale", scale)
    with pytest.raises(LookupError, match="run after you hand in"):
        checks.run("scale", scale, hidden=True)


def test_loops_over_pixels_are_counted_not_timed() -> None:
    def loops(x: np.ndarray) -> None:
        for _ in np.nditer(x):
            pass

    small, large = (np.zeros((4, 5)),), (np.zeros((20, 30)),)
    assert probes.loops_over_pixels(loops, small, large) == "a loop over pixels"
    assert probes.loops_over_pixels(np.sum, small, large) == "no loop over pixels"
    assert probes.loops_over_pixels(lambda x: [row.sum() for row in x], small, large) == "no loop over pixels"


def test_the_layer_probe_sees_what_is_registered() -> None:
    class Plain(torch.nn.Module):
        def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
            super().__init__()
            self.weight = torch.zeros(out_channels, in_channels, kernel_size, kernel_size)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    found = probes.layer(Plain, (2, 3, 1), {}, {}, torch.zeros(1, 2, 3, 3))
    assert found["parameters"] == {}
    right = probes.layer(torch.nn.Conv2d, (2, 3, 3), {}, {}, torch.zeros(1, 2, 3, 3))
    assert right["parameters"] == {"bias": [3], "weight": [3, 2, 3, 3]}
    assert right["start"] == {"bias": "within the bound", "weight": "within the bound, on both sides of 0"}


def test_long_lines_of_a_message_break_between_words() -> None:
    message = "Look here.\n\n✘ a row\n  scale(" + "[1, 2], " * 20 + "3)\n" + "word " * 30 + "\n" + "x" * 100
    lines = checks.CheckFailed(message)._render_traceback_()
    assert lines[:3] == ["Look here.", "", "✘ a row"]
    assert lines[-1] == "x" * 100  # one word stays one
    assert max(map(len, lines[:-1])) <= checks.LINE_WIDTH
    assert [line.startswith("  ") for line in lines[3:]] == [True, True, False, False, False]
    assert " ".join(" ".join(lines).split()) == " ".join(message.split())


def test_a_notebook_shows_the_picture_and_the_message(folder: Path) -> None:
    cell = f"""
import sys, pathlib
sys.path.insert(0, {str(ROOT)!r})
from utils import checks
checks.FOLDERS[:] = [pathlib.Path({str(folder)!r})]
checks.run("scale", lambda x, factor: x * factor + 1)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    (error,) = [output for output in outputs if output.output_type == "error"]
    (picture,) = [output for output in outputs if output.output_type == "display_data"]
    assert error.ename == "CheckFailed"
    assert error.evalue.startswith("✘ a row")
    assert error.traceback == checks.wrapped(error.evalue)
    assert "image/png" in picture.data
    assert "in the case “a row”" in picture.metadata["image/png"]["alt"]
