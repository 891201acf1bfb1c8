"""A what-if on a caption over the decoding that wrote the caption; the picture's annotations are known to both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.harness import Goal, Report, Result, compare, duration, interleave, main
from benchmarks.material import sample_pictures
from sat.analysis.branch import branch
from sat.captioner import Captioner, load
from sat.decoding.interventions import Edit, Flatten, ForceWord, PaintMap, SetGate
from sat.images import Picture
from sat.trace import Trace

MODELS = ("soft-flickr8k", "hard-flickr8k")
GOAL = Goal("at most", 1.0)


def run(quick: bool = False) -> Report:
    """Every kind of edit at the first, the middle and the last word of captions by both models."""
    pictures, rounds = (sample_pictures()[:1], 1) if quick else (sample_pictures()[::2], 5)
    seconds: dict[str, dict[str, list[np.ndarray]]] = {}
    lengths = []
    for name in MODELS:
        captioner = load(name)
        for picture in pictures:
            trace, found = measure(captioner, picture, rounds)
            lengths.append(len(trace.words))
            for task, values in found.items():
                for group in _groups(task):
                    sides = seconds.setdefault(group, {"ours": [], "decoding": []})
                    sides["ours"].append(values)
                    sides["decoding"].append(found["decoding"])
    joined = {group: {side: np.concatenate(v) for side, v in sides.items()} for group, sides in seconds.items()}
    results: list[Result] = []
    for kind in ("word", "map", "uniform", "gate"):
        results.append(_line(f"{_LABELS[kind]}, at any word", joined[kind], GOAL))
    for where in ("first", "middle", "last"):
        results.append(_line(f"any of these, at the {where} word", joined[where]))
    reading = joined["reading"]["ours"]
    text = (
        f"`sat.analysis.branch` with one edit of one step, as the models are tuned, over one decoding of the same "
        f"picture's annotations, on {len(pictures)} of the app's samples and by both attention models. The caption has "
        "been read before, as in the app from the second what-if on."
    )
    notes = (
        f"The first what-if of a caption also reads it once, {duration(reading)}: "
        f"{np.median(reading / joined['reading']['decoding']):.2f} of a decoding more.",
        f"Captions of {min(lengths)} to {max(lengths)} words. Words before the edit are kept, so a later step costs "
        "less.",
    )
    return Report("What-if over decoding", text, tuple(results), notes)


_LABELS = {"word": "another word", "map": "a painted map", "uniform": "uniform attention", "gate": "a shut gate"}


def _line(what: str, seconds: dict[str, np.ndarray], goal: Goal | None = None) -> Result:
    return compare(what, seconds["ours"], seconds["decoding"], goal, alike=False)


def measure(captioner: Captioner, picture: Picture, rounds: int) -> tuple[Trace, dict[str, np.ndarray]]:
    """Seconds of one decoding, of every edit at three of its steps (``kind@where``), and of reading the caption."""
    raw = captioner.annotate([picture])
    trace = captioner.caption_annotations(raw, pictures=[picture.digest])[0]
    tasks: dict[str, Callable[[], object]] = {"decoding": lambda: captioner.caption_annotations(raw)}
    last = len(trace.steps) - 1
    for where, step in (("first", 0), ("middle", last // 2), ("last", last)):
        for edit in edits(trace, step):
            tasks[f"{edit.kind}@{where}"] = partial(branch, captioner, None, trace, [edit], raw=raw)

    def read() -> None:
        with captioner.turn():
            captioner._readings.clear()  # what the first what-if of a caption has to do
            captioner.reading(raw, trace)

    tasks["reading"] = read
    return trace, interleave(tasks, rounds)


def edits(trace: Trace, step: int) -> list[Edit]:
    """One of every kind: the second-best word, a map painted in a corner, uniform attention, a shut gate."""
    alpha = trace.steps[step].alpha
    assert alpha is not None
    rows, columns = np.indices(alpha.shape)
    painted = np.exp(-((rows - 3) ** 2 + (columns - 3) ** 2) / 8.0)  # (rows, columns)
    other = next(word for word, _ in trace.steps[step].top if word not in ("<end>", trace.steps[step].word))
    return [
        ForceWord(step=step, word=other),
        PaintMap.of(painted, step),
        Flatten(step=step),
        SetGate(step=step, value=0.0),
    ]


def _groups(task: str) -> list[str]:
    """The lines that a task's times count in: its kind and its place."""
    return task.split("@") if task != "decoding" else []


if __name__ == "__main__":
    main(run)
