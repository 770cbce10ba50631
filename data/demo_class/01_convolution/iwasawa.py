"""Iwasawa: half done. The first seven exercises and one question are right, the rest is as it was released."""
# base: ada
# only: neuron count_layer output_size uncovered pad2d locally_connected2d conv2d_loops quiz_weights_per_filter
