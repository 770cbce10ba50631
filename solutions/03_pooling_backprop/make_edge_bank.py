"""Makes data/edge_bank/bank.npz, the stored edge filters of notebook 3: one drawn edge, turned.

    python solutions/03_pooling_backprop/make_edge_bank.py

It lies here, not beside the data: students write such a bank themselves in notebook 2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

PLACE = Path(__file__).resolve().parents[2] / "data" / "edge_bank" / "bank.npz"
BANKS = {3: (8, 0.7), 9: (16, 2.0), 21: (8, 5.0)}  # side: number of filters in a full turn, width of the spot
FINE = 8  # pixels of the drawing for one of the filter, along each axis


def edge_filters(n: int, size: int, sigma: float) -> np.ndarray:
    """Edge filters at n angles of a full turn.

    Args:
        n: number of filters, even.
        size: height and width, in pixels, odd.
        sigma: width of the soft round spot through which a filter sees, in pixels.

    Returns:
        float32 array (n, 1, size, size); each filter sums to 0 and has the norm 1.
    """
    wide = size * FINE
    place = (np.arange(wide) + 0.5) / FINE - size / 2  # of each column of the drawing, from the middle
    edge = np.tanh(2 * place / sigma)[None].repeat(wide, axis=0).astype(np.float32)
    spot = np.exp(-(place[:, None] ** 2 + place**2) / (2 * sigma**2))
    # Twice as large as needed, so that no corner comes in empty when the drawing is turned.
    large = np.pad(edge, ((wide // 2, wide // 2), (wide // 2, wide // 2)), mode="edge")
    half = []
    for k in range(n // 2):
        turned = np.asarray(Image.fromarray(large).rotate(360 * k / n, Image.Resampling.BILINEAR))
        middle = turned[wide // 2 : wide // 2 + wide, wide // 2 : wide // 2 + wide] * spot
        small = middle.reshape(size, FINE, size, FINE).mean(axis=(1, 3))
        small = small - small.mean()
        half.append(small / np.linalg.norm(small))
    return np.array([*half, *[-weight for weight in half]], dtype=np.float32)[:, None]


if __name__ == "__main__":
    PLACE.parent.mkdir(exist_ok=True)
    np.savez(PLACE, **{f"side_{size}": edge_filters(n, size, sigma) for size, (n, sigma) in BANKS.items()})
