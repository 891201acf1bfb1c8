"""Chapter 6: one step of Show, Attend and Tell, part by part, each with its numbers (section 3.1.2)."""

from __future__ import annotations

import numpy as np

from sat.analysis.attribution import attribute
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import as_map, attention, current, effective, named
from sat.lessons.numbers import Chart, Map, Numbers, Series, Table, Value, latex, latex_word
from sat.lessons.scene import Scene
from sat.lessons.steps import step_with

_STEP = "tests/models/test_decoder.py::test_step_equals_the_equations"
_EDIT = "tests/lessons/test_steps.py"
_GATES = 11  # positions of the gate that are tried


def score(scene: Scene) -> Numbers:
    """e_t."""
    found = current(scene)
    assert found.scores is not None
    e, best = found.scores, int(found.scores.argmax())
    return Numbers(
        values=(
            Value("previous", scene.previous, "Read"),
            Value("word", scene.word, "Written"),
            Value("highest", float(e[best]), "Highest score"),
            Value("lowest", float(e.min()), "Lowest score"),
            Value("range", float(np.ptp(e)), "Difference"),
            Value(
                "ratio", float(np.exp(np.ptp(e))), "so the best place gets so many times the worst's weight", digits=1
            ),
            Value("best", named(scene, best), "Best place"),
        ),
        filled=rf"e_{{t,{best + 1}}} = {latex(float(e[best]))}",
        maps=(Map("Scores, less their mean: blue above it, orange below", as_map(scene, e - e.mean()), signed=True),),
    )


def softmax(scene: Scene) -> Numbers:
    """alpha_t."""
    alpha, best = attention(scene), int(attention(scene).argmax())
    spread = effective(alpha)
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("most", float(alpha[best]), "Largest weight", digits=4),
            Value("equal", 1 / alpha.size, "An equal share", digits=4),
            Value("entropy", float(np.log(spread)), "Entropy", "nats", 2),
            Value("spread", spread, "Places that the attention is spread over", digits=1),
            Value("places", alpha.size, "Places there are"),
        ),
        filled=rf"\exp H(\alpha_t) = \exp({latex(float(np.log(spread)), 2)}) = {latex(spread, 1)}",
        maps=(Map("Attention", as_map(scene, alpha)),),
    )


def context(scene: Scene) -> Numbers:
    """z_t, and what it would be with attention flattened."""
    found = current(scene)
    assert found.z is not None and found.weights is not None
    flat = scene.look(step_with, scene.step, alpha=np.ones_like(as_map(scene, attention(scene))))
    looked = scene.trace.context not in (None, "expected")
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("used", "one place" if looked else "the weighted sum of all places", "The context is"),
            Value("length", float(np.linalg.norm(found.z)), "Length of the context", digits=2),
            Value("probability", flat.before, "p(word)", "%", 4),
            Value("flat", flat.probability, "p(word), all places alike", "%", 4),
            Value("divergence", flat.divergence, "How far the next-word guess moves", "nats", 4),
        ),
        filled=rf"|z_t| = {latex(float(np.linalg.norm(found.z)), 2)}, \quad p({latex_word(scene.word)}) = "
        rf"{latex(flat.before, 4)} \to {latex(flat.probability, 4)}",
        maps=(Map("The weights that made the context", as_map(scene, found.weights)),),
    )


def gate(scene: Scene) -> Numbers:
    """beta_t, and the word's probability as it is turned."""
    found = current(scene)
    assert found.beta is not None
    positions = np.linspace(0, 1, _GATES)
    tried = [scene.look(step_with, scene.step, beta=float(b)) for b in positions]
    shut, open_ = tried[0], tried[-1]
    beta = float(np.clip(found.beta, 1e-12, 1 - 1e-12))
    before = float(np.log(beta / (1 - beta)))
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("beta", found.beta, "The gate"),
            Value("probability", shut.before, "p(word)", "%", 4),
            Value("shut", shut.probability, "p(word), gate shut", "%", 4),
            Value("open", open_.probability, "p(word), gate wide open", "%", 4),
            Value("shut_word", shut.top[0][0], "Best word, gate shut"),
            Value("best_word", scene.look(step_with, scene.step).top[0][0]),
        ),
        filled=rf"\beta_t = \sigma({latex(before, 2)}) = {latex(found.beta)}",
        charts=(
            Chart(
                f"p(“{scene.word}”) as the gate is turned",
                "beta",
                "p",
                (Series("p", positions, np.array([t.probability for t in tried])),),
            ),
        ),
    )


def recurrence(scene: Scene) -> Numbers:
    """The LSTM's part in the step."""
    found = current(scene)
    forgotten = scene.look(step_with, scene.step, gates={"forget": 0.0})
    deaf = scene.look(step_with, scene.step, gates={"input": 0.0})
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("moved", float(np.linalg.norm(found.hidden - found.hidden_before)), "The state moves by", digits=2),
            Value("probability", forgotten.before, "p(word)", "%", 4),
            Value("forgotten", forgotten.probability, "p(word), all memory wiped at this step", "%", 4),
            Value("forgotten_divergence", forgotten.divergence),
            Value("deaf", deaf.probability, "p(word), nothing new let in", "%", 4),
            Value("deaf_divergence", deaf.divergence),
        ),
        filled=rf"|h_t - h_{{t-1}}| = {latex(float(np.linalg.norm(found.hidden - found.hidden_before)), 2)}",
    )


def output(scene: Scene) -> Numbers:
    """The deep output: what the word's logit is made of, and the best words."""
    found = current(scene)
    top = scene.look(step_with, scene.step, top=5).top
    parts = scene.look(attribute, scene.step, None, top[1][0] if top[0][0] == scene.word else top[0][0])
    shares = {"last word": parts.previous_word, "state": parts.hidden_state, "picture": parts.image, "bias": parts.bias}
    strongest = max(("last word", "state", "picture"), key=lambda name: shares[name])
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("against", parts.against or "", "Its nearest rival"),
            Value("total", parts.total, "It lies ahead by", "", 2),
            *(
                Value(f"part_{name.split()[-1]}", share, f"of which by the {name}", digits=2)
                for name, share in shares.items()
            ),
            Value("strongest", ("last word", "state", "picture").index(strongest)),
            Value("strongest_name", strongest),
        ),
        filled=rf"p({latex_word(top[0][0])}) = {latex(top[0][1])}, \quad n_{{{latex_word(scene.word)}}} = "
        rf"{latex(float(found.logits[found.word]), 2)}",
        tables=(Table("The best next words", ("word", "p"), tuple(top)),),
    )


def _spread(numbers: Numbers) -> int:
    share = numbers.number("spread") / numbers.number("places")
    return 0 if share < 0.1 else 1 if share <= 0.5 else 2


CHAPTER = Chapter(
    "one-step",
    "One step of Show, Attend and Tell",
    "Follow one word from the score to the next-word guess, and change any part by hand.",
    (
        Screen(
            "score",
            "The score",
            "Before each word the model asks every place: how useful are you now? The answer, the score, depends on "
            "what is there and on the state of the sentence. Read the map as a landscape: differences count, heights "
            "do not.",
            r"e_{ti} = v^T \tanh(W_a a_i + W_h h_{t-1})",
            score,
            Known("sat.models.attention:AdditiveScore.forward", _STEP),
            Question(
                "How many times the worst place's weight does the best place get?",
                ("Less than 10 times", "10 to 1000 times", "More than 1000 times"),
                lambda n: 0 if n.number("ratio") < 10 else 1 if n.number("ratio") <= 1000 else 2,
                "The scores differ by {range:.2f}, and exp({range:.2f}) = {ratio:.0f}.",
            ),
            attention=True,
        ),
        Screen(
            "softmax",
            "The attention weights",
            "The softmax turns scores into weights that sum to one. How sharp they are is said best by exp of the "
            "entropy: the number of places that would be used if all of those got the same. One is a single glimpse; "
            "all places is not looking at all.",
            r"\alpha_{ti} = \frac{\exp(e_{ti})}{\sum_k \exp(e_{tk})}, \quad H = -\sum_i \alpha_{ti} \log \alpha_{ti}",
            softmax,
            Known(
                "sat.trace:entropy",
                "tests/models/test_decoder.py::test_alpha_sums_to_one_and_one_hot_weights_are_at_its_maximum",
            ),
            Question(
                "Over how many of the {places} places is the attention for “{word}” spread?",
                ("Less than a tenth of them", "Between a tenth and a half", "More than half"),
                _spread,
                "Effectively over {spread:.1f} of {places}.",
            ),
            attention=True,
        ),
        Screen(
            "context",
            "The context",
            "Soft attention reads the weighted sum of all annotations, hard attention the annotation of one place. "
            "Either way the decoder gets one vector, z. Does it matter where it came from? Make all weights equal and "
            "see whether the guess changes.\n\nOnly this step is changed; everything before stays as it was.",
            r"z_t = \sum_i \alpha_{ti} a_i \quad \text{or} \quad z_t = a_s, \; s \sim \alpha_t",
            context,
            Known("sat.lessons.steps:step_with", f"{_EDIT}::test_a_step_with_other_attention_is_the_decoders_own"),
            Question(
                "With all places alike, would “{word}” become more or less probable?",
                ("More probable", "Less probable"),
                lambda n: 0 if n.number("flat") > n.number("probability") else 1,
                "It goes from {probability:.2%} to {flat:.2%}.",
            ),
            attention=True,
        ),
        Screen(
            "gate",
            "The gate",
            "Some words need no look: after “in front” comes “of”. The gate beta, computed from the state alone, "
            "scales the whole context before it is used. It cannot choose places, only how loud the picture "
            "is.\n\nThe curve shows the word's probability with the gate turned from shut to wide open.",
            r"\beta_t = \sigma(f_\beta(h_{t-1})), \quad z_t \to \beta_t z_t",
            gate,
            Known("sat.lessons.steps:step_with", f"{_EDIT}::test_a_step_with_another_gate_is_the_decoders_own"),
            Question(
                "Shut the gate at this step: is “{best_word}” still the best word?",
                ("Yes", "No"),
                lambda n: 0 if n.facts["shut_word"] == n.facts["best_word"] else 1,
                "With the gate shut the best word is “{shut_word}”, and p(“{word}”) goes from {probability:.2%} to "
                "{shut:.2%}.",
            ),
            attention=True,
        ),
        Screen(
            "recurrence",
            "The LSTM's turn",
            "Last word, context and last state go into the LSTM (see the chapter on it). Two experiments tell memory "
            "from news: set all forget gates to 0, and only what comes in now counts; set all input gates to 0, and "
            "only memory does.",
            r"(h_t, c_t) = \mathrm{LSTM}([E y_{t-1}; z_t], h_{t-1}, c_{t-1})",
            recurrence,
            Known("sat.lessons.steps:step_with", f"{_EDIT}::test_gates_set_by_hand"),
            Question(
                "Which changes the guess at “{word}” more?",
                ("Wiping the memory", "Letting nothing new in"),
                lambda n: 0 if n.number("forgotten_divergence") > n.number("deaf_divergence") else 1,
                "Without memory p is {forgotten:.2%}, without news {deaf:.2%}; it was {probability:.2%}.",
            ),
        ),
        Screen(
            "output",
            "The deep output",
            "Three voices decide on the word: the last word, the state, and (with attention) the picture directly. "
            "They are added, bent by tanh, and compared with every word of the vocabulary, which gives each a score "
            "n; the softmax makes probabilities of the scores.\n\nHow far the word lies ahead of its nearest rival "
            "can be shared out among the voices exactly; what is left is the bias, which is the same for every "
            "picture.",
            r"p(y_t) \propto \exp(L_o \tanh(E y_{t-1} + L_h h_t + L_z z_t))",
            output,
            Known(
                "sat.analysis.attribution:attribute",
                "tests/analysis/test_attribution.py::test_the_parts_add_up_to_the_logit",
            ),
            Question(
                "Which voice speaks most for “{word}” and against “{against}”?",
                ("The last word", "The state", "The picture, directly"),
                lambda n: int(n.number("strongest")),
                "The {strongest_name}: of {total:.2f} the last word gives {part_word:.2f}, the state {part_state:.2f}, "
                "the picture {part_picture:.2f}.",
            ),
        ),
    ),
)
