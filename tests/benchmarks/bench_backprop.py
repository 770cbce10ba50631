"""The course's layers in NumPy, forward and backward, against PyTorch on one thread, float32.

    python tests/benchmarks/bench_backprop.py [--repeats 9]

Both take turns in one run; a ratio is that of their medians. The functions are read from the notebooks' sources:
`conv2d` of notebook 1, everything else of notebook 3. The bar is 1.7 for every layer of the table.
"""

# ruff: noqa: I001 (bench_conv2d comes first: it sets the environment before NumPy is loaded)
from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

from bench_conv2d import SOURCE as FORWARD
from bench_conv2d import function_of_notebook, seconds

import numpy as np
import torch
import torch.nn.functional as F

BACKWARD = (
    Path(__file__).resolve().parents[2] / "solutions" / "03_pooling_backprop" / "03_pooling_backprop.py"
)
BAR = 1.7  # largest ratio allowed, forward and backward together
CONVOLUTIONS = (  # images, channels in, height and width, filters, kernel size, padding
    (64, 32, 32, 64, 3, 1),
    (32, 64, 16, 128, 3, 1),
    (128, 3, 32, 32, 5, 2),
    (64, 64, 32, 128, 1, 0),
)
POOLING = (  # images, channels, height and width, kernel size, stride
    (64, 10, 32, 2, 2),
    (64, 64, 16, 3, 2),
)


def medians(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds of both, taking turns, after two runs of each that do not count."""
    times = [(seconds(ours), seconds(theirs)) for _ in range(repeats + 2)][2:]
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    return first, second


def compare_convolution(
    forward: Callable, backward: Callable, layer: tuple[int, ...], repeats: int
) -> tuple[float, float]:
    """Median seconds of NumPy and of PyTorch for one layer, forward and backward; the gradients agree."""
    images, channels, size, filters, kernel, padding = layer
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((images, channels, size, size), dtype=np.float32)
    weight = numbers.standard_normal((filters, channels, kernel, kernel), dtype=np.float32)
    bias = numbers.standard_normal(filters, dtype=np.float32)
    dy = numbers.standard_normal(forward(x, weight, bias, 1, padding).shape, dtype=np.float32)
    tensors = [torch.from_numpy(array).requires_grad_() for array in (x, weight, bias)]
    gradient = torch.from_numpy(dy)

    def ours() -> tuple[np.ndarray, ...]:
        forward(x, weight, bias, 1, padding)
        return backward(dy, x, weight, 1, padding)

    def theirs() -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(F.conv2d(*tensors, padding=padding), tensors, gradient)

    for mine, right in zip(ours(), theirs(), strict=True):
        scale = float(right.abs().max())
        np.testing.assert_allclose(mine / scale, right.numpy() / scale, atol=1e-4)
    return medians(ours, theirs, repeats)


def compare_pooling(
    forward: Callable, backward: Callable, layer: tuple[int, ...], repeats: int
) -> tuple[float, float]:
    """The same for one max pooling."""
    images, channels, size, kernel, stride = layer
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((images, channels, size, size), dtype=np.float32)
    tensor = torch.from_numpy(x).requires_grad_()
    dy = numbers.standard_normal(forward(x, kernel, stride)[0].shape, dtype=np.float32)
    gradient = torch.from_numpy(dy)

    def ours() -> np.ndarray:
        _, argmax = forward(x, kernel, stride)
        return backward(dy, argmax, x.shape)

    def theirs() -> torch.Tensor:
        return torch.autograd.grad(F.max_pool2d(tensor, kernel, stride), tensor, gradient)[0]

    np.testing.assert_allclose(ours(), theirs().numpy(), rtol=1e-5, atol=1e-5)
    return medians(ours, theirs, repeats)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9, help="timed runs of each (default 9)")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    conv2d = function_of_notebook(FORWARD, "conv2d")
    conv2d_backward = function_of_notebook(BACKWARD, "conv2d_backward")
    max_pool2d = function_of_notebook(BACKWARD, "max_pool2d")
    max_pool2d_backward = function_of_notebook(BACKWARD, "max_pool2d_backward")

    print(f"forward + backward against PyTorch {torch.__version__}, one thread, float32, medians")
    print(f"{'x':>16}  {'layer':>26}  {'NumPy':>9}  {'PyTorch':>9}  ratio")
    ratios = []
    for layer in CONVOLUTIONS:
        images, channels, size, filters, kernel, padding = layer
        ours, theirs = compare_convolution(conv2d, conv2d_backward, layer, repeats)
        ratios.append(ours / theirs)
        words = f"{filters} filters {kernel}×{kernel}, pad {padding}"
        _print_row(f"{images}×{channels}×{size}×{size}", words, ours, theirs)
    for layer in POOLING:
        images, channels, size, kernel, stride = layer
        ours, theirs = compare_pooling(max_pool2d, max_pool2d_backward, layer, repeats)
        ratios.append(ours / theirs)
        _print_row(
            f"{images}×{channels}×{size}×{size}", f"max pooling {kernel}×{kernel}/{stride}", ours, theirs
        )
    met = max(ratios) <= BAR
    print(f"bar: at most {BAR} — {'met' if met else 'MISSED'}")
    return 0 if met else 1


def _print_row(x: str, words: str, ours: float, theirs: float) -> None:
    times = f"{ours * 1e3:6.1f} ms  {theirs * 1e3:6.1f} ms"
    print(f"{x:>16}  {words:>26}  {times}  {ours / theirs:.2f}")


if __name__ == "__main__":
    raise SystemExit(main())
