"""What the Compare page sets against each other: two models' captions of one picture, or both reading one text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sat.analysis.compare import Comparison, Pair, compare
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Step, Trace
from sat.ui.models import config_of, get_captioner, get_reading, get_trace

FIRST, SECOND, TEXT, WORDS = "first", "second", "text", "words"  # in the address
TEXTS = {
    "own": "Each its own caption",
    "first": "The first's",
    "second": "The second's",
    "typed": "Yours",
}
TEXT_HELP = (
    "With each its own caption, the words of both are lined up. With the first's, the second's or yours, both models "
    "read the same words one by one (teacher forcing), so that every word has two maps."
)
ONE_MODEL = (
    "There is only one model, {}, and nothing to compare it with: put a second checkpoint folder into `checkpoints/`, "
    "or train one with `python -m sat train hard-flickr8k`."
)
MAX_WORDS, MAX_CHARACTERS = 30, 300  # of a typed text


@dataclass(frozen=True, eq=False)
class Both:
    """Two captions of one picture, the first model's and the second's.

    Attributes:
        names, labels: of the models; labels are what a visitor reads.
        traces: their captions.
        comparison: the captions word against word.
        same_text: whether both read the same words.
        note: a sentence about what must be known to judge them; empty if there is none.
    """

    picture: Picture
    names: tuple[str, str]
    labels: tuple[str, str]
    traces: tuple[Trace, Trace]
    comparison: Comparison
    same_text: bool
    note: str

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return self.comparison.pairs

    @property
    def positions(self) -> tuple[list[int], list[int]]:
        """Of every word of either caption, the pair that it stands in; growing."""
        return (
            [at for at, pair in enumerate(self.pairs) if pair.first is not None],
            [at for at, pair in enumerate(self.pairs) if pair.second is not None],
        )

    def steps(self, at: int) -> tuple[Step | None, Step | None]:
        """The two words of a pair, None for one that is missing."""
        pair = self.pairs[at]
        first = None if pair.first is None else self.traces[0].steps[pair.first]
        return first, None if pair.second is None else self.traces[1].steps[pair.second]


def default_models(names: Sequence[str]) -> tuple[str, str]:
    """Soft over hard, as in the paper's figure 2, or the two that there are. At least two names."""
    kinds = {name: config_of(name).attention for name in names}
    first = next((name for name in names if kinds[name] == "soft"), names[0])
    others = [name for name in names if name != first]
    return first, next((name for name in others if kinds[name] == "hard"), others[0])


def read_both(
    picture: Picture, names: tuple[str, str], labels: tuple[str, str], text: str = "own", typed: str = ""
) -> Both:
    """Caption a picture with two models, or let both read the same words.

    Args:
        text: one of ``TEXTS``.
        typed: the text that is read for ``typed``.

    Raises:
        UserError: there are no words to read, or a typed one is not known.
    """
    note = ""
    if text == "own":
        first, second = (get_trace(name, picture, None) for name in names)
    else:
        if text == "typed":
            words = typed_words(typed, names, labels)
        else:
            side = 0 if text == "first" else 1
            words = tuple(get_trace(names[side], picture, None).words)
            if not words:
                raise UserError(
                    f"{labels[side]} wrote nothing for this picture: let both read another text, or choose "
                    "another picture."
                )
            note = _strange(words, names[1 - side], labels[1 - side])
        first, second = (get_reading(name, picture, words) for name in names)
    if names[0] == names[1]:
        note = "Both are the same model, so there is nothing to set apart: choose another for one of them."
    comparison = compare(first, second, same_text=text != "own")
    return Both(picture, names, labels, (first, second), comparison, text != "own", note)


def typed_words(text: str, names: tuple[str, str], labels: tuple[str, str]) -> tuple[str, ...]:
    """The words of a typed text, as the models were trained on them: lower case, without punctuation.

    Raises:
        UserError: there are none or too many, or a model does not know one.
    """
    words = tuple(tokenize(text))
    if not words:
        raise UserError("Type a sentence above, and both models read it word by word.")
    if len(words) > MAX_WORDS:
        raise UserError(f"The text has {len(words)} words: use at most {MAX_WORDS}.")
    first, second = (unknown_words(words, name) for name in names)
    if first or second:
        if first == second:
            who = "Neither model knows"
        elif first and second:
            who = "The models do not both know"
        else:
            who = f"{labels[0] if first else labels[1]} does not know"
        raise UserError(f"{who} {_listed([*first, *(w for w in second if w not in first)])}: use other words.")
    return words


def unknown_words(words: Sequence[str], name: str) -> list[str]:
    """The words that a model does not know, each once."""
    vocabulary = get_captioner(name).vocabulary
    return [word for word in dict.fromkeys(words) if word not in vocabulary]


def _strange(words: Sequence[str], name: str, label: str) -> str:
    unknown = unknown_words(words, name)
    return f"{label} does not know {_listed(unknown)} and reads an unknown word there." if unknown else ""


def _listed(words: Sequence[str], most: int = 4) -> str:
    shown = [f"“{word if len(word) <= 24 else word[:24] + '…'}”" for word in words[:most]]
    rest = [f"{len(words) - most} more"] if len(words) > most else []
    *before, last = [*shown, *rest]
    return f"{', '.join(before)} and {last}" if before else last
