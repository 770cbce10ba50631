"""Right answers to notebook 5 in other styles: loops, dot products, recursion, PyTorch, data loaders, …"""

import bisect
import copy
import functools
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

STYLES: dict[tuple[str, str], Callable[..., Any]] = {}


def style(exercise: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def collect(function: Callable[..., Any]) -> Callable[..., Any]:
        STYLES[exercise, name] = function
        return function

    return collect


@style("l2_penalty", "a dot product")
def _(w, lam):
    flat = w.ravel()
    return 0.5 * lam * float(flat @ flat), w * lam


@style("l2_penalty", "the squared norm")
def _(w, lam):
    return lam * np.linalg.norm(w) ** 2 / 2, np.multiply(w, lam, dtype=w.dtype)


@style("l2_penalty", "PyTorch's gradient, a list")
def _(w, lam):
    leaf = torch.tensor(w, requires_grad=True)
    value = lam / 2 * leaf.square().sum()
    value.backward()
    return [value.item(), leaf.grad.numpy()]


@style("l2_penalty", "a loop")
def _(w, lam):
    value, gradient = 0.0, np.empty(w.shape, w.dtype)
    for place in np.ndindex(w.shape):
        value += float(w[place]) ** 2
        gradient[place] = lam * w[place]
    return lam * value / 2, gradient


@style("l1_penalty", "np.where twice")
def _(w, lam):
    slope = np.where(w > 0, lam, np.where(w < 0, -lam, 0.0)).astype(w.dtype)
    return lam * float(np.abs(w).sum()), slope


@style("l1_penalty", "comparisons subtracted")
def _(w, lam):
    sign = (w > 0).astype(w.dtype) - (w < 0).astype(w.dtype)
    return lam * np.linalg.norm(w.ravel(), 1), sign * lam


@style("l1_penalty", "the sign times the weights")
def _(w, lam):
    sign = np.sign(w)
    return np.sum(lam * sign * w), lam * sign


@style("l1_penalty", "PyTorch's gradient")
def _(w, lam):
    leaf = torch.tensor(w, requires_grad=True)
    value = lam * leaf.abs().sum()
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.item(), gradient.numpy()


@style("elastic_penalty", "all in one formula")
def _(w, lam1, lam2):
    size = np.abs(w)
    return float((size * (lam1 + lam2 * size)).sum()), lam1 * np.sign(w) + 2 * lam2 * w


@style("elastic_penalty", "the two other exercises")
def _(w, lam1, lam2):
    value, gradient = STYLES["l1_penalty", "np.where twice"](w, lam1)
    more, slope = STYLES["l2_penalty", "a dot product"](w, 2 * lam2)
    return value + more, gradient + slope


@style("elastic_penalty", "PyTorch's gradient")
def _(w, lam1, lam2):
    leaf = torch.tensor(w, requires_grad=True)
    value = lam1 * leaf.norm(1) + lam2 * (leaf * leaf).sum()
    value.backward()
    gradient = np.where(w == 0, 0, leaf.grad.numpy()).astype(w.dtype)
    return value.item(), gradient


@style("max_norm", "row by row")
def _(w, c):
    if c < 0:
        raise ValueError(f"c = {c}")
    new = w.copy()
    for i in range(len(w)):
        length = np.linalg.norm(w[i])
        if length > c:
            new[i] *= c / length
    return new


@style("max_norm", "np.minimum on flat filters")
def _(w, c):
    if not c >= 0:
        raise ValueError(f"{c} is no length")
    flat = w.reshape(len(w), -1)
    length = np.linalg.norm(flat, axis=1)
    scale = np.minimum(1, np.divide(c, length, out=np.ones_like(length), where=length > 0))
    return (flat * scale[:, None]).reshape(w.shape).astype(w.dtype, copy=False)


@style("max_norm", "np.maximum below the fraction, a list of filters")
def _(w, c):
    if c < 0:
        raise ValueError("below 0")
    tiny = np.finfo(w.dtype).tiny
    return np.stack([one * min(1, c / max(math.sqrt((one.astype(float) ** 2).sum()), tiny)) for one in w])


@style("max_norm", "only the long ones")
def _(w, c):
    if c < 0:
        raise ValueError("below 0")
    length = np.sqrt(np.array([np.vdot(one, one) for one in w]))
    new, long = np.array(w), length > c
    new[long] = w[long] * (c / length[long]).reshape(-1, *[1] * (w.ndim - 1))
    return new


@style("sgd_step", "a decayed weight")
def _(w, grad, lr, weight_decay):
    return w * (1 - lr * weight_decay) - lr * grad


@style("sgd_step", "the penalty in the gradient")
def _(w, grad, lr, weight_decay):
    return w - lr * (grad + weight_decay * w)


@style("sgd_step", "in place on a copy")
def _(w, grad, lr, weight_decay):
    new = w.copy()
    new *= 1 - lr * weight_decay
    new -= lr * grad
    return new


@style("sgd_step", "PyTorch")
def _(w, grad, lr, weight_decay):
    leaf = torch.tensor(w)
    leaf.grad = torch.tensor(grad)
    torch.optim.SGD([leaf], lr=lr, weight_decay=weight_decay).step()
    return leaf.numpy()


@style("parameter_groups", "a loop")
def _(model, weight_decay):
    decay, rest = [], []
    for p in model.parameters():
        if not p.requires_grad:
            continue
        (rest if p.dim() <= 1 else decay).append(p)
    return [{"params": decay, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0}]


@style("parameter_groups", "filters and len(shape), a tuple")
def _(model, weight_decay):
    learned = list(filter(lambda p: p.requires_grad, model.parameters()))
    return (
        {"weight_decay": weight_decay, "params": tuple(p for p in learned if len(p.shape) > 1)},
        {"weight_decay": 0.0, "params": tuple(p for p in learned if len(p.shape) < 2)},
    )


@style("parameter_groups", "names, and seen ones remembered")
def _(model, weight_decay):
    seen, groups = set(), {True: [], False: []}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                groups[parameter.ndim > 1].append(parameter)
    return [
        {"params": groups[False], "weight_decay": 0.0},
        {"params": groups[True], "weight_decay": weight_decay},
    ]


@style("parameter_groups", "names beside the parameters")
def _(model, weight_decay):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [(name, p) for name, p in named if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [(name, p) for name, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]


def examine(p):
    if p < 0 or p >= 1:
        raise ValueError(f"p = {p}")


@style("dropout", "kept with the probability 1 - p")
def _(x, p, rng, train):
    examine(p)
    if not train:
        return x.copy(), np.ones(x.shape, x.dtype)
    mask = (rng.random(x.shape) < 1 - p).astype(x.dtype) / x.dtype.type(1 - p)
    return x * mask, mask


@style("dropout", "binomial draws")
def _(x, p, rng, train):
    examine(p)
    mask = rng.binomial(1, 1 - p, x.shape) / (1 - p) if train else np.ones(x.shape)
    mask = mask.astype(x.dtype)
    return np.multiply(mask, x), mask


@style("dropout", "rng.choice between two numbers, a list")
def _(x, p, rng, train):
    examine(p)
    mask = np.full_like(x, 1)
    if train:
        mask = rng.choice(np.array([0, 1 / (1 - p)], x.dtype), size=x.shape, p=[p, 1 - p])
    return [mask * x, mask]


@style("dropout", "number by number")
def _(x, p, rng, train):
    examine(p)
    y, mask = x.copy(), np.ones_like(x)
    if train:
        for place in np.ndindex(x.shape):
            mask[place] = 0 if rng.uniform() < p else 1 / (1 - p)
            y[place] = x[place] * mask[place]
    return y, mask


@style("dropout", "where of a shifted coin")
def _(x, p, rng, train):
    examine(p)
    keep = np.floor(rng.random(x.shape) + (1 - p)) > 0 if train else np.ones(x.shape, bool)
    factor = x.dtype.type(1 / (1 - p) if train else 1)
    return np.where(keep, x * factor, 0).astype(x.dtype), keep * factor


@style("dropout_backward", "np.multiply")
def _(dy, mask):
    return np.multiply(mask, dy)


@style("dropout_backward", "chosen places")
def _(dy, mask):
    dx = np.zeros_like(dy)
    kept = mask != 0
    dx[kept] = dy[kept] * mask[kept]
    return dx


@style("dropout_backward", "np.where")
def _(dy, mask):
    return np.where(mask > 0, mask * dy, 0).astype(dy.dtype)


@style("dropout_backward", "einsum")
def _(dy, mask):
    return np.einsum("...,...->...", dy, mask)


@style("Dropout", "F.dropout")
class _(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        examine(p)
        self.p = p

    def forward(self, x):
        return F.dropout(x, p=self.p, training=self.training)


@style("Dropout", "Bernoulli draws")
class _(nn.Module):
    def __init__(self, p=0.5):
        examine(p)
        super().__init__()
        self.keep = 1.0 - p

    def forward(self, x):
        if self.training:
            return x * torch.bernoulli(torch.full_like(x, self.keep)) / self.keep
        return x


@style("Dropout", "masked_fill")
class _(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        examine(p)
        self.p = float(p)

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        dropped = torch.rand(x.shape, device=x.device, dtype=x.dtype) < self.p
        return (x / (1 - self.p)).masked_fill(dropped, 0.0)


@style("Dropout", "an empty tensor filled, torch.where")
class _(nn.Module):
    def __init__(self, p: float = 0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(p)
        self.register_buffer("factor", torch.tensor(1 / (1 - p), dtype=torch.float64), persistent=False)
        self.p = p

    def forward(self, x):
        if self.training:
            coin = x.new_empty(x.shape).uniform_()
            return torch.where(coin >= self.p, x * self.factor.to(x.dtype), torch.zeros_like(x))
        return x.clone()


@style("Dropout", "nn.Dropout inside")
class _(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        examine(p)
        self.inside = nn.Dropout(p)

    def forward(self, x):
        return self.inside(x)


@style("geometric_ensemble", "all masks at once")
def _(w, b, x, p):
    masks = np.array(list(itertools.product([0, 1], repeat=len(x))), dtype=float)
    scores = (masks * x) @ w.T + b
    log_probabilities = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    weights = np.prod(np.where(masks == 1, 1 - p, p), axis=1)
    mean = weights @ log_probabilities
    return np.exp(mean - np.logaddexp.reduce(mean))


@style("geometric_ensemble", "recursion over the inputs")
def _(w, b, x, p):
    def mean_log(scores, left):
        if left == 0:
            return scores - scores.max() - math.log(np.exp(scores - scores.max()).sum())
        column = w[:, left - 1] * x[left - 1]
        return (1 - p) * mean_log(scores + column, left - 1) + p * mean_log(scores, left - 1)

    logs = mean_log(np.asarray(b, float), len(x))
    odds = np.exp(logs - logs.max())
    return odds / odds.sum()


@style("geometric_ensemble", "subsets, PyTorch's log-softmax")
def _(w, b, x, p):
    w, b, x = (torch.tensor(value, dtype=torch.float64) for value in (w, b, x))
    n, total = len(x), torch.zeros(len(b), dtype=torch.float64)
    for k in range(n + 1):
        for kept in itertools.combinations(range(n), k):
            index = torch.tensor(kept, dtype=torch.long)
            member = torch.log_softmax(w[:, index] @ x[index] + b, dim=0)
            total += member * ((1 - p) ** k * p ** (n - k))
    return total.softmax(0).numpy()


@style("sgd", "one line")
def _(w, grad, state, lr):
    return w - lr * grad, state


@style("sgd", "on a copy")
def _(w, grad, state, lr):
    new = np.array(w)
    np.subtract(new, lr * grad, out=new)
    return [new, None]


@style("sgd", "PyTorch, steps counted")
def _(w, grad, state, lr):
    leaf = torch.tensor(w)
    leaf.grad = torch.tensor(grad)
    torch.optim.SGD([leaf], lr=lr).step()
    return leaf.numpy(), (state or 0) + 1


@style("momentum", "a dictionary")
def _(w, grad, state, lr, beta=0.9):
    velocity = grad.copy() if state is None else beta * state["velocity"] + grad
    return w - lr * velocity, {"velocity": velocity}


@style("momentum", "begins with zeros")
def _(w, grad, state, lr, beta=0.9):
    if state is None:
        state = np.zeros_like(w)
    state = state * beta
    state = state + grad
    return (w - lr * state).astype(w.dtype), state


@style("momentum", "all gradients remembered")
def _(w, grad, state, lr, beta=0.9):
    seen = [*([] if state is None else state), grad.copy()]
    velocity = functools.reduce(lambda v, g: beta * v + g, seen, np.zeros_like(w))
    return w - lr * velocity, seen


@style("momentum", "a damped mean, enlarged again")
def _(w, grad, state, lr, beta=0.9):
    keep = 1 - beta
    mean = keep * grad if state is None else beta * state + keep * grad
    return (w - lr / keep * mean).astype(w.dtype), mean


@style("nesterov", "a tuple")
def _(w, grad, state, lr, beta=0.9):
    (velocity,) = (np.zeros_like(w),) if state is None else state
    velocity = beta * velocity + grad
    return w - lr * beta * velocity - lr * grad, (velocity,)


@style("nesterov", "a dictionary, in place on copies")
def _(w, grad, state, lr, beta=0.9):
    velocity = np.zeros_like(w) if state is None else state["v"].copy()
    velocity *= beta
    velocity += grad
    step = velocity.copy()
    step *= beta
    step += grad
    return w - lr * step, {"v": velocity}


@style("nesterov", "two steps of momentum")
def _(w, grad, state, lr, beta=0.9):
    velocity = grad + (0 if state is None else beta * state)
    ahead = grad + beta * velocity
    return (w - lr * ahead).astype(w.dtype), velocity


@style("adam", "a dictionary")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    old = state or {"m": np.zeros(w.shape, w.dtype), "v": np.zeros(w.shape, w.dtype), "t": 0}
    t = old["t"] + 1
    m = beta1 * old["m"] + (1 - beta1) * grad
    v = beta2 * old["v"] + (1 - beta2) * np.square(grad)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), {"m": m, "v": v, "t": t}


@style("adam", "the corrections in the step size")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = [0, 0.0, 0.0] if state is None else state
    t += 1
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    root = math.sqrt(1 - beta2**t)
    step = lr * root / (1 - beta1**t)
    return (w - step * m / (np.sqrt(v) + eps * root)).astype(w.dtype), [t, m, v]


@style("adam", "powers of the betas in the state")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    if state is None:
        state = (np.zeros_like(w), np.zeros_like(w), 1.0, 1.0)
    m, v, power1, power2 = (copy.copy(part) for part in state)
    power1, power2 = power1 * beta1, power2 * beta2
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad**2
    step = (m / (1 - power1)) / ((v / (1 - power2)) ** 0.5 + eps)
    return w - lr * step, (m, v, power1, power2)


@style("adamw", "decay first")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, state = STYLES["adam", "a dictionary"](w, grad, state, lr, beta1, beta2, eps)
    return new - lr * weight_decay * w, state


@style("adamw", "weights shrunk, then stepped")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    adam = STYLES["adam", "the corrections in the step size"]
    return adam(w * (1 - lr * weight_decay), grad, state, lr, beta1, beta2, eps)


@style("adamw", "written out")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    t = 1 if state is None else state["t"] + 1
    m = (1 - beta1) * grad + (0 if t == 1 else beta1 * state["m"])
    v = (1 - beta2) * grad**2 + (0 if t == 1 else beta2 * state["v"])
    change = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps) + weight_decay * w
    return (w - lr * change).astype(w.dtype), {"t": t, "m": m, "v": v}


@style("step_decay", "a loop")
def _(step, lr, every, factor):
    for _border in range(every, step + 1, every):
        lr = lr * factor
    return lr


@style("step_decay", "math.floor and pow")
def _(step, lr, every, factor):
    return lr * math.pow(factor, math.floor(step / every))


@style("step_decay", "divmod")
def _(step, lr, every, factor):
    times, _ = divmod(step, every)
    return lr * factor**times


@style("step_decay", "borders counted")
def _(step, lr, every, factor):
    borders = list(range(every, step + every + 1, every))
    return np.float64(lr) * factor ** bisect.bisect_right(borders, step)


@style("cosine_decay", "np.cos, one half taken inside")
def _(step, total, lr, warmup=0):
    if warmup < 0 or warmup >= total:
        raise ValueError(f"warmup {warmup} of {total}")
    if step < warmup:
        return (step + 1) / warmup * lr
    progress = (step - warmup) / (total - warmup)
    return lr * 0.5 * (1.0 + np.cos(np.pi * progress))


@style("cosine_decay", "the square of a cosine")
def _(step, total, lr, warmup=0):
    if not 0 <= warmup <= total - 1:
        raise ValueError("the warm-up does not fit")
    rest, done = total - warmup, step - warmup
    return lr * math.cos(math.pi / 2 * done / rest) ** 2 if done >= 0 else lr * (step + 1) / warmup


@style("cosine_decay", "PyTorch, in float32")
def _(step, total, lr, warmup=0):
    if not 0 <= warmup < total:
        raise ValueError("the warm-up does not fit")
    if step < warmup:
        return lr * (step + 1) / warmup
    way = torch.tensor(torch.pi * (step - warmup) / (total - warmup), dtype=torch.float32)
    return (lr / 2 * (1 + torch.cos(way))).item()


@style("cosine_decay", "a table")
def _(step, total, lr, warmup=0):
    if warmup not in range(total):
        raise ValueError("the warm-up does not fit")
    rise = np.linspace(0, lr, warmup + 1)[1:]
    fall = lr * (1 + np.cos(np.linspace(0, np.pi, total - warmup, endpoint=False))) / 2
    return np.concatenate([rise, fall])[step]


@style("init_weights", "standard normal draws, scaled")
def _(shape, scheme, rng):
    receptive = int(np.prod(shape[2:]))
    fan_in, fan_out = shape[1] * receptive, shape[0] * receptive
    if scheme == "small":
        std = 0.01
    elif scheme == "xavier":
        std = np.sqrt(2.0 / (fan_in + fan_out))
    elif scheme == "he":
        std = np.sqrt(2.0 / fan_in)
    else:
        raise ValueError(scheme)
    return rng.standard_normal(shape) * std


@style("init_weights", "float32, an empty array for the fans")
def _(shape, scheme, rng):
    fan_in = np.empty(shape, bool)[0].size
    fan_out = np.empty(shape, bool)[:, 0].size
    match scheme:
        case "small":
            variance = 1e-4
        case "xavier":
            variance = 1 / ((fan_in + fan_out) / 2)
        case "he":
            variance = 2 / fan_in
        case _:
            raise ValueError(f"no scheme {scheme}")
    return (variance**0.5 * rng.standard_normal(shape)).astype(np.float32)


@style("init_weights", "filter by filter")
def _(shape, scheme, rng):
    if scheme not in ("small", "xavier", "he"):
        raise ValueError(f"unknown: {scheme}")
    reads = math.prod(shape[1:])
    read = shape[0] * math.prod(shape[2:])
    std = {"small": 0.01, "xavier": (2 / (reads + read)) ** 0.5, "he": (2 / reads) ** 0.5}[scheme]
    return np.array([rng.normal(0.0, std, size=shape[1:]) for _ in range(shape[0])])


@style("init_weights", "Box and Muller's way")
def _(shape, scheme, rng):
    area = math.prod(shape[2:])
    variances = {"small": 1e-4, "xavier": 2 / (area * sum(shape[:2])), "he": 2 / (area * shape[1])}
    try:
        std = math.sqrt(variances[scheme])
    except KeyError:
        raise ValueError(f"no {scheme}") from None
    radius, angle = np.sqrt(-2 * np.log(1 - rng.random(shape))), 2 * np.pi * rng.random(shape)
    return std * radius * np.cos(angle)


DEFAULTS = {
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


def settings(recipe):
    for name in recipe:
        if name not in DEFAULTS:
            raise ValueError(f"no knob {name}")
    return {**DEFAULTS, **recipe}


def rates_of(knobs, total):
    lr, third = knobs["lr"], math.ceil(total / 3)
    if knobs["schedule"] == "constant":
        return [lr] * total
    if knobs["schedule"] == "step":
        return [lr * 0.1 ** (step // third) for step in range(total)]
    if knobs["schedule"] == "cosine":
        cosine = STYLES["cosine_decay", "the square of a cosine"]
        return [cosine(step, total, lr, round(knobs["warmup"] * total)) for step in range(total)]
    raise ValueError(f"no schedule {knobs['schedule']}")


def optimizer_for(model, knobs):
    groups = STYLES["parameter_groups", "a loop"](model, knobs["weight_decay"])
    match knobs["optimizer"]:
        case "sgd":
            beta = knobs["momentum"]
            return torch.optim.SGD(groups, lr=knobs["lr"], momentum=beta, nesterov=beta != 0)
        case "adam":
            return torch.optim.Adam(groups, lr=knobs["lr"])
        case "adamw":
            return torch.optim.AdamW(groups, lr=knobs["lr"])
    raise ValueError(f"no optimizer {knobs['optimizer']}")


@style("fit", "data loaders, deepcopy of the state")
def _(model, train, valid, recipe, device="cpu"):
    knobs = settings(recipe)
    torch.manual_seed(knobs["seed"])
    shuffled = torch.Generator().manual_seed(knobs["seed"])
    draws = torch.Generator().manual_seed(knobs["seed"] + 1)
    loader = DataLoader(TensorDataset(*train), knobs["batch_size"], shuffle=True, generator=shuffled)
    checker = DataLoader(TensorDataset(*valid), 100)
    model = model.to(device)
    optimizer = optimizer_for(model, knobs)
    rates = rates_of(knobs, knobs["epochs"] * len(loader))
    history = {"loss": [], "accuracy": [], "lr": [], "seconds": [], "best": 0}
    criterion = nn.CrossEntropyLoss(label_smoothing=knobs["label_smoothing"])
    kind = torch.device(device).type
    half = torch.autocast(kind, dtype=torch.bfloat16, enabled=knobs["mixed_precision"] and kind == "cuda")
    started, best_accuracy, best_state, waited = time.monotonic(), -1.0, None, 0
    for epoch in range(knobs["epochs"]):
        model.train()
        running = 0.0
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            if knobs["augment"]:
                x = knobs["augment"](x, draws)
            for group in optimizer.param_groups:
                group["lr"] = rates[len(history["lr"])]
            history["lr"].append(optimizer.param_groups[0]["lr"])
            optimizer.zero_grad()
            with half:
                loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(x)
            if knobs["max_norm"]:
                shorten(model, knobs["max_norm"])
        model.eval()
        with torch.inference_mode():
            right = [(model(x.to(device)).argmax(-1).cpu() == y.cpu()).sum().item() for x, y in checker]
        accuracy = sum(right) / len(valid[1])
        history["loss"].append(running / len(train[1]))
        history["accuracy"].append(accuracy)
        history["seconds"].append(time.monotonic() - started)
        if accuracy > best_accuracy:
            best_accuracy, best_state, waited = accuracy, copy.deepcopy(model.state_dict()), 0
            history["best"] = epoch
            if knobs["checkpoint"]:
                torch.save({name: value.cpu() for name, value in best_state.items()}, knobs["checkpoint"])
        else:
            waited += 1
            if knobs["patience"] is not None and waited >= knobs["patience"]:
                break
        if knobs["seconds"] is not None and time.monotonic() - started >= knobs["seconds"]:
            break
    model.load_state_dict(best_state)
    return history


@torch.no_grad()
def shorten(model, c):
    for weight in model.parameters():
        if weight.dim() >= 2:
            length = weight.flatten(1).norm(dim=1)
            factor = torch.where(length > c, c / length, torch.ones_like(length))
            weight *= factor.view(-1, *[1] * (weight.dim() - 1))


@style("fit", "LambdaLR, a list of batches, the best model copied")
def _(model, train, valid, recipe, device="cpu"):
    knobs = settings(recipe)
    (x, y), (vx, vy) = [[part.to(device) for part in pair] for pair in (train, valid)]
    model.to(device)
    n, size = len(y), knobs["batch_size"]
    total = knobs["epochs"] * -(-n // size)
    rates = rates_of(knobs, total)
    optimizer = optimizer_for(model, knobs)
    factor = [rate / knobs["lr"] for rate in rates] + [0.0]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor[step])
    torch.manual_seed(knobs["seed"])
    losses_of_epochs, accuracies, used, clock, bests = [], [], [], [], []
    on_gpu = next(model.parameters()).is_cuda and knobs["mixed_precision"]
    scaler = torch.amp.GradScaler("cuda", enabled=on_gpu)
    begin = time.perf_counter()
    while len(clock) < knobs["epochs"]:
        model.train()
        order, losses = torch.randperm(n), []
        for chosen in [order[k : k + size] for k in range(0, n, size)]:
            now = x[chosen]
            if knobs["augment"] is not None:
                now = knobs["augment"](now, torch.default_generator)
            with torch.autocast("cuda", enabled=on_gpu):
                scores = model(now)
            each = F.cross_entropy(
                scores, y[chosen], reduction="none", label_smoothing=knobs["label_smoothing"]
            )
            used.append(scheduler.get_last_lr()[0])
            model.zero_grad(set_to_none=True)
            scaler.scale(each.mean()).backward()
            scaler.step(optimizer)
            scaler.update()
            scheduler.step()
            if knobs["max_norm"] is not None:
                for weight in model.parameters():
                    if weight.ndim > 1:
                        weight.data = torch.renorm(weight.data, p=2, dim=0, maxnorm=knobs["max_norm"])
            losses.extend(each.tolist())
        model.eval()
        with torch.no_grad():
            hits = (model(vx).argmax(1) == vy).float()
        losses_of_epochs.append(sum(losses) / len(losses))
        accuracies.append(hits.mean().item())
        clock.append(time.perf_counter() - begin)
        best = accuracies.index(max(accuracies))
        bests.append(copy.deepcopy(model.state_dict()))
        if knobs["checkpoint"] is not None:
            torch.save({name: value.to("cpu") for name, value in bests[best].items()}, knobs["checkpoint"])
        if knobs["patience"] is not None and len(accuracies) - 1 - best >= knobs["patience"]:
            break
        if knobs["seconds"] is not None and clock[-1] >= knobs["seconds"]:
            break
    model.load_state_dict(bests[best])
    return {"loss": losses_of_epochs, "accuracy": accuracies, "best": best, "lr": used, "seconds": clock}


@style("fit", "NumPy's order, a class, an array for the history")
def _(model, train, valid, recipe, device="cpu"):
    return Trainer(model, settings(recipe), torch.device(device)).run(train, valid)


class Trainer:
    def __init__(self, model, knobs, device):
        self.model, self.knobs, self.device = model.to(device), knobs, device
        self.optimizer = optimizer_for(model, knobs)
        self.rng = np.random.default_rng(knobs["seed"])
        self.best, self.kept = (-1, -math.inf), {}

    def batches(self, x, y):
        for part in np.array_split(
            order := self.rng.permutation(len(y)),
            range(self.knobs["batch_size"], len(order), self.knobs["batch_size"]),
        ):
            index = torch.from_numpy(part)
            yield x[index.to(x.device)].to(self.device), y[index.to(y.device)].to(self.device)

    def learn(self, x, y, rate, draws):
        for group in self.optimizer.param_groups:
            group.update(lr=rate)
        self.optimizer.zero_grad(set_to_none=False)
        if callable(self.knobs["augment"]):
            x = self.knobs["augment"](x, draws)
        smoothing, scores = self.knobs["label_smoothing"], self.scores(x)
        logs = scores.log_softmax(dim=1)
        nll = -logs.gather(1, y[:, None]).mean()
        loss = (1 - smoothing) * nll - smoothing * logs.mean()
        loss.backward()
        self.optimizer.step()
        if self.knobs["max_norm"] is not None:
            shorten(self.model, self.knobs["max_norm"])
        return float(loss.detach()) * len(y)

    def scores(self, x):
        if not (x.is_cuda and self.knobs["mixed_precision"]):
            return self.model(x)
        with torch.autocast(device_type="cuda", dtype=torch.bfloat16):
            return self.model(x)

    def look(self, valid):
        self.model.train(False)
        with torch.set_grad_enabled(False):
            answers = [self.model(part.to(self.device)).argmax(dim=1).cpu() for part in valid[0].split(4)]
        return int((torch.cat(answers) == valid[1].cpu()).sum()) / len(valid[1])

    def run(self, train, valid):
        knobs, n = self.knobs, len(train[1])
        rates = iter(rates_of(knobs, knobs["epochs"] * math.ceil(n / knobs["batch_size"])))
        torch.manual_seed(knobs["seed"])
        draws = torch.Generator().manual_seed(knobs["seed"])
        used, losses, accuracies, seconds = [], [], [], []
        start = time.perf_counter()
        for epoch in range(knobs["epochs"]):
            self.model.train()
            total = 0.0
            for x, y in self.batches(*train):
                used.append(next(rates))
                total += self.learn(x, y, used[-1], draws)
            losses.append(total / n)
            accuracies.append(self.look(valid))
            if accuracies[-1] > self.best[1]:
                self.best = (epoch, accuracies[-1])
                self.kept = {k: v.clone() for k, v in self.model.state_dict().items()}
                if knobs["checkpoint"]:
                    torch.save({k: v.cpu() for k, v in self.kept.items()}, knobs["checkpoint"])
            seconds.append(time.perf_counter() - start)
            tired = knobs["patience"] is not None and epoch >= self.best[0] + knobs["patience"]
            late = knobs["seconds"] is not None and seconds[-1] >= knobs["seconds"]
            if tired or late:
                break
        self.model.load_state_dict(self.kept)
        history = {"loss": losses, "accuracy": accuracies, "lr": used, "seconds": seconds}
        return {name: np.array(values) for name, values in history.items()} | {"best": self.best[0]}


def looked_at(space):
    for name, choices in space.items():
        if isinstance(choices, list) and len(choices) == 0:
            raise ValueError(f"{name} has no entries")
        if isinstance(choices, tuple):
            if choices[0] not in ("uniform", "log") or len(choices) != 3:
                raise ValueError(f"{name}: {choices}")
            _, low, high = choices
            if high < low or (choices[0] == "log" and low <= 0):
                raise ValueError(f"{name}: from {low} to {high}")


@style("random_search", "loops, powers of the quotient")
def _(space, n, rng):
    looked_at(space)
    recipes = []
    for _number in range(n):
        recipe = {}
        for name, choices in space.items():
            if type(choices) is list:
                recipe[name] = choices[int(rng.random() * len(choices))]
            elif type(choices) is tuple and choices[0] == "uniform":
                recipe[name] = choices[1] + (choices[2] - choices[1]) * float(rng.random())
            elif type(choices) is tuple:
                _, low, high = choices
                recipe[name] = low * (high / low) ** float(rng.random())
            else:
                recipe[name] = choices
        recipes.append(recipe)
    return recipes


@style("random_search", "knob by knob, arrays")
def _(space, n, rng):
    looked_at(space)
    columns = {}
    for name, choices in space.items():
        if isinstance(choices, list):
            columns[name] = [choices[index] for index in rng.integers(0, len(choices), n)]
        elif isinstance(choices, tuple):
            kind, low, high = choices
            if kind == "log":
                columns[name] = np.exp(rng.uniform(np.log(low), np.log(high), n))
            else:
                columns[name] = rng.uniform(low, high, n)
        else:
            columns[name] = itertools.repeat(choices, n)
    rows = zip(*columns.values(), strict=True) if columns else ((),) * n
    return [dict(zip(columns, row, strict=True)) for row in rows]


@style("random_search", "match, base ten, a shuffled index")
def _(space, n, rng):
    looked_at(space)

    def draw(choices):
        match choices:
            case list():
                return choices[rng.permutation(len(choices))[0]]
            case ("log", low, high):
                return float(10 ** rng.uniform(math.log10(low), math.log10(high)))
            case ("uniform", low, high):
                return float(rng.uniform(low, high))
        return choices

    return [{name: draw(space[name]) for name in space} for _ in range(n)]


@style("Dropout", "coins with the device as a context")
class _(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        examine(p)
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        with torch.device(x.device):
            coins = torch.rand(*x.shape)
        return x * coins.ge(self.p).to(x) / (1 - self.p)
