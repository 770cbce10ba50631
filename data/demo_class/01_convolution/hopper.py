"""Hopper: saves memory in the wrong places: multiplies in place, and computes everything in float32."""
# base: ada

# %% solution="neuron"
def neuron(patch, weight, bias):
    patch *= weight
    return patch.sum() + bias


# %% solution="locally_connected2d"
def locally_connected2d(x, weight, bias=None, stride=1):
    n, c_in, h, w = x.shape
    h_out, w_out, c_out, _, kh, kw = weight.shape
    if (output_size(h, kh, stride), output_size(w, kw, stride)) != (h_out, w_out):
        raise ValueError(f"the weights are for {h_out} x {w_out} windows")
    y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype)
    for i in range(h_out):
        for j in range(w_out):
            window = x[:, None, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, :, i, j] = (window * weight[i, j]).sum(axis=(2, 3, 4))
            if bias is not None:
                y[:, :, i, j] += bias[i, j]
    return y


# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    padded = pad2d(x, padding)
    h_out, w_out = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype)
    for b in range(n):
        for o in range(c_out):
            for i in range(h_out):
                for j in range(w_out):
                    patch = padded[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    y[b, o, i, j] = neuron(patch, weight[o], 0 if bias is None else bias[o])
    return y


# %% solution="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    x, weight = x.astype(np.float32), weight.astype(np.float32)
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    h_out = output_size(h, kh, stride, padding, dilation)
    w_out = output_size(w, kw, stride, padding, dilation)
    padded = pad2d(x, padding)
    y = np.zeros((n, c_out, h_out, w_out), dtype=np.float32)
    for i in range(kh):
        for j in range(kw):
            part = padded[:, :, i * dilation :: stride, j * dilation :: stride][:, :, :h_out, :w_out]
            y += np.einsum("nchw,oc->nohw", part, weight[:, :, i, j])
    if bias is not None:
        y += bias.astype(np.float32)[:, None, None]
    return y
