"""Wrong answers to the exercises of notebook 5 that real students write, each with a good teacher's hint.

Most are a right answer with one mistake put in, so that the mistake shows at a glance. Instructors only.
"""

import itertools
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Misconceptions

wrong = Misconceptions()


def need(condition, words):
    if not condition:
        raise ValueError(words)


def like(w, *values):
    """Numbers and arrays in the dtype of w."""
    return tuple(float(v) if np.ndim(v) == 0 else np.asarray(v).astype(w.dtype) for v in values)


@wrong(
    "l2_penalty", "one-half forgotten", "The one-half is missing, in the value and so in the gradient, too."
)
def _(w, lam):
    return like(w, lam * (w**2).sum(), 2 * lam * w)


@wrong(
    "l2_penalty",
    "one-half forgotten in the value",
    "The gradient is right, but the value lacks its one-half: it is there to cancel the 2 of the derivative.",
)
def _(w, lam):
    return like(w, lam * (w**2).sum(), lam * w)


@wrong(
    "l2_penalty",
    "gradient doubled",
    "The value is right, but the gradient is twice as large: the 2 of the derivative cancels the one-half.",
)
def _(w, lam):
    return like(w, lam / 2 * (w**2).sum(), 2 * lam * w)


@wrong(
    "l2_penalty", "gradient halved", "The gradient has a one-half left over: where does the 2 of w ** 2 go?"
)
def _(w, lam):
    return like(w, lam / 2 * (w**2).sum(), lam / 2 * w)


@wrong(
    "l2_penalty",
    "norm not squared",
    "You take the root of the sum of squares. The penalty has the square of the norm: no root.",
)
def _(w, lam):
    return like(w, lam / 2 * np.sqrt((w**2).sum()), lam * w)


@wrong("l2_penalty", "mean instead of sum", "You average over the weights. The penalty is a sum.")
def _(w, lam):
    return like(w, lam / 2 * (w**2).mean(), lam * w / w.size)


@wrong("l2_penalty", "mean in the value", "The value is an average over the weights. The penalty is a sum.")
def _(w, lam):
    return like(w, lam / 2 * (w**2).mean(), lam * w)


@wrong("l2_penalty", "strength forgotten in the gradient", "The gradient has no lam: it is lam times w.")
def _(w, lam):
    return like(w, lam / 2 * (w**2).sum(), w)


@wrong("l2_penalty", "strength forgotten", "The strength lam is missing, in the value and in the gradient.")
def _(w, lam):
    return like(w, (w**2).sum() / 2, w)


@wrong("l2_penalty", "absolute values", "These are absolute values: the L1 penalty. Square the weights here.")
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * np.sign(w))


@wrong("l2_penalty", "gradient uphill turned", "The gradient has the wrong sign: the penalty grows with w.")
def _(w, lam):
    return like(w, lam / 2 * (w**2).sum(), -lam * w)


@wrong("l2_penalty", "value only", "You return the value alone. A tuple of value and gradient is asked for.")
def _(w, lam):
    return float(lam / 2 * (w**2).sum())


@wrong("l2_penalty", "value for each weight", "The value is not summed up: it should be one number.")
def _(w, lam):
    return lam / 2 * w**2, like(w, lam * w)[0]


@wrong(
    "l2_penalty",
    "weights modified in place",
    "Your code changes w itself (`w *= lam`). Make a new array for the gradient.",
)
def _(w, lam):
    value = float(lam / 2 * (w**2).sum())
    w *= w.dtype.type(lam)
    return value, w


@wrong(
    "l1_penalty",
    "slope of 1 at 0",
    "Where a weight is 0 your slope is lam (w >= 0?). At the kink it counts as 0.",
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * np.where(w >= 0, 1.0, -1.0))


@wrong(
    "l1_penalty",
    "slope of -1 at 0",
    "Where a weight is 0 your slope is -lam (w > 0?). At the kink it counts as 0.",
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * np.where(w > 0, 1.0, -1.0))


@wrong(
    "l1_penalty",
    "divided by the absolute value",
    "w / |w| is not a number where w is 0. There the slope counts as 0.",
)
def _(w, lam):
    with np.errstate(all="ignore"):
        return like(w, lam * np.abs(w).sum(), lam * w / np.abs(w))


@wrong(
    "l1_penalty",
    "divided by almost the absolute value",
    "w / (|w| + a little) is nearly the sign, but not for small weights. Take the sign itself.",
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * w / (np.abs(w) + 1e-8))


@wrong(
    "l1_penalty",
    "no absolute values",
    "You sum the weights with their signs. Take the absolute values first.",
)
def _(w, lam):
    return like(w, lam * w.sum(), lam * np.ones_like(w))


@wrong(
    "l1_penalty",
    "absolute value of the sum",
    "You take the absolute value of the sum. Sum the absolute values.",
)
def _(w, lam):
    return like(w, lam * abs(w.sum()), lam * np.sign(w))


@wrong(
    "l1_penalty",
    "slope of the square",
    "The gradient is that of a square, lam * w. |w| has the slope 1 or -1.",
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * w)


@wrong(
    "l1_penalty",
    "absolute value as the slope",
    "You return lam * |w| as the gradient. The slope is lam * sign(w).",
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * np.abs(w))


@wrong(
    "l1_penalty", "slope of 1 everywhere", "Your slope is lam everywhere. On the left of 0, |w| falls: -lam."
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), lam * np.ones_like(w))


@wrong("l1_penalty", "halved", "There is a one-half too many. Only the L2 penalty has one.")
def _(w, lam):
    return like(w, lam / 2 * np.abs(w).sum(), lam / 2 * np.sign(w))


@wrong("l1_penalty", "squares", "These are squares: the L2 penalty. Take absolute values here.")
def _(w, lam):
    return like(w, lam / 2 * (w**2).sum(), lam * w)


@wrong("l1_penalty", "mean instead of sum", "You average over the weights. The penalty is a sum.")
def _(w, lam):
    return like(w, lam * np.abs(w).mean(), lam * np.sign(w) / w.size)


@wrong("l1_penalty", "mean in the value", "The value is an average over the weights. The penalty is a sum.")
def _(w, lam):
    return like(w, lam * np.abs(w).mean(), lam * np.sign(w))


@wrong(
    "l1_penalty", "strength forgotten in the gradient", "The gradient has no lam: it is lam times the sign."
)
def _(w, lam):
    return like(w, lam * np.abs(w).sum(), np.sign(w))


@wrong("l1_penalty", "value only", "You return the value alone. A tuple of value and gradient is asked for.")
def _(w, lam):
    return float(lam * np.abs(w).sum())


def elastic(w, lam1, lam2, square=1.0, pull=2.0, slope=np.sign):
    """The right answer, or nearly."""
    value = lam1 * np.abs(w).sum() + square * lam2 * (w**2).sum()
    return like(w, value, lam1 * slope(w) + pull * lam2 * w)


@wrong(
    "elastic_penalty",
    "one-half of the L2 penalty",
    "The squares have a one-half here, as in l2_penalty. The lecture writes this sum without it.",
)
def _(w, lam1, lam2):
    return elastic(w, lam1, lam2, square=0.5, pull=1.0)


@wrong(
    "elastic_penalty",
    "one-half in the gradient only",
    "The value is right, but its gradient is not: without a one-half, lam2 * w ** 2 has the slope 2 * "
    "lam2 * w.",
)
def _(w, lam1, lam2):
    return elastic(w, lam1, lam2, pull=1.0)


@wrong(
    "elastic_penalty",
    "one-half in the value only",
    "The gradient is right, but the value has a one-half too many.",
)
def _(w, lam1, lam2):
    return elastic(w, lam1, lam2, square=0.5)


@wrong("elastic_penalty", "strengths exchanged", "lam1 belongs to the absolute values, lam2 to the squares.")
def _(w, lam1, lam2):
    return elastic(w, lam2, lam1)


@wrong(
    "elastic_penalty",
    "one strength for both",
    "lam1 is used twice. The squares have a strength of their own, lam2.",
)
def _(w, lam1, lam2):
    return elastic(w, lam1, lam1)


@wrong(
    "elastic_penalty", "absolute values only", "The squares are missing: lam2 * sum of w ** 2 comes on top."
)
def _(w, lam1, lam2):
    return elastic(w, lam1, 0.0)


@wrong("elastic_penalty", "squares only", "The absolute values are missing: lam1 * sum of |w| comes on top.")
def _(w, lam1, lam2):
    return elastic(w, 0.0, lam2)


@wrong(
    "elastic_penalty",
    "a share and the rest",
    "You mix with lam2 and 1 - lam2. Here both strengths stand on their own.",
)
def _(w, lam1, lam2):
    return elastic(w, lam1 * lam2, lam1 * (1 - lam2))


@wrong(
    "elastic_penalty",
    "slope of 1 at 0",
    "Where a weight is 0 your slope is lam1. At the kink it counts as 0.",
)
def _(w, lam1, lam2):
    return elastic(w, lam1, lam2, slope=lambda w: np.where(w >= 0, 1.0, -1.0))


@wrong(
    "elastic_penalty",
    "divided by the absolute value",
    "w / |w| is not a number where w is 0. There it counts as 0.",
)
def _(w, lam1, lam2):
    with np.errstate(all="ignore"):
        return elastic(w, lam1, lam2, slope=lambda w: w / np.abs(w))


@wrong(
    "elastic_penalty",
    "norm not squared",
    "You take the root of the sum of squares. It should be the squared norm.",
)
def _(w, lam1, lam2):
    value, gradient = elastic(w, lam1, lam2)
    return value + float(lam2 * (np.sqrt((w**2).sum()) - (w**2).sum())), gradient


@wrong(
    "elastic_penalty", "value only", "You return the value alone. A tuple of value and gradient is asked for."
)
def _(w, lam1, lam2):
    return elastic(w, lam1, lam2)[0]


def lengths(w, axes=None):
    """(C_out, 1, ...): the length of each filter, or along other axes."""
    axes = tuple(range(1, w.ndim)) if axes is None else axes
    return np.sqrt((w**2).sum(axis=axes, keepdims=True))


def shortened(w, c, length, new=None):
    """The right answer, for some length."""
    need(c >= 0, "a negative bound")
    new = c if new is None else new
    factor = np.where(length > c, new / np.where(length > 0, length, 1), 1)
    return (w * factor).astype(w.dtype)


@wrong(
    "max_norm",
    "one length for the whole tensor",
    "You measure the length of all filters together. Each filter w[i] has a length of its own.",
)
def _(w, c):
    return shortened(w, c, lengths(w, tuple(range(w.ndim))))


@wrong(
    "max_norm",
    "short filters made longer",
    "Every filter gets the length c, short ones are blown up. Leave those alone that are short enough.",
)
def _(w, c):
    need(c >= 0, "a negative bound")
    length = lengths(w)
    return (w * np.where(length > 0, c / np.where(length > 0, length, 1), 1)).astype(w.dtype)


@wrong("max_norm", "filters of zeros become NaN", "A filter of zeros is divided by its length, which is 0.")
def _(w, c):
    need(c >= 0, "a negative bound")
    with np.errstate(all="ignore"):
        return (w / lengths(w) * np.minimum(lengths(w), c)).astype(w.dtype)


@wrong(
    "max_norm",
    "along the wrong axis",
    "You measure along the first axis. w[i] is one filter: measure along all others.",
)
def _(w, c):
    return shortened(w, c, lengths(w, (0,)))


@wrong(
    "max_norm",
    "each channel on its own",
    "You shorten each channel of a filter on its own. A filter is all that one output reads with: w[i].",
)
def _(w, c):
    return shortened(w, c, lengths(w, tuple(range(2, w.ndim)) if w.ndim > 2 else None))


@wrong(
    "max_norm", "rows of the kernel", "You measure along the last axis only. w[i] has more axes than that."
)
def _(w, c):
    return shortened(w, c, lengths(w, (-1,)))


@wrong(
    "max_norm",
    "numbers clipped",
    "You clip each number at c. The length of a filter is the root of its sum of squares.",
)
def _(w, c):
    need(c >= 0, "a negative bound")
    return np.clip(w, -c, c).astype(w.dtype)


@wrong("max_norm", "no root", "You compare the sum of squares with c. The length is its root.")
def _(w, c):
    return shortened(w, c, lengths(w) ** 2)


@wrong(
    "max_norm",
    "sum of absolute values",
    "Your length is the sum of absolute values. Take the root of the squares' sum.",
)
def _(w, c):
    return shortened(w, c, np.abs(w).sum(axis=tuple(range(1, w.ndim)), keepdims=True))


@wrong(
    "max_norm",
    "largest number",
    "You look at the largest number of a filter. Its length is the root of the sum of squares.",
)
def _(w, c):
    return shortened(w, c, np.abs(w).max(axis=tuple(range(1, w.ndim)), keepdims=True))


@wrong("max_norm", "length of 1", "Filters that are too long get the length 1. They should get the length c.")
def _(w, c):
    return shortened(w, c, lengths(w), new=1.0 if c != 1 else 0.5)


@wrong(
    "max_norm",
    "a little too short",
    "Something small is added to the length (1e-6?), so that long filters end up a little too short.",
)
def _(w, c):
    return shortened(w, c, lengths(w) + 1e-6)


@wrong("max_norm", "weights modified in place", "Your code changes w itself. Make a new array.")
def _(w, c):
    w[:] = shortened(w, c, lengths(w))
    return w


@wrong(
    "max_norm",
    "w itself returned",
    "Where nothing is too long you return w itself. A new array is asked for: a copy.",
)
def _(w, c):
    need(c >= 0, "a negative bound")
    return shortened(w, c, lengths(w)) if (lengths(w) > c).any() else w


@wrong("max_norm", "negative bound accepted", "No length is below 0: raise a ValueError for such a c.")
def _(w, c):
    length = lengths(w)
    return (w * np.where(length > c, c / np.where(length > 0, length, 1), 1)).astype(w.dtype)


def stepped(w, grad, lr, decay, with_lr=True):
    """The right answer, or nearly."""
    return (w - (lr if with_lr else 1) * decay * w - lr * grad).astype(w.dtype)


@wrong(
    "sgd_step",
    "learning rate forgotten in the decay",
    "You take off weight_decay * w, as one slide of the lecture writes it. The learning rate belongs to "
    "it, too.",
)
def _(w, grad, lr, weight_decay):
    return stepped(w, grad, lr, weight_decay, with_lr=False)


@wrong("sgd_step", "decay added", "The weights grow: the decay has the wrong sign.")
def _(w, grad, lr, weight_decay):
    return stepped(w, grad, lr, -weight_decay)


@wrong(
    "sgd_step",
    "decay doubled",
    "Your decay is twice as strong: the penalty has a one-half, so its gradient has no 2.",
)
def _(w, grad, lr, weight_decay):
    return stepped(w, grad, lr, 2 * weight_decay)


@wrong("sgd_step", "decay forgotten", "The weights do not decay: lr * weight_decay * w is missing.")
def _(w, grad, lr, weight_decay):
    return stepped(w, grad, lr, 0.0)


@wrong("sgd_step", "step forgotten", "Only the decay is there. The step against the gradient comes on top.")
def _(w, grad, lr, weight_decay):
    return stepped(w, 0 * grad, lr, weight_decay)


@wrong("sgd_step", "uphill", "You step along the gradient. Step against it.")
def _(w, grad, lr, weight_decay):
    return stepped(w, -grad, lr, weight_decay)


@wrong(
    "sgd_step",
    "decay after the step",
    "You step first, and let the new weights decay. Both parts are taken from the old weights.",
)
def _(w, grad, lr, weight_decay):
    return ((w - lr * grad) * (1 - lr * weight_decay)).astype(w.dtype)


@wrong(
    "sgd_step",
    "step after the decay, decayed gradient",
    "The decay takes a part of the gradient's step, too: w * (1 - lr * weight_decay) - lr * grad is due.",
)
def _(w, grad, lr, weight_decay):
    return (w * (1 - lr * weight_decay) - lr * grad * (1 - weight_decay)).astype(w.dtype)


@wrong(
    "sgd_step",
    "sign of the weights",
    "Every weight decays by the same amount: that is L1. Take off a share of w.",
)
def _(w, grad, lr, weight_decay):
    return (w - lr * weight_decay * np.sign(w) - lr * grad).astype(w.dtype)


@wrong("sgd_step", "learning rate forgotten", "The learning rate is missing in front of the gradient.")
def _(w, grad, lr, weight_decay):
    return (w - lr * weight_decay * w - grad).astype(w.dtype)


@wrong("sgd_step", "learning rate squared", "The decay is multiplied by the learning rate twice.")
def _(w, grad, lr, weight_decay):
    return stepped(w, grad, lr, lr * weight_decay)


@wrong("sgd_step", "gradient decays", "The gradient decays, not the weights: it is weight_decay times w.")
def _(w, grad, lr, weight_decay):
    return (w - lr * weight_decay * grad - lr * grad).astype(w.dtype)


@wrong("sgd_step", "weights modified in place", "Your code changes w itself (`-=`). Return new weights.")
def _(w, grad, lr, weight_decay):
    w -= (lr * (grad + weight_decay * w)).astype(w.dtype)
    return w


@wrong("sgd_step", "gradient modified in place", "Your code changes grad itself (`+=`). Leave it as it is.")
def _(w, grad, lr, weight_decay):
    grad += (weight_decay * w).astype(w.dtype)
    return (w - lr * grad).astype(w.dtype)


def sorted_out(model, weight_decay, decays, learned=lambda p: p.requires_grad, other=0.0):
    """The right answer, for some rule."""
    named = [(name, p) for name, p in model.named_parameters() if learned(p)]
    return [
        {"params": [p for name, p in named if decays(name, p)], "weight_decay": weight_decay},
        {"params": [p for name, p in named if not decays(name, p)], "weight_decay": other},
    ]


def is_matrix(_, parameter):
    return parameter.ndim >= 2


@wrong(
    "parameter_groups",
    "everything decays",
    "Biases and scales decay as well. They go into the second group, with 0.",
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, lambda name, p: True)


@wrong(
    "parameter_groups",
    "biases by name only",
    "The scales of normalisation layers decay, for they are called weight, too. Look at the number of axes.",
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, lambda name, p: "bias" not in name)


@wrong(
    "parameter_groups",
    "frozen parameters kept",
    "Parameters that need no gradient are in your groups. Leave them out.",
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, is_matrix, learned=lambda p: True)


@wrong(
    "parameter_groups",
    "frozen parameters not to decay",
    "Frozen parameters are in the second group. They belong in none.",
)
def _(model, weight_decay):
    return sorted_out(
        model, weight_decay, lambda name, p: p.ndim >= 2 and p.requires_grad, learned=lambda p: True
    )


@wrong(
    "parameter_groups", "groups exchanged", "Biases decay, and weights do not: the two groups are exchanged."
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, lambda name, p: p.ndim < 2)


@wrong(
    "parameter_groups",
    "both groups decay",
    "Both groups have the same weight_decay. The second one should have 0.",
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, is_matrix, other=weight_decay)


@wrong(
    "parameter_groups",
    "no number for the second group",
    "The second group has no weight_decay, so the optimiser's own default holds for it. Write 0.",
)
def _(model, weight_decay):
    decayed, others = sorted_out(model, weight_decay, is_matrix)
    return [decayed, {"params": others["params"]}]


@wrong(
    "parameter_groups",
    "only convolutions and linear layers",
    "You look for the layers by their type, and miss parameters of other modules. Go through "
    "model.parameters().",
)
def _(model, weight_decay):
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    chosen = {id(p): p for layer in layers for p in layer.parameters() if p.requires_grad}.values()
    return [
        {"params": [p for p in chosen if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in chosen if p.ndim < 2], "weight_decay": 0.0},
    ]


@wrong(
    "parameter_groups",
    "filters only",
    "Only tensors with four axes decay. The matrix of a linear layer is a weight, too.",
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, lambda name, p: p.ndim > 2)


@wrong(
    "parameter_groups",
    "outer layers only",
    "You look at the outer modules only. Layers inside layers have parameters, too: model.parameters() "
    "finds all.",
)
def _(model, weight_decay):
    chosen = [p for layer in model.children() for p in layer.parameters(recurse=False) if p.requires_grad]
    chosen = list({id(p): p for p in chosen}.values())
    return [
        {"params": [p for p in chosen if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in chosen if p.ndim < 2], "weight_decay": 0.0},
    ]


@wrong(
    "parameter_groups",
    "shared weights twice",
    "A parameter that two layers share is in your list twice. model.parameters() names each one once.",
)
def _(model, weight_decay):
    chosen = [p for m in model.modules() for p in m.parameters(recurse=False) if p.requires_grad]
    return [
        {"params": [p for p in chosen if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in chosen if p.ndim < 2], "weight_decay": 0.0},
    ]


@wrong(
    "parameter_groups",
    "names instead of parameters",
    "Your lists hold names. The optimiser needs the parameters themselves.",
)
def _(model, weight_decay):
    names = [(name, p.ndim) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [name for name, ndim in names if ndim >= 2], "weight_decay": weight_decay},
        {"params": [name for name, ndim in names if ndim < 2], "weight_decay": 0.0},
    ]


@wrong(
    "parameter_groups",
    "copies of the parameters",
    "Your lists hold other tensors (`p.data`, `.clone()`), which no gradient reaches. Put in the "
    "parameters themselves.",
)
def _(model, weight_decay):
    groups = sorted_out(model, weight_decay, is_matrix)
    return [group | {"params": [p.detach().clone() for p in group["params"]]} for group in groups]


@wrong(
    "parameter_groups",
    "weights twice",
    "The weights are in both groups. The optimiser takes each parameter once.",
)
def _(model, weight_decay):
    decayed, others = sorted_out(model, weight_decay, is_matrix)
    return [decayed, others | {"params": decayed["params"] + others["params"]}]


@wrong(
    "parameter_groups", "one group", "You return the decaying group alone. The others would never be trained."
)
def _(model, weight_decay):
    return sorted_out(model, weight_decay, is_matrix)[:1]


@wrong(
    "parameter_groups",
    "lists without dictionaries",
    "You return two lists. The optimiser needs two dictionaries.",
)
def _(model, weight_decay):
    return [group["params"] for group in sorted_out(model, weight_decay, is_matrix)]


def coins(x, p, rng):
    """True where a number is kept."""
    need(0 <= p < 1, "p out of range")
    return rng.random(x.shape) >= p


def masked(x, mask):
    mask = np.asarray(mask).astype(x.dtype)
    return x * mask, mask


@wrong(
    "dropout",
    "kept numbers not enlarged",
    "The kept numbers stay as they are, so the next layer gets less than at test time. Divide them by 1 - p.",
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, keep if train else np.ones_like(x))


@wrong(
    "dropout",
    "the same number dropped in each call",
    "You always drop the same number of entries. Each one is decided on its own, so their count varies.",
)
def _(x, p, rng, train):
    keep = np.ones(x.size)
    if train:
        need(0 <= p < 1, "p out of range")
        keep[rng.choice(x.size, round(p * x.size), replace=False)] = 0
        keep /= 1 - p
    return masked(x, keep.reshape(x.shape))


@wrong(
    "dropout",
    "x itself at test time",
    "At test time you return x itself. Return a new array: whoever changes y must not change x.",
)
def _(x, p, rng, train):
    if not train:
        return x, np.ones_like(x)
    return masked(x, coins(x, p, rng) / (1 - p))


@wrong(
    "dropout",
    "scaled at test time",
    "Your test time is that of the first dropout paper: x times 1 - p. Inverted dropout enlarges in "
    "training, so that "
    "nothing is left to do.",
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, keep if train else np.full(x.shape, 1 - p))


@wrong(
    "dropout",
    "enlarged and scaled at test time",
    "You divide by 1 - p in training, and multiply by it at test time as well. Once is enough.",
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, keep / (1 - p) if train else np.full(x.shape, 1 - p))


@wrong(
    "dropout",
    "p as the probability of keeping",
    "You keep numbers with probability p. p is the probability of dropping.",
)
def _(x, p, rng, train):
    keep = ~coins(x, p, rng)
    return masked(x, keep / max(p, 1e-9) if train else np.ones_like(x))


@wrong(
    "dropout",
    "p and 1 - p mixed up in the coin",
    "The enlargement is right, but numbers are kept with probability p. A number is dropped with "
    "probability p.",
)
def _(x, p, rng, train):
    keep = ~coins(x, p, rng)
    return masked(x, keep / (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout", "divided by p", "The kept numbers are divided by p. A share of 1 - p is kept: divide by that."
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, keep / max(p, 1e-9) if train else np.ones_like(x))


@wrong(
    "dropout", "multiplied by 1 - p", "The kept numbers are multiplied by 1 - p. They should grow: divide."
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, keep * (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout",
    "active at test time",
    "Numbers are dropped at test time, too. There y = x, and the mask holds ones.",
)
def _(x, p, rng, train):
    return masked(x, coins(x, p, rng) / (1 - p))


@wrong("dropout", "never active", "Nothing is ever dropped. Is train the wrong way round, or unused?")
def _(x, p, rng, train):
    coins(x, p, rng)
    return masked(x, np.ones_like(x))


@wrong("dropout", "active at test time only", "train is the wrong way round: you drop numbers at test time.")
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, np.ones_like(x) if train else keep / (1 - p))


@wrong(
    "dropout",
    "one mask for all examples",
    "All examples of the batch get the same mask. Draw one number for each entry of x.",
)
def _(x, p, rng, train):
    keep = np.broadcast_to(coins(x[:1], p, rng), x.shape)
    return masked(x, keep / (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout",
    "whole rows dropped",
    "Whole rows (or whole channels) are dropped together. Draw one number for each entry of x.",
)
def _(x, p, rng, train):
    keep = np.broadcast_to(coins(x[..., :1], p, rng), x.shape)
    return masked(x, keep / (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout",
    "always the same number dropped",
    "You drop exactly the same number of entries in each row. Each entry has a coin of its own.",
)
def _(x, p, rng, train):
    coins(x, p, rng)
    keep = rng.permuted(
        np.broadcast_to(np.arange(x[0].size) >= round(p * x[0].size), (len(x), x[0].size)), axis=1
    )
    return masked(x, keep.reshape(x.shape) / (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout", "a generator of its own", "The mask does not come from rng, so a training cannot be repeated."
)
def _(x, p, rng, train):
    keep = coins(x, p, np.random.default_rng())
    return masked(x, keep / (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout",
    "always the same mask",
    "The mask is the same at every call: a generator with a fixed seed. Use rng.",
)
def _(x, p, rng, train):
    keep = coins(x, p, np.random.default_rng(0))
    return masked(x, keep / (1 - p) if train else np.ones_like(x))


@wrong(
    "dropout",
    "mask without the factor",
    "y is right, but the mask holds 0 and 1: the way back would lack the factor. Put 1 / (1 - p) into "
    "the mask.",
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    y, _ = masked(x, keep / (1 - p) if train else np.ones_like(x))
    return y, keep.astype(x.dtype) if train else np.ones_like(x)


@wrong(
    "dropout",
    "mask of True and False",
    "Your mask holds True and False. It should hold 0 or 1 / (1 - p), floats.",
)
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    y, _ = masked(x, keep / (1 - p) if train else np.ones_like(x))
    return y, keep if train else np.ones(x.shape, bool)


@wrong("dropout", "no mask at test time", "At test time you return None as the mask. It should hold ones.")
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    return masked(x, keep / (1 - p)) if train else (x.copy(), None)


@wrong("dropout", "mask of the dropped numbers", "Your mask marks what is dropped. It should hold 0 there.")
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    y, _ = masked(x, keep / (1 - p) if train else np.ones_like(x))
    return y, ((~keep) / (1 - p) if train else np.ones_like(x)).astype(x.dtype)


@wrong(
    "dropout",
    "input modified in place",
    "Your code changes x itself (`x[...] = 0`, `x *= mask`). Make a new array.",
)
def _(x, p, rng, train):
    _, mask = masked(x, coins(x, p, rng) / (1 - p) if train else np.ones_like(x))
    x *= mask
    return x, mask


@wrong("dropout", "dtype lost", "float32 becomes float64 on the way: the mask is float64. Give it x's dtype.")
def _(x, p, rng, train):
    keep = coins(x, p, rng)
    mask = keep / (1 - p) if train else np.ones(x.shape)
    return x * mask, mask


@wrong(
    "dropout",
    "p not looked at",
    "With p = 1 nothing would be left: raise a ValueError for p below 0 or not below 1.",
)
def _(x, p, rng, train):
    with np.errstate(all="ignore"):
        return masked(x, np.divide(rng.random(x.shape) >= p, 1 - p) if train else np.ones_like(x))


@wrong(
    "dropout_backward",
    "mask forgotten",
    "All gradients come back as they are. Dropped numbers had no say: theirs is 0.",
)
def _(dy, mask):
    return dy.copy()


@wrong(
    "dropout_backward",
    "factor forgotten",
    "The kept gradients lack the factor 1 / (1 - p), which is in the mask.",
)
def _(dy, mask):
    return dy * (mask > 0)


@wrong(
    "dropout_backward",
    "divided by the factor",
    "You divide by the factor of the way there. On the way back you multiply, too.",
)
def _(dy, mask):
    return np.where(mask > 0, dy / np.where(mask > 0, mask, 1), 0).astype(dy.dtype)


@wrong(
    "dropout_backward",
    "factor twice",
    "The factor 1 / (1 - p) is in the mask already. You multiply by it twice.",
)
def _(dy, mask):
    return dy * mask * mask


@wrong(
    "dropout_backward",
    "dropped gradients kept",
    "Gradients come back where a number was dropped, and not where it was kept.",
)
def _(dy, mask):
    return dy * (mask == 0)


@wrong(
    "dropout_backward",
    "factor for all",
    "You enlarge all gradients. Those of the dropped numbers should be 0.",
)
def _(dy, mask):
    return (dy * mask.max()).astype(dy.dtype)


@wrong(
    "dropout_backward", "mask returned", "You return the mask. Multiply it by the gradient dy that arrives."
)
def _(dy, mask):
    return mask.copy()


@wrong(
    "dropout_backward",
    "factor from the share",
    "You guess the factor from the share of zeros. It stands in the mask.",
)
def _(dy, mask):
    share = max((mask > 0).mean(), 1e-9)
    return (dy * (mask > 0) / share).astype(dy.dtype)


@wrong("dropout_backward", "a new mask", "You draw a new mask on the way back. Use the one of the way there.")
def _(dy, mask):
    keep = np.random.default_rng(0).random(dy.shape) > 0.5
    return (dy * np.where(keep, max(float(mask.max()), 1.5), 0)).astype(dy.dtype)


@wrong(
    "dropout_backward", "gradient modified in place", "Your code changes dy itself (`*=`). Make a new array."
)
def _(dy, mask):
    dy *= mask
    return dy


@wrong(
    "dropout_backward", "two parts returned", "You return two arrays. Only the gradient for x is asked for."
)
def _(dy, mask):
    return dy * mask, mask


class RightDropout(nn.Module):
    """The right layer; the wrong ones change one thing."""

    def __init__(self, p=0.5):
        super().__init__()
        need(0 <= p < 1, "p out of range")
        self.p = p

    def mask(self, x):
        """True where a number is kept."""
        return torch.rand_like(x) >= self.p

    def forward(self, x):
        return x * self.mask(x) / (1 - self.p) if self.training else x


@wrong(
    "Dropout",
    "active in evaluation mode",
    "Numbers are dropped in evaluation mode, too (F.dropout without training=self.training?). Look at "
    "self.training.",
)
class _(RightDropout):
    def forward(self, x):
        return F.dropout(x, self.p)


@wrong(
    "Dropout",
    "never active",
    "Nothing is dropped in training. Is self.training the wrong way round, or unused?",
)
class _(RightDropout):
    def forward(self, x):
        return x * 1


@wrong("Dropout", "active in evaluation mode only", "self.training is the wrong way round.")
class _(RightDropout):
    def forward(self, x):
        return x if self.training else x * self.mask(x) / (1 - self.p)


@wrong(
    "Dropout",
    "kept numbers not enlarged",
    "The kept numbers stay as they are, so the next layer gets less than in evaluation mode. Divide by 1 "
    "- p.",
)
class _(RightDropout):
    def forward(self, x):
        return x * self.mask(x) if self.training else x


@wrong(
    "Dropout",
    "scaled in evaluation mode",
    "In evaluation mode you multiply by 1 - p. Enlarge in training instead.",
)
class _(RightDropout):
    def forward(self, x):
        return x * self.mask(x) if self.training else x * (1 - self.p)


@wrong(
    "Dropout",
    "enlarged and scaled in evaluation mode",
    "You divide by 1 - p in training, and multiply by it in evaluation mode as well. Once is enough.",
)
class _(RightDropout):
    def forward(self, x):
        return super().forward(x) if self.training else x * (1 - self.p)


@wrong(
    "Dropout",
    "p as the probability of keeping",
    "You keep numbers with probability p. p is the probability of dropping.",
)
class _(RightDropout):
    def forward(self, x):
        return x * ~self.mask(x) / max(self.p, 1e-9) if self.training else x


@wrong(
    "Dropout",
    "p and 1 - p mixed up in the coin",
    "The enlargement is right, but numbers are kept with probability p. A number is dropped with "
    "probability p.",
)
class _(RightDropout):
    def mask(self, x):
        return ~super().mask(x)


@wrong(
    "Dropout",
    "one mask for ever",
    "The mask is drawn once, at the first call, and used again and again. Draw a new one at every call.",
)
class _(RightDropout):
    def mask(self, x):
        if not hasattr(self, "kept") or self.kept.shape != x.shape:
            self.kept = super().mask(x)
        return self.kept


@wrong(
    "Dropout",
    "always the same mask",
    "Every call and every layer draws the same mask: a fixed seed inside forward.",
)
class _(RightDropout):
    def mask(self, x):
        generator = torch.Generator(x.device).manual_seed(0)
        return torch.rand(x.shape, generator=generator, device=x.device) >= self.p


@wrong(
    "Dropout",
    "one mask for all examples",
    "All examples of the batch get the same mask. Draw one number for each entry.",
)
class _(RightDropout):
    def mask(self, x):
        return super().mask(x[:1]).expand_as(x)


@wrong(
    "Dropout",
    "whole channels dropped",
    "Whole rows or channels are dropped together (F.dropout2d?). Draw one number for each entry.",
)
class _(RightDropout):
    def mask(self, x):
        return super().mask(x[..., :1]).expand_as(x)


@wrong(
    "Dropout",
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`). The mask belongs where x is: '
    "torch.rand_like(x).",
)
class _(RightDropout):
    def mask(self, x):
        own = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.rand(x.shape, device=own) >= self.p


@wrong(
    "Dropout",
    "mask from NumPy",
    "The mask is drawn by NumPy, which knows no GPU (and not PyTorch's seed): torch.rand_like(x).",
)
class _(RightDropout):
    def mask(self, x):
        return torch.from_numpy(np.random.rand(*x.detach().numpy().shape)) >= self.p


@wrong(
    "Dropout",
    "new tensors on the CPU",
    "The mask is made without a device, so it is on the CPU: on a GPU your code stops.",
)
class _(RightDropout):
    def mask(self, x):
        return torch.rand(x.shape) >= self.p


@wrong(
    "Dropout",
    "gradients cut off",
    "No gradient comes back (`.detach()`, `.data`, `torch.no_grad()`?). x's graph must stay.",
)
class _(RightDropout):
    def forward(self, x):
        return super().forward(x).detach()


@wrong(
    "Dropout",
    "gradient without the mask",
    "The gradient passes as if nothing had been dropped. Multiply by the mask, so that PyTorch sees it.",
)
class _(RightDropout):
    def forward(self, x):
        return x + (super().forward(x) - x).detach() if self.training else x


@wrong(
    "Dropout",
    "input modified in place",
    "Your layer changes x itself (`x[...] = 0`, `*=`). Make a new tensor.",
)
class _(RightDropout):
    def forward(self, x):
        if self.training:
            if x.requires_grad:
                return super().forward(x)
            x.copy_(super().forward(x))
        return x


@wrong("Dropout", "dtype lost", "float64 becomes float32 on the way (`.float()`?). Keep the dtype of x.")
class _(RightDropout):
    def forward(self, x):
        return super().forward(x).float() if self.training else x


@wrong(
    "Dropout",
    "a parameter for p",
    "p is registered as a parameter, so the optimiser would train it. Keep a number.",
)
class _(RightDropout):
    def __init__(self, p=0.5):
        super().__init__(p)
        del self.p
        self.p = nn.Parameter(torch.tensor(float(p)), requires_grad=False)

    def forward(self, x):
        return x * self.mask(x) / (1 - self.p.to(x)) if self.training else x


@wrong(
    "Dropout", "super().__init__ forgotten", "PyTorch stops here: call super().__init__() first in __init__."
)
class _(RightDropout):
    def __init__(self, p=0.5):
        need(0 <= p < 1, "p out of range")
        self.p = p
        self.layer = nn.Identity()


@wrong("Dropout", "another default", "Without p the layer should drop half of the numbers.")
class _(RightDropout):
    def __init__(self, p=0.1):
        super().__init__(p)


@wrong("Dropout", "p not kept", "p is not used: half is dropped, whatever p is.")
class _(RightDropout):
    def __init__(self, p=0.5):
        super().__init__(p)
        self.p = 0.5


@wrong(
    "Dropout",
    "p not looked at",
    "With p = 1 nothing would be left: raise a ValueError for p below 0 or not below 1.",
)
class _(RightDropout):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p


def members(w, b, x, p, masks=None):
    """(weights of the masks (M,), log-probabilities (M, classes)), for all masks or some."""
    masks = np.array(list(itertools.product([0, 1], repeat=len(x))) if masks is None else masks, float)
    scores = (masks * x) @ w.T.astype(float) + b
    scores = scores - scores.max(axis=1, keepdims=True)
    kept = masks.sum(axis=1)
    weights = np.array([p ** (len(x) - k) * (1 - p) ** k for k in kept])
    return weights, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def normalised(logs):
    answer = np.exp(logs - logs.max())
    return answer / answer.sum()


@wrong(
    "geometric_ensemble",
    "arithmetic mean",
    "You average the probabilities: an arithmetic mean. A geometric mean averages their logarithms.",
)
def _(w, b, x, p):
    weights, logs = members(w, b, x, p)
    return weights @ np.exp(logs)


@wrong(
    "geometric_ensemble",
    "not normalised",
    "The answer does not sum to 1. Divide the geometric means by their sum.",
)
def _(w, b, x, p):
    weights, logs = members(w, b, x, p)
    return np.exp(weights @ logs)


@wrong(
    "geometric_ensemble",
    "all masks equally likely",
    "Every mask has the same weight. With k zeros it has p^k (1 - p)^(n - k): the chance that dropout "
    "draws it.",
)
def _(w, b, x, p):
    _, logs = members(w, b, x, p)
    return normalised(logs.mean(axis=0))


@wrong(
    "geometric_ensemble",
    "p as the probability of keeping",
    "You keep inputs with probability p. p is that of dropping.",
)
def _(w, b, x, p):
    weights, logs = members(w, b, x, 1 - p)
    return normalised(weights @ logs)


@wrong(
    "geometric_ensemble",
    "members enlarged",
    "You divide by 1 - p inside the members (or ask the whole network alone: the mean is the same). The "
    "members have no such factor here.",
)
def _(w, b, x, p):
    weights, logs = members(w / (1 - p), b, x, p)
    return normalised(weights @ logs)


@wrong(
    "geometric_ensemble", "bias dropped, too", "The bias is missing in the members. Only inputs are dropped."
)
def _(w, b, x, p):
    weights, logs = members(w, 0 * b, x, p)
    return normalised(weights @ logs)


@wrong(
    "geometric_ensemble",
    "empty mask left out",
    "The mask that drops everything is missing: there are 2^n masks.",
)
def _(w, b, x, p):
    weights, logs = members(w, b, x, p)
    return normalised(weights[1:] @ logs[1:])


@wrong(
    "geometric_ensemble",
    "full mask left out",
    "The mask that keeps everything is missing (range(2**n - 1)?).",
)
def _(w, b, x, p):
    weights, logs = members(w, b, x, p)
    return normalised(weights[:-1] @ logs[:-1])


@wrong(
    "geometric_ensemble",
    "one input dropped at a time",
    "You drop one input at a time: n networks. Every set of inputs may be dropped: there are 2^n.",
)
def _(w, b, x, p):
    masks = np.concatenate([np.ones((1, len(x))), 1 - np.eye(len(x))])
    weights, logs = members(w, b, x, p, masks)
    return normalised(weights @ logs / weights.sum())


@wrong(
    "geometric_ensemble",
    "no weights at all",
    "You multiply the probabilities of all members, without the masks' weights.",
)
def _(w, b, x, p):
    _, logs = members(w, b, x, p)
    return normalised(logs.sum(axis=0))


@wrong(
    "geometric_ensemble",
    "logarithms returned",
    "You return logarithms. Take the exponential, then normalise.",
)
def _(w, b, x, p):
    weights, logs = members(w, b, x, p)
    return weights @ logs


@wrong(
    "geometric_ensemble",
    "mean network without its scaling",
    "That is one network with its inputs divided by 1 - p. The ensemble's inputs are smaller on average, "
    "not larger.",
)
def _(w, b, x, p):
    return normalised(w.astype(float) @ x / (1 - p) + b)


@wrong("geometric_ensemble", "bias scaled, too", "The bias is scaled by 1 - p. It is never dropped.")
def _(w, b, x, p):
    return normalised((1 - p) * (w.astype(float) @ x + b))


@wrong(
    "geometric_ensemble",
    "large scores overflow",
    "For large scores something becomes 0, infinite or not a number. Subtract the largest score first, "
    "work with logarithms.",
)
def _(w, b, x, p):
    total = np.ones(len(b))
    with np.errstate(all="ignore"):
        for mask in itertools.product([0, 1], repeat=len(x)):
            e = np.exp(w @ (np.array(mask) * x) + b)
            total = total * (e / e.sum()) ** (p ** (len(x) - sum(mask)) * (1 - p) ** sum(mask))
        return (total / total.sum()).astype(float)


def returning(w, new, state):
    return np.asarray(new).astype(w.dtype), state


RULES = ("sgd", "momentum", "nesterov", "adam", "adamw")


def right_sgd(w, grad, state, lr):
    return returning(w, w - lr * grad, None)


def right_momentum(w, grad, state, lr, beta=0.9):
    v = grad.copy() if state is None else beta * state + grad
    return returning(w, w - lr * v, v)


def right_nesterov(w, grad, state, lr, beta=0.9):
    v = grad.copy() if state is None else beta * state + grad
    return returning(w, w - lr * (grad + beta * v), v)


def right_adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = (0 * w, 0 * w, 0) if state is None else state
    m, v, t = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2, t + 1
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return returning(w, w - lr * step, (m, v, t))


def right_adamw(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, state = right_adam(w, grad, state, lr, beta1, beta2, eps)
    return returning(w, new - lr * weight_decay * w, state)


RIGHT = {
    "sgd": right_sgd,
    "momentum": right_momentum,
    "nesterov": right_nesterov,
    "adam": right_adam,
    "adamw": right_adamw,
}


def for_each_rule(name, hint, change, rules=RULES):
    """One mistake that can be made with every rule: change(rule, w, grad, state, lr, options)."""
    for rule in rules:

        def function(w, grad, state, lr, rule=RIGHT[rule], **options):
            return change(rule, w, grad, state, lr, options)

        wrong(rule, name, hint)(function)


def uphill(rule, w, grad, state, lr, options):
    with np.errstate(all="ignore"):
        return rule(w, grad, state, -lr, **options)


def in_place(rule, w, grad, state, lr, options):
    new, state = rule(w, grad, state, lr, **options)
    w[:] = new
    return w, state


def gradient_in_place(rule, w, grad, state, lr, options):
    answer = rule(w, grad, state, lr, **options)
    grad[:] = -1
    return answer


def without_rate(rule, w, grad, state, lr, options):
    return rule(w, grad, state, 1.0, **options)


def weights_only(rule, w, grad, state, lr, options):
    return rule(w, grad, state, lr, **options)[0]


def step_returned(rule, w, grad, state, lr, options):
    new, state = rule(w, grad, state, lr, **options)
    return new - w, state


def dtype_lost(rule, w, grad, state, lr, options):
    new, state = rule(w.astype(np.float64), grad.astype(np.float64), state, lr, **options)
    return new, state


def nothing_remembered(rule, w, grad, state, lr, options):
    return rule(w, grad, None, lr, **options)


def state_in_place(rule, w, grad, state, lr, options):
    new, after = rule(w, grad, state, lr, **options)
    if isinstance(state, tuple):
        state[0][:], state[1][:] = after[0], after[1]
        return new, (state[0], state[1], after[2])
    if state is None:
        return new, after
    state[:] = after
    return new, state


def global_memory():
    """One memory for all weights, as a global variable would be."""
    kept = {}

    def change(rule, w, grad, state, lr, options):
        if state is None and "w" not in kept:
            kept.clear()
        shape = kept.get("shape")
        before = kept.get("state") if shape == (w.shape, w.dtype) and state is not None else None
        new, after = rule(w, grad, before, lr, **options)
        kept.update(state=after, shape=(w.shape, w.dtype))
        return new, 1

    return change


for_each_rule("uphill", "You step along the gradient. Step against it.", uphill)
for_each_rule("weights modified in place", "Your code changes w itself (`-=`). Return new weights.", in_place)
for_each_rule(
    "gradient modified in place", "Your code changes grad itself. Leave it as it is.", gradient_in_place
)
for_each_rule(
    "learning rate forgotten", "The learning rate is not used. Multiply the step by lr.", without_rate
)
for_each_rule(
    "weights only", "You return the weights alone. A tuple of new weights and new state is due.", weights_only
)
for_each_rule("step returned", "You return the step. Add it to the weights, and return those.", step_returned)
for_each_rule(
    "dtype lost", "float32 becomes float64 on the way. The new weights should have w's dtype.", dtype_lost
)
WITH_MEMORY = RULES[1:]
for_each_rule(
    "nothing remembered",
    "Every step is like the first one: the state is not used, or not returned. What does the rule remember?",
    nothing_remembered,
    WITH_MEMORY,
)
for_each_rule(
    "old state modified",
    "Your code changes the old state (`state[...] +=`, `*=`). Return a new one, so that a step can be "
    "repeated.",
    state_in_place,
    WITH_MEMORY,
)
for_each_rule(
    "one memory for all weights",
    "The memory is kept outside (a global variable?), so that two layers share it. Keep it in state.",
    global_memory(),
    WITH_MEMORY,
)


@wrong(
    "sgd",
    "gradient of length 1",
    "You scale the gradient to length 1. A flat slope should give a short step.",
)
def _(w, grad, state, lr):
    size = np.linalg.norm(grad)
    return returning(w, w - lr * grad / (size if size else 1), None)


@wrong(
    "sgd",
    "sign of the gradient",
    "Every weight moves by the same amount. Its own slope says how far it goes.",
)
def _(w, grad, state, lr):
    return returning(w, w - lr * np.sign(grad), None)


@wrong("sgd", "gradients pile up", "You add up the gradients of all steps. This rule remembers nothing.")
def _(w, grad, state, lr):
    total = grad if state is None else state + grad
    return returning(w, w - lr * total, total)


@wrong(
    "momentum",
    "new gradient damped",
    "You weigh the new gradient with 1 - beta, as an average does. PyTorch's rule takes it whole: v = "
    "beta * v + grad.",
)
def _(w, grad, state, lr, beta=0.9):
    v = (1 - beta) * grad + (0 if state is None else beta * state)
    return returning(w, w - lr * v, v)


@wrong(
    "momentum",
    "new gradient damped after the first step",
    "From the second step on you weigh the new gradient with 1 - beta (`dampening`). Take it whole.",
)
def _(w, grad, state, lr, beta=0.9):
    v = grad if state is None else (1 - beta) * grad + beta * state
    return returning(w, w - lr * v, v)


@wrong(
    "momentum",
    "velocity against the gradient",
    "The velocity enters with the wrong sign: v = beta * v + grad.",
)
def _(w, grad, state, lr, beta=0.9):
    v = grad - (0 if state is None else beta * state)
    return returning(w, w - lr * v, v)


@wrong(
    "momentum",
    "learning rate inside the velocity",
    "The learning rate is inside your velocity. As long as it stays the same that is no difference: here "
    "it changes.",
)
def _(w, grad, state, lr, beta=0.9):
    v = lr * grad + (0 if state is None else beta * state)
    return returning(w, w - v, v)


@wrong("momentum", "beta forgotten", "The velocity never gets smaller: multiply the old one by beta.")
def _(w, grad, state, lr, beta=0.9):
    v = grad + (0 if state is None else state)
    return returning(w, w - lr * v, v)


@wrong("momentum", "beta fixed", "beta is always 0.9 with you. Use the argument.")
def _(w, grad, state, lr, beta=0.9):
    return right_momentum(w, grad, state, lr)


@wrong(
    "momentum",
    "step with the old velocity",
    "You step with the old velocity, before the new gradient is in it.",
)
def _(w, grad, state, lr, beta=0.9):
    old = 0 * grad if state is None else state
    return returning(w, w - lr * old, beta * old + grad)


@wrong("momentum", "Nesterov's step", "That is Nesterov's step. Plain momentum steps with v itself.")
def _(w, grad, state, lr, beta=0.9):
    return right_nesterov(w, grad, state, lr, beta)


@wrong(
    "momentum",
    "last gradient remembered",
    "You remember the last gradient. The velocity holds all earlier ones.",
)
def _(w, grad, state, lr, beta=0.9):
    v = grad + (0 if state is None else beta * state)
    return returning(w, w - lr * v, grad.copy())


@wrong(
    "momentum",
    "beta applied to the gradient, too",
    "beta multiplies the new gradient as well: v = beta * v + grad.",
)
def _(w, grad, state, lr, beta=0.9):
    v = beta * (grad + (0 if state is None else state))
    return returning(w, w - lr * v, v)


@wrong(
    "nesterov",
    "plain momentum",
    "That is plain momentum. Nesterov's step is grad + beta * v, with the new v.",
)
def _(w, grad, state, lr, beta=0.9):
    return right_momentum(w, grad, state, lr, beta)


@wrong(
    "nesterov", "beta forgotten in the step", "The velocity enters the step without beta: grad + beta * v."
)
def _(w, grad, state, lr, beta=0.9):
    v = grad + (0 if state is None else beta * state)
    return returning(w, w - lr * (grad + v), v)


@wrong(
    "nesterov",
    "gradient forgotten in the step",
    "The step is beta * v alone. The new gradient belongs to it, too.",
)
def _(w, grad, state, lr, beta=0.9):
    v = grad + (0 if state is None else beta * state)
    return returning(w, w - lr * beta * v, v)


@wrong(
    "nesterov",
    "velocity looks ahead twice",
    "The looking ahead is put into the velocity that is kept. Keep v itself.",
)
def _(w, grad, state, lr, beta=0.9):
    v = grad + (0 if state is None else beta * state)
    ahead = grad + beta * v
    return returning(w, w - lr * ahead, ahead)


@wrong(
    "nesterov",
    "new gradient damped",
    "You weigh the new gradient with 1 - beta in the velocity. Take it whole.",
)
def _(w, grad, state, lr, beta=0.9):
    v = (1 - beta) * grad + (0 if state is None else beta * state)
    return returning(w, w - lr * (grad + beta * v), v)


@wrong(
    "nesterov",
    "no looking ahead at first",
    "Your first step is plain. Nesterov's is grad + beta * v from the start.",
)
def _(w, grad, state, lr, beta=0.9):
    if state is None:
        return returning(w, w - lr * grad, grad.copy())
    return right_nesterov(w, grad, state, lr, beta)


@wrong(
    "nesterov",
    "learning rate inside the velocity",
    "The learning rate is inside your velocity. As long as it stays the same that is no difference: here "
    "it changes.",
)
def _(w, grad, state, lr, beta=0.9):
    v = lr * grad + (0 if state is None else beta * state)
    return returning(w, w - (lr * grad + beta * v), v)


@wrong("nesterov", "beta fixed", "beta is always 0.9 with you. Use the argument.")
def _(w, grad, state, lr, beta=0.9):
    return right_nesterov(w, grad, state, lr)


@wrong(
    "nesterov", "velocity against the gradient", "The velocity enters with the wrong sign: grad + beta * v."
)
def _(w, grad, state, lr, beta=0.9):
    v = grad + (0 if state is None else beta * state)
    return returning(w, w - lr * (grad - beta * v), v)


def adam_with(
    w,
    grad,
    state,
    lr,
    beta1,
    beta2,
    eps,
    correct=(True, True),
    first=1,
    inside=False,
    seen=None,
    root=True,
    mean=True,
):
    """Adam, or nearly: which means are corrected, the number of the first step, where eps is, what v sees."""
    m, v, t = (0 * w, 0 * w, first - 1) if state is None else state
    t = t + 1
    seen = grad if seen is None else seen
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * seen**2
    with np.errstate(all="ignore"):
        m_hat = m / (1 - beta1**t) if correct[0] else m
        v_hat = v / (1 - beta2**t) if correct[1] else v
        size = np.sqrt(v_hat + eps) if inside else np.sqrt(v_hat) + eps if root else v_hat + eps
        return returning(w, w - lr * (m_hat if mean else grad) / size, (m, v, t))


def adam_slips(rule, decay):
    """Mistakes that are made in the same way in adam and in adamw."""

    def slip(name, hint, **options):
        def function(
            w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01 if decay else 0.0
        ):
            new, state = adam_with(w, grad, state, lr, beta1, beta2, eps, **options)
            return returning(w, new - lr * weight_decay * w, state)

        wrong(rule, name, hint)(function)

    slip(
        "no correction at the start",
        "The means begin at 0 and are too small at first. Divide them by 1 - beta ** t.",
        correct=(False, False),
    )
    slip(
        "m not corrected",
        "The mean of the gradients is not divided by 1 - beta1 ** t.",
        correct=(False, True),
    )
    slip(
        "v not corrected", "The mean of the squares is not divided by 1 - beta2 ** t.", correct=(True, False)
    )
    slip(
        "steps counted from 0",
        "The first step has the number 1. With 0 you divide by 1 - beta ** 0 = 0.",
        first=0,
    )
    slip("steps counted from 2", "The first step has the number 1. Is t counted twice?", first=2)
    slip(
        "eps under the root", "eps is added under the root. It belongs behind it: sqrt(v) + eps.", inside=True
    )
    slip("no root", "You divide by the mean of the squares. Take its root.", root=False)
    slip(
        "gradient in place of its mean",
        "You step with the gradient itself. Its running mean m is due.",
        mean=False,
    )


adam_slips("adam", decay=False)
adam_slips("adamw", decay=True)


@wrong("adam", "eps forgotten", "eps is not used. Where a gradient is 0 you divide by 0.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_with(w, grad, state, lr, beta1, beta2, 0.0)


@wrong("adam", "eps fixed", "eps is always 1e-8 with you. Use the argument.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return right_adam(w, grad, state, lr, beta1, beta2)


@wrong(
    "adam", "betas exchanged", "beta1 belongs to the mean of the gradients, beta2 to that of their squares."
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return right_adam(w, grad, state, lr, beta2, beta1, eps)


@wrong("adam", "one beta for both", "Both means use beta1. That of the squares uses beta2.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return right_adam(w, grad, state, lr, beta1, beta1, eps)


@wrong(
    "adam", "squared mean", "v is the square of the mean m. It should be the mean of the squared gradients."
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m, _, _ = (0 * w, 0, 0) if state is None else state
    return adam_with(w, grad, state, lr, beta1, beta2, eps, seen=beta1 * m + (1 - beta1) * grad)


@wrong("adam", "absolute values", "v is the mean of absolute values. It should be the mean of squares.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return adam_with(w, grad, state, lr, beta1, beta2, eps, seen=np.sqrt(np.abs(grad)))


@wrong(
    "adam", "one size for all weights", "You divide all weights by one number. Adam has one for each weight."
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    seen = np.full_like(grad, np.sqrt((grad**2).mean()))
    return adam_with(w, grad, state, lr, beta1, beta2, eps, seen=seen)


@wrong(
    "adam",
    "corrected means remembered",
    "You put the corrected means into the state. Correct a copy: the next step needs m and v as they are.",
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    new, (m, v, t) = right_adam(w, grad, state, lr, beta1, beta2, eps)
    return new, (m / (1 - beta1**t), v / (1 - beta2**t), t)


@wrong("adam", "weights decay", "The weights decay, too: that is AdamW.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return right_adamw(w, grad, state, lr, beta1, beta2, eps)


@wrong(
    "adamw",
    "decay inside the gradient",
    "You add weight_decay * w to the gradient: that is Adam with an L2 penalty. Take lr * weight_decay * "
    "w off the "
    "weights themselves.",
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return right_adam(w, grad + weight_decay * w, state, lr, beta1, beta2, eps)


@wrong("adamw", "decay forgotten", "The weights do not decay: lr * weight_decay * w is missing.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return right_adam(w, grad, state, lr, beta1, beta2, eps)


@wrong(
    "adamw",
    "learning rate forgotten in the decay",
    "The decay is lr * weight_decay * w: the learning rate is missing.",
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, state = right_adam(w, grad, state, lr, beta1, beta2, eps)
    return returning(w, new - weight_decay * w, state)


@wrong(
    "adamw",
    "decay after the step",
    "The new weights decay. Take the decay from the old ones, before the step.",
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, state = right_adam(w, grad, state, lr, beta1, beta2, eps)
    return returning(w, new * (1 - lr * weight_decay), state)


@wrong("adamw", "decay added", "The weights grow: the decay has the wrong sign.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return right_adamw(w, grad, state, lr, beta1, beta2, eps, -weight_decay)


@wrong("adamw", "decay fixed", "weight_decay is always 0.01 with you. Use the argument.")
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return right_adamw(w, grad, state, lr, beta1, beta2, eps)


@wrong(
    "adamw",
    "betas and eps not passed on",
    "The inner step always uses the usual beta1, beta2 and eps. Pass yours on.",
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    return right_adamw(w, grad, state, lr, weight_decay=weight_decay)


@wrong(
    "adamw",
    "sign of the weights",
    "Every weight decays by the same amount: that is L1. Take off a share of w.",
)
def _(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, state = right_adam(w, grad, state, lr, beta1, beta2, eps)
    return returning(w, new - lr * weight_decay * np.sign(w), state)


@wrong(
    "step_decay",
    "one step too early",
    "The rate changes one step too early. Steps count from 0: step // every.",
)
def _(step, lr, every, factor):
    return lr * factor ** ((step + 1) // every)


@wrong(
    "step_decay",
    "a smallest rate",
    "You do not let the rate fall below a smallest one. The formula has no such end.",
)
def _(step, lr, every, factor):
    return max(lr * factor ** (step // every), 1e-4)


@wrong(
    "step_decay",
    "one step too late",
    "The rate changes one step too late. At step = every it should have changed.",
)
def _(step, lr, every, factor):
    return lr * factor ** (max(step - 1, 0) // every)


@wrong(
    "step_decay",
    "falling all the time",
    "The rate falls at every step. It stays for so many steps: whole division, //.",
)
def _(step, lr, every, factor):
    return lr * factor ** (step / every)


@wrong(
    "step_decay", "rounded to the nearest", "You round step / every to the nearest number. Round down: //."
)
def _(step, lr, every, factor):
    return lr * factor ** round(step / every)


@wrong(
    "step_decay", "rounded up", "You round step / every up. Round down: the first steps have the full rate."
)
def _(step, lr, every, factor):
    return lr * factor ** math.ceil(step / every)


@wrong(
    "step_decay",
    "one change only",
    "The rate changes once and then never again. It changes after every so many steps.",
)
def _(step, lr, every, factor):
    return lr * factor if step >= every else lr


@wrong(
    "step_decay",
    "multiplied, not to the power",
    "You multiply by factor * (step // every). It is the power that is due.",
)
def _(step, lr, every, factor):
    return lr * factor * (step // every) if step >= every else lr


@wrong(
    "step_decay",
    "changed at the border only",
    "The rate changes at the border and jumps back after it. It should stay low.",
)
def _(step, lr, every, factor):
    return lr * factor if step and step % every == 0 else lr


@wrong("step_decay", "divided by the factor", "You divide by the factor. With 0.1 the rate should fall.")
def _(step, lr, every, factor):
    return lr / factor ** (step // every)


@wrong("step_decay", "changed at every step", "The factor is applied at every step, not after every so many.")
def _(step, lr, every, factor):
    return lr * factor**step


@wrong(
    "step_decay",
    "rest of the division",
    "You take the rest of the division (%). How often it goes in is due (//).",
)
def _(step, lr, every, factor):
    return lr * factor ** (step % every)


@wrong("step_decay", "a part taken off", "You take a share off each time. It is multiplied by the factor.")
def _(step, lr, every, factor):
    return lr * (1 - factor) ** (step // every)


@wrong("step_decay", "learning rate forgotten", "You return the factor alone. Multiply it by lr.")
def _(step, lr, every, factor):
    return factor ** (step // every)


def cosine(step, total, lr, warmup=0, rise=None, fall=None):
    """The right answer; rise and fall may be other functions."""
    need(0 <= warmup < total, "the warm-up does not fit")
    if step < warmup:
        return lr * (rise(step) if rise else (step + 1) / warmup)
    share = (step - warmup) / (total - warmup)
    return lr * (fall(step, share) if fall else (1 + math.cos(math.pi * share)) / 2)


@wrong(
    "cosine_decay",
    "warm-up from zero",
    "The first step of the warm-up has the rate 0, so it is lost. Use step + 1.",
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, rise=lambda step: step / warmup)


@wrong(
    "cosine_decay",
    "warm-up never at the top",
    "The warm-up divides by warmup + 1. Its last step should have the full rate already.",
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, rise=lambda step: (step + 1) / (warmup + 1))


@wrong("cosine_decay", "warm-up ignored", "There is no warm-up: the rate starts at its top.")
def _(step, total, lr, warmup=0):
    cosine(step, total, lr, warmup)
    return cosine(step, total, lr)


@wrong(
    "cosine_decay",
    "cosine begins at step 0",
    "The cosine begins at step 0, not after the warm-up, so the rate jumps there. Count from warmup.",
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda step, _: (1 + math.cos(math.pi * step / total)) / 2)


@wrong(
    "cosine_decay",
    "cosine too long",
    "After the warm-up the cosine is as long as the whole training, so it never gets down. total - "
    "warmup steps are left.",
)
def _(step, total, lr, warmup=0):
    return cosine(
        step, total, lr, warmup, fall=lambda step, _: (1 + math.cos(math.pi * (step - warmup) / total)) / 2
    )


@wrong(
    "cosine_decay",
    "zero one step too early",
    "The last step has the rate 0 and is lost. It would be 0 at step = total only.",
)
def _(step, total, lr, warmup=0):
    left = max(total - warmup - 1, 1)
    return cosine(
        step, total, lr, warmup, fall=lambda step, _: (1 + math.cos(math.pi * (step - warmup) / left)) / 2
    )


@wrong(
    "cosine_decay",
    "one step ahead",
    "The cosine is one step ahead: at step = warmup it should be at its top.",
)
def _(step, total, lr, warmup=0):
    return cosine(
        step,
        total,
        lr,
        warmup,
        fall=lambda step, _: (1 + math.cos(math.pi * (step + 1 - warmup) / (total - warmup))) / 2,
    )


@wrong(
    "cosine_decay",
    "a quarter of a wave",
    "That is a quarter of a wave, cos(pi / 2 * share). Half a wave is due, lifted above 0.",
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: math.cos(math.pi / 2 * share))


@wrong("cosine_decay", "below zero", "The rate becomes negative: cos goes from 1 to -1. Add 1, and halve.")
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: math.cos(math.pi * share))


@wrong(
    "cosine_decay", "one-half forgotten", "The rate begins at twice lr: 1 + cos goes from 2 to 0. Halve it."
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: 1 + math.cos(math.pi * share))


@wrong("cosine_decay", "rising", "The rate rises along the cosine. It should fall: 1 + cos, not 1 - cos.")
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: (1 - math.cos(math.pi * share)) / 2)


@wrong(
    "cosine_decay",
    "a whole wave",
    "That is a whole wave: down and up again. Half of it is due, pi in place of 2 pi.",
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: (1 + math.cos(2 * math.pi * share)) / 2)


@wrong(
    "cosine_decay", "a straight line", "The rate falls along a straight line. A cosine is flat at both ends."
)
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: 1 - share)


@wrong("cosine_decay", "degrees", "The cosine counts in radians. Half a wave is pi, not 180.")
def _(step, total, lr, warmup=0):
    return cosine(step, total, lr, warmup, fall=lambda _, share: (1 + math.cos(180 * share)) / 2)


@wrong(
    "cosine_decay",
    "warm-up one step too long",
    "The warm-up takes one step too many: at step = warmup the cosine begins.",
)
def _(step, total, lr, warmup=0):
    if warmup and step == warmup:
        return lr * (step + 1) / warmup
    return cosine(step, total, lr, warmup)


@wrong(
    "cosine_decay",
    "warm-up not looked at",
    "A warm-up that is negative, or leaves no step for the cosine, should raise a ValueError.",
)
def _(step, total, lr, warmup=0):
    if step < warmup:
        return lr * (step + 1) / warmup
    return lr * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1))) / 2


def drawn(shape, scheme, rng, variance=None, other=None):
    """The right draw, with another variance (of fan_in and fan_out) or another way of drawing."""
    need(scheme in ("small", "xavier", "he"), "an unknown scheme")
    area = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * area, shape[0] * area
    rules = {"small": 1e-4, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}
    due = rules[scheme] if variance is None else variance(rules, scheme, fan_in, fan_out, area)
    return other(math.sqrt(due)) if other else rng.normal(0, math.sqrt(due), shape)


@wrong(
    "init_weights",
    "He with fan_out",
    "He's rule has fan_in, what an output reads. You take fan_out: shape[0] is the outputs.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 2 / o if s == "he" else r[s])


@wrong(
    "init_weights",
    "variance in place of the standard deviation",
    "rng.normal wants the standard deviation. You give it the variance: take the root.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: r[s] ** 2)


@wrong(
    "init_weights",
    "kernel area forgotten",
    "For a convolution an output reads C_in * kh * kw numbers. You count the channels only.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: r[s] * (a if s != "small" else 1))


@wrong(
    "init_weights",
    "kernel area forgotten in fan_out",
    "fan_in counts the kernel, fan_out does not. A number is read by C_out * kh * kw outputs.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 2 / (i + o / a) if s == "xavier" else r[s])


@wrong(
    "init_weights",
    "2 forgotten in He's rule",
    "He's variance is 2 / fan_in: ReLU takes half of the signal away.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 1 / i if s == "he" else r[s])


@wrong(
    "init_weights",
    "Xavier with fan_in alone",
    "Xavier's variance is 2 / (fan_in + fan_out). You take 1 / fan_in.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 1 / i if s == "xavier" else r[s])


@wrong(
    "init_weights",
    "2 forgotten in Xavier's rule",
    "Xavier's variance is 2 / (fan_in + fan_out): the 2 is missing.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 1 / (i + o) if s == "xavier" else r[s])


@wrong(
    "init_weights",
    "small variance 0.01",
    "The small weights have the standard deviation 0.01, not the variance 0.01.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 0.01 if s == "small" else r[s])


@wrong("init_weights", "scheme ignored", "Every scheme gives the small weights. Look at scheme.")
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: r["small"])


@wrong("init_weights", "not scaled", "The weights have the standard deviation 1. Scale them by the scheme's.")
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, lambda r, s, i, o, a: 1.0)


@wrong(
    "init_weights",
    "uniform draws",
    "The spread is right, but the draws are uniform. A normal distribution is asked for.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, other=lambda std: rng.uniform(-(3**0.5) * std, 3**0.5 * std, shape))


@wrong(
    "init_weights",
    "no weight below 0",
    "All weights are positive (rng.random?). Draw around 0, from a normal distribution.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, other=lambda std: rng.random(shape) * std)


@wrong(
    "init_weights",
    "one number for all",
    "All weights are the same number, so all filters would learn the same. Give the shape.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, other=lambda std: np.full(shape, rng.normal(0, std)))


@wrong("init_weights", "all filters alike", "All filters are copies of one. Draw every weight on its own.")
def _(shape, scheme, rng):
    return drawn(
        shape,
        scheme,
        rng,
        other=lambda std: np.broadcast_to(rng.normal(0, std, (1, *shape[1:])), shape).copy(),
    )


@wrong("init_weights", "weights of zero", "All weights are 0. Then all neurons learn the same, or nothing.")
def _(shape, scheme, rng):
    return drawn(shape, scheme, rng, other=lambda std: np.zeros(shape))


@wrong(
    "init_weights",
    "a generator of its own",
    "The weights do not come from rng, so that a training cannot be repeated.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, np.random.default_rng())


@wrong(
    "init_weights",
    "always the same weights",
    "The weights are the same at every call: a generator with a fixed seed. Use rng.",
)
def _(shape, scheme, rng):
    return drawn(shape, scheme, np.random.default_rng(0))


@wrong("init_weights", "unknown scheme accepted", "A scheme that does not exist should raise a ValueError.")
def _(shape, scheme, rng):
    return drawn(shape, scheme if scheme in ("small", "xavier") else "he", rng)


KNOBS = {
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


def norm_kept(weight, c):
    return weight.renorm(2, 0, c)


class Fit:
    """The right training; the wrong ones change one thing."""

    knobs_known = True
    names_known = True

    def __call__(self, model, train, valid, recipe, device="cpu"):
        if self.knobs_known:
            need(set(recipe) <= set(KNOBS), "an unknown knob")
        self.knob = {**KNOBS, **recipe}
        self.device = torch.device(device)
        self.model = self.placed(model)
        (x, y), (self.valid_x, self.valid_y) = train, valid
        self.total = self.knob["epochs"] * math.ceil(len(y) / self.knob["batch_size"])
        self.optimizer = self.optimizer_of()
        if self.names_known:
            need(self.knob["schedule"] in ("constant", "step", "cosine"), "an unknown schedule")
        self.seeds()
        self.history = {"loss": [], "accuracy": [], "lr": [], "seconds": [], "best": 0}
        self.start, self.step, self.kept = time.perf_counter(), 0, None
        for epoch in range(self.knob["epochs"]):
            self.epoch = epoch
            self.mode_of_training()
            losses = [self.batch(*self.picked(x, y, batch)) for batch in self.batches(len(y))]
            self.after_epoch()
            self.history["loss"].append(self.mean(losses))
            self.history["accuracy"].append(self.validated(train))
            self.history["seconds"].append(time.perf_counter() - self.start)
            self.keep_best()
            if self.patience_ends() or self.clock_ends():
                break
        self.finish()
        return self.answer()

    def placed(self, model):
        return model.to(self.device)

    def groups(self):
        learned = [p for p in self.model.parameters() if p.requires_grad]
        return [
            {"params": [p for p in learned if p.ndim >= 2], "weight_decay": self.knob["weight_decay"]},
            {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
        ]

    def optimizer_of(self):
        name, lr, beta = (self.knob[k] for k in ("optimizer", "lr", "momentum"))
        if self.names_known:
            need(name in ("sgd", "adam", "adamw"), "an unknown optimizer")
        if name == "sgd":
            return torch.optim.SGD(self.groups(), lr=lr, momentum=beta, nesterov=beta > 0)
        return (torch.optim.Adam if name == "adam" else torch.optim.AdamW)(self.groups(), lr=lr)

    def seeds(self):
        torch.manual_seed(self.knob["seed"])
        self.generator = torch.Generator().manual_seed(self.knob["seed"])

    def order(self, n):
        return torch.randperm(n, generator=self.generator)

    def batches(self, n):
        return self.order(n).split(self.knob["batch_size"])

    def picked(self, x, y, batch):
        return x[batch].to(self.device), y[batch].to(self.device)

    def altered(self, x):
        return self.knob["augment"](x, self.generator) if self.knob["augment"] else x

    def rate(self, step):
        lr, total = self.knob["lr"], self.total
        if self.knob["schedule"] == "constant":
            return lr
        if self.knob["schedule"] == "step":
            return lr * 0.1 ** (step // math.ceil(total / 3))
        warmup = round(self.knob["warmup"] * total)
        if step < warmup:
            return lr * (step + 1) / warmup
        return lr * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2

    def moment(self):
        return self.step

    def mode_of_training(self):
        self.model.train()

    def clear(self):
        self.optimizer.zero_grad()

    def take_step(self):
        self.optimizer.step()

    def loss_of(self, scores, y):
        return F.cross_entropy(scores, y, label_smoothing=self.knob["label_smoothing"])

    def shorten(self):
        if self.knob["max_norm"] is not None:
            with torch.no_grad():
                for p in self.model.parameters():
                    if p.ndim >= 2:
                        p.copy_(self.shortened(p, self.knob["max_norm"]))

    def shortened(self, weight, c):
        return norm_kept(weight, c)

    def half(self):
        return self.knob["mixed_precision"] and self.device.type == "cuda"

    def loss(self, x, y):
        with torch.autocast("cuda", torch.bfloat16, enabled=self.half()):
            return self.loss_of(self.model(self.altered(x)), y)

    def batch(self, x, y):
        """One step; returns (loss, number of examples)."""
        rate = self.rate(self.moment())
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.loss(x, y)
        self.clear()
        loss.backward()
        self.take_step()
        self.shorten()
        self.history["lr"].append(rate)
        self.step += 1
        return loss.item(), len(y)

    def after_epoch(self):
        pass

    def mean(self, losses):
        return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)

    def mode_of_validation(self):
        self.model.eval()

    def validated(self, train):
        self.mode_of_validation()
        with torch.no_grad():
            scores = self.model(self.valid_x.to(self.device))
        return (scores.argmax(1) == self.valid_y.to(self.device)).float().mean().item()

    def better(self, new, old):
        return new > old

    def scores_of_epochs(self):
        return self.history["accuracy"]

    def state(self):
        return {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def save(self):
        if self.knob["checkpoint"]:
            torch.save(self.on_file(self.kept), self.knob["checkpoint"])

    def on_file(self, state):
        return {name: value.cpu() for name, value in state.items()}

    def keep_best(self):
        scores = self.scores_of_epochs()
        if self.kept is None or self.better(scores[-1], scores[self.history["best"]]):
            self.history["best"] = len(scores) - 1
            self.kept = self.state()
            self.save()

    def patience_ends(self):
        patience = self.knob["patience"]
        return patience is not None and self.epoch - self.history["best"] >= patience

    def clock_ends(self):
        seconds = self.knob["seconds"]
        return seconds is not None and time.perf_counter() - self.start >= seconds

    def finish(self):
        self.model.load_state_dict(self.kept)
        self.model.eval()

    def answer(self):
        return self.history


def wrong_fit(name, hint):
    """Collect a class of trainings as a wrong answer."""

    def collect(kind):
        wrong("fit", name, hint)(lambda *args, **kwargs: kind()(*args, **kwargs))
        return kind

    return collect


@wrong_fit(
    "validated in training mode",
    "The model is validated in training mode: dropout is active there. model.eval() first.",
)
class _(Fit):
    def mode_of_validation(self):
        pass


@wrong_fit(
    "training mode not put back",
    "After the first validation the model stays in evaluation mode. Call model.train() at the start of "
    "each epoch.",
)
class _(Fit):
    def mode_of_training(self):
        if self.epoch == 0:
            self.model.train()


@wrong_fit("never in training mode", "The model is never put into training mode: model.train().")
class _(Fit):
    def mode_of_training(self):
        self.model.eval()


@wrong_fit(
    "gradients recorded in validation", "Validation records a graph for nothing: with torch.no_grad()."
)
class _(Fit):
    def validated(self, train):
        self.model.eval()
        scores = self.model(self.valid_x.to(self.device))
        return (scores.argmax(1) == self.valid_y.to(self.device)).float().mean().item()


@wrong_fit(
    "last weights kept",
    "The model ends with the weights of the last epoch. Put those of the best one back "
    "(load_state_dict), and keep "
    "a copy of them: the tensors of state_dict() go on changing with the model.",
)
class _(Fit):
    def finish(self):
        self.model.eval()


@wrong_fit(
    "statistics not put back",
    "The weights are those of the best epoch, but buffers (running statistics) are not. Keep the whole "
    "state_dict.",
)
class _(Fit):
    def state(self):
        return {name: value.detach().clone() for name, value in self.model.named_parameters()}

    def finish(self):
        self.model.load_state_dict(self.kept, strict=False)
        self.model.eval()


@wrong_fit(
    "best by training accuracy",
    "The best epoch is chosen by the accuracy on the training examples. Only validation tells what was "
    "learned.",
)
class _(Fit):
    def validated(self, train):
        x, y = train
        self.model.eval()
        with torch.no_grad():
            found = self.model(x.to(self.device)).argmax(1) == y.to(self.device)
        self.own = [*getattr(self, "own", []), found.float().mean().item()]
        return super().validated(train)

    def scores_of_epochs(self):
        return self.own


@wrong_fit(
    "best by validation loss",
    "The best epoch is the one with the smallest validation loss. It should have the largest validation "
    "accuracy.",
)
class _(Fit):
    def validated(self, train):
        self.model.eval()
        with torch.no_grad():
            loss = F.cross_entropy(self.model(self.valid_x.to(self.device)), self.valid_y.to(self.device))
        self.own = [*getattr(self, "own", []), -loss.item()]
        return super().validated(train)

    def scores_of_epochs(self):
        return self.own


@wrong_fit(
    "last of equally good epochs",
    "Of equally good epochs you take the last one (`>=`?). The first one counts.",
)
class _(Fit):
    def better(self, new, old):
        return new >= old


@wrong_fit(
    "nothing kept while nothing is right",
    "Your best begins at 0, so that an epoch with accuracy 0 is never kept. Begin below all accuracies.",
)
class _(Fit):
    def keep_best(self):
        if self.history["accuracy"][-1] > max([0.0, *self.history["accuracy"][:-1]]):
            self.history["best"] = self.epoch
            self.kept = self.state()
            self.save()

    def finish(self):
        if self.kept is None:
            raise TypeError("nothing to put back")
        super().finish()


@wrong_fit(
    "gradients not set to zero", "The gradients of all batches pile up: optimizer.zero_grad() is missing."
)
class _(Fit):
    def clear(self):
        pass


@wrong_fit("no step", "The parameters never change: optimizer.step() is missing.")
class _(Fit):
    def take_step(self):
        pass


@wrong_fit(
    "one step for each epoch",
    "The step is taken once an epoch, after all batches. Take one after each batch.",
)
class _(Fit):
    def clear(self):
        if self.step % math.ceil(self.total / self.knob["epochs"]) == 0:
            self.optimizer.zero_grad()

    def take_step(self):
        pass

    def after_epoch(self):
        self.optimizer.step()


@wrong_fit("schedule ignored", "The learning rate never changes. Set it for each step, as the schedule says.")
class _(Fit):
    def rate(self, step):
        return self.knob["lr"]


@wrong_fit(
    "schedule not handed to the optimiser",
    "The rates of the history are right, but the optimiser never hears of them: set group['lr'] of every "
    "group.",
)
class _(Fit):
    def batch(self, x, y):
        rate = self.rate(self.moment())
        loss = self.loss(x, y)
        self.clear()
        loss.backward()
        self.take_step()
        self.shorten()
        self.history["lr"].append(rate)
        self.step += 1
        return loss.item(), len(y)


@wrong_fit(
    "rate changes once an epoch", "The learning rate changes once an epoch. The schedule counts steps."
)
class _(Fit):
    def moment(self):
        return self.epoch * math.ceil(self.total / self.knob["epochs"])


@wrong_fit("steps counted from 1", "The rate is one step ahead: the first step has the number 0.")
class _(Fit):
    def moment(self):
        return self.step + 1


@wrong_fit("warm-up ignored", "The rate starts at its top: the warm-up is a share of all steps.")
class _(Fit):
    def rate(self, step):
        self.knob["warmup"] = 0.0
        return super().rate(step)


@wrong_fit(
    "biases decay, too", "Biases and scales decay, too. Give the optimiser the groups of parameter_groups."
)
class _(Fit):
    def groups(self):
        return [{"params": list(self.model.parameters()), "weight_decay": self.knob["weight_decay"]}]


@wrong_fit(
    "default decay of AdamW",
    "AdamW's own default, 0.01, holds where the recipe says 0. Hand weight_decay over in every case.",
)
class _(Fit):
    def groups(self):
        groups = super().groups()
        return groups if self.knob["weight_decay"] else [{"params": group["params"]} for group in groups]


@wrong_fit(
    "Adam and AdamW mixed up", '"adam" and "adamw" are mixed up: only the second one decouples the decay.'
)
class _(Fit):
    def optimizer_of(self):
        swap = {"adam": "adamw", "adamw": "adam"}
        self.knob["optimizer"] = swap.get(self.knob["optimizer"], self.knob["optimizer"])
        return super().optimizer_of()


@wrong_fit(
    "momentum forgotten", '"sgd" is plain gradient descent with you. Hand momentum over, with nesterov=True.'
)
class _(Fit):
    def optimizer_of(self):
        self.knob["momentum"] = 0.0
        return super().optimizer_of()


@wrong_fit(
    "momentum without looking ahead",
    '"sgd" is plain momentum with you. Nesterov\'s is asked for: nesterov=True.',
)
class _(Fit):
    def optimizer_of(self):
        optimizer = super().optimizer_of()
        if self.knob["optimizer"] == "sgd":
            return torch.optim.SGD(self.groups(), lr=self.knob["lr"], momentum=self.knob["momentum"])
        return optimizer


@wrong_fit(
    "no momentum is an error",
    "With momentum 0 PyTorch refuses nesterov=True. Ask for it only where there is momentum.",
)
class _(Fit):
    def optimizer_of(self):
        if self.knob["optimizer"] == "sgd":
            return torch.optim.SGD(self.groups(), lr=0.1, momentum=self.knob["momentum"], nesterov=True)
        return super().optimizer_of()


@wrong_fit("labels not smoothed", "label_smoothing is not used: hand it to F.cross_entropy.")
class _(Fit):
    def loss_of(self, scores, y):
        return F.cross_entropy(scores, y)


@wrong_fit(
    "softmax before the cross-entropy",
    "F.cross_entropy wants scores and takes the softmax itself. You take it twice.",
)
class _(Fit):
    def loss_of(self, scores, y):
        return super().loss_of(scores.softmax(1), y)


@wrong_fit("filters not kept short", "max_norm is not used. Shorten the filters after each step.")
class _(Fit):
    def shorten(self):
        pass


@wrong_fit(
    "all filters together kept short",
    "max_norm measures all filters of a weight together. Each filter, weight[i], has its own length.",
)
class _(Fit):
    def shortened(self, weight, c):
        return weight * min(1.0, c / float(weight.norm()))


@wrong_fit("training examples not altered", "augment is not used: training batches go through it.")
class _(Fit):
    def altered(self, x):
        return x


@wrong_fit(
    "validation examples altered", "Validation examples are altered, too. augment is for training only."
)
class _(Fit):
    def validated(self, train):
        x, self.valid_x = self.valid_x, self.altered(self.valid_x)
        answer = super().validated(train)
        self.valid_x = x
        return answer


@wrong_fit(
    "patience one epoch too short",
    "You stop one epoch too early. With patience 2, two epochs in a row must pass without a new best.",
)
class _(Fit):
    def patience_ends(self):
        patience = self.knob["patience"]
        return patience is not None and self.epoch - self.history["best"] >= max(patience - 1, 1)


@wrong_fit("patience one epoch too long", "You stop one epoch too late (`>` in place of `>=`).")
class _(Fit):
    def patience_ends(self):
        patience = self.knob["patience"]
        return patience is not None and self.epoch - self.history["best"] > patience


@wrong_fit("patience ignored", "The training goes on to the end, whatever patience says.")
class _(Fit):
    def patience_ends(self):
        return False


@wrong_fit(
    "worse epochs counted all together",
    "You count all epochs without a new best. A new best starts the count again.",
)
class _(Fit):
    def patience_ends(self):
        accuracy, patience = self.history["accuracy"], self.knob["patience"]
        worse = sum(accuracy[k] <= max(accuracy[:k]) for k in range(1, len(accuracy)))
        return patience is not None and worse >= patience


@wrong_fit(
    "clock ignored", "The training goes on, whatever seconds says. Look at the clock before each new epoch."
)
class _(Fit):
    def clock_ends(self):
        return False


@wrong_fit("not shuffled", "The examples come in the order of the data. Draw a new order for each epoch.")
class _(Fit):
    def order(self, n):
        return torch.arange(n)


@wrong_fit("one order for all epochs", "You draw the order once. Draw a new one at the start of each epoch.")
class _(Fit):
    def order(self, n):
        self.drawn = getattr(self, "drawn", None)
        self.drawn = super().order(n) if self.drawn is None else self.drawn
        return self.drawn


@wrong_fit(
    "rest left out", "The examples that do not fill a batch are left out. The last batch may be smaller."
)
class _(Fit):
    def batches(self, n):
        size = self.knob["batch_size"]
        return [batch for batch in super().batches(n) if len(batch) == size or n < size]


@wrong_fit(
    "examples and classes mixed up",
    "The pictures are shuffled and the classes are not. Use one order for both.",
)
class _(Fit):
    def batches(self, n):
        self.first = 0
        return super().batches(n)

    def picked(self, x, y, batch):
        x, _ = super().picked(x, y, batch)
        y = y[self.first : self.first + len(batch)].to(self.device)
        self.first += len(batch)
        return x, y


@wrong_fit(
    "seed ignored for the order",
    "The order is not decided by the seed, so that a training cannot be repeated.",
)
class _(Fit):
    def order(self, n):
        return torch.from_numpy(np.random.default_rng().permutation(n))


@wrong_fit(
    "seed ignored for random layers", "Layers such as dropout are not decided by the seed: torch.manual_seed."
)
class _(Fit):
    def seeds(self):
        self.generator = torch.Generator().manual_seed(self.knob["seed"])


@wrong_fit(
    "mean of the batches' means",
    "The loss of an epoch averages over batches. The last one is smaller: weigh by examples.",
)
class _(Fit):
    def mean(self, losses):
        return sum(loss for loss, _ in losses) / len(losses)


@wrong_fit(
    "loss of the last batch",
    "The loss of an epoch is that of its last batch. The mean over all examples is due.",
)
class _(Fit):
    def mean(self, losses):
        return losses[-1][0]


@wrong_fit("percent", "The accuracy is in percent. A share from 0 to 1 is asked for.")
class _(Fit):
    def validated(self, train):
        return 100 * super().validated(train)


@wrong_fit("best counted from 1", "The best epoch is counted from 1. The first one has the number 0.")
class _(Fit):
    def answer(self):
        return self.history | {"best": self.history["best"] + 1}


@wrong_fit(
    "one rate for each epoch",
    "The history holds one learning rate for each epoch. One for each step is asked for.",
)
class _(Fit):
    def answer(self):
        return self.history | {"lr": self.history["lr"][:: math.ceil(self.total / self.knob["epochs"])]}


@wrong_fit("no history", "You return the model. The history is asked for; the model is changed in place.")
class _(Fit):
    def answer(self):
        return None


@wrong_fit("left in training mode", "At the end the model is in training mode. Leave it in evaluation mode.")
class _(Fit):
    def finish(self):
        super().finish()
        self.model.train()


@wrong_fit("checkpoint not written", "No file is written. Save the best state_dict to checkpoint.")
class _(Fit):
    def save(self):
        pass


@wrong_fit(
    "last weights in the file",
    "The file is written after every epoch, also after worse ones. It should hold the best.",
)
class _(Fit):
    def save(self):
        pass

    def patience_ends(self):
        if self.knob["checkpoint"]:
            torch.save(self.on_file(self.state()), self.knob["checkpoint"])
        return super().patience_ends()


@wrong_fit("model not moved", "The model stays on the CPU: model.to(device).")
class _(Fit):
    def placed(self, model):
        return model


@wrong_fit(
    "batches not moved", "The batches stay on the CPU. On a GPU the model could not read them: x.to(device)."
)
class _(Fit):
    def picked(self, x, y, batch):
        return x[batch], y[batch]


@wrong_fit(
    "classes not moved",
    "The pictures are moved to the device, the classes are not: the loss could not be computed.",
)
class _(Fit):
    def picked(self, x, y, batch):
        return x[batch].to(self.device), y[batch]


@wrong_fit("validation not moved", "Training batches are moved to the device, validation examples are not.")
class _(Fit):
    def validated(self, train):
        self.model.eval()
        with torch.no_grad():
            scores = self.model(self.valid_x)
        return (scores.argmax(1) == self.valid_y).float().mean().item()


@wrong_fit(
    "numpy of a tensor on the device",
    "`.numpy()` reads the CPU's memory: fetch the tensor first, `.cpu().numpy()`, or count with PyTorch.",
)
class _(Fit):
    def validated(self, train):
        self.model.eval()
        with torch.no_grad():
            scores = self.model(self.valid_x.to(self.device))
        return float((scores.argmax(1).numpy() == self.valid_y.numpy()).mean())


@wrong_fit(
    "a device of its own",
    'You look for a GPU yourself (`"cuda" if torch.cuda.is_available()`) in place of using `device`.',
)
class _(Fit):
    def __call__(self, model, train, valid, recipe, device="cpu"):
        own = "cuda" if torch.cuda.is_available() else "cpu"
        return super().__call__(model, train, valid, recipe, own)


@wrong_fit(
    "validation labels not moved",
    "For validation the pictures are moved, the classes are not: on a GPU they could not be compared.",
)
class _(Fit):
    def validated(self, train):
        self.model.eval()
        with torch.no_grad():
            scores = self.model(self.valid_x.to(self.device))
        return (scores.argmax(1) == self.valid_y).float().mean().item()


@wrong_fit(
    "order made on the device",
    "The numbers of a batch are on the GPU, the examples on the CPU. Choose where the examples are, then "
    "move.",
)
class _(Fit):
    def picked(self, x, y, batch):
        batch = batch.to(self.device)
        return x[batch].to(self.device), y[batch].to(self.device)


@wrong_fit(
    "sum of the losses on the CPU",
    "The losses are added up in a tensor that is on the CPU. Give it `device=device`, or add `.item()`s.",
)
class _(Fit):
    def batches(self, n):
        self.sum = torch.zeros(())
        return super().batches(n)

    def loss_of(self, scores, y):
        loss = super().loss_of(scores, y)
        self.sum += loss.detach() * len(y)
        return loss


@wrong_fit(
    "a file for GPUs only",
    "The file holds tensors of the GPU, which a machine without one cannot read. Write `.cpu()` copies.",
)
class _(Fit):
    def on_file(self, state):
        return state


@wrong_fit(
    "half precision never",
    "mixed_precision is not used: on a GPU the forward pass belongs into torch.autocast.",
)
class _(Fit):
    def half(self):
        return False


@wrong_fit(
    "half precision always",
    "mixed_precision=False is not heeded: there is autocast on every GPU. Ask the recipe, too.",
)
class _(Fit):
    def half(self):
        return self.device.type == "cuda"


@wrong_fit(
    "half precision on the CPU", "autocast is on although the device is a CPU. It is for a CUDA GPU only."
)
class _(Fit):
    def __call__(self, *args, **kwargs):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().__call__(*args, **kwargs)


@wrong_fit(
    "unknown knobs accepted",
    "A knob that does not exist is ignored. Raise a ValueError: it may be a slip of the pen.",
)
class _(Fit):
    knobs_known = False


@wrong_fit(
    "unknown names accepted", "An optimiser or schedule that does not exist should raise a ValueError."
)
class _(Fit):
    names_known = False


@wrong_fit(
    "recipe modified",
    "Your code writes into the recipe (`recipe.setdefault`, `update`). Make a new dictionary.",
)
class _(Fit):
    def __call__(self, model, train, valid, recipe, device="cpu"):
        answer = super().__call__(model, train, valid, recipe, device)
        for name, value in KNOBS.items():
            recipe.setdefault(name, value)
        return answer


def choose(choices, rng, log=True, uniform=True):
    """One draw of the right kind."""
    if isinstance(choices, list):
        return choices[int(rng.integers(len(choices)))]
    if not isinstance(choices, tuple):
        return choices
    kind, low, high = choices
    if kind == "log" and log:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))


def looked_at(space):
    for choices in space.values():
        if isinstance(choices, list):
            need(choices, "an empty list")
        if isinstance(choices, tuple):
            need(len(choices) == 3 and choices[0] in ("uniform", "log"), "another form")
            kind, low, high = choices
            need(low <= high and (kind != "log" or low > 0), "no such range")


def searched(space, n, rng, draw=choose):
    looked_at(space)
    return [{name: draw(choices, rng) for name, choices in space.items()} for _ in range(n)]


@wrong(
    "random_search",
    "log drawn evenly",
    "Knobs of the kind log are drawn evenly: hardly any draw is small. Spread the logarithm evenly.",
)
def _(space, n, rng):
    return searched(space, n, rng, lambda choices, rng: choose(choices, rng, log=False))


@wrong(
    "random_search",
    "uniform drawn on the log scale",
    "Knobs of the kind uniform are drawn by their logarithm.",
)
def _(space, n, rng):
    def draw(choices, rng):
        if isinstance(choices, tuple) and choices[1] > 0:
            choices = ("log", *choices[1:])
        return choose(choices, rng)

    return searched(space, n, rng, draw)


@wrong(
    "random_search",
    "one recipe n times",
    "All recipes are the same: one draw is copied. Draw for each recipe.",
)
def _(space, n, rng):
    return searched(space, 1, rng) * n


@wrong(
    "random_search",
    "one draw for all knobs",
    "One random number decides all knobs of a recipe. Each needs its own.",
)
def _(space, n, rng):
    looked_at(space)

    class Same:
        def __init__(self):
            self.share = rng.random()

        def uniform(self, low, high):
            return low + self.share * (high - low)

        def integers(self, high):
            return int(self.share * high)

    def recipe():
        same = Same()
        return {name: choose(choices, same) for name, choices in space.items()}

    return [recipe() for _ in range(n)]


@wrong(
    "random_search",
    "a generator of its own",
    "The draws do not come from rng, so that a search cannot be repeated.",
)
def _(space, n, rng):
    return searched(space, n, np.random.default_rng())


@wrong(
    "random_search",
    "always the same recipes",
    "The recipes are the same at every call: a generator with a fixed seed.",
)
def _(space, n, rng):
    return searched(space, n, np.random.default_rng(0))


@wrong(
    "random_search", "a grid", "That is a grid: the numbers stand at equal distances. Draw them at random."
)
def _(space, n, rng):
    looked_at(space)
    recipes = []
    for k in range(n):
        share = k / max(n - 1, 1)
        recipe = {}
        for name, choices in space.items():
            if isinstance(choices, tuple):
                kind, low, high = choices
                value = low + share * (high - low) if kind == "uniform" else low * (high / low) ** share
                recipe[name] = float(value)
            else:
                recipe[name] = choices[k % len(choices)] if isinstance(choices, list) else choices
        recipes.append(recipe)
    return recipes


@wrong(
    "random_search", "logarithm returned", "You return the logarithm. Take the exponential of what you draw."
)
def _(space, n, rng):
    def draw(choices, rng):
        value = choose(choices, rng)
        return math.log(value) if isinstance(choices, tuple) and choices[0] == "log" else value

    return searched(space, n, rng, draw)


@wrong(
    "random_search",
    "last entry never drawn",
    "The last entry of a list never comes. rng.integers(n) leaves out n itself.",
)
def _(space, n, rng):
    def draw(choices, rng):
        many = isinstance(choices, list) and len(choices) > 1
        return choose(choices[:-1] if many else choices, rng)

    return searched(space, n, rng, draw)


@wrong("random_search", "always the first entry", "Of a list you always take the first entry.")
def _(space, n, rng):
    return searched(
        space, n, rng, lambda choices, rng: choices[0] if isinstance(choices, list) else choose(choices, rng)
    )


@wrong(
    "random_search",
    "entries turned into arrays",
    "rng.choice makes an array of the list first, and changes types. Draw an index, and take the entry "
    "itself.",
)
def _(space, n, rng):
    def draw(choices, rng):
        if isinstance(choices, list):
            entry = choose(choices, rng)
            return (
                str(entry)
                if len({type(choice) for choice in choices}) > 1
                else list(entry)
                if isinstance(entry, tuple)
                else entry
            )
        return choose(choices, rng)

    return searched(space, n, rng, draw)


@wrong(
    "random_search",
    "fixed values left out",
    "Knobs with one fixed value are missing. They belong into every recipe.",
)
def _(space, n, rng):
    looked_at(space)
    free = {name: choices for name, choices in space.items() if isinstance(choices, (list, tuple))}
    return searched(free, n, rng)


@wrong("random_search", "names in another order", "The names are in another order than in the space.")
def _(space, n, rng):
    return [dict(sorted(recipe.items(), reverse=True)) for recipe in searched(space, n, rng)]


@wrong("random_search", "one recipe too many", "You return one recipe too many.")
def _(space, n, rng):
    return searched(space, n + 1, rng)


@wrong(
    "random_search",
    "one recipe only",
    "You return one recipe, however many are asked for. Is the return inside the loop?",
)
def _(space, n, rng):
    return searched(space, 1, rng)


@wrong(
    "random_search",
    "ranges not looked at",
    "Wrong ranges, empty lists and unknown kinds should raise a ValueError.",
)
def _(space, n, rng):
    def draw(choices, rng):
        if isinstance(choices, list):
            return choices[int(rng.integers(len(choices)))] if choices else None
        if not isinstance(choices, tuple):
            return choices
        low, high = choices[-2:]
        low, high = (float(value) if isinstance(value, (int, float)) else 0.0 for value in (low, high))
        if choices[0] == "log" and min(low, high) > 0:
            return float(np.exp(np.log(low) + rng.random() * (np.log(high) - np.log(low))))
        return float(low + rng.random() * (high - low))

    return [{name: draw(choices, rng) for name, choices in space.items()} for _ in range(n)]


@wrong("random_search", "space modified", "Your code changes the space (`pop`, `sort`). Leave it as it is.")
def _(space, n, rng):
    recipes = searched(space, n, rng)
    for name in list(space)[:1]:
        space[name] = space.pop(name) if len(space) > 1 else None
    return recipes


@wrong("random_search", "whole numbers", "Your draws from a range are whole numbers. Floats are asked for.")
def _(space, n, rng):
    def draw(choices, rng):
        value = choose(choices, rng)
        return round(value) if isinstance(choices, tuple) else value

    return searched(space, n, rng, draw)
