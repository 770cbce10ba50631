"""CPU seconds that grading costs beyond the cells' own compute: plain nbgrader against this project.

    python tests/benchmarks/bench_grading.py [--submissions 16]

Same notebooks, same machine, one run; everything is counted, start-up included. The cells' own compute is
what the code cells take in a bare process that has already imported what they import. nbgrader runs every
cell, this
project leaves out the pictures, so each is compared with its own cells.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
NAME = "01_convolution"
HONEST = 6  # different correct or slightly wrong submissions of the demo class, repeated

PLAIN_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "bench"
c.CourseDirectory.root = {root!r}
c.ClearSolutions.code_stub = {{"python": "raise NotImplementedError()"}}
c.Execute.timeout = 300
"""


def children_cpu() -> float:
    """CPU seconds (user + system) of all finished child processes so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Run a command; return its CPU seconds, children included, and its wall seconds."""
    cpu, wall = children_cpu(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return children_cpu() - cpu, time.perf_counter() - wall


def honest_submissions(folder: Path) -> list[Path]:
    """Notebooks of the demo class that run to their end."""
    from autograder import demo

    demo.make(ROOT, folder)
    expected = {row.student: row for row in demo.read_expected(ROOT / demo.ANSWERS)}
    paths = [
        path
        for path in sorted(folder.glob(f"submitted/*/{NAME}/{NAME}.ipynb"))
        if expected[path.parent.parent.name].status == "graded"
    ]
    return paths[:HONEST]


def fill(folder: Path, notebooks: list[Path], count: int) -> None:
    """Hand in `count` copies."""
    for number in range(count):
        place = folder / "submitted" / f"student{number:04d}" / NAME
        place.mkdir(parents=True)
        shutil.copy(notebooks[number % len(notebooks)], place / f"{NAME}.ipynb")


BARE = """
import json, os, sys, time
import matplotlib
matplotlib.use("Agg")
import numpy, torch, matplotlib.pyplot as plt
torch.set_num_threads(1)
from utils import checks, plots
checks.FOLDERS[:] = [os.path.abspath(sys.argv[2])]
os.chdir(sys.argv[2])
cells = json.load(open(sys.argv[1]))
names = {"__name__": "__main__"}
spent = 0.0
for source in cells:
    start = time.process_time()
    try:
        exec(compile(source, "cell", "exec"), names)
        for number in plt.get_fignums():
            plt.figure(number).savefig(os.devnull, format="png")
    except Exception:
        pass
    plt.close("all")
    spent += time.process_time() - start
print(json.dumps(spent), file=sys.stderr)
"""


def own_compute(notebook: Path, figures: bool, folder: Path, environment: dict[str, str]) -> float:
    """CPU seconds of a notebook's own code cells, imports done beforehand."""
    reference = nbformat.read(ROOT / "solutions" / NAME / f"{NAME}.ipynb", 4)
    pictures = {
        cell.id for cell in reference.cells if cell.metadata.get("course", {}).get("role") == "figure"
    }
    hidden = {cell.id: cell.source for cell in reference.cells if cell.cell_type == "code"}
    cells = [
        hidden.get(cell.id, cell.source) if cell.metadata.get("nbgrader", {}).get("grade") else cell.source
        for cell in nbformat.read(notebook, 4).cells
        if cell.cell_type == "code" and (figures or cell.id not in pictures)
    ]
    source = folder / "cells.json"
    source.write_text(json.dumps(cells))
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(source), str(ROOT / "solutions" / NAME)],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stderr.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=16)
    count = parser.parse_args().submissions
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "COURSE_QUICK": "1",
        "PYTHONPATH": str(ROOT),
        # nbgrader starts alembic by its name.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        notebooks = honest_submissions(folder / "demo")
        repeated = [notebooks[number % len(notebooks)] for number in range(count)]
        compute = {
            (path, figures): own_compute(path, figures, folder, environment)
            for path in notebooks
            for figures in (True, False)
        }

        plain = folder / "nbgrader"
        (plain / "source").mkdir(parents=True)
        shutil.copytree(
            ROOT / "solutions" / NAME,
            plain / "source" / NAME,
            ignore=shutil.ignore_patterns("*.py", "__pycache__", ".ipynb_checkpoints"),
        )
        (plain / "nbgrader_config.py").write_text(PLAIN_CONFIG.format(root=str(plain)))
        fill(plain, notebooks, count)
        nbgrader = [sys.executable, "-m", "nbgrader"]
        timed([*nbgrader, "generate_assignment", NAME, "--force"], plain, environment)
        theirs = timed([*nbgrader, "autograde", NAME], plain, environment)

        fill(folder / "ours", notebooks, count)
        command = [sys.executable, "-m", "autograder", "grade", NAME, "--folder", str(folder / "ours")]
        ours = timed(command, ROOT, environment)

    own_all = sum(compute[path, True] for path in repeated) / count
    own_graded = sum(compute[path, False] for path in repeated) / count
    print(f"{count} submissions of {NAME}; CPU seconds per submission")
    print(f"{'':28}{'total':>8}{'cells':>8}{'beyond':>8}{'wall':>8}")
    for label, (cpu, wall), own in (
        ("nbgrader autograde", theirs, own_all),
        ("python -m autograder grade", ours, own_graded),
    ):
        print(f"{label:28}{cpu / count:8.2f}{own:8.2f}{cpu / count - own:8.2f}{wall / count:8.2f}")
    ratio = (theirs[0] / count - own_all) / (ours[0] / count - own_graded)
    print(f"nbgrader spends {ratio:.1f} times as much CPU beyond the cells' own compute")


if __name__ == "__main__":
    main()
