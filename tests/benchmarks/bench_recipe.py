"""The course's final recipe: is the small network accurate enough, and trained within 60 or 300 CPU seconds?

    python tests/benchmarks/bench_recipe.py [--data emojiten] [--seconds 60] [--seeds 0 1 2] [--write]
    python tests/benchmarks/bench_recipe.py --show

It trains `utils.final_net.FinalNet` with `fit` of notebook 5, read from the notebook's source, on one thread. A part
of the training pictures is kept for validation: on it `fit` chooses the epoch whose weights stay. The test pictures
are looked at once, after that. `--write` keeps the results in recipe.json beside this script; `--show` prints
what is kept there. Seconds are the process's CPU seconds around `fit`, with the finding of the first filters and the
validation after each epoch (on a GPU: seconds on the clock). They depend on the machine and on what else it does, so
the speed of a matrix product, measured before and after the training, stands beside them.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograder import answers
from utils import datasets, devices, training
from utils.final_net import FinalNet, mirror_half

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "solutions" / "05_regularization" / "05_regularization.py"
RECORD = HERE / "recipe.json"
Tensors = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """What is trained, how, and what is asked of it."""

    validation: int  # training pictures that are kept for validation
    width: int  # of FinalNet
    fixed: bool  # the first filters are found in the training pictures and do not learn
    mirrored: bool  # half of the training pictures are mirrored in each epoch; then the mirror image's scores count, too
    knobs: dict[str, Any]  # the recipe for `fit`
    bar: float | None  # smallest accuracy asked for on the test pictures


ONE_CYCLE = {
    "optimizer": "sgd",
    "lr": 0.2,
    "momentum": 0.9,
    "weight_decay": 1e-3,
    "schedule": "cosine",
    "warmup": 0.25,
    "label_smoothing": 0.05,
    "batch_size": 128,
}
PLANS = {
    ("fashion_mnist_full", 60): Plan(
        validation=5_000, width=16, fixed=True, mirrored=False, knobs=ONE_CYCLE | {"epochs": 3}, bar=0.92
    ),
    # Time enough to learn from pictures that are mirrored.
    ("fashion_mnist_full", 300): Plan(
        validation=5_000, width=16, fixed=True, mirrored=True, knobs=ONE_CYCLE | {"epochs": 18}, bar=0.935
    ),
    # Few drawings, and few steps for the rate to rise in: a smaller rate and batch, and more decay.
    ("emojiten", 60): Plan(
        validation=800,
        width=16,
        fixed=False,
        mirrored=True,
        knobs=ONE_CYCLE | {"epochs": 8, "lr": 0.03, "weight_decay": 5e-3, "batch_size": 64},
        bar=None,
    ),
}


def run(plan: Plan, data: str, seed: int, fit: Callable[..., dict], device: torch.device) -> dict[str, Any]:
    """Train once and look at every other split once.

    Returns:
        "seconds", "clock" (seconds), "gflops" (of the matrix product, before and after), "loss" and "validation" of
        each epoch, "best" epoch, and under the name of each split its accuracy: as it is, and with the scores
        of each picture averaged with those of its mirror image.
    """
    learn, check = split_off(datasets.load(data, "train"), plan.validation)
    torch.manual_seed(seed)
    net = FinalNet(learn[0].shape[1], width=plan.width)
    knobs = plan.knobs | {"seed": seed, "augment": mirror_half if plan.mirrored else None}

    speed = [gigaflops()]
    clock, cpu = time.perf_counter(), time.process_time()
    if plan.fixed:
        net.fix_first_filters(learn[0])
    history = fit(net, learn, check, knobs, device)
    devices.wait(device)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    speed.append(gigaflops())

    row: dict[str, Any] = {
        "seconds": round(cpu if device.type == "cpu" else clock, 1),
        "clock": round(clock, 1),
        "gflops": [round(s) for s in speed],
        "loss": [round(value, 4) for value in history["loss"]],
        "validation": [round(value, 4) for value in history["accuracy"]],
        "best": history["best"],
    }
    for split in datasets.splits(data):
        if split != "train":
            x, y = datasets.load(data, split).tensors()
            scores = training.scores(net, x, device=device)
            both = scores + training.scores(net, x.flip(3), device=device)
            row[split] = [round(float((s.argmax(1) == y).double().mean()), 4) for s in (scores, both)]
    return row


def split_off(train: datasets.ImageSet, n: int) -> tuple[Tensors, Tensors]:
    """The training pictures without n of them, and these n, drawn once and for all; channels innermost."""
    x, y = train.tensors()
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(y)))
    parts = [
        (x[part].contiguous(memory_format=torch.channels_last), y[part]) for part in (order[n:], order[:n])
    ]
    return parts[0], parts[1]


def gigaflops(size: int = 1024, repeats: int = 9) -> float:
    """Billions of additions and multiplications in one CPU second of a matrix product (median)."""
    a = torch.ones(size, size)
    times = []
    for _ in range(repeats + 2):
        start = time.process_time()
        a @ a
        times.append(time.process_time() - start)
    return 2 * size**3 / statistics.median(times[2:]) / 1e9


def print_table(key: str, entry: dict[str, Any]) -> None:
    """One line for each seed, then mean and spread over the seeds."""
    rows = entry["runs"]
    splits = [
        name
        for name, value in rows[0].items()
        if isinstance(value, list) and name in ("test", "seen", "designer")
    ]
    print(
        f"{key}: {entry['parameters']} parameters, {entry['plan']['knobs']['epochs']} epochs, {entry['machine']}"
    )
    print(
        f"{'seed':>9}  {'seconds':>7}  {'GFLOP/s':>9}  {'valid':>6}"
        + "".join(f"  {s:>8}  +mirror" for s in splits)
    )
    for row in rows:
        line = f"{row['seed']:>9}  {row['seconds']:>7.1f}  {row['gflops'][0]:>4}–{row['gflops'][1]:<4}"
        line += f"  {row['validation'][row['best']]:6.2%}"
        print(line + "".join(f"  {row[s][0]:8.2%}  {row[s][1]:7.2%}" for s in splits))
    values = [[row["validation"][row["best"]] for row in rows]]
    values += [[row[s][way] for row in rows] for s in splits for way in (0, 1)]
    for name, digest in (("mean", statistics.mean), ("lowest", min), ("highest", max)):
        cells = [digest(column) for column in values]
        line = f"{name:>9}  {digest([row['seconds'] for row in rows]):>7.1f}  {'':9}  {cells[0]:6.2%}"
        print(line + "".join(f"  {a:8.2%}  {b:7.2%}" for a, b in zip(cells[1::2], cells[2::2], strict=True)))
    for words, is_met in verdicts(key, entry):
        print(f"{words} — {'met' if is_met else 'MISSED'}")


def verdicts(key: str, entry: dict[str, Any]) -> list[tuple[str, bool]]:
    """What is asked for, in words, and whether the runs have it on average: the time, and the accuracy."""
    rows, bar, limit = entry["runs"], entry["plan"]["bar"], int(key.split()[-2])
    took = statistics.mean(row["seconds"] for row in rows)
    found = [(f"at most {limit} seconds, on average {took:.1f}", took <= limit)]
    if bar is not None:
        way = int(entry["plan"]["mirrored"])
        mean = statistics.mean(row["test"][way] for row in rows)
        words = ("", " and their mirror images")[way]
        found.append((f"at least {bar:.1%} on the test pictures{words}, on average {mean:.2%}", mean >= bar))
    return found


def keep(key: str, entry: dict[str, Any]) -> None:
    """Write the runs into the record; runs of another plan or machine are dropped, those of other seeds stay."""
    record = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    before = record.get(key)
    if before and all(before[name] == entry[name] for name in ("plan", "parameters", "machine")):
        new = {row["seed"] for row in entry["runs"]}
        entry["runs"] += [row for row in before["runs"] if row["seed"] not in new]
        entry["runs"].sort(key=lambda row: row["seed"])
    record[key] = entry
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def machine(device: torch.device) -> str:
    """The processor in words, and PyTorch's version."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file() and device.type == "cpu":
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    where = f"{name}, one thread" if device.type == "cpu" else devices.describe(device)
    return f"{where}, PyTorch {torch.__version__}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=sorted({data for data, _ in PLANS}), default="fashion_mnist_full")
    parser.add_argument("--seconds", type=int, choices=(60, 300), default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--device", default="cpu", help="such as cuda (default cpu)")
    parser.add_argument("--write", action="store_true", help="keep the results in recipe.json")
    parser.add_argument("--show", action="store_true", help="print what is kept, train nothing")
    options = parser.parse_args()
    if options.show:
        for key, entry in json.loads(RECORD.read_text()).items():
            print_table(key, entry)
        return 0
    if (options.data, options.seconds) not in PLANS:
        parser.error(f"there is no recipe of {options.seconds} seconds for {options.data}")

    torch.set_num_threads(1)
    device = torch.device(options.device)
    plan = PLANS[options.data, options.seconds]
    fit = answers.run_solutions(SOURCE)["fit"]
    entry = {
        "plan": asdict(plan),
        "parameters": parameters(options.data, plan),
        "machine": machine(device),
        "runs": [],
    }
    key = f"{options.data}, {options.seconds} s"
    for seed in options.seeds:
        entry["runs"].append({"seed": seed} | run(plan, options.data, seed, fit, device))
        if options.write:
            keep(key, entry | {"runs": entry["runs"][-1:]})
    print_table(key, entry)
    return 0 if all(is_met for _, is_met in verdicts(key, entry)) else 1


def parameters(data: str, plan: Plan) -> int:
    """How many numbers the network learns."""
    channels = 1 if data.startswith("fashion") else 3
    return sum(weight.numel() for weight in FinalNet(channels, width=plan.width).parameters())


if __name__ == "__main__":
    raise SystemExit(main())
