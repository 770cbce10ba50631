"""The network of the last task, the mirrored pictures, and the benchmark that trains it."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F

from utils import datasets
from utils.final_net import FinalNet, Residual, mirror_half
from utils.training import fit, settle

BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("bench_recipe")


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 8, 13)])
def test_every_picture_gets_a_score_for_each_class(shape: tuple[int, int, int]) -> None:
    net = FinalNet(shape[0], n_classes=7, width=4).eval()
    assert net(torch.randn(5, *shape)).shape == (5, 7)


def test_the_docstring_tells_the_shapes_and_the_number_of_parameters() -> None:
    net = FinalNet()
    shapes = []
    for layer in net.features:
        layer.register_forward_hook(lambda _, __, y: shapes.append(tuple(y.shape[1:])))
    net(torch.randn(2, 1, 28, 28))
    assert shapes == [(16, 14, 14), (32, 7, 7), (32, 7, 7), (64, 3, 3), (64, 3, 3), (64, 1, 1), (64,)]
    assert 116_000 < sum(weight.numel() for weight in net.parameters()) < 117_000
    assert all(str(count) in FinalNet.__doc__ for count in ("16 x 14 x 14", "32 x 7 x 7", "64 x 3 x 3"))


def test_the_straight_way_is_there() -> None:
    block = Residual(3).eval()
    for weight in block.parameters():
        torch.nn.init.zeros_(weight)
    x = torch.randn(2, 3, 5, 4)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(("channels", "width"), [(1, 16), (1, 24), (3, 12)])
def test_the_first_filters_are_the_directions_in_which_patches_vary_most(channels: int, width: int) -> None:
    x = torch.randn(20, channels, 12, 12).cumsum(2)  # neighbours are alike
    net = FinalNet(channels, width=width)
    before = {name: weight.clone() for name, weight in net.named_parameters()}
    net.fix_first_filters(x)
    filters = net.features[0][0].weight
    found = min(width, 2 * 9 * channels)
    one = filters[:found:2].flatten(1)
    torch.testing.assert_close(one @ one.T, torch.eye(len(one)), rtol=0, atol=1e-5)
    torch.testing.assert_close(filters[1:found:2], -filters[: found - 1 : 2], rtol=0, atol=0)
    power = F.conv2d(x, filters[:found:2]).square().mean((0, 2, 3))
    assert torch.equal(power.sort(descending=True)[0], power)
    assert float(power[0]) > float(
        F.conv2d(x, one.roll(1, 1).reshape(filters[:found:2].shape)).square().mean()
    )
    assert torch.equal(filters[found:], before["features.0.0.weight"][found:])
    learning = {name for name, weight in net.named_parameters() if weight.requires_grad}
    assert learning == before.keys() - {"features.0.0.weight"}
    assert all(torch.equal(net.get_parameter(name), before[name]) for name in learning)


def test_fixed_filters_stay_as_they_are_while_the_rest_learns() -> None:
    pictures = datasets.load("fashion_mnist", "train", n=60)
    torch.manual_seed(0)
    net = FinalNet(width=4)
    net.fix_first_filters(pictures.tensors()[0])
    before = net.features[0][0].weight.clone()
    history = fit(net, pictures, 20, batch_size=20, lr=1e-2)
    assert torch.equal(net.features[0][0].weight, before)
    assert history["loss"][-1] < 0.3 < 2 < history["loss"][0]


def test_the_picture_of_one_example_does_not_reach_another() -> None:
    net = settle(FinalNet(3, width=4), torch.randn(20, 3, 32, 32))
    x = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]), rtol=1e-4, atol=1e-5)


def test_it_learns_sixty_pictures_by_heart() -> None:
    pictures = datasets.load("fashion_mnist", "train", n=60)
    torch.manual_seed(0)
    net = FinalNet(width=4)
    history = fit(net, pictures, 20, batch_size=20, lr=1e-2)
    assert history["loss"][-1] < 0.2 < 2 < history["loss"][0]


def test_about_half_of_the_pictures_are_mirrored_and_none_is_lost() -> None:
    x = torch.arange(200.0).reshape(100, 1, 1, 2)
    before = x.clone()
    y = mirror_half(x, torch.Generator().manual_seed(0))
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    assert torch.equal(mirrored, ~(y == x).flatten(1).all(1))
    assert 30 < mirrored.sum() < 70
    assert torch.equal(y, mirror_half(x, torch.Generator().manual_seed(0)))


def test_validation_pictures_are_not_trained_on(bench: ModuleType) -> None:
    train = datasets.load("fashion_mnist", "train", n=100)
    (x, y), (checked_x, checked_y) = bench.split_off(train, 30)
    assert (len(x), len(y), len(checked_x), len(checked_y)) == (70, 70, 30, 30)
    everything = torch.cat([x, checked_x]).flatten(1)
    assert torch.equal(everything.sum(1).sort()[0], train.tensors()[0].flatten(1).sum(1).sort()[0])
    assert torch.equal(bench.split_off(train, 30)[1][1], checked_y)


def test_a_run_of_the_benchmark(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    load = datasets.load
    monkeypatch.setattr(bench.datasets, "load", lambda name, split: load(name, split, n=120))
    monkeypatch.setattr(bench, "gigaflops", lambda: 100.0)
    seen = []

    def trained(net, train, valid, recipe, device):
        seen.append((len(train[1]), len(valid[1]), recipe))
        assert not net.features[0][0].weight.requires_grad
        net.eval()
        return {"loss": [1.0], "accuracy": [0.5], "best": 0}

    plan = bench.Plan(20, 4, True, True, bench.ONE_CYCLE | {"epochs": 1}, 0.9)
    row = bench.run(plan, "emojiten", 3, trained, torch.device("cpu"))
    assert [n for *n, _ in seen] == [[100, 20]]
    assert seen[0][2] == plan.knobs | {"seed": 3, "augment": mirror_half}
    assert all(0 <= accuracy <= 1 for split in ("test", "seen", "designer") for accuracy in row[split])


@pytest.mark.parametrize(
    ("seconds", "accuracy", "met"), [(59, 0.93, [1, 1]), (61, 0.93, [0, 1]), (59, 0.91, [1, 0])]
)
def test_a_recipe_must_be_both_quick_and_accurate(
    bench: ModuleType, seconds: float, accuracy: float, met: list[int]
) -> None:
    for mirrored, test in ((False, [accuracy, 0.99]), (True, [0.99, accuracy])):
        plan = {"bar": 0.92, "mirrored": mirrored}
        entry = {"plan": plan, "runs": [{"seconds": seconds, "test": test}]}
        assert [is_met for _, is_met in bench.verdicts("fashion_mnist_full, 60 s", entry)] == met


def test_what_is_kept_was_measured_with_the_plans_that_stand_there(bench: ModuleType) -> None:
    record = json.loads(bench.RECORD.read_text())
    assert set(record) <= {f"{data}, {seconds} s" for data, seconds in bench.PLANS}
    for key, entry in record.items():
        data, seconds = key.removesuffix(" s").split(", ")
        plan = bench.PLANS[data, int(seconds)]
        assert entry["plan"] == json.loads(json.dumps(bench.asdict(plan))), key
        assert entry["parameters"] == bench.parameters(data, plan), key
        assert all(
            row["best"] == max(range(len(v := row["validation"])), key=v.__getitem__) for row in entry["runs"]
        )


def test_the_loss_of_a_first_step_is_that_of_guessing() -> None:
    torch.manual_seed(0)
    net = FinalNet()
    loss = F.cross_entropy(net(torch.randn(64, 1, 28, 28)), torch.randint(10, (64,)))
    assert 2 < float(loss.detach()) < 4
