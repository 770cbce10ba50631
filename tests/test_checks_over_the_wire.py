"""The checks say the same about a function whether it lives in this process or in the student's."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from casebooks import NOTEBOOKS, Notebook
from check_jobs import verdict
from IPython.core.interactiveshell import InteractiveShell
from isolation import RELEASE, warm_parent

from autograder import sandbox
from autograder.assignment import Limits
from utils import checks

FIRST = NOTEBOOKS[0]
SECONDS = 600  # for all functions of a notebook, also on a slow machine
SOME = 4  # mistakes of each exercise; of notebook 1 all. test_styles.py has all of all, without the wire
COLLECT = """
given = []

class Misconceptions(list):
    def __call__(self, exercise, name, hint):
        return lambda function: given.append(function) or function
"""

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=str)


def remote(folder: Path, cells: list[str], calls: list[list[Any]]) -> list[list[str]]:
    mode = "auto" if sandbox.detect().works else "none"
    student = {"folder": str(RELEASE), "limits": asdict(Limits())}
    arguments = {"folder": str(folder), "cells": cells, "calls": calls}
    return warm_parent(mode).run("tests.check_jobs:verdicts", arguments, student, SECONDS)["verdicts"]


def numbered(cell: str, names: list[str]) -> list[str]:
    """A cell, and one that gives each collected function a name."""
    return [cell, "\n".join(f"f{i} = {name}" for i, name in enumerate(names))]


def spread(indices: list[int]) -> list[int]:
    """At most SOME of them, from the first to the last."""
    step = max(1, -(-len(indices) // SOME))
    return indices[::step]


@each_notebook
@pytest.mark.timeout(SECONDS)
def test_right_code_passes_over_the_wire(notebook: Notebook) -> None:
    code = notebook.styles_file.read_text(encoding="utf-8")
    styles = list(notebook.styles)
    cells = numbered(code, [f"STYLES[{key!r}]" for key in styles])
    found = remote(notebook.folder, cells, [[exercise, f"f{i}"] for i, (exercise, _) in enumerate(styles)])
    wrong = [(key, messages) for key, messages in zip(styles, found, strict=True) if messages != ["", ""]]
    assert wrong == []


@each_notebook
@pytest.mark.timeout(SECONDS)
def test_wrong_code_gets_the_same_message_over_the_wire(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "FOLDERS", [notebook.folder])
    everything = notebook.book.misconceptions
    chosen = [
        index
        for exercise in dict.fromkeys(mistake.exercise for mistake in everything)
        for index in spread([i for i, mistake in enumerate(everything) if mistake.exercise == exercise])
    ]
    if notebook is FIRST:
        chosen = list(range(len(everything)))
    mistakes = [everything[index] for index in chosen]
    local = [verdict(mistake.exercise, mistake.function) for mistake in mistakes]
    code = (notebook.folder / "misconceptions.py").read_text(encoding="utf-8")
    code = code.replace("from autograder.cases import Misconceptions", COLLECT)
    cells = numbered(code, [f"given[{i}]" for i in chosen])
    found = remote(notebook.folder, cells, [[m.exercise, f"f{i}"] for i, m in enumerate(mistakes)])
    # These functions come from a file here and from a cell there: only a cell's line is named.
    found = [
        [re.sub(r" \(in \w+, line \d+ of its cell\)", "", message) for message in pair] for pair in found
    ]
    names = [(mistake.exercise, mistake.name) for mistake in mistakes]
    assert dict(zip(names, found, strict=True)) == dict(zip(names, local, strict=True))


BROKEN = """\
def helper(size):
    return [0][size]

def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    return helper(size)
"""


def test_an_error_is_found_by_its_line_over_the_wire() -> None:
    visible, hidden = remote(FIRST.folder, [BROKEN], [["output_size", "output_size"]])[0]
    assert "IndexError: list index out of range (in helper, line 2 of its cell)" in visible
    assert "line 2" not in hidden  # a hidden message holds none of the code's own words


OWN_KIND = """\
def pad2d(x, padding):
    if padding < 0:
        raise np.linalg.LinAlgError(f"negative padding {padding}")
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
"""


def test_a_librarys_own_kind_of_value_error_is_one_over_the_wire_too() -> None:
    assert remote(FIRST.folder, ["import numpy as np", OWN_KIND], [["pad2d", "pad2d"]])[0] == ["", ""]


def test_an_error_is_found_by_its_line_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDERS", [FIRST.folder])
    shell = InteractiveShell()
    shell.run_cell(BROKEN).raise_error()
    visible, hidden = verdict("output_size", shell.user_ns["output_size"])
    assert "(in helper, line 2 of its cell)" in visible
    assert "line 2" not in hidden
