"""The course's vectorised `conv2d` against PyTorch on one thread, forward, float32.

    python tests/benchmarks/bench_conv2d.py [--repeats 15] [--source FILE]

Both take turns in one run; the ratio is that of their medians. The function is read from the notebook's
source: the cell with the header `solution="conv2d"`. The bar is 1.6 for the first layer of the table.
"""

# ruff: noqa: E402 (the environment must be set before NumPy is loaded)
from __future__ import annotations

import os

# These two variables of OpenBLAS would choose a slower kernel than this machine has.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import numpy as np
import torch
import torch.nn.functional as F

SOURCE = Path(__file__).resolve().parents[2] / "solutions" / "01_convolution" / "01_convolution.py"
BAR = 1.6  # largest ratio allowed for the first layer
LAYERS = (  # images, channels in, height and width, filters, kernel size, padding
    (64, 32, 32, 64, 3, 1),
    (64, 32, 32, 64, 3, 0),
    (32, 64, 16, 128, 3, 1),
    (128, 3, 32, 32, 5, 2),
    (64, 64, 32, 128, 1, 0),
)


def function_of_notebook(source: Path, name: str) -> Callable[..., np.ndarray]:
    """The function that the solution cell of this name defines."""
    for cell in jupytext.read(source).cells:
        if cell.metadata.get("solution") == name:
            namespace: dict = {"np": np}
            exec(cell.source, namespace)
            return namespace[name]
    raise LookupError(f'{source} has no cell with solution="{name}"')


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(conv2d: Callable[..., np.ndarray], layer: tuple[int, ...], repeats: int) -> tuple[float, float]:
    """Median seconds of conv2d and of PyTorch for one layer, after two runs of each that do not count."""
    images, channels, size, filters, kernel, padding = layer
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((images, channels, size, size), dtype=np.float32)
    weight = numbers.standard_normal((filters, channels, kernel, kernel), dtype=np.float32)
    bias = numbers.standard_normal(filters, dtype=np.float32)
    tensors = [torch.from_numpy(array) for array in (x, weight, bias)]

    ours, theirs = [], []
    with torch.inference_mode():
        answer = F.conv2d(*tensors, padding=padding).numpy()
        np.testing.assert_allclose(conv2d(x, weight, bias, 1, padding), answer, rtol=1e-3, atol=1e-3)
        for _ in range(repeats + 2):
            ours.append(seconds(lambda: conv2d(x, weight, bias, 1, padding)))
            theirs.append(seconds(lambda: F.conv2d(*tensors, padding=padding)))
    return statistics.median(ours[2:]), statistics.median(theirs[2:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="timed runs of each (default 15)")
    parser.add_argument("--source", type=Path, default=SOURCE, help="percent script of the notebook")
    options = parser.parse_args()
    torch.set_num_threads(1)
    conv2d = function_of_notebook(options.source, "conv2d")

    print(
        f"conv2d of the notebook against PyTorch {torch.__version__}, one thread, forward, float32, medians"
    )
    print(f"{'x':>16}  {'filters':>14}  {'pad':>3}  {'NumPy':>9}  {'PyTorch':>9}  ratio")
    ratios = []
    for layer in LAYERS:
        images, channels, size, filters, kernel, padding = layer
        ours, theirs = compare(conv2d, layer, options.repeats)
        ratios.append(ours / theirs)
        x, bank = f"{images}×{channels}×{size}×{size}", f"{filters}×{channels}×{kernel}×{kernel}"
        times = f"{ours * 1e3:6.1f} ms  {theirs * 1e3:6.1f} ms"
        print(f"{x:>16}  {bank:>14}  {padding:>3}  {times}  {ratios[-1]:.2f}")
    verdict = "met" if ratios[0] <= BAR else "MISSED"
    print(f"bar for the first layer: at most {BAR} — {verdict}")
    return 0 if ratios[0] <= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
