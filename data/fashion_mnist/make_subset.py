"""Makes `subset.npz`: the first images of each class of Fashion-MNIST, for work without a connection.

Needs NumPy and the four files of the full set, as Debian's package `dataset-fashion-mnist` installs them or
as `utils.datasets.load("fashion_mnist_full")` downloads them:

    python data/fashion_mnist/make_subset.py /usr/share/datasets/fashion-mnist
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PER_CLASS = {"train": 600, "t10k": 100}


def read(path: Path) -> np.ndarray:
    """The numbers of a gzipped idx file of unsigned bytes, in its shape."""
    content = gzip.decompress(path.read_bytes())
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", n_axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def main() -> None:
    """Write the subset."""
    subset = {}
    for part, per_class in PER_CLASS.items():
        images = read(Path(sys.argv[1]) / f"{part}-images-idx3-ubyte.gz")
        labels = read(Path(sys.argv[1]) / f"{part}-labels-idx1-ubyte.gz")
        kept = np.sort(np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in range(10)]))
        split = {"train": "train", "t10k": "test"}[part]
        subset |= {f"{split}_images": images[kept, None], f"{split}_labels": labels[kept]}
    np.savez_compressed(HERE / "subset.npz", **subset)
    print(f"{(HERE / 'subset.npz').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
