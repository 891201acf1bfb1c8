"""Chapter 13: what came after: query, key and value over the words themselves."""

from __future__ import annotations

import numpy as np

from sat.analysis.reading import Reading
from sat.evaluation.attention import divergence
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import as_map, effective, named
from sat.lessons.dot_product import OverPlaces, OverWords, over_places, over_words
from sat.lessons.numbers import Grid, Map, Numbers, Table, Value, latex
from sat.lessons.scene import Scene

HEADS = 4
_OBJECTS = 36  # regions a picture of bottom-up attention
# Year, authors, what was new, and what attention looks over.
FOLLOWED = (
    (2014, "Bahdanau et al., translation", "a decoder that looks back at the words it translates", "words before"),
    (
        2015,
        "Xu et al., Show, Attend and Tell",
        "the same over places of a picture, soft and hard",
        "the picture's cells",
    ),
    (2017, "Lu et al., Knowing When to Look", "a sentinel: the choice not to look at all", "the picture's cells"),
    (2017, "Vaswani et al., the Transformer", "no recurrence: every word looks at every word", "words before"),
    (
        2018,
        "Anderson et al., bottom-up attention",
        "places become objects that a detector found",
        "objects found first",
    ),
    (2020, "Dosovitskiy et al., Vision Transformer", "the encoder attends too, patch to patch", "the picture's cells"),
    (2021, "Radford et al., CLIP", "pictures and sentences learnt together, from the web", "the picture's cells"),
    (2023, "Liu et al., LLaVA", "cells stand before the words of a language model", "cells and words"),
)
_TEST = "tests/lessons/test_dot_product.py"


def glimpse(scene: Scene) -> Numbers:
    """How far the words before can be reached: through the state alone, step by step."""
    steps, units = len(scene.words), _units(scene)
    return Numbers(
        values=(
            Value("step", scene.step + 1, "Step"),
            Value("word", scene.word, "Written"),
            Value("way", scene.step, "Steps from the first word's to this one, one after the other"),
            Value("way_after", min(scene.step, 1), "Steps, in a network with attention over words"),
            Value("looks", steps, "Looks at the picture for the whole caption, one a step"),
            Value("looks_after", steps * (steps + 1) // 2, "Looks from word to word, in one layer"),
            Value("units", units, "Numbers that carry all the past from step to step"),
            Value("units_after", scene.step * units, "Numbers that attention over words could read here"),
        ),
        filled=rf"{steps} \quad \text{{and}} \quad \frac{{{steps} \cdot {steps + 1}}}{{2}} = "
        rf"{steps * (steps + 1) // 2}",
    )


def _units(scene: Scene) -> int:
    """Numbers in the LSTM's state."""
    return scene.look(lambda reading: reading.gates(0).shape[-1])


def words(scene: Scene) -> Numbers:
    """Self-attention over the decoder's own states."""
    found = scene.once(_over_words)
    row, plain = found.scaled[scene.step, : scene.step + 1], found.unscaled[scene.step, : scene.step + 1]
    top = int(row.argmax())
    listed = tuple((scene.words[i], float(row[i]), float(plain[i])) for i in range(scene.step + 1))
    return Numbers(
        values=(
            Value("word", scene.word, "Looking from"),
            Value("seen", scene.step + 1, "Words that it may look at, itself included"),
            Value("top", scene.words[top], "It looks most at"),
            Value("weight", float(row[top]), "Weight of that word"),
            Value("spread", effective(row), "Words that it is spread over", digits=2),
            Value("spread_plain", effective(plain), "Spread over, without dividing by the root of d", digits=2),
        ),
        filled=rf"\frac{{q \cdot k}}{{\sqrt{{{_units(scene)}}}}}, \quad \text{{weight}} = "
        rf"{latex(float(row[top]))}",
        tables=(Table(f"From “{scene.word}”", ("to", "weight", "not scaled"), listed),),
        grids=(
            Grid(
                "Each word (row) looking at itself and those before it (columns): an illustration",
                found.scaled,
                scene.words,
                scene.words,
            ),
        ),
    )


def started(scene: Scene) -> Numbers:
    """What followed, and how many vectors each of those steps would look at for this picture and caption."""
    config, words = scene.captioner.config, scene.step + 1
    looked = {
        "the picture's cells": config.places,
        "objects found first": _OBJECTS,
        "words before": words,
        "cells and words": config.places + words,
    }
    rows = tuple((year, name, what, over, looked[over]) for year, name, what, over in FOLLOWED)
    return Numbers(
        values=(
            Value("steps", len(rows), "Steps"),
            Value("years", rows[-1][0] - rows[0][0], "Years from the first to the last"),
            Value("word", scene.word, "Written"),
            Value("cells", config.places, "Cells of the picture"),
            Value("words", words, "Words so far, the start included"),
            Value("both", config.places + words, "Vectors that one attention over both reads here"),
        ),
        filled=rf"{config.places} + {words} = {config.places + words}",
        tables=(Table("One idea, step by step", ("year", "work", "what was new", "looks over", "here"), rows),),
    )


def heads(scene: Scene) -> Numbers:
    """Several queries at once."""
    found = scene.once(_over_places, each_step=True)
    maps = [as_map(scene, head) for head in found.heads]
    apart = [float(divergence(a, b)) for i, a in enumerate(maps) for b in maps[i + 1 :]]
    tops = [int(head.argmax()) for head in found.heads]
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("heads", len(maps), "Heads"),
            Value("numbers", len(found.query) // len(maps), "Numbers in each head's query"),
            Value("different", len(set(tops)), "Different places that they look at most"),
            Value("apart", float(np.mean(apart)) if apart else 0.0, "Divergence between two heads, mean", "nats", 4),
            Value("one", effective(found.dot), "Places, one head", digits=1),
            Value(
                "several",
                float(np.mean([effective(head) for head in found.heads])),
                "Places, several heads, mean",
                digits=1,
            ),
        ),
        filled=rf"\mathrm{{heads}} = {len(maps)}, \quad d = {len(found.query) // len(maps)}",
        tables=(
            Table(
                "Heads",
                ("head", "best place", "weight"),
                tuple(
                    (i + 1, named(scene, t), float(h[t]))
                    for i, (t, h) in enumerate(zip(tops, found.heads, strict=True))
                ),
            ),
        ),
        maps=tuple(Map(f"Head {i + 1}: an illustration", m) for i, m in enumerate(maps)),
    )


def _over_words(scene: Scene) -> OverWords:
    return scene.look(over_words)


def _over_places(scene: Scene) -> OverPlaces:
    def places(reading: Reading) -> OverPlaces:
        return over_places(reading, scene.step, min(HEADS, reading.decoder.config.attention_dim))

    return scene.look(places)


CHAPTER = Chapter(
    "after",
    "What came after",
    "See the same idea grown up: attention not only from words to places but from words to words.",
    (
        Screen(
            "glimpse",
            "One look a word",
            "This decoder looks at the picture once a word and remembers the sentence in its state. What an early "
            "word meant must be carried along, step by step. Two years later networks let every word look back at all "
            "words before it, directly, and dropped the recurrence.\n\nThat costs more looks, but they can all be "
            "taken at the same time.",
            r"\frac{C (C + 1)}{2} \quad \text{looks instead of} \quad C",
            glimpse,
            Known("sat.lessons.chapters.after:glimpse", f"{_TEST}::test_looks_are_counted"),
            Question(
                "How many looks from word to word would one layer take for this caption of {looks} steps?",
                ("{looks}", "{looks_after}", "{looks} times {looks}"),
                lambda n: [n.number("looks"), n.number("looks_after"), n.number("looks") ** 2].index(
                    n.number("looks_after")
                ),
                "{looks_after}: the first word looks at itself, the second at two, and so on.",
            ),
        ),
        Screen(
            "words",
            "Words looking at words",
            "Every word has a query, a key and a value. Here the decoder's own states stand for all three, so this "
            "shows how the mechanism works and not what a trained one would look at. The scores are divided by the "
            "root of the number of units: without it long vectors give large scores, and the softmax puts nearly all "
            "on one word.",
            r"\mathrm{softmax}\left(\frac{Q K^T}{\sqrt{d}}\right) V",
            words,
            Known("sat.lessons.dot_product:over_words", f"{_TEST}::test_over_words_by_loops"),
            Question(
                "Without dividing by the root of d, over how many words would “{word}” spread its look?",
                ("Over more", "Over fewer", "Over as many"),
                lambda n: (
                    2
                    if abs(n.number("spread") - n.number("spread_plain")) < 1e-6
                    else 0
                    if n.number("spread_plain") > n.number("spread")
                    else 1
                ),
                "Over {spread_plain:.2f} instead of {spread:.2f}.",
            ),
        ),
        Screen(
            "heads",
            "Several heads",
            "One query can ask one question. Split it into parts, let each part look for itself, and the word can "
            "look at several things at once: heads. Here the model's query and keys are simply cut into pieces, an "
            "illustration again; trained heads would be learnt.",
            r"\alpha^{(k)} = \mathrm{softmax}\left(\frac{q^{(k)} \cdot k_i^{(k)}}{\sqrt{d / H}}\right)",
            heads,
            Known("sat.lessons.dot_product:over_places", f"{_TEST}::test_over_places_by_loops"),
            Question(
                "Do the {heads} heads all look most at the same place?",
                ("Yes", "No, at {different} different ones"),
                lambda n: 0 if n.number("different") == 1 else 1,
                "Their best places are {different} different ones; two heads differ by {apart:.4f} nats on average.",
            ),
            attention=True,
        ),
        Screen(
            "started",
            "What it started",
            "Looking while writing did not stay with captions. Each step below kept the weighted sum and changed what "
            "is looked over: words, places, objects, patches. In a captioner of today the picture's cells simply stand "
            "before the words, and one attention reads both.\n\nThe last column says how many vectors each would look "
            "over at this word of this picture.",
            r"\mathrm{softmax}\left(\frac{q [K_{\mathrm{cells}}; K_{\mathrm{words}}]^T}{\sqrt{d}}\right) "
            r"[V_{\mathrm{cells}}; V_{\mathrm{words}}]",
            started,
            Known("sat.lessons.chapters.after:started", f"{_TEST}::test_what_each_step_looks_over"),
            Question(
                "How many years lie between the first decoder that looks back and a language model that sees?",
                ("Less than five", "Five to ten", "More than ten"),
                lambda n: 0 if n.number("years") < 5 else 1 if n.number("years") <= 10 else 2,
                "{years}: from translation in 2014 to a language model that reads pictures in 2023.",
            ),
        ),
    ),
)
