"""Shared by all tests: a small course that is built once, and copies of it to break."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder import engine
from autograder.assignment import Assignment, load
from autograder.build import build

ROOT = Path(__file__).resolve().parents[1]
MINI = "01_mini"


def copy_mini_source(folder: Path) -> Path:
    """A course folder with the small assignment's source, not built."""
    shutil.copytree(ROOT / "tests" / "fixtures" / "mini", folder)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


@pytest.fixture(scope="session")
def built_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course, built. Tests must not change it."""
    root = copy_mini_source(tmp_path_factory.mktemp("course") / "mini")
    assert build(root, MINI) == []
    return root


@pytest.fixture
def course(built_course: Path, tmp_path: Path) -> Path:
    """A copy of the built course that a test may change."""
    return Path(shutil.copytree(built_course, tmp_path / "course"))


@pytest.fixture(scope="session")
def mini(built_course: Path) -> Assignment:
    """The small assignment."""
    return load(built_course, MINI)


@pytest.fixture(scope="module")
def one_warm_parent() -> Iterator[None]:
    """Where start-up is not what is tested: all runs in this process share one warm parent."""
    close = engine._close_warm_parents
    engine._close_warm_parents = lambda: None
    yield
    engine._close_warm_parents = close
    close()
