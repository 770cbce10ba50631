"""The stopwatch: what it runs, what it returns, and how recorded times are replayed."""

import json
import time

import pytest

from utils import timing


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("COURSE_TIMINGS", raising=False)


def test_runs_warm_up_and_repeats_with_the_arguments():
    calls = []
    timing.measure(lambda *args: calls.append(args), 1, "two", label="calls", repeats=3, warm_up=2)
    assert calls == [(1, "two")] * 5


def test_returns_the_median_not_the_mean():
    pauses = iter([0.0, 0.2, 0.0])
    seconds = timing.measure(lambda: time.sleep(next(pauses)), label="one slow run", repeats=3, warm_up=0)
    assert seconds < 0.05


def test_waits_for_the_device_before_and_after_each_run(monkeypatch):
    events = []
    monkeypatch.setattr(timing.devices, "wait", lambda device: events.append(f"wait {device}"))
    timing.measure(lambda: events.append("run"), label="gpu", repeats=1, warm_up=1, device="cuda")
    assert events == ["run", "wait cuda", "run", "wait cuda"]


def test_recorded_times_are_replayed_without_a_run(tmp_path, monkeypatch):
    store = tmp_path / "timings.json"
    store.write_text('{"old": 0.25}')
    monkeypatch.setenv("COURSE_TIMINGS", str(store))
    assert timing.measure(pytest.fail, label="old") == 0.25


def test_new_labels_are_measured_and_added(tmp_path, monkeypatch):
    store = tmp_path / "timings.json"
    store.write_text('{"old": 0.25}')
    monkeypatch.setenv("COURSE_TIMINGS", str(store))
    measured = timing.measure(sum, [1, 2], label="new")
    recorded = json.loads(store.read_text())
    assert recorded["old"] == 0.25
    assert timing.measure(pytest.fail, label="new") == recorded["new"] == measured


@pytest.mark.parametrize("settings", [{"repeats": 0}, {"warm_up": -1}])
def test_settings_that_make_no_sense_are_refused_with_their_numbers(settings):
    with pytest.raises(ValueError, match=r"0|-1"):
        timing.measure(sum, [1], label="never", **settings)


@pytest.mark.parametrize(
    ("seconds", "words"), [(2.54, "2.5 s"), (0.0031, "3.1 ms"), (0.000123, "120 µs"), (2e-8, "0.02 µs")]
)
def test_durations_are_written_with_a_fitting_unit(seconds, words):
    assert timing.in_words(seconds) == words
