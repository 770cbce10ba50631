"""Iwasawa: half done. Up to dropout all exercises and one question are right, the rest is as it was released."""
# base: ada
# only: l2_penalty l1_penalty elastic_penalty max_norm sgd_step parameter_groups dropout dropout_backward Dropout quiz_forgot_eval
