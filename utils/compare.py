"""What differs first between an answer and the right one, and whether two answers are the same mistake.

Nothing here asks an answer for its opinion: types are compared exactly, and only plain numbers, arrays and
tensors are looked into.
"""

import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch

# Largest allowed error, relative to the largest number of the right answer. An answer computed another way
# (an FFT, another order of summation) stays far below; one computed in float32 where float64 is due does not.
TOLERANCE = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-9, "complex64": 1e-4, "complex128": 1e-9}
LARGEST_SUMMED = 1_000_000  # entries; larger answers are never those of a well-known mistake
MOST_PARTS = 1_000  # numbers and arrays in lists and dictionaries; those of well-known mistakes have fewer
HUGE = "a number of very many digits"  # Python refuses to write it out
SHOWN_ITEMS = 40  # of a list or dictionary; more would not fit into a message
NEAR = 1e-5  # relative; a number that is wrong by less was meant to be the right one
SO_NEAR = " So near and yet wrong: was something tiny added, or rounded to a coarser dtype, on the way?"
SAME_MISTAKE = 1e-5  # relative; fingerprints of float32 answers agree to about 1e-6


@dataclass(frozen=True)
class Outcome:
    """What came of a call: a value or an exception, and which of the arguments it changed."""

    value: Any = None
    error: str = ""  # name of the exception's class
    words: str = ""  # the exception's message
    modified: tuple[str, ...] = ()  # names of the arguments that were changed
    device: str = ""  # where a returned tensor is, if that is not where the arguments are
    complaint: str = ""  # what is wrong with the form of the value, where a view could not look at it
    tolerance: float | None = None  # of the right answer: see `TOLERANCE`; None for the usual one


@dataclass(frozen=True)
class Difference:
    """What differs first. `words` may hold numbers of the case; `plain` never does."""

    kind: str
    words: str
    plain: str
    expected: Any = None
    got: Any = None
    near: bool = False  # the numbers are right but for their last digits


def first_difference(expected: Outcome, got: Outcome) -> Difference | None:
    """The first thing in which `got` differs from `expected`; None if it is right.

    In this order: exceptions, type, shape, dtype and device, arguments changed, NaN or infinity, values.
    """
    if expected.error or got.error:
        return _error_difference(expected, got)
    if got.complaint:
        return Difference("form", got.complaint, got.complaint)
    difference = _form_difference(expected.value, got.value, "")
    if difference is None and got.device:
        words = (
            f"The answer is on the device {got.device}, but the arguments are not: leave it where they are."
        )
        difference = Difference("device", words, "The answer is on another device than the arguments.")
    if difference is None and got.modified:
        words = f"Your code changes its argument {' and '.join(got.modified)}. Leave the inputs as they were."
        difference = Difference("modified", words, words)
    return difference or _value_difference(expected.value, got.value, "", expected.tolerance)


def _error_difference(expected: Outcome, got: Outcome) -> Difference | None:
    if expected.error == got.error:
        return None
    if got.error == "NotImplementedError":
        words = "This exercise is still to be written: it raised NotImplementedError."
        return Difference("not written", words, words)
    if not expected.error:
        words = (
            f"Your code raised {got.error}: {got.words}" if got.words else f"Your code raised {got.error}."
        )
        return Difference("error", words, f"Your code raised {known(got.error)}.")
    wanted = f"These arguments are wrong on purpose: your code should raise {expected.error}"
    if got.error:
        words = f"{wanted}, but it raised {got.error}: {got.words}"
        return Difference("error", words, f"{wanted}, but it raised {known(got.error)}.")
    # A dictionary or a text may be what a probe reports of a class.
    returned = describe(got.value) if kind(got.value) not in ("dict", "text") else "something"
    return Difference("no error", f"{wanted}, but it returned {returned}.", f"{wanted}, but it raised none.")


def known(error: str) -> str:
    """The exception's name if it is one of Python's own; a name made up by the code could carry anything."""
    candidate = getattr(builtins, error, None)
    return error if isinstance(candidate, type) and issubclass(candidate, BaseException) else "an error"


def _form_difference(expected: Any, got: Any, where: str) -> Difference | None:
    """The first difference in type, shape, dtype, length or keys; None if there is none."""
    got = scalar(expected, got)
    wanted, came = kind(expected), kind(got)
    if wanted != came and not (wanted == "float" and came == "int"):
        missing = " Is a `return` missing?" if got is None and not where else ""
        words = f"{_subject(where)} should be {describe(expected)}, but it is {describe(got)}.{missing}"
        other = "something else" if came == "other" else _noun(got)
        plain = f"{_subject(where)} should be {_noun(expected)}, but it is {other}.{missing}"
        return Difference("type", words, plain)
    if wanted in ("array", "tensor"):
        return _array_form_difference(expected, got, where)
    if wanted == "sequence":
        if len(expected) != len(got):
            words = f"{_subject(where)} should hold {len(expected)} items, but it holds {len(got)}"
            detail = f": expected {_short(expected)}, got {_short(got)}."
            return Difference("length", words + detail, f"{_subject(where)} has the wrong length.")
        pairs = ((f"item {index}", a, b) for index, (a, b) in enumerate(zip(expected, got, strict=True)))
    elif wanted == "dict":
        if list(expected) != list(got):
            plain = f"{_subject(where)} should have {' and '.join(map(str, expected)) or 'none'}"
            came_keys = " and ".join(map(_short, islice(got, SHOWN_ITEMS)))
            words = f"{plain}, but it has {came_keys or 'none'}."
            return Difference("keys", words, f"{plain}.")
        pairs = ((str(key), expected[key], got[key]) for key in expected)
    else:
        return None
    return next((d for d in (_form_difference(a, b, _join(where, name)) for name, a, b in pairs) if d), None)


def _array_form_difference(expected: Any, got: Any, where: str) -> Difference | None:
    if tuple(expected.shape) != tuple(got.shape):
        words = (
            f"{_subject(where)} should have the shape {tuple(expected.shape)}, but it has {tuple(got.shape)}."
        )
        return Difference("shape", words, f"{_subject(where)} has the wrong shape.", expected, got)
    if expected.dtype != got.dtype:
        want, came = _dtype(expected), _dtype(got)
        words = f"{_subject(where)} should have the dtype {want}, as the input has, but it has {came}."
        return Difference("dtype", words, words)
    return None


def _value_difference(expected: Any, got: Any, where: str, tolerance: float | None) -> Difference | None:
    """The first difference in the numbers, for two values of the same form."""
    wanted, got = kind(expected), scalar(expected, got)
    if wanted in ("array", "tensor"):
        return _array_value_difference(to_numpy(expected), to_numpy(got), where, tolerance)
    if wanted in ("sequence", "dict"):
        keys = range(len(expected)) if wanted == "sequence" else expected
        names = (f"item {key}" if wanted == "sequence" else str(key) for key in keys)
        pairs = zip(names, keys, strict=True)
        found = (
            _value_difference(expected[key], got[key], _join(where, name), tolerance) for name, key in pairs
        )
        return next((difference for difference in found if difference), None)
    near = False
    if wanted == "float":
        error = np.inf if _is_huge(got) else abs(float(expected) - float(got))
        right = error <= _tolerance(np.asarray(expected), tolerance)
        near = _is_near(error, expected)
    else:
        right = bool(expected == got)
    if right:
        return None
    words = f"{_subject(where)} {_should_be(expected, got)}.{SO_NEAR * near}"
    plain = f"{_subject(where)} has the right type, but not the right value."
    return Difference("value", words, plain, near=near)


def _array_value_difference(
    expected: np.ndarray, got: np.ndarray, where: str, tolerance: float | None
) -> Difference | None:
    strange = ~np.isfinite(got) & np.isfinite(expected)
    if strange.any():
        index = _first(strange)
        words = f"{_subject(where)} holds {got[index]} at index {index}. Is every entry of it set?"
        return Difference("not finite", words, f"{_subject(where)} holds NaN or infinity.", expected, got)
    with np.errstate(all="ignore"):
        error = (
            np.abs(expected.astype(complex) - got.astype(complex))
            if expected.dtype.kind != "b"
            else expected != got
        )
    wrong = error > _tolerance(expected, tolerance)
    if not wrong.any():
        return None
    index = _first(wrong)
    place = f" at index {index}" if index else ""
    count = f"{wrong.sum()} of {wrong.size} entries are wrong; the largest difference is {error.max():.4g}."
    near = _is_near(error[index], expected[index])
    words = f"{_subject(where)}{place} {_should_be(expected[index], got[index])}. {count}{SO_NEAR * near}"
    plain = f"{_subject(where)} has the right shape and dtype, but wrong values."
    everywhere = near and _is_near(error.max(), np.abs(expected[np.isfinite(expected)]).max())
    return Difference("values", words, plain, expected, got, near=everywhere)


def _is_near(error: Any, expected: Any) -> bool:
    """Whether a number is wrong in its last digits only."""
    return bool(0 < error < NEAR * abs(expected))


def _tolerance(expected: np.ndarray, wanted: float | None) -> float:
    """Largest allowed error; 0 for whole numbers, which are exact. `wanted` goes before `TOLERANCE`."""
    usual = TOLERANCE.get(str(expected.dtype), 0.0)
    relative = wanted if wanted is not None and usual else usual
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size and finite.max() > 0 else 1.0
    return relative * float(scale)


_KINDS: dict[type, str] = {
    np.ndarray: "array",
    torch.Tensor: "tensor",
    torch.nn.Parameter: "tensor",
    bool: "bool",
    np.bool_: "bool",
    int: "int",
    float: "float",
    list: "sequence",
    tuple: "sequence",
    str: "text",
    dict: "dict",
    type(None): "nothing",
}


def kind(value: Any) -> str:
    """The kind of a value, by its exact type: subclasses that redefine comparisons are "other"."""
    exact = type(value)
    known = _KINDS.get(exact)
    if known is not None:
        return known
    if exact.__module__ == "numpy" and isinstance(value, np.integer):
        return "int"
    if exact.__module__ == "numpy" and isinstance(value, np.floating):
        return "float"
    return "other"


def scalar(expected: Any, got: Any) -> Any:
    """`got`, made comparable where the form does not matter: a 0-d array or tensor where a number is due is
    that number, an array of whole numbers where a list is due is that list.
    """
    if kind(expected) in ("int", "float") and kind(got) in ("array", "tensor") and got.shape == ():
        return to_numpy(got)[()]
    if kind(expected) == "sequence" and kind(got) == "array" and got.ndim == 1 and got.dtype.kind in "iu":
        return got.tolist()
    return got


def to_numpy(value: Any) -> np.ndarray:
    """An array as it is, a tensor as an array."""
    return value if type(value) is np.ndarray else value.detach().cpu().resolve_conj().numpy()


def describe(value: Any) -> str:
    """A value in a few words, with its shape and dtype or its number."""
    if kind(value) in ("array", "tensor"):
        return f"{_noun(value)} of shape {tuple(value.shape)}"
    return f"{_noun(value)} ({_short(value)})" if kind(value) not in ("nothing", "other") else _noun(value)


def _noun(value: Any) -> str:
    nouns = {"int": "a whole number", "float": "a float", "bool": "True or False"}
    nouns |= {"text": "a text", "sequence": "a list or tuple", "dict": "a dictionary", "nothing": "None"}
    nouns |= {"array": "a NumPy array", "tensor": "a PyTorch tensor"}
    return nouns.get(kind(value), f"an object of type {str(type(value).__name__)[:40]}")


def _dtype(array: Any) -> str:
    plain = kind(array) == "tensor" or array.dtype.kind in "fiubc"
    return str(array.dtype).removeprefix("torch.") if plain else "another kind of dtype"


def _should_be(expected: Any, got: Any) -> str:
    """Two values in words; numbers get as many digits as it takes to tell them apart."""
    digits = 6
    if kind(expected) == kind(got) == "float":
        digits = next((n for n in (6, 9, 12, 17) if f"{expected:.{n}g}" != f"{got:.{n}g}"), digits)
    return f"should be {_short(expected, digits)}, but it is {_short(got, digits)}"


def _short(value: Any, digits: int = 6) -> str:
    number = value.item() if isinstance(value, np.generic) else value
    whole = kind(number) != "float" or number.is_integer()
    text = str(_beginning(number)) if whole else f"{number:.{digits}g}"
    return text if len(text) <= 80 else text[:77] + "..."


def _beginning(value: Any) -> Any:
    """As much of a list or dictionary as a message can show: to write all of it out may take seconds."""
    if kind(value) == "sequence":
        return type(value)(_beginning(item) for item in value[:SHOWN_ITEMS])
    if kind(value) == "dict":
        return {_beginning(key): _beginning(item) for key, item in islice(value.items(), SHOWN_ITEMS)}
    return HUGE if _is_huge(value) else value


def _is_huge(value: Any) -> bool:
    """Whether this is a whole number that no float can hold."""
    return type(value) is int and value.bit_length() > 1000


def _subject(where: str) -> str:
    return f"The answer's {where}" if where else "The answer"


def _join(where: str, name: str) -> str:
    return f"{where}, {name}" if where else name


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def fingerprint(outcome: Outcome) -> list[Any]:
    """A few numbers (as JSON) by which an answer can be recognised, but not rebuilt."""
    if outcome.error:
        return ["error", outcome.error]
    if outcome.complaint:
        return ["form", outcome.complaint]
    parts = islice(_leaves(outcome.value, ""), MOST_PARTS)
    return ["value", bool(outcome.modified), [list(leaf) for leaf in parts]]


def _leaves(value: Any, where: str) -> Iterator[tuple[Any, ...]]:
    what = kind(value)
    if what == "sequence":
        yield where, "sequence", len(value)
        for index, item in enumerate(value):
            yield from _leaves(item, _join(where, str(index)))
    elif what == "dict":
        for key, item in value.items():
            yield from _leaves(item, _join(where, _short(key)))
    elif what in ("array", "tensor"):
        numbers = to_numpy(value)
        sums = projections(numbers) if numbers.size <= LARGEST_SUMMED else []
        yield where, what, str(value.dtype), list(value.shape), sums
    elif what in ("int", "float") and not _is_huge(value):
        number = float(_finite(float(value)))
        yield where, "number", [float(f"{number:.9g}"), abs(number)]
    else:
        yield where, what, str(value) if what in ("text", "bool") else ""


def projections(array: np.ndarray) -> list[float]:
    """Three weighted sums of the entries and the sum of their sizes, nine digits each."""
    if array.dtype.kind not in "fiub":
        return []
    flat = _finite(array.ravel().astype(np.float64))
    steps = np.arange(1, flat.size + 1)
    weights = [np.modf(steps * np.sqrt(prime))[0] - 0.5 for prime in (2, 3, 5)]
    return [float(f"{number:.9g}") for number in (*(flat @ w for w in weights), np.abs(flat).sum())]


def _finite(numbers: Any) -> Any:
    """A number or array with numbers of its own in place of NaN and infinity, which equal nothing."""
    return np.nan_to_num(numbers, nan=12345.0, posinf=54321.0, neginf=-54321.0)


def same_mistake(stored: Any, came: Any, tolerance: float = SAME_MISTAKE) -> bool:
    """Whether two fingerprints belong to the same answer, up to rounding or another relative tolerance."""
    if isinstance(stored, list) and isinstance(came, list) and len(stored) == len(came):
        if stored and all(type(n) is float for n in (*stored, *came)):
            most = tolerance * max(abs(stored[-1]), 1e-12)
            return all(abs(a - b) <= most for a, b in zip(stored, came, strict=True))
        return all(same_mistake(a, b, tolerance) for a, b in zip(stored, came, strict=True))
    return type(stored) is type(came) and stored == came
