"""Training as the notebooks get it where training itself is not the lesson: Adam, one learning-rate cycle."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import progress
from .datasets import ImageSet

Tensors = tuple[torch.Tensor, torch.Tensor]


def fit(
    model: nn.Module,
    train: ImageSet | Tensors,
    epochs: int,
    *,
    valid: ImageSet | Tensors | None = None,
    batch_size: int = 50,
    lr: float = 3e-3,
    seed: int = 0,
    device: torch.device | str = "cpu",
    words: str = "training",
) -> dict[str, list[float]]:
    """Train a classifier with softmax loss; parameters that want no gradient stay as they are.

    Args:
        model: takes (N, C, H, W), returns scores (N, classes). It is moved to the device and trained there.
        train: labelled pictures, or tensors (x float32 (N, C, H, W), y int64 (N,)).
        epochs: how often every picture is seen.
        valid: pictures on which the accuracy is measured after every epoch.
        batch_size: pictures for one step.
        lr: largest learning rate; it rises for a fifth of the steps and then falls to almost nothing.
        seed: decides the order of the pictures (not the first weights: they are in the model).
        words: what the progress bar says.

    Returns:
        {"loss": mean training loss of each epoch, "accuracy": accuracy on `valid` after each epoch, empty
        without `valid`}.
    """
    x, y = _on(train, device)
    # Channels as the innermost axis of the memory: convolutions on a CPU are a third faster, values the same.
    x = x.to(memory_format=torch.channels_last)
    checked = None if valid is None else _on(valid, device)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=lr)
    order = torch.Generator().manual_seed(seed)
    batches = -(-len(x) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * batches, pct_start=0.2)

    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    losses = torch.zeros((), device=device)
    steps = ((epoch, batch) for epoch in range(epochs) for batch in range(batches))
    for _, batch in progress.bar(steps, words, epochs * batches):
        if batch == 0:
            model.train()
            shuffled = torch.randperm(len(x), generator=order).to(device)
        now = shuffled[batch * batch_size : (batch + 1) * batch_size]
        loss = F.cross_entropy(model(x[now]), y[now])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses += loss.detach() * len(now)
        if batch == batches - 1:
            history["loss"].append(float(losses) / len(x))
            losses.zero_()
            if checked is not None:
                history["accuracy"].append(accuracy(model, checked, device=device))
    return history


def scores(
    model: nn.Module, x: torch.Tensor, *, batch_size: int = 250, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """The scores (N, classes) of pictures x (N, C, H, W), on the CPU; the model's modes stay as they were."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            parts = [model(x[k : k + batch_size].to(device)).cpu() for k in range(0, len(x), batch_size)]
    finally:
        for module, mode in modes:
            module.training = mode
    return torch.cat(parts)


def accuracy(model: nn.Module, images: ImageSet | Tensors, *, device: torch.device | str = "cpu") -> float:
    """The share of pictures whose class gets the largest score, from 0 to 1."""
    x, y = images.tensors() if isinstance(images, ImageSet) else images
    return float((scores(model, x, device=device).argmax(1) == y.cpu()).float().mean())


def settle(model: nn.Module, x: torch.Tensor) -> nn.Module:
    """Let the normalisation layers of a fresh model take mean and variance from x; nothing is learned."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the running statistics are the plain mean over all batches seen
    model.train()
    with torch.no_grad():
        model(x)
    return model.eval()


def pack(model: nn.Module) -> np.ndarray:
    """All parameters and buffers of a model as one float16 array, for `utils.experiments`."""
    return np.concatenate(
        [value.cpu().numpy().astype(np.float16).ravel() for value in model.state_dict().values()]
    )


def unpack(model: nn.Module, packed: np.ndarray) -> nn.Module:
    """Fill a model with what `pack` made of one like it; it is returned in evaluation mode.

    Raises:
        ValueError: the number of values does not fit the model.
    """
    state, start = model.state_dict(), 0
    if sum(value.numel() for value in state.values()) != packed.size:
        raise ValueError(
            f"{packed.size} values do not fill a model of {sum(v.numel() for v in state.values())}"
        )
    for value in state.values():
        part = packed[start : start + value.numel()].astype(np.float32)
        value.copy_(torch.from_numpy(part).reshape(value.shape))
        start += value.numel()
    return model.eval()


def _on(images: ImageSet | Tensors, device: torch.device | str) -> Tensors:
    x, y = images.tensors() if isinstance(images, ImageSet) else images
    return x.to(device), y.to(device)
