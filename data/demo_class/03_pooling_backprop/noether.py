"""Noether: everything right, written in Colab, which dropped the notebook's metadata when it saved."""
# base: ada

# %% solution="conv2d_backward"
def conv2d_backward(dy, x, weight, stride=1, padding=0):
    c_out, c_in, kh, kw = weight.shape
    n, _, h_out, w_out = dy.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = np.arange(h_out)[:, None] * stride + np.arange(kh)  # (H_out, kh)
    columns = np.arange(w_out)[:, None] * stride + np.arange(kw)  # (W_out, kw)
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    dweight = np.tensordot(dy, padded[:, :, rows, columns], axes=((0, 2, 3), (0, 2, 3)))
    dpadded = np.zeros_like(padded)
    dwindows = np.moveaxis(np.tensordot(dy, weight, axes=(1, 0)), 3, 1)  # (N, C_in, H_out, W_out, kh, kw)
    np.add.at(dpadded, (slice(None), slice(None), rows, columns), dwindows)
    dx = dpadded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dweight.astype(x.dtype), dy.sum(axis=(0, 2, 3))
