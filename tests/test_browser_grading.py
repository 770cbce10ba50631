"""What an instructor and a graded student look at, in a real browser: report, feedback pages, formgrader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, of the dev extra")
from axe_playwright_python.sync_playwright import Axe
from browser import DESKTOP, PHONE, ROOT, jupyter, started_browser, watched_page
from nbgrader.api import Gradebook
from playwright.sync_api import Browser, Page, expect

from autograder import demo
from autograder.classroom import grade_and_record
from autograder.sandbox import detect

NAME = "01_convolution"
WRONG, CUT_OFF = "dijkstra", "turing"

EDGES = """() => ["header h1", "footer p"].map(part => {
  const box = document.querySelector(part).getBoundingClientRect();
  return [box.left, box.right];
})"""

pytestmark = [
    pytest.mark.skipif(not detect().works, reason=f"no sandbox: {detect().words}"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def graded(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of two, graded: wrong answers, and a file that is cut off."""
    folder = tmp_path_factory.mktemp("class")
    demo.make(ROOT, folder, NAME)
    grade_and_record(ROOT, folder, NAME, (WRONG, CUT_OFF))
    return folder


def pages() -> list[str]:
    feedback = [f"feedback/{student}/{NAME}/{NAME}.html" for student in (WRONG, CUT_OFF)]
    return [f"report/{NAME}.html", *feedback]


@pytest.mark.parametrize("place", pages(), ids=lambda place: place.split("/")[1])
def test_a_page_of_ours_is_for_everybody(browser: Browser, graded: Path, place: str) -> None:
    """Everything has a name and enough contrast, nothing is wider than a phone, the console is silent."""
    shot = "-".join(Path(place).parts[:2]).removesuffix(".html")
    with watched_page(browser, DESKTOP) as watched:
        watched.page.goto((graded / place).as_uri())
        watched.shoot(f"{shot}-screen")
        found = Axe().run(watched.page)
        assert found.violations_count == 0, found.generate_report()
        title, foot = watched.page.evaluate(EDGES)
        assert title == foot
        watched.page.set_viewport_size(PHONE)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        watched.shoot(f"{shot}-phone")
        assert watched.troubles == []


def test_the_report_leads_to_a_students_page(browser: Browser, graded: Path) -> None:
    with watched_page(browser) as watched:
        watched.page.goto((graded / pages()[0]).as_uri())
        watched.page.get_by_role("link", name=WRONG).last.click()
        expect(watched.page.get_by_role("heading", name="What to look at first")).to_be_visible()
        assert "/".join(watched.page.url.rsplit("/", 4)[1:]) == pages()[1]


def mark(graded: Path, cell: str) -> tuple[float, float]:
    """The points of a cell, and of the whole, in the gradebook."""
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as gradebook:
        grade = gradebook.find_grade(cell, NAME, NAME, WRONG)
        return grade.score, gradebook.find_submission(NAME, WRONG).score


def test_a_mark_changed_in_formgrader_arrives_in_the_gradebook(browser: Browser, graded: Path) -> None:
    shutil.copy(ROOT / "nbgrader_config.py", graded)
    (graded / "solutions").symlink_to(ROOT / "solutions")
    cell = "check_conv2d"
    before, whole = mark(graded, cell)
    with jupyter(graded, "jupyter_server") as address, watched_page(browser) as watched:
        page: Page = watched.page
        page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
        page.get_by_role("link", name="Submission #").first.wait_for()
        watched.shoot("formgrader-gradebook")
        with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as gradebook:
            submission = gradebook.find_submission_notebook(NAME, NAME, WRONG).id
        page.goto(f"{address}/formgrader/submissions/{submission}")
        box = page.locator(f"input.score#{cell}")
        box.scroll_into_view_if_needed()
        watched.shoot("formgrader-submission")
        with page.expect_response(lambda answer: answer.request.method == "PUT" and "/grade/" in answer.url):
            box.fill(f"{before + 1:g}")
            box.press("Tab")
    assert mark(graded, cell) == (before + 1, whole + 1)
