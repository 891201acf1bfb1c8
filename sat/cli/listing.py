"""``models``: what there is to caption with."""

from __future__ import annotations

from sat.cli.console import say
from sat.errors import UserError


def models() -> None:
    """The models that there are, with their scores on the test split (standard protocol)."""
    from sat import checkpoints

    rows: list[tuple[str, ...]] = [("NAME", "ATTENTION", "DECODER", "ENCODER", "BLEU-4", "CIDEr")]
    damaged: list[UserError] = []
    for name in checkpoints.available():
        folder = checkpoints.find(name)
        try:
            config = checkpoints.read_config(folder)
        except UserError as error:
            damaged.append(error)
            continue
        scores = (checkpoints.read_metrics(folder) or {}).get("standard")
        bleu, cider = (scores.get(k) if isinstance(scores, dict) else None for k in ("BLEU-4", "CIDEr"))
        shown = (f"{score:.1f}" if isinstance(score, int | float) else "-" for score in (bleu, cider))
        rows.append((name, config.attention, config.recurrence, config.encoder, *shown))
    if len(rows) == 1 and not damaged:
        root = checkpoints.checkpoints_root()
        raise UserError(f"There is no model in {root}: train one with 'python -m sat train soft-flickr8k'.")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if damaged:
        raise damaged[0]
