"""The look-out in the student's process: tells the grader, over a pipe, of what no exercise needs.

Python announces many actions to an audit hook; those that the student's own lines cause are looked at here.
Nothing is prevented: that is the sandbox's work. Code that knows of the look-out can silence it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from operator import is_
from types import FrameType, FunctionType, ModuleType
from typing import Any

from .namespaces import ROOT

MOST_LINES = 60  # so that the pipe, which nobody reads before the end, never fills up

_INTERPRETER = {
    "sys._getframe",
    "sys._current_frames",
    "sys.settrace",
    "sys.setprofile",
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
}
_MEMORY = {"ctypes.dlopen", "ctypes.dlsym", "ctypes.string_at", "ctypes.wstring_at", "ctypes.cdata"}
_NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"}
_LISTING = {
    "os.listdir",
    "os.scandir",
    "sqlite3.connect",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.rename",
}
_SIGNALS = {"os.kill", "os.killpg"}

# Harmless to read in /proc: what the machine is.
_STRANGE = re.compile(
    r"hidden\.npz|answers\.npz|gradebook\.db|/etc/shadow|/(?:solutions|submitted|autograded)(?:/|$)"
    r"|^/proc(?!/(?:cpuinfo|meminfo|version|stat|loadavg|uptime)$)"
)
_OWN_PLACES = ("/scratch", "/tmp", "/dev/shm", "/dev/null", "/dev/tty", "/dev/std")
_OURS = ("utils.", "autograder.")
_LIBRARIES = (sys.prefix, sys.base_prefix, str(ROOT))
# Modules that act for whoever called them.
_BETWEEN = (
    "/pathlib.py", "/shutil.py", "/os.py", "/glob.py", "/inspect.py", "/codecs.py", "/socket.py",
    "/ctypes/__init__.py", "/urllib/request.py", "/http/client.py", "/lib/_npyio_impl.py", "/gzip.py",
    "/lib/npyio.py", "/zipfile.py", "/subprocess.py", "<frozen os>", "<frozen posixpath>", "<frozen codecs>",
)  # fmt: skip

_OPENING = (*_BETWEEN, "/IPython/core/interactiveshell.py")  # cells have IPython's `open`


class Lookout:
    """Tells of each kind of thing and detail once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._told: set[str] = set()
        self._before, self._modules = _functions(), own_modules()
        sys.addaudithook(self._hook())

    def compare(self) -> None:
        """Tell which of the functions that were there at the start are others by now."""
        for owner, functions in self._before.items():
            # One step for all of them: there are more than a thousand.
            if not all(map(is_, map(vars(owner).get, functions), functions.values())):
                for name, function in functions.items():
                    if vars(owner).get(name) is not function:
                        self._tell("replaced", f"{owner.__name__}.{name}")
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                self._tell("replaced", name)

    def _tell(self, kind: str, detail: str) -> None:
        line = f"{kind}\t{' '.join(detail.split())[:100]}\n"
        if line not in self._told and len(self._told) < MOST_LINES:
            self._told.add(line)
            with suppress(OSError):
                os.write(self._descriptor, line.encode("utf-8", "replace"))

    def _hook(self) -> Callable[[str, tuple], None]:
        watched = {"open", *_INTERPRETER, *_MEMORY, *_NETWORK, *_LISTING, *_SIGNALS}

        def hook(event: str, arguments: tuple) -> None:
            if event not in watched:
                return
            try:
                found = _judge(event, arguments)
                between = _OPENING if found and found[0] in ("files", "write") else _BETWEEN
                if found and _is_students(_caller(), between):
                    self._tell(*found)
            except Exception:  # the arguments may be objects that raise; the action itself goes on
                return

        return hook


def _judge(event: str, arguments: tuple) -> tuple[str, str] | None:
    """The kind and the detail of an action that is worth telling."""
    if event in _INTERPRETER:
        return "interpreter", event
    if event in _MEMORY:
        return "memory", event
    if event in _NETWORK:
        return "network", event
    if event in _SIGNALS:
        target = arguments[0]
        return None if target == os.getpid() else ("signals", f"{event}({target}, …)")
    path = arguments[0]
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    place = os.fsdecode(path)
    if _STRANGE.search(place):
        return "files", place
    if event != "open":
        return None
    mode, flags = arguments[1], arguments[2]
    writing = any(c in mode for c in "wax+") if isinstance(mode, str) else flags & (os.O_WRONLY | os.O_RDWR)
    absolute = os.path.abspath(place)
    if writing and not absolute.startswith((*_OWN_PLACES, os.environ.get("HOME", "/scratch"))):
        return "write", place
    return None


def _caller() -> FrameType | None:
    """The frame that caused the event; without `sys._getframe`, which is an event itself."""
    try:
        raise RuntimeError
    except RuntimeError as error:
        trace = error.__traceback__
        hook = trace.tb_frame.f_back if trace else None
        return hook.f_back if hook else None


def _is_students(frame: FrameType | None, between: tuple[str, ...]) -> bool:
    """Whether a frame belongs to a cell, or acts for one directly."""
    for _ in range(30):
        if frame is None:
            return False
        file = frame.f_code.co_filename
        if file.startswith(("<ipython-input", "<string>")):
            return True
        if file.startswith(("/scratch/", "/tmp/")) and not file.startswith(_LIBRARIES):
            return True
        if not file.endswith(between):
            return False
        frame = frame.f_back
    return False


@cache
def own_modules() -> dict[str, ModuleType]:
    """The course's own modules. Found once, in the warm parent: to look at all modules copies their pages."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.startswith(_OURS) and isinstance(module, ModuleType)
    }


def _functions() -> dict[Any, dict[str, Any]]:
    """What cheats like to replace: functions of Python, NumPy, PyTorch, the checks and the grader's parts.

    By the module or class to which they belong.
    """
    found: dict[Any, dict[str, Any]] = {}
    for name, module in own_modules().items():
        own = found[module] = {
            key: value
            for key, value in vars(module).items()
            if isinstance(value, (FunctionType, type)) and value.__module__.startswith(_OURS)
        }
        for value in own.values():
            if isinstance(value, type) and value.__module__ == name:
                parts = vars(value).items()
                found[value] = {part: made for part, made in parts if isinstance(made, FunctionType)}
    for name, chosen in (
        ("builtins", ("isinstance", "all", "any", "bool", "abs", "len", "print", "AssertionError", "open")),
        ("numpy", ("allclose", "array_equal", "isclose", "array_equiv", "asarray", "load")),
        ("torch", ("allclose", "equal", "isclose", "manual_seed")),
    ):
        library = sys.modules.get(name)
        if library is not None:
            found[library] = {key: vars(library)[key] for key in chosen if key in vars(library)}
    testing = sys.modules.get("numpy.testing")
    if testing:
        asserting = vars(testing).items()
        found[testing] = {key: value for key, value in asserting if key.startswith("assert")}
    return found
