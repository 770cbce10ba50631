"""Noether: everything right, written in Colab, which dropped the notebook's metadata when it saved."""
# base: ada

# %% solution="adam"
def adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    # The old weights of both means follow from the number of steps: no correction is needed for a true mean.
    mean, square, t = (0.0, 0.0, 0) if state is None else state
    new_1 = (1 - beta1) / (1 - beta1 ** (t + 1))
    new_2 = (1 - beta2) / (1 - beta2 ** (t + 1))
    mean = mean + new_1 * (grad - mean)
    square = square + new_2 * (grad * grad - square)
    return (w - lr * mean / (np.sqrt(square) + eps)).astype(w.dtype), (mean, square, t + 1)
