"""Builds an assignment: text source -> executed solution notebook -> release for students.

Everything is made in a temporary folder first. `build` then replaces the committed files that differ, and
`build(check=True)` only says which do. Two builds give the same bytes: the hash seed, the number of threads,
recorded timings and recorded results of experiments are fixed, cell ids follow from the source, and what a
kernel adds (versions, times, random ids) is taken out.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.converters import GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory

from . import colab, drift, names
from .assignment import ANSWERS, HIDDEN_ANSWERS, NOTEBOOKS, SOLUTIONS, assignments
from .leaks import leaks
from .roles import GRADED
from .settings import CONFIG_FILE, CourseRelease, read_config
from .source import DEFAULT_STUB, NBVAL_CHECK, Source, SourceCell, read, with_hidden_marks

log = logging.getLogger("autograder")

CELL_SECONDS = 600  # an author's cell that runs longer than this is a mistake
STAMPS = ".build"  # git-ignored: what the last build was made from, so that the next one can be skipped

_KEPT = 5  # replaced release notebooks
_CASES = "cases.py"
_TIMINGS = "timings.json"
_RESULTS = "results.npz"  # of experiments, recorded for the code that the notebook has now
_DECIDE_RESULTS = ("composites", "convolution", "datasets", "edge_bank", "training")  # modules of utils
_DECIDE_WHERE_NAMED = ("final_net",)  # those that only one notebook uses
_LEFTOVERS = shutil.ignore_patterns("*.ipynb", ANSWERS, HIDDEN_ANSWERS, "__pycache__", ".*")
_SHARED = ("utils", "autograder", "data")
_RANDOM_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
_TOOL_NOISE = re.compile(r"font cache|NNPACK|oneDNN|OMP: Info", re.IGNORECASE)


class BuildError(Exception):
    """The source cannot be built; one line says where and why."""


def sources(root: Path) -> list[str]:
    """The names of all assignments that can be built."""
    return assignments(root)


def build_all(
    root: Path, names: Sequence[str], check: bool = False, measure: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """`build` each assignment: side by side, but one after the other where times are measured."""
    workers = 1 if measure else min(len(names), os.cpu_count() or 1)
    with ProcessPoolExecutor(max(workers, 1), mp_context=get_context("spawn")) as pool:
        yield from zip(
            names, pool.map(partial(build, root, check=check, measure=measure), names), strict=True
        )


def build(
    root: Path, name: str, check: bool = False, measure: bool = False, force: bool = False
) -> list[str]:
    """Build one assignment, or check that what is committed is what its source gives.

    Args:
        root: the repository.
        name: of the assignment.
        check: change nothing; return where committed files are not what the source gives.
        measure: record the timings and results of the experiments anew on this machine.
        force: build even if nothing has changed since the last build.

    Returns:
        what is wrong, one line each, naming the notebook and the cell; nothing if all is well.
    """
    root = root.resolve()
    if name not in sources(root):
        found = ", ".join(sources(root)) or "none"
        return [f"there is no {SOLUTIONS}/{name}/{name}.py (assignments found: {found})"]
    stamp = root / STAMPS / f"{name}.sha256"
    if not (check or measure or force) and _stamp(root, name) == _read(stamp):
        return []
    source, problems = read(root / SOLUTIONS / name / f"{name}.py")
    if problems:
        return [f"{name}.py: {problem}" for problem in problems]
    try:
        with _stage(root, name) as stage:
            _build_solution(stage, source, measure)
            _build_release(stage, name)
            given_away = leaks(stage, stage / NOTEBOOKS)
            if given_away:
                return [f"{name}.py: the release would give answers away: {line}" for line in given_away]
            if check:
                return _stale(root, stage, name)
            _publish(root, stage, name)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(_stamp(root, name))
    except BuildError as error:
        return [f"{name}.py: {error}"]
    except OSError as error:  # a full disk, a folder that may not be written
        return [f"{name}: the build cannot write: {error}"]
    return []


def notebook(source: Source) -> NotebookNode:
    """The solution notebook of a source, not yet executed, with nbgrader's metadata."""
    cells = [_cell(cell) for cell in source.cells]
    metadata = {key: value for key, value in source.metadata.items() if key != "course"}
    edition = hashlib.sha256(source.text.encode()).hexdigest()[:16]
    metadata["course"] = {**source.metadata.get("course", {}), "assignment": source.name, "edition": edition}
    metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    metadata.setdefault("kernelspec", {"display_name": "Python 3", "language": "python", "name": "python3"})
    return new_notebook(cells=cells, metadata=metadata, nbformat_minor=5)


def _cell(cell: SourceCell) -> NotebookNode:
    tags = [*cell.tags, *([NBVAL_CHECK] if cell.role == "regression" else [])]
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if cell.role == "text":
        return new_markdown_cell(cell.source, id=cell.id, metadata=metadata)
    graded = cell.role in GRADED
    metadata["nbgrader"] = {
        "grade": graded,
        "grade_id": cell.id,
        "locked": cell.role != "solution",
        "schema_version": 3,
        "solution": cell.role == "solution",
        "task": False,
    }
    if graded:
        metadata["nbgrader"]["points"] = int(cell.points) if cell.points.is_integer() else cell.points
    metadata["course"] = {"role": cell.role}
    if cell.exercise:
        metadata["course"]["exercise"] = cell.exercise
    if cell.role == "solution":
        metadata["course"]["defines"] = list(names.defined(cell.source))
        if cell.stub != DEFAULT_STUB:
            metadata["course"]["stub"] = cell.stub
    text = with_hidden_marks(cell.source) if cell.role == "hidden" else cell.source
    return new_code_cell(text, id=cell.id, metadata=metadata)


@contextmanager
def _stage(root: Path, name: str) -> Iterator[Path]:
    """A temporary course that holds the assignment's source, and the packages it uses as links."""
    with tempfile.TemporaryDirectory(prefix="build-") as folder:
        stage = Path(folder).resolve()
        shutil.copytree(root / SOLUTIONS / name, stage / SOLUTIONS / name, ignore=_LEFTOVERS)
        if not (stage / SOLUTIONS / name / _CASES).is_file():  # answers written by hand, not recorded
            for answers in (ANSWERS, HIDDEN_ANSWERS):
                if (root / SOLUTIONS / name / answers).is_file():
                    shutil.copy(root / SOLUTIONS / name / answers, stage / SOLUTIONS / name)
        for shared in _SHARED:
            if (root / shared).is_dir():
                (stage / shared).symlink_to(root / shared)
        if (root / CONFIG_FILE).is_file():
            shutil.copy(root / CONFIG_FILE, stage)
        yield stage


def code_digest(stage: Path, source: Source) -> str:
    """A digest of what decides the results of experiments: they are recorded anew when it changes."""
    code = "\n\n".join(cell.source for cell in source.cells if cell.role != "text")
    decisive = {*_DECIDE_RESULTS, *(name for name in _DECIDE_WHERE_NAMED if name in code)}
    digest = hashlib.sha256(code.encode())
    for path in sorted([*(stage / "data").rglob("*.npz"), *(stage / "utils").glob("*.py")]):
        if path.suffix == ".npz" or path.stem in decisive:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _environment(stage: Path, source: Source) -> dict[str, str]:
    """The environment of everything that runs the author's code."""
    timings = stage / SOLUTIONS / source.name / _TIMINGS
    return {
        **os.environ,
        "COURSE_TIMINGS": str(timings),
        "COURSE_RESULTS": str(timings.with_name(_RESULTS)),
        "COURSE_EDITION": code_digest(stage, source),
        "CUDA_VISIBLE_DEVICES": "",  # a build must not depend on the graphics card
        "IPYTHONDIR": str(stage / ".ipython"),  # nor on the author's own start-up files
        "JPY_SESSION_NAME": "",  # nor on a notebook that starts it: pictures are stored as PNG
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(stage), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "TQDM_DISABLE": "1",
    }


def _build_solution(stage: Path, source: Source, measure: bool) -> None:
    folder = stage / SOLUTIONS / source.name
    environment = _environment(stage, source)
    if measure:
        for recorded in (_TIMINGS, _RESULTS):
            (folder / recorded).unlink(missing_ok=True)
    if (folder / _CASES).is_file():
        _record_answers(folder / f"{source.name}.py", environment)
    result = notebook(source)
    release = CourseRelease(config=read_config(stage))
    colab.prepare(result, source.name, release.repository, release.branch)
    _execute(result, folder, environment)
    for cell in result.cells:
        _clean(cell, stage)
    nbformat.validate(result)
    nbformat.write(result, folder / f"{source.name}.ipynb")


def _record_answers(path: Path, environment: dict[str, str]) -> None:
    """Run the reference and the misconceptions on all cases, in a process of its own."""
    code = "import sys; from autograder.build import record_answers; record_answers(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=environment,
        cwd=path.parent,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        words = lines[-1] if lines else "no message"
        raise BuildError(
            f"recording the answers failed: {words.removeprefix('autograder.answers.RecordError: ')}"
        )


def record_answers(path: str) -> None:
    """Write the stored answers of the assignment with this source beside it."""
    from .answers import record, run_solutions

    source = Path(path)
    record(source.parent, run_solutions(source))


def _execute(result: NotebookNode, folder: Path, environment: dict[str, str]) -> None:
    """Run all cells in one kernel; the first error ends the build."""
    running = ["the first cell"]
    client = NotebookClient(
        result,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        on_cell_start=lambda cell, cell_index: running.append(f"cell '{cell.id}'"),
        resources={"metadata": {"path": str(folder)}},
    )
    language = dict(result.metadata.language_info)
    try:
        # What the kernel itself says on its standard error is not the notebook's output.
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise BuildError(f"{running[-1]} fails: {error.ename}: {error.evalue}") from None
    except CellTimeoutError:
        raise BuildError(f"{running[-1]} runs longer than {CELL_SECONDS} s") from None
    except (DeadKernelError, RuntimeError):
        raise BuildError(f"{running[-1]} ends the kernel, or it did not start") from None
    result.metadata["language_info"] = language


def _clean(cell: NotebookNode, stage: Path) -> None:
    """Take out of a cell's outputs what another run or machine would print differently; refuse the rest."""
    if cell.cell_type != "code":
        return
    cell.metadata.pop("execution", None)
    kept: list[NotebookNode] = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            lines = [
                line for line in output.text.splitlines() if line.strip() and not _TOOL_NOISE.search(line)
            ]
            if lines:
                raise BuildError(f"cell '{cell.id}' writes to stderr: {lines[-1][:200]!r}")
        elif output.output_type == "stream" and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text  # how a kernel cuts up what is printed is a matter of chance
        else:
            kept.append(output)
    cell.outputs = kept
    random_ids: dict[str, str] = {}
    for output in cell.outputs:
        for key, text in _texts(output):
            if _ADDRESS.search(text):
                raise BuildError(f"cell '{cell.id}' prints a memory address, which changes with every run")
            if str(stage) in text:
                raise BuildError(f"cell '{cell.id}' prints its folder's path, which differs elsewhere")
            if key == "text/html":
                output.data[key] = _RANDOM_ID.sub(lambda found: _steady(found[0], random_ids, cell.id), text)
    if cell.metadata.get("course", {}).get("role") == "regression" and not cell.outputs:
        raise BuildError(f"regression cell '{cell.id}' prints nothing: there is nothing to compare")


def _steady(random_id: str, known: dict[str, str], cell_id: str) -> str:
    """In place of the n-th random id of a cell one that is the same in every build."""
    if random_id not in known:
        digest = hashlib.sha256(f"{cell_id} {len(known)}".encode()).hexdigest()
        known[random_id] = digest[: len(random_id)]
    return known[random_id]


def _texts(output: NotebookNode) -> Iterator[tuple[str, str]]:
    if output.output_type == "stream":
        yield "text", output.text
    for key, value in output.get("data", {}).items():
        if isinstance(value, str) and (key.startswith("text/") or key == "image/svg+xml"):
            yield key, value


def _build_release(stage: Path, name: str) -> None:
    """nbgrader's own generate_assignment, without a gradebook."""
    config = read_config(stage)
    config.CourseDirectory.root = str(stage)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    course = CourseDirectory(config=config)
    course.assignment_id = name
    converter = GenerateAssignment(coursedir=course, config=config)
    messages: list[str] = []
    converter.log = _quiet_logger(messages)
    try:
        converter.start()
    except (NbGraderException, Exception) as error:
        raise BuildError(f"nbgrader's generate_assignment failed: {(messages or [str(error)])[0]}") from None


def _quiet_logger(messages: list[str]) -> logging.Logger:
    """A logger that keeps the last line of each error to itself."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage().strip().splitlines()[-1])

    logger = logging.Logger("generate_assignment", logging.ERROR)
    logger.addHandler(Keep())
    return logger


def _outputs(stage: Path, name: str) -> list[Path]:
    """The files that a build makes, relative to the course."""
    files = (f"{name}.ipynb", ANSWERS, HIDDEN_ANSWERS, _TIMINGS, _RESULTS)
    made = [Path(SOLUTIONS, name, file) for file in files]
    release = sorted(path for path in (stage / NOTEBOOKS / name).rglob("*") if path.is_file())
    return [path for path in made if (stage / path).is_file()] + [path.relative_to(stage) for path in release]


def _surplus(root: Path, stage: Path, name: str) -> list[Path]:
    """Files in the release folder that the build does not make."""
    expected = set(_outputs(stage, name))
    release = sorted(path for path in (root / NOTEBOOKS / name).rglob("*") if path.is_file())
    found = (path.relative_to(root) for path in release)
    hidden = (".ipynb_checkpoints", "__pycache__")
    return [path for path in found if path not in expected and not set(hidden) & set(path.parts)]


def _stale(root: Path, stage: Path, name: str) -> list[str]:
    problems = [
        f"{path}: {difference}"
        for path in _outputs(stage, name)
        for difference in drift.differences(root / path, stage / path)
    ]
    problems = [f"{problem}; run `make build`" for problem in problems]
    surplus = _surplus(root, stage, name)
    return problems + [f"{path}: does not belong into the release: move it away" for path in surplus]


def _publish(root: Path, stage: Path, name: str) -> None:
    """Replace what differs; leave untouched what differs only in the last bits."""
    for path in _outputs(stage, name):
        if drift.differences(root / path, stage / path):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if path.parts[0] == NOTEBOOKS and path.suffix == ".ipynb":
                _keep(root, path)
            _replace(stage / path, root / path)
    for path in _surplus(root, stage, name):
        log.warning("%s does not belong into the release: move it away", path)


def _keep(root: Path, path: Path) -> None:
    """Keep a copy of a release notebook that is replaced: somebody may have worked in it."""
    if not (root / path).is_file():
        return
    kept = root / STAMPS / "replaced"
    kept.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256((root / path).read_bytes()).hexdigest()[:8]
    shutil.copy2(root / path, kept / f"{path.stem}.{digest}.ipynb")
    for old in sorted(kept.glob("*.ipynb"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
        old.unlink()
    log.info("%s replaced; the former one is in %s", path, kept)


def _replace(fresh: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(fresh, part)
    part.replace(target)


def _stamp(root: Path, name: str) -> str:
    """A digest of all that goes into a build and of all that comes out."""
    digest = hashlib.sha256()
    inputs = [*(root / SOLUTIONS / name).rglob("*"), *(root / NOTEBOOKS / name).rglob("*")]
    for shared in ("utils", "autograder"):
        inputs += (root / shared).rglob("*.py")
    inputs += (root / "data").rglob("*.npz")
    for path in sorted([*inputs, root / CONFIG_FILE]):
        if path.is_file() and "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts:
            digest.update(f"{path.relative_to(root)} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
