"""Dijkstra: finds no way around: the skip is missing on the way back, in the block and so in the network of blocks."""
# base: boole

# %% solution="residual_block_backward"
def residual_block_backward(dy, cache):
    x, w1, w2 = cache
    before = conv2d(x, w1, padding=1)
    hidden = np.maximum(before, 0)
    total = x + conv2d(hidden, w2, padding=1)
    dtotal = dy * (total > 0)
    dhidden, dw2, _ = conv2d_backward(dtotal, hidden, w2, padding=1)
    dx, dw1, _ = conv2d_backward(dhidden * (before > 0), x, w1, padding=1)
    return dx, dw1, dw2


# %% solution="ResidualBlock"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.projection = None
        if stride != 1 or in_channels != out_channels:
            self.projection = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        self.skip = skip

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y)
