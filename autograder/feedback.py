"""The feedback page: one self-contained HTML file for one student, made from the graded notebook alone.

Everything the student could have written is escaped. Hidden checks show their comment and their verdict;
their source, their outputs and the values they used never reach the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.markdown import headings
from autograder.pages import (
    as_record,
    environment,
    exercise_title,
    mapping,
    number,
    plain,
    png_address,
    points,
    words,
)
from autograder.result import Marks

FOLD_AFTER_LINES = 16
MAX_OUTPUT_LINES = 300
MAX_OUTPUT_CHARACTERS = 30_000  # per output; the rest stays in the notebook
MAX_SOURCE_CHARACTERS = 100_000  # per cell
MAX_OUTPUTS = 40  # per cell
MAX_ALT_CHARACTERS = 300
DEEPEST_HEADING = 4

HIDDEN_TESTS = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS.*?(?:^[ \t]*### END HIDDEN TESTS[^\n]*$|\Z)", re.M | re.S
)

STATUS_WORDS = {
    "graded": "Graded.",
    "graded with repairs": "Graded, after the file was repaired.",
    "stopped early": "Grading stopped early: what was reached before counts.",
    "ungradable": "The file could not be graded.",
    "missing": "No notebook was handed in.",
    "grader error": "The grader itself failed. This is not your fault; your instructor has been told.",
}
NOT_RUN = ("ungradable", "missing")


@dataclass(frozen=True)
class Check:
    """The verdict of one graded cell."""

    id: str
    exercise: str
    points: float
    max_points: float
    message: str
    misconception: str
    hidden: bool

    @property
    def advice(self) -> str:
        """The teacher's words at the head of a message about a well-known mistake, or an empty string."""
        head, found, _ = self.message.partition("\n\n")
        return head if found and self.misconception else ""

    @property
    def details(self) -> str:
        """The message without the advice: which case failed, and how."""
        return self.message[len(self.advice) :].strip("\n")

    @property
    def outcome(self) -> str:
        """One of "full", "part", "none"; a check without points counts by its verdict alone."""
        return outcome(self.points, self.max_points, passed=not self.message)


@dataclass(frozen=True)
class Exercise:
    """One row of the table of points."""

    name: str
    checks: tuple[Check, ...]

    @property
    def points(self) -> float:
        """Points reached in all checks of the exercise."""
        return sum(check.points for check in self.checks)

    @property
    def max_points(self) -> float:
        """Points that the exercise is worth."""
        return sum(check.max_points for check in self.checks)

    @property
    def outcome(self) -> str:
        """One of "full", "part", "none"."""
        return outcome(self.points, self.max_points)

    @property
    def anchor(self) -> str:
        """The id on the page of the first check's verdict."""
        return self.checks[0].id

    def part(self, hidden: bool) -> str:
        """Points of the visible or of the hidden checks as "2 of 4", or an empty string if there are none."""
        chosen = [check for check in self.checks if check.hidden == hidden and check.max_points]
        if not chosen:
            return ""
        reached, worth = sum(c.points for c in chosen), sum(c.max_points for c in chosen)
        return f"{points(reached)} of {points(worth)}"


@dataclass(frozen=True)
class Output:
    """One output of a cell, ready to be escaped into the page."""

    kind: str  # "text" | "error" | "image"
    text: str  # the text, or the picture's data: address
    lines: int = 0
    left_out: int = 0  # lines not shown
    alt: str = ""  # a picture in words

    @property
    def folded(self) -> bool:
        """Whether the reader has to open it."""
        return self.kind != "image" and self.lines > FOLD_AFTER_LINES


@dataclass(frozen=True)
class Block:
    """One piece of the notebook as the page shows it."""

    kind: str  # "heading" | "own" | "given" | "check"
    id: str
    text: str = ""  # heading, source code or a check's visible comment
    level: int = 2
    check: Check | None = None
    outputs: tuple[Output, ...] = ()


def outcome(points: float, max_points: float, passed: bool = True) -> str:
    """Say "full", "part" or "none" for a number of points."""
    if max_points <= 0:
        return "full" if passed else "none"
    if points >= max_points - 1e-9:
        return "full"
    return "part" if points > 1e-9 else "none"


def read_checks(record: Mapping[str, Any], scores: Mapping[str, float] | None = None) -> tuple[Check, ...]:
    """The verdicts in a grade record; ``scores`` (cell id to points) win over recorded points."""
    made = []
    for cell in record.get("cells") or ():
        if not isinstance(cell, Mapping):
            continue
        identity = str(cell.get("id", ""))
        reached = number((scores or {}).get(identity, cell.get("points")))
        passed = bool(cell.get("passed", False))
        made.append(
            Check(
                id=identity,
                exercise=str(cell.get("exercise") or identity),
                points=reached,
                max_points=number(cell.get("max_points")),
                message="" if passed else plain(cell.get("message") or "Not passed."),
                misconception="" if passed else plain(cell.get("misconception") or ""),
                hidden=bool(cell.get("hidden", False)),
            )
        )
    return tuple(made)


def by_exercise(checks: Iterable[Check]) -> tuple[Exercise, ...]:
    """The verdicts gathered by exercise, in the order in which exercises first appear."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.exercise, []).append(check)
    return tuple(Exercise(name, tuple(group)) for name, group in groups.items())


def look_at_first(
    exercises: Iterable[Exercise], already_said: Iterable[str] = (), most: int = 5
) -> tuple[Check, ...]:
    """Per exercise the check that says most; exercises with a named misconception first.

    An exercise is worked on from its visible check, so that one speaks unless only the hidden one can name
    the misconception. Exercises that were left alone come last; what has been said already is left out.
    """
    chosen = []
    said = set(already_said)
    for place, exercise in enumerate(exercises):
        failed = [check for check in exercise.checks if check.outcome != "full"]
        check = min(failed, key=lambda c: (not c.misconception, c.hidden), default=None)
        if check and check.message not in said:
            said.add(check.message)
            chosen.append((not check.misconception, not_begun(check), place, check))
    return tuple(check for *_, check in sorted(chosen, key=lambda entry: entry[:3])[:most])


def not_begun(check: Check) -> bool:
    """Whether the message says that the stub is still in place."""
    return "NotImplementedError" in check.message or "not written yet" in check.message


def visible_comment(source: str) -> str:
    """The comment lines that lead a hidden check: all that students may see of it."""
    kept = []
    for line in source.splitlines():
        if not line.startswith("#") or line.startswith("###"):
            break
        kept.append(line.removeprefix("#").strip())
    return plain(" ".join(kept))


def without_hidden_tests(source: str) -> str:
    """Source in which whatever stands between nbgrader's hidden-test marks is gone."""
    return HIDDEN_TESTS.sub("", source)


def shortened(text: str, kind: str) -> Output:
    """A text output cut to what a page can bear; the number of lines left out is kept."""
    text = text.rstrip("\n")
    total = text.count("\n") + 1
    kept = "\n".join(text[:MAX_OUTPUT_CHARACTERS].split("\n")[:MAX_OUTPUT_LINES])
    shown = kept.count("\n") + 1
    left_out = max(total - shown, 1 if len(kept) < len(text) else 0)
    return Output(kind, kept, lines=max(total, len(kept) // 100), left_out=left_out)


def read_outputs(outputs: object) -> tuple[Output, ...]:
    """The outputs of a cell: texts and PNG pictures only; HTML and SVG show their plain text, if any.

    Neighbouring pieces of the same stream are joined.
    """
    made: list[tuple[str, str]] = []
    words: dict[str, str] = {}  # of the pictures, by address
    previous = None
    for output in list(outputs if isinstance(outputs, Sequence) else ())[:MAX_OUTPUTS]:
        if not isinstance(output, Mapping):
            continue
        kind, data = output.get("output_type"), output.get("data")
        stream = (kind, output.get("name"))
        if kind == "stream":
            text = raw_text(output.get("text"))
            if previous == stream and made:
                made[-1] = ("text", made[-1][1] + text)
            else:
                made.append(("text", text))
        elif kind == "error":
            made.append(("error", raw_text(output.get("traceback"), "\n") or raw_text(output.get("evalue"))))
        elif isinstance(data, Mapping):
            address = png_address(data.get("image/png"))
            if address:
                made.append(("image", address))
                said = raw_text(data.get("text/plain")).strip()
                words[address] = "" if said.startswith("<") else plain(said[:MAX_ALT_CHARACTERS])
            elif data.get("text/plain"):
                made.append(("text", raw_text(data["text/plain"])))
        previous = stream if kind == "stream" else None
    return tuple(
        Output(kind, text, alt=words[text]) if kind == "image" else shortened(plain(text), kind)
        for kind, text in made
        if text.strip()
    )


def without_results(outputs: object) -> list[object]:
    """The outputs of a check without the number by which nbgrader gives it a part of its points."""
    return [
        output
        for output in (outputs if isinstance(outputs, list) else ())
        if not (isinstance(output, Mapping) and output.get("output_type") == "execute_result")
    ]


def raw_text(value: object, separator: str = "") -> str:
    """A notebook's text field, which may be a string or a list of strings, not longer than a page can use."""
    if isinstance(value, list | tuple):
        value = separator.join(part for part in value if isinstance(part, str))
    return value[: 4 * MAX_OUTPUT_CHARACTERS] if isinstance(value, str) else ""


def read_blocks(notebook: Mapping[str, Any], checks: Iterable[Check]) -> tuple[Block, ...]:
    """The notebook as blocks: headings, the student's cells, verdicts; given cells only if they failed."""
    known = {check.id: check for check in checks}
    made: list[Block] = []
    for place, cell in enumerate(notebook.get("cells") or ()):
        if not isinstance(cell, Mapping):
            continue
        metadata = mapping(cell.get("metadata"))
        nbgrader, course = mapping(metadata.get("nbgrader")), mapping(metadata.get("course"))
        identity = str(nbgrader.get("grade_id") or cell.get("id") or f"cell-{place}")
        source = raw_text(cell.get("source"))[:MAX_SOURCE_CHARACTERS]
        if cell.get("cell_type") != "code":
            made.extend(
                Block("heading", f"h{place}", plain(text), level)
                for level, text in headings(source)
                if 1 < level <= DEEPEST_HEADING
            )
        elif identity in known:
            check = known.pop(identity)
            # A hidden check's outputs are left out altogether: a traceback would show source and values.
            drawn = () if check.hidden else read_outputs(without_results(cell.get("outputs")))
            outputs = tuple(output for output in drawn if output.kind != "error")
            made.append(Block("check", identity, visible_comment(source), check=check, outputs=outputs))
        elif is_hidden(identity, nbgrader, source):
            continue
        elif is_own(nbgrader, course):
            shown = plain(without_hidden_tests(source)).rstrip()
            if shown:
                made.append(Block("own", identity, shown, outputs=read_outputs(cell.get("outputs"))))
        else:
            errors = tuple(output for output in read_outputs(cell.get("outputs")) if output.kind == "error")
            if errors:
                made.append(Block("given", identity, outputs=errors))
    return tuple(without_empty_sections(made))


def without_empty_sections(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks without headings that nothing stands under."""
    for place, block in enumerate(blocks):
        if block.kind == "heading":
            following = blocks[place + 1 :]
            ends = (i for i, b in enumerate(following) if b.kind == "heading" and b.level <= block.level)
            section = following[: next(ends, None)]
            if all(other.kind == "heading" for other in section):
                continue
        yield block


def is_own(nbgrader: Mapping[str, Any], course: Mapping[str, Any]) -> bool:
    """Whether the cell is the student's: a solution cell or one that the student added."""
    if course.get("role"):
        return course["role"] in ("solution", "extra")
    return not nbgrader or bool(nbgrader.get("solution")) or not nbgrader.get("locked", False)


def is_hidden(identity: str, nbgrader: Mapping[str, Any], source: str) -> bool:
    """Whether the cell may hold hidden tests and has no verdict to show: such a cell is left out."""
    return bool(nbgrader.get("grade")) or (identity.startswith("hidden_") and "HIDDEN TESTS" in source)


def render(notebook: Mapping[str, Any], marks: Marks | None = None) -> str:
    """The feedback page of one graded notebook as HTML that needs no network and no scripts.

    Arguments:
        notebook: a graded notebook (nbformat 4 as a dictionary) whose metadata holds the grade record.
        marks: what the gradebook holds, where a person may have changed points and written comments.

    A notebook without a record gives a page that says so; nothing in a notebook makes this function raise.
    """
    metadata = mapping(notebook.get("metadata"))
    course = mapping(metadata.get("course"))
    record = as_record(mapping(course.get("grade")))
    marks = marks or Marks({})
    given = read_checks(record)
    checks = read_checks(record, marks.points)
    exercises = by_exercise(checks)
    reached = sum(check.points for check in checks) if checks else number(record.get("score"))
    worth = number(record.get("max_score")) or sum(check.max_points for check in checks)
    status = str(record.get("status", ""))
    notes = words(record, "notes")
    if status in NOT_RUN:  # every check would say the same
        exercises = ()
    page = environment().get_template("feedback.html.j2")
    return page.render(
        title=plain(course.get("title") or metadata.get("title") or record.get("assignment") or "Notebook"),
        student=plain(record.get("student", "")),
        assignment=plain(record.get("assignment", "")),
        status=status,
        status_words=STATUS_WORDS.get(status, "This notebook has not been graded yet."),
        score=max(0.0, reached - marks.penalty),
        max_score=worth,
        changed_by_hand=any(
            abs(before.points - now.points) > 1e-6 for before, now in zip(given, checks, strict=True)
        ),
        penalty=marks.penalty,
        comments=[(plain(cell), plain(words)) for cell, words in marks.comments.items()],
        exercises=exercises,
        solved=sum(exercise.outcome == "full" for exercise in exercises),
        first=look_at_first(exercises, notes),
        failed=sum(exercise.outcome != "full" for exercise in exercises),
        repairs=words(record, "repairs"),
        tampering=words(record, "tampering"),
        notes=notes,
        ran=status not in NOT_RUN,
        wall_seconds=number(record.get("wall_seconds")),
        versions={plain(k): plain(v) for k, v in mapping(record.get("versions")).items()},
        blocks=() if status in NOT_RUN else read_blocks(notebook, checks),
        exercise_title=exercise_title,
    )
