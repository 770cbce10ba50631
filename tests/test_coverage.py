"""The course teaches, practises and measures every topic of its lecture, and says so when it does not."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from autograder import __main__ as commands
from autograder import coverage

ROOT = Path(__file__).resolve().parent.parent

SOURCE = """
# %% [markdown]
# # 7 · A small notebook

# %% setup=true
from utils import checks

# %% [markdown]
# ## 1 · Doubling

# %% figure="draw_doubling"
print("?")

# %% solution="double"
### BEGIN SOLUTION
def double(x):
    return 2 * x
### END SOLUTION

# %% check="double" points=30
checks.run("double", double)

# %% hidden="double" points=30
# Hidden cases: negative numbers.
checks.run("double", double, hidden=True)

# %% regression="doubles"
print(double(3))

# %% figure="growing"
print(experiments.run("growing", double, 2))

# %% figure="clock"
print(timing.measure(double, 2, label="double"))

# %% [markdown]
# Some words.
# ## Knowledge checks

# %% solution="quiz_half" stub=""
### BEGIN SOLUTION
quiz_half = 1
### END SOLUTION

# %% check="quiz_half" points=0
checks.quiz("quiz_half", quiz_half)

# %% hidden="quiz_half" points=40
checks.quiz("quiz_half", quiz_half, hidden=True)
"""

TABLE = """
[[topic]]
part = "Numbers"
name = "Twice as much"
[[topic.taught]]
section = "07_small / 1 · Doubling"
exercises = ["double"]
measured = ["doubles", "growing", "clock"]
[[topic.taught]]
section = "07_small / Knowledge checks"
exercises = ["quiz_half"]
"""


def course(folder: Path, source: str = SOURCE, table: str = TABLE) -> Path:
    """A course of one notebook."""
    (folder / "solutions" / "07_small").mkdir(parents=True)
    (folder / "docs").mkdir()
    (folder / "solutions" / "07_small" / "07_small.py").write_text(source)
    (folder / "docs" / "topics.toml").write_text(table)
    return folder


def found(root: Path) -> list[str]:
    return coverage.problems(coverage.read(root / coverage.TOPICS), coverage.load(root))


def test_a_table_that_names_what_exists(tmp_path: Path) -> None:
    assert found(course(tmp_path)) == []


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        (
            "/ 1 · Doubling",
            "/ 1 · Dubbing",
            "07_small has no section '1 · Dubbing' (there is '1 · Doubling')",
        ),
        ("07_small / 1", "08_large / 1", "there is no notebook 08_large"),
        ('["double"]', '["double", "treble"]', "there is no exercise treble in section '1 · Doubling'"),
        ('["quiz_half"]', '["double"]', "there is no exercise double in section 'Knowledge checks'"),
        ('"growing", ', '"shrinking", ', "nothing is measured by shrinking"),
        ('"growing", ', '"draw_doubling", ', "nothing is measured by draw_doubling"),
        ('"growing", ', '"double", ', "nothing is measured by double"),
        ('"doubles", "growing", "clock"', "", "topic 'Twice as much': nothing measures it"),
        ('exercises = ["quiz_half"]', "", "07_small: the exercise quiz_half belongs to no topic"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, there: str, instead: str, words: str) -> None:
    assert there in TABLE
    assert any(words in line for line in found(course(tmp_path, table=TABLE.replace(there, instead))))


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        ('check="double"', 'check="other"', "double in section '1 · Doubling' of 07_small has no check cell"),
        ('hidden="double"', 'hidden="other"', "double in section '1 · Doubling' of 07_small has no hidden"),
        ('checks.run("double", double, hidden=True)', "pass", "has no hidden cell that checks it"),
        ("points=40", "points=0", "the hidden check of quiz_half"),
        ('regression="doubles"', 'given="doubles"', "nothing is measured by doubles"),
    ],
)
def test_what_the_notebook_lost_is_named(tmp_path: Path, there: str, instead: str, words: str) -> None:
    assert there in SOURCE
    assert any(words in line for line in found(course(tmp_path, SOURCE.replace(there, instead))))


def test_a_topic_without_exercise_and_one_that_is_there_twice(tmp_path: Path) -> None:
    again = TABLE.replace('exercises = ["double"]', "").replace('exercises = ["quiz_half"]', "")
    lines = found(course(tmp_path, table=TABLE + again))
    assert lines == [
        "topic 'Twice as much': no exercise practises it",
        "topic 'Twice as much' is there twice",
    ]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[[topic]", "is not a table of topics"),
        ("", "is not a table of topics"),
        (TABLE.replace("name =", "nam ="), "topic 'number 1': unknown word nam"),
        (TABLE.replace("exercises =", "exercise =", 1), "topic 'Twice as much': unknown word exercise"),
        (TABLE.replace(" / 1", ", 1"), "is not written NOTEBOOK / HEADING"),
        ('[[topic]]\nname = "Half"', "topic 'Half': without taught"),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(coverage.TopicsError, match=words):
        coverage.read(course(tmp_path, table=table) / coverage.TOPICS)


def test_the_command_writes_and_compares_the_course_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "ROOT", course(tmp_path))
    monkeypatch.setenv("COLUMNS", "150")
    assert commands.main(["coverage"]) == commands.PROBLEM  # the page is not written yet
    assert "MISSING  docs/course_map.md is not what docs/topics.toml gives" in capsys.readouterr().err
    assert commands.main(["coverage", "--write"]) == commands.DONE
    assert commands.main(["coverage"]) == commands.DONE
    shown = capsys.readouterr()
    assert (
        "1 topics of the lecture in 1 notebooks: 2 sections, 1 exercises, 1 graded questions, 3" in shown.out
    )
    assert "7.1 · Doubling" in shown.out and not shown.err
    rows = (tmp_path / coverage.COURSE_MAP).read_text().splitlines()
    measured = "table `doubles`, experiment `growing`, times `clock`"
    assert f"| Twice as much | 7.1 · Doubling | `double` | {measured} |" in rows
    assert "|  | 7 · Knowledge checks | `quiz_half` |  |" in rows
    (tmp_path / coverage.TOPICS).write_text(TABLE.replace('["double"]', '["treble"]'))
    assert commands.main(["coverage", "--write"]) == commands.PROBLEM
    assert "MISSING  topic 'Twice as much': there is no exercise treble" in capsys.readouterr().err
    assert (tmp_path / coverage.COURSE_MAP).read_text().splitlines() == rows  # no page from a wrong table
    (tmp_path / coverage.TOPICS).unlink()
    assert commands.main(["coverage"]) == commands.PROBLEM
    assert "cannot be read" in capsys.readouterr().err


LECTURE = {  # parts of the lecture, in its order, and how many topics each has
    "From pixels to classes": 4,
    "3-D activations and shared weights": 9,
    "Filters, fixed and learned": 7,
    "Sliding the window": 7,
    "Pooling": 6,
    "Other convolutions": 5,
    "What a network sees": 2,
    "Common architectures": 10,
    "Training": 8,
    "Regularization": 12,
    "Things to fiddle with": 6,
}

TOPICS = coverage.read(ROOT / coverage.TOPICS)
NOTEBOOKS = coverage.load(ROOT)


def test_the_lecture_is_covered() -> None:
    assert coverage.problems(TOPICS, NOTEBOOKS) == []


def test_no_topic_of_the_lecture_is_missing() -> None:
    assert list(Counter(topic.part for topic in TOPICS).items()) == list(LECTURE.items())


def test_every_notebook_teaches_many_topics() -> None:
    taught = Counter(name for topic in TOPICS for name in {place.notebook for place in topic.places})
    assert taught == {
        "01_convolution": 22,
        "02_filters": 12,
        "03_pooling_backprop": 13,
        "04_architectures": 14,
        "05_regularization": 23,
    }


def test_the_course_map_is_up_to_date() -> None:
    assert (ROOT / coverage.COURSE_MAP).read_text(encoding="utf-8") == coverage.page(TOPICS, NOTEBOOKS)


def test_the_table_fits_on_a_screen() -> None:
    out = io.StringIO()
    coverage.show(TOPICS, NOTEBOOKS, Console(file=out, width=100))
    assert all(topic.name.split()[0] in out.getvalue() for topic in TOPICS)
    assert max(map(len, out.getvalue().splitlines()[:-1])) <= 100
