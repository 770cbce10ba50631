"""IPython without a kernel: runs cells inside the student's process and collects their outputs.

The shell is made in the warm parent, once; each student's process has its own copy by being forked.
"""

from __future__ import annotations

import base64
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from traitlets import Type
from traitlets.config import Config

from . import reserve
from .frames import clean_text

INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
# A command that installs packages, as `!pip install` or `!python -m pip install`.
_INSTALLS = re.compile(
    r"\s*(?:sudo\s+)?(?:\S*python[\d.]*\s+-m\s+)?(?:pip|conda|mamba|uv|apt|apt-get)[\d.]*\s"
)
REPEAT_SECONDS = 1.0  # code that swallowed the first alarm hears another one


class TimeLimit(BaseException):
    """Ends a cell or a call at its time limit; no `except Exception` catches it."""


class Outputs:
    """The outputs of the cell that is running, as nbformat 4 has them, up to a size."""

    def __init__(self, limit_bytes: int = 2**20) -> None:
        self.limit_bytes = limit_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything: a new cell begins, or the code called `clear_output`."""
        self.items: list[dict[str, Any]] = []
        self.cut = False
        self._size = 0
        self._clear_at_next = False

    def clear_output(self, wait: bool = False) -> None:
        """What IPython's function of this name means; the bytes spent stay spent."""
        if wait:
            self._clear_at_next = True
        else:
            self.items = []

    def stream(self, name: str, text: str) -> None:
        """Append printed text; text without end is cut."""
        text = text[: self._room(len(text))]
        if not text:
            return
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["parts"].append(text)
        else:
            self.items.append({"output_type": "stream", "name": name, "parts": [text]})

    def add(self, item: dict[str, Any], size: int) -> None:
        """Append a picture, a result or an error of about `size` bytes, if there is still room for it."""
        if self._room(size) == size:
            self.items.append(item)

    def _room(self, wanted: int) -> int:
        if self._clear_at_next:
            self._clear_at_next = False
            self.items = []
        granted = max(0, min(wanted, self.limit_bytes - self._size))
        self._size += granted
        self.cut |= granted < wanted
        return granted

    def finished(self) -> list[dict[str, Any]]:
        """The outputs as plain data."""
        result = []
        for item in self.items:
            plain = {key: value for key, value in item.items() if key not in ("parts", "display_id")}
            if "parts" in item:
                plain["text"] = clean_text("".join(item["parts"]), self.limit_bytes)
            result.append(plain)
        return result


class Stream(io.TextIOBase):
    """`sys.stdout` and `sys.stderr` of the student's code."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, outputs: Outputs, name: str, descriptor: int) -> None:
        self.name = f"<{name}>"
        self.buffer = _Bytes(self)
        self._outputs, self._stream, self._descriptor = outputs, name, descriptor

    def write(self, text: str) -> int:
        """Keep the text as output of the running cell."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._outputs.stream(self._stream, text)
        return len(text)

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The descriptor that a subprocess would write to; its text is collected after the cell."""
        return self._descriptor


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, text: Stream) -> None:
        self._text = text

    def write(self, data: Any) -> int:
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def writable(self) -> bool:
        return True


def _mime_bundle(data: dict) -> dict[str, str]:
    texts = {}
    for mime, value in data.items():
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if isinstance(mime, str) and isinstance(value, str):
            texts[mime] = str(value)
    return texts


class _Publisher(DisplayPublisher):
    shell: CourseShell

    def publish(
        self, data: dict, metadata: dict | None = None, source: Any = None, *, transient: dict | None = None,
        update: bool = False, **_: Any,
    ) -> None:  # fmt: skip
        outputs, texts = self.shell.outputs, _mime_bundle(data)
        shown = (transient or {}).get("display_id")
        if update:
            for item in outputs.items:
                if shown is not None and item.get("display_id") == shown:
                    item["data"] = texts
            return
        item = {"output_type": "display_data", "data": texts, "metadata": metadata or {}, "display_id": shown}
        outputs.add(item, sum(map(len, texts.values())))

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear_output(wait)


class _Displayhook(DisplayHook):
    shell: CourseShell

    def write_output_prompt(self) -> None:
        pass

    def finish_displayhook(self) -> None:
        self._is_active = False

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        texts = _mime_bundle(format_dict)
        item = {
            "output_type": "execute_result",
            "execution_count": self.shell.cell_number,
            "data": texts,
            "metadata": md_dict or {},
        }
        self.shell.outputs.add(item, sum(map(len, texts.values())))


def _no_installing(line: str) -> None:
    """Installing cannot work without a network; say so at once instead of after ten seconds."""
    print("Packages cannot be installed while a notebook is graded; the course's packages are all there.")


class CourseShell(InteractiveShell):
    """Runs cells and keeps their outputs."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Displayhook)

    def __init__(self, **settings: Any) -> None:
        self.outputs = Outputs()
        self.cell_number = 1
        super().__init__(**settings)
        self.set_custom_exc((TimeLimit,), _show_time_limit)
        for name in ("pip", "conda", "mamba", "micromamba", "uv"):  # in place of IPython's own magics
            self.magics_manager.register_function(_no_installing, magic_kind="line", magic_name=name)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no event loop to integrate with."""

    def _tee(self, channel: str) -> Any:
        """Keep no second copy of all that is printed, for a history that is never saved."""
        return nullcontext()

    def ask_exit(self) -> None:
        """`exit` and `quit` end the cell, not the notebook."""
        raise SystemExit("exit() does nothing in a notebook that is graded")

    def system(self, command: str) -> None:
        """`!command`: its text goes to the descriptors 1 and 2 like that of any compiled code."""
        if _INSTALLS.match(command):
            _no_installing(command)
            return
        finished = subprocess.run(self.var_expand(command, depth=1), shell=True, stdin=subprocess.DEVNULL)
        self.user_ns["_exit_code"] = finished.returncode

    system_raw = system_piped = system

    async def run_code(self, *args: Any, **settings: Any) -> bool:
        """Run what a cell was compiled to, without the reserve of memory."""
        reserve.keep()
        try:
            return await super().run_code(*args, **settings)
        finally:
            reserve.release()

    def showtraceback(self, *args: Any, **settings: Any) -> None:
        """Format the error that has ended the cell's code."""
        reserve.release()
        super().showtraceback(*args, **settings)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        name = clean_text(getattr(etype, "__name__", str(etype)), 200)
        value = clean_text(_text_of(evalue))
        lines = [clean_text(line, 20_000) for line in stb]
        item = {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}
        self.outputs.add(item, len(value) + sum(map(len, lines)))


def _text_of(error: object) -> str:
    try:
        return str(error)
    except Exception:  # a student's own exception may not even be printable
        return f"({type(error).__name__} without a readable message)"


def _show_time_limit(
    shell: CourseShell, kind: type, value: TimeLimit, trace: Any, tb_offset: Any = None
) -> None:
    shell._showtraceback(type("TimeoutError", (), {}), value, [f"TimeoutError: {value}"])


def prepare(folder: str) -> CourseShell:
    """Make the shell in the warm parent.

    Args:
        folder: where IPython may think its profile lies; nothing of the user's own profile is read.
    """
    config = Config()
    config.HistoryManager.enabled = False  # its thread and its file are of no use here
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.ipython_dir = folder
    profile = ProfileDir.create_profile_dir(os.path.join(folder, "profile"))
    shell = CourseShell.instance(config=config, profile_dir=profile)
    import matplotlib
    import matplotlib_inline.backend_inline as inline

    matplotlib.use(INLINE_BACKEND)
    inline.configure_inline_support(shell, INLINE_BACKEND)
    return shell


class Alarm:
    """Interrupts the student's code at a time limit.

    Code that swallows the interruption, or sits in compiled code, is ended by the driver a little later.
    """

    def __init__(self) -> None:
        self._armed = False
        self._held = False
        self._missed = False  # it rang while it was held
        self._words: str | None = None
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self._armed and self._words:
            if not self._held:
                raise TimeLimit(self._words)
            self._missed = True

    @contextmanager
    def within(self, seconds: float, words: str) -> Iterator[None]:
        """Raise TimeLimit(words) in the block after so many seconds; may be nested (a call in a callback)."""
        outer_armed, outer_words = self._armed, self._words
        start = time.monotonic()
        left, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), REPEAT_SECONDS)
        self._armed, self._words, self._missed = True, words, False
        try:
            yield
        finally:
            self._armed, self._words, self._missed = outer_armed, outer_words, False
            left = max(left - (time.monotonic() - start), 0.001) if left else 0
            signal.setitimer(signal.ITIMER_REAL, left, REPEAT_SECONDS if left else 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No interruption in the block: half a message on the wire would be the end of the process.

        One that was due comes behind it: code that does nothing but call back is nearly always in such a
        block.
        """
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before
        if self._missed and self._armed and not self._held:
            self._missed = False
            raise TimeLimit(self._words)


class CellRunner:
    """Runs cells one after the other in this process and returns what they put out."""

    def __init__(self, shell: CourseShell, alarm: Alarm, output_bytes: int, scratch: str) -> None:
        self._shell, self._alarm = shell, alarm
        shell.outputs.limit_bytes = output_bytes
        sys.stdout = Stream(shell.outputs, "stdout", 1)
        sys.stderr = Stream(shell.outputs, "stderr", 2)
        self._files = [(name, _capture(number, scratch)) for name, number in (("stdout", 1), ("stderr", 2))]

    def run(self, source: str, seconds: float, words: str) -> tuple[list[dict[str, Any]], str, bool]:
        """Run a cell.

        Returns:
            its outputs; "ok", "error" or "timeout"; whether outputs were cut.
        """
        outputs = self._shell.outputs
        outputs.clear()
        # IPython counts on while the cell is running, since when depends on its version.
        self._shell.cell_number = self._shell.execution_count
        status = "error"
        try:
            with self._alarm.within(seconds, words):
                result = self._shell.run_cell(source, store_history=True)
            status = "ok" if result.success else "error"
            if isinstance(result.error_in_exec, TimeLimit):
                status = "timeout"
        except TimeLimit as limit:  # it rang while IPython was drawing figures or formatting a result
            _show_time_limit(self._shell, TimeLimit, limit, None)
            status = "timeout"
        except Exception as error:  # IPython itself failed, mostly for want of memory
            reserve.release()
            if isinstance(error.__context__, MemoryError):
                error = error.__context__
            words = f"{type(error).__name__}: {_text_of(error)}"
            self._shell._showtraceback(type(error), error, [words])
        except SystemExit:
            pass
        for name, file in self._files:
            self._collect(name, file)
        return outputs.finished(), status, outputs.cut

    def _collect(self, name: str, file: int) -> None:
        """Text that went round `sys.stdout`: compiled code and subprocesses."""
        size = os.fstat(file).st_size
        if size:
            text = os.pread(file, min(size, self._shell.outputs.limit_bytes + 1), 0)
            os.ftruncate(file, 0)
            self._shell.outputs.stream(name, text.decode("utf-8", "replace"))


def _capture(number: int, folder: str) -> int:
    """Make descriptor `number` write to a nameless file; the file-size limit stops who floods it."""
    path = os.path.join(folder, f".output{number}")
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    os.dup2(file, number, inheritable=True)
    return file
