"""How nbgrader reads and writes notebooks in this course: guarded where files come from students.

nbgrader takes an exporter class from its configuration and makes it first of all. That is the one place where
its autograde and feedback commands can be kept from following a student's links or copying a student's files.
"""

from __future__ import annotations

import datetime
import glob
import os
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbgrader.converters import Autograde, BaseConverter, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from . import assignment as assignments
from . import feedback, sandbox, timestamps
from .engine import grade_here, task
from .gradebook import NO_RESPONSE, GradebookWriter
from .gradebook_cells import GradebookError
from .result import Grade, Marks
from .settings import CourseGrading


class GuardedCourseDirectory(CourseDirectory):
    """A course whose students' folders may hold anything: no file is copied from them, no link followed."""

    def get_existing_timestamp(self, dest_path: str) -> datetime.datetime | None:
        """When a submission was handed in; None where there is no sensible timestamp.txt."""
        return timestamps.read(Path(dest_path))


def guard(converter: BaseConverter) -> GuardedCourseDirectory:
    """Give a converter a course directory of its own that copies nothing from students' folders."""
    given = converter.coursedir
    course = GuardedCourseDirectory(config=converter.config)
    for name in given.trait_names(config=True):
        setattr(course, name, getattr(given, name))
    course.ignore = ["*"]
    converter.coursedir = course
    return course


def pass_on_timestamp(converter: BaseConverter, student: str) -> None:
    """Copy timestamp.txt: nbgrader looks at the copy to see whether something newer has come."""
    name = converter.coursedir.assignment_id
    source, target = converter._format_source(name, student), converter._format_dest(name, student)
    timestamps.copy(Path(source), Path(target))


class TolerantExporter(NotebookExporter):
    """For `nbgrader autograde`: every submission is graded, whatever its file is.

    nbgrader's own process never reads a submitted file. Its first pass writes the release notebook in the
    submission's place; in the second, `GradeSubmission` has the submitted file graded and takes the result.
    """

    def __init__(self, config: Config | None = None, **arguments: Any) -> None:
        super().__init__(config=config, **arguments)
        self._converter = self.parent if isinstance(self.parent, Autograde) else None
        if self._converter is not None:
            self._course = guard(self._converter)
            try:
                self._prepare(self._converter)
            except (assignments.AssignmentError, GradebookError, sandbox.SandboxUnavailable) as error:
                self.log.error(str(error))
                raise NbGraderException(str(error)) from None

    def _prepare(self, converter: Autograde) -> None:
        """Load and register the assignment, and find all submissions, also those without a notebook."""
        course = self._course
        settings = CourseGrading(parent=self)
        self._sandbox = settings.sandbox
        self._grader_seconds = settings.grader_seconds
        if self._sandbox == "none":
            self.log.warning("CourseGrading.sandbox is 'none': students' code runs unprotected")
        else:
            sandbox.require()
        name = course.assignment_id
        source = Path(course.format_path(course.source_directory, ".", name)).resolve()
        self._root = source.parents[1]
        self._assignment = assignments.load(self._root, name, settings.limits)
        with GradebookWriter(course.db_url) as gradebook:
            for change in gradebook.register(self._assignment):
                self.log.warning(change)
        folders = glob.glob(converter._format_source(name, course.student_id))
        converter.assignments = {folder: [os.path.join(folder, f"{name}.ipynb")] for folder in folders}

    def from_filename(self, filename: str, resources: Any = None, **arguments: Any) -> Any:
        """The release notebook in the first pass, what the first pass wrote in the second."""
        if self._converter is None:
            return super().from_filename(filename, resources=resources, **arguments)
        about = resources["nbgrader"]
        resources["metadata"] = {"name": about["notebook"], "path": os.path.dirname(filename)}
        if self._converter._sanitizing:
            pass_on_timestamp(self._converter, about["student"])
        notebook = nbformat.from_dict(self._assignment.notebook)
        return self.from_notebook_node(notebook, resources=resources, **arguments)

    def grade(self, student: str) -> Grade:
        """Grade one student's submission, in processes of its own."""
        assignment = self._assignment
        folder = Path(self._course.format_path(self._course.submitted_directory, student, assignment.name))
        path = folder / f"{assignment.name}.ipynb"
        job = task(self._root, assignment, path, student, self._sandbox, self._grader_seconds)
        return Grade.from_dict(grade_here(*job))


class FeedbackExporter(Exporter):
    """For `nbgrader generate_feedback`: the page that our own commands make, with the gradebook's scores."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def __init__(self, config: Config | None = None, **arguments: Any) -> None:
        super().__init__(config=config, **arguments)
        self.file_extension = ".html"
        if isinstance(self.parent, GenerateFeedback):
            guard(self.parent)

    def from_notebook_node(self, nb: nbformat.NotebookNode, resources: Any = None, **arguments: Any) -> Any:
        """The page for a graded notebook."""
        nb, resources = super().from_notebook_node(nb, resources, **arguments)
        if isinstance(self.parent, GenerateFeedback):
            pass_on_timestamp(self.parent, resources["nbgrader"]["student"])
        told = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]  # by nbgrader's GetGrades
        scores = {mark["grade_id"]: mark["score"] for mark in told if "score" in mark}
        comments = {mark["grade_id"]: mark.get("comment") for mark in told if mark.get("solution")}
        comments = {cell: text for cell, text in comments.items() if text != NO_RESPONSE}
        marks = Marks.of(scores, comments, resources.get("nbgrader", {}).get("late_penalty"))
        return feedback.render(nb, marks), resources
