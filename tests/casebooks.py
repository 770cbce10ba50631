"""The notebooks that have checks, each with its cases and right code in other styles.

The answers are those that `build` recorded in the notebook's folder: after a change of cases, build first.
"""

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import answers, cases

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("cases.py", "misconceptions.py")


@dataclass(frozen=True)
class Notebook:
    """A notebook of solutions/, and the module in tests/styles/ that is named after its theme."""

    name: str  # such as "01_convolution"

    @property
    def folder(self) -> Path:
        return ROOT / "solutions" / self.name

    @property
    def source(self) -> Path:
        return self.folder / f"{self.name}.py"

    @functools.cached_property
    def book(self) -> cases.CaseBook:
        return cases.load(self.folder)

    @functools.cached_property
    def solutions(self) -> Mapping[str, Any]:
        return answers.run_solutions(self.source)

    @property
    def styles_file(self) -> Path:
        return ROOT / "tests" / "styles" / f"{self.name.partition('_')[2]}.py"

    @functools.cached_property
    def styles(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Right code by exercise and style; none if there is no module for this notebook."""
        if not self.styles_file.is_file():
            return {}
        return importlib.import_module(f"styles.{self.styles_file.stem}").STYLES

    def __str__(self) -> str:
        return self.name


def _with_cases() -> list[Notebook]:
    folders = sorted(ROOT.glob("solutions/[0-9]*"))
    needed = [(folder, [f"{folder.name}.py", *NEEDED]) for folder in folders]
    return [Notebook(folder.name) for folder, names in needed if all((folder / n).is_file() for n in names)]


NOTEBOOKS = _with_cases()
EXERCISES = [(notebook, exercise) for notebook in NOTEBOOKS for exercise in notebook.book.exercises]
STYLES = [(notebook, *key) for notebook in NOTEBOOKS for key in notebook.styles]
MISCONCEPTIONS = [(book, m.exercise, m.name) for book in NOTEBOOKS for m in book.book.misconceptions]
