"""Kepler: everything right, but one bracket is missing in the middle."""
# base: boole

# %% solution="init_weights"
def init_weights(shape, scheme, rng):
    kernel = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * kernel, shape[0] * kernel
    deviations = {"small": 0.01, "xavier": math.sqrt(2 / (fan_in + fan_out), "he": math.sqrt(2 / fan_in)}
    if scheme not in deviations:
        raise ValueError(f"unknown scheme {scheme}")
    return rng.normal(0, deviations[scheme], shape)
