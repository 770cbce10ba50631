"""Dijkstra: decays what should not: the learning rate is forgotten, biases decay, and Adam gets the decay as a gradient.

His fit uses his groups and suffers too.
"""
# base: boole

# %% solution="sgd_step"
def sgd_step(w, grad, lr, weight_decay):
    return (w - weight_decay * w - lr * grad).astype(w.dtype)


# %% solution="parameter_groups"
def parameter_groups(model, weight_decay):
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [{"params": learned, "weight_decay": weight_decay}, {"params": [], "weight_decay": 0.0}]


# %% solution="adamw"
def adamw(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    gradient = grad + weight_decay * w
    return adam(w, gradient, state, lr, beta1, beta2, eps)
