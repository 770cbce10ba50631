"""How an instructor writes down cases, misconceptions and quizzes, in solutions/<name>/.

In cases.py and misconceptions.py:

a = Arrays("pad2d")
EXERCISES = [
    Exercise("pad2d", [visible("a tall image", a(2, 3, 6, 4), 1), hidden("a wide frame", a(1, 1, 2, 5), 4)]),
]

wrong = Misconceptions()

@wrong("pad2d", "padding on one side", "The frame is missing on two sides: …")
def _(x, padding): ...
"""

import importlib.util
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from utils.views.gpu import RIGHT

PLACEHOLDER = "TODO"  # how the frame of a new exercise marks what its author has still to write


@dataclass(frozen=True)
class Case:
    """One call: its arguments, and a label that students read."""

    label: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    hidden: bool = False
    probe: str = ""  # name of a probe (see `utils.probes.find`) that makes the call; "" for a plain call
    call: str = ""  # the call in words, for the message; "" where the arguments say it
    view: str = ""  # name of a function of utils.views through which the answer is looked at
    tolerance: float | None = None  # in place of the usual one; see `within`
    answer: Any = None  # the right answer where it is not taken from the solution; see `expecting`

    def through(self, probe: str, call: str = "") -> "Case":
        """The same case, asked by a probe, with the call in words."""
        return replace(self, probe=probe, call=call)

    def seen_as(self, view: str) -> "Case":
        """The same case; what a function of utils.views makes of the answer is compared, not the answer."""
        return replace(self, view=view)

    def within(self, tolerance: float) -> "Case":
        """The same case with another largest error, relative to the largest number of the right answer."""
        return replace(self, tolerance=tolerance)

    def expecting(self, answer: Any) -> "Case":
        """The same case, the right answer (as the view shows it) given; the solution must agree with it."""
        return replace(self, answer=answer)

    def on_gpu(self, answers: bool = True) -> "Case":
        """The same call with its tensors on a GPU, a simulated one where there is none. What the GPU refused
        is looked at, where the work was done, and (unless `answers` is False) where the answers are. The call
        needs words.
        """
        args, view = (self.probe, *self.args), "gpu.tried" if answers else "gpu.worked"
        asked = replace(self, args=args, probe="gpu.tried", call=f"{self.call}, on a GPU", view=view)
        return replace(asked, answer=dict(RIGHT) if answers else RIGHT["work"], tolerance=None)

    def tensors(self) -> "Case":
        """The same case with PyTorch tensors in place of arrays."""
        return replace(self, args=_tensors(self.args), kwargs=_tensors(self.kwargs))


def _tensors(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, tuple):
        return tuple(_tensors(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _tensors(item) for key, item in value.items()}
    return value


def visible(label: str, *args: Any, **kwargs: Any) -> Case:
    """A case that students see, with its numbers."""
    return Case(label, args, kwargs)


def hidden(label: str, *args: Any, **kwargs: Any) -> Case:
    """A case of which students see the label only, after handing in."""
    return Case(label, args, kwargs, hidden=True)


@dataclass(frozen=True)
class Exercise:
    """All cases of one exercise, in the order in which they are judged: the simple ones first."""

    name: str
    cases: Sequence[Case]


@dataclass(frozen=True)
class Quiz:
    """A question with one right answer.

    Arguments:
        form: "a whole number", or the letters of the options such as "abcd".
        hints: what to say to each wrong answer that is a well-known mistake.
        otherwise: what to say to any other wrong answer.
    """

    name: str
    form: str
    right: int | str
    hints: Mapping[int | str, str]
    otherwise: str = "That is not the answer: read the section above the question again."


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that real students write, and what a good teacher says to it."""

    exercise: str
    name: str
    hint: str
    function: Callable[..., Any]


class Misconceptions(list[Misconception]):
    """The misconceptions of a notebook; a decorator that collects them."""

    def __call__(
        self, exercise: str, name: str, hint: str
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Collect the decorated function (or class) as a wrong answer to `exercise`."""

        def collect(function: Callable[..., Any]) -> Callable[..., Any]:
            self.append(Misconception(exercise, name, hint, function))
            return function

        return collect


@dataclass
class Arrays:
    """Makes input arrays: the same ones on every machine, from a small generator of our own.

    The numbers are odd sixteenths between -2 and 2. None is 0, and sums of products are exact even in
    float32, so a right answer is the same however it was computed. `rough` numbers use all digits of a
    float64.
    """

    name: str
    _state: int = field(init=False)

    def __post_init__(self) -> None:
        self._state = zlib.crc32(self.name.encode())

    def _integers(self, count: int, bits: int) -> np.ndarray:
        numbers = np.empty(count, np.int64)
        for index in range(count):  # Knuth's multiplier, modulo 2 ** 64; the high bits are good
            self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
            numbers[index] = self._state >> (64 - bits)
        return numbers

    def __call__(self, *shape: int, dtype: str = "float64") -> np.ndarray:
        """An array of odd sixteenths; whole numbers from -9 to 9 for an integer dtype."""
        count = int(np.prod(shape))
        if np.dtype(dtype).kind == "i":
            return (self._integers(count, 20) % 19 - 9).reshape(shape).astype(dtype)
        return ((2 * self._integers(count, 5) - 31) / 16).reshape(shape).astype(dtype)

    def rough(self, *shape: int) -> np.ndarray:
        """A float64 array whose numbers float32 cannot hold."""
        count = int(np.prod(shape))
        return (self._integers(count, 53) / 2**51 - 2).reshape(shape)

    def strided(self, *shape: int, dtype: str = "float64") -> np.ndarray:
        """Every second number of a longer array: not contiguous."""
        longer = np.zeros((*shape[:-1], 2 * shape[-1]), dtype)
        longer[..., ::2] = self(*shape, dtype=dtype)
        return longer[..., ::2]

    def turned(self, *shape: int, dtype: str = "float64") -> np.ndarray:
        """An array whose axes lie in memory the other way round: not contiguous."""
        return np.asfortranarray(self(*shape, dtype=dtype))


@dataclass(frozen=True)
class CaseBook:
    """All that an instructor wrote down for one notebook."""

    exercises: Mapping[str, Exercise]
    quizzes: Mapping[str, Quiz]
    misconceptions: Sequence[Misconception]

    def mistakes(self, exercise: str) -> list[Misconception]:
        """The misconceptions of one exercise."""
        return [item for item in self.misconceptions if item.exercise == exercise]


def load(folder: Path) -> CaseBook:
    """Read cases.py (EXERCISES, QUIZZES) and misconceptions.py (wrong) of an assignment's solution folder."""
    cases, mistakes = load_module(folder / "cases.py"), load_module(folder / "misconceptions.py")
    return CaseBook(
        {exercise.name: exercise for exercise in cases.EXERCISES},
        {quiz.name: quiz for quiz in cases.QUIZZES},
        tuple(mistakes.wrong),
    )


def load_module(path: Path) -> Any:
    """Import one of the instructor's files, which lie outside of any package."""
    name = f"_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module
