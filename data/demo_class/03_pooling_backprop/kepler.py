"""Kepler: everything right, but one bracket is missing at the end."""
# base: boole

# %% solution="svm_loss"
def svm_loss(scores, y):
    rows = np.arange(len(y))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    gradient = (margins > 0).astype(scores.dtype)
    gradient[rows, y] = -gradient.sum(axis=1)
    return float(margins.sum() / len(y)), gradient / (len(y)
