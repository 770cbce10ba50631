"""The student's side of the wire: answers the grader's requests inside the student's process.

Nothing here is trusted: the student's code shares this process and may have changed all of it.
"""

from __future__ import annotations

import builtins
import importlib
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from . import frames, reserve, wire
from .lookout import Lookout
from .shell import Alarm, CellRunner, CourseShell, TimeLimit, _text_of

TRACEBACK_FRAMES = 8
BESIDE_PACKAGE = "utils"  # whose functions the grader may run in this process


class Callback:
    """Stands for a function that a check passed in; it can be called while that check's call is running."""

    def __init__(self, service: Service, number: int, name: str) -> None:
        self._service, self._number = service, number
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function in the grader's process."""
        return self._service.call_back(self._number, args, kwargs)


class Service:
    """Answers requests until the connection closes."""

    def __init__(
        self, sock: socket.socket, shell: CourseShell, output_bytes: int, scratch: str, lookout: Lookout
    ) -> None:
        self._sock = sock
        self._lookout = lookout
        self._names = shell.user_ns
        self._alarm = Alarm()
        self._cells = CellRunner(shell, self._alarm, output_bytes, scratch)
        self._objects: dict[int, Any] = {}
        self._next_number = 1

    def run(self) -> None:
        """Serve; never returns to the code that forked this process."""
        try:
            self._send(["ready"])
            while True:
                self._serve_one(*frames.receive(self._sock, in_turn=True))
        except (frames.WireError, OSError):
            os._exit(0)

    def call_back(self, number: int, args: tuple, kwargs: dict) -> Any:
        """Ask the grader to call one of its functions; meanwhile it may send requests of its own."""
        encoder = wire.Encoder(self._handle)
        message = ["callback", number, encoder.encode(args), encoder.encode(kwargs)]
        with self._alarm.held():
            reserve.release()
            try:
                self._send(message, encoder.buffers)
                while True:
                    message, buffers = frames.receive(self._sock, in_turn=True)
                    if message[0] == "returned":
                        return wire.Decoder(buffers, self._resolve).decode(message[1])
                    if message[0] == "raised":
                        kind = getattr(builtins, message[1], RuntimeError)
                        raise kind(message[2])
                    self._serve_one(message, buffers)
            finally:
                reserve.keep()

    def _serve_one(self, message: list, buffers: list[memoryview]) -> None:
        """Answer one request: [operation, numbers of objects no longer used, seconds, words, operands]."""
        operation, released, seconds, words, operands = message
        for number in released:
            self._objects.pop(number, None)
        decoder = wire.Decoder(buffers, self._resolve)
        encoder = wire.Encoder(self._handle)
        try:
            answer: Callable = getattr(self, f"_do_{operation}")
            operands = [decoder.decode(operand) for operand in operands]
            if operation == "cell":  # it has its own way with time limits and errors
                reply = ["cell", encoder.encode(answer(*operands, seconds, words))]
            else:
                # A request inside a callback may be interrupted although the callback may not.
                held, self._alarm._held = self._alarm._held, False
                try:
                    with self._alarm.within(seconds, words):
                        reserve.keep()
                        reply = ["value", encoder.encode(answer(*operands))]
                finally:
                    reserve.release()
                    self._alarm._held = held
        except BaseException as error:
            reserve.release()  # also where that was not possible before for want of memory
            encoder = wire.Encoder(self._handle)
            reply = _described(error)
        with self._alarm.held():
            changes = [
                [index, encoder.encode(array)]
                for index, (array, received) in enumerate(decoder.arrays)
                if wire.is_changed(array, received)
            ]
            try:
                self._send([*reply, changes], encoder.buffers)
            except frames.WireError as error:
                self._send([*_described(error), []])

    def _send(self, message: list, buffers: list[frames.Buffer] | None = None) -> None:
        frames.send(self._sock, message, buffers or ())

    def _do_cell(self, source: str, seconds: float, words: str) -> tuple:
        try:
            return self._cells.run(source, seconds, words)
        finally:
            self._lookout.compare()

    def _do_get(self, name: str) -> Any:
        if name not in self._names:
            raise NameError(name)
        return self._names[name]

    def _do_call(self, function: Any, args: tuple, kwargs: dict) -> Any:
        return function(*args, **kwargs)

    def _do_getattr(self, owner: Any, name: str) -> Any:
        return getattr(owner, name)

    def _do_getitem(self, owner: Any, key: Any) -> Any:
        return owner[key]

    def _do_len(self, owner: Any) -> int:
        return len(owner)

    def _do_contains(self, owner: Any, item: Any) -> bool:
        return bool(item in owner)

    def _do_iter(self, owner: Any) -> Any:
        return _Iterator(iter(owner))

    def _do_next(self, iterator: _Iterator) -> tuple:
        """(value,), or () at the end: a StopIteration would be taken for one of the student's."""
        try:
            return (next(iterator.items),)
        except StopIteration:
            return ()

    def _do_beside(self, first: Any, module: str, function: str, args: tuple, kwargs: dict) -> Any:
        if module.partition(".")[0] != BESIDE_PACKAGE:
            raise ImportError(f"only functions of '{BESIDE_PACKAGE}' run beside the student's code")
        return getattr(importlib.import_module(module), function)(first, *args, **kwargs)

    def _handle(self, value: object) -> list:
        """Keep an object that is not a value and tell the grader its number."""
        if isinstance(value, Callback):
            return ["callback", value._number]
        number = self._next_number
        self._next_number += 1
        self._objects[number] = value
        name = getattr(value, "__name__", "")
        name = name if type(name) is str else ""
        return ["handle", number, frames.clean_text(type(value).__name__, 100), frames.clean_text(name, 100)]

    def _resolve(self, tag: str, rest: list) -> object:
        if tag == "own":
            return self._objects[rest[0]]
        if tag == "function":
            return Callback(self, *rest)
        if tag == "named":
            return getattr(importlib.import_module(rest[0]), rest[1])
        raise frames.WireError(f"unknown kind of object: {tag}")


class _Iterator:
    """An iterator of the student's; in a wrapper, so that it always travels as a handle."""

    def __init__(self, items: Any) -> None:
        self.items = items


def _described(error: BaseException) -> list:
    """An exception as plain words: what it is called, what it says, where it happened."""
    if isinstance(error, TimeLimit):
        return ["timeout", str(error)]
    # A library's own kind of ValueError (NumPy's LinAlgError) is one for the checks, as it is in a notebook.
    kind = ValueError if isinstance(error, ValueError) else type(error)
    builtin = getattr(builtins, kind.__name__, None) is kind
    text = _text_of(error.args[0] if isinstance(error, KeyError) and len(error.args) == 1 else error)
    try:
        # The first frames are those of this file.
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        # Without the text of the lines: finding it takes longer than most of the calls.
        places = [(frame.f_code, line) for frame, line in traceback.walk_tb(trace)][-TRACEBACK_FRAMES:]
        lines = [f'File "{code.co_filename}", line {line}, in {code.co_name}\n' for code, line in places]
    except Exception:  # an exception may be made so that it cannot be shown
        lines = []
    shown = frames.clean_text("".join(lines), 16_000)
    return ["error", frames.clean_text(kind.__name__, 200), builtin, frames.clean_text(text), shown]


def forget_the_grader() -> None:
    """Give the student's code a process like a fresh kernel's: same seeds for everybody, no `input`."""
    import random

    import numpy as np

    random.seed(0)
    np.random.seed(0)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
    builtins.input = _no_input
    sys.stdin = open(os.devnull)  # noqa: SIM115
    sys.argv = [""]
    sys.path.insert(0, "")
    sys.breakpointhook = lambda *args, **kwargs: None
    checks = sys.modules.get("utils.checks")
    if checks is not None:  # what they compare with is not here
        checks.run = checks.quiz = _made_elsewhere  # type: ignore[attr-defined]


def _made_elsewhere(exercise: str, *_: object, **__: object) -> None:
    print(f"(The checks of {exercise} are made elsewhere while a notebook is graded.)")


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() cannot be used while a notebook is graded: nobody is there to answer")
