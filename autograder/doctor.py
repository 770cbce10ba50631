"""`doctor`: looks at the machine before a class is graded on it, and says how to mend what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from . import audit, sandbox
from .assignment import AssignmentError, load
from .build import sources
from .gradebook import GradebookError, GradebookWriter, place
from .settings import course_settings

PYTHONS = (3, 11), (3, 14)  # from the first up to, not including, the second
PER_WORKER_MB = 1500  # memory of a grader and a usual student's process beside it
SUBMISSION_MB = 5  # on disk: file, graded notebook, feedback page, kept grade
CLASS = 1000  # students for whom there should be room
OPEN_FILES = 1024

State = Literal["good", "look", "bad"]


@dataclass(frozen=True)
class Finding:
    """What was found of one thing; `mend` says what to do where it is not good."""

    what: str
    state: State
    words: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """As plain data, for --json."""
        return asdict(self)

    def __str__(self) -> str:
        sign = {"good": "ok  ", "look": "LOOK", "bad": "BAD "}[self.state]
        arrow = f"\n      → {self.mend}" if self.mend else ""
        return f"{sign}  {self.what}: {self.words}{arrow}"


def examine(root: Path, folder: Path) -> Iterator[Finding]:
    """Look at the machine, the course in `root` and the class in `folder`, one thing after the other."""
    checks: list[Callable[[], Finding]] = [
        _python,
        lambda: _packages(root),
        _sandbox,
        _device,
        _cores_and_memory,
        _open_files,
        lambda: _disk(folder),
        lambda: _notebooks(root),
        lambda: _gradebook(root, folder),
        lambda: _audit(folder),
    ]
    for check in checks:
        yield check()


def _python() -> Finding:
    here = f"{platform.python_version()} at {sys.executable}"
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return Finding("Python", "good", here)
    return Finding("Python", "bad", here, "use Python 3.11, 3.12 or 3.13: make PYTHON=python3.11 setup")


def _packages(root: Path) -> Finding:
    """Installed versions against those that the course is tested with."""
    differ = []
    for line in (root / "requirements.lock").read_text().splitlines():
        if "==" not in line or line.startswith("#"):
            continue
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            found = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if not wanted.specifier.contains(found.partition("+")[0]):
            differ.append(f"{wanted.name} {found} instead of {str(wanted.specifier).removeprefix('==')}")
    if not differ:
        return Finding("packages", "good", "the versions that the course is tested with")
    some = ", ".join(differ[:4]) + (f" and {len(differ) - 4} more" if len(differ) > 4 else "")
    return Finding("packages", "look", some, "`make clean setup` installs the tested versions")


def _sandbox() -> Finding:
    found = sandbox.detect()
    if found.works:
        return Finding("sandbox", "good", found.words)
    first, *rest = found.words.splitlines()
    return Finding("sandbox", "bad", " ".join([first, *rest[:-1]]), rest[-1] if rest else first)


def _device() -> Finding:
    from utils import devices

    name = str(devices.default_device())
    if name == "cpu":
        return Finding("GPU", "good", "none; the PyTorch parts are graded on the CPU")
    return Finding("GPU", "good", f"{name} is used for the PyTorch parts")


def _cores_and_memory() -> Finding:
    cores, memory = len(os.sched_getaffinity(0)), _memory_mb()
    words = f"{cores} cores, {memory:,} MB of memory"
    if memory >= cores * PER_WORKER_MB:
        return Finding("cores", "good", f"{words}: {cores} submissions side by side")
    workers = max(1, memory // PER_WORKER_MB)
    return Finding(
        "cores", "look", words, f"memory is enough for {workers} side by side: --workers {workers}"
    )


def _memory_mb() -> int:
    """Of the machine, or of the control group that this process is in, if that has less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(Path(file).read_text()))
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
    return memory >> 20


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= OPEN_FILES:
        return Finding("open files", "good", f"{soft} at once")
    more = f"`ulimit -n {min(hard, 4096)}` in this shell" if hard > soft else "raise the limit `nofile`"
    return Finding("open files", "look", f"only {soft} at once", more)


def _disk(folder: Path) -> Finding:
    where = next(parent for parent in (folder.resolve(), *folder.resolve().parents) if parent.exists())
    if not os.access(where, os.W_OK):
        return Finding(
            "disk", "bad", f"{where} cannot be written", "choose another --folder, or change its rights"
        )
    free = shutil.disk_usage(where).free >> 20
    room = free // SUBMISSION_MB
    words = f"{free:,} MB free in {where}, room for about {room:,} submissions"
    if room >= CLASS:
        return Finding("disk", "good", words)
    return Finding("disk", "look", words, "make room, or choose a --folder on another disk")


def _notebooks(root: Path) -> Finding:
    names = sources(root)
    broken = []
    for name in names:
        try:
            load(root, name)
        except AssignmentError as error:
            broken.append(str(error).splitlines()[0])
    if broken or not names:
        return Finding("notebooks", "bad", "; ".join(broken) or "there are no sources", "`make build`")
    return Finding("notebooks", "good", f"{len(names)} are built: {', '.join(names)}")


def _gradebook(root: Path, folder: Path) -> Finding:
    url = course_settings(root).gradebook_of(folder, root)
    if url.startswith("sqlite:///") and not Path(place(url)).exists():
        return Finding("gradebook", "good", f"{place(url)} will be made")
    try:
        with GradebookWriter(url) as gradebook:
            gradebook.check()
    except GradebookError as error:
        return Finding(
            "gradebook", "bad", str(error).splitlines()[0], "see the lines above; grading needs it"
        )
    return Finding("gradebook", "good", f"{place(url)} can be read and written")


def _audit(folder: Path) -> Finding:
    path = folder / audit.FILE
    if not path.exists():
        return Finding("audit file", "good", f"{path} will be made")
    broken = audit.broken_lines(path)
    if not broken:
        return Finding("audit file", "good", f"{path}: no line was changed or taken out")
    numbers = ", ".join(map(str, broken[:5]))
    return Finding(
        "audit file", "look", f"{path}: unfinished, or not as it was written, at line {numbers}",
        "compare with a backup: a power cut leaves one unfinished line, anything else is a person's doing",
    )  # fmt: skip


def summary(findings: list[Finding]) -> str:
    """The last line."""
    bad = [finding.what for finding in findings if finding.state == "bad"]
    look = [finding.what for finding in findings if finding.state == "look"]
    if bad:
        return f"Not ready to grade: {', '.join(bad)}."
    return f"Ready to grade{'; worth a look: ' + ', '.join(look) if look else ''}."


def records(findings: list[Finding]) -> list[dict[str, Any]]:
    """All findings as plain data."""
    return [finding.to_dict() for finding in findings]
