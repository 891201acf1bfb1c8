"""A picture to its trace with all maps, over the encoder's own forward pass alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Goal, Report, Result, compare, duration, interleave, main
from benchmarks.material import sample_pictures
from sat.captioner import Captioner, load
from sat.config import Decoding
from sat.images import Picture
from sat.models.encoder import Encoder, pixels

MODELS = ("soft-flickr8k", "hard-flickr8k")
GOAL = Goal("at most", 2.0)


def run(quick: bool = False) -> Report:
    """All samples of the app, both models, as tuned and with a beam of 3."""
    pictures, rounds = (sample_pictures()[:1], 1) if quick else (sample_pictures(), 5)
    captioners = {name: load(name) for name in MODELS}
    cases: dict[str, tuple[Captioner, Decoding]] = {}
    for name, captioner in captioners.items():
        tuned = captioner.config.decoding
        cases[f"{name}, beam {tuned.beam} as tuned"] = (captioner, tuned)
        cases[f"{name}, beam 3"] = (captioner, tuned.model_copy(update={"beam": 3}))
    (encoder,) = {id(c.encoder): c.encoder for c in captioners.values()}.values()  # the models share it
    seconds: dict[str, list[np.ndarray]] = {}
    for picture in pictures:
        for name, values in measure(encoder, cases, picture, rounds).items():
            seconds.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in seconds.items()}
    results: list[Result] = []
    for name in cases:
        results.append(compare(name, joined[name], joined["encoder"], GOAL, alike=False))
    words = [len(c.caption(p, d).words) for c, d in cases.values() for p in pictures]
    share = np.median(sum(joined[f"{name}: decoding"] for name in cases) / sum(joined[name] for name in cases))
    notes = (
        f"Captions of {min(words)} to {max(words)} words, {np.mean(words):.1f} on average.",
        f"Decoding alone, annotations known: {_decodings(joined, list(cases))}; "
        f"{100 * share:.0f} % of the whole on average.",
    )
    text = (
        f"`Captioner.caption` on the app's {len(pictures)} sample pictures, one at a time, from the picture's pixels "
        "to the trace with its maps, gates and alternatives, over the encoder's forward pass of the same picture."
    )
    return Report("Caption over encoder", text, tuple(results), notes)


def measure(
    encoder: Encoder, cases: dict[str, tuple[Captioner, Decoding]], picture: Picture, rounds: int
) -> dict[str, np.ndarray]:
    """Seconds of one picture: the encoder's, every case's, and every case's decoding alone."""
    batch = pixels([picture.square])
    with torch.inference_mode():
        raw = encoder(batch)

    def forward() -> Tensor:
        with torch.inference_mode():
            return encoder(batch)

    tasks: dict[str, Callable[[], object]] = {"encoder": forward}
    for name, (captioner, decoding) in cases.items():
        tasks[name] = partial(captioner.caption, picture, decoding)
        tasks[f"{name}: decoding"] = partial(captioner.caption_annotations, raw, decoding)
    return interleave(tasks, rounds)


def _decodings(seconds: dict[str, np.ndarray], names: list[str]) -> str:
    return ", ".join(f"{name.replace(' as tuned', '')}: {duration(seconds[f'{name}: decoding'])}" for name in names)


if __name__ == "__main__":
    main(run)
