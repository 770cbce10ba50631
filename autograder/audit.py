"""The audit file: one line of JSON for everything that was graded, written once and never changed.

Each line holds a digest of the line before it, so that a line that was changed or taken out later shows. A
line that a power cut left unfinished is kept as it is; the next one begins behind it.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from .engine import Job
from .result import Grade

FILE = "audit.jsonl"
START = "0" * 64  # what stands for "the line before" in the first line


class AuditError(Exception):
    """The audit file is in use; the text says what to do."""


class Audit:
    """An open audit file in the class's folder. Use it in a `with` statement, from one thread."""

    def __init__(self, folder: Path) -> None:
        """Open it for this process alone: two that grade into one folder would mix their lines.

        Raises:
            AuditError: another process has it open.
        """
        import fcntl  # not on Windows, where only this class is out of reach

        self.path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        self._stream = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends
        except BlockingIOError:
            os.close(self._stream)
            raise AuditError(f"Another process is grading in {folder}: wait until it is done") from None
        self._last, self._begin, self._keys = _read(self.path)
        self._who = f"{_user()}@{platform.node()}"

    def __enter__(self) -> Audit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError):  # on a full disk the error itself is what has to be told
                self.write("stopped", reason=f"{type(error).__name__}: {error}")
        os.close(self._stream)

    def graded(self, job: Job, grade: Grade, fresh: bool) -> None:
        """Add the line of one verdict: whose, on which file, by which versions, how long it took.

        A grade kept from an earlier run (not `fresh`) has its line, unless that run ended just before it.
        """
        if job.key in self._keys and not fresh:
            return
        self._keys.add(job.key)
        self.write(
            "graded",
            assignment=grade.assignment,
            student=grade.student,
            file_sha256=job.file_sha256,
            key=job.key,
            versions=grade.versions,
            status=grade.status,
            score=grade.score,
            max_score=grade.max_score,
            tampering=len(grade.tampering),
            cpu_seconds=round(grade.cpu_seconds, 3),
            wall_seconds=round(grade.wall_seconds, 3),
        )

    def write(self, event: str, **what: Any) -> None:
        """Add one line: when, who, the event, what belongs to it; on disk when this returns."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "who": self._who, "event": event, **what, "before": self._last}
        text = json.dumps(line, ensure_ascii=False, default=str).encode()
        rest = self._begin + text + b"\n"
        try:
            while rest:  # the last bytes of a disk take only a part
                rest = rest[os.write(self._stream, rest) :]
            os.fsync(self._stream)
        except OSError:
            self._last, self._begin, _ = _read(self.path)
            raise
        self._begin, self._last = b"", hashlib.sha256(text).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as containers have them
        return str(os.getuid())


def _read(path: Path) -> tuple[str, bytes, set[str]]:
    """The last line's digest, what is to be written before the next line, and the keys of all verdicts."""
    text, last, keys = b"", b"\n", set()
    with suppress(FileNotFoundError), path.open("rb") as stream:
        for last in stream:
            text = last.removesuffix(b"\n")
            with suppress(ValueError, KeyError, TypeError):
                keys.add(json.loads(text)["key"])
    return (hashlib.sha256(text).hexdigest() if text else START), b"" if last.endswith(b"\n") else b"\n", keys


def broken_lines(path: Path) -> list[int]:
    """Numbers (from 1) of the lines that are unfinished, or do not fit the line before: one was changed."""
    broken, before = [], START
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            text = raw.removesuffix(b"\n")
            try:
                fits = json.loads(text)["before"] == before
            except (ValueError, KeyError, TypeError):
                fits = False
            if not fits:
                broken.append(number)
            before = hashlib.sha256(text).hexdigest()
    return broken
