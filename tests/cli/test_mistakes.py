"""``figure mistakes``: the worst captions of an evaluation, written again and drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sat.captioner import Captioner
from sat.data.registry import load_dataset
from sat.evaluation.worst import read_evaluation, worst
from sat.images import read_picture

from .running import good, refused


@pytest.fixture
def evaluated(shapes_root: Path, tiny_captioners: dict[str, Captioner]) -> dict[str, Any]:
    """The folder ``ev`` with what ``evaluate`` writes of soft-tiny, as far as the figure reads it; its lines."""
    captioner = tiny_captioners["soft-tiny"]
    examples = load_dataset("shapes", shapes_root).split("test")
    raw = captioner.annotate([read_picture(example.path) for example in examples]).half()
    traces = captioner.caption_annotations(raw)
    Path("ev").mkdir()
    metrics = {
        "model": "soft-tiny",
        "split": "test",
        "decoding": {"context": "expected", "beam": 3, "length_norm": 0.7},
    }
    Path("ev/metrics.json").write_text(json.dumps(metrics))
    lines = {
        example.name: {"image": example.name, "caption": trace.caption, "references": list(example.captions)}
        for example, trace in zip(examples, traces, strict=True)
    }
    write(lines)
    return lines


def write(lines: dict[str, Any]) -> None:
    Path("ev/captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines.values()))


@pytest.fixture
def arguments(shapes_root: Path) -> tuple[object, ...]:
    return ("figure", "mistakes", "--eval", "ev", "--data", shapes_root, "--dataset", "shapes", "--out")


def recipe(path: str) -> dict[str, Any]:
    with Image.open(path) as image:
        return json.loads(image.text["Recipe"])


def test_the_worst_captions_are_drawn(evaluated, arguments):
    assert good(*arguments, "m.png", "--count", 2) == "m.png\n"
    drawn = recipe("m.png")["mistakes"]
    expected = worst(read_evaluation(Path("ev"))[1], 2)
    assert [m["picture"] for m in drawn] == [one.record.image for one in expected]
    assert [m["cider"] for m in drawn] == pytest.approx([one.cider for one in expected], abs=1e-3)
    for made in drawn:
        assert made["caption"] == evaluated[made["picture"]]["caption"] and made["model"] == "soft-tiny"
        assert made["decoding"]["beam"] == 3 and 1 <= made["word"] <= len(made["caption"].split())
    good(*arguments, "all.png")  # there are fewer than six
    assert len(recipe("all.png")["mistakes"]) == len(evaluated)


def test_pictures_can_be_named(evaluated, arguments):
    last, first, *_ = reversed(evaluated)
    good(*arguments, "m.png", "--image", last, "--image", first)
    assert [m["picture"] for m in recipe("m.png")["mistakes"]] == [last, first]
    assert "No picture called 'x.png' was evaluated" in refused(*arguments, "n.png", "--image", "x.png")


@pytest.mark.parametrize("suffix", ["svg", "pdf", "gif"])
def test_every_format(evaluated, arguments, suffix):
    good(*arguments, f"m.{suffix}", "--count", 1, "--style", "heat")
    assert Path(f"m.{suffix}").read_bytes().startswith({"svg": b"<svg", "pdf": b"%PDF", "gif": b"GIF89a"}[suffix])


def test_a_model_that_has_changed_is_refused(evaluated, arguments, tiny):
    name = next(iter(evaluated))
    evaluated[name]["caption"] = "a red dog"
    write(evaluated)
    line = refused(*arguments, "m.png")
    assert f"soft-tiny no longer writes what was recorded for {name}" in line and "'a red dog'" in line
    assert "is of soft-tiny, not of hard-tiny" in refused(*arguments, "m.png", "--model", "hard-tiny")
    shutil.copytree(tiny / "soft-tiny", "copy")
    evaluated.pop(name)
    write(evaluated)
    good(*arguments, "m.png", "--model", "copy")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("metrics.json", "{", "ev/metrics.json is not JSON"),
        ("metrics.json", '{"model": "soft-tiny"}', "ev/metrics.json: decoding: field required"),
        ("captions.jsonl", "", "ev/captions.jsonl holds no caption"),
        ("captions.jsonl", '{"image": "a.jpg"}\n', "ev/captions.jsonl:1: caption: field required"),
        ("captions.jsonl", "[\n", "ev/captions.jsonl:1 is not JSON"),
        (
            "captions.jsonl",
            '{"image": "a.jpg", "caption": "", "references": ["a dog"]}\n',
            "No caption in ev has a word",
        ),
        (
            "captions.jsonl",
            '{"image": "a.jpg", "caption": "a dog", "references": ["a dog"]}\n',
            "shapes has no picture a.jpg",
        ),
        ("captions.jsonl", '{"image": "a.jpg", "caption": "a dog", "references": []}\n', "a.jpg has no reference"),
    ],
)
def test_a_damaged_evaluation_is_refused(evaluated, arguments, file, content, message):
    Path("ev", file).write_text(content)
    assert message in refused(*arguments, "m.png")


def test_captions_from_sampled_glimpses_are_refused(evaluated, arguments):
    metrics = json.loads(Path("ev/metrics.json").read_text())
    metrics["decoding"]["context"] = "sample"
    Path("ev/metrics.json").write_text(json.dumps(metrics))
    assert "Captions from sampled glimpses cannot be repeated" in refused(*arguments, "m.png")


@pytest.mark.slow
def test_an_evaluation_written_by_the_program_itself(shapes_root, cached, arguments):
    good(
        "evaluate",
        "--model",
        "hard-tiny",
        "--data",
        shapes_root,
        "--dataset",
        "shapes",
        "--split",
        "test",
        "--out",
        "ev",
    )
    good(*arguments, "m.png")
    drawn = recipe("m.png")["mistakes"]
    assert len(drawn) == 3
    assert np.all(np.diff([m["cider"] for m in drawn]) >= 0) and drawn[0]["context"] == "argmax"


def test_the_evaluation_that_ships_needs_no_data_set(monkeypatch, tmp_path):
    """Its pictures are drawn again, and its captions written again."""
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    folder = Path(__file__).parents[2] / "checkpoints" / "shapes-soft" / "evaluation"
    assert good("figure", "mistakes", "--eval", folder, "--count", 2, "--out", "m.png") == "m.png\n"
    assert [one["picture"] for one in recipe("m.png")["mistakes"]] == [
        one.record.image for one in worst(read_evaluation(folder)[1], 2)
    ]
