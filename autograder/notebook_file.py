"""Reads a notebook file that a student handed in, in whatever state it is.

The file is hostile until proven harmless: only regular files are opened, never links or pipes; sizes are
capped before anything is decoded; nothing but JSON is read from it, and of that only what grading needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_MB = 50  # of a file, MB of 2**20 bytes
MOST_VALUES = 3_000_000  # JSON values in a file: bounds the memory that parsing takes
MOST_CELLS = 2_000
LONGEST_CELL = 5_000_000  # characters; Colab puts pasted pictures into text cells
MOST_CODE = 1_000_000  # characters in all code cells: bounds the time that looking through them takes

HAND_IN = (
    "Open the notebook, save it, and hand in the .ipynb file itself "
    "(JupyterLab: File > Save Notebook, then File > Download; Colab: File > Download > Download .ipynb)."
)

_ENDINGS = (".ipynb", ".ipynb.txt", ".ipynb.json", ".json")  # some browsers rename what they download
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_KINDS = (  # how a file begins that is something else
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
)


class Unreadable(Exception):
    """The file cannot be graded; the text tells the student why and how to hand in a good one."""


class Missing(Unreadable):
    """Nothing was handed in."""


@dataclass(frozen=True)
class RawCell:
    """One cell as it stands in the file."""

    cell_type: str  # "code", "markdown" or "raw"
    source: str
    id: str = ""
    grade_id: str = ""
    marks: tuple[tuple[str, bool | float | str], ...] = ()  # nbgrader's: grade, solution, locked, points
    tags: tuple[str, ...] = ()

    def mark(self, name: str) -> bool | float | str | None:
        """One of nbgrader's marks; None where the cell does not have it."""
        return dict(self.marks).get(name)


@dataclass(frozen=True)
class RawNotebook:
    """What grading needs of a file."""

    path: Path  # of the file that was read
    cells: tuple[RawCell, ...]
    assignment: str  # which the notebook's metadata names; "" where it was lost
    edition: str
    repairs: tuple[str, ...]  # what was done to read it, in plain words


def read(path: Path) -> RawNotebook:
    """Read the notebook at `path`, or the only other notebook in its folder.

    Raises:
        Missing: the folder holds no file.
        Unreadable: in plain words for the student.
    """
    found, repairs = _find(path)
    data = _bytes(found)
    content = _json(_text(data, found.name, repairs), found.name)
    cells = _cells(content, found.name, repairs)
    metadata = _mapping(_mapping(content, "metadata"), "course")
    names = (metadata.get("assignment"), metadata.get("edition"))
    assignment, edition = (name if isinstance(name, str) else "" for name in names)
    return RawNotebook(found, cells, assignment, edition, tuple(dict.fromkeys(repairs)))


def _find(path: Path) -> tuple[Path, list[str]]:
    """The file to read: the one asked for or, where it is missing, the only notebook beside it."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISLNK(os.lstat(path.parent).st_mode):
            raise Unreadable(f"The folder {path.parent.name} is a link, not a folder. {HAND_IN}")
    with contextlib.suppress(OSError):
        os.lstat(path)
        return path, []
    files = _files_beside(path)
    notebooks = [other.name for other in other_files(path)]
    if len(notebooks) == 1:
        named = f"The file is named '{_shown(notebooks[0])}' instead of '{path.name}'"
        return path.with_name(notebooks[0]), [f"{named}; it was graded all the same."]
    if len(notebooks) > 1:
        listed = ", ".join(_shown(name) for name in notebooks[:5])
        raise Unreadable(
            f"There is no {path.name}, and several notebooks could be meant ({listed}). "
            f"Hand in one, named {path.name}."
        )
    if files:
        raise Unreadable(
            f"There is no notebook, only {', '.join(_shown(name) for name in files[:5])}. {HAND_IN}"
        )
    raise Missing(f"No notebook named {path.name} was handed in.")


def _files_beside(path: Path) -> list[str]:
    try:
        with os.scandir(path.parent) as entries:
            files = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError:
        return []
    return [name for name in files if not name.startswith(".") and name != "timestamp.txt"]


def other_files(path: Path) -> list[Path]:
    """The notebooks that could be meant where there is no file at `path`."""
    candidates = [name for name in _files_beside(path) if name.lower().endswith(_ENDINGS)]
    notebooks = [name for name in candidates if name.lower().endswith(".ipynb")] or candidates
    return [path.with_name(name) for name in notebooks]


def _shown(name: str) -> str:
    """A file's name for a message: printable and short."""
    return "".join(char if char.isprintable() else "?" for char in name)[:80]


def _bytes(path: Path) -> bytes:
    name = _shown(path.name)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # before opening: to open a pipe or a device can do harm
            raise Unreadable(f"{name} is not a plain file (it is a link, a folder or a pipe). {HAND_IN}")
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Unreadable(f"{name} is not a plain file. {HAND_IN}")
            data = stream.read((LARGEST_MB << 20) + 1)
    except OSError as error:
        raise Unreadable(f"{name} cannot be opened ({error.strerror}).") from None
    if len(data) > LARGEST_MB << 20:
        raise Unreadable(
            f"{name} is larger than {LARGEST_MB} MB. Clear the outputs (Edit > Clear Outputs of All Cells, "
            "in Colab Edit > Clear all outputs), save, and hand it in again."
        )
    if not data.strip():
        raise Unreadable(f"{name} is empty. {HAND_IN}")
    return data


def _text(data: bytes, name: str, repairs: list[str]) -> str:
    """The file as text, whatever encoding an editor saved it in."""
    for start, kind in _KINDS:
        if data.lstrip()[: len(start)].lower() == start.lower():
            raise Unreadable(f"{_shown(name)} is {kind}, not a notebook. {HAND_IN}")
    with contextlib.suppress(UnicodeDecodeError):
        if data.startswith(_UTF_16) or b"\0" in data[:4]:
            marked = data.startswith(_UTF_16)
            text = data.decode("utf-16" if marked else "utf-16-le" if data[1:2] == b"\0" else "utf-16-be")
            repairs.append("The file was saved as UTF-16 text; notebooks are UTF-8.")
            return text
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig")
    repairs.append("Parts of the file are not UTF-8 text; unusual letters may have changed.")
    return data.decode("latin-1")


def _json(text: str, name: str) -> dict[str, Any]:
    name = _shown(name)
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        raise Unreadable(
            f"{name} holds millions of numbers in its outputs. Clear the outputs, save, and hand it in again."
        )
    try:
        content = json.loads(text)
    except RecursionError:
        raise Unreadable(f"{name} is nested too deeply to be a notebook. {HAND_IN}") from None
    except ValueError as error:
        if text.lstrip()[:1] == "{" and not text.rstrip().endswith("}"):
            raise Unreadable(
                f"{name} ends in the middle: it was cut off while it was saved or uploaded. {HAND_IN}"
            ) from None
        if text.lstrip()[:1] == "{":
            line = getattr(error, "lineno", 0)
            raise Unreadable(f"{name} is damaged in line {line}, or was cut off there. {HAND_IN}") from None
        raise Unreadable(f"{name} is not a notebook. {HAND_IN}") from None
    if not isinstance(content, dict) or not (
        isinstance(content.get("cells"), list) or isinstance(content.get("worksheets"), list)
    ):
        raise Unreadable(f"{name} is not a notebook: it has no list of cells. {HAND_IN}")
    return content


def _cells(content: dict[str, Any], name: str, repairs: list[str]) -> tuple[RawCell, ...]:
    nodes = content.get("cells")
    if not isinstance(nodes, list):
        sheets = [sheet for sheet in content["worksheets"] if isinstance(sheet, dict)]
        nodes = [cell for sheet in sheets if isinstance(sheet.get("cells"), list) for cell in sheet["cells"]]
        repairs.append("The notebook is in an old format (nbformat 3); it was converted.")
    if len(nodes) > MOST_CELLS:
        raise Unreadable(f"{_shown(name)} has {len(nodes)} cells; more than {MOST_CELLS} are not accepted.")
    cells = []
    for node in nodes:
        cell = _cell(node) if isinstance(node, dict) else None
        if cell is None:
            repairs.append("A cell that is not a notebook cell was left out.")
        elif len(cell.source) > LONGEST_CELL:
            repairs.append(f"A cell of more than {LONGEST_CELL} characters was left out.")
        else:
            cells.append(cell)
    if sum(len(cell.source) for cell in cells if cell.cell_type == "code") > MOST_CODE:
        raise Unreadable(f"{_shown(name)} has more than {MOST_CODE} characters of code. {HAND_IN}")
    if not any(cell.source.strip() for cell in cells):
        raise Unreadable(f"{_shown(name)} has no content: all its cells are empty or gone. {HAND_IN}")
    return tuple(cells)


def _cell(node: dict[str, Any]) -> RawCell | None:
    """One cell of nbformat 3 or 4; None where it is none."""
    cell_type = node.get("cell_type")
    source = node.get("source", node.get("input", ""))
    if isinstance(source, list):
        if not all(isinstance(line, str) for line in source):
            return None
        source = "".join(source)
    if not isinstance(source, str) or not isinstance(cell_type, str):
        return None
    metadata = _mapping(node, "metadata")
    nbgrader = _mapping(metadata, "nbgrader")
    tags = metadata.get("tags")
    identity, grade_id = node.get("id"), nbgrader.get("grade_id")
    marks = [
        (key, nbgrader[key])
        for key in ("grade", "solution", "locked", "points")
        if isinstance(nbgrader.get(key), (bool, int, float, str))
    ]
    return RawCell(
        cell_type if cell_type in ("code", "raw") else "markdown",
        _clean(source),
        identity if isinstance(identity, str) else "",
        grade_id if isinstance(grade_id, str) else "",
        tuple(marks),
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _mapping(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = node.get(key)
    return value if isinstance(value, Mapping) else {}


def _clean(source: str) -> str:
    """Uniform line ends, and nothing in the text that Python or UTF-8 cannot hold."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").strip("\n")
    return lines.encode("utf-8", "replace").decode("utf-8")
