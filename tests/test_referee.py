"""The referee judges by what comes back from the student's process, and leaks no test."""

from pathlib import Path
from types import SimpleNamespace

import pytest

student = pytest.importorskip("autograder.student")
from autograder.assignment import Cell  # noqa: E402
from autograder.referee import Referee, regression_share  # noqa: E402


class Names:
    """Stands for a student's process: names and what they hold."""

    def __init__(self, **names):
        self.names = names

    def get(self, name):
        if name not in self.names:
            raise NameError(f"'{name}' is not defined")
        return self.names[name]


def cell(source, role="check", points=4.0, outputs=()):
    return Cell("c", role, "code", source, source, "double", points, (), tuple(outputs), ())


def referee(**names):
    setup = cell("import numpy as np\nimport math", "setup", 0.0)
    assignment = SimpleNamespace(
        cells=[setup], folder=Path("."), names_of_solutions=lambda: {"double", "answer", "np"}
    )
    return Referee(assignment, Names(**names))


def double(x):
    return 2 * x


def test_right_code_passes():
    verdict = referee(double=double).judge(cell("assert double(2) == 4"))
    assert (verdict.passed, verdict.share, verdict.message) == (True, 1.0, "")


def test_wrong_code_fails_with_the_message_of_the_assertion():
    verdict = referee(double=lambda x: x).judge(cell("assert double(2) == 4, 'double(2) should be 4'"))
    assert (verdict.passed, verdict.share) == (False, 0.0)
    assert verdict.message == "double(2) should be 4"


def test_an_undefined_name_is_named():
    verdict = referee().judge(cell("assert double(2) == 4"))
    assert not verdict.passed
    assert "double" in verdict.message


def test_an_error_of_the_student_is_told():
    def broken(x):
        raise TypeError("no numbers, please")

    verdict = referee(double=broken).judge(cell("double(2)"))
    assert not verdict.passed
    assert "TypeError: no numbers, please" in verdict.message


def test_only_names_of_solution_cells_come_from_the_student():
    verdict = referee(double=double, math="patched").judge(cell("assert math.floor(2.5) == double(1)"))
    assert verdict.passed
    verdict = referee(double=double, helper=double).judge(cell("helper(2)"))
    assert not verdict.passed


def test_the_test_text_is_nowhere_in_the_outputs():
    verdict = referee(double=lambda x: x).judge(cell("secret = 4\nassert double(2) == secret", "hidden"))
    assert "secret" not in str(verdict.outputs)


def test_cells_share_no_names():
    judge = referee(double=double)
    assert judge.judge(cell("mine = double(2)")).passed
    assert not judge.judge(cell("assert mine == 4")).passed


def test_a_number_at_the_end_is_partial_credit():
    verdict = referee(double=double).judge(cell("3.0"))
    assert (verdict.passed, verdict.share) == (False, 0.75)
    assert verdict.outputs[-1]["data"]["text/plain"] == "3.0"


def test_warnings_are_no_failure():
    verdict = referee(double=double).judge(cell("import sys\nprint('careful', file=sys.stderr)\ndouble(2)"))
    assert verdict.passed
    assert verdict.outputs == []


def test_regression_compares_what_the_referee_printed():
    reference = [{"output_type": "stream", "name": "stdout", "text": "4\n"}]
    watched = cell("print(double(2))", "regression", outputs=reference)
    assert referee(double=double).watch(watched).passed
    wrong = referee(double=lambda x: 5).watch(watched)
    assert not wrong.passed
    assert "  4\nand reads\n  5" in wrong.message
    assert regression_share({"a": referee(double=double).watch(watched), "b": wrong}) == 0.5
