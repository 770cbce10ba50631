"""How hard each exercise was for a class, and whether it tells stronger students from weaker ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, mean

FEWEST = 10  # students; below that a correlation says nothing
HARD, EASY = 0.4, 0.95  # mean share of the points
TELLS_LITTLE = 0.2  # discrimination below that asks for a look at the exercise


@dataclass(frozen=True)
class Difficulty:
    """Two numbers about one exercise, as test theory defines them."""

    exercise: str
    mean_share: float  # of its points, 0 to 1: the difficulty index (a high one means easy)
    discrimination: float | None  # correlation with the rest of the score, -1 to 1; None where there is none

    @property
    def remark(self) -> str:
        """What a person might do about it, or an empty string."""
        if self.discrimination is not None and self.discrimination < 0:
            return "weaker students do better: look at its checks"
        if self.mean_share < HARD:
            return "hard"
        if self.discrimination is not None and self.discrimination < TELLS_LITTLE and self.mean_share < EASY:
            return "tells little about the student"
        return ""


def difficulties(shares: Sequence[dict[str, tuple[float, float]]]) -> tuple[Difficulty, ...]:
    """The numbers for each exercise, in the order in which the first student has them.

    Args:
        shares: for each student whose notebook ran, exercise -> (points, points that it is worth).
    """
    made = []
    for exercise in dict.fromkeys(name for one in shares for name in one):
        taken = [one for one in shares if exercise in one and one[exercise][1] > 0]
        if not taken:
            continue
        reached = [one[exercise][0] / one[exercise][1] for one in taken]
        rest = [sum(points for name, (points, _) in one.items() if name != exercise) for one in taken]
        try:
            found = correlation(reached, rest) if len(taken) >= FEWEST else None
        except StatisticsError:  # everybody has the same
            found = None
        made.append(Difficulty(exercise, mean(reached), found))
    return tuple(made)
