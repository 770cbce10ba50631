"""Markov: lays out every single product before he counts them; for AlexNet these would be gigabytes, and more."""
# base: boole

# %% solution="count_multiply_adds"
def count_multiply_adds(layers, input_shape):
    products = 0
    for (word, *numbers), output in zip(layers, activation_volumes(layers, input_shape)[1:]):
        if word == "conv":
            reads, writes, kernel = numbers[:3]
            products += int(np.ones((*output, reads, kernel, kernel)).sum())
        if word == "linear":
            products += int(np.ones(numbers).sum())
    return products
