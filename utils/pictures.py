"""The photograph on which the notebooks try their functions out.

It shows Commodore Grace Hopper, who wrote one of the first compilers. The picture is a work of the
United States Navy (James S. Davis, 1984) and in the public domain; matplotlib ships it as sample data, so
that no download is needed.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cbook


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
