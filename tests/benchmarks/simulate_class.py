"""A simulated class: how many submissions an hour some number of cores grades, and when the one writer is full.

    python tests/benchmarks/simulate_class.py [--submissions 100000] [--writer 0.06] [--grading NOTEBOOK=SECONDS ...]

A discrete-event simulation of what engine.py does. Each core grades one submission at a time. A window of four
submissions a core is under way; a finished one waits for the writer, who records one after the other (gradebook,
notebook, feedback page, audit line); each that is recorded lets the next one in. How long grading takes varies from
submission to submission: drawn from a log-normal distribution with the given mean and SPREAD. The means are
measured ones (`bench_scale.py service`); nothing else of a cluster is in the model, above all no network.
"""

from __future__ import annotations

import argparse
import heapq
import math
from collections import deque

import numpy as np

WINDOW = 4  # submissions under way for each core, as in engine.py
SPREAD = 0.5  # standard deviation of the logarithm of the seconds that grading one submission takes
CORES = (2, 8, 32, 128, 512)


def simulate(grading: np.ndarray, cores: int, writer: float) -> tuple[float, float]:
    """Grade a class.

    Args:
        grading: seconds of each submission on one core.
        cores: that grade side by side.
        writer: seconds to record one submission.

    Returns:
        seconds until the last one is recorded, and the share of them in which the writer worked.
    """
    waiting = deque(grading)  # not yet handed to the scheduler
    ready = deque(waiting.popleft() for _ in range(min(WINDOW * cores, len(waiting))))
    running: list[float] = []  # when each busy core will be done
    finished: deque[float] = deque()  # since when each waits for the writer
    now = free = 0.0  # the time; when the writer is free again
    recorded = 0
    while recorded < len(grading):
        while ready and len(running) < cores:
            heapq.heappush(running, now + ready.popleft())
        recording_ends = max(free, finished[0]) + writer if finished else math.inf
        if running and running[0] <= recording_ends:
            now = heapq.heappop(running)
            finished.append(now)
        else:
            finished.popleft()
            now = free = recording_ends
            recorded += 1
            if waiting:
                ready.append(waiting.popleft())
    return now, len(grading) * writer / now


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=100_000)
    parser.add_argument("--writer", type=float, required=True, help="seconds to record one submission")
    parser.add_argument("--grading", nargs="+", required=True, metavar="NOTEBOOK=SECONDS")
    options = parser.parse_args()
    print(f"{options.submissions} submissions; the writer takes {options.writer:g} s for each")
    print("an hour (share of the time in which the writer works)")
    print(f"{'notebook':22}" + "".join(f"{f'{cores} cores':>16}" for cores in CORES) + "   writer full from")
    for pair in options.grading:
        name, _, mean = pair.partition("=")
        draws = np.random.default_rng(0).lognormal(-(SPREAD**2) / 2, SPREAD, options.submissions)
        grading = float(mean) * draws
        row = f"{name:22}"
        for cores in CORES:
            seconds, busy = simulate(grading, cores, options.writer)
            row += f"{3600 * options.submissions / seconds:9.0f} ({busy:4.0%})"
        print(f"{row}{math.ceil(float(mean) / options.writer):8} cores", flush=True)


if __name__ == "__main__":
    main()
