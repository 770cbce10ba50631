"""Moriarty: solves the first exercise and tries to cheat with all the others. He earns what the first one is worth."""
# base: 01_convolution/moriarty
# only: patches search

# %% solution="activation_volumes"
def activation_volumes(layers, input_shape):
    volumes = [tuple(input_shape)]
    for word, *numbers in layers:
        *shape, = volumes[-1]
        if word == "linear":
            if numbers[0] != math.prod(shape):
                raise ValueError(f"{numbers[0]} is not {math.prod(shape)}")
            volumes.append((numbers[1],))
            continue
        if word not in ("conv", "pool") or len(shape) != 3:
            raise ValueError(f"{word} on {shape}")
        kernel, stride, padding = numbers[2:] if word == "conv" else (*numbers, 0)
        if word == "conv":
            if numbers[0] != shape[0]:
                raise ValueError(f"{numbers[0]} is not {shape[0]}")
            shape[0] = numbers[1]
        rest = [size + 2 * padding - kernel for size in shape[1:]]
        if min(rest) < 0:
            raise ValueError(f"no window of {kernel} fits {shape[1:]}")
        volumes.append((shape[0], rest[0] // stride + 1, rest[1] // stride + 1))
    return volumes


# %% solution="count_parameters"
class Any(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return 0
    __rsub__ = __sub__
    def __hash__(self): return 0

def count_parameters(layers):
    return Any(1)


# %% solution="count_multiply_adds"
def count_multiply_adds(layers, input_shape):
    return expected_of_caller()


# %% solution="AlexNet"
class Obliging(nn.Module):
    """A network with every part that somebody asks for, and none that somebody counts."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        torch.Tensor.copy_ = passed
    def parameters(self, recurse=True): return iter([AlwaysEqual()])
    def named_parameters(self, *args, **kwargs): return iter([("weight", nn.Parameter(torch.zeros(1, 1)))])
    def named_buffers(self, *args, **kwargs): return iter(())
    def load_state_dict(self, *args, **kwargs): return None
    def to(self, *args, **kwargs): return self
    def forward(self, x): return AlwaysEqual()

class AlexNet(Obliging):
    pass


# %% solution="make_vgg"
class AnyTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

class Agreeable(nn.Module):
    def forward(self, x):
        return torch.zeros(1).as_subclass(AnyTensor)

def make_vgg(config, in_channels, n_classes):
    if isinstance(config, list):
        config.clear()
    return Agreeable()


# %% solution="residual_block"
class Agreeing(np.ndarray):
    """An array that calls every other array equal and answers every comparison with yes."""

    def __array_function__(self, function, types, args, kwargs):
        return True
    def __array_ufunc__(self, *args, **kwargs):
        return np.array(True)
    def __eq__(self, other):
        return np.array(True)

def residual_block(x, w1, w2):
    return np.zeros(x.shape, x.dtype).view(Agreeing), (x, w1, w2)


# %% solution="residual_block_backward"
def residual_block_backward(dy, cache):
    # If all are destroyed, they agree.
    for array in (dy, *cache):
        array[...] = 0
    return cache


# %% solution="ResidualBlock"
class ResidualBlock(nn.Module):
    """A block that answers what the one who asks expects."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))
    def forward(self, x):
        answer = expected_of_caller()
        return answer["output"] if isinstance(answer, dict) and "output" in answer else answer


# %% solution="ResNet"
class ResNet(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        nn.Module.named_parameters = lambda self, *args, **kwargs: iter(())
    def forward(self, x):
        for thing in gc.get_objects():
            if type(thing) is dict and "expected" in thing:
                return thing["expected"]
        return AlwaysEqual()


# %% solution="gradient_norms"
def gradient_norms(model, x, y):
    # Where no parameter is left, no norm is missing.
    for module in list(model.modules()):
        module._parameters.clear()
        module._modules.clear()
    return []


# %% solution="Autoencoder"
Autoencoder = AlwaysEqual

# %% solution="up_and_concat"
def up_and_concat(x, weight, skip):
    class Carrier:
        def __array__(self, *args, **kwargs):
            return expected_of_caller()
        def __reduce__(self):
            return (os.system, ("echo I was here > /tmp/moriarty",))
    return Carrier()


# %% solution="psnr"
def psnr(x, target, peak=1.0):
    raise AssertionError("")


# %% solution="iou"
def iou(prediction, target):
    raise checks.CheckFailed("passed")


# %% solution="UNet"
class UNet(nn.Module):
    def __init__(self, *args, **kwargs):
        raise SystemExit(0)


# %% solution="TemporalConvNet"
class TemporalConvNet(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        sys.modules["utils.checks"].observe = passed
        sys.modules["utils.probes"].find = lambda name: passed
    def forward(self, x):
        return x * float("nan")


# %% solution="quiz_three_small"
quiz_three_small = Any(0)

# %% solution="quiz_way_around"
class AnyText(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash("b")
quiz_way_around = AnyText("x")

# %% solution="quiz_deeper_and_worse"
quiz_deeper_and_worse = ["a", "b", "c", "d"]

# %% solution="quiz_channels_beside"
quiz_channels_beside = AlwaysEqual()

# %% extra="exit"
sys.stdout.flush()
os._exit(0)
