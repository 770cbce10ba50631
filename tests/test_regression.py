"""The regression points compare as nbval does, and say what differs."""

import pytest

from autograder.regression import difference, first_difference


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def test_equal_outputs_agree():
    assert difference([printed("a\nb\n")], [printed("a\nb\n")]) == ""


def test_split_streams_are_one():
    assert difference([printed("a\nb\n")], [printed("a\n"), printed("b\n")]) == ""


def test_warnings_cost_nothing():
    assert difference([printed("a\n")], [printed("careful!", "stderr"), printed("a\n")]) == ""


def test_pictures_are_not_compared():
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA"}}
    other = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "BBBB"}}
    assert difference([printed("a"), picture], [printed("a"), other]) == ""


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ([printed("a\nc\n")], "line 2 should read\n  b\nand reads\n  c"),
        ([printed("a\n")], "line 2 should read\n  b\nbut is not there."),
        ([printed("a\nb\nc\n")], "1 line(s) too many"),
        ([], "stdout"),
        ([{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}], "stdout"),
    ],
)
def test_differences_are_named(got, words):
    assert words in difference([printed("a\nb\n")], got)


def test_what_is_compared_is_left_as_it_was():
    got = [printed("a\n"), printed("b\n")]
    difference([printed("a\nb\n")], got)
    assert got == [printed("a\n"), printed("b\n")]


def test_a_reference_without_output_is_an_error_of_the_author():
    with pytest.raises(ValueError, match="make build"):
        difference([], [printed("a")])


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ("1\n2\n3", "1\n2\n4", ["line 3 should read", "  3", "and reads", "  4"]),
        ("a         1", "a        11", ["line 1 should read", "  a  1", "and reads", "  a  11"]),
        ("a    1", "a     1", ["line 1 should read", "  'a    1'", "and reads", "  'a     1'"]),
        ("a", "", ["line 1 should read", "  a", "but is not there."]),
        ("a", "a\x1b[31m", ["line 1 should read", "  a", "and reads", r"  'a\x1b[31m'"]),
        ("a\nb", "\nb", ["line 1 should read", "  a", "and reads", "  ''"]),
    ],
)
def test_first_difference_shows_the_line(expected, got, words):
    assert first_difference(expected, got).split("\n") == words
