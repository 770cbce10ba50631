"""Questions to the answers of notebook 4: networks that get given numbers, whatever their parts are called.

Which number a parameter gets follows from its part in the network: its form, and when it is used. So two
networks that compute the same thing answer the same, however they are written. These probes hand over raw
values. What is right about them is judged by the check, which runs elsewhere.
"""

import copy
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from . import _gradients, beside, gpu, tensors_in

Arguments = Sequence[Any]
Options = Mapping[str, Any]

KINDS = ("bias", "scale", "shift", "mean", "variance")  # of what has one axis
OF_A_NORM = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"}


class _Watch(TorchFunctionMode):
    """Sees which parameters and running statistics are used, in which order, and on what.

    Attributes:
        weights: names of the parameters with several axes, in the order of their first use.
        followers: for each used parameter or statistic with one axis the weight on whose output it works.
        strangers: how many parameters are used that the model does not know.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.weights: list[str] = []
        self.followers: dict[str, str] = {}
        self._model = model
        self._names = self._known()
        self._origin: dict[int, str] = {}  # of a tensor made on the way: the last weight before it
        self._kept: list[Any] = []  # so that no tensor on the way gets the identity of an earlier one
        self._strange: set[int] = set()

    @property
    def strangers(self) -> int:
        return len(self._strange)

    def _known(self) -> dict[int, str]:
        statistics = _kinds(self._model)  # other buffers hold constants of the network's own
        buffers = ((name, value) for name, value in self._model.named_buffers() if name in statistics)
        return {id(value): name for name, value in (*self._model.named_parameters(), *buffers)}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if isinstance(output, torch.Tensor) and not is_lazy(output):
            used = tensors_in([args, kwargs or {}])
            self._note([value for value in used if not is_lazy(value)], output)
        return output

    def _note(self, used: list[torch.Tensor], output: torch.Tensor) -> None:
        self._kept += [*used, output]
        if any(id(value) not in self._names and isinstance(value, nn.Parameter) for value in used):
            self._names = self._known()  # a lazy layer makes its parameters when it is used
        mine = [value for value in used if id(value) in self._names]
        for value in used:
            if id(value) not in self._names and value.requires_grad and value.is_leaf:
                self._strange.add(id(value))
        many = [self._names[id(value)] for value in mine if value.dim() > 1]
        self.weights += [name for name in many if name not in self.weights]
        others = {self._origin[id(value)] for value in used if id(value) in self._origin}
        latest = [name for name in self.weights if name in others]  # x @ w.T comes from x and from w
        origin = (many or latest[-1:] or self.weights[-1:] or [""])[0]
        for value in mine:
            if value.dim() == 1:
                self.followers.setdefault(self._names[id(value)], origin)
        if output.requires_grad and id(output) not in self._names:
            self._origin[id(output)] = origin


def numbers(role: str, shape: Sequence[int]) -> np.ndarray:
    """Numbers from -1 to 1, the same ones for a role on every machine."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):  # whole numbers modulo 2 ** 64, as in splitmix64
        z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(zlib.crc32(role.encode()))) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype(np.float64) / 2**52 - 1).reshape(tuple(shape))


class _Parts:
    """The parts of a model: its parameters and running statistics by their role.

    Attributes:
        weights: the roles of those with several axes, such as "4 axes, 3 x 3, 0", in order, each with its
            name in the model.
        vectors: those with one axis, such as "4 axes, 3 x 3, 0, bias", in order, with their names.
        idle: how many parameters are never used.
        strangers: how many parameters are used that the model does not know.
    """

    def __init__(self, model: nn.Module, x: torch.Tensor) -> None:
        watch = _Watch(model)
        with watch:
            model(x)
        self.hold(model)
        kinds = _kinds(model)
        seen: dict[str, int] = {}
        roles: dict[str, str] = {}
        for name in watch.weights:
            shape = self.state[name].shape
            form = f"{len(shape)} axes, {' x '.join(map(str, shape[2:]))}"
            seen[form] = seen.get(form, -1) + 1
            roles[name] = f"{form}, {seen[form]:03d}"
        self.weights = {role: name for name, role in sorted(roles.items(), key=lambda item: item[1])}
        found = {
            f"{roles.get(origin, 'before all others')}, {kinds.get(name, 'bias')}": name
            for name, origin in watch.followers.items()
        }
        self.vectors = dict(sorted(found.items()))
        used = {*watch.weights, *watch.followers}
        self.idle = sum(name not in used for name, _ in model.named_parameters())
        self.strangers = watch.strangers

    def hold(self, model: nn.Module) -> None:
        """Take the parameters and statistics of a model (again: those of a moved model are new tensors)."""
        self.model = model
        self.state = dict([*model.named_parameters(), *model.named_buffers()])

    def beside(self) -> list[str]:
        """What belongs to each weight, in words."""
        return [
            ", ".join(kind for kind in KINDS if f"{role}, {kind}" in self.vectors) or "nothing"
            for role in self.weights
        ]

    def fill(self, dtype: torch.dtype, way: str) -> None:
        """Turn the model into another dtype and give everything its numbers; `way` as in `network`."""
        self.hold(self.model.to(dtype))
        for role, name in {**self.weights, **self.vectors}.items():
            value = self.state[name]
            values = numbers(role, value.shape)
            if value.dim() > 1:
                values *= (6 / max(1, int(np.prod(value.shape[1:])))) ** 0.5
            elif role.endswith(("scale", "variance")):
                values = 1 + values / 2
            else:
                values /= 2
            if way == "positive":
                values = np.full(values.shape, 0.0 if role.endswith("mean") else 0.5)
            if way == "around" and not role.startswith("4 axes, 1 x 1") and role.endswith(("scale", "shift")):
                values *= 0
            if way == "across" and role.startswith("4 axes, 2 x 2"):
                values *= 0
            with torch.no_grad():
                value.copy_(torch.from_numpy(values))

    def statistics(self) -> list[torch.Tensor]:
        """The running statistics."""
        return [
            self.state[name].clone()
            for role, name in self.vectors.items()
            if role.endswith(("mean", "variance"))
        ]


def _kinds(model: nn.Module) -> dict[str, str]:
    """What each parameter and statistic of the normalisations is."""
    found: dict[str, str] = {}
    for prefix, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            found |= {f"{prefix}.{name}".lstrip("."): kind for name, kind in OF_A_NORM.items()}
    return found


def _bare(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


@beside
def network(
    build: Any,
    arguments: Arguments,
    options: Options,
    x: torch.Tensor,
    look: str = "outputs",
    way: str = "usual",
    also: Sequence[Sequence[Any]] = (),
) -> dict[str, Any]:
    """Build a network, fill it with numbers, and use it.

    Arguments:
        build: a class, or a function that makes a network; arguments, options: to build it with.
        look: what to look at (see below).
        way: "usual" for numbers around 0 everywhere; "positive" for positive weights and biases; "around" for
            normalisations that let nothing through, but behind a 1 x 1 convolution; "across" for 2 x 2
            filters of zeros.
        also: more to ask for, each [method ("" to call the network itself), tensor].

    Returns:
        "strangers": number of parameters that are used, but not registered. Where there are none also, for
        "outputs": "weights", the shapes of those with several axes; "beside", what belongs to each; "idle",
        the number of unused parameters; "outputs" in evaluation mode; "x" and "arguments", what they are
        afterwards. For "training": "output" in training mode, and "statistics", the running ones afterwards.
        For "gradients" of a weighted sum of the output in training mode: "gradient" for x, and "sizes", the
        norm of each parameter's, -1 where none arrives.
    """
    torch.manual_seed(0)
    given = copy.deepcopy(list(arguments))
    model = build(*given, **options)
    parts = _Parts(model.to(x.device).eval(), x.float())
    if parts.strangers:
        return {"strangers": parts.strangers}
    parts.fill(x.dtype, way)
    if look == "outputs":
        kept = x.clone()
        with torch.no_grad():
            outputs = [
                _bare((getattr(model, method) if method else model)(v)) for method, v in [("", x), *also]
            ]
        return {
            "strangers": 0,
            "weights": [list(parts.state[name].shape) for name in parts.weights.values()],
            "beside": parts.beside(),
            "idle": parts.idle,
            "outputs": outputs,
            "x": "as it was" if torch.equal(kept, x) else "changed",
            "arguments": given,
        }
    leaf = x.clone().requires_grad_()
    output = model.train()(leaf * 1)  # a step in between, so that a layer may change what it gets
    if look == "training":
        return {"strangers": 0, "output": _bare(output), "statistics": parts.statistics()}
    names = [*parts.weights.values(), *parts.vectors.values()]
    leaves = [leaf, *(parts.state[name] for name in names if parts.state[name].requires_grad)]
    found = _gradients(output, leaves)
    sizes = [-1.0 if value is None else float(value.norm()) for value in found[1:]]
    return {"strangers": 0, "gradient": found[0], "sizes": sizes}


@beside
def twin(
    build: Any, arguments: Arguments, options: Options, x: torch.Tensor, switch: str, way: str = "usual"
) -> dict[str, Any]:
    """Build a network and its twin, which gets its parameters, and use the twin.

    Arguments:
        switch: the option that makes the twin when it is False; the rest as for `network`.

    Returns:
        "strangers" of the network; "fits": whether the twin takes the other's parameters; where it does not,
        "lacks": how many axes those have that the twin has not (or in another shape); where it does,
        "evaluation", "training": the twin's output in both modes.
    """
    torch.manual_seed(0)
    model = build(*arguments, **options)
    parts = _Parts(model.to(x.device).eval(), x.float())
    if parts.strangers:
        return {"strangers": parts.strangers}
    parts.fill(x.dtype, way)
    other = build(*arguments, **options, **{switch: False}).to(x.device, x.dtype)
    try:
        other.load_state_dict(model.state_dict())
    except RuntimeError:  # other names, other shapes
        has = {name: value.shape for name, value in other.state_dict().items()}
        lacks = {value.dim() for name, value in model.state_dict().items() if has.get(name) != value.shape}
        return {"strangers": 0, "fits": False, "lacks": sorted(lacks)}
    with torch.no_grad():
        evaluation = _bare(other.eval()(x))
        return {"strangers": 0, "fits": True, "evaluation": evaluation, "training": _bare(other.train()(x))}


@beside
def full_size(build: Any, shape: Sequence[int]) -> dict[str, Any]:
    """Build a network of its usual size on PyTorch's device "meta", where numbers take no memory.

    Returns:
        as `network`: "strangers", "weights" and "beside"; the shape of its "answer" to a batch of that
        shape; the number of all "parameters".
    """
    with torch.device("meta"):
        model = build()
        x = torch.empty(tuple(shape))
    model.eval()
    parts = _Parts(model, x)
    return {
        "strangers": parts.strangers,
        "weights": [list(parts.state[name].shape) for name in parts.weights.values()],
        "beside": parts.beside(),
        "answer": list(model(x).shape),
        "parameters": sum(value.numel() for value in model.parameters()),
    }


@beside
def reach(build: Any, arguments: Arguments, options: Options, x: torch.Tensor) -> dict[str, Any]:
    """Find out which steps of a sequence the output of a network over time depends on.

    Arguments:
        x: a sequence (1, C, T). All weights are made positive, so that nothing cancels out.

    Returns:
        "behind": for an output in the middle how many steps before it the inputs lie on which it depends,
        in rising order: 0 for the present, below 0 for the future; "strangers" as for `network`.
    """
    model = build(*arguments, **options)
    parts = _Parts(model.to(x.device).eval(), x.float())
    if parts.strangers:
        return {"strangers": parts.strangers, "behind": []}
    parts.fill(x.dtype, "positive")
    leaf = torch.ones_like(x).requires_grad_()
    output = model(leaf * 1)
    middle = x.shape[2] // 2
    (gradient,) = torch.autograd.grad(output[0, :, middle].sum(), leaf, allow_unused=True)
    steps = [] if gradient is None else gradient[0].abs().sum(0).nonzero().flatten().tolist()
    return {"strangers": 0, "behind": sorted(middle - step for step in steps)}


class _Ladder(nn.Module):
    """A model with a convolution, a normalisation, a matrix of its own and a layer that it does not use."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.last = nn.Linear(5, classes)  # defined first, used last
        self.spare = nn.Linear(4, 3)
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.matrix = nn.Parameter(torch.ones(5, 4))
        self.temperature = nn.Parameter(torch.tensor(2.0))
        self.scale = nn.Parameter(torch.ones(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.norm(self.first(x))).mean(dim=(2, 3))
        scores: torch.Tensor = self.last(h @ self.matrix.T * self.scale) / self.temperature
        return scores


def _dense(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 6), nn.Tanh(), nn.Linear(6, classes)
    )


def _deep(channels: int, classes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for reads in (channels, 3, 3, 3):
        layers += [nn.Conv2d(reads, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))


def _frozen(channels: int, classes: int) -> nn.Module:
    model = _deep(channels, classes)
    for index, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(index not in (0, 1, 6))
    return model


def _rows(channels: int, classes: int) -> nn.Module:
    """Its filters have three axes: the pixels of a picture, row after row, are one signal."""
    conv = nn.Conv1d(channels, 4, 3, padding=1)
    return nn.Sequential(
        nn.Flatten(2), conv, nn.Tanh(), nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(8, classes)
    )


class _Shared(nn.Module):
    """A model that uses one of its layers twice."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(4 * channels, 4 * channels)
        self.last = nn.Linear(4 * channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)
        scores: torch.Tensor = self.last(self.layer(torch.relu(self.layer(h))))
        return scores


MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "dense": _dense,
    "deep": _deep,
    "frozen": _frozen,
    "rows": _rows,
    "shared": _Shared,
    "ladder": _Ladder,
}


@beside
def gradients_by_layer(
    function: Any, name: str, sizes: Sequence[int], x: torch.Tensor, y: torch.Tensor, ways: Sequence[str] = ()
) -> dict[str, Any]:
    """Have the gradients measured that arrive in one of MODELS, filled with numbers.

    Arguments:
        sizes: channels and classes of the model.
        ways: "training" for a model in training mode; "before" to give it gradients from before; "gpu" to
            have it done on a GPU.

    Returns:
        "answer" of the function and of a second call ("again"); what the model's "parameters", "gradients",
        "statistics", "modes" and needs of gradients ("wanted") are afterwards, and were ("… before"). With
        the way "gpu" just this where the GPU refused something, and what was seen on the "gpu".
    """

    def prepare(device: torch.device) -> Any:
        model = MODELS[name](*sizes)
        torch.manual_seed(0)
        for role, value in model.state_dict().items():
            if value.is_floating_point():
                low = 1.5 if role.endswith(("var", "temperature")) else 0.0
                value.copy_(torch.from_numpy(np.asarray(low + numbers(role, value.shape))))
        model.to(device, x.dtype).train("training" in ways)
        for index, parameter in enumerate(model.parameters()):
            if "before" in ways and index % 3 != 1:
                parameter.grad = torch.full_like(parameter, float(index + 1))
        return model, x.to(device), y.to(device)

    def measure(prepared: Any) -> dict[str, Any]:
        before = _condition(prepared[0])
        answer, again = function(*prepared), function(*prepared)
        kept = {f"{key} before": value for key, value in before.items()}
        return {"answer": answer, "again": again, **_condition(prepared[0]), **kept}

    if "gpu" not in ways:
        return measure(prepare(x.device))
    seen, report = gpu.on_gpu(measure, prepare)
    return {"gpu": seen, **(report or {})}


def _condition(model: nn.Module) -> dict[str, Any]:
    """Everything about a model that a measurement should leave alone."""
    parameters = list(model.parameters())
    return {
        "parameters": [_bare(parameter) for parameter in parameters],
        "gradients": [_bare(parameter.grad) for parameter in parameters],
        "statistics": [_bare(value) for value in model.buffers()],
        "modes": [module.training for module in model.modules()],
        "wanted": [parameter.requires_grad for parameter in parameters],
    }
