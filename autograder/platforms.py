"""Whose file is it? How Canvas, Moodle, Gradescope, Blackboard and nbgrader name what students handed in.

Canvas: `doejane_LATE_1234_5678_name.ipynb`, that is the sortable name, the user's id, the file's id; or
`anon_x7Yz_5678_name.ipynb` where marking is anonymous. Source: https://github.com/instructure/canvas-lms,
lib/content_zipper.rb (`get_filename`, `add_upload_submission`).

Moodle: `Jane Doe_1234_assignsubmission_file/name.ipynb`, or in one folder
`Jane Doe_1234_assignsubmission_file_name.ipynb`; `Participant_1234_...` where marking is anonymous. Source: https://github.com/moodle/moodle,
mod/assign/classes/downloader.php (`get_student_prefix`, `load_submissionplugin_filelist`).

Gradescope: `assignment_1_export/submission_2/name.ipynb`; `submission_metadata.yml` beside these folders has
`:submitters` (`:name`, `:sid`, `:email`) and `:created_at`. That is what public programs that read exports
expect; Gradescope does not document the file.

Blackboard: `Title_username_attempt_2016-01-30-15-00-00_name.ipynb`, the example in nbgrader's documentation,
https://nbgrader.readthedocs.io/en/stable/plugins/zipcollect-plugin.html

nbgrader: `FileNameCollectorPlugin.named_regexp` in nbgrader_config.py, as `nbgrader zip_collect` uses it.

Folders: `STUDENT/ASSIGNMENT/name.ipynb`, `STUDENT/name.ipynb` or `STUDENT.ipynb`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import yaml

from . import timestamps
from .archives import UNREADABLE, Item, TooLarge

MOODLE = re.compile(r"(?P<name>[^_]+)_(?P<user>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<rest>.*))?")
BLACKBOARD = re.compile(r".*_(?P<user>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})_?(?P<rest>.*)")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # plain data only, either way
LONGEST_NAME = 255  # characters of a part of a path that is looked at
METADATA = "submission_metadata.yml"
COPY = re.compile(r"(?: ?\(\d+\)|[-_]\d{1,2})$")  # what platforms and browsers add to a name that is taken
NOTEBOOK = re.compile(r"(?P<stem>.*)\.ipynb(?:\.txt|\.json)?", re.IGNORECASE)


@dataclass(frozen=True)
class Attempt:
    """One file that one student handed in."""

    student: str  # id in the gradebook; "" where no rule says whose it is
    item: Item
    file: str  # its name as the student had it
    order: tuple[Any, ...] = ()  # a larger one is newer
    timestamp: str = ""  # when it was handed in, in nbgrader's form; "" where the platform does not tell
    late: bool = False  # says the platform

    @property
    def stem(self) -> str:
        """The file's name without its ending; "" if it is no notebook."""
        found = NOTEBOOK.fullmatch(self.file)
        return found["stem"].strip() if found else ""


def attempts(found: Sequence[Item], assignment: str, pattern: str = "") -> tuple[str, list[Attempt]]:
    """(Which platform's habits fit, what was handed in by whom); a group's file appears once for each member.

    Args:
        found: all files of one download.
        assignment: its name.
        pattern: nbgrader's named_regexp; it wins where it is given.
    """
    if pattern:
        return "nbgrader's named_regexp", [_by_pattern(item, re.compile(pattern)) for item in found]
    if any(item.parts[-1] == METADATA for item in found):
        return "Gradescope", _gradescope(found)
    notebooks = [item for item in found if NOTEBOOK.fullmatch(item.parts[-1])]
    rules: tuple[tuple[str, Callable[[Item], Attempt]], ...] = (
        ("Moodle", _moodle),
        ("Blackboard", _blackboard),
        ("Canvas", _canvas),
    )
    for platform, rule in rules:
        if notebooks and all(rule(item).student for item in notebooks):
            return platform, [rule(item) for item in found]
    return "folders", _folders(found, notebooks, assignment)


def same_name(stem: str, assignment: str) -> bool:
    """Whether a notebook has the assignment's name, perhaps with a copy's ending: `name-1`, `name (2)`."""
    return stem == assignment or COPY.sub("", stem) == assignment


def identity(*words: str) -> str:
    """Words of a platform as a student's id: without spaces, in one form of Unicode."""
    text = "_".join(word.strip() for word in words if word)
    return re.sub(r"\s+", "_", unicodedata.normalize("NFC", text))


def _match(item: Item, rule: re.Pattern[str]) -> tuple[re.Match[str], str] | None:
    """The first part of a path that fits, and the name of the file as the student had it."""
    for part in item.parts:
        found = rule.fullmatch(part) if len(part) <= LONGEST_NAME else None
        if found:
            return found, (found["rest"] or "") if part is item.parts[-1] else item.parts[-1]
    return None


def _canvas(item: Item) -> Attempt:
    for part in item.parts:
        words = part.split("_")
        for place, (user, file) in enumerate(pairwise(words[:-1])):
            anonymous = place > 0 and words[place - 1] == "anon"
            if file.isdecimal() and (user.isdecimal() or anonymous):
                before = words[:place]
                late = "LATE" in before[-2:]
                name = "_".join(word for word in before if word != "LATE")
                rest = "_".join(words[place + 2 :]) if part is item.parts[-1] else item.parts[-1]
                return Attempt(identity(name, user), item, rest, (int(file), item.modified), late=late)
    return Attempt("", item, item.parts[-1])


def _moodle(item: Item) -> Attempt:
    matched = _match(item, MOODLE)
    if not matched:
        return Attempt("", item, item.parts[-1])
    found, file = matched
    return Attempt(identity(found["name"], found["user"]), item, file, (item.modified,))


def _blackboard(item: Item) -> Attempt:
    matched = _match(item, BLACKBOARD)
    if not matched:
        return Attempt("", item, item.parts[-1])
    found, file = matched
    try:
        moment = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S")
    except ValueError:
        return Attempt("", item, file)
    return Attempt(identity(found["user"]), item, file, (moment, item.modified), f"{moment} UTC")


def _by_pattern(item: Item, pattern: re.Pattern[str]) -> Attempt:
    found = pattern.match(item.parts[-1])
    groups = found.groupdict() if found else {}
    file = groups.get("file_id") or item.parts[-1]
    if item.parts[-1].lower().endswith(".ipynb") and not NOTEBOOK.fullmatch(file):
        file += ".ipynb"  # as nbgrader does
    time = groups.get("timestamp") or ""
    return Attempt(groups.get("student_id") or "", item, file, (time, item.modified), time)


def _gradescope(found: Sequence[Item]) -> list[Attempt]:
    about: dict[str, Any] = {}
    for item in found:
        if item.parts[-1] == METADATA:
            try:
                read = yaml.load(item.read(), Loader=LOADER)
            except (yaml.YAMLError, TooLarge, ValueError, RecursionError, *UNREADABLE):
                read = None
            about |= read if isinstance(read, dict) else {}
    made = []
    for item in found:
        if item.parts[-1] == METADATA:
            continue
        folder = next((part for part in item.parts[:-1] if part in about), "")
        entry = about.get(folder)
        entry = entry if isinstance(entry, dict) else {}
        moment = entry.get(":created_at")
        time = str(moment) if isinstance(moment, datetime) else ""
        order = (time, item.modified)
        members = [one for one in entry.get(":submitters") or [] if isinstance(one, dict)]
        ids = [
            identity(str(one.get(":sid") or one.get(":email") or one.get(":name") or "")) for one in members
        ]
        made += [Attempt(student, item, item.parts[-1], order, time) for student in ids or [""]]
    return made


def _folders(found: Sequence[Item], notebooks: Sequence[Item], assignment: str) -> list[Attempt]:
    stems = [(NOTEBOOK.fullmatch(item.parts[-1]) or {"stem": ""})["stem"] for item in notebooks]
    by_folder = any(same_name(stem, assignment) for stem in stems)
    by_folder = by_folder or len({item.parts[:-1] for item in notebooks}) > 1
    stamps = {item.parts[:-1]: item for item in found if item.parts[-1] == timestamps.FILE}
    made = []
    for item in found:
        *above, file = item.parts
        if item is stamps.get(item.parts[:-1]):
            continue
        if assignment in above[1:]:
            student = above[above.index(assignment, 1) - 1]
        elif by_folder:
            student = above[-1] if above else ""
        else:
            named = NOTEBOOK.fullmatch(file)
            student, file = (named["stem"], f"{assignment}.ipynb") if named else ("", file)
        stamp = stamps.get(item.parts[:-1])
        time = timestamps.decoded(stamp.read()) if stamp else ""
        made.append(Attempt(unicodedata.normalize("NFC", student), item, file, (item.modified,), time))
    return made
