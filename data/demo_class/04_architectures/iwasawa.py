"""Iwasawa: half done. The first eight exercises and one question are right, the rest is as it was released."""
# base: ada
# only: activation_volumes count_parameters count_multiply_adds AlexNet make_vgg residual_block residual_block_backward ResidualBlock quiz_three_small
