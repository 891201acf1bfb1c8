"""Chapter 8: hard attention: sampling, the lower bound, REINFORCE, its noise and its bias (section 4.1)."""

from __future__ import annotations

import numpy as np

from sat.errors import UserError
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import as_map, attention, averaged, cosine, named
from sat.lessons.estimators import (
    EXPECTED,
    MIXED,
    NAMES,
    NO_BASELINE,
    OWN_MEAN,
    RUNNING,
    Estimators,
    convergence,
    estimators,
)
from sat.lessons.numbers import Chart, Map, Numbers, Series, Table, Value, latex
from sat.lessons.paths import CREDITS, Paths, bound, gradient_variances, sample_paths
from sat.lessons.scene import Scene

DRAWS = 200
PATHS = 64
_ALIKE = "All places of this picture are alike, so there is no gradient: choose another picture."
_TEST = "tests/lessons/test_estimators.py"
_PATHS = "tests/lessons/test_paths.py"


def sampling(scene: Scene) -> Numbers:
    """Places drawn from alpha."""
    alpha = attention(scene)
    drawn = np.random.default_rng(scene.seed).choice(alpha.size, DRAWS, p=alpha)
    counts = np.bincount(drawn, minlength=alpha.size)
    top = int(alpha.argmax())
    expected = DRAWS * float(alpha[top])
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("draws", DRAWS, "Glimpses drawn"),
            Value("different", int((counts > 0).sum()), "Different places among them"),
            Value("top", named(scene, top), "Likeliest place"),
            Value("seen", int(counts[top]), "It was drawn so often"),
            Value("expected", expected, "To be expected", digits=1),
            Value("first", named(scene, int(drawn[0])), "The first glimpse"),
            Value("first_is_top", bool(drawn[0] == top)),
        ),
        filled=rf"s \sim \alpha_t, \quad {DRAWS} \alpha_{{t,{top + 1}}} = {latex(expected, 1)}",
        maps=(Map("How often each place was drawn", as_map(scene, counts)), Map("Attention", as_map(scene, alpha))),
    )


def lower_bound(scene: Scene) -> Numbers:
    """The lower bound at this step, exactly, and for the caption by sampled paths."""
    found, step = averaged(scene), scene.step
    one = float(found.bound()[step])
    exact = float(np.log(found.probability["marginal"][step]))
    whole = bound(scene.once(_paths), scene.once(_guided))
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("step_lower", one, "This step's bound, exact", "nats"),
            Value("step_log", exact, "log p of this word, exact", "nats"),
            Value("lower", whole.lower, "The caption's bound", "nats", 2),
            Value("lower_error", whole.lower_error, "The bound, give or take", "nats", 2),
            Value("log_marginal", whole.log_marginal, "log p of the caption", "nats", 2),
            Value("error", whole.error, "Its log p, give or take", "nats", 2),
            Value("gap", whole.log_marginal - whole.lower, "The bound lies below it by", "nats", 2),
            Value("paths", PATHS, "Paths drawn for each"),
            Value("effective", whole.effective, "Paths that effectively count", digits=1),
        ),
        filled=rf"{latex(whole.lower, 2)} \le {latex(whole.log_marginal, 2)}",
    )


def reinforce(scene: Scene) -> Numbers:
    """The estimators' variance and bias at the step."""
    found = scene.once(_estimators, each_step=True)
    rows = tuple(
        (name, e.baseline, e.variance, found.variance_ratio(name), _exactly(e.bias), e.samples)
        for name, e in found.by_name.items()
    )
    lowest = min(NAMES[:4], key=lambda name: found.by_name[name].variance)
    ratio = found.variance_ratio(OWN_MEAN)
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("size", float(np.linalg.norm(found.exact)), "Length of the exact gradient", digits=5),
            Value("plain", found.by_name[NO_BASELINE].variance, "Variance without a baseline", digits=5),
            Value(
                "own", found.by_name[OWN_MEAN].variance, "Variance with this step's mean reward as baseline", digits=5
            ),
            Value("ratio", ratio, "Part of the variance that is left with it", digits=4),
            Value(
                "running",
                found.variance_ratio(RUNNING),
                "is left with the caption's mean as baseline",
                digits=4,
            ),
            Value(
                "expected",
                found.variance_ratio(EXPECTED),
                "is left with the expected context's reward",
                digits=4,
            ),
            Value("best_baseline", found.best_baseline, "The best constant baseline would be", "nats"),
            Value("lowest", lowest),
        ),
        filled=rf"E_s |(r_s - b) \nabla \log \alpha_s|^2: \quad {latex(found.by_name[NO_BASELINE].variance, 5)} \to "
        rf"{latex(found.by_name[OWN_MEAN].variance, 5)}",
        tables=(
            Table(
                "One sample's estimate of the gradient",
                ("estimator", "b", "variance", "times plain", "bias", "samples needed"),
                rows,
                4,
            ),
        ),
        charts=(_convergence_chart(found, scene.seed),),
    )


def bias(scene: Scene) -> Numbers:
    """What the expected context does to the estimator's mean."""
    found = scene.once(_estimators, each_step=True)
    mixed, plain = found.by_name[MIXED], found.by_name[EXPECTED]
    return Numbers(
        values=(
            Value("word", scene.word, "Written"),
            Value("plain_bias", _exactly(plain.bias), "Bias of the samples alone, parts of the gradient"),
            Value("mixed_bias", mixed.bias, "Bias of the mixture", digits=3),
            Value("cosine", cosine(mixed.mean, found.exact), "Cosine of the mixture's mean with the exact gradient"),
            Value("plain_variance", plain.variance, "Variance of the samples alone", digits=5),
            Value("mixed_variance", mixed.variance, "Variance of the mixture", digits=5),
            Value(
                "ratio",
                mixed.variance / plain.variance if plain.variance > 0 else float("nan"),
                "of the variance is left",
            ),
        ),
        filled=rf"\frac{{|E g - \nabla L_s|}}{{|\nabla L_s|}} = {latex(mixed.bias)}",
    )


def noise(scene: Scene) -> Numbers:
    """The gradient's variance over whole captions, by what a glimpse is credited with."""
    found = gradient_variances(scene.once(_paths))
    plain = found[CREDITS[0]]
    if plain < 1e-9:
        raise UserError(_ALIKE)
    ratios = {name: value / plain for name, value in found.items()}
    return Numbers(
        values=(
            Value("caption", scene.trace.caption or "(no words)", "Caption"),
            Value("paths", PATHS, "Paths drawn"),
            Value("plain", plain, "Variance, credited with the whole caption, no baseline", digits=4),
            *(Value(f"ratio_{i}", ratios[name], f"is left: {name}", digits=4) for i, name in enumerate(CREDITS[1:], 1)),
        ),
        filled=rf"{latex(plain, 4)} \to {latex(found[CREDITS[1]], 4)} \to {latex(found[CREDITS[3]], 4)}",
        tables=(
            Table(
                "A glimpse is credited with",
                ("credit", "variance", "times plain"),
                tuple((name, value, ratios[name]) for name, value in found.items()),
                5,
            ),
        ),
    )


def _paths(scene: Scene) -> Paths:
    return scene.look(sample_paths, PATHS, scene.seed)


def _guided(scene: Scene) -> Paths:
    return scene.look(sample_paths, PATHS, scene.seed + 1, guide=averaged(scene).place_log_probs)


def _estimators(scene: Scene) -> Estimators:
    found = scene.look(estimators, scene.step, averaged(scene))
    if np.isnan(found.by_name[MIXED].bias):
        raise UserError(_ALIKE)
    return found


def _convergence_chart(found: Estimators, seed: int) -> Chart:
    lines = []
    for name in (NO_BASELINE, OWN_MEAN):
        counts, off = convergence(found, name, seed=seed)
        lines.append(Series(name, counts.astype(np.float64), off))
    return Chart("Averaging samples", "samples", "error, parts of the gradient", tuple(lines), log_y=True, log_x=True)


def _exactly(bias: float) -> float:
    """0 for what is only the rounding of the arithmetic."""
    return 0.0 if abs(bias) < 1e-9 else bias


def _times(ratio: float) -> int:
    return 0 if ratio > 0.5 else 1 if ratio > 0.01 else 2


CHAPTER = Chapter(
    "hard",
    "Hard attention",
    "Look at one place at a time, and learn where from nothing but success.",
    (
        Screen(
            "sampling",
            "Drawing a place",
            "Hard attention looks at one place a word, drawn by the attention weights. Two runs on the same picture "
            "may look at different places and write different captions. Drawn often enough, the places follow the "
            "weights: compare the two maps.",
            r"s_t \sim \alpha_t, \quad z_t = a_{s_t}",
            sampling,
            Known("sat.models.attention:weights", "tests/models/test_decoder.py::test_sampled_places_follow_alpha"),
            Question(
                "Was the first glimpse drawn for “{word}” the likeliest place ({top})?",
                ("Yes", "No"),
                lambda n: 0 if n.facts["first_is_top"] else 1,
                "It was {first}. The likeliest place came {seen} times of {draws}.",
            ),
            attention=True,
        ),
        Screen(
            "bound",
            "The lower bound",
            "The probability of a caption is a mean over all ways of looking at it: too many to sum. What can be had "
            "is the mean of the *logarithm* of the probability along a sampled way. The logarithm of a mean is never "
            "less than the mean of the logarithms, so this lies below, and pushing it up pushes the truth.\n\nFor one "
            "step both are computed exactly. For the caption both are estimated: the bound from paths drawn from the "
            "model, the truth by importance sampling, with paths that prefer places which explain the words.",
            r"L_s = \sum_s p(s \mid a) \log p(y \mid s, a) \le \log p(y \mid a)",
            lower_bound,
            Known("sat.lessons.paths:bound", f"{_PATHS}::test_bound_and_marginal_by_enumeration"),
            Question(
                "By how much does the caption's bound lie below its log-probability?",
                ("By less than 0.1 nats", "By 0.1 to 2 nats", "By more than 2 nats"),
                lambda n: 0 if n.number("gap") < 0.1 else 1 if n.number("gap") <= 2 else 2,
                "{lower:.2f} beside {log_marginal:.2f}: {gap:.2f} nats below.",
            ),
            attention=True,
            slow=True,
        ),
        Screen(
            "reinforce",
            "REINFORCE and its baseline",
            "A draw has no gradient. REINFORCE does without: draw a place, see how well the word is explained (the "
            "reward r), and make the place likelier in proportion. The mean over draws is the exact gradient of the "
            "bound, but single draws scatter wildly (their variance is large): log-probabilities are all negative, "
            "so every place is made less likely, some less than others.\n\nSubtracting a baseline b keeps the mean "
            "and takes the scatter away. With one step, mean and variance are sums over the places, so nothing here "
            "is a guess.",
            r"\nabla L_s = E_s[(r_s - b) \nabla \log \alpha_s], \quad r_s = \log p(y_t \mid a_s)",
            reinforce,
            Known(
                "sat.lessons.estimators:estimators", f"{_TEST}::test_mean_and_variance_by_a_loop_with_torchs_gradients"
            ),
            Question(
                "With this step's mean reward as the baseline, how much of the variance is left?",
                ("More than half", "Between a half and a hundredth", "Less than a hundredth"),
                lambda n: _times(n.number("ratio")),
                "{ratio:.4f} of it; with the whole caption's mean as the baseline, {running:.4f}.",
            ),
            attention=True,
        ),
        Screen(
            "bias",
            "Half expected: less noise, some bias",
            "The paper uses, half of the time, the expected context in place of a drawn one. Then the gradient flows "
            "through the weighted sum itself, without any noise. But it is the gradient of something else, the soft "
            "pass: the mean is not quite that of the bound any more.\n\nNoise can be averaged away, bias cannot. How "
            "large it is can be computed here, for one step.",
            r"E g = \frac{1}{2} E_s[(r_s - b) \nabla \log \alpha_s] + \frac{1}{2} \nabla \log p(y_t \mid z_t)",
            bias,
            Known(
                "sat.lessons.backward:by_weights", f"{_TEST}::test_the_gradient_through_the_expected_context_is_torchs"
            ),
            Question(
                "How far is the mixture's mean from the exact gradient, in parts of its length?",
                ("Less than a tenth", "A tenth to a half", "More than a half"),
                lambda n: 0 if n.number("mixed_bias") < 0.1 else 1 if n.number("mixed_bias") <= 0.5 else 2,
                "By {mixed_bias:.2f}, with a cosine of {cosine:.2f}; samples alone have a bias of {plain_bias:.0f}.",
            ),
            attention=True,
        ),
        Screen(
            "noise",
            "Whole captions: whom to credit?",
            "In the paper's equation 11 every glimpse is credited with the whole caption, words before it included, "
            "on which it had no influence. All that is noise. Crediting it with the words from its own on leaves "
            "the mean as it is; crediting it with its own word only is quieter still, but leaves out what it does "
            "to later words.",
            r"g = \sum_t (R_t - b_t) \nabla \log \alpha_{s_t}",
            noise,
            Known("sat.lessons.paths:gradient_variances", f"{_PATHS}::test_gradient_variances_by_enumeration"),
            Question(
                "Credited with its own word only: how much of the variance is left?",
                ("More than half", "Between a half and a hundredth", "Less than a hundredth"),
                lambda n: _times(n.number("ratio_3")),
                "{ratio_3:.4f} of it; with the whole caption less its mean, {ratio_1:.4f}.",
            ),
            attention=True,
        ),
    ),
)
