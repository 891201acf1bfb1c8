"""Plain numpy records of one decoding: what every view draws and every export writes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sat.errors import UserError
from sat.files import write_bytes, write_text


@dataclass(frozen=True, eq=False)
class Step:
    """One word and how it came about.

    Attributes:
        word: as written.
        log_prob: log p(word given the words before it, the picture), in nats.
        alpha: float32 (rows, columns), the attention distribution, sums to one; None without attention.
        place: (row, column) of the glimpse taken; None unless one place was used for the context.
        beta: the gate in [0, 1]; None without attention.
        entropy: of alpha, in nats (at most ln L); None without attention.
        top: the best next words with their probabilities, best first.
    """

    word: str
    log_prob: float
    alpha: np.ndarray | None
    place: tuple[int, int] | None
    beta: float | None
    entropy: float | None
    top: tuple[tuple[str, float], ...]

    @property
    def glimpse(self) -> np.ndarray | None:
        """float32 (rows, columns): the weights that made the context, a one-hot map where one place was used."""
        if self.alpha is None or self.place is None:
            return self.alpha
        one_hot = np.zeros_like(self.alpha)
        one_hot[self.place] = 1.0
        return one_hot


@dataclass(frozen=True)
class BeamNode:
    """One hypothesis of a beam search: a word after its parent.

    Attributes:
        parent: index of the node before it in ``Trace.tree``; -1 for a first word.
        step: 0 for a first word.
        word: ``<end>`` marks a finished caption.
        log_prob: of this word; total: of the caption so far.
        score: what finished captions are ranked by (None while unfinished).
    """

    parent: int
    step: int
    word: str
    log_prob: float
    total: float
    score: float | None = None


@dataclass(frozen=True, eq=False)
class Trace:
    """One caption, word by word.

    Attributes:
        model: name of the checkpoint; attention: ``soft``, ``hard`` or ``none``.
        context: ``expected``, ``argmax`` or ``sample``; None without attention.
        decoding: the settings used, as plain values.
        picture: digest of the square that the model saw.
        steps: one a word, the end not included.
        end_log_prob: log-probability of ending after the last word; None if the caption was cut before it ended.
        tree: every hypothesis of a beam search, when it was asked for.
    """

    model: str
    attention: str
    context: str | None
    decoding: dict[str, Any]
    picture: str
    steps: tuple[Step, ...]
    end_log_prob: float | None
    tree: tuple[BeamNode, ...] = field(default=())

    @property
    def words(self) -> list[str]:
        return [step.word for step in self.steps]

    @property
    def caption(self) -> str:
        return " ".join(self.words)

    @property
    def log_prob(self) -> float:
        """log p(caption given picture), the end included."""
        return float(sum(step.log_prob for step in self.steps) + (self.end_log_prob or 0.0))

    @property
    def alphas(self) -> np.ndarray | None:
        """float32 (T, rows, columns): the attention distribution of every word; None without attention."""
        return self._stack("alpha")

    @property
    def glimpses(self) -> np.ndarray | None:
        """float32 (T, rows, columns): the weights that made every context; None without attention."""
        return self._stack("glimpse")

    @cached_property
    def identity(self) -> str:
        """The same only for the same words, maps, gates and settings on the same picture."""
        digest = hashlib.sha256(
            json.dumps([self.model, self.picture, self.words, self.decoding, self.context]).encode()
        )
        digest.update(repr([(step.place, step.beta) for step in self.steps]).encode())
        for maps in (self.alphas, self.glimpses):
            if maps is not None:
                digest.update(np.ascontiguousarray(maps).tobytes())
        return digest.hexdigest()

    def _stack(self, name: str) -> np.ndarray | None:
        if self.attention == "none" or not self.steps:
            return None
        return np.stack([getattr(step, name) for step in self.steps])

    def to_dict(self, image: str = "") -> dict[str, Any]:
        """JSON-ready record: the schema of ``caption --json``."""
        return {
            "image": image,
            "model": self.model,
            "attention": self.attention,
            "context": self.context,
            "caption": self.caption,
            "words": self.words,
            "log_prob": self.log_prob,
            "end_log_prob": self.end_log_prob,
            "decoding": self.decoding,
            "picture": self.picture,
            "steps": [
                {
                    "word": step.word,
                    "log_prob": step.log_prob,
                    "alpha": None if step.alpha is None else [[float(v) for v in row] for row in step.alpha],
                    "place": None if step.place is None else list(step.place),
                    "beta": step.beta,
                    "entropy": step.entropy,
                    "top": [[word, probability] for word, probability in step.top],
                }
                for step in self.steps
            ],
            "tree": [asdict(node) for node in self.tree],
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Trace:
        """The inverse of ``to_dict``.

        Raises:
            UserError: the record is not a trace.
        """
        try:
            steps = tuple(
                Step(
                    word=str(s["word"]),
                    log_prob=float(s["log_prob"]),
                    alpha=None if s["alpha"] is None else np.asarray(s["alpha"], dtype=np.float32),
                    place=None if s["place"] is None else (int(s["place"][0]), int(s["place"][1])),
                    beta=None if s["beta"] is None else float(s["beta"]),
                    entropy=None if s["entropy"] is None else float(s["entropy"]),
                    top=tuple((str(word), float(p)) for word, p in s["top"]),
                )
                for s in record["steps"]
            )
            end = record["end_log_prob"]
            return cls(
                model=record["model"],
                attention=record["attention"],
                context=record["context"],
                decoding=dict(record["decoding"]),
                picture=record["picture"],
                steps=steps,
                end_log_prob=None if end is None else float(end),
                tree=tuple(BeamNode(**node) for node in record.get("tree", [])),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(f"This is not a trace written by this program ({error!r}).") from None

    def save_json(self, path: Path) -> None:
        """Write the record as JSON, in one go."""
        write_text(path, json.dumps(self.to_dict()))

    @classmethod
    def load_json(cls, path: Path) -> Trace:
        """Read ``save_json``'s file."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path} is not a trace ({error}): export it again.") from None
        return cls.from_dict(record)

    def save_npz(self, path: Path) -> None:
        """Write ``npz_bytes``, in one go."""
        write_bytes(path, self.npz_bytes())

    def npz_bytes(self) -> bytes:
        """An NPZ file: the arrays (alphas, betas, entropies, log_probs, places) and, as text, everything else."""
        record = self.to_dict()
        for step in record["steps"]:
            step["alpha"] = None  # the array holds it
        alphas = self.alphas
        out = io.BytesIO()
        np.savez_compressed(
            out,
            alphas=np.zeros((len(self.steps), 0, 0), np.float32) if alphas is None else alphas,
            log_probs=np.array([s.log_prob for s in self.steps]),
            betas=_floats(s.beta for s in self.steps),
            entropies=_floats(s.entropy for s in self.steps),
            places=np.array([s.place or (-1, -1) for s in self.steps], dtype=np.int64).reshape(-1, 2),
            record=np.array(json.dumps(record)),
        )
        return out.getvalue()

    @classmethod
    def load_npz(cls, path: Path) -> Trace:
        """Read ``save_npz``'s file."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                record, alphas = json.loads(str(arrays["record"])), arrays["alphas"]
            if alphas.size:
                for step, alpha in zip(record["steps"], alphas, strict=True):
                    step["alpha"] = alpha
        except Exception as error:  # zip archives and arrays raise almost anything when they are damaged
            raise UserError(f"{path} is not a trace ({error}): export it again.") from None
        return cls.from_dict(record)


def entropy(alpha: np.ndarray) -> np.ndarray:
    """Entropy in nats of distributions over the last two axes (rows, columns); 0 log 0 is 0."""
    p = np.asarray(alpha, dtype=np.float64)
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=(-2, -1))


def _floats(values: Any) -> np.ndarray:
    """float64 array with NaN for None."""
    rows: Sequence[float | None] = list(values)
    return np.array([np.nan if v is None else v for v in rows], dtype=np.float64)
