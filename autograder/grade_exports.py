"""Grades as files that Canvas, Moodle, Blackboard and Gradescope users can import: nbgrader export plug-ins.

    nbgrader export --exporter=autograder.grade_exports.CanvasExport --to=canvas.csv

Scores are those of the gradebook: manual marks and extra credit count, late penalties are taken off, and no
score falls below 0. A student who handed nothing in gets an empty field (set `missing` to another text).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins import ExportPlugin
from traitlets import Dict, Unicode

from .pages import points

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet takes text that begins so for a formula
_NUMBER_AT_END = re.compile(r"(?:^|_)(\d+)$")


@dataclass(frozen=True)
class Row:
    """One student's identity and scores."""

    student: str
    first_name: str
    last_name: str
    email: str
    platform_id: str  # lms_user_id; else the number at the end of an id that `collect` made; else ""
    scores: tuple[str, ...]  # one for each assignment

    @property
    def full_name(self) -> str:
        """First and last name, or the id where the gradebook has no name."""
        return f"{self.first_name} {self.last_name}".strip() or self.student


class PlatformExport(ExportPlugin):
    """What the exports have in common; a platform's class says which columns there are."""

    missing = Unicode("", help="what stands in place of the score of a student who handed nothing in").tag(
        config=True
    )
    columns = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="assignment -> heading of its column, as the platform knows it; default: the assignment's name",
    ).tag(config=True)

    file = "grades.csv"
    quote_all = False

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that `--to` names."""
        wanted, students = {str(one) for one in self.assignment}, {str(one) for one in self.student}
        names = {assignment.name: assignment for assignment in gradebook.assignments}
        unknown = wanted - set(names)
        if unknown:
            raise ValueError(f"the gradebook has no assignment {', '.join(sorted(unknown))}")
        chosen = [names[name] for name in sorted(names) if name in wanted or not wanted]
        rows = [
            row for row in _rows(gradebook, chosen, self.missing) if row.student in students or not students
        ]
        target = Path(self.to or self.file)
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL)
            for line in self.lines(chosen, rows):
                writer.writerow([self._harmless(field) for field in line])
        self.log.info("%d students' grades written to %s", len(rows), target)

    def lines(self, assignments: Sequence[Assignment], rows: Sequence[Row]) -> Iterator[list[str]]:
        """The lines of the file, with the headings."""
        raise NotImplementedError

    def heading(self, assignment: Assignment) -> str:
        """The heading of an assignment's column."""
        return self.columns.get(assignment.name, assignment.name)

    def _harmless(self, field: str) -> str:
        """Text that no spreadsheet takes for a formula: with an apostrophe before it. Numbers stay."""
        if not field.startswith(FORMULA) or field == "-" or _is_number(field):
            return field
        self.log.warning("%r looks like a formula: it is written with ' before it", field)
        return f"'{field}"


class CanvasExport(PlatformExport):
    """For Canvas: Gradebook, Import.

    Columns as Canvas reads them: Student, ID, SIS User ID, SIS Login ID, Section, then the assignments; the
    row `Points Possible` comes first. Canvas finds a student by ID (its own number), then by SIS id, then by
    login, then by name. An assignment's heading should be "Title (number)" as in Canvas's own export: else a
    new assignment is made. Sources: https://github.com/instructure/canvas-lms, lib/gradebook_importer.rb
    (`row_has_student_headers?`, `update_column_count`, `process_student`, `parse_assignments`);
    https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades
    """

    def lines(self, assignments: Sequence[Assignment], rows: Sequence[Row]) -> Iterator[list[str]]:
        """See the class."""
        headings = [self.heading(one) for one in assignments]
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *headings]
        yield ["    Points Possible", "", "", "", "", *(points(one.max_score) for one in assignments)]
        for row in rows:
            name = f"{row.last_name}, {row.first_name}" if row.last_name and row.first_name else row.full_name
            yield [name, row.platform_id, "", row.student, "", *row.scores]


class MoodleExport(PlatformExport):
    """For Moodle's gradebook: Grades, Import, CSV file.

    Moodle asks which column tells the user ("Map from" Email address or ID number) and which column belongs
    to which grade item. Columns as in Moodle's own export, which has the import's format. Source:
    https://docs.moodle.org/311/en/Grade_import
    """

    def lines(self, assignments: Sequence[Assignment], rows: Sequence[Row]) -> Iterator[list[str]]:
        """See the class."""
        headings = [self.heading(one) for one in assignments]
        yield ["First name", "Last name", "ID number", "Email address", *headings]
        for row in rows:
            yield [row.first_name, row.last_name, row.student, row.email, *row.scores]


class MoodleWorksheetExport(PlatformExport):
    """For one Moodle assignment: its "Upload grading worksheet", where offline grading is switched on.

    Needed columns: Identifier ("Participant 1234"), Grade, Last modified (grade). The number is the student's
    lms_user_id or stands at the end of an id that `collect` made from Moodle's names; students without one
    are left out. Source: https://github.com/moodle/moodle, mod/assign/feedback/offline/importgradeslib.php
    (`init`, `next`).
    """

    def lines(self, assignments: Sequence[Assignment], rows: Sequence[Row]) -> Iterator[list[str]]:
        """See the class."""
        if len(assignments) != 1:
            raise ValueError(
                "a grading worksheet is for one assignment: say which, --assignment='[\"NAME\"]'"
            )
        yield ["Identifier", "Full name", "Email address", "Grade", "Maximum grade", "Last modified (grade)"]
        for row in rows:
            if not row.platform_id:
                self.log.warning("%s is left out: no lms_user_id", row.student)
                continue
            worth = points(assignments[0].max_score)
            yield [f"Participant {row.platform_id}", row.full_name, row.email, row.scores[0], worth, "-"]


class BlackboardExport(PlatformExport):
    """For Blackboard Learn: Grade Center, Work Offline, Upload.

    A student is found by Username, a column by the number at the end of its heading ("Title |12345", as in a
    download); a column without one becomes a new text column worth 0 points. Every field is quoted, as the
    documentation asks for comma-delimited files. Source:
    http://library.blackboard.com/ref/3ea64795-6ecc-4abd-b595-0a9a8dfdec94/Content/_instructor_grade_center/grade_center_upload_download.htm
    """

    quote_all = True

    def lines(self, assignments: Sequence[Assignment], rows: Sequence[Row]) -> Iterator[list[str]]:
        """See the class."""
        headings = [self.heading(one) for one in assignments]
        yield ["Last Name", "First Name", "Username", *headings]
        for row in rows:
            yield [row.last_name, row.first_name, row.student, *row.scores]


class GradescopeExport(PlatformExport):
    """In the form of Gradescope's "Download Grades", for programs that read such files.

    Gradescope documents an import for rosters (name, email, SID), none for scores, so this file cannot be
    uploaded there. Columns as programs read them from its downloads: First Name, Last Name, SID, Email, and
    for each assignment its title and "title - Max Points". Sources:
    https://guides.gradescope.com/hc/en-us/articles/21926598776333-Adding-Students-and-Staff;
    https://github.com/cs161-staff/grades-py (README).
    """

    def lines(self, assignments: Sequence[Assignment], rows: Sequence[Row]) -> Iterator[list[str]]:
        """See the class."""
        titles = [self.heading(one) for one in assignments]
        headings = [each for title in titles for each in (title, f"{title} - Max Points")]
        yield ["First Name", "Last Name", "SID", "Email", *headings]
        worth = [points(one.max_score) for one in assignments]
        for row in rows:
            scores = [each for pair in zip(row.scores, worth, strict=True) for each in pair]
            yield [row.first_name, row.last_name, row.student, row.email, *scores]


def _rows(gradebook: Gradebook, assignments: Sequence[Assignment], missing: str) -> list[Row]:
    """All students of the gradebook in the order of their ids; a few queries, however many there are."""
    found: dict[tuple[str, str], float] = {}
    for assignment in assignments:
        penalties = dict(
            gradebook.db.query(SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .filter(SubmittedAssignment.assignment_id == assignment.id)
            .all()
        )
        for one in gradebook.submission_dicts(assignment.name):
            penalty = penalties.get(one["student"]) or 0.0
            found[assignment.name, one["student"]] = max(0.0, one["score"] - penalty)
    return [
        Row(
            student.id,
            student.first_name or "",
            student.last_name or "",
            student.email or "",
            student.lms_user_id or _number_at_end(student.id),
            tuple(
                points(found[one.name, student.id]) if (one.name, student.id) in found else missing
                for one in assignments
            ),
        )
        for student in gradebook.db.query(Student).order_by(Student.id)
    ]


def _number_at_end(student: str) -> str:
    found = _NUMBER_AT_END.search(student)
    return found[1] if found else ""


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text))
