"""Every benchmark runs, on as little as possible, and measures what it says."""

from __future__ import annotations

import copy
import importlib
import json
import shutil
import sys

import numpy as np
import pytest
import torch

from benchmarks import __main__ as runner
from benchmarks import batched, growth, material, overlay, page, training
from benchmarks.encoder import fold
from benchmarks.harness import Report, main
from benchmarks.plain_loop import plain_loss
from sat.captioner import Captioner
from sat.config import Decoding, ModelConfig
from sat.models.encoder import Encoder, pixels
from sat.training.losses import doubly_stochastic, rollout


@pytest.mark.parametrize("name", [name for name in runner.NAMES if name != "page"])
def test_it_runs(name, tmp_path):
    record = tmp_path / "report.json"
    main(importlib.import_module(f"benchmarks.{name}").run, ["--quick", "--record", str(record)])
    report = Report.from_dict(json.loads(record.read_text()))
    assert report.title and report.text and report.notes
    assert report.results or len(report.table) > 1
    for result in report.results:
        assert np.isfinite(result.values).all() and min(result.values) > 0
    if report.results and name != "encoder":  # whose ways are there to be weighed, with what they change
        assert any(result.goal for result in report.results)


def test_folding_changes_nothing_but_rounding():
    encoder = Encoder("tf_efficientnet_lite0")
    squares = pixels([material.sample_pictures()[0].square])
    with torch.inference_mode():
        want = encoder(squares)
        folded = fold(copy.deepcopy(encoder))
        assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in folded.modules())
        torch.testing.assert_close(folded(squares), want, atol=1e-4 * float(want.abs().max()), rtol=0)


@pytest.mark.browser
def test_the_page_runs():
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    report = page.run(quick=True)
    start, plain, later, known, *_ = report.results
    assert start.median > 1 and plain.median > 1  # the app imports both, and more
    assert 0 < later.median < 120 and 0 < known.median < 120 and later.unit == known.unit == "s"


def test_an_unknown_name_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "overlay", "nothing"])
    with pytest.raises(SystemExit) as ended:
        runner.main()
    said = capsys.readouterr()
    assert ended.value.code == 2 and "there is no benchmark 'nothing'" in said.err and not said.out


def test_the_plain_loop_has_the_trainers_loss_and_gradients():
    """Otherwise the two times were not of the same work."""
    size = training.Size(pictures=3, model=ModelConfig(
        rows=3, columns=3, annotation_dim=10, embedding_dim=8, hidden_dim=8, attention_dim=6, vocabulary_size=30,
    ))  # fmt: skip
    config = training.settings(size)
    model = config.model.model_copy(update={"dropout": 0.0, "context_dropout": 0.0})
    config = config.model_copy(update={"model": model, "precision": "float32"})
    batch = training.made_up(config, size.pictures)
    batch.lengths[0, -1] = 0  # a picture may have fewer captions
    decoder = training.new_decoder(config).train()
    rolled = rollout(decoder, decoder.annotate(batch.annotations), batch.inputs, batch.targets, batch.lengths)
    nll = torch.nn.functional.cross_entropy(rolled.logits, rolled.targets, label_smoothing=config.label_smoothing)
    ours = nll + config.doubly_stochastic * doubly_stochastic(rolled.coverage, batch.lengths)
    want = torch.autograd.grad(ours, list(decoder.parameters()))
    for keys_once in (True, False):
        plain = plain_loss(decoder, config, batch, keys_once=keys_once)
        torch.testing.assert_close(plain, ours)
        for ours_, plain_ in zip(want, torch.autograd.grad(plain, list(decoder.parameters())), strict=True):
            torch.testing.assert_close(plain_, ours_, atol=1e-6, rtol=1e-4)


def test_the_made_up_batch_is_as_the_trainer_wants_it():
    config = training.settings(training.Size())
    batch = training.made_up(config, 32)
    assert batch.annotations.shape == (32, 196, 992) and batch.annotations.dtype == torch.float16
    assert batch.lengths.shape == (32, 5) and int(batch.lengths.max()) <= config.max_words + 1
    assert (batch.lengths.diff(dim=1) <= 0).all() and (batch.lengths[:, 0].diff() <= 0).all()  # longest first
    assert config.precision == "bfloat16" and config.model.vocabulary_size == 2540


def test_operations_are_counted(tiny_captioners: dict[str, Captioner]):
    captioner = tiny_captioners["soft-tiny"]
    config, decoding = captioner.config, Decoding(method="greedy", max_words=1, alternatives=1)
    raw = captioner.decoder.mean_grid.unsqueeze(0)
    steps = 2 if captioner.caption_annotations(raw, decoding)[0].words else 1  # a word, and the end
    n, m, A, D, L, V = (
        config.hidden_dim, config.embedding_dim, config.attention_dim, config.annotation_dim, config.places,
        config.vocabulary_size,
    )  # fmt: skip
    once = L * D * A + 2 * D * n  # keys, and the start of h and c
    step = (
        n * A + L * D + n + (m + D + n) * 4 * n + n * m + D * m + m * V
    )  # v^T tanh is a vector's, which is not counted
    assert batched.flops(captioner, raw, decoding) == pytest.approx(2 * (once + steps * step), rel=0.02)


def test_an_endless_model_writes_as_many_words_as_it_may(tiny_captioners: dict[str, Captioner]):
    captioner = tiny_captioners["soft-tiny"]
    endless = Captioner(growth.endless(captioner.decoder), captioner.vocabulary, None)
    raw = captioner.decoder.mean_grid.unsqueeze(0)
    for words in (3, 9):
        assert len(endless.caption_annotations(raw, Decoding(beam=2, max_words=words))[0].words) == words
    assert growth.exponent([1, 2, 4, 8], np.array([3.0, 12.0, 48.0, 192.0])) == pytest.approx(2.0)


def test_psnr():
    wanted = np.full((4, 4), 0.5)
    assert overlay.psnr(wanted + 0.05, wanted) == pytest.approx(20.0)
    assert overlay.psnr(wanted, wanted) == 200.0


def test_photographs_are_different_and_always_the_same(tmp_path):
    made = material.photographs(9)
    assert len({picture.digest for picture in made}) == 9
    assert [p.digest for p in material.photographs(9)] == [p.digest for p in made]
    assert len(list(tmp_path.iterdir())) == 0
    assert [path.name for path in material.files(tmp_path, 2)] == ["0000.jpg", "0001.jpg"]
