"""The given training loop of notebook 2: it learns, repeats itself, leaves frozen weights alone, and is packed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from utils import training


def _data() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(60, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    return x, (x.mean(dim=(1, 2, 3)) > 0).long()


def _model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(64, 2)
    )


def test_training_lowers_the_loss_and_is_the_same_with_the_same_seed():
    first, second = _model(), _model()
    torch.manual_seed(1)
    history = training.fit(first, _data(), 6, batch_size=20, lr=0.01, valid=_data())
    torch.manual_seed(1)
    again = training.fit(second, _data(), 6, batch_size=20, lr=0.01, valid=_data())
    assert history == again
    assert len(history["loss"]) == len(history["accuracy"]) == 6
    assert history["loss"][-1] < history["loss"][0]
    assert history["accuracy"][-1] > 0.8
    assert np.array_equal(training.pack(first), training.pack(second))


def test_another_seed_gives_another_order_of_pictures():
    first, second = _model(), _model()
    training.fit(first, _data(), 1, batch_size=20, seed=0)
    training.fit(second, _data(), 1, batch_size=20, seed=1)
    assert not np.array_equal(training.pack(first), training.pack(second))


def test_frozen_weights_stay():
    model = _model()
    model[0].requires_grad_(False)
    before = {name: value.clone() for name, value in model.named_parameters()}
    training.fit(model, _data(), 2, batch_size=20)
    assert torch.equal(model[0].weight, before["0.weight"])
    assert not torch.equal(model[5].weight, before["5.weight"])


def test_scores_are_those_of_evaluation_mode_and_every_module_keeps_its_mode():
    model = _model().train()
    model[1].eval()
    x, y = _data()
    found = training.scores(model, x, batch_size=7)
    assert [module.training for module in model] == [True, False, True, True, True, True]
    assert torch.allclose(found, model.eval()(x), atol=1e-6)
    assert training.accuracy(model, (x, y)) == pytest.approx(float((found.argmax(1) == y).float().mean()))


def test_a_packed_model_comes_back_up_to_float16():
    model = _model()
    training.fit(model, _data(), 1)
    other = training.unpack(_model(), training.pack(model))
    assert not other.training
    for name, value in model.state_dict().items():
        assert torch.allclose(other.state_dict()[name].float(), value.float(), rtol=1e-3, atol=1e-4), name
    with pytest.raises(ValueError, match="values"):
        training.unpack(_model(), training.pack(model)[:-1])


def test_a_settled_model_has_the_statistics_of_the_pictures():
    model = training.settle(_model(), _data()[0])
    with torch.no_grad():
        seen = model[1](model[0](_data()[0]))
    assert not model.training
    assert seen.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (seen.std(dim=(0, 2, 3)) - 1).abs().max() < 0.01
