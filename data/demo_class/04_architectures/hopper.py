"""Hopper: a ReLU too many at every end, one in place, and the biases forgotten in the count."""
# base: ada

# %% solution="count_parameters"
def count_parameters(layers):
    total = 0
    for layer in layers:
        if layer[0] == "conv":
            total += layer[1] * layer[2] * layer[3] ** 2
        elif layer[0] == "linear":
            total += layer[1] * layer[2]
        elif layer[0] != "pool":
            raise ValueError(f"unknown layer {layer[0]}")
    return total


# %% solution="residual_block"
def residual_block(x, w1, w2):
    hidden = np.maximum(conv2d(x, w1, padding=1), 0)
    cache = (x, w1, w2)
    x += conv2d(hidden, w2, padding=1)  # no second array
    return np.maximum(x, 0), cache


# %% solution="Autoencoder"
class Autoencoder(nn.Module):
    def __init__(self, in_shape, bottleneck, width=16):
        super().__init__()
        c, h, w = in_shape
        if h % 4 or w % 4:
            raise ValueError(f"{h} x {w} is not made of 4 x 4")
        small = (2 * width, h // 4, w // 4)
        n = 2 * width * (h // 4) * (w // 4)
        self.encoder = nn.Sequential(
            nn.Conv2d(c, width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(n, bottleneck), nn.ReLU(),
        )
        self.decoder = nn.Sequential(
            nn.Linear(bottleneck, n), nn.ReLU(), nn.Unflatten(1, small),
            nn.ConvTranspose2d(2 * width, width, 2, stride=2), nn.ReLU(),
            nn.ConvTranspose2d(width, c, 2, stride=2), nn.ReLU(),
        )

    def encode(self, x):
        return self.encoder(x)

    def decode(self, code):
        return self.decoder(code)

    def forward(self, x):
        return self.decoder(self.encoder(x))
