"""The doctor finds what would stop grading, says how to mend it, and its exit code tells scripts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autograder import __main__ as command
from autograder import audit, doctor, sandbox
from autograder.doctor import Finding

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def course_of_a_healthy_machine(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built course on a machine whose sandbox works."""
    shutil.copy(ROOT / "requirements.lock", course)
    found = sandbox.Detection(Path("/usr/bin/bwrap"), True, "student code runs in a sandbox")
    monkeypatch.setattr(sandbox, "detect", lambda: found)
    monkeypatch.setattr(command, "ROOT", course)
    return course


def findings(course: Path, folder: Path | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor.examine(course, folder or course)}


def test_a_healthy_machine_is_ready(course_of_a_healthy_machine, capsys):
    found = findings(course_of_a_healthy_machine)
    assert {what: finding for what, finding in found.items() if finding.state == "bad"} == {}
    assert command.main(["doctor", "--folder", str(course_of_a_healthy_machine)]) == command.DONE
    assert "Ready to grade" in capsys.readouterr().out


def test_json_holds_the_same(course_of_a_healthy_machine, capsys):
    call = ["doctor", "--json", "--folder", str(course_of_a_healthy_machine)]
    assert command.main(call) == command.DONE
    records = json.loads(capsys.readouterr().out)
    assert {record["what"] for record in records} >= {"sandbox", "disk", "packages", "GPU", "gradebook"}
    assert {record["state"] for record in records} <= {"good", "look"}


def test_a_missing_sandbox_is_bad_with_the_line_that_helps(course_of_a_healthy_machine, monkeypatch, capsys):
    words = "There is no working sandbox for student code:\nno `bwrap` was found\nWhat helps: apt install it"
    monkeypatch.setattr(sandbox, "detect", lambda: sandbox.Detection(None, False, words))
    assert command.main(["doctor", "--folder", str(course_of_a_healthy_machine)]) == command.PROBLEM
    said = capsys.readouterr().out
    assert "→ What helps: apt install it" in said
    assert "Not ready to grade: sandbox." in said


def test_other_versions_are_named(course_of_a_healthy_machine):
    lock = course_of_a_healthy_machine / "requirements.lock"
    lock.write_text("# tested\nnumpy==0.0.1\nno-such-package==1.0\n")
    packages = findings(course_of_a_healthy_machine)["packages"]
    assert packages.state == "look"
    assert "no-such-package missing instead of 1.0" in packages.words


def test_an_assignment_that_is_not_built_is_bad(course_of_a_healthy_machine):
    (course_of_a_healthy_machine / "notebooks" / "01_mini" / "01_mini.ipynb").unlink()
    notebooks = findings(course_of_a_healthy_machine)["notebooks"]
    assert notebooks.state == "bad"
    assert "make build" in notebooks.mend


def test_little_memory_little_disk_and_few_files_are_worth_a_look(course_of_a_healthy_machine, monkeypatch):
    monkeypatch.setattr(doctor, "_memory_mb", lambda: 2000)
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _: (256, 4096))
    monkeypatch.setattr(doctor, "SUBMISSION_MB", 1 << 40)
    found = findings(course_of_a_healthy_machine)
    assert "--workers 1" in found["cores"].mend
    assert "ulimit -n 4096" in found["open files"].mend
    assert found["disk"].state == "look"


def test_what_is_no_gradebook_is_bad(course_of_a_healthy_machine):
    (course_of_a_healthy_machine / "gradebook.db").write_text("this is no database, whatever its name says")
    assert findings(course_of_a_healthy_machine)["gradebook"].state == "bad"


def test_a_gradebook_is_looked_at_without_a_change(course_of_a_healthy_machine, tmp_path):
    from autograder.gradebook import GradebookWriter

    path = tmp_path / "gradebook.db"
    GradebookWriter(f"sqlite:///{path}").close()
    before = path.read_bytes()
    assert findings(course_of_a_healthy_machine, tmp_path)["gradebook"].state == "good"
    assert path.read_bytes() == before


def test_a_changed_audit_file_is_worth_a_look(course_of_a_healthy_machine):
    with audit.Audit(course_of_a_healthy_machine) as book:
        book.write("note", score=1)
        book.write("note", score=2)
    path = course_of_a_healthy_machine / audit.FILE
    path.write_text(path.read_text().replace('"score": 1', '"score": 9'))
    found = findings(course_of_a_healthy_machine)["audit file"]
    assert found.state == "look"
    assert "line 2" in found.words
