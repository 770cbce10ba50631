"""The data sets: what `load` gives, that it is the same every time, and that tests hold nothing of the training."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from utils import composites, datasets, pictures

ROOT = Path(__file__).parents[1]
LOCAL = [("emojiten", split) for split in ("train", "test", "seen", "designer")]
LOCAL += [("dog_or_food", split) for split in ("train", "test", "unseen")]
COMPOSED = list(LOCAL)
LOCAL += [("fashion_mnist", "train"), ("fashion_mnist", "test")]

# SHA-256 of images, labels and masks of 200 pictures, seed 7. Other numbers mean that all who use the course get
# other pictures than before: change them only together with the bank, the backgrounds or the generator.
FINGERPRINTS = {
    ("emojiten", "train"): "0fa455fcec319ec69f152ea4baf893628d74000403a7c18b8922c217d12a96f6",
    ("emojiten", "test"): "c643feb5b6ee186ac4fb361589cad5f507f0f8b7286bd0c50c2c9d689a455810",
    ("emojiten", "seen"): "941f51ec44322bf9c76c66839f811cce29f61d4fa206521777fee445bead9c23",
    ("emojiten", "designer"): "7504f82866a4b04375e8aff5e5e05ea646d3fd9b797600ca19370af417704ade",
    ("dog_or_food", "train"): "3b130f1af512d75c1e81c0789beb99944e85bb9bfb66fe5f08075e043f924d30",
    ("dog_or_food", "test"): "7c1c2a125f1b0faeee6ce3de1ea440fd33040fa3d5dd787f0544f9ba5132fccc",
    ("dog_or_food", "unseen"): "6cf3dfb93c4aa170724399bbeced0f7812de78e1d887fd9708e50bf799dafcc0",
}


def test_names():
    assert datasets.names() == ("emojiten", "dog_or_food", "fashion_mnist", "cifar10")
    assert [datasets.splits(name) for name in datasets.names()] == [
        ("train", "test", "seen", "designer"),
        ("train", "test", "unseen"),
        ("train", "test"),
        ("train", "test"),
    ]


@pytest.mark.parametrize(("name", "split"), LOCAL)
def test_form(name, split):
    data = datasets.load(name, split, n=100)
    shape = (1, 28, 28) if name == "fashion_mnist" else (3, 32, 32)
    assert (data.name, data.split, len(data)) == (name, split, 100)
    assert data.images.shape == (100, *shape) and data.images.dtype == np.uint8
    assert data.labels.shape == (100,) and data.labels.dtype == np.int64
    assert (
        data.mean.shape == data.std.shape == (shape[0],) and data.mean.dtype == data.std.dtype == np.float32
    )
    assert len(data.classes) == (2 if name == "dog_or_food" else 10)
    assert all(type(each) is str for each in data.classes)
    assert np.bincount(data.labels).tolist() == [100 // len(data.classes)] * len(data.classes)
    if name == "fashion_mnist":
        assert data.masks is None
    else:
        assert (
            data.masks is not None and data.masks.shape == (100, 1, 32, 32) and data.masks.dtype == np.uint8
        )


@pytest.mark.parametrize(
    ("name", "split", "n"),
    [("fashion_mnist", "train", 6000), ("fashion_mnist", "test", 1000), ("dog_or_food", "test", 1000)],
)
def test_usual_number(name, split, n):
    assert len(datasets.load(name, split)) == n
    assert datasets.load(name, split) is datasets.load(name, split)


def test_classes_are_those_of_cifar10():
    expected = "airplane automobile bird cat deer dog frog horse ship truck"
    assert " ".join(datasets.load("emojiten", n=10).classes) == expected


@pytest.mark.parametrize(("name", "split"), COMPOSED)
def test_same_bytes_on_every_machine(name, split):
    digest = hashlib.sha256()
    for array in composites.compose(name, split, 200, seed=7):
        digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == FINGERPRINTS[name, split]


def test_a_picture_depends_on_the_seed_and_not_on_how_many_there_are():
    few, many = datasets.load("emojiten", "train", n=7), datasets.load("emojiten", "train", n=1003)
    assert (many.images[:7] == few.images).all() and (many.labels[:7] == few.labels).all()
    other = datasets.load("emojiten", "train", n=7, seed=1)
    assert (other.images != few.images).any(axis=(1, 2, 3)).all()


def test_splits_hold_different_pictures():
    digests = [
        {image.tobytes() for image in datasets.load("emojiten", split, n=300).images}
        for split in ("train", "seen", "test", "designer")
    ]
    assert [len(each) for each in digests] == [300] * 4
    assert len(set.union(*digests)) == 1200


@pytest.mark.parametrize("n", [1, 9, 11, 505])
def test_any_number_is_balanced(n):
    counts = np.bincount(datasets.load("emojiten", "test", n=n).labels, minlength=10)
    assert counts.sum() == n and counts.max() - counts.min() <= 1


# Where the pictures come from


def test_parts_share_no_drawing():
    for name in ("emojiten", "dog_or_food"):
        bank = composites.read_bank(name)
        assert len(set(bank.names)) == len(bank.names)
        for part in range(3):
            assert np.bincount(bank.labels[bank.parts == part], minlength=len(bank.classes)).min() > 0
        for a, b in ((0, 1), (0, 2), (1, 2)):
            for column in (bank.names, bank.families):
                assert not set(column[bank.parts == a]) & set(column[bank.parts == b])
            pixels = [{glyph.tobytes() for glyph in bank.glyphs[bank.parts == part]} for part in (a, b)]
            assert not pixels[0] & pixels[1]


def test_the_held_out_designer_is_nowhere_else():
    bank = composites.read_bank("emojiten")
    designers = np.array([name.split("/")[0] for name in bank.names])
    assert set(designers[bank.parts == 2]) == {"emojione"}
    assert "emojione" not in designers[bank.parts != 2]


def test_unseen_kinds_are_nowhere_else():
    bank = composites.read_bank("dog_or_food")
    kinds = np.array([name.split("/")[1] for name in bank.names])
    assert not set(kinds[bank.parts == 2]) & set(kinds[bank.parts != 2])
    assert {"poodle", "hot-dog"} <= set(kinds[bank.parts == 2])


@pytest.mark.parametrize(("name", "split"), COMPOSED)
def test_a_split_is_made_of_its_part_and_of_its_photographs(name, split, monkeypatch):
    """Glyphs of other parts are made red, other photographs green: neither colour may show."""
    bank = composites.read_bank(name)
    photographs, held_out = composites.read_backgrounds()
    recipe = composites.RECIPES[name][split]
    glyphs, behind = bank.glyphs * 0, photographs * 0
    glyphs[..., 3] = bank.glyphs[..., 3]
    glyphs[bank.parts != recipe.part, ..., 0] = 255
    behind[held_out != recipe.held_out_behind, ..., 1] = 255
    painted = composites.Bank(glyphs, bank.labels, bank.families, bank.parts, bank.names, bank.classes)
    monkeypatch.setattr(composites, "read_bank", lambda _: painted)
    monkeypatch.setattr(composites, "read_backgrounds", lambda: (behind, held_out))
    composites._filtered.cache_clear()
    images, _, masks = composites.compose(name, split, 300)
    composites._filtered.cache_clear()
    assert images.max() == 0
    assert masks.any(axis=(1, 2, 3)).all()


def test_all_drawings_of_a_split_are_used():
    bank = composites.read_bank("emojiten")
    draws = composites._uniform((3,), 2 * 20_000).reshape(2, -1)
    chosen = composites._choose_glyphs(bank, 0, np.arange(20_000) % 10, *draws)
    assert set(chosen) == set(np.flatnonzero(bank.parts == 0))
    assert (bank.labels[chosen] == np.arange(20_000) % 10).all()


def test_masks_match_pictures(monkeypatch):
    """White glyphs before black photographs: bright pixels are those of the mask."""
    bank = composites.read_bank("emojiten")
    glyphs = bank.glyphs.copy()
    glyphs[..., :3] = 255
    white = composites.Bank(glyphs, bank.labels, bank.families, bank.parts, bank.names, bank.classes)
    photographs, held_out = composites.read_backgrounds()
    monkeypatch.setattr(composites, "read_bank", lambda _: white)
    monkeypatch.setattr(composites, "read_backgrounds", lambda: (photographs * 0, held_out))
    composites._filtered.cache_clear()
    images, _, masks = composites.compose("emojiten", "train", 300)
    composites._filtered.cache_clear()
    for channel in range(3):
        assert ((images[:, channel] >= 128) == masks[:, 0]).all()
    share = masks.mean(axis=(1, 2, 3))
    assert share.min() > 0.02 and share.max() < 0.9
    where = masks.mean(axis=(0, 1))
    assert where.max(axis=0).min() > 0 and where.max(axis=1).min() > 0  # glyphs come to every edge


def test_sampling_in_place_mirrored_and_turned_gives_the_smoothed_glyph():
    bank = composites.read_bank("emojiten")
    numbers = np.array([0, 100, 300])
    side = bank.glyphs.shape[1]
    expected = np.zeros((3, side + 2, side + 2))
    alpha = bank.glyphs[numbers, ..., 3].astype(float)
    for row, share in enumerate((0.25, 0.5, 0.25)):
        for column, other_share in enumerate((0.25, 0.5, 0.25)):
            expected[:, row : row + side, column : column + side] += share * other_share * alpha
    expected = expected[:, 1:-1, 1:-1]
    step = np.arange(side, dtype=np.float32) + np.float32(0.5 - side / 2)
    x, y = (np.broadcast_to(each, (3, side, side)) for each in (step[None, :], step[:, None]))
    for along, down, turned in (
        (x, y, expected),
        (-x, y, expected[:, :, ::-1]),
        (y, -x, np.rot90(expected, -1, axes=(1, 2))[:, ::1]),
    ):
        seen = composites._sample(composites._filtered("emojiten"), side, numbers, along, down)
        np.testing.assert_allclose(seen[..., 3], turned, atol=1e-3)
    outside = composites._sample(composites._filtered("emojiten"), side, numbers, x + side + 3, y)
    assert not outside.any()


# Statistics and forms


@pytest.mark.parametrize("name", ["emojiten", "dog_or_food"])
def test_stored_statistics_are_those_of_the_training_split(name):
    mean, std = datasets.channel_statistics(datasets.load(name, "train").images)
    for split in datasets.splits(name):
        data = datasets.load(name, split, n=10)
        np.testing.assert_array_equal(data.mean, mean)
        np.testing.assert_array_equal(data.std, std)


def test_statistics():
    images = np.random.default_rng(0).integers(0, 256, (1500, 2, 3, 4), dtype=np.uint8)
    images[:, 1] //= 3
    mean, std = datasets.channel_statistics(images)
    np.testing.assert_allclose(mean, images.mean(axis=(0, 2, 3)) / 255, rtol=1e-6)
    np.testing.assert_allclose(std, images.std(axis=(0, 2, 3)) / 255, rtol=1e-6)


def test_floats_and_tensors():
    data = datasets.load("fashion_mnist", "train")
    plain, standard = data.floats(standardise=False), data.floats()
    assert plain.dtype == standard.dtype == np.float32
    np.testing.assert_allclose(plain, data.images / 255, atol=1e-7)
    assert abs(standard.mean()) < 1e-3 and abs(standard.std() - 1) < 1e-3
    x, y = data.tensors()
    assert x.dtype == torch.float32 and y.dtype == torch.int64
    assert (x.numpy() == standard).all() and (y.numpy() == data.labels).all()
    pictures_and_labels = data.take(20).torch_dataset()
    assert len(pictures_and_labels) == 20
    picture, label = pictures_and_labels[3]
    assert picture.shape == (1, 28, 28) and label.ndim == 0


def test_device():
    x, y = datasets.load("dog_or_food", n=4).tensors("meta")
    assert x.device.type == y.device.type == "meta"


def test_nobody_can_spoil_what_is_remembered():
    data = datasets.load("emojiten", n=10)
    for array in (data.images, data.labels, data.masks, data.mean, data.std):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    x, y = data.tensors()
    x.zero_(), y.zero_()
    data.floats()[...] = 0
    again = datasets.load("emojiten", n=10)
    assert again.images.any() and again.labels.any()
    with pytest.raises(AttributeError):
        data.images = None


def test_take_is_balanced_and_repeatable():
    data = datasets.load("fashion_mnist", "test")
    assert sorted(np.bincount(data.take(57).labels, minlength=10)) == [5] * 3 + [6] * 7
    assert (data.take(57).images == data.take(57).images).all()
    assert (data.take(1000).images == data.images).all()
    assert len(data.take(0)) == 0


def test_take_with_a_rare_class():
    data = datasets.load("emojiten", "train", n=100)
    lopsided = data.subset(
        np.concatenate([np.flatnonzero(data.labels == 0)[:2], np.flatnonzero(data.labels == 1)])
    )
    assert np.bincount(lopsided.take(8).labels).tolist() == [2, 6]


def test_subset():
    data = datasets.load("emojiten", n=30)
    chosen = data.subset([5, 3, -1])
    assert (chosen.images == data.images[[5, 3, 29]]).all()
    assert (chosen.labels == data.labels[[5, 3, 29]]).all()
    assert (chosen.masks == data.masks[[5, 3, 29]]).all()
    assert chosen.classes == data.classes
    frogs = data.subset(data.labels == 6)
    assert set(frogs.labels) == {6} and len(frogs) == 3
    assert len(data.subset([])) == 0
    with pytest.raises(IndexError):
        data.subset([30])


# Odd requests


@pytest.mark.parametrize("name", ["", "EmojiTen", "cifar100", "../emojiten", None, 3])
def test_unknown_name(name):
    with pytest.raises(ValueError, match="emojiten, dog_or_food, fashion_mnist"):
        datasets.load(name)


@pytest.mark.parametrize(
    ("name", "split"), [("emojiten", "unseen"), ("cifar10", "seen"), ("fashion_mnist", "")]
)
def test_unknown_split(name, split):
    with pytest.raises(ValueError, match="it has train, test"):
        datasets.load(name, split)


@pytest.mark.parametrize("n", [0, -1])
def test_too_few(n):
    for name in ("emojiten", "fashion_mnist"):
        with pytest.raises(ValueError, match=f"n is {n}"):
            datasets.load(name, n=n)


def test_too_many():
    with pytest.raises(ValueError, match=r"6000 pictures in 'train', not 6001"):
        datasets.load("fashion_mnist", n=6001)
    for n in (-1, 11):
        with pytest.raises(ValueError, match="of 10 pictures"):
            datasets.load("emojiten", n=10).take(n)


def test_negative_seed():
    with pytest.raises(ValueError, match="seed is -1"):
        datasets.load("emojiten", n=10, seed=-1)


def test_huge_seed():
    assert len(datasets.load("emojiten", n=10, seed=2**80)) == 10


# The files


def data_folders() -> list[Path]:
    return [path for path in sorted((ROOT / "data").iterdir()) if path.is_dir() and path.name != "demo_class"]


@pytest.mark.parametrize("folder", data_folders(), ids=lambda path: path.name)
def test_a_folder_says_what_it_is_under_which_licence_and_how_it_was_made(folder):
    readme = (folder / "README.md").read_text()
    assert len(readme) > 100
    assert "licence" in readme.lower() or "license" in readme.lower() or "rights" in readme.lower()
    made_in_the_course = (
        folder.name == "edge_bank"
    )  # its maker stands with the notebook, its licence is the course's
    if not made_in_the_course:
        assert list(folder.glob("LICENSE*.txt"))
        assert list(folder.glob("make_*.py"))
    assert folder.name in (ROOT / "data" / "README.md").read_text()


def test_every_designer_is_credited_with_a_licence():
    text = (ROOT / "data" / "emojiten" / "ATTRIBUTION.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    licences = {row[0].removeprefix("| "): row[3] for row in rows}
    for name in ("emojiten", "dog_or_food"):
        assert {each.split("/")[0] for each in composites.read_bank(name).names} <= set(licences)
    for licence in set(licences.values()):
        assert (ROOT / "data" / "emojiten" / f"LICENSE-{licence}.txt").stat().st_size > 1000


def test_no_file_holds_a_pickle_and_all_is_small():
    files = [path for folder in data_folders() for path in folder.rglob("*") if path.is_file()]
    stored = [path for path in files if path.suffix == ".npz"]
    assert len(stored) >= 8
    for path in stored:
        with np.load(path, allow_pickle=False) as content:
            for name in content.files:
                assert content[name].dtype != object
    assert not [path for path in files if path.suffix in (".npy", ".pkl", ".pickle", ".pt", ".pth")]
    sizes = [path.stat().st_size for path in files if "__pycache__" not in path.parts]
    assert max(sizes) < 4_000_000 and sum(sizes) < 6_000_000


# Photographs


def test_photographs():
    assert len(pictures.names()) == 8
    for name in pictures.names():
        photograph = pictures.load(name)
        assert photograph.shape[0] == 3 and photograph.ndim == 3 and min(photograph.shape[1:]) >= 128
        assert photograph.dtype == np.float32
        assert 0 <= photograph.min() < 0.3 and 0.7 < photograph.max() <= 1
        photograph[...] = 0  # a new array each time
        assert pictures.load(name).any()


def test_grey_photographs_are_grey():
    grey = {name for name in pictures.names() if np.ptp(pictures.load(name), axis=0).max() == 0}
    assert grey == {"camera", "brick", "grass", "gravel"}


def test_unknown_photograph():
    with pytest.raises(ValueError, match="coffee"):
        pictures.load("tea")
