"""A chapter as data: screens with a text, a formula, live numbers and a question to be answered before the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sat.lessons.numbers import Numbers
from sat.lessons.scene import Scene


@dataclass(frozen=True)
class Known:
    """How do we know: where the code is, and the test that holds it to its word.

    Attributes:
        code: ``module:name``, such as ``sat.models.decoder:Decoder.step``.
        test: ``path::name``, from the project's root.
    """

    code: str
    test: str


@dataclass(frozen=True)
class Question:
    """Predict, then reveal. Prompt, options and reveal are templates for ``str.format`` with the screen's facts.

    Attributes:
        answer: the right option's index, computed from the live numbers.
        reveal: why, with the numbers.
    """

    prompt: str
    options: tuple[str, ...]
    answer: Callable[[Numbers], int]
    reveal: str


@dataclass(frozen=True)
class Further:
    """Where to go on in the app: what the link says, the page, and its query."""

    label: str
    page: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Screen:
    """One thing to look at.

    Attributes:
        slug: for links; unique in its chapter.
        text: in plain words, paragraphs with an empty line between.
        formula: LaTeX.
        numbers: the live part.
        known: how do we know.
        attention: whether it is about a model with attention.
        slow: takes more than half a second on two cores: show it when it is asked for.
        further: where one's own pictures of it are.
    """

    slug: str
    title: str
    text: str
    formula: str
    numbers: Callable[[Scene], Numbers]
    known: Known
    question: Question | None = None
    attention: bool = False
    slow: bool = False
    further: Further | None = None


@dataclass(frozen=True)
class Chapter:
    """A chapter: what it is for, in one sentence, and its screens."""

    slug: str
    title: str
    purpose: str
    screens: tuple[Screen, ...]
