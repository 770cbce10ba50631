"""Trains three classifiers on EmojiTen with one budget and prints the table that stands in README.md.

OMP_NUM_THREADS=1 python data/emojiten/measure_baselines.py [NAME OF THE SET]
"""

from __future__ import annotations

import sys
import time

import torch
from torch import nn

from utils import datasets

N_TRAIN, EPOCHS, BATCH = 4000, 5, 64
SEEDS = (0, 1, 2)


def linear(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Softmax regression."""
    channels, height, width = shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, n_classes))


def mlp(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Two hidden layers, of 256 and 128 units."""
    channels, height, width = shape
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * height * width, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, n_classes),
    )


def convnet(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Three times 3 x 3 convolution, batch normalisation, ReLU and pooling, then a linear layer."""
    layers: list[nn.Module] = []
    channels, height, width = shape
    for filters in (16, 32, 64):
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (height // 8) * (width // 8), n_classes))


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Adam, step size 1e-3. Returns the CPU seconds of this process."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.process_time()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
    return time.process_time() - start


@torch.no_grad()
def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of right answers."""
    model.eval()
    right = sum(
        (model(x[part]).argmax(1) == y[part]).sum().item() for part in torch.arange(len(x)).split(500)
    )
    return right / len(x)


def main() -> None:
    """Print one line per model: accuracy per split and CPU seconds, means over the seeds (lowest-highest)."""
    name = sys.argv[1] if len(sys.argv) > 1 else "emojiten"
    training = datasets.load(name, "train", N_TRAIN)
    splits = [split for split in datasets.splits(name) if split != "train"]
    x, y = training.tensors()
    held_out = {split: datasets.load(name, split).tensors() for split in splits}
    print(f"| model | {' | '.join(splits)} | CPU s |")
    for build in (linear, mlp, convnet):
        results: dict[str, list[float]] = {split: [] for split in splits}
        seconds = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = build(training.images.shape[1:], len(training.classes))
            seconds.append(train(model, x, y))
            for split, (x_test, y_test) in held_out.items():
                results[split].append(accuracy(model, x_test, y_test))
        cells = [f"{sum(a) / len(a):.3f} ({min(a):.3f}-{max(a):.3f})" for a in results.values()]
        print(f"| {build.__name__} | {' | '.join(cells)} | {sum(seconds) / len(seconds):.1f} |", flush=True)


if __name__ == "__main__":
    main()
