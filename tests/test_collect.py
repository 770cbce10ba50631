"""collect finds whose file is whose, takes the newest, loses nothing and is not led astray by odd archives."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder import archives
from autograder.archives import ArchiveError
from autograder.assignment import AssignmentError
from autograder.collect import Collected, collect, shown

NAME = "01_mini"
Collect = Callable[..., Collected]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course with two assignments."""
    for name in (NAME, "02_other"):
        (tmp_path / "solutions" / name).mkdir(parents=True)
        (tmp_path / "solutions" / name / f"{name}.py").touch()
    return tmp_path


@pytest.fixture
def take(root: Path) -> Collect:
    def run(files: dict[str, bytes | str] | Path, replace: bool = False) -> Collected:
        place = files if isinstance(files, Path) else zipped(root / "download.zip", files)
        return collect(root, root, NAME, place, replace)

    return run


def zipped(path: Path | io.BytesIO, files: dict[str, bytes | str]) -> Path:
    """A zip file; a name may be followed by "@" and the day of January on which the file was changed."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            name, _, day = name.partition("@")
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, int(day or 1), 12, 0, 0)), content)
    return path  # type: ignore[return-value]


def taken(root: Path) -> dict[str, str]:
    found = (root / "submitted").glob(f"*/{NAME}/{NAME}.ipynb")
    return {path.parts[-3]: path.read_text() for path in found}


def test_canvas(take: Collect, root: Path) -> None:
    done = take(
        {
            "doejane_1234_901_01_mini.ipynb": "first",
            "doejane_1234_1002_01_mini-1.ipynb": "second",
            "doejane_1234_1003_02_other.ipynb": "another assignment",
            "roejohn_LATE_77_950_01_mini (2).ipynb": "late",
            "anon_x7Yz_960_01_mini.ipynb": "nameless",
            "de_souza_maria_78_970_my solution.ipynb.txt": "renamed",
            "poemary_79_980_report.pdf": "x",
            "__MACOSX/._poemary_79_980_report.pdf": "x",
        }
    )
    assert done.platform == "Canvas"
    assert taken(root) == {
        "doejane_1234": "second",
        "roejohn_77": "late",
        "anon_x7Yz": "nameless",
        "de_souza_maria_78": "renamed",
    }
    text = "\n".join(shown(done))
    assert "doejane_1234_1002_01_mini-1.ipynb (the newest of 2)" in text
    assert "01_mini (2).ipynb (late)" in text and "(its name is not 01_mini.ipynb)" in text
    assert f"NOT TAKEN  poemary_79: no notebook of '{NAME}' among report.pdf" in text
    assert text.endswith("read as: Canvas; 4 taken, 0 as before, 1 not taken")


@pytest.mark.parametrize("ending", ["/", "_/", "_"], ids=["folders", "older folders", "one folder"])
def test_moodle(take: Collect, root: Path, ending: str) -> None:
    done = take(
        {
            f"Jane Doe_1234_assignsubmission_file{ending}01_mini.ipynb@3": "new",
            f"Jane Doe_1234_assignsubmission_file{ending}01_mini_1.ipynb@2": "old",
            f"Zoë Participant_55_assignsubmission_file{ending}01_mini.ipynb": "hers",
            "Jane Doe_1234_assignsubmission_onlinetext/onlinetext.html": "I did it.",
        }
    )
    assert done.platform == "Moodle"
    assert taken(root) == {"Jane_Doe_1234": "new", "Zoë_Participant_55": "hers"}


def test_gradescope(take: Collect, root: Path) -> None:
    metadata = """
submission_2:
  :submitters:
  - {":name": Jane Doe, ":sid": "j1", ":email": jane@example.edu}
  - {":name": John Roe, ":sid": "", ":email": john@example.edu}
  :created_at: 2026-03-02 14:22:32.365935000 Z
submission_3:
  :submitters: [{":sid": "j1"}]
  :created_at: 2026-03-01 09:00:00 Z
"""
    folder = "assignment_1_export/"
    done = take(
        {
            folder + "submission_metadata.yml": metadata,
            folder + "submission_2/01_mini.ipynb": "both",
            folder + "submission_3/01_mini.ipynb": "older",
            folder + "submission_4/01_mini.ipynb": "nobody's",
        }
    )
    assert done.platform == "Gradescope"
    assert taken(root) == {"j1": "both", "john@example.edu": "both"}
    stamp = root / "submitted" / "j1" / NAME / "timestamp.txt"
    assert stamp.read_text() == "2026-03-02 14:22:32.365935+00:00"
    assert "submission_4/01_mini.ipynb: nothing says whose it is" in "\n".join(shown(done))


def test_gradescopes_metadata_runs_nothing(take: Collect, root: Path) -> None:
    done = take(
        {"submission_metadata.yml": "!!python/object/apply:os.abort []", "submission_1/01_mini.ipynb": "x"}
    )
    assert taken(root) == {} and done.count("NOT TAKEN") == 1


def test_blackboard(take: Collect, root: Path) -> None:
    done = take(
        {
            "gradebook_ps1_bitdiddle_attempt_2016-01-30-15-00-00_01_mini.ipynb": "old",
            "gradebook_ps1_bitdiddle_attempt_2016-01-30-16-00-00_01_mini.ipynb": "new",
        }
    )
    assert done.platform == "Blackboard" and taken(root) == {"bitdiddle": "new"}
    assert (root / "submitted/bitdiddle" / NAME / "timestamp.txt").read_text() == "2016-01-30 16:00:00 UTC"


def test_nbgraders_zip_collect(take: Collect, root: Path) -> None:
    config = (
        r"c = get_config(); c.FileNameCollectorPlugin.named_regexp = r'(?P<student_id>\w+)-(?P<file_id>.+)'"
    )
    (root / "nbgrader_config.py").write_text(config)
    archive = root / "downloaded" / NAME / "archive"
    archive.mkdir(parents=True)
    zipped(archive / "all.zip", {"ada-01_mini.ipynb": "hers"})
    (archive / "bob-01_mini.ipynb").write_text("his")
    done = take(archive.parent)
    assert done.platform == "nbgrader's named_regexp" and taken(root) == {"ada": "hers", "bob": "his"}


@pytest.mark.parametrize(
    "files",
    [
        {"ada/01_mini/01_mini.ipynb": "hers", "bob b/01_mini/x.ipynb": "his"},
        {"class/ada/01_mini.ipynb": "hers", "class/bob b/01_mini-1.ipynb": "his"},
        {"all/ada.ipynb": "hers", "all/bob b.ipynb": "his"},
        {"ada/a.ipynb": "hers", "bob b/b.ipynb": "his"},
        {"ada.ipynb": "hers", "bob b.ipynb": "his"},
    ],
)
def test_folders_named_after_students(take: Collect, root: Path, files: dict[str, str]) -> None:
    assert take(dict(files)).platform == "folders"
    assert taken(root) == {"ada": "hers", "bob b": "his"}


def test_a_students_own_zip_is_looked_into_once(take: Collect, root: Path) -> None:
    deep, inner = io.BytesIO(), io.BytesIO()
    zipped(deep, {"01_mini.ipynb": "too deep"})
    zipped(inner, {"homework/01_mini.ipynb": "in a zip", "deep.zip": deep.getvalue()})
    take({"doejane_1_2_homework.zip": inner.getvalue(), "roejohn_3_4_01_mini.ipynb": "plain"})
    assert taken(root) == {"doejane_1": "in a zip", "roejohn_3": "plain"}


def test_nothing_is_overwritten_silently(take: Collect, root: Path) -> None:
    assert take({"ada/01_mini.ipynb": "one"}).count("taken") == 1
    folder = root / "submitted" / "ada" / NAME
    (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    assert take({"ada/01_mini.ipynb": "one"}).count("as before") == 1
    done = take({"ada/01_mini.ipynb": "two"})
    assert done.count("NOT TAKEN") == 1 and "--replace takes it" in done.lines[0].words
    assert taken(root) == {"ada": "one"}
    assert take({"ada/01_mini.ipynb": "two"}, replace=True).count("taken") == 1
    assert taken(root) == {"ada": "two"}
    assert {path.name for path in folder.iterdir()} == {f"{NAME}.ipynb", f"{NAME}.ipynb.replaced-1"}


def test_paths_that_lead_out_of_an_archive_are_refused(take: Collect, root: Path) -> None:
    names = ("../evil/01_mini.ipynb", "/etc/01_mini.ipynb", "C:\\x\\01_mini.ipynb", "a/../../01_mini.ipynb")
    done = take({**dict.fromkeys(names, "bad"), "ada/01_mini.ipynb": "good"})
    assert taken(root) == {"ada": "good"}
    assert done.count("NOT TAKEN") == len(names)
    assert {path.name for path in root.iterdir()} == {"solutions", "submitted", "download.zip"}


def test_links_and_encrypted_members_are_refused(take: Collect, root: Path) -> None:
    link = zipfile.ZipInfo("eve/01_mini.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("ada/01_mini.ipynb", "good")
    assert take(root / "a.zip").lines[0].words == "is a link"
    folder = root / "class" / "eve"
    folder.mkdir(parents=True)
    (folder / "01_mini.ipynb").symlink_to(root / "a.zip")
    os.mkfifo(folder / "pipe.ipynb")
    assert take(root / "class").count("NOT TAKEN") == 2
    assert taken(root) == {"ada": "good"}


def test_bombs_are_not_read_to_the_end(take: Collect, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_FILE", 1000)
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada/01_mini.ipynb", bytes(10_000_000))
        archive.writestr("bob/bomb.zip", bytes(10_000_000))
    words = [line.words for line in take(root / "a.zip").lines]
    assert any("too large" in each for each in words) and any("has more than" in each for each in words)
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    with pytest.raises(ArchiveError, match="more than 1 files"):
        take({"a/01_mini.ipynb": "", "b/01_mini.ipynb": ""})


def test_damaged_members_cost_their_own_student_only(take: Collect, root: Path) -> None:
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        archive.writestr("ada/01_mini.ipynb", "DAMAGED" * 50)
        archive.writestr("bob/01_mini.ipynb", "good")
        archive.writestr("eve/x.zip", "no zip at all")
    raw = (root / "a.zip").read_bytes()
    (root / "a.zip").write_bytes(raw.replace(b"DAMAGED", b"damaged", 1))
    done = take(root / "a.zip")
    assert taken(root) == {"bob": "good"}
    assert [line.who for line in done.lines if line.state == "NOT TAKEN"] == ["eve/x.zip", "ada"]


def test_odd_names_of_students_are_refused(take: Collect, root: Path) -> None:
    names = (".hidden", "new\nline", "x" * 300)
    done = take({**{f"{name}/01_mini.ipynb": "bad" for name in names}, "ada/01_mini.ipynb": "good"})
    assert taken(root) == {"ada": "good"} and done.count("NOT TAKEN") == len(names)
    assert all(line.isprintable() for line in shown(done))


def test_a_link_in_submitted_is_not_followed(take: Collect, root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "submitted").mkdir()
    (root / "submitted" / "ada").symlink_to(root / "elsewhere")
    assert take({"ada/01_mini.ipynb": "x"}).count("NOT TAKEN") == 1
    assert list((root / "elsewhere").iterdir()) == []


def test_a_wrong_place_or_assignment_is_one_clear_line(root: Path) -> None:
    with pytest.raises(ArchiveError, match="There is no"):
        collect(root, root, NAME, root / "nowhere.zip")
    (root / "text.zip").write_text("no zip")
    with pytest.raises(ArchiveError, match="is not a zip file"):
        collect(root, root, NAME, root / "text.zip")
    with pytest.raises(AssignmentError, match=r"There is: 01_mini, 02_other\."):
        collect(root, root, "03_nothing", root)
