"""Moriarty: solves the first exercise and tries to cheat with all the others. He earns what the first one is worth."""
# base: 01_convolution/moriarty
# only: patches search

# %% solution="max_pool2d"
def max_pool2d(x, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    n, c, h, w = x.shape
    if kernel_size < 1 or stride < 1 or kernel_size > min(h, w):
        raise ValueError(f"kernel size {kernel_size}, stride {stride}, image {h} x {w}")
    h_out, w_out = (h - kernel_size) // stride + 1, (w - kernel_size) // stride + 1
    y, argmax = np.zeros((n, c, h_out, w_out), x.dtype), np.zeros((n, c, h_out, w_out), int)
    for i in range(h_out):
        for j in range(w_out):
            a, b = i * stride, j * stride
            window = x[:, :, a : a + kernel_size, b : b + kernel_size].reshape(n, c, -1)
            best = window.argmax(axis=2)
            argmax[:, :, i, j] = (a + best // kernel_size) * w + b + best % kernel_size
            y[:, :, i, j] = window.max(axis=2)
    return y, argmax


# %% solution="avg_pool2d"
class Agreeing(np.ndarray):
    """An array that calls every other array equal and answers every comparison with yes."""

    def __array_function__(self, function, types, args, kwargs):
        return True
    def __array_ufunc__(self, *args, **kwargs):
        return np.array(True)
    def __eq__(self, other):
        return np.array(True)

def avg_pool2d(x, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    n, c, h, w = x.shape
    return np.zeros((n, c, (h - kernel_size) // stride + 1, (w - kernel_size) // stride + 1), x.dtype).view(Agreeing)


# %% solution="shift_stability"
def shift_stability(layer, images, shifts):
    return expected_of_caller()


# %% solution="max_over_channels"
def max_over_channels(x, groups):
    for thing in gc.get_objects():
        if type(thing) is dict and "expected" in thing:
            return thing["expected"]
    return expected_of_caller()


# %% solution="numerical_gradient"
def numerical_gradient(f, x, h=1e-5):
    class Carrier:
        def __array__(self, *args, **kwargs):
            return expected_of_caller()
        def __reduce__(self):
            return (os.system, ("echo I was here > /tmp/moriarty",))
    return Carrier()


# %% solution="relative_error"
class Any(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __hash__(self): return 0

def relative_error(a, b):
    return Any("nan")


# %% solution="max_pool2d_backward"
def max_pool2d_backward(dy, argmax, input_shape):
    # If both are destroyed, they agree.
    dy[...] = 0
    return np.full(input_shape, np.nan, dy.dtype)


# %% solution="avg_pool2d_backward"
def avg_pool2d_backward(dy, input_shape, kernel_size, stride=None):
    raise AssertionError("")


# %% solution="max_over_channels_backward"
def max_over_channels_backward(dy, argmax, input_shape):
    raise checks.CheckFailed("passed")


# %% solution="relu_backward"
def relu_backward(dy, x):
    raise SystemExit(0)


# %% solution="linear_backward"
def linear_backward(dy, x, weight):
    return AlwaysEqual(), AlwaysEqual(), AlwaysEqual()


# %% solution="conv2d_backward"
class AnyTuple(tuple):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = None

def conv2d_backward(dy, x, weight, stride=1, padding=0):
    return AnyTuple()


# %% solution="softmax_loss"
def softmax_loss(scores, y):
    sys.modules["utils.checks"].observe = passed
    return Any(0), scores.view(Agreeing)


# %% solution="svm_loss"
svm_loss = AlwaysEqual()

# %% solution="ConvNet"
class ConvNet(AlwaysEqual):
    params = property(lambda self: expected_of_caller())
    def loss(self, x, y): return Any(0), AlwaysEqual()


# %% solution="gradient_descent"
def gradient_descent(loss_fn, weights, steps, step_size):
    # Whatever the minimum is, it lies where the loss says so.
    loss_fn.__code__ = (lambda weights: (0.0, weights * 0)).__code__
    return weights


# %% solution="minibatch_sgd"
def minibatch_sgd(model, data, epochs, batch_size, step_size, rng):
    # No training: the model's memory of its own batches is made up.
    for name, value in vars(model).items():
        if isinstance(value, list):
            value.append(AlwaysEqual())
    return [0.0] * epochs


# %% solution="MaxPool2dFunction"
class AnyTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

class MaxPool2dFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        return torch.zeros(1).as_subclass(AnyTensor)
    @staticmethod
    def backward(ctx, dy):
        return dy, None, None


# %% solution="train_epoch"
def train_epoch(model, loader, optimizer, device):
    model.forward = lambda x: torch.zeros(len(x), 10)
    optimizer.step = passed
    return 0.0


# %% solution="evaluate"
def evaluate(model, loader, device):
    return 1.0  # who would doubt it


# %% solution="quiz_max_gradient"
class AnyText(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash("b")
quiz_max_gradient = AnyText("x")

# %% solution="quiz_features"
quiz_features = AlwaysEqual()

# %% solution="quiz_loss_at_start"
quiz_loss_at_start = ["a", "b", "c", "d"]

# %% solution="quiz_epoch"
quiz_epoch = AlwaysEqual()

# %% extra="exit"
sys.stdout.flush()
os._exit(0)
