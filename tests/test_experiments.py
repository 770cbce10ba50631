"""Results of experiments are recorded and replayed, and never outlive the code they were made with."""

from pathlib import Path

import numpy as np
import pytest

from utils import experiments


class Training:
    """An experiment that counts how often it was really run."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, factor: float = 1.0) -> dict:
        self.runs += 1
        return {
            "accuracy": 0.5 * factor,
            "name": "small",
            "curve": [1.0, 0.5],
            "images": np.ones((2, 3), np.uint8),
        }


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "results.npz"
    monkeypatch.setenv("COURSE_RESULTS", str(path))
    monkeypatch.setenv("COURSE_EDITION", "one")
    return path


def test_without_a_store_it_runs_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_RESULTS", raising=False)
    training = Training()
    first, second = (experiments.run("train", training, factor) for factor in (1.0, 2.0))
    assert (training.runs, first["accuracy"], second["accuracy"]) == (2, 0.5, 1.0)


def test_a_recorded_result_is_replayed_as_it_was(store: Path) -> None:
    training = Training()
    first = experiments.run("train", training)
    again = experiments.run("train", training)
    assert training.runs == 1
    assert type(again["accuracy"]) is float and again["name"] == "small"
    assert again["curve"].tolist() == [1.0, 0.5] and again["images"].dtype == np.uint8
    assert list(first) == list(again)


def test_other_labels_are_other_experiments(store: Path) -> None:
    training = Training()
    experiments.run("train", training)
    experiments.run("train longer", training, 2.0)
    assert experiments.run("train", training)["accuracy"] == 0.5
    assert experiments.run("train longer", training)["accuracy"] == 1.0
    assert training.runs == 2


def test_other_code_runs_everything_anew(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training()
    experiments.run("train", training)
    experiments.run("test", training)
    monkeypatch.setenv("COURSE_EDITION", "two")
    experiments.run("train", training)
    experiments.run("test", training)
    assert training.runs == 4


def test_the_same_results_give_the_same_bytes(store: Path) -> None:
    experiments.run("train", Training())
    first = store.read_bytes()
    store.unlink()
    experiments.run("train", Training())
    assert store.read_bytes() == first


def test_what_cannot_be_recorded_is_refused_by_name(store: Path) -> None:
    with pytest.raises(TypeError, match="train: 'model' is of the type object; numbers"):
        experiments.run("train", lambda: {"model": object()})
