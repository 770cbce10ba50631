"""Mutants of the solutions of notebook 4 that no check can kill, because they do the same thing, and why.

Exercise -> change -> reason. "statement => *" stands for every surviving change of that statement.
"""

NO_ORDER = "the order does not matter"
UNPACKED = "a list of one number cannot be unpacked into three: Python raises a ValueError of its own"
JOINED = "np.concatenate raises a ValueError of its own where the two do not fit; ours only says it better"
SUMMED = "np.einsum raises a ValueError of its own where the channels differ; ours only says it better"
ONE_DTYPE = "x, weight and skip always have one dtype"
ONE_LENGTH = "there is always one volume for each layer"
ONE_IS_ENOUGH = "NumPy turns both into float64 where one of them is"

WORDS = "if word not in ('conv', 'pool', 'linear'):"
SKIP = "if skip.shape[0] != n or skip.shape[2:] != (2 * height, 2 * width):"
WEIGHT = "if weight.shape[0] != channels or weight.shape[2:] != (2, 2):"
PAIRS = "for (word, *numbers), output in zip(layers, volumes[1:], strict=True):"
HIDDEN = "hidden = np.maximum(conv2d(x, w1, padding=1), 0)"
SUM = "y = np.maximum(x + conv2d(hidden, w2, padding=1), 0)"
UP = "up = np.empty((n, weight.shape[1], 2 * height, 2 * width), x.dtype)"
ERROR = "error = float(np.mean((x.astype(np.float64) - target.astype(np.float64)) ** 2))"

EQUIVALENT: dict[str, dict[str, str]] = {
    "activation_volumes": {
        "shape: tuple[int, ...] = tuple(input_shape) => "
        "shape: tuple[..., int] = tuple(input_shape)": "an annotation: it is not looked at",
        f"{WORDS} => *": NO_ORDER,
        "if len(shape) != 3: => (left out)": UNPACKED,
        "raise ValueError(f'{layer} needs a volume, but a list of {shape[0]} numbers arrives') => "
        "(left out)": UNPACKED,
    },
    "count_multiply_adds": {f"{PAIRS} => *": ONE_LENGTH},
    "residual_block": {
        f"{HIDDEN} => hidden = np.maximum(0, conv2d(x, w1, padding=1))": NO_ORDER,
        f"{SUM} => y = np.maximum(0, x + conv2d(hidden, w2, padding=1))": NO_ORDER,
    },
    "residual_block_backward": {
        "hidden = np.maximum(before, 0) => hidden = np.maximum(0, before)": NO_ORDER,
    },
    "up_and_concat": {
        f"{WEIGHT} => if weight.shape[2:] != (2, 2):": SUMMED,
        f"{SKIP} => *": JOINED,
        "raise ValueError(f'skip {skip.shape} does not fit x {x.shape}, made twice as large') => "
        "(left out)": JOINED,
        f"{UP} => {UP.replace('x.dtype', 'skip.dtype')}": ONE_DTYPE,
        f"{UP} => {UP.replace('x.dtype', 'weight.dtype')}": ONE_DTYPE,
    },
    "psnr": {f"{ERROR} => *": ONE_IS_ENOUGH},
}
