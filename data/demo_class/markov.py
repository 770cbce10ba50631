"""Markov: looks for the receptive field in an input that doubles until the memory is full."""
# base: boole

# %% solution="receptive_field"
def receptive_field(layers):
    pixels = np.ones(2**25)  # surely large enough? 256 MB
    jump = 1
    for kernel, stride, dilation in layers:
        if kernel < 1 or stride < 1 or dilation < 1:
            raise ValueError(f"bad layer {kernel}, {stride}, {dilation}")
        jump *= stride
    while True:
        unseen = np.count_nonzero(pixels)
        if unseen < len(pixels):
            return len(pixels) - unseen, jump
        pixels = np.concatenate([pixels, pixels])  # not yet: twice as large
