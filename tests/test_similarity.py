"""Copies are found under new names and comments; what was handed out, and what everybody writes, counts for nothing."""

from __future__ import annotations

import random
import re

import pytest

from autograder.difficulty import difficulties
from autograder.similarity import Vocabulary, similar
from autograder.students_code import EXTRA, code_of, own_lines

SIGNS = ("+", "-", "*", "//", "%", "**")


def program(seed: int, lines: int = 40) -> str:
    """Code of which no window is like that of another seed, by chance."""
    dice = random.Random(seed)
    body = [
        f"    v{n} = f{dice.randrange(999)}(v{n - 1}, {dice.randrange(999)}) {dice.choice(SIGNS)} {dice.randrange(99)}"
        for n in range(1, lines)
    ]
    return "\n".join(["def work(v0):", *body, f"    return v{lines - 1}"])


def pairs(code: dict[str, str], released: str = "") -> list[tuple[str, str]]:
    found = similar({student: {"work": text} for student, text in code.items()}, {"work": released})
    return [(pair.first, pair.second) for pair in found]


def test_a_copy_in_disguise_is_found() -> None:
    copy = re.sub(r"\bv(\d+)", r"renamed_\1", program(1)).replace("\n", "  # my own idea\n")
    copy = copy.replace(" + ", "+").replace("    ", "\t")
    code = {"ada": program(1), "bob": copy, "cy": program(2), "di": program(3)}
    found = similar({student: {"work": text} for student, text in code.items()}, {})
    assert [(pair.first, pair.second) for pair in found] == [("ada", "bob")]
    assert found[0].share == 1 and found[0].alike == 1 and found[0].exercises == ("work",)


def test_half_a_copy_is_found_and_has_a_smaller_number() -> None:
    half = program(1, 30) + "\n" + program(9, 15)
    found = similar({"ada": {"work": program(1, 30)}, "bob": {"work": half}}, {})
    assert found[0].share == 1 and 0.5 < found[0].alike < 0.9


def test_what_was_handed_out_counts_for_nothing() -> None:
    given = program(5)
    code = {"ada": given + "\n" + program(1, 10), "bob": given + "\n" + program(2, 10)}
    assert pairs(code) == [("ada", "bob")]
    assert pairs(code, released=given) == []


def test_what_many_write_counts_for_nothing() -> None:
    common = program(5)
    assert pairs({f"s{n:02}": common + "\n" + program(n, 6) for n in range(100, 130)}) == []


def test_odd_code_does_no_harm() -> None:
    odd = ['"""' * 5000, "'" * 9999, "(" * 50_000, "\x00\ud800", "", "def", "é = 1", '"' + "\\" * 9999]
    assert pairs({str(n): text for n, text in enumerate(odd)}) == []
    assert similar({}, {}) == () and similar({"ada": {}}, {}) == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("total = a + b  # sum", "x=y+z", True),
        ("np.sum(a)", "np.mean(a)", False),
        ("a.shape", "a.size", False),
        ('"text"', "'other'", True),
        ('f"{a}"', '"""long\n\'text"""', True),
        ("if a: return b", "while a: return b", False),
        ("range(3)", "range(4)", False),
    ],
)
def test_what_a_copyist_changes_first_does_not_count(one: str, other: str, same: bool) -> None:
    vocabulary = Vocabulary()
    assert (vocabulary.read(one) == vocabulary.read(other)) is same


def test_students_code_is_taken_by_exercise() -> None:
    def cell(source: object, **course: str) -> dict:
        return {"cell_type": "code", "source": source, "metadata": {"course": course} if course else {}}

    notebook = {
        "cells": [
            cell("import x", role="setup"),
            cell(["def f():\n", "    pass"], role="solution", exercise="f"),
            cell("mine = 1"),
            cell("mine = 2"),
            {"cell_type": "markdown", "source": "# text", "metadata": {}},
        ]
    }
    assert code_of(notebook) == {"f": "def f():\n    pass", EXTRA: "mine = 1\n\nmine = 2"}
    assert own_lines(
        "def f():\n    '''Given.'''\n\n    return 1", "def f():\n    '''Given.'''\n    raise"
    ) == ("def f():\n    return 1")


def test_difficulty_and_discrimination() -> None:
    shares = [
        {
            "easy": (2.0, 2.0),
            "telling": (float(n >= 10), 1.0),
            "odd": (float(n < 10), 1.0),
            "rest": (n / 2, 10.0),
        }
        for n in range(20)
    ]
    found = {one.exercise: one for one in difficulties(shares)}
    assert found["easy"].mean_share == 1 and found["easy"].discrimination is None
    assert found["telling"].mean_share == 0.5 and found["telling"].discrimination > 0.7
    assert found["odd"].discrimination < 0 and "weaker students do better" in found["odd"].remark
    assert all(one.discrimination is None for one in difficulties(shares[:9]))
