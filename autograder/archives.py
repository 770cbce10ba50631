"""Reads what a learning platform gives: a folder or a zip file, and zip files in it. Nothing is unpacked.

Members are read one by one into memory, up to a limit, so no path in an archive, however odd, is written to,
and no archive can fill the disk.
"""

from __future__ import annotations

import functools
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

LARGEST_FILE = 128 << 20  # bytes; grading refuses larger notebooks
MOST_FILES = 100_000
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".git")


Opened = Callable[[], zipfile.ZipFile]


class ArchiveError(Exception):
    """The place cannot be read at all; the text says why."""


class TooLarge(Exception):
    """A file has more than LARGEST_FILE bytes."""


@dataclass(frozen=True)
class Item:
    """One file that was found."""

    parts: tuple[str, ...]  # its path; a zip file among them counts as a folder
    modified: datetime  # as the folder or the archive has it, without a time zone
    read: Callable[[], bytes]  # raises TooLarge or one of UNREADABLE
    refused: str = ""  # why it cannot be used; "" for a good one

    @property
    def path(self) -> str:
        """For a person to read."""
        return "/".join("".join(c if c.isprintable() else "?" for c in part) for part in self.parts)


def items(place: Path) -> Iterator[Item]:
    """All files in a folder or a zip file, and in the zip files there (no deeper), in order.

    What systems add (JUNK) is left out.

    Raises:
        ArchiveError: there is no such place, it is neither, or it holds more than MOST_FILES files.
    """
    if place.is_dir():
        found = _in_folder(place)
    elif place.is_file():
        found = _in_zip(str(place), functools.cache(lambda: zipfile.ZipFile(place)), (), nested=True)
    else:
        raise ArchiveError(f"There is no {place}")
    count = 0
    for item in found:
        if not set(item.parts) & set(JUNK):
            yield item
            count += 1
        if count > MOST_FILES:
            raise ArchiveError(f"{place} holds more than {MOST_FILES} files: is it the right one?")


def _in_folder(place: Path) -> Iterator[Item]:
    for folder, folders, files in os.walk(place):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(folder) / name
            about = path.lstat()
            item = Item(
                path.relative_to(place).parts,
                datetime.fromtimestamp(about.st_mtime),
                lambda path=path: _limited(path.open("rb")),  # type: ignore[misc]
                "" if stat.S_ISREG(about.st_mode) else "is a link or no plain file",
            )
            yield from _unpacked(item, nested=True)


def _in_zip(name: str, opened: Opened, above: tuple[str, ...], nested: bool) -> Iterator[Item]:
    try:
        members = opened().infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ArchiveError(f"{name} is not a zip file that can be read ({error})") from None
    for member in members[: MOST_FILES + 1]:
        if not member.is_dir():
            yield from _unpacked(_member(opened, member, above), nested)


def _member(opened: Opened, member: zipfile.ZipInfo, above: tuple[str, ...]) -> Item:
    name = member.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    refused = ""
    if name.startswith("/") or ".." in parts or not parts or ":" in parts[0][1:2]:
        refused = "its path leads out of the archive"
    elif stat.S_ISLNK(member.external_attr >> 16):
        refused = "is a link"
    elif member.flag_bits & 1:
        refused = "is encrypted"
    try:
        modified = datetime(*member.date_time)
    except ValueError:
        modified = datetime.min
    harmless = tuple(part for part in parts if part not in ("/", "..", "."))
    return Item((*above, *harmless), modified, lambda: _limited(opened().open(member)), refused)


def _unpacked(item: Item, nested: bool) -> Iterator[Item]:
    """The item itself, or what is in it if it is a zip file: read anew each time, so that none is kept."""
    if item.refused or not item.parts[-1].lower().endswith(".zip") or not nested:
        yield item
        return
    try:
        yield from _in_zip(
            item.path, lambda: zipfile.ZipFile(io.BytesIO(item.read())), item.parts, nested=False
        )
    except TooLarge:
        yield replace(item, refused=f"has more than {LARGEST_FILE >> 20} MB")
    except (ArchiveError, *UNREADABLE):
        yield replace(item, refused="is no zip file that can be read")


def _limited(stream: IO[bytes]) -> bytes:
    with stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise TooLarge
    return content
