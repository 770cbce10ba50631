"""Dijkstra: turns the kernel where the course slides it as it is, and slides it as it is where it should be turned."""
# base: boole

# %% solution="correlate2d"
def correlate2d(image, kernel):
    h, w = image.shape
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"a kernel of {kh} x {kw}")
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    out = np.zeros_like(image)
    for u in range(kh):
        for v in range(kw):
            out += kernel[kh - 1 - u, kw - 1 - v] * padded[u : u + h, v : v + w]
    return out


# %% solution="convolve2d"
def convolve2d(image, kernel):
    return correlate2d(image, kernel[::-1, ::-1])
