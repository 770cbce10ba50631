"""Cantor: everything right, by other ways: torch.optim and autograd do the work, and a formula counts 2^n networks."""
# base: boole

# %% solution="l2_penalty"
def l2_penalty(w, lam):
    leaf = torch.tensor(np.ascontiguousarray(w), requires_grad=True)
    value = lam / 2 * leaf.square().sum()
    value.backward()
    return value.item(), leaf.grad.numpy()


# %% solution="l1_penalty"
def l1_penalty(w, lam):
    leaf = torch.tensor(np.ascontiguousarray(w), requires_grad=True)
    value = lam * torch.linalg.vector_norm(leaf, 1)
    value.backward()
    return value.item(), leaf.grad.numpy()


# %% solution="elastic_penalty"
def elastic_penalty(w, lam1, lam2):
    parts = [l1_penalty(w, lam1), l2_penalty(w, lam2), l2_penalty(w, lam2)]  # half and half are one
    return sum(value for value, _ in parts), sum(gradient for _, gradient in parts)


# %% solution="max_norm"
def max_norm(w, c):
    if c < 0:
        raise ValueError(f"{c} is no length")
    lengths = np.linalg.norm(w.reshape(w.shape[0], -1), axis=1)
    new = w.copy()
    for i in np.flatnonzero(lengths > c):
        new[i] *= c / lengths[i]
    return new


# %% solution="sgd_step"
def sgd_step(w, grad, lr, weight_decay):
    leaf = nn.Parameter(torch.tensor(np.ascontiguousarray(w)))
    leaf.grad = torch.tensor(np.ascontiguousarray(grad))
    torch.optim.SGD([leaf], lr=lr, weight_decay=weight_decay).step()
    return leaf.detach().numpy()


# %% solution="parameter_groups"
def parameter_groups(model, weight_decay):
    table = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if parameter.requires_grad:
                table[parameter] = parameter.dim() > 1  # parameters are compared by identity: each once
    order = [parameter for parameter in model.parameters() if parameter in table]
    return [
        {"params": [parameter for parameter in order if table[parameter]], "weight_decay": weight_decay},
        {"params": [parameter for parameter in order if not table[parameter]], "weight_decay": 0},
    ]


# %% solution="dropout"
def dropout(x, p, rng, train):
    if p < 0 or p >= 1:
        raise ValueError(f"p = {p} is not in [0, 1)")
    mask = np.ones_like(x)
    if train:
        values = np.array([0, 1 / (1 - p)], x.dtype)
        mask = values[rng.binomial(1, 1 - p, x.shape)]
    return mask * x, mask


# %% solution="dropout_backward"
def dropout_backward(dy, mask):
    # y = x * mask is linear in x: the derivative of y in the direction of dy is dy * mask.
    x = torch.zeros(mask.shape, dtype=torch.tensor(mask[:0].copy()).dtype, requires_grad=True)
    (x * torch.tensor(mask.copy())).backward(torch.tensor(dy.copy()))
    return x.grad.numpy()


# %% solution="Dropout"
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p = {p} is not in [0, 1)")
        self.layer = nn.Dropout(p)

    def forward(self, x):
        return self.layer(x)


# %% solution="geometric_ensemble"
def geometric_ensemble(w, b, x, p):
    # Logarithms of softmax are scores up to one number for all classes, and the mean of the masks is 1 - p.
    scores = torch.tensor((1 - p) * (w.astype(np.float64) @ x) + b)
    return torch.softmax(scores, dim=0).numpy()


# %% solution="momentum"
def momentum(w, grad, state, lr, beta=0.9):
    # All old gradients are kept, and each is weighted anew.
    gradients = (*(state or ()), grad.copy())
    v = sum(g * beta**age for age, g in enumerate(reversed(gradients)))
    return (w - lr * v).astype(w.dtype), gradients


# %% solution="nesterov"
def nesterov(w, grad, state, lr, beta=0.9):
    leaf = nn.Parameter(torch.tensor(np.ascontiguousarray(w, np.float64)))
    leaf.grad = torch.tensor(np.ascontiguousarray(grad, np.float64))
    optimizer = torch.optim.SGD([leaf], lr=lr, momentum=beta, nesterov=beta > 0)
    if state is not None:
        optimizer.state[leaf]["momentum_buffer"] = torch.tensor(state)
    optimizer.step()
    v = optimizer.state[leaf].get("momentum_buffer", torch.zeros_like(leaf))
    return leaf.detach().numpy().astype(w.dtype), v.numpy().copy()


# %% solution="adam"
def one_step(kind, w, grad, state, **options):
    """Let an optimiser of PyTorch take one step with a state that it had before."""
    import copy

    leaf = nn.Parameter(torch.tensor(np.ascontiguousarray(w, np.float64)))
    leaf.grad = torch.tensor(np.ascontiguousarray(grad, np.float64))
    optimizer = kind([leaf], **options)
    if state is not None:
        optimizer.state[leaf] = copy.deepcopy(state)
    optimizer.step()
    return leaf.detach().numpy().astype(w.dtype), dict(optimizer.state[leaf])


def adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return one_step(torch.optim.Adam, w, grad, state, lr=lr, betas=(beta1, beta2), eps=eps)


# %% solution="adamw"
def adamw(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    options = {"lr": lr, "betas": (beta1, beta2), "eps": eps, "weight_decay": weight_decay}
    return one_step(torch.optim.AdamW, w, grad, state, **options)


# %% solution="step_decay"
def step_decay(step, lr, every, factor):
    return math.prod([lr] + [factor] * math.floor(step / every))


# %% solution="cosine_decay"
def cosine_decay(step, total, lr, warmup=0):
    if not 0 <= warmup < total:
        raise ValueError(f"warm-up {warmup}, total {total}")
    if step < warmup:
        return float(np.linspace(0, lr, warmup + 1)[step + 1])
    angles = np.linspace(0, np.pi, total - warmup + 1)
    return float((lr / 2 + lr / 2 * np.cos(angles))[step - warmup])


# %% solution="init_weights"
def init_weights(shape, scheme, rng):
    if scheme not in ("small", "xavier", "he"):
        raise ValueError(f"scheme {scheme}")
    weights = torch.empty(shape, dtype=torch.float64)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))  # NumPy's generator decides
    if scheme == "small":
        nn.init.normal_(weights, std=0.01, generator=generator)
    elif scheme == "xavier":
        nn.init.xavier_normal_(weights, generator=generator)
    else:
        nn.init.kaiming_normal_(weights, nonlinearity="relu", generator=generator)
    return weights.numpy()


# %% solution="fit"
from torch.utils.data import DataLoader, TensorDataset

RECIPE = {"epochs": 10, "batch_size": 64, "optimizer": "adamw", "lr": 3e-3, "momentum": 0.9, "weight_decay": 0.0,
          "schedule": "cosine", "warmup": 0.0, "label_smoothing": 0.0, "max_norm": None, "augment": None,
          "patience": None, "mixed_precision": True, "seed": 0, "seconds": None, "checkpoint": None}


def fit(model, train, valid, recipe, device="cpu"):
    # DataLoaders bring the batches, and one of PyTorch's schedulers changes the learning rate.
    for name in recipe.keys() - RECIPE.keys():
        raise ValueError(f"{name} is no knob")
    r = RECIPE | recipe
    device = torch.device(device)
    torch.manual_seed(r["seed"])
    order, noise = (torch.Generator().manual_seed(r["seed"]) for _ in range(2))
    seen = TensorDataset(torch.arange(len(train[1])))  # the loader brings numbers of examples
    loader = DataLoader(seen, r["batch_size"], shuffle=True, generator=order)
    total = r["epochs"] * len(loader)
    model.to(device)
    groups = parameter_groups(model, r["weight_decay"])
    match r["optimizer"]:
        case "sgd":
            optimizer = torch.optim.SGD(groups, 1.0, momentum=r["momentum"], nesterov=r["momentum"] != 0)
        case "adam":
            optimizer = torch.optim.Adam(groups, 1.0)
        case "adamw":
            optimizer = torch.optim.AdamW(groups, 1.0)
        case other:
            raise ValueError(f"{other} is no optimizer")
    match r["schedule"]:
        case "constant":
            rate = lambda step: r["lr"]
        case "step":
            rate = lambda step: step_decay(step, r["lr"], math.ceil(total / 3), 0.1)
        case "cosine":
            rate = lambda step: cosine_decay(min(step, total - 1), total, r["lr"], round(r["warmup"] * total))
        case other:
            raise ValueError(f"{other} is no schedule")
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    criterion = nn.CrossEntropyLoss(label_smoothing=r["label_smoothing"])
    amp = dict(device_type="cuda", dtype=torch.float16, enabled=r["mixed_precision"] and device.type == "cuda")
    scaler = torch.amp.GradScaler("cuda", enabled=amp["enabled"])

    history = {"loss": [], "accuracy": [], "lr": [], "seconds": [], "best": 0}
    clock = time.monotonic()
    waited = 0
    kept = None
    for epoch in range(r["epochs"]):
        model.train()
        losses, sizes = [], []
        for (numbers,) in loader:
            images = train[0][numbers.to(train[0].device)].to(device)
            labels = train[1][numbers.to(train[1].device)].to(device)
            images = r["augment"](images, noise) if r["augment"] else images
            history["lr"].append(scheduler.get_last_lr()[0])
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(**amp):
                loss = criterion(model(images), labels)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            scheduler.step()
            losses.append(loss.item())
            sizes.append(len(labels))
            if r["max_norm"] is not None:
                for weight in (w for w in model.parameters() if w.dim() > 1):
                    lengths = weight.detach().flatten(1).norm(dim=1).clamp(min=1e-30)
                    shrink = (r["max_norm"] / lengths).clamp(max=1)
                    weight.data.mul_(shrink.reshape(-1, *[1] * (weight.dim() - 1)))
        history["loss"].append(float(np.average(losses, weights=sizes)))
        model.train(False)
        with torch.no_grad(), torch.autocast(**amp):
            hits = sum(
                (model(images.to(device)).argmax(1) == labels.to(device)).sum().item()
                for images, labels in zip(valid[0].split(64), valid[1].split(64))
            )
        history["accuracy"].append(hits / len(valid[1]))
        history["seconds"].append(time.monotonic() - clock)
        waited += 1
        if kept is None or history["accuracy"][-1] > history["accuracy"][history["best"]]:
            waited = 0
            history["best"] = epoch
            kept = {name: value.to("cpu", copy=True) for name, value in model.state_dict().items()}
        late = r["seconds"] is not None and history["seconds"][-1] >= r["seconds"]
        if waited == r["patience"] or late:
            break
    model.load_state_dict(kept)
    if r["checkpoint"]:
        torch.save(kept, r["checkpoint"])
    return history


# %% solution="random_search"
def random_search(space, n, rng):
    def drawer(name, what):
        if isinstance(what, tuple):
            if len(what) != 3 or what[0] not in ("log", "uniform") or not what[1] <= what[2]:
                raise ValueError(f"{name}: {what}")
            low, high = float(what[1]), float(what[2])
            if what[0] == "uniform":
                return lambda: low + (high - low) * rng.random()
            if low <= 0:
                raise ValueError(f"{name}: {what}")
            return lambda: low * 10 ** (rng.random() * math.log10(high / low))
        if isinstance(what, list):
            if what == []:
                raise ValueError(f"{name}: {what}")
            return lambda: what[int(rng.random() * len(what))]
        return lambda: what

    drawers = [(name, drawer(name, what)) for name, what in space.items()]
    return [dict((name, draw()) for name, draw in drawers) for _ in range(n)]
