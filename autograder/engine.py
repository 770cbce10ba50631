"""Grades a class: one Dask task per submission, results on disk before they count, resumed where it stopped.

The tasks are light: each asks the machine's warm parent to fork a grader (see warm.py), so threads suffice as
workers on one machine, and the same task runs on a cluster's workers where they see the same files.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .assignment import Assignment
from .notebook_file import other_files
from .result import Grade, not_graded
from .versions import versions
from .warm import GraderDied, GraderTimeout, WarmParent

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger("autograder")

HASHED_BYTES = 128 << 20  # a larger file is refused by intake; its beginning is enough for the key

LONGEST_NAME = 200  # bytes of a student's name; files are named after it, with endings
BY_OPTIMISERS = "torch._dynamo"  # which the first optimiser of a process imports, in more than a second

CONNECT_SECONDS = 30  # until a scheduler answers and has a worker

# What Dask measures for those pages all the time: on by default, it takes 7 % of a core.
WATCH_LITTLE = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
}


class ClusterError(Exception):
    """The Dask cluster is not there, or no longer; the text says what to do."""


class NothingToGrade(Exception):
    """There is no submission of this assignment; the text says where they are looked for."""


@dataclass(frozen=True)
class Job:
    """One submission to be graded."""

    student: str
    path: Path
    key: str  # of (student, notebook, assignment version, grader and package versions, limits)
    file_sha256: str  # of the notebook file; empty where it could not be read


@dataclass(frozen=True)
class Settings:
    """How to grade: from nbgrader_config.py and the command line."""

    sandbox: str = "auto"  # "auto": bubblewrap or refuse; "none": unprotected
    workers: int = 0  # side by side; 0: one per CPU core
    scheduler: str = ""  # address of a Dask scheduler; empty: this machine
    force: bool = False  # grade also what has not changed
    grader_seconds: float = 120.0  # that grading may take beyond the student's own total_seconds


def find_jobs(folder: Path, assignment: Assignment) -> list[Job]:
    """The submissions in `folder`/submitted/STUDENT/ASSIGNMENT/, in the students' order."""
    submitted = folder / "submitted"
    jobs = []
    for place in sorted(submitted.glob(f"*/{assignment.name}")):
        student = place.parent.name
        if not is_usable(student):
            log.warning("The folder %r in %s is left out: no student's name; rename it", student, submitted)
        elif place.parent.is_symlink():
            log.warning("%s is left out: it is a link, perhaps to another student's work", place.parent)
        else:
            path = place / f"{assignment.name}.ipynb"
            file, everything = _digests(path)
            jobs.append(Job(student, path, _key(student, everything, assignment), file))
    return jobs


def choose(jobs: Sequence[Job], students: Sequence[str], folder: Path, name: str) -> list[Job]:
    """The jobs of these students, or all where none is named.

    Raises:
        NothingToGrade: none of them has handed in the assignment `name`.
    """
    chosen = [job for job in jobs if not students or job.student in students]
    if not chosen:
        who = f" by {', '.join(students)}" if students else ""
        raise NothingToGrade(
            f"No submission of '{name}'{who}: expected {folder / 'submitted'}/STUDENT/{name}/{name}.ipynb"
        )
    return chosen


def is_usable(student: str) -> bool:
    """Whether a folder's name can go into a gradebook, a page and the names of further files."""
    size = len(student.encode("utf-8", "replace"))
    return student.isprintable() and not student.startswith(".") and size <= LONGEST_NAME


def _key(student: str, digest: str, assignment: Assignment) -> str:
    """Depends on all that can change the grade."""
    parts = [student, digest, versions(assignment.version), repr(assignment.limits)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digests(path: Path) -> tuple[str, str]:
    """Of the notebook's file, and of what stands there in its place; a link or a pipe is never opened.

    Where the file is missing, intake takes the only other one, so that counts; of several, only the names.
    """
    files = [path] if os.path.lexists(path) else other_files(path)
    file, digest = "", hashlib.sha256()
    for other in files:
        try:
            information = os.lstat(other)
        except OSError:
            continue
        digest.update(os.fsencode(other.name) + f" {stat.S_IFMT(information.st_mode)}".encode())
        if stat.S_ISREG(information.st_mode) and len(files) == 1:
            # What cannot be opened is intake's to explain, for this student alone.
            with suppress(OSError), other.open("rb") as stream:
                one = hashlib.sha256(stream.read(HASHED_BYTES)).hexdigest()
                digest.update(one.encode())
                file = one if other == path else file
    return file, digest.hexdigest()


class Results:
    """Finished grades on disk, one JSON file per student, written whole or not at all."""

    def __init__(self, folder: Path, assignment: str) -> None:
        self._folder = folder / ".grading" / assignment

    def get(self, job: Job) -> Grade | None:
        """The kept grade of exactly this job, if there is one."""
        try:
            kept = json.loads((self._folder / f"{job.student}.json").read_text())
            return Grade.from_dict(kept["grade"]) if kept["key"] == job.key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def has_any(self, job: Job) -> bool:
        """Whether there is a grade of this student, of this file or of an older one."""
        return (self._folder / f"{job.student}.json").is_file()

    def put(self, job: Job, grade: Grade) -> None:
        """Keep a grade."""
        text = json.dumps({"key": job.key, "grade": grade.to_dict()})
        write_whole(self._folder / f"{job.student}.json", text)


def kept_grades(folder: Path, assignment: Assignment, jobs: Sequence[Job]) -> Iterator[Grade]:
    """What earlier runs found out about the submissions as they are now, one by one, with the notebooks."""
    results = Results(folder, assignment.name)
    for job in jobs:
        kept = results.get(job)
        if kept is not None:
            yield kept


KEPT = "kept: graded earlier, unchanged since"


def what_is_due(
    folder: Path, assignment: Assignment, jobs: Sequence[Job], settings: Settings
) -> dict[str, str]:
    """What `grade_class` would do with each student's submission, in words; nothing is written."""
    results = Results(folder, assignment.name)

    def words(job: Job) -> str:
        if not results.has_any(job):
            return "graded"
        if results.get(job) is None:
            return "graded again: the file, the assignment or the versions have changed"
        return "graded again: --force" if settings.force else KEPT

    return {job.student: words(job) for job in jobs}


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a crash leaves either the old one or the new one; the same text is left alone."""
    data = text.encode()
    with suppress(OSError):
        if path.read_bytes() == data:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def grade_class(
    root: Path,
    folder: Path,
    assignment: Assignment,
    jobs: Sequence[Job],
    settings: Settings,
    on_grade: Callable[[Job, Grade, bool], None],
) -> list[Grade]:
    """Grade the jobs; call `on_grade(job, grade, fresh)` for each as it is finished, in this thread.

    What is kept from an earlier run and unchanged is not graded again (`fresh` is False then). Interrupted at
    any point, the next call goes on where this one stopped.

    Returns:
        the grades without their notebooks, which only `on_grade` sees: a class of a thousand stays small.
    """
    results = Results(folder, assignment.name)
    finished: dict[str, Grade] = {}
    open_jobs = []
    for job in jobs:
        kept = None if settings.force else results.get(job)
        if kept is None:
            open_jobs.append(job)
        else:
            finished[job.student] = kept.without_notebook()
            on_grade(job, kept, False)
    for job, grade in _run(root, assignment, open_jobs, settings):
        if grade.status != "grader error":
            results.put(job, grade)
        finished[job.student] = grade.without_notebook()
        on_grade(job, grade, True)
    return [finished[job.student] for job in jobs]


def _run(
    root: Path, assignment: Assignment, jobs: Sequence[Job], settings: Settings
) -> Iterator[tuple[Job, Grade]]:
    if not jobs:
        return
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster, as_completed

    # What goes wrong in a task comes back as its exception; Dask's own account of it would only repeat that.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Nobody looks at this cluster's pages, and they would be open to everybody who can reach the machine.
    dask.config.set({f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")})
    dask.config.set(WATCH_LITTLE)
    # A local "cluster" of threads: the work is done by the processes that the warm parent forks.
    cluster = None
    if not settings.scheduler:
        threads = min(settings.workers or CPU_COUNT, len(jobs))
        cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=threads,
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
    client = _connect(settings.scheduler) if settings.scheduler else Client(cluster)
    try:
        waiting = iter(jobs)
        by_key: dict[Any, Job] = {}

        def submit(job: Job) -> Any:
            future = client.submit(
                grade_here,
                *task(root, assignment, job.path, job.student, settings.sandbox, settings.grader_seconds),
                key=f"{job.student}-{job.key}",
                pure=False,
            )
            by_key[future.key] = job
            return future

        # A window keeps the scheduler's memory bounded, however large the class is.
        window = 4 * max(1, sum(client.nthreads().values()))
        running = as_completed([submit(job) for _, job in zip(range(window), waiting, strict=False)])
        for future in running:
            job = by_key.pop(future.key)
            if future.cancelled() or future.status == "lost":
                raise ClusterError(
                    f"The Dask scheduler at {settings.scheduler} no longer answers, or was restarted. What "
                    "was graded is kept; see that it runs, and run the same command again."
                )
            error = future.exception()
            if error is None:
                yield job, Grade.from_dict(future.result())
            else:
                log.error("%s: the grader failed: %s", job.student, error)
                words = f"The grader itself failed, so there is no grade yet: {str(error).splitlines()[0]}"
                yield job, not_graded(assignment, job.student, "grader error", words)
            future.release()
            following = next(waiting, None)
            if following is not None:
                running.add(submit(following))
    finally:
        client.close()
        if cluster is not None:
            cluster.close()
        _close_warm_parents()


def _connect(address: str) -> Client:
    """A client of the cluster at that address, which has a worker.

    Raises:
        ClusterError: it does not answer, or nobody works there.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address} ({str(error).splitlines()[0]}). Start one with "
            "`dask scheduler`, and workers with `dask worker ADDRESS`, all in this folder."
        ) from None
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        client.close()
        raise ClusterError(
            f"The Dask cluster at {address} has no worker: start some in this folder, "
            f"with `dask worker {address}`."
        ) from None
    return client


_warm_parents: dict[tuple[str, tuple[str, ...]], WarmParent] = {}  # by sandbox and what is preloaded
_lock = threading.Lock()


def task(
    root: Path, assignment: Assignment, path: Path, student: str, sandbox: str, grader_seconds: float
) -> tuple[dict[str, Any], str, dict[str, Any], float, tuple[str, ...]]:
    """The arguments with which `grade_here` grades one submission, here or on a cluster's worker."""
    limits = asdict(assignment.limits)
    arguments = {
        "root": str(root),
        "assignment_name": assignment.name,
        "path": str(path),
        "student": student,
        "limits": limits,
    }
    process = {"folder": str(assignment.release_folder), "limits": limits}
    seconds = assignment.limits.total_seconds + grader_seconds
    return arguments, sandbox, process, seconds, _preload(assignment)


def _preload(assignment: Assignment) -> tuple[str, ...]:
    """Modules that students' processes are likely to need, and that take long to import."""
    code = [cell["source"] for cell in assignment.notebook["cells"] if cell["cell_type"] == "code"]
    return (BY_OPTIMISERS,) if any("optim" in "".join(source) for source in code) else ()


def grade_here(
    arguments: dict[str, Any],
    sandbox: str,
    student: dict[str, Any],
    timeout_seconds: float,
    preload: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Grade one submission on this machine (a Dask task); all arguments are plain data."""
    with _lock:
        if (sandbox, preload) not in _warm_parents:
            _warm_parents[sandbox, preload] = WarmParent(sandbox, preload)
        parent = _warm_parents[sandbox, preload]

    def run() -> dict[str, Any]:
        return parent.run(
            "autograder.grade:run_job", arguments, student=student, timeout_seconds=timeout_seconds
        )

    try:
        return run()
    except GraderTimeout:  # a second try would only take as long again
        raise
    except GraderDied as death:
        log.warning("%s: %s; trying once more", arguments["student"], death)
        return run()


def _close_warm_parents() -> None:
    with _lock:
        while _warm_parents:
            _warm_parents.popitem()[1].close()
