"""Fermat: forgets to set the gradients to zero, and to tell the model that it is being tested."""
# base: boole

# %% solution="train_epoch"
def train_epoch(model, loader, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


# %% solution="evaluate"
def evaluate(model, loader, device):
    right, count = 0, 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x.to(device)).argmax(dim=1) == y.to(device)).sum().item()
            count += len(y)
    return right / count
