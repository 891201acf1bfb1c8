"""Chapter 11: BLEU and METEOR of one caption against captions by people, worked out."""

from __future__ import annotations

from sat import checkpoints
from sat.data.tokens import tokenize
from sat.lessons.bleu import Bleu, bleu
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.meteor import KINDS, Statistics, Worked, work
from sat.lessons.numbers import Cell, Numbers, Table, Value, latex
from sat.lessons.scene import Scene

# Stands in where nobody has said what is to be seen: a caption with a word too many, and two people's.
EXAMPLE = "a dog runs on the the grass"
EXAMPLE_REFERENCES = ("a brown dog runs on the lawn", "a dog is running across green grass")
_BLEU = "tests/lessons/test_bleu.py"
_METEOR = "tests/lessons/test_meteor.py"


def texts(scene: Scene) -> tuple[list[str], list[list[str]], bool]:
    """The caption and its references as words, and whether they are the built-in example."""
    references = [words for words in map(tokenize, scene.references) if words]
    if references:
        return list(scene.trace.words), references, False
    return tokenize(EXAMPLE), [tokenize(r) for r in EXAMPLE_REFERENCES], True


def ngrams(scene: Scene) -> Numbers:
    """Clipped counts of n-grams."""
    caption, references, example = texts(scene)
    found = scene.once(_bleu)
    first = found.orders[0]
    clipped = [row for row in first.rows if row.clipped < row.count]
    return Numbers(
        values=(
            Value("caption", " ".join(caption) or "(no words)", "Caption" if not example else "Caption (an example)"),
            Value("references", len(references), "Captions by people"),
            *(Value(f"p{o.n}", o.precision, f"Precision, groups of {o.n}", "%") for o in found.orders),
            *(Value(f"right{o.n}", o.right) for o in found.orders),
            *(Value(f"total{o.n}", o.total) for o in found.orders),
            Value("clipped", len(clipped), "Words counted less often than they are there"),
        ),
        filled=", \\quad ".join(rf"p_{{{o.n}}} = \frac{{{o.right}}}{{{o.total}}}" for o in found.orders),
        tables=tuple(
            Table(
                f"Groups of {o.n}" if o.n > 1 else "Single words",
                ("group", "in the caption", "most in one reference", "counted"),
                tuple((row.ngram, row.count, row.most, row.clipped) for row in o.rows),
            )
            for o in found.orders
            if o.rows
        ),
    )


def brevity(scene: Scene) -> Numbers:
    """Brevity penalty and BLEU."""
    found = scene.once(_bleu)
    product = r" \cdot ".join(latex(o.precision) for o in found.orders)
    rows = tuple((f"BLEU-{n}", score * 100) for n, score in enumerate(found.scores, start=1))
    return Numbers(
        values=(
            Value("length", found.length, "Words of the caption"),
            Value("closest", found.closest, "Words of the reference nearest in length"),
            Value("penalty", found.brevity_penalty, "Brevity penalty"),
            *(Value(f"bleu{n}", score, f"BLEU-{n}", "%", 4) for n, score in enumerate(found.scores, start=1)),
        ),
        filled=rf"\text{{BLEU-4}} = {latex(found.brevity_penalty)} \cdot ({product})^{{1/4}} = "
        rf"{latex(found.scores[3], 4)}",
        tables=(Table("Times 100", ("score", "value"), rows, 2),),
    )


def meteor(scene: Scene) -> Numbers:
    """METEOR from its counts."""
    found = scene.once(_meteor)
    rows = tuple(
        (m.kind, m.weight, m.caption_content, m.caption_function, m.reference_content, m.reference_function)
        for m in found.matches
    )
    matched = {
        m.kind: m.caption_content + m.caption_function + m.reference_content + m.reference_function
        for m in found.matches
    }
    return Numbers(
        values=(
            Value("matched", found.matched, "Words matched", digits=1),
            Value("inexact", sum(matched[kind] for kind, _ in KINDS[1:])),
            Value("precision", found.precision, "Precision"),
            Value("recall", found.recall, "Recall"),
            Value("mean", found.mean, "Their weighted mean"),
            Value("chunks", found.chunks, "Runs of words in order", digits=0),
            Value("penalty", found.penalty, "Penalty for disorder"),
            Value("score", found.score, "METEOR", "%", 4),
        ),
        filled=rf"(1 - {latex(found.penalty)}) \cdot {latex(found.mean)} = {latex(found.score, 4)}",
        tables=(
            Table(
                "Words that were paired, content and function words apart",
                ("kind", "weight", "caption, content", "function", "reference, content", "function there"),
                rows,
                1,
            ),
        ),
    )


def protocols(scene: Scene) -> Numbers:
    """The caption, and a model's test split, by today's protocol and by one like the paper's."""
    caption, references, example = texts(scene)
    today = scene.once(_bleu)
    stopped = bleu([*caption, "."], [[*r, "."] for r in references])
    paper = tuple(score / (stopped.brevity_penalty or 1.0) for score in stopped.scores)  # no penalty for being short
    one = tuple(
        (f"BLEU-{n}", 100 * a, 100 * b) for n, (a, b) in enumerate(zip(today.scores, paper, strict=True), start=1)
    )
    recorded = _recorded(scene.captioner.name)
    return Numbers(
        values=(
            Value("caption", " ".join(caption) or "(no words)", "Caption" if not example else "Caption (an example)"),
            Value("today", today.scores[3], "BLEU-4 today", "%", 4),
            Value("paper", paper[3], "BLEU-4 like the paper's", "%", 4),
            Value("more", paper[3] > today.scores[3] + 1e-12),
            Value("one_today", today.scores[0], "BLEU-1 today", "%", 4),
            Value("one_paper", paper[0], "BLEU-1 like the paper's", "%", 4),
        ),
        filled=rf"p_1: \quad \frac{{{today.orders[0].right}}}{{{today.orders[0].total}}} \to "
        rf"\frac{{{stopped.orders[0].right}}}{{{stopped.orders[0].total}}}",
        tables=(
            Table("This caption, times 100", ("score", "today", "like the paper's"), one, 1),
            *((Table(f"{recorded[0]} on its test split, times 100", _RECORDED, recorded[1], 1),) if recorded else ()),
        ),
    )


_RECORDED = ("score", "today", "like the paper's")


def _recorded(name: str) -> tuple[str, tuple[tuple[Cell, ...], ...]] | None:
    """Both protocols' scores of this model, else of the first that has them; None where there is none."""
    known = checkpoints.available()
    for one in (*(n for n in known if n == name), *known):
        metrics = checkpoints.read_metrics(checkpoints.find(one)) or {}
        today, paper = metrics.get("standard"), metrics.get("paper_like")
        if isinstance(today, dict) and isinstance(paper, dict):
            rows = tuple(
                (score, float(today[score]), float(paper[score]))
                for score in ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR")
                if isinstance(today.get(score), float) and isinstance(paper.get(score), float)
            )
            if rows:
                return one, rows
    return None


def _bleu(scene: Scene) -> Bleu:
    caption, references, _ = texts(scene)
    return bleu(caption, references)


def _meteor(scene: Scene) -> Worked:
    caption, references, _ = texts(scene)
    with Statistics() as program:
        return work(program.of(" ".join(caption), [" ".join(r) for r in references]))


CHAPTER = Chapter(
    "scores",
    "Scoring a caption",
    "Work out BLEU and METEOR by hand, and see what they reward and what they cannot see.",
    (
        Screen(
            "ngrams",
            "Counting word groups",
            "BLEU asks: of the words of the caption, how many did people write too? And of its pairs, triples, "
            "quadruples? A word may count only as often as it stands in one of the references, or “the the the” would "
            "be perfect: its count is clipped.\n\nDescribe the picture yourself in the box; "
            "until somebody has, an example is worked out.",
            r"p_n = \frac{\sum \min(\text{count}, \text{most in one reference})}{\sum \text{count}}",
            ngrams,
            Known("sat.lessons.bleu:bleu", f"{_BLEU}::test_bleu_equals_the_librarys"),
            Question(
                "How many of the {total2} pairs of neighbouring words did people write too?",
                ("None", "Up to half of them", "More than half of them"),
                lambda n: 0 if not n.number("right2") else 1 if n.number("right2") <= n.number("total2") / 2 else 2,
                "{right2} of {total2}; of the single words {right1} of {total1}.",
            ),
        ),
        Screen(
            "brevity",
            "Not too short",
            "Precision alone would reward saying little. So a caption that is shorter than the references is "
            "punished: the brevity penalty. BLEU-4 is this penalty times the geometric mean of the four precisions; "
            "if one of them is 0, so is the whole.\n\nBLEU is meant for many captions at once: over a thousand "
            "pictures the counts are added before they are divided.",
            r"\mathrm{BLEU} = \mathrm{BP} \cdot \left(p_1 p_2 p_3 p_4\right)^{1/4}, \quad "
            r"\mathrm{BP} = \exp(1 - r / c) \text{ if } c < r",
            brevity,
            Known("sat.lessons.bleu:bleu", f"{_BLEU}::test_bleu_equals_the_librarys"),
            Question(
                "Is this caption punished for being short?",
                ("No", "Yes"),
                lambda n: 1 if n.number("penalty") < 1 else 0,
                "It has {length} words, the nearest reference {closest}: the penalty is {penalty:.3f}.",
            ),
        ),
        Screen(
            "meteor",
            "METEOR: meaning a little",
            "METEOR pairs off the words of the caption with those of a reference: the same word, the same stem (run, "
            "running), synonyms, paraphrases. It looks at recall more than at precision, lets content words count more "
            "than words such as “the”, and punishes words that are in another order.\n\nThe pairing is done by the "
            "METEOR program, which takes some seconds to start; the rest is worked out here.",
            r"\mathrm{METEOR} = \left(1 - \gamma \left(\frac{\mathrm{chunks}}{\mathrm{matched}}\right)^\beta\right) "
            r"\frac{P R}{\alpha P + (1 - \alpha) R}",
            meteor,
            Known("sat.lessons.meteor:work", f"{_METEOR}::test_the_score_follows_from_the_counts"),
            Question(
                "Did METEOR find pairs of words that are alike but not the same?",
                ("Yes", "No"),
                lambda n: 0 if n.number("inexact") > 0 else 1,
                "{matched:.1f} words are matched in {chunks:.0f} runs; the score is {score:.1%}.",
            ),
            slow=True,
        ),
        Screen(
            "protocols",
            "Two rulers",
            "The paper's numbers cannot be set beside today's. Today: punctuation is dropped and short captions are "
            "punished. Then: the final full stop was a word like any other, always right, and nothing was taken off "
            "for being short; the reference captions were of another edition.\n\nNeither is wrong, but each is a ruler "
            "of its own. So every table here says which one was used, and decoding is chosen once for both.",
            r"\mathrm{BP} = 1, \quad p_n = \frac{\text{matched} + \text{those with the full stop}}{\text{all}}",
            protocols,
            Known("sat.evaluation.captions:paper_like_scores", f"{_BLEU}::test_two_protocols_by_hand"),
            Question(
                "Scored like in the paper, does this caption's BLEU-4 rise?",
                ("Yes", "No"),
                lambda n: 0 if n.facts["more"] else 1,
                "BLEU-4 goes from {today:.1%} to {paper:.1%}, BLEU-1 from {one_today:.1%} to {one_paper:.1%}.",
            ),
        ),
    ),
)
