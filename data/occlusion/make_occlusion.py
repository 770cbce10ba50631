"""Makes `coffee.npz`: how far the pretrained network's answer falls when a square hides a part of the cup.

Needs the optional packages of the pretrained network. To be run from the course's folder:

    python -m pip install --editable ".[saliency]"
    python data/occlusion/make_occlusion.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from utils import pictures, pretrained

PATCH, STRIDE = 42, 14  # pixels: 14 x 14 places
GREY = 0.5


def main() -> None:
    """Write the map."""
    classifier = pretrained.load_classifier()
    image = pretrained.middle(pictures.load("coffee"))
    espresso = classifier.classes.index("espresso")
    whole = classifier.probabilities(image)[0]
    places = range(0, pretrained.SIDE - PATCH + 1, STRIDE)
    drop = np.empty((len(places), len(places)), np.float32)
    for row, top in enumerate(places):
        hidden = np.repeat(image[None], len(places), axis=0)
        for column, left in enumerate(places):
            hidden[column, :, top : top + PATCH, left : left + PATCH] = GREY
        drop[row] = whole[espresso] - classifier.probabilities(hidden)[:, espresso]
    np.savez_compressed(
        Path(__file__).parent / "coffee.npz",
        drop=drop,
        probability=whole[espresso],
        patch=PATCH,
        stride=STRIDE,
    )
    for number in whole.argsort()[::-1][:3]:
        print(f"{classifier.classes[number]}: {whole[number]:.3f}")
    print(f"drops from {drop.min():.3f} to {drop.max():.3f}")


if __name__ == "__main__":
    main()
