"""Kepler: everything right, but one bracket is missing at the end."""
# base: boole

# %% solution="conv1x1"
def conv1x1(x, weight, bias=None):
    weight = weight.reshape(len(weight), -1)
    if weight.shape[1] != x.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels, weight has {weight.shape[1]}")
    y = np.einsum("oc,nchw->nohw", weight, x)
    return (y if bias is None else y + bias[:, None, None]
