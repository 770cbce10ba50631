"""Ada: everything right: plain loops in NumPy, and networks whose layers each have a name of their own."""

# %% solution="activation_volumes"
def activation_volumes(layers, input_shape):
    shape = tuple(input_shape)
    shapes = [shape]
    for layer in layers:
        if layer[0] == "conv":
            _, reads, filters, kernel, stride, padding = layer
            if len(shape) != 3:
                raise ValueError(f"{layer} behind a linear layer")
            if reads != shape[0]:
                raise ValueError(f"{layer} reads {reads} channels, {shape[0]} arrive")
            h = shape[1] + 2 * padding
            w = shape[2] + 2 * padding
            if kernel > h or kernel > w:
                raise ValueError(f"{layer} does not fit {h} x {w}")
            shape = (filters, (h - kernel) // stride + 1, (w - kernel) // stride + 1)
        elif layer[0] == "pool":
            _, kernel, stride = layer
            if len(shape) != 3:
                raise ValueError(f"{layer} behind a linear layer")
            if kernel > shape[1] or kernel > shape[2]:
                raise ValueError(f"{layer} does not fit {shape[1]} x {shape[2]}")
            shape = (shape[0], (shape[1] - kernel) // stride + 1, (shape[2] - kernel) // stride + 1)
        elif layer[0] == "linear":
            _, reads, outputs = layer
            arrive = 1
            for size in shape:
                arrive = arrive * size
            if reads != arrive:
                raise ValueError(f"{layer} reads {reads} numbers, {arrive} arrive")
            shape = (outputs,)
        else:
            raise ValueError(f"unknown layer {layer}")
        shapes.append(shape)
    return shapes


# %% solution="count_parameters"
def count_parameters(layers):
    total = 0
    for layer in layers:
        if layer[0] == "conv":
            total += layer[2] * layer[1] * layer[3] * layer[3]  # weights
            total += layer[2]  # biases
        elif layer[0] == "linear":
            total += layer[2] * layer[1]
            total += layer[2]
        elif layer[0] != "pool":
            raise ValueError(f"unknown layer {layer}")
    return total


# %% solution="count_multiply_adds"
def count_multiply_adds(layers, input_shape):
    shapes = activation_volumes(layers, input_shape)
    total = 0
    for i in range(len(layers)):
        layer = layers[i]
        if layer[0] == "conv":
            filters, height, width = shapes[i + 1]
            total += filters * height * width * layer[1] * layer[3] * layer[3]
        if layer[0] == "linear":
            total += layer[1] * layer[2]
    return total


# %% solution="AlexNet"
class AlexNet(nn.Module):
    def __init__(self, n_classes=1000, width=1.0, image_size=227, in_channels=3):
        super().__init__()
        n1 = round(width * 96)
        n2 = round(width * 256)
        n3 = round(width * 384)
        n4 = round(width * 384)
        n5 = round(width * 256)
        hidden = round(width * 4096)
        size = (image_size - 11) // 4 + 1
        size = (size - 3) // 2 + 1
        size = (size - 3) // 2 + 1
        size = (size - 3) // 2 + 1
        self.conv1 = nn.Conv2d(in_channels, n1, 11, stride=4)
        self.conv2 = nn.Conv2d(n1, n2, 5, padding=2)
        self.conv3 = nn.Conv2d(n2, n3, 3, padding=1)
        self.conv4 = nn.Conv2d(n3, n4, 3, padding=1)
        self.conv5 = nn.Conv2d(n4, n5, 3, padding=1)
        self.fc6 = nn.Linear(n5 * size * size, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, n_classes)
        self.pool = nn.MaxPool2d(3, 2)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        x = self.relu(self.conv3(x))
        x = self.relu(self.conv4(x))
        x = self.pool(self.relu(self.conv5(x)))
        x = x.view(x.shape[0], -1)
        x = self.relu(self.fc6(x))
        x = self.relu(self.fc7(x))
        return self.fc8(x)


# %% solution="make_vgg"
class SmallVGG(nn.Module):
    def __init__(self, config, in_channels, n_classes):
        super().__init__()
        self.layers = nn.ModuleList()
        for entry in config:
            if entry == "M":
                self.layers.append(nn.MaxPool2d(2, 2))
            elif type(entry) is int and entry >= 1:
                self.layers.append(nn.Conv2d(in_channels, entry, 3, stride=1, padding=1))
                in_channels = entry
            else:
                raise ValueError(f"unknown entry {entry!r}")
        self.linear = nn.Linear(in_channels, n_classes)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                x = torch.relu(x)
        x = x.mean(dim=3).mean(dim=2)
        return self.linear(x)


def make_vgg(config, in_channels, n_classes):
    return SmallVGG(config, in_channels, n_classes)


# %% solution="residual_block"
def residual_block(x, w1, w2):
    hidden = conv2d(x, w1, None, 1, 1)
    hidden[hidden < 0] = 0
    y = conv2d(hidden, w2, None, 1, 1) + x
    y[y < 0] = 0
    return y, (x, w1, w2)


# %% solution="residual_block_backward"
def residual_block_backward(dy, cache):
    x, w1, w2 = cache
    # the way there once more
    before = conv2d(x, w1, None, 1, 1)
    hidden = np.where(before > 0, before, 0)
    total = conv2d(hidden, w2, None, 1, 1) + x
    # the way back
    dtotal = np.where(total > 0, dy, 0)
    dhidden, dw2, db2 = conv2d_backward(dtotal, hidden, w2, 1, 1)
    dbefore = np.where(before > 0, dhidden, 0)
    dx, dw1, db1 = conv2d_backward(dbefore, x, w1, 1, 1)
    dx = dx + dtotal
    return dx, dw1, dw2


# %% solution="ResidualBlock"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, skip=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.project = in_channels != out_channels or stride != 1
        if self.project:
            self.conv3 = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.bn3 = nn.BatchNorm2d(out_channels)
        self.skip = skip

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.skip:
            if self.project:
                out = out + self.bn3(self.conv3(x))
            else:
                out = out + x
        return torch.relu(out)


# %% solution="ResNet"
class ResNet(nn.Module):
    def __init__(self, in_channels, n_classes, widths=(16, 32, 64), blocks=2, skip=True):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(widths[0])
        self.blocks = nn.ModuleList()
        for k in range(len(widths)):
            for i in range(blocks):
                if i > 0:
                    self.blocks.append(ResidualBlock(widths[k], widths[k], skip=skip))
                elif k > 0:
                    self.blocks.append(ResidualBlock(widths[k - 1], widths[k], stride=2, skip=skip))
                else:
                    self.blocks.append(ResidualBlock(widths[0], widths[0], skip=skip))
        self.linear = nn.Linear(widths[-1], n_classes)

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        x = x.mean(dim=(2, 3))
        return self.linear(x)


# %% solution="gradient_norms"
def gradient_norms(model, x, y):
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.grad = None
    loss = nn.CrossEntropyLoss()(twin(x), y)
    loss.backward()
    norms = []
    for name, parameter in twin.named_parameters():
        if len(parameter.shape) < 2:
            continue
        if parameter.grad is None:
            norms.append(0.0)
        else:
            norms.append(math.sqrt((parameter.grad.double() ** 2).sum().item()))
    return norms


# %% solution="Autoencoder"
class Autoencoder(nn.Module):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        c, h, w = in_shape
        if h % 4 != 0 or w % 4 != 0:
            raise ValueError(f"{h} x {w}")
        self.h = h // 4
        self.w = w // 4
        self.channels = 2 * width
        self.down1 = nn.Conv2d(c, width, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.to_code = nn.Linear(2 * width * self.h * self.w, bottleneck)
        self.from_code = nn.Linear(bottleneck, 2 * width * self.h * self.w)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up2 = nn.ConvTranspose2d(width, c, 2, stride=2)

    def encode(self, x):
        x = torch.relu(self.down1(x))
        x = torch.relu(self.down2(x))
        return self.to_code(x.flatten(1))

    def decode(self, code):
        x = torch.relu(self.from_code(code))
        x = x.reshape(-1, self.channels, self.h, self.w)
        x = torch.relu(self.up1(x))
        return self.up2(x)

    def forward(self, x):
        code = self.encode(x)
        return self.decode(code)


# %% solution="up_and_concat"
def up_and_concat(x, weight, skip):
    n, c, h, w = x.shape
    if weight.shape[0] != c or weight.shape[2] != 2 or weight.shape[3] != 2:
        raise ValueError(f"weight {weight.shape}, x {x.shape}")
    if skip.shape[0] != n or skip.shape[2] != 2 * h or skip.shape[3] != 2 * w:
        raise ValueError(f"skip {skip.shape}, x {x.shape}")
    c_skip = skip.shape[1]
    out = np.zeros((n, c_skip + weight.shape[1], 2 * h, 2 * w), x.dtype)
    for k in range(c_skip):
        out[:, k] = skip[:, k]
    for i in range(h):
        for j in range(w):
            for u in range(weight.shape[1]):
                for k in range(c):
                    stamp = x[:, k, i, j].reshape(n, 1, 1) * weight[k, u]
                    out[:, c_skip + u, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += stamp
    return out


# %% solution="psnr"
def psnr(x, target, peak=1.0):
    if x.shape != target.shape:
        raise ValueError(f"{x.shape} and {target.shape}")
    error = 0.0
    for a, b in zip(x.ravel().tolist(), target.ravel().tolist()):
        error += (a - b) ** 2
    error = error / x.size
    if error == 0:
        return math.inf
    return 10 * math.log10(peak * peak / error)


# %% solution="iou"
def iou(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError(f"{prediction.shape} and {target.shape}")
    both = 0
    any_ = 0
    for a, b in zip(prediction.ravel(), target.ravel()):
        if a and b:
            both += 1
        if a or b:
            any_ += 1
    if any_ == 0:
        return 1.0
    return both / any_


# %% solution="UNet"
class Pair(nn.Module):
    def __init__(self, reads, writes):
        super().__init__()
        self.conv1 = nn.Conv2d(reads, writes, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(writes)
        self.conv2 = nn.Conv2d(writes, writes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(writes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=16, depth=2, skips=True):
        super().__init__()
        self.depth = depth
        self.skips = skips
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList([Pair(in_channels, width)])
        self.up = nn.ModuleList()
        self.merge = nn.ModuleList()
        for k in range(depth):
            small, large = width * 2**k, width * 2 ** (k + 1)
            self.down.append(Pair(small, large))
            self.up.append(nn.ConvTranspose2d(large, small, 2, stride=2))  # from level k + 1 to level k
            self.merge.append(Pair(2 * small, small))
        self.out = nn.Conv2d(width, out_channels, 1)

    def forward(self, x):
        if x.shape[2] % 2**self.depth != 0 or x.shape[3] % 2**self.depth != 0:
            raise ValueError(f"{x.shape[2]} x {x.shape[3]} cannot be halved {self.depth} times")
        made = []
        for k in range(self.depth):
            x = self.down[k](x)
            made.append(x)
            x = self.pool(x)
        x = self.down[self.depth](x)
        for k in range(self.depth - 1, -1, -1):
            beside = made[k]
            if not self.skips:
                beside = torch.zeros_like(beside)
            x = torch.cat((beside, self.up[k](x)), dim=1)
            x = self.merge[k](x)
        return self.out(x)


# %% solution="TemporalConvNet"
class TemporalConvNet(nn.Module):
    def __init__(self, in_channels, channels, n_outputs, n_layers, kernel_size=2):
        super().__init__()
        self.kernel_size = kernel_size
        self.convs = nn.ModuleList()
        for k in range(n_layers):
            if k == 0:
                self.convs.append(nn.Conv1d(in_channels, channels, kernel_size))
            else:
                self.convs.append(nn.Conv1d(channels, channels, kernel_size, dilation=2**k))
        self.last = nn.Conv1d(channels, n_outputs, 1)

    def forward(self, x):
        for k in range(len(self.convs)):
            past = (self.kernel_size - 1) * 2**k
            zeros = torch.zeros(x.shape[0], x.shape[1], past, dtype=x.dtype, device=x.device)
            x = torch.cat([zeros, x], dim=2)
            x = torch.relu(self.convs[k](x))
        return self.last(x)


# %% solution="quiz_three_small"
quiz_three_small = 2700

# %% solution="quiz_way_around"
quiz_way_around = "b"

# %% solution="quiz_deeper_and_worse"
quiz_deeper_and_worse = "c"

# %% solution="quiz_channels_beside"
quiz_channels_beside = 64
