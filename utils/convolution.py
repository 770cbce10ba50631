"""Convolution as notebooks after the first one get it: NumPy arrays in and out, PyTorch does the work."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> np.ndarray:
    """Convolve a batch of volumes with a bank of filters, as the function of that name in notebook 1.

    Args:
        x: activations, float32 or float64, (N, C_in, H, W). Not modified.
        weight: filters, (C_out, C_in, kh, kw).
        bias: one number per filter, (C_out,), or None.
        stride, padding, dilation: in pixels.

    Returns:
        Activations (N, C_out, H_out, W_out) in x's dtype.

    Raises:
        ValueError: the shapes do not fit each other, or no window fits.
    """
    images, filters = (torch.from_numpy(np.ascontiguousarray(array, x.dtype)) for array in (x, weight))
    shift = None if bias is None else torch.from_numpy(np.ascontiguousarray(bias, x.dtype))
    try:
        with torch.no_grad():
            return F.conv2d(images, filters, shift, stride, padding, dilation).numpy()
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def conv2d_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The way back through `conv2d`, as the function of that name in notebook 3.

    Args:
        dy: gradient of the loss with respect to the output, (N, C_out, H_out, W_out). Not modified.
        x, weight: what went into the convolution, (N, C_in, H, W) and (C_out, C_in, kh, kw). Not modified.
        stride, padding: as in the way there, in pixels.

    Returns:
        (dx, dweight, dbias) with the shapes of x, of weight, and (C_out,), in dy's dtype.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    grad, images, filters = (
        torch.from_numpy(np.ascontiguousarray(part, dy.dtype)) for part in (dy, x, weight)
    )
    mask = [True, True, True]
    try:
        parts = torch.ops.aten.convolution_backward(
            grad, images, filters, [len(filters)], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask
        )
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    dx, dweight, dbias = (part.numpy() for part in parts)
    return dx, dweight, dbias
