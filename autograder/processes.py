"""The processes below this one: who they are, what they use, how to end them all (Linux's /proc)."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

LAST = 19  # the priority behind which there is none
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MADV_COLLAPSE = 25
HUGE_PAGE = 2 << 20  # bytes, on x86-64 and most others
RARELY = 50_000  # new objects between two looks for garbage, which short-lived processes hardly make


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library; loaded late, so that this file can be imported on every system."""
    return ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """From now on a process whose parent dies, anywhere below this one, becomes this one's child.

    So nobody escapes `end_all` by forking twice.
    """
    libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Be killed when the parent process, which has this number, dies."""
    libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it is dead already
        os._exit(1)


def children(process: int) -> list[int]:
    """The numbers of the children of all threads of a process."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            found += map(int, _read(f"/proc/{process}/task/{task}/children").split())
    return found


def descendants(process: int) -> list[int]:
    """The numbers of all processes below one, parents before their children."""
    found: list[int] = []
    waiting = children(process)
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += children(child)
    return found


def end_all(process: int, seconds: float = 5.0) -> bool:
    """Kill everything below a process (this one, or another that has stopped starting new ones).

    Returns:
        whether they are all gone; those that are this process's children are also buried.
    """
    deadline = time.monotonic() + seconds
    while True:
        below = descendants(process)
        # Stopped first, so that a process which forks all the time cannot stay ahead of the killing.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for child in below:
                with suppress(OSError):
                    os.kill(child, number)
        bury_children()
        if not children(process):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)


def bury_children() -> dict[int, int]:
    """Collect this process's dead children: their numbers and exit codes (negative: the signal)."""
    dead: dict[int, int] = {}
    with suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            dead[process] = os.waitstatus_to_exitcode(status)
    return dead


def step_back(process: int, but: int) -> None:
    """Let others go before all threads of a process, except the first thread of the process `but`.

    So code with many threads and processes takes little more of a busy machine than code with one.
    """
    with suppress(OSError):  # it has gone
        for task in map(int, os.listdir(f"/proc/{process}/task")):
            if task != but and os.getpriority(os.PRIO_PROCESS, task) < LAST:
                os.setpriority(os.PRIO_PROCESS, task, LAST)


def address_space_bytes() -> int:
    """Address space of this process, used or not: what RLIMIT_AS counts."""
    return int(_read("/proc/self/statm").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def resident_bytes(process: int) -> int:
    """Memory a process has in use, pages shared with others counted in full; 0 if it has gone."""
    fields = _read(f"/proc/{process}/statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def proportional_bytes(process: int) -> int:
    """Memory a process has in use, a shared page divided among its users (where that can be read)."""
    for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return resident_bytes(process)


def cpu_seconds(process: int) -> float:
    """Processor time of a process and of its children that have ended; 0 if it has gone."""
    fields = _read(f"/proc/{process}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if len(fields) > 14 else 0.0


def gather_pages() -> None:
    """Have the kernel put this process's own memory into huge pages, as far as it can (Linux 6.1 and later).

    A fork copies the tables of all pages, and the child's end takes them apart again. With pages 512 times as
    large both take a quarter of the time, for a process that has imported PyTorch.
    """
    for line in _read("/proc/self/maps").splitlines():
        span, rights, *_, name = f"{line} ".split(" ", 5)
        if rights != "rw-p" or name.strip() not in ("", "[heap]"):
            continue
        start, end = (int(part, 16) for part in span.split("-"))
        for place in range(-(-start // HUGE_PAGE) * HUGE_PAGE, end - HUGE_PAGE + 1, HUGE_PAGE):
            libc().madvise(ctypes.c_void_p(place), ctypes.c_size_t(HUGE_PAGE), _MADV_COLLAPSE)


def threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # the process has gone, or is not ours to look at
        return ""
