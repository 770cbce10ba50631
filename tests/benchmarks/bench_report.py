"""Seconds and bytes of the class report for 1,000 made-up students, and whether planted copies are found.

    python tests/benchmarks/bench_report.py [--students 1000] [--write report.html]

The students' code is the demo class's, changed by chance as independent work differs: names, order of
statements, other ways to write the same thing. PLANTED students hand in another one's code with names changed
and comments added. The bar: less than 10 s of CPU for everything, less than 3 MB, all planted pairs found.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from pathlib import Path

from autograder import report
from autograder.assignment import load
from autograder.demo import HEADER

ROOT = Path(__file__).resolve().parents[2]
NAME = "01_convolution"
PLANTED = 8
SECONDS, BYTES = 10, 3_000_000
NAMES = [
    "total",
    "count",
    "value",
    "result",
    "acc",
    "out",
    "res",
    "position",
    "row",
    "col",
    "size",
    "width",
    "height",
    "depth",
    "step",
    "item",
    "part",
]
WAYS = (
    ("total = total + ", "total += "),
    ("for i in range(", "for i in np.arange("),
    (" == 0", " < 1"),
    ("(x.shape[0])", "(len(x))"),
    ("return ", "answer = "),
    ("np.zeros", "np.empty"),
    (" * ", " *  "),
)


def answers() -> dict[str, dict[str, str]]:
    """Student of the demo class -> exercise -> code."""
    found = {}
    for path in sorted((ROOT / "data" / "demo_class" / NAME).glob("*.py")):
        pieces = HEADER.split(path.read_text(encoding="utf-8"))
        found[path.stem] = {
            name: code.strip()
            for kind, name, code in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
            if kind == "solution"
        }
    return found


def independent(dice: random.Random, written: dict[str, dict[str, str]]) -> dict[str, str]:
    """The code of a student who worked alone."""
    made = {}
    for exercise in written["ada"]:
        versions = [one[exercise] for one in written.values() if exercise in one]
        lines = []
        for line in dice.choice(versions).split("\n"):
            for old, new in WAYS:
                if dice.random() < 0.3:
                    line = line.replace(old, new)
            lines.append(line)
            if (
                line.startswith("    ")
                and not line.rstrip().endswith((":", "(", ","))
                and dice.random() < 0.35
            ):
                indent = line[: len(line) - len(line.lstrip())]
                lines.append(
                    f"{indent}{dice.choice(NAMES)}{dice.randrange(9)} = {dice.choice(NAMES)} + {dice.randrange(99)}"
                )
        made[exercise] = "\n".join(lines)
    return made


def disguised(code: dict[str, str]) -> dict[str, str]:
    """The same code with other names of variables and with comments."""
    return {
        exercise: re.sub(r"\b(total|count|position|out|i|j|c)\b(?!\()", r"my_\1", text).replace(
            "\n", "  # mine\n"
        )
        for exercise, text in code.items()
    }


def grade(dice: random.Random, student: str, exercises: list[str]) -> dict[str, object]:
    """The record of a grade."""
    cells, skill = [], dice.gauss(0.75, 0.2)
    for exercise in exercises:
        for hidden in (False, True):
            passed = dice.random() < skill
            named = "" if passed or dice.random() < 0.5 else f"mistake {dice.randrange(4)} in {exercise}"
            message = (
                ""
                if passed
                else f"A hint about it.\n\n✘ a case\n  {exercise}(<float64 (2, 3, 6, 4)>)\nwrong shape"
            )
            cells.append(
                {
                    "id": f"{'hidden' if hidden else 'check'}_{exercise}",
                    "exercise": exercise,
                    "points": 3.5 * passed,
                    "max_points": 3.5,
                    "passed": passed,
                    "message": message,
                    "misconception": named,
                    "hidden": hidden,
                }
            )
    return {
        "student": student,
        "assignment": NAME,
        "status": dice.choices(["graded", "graded with repairs", "stopped early", "missing"], [90, 7, 2, 1])[
            0
        ],
        "score": sum(cell["points"] for cell in cells),
        "max_score": 7.0 * len(exercises),
        "cells": cells,
        "notes": ["A cell ran longer than 15 s and was stopped."] if dice.random() < 0.03 else [],
        "repairs": ["The notebook had lost nbgrader's labels."] if dice.random() < 0.07 else [],
        "cpu_seconds": dice.expovariate(1),
        "wall_seconds": dice.expovariate(0.5),
    }


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    dice, written = random.Random(0), answers()
    students = [f"student{number:04d}" for number in range(options.students)]
    code = {student: independent(dice, written) for student in students}
    pairs = {(students[2 * n], students[2 * n + 1]) for n in range(PLANTED)}
    for original, copy in pairs:
        code[copy] = disguised(code[original])
    grades = [grade(dice, student, list(written["ada"])) for student in students]
    assignment = load(ROOT, NAME)
    start = time.process_time()
    page = report.render(grades, assignment, code)
    seconds, size = time.process_time() - start, len(page.encode())
    if options.write:
        options.write.write_text(page, encoding="utf-8")
    found = {(pair.first, pair.second) for pair in report.similarities(code, assignment)}
    print(
        f"{options.students} students: {seconds:.1f} s of CPU (bar {SECONDS}), {size / 1e6:.2f} MB (bar {BYTES / 1e6:g})"
    )
    print(f"planted copies found: {len(found & pairs)} of {PLANTED}; other pairs shown: {len(found - pairs)}")
    return 0 if seconds < SECONDS and size < BYTES and pairs <= found else 1


if __name__ == "__main__":
    sys.exit(main())
