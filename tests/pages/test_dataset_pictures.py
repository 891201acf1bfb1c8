"""Pictures of a prepared data set in the picker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_explore import components, player, run

from sat.captioner import load
from sat.data import shapes
from sat.data.registry import load_dataset
from sat.images import read_picture


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shapes.generate(tmp_path / "shapes", count={"train": 2, "dev": 2, "test": 13})
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    return tmp_path


def gallery(app) -> dict:
    (proto,) = components(app, "sat_gallery")
    return json.loads(proto.json)[0]


def test_without_a_data_set_there_is_nothing_to_choose(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    assert len(run().button_group(key="source").options) == 3


def test_search_by_words_and_page(tiny, drawn):
    app = run()
    app.button_group(key="source").set_value("Data set").run()
    assert "Choose a picture" in app.info[0].value
    test = load_dataset("shapes").split("test")
    assert [item["name"] for item in gallery(app)["items"]] == [e.name for e in test[:10]]
    word = test[12].captions[0].rstrip(" .").split()[-1].lower()
    app.text_input(key="dataset_words").set_value(word).run()
    found = [e.name for e in test if any(word in c.lower().replace(".", "").split() for c in e.captions)]
    assert [item["name"] for item in gallery(app)["items"]] == found[:10]
    app.text_input(key="dataset_words").set_value("zeppelin").run()
    assert any("No test picture" in caption.value for caption in app.caption) and not app.exception


def test_a_link_restores_the_picture_with_its_captions(tiny, drawn):
    example = load_dataset("shapes").split("test")[3]
    app = run(picture=f"shapes/{example.name}")
    trace = load("soft-tiny").caption(read_picture(example.path))
    assert [w["word"] for w in player(app)["words"]] == trace.words
    assert app.button_group(key="source").value == "Data set" and gallery(app)["chosen"] == example.name
    assert any(example.captions[0].rstrip(".") in m.value.replace("\\", "") for m in app.markdown)


@pytest.mark.parametrize("asked", ["shapes/none.png", "shapes/../../etc/passwd", "flickr30k/1.jpg", "x", "shapes/"])
def test_a_picture_that_is_not_there_falls_back_with_a_note(tiny, drawn, asked):
    app = run(picture=asked)
    assert "picture=" in app.info[0].value and not app.warning
