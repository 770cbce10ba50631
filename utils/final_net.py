"""The network of the course's last task, small and fast on one CPU thread, and mirrored pictures for it."""

from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a straight way past them: x + f(x), (N, C, H, W) to the same shape.

    After K. He et al., Deep residual learning for image recognition, 2015, with nothing after the sum.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_convolution(channels, channels), nn.ReLU(), *_convolution(channels, channels), nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (N, C, H, W) plus what the branch makes of it."""
        return x + self.branch(x)


class FinalNet(nn.Module):
    """Scores for pictures: (N, in_channels, H, W) to (N, n_classes), for H and W of at least 8.

    With the usual width of 16 and Fashion-MNIST's pictures it has about 116,000 parameters:

        picture                                   1 x 28 x 28
        stage: convolution, pooling              16 x 14 x 14
        stage: convolution, pooling, residual    32 x 7 x 7
        stage: convolution, pooling, residual    64 x 3 x 3
        the largest value of each channel        64
        linear                                   10

    What keeps it fast: the one stage that sees the whole picture is thin; a stage pools *before* it
    normalises (the maximum comes first, so that normalisation and ReLU have a quarter of the values); and
    the filters lie in the memory with the channels innermost, which convolutions on a CPU prefer. Give it
    pictures in `memory_format=torch.channels_last` too.

    Args:
        in_channels: 1 for grey, 3 for colour.
        n_classes: how many scores.
        width: channels after the first stage; the second has twice, the third four times as many.
    """

    def __init__(self, in_channels: int = 1, n_classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _stage(in_channels, width),
            _stage(width, 2 * width),
            Residual(2 * width),
            _stage(2 * width, 4 * width),
            Residual(4 * width),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )
        self.classify = nn.Linear(4 * width, n_classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (N, in_channels, H, W) to scores (N, n_classes)."""
        return self.classify(self.features(x))


def mirror_half(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each picture of x (N, C, H, W) mirrored left to right with probability 1/2; x itself is not modified.

    Args:
        generator: draws on the CPU, whatever the device of x, so that every device gets the same draws.
    """
    chosen = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(chosen.to(x.device), x.flip(3), x)


def _convolution(in_channels: int, out_channels: int) -> tuple[nn.Module, nn.Module]:
    """3 x 3, same size, and its normalisation, which has the bias."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)


def _stage(in_channels: int, out_channels: int) -> nn.Sequential:
    """(N, in_channels, H, W) to (N, out_channels, H // 2, W // 2)."""
    convolution, norm = _convolution(in_channels, out_channels)
    return nn.Sequential(convolution, nn.MaxPool2d(2), norm, nn.ReLU())
