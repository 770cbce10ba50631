"""The demo class: sixteen submissions of notebook 1, and what a fair grader gives for each.

The answers are in data/demo_class/, one file per student; here they are put into the released notebook and,
for some students, the file is treated as editors, uploads or cheats treat it. The same release gives the
same bytes.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.pages import as_record

ASSIGNMENT = "01_convolution"
ANSWERS = Path("data", "demo_class")
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
    """What a student handed in and what a fair grader makes of it."""

    student: str
    handed_in: str
    status: tuple[str, ...]  # any of these
    score: float
    reached: Mapping[str, float] = field(default_factory=dict)  # exercise: points, where not all
    named: Mapping[str, str] = field(default_factory=dict)  # exercise: misconception that the feedback names
    mentions: tuple[str, ...] = ()  # words that must stand in the repairs, notes or messages, in any case
    tampering: bool = False

    def shown(self) -> str:
        """The expectation in one line, for the table of scores."""
        return f"{self.score:g}, {self.status[0]}: {self.handed_in}"


def read_answers(folder: Path, student: str) -> dict[str, Answer]:
    """A student's cells by name, with those of the base file below them.

    Raises FileNotFoundError if there is no such student.
    """
    text = (folder / f"{student}.py").read_text(encoding="utf-8")
    base = re.search(r"^# base: (\w+)$", text, re.M)
    answers = read_answers(folder, base[1]) if base else {}
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


def unchanged(notebook: Notebook) -> Notebook:
    """Most students hand in the file as their editor saved it."""
    return notebook


def saved_by_colab(notebook: Notebook) -> Notebook:
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
    return notebook


def tampered(notebook: Notebook) -> Notebook:
    """Checks rewritten, skipped by a tag, worth more points, deleted and doubled."""
    cells = notebook["cells"]
    checks = [cell for cell in cells if grade_id(cell).startswith(("check_", "hidden_"))]
    for number, cell in enumerate(checks):
        if number % 3 == 0:
            cell["source"] = "print('passed')\n100.0"
        elif number % 3 == 1:
            cell["metadata"]["tags"] = ["skip-execution"]
        cell["metadata"].get("nbgrader", {})["points"] = 100
    notebook["cells"] = [cell for cell in cells if grade_id(cell) not in ("hidden_conv2d", "check_conv1x1")]
    notebook["cells"].append(copy.deepcopy(checks[0]) | {"id": "copied-check"})
    return notebook


@dataclass(frozen=True)
class Student:
    """One row of the demo class: the expectation, and what happened to the file."""

    expected: Expected
    treat: Callable[[Notebook], Notebook] = unchanged
    keep: float = 1.0  # share of the file's characters that arrived


GRADED = ("graded",)
REPAIRED = ("graded with repairs",)
STOPPED = ("stopped early",)
UNGRADABLE = ("ungradable",)
SECOND_HALF = (
    "conv2d",
    "conv1x1",
    "receptive_field",
    "conv_transpose2d",
    "causal_conv1d",
    "conv2d_unfold",
    "Conv2d",
)
QUIZZES = ("quiz_weights_per_filter", "quiz_bank_size", "quiz_vgg_size", "quiz_one_by_one")
FIRST_HALF = (
    "neuron",
    "count_layer",
    "output_size",
    "uncovered",
    "pad2d",
    "locally_connected2d",
    "conv2d_loops",
)
ALL = (*FIRST_HALF, *SECOND_HALF, *QUIZZES, "regression")


def none_of(*exercises: str) -> dict[str, float]:
    """No points in each of these."""
    return dict.fromkeys(exercises, 0.0)


STUDENTS: tuple[Student, ...] = (
    Student(Expected("ada", "right, in plain loops", GRADED, 100)),
    Student(Expected("boole", "right, with einsum and views of windows", GRADED, 100)),
    Student(Expected("cantor", "right, with Fourier transforms", GRADED, 100)),
    Student(
        Expected(
            "dijkstra",
            "kernel flipped",
            GRADED,
            80,
            none_of("conv2d_loops", "conv2d"),
            named={"conv2d_loops": "flipped kernel", "conv2d": "flipped kernel"},
        ),
    ),
    Student(
        Expected(
            "euler",
            "height used for width",
            GRADED,
            85,
            none_of("count_layer", "conv2d_loops"),
            named={"count_layer": "height used for width", "conv2d_loops": "height used for width"},
        ),
    ),
    Student(
        Expected(
            "fermat",
            "bias forgotten",
            GRADED,
            89,
            none_of("conv1x1", "causal_conv1d"),
            named={"conv1x1": "bias forgotten", "causal_conv1d": "bias forgotten"},
        ),
    ),
    Student(
        Expected(
            "gauss",
            "padding on one side only",
            GRADED,
            87,
            none_of("pad2d", "conv2d_loops"),
            named={"pad2d": "all of the frame on one side", "conv2d_loops": "padding on one side"},
        ),
    ),
    Student(
        Expected(
            "hopper",
            "input modified in place; float64 cut down to float32",
            GRADED,
            76,
            none_of("neuron", "conv2d_loops", "conv2d"),
            named={"neuron": "input modified in place"},
            mentions=("float32",),
        ),
    ),
    Student(
        Expected("iwasawa", "half done", GRADED, 43, none_of(*SECOND_HALF, *QUIZZES[1:], "regression")),
    ),
    Student(
        Expected("jacobi", "untouched", GRADED, 0, none_of(*ALL)),
    ),
    Student(
        Expected(
            "kepler", "a syntax error in one cell", GRADED, 95, none_of("conv1x1"), mentions=("syntax",)
        ),
    ),
    Student(
        Expected(
            "laplace",
            "one endless loop, and one that ignores interruption",
            STOPPED,
            67,
            none_of("uncovered", "causal_conv1d", "conv2d_unfold", "Conv2d", *QUIZZES, "regression"),
            mentions=("seconds",),
        ),
    ),
    Student(
        Expected("markov", "eats memory", GRADED, 94, none_of("receptive_field"), mentions=("memory",)),
    ),
    Student(
        Expected(
            "moriarty",
            "tampers with the tests; one honest answer",
            STOPPED,
            4,
            none_of(*FIRST_HALF[1:], *SECOND_HALF, *QUIZZES, "regression"),
            tampering=True,
        ),
        treat=tampered,
    ),
    Student(
        Expected("noether", "right, saved by Colab, metadata gone", REPAIRED, 100),
        treat=saved_by_colab,
    ),
    Student(
        Expected("turing", "truncated file", UNGRADABLE, 0, none_of(*ALL), mentions=("hand in",)),
        keep=0.6,
    ),
)

EXPECTED: tuple[Expected, ...] = tuple(student.expected for student in STUDENTS)


def submission(release: Notebook, answers: Mapping[str, Answer], student: Student) -> str:
    """The text of the file that a student hands in."""
    notebook = student.treat(fill(release, answers))
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return text[: int(len(text) * student.keep)]


def make(root: Path, folder: Path) -> list[Expected]:
    """Write the class into ``folder``/submitted/<student>/01_convolution/ and say what is expected of each.

    Arguments:
        root: the course's folder, with the released notebook and the answers.
        folder: where nbgrader's ``submitted`` folder is to be.

    Files that already hold the right text are left alone, so that a second run finds nothing new to grade.
    Raises FileNotFoundError if notebook 1 has not been built.
    """
    source = root / "notebooks" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    release = json.loads(source.read_text(encoding="utf-8"))
    for student in STUDENTS:
        name = student.expected.student
        text = submission(release, read_answers(root / ANSWERS, name), student)
        path = folder / "submitted" / name / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return list(EXPECTED)


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
    if record["status"] not in expected.status:
        found.append(f'status is "{record["status"]}", expected "{" or ".join(expected.status)}"')
    if abs(record["score"] - expected.score) > 0.005:
        found.append(f"score is {record['score']:g}, expected {expected.score:g}")
    cells: Sequence[Mapping[str, Any]] = record.get("cells") or ()
    reached, worth = sums(cells, "points"), sums(cells, "max_points")
    for exercise, points in reached.items():
        wanted = expected.reached.get(exercise, worth[exercise])
        if abs(points - wanted) > 0.005:
            found.append(f"{exercise} got {points:g} points, expected {wanted:g}")
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
