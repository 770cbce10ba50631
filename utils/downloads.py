"""Files fetched from the web: resumed where they broke off, checked, and put in place only when complete."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 16  # bytes read at once
_ATTEMPTS = 8  # requests for one file, each going on where the last one broke off
_PATIENCE = 20.0  # seconds without a byte after which a connection counts as broken
_SHOWN_FROM = 2_000_000  # bytes of a file whose progress is shown


class DownloadError(Exception):
    """A file could not be had; the text says which, why, and what was kept."""


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web, and how to know it."""

    url: str
    name: str  # of the local file
    size: int  # bytes
    sha256: str
    # Whether size and sha256 are of what a gzipped file holds, however well it is compressed.
    of_content: bool = False


def folder() -> Path:
    """Where downloads are kept: the environment variable COURSE_DATA, else ~/.cache/convolution-course.

    Raises:
        RuntimeError: there is no COURSE_DATA, and nobody knows the home folder.
    """
    return Path(os.environ.get("COURSE_DATA") or Path.home() / ".cache" / "convolution-course")


def fetch(file: RemoteFile, into: Path | None = None) -> Path:
    """The local copy of a file, downloaded if it is not there yet.

    What arrives is written beside its place, as "<name>.part", and moved there when its size and checksum are
    right. If the connection breaks, the part stays and the next call goes on from it.

    Args:
        into: the folder; None means `folder()`. It is made if need be.

    Raises:
        DownloadError: no connection, a refusal by the server, no room to write, or a file that is not the
            right one (which is not kept).
    """
    try:
        into = folder() if into is None else into
    except RuntimeError as error:
        raise DownloadError(f"{file.name} could not be stored: {error}") from error
    place, part = into / file.name, into / f"{file.name}.part"
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _alone(into / f"{file.name}.lock"):
            if place.exists() and is_intact(place, file):
                return place
            _complete(file, part)
            os.replace(part, place)
    except OSError as error:
        raise DownloadError(f"{file.name} could not be stored in {into}: {error}") from error
    return place


def is_intact(path: Path, file: RemoteFile) -> bool:
    """Whether a local file is the one described. Reads all of it, in blocks."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as raw, gzip.open(raw) if file.of_content else raw as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
                if size > file.size:
                    return False
    except (OSError, EOFError, zlib.error):
        return False
    return size == file.size and digest.hexdigest() == file.sha256


def _complete(file: RemoteFile, part: Path) -> None:
    """Bring the part to the whole, right file; DownloadError as in `fetch`."""
    for _ in range(_ATTEMPTS):
        before = _size(part)
        if before and is_intact(part, file):
            return
        if not file.of_content and before >= file.size:
            part.unlink()
            before = 0
        try:
            _receive(file, part)
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # nothing lies beyond the part: it is of another file
                part.unlink()
                continue
            raise _failure(file, f"the server answers {error.code} {error.reason}") from error
        except (
            urllib.error.URLError,
            TimeoutError,
            ConnectionError,
            ssl.SSLError,
            http.client.HTTPException,
        ) as error:
            if _size(part) > before:
                continue
            kept = f" ({before} bytes are kept, the next try goes on from there)" if before else ""
            raise _failure(file, f"{getattr(error, 'reason', None) or error}{kept}") from error
        if is_intact(part, file):
            return
        part.unlink()
        if not before:  # what an earlier call left may spoil the whole: only then is a second try worth while
            raise _failure(file, "what arrived is damaged or another file, and was not kept")
    raise _failure(file, "the connection breaks off again and again; the next try goes on from there")


def _failure(file: RemoteFile, why: str) -> DownloadError:
    return DownloadError(f"{file.url} could not be downloaded: {why}.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(file: RemoteFile, part: Path) -> None:
    """One request, for all that the part lacks; what comes is added to the part.

    Raises:
        ConnectionError, OSError, HTTPException: the answer broke off; what came is in the part.
        DownloadError: the answer is longer or shorter than the file.
    """
    start = _size(part)
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
        if not (
            answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        ):
            start = 0  # the server sends the whole file, whatever was asked
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        if not file.of_content and total not in (None, file.size):
            part.unlink(missing_ok=True)
            raise _failure(file, f"the server has {total} bytes under this address instead of {file.size}")
        with part.open("ab" if start else "wb") as out:
            done = _copy(answer, out, start, total, file)
    if total is not None and done < total:
        raise ConnectionError(f"the connection broke off after {done} of {total} bytes")


def _copy(answer: BinaryIO, out: BinaryIO, done: int, total: int | None, file: RemoteFile) -> int:
    """Copy the answer, showing the progress of long ones; returns the number of bytes now in the file."""
    most = file.size + (1 << 20)  # no file is longer, compressed or not
    shown = (total or 0) >= _SHOWN_FROM
    last = 0.0
    while block := answer.read(_BLOCK):
        out.write(block)
        done += len(block)
        if done > most:
            out.truncate(0)
            raise _failure(file, f"the server sends more than the {file.size} bytes of the file")
        if shown and total and time.monotonic() - last > 0.5:
            last = time.monotonic()
            print(f"\r{file.name}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", end="", file=sys.stderr)
    if shown:
        print(file=sys.stderr)
    return done


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Nobody else on this machine does the same at the same time; others wait. (Not on Windows.)"""
    with lock.open("w") as held:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX)
        yield
