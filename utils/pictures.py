"""The photographs on which the notebooks try their functions out.

`photograph()` shows Commodore Grace Hopper, who wrote one of the first compilers. The picture is a work of
the United States Navy (James S. Davis, 1984) and in the public domain; matplotlib ships it as sample data, so
that no download is needed. `load(name)` gives those in `data/photographs`, which says where they come from.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cbook

_STORED = Path(__file__).resolve().parents[1] / "data" / "photographs" / "photographs.npz"


def photograph(shrink: int = 4) -> np.ndarray:
    """The photograph as a volume of activations.

    Args:
        shrink: whole number of pixels whose mean, along each axis, makes one pixel of the result.

    Returns:
        array (3, 600 // shrink, 512 // shrink), float32, values in [0, 1]: red, green and blue.
    """
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    pixels = plt.imread(path)  # (600, 512, 3), whole numbers 0 to 255
    rows, columns = pixels.shape[0] // shrink, pixels.shape[1] // shrink
    blocks = pixels[: rows * shrink, : columns * shrink].reshape(rows, shrink, columns, shrink, 3)
    return np.moveaxis(blocks.mean(axis=(1, 3)) / 255, -1, 0).astype(np.float32).copy()


def names() -> tuple[str, ...]:
    """The photographs that `load` knows."""
    with np.load(_STORED, allow_pickle=False) as file:
        return tuple(file.files)


def load(name: str) -> np.ndarray:
    """A photograph of `data/photographs`.

    Colour: "coffee" (224 x 336 pixels), "cat" (200 x 301), "astronaut" (224 x 224), "rocket" (200 x 300).
    Grey: "camera" (192 x 192), and the textures "brick", "grass" and "gravel" (128 x 128).

    Returns:
        a new array (3, H, W), float32, values in [0, 1]: red, green and blue, all equal where it is grey.

    Raises:
        ValueError: there is no photograph of this name.
    """
    if name not in names():
        raise ValueError(f"there is no photograph {name!r}; there are {', '.join(names())}")
    with np.load(_STORED, allow_pickle=False) as file:
        pixels = np.cumsum(file[name], axis=2, dtype=np.uint8)  # stored as differences: smaller
    return np.broadcast_to(pixels, (3, *pixels.shape[1:])).astype(np.float32) / np.float32(255)
