"""A class of hostile, broken and odd submissions of the small assignment, each with the points it may get."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = "01_mini"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
LEFT_BEHIND = "hostile-left-this"  # in the names of files and processes that must not survive
SECRETS = (  # of hidden tests, solutions, answers and other students; no submission spells them out
    "2e300",
    "1e300",
    "(2, 11)",
    "    return 2 * x\n    ###",
    "self.value = start\n        ### END",
    "STORED-HIDDEN-ANSWERS",
    "WORK-OF-ANOTHER",
)
HONEST = (
    "aa-honest",
    "mm-honest",
    "zz-honest",
)  # at the beginning, in the middle and at the end of the class

RIGHT = {
    "double": "def double(x):\n    return x + x  # WORK-OF-ANOTHER",
    "Counter": (
        "class Counter:\n    def __init__(self, start=0):\n        self.value = start\n"
        "    def up(self):\n        self.value += 1\n        return self.value"
    ),
    "quiz_sides": "quiz_sides = 3",
    "quiz_corners": "quiz_corners = 3",
}
WRONG = {
    "double": "def double(x):\n    return 0",
    "Counter": "class Counter:\n    def __init__(self, start=0):\n        pass\n    def up(self):\n        return 0",
    "quiz_sides": "quiz_sides = 4",
    "quiz_corners": "quiz_corners = 4",
}
OWN = {**RIGHT, "double": "def double(x):\n    return x + x"}
ALL, DOUBLE, VISIBLE = 100, 40, 20  # points: of everything, of the first exercise, of the visible checks

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One submission and the points that it may get."""

    name: str
    most: float
    least: float = 0
    answers: dict[str, str] = field(default_factory=dict)
    first: str = ""  # a cell of the student's own, before all others
    last: str = ""  # and one behind all others
    edit: Callable[[Notebook], Any] = lambda notebook: None
    write: Callable[[Path, str], Any] = lambda path, text: path.write_text(text)
    statuses: tuple[str, ...] = ("graded", "graded with repairs", "stopped early")

    def hand_in(self, course: Path) -> None:
        """Put the submission where students' files are collected."""
        notebook = json.loads((course / "notebooks" / NAME / f"{NAME}.ipynb").read_text())
        for cell in notebook["cells"]:
            cell["source"] = self.answers.get(cell["id"], "".join(cell["source"]))
        for place, source in ((0, self.first), (len(notebook["cells"]) + 1, self.last)):
            if source:
                notebook["cells"].insert(place, code_cell(source.replace("COURSE_FOLDER", str(course))))
        self.edit(notebook)
        path = course / "submitted" / self.name / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        self.write(path, json.dumps(notebook))


def code_cell(source: str, **metadata: Any) -> Notebook:
    """A code cell as nbformat 4 has it."""
    return {
        "cell_type": "code",
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


def cheats() -> list[Case]:
    """Code that earns nothing and tries to look as if it did."""
    everywhere = [Case(name, 0, answers=WRONG, first=code) for name, code in CHEATS_BESIDE_WRONG_CODE.items()]
    instead = [
        Case(name, 0, answers={**WRONG, "double": code, "Counter": code.replace("def double", "def Counter")})
        for name, code in CHEATS_AS_SOLUTION.items()
    ]
    edited = [Case(name, 0, answers=WRONG, edit=edit) for name, edit in EDITS.items()]
    forged = [Case(name, VISIBLE, answers=WRONG, first=code) for name, code in FORGERIES.items()]
    number = "class Three(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\n"
    quizzes = [
        Case("quiz-always-equal", 0, answers={**WRONG, "quiz_sides": f"{number}quiz_sides = Three(7)"}),
        Case("quiz-of-many-digits", 0, answers={**WRONG, "quiz_sides": "quiz_sides = 10 ** 15_000"}),
        Case("quiz-is-a-mock", 0, answers={**WRONG, "quiz_sides": QUIZ_MOCK}),
    ]
    return [*everywhere, *instead, *edited, *forged, *quizzes]


def abuses() -> list[Case]:
    """Right code for the first exercise; the second one takes all it can get."""
    found = [
        Case(name, ALL, least=DOUBLE, answers={**OWN, "Counter": f"{OWN['Counter']}\n{code}"})
        for name, code in ABUSES.items()
    ]
    found += [
        Case(name, DOUBLE, least=DOUBLE, answers={**OWN, "Counter": dying(code)})
        for name, code in DEATHS.items()
    ]
    found += [
        Case(name, ALL - DOUBLE - 20, answers={**OWN, "double": f"def double(x):\n    {code}"})
        for name, code in RETURNS.items()
    ]
    script = "from IPython.display import HTML, SVG, Javascript, Markdown, display\n" + "".join(
        f"display({kind}({SCRIPT!r}))\n" for kind in ("HTML", "Javascript", "Markdown")
    )
    script += f"print({SCRIPT!r})\ndisplay({{'image/png': {SCRIPT!r}, 'text/html': {SCRIPT!r}}}, raw=True)\n"
    answers = {**OWN, "Counter": f"raise ValueError({SCRIPT!r})", "quiz_sides": f"quiz_sides = {SCRIPT!r}"}
    found.append(Case("scripts", ALL - 30, DOUBLE, answers, first=script, edit=_add_scripts))
    many = Case("outputs-of-many-cells", ALL, least=ALL, answers=OWN, edit=many_loud_cells)
    return [*found, many]


def dying(code: str) -> str:
    """A class whose use in a check runs `code`."""
    return (
        f"class Counter:\n    def __init__(self, start=0):\n        import ctypes, os, signal\n        {code}"
    )


def broken() -> list[Case]:
    """Files that are no proper notebook."""
    bad = [
        Case(name, 0, write=write, statuses=("ungradable", "missing")) for name, write in BAD_FILES.items()
    ]
    saved = [Case(name, ALL, least=ALL, answers=OWN, write=write) for name, write in ODD_FILES.items()]
    strange = [Case(name, 0, answers={**WRONG, "double": code}) for name, code in STRANGE_CODE.items()]
    return [*bad, *saved, *strange]


def oddities() -> list[Case]:
    """Honest work that looks odd: full marks."""
    found = [Case(name, ALL, least=ALL, answers={**OWN, **answers}) for name, answers in ODD_ANSWERS.items()]
    found += [Case(name, ALL, least=ALL, answers=OWN, first=code) for name, code in ODD_CELLS.items()]
    found += [Case(name, ALL, least=ALL, answers=OWN, edit=edit) for name, edit in ODD_EDITS.items()]
    helper = "def help_me(x):\n    return 2 * x\ndef double(x):\n    return help_me(x)"
    later = "def help_me():\n    return None\ndouble = None"
    found.append(Case("names-reused-at-the-end", ALL, ALL, answers={**OWN, "double": helper}, last=later))
    return found


def honest() -> list[Case]:
    """Those who must not notice any of this."""
    return [Case(name, ALL, least=ALL, answers=RIGHT, statuses=("graded",)) for name in HONEST]


# Cheating

CHEATS_BESIDE_WRONG_CODE = {
    "patch-numpy-testing": """
import numpy as np, numpy.testing as t
for name in dir(t):
    if name.startswith("assert"):
        setattr(t, name, lambda *a, **k: None)
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True""",
    "patch-builtins": """
import builtins
builtins.isinstance = lambda *a: True
builtins.all = builtins.any = builtins.bool = lambda *a: True
builtins.AssertionError = type("Quiet", (Exception,), {})""",
    "ast-transformer": """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())""",
    "input-transformer": """
get_ipython().input_transformers_cleanup.append(lambda lines: [l for l in lines if "assert" not in l])""",
    "shell-hooks": """
shell = get_ipython()
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
shell.events.register("pre_run_cell", lambda info: setattr(info, "raw_cell", "pass"))
shell.events.register("post_run_cell", lambda result: setattr(result, "error_in_exec", None))
shell.display_pub.publish = lambda *a, **k: None""",
    "trace-function": """
import sys, threading
def trace(frame, event, arg):
    frame.f_trace_lines = False
    return trace
sys.settrace(trace); threading.settrace(trace); sys.setprofile(lambda *a: None)""",
    "patch-checks": """
from utils import checks
checks.run = checks.quiz = lambda *a, **k: print("✔")
checks.CheckFailed = KeyboardInterrupt""",
    "patch-probes": """
from utils import probes
for name in dir(probes):
    if callable(getattr(probes, name)):
        setattr(probes, name, lambda *a, **k: {"output": 6})""",
    "print-the-regression": """
def double(x):
    print([0, 2, 4, 6])
    print("4.000")
    return 0
print("[0, 2, 4, 6]\\n4.000")""",
    "search-objects": """
import gc, re, sys
for thing in gc.get_objects() + list(sys.modules):
    if type(thing) in (str, dict, list, tuple):
        for found in re.findall(r".{0,20}2e30[0].{0,20}|HIDDEN[ ]TEST.*", str(thing)[:100_000]):
            print("found", found)""",
    "search-memory": """
import re
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        span, rights, *_ = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if "rw" in rights and end - start < 2**27 and "[v" not in line:
            memory.seek(start)
            for found in re.findall(rb".{0,20}2e30[0].{0,20}", memory.read(end - start)):
                print("found", found)""",
    "search-disk": """
import os
for top in ("/", "COURSE_FOLDER", "..", "/proc/1/root", "/proc/self/cwd/..", "/proc/self/root"):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if os.path.join(folder, f) not in ("/usr", "/proc", "/sys")][:50]
        for file in files[:500]:
            if file.endswith((".npz", ".db", "mini.py", "mini.ipynb")):
                with open(os.path.join(folder, file), "rb") as stream:
                    print(folder, file, stream.read(5_000_000))""",
    "search-descriptors": """
import os
for number in os.listdir("/proc/self/fd"):
    try:
        print(number, os.readlink(f"/proc/self/fd/{number}"), os.pread(int(number), 100_000, 0))
    except OSError as error:
        print(number, error)""",
    "search-other-processes": """
import os
for number in sorted(os.listdir("/proc")):
    for part in ("environ", "cmdline", "root/etc/shadow", "cwd", "mem"):
        try:
            print(open(f"/proc/{number}/{part}", "rb").read(1000) if number.isdigit() else "")
        except OSError:
            pass""",
    "load-the-assignment": """
import sys
from pathlib import Path
from autograder import assignment, grade
grade._Grading.run = lambda self, start: 100
for root in ("COURSE_FOLDER", ".", "/scratch", str(Path(assignment.__file__).parents[1])):
    try:
        loaded = assignment.load(Path(root), "01_mini")
        print([cell.source for cell in loaded.cells])
    except BaseException as error:
        print(type(error))""",
    "write-to-the-course": f"""
import sqlite3
for path in ("COURSE_FOLDER/gradebook.db", "COURSE_FOLDER/{LEFT_BEHIND}", "/usr/{LEFT_BEHIND}",
             "/tmp/{LEFT_BEHIND}", "/dev/shm/{LEFT_BEHIND}", "01_mini.ipynb", "../{LEFT_BEHIND}"):
    try:
        open(path, "w").write("all points")
        sqlite3.connect(path).execute("update grade set auto_score = 100")
    except Exception as error:
        print(type(error))""",
    "thread-that-stays": """
import builtins, threading, time
def meddle():
    while True:
        globals()["double"] = Always()
        builtins.print = lambda *a, **k: None
        time.sleep(0.001)
class Always:
    def __call__(self, *a): return self
    def __eq__(self, other): return True
threading.Thread(target=meddle, daemon=True).start()""",
    "use-the-network": """
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", 8786)), (socket.AF_UNIX, "\\0autograder")):
    try:
        socket.socket(family).connect(address)
        print("connected", address)
    except OSError as error:
        print(error)""",
}

QUIZ_MOCK = "from unittest.mock import MagicMock\nquiz_sides = MagicMock(spec=int)\nquiz_sides.__eq__.return_value = True"

CHEATS_AS_SOLUTION = {
    "always-equal": """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __float__(self): return 4.0
    def __getattr__(self, name): return lambda *a: self
def double(x):
    return Equal()""",
    "equal-number": """
class Equal(float):
    def __eq__(self, other): return True
    __hash__ = None
def double(x):
    return Equal(0)""",
    "equal-list": """
class Equal(list):
    def __eq__(self, other): return True
def double(x):
    return Equal([1])""",
    "lying-array": """
import numpy as np
class Lie(np.ndarray):
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return np.array(6)
    def __array_ufunc__(self, *a, **k): return True
def double(x):
    return np.zeros(1).view(Lie)""",
    "empty-array": "import numpy as np\ndef double(x):\n    return np.zeros(0)",
    "not-a-number": "def double(x):\n    return float('nan')",
    "ask-the-caller": """
import inspect, sys
def double(x):
    for frame in inspect.stack(context=9):
        for value in [*frame.frame.f_locals.values(), *frame.frame.f_globals.values()]:
            if type(value) in (int, float, tuple) and value in (6, -3, 4.0):
                pass
        print(frame.code_context)
    return sys._getframe(1).f_locals.get("expected", 0)""",
    "raise-check-failed": "class CheckFailed(AssertionError):\n    pass\ndef double(x):\n    raise CheckFailed('✔')",
    "raise-system-exit": "def double(x):\n    raise SystemExit(0)",
    "raise-interrupt": "def double(x):\n    raise KeyboardInterrupt",
    "raise-stop": "def double(x):\n    raise StopIteration(6)",
    "raise-generator-exit": "def double(x):\n    raise GeneratorExit",
    "raise-hostile-words": """
class Odd(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
class Loud(Odd):
    def __str__(self): return self.__str__()
Loud.__name__ = "AssertionError\\n" * 50_000
def double(x):
    raise (Odd if x == 3 else Loud)(x)""",
    "tell-the-hidden-inputs": """
def double(x):
    if x == 3:
        return 6 + 1
    raise AssertionError("SAID " + repr(x))""",
    "tell-the-hidden-inputs-by-name": """
def double(x):
    raise type("SAID " + repr(x), (Exception,), {})()""",
    "rewind-the-counter": """
from autograder import referee, student, service, wire
referee._failed = student.StudentProcess._ask = wire.Decoder.decode = lambda *a, **k: True
def double(x):
    return True""",
}

_SOCKET = """
import msgpack, os, socket, stat, struct
for number in map(int, os.listdir("/proc/self/fd")):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            wire = number
    except OSError:
        pass
def reply(*message):
    header = msgpack.packb([list(message), []])
    return struct.pack("<4sIQ", b"crs1", len(header), 0) + header
"""
FORGERIES = {  # the answers of visible checks are known to everybody; no others can be told in advance
    "replies-in-advance": f"""{_SOCKET}
for value in (["handle", 1, "function", "double"], 6, 6, 0, 3, True) * 4:
    os.write(wire, reply("value", value, []))""",
    "true-in-advance": f"""{_SOCKET}
os.write(wire, reply("cell", ["list", [["list", []], "ok", False]], []) * 30 + reply("value", True, []) * 99)""",
    "garbage-on-the-wire": f"{_SOCKET}\nos.write(wire, b'crs1' + b'\\xff' * 5000)",
    "callbacks-never-given": f"{_SOCKET}\nos.write(wire, reply('callback', 0, ['tuple', []], ['dict', []]) * 9)",
    "changes-of-nothing": f"{_SOCKET}\nos.write(wire, reply('value', 6, [[0, 6]]) * 99)",
    "service-replaced": """
from autograder.service import Service
Service._serve_one = lambda self, message, buffers: self._send(["value", 6, []])""",
    "errors-in-advance": f"""{_SOCKET}
for name in ("StudentDied", "CheckFailed", "SystemExit", "StopIteration"):
    os.write(wire, reply("error", name, True, "fine", "", []) * 9)""",
}


def _add_scripts(notebook: Notebook) -> None:
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": f"# {SCRIPT}\n\n{SCRIPT}"})
    notebook["metadata"]["title"] = SCRIPT


def _tests(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]


def _edit_tests(source: str = "", **metadata: Any) -> Callable[[Notebook], None]:
    def edit(notebook: Notebook) -> None:
        for cell in _tests(notebook):
            cell["source"] = source or cell["source"]
            cell["metadata"].update({key: value for key, value in metadata.items() if key != "nbgrader"})
            cell["metadata"]["nbgrader"].update(metadata.get("nbgrader", {}))

    return edit


def _delete_tests(notebook: Notebook) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in _tests(notebook)]


def _copy_tests(notebook: Notebook) -> None:
    copies = [{**cell, "source": "pass", "id": f"copy-{i}"} for i, cell in enumerate(_tests(notebook))]
    notebook["cells"] = [*copies, *notebook["cells"], *copies]


def _fake_outputs(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": "✔ [0, 2, 4, 6]"},
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": {"text/plain": "100.0"},
                },
            ]


def _fake_grade(notebook: Notebook) -> None:
    notebook["metadata"]["course"] = {
        **notebook["metadata"].get("course", {}),
        "grade": {"score": 100, "max_score": 100},
        "limits": {"total_seconds": 1e9},
    }
    for cell in _tests(notebook):
        cell["metadata"]["course"] = {"role": "solution", "exercise": "double", "defines": ["assert"]}


def _tests_as_text(notebook: Notebook) -> None:
    for cell in _tests(notebook):
        cell["cell_type"] = "markdown"


EDITS: dict[str, Callable[[Notebook], Any]] = {
    "delete-tests": _delete_tests,
    "empty-tests": _edit_tests("pass"),
    "tests-that-return-points": _edit_tests("100.0"),
    "reverse-cells": lambda notebook: notebook["cells"].reverse(),
    "copy-tests": _copy_tests,
    "skip-tags": _edit_tests(tags=["skip-execution", "raises-exception", "nbval-skip"]),
    "more-points": _edit_tests(nbgrader={"points": 10_000}),
    "no-points": _edit_tests(nbgrader={"points": float("nan"), "grade": False}),
    "tests-as-solutions": _edit_tests("pass", nbgrader={"solution": True, "grade": False}),
    "tests-as-text": _tests_as_text,
    "fake-outputs": _fake_outputs,
    "fake-grade": _fake_grade,
}

# Abuse

ABUSES = {
    "fork-bomb": "import os\nwhile True:\n    os.fork()",
    "take-memory": "kept = []\nwhile True:\n    kept.append(bytearray(10_000_000))",
    "take-memory-in-children": """
import os, time
for _ in range(6):
    if os.fork() == 0:
        kept = bytearray(150_000_000)
        time.sleep(60)
time.sleep(2)""",
    "fill-the-disk": f"""
for number in range(100):
    with open(f"{LEFT_BEHIND}-{{number}}", "wb") as stream:
        for _ in range(1000):
            stream.write(bytes(1_000_000))""",
    "flood-stdout": "while True:\n    print('flood ' * 1000)",
    "flood-descriptor": "import os\nwhile True:\n    os.write(1, b'flood' * 10_000)",
    "flood-displays": "from IPython.display import display, HTML\nfor _ in range(3000):\n    display(HTML('x' * 5000))",
    "sleep": "import time\ntime.sleep(600)",
    "ignore-the-alarm": """
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
while True:
    pass""",
    "catch-everything": """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass""",
    "thousands-of-threads": """
import threading, time
for _ in range(3000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()""",
    "flood-of-descriptors": "import os\nkept = [os.open('/dev/null', 0) for _ in range(100_000)]",
    "daemons": f"""
import os, subprocess
subprocess.Popen(["/bin/sh", "-c", "sleep 600 # {LEFT_BEHIND}"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            pass
    os._exit(0)""",
    "child-keeps-the-socket": """
import os
if os.fork():
    os._exit(0)
os.setsid()""",
    "kill-everybody": """
import os, signal
for target in (-1, 0, 1, os.getppid(), *range(2, 300)):
    if target != os.getpid():
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            pass""",
    "deep-recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef down():\n    return down()\ndown()",
    "close-the-socket": "import os\nos.closerange(0, 500)",
}
DEATHS = {
    "exit-in-a-check": "os._exit(0)",
    "abort-in-a-check": "os.abort()",
    "segfault-in-a-check": "ctypes.string_at(0)",
    "killed-in-a-check": "os.kill(os.getpid(), signal.SIGKILL)",
    "stopped-in-a-check": "os.kill(os.getpid(), signal.SIGSTOP)",
}
RETURNS = {  # as answers of the first function; the other exercises are right
    "return-too-much": "import numpy as np; return np.zeros(40_000_000)",
    "return-deep-nesting": "a = []\n    for _ in range(100_000): a = [a]\n    return a",
    "return-itself": "a = []; a.append(a); return a",
    "return-for-ever": "import itertools; return itertools.count()",
    "return-a-long-text": "return 'x' * 30_000_000",
    "return-many-objects": "return [object() for _ in range(300_000)]",
    "return-colliding-keys": "return {(2**61 - 1) * i: i for i in range(200_000)}",
}


def many_loud_cells(notebook: Notebook) -> None:
    """Each cell stays below the limit, all together do not."""
    notebook["cells"] += [code_cell("print('\\x01' * 60_000)") for _ in range(480)]


# Files


def _linked(path: Path, text: str) -> None:
    path.symlink_to(path.parents[3] / "solutions" / NAME / path.name)


def _linked_folder(path: Path, text: str) -> None:
    path.parent.rmdir()
    path.parent.symlink_to(path.parents[3] / "submitted" / HONEST[0] / NAME)


def _pipes(path: Path, text: str) -> None:
    os.mkfifo(path)
    os.mkfifo(path.with_name("timestamp.txt"))


def _file_as_folder(path: Path, text: str) -> None:
    path.parent.rmdir()
    path.parent.write_text(text)


def _huge(path: Path, text: str) -> None:
    with path.open("wb") as stream:
        stream.write(b'{"cells": [')
        stream.truncate(200 << 20)  # takes no room on the disk


def _old_format(path: Path, text: str) -> None:
    cells = [
        {**{k: v for k, v in cell.items() if k not in ("source", "id")}, "input": cell["source"]}
        if cell["cell_type"] == "code"
        else cell
        for cell in json.loads(text)["cells"]
    ]
    sheets = [{"cells": cells, "metadata": {}}]
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets}))


BAD_FILES: dict[str, Callable[[Path, str], Any]] = {
    "file-empty": lambda path, text: path.write_text(""),
    "file-missing": lambda path, text: None,
    "file-not-json": lambda path, text: path.write_text("def double(x):\n    return 2"),
    "file-other-json": lambda path, text: path.write_text('[{"cells": 3}]'),
    "file-cells-of-another-kind": lambda path, text: path.write_text(
        '{"cells": [1, null, {"cell_type": []}]}'
    ),
    "file-cut-off": lambda path, text: path.write_text(text[: len(text) // 2]),
    "file-nested": lambda path, text: path.write_text("[" * 200_000),
    "file-nested-cells": lambda path, text: path.write_text(
        '{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}"
    ),
    "file-huge": _huge,
    "file-binary": lambda path, text: path.write_bytes(bytes(range(256)) * 999),
    "file-huge-number": lambda path, text: path.write_text('{"cells": [' + "9" * 100_000 + "]}"),
    "link-to-the-solution": _linked,
    "link-to-another-student": _linked_folder,
    "link-to-a-device": lambda path, text: path.symlink_to("/dev/zero"),
    "pipe": _pipes,
    "folder-as-file": lambda path, text: path.mkdir(),
    "file-as-folder": _file_as_folder,
}
ODD_FILES: dict[str, Callable[[Path, str], Any]] = {
    "saved-with-bom": lambda path, text: path.write_text("\ufeff" + text),
    "saved-as-utf-16": lambda path, text: path.write_text(text, "utf-16"),
    "saved-with-crlf": lambda path, text: path.write_bytes(
        json.dumps(json.loads(text), indent=1).replace("\n", "\r\n").replace("\\n", "\\r\\n").encode()
    ),
    "saved-in-an-old-format": _old_format,
    "saved-by-another-name": lambda path, text: path.with_name("Copy of mini (1).ipynb").write_text(text),
    "saved-beside-large-files": lambda path, text: (
        path.write_text(text),
        os.truncate(os.open(path.with_name("data.bin"), os.O_CREAT | os.O_RDWR), 1 << 32),
        os.mkfifo(path.with_name("pipe")),
        path.with_name("numpy.py").write_text("raise SystemExit"),
        path.with_name("sitecustomize.py").write_text("raise SystemExit"),
    ),
}
STRANGE_CODE = {
    "code-of-brackets": "(" * 90_000,
    "code-of-signs": "x = " + "-" * 90_000 + "1",
    "code-of-sums": "x = " + "1+" * 90_000 + "1",
    "code-of-dots": "x = a" + ".a" * 90_000,
    "code-of-calls": "x = a" + "()" * 60_000,
    "code-of-lambdas": "x = " + "lambda:" * 25_000 + "1",
    "code-of-blocks": "\n".join(" " * i + "if 1:" for i in range(400)),
    "code-of-comparisons": "x = 1" + " < 1" * 40_000,
    "code-of-digits": "x = " + "9" * 90_000,
    "code-of-nulls": "x = 1\0\ud800",
    "code-of-patterns": "def double(x): return (" + "[" * 150 + "]" * 150 + ")",
}

# Honest

ODD_ANSWERS = {
    "annotated": {
        "double": "from __future__ import annotations\ndef double(x: 'np.ndarray | float') -> Odd:\n    return 2 * x"
    },
    "talkative": {
        "double": """
import sys, warnings
def double(x):
    print("doubling", x)
    print("\\r 50%|█████     |", file=sys.stderr)
    warnings.warn("this is slow")
    return x * 2"""
    },
    "magics": {
        "double": "%matplotlib inline\n%load_ext autoreload\n!pip install numpy\ndef double(x):\n    return x + x"
    },
    "timed": {"double": "%%time\ndef double(x):\n    return x + x"},
    "numpy-numbers": {"quiz_sides": "import numpy as np\nquiz_sides = int(np.int64(3))"},
    "recursive-lambda": {"double": "double = lambda x: x + x"},
}
ODD_CELLS = {
    "input-unused": "def ask():\n    return input('your name?')",
    "plots": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "error-in-own-cell": "1 / 0",
    "exit-in-own-cell": "exit()",
    "names-shadowed": "list = [1]; str = 2; isinstance = None; print = None",
    "installs": "!pip install tqdm\n%pip install tqdm\n%conda install tqdm",
}


def _colab(notebook: Notebook) -> None:
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3"}}
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] = {"id": f"aB3{number}", "outputId": "x", "colab": {"base_uri": "https://localhost"}}
        cell.pop("id", None)


def _vscode(notebook: Notebook) -> None:
    notebook["metadata"]["vscode"] = {"interpreter": {"hash": "abc"}}
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"W0sZmlsZQ{number}"
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["source"] = cell["source"].splitlines(keepends=True)


def _split(notebook: Notebook) -> None:
    place = next(i for i, cell in enumerate(notebook["cells"]) if cell.get("id") == "double")
    cell = notebook["cells"][place]
    cell["source"] = "def helper(x):\n    return x"
    notebook["cells"].insert(place + 1, code_cell("def double(x):\n    return helper(x) + helper(x)"))


ODD_EDITS: dict[str, Callable[[Notebook], Any]] = {"colab": _colab, "vscode": _vscode, "split": _split}
CASES = [*honest(), *cheats(), *abuses(), *broken(), *oddities()]
