"""The code that students wrote, taken out of graded notebooks: for the class report, never to be run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .pages import mapping

EXTRA = "own cells"
MOST_CHARACTERS = 60_000  # of one exercise; honest answers need a tenth of that at most

Code = Mapping[str, str]  # exercise -> what the student wrote; EXTRA: cells that the student added


def code_of(notebook: Mapping[str, Any]) -> dict[str, str]:
    """What a graded notebook's author wrote, by exercise."""
    found: dict[str, str] = {}
    for cell in notebook.get("cells") or ():
        if cell.get("cell_type") != "code":
            continue
        course = mapping(mapping(cell.get("metadata")).get("course"))
        role = course.get("role", "")
        if role not in ("", "solution"):
            continue
        name = str(course.get("exercise", "")) if role else EXTRA
        source = cell.get("source", "")
        source = source if isinstance(source, str) else "".join(source)
        found[name] = (found.get(name, "") + "\n\n" + source).strip("\n")[:MOST_CHARACTERS]
    return found


def own_lines(source: str, released: str) -> str:
    """The lines that were not handed out, with the headers of their functions and classes."""
    given = set(released.splitlines())
    kept = [
        line
        for line in source.splitlines()
        if line.strip() and (line not in given or line.lstrip().startswith(("def ", "class ")))
    ]
    return "\n".join(kept)
