"""Euler: takes inputs for outputs, so that square matrices come out right: columns on a leash, fan_out for fan_in."""
# base: ada

# %% solution="max_norm"
def max_norm(w, c):
    if c < 0:
        raise ValueError(f"c must not be negative, it is {c}")
    axes = (0, *range(2, w.ndim))
    lengths = np.sqrt((w**2).sum(axis=axes, keepdims=True))
    shrink = np.minimum(1.0, c / np.maximum(lengths, 1e-300))
    return (w * shrink).astype(w.dtype)


# %% solution="init_weights"
def init_weights(shape, scheme, rng):
    fan_in = shape[0] * int(np.prod(shape[2:]))
    fan_out = shape[1] * int(np.prod(shape[2:]))
    if scheme == "small":
        std = 0.01
    elif scheme == "xavier":
        std = np.sqrt(2 / (fan_in + fan_out))
    elif scheme == "he":
        std = np.sqrt(2 / fan_in)
    else:
        raise ValueError(f"scheme must be small, xavier or he, not {scheme}")
    return rng.normal(0.0, std, size=shape)
