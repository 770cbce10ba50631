"""The class report: one self-contained HTML page with every student, the distribution and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median
from typing import Any
from urllib.parse import quote

from autograder.difficulty import FEWEST, TELLS_LITTLE, Difficulty, difficulties
from autograder.feedback import NOT_RUN, Exercise, by_exercise, read_checks
from autograder.pages import as_record, environment, exercise_title, number, plain, words
from autograder.similarity import Pair, similar
from autograder.students_code import Code, own_lines

BINS = 10
MOST_EXAMPLE_LINES = 25
# What a person should look at, the most urgent first.
URGENT = ("grader error", "ungradable", "missing", "stopped early")


@dataclass(frozen=True)
class Row:
    """One student in the table."""

    student: str
    status: str
    score: float
    max_score: float
    exercises: tuple[Exercise, ...]
    notes: tuple[str, ...]
    repairs: tuple[str, ...]
    tampering: tuple[str, ...]
    wall_seconds: float
    cpu_seconds: float
    feedback: str  # relative address of the student's page

    @property
    def share(self) -> float:
        """Score as a share of what can be reached, 0 to 1."""
        return min(max(self.score / self.max_score, 0.0), 1.0) if self.max_score else 0.0

    @property
    def ran(self) -> bool:
        """Whether there was a notebook that could be run."""
        return self.status not in (*NOT_RUN, "grader error")

    @property
    def lost(self) -> tuple[str, ...]:
        """Exercises without all their points, with the misconception where one was named."""
        return tuple(
            exercise_title(exercise.name) + (f" ({found})" if (found := named(exercise)) else "")
            for exercise in self.exercises
            if exercise.outcome != "full"
        )


@dataclass(frozen=True)
class ExerciseCount:
    """How a class did in one exercise, in students."""

    name: str
    full: int
    part: int
    none: int

    @property
    def total(self) -> int:
        """Students whose notebook ran."""
        return self.full + self.part + self.none


@dataclass(frozen=True)
class Mistake:
    """A misconception and who has it."""

    exercise: str
    name: str
    students: tuple[str, ...]
    example: str = ""  # the code of one of them, the shortest


@dataclass(frozen=True)
class Times:
    """What grading a class took, and who ran into a limit."""

    median: float  # seconds by the clock, of the notebooks that ran
    longest: float
    slowest: Row
    cpu_median: float  # seconds of CPU, of the students' cells
    stopped: tuple[Row, ...]  # those with a note: a limit was hit, or the process ended


@dataclass(frozen=True)
class Bin:
    """One bar of the distribution: from ``low`` to below ``high`` percent (the last one: up to 100)."""

    low: int
    high: int
    count: int


def named(exercise: Exercise) -> str:
    """The misconception of an exercise, or an empty string."""
    return next((check.misconception for check in exercise.checks if check.misconception), "")


def read_row(grade: object, assignment: str) -> Row:
    """One student's row from a Grade or its dictionary."""
    record = as_record(grade)
    student = str(record.get("student", ""))
    status = str(record.get("status", ""))
    checks = read_checks(record) if status not in (*NOT_RUN, "grader error") else ()
    return Row(
        student=plain(student),
        status=status,
        score=number(record.get("score")),
        max_score=number(record.get("max_score")),
        exercises=by_exercise(checks),
        notes=words(record, "notes"),
        repairs=words(record, "repairs"),
        tampering=words(record, "tampering"),
        wall_seconds=number(record.get("wall_seconds")),
        cpu_seconds=number(record.get("cpu_seconds")),
        feedback=feedback_address(student, assignment),
    )


def feedback_address(student: str, assignment: str) -> str:
    """Where a student's feedback lies, seen from the report/ folder beside nbgrader's feedback/ folder."""
    parts = ("feedback", student, assignment, f"{assignment}.html")
    return "../" + "/".join(quote(part, safe="") for part in parts)


def distribution(rows: Iterable[Row]) -> tuple[Bin, ...]:
    """How many of the notebooks that ran fall into each tenth of the points."""
    counts = Counter(min(int(row.share * BINS + 1e-9), BINS - 1) for row in rows if row.ran)
    width = 100 // BINS
    return tuple(Bin(place * width, (place + 1) * width, counts[place]) for place in range(BINS))


def exercise_counts(rows: Iterable[Row]) -> tuple[ExerciseCount, ...]:
    """Per exercise how many students have all, some and none of its points, in the notebook's order."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for exercise in row.exercises:
            counts.setdefault(exercise.name, Counter())[exercise.outcome] += 1
    return tuple(ExerciseCount(name, c["full"], c["part"], c["none"]) for name, c in counts.items())


def mistakes(rows: Iterable[Row], most: int = 15) -> tuple[Mistake, ...]:
    """The most frequent misconceptions, each with its students; a student counts once per exercise."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for exercise in row.exercises:
            if name := named(exercise):
                found.setdefault((exercise.name, name), []).append(row.student)
    ordered = sorted(found.items(), key=lambda entry: -len(entry[1]))
    return tuple(Mistake(exercise, name, tuple(who)) for (exercise, name), who in ordered[:most])


def examples(found: Iterable[Mistake], code: Mapping[str, Code], released: Code) -> tuple[Mistake, ...]:
    """The mistakes, each with the shortest code of those who made it, without what was handed out."""
    made = []
    for mistake in found:
        own = [
            own_lines(code[student].get(mistake.exercise, ""), released.get(mistake.exercise, ""))
            for student in mistake.students
            if student in code
        ]
        shortest = min((text for text in own if text), key=len, default="")
        made.append(
            replace(mistake, example=plain("\n".join(shortest.split("\n")[:MOST_EXAMPLE_LINES]))[:2000])
        )
    return tuple(made)


def released_code(assignment: object) -> dict[str, str]:
    """What students got of each exercise; empty where only the assignment's name is known."""
    cells = getattr(assignment, "cells", ())
    return {cell.exercise: cell.released for cell in cells if cell.role == "solution"}


def similarities(code: Mapping[str, Code], assignment: object) -> tuple[Pair, ...]:
    """The submissions that are unusually alike."""
    return similar(code, released_code(assignment))


def times(rows: Sequence[Row]) -> Times | None:
    """What the notebooks that ran took; None where none did or no time is known."""
    ran = [row for row in rows if row.ran and row.wall_seconds]
    if not ran:
        return None
    slowest = max(ran, key=lambda row: row.wall_seconds)
    return Times(
        median(row.wall_seconds for row in ran),
        slowest.wall_seconds,
        slowest,
        median(row.cpu_seconds for row in ran),
        tuple(row for row in rows if row.ran and row.notes),
    )


def difficulties_of(rows: Iterable[Row]) -> dict[str, Difficulty]:
    """Exercise -> how hard it was and what it tells."""
    shares = [
        {exercise.name: (exercise.points, exercise.max_points) for exercise in row.exercises}
        for row in rows
        if row.ran
    ]
    return {one.exercise: one for one in difficulties(shares)}


def for_a_person(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows that a person should look at, the most urgent first."""
    urgent = [row for row in rows if row.tampering or row.status in URGENT]
    return tuple(sorted(urgent, key=lambda row: (*URGENT, row.status).index(row.status)))


def name_of(assignment: object) -> str:
    """The assignment's name, whether an Assignment or its name was given."""
    return str(getattr(assignment, "name", assignment))


def render(
    grades: Sequence[Mapping[str, Any] | object],
    assignment: object,
    code: Mapping[str, Code] | None = None,
) -> str:
    """The report as HTML that needs no network and no scripts.

    Arguments:
        grades: Grade objects or their dictionaries; notebooks are not looked at.
        assignment: an Assignment or its name.
        code: student -> what the student wrote; for examples of mistakes and likeness. None: without these.
    """
    name = name_of(assignment)
    code = code or {}
    rows = sorted((read_row(grade, name) for grade in grades), key=lambda row: row.student)
    ran = [row for row in rows if row.ran]
    scores = [row.score for row in ran]
    bins = distribution(rows)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            assignment=name,
            rows=rows,
            ran=len(ran),
            max_score=max((row.max_score for row in rows), default=0.0),
            mean=mean(scores) if scores else None,
            median=median(scores) if scores else None,
            full=sum(row.share >= 1 for row in ran),
            bins=bins,
            tallest=max((entry.count for entry in bins), default=0) or 1,
            exercises=exercise_counts(rows),
            difficulties=difficulties_of(rows),
            fewest=FEWEST,
            tells_little=TELLS_LITTLE,
            mistakes=examples(mistakes(rows), code, released_code(assignment)),
            similar=similarities(code, assignment),
            compared=len(code),
            feedback={row.student: row.feedback for row in rows},
            times=times(rows),
            limits=getattr(assignment, "limits", None),
            urgent=for_a_person(rows),
            seconds=sum(row.wall_seconds for row in rows),
        )
    )
