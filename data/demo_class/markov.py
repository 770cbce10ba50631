"""Markov: looks for the receptive field in an input that doubles until the memory is full."""
# base: boole

# %% solution="receptive_field"
def receptive_field(layers):
    pixels = [0.0]
    jump = 1
    for kernel, stride, dilation in layers:
        if kernel < 1 or stride < 1 or dilation < 1:
            raise ValueError(f"bad layer {kernel}, {stride}, {dilation}")
        jump *= stride
    while True:
        pixels = pixels + pixels
        touched = [pixel for pixel in pixels if pixel > 0]
        if touched:
            return len(touched), jump
