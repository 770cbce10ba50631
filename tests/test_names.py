"""Names are found in the text of a cell, without running it."""

from __future__ import annotations

import pytest

from autograder import names


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a):\n    b = 1", ("f",)),
        ("class G:\n    x = 1", ("G",)),
        ("import numpy as np\nimport os.path\nfrom a import b as c, d", ("np", "os", "c", "d")),
        ("x: int = 3\ny = z = x", ("x", "y", "z")),
        ("for i in range(3):\n    last = i", ("i", "last")),
        ("with open('f') as stream:\n    pass", ("stream",)),
        ("try:\n    a = 1\nexcept E as error:\n    pass", ("a", "error")),
        ("[p for p in (q := [1])]\nlambda r: r", ()),
        ("if (n := 3):\n    pass", ("n",)),
        ("%matplotlib inline\n!ls\nx = !ls\nf?", ("x",)),
        ("%%time\ndef f(): pass", ("f",)),
        ("def f(:\nx = (1", ("f", "x")),  # a syntax error: by the look of the lines
        ("(" * 10_000, ()),
    ],
)
def test_defined(source, found):
    assert names.defined(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = a + 1\ny = x", {"a"}),
        ("def f(u, v=D):\n    return u + g + f(1)", {"D", "g"}),
        ("def f():\n    return later\nlater = 1", set()),
        ("for i in n:\n    m = i\nprint(m, i)", {"n", "print"}),
        ("z += 1", {"z"}),
        ("y = y + 1", {"y"}),
        ("[k * c for k in items]", {"c", "items"}),
        ("a.b[c] = d", {"a", "c", "d"}),
        ("@decorate\nclass G(Base):\n    x = y", {"decorate", "Base", "y"}),
    ],
)
def test_read_first(source, found):
    assert names.read_first(source) == found


def test_normal_form_forgets_layout_and_comments():
    assert names.normal_form("f( 'a',b )  # why") == names.normal_form('f("a", b)')
    assert names.normal_form("f(a") == "f(a"
