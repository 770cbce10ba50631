"""Hostile, broken and odd submissions of any notebook, each with the points it may get.

`python -m tests.hostile NOTEBOOK` writes them for a release notebook, grades them and says what went wrong.
"""
