"""Explore in all its states, without a browser."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from sat import checkpoints
from sat.captioner import load
from sat.config import Decoding
from sat.drawing.words import first_content_word
from sat.ui.samples import read_sample, sample_names

ENTRY = str(Path(__file__).parents[2] / "streamlit_app.py")
SECONDS = 120


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=SECONDS)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def player(app: AppTest) -> dict:
    """What the word player was given."""
    (proto,) = components(app, "sat_word_player")
    return json.loads(proto.json)[0]


def components(app: AppTest, name: str) -> list:
    """The components of that name on the page."""
    found = []

    def walk(block: Block) -> None:
        for child in block.children.values():
            if isinstance(child, Block):
                walk(child)
            elif getattr(child.proto, "component_name", None) == name:
                found.append(child.proto)

    walk(app.main)
    return found


def test_the_first_visit_shows_a_caption_and_its_first_content_word(tiny):
    app = run()
    trace = load("soft-tiny").caption(read_sample(sample_names()[0]))
    data = player(app)
    assert [w["word"] for w in data["words"]] == trace.words
    assert data["start"] == first_content_word(trace.words)
    assert data["picture"].startswith("data:image/jpeg;base64,")
    assert app.subheader[0].value == f"“{trace.words[data['start']]}”"
    assert [m.label for m in app.metric] == ["log p", "Looks at", "Covered so far", "Gate β"]
    assert not app.warning and not app.info and not app.error


@pytest.mark.parametrize("model", ["soft-tiny", "hard-tiny", "none-tiny"])
def test_every_model_and_decoding_can_be_shown(tiny, model):
    for decoding in ("tuned", "greedy", "beam", "sample"):
        app = run(model=model, decoding=decoding)
        data = player(app)
        assert data["words"], (model, decoding)
        assert (data["distribution"] is None) == (model == "none-tiny")
        assert (data["glimpse"] is None) == (model != "hard-tiny")
        assert not app.warning


def test_without_attention_the_page_says_why_there_are_no_maps(tiny):
    app = run(model="none-tiny")
    assert "no attention" in player(app)["reason"]
    assert [m.label for m in app.metric] == ["log p"]


@pytest.mark.parametrize(("model", "when"), [("rnn-tiny", "once"), ("log-bilinear-tiny", "at every word alike")])
def test_a_baseline_is_shown_like_any_model_without_attention(baselines_folder, monkeypatch, model, when):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(baselines_folder))
    app = run(model=model, decoding="beam")
    data = player(app)
    assert data["words"] and data["distribution"] is None and f"sees the whole picture {when}" in data["reason"]
    assert list(app.button_group(key="model_choice").options) == ["Log-bilinear", "Plain recurrent network"]
    assert not app.warning and not app.error


def test_choosing_a_model_and_a_decoding_changes_caption_and_address(tiny):
    app = run()
    app.button_group(key="model_choice").set_value("hard-tiny").run()
    assert player(app)["id"].split("/")[1] == "hard-tiny"
    assert app.query_params["model"] == "hard-tiny"
    app.button_group(key="decoding_choice").set_value("sample").run()
    app.slider(key="temperature").set_value(1.5).run()
    app.number_input(key="seed").set_value(7).run()
    assert not app.exception
    expected = load("hard-tiny").config.decoding.model_copy(
        update={"method": "sample", "temperature": 1.5, "seed": 7, "context": "argmax"}
    )
    trace = load("hard-tiny").caption(read_sample(sample_names()[0]), expected)
    assert [w["word"] for w in player(app)["words"]] == trace.words
    app.button_group(key="model_choice").set_value("soft-tiny").run()
    assert "model" not in app.query_params


def test_a_link_restores_sample_model_decoding_step_and_overlay(tiny):
    app = run(
        sample="cat", model="hard-tiny", decoding="beam", beam="5", step="2", overlay="contour", show="distribution",
        sigma="12", strength="0.35",
    )  # fmt: skip
    decoding = load("hard-tiny").config.decoding.model_copy(update={"method": "beam", "beam": 5, "context": "argmax"})
    trace = load("hard-tiny").caption(read_sample("cat"), decoding)
    data = player(app)
    assert [w["word"] for w in data["words"]] == trace.words
    assert data["start"] == min(1, len(trace.words) - 1)
    assert (data["view"]["style"], data["view"]["show"]) == ("contour", "distribution")
    assert (data["view"]["sigma"], data["view"]["strength"]) == (12, 0.35)
    assert not app.info


@pytest.mark.parametrize(
    "address",
    [
        {"sample": "unicorn"},
        {"model": "../../etc/passwd"},
        {"decoding": "telepathy"},
        {"decoding": "beam", "beam": "99999999999999999999"},
        {"decoding": "sample", "temperature": "nan"},
        {"decoding": "sample", "seed": "-1"},
        {"step": "0"},
        {"step": "²"},
        {"overlay": "<script>alert(1)</script>"},
        {"scale": "x" * 5000},
        {"sigma": "1000"},
        {"strength": "nan"},
    ],
)
def test_a_bad_link_falls_back_with_a_note(tiny, address):
    app = run(**address)
    assert player(app)["words"]
    (said,) = [i.value for i in app.info]
    name = list(address)[-1]
    assert f"{name}=" in said and len(said) < 250
    assert not app.warning
    app.run()
    assert not app.info  # said once


def test_a_step_beyond_the_caption_is_its_last_word(tiny):
    data = player(run(step="500"))
    assert data["start"] == len(data["words"]) - 1


def test_no_model_is_said_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    app = run()
    assert "python -m sat train" in app.info[0].value
    assert not components(app, "sat_word_player")


def test_a_damaged_model_is_one_calm_sentence(tiny_folder, monkeypatch, tmp_path):
    shutil.copytree(tiny_folder / "soft-tiny", tmp_path / "soft-tiny")
    (tmp_path / "soft-tiny" / "model.safetensors").write_bytes(b"not tensors")
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    app = run()
    assert "safetensors" in app.warning[0].value
    assert len(app.warning) == 1 and not app.error


def upload(app: AppTest, name: str, data: bytes, kind: str) -> None:
    app.button_group(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").upload(name, data, kind).run()
    assert not app.exception


def test_an_upload_is_captioned(tiny, photos):
    app = run()
    app.button_group(key="source").set_value("Upload").run()
    assert "Choose a picture" in app.info[0].value
    out = io.BytesIO()
    Image.fromarray(photos[1].display).save(out, "PNG")
    upload(app, "mine.png", out.getvalue(), "image/png")
    trace = load("soft-tiny").caption(photos[1])
    assert [w["word"] for w in player(app)["words"]] == trace.words


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.png", b"", "empty"),
        ("text.jpg", b"this is no picture", "not a picture"),
        ("cut.png", None, "damaged"),
    ],
)
def test_a_bad_upload_is_one_calm_sentence(tiny, name, data, said):
    if data is None:
        out = io.BytesIO()
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(out, "PNG")
        data = out.getvalue()[:3000]
    app = run()
    upload(app, name, data, "image/png")
    assert said in app.warning[0].value and len(app.warning) == 1
    app.button_group(key="source").set_value("Samples").run()
    assert not app.warning and player(app)["words"]  # the page is as usable as before


def test_odd_pictures_are_shown(tiny):
    app = run()
    for size in ((1, 1), (1200, 4)):
        out = io.BytesIO()
        Image.new("RGB", size, (200, 30, 30)).save(out, "PNG")
        upload(app, "odd.png", out.getvalue(), "image/png")
        assert player(app)["words"] and not app.warning


def test_what_the_browser_reports_is_checked(tiny):
    from sat.drawing.overlay import View
    from sat.ui.player import Box, read_state

    trace = load("soft-tiny").caption(read_sample("cat"), Decoding(method="greedy", max_words=5))
    usual = View()

    def read(**state):
        return read_state(state, "id", trace, 1, usual)

    assert read().step == 1 and read().view == usual and read().box is None
    assert read(at={"id": "id", "step": 2}).step == 2
    assert read(at={"id": "other", "step": 2}).step == 1  # of another caption
    assert read(at={"id": "id", "step": 10**9}).step == len(trace.words) - 1
    assert read(at={"id": "id", "step": "2"}).step == 1 and read(at=7).step == 1
    shown = {"style": "heat", "scale": "own", "sigma": 8, "strength": 0.5, "show": "glimpse"}
    assert read(view=shown).view == View("heat", "own", 8, 0.5, "glimpse")
    for wrong in ({**shown, "style": "x"}, {**shown, "sigma": "a"}, {**shown, "strength": 3}, {"style": "heat"}, 3):
        assert read(view=wrong).view == usual
    assert read(box={"id": "id", "rows": [2, 4], "columns": [0, 13]}).box == Box((2, 4), (0, 13))
    for wrong in ([0, 14], [-1, 2], ["a", "b"], [1], None):
        assert read(box={"id": "id", "rows": wrong, "columns": [0, 1]}).box is None


@pytest.mark.parametrize("model", ["soft-tiny", "hard-tiny", "none-tiny"])
def test_saved_numbers_can_be_read_again(tiny, tmp_path, model):
    from sat.trace import Trace
    from sat.ui.saving import trace_json, trace_npz

    trace = load(model).caption(read_sample("cat"))
    (tmp_path / "t.json").write_bytes(trace_json(trace))
    (tmp_path / "t.npz").write_bytes(trace_npz(trace))
    for again in (Trace.load_json(tmp_path / "t.json"), Trace.load_npz(tmp_path / "t.npz")):
        assert again.words == trace.words and again.log_prob == pytest.approx(trace.log_prob)
        assert (again.alphas is None) == (trace.alphas is None)
        if trace.alphas is not None:
            np.testing.assert_array_equal(again.alphas, trace.alphas)


def test_a_replaced_checkpoint_is_loaded_again(tiny_folder, monkeypatch, tmp_path):
    shutil.copytree(tiny_folder / "soft-tiny", tmp_path / "soft-tiny")
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    app = run()
    before = player(app)["words"]
    captioner = load(tmp_path / "soft-tiny")
    captioner.decoder.L_o.bias.data[4] = 50.0  # "a", again and again
    checkpoints.save_model(tmp_path / "soft-tiny", captioner.decoder, captioner.vocabulary)
    app.run()
    assert player(app)["words"] != before
    assert {w["word"] for w in player(app)["words"]} == {"a"}
