"""The network of the course's last task, small and fast on one CPU thread, and mirrored pictures for it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

PATCHES = 200_000  # at most so many are looked at for the first filters


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
        stage: pooling, convolution, residual    64 x 3 x 3
        the largest value of each channel        64
        linear                                   10

    What keeps it fast: the one stage that sees the whole picture is thin; a stage pools *before* it
    normalises (the maximum comes first, so that normalisation and ReLU have a quarter of the values), the
    last one even before it convolves; and the filters lie in the memory with the channels innermost, which
    convolutions on a CPU prefer. Give it pictures in `memory_format=torch.channels_last` too.

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
            _stage(2 * width, 4 * width, pool_first=True),
            Residual(4 * width),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )
        self.classify = nn.Linear(4 * width, n_classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def fix_first_filters(self, pictures: torch.Tensor) -> None:
        """Take the first filters from pictures (N, in_channels, H, W); from then on they do not learn.

        They are the principal components of the pictures' 3 x 3 patches: directions at right angles, the one
        in which patches vary most first. Each is followed by its negative, for the maximum that comes next
        keeps only one end of what a filter sees. Where there are more filters than that, the others stay
        as they are. This saves what a short training would spend on finding edges, and the gradient of
        the layer that sees the most pixels.

        After T.-H. Chan et al., PCANet, 2015; that it helps to train fast is K. Jordan, 94% on CIFAR-10 in
        3.29 seconds on a single GPU, 2024.
        """
        weight = next(self.features.parameters())
        few = pictures[: max(1, PATCHES // pictures[0, 0].numel())]
        patches = F.unfold(few, weight.shape[2:]).transpose(1, 2).flatten(0, 1).double()
        components = torch.linalg.eigh(patches.T @ patches)[1].T.flip(0)  # the largest value came last
        largest = components.gather(1, components.abs().argmax(1, keepdim=True))
        components = components * largest.sign()  # or their sign would be a matter of the machine
        both = torch.stack([components, -components], 1).flatten(0, 1)[: len(weight)]
        with torch.no_grad():
            weight[: len(both)] = both.reshape(-1, *weight.shape[1:]).to(weight)
        weight.requires_grad_(False)

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


def _stage(in_channels: int, out_channels: int, pool_first: bool = False) -> nn.Sequential:
    """(N, in_channels, H, W) to (N, out_channels, H // 2, W // 2)."""
    convolution, norm = _convolution(in_channels, out_channels)
    halving = nn.MaxPool2d(2)
    first_two = (halving, convolution) if pool_first else (convolution, halving)
    return nn.Sequential(*first_two, norm, nn.ReLU())
