"""Boole: everything right, with einsum and broadcasting."""

# %% solution="l2_penalty"
def l2_penalty(w, lam):
    flat = w.ravel()
    return float(lam / 2 * np.einsum("i,i->", flat, flat)), np.multiply(w, lam, dtype=w.dtype)


# %% solution="l1_penalty"
def l1_penalty(w, lam):
    signs = np.sign(w)
    return float(lam * np.einsum("i,i->", signs.ravel(), w.ravel())), (lam * signs).astype(w.dtype)


# %% solution="elastic_penalty"
def elastic_penalty(w, lam1, lam2):
    gradient = lam1 * np.sign(w) + 2 * lam2 * w
    return float(lam1 * np.abs(w).sum() + lam2 * np.square(w).sum()), gradient.astype(w.dtype)


# %% solution="max_norm"
def max_norm(w, c):
    if c < 0:
        raise ValueError(f"the longest filter cannot have the length {c}")
    rows = w.reshape(len(w), -1)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    shrink = np.minimum(1, c / np.maximum(lengths, np.finfo(w.dtype).tiny))
    return (rows * shrink[:, None]).reshape(w.shape).astype(w.dtype)


# %% solution="sgd_step"
def sgd_step(w, grad, lr, weight_decay):
    return ((1 - lr * weight_decay) * w - lr * grad).astype(w.dtype)


# %% solution="parameter_groups"
def parameter_groups(model, weight_decay):
    groups = [dict(params=[], weight_decay=weight_decay), dict(params=[], weight_decay=0.0)]
    for parameter in filter(lambda p: p.requires_grad, model.parameters()):
        groups[parameter.ndim < 2]["params"].append(parameter)
    return groups


# %% solution="dropout"
def dropout(x, p, rng, train):
    if not 0 <= p < 1:
        raise ValueError(f"p = {p}")
    kept = rng.random(x.shape) >= p if train else np.ones(x.shape, bool)
    mask = kept.astype(x.dtype)
    if train:
        mask /= x.dtype.type(1 - p)
    return np.einsum("...,...->...", x, mask), mask


# %% solution="dropout_backward"
def dropout_backward(dy, mask):
    return np.multiply(mask, dy, dtype=dy.dtype)


# %% solution="Dropout"
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p = {p}")
        self.keep = 1 - p

    def forward(self, x):
        if not self.training:
            return x
        mask = torch.empty_like(x).bernoulli_(self.keep).div_(self.keep)
        return mask * x


# %% solution="geometric_ensemble"
def geometric_ensemble(w, b, x, p):
    n = len(x)
    masks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    scores = np.einsum("cn,mn,n->mc", w.astype(float), masks, x.astype(float)) + b
    scores -= scores.max(axis=1, keepdims=True)
    log_probabilities = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    chances = np.where(masks == 1, 1 - p, p).prod(axis=1)
    mean = np.einsum("m,mc->c", chances, log_probabilities)
    mean = np.exp(mean - mean.max())
    return mean / mean.sum()


# %% solution="sgd"
def sgd(w, grad, state, lr):
    return np.subtract(w, lr * grad, dtype=w.dtype), state


# %% solution="momentum"
def momentum(w, grad, state, lr, beta=0.9):
    v = (0 if state is None else beta * state) + grad
    return np.subtract(w, lr * v, dtype=w.dtype), v


# %% solution="nesterov"
def nesterov(w, grad, state, lr, beta=0.9):
    v = (0 if state is None else beta * state) + grad
    return np.subtract(w, lr * (grad + beta * v), dtype=w.dtype), v


# %% solution="adam"
def adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    means, t = (np.zeros((2, *w.shape)), 0) if state is None else state
    t += 1
    betas = np.array([beta1, beta2]).reshape(2, *[1] * w.ndim)
    means = betas * means + (1 - betas) * np.stack([grad, np.square(grad)])
    first, second = means / (1 - betas**t)
    return (w - lr * first / (np.sqrt(second) + eps)).astype(w.dtype), (means, t)


# %% solution="adamw"
def adamw(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, state = adam(w, grad, state, lr, beta1, beta2, eps)
    return (new - lr * weight_decay * w).astype(w.dtype), state


# %% solution="step_decay"
def step_decay(step, lr, every, factor):
    return lr * np.power(float(factor), step // every)


# %% solution="cosine_decay"
def cosine_decay(step, total, lr, warmup=0):
    if warmup < 0 or warmup >= total:
        raise ValueError(f"{warmup} steps of warm-up, {total} steps in all")
    rise = (step + 1) / max(warmup, 1)
    fall = np.cos(np.pi / 2 * (step - warmup) / (total - warmup)) ** 2
    return float(lr * (rise if step < warmup else fall))


# %% solution="init_weights"
def init_weights(shape, scheme, rng):
    fan_out, fan_in = np.array(shape[:2]) * np.prod(shape[2:], dtype=int)
    try:
        spread = {"small": 0.01, "xavier": (2 / (fan_in + fan_out)) ** 0.5, "he": (2 / fan_in) ** 0.5}[scheme]
    except KeyError:
        raise ValueError(f"no scheme {scheme}") from None
    return spread * rng.standard_normal(shape)


# %% solution="fit"
RECIPE = dict(
    epochs=10, batch_size=64, optimizer="adamw", lr=3e-3, momentum=0.9, weight_decay=0.0, schedule="cosine",
    warmup=0.0, label_smoothing=0.0, max_norm=None, augment=None, patience=None, mixed_precision=True, seed=0,
    seconds=None, checkpoint=None,
)


def fit(model, train, valid, recipe, device="cpu"):
    from types import SimpleNamespace

    if set(recipe) - set(RECIPE):
        raise ValueError(f"not in RECIPE: {set(recipe) - set(RECIPE)}")
    k = SimpleNamespace(**{**RECIPE, **recipe})
    device = torch.device(device)
    model = model.to(device)
    (x, y), (vx, vy) = [(pictures.to(device), labels.to(device)) for pictures, labels in (train, valid)]
    per_epoch = -(-len(y) // k.batch_size)
    total = k.epochs * per_epoch
    torch.manual_seed(k.seed)
    rng = torch.Generator().manual_seed(k.seed)

    groups = parameter_groups(model, k.weight_decay)
    kinds = {
        "sgd": lambda: torch.optim.SGD(groups, k.lr, k.momentum, nesterov=k.momentum > 0),
        "adam": lambda: torch.optim.Adam(groups, k.lr),
        "adamw": lambda: torch.optim.AdamW(groups, k.lr),
    }
    if k.optimizer not in kinds:
        raise ValueError(f"optimizer {k.optimizer}")
    optimizer = kinds[k.optimizer]()
    schedules = {
        "constant": np.full(total, float(k.lr)),
        "step": [step_decay(t, k.lr, -(-total // 3), 0.1) for t in range(total)],
        "cosine": [cosine_decay(t, total, k.lr, round(k.warmup * total)) for t in range(total)],
    }
    if k.schedule not in schedules:
        raise ValueError(f"schedule {k.schedule}")
    rates = [float(rate) for rate in schedules[k.schedule]]

    half = k.mixed_precision and device.type == "cuda"
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=bool(half))
    history = {name: [] for name in ("loss", "accuracy", "lr", "seconds")}
    best, since = None, time.perf_counter()
    for epoch in range(k.epochs):
        model.train()
        sums = 0.0
        for batch in torch.randperm(len(y), generator=rng).split(k.batch_size):
            batch = batch.to(device)
            images = x[batch] if k.augment is None else k.augment(x[batch], rng)
            rate = rates[len(history["lr"])]
            for group in optimizer.param_groups:
                group["lr"] = rate
            with autocast:
                loss = F.cross_entropy(model(images), y[batch], label_smoothing=k.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if k.max_norm is not None:
                for weight in groups[0]["params"]:
                    weight.data = torch.renorm(weight.data, p=2, dim=0, maxnorm=k.max_norm)
            sums += loss.item() * len(batch)
            history["lr"].append(rate)
        history["loss"].append(sums / len(y))

        model.eval()
        with torch.no_grad(), autocast:
            right = torch.cat([model(part).argmax(1) for part in vx.split(1000)]) == vy
        history["accuracy"].append(right.float().mean().item())
        history["seconds"].append(time.perf_counter() - since)
        history["best"] = int(np.argmax(history["accuracy"]))  # the first of the largest
        if history["best"] == epoch:
            best = {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}
            if k.checkpoint is not None:
                torch.save(best, k.checkpoint)
        if k.patience is not None and epoch >= history["best"] + k.patience:
            break
        if k.seconds is not None and history["seconds"][-1] >= k.seconds:
            break
    model.load_state_dict(best)
    return history


# %% solution="random_search"
def random_search(space, n, rng):
    for name, range_ in space.items():
        if isinstance(range_, list) and not range_:
            raise ValueError(f"{name} has no choice")
        if isinstance(range_, tuple):
            match range_:
                case ("uniform", a, b) if a <= b:
                    pass
                case ("log", a, b) if 0 < a <= b:
                    pass
                case _:
                    raise ValueError(f"{name} = {range_}")

    def column(range_):
        match range_:
            case list():
                return [range_[i] for i in rng.integers(len(range_), size=n)]
            case ("uniform", a, b):
                return rng.uniform(a, b, n).tolist()
            case ("log", a, b):
                return np.exp(rng.uniform(np.log(a), np.log(b), n)).clip(a, b).tolist()
        return [range_] * n

    columns = {name: column(range_) for name, range_ in space.items()}
    return [{name: values[i] for name, values in columns.items()} for i in range(n)]


# %% solution="quiz_decay_step"
quiz_decay_step = 20 - 0.1 * 0.5 * 20 - 0.1 * 30

# %% solution="quiz_forgot_eval"
quiz_forgot_eval = "b"

# %% solution="quiz_penalty_or_decay"
quiz_penalty_or_decay = "c"

# %% solution="quiz_first_weights"
quiz_first_weights = 5 * 5 * 8 // 2
