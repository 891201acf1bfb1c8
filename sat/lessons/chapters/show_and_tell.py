"""Chapter 4: Show and Tell (NIC), the captioner before attention: the picture once, then words alone."""

from __future__ import annotations

import math
from typing import Any

from sat import checkpoints
from sat.analysis.evidence import evidence
from sat.errors import UserError
from sat.lessons.chapter import Chapter, Further, Known, Question, Screen
from sat.lessons.chapters.shared import series
from sat.lessons.numbers import Cell, Chart, Numbers, Table, Value, latex, latex_word
from sat.lessons.scene import Scene
from sat.trace import Trace

_SCORES = ("BLEU-1", "BLEU-4", "METEOR", "CIDEr")
_ENOUGH = 50  # mentions; of fewer a share says little
_ASKED = ("BLEU-4", "METEOR", "CIDEr")
_TEST = "tests/lessons/chapters/test_captions.py"


def once(scene: Scene) -> Numbers:
    """The caption without attention, and how much the picture still says at every word."""
    other, trace = scene.once(_without_attention)
    found = other.captioner.analyse(evidence, other.raw, trace)
    strongest = int(found.evidence.argmax())
    half = len(found.evidence) // 2
    early, late = found.evidence[: half or 1].mean(), found.evidence[half:].mean()
    return Numbers(
        values=(
            Value("model", other.captioner.name, "Model"),
            Value("caption", trace.caption or "(no words)", "It writes"),
            Value("beside", scene.trace.caption or "(no words)", f"{scene.captioner.name} writes"),
            Value("strongest", found.words[strongest], "The picture speaks most for"),
            Value("evidence", float(found.evidence[strongest]), "Evidence of that word", "nats", 2),
            Value("early", float(early), "Evidence a word, first half", "nats", 2),
            Value("late", float(late), "Evidence a word, second half", "nats", 2),
        ),
        filled=rf"\log p({latex_word(found.words[strongest])} \mid a) - \log p({latex_word(found.words[strongest])} "
        rf"\mid \bar{{a}}) = {latex(float(found.evidence[strongest]), 2)}",
        charts=(
            Chart(
                "Evidence: how much likelier the picture makes each word",
                "word",
                "nats",
                (series("evidence", found.evidence),),
                "bar",
                found.words,
            ),
        ),
    )


def likelihood(scene: Scene) -> Numbers:
    """The caption's log-probability word by word."""
    chosen = scene.look(lambda reading: reading.chosen().double().cpu().numpy())  # (T + 1,)
    total = float(chosen.sum())
    rows = tuple(
        (word, float(math.exp(p)), float(p), float(so_far))
        for word, p, so_far in zip(scene.words, chosen, chosen.cumsum(), strict=True)
    )
    least = int(chosen.argmin())
    return Numbers(
        values=(
            Value("log_prob", total, "log p of the whole caption", "nats", 2),
            Value("probability", math.exp(total)),
            Value("one_in", math.exp(-total), "One caption in so many", digits=0),
            Value("perplexity", math.exp(-total / len(chosen)), "Perplexity, words to choose from each time", digits=2),
            Value("least", scene.words[least], "Least expected word"),
            Value("least_p", math.exp(float(chosen[least])), "Probability of that word", "%"),
        ),
        filled=rf"\log p(y \mid a) = {' + '.join(f'({latex(float(p), 2)})' for p in chosen[:4])}"
        rf"{' + ...' if len(chosen) > 4 else ''} = {latex(total, 2)}",
        tables=(Table("Word by word", ("word", "p", "log p", "sum so far"), rows),),
    )


def scores(scene: Scene) -> Numbers:
    """The recorded scores of the models that are here, and what attention adds."""
    rows: list[tuple[Cell, ...]] = []
    found: dict[str, dict[str, float]] = {}
    for name in checkpoints.available():
        folder = checkpoints.find(name)
        metrics = checkpoints.read_metrics(folder)
        standard = metrics.get("standard") if metrics else None
        if isinstance(standard, dict) and all(isinstance(standard.get(s), float) for s in _SCORES):
            config = checkpoints.read_config(folder)
            if config.recurrence == "lstm":  # the same LSTM, with and without attention
                found.setdefault(config.attention, standard)
            rows.append((name, *(float(standard[s]) for s in _SCORES)))
    if not {"soft", "none"} <= found.keys():
        raise UserError("There are no scores of a soft model and one without attention: evaluate both to compare them.")
    gains = {score: found["soft"][score] / found["none"][score] - 1 for score in _ASKED if found["none"][score] > 0}
    best = max(gains, key=lambda score: gains[score]) if gains else _ASKED[0]
    return Numbers(
        values=(
            *(
                Value(f"gain_{score[:2].lower()}", gains.get(score, 0.0), f"{score}: soft attention adds", "%", 3)
                for score in _ASKED
            ),
            Value("best", _ASKED.index(best)),
            Value("best_name", best),
            Value("best_gain", gains.get(best, 0.0)),
        ),
        filled=rf"\frac{{{latex(found['soft'][best], 1)}}}{{{latex(found['none'][best], 1)}}} - 1 = "
        rf"{latex(gains.get(best, 0.0))}",
        tables=(Table("Test split, standard protocol, times 100", ("model", *_SCORES), tuple(rows), 1),),
    )


def wrong(scene: Scene) -> Numbers:
    """What the captions name rightly and wrongly, with and without attention, as recorded on the test split."""
    found: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {}
    for name in checkpoints.available():
        folder = checkpoints.find(name)
        record = checkpoints.read_hallucination(folder) or {}
        kinds, config = record.get("by_kind"), checkpoints.read_config(folder)
        if config.recurrence != "lstm":  # the same LSTM, with and without attention
            continue
        if isinstance(kinds, dict) and record.get("dataset", "flickr8k") == "flickr8k":
            named = {k: v["model"] for k, v in kinds.items() if v["model"]["mentions"]}
            found.setdefault(config.attention, (name, named))
    if not {"soft", "none"} <= found.keys():
        raise UserError(
            "What models name wrongly was not measured here: evaluate a soft model and one without attention."
        )
    (soft, with_), (none, without) = found["soft"], found["none"]
    rows = tuple(
        (
            kind,
            _share(without[kind]["recall"]),
            _share(with_[kind]["recall"]),
            _share(without[kind]["chair_i"]),
            _share(with_[kind]["chair_i"]),
        )
        for kind in without
        if kind in with_ and without[kind]["mentions"] >= _ENOUGH
    )
    gains = {kind: after - before for kind, before, after, _, _ in rows if before is not None and after is not None}
    best = max(gains, key=lambda kind: gains[kind])
    before = next(row for row in rows if row[0] == best)
    made_up = [(b, a) for _, _, _, b, a in rows if b is not None and a is not None]
    return Numbers(
        values=(
            Value("soft", soft, "With attention"),
            Value("none", none, "Without"),
            Value("best", best, "What attention helps most to find"),
            Value("before", before[1] or 0.0, "Found without attention, of what people named", "%"),
            Value("after", before[2] or 0.0, "Found with attention", "%"),
            Value("fewer", sum(a < b for b, a in made_up), "Kinds of things it makes up less of"),
            Value("kinds", len(made_up), "Kinds in all"),
        ),
        filled=rf"\text{{{best}:}} \quad {latex(before[1] or 0.0)} \to {latex(before[2] or 0.0)}",
        tables=(
            Table(
                "Test split: of what people named, found; of what it names, made up",
                ("kind", "found, without", "found, with", "made up, without", "made up, with"),
                rows,
                3,
            ),
        ),
    )


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _without_attention(scene: Scene) -> tuple[Scene, Trace]:
    """An LSTM without attention on the same picture, and its caption.

    Raises:
        UserError: there is none.
    """
    if not scene.attends and scene.captioner.config.recurrence == "lstm":
        return scene, scene.trace
    for captioner in scene.beside:
        if captioner.attention == "none" and captioner.config.recurrence == "lstm":
            raw = scene.raw_for(captioner)
            (trace,) = captioner.caption_annotations(raw)
            return Scene(captioner, raw, trace, 0, scene.picture), trace
    raise UserError("There is no model without attention beside this one: choose one, such as nic-flickr8k.")


def _likely(numbers: Numbers) -> int:
    p = numbers.number("probability")
    return 0 if p > 0.01 else 1 if p > 1e-6 else 2


CHAPTER = Chapter(
    "show-and-tell",
    "Show and Tell",
    "Meet the captioner before attention, and see what it misses.",
    (
        Screen(
            "once",
            "The picture, once",
            "Show and Tell joins two networks that were there already: one that recognises pictures (GoogLeNet "
            "then; here the same newer one, EfficientNet-Lite, for all models) and one that writes sentences. The "
            "picture is shown once, before the first word, as the mean of its annotations. From then on the LSTM "
            "has only its memory of it.\n\nEvidence says how much the picture makes a word likelier than it would "
            "be for the average picture. It is counted in nats: 0.69 more, twice as likely. Where it is near 0, "
            "language alone has written the word.",
            r"(h_0, c_0) = f_{\mathrm{init}}(\bar{a}), \quad y_t \sim p(y_t \mid h_t)",
            once,
            Known(
                "sat.models.decoder:Decoder.start",
                "tests/models/test_decoder.py::test_without_attention_the_picture_enters_once",
            ),
            Question(
                "Where does the picture say more: in the first or in the second half of “{caption}”?",
                ("In the first half", "In the second half"),
                lambda n: 0 if n.number("early") >= n.number("late") else 1,
                "{early:.2f} nats a word in the first half, {late:.2f} in the second; most for “{strongest}”.",
            ),
        ),
        Screen(
            "likelihood",
            "Maximum likelihood",
            "The model says for every word how probable it is after the words before it. The product over the words is "
            "the probability of the caption; its logarithm, a sum, is easier to handle. Training makes this number as "
            "large as possible for captions that people wrote.\n\nNothing in it asks whether the caption is true. A "
            "model that writes what is usual is rewarded even where it has not looked.",
            r"\log p(y \mid a) = \sum_t \log p(y_t \mid y_{<t}, a)",
            likelihood,
            Known("sat.analysis.reading:Reading.chosen", f"{_TEST}::test_the_likelihood_is_the_sum_over_words"),
            Question(
                "How probable is this one caption, of all that could be written?",
                ("More than one in a hundred", "Between one in a hundred and one in a million", "Less than that"),
                _likely,
                "One in {one_in:,.0f}: a sentence has many ways to be said, so none of them is likely.",
            ),
        ),
        Screen(
            "scores",
            "What attention adds",
            "The same encoder, the same data, the same LSTM, once with and once without attention, scored on the same "
            "thousand test pictures. BLEU counts word groups that people wrote too, METEOR also synonyms, CIDEr weighs "
            "the words that tell this picture from others.\n\nMost of a caption can be had without looking twice. What "
            "attention gets right are the words that belong to this picture only.",
            r"\frac{\mathrm{soft}}{\mathrm{none}} - 1",
            scores,
            Known(
                "sat.evaluation.captions:standard_scores",
                "tests/evaluation/test_captions.py::test_facts_measured_on_flickr8k",
            ),
            Question(
                "Which score gains most by soft attention, in per cent?",
                _ASKED,
                lambda n: int(n.number("best")),
                "{best_name}, by {best_gain:.1%}.",
            ),
        ),
        Screen(
            "wrong",
            "What it gets wrong",
            "Scores say how good, not what. So every caption of the test split was gone through: which of the things "
            "that people named does it find, and how much of what it names did nobody name?\n\nA model that sees the "
            "picture once knows the scene. What it loses is the particular: the colour of this shirt, the thing in "
            "that hand. Guessing the usual is how a captioner makes things up.",
            r"\text{found} = \frac{\text{named by both}}{\text{named by people}}, \quad "
            r"\text{made up} = \frac{\text{named by nobody else}}{\text{named}}",
            wrong,
            Known(
                "sat.evaluation.hallucination:chair",
                "tests/evaluation/test_hallucination.py::test_by_hand",
            ),
            Question(
                "Does attention make up less of most kinds of things?",
                ("Yes", "No"),
                lambda n: 0 if n.number("fewer") > n.number("kinds") / 2 else 1,
                "Of {fewer} of {kinds} kinds. It helps most to find {best}: {before:.1%} of those that people named "
                "without attention, {after:.1%} with it.",
            ),
            further=Further("Two models' mistakes, picture by picture", "mistakes", (("view", "two"),)),
        ),
    ),
)
