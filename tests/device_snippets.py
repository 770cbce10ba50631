"""Code as students write it for a GPU, right and wrong about devices; each has a function main(device).

`main` returns a tensor that should be on the device, or nothing.
"""

NET = """
import torch, torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.linear = nn.Linear(8 * 4 * 5, 4)
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return self.linear(x.flatten(1))

def batches():
    numbers = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, 8, 10, generator=numbers)
    y = torch.randint(4, (12,), generator=numbers)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=5, shuffle=True)
"""

TRAINING = (
    NET
    + """
def train_epoch(model, loader, optimizer, device):
    model.train()
    total = 0.0
    for x, y in loader:
        MOVE
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    return total / len(loader.dataset)

def main(device):
    model = Net()MODEL
    train_epoch(model, batches(), torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), device)
    return next(model.parameters())
"""
)


def training(move: str, model: str = ".to(device)") -> str:
    """A training loop with this line for the batch, and this at the end of the model's line."""
    return TRAINING.replace("MOVE", move).replace("MODEL", model)


WRONG = {
    "model not moved": training("x, y = x.to(device), y.to(device)", ""),
    "labels not moved": training("x = x.to(device)"),
    "pictures not moved": training("y = y.to(device)"),
    "result of to dropped": training("x.to(device); y.to(device)"),
    "batch moved to a fixed device": training("x, y = x.cuda(), y.cuda()"),
    "numpy without cpu": NET
    + """
def main(device):
    model = Net().to(device).eval()
    right = 0
    with torch.no_grad():
        for x, y in batches():
            right += (model(x.to(device)).argmax(1).numpy() == y.numpy()).sum()
""",
    "comparison across devices": NET
    + """
def main(device):
    model = Net().to(device).eval()
    with torch.no_grad():
        return sum((model(x.to(device)).argmax(1) == y).sum() for x, y in batches())
""",
    "new tensor on the CPU in forward": """
import torch, torch.nn.functional as F
def conv2d_unfold(x, weight, padding):
    n, c, h, w = x.shape
    padded = torch.zeros(n, c, h + 2 * padding, w + 2 * padding)
    padded[:, :, padding:padding + h, padding:padding + w] = x
    columns = F.unfold(padded, weight.shape[2:])
    return (weight.flatten(1) @ columns).unflatten(2, (h, w))
def main(device):
    return conv2d_unfold(torch.randn(2, 3, 5, 6, device=device), torch.randn(4, 3, 3, 3, device=device), 1)
""",
    "parameter not registered": """
import torch
from torch import nn
class Conv1x1(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.weight = torch.randn(c_out, c_in, requires_grad=True)
    def forward(self, x):
        return torch.einsum("oi,nihw->nohw", self.weight, x)
def main(device):
    return Conv1x1(3, 4).to(device)(torch.ones(2, 3, 4, 5, device=device))
""",
    "layers in a plain list": """
import torch
from torch import nn
class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = [nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)]
    def forward(self, x):
        for block in self.blocks:
            x = x + block(x)
        return x
def main(device):
    return Deep().to(device)(torch.ones(2, 4, 5, 6, device=device))
""",
    "buffer not registered": """
import torch
from torch import nn
class Blur(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = torch.full((3, 1, 3, 3), 1 / 9)
    def forward(self, x):
        return nn.functional.conv2d(x, self.kernel, padding=1, groups=3)
def main(device):
    return Blur().to(device)(torch.ones(2, 3, 4, 5, device=device))
""",
    "way back makes its gradient on the CPU": """
import torch
class MaxPool2dFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y, places = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return y
    @staticmethod
    def backward(ctx, dy):
        (places,) = ctx.saved_tensors
        dx = torch.zeros(ctx.shape).flatten(2)
        return dx.scatter_add(2, places.flatten(2).cpu(), dy.flatten(2).cpu()).view(ctx.shape)
def main(device):
    x = torch.randn(2, 3, 4, 6, device=device, requires_grad=True)
    MaxPool2dFunction.apply(x).sum().backward()
    return x.grad
""",
    "one-hot on the CPU": """
import torch
def softmax_loss(scores, y):
    right = torch.zeros(scores.shape).scatter_(1, y[:, None], 1.0)
    return -(scores.log_softmax(1) * right).sum(1).mean()
def main(device):
    return softmax_loss(torch.randn(5, 3, device=device), torch.randint(3, (5,), device=device))
""",
    "weights moved after requires_grad": """
import torch
def main(device):
    weight = torch.zeros(3, 1, requires_grad=True).to(device)
    x, y = torch.randn(8, 3, device=device), torch.randn(8, 1, device=device)
    for _ in range(2):
        ((x @ weight - y) ** 2).mean().backward()
        with torch.no_grad():
            weight -= 0.1 * weight.grad
    return weight
""",
    "mask of dropout on the CPU": """
import torch
from torch import nn
class Dropout(nn.Module):
    def forward(self, x):
        return x * (torch.rand(x.shape) > 0.5) * 2 if self.training else x
def main(device):
    return Dropout().to(device)(torch.ones(3, 4, device=device))
""",
    "answer left on the CPU": """
import torch
def occlusion_map(model, image):
    drops = []
    for i in range(3):
        covered = image.clone()
        covered[:, i] = 0
        drops.append((model(image[None]) - model(covered[None])).sum().item())
    return torch.tensor(drops)
def main(device):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2 * 3 * 4, 2)).to(device)
    with torch.no_grad():
        return occlusion_map(model, torch.ones(2, 3, 4, device=device))
""",
}

RIGHT = {
    "the standard loop": training("x, y = x.to(device), y.to(device)"),
    "moved without waiting": training("x, y = (part.to(device, non_blocking=True) for part in (x, y))"),
    "the device of the model": training(
        "x, y = (part.to(next(model.parameters()).device) for part in (x, y))"
    ),
    "moved like another tensor": training("x = x.to(next(model.parameters())); y = y.to(x.device)"),
    "Adam, clipping and a schedule": NET
    + """
def main(device):
    model = Net().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=9)
    for x, y in batches():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x.to(device)), y.to(device), label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return loss
""",
    "mixed precision": NET
    + """
def main(device):
    kind = torch.device(device).type
    model = Net().to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler(kind, enabled=kind == "cuda")
    for x, y in batches():
        with torch.autocast(kind, torch.bfloat16):
            loss = F.cross_entropy(model(x.to(device)), y.to(device))
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    if kind == "cuda":
        torch.cuda.synchronize()
    return loss
""",
    "evaluation with numpy": NET
    + """
import numpy as np
def main(device):
    model = Net().to(device).eval()
    table = np.zeros((4, 4), int)
    with torch.inference_mode():
        for x, y in batches():
            np.add.at(table, (y.numpy(), model(x.to(device)).argmax(1).cpu().numpy()), 1)
    assert table.sum() == 12
""",
    "new tensors beside the argument": """
import torch, torch.nn.functional as F
from torch import zeros
def conv2d_unfold(x, weight, padding):
    n, c, h, w = x.shape
    padded = zeros(n, c, h + 2 * padding, w + 2 * padding, dtype=x.dtype, device=x.device)
    padded[:, :, padding:padding + h, padding:padding + w] = x
    columns = F.unfold(padded, weight.shape[2:])
    return (weight.flatten(1) @ columns).unflatten(2, (h, w)) + x.new_zeros(1) + torch.zeros_like(x[0, 0])
def main(device):
    return conv2d_unfold(torch.randn(2, 3, 5, 6, device=device), torch.randn(4, 3, 3, 3, device=device), 1)
""",
    "registered parts": """
import torch
from torch import nn
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)])
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.register_buffer("kernel", torch.full((3, 1, 3, 3), 1 / 9))
    def forward(self, x):
        for layer in self.layers:
            x = x + self.scale * layer(x)
        return nn.functional.conv2d(x, self.kernel, padding=1, groups=3)
def main(device):
    return Block().to(device)(torch.ones(2, 3, 4, 5, device=device))
""",
    "a custom function and its gradcheck": """
import torch
class MaxPool2dFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y, places = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return y
    @staticmethod
    def backward(ctx, dy):
        (places,) = ctx.saved_tensors
        dx = dy.new_zeros(ctx.shape).flatten(2)
        return dx.scatter_add(2, places.flatten(2), dy.flatten(2)).view(ctx.shape)
def main(device):
    x = torch.randn(2, 3, 4, 6, device=device, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(MaxPool2dFunction.apply, (x,))
    return MaxPool2dFunction.apply(x)
""",
    "U-Net's parts": """
import torch
from torch import nn
def main(device):
    with torch.device(device):
        down = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        up, x = nn.ConvTranspose2d(4, 4, 2, 2), torch.rand(2, 3, 4, 6)
    first = down(x)
    second = torch.cat([first, up(nn.functional.max_pool2d(first, 2))], dim=1)
    second.mean().backward()
    assert down[0].weight.grad.device == x.device
    return second
""",
    "hooks that record": NET
    + """
def main(device):
    model, seen = Net().to(device), {}
    hook = model.conv.register_forward_hook(lambda module, given, answer: seen.update(conv=answer.detach()))
    with torch.no_grad():
        model(torch.ones(2, 3, 8, 10, device=device))
    hook.remove()
    return seen["conv"]
""",
    "legal mixing": """
import torch, torch.nn.functional as F
def main(device):
    x = torch.arange(12.0).reshape(3, 4).to(device)
    x[0] = torch.zeros(4)
    x[1, 2] = torch.tensor(7.0)
    x = x * torch.tensor(2.0) + torch.tensor(1)
    kept = x[torch.tensor([0, 2])].sum() + x[torch.tensor([True, False, True])].sum()
    out = torch.empty(3, 4)
    out.copy_(x)
    assert out.device.type == "cpu" and torch.equal(out, x.cpu())
    return kept + F.one_hot(torch.tensor([1, 0], device=device), 3).float().sum()
""",
    "best weights saved and loaded": NET
    + """
import copy, io
def main(device):
    model = Net().to(device)
    best = copy.deepcopy(model.state_dict())
    file = io.BytesIO()
    torch.save({name: value.cpu() for name, value in best.items()}, file)
    file.seek(0)
    new = Net()
    new.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    average = copy.deepcopy(model).requires_grad_(False)
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), model.parameters()):
            mine.lerp_(theirs, 0.1)
    return average(torch.ones(2, 3, 8, 10, device=device)) + new.to(device)(torch.ones(2, 3, 8, 10, device=device))
""",
    "the device of the whole notebook": """
import torch
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")  # the one GPU
torch.manual_seed(0)
x = torch.linspace(-1, 1, 50, device=device)[:, None]
model = torch.nn.Sequential(torch.nn.Linear(1, 9), torch.nn.Tanh(), torch.nn.Linear(9, 1)).to(device)
optimizer = torch.optim.RMSprop(model.parameters(), 0.01)
for _ in range(3):
    loss = torch.nn.functional.mse_loss(model(x), x**3)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
def main(wanted):
    return loss if torch.device(wanted) == device else None
""",
    "weights made on the device": """
import torch
def main(device):
    numbers = torch.Generator().manual_seed(0)
    x = torch.randn(8, 3, generator=numbers).to(device)
    weight = torch.zeros(3, 1, device=device, requires_grad=True)
    speed = torch.zeros_like(weight)
    for _ in range(3):
        order = torch.randperm(8, generator=numbers)[:4]
        (gradient,) = torch.autograd.grad(((x[order] @ weight - 1) ** 2).mean(), [weight])
        with torch.no_grad():
            speed.mul_(0.9).add_(gradient)
            weight -= 0.1 * speed
    return weight
""",
}
