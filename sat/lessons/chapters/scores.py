"""Chapter 11: BLEU and METEOR of one caption against captions by people, worked out."""

from __future__ import annotations

from sat.data.tokens import tokenize
from sat.lessons.bleu import Bleu, bleu
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.meteor import KINDS, Statistics, Worked, work
from sat.lessons.numbers import Numbers, Table, Value, latex
from sat.lessons.scene import Scene

# Stands in where nobody has said what is to be seen: a caption with a word too many, and two people's.
EXAMPLE = "a dog runs on the the grass"
EXAMPLE_REFERENCES = ("a brown dog is running on the grass", "the dog runs across a green field")
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
                "Matches: content words and function words of the caption, then of the reference",
                ("kind", "weight", "content", "function", "content", "function"),
                rows,
                1,
            ),
        ),
    )


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
            "be perfect: its count is clipped.\n\nWhere nobody has described the picture yet, an example is worked "
            "out; add captions of your own.",
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
    ),
)
