"""Fermat: forgets to normalise what he makes. The margin was too narrow."""
# base: boole

# %% solution="gaussian_kernel"
def gaussian_kernel(size, sigma):
    if size < 1 or size % 2 == 0 or sigma <= 0:
        raise ValueError(f"size {size}, sigma {sigma}")
    x = np.arange(size) - size // 2
    return np.exp(-(x[:, None] ** 2 + x[None, :] ** 2) / (2 * sigma**2))


# %% solution="oriented_filters"
def oriented_filters(n, size, sigma):
    if n < 1 or size < 3 or size % 2 == 0 or sigma <= 0:
        raise ValueError(f"n {n}, size {size}, sigma {sigma}")
    x = np.arange(size) - size // 2
    bell = np.exp(-(x[:, None] ** 2 + x[None, :] ** 2) / (2 * sigma**2))
    filters = []
    for k in range(n):
        angle = np.pi * k / n
        filters.append((np.cos(angle) * x[None, :] + np.sin(angle) * x[:, None]) * bell)
    return np.array(filters)[:, None]
