"""Kepler: everything right, but one bracket is missing in the middle."""
# base: boole

# %% solution="psnr"
def psnr(x, target, peak=1.0):
    if x.shape != target.shape:
        raise ValueError(f"{x.shape} and {target.shape}")
    error = np.mean((x.astype(np.float64) - target.astype(np.float64)) ** 2
    if error == 0:
        return float("inf")
    return float(10 * np.log10(peak**2 / error))
