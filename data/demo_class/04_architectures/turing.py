"""Turing: everything right, but the upload broke off in the middle of the file."""
# base: boole
