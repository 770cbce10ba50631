"""How grading grows: CPU seconds per submission along a large class, and two workers against one.

    python tests/benchmarks/bench_scale.py growth [--submissions 1000]
    python tests/benchmarks/bench_scale.py workers [--submissions 48] [--notebooks NAME ...]
    python tests/benchmarks/bench_scale.py service [--submissions 3] [--notebooks NAME ...]

growth    grades a large class of a small notebook, whose cells take next to no time, so that what is measured is
          the grader: processor time of all its processes for each step of the class, and the parent's memory.
workers   grades a class of each notebook (notebook 1 where none is named), and runs the same cells in plain processes
          (bare_cells.py), each with one and with two side by side: on this machine (`grade --workers 2`), and on a
          Dask cluster of one and of two worker processes. What is started once is started before the clocks are,
          except where it says so.
service   grades some submissions of each notebook, one after the other: processor time of one submission, without
          the parent's. What simulate_class.py needs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_grading import NAME, ROOT, environment_of_one_thread, fill, honest_submissions

from autograder import demo, processes
from autograder.assignment import load as load_assignment
from autograder.classroom import Options, grade_and_record
from autograder.engine import BY_OPTIMISERS, find_jobs, task
from autograder.warm import WarmParent

MINI = "01_mini"
WARM = 4  # submissions that are graded before the clocks start
ALL_CELLS = 4  # submissions whose every cell is run: pictures take long
GRADE_MINI = """
import sys
from pathlib import Path
from autograder import __main__ as command
command.ROOT = Path(sys.argv[1])
sys.exit(command.main(["grade", "01_mini", "--folder", sys.argv[1]]))
"""


def load() -> str:
    """What else ran on this machine."""
    return f"load average {os.getloadavg()[0]:.1f}"


def tree_cpu(process: int) -> float:
    """CPU seconds of a process and of everything that it started, ended or not."""
    return sum(map(processes.cpu_seconds, (process, *processes.descendants(process))))


def own_cpu(process: int) -> float:
    """CPU seconds of one process alone."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def peak_mb(process: int) -> float:
    """The most memory that one process has had in use."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def growth(count: int) -> None:
    """Grade `count` submissions of the small notebook; print what each step of the class took."""
    from autograder.build import build

    with tempfile.TemporaryDirectory() as place:
        root = Path(shutil.copytree(ROOT / "tests" / "fixtures" / "mini", Path(place) / "mini"))
        shutil.copy(ROOT / "nbgrader_config.py", root)
        assert build(root, MINI) == []
        fill(root, [root / "solutions" / MINI / f"{MINI}.ipynb"], count)
        grading = subprocess.Popen(
            [sys.executable, "-c", GRADE_MINI, str(root)],
            env=environment_of_one_thread(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert grading.stderr is not None
        steps = sorted({16, *range(100, count, 100), count})
        print(
            f"{count} submissions of a small notebook; CPU ms per submission since the line before; {load()}"
        )
        print(f"{'graded':>8}{'parent':>9}{'all':>9}{'parent MB':>11}")
        done, since, before = 0, 0, (0.0, 0.0)
        for line in grading.stderr:
            done += "/100, graded" in line
            if steps and done == steps[0]:
                now = own_cpu(grading.pid), tree_cpu(grading.pid)
                own, everything = ((new - old) / (done - since) for new, old in zip(now, before, strict=True))
                mb = peak_mb(grading.pid)
                print(f"{done:8}{1000 * own:9.0f}{1000 * everything:9.0f}{mb:11.0f}", flush=True)
                since, before = steps.pop(0), now
        assert grading.wait() == 0 and done == count
        print(f"The first line holds the start of all processes. {load()}")


def bare(notebooks: list[Path], side_by_side: int, *more: str) -> float:
    """Seconds by the clock until plain processes have run the cells, without their start."""
    running = [
        subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("bare_cells.py")),
                *more,
                *map(str, notebooks[part::side_by_side]),
            ],
            env=environment_of_one_thread() | {"MPLBACKEND": "agg"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for part in range(side_by_side)
    ]
    return max(float(process.communicate()[0]) for process in running)


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a Dask scheduler with some worker processes of one thread each."""
    with tempfile.TemporaryDirectory() as place:
        started: list[subprocess.Popen] = []

        def start(*arguments: str) -> None:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
                    cwd=ROOT,
                    env=environment_of_one_thread(),
                    stderr=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            )

        try:
            file = Path(place) / "scheduler.json"
            start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
            while not file.exists() or '"address"' not in file.read_text():
                time.sleep(0.1)
            address = re.search(r'"address": "(tcp://[^"]+)"', file.read_text())[1]  # type: ignore[index]
            for number in range(workers):
                start("worker", "--nthreads", "1", "--local-directory", f"{place}/{number}", address)
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


def graded(folder: Path, name: str, options: Options) -> tuple[float, float]:
    """Seconds by the clock for grading a class in this process, and this process's CPU seconds."""
    start, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stderr(io.StringIO()):
        outcome = grade_and_record(ROOT, folder, name, options=options)
    assert not outcome.failed
    return time.perf_counter() - start, time.process_time() - cpu


def workers(count: int, name: str) -> None:
    """One against two: plain processes, Dask workers; and a class on this machine."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        notebooks = honest_submissions(folder / "demo", name)
        fill(folder / "class", notebooks, count)
        fill(folder / "warm", notebooks, WARM)
        files = sorted((folder / "class").glob("submitted/*/*/*.ipynb"))
        print(f"{count} submissions of {name}; seconds by the clock; {load()}", flush=True)
        plain = [bare(files, number) for number in (1, 2)]
        print(
            f"bare cells, one and two plain processes   {plain[0]:7.1f}{plain[1]:7.1f}; {load()}", flush=True
        )
        ours = []
        for number in (1, 2):
            with cluster(number) as address:
                how = Options(scheduler=address, force=True)
                for _ in range(2):  # each worker imports its libraries at its first submission
                    _, few = graded(folder / "warm", name, how)
                seconds, many = graded(folder / "class", name, how)
                ours.append(seconds)
                parent = (many - few) / (count - WARM)
        print(f"grading, one and two Dask workers         {ours[0]:7.1f}{ours[1]:7.1f}; {load()}", flush=True)
        all_cells = bare(files[:ALL_CELLS], 2, "--pictures") * count / len(files[:ALL_CELLS])
        print(f"bare cells, the pictures too, two processes{all_cells:13.1f}; {load()}", flush=True)
        here, _ = graded(folder / "class", name, Options(force=True, workers=2))
        print(f"grading here, two side by side, with start {here:13.1f}; {load()}")
    print(f"the parent's own CPU: {1000 * parent:.0f} ms per submission")
    gains = plain[0] / plain[1], ours[0] / ours[1]
    print(f"a second one helps {gains[0]:.2f} times (plain), {gains[1]:.2f} times (Dask workers):", end=" ")
    print(f"{gains[1] / gains[0]:.2f} of the plain gain")
    print(
        f"time over bare cells, two side by side: {ours[1] / plain[1]:.2f} (Dask), {here / plain[1]:.2f} (here)"
    )
    print(
        f"time over all cells that were handed in: {ours[1] / all_cells:.2f} (Dask), {here / all_cells:.2f} (here)"
    )


def service(count: int, names: list[str]) -> None:
    """CPU seconds of one submission of each notebook, without the parent's."""
    with tempfile.TemporaryDirectory() as place, WarmParent("auto", [BY_OPTIMISERS]) as parent:
        for name in names:
            folder = Path(place) / name
            fill(folder / "class", honest_submissions(folder / "demo", name), count + 1)
            assignment = load_assignment(ROOT, name)
            jobs = find_jobs(folder / "class", assignment)
            for job in jobs:
                if job is jobs[1]:  # the first one starts what is started once
                    before = tree_cpu(os.getpid()) - own_cpu(os.getpid())
                arguments, _, student, limit, _ = task(ROOT, assignment, job.path, job.student, "auto", 600)
                parent.run("autograder.grade:run_job", arguments, student=student, timeout_seconds=limit)
            seconds = (tree_cpu(os.getpid()) - own_cpu(os.getpid()) - before) / count
            print(f"{name:22}{seconds:8.2f} CPU s; {load()}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("growth", "workers", "service"))
    parser.add_argument("--submissions", type=int)
    parser.add_argument("--notebooks", nargs="+", metavar="NAME")
    options = parser.parse_args()
    if options.what == "growth":
        growth(options.submissions or 1000)
    elif options.what == "workers":
        for name in options.notebooks or [NAME]:
            workers(options.submissions or 48, name)
    else:
        service(options.submissions or 3, options.notebooks or demo.assignments(ROOT))


if __name__ == "__main__":
    main()
