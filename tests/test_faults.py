"""What breaks while a class is graded: a clear last line, an exit code, and the next run goes on.

Nothing is lost and nothing counts twice. Workers and schedulers that die: see test_cluster.py.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mini_class import NAME, OPTIONS, RIGHT, ROOT, SLOW, hand_in, kept, scores, start_grading
from toy_grader import toy_run

from autograder import __main__ as command
from autograder import audit, classroom, engine

STUDENTS = ["ada", "bob", "eve"]


@pytest.fixture
def class_of_three(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A class that the toy grader grades in this process."""
    for student in STUDENTS:
        hand_in(course, student, RIGHT)
    monkeypatch.setattr(engine, "_run", toy_run)
    monkeypatch.setattr(command, "ROOT", course)
    return course


def grade(course: Path) -> int:
    return command.main(["grade", NAME, "--folder", str(course), "--sandbox", "none"])


def verdicts(course: Path) -> list[str]:
    """The students in the audit file, one for each verdict."""
    lines = map(json.loads, (course / audit.FILE).read_text().splitlines())
    return sorted(line["student"] for line in lines if line["event"] == "graded")


def assert_all_is_there_once(course: Path) -> None:
    assert scores(course) == dict.fromkeys(STUDENTS, 90.0)  # the toy grader gives half the regression points
    assert verdicts(course) == STUDENTS
    assert audit.broken_lines(course / audit.FILE) == []


def test_a_file_that_the_disk_has_no_room_for(class_of_three, monkeypatch, capsys):
    with monkeypatch.context() as patch:

        def full(path, text):
            if "bob" in path.parts and path.suffix == ".html":
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            engine.write_whole(path, text)

        patch.setattr(classroom, "write_whole", full)
        assert grade(class_of_three) == command.PROBLEM
    assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
    assert grade(class_of_three) == command.DONE
    assert_all_is_there_once(class_of_three)


ON_A_SMALL_DISK = """
set -e
mount -t tmpfs -o size={size}k tmpfs {disk}
cp -r {course}/. {disk}
cd {root}
for room in 8 120 60000; do
    mount -o remount,size=$(({size} + room))k {disk}
    {python} {program} {disk} && code=0 || code=$?
    echo $code
done
cp -r {disk}/. {course}
"""
TOY_PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = ["tests"]
from toy_grader import toy_run
from autograder import __main__ as command, engine
engine._run, command.ROOT = toy_run, Path(sys.argv[1])
sys.exit(command.main(["grade", "01_mini", "--folder", sys.argv[1], "--sandbox", "none"]))
"""
MOUNTS = ["unshare", "--map-root-user", "--mount", "sh", "-c"]


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return not subprocess.run([*MOUNTS, f"mount -t tmpfs tmpfs {folder}"], capture_output=True).returncode


def test_a_disk_that_runs_full(class_of_three, tmp_path):
    disk, program = tmp_path / "disk", tmp_path / "program.py"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("no file system can be mounted here")
    program.write_text(TOY_PROGRAM)
    blocks = sum(-(-path.stat().st_size // 4096) for path in class_of_three.rglob("*"))
    script = ON_A_SMALL_DISK.format(
        size=4 * blocks, disk=disk, course=class_of_three, root=ROOT, python=sys.executable, program=program
    )
    done = subprocess.run([*MOUNTS, script], capture_output=True, text=True)
    exit_codes = [line for line in done.stdout.splitlines() if line.isdecimal()]
    assert exit_codes == ["1", "1", "0"], done.stderr
    assert "Traceback" not in done.stderr
    last_lines = [line for line in done.stderr.splitlines() if line.startswith("autograder: ")]
    assert len(last_lines) == 2
    assert all("disk is full" in line or "No space left" in line for line in last_lines)
    assert scores(class_of_three) == dict.fromkeys(STUDENTS, 90.0)
    assert verdicts(class_of_three) == STUDENTS


def test_a_gradebook_in_which_another_program_writes(class_of_three, monkeypatch, capsys):
    monkeypatch.setattr("autograder.gradebook.BUSY_SECONDS", 0.1)
    assert grade(class_of_three) == command.DONE
    hand_in(class_of_three, "bob", {})
    other = sqlite3.connect(class_of_three / "gradebook.db")
    other.execute("BEGIN IMMEDIATE")
    assert grade(class_of_three) == command.PROBLEM
    assert "is in use by another program; close it" in capsys.readouterr().err.splitlines()[-1]
    other.rollback()
    other.close()
    assert grade(class_of_three) == command.DONE
    assert scores(class_of_three)["bob"] == 10.0
    assert verdicts(class_of_three) == sorted([*STUDENTS, "bob"])


def test_a_gradebook_that_is_deleted_in_the_middle(class_of_three, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        written = audit.Audit.graded

        def delete(self, *what):
            written(self, *what)
            (class_of_three / "gradebook.db").unlink(missing_ok=True)

        patch.setattr(audit.Audit, "graded", delete)
        assert grade(class_of_three) == command.PROBLEM
    assert "gradebook.db cannot be written; was it moved?" in capsys.readouterr().err.splitlines()[-1]
    assert grade(class_of_three) == command.DONE
    assert_all_is_there_once(class_of_three)


def test_two_runs_at_once_in_one_folder(class_of_three, capsys):
    with audit.Audit(class_of_three):
        assert grade(class_of_three) == command.PROBLEM
    assert "Another process is grading in" in capsys.readouterr().err.splitlines()[-1]
    assert grade(class_of_three) == command.DONE
    assert_all_is_there_once(class_of_three)


def everything(course: Path) -> dict[str, bytes]:
    """What is in the folders for people, by path; the times in it differ from run to run."""
    paths = [path for part in ("autograded", "feedback") for path in (course / part).rglob("*")]
    return {str(path.relative_to(course)): path.read_bytes() for path in paths if path.is_file()}


def test_killed_anywhere_it_goes_on_from_there(class_of_three):
    places = 10
    call = [sys.executable, str(ROOT / "tests" / "killed_runs.py"), str(class_of_three), str(places)]
    done = subprocess.run(
        call, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
    undisturbed = everything(class_of_three)
    assert len(undisturbed) == 2 * len(STUDENTS)
    seen = set()
    for number in range(places):
        course = class_of_three.with_name(f"{class_of_three.name}.{number}")
        assert_all_is_there_once(course)
        assert everything(course) == undisturbed
        events = [json.loads(line)["event"] for line in (course / audit.FILE).read_text().splitlines()]
        seen.add(" ".join(events))
    assert len(seen) > 3  # the places do differ


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_interrupted_in_the_middle_it_goes_on_from_there(course, signal_number, one_warm_parent):
    students = [f"s{number}" for number in range(4)]
    for student in students:
        hand_in(course, student, SLOW)
    grading = start_grading(course, "--workers", "1")
    grading.send_signal(signal_number)
    _, said = grading.communicate(timeout=60)
    if signal_number == signal.SIGINT:
        assert grading.returncode == command.INTERRUPTED
        assert "goes on from there" in said
    assert grading.returncode != 0
    before = kept(course)
    assert 0 < len(before) < 4
    classroom.grade_and_record(course, course, NAME, options=OPTIONS)
    assert verdicts(course) == students
    assert scores(course) == dict.fromkeys(students, 100.0)
