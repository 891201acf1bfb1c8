"""The training loop: one process, one device; the same code on a CPU and on a GPU."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sat import checkpoints
from sat.captioner import Captioner
from sat.config import Decoding, TrainConfig
from sat.errors import UserError
from sat.evaluation.attention import attention_statistics
from sat.evaluation.captions import QuickScorer
from sat.files import write_text
from sat.images import read_picture
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder, pixels
from sat.trace import Trace
from sat.training.batches import Batch
from sat.training.losses import doubly_stochastic, reinforce, rollout
from sat.training.prepare import Prepared, prepare
from sat.training.run import RunFolder
from sat.training.schedule import learning_rate, ramp
from sat.vocabulary import Vocabulary

_SAVE_EVERY = 100  # steps between two states on disk within an epoch
_LOG_EVERY = 20  # steps between two records
_DEV_BATCH = 50
GREEDY = Decoding(method="greedy")


class Trainer:
    """One run. ``run()`` trains to the end, or until ``should_stop()``."""

    def __init__(
        self,
        config: TrainConfig,
        folder: RunFolder,
        *,
        device: str = "",
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config, self.folder, self.should_stop = config, folder, should_stop
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.manual_seed(config.seed)
        self.prepared: Prepared = prepare(config, folder.log)
        self.decoder = self.prepared.decoder.to(self.device).requires_grad_(True)
        self.encoder = self.prepared.encoder.to(self.device)
        self.tuned = self.encoder.parameters_to_train() if config.encoder_learning_rate else []
        self.vocabulary = self.prepared.vocabulary
        self.optimizer = torch.optim.AdamW(self._groups(), lr=config.learning_rate, betas=(0.9, 0.98))
        self.batches = math.ceil(len(self.prepared.training) / config.batch_pictures)
        self.total = self.batches * config.epochs
        self.epoch, self.batch, self.step = 0, 0, 0
        self.best, self.best_epoch = -1.0, -1
        self.baseline = torch.full((config.max_words + 1,), torch.nan, device=self.device)
        self.average: dict[str, Tensor] = {}
        self.averaged = 0
        self.scorer = QuickScorer({e.name: list(e.captions) for e in self.prepared.dev})
        self._sums: dict[str, float] = {}

    def _groups(self) -> list[dict[str, Any]]:
        """Weight decay on matrices only."""
        parameters = [p for p in self.decoder.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.config.weight_decay, "share": 1.0},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, "share": 1.0},
        ]
        if self.tuned:
            share = self.config.encoder_learning_rate / self.config.learning_rate
            groups.append({"params": self.tuned, "weight_decay": 0.0, "share": share})
        return groups

    # The state of a run: all that decides what the next step computes.

    def state(self) -> dict[str, Any]:
        """A dictionary of tensors and numbers from which ``restore`` goes on exactly."""
        return {
            "decoder": self.decoder.state_dict(),
            "encoder": self.encoder.state_dict() if self.tuned else {},
            "optimizer": self.optimizer.state_dict(),
            "baseline": self.baseline,
            "average": self.average,
            "averaged": self.averaged,
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "sums": self._sums,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.decoder.load_state_dict(state["decoder"])
        if self.tuned:
            self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.baseline = state["baseline"].to(self.device)
        self.average, self.averaged = state["average"], state["averaged"]
        self.epoch, self.batch, self.step = state["epoch"], state["batch"], state["step"]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._sums = dict(state["sums"])
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"] and self.device.type == "cuda":
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        self.folder.rewind(self.step)

    # The loop.

    def run(self) -> bool:
        """Train; True when the run came to its end, False when it was stopped (and saved)."""
        config = self.config
        while self.epoch < config.epochs:
            started = time.monotonic()
            if not self._train_epoch():
                self.folder.save_state(self.state())
                self.folder.status("stopped", epoch=self.epoch, step=self.step)
                return False
            self._end_epoch(time.monotonic() - started)
            if config.patience and self.epoch - 1 - self.best_epoch >= config.patience:
                self.folder.log(f"no better on dev for {config.patience} epochs: ending early")
                break
        return True

    def _train_epoch(self) -> bool:
        config = self.config
        self.decoder.train()
        batches = self.prepared.training.epoch(
            config.seed, self.epoch, config.batch_pictures, config.max_words, skip=self.batch
        )
        window: dict[str, float] = {}
        for batch in batches:
            values = self.train_step(batch)
            self.step += 1
            self.batch += 1
            for name, value in values.items():
                self._sums[name] = self._sums.get(name, 0.0) + value
                window[name] = window.get(name, 0.0) + value
            if self.step % _LOG_EVERY == 0:
                means = {name: value / _LOG_EVERY for name, value in window.items()}
                window = {}
                self.folder.record(kind="step", epoch=self.epoch, step=self.step, **means)
                self.folder.status("running", epoch=self.epoch, step=self.step, total=self.total)
            if self.step % _SAVE_EVERY == 0 and self.batch < self.batches:
                self.folder.save_state(self.state())
            if self.should_stop():
                return False
        return True

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One update. Returns what is logged, each a mean over tokens or captions."""
        config, decoder = self.config, self.decoder
        rate = learning_rate(config, self.step, self.total)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        lengths = batch.lengths.to(self.device)
        hard = config.model.attention == "hard"
        mixed = torch.rand(lengths.shape[0], device=self.device) < config.hard.expected_probability if hard else None
        autocast = torch.autocast(self.device.type, torch.bfloat16) if config.precision == "bfloat16" else nullcontext()
        with autocast:
            raw = batch.annotations.to(self.device)
            annotations = decoder.annotate(self.encoder(raw) if self.tuned else raw)
            rolled = rollout(
                decoder,
                annotations,
                batch.inputs.to(self.device),
                batch.targets.to(self.device),
                lengths,
                context="sample" if hard else "expected",
                expect=mixed,
                expected_baseline=hard and config.hard.baseline == "expected",
                own_words=ramp(0.0, config.scheduled_sampling, self.epoch, config.epochs),
            )
        nll = F.cross_entropy(rolled.logits, rolled.targets, label_smoothing=config.label_smoothing)
        loss, values = nll, {"nll": nll.item(), "lr": rate}
        if rolled.coverage is not None and rolled.entropy is not None:
            penalty = doubly_stochastic(rolled.coverage, lengths)
            loss = loss + config.doubly_stochastic * penalty
            values |= {"penalty": penalty.item(), "entropy": rolled.entropy.mean().item()}
        if hard:
            surrogate, self.baseline, advantage = reinforce(rolled, config.hard, self.baseline)
            weight = ramp(config.hard.entropy_weight, config.hard.entropy_weight_end, self.step, self.total)
            assert rolled.entropy is not None and rolled.sampled is not None
            loss = loss + surrogate - weight * rolled.entropy.mean()
            taken = advantage[rolled.sampled]
            values |= {
                "reward": rolled.logits.detach().log_softmax(-1).gather(1, rolled.targets[:, None]).mean().item(),
                "baseline": self.baseline[0].nan_to_num().item(),
                "advantage_std": taken.std().item() if len(taken) > 1 else 0.0,
            }
        if not torch.isfinite(loss):
            raise UserError(
                f"The loss became {loss.item()} at step {self.step}: lower learning_rate or clip_norm and resume; the "
                "last good state is kept."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([*decoder.parameters(), *self.tuned], config.clip_norm)
        self.optimizer.step()
        return values | {"loss": loss.item(), "grad_norm": norm.item()}

    def _end_epoch(self, seconds: float) -> None:
        config = self.config
        count = max(self.batch, 1)
        means = {name: value / count for name, value in self._sums.items()}
        self._sums = {}
        scores, traces = score_dev(
            self.decoder, self.vocabulary, self.prepared, self.scorer, GREEDY, self.encoder if self.tuned else None
        )
        if config.average_last and self.epoch >= config.epochs - config.average_last:
            for name, tensor in self.decoder.state_dict().items():
                self.average[name] = self.average.get(name, 0) + tensor.detach().cpu().float()
            self.averaged += 1
        record = {
            "kind": "epoch",
            "epoch": self.epoch,
            "step": self.step,
            "seconds": seconds,
            "train": means,
            "dev": scores,
        }
        self.folder.record(**record)
        self._write_samples(traces)
        self.folder.log(
            f"epoch {self.epoch + 1}/{config.epochs}: nll {means['nll']:.3f}, dev BLEU-4 {scores['BLEU-4']:.2f}, "
            f"CIDEr {scores['CIDEr']:.2f}"
            + (f", effective places {scores['effective_places']:.0f}" if "effective_places" in scores else "")
            + f", {seconds:.0f} s"
        )
        if scores["CIDEr"] > self.best:
            self.best, self.best_epoch = scores["CIDEr"], self.epoch
            best = self.folder.path / "checkpoints" / "best"
            checkpoints.save_model(best, self.decoder, self.vocabulary, encoder=self.encoder if self.tuned else None)
        self.epoch, self.batch = self.epoch + 1, 0
        self.folder.save_state(self.state())

    def _write_samples(self, traces: list[Trace]) -> None:
        """Caption and maps of the fixed pictures at this epoch."""
        shown = zip(self.prepared.dev[: self.config.samples], traces, strict=False)
        records = [trace.to_dict(example.name) for example, trace in shown]
        write_text(self.folder.path / "samples" / f"epoch-{self.epoch:03d}.json", json.dumps(records))


def score_dev(
    decoder: Decoder,
    vocabulary: Vocabulary,
    prepared: Prepared,
    scorer: QuickScorer,
    decoding: Decoding,
    encoder: Encoder | None = None,
) -> tuple[dict[str, float], list[Trace]]:
    """Decode the dev split and score the captions (never under teacher forcing).

    Args:
        encoder: annotate the pictures with it (one that is being trained); None takes the stored annotations.
    """
    was_training = decoder.training
    traces = caption_dev(decoder.eval(), vocabulary, prepared, decoding, encoder)
    decoder.train(was_training)
    names = [e.name for e in prepared.dev]
    scores = dict(scorer.scores({name: trace.caption for name, trace in zip(names, traces, strict=True)}))
    if decoder.attends:
        measured = attention_statistics(trace.alphas for trace in traces if trace.alphas is not None)
        scores |= {name: value for name, value in measured.items() if value is not None}
    return scores, traces


def caption_dev(
    decoder: Decoder, vocabulary: Vocabulary, prepared: Prepared, decoding: Decoding, encoder: Encoder | None
) -> list[Trace]:
    """Traces of the dev pictures, in float32."""
    captioner = Captioner(decoder, vocabulary, None)
    array, traces = prepared.store.array(), []
    for first in range(0, len(prepared.dev_rows), _DEV_BATCH):
        if encoder is None:
            raw = torch.from_numpy(array[prepared.dev_rows[first : first + _DEV_BATCH]]).float()  # (B, L, D)
        else:
            size = decoder.config.image_size
            squares = [read_picture(e.path, size=size).square for e in prepared.dev[first : first + _DEV_BATCH]]
            with torch.inference_mode():
                raw = encoder(pixels(squares).to(next(encoder.parameters()).device))
        traces += captioner.caption_annotations(raw, decoding)
    return traces


def finish(trainer: Trainer, destination: Path) -> None:
    """Choose weights and decoding on dev, and write the model folder.

    The candidates are the best epoch and, if asked for, the mean of the last epochs (not with a fine-tuned encoder:
    a mean of decoders belongs to no encoder); each is scored after it was stored in half precision and loaded again,
    with beam search.
    """
    folder, config = trainer.folder, trainer.config
    candidates = {"best epoch": folder.path / "checkpoints" / "best"}
    if trainer.averaged and not trainer.tuned:
        mean = {name: total / trainer.averaged for name, total in trainer.average.items()}
        averaged = Decoder(trainer.decoder.config)
        averaged.load_state_dict(mean)
        candidates["average"] = folder.path / "checkpoints" / "average"
        checkpoints.save_model(candidates["average"], averaged, trainer.vocabulary)
    encoder = None
    if trainer.tuned:
        encoder = checkpoints.load_encoder(candidates["best epoch"], name=trainer.encoder.name)
    scored: dict[str, dict[str, float]] = {}
    for name, path in candidates.items():
        decoder, vocabulary = checkpoints.load_model(path)
        scored[name], _ = score_dev(
            decoder, vocabulary, trainer.prepared, trainer.scorer, config.model.decoding, encoder
        )
        folder.log(f"{name}: dev BLEU-4 {scored[name]['BLEU-4']:.2f}, CIDEr {scored[name]['CIDEr']:.2f}")
    chosen = max(scored, key=lambda name: _merit(scored[name]))
    decoder, vocabulary = checkpoints.load_model(candidates[chosen])
    decoding, table = tune_decoding(
        decoder, vocabulary, trainer.prepared, trainer.scorer, config.model.decoding, encoder
    )
    choice = {"weights": chosen, "candidates": scored, "decodings": table, "decoding": decoding.model_dump()}
    folder.record(kind="choice", step=trainer.step, **choice)
    folder.log(f"chosen: {chosen}, beam {decoding.beam}, length_norm {decoding.length_norm}")
    model = decoder.config.model_copy(update={"name": config.model.name, "decoding": decoding, "seed": config.seed})
    start = config.start_from and checkpoints.read_config(checkpoints.find(config.start_from)).name
    # Where the data and the starting model lay is nobody's business; which model it was is.
    settings = config.model_copy(update={"data": None, "start_from": start}).model_dump()
    story = {"settings": settings, "epochs": folder.metrics("epoch"), "choice": choice}
    checkpoints.save_model(destination, decoder, vocabulary, encoder=encoder, config=model, training=story)
    folder.status("finished", epoch=trainer.epoch, step=trainer.step, total=trainer.total)


def tune_decoding(
    decoder: Decoder,
    vocabulary: Vocabulary,
    prepared: Prepared,
    scorer: QuickScorer,
    base: Decoding,
    encoder: Encoder | None = None,
) -> tuple[Decoding, list[dict[str, float]]]:
    """The beam and length normalisation that serve best on dev, and the table of all that were tried."""
    table: list[dict[str, float]] = []
    best, best_merit = base, -math.inf
    for beam in (3, 5):
        for length_norm in (0.5, 0.8, 1.1, 1.4):
            decoding = base.model_copy(update={"method": "beam", "beam": beam, "length_norm": length_norm})
            scores, _ = score_dev(decoder, vocabulary, prepared, scorer, decoding, encoder)
            table.append({"beam": beam, "length_norm": length_norm, **scores})
            if _merit(scores) > best_merit:
                best, best_merit = decoding, _merit(scores)
    return best, table


def _merit(scores: dict[str, float]) -> float:
    """What models and decodings are chosen by: BLEU-4 and CIDEr, the latter scaled to count about as much."""
    return scores["BLEU-4"] + 0.4 * scores["CIDEr"]


def train(
    config: TrainConfig, path: Path, *, resume: bool = False, should_stop: Callable[[], bool] = lambda: False
) -> bool:
    """A whole run in ``path``: train, choose on dev, write ``path/model``. False if it was stopped on the way."""
    folder = RunFolder.open(path) if resume else RunFolder.create(path, config)
    try:
        trainer = Trainer(folder.config if resume else config, folder, should_stop=should_stop)
        state = folder.load_state() if resume else None
        if state is not None:
            trainer.restore(state)
            folder.log(f"resumed at epoch {trainer.epoch + 1}, step {trainer.step}")
        if not trainer.run():
            folder.log("stopped and saved")
            return False
        finish(trainer, path / "model")
    except BaseException as error:
        folder.status("failed", error=str(error) or type(error).__name__)
        raise
    return True
