"""Euler: takes the height where the width is meant, so that only square pictures come out right."""
# base: ada

# %% solution="count_layer"
def count_layer(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    channels, size, _ = in_shape
    out = output_size(size, kernel_size, stride, padding)
    neurons = out_channels * out * out
    window = channels * kernel_size * kernel_size
    if kind == "dense":
        return neurons * (channels * size * size + 1), neurons * channels * size * size
    if kind == "local":
        return neurons * (window + 1), neurons * window
    if kind == "conv":
        return out_channels * (window + 1), neurons * window
    raise ValueError(kind)


# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    padded = pad2d(x, padding)
    h_out = output_size(h, kh, stride, padding)
    w_out = output_size(h, kw, stride, padding)
    y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype)
    for b in range(n):
        for o in range(c_out):
            for i in range(h_out):
                for j in range(w_out):
                    patch = padded[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    y[b, o, i, j] = neuron(patch, weight[o], 0 if bias is None else bias[o])
    return y
