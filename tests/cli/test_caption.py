"""``caption`` and ``models``: what they print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from .running import good, refused, run


def test_one_picture_gives_its_caption(photo_file, tiny_captioners, photo):
    expected = tiny_captioners["soft-tiny"].caption(photo).caption
    assert good("caption", photo_file, "--model", "soft-tiny") == expected + "\n"


def test_several_pictures_are_named(photo_file):
    lines = good("caption", photo_file, photo_file, "--model", "none-tiny").splitlines()
    assert len(lines) == 2 and all(line.startswith(photo_file + ": ") for line in lines)


@pytest.mark.parametrize(("name", "context"), [("soft-tiny", "expected"), ("hard-tiny", "argmax"), ("none-tiny", None)])
def test_json_is_one_object_a_line_as_specified(photo_file, name, context):
    lines = good("caption", photo_file, photo_file, "--model", name, "--json").splitlines()
    assert len(lines) == 2
    record, again = map(json.loads, lines)
    assert record["words"] == again["words"]
    assert record["log_prob"] == pytest.approx(again["log_prob"], abs=1e-4)  # rows of a batch may round differently
    assert record["image"] == photo_file and record["model"] == name and record["context"] == context
    assert record["caption"] == " ".join(record["words"]) and len(record["steps"]) == len(record["words"])
    assert record["log_prob"] == pytest.approx(
        sum(step["log_prob"] for step in record["steps"]) + record["end_log_prob"], abs=1e-9
    )
    for word, step in zip(record["words"], record["steps"], strict=True):
        assert step["word"] == word and step["top"][0][1] <= 1
        if name == "none-tiny":
            assert (step["alpha"], step["place"], step["beta"], step["entropy"]) == (None, None, None, None)
            continue
        alpha = np.array(step["alpha"])
        assert alpha.shape == (14, 14) and alpha.sum() == pytest.approx(1, abs=1e-5)
        if name == "hard-tiny":
            assert step["place"] == list(np.unravel_index(alpha.argmax(), (14, 14)))
        else:
            assert step["place"] is None


def test_beam_context_and_seed_are_passed_on(photo_file):
    arguments = ("caption", photo_file, "--model", "hard-tiny", "--json", "--beam", 2, "--context", "sample", "--seed")
    records = [json.loads(good(*arguments, seed)) for seed in (1, 1, 2)]
    assert records[0] == records[1] != records[2]
    assert records[0]["context"] == "sample" and records[0]["decoding"]["beam"] == 2


def test_models_are_listed_with_their_scores(tiny, baselines_folder, tmp_path, monkeypatch):
    root = Path(shutil.copytree(tiny, tmp_path / "models"))
    monkeypatch.setenv("SAT_CHECKPOINTS", str(root))
    (root / "hard-tiny" / "metrics.json").write_text(json.dumps({"standard": {"BLEU-4": 22.04, "CIDEr": 53.31}}))
    (root / "none-tiny" / "metrics.json").write_text(json.dumps({"standard": ["damaged"]}))
    shutil.copytree(baselines_folder / "rnn-tiny", root / "rnn-tiny")
    assert [line.split() for line in good("models").splitlines()] == [
        ["NAME", "ATTENTION", "DECODER", "ENCODER", "BLEU-4", "CIDEr"],
        ["soft-tiny", "soft", "lstm", "tf_efficientnet_lite2", "-", "-"],
        ["hard-tiny", "hard", "lstm", "tf_efficientnet_lite2", "22.0", "53.3"],
        ["none-tiny", "none", "lstm", "tf_efficientnet_lite2", "-", "-"],
        ["rnn-tiny", "none", "rnn", "tf_efficientnet_lite2", "-", "-"],
    ]
    (root / "soft-tiny" / "config.json").write_text("{")
    result = run("models")
    assert result.exit_code == 2 and "soft-tiny/config.json" in result.stderr and len(result.stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"hello", "not a picture"), (b"half", "damaged or incomplete")]
)
def test_a_bad_picture_among_good_ones_stops_all(photo_file, content, message):
    data = Path(photo_file).read_bytes()
    Path("bad.jpg").write_bytes(data[: len(data) // 2] if content == b"half" else content)
    for command in (["caption"], ["caption", "--json"], ["figure", "strip", "--out", "x.png"]):
        assert message in refused(*command, "--model", "soft-tiny", photo_file, "bad.jpg")


def test_a_damaged_model(tiny, photo_file):
    folder = Path(shutil.copytree(tiny / "soft-tiny", "copy"))
    tensors = load_file(folder / "model.safetensors")
    del tensors["E.weight"]
    save_file(tensors, folder / "model.safetensors")
    assert "the tensor E.weight is missing" in refused("caption", photo_file, "--model", "copy")
