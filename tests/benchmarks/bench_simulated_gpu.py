"""What the simulated GPU costs: steps of training, and the checks that use it, with and without the simulation.

    python tests/benchmarks/bench_simulated_gpu.py [--repeats 9]

Both take turns in one run, on one thread; a ratio is that of their medians. The losses must be the same to the
last bit, the checks must pass both ways. The bars are 2 for a step of a convolutional net and 2 for the checks.
"""

# ruff: noqa: I001 (bench_conv2d comes first: it sets the environment before NumPy is loaded)
from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from bench_backprop import medians

import torch
import torch.nn.functional as F
from torch import nn

from autograder.answers import run_solutions
from utils import checks
from utils.probes import gpu
from utils.simulated_gpu import SimulatedGPU

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"
EXERCISES = {  # some of those with cases on a GPU, from each notebook
    "01_convolution": ["conv2d_unfold", "Conv2d"],
    "02_filters": ["learn_filter_bank", "record_activations", "occlusion_map_batched"],
    "03_pooling_backprop": ["MaxPool2dFunction", "train_epoch", "evaluate"],
    "04_architectures": ["ResNet", "gradient_norms", "UNet"],
    "05_regularization": ["Dropout", "fit"],
}
STEPS = 5
BARS = {"convolutional net": 2.0, "checks": 2.0}  # largest ratios allowed

Made = tuple[nn.Module, torch.Tensor]


def convolutional() -> Made:
    """A small net for pictures of clothes, and a batch of 64."""
    conv = nn.Conv2d(1, 16, 3, padding=1)
    layers = (conv, nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 14 * 14, 10))
    return nn.Sequential(*layers), torch.randn(64, 1, 28, 28)


def tiny() -> Made:
    """A net as small as those of the checks: nothing to see but the cost of each call."""
    return nn.Sequential(nn.Linear(6, 3)), torch.randn(4, 6)


def losses(make: Callable[[], Made], device: str) -> list[float]:
    """The losses of some steps of SGD."""
    torch.manual_seed(0)
    model, x = make()
    y = torch.arange(len(x)) % 3
    model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    found = []
    for _ in range(STEPS):
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def simulated(make: Callable[[], Made]) -> list[float]:
    """The same steps on the simulated GPU."""
    with SimulatedGPU():
        return losses(make, "cuda")


def on_cpu(call: Callable[[Any], Any], prepare: Callable[..., Any] = lambda device: device) -> Any:
    """What `gpu.on_gpu` would report if the CPU were the GPU."""
    answer = call(prepare(torch.device("cpu")))
    seen = {"device": "cpu", "simulated": False, "refused": "", "unregistered": False}
    return seen | {"computed": {}, "copies": {}, "answers": ["cpu"]}, answer


def run_checks(solutions: Mapping[str, Mapping[str, Any]]) -> None:
    """All cases of EXERCISES; they must pass."""
    with contextlib.redirect_stdout(io.StringIO()):
        for notebook, names in EXERCISES.items():
            checks.FOLDERS[:] = [SOLUTIONS / notebook]
            for name in names:
                checks.run(name, solutions[notebook][name])
                checks.run(name, solutions[notebook][name], hidden=True)


def main() -> int:
    """Measure and print a table; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    if torch.cuda.is_available():
        print("there is a real GPU: nothing is simulated")
        return 0
    torch.set_num_threads(1)
    ratios = {}
    print("                      with     without   ratio")
    for name, make in (("convolutional net", convolutional), ("linear net", tiny)):
        if losses(make, "cpu") != simulated(make):
            raise SystemExit(f"{name}: the losses differ")
        with_it, without = medians(lambda m=make: simulated(m), lambda m=make: losses(m, "cpu"), repeats)
        ratios[name] = with_it / without
        print(
            f"{name:18} {with_it / STEPS * 1e3:6.2f} ms  {without / STEPS * 1e3:6.2f} ms  {ratios[name]:6.2f}"
        )
    solutions = {name: run_solutions(SOLUTIONS / name / f"{name}.py") for name in EXERCISES}

    def plain_checks() -> None:
        with mock.patch.object(gpu, "on_gpu", on_cpu):
            run_checks(solutions)

    with_it, without = medians(lambda: run_checks(solutions), plain_checks, repeats)
    ratios["checks"] = with_it / without
    print(f"{'checks':18} {with_it:6.2f} s   {without:6.2f} s   {ratios['checks']:6.2f}")
    return int(any(ratios[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
