"""What a lesson is told on: a model, a picture, its caption, and the step that one looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sat.analysis.reading import Reading
from sat.captioner import Captioner
from sat.config import Decoding
from sat.drawing.words import first_content_word
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace
from sat.vocabulary import END, SPECIALS

if TYPE_CHECKING:
    from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Scene:
    """The running example. Changing the step gives a new scene that remembers what was computed of the caption.

    Attributes:
        captioner: the model; raw: the picture's annotations, (1, L, D); trace: its caption by this model.
        step: the word that one looks at, from 0; the caption's length is the step that ends it.
        picture: None where only annotations are known.
        references: captions by people, for the chapter on scores; may be empty.
        beside: other models, for chapters that compare.
        gallery: names of other pictures and their annotations (1, L, D), for "what does a cell see".
        seed: of everything that is drawn at random.
    """

    captioner: Captioner
    raw: Tensor
    trace: Trace
    step: int
    picture: Picture | None = None
    references: tuple[str, ...] = ()
    beside: tuple[Captioner, ...] = ()
    gallery: tuple[tuple[str, Tensor], ...] = ()
    seed: int = 0
    _memory: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.step <= len(self.trace.steps):
            raise UserError(f"The caption has {len(self.trace.steps)} words: choose one of them, or its end.")

    @property
    def attends(self) -> bool:
        """Whether the model has attention."""
        return self.captioner.attention != "none"

    @property
    def words(self) -> tuple[str, ...]:
        """The caption's words, ``<end>`` included."""
        return (*self.trace.words, SPECIALS[END])

    @property
    def word(self) -> str:
        """The word that the step chose."""
        return self.words[self.step]

    @property
    def previous(self) -> str:
        """The word before it, the step's input."""
        return self.words[self.step - 1] if self.step else "<start>"

    def at(self, step: int) -> Scene:
        """The same caption at another step.

        Raises:
            UserError: there is no such step.
        """
        return replace(self, step=step)

    def look(self, function: Callable[Concatenate[Reading, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What a function of the caption, read again, says; see ``Captioner.analyse``."""
        return self.captioner.analyse(function, self.raw, self.trace, *args, **kwargs)

    def once(self, function: Callable[[Scene], R], *, each_step: bool = False) -> R:
        """What a function says of this scene, computed once for the caption (or once a step)."""
        key = (function, self.step if each_step else None)
        if key not in self._memory:
            self._memory[key] = function(self)
        found: R = self._memory[key]
        return found

    def raw_for(self, captioner: Captioner) -> Tensor:
        """The picture's annotations for another model, (1, L, D).

        Raises:
            UserError: it has another encoder, and the picture itself is not known.
        """
        mine, other = self.captioner.config, captioner.config
        if (mine.encoder, mine.encoder_fingerprint, mine.image_size) == (
            other.encoder,
            other.encoder_fingerprint,
            other.image_size,
        ):
            return self.raw
        if self.picture is None:
            raise UserError(f"{other.name} reads pictures by another encoder: give the picture itself.")
        return captioner.annotate([self.picture])


def set_scene(
    captioner: Captioner,
    picture: Picture | None,
    *,
    raw: Tensor | None = None,
    decoding: Decoding | None = None,
    step: int | None = None,
    references: Sequence[str] = (),
    beside: Sequence[Captioner] = (),
    gallery: Sequence[tuple[str, Tensor]] = (),
    seed: int = 0,
) -> Scene:
    """Caption a picture and look at one of its words.

    Args:
        raw: its annotations (1, L, D), if they are known.
        decoding: None means the model's own.
        step: None means the first word that names something.

    Raises:
        UserError: there is neither a picture nor annotations, or no such step.
    """
    if raw is None:
        if picture is None:
            raise UserError("There is nothing to look at: choose a picture.")
        raw = captioner.annotate([picture])
    digests = None if picture is None else [picture.digest]
    (trace,) = captioner.caption_annotations(raw, decoding, pictures=digests)
    return Scene(
        captioner=captioner,
        raw=raw,
        trace=trace,
        step=first_content_word(trace.words) if step is None else step,
        picture=picture,
        references=tuple(references),
        beside=tuple(beside),
        gallery=tuple(gallery),
        seed=seed,
    )
