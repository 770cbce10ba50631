"""What the sandbox keeps from hostile code: attacks that are really run."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from isolation import ROOT, SECRET, sandboxed, script, texts, warm_parent

from autograder import sandbox, seccomp

pytestmark = sandboxed

TRY = """
import ctypes, errno, os, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def attempt(function, *args):
    try:
        return f"WORKED: {function(*args)!r}"[:500]
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
def call(number, *args):
    ctypes.set_errno(0)
    return libc.syscall(number, *args), errno.errorcode.get(ctypes.get_errno(), "")
"""


def attempts(*expressions):
    """What each attempt came to."""
    return texts(TRY, *(f"print(end=str({expression}))" for expression in expressions))[1:]


def test_no_file_of_the_course_or_of_the_machine_is_there(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    paths = [secret, "/etc/shadow", "/etc/passwd", "/etc/hostname", Path.home() / ".ssh", ROOT / "solutions"]
    paths += [
        ROOT / "autograder",
        ROOT / "data" / "demo_class",
        ROOT / "tests",
        ROOT / ".git",
        ROOT / "pyproject.toml",
        "/sys",
        "/var",
        "/run",
    ]
    got = attempts(*(f"attempt(os.stat, {str(path)!r})" for path in paths))
    assert [answer for answer in got if not answer.startswith("FileNotFoundError")] == []


def test_the_release_can_be_read_and_the_scratch_folder_written():
    got = texts(
        "print(open('notes.txt').read())",
        "open('mine', 'w').write('x'); import os; print(sorted(os.listdir()), os.getcwd(), os.environ['HOME'])",
        "import utils.checks, tempfile; print(tempfile.mkdtemp().startswith('/tmp'))",
    )
    assert got[0] == "data of the release\n\n"
    assert got[1] == "['mine', 'notes.txt'] /scratch/notebook /scratch\n"
    assert got[2] == "True\n"
    assert "mine" not in texts("import os; print(os.listdir())")[0]


def test_nothing_else_can_be_written():
    places = [
        "/",
        "/dev",
        "/usr",
        "/usr/lib",
        sys.prefix,
        sys.base_prefix,
        ROOT,
        ROOT / "utils",
        "/proc",
        "/etc",
    ]
    got = attempts(*(f"attempt(open, {str(place) + '/written'!r}, 'w')" for place in places))
    got += attempts(
        "attempt(open, 'notes.txt', 'a')", "attempt(os.remove, 'notes.txt')", "attempt(os.rmdir, '/tmp')"
    )
    assert [answer for answer in got if answer.startswith("WORKED")] == []
    assert not (ROOT / "utils" / "written").exists()


def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        got = attempts(
            f"attempt(socket.create_connection, ('127.0.0.1', {port}), 2)",
            "attempt(socket.create_connection, ('1.1.1.1', 53), 2)",
            "attempt(socket.getaddrinfo, 'example.org', 80)",
            "[attempt(socket.socket, family, kind) for family, kind in ((40, 1), (16, 3), (17, 3), (38, 5))]",
        )
    assert "WORKED" not in "".join(got)


def test_abstract_sockets_of_the_machine_cannot_be_reached():
    with socket.socket(socket.AF_UNIX) as server:
        name = f"\0course-test-{os.getpid()}"
        server.bind(name)
        server.listen()
        assert "WORKED" not in attempts(f"attempt(socket.socket(socket.AF_UNIX).connect, {name!r})")[0]


def test_other_processes_cannot_be_seen_or_signalled():
    witness = subprocess.Popen(["sleep", "60"])
    try:
        got = attempts(
            "sorted(int(name) for name in os.listdir('/proc') if name.isdigit())",
            f"attempt(os.kill, {witness.pid}, 9)",
            "attempt(os.kill, -1, 9)",
            "attempt(open, '/proc/1/environ')",
            *(f"attempt(open, '/proc/{number}/mem', {how!r})" for number in (1, 2) for how in ("rb", "r+b")),
            *(f"attempt(open, '/proc/{number}/fd/{fd}', 'r+b', 0)" for number in (1, 2) for fd in (0, 1, 2)),
            "attempt(os.listdir, '/proc/2/root')",
        )
        assert eval(got[0])[-1] < 30
        assert "WORKED" not in "".join(got[1:])
        assert witness.poll() is None
    finally:
        witness.kill()
        witness.wait()


def test_the_process_group_of_the_grader_cannot_be_signalled():
    result = script("import os; os.kill(0, 9)", "1")
    assert [step["status"] for step in result["steps"]] == ["died", "not run"]
    assert script("print(1)")["steps"][0]["text"] == "1\n"


def test_no_rights_are_left_and_none_can_be_had():
    status = dict(
        line.split(":\t") for line in texts("print(open('/proc/self/status').read())")[0].split("\n") if line
    )
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if seccomp.available() else "0")
    assert "0" not in status["Uid"].split()
    assert "WORKED" not in "".join(
        attempts("attempt(os.setuid, 0)", "attempt(os.setgid, 0)", "attempt(os.chroot, '/')")
    )


def test_a_new_user_namespace_cannot_be_made():
    got = attempts(
        "subprocess.run(['unshare', '-Ur', 'id'], capture_output=True).returncode",
        "libc.unshare(0x10000000)",
        "libc.setns(os.open('/proc/1/ns/user', 0) if os.access('/proc/1/ns/user', os.R_OK) else 0, 0)",
    )
    assert got == ["1", "-1", "-1"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="these numbers are those of x86-64")
def test_dangerous_calls_are_refused():
    numbers = dict(seccomp._X86_64)
    got = texts(TRY, *(f"print(end=str(call({number}, 0, 0, 0, 0, 0)))" for number in numbers.values()))[1:]
    assert dict(zip(numbers, got, strict=True)) == dict.fromkeys(numbers, "(-1, 'EPERM')")
    more = attempts(
        "call(435, 0, 0)",  # clone3
        "call(56, 0x10000011, 0, 0, 0, 0)",  # clone with a new user namespace
        "call(0x40000000 + 39)",  # getpid by the x32 numbers
        "call(39)[0] > 0",
    )
    assert more == ["(-1, 'ENOSYS')", "(-1, 'EPERM')", "(-1, 'EPERM')", "True"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="machine code of x86-64")
def test_32_bit_calls_end_the_process():
    # mov eax, 20 (getpid of the 32-bit table); int 0x80; ret
    result = script(TRY + "import mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
                    "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()")  # fmt: skip
    assert result["steps"][0]["status"] == "died"


def test_a_fork_bomb_stays_small_and_leaves_nothing():
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    result = script(bomb, "1", processes=12, cell_seconds=1, timeout=60)
    assert result["steps"][0]["status"] in ("died", "timeout")
    assert _left_over(result["grader"]) == []


def test_more_threads_or_processes_than_allowed_are_an_error():
    cell = "import os, time\nfor n in range(50):\n    if os.fork() == 0: time.sleep(60)\n"
    result = script(cell, "print(n)", processes=10)
    assert (
        "BlockingIOError" in str(result["steps"][0]["outputs"]) or "more than 10 processes" in result["ended"]
    )


def test_a_process_that_hides_dies_with_the_sandbox():
    cell = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    os.setpgid(0, 0)\n"
    cell += "    while True: time.sleep(1)\nos.system('sleep 61 & disown 2>/dev/null; nohup sleep 62 >/dev/null 2>&1 &')"
    result = script(cell, "print('on')")
    assert result["steps"][1]["text"] == "on\n"
    assert _left_over(result["grader"]) == []


def _left_over(grader: int) -> list[str]:
    """Command lines of processes that came from a grader: it has gone, and with it its session and all below."""
    deadline = time.monotonic() + 3
    while True:
        below = subprocess.run(
            ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True
        ).stdout.splitlines()
        ours = [line for line in below if "sleep 6" in line or "--unshare-pid" in line]
        ours += [line for line in below if line.split()[0] == str(grader)]
        parent = warm_parent("auto")._process
        assert parent is not None
        ours += [line for line in below if line.split()[1] == str(parent.pid)]
        if not ours or time.monotonic() > deadline:
            return ours
        time.sleep(0.05)


def test_memory_in_many_processes_is_counted_together():
    cell = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        block = b"x" * (120 * 2**20)
        time.sleep(60)
time.sleep(60)
"""
    result = script(cell, "1", memory_mb=200, cell_seconds=30)
    assert [step["status"] for step in result["steps"]] == ["died", "not run"]
    assert result["ended"] == "The code used more than 200 MB of memory, so it was stopped."


def test_files_are_bounded_in_size_in_number_and_together():
    got = texts(
        TRY,
        "print(attempt(open('a', 'wb').write, bytes(5 * 2**20)))",
        "print([attempt(open(f'/tmp/{n}', 'wb').write, bytes(3 * 2**20))[:6] for n in range(4)])",
        "print([attempt(open(f'/dev/shm/{n}', 'wb').write, bytes(3 * 2**20))[:6] for n in range(4)])",
        "files = []\nprint(attempt(lambda: [files.append(open('/dev/null')) for _ in range(10_000)]))",
        "files = None; print('on')",
        file_mb=4,
        scratch_mb=8,
    )[1:]
    assert "File too large" in got[0]
    assert got[1] == got[2] == "['WORKED', 'WORKED', 'OSErro', 'OSErro']\n"
    assert "Too many open files" in got[3]
    assert got[4] == "on\n"


def test_the_environment_holds_no_secret():
    printed = texts("import os; print(dict(os.environ), open('/proc/self/environ').read())")[0]
    assert "PATH" in printed
    assert SECRET not in printed


def test_only_one_connection_is_open():
    cell = "import os\nfor n in range(64):\n    try: print(n, os.readlink(f'/proc/self/fd/{n}'))\n    except OSError: pass"
    links = [line.split(" ", 1)[1] for line in texts(cell)[0].splitlines()]
    assert sum("socket:" in link for link in links) == 1
    assert sum("pipe:" in link for link in links) == 1  # the look-out's, for writing only
    assert {link.split(":")[0] for link in links} <= {"/dev/null", "socket", "pipe"} | {
        f"/scratch/notebook/.output{n} (deleted)" for n in (1, 2)
    }


def test_patching_the_libraries_reaches_no_other_process():
    patch = """
import numpy as np, torch
np.testing.assert_allclose = np.allclose = np.array_equal = torch.equal = lambda *a, **k: True
def f(x): return x * 0
"""
    got = texts(
        patch, "=np.allclose(get('f')(np.ones(2)), np.ones(2))", "=np.array_equal(get('f')(np.ones(2)), 1)"
    )
    assert got[1:] == ["False", "False"]
    assert texts("import numpy as np; print(np.allclose(1, 2))") == ["False\n"]


def test_detection_names_what_it_uses():
    found = sandbox.detect()
    assert found.works
    assert str(found.bwrap) in found.words
    assert sandbox.require() == found.bwrap


def test_a_program_that_is_no_sandbox_is_found_out(tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: no permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    assert "permission" in sandbox._trial_in_fresh_interpreter(fake).lower()


def test_where_nothing_works_the_words_help(monkeypatch):
    monkeypatch.setattr(sandbox, "_candidates", list)
    found = sandbox.detect.__wrapped__()
    assert not found.works
    assert "What helps" in found.words or "container" in found.words
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "docker run" in sandbox.detect.__wrapped__().words


@pytest.mark.parametrize(
    "cell",
    [
        "import os; os.kill(os.getpid(), 19)",  # SIGSTOP
        "import os, signal\nfor p in (2, 1): os.kill(p, 9)",  # the processes that hold the sandbox
        "import os\nfor p in range(2, 99):\n    try: os.getpid() == p or os.kill(p, 9)\n    except OSError: pass",
        "import os, threading\nthreading.Thread(target=sum, args=(iter(int, 1),)).start()\nos.kill(os.getpid(), 19)",
    ],
)
def test_signals_hurt_only_their_sender(cell):
    result = script(cell, "print('on')", cell_seconds=0.5)
    assert result["steps"][1]["status"] in (("ok",) if result["alive"] else ("died", "not run"))
    assert texts("print('next student')") == ["next student\n"]
