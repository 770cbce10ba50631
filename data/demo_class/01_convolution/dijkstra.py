"""Dijkstra: flips the kernel, as mathematicians do, where the course means cross-correlation."""
# base: boole

# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    flipped = weight[:, :, ::-1, ::-1]
    padded = pad2d(x, padding)
    h_out, w_out = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype)
    for b in range(n):
        for o in range(c_out):
            for i in range(h_out):
                for j in range(w_out):
                    patch = padded[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    y[b, o, i, j] = neuron(patch, flipped[o], 0 if bias is None else bias[o])
    return y


# %% solution="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels, weight has {weight.shape[1]}")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    flipped = np.flip(weight, axis=(2, 3))
    kh, kw = weight.shape[2:]
    h_out = output_size(x.shape[2], kh, stride, padding, dilation)
    w_out = output_size(x.shape[3], kw, stride, padding, dilation)
    padded = pad2d(x, padding)
    y = np.zeros((x.shape[0], weight.shape[0], h_out, w_out), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            part = padded[:, :, i * dilation :: stride, j * dilation :: stride][:, :, :h_out, :w_out]
            y += np.einsum("nchw,oc->nohw", part, flipped[:, :, i, j])
    return y if bias is None else y + bias[:, None, None]
