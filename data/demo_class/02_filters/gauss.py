"""Gauss: continues the picture's border instead of padding with zeros. convolve2d uses that function and suffers too."""
# base: boole

# %% solution="correlate2d"
def correlate2d(image, kernel):
    h, w = image.shape
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"a kernel of {kh} x {kw}")
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)), mode="edge")
    out = np.zeros_like(image)
    for u in range(kh):
        for v in range(kw):
            out += kernel[u, v] * padded[u : u + h, v : v + w]
    return out
