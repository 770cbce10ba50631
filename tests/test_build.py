"""The build: from text source to notebooks, the same bytes each time, and one clear line per mistake."""

from __future__ import annotations

import base64
import errno
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MINI, copy_mini_source
from matplotlib.image import imsave
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from autograder import drift
from autograder.build import BuildError, _clean, build, sources
from autograder.source import COMMENT_WIDTH, read, with_hidden_marks, without_solution

HEADER = """# %% setup=true
import math

# %% solution="area"
def area(r):
    ### BEGIN SOLUTION
    return math.pi * r**2
    ### END SOLUTION

# %% check="area" points=60
assert area(0) == 0
"""
HIDDEN = """
# %% hidden="area" points=40
assert area(1) > 3
"""


def problems(tmp_path: Path, text: str) -> str:
    """What is said about a source, all in one text."""
    path = tmp_path / "01_small.py"
    path.write_text(text)
    return "\n".join(read(path)[1])


def files(root: Path) -> dict[str, bytes]:
    made = [*(root / "notebooks").rglob("*"), *(root / "solutions").rglob("*")]
    return {str(path.relative_to(root)): path.read_bytes() for path in made if path.is_file()}


def notebook(root: Path, folder: str) -> dict[str, Any]:
    return json.loads((root / folder / MINI / f"{MINI}.ipynb").read_text())


def cell(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def source(notebook: dict[str, Any], name: str) -> str:
    return "".join(cell(notebook, name)["source"])


# What a build makes


def test_two_builds_give_the_same_bytes(course):
    before = files(course)
    shutil.rmtree(course / "notebooks")
    (course / "solutions" / MINI / f"{MINI}.ipynb").unlink()
    assert build(course, MINI, force=True) == []
    assert files(course) == before


def test_the_solution_notebook_is_executed_in_order(built_course):
    made = notebook(built_course, "solutions")
    code = [node for node in made["cells"] if node["cell_type"] == "code"]
    assert [node["execution_count"] for node in code] == list(range(1, len(code) + 1))
    assert "".join(cell(made, "doubles")["outputs"][0]["text"]) == "[0, 2, 4, 6]\n"
    assert cell(made, "doubles")["metadata"]["tags"] == ["nbval-check-output"]
    assert made["metadata"]["language_info"] == {"name": "python", "pygments_lexer": "ipython3"}


def test_ids_follow_from_the_source(built_course):
    made = [node["id"] for node in notebook(built_course, "solutions")["cells"]]
    assert made[:7] == ["text-01", "setup", "triangle", "text-02", "double", "check_double", "hidden_double"]
    assert made[-1] == "regression"


def test_the_release_holds_no_solution_and_no_hidden_test(built_course):
    folder = built_course / "notebooks" / MINI
    assert [path.name for path in folder.iterdir()] == [f"{MINI}.ipynb"]
    text = (folder / f"{MINI}.ipynb").read_text()
    for secret in (
        "SOLUTION",
        "HIDDEN TESTS",
        "return 2 * x",
        "1e300",
        "quiz_sides = 3",
        '"defines"',
        "[0, 2, 4",
    ):
        assert secret not in text


def test_stubs(built_course):
    made = notebook(built_course, "notebooks")
    assert source(made, "double").endswith('raise NotImplementedError("Replace this line by your code")')
    assert source(made, "quiz_sides") == "quiz_sides = None  # a whole number"
    assert source(made, "hidden_double") == "# Hidden: negative numbers and fractions."
    assert "stub" not in cell(made, "quiz_sides")["metadata"]["course"]


def test_only_kept_outputs_reach_the_release(built_course):
    made = notebook(built_course, "notebooks")
    kept = {node["id"] for node in made["cells"] if node.get("outputs")}
    assert kept == {"triangle"}
    assert {node["execution_count"] for node in made["cells"] if node["cell_type"] == "code"} == {None}


def test_nothing_is_done_twice(course):
    (course / "solutions" / MINI / "note.txt").write_text("a file for students")
    assert build(course, MINI) == []
    made = course / "notebooks" / MINI / "note.txt"
    before = made.stat().st_mtime_ns
    assert build(course, MINI) == []
    assert made.stat().st_mtime_ns == before


def test_work_in_a_release_notebook_is_not_lost(course):
    path = course / "notebooks" / MINI / f"{MINI}.ipynb"
    edit(path, lambda content: cell(content, "double").update(source="my work"))
    (path.parent / "mine.txt").write_text("also mine")
    assert build(course, MINI) == []
    assert "my work" not in path.read_text()
    assert [("my work" in kept.read_text()) for kept in (course / ".build" / "replaced").iterdir()] == [True]
    assert (path.parent / "mine.txt").exists()


def test_answers_go_to_the_release_and_hidden_ones_do_not(tmp_path):
    root = copy_mini_source(tmp_path / "course")
    for name, count in (("answers.npz", 3), ("hidden.npz", 4)):
        np.savez(root / "solutions" / MINI / name, numbers=np.arange(count))
    (root / "solutions" / MINI / "misconceptions.py").write_text("wrong = 1")
    assert build(root, MINI) == []
    assert {path.name for path in (root / "notebooks" / MINI).iterdir()} == {f"{MINI}.ipynb", "answers.npz"}


def test_unknown_assignments_are_said(built_course):
    assert "01_mini" in build(built_course, "02_none")[0]
    assert sources(built_course) == [MINI]


# --check


def edit(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_check_names_notebook_cell_and_what_differs(course):
    solution = course / "solutions" / MINI / f"{MINI}.ipynb"
    release = course / "notebooks" / MINI / f"{MINI}.ipynb"
    assert build(course, MINI, check=True) == []
    edit(solution, lambda content: cell(content, "doubles")["outputs"].clear())
    edit(release, lambda content: cell(content, "double").update(source="def double(x): return 2 * x"))
    edit(release, lambda content: cell(content, "check_double")["metadata"]["nbgrader"].update(points=99))
    edit(release, lambda content: content["cells"].remove(cell(content, "setup")))
    (course / "notebooks" / MINI / "hidden.npz").write_text("x")
    place = f"notebooks/{MINI}"
    assert build(course, MINI, check=True) == [
        f"solutions/{MINI}/{MINI}.ipynb: cell 'doubles': its output differs; run `make build`",
        f"{place}/{MINI}.ipynb: cell 'setup' is missing; run `make build`",
        f"{place}/{MINI}.ipynb: cell 'double': its source differs; run `make build`",
        f"{place}/{MINI}.ipynb: cell 'check_double': its metadata differs; run `make build`",
        f"{place}/hidden.npz: does not belong into the release: move it away",
    ]
    assert (course / "notebooks" / MINI / "hidden.npz").exists()  # a check changes nothing


def test_check_before_the_first_build(tmp_path):
    root = copy_mini_source(tmp_path / "course")
    assert [line.split(": ")[1] for line in build(root, MINI, check=True)] == [
        "is missing; run `make build`"
    ] * 2


def png(picture: np.ndarray) -> str:
    stream = io.BytesIO()
    imsave(stream, picture, format="png")
    return base64.b64encode(stream.getvalue()).decode()


def output(picture: np.ndarray, html: bool = False) -> dict[str, Any]:
    data = f'<img src="data:image/png;base64,{png(picture)}">' if html else png(picture)
    return {"output_type": "display_data", "data": {"text/html" if html else "image/png": data}}


@pytest.mark.parametrize("html", [False, True])
def test_pictures_are_compared_by_pixels_with_a_tolerance(html):
    picture = np.random.default_rng(0).uniform(size=(20, 30, 3))
    shaken = np.clip(picture + 0.004, 0, 1)
    other = picture.copy()
    other[5:10] = 1 - other[5:10]
    assert drift.same_output(output(picture, html), output(shaken, html))
    assert not drift.same_output(output(picture, html), output(other, html))
    assert not drift.same_output(output(picture, html), output(picture[:10], html))
    assert not drift.same_output(output(picture, html), {"output_type": "display_data", "data": {}})


def test_text_is_compared_exactly():
    assert not drift.same_output({"text": "0.1"}, {"text": "0.2"})
    assert not drift.same_output([{"text": "a"}], [])


def test_stored_arrays_are_compared_by_values(tmp_path):
    def store(name: str, **arrays: np.ndarray) -> Path:
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    def structure(number: float) -> np.ndarray:
        return np.frombuffer(json.dumps({"a": [number, "x"]}).encode(), np.uint8)

    first = store("a.npz", numbers=np.array([1.0, np.nan]), structure=structure(0.1))
    last_bit = store("b.npz", numbers=np.array([1.0 + 1e-9, np.nan]), structure=structure(0.1 + 1e-9))
    wrong = store("c.npz", numbers=np.array([1.1, np.nan]), structure=structure(0.2))
    fewer = store("d.npz", numbers=np.array([1.0, np.nan]))
    assert drift.differences(first, last_bit) == []
    assert drift.differences(first, wrong) == ["its array 'numbers' differs", "its array 'structure' differs"]
    assert drift.differences(first, fewer) == ["holds other arrays"]


# Mistakes of authors


def test_a_good_source_has_no_problem(tmp_path):
    assert problems(tmp_path, HEADER + HIDDEN) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + HIDDEN.replace(" points=40", ""), "(hidden_area): has no points"),
        (HEADER + HIDDEN.replace("=40", '="many"'), "points='many' is not a number"),
        (HEADER + HIDDEN.replace("=40", "=39"), "the points sum to 99, not to 100"),
        (
            HEADER + HIDDEN + HIDDEN.replace("=40", "=0"),
            "'hidden_area' (line 16): the id is already taken",
        ),
        (HEADER + HIDDEN.replace("hidden", "secret", 1), "unknown word 'secret'"),
        (HEADER + HIDDEN + "\n# %%\nx = 1\n", "line 16: has no role"),
        (HEADER + HIDDEN + '\n# %% given="a" figure="b"\nx = 1\n', "has 2 roles"),
        (HEADER + HIDDEN + '\n# %% given="a" points=3\nx = 1\n', "points belong to check and hidden cells"),
        (HEADER + HIDDEN + '\n# %% given="a b"\nx = 1\n', "is not a name of letters"),
        (
            HEADER.replace('check="area"', 'check="volume"') + HIDDEN,
            "no solution cell 'volume' comes",
        ),
        (HEADER.replace("### BEGIN SOLUTION", "#") + HIDDEN, "END SOLUTION without ### BEGIN"),
        (HEADER.replace("### END SOLUTION", "#") + HIDDEN, "BEGIN SOLUTION without ### END"),
        (
            HEADER.replace("### ", "# no ").replace("SOLUTION", "X") + HIDDEN,
            "would get the solution",
        ),
        (HEADER.replace('="area"\n', '="area" stub=""\n', 1) + HIDDEN, "left for the student is not valid"),
        (HEADER.replace("def area", "deff area") + HIDDEN, "cell 'area' (line 4): is not valid Python"),
        (HEADER + HIDDEN + '\n# %% given="a"\n### BEGIN SOLUTION\n1\n### END SOLUTION\n', "would reach"),
        (
            HEADER + HIDDEN + '\n# %% figure="a"\ny = 1\n\n# %% given="b"\nprint(y)\n',
            "uses 'y' as the",
        ),
        (HEADER + HIDDEN.replace("area(1)", "helper(1)"), "uses 'helper'; a hidden cell may use only"),
        (
            HEADER + HIDDEN + '\n# %% figure="a" tags=["keep-output"]\narea(2)\n',
            "is kept in the release",
        ),
        (HEADER + HIDDEN + "\n# %% setup=true\nimport re\n", "exactly one setup cell"),
        (HEADER + HIDDEN + '\n# %% regression="r"\nprint(area(1))\n', "no regression_points cell"),
        (HEADER + HIDDEN + "\n# %% regression_points=0\n# points\n", "must come after all regression cells"),
        (HEADER + HIDDEN.replace("assert", "### BEGIN HIDDEN TESTS\nassert"), "the build writes them"),
        (
            HEADER + HIDDEN + '\n# %% solution="b"\n### BEGIN SOLUTION\nb = 1\n### END SOLUTION\n',
            "no check or hidden",
        ),
        (
            HEADER + HIDDEN + "\n# %% [markdown]\n# # Title\n#\n# ### Too deep\n",
            "the heading '### Too deep' skips a level: write ##",
        ),
    ],
)
def test_mistakes_of_authors_are_named(tmp_path, text, words):
    assert words in problems(tmp_path, text)


def test_names_that_checks_may_use(tmp_path):
    fine = 'assert [area(r) for r in range(3)]\nhalf = area(1) / 2\nprint(f"{half:.2f}", math.pi)'
    assert problems(tmp_path, HEADER + HIDDEN.replace("assert area(1) > 3", fine)) == ""


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("1 / 0", "cell 'doubles' fails: ZeroDivisionError: division by zero"),
        ("import os\nos._exit(1)", "cell 'doubles' ends the kernel"),
    ],
)
def test_cells_that_fail_are_named(tmp_path, lines, words):
    root = copy_mini_source(tmp_path / "course")
    path = root / "solutions" / MINI / f"{MINI}.py"
    path.write_text(path.read_text().replace("print([double(n) for n in range(4)])", lines))
    found = build(root, MINI)
    assert len(found) == 1 and words in found[0]
    assert not (root / "notebooks").exists()


def printed(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", text=text, name=name)


def cleaned(*outputs: NotebookNode, role: str = "given") -> list[NotebookNode]:
    executed = new_code_cell("", id="a", outputs=list(outputs), metadata={"course": {"role": role}})
    _clean(executed, Path("/tmp/build-1"))
    return executed.outputs


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (printed("a\nWarning: oh\n", "stderr"), "cell 'a' writes to stderr: 'Warning: oh'"),
        (printed("<function f at 0x7f0a1b2c3d4e>"), "prints a memory address"),
        (printed("/tmp/build-1/solutions"), "prints its folder's path"),
    ],
)
def test_outputs_that_would_change_are_refused(output, words):
    with pytest.raises(BuildError, match=words):
        cleaned(output)


def test_a_regression_cell_must_print():
    with pytest.raises(BuildError, match="there is nothing to compare"):
        cleaned(role="regression")


def test_what_tools_say_on_stderr_is_dropped():
    assert cleaned(printed("Matplotlib is building the font cache; this may take a moment.", "stderr")) == []


def test_pieces_of_printed_text_are_joined():
    assert cleaned(printed("1"), printed("\n"), printed("2\n")) == [printed("1\n2\n")]


def test_random_ids_are_replaced_by_steady_ones():
    first, second = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    html = [f"<div id='img{random}'></div>img{random}" for random in (first, second)]
    made = [cleaned(new_output("display_data", data={"text/html": text}))[0] for text in html]
    assert made[0] == made[1]
    assert first not in made[0].data["text/html"]


def test_a_full_disk_is_said(course, monkeypatch):
    def no_space(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = files(course)
    monkeypatch.setattr("autograder.build._execute", lambda *_: None)
    monkeypatch.setattr("autograder.build._replace", no_space)
    monkeypatch.setattr("autograder.build._clean", lambda *_: None)
    assert "No space left on device" in build(course, MINI, force=True)[0]
    assert files(course) == before


def test_timings_are_recorded_once_and_replayed(tmp_path):
    root = copy_mini_source(tmp_path / "course")
    path = root / "solutions" / MINI / f"{MINI}.py"
    measured = (
        "import json, os, time\nstore = os.environ['COURSE_TIMINGS']\n"
        "known = json.load(open(store)) if os.path.exists(store) else {'s': time.perf_counter()}\n"
        "json.dump(known, open(store, 'w'))\nprint(known, random.random() < 2, hash('a'))"
    )
    path.write_text(path.read_text().replace("print(heights)", measured))
    assert build(root, MINI) == []
    assert build(root, MINI, check=True) == []
    before = (path.parent / "timings.json").read_text()
    assert build(root, MINI, measure=True) == []
    assert (path.parent / "timings.json").read_text() != before


# Small pieces


def test_without_solution_keeps_the_indentation():
    text = "def f():\n    x = 1\n    ### BEGIN SOLUTION\n    y = 2\n    ### END SOLUTION\n    return y"
    assert (
        without_solution(text, "y = ...\nz = 0")
        == "def f():\n    x = 1\n    y = ...\n    z = 0\n    return y"
    )


def test_leading_comments_of_a_hidden_cell_stay_visible():
    assert with_hidden_marks("# why\n\nf()\n# not this") == (
        "# why\n### BEGIN HIDDEN TESTS\nf()\n# not this\n### END HIDDEN TESTS"
    )


def test_visible_comments_of_a_hidden_cell_are_wrapped():
    long = "# " + "one two three four " * 8 + "five\n# six\n# - a list\n\nf()"
    first, second, *rest = with_hidden_marks(long).split("\n")
    assert len(first) <= COMMENT_WIDTH < len(first + " " + second.split()[1])
    assert second.startswith("# ") and second.endswith("four five six")
    assert rest == ["# - a list", "### BEGIN HIDDEN TESTS", "f()", "### END HIDDEN TESTS"]
