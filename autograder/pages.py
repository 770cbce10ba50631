"""What the feedback page and the class report share: templates, style sheet and safe text."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import Punctuation, Text

from autograder.png import MAX_PIXELS, PNG_SIGNATURE, pixels_of_png

ANSI_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Characters that could make text look like something it is not: controls, overrides, invisible ones.
DECEPTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Marks above and below a letter; piled up, they would cover the lines around it.
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
PILED_MARKS = re.compile(f"({_MARKS}{{3}}){_MARKS}+")
A_LITTLE = 1e-9  # points; lifts what lies on a half, 86.125, above it
MAX_IMAGE_CHARACTERS = 4_000_000  # base64; about 3 MB of PNG


class QuickPythonLexer(PythonLexer):
    """Finds what PythonLexer finds, a third sooner: what is most frequent is tried first."""

    tokens: ClassVar = {
        **PythonLexer.tokens,
        "root": [(r"(?<=\S)[^\S\n]+", Text), (r"[\[\]{}(),;]", Punctuation), *PythonLexer.tokens["root"]],
    }


# Made once: they build tables that cost more than most cells take.
_LEXER, _FORMATTER = QuickPythonLexer(stripnl=False), HtmlFormatter(nowrap=True)
MAX_HIGHLIGHTED_CHARACTERS = 20_000  # longer code is shown plain: lexers can be slow on odd input


@functools.cache
def environment() -> jinja2.Environment:
    """The templates, with automatic escaping always on."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["points"] = points
    made.filters["title"] = breakable_title
    made.filters["seconds"] = seconds
    made.filters["code"] = code
    return made


def points(value: float) -> str:
    """A number of points with at most two decimals, halves rounded up: 4, 2.5, 0.71."""
    return f"{value + A_LITTLE:.2f}".rstrip("0").rstrip(".")


def seconds(value: float) -> str:
    """A duration in words: 0.4 s, 12 s, 3 min 20 s."""
    if value < 10:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def exercise_title(name: str) -> str:
    """How a page calls an exercise: quiz_vgg_size becomes "Quiz: vgg size", functions keep their name."""
    if name.startswith("quiz_"):
        return "Quiz: " + name.removeprefix("quiz_").replace("_", " ")
    if name.startswith("regression"):
        return "Printed results"
    return name


def breakable_title(name: str) -> Markup:
    """`exercise_title` as HTML in which a line may break behind each underscore."""
    return Markup("_<wbr>").join(exercise_title(name).split("_"))


def plain(text: object) -> str:
    """Text as a terminal would leave it: no colour codes, no overwritten progress bars, nothing invisible.

    Lists of strings (as notebooks store long texts) are joined; anything else becomes its ``str``.
    """
    if isinstance(text, list | tuple):
        text = "".join(part for part in text if isinstance(part, str))
    lines = ANSI_ESCAPE.sub("", str(text)).replace("\r\n", "\n").split("\n")
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    shown = DECEPTIVE.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", "\n".join(lines))
    return PILED_MARKS.sub(r"\1", shown)


def code(source: str) -> Markup:
    """Python source as escaped HTML with highlighting classes."""
    if len(source) > MAX_HIGHLIGHTED_CHARACTERS:
        return Markup.escape(source)
    # Safe to mark as HTML: the formatter escapes every piece of the source it writes.
    return Markup(highlight(source, _LEXER, _FORMATTER).rstrip("\n"))


def png_address(data: object) -> str | None:
    """A ``data:`` address for a base64 PNG, or None if it is anything else."""
    text = "".join(data) if isinstance(data, list) and all(isinstance(part, str) for part in data) else data
    if not isinstance(text, str) or len(text) > MAX_IMAGE_CHARACTERS:
        return None
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not raw.startswith(PNG_SIGNATURE) or pixels_of_png(raw) > MAX_PIXELS:
        return None
    return "data:image/png;base64," + base64.b64encode(raw).decode("ascii")


def as_record(grade: object) -> dict[str, Any]:
    """A grade as a dictionary without its notebook, from a dataclass or a mapping.

    Raises TypeError for anything else.
    """
    if isinstance(grade, Mapping):
        return {key: value for key, value in grade.items() if key != "notebook"}
    if dataclasses.is_dataclass(grade) and not isinstance(grade, type):
        record = {field.name: getattr(grade, field.name) for field in dataclasses.fields(grade)}
        record.pop("notebook", None)
        cells = record.get("cells") or ()
        record["cells"] = [cell if isinstance(cell, Mapping) else dataclasses.asdict(cell) for cell in cells]
        return record
    raise TypeError(f"a grade is a dataclass or a dictionary, not {type(grade).__name__}")


def words(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of sentences from a record, cleaned; empty when absent."""
    found = record.get(key) or ()
    if isinstance(found, str):
        found = (found,)
    return tuple(plain(sentence) for sentence in found if str(sentence).strip())


def number(value: object, default: float = 0.0) -> float:
    """A finite float, or the default."""
    try:
        made = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return default
    return made if abs(made) != float("inf") and made == made else default


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}
