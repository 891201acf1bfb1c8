"""The public Flickr30k Entities release: ``Annotations/ID.xml`` with boxes, ``Sentences/ID.txt`` with phrases."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from sat.errors import UserError

_KINDS = {("Annotations", ".xml"): "annotation", ("Sentences", ".txt"): "sentences"}
_MAX_BYTES = 2**20  # of one file; the largest of the release has 30 kB


@dataclass
class PictureFiles:
    """The two files of one picture, as bytes; None while not found."""

    annotation: bytes | None = None
    sentences: bytes | None = None


@dataclass(frozen=True)
class Annotation:
    """Boxes of a picture, in pixels of the original: (xmin, ymin, xmax, ymax) by entity id."""

    width: int
    height: int
    boxes: dict[str, list[tuple[int, int, int, int]]]
    scene: tuple[str, ...]
    nobox: tuple[str, ...]


@dataclass
class ReleasePhrase:
    """``[/EN#id/type/... words]``; ``first`` is the position of its first word in the sentence."""

    id: str
    types: tuple[str, ...]
    first: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sentence:
    """A caption's tokens without the marks, and its phrases."""

    tokens: tuple[str, ...]
    phrases: tuple[ReleasePhrase, ...] = field(default=())


def read_release(path: Path, ids: Collection[str]) -> dict[str, PictureFiles]:
    """The files of the pictures ``ids`` from the extracted folder, or from the archive in one pass.

    Raises:
        UserError: the release is missing, unreadable, or not an archive.
    """
    found: dict[str, PictureFiles] = {}
    try:
        for name, content in _members(path, set(ids)):
            pure = PurePosixPath(name)
            setattr(found.setdefault(pure.stem, PictureFiles()), _KINDS[pure.parent.name, pure.suffix], content)
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: name the Flickr30k Entities release (annotations.zip of "
            "https://github.com/BryanPlummer/flickr30k_entities, a .tar.gz of it, or the extracted folder)."
        ) from None
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError):
        # The last two are zipfile's words for a compression that it does not know, and for a password.
        raise UserError(f"{path} is no complete .tar.gz or .zip archive: download it again.") from None
    except OSError as error:
        reason = error.strerror or "not a gzip file"
        raise UserError(f"{path} cannot be read ({reason}): check the file and its permissions.") from None
    return found


def parse_annotation(data: bytes) -> Annotation:
    """The content of an ``Annotations/ID.xml``.

    Raises:
        ValueError: it is not such a file; the message says why.
    """
    try:
        tree = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ValueError(f"XML: {error}") from None
    boxes: dict[str, list[tuple[int, int, int, int]]] = {}
    scene: set[str] = set()
    nobox: set[str] = set()
    for thing in tree.iter("object"):
        ids = [name.text or "" for name in thing.findall("name")]
        box = thing.find("bndbox")
        if box is not None:
            corners = (_int(box, "xmin"), _int(box, "ymin"), _int(box, "xmax"), _int(box, "ymax"))
            for key in ids:
                boxes.setdefault(key, []).append(corners)
        if thing.findtext("scene") == "1":
            scene.update(ids)
        if thing.findtext("nobndbox") == "1":
            nobox.update(ids)
    size = tree.find("size")
    if size is None:
        raise ValueError("XML: no size")
    return Annotation(_int(size, "width"), _int(size, "height"), boxes, tuple(sorted(scene)), tuple(sorted(nobox)))


def parse_sentences(data: bytes) -> list[Sentence]:
    """The content of a ``Sentences/ID.txt``, one sentence a line.

    Raises:
        ValueError: it is not such a file; the message says why.
    """
    lines = data.decode("utf-8").split("\n")  # UnicodeDecodeError is a ValueError
    return [parse_sentence(line) for line in lines if line.strip()]


def parse_sentence(line: str) -> Sentence:
    """``[/EN#18/people A child] in [/EN#19/clothing a pink dress] .`` to tokens and phrases.

    Raises:
        ValueError: a bracket is not closed.
    """
    tokens: list[str] = []
    phrases: list[ReleasePhrase] = []
    mark: tuple[str, tuple[str, ...], int] | None = None  # id, types, first
    for token in line.split():
        if token.startswith("[/EN#"):
            if mark is not None:
                raise ValueError(f"a phrase inside a phrase in {line[:60]!r}")
            key, *types = token.removeprefix("[/EN#").split("/")
            mark = key, tuple(types), len(tokens)
        elif mark is not None and token.endswith("]"):
            if token != "]":
                tokens.append(token[:-1])
            key, kinds, first = mark
            phrases.append(ReleasePhrase(key, kinds, first, tuple(tokens[first:])))
            mark = None
        else:
            tokens.append(token)
    if mark is not None:
        raise ValueError(f"a phrase without an end in {line[:60]!r}")
    return Sentence(tuple(tokens), tuple(phrases))


def _members(path: Path, ids: set[str]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files wanted."""
    if path.is_dir():
        yield from _folder_members(path, ids)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if _wanted(info.filename, ids) and info.file_size <= _MAX_BYTES:
                    yield info.filename, archive.read(info)
    else:
        with tarfile.open(path, "r|*") as stream:
            for member in stream:
                if member.isfile() and _wanted(member.name, ids) and member.size <= _MAX_BYTES:
                    file = stream.extractfile(member)
                    if file is not None:
                        yield member.name, file.read()


def _folder_members(path: Path, ids: set[str]) -> Iterator[tuple[str, bytes]]:
    if not all((path / folder).is_dir() for folder, _ in _KINDS):
        raise UserError(f"{path} has no folders Annotations and Sentences: name the extracted Entities release.")
    for key in sorted(ids):
        for folder, suffix in _KINDS:
            file = path / folder / f"{key}{suffix}"
            if file.is_file():
                yield f"{folder}/{file.name}", file.read_bytes()


def _wanted(name: str, ids: set[str]) -> bool:
    pure = PurePosixPath(name)
    return (pure.parent.name, pure.suffix) in _KINDS and pure.stem in ids


def _int(element: ElementTree.Element, tag: str) -> int:
    text = element.findtext(tag)
    if text is None:
        raise ValueError(f"XML: no {tag}")
    return int(text)
