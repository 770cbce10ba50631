"""Dijkstra: goes the wrong way round: the filters are turned on the way back, and the descent climbs."""
# base: boole

# %% solution="conv2d_backward"
def conv2d_backward(dy, x, weight, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, _, kh, kw = weight.shape
    h_out, w_out = dy.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    flipped = weight[:, :, ::-1, ::-1]  # "a convolution with the flipped filter"
    dpadded = np.zeros_like(padded)
    dweight = np.zeros_like(weight, dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, i + h_out * stride, stride)
            columns = slice(j, j + w_out * stride, stride)
            dpadded[:, :, rows, columns] += np.einsum("nohw,oc->nchw", dy, flipped[:, :, i, j])
            dweight[:, :, i, j] = np.einsum("nohw,nchw->oc", dy, padded[:, :, rows, columns])
    return dpadded[:, :, padding : padding + h, padding : padding + w], dweight, dy.sum(axis=(0, 2, 3))


# %% solution="gradient_descent"
def gradient_descent(loss_fn, weights, steps, step_size):
    weights = weights.copy()
    for _ in range(steps):
        loss, gradient = loss_fn(weights)
        weights = weights + step_size * gradient
    return weights
