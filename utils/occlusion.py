"""The occlusion map that notebooks after the second one get: how far a score falls where a square covers."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def occlusion_map_batched(
    model: nn.Module, image: torch.Tensor, target: int, patch: int, stride: int, *, batch_size: int
) -> torch.Tensor:
    """The occlusion map of a class's score for a network in evaluation mode; the square covers with zeros.

    The exercise of that name in notebook 2 asks for more. Here the drop at one place is written down as in
    the formula, and torch.vmap makes it one for many places.

    Args:
        model: takes (N, C, H, W), returns raw scores (N, classes).
        image: one picture (C, H, W), on the model's device.
        target: the class whose score is watched.
        patch, stride: side of the square and its step, in pixels.
        batch_size: about so many places are looked at together.

    Returns:
        tensor ((H - patch) // stride + 1, (W - patch) // stride + 1): the score of the whole picture minus
        that of the covered one.
    """
    _, height, width = image.shape
    row, column = torch.arange(height, device=image.device)[:, None], torch.arange(width, device=image.device)
    whole = model(image[None])[0, target]

    def drop(top: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        below, right = row - top, column - left
        covered = (below >= 0) & (below < patch) & (right >= 0) & (right < patch)
        return whole - model((image * ~covered)[None])[0, target]

    in_one_row = torch.vmap(drop, in_dims=(None, 0))
    tops, lefts = row[: height - patch + 1 : stride, 0], column[: width - patch + 1 : stride]
    rows_at_once = max(1, batch_size // len(lefts))
    return torch.vmap(in_one_row, in_dims=(0, None), chunk_size=rows_at_once)(tops, lefts)
