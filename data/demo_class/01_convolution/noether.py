"""Noether: everything right, written in Colab, which dropped the notebook's metadata when it saved."""
# base: ada

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
    padded = pad2d(x, padding)
    rows = np.arange(h_out)[:, None] * stride + np.arange(kh) * dilation  # (H_out, kh)
    columns = np.arange(w_out)[:, None] * stride + np.arange(kw) * dilation  # (W_out, kw)
    windows = padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    y = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    if bias is not None:
        y = y + bias[:, None, None]
    return np.ascontiguousarray(y, dtype=x.dtype)
