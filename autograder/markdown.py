"""The headings of a Markdown text."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEADING = re.compile(r"^(#{1,6})[ \t]+(.+)$")
FENCE = re.compile(r"^[ \t]*(```|~~~)")


def headings(text: str) -> Iterator[tuple[int, str]]:
    """(level, words without marks) of each heading line outside code fences."""
    fenced = False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        found = None if fenced else HEADING.match(line)
        if found:
            yield len(found[1]), re.sub(r"[`*]", "", found[2].rstrip(" \t#"))
