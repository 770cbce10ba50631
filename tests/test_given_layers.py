"""What later notebooks are given of earlier ones: convolution by PyTorch, and a stored bank of edge filters."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from utils.convolution import conv2d
from utils.edge_bank import edge_filters

COURSE = Path(__file__).resolve().parents[1]


def by_hand(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Convolution in loops."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kh, kw = weight.shape[2:]
    rows = range(0, padded.shape[2] - kh + 1, stride)
    columns = range(0, padded.shape[3] - kw + 1, stride)
    y = [
        [np.tensordot(padded[:, :, i : i + kh, j : j + kw], weight, ((1, 2, 3),) * 2) for j in columns]
        for i in rows
    ]
    return np.transpose(y, (2, 3, 0, 1)) + bias[:, None, None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_the_given_convolution(dtype: str, stride: int, padding: int) -> None:
    numbers = np.random.default_rng(0)
    x, weight, bias = (
        numbers.normal(size=shape).astype(dtype) for shape in ((2, 3, 7, 6), (4, 3, 3, 2), (4,))
    )
    y = conv2d(x[:, :, ::-1], weight, bias, stride, padding)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, by_hand(x[:, :, ::-1], weight, bias, stride, padding), rtol=1e-4, atol=1e-4)


def test_the_given_convolution_leaves_its_input_alone() -> None:
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    y = conv2d(x, np.ones((1, 1, 1, 1)))
    y += 1
    assert x[0, 0, 0, 0] == 0


@pytest.mark.parametrize("shapes", [((1, 2, 4, 4), (1, 3, 2, 2)), ((1, 1, 2, 2), (1, 1, 3, 3))])
def test_what_does_not_fit_is_a_value_error(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        conv2d(*(np.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(("side", "count"), [(3, 8), (9, 16), (21, 8)])
def test_the_bank_of_edges_goes_round_once(side: int, count: int) -> None:
    bank = edge_filters(side)
    assert bank.shape == (count, 1, side, side)
    assert bank.dtype == np.float32
    np.testing.assert_allclose(bank.sum(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose((bank**2).sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_array_equal(bank[count // 2 :], -bank[: count // 2])
    quarter = count // 4
    np.testing.assert_allclose(bank[quarter, 0], np.rot90(bank[0, 0]), atol=0.02)


def test_the_first_filter_likes_an_edge_that_is_bright_on_its_right() -> None:
    for side in (3, 9, 21):
        weight = edge_filters(side)[0, 0]
        assert weight[:, side // 2 + 1 :].sum() > 0.5 > -0.5 > weight[:, : side // 2].sum()


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="no filters of 5 x 5"):
        edge_filters(5)


def test_the_stored_bank_is_what_its_script_makes() -> None:
    path = COURSE / "solutions" / "03_pooling_backprop" / "make_edge_bank.py"
    spec = importlib.util.spec_from_file_location("make_edge_bank", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for size, (count, sigma) in script.BANKS.items():
        np.testing.assert_allclose(edge_filters(size), script.edge_filters(count, size, sigma), atol=1e-5)
