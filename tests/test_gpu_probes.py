"""Code tried on a GPU, simulated where there is none: what is refused, where work and answers are, in which words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from utils.probes import gpu
from utils.views import WrongForm
from utils.views import gpu as views

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a real GPU")

X = torch.arange(12.0).view(4, 3)
Y = torch.tensor([0, 2, 1, 1])


def said(report: Any) -> str:
    """What a student reads about a report of `tried`."""
    try:
        return str(views.tried(report))
    except WrongForm as wrong:
        return str(wrong)


class Kept(nn.Module):
    """Keeps a tensor in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        one = torch.ones(3)
        if way == "registered":
            self.register_buffer("one", one)
        else:
            self.one = {"plain": one, "in a list": [one], "in a dictionary": {"one": one}}[way]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.one
        one = one["one"] if isinstance(one, dict) else one[0] if isinstance(one, list) else one
        return x * one


class Listed(nn.Module):
    """Keeps its layer in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(3, 2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers[0](x)


def in_context(x: torch.Tensor) -> torch.Tensor:
    """Zeros, made without naming a device."""
    with x.device:
        return torch.zeros(3)


RIGHT = {
    "plain sums": lambda x: x + x.sum(),
    "a new tensor on the device": lambda x: x + torch.arange(3, device=x.device),
    "zeros_like": lambda x: x + torch.zeros_like(x),
    "new_zeros": lambda x: x + x.new_zeros(3),
    "the device as a context": lambda x: x + in_context(x),
    "a product": lambda x: x @ x.T,
    "a trial on the device meta": lambda x: (nn.Linear(3, 2, device="meta")(x.to("meta")), x)[1],
    "a network that is tried on the CPU as it is built": lambda x: [
        (net := nn.Linear(3, 2)) and net(torch.ones(1, 3)).sum() and None,
        net.to(x.device)(x),
    ],
    "a buffer": lambda x: Kept("registered").to(x.device)(x),
    "a lazy layer": lambda x: nn.LazyLinear(2).to(x.device)(x),
    "several answers": lambda x: {"a": [x, x + 1], "b": (x, 3)},
}
WRONG = {
    "a new tensor": (lambda x: x + torch.arange(3), views.MADE),
    "an array": (lambda x: x.numpy(), views.NUMPY),
    "NumPy's own": (lambda x: __import__("numpy").asarray(x), views.NUMPY),
    "a fixed device": (lambda x: x + torch.zeros(3, device="cuda"), views.FIXED),
    "an answer on a fixed device": (lambda x: x.cuda(), views.FIXED),
    "a tensor that is kept": (lambda x: Kept("plain").to(x.device)(x), views.UNREGISTERED),
    "one in a list": (lambda x: Kept("in a list").to(x.device)(x), views.UNREGISTERED),
    "one in a dictionary": (lambda x: Kept("in a dictionary").to(x.device)(x), views.UNREGISTERED),
    "a layer in a list": (lambda x: Listed().to(x.device)(x), views.UNREGISTERED),
    "work on the CPU": (
        lambda x: (x.cpu() @ x.cpu().T).to(x.device),
        "{'work': 'not on the GPU', 'answers': 'on the GPU'}",
    ),
    "answers on the CPU": (lambda x: x.cpu(), "{'work': 'on the GPU', 'answers': 'not on the GPU'}"),
    "one of two answers": (lambda x: [x, x.cpu()], "{'work': 'on the GPU', 'answers': 'not on the GPU'}"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_is_not_blamed(name: str) -> None:
    assert said(gpu.tried(RIGHT[name], "", X)) == str(views.RIGHT)


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_found_and_named(name: str) -> None:
    call, words = WRONG[name]
    assert said(gpu.tried(call, "", X)) == words


def test_other_errors_say_nothing_about_devices() -> None:
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        gpu.tried(lambda x: x.reshape(7), "", X)
    with pytest.raises(NotImplementedError):
        gpu.tried(lambda x: exec("raise NotImplementedError('device')"), "", X)


def test_tensors_inside_arguments_are_moved_and_answers_come_back_plain() -> None:
    where = []

    def call(device: torch.device) -> Any:
        where.append(str(device))
        return {"x": [X.to(device).requires_grad_() * 2]}

    seen, answer = gpu.on_gpu(call)
    assert where == [seen["device"]] == seen["answers"] == ["cuda:1"]
    assert answer["x"][0].device.type == "cpu" and not answer["x"][0].requires_grad
    assert answer["x"][0].equal(2 * X)
    gpu.tried(
        lambda pair, state: where.append((pair[1].device.index, state["w"].device.index)),
        "",
        (1, X),
        {"w": X},
    )
    assert where[-1] == (1, 1)


class Watched(nn.Linear):
    """Notes where it and its input are."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.calls: list[dict[str, Any]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(
            {"place": str(x.device), "home": str(self.weight.device), "training": self.training}
        )
        return super().forward(x)


def loop(step: Any, validates: bool = False) -> str:
    """What a student reads about a step on a batch; the model is on the GPU."""
    model = Watched()

    def prepare(device: torch.device) -> Any:
        return model.to(device), X, Y, device

    seen, _ = gpu.on_gpu(lambda prepared: step(*prepared), prepare)
    try:
        views.loop(seen, model.calls, validates)
    except WrongForm as wrong:
        return str(wrong)
    return ""


IMAGES = {"what": "images"}
STEPS = {
    "right": (lambda m, x, y, d: F.cross_entropy(m(x.to(d)), y.to(d)), ""),
    "nothing moved": (lambda m, x, y, d: F.cross_entropy(m(x), y), views.BATCHES.format(**IMAGES)),
    "labels moved alone": (
        lambda m, x, y, d: [y.to(d)] and F.cross_entropy(m(x), y.to(d)),
        views.IMAGES.format(**IMAGES),
    ),
    "copies dropped": (
        lambda m, x, y, d: [x.to(d), y.to(d)] and F.cross_entropy(m(x), y),
        views.DROPPED.format(**IMAGES),
    ),
    "the model moved away": (lambda m, x, y, d: m.cpu()(x.to(d)), views.MODEL.format(**IMAGES)),
    "labels left behind": (lambda m, x, y, d: F.cross_entropy(m(x.to(d)), y), views.LABELS),
    "compared with labels left behind": (lambda m, x, y, d: m(x.to(d)).argmax(1) == y, views.COMPARED),
    "chosen from the CPU": (lambda m, x, y, d: y[m(x.to(d)).argmax(1)], views.CHOSEN),
    "an array": (lambda m, x, y, d: m(x.to(d)).detach().numpy(), views.NUMPY),
    "a fixed device": (lambda m, x, y, d: m.cuda()(x.cuda()), views.FIXED),
    "pictures on a fixed device": (lambda m, x, y, d: m(x.cuda()), views.FIXED),
    "a sum on the CPU": (lambda m, x, y, d: torch.zeros(()).add_(m(x.to(d)).sum()), views.MADE),
}


@pytest.mark.parametrize("name", STEPS)
def test_mistakes_of_loops_are_found_and_named(name: str) -> None:
    step, words = STEPS[name]
    assert loop(step) == words


def test_pictures_for_validation_are_told_from_those_for_training() -> None:
    assert loop(lambda m, x, y, d: m.eval()(x), True) == views.IMAGES.format(what="images for validation")


def test_words_of_a_real_gpu_are_understood() -> None:
    """As CUDA says them; it counts neither copies nor work."""
    seen = {"device": "cuda:0", "simulated": False, "unregistered": False, "computed": {}, "copies": {}}
    seen |= {"answers": []}
    apart = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
    target = "when checking argument for argument target in method wrapper_CUDA_nll_loss_forward"
    words = {
        f"{apart} ({target})": views.LABELS,
        apart: views.MADE,
        "indices should be either on cpu or on the same device as the indexed tensor (cpu)": views.CHOSEN,
        "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()": views.NUMPY,
    }
    here = {"place": "cuda:0", "home": "cuda:0", "training": True}
    for refused, expected in words.items():
        with pytest.raises(WrongForm) as caught:
            views.loop(seen | {"refused": refused}, [here])
        assert str(caught.value) == expected
    with pytest.raises(WrongForm) as caught:
        views.loop(seen | {"refused": apart}, [here | {"place": "cpu"}])
    assert str(caught.value) == views.IMAGES.format(what="images")


def test_a_report_that_is_something_else_is_not_trusted() -> None:
    for report in (None, {}, {"device": 3}):
        with pytest.raises(WrongForm):
            views.tried(report)
