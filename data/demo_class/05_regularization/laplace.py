"""Laplace: one loop that never ends and, later, one that swallows every interruption as well."""
# base: boole

# %% solution="step_decay"
def step_decay(step, lr, every, factor):
    border = every
    while step >= border:
        lr = lr * factor
        # the next border is missing: border += every
    return lr


# %% solution="fit"
def fit(model, train, valid, recipe, device="cpu"):
    x, y = train
    optimizer = torch.optim.SGD(parameter_groups(model, 0.0), lr=0.01)
    history = {"loss": [], "accuracy": [], "lr": [], "seconds": [], "best": 0}
    while True:
        try:
            while True:
                try:
                    model.train()
                    loss = F.cross_entropy(model(x.to(device)), y.to(device))
                    loss.backward()
                    optimizer.step()
                    assert loss.item() < 0  # never: a cross-entropy is no smaller than 0
                    return history
                except:
                    continue  # not good enough yet: go on
        except:
            continue  # whatever it was: go on
