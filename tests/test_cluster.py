"""Grading on a Dask cluster: a real scheduler and two worker processes, some of which are killed in the middle."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from mini_class import (
    NAME,
    OPTIONS,
    RIGHT,
    ROOT,
    SLOW,
    START_SECONDS,
    hand_in,
    kept,
    scores,
    start_grading,
)

from autograder import __main__ as command
from autograder.classroom import grade_and_record
from autograder.engine import ClusterError

SCHEDULER = ("scheduler", "--host", "127.0.0.1", "--no-dashboard", "--no-show")
WORKER = ("worker", "--no-nanny", "--nthreads", "1", "--no-dashboard")  # no nanny starts it again


@dataclass
class Cluster:
    """Processes of one Dask cluster on this machine."""

    folder: Path
    address: str = ""
    processes: list[subprocess.Popen] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start one part; what it says goes to a file."""
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                stdout=stream,
                stderr=stream,
                cwd=ROOT,
                env=None,
            )
        self.processes.append(process)
        return process

    def start_scheduler(self, port: int = 0) -> subprocess.Popen:
        process = self.start(*SCHEDULER, "--port", str(port))
        log = self.folder / f"{len(self.processes) - 1}.log"
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        self.address = found[1]
        return process

    def start_worker(self) -> subprocess.Popen:
        folder = self.folder / f"worker{len(self.processes)}"
        return self.start(*WORKER, "--local-directory", str(folder), self.address)

    def wait_for_workers(self, number: int) -> None:
        from distributed import Client

        with Client(self.address, timeout=START_SECONDS) as client:
            client.wait_for_workers(number, timeout=START_SECONDS)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler with two workers."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    running = Cluster(folder)
    try:
        running.start_scheduler()
        for _ in range(2):
            running.start_worker()
        running.wait_for_workers(2)
        yield running
    finally:
        for process in running.processes:
            process.kill()
            process.wait()


def test_a_worker_that_is_killed_costs_nothing(course, cluster):
    students = [f"student{number}" for number in range(8)]
    for student in students:
        hand_in(course, student, SLOW)
    grading = start_grading(course, "--scheduler", cluster.address)
    cluster.processes[1].send_signal(signal.SIGKILL)
    _, err = grading.communicate(timeout=240)
    assert grading.returncode == command.DONE, err
    assert scores(course) == dict.fromkeys(students, 100.0)
    assert err.count("100/100") == len(students)  # each was told once


def test_a_scheduler_that_is_killed_and_restarted_is_a_clear_line_and_the_next_run_goes_on(course, cluster):
    students = [f"student{number}" for number in range(6)]
    for student in students:
        hand_in(course, student, SLOW)
    grading = start_grading(course, "--scheduler", cluster.address)
    cluster.processes[0].send_signal(signal.SIGKILL)
    cluster.processes[0].wait()
    cluster.start_scheduler(int(cluster.address.rpartition(":")[2]))
    cluster.start_worker()
    _, err = grading.communicate(timeout=240)
    assert grading.returncode == command.PROBLEM, err
    assert "Traceback" not in err
    assert "scheduler" in err.splitlines()[-1]
    assert "run the same command again" in err.splitlines()[-1]
    done = kept(course)
    assert 0 < len(done) < len(students)
    cluster.wait_for_workers(1)
    again = replace(OPTIONS, scheduler=cluster.address)
    outcome = grade_and_record(course, course, NAME, options=again)
    assert [grade.student for grade in outcome.grades] == students
    assert scores(course) == dict.fromkeys(students, 100.0)


def test_a_scheduler_that_is_not_there_is_said(course, monkeypatch, capsys):
    hand_in(course, "anna", RIGHT)
    monkeypatch.setattr(command, "ROOT", course)
    monkeypatch.setattr("autograder.engine.CONNECT_SECONDS", 1)
    call = ["grade", NAME, "--folder", str(course), "--scheduler", "tcp://127.0.0.1:9"]
    assert command.main([*call, "--sandbox", OPTIONS.sandbox]) == command.PROBLEM
    said = capsys.readouterr().err
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in said
    assert "dask scheduler" in said


def test_a_cluster_without_workers_is_said(course, tmp_path, monkeypatch, capsys):
    hand_in(course, "anna", RIGHT)
    monkeypatch.setattr("autograder.engine.CONNECT_SECONDS", 3)
    alone = Cluster(tmp_path)
    scheduler = alone.start_scheduler()
    try:
        with pytest.raises(ClusterError, match="has no worker"):
            grade_and_record(course, course, NAME, options=replace(OPTIONS, scheduler=alone.address))
    finally:
        scheduler.kill()
        scheduler.wait()
