"""Colab: each notebook's badge, its GPU, and its set-up cell in a stand-in for Colab's machine.

The stand-in has Python with the libraries, a module `google.colab` and an empty folder /content. Nothing of this
repository is there, and no network: git takes the course from a local clone of the release, under the address that
the notebook names.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import colab, demo
from autograder.sandbox import detect
from autograder.settings import CourseRelease, read_config

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*/*.ipynb"))
RELEASE = CourseRelease(config=read_config(ROOT))
RIGHT = "ada"
GIT = ["git", "-c", "user.name=course", "-c", "user.email=course@localhost"]

# Colab's kernel: runs the cells from standard input one by one, in one process, and stops at the first error.
KERNEL = """
import json, sys, types
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
for name in ("google", "google.colab"):
    sys.modules[name] = types.ModuleType(name)
cells = json.load(sys.stdin)
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in cells:
    shell.run_cell(cell).raise_error()
print("from", sys.modules["utils"].__file__)
"""


def notebook(name: str) -> dict:
    return json.loads((ROOT / "notebooks" / name / f"{name}.ipynb").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_opens_in_colab_with_a_gpu(name: str) -> None:
    released = notebook(name)
    first = "".join(released["cells"][0]["source"])
    badge = re.search(r"\[!\[Open in Colab\]\(([^)]*)\)\]\(([^)]*)\)", first)
    assert badge and badge[1] == colab.BADGE
    owner_and_project = RELEASE.repository.removeprefix("https://github.com/")
    place = f"{owner_and_project}/blob/{RELEASE.branch}/notebooks/{name}/{name}.ipynb"
    assert badge[2] == f"https://colab.research.google.com/github/{place}"
    assert released["metadata"]["accelerator"] == "GPU"
    setup = next(cell for cell in released["cells"] if cell["id"] == "setup")
    assert f'COURSE = "{RELEASE.repository}"' in "".join(setup["source"])


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with what students get."""
    folder = tmp_path_factory.mktemp("repository")
    for part in ("notebooks", "utils", "data"):
        leave_out = shutil.ignore_patterns("__pycache__", "demo_class", ".ipynb_checkpoints")
        shutil.copytree(ROOT / part, folder / part, ignore=leave_out)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "course"]):
        subprocess.run([*GIT, *command], cwd=folder, check=True)
    return folder


def machine(repository: Path) -> list[str]:
    """The command that starts Python on the stand-in: all of this machine but its data, this repository, the network."""
    command = [str(detect().bwrap), "--unshare-net", "--unshare-pid", "--clearenv", "--tmpfs", "/"]
    for place in sorted(Path("/").iterdir()):
        if place.is_symlink():
            command += ["--symlink", str(place.readlink()), str(place)]
        elif place.name not in ("content", "dev", "proc", "sys", "tmp"):
            command += ["--ro-bind-try", str(place), str(place)]
    command += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--dir", "/content"]
    python = Path(sys.prefix).resolve()
    if not ROOT.is_relative_to("/tmp"):
        command += ["--tmpfs", str(ROOT)]
    command += ["--ro-bind", str(python), str(python), "--ro-bind", str(repository), "/repository"]
    settings = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "OMP_NUM_THREADS": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "url.file:///repository.insteadOf",
        "GIT_CONFIG_VALUE_0": RELEASE.repository,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }
    for key, value in settings.items():
        command += ["--setenv", key, value]
    return [*command, "--chdir", "/content", str(python / "bin" / "python"), "-I", "-c", KERNEL]


@pytest.mark.skipif(not detect().works, reason=f"no sandbox: {detect().words}")
@pytest.mark.parametrize("name", NAMES)
def test_the_set_up_cell_and_the_first_check_work_in_colab(name: str, repository: Path) -> None:
    cells = {cell["id"]: cell for cell in notebook(name)["cells"] if cell["cell_type"] == "code"}
    exercise = next(key for key, cell in cells.items() if cell["metadata"]["course"]["role"] == "solution")
    answer = demo.read_answers(ROOT / demo.ANSWERS / name, RIGHT)[exercise].source
    steps = ["".join(cells["setup"]["source"]), answer, "".join(cells[f"check_{exercise}"]["source"])]
    done = subprocess.run(
        machine(repository), input=json.dumps(steps), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Ready. PyTorch will work on: cpu" in done.stdout
    assert "from /content/course/utils/__init__.py" in done.stdout
    assert "✔ " in done.stdout and "✘" not in done.stdout
