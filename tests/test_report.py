"""The class report counts right, escapes what is hostile and stays fast for a large class."""

from __future__ import annotations

import time

from sample_grades import record
from test_feedback import HOSTILE, Page

from autograder import report

FLIPPED = ("Do not flip.\n\n✘ a case", "kernel flipped")


def class_of(*grades: dict) -> Page:
    return Page(report.render(grades, "01_convolution"))


def test_every_student_has_a_row_that_leads_to_the_feedback() -> None:
    page = class_of(record("ada"), record("boole"))
    links = [value for name, value in page.attributes if name == "href" and not value.startswith("#")]
    rows = [f"../feedback/{name}/01_convolution/01_convolution.html" for name in ("ada", "boole")]
    assert links[-2:] == rows and set(links) == set(rows)
    assert page.open == []


def test_addresses_of_odd_names_are_quoted() -> None:
    assert report.feedback_address("a/../b c?", "n") == "../feedback/a%2F..%2Fb%20c%3F/n/n.html"


def test_counts_solved_exercises() -> None:
    rows = [report.read_row(grade, "n") for grade in (record("ada"), record("boole", {"conv2d": FLIPPED}))]
    counts = {count.name: count for count in report.exercise_counts(rows)}
    assert (counts["conv2d"].full, counts["conv2d"].none) == (1, 1)
    assert (counts["regression"].part, counts["neuron"].full) == (2, 2)


def test_counts_misconceptions_by_student() -> None:
    grades = [record(name, {"conv2d": FLIPPED}) for name in ("ada", "boole")]
    grades.append(record("cantor", {"neuron": ("x\n\ny", "bias forgotten")}))
    rows = [report.read_row(grade, "n") for grade in grades]
    assert report.mistakes(rows)[0] == report.Mistake("conv2d", "kernel flipped", ("ada", "boole"))
    page = class_of(*grades)
    assert page.text.index("kernel flipped") < page.text.index("bias forgotten")


def test_distribution_puts_full_marks_into_the_last_bar() -> None:
    scores = (0, 9.9, 10, 55, 100)
    rows = [report.read_row(record(score=score, max_score=100), "n") for score in scores]
    assert [entry.count for entry in report.distribution(rows)] == [2, 1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_what_needs_a_person_comes_first() -> None:
    grades = [
        record("ada"),
        record("moriarty", tampering=["The check of conv2d was edited."]),
        record("turing", status="ungradable", score=0, notes=["The file is cut off."]),
        record("gauss", status="grader error", score=0),
    ]
    rows = [report.read_row(grade, "n") for grade in grades]
    assert [row.student for row in report.for_a_person(rows)] == ["gauss", "turing", "moriarty"]
    page = class_of(*grades)
    assert page.text.index("Worth a look") < page.text.index("The check of conv2d was edited.")


def test_files_that_did_not_run_count_in_no_average() -> None:
    page = class_of(record("ada", score=80, max_score=100), record("turing", status="missing", score=0))
    assert "80.0" in page.text


def test_hostile_text_is_escaped() -> None:
    hostile = record(
        HOSTILE, {"conv2d": (HOSTILE, HOSTILE)}, notes=[HOSTILE], repairs=[HOSTILE], tampering=[HOSTILE]
    )
    hostile["cells"][0]["exercise"] = HOSTILE
    page = class_of(hostile)
    assert "script" not in page.tags and "img" not in page.tags and page.open == []


def test_an_empty_class_gives_a_page() -> None:
    assert "No submission could be run" in class_of().text


def test_a_class_of_a_thousand_takes_seconds_and_megabytes() -> None:
    failed = {"conv2d": FLIPPED, "neuron": ("wrong", "")}
    grades = [record(f"student{number:04d}", failed, notes=["A note."]) for number in range(1000)]
    start = time.process_time()
    html = report.render(grades, "01_convolution")
    assert time.process_time() - start < 5
    assert len(html) < 3_000_000


def test_a_misconception_shows_the_shortest_code_without_what_was_handed_out() -> None:
    grades = [record(name, {"conv2d": FLIPPED}) for name in ("ada", "boole")]
    code = {
        "ada": {"conv2d": "def conv2d(x):\n    return x  # <script>"},
        "boole": {"conv2d": "x = 1\n" * 99},
    }
    page = Page(report.render(grades, "01_convolution", code))
    assert "return x  # <script>" in page.text and "script" not in page.tags and page.open == []
    assert "x = 1" not in page.text


def test_difficulty_times_and_likeness_stand_on_the_page() -> None:
    failed = {"conv2d": FLIPPED}
    grades = [record(f"s{number:02}", failed if number < 6 else {}) for number in range(12)]
    grades[3]["notes"] = ["A cell ran longer than 15 s."]
    grades[3]["wall_seconds"] = 61.0
    lines = "\n".join(f"    value_{n} = call_{n}(value_{n - 1}, {n})" for n in range(60))
    code = {f"s{number:02}": {"conv2d": f"def conv2d(x):\n{lines}"} for number in (1, 2)}
    page = Page(report.render(grades, "01_convolution", code))
    assert "0.50" in page.text and "1 min 1 s" in page.text and "1 of 12 ran into one" in page.text
    assert page.text.count("100 %") >= 2 and "s01 and s02" in page.text
    assert page.tags.count("caption") == 1 and page.open == []
    assert "Unusually alike" not in Page(report.render(grades, "01_convolution")).text
