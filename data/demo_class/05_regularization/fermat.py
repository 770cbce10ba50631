"""Fermat: forgets small things: the one-half, Adam's corrections, and that the cosine begins after the warm-up.

Boole's adamw takes the step of adam, and fit the rates of cosine_decay: both suffer, fit in its hidden cases only.
"""
# base: boole

# %% solution="l2_penalty"
def l2_penalty(w, lam):
    return float(lam * (w**2).sum()), (2 * lam * w).astype(w.dtype)


# %% solution="adam"
def adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = (np.zeros_like(w), np.zeros_like(w)) if state is None else state
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return (w - lr * m / (np.sqrt(v) + eps)).astype(w.dtype), (m, v)


# %% solution="cosine_decay"
def cosine_decay(step, total, lr, warmup=0):
    if warmup < 0 or warmup >= total:
        raise ValueError(f"warmup {warmup} must be from 0 to {total - 1}")
    if step < warmup:
        return lr * (step + 1) / warmup
    return lr / 2 * (1 + math.cos(math.pi * step / total))
