"""Mutants of the solutions of notebook 4 that no check can kill, because they do the same thing, and why.

Exercise -> change -> reason. "statement => *" stands for every surviving change of that statement.
"""

NO_ORDER = "the order does not matter"
UNPACKED = "a list of one number cannot be unpacked into three: Python raises a ValueError of its own"
JOINED = "np.concatenate raises a ValueError of its own where the two do not fit; ours only says it better"
SUMMED = "np.einsum raises a ValueError of its own where the channels differ; ours only says it better"
ONE_DTYPE = "x, weight and skip always have one dtype"
ONE_LENGTH = "there is always one volume for each layer"
ONE_LENGTH_OF_LEVELS = "there are as many ways up, pairs and skips as levels above the lowest"
ONE_IS_ENOUGH = "NumPy turns both into float64 where one of them is"
ANOTHER_DEFAULT = "a picture of 227 x 227 gives volumes of the same sizes with it"
POOLED_FIRST = "ReLU and max pooling may change places: the largest number stays the largest"
SAME_NUMBER = "the second and fifth convolution have equally many filters, and so have the third and fourth"
FLAT_RELU = "ReLU looks at each number on its own, flattened or not"
NO_COPY = "copy.deepcopy makes no copies of the stored gradients: the line only says what is meant"
STOPS_AT_THE_SHORTER = "strict=False is the default: zip stops at the shorter one"

WORDS = "if word not in ('conv', 'pool', 'linear'):"
SKIP = "if skip.shape[0] != n or skip.shape[2:] != (2 * height, 2 * width):"
WEIGHT = "if weight.shape[0] != channels or weight.shape[2:] != (2, 2):"
PAIRS = "for (word, *numbers), output in zip(layers, volumes[1:], strict=True):"
HIDDEN = "hidden = np.maximum(conv2d(x, w1, padding=1), 0)"
SUM = "y = np.maximum(x + conv2d(hidden, w2, padding=1), 0)"
UP = "up = np.empty((n, weight.shape[1], 2 * height, 2 * width), x.dtype)"
ERROR = "error = float(np.mean((x.astype(np.float64) - target.astype(np.float64)) ** 2))"
FIRST_AND_SECOND = (
    "nn.Conv2d(in_channels, c1, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, stride=2), "
    "nn.Conv2d(c1, c2, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2), "
)
OTHERS = (
    "nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(), nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU(), "
    "nn.Conv2d(c4, c5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2)"
)
FEATURES = f"self.features = nn.Sequential({FIRST_AND_SECOND}{OTHERS})"
HEAD = (
    "self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(c5 * size * size, hidden), nn.ReLU(), "
    "nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, n_classes))"
)
INIT = (
    "def __init__(self, n_classes: int=1000, width: float=1.0, image_size: int=227, in_channels: int=3) "
    "-> None:"
)
DOWN = (
    "self.down = nn.ModuleList([pair(reads, writes) for reads, writes in "
    "zip([in_channels, *sizes], sizes, strict=False)])"
)
LEVELS = "for up, merge, skip in zip(self.up, self.merge, kept[-2::-1], strict=True):"
ENCODER = (
    "self.encoder = nn.Sequential(nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.ReLU(), "
    "nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), "
    "nn.Linear(math.prod(small), bottleneck))"
)
DECODER = (
    "self.decoder = nn.Sequential(nn.Linear(bottleneck, math.prod(small)), nn.ReLU(), "
    "nn.Unflatten(1, small), nn.ConvTranspose2d(2 * width, width, 2, stride=2), nn.ReLU(), "
    "nn.ConvTranspose2d(width, channels, 2, stride=2))"
)


def features(before: str, after: str, place: int = 1) -> str:
    """The change of AlexNet's convolutions that puts `after` in the place of one occurrence of `before`."""
    parts = FEATURES.split(before)
    return f"{FEATURES} => {before.join(parts[:place])}{after}{before.join(parts[place:])}"


RELU_POOL, POOL_RELU = "nn.ReLU(), nn.MaxPool2d(3, stride=2)", "nn.MaxPool2d(3, stride=2), nn.ReLU()"
RELU_FLAT, FLAT_LATER = "nn.ReLU(), nn.Unflatten(1, small)", "nn.Unflatten(1, small), nn.ReLU()"

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
    "AlexNet": {
        f"{INIT} => {INIT.replace('227', '228')}": ANOTHER_DEFAULT,
        **{features(RELU_POOL, POOL_RELU, place): POOLED_FIRST for place in (1, 2, 3)},
        features("(c3, c4,", "(c4, c4,"): SAME_NUMBER,
        features("(c3, c4,", "(c3, c3,"): SAME_NUMBER,
        features("(c3, c4,", "(c4, c3,"): SAME_NUMBER,
        features("(c2, c3,", "(c2, c4,"): SAME_NUMBER,
        features("(c2, c3,", "(c5, c3,"): SAME_NUMBER,
        features("(c1, c2,", "(c1, c5,"): SAME_NUMBER,
        features("(c4, c5,", "(c3, c5,"): SAME_NUMBER,
        features("(c4, c5,", "(c4, c2,"): SAME_NUMBER,
        f"{HEAD} => {HEAD.replace('c5', 'c2')}": SAME_NUMBER,
    },
    "residual_block": {
        f"{HIDDEN} => hidden = np.maximum(0, conv2d(x, w1, padding=1))": NO_ORDER,
        f"{SUM} => y = np.maximum(0, x + conv2d(hidden, w2, padding=1))": NO_ORDER,
    },
    "residual_block_backward": {
        "hidden = np.maximum(before, 0) => hidden = np.maximum(0, before)": NO_ORDER,
    },
    "ResNet": {
        "return self.head(self.body(x).mean(dim=(2, 3))) => "
        "return self.head(self.body(x).mean(dim=(3, 2)))": NO_ORDER,
    },
    "gradient_norms": {
        "twin.zero_grad() => (left out)": NO_COPY,
        "twin.zero_grad() => twin": NO_COPY,
    },
    "Autoencoder": {
        f"{ENCODER} => {ENCODER.replace('nn.ReLU(), nn.Flatten()', 'nn.Flatten(), nn.ReLU()')}": FLAT_RELU,
        f"{DECODER} => {DECODER.replace(RELU_FLAT, FLAT_LATER)}": FLAT_RELU,
    },
    "UNet": {
        f"{DOWN} => {DOWN.replace(', strict=False', '')}": STOPS_AT_THE_SHORTER,
        f"{LEVELS} => *": ONE_LENGTH_OF_LEVELS,
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
