"""Cantor: everything right, by other ways: real layers without numbers are asked for their sizes, autograd goes back.

His networks grow out of each other: a U-Net is a small U-Net inside a larger one.
"""
# base: boole

# %% solution="activation_volumes"
def as_module(layer):
    """The layer of PyTorch that an entry means, without memory for its numbers."""
    word, *numbers = layer
    kinds = {"conv": nn.Conv2d, "pool": nn.MaxPool2d, "linear": nn.Linear}
    if word not in kinds:
        raise ValueError(f"unknown word {word!r}")
    return kinds[word](*numbers, **({} if word == "pool" else {"device": "meta"}))


def activation_volumes(layers, input_shape):
    x = torch.empty(1, *input_shape, device="meta")
    volumes = [tuple(input_shape)]
    for layer in layers:
        module = as_module(layer)
        if isinstance(module, nn.Linear):
            x = x.flatten(1)
        elif x.dim() != 4:
            raise ValueError(f"{layer} does not follow a linear layer")
        try:
            x = module(x)
        except RuntimeError as error:
            raise ValueError(f"{layer} on {tuple(x.shape[1:])}: {error}") from None
        volumes.append(tuple(x.shape[1:]))
    return volumes


# %% solution="count_parameters"
def count_parameters(layers):
    return sum(parameter.numel() for layer in layers for parameter in as_module(layer).parameters())


# %% solution="count_multiply_adds"
def count_multiply_adds(layers, input_shape):
    volumes = activation_volumes(layers, input_shape)
    total = 0
    for layer, volume in zip(layers, volumes[1:]):
        for parameter in as_module(layer).parameters():
            if parameter.dim() > 1:
                total += parameter.numel() * math.prod(volume[1:])  # each weight once for each place
    return total


# %% solution="AlexNet"
class AlexNet(nn.Sequential):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        def counts(*numbers):
            return [round(number * width) for number in numbers]

        a, b, c, d, e, f = counts(96, 256, 384, 384, 256, 4096)
        features = [
            nn.Conv2d(in_channels, a, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(a, b, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(b, c, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(c, d, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(d, e, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        ]
        with torch.no_grad():  # a picture of zeros says how many numbers arrive
            probe = torch.zeros(1, in_channels, image_size, image_size)
            probe = probe.to(features[0].weight.device)
            for layer in features:
                probe = layer(probe)
        classifier = [nn.Linear(probe.shape[1], f), nn.ReLU(), nn.Linear(f, f), nn.ReLU(), nn.Linear(f, n_classes)]
        super().__init__(*features, *classifier)


# %% solution="make_vgg"
class Mean(nn.Module):
    def forward(self, x):
        return torch.einsum("nchw->nc", x) / (x.shape[2] * x.shape[3])


def make_vgg(config, in_channels, n_classes):
    def build(reads, plan):
        """The rest of the network, first layer first."""
        if not plan:
            return [Mean(), nn.Linear(reads, n_classes)]
        entry, *rest = plan
        if entry == "M":
            return [nn.MaxPool2d(kernel_size=2, stride=2), *build(reads, rest)]
        if isinstance(entry, int) and entry > 0:
            return [nn.Conv2d(reads, entry, 3, 1, 1), nn.Threshold(0, 0), *build(entry, rest)]
        raise ValueError(f"{entry!r} is not in the language of plans")

    return nn.Sequential(*build(in_channels, list(config)))


# %% solution="residual_block"
def residual_block(x, w1, w2):
    images, first, second = (torch.tensor(np.ascontiguousarray(array)) for array in (x, w1, w2))
    hidden = F.conv2d(images, first, padding="same").clamp(min=0)
    y = F.conv2d(hidden, second, padding="same").add(images).clamp(min=0)
    return y.numpy(), (x, w1, w2)


# %% solution="residual_block_backward"
def residual_block_backward(dy, cache):
    x, w1, w2 = (torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in cache)
    y = F.relu(x + F.conv2d(F.relu(F.conv2d(x, w1, padding=1)), w2, padding=1))
    y.backward(torch.tensor(np.ascontiguousarray(dy)))
    return x.grad.numpy(), w1.grad.numpy(), w2.grad.numpy()


# %% solution="ResidualBlock"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        # Filters as parameters, without layers around them.
        self.w1 = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.w2 = nn.Parameter(torch.empty(out_channels, out_channels, 3, 3))
        self.norms = nn.ModuleList([nn.BatchNorm2d(out_channels) for _ in range(2)])
        if in_channels != out_channels or stride > 1:
            self.w0 = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1))
            self.norms.append(nn.BatchNorm2d(out_channels))
        for weight in self.parameters():
            if weight.dim() == 4:
                nn.init.kaiming_normal_(weight)
        self.stride, self.skip = stride, skip

    def around(self, x):
        if len(self.norms) == 2:
            return x
        return self.norms[2](F.conv2d(x, self.w0, stride=self.stride))

    def forward(self, x):
        y = self.norms[0](F.conv2d(x, self.w1, stride=self.stride, padding=1)).relu()
        y = self.norms[1](F.conv2d(y, self.w2, padding=1))
        return (self.around(x) + y).relu() if self.skip else y.relu()


# %% solution="ResNet"
class ResNet(nn.Sequential):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        layers = [nn.Conv2d(in_channels, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
        channels = [widths[0]] + [width for width in widths for _ in range(blocks)]
        for number, (reads, writes) in enumerate(zip(channels, channels[1:])):
            stride = 2 if number and number % blocks == 0 else 1
            layers.append(ResidualBlock(reads, writes, stride, skip))
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], n_classes))


# %% solution="gradient_norms"
def gradient_norms(model, x, y):
    # The model itself is used, and everything that changes is put back.
    parameters = list(model.parameters())
    kept = [parameter.grad for parameter in parameters]
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}
    for parameter in parameters:
        parameter.grad = None
    F.cross_entropy(model(x), y).backward()
    norms = [
        0.0 if parameter.grad is None else parameter.grad.flatten().norm(p=2).item()
        for parameter in parameters
        if parameter.dim() >= 2
    ]
    for parameter, gradient in zip(parameters, kept):
        parameter.grad = gradient
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(statistics[name])
    return norms


# %% solution="Autoencoder"
class Autoencoder(nn.Module):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        c, h, w = in_shape
        if (h * 4) % 16 or (w * 4) % 16:
            raise ValueError(f"{h} x {w} cannot be halved twice")
        self.small = (2 * width, h // 4, w // 4)
        channels = [c, width, 2 * width]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(channels, channels[1:]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(channels, channels[1:]))
        self.code = nn.Linear(math.prod(self.small), bottleneck)
        self.back = nn.Linear(bottleneck, math.prod(self.small))

    def encode(self, x):
        for layer in self.down:
            x = layer(x).relu()
        return self.code(x.flatten(1))

    def decode(self, code):
        x = self.back(code).unflatten(1, self.small)
        for layer in reversed(self.up):
            x = layer(x.relu())
        return x

    def forward(self, x):
        return self.decode(self.encode(x))


# %% solution="up_and_concat"
def up_and_concat(x, weight, skip):
    try:
        up = F.conv_transpose2d(torch.tensor(x.copy()), torch.tensor(weight.copy()), stride=2)
        both = torch.cat([torch.tensor(skip.copy()), up], dim=1)
    except RuntimeError as error:
        raise ValueError(f"{x.shape}, {weight.shape}, {skip.shape}: {error}") from None
    if weight.shape[2:] != (2, 2):
        raise ValueError(f"weight {weight.shape}: windows of 2 x 2, please")
    return both.numpy()


# %% solution="iou"
def iou(prediction, target):
    if np.shape(prediction) != np.shape(target):
        raise ValueError(f"{prediction.shape}, {target.shape}")
    (n00, n01), (n10, n11) = np.bincount(2 * prediction.ravel() + target.ravel(), minlength=4).reshape(2, 2)
    return 1.0 if n01 + n10 + n11 == 0 else float(n11 / (n01 + n10 + n11))


# %% solution="UNet"
def conv_norm_relu(reads, writes):
    return [nn.Conv2d(reads, writes, 3, padding=1, bias=False), nn.BatchNorm2d(writes), nn.ReLU(inplace=True)]


class Level(nn.Module):
    """A level and all that is below it: (N, reads, H, W) -> (N, channels, H, W)."""

    def __init__(self, reads, channels, depth, skips):
        super().__init__()
        self.pair = nn.Sequential(*conv_norm_relu(reads, channels), *conv_norm_relu(channels, channels))
        self.skips = skips
        self.below = None
        if depth:
            self.below = Level(channels, 2 * channels, depth - 1, skips)
            self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
            self.merge = nn.Sequential(*conv_norm_relu(2 * channels, channels), *conv_norm_relu(channels, channels))

    def forward(self, x):
        x = self.pair(x)
        if self.below is None:
            return x
        up = self.up(self.below(F.max_pool2d(x, 2)))
        return self.merge(torch.cat([x if self.skips else x.new_zeros(x.shape), up], dim=1))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        self.unit = 2**depth
        self.net = nn.Sequential(Level(in_channels, width, depth, skips), nn.Conv2d(width, out_channels, 1))

    def forward(self, x):
        if x.shape[-1] % self.unit or x.shape[-2] % self.unit:
            raise ValueError(f"{x.shape[-2]} x {x.shape[-1]} is not made of {self.unit} x {self.unit}")
        return self.net(x)


# %% solution="TemporalConvNet"
class Chomp(nn.Module):
    """Throws away what looks ahead."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        return x[:, :, : x.shape[2] - self.steps]


class TemporalConvNet(nn.Sequential):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        for k in range(n_layers):
            reach = (kernel_size - 1) * 2**k
            reads = channels if k else in_channels
            self.append(nn.Conv1d(reads, channels, kernel_size, padding=reach, dilation=2**k))
            self.append(Chomp(reach))
            self.append(nn.ReLU())
        self.append(nn.Conv1d(channels, n_outputs, 1))
