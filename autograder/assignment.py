"""An assignment as grading sees it: the instructor's cells, what students got of them, and the limits."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

SOLUTIONS, NOTEBOOKS = "solutions", "notebooks"
ANSWERS, HIDDEN_ANSWERS = "answers.npz", "hidden.npz"


class AssignmentError(Exception):
    """There is no such assignment, or it is not built; the text says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use up: seconds by the clock, MB of 2**20 bytes, KB of 2**10 bytes."""

    cell_seconds: float = 60  # one cell
    call_seconds: float = 20  # one call of a student's function by a check
    total_seconds: float = 300  # the whole submission
    memory_mb: int = 2048  # of the student's process
    processes: int = 64  # processes and threads at once
    file_mb: int = 64  # one file
    scratch_mb: int = 256  # all files in the scratch folder
    output_kb: int = 1024  # printed and drawn by one cell

    def updated(self, values: Mapping[str, Any]) -> Limits:
        """These limits with some of them replaced.

        Raises:
            AssignmentError: a value has an unknown name or is not a positive number.
        """
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise AssignmentError(f"Unknown limit {name!r}; known are: {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise AssignmentError(f"The limit {name} must be a positive number, not {value!r}")
        return replace(self, **values)


@dataclass(frozen=True)
class Cell:
    """One cell of the instructor's notebook."""

    id: str
    role: str  # "text" or a key of roles.ROLES
    cell_type: str  # "code" or "markdown"
    source: str  # the instructor's, with solutions and hidden tests
    released: str  # as students get it
    exercise: str  # of solution, check and hidden cells
    points: float
    tags: tuple[str, ...]
    outputs: tuple[dict, ...]  # the reference's (nbformat 4)
    defines: tuple[str, ...]  # names that a solution defines at top level


@dataclass(frozen=True)
class Assignment:
    """Everything that grading knows about one assignment."""

    name: str
    folder: Path  # solutions/NAME: reference and hidden answers
    release_folder: Path  # notebooks/NAME: what students got
    cells: tuple[Cell, ...]
    limits: Limits
    version: str  # SHA-256 of the solution notebook and the stored answers
    edition: str  # of the source; a submission carries it in its metadata
    notebook: dict[str, Any]  # the release, nbformat 4: the frame of every graded notebook

    @property
    def max_score(self) -> float:
        """Points in all."""
        return sum(cell.points for cell in self.cells)

    def names_of_solutions(self) -> frozenset[str]:
        """Every name that a solution cell defines at top level."""
        return frozenset(name for cell in self.cells if cell.role == "solution" for name in cell.defines)


def assignments(root: Path) -> list[str]:
    """The names of all assignments that have a source."""
    return sorted(
        path.parent.name for path in (root / SOLUTIONS).glob("*/*.py") if path.stem == path.parent.name
    )


def load(root: Path, name: str, limits: Mapping[str, Any] | None = None) -> Assignment:
    """Load a built assignment.

    Args:
        root: the repository.
        name: of the assignment, such as ``01_convolution``.
        limits: replace the built-in limits and those in the notebook's metadata. Keys are the names of
            `Limits`; under the name of an assignment, a mapping of the same form for that one only.

    Raises:
        AssignmentError: no such assignment, not built, or limits that make no sense.
    """
    folder, release_folder = root / SOLUTIONS / name, root / NOTEBOOKS / name
    known = assignments(root)
    if name not in known and not (folder / f"{name}.ipynb").is_file():
        near = difflib.get_close_matches(name, known, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        listed = f"There is: {', '.join(known)}." if known else f"There is none in {root / SOLUTIONS}."
        raise AssignmentError(f"There is no assignment '{name}'.{hint} {listed}")
    solution, text = _notebook(folder / f"{name}.ipynb", name)
    release, _ = _notebook(release_folder / f"{name}.ipynb", name)
    digest = hashlib.sha256(text)
    for answers in (ANSWERS, HIDDEN_ANSWERS):
        if (folder / answers).is_file():
            digest.update((folder / answers).read_bytes())
    course = solution["metadata"].get("course", {})
    return Assignment(
        name,
        folder,
        release_folder,
        _cells(solution, release, name),
        _limits(name, course.get("limits", {}), limits or {}),
        digest.hexdigest(),
        course.get("edition", ""),
        release,
    )


def _notebook(path: Path, name: str) -> tuple[dict[str, Any], bytes]:
    try:
        text = path.read_bytes()
        return _joined(json.loads(text)), text
    except FileNotFoundError:
        raise AssignmentError(
            f"The assignment '{name}' is not built ({path} is missing): run `make build`"
        ) from None
    except (OSError, ValueError) as error:
        raise AssignmentError(f"{path} cannot be read ({error}): run `make build`") from None


def _joined(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with each text as one string; files hold long texts as lists of lines."""
    for cell in notebook["cells"]:
        cell["source"] = text_of(cell)
        for output in cell.get("outputs", ()):
            if isinstance(output.get("text"), list):
                output["text"] = "".join(output["text"])
            for kind, value in output.get("data", {}).items():
                if isinstance(value, list) and "json" not in kind:
                    output["data"][kind] = "".join(value)
    return notebook


def _limits(name: str, own: Mapping[str, Any], configured: Mapping[str, Any]) -> Limits:
    general = {key: value for key, value in configured.items() if not isinstance(value, Mapping)}
    special = configured.get(name, {})
    return Limits().updated(own).updated(general).updated(special)


def _cells(solution: dict[str, Any], release: dict[str, Any], name: str) -> tuple[Cell, ...]:
    released = {node["id"]: node["source"] for node in release["cells"]}
    cells = []
    for node in solution["cells"]:
        metadata = node["metadata"]
        role = metadata.get("course", {}).get("role", "text")
        if node["id"] not in released:
            raise AssignmentError(f"The release of '{name}' has no cell '{node['id']}': run `make build`")
        source = node["source"]
        cells.append(
            Cell(
                node["id"],
                role,
                node["cell_type"],
                source,
                released[node["id"]],
                metadata.get("course", {}).get("exercise", ""),
                float(metadata.get("nbgrader", {}).get("points", 0)),
                tuple(metadata.get("tags", ())),
                tuple(node.get("outputs", ())),
                tuple(metadata.get("course", {}).get("defines", ())),
            )
        )
    return tuple(cells)


def text_of(node: Mapping[str, Any]) -> str:
    """The source of a notebook cell as one string (files may hold a list of lines)."""
    source = node.get("source", "")
    return source if isinstance(source, str) else "".join(source)
