"""A make-believe CUDA GPU on a machine that has none: what would go wrong there, goes wrong here.

    with SimulatedGPU():
        model.to("cuda")(torch.ones(2, 3))  # RuntimeError: Expected all tensors to be on the same device …

Values and gradients are computed by the CPU, to the last bit. Only a label is added to each tensor, the
device where it would be. It is kept on the tensor's storage, so views, in-place changes, `.data`, `.detach()`
and what is saved for the way back share it. Every operation of PyTorch, those of the backward pass included,
is then seen by a dispatch mode (dispatch.py), which refuses tensors of different devices, labels results, and
makes `device="cuda"` on the CPU. The attributes of tensors that tell or change the device (tensors.py) and
`torch.cuda` (library.py) are replaced for the time being, and put back at the end.

It finds mistakes of honest code. It is no wall: code in the same process can see it and undo it. It finds
nothing about a GPU's memory, speed or random numbers. It leans on names inside PyTorch that may change; its
tests say so after each update.
"""

from .labels import DeviceMistake, device_of
from .library import SimulatedGPU

__all__ = ["DeviceMistake", "SimulatedGPU", "device_of"]
