"""Markov: asks for one table after the other, each four times as large, and would need 12 TB in the end."""
# base: boole

# %% solution="receptive_field"
def receptive_field(layers):
    for numbers in layers:
        if min(numbers) < 1:
            raise ValueError(f"bad layer {numbers}")
    # tables[k][i, j]: does pixel j reach output i? For ever larger inputs, until the edges cannot matter.
    tables = []
    pixels = 1024
    while pixels <= 2**20:
        tables.append(np.zeros((pixels, pixels)))
        pixels *= 2
    for kernel, stride, dilation in layers:
        for table in tables:
            for i in range(len(table)):
                table[i, i * stride : i * stride + kernel * dilation : dilation] = 1
    size = int(tables[-1][0].sum())
    return size, int(np.prod([stride for _, stride, _ in layers]))
