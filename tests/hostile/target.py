"""The notebook that is attacked: right and wrong code for it, the points of its exercises, and secrets to steal."""

from __future__ import annotations

import ast
import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.assignment import HIDDEN_ANSWERS, Assignment, load
from autograder.source import BEGIN_HIDDEN, BEGIN_SOLUTION

SECRET = "KEPT-FROM-STUDENTS"  # planted in hidden tests, solutions, answers and another student's work


@dataclass(frozen=True)
class Target:
    """An assignment as the makers of hostile submissions see it. Solutions go by their ids."""

    assignment: Assignment

    @property
    def name(self) -> str:
        return self.assignment.name

    @cached_property
    def right(self) -> dict[str, str]:
        """The reference's solutions, without the marks of the build."""
        return {
            cell.id: "\n".join(
                line for line in cell.source.splitlines() if not line.strip().startswith("###")
            )
            for cell in self.assignment.cells
            if cell.role == "solution"
        }

    @cached_property
    def own(self) -> dict[str, str]:
        """The same laid out in another way, as somebody else would have typed it."""
        return {name: ast.unparse(ast.parse(source)) for name, source in self.right.items()}

    @cached_property
    def wrong(self) -> dict[str, str]:
        """Code that earns nothing."""
        return {name: _wrong(source) for name, source in self.right.items()}

    @cached_property
    def functions(self) -> list[str]:
        """The exercises to write a function or class for, in the notebook's order."""
        kinds = (ast.FunctionDef, ast.ClassDef)
        return [name for name, source in self.right.items() if isinstance(ast.parse(source).body[-1], kinds)]

    @property
    def first(self) -> str:
        return self.functions[0]

    @property
    def second(self) -> str:
        return self.functions[1]

    @cached_property
    def quiz(self) -> str:
        """A question that is answered with a whole number."""
        return next(name for name in self.right if name not in self.functions and self._whole_number(name))

    def _whole_number(self, name: str) -> bool:
        value = getattr(ast.parse(self.right[name]).body[-1], "value", None)
        return isinstance(value, ast.Constant) and type(value.value) is int

    def points(self, exercises: Iterable[str], roles: tuple[str, ...] = ("check", "hidden")) -> float:
        """Points of the checks of some exercises."""
        chosen = set(exercises)
        return sum(c.points for c in self.assignment.cells if c.exercise in chosen and c.role in roles)

    @property
    def everything(self) -> float:
        return self.assignment.max_score

    @property
    def before_second(self) -> float:
        """Points of all that is judged before the first check of the second exercise."""
        total, regressions, before = 0.0, 0, True
        for cell in self.assignment.cells:
            before = before and not (cell.exercise == self.second and cell.role in ("check", "hidden"))
            total += cell.points if before else 0
            regressions += before and cell.role == "regression"
        cells = self.assignment.cells
        printed = sum(cell.points for cell in cells if cell.role == "regression_points")
        return total + printed * regressions / sum(cell.role == "regression" for cell in cells)

    def is_class(self, name: str) -> bool:
        return isinstance(ast.parse(self.right[name]).body[-1], ast.ClassDef)


def target_of(notebook: Path) -> Target:
    """The target that a release notebook (…/notebooks/NAME/NAME.ipynb) belongs to."""
    return Target(load(notebook.resolve().parents[2], notebook.stem))


def plant_secrets(course: Path, name: str) -> None:
    """Put `SECRET` wherever submissions must not look: hidden tests, solutions and stored answers."""
    path = course / "solutions" / name / f"{name}.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        role = cell["metadata"].get("course", {}).get("role")
        source = "".join(cell["source"])
        for mark, where, text in (
            (BEGIN_HIDDEN, "hidden", f"'A TEST {SECRET}'"),
            (BEGIN_SOLUTION, "solution", f"# A SOLUTION {SECRET}"),
        ):
            if role == where:
                lines = source.split("\n")
                place = next(i for i, line in enumerate(lines) if mark in line)
                lines.insert(place + 1, lines[place].partition("#")[0] + text)
                cell["source"] = "\n".join(lines)
    path.write_text(json.dumps(notebook))
    with zipfile.ZipFile(course / "solutions" / name / HIDDEN_ANSWERS, "a") as archive:
        archive.writestr("secret.txt", f"AN ANSWER {SECRET}")


def copy_course(root: Path, name: str, folder: Path, limits: Mapping[str, float]) -> Path:
    """A course with one assignment of `root`, with secrets in it and other limits."""
    for part in ("solutions", "notebooks"):
        shutil.copytree(root / part / name, folder / part / name)
    config = (root / "nbgrader_config.py").read_text()
    (folder / "nbgrader_config.py").write_text(f"{config}\nc.CourseGrading.limits = {dict(limits)}\n")
    plant_secrets(folder, name)
    return folder


def _wrong(source: str) -> str:
    """Definitions of the same names that do nothing right."""
    lines = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            lines.append(f"def {node.name}(*args, **kwargs):\n    return 0")
        elif isinstance(node, ast.ClassDef):
            methods = [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
            lines.append(f"class {node.name}:\n    pass")
            lines += [
                f"    def {name}(self, *args, **kwargs):\n        return {None if name == '__init__' else 0}"
                for name in methods
            ]
        elif isinstance(node, ast.Assign):
            lines += [f"{target.id} = -7" for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            lines.append(ast.unparse(node))
    return "\n".join(lines)
