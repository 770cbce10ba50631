"""What students get holds no solution, no hidden test, no misconception and no stray file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from autograder.assignment import ANSWERS, assignments

ROOT = Path(__file__).resolve().parents[1]
NAMES = [name for name in assignments(ROOT) if (ROOT / "notebooks" / name).is_dir()]
SECRET_FILES = ("cases.py", "misconceptions.py", "equivalent_mutants.py")
ALLOWED = {".ipynb", ".npz", ".npy", ".png", ".jpg", ".csv", ".txt"}
SHORTEST = 16  # characters of a line that says something

pytestmark = pytest.mark.skipif(not NAMES, reason="no assignment is built")


def released_files(name: str) -> list[Path]:
    places = [path for path in (ROOT / "notebooks" / name).rglob("*") if path.is_file()]
    return [path for path in places if ".ipynb_checkpoints" not in path.parts]


def released_text(name: str) -> str:
    """All text in the release: cells, outputs, metadata, and the structure of the stored answers."""
    texts = []
    for path in released_files(name):
        if path.suffix == ".ipynb":
            for cell in json.loads(path.read_text())["cells"]:
                texts.append("".join(cell.pop("source")))
                texts.append(json.dumps(cell))
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                texts += [str(stored.files), *(_as_text(stored[key]) for key in stored.files)]
        else:
            texts.append(path.read_bytes().decode("latin-1"))
    return "\n".join(texts)


def _as_text(array: np.ndarray) -> str:
    return array.tobytes().decode("latin-1") if array.dtype == np.uint8 else ""


def lines(text: str) -> set[str]:
    """Lines of code, without indentation and comments."""
    bare = (line.split("  #")[0].strip() for line in text.splitlines())
    return {line for line in bare if len(line) >= SHORTEST and not line.startswith("#")}


@pytest.mark.parametrize("name", NAMES)
def test_only_what_belongs_there_is_released(name):
    for path in released_files(name):
        relative = path.relative_to(ROOT / "notebooks" / name)
        assert path.suffix in ALLOWED and "hidden" not in path.name, relative
        assert not any(part.startswith((".", "__")) for part in relative.parts), relative
    assert (ROOT / "notebooks" / name / f"{name}.ipynb").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_solution_is_released(name):
    source = (ROOT / "solutions" / name / f"{name}.py").read_text()
    block = re.compile(r"### BEGIN SOLUTION(.*?)### END SOLUTION", re.DOTALL)
    solutions = lines("\n".join(block.findall(source)))
    elsewhere = lines(block.sub("", source))
    assert len(solutions) > 20
    assert sorted((solutions - elsewhere) & lines(released_text(name))) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_hidden_case_and_no_misconception_is_released(name):
    text = released_text(name)
    assert "SOLUTION" not in text and "HIDDEN TESTS" not in text and "hidden=True" not in text
    open_to_all = lines((ROOT / "solutions" / name / f"{name}.py").read_text())
    for file in SECRET_FILES:
        path = ROOT / "solutions" / name / file
        if path.is_file():
            secret = lines(path.read_text()) - open_to_all
            assert sorted(secret & lines(text)) == [], file


@pytest.mark.parametrize("name", NAMES)
def test_hidden_answers_differ_from_the_released_ones(name):
    folder = ROOT / "solutions" / name
    if not (folder / ANSWERS).is_file():
        pytest.skip("no stored answers")
    assert (folder / ANSWERS).read_bytes() == (ROOT / "notebooks" / name / ANSWERS).read_bytes()
    assert (folder / "hidden.npz").read_bytes() != (folder / ANSWERS).read_bytes()
