"""Makes `photographs.npz` from the photographs that scikit-image ships.

The course itself does not need this file, nor what it imports:

    pip install scikit-image==0.26.0 pillow
    python data/photographs/make_photographs.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
from PIL import Image

HERE = Path(__file__).parent
# Name here, file there, rows and columns that are kept (None: all), height in pixels afterwards.
CHOSEN = (
    ("coffee", "coffee.png", None, 224),
    ("cat", "chelsea.png", None, 200),
    ("astronaut", "astronaut.png", None, 224),
    ("rocket", "rocket.jpg", None, 200),
    ("camera", "camera.png", None, 192),
    ("brick", "brick.png", (slice(0, 256), slice(0, 256)), 128),
    ("grass", "grass.png", (slice(0, 256), slice(0, 256)), 128),
    ("gravel", "gravel.png", (slice(0, 256), slice(0, 256)), 128),
)


def main() -> None:
    """Write the photographs: differences of neighbours in a row, which compress better than the pixels."""
    stored = {}
    for name, file, part, height in CHOSEN:
        picture = Image.open(Path(skimage.__file__).parent / "data" / file)
        pixels = np.asarray(picture.convert("RGB" if picture.mode.startswith("RGB") else "L"))
        pixels = pixels[part] if part else pixels
        width = round(height * pixels.shape[1] / pixels.shape[0])
        smaller = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
        channels = np.atleast_3d(smaller).transpose(2, 0, 1)  # (3, H, W), or (1, H, W) where it is grey
        stored[name] = np.diff(channels, axis=2, prepend=np.uint8(0))
        print(name, channels.shape)
    np.savez_compressed(HERE / "photographs.npz", **stored)
    print(f"{(HERE / 'photographs.npz').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
