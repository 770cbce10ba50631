"""Fermat: keeps layers where PyTorch does not look, in plain lists; and leaves gradients behind in the model."""
# base: boole

# %% solution="ResNet"
class ResNet(nn.Module):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(widths[0])
        self.blocks = []
        channels = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(ResidualBlock(channels, width, stride, skip))
                channels = width
        self.linear = nn.Linear(channels, n_classes)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.linear(x.mean(dim=(2, 3)))


# %% solution="gradient_norms"
def gradient_norms(model, x, y):
    model.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    norms = []
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2:
            norms.append(0.0 if parameter.grad is None else parameter.grad.norm().item())
    return norms


# %% solution="TemporalConvNet"
class TemporalConvNet(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        self.convs = {}
        for k in range(n_layers):
            reads = in_channels if k == 0 else channels
            self.convs[k] = nn.Conv1d(reads, channels, kernel_size, dilation=2**k)
        self.last = nn.Conv1d(channels, n_outputs, 1)

    def forward(self, x):
        for conv in self.convs.values():
            past = (conv.kernel_size[0] - 1) * conv.dilation[0]
            x = F.relu(conv(F.pad(x, (past, 0))))
        return self.last(x)
