"""Forks a student's process out of the grader and shuts it in.

The grader calls `start` before it has read anything of the course, so that the forked memory holds no secret.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from . import frames, namespaces, processes
from .assignment import ANSWERS, Limits
from .attempts import Attempts
from .reserve import RESERVE_BYTES
from .student import StudentProcess

START_SECONDS = 60.0  # a machine may be very busy when a class is graded
MAX_FILES = 512  # descriptors of one process
PROCESSOR_FACTOR = 4  # processor seconds per second of the total time: a backstop for code with threads


def start(folder: Path, limits: Limits, bwrap: Path | None, scratch: Path) -> StudentProcess:
    """Start a student's process; this process must have one thread, and no children.

    Args:
        folder: the released notebook's folder, whose files the student's code may read.
        limits: what it may use up.
        bwrap: the program that builds the sandbox; None for a process without one.
        scratch: without a sandbox, an empty folder to work in.

    Raises:
        namespaces.SandboxUnavailable: it could not be started; the text says why.
    """
    if processes.threads() != 1 or processes.children(os.getpid()):
        # Forking beside threads is unsafe; and whatever is below this process dies with the student's.
        raise RuntimeError("a student's process is started from a grader, before anything else")
    processes.adopt_orphans()
    ours, theirs = socket.socketpair()
    told, tell = os.pipe()
    user = namespaces.stand_in()
    holder = namespaces.hold(bwrap, folder, limits.scratch_mb, user) if bwrap else None
    first = os.fork()
    if first == 0:
        _become_student(theirs, tell, folder, limits, holder is not None, user, scratch)
    theirs.close()
    os.close(tell)
    calls = None
    try:
        student = first
        if holder is not None:
            frames.send(ours, ["join", holder.wait(START_SECONDS)])
        deadline = time.monotonic() + START_SECONDS
        while True:
            message, _ = frames.receive(ours, deadline)
            if message[0] == "ready":
                return StudentProcess(ours, student, limits, Attempts(told, calls))
            if message[0] == "failed":
                raise namespaces.SandboxUnavailable(
                    f"the student's process could not be started: {message[1]}"
                )
            if message[0] == "calls":
                _, (calls,), _, _ = socket.recv_fds(ours, 1, 1)
            else:
                student = message[1]
    except (frames.WireError, OSError) as error:
        raise namespaces.SandboxUnavailable(f"the student's process did not start: {error}") from error


def _become_student(
    sock: socket.socket,
    tell: int,
    folder: Path,
    limits: Limits,
    sandboxed: bool,
    user: int | None,
    scratch: Path,
) -> NoReturn:
    """The forked child's whole life."""
    try:
        owner, true_root = os.getppid(), namespaces.is_true_root()
        os.setsid()
        os.set_blocking(tell, False)
        _close_all_but(sock.fileno(), tell)
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if sandboxed:
            message, _ = frames.receive(sock)
            if user is not None:
                namespaces.become(user)
            _enter(sock, message[1])
            counted_apart, calls = namespaces.give_up_rights(owner, true_root, tell=True)
            # The sandbox dies with the grader, and with the sandbox everything inside.
            home, notebook = namespaces.HOME, namespaces.NOTEBOOK
        else:
            processes.die_with_parent(owner)
            counted_apart, calls = False, namespaces.forbid(tell=True)
            home = notebook = scratch
            _copy_files(folder, scratch)
        if calls is not None:
            _hand_over(sock, calls)
        _limit(limits, counted_apart)
        _set_environment(home)
        os.chdir(notebook)
        from .lookout import Lookout
        from .service import Service, forget_the_grader
        from .shell import CourseShell

        shell = CourseShell.instance()
        shell.ipython_dir = str(home / ".ipython")
        forget_the_grader()
        Service(sock, shell, limits.output_kb * 1024, str(notebook), Lookout(tell)).run()
    except BaseException as error:
        frames.send(sock, ["failed", f"{type(error).__name__}: {error}"])
    finally:
        os._exit(1)


def _enter(sock: socket.socket, holder: int) -> None:
    """Join the sandbox. Only a child made afterwards is inside its process namespace: fork once more."""
    namespaces.join(holder)
    gone, here = os.pipe()
    second = os.fork()
    if second:
        frames.send(sock, ["forked", second])  # its number as the grader sees it
        os._exit(0)
    # A process group reaches across process namespaces: kill(0, …) must not mean the grader.
    os.setsid()
    # The end of the first process closes the pipe: its message to the grader comes before any of this one's.
    os.close(here)
    os.read(gone, 1)
    os.close(gone)


def _hand_over(sock: socket.socket, calls: int) -> None:
    """Give the grader what tells it of forbidden calls; whoever holds that could also permit them."""
    frames.send(sock, ["calls"])
    socket.send_fds(sock, [b"x"], [calls])
    os.close(calls)


def _close_all_but(*kept: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    after = 3
    for keep in sorted(kept):
        os.closerange(after, keep)
        after = keep + 1
    os.closerange(after, os.sysconf("SC_OPEN_MAX"))


def _limit(limits: Limits, counted_apart: bool) -> None:
    """Limits that the kernel holds; each process that the code starts has the same."""
    size = processes.address_space_bytes()
    processor = int(limits.total_seconds * PROCESSOR_FACTOR) + 1
    for kind, value in (
        # The libraries' own address space comes on top; most of it is never touched.
        (resource.RLIMIT_AS, size + limits.memory_mb * 2**20 + RESERVE_BYTES),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_FSIZE, limits.file_mb * 2**20),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        # One byte, not none: for 0 the kernel would still start a core-dump program (man 5 core).
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    with suppress(OSError):  # when the machine's memory runs out, this process goes before all others
        Path("/proc/self/oom_score_adj").write_text("1000")
    if counted_apart:  # otherwise the user's other processes would count too; the grader's watch remains
        number = limits.processes + namespaces.OWN_PROCESSES
        resource.setrlimit(resource.RLIMIT_NPROC, (number, number))


def _set_environment(home: Path) -> None:
    kept = {
        name: os.environ[name]
        for name in (*namespaces.KEPT_VARIABLES, "LANG", "LC_ALL", "TZ", "MPLBACKEND", "COURSE_QUICK")
        if name in os.environ
    }
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        PATH="/usr/local/bin:/usr/bin:/bin",
        HOME=str(home),
        USER="student",
        LOGNAME="student",
        TMPDIR="/tmp" if home == namespaces.HOME else str(home),
        MPLCONFIGDIR=str(home / ".matplotlib"),
        IPYTHONDIR=str(home / ".ipython"),
        PIP_NO_INPUT="1",
        PIP_RETRIES="0",
        PYTHONDONTWRITEBYTECODE="1",
    )


def _copy_files(folder: Path, scratch: Path) -> None:
    """Without a sandbox, the release's files are copied: the code may change its copies."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.name == ANSWERS:
            continue
        if entry.is_dir():
            shutil.copytree(entry, scratch / entry.name)
        else:
            shutil.copy(entry, scratch / entry.name)
