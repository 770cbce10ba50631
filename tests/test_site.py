"""The web pages that `make site` makes: every link leads somewhere, formulas and figures are there, no solution is."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

pytest.importorskip("myst_nb", reason="the site needs sphinx and myst-nb, of the site extra")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*/*.ipynb"))
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src"}
ELSEWHERE = ("http:", "https:", "//")


@dataclass
class Page:
    """A page: its text, its tags with their attributes, and the places on it that a link can lead to."""

    text: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, pairs: self.tags.append((tag, {k: v or "" for k, v in pairs}))
        parser.feed(self.text)
        self.places = {attributes["id"] for _, attributes in self.tags if "id" in attributes}

    def all(self, tag: str, attribute: str) -> list[dict[str, str]]:
        """The attributes of every tag of a kind that has this one."""
        return [attributes for kind, attributes in self.tags if kind == tag and attribute in attributes]

    def blocks(self, pattern: str) -> list[str]:
        """The text, without tags, of what the pattern matches."""
        found = re.findall(pattern, self.text, re.S)
        return [html.unescape(re.sub(r"<[^>]*>", "", block)).strip() for block in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """Every page by its place. The build itself fails at any warning."""
    folder = tmp_path_factory.mktemp("site")
    command = f"-m sphinx --quiet --fail-on-warning -c docs/site -b html . {folder} -d {folder}/.doctrees"
    done = subprocess.run([sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return {path: Page(path.read_text()) for path in sorted(folder.rglob("*.html"))}


def page_of(site: dict[Path, Page], name: str) -> Page:
    return next(page for path, page in site.items() if path.stem == name)


def cells(name: str) -> list[dict]:
    return json.loads((ROOT / "notebooks" / name / f"{name}.ipynb").read_text())["cells"]


def test_every_link_leads_to_a_page_and_a_place_on_it(site):
    broken = []
    for path, page in site.items():
        for link in page.all("a", "href"):
            address, place = urldefrag(unquote(link["href"]))
            if address.startswith(ELSEWHERE):
                continue
            target = (path.parent / address).resolve() if address else path
            known = target in site and (not place or place in site[target].places)
            if not (known or (target.suffix != ".html" and target.is_file())):
                broken.append(f"{path.name}: {link['href']}")
    assert len(site) > 10
    assert broken == []


def test_a_page_loads_nothing_from_elsewhere(site):
    loaded = [
        part[attribute]
        for page in site.values()
        for tag, attribute in LOADED.items()
        for part in page.all(tag, attribute)
        if part.get("rel") != "canonical"
    ]
    assert len(loaded) > 50
    assert [address for address in loaded if address.startswith(ELSEWHERE)] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_has_its_figures_with_their_words(site, name):
    outputs = [output for cell in cells(name) for output in cell.get("outputs", [])]
    stored = [output for output in outputs if "image/png" in output.get("data", {})]
    shown = [image for image in page_of(site, name).all("img", "src") if "_images/" in image["src"]]
    assert len(shown) == len(stored) > 5
    assert all(len(image.get("alt", "")) > 10 for image in shown)


@pytest.mark.parametrize("name", [*NOTEBOOKS, "glossary", "formula_sheet"])
def test_formulas_are_mathml_with_nothing_left_of_tex(site, name):
    formulas = page_of(site, name).blocks(r"<math\b.*?</math>")
    assert len(formulas) > 40
    assert [formula for formula in formulas if "\\" in formula] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_shows_the_tasks_and_no_solution(site, name):
    """The cells are the released ones, word for word; that these hold no solution is test_release's matter."""
    code = page_of(site, name).blocks(r'<div class="[^"]*cell_input[^"]*".*?</pre>')
    released = ["".join(cell["source"]).strip() for cell in cells(name) if cell["cell_type"] == "code"]
    assert [text for text in code if text not in released] == []
    assert sum("raise NotImplementedError" in text for text in code) > 8
