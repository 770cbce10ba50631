"""Markov: asks for one table after the other, each four times as large, and would need 12 TB in the end."""
# base: boole

# %% solution="shift_stability"
def shift_stability(layer, images, shifts):
    # tables[k] moves every pixel of a flattened image, for ever larger images, until any image fits.
    tables = []
    pixels = 1024
    while pixels <= 2**20:
        tables.append(np.zeros((pixels, pixels), dtype=images.dtype))
        pixels *= 2
    features = layer(images)
    changes = []
    for shift in shifts:
        for table in tables:
            for i in range(len(table)):
                table[i, (i - shift) % len(table)] = 1
        n, c, h, w = images.shape
        moved = images.reshape(n, c * h, w) @ tables[0][:w, :w].T
        changes.append(np.linalg.norm(layer(moved.reshape(images.shape)) - features))
    return np.array(changes) / np.linalg.norm(features)
