"""Fashion-MNIST and CIFAR-10 whole, as their authors publish them, read without unpickling anything."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np

from .downloads import DownloadError, RemoteFile, fetch, is_intact

Split = tuple[np.ndarray, np.ndarray]  # images uint8 (N, C, H, W), labels int64 (N,)

# Xiao, Rasul and Vollgraf (2017). Checksums of what the gzipped files hold, so that copies compressed by
# others pass; computed from Debian's package dataset-fashion-mnist.
_FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_FASHION_CONTENT = {
    "train-images-idx3-ubyte.gz": (
        47_040_016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte.gz": (
        60_008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte.gz": (
        7_840_016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte.gz": (10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}
FASHION_MNIST = {
    name: RemoteFile(_FASHION_URL + name, f"fashion-mnist-{name}", size, sha256, of_content=True)
    for name, (size, sha256) in _FASHION_CONTENT.items()
}
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

# Krizhevsky (2009). The binary version: the one for Python is made of pickles.
CIFAR10 = RemoteFile(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
_CIFAR10_TRAIN = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
_CIFAR10_TEST = "cifar-10-batches-bin/test_batch.bin"
_CIFAR10_ROW = 1 + 3 * 32 * 32  # bytes: the label, then red, green and blue
_CIFAR10_LONGEST = 100_000_000  # bytes of a member that is read; the real ones have 30,730,000


def fashion_mnist() -> dict[str, Split]:
    """All 60,000 + 10,000 pictures, as "train" and "test". Takes 55 MB.

    The copy that Debian's package dataset-fashion-mnist installs is used where it is, else the files are
    downloaded (31 MB).

    Raises:
        DownloadError: the files are not here and could not be downloaded.
    """
    splits = {}
    for split, part in (("train", "train"), ("test", "t10k")):
        images = _idx(_fashion_file(f"{part}-images-idx3-ubyte.gz"))[:, None]
        splits[split] = images, _idx(_fashion_file(f"{part}-labels-idx1-ubyte.gz")).astype(np.int64)
    return splits


def _fashion_file(name: str) -> Path:
    installed = DEBIAN_FASHION_MNIST / name
    if installed.exists() and is_intact(installed, FASHION_MNIST[name]):
        return installed
    return fetch(FASHION_MNIST[name])


def _idx(path: Path) -> np.ndarray:
    """The array in a gzipped file of the idx format, of unsigned bytes."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def cifar10() -> dict[str, Split]:
    """All 50,000 + 10,000 pictures, as "train" and "test". Takes 185 MB, twice that for a moment.

    Raises:
        DownloadError: the archive (170 MB) is not here and could not be downloaded.
    """
    return read_cifar10(fetch(CIFAR10))


def read_cifar10(archive: Path) -> dict[str, Split]:
    """The pictures in an archive of the binary version. Its files are read by name; nothing is extracted.

    Raises:
        DownloadError: the archive does not hold what it should.
    """
    wanted = (*_CIFAR10_TRAIN, _CIFAR10_TEST)
    batches = {}
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                if member.name in wanted and member.isreg() and member.size <= _CIFAR10_LONGEST:
                    stream = tar.extractfile(member)
                    assert stream is not None
                    batches[member.name] = np.frombuffer(stream.read(), np.uint8).reshape(-1, _CIFAR10_ROW)
        return {
            "train": _split([batches[name] for name in _CIFAR10_TRAIN]),
            "test": _split([batches[_CIFAR10_TEST]]),
        }
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError) as error:
        raise DownloadError(f"{archive} is not the binary version of CIFAR-10: {error}") from error


def _split(batches: list[np.ndarray]) -> Split:
    images = np.concatenate([batch[:, 1:] for batch in batches]).reshape(-1, 3, 32, 32)
    return images, np.concatenate([batch[:, 0] for batch in batches]).astype(np.int64)
