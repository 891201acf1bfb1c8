"""Picture in, ``Trace`` out: the one object that the pages and the command line use."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from sat import checkpoints
from sat.analysis.reading import Reading
from sat.analysis.reading import read as read_again
from sat.config import Decoding, ModelConfig
from sat.decoding.forward import forced_words, write
from sat.decoding.records import Written, resolve_context, to_trace
from sat.decoding.search import beam_search
from sat.errors import UserError
from sat.images import Picture
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder, Geometry, pixels
from sat.trace import Trace
from sat.vocabulary import Vocabulary

P = ParamSpec("P")
R = TypeVar("R")

_READINGS = 8  # kept, the latest; each about a megabyte

_encoders: dict[tuple[str, str, str], Encoder] = {}  # models that share an encoder share it in memory too
_encoders_lock = threading.Lock()


class Captioner:
    """A trained model, ready for pictures. Safe to share between threads: they take turns.

    Without an encoder it is given annotations that are already known; the encoder is loaded when a picture comes.
    """

    def __init__(self, decoder: Decoder, vocabulary: Vocabulary, encoder: Encoder | None) -> None:
        fingerprint = decoder.config.encoder_fingerprint
        if encoder is not None and fingerprint and fingerprint != encoder.fingerprint:
            raise UserError(
                f"The model {decoder.config.name} was trained on other weights of {encoder.name} than are installed: "
                "install the versions of requirements.txt."
            )
        self.decoder, self.vocabulary, self._encoder = decoder.eval(), vocabulary, encoder
        self._lock = threading.Lock()
        self._readings: OrderedDict[bytes, Reading] = OrderedDict()

    @property
    def encoder(self) -> Encoder:
        if self._encoder is None:
            self._encoder = shared_encoder(self.config.encoder)
        return self._encoder

    @property
    def config(self) -> ModelConfig:
        return self.decoder.config

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def attention(self) -> str:
        return self.config.attention

    @property
    def geometry(self) -> Geometry:
        """Where the cells of a map lie on the square picture."""
        return self.encoder.geometry

    def annotate(self, pictures: Sequence[Picture]) -> Tensor:
        """The encoder's annotations of pictures, float32 (B, L, D)."""
        size = self.config.image_size
        if any(p.square.shape[0] != size for p in pictures):
            raise UserError(f"The model {self.name} reads pictures of {size} pixels: read them with size={size}.")
        device = next(self.decoder.parameters()).device
        with self._lock, torch.inference_mode():
            raw = self.encoder(pixels([p.square for p in pictures]).to(device))  # (B, L, D)
        if raw.shape[1:] != (self.config.places, self.config.annotation_dim):
            raise UserError(
                f"The encoder {self.encoder.name} gives {raw.shape[1]} x {raw.shape[2]} annotations, and the model "
                f"{self.name} was trained on {self.config.places} x {self.config.annotation_dim}: these do not belong "
                "together."
            )
        return raw

    def caption(self, picture: Picture, decoding: Decoding | None = None, *, tree: bool = False) -> Trace:
        """Caption one picture."""
        raw = self.annotate([picture])
        return self.caption_annotations(raw, decoding, pictures=[picture.digest], tree=tree)[0]

    def caption_many(self, pictures: Sequence[Picture], decoding: Decoding | None = None) -> list[Trace]:
        """Caption several pictures in one batch."""
        if not pictures:
            return []
        raw = self.annotate(pictures)
        return self.caption_annotations(raw, decoding, pictures=[p.digest for p in pictures])

    def caption_annotations(
        self,
        raw: Tensor,
        decoding: Decoding | None = None,
        *,
        pictures: Sequence[str] | None = None,
        tree: bool = False,
    ) -> list[Trace]:
        """Caption pictures whose annotations (B, L, D) are already known.

        Args:
            decoding: None means the setting chosen on the dev split, stored with the model.
            pictures: their digests, for the traces.
            tree: keep the whole beam tree.
        """
        decoding = decoding or self.config.decoding
        with self._lock, torch.inference_mode():
            annotations = self.decoder.annotate(raw.to(next(self.decoder.parameters()).device))
            if decoding.method == "beam":
                written = beam_search(self.decoder, annotations, decoding, vocabulary=self.vocabulary, tree=tree)
            else:
                written = [copies[0] for copies in write(self.decoder, annotations, decoding)]
        return self._traces(written, decoding, pictures)

    def read(self, raw: Tensor, words: Sequence[str], decoding: Decoding | None = None, *, picture: str = "") -> Trace:
        """The trace of a given caption (teacher forcing) on one picture's annotations (1, L, D)."""
        base = decoding or self.config.decoding
        ids = self.vocabulary.encode(words)
        decoding = base.model_copy(update={"method": "greedy", "max_words": max(len(ids), 1)})
        with self._lock, torch.inference_mode():
            annotations = self.decoder.annotate(raw.to(next(self.decoder.parameters()).device))
            written = write(self.decoder, annotations, decoding, interventions=forced_words(ids))
        return self._traces([written[0][0]], decoding, [picture])[0]

    @contextmanager
    def turn(self) -> Iterator[Decoder]:
        """The decoder for this thread alone, without gradients. ``annotate`` and ``caption`` take turns themselves."""
        with self._lock, torch.inference_mode():
            yield self.decoder

    def analyse(
        self,
        function: Callable[Concatenate[Reading, P], R],
        raw: Tensor,
        trace: Trace,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """What a function of ``sat.analysis`` says of a caption: ``captioner.analyse(necessity, raw, trace, step)``.

        Args:
            raw: the annotations (1, L, D) that the caption was written from; of a branch, the branch's.
            trace: a caption by this model; for a given one, ``read`` it first.
        """
        with self.turn():
            return function(self.reading(raw, trace), *args, **kwargs)

    def reading(self, raw: Tensor, trace: Trace) -> Reading:
        """A caption read again, to look into its steps. Only within ``turn``; the latest readings are kept."""
        seen = hashlib.sha256(raw.cpu().numpy().tobytes())
        seen.update(repr((trace.model, trace.attention, trace.context, trace.words)).encode("utf-8", "surrogatepass"))
        seen.update(repr([(step.place, step.beta) for step in trace.steps]).encode())
        for step in trace.steps:
            seen.update(b"" if step.alpha is None else step.alpha.tobytes())
        key = seen.digest()
        if key not in self._readings:
            self._readings[key] = read_again(self.decoder, self.vocabulary, raw, trace)
            while len(self._readings) > _READINGS:
                self._readings.popitem(last=False)
        self._readings.move_to_end(key)
        return self._readings[key]

    def _traces(self, written: Sequence[Written], decoding: Decoding, pictures: Sequence[str] | None) -> list[Trace]:
        context = resolve_context(self.config, decoding)
        digests = pictures or [""] * len(written)
        return [
            to_trace(w, config=self.config, vocabulary=self.vocabulary, decoding=decoding, context=context, picture=d)
            for w, d in zip(written, digests, strict=True)
        ]


def shared_encoder(name: str, folder: Path | None = None, device: str = "cpu") -> Encoder:
    """The encoder of that name, loaded once a process and device; of a model with weights of its own, that one."""
    own = folder is not None and (folder / checkpoints.ENCODER_FILE).is_file()
    key = (name, str(folder.resolve()) if own and folder is not None else "", device)
    with _encoders_lock:
        if key not in _encoders:
            encoder = checkpoints.load_encoder(folder, name=name) if own and folder is not None else Encoder(name)
            _encoders[key] = encoder.to(device)
        return _encoders[key]


def load(name: str | Path = "soft-flickr8k", *, device: str = "cpu") -> Captioner:
    """A captioner by name (a folder of ``checkpoints/``) or by path.

    Raises:
        UserError: there is no such model, or its files are damaged or do not fit together.
    """
    folder = checkpoints.find(name)
    decoder, vocabulary = checkpoints.load_model(folder)
    return Captioner(decoder.to(device), vocabulary, shared_encoder(decoder.config.encoder, folder, device))
