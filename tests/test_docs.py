"""The pages for newcomers name files, targets and commands that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import assignment

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        place = page.parent / file if file else page
        assert place.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.M)
            assert heading in [
                re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles
            ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^    |&& )make ([a-z-]+)", text, re.M)
    assert set(named) <= targets


def test_autograder_commands_and_options_exist() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    commands = set(re.findall(r"-m autograder ([a-z-]+)", text))
    options = set(
        re.findall(
            r"(--(?:workers|json|force|scheduler|folder|sandbox|check|measure|to|replace|dry-run))\b", text
        )
    )
    assert {"grade", "build", "mutation"} <= commands
    shown = ""
    for command in sorted(commands):
        call = [sys.executable, "-m", "autograder", command, "--help"]
        shown += subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(option in shown for option in options)


def test_the_readme_says_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    released = {path.name[:2].lstrip("0") for path in (ROOT / "notebooks").glob("[0-9]*_*")}
    here = set(re.findall(r"^\| (\d) \|.*\| here \|$", text, re.M))
    assert here == released


def test_students_read_the_limits_that_hold() -> None:
    limits = assignment.load(ROOT, "01_convolution").limits
    text = (ROOT / "docs" / "students.md").read_text(encoding="utf-8")
    assert f"{limits.cell_seconds:g} s for one cell, {limits.call_seconds:g} s for one call" in text
    assert f"{limits.total_seconds:g} s in all" in text and f"{limits.memory_mb} MB beyond" in text


def test_licences_are_complete() -> None:
    assert "Redistribution and use in source and binary forms" in (ROOT / "LICENSE").read_text()
    text = (ROOT / "LICENSE-text").read_text()
    assert "Creative Commons Attribution 4.0 International Public" in text and "Section 8" in text


def test_the_number_of_hostile_submissions_is_true() -> None:
    from hostile.corpus import cases
    from hostile.target import target_of

    text = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
    found = [case.kind for case in cases(target_of(ROOT / "notebooks/01_convolution/01_convolution.ipynb"))]
    said = re.search(
        r"notebook, (\d+) of them: (\d+) that cheat, (\d+) that abuse resources, (\d+) files in odd\s+"
        r"or broken form, (\d+) honest ones",
        text,
    )
    assert said
    kinds = ["cheat", "abuse", "file", "oddity"]
    assert [*map(int, said.groups())] == [len(found), *(found.count(kind) for kind in kinds)]
