"""Fill a chapter: put the numbers of a scene into its screens and questions."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat.errors import UserError
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters import CHAPTERS
from sat.lessons.numbers import Numbers, with_minus
from sat.lessons.scene import Scene
from sat.lessons.typeset.linear import linear

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Posed:
    """A question with the scene's words and numbers in it; ``answer`` is the right option's index."""

    prompt: str
    options: tuple[str, ...]
    answer: int
    reveal: str


@dataclass(frozen=True, eq=False)
class Filled:
    """A screen with its numbers.

    Attributes:
        numbers, question: None where ``missing`` says what they need.
        missing: one sentence; empty where nothing is missing.
    """

    screen: Screen
    numbers: Numbers | None
    question: Posed | None
    missing: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record; ``formula_text`` reads the formula in plain characters."""
        posed = self.question
        return {
            "slug": self.screen.slug,
            "title": self.screen.title,
            "text": self.screen.text,
            "formula": self.screen.formula,
            "formula_text": linear(self.screen.formula),
            "numbers": None if self.numbers is None else self.numbers.to_dict(),
            "question": None
            if posed is None
            else {
                "prompt": posed.prompt,
                "options": list(posed.options),
                "answer": posed.answer,
                "reveal": posed.reveal,
            },
            "known": {"code": self.screen.known.code, "test": self.screen.known.test},
            "missing": self.missing,
        }


def find(slug: str) -> Chapter:
    """The chapter of that name.

    Raises:
        UserError: there is none.
    """
    for chapter in CHAPTERS:
        if chapter.slug == slug:
            return chapter
    raise UserError(f"There is no chapter {slug[:40]!r}: choose {', '.join(c.slug for c in CHAPTERS)}.")


def fill(screen: Screen, scene: Scene) -> Filled:
    """A screen with the numbers of a scene.

    What a model or a picture cannot show (attention of a model without, a mean image that was not kept) leaves the
    screen without numbers and says so in ``missing``; it is never an error.
    """
    if screen.attention and not scene.attends:
        said = f"The model {scene.captioner.name} has no attention: choose a soft or a hard model to see the numbers."
        return Filled(screen, None, None, said)
    try:
        numbers = screen.numbers(scene)
    except UserError as error:
        return Filled(screen, None, None, str(error))
    return Filled(screen, numbers, None if screen.question is None else _pose(screen.question, numbers))


def fill_chapter(chapter: Chapter, scene: Scene) -> tuple[Filled, ...]:
    """All screens of a chapter."""
    return tuple(fill(screen, scene) for screen in chapter.screens)


def source_line(known: Known) -> tuple[str, int]:
    """Where the code of a ``Known`` stands: the file, from the project's root, and the line, from 1."""
    found = _code_of(known)
    _, first = inspect.getsourcelines(found)
    file = Path(inspect.getsourcefile(found) or "").resolve().relative_to(_ROOT)
    return file.as_posix(), first


def source_text(known: Known) -> str:
    """That code."""
    return textwrap.dedent(inspect.getsource(_code_of(known))).rstrip()


def test_line(known: Known) -> tuple[str, int]:
    """Where its test stands.

    Raises:
        LookupError: there is no such test (the files of the tests are not there, or it was renamed).
    """
    path, node, _ = _test_of(known)
    return path, node.lineno


def test_text(known: Known) -> str:
    """That test, with what parametrises it.

    Raises:
        LookupError: as for ``test_line``.
    """
    _, node, text = _test_of(known)
    first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _code_of(known: Known) -> Any:
    module_name, _, name = known.code.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in name.split("."):
        found = getattr(found, part)
    return inspect.unwrap(found)


def _test_of(known: Known) -> tuple[str, ast.FunctionDef, str]:
    path, _, name = known.test.partition("::")
    file = _ROOT / path
    if file.is_file():
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return path, node, text
    raise LookupError(known.test)


def _pose(question: Question, numbers: Numbers) -> Posed:
    facts = numbers.facts
    return Posed(
        prompt=with_minus(question.prompt.format(**facts)),
        options=tuple(with_minus(option.format(**facts)) for option in question.options),
        answer=question.answer(numbers),
        reveal=with_minus(question.reveal.format(**facts)),
    )
