"""nbgrader's plug-ins of this course, named in nbgrader_config.py."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader import preprocessors as nbgrader_preprocessors
from nbgrader import utils as nbgrader_utils

from .source import DEFAULT_STUB, KEEP_OUTPUT, without_solution


class ClearSolutions(nbgrader_preprocessors.ClearSolutions):
    """Replaces solutions by the stub that the cell's header names; an empty stub leaves nothing."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Clear one cell."""
        if cell.cell_type != "code" or not nbgrader_utils.is_solution(cell):
            return super().preprocess_cell(cell, resources, cell_index)
        course = cell.metadata.get("course", {})
        stub = course.pop("stub", DEFAULT_STUB)
        course.pop("defines", None)  # names of the solution's own helpers
        cell.source = without_solution(cell.source, stub)
        return cell, resources


class ClearOutput(nbgrader_preprocessors.ClearOutput):
    """Clears outputs, except of cells tagged ``keep-output``: diagrams that give nothing away."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Clear one cell."""
        if KEEP_OUTPUT not in cell.metadata.get("tags", []):
            return super().preprocess_cell(cell, resources, cell_index)
        cell.execution_count = None
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
        return cell, resources


class SaveCells(nbgrader_preprocessors.SaveCells):
    """Records the cells in the gradebook."""
