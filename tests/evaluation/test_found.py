"""Finding evaluations; and those that ship."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from sat import checkpoints
from sat.evaluation.browse import EvaluationStore
from sat.evaluation.found import evaluations, labels
from sat.evaluation.pictures import EvaluatedPictures
from sat.evaluation.store import write_store

from .stored import ABOUT, picture

SHIPPED = ["shapes-hard", "shapes-soft"]


@pytest.fixture(autouse=True)
def nowhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("SAT_DATA", str(tmp_path / "data"))
    for name in ("SAT_EVALUATIONS", "SAT_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(folder: Path, **about: object) -> Path:
    decoding = {"context": "expected", "beam": 3, "length_norm": 0.7}
    write_store(folder, {**ABOUT, "decoding": decoding, **about}, [picture(0, np.random.default_rng(0))])
    return folder


def test_two_evaluations_ship():
    assert [(one.name, one.dataset, one.split, one.pictures) for one in evaluations()] == [
        (name, "shapes", "test", 200) for name in SHIPPED
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_evaluation_is_whole_and_has_its_pictures(name: str):
    folder = checkpoints.find(name) / "evaluation"
    assert json.loads((folder / "metrics.json").read_text()) == checkpoints.read_metrics(checkpoints.find(name))
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 800_000
    store = EvaluationStore.open(folder)
    pictures = EvaluatedPictures(store.about)
    for row in store.page(count=200, columns=["picture", "image", "references", "words"]).rows[::40]:
        assert pictures.read(row["image"], row["references"]).square.shape == (224, 224, 3)
        assert pictures.boxes(row["image"], row["references"]).image == row["image"]
        words = store.words(row["picture"], alphas=True)
        assert [word["word"] for word in words] == row["words"] and words[0]["alpha"].shape == (14, 14)


def test_what_evaluate_wrote_is_found_by_folder(nowhere_else: Path, monkeypatch: pytest.MonkeyPatch):
    write(nowhere_else / "runs" / "evaluations" / "a")
    write(nowhere_else / "results" / "soft")
    write(nowhere_else / "elsewhere" / "results" / "soft", split="dev")  # the same name
    listed = [str(nowhere_else / "elsewhere" / "results"), "", str(nowhere_else / "nowhere"), "results/soft"]
    monkeypatch.setenv("SAT_EVALUATIONS", os.pathsep.join(listed))
    found = evaluations()[2:]
    assert [(one.name, one.split) for one in found] == [
        ("runs/evaluations/a", "test"), ("results/soft", "test"), ("results/soft-2", "dev"),
    ]  # fmt: skip
    assert not any(one.shipped for one in found)
    said = labels(found)
    assert said["results/soft-2"] == "soft-tiny · folder dev"
    assert said["results/soft"] == "soft-tiny · folder test (results/soft)"


@pytest.mark.parametrize("about", ["{", "[]", '{"model": "m"}', "null"])
def test_damaged_ones_are_left_out(nowhere_else: Path, about: str):
    folder = write(nowhere_else / "results" / "soft")
    (folder / "store" / "about.json").write_text(about)
    assert len(evaluations()) == 2
