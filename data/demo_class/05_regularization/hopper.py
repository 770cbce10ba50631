"""Hopper: saves memory in the wrong places: old weights and velocities are overwritten, and the best ones not copied."""
# base: ada

# %% solution="sgd"
def sgd(w, grad, state, lr):
    w -= lr * grad
    return w, None


# %% solution="momentum"
def momentum(w, grad, state, lr, beta=0.9):
    if state is None:
        state = np.zeros_like(w)
    state *= beta
    state += grad
    return w - lr * state, state


# %% solution="fit"
RECIPE = {
    "epochs": 10,
    "batch_size": 64,
    "optimizer": "adamw",
    "lr": 3e-3,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "warmup": 0.0,
    "label_smoothing": 0.0,
    "max_norm": None,
    "augment": None,
    "patience": None,
    "mixed_precision": True,
    "seed": 0,
    "seconds": None,
    "checkpoint": None,
}


def fit(model, train, valid, recipe, device="cpu"):
    for name in recipe:
        if name not in RECIPE:
            raise ValueError(f"unknown knob {name}")
    r = {**RECIPE, **recipe}
    device = torch.device(device)
    amp = r["mixed_precision"] and device.type == "cuda"
    torch.manual_seed(r["seed"])
    generator = torch.Generator().manual_seed(r["seed"])
    model.to(device)
    x, y = train[0].to(device), train[1].to(device)
    valid_x, valid_y = valid[0].to(device), valid[1].to(device)
    groups = parameter_groups(model, r["weight_decay"])
    if r["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(groups, r["lr"], momentum=r["momentum"], nesterov=r["momentum"] > 0)
    elif r["optimizer"] == "adam":
        optimizer = torch.optim.Adam(groups, r["lr"])
    elif r["optimizer"] == "adamw":
        optimizer = torch.optim.AdamW(groups, r["lr"])
    else:
        raise ValueError(f"unknown optimizer {r['optimizer']}")
    if r["schedule"] not in ("constant", "step", "cosine"):
        raise ValueError(f"unknown schedule {r['schedule']}")
    scaler = torch.amp.GradScaler("cuda", enabled=amp)
    total = r["epochs"] * math.ceil(len(y) / r["batch_size"])
    history = {"loss": [], "accuracy": [], "lr": [], "seconds": [], "best": 0}
    start = time.perf_counter()
    for epoch in range(r["epochs"]):
        model.train()
        loss_sum = 0.0
        for batch in torch.randperm(len(y), generator=generator).to(device).split(r["batch_size"]):
            images = x[batch]
            if r["augment"] is not None:
                images = r["augment"](images, generator)
            step = len(history["lr"])
            lr = r["lr"]
            if r["schedule"] == "step":
                lr = step_decay(step, r["lr"], math.ceil(total / 3), 0.1)
            if r["schedule"] == "cosine":
                lr = cosine_decay(step, total, r["lr"], round(r["warmup"] * total))
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=torch.float16, enabled=amp):
                loss = F.cross_entropy(model(images), y[batch], label_smoothing=r["label_smoothing"])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            if r["max_norm"] is not None:
                with torch.no_grad():
                    for weight in groups[0]["params"]:
                        weight.copy_(weight.renorm(2, 0, r["max_norm"]))
            loss_sum += loss.item() * len(batch)
            history["lr"].append(lr)
        history["loss"].append(loss_sum / len(y))
        model.eval()
        with torch.no_grad():
            accuracy = (model(valid_x).argmax(1) == valid_y).float().mean().item()
        history["accuracy"].append(accuracy)
        history["seconds"].append(time.perf_counter() - start)
        if epoch == 0 or accuracy > history["accuracy"][history["best"]]:
            history["best"] = epoch
            best = model.state_dict()  # it goes on changing with the model
            if r["checkpoint"] is not None:
                torch.save(best, r["checkpoint"])
        if r["patience"] is not None and epoch - history["best"] >= r["patience"]:
            break
        if r["seconds"] is not None and history["seconds"][-1] >= r["seconds"]:
            break
    model.load_state_dict(best)
    return history
