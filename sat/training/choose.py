"""The end of a run: weights and decoding are chosen on dev, and the model folder is written."""

from __future__ import annotations

import math
from pathlib import Path

from sat import checkpoints
from sat.config import Decoding
from sat.evaluation.captions import QuickScorer
from sat.models.build import build
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder
from sat.training.dev import score_dev
from sat.training.dev_meteor import with_meteor
from sat.training.prepare import Prepared
from sat.training.trainer import Trainer
from sat.vocabulary import Vocabulary


def finish(trainer: Trainer, destination: Path) -> None:
    """Choose weights and decoding on dev, and write the model folder.

    The candidates are the best epoch and, if asked for, the mean of the last epochs (not with a fine-tuned encoder:
    a mean of decoders belongs to no encoder); each is scored after it was stored in half precision and loaded again,
    with beam search.
    """
    folder, config = trainer.folder, trainer.config
    folder.status("running", phase="choosing", epoch=trainer.epoch, step=trainer.step, total=trainer.total)
    candidates = {"best epoch": folder.path / "checkpoints" / "best"}
    if trainer.averaged and not trainer.tuned:
        mean = {name: total / trainer.averaged for name, total in trainer.average.items()}
        averaged = build(trainer.decoder.config)
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
    trainer.close()
    story = {"settings": settings, "epochs": with_meteor(folder), "choice": choice}
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
