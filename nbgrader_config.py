"""nbgrader's configuration for this course: its folders, our preprocessors, and how submissions are run.

The commands, from this folder:

    nbgrader generate_assignment 01_convolution --force
    nbgrader validate notebooks/01_convolution/01_convolution.ipynb
    nbgrader autograde 01_convolution
    nbgrader generate_feedback 01_convolution
    nbgrader export
"""

import os
import sys
from pathlib import Path

# nbgrader starts a program (alembic) that lives beside Python; the environment need not be activated for it.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c = get_config()  # noqa: F821  (traitlets defines it)

c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
# What must never reach a release or leave with a feedback page: sources, hidden answers, leftovers.
c.CourseDirectory.ignore = [
    ".*",
    "*.py",
    "*.pyc",
    "__pycache__",
    "hidden*",
    "misconceptions*",
    "timings.json",
    "results.npz",
]

# Where students get the course (so it must not hold solutions/): Colab clones it, badges open its notebooks.
c.CourseRelease.repository = "https://github.com/convolution-course/convolution-course"
c.CourseRelease.branch = "main"

c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "autograder.preprocessors.ClearSolutions",
    "autograder.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "autograder.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Autograding reads nothing of the submission into this process: GradeSubmission has the submitted file graded
# by the same function as `python -m autograder grade`, and nbgrader then scores the graded notebook.
c.Autograde.exporter_class = "autograder.preprocessors.TolerantExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "autograder.preprocessors.GradeSubmission",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
]

c.GenerateFeedback.exporter_class = "autograder.preprocessors.FeedbackExporter"
c.GenerateFeedback.preprocessors = ["nbgrader.preprocessors.GetGrades"]

# Seconds for one cell in `nbgrader validate`.
c.Execute.timeout = 120

c.CourseGrading.sandbox = "auto"
# For example: c.CourseGrading.limits = {"cell_seconds": 30, "01_convolution": {"total_seconds": 240}}
c.CourseGrading.limits = {}
