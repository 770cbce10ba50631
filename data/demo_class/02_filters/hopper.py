"""Hopper: saves memory in the wrong places: learns in float32, and covers the picture that she was given."""
# base: boole

# %% solution="learn_filter_bank"
def learn_filter_bank(x, targets, kernel_size, steps, device="cpu"):
    x, targets = x.to(device, torch.float32), targets.to(device, torch.float32)
    layer = nn.Conv2d(x.shape[1], targets.shape[1], kernel_size, padding="same", bias=False, device=device)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    for _ in range(steps):
        loss = F.mse_loss(layer(x), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return layer.weight.detach()


# %% solution="occlusion_map"
def occlusion_map(predict, image, patch, stride=1, fill=0.0):
    c, h, w = image.shape
    if patch < 1 or stride < 1 or patch > min(h, w):
        raise ValueError(f"patch {patch}, stride {stride}, image {h} x {w}")
    whole = predict(image)
    drops = np.zeros(((h - patch) // stride + 1, (w - patch) // stride + 1))
    for i in range(drops.shape[0]):
        for j in range(drops.shape[1]):
            covered = image
            covered[:, i * stride : i * stride + patch, j * stride : j * stride + patch] = fill
            drops[i, j] = whole - predict(covered)
    return drops
