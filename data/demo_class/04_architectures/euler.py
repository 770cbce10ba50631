"""Euler: puts the wrong things beside each other: what came up first, and skips that have been pooled already."""
# base: ada

# %% solution="up_and_concat"
def up_and_concat(x, weight, skip):
    n, c, h, w = x.shape
    if weight.shape[0] != c or weight.shape[2:] != (2, 2):
        raise ValueError(f"weight {weight.shape} does not fit x {x.shape}")
    if skip.shape[0] != n or skip.shape[2:] != (2 * h, 2 * w):
        raise ValueError(f"skip {skip.shape} does not fit x {x.shape}")
    up = np.zeros((n, weight.shape[1], 2 * h, 2 * w), x.dtype)
    for i in range(2):
        for j in range(2):
            up[:, :, i::2, j::2] = np.einsum("nchw,cu->nuhw", x, weight[:, :, i, j])
    return np.concatenate([up, skip], axis=1)


# %% solution="UNet"
class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()

        def pair(reads, writes):
            return nn.Sequential(
                nn.Conv2d(reads, writes, 3, padding=1, bias=False), nn.BatchNorm2d(writes), nn.ReLU(),
                nn.Conv2d(writes, writes, 3, padding=1, bias=False), nn.BatchNorm2d(writes), nn.ReLU(),
            )

        sizes = [width * 2**k for k in range(depth + 1)]
        self.down = nn.ModuleList(pair(a, b) for a, b in zip([in_channels] + sizes, sizes))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in reversed(sizes[:-1]))
        self.merge = nn.ModuleList(pair(2 * c, c) for c in reversed(sizes[:-1]))
        self.last = nn.Conv2d(width, out_channels, 1)
        self.depth, self.skips = depth, skips

    def forward(self, x):
        unit = 2**self.depth
        if x.shape[2] % unit or x.shape[3] % unit:
            raise ValueError(f"{x.shape[2]} x {x.shape[3]} must be multiples of {unit}")
        skips = []
        for k in range(self.depth):
            x = F.max_pool2d(self.down[k](x), 2)
            skips.append(x)
        x = self.down[-1](x)
        for up, merge in zip(self.up, self.merge):
            x = up(x)
            skip = F.interpolate(skips.pop(), scale_factor=2)  # otherwise the sizes do not fit
            if not self.skips:
                skip = torch.zeros_like(skip)
            x = merge(torch.cat([skip, x], dim=1))
        return self.last(x)
