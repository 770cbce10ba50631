"""Questions to the answers of notebook 3: functions to differentiate, layers to shift, nets to train.

These probes hand over raw values. What is right about them is judged by the check, which runs elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from . import beside, gpu, weights_of

Array = np.ndarray
Params = dict[str, Array]


def cubes(x: Array) -> float:
    """A sum whose slope is 3 x². Central differences give 3 x² + h², whatever h is."""
    return (x**3).sum()


def products(x: Array) -> float:
    """Products of neighbours in the last axis, and of the first and the last row: no entry stands alone."""
    return (x[..., 1:] * x[..., :-1] ** 2).sum() + (x[0] * x[-1]).sum()


def waves(x: Array) -> float:
    """A smooth function with weights that tell every place of x from the others."""
    return float((np.arange(1, x.size + 1).reshape(x.shape) * np.sin(x)).sum())


def first(x: Array) -> float:
    """A function of one entry only."""
    return float(x.flat[0] ** 2)


FUNCTIONS: dict[str, Callable[[Array], float]] = {
    "cubes": cubes,
    "products": products,
    "waves": waves,
    "first": first,
}


@beside
def differences(function: Any, name: str, x: Array, *h: float) -> Any:
    """Have the gradient of one of FUNCTIONS estimated at x, with the step h or the default one."""
    return function(FUNCTIONS[name], x, *h)


def bowl(w: Array) -> tuple[float, Array]:
    """Half the sum of the squares, each axis as steep as its number."""
    steep = np.arange(1, w.size + 1, dtype=w.dtype).reshape(w.shape)
    return float((steep * w**2).sum() / 2), steep * w


def valley(w: Array) -> tuple[float, Array]:
    """A loss that is not quadratic, with its lowest point at 1."""
    return float(((w - 1) ** 4).sum()), 4 * (w - 1) ** 3


def slope(w: Array) -> tuple[float, Array]:
    """A plane: the same gradient everywhere."""
    return float(w.sum()), np.ones_like(w)


LOSSES: dict[str, Callable[[Array], tuple[float, Array]]] = {"bowl": bowl, "valley": valley, "slope": slope}


@beside
def descent(function: Any, name: str, weights: Array, steps: int, step_size: float) -> Any:
    """Have one of LOSSES made small by gradient descent."""
    return function(LOSSES[name], weights, steps, step_size)


def subsampled(images: Array) -> Array:
    """Every second pixel along both axes."""
    return images[:, :, ::2, ::2]


def pooled(images: Array) -> Array:
    """The largest of each 2 x 2 window."""
    n, c, h, w = images.shape
    return images.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def edges(images: Array) -> Array:
    """Differences of neighbours along both axes, in one row per image."""
    across, down = np.diff(images, axis=3), np.diff(images, axis=2)
    return np.concatenate([across.reshape(len(images), -1), down.reshape(len(images), -1)], axis=1)


LAYERS: dict[str, Callable[[Array], Array]] = {"subsampled": subsampled, "pooled": pooled, "edges": edges}


@beside
def shifted(function: Any, name: str, images: Array, shifts: Sequence[int]) -> Any:
    """Have the stability of one of LAYERS measured."""
    return function(LAYERS[name], images, shifts)


def _params(net: Any) -> Params:
    """Copies of a net's parameters, by name."""
    return {name: np.array(net.params[name]) for name in sorted(net.params)}


@beside
def net_at_start(net_class: Any, in_shape: Sequence[int], sizes: Sequence[int], x: Array, y: Array) -> Any:
    """Build nets and look at them before any training.

    Arguments:
        in_shape, sizes: of the net; the second are the number of classes, and of filters unless it is the
            usual one.

    Returns:
        "params" of a net, of one "again" from an equal generator, of an "other" from another one, and of
        one with "no generator"; "loss" of the first net on (x, y).
    """
    nets = {
        name: net_class(tuple(in_shape), *sizes, rng=np.random.default_rng(seed))
        for name, seed in (("params", 0), ("again", 0), ("other", 1))
    }
    nets["no generator"] = net_class(tuple(in_shape), *sizes)
    return {name: _params(net) for name, net in nets.items()} | {"loss": nets["params"].loss(x, y)[0]}


@beside
def net_losses(
    net_class: Any, sizes: Sequence[Any], params: Mapping[str, Array], way: str, x: Array, y: Array
) -> dict[str, Any]:
    """Build a net, give it parameters, and ask for its scores, loss and gradients.

    Arguments:
        sizes: (in_shape, n_classes, n_filters).
        params: the numbers; the `way` says whether they are put "into its arrays", there as "new arrays", or
            there as "a new dictionary".

    Returns:
        "scores", "loss" and "gradients" as the net says them; its "params" afterwards.
    """
    net = net_class(*sizes, rng=np.random.default_rng(0))
    if way == "a new dictionary":
        net.params = {name: value.copy() for name, value in params.items()}
    for name, value in params.items():
        if way == "new arrays":
            net.params[name] = value.copy()
        elif way == "into its arrays":
            net.params[name][...] = value
    net.loss(x[:1], y[:1])  # a net must not carry anything over to the next batch
    loss, gradients = net.loss(x, y)
    return {"scores": net.scores(x), "loss": loss, "gradients": gradients, "params": _params(net)}


def line_start(x: Array) -> Params:
    """The first parameters of a linear unit for examples such as those of x."""
    return {"b": np.array([0.25]), "w": np.linspace(-1, 1, x[0].size).reshape(x.shape[1:])}


def line_loss(params: Params, x: Array, y: Array) -> tuple[float, Params]:
    """The mean squared error of a linear unit on a batch, and its gradients."""
    error = (x * params["w"]).reshape(len(x), -1).sum(axis=1) + params["b"] - y
    gradients = {"b": 2 * error.mean(keepdims=True), "w": 2 * np.tensordot(error, x, axes=1) / len(x)}
    return float((error**2).mean()), gradients


class _Line:
    """A linear unit that notes which examples and labels it is asked about."""

    def __init__(self, x: Array) -> None:
        self.params: Params = line_start(x)
        self.examples: list[list[int]] = []
        self.labels: list[list[int]] = []
        self._x = x.copy()

    def loss(self, x: Array, y: Array) -> tuple[float, Params]:
        """The loss of a batch, and the gradients."""
        self.examples.append([self._number(example) for example in x])
        self.labels.append([int(label) for label in y])
        return line_loss(self.params, x, y)

    def _number(self, example: Array) -> int:
        """Which example of the data this is; -1 for none."""
        found = [number for number, own in enumerate(self._x) if np.array_equal(own, example)]
        return found[0] if found else -1


@beside
def sgd_runs(
    function: Any, x: Array, y: Array, epochs: int, batch_size: int, step_size: float, seed: int
) -> dict[str, Any]:
    """Train a model that notes everything, twice from equal generators and once from another one.

    Returns:
        for "run", "again" and "other": the numbers of the "examples" and their "labels" in each batch as the
        model saw them, its parameters "after" the training, and the "answer" of the function.
    """
    runs: dict[str, Any] = {}
    for name, start in (("run", seed), ("again", seed), ("other", seed + 1)):
        model = _Line(x)
        answer = function(model, (x, y), epochs, batch_size, step_size, np.random.default_rng(start))
        saw = {"examples": model.examples, "labels": model.labels}
        runs[name] = saw | {"after": _params(model), "answer": answer}
    return runs


@beside
def pool_function(function: Any, x: torch.Tensor, kernel_size: int, stride: int, way: str) -> dict[str, Any]:
    """Apply an autograd function for pooling and let gradients flow back in one of several ways.

    Arguments:
        way: "once"; "twice": two answers of different size in one graph; "chained": pooled again with stride
            1; "one number": the plain sum, whose gradient has no memory of its own; "axes turned": the
            gradient arrives with its axes in another order; "each output": the gradients of all outputs, one
            after the other.

    Returns:
        "output": the last answer; "gradient": of x, in the last way one for each output.
    """
    leaf = x.detach().requires_grad_()
    output = function.apply(leaf, kernel_size, stride)
    total = (output * weights_of(output)).sum()
    if way == "twice":
        output = function.apply(leaf * 2, kernel_size + 1, stride)
        total = total + (output * weights_of(output)).sum()
    elif way == "chained":
        output = function.apply(output, kernel_size, 1)
        total = (output * weights_of(output)).sum()
    elif way == "one number":
        total = output.sum()
    elif way == "axes turned":
        turned = output.permute(3, 1, 0, 2)
        total = (turned * weights_of(turned)).sum()
    if way == "each output":
        numbers = output.flatten().unbind()
        gradients = [torch.autograd.grad(number, leaf, retain_graph=True)[0] for number in numbers]
        return {"output": output.detach(), "gradient": torch.stack(gradients)}
    return {"output": output.detach(), "gradient": torch.autograd.grad(total, leaf)[0]}


class _Watched(nn.Module):
    """A linear model that answers the other way round in training, and notes how it is called."""

    def __init__(self, weight: torch.Tensor, calls: list[dict[str, Any]]) -> None:
        super().__init__()
        self.linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype, device=weight.device)
        with torch.no_grad():
            self.linear.weight.copy_(weight)
            self.linear.bias.copy_(torch.arange(len(weight)) / 4)
        self.calls = calls

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        where = {"place": str(x.device), "home": str(self.linear.weight.device)}
        self.calls.append({"training": self.training, "recorded": torch.is_grad_enabled(), **where})
        scores: torch.Tensor = self.linear(x.flatten(1))
        return -scores if self.training else scores


def _optimizer(name: str, model: nn.Module, done: list[str]) -> torch.optim.Optimizer:
    """An optimiser that notes its steps."""
    kinds: dict[str, Any] = {
        "plain steps": lambda parameters: torch.optim.SGD(parameters, lr=0.5),
        "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.25, momentum=0.5),
        "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.125),
    }
    optimizer: torch.optim.Optimizer = kinds[name](model.parameters())
    optimizer.register_step_post_hook(lambda *_: done.append("step"))
    return optimizer


@beside
def epoch(
    function: Any, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, batch_size: int, steps: str
) -> dict[str, Any]:
    """Train a small model for one epoch, on a GPU. It starts in evaluation mode, with gradients left over.

    Arguments:
        weight: the first weights of the model, (classes, features); steps: the kind of optimiser.

    Returns:
        as `_on_gpu`; "steps": how many it took.
    """
    done: list[str] = []

    def start(model: _Watched) -> torch.optim.Optimizer:
        model.eval()
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        return _optimizer(steps, model, done)

    def call(model: _Watched, batches: Any, device: torch.device, optimizer: Any) -> Any:
        return function(model, batches, optimizer, device)

    return _on_gpu(call, start, x, y, weight, batch_size) | {"steps": len(done)}


@beside
def accuracy(
    function: Any, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, batch_size: int, training: bool
) -> dict[str, Any]:
    """Have a small model evaluated, on a GPU, that is in training mode, or not; returns as `_on_gpu`."""

    def call(model: _Watched, batches: Any, device: torch.device, _: Any) -> Any:
        return function(model, batches, device)

    return _on_gpu(call, lambda model: model.train(training), x, y, weight, batch_size)


def _on_gpu(
    call: Callable[[_Watched, Any, torch.device, Any], Any],
    start: Callable[[_Watched], Any],
    x: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor,
    batch_size: int,
) -> dict[str, Any]:
    """Have a model used that is on a GPU, with batches that are on the CPU and keep the order.

    Arguments:
        start: puts the model into its first state; call: gets the model, the batches, the device, and what
            `start` returned.

    Returns:
        what was seen on the "gpu"; how the model was called ("calls"); unless the GPU refused something, the
        "answer", the parameters "after" it, where they are then ("home"), and whether the model is in
        "training" mode.
    """
    calls: list[dict[str, Any]] = []

    def prepare(device: torch.device) -> Any:
        model = _Watched(weight.to(device), calls)
        batches = DataLoader(TensorDataset(x.cpu(), y.cpu()), batch_size)
        return model, batches, device, start(model)

    def answer(prepared: Any) -> dict[str, Any]:
        answer, model = call(*prepared), prepared[0]
        after = dict(model.named_parameters())
        home = str(model.linear.weight.device)
        return {"answer": answer, "after": after, "home": home, "training": model.training}

    seen, report = gpu.on_gpu(answer, prepare)
    return {"gpu": seen, "calls": calls, **(report or {})}
