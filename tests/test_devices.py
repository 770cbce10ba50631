"""Which device is chosen, and how it is named."""

import pytest
import torch

from utils import devices


@pytest.fixture(autouse=True)
def no_wish(monkeypatch):
    monkeypatch.delenv("COURSE_DEVICE", raising=False)


def test_the_environment_overrules(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "meta")
    assert devices.default_device() == torch.device("meta")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_chosen(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert devices.default_device() == torch.device(expected)


def test_the_chosen_device_works():
    device = devices.default_device()
    assert float(torch.ones(3, device=device).sum()) == 3
    devices.wait(device)
    assert devices.describe(device)


def test_names():
    assert devices.describe("cpu") == "CPU"
    assert devices.describe(torch.device("mps")) == "Apple GPU"


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("0", False), ("1", True)])
def test_quick(monkeypatch, value, expected):
    monkeypatch.delenv("COURSE_QUICK", raising=False)
    if value is not None:
        monkeypatch.setenv("COURSE_QUICK", value)
    assert devices.quick() is expected
