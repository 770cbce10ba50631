"""Climbs the first rungs of the sanity ladder with a student's network, and reports what it saw."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import beside


@beside
def climb(net_class: Any, train: Any, x: np.ndarray, y: np.ndarray, n_classes: int) -> dict[str, Any]:
    """Make networks, train them on a few images, and note what happens; the generators are made here.

    Args:
        net_class: `ConvNet`.
        train: `minibatch_sgd`.
        x, y: images (N, C, H, W) and their classes (N,).

    Returns:
        "start": a fresh network's loss; "slope": the sum of its squared gradients; "after a small step": its
        loss after one step of size 0.001 with all images; "batches": the losses of 30 epochs with batches of
        4; "answers": its answers then; "full", "small": losses of two more networks after five epochs with
        all images at once and with batches of 2.
    """

    def fresh() -> Any:
        return net_class(x.shape[1:], n_classes, 4, np.random.default_rng(1))

    net = fresh()
    start, gradients = net.loss(x, y)
    report = {"start": start, "slope": sum(float((g.astype(float) ** 2).sum()) for g in gradients.values())}
    train(net, (x, y), 1, len(x), 0.001, np.random.default_rng(2))
    report["after a small step"] = net.loss(x, y)[0]
    report["batches"] = train(net, (x, y), 30, 4, 0.1, np.random.default_rng(3))
    report["answers"] = net.scores(x).argmax(axis=1)
    for name, size in (("full", len(x)), ("small", 2)):
        net = fresh()
        train(net, (x, y), 5, size, 0.1, np.random.default_rng(4))
        report[name] = net.loss(x, y)[0]
    return report
