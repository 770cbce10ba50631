"""Writes the students' repository: the notebooks and what they need, and nothing that gives answers away.

Everything is made in a temporary folder and searched for leaks first; only then is it copied.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .assignment import NOTEBOOKS, SOLUTIONS, AssignmentError, load
from .leaks import files_in, leaks

LICENCES = ("LICENSE", "LICENSE-text")
# What the notebooks and utils import, and where they are opened; a test holds it against the imports.
PACKAGES = ("numpy", "torch", "matplotlib", "jupyterlab")
NOT_FOR_STUDENTS = ("demo_class",)  # in data/
DATA_KINDS = (".npz", ".md", ".txt")  # the scripts that made the data stay with the instructor
_CACHES = shutil.ignore_patterns("__pycache__", ".*")

IGNORED = """\
.venv/
__pycache__/
.ipynb_checkpoints/
"""
ENVIRONMENT = """\
# conda env create -f environment.yml && conda activate convolution-course
name: convolution-course
channels:
  - conda-forge
dependencies:
  - python{python}
  - pip
  - pip:
{packages}
"""
LICENCE_WORDS = """
## Licence

Code: BSD 3-Clause, see [LICENSE](LICENSE). Text and figures: Creative Commons Attribution 4.0 International,
see [LICENSE-text](LICENSE-text). The data sets have licences of their own: [data/README.md](data/README.md).
"""


class Leak(Exception):
    """What was to be published holds something that students must not get; one line for each thing."""


@dataclass(frozen=True)
class Published:
    """What `publish` did."""

    folder: Path
    written: int  # files that are new or changed
    unchanged: int
    others: tuple[Path, ...]  # files in the folder that do not belong to what was published


def publish(root: Path, folder: Path, names: Sequence[str]) -> Published:
    """Write what students need into `folder`, which may be their repository from an earlier time.

    Files there that are not ours are left alone and named. Nothing is written if anything leaks.

    Args:
        root: the instructor's repository, built.
        folder: the students' folder; made if it is missing.
        names: the assignments that are handed out.

    Raises:
        AssignmentError: an assignment is missing or not built, or the folder cannot be the students'.
        Leak: something secret is in what would be written, or in the folder already.
    """
    root, folder = root.resolve(), folder.resolve()
    inside = [
        root / place for place in (SOLUTIONS, NOTEBOOKS, "autograder", "utils", "data", "docs", "tests")
    ]
    if folder in (root, *root.parents) or any(folder.is_relative_to(place) for place in inside):
        raise AssignmentError(f"{folder} is the instructor's own folder: name another one for the students")
    for name in names:
        load(root, name)
    with tempfile.TemporaryDirectory(prefix="publish-") as temporary:
        stage = Path(temporary).resolve()
        _write(root, stage, names)
        found = leaks(root, stage)
        others = tuple(
            path.relative_to(folder)
            for path in files_in(folder)
            if not (stage / path.relative_to(folder)).is_file()
        )
        if folder.is_dir():
            there = {str(path) for path in others}
            found += [
                f"already there: {line}" for line in leaks(root, folder) if line.split(": ")[0] in there
            ]
        if found:
            raise Leak("\n".join([f"Nothing was written to {folder}: it would give away", *found]))
        written = [path for path in files_in(stage) if _copy(path, folder / path.relative_to(stage))]
        total = sum(1 for _ in files_in(stage))
    return Published(folder, len(written), total - len(written), others)


def _write(root: Path, stage: Path, names: Sequence[str]) -> None:
    for name in names:
        shutil.copytree(root / NOTEBOOKS / name, stage / NOTEBOOKS / name, ignore=_CACHES)
    shutil.copytree(root / "utils", stage / "utils", ignore=_CACHES)
    for path in sorted((root / "data").rglob("*")):
        place = path.relative_to(root)
        if path.is_file() and path.suffix in DATA_KINDS and not set(NOT_FOR_STUDENTS) & set(place.parts):
            (stage / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, stage / place)
    listed = (root / "data" / "README.md").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in listed if not any(name in line for name in NOT_FOR_STUDENTS)]
    (stage / "data" / "README.md").write_text("".join(kept), encoding="utf-8")
    for licence in LICENCES:
        shutil.copyfile(root / licence, stage / licence)
    page = (root / "docs" / "students.md").read_text(encoding="utf-8")
    (stage / "README.md").write_text(page.rstrip("\n") + "\n" + LICENCE_WORDS, encoding="utf-8")
    python, packages = requirements(root)
    (stage / "requirements.txt").write_text("\n".join(packages) + "\n")
    lines = "\n".join(f"      - {package}" for package in packages)
    (stage / "environment.yml").write_text(ENVIRONMENT.format(python=python, packages=lines))
    (stage / ".gitignore").write_text(IGNORED)


def requirements(root: Path) -> tuple[str, list[str]]:
    """(versions of Python, packages with their versions) that students need, from pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        line for line in project["dependencies"] if line.split(">")[0].split("=")[0].strip() in PACKAGES
    ]
    return project["requires-python"], wanted


def _copy(source: Path, target: Path) -> bool:
    """Put a file in its place, whole; whether that changed anything."""
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, part)
    part.replace(target)
    return True
