"""Reads a released notebook for the web pages: pictures keep their words, and nothing is fetched."""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode

BADGE = re.compile(r"\[!\[([^]]*)\]\(https:[^)]*\)\]")  # a link that shows a picture from the network


def read_notebook(text: str) -> NotebookNode:
    """The notebook in `text`, changed for the web pages.

    MyST-NB looks in a cell's metadata for the words for those who cannot see its picture; ours are stored
    with the picture. The badge that opens a notebook in Colab becomes words.
    """
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = BADGE.sub(r"[\1]", cell.source)
        words = [
            output.metadata.get("image/png", {}).get("alt", "")
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]
        if any(words):
            cell.metadata.setdefault("mystnb", {})["image"] = {"alt": " ".join(words)}
    return notebook
