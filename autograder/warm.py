"""A warm parent process: imports the libraries once, then forks one grader for each job.

Importing NumPy, PyTorch and Matplotlib takes seconds, forking takes milliseconds. The warm parent is a fresh
interpreter with a clean environment; it never holds data of the course and never runs a student's code.

    client ── control socket ──▶ warm parent ── fork ──▶ grader ── fork ──▶ student's process
       └───────── a connection for each job ────────────────┘
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any, BinaryIO

from . import namespaces, sandbox
from .namespaces import ROOT

MAX_MESSAGE_BYTES = 2**28
START_SECONDS = 180.0
KILL_SECONDS = 15.0  # the warm parent ends a job at its time limit; this much later the client gives up
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "LD_LIBRARY_PATH")
_LENGTH = struct.Struct("<Q")


class GraderDied(Exception):
    """A job ended without a result; the text says how."""


class GraderTimeout(GraderDied):
    """A job took too long and was ended."""


class WarmParent:
    """The client's side: starts the warm parent when first needed, runs jobs in it. Safe for threads."""

    def __init__(self, sandbox: str = "auto", preload: Sequence[str] = ()) -> None:
        """Prepare; nothing is started yet.

        Args:
            sandbox: "auto" (bubblewrap; an error where it does not work) or "none".
            preload: further modules to import before the first fork.
        """
        if sandbox not in ("auto", "none"):
            raise ValueError(f"sandbox is 'auto' or 'none', not {sandbox!r}")
        self._mode = sandbox
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._folder: str | None = None

    def __enter__(self) -> WarmParent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self, target: str, arguments: dict[str, Any], student: dict[str, Any] | None, timeout_seconds: float
    ) -> dict[str, Any]:
        """Run one job in a fresh process and return what it returned.

        Args:
            target: "module:function", called as function(student_process or None, **arguments).
            arguments: JSON values.
            student: {"folder": the release folder, "limits": Limits as a dict}; None for no process.
            timeout_seconds: after which everything of this job is killed.

        Raises:
            GraderTimeout, GraderDied: there is no result.
            sandbox.SandboxUnavailable: there is no working sandbox; the text says what helps.
        """
        ours, theirs = socket.socketpair()
        status_in, status_out = os.pipe()
        with ours, theirs, os.fdopen(status_in, "rb") as status:
            try:
                control = self._started()
                note = json.dumps({"timeout": timeout_seconds}).encode()
                with self._lock:
                    socket.send_fds(control, [note], [theirs.fileno(), status_out])
            except OSError as error:
                raise GraderDied(f"The warm parent process has gone: {error}") from error
            finally:
                os.close(status_out)
                theirs.close()
            return self._result(
                ours, status, {"target": target, "arguments": arguments}, student, timeout_seconds
            )

    def _result(
        self, sock: socket.socket, status: BinaryIO, job: dict, student: dict | None, timeout_seconds: float
    ) -> dict[str, Any]:
        sock.settimeout(timeout_seconds + KILL_SECONDS)
        try:
            send_json(sock, student)
            send_json(sock, job)
            reply = receive_json(sock)
        except TimeoutError:
            raise GraderTimeout(f"The grader did not end within {timeout_seconds:g} seconds") from None
        except (OSError, EOFError, ValueError):
            reply = {}
        ended = _ending(status)
        if "result" in reply:
            return reply["result"]
        if reply.get("sandbox"):
            raise sandbox.SandboxUnavailable(reply["error"])
        if "error" in reply:
            raise GraderDied(f"The grader failed: {reply['error']}\n{reply['traceback']}")
        if ended == "timeout":
            raise GraderTimeout(f"The grader was ended after {timeout_seconds:g} seconds")
        raise GraderDied(f"The grader process ended without a result ({ended})")

    def _started(self) -> socket.socket:
        """The connection to the running warm parent; starts it (again) where there is none."""
        with self._lock:
            if self._control is not None and self._process is not None and self._process.poll() is None:
                return self._control
            self._stop()
            sandbox.require_linux()
            bwrap = "" if self._mode == "none" else str(sandbox.require())
            self._folder = tempfile.mkdtemp(prefix="grading-")  # 0700
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = _spawn(theirs, bwrap, self._folder, self._preload)
            ours.settimeout(START_SECONDS)
            try:
                answer = ours.recv(65_536)
            except TimeoutError:
                answer = b"it did not start in time"
            if answer != b"ready":
                ours.close()
                self._stop()
                raise GraderDied(f"The warm parent process could not start: {answer.decode() or 'it died'}")
            ours.settimeout(None)
            self._control = ours
            return ours

    def close(self) -> None:
        """End the warm parent and all jobs."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()  # its end tells the warm parent to end
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _ending(status: BinaryIO) -> str:
    """How the grader ended; this is told when everything of the job is gone."""
    poll = select.poll()
    poll.register(status, select.POLLIN)
    if not poll.poll(1000 * KILL_SECONDS):
        return "its warm parent does not answer"
    return status.read().decode() or "its warm parent has gone"


def _spawn(control: socket.socket, bwrap: str, folder: str, preload: Sequence[str]) -> subprocess.Popen:
    settings = {
        "control": control.fileno(),
        "bwrap": bwrap,
        "folder": folder,
        "preload": list(preload),
        "parent": os.getpid(),
    }
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from autograder.forking import serve; serve()"
    return subprocess.Popen(
        # -I: neither the user's environment variables nor the current folder decide what is imported.
        [sys.executable, "-I", "-c", program, json.dumps(settings)],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=2,  # a stray print must not get into the output of the command that grades
        pass_fds=[control.fileno()],
        start_new_session=True,  # Ctrl-C reaches the client only, which then ends the jobs in order
    )


def _environment() -> dict[str, str]:
    """Few variables: no secrets for the student's code to find, nothing that changes how libraries work."""
    kept = {
        name: os.environ[name] for name in (*_PASSED_ON, *namespaces.KEPT_VARIABLES) if name in os.environ
    }
    # One thread: forking is safe only then, and threads that wait for each other waste a class's processors.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        **kept,
        **threads,
        "PATH": os.environ.get("PATH", os.defpath),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "COURSE_QUICK": "1",
    }


def send_json(sock: socket.socket, value: Any) -> None:
    """Write one JSON value, its length first."""
    data = json.dumps(value).encode()
    sock.sendall(_LENGTH.pack(len(data)) + data)


def receive_json(sock: socket.socket) -> Any:
    """Read what `send_json` wrote.

    Raises:
        EOFError: the other side has gone. ValueError: it is too large, or no JSON.
    """
    (size,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size))
    if size > MAX_MESSAGE_BYTES:
        raise ValueError("a message is too large")
    return json.loads(_exactly(sock, size))


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = sock.recv(min(2**20, size - len(data)))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)
