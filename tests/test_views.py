"""Views say what is wrong with an answer, whatever a student's code returns; they never fail on it."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from casebooks import NOTEBOOKS, Notebook

from autograder import answers
from autograder.cases import Case
from utils import probes, views

ODD = [
    None,
    True,
    7,
    -(10**400),
    1.5,
    float("nan"),
    "text",
    [],
    (1, 2),
    (None, None),
    ([], {}, "", 0.0),
    {},
    {"batches": ["two"], "map": None},
    {1: 2, "map": [3]},
    np.zeros(0),
    np.zeros((0, 0)),
    np.zeros((0, 3, 0)),
    np.zeros((1, 1, 1, 1, 1)),
    np.float32(2),
    np.array(1.0),
    np.full((3, 4), np.nan),
    np.full((5, 5, 3), np.inf),
    np.zeros((2, 2), bool),
    np.zeros((3, 3), complex),
    np.zeros((2, 3), np.uint8),
    np.array(["a", "b"]),
    torch.zeros(2, 3),
    torch.zeros(0, dtype=torch.float64),
]


def _one_case_per_view() -> list[Any]:
    """For each view the first case of each exercise that uses it."""
    found: dict[tuple[str, str], Any] = {}
    for notebook in NOTEBOOKS:
        for exercise in notebook.book.exercises.values():
            for case in exercise.cases:
                if case.view:
                    key = (case.view, exercise.name)
                    found.setdefault(key, pytest.param(notebook, exercise.name, case, id="-".join(key)))
    return list(found.values())


def damaged(answer: Any) -> Iterator[Any]:
    """A right answer with one part left out or put in the place of another kind of value."""
    yield from ODD
    if isinstance(answer, dict):
        for name, value in answer.items():
            yield {other: answer[other] for other in answer if other != name}
            yield from ({**answer, name: part} for part in damaged(value))
    elif isinstance(answer, (list, tuple)):
        yield answer[:-1]
        yield [*answer, None]
        for index, value in enumerate(answer[:4]):
            yield from ((*answer[:index], part, *answer[index + 1 :]) for part in damaged(value))
    elif isinstance(answer, np.ndarray):
        yield from (
            answer.astype("float16"),
            answer.astype(int),
            answer[None],
            answer[..., :-1],
            answer.tolist(),
        )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("notebook", "exercise", "case"), _one_case_per_view())
def test_odd_answers_are_described_not_stumbled_over(notebook: Notebook, exercise: str, case: Case) -> None:
    stored = answers.live_case(case)
    args, kwargs = stored.inputs()
    function = notebook.solutions[exercise]
    right = probes.find(case.probe)(function, *args, **kwargs) if case.probe else function(*args, **kwargs)
    look = views.find(case.view)
    for odd in damaged(copy.deepcopy(right)):
        args, kwargs = stored.inputs()
        try:
            look(odd, *args, **kwargs)
        except views.WrongForm as wrong:
            assert len(str(wrong)) > 20
