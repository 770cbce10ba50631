"""Whatever a student hands in becomes a plan of cells, or words that say how to hand in a good file."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from autograder.assignment import Assignment
from autograder.intake import Missing, Submission, Unreadable, read_submission

Notebook = dict[str, Any]

SOLVED = {
    "double": "def double(x):\n    return x + x",
    "Counter": (
        "class Counter:\n    def __init__(self, start=0):\n        self.value = start\n"
        "    def up(self):\n        self.value += 1\n        return self.value"
    ),
    "quiz_sides": "quiz_sides = 3",
    "quiz_corners": "quiz_corners = 4",
}


@pytest.fixture
def solved(mini: Assignment) -> Notebook:
    """The release with all solutions filled in, as nbformat 4 writes it."""
    notebook = copy.deepcopy(mini.notebook)
    for cell in notebook["cells"]:
        if cell["id"] in SOLVED:
            cell["source"] = SOLVED[cell["id"]]
    return notebook


@pytest.fixture
def hand_in(mini: Assignment, tmp_path: Path) -> Callable[..., Submission]:
    """Write a notebook, bytes or text as a submission, and read it."""

    def write_and_read(content: Notebook | bytes | str, name: str = "01_mini.ipynb") -> Submission:
        if isinstance(content, dict):
            content = json.dumps(content)
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return read_submission(tmp_path / "01_mini.ipynb", mini, "ada")

    return write_and_read


def cell(notebook: Notebook, name: str) -> Notebook:
    return next(node for node in notebook["cells"] if node.get("id") == name)


def own(source: str, **metadata: Any) -> Notebook:
    """A cell that a student added."""
    return {
        "cell_type": "code",
        "id": "abc123",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": 1,
    }


def insert_after(notebook: Notebook, name: str, *cells: Notebook) -> None:
    place = notebook["cells"].index(cell(notebook, name))
    notebook["cells"][place + 1 : place + 1] = cells


def source_of(submission: Submission, name: str) -> str:
    return next(planned.source for planned in submission.cells if planned.id == name)


def ids(submission: Submission) -> list[str]:
    return [planned.id for planned in submission.cells]


def assert_solutions(submission: Submission) -> None:
    for name, source in SOLVED.items():
        assert source_of(submission, name) == source, name


def strip_labels(notebook: Notebook) -> None:
    """What Colab does: nbgrader's metadata and the cell ids are gone."""
    notebook["metadata"] = {"colab": {}}
    for number, node in enumerate(notebook["cells"]):
        node["metadata"] = {"id": f"colab{number}"}
        node.pop("id")


# Files as they should be


def test_a_good_file_needs_no_repair(solved, hand_in, mini):
    submission = hand_in(solved)
    assert_solutions(submission)
    assert ids(submission) == [c.id for c in mini.cells]
    assert (submission.repairs, submission.tampering) == ((), ())


def test_an_untouched_release_needs_no_repair(mini, hand_in):
    submission = hand_in(mini.notebook)
    assert "NotImplementedError" in source_of(submission, "double")
    assert (submission.repairs, submission.tampering) == ((), ())


def test_no_hidden_test_is_in_the_plan(solved, hand_in):
    text = " ".join(planned.source for planned in hand_in(solved).cells)
    assert "double(1e300)" not in text and "BEGIN" not in text


def test_own_cells_keep_their_place(solved, hand_in):
    insert_after(solved, "double", own("helper = 1"))
    insert_after(solved, "check_double", own("double(4)"))
    order = ids(hand_in(solved))
    assert order[order.index("double") + 1] == "extra-01"
    assert order[order.index("check_double") + 1] == "extra-02"


def test_own_cells_at_the_top_come_first(solved, hand_in):
    solved["cells"].insert(0, own("import numpy"))
    assert ids(hand_in(solved))[0] == "extra-01"


# What editors and students do to files


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_read(solved, hand_in, encoding):
    assert_solutions(hand_in(json.dumps(solved, ensure_ascii=False).encode(encoding)))


def test_latin_1_is_read(solved, hand_in):
    cell(solved, "quiz_sides")["source"] = "quiz_sides = 3  # drei Flächen"
    submission = hand_in(json.dumps(solved, ensure_ascii=False).encode("latin-1", "replace"))
    assert "drei" in source_of(submission, "quiz_sides")
    assert "not UTF-8" in submission.repairs[0]


def test_windows_line_ends_are_read(solved, hand_in):
    for node in solved["cells"]:
        source = node["source"] if isinstance(node["source"], str) else "".join(node["source"])
        node["source"] = source.replace("\n", "\r\n")
    submission = hand_in(json.dumps(solved, indent=1).replace("\n", "\r\n"))
    assert_solutions(submission)
    assert (submission.repairs, submission.tampering) == ((), ())


def test_nbformat_3_is_read(solved, hand_in):
    cells = []
    for node in solved["cells"]:
        text = node["source"] if isinstance(node["source"], str) else "".join(node["source"])
        if node["cell_type"] == "code":
            cells.append({"cell_type": "code", "input": text, "outputs": [], "metadata": node["metadata"]})
        else:
            cells.append({"cell_type": "markdown", "source": text, "metadata": {}})
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    submission = hand_in(old)
    assert_solutions(submission)
    assert "nbformat 3" in submission.repairs[0]


def test_lost_labels_are_found_by_names_and_content(solved, hand_in, mini):
    strip_labels(solved)
    submission = hand_in(solved)
    assert_solutions(submission)
    assert ids(submission) == [c.id for c in mini.cells]
    assert "lost nbgrader's labels" in submission.repairs[0]
    assert len(submission.repairs) == 2  # two cells of the course have the same text: no copies
    assert submission.tampering == ()


def test_lost_labels_and_a_syntax_error(solved, hand_in):
    cell(solved, "double")["source"] = "def double(x):\n    return (x"
    strip_labels(solved)
    assert "return (x" in source_of(hand_in(solved), "double")


def test_a_cell_without_label_or_name_is_found_by_likeness(solved, mini, hand_in):
    handed_out = "".join(cell(mini.notebook, "Counter")["source"])
    written = handed_out.replace("class Counter", "class Count").replace("raise NotImplementedError", "print")
    cell(solved, "Counter")["source"] = written
    strip_labels(solved)
    submission = hand_in(solved)
    assert "class Count:" in source_of(submission, "Counter")
    assert any("likeness" in repair for repair in submission.repairs)


def test_new_cell_ids_do_no_harm(solved, hand_in):
    for number, node in enumerate(solved["cells"]):
        node["id"] = f"new-{number}"
    submission = hand_in(solved)
    assert_solutions(submission)
    assert (submission.repairs, submission.tampering) == ((), ())


def test_swapped_labels_are_put_right(solved, hand_in):
    first, second = cell(solved, "double"), cell(solved, "Counter")
    first["source"], second["source"] = second["source"], first["source"]
    submission = hand_in(solved)
    assert_solutions(submission)
    assert submission.repairs


def test_reordered_cells_run_in_the_order_of_the_assignment(solved, hand_in, mini):
    solved["cells"].reverse()
    submission = hand_in(solved)
    assert ids(submission) == [c.id for c in mini.cells]
    assert any("another order" in repair for repair in submission.repairs)


def test_missing_cells_are_put_back(solved, hand_in, mini):
    solved["cells"] = [node for node in solved["cells"] if node["id"] in ("double", "quiz_sides")]
    submission = hand_in(solved)
    assert ids(submission) == [c.id for c in mini.cells]
    assert source_of(submission, "Counter") == next(c for c in mini.cells if c.id == "Counter").released
    said = " ".join(submission.repairs)
    assert "'check_double'" in said and "'Counter'" in said and "'setup'" in said


def test_a_split_solution_is_joined(solved, hand_in):
    label = cell(solved, "Counter")["metadata"]
    cell(solved, "Counter")["source"] = "def next_value(n):\n    return n + 1"
    tail = "%%time\nclass Counter:\n    def up(self): return next_value(1)"
    insert_after(solved, "Counter", own(tail, **label))
    joined = source_of(hand_in(solved), "Counter")
    assert "next_value(n)" in joined and "class Counter" in joined and "%%time" not in joined


def test_a_copied_solution_cell_counts_once(solved, hand_in):
    insert_after(solved, "double", copy.deepcopy(cell(solved, "double")))
    submission = hand_in(solved)
    assert_solutions(submission)
    assert any("more than once" in repair for repair in submission.repairs)


def test_an_untouched_copy_does_not_hide_the_solution(solved, mini, hand_in):
    insert_after(solved, "double", copy.deepcopy(cell(mini.notebook, "double")))
    assert_solutions(hand_in(solved))


def test_merged_solutions_stand_at_the_first_place(solved, hand_in):
    cell(solved, "Counter")["source"] = (
        SOLVED["double"] + "\nassert Counter(2).up() == 3\n" + SOLVED["Counter"]
    )
    solved["cells"].remove(cell(solved, "double"))
    submission = hand_in(solved)
    first = source_of(submission, "double")
    assert "def double" in first and "class Counter" in first
    assert "assert Counter(2)" not in first  # the instructor's check, which stood between them
    assert "stands in the cell 'double'" in source_of(submission, "Counter")


def test_a_solution_in_an_added_cell_is_found(mini, hand_in):
    notebook = copy.deepcopy(mini.notebook)
    insert_after(notebook, "hidden_double", own(SOLVED["double"]))
    submission = hand_in(notebook)
    assert source_of(submission, "double") == SOLVED["double"]
    assert any("other cells" in repair for repair in submission.repairs)


def test_a_solution_turned_into_text_is_run(solved, hand_in):
    cell(solved, "double")["cell_type"] = "markdown"
    submission = hand_in(solved)
    assert_solutions(submission)
    assert any("text cells" in repair for repair in submission.repairs)


def test_imports_added_to_the_setup_cell_are_kept(solved, hand_in):
    cell(solved, "setup")["source"] = "import math\nimport random\nimport cmath\n\nprint('hello')"
    submission = hand_in(solved)
    assert source_of(submission, "extra-01") == "import cmath"
    assert ids(submission)[ids(submission).index("setup") + 1] == "extra-01"
    assert "hello" not in source_of(submission, "setup")


def test_formatting_a_check_is_not_tampering(solved, hand_in):
    cell(solved, "check_Counter")["source"] = "assert (Counter( 2 ).up() == 3)  # mine"
    assert hand_in(solved).tampering == ()


def test_copied_checks_are_not_run_as_extra_cells(solved, hand_in):
    insert_after(solved, "Counter", own("assert Counter( 2 ).up() == 3"), own("assert double(1.0) == 2"))
    extras = [planned.source for planned in hand_in(solved).cells if planned.role == "extra"]
    assert extras == ["assert double(1.0) == 2"]


@pytest.mark.parametrize("name", ["01_mini (1).ipynb", "Copy of 01_mini.ipynb", "01_mini.ipynb.txt"])
def test_another_file_name_is_accepted(solved, hand_in, name):
    submission = hand_in(solved, name)
    assert_solutions(submission)
    assert name in submission.repairs[0]


def test_another_edition_is_said_and_not_called_tampering(solved, hand_in):
    solved["metadata"]["course"]["edition"] = "older"
    cell(solved, "check_Counter")["source"] = "assert Counter(1).up() == 2"
    submission = hand_in(solved)
    assert submission.tampering == ()
    assert any("another edition" in repair for repair in submission.repairs)


def test_texts_of_another_edition_are_known_by_their_content(solved, hand_in, mini):
    solved["metadata"]["course"]["edition"] = "older"
    texts = [node for node in solved["cells"] if node["cell_type"] == "markdown"]
    for number, node in enumerate(texts):
        node["id"] = f"text-{len(texts) - number:02d}"
    insert_after(solved, texts[-1]["id"], own("here = 1"))
    order = ids(hand_in(solved))
    assert order[order.index("extra-01") - 1] == [c.id for c in mini.cells if c.role == "text"][-1]


# Tampering


def test_edited_checks_are_replaced_and_reported(solved, hand_in, mini):
    cell(solved, "check_double")["source"] = "pass"
    submission = hand_in(solved)
    assert "twice 3 is 6" in source_of(submission, "check_double")
    assert submission.tampering == ("Check cells were edited; the originals were used: 'check_double'.",)


def test_changed_points_marks_and_tags_are_reported(solved, hand_in):
    cell(solved, "check_double")["metadata"]["nbgrader"]["points"] = 1000
    cell(solved, "hidden_double")["metadata"]["nbgrader"]["grade"] = False
    cell(solved, "check_Counter")["metadata"]["tags"] = ["skip-execution"]
    said = hand_in(solved).tampering
    assert [sentence.split(":")[-1].strip() for sentence in said] == [
        "'check_double'.",
        "'hidden_double'.",
        "'check_Counter'.",
    ]


def test_hidden_checks_in_the_file_are_reported(solved, hand_in, mini):
    known = {cell.id: cell for cell in mini.cells}
    cell(solved, "hidden_double")["source"] = known["hidden_double"].source
    said = hand_in(solved).tampering
    assert said == ("Hidden checks, which students do not get, are in the file: 'hidden_double'.",)


def test_faked_checks_are_ordinary_cells(solved, hand_in):
    fake = {"grade": True, "grade_id": "bonus", "points": 50, "solution": False, "locked": True}
    insert_after(solved, "double", own("1.0", nbgrader=fake))
    submission = hand_in(solved)
    assert next(planned for planned in submission.cells if planned.source == "1.0").role == "extra"
    assert "'bonus'" in submission.tampering[0]


def test_a_second_definition_in_a_check_cell_is_not_the_check(solved, hand_in):
    cell(solved, "check_double")["source"] = "double = lambda x: 6"
    submission = hand_in(solved)
    assert source_of(submission, "double") == SOLVED["double"]
    assert submission.tampering


# Files that cannot be graded


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04abc", "a zip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"hello", "is not a notebook"),
        (b"[1, 2]", "is not a notebook"),
        (b'{"a": 1}', "is not a notebook"),
        (b'{"cells": 3}', "is not a notebook"),
        (b'{"cells": []}', "has no content"),
        (b'{"cells": [{"cell_type": "code", "source": "  "}]}', "has no content"),
        (b'{"cells": [{"cell_type": "code", "sour', "ends in the middle"),
        (b'{"cells": [{"cell_type" "code"}], "metadata": {}}', "is damaged"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"cells": ' + b"[" * 200_000, "nested too deeply"),
        (b'{"cells": [' + b"1" * 10_000 + b"]}", "damaged"),
        (b'{"cells": [' + b"1," * 4_000_000 + b"1]}", "millions of numbers"),
        (b'{"cells": [' + b"{}," * 3_000 + b"{}]}", "cells"),
    ],
)
def test_what_is_no_notebook_is_refused_in_words(hand_in, content, words):
    with pytest.raises(Unreadable, match=words):
        hand_in(content)


def test_a_truncated_file_says_how_to_hand_in_a_good_one(solved, hand_in):
    whole = json.dumps(solved)
    with pytest.raises(Unreadable, match=r"cut off.*Colab: File > Download > Download \.ipynb"):
        hand_in(whole[: len(whole) // 2])


def test_odd_cells_are_left_out(solved, hand_in):
    odd = [3, None, {}, {"cell_type": "code", "source": 7}, {"cell_type": "code", "source": ["a", 1]}]
    solved["cells"][3:3] = odd
    submission = hand_in(solved)
    assert_solutions(submission)
    assert submission.repairs.count("A cell that is not a notebook cell was left out.") >= 1


def test_odd_metadata_does_no_harm(solved, hand_in):
    solved["metadata"] = [1]
    cell(solved, "double")["metadata"] = {"nbgrader": "yes", "tags": 5}
    cell(solved, "setup")["metadata"] = {"nbgrader": {"grade_id": ["a"], "points": {"a": 1}}, "tags": [1]}
    assert_solutions(hand_in(solved))


def test_lone_surrogates_and_nuls_are_replaced(solved, hand_in):
    insert_after(solved, "double", own("text = '\ud800\0'"))
    source = source_of(hand_in(solved), "extra-01")
    source.encode("utf-8")
    assert "\0" not in source


@pytest.mark.parametrize("source", ["(" * 5_000, "-" * 100_000 + "1", "x" + ".a" * 50_000, "x = " + "[" * 90])
def test_code_that_is_hard_to_parse_does_no_harm(solved, hand_in, source):
    strip_labels(solved)
    solved["cells"].append(own(source))
    assert_solutions(hand_in(solved))


@pytest.mark.parametrize(
    "source",
    [
        "\n".join(f"assert double({n})" for n in range(10_000)),
        "assert Counter(2).up() == 3\n" * 20_000,
        "\n".join("same line" for _ in range(50_000)),
    ],
)
def test_long_cells_do_not_keep_the_grader_busy(solved, hand_in, source):
    cell(solved, "double")["source"] = SOLVED["double"] + "\n" + source
    strip_labels(solved)
    solved["cells"] += [own(source[:4_000]) for _ in range(100)]
    start = time.process_time()
    hand_in(solved)
    assert time.process_time() - start < 10


def test_too_much_code_is_refused(solved, hand_in):
    solved["cells"] += [own("x = 1\n" * 20_000) for _ in range(10)]
    with pytest.raises(Unreadable, match="more than 1000000 characters of code"):
        hand_in(solved)


def test_a_cleared_notebook_is_said(solved, hand_in):
    solved["cells"] = [own("x = 1")]
    with pytest.raises(Unreadable, match="has been deleted: none of the exercises of '01_mini'"):
        hand_in(solved)


def test_resetting_a_given_variable_is_kept(solved, hand_in, mini):
    given = next(c for c in mini.cells if c.id == "numbers").released
    insert_after(solved, "bars", own("numbers = []"), own(given + "\nnumbers.append(3)"))
    extras = [planned.source for planned in hand_in(solved).cells if planned.role == "extra"]
    assert extras == ["numbers = []", given + "\nnumbers.append(3)"]


def test_another_assignment_is_named(solved, hand_in):
    solved["metadata"]["course"]["assignment"] = "02_filters"
    solved["cells"] = [own("def sobel(): pass"), cell(solved, "setup")]
    with pytest.raises(Unreadable, match="'02_filters'"):
        hand_in(solved)


def test_nothing_handed_in(mini, tmp_path):
    (tmp_path / "timestamp.txt").write_text("2026-01-01")
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(Missing):
            read_submission(folder / "01_mini.ipynb", mini, "ada")


def test_several_notebooks_under_other_names_are_refused(solved, hand_in, tmp_path):
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(Unreadable, match=r"a\.ipynb, b\.ipynb"):
        hand_in(solved, "b.ipynb")


def test_only_other_files(hand_in):
    with pytest.raises(Unreadable, match=r"only 01_mini\.html"):
        hand_in(b"<html>", "01_mini.html")


def test_links_pipes_and_folders_are_not_opened(mini, solved, tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(json.dumps(solved))
    for number, make in enumerate((lambda p: p.symlink_to(secret), os.mkfifo, Path.mkdir)):
        folder = tmp_path / f"student{number}"
        folder.mkdir()
        make(folder / "01_mini.ipynb")
        with pytest.raises(Unreadable, match="not a plain file"):
            read_submission(folder / "01_mini.ipynb", mini, "eve")


def test_a_linked_folder_is_not_followed(mini, solved, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "01_mini.ipynb").write_text(json.dumps(solved))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(Unreadable, match="is a link"):
        read_submission(tmp_path / "link" / "01_mini.ipynb", mini, "eve")


def test_a_huge_file_is_not_read_whole(mini, tmp_path):
    with (tmp_path / "01_mini.ipynb").open("wb") as stream:
        stream.truncate(10 << 40)  # sparse: 10 TB that take no space
    with pytest.raises(Unreadable, match="larger than 50 MB"):
        read_submission(tmp_path / "01_mini.ipynb", mini, "eve")


# Anything at all


def scrambled(notebook: Notebook, random: Random) -> Notebook:
    """A notebook after a few random edits, as no student would make them all."""
    cells = notebook["cells"]
    odd = [None, "", 7, [], {}, True, "double", "check_double", ["a"], {"grade_id": "double", "grade": True}]
    for _ in range(random.randrange(1, 12)):
        node = random.choice(cells) if cells else own("x = 1")
        place = random.randrange(len(cells) + 1)
        edit = random.randrange(9)
        if edit == 0 and node in cells:
            cells.remove(node)
        elif edit == 1:
            cells.insert(place, copy.deepcopy(node))
        elif edit == 2:
            random.shuffle(cells)
        elif edit == 3:
            node[random.choice(["source", "metadata", "id", "cell_type", "outputs"])] = random.choice(odd)
        elif edit == 4:
            node.pop(random.choice(list(node)), None)
        elif edit == 5:
            node["metadata"] = {"nbgrader": dict.fromkeys(["grade_id", "points", "tags"], random.choice(odd))}
        elif edit == 6:
            cells.insert(place, own(random.choice([*SOLVED.values(), "def double(", "%%time\nx = 1", "1\0"])))
        elif edit == 7:
            both = [str(other.get("source", "")) for other in (node, random.choice(cells or [node]))]
            node["source"] = "\n".join(both)
        else:
            node["cell_type"] = random.choice(["code", "markdown", "raw", "heading", "x"])
    return notebook


@pytest.mark.parametrize("seed", range(150))
def test_scrambled_notebooks_give_a_whole_plan_or_words(solved, hand_in, mini, seed):
    random = Random(seed)
    notebook = scrambled(solved, random)
    try:
        submission = hand_in(notebook)
    except Unreadable as reason:
        assert str(reason).endswith(".") or "named" in str(reason)
        return
    planned = submission.cells
    assert [c.id for c in planned if c.role != "extra"] == [c.id for c in mini.cells]
    assert len({c.id for c in planned}) == len(planned)
    known = {c.id: c for c in mini.cells}
    for c in planned:
        assert c.cell_type in ("code", "markdown")
        if c.role not in ("extra", "solution"):
            assert c.source == known[c.id].released


@pytest.mark.parametrize("seed", range(100))
def test_damaged_bytes_give_a_plan_or_words(solved, hand_in, seed):
    random = Random(seed)
    data = bytearray(json.dumps(solved).encode())
    for _ in range(random.randrange(1, 20)):
        place = random.randrange(len(data))
        data[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
    with contextlib.suppress(Unreadable):
        assert hand_in(bytes(data)).cells


@pytest.mark.parametrize(
    "source",
    [
        "import " * 120_000,
        "def double(:\n" + " " * 190_000 + "x",
        "def double(:\n" + "? " * 90_000 + "x",
        "\n".join(" " * 999 + "(" for _ in range(190)),
    ],
)
def test_no_text_makes_the_patterns_slow(solved, hand_in, source):
    """Patterns with two repetitions side by side would take the square of a line's length: many minutes."""
    solved["cells"].append(own(source))
    start = time.process_time()
    assert_solutions(hand_in(solved))
    assert time.process_time() - start < 5
