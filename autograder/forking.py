"""The warm parent process: imports everything once, then forks a grader for each job.

It runs in one thread, holds no data of the course, and nothing in its loop may block.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from . import processes, versions
from .namespaces import SandboxUnavailable
from .warm import receive_json, send_json

GRADER_MEMORY_MB = 4096  # beyond what the libraries need; a check holds some dozens of answers of 64 MB

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
PRELOAD_IF_POSSIBLE = ("autograder.grade", "utils")


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
        _warm_up(settings["folder"], (*settings["preload"], *PRELOAD))
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
    gc.disable()  # nothing that imports make is garbage; looking for it takes a sixth of their time
    for module in modules:
        importlib.import_module(module)
    for module in PRELOAD_IF_POSSIBLE:
        with suppress(ImportError):
            _import_whole(importlib.import_module(module))
    from .lookout import own_modules
    from .shell import prepare

    own_modules()  # kept for all students' processes
    versions.versions("")  # kept for all jobs: looking packages up and reading our own files takes a while
    _draw_one_figure()
    gc.freeze()  # IPython collects as it starts: not through all of this
    shell = prepare(os.path.join(folder, "ipython"))
    _run_one_cell(shell)
    if processes.threads() != 1:
        raise RuntimeError("a library started a thread; forking would not be safe")
    gc.enable()
    gc.freeze()  # the collector would otherwise touch, and so copy, every page in every child
    processes.gather_pages()


def _import_whole(package: ModuleType) -> None:
    """Import everything below a package, too."""
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        importlib.import_module(module.name)


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
            # The kernel's "die with your parent" will not do: it means the thread that started this process.
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
        try:
            number = os.fork()
        except OSError as error:  # the machine has no process or no memory left for this job
            os.write(status, str(error).encode())
            os.close(status)
            connection.close()
            return True
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
            for job in (*self._jobs.values(), *self._ended):
                job.connection.close()
                os.close(job.status)
            send_json(connection, _do_job(connection, self._bwrap, Path(folder)))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            processes.end_all(os.getpid())
            os._exit(code)


def _limit_memory() -> None:
    """A grader that is fed without end gets a MemoryError, and the machine does not suffer."""
    limit = processes.address_space_bytes() + GRADER_MEMORY_MB * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _do_job(connection: socket.socket, bwrap: Path | None, folder: Path) -> dict[str, Any]:
    """In the grader: the student's process first, while this memory holds nothing of the course."""
    from .assignment import Limits
    from .launch import start

    student = None
    try:
        wanted = receive_json(connection)
        if wanted is not None:
            if bwrap is None:
                folder.mkdir(mode=0o700)
            student = start(Path(wanted["folder"]), Limits(**wanted["limits"]), bwrap, folder)
            _limit_memory()
        gc.set_threshold(processes.RARELY)
        job = receive_json(connection)
        module, _, function = job["target"].partition(":")
        result = getattr(importlib.import_module(module), function)(student, **job["arguments"])
        return {"result": result}
    except BaseException as error:
        return {
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
            "sandbox": isinstance(error, SandboxUnavailable),
        }
    finally:
        if student is not None:
            student.close()
