"""Ada: everything right, written with plain loops wherever the exercise allows them."""

# %% solution="l2_penalty"
def l2_penalty(w, lam):
    total = 0.0
    gradient = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        total += float(w[index]) ** 2
        gradient[index] = lam * w[index]
    return lam * total / 2, gradient


# %% solution="l1_penalty"
def l1_penalty(w, lam):
    total = 0.0
    gradient = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        if w[index] > 0:
            total += float(w[index])
            gradient[index] = lam
        elif w[index] < 0:
            total -= float(w[index])
            gradient[index] = -lam
    return lam * total, gradient


# %% solution="elastic_penalty"
def elastic_penalty(w, lam1, lam2):
    value = 0.0
    gradient = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        weight = float(w[index])
        value += lam1 * abs(weight) + lam2 * weight * weight
        slope = 2 * lam2 * weight
        if weight > 0:
            slope += lam1
        if weight < 0:
            slope -= lam1
        gradient[index] = slope
    return value, gradient


# %% solution="max_norm"
def max_norm(w, c):
    if c < 0:
        raise ValueError(f"c is {c}")
    short = np.array(w)
    for i in range(len(w)):
        length = 0.0
        for number in w[i].ravel():
            length += float(number) ** 2
        length = math.sqrt(length)
        if length > c:
            short[i] = w[i] * (c / length)
    return short


# %% solution="sgd_step"
def sgd_step(w, grad, lr, weight_decay):
    new = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        new[index] = w[index] - lr * weight_decay * w[index] - lr * grad[index]
    return new


# %% solution="parameter_groups"
def parameter_groups(model, weight_decay):
    decayed = []
    others = []
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        if len(parameter.shape) >= 2:
            decayed.append(parameter)
        else:
            others.append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


# %% solution="dropout"
def dropout(x, p, rng, train):
    if p < 0 or p >= 1:
        raise ValueError(f"p is {p}")
    mask = np.ones(x.shape, x.dtype)
    if train:
        for index in np.ndindex(x.shape):
            if rng.random() < p:
                mask[index] = 0
            else:
                mask[index] = 1 / (1 - p)
    return x * mask, mask


# %% solution="dropout_backward"
def dropout_backward(dy, mask):
    dx = np.zeros(dy.shape, dy.dtype)
    for index in np.ndindex(dy.shape):
        if mask[index] > 0:
            dx[index] = dy[index] * mask[index]
    return dx


# %% solution="Dropout"
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if p < 0 or p >= 1:
            raise ValueError(f"p is {p}")
        self.p = p

    def forward(self, x):
        if self.training:
            kept = torch.rand(x.shape, device=x.device) > self.p
            if self.p == 0:
                kept = torch.ones_like(kept)
            x = x * kept.to(x.dtype) / (1 - self.p)
        return x


# %% solution="geometric_ensemble"
def geometric_ensemble(w, b, x, p):
    n = len(x)
    classes = len(b)
    mean = [0.0] * classes  # of the logarithms
    for number in range(2**n):
        scores = [float(b[k]) for k in range(classes)]
        weight = 1.0
        for i in range(n):
            if number // 2**i % 2 == 1:
                weight *= 1 - p
                for k in range(classes):
                    scores[k] += float(w[k, i]) * float(x[i])
            else:
                weight *= p
        largest = max(scores)
        total = 0.0
        for k in range(classes):
            total += math.exp(scores[k] - largest)
        for k in range(classes):
            mean[k] += weight * (scores[k] - largest - math.log(total))
    answer = np.zeros(classes)
    for k in range(classes):
        answer[k] = math.exp(mean[k] - max(mean))
    return answer / answer.sum()


# %% solution="sgd"
def sgd(w, grad, state, lr):
    new = np.array(w)
    for index in np.ndindex(w.shape):
        new[index] = w[index] - lr * grad[index]
    return new, None


# %% solution="momentum"
def momentum(w, grad, state, lr, beta=0.9):
    if state is None:
        state = np.zeros(w.shape)
    v = np.zeros(w.shape)
    new = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        v[index] = beta * state[index] + grad[index]
        new[index] = w[index] - lr * v[index]
    return new, v


# %% solution="nesterov"
def nesterov(w, grad, state, lr, beta=0.9):
    if state is None:
        state = np.zeros(w.shape)
    v = np.zeros(w.shape)
    new = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        v[index] = beta * state[index] + grad[index]
        new[index] = w[index] - lr * (grad[index] + beta * v[index])
    return new, v


# %% solution="adam"
def adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    if state is None:
        state = {"m": np.zeros(w.shape), "v": np.zeros(w.shape), "t": 0}
    t = state["t"] + 1
    m = np.zeros(w.shape)
    v = np.zeros(w.shape)
    new = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        g = float(grad[index])
        m[index] = beta1 * state["m"][index] + (1 - beta1) * g
        v[index] = beta2 * state["v"][index] + (1 - beta2) * g * g
        m_hat = m[index] / (1 - beta1**t)
        v_hat = v[index] / (1 - beta2**t)
        new[index] = w[index] - lr * m_hat / (math.sqrt(v_hat) + eps)
    return new, {"m": m, "v": v, "t": t}


# %% solution="adamw"
def adamw(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    smaller = np.zeros(w.shape, w.dtype)
    for index in np.ndindex(w.shape):
        smaller[index] = w[index] - lr * weight_decay * w[index]
    return adam(smaller, grad, state, lr, beta1, beta2, eps)  # the step does not depend on the weights


# %% solution="step_decay"
def step_decay(step, lr, every, factor):
    while step >= every:
        lr = lr * factor
        step = step - every
    return lr


# %% solution="cosine_decay"
def cosine_decay(step, total, lr, warmup=0):
    if warmup < 0 or warmup >= total:
        raise ValueError(f"{warmup} of {total} steps")
    if step < warmup:
        return lr * (step + 1) / warmup
    done = (step - warmup) / (total - warmup)  # from 0 to 1
    return lr * 0.5 * (1 + math.cos(math.pi * done))


# %% solution="init_weights"
def init_weights(shape, scheme, rng):
    fan_in = shape[1]
    fan_out = shape[0]
    for size in shape[2:]:
        fan_in = fan_in * size
        fan_out = fan_out * size
    if scheme == "small":
        deviation = 0.01
    elif scheme == "xavier":
        deviation = math.sqrt(2 / (fan_in + fan_out))
    elif scheme == "he":
        deviation = math.sqrt(2 / fan_in)
    else:
        raise ValueError(f"unknown scheme {scheme!r}")
    weights = np.zeros(shape)
    for index in np.ndindex(shape):
        weights[index] = deviation * rng.standard_normal()
    return weights


# %% solution="fit"
RECIPE = {
    "epochs": 10,
    "batch_size": 64,
    "optimizer": "adamw",
    "lr": 3e-3,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "warmup": 0.0,
    "label_smoothing": 0.0,
    "max_norm": None,
    "augment": None,
    "patience": None,
    "mixed_precision": True,
    "seed": 0,
    "seconds": None,
    "checkpoint": None,
}


def fit(model, train, valid, recipe, device="cpu"):
    for name in recipe:
        if name not in RECIPE:
            raise ValueError(f"unknown: {name}")
    knobs = dict(RECIPE)
    knobs.update(recipe)
    if knobs["optimizer"] not in ("sgd", "adam", "adamw"):
        raise ValueError(f"unknown optimizer {knobs['optimizer']}")
    if knobs["schedule"] not in ("constant", "step", "cosine"):
        raise ValueError(f"unknown schedule {knobs['schedule']}")

    start = time.time()
    device = torch.device(device)
    mixed = bool(knobs["mixed_precision"]) and device.type == "cuda"
    torch.manual_seed(knobs["seed"])
    generator = torch.Generator()
    generator.manual_seed(knobs["seed"])
    model.to(device)
    x, y = train
    n = len(y)
    size = knobs["batch_size"]
    total = knobs["epochs"] * ((n + size - 1) // size)

    groups = parameter_groups(model, knobs["weight_decay"])
    if knobs["optimizer"] == "sgd":
        m = knobs["momentum"]
        optimizer = torch.optim.SGD(groups, lr=knobs["lr"], momentum=m, nesterov=m > 0)
    elif knobs["optimizer"] == "adam":
        optimizer = torch.optim.Adam(groups, lr=knobs["lr"])
    else:
        optimizer = torch.optim.AdamW(groups, lr=knobs["lr"])
    scaler = torch.amp.GradScaler("cuda", enabled=mixed)

    history = {"loss": [], "accuracy": [], "lr": [], "seconds": [], "best": 0}
    best_weights = None
    step = 0
    for epoch in range(knobs["epochs"]):
        model.train()
        order = torch.randperm(n, generator=generator)
        sum_of_losses = 0.0
        for first in range(0, n, size):
            chosen = order[first : first + size]
            batch_x = x[chosen.to(x.device)].to(device)
            batch_y = y[chosen.to(y.device)].to(device)
            if knobs["augment"] is not None:
                batch_x = knobs["augment"](batch_x, generator)
            if knobs["schedule"] == "step":
                lr = step_decay(step, knobs["lr"], (total + 2) // 3, 0.1)
            elif knobs["schedule"] == "cosine":
                lr = cosine_decay(step, total, knobs["lr"], round(knobs["warmup"] * total))
            else:
                lr = knobs["lr"]
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.zero_grad()
            with torch.autocast(device.type, dtype=torch.float16, enabled=mixed):
                loss = F.cross_entropy(model(batch_x), batch_y, label_smoothing=knobs["label_smoothing"])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            if knobs["max_norm"] is not None:
                with torch.no_grad():
                    for weight in model.parameters():
                        if weight.dim() >= 2:
                            for one in weight:
                                length = one.norm().item()
                                if length > knobs["max_norm"]:
                                    one.mul_(knobs["max_norm"] / length)
            sum_of_losses += loss.item() * len(chosen)
            history["lr"].append(lr)
            step += 1
        history["loss"].append(sum_of_losses / n)

        model.eval()
        right = 0
        valid_x, valid_y = valid
        with torch.no_grad():
            for first in range(0, len(valid_y), 256):
                scores = model(valid_x[first : first + 256].to(device))
                guesses = scores.argmax(dim=1).cpu()
                for guess, label in zip(guesses, valid_y[first : first + 256].cpu()):
                    if guess == label:
                        right += 1
        accuracy = right / len(valid_y)
        history["accuracy"].append(accuracy)
        history["seconds"].append(time.time() - start)
        if best_weights is None or accuracy > history["accuracy"][history["best"]]:
            history["best"] = epoch
            best_weights = {}
            for name, value in model.state_dict().items():
                best_weights[name] = value.cpu().clone()
            if knobs["checkpoint"] is not None:
                torch.save(best_weights, knobs["checkpoint"])
        if knobs["patience"] is not None and epoch - history["best"] >= knobs["patience"]:
            break
        if knobs["seconds"] is not None and time.time() - start >= knobs["seconds"]:
            break
    model.load_state_dict(best_weights)
    model.eval()
    return history


# %% solution="random_search"
def random_search(space, n, rng):
    for name in space:
        what = space[name]
        if isinstance(what, list):
            if len(what) == 0:
                raise ValueError(f"{name}: nothing to choose from")
        elif isinstance(what, tuple):
            if len(what) != 3:
                raise ValueError(f"{name}: {what}")
            kind, a, b = what
            if kind != "uniform" and kind != "log":
                raise ValueError(f"{name}: {kind}")
            if a > b:
                raise ValueError(f"{name}: from {a} to {b}")
            if kind == "log" and a <= 0:
                raise ValueError(f"{name}: no logarithm of {a}")
    recipes = []
    for i in range(n):
        recipe = {}
        for name in space:
            what = space[name]
            if isinstance(what, list):
                recipe[name] = what[int(rng.integers(0, len(what)))]
            elif isinstance(what, tuple):
                kind, a, b = what
                u = float(rng.random())
                if kind == "uniform":
                    recipe[name] = a + u * (b - a)
                else:
                    recipe[name] = float(a) * (b / a) ** u
            else:
                recipe[name] = what
        recipes.append(recipe)
    return recipes


# %% solution="quiz_decay_step"
quiz_decay_step = 16

# %% solution="quiz_forgot_eval"
quiz_forgot_eval = "b"

# %% solution="quiz_penalty_or_decay"
quiz_penalty_or_decay = "c"

# %% solution="quiz_first_weights"
quiz_first_weights = 100
