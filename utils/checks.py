"""Checks your answers: calls your function on stored inputs and compares with stored right answers.

`run("conv2d", conv2d)` prints one line per case, or raises `CheckFailed` with the first thing that is wrong.
"""

from __future__ import annotations

import contextlib
import re
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import probes, stored, views
from .compare import (
    SAME_MISTAKE,
    Difference,
    Outcome,
    fingerprint,
    first_difference,
    kind,
    same_mistake,
    to_numpy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where the stored answers are looked for, first come first served. "." is the notebook's own folder.
FOLDERS = [Path(), *sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*"))]

WHOLE_NUMBER = "a whole number"  # the form of a quiz; other forms are the letters of its options
# A line of a traceback that lies in a cell, as Jupyter's kernel and plain IPython name them.
CELL_FRAME = re.compile(r'File "(?:<ipython-input-[^"]*|[^"]*ipykernel_[^"]*)", line (\d+), in (\w+)')

LARGEST_DRAWN = 1_000_000  # entries of an answer that is drawn; more would take seconds and gigabytes
LINE_WIDTH = 88  # characters; what a notebook shows without breaking lines in a window of usual width
SHOWN = ("nothing", "message", "example")  # what a failed hidden check may tell
PERHAPS = "Perhaps: "
SMALL = 12  # arrays with at most so many entries are written out in a message


class CheckFailed(AssertionError):
    """A check that does not hold; its text is for the student.

    Attributes:
        message: the whole text.
        misconception: name of the well-known mistake that gives the same answers, "" if none does.
        hint: what a teacher says to that mistake, "" if there is none.
        label: the case that failed.
        expected, got: the arrays or values that differ; None for hidden cases.
    """

    def __init__(
        self,
        message: str,
        misconception: str = "",
        hint: str = "",
        label: str = "",
        expected: Any = None,
        got: Any = None,
    ) -> None:
        super().__init__(message)
        self.message, self.misconception, self.hint, self.label = message, misconception, hint, label
        self.expected, self.got = expected, got

    def picture(self) -> Figure | None:
        """Expected, got and their difference side by side; None where there is nothing to draw."""
        if not (kind(self.expected) == kind(self.got) and kind(self.expected) in ("array", "tensor")):
            return None
        expected, got = to_numpy(self.expected), to_numpy(self.got)
        if expected.ndim < 2 or got.ndim < 2 or got.size > LARGEST_DRAWN:
            return None
        from . import plots  # only now: most checks draw nothing

        return plots.show_difference(expected, got)

    @property
    def picture_words(self) -> str:
        """The picture for those who cannot see it."""
        return f"Expected, got, and the difference of the two, side by side, in the case “{self.label}”."

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a stack of calls that would tell the student nothing."""
        return wrapped(self.message)


def wrapped(message: str) -> list[str]:
    """The message in lines that a notebook shows whole: left to itself it breaks long ones inside words."""
    lines = []
    for line in message.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line,
            LINE_WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines


def run(exercise: str, function: Callable[..., Any], hidden: bool = False, shows: str = "message") -> None:
    """Call `function` on all stored cases of an exercise and compare with the stored answers.

    Arguments:
        exercise: name of the exercise.
        function: your function (or class).
        hidden: use the hidden cases; their messages show no numbers.
        shows: what a failed hidden check tells: "nothing" but that it failed; the "message" (which case, what
            kind of difference, the hint to a well-known mistake); or also the "example", with its numbers.

    Errors:
        CheckFailed: with the first difference; it begins with a hint if the mistake is a well-known one.
        ValueError: shows is none of the three.
        LookupError: if no answers are stored for this exercise.
    """
    if shows not in SHOWN:
        raise ValueError(f"shows={shows!r}: it is one of {', '.join(SHOWN)}")
    sheet = _find(exercise, hidden)
    if not isinstance(sheet, stored.Sheet):
        raise LookupError(f"{exercise} is a quiz: use checks.quiz")
    outcomes: list[Outcome] = []
    for case in sheet.cases:
        outcomes.append(observe(case, function))
        if outcomes[-1].error == "TimeoutError":
            break  # the other cases would wait just as long
    expected = [Outcome(case.value, error=case.raises, tolerance=case.tolerance) for case in sheet.cases]
    differences = [first_difference(*pair) for pair in zip(expected, outcomes, strict=False)]
    if any(differences):
        if hidden and shows == "nothing":
            raise CheckFailed(f"A hidden check of {exercise} does not hold.")
        failure = _failure(sheet, outcomes, differences, hidden, numbers=not hidden or shows == "example")
        if not hidden:
            _show(failure)
        raise failure
    for case in sheet.cases:
        print(f"✔ {case.label}")


def observe(case: stored.Case, function: Callable[..., Any]) -> Outcome:
    """Make the call of one case on fresh inputs and say what came of it."""
    remote = hasattr(function, "_run_beside")  # under grading: the function lives in another process
    device = "cpu" if remote else probes.device()
    args, kwargs = case.inputs(device)
    call = partial(probes.find(case.probe), function) if case.probe else function
    try:
        value = call(*args, **kwargs)
    except Exception as error:
        if type(error).__name__ == "StudentDied":
            raise  # nothing more can be asked of a process that has ended
        name = getattr(error, "type_name", type(error).__name__)
        return Outcome(
            error="ValueError" if isinstance(error, ValueError) else name,
            words=f"{str(error).strip()} {_place(error)}".strip(),
        )
    place = value.device.type if kind(value) == "tensor" else ""
    elsewhere = "" if place == device.split(":")[0] else place
    complaint = ""
    if case.view:
        args_before, kwargs_before = case.inputs()
        try:
            value = views.find(case.view)(value, *args_before, **kwargs_before)
        except views.WrongForm as wrong:
            value, complaint = None, str(wrong)
    modified = _modified(case, args, kwargs, device)
    return Outcome(value, modified=modified, device=elsewhere, complaint=complaint)


def _place(error: Exception) -> str:
    """Where in the notebook an error arose, in brackets; "" if that is not known."""
    # Under grading the error comes from another process, which sends the traceback as text.
    text = getattr(error, "student_traceback", "") or getattr(error, "traceback_text", "")
    frames = CELL_FRAME.findall(text or "".join(traceback.format_tb(error.__traceback__)))
    return f"(in {frames[-1][1]}, line {frames[-1][0]} of its cell)" if frames else ""


def _modified(case: stored.Case, args: list[Any], kwargs: dict[str, Any], device: str) -> tuple[str, ...]:
    """The names of the arrays and tensors among the arguments that are no longer what they were."""
    args_before, kwargs_before = case.inputs(device)
    before = {**{f"number {i + 1}": value for i, value in enumerate(args_before)}, **kwargs_before}
    after = {**{f"number {i + 1}": value for i, value in enumerate(args)}, **kwargs}
    arrays = [name for name, value in before.items() if kind(value) in ("array", "tensor")]
    return tuple(name for name in arrays if first_difference(Outcome(before[name]), Outcome(after[name])))


def _failure(
    sheet: stored.Sheet,
    outcomes: list[Outcome],
    differences: list[Difference | None],
    hidden: bool,
    numbers: bool,
) -> CheckFailed:
    """Everything there is to say about the first case that is wrong."""
    first = next(index for index, difference in enumerate(differences) if difference)
    case, difference = sheet.cases[first], differences[first]
    assert difference is not None
    mistake = _recognise(sheet, outcomes, differences, first)
    parts = [mistake.hint, ""] if mistake else []
    parts.append(f"✘ {case.label}")
    if numbers:
        parts += [f"  {_call(sheet.exercise, case)}", difference.words]
    else:
        parts.append(difference.plain)
    right = sum(d is None for d in differences)
    parts.append(
        f"{right} of {len(sheet.cases)} {'hidden ' if hidden else ''}cases of {sheet.exercise} are right."
    )
    return CheckFailed(
        "\n".join(parts),
        misconception=mistake.name if mistake else "",
        hint=mistake.hint if mistake else "",
        label=case.label,
        expected=None if hidden else difference.expected,
        got=None if hidden else difference.got,
    )


def _recognise(
    sheet: stored.Sheet, outcomes: list[Outcome], differences: list[Difference | None], first: int
) -> stored.Misconception | None:
    """The well-known mistake that gives the same answers: in all cases, else in the first wrong one.

    If that agrees in fewer than half of the cases that it or the answer gets wrong, it may be a coincidence:
    the hint then begins with PERHAPS.

    Where right answers may differ a little, as those of a search do, so may those of a mistake.
    """
    prints = [fingerprint(outcome) for outcome in outcomes]

    def agrees(mistake: stored.Misconception, index: int, roughly: bool = False) -> bool:
        wrong = mistake.fingerprints[index]  # None where this mistake gives the right answer
        if wrong is None or differences[index] is None:
            return wrong is None and differences[index] is None
        tolerance = sheet.cases[index].tolerance if roughly else None
        return same_mistake(wrong, prints[index], tolerance or SAME_MISTAKE)

    def agrees_mostly(mistake: stored.Misconception) -> bool:
        found = [
            agrees(mistake, index, roughly=True)
            for index in range(len(prints))
            if differences[index] or mistake.fingerprints[index] is not None
        ]
        return 2 * sum(found) >= len(found)

    in_all = next((m for m in sheet.misconceptions if all(agrees(m, i) for i in range(len(prints)))), None)
    outcome, difference = outcomes[first], differences[first]
    # One and the same exception, or wrong form, may have a hundred causes; a number that is wrong in its last
    # digits is as near to that of a mistake as to the right one.
    many_causes = outcome.error or outcome.complaint or (difference is not None and difference.near)
    if in_all or many_causes:
        return in_all
    in_first = [m for m in sheet.misconceptions if agrees(m, first) or agrees(m, first, roughly=True)]
    in_first.sort(key=lambda m: not agrees(m, first))
    sure = next((m for m in in_first if agrees_mostly(m)), None)
    if sure or not in_first:
        return sure
    return replace(in_first[0], hint=PERHAPS + in_first[0].hint)


def _call(exercise: str, case: stored.Case) -> str:
    """The call of a case as a line of code, large arrays by their shape."""
    if case.call:
        return case.call
    args, kwargs = case.inputs()
    words = [_argument(value) for value in args]
    words += [f"{name}={_argument(value)}" for name, value in kwargs.items()]
    return f"{exercise}({', '.join(words)})"


def _argument(value: Any) -> str:
    if kind(value) in ("array", "tensor"):
        array = to_numpy(value)
        return str(array.tolist()) if array.size <= SMALL else f"<{array.dtype} {array.shape}>"
    if type(value) in (list, tuple) and any(kind(item) in ("array", "tensor", "sequence") for item in value):
        items = ", ".join(map(_argument, value))
        return f"[{items}]" if type(value) is list else f"({items}{',' * (len(value) == 1)})"
    return repr(value.item() if isinstance(value, np.generic) else value)


def _show(failure: CheckFailed) -> None:
    """Display the picture of a failure, if this is a notebook that can."""
    with contextlib.suppress(Exception):  # a picture that cannot be drawn must not hide the message
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None and hasattr(shell, "kernel"):
            figure = failure.picture()
            if figure is not None:
                from . import plots

                plots.finish(figure, failure.picture_words)


def quiz(name: str, answer: object, hidden: bool = False) -> None:
    """Look at the answer to a question: its form, and if hidden (after handing in) whether it is right.

    Errors:
        CheckFailed: if the form is wrong, or the answer itself; LookupError: if the question is unknown.
    """
    sheet = _find(name, hidden)
    if not isinstance(sheet, stored.QuizSheet):
        raise LookupError(f"{name} is an exercise: use checks.run")
    given = answer.strip().lower().strip("()\"'. ") if type(answer) is str else answer
    if answer is None or answer is Ellipsis:
        raise CheckFailed(f"{name} has no answer yet: write {_form(sheet)}.", label=name)
    number = kind(answer) == "int" or (type(answer) is float and answer.is_integer())
    letter = type(given) is str and len(given) == 1 and given in sheet.form
    if not (number if sheet.form == WHOLE_NUMBER else letter):
        raise CheckFailed(f"The answer {name} should be {_form(sheet)}.", label=name)
    if not hidden:
        print(f"✔ {name} has an answer; whether it is right you learn after you hand in.")
        return
    if sheet.form == WHOLE_NUMBER:
        given = int(answer)  # type: ignore[call-overload]
    if given != sheet.right:
        hint = sheet.hints.get(str(given), "")
        known = f"{name}: {given}" if hint else ""
        raise CheckFailed(hint or sheet.otherwise, misconception=known, hint=hint, label=name)
    print(f"✔ {name}")


def _form(sheet: stored.QuizSheet) -> str:
    if sheet.form == WHOLE_NUMBER:
        return sheet.form
    return "one of the letters " + ", ".join(f'"{letter}"' for letter in sheet.form)


def _find(exercise: str, hidden: bool) -> stored.Sheet | stored.QuizSheet:
    name = "hidden.npz" if hidden else "answers.npz"
    for folder in FOLDERS:
        path = folder / name
        if path.is_file():
            sheet = stored.read(path.resolve(), exercise)
            if sheet is not None:
                return sheet
    places = ", ".join(str(folder.resolve()) for folder in FOLDERS)
    if hidden:
        raise LookupError(f"The hidden cases of {exercise} are not here; they are run after you hand in.")
    raise LookupError(
        f"No stored answers for {exercise} were found in: {places}. Is this the course's folder?"
    )
