"""A class of the small assignment: handed in, graded in a process of its own, and what came out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from autograder.classroom import Options
from autograder.gradebook import GradebookWriter
from autograder.sandbox import detect

NAME = "01_mini"
ROOT = Path(__file__).resolve().parents[1]
# Not the sandbox is tested with this class: it has its own tests and may not work on this machine.
OPTIONS = Options(sandbox="auto" if detect().works else "none")
START_SECONDS = 240  # a busy machine takes long to start

RIGHT = {
    "double": "def double(x):\n    return x + x",
    "Counter": (
        "class Counter:\n    def __init__(self, start=0):\n        self.value = start\n"
        "    def up(self):\n        self.value += 1\n        return self.value"
    ),
    "quiz_sides": "quiz_sides = 3",
}
SLOW = RIGHT | {"double": "import time\ntime.sleep(1)\n\ndef double(x):\n    return x + x"}


def hand_in(course: Path, student: str, answers: dict[str, str]) -> Path:
    """Put a filled release into submitted/."""
    notebook = json.loads((course / "notebooks" / NAME / f"{NAME}.ipynb").read_text())
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


def scores(course: Path) -> dict[str, float]:
    """Student -> score in the gradebook."""
    with GradebookWriter(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return gradebook.scores(NAME)


def kept(course: Path) -> list[str]:
    """Students whose grade is on disk."""
    return sorted(path.stem for path in (course / ".grading" / NAME).glob("[!.]*.json"))


PROGRAM = """
import sys
from pathlib import Path
from autograder import __main__ as command
command.ROOT = Path(sys.argv[1])
sys.exit(command.main(["grade", "01_mini", "--folder", *sys.argv[1:]]))
"""


def start_grading(course: Path, *options: str) -> subprocess.Popen:
    """Start grading in a process of its own; return when the first grade is kept."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(course), "--sandbox", str(OPTIONS.sandbox), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    deadline = time.monotonic() + START_SECONDS
    while not kept(course):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process
