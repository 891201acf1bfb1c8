"""Chapter 3: from one vector for everything to a look at many: query, keys, scores, softmax, weighted sum."""

from __future__ import annotations

import numpy as np

from sat.analysis.faithfulness import rank_correlation
from sat.analysis.reading import Reading
from sat.evaluation.attention import divergence
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import as_map, attention, cosine, current, effective, named
from sat.lessons.dot_product import OverPlaces, over_places, softmax
from sat.lessons.numbers import Map, Numbers, Table, Value, latex
from sat.lessons.scene import Scene
from sat.lessons.steps import array

_TEST = "tests/lessons/chapters/test_sequences.py"
_DOT = "tests/lessons/test_dot_product.py"
_SHOWN = 3  # places whose numbers are written out
_SHIFT = 10.0


def bottleneck(scene: Scene) -> Numbers:
    """How much of the annotations one vector, their mean, can hold."""
    values = scene.look(_values)  # (L, D)
    mean = values.mean(0)
    whole = float((values**2).sum())
    kept = float(len(values) * (mean @ mean)) / whole if whole > 0 else 1.0
    apart = np.linalg.norm(values - mean, axis=1)
    return Numbers(
        values=(
            Value("places", len(values), "Annotations, one a place"),
            Value("size", values.shape[1], "Numbers in each"),
            Value("kept", kept, "Of their squared length, the mean holds", "%"),
        ),
        filled=rf"\frac{{L |\bar{{a}}|^2}}{{\sum_i |a_i|^2}} = {latex(kept)}",
        maps=(Map("How far each place is from the mean", as_map(scene, apart)),),
    )


def dot_product(scene: Scene) -> Numbers:
    """Query, key, dot product, softmax, weighted sum, on this model's query and keys."""
    found = scene.once(_both, each_step=True)
    scores = found.keys @ found.query / np.sqrt(len(found.query))  # (L,)
    best = np.argsort(-found.dot, kind="stable")[:_SHOWN]
    double = effective(softmax(2 * scores))
    rows = tuple(
        (named(scene, i), float(scores[i]), float(np.exp(scores[i] - scores.max())), float(found.dot[i])) for i in best
    )
    return Numbers(
        values=(
            Value("length", float(np.linalg.norm(found.query)), "Length of the query"),
            Value("numbers", len(found.query), "Numbers in query and key"),
            Value("spread", effective(found.dot), "Places that the attention is spread over", digits=1),
            Value("double", double),
        ),
        filled=rf"\frac{{q \cdot k_i}}{{\sqrt{{{len(found.query)}}}}} = {latex(float(scores[best[0]]))}, \quad "
        rf"\alpha_i = {latex(float(found.dot[best[0]]), 4)}",
        tables=(Table("The best places", ("place", "score", "exp(score - best)", "weight"), rows, 4),),
        maps=(Map("Attention by dot product: an illustration", as_map(scene, found.dot)),),
    )


def weighted_sum(scene: Scene) -> Numbers:
    """The softmax of the model's own scores, and what is read with it."""
    found, alpha = current(scene), attention(scene)
    assert found.scores is not None
    shifted = softmax(found.scores + _SHIFT)
    values = scene.look(_values)
    context, mean = alpha @ values, values.mean(0)
    best = np.argsort(-alpha, kind="stable")[:_SHOWN]
    rows = tuple((named(scene, i), float(found.scores[i]), float(alpha[i]), float(alpha[i] * alpha.size)) for i in best)
    top = int(best[0])
    return Numbers(
        values=(
            Value("word", scene.word, "The step writes"),
            Value("most", float(alpha[top]), "The largest weight", digits=4),
            Value("times", float(alpha[top] * alpha.size), "that is so many times an equal share", digits=1),
            Value("spread", effective(alpha), "Places that the attention is spread over", digits=1),
            Value("shift", float(np.abs(shifted - alpha).max())),
            Value("spread_shifted", effective(shifted)),
            Value("cosine", cosine(context, mean), "Cosine of the weighted sum with the plain mean"),
        ),
        filled=rf"\alpha_i = \frac{{\exp({latex(float(found.scores[top]))})}}{{\sum_k \exp(e_k)}} = "
        rf"{latex(float(alpha[top]), 4)}",
        tables=(Table("The best places", ("place", "score e", "weight", "times equal"), rows, 4),),
        maps=(Map("The weights", as_map(scene, alpha)),),
    )


def additive(scene: Scene) -> Numbers:
    """The additive score beside the dot product, and the trap of adding outside the tanh."""
    found = scene.once(_both, each_step=True)
    mine, dot = as_map(scene, found.additive / found.additive.sum()), as_map(scene, found.dot)
    rank = rank_correlation(mine.ravel(), dot.ravel())
    ours, trap = scene.once(_moves)
    return Numbers(
        values=(
            Value("spread", effective(mine.ravel()), "Places, additive score (this model)", digits=1),
            Value("spread_dot", effective(dot.ravel()), "Places, dot product (illustration)", digits=1),
            Value("apart", float(divergence(mine, dot)), "Divergence of the two maps", "nats"),
            Value("rank", float("nan") if rank is None else rank, "Rank correlation of the two maps"),
            Value("moves", ours, "Divergence between the maps of two words in a row, mean", "nats", 4),
            Value("moves_trap", trap, "The same had h been added outside the tanh", "nats", 4),
        ),
        filled=rf"e_i = {latex(float(_score(scene)))} \quad \text{{at the best place}}",
        maps=(Map("Additive, as this model looks", mine), Map("By dot product: an illustration", dot)),
    )


def _values(reading: Reading) -> np.ndarray:
    return array(reading.annotations.values[0])


def _both(scene: Scene) -> OverPlaces:
    return scene.look(over_places, scene.step)


def _score(scene: Scene) -> float:
    scores = current(scene).scores
    assert scores is not None
    return float(scores.max())


def _moves(scene: Scene) -> tuple[float, float]:
    """Mean divergence between the maps of consecutive steps: the model's, and those of a two-layer score whose h
    cancels in the softmax."""
    return scene.look(_moves_of)


def _moves_of(reading: Reading) -> tuple[float, float]:
    assert reading.annotations.keys is not None
    v, keys = array(reading.decoder.score.v), array(reading.annotations.keys[0])
    own, trap = [], []
    for moment in reading.moments:
        assert moment.out.scores is not None
        query = array(reading.decoder.score.W_h(moment.state.h)[0, 0])
        own.append(softmax(array(moment.out.scores[0, 0])))
        trap.append(softmax((np.tanh(keys) + np.tanh(query)) @ v))
    return _mean_divergence(np.stack(own)), _mean_divergence(np.stack(trap))


def _mean_divergence(maps: np.ndarray) -> float:
    """Of maps (C, L) that follow each other; 0 of one alone."""
    return float(divergence(maps[1:, None], maps[:-1, None]).mean()) if len(maps) > 1 else 0.0


def _changed(before: float, after: float, same: float = 1e-6) -> int:
    """0: as it was; 1: sharper; 2: flatter."""
    return 0 if abs(after - before) < same * max(before, 1.0) else 1 if after < before else 2


CHAPTER = Chapter(
    "attention",
    "Sequence to sequence, and attention",
    "Replace one vector for everything by a look that is chosen anew for every word.",
    (
        Screen(
            "bottleneck",
            "One vector for everything",
            "The first translation networks were two, one that reads and one that writes: sequence to sequence. The "
            "first put a whole sentence into one vector, a list of numbers, and the second wrote the other language "
            "from that. Whatever does not fit is lost. A picture comes as a vector a place, its annotations "
            "(chapter 5); in one vector it would be their mean.\n\nHow much can a mean hold? If all places were "
            "alike, everything; the more they differ, the less. The map shows where the picture differs from its "
            "own mean.",
            r"\bar{a} = \frac{1}{L} \sum_i a_i",
            bottleneck,
            Known("sat.models.decoder:Decoder.start", f"{_TEST}::test_the_mean_holds_its_part_of_the_squares"),
            Question(
                "How much of the annotations' squared length does their mean hold?",
                ("More than half", "Less than half"),
                lambda n: 0 if n.number("kept") > 0.5 else 1,
                "The mean holds {kept:.0%}; the rest is what makes the {places} places different.",
            ),
        ),
        Screen(
            "dot",
            "Query and key",
            "Attention is a soft way of looking something up. The state asks a question, the query. Every place "
            "offers a key. Multiply the two number by number and add up: this dot product says how well they fit. "
            "The softmax makes weights of it that sum to one; the weighted sum of the annotations is the "
            "answer.\n\nHere query and keys are this model's own, but the dot product is an illustration: the model "
            "was trained with the additive score of the last screen.",
            r"\alpha_i = \mathrm{softmax}_i\left(\frac{q \cdot k_i}{\sqrt{d}}\right), \quad z = \sum_i \alpha_i a_i",
            dot_product,
            Known("sat.lessons.dot_product:scaled_dot", f"{_DOT}::test_over_places_by_loops"),
            Question(
                "Were the query twice as long, what would become of the attention?",
                ("It would stay as it is", "It would be sharper", "It would be flatter"),
                lambda n: _changed(n.number("spread"), n.number("double")),
                "It would be spread over {double:.1f} places instead of {spread:.1f}: larger scores lie further apart.",
            ),
            attention=True,
        ),
        Screen(
            "softmax",
            "Softmax and weighted sum",
            "Scores may be any numbers. The softmax raises e to them and divides by the sum, so that the weights are "
            "positive and sum to one; only differences between scores count.\n\nThe weighted sum is again a vector of "
            "the same kind as the annotations: a place that does not exist, mixed from those that do.",
            r"\alpha_i = \frac{\exp(e_i)}{\sum_k \exp(e_k)}, \quad z = \sum_i \alpha_i a_i",
            weighted_sum,
            Known(
                "sat.models.decoder:Decoder.attend",
                "tests/models/test_decoder.py::test_soft_context_is_the_expectation_over_one_hot_contexts",
            ),
            Question(
                "Add 10 to every score. What happens to the weights?",
                ("Nothing", "They get sharper", "They get flatter"),
                lambda n: 0 if n.number("shift") < 1e-6 else _changed(n.number("spread"), n.number("spread_shifted")),
                "The weights change by less than a millionth: the factor exp(10) is above and below the line.",
            ),
            attention=True,
        ),
        Screen(
            "additive",
            "The additive score",
            "This model does not multiply query and key, it adds them, bends the sum with tanh and weighs it with a "
            "vector v. The bending matters: it is what lets the question change the answer.\n\nAdd the two *after* "
            "the tanh, as some programs do, and the query adds the same number to every place. The softmax does not "
            "see it, and every word gets the same map. The last two numbers show it.",
            r"e_i = v^T \tanh(W_a a_i + W_h h_{t-1})",
            additive,
            Known(
                "sat.models.attention:AdditiveScore.forward",
                "tests/models/test_decoder.py::test_attention_depends_on_the_hidden_state",
            ),
            Question(
                "Which of the two is sharper here?",
                ("The additive score", "The dot product"),
                lambda n: 0 if n.number("spread") <= n.number("spread_dot") else 1,
                "The additive score is spread over {spread:.1f} places, the dot product over {spread_dot:.1f}.",
            ),
            attention=True,
        ),
    ),
)
