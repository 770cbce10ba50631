"""One submission: how it is made from a release notebook, and what may come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEFT_BEHIND = "hostile-left-this"  # in the names of files and processes that must not survive
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"

Notebook = dict[str, Any]
Edit = Callable[[Notebook], Any]
Write = Callable[[Path, str], Any]

RUN = ("graded", "graded with repairs", "stopped early")
REFUSED = ("ungradable", "missing")


@dataclass(frozen=True)
class Case:
    """One submission and the points that it may get."""

    name: str
    kind: str  # "honest" | "cheat" | "abuse" | "file" | "oddity"
    most: float
    least: float = 0
    answers: Mapping[str, str] = field(default_factory=dict)
    first: str = ""  # a cell of the student's own, before all others
    last: str = ""  # and one behind all others
    edit: Edit = lambda notebook: None
    write: Write = lambda path, text: path.write_text(text)
    statuses: tuple[str, ...] = RUN
    suspected: bool | None = None  # whether a person must be told of it; None: no matter

    def hand_in(self, course: Path, name: str) -> Path:
        """Put the submission where students' files are collected."""
        notebook = json.loads((course / "notebooks" / name / f"{name}.ipynb").read_text())
        for cell in notebook["cells"]:
            cell["source"] = self.answers.get(cell["id"], "".join(cell["source"]))
        for place, source in ((0, self.first), (len(notebook["cells"]) + 1, self.last)):
            if source:
                notebook["cells"].insert(place, code_cell(source.replace("COURSE_FOLDER", str(course))))
        self.edit(notebook)
        path = course / "submitted" / self.name / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        self.write(path, json.dumps(notebook))
        return path


def code_cell(source: str, **metadata: Any) -> Notebook:
    """A code cell as nbformat 4 has it."""
    return {
        "cell_type": "code",
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


def text_cell(source: str) -> Notebook:
    """A text cell as nbformat 4 has it."""
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def tests_of(notebook: Notebook) -> list[Notebook]:
    """The cells that nbgrader's labels call graded."""
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]
