"""The notebooks in JupyterLab, in a real browser: what a student sees when they work, and nbgrader's button.

Each released notebook: the set-up cell, the first figure, a wrong and a right answer to one exercise. Running
every cell of the solution notebooks takes minutes: `make browser-all`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, of the dev extra")
from browser import ROOT, Watched, jupyter, started_browser, watched_page
from lab import Lab
from playwright.sync_api import Locator, expect

from autograder import build, demo
from autograder.assignment import assignments
from autograder.source import read

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Try:
    """An exercise of a notebook, and who of the demo class got it wrong in a well-known way."""

    notebook: str
    figure: str  # the first that stands by itself
    exercise: str
    student: str
    hint: str  # how the check's words for that mistake begin

    def answer(self, student: str) -> str:
        return demo.read_answers(ROOT / demo.ANSWERS / self.notebook, student)[self.exercise].source


FILM = "sliding_window"  # of notebook 1
RIGHT = "ada"
TRIES = [
    Try("01_convolution", "draw_neuron", "pad2d", "gauss", "The size is right, but the image sits in a"),
    Try(
        "02_filters", "draw_before_and_now", "correlate2d", "dijkstra", "The kernel is turned by half a turn"
    ),
    Try("03_pooling_backprop", "draw_max_pooling", "max_pool2d", "euler", "Your argmax is row · H + column."),
    Try(
        "04_architectures", "draw_three_layers", "up_and_concat", "euler", "You put the skip behind what came"
    ),
    Try("05_regularization", "draw_fits", "max_norm", "euler", "You measure along the first axis."),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Watched]]:
    """JupyterLab on a copy of the course, open in a browser."""
    course = tmp_path_factory.mktemp("lab")
    for folder in ("notebooks", "solutions"):
        shutil.copytree(ROOT / folder, course / folder)
    for folder in ("utils", "data"):
        (course / folder).symlink_to(ROOT / folder)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    with started_browser() as browser, jupyter(course) as address, watched_page(browser) as watched:
        yield Lab(watched.page, address, course), watched


def loaded(picture: Locator) -> None:
    """The picture is on the page, not only its frame."""
    expect(picture).to_be_visible()
    assert picture.evaluate("async image => { await image.decode(); return image.naturalWidth; }") > 100


@pytest.mark.parametrize("attempt", TRIES, ids=lambda attempt: attempt.notebook)
def test_a_student_works_in_a_notebook(lab: tuple[Lab, Watched], attempt: Try) -> None:
    """Set-up, figure, a wrong answer with its hint and its picture, the right answer."""
    page, watched = lab
    watched.troubles.clear()
    page.open(f"notebooks/{attempt.notebook}/{attempt.notebook}.ipynb")
    watched.shoot(f"{attempt.notebook}-opened")
    expect(page.run("setup")).to_contain_text("Ready. PyTorch will work on: ")

    loaded(page.outputs(attempt.figure).locator("img"))
    loaded(page.run(attempt.figure).locator("img[alt]:not([alt=''])"))

    check = f"check_{attempt.exercise}"
    page.write(attempt.exercise, attempt.answer(attempt.student))
    page.run(attempt.exercise)
    said = page.run(check)
    expect(said).to_contain_text(attempt.hint)
    expect(said).to_contain_text("✘ ")
    loaded(said.get_by_alt_text("Expected, got, and the difference"))
    watched.shoot(f"{attempt.notebook}-wrong")

    page.write(attempt.exercise, attempt.answer(RIGHT))
    page.run(attempt.exercise)
    said = page.run(check)
    expect(said).to_contain_text("✔ ")
    expect(said).not_to_contain_text("✘")
    expect(said.locator("img")).to_have_count(0)
    watched.shoot(f"{attempt.notebook}-right")
    page.close()
    assert watched.troubles == []


def test_the_film_plays(lab: tuple[Lab, Watched]) -> None:
    """Buttons and slider under the moving window of notebook 1."""
    page, watched = lab
    watched.troubles.clear()
    page.open("notebooks/01_convolution/01_convolution.ipynb")
    page.run("setup")
    film = page.run(FILM).locator("[class^=film-]")
    expect(page.cell(FILM).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\d"))  # not the stored film
    picture = film.locator("img")
    before = picture.get_attribute("src")
    film.get_by_role("button", name="next").dispatch_event("click")
    expect(film).to_contain_text(re.compile(r"\b2 of \d"))
    assert picture.get_attribute("src") != before
    slider = film.get_by_role("slider")
    expect(slider).to_have_value("1")
    film.get_by_role("button", name="back").press("Enter")
    expect(slider).to_have_value("0")
    slider.press("ArrowRight")
    expect(film).to_contain_text(re.compile(r"\b2 of \d"))
    watched.shoot("film")
    film.get_by_role("button", name="play").press("Enter")
    expect(film).to_contain_text(re.compile(r"\b4 of \d"))
    film.get_by_role("button", name="pause").press("Enter")
    expect(film.get_by_role("button", name="play")).to_be_visible()
    page.close()
    assert watched.troubles == []


def test_the_validate_button_tells_right_from_wrong(lab: tuple[Lab, Watched]) -> None:
    """nbgrader's button, on the small notebook that the other tests use: it runs the whole of it."""
    page, watched = lab
    watched.troubles.clear()
    source, problems = read(ROOT / "tests/fixtures/mini/solutions/01_mini/01_mini.py")
    assert problems == []
    nbformat.write(build.notebook(source), page.folder / "01_mini.ipynb")
    page.open("01_mini.ipynb")
    said = page.press("Validate")
    expect(said).to_contain_text("Success! Your notebook passes all the tests.")
    said.locator(".jp-mod-accept").click()

    page.write("double", "def double(x):\n    return 3 * x")
    said = page.press("Validate")
    expect(said).to_contain_text("twice 3 is 6")
    watched.shoot("validate")
    said.locator(".jp-mod-accept").click()
    page.close()
    assert watched.troubles == []


def test_the_formgrader_opens_from_the_menu(lab: tuple[Lab, Watched]) -> None:
    """The way that the instructors' guide names."""
    page, watched = lab
    watched.troubles.clear()
    page.page.get_by_role("menuitem", name="Nbgrader").click()
    page.page.get_by_role("menuitem", name="Formgrader", exact=True).click()
    frame = page.page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Manage Assignments")).to_be_visible()
    frame.get_by_role("link", name="Manual Grading").click()
    expect(frame.get_by_role("heading", name="Manual Grading")).to_be_visible()
    watched.shoot("formgrader-menu")


@pytest.mark.browser_all
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", assignments(ROOT))
def test_a_solution_notebook_runs_from_top_to_bottom(lab: tuple[Lab, Watched], name: str) -> None:
    """`Run All Cells`: no error, and as many pictures as were stored."""
    page, watched = lab
    watched.troubles.clear()
    page.open(f"solutions/{name}/{name}.ipynb")
    stored = page.summary()
    watched.shoot(f"{name}-solution")
    page.run_all()
    assert page.summary() == stored | {"errors": 0}
    watched.shoot(f"{name}-solution-run")
    page.close()
    assert watched.troubles == []
