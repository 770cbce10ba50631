"""Questions to the answers of notebook 5: masks to draw, weights to move, recipes to train by.

These probes hand over raw values. What is right about them is judged by the check, which runs elsewhere.
"""

import copy
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from . import beside, detached, gpu, tensors_in

Array = np.ndarray
FEW = 24  # recipes; with them two draws are never alike by chance
OWN = "fit"  # the temporary file of a checkpoint


@beside
def refused(function: Any, probe: str, *arguments: Any) -> str:
    """Ask for something that should raise an error, by another probe; what comes instead is not kept."""
    globals()[probe](function, *arguments)
    return "an answer"


@beside
def drops(function: Any, x: Array, p: float, seed: int) -> dict[str, Any]:
    """Have numbers dropped in several runs.

    Returns:
        the answers in training: "first" and "next" from one generator, "again" from an equal one, "other"
        from another one; the answer at "test" time, and whether that shares no memory with x ("new").
    """
    rng = np.random.default_rng(seed)
    test = function(x, p, np.random.default_rng(seed), False)
    parts = test if isinstance(test, (tuple, list)) else ()
    return {
        "new": not any(isinstance(part, np.ndarray) and np.may_share_memory(part, x) for part in parts),
        "first": function(x, p, rng, True),
        "next": function(x, p, rng, True),
        "again": function(x, p, np.random.default_rng(seed), True),
        "other": function(x, p, np.random.default_rng(seed + 1), True),
        "test": test,
    }


@beside
def dropout_layer(layer_class: Any, options: Mapping[str, float], x: torch.Tensor, seed: int) -> dict:
    """Build a dropout layer, and use it inside a model in training and in evaluation mode.

    Returns:
        the outputs of two layers in training ("first", "next" and, after a pause for evaluation, "later" of
        one, "second layer" of the other) and in evaluation mode ("test"); the "gradient" of the first one's
        sum for x, None if none arrived; the number of "parameters".
    """
    torch.manual_seed(seed)
    layer, second = layer_class(**options), layer_class(**options)
    model = nn.Sequential(nn.Identity(), layer)
    report: dict[str, Any] = {"parameters": len(list(model.parameters()))}
    leaf = x.detach().clone().requires_grad_()
    output = model(leaf)
    known = isinstance(output, torch.Tensor) and output.requires_grad
    gradient = torch.autograd.grad(output.sum(), leaf, allow_unused=True)[0] if known else None
    report |= {"first": detached(output), "gradient": gradient, "next": detached(model(x))}
    model.eval()
    report["test"] = detached(model(x))
    model.train()
    return report | {"later": detached(model(x)), "second layer": detached(second(x))}


class _Scaled(nn.Module):
    """A layer with parameters of its own: a matrix, one number, and a vector beside a frozen one."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(3, 2))
        self.bias_like = nn.Parameter(torch.ones(3))
        self.temperature = nn.Parameter(torch.tensor(1.0))
        self.fixed = nn.Parameter(torch.ones(3), requires_grad=False)


def _chain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3, 2))


def _nested() -> nn.Module:
    inner = nn.Sequential(nn.Conv1d(2, 4, 3), nn.GroupNorm(2, 4), nn.PReLU(4))
    return nn.Sequential(nn.ModuleDict({"stem": inner, "head": nn.Sequential(nn.Linear(4, 3))}), _Scaled())


def _frozen() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    for layer in (model[0], model[2]):
        layer.requires_grad_(False)
    return model


def _tied() -> nn.Module:
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 3), nn.Linear(3, 5), nn.LayerNorm(5))
    model[2].weight = model[0].weight
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "two layers": lambda: nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)),
    "a chain": _chain,
    "layers inside layers": _nested,
    "frozen layers": _frozen,
    "a shared weight": _tied,
    "no biases": lambda: nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.Linear(3, 2, bias=False)),
    "norms only": lambda: nn.Sequential(nn.BatchNorm2d(3), nn.LayerNorm(4)),
}


@beside
def groups(function: Any, model: str, weight_decay: float) -> Any:
    """Have the parameters of one of MODELS sorted.

    Returns:
        the groups with the names of the parameters in place of the parameters; "a copy" for a tensor that is
        none of the model's parameters.
    """
    built = MODELS[model]()
    names = {id(parameter): name for name, parameter in built.named_parameters()}

    def named(value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == 2:  # (name, parameter), as PyTorch also takes them
            value = value[1]
        return names.get(id(value), "a copy") if isinstance(value, torch.Tensor) else "no parameter"

    def plain(group: Any) -> Any:
        if not isinstance(group, dict):
            return group if not isinstance(group, torch.Tensor) else "a parameter"
        params = group.get("params")
        listed = [params] if isinstance(params, torch.Tensor) else list(params or ())
        return group | {"params": [named(value) for value in listed]}

    answer = function(built, weight_decay)
    if isinstance(answer, dict) or not hasattr(answer, "__iter__"):
        return answer
    return [plain(group) for group in answer]


@beside
def updates(
    function: Any, w: Array, gradients: Array, rates: Sequence[float], options: Mapping[str, float]
) -> Any:
    """Have weights moved by several steps, and beside them those of another layer, each with its own state.

    Arguments:
        gradients: (steps, *shape of w); rates: the learning rate of each step; options: by keyword.

    Returns:
        "weights" after each step; what w and the gradient of each step were afterwards ("w then", "gradients
        then"); the weights "once more", if each step is asked a second time, with the state that it had. Just
        the "answer" where it is no pair.
    """
    report: dict[str, list[Any]] = {"weights": [], "w then": [], "gradients then": [], "once more": []}
    state: Any = None
    other_state: Any = None
    now, other = w.copy(), -2 * w
    for gradient, rate in zip(gradients, rates, strict=True):
        given, before = gradient.copy(), state
        answer = function(now, given, state, rate, **options)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            return {"answer": answer if isinstance(answer, np.ndarray) else "no pair"}
        report["w then"].append(now)
        report["gradients then"].append(given)
        other, other_state = function(other, gradient[::-1] - 1, other_state, rate, **options)
        report["once more"].append(function(now.copy(), gradient.copy(), before, rate, **options)[0])
        report["weights"].append(answer[0])
        now, state = answer[0].copy(), answer[1]
    return report


@beside
def rates(function: Any, steps: Sequence[int], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The learning rates of several steps."""
    return [function(step, *arguments, **options) for step in steps]


@beside
def first_weights(function: Any, shape: Sequence[int], scheme: str, seed: int) -> dict[str, Any]:
    """Have the first weights of a layer drawn: "first" and "next" from one generator, "again" from an equal
    one, "other" from another one.
    """
    rng, shape = np.random.default_rng(seed), tuple(shape)
    return {
        "first": function(shape, scheme, rng),
        "next": function(shape, scheme, rng),
        "again": function(shape, scheme, np.random.default_rng(seed)),
        "other": function(shape, scheme, np.random.default_rng(seed + 1)),
    }


@beside
def searches(function: Any, space: Mapping[str, Any], n: int, seed: int) -> dict[str, Any]:
    """Have recipes drawn: "all" of them, and then only a few of them several times.

    Returns:
        "all"; a few, "first" and "next" from one generator, "again" from an equal one, "other" from another
        one; the "space" afterwards.
    """
    space, few = copy.deepcopy(dict(space)), min(n, FEW)
    drawn = function(space, n, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    return {
        "all": drawn,
        "first": function(space, few, rng),
        "next": function(space, few, rng),
        "again": function(space, few, np.random.default_rng(seed)),
        "other": function(space, few, np.random.default_rng(seed + 1)),
        "space": space,
    }


Pair = tuple[torch.Tensor, torch.Tensor]
SMALL = 0.5  # the altered copies of training examples are half as large


class _Watched(nn.Module):
    """A linear classifier that notes how it is called. While it is not trained, it answers by a script.

    Its parameters are a weight matrix, a bias, and one scale for each input; its buffer counts the training
    examples that it has seen. In evaluation mode `script[epoch]` of the validation examples get a right
    answer, epoch after epoch, with the more confidence the better the script; of the training examples more
    and more do.
    """

    def __init__(
        self,
        weight: torch.Tensor,
        train: Pair,
        valid: Pair,
        script: Sequence[int],
        calls: list[dict[str, Any]],
    ) -> None:
        super().__init__()
        self.weight, self.bias, self.scale = map(nn.Parameter, first_parameters(weight))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.calls = calls
        self._script = list(script)
        self._labels = [*train[1].tolist(), *valid[1].tolist()]
        self._known: dict[bytes, tuple[int, bool]] = {}  # examples by their bytes
        for share in (1.0, SMALL):
            for index, example in enumerate(torch.cat([train[0], valid[0]]) * share):
                self._known[_key(example)] = index, share != 1
        self._counts = len(train[1]), len(valid[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        examples = [self._known.get(_key(example), (-1, False)) for example in x.detach().cpu()]
        self.calls.append(
            {
                "training": self.training,
                "recorded": torch.is_grad_enabled(),
                "autocast": any(map(torch.is_autocast_enabled, ("cpu", "cuda"))),  # simulated: by the CPU's
                "place": str(x.device),
                "home": str(self.weight.device),
                "examples": [example[0] for example in examples],
                "altered": [example[1] for example in examples],
                "noise": float(torch.rand(())) if self.training else 0.0,
                "weights": np.concatenate([p.detach().cpu().numpy().ravel() for p in self.parameters()]),
            }
        )
        scores = (x.flatten(1) * self.scale) @ self.weight.T + self.bias
        if self.training:
            self.get_buffer("seen").add_(len(x))
            return scores
        return scores * 0 + self._scripted([example[0] for example in examples], scores)

    def _scripted(self, examples: Sequence[int], scores: torch.Tensor) -> torch.Tensor:
        n, n_valid = self._counts
        epoch = max(int(self.get_buffer("seen")) // n, 1) - 1
        script = self._script[min(epoch, len(self._script) - 1)]
        confidence = 8.0 if script == max(self._script) else 0.25
        answers = torch.zeros_like(scores)
        for row, example in enumerate(examples):
            learned, shown = example % (epoch + 2) > 0, (example - n + 3 * epoch) % n_valid < script
            right = learned if example < n else shown
            answers[row, (self._labels[example] + (0 if right else 1)) % answers.shape[1]] = confidence
        return answers


def _key(example: torch.Tensor) -> bytes:
    """By which an example is known again, whatever float it consists of."""
    return example.numpy().astype(np.float32).tobytes()


def first_parameters(weight: torch.Tensor) -> list[torch.Tensor]:
    """The weight matrix, the bias, and the scales with which a `_Watched` model starts."""
    steps = [torch.arange(size, dtype=weight.dtype, device=weight.device) for size in weight.shape]
    return [weight.detach().clone(), steps[0] / 4 - 0.25, 1 + steps[1] / 8]


def halved(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """An alteration of training examples that draws a random number, as others would."""
    torch.rand(1, generator=generator)
    return x * SMALL


@beside
def fits(
    function: Any,
    train_x: torch.Tensor,
    train_y: torch.Tensor,
    valid_x: torch.Tensor,
    valid_y: torch.Tensor,
    weight: torch.Tensor,
    script: Sequence[int],
    recipe: Mapping[str, Any],
    ways: Sequence[str] = (),
) -> dict[str, Any]:
    """Train a model that notes everything by a recipe.

    Arguments:
        weight: first weights, (classes, features); script: how many of the validation examples get a right
            answer after each epoch.
        recipe: the knobs, without those that cannot be stored.
        ways: "gpu" to have it done on a GPU; "there" if the examples are on it already; "augment" to have
            training examples altered; "checkpoint" to have the best weights written to a file; "seeds" to
            train three times: with one seed, with the same one, and with another one; "no device" to name
            none.

    Returns:
        how the model was called ("calls"), the "device", the "seconds" that the call took, the "history", the
        parameters and the buffer "after" the training, whether the model is in "training" mode then, the
        "recipe" afterwards; for "checkpoint" the "file", what was written, and the "file's devices"; for
        "seeds" the calls of the runs "again" and "other". With the way "gpu" what was seen on the "gpu", and
        just the calls beside it where the GPU refused something.
    """
    recipe, seed = dict(recipe), recipe.get("seed", 0)
    if "augment" in ways:
        recipe["augment"] = halved
    pairs = (train_x.cpu(), train_y.cpu()), (valid_x.cpu(), valid_y.cpu())

    def run(
        recipe: dict[str, Any], device: torch.device, calls: list[dict[str, Any]]
    ) -> tuple[nn.Module, Any]:
        model = _Watched(weight.cpu(), *pairs, script, calls).eval()
        given = [tuple(part.to(device) for part in pair) if "there" in ways else pair for pair in pairs]
        where = () if "no device" in ways else (device,)
        return model, function(model, *given, recipe, *where)

    calls: list[dict[str, Any]] = []

    def train(device: torch.device) -> dict[str, Any]:
        written = {}
        start = time.perf_counter()
        if "checkpoint" in ways:
            with tempfile.TemporaryDirectory() as folder:
                recipe["checkpoint"] = path = os.path.join(folder, OWN)
                model, history = run(recipe, device, calls)
                written = _written(path)
        else:
            model, history = run(recipe, device, calls)
        report = {
            "device": "cpu" if "no device" in ways else str(device),
            "seconds": time.perf_counter() - start,
            "history": dict(history) if isinstance(history, dict) else history,
            "after": {name: value.cpu() for name, value in model.state_dict().items()},
            "training": model.training,
            "recipe": {name: value for name, value in recipe.items() if name not in ways},
        }
        if "seeds" in ways:
            torch.rand(3)  # PyTorch's own generator is somewhere else now
            np.random.rand(3)
            for name, other in (("again", seed), ("other", seed + 1)):
                seen: list[dict[str, Any]] = []
                run({**recipe, "seed": other}, device, seen)
                report[name] = seen
        return report | written

    if "gpu" not in ways:
        return {"calls": calls, **train(train_x.device)}
    seen, report = gpu.on_gpu(train)
    return {"gpu": seen, "calls": calls, **(report or {})}


def _written(path: str) -> dict[str, Any]:
    """What a file of torch.save holds, and on which devices."""
    if not os.path.exists(path):
        return {"file": "not written", "file's devices": []}
    found = torch.load(path, weights_only=True)
    devices = sorted({str(tensor.device) for tensor in tensors_in(found)})
    return {"file": dict(found) if isinstance(found, dict) else None, "file's devices": devices}
