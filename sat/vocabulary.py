"""Words to ids and back."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from sat.errors import UserError

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIALS = ("<pad>", "<start>", "<end>", "<unk>")


class Vocabulary:
    """An ordered list of words; the first four are the special tokens."""

    def __init__(self, words: Sequence[str]) -> None:
        if tuple(words[:4]) != SPECIALS:
            raise UserError(f"A vocabulary starts with {' '.join(SPECIALS)}; this one starts with {list(words[:4])}.")
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise UserError("The vocabulary holds a word twice: build it again from the training captions.")

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_count: int) -> Vocabulary:
        """The words that occur at least ``min_count`` times, most frequent first, ties in alphabetical order."""
        counts = Counter(word for caption in captions for word in caption)
        kept = sorted((w for w, c in counts.items() if c >= min_count), key=lambda w: (-counts[w], w))
        return cls([*SPECIALS, *kept])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    @property
    def digest(self) -> str:
        """SHA-256 (hex, 16 digits) of the words in their order: the same words in another order are another model's."""
        return hashlib.sha256("\n".join(self.words).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def encode(self, words: Iterable[str]) -> list[int]:
        """Ids of words; unknown words become ``<unk>``."""
        return [self._ids.get(word, UNKNOWN) for word in words]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words of ids, special tokens other than ``<unk>`` left out."""
        return [self.words[i] for i in ids if i not in (PAD, START, END)]

    def save(self, path: Path) -> None:
        """Write the words as a JSON list."""
        path.write_text(json.dumps(self.words, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read a JSON list of words.

        Raises:
            UserError: the file is missing or is not such a list.
        """
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{path} does not exist: a checkpoint needs its vocabulary beside its weights.") from None
        except (OSError, ValueError, RecursionError):
            raise UserError(f"{path} is not a JSON list of words: copy the checkpoint folder again.") from None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise UserError(f"{path} is not a JSON list of words: copy the checkpoint folder again.")
        return cls(words)
