"""Fermat: forgets the bias in two places. The margin was too narrow."""
# base: boole

# %% solution="conv1x1"
def conv1x1(x, weight, bias=None):
    weight = weight.reshape(len(weight), -1)
    if weight.shape[1] != x.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels, weight has {weight.shape[1]}")
    return np.einsum("oc,nchw->nohw", weight, x)


# %% solution="causal_conv1d"
def causal_conv1d(x, weight, bias=None, dilation=1):
    n, c_in, steps = x.shape
    c_out, c_weight, k = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    if dilation < 1:
        raise ValueError(f"dilation {dilation}")
    padded = np.pad(x, ((0, 0), (0, 0), (dilation * (k - 1), 0)))
    y = np.zeros((n, c_out, steps), dtype=x.dtype)
    for tap in range(k):
        y += np.einsum("oc,nct->not", weight[:, :, tap], padded[:, :, tap * dilation : tap * dilation + steps])
    return y
