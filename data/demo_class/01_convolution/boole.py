"""Boole: everything right, with einsum and views of windows."""

# %% solution="neuron"
def neuron(patch, weight, bias):
    return np.einsum("cij,cij->", patch, weight) + bias


# %% solution="count_layer"
def count_layer(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    fan_in = {"dense": int(np.prod(in_shape))}
    fan_in["local"] = fan_in["conv"] = in_shape[0] * kernel_size**2
    if kind not in fan_in:
        raise ValueError(f"{kind!r} is not one of {sorted(fan_in)}")
    h_out, w_out = (output_size(side, kernel_size, stride, padding) for side in in_shape[1:])
    neurons = out_channels * h_out * w_out
    filters = out_channels if kind == "conv" else neurons
    return filters * (fan_in[kind] + 1), neurons * fan_in[kind]


# %% solution="output_size"
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if min(kernel_size, stride, dilation) < 1 or padding < 0:
        raise ValueError(f"kernel {kernel_size}, stride {stride}, padding {padding}, dilation {dilation}")
    starts = range(0, size + 2 * padding - dilation * (kernel_size - 1), stride)
    if not starts:
        raise ValueError(f"no window of {kernel_size} taps, dilation {dilation}, fits {size} (padding {padding})")
    return len(starts)


# %% solution="uncovered"
def uncovered(size, kernel_size, stride=1, padding=0):
    windows = np.arange(output_size(size, kernel_size, stride, padding))
    read = windows[:, None] * stride + np.arange(kernel_size) - padding
    return np.setdiff1d(np.arange(size), read).tolist()


# %% solution="pad2d"
def pad2d(x, padding):
    if padding < 0:
        raise ValueError(f"padding {padding} is negative")
    frame = (padding, padding)
    return np.pad(x, ((0, 0), (0, 0), frame, frame))


# %% solution="locally_connected2d"
def locally_connected2d(x, weight, bias=None, stride=1):
    kh, kw = weight.shape[-2:]
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    if windows.shape[2:4] != weight.shape[:2]:
        raise ValueError(f"{weight.shape[:2]} neurons for {windows.shape[2:4]} windows")
    y = np.einsum("ncijkl,ijockl->noij", windows, weight, optimize=True)
    if bias is not None:
        y = y + np.einsum("ijo->oij", bias)
    return y.astype(x.dtype)


# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"channels: {x.shape[1]} and {weight.shape[1]}")
    (h, w), (kh, kw) = x.shape[2:], weight.shape[2:]
    shape = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    padded = pad2d(x, padding)
    y = np.empty((len(x), len(weight), *shape), x.dtype)
    for i, j in np.ndindex(shape):
        patch = padded[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        y[:, :, i, j] = np.einsum("nckl,ockl->no", patch, weight)
    return y if bias is None else y + bias.astype(x.dtype)[:, None, None]


# %% solution="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"channels: {x.shape[1]} and {weight.shape[1]}")
    if min(stride, dilation) < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    reach = [dilation * (k - 1) + 1 for k in weight.shape[2:]]
    padded = pad2d(x, padding)
    if reach[0] > padded.shape[2] or reach[1] > padded.shape[3]:
        raise ValueError(f"{reach} does not fit {padded.shape[2:]}")
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation]
    y = np.einsum("ncijkl,ockl->noij", windows, weight, optimize=True)
    if bias is not None:
        y = y + bias[:, None, None]
    return np.ascontiguousarray(y, dtype=x.dtype)


# %% solution="conv1x1"
def conv1x1(x, weight, bias=None):
    weight = np.reshape(weight, np.shape(weight)[:2])
    if weight.shape[1] != x.shape[1]:
        raise ValueError(f"channels: {x.shape[1]} and {weight.shape[1]}")
    y = np.einsum("nchw,oc->nohw", x, weight)
    return (y if bias is None else y + bias[:, None, None]).astype(x.dtype)


# %% solution="receptive_field"
def receptive_field(layers):
    if not layers:
        return 1, 1
    kernels, strides, dilations = np.array(layers).T
    if min(map(min, layers)) < 1:
        raise ValueError(f"all numbers must be at least 1: {layers}")
    jumps = np.cumprod([1, *strides])
    return int(1 + np.sum((kernels - 1) * dilations * jumps[:-1])), int(jumps[-1])


# %% solution="conv_transpose2d"
def conv_transpose2d(x, weight, bias=None, stride=1, padding=0):
    # As an ordinary convolution: spread the input out, turn the filter by half a turn.
    n, c_in, h, w = x.shape
    if c_in != weight.shape[0]:
        raise ValueError(f"channels: {c_in} and {weight.shape[0]}")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}")
    kh, kw = weight.shape[2:]
    spread = np.zeros((n, c_in, (h - 1) * stride + 2 * kh - 1, (w - 1) * stride + 2 * kw - 1), x.dtype)
    spread[:, :, kh - 1 : spread.shape[2] - kh + 1 : stride, kw - 1 : spread.shape[3] - kw + 1 : stride] = x
    windows = np.lib.stride_tricks.sliding_window_view(spread, (kh, kw), axis=(2, 3))
    y = np.einsum("ncijkl,cokl->noij", windows, weight[:, :, ::-1, ::-1], optimize=True)
    rows, columns = y.shape[2] - padding, y.shape[3] - padding
    if rows <= padding or columns <= padding:
        raise ValueError(f"padding {padding} leaves nothing of {y.shape[2:]}")
    y = y[:, :, padding:rows, padding:columns]
    if bias is not None:
        y = y + bias[:, None, None]
    return y.astype(x.dtype)


# %% solution="causal_conv1d"
def causal_conv1d(x, weight, bias=None, dilation=1):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"channels: {x.shape[1]} and {weight.shape[1]}")
    if dilation < 1:
        raise ValueError(f"dilation {dilation}")
    past = dilation * (weight.shape[2] - 1)
    padded = np.pad(x, ((0, 0), (0, 0), (past, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, past + 1, axis=2)[..., ::dilation]
    y = np.einsum("nctk,ock->not", windows, weight)
    return (y if bias is None else y + bias[:, None]).astype(x.dtype)


# %% solution="conv2d_unfold"
def conv2d_unfold(x, weight, bias=None, stride=1, padding=0, dilation=1):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"channels: {x.shape[1]} and {weight.shape[1]}")
    if min(stride, dilation) < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    (h, w), (kh, kw) = x.shape[2:], weight.shape[2:]
    h_out, w_out = output_size(h, kh, stride, padding, dilation), output_size(w, kw, stride, padding, dilation)
    columns = F.unfold(x, (kh, kw), dilation=dilation, padding=padding, stride=stride)
    y = torch.einsum("op,npl->nol", weight.flatten(1), columns).unflatten(2, (h_out, w_out))
    return y if bias is None else y + bias[:, None, None]


# %% solution="Conv2d"
class Conv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, bias=True):
        super().__init__()
        self.settings = (stride, padding, dilation)
        fan_in = in_channels * kernel_size**2
        draw = torch.distributions.Uniform(-(fan_in**-0.5), fan_in**-0.5)
        self.weight = nn.Parameter(draw.sample((out_channels, in_channels, kernel_size, kernel_size)))
        self.register_parameter("bias", nn.Parameter(draw.sample((out_channels,))) if bias else None)

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, *self.settings)


# %% solution="quiz_weights_per_filter"
quiz_weights_per_filter = 3 * 3 * 3

# %% solution="quiz_bank_size"
quiz_bank_size = "d"

# %% solution="quiz_vgg_size"
quiz_vgg_size = "c"

# %% solution="quiz_one_by_one"
quiz_one_by_one = "a"
