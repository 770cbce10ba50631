"""Loading an assignment: what grading sees of it, its limits, and what is said when it is not there."""

from __future__ import annotations

import pytest

from autograder.assignment import AssignmentError, Limits, assignments, load
from autograder.settings import course_settings

NAME = "01_mini"


def test_roles_points_and_names(mini):
    roles = {cell.id: cell.role for cell in mini.cells}
    assert (
        roles["setup"] == "setup"
        and roles["text-01"] == "text"
        and roles["regression"] == "regression_points"
    )
    assert mini.max_score == 100
    assert mini.names_of_solutions() == {"double", "Counter", "quiz_sides", "quiz_corners"}


def test_hidden_tests_are_in_the_source_and_not_in_what_was_released(mini):
    hidden = next(cell for cell in mini.cells if cell.id == "hidden_double")
    assert "1e300" in hidden.source and "1e300" not in hidden.released
    assert hidden.exercise == "double" and hidden.points == 30
    assert "1e300" not in str(mini.notebook)


def test_reference_outputs_are_whole_texts(mini):
    doubles = next(cell for cell in mini.cells if cell.id == "doubles")
    assert doubles.outputs == ({"output_type": "stream", "name": "stdout", "text": "[0, 2, 4, 6]\n"},)


def test_the_version_follows_what_can_change_a_grade(course):
    before = load(course, NAME).version
    assert load(course, NAME).version == before
    (course / "solutions" / NAME / "hidden.npz").write_bytes(b"other answers")
    assert load(course, NAME).version != before


def test_limits_come_from_notebook_and_configuration(built_course):
    assert load(built_course, NAME).limits == Limits(cell_seconds=10)  # the notebook's own metadata
    configured = {"cell_seconds": 5, NAME: {"total_seconds": 9}, "02_other": {"total_seconds": 1}}
    assert load(built_course, NAME, configured).limits == Limits(cell_seconds=5, total_seconds=9)


@pytest.mark.parametrize("wrong", [{"cell_second": 5}, {"cell_seconds": 0}, {"cell_seconds": "many"}])
def test_limits_that_make_no_sense_are_said(built_course, wrong):
    with pytest.raises(AssignmentError, match="cell_second"):
        load(built_course, NAME, wrong)


def test_an_unknown_assignment_is_said(built_course):
    assert assignments(built_course) == [NAME]
    with pytest.raises(AssignmentError, match=r"There is no assignment '01_mimi'\. Did you mean '01_mini'\?"):
        load(built_course, "01_mimi")


def test_an_assignment_that_is_not_built_is_said(course):
    (course / "notebooks" / NAME / f"{NAME}.ipynb").unlink()
    with pytest.raises(AssignmentError, match=r"'01_mini' is not built .*: run `make build`"):
        load(course, NAME)


def test_a_damaged_notebook_is_said(course):
    (course / "solutions" / NAME / f"{NAME}.ipynb").write_text("{")
    with pytest.raises(AssignmentError, match="cannot be read"):
        load(course, NAME)


def test_settings_come_from_the_configuration_file(course):
    settings = course_settings(course)
    assert (settings.sandbox, settings.limits) == ("auto", {})
    assert settings.db_url == f"sqlite:///{course / 'gradebook.db'}"
    with (course / "nbgrader_config.py").open("a") as stream:
        stream.write('c.CourseGrading.sandbox = "none"\nc.CourseGrading.limits = {"processes": 3}\n')
        stream.write('c.CourseDirectory.db_url = "sqlite:///elsewhere.db"\n')
    settings = course_settings(course)
    assert (settings.sandbox, settings.limits["processes"]) == ("none", 3)
    assert settings.db_url == "sqlite:///elsewhere.db"


def test_a_course_without_configuration_has_the_defaults(tmp_path):
    assert course_settings(tmp_path).sandbox == "auto"
