"""Euler: takes the height where the width is meant, there and back, so that square images come out right.

His ConvNet uses both functions and suffers too.
"""
# base: boole

# %% solution="max_pool2d"
def max_pool2d(x, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    n, c, h, w = x.shape
    if kernel_size < 1 or stride < 1 or kernel_size > h or kernel_size > w:
        raise ValueError(f"kernel size {kernel_size}, stride {stride}, image {h} x {w}")
    h_out, w_out = (h - kernel_size) // stride + 1, (w - kernel_size) // stride + 1
    y = np.zeros((n, c, h_out, w_out), x.dtype)
    argmax = np.zeros((n, c, h_out, w_out), int)
    for i in range(h_out):
        for j in range(w_out):
            window = x[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            window = window.reshape(n, c, -1)
            best = window.argmax(axis=2)
            y[:, :, i, j] = window.max(axis=2)
            argmax[:, :, i, j] = (i * stride + best // kernel_size) * h + j * stride + best % kernel_size
    return y, argmax


# %% solution="max_pool2d_backward"
def max_pool2d_backward(dy, argmax, input_shape):
    n, c, h, w = input_shape
    dx = np.zeros(input_shape, dy.dtype)
    image, channel = np.ogrid[:n, :c]
    place = argmax.reshape(n, c, -1)
    row, column = place // h, place % h
    np.add.at(dx, (image[..., None], channel[..., None], row, column), dy.reshape(n, c, -1))
    return dx
