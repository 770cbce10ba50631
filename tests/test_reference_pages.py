"""The glossary and the formula sheet agree with the notebooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.mathtext import MathTextParser

from autograder import coverage, source

ROOT = Path(__file__).resolve().parent.parent
SHEET = (ROOT / "docs" / "formula_sheet.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
SOURCES = {  # by number, as in "1.7"
    int(path.stem[:2]): source.read(path)[0] for path in sorted((ROOT / "solutions").glob("*/[0-9]*_*.py"))
}
TITLED = {has.title: has for has in map(coverage.contents, SOURCES.values())}


def parts(page: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    return dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", page, re.M))


def rows(text: str) -> list[list[str]]:
    """The cells of a Markdown table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def formulas(page: str) -> list[str]:
    return re.findall(r"\$([^$]+)\$", page)


@pytest.mark.parametrize("title", parts(SHEET))
def test_every_exercise_is_on_the_formula_sheet_and_no_other(title: str) -> None:
    exercises = [cell.exercise for cell in TITLED[title].cells("solution")]
    named = [row[0] for row in rows(parts(SHEET)[title])]
    assert named == [f"`{name}`" for name in exercises if not name.startswith("quiz_")]
    assert all(len(row) == 3 and row[1] for row in rows(parts(SHEET)[title]))


def test_formulas_are_mathematics() -> None:
    parser, wrong = MathTextParser("path"), []
    for formula in formulas(SHEET):
        try:
            parser.parse(f"${formula}$")
        except ValueError as error:
            wrong.append(f"{formula}: {error}")
    assert not wrong


def test_formulas_survive_markdown() -> None:
    """Markdown would take these away before MathJax sees them, on GitHub or in a table."""
    assert SHEET.count("$") % 2 == 0 and "$$" not in SHEET
    for formula in formulas(SHEET):
        assert not re.search(r"\\[^A-Za-z]", formula), formula
        assert not formula[0].isspace() and not formula[-1].isspace(), formula
        assert "|" not in formula and "`" not in formula and "*" not in formula, formula


PLACE = re.compile(r"\b\d(?:\.\d+)?\b")


def sections() -> dict[str, str]:
    """The text of each numbered section, and under the notebook's number that before the first one."""
    found: dict[str, str] = {}
    for number, notebook in SOURCES.items():
        place = f"{number}"
        for cell in notebook.cells:
            for line in cell.source.splitlines() if cell.role == "text" else ():
                if heading := re.match(r"## (\d+) · ", line):
                    place = f"{number}.{heading[1]}"
                elif line.startswith("## ") and "." in place:  # what stands behind the numbered ones
                    place = "without a number"
                found[place] = found.get(place, "") + line + "\n"
    return {place: text for place, text in found.items() if place[0].isdigit()}


SECTIONS = sections()


def words(text: str) -> str:
    """Text without emphasis, in lower case, on one line."""
    return " ".join(re.sub(r"[*`]", "", text).lower().split())


WORDS = {place: words(text) for place, text in SECTIONS.items() if "." in place}


def symbols(cell: str) -> list[str]:
    r"""The single symbols in a cell of a table: `$C, H$` has two; braces and spaces make no difference."""
    found = re.findall(r"\$([^$]+)\$|`([^`]+)`", cell)
    return [bare(part) for math, code in found for part in (math or code).split(", ")]


def bare(text: str) -> str:
    return re.sub(r"[{}\s]|\\[,;]", "", text)


def symbol_tables() -> list[tuple[int, str, str]]:
    """(notebook, symbol, meaning) for each symbol of the notebooks' own tables."""
    tables = {
        number: re.search(
            r"^## The symbols\n(.*?)(?=\n[^|\n]|\Z)", SECTIONS.get(f"{number}", ""), re.M | re.S
        )
        for number in SOURCES
    }
    return [
        (number, symbol, meaning)
        for number, table in tables.items()
        if table
        for cell, meaning in rows(table[1])
        for symbol in symbols(cell)
    ]


@pytest.mark.parametrize(("notebook", "symbol", "meaning"), symbol_tables())
def test_a_symbol_of_a_notebook_means_the_same_in_the_glossary(
    notebook: int, symbol: str, meaning: str
) -> None:
    """The glossary's words in bold are those that the notebooks use for the same thing."""
    known = [row for row in rows(parts(GLOSSARY)["Symbols"]) if symbol in symbols(row[0])]
    agreeing = [
        row
        for row in known
        if any(word.lower() in meaning.lower() for word in re.findall(r"\*\*(.+?)\*\*", row[1]))
    ]
    assert agreeing, f"notebook {notebook} says {meaning!r}; the glossary has {known}"
    assert any(float(row[2]) < notebook + 1 for row in agreeing), "the glossary says it comes later"


@pytest.mark.parametrize("row", rows(parts(GLOSSARY)["Symbols"]), ids=lambda row: row[0])
def test_a_symbol_of_the_glossary_is_where_it_says(row: list[str]) -> None:
    cell, _, place = row
    if "." in place:
        text = bare(SECTIONS[place])
        assert all(symbol in text for symbol in symbols(cell)), place
    else:
        there = {symbol for number, symbol, _ in symbol_tables() if number == int(place)}
        assert there.intersection(symbols(cell)), place


@pytest.mark.parametrize("row", rows(parts(GLOSSARY)["Shapes"]), ids=lambda row: row[0])
def test_a_shape_of_the_glossary_is_where_it_says(row: list[str]) -> None:
    assert bare(row[1].strip("$")) in bare(SECTIONS[row[2]])


@pytest.mark.parametrize("row", rows(parts(GLOSSARY)["Terms"]), ids=lambda row: row[0])
def test_a_term_of_the_glossary_comes_first_where_it_says(row: list[str]) -> None:
    """In passing it may come earlier in the same notebook; in an earlier notebook only if the row names it."""
    names = "|".join(re.escape(name.lower()) for name in row[0].split(", "))
    term = re.compile(rf"(?<![a-z])(?:{names})(?:s|es|d|ed)?(?![a-z])")
    having = [place for place, text in WORDS.items() if term.search(text)]
    places = PLACE.findall(row[2])
    assert set(places) <= set(having), f"the word is only in {having}"
    assert having[0][0] in {place[0] for place in places}, f"first in {having[0]}, not in {row[2]}"


def test_the_terms_are_in_the_order_of_the_alphabet() -> None:
    terms = [row[0].lower() for row in rows(parts(GLOSSARY)["Terms"])]
    assert terms == sorted(terms) and len(set(terms)) == len(terms)
