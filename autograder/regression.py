"""Compares a cell's output with the reference notebook's, by nbval's own comparison and sanitising."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace

from nbformat import NotebookNode, from_dict
from nbval.plugin import IPyNbCell, coalesce_streams, nocolors

# What nbval leaves out by default, and stderr: warnings and progress bars must not cost points.
SKIPPED = (
    "metadata",
    "traceback",
    "prompt_number",
    "output_type",
    "name",
    "execution_count",
    "application/vnd.jupyter.widget-view+json",
    "image/png",
    "image/jpeg",
    "stderr",
)


class _NbvalCell(IPyNbCell):
    """nbval's comparison without a pytest run around it: only what `compare_outputs` reads is there."""

    def __init__(self) -> None:
        self.parent = SimpleNamespace(skip_compare=SKIPPED, sanitize_patterns={})
        self.colors = nocolors
        self.comparison_traceback: list[str] = []

    def format_output_compare(self, key: str, left: object, right: object) -> None:
        self.comparison_traceback.append(first_difference(str(left), str(right)))


def first_difference(expected: str, got: str) -> str:
    """Name the first line in which two texts differ, and show it as it should be and as it is.

    Wide gaps, as between the columns of a table, are drawn together, unless they are all that differs.
    """
    expected_lines, got_lines = expected.splitlines(), got.splitlines()
    for number, line in enumerate(expected_lines, start=1):
        other = got_lines[number - 1] if number <= len(got_lines) else None
        if line != other:
            return "\n".join([f"line {number} should read", *_side_by_side(line, other)])
    surplus = got_lines[len(expected_lines) :]
    return f"{len(surplus)} line(s) too many, from {surplus[:1]}"


def _side_by_side(expected: str, got: str | None) -> list[str]:
    if got is None:
        return [f"  {_narrow(expected)}", "but is not there."]
    first, second = _narrow(expected), _narrow(got)
    if first == second:
        first, second = repr(expected), repr(got)
    return [f"  {first}", "and reads", f"  {second}"]


def _narrow(line: str) -> str:
    return re.sub(r" {3,}", "  ", line) if line.strip() and line.isprintable() else repr(line)


def difference(reference: Sequence[dict], outputs: Sequence[dict]) -> str:
    """Say how `outputs` differ from `reference` (both nbformat 4 outputs); an empty text where they agree.

    Raises:
        ValueError: the reference has no output: there would be nothing to compare with.
    """
    if not reference:
        raise ValueError("the reference cell has no output: run `make build`")
    # nbval's helper changes what it is given: it gets copies.
    expected, got = (coalesce_streams(_nodes(side)) for side in (reference, outputs))
    # pytest forbids building its items by hand; nbval's comparison needs none of what that protects.
    cell = _NbvalCell.__new__(_NbvalCell)
    cell.__init__()  # type: ignore[misc]
    if cell.compare_outputs(got, expected):
        return ""
    return "\n".join(line for line in cell.comparison_traceback if line.strip())


def _nodes(outputs: Sequence[dict]) -> list[NotebookNode]:
    return [from_dict(output) for output in outputs]
