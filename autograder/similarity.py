"""Which submissions are unusually alike? For a person to look at; it proves nothing.

Code is compared as tokens without comments, texts, layout and the names that a student chose, in windows of
WINDOW tokens, as MOSS does (Schleimer, Wilkerson, Aiken 2003, "Winnowing: local algorithms for document
fingerprinting"). A window that was handed out, or that more than a few students have, says nothing: the
shortest right answer looks the same everywhere. What counts is what two students share and hardly anybody
else has. RapidFuzz then says how alike the whole code of such a pair is.

There is no need of a service or another package: copydetect, which does this for files, has had no release
since March 2024.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Indel

from .students_code import Code

WINDOW = 12  # tokens: about a line and a half
FEW, SHARE = 8, 50  # a window is unusual if at most FEW students have it, or one in SHARE
LEAST_UNUSUAL = 40  # windows that a pair must share
LEAST_SHARE = 0.35  # of the smaller one's unusual windows
MOST_TOKENS = 20_000  # of one student
MOST_PAIRS = 40  # shown

_TOKEN = re.compile(
    r"""\#[^\n]*|[rbfuRBFU]{0,2}(?:\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z)|\"(?:\\.|[^\"\\\n])*\"?"""
    r"""|'(?:\\.|[^'\\\n])*'?)|\.?[^\W\d]\w*\(?|\d[\w.]*|\S""",
    re.DOTALL,
)
_TEXT = re.compile(r"[rbfuRBFU]{0,2}[\"']")


@dataclass(frozen=True)
class Pair:
    """Two submissions that share much unusual code."""

    first: str
    second: str
    share: float  # of the smaller one's unusual windows that the other one has, 0 to 1
    alike: float  # of all tokens, as edit similarity, 0 to 1
    exercises: tuple[str, ...]  # in which they share unusual windows, most first


class Vocabulary(dict[str, int]):
    """Piece of code -> number of its token, 0 for a comment; filled as pieces are looked up.

    Texts are one token, so are all names that a student chose. A name that is called or looked up behind a
    dot stays: it says what the code does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, int] = {}

    def __missing__(self, piece: str) -> int:
        if piece[0] == "#":
            number = 0
        else:
            number = self._numbers.setdefault(self._token(piece), len(self._numbers) + 1)
        self[piece] = number
        return number

    @staticmethod
    def _token(piece: str) -> str:
        if _TEXT.match(piece):
            return "text"
        chosen = piece.isidentifier() and not keyword.iskeyword(piece)
        return "name" if chosen else piece

    def read(self, source: str) -> list[int]:
        """The tokens of a piece of code, at most MOST_TOKENS."""
        numbers = [self[piece] for piece in _TOKEN.findall(source)]
        return [number for number in numbers if number][:MOST_TOKENS]


def _windows(numbers: Sequence[int]) -> np.ndarray:
    """A hash of each window of tokens, without repetition."""
    if len(numbers) < WINDOW:
        return np.empty(0, np.uint64)
    views = np.lib.stride_tricks.sliding_window_view(np.array(numbers, np.uint64), WINDOW)
    factors = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(WINDOW)], np.uint64)
    with np.errstate(over="ignore"):
        return np.unique((views * factors).sum(axis=1, dtype=np.uint64))


def similar(code: Mapping[str, Code], released: Code) -> tuple[Pair, ...]:
    """The pairs that a person should look at, the most alike first; at most MOST_PAIRS.

    Args:
        code: student -> exercise -> what the student wrote.
        released: exercise -> what was handed out.
    """
    students = sorted(code)
    vocabulary = Vocabulary()
    given = [_windows(vocabulary.read(source)) for source in released.values()]
    texts: list[dict[str, list[int]]] = []
    hashes, owners, places = [], [], []
    exercises: dict[str, int] = {}
    for number, student in enumerate(students):
        texts.append({exercise: vocabulary.read(source) for exercise, source in code[student].items()})
        for exercise, text in texts[-1].items():
            windows = _windows(text)
            hashes.append(windows)
            owners.append(np.full(len(windows), number, np.int32))
            places.append(np.full(len(windows), exercises.setdefault(exercise, len(exercises)), np.int32))
    if not hashes:
        return ()
    everything = np.concatenate(hashes)
    new = ~np.isin(everything, np.concatenate([np.empty(0, np.uint64), *given]))
    shared, own = _shared(
        everything[new], np.concatenate(owners)[new], np.concatenate(places)[new], len(students)
    )
    names = list(exercises)
    pairs = []
    for (one, other), found in shared.items():
        count = sum(found.values())
        share = count / max(min(own[one], own[other]), 1)
        if count >= LEAST_UNUSUAL and share >= LEAST_SHARE:
            pairs.append((share, count, one, other, found))
    pairs.sort(key=lambda pair: (-pair[0], -pair[1], pair[2], pair[3]))
    return tuple(
        Pair(
            students[one],
            students[other],
            min(share, 1.0),
            _alike(texts[one], texts[other]),
            tuple(names[place] for place, _ in found.most_common()),
        )
        for share, _, one, other, found in pairs[:MOST_PAIRS]
    )


def _shared(
    hashes: np.ndarray, owners: np.ndarray, places: np.ndarray, students: int
) -> tuple[dict[tuple[int, int], Counter[int]], np.ndarray]:
    """Unusual windows that two students share, counted by exercise, and how many each student has in all."""
    few = max(FEW, students // SHARE)
    order = np.lexsort((owners, hashes))
    hashes, owners, places = hashes[order], owners[order], places[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)])
    ends = np.append(starts[1:], len(hashes))
    sizes = ends - starts
    unusual = np.repeat(sizes <= few, sizes)
    own = np.bincount(owners[unusual], minlength=students)
    found: dict[tuple[int, int], Counter[int]] = {}
    for size in range(2, few + 1):
        groups = starts[sizes == size]
        for i in range(size):
            for j in range(i + 1, size):
                triples = np.stack([owners[groups + i], owners[groups + j], places[groups + i]], axis=1)
                kinds, counts = np.unique(triples, axis=0, return_counts=True)
                for (one, other, place), count in zip(kinds.tolist(), counts.tolist(), strict=True):
                    if one != other:
                        found.setdefault((one, other), Counter())[place] += count
    return found, own


def _alike(one: Mapping[str, list[int]], other: Mapping[str, list[int]]) -> float:
    """How alike the code of all exercises is: 1 for the same tokens in the same order."""
    names = sorted(set(one) | set(other))
    similarity, length = 0.0, 0
    for name in names:
        first, second = one.get(name, []), other.get(name, [])
        weight = len(first) + len(second)
        similarity += weight * Indel.normalized_similarity(first, second)
        length += weight
    return similarity / length if length else 0.0
