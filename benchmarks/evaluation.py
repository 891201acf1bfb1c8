"""An evaluation with everything that the Mistakes page shows, over encoding and decoding; and the page's questions."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.harness import Goal, Report, Result, duration, interleave, main
from sat.captioner import Captioner, load
from sat.data import shapes
from sat.data.dataset import Dataset
from sat.data.features import FeatureStore, extract
from sat.evaluation import drivers, quadrants
from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.evaluate import evaluate
from sat.evaluation.store import write_store

MODELS, QUICK = ("soft-flickr8k", "hard-flickr8k"), ("shapes-soft",)
WHOLE, ANSWER = Goal("at most", 4.0), Goal("at most", 0.3)
BATCH = 32


class NoMeteor:
    """In METEOR's place: its Java program is left out of the clock."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def score(self, references: Sequence[Sequence[str]], captions: Sequence[str]) -> float:
        return 0.0

    def scores(self, references: Sequence[Sequence[str]], captions: Sequence[str]) -> tuple[float, np.ndarray]:
        return 0.0, np.zeros(len(captions))


def run(quick: bool = False) -> Report:
    """1000 pictures evaluated by both attention models; then questions to a store of 40,000."""
    pictures, rounds, rows, names = (4, 1, 40, QUICK) if quick else (1000, 2, 40_000, MODELS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = shapes.generate(folder / "shapes", count={"test": pictures})
        captioners = [load(model) for model in names]
        seconds = measure(captioners, dataset, folder, rounds)
        results = [_whole(seconds, captioner.name) for captioner in captioners]
        many = EvaluationStore.open(_repeated(EvaluationStore.open(folder / names[0]), folder / "many", rows))
        answers = interleave(questions(many), 3 if quick else 15)
        words = many.about["words"]
    results += [Result(what, tuple(values), ANSWER, unit="s", best=values.min()) for what, values in answers.items()]
    text = (
        f"`sat.evaluation.evaluate` with rows on {pictures} pictures of shapes with five references and boxes, from "
        "the files to the store on disk: captions, evidence and necessity of every word, grounding of the references, "
        "hallucination, and all scores but METEOR, whose Java program is left out; over what it takes to encode the "
        "same pictures and to decode their captions. A hard model is evaluated twice, by its glimpses and by the "
        f"expected context, and decoded once on the other side. Then questions to the store of {rows} pictures with "
        f"{words} words, such as the page asks them: from the call to the rows of a page."
    )
    alone = [f"{c.name} {duration(seconds[f'{c.name}: evaluation'])}" for c in captioners]
    notes = (
        f"Encoding takes {duration(seconds['encoding'])}; the evaluation without it: {', '.join(alone)}.",
        "The store's first answer also reads the columns from the disk.",
    )
    return Report("Evaluation", text, tuple(results), notes)


def measure(captioners: list[Captioner], dataset: Dataset, folder: Path, rounds: int) -> dict[str, np.ndarray]:
    """Seconds of encoding, and of every model's decoding and evaluation with the annotations known."""
    encoder = captioners[0].encoder
    paths = [example.path for example in dataset.examples]
    store, _ = extract(encoder, paths, cache=folder / "kept")
    caches = _empty(folder)
    tasks: dict[str, Callable[[], object]] = {"encoding": lambda: extract(encoder, paths, cache=next(caches))}
    for captioner in captioners:
        decode(captioner, store, paths[:BATCH])  # the first call does more than decode
        tasks[f"{captioner.name}: decoding"] = partial(decode, captioner, store, paths)
        tasks[f"{captioner.name}: evaluation"] = partial(
            evaluate, captioner, dataset, "test", feature_store=store, out=folder / captioner.name, rows=True
        )
    with patch("sat.evaluation.evaluate.Meteor", NoMeteor):
        return interleave(tasks, rounds, warm=0)


def decode(captioner: Captioner, store: FeatureStore, paths: list[Path]) -> None:
    """Captions as the model is tuned, from known annotations, in the batches of an evaluation."""
    rows, matrix = store.find(paths), store.array()
    for first in range(0, len(rows), BATCH):
        captioner.caption_annotations(torch.from_numpy(np.array(matrix[rows[first : first + BATCH]])))


def questions(store: EvaluationStore) -> dict[str, Callable[[], object]]:
    """What a reader of the page asks: each gives a page of rows, or what a chart is made of."""
    chosen = [
        Condition("hallucinated", "=", 0),
        Condition("caption", "contains", "a"),
        Condition("length", "<", 12),
    ]
    return {
        "sort by a score": lambda: store.page(sort="CIDEr", descending=True),
        "sort by caption": lambda: store.page(sort="caption"),
        "three filters, sorted": lambda: store.page(chosen, sort="BLEU-4"),
        "captions that hold a word": lambda: store.page([Condition("words", "contains", "red")], sort="entropy"),
        "words by their evidence": lambda: store.page(sort="evidence", kind="words"),
        "one picture with its maps": lambda: store.words(store.about["pictures"] // 2, alphas=True),
        "what drives the scores": lambda: drivers.drivers(store),
        "looked right, said right": lambda: quadrants.by_word(store),
    }


def _whole(seconds: dict[str, np.ndarray], model: str) -> Result:
    """Encoding and evaluating over encoding and decoding, round by round."""
    encoding = seconds["encoding"]
    ours, other = encoding + seconds[f"{model}: evaluation"], encoding + seconds[f"{model}: decoding"]
    ratios = tuple(float(f"{ratio:.4g}") for ratio in ours / other)
    best = float(ours.min() / other.min())
    return Result(f"{model}, all columns", ratios, WHOLE, duration(ours), duration(other), best=best)


def _repeated(store: EvaluationStore, folder: Path, rows: int) -> Path:
    """A store of so many pictures, those of another one again and again; its folder."""
    given = store.page(count=store.count()).rows
    words = [[{**w, "alpha": w["alpha"].ravel()} for w in store.words(i, alphas=True)] for i in range(len(given))]

    def repeat() -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        for number in range(rows):
            at = number % len(given)
            here = {"picture": number, "image": f"{number:06d}.png"}
            # Slightly other numbers every time, or there would be little to sort.
            yield (
                {**given[at], **here, "CIDEr": given[at]["CIDEr"] + number % 997 / 997},
                [{**word, **here} for word in words[at]],
            )

    write_store(folder, store.about, repeat())
    return folder


def _empty(folder: Path) -> Iterator[Path]:
    """A new empty folder every time; the one before is deleted."""
    for number in count():
        shutil.rmtree(folder / f"cache{number - 1}", ignore_errors=True)
        yield folder / f"cache{number}"


if __name__ == "__main__":
    main(run)
