"""Noether: everything right, written in Colab, which dropped the notebook's metadata when it saved."""
# base: ada

# %% solution="correlate2d"
def correlate2d(image, kernel):
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"the kernel {kh} x {kw} has no middle")
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    rows = np.arange(image.shape[0])[:, None] + np.arange(kh)  # (H, kh)
    columns = np.arange(image.shape[1])[:, None] + np.arange(kw)  # (W, kw)
    windows = padded[rows[:, None, :, None], columns[None, :, None, :]]
    return np.tensordot(windows, kernel, axes=2).astype(image.dtype)
