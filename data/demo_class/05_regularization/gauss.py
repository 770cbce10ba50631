"""Gauss: chance in the wrong place: dropout is not inverted, goes on at test time, and no logarithm is drawn."""
# base: ada

# %% solution="dropout"
def dropout(x, p, rng, train):
    if p < 0 or p >= 1:
        raise ValueError(f"p must be in [0, 1), not {p}")
    mask = np.ones(x.shape, x.dtype)
    if train:
        mask = (rng.random(x.shape) >= p).astype(x.dtype)
    return x * mask, mask


# %% solution="Dropout"
class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if p < 0 or p >= 1:
            raise ValueError(f"p must be in [0, 1), not {p}")
        self.p = p

    def forward(self, x):
        return F.dropout(x, self.p)


# %% solution="random_search"
def random_search(space, n, rng):
    def draw(name, values):
        if isinstance(values, list):
            if not values:
                raise ValueError(f"{name} has no values")
            return values[rng.integers(len(values))]
        if isinstance(values, tuple):
            if len(values) != 3 or values[0] not in ("uniform", "log") or values[1] > values[2]:
                raise ValueError(f"{name}: {values} is wrong")
            if values[0] == "log" and values[1] <= 0:
                raise ValueError(f"{name}: {values} must be positive")
            return float(rng.uniform(values[1], values[2]))
        return values

    for name in space:
        draw(name, space[name])
    return [{name: draw(name, space[name]) for name in space} for _ in range(n)]
