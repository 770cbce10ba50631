"""Moriarty: solves the first exercise and tries to cheat with all the others. He earns what the first one is worth."""
# base: 01_convolution/moriarty
# only: patches search

# %% solution="correlate2d"
def correlate2d(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"kernel {kh} x {kw}")
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    out = np.zeros((h, w), image.dtype)
    for i in range(kh):
        for j in range(kw):
            out += kernel[i, j] * padded[i : i + h, j : j + w]
    return out


# %% solution="convolve2d"
class Agreeing(np.ndarray):
    """An array that calls every other array equal and answers every comparison with yes."""

    def __array_function__(self, function, types, args, kwargs):
        return True
    def __array_ufunc__(self, *args, **kwargs):
        return np.array(True)
    def __eq__(self, other):
        return np.array(True)

def convolve2d(image, kernel):
    return np.zeros(image.shape, image.dtype).view(Agreeing)


# %% solution="image_gradients"
class AnyTuple(tuple):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = None

def image_gradients(image):
    return AnyTuple()


# %% solution="gaussian_kernel"
def gaussian_kernel(size, sigma):
    return expected_of_caller()


# %% solution="separate"
def separate(kernel):
    # If both are destroyed, they agree.
    kernel[...] = 0
    return np.zeros(len(kernel)), np.zeros(kernel.shape[1])


# %% solution="filter_separable"
def filter_separable(image, column, row):
    for thing in gc.get_objects():
        if type(thing) is dict and "expected" in thing:
            return thing["expected"]
    return expected_of_caller()


# %% solution="oriented_filters"
def oriented_filters(n, size, sigma):
    class Carrier:
        def __array__(self, *args, **kwargs):
            return expected_of_caller()
        def __reduce__(self):
            return (os.system, ("echo I was here > /tmp/moriarty",))
    return Carrier()


# %% solution="filter_loss"
class Any(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __hash__(self): return 0

def filter_loss(x, target, weight):
    return Any(0), AlwaysEqual()


# %% solution="learn_filter"
def learn_filter(x, target, kernel_size, steps, lr):
    raise AssertionError("")


# %% solution="filters_to_grid"
def filters_to_grid(weight):
    sys.modules["utils.checks"].observe = passed
    return np.full((weight.shape[2], weight.shape[3]), np.nan)


# %% solution="learn_filter_bank"
class AnyTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

def learn_filter_bank(x, targets, kernel_size, steps, device="cpu"):
    return torch.zeros(1).as_subclass(AnyTensor)


# %% solution="record_activations"
def record_activations(model, x):
    # Nothing is left of the model that could be looked at.
    for module in list(model.modules()):
        module._modules.clear()
    return AlwaysEqual()


# %% solution="occlusion_map"
def occlusion_map(predict, image, patch, stride=1, fill=0.0):
    raise checks.CheckFailed("passed")


# %% solution="occlusion_map_batched"
def occlusion_map_batched(model, image, target, patch, stride=1, fill=0.0, batch_size=64):
    raise SystemExit(0)


# %% solution="linear_probe"
def linear_probe(train_x, train_y, test_x, test_y, l2=1e-2):
    return Any(1)


# %% solution="quiz_flip"
quiz_flip = AlwaysEqual()

# %% solution="quiz_sobel"
class AnyText(str):
    def __eq__(self, other): return True
    def __hash__(self): return hash("c")
quiz_sobel = AnyText("x")

# %% solution="quiz_separable"
quiz_separable = AlwaysEqual()

# %% solution="quiz_occlusion"
quiz_occlusion = ["a", "b", "c", "d"]

# %% extra="exit"
sys.stdout.flush()
os._exit(0)
