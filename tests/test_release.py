"""What students get holds no solution, no hidden test, no misconception and no stray file."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment import ANSWERS, assignments
from autograder.leaks import Secrets, leaks
from utils import checks, occlusion

ROOT = Path(__file__).resolve().parents[1]
NAMES = [name for name in assignments(ROOT) if (ROOT / "notebooks" / name).is_dir()]
ALLOWED = {".ipynb", ".npz", ".npy", ".png", ".jpg", ".csv", ".txt"}

pytestmark = pytest.mark.skipif(not NAMES, reason="no assignment is built")


def released_files(name: str) -> list[Path]:
    places = [path for path in (ROOT / "notebooks" / name).rglob("*") if path.is_file()]
    return [path for path in places if ".ipynb_checkpoints" not in path.parts]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_belongs_there_is_released(name):
    for path in released_files(name):
        relative = path.relative_to(ROOT / "notebooks" / name)
        assert path.suffix in ALLOWED and "hidden" not in path.name, relative
        assert not any(part.startswith((".", "__")) for part in relative.parts), relative
    assert (ROOT / "notebooks" / name / f"{name}.ipynb").is_file()


def test_no_solution_no_hidden_case_and_no_misconception_is_released():
    assert leaks(ROOT, ROOT / "notebooks") == []
    assert all(len(lines) > 20 for lines in Secrets(ROOT).of.values())


@pytest.mark.parametrize("hidden", [False, True])
def test_what_later_notebooks_are_given_does_not_solve_an_exercise_of_an_earlier_one(hidden, monkeypatch):
    """The occlusion map of `utils`, called as the exercise is called, in evaluation mode."""

    def copied(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
        model.eval()
        return occlusion.occlusion_map_batched(model, image, target, patch, stride, batch_size=batch_size)

    monkeypatch.setattr(checks, "FOLDERS", [ROOT / "solutions" / "02_filters"])
    with pytest.raises(checks.CheckFailed, match="value fill"):
        checks.run("occlusion_map_batched", copied, hidden=hidden)


@pytest.mark.parametrize("name", NAMES)
def test_hidden_answers_differ_from_the_released_ones(name):
    folder = ROOT / "solutions" / name
    if not (folder / ANSWERS).is_file():
        pytest.skip("no stored answers")
    assert (folder / ANSWERS).read_bytes() == (ROOT / "notebooks" / name / ANSWERS).read_bytes()
    assert (folder / "hidden.npz").read_bytes() != (folder / ANSWERS).read_bytes()
