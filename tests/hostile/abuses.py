"""Right code for the first exercise; beside it something that takes all it can get."""

from __future__ import annotations

from .case import LEFT_BEHIND, SCRIPT, Case, Notebook, code_cell, text_cell
from .target import Target


def abuses(target: Target) -> list[Case]:
    """Nobody else may notice them, and what came before them counts."""
    first, second, reached = target.first, target.second, target.before_second

    def case(name: str, most: float, least: float = 0, **answers: str) -> Case:
        return Case(name, "abuse", most, least, {**target.own, **answers})

    found = [
        case(name, target.everything, reached, **{second: f"{target.own[second]}\n{code}"})
        for name, code in ABUSES.items()
    ]
    found += [
        case(name, reached, reached, **{second: _dying(second, target.is_class(second), code)})
        for name, code in DEATHS.items()
    ]
    found += [
        case(
            name,
            target.everything - target.points([first]),
            **{first: f"def {first}(*args, **kwargs):\n    {code}"},
        )
        for name, code in RETURNS.items()
    ]
    lost = target.points([second, target.quiz])
    answers = {second: f"raise ValueError({SCRIPT!r})", target.quiz: f"{target.quiz} = {SCRIPT!r}"}
    scripts = Case(
        "scripts",
        "abuse",
        target.everything - lost,
        reached,
        {**target.own, **answers},
        first=SHOW_SCRIPTS,
        edit=_add_scripts,
    )
    everything = target.everything
    loud = Case("outputs-of-many-cells", "abuse", everything, everything, target.own, edit=many_loud_cells)
    return [*found, scripts, loud]


def _dying(name: str, is_class: bool, code: str) -> str:
    """A function or class whose use in a check runs `code`."""
    needed = "import ctypes, os, signal"
    if is_class:
        return f"class {name}:\n    def __init__(self, *args, **kwargs):\n        {needed}\n        {code}"
    return f"def {name}(*args, **kwargs):\n    {needed}\n    {code}"


SHOW_SCRIPTS = f"""
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
for kind in (HTML, Javascript, Markdown, Latex):
    display(kind({SCRIPT!r}))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'))
print({SCRIPT!r})
display({{'image/png': {SCRIPT!r}, 'text/html': {SCRIPT!r}, 'image/svg+xml': {SCRIPT!r}}}, raw=True)
"""


def _add_scripts(notebook: Notebook) -> None:
    notebook["cells"] += [
        text_cell(f"# {SCRIPT}\n\n{SCRIPT}\n\n[x](javascript:alert(1)) ![x](x' onerror='alert(1))"),
        text_cell(f"```\n{SCRIPT}\n````\n{SCRIPT}\n~~~\n{SCRIPT}"),
        {"cell_type": "raw", "metadata": {"format": "text/html"}, "source": SCRIPT},
        text_cell("````\n```\n# " + "#" * 60_000 + "x"),
    ]
    notebook["metadata"]["title"] = SCRIPT
    for cell in notebook["cells"]:
        cell["attachments"] = {SCRIPT: {"image/svg+xml": SCRIPT}}


ABUSES = {
    "fork-bomb": "import os\nwhile True:\n    os.fork()",
    "take-memory": "kept = []\nwhile True:\n    kept.append(bytearray(10_000_000))",
    "take-memory-to-the-last-page": """
kept = []
for size in (2**24, 2**20, 2**16, 2**12):
    try:
        while True:
            kept.append(bytearray(size))
    except MemoryError:
        pass""",
    "lower-its-own-limits": """
import resource
for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
    resource.setrlimit(kind, (4096, 4096))""",
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
    "sockets-full-of-data": """
import os, socket, time
for _ in range(20):
    if os.fork() == 0:
        kept = []
        while True:
            try:
                pair = socket.socketpair()
                pair[0].setblocking(False)
                kept.append(pair)
                while True:
                    pair[0].send(bytes(100_000))
            except BlockingIOError:
                pass
            except OSError:
                time.sleep(60)
time.sleep(2)""",
    "busy-children": """
import os
for _ in range(30):
    if os.fork() == 0:
        while True:
            pass""",
    "deep-folders": f"""
import os
for number in range(3000):
    os.mkdir("{LEFT_BEHIND}-deep"); os.chdir("{LEFT_BEHIND}-deep")""",
    "many-files": f"""
for number in range(50_000):
    open(f"/tmp/{LEFT_BEHIND}-{{number}}", "w").close()""",
    "sparse-files": f"""
with open("/tmp/{LEFT_BEHIND}-sparse", "wb") as stream:
    stream.truncate(1 << 50)""",
    "memory-of-files": """
import mmap
kept = [mmap.mmap(-1, 50_000_000) for _ in range(100)]
for memory in kept:
    memory.write(b"x" * 50_000_000)""",
    "memory-of-arrays": "import numpy as np\nkept = [np.ones(10_000_000) for _ in range(1000)]",
    "interrupt-the-grader": """
import os, signal
os.killpg(os.getpgid(os.getppid()), signal.SIGKILL) if os.getppid() > 1 else os.kill(1, signal.SIGKILL)""",
    "bomb-in-a-picture": """
import struct, zlib
from IPython.display import Image, display
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = zlib.compressobj(9)
packed = b"".join(rows.compress(bytes(6251)) for _ in range(50_000)) + rows.flush()
head = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
display(Image(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")))""",
    "terminal-codes": """
print("\\x1b[2J\\x1b]0;owned\\x07\\x1b[31mred\\x1b[0m \\u202egnp.exe \\u200b\\ufeff\\U000e0041 " + "Z" + "\\u0301" * 5000)
raise ValueError("\\x1b[2J\\x9b31m\\u202e" + "\\u0336" * 900)""",
    "slow-to-show": """
class Slow:
    def __repr__(self):
        while True:
            pass
Slow()""",
    "timers": """
import signal
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
signal.signal(signal.SIGALRM, lambda *a: None)""",
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
    "return-a-wide-array": "import numpy as np; return np.zeros((2, 15_000_000))",
    "return-many-arrays": "import numpy as np; return [np.zeros(0) for _ in range(200_000)]",
    "return-long-keys": "return {'k' * 4000 + str(i): i for i in range(900)}",
    "return-a-generator": "yield from iter(int, 1)",
}


def many_loud_cells(notebook: Notebook) -> None:
    """Each cell stays below the limit, all together do not."""
    notebook["cells"] += [code_cell("print('\\x01' * 60_000)") for _ in range(480)]
