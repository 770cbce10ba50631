"""When a submission was handed in: nbgrader's timestamp.txt, read as carefully as all that students send."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

from nbgrader.utils import parse_utc

FILE = "timestamp.txt"
LONGEST = 200  # bytes


def text(folder: Path) -> str:
    """What timestamp.txt in a submission's folder says; empty where it is missing or not a plain file."""
    path = folder / FILE
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # opening a pipe would wait for ever
            return ""
        with path.open("rb") as stream:
            return decoded(stream.read(LONGEST))
    except OSError:
        return ""


def decoded(content: bytes) -> str:
    """What the bytes of a timestamp.txt say."""
    return content[:LONGEST].decode("utf-8", "replace").strip()


def read(folder: Path) -> datetime | None:
    """When the submission was handed in (UTC, no time zone, as nbgrader keeps it); None where unknown."""
    said = text(folder)
    try:
        return parse_utc(said) if said else None
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None


def copy(source: Path, target: Path) -> None:
    """Pass the timestamp on to a later step's folder: nbgrader compares the two."""
    said = text(source)
    if said:
        target.mkdir(parents=True, exist_ok=True)
        (target / FILE).write_text(said, encoding="utf-8")
