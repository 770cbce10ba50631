"""Every notebook of the course, as Colab, VS Code and students hand it in, is read and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from conftest import ROOT
from hostile.case import Notebook, code_cell, text_cell
from hostile.oddities import colab, vscode
from hostile.target import Target, target_of

from autograder.intake import Submission, read_submission

TARGETS = [target_of(path) for path in sorted((ROOT / "notebooks").glob("[0-9]*/*.ipynb"))]


def solutions(notebook: Notebook, target: Target) -> list[Notebook]:
    """The cells that hold a student's solutions, in the notebook's order."""
    return [cell for cell in notebook["cells"] if cell.get("id") in target.own]


def solved(target: Target) -> Notebook:
    """The release with all solutions filled in."""
    notebook = json.loads((target.assignment.release_folder / f"{target.name}.ipynb").read_text())
    for cell in notebook["cells"]:
        cell["source"] = target.own.get(cell["id"], "".join(cell["source"]))
    return notebook


def hand_in(notebook: Notebook, target: Target, folder: Path, indent: int | None = None) -> Submission:
    path = folder / f"{target.name}.ipynb"
    path.write_text(json.dumps(notebook, indent=indent))
    return read_submission(path, target.assignment, "ada")


def assert_whole(submission: Submission, target: Target, extras: int = 0) -> None:
    """The course's cells are all there, in order, and each solution is the student's."""
    course = [cell for cell in submission.cells if cell.role != "extra"]
    assert [cell.id for cell in course] == [cell.id for cell in target.assignment.cells]
    assert {cell.id: cell.source for cell in course if cell.role == "solution"} == target.own
    assert len(submission.cells) - len(course) == extras
    assert submission.tampering == ()


@pytest.fixture(params=TARGETS, ids=lambda target: target.name)
def target(request: pytest.FixtureRequest) -> Target:
    return request.param


def test_a_good_file_needs_no_repair(target, tmp_path):
    submission = hand_in(solved(target), target, tmp_path)
    assert_whole(submission, target)
    assert submission.repairs == ()


def test_colab(target, tmp_path):
    notebook = solved(target)
    colab(notebook)
    submission = hand_in(notebook, target, tmp_path, indent=2)
    assert_whole(submission, target)
    assert "lost nbgrader's labels" in submission.repairs[0]


def test_vscode(target, tmp_path):
    notebook = solved(target)
    vscode(notebook)
    submission = hand_in(notebook, target, tmp_path, indent=1)
    assert_whole(submission, target)
    assert submission.repairs == ()  # the labels are still there


def test_vscode_after_colab_with_edited_texts_and_notes(target, tmp_path):
    notebook = solved(target)
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            cell["source"] = f"**note {number}**\n\n{cell['source']}\n\n![](attachment:mine.png)"
    notebook["cells"].insert(10, text_cell("My own text."))
    notebook["cells"].insert(12, code_cell("mine = 3\nprint(mine)"))
    colab(notebook)
    vscode(notebook)
    submission = hand_in(notebook, target, tmp_path)
    texts = [cell for cell in target.assignment.cells if cell.cell_type == "markdown"]
    extras = [cell for cell in submission.cells if cell.role == "extra"]
    assert "mine = 3\nprint(mine)" in [cell.source for cell in extras]
    assert len(extras) <= len(texts) + 2  # an edited text counts as the student's own
    assert_whole(submission, target, extras=len(extras))


def test_split_cells(target, tmp_path):
    notebook = solved(target)
    chosen = solutions(notebook, target)[::3]
    for cell in chosen:
        place = notebook["cells"].index(cell)
        notebook["cells"].insert(place, code_cell(f"helper_{place} = {place}"))
        rest = code_cell(cell["source"])
        cell["source"] = f"def helper_of_{cell['id']}(x):\n    return x"
        notebook["cells"].insert(place + 2, rest)
    colab(notebook)
    submission = hand_in(notebook, target, tmp_path)
    for cell in chosen:
        found = next(planned for planned in submission.cells if planned.id == cell.get("id", planned.id))
        assert found
    joined = {cell.id: cell.source for cell in submission.cells if cell.role == "solution"}
    assert all(target.own[name] in joined[name] for name in target.own)
    assert submission.tampering == ()


def test_merged_cells(target, tmp_path):
    notebook = solved(target)
    first, second = solutions(notebook, target)[:2]
    first["source"] += "\n\n\n" + second["source"]
    notebook["cells"].remove(second)
    colab(notebook)
    submission = hand_in(notebook, target, tmp_path)
    planned = {cell.id: cell.source for cell in submission.cells}
    names = list(target.own)
    assert all(target.own[name] in planned[names[0]] for name in names[:2])
    assert all(planned[name] == target.own[name] for name in names[2:])
    assert any("single cell" in repair for repair in submission.repairs)
    assert submission.tampering == ()


@pytest.mark.parametrize("labels", [True, False])
def test_reordered_cells(target, tmp_path, labels):
    notebook = solved(target)
    Random(1).shuffle(notebook["cells"])
    if not labels:
        colab(notebook)
    submission = hand_in(notebook, target, tmp_path)
    assert_whole(submission, target)
    assert any("another order" in repair for repair in submission.repairs)


def test_only_the_solutions_are_left(target, tmp_path):
    notebook = solved(target)
    notebook["cells"] = solutions(notebook, target)
    colab(notebook)
    submission = hand_in(notebook, target, tmp_path)
    assert_whole(submission, target)
    assert any("were missing were put back" in repair for repair in submission.repairs)


def test_an_untouched_notebook_earns_no_word(target, tmp_path):
    notebook = json.loads((target.assignment.release_folder / f"{target.name}.ipynb").read_text())
    submission = hand_in(notebook, target, tmp_path)
    assert (submission.repairs, submission.tampering) == ((), ())
