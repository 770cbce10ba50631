"""From the SVG drawings of emoji designers to a bank of square RGBA glyphs: the author's side of EmojiTen.

The course itself does not need this file, nor what it imports. To make the banks again:

    npm install --prefix DRAWINGS @iconify-json/noto@1.2.9 @iconify-json/noto-v1@1.2.5 \\
        @iconify-json/fluent-emoji-flat@1.2.6 @iconify-json/fxemoji@1.2.2 @iconify-json/twemoji@1.2.5 \\
        @iconify-json/streamline-emojis@1.2.4 @iconify-json/emojione@1.2.3
    pip install resvg_py==0.5.0 pillow numpy
    python data/emojiten/make_emojiten.py DRAWINGS
    python data/dog_or_food/make_dog_or_food.py DRAWINGS
"""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 48  # pixels of a glyph's side: pictures show it 0.37 to 0.63 times as large, so nothing is magnified
OVERSAMPLE = 4  # each pixel of a glyph is the mean of this many squared rendered pixels

# Short name of each designer, and the npm package that holds the drawings.
PACKAGES = {
    "noto": "noto",
    "noto-v1": "noto-v1",
    "fluent": "fluent-emoji-flat",
    "fxemoji": "fxemoji",
    "twemoji": "twemoji",
    "streamline": "streamline-emojis",
    "emojione": "emojione",
}


@dataclass(frozen=True, eq=False)
class Glyph:
    """One drawing."""

    designer: str
    concept: str  # the emoji's name as Noto calls it, so that all designers agree
    family: str  # "designer/concept" that all close variants of the drawing share
    pixels: np.ndarray  # uint8 (SIDE, SIDE, 4): red, green, blue, alpha; zero where it is transparent

    @property
    def name(self) -> str:
        """Designer and concept, unique in a bank: "noto/frog"."""
        return f"{self.designer}/{self.concept}"


def read_selection(folder: Path) -> dict[str, Any]:
    """What `selection.toml` of a set says; lists of names are one text there."""
    return tomllib.loads((folder / "selection.toml").read_text())


def find(drawings: Path, concepts: Iterable[str], families: Mapping[str, str]) -> Iterator[Glyph]:
    """All designers' drawings of the concepts, where they have one.

    Args:
        drawings: the folder into which npm installed the packages.
        families: close variants, as "name of the family": "its concepts".
    """
    aliases = read_selection(Path(__file__).parent)["aliases"]
    family = {concept: name for name, concepts in families.items() for concept in concepts.split()}
    for concept in concepts:
        for designer, name in PACKAGES.items():
            package = _package(drawings / "node_modules" / "@iconify-json" / name / "icons.json")
            wanted = aliases.get(f"{designer}/{concept}", concept)
            icon = package["icons"].get(wanted) or package["icons"].get(wanted.replace("-", ""))
            if icon is not None:
                box = [icon.get(key, package.get(key, usual)) for key, usual in _BOX.items()]
                shared = f"{designer}/{family.get(concept, concept)}"
                yield Glyph(designer, concept, shared, _tight(icon["body"], box))


def write(path: Path, classes: tuple[str, ...], rows: list[tuple[int, int, Glyph]]) -> None:
    """Write a bank and say what it holds.

    Args:
        rows: class, part of the bank and drawing of each glyph.

    Raises:
        ValueError: close variants of one drawing stand in two parts.
    """
    labels, parts = (np.array(column, np.int64) for column in list(zip(*rows, strict=True))[:2])
    names = sorted({glyph.family for _, _, glyph in rows})
    families = np.array([names.index(glyph.family) for _, _, glyph in rows], np.int64)
    for number, name in enumerate(names):
        if len(set(parts[families == number])) > 1:
            raise ValueError(f"{name} stands in two parts")
    np.savez_compressed(
        path,
        glyphs=np.stack([glyph.pixels for _, _, glyph in rows]),
        labels=labels,
        families=families,
        parts=parts,
        names=np.array([glyph.name for _, _, glyph in rows]),
        classes=np.array(classes),
    )
    for label, name in enumerate(classes):
        counts = np.bincount(parts[labels == label], minlength=3)
        print(f"{name:11} {counts[0]:4} in part 0, {counts[1]:3} in part 1, {counts[2]:3} in part 2")
    print(f"{len(rows)} glyphs, {path.stat().st_size / 1e6:.2f} MB")


_BOX = {"left": 0, "top": 0, "width": 16, "height": 16}  # as the format of these packages defines it


@cache
def _package(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _tight(body: str, box: list[float]) -> np.ndarray:
    """The drawing in the smallest square that holds it, as straight (not premultiplied) uint8 RGBA."""
    coarse = _render(body, box, 256)[..., 3] > 12
    rows, columns = np.flatnonzero(coarse.any(axis=1)), np.flatnonzero(coarse.any(axis=0))
    unit = box[2] / 256
    left, top = box[0] + columns[0] * unit, box[1] + rows[0] * unit
    width, height = (columns[-1] + 1 - columns[0]) * unit, (rows[-1] + 1 - rows[0]) * unit
    side = max(width, height)
    square = [left + (width - side) / 2, top + (height - side) / 2, side, side]

    fine = _render(body, square, SIDE * OVERSAMPLE).astype(np.float64) / 255
    fine[..., :3] *= fine[..., 3:]
    blocks = fine.reshape(SIDE, OVERSAMPLE, SIDE, OVERSAMPLE, 4).mean(axis=(1, 3))
    alpha = blocks[..., 3:]
    colour = np.where(alpha > 0, blocks[..., :3] / np.maximum(alpha, 1e-9), 0)
    pixels = np.rint(255 * np.concatenate([colour, alpha], axis=2)).astype(np.uint8)
    pixels[pixels[..., 3] < 8] = 0  # what cannot be seen need not be stored
    return pixels


def _render(body: str, box: list[float], size: int) -> np.ndarray:
    import resvg_py
    from PIL import Image

    view = " ".join(f"{number:.4f}" for number in box)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{size}" height="{size}" viewBox="{view}">{body}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
