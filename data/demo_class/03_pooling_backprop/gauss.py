"""Gauss: overwrites where windows overlap, instead of adding up."""
# base: ada

# %% solution="max_pool2d_backward"
def max_pool2d_backward(dy, argmax, input_shape):
    n, c, h, w = input_shape
    dx = np.zeros((n, c, h * w), dtype=dy.dtype)
    for b in range(n):
        for k in range(c):
            dx[b, k, argmax[b, k].ravel()] = dy[b, k].ravel()
    return dx.reshape(input_shape)


# %% solution="avg_pool2d_backward"
def avg_pool2d_backward(dy, input_shape, kernel_size, stride=None):
    if stride is None:
        stride = kernel_size
    dx = np.zeros(input_shape, dtype=dy.dtype)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            top, left = i * stride, j * stride
            share = dy[:, :, i, j] / kernel_size**2
            dx[:, :, top : top + kernel_size, left : left + kernel_size] = share[:, :, None, None]
    return dx
