"""Gauss: measures with the wrong measure: Dice for IoU, bytes that run over; and his net in time sees the future."""
# base: ada

# %% solution="psnr"
def psnr(x, target, peak=1.0):
    if x.shape != target.shape:
        raise ValueError(f"{x.shape} is not {target.shape}")
    error = np.mean((x - target) ** 2)
    if error == 0:
        return float("inf")
    return float(10 * np.log10(peak**2 / error))


# %% solution="iou"
def iou(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError(f"{prediction.shape} is not {target.shape}")
    both = np.sum(prediction & target)
    each = np.sum(prediction) + np.sum(target)
    return float(2 * both / each) if each > 0 else 1.0


# %% solution="TemporalConvNet"
class TemporalConvNet(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(in_channels if k == 0 else channels, channels, kernel_size, dilation=2**k, padding="same")
            for k in range(n_layers)
        )
        self.last = nn.Conv1d(channels, n_outputs, 1)

    def forward(self, x):
        for conv in self.convs:
            x = torch.relu(conv(x))
        return self.last(x)
