"""What a student's code tried that no exercise needs: for a person to see, never a reason for points.

Two sources: the kernel tells of forbidden system calls, which the code cannot hide; and a look-out in the
student's own process (see lookout.py), which clever code could silence.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import threading
from contextlib import suppress

from . import seccomp
from .replies import checked_text

MOST_BYTES = 65_536  # of the look-out's words: what a pipe holds
MOST_DETAILS = 8  # named in one sentence
SENTENCES = {  # by the kinds that lookout.py tells
    "interpreter": "The code looked into the interpreter (frames, traces, all objects); a person should look",
    "memory": "The code reached into memory with ctypes; a person should look",
    "files": "The code looked for files that are none of its business",
    "write": "The code tried to write outside its own folder",
    "signals": "The code sent signals to other processes",
    "replaced": "Functions were replaced in the student's process, where grading does not use them; "
    "a person should look",
}
CALLS = "The code made system calls that the sandbox forbids"
NETWORK = "The code tried to use the network; there is none while a notebook is graded"

# struct seccomp_notif, struct seccomp_notif_resp and their ioctls: include/uapi/linux/seccomp.h
_NOTICE = struct.Struct("<QIIiI56x")
_ANSWER = struct.Struct("<QqiI")
_RECEIVE, _SEND = 0xC0502100, 0xC0182101


class Attempts:
    """Collects what one student's process tries."""

    def __init__(self, told: int | None = None, calls: int | None = None) -> None:
        """Listen.

        Args:
            told: the reading end of the look-out's pipe; calls: the descriptor that `seccomp.deny` returned.
        """
        self._told = told
        self._calls: dict[str, None] = {}
        if calls is not None:
            threading.Thread(target=self._listen, args=(calls,), name="forbidden calls", daemon=True).start()
        if told is not None:
            os.set_blocking(told, False)
        self._details: dict[str, dict[str, None]] = {}

    def tampering(self) -> tuple[str, ...]:
        """What looks like an attempt on the grading, in plain sentences."""
        self._read()
        said = {words: self._details.get(kind, {}) for kind, words in SENTENCES.items()}
        said[CALLS] = self._calls
        return tuple(f"{words}: {_listed(found)}." for words, found in said.items() if found)

    def notes(self) -> tuple[str, ...]:
        """What is worth knowing, and harmless."""
        self._read()
        found = self._details.get("network")
        return (f"{NETWORK}: {_listed(found)}.",) if found else ()

    def _read(self) -> None:
        if self._told is None:
            return
        data = b""
        with suppress(BlockingIOError):
            data = os.read(self._told, MOST_BYTES)
        for line in data.decode("utf-8", "replace").splitlines():
            kind, _, detail = line.partition("\t")
            if kind in SENTENCES or kind == "network":
                self._details.setdefault(kind, {})[checked_text(detail, 100)] = None

    def _listen(self, calls: int) -> None:
        """Refuse each call, and remember its name, until the student's processes are gone (a thread)."""
        waiting = select.poll()
        waiting.register(calls, select.POLLIN)
        while True:
            events = dict(waiting.poll())[calls]
            if not events & select.POLLIN:
                os.close(calls)
                return
            with suppress(OSError):  # the caller may be dead by now
                notice = bytearray(_NOTICE.size)
                fcntl.ioctl(calls, _RECEIVE, notice, True)
                identity, _, _, number, _ = _NOTICE.unpack(notice)
                self._calls[seccomp.name_of(number)] = None
                fcntl.ioctl(calls, _SEND, _ANSWER.pack(identity, 0, -errno.EPERM, 0))


def _listed(found: dict[str, None]) -> str:
    shown = list(found)[:MOST_DETAILS]
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    return ", ".join(shown) + more
