"""How a check looks at an answer that is free in part: what matters of it, as plain values to be compared.

A view gets the answer (made of plain values) and the arguments of the case. It runs where the check runs:
under grading, that is out of reach of the student's code. It takes nothing about the answer for granted;
where it cannot look at it, it raises `WrongForm`.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .compare import kind
from .probes.backprop import line_loss, line_start

NEARLY = 1e-5  # how far a shade may be beyond 0 or 1, or shades that should be equal apart
WIDEST_BORDER = 8  # pixels between two filters, or around them all


class WrongForm(Exception):
    """The answer has not the form that the exercise asks for; the text says which, for the student.

    It is shown for hidden cases, too, so it holds no numbers of the case.
    """


def _came(answer: Any) -> str:
    """What an answer is, in a few words."""
    if kind(answer) == "sequence":
        return f"it has {len(answer)} parts"
    words = {"nothing": "it is None (is a `return` missing?)", "array": "it is one NumPy array"}
    words |= {"tensor": "it is a PyTorch tensor (`.item()` takes a number out of it)", "text": "it is a text"}
    words |= {"float": "it is one number", "int": "it is one number", "dict": "it is a dictionary"}
    return words.get(kind(answer), "it is something else")


def _parts(answer: Any, *names: str) -> dict[str, Any]:
    """The items of an answer that consists of several parts, by their names."""
    if kind(answer) != "sequence" or len(answer) != len(names):
        words = ", ".join(names[:-1]) + " and " + names[-1]
        raise WrongForm(f"The answer should be a tuple of {words}, in this order, but {_came(answer)}.")
    return dict(zip(names, answer, strict=True))


def _number(answer: Any, what: str) -> float:
    """An answer that should be a float."""
    if kind(answer) not in ("float", "int"):
        raise WrongForm(f"The {what} should be a float, but {_came(answer)}.")
    try:
        return float(answer)
    except OverflowError:
        raise WrongForm(f"The {what} is a number of very many digits.") from None


def pooled(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A pair (y, argmax); any dtype of whole numbers will do for the second."""
    parts = _parts(answer, "y", "argmax")
    argmax = parts["argmax"]
    if kind(argmax) != "array" or argmax.dtype.kind not in "iu":
        raise WrongForm("argmax should be an array of whole numbers (dtype int64), for they are places.")
    return {"y": parts["y"], "argmax": argmax.astype(np.int64)}


def loss_and_gradient(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A pair (loss, gradient)."""
    return _parts(answer, "loss", "gradient")


def layer_gradients(answer: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """The three gradients of a layer with weights."""
    return _parts(answer, "dx", "dweight", "dbias")


def one_number_each(answer: Any, *_: Any, **__: Any) -> Any:
    """An array with one axis, or a list of numbers, of any float dtype, as float64."""
    if kind(answer) == "sequence" and all(kind(item) in ("float", "int") for item in answer):
        return np.array([_number(item, "answer") for item in answer])
    if kind(answer) != "array" or answer.dtype.kind not in "fi":
        raise WrongForm(f"The answer should be a list or an array of numbers, but {_came(answer)}.")
    return answer.astype(np.float64)


def _fits(value: Any, form: Any) -> bool:
    """Whether a value has a form: the name of its kind, or a list or dictionary of forms of its parts."""
    if isinstance(form, dict):
        fits = kind(value) == "dict" and all(name in value for name in form)
        return fits and all(_fits(value[name], part) for name, part in form.items())
    if isinstance(form, list):
        return kind(value) == "sequence" and all(_fits(item, form[0]) for item in value)
    return bool(form == "anything" or kind(value) == form)


def _need(report: Any, form: Any) -> None:
    """Look at what a probe reports: it comes from the student's process, where anything can happen to it."""
    if not _fits(report, form):
        raise WrongForm("What your code does could not be watched.")


def _doubles(params: Any, what: str) -> dict[str, Any]:
    """A dictionary of arrays in the order of its names, the arrays as float64 whatever float they are."""
    if kind(params) != "dict" or not all(kind(name) == "text" for name in params):
        raise WrongForm(f"The {what} should be a dictionary with the names of the parameters.")
    if not all(kind(value) == "array" and value.dtype.kind == "f" for value in params.values()):
        raise WrongForm(f"The {what} should be arrays of floats in a dictionary.")
    return {name: params[name].astype(np.float64) for name in sorted(params)}


def _double(value: Any) -> Any:
    return value.astype(np.float64) if kind(value) == "array" and value.dtype.kind == "f" else value


NETS = ("params", "again", "other", "no generator")


def net_start(report: Any, in_shape: Any, sizes: Any, x: Any, y: Any) -> dict[str, Any]:
    """What matters of a net's first weights: shapes, spread, the loss that they give, who draws them."""
    _need(report, dict.fromkeys((*NETS, "loss"), "anything"))
    nets = {name: _doubles(report[name], "params") for name in NETS}
    params, expected, loss = nets["params"], float(np.log(sizes[0])), _number(report["loss"], "loss")
    spread = (2 / (9 * in_shape[0])) ** 0.5
    return {
        "parameters": {name: list(value.shape) for name, value in params.items()},
        "parameters without a generator": list(nets["no generator"]),
        "W1": _spread(params.get("W1"), spread),
        "b1, W2 and b2": "near 0" if _small(params, "b1", "W2", "b2") else "not near 0",
        "loss": "near log(classes)" if abs(loss - expected) < expected / 10 else "not near log(classes)",
        "equal generators": "equal weights" if _same(params, nets["again"]) else "different weights",
        "another generator": "equal weights" if _same(params, nets["other"]) else "different weights",
    }


def _small(params: dict[str, Any], *names: str) -> bool:
    return all(name in params and bool((np.abs(params[name]) < 0.25).all()) for name in names)


def _spread(weights: Any, spread: float) -> str:
    """How first weights lie around 0, in words, against the standard deviation that they should have."""
    if kind(weights) != "array" or not weights.size or not np.isfinite(weights).all():
        return "not numbers"
    if weights.std() < 1e-9:
        return "all alike"
    if abs(weights.mean()) > spread:
        return "not around 0"
    share = weights.std() / spread
    return "too small" if share < 0.5 else "too large" if share > 2 else "as asked"


def _same(some: dict[str, Any], others: dict[str, Any]) -> bool:
    """Whether two dictionaries hold the same arrays, but for rounding to float32."""
    if list(some) != list(others) or any(some[name].shape != others[name].shape for name in some):
        return False
    return all(np.allclose(some[name], others[name], atol=1e-9) for name in some)


def net_answer(report: Any, sizes: Any, params: Any, *_: Any) -> dict[str, Any]:
    """Scores, loss and gradients of a net in float64, and whether its parameters are as they were."""
    _need(report, dict.fromkeys(("params", "scores", "loss", "gradients"), "anything"))
    kept = _same(_doubles(report["params"], "params"), _doubles(params, "params"))
    return {
        "scores": _double(report["scores"]),
        "loss": _number(report["loss"], "loss"),
        "gradients": _doubles(report["gradients"], "gradients"),
        "parameters": "as they were" if kept else "changed by the loss",
    }


def sgd(
    report: Any, x: Any, y: Any, epochs: int, batch_size: int, step_size: float, seed: int
) -> dict[str, Any]:
    """What matters of a training: the batches, their order, the steps taken, the losses returned."""
    saw = {"examples": [["int"]], "labels": [["int"]]}
    _need(report, {"run": saw | {"after": "dict", "answer": "anything"}, "again": saw, "other": saw})
    batches, again, other = ([list(batch) for batch in report[name]["examples"]] for name in report)
    labels = [list(batch) for batch in report["run"]["labels"]]
    order = [example for batch in batches for example in batch]
    if not set(order) <= set(range(-1, len(x))):
        raise WrongForm("What your code does could not be watched.")
    rounds = [order[start : start + len(x)] for start in range(0, len(order), len(x))]
    right = all(sorted(round_) == list(range(len(x))) for round_ in rounds)
    weights, own = line_start(x), []
    for batch in filter(len, batches):  # the steps that are due, on what the model saw
        loss, gradients = line_loss(weights, x[batch], y[batch])
        weights = {name: value - step_size * gradients[name] for name, value in weights.items()}
        own.append(loss)
    after, losses = _doubles(report["run"]["after"], "params"), one_number_each(report["run"]["answer"])
    return {
        "batch sizes": [len(batch) for batch in batches],
        "images and classes": "belong together"
        if labels == [[int(y[example]) for example in batch] for batch in batches]
        else "are mixed up",
        "each epoch": "holds each example once" if right else "does not hold each example once",
        "order": _order(rounds),
        "source of the order": _source(batches, again, other),
        "weights, minus those after the right steps": {
            name: after[name] - weights[name]
            if name in weights and after[name].shape == weights[name].shape
            else after[name]
            for name in after
        },
        "losses, minus those of the batches": losses - own if losses.shape == (len(own),) else losses,
    }


def _source(batches: Any, again: Any, other: Any) -> str:
    """Where the order of three runs comes from; the first two had equal generators."""
    if batches != again:
        return "chance without rng"
    return "rng" if batches != other else "always the same"


def _order(rounds: list[list[int]]) -> str:
    """How the examples of several epochs follow each other, in words."""
    if any(round_ == sorted(round_) for round_ in rounds):
        return "as in the data"
    return "the same in each epoch" if rounds[1:] and rounds[0] in rounds[1:] else "new in each epoch"


MODES = {True: "in training mode", False: "in evaluation mode"}
CALLS = [{"training": "bool", "recorded": "bool", "place": "text"}]
WATCHED = {"calls": CALLS, "mixed": ["text"], "device": "text", "answer": "anything"}


def _calls(report: Any, what: str, words: dict[Any, str], other: str) -> str:
    """How a model was called, in words."""
    answers = {call[what] for call in report["calls"]}
    if not answers:
        return "not called"
    return words.get(answers.pop(), other) if len(answers) == 1 else "now so, now so"


def _on_device(report: Any) -> dict[str, str]:
    return {
        "images": _calls(report, "place", {report["device"]: "on the device"}, "not on the device"),
        "devices": "mixed" if len(report["mixed"]) else "not mixed",
    }


def training(report: Any, *_: Any) -> dict[str, Any]:
    """What matters of an epoch of training in PyTorch."""
    _need(report, WATCHED | {"steps": "int", "after": "dict"})
    return {
        "model": _calls(report, "training", MODES, ""),
        **_on_device(report),
        "steps": report["steps"],
        "parameters": report["after"],
        "mean loss": _number(report["answer"], "mean loss"),
    }


def evaluation(report: Any, *_: Any) -> dict[str, Any]:
    """What matters of a model's evaluation in PyTorch."""
    _need(report, WATCHED | {"training": "bool"})
    return {
        "model": _calls(report, "training", MODES, ""),
        **_on_device(report),
        "gradients": _calls(report, "recorded", {True: "recorded", False: "not recorded"}, ""),
        "model afterwards": MODES[bool(report["training"])],
        "accuracy": _number(report["answer"], "accuracy"),
    }


def slopes(answer: Any, image: Any) -> dict[str, Any]:
    """Slopes of a picture, the angles where there is a slope: -180° is 180°, and a flat place has none."""
    parts = _parts(answer, "gx", "gy", "magnitude", "angle")
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
    parts = _parts(answer, "column", "row")
    kh, kw = kernel.shape
    for name, forms, many in (("column", ((kh,), (kh, 1)), "rows"), ("row", ((kw,), (1, kw)), "columns")):
        part = parts[name]
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


def doubles(answer: Any, *_: Any, **__: Any) -> Any:
    """An array of any float dtype as float64."""
    if kind(answer) != "array" or answer.dtype.kind != "f":
        raise WrongForm("The answer should be an array of floats.")
    return answer.astype(np.float64)


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
