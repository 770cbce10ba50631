"""Networks drawn from their modules: what is followed is what the code does; also the step up and occlusion."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.patches import FancyArrowPatch
from torch import nn

from utils import module_drawings, step_up
from utils.convolution import conv2d, conv2d_backward
from utils.module_drawings import Stop, follow
from utils.occlusion import occlusion_map_batched


class Around(nn.Module):
    """Two convolutions, a way around them (with a projection or not), and a ReLU behind the sum."""

    def __init__(self, projection: bool) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.projection = nn.Conv2d(4, 4, 1) if projection else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.two(F.relu(self.norm(self.one(x))))
        return F.relu(y + self.projection(x))


class Across(nn.Module):
    """Down, up, and side by side with what was there before, or with zeros."""

    def __init__(self, zeros: bool) -> None:
        super().__init__()
        self.before, self.below = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.last = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Conv2d(8, 1, 1)
        self.zeros = zeros

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.before(x)
        y = self.up(self.below(F.max_pool2d(skip, 2)))
        return self.last(torch.cat([torch.zeros_like(skip) if self.zeros else skip, y], dim=1))


def test_a_plain_network_is_followed_layer_by_layer() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(45, 7)
    )
    assert follow(model, (3, 14, 14)) == [
        Stop("input", "input", (3, 14, 14)),
        Stop("conv", "conv 3×3, /2", (5, 6, 6), (0,), 140, ("ReLU",), 5 * 36 * 27),
        Stop("pool", "max 2×2, /2", (5, 3, 3), (1,)),
        Stop("linear", "linear", (7,), (2,), 45 * 7 + 7, (), 45 * 7),
    ]


def test_following_leaves_the_model_alone_and_needs_no_memory() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    follow(model, (1, 4, 4))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.device("meta"):
        huge = nn.Sequential(nn.Flatten(), nn.Linear(10**6, 10**6))
    assert follow(huge, (1, 1000, 1000))[-1].work == 10**12


@pytest.mark.parametrize("projection", [False, True])
def test_a_way_around_ends_in_a_sum(projection: bool) -> None:
    stops = follow(Around(projection), (4, 6, 6))
    total = stops[-1]
    assert (total.kind, total.after) == ("add", ("ReLU",))
    kinds = [stops[source].words for source in total.sources]
    assert kinds == ["conv 3×3", "conv 1×1" if projection else "input"]
    assert stops[1].after == ("norm", "ReLU")
    assert stops[1].weights == 4 * 4 * 9


def test_a_sum_of_a_thing_with_itself_is_no_way_around() -> None:
    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x + 1

    assert [stop.kind for stop in follow(Twice(), (1, 2, 2))] == ["input"]


def test_the_mean_over_places_is_a_list_however_it_is_written() -> None:
    class ByHand(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3))

    for model in (ByHand(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())):
        last = follow(model, (6, 5, 4))[-1]
        assert (last.kind, last.shape) == ("mean", (6,))


@pytest.mark.parametrize("zeros", [False, True])
def test_what_is_side_by_side_is_known_and_drawn(zeros: bool) -> None:
    stops = follow(Across(zeros), (3, 8, 8))
    cat = next(stop for stop in stops if stop.kind == "cat")
    assert [stops[source].kind for source in cat.sources] == ["zeros" if zeros else "conv", "up"]
    assert next(stop for stop in stops if stop.kind == "up").work == 8 * 4 * 4 * 4 * 4
    figure = module_drawings.draw_levels(stops)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert ("skip: 4 channels" in words) != zeros
    assert ("0" in words) == zeros
    plt.close(figure)


def arrows(figure: plt.Figure) -> int:
    return sum(isinstance(patch, FancyArrowPatch) for patch in figure.axes[0].patches)


@pytest.mark.parametrize(("model", "expected"), [(Around(False), 4), (Around(True), 5)])
def test_every_connection_is_an_arrow(model: nn.Module, expected: int) -> None:
    stops = follow(model, (4, 6, 6))
    figure = module_drawings.draw_row(stops)
    assert arrows(figure) == expected == sum(len(stop.sources) for stop in stops)
    plt.close(figure)


def test_labels_take_the_place_of_shapes() -> None:
    stops = follow(nn.Sequential(nn.Conv1d(2, 3, 2, dilation=4)), (2, 9))
    assert stops[1].words == "conv 2, d 4"
    figure = module_drawings.draw_row(stops, labels=["in", "?"])
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"in", "?"} <= words
    assert "3\n5" not in words
    plt.close(figure)


def test_a_step_up_shows_the_four_products() -> None:
    figure = step_up.draw_step_up(
        np.array([[3.0, 1], [2, 5]]), np.array([[1.0, 0], [2, -1]]), np.ones((4, 4)), (1, 1)
    )
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"10", "−5"} <= set(words)
    plt.close(figure)


@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_given_way_back_through_a_convolution(stride: int, padding: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, weight = (rng.normal(size=shape).astype(dtype) for shape in ((2, 3, 7, 6), (4, 3, 3, 2)))
    y = conv2d(x, weight, None, stride, padding)
    dy = rng.normal(size=y.shape).astype(dtype)
    dx, dweight, dbias = conv2d_backward(dy, x, weight, stride, padding)
    assert {part.dtype for part in (dx, dweight, dbias)} == {np.dtype(dtype)}
    shift = rng.normal(size=x.shape).astype(dtype)
    turn = rng.normal(size=weight.shape).astype(dtype)
    # A convolution is linear in each argument: <dy, conv(shift)> = <dx, shift>, and likewise for the weight.
    np.testing.assert_allclose(
        (dy * conv2d(shift, weight, None, stride, padding)).sum(), (dx * shift).sum(), rtol=1e-3
    )
    np.testing.assert_allclose(
        (dy * conv2d(x, turn, None, stride, padding)).sum(), (dweight * turn).sum(), rtol=1e-3
    )
    np.testing.assert_allclose(dbias, dy.sum(axis=(0, 2, 3)), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"."):
        conv2d_backward(dy[:, :1], x, weight, stride, padding)


def test_the_given_occlusion_map() -> None:
    class Bright(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([x.sum(dim=(1, 2, 3)), x[:, 0, 1, 2]], dim=1)

    image = torch.arange(24.0).reshape(1, 4, 6)
    drops = occlusion_map_batched(Bright(), image, 0, 2, 2, batch_size=4)  # pieces of one row of squares
    expected = image.reshape(2, 2, 3, 2).sum(dim=(1, 3))
    assert torch.equal(drops, expected)
    assert torch.equal(occlusion_map_batched(Bright(), image, 0, 2, 2, batch_size=99), expected)
    assert occlusion_map_batched(Bright(), image, 1, 2, 1, batch_size=1).count_nonzero() == 4
    assert occlusion_map_batched(Bright(), image, 0, 3, 2, batch_size=9).shape == (1, 2)  # does not divide
