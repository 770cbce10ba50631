"""Tensors with a place show on a CPU what would go wrong on a GPU."""

import torch
import torch.nn.functional as F

from utils.probes import places

DEVICE = places.target(torch.device("cpu"))


def batch() -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    mixed: list[str] = []
    ((x, y),) = places.loader(torch.arange(12.0).view(4, 3), torch.tensor([0, 2, 1, 1]), 4, mixed)
    return x, y, mixed


def test_a_batch_lies_on_the_cpu_until_it_is_moved() -> None:
    x, y, _ = batch()
    assert places.place(x) == places.place(y) == "cpu"
    assert places.place(x.to(DEVICE)) == places.place(y.to(device=DEVICE)) == str(DEVICE)
    assert places.place(x.to(DEVICE).to(torch.float64)) == str(DEVICE)
    assert places.place(x.to(DEVICE).cpu()) == "cpu"
    assert places.place(y.to(x.to(DEVICE))) == str(DEVICE)


def test_what_is_computed_stays_on_the_device() -> None:
    x, y, mixed = batch()
    scores = F.relu(x.to(DEVICE) * 2 - 1)
    best = scores.max(dim=1)
    assert places.place(best.values) == places.place(best.indices) == str(DEVICE)
    assert (best.indices == y.to(DEVICE)).sum().item() == 1
    assert mixed == []


def test_devices_that_meet_are_noted() -> None:
    x, y, mixed = batch()
    F.cross_entropy(x.to(DEVICE), y)
    assert mixed == ["cross_entropy"]
    x.to(DEVICE).numpy()
    assert mixed == ["cross_entropy", "numpy"]
    x.to(DEVICE).cpu().numpy()
    torch.cat([x, x])
    assert len(mixed) == 2
    torch.cat([x, x.to(DEVICE)])
    assert len(mixed) == 3


def test_gradients_flow_through_places() -> None:
    x, y, _ = batch()
    weight = torch.ones(3, 3, requires_grad=True)
    F.cross_entropy(x.to(DEVICE) @ weight, y.to(DEVICE)).backward()
    assert weight.grad is not None
    assert type(places.plain(x)) is torch.Tensor


def test_new_tensors_on_another_device_are_found() -> None:
    assert places.mixed_devices(lambda x: x + torch.arange(3), (2, 3))
    assert not places.mixed_devices(lambda x: x + torch.arange(3, device=x.device), (2, 3))
    assert places.mixed_devices(lambda x: x.detach().numpy(), (2, 3))
    assert places.mixed_devices(lambda x: x.sum().item() + x.argmax() + torch.zeros(2), (1, 3))
    assert not places.mixed_devices(lambda x: x.reshape(7), (2, 3))  # wrong, but not about devices
