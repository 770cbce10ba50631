"""nbgrader's plug-ins of this course, named in nbgrader_config.py."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode, from_dict
from nbgrader import preprocessors as nbgrader_preprocessors
from nbgrader import utils as nbgrader_utils

from .exporters import FeedbackExporter, TolerantExporter
from .gradebook import GradebookWriter
from .gradebook_cells import cell_rows
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
    """Records the cells in the gradebook, also where there are submissions already."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Record all cells of a notebook."""
        about = resources["nbgrader"]
        with GradebookWriter(about["db_url"]) as gradebook:
            kernelspec = nb.metadata.get("kernelspec", {})
            changes = gradebook.register_cells(
                about["assignment"], about["notebook"], cell_rows(nb.cells), kernelspec
            )
        for change in changes:
            self.log.warning(change)
        return nb, resources


class GradeSubmission(nbgrader_preprocessors.NbGraderPreprocessor):
    """Has the submitted file graded in processes of its own, and puts the graded notebook in its place."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Grade the submission that `resources` name."""
        if not isinstance(self.parent, TolerantExporter):
            raise RuntimeError("GradeSubmission works with autograder.preprocessors.TolerantExporter only")
        about = resources["nbgrader"]
        grade = self.parent.grade(about["student"])
        self.log.info("%s: %g of %g points, %s", grade.student, grade.score, grade.max_score, grade.status)
        for sentence in (*grade.notes, *grade.repairs):
            self.log.info("%s: %s", grade.student, sentence)
        for sentence in grade.tampering:
            self.log.warning("%s: possible tampering: %s", grade.student, sentence)
        return from_dict(grade.notebook), resources


__all__ = [
    "ClearOutput",
    "ClearSolutions",
    "FeedbackExporter",
    "GradeSubmission",
    "SaveCells",
    "TolerantExporter",
]
