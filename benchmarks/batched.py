"""Beam search over a batch of pictures, against the same search one picture at a time and against plain arithmetic."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import Goal, Report, compare, interleave, main
from benchmarks.material import photographs
from sat.captioner import Captioner, load
from sat.config import Decoding

FASTER, FLOOR = Goal("at least", 4.0), Goal("at most", 3.0)
BEAM = 5
PRODUCT = 2048  # side of the square matrices whose product measures the peak


def run(quick: bool = False) -> Report:
    """64 photographs, beam 5."""
    count, rounds = (4, 1) if quick else (64, 5)
    captioner = load("soft-flickr8k")
    decoding = captioner.config.decoding.model_copy(update={"beam": BEAM})
    pictures = photographs(count)
    raw = torch.cat([captioner.annotate(pictures[i : i + 16]) for i in range(0, count, 16)])  # (B, L, D)
    left = torch.rand(PRODUCT, PRODUCT)
    right = torch.rand(PRODUCT, PRODUCT)
    seconds = interleave(
        {
            "batch": lambda: captioner.caption_annotations(raw, decoding),
            "alone": lambda: [captioner.caption_annotations(raw[i : i + 1], decoding) for i in range(count)],
            "product": lambda: left @ right,
        },
        rounds,
    )
    together = captioner.caption_annotations(raw, decoding)
    alone = [captioner.caption_annotations(raw[i : i + 1], decoding)[0] for i in range(count)]
    same = sum(a.words == b.words for a, b in zip(together, alone, strict=True))
    operations = flops(captioner, raw, decoding)
    peak = 2 * PRODUCT**3 / seconds["product"]  # a second
    results = (
        compare(
            f"times faster than one by one, {count} pictures", seconds["batch"], seconds["alone"], FASTER, faster=True
        ),
        compare("time over the arithmetic floor", seconds["batch"], operations / peak, FLOOR),
    )
    lengths = [len(trace.words) for trace in together]
    text = (
        f"Beam search with {BEAM} hypotheses by soft-flickr8k over {count} photographs in one batch, from known "
        "annotations to traces. The floor is the time that its multiplications and additions would take in one large "
        f"matrix product: {operations / 1e9:.1f} billion, counted by `torch.utils.flop_counter`, at the speed of a "
        f"product of two float32 matrices of {PRODUCT} x {PRODUCT} in the same round."
    )
    notes = (
        f"The same caption for {same} of {count} pictures; {min(lengths)} to {max(lengths)} words, "
        f"{np.mean(lengths):.1f} on average.",
        f"Peak: {np.median(peak) / 1e9:.0f} billion operations a second. Without a floor: tanh, exp, sorting and "
        "copying, which the count leaves out.",
        f"Where the time of the batch goes: {profile(captioner, raw, decoding)}.",
    )
    return Report("Batched beam search", text, results, notes)


def flops(captioner: Captioner, raw: Tensor, decoding: Decoding) -> int:
    """Floating-point operations of the matrix products of a decoding; an addition and a multiplication are two."""
    with FlopCounterMode(display=False) as counter:
        captioner.caption_annotations(raw, decoding)
    return int(counter.get_total_flops())


def profile(captioner: Captioner, raw: Tensor, decoding: Decoding, most: int = 8) -> str:
    """The operators that take most of the time by themselves, with their shares of it."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        captioner.caption_annotations(raw, decoding)
    rows = sorted(profiler.key_averages(), key=lambda row: -row.self_cpu_time_total)
    total = sum(row.self_cpu_time_total for row in rows)
    return ", ".join(f"{r.key.removeprefix('aten::')} {100 * r.self_cpu_time_total / total:.0f} %" for r in rows[:most])


if __name__ == "__main__":
    main(run)
