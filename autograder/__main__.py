"""The commands: `python -m autograder build | grade | demo | mutation | coverage | doctor`."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import processes

if TYPE_CHECKING:
    from .classroom import Options

ROOT = Path(__file__).resolve().parent.parent

# Exit codes; argparse ends a wrong call with 2.
DONE, PROBLEM, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    gc.set_threshold(processes.RARELY)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nInterrupted. What was graded is kept; the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    except _expected_errors() as error:
        print(f"autograder: {error}", file=sys.stderr)
        return PROBLEM
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEM
    except OSError as error:
        print(f"autograder: {error}. What was graded is kept; run the same command again.", file=sys.stderr)
        return PROBLEM


def _expected_errors() -> tuple[type[Exception], ...]:
    """Errors that are a clear line for a person, not a fault of the program."""
    from .archives import ArchiveError
    from .assignment import AssignmentError
    from .audit import AuditError
    from .coverage import TopicsError
    from .engine import ClusterError, NothingToGrade
    from .gradebook import GradebookError
    from .publish import Leak
    from .sandbox import SandboxUnavailable

    return (
        ArchiveError,
        AssignmentError,
        AuditError,
        ClusterError,
        GradebookError,
        Leak,
        NothingToGrade,
        SandboxUnavailable,
        TopicsError,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="make the notebooks from their sources")
    build.add_argument("names", nargs="*", metavar="ASSIGNMENT", help="default: all")
    build.add_argument(
        "--check", action="store_true", help="only compare: fail where a notebook is not up to date"
    )
    build.add_argument("--measure", action="store_true", help="time the experiments anew on this machine")
    build.set_defaults(run=_build)

    publish = commands.add_parser("publish", help="write the students' repository, checked for leaks")
    publish.add_argument("names", nargs="*", metavar="ASSIGNMENT", help="default: all")
    publish.add_argument("--to", type=Path, required=True, metavar="DIR", help="the students' folder")
    publish.set_defaults(run=_publish)

    collect = commands.add_parser(
        "collect", help="take what was handed in out of a folder or a platform's zip"
    )
    collect.add_argument("assignment", metavar="ASSIGNMENT")
    collect.add_argument(
        "place", type=Path, metavar="FROM", help="of Canvas, Moodle, Gradescope, Blackboard, nbgrader"
    )
    collect.add_argument("--folder", type=Path, default=ROOT, help="gets submitted/ (default: %(default)s)")
    collect.add_argument(
        "--replace", action="store_true", help="take what differs, keep the old file beside it"
    )
    collect.set_defaults(run=_collect)

    grade = commands.add_parser("grade", help="grade a class")
    grade.add_argument("assignment", metavar="ASSIGNMENT")
    grade.add_argument("students", nargs="*", metavar="STUDENT", help="default: everybody who handed in")
    grade.add_argument("--folder", type=Path, default=ROOT, help="holds submitted/ (default: %(default)s)")
    grade.add_argument("--dry-run", action="store_true", help="say what would be graded; do nothing")
    _grading_options(grade)
    grade.set_defaults(run=_grade)

    demo = commands.add_parser("demo", help="make the demo class, grade it, compare with what is expected")
    demo.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all that have a class")
    demo.add_argument("--folder", type=Path, default=ROOT / "demo", help="default: %(default)s")
    _grading_options(demo)
    demo.set_defaults(run=_demo)

    exercise = commands.add_parser("new-exercise", help="write the frame of a new exercise")
    exercise.add_argument("notebook", metavar="NOTEBOOK")
    exercise.add_argument("name", metavar="NAME", help="of the function that students write")
    exercise.set_defaults(run=_new_exercise)

    mutation = commands.add_parser("mutation", help="audit the checks: wrong code must fail them")
    mutation.add_argument("assignment", metavar="ASSIGNMENT")
    mutation.add_argument("exercise", nargs="?", metavar="EXERCISE", help="default: all")
    mutation.set_defaults(run=_mutation)

    messages = commands.add_parser(
        "misconceptions", help="what a student reads first who makes each known mistake"
    )
    messages.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: all")
    messages.set_defaults(run=_misconceptions)

    coverage = commands.add_parser("coverage", help="compare the notebooks with the topics of the lecture")
    coverage.add_argument("--write", action="store_true", help="also write docs/course_map.md")
    coverage.set_defaults(run=_coverage)

    doctor = commands.add_parser("doctor", help="look at this machine before a class is graded on it")
    doctor.add_argument("--folder", type=Path, default=ROOT, help="of the class (default: %(default)s)")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(run=_doctor)
    return parser


def _grading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=int, default=0, help="submissions side by side (default: one per core)"
    )
    parser.add_argument(
        "--scheduler", default="", metavar="tcp://HOST:PORT", help="a Dask cluster's scheduler"
    )
    parser.add_argument("--sandbox", choices=("auto", "none"), help="none: run students' code unprotected")
    parser.add_argument("--force", action="store_true", help="grade again what has not changed, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write scores, points and messages to FILE")


def _how_to_grade(options: argparse.Namespace) -> Options:
    from .classroom import Options

    return Options(options.sandbox, options.workers, options.scheduler, options.force, options.json)


def _build(options: argparse.Namespace) -> int:
    from .build import build_all, sources

    problems = False
    for name, found in build_all(ROOT, options.names or sources(ROOT), options.check, options.measure):
        for problem in found:
            print(problem, file=sys.stderr)
        if not found:
            print(f"{name}: {'up to date' if options.check else 'built'}")
        problems = problems or bool(found)
    return PROBLEM if problems else DONE


def _publish(options: argparse.Namespace) -> int:
    from .assignment import assignments
    from .publish import publish

    done = publish(ROOT, options.to, options.names or assignments(ROOT))
    for path in done.others:
        print(f"left alone, not from here: {path}")
    print(f"{done.folder}: {done.written} files written, {done.unchanged} up to date; nothing leaks")
    return DONE


def _collect(options: argparse.Namespace) -> int:
    from .collect import NOT_TAKEN, collect, shown

    done = collect(ROOT, options.folder, options.assignment, options.place, options.replace)
    for line in shown(done):
        print(line)
    return PROBLEM if done.count(NOT_TAKEN) else DONE


def _grade(options: argparse.Namespace) -> int:
    from .classroom import grade_and_record, plan, table

    what = (ROOT, options.folder, options.assignment, options.students, _how_to_grade(options))
    if options.dry_run:
        print(plan(*what))
        return DONE
    outcome = grade_and_record(*what)
    print(table(outcome.grades))
    print(outcome.where())
    return PROBLEM if outcome.failed else DONE


def _demo(options: argparse.Namespace) -> int:
    from . import demo
    from .assignment import AssignmentError
    from .classroom import grade_and_record, table
    from .engine import write_whole

    names = options.assignments or demo.assignments(ROOT)
    if not names:
        raise AssignmentError("No assignment with a demo class is built: run `make build`.")
    how = dataclasses.replace(_how_to_grade(options), json=None)  # one file for all assignments
    records = []
    unexpected = 0
    for name in names:
        expected = demo.make(ROOT, options.folder, name)
        outcome = grade_and_record(ROOT, options.folder, name, options=how)
        print(f"\n{name}\n{table(outcome.grades, {row.student: row.shown() for row in expected})}")
        differences = demo.compare(expected, outcome.grades)
        for difference in differences:
            print(f"NOT AS EXPECTED  {name}: {difference}", file=sys.stderr)
        print(outcome.where())
        records += [grade.record() for grade in outcome.grades]
        unexpected += len(differences)
    if options.json:
        write_whole(options.json, json.dumps(records, indent=1))
    total = f"{len(records)} submissions of {len(names)} notebook{'s' * (len(names) != 1)}"
    if unexpected:
        print(f"\n{total}; differences from what was expected: {unexpected}, see above.")
    else:
        print(f"\nAll {total} came out as expected.")
    return PROBLEM if unexpected else DONE


def _new_exercise(options: argparse.Namespace) -> int:
    from .scaffold import new_exercise, next_steps

    made = new_exercise(ROOT, options.notebook, options.name)
    print("\n".join(next_steps(made, options.notebook, options.name)))
    return DONE


def _mutation(options: argparse.Namespace) -> int:
    from .mutation import run, show

    report = run(ROOT, options.assignment, options.exercise)
    show(report)
    return DONE if report.ok else PROBLEM


def _misconceptions(options: argparse.Namespace) -> int:
    from .assignment import assignments
    from .first_messages import first_messages

    problems, total = [], 0
    for name in options.notebooks or assignments(ROOT):
        print(f"\n== {name}")
        for message in first_messages(ROOT, name):
            print(message, flush=True)
            total += 1
            if message.problem:
                problems.append(message.problem)
    for problem in problems:
        print(f"NOT NAMED  {problem}", file=sys.stderr)
    print(f"\n{total} misconceptions, {total - len(problems)} of them named by the first message")
    return PROBLEM if problems else DONE


def _coverage(options: argparse.Namespace) -> int:
    from .coverage import run

    missing = run(ROOT, options.write)
    for line in missing:
        print(f"MISSING  {line}", file=sys.stderr)
    return PROBLEM if missing else DONE


def _doctor(options: argparse.Namespace) -> int:
    from . import doctor

    findings = []
    for finding in doctor.examine(ROOT, options.folder):
        findings.append(finding)
        if not options.json:
            print(finding, flush=True)
    if options.json:
        print(json.dumps(doctor.records(findings), indent=1))
    else:
        print(f"\n{doctor.summary(findings)}")
    return PROBLEM if any(finding.state == "bad" for finding in findings) else DONE


if __name__ == "__main__":
    code = main()
    gc.freeze()  # else Python looks for garbage among all that it is about to give back, which takes 0.3 s
    sys.exit(code)
