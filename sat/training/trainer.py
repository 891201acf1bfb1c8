"""The training loop: the same code on a CPU and on a GPU, in one process or in several (``Team``)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sat import checkpoints
from sat.config import TrainConfig
from sat.errors import UserError
from sat.evaluation.captions import QuickScorer
from sat.files import write_text
from sat.trace import Trace
from sat.training.batches import Batch
from sat.training.dev import GREEDY, dev_batches, score_dev
from sat.training.dev_meteor import DevMeteor
from sat.training.grounding import dev_grounding
from sat.training.losses import attention_inside, doubly_stochastic, grounding, reinforce, rollout
from sat.training.prepare import Prepared, prepare
from sat.training.run import RunFolder
from sat.training.schedule import learning_rate, ramp
from sat.training.team import ALONE, Team
from sat.training.usage import Usage

_SAVE_EVERY = 100  # steps between two states on disk within an epoch
_LOG_EVERY = 20  # steps between two records
_METEOR_SECONDS = 30.0  # that a run waits at its end for the last epoch's METEOR


class Trainer:
    """One run. ``run()`` trains to the end, or until ``should_stop()``."""

    def __init__(
        self,
        config: TrainConfig,
        folder: RunFolder,
        *,
        device: str = "",
        should_stop: Callable[[], bool] = lambda: False,
        team: Team = ALONE,
        prepared: Prepared | None = None,
    ) -> None:
        self.config, self.folder, self.should_stop, self.team = config, folder, should_stop, team
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.manual_seed(config.seed)
        self.prepared: Prepared = prepared or prepare(config, folder.log)
        self.decoder = self.prepared.decoder.to(self.device).requires_grad_(True)
        self.encoder = self.prepared.encoder.to(self.device)
        self.tuned = self.encoder.parameters_to_train() if config.encoder_learning_rate else []
        team.align([self.decoder, self.encoder] if self.tuned else [self.decoder])
        self.vocabulary = self.prepared.vocabulary
        self.optimizer = torch.optim.AdamW(self._groups(), lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
        self.batches = math.ceil(len(self.prepared.training) / config.batch_pictures)
        self.total = self.batches * config.epochs
        self.epoch, self.batch, self.step = 0, 0, 0
        self.best, self.best_epoch = -1.0, -1
        self.baseline = torch.full((config.max_words + 1,), torch.nan, device=self.device)
        self.average: dict[str, Tensor] = {}
        self.averaged = 0
        references = {e.name: list(e.captions) for e in self.prepared.dev}
        self.scorer = QuickScorer(references)
        self.meteor = DevMeteor(references, folder) if config.meteor and references and team.leads else None
        self.usage = Usage(self.device)
        self._sums: dict[str, float] = {}
        self._reseed()

    def _reseed(self) -> None:
        """Workers that start from the same numbers must not draw the same dropout masks for different pictures."""
        if not self.team.leads:
            torch.manual_seed(self.config.seed + 1_000_003 * self.team.rank + 7919 * self.step)

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
        self._reseed()
        self.folder.rewind(self.step)

    # The loop.

    def run(self) -> bool:
        """Train; True when the run came to its end, False when it was stopped (and saved)."""
        config = self.config
        self.folder.status("running", phase="training", epoch=self.epoch, step=self.step, total=self.total)
        while self.epoch < config.epochs:
            started = time.monotonic()
            if not self._train_epoch():
                self.folder.save_state(self.state())
                self.close()
                self.folder.status("stopped", epoch=self.epoch, step=self.step)
                return False
            self._end_epoch(time.monotonic() - started)
            if self.team.agree(0 < config.patience <= self.epoch - 1 - self.best_epoch):
                self.folder.log(f"no better on dev for {config.patience} epochs: ending early")
                break
        return True

    def close(self) -> None:
        """End what runs beside the training."""
        if self.meteor is not None:
            self.meteor.close(_METEOR_SECONDS)

    def _train_epoch(self) -> bool:
        config = self.config
        self.decoder.train()
        batches = self.prepared.training.epoch(
            config.seed, self.epoch, config.batch_pictures, config.max_words, skip=self.batch, part=self.team.part
        )
        window: dict[str, float] = {}
        steps = 0  # in the window, which an epoch's end or a resumption cuts short
        every = min(_LOG_EVERY, max(self.batches // 5, 1))  # a short run has its curves too
        for batch in batches:
            values = self.train_step(batch)
            self.step += 1
            self.batch += 1
            stop = self.team.agree(self.should_stop())  # before anybody can see that a step was made
            for name, value in values.items():
                self._sums[name] = self._sums.get(name, 0.0) + value
                window[name] = window.get(name, 0.0) + value
            steps += 1
            if self.step % every == 0:
                means = {name: value / steps for name, value in window.items()}
                window, steps = {}, 0
                self.folder.record(kind="step", epoch=self.epoch, step=self.step, **means, **self.usage.read())
                self.folder.status("running", phase="training", epoch=self.epoch, step=self.step, total=self.total)
            if self.step % _SAVE_EVERY == 0 and self.batch < self.batches:
                self.folder.save_state(self.state())
            if stop:
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
        # This worker's part of the batch's tokens and captions: 1 where it is alone.
        of_tokens, of_captions = self.team.shares([len(rolled.targets), int((lengths > 0).sum())])
        nll = F.cross_entropy(rolled.logits, rolled.targets, label_smoothing=config.label_smoothing)
        loss, values = of_tokens * nll, {"nll": of_tokens * nll.item()}
        if rolled.coverage is not None and rolled.entropy is not None:
            penalty = doubly_stochastic(rolled.coverage, lengths)
            loss = loss + of_captions * config.doubly_stochastic * penalty
            values |= {"penalty": of_captions * penalty.item(), "entropy": of_tokens * rolled.entropy.mean().item()}
        if batch.regions is not None:
            inside = attention_inside(rolled, batch.regions.to(self.device))
            (of_boxed,) = self.team.shares([len(inside)])
            missed = grounding(inside, config.grounding.power)
            loss = loss + of_boxed * config.grounding.weight * missed
            correctness = inside.detach().exp().sum().item() / max(len(inside), 1)
            values |= {"grounding": of_boxed * missed.item(), "correctness": of_boxed * correctness}
        if hard:
            surrogate, baseline, advantage = reinforce(rolled, config.hard, self.baseline)
            self.baseline = self.team.known_mean(baseline)
            weight = ramp(config.hard.entropy_weight, config.hard.entropy_weight_end, self.step, self.total)
            assert rolled.entropy is not None and rolled.sampled is not None
            loss = loss + of_tokens * (surrogate - weight * rolled.entropy.mean())
            taken = advantage[rolled.sampled]
            reward = rolled.logits.detach().log_softmax(-1).gather(1, rolled.targets[:, None]).mean().item()
            values |= {
                "reward": of_tokens * reward,
                "baseline": of_tokens * self.baseline[0].nan_to_num().item(),
                "advantage_std": of_tokens * (taken.std().item() if len(taken) > 1 else 0.0),
            }
        values = self.team.sums(values | {"loss": loss.item()})
        if not math.isfinite(values["loss"]):
            raise UserError(
                f"The loss became {values['loss']} at step {self.step}: lower learning_rate or clip_norm and resume; "
                "the last good state is kept."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [*decoder.parameters(), *self.tuned]
        self.team.add_gradients([p for p in parameters if p.requires_grad])
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
        self.optimizer.step()
        return values | {"lr": rate, "grad_norm": norm.item()}

    def _end_epoch(self, seconds: float) -> None:
        if self.team.leads:
            self._score_epoch(seconds)
        self.epoch, self.batch, self._sums = self.epoch + 1, 0, {}
        self.folder.save_state(self.state())

    def _score_epoch(self, seconds: float) -> None:
        """Score this epoch on dev, write its record and its samples, and keep the weights if they are the best."""
        config = self.config
        count = max(self.batch, 1)
        means = {name: value / count for name, value in self._sums.items()}
        self.folder.status("running", phase="scoring", epoch=self.epoch, step=self.step, total=self.total)
        scores, traces = score_dev(
            self.decoder, self.vocabulary, self.prepared, self.scorer, GREEDY, self.encoder if self.tuned else None
        )
        if config.grounding.weight or (config.dataset == "shapes" and self.decoder.attends):  # whose boxes are known
            shown = dev_batches(self.decoder, self.prepared, self.encoder if self.tuned else None)
            scores |= dev_grounding(self.decoder, self.vocabulary, self.prepared.dataset, shown)
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
        if self.meteor is not None:
            names = [e.name for e in self.prepared.dev]
            self.meteor.score(self.epoch, self.step, {n: t.caption for n, t in zip(names, traces, strict=True)})
        self._write_samples(traces)
        self.folder.log(
            f"epoch {self.epoch + 1}/{config.epochs}: nll {means['nll']:.3f}, dev BLEU-4 {scores['BLEU-4']:.2f}, "
            f"CIDEr {scores['CIDEr']:.2f}"
            + (f", effective places {scores['effective_places']:.0f}" if "effective_places" in scores else "")
            + (
                f", attention in the boxes {scores['correctness_last']:.3f}, pointing {scores['pointing_0']:.3f}"
                if "correctness_last" in scores
                else ""
            )
            + f", {seconds:.0f} s"
        )
        if scores["CIDEr"] > self.best:
            self.best, self.best_epoch = scores["CIDEr"], self.epoch
            best = self.folder.path / "checkpoints" / "best"
            checkpoints.save_model(best, self.decoder, self.vocabulary, encoder=self.encoder if self.tuned else None)
        self.folder.status("running", phase="training", epoch=self.epoch + 1, step=self.step, best=self.best)

    def _write_samples(self, traces: list[Trace]) -> None:
        """Caption and maps of the fixed pictures at this epoch."""
        shown = zip(self.prepared.dev[: self.config.samples], traces, strict=False)
        records = [trace.to_dict(example.name) for example, trace in shown]
        write_text(self.folder.path / "samples" / f"epoch-{self.epoch:03d}.json", json.dumps(records))
