"""Grading a class: resumed where it stopped, one student's trouble is not another's, clear last lines."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from mini_class import NAME, OPTIONS, RIGHT, hand_in, scores
from nbgrader.api import Gradebook

from autograder import __main__ as command
from autograder import audit, classroom
from autograder.assignment import AssignmentError, load
from autograder.classroom import Options, grade_and_record
from autograder.engine import NothingToGrade, choose, find_jobs
from autograder.warm import GraderDied, WarmParent

pytestmark = pytest.mark.usefixtures("one_warm_parent")


def fresh(course: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grade the class; return who was really graded."""
    graded = []
    line = classroom._line

    def spy(grade, is_fresh):
        if is_fresh:
            graded.append(grade.student)
        return line(grade, is_fresh)

    monkeypatch.setattr(classroom, "_line", spy)
    grade_and_record(course, course, NAME, options=OPTIONS)
    monkeypatch.setattr(classroom, "_line", line)
    return sorted(graded)


def test_only_what_changed_is_graded_again(course, monkeypatch):
    hand_in(course, "ada", RIGHT)
    path = hand_in(course, "bob", {})
    assert fresh(course, monkeypatch) == ["ada", "bob"]
    before = scores(course)
    assert before["ada"] == 100
    assert before["bob"] < 100
    assert fresh(course, monkeypatch) == []
    assert scores(course) == before
    hand_in(course, "bob", RIGHT)
    assert path.is_file()
    assert fresh(course, monkeypatch) == ["bob"]
    assert scores(course) == {"ada": 100, "bob": 100}


def test_what_is_unchanged_is_not_written_again(course, monkeypatch):
    hand_in(course, "ada", RIGHT)
    fresh(course, monkeypatch)
    page = course / "feedback" / "ada" / NAME / f"{NAME}.html"
    notebook = course / "autograded" / "ada" / NAME / f"{NAME}.ipynb"
    files = page, notebook, course / "gradebook.db"
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in files]
    fresh(course, monkeypatch)
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in files] == before
    page.write_text("changed")
    notebook.unlink()
    fresh(course, monkeypatch)
    assert [path.read_bytes() for path in files] == [text for _, text in before]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as nbgrader:
        nbgrader.find_grade("hidden_double", NAME, NAME, "ada").manual_score = 7.5
        nbgrader.db.commit()
    fresh(course, monkeypatch)
    assert "7.5" in page.read_text()
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as nbgrader:
        nbgrader.find_comment("double", NAME, NAME, "ada").manual_comment = "Nice idea."
        nbgrader.db.commit()
    fresh(course, monkeypatch)
    assert "Nice idea." in page.read_text()


def test_a_lost_gradebook_is_written_again_without_grading(course, monkeypatch):
    hand_in(course, "ada", RIGHT)
    fresh(course, monkeypatch)
    (course / "gradebook.db").unlink()
    assert fresh(course, monkeypatch) == []
    assert scores(course) == {"ada": 100}


def test_everything_is_where_nbgrader_looks(course):
    hand_in(course, "ada", RIGHT)
    outcome = grade_and_record(course, course, NAME, options=OPTIONS)
    assert (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").is_file()
    assert (course / "feedback" / "ada" / NAME / f"{NAME}.html").is_file()
    assert outcome.report.is_file()
    assert "ada: 100/100, graded" in (course / "grading.log").read_text()


def test_grading_one_student_leaves_the_others_in_the_report(course):
    for student in ("ada", "bob"):
        hand_in(course, student, RIGHT)
    grade_and_record(course, course, NAME, options=OPTIONS)
    outcome = grade_and_record(course, course, NAME, ["bob"], OPTIONS)
    assert [grade.student for grade in outcome.grades] == ["bob"]
    assert "ada" in outcome.report.read_text()


def test_json_has_points_status_and_messages(course, tmp_path):
    hand_in(course, "bob", {})
    options = Options(sandbox=OPTIONS.sandbox, json=tmp_path / "out" / "grades.json")
    grade_and_record(course, course, NAME, options=options)
    (record,) = json.loads(options.json.read_text())
    assert (record["student"], record["status"], record["max_score"]) == ("bob", "graded", 100)
    double = [cell for cell in record["cells"] if cell["exercise"] == "double"]
    assert {cell["max_points"] for cell in double} == {10, 30}
    assert all(cell["message"] for cell in double)


def test_one_failing_grader_fails_one_submission(course, monkeypatch):
    for student in ("ada", "bob", "eve"):
        hand_in(course, student, RIGHT)
    run = WarmParent.run

    def sometimes(self, target, arguments, **rest):
        if arguments["student"] == "bob":
            raise GraderDied("killed by signal 9")
        return run(self, target, arguments, **rest)

    monkeypatch.setattr(WarmParent, "run", sometimes)
    outcome = grade_and_record(course, course, NAME, options=OPTIONS)
    assert outcome.failed == ["bob"]
    assert "bob" in outcome.where()
    assert scores(course) == {"ada": 100, "eve": 100}  # no grade is not the grade zero
    monkeypatch.setattr(WarmParent, "run", run)
    assert fresh(course, monkeypatch) == ["bob"]
    assert scores(course)["bob"] == 100


def test_a_missing_assignment_is_named_with_what_there_is(course):
    with pytest.raises(AssignmentError, match="01_mini"):
        grade_and_record(course, course, "02_mini", options=OPTIONS)


def test_nothing_handed_in_says_where_it_is_looked_for(course, monkeypatch, capsys):
    monkeypatch.setattr(command, "ROOT", course)
    assert command.main(["grade", NAME, "--folder", str(course)]) == command.PROBLEM
    assert "submitted/STUDENT/01_mini/01_mini.ipynb" in capsys.readouterr().err


def test_an_unknown_student_is_named(course):
    hand_in(course, "ada", RIGHT)
    with pytest.raises(NothingToGrade, match="bob"):
        choose(find_jobs(course, load(course, NAME)), ["bob"], course, NAME)


def test_a_link_to_another_students_folder_is_left_out(course):
    hand_in(course, "ada", RIGHT)
    (course / "submitted" / "eve").symlink_to(course / "submitted" / "ada")
    assert [job.student for job in find_jobs(course, load(course, NAME))] == ["ada"]


def test_a_link_is_not_followed_for_the_key(course):
    hand_in(course, "ada", RIGHT)
    path = course / "submitted" / "bob" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/zero")
    os.mkfifo(path.parent / "pipe.ipynb")
    assert [job.student for job in find_jobs(course, load(course, NAME))] == ["ada", "bob"]


def test_odd_names_stop_nobody(course, caplog):
    hand_in(course, "ada", RIGHT)
    hand_in(course, "Zoë <b>", RIGHT)
    for name in (b"\xff\xfe", b"x" * 250, b"line\nbreak", b".hidden"):
        (course / "submitted" / os.fsdecode(name) / NAME).mkdir(parents=True)
    beside = course / "submitted" / "ada" / NAME / os.fsdecode(b"\xff.ipynb")
    beside.write_text("{}")
    beside.chmod(0)
    grade_and_record(course, course, NAME, options=OPTIONS)
    assert scores(course) == {"ada": 100, "Zoë <b>": 100}
    assert caplog.text.count("rename it") == 4


def audit_lines(course: Path, event: str = "graded") -> list[dict]:
    lines = [json.loads(line) for line in (course / audit.FILE).read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def test_the_audit_file_tells_who_graded_what_with_which_versions_and_verdict(course):
    path = hand_in(course, "anna", RIGHT)
    grade_and_record(course, course, NAME, options=OPTIONS)
    (line,) = audit_lines(course)
    assert line["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (line["student"], line["status"], line["max_score"]) == ("anna", "graded", 100)
    assert line["score"] == scores(course)["anna"]
    assert line["who"]
    assert {"numpy", "torch", "grader", "assignment", "python"} <= line["versions"].keys()
    assert len(audit_lines(course, "begin")) == len(audit_lines(course, "end")) == 1
    grade_and_record(course, course, NAME, options=OPTIONS)
    assert len(audit_lines(course)) == 1  # kept grades have their line
    grade_and_record(course, course, NAME, options=replace(OPTIONS, force=True))
    assert len(audit_lines(course)) == 2
    assert audit.broken_lines(course / audit.FILE) == []


def test_a_verdict_whose_line_was_not_written_gets_it_in_the_next_run(course):
    hand_in(course, "anna", RIGHT)
    grade_and_record(course, course, NAME, options=OPTIONS)
    (course / audit.FILE).unlink()
    grade_and_record(course, course, NAME, options=OPTIONS)
    assert [line["student"] for line in audit_lines(course)] == ["anna"]


def test_changed_removed_and_unfinished_lines_of_the_audit_file_show(tmp_path):
    for number in range(3):
        with audit.Audit(tmp_path) as book:
            book.write("note", number=number)
    path = tmp_path / audit.FILE
    assert audit.broken_lines(path) == []
    first, second, third = path.read_text().splitlines()
    path.write_text("\n".join([first, second.replace('"number": 1', '"number": 7'), third, ""]))
    assert audit.broken_lines(path) == [3]
    path.write_text("\n".join([first, third, ""]))
    assert audit.broken_lines(path) == [2]
    path.write_text("\n".join([first, second, third[:20]]))  # a power cut
    with audit.Audit(tmp_path) as book:
        book.write("note", number=3)
    assert audit.broken_lines(path) == [3]
    assert json.loads(path.read_text().splitlines()[-1])["number"] == 3


def test_a_run_that_fails_says_so_in_the_audit_file(tmp_path):
    with pytest.raises(OSError, match="gone"), audit.Audit(tmp_path):
        raise OSError("gone")
    (line,) = audit_lines(tmp_path, "stopped")
    assert line["reason"] == "OSError: gone"


def test_the_log_is_one_line_of_json_per_message_whatever_is_in_it(course, monkeypatch):
    for student in ("anna", "bert"):
        hand_in(course, student, RIGHT)
    run = WarmParent.run

    def sometimes(self, target, arguments, **rest):
        if arguments["student"] == "bert":
            raise ValueError("first line\nWARNING everything is fine")
        return run(self, target, arguments, **rest)

    monkeypatch.setattr(WarmParent, "run", sometimes)
    grade_and_record(course, course, NAME, options=OPTIONS)
    lines = [json.loads(line) for line in (course / "grading.log").read_text().splitlines()]
    assert {line["student"] for line in lines if "student" in line} == {"anna", "bert"}
    assert [line["level"] for line in lines if "everything is fine" in line["message"]] == ["ERROR"]


def test_a_dry_run_says_what_would_be_graded_and_does_nothing(course, monkeypatch, capsys):
    monkeypatch.setattr(command, "ROOT", course)
    for student in ("anna", "bert"):
        hand_in(course, student, RIGHT)
    before = sorted(course.rglob("*"))
    dry = ["grade", NAME, "--folder", str(course), "--dry-run", "--sandbox", OPTIONS.sandbox]
    assert command.main(dry) == command.DONE
    assert "2 of 2 would be graded" in capsys.readouterr().out
    assert sorted(course.rglob("*")) == before
    grade_and_record(course, course, NAME, options=OPTIONS)
    hand_in(course, "bert", RIGHT | {"double": "def double(x):\n    return 3 * x"})
    hand_in(course, "carl", RIGHT)
    assert command.main(dry) == command.DONE
    said = capsys.readouterr().out
    assert "2 of 3 would be graded" in said
    assert ["anna" in line for line in said.splitlines() if "kept:" in line] == [True]
    assert ["bert" in line for line in said.splitlines() if "graded again:" in line] == [True]
    assert command.main([*dry, "--force"]) == command.DONE
    assert "3 of 3 would be graded" in capsys.readouterr().out
    assert command.main(["grade", NAME, "nobody", *dry[2:]]) == command.PROBLEM
    assert "No submission" in capsys.readouterr().err


def test_grades_in_memory_leave_the_notebooks_on_disk(course):
    hand_in(course, "anna", RIGHT)
    for _ in range(2):  # graded, kept
        outcome = grade_and_record(course, course, NAME, options=OPTIONS)
        assert [grade.notebook for grade in outcome.grades] == [{}]
