"""Questions to the answers of notebook 2: models to look into, pictures to cover, filters to learn.

These probes hand over raw values. What is right about them is judged by the check, which runs elsewhere.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from . import _lines, beside, detached, gpu


class ModelError(ArithmeticError):
    """What a model of these probes raises on purpose."""


@beside
def work(function: Any, small: Sequence[Any], large: Sequence[Any]) -> list[int]:
    """How many lines of Python run for a small kernel and for a large one."""
    return [_lines(function, arguments) for arguments in (small, large)]


@beside
def learned_bank(
    function: Any, x: torch.Tensor, targets: torch.Tensor, *arguments: Any, named: bool
) -> dict[str, Any]:
    """Let a bank of filters be learned; say also where it is, and whether it still carries a graph.

    Arguments:
        named: whether to ask for the device of x; if not, the pictures are on the CPU, no device is named.
    """
    x, targets = (x, targets) if named else (x.cpu(), targets.cpu())
    weight = function(x, targets, *arguments, x.device) if named else function(x, targets, *arguments)
    place = weight.device if isinstance(weight, torch.Tensor) else x.device
    return {
        "filters": detached(weight),
        "graph": _graph(weight),
        "device": "the one asked for" if place == x.device else "another one",
    }


@beside
def learned_on_gpu(function: Any, x: torch.Tensor, targets: torch.Tensor, *arguments: Any) -> dict[str, Any]:
    """Let a bank be learned on a GPU from pictures that are on the CPU; returns what `on_gpu` saw."""
    x, targets = x.cpu(), targets.cpu()
    return gpu.on_gpu(lambda device: function(x, targets, *arguments, device))[0]


@beside
def activations(function: Any, kind: str, mode: str, x: torch.Tensor) -> dict[str, Any]:
    """Let a model be looked into; say what was recorded, and in which state the model is afterwards.

    Arguments:
        kind, mode: which model, see `_model`.
        x: a batch (N, C, H, W).
    """
    model = _model(kind, mode, x)
    hooks = _hooks(model)
    seen, error, recording = _call(function, model, x)
    seen = {} if error else seen
    tensors = seen.items() if isinstance(seen, dict) else ()
    return {
        "raised": error or "nothing",
        "recorded": {_shown(k): detached(v) for k, v in tensors} if isinstance(seen, dict) else seen,
        "with a graph": [_shown(name) for name, value in tensors if _graph(value) == "still there"],
        "gradients of other models": "recorded" if recording else "never recorded again",
        "in training mode": _training(model),
        "hooks left behind": _hooks(model) - hooks,
        "parameters that can be trained": sum(p.requires_grad for p in model.parameters()),
        "running statistics": {name: value.detach() for name, value in model.named_buffers()},
    }


@beside
def occlusion(function: Any, weight: np.ndarray, image: np.ndarray, *arguments: Any, **options: Any) -> Any:
    """The occlusion map of a function of pictures that also looks at pairs of neighbours."""

    def predict(picture: np.ndarray) -> float:
        if np.shape(picture) != image.shape:
            raise TypeError(f"predict takes one picture of shape {image.shape}, not {np.shape(picture)}")
        pairs = picture[:, 1:, 1:] * picture[:, :-1, :-1]
        return float((weight * picture).sum() + pairs.sum() / 4)

    return function(predict, image, *arguments, **options)


class _Watched(nn.Module):
    """A model that keeps the sizes of the batches that it sees."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside, self.sizes = inside, list[int]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        return self.inside(x)


@beside
def occlusion_batched(
    function: Any, kind: str, mode: str, image: torch.Tensor, *arguments: Any, **options: Any
) -> dict[str, Any]:
    """The occlusion map of a model's score; say also how the model was treated.

    Arguments:
        kind, mode: which model, see `_model`.
        image: one picture (C, H, W).
    """
    watched = _Watched(_model(kind, mode, image[None]))
    watched.training = watched.inside.training
    found, error, recording = _call(function, watched, image, *arguments, **options)
    return {
        "raised": error or "nothing",
        "map": detached(found),
        "graph": _graph(found),
        "batches": watched.sizes,
        "gradients of other models": "recorded" if recording else "never recorded again",
        "in training mode": _training(watched),
        "running statistics": {name: value.detach() for name, value in watched.named_buffers()},
    }


def _call(function: Any, *arguments: Any, **options: Any) -> tuple[Any, str, bool]:
    """The answer, whether the model's own error came instead, and whether gradients are still recorded."""
    with torch.enable_grad():  # which ends, whatever the function has switched off
        try:
            answer, error = function(*arguments, **options), ""
        except ModelError:
            answer, error = None, "the model's own error"
        return answer, error, torch.is_grad_enabled()


def _shown(name: Any) -> Any:
    """The name of a module; that of the model itself is empty, which no message could show."""
    return "'' (the model itself)" if isinstance(name, str) and not name else name


def _graph(value: Any) -> str:
    return "still there" if isinstance(value, torch.Tensor) and value.requires_grad else "none"


def _training(model: nn.Module) -> list[str]:
    """The names of the modules that are in training mode; the model itself is "model"."""
    return [name or "model" for name, module in model.named_modules() if module.training]


def _hooks(model: nn.Module) -> int:
    """How many hooks wait for this model, on its modules or on all modules there are."""
    tables = [table for m in model.modules() for table in (m._forward_hooks, m._forward_pre_hooks)]
    everywhere = (torch_module._global_forward_hooks, torch_module._global_forward_pre_hooks)
    return sum(map(len, (*tables, *everywhere)))


class _Block(nn.Module):
    """A stem inside a model: convolution, normalisation, a ReLU that works in place."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(c_out)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.norm(self.conv(x)))


class _Nested(nn.Module):
    """Modules inside modules; the one that is written down first runs last."""

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.blocks = nn.ModuleList([_Block(c_in, 3), _Block(3, 4)])
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(self.pool(x).flatten(1))


class _Shared(nn.Module):
    """One ReLU that runs twice, one layer that never runs, and additions in place between the layers."""

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(c_in, 2, (1, 3)), nn.Conv2d(2, 3, (3, 1))
        self.act, self.unused = nn.ReLU(), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.first(x))
        x -= 0.5
        x = self.act(x)
        x += 1
        return self.second(x)


class _Raises(nn.Module):
    """A layer that can go on only a few times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.times -= 1
        if self.times < 0:
            raise ModelError("this layer raises an error on purpose")
        return x


def _sequence(c_in: int, *more: nn.Module) -> nn.Sequential:
    layers = [nn.Conv2d(c_in, 3, 3, padding=1), nn.ReLU(), *more]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d((1, 2)), nn.Flatten(), nn.Linear(6, 4))


def _in_place(c_in: int) -> nn.Sequential:
    clip = nn.Hardtanh(-0.5, 0.5, inplace=True)
    return nn.Sequential(nn.Conv2d(c_in, 2, 3), nn.ReLU(inplace=True), nn.Conv2d(2, 3, 2), clip)


def _with_hook(c_in: int) -> nn.Sequential:
    model = _sequence(c_in)
    model[1].register_forward_hook(lambda module, inputs, output: None)
    return model


_MODELS: dict[str, Callable[[int], nn.Module]] = {
    "a chain of layers": _sequence,
    "layers that work in place": _in_place,
    "blocks of layers": _Nested,
    "a layer that runs twice": _Shared,
    "dropout": lambda c_in: _sequence(c_in, nn.Dropout(0.5)),
    "normalisation": lambda c_in: _sequence(c_in, nn.BatchNorm2d(3)),
    "a layer with a hook": _with_hook,
    "one layer": lambda c_in: nn.Conv2d(c_in, 2, 3),
    "an error": lambda c_in: _sequence(c_in, nn.BatchNorm2d(3), _Raises(0)),
    "an error later": lambda c_in: _sequence(c_in, nn.BatchNorm2d(3), _Raises(2)),
}


def _model(kind: str, mode: str, x: torch.Tensor) -> nn.Module:
    """One of `_MODELS`, with weights that are the same on every machine, on the device of x.

    Arguments:
        mode: "evaluating", "training", or "partly frozen": training, but for the normalisations.
    """
    model = _MODELS[kind](x.shape[1])
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    model.train(mode != "evaluating")
    with torch.no_grad():
        for number, value in enumerate(
            [*model.parameters(), *(norm.get_buffer("running_mean") for norm in norms)]
        ):
            steps = torch.arange(value.numel()) * 7 + 3 * number
            value.copy_(((steps % 13 - 5.5) / 8).reshape(value.shape))
    for norm in norms:
        norm.get_buffer("running_var").fill_(2.25)
        norm.train(mode == "training")
    return model.to(x.device, x.dtype)
