"""Boole: everything right, with einsum in NumPy, nn.Sequential, and functions in place of layers without weights."""

# %% solution="activation_volumes"
def activation_volumes(layers, input_shape):
    shapes = [tuple(input_shape)]
    for layer in layers:
        shape = shapes[-1]
        match layer:
            case ("conv", reads, writes, kernel, stride, padding) if len(shape) == 3 and reads == shape[0]:
                sizes = np.array(shape[1:]) + 2 * padding
                channels = writes
            case ("pool", kernel, stride) if len(shape) == 3:
                sizes = np.array(shape[1:])
                channels = shape[0]
            case ("linear", reads, writes) if reads == math.prod(shape):
                shapes.append((writes,))
                continue
            case _:
                raise ValueError(f"{layer} after {shape}")
        if (sizes < kernel).any():
            raise ValueError(f"no window of {layer} fits {shape}")
        shapes.append((channels, *((sizes - kernel) // stride + 1).tolist()))
    return shapes


# %% solution="count_parameters"
def count_parameters(layers):
    def one(word, *numbers):
        if word == "pool":
            return 0
        if word == "linear":
            reads, writes = numbers
            return (reads + 1) * writes
        if word == "conv":
            return (numbers[0] * numbers[2] ** 2 + 1) * numbers[1]
        raise ValueError(f"no layer is called {word}")

    return sum(one(*layer) for layer in layers)


# %% solution="count_multiply_adds"
def count_multiply_adds(layers, input_shape):
    shapes = activation_volumes(layers, input_shape)[1:]
    weights = {"conv": lambda reads, writes, kernel, *_: reads * kernel**2, "linear": lambda reads, writes: reads}
    return sum(
        math.prod(shape) * weights[word](*numbers)
        for (word, *numbers), shape in zip(layers, shapes)
        if word in weights
    )


# %% solution="AlexNet"
class AlexNet(nn.Module):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        super().__init__()
        counts = [in_channels] + [round(width * n) for n in (96, 256, 384, 384, 256)]
        hidden = round(width * 4096)
        kernels = [dict(kernel_size=11, stride=4), dict(kernel_size=5, padding=2)] + 3 * [dict(kernel_size=3, padding=1)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, **k) for a, b, k in zip(counts, counts[1:], kernels))
        side = (image_size - 11) // 4 + 1
        for _ in range(3):
            side = (side - 1) // 2
        sizes = [counts[-1] * side**2, hidden, hidden, n_classes]
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for number, conv in enumerate(self.convs, 1):
            x = F.relu(conv(x))
            if number in (1, 2, 5):
                x = F.max_pool2d(x, 3, 2)
        x = x.flatten(1)
        for linear in self.linears[:-1]:
            x = F.relu(linear(x))
        return self.linears[-1](x)


# %% solution="make_vgg"
def make_vgg(config, in_channels, n_classes):
    model = nn.Sequential()
    for number, entry in enumerate(config):
        if entry == "M":
            model.add_module(f"pool{number}", nn.MaxPool2d(2))
            continue
        if not isinstance(entry, int) or entry < 1:
            raise ValueError(f"{entry!r} in {config}")
        model.add_module(f"conv{number}", nn.Conv2d(in_channels, entry, 3, padding="same"))
        model.add_module(f"relu{number}", nn.ReLU(inplace=True))
        in_channels = entry
    model.add_module("mean", nn.AdaptiveAvgPool2d((1, 1)))
    model.add_module("flat", nn.Flatten())
    model.add_module("scores", nn.Linear(in_channels, n_classes))
    return model


# %% solution="residual_block"
def windows(x):
    """All 3 x 3 windows of a padded volume, (N, C, H, W, 3, 3)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))


def residual_block(x, w1, w2):
    hidden = np.einsum("ncijkl,ockl->noij", windows(x), w1, optimize=True)
    through = np.einsum("ncijkl,ockl->noij", windows(np.maximum(hidden, 0)), w2, optimize=True)
    return np.maximum(x + through, 0), (x, w1, w2)


# %% solution="residual_block_backward"
def residual_block_backward(dy, cache):
    x, w1, w2 = cache
    hidden = np.einsum("ncijkl,ockl->noij", windows(x), w1, optimize=True)
    active = np.maximum(hidden, 0)
    through = np.einsum("ncijkl,ockl->noij", windows(active), w2, optimize=True)
    d = dy * (x + through > 0)
    dw2 = np.einsum("noij,ncijkl->ockl", d, windows(active), optimize=True)
    dhidden = np.einsum("noijkl,ockl->ncij", windows(d), w2[:, :, ::-1, ::-1], optimize=True) * (hidden > 0)
    dw1 = np.einsum("noij,ncijkl->ockl", dhidden, windows(x), optimize=True)
    dx = np.einsum("noijkl,ockl->ncij", windows(dhidden), w1[:, :, ::-1, ::-1], optimize=True)
    return dx + d, dw1, dw2


# %% solution="ResidualBlock"
def conv_norm(reads, writes, kernel, stride=1):
    conv = nn.Conv2d(reads, writes, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(writes))


class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        self.first = conv_norm(in_channels, out_channels, 3, stride)
        self.second = conv_norm(out_channels, out_channels, 3)
        same = stride == 1 and in_channels == out_channels
        self.around = nn.Identity() if same else conv_norm(in_channels, out_channels, 1, stride)
        self.skip = skip

    def forward(self, x):
        y = self.second(F.relu(self.first(x)))
        if self.skip:
            y += self.around(x)
        return F.relu(y, inplace=True)


# %% solution="ResNet"
class ResNet(nn.Module):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__()

        def stage(reads, writes, stride):
            rest = [ResidualBlock(writes, writes, 1, skip) for _ in range(blocks - 1)]
            return nn.Sequential(ResidualBlock(reads, writes, stride, skip), *rest)

        first = widths[0]
        self.stem = nn.Sequential(nn.Conv2d(in_channels, first, 3, padding=1, bias=False), nn.BatchNorm2d(first))
        self.stages = nn.Sequential(
            stage(first, first, 1), *(stage(a, b, 2) for a, b in zip(widths, list(widths)[1:]))
        )
        self.linear = nn.Linear(widths[-1], n_classes)

    def forward(self, x):
        x = self.stages(F.relu(self.stem(x)))
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


# %% solution="gradient_norms"
def gradient_norms(model, x, y):
    twin = copy.deepcopy(model)
    weights = [w for w in twin.parameters() if w.ndim > 1]
    wanted = [w for w in weights if w.requires_grad]
    loss = F.cross_entropy(twin(x), y)
    found = dict(zip(wanted, torch.autograd.grad(loss, wanted, allow_unused=True)))
    return [0.0 if found.get(w) is None else float(torch.linalg.vector_norm(found[w])) for w in weights]


# %% solution="Autoencoder"
class Autoencoder(nn.Module):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        c, h, w = in_shape
        if h % 4 or w % 4:
            raise ValueError(f"{in_shape}: multiples of 4, please")
        small = 2 * width, h // 4, w // 4
        self.encode = nn.Sequential(
            nn.Conv2d(c, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(math.prod(small), bottleneck),
        )
        self.decode = nn.Sequential(
            nn.Linear(bottleneck, math.prod(small)), nn.ReLU(), nn.Unflatten(1, small),
            nn.ConvTranspose2d(2 * width, width, 2, 2), nn.ReLU(), nn.ConvTranspose2d(width, c, 2, 2),
        )

    def forward(self, x):
        return self.decode(self.encode(x))


# %% solution="up_and_concat"
def up_and_concat(x, weight, skip):
    n, c, h, w = x.shape
    if weight.shape != (c, weight.shape[1], 2, 2) or skip.shape != (n, skip.shape[1], 2 * h, 2 * w):
        raise ValueError(f"x {x.shape}, weight {weight.shape}, skip {skip.shape}")
    up = np.einsum("ncij,cukl->nuikjl", x, weight).reshape(n, -1, 2 * h, 2 * w)
    return np.concatenate((skip, up.astype(x.dtype)), axis=1)


# %% solution="psnr"
def psnr(x, target, peak=1.0):
    if x.shape != target.shape:
        raise ValueError(f"{x.shape} != {target.shape}")
    error = (x.astype(float) - target.astype(float)).ravel()
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(peak) - 10 * np.log10(error @ error / error.size))


# %% solution="iou"
def iou(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError(f"{prediction.shape} != {target.shape}")
    either = np.count_nonzero(prediction | target)
    return float(np.count_nonzero(prediction & target) / either) if either else 1.0


# %% solution="UNet"
class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()

        def half(reads, writes):
            return nn.Conv2d(reads, writes, 3, padding=1, bias=False), nn.BatchNorm2d(writes), nn.ReLU()

        def pair(reads, writes):
            return nn.Sequential(*half(reads, writes), *half(writes, writes))

        sizes = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleDict({f"{c}": pair(r, c) for r, c in zip([in_channels] + sizes, sizes)})
        self.up = nn.ModuleDict({f"{c}": nn.ConvTranspose2d(2 * c, c, 2, 2) for c in sizes[:-1]})
        self.join = nn.ModuleDict({f"{c}": pair(2 * c, c) for c in sizes[:-1]})
        self.head = nn.Conv2d(width, out_channels, 1)
        self.sizes, self.share = sizes, float(skips)

    def forward(self, x):
        if any(size % 2 ** (len(self.sizes) - 1) for size in x.shape[2:]):
            raise ValueError(f"{tuple(x.shape[2:])} cannot be halved so often")
        skips = {}
        for c in self.sizes:
            x = skips[c] = self.down[f"{c}"](F.max_pool2d(x, 2) if skips else x)
        for c in self.sizes[-2::-1]:
            x = self.join[f"{c}"](torch.cat([self.share * skips[c], self.up[f"{c}"](x)], 1))
        return self.head(x)


# %% solution="TemporalConvNet"
class TemporalConvNet(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        reads = [in_channels] + [channels] * (n_layers - 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(r, channels, kernel_size, dilation=2**k) for k, r in enumerate(reads)
        )
        self.outputs = nn.Conv1d(channels, n_outputs, 1)

    def forward(self, x):
        for layer in self.layers:
            past = (layer.kernel_size[0] - 1) * layer.dilation[0]
            x = F.relu(layer(F.pad(x, (past, 0))))
        return self.outputs(x)


# %% solution="quiz_three_small"
quiz_three_small = 3 * 10 * 10 * 3 * 3

# %% solution="quiz_way_around"
quiz_way_around = "b"

# %% solution="quiz_deeper_and_worse"
quiz_deeper_and_worse = "c"

# %% solution="quiz_channels_beside"
quiz_channels_beside = 2 * 32
