"""CPU seconds that grading costs beyond the cells' own compute: plain nbgrader against this project.

    python tests/benchmarks/bench_grading.py [--submissions 16] [--notebook 01_convolution] [--pictures]

Same notebooks, same machine, one run; everything is counted, start-up included. The cells' own compute is
what the code cells take in a kernel that has already imported what they import. The pictures' cells, which take
far longer than all others and which this project does not run, are taken out for nbgrader too: with them the
small difference that is measured here would drown in their noise. `--pictures` leaves them in, for the time that
grading takes in all.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from bare_cells import without_figures
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NAME = "01_convolution"
HONEST = 3  # different correct or slightly wrong submissions of the demo class, repeated

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


def honest_submissions(folder: Path, name: str = NAME) -> list[Path]:
    """Notebooks of the demo class that run to their end."""
    from autograder import demo

    expected = {row.student: row for row in demo.make(ROOT, folder, name)}
    paths = [
        path
        for path in sorted(folder.glob(f"submitted/*/{name}/{name}.ipynb"))
        if expected[path.parent.parent.name].status == "graded"
    ]
    return paths[:HONEST]


def fill(folder: Path, notebooks: list[Path], count: int) -> None:
    """Hand in `count` submissions: the notebooks in turn, each solution cell with the student's name in it."""
    name = notebooks[0].stem
    for number in range(count):
        student = f"student{number:04d}"
        book = nbformat.read(notebooks[number % len(notebooks)], 4)
        for cell in book.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source += f"\n# {student}"
        place = folder / "submitted" / student / name
        place.mkdir(parents=True)
        nbformat.write(book, place / f"{name}.ipynb")


BEFORE = """
import numpy, torch, matplotlib.pyplot as plt, time
%matplotlib inline
plt.plot([0, 1]); plt.show()
_course_cpu, _course_start = [0.0], [0.0]
def _course_begin(info): _course_start[0] = time.process_time()
def _course_end(result): _course_cpu[0] += time.process_time() - _course_start[0]
get_ipython().events.register("pre_run_cell", _course_begin)
get_ipython().events.register("post_run_cell", _course_end)
"""
RESET = "_course_cpu[0] = 0.0"
AFTER = "print(_course_cpu[0])"


def strip(path: Path) -> None:
    """Take the pictures' cells out of a file."""
    nbformat.write(without_figures(nbformat.read(path, 4)), path)


def own_compute(notebook: Path, environment: dict[str, str]) -> float:
    """CPU seconds of a notebook's own code cells in a kernel, imports done beforehand."""
    folder = ROOT / "solutions" / notebook.stem
    reference = {cell.id: cell for cell in nbformat.read(folder / notebook.name, 4).cells}
    book = nbformat.read(notebook, 4)
    cells = [nbformat.v4.new_code_cell(BEFORE)]
    for cell in without_figures(book).cells:
        if cell.cell_type == "code":
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.source = reference[cell.id].source  # with the hidden tests
            cells.append(cell)
    # Twice, and the second time counts: then everything is imported, also what is imported only when first used.
    again = [nbformat.v4.new_code_cell(cell.source) for cell in cells[1:]]
    reset, result = nbformat.v4.new_code_cell(RESET), nbformat.v4.new_code_cell(AFTER)
    book.cells = [*cells, reset, *again, result]
    os.environ.update(environment)
    client = NotebookClient(
        book, timeout=600, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return float(book.cells[-1].outputs[0].text)


def environment_of_one_thread() -> dict[str, str]:
    """For all programs that are compared: one thread each, this project's code."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # nbgrader starts alembic by its name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, **threads, "COURSE_QUICK": "1", "PYTHONPATH": str(ROOT), "PATH": path}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=16)
    parser.add_argument("--notebook", default=NAME)
    parser.add_argument("--pictures", action="store_true")
    options = parser.parse_args()
    count, name = options.submissions, options.notebook
    environment = environment_of_one_thread()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        notebooks = honest_submissions(folder / "demo", name)
        if not options.pictures:
            compute = [own_compute(path, environment) for path in notebooks]
            own = sum(compute[number % len(compute)] for number in range(count)) / count

        plain = folder / "nbgrader"
        (plain / "source").mkdir(parents=True)
        shutil.copytree(
            ROOT / "solutions" / name,
            plain / "source" / name,
            ignore=shutil.ignore_patterns("*.py", "__pycache__", ".ipynb_checkpoints"),
        )
        (plain / "nbgrader_config.py").write_text(PLAIN_CONFIG.format(root=str(plain)))
        fill(plain, notebooks, count)
        if not options.pictures:
            for path in plain.rglob(f"{name}.ipynb"):
                strip(path)
        nbgrader = [sys.executable, "-m", "nbgrader"]
        timed([*nbgrader, "generate_assignment", name, "--force"], plain, environment)
        theirs = timed([*nbgrader, "autograde", name], plain, environment)

        fill(folder / "ours", notebooks, count)
        command = [sys.executable, "-m", "autograder", "grade", name, "--folder", str(folder / "ours")]
        ours = timed(command, ROOT, environment)

    both = (("nbgrader autograde", theirs), ("python -m autograder grade", ours))
    print(f"{count} submissions of {name}; CPU seconds per submission")
    if options.pictures:
        for label, (cpu, wall) in both:
            print(f"{label:28}{cpu / count:8.2f}; by the clock{wall / count:8.2f}")
        print(f"in all, nbgrader spends {theirs[0] / ours[0]:.1f} times as much CPU")
        return
    print(f"{'':28}{'total':>8}{'cells':>8}{'beyond':>8}{'wall':>8}")
    for label, (cpu, wall) in both:
        print(f"{label:28}{cpu / count:8.2f}{own:8.2f}{cpu / count - own:8.2f}{wall / count:8.2f}")
    ratio = (theirs[0] / count - own) / (ours[0] / count - own)
    print(f"nbgrader spends {ratio:.1f} times as much CPU beyond the cells' own compute")


if __name__ == "__main__":
    main()
