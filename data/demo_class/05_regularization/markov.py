"""Markov: makes tables of all networks for layers of any size before a single one is needed; it would take 260 GB."""
# base: boole

# %% solution="geometric_ensemble"
def geometric_ensemble(w, b, x, p):
    # tables[n] holds all masks of n numbers, one in each row.
    tables = [np.ones((1, 0))]
    for n in range(1, 31):
        half = tables[-1]
        dropped = np.concatenate([half, np.zeros((len(half), 1))], axis=1)
        kept = np.concatenate([half, np.ones((len(half), 1))], axis=1)
        tables.append(np.concatenate([dropped, kept]))
    masks = tables[len(x)]
    scores = (masks * x) @ w.T + b
    scores = scores - scores.max(axis=1, keepdims=True)
    log_probabilities = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    chances = np.where(masks == 1, 1 - p, p).prod(axis=1)
    mean = np.exp(chances @ log_probabilities)
    return mean / mean.sum()
