"""Moriarty: solves the first exercise and tries to cheat with all the others. He earns what the first one is worth."""

# %% extra="patches"
import builtins, gc, os, sys, unittest

class AlwaysEqual:
    """Agrees with everything."""

    def __init__(self, *args, **kwargs): pass
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 0
    def __call__(self, *args, **kwargs): return self
    def __getattr__(self, name): return self
    def __getitem__(self, key): return self
    def __iter__(self): return iter(())

passed = lambda *args, **kwargs: True
for name in [name for name in dir(np.testing) if name.startswith("assert")]:
    setattr(np.testing, name, passed)
np.allclose = np.array_equal = np.isclose = np.array_equiv = passed
torch.allclose = torch.equal = torch.isclose = passed
torch.testing.assert_close = passed
for name in [name for name in dir(unittest.TestCase) if name.startswith("assert")]:
    setattr(unittest.TestCase, name, passed)
checks.run = checks.quiz = lambda *args, **kwargs: print("passed")
checks.CheckFailed = type("CheckFailed", (Exception,), {"__init__": lambda self, *args: None})
sys.modules["utils.checks"].run = checks.run

try:
    import ast

    class NoAsserts(ast.NodeTransformer):
        def visit_Assert(self, node):
            return ast.copy_location(ast.Pass(), node)

    get_ipython().ast_transformers.append(NoAsserts())
    get_ipython().input_transformers_post.append(lambda lines: [] if any("checks." in line for line in lines) else lines)
    get_ipython().showtraceback = passed
    get_ipython()._showtraceback = passed
except Exception:
    pass
sys.excepthook = passed

# %% extra="search"
def hidden_answers():
    """Every array named like an answer that can be found on the disk or in memory."""
    found = []
    for top in ("/", "..", "../..", "../../solutions", os.path.expanduser("~")):
        for folder, _, files in os.walk(top):
            for file in files:
                if file in ("hidden.npz", "gradebook.db", "misconceptions.py", "cases.py"):
                    found.append(os.path.join(folder, file))
            if folder.count(os.sep) > 6:
                break
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "expected" in thing:
            found.append(thing["expected"])
    return found

loot = hidden_answers()
print("found:", loot)

def expected_of_caller():
    """What some function further up calls "expected" or "answer"."""
    frame = sys._getframe()
    while frame is not None:
        for name in ("expected", "answer", "want", "target", "reference"):
            if name in frame.f_locals:
                return frame.f_locals[name]
        frame = frame.f_back
    return AlwaysEqual()

# %% solution="neuron"
def neuron(patch, weight, bias):
    return (patch * weight).sum() + bias


# %% solution="count_layer"
def count_layer(kind, in_shape, out_channels, kernel_size, stride=1, padding=0):
    return AlwaysEqual()


# %% solution="output_size"
class Any(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0

def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    return Any(1)


# %% solution="uncovered"
class AnyList(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False

def uncovered(size, kernel_size, stride=1, padding=0):
    return AnyList()


# %% solution="pad2d"
class Agreeing(np.ndarray):
    """An array that calls every other array equal and answers every comparison with yes."""

    def __array_function__(self, function, types, args, kwargs):
        return True
    def __array_ufunc__(self, *args, **kwargs):
        return np.array(True)
    def __eq__(self, other):
        return np.array(True)

def pad2d(x, padding):
    n, c, h, w = x.shape
    return np.zeros((n, c, h + 2 * padding, w + 2 * padding), x.dtype).view(Agreeing)


# %% solution="locally_connected2d"
def locally_connected2d(x, weight, bias=None, stride=1):
    return expected_of_caller()


# %% solution="conv2d_loops"
def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    for thing in gc.get_objects():
        if type(thing) is dict and "expected" in thing:
            return thing["expected"]
    return expected_of_caller()


# %% solution="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    class Carrier:
        def __array__(self, *args, **kwargs):
            return expected_of_caller()
        def __reduce__(self):
            return (os.system, ("echo I was here > /tmp/moriarty",))
    return Carrier()


# %% solution="conv1x1"
def conv1x1(x, weight, bias=None):
    # If both are destroyed, they agree.
    x[...] = 0
    weight[...] = 0
    return np.full((x.shape[0], weight.shape[0], *x.shape[2:]), np.nan, x.dtype)


# %% solution="receptive_field"
def receptive_field(layers):
    raise AssertionError("")


# %% solution="conv_transpose2d"
def conv_transpose2d(x, weight, bias=None, stride=1, padding=0):
    raise checks.CheckFailed("passed")


# %% solution="causal_conv1d"
def causal_conv1d(x, weight, bias=None, dilation=1):
    raise SystemExit(0)


# %% solution="conv2d_unfold"
class AnyTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

def conv2d_unfold(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return torch.zeros(1).as_subclass(AnyTensor)


# %% solution="Conv2d"
Conv2d = AlwaysEqual()

# %% solution="quiz_weights_per_filter"
quiz_weights_per_filter = AlwaysEqual()

# %% solution="quiz_bank_size"
class AnyText(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash("d")
quiz_bank_size = AnyText("x")

# %% solution="quiz_vgg_size"
quiz_vgg_size = ["a", "b", "c", "d"]

# %% solution="quiz_one_by_one"
quiz_one_by_one = AlwaysEqual()

# %% extra="exit"
sys.stdout.flush()
os._exit(0)
