"""Every named misconception is named by the first message that a student reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.answers import record
from autograder.assignment import AssignmentError
from autograder.first_messages import first_messages

ROOT = Path(__file__).resolve().parents[1]
CASES = """
from autograder.cases import Exercise, hidden, visible

EXERCISES = [Exercise("double", [visible("three", 3), hidden("a negative number", -1), hidden("zero", 0)])]
QUIZZES = []
"""
MISCONCEPTIONS = """
from autograder.cases import Misconceptions

wrong = Misconceptions()
for name, code in {"halved": "x / 2", "kept": "x", "sign lost": "abs(2 * x)", "also kept": "x", "none": "None"}.items():
    wrong("double", name, f"A hint: {name}.")(eval(f"lambda x: {code}"))
"""


def test_who_is_not_named_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "solutions" / "01_small"
    folder.mkdir(parents=True)
    for file, text in (("01_small.py", ""), ("cases.py", CASES), ("misconceptions.py", MISCONCEPTIONS)):
        (folder / file).write_text(text)
    record(folder, {"double": lambda x: 2 * x})
    found = {message.misconception: message for message in first_messages(tmp_path, "01_small")}
    assert [name for name, message in found.items() if message.ok] == ["halved", "kept", "sign lost", "none"]
    assert (
        found["also kept"].problem == "01_small, double, 'also kept': the first message takes it for 'kept'"
    )
    assert not found["kept"].hidden and found["sign lost"].hidden
    assert str(found["kept"]).startswith("double · kept (visible check)\n    A hint: kept.\n")
    with pytest.raises(AssignmentError, match="There is: 01_small"):
        list(first_messages(tmp_path, "02_none"))


def test_the_command_prints_all_of_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["misconceptions", "01_convolution"]) == 0
    shown = capsys.readouterr()
    assert "neuron · bias forgotten (visible check)\n    The bias seems to be missing" in shown.out
    assert shown.err == "" and "named by the first message" in shown.out
