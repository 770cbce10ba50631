"""The student's process as the grader sees it: run a cell, fetch a name, call a function, and survive it.

Everything that comes from the process is taken for hostile: `wire` checks the bytes, this file checks the
replies and holds the limits. Whatever the student's code does ends, at worst, that process.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import frames, processes, wire
from .assignment import Limits
from .attempts import Attempts
from .frames import MAX_FRAME_BYTES
from .namespaces import OWN_PROCESSES
from .proxy import Proxy
from .replies import (
    EXCEPTIONS,
    CallTimeout,
    StudentDied,
    StudentError,
    checked_exception,
    checked_output,
    checked_text,
)

__all__ = ["CallTimeout", "CellRun", "Proxy", "StudentDied", "StudentError", "StudentProcess"]

GRACE_SECONDS = 2.0  # between the interruption inside the process and its end from outside
WATCH_SECONDS = 0.1  # between two looks at memory and processes
MEMORY_MARGIN = 1.1  # honest code hits the limit inside its process, with a MemoryError, before this one
MAX_CALLBACK_DEPTH = 16
REPLY_BYTES = 65_536  # of a cell's reply, beyond the outputs themselves


@dataclass(frozen=True)
class CellRun:
    """What came of running one cell."""

    outputs: list[dict[str, Any]]  # nbformat 4
    status: str  # "ok" | "error" | "timeout" | "died" | "not run"
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    note: str = ""  # plain words to the student where a limit was hit


class StudentProcess:
    """One student's process, from its start to its end."""

    def __init__(
        self, sock: socket.socket, process: int, limits: Limits, attempts: Attempts | None = None
    ) -> None:
        """Take over a process that has just said that it is ready.

        Args:
            sock: the only connection to it.
            process: its number; it is a child of this process, and this process has no other children but its
                sandbox: all of them are killed when it ends.
            attempts: what tells of the code's attempts on the grading.
        """
        self.ended = ""
        self.attempts = attempts or Attempts()
        self._sock = sock
        self._process = process
        self._limits = limits
        self._spent_seconds = 0.0
        self._released: list[int] = []
        self._callbacks: list[dict[int, Callable]] = []  # one table for each open call
        self._base_bytes = processes.resident_bytes(process)
        self._lock = threading.RLock()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watch the student", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked anything."""
        return not self.ended

    def run(self, source: str, name: str) -> CellRun:
        """Run a cell. Never raises for anything that the student's code does.

        Args:
            source: the cell's text, in IPython's language.
            name: the cell's id, for notes.
        """
        seconds, words = self._budget(self._limits.cell_seconds, "cell")
        if not self.alive:
            return CellRun([], "not run", note=self.ended)
        cpu, start = processes.cpu_seconds(self._process), time.perf_counter()
        outputs: list[dict[str, Any]] = []
        cut = False
        try:
            reply = self._ask("cell", [source], seconds, words, self._limits.output_kb * 1024 + REPLY_BYTES)
            outputs, status, cut = self._cell_reply(reply)
        except CallTimeout:
            status = "timeout"
        except StudentError:
            status = "died"
        except Exception:  # whatever a reply of another form leads to
            self._end("The code disturbed the connection to the grader, so its process was ended.")
            status = "died"
        used = max(0.0, processes.cpu_seconds(self._process) - cpu)
        note = self.ended
        if not note and status == "timeout":
            note = f"Cell '{name}': {words[0].lower()}{words[1:]}."
        elif not note and cut:
            note = f"Cell '{name}': outputs beyond {self._limits.output_kb} KB were cut."
        return CellRun(outputs, status, used, time.perf_counter() - start, note)

    def get(self, name: str) -> Any:
        """The value of a name that the student's cells defined; a Proxy for functions, classes and objects.

        Raises:
            NameError: it is not defined. StudentError: see `StudentDied`, `CallTimeout`.
        """
        try:
            return self._value("get", [name])
        except NameError:
            raise NameError(
                f"'{name}' is not defined: the cell that defines it was changed, or ended with an error"
            ) from None

    def close(self) -> None:
        """End the process and everything that it started."""
        self._end("The grading of this notebook has ended.")

    def _budget(self, limit: float, thing: str) -> tuple[float, str]:
        """How long the next request may take, and the words for taking longer; the end if no time is left."""
        left = self._limits.total_seconds - self._spent_seconds
        if left >= limit:
            return limit, f"The {thing} took longer than {limit:g} seconds"
        words = f"The notebook took longer than {self._limits.total_seconds:g} seconds in all"
        if left <= 0:
            self._end(f"{words}: nothing after this could run.")
        return left, words

    def _value(self, operation: str, operands: list) -> Any:
        """One request that is answered by a value.

        Raises:
            what the student's code raised, StudentError for what is no builtin exception.
        """
        return self._ask(operation, operands, *self._budget(self._limits.call_seconds, "call"))

    def _ask(
        self, operation: str, operands: list, seconds: float, words: str, max_bytes: int = MAX_FRAME_BYTES
    ) -> Any:
        if not self.alive:
            raise StudentDied(self.ended)
        released, self._released = self._released, []
        table: dict[int, Callable] = {}
        encoder = wire.Encoder(lambda value: self._opaque(value, table))
        try:
            encoded = [encoder.encode(operand) for operand in operands]
        except frames.WireError as error:
            raise TypeError(f"a check's argument: {error}") from None
        start = time.monotonic()
        deadline = start + seconds + GRACE_SECONDS
        self._callbacks.append(table)
        try:
            message = [operation, released, seconds, words, encoded]
            frames.send(self._sock, message, encoder.buffers, deadline)
            return self._reply(encoder.arrays, deadline, max_bytes)
        except TimeoutError:
            if not self.ended:
                self._end(f"{words} and could not be interrupted: nothing after this could run.")
                raise CallTimeout(self.ended) from None
            raise StudentDied(self.ended) from None
        except frames.Closed:
            self._end(self._last_words())
            raise StudentDied(self.ended) from None
        except frames.WireError:
            self._end("The code disturbed the connection to the grader, so its process was ended.")
            raise StudentDied(self.ended) from None
        except OSError:
            self._end(self._last_words())
            raise StudentDied(self.ended) from None
        finally:
            self._callbacks.pop()
            if not self._callbacks:  # a request inside a callback is part of the outer one's time
                self._spent_seconds += time.monotonic() - start

    def _reply(self, arrays: list, deadline: float, max_bytes: int) -> Any:
        """Read until the answer comes; serve the callbacks before it."""
        while True:
            message, buffers = frames.receive(self._sock, deadline, max_bytes, in_turn=True)
            decoder = wire.Decoder(buffers, self._resolve)
            kind = message[0] if message else None
            if kind == "callback" and len(message) == 4:
                self._serve_callback(message, decoder, deadline)
                continue
            if kind in ("value", "cell") and len(message) == 3:
                value = decoder.decode(message[1])
                self._copy_back(arrays, message[2], decoder)
                return value
            if kind == "timeout" and len(message) == 3:
                raise CallTimeout(checked_text(message[1]))
            if kind == "error" and len(message) == 6:
                self._copy_back(arrays, message[5], decoder)
                raise checked_exception(*message[1:5])
            raise frames.WireError("an unknown reply")

    def _copy_back(self, arrays: list, changes: Any, decoder: wire.Decoder) -> None:
        """Changes that the student's code made to its copies of the arguments reach the caller's arrays."""
        if type(changes) is not list or len(changes) > len(arrays):
            raise frames.WireError("not a list of changes")
        for change in changes:
            index, item = change if type(change) is list and len(change) == 2 else (None, None)
            if type(index) is not int or not 0 <= index < len(arrays):
                raise frames.WireError("a change of no argument")
            array = decoder.decode(item)
            if not hasattr(array, "shape") or isinstance(array, Proxy):
                raise frames.WireError("a change to no array")
            try:
                wire.copy_into(arrays[index], array)
            except frames.WireError as error:
                raise StudentError("ValueError", str(error)) from None

    def _serve_callback(self, message: list, decoder: wire.Decoder, deadline: float) -> None:
        number, args, kwargs = message[1], decoder.decode(message[2]), decoder.decode(message[3])
        # Only functions of the innermost open call exist for the student's process.
        function = self._callbacks[-1].get(number) if type(number) is int else None
        if function is None or type(args) is not tuple or type(kwargs) is not dict:
            raise frames.WireError("a call of nothing")
        encoder = wire.Encoder(lambda value: self._opaque(value, self._callbacks[-1]))
        try:
            if len(self._callbacks) > MAX_CALLBACK_DEPTH:
                raise RecursionError("too many calls inside calls")
            reply = ["returned", encoder.encode(function(*args, **kwargs))]
        except (StudentDied, frames.Closed):
            raise
        except Exception as error:
            encoder = wire.Encoder()
            name = type(error).__name__
            reply = ["raised", name if name in EXCEPTIONS else "RuntimeError", frames.clean_text(str(error))]
        frames.send(self._sock, reply, encoder.buffers, deadline)

    def _opaque(self, value: Any, table: dict[int, Callable]) -> list:
        """How objects of the grader travel: never as themselves."""
        if isinstance(value, Proxy):
            if value._student is not self:
                raise frames.WireError("an object of another student's process")
            return ["own", value._number]
        named = _importable(value)
        if named:
            return ["named", *named]
        if callable(value):
            number = len(table)
            table[number] = value
            return ["function", number, str(getattr(value, "__name__", type(value).__name__))]
        raise frames.WireError(f"a {type(value).__name__} cannot be handed to the student's code")

    def _resolve(self, tag: str, rest: list) -> object:
        if tag == "handle" and len(rest) == 3 and type(rest[0]) is int:
            return Proxy(self, rest[0], checked_text(rest[1], 100), checked_text(rest[2], 100))
        if tag == "callback" and rest and type(rest[0]) is int:  # our own function comes back
            for table in reversed(self._callbacks):
                if rest[0] in table:
                    return table[rest[0]]
        raise frames.WireError("an unknown kind of object")

    def _cell_reply(self, reply: Any) -> tuple[list[dict[str, Any]], str, bool]:
        outputs, status, cut = reply
        if status not in ("ok", "error", "timeout"):
            raise ValueError("an unknown status")
        return [checked_output(output) for output in outputs], status, cut is True

    def _end(self, why: str) -> None:
        """Kill the process and all that it started; the first reason stays."""
        with self._lock:
            if self.ended:
                return
            self.ended = why
            self._closed.set()
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that is reading
            processes.end_all(os.getpid())

    def _last_words(self) -> str:
        """Why the process may have closed the connection by itself."""
        deadline = time.monotonic() + 0.5
        code = None
        while code is None and time.monotonic() < deadline:
            with suppress(ChildProcessError):
                dead, status = os.waitpid(self._process, os.WNOHANG)
                code = os.waitstatus_to_exitcode(status) if dead else None
            time.sleep(0.005)
        if code in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGILL, -signal.SIGFPE):
            reason = "Python itself crashed, in compiled code"
        elif code == -signal.SIGKILL:
            reason = "the process was killed, perhaps for its use of memory"
        elif code == -signal.SIGXCPU:
            reason = "the code used up its processor time"
        else:
            reason = "the code ended its own process"
        return f"The notebook stopped here: {reason}. Nothing after this could run."

    def _watch(self) -> None:
        """End the process when all its processes together take too much (a thread of the grader)."""
        limit = self._limits.memory_mb * 2**20 * MEMORY_MARGIN + self._base_bytes
        while not self._closed.wait(WATCH_SECONDS):
            everyone = processes.descendants(os.getpid())
            for process in everyone:
                processes.step_back(process, but=self._process)
            if len(everyone) > self._limits.processes + OWN_PROCESSES:
                self._end(
                    f"The code started more than {self._limits.processes} processes, so it was stopped."
                )
            # The quick sum counts shared pages several times; a closer look comes before the judgement.
            elif all(
                sum(map(measure, everyone)) > limit
                for measure in (processes.resident_bytes, processes.proportional_bytes)
            ):
                self._end(
                    f"The code used more than {self._limits.memory_mb} MB of memory, so it was stopped."
                )


def _importable(value: Any) -> tuple[str, str] | None:
    """Module and name of a function or class of the libraries: `activation=torch.relu` is no callback."""
    name = getattr(value, "__name__", None)
    if not callable(value) or type(name) is not str:
        return None
    for module in (getattr(value, "__module__", None), "torch", "numpy"):
        if type(module) is str and module.partition(".")[0] in ("torch", "numpy", "math"):
            with suppress(ImportError):
                if getattr(importlib.import_module(module), name, None) is value:
                    return module, name
    return None
