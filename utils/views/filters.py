"""How the checks of notebook 2 look at answers about pictures, kernels and filter banks."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compare import kind
from . import WrongForm, doubles, parts_of

NEARLY = 1e-5  # how far a shade may be beyond 0 or 1, or shades that should be equal apart
WIDEST_BORDER = 8  # pixels between two filters, or around them all


def slopes(answer: Any, image: Any) -> dict[str, Any]:
    """Slopes of a picture, the angles where there is a slope: -180° is 180°, and a flat place has none."""
    parts = parts_of(answer, "gx", "gy", "magnitude", "angle")
    angle, magnitude = parts["angle"], parts["magnitude"]
    if all(kind(value) == "array" and value.dtype.kind == "f" for value in (angle, magnitude)):
        parts["angle"] = angle = np.where(angle < 1e-6 - np.pi, angle + angle.dtype.type(2 * np.pi), angle)
        if angle.shape == magnitude.shape:
            flat = (np.abs(magnitude) <= 1e-6 * np.abs(image).max()) & np.isfinite(angle)
            parts["angle"] = np.where(flat, angle.dtype.type(0), angle)
    return parts


def outer_product(answer: Any, kernel: Any) -> dict[str, Any]:
    """The kernel that a column and a row make, whichever way size and sign are shared out between them."""
    if kind(answer) == "nothing":
        return {"kind": "None", "outer product": np.zeros(kernel.shape)}
    parts = parts_of(answer, "column", "row")
    kh, kw = kernel.shape
    for name, forms, many in (("column", ((kh,), (kh, 1)), "rows"), ("row", ((kw,), (1, kw)), "columns")):
        part = parts[name]
        if kind(part) == "sequence":
            raise WrongForm(f"The {name} should be a NumPy array, but it is a list or tuple.")
        if kind(part) != "array" or part.dtype.kind not in "iuf" or part.shape not in forms:
            raise WrongForm(f"The {name} should be an array of as many numbers as the kernel has {many}.")
    with np.errstate(all="ignore"):
        outer = np.outer(parts["column"], parts["row"]).astype(np.float64)
    return {"kind": "a column and a row", "outer product": outer}


def growth(lines: Any, small: Any, large: Any) -> str:
    """How the work of a separable filter grows, in words, from the lines of Python run for two sizes."""
    if kind(lines) != "sequence" or [kind(count) for count in lines] != ["int", "int"]:
        raise WrongForm("The lines of Python could not be counted.")
    areas = [arguments[1].size * arguments[2].size for arguments in (small, large)]
    grown = lines[1] - lines[0] > areas[1] - areas[0]
    return "like rows times columns" if grown else "no faster than rows plus columns"


def edge_bank(answer: Any, n: int, size: int, sigma: float) -> dict[str, Any]:
    """What matters of a bank of edge filters, whatever its float dtype: sums, norms, symmetry, directions."""
    bank = doubles(answer)
    if bank.shape != (n, 1, size, size):
        return {"shape": list(bank.shape)}
    bank, steps = bank[:, 0], np.arange(size) - size // 2
    moments = np.stack([(bank * steps).sum(axis=(1, 2)), (bank * steps[:, None]).sum(axis=(1, 2))], axis=1)
    with np.errstate(all="ignore"):
        directions = moments / np.sqrt((moments**2).sum(axis=1, keepdims=True))
    return {
        "shape": list(answer.shape),
        "sums": _rounded(bank.sum(axis=(1, 2))),
        "norms": np.sqrt((bank**2).sum(axis=(1, 2))),
        "filter plus filter turned by 180°": _rounded(bank + bank[:, ::-1, ::-1]),
        "directions, right and down": directions,
    }


def _rounded(numbers: Any) -> Any:
    """Numbers that should be 0, without the dust of rounding."""
    return np.round(numbers, 6) + 0.0


def filter_tiles(answer: Any, weight: Any) -> dict[str, Any]:
    """The filters as they stand in a picture of a bank, whatever its layout; equal weights in any shade."""
    channels = weight.shape[1]
    axes_right = kind(answer) == "array" and (answer.ndim == 2 or (answer.ndim == 3 and answer.shape[2] == 3))
    if not axes_right or (answer.ndim == 2) != (channels == 1) or answer.dtype.kind != "f":
        raise WrongForm(
            "The answer should be a float array: (rows, columns) for grey filters, (rows, columns, 3) for "
            "coloured ones."
        )
    if not np.isfinite(answer).all():
        raise WrongForm("The picture holds NaN or infinity.")
    found = [_tiles(answer, *places, weight) for places in _layouts(answer.shape, weight.shape)]
    if not found:
        raise WrongForm("The height and width of the picture do not fit rows and columns of whole filters.")
    filters = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1).astype(np.float64)
    tiles = min(found, key=lambda tiles: _unlike(tiles.reshape(len(tiles), -1), filters))
    for tile, one in zip(tiles, filters, strict=True):
        if np.ptp(one) == 0 and np.ptp(tile) <= NEARLY:
            tile[:] = 0.5
    low, high = answer.min() < -NEARLY, answer.max() > 1 + NEARLY
    return {"numbers": "beyond 0 and 1" if low or high else "in [0, 1]", "filters": tiles}


def _unlike(tiles: Any, filters: Any) -> float:
    """How little tiles look like filters: 0 if they differ from them in brightness and contrast only."""
    unlike = 0.0
    for tile, one in zip(tiles, filters, strict=True):
        if np.ptp(one) == 0:
            unlike += float(np.ptp(tile))
        else:
            tile, one = tile - tile.mean(), one - one.mean()
            size = float(np.linalg.norm(tile) * np.linalg.norm(one))
            unlike += 1 - float(tile @ one) / size if size else 2
    return unlike


def _layouts(picture: tuple[int, ...], bank: tuple[int, ...]) -> Iterator[tuple[range, range]]:
    """The tops and lefts of the tiles for each regular layout that fills the picture: a border between them,
    perhaps another one around them, which may be missing at the lower right.
    """
    sizes = list(zip(picture[:2], bank[2:], strict=True))
    for gap, frame in itertools.product(range(WIDEST_BORDER + 1), repeat=2):
        starts: list[list[range]] = []
        for whole, tile in sizes:
            pitch = tile + gap
            counts = {
                (whole - frame - end + gap) // pitch
                for end in (0, gap, frame)
                if whole - frame - end + gap >= pitch and (whole - frame - end + gap) % pitch == 0
            }
            starts.append([range(frame, frame + count * pitch, pitch) for count in sorted(counts)])
        for tops, lefts in itertools.product(*starts):
            if len(tops) * len(lefts) >= bank[0]:
                yield tops, lefts


def _tiles(picture: Any, tops: range, lefts: range, weight: Any) -> Any:
    """The first tiles of a layout, row by row, as many as there are filters."""
    n, _, kh, kw = weight.shape
    corners = itertools.islice(itertools.product(tops, lefts), n)
    return np.stack([picture[i : i + kh, j : j + kw] for i, j in corners]).astype(np.float64)


def covered(
    report: Any, model: Any, mode: Any, image: Any, *arguments: Any, **options: Any
) -> dict[str, Any]:
    """A report about an occlusion map, the sizes of the batches against the largest one allowed."""
    sizes: Any = report.get("batches") if kind(report) == "dict" else None
    if kind(sizes) != "sequence" or any(kind(size) != "int" for size in sizes):
        raise WrongForm("The model could not be watched.")
    most = options.get("batch_size", arguments[4] if len(arguments) > 4 else 64)
    largest = max(sizes, default=0)
    seen = {name: value for name, value in report.items() if name != "batches"}
    seen["pictures at once"] = f"{largest}, and {most} are allowed" if largest > most else "not too many"
    return seen
