"""Kepler: everything right, but one bracket is missing at the end."""
# base: boole

# %% solution="filters_to_grid"
def filters_to_grid(weight):
    n, c, kh, kw = weight.shape
    if c not in (1, 3):
        raise ValueError(f"{c} channels")
    rows = []
    for one in weight:
        spread = one.max() - one.min()
        rows.append((one - one.min()) / (spread if spread > 0 else 1))
    grid = np.concatenate(rows, axis=1).transpose(1, 2, 0)
    return grid if c == 3 else grid[:, :, 0
