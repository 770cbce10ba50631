"""The course's own options in nbgrader_config.py, for nbgrader's commands and for ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traitlets import Dict, Enum, Float, Unicode
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

CONFIG_FILE = "nbgrader_config.py"


class CourseGrading(Configurable):
    """How submissions are run: set with ``c.CourseGrading...`` in nbgrader_config.py."""

    sandbox = Enum(
        ["auto", "none"],
        default_value="auto",
        help="auto: students' code runs shut in by bubblewrap, or grading refuses. none: unprotected.",
    ).tag(config=True)

    limits = Dict(
        help="Limits of one submission, by the names in autograder.assignment.Limits (seconds, MB, KB). "
        "Under the name of an assignment: limits for that one only.",
    ).tag(config=True)

    grader_seconds = Float(
        120.0,
        help="Seconds by the clock that grading one submission may take beyond its own total_seconds.",
    ).tag(config=True)


class CourseRelease(Configurable):
    """Where students get the course from: set with ``c.CourseRelease...`` in nbgrader_config.py."""

    repository = Unicode(
        help="Address of a git repository with what students get (and not solutions/): Colab clones it, and "
        "if it is on GitHub each notebook has a badge that opens it there.",
    ).tag(config=True)

    branch = Unicode("main", help="The branch of that repository whose notebooks the badges open.").tag(
        config=True
    )


@dataclass(frozen=True)
class CourseSettings:
    """What the configuration file says, ready for use."""

    sandbox: str
    limits: dict[str, Any]
    grader_seconds: float
    db_url: str
    config: Config  # all of it, for nbgrader's own classes

    def gradebook_of(self, folder: Path, root: Path) -> str:
        """The address of a class's gradebook: the course's own, or a file in the folder of another class."""
        folder = folder.resolve()
        return self.db_url if folder == root.resolve() else f"sqlite:///{folder / 'gradebook.db'}"


def read_config(root: Path) -> Config:
    """The configuration file in `root`; empty where there is none."""
    try:
        return PyFileConfigLoader(CONFIG_FILE, path=str(root)).load_config()
    except ConfigFileNotFound:
        return Config()


def course_settings(root: Path) -> CourseSettings:
    """The settings of the course in `root`."""
    config = read_config(root)
    grading = CourseGrading(config=config)
    db_url = config.CourseDirectory.get("db_url") or f"sqlite:///{root.resolve() / 'gradebook.db'}"
    return CourseSettings(grading.sandbox, dict(grading.limits), grading.grader_seconds, db_url, config)
