"""Which device PyTorch works on here, and whether this run should be short."""

from __future__ import annotations

import os

import torch


def default_device() -> torch.device:
    """The fastest device of this machine: a CUDA GPU, else Apple's GPU (mps), else the CPU.

    The environment variable COURSE_DEVICE (for instance "cpu") overrules the choice.
    """
    wanted = os.environ.get("COURSE_DEVICE")
    if wanted:
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def describe(device: torch.device | str) -> str:
    """The device in words, for the legend of a figure: "CPU", "Apple GPU" or the name of the CUDA GPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"cpu": "CPU", "mps": "Apple GPU"}.get(device.type, str(device))


def quick() -> bool:
    """Whether experiments should use small settings, as they do under grading (COURSE_QUICK=1)."""
    return os.environ.get("COURSE_QUICK", "0") not in ("", "0")


def wait(device: torch.device | str) -> None:
    """Return when the device has finished all its work; a GPU otherwise works on while Python goes ahead."""
    device = torch.device(device)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
