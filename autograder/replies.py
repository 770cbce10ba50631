"""What comes from a student's process, checked field by field: texts, exceptions, outputs of cells."""

from __future__ import annotations

import base64
import builtins
import re
from collections.abc import Callable
from typing import Any

from .frames import clean_text
from .png import MAX_PIXELS, pixels_of_png

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
MAX_JPEG_CHARACTERS = 400_000  # its size in pixels is not looked up; a few hundred at most per character

_OUTPUT_FIELDS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}


def _is_picture(value: str) -> bool:
    """Base64 of a PNG of a size that can be shown."""
    try:
        return pixels_of_png(base64.b64decode("".join(value[:100].split())[:64])) <= MAX_PIXELS
    except ValueError:
        return False


# All of a display that is kept: pages that show a graded notebook to an instructor would run anything else.
_SHOWN: dict[str, Callable[[str], bool]] = {
    "text/plain": lambda value: True,
    "image/png": lambda value: bool(_BASE64.fullmatch(value)) and _is_picture(value),
    "image/jpeg": lambda value: bool(_BASE64.fullmatch(value)) and len(value) < MAX_JPEG_CHARACTERS,
}

# What a student's function may raise and a check may want to catch; all take one text.
EXCEPTIONS: dict[str, type[Exception]] = {
    name: getattr(builtins, name)
    for name in [
        "ArithmeticError",
        "AssertionError",
        "AttributeError",
        "BufferError",
        "EOFError",
        "Exception",
        "FileExistsError",
        "FileNotFoundError",
        "FloatingPointError",
        "ImportError",
        "IndentationError",
        "IndexError",
        "KeyError",
        "LookupError",
        "MemoryError",
        "ModuleNotFoundError",
        "NameError",
        "NotImplementedError",
        "OSError",
        "OverflowError",
        "PermissionError",
        "RecursionError",
        "RuntimeError",
        "SyntaxError",
        "TypeError",
        "UnboundLocalError",
        "ValueError",
        "ZeroDivisionError",
    ]
}


class StudentError(Exception):
    """The student's code raised something that is no builtin exception.

    Attributes:
        type_name: the name of the exception's class.
        traceback_text: where it happened, for the student.
    """

    def __init__(self, type_name: str, message: str, traceback_text: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.traceback_text = traceback_text


class CallTimeout(StudentError):
    """A call took longer than it may; the process may still be alive."""

    def __init__(self, message: str) -> None:
        super().__init__("TimeoutError", message)


class StudentDied(StudentError):
    """The student's process has ended; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("StudentDied", message)


def checked_text(value: Any, limit: int = 16_000) -> str:
    """Printable text, cut."""
    text = clean_text(value, limit)
    if text.replace("\n", "").replace("\t", "").isprintable():  # nearly always
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)


def checked_exception(type_name: Any, builtin: Any, message: Any, traceback_text: Any) -> Exception:
    """The exception that the student's code raised, as far as it is a known one."""
    name, words, trace = (
        checked_text(type_name, 200),
        checked_text(message, 5000),
        checked_text(traceback_text, 20_000),
    )
    if builtin is True and name in EXCEPTIONS:
        error = EXCEPTIONS[name](words)
        error.student_traceback = trace  # type: ignore[attr-defined]
        return error
    return StudentError(name or "an error without a name", words, trace)


def checked_output(output: Any) -> dict[str, Any]:
    """One output of a cell, checked field by field.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    kind = output["output_type"]
    plain: dict[str, Any] = {"output_type": kind}
    for field in _OUTPUT_FIELDS[kind]:
        value = output[field]
        if field == "data":
            value = {
                mime: value[mime]
                for mime, may_be_shown in _SHOWN.items()
                if type(value.get(mime)) is str and may_be_shown(value[mime])
            }
        elif field == "metadata":
            value = {}
        elif field == "execution_count":
            value = value if type(value) is int else None
        elif field == "traceback":
            value = [line for line in value if type(line) is str]
        elif type(value) is not str or (field == "name" and value not in ("stdout", "stderr")):
            raise ValueError("an output has another form")
        plain[field] = value
    return plain
