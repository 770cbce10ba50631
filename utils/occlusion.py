"""Occlusion maps as notebooks after the second one get them: how much a score falls where a square covers."""

from __future__ import annotations

import torch
from torch import nn


def occlusion_map_batched(
    model: nn.Module,
    image: torch.Tensor,
    target: int,
    patch: int,
    stride: int = 1,
    fill: float = 0.0,
    batch_size: int = 64,
) -> torch.Tensor:
    """The occlusion map of one class's score, as the function of that name in notebook 2.

    Args:
        model: takes (N, C, H, W), returns raw scores (N, classes). It looks in evaluation mode; its modes
            stay as they were.
        image: one picture (C, H, W), on the model's device. Not modified.
        target: the class whose score is watched.
        patch, stride: side of the square and its step, in pixels.
        fill: value of the covered pixels.
        batch_size: at most so many pictures go through the model at once.

    Returns:
        tensor ((H - patch) // stride + 1, (W - patch) // stride + 1): the score of the whole picture minus
        that of the covered one.

    Raises:
        ValueError: with the numbers in the message, if patch or stride is below 1 or the square does not fit.
    """
    _, height, width = image.shape
    if patch < 1 or stride < 1 or patch > min(height, width):
        raise ValueError(f"bad patch {patch} or stride {stride} for a picture of {height} x {width}")
    tops, lefts = range(0, height - patch + 1, stride), range(0, width - patch + 1, stride)
    places = [(top, left) for top in tops for left in lefts]
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            whole = model(image[None])[0, target]
            scores = []
            for first in range(0, len(places), batch_size):
                part = places[first : first + batch_size]
                covered = image.repeat(len(part), 1, 1, 1)
                for one, (top, left) in zip(covered, part, strict=True):
                    one[:, top : top + patch, left : left + patch] = fill
                scores.append(model(covered)[:, target])
    finally:
        for module, mode in modes:
            module.training = mode
    return (whole - torch.cat(scores)).reshape(len(tops), len(lefts))
