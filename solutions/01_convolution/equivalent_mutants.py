"""Mutants of the solutions of notebook 1 that no check can kill, because they do the same thing, and why.

Exercise -> change -> reason. "statement => *" stands for every surviving change of that statement.
"""

OVERWRITTEN = "every entry is set afterwards, so it does not matter what the array starts with"
ONE_DTYPE = "x, weight and bias always have one dtype"
RAISES = "NumPy raises a ValueError of its own in the next lines; ours only says it better"
THE_REST = "NumPy takes any negative number for 'the rest'"
ONLY_SPEED = "changes how many images are multiplied at once, which changes the speed, not the answer"
EMPTY_BLOCKS = "blocks of images behind the last one are empty"

FITS = "if reach_h > height + 2 * padding or reach_w > width + 2 * padding:"
MULTIPLY = "np.matmul(filters, columns[:len(part)].reshape(-1, taps, pixels), out=y[first:first + block])"
MIXED = "return y.reshape(n, -1, height, width).astype(x.dtype, copy=False)"

EQUIVALENT = {
    "pad2d": {
        "if padding < 0: => (left out)": RAISES,
        "if padding < 0: => if padding < -1:": RAISES,
        "raise ValueError(f'padding is {padding}; it must be at least 0') => (left out)": RAISES,
        "padded[:, :, padding:padding + h, padding:padding + w] = x => "
        "padded[:, :, padding:padding + h, padding:padding + w] += x": "the frame is still zero there",
    },
    "locally_connected2d": {
        "y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype) => "
        "y = np.ones((n, c_out, h_out, w_out), dtype=x.dtype)": OVERWRITTEN,
        "y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype) => "
        "y = np.zeros((n, c_out, h_out, w_out), dtype=weight.dtype)": ONE_DTYPE,
        "y[:, :, i, j] = np.einsum('nckl,ockl->no', patch, weight[i, j]) => "
        "y[:, :, i, j] += np.einsum('nckl,ockl->no', patch, weight[i, j])": "y is still zero there",
    },
    "conv2d_loops": {
        "y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype) => "
        "y = np.ones((n, c_out, h_out, w_out), dtype=x.dtype)": OVERWRITTEN,
        "y = np.zeros((n, c_out, h_out, w_out), dtype=x.dtype) => "
        "y = np.zeros((n, c_out, h_out, w_out), dtype=weight.dtype)": ONE_DTYPE,
        "y[image, o, i, j] = neuron(patch, weight[o], b) => "
        "y[image, o, i, j] += neuron(patch, weight[o], b)": "y is still zero there",
        "y[image, o, i, j] = neuron(patch, weight[o], b) => "
        "y[image, o, i, j] = neuron(weight[o], patch, b)": "a product does not mind the order of its factors",
    },
    "conv2d": {
        "if stride < 1 or dilation < 1 or padding < 0: => if stride < 1 or dilation < 1:": RAISES,
        "if stride < 1 or dilation < 1 or padding < 0: => "
        "if stride < 0 or dilation < 1 or padding < 0:": RAISES,
        "if stride < 1 or dilation < 1 or padding < 0: => "
        "if stride < 1 or dilation < 0 or padding < 0:": RAISES,
        "if stride < 1 or dilation < 1 or padding < 0: => "
        "if stride < 1 or dilation < 1 or dilation < 0:": RAISES,
        "if stride < 1 or dilation < 1 or padding < 0: => "
        "if stride < 1 or dilation < 1 or stride < 0:": RAISES,
        "if stride < 1 or dilation < 1 or padding < 0: => "
        "if stride < 1 or dilation < 1 or padding < -1:": RAISES,
        f"{FITS} => (left out)": RAISES,
        f"{FITS} => if reach_h > height + 2 * padding and reach_w > width + 2 * padding:": RAISES,
        f"{FITS} => if reach_w > width + 2 * padding:": RAISES,
        f"{FITS} => if reach_h > height + 2 * padding:": RAISES,
        f"{FITS} => if reach_h > height + 3 * padding or reach_w > width + 2 * padding:": RAISES,
        f"{FITS} => if reach_h > height + 2 * padding or reach_w > width + 3 * padding:": RAISES,
        "raise ValueError(f'a window of {reach_h} x {reach_w} does not fit {height} x {width} "
        "with padding {padding}') => (left out)": RAISES,
        "filters = weight.reshape(c_out, -1) => filters = weight.reshape(c_out, -2)": THE_REST,
        f"{MULTIPLY} => np.matmul(filters, columns[:len(part)].reshape(-2, taps, pixels), "
        "out=y[first:first + block])": THE_REST,
        "columns = np.empty((block, *windows.shape[1:]), x.dtype) => "
        "columns = np.empty((block, *windows.shape[1:]))": "only slower: y still has x's dtype",
        "columns = np.empty((block, *windows.shape[1:]), x.dtype) => "
        "columns = np.empty((block, *windows.shape[1:]), weight.dtype)": ONE_DTYPE,
        "y = np.empty((n, c_out, pixels), x.dtype) => "
        "y = np.empty((n, c_out, pixels), weight.dtype)": ONE_DTYPE,
        "block = max(1, 2 ** 20 // (taps * pixels * x.itemsize)) => *": ONLY_SPEED,
        "for first in range(0, n, block): => for first in range(0, n):": "some images are computed twice",
        "for first in range(0, n, block): => for first in range(0, height, block):": EMPTY_BLOCKS,
        "for first in range(0, n, block): => for first in range(0, width, block):": EMPTY_BLOCKS,
    },
    "conv1x1": {
        "matrix = weight.reshape(len(weight), -1) => matrix = weight.reshape(len(weight), -2)": THE_REST,
        "if matrix.shape[1] != c_in: => (left out)": RAISES,
        "raise ValueError(f'x has {c_in} channels, but the matrix has {matrix.shape[1]} columns') => "
        "(left out)": RAISES,
        f"{MIXED} => return y.reshape(n, -1, height, width).astype(x.dtype)": "one more copy",
        f"{MIXED} => return y.reshape(n, -1, height, width).astype(x.dtype, copy=True)": "one more copy",
        f"{MIXED} => return y.reshape(n, -1, height, width)": ONE_DTYPE,
        f"{MIXED} => return y.reshape(n, -1, height, width).astype(weight.dtype, copy=False)": ONE_DTYPE,
        f"{MIXED} => return y.reshape(n, -2, height, width).astype(x.dtype, copy=False)": THE_REST,
    },
    "conv_transpose2d": {
        "if c_weight != c_in: => (left out)": RAISES,
        "raise ValueError(f'x has {c_in} channels, but the weight reads {c_weight}') => (left out)": RAISES,
        "if stride < 1 or padding < 0: => if stride < 0 or padding < 0:": RAISES,
        "y = np.zeros((n, c_out, full_h, full_w), x.dtype) => "
        "y = np.zeros((n, c_out, full_h, full_w), weight.dtype)": ONE_DTYPE,
    },
    "causal_conv1d": {
        "if c_weight != c_in: => (left out)": RAISES,
        "raise ValueError(f'x has {c_in} channels, but the filters read {c_weight}') => (left out)": RAISES,
        "past = np.pad(x, ((0, 0), (0, 0), ((k - 1) * dilation, 0))) => "
        "past = np.pad(x, ((0, 0), (0, 0), ((k - 1) * dilation, 1)))": "no tap reads the zero behind the end",
        "y = np.zeros((n, c_out, steps), x.dtype) => "
        "y = np.zeros((n, c_out, steps), weight.dtype)": ONE_DTYPE,
    },
}
