"""Hopper: saves memory in the wrong places: cuts a gradient off in place, and measures slopes in float32."""
# base: ada

# %% solution="numerical_gradient"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros(x.shape, dtype=np.float32)
    for index in np.ndindex(x.shape):
        up, down = x.astype(np.float32), x.astype(np.float32)
        up[index] += h
        down[index] -= h
        gradient[index] = (f(up) - f(down)) / (2 * h)
    return gradient


# %% solution="relu_backward"
def relu_backward(dy, x):
    dy[x <= 0] = 0
    return dy
