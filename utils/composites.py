"""Small colour pictures composed of emoji glyphs and photographs; a seed gives the same ones on any machine.

A picture is a glyph (mirrored or not, turned, scaled, moved) before a crop of a photographed surrounding. The
random numbers are raw bits of PCG64, whose stream NumPy promises to keep; the arithmetic is float32, element
by element, without functions (sine, exponential) that differ from machine to machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "data"
SIDE = 32  # pixels of a picture's side
SMALLEST, LARGEST = 0.55, 0.95  # side of the glyph's square, as a fraction of the picture's side
TURN = 20.0  # degrees, the largest turn to either side
_CHUNK = 500  # pictures composed at once: about 60 MB of memory
_DRAWS = 13  # random numbers of a picture


@dataclass(frozen=True)
class Recipe:
    """What the pictures of a split are made of."""

    part: int  # part of the bank
    held_out_behind: bool  # whether the photographs behind are those held out of training, or the others
    usual: int  # number of pictures, where nobody asks for another
    stream: int  # sets the random choices of one split apart from those of another


RECIPES = {
    "emojiten": {
        "train": Recipe(0, False, 8000, 0),
        "test": Recipe(1, True, 2000, 1),
        "seen": Recipe(0, False, 2000, 2),
        "designer": Recipe(2, True, 2000, 3),
    },
    "dog_or_food": {
        "train": Recipe(0, False, 4000, 0),
        "test": Recipe(1, True, 1000, 1),
        "unseen": Recipe(2, True, 1000, 2),
    },
}


@dataclass(frozen=True, eq=False)
class Bank:
    """The glyphs of a set."""

    glyphs: np.ndarray  # uint8 (G, side, side, 4): red, green, blue, alpha
    labels: np.ndarray  # int64 (G,)
    families: np.ndarray  # int64 (G,): close variants of one drawing share a number
    parts: np.ndarray  # int64 (G,): the part that the glyph stands in: training, test, or beyond
    names: np.ndarray  # text (G,): "designer/concept"
    classes: tuple[str, ...]


@lru_cache(maxsize=4)
def read_bank(name: str) -> Bank:
    """The bank of data/<name>/bank.npz. Takes about 5 MB."""
    with np.load(DATA / name / "bank.npz", allow_pickle=False) as file:
        content = {key: file[key] for key in file.files}
    classes = tuple(str(each) for each in content.pop("classes"))
    fields = {key: content[key] for key in ("glyphs", "labels", "families", "parts", "names")}
    for array in fields.values():
        array.flags.writeable = False
    return Bank(**fields, classes=classes)


@lru_cache(maxsize=1)
def read_backgrounds() -> tuple[np.ndarray, np.ndarray]:
    """The photographs, uint8 (P, H, W, 3), and which of them are held out of training, bool (P,). 1.5 MB."""
    with np.load(DATA / "backgrounds" / "backgrounds.npz", allow_pickle=False) as file:
        pixels = np.cumsum(file["differences"], axis=2, dtype=np.uint8)
        held_out = file["held_out"]
    pixels.flags.writeable = held_out.flags.writeable = False
    return pixels, held_out


def compose(name: str, split: str, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compose pictures of a split of a set, by its recipe.

    Each class is as frequent as any other, in every run of as many pictures as there are classes. Within a
    class every family of glyphs is as frequent as any other. Picture i depends on the seed alone, not on n.

    Args:
        name, split: keys of `RECIPES`.
        n: number of pictures. They take 4.1 kB each.
        seed: a whole number, not negative, from which all random choices follow.

    Returns:
        images, uint8 (n, 3, 32, 32); labels, int64 (n,); masks, uint8 (n, 1, 32, 32), 1 where the glyph
        covers at least half of the pixel.
    """
    recipe = RECIPES[name][split]
    bank = read_bank(name)
    n_classes = len(bank.classes)
    blocks = -(-n // n_classes)
    draws = _uniform((seed, recipe.stream), blocks * n_classes * _DRAWS).reshape(-1, _DRAWS)
    order = np.argsort(draws[:, 0].reshape(blocks, n_classes), axis=1, kind="stable")
    labels = order.ravel()[:n]
    draws = draws[:n]
    chosen = _choose_glyphs(bank, recipe.part, labels, draws[:, 1], draws[:, 2])

    images = np.empty((n, 3, SIDE, SIDE), np.uint8)
    masks = np.empty((n, 1, SIDE, SIDE), np.uint8)
    table = _filtered(name)
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        images[part], masks[part] = _paint(
            table,
            bank.glyphs.shape[1],
            chosen[part],
            recipe.held_out_behind,
            draws[part, 3:].astype(np.float32),
        )
    return images, labels.astype(np.int64), masks


def _uniform(seed: tuple[int, ...], n: int) -> np.ndarray:
    """Random numbers in [0, 1), float64 (n,): multiples of 2^-53."""
    raw = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(n)
    return (raw >> np.uint64(11)) * 2.0**-53


def _choose_glyphs(
    bank: Bank, part: int, labels: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """For each label a glyph of that class: a family first, then one of the family. int64 (n,)."""
    chosen = np.zeros(len(labels), np.int64)
    for label in range(len(bank.classes)):
        of_class = np.flatnonzero((bank.parts == part) & (bank.labels == label))
        families = [of_class[bank.families[of_class] == each] for each in np.unique(bank.families[of_class])]
        sizes = np.array([len(family) for family in families])
        starts = np.cumsum(sizes) - sizes
        members = np.concatenate(families)
        here = np.flatnonzero(labels == label)
        family = (first[here] * len(families)).astype(np.int64)
        member = (second[here] * sizes[family]).astype(np.int64)
        chosen[here] = members[starts[family] + member]
    return chosen


@lru_cache(maxsize=4)
def _filtered(bank_name: str) -> np.ndarray:
    """The glyphs ready for bilinear sampling at about half their size, as one table of pixels.

    Colours are multiplied by alpha, smoothed by 1-2-1 along both axes (the glyphs are made about two times
    smaller, which would leave jagged edges) and surrounded by pixels of which the outermost are transparent.

    Returns:
        float32 (G * (side + 5)^2, 4), values 0 to 255. About 15 MB.
    """
    glyphs = read_bank(bank_name).glyphs.astype(np.float32)
    glyphs[..., :3] *= glyphs[..., 3:] / np.float32(255)
    table = np.pad(glyphs, ((0, 0), (2, 3), (2, 3), (0, 0)))
    for axis in (1, 2):
        ahead, behind = np.roll(table, 1, axis), np.roll(table, -1, axis)
        table = (ahead + behind) * np.float32(0.25) + table * np.float32(0.5)
    table = np.ascontiguousarray(table.reshape(-1, 4))
    table.flags.writeable = False
    return table


def _paint(
    table: np.ndarray, glyph_side: int, chosen: np.ndarray, held_out_backgrounds: bool, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and masks from the glyphs' numbers and ten random numbers each, float32 (n, 10)."""
    one, half = np.float32(1), np.float32(0.5)
    span = np.float32(SMALLEST) + np.float32(LARGEST - SMALLEST) * u[:, 0]  # the glyph's side / the picture's
    # A turn by the angle a, with sine and cosine from t = tan(a / 2), which is about uniform for small a.
    t = np.float32(np.tan(np.radians(TURN / 2)).round(6)) * (2 * u[:, 1] - one)
    cosine, sine = (one - t * t) / (one + t * t), 2 * t / (one + t * t)
    mirrored = np.where(u[:, 2] < half, -one, one)
    room = np.float32(SIDE) * (one - span) + 2  # pixels; the glyph may leave the picture by one on each side
    centre_x = np.float32(SIDE / 2) + room * (u[:, 3] - half)
    centre_y = np.float32(SIDE / 2) + room * (u[:, 4] - half)

    # Where in the glyph each pixel's centre lies.
    scale = np.float32(glyph_side / SIDE) / span  # glyph pixels per picture pixel
    pixel = np.arange(SIDE, dtype=np.float32) + half
    x = (pixel - centre_x[:, None])[:, None, :]
    y = (pixel - centre_y[:, None])[:, :, None]
    along = (scale * mirrored)[:, None, None] * (cosine[:, None, None] * x + sine[:, None, None] * y)
    down = scale[:, None, None] * (cosine[:, None, None] * y - sine[:, None, None] * x)
    layer = _sample(table, glyph_side, chosen, along, down)  # (n, 32, 32, 4)

    behind = _crops(held_out_backgrounds, u[:, 5], u[:, 6], u[:, 7], u[:, 8])
    light = np.float32(0.7) + np.float32(0.5) * u[:, 9]
    covered = layer[..., 3:] * np.float32(1 / 255)
    mixed = layer[..., :3] + (one - covered) * (behind * light[:, None, None, None])
    images = (np.minimum(mixed, np.float32(255)) + half).astype(np.uint8)
    masks = (covered >= half).astype(np.uint8)
    return np.moveaxis(images, -1, 1), np.moveaxis(masks, -1, 1)


def _sample(
    table: np.ndarray, side: int, chosen: np.ndarray, along: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Bilinear values of the chosen glyphs at the places (along, down) from their centres; 0 outside."""
    row = side + 5
    middle = np.float32(side / 2 + 2 - 0.5)
    last = np.float32(row - 2)
    column = np.clip(along + middle, np.float32(0), last)
    line = np.clip(down + middle, np.float32(0), last)
    left, top = column.astype(np.int32), line.astype(np.int32)
    right_share, lower_share = (column - left)[..., None], (line - top)[..., None]
    first = (chosen.astype(np.int32) * (row * row))[:, None, None] + top * row + left
    upper_left, upper_right = table.take(first, axis=0), table.take(first + 1, axis=0)
    upper = upper_left + (upper_right - upper_left) * right_share
    lower_left, lower_right = table.take(first + row, axis=0), table.take(first + row + 1, axis=0)
    lower = lower_left + (lower_right - lower_left) * right_share
    return upper + (lower - upper) * lower_share


def _crops(
    held_out: bool, which: np.ndarray, across: np.ndarray, down: np.ndarray, flip: np.ndarray
) -> np.ndarray:
    """Crops of photographs, float32 (n, 32, 32, 3), from random numbers in [0, 1)."""
    photographs, is_held_out = read_backgrounds()
    usable = np.flatnonzero(is_held_out == held_out)
    height, width = photographs.shape[1:3]
    photograph = usable[(which * len(usable)).astype(np.int64)]
    top = (down * (height - SIDE + 1)).astype(np.int64)
    left = (across * (width - SIDE + 1)).astype(np.int64)
    step = np.arange(SIDE)
    columns = left[:, None] + np.where(flip[:, None] < 0.5, step, SIDE - 1 - step)
    rows = top[:, None] + step
    return photographs[photograph[:, None, None], rows[:, :, None], columns[:, None, :]].astype(np.float32)
