"""The simulated GPU: right code runs as on the CPU, wrong code fails as on a GPU, and all is put back."""

from __future__ import annotations

import contextlib
import types
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from device_snippets import RIGHT, WRONG
from torch import nn

from utils.simulated_gpu import DeviceMistake, SimulatedGPU, device_of, labels

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a real GPU")


KINDS = {"wrong": WRONG, "right": RIGHT}


def run(source: str, device: str) -> str:
    """What a snippet says to a device: "" if all is well."""
    module = types.ModuleType("student")
    try:
        exec(compile(source, "student.py", "exec"), vars(module))
        answer = module.main(device)
        if isinstance(answer, torch.Tensor) and str(answer.device) not in (device, f"{device}:0"):
            return f"the answer is on {answer.device}, not on {device}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def verdict(source: str) -> str:
    """What is wrong with a snippet: on the CPU, on a simulated GPU, on the second one of two."""
    places = [("cpu", contextlib.nullcontext()), ("cuda", SimulatedGPU())]
    if "# the one GPU" not in source:
        places.append(("cuda:1", SimulatedGPU(2)))
    for device, gpu in places:
        torch.manual_seed(0)
        with gpu:
            if said := run(source, device):
                return said
    return ""


def test_half_of_the_snippets_are_wrong_and_each_verdict_is_right():
    assert len(WRONG) >= 12
    assert len(RIGHT) >= 12
    said = {name: verdict(code) for codes in KINDS.values() for name, code in codes.items()}
    table = Counter((kind, bool(said[name])) for kind, codes in KINDS.items() for name in codes)
    assert table == {("wrong", True): len(WRONG), ("right", False): len(RIGHT)}, said


@pytest.mark.parametrize("name", WRONG)
def test_most_of_it_runs_unnoticed_on_a_cpu(name):
    on_cpu = run(WRONG[name], "cpu")
    assert bool(on_cpu) == (name == "batch moved to a fixed device"), on_cpu


def test_the_message_names_operation_tensors_and_devices():
    with (
        SimulatedGPU(),
        pytest.raises(RuntimeError, match="Expected all tensors to be on the same device") as said,
    ):
        nn.Linear(3, 2)(torch.ones(4, 3, device="cuda"))
    assert "addmm: self[2] on cpu, mat1[4, 3] on cuda:0, mat2[3, 2] on cpu" in str(said.value)


def test_values_and_gradients_are_those_of_the_cpu():
    def losses(device: str) -> list[float]:
        torch.manual_seed(0)
        layers = (
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(144, 5),
        )
        net = nn.Sequential(*layers).to(device)
        optimizer, found = torch.optim.Adam(net.parameters(), 1e-2), []
        for _ in range(5):
            x, y = torch.randn(6, 1, 8, 8).to(device), torch.randint(0, 5, (6,)).to(device)
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    plain = losses("cpu")
    with SimulatedGPU():
        assert losses("cuda") == plain


def test_everything_is_put_back_also_after_an_error():
    watched = [
        torch, torch.Tensor, torch.cuda, torch.accelerator, torch._C._nn, torch.amp.autocast,
        torch.utils._foreach_utils, torch.autograd.function.BackwardCFunction, torch.storage._StorageBase,
    ]  # fmt: skip
    packages = torch.serialization._package_registry
    before = [dict(vars(owner)) for owner in watched] + [list(packages)]
    with pytest.raises(DeviceMistake), SimulatedGPU():
        torch.ones(2, device="cuda") + torch.ones(2)
    assert [dict(vars(owner)) for owner in watched] + [list(packages)] == before
    assert not torch.cuda.is_available()
    assert labels.running == []
    torch.ones(2) + torch.ones(2)


def test_a_tensor_of_the_simulation_is_an_ordinary_one_afterwards():
    with SimulatedGPU():
        x = torch.ones(2, device="cuda")
        assert str(device_of(x)) == "cuda:0"
    assert (x + torch.ones(2)).tolist() == [2, 2]
    assert x.device.type == "cpu"
    assert x.numpy().sum() == 2


def test_work_that_stays_on_the_cpu_is_counted():
    with SimulatedGPU() as gpu:
        nn.Linear(3, 3).to("cuda")(torch.ones(2, 3, device="cuda"))
        assert gpu.compute == {"cuda:0": 1}
        nn.Linear(3, 3)(torch.ones(2, 3))  # never moved: no error anywhere
        assert gpu.compute["cpu"] == 1
        assert gpu.moves["cpu->cuda:0"] == 2


def test_two_gpus_are_two_places():
    with SimulatedGPU(count=2):
        x = torch.ones(2, device="cuda:1")
        assert x.device.index == 1
        assert (x + x).device == x.device
        with pytest.raises(DeviceMistake, match="cuda:0"):
            x + torch.ones(2, device="cuda")
        with pytest.raises(DeviceMistake, match="invalid device ordinal"):
            x.to("cuda:2")


def test_tensors_that_pytorch_makes_for_itself_are_not_blamed():
    with SimulatedGPU():
        assert F.one_hot(torch.tensor([1], device="cuda"), 3).is_cuda
        mask = torch.ones(2, 2)  # but those that Python makes on the CPU are
        with pytest.raises(DeviceMistake):
            mask.mul_(torch.ones(2, 2, device="cuda"))


def test_a_real_gpu_is_left_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with SimulatedGPU() as gpu:
        assert gpu.real
        assert "device" not in vars(torch.Tensor)


def test_one_at_a_time():
    with SimulatedGPU(), pytest.raises(RuntimeError, match="already running"), SimulatedGPU():
        pass
    assert not torch.cuda.is_available()


FEATURES = {
    "factories": lambda: [
        torch.zeros(2, device="cuda"), torch.tensor([1.0], device="cuda"), torch.arange(3, device="cuda"),
        torch.as_tensor([1], device="cuda"), torch.rand_like(torch.ones(2, device="cuda")),
        torch.ones(2).cuda(), torch.ones(2, device="cuda").new_full((2,), 3.0),
    ],
    "views and in-place": lambda: [
        torch.arange(12.0, device="cuda").view(3, 4).T[1:].add_(1), torch.ones(2, 3, device="cuda").unfold(1, 2, 1),
        torch.ones(4, device="cuda").as_strided((2, 2), (1, 1)), torch.ones(3, device="cuda").clamp_(0, 1)[None],
    ],
    "layers": lambda: [
        nn.ConvTranspose2d(2, 3, 2, 2).cuda()(torch.ones(1, 2, 3, 4, device="cuda")),
        nn.GRU(3, 4).cuda()(torch.ones(5, 2, 3, device="cuda"))[0],
        nn.MultiheadAttention(4, 2).cuda()(*[torch.ones(3, 2, 4, device="cuda")] * 3)[0],
        nn.Embedding(5, 3).cuda()(torch.tensor([1, 4], device="cuda")),
        F.interpolate(torch.ones(1, 1, 2, 2, device="cuda"), scale_factor=2),
        F.fold(torch.ones(1, 4, 4, device="cuda"), (3, 3), 2), torch.linalg.norm(torch.ones(2, device="cuda")),
    ],
    "gradients": lambda: [
        torch.autograd.grad((x := torch.ones(2, device="cuda", requires_grad=True)).pow(2).sum(), x)[0],
        torch.func.grad(lambda x: (x**2).sum())(torch.ones(2, device="cuda")),
        torch.utils.checkpoint.checkpoint(torch.sin, torch.ones(2, device="cuda", requires_grad=True), use_reentrant=False),
    ],
    "indexing": lambda: [
        torch.ones(3, 4, device="cuda")[torch.tensor([0, 2])], torch.ones(3, device="cuda").index_add(
            0, torch.tensor([1], device="cuda"), torch.ones(1, device="cuda")),
        torch.where(torch.ones(2, device="cuda") > 0, 1.0, 0.0), torch.ones(3, device="cuda").topk(2).values,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", FEATURES)
def test_what_pytorch_can_do_works(name):
    with SimulatedGPU():
        for number, tensor in enumerate(FEATURES[name]()):
            assert str(tensor.device) == "cuda:0", number
