"""How a check looks at an answer that is free in part: what matters of it, as plain values to be compared.

A view gets the answer (made of plain values) and the arguments of the case. It runs where the check runs:
under grading, that is out of reach of the student's code. It takes nothing about the answer for granted;
where it cannot look at it, it raises `WrongForm`. This file holds what views have in common; each notebook's
own stand in a module beside it.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..compare import kind

MODES = {True: "in training mode", False: "in evaluation mode"}  # of a model, in words


class WrongForm(Exception):
    """The answer has not the form that the exercise asks for; the text says which, for the student.

    It is shown for hidden cases, too, so it holds no numbers of the case.
    """


def came(answer: Any) -> str:
    """What an answer is, in a few words."""
    if kind(answer) == "sequence":
        return f"it has {len(answer)} parts"
    words = {"nothing": "it is None (is a `return` missing?)", "array": "it is one NumPy array"}
    words |= {"tensor": "it is a PyTorch tensor (`.item()` takes a number out of it)", "text": "it is a text"}
    words |= {"float": "it is one number", "int": "it is one number", "dict": "it is a dictionary"}
    return words.get(kind(answer), "it is something else")


def parts_of(answer: Any, *names: str) -> dict[str, Any]:
    """The items of an answer that consists of several parts, by their names."""
    if kind(answer) != "sequence" or len(answer) != len(names):
        words = ", ".join(names[:-1]) + " and " + names[-1]
        raise WrongForm(f"The answer should be a tuple of {words}, in this order, but {came(answer)}.")
    return dict(zip(names, answer, strict=True))


def number(answer: Any, what: str) -> float:
    """An answer that should be a float; an array without axes is one, too (a tensor may carry a graph)."""
    if kind(answer) == "array" and answer.shape == ():
        answer = answer[()]
    if kind(answer) not in ("float", "int"):
        raise WrongForm(f"The {what} should be a float, but {came(answer)}.")
    try:
        return float(answer)
    except OverflowError:
        raise WrongForm(f"The {what} is a number of very many digits.") from None


def order_of(rounds: Sequence[Sequence[int]]) -> str:
    """How the examples of several epochs follow each other, in words."""
    if any(list(round_) == sorted(round_) for round_ in rounds):
        return "as in the data"
    return "the same in each epoch" if rounds[1:] and rounds[0] in rounds[1:] else "new in each epoch"


def find(name: str) -> Callable[..., Any]:
    """The view of that name: "doubles" stands in this file, "filters.slopes" in filters.py beside it."""
    module, _, view = name.rpartition(".")
    return getattr(importlib.import_module(f"{__name__}.{module}" if module else __name__), view)


def doubles(answer: Any, *_: Any, **__: Any) -> Any:
    """An array of any float dtype as float64."""
    if kind(answer) != "array" or answer.dtype.kind != "f":
        raise WrongForm("The answer should be an array of floats.")
    return answer.astype(np.float64)


def one_number_each(answer: Any, *_: Any, **__: Any) -> Any:
    """An array with one axis, or a list of numbers, of any float dtype, as float64."""
    if kind(answer) == "sequence" and all(kind(item) in ("float", "int") for item in answer):
        return np.array([number(item, "answer") for item in answer])
    if kind(answer) != "array" or answer.dtype.kind not in "fi":
        raise WrongForm(f"The answer should be a list or an array of numbers, but {came(answer)}.")
    return answer.astype(np.float64)


def _fits(value: Any, form: Any) -> bool:
    """Whether a value has a form: the name of its kind, or a list or dictionary of forms of its parts."""
    if isinstance(form, dict):
        fits = kind(value) == "dict" and all(name in value for name in form)
        return fits and all(_fits(value[name], part) for name, part in form.items())
    if isinstance(form, list):
        return kind(value) == "sequence" and all(_fits(item, form[0]) for item in value)
    return bool(form == "anything" or kind(value) == form)


def need(report: Any, form: Any) -> None:
    """Look at what a probe reports: it comes from the student's process, where anything can happen to it."""
    if not _fits(report, form):
        raise WrongForm("What your code does could not be watched.")
