"""Changes to the labels, cells and outputs of a notebook that are meant to change the grading."""

from __future__ import annotations

import copy
from typing import Any

from .case import Edit, Notebook, code_cell, tests_of


def _edit_tests(source: str = "", **metadata: Any) -> Edit:
    def edit(notebook: Notebook) -> None:
        for cell in tests_of(notebook):
            cell["source"] = source or cell["source"]
            cell["metadata"].update({key: value for key, value in metadata.items() if key != "nbgrader"})
            cell["metadata"]["nbgrader"].update(metadata.get("nbgrader", {}))

    return edit


def _delete_tests(notebook: Notebook) -> None:
    tests = tests_of(notebook)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in tests]


def _copy_tests(notebook: Notebook) -> None:
    copies = [{**cell, "source": "pass", "id": f"copy-{i}"} for i, cell in enumerate(tests_of(notebook))]
    notebook["cells"] = [*copies, *notebook["cells"], *copies]


def _copy_tests_exactly(notebook: Notebook) -> None:
    notebook["cells"] += [copy.deepcopy(cell) for cell in tests_of(notebook)]


def _fake_outputs(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            result = {"execution_count": 1, "metadata": {}, "data": {"text/plain": "100.0"}}
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": "✔ [0, 2, 4, 6]"},
                {"output_type": "execute_result", **result},
            ]


def _fake_grade(notebook: Notebook) -> None:
    notebook["metadata"]["course"] = {
        **notebook["metadata"].get("course", {}),
        "grade": {"score": 100, "max_score": 100},
        "limits": {"total_seconds": 1e9},
    }
    for cell in tests_of(notebook):
        cell["metadata"]["course"] = {"role": "solution", "exercise": "x", "defines": ["assert"]}


def _tests_as_text(notebook: Notebook) -> None:
    for cell in tests_of(notebook):
        cell["cell_type"] = "markdown"


def _another_edition(notebook: Notebook) -> None:
    notebook["metadata"]["course"]["edition"] = "0000"
    _edit_tests("100.0", nbgrader={"points": 10_000})(notebook)


def _forged_labels(notebook: Notebook) -> None:
    names = [
        "../../gradebook",
        "hidden_" * 5000,
        "\ud800",
        "",
        "__class__",
        "a\nb",
        "<script>alert(1)</script>",
    ]
    for number, name in enumerate(names):
        label = {"grade": True, "solution": False, "locked": True, "points": 50, "grade_id": name}
        notebook["cells"].insert(2 * number, code_cell("50.0", nbgrader=label))
    for label in ([], {"grade_id": []}, {"grade_id": {"a": 1}, "points": "many"}, {"points": 1e999}, None):
        notebook["cells"].append(code_cell("pass", nbgrader=label, tags="skip", course=[1]))


def _swap_labels(notebook: Notebook) -> None:
    tests = tests_of(notebook)
    for cell, other in zip(tests, reversed([copy.deepcopy(cell["metadata"]) for cell in tests]), strict=True):
        cell["metadata"] = other


def _false_friend(notebook: Notebook) -> str:
    """A class with the name of something that the checks import."""
    roles = {c["metadata"].get("course", {}).get("role"): c["source"] for c in notebook["cells"]}
    name = "checks" if "checks" in roles["setup"] else "math"
    return f"class {name}:\n    run = quiz = sqrt = staticmethod(lambda *a, **k: print('✔'))"


def _setup_replaced(notebook: Notebook) -> None:
    friend = _false_friend(notebook)
    for cell in notebook["cells"]:
        if cell["metadata"].get("course", {}).get("role") in ("setup", "given"):
            cell["source"] = friend


def _shadow_checks(notebook: Notebook) -> None:
    notebook["cells"].insert(3, code_cell(_false_friend(notebook)))


# How the notebook is changed, and whether a person must be told of it.
EDITS: dict[str, tuple[Edit, bool | None]] = {
    "delete-tests": (_delete_tests, None),
    "empty-tests": (_edit_tests("pass"), True),
    "tests-that-return-points": (_edit_tests("100.0"), True),
    "reverse-cells": (lambda notebook: notebook["cells"].reverse(), None),
    "copy-tests": (_copy_tests, True),
    "copy-tests-exactly": (_copy_tests_exactly, None),
    "skip-tags": (_edit_tests(tags=["skip-execution", "raises-exception", "nbval-skip"]), True),
    "more-points": (_edit_tests(nbgrader={"points": 10_000}), True),
    "no-points": (_edit_tests(nbgrader={"points": float("nan"), "grade": False}), True),
    "tests-as-solutions": (_edit_tests("pass", nbgrader={"solution": True, "grade": False}), True),
    "tests-as-text": (_tests_as_text, True),
    "tests-unlocked": (_edit_tests("pass", nbgrader={"locked": False}), True),
    "fake-outputs": (_fake_outputs, None),
    "fake-grade": (_fake_grade, None),
    "another-edition": (_another_edition, None),
    "forged-labels": (_forged_labels, True),
    "swap-labels": (_swap_labels, True),
    "setup-replaced": (_setup_replaced, True),
    "shadow-checks": (_shadow_checks, True),
}
