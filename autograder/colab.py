"""What a notebook needs to open in Google Colab: a badge, a GPU, an address to get the course from."""

from __future__ import annotations

import re

from nbformat import NotebookNode

from .assignment import NOTEBOOKS

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
COURSE_LINE = re.compile(r'^COURSE = "[^"\n]*"', re.M)


def prepare(notebook: NotebookNode, name: str, repository: str, branch: str) -> None:
    """Put the repository's address into the set-up cell, and a badge under the title if Colab can open it.

    Args:
        notebook: as built from its source; it is changed.
        name: of the assignment.
        repository: where students get the course from; empty for a course that is not on the network.
        branch: of the repository.
    """
    notebook.metadata["accelerator"] = "GPU"
    notebook.metadata["colab"] = {"gpuType": "T4", "provenance": []}
    if not repository:
        return
    for cell in notebook.cells:
        if cell.metadata.get("course", {}).get("role") == "setup":
            cell.source = COURSE_LINE.sub(lambda _: f'COURSE = "{repository}"', cell.source)
    project = GITHUB.fullmatch(repository)
    first = notebook.cells[0]
    if project and first.cell_type == "markdown":
        place = f"{project[1]}/blob/{branch}/{NOTEBOOKS}/{name}/{name}.ipynb"
        badge = f"[![Open in Colab]({BADGE})](https://colab.research.google.com/github/{place})"
        title, _, rest = first.source.partition("\n")
        first.source = f"{title}\n\n{badge}\n{rest}"
