"""Makes `backgrounds.npz`: photographed surroundings on which the emoji pictures are composed.

The course itself does not need this file, nor what it imports. To make the photographs again:

    npm install --prefix PANORAMAS @pmndrs/assets@1.7.0
    pip install OpenEXR==3.5.3 numpy
    python data/backgrounds/make_backgrounds.py PANORAMAS

The package holds panoramas with a high dynamic range (360 by 180 degrees, 512 x 256 pixels). Each is given
the tones of a photograph, cut to the middle of its height and made smaller, so that 32 pixels show what an
ordinary lens would show.
"""

from __future__ import annotations

import base64
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TRAINING = ("apartment", "bridge", "city", "dawn", "esplanade", "forest", "park", "sky", "sunset", "venice")
HELD_OUT = ("lab", "lobby", "night", "sunrise", "workshop")
ROWS = slice(40, 200)  # 62 degrees above the horizon to 51 below: nearer the poles a panorama is stretched
SHAPE = (96, 304)  # rows and columns kept


def panorama(folder: Path, name: str) -> np.ndarray:
    """Light of the scene, float64 (256, 512, 3), in arbitrary units."""
    import OpenEXR

    script = (folder / "node_modules/@pmndrs/assets/hdri" / f"{name}.exr.js").read_text()
    content = base64.b64decode(re.search(r"base64,([A-Za-z0-9+/=]+)", script).group(1))
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(content)
        file.flush()
        with OpenEXR.File(file.name) as opened:
            channels = opened.channels()
            light = (
                channels["RGB"].pixels
                if "RGB" in channels
                else np.stack([channels[name].pixels for name in "RGB"], axis=-1)
            )
    light = np.nan_to_num(np.asarray(light, np.float64), posinf=np.inf)
    light = np.where((light > 60).any(axis=2, keepdims=True), 100, light)
    # The compression left rings without light around the sun and lamps: there the brightest neighbour counts.
    lightless = (light <= 0).any(axis=2)
    brightest = np.where(lightless[..., None], 0, light)
    for axis in (0, 1):
        brightest = np.max([np.roll(brightest, shift, axis) for shift in range(-4, 5)], axis=0)
    return np.where(lightless[..., None], brightest, light)


def photograph(light: np.ndarray) -> np.ndarray:
    """The scene as a camera shows it, values in [0, 1], by the operator of Reinhard et al. (2002)."""
    luminance = np.median(light, axis=2)
    exposed = light * 0.27 / np.exp(np.log(luminance + 1e-4).mean())
    toned = exposed * (1 + exposed / 9) / (1 + exposed)
    encoded = np.where(
        toned <= 0.0031308, 12.92 * toned, 1.055 * np.maximum(toned, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.clip(encoded, 0, 1)


def smaller(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Area averages of (H, W, 3): every new pixel is the mean of the part of the picture that it covers."""
    for axis, size in enumerate(shape):
        old = picture.shape[axis]
        edges = np.linspace(0, old, size + 1)
        covered = np.clip(
            np.minimum(edges[1:, None], np.arange(1, old + 1)) - np.maximum(edges[:-1, None], np.arange(old)),
            0,
            1,
        )
        picture = np.moveaxis(
            np.tensordot(covered / covered.sum(1, keepdims=True), picture, (1, axis)), 0, axis
        )
    return picture


def main() -> None:
    """Write the photographs."""
    folder = Path(sys.argv[1])
    names = TRAINING + HELD_OUT
    photographs = [
        np.rint(255 * smaller(photograph(panorama(folder, name))[ROWS], SHAPE)).astype(np.uint8)
        for name in names
    ]
    pixels = np.stack(photographs)
    # Differences of neighbours, modulo 256, compress better; a running sum gives the pixels back.
    differences = np.diff(pixels, axis=2, prepend=np.uint8(0))
    np.savez_compressed(
        HERE / "backgrounds.npz",
        differences=differences,
        names=np.array(names),
        held_out=np.array([name in HELD_OUT for name in names]),
    )
    print(f"{pixels.shape}, {(HERE / 'backgrounds.npz').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
