"""A warm parent process: imports the libraries once, then forks one grader for each job.

Importing NumPy, PyTorch and Matplotlib takes seconds, forking takes milliseconds. The warm parent is a fresh
interpreter with a clean environment; it never holds data of the course and never runs a student's code.

    client ── control socket ──▶ warm parent ── fork ──▶ grader ── fork ──▶ student's process
       └───────── a connection for each job ────────────────┘
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from . import namespaces, processes, sandbox

ROOT = Path(__file__).resolve().parents[1]  # of the repository: where `autograder` and `utils` lie
MAX_MESSAGE_BYTES = 2**28
START_SECONDS = 180.0
KILL_SECONDS = 15.0  # the warm parent ends a job at its time limit; this much later the client gives up
PRELOAD = (
    "numpy",
    "numpy.random",
    "torch",
    "torch.nn.functional",
    "torch.utils.data",
    "matplotlib.pyplot",
    "IPython",
    "nbformat.v4",
    "jinja2",
    "msgpack",
    "autograder.launch",
    "autograder.service",
    "autograder.shell",
)
# Imported too where they can be: no process needs them from the start.
PRELOAD_IF_POSSIBLE = ("autograder.grade", "utils.checks", "utils.plots", "utils.probes", "utils.devices")
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
        self, sock: socket.socket, status: Any, job: dict, student: dict | None, timeout_seconds: float
    ) -> dict[str, Any]:
        sock.settimeout(timeout_seconds + KILL_SECONDS)
        try:
            _send(sock, student)
            _send(sock, job)
            reply = _receive(sock)
        except TimeoutError:
            raise GraderTimeout(f"The grader did not end within {timeout_seconds:g} seconds") from None
        except (OSError, EOFError, ValueError):
            reply = {}
        ended = status.read().decode() or "its warm parent has gone"  # comes when the grader is gone
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


def _spawn(control: socket.socket, bwrap: str, folder: str, preload: Sequence[str]) -> subprocess.Popen:
    settings = {
        "control": control.fileno(),
        "bwrap": bwrap,
        "folder": folder,
        "preload": list(preload),
        "parent": os.getpid(),
    }
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from autograder.warm import serve; serve()"
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


def _send(sock: socket.socket, value: Any) -> None:
    data = json.dumps(value).encode()
    sock.sendall(_LENGTH.pack(len(data)) + data)


def _receive(sock: socket.socket) -> Any:
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


@dataclass
class _Job:
    connection: socket.socket  # only watched for the client's end
    status: int  # a pipe to the client
    deadline: float
    folder: str
    timed_out: bool = False
    ending: str = ""  # how the grader ended


def serve() -> NoReturn:
    """Import everything, then fork a grader for each job until the client goes."""
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    try:
        _warm_up(settings["folder"], (*PRELOAD, *settings["preload"]))
        control.send(b"ready")
    except BaseException:
        control.send(traceback.format_exc(limit=-3).encode()[-60_000:])
        os._exit(1)
    code = 0
    try:
        _Parent(control, settings).run()
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        processes.end_all(os.getpid())
        shutil.rmtree(settings["folder"], ignore_errors=True)
        os._exit(code)


def _warm_up(folder: str, modules: Sequence[str]) -> None:
    # jsonschema takes this optional module to check one exotic format, at the price of a grammar built at
    # import (about a second of processor time); None in its place makes it do without.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    for module in modules:
        importlib.import_module(module)
    for module in PRELOAD_IF_POSSIBLE:
        with suppress(ImportError):
            importlib.import_module(module)
    from .shell import prepare

    _draw_one_figure()
    shell = prepare(os.path.join(folder, "ipython"))
    _run_one_cell(shell)
    if processes.threads() != 1:
        raise RuntimeError("a library started a thread; forking would not be safe")
    gc.collect()
    gc.freeze()  # the collector would otherwise touch, and so copy, every page in every child


def _draw_one_figure() -> None:
    """Load fonts and the renderer."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_title("$x^2$ ä")
    axes.imshow([[0, 1]])
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")


def _run_one_cell(shell: Any) -> None:
    """Load what the first cell and the first traceback need."""
    shell.run_cell("1 / 0")
    shell.reset(new_session=True)
    shell.execution_count = 1
    shell.outputs.clear()


class _Parent:
    """The loop of the warm parent. It has one thread and no patience: nothing in it may block."""

    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._bwrap = Path(settings["bwrap"]) if settings["bwrap"] else None
        self._folder = settings["folder"]
        self._client = settings["parent"]
        self._jobs: dict[int, _Job] = {}  # by the grader's process number
        self._ended: list[_Job] = []  # their graders are dead, but perhaps not all that these started
        self._removers: set[int] = set()  # processes that delete a dead job's folder
        self._count = 0
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._wake, wake_end = os.pipe()
        os.set_blocking(wake_end, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(wake_end)  # a child's death wakes the poll
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll.register(self._wake, select.POLLIN)
        processes.adopt_orphans()

    def run(self) -> None:
        """Serve until the control connection closes or the client is gone."""
        while True:
            ready = {number for number, _ in self._poll.poll(self._patience())}
            if os.getppid() != self._client:
                return
            if self._wake in ready:
                with suppress(BlockingIOError):
                    os.read(self._wake, 65_536)
            self._bury()
            if self._control.fileno() in ready and not self._accept():
                return
            now = time.monotonic()
            for number, job in list(self._jobs.items()):
                late = now > job.deadline
                if late or job.connection.fileno() in ready:  # … which says: the client hung up
                    job.timed_out = late
                    self._kill(number)

    def _patience(self) -> float:
        """Milliseconds until something is due; at least every second a look at whether the client lives."""
        if self._ended:
            return 2.0
        due = min((job.deadline for job in self._jobs.values()), default=time.monotonic() + 1)
        return 1000 * min(1.0, max(0.0, due - time.monotonic()) + 0.01)

    def _accept(self) -> bool:
        """Fork a grader for a new job."""
        note, descriptors, _, _ = socket.recv_fds(self._control, 4096, 2)
        if not note:
            return False
        connection, status = socket.socket(fileno=descriptors[0]), descriptors[1]
        self._count += 1
        folder = os.path.join(self._folder, f"job{self._count}")
        if processes.threads() != 1:
            raise RuntimeError("the warm parent has threads")
        parent = os.getpid()
        number = os.fork()
        if number == 0:
            self._become_grader(connection, folder, parent)
        deadline = time.monotonic() + json.loads(note)["timeout"]
        self._jobs[number] = _Job(connection, status, deadline, folder)
        self._poll.register(connection, select.POLLRDHUP)
        return True

    def _kill(self, number: int) -> None:
        """End a job: the grader first, so that it starts nothing new; what it leaves behind becomes ours."""
        below = processes.descendants(number)
        for process in (number, *below):
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)

    def _bury(self) -> None:
        """Note which graders have ended; when nothing is left of them, tell their clients."""
        for number, code in processes.bury_children().items():
            self._removers.discard(number)
            job = self._jobs.pop(number, None)
            if job is not None:
                self._poll.unregister(job.connection)
                job.ending = "timeout" if job.timed_out else f"exit code {code}"
                self._ended.append(job)
        if not self._ended or self._kill_strays():
            return
        for job in self._ended:
            job.connection.close()
            if os.path.exists(job.folder):
                self._removers.add(subprocess.Popen(["rm", "-rf", job.folder], stderr=subprocess.DEVNULL).pid)
            with suppress(OSError):
                os.write(job.status, job.ending.encode())
            os.close(job.status)
        self._ended.clear()

    def _kill_strays(self) -> bool:
        """Kill children that are no graders: they were a dead one's. Returns whether there are any.

        They are buried in the next round: the first process of a process namespace ends only when all the
        others are buried.
        """
        known = self._jobs.keys() | self._removers
        strays = [child for child in processes.children(os.getpid()) if child not in known]
        for stray in strays:
            for process in (stray, *processes.descendants(stray)):
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        return bool(strays)

    def _become_grader(self, connection: socket.socket, folder: str, parent: int) -> NoReturn:
        """The forked grader's whole life."""
        code = 1
        try:
            processes.die_with_parent(parent)
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for job in self._jobs.values():
                job.connection.close()
                os.close(job.status)
            _send(connection, _do_job(connection, self._bwrap, Path(folder)))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            processes.end_all(os.getpid())
            os._exit(code)


def _do_job(connection: socket.socket, bwrap: Path | None, folder: Path) -> dict[str, Any]:
    """In the grader: the student's process first, while this memory holds nothing of the course."""
    from .assignment import Limits
    from .launch import start

    student = None
    try:
        wanted = _receive(connection)
        if wanted is not None:
            if bwrap is None:
                folder.mkdir(mode=0o700)
            student = start(Path(wanted["folder"]), Limits(**wanted["limits"]), bwrap, folder)
        job = _receive(connection)
        module, _, function = job["target"].partition(":")
        result = getattr(importlib.import_module(module), function)(student, **job["arguments"])
        return {"result": result}
    except BaseException as error:
        return {
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
            "sandbox": isinstance(error, sandbox.SandboxUnavailable),
        }
    finally:
        if student is not None:
            student.close()
