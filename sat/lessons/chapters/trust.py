"""Chapter 12: can attention be trusted? Necessity, deletion and insertion, and boxes drawn by people."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sat import checkpoints
from sat.analysis.faithfulness import Faithfulness, Verdict, faithfulness, judge
from sat.analysis.necessity import necessity
from sat.errors import UserError
from sat.lessons.chapter import Chapter, Further, Known, Question, Screen
from sat.lessons.numbers import Cell, Chart, Map, Numbers, Series, Table, Value, latex, latex_word
from sat.lessons.scene import Scene

_ORDERS = 8  # random orders to compare with
_POINTS = 15
_FEW_POINTS = 8  # where every word is tried
_GROUNDING = ("correctness_last", "uniform", "centre", "pointing_0", "centre_pointing")


def needed(scene: Scene) -> Numbers:
    """What the word becomes when attention is flattened or scattered."""
    found = scene.look(necessity, scene.step, seed=scene.seed)
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("probability", found.word_probability, "p(word)", "%", 4),
            Value("flat", found.uniform_probability, "p(word), attention flattened", "%", 4),
            Value("scattered", found.shuffled_probability, "p(word), attention scattered, mean of 50", "%", 4),
            Value("uniform", found.uniform, "How far flattening moves the guess", "nats", 4),
            Value("shuffled", found.shuffled, "How far scattering moves it, mean", "nats", 4),
            Value("most", float(np.log(2)), "The most that is possible", "nats"),
        ),
        filled=rf"\mathrm{{JS}} = {latex(found.uniform, 4)} \quad \text{{of at most}} \quad \log 2 = 0.693",
        charts=(Chart("Fifty ways of scattering", "try, in order", "nats", (_sorted("divergence", found.shuffles),)),),
    )


def curves(scene: Scene) -> Numbers:
    """Deletion and insertion in the order of attention, against the centre and chance."""
    found = scene.once(_faithfulness, each_step=True)
    auc = found.deletion.auc
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            *(
                Value(f"delete_{name}", found.deletion.auc[name], f"Taken away {said}, area")
                for name, said in _SAID.items()
            ),
            *(
                Value(f"insert_{name}", found.insertion.auc[name], f"Given back {said}, area")
                for name, said in _SAID.items()
            ),
            Value("better", auc["alpha"] < auc["random"]),
        ),
        filled=rf"\text{{area}} = {latex(auc['alpha'])} \quad \text{{by chance}} \quad {latex(auc['random'])}",
        charts=tuple(
            Chart(
                title,
                "part of the places",
                f"p(“{found.word}”)",
                tuple(
                    Series(said, which.fractions, values)
                    for said, values in zip(_SAID.values(), (which.alpha, which.centre, which.random), strict=True)
                ),
            )
            for title, which in (("Places taken away", found.deletion), ("Places given back", found.insertion))
        ),
    )


def causes(scene: Scene) -> Numbers:
    """Attention beside what each place really does for the word."""
    found = scene.once(_faithfulness, each_step=True)
    rank = found.rank_occlusion
    top = np.argsort(-found.alpha.ravel(), kind="stable")[: max(found.alpha.size // 20, 1)]
    helpful = float((found.occlusion.ravel()[top] > 0).mean())
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("rank", float("nan") if rank is None else rank, "Rank correlation of attention and effect"),
            Value("helpful", helpful, "Of the most looked-at places, speak for the word", "%"),
            Value("strongest", float(found.occlusion.max()), "The most that one place adds", "nats", 4),
        ),
        filled=rf"\log p({latex_word(found.word)}) - \log p({latex_word(found.word)} \mid \text{{without place }} i) "
        rf"\le {latex(float(found.occlusion.max()), 4)}",
        maps=(
            Map("Attention", found.alpha.astype(np.float64)),
            Map("What each place does for the word", found.occlusion.astype(np.float64), signed=True),
        ),
    )


def where_not(scene: Scene) -> Numbers:
    """Every word's map put to the test, and the one that can be trusted least."""
    tried = scene.once(_tried)
    counts = Counter(verdict for _, _, verdict in tried)
    order = {"not": 0, "part": 1, "idle": 2, "holds": 3}
    worst = min(range(len(tried)), key=lambda t: (order[tried[t][2]], _gain(tried[t][1])))
    moved, found, verdict = tried[worst]
    rows = tuple(
        (f.word, n, f.deletion.auc["alpha"], f.deletion.auc["centre"], f.deletion.auc["random"], _VERDICTS[v])
        for n, f, v in tried
    )
    return Numbers(
        values=(
            Value("words", len(tried), "Words, the end included"),
            *(Value(name, counts[name], f"of which: {said}") for name, said in _VERDICTS.items()),
            Value("worst", found.word, "The least to be trusted"),
            Value("worst_verdict", _VERDICTS[verdict]),
            Value("moved", moved, "Attention flattened, its guess moves by", "nats", 4),
        ),
        filled=rf"\text{{holds:}} \; {counts['holds']} \quad \text{{of}} \quad {len(tried)}",
        tables=(
            Table(
                "Word by word",
                ("word", "if flat, moves by", "taken away by attention", "from the middle", "by chance", "the map"),
                rows,
            ),
        ),
        maps=(
            Map(f"“{found.word}”: where it looks", found.alpha.astype(np.float64)),
            Map(f"“{found.word}”: what each place does", found.occlusion.astype(np.float64), signed=True),
        ),
    )


def people(scene: Scene) -> Numbers:
    """The recorded agreement with boxes drawn by people."""
    rows: list[tuple[Cell, ...]] = []
    mine: dict[str, float] | None = None
    for name in checkpoints.available():
        metrics = checkpoints.read_metrics(checkpoints.find(name)) or {}
        grounding = metrics.get("grounding")
        if not isinstance(grounding, dict) or not all(isinstance(grounding.get(k), float) for k in _GROUNDING):
            continue
        rows.append((name, *(float(grounding[k]) for k in _GROUNDING)))
        if name == scene.captioner.name:
            mine = grounding
    if mine is None:
        raise UserError("This model was not compared with boxes drawn by people: choose a model that was.")
    return Numbers(
        values=(
            Value("phrases", int(mine.get("phrases", 0)), "Phrases with a box"),
            Value("inside", mine["correctness_last"], "Attention inside the box", "%"),
            Value("uniform", mine["uniform"], "Inside, looking everywhere alike", "%"),
            Value("centre", mine["centre"], "Inside, looking at the middle", "%"),
            Value("pointing", mine["pointing_0"], "The brightest cell lies in the box", "%"),
            Value("centre_pointing", mine["centre_pointing"], "The picture's middle lies in the box", "%"),
        ),
        filled=rf"\sum_i \alpha_i \, \text{{inside}}_i = {latex(mine['correctness_last'])}",
        tables=(
            Table(
                "Test split: the last word of each phrase",
                ("model", "inside", "everywhere", "middle", "pointing", "middle points"),
                tuple(rows),
            ),
        ),
    )


_SAID = {"alpha": "by attention", "centre": "from the middle", "random": "by chance"}


_VERDICTS: dict[Verdict, str] = {
    "holds": "it holds",
    "part": "it holds in part",
    "not": "it cannot be trusted",
    "idle": "it was not needed",
}


def _tried(scene: Scene) -> list[tuple[float, Faithfulness, Verdict]]:
    """Of every word and the end: how far flattening moves it, its curves, and what they say."""
    found = []
    for step in range(len(scene.words)):
        moved = scene.look(necessity, step, shuffles=1, seed=scene.seed).uniform
        one = scene.look(faithfulness, step, points=_FEW_POINTS, random_orders=_ORDERS, seed=scene.seed)
        found.append((moved, one, judge(moved, one.deletion, one.insertion)))
    return found


def _gain(found: Faithfulness) -> float:
    """How much sooner the word suffers than by chance; below 0 it suffers later."""
    return found.deletion.auc["random"] - found.deletion.auc["alpha"]


def _faithfulness(scene: Scene) -> Faithfulness:
    return scene.look(faithfulness, scene.step, points=_POINTS, random_orders=_ORDERS, seed=scene.seed)


def _sorted(name: str, values: np.ndarray) -> Series:
    return Series(name, np.arange(len(values), dtype=np.float64), np.sort(values))


CHAPTER = Chapter(
    "trust",
    "Can attention be trusted?",
    "Put the maps to the test: does the word need them, do the places matter, do people agree?",
    (
        Screen(
            "necessity",
            "Does it matter where it looks?",
            "A map looks like an explanation. But would the model have said the same had it looked elsewhere? Flatten "
            "the attention of one step, or scatter it at random, and see whether the next-word guess moves. If it "
            "does not, the map explains nothing about this word.\n\nThe distance between guesses is the "
            "Jensen-Shannon divergence: 0 for the same guess, 0.693 for guesses that share no word.",
            r"\mathrm{JS}\left(p(\cdot \mid \alpha), \; p(\cdot \mid \text{flat})\right)",
            needed,
            Known(
                "sat.analysis.necessity:necessity",
                "tests/analysis/test_necessity.py::test_necessity_is_the_mean_divergence_of_shuffles",
            ),
            Question(
                "Scatter the attention for “{word}” at random: how far does the guess move?",
                ("Hardly (below 0.01)", "Somewhat (0.01 to 0.1)", "A lot (above 0.1)"),
                lambda n: 0 if n.number("shuffled") < 0.01 else 1 if n.number("shuffled") <= 0.1 else 2,
                "By {shuffled:.4f} nats on average; p(“{word}”) goes from {probability:.1%} to {scattered:.1%}.",
            ),
            attention=True,
        ),
        Screen(
            "curves",
            "Taking places away",
            "If attention says what matters, then the word should suffer soon when the most looked-at places are "
            "taken away first, and recover soon when they are given back first. The fair comparison is taking away "
            "from the middle, where objects usually are, and by chance.\n\nA small area is good for taking away, a "
            "large one for giving back.",
            r"\text{area} = \frac{1}{L} \sum_k p(y_t \mid \text{without the first } k \text{ places})",
            curves,
            Known(
                "sat.analysis.faithfulness:faithfulness",
                "tests/analysis/test_faithfulness.py::test_curves_are_probabilities_place_by_place",
            ),
            Question(
                "Does “{word}” suffer sooner when places are taken away by attention than by chance?",
                ("Yes", "No"),
                lambda n: 0 if n.facts["better"] else 1,
                "Area {delete_alpha:.3f} by attention, {delete_centre:.3f} from the middle, {delete_random:.3f} by "
                "chance.",
            ),
            attention=True,
        ),
        Screen(
            "causes",
            "What each place does",
            "Bar one place at a time and note how much the word's log-probability falls: that is the place's "
            "effect. Attention and effect are different things. A place may be looked at much and speak against the "
            "word, or little and decide it.\n\nThe rank correlation sums it up: 1 if both put the places into the "
            "same order, 0 if the one says nothing about the other.",
            r"\log p(y_t) - \log p(y_t \mid \text{without place } i)",
            causes,
            Known(
                "sat.analysis.faithfulness:rank_correlation",
                "tests/analysis/test_faithfulness.py::test_occlusion_is_the_loss_without_each_place",
            ),
            Question(
                "Of the most looked-at places, do most speak for “{word}”?",
                ("Yes, more than half", "No"),
                lambda n: 0 if n.number("helpful") > 0.5 else 1,
                "{helpful:.0%} of them do; the rank correlation of attention and effect is {rank:.2f}.",
            ),
            attention=True,
        ),
        Screen(
            "where-not",
            "Where it cannot",
            "Now every word of the caption, by the same two tests. A map *holds* if taking away what it marks harms "
            "the word sooner, and giving it back helps sooner, than from the middle or by chance. Often it holds in "
            "one test only, or in none; and some words, such as “a” after “with”, never needed a look.\n\nBelow is "
            "the word whose map you should believe least: where it looks, and what each place really does.",
            r"\text{area}(\alpha) < \text{area}(\text{middle}), \; \text{area}(\text{chance})",
            where_not,
            Known("sat.analysis.faithfulness:judge", "tests/analysis/test_faithfulness.py::test_when_a_map_holds"),
            Question(
                "Of how many of the {words} words can the map be trusted by both tests?",
                ("Less than a third", "A third to two thirds", "More than two thirds"),
                lambda n: min(int(3 * n.number("holds") / n.number("words")), 2),
                "Of {holds}; in part of {part}, not at all of {not}, and {idle} did not need it. Least of all at "
                "“{worst}”.",
            ),
            attention=True,
            slow=True,
        ),
        Screen(
            "people",
            "Do people agree?",
            "People have drawn boxes around what the phrases of captions speak of. Let the model read those captions "
            "and see how much of its attention falls into the box. Looking everywhere gets some of it by luck, "
            "looking at the middle more: only what is beyond that counts.\n\nPointing asks only for the brightest "
            "cell.",
            r"\sum_i \alpha_{ti} \, \text{inside}_i",
            people,
            Known("sat.evaluation.grounding:ground", "tests/evaluation/test_grounding.py::test_grounding_by_hand"),
            Question(
                "Does the brightest cell hit the box more often than the middle of the picture does?",
                ("Yes", "No"),
                lambda n: 0 if n.number("pointing") > n.number("centre_pointing") else 1,
                "The brightest cell hits in {pointing:.1%}, the middle in {centre_pointing:.1%} of {phrases} phrases.",
            ),
            attention=True,
            further=Further("Looked right and said right, picture by picture", "mistakes", (("view", "patterns"),)),
        ),
    ),
)
