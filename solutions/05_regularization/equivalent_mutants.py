"""Mutants of the solutions of notebook 5 that no check can kill, because they do the same thing, and why.

Exercise -> change -> reason. "statement => *" stands for every surviving change of that statement.
"""

PLAIN_FLOAT = "strengths and rates are Python floats, which leave the dtype of an array as it is"
ONE_DTYPE = "w and grad always have one dtype"
NEVER_USED = "the number is put in only where another one is chosen afterwards"
ONE_IN_MANY = "a draw hits p itself once in 2^53 times"
ANY_ORDER = "allowed: the optimiser does not mind the order of the groups"
ANY_ZERO = "a mean that begins with a 0 of another shape or dtype is the same after the first step"
SHIFTED = "the same number more or less for all classes falls out when the answer is normalised"
ONE_LENGTH = "w has one row for each number of b"
ITS_OWN = "allowed: nothing changes the gradient after the step, so its array may serve as the first velocity"
RAISES = "NumPy or math.log raises a ValueError of its own when a recipe is drawn; ours only says it better"
BY_ITSELF = "unpacking into three names raises a ValueError of its own"
NO_ORDER = "the order does not matter"
GPU_ONLY = "makes a difference on a real GPU only, in speed, memory or digits; float64 is left as it is"
SAME_LENGTH = "x and y always have one length"
NOT_READ = "nobody reads it at run time"
SET_LATER = "it is set anew before it is used"
SEEDED = "allowed: PyTorch's own generator has the same seed, and any order that the seed decides will do"
IN_MEMORY = "the same weights are in memory"
CLOCK = "the clock has always moved on"
MEMORY = "keeps the graphs of an epoch in memory; the numbers are the same"
DETACHED = "the tensors of a state_dict are detached"

L2 = "(float(0.5 * lam * np.sum(w ** 2)), (lam * w).astype(w.dtype))"
L1 = "(float(lam * np.sum(np.abs(w))), (lam * np.sign(w)).astype(w.dtype))"
SHRINK = "shrink = np.where(too_long, c / np.where(too_long, length, 1), 1)"
STEP = "(w - lr * weight_decay * w - lr * grad).astype(w.dtype)"
DECAYED = "{'params': [p for p in learned if p.ndim >= 2], 'weight_decay': weight_decay}"
OTHERS = "{'params': [p for p in learned if p.ndim < 2], 'weight_decay': 0.0}"
SGD = "((w - lr * grad).astype(w.dtype), None)"
MOMENTUM = "((w - lr * velocity).astype(w.dtype), velocity.copy())"
NESTEROV = "((w - lr * (grad + beta * velocity)).astype(w.dtype), velocity.copy())"
ADAM = "((w - lr * step).astype(w.dtype), (m, v, t))"
ADAMW = "((stepped - lr * weight_decay * w).astype(w.dtype), state)"
START = "m, v, t = (np.zeros_like(w), np.zeros_like(w), 0) if state is None else state"
LOGS = "log_probabilities = scores - np.log(np.exp(scores).sum())"
RANGE = "if low > high or (kind == 'log' and low <= 0):"
FORM = "if len(choices) != 3 or choices[0] not in ('uniform', 'log'):"
EMPTY = "if isinstance(choices, list) and (not choices):"

SIZES = "batches = math.ceil(len(y) / knob['batch_size'])"
MIXED = "mixed = knob['mixed_precision'] and device.type == 'cuda'"
HALF = (
    "half = torch.bfloat16 if mixed and torch.cuda.is_bf16_supported(including_emulation=False) "
    "else torch.float16"
)
SCALER = "scaler = torch.amp.GradScaler('cuda', enabled=mixed and half == torch.float16)"
HISTORY = "history: dict[str, Any] = {'loss': [], 'accuracy': [], 'lr': [], 'seconds': [], 'best': 0}"
ORDER = "for batch in torch.randperm(len(y), generator=generator).split(knob['batch_size']):"
LOSS = "history['loss'].append(losses.item() / len(y))"
ACCURACY = "history['accuracy'].append(right / len(valid_y))"
LATE = "if knob['seconds'] is not None and history['seconds'][epoch] >= knob['seconds']:"
LOAD = "best = torch.load(knob['checkpoint'], map_location='cpu', weights_only=True)"
BATCH = "now_x, now_y = (x[batch.to(x.device)].to(device), y[batch.to(y.device)].to(device))"
RIGHT = (
    "right = sum(((model(some_x.to(device)).argmax(1) == some_y.to(device)).sum().item() "
    "for some_x, some_y in zip(valid_x.split(500), valid_y.split(500), strict=True)))"
)
BEST = "best = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}"


def returned(right: str, wrong: str) -> str:
    """The change of what is returned."""
    return f"return {right} => return {wrong}"


def without_dtype(right: str) -> dict[str, str]:
    """New weights whose dtype is not set, or is set to that of the gradient."""
    call = ".astype(w.dtype)"
    before, after = right.split(call)
    depth = start = 0
    for start in range(len(before) - 1, -1, -1):  # the bracket that opens what is cast
        depth += {")": 1, "(": -1}.get(before[start], 0)
        if depth == 0:
            break
    bare = before[:start] + before[start + 1 : -1] + after
    return {
        returned(right, bare): PLAIN_FLOAT,
        returned(right, right.replace(call, ".astype(grad.dtype)")): ONE_DTYPE,
    }


def velocity_kept(right: str) -> dict[str, str]:
    """The velocity itself as the state."""
    return {returned(right, right.replace("velocity.copy()", "velocity")): ITS_OWN}


EQUIVALENT = {
    "l2_penalty": {returned(L2, L2.replace("(lam * w).astype(w.dtype)", "lam * w")): PLAIN_FLOAT},
    "l1_penalty": {
        returned(L1, L1.replace("(lam * np.sign(w)).astype(w.dtype)", "lam * np.sign(w)")): PLAIN_FLOAT
    },
    "max_norm": {
        f"{SHRINK} => *": NEVER_USED,
        "return (w * shrink).astype(w.dtype) => return w * shrink": PLAIN_FLOAT,
    },
    "sgd_step": without_dtype(STEP),
    "parameter_groups": {returned(f"[{DECAYED}, {OTHERS}]", f"[{OTHERS}, {DECAYED}]"): ANY_ORDER},
    "dropout": {
        "mask = ((rng.random(x.shape) >= p) / (1 - p)).astype(x.dtype) => "
        "mask = ((rng.random(x.shape) > p) / (1 - p)).astype(x.dtype)": ONE_IN_MANY,
    },
    "Dropout": {
        "return x * (torch.rand_like(x) >= self.p) / (1 - self.p) => "
        "return x * (torch.rand_like(x) > self.p) / (1 - self.p)": ONE_IN_MANY,
    },
    "geometric_ensemble": {
        "mean_log = np.zeros(len(b)) => mean_log = np.ones(len(b))": SHIFTED,
        "mean_log = np.zeros(len(b)) => mean_log = np.zeros(len(w))": ONE_LENGTH,
        f"{LOGS} => {LOGS.replace('scores -', 'scores +')}": SHIFTED,
        f"{LOGS} => log_probabilities = scores": SHIFTED,
        f"{LOGS} => {LOGS.replace('sum', 'mean')}": SHIFTED,
    },
    "sgd": without_dtype(SGD),
    "momentum": without_dtype(MOMENTUM) | velocity_kept(MOMENTUM),
    "nesterov": without_dtype(NESTEROV) | velocity_kept(NESTEROV),
    "adam": {f"{START} => *": ANY_ZERO} | without_dtype(ADAM),
    "adamw": without_dtype(ADAMW),
    "fit": {
        f"{SIZES} => {SIZES.replace('len(y)', 'len(x)')}": SAME_LENGTH,
        f"{MIXED} => *": GPU_ONLY,
        f"{HALF} => *": GPU_ONLY,
        f"{SCALER} => *": GPU_ONLY,
        "generator = torch.Generator().manual_seed(knob['seed']) => "
        "generator = torch.manual_seed(knob['seed'])": SEEDED,
        f"{HISTORY} => *": "annotations are not read, and best is set after the first epoch",
        "best: dict[str, torch.Tensor] = {} => *": NOT_READ,
        "for epoch in progress.bar(range(knob['epochs']), 'training'): => "
        "for epoch in progress.bar(range(knob['epochs']), 'training?'):": "the name of the progress bar",
        "if knob['checkpoint'] is not None: => (left out)": IN_MEMORY,
        "optimizer = torch.optim.SGD(groups, lr=knob['lr'], momentum=beta, nesterov=beta > 0) => "
        "optimizer = torch.optim.SGD(groups, momentum=beta, nesterov=beta > 0)": SET_LATER,
        "optimizer = kind(groups, lr=knob['lr']) => optimizer = kind(groups)": SET_LATER,
        "if knob['optimizer'] in ('adam', 'adamw'): => if knob['optimizer'] in ('adamw', 'adam'):": NO_ORDER,
        f"{ORDER} => {ORDER.replace(', generator=generator', '')}": SEEDED,
        f"{ORDER} => {ORDER.replace('len(y)', 'len(x)')}": SAME_LENGTH,
        "with torch.no_grad(), torch.autocast('cuda', dtype=half, enabled=mixed): => *": GPU_ONLY,
        "with torch.autocast('cuda', dtype=half, enabled=mixed): => *": GPU_ONLY,
        f"{LOSS} => {LOSS.replace('len(y)', 'len(x)')}": SAME_LENGTH,
        f"{ACCURACY} => {ACCURACY.replace('valid_y', 'valid_x')}": SAME_LENGTH,
        f"{LATE} => {LATE.replace('>=', '>')}": CLOCK,
        f"{LOAD} => *": "the file holds plain CPU tensors, which load the same way",
        f"{BATCH} => *": "x and y are on one device in the checks, and a CPU's numbers can index any tensor",
        "scaler.update() => *": GPU_ONLY,
        "losses += loss.detach() * len(now_y) => losses += loss * len(now_y)": MEMORY,
        "losses += loss.detach() * len(now_y) => losses += loss.detach() * len(now_x)": SAME_LENGTH,
        f"{RIGHT} => {RIGHT.replace(', strict=True', '')}": SAME_LENGTH,
        f"{RIGHT} => {RIGHT.replace('strict=True', 'strict=False')}": SAME_LENGTH,
        f"{BEST} => {BEST.replace('.detach()', '')}": DETACHED,
    },
    "random_search": {
        f"{EMPTY} => *": RAISES,
        "raise ValueError(f'{name}: an empty list leaves no choice') => (left out)": RAISES,
        f"{FORM} => if choices[0] not in ('uniform', 'log'):": BY_ITSELF,
        f"{FORM} => if len(choices) != 3 or choices[0] not in ('log', 'uniform'):": NO_ORDER,
        f"{RANGE} => *": RAISES,
        "raise ValueError(f'{name}: no {kind} range from {low} to {high}') => (left out)": RAISES,
    },
}
