"""Markov: asks for one table after the other, each four times as large, and would need 12 TB in the end."""
# base: boole

# %% solution="linear_probe"
def linear_probe(train_x, train_y, test_x, test_y, l2=1e-2):
    # A penalty for every number of features that there may be, until the right one is among them.
    penalties = []
    size = 1024
    while size <= 2**20:
        penalties.append(np.zeros((size, size)))
        size *= 2
    for penalty in penalties:
        np.fill_diagonal(penalty, l2)
    train = train_x.reshape(len(train_x), -1)
    d = train.shape[1]
    fitting = next(penalty for penalty in penalties if len(penalty) >= d)[:d, :d]
    classes = np.unique(train_y)
    weight = np.linalg.solve(train.T @ train + fitting, train.T @ (train_y[:, None] == classes))
    guesses = classes[(test_x.reshape(len(test_x), -1) @ weight).argmax(axis=1)]
    return float((guesses == test_y).mean())
