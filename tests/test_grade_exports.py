"""Exported grades have the columns that each platform documents, and no name becomes a formula."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets.config import Config

from autograder import grade_exports
from autograder.gradebook import late_plugin
from autograder.lateness import PercentPerDay

# nbgrader's own way of making rows; SQLAlchemy finds it unusual.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

DUE = datetime(2026, 11, 2, 23, 59)
SCORES = {"doejane_1234": (40.0, 2.5), "roe_77": (12.125, 0.0), "=cmd|' /C calc'!A0": (50.0, 0.0)}


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory: pytest.TempPathFactory) -> Gradebook:
    """Two assignments; Jane has extra credit in the first and Roe a penalty, and only Jane did the second."""
    book = Gradebook(f"sqlite:///{tmp_path_factory.mktemp('book') / 'gradebook.db'}")
    names = {
        "doejane_1234": {"first_name": "Jane, the 2nd", "last_name": "Doe", "email": "jane@example.edu"},
        "roe_77": {"first_name": "Jürgen", "last_name": "@Roe", "lms_user_id": "4711"},
        "=cmd|' /C calc'!A0": {"first_name": "-x", "last_name": '"quoted"'},
    }
    for student, about in names.items():
        book.add_student(student, **about)
    for name in ("01_mini", "02_other"):
        book.add_assignment(name, duedate=DUE)
        book.add_notebook(name, name)
        book.add_grade_cell("check", name, name, max_score=50, cell_type="code")
    for student, (score, extra) in SCORES.items():
        book.add_submission("01_mini", student)
        grade = book.find_grade("check", "01_mini", "01_mini", student)
        grade.manual_score, grade.extra_credit = score, extra
    book.add_submission("02_other", "doejane_1234")
    book.find_submission("01_mini", "roe_77").notebooks[0].late_submission_penalty = 2.0
    book.db.commit()
    return book


def exported(gradebook: Gradebook, path: Path, platform: str, **traits: object) -> list[dict[str, str]]:
    plugin = getattr(grade_exports, f"{platform}Export")(to=str(path), **traits)
    assert isinstance(plugin, ExportPlugin)
    plugin.export(gradebook)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_canvas(gradebook: Gradebook, tmp_path: Path) -> None:
    columns = {"01_mini": "Notebook 1 (900)"}
    rows = exported(gradebook, tmp_path / "a.csv", "Canvas", columns=columns)
    # The order matters to Canvas: its importer looks at the places of these five.
    assert list(rows[0]) == [
        "Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notebook 1 (900)", "02_other",
    ]  # fmt: skip
    assert rows[0]["Student"] == "    Points Possible"
    assert (rows[0]["Notebook 1 (900)"], rows[0]["02_other"]) == ("50", "50")
    by_login = {row["SIS Login ID"]: row for row in rows[1:]}
    jane, roe = by_login["doejane_1234"], by_login["roe_77"]
    assert (jane["Student"], jane["ID"]) == ("Doe, Jane, the 2nd", "1234")
    assert (jane["Notebook 1 (900)"], jane["02_other"]) == ("42.5", "0")  # with extra credit
    assert (roe["ID"], roe["Notebook 1 (900)"], roe["02_other"]) == ("4711", "10.13", "")  # less the penalty


def test_moodle(gradebook: Gradebook, tmp_path: Path) -> None:
    rows = exported(gradebook, tmp_path / "a.csv", "Moodle", missing="0")
    assert list(rows[0]) == ["First name", "Last name", "ID number", "Email address", "01_mini", "02_other"]
    jane = next(row for row in rows if row["Email address"] == "jane@example.edu")
    assert (jane["First name"], jane["ID number"], jane["01_mini"]) == (
        "Jane, the 2nd",
        "doejane_1234",
        "42.5",
    )
    assert {row["02_other"] for row in rows} == {"0"}


def test_moodles_grading_worksheet(gradebook: Gradebook, tmp_path: Path) -> None:
    rows = exported(gradebook, tmp_path / "a.csv", "MoodleWorksheet", assignment=["01_mini"])
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(rows[0])
    assert [(row["Identifier"], row["Grade"], row["Last modified (grade)"]) for row in rows] == [
        ("Participant 1234", "42.5", "-"),
        ("Participant 4711", "10.13", "-"),
    ]
    with pytest.raises(ValueError, match="for one assignment"):
        exported(gradebook, tmp_path / "a.csv", "MoodleWorksheet")


def test_blackboard(gradebook: Gradebook, tmp_path: Path) -> None:
    columns = {"01_mini": "Notebook 1 |12345"}
    rows = exported(gradebook, tmp_path / "a.csv", "Blackboard", columns=columns, student=["roe_77"])
    assert list(rows[0]) == ["Last Name", "First Name", "Username", "Notebook 1 |12345", "02_other"]
    assert [row["Username"] for row in rows] == ["roe_77"]
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert all(field.startswith('"') and field.endswith('"') for line in lines for field in line.split(","))


def test_gradescope(gradebook: Gradebook, tmp_path: Path) -> None:
    rows = exported(gradebook, tmp_path / "a.csv", "Gradescope", assignment=["01_mini"])
    assert list(rows[0]) == ["First Name", "Last Name", "SID", "Email", "01_mini", "01_mini - Max Points"]
    assert {row["SID"]: (row["01_mini"], row["01_mini - Max Points"]) for row in rows}["roe_77"] == (
        "10.13",
        "50",
    )


@pytest.mark.parametrize("platform", ["Canvas", "Moodle", "Blackboard", "Gradescope"])
def test_no_field_is_a_formula(gradebook: Gradebook, tmp_path: Path, platform: str) -> None:
    fields = [field for row in exported(gradebook, tmp_path / "a.csv", platform) for field in row.values()]
    assert any(field.startswith("'=cmd") for field in fields)
    assert not [field for field in fields if field.startswith(("=", "+", "-", "@"))]
    assert any(field.startswith("'@Roe") for field in fields)


def test_an_unknown_assignment_is_named(gradebook: Gradebook, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no assignment 99"):
        exported(gradebook, tmp_path / "a.csv", "Moodle", assignment=["99"])


@pytest.mark.parametrize(
    ("late", "penalty"),
    [
        (timedelta(minutes=9), None),
        (timedelta(minutes=11), 8.0),
        (timedelta(hours=25), 16.0),
        (timedelta(days=30), 40.0),
    ],
)
def test_lateness_costs_a_share_of_the_score_per_day(late: timedelta, penalty: float | None) -> None:
    config = Config({"AssignLatePenalties": {"plugin_class": "autograder.lateness.PercentPerDay"}})
    config.PercentPerDay.most_percent = 50
    plugin = late_plugin(config)
    assert isinstance(plugin, PercentPerDay)
    assert plugin.late_submission_penalty("ada", 80.0, late.total_seconds()) == penalty
