"""Gauss: puts all of the padding at the bottom and at the right. conv2d_loops uses that function and suffers too."""
# base: ada

# %% solution="pad2d"
def pad2d(x, padding):
    if padding < 0:
        raise ValueError(f"negative padding {padding}")
    n, c, h, w = x.shape
    out = np.zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=x.dtype)
    out[:, :, :h, :w] = x
    return out


# %% solution="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    h_out = output_size(h, kh, stride, padding, dilation)
    w_out = output_size(w, kw, stride, padding, dilation)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = np.arange(h_out)[:, None] * stride + np.arange(kh) * dilation
    columns = np.arange(w_out)[:, None] * stride + np.arange(kw) * dilation
    windows = padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    y = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    if bias is not None:
        y = y + bias[:, None, None]
    return y.astype(x.dtype)
