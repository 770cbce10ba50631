"""Stored edge filters for every direction: the bank that notebook 3 pools across its channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

BANK = Path(__file__).resolve().parents[1] / "data" / "edge_bank" / "bank.npz"


def edge_filters(side: int) -> np.ndarray:
    """The stored filters of a size, each turned a little further than the one before, once round.

    Args:
        side: 3 or 21 (a filter for each 45 degrees), or 9 (one for each 22.5 degrees), in pixels.

    Returns:
        float32 array (8 or 16, 1, side, side). Filter 0 answers most to an upright edge that is dark on its
        left and bright on its right, the next one to that edge turned counter-clockwise. Each sums to 0 and
        has the norm 1.

    Raises:
        ValueError: no filters of this size are stored.
    """
    with np.load(BANK) as bank:
        name = f"side_{side}"
        if name not in bank.files:
            raise ValueError(f"no filters of {side} x {side} are stored; there are {', '.join(bank.files)}")
        return bank[name]
