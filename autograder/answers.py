"""Records the answers: runs the reference and every misconception on all cases, and stores what comes out.

Writes solutions/<name>/answers.npz (visible cases, goes to the students) and hidden.npz (never does).
"""

import contextlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import torch

from utils import checks, stored
from utils.compare import Outcome, fingerprint, first_difference, kind

from .cases import Case, CaseBook, Exercise, Misconception, Quiz, load

FEWEST_MISCONCEPTIONS = 4
DIGITS = 11  # of a stored float64 that needs all of its digits: machines differ in the last ones


class RecordError(ValueError):
    """The cases or misconceptions of an exercise are not good enough to be recorded; says which and why."""


class Pack:
    """Packs values into JSON nodes and one flat buffer per dtype, the form that `utils.stored` reads."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[np.ndarray]] = {}
        self._lengths: dict[str, int] = {}

    def node(self, value: Any) -> Any:
        """A value as JSON; its arrays go into the buffers."""
        what = kind(value)
        if what == "array":
            return {"array": self._array(value)}
        if what == "tensor":
            return {"tensor": self._array(value.detach().cpu().numpy())}
        if isinstance(value, np.generic):
            return {"number": [str(value.dtype), value.item()]}
        if what == "sequence":
            return {"tuple" if type(value) is tuple else "list": [self.node(item) for item in value]}
        if what == "dict":
            return {"dict": [[key, self.node(item)] for key, item in value.items()]}
        if what == "other":
            raise RecordError(f"a {type(value).__name__} cannot be stored")
        return value

    def _array(self, array: np.ndarray) -> list[Any]:
        name = str(array.dtype)
        start = self._lengths.get(name, 0)
        self._pieces.setdefault(name, []).append(array.ravel())
        self._lengths[name] = start + array.size
        layout = "c" if array.flags.c_contiguous else "f" if array.flags.f_contiguous else "strided"
        return [name, start, list(array.shape), layout]

    def buffers(self) -> dict[str, np.ndarray]:
        """The buffers by the name of their dtype."""
        return {name: np.concatenate(self._pieces[name]) for name in sorted(self._pieces)}

    def write(self, path: Path, structure: dict[str, Any]) -> None:
        """Write the npz file; the same content gives the same bytes."""
        text = json.dumps(structure, ensure_ascii=False, separators=(",", ":")).encode()
        members = {"structure": np.frombuffer(text, np.uint8)}
        members |= self.buffers()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in members.items():
                data = BytesIO()
                np.lib.format.write_array(data, array, allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), zipfile.ZIP_DEFLATED, 9)


def record(assignment_folder: Path, solutions: Mapping[str, Any]) -> None:
    """Run everything on all cases and write answers.npz and hidden.npz into the folder.

    Arguments:
        assignment_folder: solutions/<name>, with cases.py and misconceptions.py.
        solutions: the names that the solution cells define.

    Errors:
        RecordError: one line that says what is missing or wrong: an exercise without cases or with too few
            misconceptions, a misconception that agrees with the reference on all cases, an empty hint, …
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        book = load(assignment_folder)
        examine(book, solutions)
        packs = {False: Pack(), True: Pack()}
        entries = {
            name: _exercise_entries(packs, exercise, solutions[name], book.mistakes(name))
            for name, exercise in book.exercises.items()
        }
        for file, is_hidden in (("answers.npz", False), ("hidden.npz", True)):
            exercises = {name: both[is_hidden] for name, both in entries.items()}
            quizzes = {name: _quiz_entry(quiz, is_hidden) for name, quiz in book.quizzes.items()}
            packs[is_hidden].write(assignment_folder / file, {"exercises": exercises, "quizzes": quizzes})
    finally:
        torch.set_num_threads(threads)


def examine(book: CaseBook, solutions: Mapping[str, Any]) -> None:
    """Look for gaps in the cases and misconceptions before anything is recorded."""
    for name, exercise in book.exercises.items():
        if name not in solutions:
            raise RecordError(f"{name}: cases.py has cases, but no solution cell defines it")
        for is_hidden in (False, True):
            if not [case for case in exercise.cases if case.hidden == is_hidden]:
                raise RecordError(f"{name}: there are no {'hidden' if is_hidden else 'visible'} cases")
        labels = [(case.label, case.hidden) for case in exercise.cases]
        if len(set(labels)) < len(labels):
            raise RecordError(f"{name}: two cases have the same label")
        for case in exercise.cases:
            if case.hidden and re.search(r"\d", re.sub(r"float\d\d", "", case.label)):
                raise RecordError(f"{name}: the label of a hidden case holds a number: {case.label!r}")
        mistakes = book.mistakes(name)
        if len(mistakes) < FEWEST_MISCONCEPTIONS:
            raise RecordError(f"{name}: {len(mistakes)} misconceptions; {FEWEST_MISCONCEPTIONS} are needed")
        if len({mistake.name for mistake in mistakes}) < len(mistakes):
            raise RecordError(f"{name}: two misconceptions have the same name")
        for mistake in mistakes:
            if not mistake.hint.strip():
                raise RecordError(f"{name}: the misconception {mistake.name!r} has no hint")
    for mistake in book.misconceptions:
        if mistake.exercise not in book.exercises:
            raise RecordError(f"{mistake.exercise}: has the misconception {mistake.name!r}, but no cases")
    for name, quiz in book.quizzes.items():
        if name not in solutions or solutions[name] != quiz.right:
            raise RecordError(
                f"{name}: cases.py says {quiz.right!r}, the notebook says {solutions.get(name)!r}"
            )
        if not quiz.hints or not all(hint.strip() for hint in [*quiz.hints.values(), quiz.otherwise]):
            raise RecordError(f"{name}: a wrong answer has no hint")
        if quiz.form != "a whole number" and {*map(str, quiz.hints), str(quiz.right)} != set(quiz.form):
            raise RecordError(f"{name}: each wrong option needs a hint")


def stored_case(pack: Pack, case: Case, expected: Outcome) -> dict[str, Any]:
    """A case as JSON, the fields of `utils.stored.Case` without the buffers."""
    looks: dict[str, Any] = {"view": case.view} if case.view else {}
    if case.tolerance is not None:
        looks["tolerance"] = case.tolerance
    return {
        "label": case.label,
        "probe": case.probe,
        "call": case.call,
        **looks,
        "args": [pack.node(value) for value in case.args],
        "kwargs": [[name, pack.node(value)] for name, value in case.kwargs.items()],
        "expected": {"raises": expected.error} if expected.error else {"value": pack.node(expected.value)},
    }


def live_case(case: Case, expected: Outcome | None = None) -> stored.Case:
    """A case that `checks.observe` can run now, with the expected outcome if it is known."""
    pack = Pack()
    fields = stored_case(pack, case, expected or Outcome())
    return stored.Case(**fields, buffers=pack.buffers())


def reference_outcomes(exercise: Exercise, function: Callable[..., Any]) -> list[Outcome]:
    """What the solution answers to each case of an exercise.

    Errors:
        RecordError: if it raises anything but ValueError, or changes its arguments.
    """
    outcomes = []
    for case in exercise.cases:
        outcome = checks.observe(live_case(case), function)
        if outcome.error not in ("", "ValueError"):
            words = f"the solution raised {outcome.error}: {outcome.words}"
            raise RecordError(f"{exercise.name}, {case.label!r}: {words}")
        if outcome.modified:
            raise RecordError(f"{exercise.name}, {case.label!r}: the solution changes its arguments")
        if outcome.complaint:
            raise RecordError(f"{exercise.name}, {case.label!r}: {outcome.complaint}")
        outcomes.append(_right_answer(exercise, case, outcome))
    return outcomes


def _right_answer(exercise: Exercise, case: Case, outcome: Outcome) -> Outcome:
    """What is stored as the right answer to a case: the given one, else the solution's, rounded."""
    if case.answer is None:
        return Outcome(_rounded(outcome.value), outcome.error, tolerance=case.tolerance)
    given = Outcome(case.answer, tolerance=case.tolerance)
    difference = first_difference(given, outcome)
    if difference:
        raise RecordError(f"{exercise.name}, {case.label!r}, the solution is not right: {difference.words}")
    return given


def wrong_answers(
    exercise: Exercise, expected: Sequence[Outcome], function: Callable[..., Any]
) -> list[Outcome | None]:
    """The outcome of each case in which a function is wrong, None where it is right."""
    found: list[Outcome | None] = []
    for case, right in zip(exercise.cases, expected, strict=True):
        outcome = checks.observe(live_case(case), function)
        found.append(outcome if first_difference(right, outcome) else None)
    return found


def _exercise_entries(
    packs: Mapping[bool, Pack],
    exercise: Exercise,
    function: Callable[..., Any],
    mistakes: Sequence[Misconception],
) -> dict[bool, dict[str, Any]]:
    """What is stored about an exercise, for the visible (False) and the hidden (True) file."""
    expected = reference_outcomes(exercise, function)
    entries: dict[bool, dict[str, Any]] = {
        is_hidden: {
            "cases": [
                stored_case(pack, case, outcome)
                for case, outcome in zip(exercise.cases, expected, strict=True)
                if case.hidden == is_hidden
            ],
            "misconceptions": [],
        }
        for is_hidden, pack in packs.items()
    }
    for mistake in mistakes:
        wrong = wrong_answers(exercise, expected, mistake.function)
        if not any(wrong):
            raise RecordError(f"{exercise.name}: no case tells {mistake.name!r} from the solution: add one")
        for is_hidden, entry in entries.items():
            prints = [
                None if outcome is None else fingerprint(outcome)
                for case, outcome in zip(exercise.cases, wrong, strict=True)
                if case.hidden == is_hidden
            ]
            entry["misconceptions"].append(
                {"name": mistake.name, "hint": mistake.hint, "fingerprints": prints}
            )
    return entries


def _quiz_entry(quiz: Quiz, is_hidden: bool) -> dict[str, Any]:
    if not is_hidden:
        return {"form": quiz.form}
    hints = {str(answer): hint for answer, hint in quiz.hints.items()}
    return {"form": quiz.form, "right": quiz.right, "hints": hints, "otherwise": quiz.otherwise}


def _rounded(value: Any) -> Any:
    """Float64 arrays with DIGITS significant digits, so that two machines store the same bytes."""
    if kind(value) == "array" and value.dtype == np.float64:
        rounded = [float(f"{number:.{DIGITS}g}") for number in value.ravel().tolist()]
        return np.array(rounded).reshape(value.shape)
    if kind(value) == "tensor" and value.dtype == torch.float64:
        return torch.from_numpy(_rounded(value.numpy()))
    if type(value) is dict:
        return {key: _rounded(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_rounded(item) for item in value)
    return value


@dataclass(frozen=True)
class SolutionCell:
    """One solution cell of an assignment's source."""

    name: str
    source: str


def solution_cells(source: Path) -> tuple[str, list[SolutionCell]]:
    """The setup cell's code and the solution cells of a percent-format notebook source."""
    setup, cells = "", []
    for cell in jupytext.read(source).cells:
        if cell.metadata.get("setup"):
            setup = cell.source
        elif cell.metadata.get("solution"):
            cells.append(SolutionCell(cell.metadata["solution"], cell.source))
    return setup, cells


def run_solutions(source: Path) -> dict[str, Any]:
    """The names that the setup cell and the solution cells define, run in order."""
    setup, cells = solution_cells(source)
    namespace: dict[str, Any] = {"__name__": "solutions"}
    with contextlib.redirect_stdout(StringIO()):
        for name, code in [("setup", setup), *((cell.name, cell.source) for cell in cells)]:
            exec(compile(code, f"{source.name}, cell {name}", "exec"), namespace)
    return namespace
