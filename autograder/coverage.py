"""Does the course teach its whole lecture? Compares docs/topics.toml with the sources of the notebooks.

docs/topics.toml lists the topics of the lecture in the lecture's order. For each it says in which sections
the topic is taught, by which exercises it is practised and in which cells it is measured. What it names is
looked up in the sources; docs/course_map.md is the same table as a page.
"""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import names
from .assignment import NOTEBOOKS, SOLUTIONS, assignments
from .source import Source, SourceCell
from .source import read as read_source

TOPICS = Path("docs", "topics.toml")
COURSE_MAP = Path("docs", "course_map.md")

_BETWEEN = " / "  # notebook and section, in the table
_PICTURES = ("draw_", "show_")  # figure cells named like this ask a question; they measure nothing
_QUESTION = "quiz_"  # begins the name of a graded question
_TOPIC_KEYS = {"part", "name", "taught"}
_TAUGHT_KEYS = {"section", "exercises", "measured"}


class TopicsError(Exception):
    """The table of topics cannot be read; one line says why."""


@dataclass(frozen=True)
class Place:
    """A section that teaches a topic."""

    notebook: str  # such as "01_convolution"
    section: str  # the heading without its ##
    exercises: tuple[str, ...]  # solutions in this section, graded questions among them
    measured: tuple[str, ...]  # figure and regression cells in this section


@dataclass(frozen=True)
class Topic:
    """One topic of the lecture."""

    part: str  # of the lecture
    name: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Contents:
    """What the table can name in one notebook."""

    title: str
    sections: dict[str, list[SourceCell]] = field(default_factory=dict)  # code cells by heading, in order

    def cells(self, role: str) -> Iterator[SourceCell]:
        """The cells of a role, in order."""
        return (cell for cells in self.sections.values() for cell in cells if cell.role == role)


def read(path: Path) -> list[Topic]:
    """The topics of a table, in its order.

    Raises:
        TopicsError: the file is missing, no TOML, or not of the form that its first lines describe.
    """
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file)["topic"]
    except OSError as error:
        raise TopicsError(f"{path} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise TopicsError(f"{path} is not a table of topics: {error}") from error
    topics: list[Topic] = []
    for entry in entries:
        name = entry.get("name", f"number {len(topics) + 1}")
        try:
            _only(entry, _TOPIC_KEYS, {"name", "taught"})
            part = entry.get("part", topics[-1].part if topics else "")
            topics.append(Topic(part, entry["name"], tuple(_place(taught) for taught in entry["taught"])))
        except ValueError as error:
            raise TopicsError(f"{path}, topic '{name}': {error}") from error
    return topics


def _only(entry: Mapping[str, Any], known: set[str], needed: set[str]) -> None:
    if strange := sorted(set(entry) - known):
        raise ValueError(f"unknown word {', '.join(strange)}")
    if absent := sorted(needed - set(entry)):
        raise ValueError(f"without {', '.join(absent)}")


def _place(taught: Mapping[str, Any]) -> Place:
    _only(taught, _TAUGHT_KEYS, {"section"})
    notebook, between, section = taught["section"].partition(_BETWEEN)
    if not between:
        raise ValueError(f"section '{taught['section']}' is not written NOTEBOOK{_BETWEEN}HEADING")
    return Place(notebook, section, tuple(taught.get("exercises", ())), tuple(taught.get("measured", ())))


def contents(source: Source) -> Contents:
    """The sections of a source (headings of the second level) with their code cells."""
    titles = [line[2:] for cell in source.cells for line in cell.source.splitlines() if line.startswith("# ")]
    found = Contents(titles[0] if titles and source.cells[0].role == "text" else source.name)
    section: list[SourceCell] = []  # cells before the first heading belong to none
    for cell in source.cells:
        if cell.role != "text":
            section.append(cell)
            continue
        for line in cell.source.splitlines():
            if line.startswith("## "):
                section = found.sections.setdefault(line[3:].strip(), [])
    return found


def load(root: Path) -> dict[str, Contents]:
    """The contents of every notebook of the course, by name."""
    return {
        name: contents(read_source(root / SOLUTIONS / name / f"{name}.py")[0]) for name in assignments(root)
    }


def problems(topics: Sequence[Topic], notebooks: Mapping[str, Contents]) -> list[str]:
    """What the table names and the notebooks have not, and what it leaves out; one line each."""
    found: list[str] = []
    for topic in topics:
        wrong = [line for place in topic.places for line in _missing(place, notebooks)]
        if not any(place.exercises for place in topic.places):
            wrong.append("no exercise practises it")
        if not any(place.measured for place in topic.places):
            wrong.append("nothing measures it")
        found += [f"topic '{topic.name}': {line}" for line in wrong]
    twice = [name for name, times in Counter(topic.name for topic in topics).items() if times > 1]
    found += [f"topic '{name}' is there twice" for name in twice]
    for notebook, has in notebooks.items():
        named = {
            name
            for topic in topics
            for place in topic.places
            if place.notebook == notebook
            for name in place.exercises
        }
        found += [
            f"{notebook}: the exercise {cell.exercise} belongs to no topic"
            for cell in has.cells("solution")
            if cell.exercise not in named
        ]
    return found


def _missing(place: Place, notebooks: Mapping[str, Contents]) -> list[str]:
    """What a place names in vain."""
    has = notebooks.get(place.notebook)
    if has is None:
        return [f"there is no notebook {place.notebook}"]
    cells = has.sections.get(place.section)
    if cells is None:
        near = difflib.get_close_matches(place.section, has.sections, 1, 0.4)
        hint = f" (there is '{near[0]}')" if near else ""
        return [f"{place.notebook} has no section '{place.section}'{hint}"]
    where = f"in section '{place.section}' of {place.notebook}"
    found = []
    solutions = {cell.exercise for cell in cells if cell.role == "solution"}
    for exercise in place.exercises:
        if exercise not in solutions:
            found.append(f"there is no exercise {exercise} {where}")
            continue
        for role in ("check", "hidden"):
            judges = [cell for cell in has.cells(role) if cell.exercise == exercise]
            if not any("checks" in names.read_first(cell.source) for cell in judges):
                found.append(f"the exercise {exercise} {where} has no {role} cell that checks it")
            elif role == "hidden" and not any(cell.points for cell in judges):
                found.append(f"the hidden check of {exercise} {where} earns no points")
    measuring = {cell.id for cell in cells if _kind(cell)}
    for name in place.measured:
        if name not in measuring:
            picture = name.startswith(_PICTURES)
            why = f"cells named {' or '.join(_PICTURES)} only show" if picture else "no such cell"
            found.append(f"nothing is measured by {name} {where}: {why}")
    return found


def _kind(cell: SourceCell) -> str:
    """How a cell measures: "table" (its numbers are graded), "experiment", "times" or "figure"; or ""."""
    if cell.role == "regression":
        return "table"
    if cell.role != "figure" or cell.id.startswith(_PICTURES):
        return ""
    if "experiments.run(" in cell.source:
        return "experiment"
    return "times" if "timing.measure(" in cell.source else "figure"


def summary(topics: Sequence[Topic]) -> str:
    """How much the table holds, in one sentence."""
    places = [place for topic in topics for place in topic.places]
    exercises = {(place.notebook, name) for place in places for name in place.exercises}
    questions = {key for key in exercises if key[1].startswith(_QUESTION)}
    measured = {(place.notebook, name) for place in places for name in place.measured}
    return (
        f"{len(topics)} topics of the lecture in {len({place.notebook for place in places})} notebooks: "
        f"{len({(place.notebook, place.section) for place in places})} sections, "
        f"{len(exercises) - len(questions)} exercises, {len(questions)} graded questions, "
        f"{len(measured)} measurements."
    )


def page(topics: Sequence[Topic], notebooks: Mapping[str, Contents]) -> str:
    """The course map, as Markdown: a row for each topic and section."""
    lines = [
        "# Course map",
        "",
        "Each topic of the lecture, in the lecture's order: where it is taught, by what it is practised, and",
        "what measures it. Section 1.3 is the third of notebook 1; the words `in this type` are names of its",
        "cells. Every exercise has a visible check and a hidden one; those called `quiz_…` are questions and",
        "marked after handing in. A *table* is printed by the student's own functions and compared when",
        "the notebook is graded; an *experiment* trains or runs something longer; *times* are taken by the",
        "clock.",
        "",
        summary(topics),
        "",
        "Made from [topics.toml](topics.toml) by `python -m autograder coverage --write`. Without `--write`",
        "the command looks up every name in the notebooks and says what is missing.",
        "",
    ]
    named = {place.notebook for topic in topics for place in topic.places}
    lines += [
        f"- [{has.title}](../{NOTEBOOKS}/{name}/{name}.ipynb)"
        for name, has in notebooks.items()
        if name in named
    ]
    part = None
    for topic in topics:
        if topic.part != part:
            part = topic.part
            lines += ["", f"## {part}", "", "| topic | section | exercises | measured by |"]
            lines.append("|---|---|---|---|")
        lines += ["| " + " | ".join(row) + " |" for row in _rows(topic, notebooks)]
    return "\n".join(lines) + "\n"


def _rows(topic: Topic, notebooks: Mapping[str, Contents]) -> Iterator[tuple[str, str, str, str]]:
    """Topic, section, exercises, measurements: a row for each section, the topic in the first one only."""
    for place in topic.places:
        section = notebooks.get(place.notebook, Contents("")).sections.get(place.section, [])
        kinds = {cell.id: _kind(cell) for cell in section}
        yield (
            topic.name if place is topic.places[0] else "",
            _where(place),
            ", ".join(f"`{name}`" for name in place.exercises),
            ", ".join(f"{kinds.get(name, '')} `{name}`".strip() for name in place.measured),
        )


def _where(place: Place) -> str:
    """A section with the notebook's number before it, such as 1.3 · What the stride skips."""
    number = place.notebook.partition("_")[0].lstrip("0")
    return f"{number}.{place.section}" if place.section[:1].isdigit() else f"{number} · {place.section}"


def show(topics: Sequence[Topic], notebooks: Mapping[str, Contents], console: Console | None = None) -> None:
    """Print the table, a row for each topic and section, and the sentence that sums it up."""
    console = console or Console()
    table = Table(title="The lecture's topics in the notebooks")
    for heading in ("topic", "section", "exercises", "measured by"):
        table.add_column(heading, overflow="fold")
    part = ""
    for topic in topics:
        if topic.part != part:
            table.add_section()
            part = topic.part
        for row in _rows(topic, notebooks):
            table.add_row(*(text.replace("`", "") for text in row))
    console.print(table)
    console.print(summary(topics), highlight=False, soft_wrap=True)


def run(root: Path, write: bool = False, console: Console | None = None) -> list[str]:
    """Print the table of a course and compare it with the notebooks.

    Args:
        root: the repository.
        write: write the course map anew; else it is compared.

    Returns:
        what is missing or out of date, one line each; nothing if all is well.

    Raises:
        TopicsError: the table cannot be read.
    """
    topics, notebooks = read(root / TOPICS), load(root)
    show(topics, notebooks, console)
    found = problems(topics, notebooks)
    text, place = page(topics, notebooks), root / COURSE_MAP
    if write and not found:
        place.write_text(text, encoding="utf-8")
    elif not place.is_file() or place.read_text(encoding="utf-8") != text:
        found.append(f"{COURSE_MAP} is not what {TOPICS} gives: run `python -m autograder coverage --write`")
    return found
