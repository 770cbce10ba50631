"""The look of the course: its colours, its figure style, pictures of arrays, and expected / got / difference.

One colour means one thing in every notebook: input blue, weights orange, output green, gradient red
(the colours of Okabe and Ito, which colour-blind readers can tell apart).
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from PIL import Image

INPUT = "#0072B2"
WEIGHTS = "#E69F00"
OUTPUT = "#009E73"
GRADIENT = "#D55E00"
INK = "#222222"
GREY = "#8A8A8A"
PALE_GREY = "#E4E4E4"

# Curves that are none of these four: they are told apart by their markers as well.
SERIES = ("#222222", "#AA4499", "#8A8A8A", "#999933")

PIXELS_PER_INCH = 120  # resolution of the stored picture
SHOWN_PIXELS_PER_INCH = 88  # size on the page; the surplus keeps lines sharp on good screens

JUPYTER_SESSION = "JPY_SESSION_NAME"  # Jupyter's server sets it for the kernels of its notebooks

LARGEST_NUMBERED = (8, 10)  # rows and columns of the largest array whose numbers are written into its picture


def use_style() -> None:
    """Set matplotlib's defaults for all figures of the course."""
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.labelsize": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=SERIES),
            "axes.edgecolor": INK,
            "text.color": INK,
            "lines.linewidth": 2.5,
            "legend.frameon": False,
            "image.cmap": "gray",
            "svg.hashsalt": "course",
        }
    )


def tint(colour: str, strength: float = 0.25) -> tuple[float, float, float]:
    """The colour mixed with white: strength 0 is white, strength 1 the colour itself."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def white_to(colour: str) -> LinearSegmentedColormap:
    """A colour map that runs from white to the colour."""
    return LinearSegmentedColormap.from_list(f"white to {colour}", ["white", colour])


def canvas(width: float, height: float, unit: float = 0.5) -> tuple[Figure, Axes]:
    """An empty sheet for a drawing, without axes.

    Args:
        width, height: of the sheet, in units of the drawing; (0, 0) is its upper left corner, y runs down.
        unit: length of one unit, in inches.
    """
    figure = plt.figure(figsize=(width * unit, height * unit), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return figure, ax


def number(value: float, sign: bool = False) -> str:
    """A number as it is written in figures: three digits, a true minus sign, a plus sign if asked for."""
    text = f"{value:+.3g}" if sign and value else f"{value + 0.0:.3g}"
    return text.replace("-", "−")


class Picture:
    """A finished figure as the notebook stores it: a PNG and a sentence for those who cannot see it.

    Args:
        png: the bytes of the PNG file.
        alt: what the picture shows, in words.
    """

    def __init__(self, png: bytes, alt: str) -> None:
        self.png = png
        self.alt = alt

    def __repr__(self) -> str:
        return f"[Picture: {self.alt}]"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """Jupyter's hook: the data by type, and how to show them.

        JupyterLab and Notebook show a PNG without its words, so a kernel that one of them started sends HTML.
        """
        stored_width = int.from_bytes(self.png[16:20], "big")
        shown_width = stored_width * SHOWN_PIXELS_PER_INCH // PIXELS_PER_INCH
        words = {"text/plain": repr(self)}
        if os.environ.get(JUPYTER_SESSION):
            return {"text/html": self._as_html(shown_width), **words}, {}
        return {"image/png": self.png, **words}, {"image/png": {"alt": self.alt, "width": shown_width}}

    def _as_html(self, width: int) -> str:
        address = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        return f'<img alt="{html.escape(self.alt)}" src="{address}" width="{width}">'


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file without date and version, so that the same figure gives the same bytes.

    It has the 256 colours that cover the figure best: half the size, and no eye sees the difference.
    """
    drawn, stored = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=PIXELS_PER_INCH, bbox_inches="tight")
    colours = Image.open(drawn).convert("RGB")
    # Maximal coverage counts rare colours as well: the few red pixels of a thin line stay red.
    few = colours.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(stored, "PNG", optimize=True)
    return stored.getvalue()


def finish(figure: Figure, alt: str) -> None:
    """Show a figure below the cell and close it.

    Args:
        figure: the figure, complete.
        alt: one or two sentences that say what there is to see.
    """
    picture = Picture(to_png(figure), alt)
    plt.close(figure)
    display(picture)


def for_imshow(image: np.ndarray) -> np.ndarray:
    """Turn a picture (H, W), (1, H, W) or (3, H, W) in [0, 1] into what matplotlib's imshow wants.

    Values outside [0, 1] are clipped; (3, H, W) becomes (H, W, 3), one channel becomes (H, W).
    """
    image = np.clip(np.asarray(image, dtype=float), 0, 1)
    if image.ndim == 3 and image.shape[0] == 1:
        return image[0]
    return np.moveaxis(image, 0, -1) if image.ndim == 3 else image


def show_images(
    images: Sequence[np.ndarray], titles: Sequence[str], alt: str, height: float = 2.8, columns: int = 0
) -> None:
    """Show pictures side by side.

    Args:
        images: arrays (H, W), (1, H, W) or (3, H, W) with values in [0, 1].
        titles: one for each picture.
        alt: the words for those who cannot see it.
        height: of the tallest picture, in inches.
        columns: how many stand in a row; 0 puts all into one row.
    """
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    tallest = max(np.shape(image)[-2] for image in images)
    widest = max(np.shape(image)[-1] for image in images)
    size = (columns * (height * widest / tallest + 0.15), rows * (height + 0.5))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        ax.imshow(for_imshow(image), vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(title)
    finish(figure, alt)


def show_difference(expected: object, got: object) -> Figure:
    """Draw what was expected, what came, and the difference got - expected.

    Args:
        expected, got: numbers, lists, arrays or tensors with any number of axes. Of an array with more
            than two, the slice is drawn that holds the largest difference.

    Returns:
        a matplotlib figure with three panels. It is not shown and not closed here.
    """
    arrays = [_as_numbers(expected), _as_numbers(got)]
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4))
    for ax in axes:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    names = ["expected", "got"]
    missing = [name for name, array in zip(names, arrays, strict=True) if array is None]
    known = [array for array in arrays if array is not None]
    if not missing and known[0].shape == known[1].shape:
        with np.errstate(invalid="ignore"):
            difference = known[1] - known[0]
        lead = _worst_slice(difference)
        note = ""
    else:
        difference, lead = None, None
        note = (
            f"{missing[0]} is not\nan array of numbers"
            if missing
            else "the shapes differ:\nnothing to subtract"
        )

    slices = [None if array is None else _slice2d(array, lead) for array in arrays]
    finite = np.concatenate([[0.0], *[part[np.isfinite(part)] for part in slices if part is not None]])
    for ax, name, array, part in zip(axes, names, arrays, slices, strict=False):
        if array is None or part is None:
            _write(ax, "not an array\nof numbers")
            ax.set_title(name)
        else:
            _draw(ax, part, white_to(OUTPUT), float(finite.min()), float(finite.max()))
            ax.set_title(f"{name}  {_where(array.shape, lead)}")
    if difference is None:
        _write(axes[2], note)
    else:
        part = _slice2d(difference, lead)
        largest = float(np.max(np.abs(part[np.isfinite(part)]), initial=0.0)) or 1.0
        _draw(axes[2], part, plt.get_cmap("PuOr_r"), -largest, largest, sign=True)
    axes[2].set_title("difference: got − expected")
    return figure


def _as_numbers(value: object) -> np.ndarray | None:
    """The value as an array of real numbers, or None if it is nothing of the kind."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        array = np.asarray(value)
        if array.dtype.kind == "c":
            array = np.abs(array)
        return array.astype(float) if array.dtype.kind in "buif" else None
    except Exception:  # whatever a wrong answer does when it is looked at, the picture must still come
        return None


def _worst_slice(difference: np.ndarray) -> tuple[int, ...]:
    """Indices of the leading axes (all but the last two) where the largest difference lies."""
    if difference.ndim <= 2 or difference.size == 0:
        return (0,) * max(difference.ndim - 2, 0)
    size = np.where(np.isfinite(difference), np.abs(difference), np.inf)
    where = np.unravel_index(int(np.argmax(size)), difference.shape)
    return tuple(int(index) for index in where[:-2])


def _slice2d(array: np.ndarray, lead: tuple[int, ...] | None) -> np.ndarray:
    """A 2-D part of the array: all of it if it has at most two axes, else the slice at lead (or at 0)."""
    if array.ndim <= 2 or array.size == 0:
        rows = array.shape[0] if array.ndim == 2 else 1
        return array.reshape(rows, -1) if array.size else np.zeros((0, 0))
    return array[lead if lead is not None else (0,) * (array.ndim - 2)]


def _where(shape: tuple[int, ...], lead: tuple[int, ...] | None) -> str:
    """The shape in words, and which slice of it is drawn."""
    if len(shape) <= 2 or 0 in shape:
        return f"{shape}"
    indices = lead if lead is not None else (0,) * (len(shape) - 2)
    return f"[{', '.join(map(str, indices))}] of {shape}"


def _draw(
    ax: Axes,
    values: np.ndarray,
    colours: Colormap,
    low: float,
    high: float,
    sign: bool = False,
) -> None:
    """Draw a 2-D array as cells from low to high, with its numbers (and their sign) where they are few."""
    if values.size == 0:
        _write(ax, "empty")
        return
    high = high if high > low else low + 1
    ax.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
    ax.spines[:].set(visible=True, color=GREY, linewidth=0.8)  # where the array ends, also where it is white
    rows, columns = values.shape
    if rows > LARGEST_NUMBERED[0] or columns > LARGEST_NUMBERED[1]:
        return
    size = 11 if columns <= 5 else 8.5 if columns <= 8 else 7
    for row in range(rows):
        for column in range(columns):
            value = values[row, column]
            background = (
                colours(float(np.clip((value - low) / (high - low), 0, 1)))
                if np.isfinite(value)
                else (1, 1, 1)
            )
            dark = float(np.dot(background[:3], (0.299, 0.587, 0.114))) < 0.5
            ax.text(
                column,
                row,
                number(value, sign),
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else INK,
            )
    ax.set_xticks(np.arange(0.5, columns - 1), minor=True)
    ax.set_yticks(np.arange(0.5, rows - 1), minor=True)
    ax.grid(which="minor", color=GREY, linewidth=0.8)
    ax.tick_params(which="minor", length=0)


def _write(ax: Axes, text: str) -> None:
    """Write a few words into the middle of empty axes."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=GREY)
