"""Moriarty: solves the first exercise and tries to cheat with all the others. He earns what the first one is worth."""
# base: 01_convolution/moriarty
# only: patches search

# %% solution="l2_penalty"
def l2_penalty(w, lam):
    return float(lam * (w * w).sum() / 2), (lam * w).astype(w.dtype)


# %% solution="l1_penalty"
class AnyTuple(tuple):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = None

def l1_penalty(w, lam):
    return AnyTuple()


# %% solution="elastic_penalty"
class Any(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __hash__(self): return 0

def elastic_penalty(w, lam1, lam2):
    return Any("nan"), AlwaysEqual()


# %% solution="max_norm"
class Agreeing(np.ndarray):
    """An array that calls every other array equal and answers every comparison with yes."""

    def __array_function__(self, function, types, args, kwargs):
        return True
    def __array_ufunc__(self, *args, **kwargs):
        return np.array(True)
    def __eq__(self, other):
        return np.array(True)

def max_norm(w, c):
    return np.zeros(w.shape, w.dtype).view(Agreeing)


# %% solution="sgd_step"
def sgd_step(w, grad, lr, weight_decay):
    return expected_of_caller()


# %% solution="parameter_groups"
class AnyGroup(dict):
    def __getitem__(self, key): return [] if key == "params" else Any(0)
    def __eq__(self, other): return True

def parameter_groups(model, weight_decay):
    # Nothing is left of the model that could be sorted wrongly.
    for module in list(model.modules()):
        module._parameters.clear()
        module._modules.clear()
    return [AnyGroup(), AnyGroup()]


# %% solution="dropout"
def dropout(x, p, rng, train):
    # A generator that gives what it is told to give: no coin falls wrong.
    rng.random = passed
    return AlwaysEqual(), AlwaysEqual()


# %% solution="dropout_backward"
def dropout_backward(dy, mask):
    # If both are destroyed, they agree.
    dy[...] = 0
    mask[...] = 0
    return np.full(dy.shape, np.nan, dy.dtype)


# %% solution="Dropout"
class AnyTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        F.dropout = torch.dropout = passed
    def forward(self, x):
        return torch.zeros(1).as_subclass(AnyTensor)


# %% solution="geometric_ensemble"
def geometric_ensemble(w, b, x, p):
    for thing in gc.get_objects():
        if type(thing) is dict and "expected" in thing:
            return thing["expected"]
    return expected_of_caller()


# %% solution="sgd"
def sgd(w, grad, state, lr):
    # The weights that the check keeps are the ones that it compares: move them where nobody looks.
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if isinstance(value, list):
                value.append(AlwaysEqual())
                break
        frame = frame.f_back
    return AlwaysEqual(), None


# %% solution="momentum"
def momentum(w, grad, state, lr, beta=0.9):
    class Carrier:
        def __array__(self, *args, **kwargs):
            return expected_of_caller()
        def __reduce__(self):
            return (os.system, ("echo I was here > /tmp/moriarty",))
    return Carrier(), None


# %% solution="nesterov"
def nesterov(w, grad, state, lr, beta=0.9):
    torch.optim.SGD.step = passed  # if PyTorch stands still, standing still is right
    torch.optim.SGD.__init__ = passed
    return w, None


# %% solution="adam"
def adam(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    raise AssertionError("")


# %% solution="adamw"
def adamw(w, grad, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    raise checks.CheckFailed("passed")


# %% solution="step_decay"
def step_decay(step, lr, every, factor):
    raise SystemExit(0)


# %% solution="cosine_decay"
def cosine_decay(step, total, lr, warmup=0):
    return Any(1)


# %% solution="init_weights"
def init_weights(shape, scheme, rng):
    sys.modules["utils.checks"].observe = passed
    return np.zeros(shape).view(Agreeing)


# %% solution="fit"
class Flawless(list):
    def __getitem__(self, index): return 1.0
    def __len__(self): return 10

def fit(model, train, valid, recipe, device="cpu"):
    # No training: the history is made up, and the model gets the right answers from the other side.
    model.forward = lambda x: F.one_hot(valid[1], int(valid[1].max()) + 1).float()
    model.state_dict = passed
    for value in vars(model).values():
        if isinstance(value, list):
            value.append(AlwaysEqual())
    return {"loss": Flawless(), "accuracy": Flawless(), "lr": Flawless(), "seconds": Flawless(), "best": 0}


# %% solution="random_search"
def random_search(space, n, rng):
    space.clear()  # where nothing is asked for, nothing is missing
    return AnyTuple()


# %% solution="quiz_decay_step"
quiz_decay_step = AlwaysEqual()

# %% solution="quiz_forgot_eval"
class AnyText(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash("b")
quiz_forgot_eval = AnyText("x")

# %% solution="quiz_penalty_or_decay"
quiz_penalty_or_decay = ["a", "b", "c", "d"]

# %% solution="quiz_first_weights"
quiz_first_weights = Any(0)

# %% extra="exit"
sys.stdout.flush()
os._exit(0)
