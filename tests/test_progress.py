"""The progress bar passes everything through, and draws only where somebody watches and it takes a while."""

import pytest

from utils import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is a second later."""
    seconds = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds)))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_watched", lambda: True)


def test_long_work_is_shown_on_stderr(clock: None, watched: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.bar(range(6), "training")) == list(range(6))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "training [" in shown.err and "3/6" in shown.err and "training: done in" in shown.err


def test_without_a_length_it_counts(clock: None, watched: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.bar(iter("abcd"), "reading")) == list("abcd")
    assert "reading: 3 done" in capsys.readouterr().err


def test_short_work_shows_nothing(watched: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.bar([1, 2], "training")) == [1, 2]
    assert capsys.readouterr().err == ""


def test_nothing_is_shown_where_nobody_watches(clock: None, capsys: pytest.CaptureFixture[str]) -> None:
    list(progress.bar(range(6), "training"))  # pytest is running: PYTEST_CURRENT_TEST says so
    assert capsys.readouterr().err == ""
