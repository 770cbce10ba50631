"""Puts what a class handed in where grading looks for it: submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import timestamps
from .archives import UNREADABLE, ArchiveError, Item, TooLarge, items
from .assignment import AssignmentError, assignments
from .engine import is_usable
from .platforms import METADATA, Attempt, attempts, same_name
from .settings import read_config

TAKEN, AS_BEFORE, NOT_TAKEN = "taken", "as before", "NOT TAKEN"
LISTED = 5  # names in one line


@dataclass(frozen=True)
class Line:
    """What became of one student's files, or of a file that is nobody's."""

    state: str  # TAKEN, AS_BEFORE or NOT_TAKEN
    who: str
    words: str

    def __str__(self) -> str:
        return f"{self.state:9}  {self.who}: {self.words}"


@dataclass(frozen=True)
class Collected:
    """What `collect` did."""

    platform: str
    lines: tuple[Line, ...]

    def count(self, state: str) -> int:
        """How many lines say so."""
        return sum(line.state == state for line in self.lines)


def collect(root: Path, folder: Path, name: str, place: Path, replace: bool = False) -> Collected:
    """Take each student's newest notebook out of a folder or a zip file of a learning platform.

    Nothing that lies in submitted/ already is lost: where it differs, the new file is taken only if `replace`
    is true, and the old one is kept beside it.

    Args:
        root: the course.
        folder: the class; its submitted/ is written to.
        name: of the assignment.
        place: a folder or zip file from Canvas, Moodle, Gradescope or Blackboard, of `nbgrader zip_collect`
            (downloaded/ASSIGNMENT), or folders named after students.
        replace: take what differs from what is there.

    Raises:
        AssignmentError: there is no such assignment.
        ArchiveError: the place cannot be read.
    """
    known = assignments(root)
    if name not in known:
        raise AssignmentError(f"There is no assignment '{name}'. There is: {', '.join(known)}.")
    pattern = ""
    for part in ("archive", "extracted"):  # nbgrader zip_collect's folders
        if (place / part).is_dir():
            pattern = str(read_config(root).FileNameCollectorPlugin.get("named_regexp", ""))
            place = place / part
            break
    found = list(items(place))
    try:
        platform, tries = attempts([item for item in found if not item.refused], name, pattern)
    except re.error as error:
        raise ArchiveError(f"named_regexp in nbgrader_config.py: {error}") from None
    lines = [Line(NOT_TAKEN, item.path, item.refused) for item in found if item.refused]
    by_student: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in tries:
        by_student[attempt.student].append(attempt)
    lines += [
        _nobodys(attempt.item, platform) for attempt in by_student.pop("", []) if attempt.file != METADATA
    ]
    others = [other for other in known if other != name]
    for student in sorted(by_student):
        lines.append(_take(folder, name, student, by_student[student], others, replace))
    return Collected(platform, tuple(lines))


def _nobodys(item: Item, platform: str) -> Line:
    return Line(NOT_TAKEN, item.path, f"nothing says whose it is (read as: {platform})")


def _take(
    folder: Path, name: str, student: str, tries: Sequence[Attempt], others: Sequence[str], replace: bool
) -> Line:
    """Choose one of a student's files and write it."""
    if not is_usable(student) or "/" in student or "\\" in student:
        return Line(NOT_TAKEN, repr(student), "cannot be a student's id: rename it where it comes from")
    own = [one for one in tries if one.stem and not any(same_name(one.stem, other) for other in others)]
    if not own:
        return Line(NOT_TAKEN, student, f"no notebook of '{name}' among {_listed(tries)}")
    chosen = max(own, key=lambda attempt: (same_name(attempt.stem, name), attempt.order, attempt.item.parts))
    target = folder / "submitted" / student / name / f"{name}.ipynb"
    if any(path.is_symlink() for path in (target, *list(target.parents)[:3])):
        return Line(NOT_TAKEN, student, f"{target.parent} is or lies behind a link")
    try:
        content = chosen.item.read()
    except TooLarge:
        return Line(NOT_TAKEN, student, f"{chosen.item.path} is too large")
    except UNREADABLE as error:
        return Line(NOT_TAKEN, student, f"{chosen.item.path} is damaged ({error})")
    words = _words(chosen, own, name)
    if target.exists():
        if target.is_file() and target.read_bytes() == content:
            return Line(AS_BEFORE, student, words)
        if not replace:
            what = f"{chosen.item.path} differs from what is there"
            return Line(NOT_TAKEN, student, f"{what}; --replace takes it and keeps the old file")
        words += f"; the one from before is now {_set_aside(target).name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(content)
    part.replace(target)
    stamp = target.with_name(timestamps.FILE)
    stamp.unlink(missing_ok=True)  # it was an older file's
    if chosen.timestamp:
        stamp.write_text(chosen.timestamp, encoding="utf-8")
    return Line(TAKEN, student, words)


def _words(chosen: Attempt, own: Sequence[Attempt], name: str) -> str:
    words = chosen.item.path
    remarks = []
    if len(own) > 1:
        remarks.append(f"the newest of {len(own)}" if same_name(chosen.stem, name) else f"one of {len(own)}")
    if not same_name(chosen.stem, name):
        remarks.append(f"its name is not {name}.ipynb")
    if chosen.late:
        remarks.append("late")
    return f"{words} ({', '.join(remarks)})" if remarks else words


def _set_aside(target: Path) -> Path:
    """Rename a file to the first free name that grading does not look at."""
    free = (target.with_name(f"{target.name}.replaced-{number}") for number in range(1, 10_000))
    place = next(path for path in free if not path.exists())
    return target.rename(place)


def _listed(tries: Sequence[Attempt]) -> str:
    names = sorted({attempt.file for attempt in tries})
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join("".join(c if c.isprintable() else "?" for c in name) for name in names[:LISTED]) + more


def shown(collected: Collected) -> Iterator[str]:
    """The lines for the terminal, those that need a person last."""
    for state in (AS_BEFORE, TAKEN, NOT_TAKEN):
        yield from (str(line) for line in collected.lines if line.state == state)
    counts = ", ".join(f"{collected.count(state)} {state.lower()}" for state in (TAKEN, AS_BEFORE, NOT_TAKEN))
    yield f"read as: {collected.platform}; {counts}"
