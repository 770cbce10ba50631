"""A little memory that the student's code cannot use up, so that the service can still say that it did."""

from __future__ import annotations

import resource

RESERVE_BYTES = 16 * 2**20  # on top of what the code may use: to format an error and to send it


def keep() -> None:
    """From now on this process may not touch the reserve: code of the student's is about to run."""
    _allow(below=RESERVE_BYTES)


def release() -> None:
    """From now on it may: the student's code has ended."""
    _allow(below=0)


def _allow(below: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard > RESERVE_BYTES:  # else the code has set a limit of its own
        resource.setrlimit(resource.RLIMIT_AS, (hard - below, hard))
