"""The feedback page shows what helps, escapes what is hostile and keeps what is hidden."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sample_grades import SECRET, code, display, notebook, png, record, stream, text

from autograder import feedback, pages
from autograder.result import Marks

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"' {{ 7 * 7 }} </pre></style>"


class Page(HTMLParser):
    """What a browser would find: tags, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "img", "br", "link", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def rendered(*args: object, **kwargs: object) -> Page:
    return Page(feedback.render(*args, **kwargs))  # type: ignore[arg-type]


def test_begins_with_score_and_table_of_points() -> None:
    grade = record("ada", {"conv2d": ("✘ a case", "")})
    page = rendered(notebook(grade))
    assert page.text.index("37.5") < page.text.index("What to look at first")
    assert page.text.index("What to look at first") < page.text.index("Points by exercise")
    assert page.text.index("Points by exercise") < page.text.index("Your notebook")
    assert "0 of 11" in page.text and "6 of 6" in page.text and "2.5 of 5" in page.text
    assert page.open == []


def test_names_the_misconception_first() -> None:
    failed = {"neuron": ("✘ wrong", ""), "conv2d": ("Do not flip.\n\n✘ a case", "kernel flipped")}
    page = rendered(notebook(record("ada", failed)))
    assert page.text.index("kernel flipped") < page.text.index("✘ wrong")
    assert "Do not flip." in page.text


def test_all_right_says_so() -> None:
    grade = record("ada")
    grade["cells"] = grade["cells"][:-1]  # without the regression
    assert "Everything is right" in rendered(notebook(grade)).text


@pytest.mark.parametrize(
    "where", ["source", "stream", "error", "plain", "html", "student", "message", "note"]
)
def test_hostile_text_is_escaped_everywhere(where: str) -> None:
    outputs = {
        "stream": stream(HOSTILE),
        "error": {"output_type": "error", "ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE]},
        "plain": display(text_plain=HOSTILE),
        "html": display(text_html=HOSTILE, text_plain="plain instead"),
    }
    grade = record(
        HOSTILE if where == "student" else "ada",
        {"conv2d": (HOSTILE, HOSTILE)} if where == "message" else {},
        notes=[HOSTILE] if where == "note" else [],
        repairs=[HOSTILE] if where == "note" else [],
        tampering=[HOSTILE] if where == "note" else [],
        versions={HOSTILE: HOSTILE} if where == "note" else {},
    )
    made = notebook(
        grade, {"neuron": HOSTILE} if where == "source" else None, conv2d=[outputs.get(where, {})]
    )
    page = rendered(made)
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.open == []
    if where == "html":
        assert "alert" not in page.text and "plain instead" in page.text
    else:
        assert "alert('x')" in page.text and "{{ 7 * 7 }}" in page.text


def test_hostile_cell_ids_and_exercises_are_escaped() -> None:
    grade = record()
    grade["cells"][0] |= {"id": '"><script>', "exercise": "<script>"}
    made = notebook(record())
    made["metadata"]["course"]["grade"] = grade
    made["cells"].append(code('"><script>alert(1)</script>', "1"))
    assert "script" not in rendered(made).tags


def test_needs_no_network_and_no_scripts() -> None:
    page = rendered(notebook(record(), conv2d=[display(image_png=png())]))
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(page.tags)
    addresses = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in addresses)
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes


def test_hidden_checks_show_comment_and_verdict_only() -> None:
    failed = dict.fromkeys(("neuron", "conv2d"), ("The answer has the wrong shape.", ""))
    html = feedback.render(notebook(record("ada", failed)))
    assert SECRET not in html
    assert "HIDDEN TESTS" not in html
    assert "Hidden cases: other depths." in html
    assert "The answer has the wrong shape." in html


def test_hidden_tests_never_show_even_without_a_record() -> None:
    made = notebook(record("ada", {"conv2d": ("wrong", "")}))
    made["metadata"] = {}
    html = feedback.render(made)
    assert SECRET not in html
    assert "has not been graded yet" in html


def test_hidden_tests_do_not_show_in_cells_without_metadata() -> None:
    made = notebook(record())
    made["cells"].append(
        code("odd", f"x = 1\n### BEGIN HIDDEN TESTS\nassert {SECRET!r}\n### END HIDDEN TESTS\ny = 2")
    )
    html = feedback.render(made)
    assert SECRET not in html


def test_pictures_must_be_png() -> None:
    good, svg = png(), "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"
    outputs = [display(image_png=good), display(image_png=svg), display(image_png='"><script>')]
    outputs += [
        display(image_png=[good]),
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}},
    ]
    page = rendered(notebook(record(), conv2d=outputs))
    assert page.tags.count("img") == 2
    assert all(value for name, value in page.attributes if name == "alt")


def test_pictures_have_words() -> None:
    outputs = [
        display(image_png=png(), text_plain="expected, got"),
        display(image_png=png(30), text_plain="<F>"),
    ]
    page = rendered(notebook(record(), conv2d=outputs))
    words = [value for name, value in page.attributes if name == "alt"]
    assert words == ["expected, got", "Picture made by the cell conv2d"]


def test_names_of_exercises_break_behind_underscores_only() -> None:
    html = feedback.render(notebook(record("ada", {"conv2d_loops": ("✘ a case", "")})))
    assert "conv2d_<wbr>loops</a>" in html
    assert pages.breakable_title("<b>_c") == "&lt;b&gt;_<wbr>c"


def test_the_number_by_which_nbgrader_gives_a_part_of_the_points_is_left_out() -> None:
    made = notebook(record())
    result = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": "3.125"}}
    made["cells"][-1]["outputs"] = [result, stream("seen")]
    page = rendered(made)
    assert "3.125" not in page.text and "seen" in page.text


def test_pictures_too_large_are_left_out() -> None:
    assert pages.png_address("A" * (pages.MAX_IMAGE_CHARACTERS + 4)) is None


def test_long_outputs_are_folded_and_cut() -> None:
    page = rendered(notebook(record(), conv2d=[stream("line\n" * 5000)]))
    assert "details" in page.tags and "5000 lines" in page.text and "4700 more lines" in page.text


def test_a_flood_of_output_gives_a_small_page() -> None:
    flood = [stream("x" * 10_000_000) for _ in range(100)]
    assert len(feedback.render(notebook(record(), conv2d=flood, neuron=flood))) < 200_000


def test_terminal_codes_and_progress_bars_are_cleaned() -> None:
    assert pages.plain("\x1b[31mred\x1b[0m") == "red"
    assert pages.plain("10%\r50%\r100%\nnext") == "100%\nnext"
    assert pages.plain("abc\u202edef\x00") == "abc⟨U+202E⟩def⟨U+0000⟩"
    assert pages.plain(["a", "b"]) == "ab"


def test_points_changed_by_a_person_win() -> None:
    grade = record("ada", {"conv2d": ("✘ a case", "")})
    page = rendered(notebook(grade), Marks({"hidden_conv2d": 7.0}))
    assert "44.5" in page.text and "A person has looked at this grade" in page.text


def test_points_moved_by_a_person_from_one_check_to_another_are_said() -> None:
    grade = record("ada", {"conv2d": ("✘ a case", "")})
    before, after = (
        rendered(notebook(grade)),
        rendered(notebook(grade), Marks({"hidden_conv2d": 2, "check_neuron": 0})),
    )
    assert "37.5 of" in before.text and "37.5 of" in after.text
    assert "A person has looked" in after.text and "A person has looked" not in before.text


def test_what_a_person_wrote_comes_before_the_table() -> None:
    marks = Marks({}, {"conv2d_loops": f"Well explained.\n{HOSTILE}"})
    page = rendered(notebook(record()), marks)
    assert page.text.index("What your instructor says") < page.text.index("Points by exercise")
    assert "conv2d_loops: Well explained.\n<script>" in page.text and "script" not in page.tags


def test_points_have_two_decimals_and_halves_go_up() -> None:
    assert [pages.points(value) for value in (0, 4, 2.5, 86.125, 88.375, 0.1 + 0.2, 1 / 3)] == [
        *("0", "4", "2.5", "86.13", "88.38", "0.3", "0.33")
    ]


def test_points_off_for_coming_late_are_said() -> None:
    on_time, late = rendered(notebook(record())), rendered(notebook(record()), Marks({}, penalty=4.5))
    assert "came late" not in on_time.text
    assert "4.5 points are taken off" in late.text
    assert "48.5 of" in on_time.text and "44 of" in late.text
    assert "0 of" in rendered(notebook(record()), Marks({}, penalty=500)).text


@pytest.mark.parametrize("status", ["ungradable", "missing"])
def test_a_file_that_did_not_run_says_why_once(status: str) -> None:
    failed = dict.fromkeys(("neuron", "conv2d"), ("The file is cut off.", ""))
    grade = record("ada", failed, status=status, score=0.0, notes=["The file is cut off."])
    page = rendered(notebook(grade))
    assert page.text.count("The file is cut off.") == 1
    assert "Your notebook" not in page.text


def test_a_reason_that_holds_for_many_checks_is_said_once_in_the_summary() -> None:
    ended = "Your code used more than 2048 MB of memory."
    failed = dict.fromkeys(("neuron", "conv2d", "conv1x1"), (ended, ""))
    page = rendered(notebook(record("ada", failed, status="stopped early", notes=[ended])))
    assert page.text.split("Points by exercise")[0].count(ended) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"metadata": None, "cells": None},
        {"metadata": {"course": {"grade": "text"}}, "cells": ["text", {}, {"cell_type": "code"}]},
        {"cells": [{"cell_type": "code", "source": 3, "outputs": {"a": 1}, "metadata": []}]},
        {"cells": [{"cell_type": "code", "source": ["a"], "outputs": [3, {}, {"data": 3}], "metadata": {}}]},
        {"metadata": {"course": {"grade": {"cells": [3, {}], "score": "nan", "versions": []}}}},
    ],
)
def test_broken_notebooks_still_give_a_page(broken: dict) -> None:
    assert rendered(broken).open == []


def test_headings_of_the_course_structure_the_page() -> None:
    assert list(feedback.headings("# One\n```\n# no\n```\n## Two `x`\ntext # no")) == [
        (1, "One"),
        (2, "Two x"),
    ]
    made = notebook(record())
    made["cells"].insert(3, text("own", "A long text."))
    page = rendered(made)
    assert "What does conv2d do?" in page.text and "A long text." not in page.text


def test_headings_with_nothing_under_them_are_left_out() -> None:
    made = notebook(record())
    made["cells"].insert(1, text("more", "## How to work\n\n### Symbols\n\nText."))
    made["cells"].append(text("end", "## What comes next"))
    page = rendered(made)
    for heading in ("How to work", "Symbols", "What comes next"):
        assert heading not in page.text


def test_given_cells_show_only_when_they_failed() -> None:
    made = notebook(record())
    assert "np" not in rendered(made).text.split("Your notebook")[1]
    made["cells"][1]["outputs"] = [{"output_type": "error", "evalue": "no torch", "traceback": ["no torch"]}]
    assert "no torch" in rendered(made).text


def test_code_is_coloured_as_pygments_colours_it() -> None:
    sources = [Path(module.__file__ or "").read_text() for module in (feedback, pages)]
    sources.append(
        '@f\ndef g(x, *y):\n    """Doc."""\n\tprint (f\'{x!r:>{y}}\', r\'\\d\', 1e-3)\nmatch x:\n  case [1]: pass'
    )
    for source in sources:
        expected = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n")
        assert pages.code(source[: pages.MAX_HIGHLIGHTED_CHARACTERS]) == expected
