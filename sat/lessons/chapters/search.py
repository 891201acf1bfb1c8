"""Chapter 10: writing a caption: greedy against beam search, drawn as a tree, and why length matters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.config import Decoding
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.numbers import Chart, Node, Numbers, Series, Table, Tree, Value, latex
from sat.lessons.scene import Scene
from sat.trace import BeamNode, Trace
from sat.vocabulary import END, SPECIALS

BEAM = 3
NORMS = (0.0, 0.7, 1.0)
_TEST = "tests/lessons/chapters/test_captions.py"
_END = SPECIALS[END]


@dataclass(frozen=True)
class Finished:
    """A hypothesis that ended: its words, their number with the end, and log p."""

    words: tuple[str, ...]
    length: int
    log_prob: float
    node: int

    def score(self, norm: float) -> float:
        """log p / length^norm, what captions are ranked by."""
        return self.log_prob / self.length**norm


def finished(tree: tuple[BeamNode, ...]) -> tuple[Finished, ...]:
    """The hypotheses of a search that ended, in the order in which they did."""
    found = []
    for number, node in enumerate(tree):
        if node.word == _END and node.score is not None:
            way = path(tree, number)
            found.append(Finished(tuple(tree[i].word for i in way[:-1]), node.step + 1, node.total, number))
    return tuple(found)


def path(tree: tuple[BeamNode, ...], number: int) -> tuple[int, ...]:
    """The numbers of the nodes from a first word down to a node."""
    way = [number]
    while tree[way[0]].parent >= 0:
        way.insert(0, tree[way[0]].parent)
    return tuple(way)


def greedy(scene: Scene) -> Numbers:
    """The greedy caption and the beam's, and where they part."""
    one, several = scene.once(_greedy), scene.once(_searched)
    shared = next(
        (t for t, (a, b) in enumerate(zip(one.words, several.words, strict=False)) if a != b),
        min(len(one.words), len(several.words)),
    )
    same = one.words == several.words
    gain = several.log_prob - one.log_prob
    return Numbers(
        values=(
            Value("greedy", one.caption or "(no words)", "Greedy"),
            Value("beam", several.caption or "(no words)", f"Beam of {BEAM}"),
            Value("greedy_log_prob", one.log_prob, "Greedy, log p", "nats", 2),
            Value("beam_log_prob", several.log_prob, "Beam, log p", "nats", 2),
            Value("gain", gain, "The beam gains", "nats", 2),
            Value("same", same),
            Value("shared", shared, "Words until they part"),
        ),
        filled=rf"\log p: \quad {latex(one.log_prob, 2)} \quad \text{{and}} \quad {latex(several.log_prob, 2)}",
        tables=(
            Table(
                "Greedy, word by word",
                ("word", "p", "next best", "its p"),
                tuple(_row(step.word, step.log_prob, step.top) for step in one.steps),
            ),
        ),
    )


def beam(scene: Scene) -> Numbers:
    """The tree of the search."""
    trace = scene.once(_searched)
    ended = finished(trace.tree)
    winner = next(f for f in ended if f.words == tuple(trace.words))
    way, looked = set(path(trace.tree, winner.node)), scene.once(_looked)
    alive = [sum(node.step == t and node.word != _END for node in trace.tree) for t in range(len(trace.words) + 1)]
    first = sorted((n for n in trace.tree if n.step == 0 and n.word != _END), key=lambda n: -n.total)
    rank = next(i for i, n in enumerate(first) if n.word == (winner.words or (first[0].word,))[0])
    return Numbers(
        values=(
            Value("beam", BEAM, "Hypotheses kept alive"),
            Value("nodes", len(trace.tree), "Nodes of the tree"),
            Value("finished", len(ended), "Captions that ended"),
            Value("caption", trace.caption or "(no words)", "The winner"),
            Value("rank", rank),
            Value("first_word", first[rank].word),
            Value("widest", max(alive), "Most alive at once"),
        ),
        filled=rf"{len(ended)} \; \text{{captions ended, the best has}} \; \frac{{\log p}}{{C^\gamma}} = "
        rf"{latex(winner.score(_norm(scene)), 3)}",
        trees=(
            Tree(
                "Every hypothesis of the search, with its log-probability so far",
                tuple(
                    Node(n.parent, n.word, n.total, i in way, n.word == _END, looked.get(i))
                    for i, n in enumerate(trace.tree)
                ),
            ),
        ),
    )


def _looked(scene: Scene) -> dict[int, np.ndarray]:
    """Where the model looked for the word of every node, by the node's number; empty without attention.

    Each sentence of the tree is read once more; those that begin alike looked alike there.
    """
    tree = scene.once(_searched).tree
    found: dict[int, np.ndarray] = {}
    if not scene.attends:
        return found
    parents = {node.parent for node in tree if node.word != _END}
    for leaf, node in enumerate(tree):
        if leaf in parents or node.word == _END:
            continue
        way = path(tree, leaf)
        maps = scene.captioner.read(scene.raw, [tree[i].word for i in way]).glimpses
        assert maps is not None
        found |= {i: np.asarray(one, dtype=np.float64) for i, one in zip(way, maps, strict=True)}
    return found


def length(scene: Scene) -> Numbers:
    """The same endings ranked with three exponents."""
    ended = finished(scene.once(_searched).tree)
    winners = [max(ended, key=lambda f, norm=norm: f.score(norm)) for norm in NORMS]  # type: ignore[misc]
    rows = tuple(
        (" ".join(f.words) or "(no words)", f.length, f.log_prob, f.score(NORMS[1]), f.score(NORMS[2]))
        for f in sorted(ended, key=lambda f: -f.score(_norm(scene)))[:10]
    )
    lengths = np.array(sorted({f.length for f in ended}), dtype=np.float64)
    best = np.array([max(f.log_prob for f in ended if f.length == n) for n in lengths])
    return Numbers(
        values=(
            Value("finished", len(ended), "Captions that ended"),
            *(
                Value(f"winner_{i}", " ".join(w.words) or "(no words)", f"Best with the exponent {norm:g}")
                for i, (norm, w) in enumerate(zip(NORMS, winners, strict=True))
            ),
            *(
                Value(f"length_{i}", w.length, f"its steps (exponent {n:g})")
                for i, (n, w) in enumerate(zip(NORMS, winners, strict=True))
            ),
            Value("chosen", _norm(scene), "This model was tuned to the exponent", digits=2),
        ),
        filled=rf"\frac{{{latex(winners[1].log_prob, 2)}}}{{{winners[1].length}^{{{NORMS[1]}}}}} = "
        rf"{latex(winners[1].score(NORMS[1]), 3)}",
        tables=(
            Table("Captions that ended, best first", ("caption", "steps", "log p", "exponent 0.7", "exponent 1"), rows),
        ),
        charts=(Chart("The best log p of each length", "steps", "log p", (Series("best log p", lengths, best),)),),
    )


def _row(word: str, log_prob: float, top: tuple[tuple[str, float], ...]) -> tuple[str, float, str | None, float | None]:
    other = next((pair for pair in top if pair[0] != word), None)
    return (word, float(np.exp(log_prob)), *(other or (None, None)))


def _norm(scene: Scene) -> float:
    return scene.captioner.config.decoding.length_norm


def _greedy(scene: Scene) -> Trace:
    return _caption(scene, scene.captioner.config.decoding.model_copy(update={"method": "greedy"}))


def _searched(scene: Scene) -> Trace:
    return _caption(scene, scene.captioner.config.decoding.model_copy(update={"method": "beam", "beam": BEAM}))


def _caption(scene: Scene, decoding: Decoding) -> Trace:
    return scene.captioner.caption_annotations(scene.raw, decoding, tree=decoding.method == "beam")[0]


CHAPTER = Chapter(
    "search",
    "Searching for a caption",
    "See why taking the best word each time does not give the best sentence.",
    (
        Screen(
            "greedy",
            "Greedy, and what it misses",
            "The model gives probabilities, not sentences. Greedy writing takes the best word at every step and never "
            "looks back. But a word that is second best now may lead to a better sentence.\n\nThe table shows, for "
            "each word, what greedy passed over.",
            r"y_t = \text{the word with the largest } p(y_t \mid y_{<t}, a)",
            greedy,
            Known(
                "sat.decoding.forward:write",
                "tests/decoding/test_forward.py::test_greedy_takes_the_best_word_at_every_step",
            ),
            Question(
                "Which caption is more probable?",
                ("The greedy one", "The one of beam search", "They are the same"),
                lambda n: 2 if n.facts["same"] else 0 if n.number("gain") < 0 else 1,
                "Greedy: “{greedy}”, {greedy_log_prob:.2f} nats. Beam: “{beam}”, {beam_log_prob:.2f} nats.",
            ),
        ),
        Screen(
            "tree",
            "Beam search as a tree",
            "Beam search keeps several sentences alive. Each is continued by every word; the best few of all live on; "
            "each may also end. Of all that ended, the best wins.\n\nRead the tree from left to right; each word has a "
            "small picture of where the model looked for it. A ring: the sentence may end there. Branches that stop "
            "without one were overtaken.",
            r"\log p(y_1, \ldots, y_t \mid a) = \log p(y_1, \ldots, y_{t-1} \mid a) + \log p(y_t \mid y_{<t}, a)",
            beam,
            Known("sat.decoding.search:beam_search", "tests/decoding/test_search.py::test_the_tree_holds_the_winner"),
            Question(
                "Did the winner begin with the likeliest first word?",
                ("Yes", "No, with another"),
                lambda n: 0 if n.number("rank") == 0 else 1,
                "“{caption}” begins with “{first_word}”; {finished} captions ended in all.",
            ),
        ),
        Screen(
            "length",
            "Why length matters",
            "Every further word multiplies the probability by something below one, so long sentences are always less "
            "probable than their beginnings. Ranked by probability alone, short captions win. Dividing the logarithm "
            "by a power of the length makes up for it; the exponent is chosen on pictures that are not tested "
            "on.\n\nHere the same finished captions are ranked with three exponents.",
            r"\frac{\log p(y \mid a)}{C^\gamma}",
            length,
            Known("sat.lessons.chapters.search:finished", f"{_TEST}::test_endings_are_ranked_by_their_own_totals"),
            Question(
                "Without any correction (exponent 0), is the winner shorter than with exponent 1?",
                ("Shorter", "Equally long", "Longer"),
                lambda n: int(np.sign(n.number("length_0") - n.number("length_2"))) + 1,
                "Exponent 0: “{winner_0}”. Exponent 1: “{winner_2}”.",
            ),
        ),
    ),
)
