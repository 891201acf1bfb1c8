"""How well could attention find what a word names, if it were told the word? ``python -m sat.training.ceiling MODEL``.

alpha_t is computed from h_{t-1}, before word t is known: even perfect attention must bet on what comes next. Here the
trained decoder is frozen, and a copy of its score learns, from the same boxes and by the same term, with the word
itself as a further input: e_ti = v^T tanh(W_a a_i + W_h h_{t-1} + W_y E y_t). What that copy reaches on the same
phrases is a ceiling for models on these annotations; what remains is in the encoder's grid and in the boxes.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sat import checkpoints
from sat.config import TrainConfig, parse
from sat.data.dataset import Example
from sat.data.entities import ALIGNED_FILE, AlignedPicture, read_aligned
from sat.data.features import extract
from sat.errors import UserError
from sat.evaluation.grounding import boxed_phrases, caption_words, ground
from sat.evaluation.publish import read_training
from sat.evaluation.results import CEILING_FILE
from sat.files import write_text
from sat.models.decoder import Annotations, Decoder
from sat.training.batches import collate
from sat.training.losses import grounding
from sat.training.prepare import Prepared, prepare
from sat.vocabulary import Vocabulary

_BATCH = 32
_RATE = 1e-3
_REPORTED = ("phrases", "correctness_last", "pointing_0")


class ToldScore(nn.Module):
    """The score of a trained model that is also told the word; until it is trained it scores as the model does."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.score = copy.deepcopy(decoder.score).requires_grad_(True)
        self.W_y = nn.Linear(decoder.config.embedding_dim, decoder.config.attention_dim, bias=False)
        nn.init.zeros_(self.W_y.weight)

    def forward(self, values: Tensor, hidden: Tensor, embedded: Tensor) -> Tensor:
        """log alpha (B, Q, L) of Q questions a picture.

        Args:
            values: standardised annotations (B, L, D); hidden: h_{t-1}, (B, Q, n); embedded: E y_t, (B, Q, m).
        """
        query = self.score.W_h(hidden) + self.W_y(embedded)  # (B, Q, A)
        return self.score.of_query(self.score.W_a(values), query).float().log_softmax(-1)


@torch.no_grad()
def states_before(decoder: Decoder, annotations: Annotations, inputs: Tensor) -> Tensor:
    """h_{t-1} of every step under teacher forcing, (B, K, T, n), for the inputs (B, K, T)."""
    state = decoder.start(annotations, inputs.shape[1])
    before = []
    for t in range(inputs.shape[2]):
        before.append(state.h)
        state = decoder.step(state, inputs[:, :, t], annotations, with_logits=False).state
    return torch.stack(before, dim=2)


def teach(
    decoder: Decoder, prepared: Prepared, config: TrainConfig, epochs: int, log: Callable[[str], None]
) -> ToldScore:
    """Train the told score on the boxes of the training pictures; nothing else changes."""
    torch.manual_seed(config.seed)
    told = ToldScore(decoder).train()
    optimizer = torch.optim.AdamW(told.parameters(), lr=_RATE, weight_decay=config.weight_decay)
    total = epochs * math.ceil(len(prepared.training) / config.batch_pictures)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    for epoch in range(epochs):
        inside = words = 0.0
        for batch in prepared.training.epoch(config.seed, epoch, config.batch_pictures, config.max_words):
            assert batch.regions is not None
            boxed = batch.regions.region >= 0  # (B, K, T)
            if not boxed.any():
                continue
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                annotations = decoder.annotate(batch.annotations)
                before = states_before(decoder, annotations, batch.inputs).float()
            asked, there = packed(boxed.flatten(1))  # (B, Q)
            hidden = _pick(before.flatten(1, 2), asked)
            embedded = decoder.E(batch.targets.flatten(1).gather(1, asked))  # (B, Q, m)
            with torch.autocast("cpu", torch.bfloat16):
                log_alpha = told(annotations.values, hidden, embedded)
            region = batch.regions.region.flatten(1).gather(1, asked)[there]  # (M,)
            coverage = batch.regions.coverage[region]  # (M, L)
            log_inside = (log_alpha[there] + coverage.log()).logsumexp(-1)  # (M,)
            optimizer.zero_grad(set_to_none=True)
            grounding(log_inside, config.grounding.power).backward()
            nn.utils.clip_grad_norm_(told.parameters(), config.clip_norm)
            optimizer.step()
            schedule.step()
            inside, words = inside + float(log_inside.detach().exp().sum()), words + len(log_inside)
        log(f"epoch {epoch + 1}/{epochs}: attention in the boxes of training words {inside / max(words, 1):.3f}")
    return told.eval()


def packed(wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Per row, the positions where ``wanted`` (B, N) is True, first and in order, and which of them are real.

    Returns:
        positions (B, Q), Q the most of any row, at least 1; bool (B, Q), False behind a row's last one.
    """
    count = wanted.sum(1)  # (B,)
    most = max(int(count.max()), 1)
    order = (~wanted).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
    return order, torch.arange(most) < count.unsqueeze(1)


@torch.inference_mode()
def told_grounding(
    told: ToldScore, decoder: Decoder, vocabulary: Vocabulary, shown: Iterator[tuple[list[Example], Tensor]],
    aligned: dict[str, AlignedPicture],
) -> dict[str, Any]:  # fmt: skip
    """``ground`` of the attention that is told each word, on the reference captions of some pictures."""
    alphas: dict[str, list[np.ndarray]] = {}
    for examples, raw in shown:
        pictures = [aligned.get(example.name) for example in examples]
        words = [[] if p is None else [vocabulary.encode(c) for c in caption_words(p)] for p in pictures]
        inputs, targets, lengths = collate(words)
        annotations = decoder.annotate(raw)
        before = states_before(decoder, annotations, inputs)  # (B, K, T, n)
        log_alpha = told(annotations.values, before.flatten(1, 2), decoder.E(targets.flatten(1)))  # (B, K T, L)
        grid = (decoder.config.rows, decoder.config.columns)
        maps = log_alpha.exp().unflatten(1, tuple(targets.shape[1:])).unflatten(-1, grid).numpy()  # (B, K, T, r, c)
        for b, example in enumerate(examples):
            alphas[example.name] = [maps[b, k, : int(lengths[b, k]) - 1] for k in range(len(words[b]))]
    phrases = boxed_phrases(aligned[name] for name in alphas if name in aligned)
    return {name: value for name, value in ground(phrases, alphas).items() if name in _REPORTED}


def _pick(rows: Tensor, asked: Tensor) -> Tensor:
    """Rows (B, Q, n) of (B, N, n)."""
    return rows.gather(1, asked.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))


def measure(name: str, *, data: str | None, epochs: int, log: Callable[[str], None]) -> dict[str, Any]:
    """Train the told score of a shipped model and judge it on dev and test; written to ``ceiling.json`` beside it.

    Raises:
        UserError: the model was not trained with boxes, or the data set is not there.
    """
    folder = checkpoints.find(name)
    story = read_training(folder)
    config = None if story is None else parse(TrainConfig, story["settings"], str(folder / "training.json"))
    if config is None or not config.grounding.weight:
        raise UserError(f"{name} was not trained with boxes: name a grounded model.")
    config = config.model_copy(update={"data": data, "start_from": str(folder), "encoder_learning_rate": 0.0})
    prepared = prepare(config, log)
    decoder = prepared.decoder.eval().requires_grad_(False)
    told = teach(decoder, prepared, config, epochs, log)
    aligned = read_aligned(prepared.dataset.root / ALIGNED_FILE)
    found: dict[str, Any] = {"model": decoder.config.name, "seed": config.seed, "epochs": epochs}
    for split in ("dev", "test"):
        examples = prepared.dataset.split(split)
        store, _ = extract(prepared.encoder, [e.path for e in examples], size=config.model.image_size)
        rows = store.find([e.path for e in examples])
        array = store.array()

        def shown(examples: list[Example] = examples, rows: np.ndarray = rows, array: np.memmap = array):
            for first in range(0, len(examples), _BATCH):
                part = slice(first, first + _BATCH)
                yield examples[part], torch.from_numpy(array[rows[part]]).float()

        values = told_grounding(told, decoder, prepared.vocabulary, shown(), aligned)
        found[split] = {key: round(value, 4) for key, value in values.items()}
        log(f"{split}: {found[split]}")
    write_text(folder / CEILING_FILE, json.dumps(found, indent=2) + "\n")
    return found


def read(folder: Path) -> dict[str, Any] | None:
    """The ceiling kept beside a model; None where it was not measured or the file is damaged."""
    found = checkpoints.read_record(folder / CEILING_FILE)
    return found if found is not None and {"dev", "test"} <= set(found) else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sat.training.ceiling", description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default=None, help="data root; else $SAT_DATA, else data/")
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    try:
        measure(given.model, data=given.data, epochs=given.epochs, log=print)
    except UserError as error:
        parser.exit(2, f"{error}\n")
