"""A progress bar in one line of text, for everything that takes longer than two seconds.

It goes to standard error, which neither nbval nor grading compares, and only where somebody is watching: not
while a notebook is built, tested or graded.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 1.0  # nothing is shown for what is over by then
BETWEEN_SECONDS = 0.2  # between two pictures of the bar
WIDTH = 24  # characters


def bar(items: Iterable[T], words: str, total: int | None = None) -> Iterator[T]:
    """Go through `items` and show how far it has come.

    Args:
        words: what is going on, such as "training".
        total: how many items there are; by default as many as `len` says, else only a count is shown.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not _watched():
        yield from items
        return
    start = drawn = time.monotonic()
    shown = False
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - start > PATIENCE_SECONDS and now - drawn > BETWEEN_SECONDS:
            _draw(words, done, total, now - start)
            drawn, shown = now, True
        yield item
    if shown:
        print(f"\r{words}: done in {time.monotonic() - start:.0f} s".ljust(78), file=sys.stderr, flush=True)


def _watched() -> bool:
    """Whether a person looks at this run, as far as the environment tells."""
    return not (os.environ.get("TQDM_DISABLE") or os.environ.get("PYTEST_CURRENT_TEST"))


def _draw(words: str, done: int, total: int | None, seconds: float) -> None:
    if total:
        filled = WIDTH * done // total
        rest = seconds * (total - done) / max(done, 1)
        text = f"{words} [{'█' * filled}{'·' * (WIDTH - filled)}] {done}/{total}, about {rest:.0f} s to go"
    else:
        text = f"{words}: {done} done, {seconds:.0f} s"
    print(f"\r{text}".ljust(78), end="", file=sys.stderr, flush=True)
