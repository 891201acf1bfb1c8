"""The numbers for the page of results, against sums over the steps, and their command line."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from sat.captioner import load
from sat.errors import UserError
from sat.images import from_array
from sat.lessons.averages import averages
from sat.lessons.estimators import MIXED, NO_BASELINE, OWN_MEAN, estimators
from sat.lessons.measure import command, main, measure
from sat.lessons.measured import FILE, all_kept, kept, rows
from sat.lessons.paths import CREDITS, gradient_variances, path_variance, sample_paths

from .slow import model, raw_of


@pytest.mark.parametrize("attention", ["soft", "hard"])
def test_measured_over_all_steps(attention):
    captioner, raws = model(attention, 3), [raw_of(3), raw_of(4)]
    done = []
    found = measure(captioner, raws, paths=40, seed=5, progress=done.append)
    assert done == [1, 2]
    steps, divergences, errors, plain_words, words, wholes, read = [], [], [], 0.0, 0.0, 0.0, []
    for number, raw in enumerate(raws):
        (trace,) = captioner.caption_annotations(raw)
        read.append((raw, trace))
        average = captioner.analyse(averages, raw, trace)
        divergences += list(average.divergence["soft"])
        errors += list(average.error("nwgm"))
        steps += [captioner.analyse(estimators, raw, trace, t, average) for t in range(len(trace.words) + 1)]
        variances = gradient_variances(captioner.analyse(sample_paths, raw, trace, 40, 5 + number))
        plain_words += variances[CREDITS[0]]
        wholes += variances[CREDITS[1]]
        words += variances[CREDITS[3]]
    plain = sum(e.by_name[NO_BASELINE].variance for e in steps)
    assert (found.pictures, found.steps) == (2, len(steps))
    assert found.soft == pytest.approx(np.mean(divergences)) and found.nwgm_p == pytest.approx(np.mean(errors))
    assert found.step_own == pytest.approx(sum(e.by_name[OWN_MEAN].variance for e in steps) / plain)
    running = np.mean([float(e.alpha @ e.rewards) for e in steps])
    means = [e.alpha @ ((e.rewards - running)[:, None] * e.directions) for e in steps]
    slow = [
        sum(a * (((r - running) * g - m) ** 2).sum() for a, r, g in zip(e.alpha, e.rewards, e.directions, strict=True))
        for e, m in zip(steps, means, strict=True)
    ]
    assert found.step_running == pytest.approx(sum(slow) / plain, rel=1e-4)
    off = sum(((e.by_name[MIXED].mean - e.exact) ** 2).sum() for e in steps)
    assert found.mixed_bias == pytest.approx(np.sqrt(off / sum((e.exact**2).sum() for e in steps)))
    rewards = [captioner.analyse(sample_paths, raw, t, 40, 5 + i).rewards.sum(1) for i, (raw, t) in enumerate(read)]
    mean = np.mean(np.concatenate(rewards))
    less = sum(
        path_variance(p, np.repeat((p.rewards.sum(1) - mean)[:, None], p.rewards.shape[1], axis=1))
        for p in (captioner.analyse(sample_paths, raw, t, 40, 5 + i) for i, (raw, t) in enumerate(read))
    )
    assert found.caption_running == pytest.approx(less / plain_words)
    assert found.caption_own == pytest.approx(wholes / plain_words) and found.word == pytest.approx(words / plain_words)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UserError, match="has no attention"):
        measure(model("none"), [raw_of()])
    for wrong in ({"raws": []}, {"raws": [raw_of()], "paths": 1}):
        with pytest.raises(UserError, match="nothing to measure"):
            measure(model(), **wrong)


def test_the_command_prints_a_table(tiny, tmp_path, photo, capsys):
    Image.fromarray(photo.square).save(tmp_path / "photo.png")
    command(["soft-tiny", "hard-tiny"], picture=[tmp_path / "photo.png"], paths=5)
    shown = capsys.readouterr().out
    assert "soft-tiny" in shown and "hard-tiny" in shown and "NWGM" in shown
    captioner = load("soft-tiny")
    want = measure(captioner, [captioner.annotate([from_array(photo.square)])], paths=5)
    for value in (
        f"1, {want.steps}",
        f"{want.nwgm:.5f}",
        f"{want.soft_p:.2%}",
        f"{want.step_own:.4f}",
        f"{want.word:.4f}",
    ):
        assert value in shown


def test_what_is_kept_comes_back_while_the_weights_are_the_same(tiny_folder, tmp_path, monkeypatch, photo, capsys):
    root = tmp_path / "checkpoints"
    shutil.copytree(tiny_folder, root)
    monkeypatch.setenv("SAT_CHECKPOINTS", str(root))
    pictures = tmp_path / "data"
    pictures.mkdir()
    Image.fromarray(photo.square).save(pictures / "photo.png")
    (pictures / "captions.csv").write_text("image,caption,split\nphoto.png,a dog,dev\n", encoding="utf-8")
    command(["soft-tiny"], data=pictures, dataset="folder", count=3, paths=5, seed=2, save=True)
    (found,) = all_kept()
    assert f"{found.numbers.nwgm:.5f}" in capsys.readouterr().out
    captioner = load("soft-tiny")
    assert found.numbers == measure(captioner, [captioner.annotate([from_array(photo.square)])], paths=5, seed=2)
    assert found.command == (
        "python -m sat.lessons.measure soft-tiny --dataset folder --split dev --count 1 --paths 5 --seed 2 --save"
    )
    (row,) = rows([found], "folder")
    assert row["NWGM"] == found.numbers.nwgm and row["soft pass, p(word)"] == 100 * found.numbers.soft_p
    assert rows([found], "flickr8k") == []
    record = json.loads((root / "soft-tiny" / FILE).read_text(encoding="utf-8"))
    for damage in ({"weights": "0" * 12}, {"nwgm": "small"}, {"steps": None}, {"seed": True}):
        (root / "soft-tiny" / FILE).write_text(json.dumps(record | damage), encoding="utf-8")
        assert kept(root / "soft-tiny") is None
    with pytest.raises(UserError, match="Only what was measured on a data set"):
        command(["soft-tiny"], picture=[pictures / "photo.png"], save=True)


def test_a_mistake_is_one_line(tiny, tmp_path, monkeypatch, capsys):
    for arguments in (["nope", "--picture", "x.png"], ["soft-tiny", "--picture", "x.png"], ["--data", str(tmp_path)]):
        monkeypatch.setattr(sys, "argv", ["measure", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2 and said.out == "" and said.err.startswith("Error: ")
        assert said.err.count("\n") == 1


def test_without_trained_models_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    with pytest.raises(UserError, match="no trained model with attention"):
        command(picture=[tmp_path / "x.png"])
