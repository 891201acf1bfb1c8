"""How decoding grows with the number of pictures, of hypotheses and of words."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks.harness import Report, duration, interleave, main
from benchmarks.material import photographs
from sat.captioner import load
from sat.config import Decoding
from sat.decoding.search import beam_search
from sat.models.decoder import Decoder
from sat.vocabulary import END

PICTURES, BEAMS, WORDS = (1, 2, 4, 8, 16, 32, 64), (1, 2, 3, 5, 10, 20, 50), (5, 10, 20, 40, 80)
USUAL = {"pictures": 8, "beam": 5, "words": 10}


def run(quick: bool = False) -> Report:
    """One of the three grows, the others stay as usual."""
    rounds = 1 if quick else 5
    captioner = load("soft-flickr8k")
    decoder = endless(captioner.decoder)
    pictures = photographs(2 if quick else max(PICTURES))
    raw = torch.cat([captioner.annotate(pictures[i : i + 16]) for i in range(0, len(pictures), 16)])  # (B, L, D)
    ranges: dict[str, Sequence[int]] = {"pictures": PICTURES, "beam": BEAMS, "words": WORDS}
    if quick:
        ranges = {"pictures": (1, 2), "beam": (1, 2), "words": (1, 2)}
    rows: list[tuple[str, ...]] = [("", "from", "to", "shortest time", "longest time", "exponent", "of the upper half")]
    notes = []
    for name, sizes in ranges.items():
        tasks = {str(n): task(decoder, raw, {**USUAL, name: n}) for n in sizes}
        seconds = interleave(tasks, rounds)
        times = np.array([np.median(seconds[str(n)]) for n in sizes])
        upper = (len(sizes) - 1) // 2
        rows.append(
            (
                name,
                str(sizes[0]),
                str(sizes[-1]),
                duration(times[0]),
                duration(times[-1]),
                f"{exponent(sizes, times):.2f}",
                f"{exponent(sizes[upper:], times[upper:]):.2f}",
            )
        )
        notes.append(f"{name}: " + ", ".join(f"{n} {duration(t)}" for n, t in zip(sizes, times, strict=True)))
    text = (
        "Beam search by soft-flickr8k from known annotations. One of the three grows while the others stay at "
        f"{USUAL['pictures']} pictures, a beam of {USUAL['beam']} and {USUAL['words']} words; captions are kept from "
        "ending before. The exponent p is that of time = c n^p, fitted to the logarithms: below 1, a larger number "
        "costs less than in proportion."
    )
    return Report("Growth of decoding", text, (), tuple(notes), tuple(rows))


def endless(decoder: Decoder) -> Decoder:
    """A copy that practically never ends a caption, so that the number of words is what was asked for."""
    changed = copy.deepcopy(decoder)
    with torch.no_grad():
        changed.L_o.bias[END] = -1e4
    return changed


def task(decoder: Decoder, raw: torch.Tensor, size: dict[str, int]) -> Callable[[], object]:
    """A decoding of that size."""
    decoding = Decoding(beam=size["beam"], max_words=size["words"])
    some = raw[: size["pictures"]]

    def decode() -> object:
        with torch.inference_mode():
            return beam_search(decoder, decoder.annotate(some), decoding)

    return decode


def exponent(sizes: Sequence[int], times: np.ndarray) -> float:
    """p of time = c n^p, by least squares on the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


if __name__ == "__main__":
    main(run)
