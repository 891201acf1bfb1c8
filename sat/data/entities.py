"""Human boxes for the noun phrases of captions: ``entities_aligned.jsonl.gz``, read, and built for Flickr8k.

Flickr30k Entities names, for every phrase of every Flickr30k caption, the boxes of what it means. All Flickr8k
pictures are in it, with an edited text of the same captions in another order. ``build_aligned`` puts them back into
Flickr8k's order; the synthetic shapes write their own true boxes in the same format.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from sat.data.entities_release import Annotation, Sentence, parse_annotation, parse_sentences, read_release
from sat.data.files import first_existing
from sat.data.flickr8k import CAPTION_FILES, PAPER_FILE, SPLIT_FILES
from sat.data.token_file import read_lines, read_token_file
from sat.errors import UserError
from sat.files import write_bytes

ALIGNED_FILE = "entities_aligned.jsonl.gz"
Box = tuple[float, float, float, float]
_MAX_LINE = 2**20  # characters; the longest line of Flickr8k has 4225
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a caption.

    Attributes:
        id: of what it means, a key of ``AlignedPicture.boxes`` where that has boxes.
        types: coarse kinds, such as ``people`` and ``clothing``.
        first: position of its first word among the caption's tokens.
        words: its words, as in the tokens.
    """

    id: str
    types: tuple[str, ...]
    first: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class AlignedCaption:
    """A caption with its noun phrases.

    Attributes:
        k: number of the caption in the data set's own order.
        tokens: its words and punctuation, as the annotators had them.
        phrases: in the order of the caption.
        f30k_index: number of the caption in the Entities release; None where there is none.
        ratio: how well that one matches the data set's own text (0 to 1); None likewise.
    """

    k: int
    tokens: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    f30k_index: int | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class AlignedPicture:
    """A picture with the boxes of what its captions mention.

    Attributes:
        image: name of the picture in the data set.
        split: ``train``, ``dev``, ``test``, or None for a picture in no split.
        width, height: of the original picture, the unit of the boxes, in pixels.
        boxes: (x0, y0, x1, y1) of everything that is marked, by phrase id.
        captions: in the data set's own order.
        scene: ids that mean the whole scene; nobox: ids that could not be boxed.
        flickr_id: name in the Entities release; None where there is none.
    """

    image: str
    split: str | None
    width: int
    height: int
    boxes: Mapping[str, tuple[Box, ...]]
    captions: tuple[AlignedCaption, ...]
    scene: tuple[str, ...] = ()
    nobox: tuple[str, ...] = ()
    flickr_id: str | None = None

    def to_record(self) -> dict[str, Any]:
        """One JSON-ready line of the file."""
        captions = []
        for caption in self.captions:
            entry: dict[str, Any] = {"k": caption.k}
            if caption.f30k_index is not None:
                entry |= {"f30k_index": caption.f30k_index, "ratio": caption.ratio}
            entry["tokens"] = list(caption.tokens)
            entry["phrases"] = [
                {"id": p.id, "types": list(p.types), "first": p.first, "words": list(p.words)} for p in caption.phrases
            ]
            captions.append(entry)
        return {
            "image": self.image,
            **({} if self.flickr_id is None else {"flickr_id": self.flickr_id}),
            "split": self.split,
            "width": self.width,
            "height": self.height,
            "boxes": {key: [list(box) for box in boxes] for key, boxes in self.boxes.items()},
            "scene": list(self.scene),
            "nobox": list(self.nobox),
            "captions": captions,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> AlignedPicture:
        """The inverse of ``to_record``.

        Raises:
            ValueError, TypeError, KeyError: the record is not of this format.
        """
        picture = cls(
            image=_text(record["image"]),
            split=None if record["split"] is None else _text(record["split"]),
            width=int(record["width"]),
            height=int(record["height"]),
            boxes={key: tuple(_box(box) for box in boxes) for key, boxes in record["boxes"].items()},
            captions=tuple(
                AlignedCaption(
                    k=int(c["k"]),
                    tokens=tuple(_text(t) for t in c["tokens"]),
                    phrases=tuple(
                        Phrase(
                            id=_text(p["id"]),
                            types=tuple(_text(t) for t in p["types"]),
                            first=int(p["first"]),
                            words=tuple(_text(w) for w in p["words"]),
                        )
                        for p in c["phrases"]
                    ),
                    f30k_index=c.get("f30k_index"),
                    ratio=c.get("ratio"),
                )
                for c in record["captions"]
            ),
            scene=tuple(_text(i) for i in record.get("scene", ())),
            nobox=tuple(_text(i) for i in record.get("nobox", ())),
            flickr_id=record.get("flickr_id"),
        )
        if picture.width < 1 or picture.height < 1:
            raise ValueError("a picture without a size")
        for caption in picture.captions:
            for phrase in caption.phrases:
                if caption.tokens[phrase.first : phrase.first + len(phrase.words)] != phrase.words:
                    raise ValueError(f"caption {caption.k} does not read {' '.join(phrase.words)!r} at {phrase.first}")
        return picture


def read_aligned(path: Path) -> dict[str, AlignedPicture]:
    """The pictures of an ``entities_aligned.jsonl.gz`` by name, in its order.

    Raises:
        UserError: the file is missing, damaged, or has a line that is not of its format.
    """
    pictures: dict[str, AlignedPicture] = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number in count(1):
                line = file.readline(_MAX_LINE)
                if not line:
                    break
                picture = _picture(line, f"{path}:{number}")
                pictures[picture.image] = picture
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: make it with 'data prepare'.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError):
        raise UserError(f"{path} is damaged or no gzip file: make it again with 'data prepare'.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from None
    return pictures


def write_aligned(path: Path, pictures: Iterable[AlignedPicture]) -> None:
    """Write pictures as gzipped JSON lines, the same bytes for the same pictures.

    Raises:
        UserError: the file cannot be written.
    """
    text = "".join(json.dumps(picture.to_record()) + "\n" for picture in pictures)
    write_bytes(path, gzip.compress(text.encode("utf-8"), mtime=0))


def build_aligned(
    flickr8k_root: Path, entities_release: Path, *, out: Path | None = None, progress: Progress | None = None
) -> list[str]:
    """Build Flickr8k's ``captions_f30k_edition.token`` (the paper's edition) and ``entities_aligned.jsonl.gz``.

    Args:
        flickr8k_root: the folder with Flickr8k's token file and split lists.
        entities_release: the public release of Flickr30k Entities: its archive (.tar.gz, .zip) or the extracted folder.
        out: where the two files go; ``flickr8k_root`` by default.
        progress: called with (done, total) pictures.

    Returns:
        a line for each picture or caption that the release does not have or has damaged; those are left out.

    Raises:
        UserError: a file is missing or damaged, or the release holds no Flickr8k picture.
    """
    pictures, problems = align_flickr8k(flickr8k_root, entities_release, progress=progress)
    if not pictures:
        raise UserError(f"{entities_release} has none of Flickr8k's pictures: name the Flickr30k Entities release.")
    out = out or flickr8k_root
    edition = "".join(f"{p.image}#{c.k}\t{' '.join(c.tokens)}\n" for p in pictures for c in p.captions)
    write_bytes(out / PAPER_FILE, edition.encode("utf-8"))
    write_aligned(out / ALIGNED_FILE, pictures)
    return problems


def align_flickr8k(
    flickr8k_root: Path,
    entities_release: Path,
    *,
    names: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> tuple[list[AlignedPicture], list[str]]:
    """Flickr8k's pictures (those called ``names``, or all) with the phrases and boxes of the release.

    A picture's number in the release is what stands before the underscore of its name. Its captions are paired one
    to one so that the sum of their match ratios (``match_ratio``) is as large as possible.

    Returns:
        the pictures in the order of the token file, and a line for each that is missing or damaged.
    """
    captions, problems = read_token_file(first_existing(flickr8k_root, CAPTION_FILES))
    split_of = {line.strip(): split for split, file in SPLIT_FILES.items() for line in read_lines(flickr8k_root / file)}
    if names is not None:
        wanted = set(names)
        captions = {name: texts for name, texts in captions.items() if name in wanted}
    files = read_release(entities_release, {name.split("_")[0] for name in captions})
    pictures: list[AlignedPicture] = []
    for done, (name, texts) in enumerate(captions.items(), start=1):
        number = name.split("_")[0]
        found = files.get(number)
        if found is None or found.annotation is None or found.sentences is None:
            problems.append(f"{entities_release}: has no picture {number} ({name})")
        else:
            try:
                annotation, sentences = parse_annotation(found.annotation), parse_sentences(found.sentences)
            except ValueError as error:
                problems.append(f"{entities_release}: picture {number} ({name}) is damaged ({error})")
            else:
                if len(sentences) < len(texts):
                    problems.append(f"{entities_release}: {number} has {len(sentences)} captions of {len(texts)}")
                pictures.append(_align(name, number, split_of.get(name), texts, annotation, sentences))
        if progress is not None:
            progress(done, len(captions))
    return pictures, problems


def match_ratio(a: list[str], b: list[str]) -> float:
    """How alike two captions are, 0 to 1: twice the matching words over all words (see ``comparable``)."""
    return SequenceMatcher(None, a, b).ratio()


def comparable(tokens: Iterable[str]) -> list[str]:
    """Tokens for comparing two editions of a caption: lower case, punctuation left out."""
    return [token.lower() for token in tokens if re.search(r"[A-Za-z0-9]", token)]


def _align(
    name: str,
    number: str,
    split: str | None,
    texts: tuple[str, ...],
    annotation: Annotation,
    sentences: list[Sentence],
) -> AlignedPicture:
    from scipy.optimize import linear_sum_assignment  # slow and large to import, and needed nowhere else

    theirs = [comparable(sentence.tokens) for sentence in sentences]
    ratios = np.array([[match_ratio(comparable(text.split()), b) for b in theirs] for text in texts])
    captions = []
    for k, j in zip(*linear_sum_assignment(ratios, maximize=True), strict=True):
        phrases = tuple(Phrase(p.id, p.types, p.first, p.words) for p in sentences[j].phrases)
        captions.append(AlignedCaption(int(k), sentences[j].tokens, phrases, int(j), round(float(ratios[k, j]), 3)))
    return AlignedPicture(
        image=name,
        split=split,
        width=annotation.width,
        height=annotation.height,
        boxes={key: tuple(boxes) for key, boxes in annotation.boxes.items()},
        captions=tuple(captions),
        scene=annotation.scene,
        nobox=annotation.nobox,
        flickr_id=number,
    )


def _picture(line: str, where: str) -> AlignedPicture:
    try:
        return AlignedPicture.from_record(json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{where}: not a record of boxes and captions ({reason}): make it again with 'data prepare'."
        ) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be text")
    return value


def _box(value: Any) -> Box:
    x0, y0, x1, y1 = value
    if not all(isinstance(v, int | float) for v in value) or not (x0 <= x1 and y0 <= y1):
        raise ValueError(f"{value!r} is not a box")
    return x0, y0, x1, y1
