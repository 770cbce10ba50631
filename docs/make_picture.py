"""Draws docs/course.png, the README's picture, from the figures of the notebooks."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import drawings, plots  # noqa: E402

WIDTH = 1100  # pixels
GAP = 24


def scaled(figure: matplotlib.figure.Figure, width: int = WIDTH) -> Image.Image:
    """The figure as a picture of a width in pixels."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight", facecolor="white")
    picture = Image.open(buffer).convert("RGB")
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)


def correlate(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The convolution of the course, for one small picture."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape)
    return np.einsum("ijkl,kl->ij", windows, weight)


def main() -> None:
    """Draw what a section begins with and what a failed check shows, one above the other."""
    plots.use_style()
    x = np.array([[0, 0, 1, 2, 2, 1, 0, 0], [0, 1, 2, 3, 3, 2, 1, 0], [0, 1, 3, 4, 4, 3, 1, 0]] * 2, float)
    weight = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float)
    flipped = correlate(x, weight[::-1, ::-1])
    difference = plots.show_difference(correlate(x, weight)[None, None], flipped[None, None])
    pictures = [scaled(drawings.column_of_outputs()), scaled(difference, WIDTH * 4 // 5)]
    page = Image.new("RGB", (WIDTH, sum(p.height for p in pictures) + GAP), "white")
    top = 0
    for picture in pictures:
        page.paste(picture, ((WIDTH - picture.width) // 2, top))
        top += picture.height + GAP
    page.save(ROOT / "docs" / "course.png", optimize=True)


if __name__ == "__main__":
    main()
