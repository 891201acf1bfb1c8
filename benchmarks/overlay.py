"""The overlay's upsampling and Gaussian against the one of the authors' notebook."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.harness import Goal, Report, Result, compare, interleave, main
from benchmarks.material import photographs
from sat.captioner import load
from sat.drawing.overlay import SIGMA, SQUARE, expand, upsample

SPEED, LIKENESS = Goal("at least", 25), Goal("at least", 40)


def run(quick: bool = False) -> Report:
    """The maps of real captions, one by one and a caption at a time."""
    from skimage.transform import pyramid_expand

    captioner = load("soft-flickr8k")
    traces = captioner.caption_many(photographs(1 if quick else 4))
    captions = [trace.alphas for trace in traces if trace.alphas is not None]
    maps = np.concatenate(captions)  # (N, rows, columns)
    upscale = SQUARE // maps.shape[1]

    def notebook(alpha: np.ndarray) -> np.ndarray:
        return pyramid_expand(alpha, upscale=upscale, sigma=SIGMA)

    rounds = 2 if quick else 15
    few = maps[:: max(len(maps) // 8, 1)]
    one = interleave(
        {
            "ours": lambda: [upsample(alpha, (SQUARE, SQUARE)) for alpha in few],
            "notebook": lambda: [notebook(alpha) for alpha in few],
        },
        rounds,
    )
    whole = interleave(
        {
            "ours": lambda: expand(captions[0], SQUARE, SIGMA),
            "notebook": lambda: [notebook(alpha) for alpha in captions[0]],
        },
        rounds,
    )
    likeness = tuple(psnr(upsample(alpha, (SQUARE, SQUARE)), notebook(alpha)) for alpha in maps)
    results = (
        compare("times faster, one map", one["ours"] / len(few), one["notebook"] / len(few), SPEED, faster=True),
        compare(
            f"times faster, a caption of {len(captions[0])} words", whole["ours"], whole["notebook"], SPEED, faster=True
        ),
        Result("the same picture, PSNR", likeness, LIKENESS, unit="dB"),
    )
    text = (
        f"`sat.drawing.overlay` against `skimage.transform.pyramid_expand(alpha, upscale={upscale}, sigma={SIGMA:g})` "
        f"on {len(maps)} maps of captions. The peak of the PSNR is the largest value of the map."
    )
    return Report("Overlay", text, results, (f"The least PSNR of all maps is {min(likeness):.0f} dB.",))


def psnr(made: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, the peak being the largest value that is wanted; at most 200."""
    error = float(np.mean((made.astype(np.float64) - wanted) ** 2))
    return min(200.0, 10 * math.log10(float(wanted.max()) ** 2 / error)) if error else 200.0


if __name__ == "__main__":
    main(run)
