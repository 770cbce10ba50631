"""Mutants of the solutions of notebook 2 that no check can kill, because they do the same thing, and why.

Exercise -> change -> reason. "statement => *" stands for every surviving change of that statement.
"""

BEHIND = "no window reads the zeros beyond half a kernel"
THE_REST = "NumPy takes any negative number for 'the rest'"
EVEN = "the sizes between the two limits are even, and refused for that"
ORDER = "the order does not matter"
FREE_LAYOUT = "how many filters stand in a row is free"
FREE_ROWS = "rows without filters are part of the free layout"
FREE_BORDER = "the border is free"
FREE_TRAINING = "start, optimiser and learning rate are free; this one finds the same filters"
BATCH_OF_ONE = "the batch holds one picture"
FEWER = "fewer pictures at once are allowed"
EMPTY = "torch.cat refuses the empty list with a ValueError of its own; ours only says it better"
FLOATS = "the next lines make floats of it"
CENTRED = "the features are centred, so a constant added to what is wanted changes nothing"
TINY = "max() makes a tiny penalty of it, and whether the default is small or tiny is free"
PENALTY = "how the penalty counts against the number of images is free"
BOTH_WAYS = "both ways solve the same equations; the shorter one is faster"

FRAME_IMAGE = "padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)))"
FRAME_X = "padded = np.pad(x, ((kh // 2, kh // 2), (kw // 2, kw // 2)))"
WIDER = [
    "((kh // 2, kh * 2), (kw // 2, kw // 2))",
    "((kh // 2, kh), (kw // 2, kw // 2))",
    "((kh // 2, kh // 1), (kw // 2, kw // 2))",
    "((kh // 2, kh // 2), (kw // 2, kw * 2))",
    "((kh // 2, kh // 2), (kw // 2, kw))",
    "((kh // 2, kh // 2), (kw // 2, kw // 1))",
]
SVD = "columns, sizes, rows = np.linalg.svd(kernel, full_matrices=False)"
THIN = "return correlate2d(correlate2d(image, np.reshape(column, (-1, 1))), np.reshape(row, (1, -1)))"
BANK = "if n < 1 or size < 3 or size % 2 == 0 or (not sigma > 0):"
GRID = "grid = np.ones((rows * (kh + 1) - 1, columns * (kw + 1) - 1, channels))"
WEIGHT = "weight = torch.zeros(shape, dtype=x.dtype, device=device, requires_grad=True)"
PLACE = "if patch < 1 or stride < 1 or patch > min(height, width):"
BATCHED = (
    "def occlusion_map_batched(model: nn.Module, image: torch.Tensor, target: int, patch: int, "
    "stride: int=1, fill: float=0.0, batch_size: int="
)
PROBE = (
    "def linear_probe(train_x: np.ndarray, train_y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray, "
    "l2: float="
)
TRAIN, TEST = (f"{name} = {name}_x.reshape(len({name}_x), -1).astype(float)" for name in ("train", "test"))
SOLVE = "weight = np.linalg.solve(train.T @ train + penalty * np.eye(d), train.T @ "
PULL = "pull = np.linalg.solve(train @ train.T + penalty * np.eye(n), wanted"

EQUIVALENT = {
    "correlate2d": {f"{FRAME_IMAGE} => padded = np.pad(image, {wider})": BEHIND for wider in WIDER},
    "image_gradients": {
        "return (gx, gy, np.hypot(gx, gy), np.arctan2(gy, gx)) => "
        "return (gx, gy, np.hypot(gy, gx), np.arctan2(gy, gx))": ORDER,
    },
    "gaussian_kernel": {"if size < 1 or size % 2 == 0: => if size < 0 or size % 2 == 0:": EVEN},
    "separate": {
        f"{SVD} => *": "only the first singular vectors are used",
        "if sizes[1:].sum() > 1e-05 * sizes[0]: => if sizes[1:].mean() > 1e-05 * sizes[0]:": "only moves the "
        "limit between rounding and a second pair, which is free within reason",
    },
    "filter_separable": {f"{THIN} => *": THE_REST},
    "oriented_filters": {
        f"{BANK} => {BANK.replace('size < 3', 'size < 2')}": EVEN,
        "filters /= np.sqrt((filters ** 2).sum(axis=(1, 2), keepdims=True)) => "
        "filters /= np.sqrt((filters ** 2).sum(axis=(2, 1), keepdims=True))": ORDER,
    },
    "filter_loss": {
        **{f"{FRAME_X} => padded = np.pad(x, {wider})": BEHIND for wider in WIDER},
        "height, width = x.shape => height, width = target.shape": "x and target have one shape",
    },
    "filters_to_grid": {
        "if channels not in (1, 3): => if channels not in (3, 1):": ORDER,
        "columns = int(np.ceil(np.sqrt(n))) => *": FREE_LAYOUT,
        "rows = int(np.ceil(n / columns)) => *": FREE_ROWS,
        f"{GRID} => *": FREE_BORDER,
        "return grid if channels == 3 else grid[:, :, 0] => "
        "return grid if channels == 3 else grid[:, :, -1]": "there is one channel",
    },
    "learn_filter_bank": {
        f"{WEIGHT} => {WEIGHT.replace('zeros', 'ones')}": FREE_TRAINING,
        f"{WEIGHT} => {WEIGHT.replace('x.dtype', 'targets.dtype')}": "x and targets always have one dtype",
        "optimizer = torch.optim.Adam([weight], lr=0.1) => *": FREE_TRAINING,
        "schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1)) => *": FREE_TRAINING,
        "schedule.step() => *": FREE_TRAINING,
        "loss = F.mse_loss(F.conv2d(x, weight, padding=kernel_size // 2), targets) => "
        "loss = F.mse_loss(targets, F.conv2d(x, weight, padding=kernel_size // 2))": ORDER,
    },
    "record_activations": {
        "seen: dict[str, torch.Tensor] = {} => seen: dict[torch.Tensor, str] = {}": "an annotation",
        "seen[name] = output.detach().clone() => seen[name] = output.clone()": "no_grad is on already",
    },
    "occlusion_map_batched": {
        f"{BATCHED}64) -> torch.Tensor: => {BATCHED}63) -> torch.Tensor:": FEWER,
        f"{PLACE} => if patch < 1 or stride < 1:": EMPTY,
        f"{PLACE} => {PLACE.replace('min(', 'max(')}": EMPTY,
        f"{PLACE} => {PLACE.replace('height, width', 'width, width')}": EMPTY,
        f"{PLACE} => {PLACE.replace('height, width', 'height, height')}": EMPTY,
        "whole = model(image[None])[0, target] => whole = model(image[None])[-1, target]": BATCH_OF_ONE,
        "for one, (top, left) in zip(covered, part, strict=True): => *": "both have one length",
    },
    "linear_probe": {
        f"{PROBE}0.01) -> float: => {PROBE}-0.99) -> float:": TINY,
        f"{TRAIN} => *": f"{FLOATS}; {THE_REST}",
        f"{TEST} => *": f"{FLOATS}; {THE_REST}",
        "centre, spread = (train.mean(axis=0), train.std(axis=0)) => "
        "centre, spread = (train.mean(axis=0), test.std(axis=0))": "both sets are divided by it, so it only "
        "weights the penalty",
        "spread[spread == 0] = 1 => *": "a feature that never changes is 0 after it is centred",
        "wanted = (train_y[:, None] == classes).astype(float) => "
        "wanted = train_y[:, None] == classes": FLOATS,
        "penalty = max(l2, 1e-09) * n => *": PENALTY,
        "if d <= n: => *": BOTH_WAYS,
        f"{SOLVE}(wanted - intercept)) => {SOLVE}(wanted + intercept))": CENTRED,
        f"{SOLVE}(wanted - intercept)) => {SOLVE}wanted)": CENTRED,
        f"{PULL} - intercept) => {PULL} + intercept)": CENTRED,
        f"{PULL} - intercept) => {PULL})": CENTRED,
    },
}
