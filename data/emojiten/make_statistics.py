"""Makes `statistics.npz` of both emoji sets: mean and spread of each channel over the usual training split.

To be run from the course's folder after either bank, the backgrounds or the generator have changed:

    python data/emojiten/make_statistics.py
"""

from __future__ import annotations

import numpy as np

from utils import composites, datasets


def main() -> None:
    """Write the statistics."""
    for name in ("emojiten", "dog_or_food"):
        images, _, _ = composites.compose(name, "train", composites.RECIPES[name]["train"].usual)
        mean, std = datasets.channel_statistics(images)
        np.savez(composites.DATA / name / "statistics.npz", mean=mean, std=std)
        print(name, mean, std)


if __name__ == "__main__":
    main()
