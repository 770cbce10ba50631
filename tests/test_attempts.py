"""What a student's code tries on the grading is seen, honest code is not suspected, and nothing is believed."""

from __future__ import annotations

import os
import time

import pytest
from isolation import sandboxed, texts

from autograder.attempts import CALLS, NETWORK, SENTENCES, Attempts

pytestmark = sandboxed
SAID = "=student.attempts.tampering()"


def said(*cells: str) -> str:
    return texts(*cells, SAID)[-1]


def test_forbidden_system_calls_are_told_by_the_kernel():
    code = "import ctypes; print([ctypes.CDLL(None).syscall(n, 0, 0, 0, 0) for n in (101, 165, 310)])"
    # Whatever the code does to the look-out beforehand.
    silent = (
        "import autograder.lookout as l; l.Lookout._tell = lambda *a: None; import os; os.closerange(3, 9)"
    )
    printed, told = texts(code, SAID)
    assert printed == "[-1, -1, -1]\n"
    assert f"{CALLS}: ptrace, mount, process_vm_readv." in told
    assert f"{CALLS}: ptrace" in texts(f"{silent}\n{code}", SAID)[-1]


def test_programs_that_the_code_starts_are_seen_too():
    code = "import ctypes; ctypes.CDLL(None).syscall(272, 0x10000000)"
    assert f"{CALLS}: unshare." in said(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])"
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import sys; sys._getframe()", "interpreter"),
        ("import inspect; inspect.stack()", "interpreter"),
        ("exec('import gc; gc.get_objects()')", "interpreter"),
        ("import ctypes; ctypes.string_at(id(3), 8)", "memory"),
        ("import pathlib; pathlib.Path('/proc/1/environ').read_text()", "files"),
        ("import os; os.listdir('/proc')", "files"),
        ("open('/usr/lib/x', 'w')", "write"),
        ("import os; os.kill(os.getppid(), 0)", "signals"),
        ("from utils import checks; checks.run = print", "replaced"),
        ("import sys; sys.modules['utils.checks'] = sys", "replaced"),
        ("import numpy as np; np.allclose = lambda *a: True", "replaced"),
    ],
)
def test_each_kind_is_told_once(code, kind):
    assert said(code, code).count(SENTENCES[kind]) == 1


def test_honest_code_is_not_suspected():
    cells = (
        "import numpy as np, torch, matplotlib.pyplot as plt, warnings, subprocess, os, sys, logging, pathlib",
        "plt.plot([1]); plt.show(); warnings.warn('x'); logging.getLogger().warning('y')",
        "np.save('a.npy', np.ones(2)); np.load('a.npy'); pathlib.Path('b').write_text('c'); os.listdir()",
        "!ls\n%timeit -n1 -r1 1\n%cd /tmp\n%pdb on",
        "class Net(torch.nn.Module): pass\ntorch.save(Net().state_dict(), 'net.pt'); torch.load('net.pt')",
        "from collections import namedtuple; namedtuple('P', 'x y')(1, 2); os.kill(os.getpid(), 0)",
        "from utils import checks; checks.run('pad2d', print)",
    )
    assert said(*cells) == "()"


def test_the_network_is_a_note():
    code = "import urllib.request\nurllib.request.urlopen('http://example.org')"
    tampering, notes = texts(code, SAID, "=student.attempts.notes()")[1:]
    assert tampering == "()"
    assert NETWORK in notes


def test_words_of_the_code_are_not_believed():
    ours, theirs = os.pipe()
    os.write(theirs, b"\xff\xfe\n\nunknown\tx\nwrite\t\x1b[31m<script>" + b"a" * 5000 + b"\nwrite")
    os.close(theirs)
    (sentence, *others) = Attempts(told=ours).tampering()
    assert sentence.startswith(SENTENCES["write"])
    assert "\x1b" not in sentence and len(sentence) < 300
    assert others == []
    os.close(ours)


def test_a_busy_child_lets_others_go_first():
    code = (
        "import os, time\nchild = os.fork()\nwhile child == 0:\n    pass\ntime.sleep(1)\n"
        "print(os.getpriority(os.PRIO_PROCESS, child), os.getpriority(os.PRIO_PROCESS, 0)); os.kill(child, 9)"
    )
    child, own = map(int, texts(code)[0].split())
    assert child == 19 > own


def test_a_flood_of_forbidden_calls_ends_with_the_time_limit():
    start = time.monotonic()
    code = "import ctypes\nwhile True:\n    ctypes.CDLL(None).syscall(101, 0, 0, 0, 0)"
    assert "longer than 1 second" in texts(code, "=student.ended", cell_seconds=1)[0]
    assert time.monotonic() - start < 30
