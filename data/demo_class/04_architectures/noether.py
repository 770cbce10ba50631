"""Noether: everything right, written in Colab, which dropped the notebook's metadata when it saved."""
# base: ada

# %% solution="gradient_norms"
def gradient_norms(model, x, y):
    twin = copy.deepcopy(model)
    found = {}
    for name, weight in twin.named_parameters():
        weight.grad = None
        if weight.dim() >= 2:
            found[name] = 0.0
            if weight.requires_grad:  # each gradient says how long it is when it is complete
                weight.register_post_accumulate_grad_hook(
                    lambda done, name=name: found.update({name: float(done.grad.norm())})
                )
    F.nll_loss(F.log_softmax(twin(x), dim=1), y).backward()
    return list(found.values())


# %% solution="UNet"
class DoubleConv(nn.Sequential):
    def __init__(self, reads, writes):
        super().__init__(
            nn.Conv2d(reads, writes, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(writes),
            nn.ReLU(inplace=True),
            nn.Conv2d(writes, writes, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(writes),
            nn.ReLU(inplace=True),
        )


class Up(nn.Module):
    def __init__(self, reads, writes):
        super().__init__()
        self.up = nn.ConvTranspose2d(reads, writes, kernel_size=2, stride=2)
        self.conv = DoubleConv(2 * writes, writes)

    def forward(self, x, skip):
        return self.conv(torch.concat([skip, self.up(x)], dim=-3))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        self.inc = DoubleConv(in_channels, width)
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        for k in range(depth):
            self.downs.append(nn.Sequential(nn.MaxPool2d(2), DoubleConv(width * 2**k, width * 2 ** (k + 1))))
            self.ups.insert(0, Up(width * 2 ** (k + 1), width * 2**k))
        self.outc = nn.Conv2d(width, out_channels, kernel_size=1)
        self.keep = 1 if skips else 0

    def forward(self, x):
        n = 2 ** len(self.downs)
        h, w = x.shape[-2:]
        if h // n * n != h or w // n * n != w:
            raise ValueError(f"pictures of {h} x {w}, but they are halved {len(self.downs)} times")
        levels = [self.inc(x)]
        for down in self.downs:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up in self.ups:
            x = up(x, levels.pop() * self.keep)
        return self.outc(x)
