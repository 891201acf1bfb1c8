"""Compare in all its states, without a browser."""

from __future__ import annotations

import base64
import io
import json
import shutil
from functools import cache

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from test_explore import ENTRY, SECONDS, components, upload
from torch import Tensor

from sat.analysis.compare import compare
from sat.analysis.marginal import NAMES, truth
from sat.analysis.rollouts import rollouts
from sat.captioner import Captioner, load
from sat.drawing.charts_truth import precise
from sat.drawing.words import first_content_word
from sat.trace import Trace
from sat.ui.samples import read_sample, sample_names

MODELS = ("soft-tiny", "hard-tiny")


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=SECONDS)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    return app


def players(app: AppTest) -> list[dict]:
    """What the two word players were given."""
    return [json.loads(proto.json)[0] for proto in components(app, "sat_word_player")]


def words(app: AppTest) -> list[list[str]]:
    return [[word["word"] for word in data["words"]] for data in players(app)]


def chart(app: AppTest, key: str) -> list[dict]:
    """What a Plotly chart draws; its arrays of numbers are packed."""

    def unpacked(value: dict) -> dict | list:
        if "bdata" not in value:
            return value
        return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).tolist()

    (found,) = [c.proto.spec for c in app.get("plotly_chart") if f"-{key}" in c.proto.id]
    return json.loads(found, object_hook=unpacked)["data"]


@cache
def model(name: str) -> Captioner:
    """A tiny model, of which there is one set a session."""
    return load(name)


@cache
def annotations(sample: str = "") -> Tensor:
    """Of a sample picture, the first unless named; all tiny models share their encoder."""
    return model("soft-tiny").annotate([read_sample(sample or sample_names()[0])])


def captions(sample: str = "", models: tuple[str, ...] = MODELS) -> list[Trace]:
    return [model(name).caption_annotations(annotations(sample))[0] for name in models]


def test_the_first_visit_sets_soft_against_hard(tiny):
    app = run()
    assert app.title[0].value == "Compare"
    first, second = captions()
    found = compare(first, second)
    one, two = players(app)
    assert words(app) == [first.words, second.words]
    assert one["group"] == two["group"] and one["group"]
    assert one["positions"] == [at for at, pair in enumerate(found.pairs) if pair.first is not None]
    assert two["positions"] == [at for at, pair in enumerate(found.pairs) if pair.second is not None]
    assert one["start"] == first_content_word(first.words)
    pair = found.pairs[one["positions"][one["start"]]]
    if pair.second is not None:
        assert two["start"] == pair.second
    numbers = {m.label: m.value for m in app.metric}
    assert numbers["Soft attention"] == f"{np.exp(pair.entropies[0]):.0f} places"
    assert [bar["customdata"] for bar in chart(app, "next_words_0")]
    assert not app.warning and not app.error


@pytest.mark.parametrize("text", ["own", "second", "typed"])
@pytest.mark.parametrize("models", [("soft-tiny", "none-tiny"), ("none-tiny", "hard-tiny"), ("hard-tiny", "soft-tiny")])
def test_every_kind_of_model_can_be_compared(tiny, models, text):
    app = run(first=models[0], second=models[1], text=text, words="A dog runs.")
    own = [trace.words for trace in captions(models=models)]
    both = {"own": own, "first": own[:1] * 2, "second": own[1:] * 2, "typed": [["a", "dog", "runs"]] * 2}
    assert words(app) == both[text] and not app.warning
    maps = [data["distribution"] is not None for data in players(app)]
    assert maps == ["none" not in name for name in models]
    if "none-tiny" in models:
        assert any("it has no map to compare" in info.value for info in app.info)
        assert not any("apart" in m.label for m in app.metric)
    elif text != "own":  # every word has two maps
        assert any("apart" in m.label for m in app.metric) and not app.info


def test_the_same_text_has_a_divergence_at_every_word(tiny):
    app = run(text="first", step="2")
    read = [model(name).read(annotations(), captions()[0].words) for name in MODELS]
    found = compare(*read, same_text=True)
    assert [p["positions"] for p in players(app)] == [list(range(len(read[0].words)))] * 2
    assert [p["start"] for p in players(app)] == [1, 1]
    numbers = {m.label: m.value for m in app.metric}
    assert numbers["The maps are apart by"] == f"{found.pairs[1].divergence:.3f} nats"
    bars, *lines = chart(app, "over_pairs")
    assert bars["y"] == pytest.approx([pair.divergence for pair in found.pairs])
    for side, line in enumerate(lines[:2]):
        assert line["y"] == pytest.approx([np.exp(pair.entropies[side]) for pair in found.pairs])
    assert f"{found.divergence:.3f} nats" in app.caption[-1].value


def test_choosing_models_and_text_changes_captions_and_address(tiny):
    app = run()
    app.button_group(key="second_choice").set_value("none-tiny").run()
    assert app.query_params["second"] == "none-tiny" and words(app)[1] == captions(models=("none-tiny",))[0].words
    app.button_group(key="first_choice").set_value("hard-tiny").run()
    app.button_group(key="text_choice").set_value("typed").run()
    assert "Type a sentence" in app.warning[0].value and not components(app, "sat_word_player")
    app.text_input(key="words").set_value("two white dog").run()
    assert words(app) == [["two", "white", "dog"]] * 2 and not app.warning
    app.button_group(key="text_choice").set_value("own").run()
    assert "text" not in app.query_params and words(app)[0] == captions(models=("hard-tiny",))[0].words


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Type a sentence"), ("a zebra runs", "“zebra”"), ("a " * 31, "at most 30"), ("<end>", "“end”")],
)
def test_a_text_that_cannot_be_read_is_one_calm_sentence(tiny, typed, said):
    app = run(text="typed", words=typed)
    assert said in app.warning[0].value and len(app.warning) == 1 and not app.error
    assert not components(app, "sat_word_player")


def test_a_link_restores_sample_models_text_and_step(tiny):
    app = run(
        sample="cat", first="hard-tiny", second="none-tiny", text="second", step="3", overlay="heat", panel="truth"
    )
    expected = captions("cat", ("none-tiny",))[0].words
    assert words(app) == [expected] * 2
    assert [p["start"] for p in players(app)] == [min(2, len(expected) - 1)] * 2
    assert [p["view"]["style"] for p in players(app)] == ["heat", "heat"]
    assert chart(app, "truth")


@pytest.mark.parametrize(
    "address",
    [
        {"sample": "unicorn"},
        {"first": "../../etc/passwd"},
        {"text": "telepathy"},
        {"panel": "x" * 5000},
        {"overlay": "<script>alert(1)</script>"},
    ],
)
def test_a_bad_link_falls_back_with_a_note(tiny, address):
    app = run(**address)
    (said,) = [i.value for i in app.info if "The link asks" in i.value]
    assert f"{next(iter(address))}=" in said and len(said) < 250
    assert words(app) == [trace.words for trace in captions()] and not app.warning
    app.run()
    assert not [i for i in app.info if "The link asks" in i.value]  # said once


def test_a_step_beyond_the_caption_is_its_last_word(tiny):
    one, _ = players(run(step="500"))
    assert one["start"] == len(one["words"]) - 1


def test_no_model_and_one_model_are_said_with_a_remedy(tiny_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    app = run()
    assert "python -m sat train" in app.info[0].value and not components(app, "sat_word_player")
    shutil.copytree(tiny_folder / "soft-tiny", tmp_path / "soft-tiny")
    app.run()
    assert "only one model, soft-tiny" in app.info[0].value and not components(app, "sat_word_player")


def test_a_damaged_model_is_one_calm_sentence(tiny_folder, monkeypatch, tmp_path):
    for name in MODELS:
        shutil.copytree(tiny_folder / name, tmp_path / name)
    (tmp_path / "hard-tiny" / "model.safetensors").write_bytes(b"not tensors")
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    app = run()
    assert "safetensors" in app.warning[0].value
    assert len(app.warning) == 1 and not app.error


def test_a_bad_upload_is_one_calm_sentence_and_a_good_one_is_compared(tiny, photos):
    app = run()
    upload(app, "text.jpg", b"this is no picture", "image/jpeg")
    assert "not a picture" in app.warning[0].value and len(app.warning) == 1
    out = io.BytesIO()
    Image.fromarray(photos[1].display).save(out, "PNG")
    app.file_uploader(key="upload").upload("mine.png", out.getvalue(), "image/png").run()
    assert words(app) == [model(name).caption(photos[1]).words for name in MODELS] and not app.warning


def test_the_same_model_twice_is_said(tiny):
    app = run(second="soft-tiny")
    assert "same model" in app.info[0].value
    assert {m.label: m.value for m in app.metric}["The maps are apart by"] == "0.000 nats"


def test_glimpses_are_sampled_when_asked(tiny):
    app = run(panel="glimpses")
    assert not [c for c in app.get("plotly_chart") if "-glimpse_paths" in c.proto.id]
    app.button(key="rollouts_sample").click().run()
    assert not app.exception
    found = rollouts(model("hard-tiny"), annotations(), 100)
    assert app.radio(key="rollouts_cluster").options[1].startswith(f"{found.clusters[0].count} × ")
    step = players(app)[1]["start"]
    _, bars, alpha = chart(app, "places_taken")
    order = np.argsort(-found.alpha[step].ravel(), kind="stable")[: len(bars["y"])]
    assert alpha["y"] == pytest.approx(found.alpha[step].ravel()[order], abs=1e-6)
    discs = chart(app, "glimpse_paths")[-1]
    assert sum(discs["marker"]["size"]) == found.alive[step]
    if len(found.clusters) > 6:
        app.toggle(key="rollouts_all").set_value(True).run()
        assert list(app.dataframe[0].value["times"]) == [cluster.count for cluster in found.clusters]
    app.radio(key="rollouts_cluster").set_value(0).run()
    sizes = chart(app, "glimpse_paths")[-1]["marker"]["size"]
    assert sum(sizes) == (found.clusters[0].count if len(found.clusters[0].words) > step else 0)
    app.button_group(key="second_choice").set_value("none-tiny").run()
    assert any("hard attention" in info.value for info in app.info)


@pytest.mark.parametrize("side", [0, 1])
def test_the_truth_panel_shows_the_four_answers(tiny, side):
    app = run(panel="truth", text="first", step="3")
    if side:
        app.button_group(key="whose_word").set_value(1).run()
    trace = model(MODELS[side]).read(annotations(), captions()[0].words)
    found = model(MODELS[side]).analyse(truth, annotations(), trace, 2)
    marginal, nwgm, soft, sampled = chart(app, "truth")
    for line, way in ((marginal, "marginal"), (nwgm, "nwgm"), (soft, "soft")):
        assert line["y"] == pytest.approx([found.probability[way]] * 2, rel=1e-4)
    assert sampled["x"] == list(found.monte_carlo.samples)
    assert sampled["y"] == pytest.approx(list(found.monte_carlo.estimate), rel=1e-4)
    table = app.table[0].value
    assert [p.replace("\u00a0", " ") for p in table.iloc[:, 1]] == [precise(found.probability[way]) for way in NAMES]


def test_a_panel_that_has_nothing_to_show_says_why(tiny):
    app = run(first="none-tiny", second="none-tiny", panel="truth")
    assert any("no places to average" in info.value for info in app.info)
    app = run(first="none-tiny", second="none-tiny", panel="glimpses")
    assert any("hard attention" in info.value for info in app.info)


@pytest.mark.parametrize("text", ["own", "first"])
def test_the_saved_numbers_hold_both_captions_and_their_pairs(tiny, text):
    from sat.ui.compare import read_both
    from sat.ui.saving import comparison_json

    both = read_both(read_sample("cat"), MODELS, ("Soft", "Hard"), text)
    record = json.loads(comparison_json(both))
    assert record["same_text"] == (text == "first")
    for side, trace in zip(("first", "second"), both.traces, strict=True):
        again = Trace.from_dict(record[side])
        assert again.words == trace.words and again.log_prob == pytest.approx(trace.log_prob)
        np.testing.assert_array_equal(again.alphas, trace.alphas)
    assert [(p["first"], p["second"]) for p in record["pairs"]] == [(p.first, p.second) for p in both.pairs]
    divergences = [p.divergence for p in both.pairs if p.divergence is not None]
    assert [p["divergence"] for p in record["pairs"] if p["divergence"] is not None] == pytest.approx(divergences)
