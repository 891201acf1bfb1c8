"""Chapter 7: soft attention as an expectation, and the approximation NWGM (section 4.2)."""

from __future__ import annotations

import numpy as np

from sat.lessons.averages import Averages
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import as_map, attention, averaged, averaged_here, current, named, series
from sat.lessons.numbers import Chart, Map, Numbers, Table, Value, latex, latex_word
from sat.lessons.scene import Scene

_TEST = "tests/lessons/test_averages.py"
_LABELS = {"marginal": "exact marginal", "nwgm": "NWGM", "soft": "soft pass"}


def expectation(scene: Scene) -> Numbers:
    """One glimpse or all of them: what each place would say of the word."""
    alpha = attention(scene)
    p = np.exp(averaged_here(scene).place_log_probs[0])  # (L,)
    best, top = int(p.argmax()), int(alpha.argmax())
    spread = float(np.sqrt(alpha @ (p - alpha @ p) ** 2))
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("highest", float(p[best]), "p(word) from the place that likes it most", "%", 4),
            Value("lowest", float(p.min()), "p(word) from the place that likes it least", "%", 4),
            Value("looked", float(p[top]), "p(word) from the place that is looked at most", "%", 4),
            Value("mean", float(alpha @ p), "p(word) on average over the glimpses", "%", 4),
            Value("spread", spread, "Standard deviation over the glimpses", "%", 4),
            Value("best", named(scene, best), "The place that likes it most"),
        ),
        filled=rf"E_s[p({latex_word(scene.word)} \mid a_s)] = {latex(float(alpha @ p), 4)}",
        maps=(
            Map(f"p(“{scene.word}”) had it looked here only", as_map(scene, p)),
            Map("Attention", as_map(scene, alpha)),
        ),
    )


def three(scene: Scene) -> Numbers:
    """The three averages of the word's probability at the step."""
    found = averaged_here(scene)
    p = {name: float(values[0]) for name, values in found.probability.items()}
    nearest = "nwgm" if abs(p["nwgm"] - p["marginal"]) <= abs(p["soft"] - p["marginal"]) else "soft"
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            *(Value(name, p[name], f"p(word), {label}", "%", 5) for name, label in _LABELS.items()),
            Value("nwgm_divergence", float(found.divergence["nwgm"][0]), "NWGM, off by", "nats", 5),
            Value("soft_divergence", float(found.divergence["soft"][0]), "Soft pass, off by", "nats", 5),
            Value("places", len(found.alpha[0]), "Passes that the first two need"),
            Value("nearest", _LABELS[nearest]),
        ),
        filled=rf"{latex(p['marginal'], 4)} \approx {latex(p['nwgm'], 4)} \approx {latex(p['soft'], 4)}",
        charts=(
            Chart(
                f"p(“{scene.word}”)",
                "average",
                "p",
                (series("p", np.array([p[name] for name in _LABELS])),),
                "bar",
                tuple(_LABELS.values()),
            ),
        ),
    )


def errors(scene: Scene) -> Numbers:
    """The errors of NWGM and of the soft pass at every word of the caption."""
    found = averaged(scene)
    return Numbers(
        values=(
            Value("words", len(found.words), "Steps, the end included"),
            Value("nwgm", float(found.divergence["nwgm"].mean()), "NWGM, off by, mean", "nats", 5),
            Value("soft", float(found.divergence["soft"].mean()), "Soft pass, off by, mean", "nats", 5),
            Value("nwgm_p", float(found.error("nwgm").mean()), "NWGM, error of p(word), mean", "%", 4),
            Value("soft_p", float(found.error("soft").mean()), "Soft pass, error of p(word), mean", "%", 4),
            Value("worst", found.words[int(found.divergence["soft"].argmax())], "The soft pass is worst at"),
        ),
        filled=rf"\text{{NWGM}}: {latex(float(found.divergence['nwgm'].mean()), 5)}, \quad \text{{soft}}: "
        rf"{latex(float(found.divergence['soft'].mean()), 5)}",
        tables=(
            Table(
                "Every word",
                ("word", *_LABELS.values()),
                tuple(
                    (word, *(float(found.probability[name][t]) for name in _LABELS))
                    for t, word in enumerate(found.words)
                ),
                4,
            ),
        ),
        charts=(_error_chart(found),),
    )


def linear(scene: Scene) -> Numbers:
    """How large the deviation is that z undergoes: what makes the averages differ."""
    alpha, beta = attention(scene), current(scene).beta
    values = scene.look(lambda reading: reading.annotations.values[0].double().cpu().numpy())  # (L, D)
    mean = alpha @ values
    scatter = float(np.sqrt(alpha @ ((values - mean) ** 2).sum(1)))
    assert beta is not None
    found = averaged_here(scene)
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value(
                "mean", beta * float(np.linalg.norm(mean)), "Length of the expected context, after the gate", digits=2
            ),
            Value("scatter", beta * scatter, "How far a single glimpse lies from it, root mean square", digits=2),
            Value(
                "ratio",
                scatter / float(np.linalg.norm(mean)) if np.any(mean) else 0.0,
                "so many times its length",
                digits=2,
            ),
            Value("soft_divergence", float(found.divergence["soft"][0]), "Soft pass, off by", "nats", 5),
        ),
        filled=rf"\sqrt{{E_s |\beta (a_s - z)|^2}} = {latex(beta * scatter, 2)}",
    )


def _error_chart(found: Averages) -> Chart:
    return Chart(
        "Divergence from the exact marginal",
        "word",
        "nats",
        tuple(series(_LABELS[name], found.divergence[name]) for name in ("nwgm", "soft")),
        "bar",
        found.words,
    )


CHAPTER = Chapter(
    "expectation",
    "Soft attention as an expectation",
    "See that the weighted sum is a shortcut for looking everywhere, and how good a shortcut.",
    (
        Screen(
            "glimpses",
            "What each place would say",
            "Think of the attention weights as chances: at each word one place is drawn and looked at. The word's "
            "probability is then the mean over the places, each counted by its chance. That is the honest answer, and "
            "it needs one pass of the network for every place.\n\nThe first map shows these answers, place by place.",
            r"E_s[p(y_t \mid a_s)] = \sum_i \alpha_{ti} \, p(y_t \mid a_i)",
            expectation,
            Known("sat.lessons.averages:averages", f"{_TEST}::test_averages_equal_a_loop_over_places"),
            Question(
                "Does the place that is looked at most also like “{word}” best?",
                ("Yes", "No"),
                lambda n: 0 if n.number("looked") >= n.number("highest") else 1,
                "From there p is {looked:.2%}; the best place, {best}, gives {highest:.2%}.",
            ),
            attention=True,
        ),
        Screen(
            "three",
            "Three averages",
            "Averaging can be done at three points. At the end: average the probabilities (the exact marginal). One "
            "step earlier: average the scores of the words and then take the softmax (NWGM, the normalised weighted "
            "geometric mean). At the very beginning: average the annotations and run the network once (the soft "
            "pass).\n\nThe last is what soft attention does. If the network were linear, NWGM and the soft pass would "
            "be the same.",
            r"\sum_i \alpha_i \, \mathrm{softmax}(n_i) \approx \mathrm{softmax}\left(\sum_i \alpha_i n_i\right) "
            r"\approx \mathrm{softmax}(n(\sum_i \alpha_i a_i))",
            three,
            Known("sat.analysis.marginal:truth", "tests/analysis/test_marginal.py::test_all_equal_a_loop_over_places"),
            Question(
                "Which comes nearer to the exact p(“{word}”)?",
                ("NWGM", "The soft pass"),
                lambda n: 0 if n.facts["nearest"] == "NWGM" else 1,
                "Exact {marginal:.3%}, NWGM {nwgm:.3%}, soft pass {soft:.3%}.",
            ),
            attention=True,
        ),
        Screen(
            "errors",
            "Every word of the caption",
            "One word proves little. Here are all of them: how far the two shortcuts are from the exact marginal "
            "over the whole vocabulary, and the probability of each word three times.\n\nThe distance is the "
            "Jensen-Shannon divergence (JS): 0 nats for the same guess, 0.693 for guesses that share no word.",
            r"\mathrm{JS}(\mathrm{exact}, \mathrm{shortcut})",
            errors,
            Known("sat.lessons.averages:averages", f"{_TEST}::test_averages_are_those_of_the_truth_panel"),
            Question(
                "Over the whole caption, which shortcut is nearer to the truth?",
                ("NWGM", "The soft pass"),
                lambda n: 0 if n.number("nwgm") <= n.number("soft") else 1,
                "NWGM is off by {nwgm:.5f} nats on average, the soft pass by {soft:.5f}.",
            ),
            attention=True,
        ),
        Screen(
            "linear",
            "Why they differ",
            "Between the context and the word lie the LSTM, a tanh and a softmax, all curved. A curve is nearly "
            "straight over a short way and bent over a long one. So the shortcuts are good where single glimpses lie "
            "close to their mean, compared with how fast the network bends.",
            r"E_s[f(a_s)] \approx f(z) + \frac{1}{2} \, f'' \cdot E_s (a_s - z)^2",
            linear,
            Known("sat.lessons.chapters.expectation:linear", f"{_TEST}::test_scatter_by_a_loop"),
            Question(
                "How far does a single glimpse lie from the expected context, compared with the context's length?",
                ("Nearer than its length", "Farther than its length"),
                lambda n: 0 if n.number("ratio") < 1 else 1,
                "{ratio:.2f} times its length ({scatter:.2f} beside {mean:.2f}).",
            ),
            attention=True,
        ),
    ),
)
