"""The warm parent: many jobs at once, every end of a job leaves nothing behind, and it dies with its client."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from isolation import ROOT, settings, warm_parent

from autograder import sandbox
from autograder.warm import GraderDied, GraderTimeout, WarmParent

MODES = ["none", *(["auto"] if sandbox.detect().works else [])]


@pytest.fixture(params=MODES)
def parent(request):
    return warm_parent(request.param)


def below(process: int) -> list[str]:
    """Processes below one, but for those that are dying."""
    table = [line.split(None, 3) for line in _ps()]
    found, numbers = [], {str(process)}
    for _ in range(10):
        rows = [row for row in table if row[1] in numbers and row[0] not in numbers and "Z" not in row[2]]
        numbers |= {row[0] for row in rows}
        found += [row[3] for row in rows]
    return found


def _ps() -> list[str]:
    columns = "pid=,ppid=,stat=,args="
    return subprocess.run(["ps", "-eo", columns], capture_output=True, text=True).stdout.splitlines()


def eventually(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def nothing_is_left(parent) -> bool:
    folder = Path(parent._folder)
    return eventually(
        lambda: not below(parent._process.pid) and [p.name for p in folder.iterdir()] == ["ipython"]
    )


def test_jobs_from_many_threads_run_at_once(parent):
    results = {}

    def job(number):
        steps = [["cell", f"x = {number}; import time; time.sleep(0.2); print(x)"]]
        results[number] = parent.run("tests.isolation_jobs:script", {"steps": steps}, settings(), 60)

    threads = [threading.Thread(target=job, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: result["steps"][0]["text"] for number, result in results.items()} == {
        number: f"{number}\n" for number in range(6)
    }
    assert len({result["grader"] for result in results.values()}) == 6
    assert nothing_is_left(parent)


def test_a_job_without_a_student(parent):
    found = parent.run(
        "tests.isolation_jobs:modules", {"names": ["torch", "numpy", "matplotlib.pyplot"]}, None, 60
    )
    assert all(found.values())


def test_a_job_that_takes_too_long_is_ended_with_all_its_processes(parent):
    start = time.monotonic()
    with pytest.raises(GraderTimeout, match=r"0\.8 seconds"):
        parent.run("tests.isolation_jobs:sleep", {"seconds": 60}, settings(), 0.8)
    assert time.monotonic() - start < 10
    assert nothing_is_left(parent)


def test_a_grader_that_dies_is_told_with_its_exit_code(parent):
    with pytest.raises(GraderDied, match="exit code 7"):
        parent.run("tests.isolation_jobs:die", {}, settings(), 60)
    assert nothing_is_left(parent)


def test_an_error_in_a_job_arrives_with_its_traceback(parent):
    with pytest.raises(GraderDied, match="ValueError: on purpose"):
        parent.run("tests.isolation_jobs:fail", {}, settings(), 60)
    with pytest.raises(GraderDied, match="nowhere"):
        parent.run("nowhere:nothing", {}, None, 60)


def test_a_process_that_outlives_its_cell_dies_with_the_job(parent):
    cell = (
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    while True: pass"
    )
    result = parent.run(
        "tests.isolation_jobs:script", {"steps": [["cell", cell], ["cell", "1"]]}, settings(), 60
    )
    assert result["alive"]
    assert nothing_is_left(parent)


SEARCH = """
import re
found = 0
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if " rw-p " in line:
            memory.seek(start)
            found += len(re.findall(b"SECRET-[0-9]{6}", memory.read(end - start)))
print(found)
"""


def test_the_memory_of_the_students_process_holds_nothing_of_the_job():
    steps = [["cell", SEARCH], ["cell", "print('SECRET-123456')"], ["cell", SEARCH]]
    result = warm_parent(MODES[-1]).run("tests.isolation_jobs:script", {"steps": steps}, settings(), 60)
    assert result["steps"][0]["text"] == "0\n"
    assert int(result["steps"][2]["text"]) > 0  # the search does find what is there


CLIENT = """
import json, sys, threading, time
sys.path[:0] = [{root!r}, {tests!r}]
from isolation import settings
from autograder.warm import WarmParent
parent = WarmParent({mode!r})
parent.run("tests.isolation_jobs:modules", {{"names": []}}, None, 60)
arguments = ("tests.isolation_jobs:sleep", {{"seconds": 60}}, settings(), 120)
threading.Thread(target=parent.run, args=arguments, daemon=True).start()
time.sleep(0.5)
print(json.dumps([parent._process.pid, parent._folder]), flush=True)
time.sleep(60)
"""


def test_everything_dies_with_a_client_that_is_killed():
    program = CLIENT.format(root=str(ROOT), tests=str(ROOT / "tests"), mode=MODES[-1])
    client = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert client.stdout is not None
    process, folder = json.loads(client.stdout.readline())
    assert len(below(process)) >= 2
    everyone = [line.split()[0] for line in _ps() if line.split()[1] == str(process)]
    client.send_signal(signal.SIGKILL)
    client.wait()
    gone = [process, *map(int, everyone)]
    assert eventually(lambda: not any(_is_alive(number) for number in gone))
    assert eventually(lambda: not Path(folder).exists())


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_warm_parent_that_was_killed_is_started_again():
    parent = warm_parent("none")
    parent.run("tests.isolation_jobs:modules", {"names": []}, None, 60)
    assert parent._process is not None
    os.kill(parent._process.pid, signal.SIGKILL)
    parent._process.wait()
    assert parent.run("tests.isolation_jobs:modules", {"names": ["os"]}, None, 60) == {"os": True}


def test_a_warm_parent_that_cannot_start_says_why():
    with (
        WarmParent("none", preload=["no_such_module"]) as parent,
        pytest.raises(GraderDied, match="no_such_module"),
    ):
        parent.run("tests.isolation_jobs:modules", {"names": []}, None, 60)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="docker"):
        WarmParent("docker")
