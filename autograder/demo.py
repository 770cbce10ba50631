"""The demo class: sixteen submissions of each notebook, and what a fair grader gives for each.

The answers and expectations are in data/demo_class/ASSIGNMENT/. Here the answers are put into the released
notebook and, for some students, the file is treated as editors, uploads or cheats treat it. The same release
gives the same bytes.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.assignment import NOTEBOOKS, AssignmentError
from autograder.pages import as_record

ANSWERS = Path("data", "demo_class")
EXPECTATIONS = "expected.toml"
EVERYTHING = "*"  # in `lost`: all exercises
NEAR = 0.005  # points; less is a matter of rounding
HEADER = re.compile(r'^# %% (solution|extra)="(\w+)"[ \t]*\n', re.M)

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One cell as a student wrote it."""

    kind: str  # "solution" | "extra"
    name: str  # the exercise, or a name for an extra cell
    source: str
    after: str = ""  # extra cells: the exercise they stand behind; "" is the setup cell


@dataclass(frozen=True)
class Expected:
    """What a student handed in and what a fair grader makes of it; see expected.toml."""

    student: str
    handed_in: str
    status: str
    score: float
    lost: tuple[str, ...] = ()
    points: Mapping[str, float] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    mentions: tuple[str, ...] = ()
    tampering: bool = False
    file: str = "as saved"  # a key of TREATMENTS

    def shown(self) -> str:
        """The expectation in one line, for the table of scores."""
        status = "" if self.status == "graded" else f", {self.status}"
        return f"{self.score:g}{status}: {self.handed_in}"

    def points_for(self, exercise: str, worth: float) -> float:
        """The points expected for an exercise that is worth so many."""
        if exercise in self.lost or EVERYTHING in self.lost:
            return 0.0
        return self.points.get(exercise, worth)


def assignments(root: Path) -> list[str]:
    """The names of the assignments that have a demo class and have been built, in order."""
    classes = sorted(path.parent.name for path in (root / ANSWERS).glob(f"*/{EXPECTATIONS}"))
    return [name for name in classes if release_of(root, name).is_file()]


def release_of(root: Path, assignment: str) -> Path:
    """The notebook as the students get it."""
    return root / NOTEBOOKS / assignment / f"{assignment}.ipynb"


def read_expected(folder: Path) -> tuple[Expected, ...]:
    """The table of expectations, in its order."""
    table: dict[str, dict[str, Any]] = tomllib.loads((folder / EXPECTATIONS).read_text(encoding="utf-8"))
    for entry in table.values():
        entry |= {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
    return tuple(Expected(student, **entry) for student, entry in table.items())


def read_answers(folder: Path, student: str) -> dict[str, Answer]:
    """A student's cells by name, with those of the base file below them.

    Raises FileNotFoundError if there is no such student.
    """
    text = (folder / f"{student}.py").read_text(encoding="utf-8")
    base = re.search(r"^# base: (?:(\w+)/)?(\w+)$", text, re.M)
    answers = read_answers(folder.parent / base[1] if base[1] else folder, base[2]) if base else {}
    only = re.search(r"^# only: (.+)$", text, re.M)
    if only:
        answers = {name: answers[name] for name in only[1].split()}
    _, *parts = HEADER.split(text)
    after = ""
    for kind, name, source in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        answers[name] = Answer(kind, name, source.strip("\n"), after if kind == "extra" else "")
        after = name if kind == "solution" else after
    return answers


def grade_id(cell: Mapping[str, Any]) -> str:
    """The name by which the course knows a cell, or an empty string."""
    return str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") or cell.get("id") or "")


def fill(release: Notebook, answers: Mapping[str, Answer]) -> Notebook:
    """The released notebook with a student's answers in its solution cells and extra cells at their places.

    Raises KeyError if the release has no cell for an answer.
    """
    notebook = copy.deepcopy(release)
    places = {grade_id(cell): cell for cell in notebook["cells"]}
    for answer in answers.values():
        if answer.kind == "solution":
            places[answer.name]["source"] = answer.source
    for answer in reversed(list(answers.values())):  # backwards, so that neighbours keep their order
        if answer.kind == "extra":
            cell: dict[str, Any] = {"cell_type": "code", "id": f"extra-{answer.name}", "metadata": {}}
            cell |= {"source": answer.source, "execution_count": None, "outputs": []}
            place = [grade_id(other) for other in notebook["cells"]].index(answer.after or "setup")
            notebook["cells"].insert(place + 1, cell)
    return notebook


def as_saved(notebook: Notebook) -> str:
    """The file as Jupyter saves it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def saved_by_colab(notebook: Notebook) -> str:
    """Colab's way of saving at its worst: all metadata of the course gone, ids replaced, its own added."""
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] = {"id": f"{(number * 2654435761 + 40503) % 2**32:08x}Qz{number:02d}"}
        if cell["cell_type"] == "code":
            cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
            cell["execution_count"] = number + 1
    notebook["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True, "gpuType": "T4"},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
    }
    notebook["nbformat_minor"] = 0
    return as_saved(notebook)


def tampered(notebook: Notebook) -> str:
    """Checks rewritten, skipped by a tag, worth more points, deleted and doubled."""
    checks = [cell for cell in notebook["cells"] if grade_id(cell).startswith(("check_", "hidden_"))]
    visible, hidden = ([c for c in checks if grade_id(c).startswith(role)] for role in ("check_", "hidden_"))
    deleted = hidden[len(hidden) // 2], visible[len(visible) // 2 + 1]
    for number, cell in enumerate(checks):
        if number % 3 == 0:
            cell["source"] = "print('passed')\n100.0"
        elif number % 3 == 1:
            cell["metadata"]["tags"] = ["skip-execution"]
        cell["metadata"].get("nbgrader", {})["points"] = 100
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in deleted]
    notebook["cells"].append(copy.deepcopy(checks[0]) | {"id": "copied-check"})
    return as_saved(notebook)


def truncated(notebook: Notebook) -> str:
    """An upload that broke off after three fifths of the file."""
    text = as_saved(notebook)
    return text[: len(text) * 3 // 5]


TREATMENTS: Mapping[str, Callable[[Notebook], str]] = {
    "as saved": as_saved,
    "colab": saved_by_colab,
    "tampered": tampered,
    "truncated": truncated,
}


def make(root: Path, folder: Path, assignment: str) -> list[Expected]:
    """Write the class into ``folder``/submitted/<student>/<assignment>/ and say what is expected of each.

    Arguments:
        root: the course's folder, with the released notebook and the answers.
        folder: where nbgrader's ``submitted`` folder is to be.
        assignment: which of `assignments`.

    Files that already hold the right text are left alone, so that a second run finds nothing new to grade.
    Raises AssignmentError if the assignment has no demo class or has not been built.
    """
    if assignment not in assignments(root):
        there = ", ".join(assignments(root)) or "none"
        raise AssignmentError(
            f"'{assignment}' has no demo class or is not built (run `make build`). There is: {there}."
        )
    release = json.loads(release_of(root, assignment).read_text(encoding="utf-8"))
    answers = root / ANSWERS / assignment
    students = read_expected(answers)
    for expected in students:
        text = TREATMENTS[expected.file](fill(release, read_answers(answers, expected.student)))
        path = folder / "submitted" / expected.student / assignment / f"{assignment}.ipynb"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return list(students)


def compare(expected: Iterable[Expected], grades: Iterable[object]) -> list[str]:
    """Where the grades differ from what was expected, one sentence each; empty if nowhere.

    ``grades`` are Grade objects or their dictionaries, in any order.
    """
    records = {str(record["student"]): record for record in map(as_record, grades)}
    wanted = {entry.student: entry for entry in expected}
    differences = [f"{name}: graded, but not in the class" for name in records if name not in wanted]
    for name, entry in wanted.items():
        if name not in records:
            differences.append(f"{name}: not graded")
        else:
            differences.extend(f"{name}: {words}" for words in differ(entry, records[name]))
    return differences


def differ(expected: Expected, record: Mapping[str, Any]) -> list[str]:
    """How one grade differs from its expectation."""
    found = []
    if record["status"] != expected.status:
        found.append(f'status is "{record["status"]}", expected "{expected.status}"')
    if abs(record["score"] - expected.score) > NEAR:
        found.append(f"score is {record['score']:g}, expected {expected.score:g}")
    cells = record.get("cells") or ()
    worth = sums(cells, "max_points")
    for exercise, points in sums(cells, "points").items():
        wanted = expected.points_for(exercise, worth[exercise])
        if abs(points - wanted) > NEAR:
            found.append(f"{exercise} got {points:g} points, expected {wanted:g}")
    unknown = {*expected.lost, *expected.points, *expected.named} - {*worth, EVERYTHING}
    found.extend(f"{exercise} was not graded" for exercise in sorted(unknown))
    for exercise, misconception in expected.named.items():
        names = {cell.get("misconception") for cell in cells if cell["exercise"] == exercise}
        if misconception not in names:
            found.append(f'{exercise}: the misconception "{misconception}" was not named')
    said = json.dumps(record, default=str, ensure_ascii=False).lower()
    found.extend(f'nothing mentions "{word}"' for word in expected.mentions if word.lower() not in said)
    if bool(record.get("tampering")) != expected.tampering:
        found.append("tampering was " + ("not noticed" if expected.tampering else "suspected"))
    return found


def sums(cells: Iterable[Mapping[str, Any]], key: str) -> dict[str, float]:
    """A number of the cells, summed by exercise."""
    made: dict[str, float] = {}
    for cell in cells:
        exercise = str(cell["exercise"])
        made[exercise] = made.get(exercise, 0.0) + float(cell[key])
    return made
