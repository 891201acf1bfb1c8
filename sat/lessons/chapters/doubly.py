"""Chapter 9: doubly stochastic attention: every place its due (section 4.2.1, equation 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sat import checkpoints
from sat.errors import UserError
from sat.images import from_array
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.coverage import Coverage, coverage
from sat.lessons.numbers import Cell, Map, Numbers, Table, Value, latex
from sat.lessons.scene import Scene

if TYPE_CHECKING:
    from sat.images import Picture

PAIR = ("shapes-soft", "shapes-soft-even")  # alike but for the term, which the second was trained with
PICTURE = 5  # of the generated test pictures
_TEST = "tests/lessons/test_coverage.py"


def covered(scene: Scene) -> Numbers:
    """How much each place got over the caption."""
    found = scene.once(_coverage)
    return Numbers(
        values=(
            Value("steps", found.steps, "Maps, one a word and one for the end"),
            Value("sum", float(found.map.sum()), "The coverage sums to", digits=1),
            Value("places", found.map.size, "Places"),
            Value("share", found.steps / found.map.size, "An equal share", digits=4),
            Value("most", float(found.map.max()), "The most that a place got"),
            Value("least", float(found.map.min()), "The least"),
            Value("ignored", found.ignored, "Places that got less than half of an equal share", "%"),
        ),
        filled=rf"\sum_i \sum_t \alpha_{{ti}} = {found.steps}, \quad \frac{{C}}{{L}} = "
        rf"{latex(found.steps / found.map.size, 4)}",
        maps=(Map("What each place got over the whole caption", found.map),),
    )


def penalty(scene: Scene) -> Numbers:
    """The term's value, split into what cannot be avoided and unevenness."""
    found = scene.once(_coverage)
    return Numbers(
        values=(
            Value("penalty", found.penalty, "Mean over the places of (1 - coverage) squared", digits=5),
            Value("sum", found.penalty * found.map.size, "Their sum, as in equation 14", digits=2),
            Value("floor", found.floor, "What no attention could avoid of it", digits=5),
            Value("uneven", found.uneven, "What is due to unevenness", digits=5),
            Value(
                "part",
                found.uneven / found.penalty if found.penalty > 0 else 0.0,
                "Unevenness as a part of the whole",
                "%",
                4,
            ),
        ),
        filled=rf"{latex(found.penalty, 5)} = {latex(found.floor, 5)} + {latex(found.uneven, 5)}",
    )


def two_models(scene: Scene) -> Numbers:
    """Two models that differ in the term alone, both reading one caption of a picture of shapes.

    Raises:
        UserError: they are not here, and no other model with attention is beside this one.
    """
    (mine, other), picture = _pair(scene)
    term = picture is not None
    evener = 0 if mine.uneven <= other.uneven else 1
    rows = tuple((c.model, c.penalty, c.uneven, c.ignored, float(c.map.max())) for c in (mine, other))
    recorded = tuple(row for c in (mine, other) if (row := _recorded(c.model)) is not None)
    return Numbers(
        values=(
            Value("first", mine.model, "Without the term" if term else "First model"),
            Value("second", other.model, "With it" if term else "Second model"),
            Value("first_uneven", mine.uneven, "Unevenness, first", digits=5),
            Value("second_uneven", other.uneven, "Unevenness, second", digits=5),
            Value("evener", evener),
            Value("first_option", f"{mine.model}, without the term" if term else mine.model),
            Value("second_option", f"{other.model}, with it" if term else other.model),
        ),
        filled=rf"\mathrm{{var}} = {latex(mine.uneven, 5)} \quad \text{{and}} \quad {latex(other.uneven, 5)}",
        tables=(
            Table("Coverage of this picture", ("model", "penalty", "uneven", "places ignored", "most"), rows, 4),
            *(
                (
                    Table(
                        "On the whole test split", ("model", "CIDEr", "places looked at", "inside the box"), recorded, 2
                    ),
                )
                if recorded
                else ()
            ),
        ),
        maps=tuple(Map(f"What each place got: {c.model}", c.map, shared=True, picture=picture) for c in (mine, other)),
    )


def compare(scene: Scene, other: Scene) -> tuple[Coverage, Coverage]:
    """The coverage of two models' captions, such as two that were trained with and without the term.

    Raises:
        UserError: one of them has no attention.
    """
    return scene.look(coverage), other.look(coverage)


def _coverage(scene: Scene) -> Coverage:
    return scene.look(coverage)


def _pair(scene: Scene) -> tuple[tuple[Coverage, Coverage], Picture | None]:
    """Two coverages, and of which picture where the models differ in the term alone; None is the scene's own."""
    by_name = {captioner.name: captioner for captioner in (scene.captioner, *scene.beside)}
    if all(name in by_name for name in PAIR):
        picture = _shapes()
        plain, even = (by_name[name] for name in PAIR)
        raw = plain.annotate([picture])
        trace = plain.caption_annotations(raw)[0]
        first = Scene(plain, raw, trace, 0, picture)
        second = Scene(even, raw, even.read(raw, trace.words), 0, picture)
        return compare(first, second), picture
    for captioner in scene.beside:
        if captioner.attention != "none":
            raw = scene.raw_for(captioner)
            trace = captioner.read(raw, scene.trace.words)
            return compare(scene, Scene(captioner, raw, trace, 0, scene.picture)), None
    raise UserError("There is no second model with attention beside this one: choose one to compare with.")


def _shapes() -> Picture:
    from sat.data import shapes

    return from_array(shapes.picture(0, "test", PICTURE)[0])


def _recorded(name: str) -> tuple[Cell, ...] | None:
    """CIDEr, places and correctness of a model on its test split; None where that was not measured."""
    try:
        metrics = checkpoints.read_metrics(checkpoints.find(name)) or {}
        cider = float(metrics["standard"]["CIDEr"])
        places, inside = metrics["attention"]["effective_places"], metrics["grounding"]["correctness_last"]
        return (name, cider, float(places), float(inside))
    except (UserError, KeyError, TypeError, ValueError):
        return None


def _most(numbers: Numbers) -> int:
    times = numbers.number("most") / numbers.number("share")
    return 0 if times < 3 else 1 if times < 10 else 2


CHAPTER = Chapter(
    "doubly-stochastic",
    "Doubly stochastic attention",
    "Look at what a whole caption has looked at, and at the term that makes it look around.",
    (
        Screen(
            "coverage",
            "Coverage",
            "Each word's weights sum to one over the places. Nothing says what a place gets over all words. Add the "
            "maps of the whole caption and you see: some places are looked at again and again, others never.",
            r"\sum_t \alpha_{ti}",
            covered,
            Known("sat.lessons.coverage:coverage", f"{_TEST}::test_coverage_is_the_sum_of_the_maps"),
            Question(
                "How many times an equal share does the most looked-at place get?",
                ("Less than 3 times", "3 to 10 times", "More than 10 times"),
                _most,
                "It gets {most:.3f}, an equal share is {share:.3f}.",
            ),
            attention=True,
        ),
        Screen(
            "penalty",
            "The term in the loss",
            "Training makes one number small, the loss. To it is added a penalty for every place whose coverage is "
            "not 1. Read closely, that target is out of reach: a caption of a dozen words has a dozen units of "
            "attention to give to about two hundred places. So a large part of the penalty is the same whatever the "
            "model does.\n\nWhat is left is exactly the variance of the coverage, a measure of unevenness. In "
            "effect the term asks for one thing: spread it evenly.",
            r"\lambda \sum_i \left(1 - \sum_t \alpha_{ti}\right)^2 = \lambda L \left(\left(1 - \frac{C}{L}\right)^2 + "
            r"\mathrm{var}\right)",
            penalty,
            Known("sat.training.losses:doubly_stochastic", f"{_TEST}::test_the_penalty_is_floor_and_unevenness"),
            Question(
                "Which part of the penalty is due to unevenness, that is, can be changed at all?",
                ("Less than a tenth", "A tenth to a half", "More than half"),
                lambda n: 0 if n.number("part") < 0.1 else 1 if n.number("part") <= 0.5 else 2,
                "{part:.2%}: {uneven:.5f} of {penalty:.5f}.",
            ),
            attention=True,
        ),
        Screen(
            "two-models",
            "With and without the term",
            "Two small models learnt the same generated shapes from the same start; the loss of the second had the "
            "term, as heavy as in equation 14. Both read one caption here, drawn on one scale. Their captions score "
            "nearly alike, but one looks at the named thing and little else, the other all over the "
            "picture.\n\nThe paper found the term to help. Here captions leave most of the picture unsaid, and it "
            "costs the map its point.",
            r"\mathrm{var}_i \left(\sum_t \alpha_{ti}\right)",
            two_models,
            Known("sat.lessons.chapters.doubly:compare", f"{_TEST}::test_two_models_reading_one_caption"),
            Question(
                "Which of the two spreads its attention more evenly?",
                ("{first_option}", "{second_option}"),
                lambda n: int(n.number("evener")),
                "Unevenness {first_uneven:.5f} for {first}, {second_uneven:.5f} for {second}.",
            ),
            attention=True,
        ),
    ),
)
