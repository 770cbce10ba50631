"""The data sets of the course, all through one function: `load(name, split)`.

Name            Pictures      Classes  Where it comes from
emojiten        3 x 32 x 32   10       composed here from glyphs and photographs (data/emojiten)
dog_or_food     3 x 32 x 32   2        composed here (data/dog_or_food)
fashion_mnist   1 x 28 x 28   10       a subset lies in data/fashion_mnist; "fashion_mnist_full" is downloaded
cifar10         3 x 32 x 32   10       downloaded when asked for; EmojiTen takes its place when offline
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import torch
from torch.utils.data import TensorDataset

from . import composites, published
from .composites import DATA
from .downloads import DownloadError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled pictures of one split. Arrays cannot be written to: copy what you want to change."""

    name: str
    split: str
    images: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray  # int64 (N,)
    classes: tuple[str, ...]
    mean: np.ndarray  # float32 (C,): mean of each channel over the training split, in units of [0, 1]
    std: np.ndarray  # float32 (C,): its standard deviation
    masks: np.ndarray | None = (
        None  # uint8 (N, 1, H, W), 1 where the object is; None where a set has no masks
    )

    def __len__(self) -> int:
        return len(self.labels)

    def floats(self, standardise: bool = True) -> np.ndarray:
        """The pictures as float32 (N, C, H, W): four times the memory of `images`, a new array at each call.

        Args:
            standardise: (value - mean) / std per channel, with the training split's statistics; else [0, 1].
        """
        values = self.images.astype(np.float32)
        values /= np.float32(255)
        if standardise:
            values -= self.mean[:, None, None]
            values /= self.std[:, None, None]
        return values

    def tensors(self, device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised pictures, float32 (N, C, H, W), and labels, int64 (N,), on the device."""
        return torch.from_numpy(self.floats()).to(device), torch.tensor(self.labels, device=device)

    def torch_dataset(self) -> TensorDataset:
        """The same as a data set for torch.utils.data.DataLoader, on the CPU."""
        return TensorDataset(*self.tensors())

    def subset(self, indices: Sequence[int] | np.ndarray) -> ImageSet:
        """The pictures with these numbers (or, with booleans, where they are true), in this order.

        Raises:
            IndexError: a number is not in -N ... N - 1.
        """
        indices = np.asarray(indices)
        if indices.size == 0:
            indices = indices.astype(np.int64)
        return replace(
            self,
            images=_locked(self.images[indices]),
            labels=_locked(self.labels[indices]),
            masks=None if self.masks is None else _locked(self.masks[indices]),
        )

    def take(self, n: int) -> ImageSet:
        """The first pictures of each class, n in all, in the order in which they stand here.

        Classes differ by at most one picture where each has enough.

        Raises:
            ValueError: n is negative or above the number of pictures.
        """
        if not 0 <= n <= len(self):
            raise ValueError(f"take({n}) of {len(self)} pictures")
        rank = np.empty(len(self), np.int64)  # of each picture in its class
        for label in range(len(self.classes)):
            here = self.labels == label
            rank[here] = np.arange(here.sum())
        first = np.lexsort((np.arange(len(self)), rank))[:n]
        return self.subset(np.sort(first))


_SPLITS = {
    **{name: tuple(splits) for name, splits in composites.RECIPES.items()},
    "fashion_mnist": ("train", "test"),
    "fashion_mnist_full": ("train", "test"),
    "cifar10": ("train", "test"),
}
_FASHION_CLASSES: tuple[str, ...] = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def names() -> tuple[str, ...]:
    """The names that `load` knows; "fashion_mnist_full" too is one, of the set that must be downloaded."""
    return ("emojiten", "dog_or_food", "fashion_mnist", "cifar10")


def splits(name: str) -> tuple[str, ...]:
    """The splits of a set.

    Raises:
        ValueError: there is no set of this name.
    """
    if name not in _SPLITS:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(_SPLITS)}")
    return _SPLITS[name]


def load(name: str, split: str = "train", n: int | None = None, seed: int = 0) -> ImageSet:
    """Pictures of one split of a data set. What was loaded last stays in memory, so a second call is free.

    Memory: 4.1 kB for each picture of the composed sets (33 MB for 8000), 5.5 MB for Fashion-MNIST's subset,
    55 MB for all of it, 185 MB for CIFAR-10; `floats` and `tensors` take 12.3 kB (3.1 kB) a picture more.

    Args:
        name: one of `names()`.
        split: one of `splits(name)`. "test" holds nothing that "train" was made of. EmojiTen has two more:
            "seen", new pictures of the drawings that are in "train", and "designer", drawings by a designer
            who is not in "train". Dog or food has "unseen", kinds of dog and food that are not in "train".
        n: number of pictures; None means 8000 / 2000 (EmojiTen), 4000 / 1000 (Dog or food), all of
            the others.
        seed: of the composed sets, any whole number from 0: other seeds give other pictures. Not used by the
            others, which give the first pictures of each class.

    "cifar10" and "fashion_mnist_full" are downloaded at the first call, to the folder that COURSE_DATA names
    or ~/.cache/convolution-course. Where CIFAR-10 cannot be had, a line says so and EmojiTen takes its place.

    Raises:
        ValueError: the name or split is unknown, n is below 1 or above what the set has, or seed is negative.
        DownloadError: "fashion_mnist_full" is not here and cannot be downloaded.
    """
    if split not in splits(name):
        raise ValueError(f"{name} has no split {split!r}; it has {', '.join(splits(name))}")
    if n is not None and n < 1:
        raise ValueError(f"n is {n}; at least one picture is needed")
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must not be negative")
    if name == "cifar10" and _cifar10() is None:
        name = "emojiten"
    if name in composites.RECIPES:
        return _composed(name, split, n or composites.RECIPES[name][split].usual, seed)
    whole = _whole(name)[split]
    if n is None:
        return whole
    if n > len(whole):
        raise ValueError(f"{name} has {len(whole)} pictures in {split!r}, not {n}")
    return whole.take(n)


@lru_cache(maxsize=8)
def _composed(name: str, split: str, n: int, seed: int) -> ImageSet:
    images, labels, masks = composites.compose(name, split, n, seed)
    mean, std = _composed_statistics(name)
    classes = composites.read_bank(name).classes
    return ImageSet(name, split, _locked(images), _locked(labels), classes, mean, std, _locked(masks))


@cache
def _composed_statistics(name: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(DATA / name / "statistics.npz", allow_pickle=False) as file:
        return _locked(file["mean"]), _locked(file["std"])


@lru_cache(maxsize=2)
def _whole(name: str) -> dict[str, ImageSet]:
    """All splits of a set that is not composed."""
    if name == "fashion_mnist":
        content, classes = _fashion_subset(), _FASHION_CLASSES
    elif name == "fashion_mnist_full":
        content, classes = published.fashion_mnist(), _FASHION_CLASSES
    else:
        content, classes = _cifar10() or {}, composites.read_bank("emojiten").classes
    mean, std = channel_statistics(content["train"][0])
    return {
        split: ImageSet(name, split, _locked(images), _locked(labels), classes, mean, std)
        for split, (images, labels) in content.items()
    }


def _fashion_subset() -> dict[str, published.Split]:
    with np.load(DATA / "fashion_mnist" / "subset.npz", allow_pickle=False) as file:
        return {
            split: (file[f"{split}_images"], file[f"{split}_labels"].astype(np.int64))
            for split in _SPLITS["fashion_mnist"]
        }


@cache
def _cifar10() -> dict[str, published.Split] | None:
    """CIFAR-10, or None where it cannot be had: decided once, so that no run mixes two sets."""
    try:
        return published.cifar10()
    except DownloadError as error:
        print(
            f"CIFAR-10 is not here. {error} EmojiTen takes its place, with the same shapes and classes. "
            "To try the download again, restart the kernel.",
            file=sys.stderr,
        )
        return None


def channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, in units of [0, 1], from exact counts.

    Args:
        images: uint8 (N, C, H, W).

    Returns:
        two arrays, float32 (C,).
    """
    counts = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(images), 1000):
        for channel, values in enumerate(np.moveaxis(images[start : start + 1000], 1, 0)):
            counts[channel] += np.bincount(values.ravel(), minlength=256)
    values = np.arange(256) / 255
    total = counts.sum(axis=1, keepdims=True)
    mean = (counts * values).sum(axis=1, keepdims=True) / total
    variance = (counts * (values - mean) ** 2).sum(axis=1, keepdims=True) / total
    return _locked(mean[:, 0].astype(np.float32)), _locked(np.sqrt(variance[:, 0]).astype(np.float32))


def _locked(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
