"""Iwasawa: half done. The first seven exercises and one question are right, the rest is as it was released."""
# base: ada
# only: correlate2d convolve2d image_gradients gaussian_kernel separate filter_separable oriented_filters quiz_flip
