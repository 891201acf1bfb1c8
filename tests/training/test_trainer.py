"""The loop on generated shapes: it learns, it writes its folder, and it goes on exactly after an interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import yaml

from sat import checkpoints
from sat.config import HardConfig, ModelConfig, TrainConfig
from sat.data import shapes
from sat.errors import UserError
from sat.training import trainer as module
from sat.training.choose import finish
from sat.training.dev import score_dev
from sat.training.run import RunFolder
from sat.training.team import Team, TeamLost
from sat.training.train import train
from sat.training.trainer import Trainer


@pytest.fixture(scope="session")
def shapes_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    shapes.generate(root / "shapes", count={"train": 22, "dev": 6, "test": 4}, seed=3)
    return root


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    """One feature cache for all tests of a session: the annotations are computed once."""
    monkeypatch.setenv("SAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def settings(root: Path, **changes) -> TrainConfig:
    values = {
        "name": "tiny", "dataset": "shapes", "data": str(root), "epochs": 2, "batch_pictures": 4, "min_word_count": 1,
        "precision": "float32", "learning_rate": 5e-3, "warmup_steps": 2, "scheduled_sampling": 0.3, "samples": 2,
        "meteor": False,
        "average_last": 2,
        "model": ModelConfig(
            name="tiny", embedding_dim=16, hidden_dim=24, attention_dim=8, dropout=0.2,
            decoding={"beam": 2, "max_words": 8},
        ),
    }  # fmt: skip
    return TrainConfig.model_validate({**values, **changes})


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(r["step"], r["loss"]) for r in RunFolder.open(folder).metrics("step")]


@pytest.fixture(autouse=True)
def _every_step(monkeypatch):
    monkeypatch.setattr(module, "_LOG_EVERY", 1)
    monkeypatch.setattr(module, "_SAVE_EVERY", 2)


@pytest.mark.parametrize("stop_after", [3, 6, 7])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(shapes_root, tmp_path, stop_after):
    """Six batches an epoch: stopped within the first, at its end, and within the second."""
    config = settings(shapes_root)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert train(config, whole)
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == stop_after

    assert train(config, halves, should_stop=stop) is False
    assert json.loads((halves / "status.json").read_text())["state"] == "stopped"
    assert train(config, halves, resume=True)
    assert losses(halves) == losses(whole) and len(losses(whole)) == 12
    ours, theirs = (checkpoints.load_model(f / "model")[0].state_dict() for f in (halves, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_tells_its_own_story(shapes_root, tmp_path):
    folder = tmp_path / "run"
    assert train(settings(shapes_root), folder)
    assert yaml.safe_load((folder / "config.yaml").read_text())["name"] == "tiny"
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"
    epochs = RunFolder.open(folder).metrics("epoch")
    assert [r["epoch"] for r in epochs] == [0, 1]
    assert {"BLEU-4", "CIDEr", "entropy", "effective_places"} <= set(epochs[-1]["dev"])
    assert all(0.0 <= epochs[-1]["dev"][name] <= 1.0 for name in ("correctness_last", "pointing_0"))  # true boxes
    assert {"cpu", "memory"} <= set(RunFolder.open(folder).metrics("step")[-1])
    assert epochs[1]["train"]["loss"] < epochs[0]["train"]["loss"]
    samples = json.loads((folder / "samples" / "epoch-001.json").read_text())
    assert len(samples) == 2 and samples[0]["image"].startswith("dev-")
    assert "epoch 2/2" in (folder / "log.txt").read_text()
    decoder, vocabulary = checkpoints.load_model(folder / "model")
    assert decoder.config.seed == 1 and "circle" in vocabulary
    story = json.loads((folder / "model" / "training.json").read_text())
    assert story["settings"]["data"] is None and len(story["epochs"]) == 2
    assert story["choice"]["weights"] in ("best epoch", "average")


def test_hard_attention_starts_from_soft_weights(shapes_root, tmp_path):
    soft = tmp_path / "soft"
    assert train(settings(shapes_root), soft)
    hard = settings(
        shapes_root,
        epochs=1,
        start_from=str(soft / "model"),
        model=ModelConfig(name="tiny-hard", attention="hard", decoding={"beam": 2, "max_words": 8}),
        hard=HardConfig(reward="to_go", baseline="expected", entropy_weight=0.01),
    )
    folder = tmp_path / "hard"
    assert train(hard, folder)
    config = checkpoints.read_config(folder / "model")
    assert config.attention == "hard" and config.hidden_dim == 24 and config.name == "tiny-hard"
    records = RunFolder.open(folder).metrics("step")
    assert all(r["reward"] < 0 and r["baseline"] < 0 and r["entropy"] > 0 for r in records)
    assert records[0]["advantage_std"] == 0 < max(r["advantage_std"] for r in records[1:])
    with pytest.raises(UserError, match="cannot start a 'none' model"):
        train(hard.model_copy(update={"model": ModelConfig(attention="none")}), tmp_path / "none")


def test_without_attention(shapes_root, tmp_path):
    config = settings(
        shapes_root,
        epochs=1,
        model=ModelConfig(attention="none", embedding_dim=16, hidden_dim=24, decoding={"beam": 2, "max_words": 8}),
    )
    assert train(config, tmp_path / "nic")
    assert "entropy" not in RunFolder.open(tmp_path / "nic").metrics("epoch")[0]["dev"]


@pytest.mark.parametrize("recurrence", ["rnn", "log-bilinear"])
def test_the_baselines(shapes_root, tmp_path, recurrence):
    model = ModelConfig(
        attention="none", recurrence=recurrence, embedding_dim=16, hidden_dim=24, last_words=3, dropout=0.1,
        context_dropout=0.0, decoding={"beam": 2, "max_words": 8},
    )  # fmt: skip
    config = settings(shapes_root, epochs=3, model=model, learning_rate=0.02, scheduled_sampling=0.0)
    assert train(config, tmp_path / "run")
    epochs = RunFolder.open(tmp_path / "run").metrics("epoch")
    assert epochs[2]["train"]["loss"] < epochs[0]["train"]["loss"] - 0.25
    decoder, _ = checkpoints.load_model(tmp_path / "run" / "model")
    assert decoder.config.recurrence == recurrence
    again = settings(
        shapes_root, epochs=1, model=model, scheduled_sampling=0.0, start_from=str(tmp_path / "run" / "model")
    )
    assert train(again, tmp_path / "again")
    assert RunFolder.open(tmp_path / "again").metrics("epoch")[0]["train"]["loss"] < epochs[0]["train"]["loss"]
    with pytest.raises(UserError, match=f"has recurrence '{recurrence}' and cannot start a 'lstm' model"):
        train(again.model_copy(update={"model": ModelConfig(attention="none")}), tmp_path / "none")


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_good_state(shapes_root, tmp_path, monkeypatch):
    folder, step = tmp_path / "run", Trainer.train_step

    def poison(self, batch):
        if self.step == 5:
            self.decoder.L_o.bias.data.fill_(float("nan"))
        return step(self, batch)

    monkeypatch.setattr(Trainer, "train_step", poison)
    with pytest.raises(UserError, match="loss became nan at step 5"):
        train(settings(shapes_root), folder)
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "failed" and "nan" in status["error"]
    state = RunFolder.open(folder).load_state()
    assert state["step"] == 4 and all(t.isfinite().all() for t in state["decoder"].values())


def test_a_worker_that_is_lost_does_not_make_the_run_a_failure(shapes_root, tmp_path, monkeypatch):
    def reset(tensor, **how):
        raise RuntimeError("Connection reset by peer")

    monkeypatch.setattr(dist, "broadcast", lambda tensor, src: None)
    monkeypatch.setattr(dist, "all_reduce", reset)
    with pytest.raises(TeamLost, match="reset by peer"):
        train(settings(shapes_root), tmp_path / "run", team=Team(0, 2))
    run = RunFolder.open(tmp_path / "run")
    assert run.read_status()["state"] == "running" and not run.held()  # nobody holds it: the next team may
    assert "another worker was lost" in (run.path / "log.txt").read_text()


def test_weights_and_decoding_are_chosen_on_dev(shapes_root, tmp_path):
    folder = tmp_path / "run"
    train(settings(shapes_root), folder)
    (choice,) = RunFolder.open(folder).metrics("choice")
    merit = lambda s: s["BLEU-4"] + 0.4 * s["CIDEr"]  # noqa: E731
    assert merit(choice["candidates"][choice["weights"]]) == max(map(merit, choice["candidates"].values()))
    best = max(choice["decodings"], key=merit)
    assert (choice["decoding"]["beam"], choice["decoding"]["length_norm"]) == (best["beam"], best["length_norm"])


def test_a_folder_that_holds_a_run_is_not_overwritten(shapes_root, tmp_path):
    RunFolder.create(tmp_path / "run", settings(shapes_root))
    with pytest.raises(UserError, match="already holds a run"):
        train(settings(shapes_root), tmp_path / "run")
    with pytest.raises(UserError, match="is not a run"):
        train(settings(shapes_root), tmp_path / "nowhere", resume=True)


def test_damaged_metrics_lines_are_passed_over(tmp_path):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    run.record(kind="step", step=1, loss=2.0)
    with open(run.metrics_file, "a") as file:
        file.write('{"kind": "step", "step": 2, "lo\n[1, 2]\n')
    run.record(kind="step", step=3, loss=1.0)
    assert [r["step"] for r in run.metrics("step")] == [1, 3]
    run.rewind(2)
    assert [r["step"] for r in run.metrics()] == [1]


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_losses(shapes_root, tmp_path):
    """kill -9 of a real process in the middle of a run."""
    config = settings(shapes_root, epochs=6)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert train(config, whole)
    script = (
        "import sys, torch; from pathlib import Path; from sat.training import trainer as t; "
        "from sat.training.train import train; "
        "from sat.config import TrainConfig; t._LOG_EVERY = 1; t._SAVE_EVERY = 2; "
        f"torch.set_num_threads({torch.get_num_threads()}); "
        "train(TrainConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, config.model_dump_json(), str(killed)], env=os.environ)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if (killed / "metrics.jsonl").is_file() and len(losses(killed)) >= 15:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    assert RunFolder.open(killed).load_state()["step"] >= 12
    assert train(config, killed, resume=True)
    assert losses(killed) == losses(whole)


def test_finish_scores_what_is_stored(shapes_root, tmp_path):
    """The chosen scores are those of the half-precision weights, loaded again."""
    folder = RunFolder.create(tmp_path / "run", settings(shapes_root, average_last=0))
    trainer = Trainer(folder.config, folder)
    trainer.run()
    finish(trainer, tmp_path / "model")
    decoder, vocabulary = checkpoints.load_model(tmp_path / "model")
    scores, _ = score_dev(decoder, vocabulary, trainer.prepared, trainer.scorer, decoder.config.decoding)
    (choice,) = folder.metrics("choice")
    chosen = [
        r
        for r in choice["decodings"]
        if (r["beam"], r["length_norm"]) == (decoder.config.decoding.beam, decoder.config.decoding.length_norm)
    ]
    assert chosen[0]["CIDEr"] == pytest.approx(scores["CIDEr"])


def test_the_encoder_can_be_fine_tuned(shapes_root, tmp_path):
    """Its weights change, are stored beside the decoder's, and are what the loaded captioner looks with."""
    import sat
    from sat.models.encoder import Encoder

    config = settings(shapes_root, epochs=1, limit=8, batch_pictures=4, encoder_learning_rate=1e-3, mirror=True)
    assert train(config, tmp_path / "run")
    captioner = sat.load(tmp_path / "run" / "model")
    published = Encoder(config.model.encoder)
    assert captioner.encoder.fingerprint == captioner.config.encoder_fingerprint != published.fingerprint
    picture = sat.read_picture(shapes_root / "shapes" / "images" / "dev-00000.png")
    assert (captioner.annotate([picture]) - captioner.annotate([picture])).abs().max() == 0
    from sat.models.encoder import pixels

    assert (captioner.annotate([picture]) - published(pixels([picture.square]))).abs().max() > 1e-2
    assert captioner.caption(picture).words
