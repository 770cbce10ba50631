"""Looks for what students must not get: solutions, hidden cases, misconceptions, the grader, others' work.

`publish` asks it before anything leaves; the tests ask it about every released notebook.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .assignment import HIDDEN_ANSWERS, SOLUTIONS, assignments

SECRET_FILES = ("cases.py", "misconceptions.py", "equivalent_mutants.py")
KINDS = {".ipynb", ".npz", ".npy", ".png", ".jpg", ".csv", ".txt", ".md", ".py", ".yml", ".toml", ""}
ALLOWED_DOTFILES = (".gitignore",)
SHORTEST = 16  # characters of a line that says something
LONGEST_QUOTE = 4  # lines of secret code that a module for students may have by chance, one after the other
MARKS = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS")

_SOLUTION_BLOCK = re.compile(r"### BEGIN SOLUTION(.*?)### END SOLUTION", re.DOTALL)


@dataclass(frozen=True)
class Secrets:
    """What an instructor's folder holds that students must not get."""

    root: Path

    @cached_property
    def names(self) -> list[str]:
        """Of all assignments."""
        return assignments(self.root)

    @cached_property
    def of(self) -> dict[str, dict[str, str]]:
        """Assignment -> line of secret code -> where it stands. What its source shows anyway is no secret."""
        found: dict[str, dict[str, str]] = {}
        for name in self.names:
            solutions = lines_of("\n".join(_SOLUTION_BLOCK.findall(self._source(name))))
            found[name] = dict.fromkeys(solutions - self._shown(name), f"a solution of {name}")
            for file in SECRET_FILES:
                path = self.root / SOLUTIONS / name / file
                if path.is_file():
                    secret = lines_of(path.read_text(encoding="utf-8")) - self._shown(name) - solutions
                    found[name] |= dict.fromkeys(secret, f"{SOLUTIONS}/{name}/{file}")
        return found

    @cached_property
    def lines(self) -> dict[str, str]:
        """Line of secret code -> where it stands, for all assignments, without what any of them shows."""
        shown = set().union(*map(self._shown, self.names))
        return {line: place for each in self.of.values() for line, place in each.items() if line not in shown}

    def _source(self, name: str) -> str:
        return (self.root / SOLUTIONS / name / f"{name}.py").read_text(encoding="utf-8")

    def _shown(self, name: str) -> set[str]:
        return lines_of(_SOLUTION_BLOCK.sub("", self._source(name)))

    @cached_property
    def hidden_labels(self) -> dict[tuple[str, str], str]:
        """(exercise, label) of each hidden case -> its assignment."""
        return {
            key: name
            for name in self.names
            for key in _cases(_structure(self.root / SOLUTIONS / name / HIDDEN_ANSWERS))
        }

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file that must stay -> where it lies."""
        places = [
            Path(SOLUTIONS, name, file)
            for name in self.names
            for file in (*SECRET_FILES, HIDDEN_ANSWERS, f"{name}.py", f"{name}.ipynb")
        ]
        return {_sha256(self.root / place): str(place) for place in places if (self.root / place).is_file()}


def lines_of(text: str) -> set[str]:
    """Lines of code that say something, without indentation and comments."""
    return {
        line for line in map(_bare, text.splitlines()) if len(line) >= SHORTEST and not line.startswith("#")
    }


def _bare(line: str) -> str:
    return line.split("  #")[0].strip()


def leaks(root: Path, folder: Path) -> list[str]:
    """What in `folder` students must not get, one line each: the file, what it holds, where that comes from.

    Args:
        root: the instructor's repository.
        folder: what is to be handed out.
    """
    secrets = Secrets(root)
    return [
        f"{path.relative_to(folder)}: {words}"
        for path in files_in(folder)
        for words in _look(secrets, folder, path)
    ]


def files_in(folder: Path) -> Iterator[Path]:
    """All files and links below a folder, in order; not what git keeps for itself."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (Path(place) / name for name in sorted([*files, *links]))


def _look(secrets: Secrets, folder: Path, path: Path) -> Iterator[str]:
    relative = path.relative_to(folder)
    if not stat.S_ISREG(path.lstat().st_mode):
        yield "is a link or something else that is no file"
        return
    if relative.parts[0] in (
        SOLUTIONS,
        "autograder",
        "tests",
        "submitted",
        "autograded",
        "feedback",
        "report",
    ):
        yield f"{relative.parts[0]}/ is not for students"
    dotted = [part for part in relative.parts if part.startswith(".")]
    if relative.name in SECRET_FILES or relative.name.startswith("hidden") or "__pycache__" in relative.parts:
        yield "is a file of the instructor's"
    elif path.suffix not in KINDS or (dotted and relative.name not in ALLOWED_DOTFILES):
        yield "is no kind of file that students get"
    copied = secrets.digests.get(_sha256(path))
    if copied:
        yield f"is a copy of {copied}"
    if path.suffix == ".npz":
        yield from _look_into_answers(secrets, path)
    elif path.suffix == ".ipynb":
        yield from _look_into_notebook(secrets, path)
    elif path.suffix in KINDS - {".npy", ".png", ".jpg"}:
        yield from _look_into_text(secrets, path.read_text(encoding="utf-8", errors="replace"))


def _look_into_answers(secrets: Secrets, path: Path) -> Iterator[str]:
    structure = _structure(path)
    for exercise, label in _cases(structure):
        name = secrets.hidden_labels.get((exercise, label))
        if name:
            yield f"holds the hidden case {label!r} of {exercise} ({name})"
    for quiz, entry in structure.get("quizzes", {}).items():
        if "right" in entry:
            yield f"holds the right answer to {quiz}"


def _look_into_notebook(secrets: Secrets, path: Path) -> Iterator[str]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
    except (ValueError, KeyError, TypeError):
        yield "is not a notebook"
        return
    secret = secrets.lines | secrets.of.get(path.stem, {})
    for cell in cells:
        text = "\n".join(_strings(cell))
        where = f"the cell '{cell.get('id', '')}'"
        found = [mark for mark in (*MARKS, "hidden=True") if mark in text]
        if found:
            yield f"{where} holds {found[0]}"
        for line in sorted(lines_of(text) & set(secret)):
            yield f"{where} holds the line {line!r} of {secret[line]}"


def _strings(value: Any) -> Iterator[str]:
    """All texts in a cell: source, outputs, metadata."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):  # how files hold a long text
            yield "".join(value)
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _look_into_text(secrets: Secrets, text: str) -> Iterator[str]:
    """A module of the course: marks, and runs of lines that stand in a secret file one after the other."""
    for mark in MARKS:
        if mark in text:
            yield f"holds {mark}"
    run: list[str] = []
    for line in [*filter(None, map(_bare, text.splitlines())), ""]:
        if line in secrets.lines or (run and line and len(line) < SHORTEST):
            run.append(line)
            continue
        telling = [
            each for each in run if each in secrets.lines and not each.startswith(("import ", "from "))
        ]
        if len(telling) > LONGEST_QUOTE:
            yield f"holds {len(telling)} lines of {secrets.lines[telling[0]]}, from {telling[0]!r} on"
        run = []


def _structure(path: Path) -> dict[str, Any]:
    """What a file of stored answers says about its cases; empty for a file of another kind."""
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            return json.loads(stored["structure"].tobytes()) if "structure" in stored.files else {}
    except (OSError, ValueError):
        return {}


def _cases(structure: Mapping[str, Any]) -> list[tuple[str, str]]:
    exercises = structure.get("exercises", {})
    return [(name, case["label"]) for name, entry in exercises.items() for case in entry["cases"]]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
