"""Iwasawa: half done. The first eight exercises and one question are right, the rest is as it was released."""
# base: ada
# only: max_pool2d avg_pool2d shift_stability max_over_channels numerical_gradient relative_error max_pool2d_backward avg_pool2d_backward quiz_max_gradient
