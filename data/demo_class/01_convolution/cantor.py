"""Cantor: everything right, with Fourier transforms where a convolution can be one."""
# base: boole

# %% solution="neuron"
def neuron(patch, weight, bias):
    return np.dot(patch.ravel(), weight.ravel()) + bias


# %% solution="output_size"
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if kernel_size < 1 or stride < 1 or padding < 0 or dilation < 1:
        raise ValueError(f"kernel {kernel_size}, stride {stride}, padding {padding}, dilation {dilation}")
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if room < 0:
        raise ValueError(f"size {size}, kernel {kernel_size}, padding {padding}, dilation {dilation}: no window fits")
    return room // stride + 1


# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    h_out, w_out = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    padded = pad2d(x, padding)
    offsets = np.zeros(c_out, x.dtype) if bias is None else bias
    return np.array(
        [
            [
                [
                    [
                        neuron(image[:, i : i + kh, j : j + kw], weight[o], offsets[o])
                        for j in range(0, w_out * stride, stride)
                    ]
                    for i in range(0, h_out * stride, stride)
                ]
                for o in range(c_out)
            ]
            for image in padded
        ],
        dtype=x.dtype,
    )


# %% solution="conv2d"
def correlate_by_fft(x, weight, axes):
    """The "valid" correlation over the last axes, as products of spectra, summed over the channels."""
    shape = [x.shape[a] for a in axes]
    spectra = np.fft.rfftn(x.astype(np.float64), shape, axes)[:, None]
    filters = np.conj(np.fft.rfftn(weight.astype(np.float64), shape, axes))[None]
    full = np.fft.irfftn((spectra * filters).sum(axis=2), shape, axes)
    valid = tuple(slice(x.shape[a] - weight.shape[a] + 1) for a in axes)
    return full[(slice(None), slice(None), *valid)]


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels, weight has {weight.shape[1]}")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    c_out, c_in, kh, kw = weight.shape
    output_size(x.shape[2], kh, stride, padding, dilation)
    output_size(x.shape[3], kw, stride, padding, dilation)
    wide = np.zeros((c_out, c_in, dilation * (kh - 1) + 1, dilation * (kw - 1) + 1), weight.dtype)
    wide[:, :, ::dilation, ::dilation] = weight
    y = correlate_by_fft(pad2d(x, padding), wide, (2, 3))[:, :, ::stride, ::stride]
    if bias is not None:
        y = y + bias[:, None, None]
    return y.astype(x.dtype)


# %% solution="conv1x1"
def conv1x1(x, weight, bias=None):
    matrix = weight.reshape(weight.shape[0], weight.shape[1])
    if matrix.shape[1] != x.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels, weight has {matrix.shape[1]}")
    y = np.moveaxis(np.moveaxis(x, 1, -1) @ matrix.T, -1, 1)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


# %% solution="conv_transpose2d"
def conv_transpose2d(x, weight, bias=None, stride=1, padding=0):
    # A product of spectra without the conjugate is the sum of all stamps.
    n, c_in, h, w = x.shape
    c_weight, c_out, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"x has {c_in} channels, weight has {c_weight}")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}")
    shape = ((h - 1) * stride + kh, (w - 1) * stride + kw)
    if min(shape) <= 2 * padding:
        raise ValueError(f"padding {padding} leaves nothing of {shape}")
    spread = np.zeros((n, c_in, *shape))
    spread[:, :, : (h - 1) * stride + 1 : stride, : (w - 1) * stride + 1 : stride] = x
    spectra = np.fft.rfft2(spread, shape)[:, :, None] * np.fft.rfft2(weight.astype(np.float64), shape)[None]
    y = np.fft.irfft2(spectra.sum(axis=1), shape)
    y = y[:, :, padding : shape[0] - padding, padding : shape[1] - padding]
    if bias is not None:
        y = y + bias[:, None, None]
    return y.astype(x.dtype)


# %% solution="causal_conv1d"
def causal_conv1d(x, weight, bias=None, dilation=1):
    c_out, c_in, k = weight.shape
    if x.shape[1] != c_in:
        raise ValueError(f"x has {x.shape[1]} channels, weight has {c_in}")
    if dilation < 1:
        raise ValueError(f"dilation {dilation}")
    wide = np.zeros((c_out, c_in, dilation * (k - 1) + 1), weight.dtype)
    wide[:, :, ::dilation] = weight
    padded = np.pad(x, ((0, 0), (0, 0), (wide.shape[2] - 1, 0)))
    y = correlate_by_fft(padded, wide, (2,))
    if bias is not None:
        y = y + bias[:, None]
    return y.astype(x.dtype)
