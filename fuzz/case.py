"""A case of hostile input, and what became of it."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sat.errors import UserError

Use = Callable[[], object]  # hands the input to the program; what it returns was accepted
Make = Callable[[random.Random, Path], Use]  # writes the input of a case into an empty folder

Ending = Literal["accepted", "refused", "failed"]
MAX_SENTENCE = 600  # characters, the folder's name included


@dataclass(frozen=True)
class Target:
    """A place where input comes in.

    Attributes:
        name: of it.
        kinds: ways of making bad input for it, by name; the cases take turns.
        seconds, megabytes: what a case may take at most: processor time, and memory beyond what the process had.
        warm: done once before the first case, so that imports and models are not counted.
        cases: in one round of ``make fuzz``.
        heavy: kinds that take seconds or much memory; the short run of the tests leaves them out.
    """

    name: str
    kinds: dict[str, Make]
    cases: int
    seconds: float = 5.0
    megabytes: float = 400.0
    warm: Use = field(default=lambda: None)
    heavy: frozenset[str] = frozenset()

    def kind_of(self, number: int) -> str:
        """The kind of a case; of the turns of a heavy kind three in four go to another."""
        turn, place = divmod(number, len(self.kinds))
        kind = list(self.kinds)[place]
        if kind in self.heavy and turn % 4:
            light = [name for name in self.kinds if name not in self.heavy]
            return light[(turn + place) % len(light)]
        return kind

    def light(self, count: int) -> list[int]:
        """The numbers of the first ``count`` cases that are not heavy."""
        found: list[int] = []
        number = 0
        while len(found) < count:
            if self.kind_of(number) not in self.heavy:
                found.append(number)
            number += 1
        return found


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        target, number, kind: of the case.
        ending: ``accepted``, ``refused`` (a ``UserError`` of one sentence), or ``failed``.
        told: the sentence, or what went wrong.
        seconds: of processor time; megabytes: of memory beyond what the process had, at the peak.
    """

    target: str
    number: int
    kind: str
    ending: Ending
    told: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


class Wrong(Exception):
    """The program gave a result that is none."""


def load_target(name: str) -> Target:
    """A target by its module, ``fuzz.pictures``, or by module and name, ``module:attribute``."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute or "TARGET")
    assert isinstance(found, Target)
    return found


def generator(seed: int, target: str, number: int) -> random.Random:
    """The source of everything that is random in a case."""
    return random.Random(f"{seed}/{target}/{number}")


def not_a_sentence(message: str) -> str:
    """What keeps a message from being one sentence that may be shown; empty where nothing does."""
    if len(message.splitlines()) != 1:
        return "has several lines or none"
    if not message.isprintable():
        return "holds characters that cannot be shown"
    if not message.endswith((".", "?")):
        return "does not end like a sentence"
    if len(message) > MAX_SENTENCE:
        return f"has {len(message)} characters"
    return ""


def attempt(use: Use) -> tuple[Ending, str]:
    """Hand the input over: how it ended, and what was said."""
    try:
        use()
    except UserError as error:
        problem = not_a_sentence(str(error))
        return ("failed", f"the message {problem}: {str(error)[:300]!r}") if problem else ("refused", str(error))
    except Wrong as error:
        return "failed", f"wrong result: {error}"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {str(error)[:300]} ({where(error)})"
    return "accepted", ""


def where(error: BaseException) -> str:
    """The file and the line of the project in which an exception came up, for the report."""
    place = "?"
    step = error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if f"{Path(__file__).parents[1]}/sat/" in name or f"{Path(__file__).parents[1]}/pages/" in name:
            place = f"{Path(name).relative_to(Path(__file__).parents[1])}:{step.tb_lineno}"
        step = step.tb_next
    return place


def chosen(rng: random.Random, kinds: Sequence[Make]) -> Make:
    """A kind that takes one of several at random."""
    return lambda _, folder: rng.choice(kinds)(rng, folder)
