"""Ada: everything right, written with plain loops wherever the exercise allows them."""

# %% solution="neuron"
def neuron(patch, weight, bias):
    total = bias
    for c in range(patch.shape[0]):
        for i in range(patch.shape[1]):
            for j in range(patch.shape[2]):
                total = total + patch[c, i, j] * weight[c, i, j]
    return total


# %% solution="count_layer"
def count_layer(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    channels, height, width = in_shape
    positions = 0
    for _ in range(output_size(height, kernel_size, stride, padding)):
        for _ in range(output_size(width, kernel_size, stride, padding)):
            positions += 1
    window = channels * kernel_size * kernel_size
    if kind == "dense":
        inputs = channels * height * width
        neurons = out_channels * positions
        return neurons * inputs + neurons, neurons * inputs
    elif kind == "local":
        neurons = out_channels * positions
        return neurons * window + neurons, neurons * window
    elif kind == "conv":
        return out_channels * window + out_channels, out_channels * positions * window
    else:
        raise ValueError("unknown kind of layer: " + str(kind))


# %% solution="output_size"
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    for number in (kernel_size, stride, dilation):
        if number < 1:
            raise ValueError(f"kernel size {kernel_size}, stride {stride} and dilation {dilation} must be at least 1")
    if padding < 0:
        raise ValueError(f"negative padding {padding}")
    # Push the window along and count until it falls over the edge.
    reach = 1
    for _ in range(kernel_size - 1):
        reach += dilation
    count = 0
    start = 0
    while start + reach <= size + 2 * padding:
        count += 1
        start += stride
    if count == 0:
        raise ValueError(f"window {reach} does not fit into {size} with padding {padding}")
    return count


# %% solution="uncovered"
def uncovered(size, kernel_size, stride=1, padding=0):
    read = [False] * size
    for window in range(output_size(size, kernel_size, stride, padding)):
        for tap in range(kernel_size):
            position = window * stride + tap - padding
            if 0 <= position < size:
                read[position] = True
    missed = []
    for position in range(size):
        if not read[position]:
            missed.append(position)
    return missed


# %% solution="pad2d"
def pad2d(x, padding):
    if padding < 0:
        raise ValueError(f"negative padding {padding}")
    n, c, h, w = x.shape
    out = np.zeros((n, c, h + 2 * padding, w + 2 * padding), x.dtype)
    for b in range(n):
        for channel in range(c):
            out[b, channel, padding : padding + h, padding : padding + w] = x[b, channel]
    return out


# %% solution="locally_connected2d"
def locally_connected2d(x, weight, bias=None, stride=1):
    n, c_in, h, w = x.shape
    h_out, w_out, c_out, _, kh, kw = weight.shape
    if output_size(h, kh, stride) != h_out or output_size(w, kw, stride) != w_out:
        raise ValueError(f"the weights are for {h_out} x {w_out} windows")
    y = np.zeros((n, c_out, h_out, w_out), x.dtype)
    for b in range(n):
        for i in range(h_out):
            for j in range(w_out):
                window = x[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                for o in range(c_out):
                    y[b, o, i, j] = neuron(window, weight[i, j, o], 0 if bias is None else bias[i, j, o])
    return y


# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"{c_in} channels in x, {c_weight} in weight")
    p = pad2d(x, padding)
    h_out, w_out = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    y = np.zeros((n, c_out, h_out, w_out), x.dtype)
    for b in range(n):
        for o in range(c_out):
            for i in range(h_out):
                for j in range(w_out):
                    total = 0 if bias is None else bias[o]
                    for c in range(c_in):
                        for k in range(kh):
                            for l in range(kw):
                                total += p[b, c, i * stride + k, j * stride + l] * weight[o, c, k, l]
                    y[b, o, i, j] = total
    return y


# %% solution="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    # The only loops are over the taps of the filter; all pixels move together.
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"{c_in} channels in x, {c_weight} in weight")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    h_out = output_size(h, kh, stride, padding, dilation)
    w_out = output_size(w, kw, stride, padding, dilation)
    p = pad2d(x, padding)
    y = np.zeros((n, c_out, h_out, w_out), x.dtype)
    for k in range(kh):
        for l in range(kw):
            top, left = k * dilation, l * dilation
            part = p[:, :, top : top + h_out * stride : stride, left : left + w_out * stride : stride]
            part = part[:, :, :h_out, :w_out].reshape(n, c_in, h_out * w_out)
            y += (weight[:, :, k, l] @ part).reshape(y.shape)
    if bias is not None:
        y += bias.reshape(1, c_out, 1, 1)
    return y


# %% solution="conv1x1"
def conv1x1(x, weight, bias=None):
    if weight.shape[1] != x.shape[1]:
        raise ValueError(f"{x.shape[1]} channels in x, {weight.shape[1]} in weight")
    y = np.zeros((x.shape[0], weight.shape[0], x.shape[2], x.shape[3]), x.dtype)
    for o in range(weight.shape[0]):
        for c in range(x.shape[1]):
            y[:, o] += x[:, c] * weight[o, c].item()
        if bias is not None:
            y[:, o] += bias[o]
    return y


# %% solution="receptive_field"
def receptive_field(layers):
    # Walk back from one output to the input: a stretch of `size` grows at every layer.
    for numbers in layers:
        for number in numbers:
            if number < 1:
                raise ValueError(f"bad layer {numbers}")
    size = 1
    for kernel, stride, dilation in reversed(layers):
        size = (size - 1) * stride + (kernel - 1) * dilation + 1
    jump = 1
    for _, stride, _ in layers:
        jump *= stride
    return size, jump


# %% solution="conv_transpose2d"
def conv_transpose2d(x, weight, bias=None, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_weight, c_out, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"{c_in} channels in x, {c_weight} in weight")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}")
    height, width = (h - 1) * stride + kh, (w - 1) * stride + kw
    if height <= 2 * padding or width <= 2 * padding:
        raise ValueError(f"nothing is left of {height} x {width} with padding {padding}")
    y = np.zeros((n, c_out, height, width), x.dtype)
    for b in range(n):
        for c in range(c_in):
            for i in range(h):
                for j in range(w):
                    y[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += x[b, c, i, j] * weight[c]
    y = y[:, :, padding : height - padding, padding : width - padding].copy()
    if bias is not None:
        for o in range(c_out):
            y[:, o] += bias[o]
    return y


# %% solution="causal_conv1d"
def causal_conv1d(x, weight, bias=None, dilation=1):
    n, c_in, steps = x.shape
    c_out, c_weight, k = weight.shape
    if c_in != c_weight:
        raise ValueError(f"{c_in} channels in x, {c_weight} in weight")
    if dilation < 1:
        raise ValueError(f"dilation {dilation}")
    y = np.zeros((n, c_out, steps), x.dtype)
    for t in range(steps):
        for tap in range(k):
            source = t - (k - 1 - tap) * dilation
            if source >= 0:
                for o in range(c_out):
                    for c in range(c_in):
                        y[:, o, t] += weight[o, c, tap] * x[:, c, source]
    if bias is not None:
        for o in range(c_out):
            y[:, o] += bias[o]
    return y


# %% solution="conv2d_unfold"
def conv2d_unfold(x, weight, bias=None, stride=1, padding=0, dilation=1):
    n, c_in, h, w = x.shape
    c_out, c_weight, kh, kw = weight.shape
    if c_in != c_weight:
        raise ValueError(f"{c_in} channels in x, {c_weight} in weight")
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}, dilation {dilation}")
    h_out = output_size(h, kh, stride, padding, dilation)
    w_out = output_size(w, kw, stride, padding, dilation)
    columns = F.unfold(x, (kh, kw), dilation=dilation, padding=padding, stride=stride)
    matrix = weight.reshape(c_out, c_in * kh * kw)
    pictures = []
    for image in columns:
        pictures.append((matrix @ image).reshape(c_out, h_out, w_out))
    y = torch.stack(pictures)
    if bias is not None:
        y = y + bias.reshape(1, c_out, 1, 1)
    return y


# %% solution="Conv2d"
class Conv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, bias=True):
        super().__init__()
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        bound = 1 / (in_channels * kernel_size * kernel_size) ** 0.5
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, kernel_size, kernel_size))
        nn.init.uniform_(self.weight, -bound, bound)
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_channels))
            nn.init.uniform_(self.bias, -bound, bound)
        else:
            self.bias = None

    def forward(self, x):
        return conv2d_unfold(x, self.weight, self.bias, self.stride, self.padding, self.dilation)


# %% solution="quiz_weights_per_filter"
quiz_weights_per_filter = 27

# %% solution="quiz_bank_size"
quiz_bank_size = "d"

# %% solution="quiz_vgg_size"
quiz_vgg_size = "c"

# %% solution="quiz_one_by_one"
quiz_one_by_one = "a"
