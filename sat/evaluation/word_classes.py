"""What the words of a caption name: people by age and gender, animals, clothing, vehicles, places, colours, ...

The classes are data (``classes/*.yaml``): ``photographs`` for everyday pictures, made by going through the words of
Flickr8k's training captions, and ``shapes`` for the synthetic ones. A class may stand below another ("man < adult"),
in which case either word is true of the same thing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FOLDER = Path(__file__).with_name("classes")
Term = tuple[str, ...]


@dataclass(frozen=True)
class Mention:
    """A class named in a caption.

    Attributes:
        name: of the class; kind: what kind of class, such as ``animals``.
        first, last: positions of its words; the last one is its head.
    """

    name: str
    kind: str
    first: int
    last: int


class WordClasses:
    """Word classes and how they are found in captions.

    Attributes:
        kinds: of every class, its kind, in the order of the file.
        parents: of every class that stands below another, that one.
    """

    def __init__(
        self,
        terms: Mapping[str, Mapping[str, Iterable[str]]],
        *,
        parents: Mapping[str, str] | None = None,
        implies: Mapping[str, Iterable[str]] | None = None,
        cues: Iterable[str] = (),
    ) -> None:
        """
        Args:
            terms: kind -> class -> its words, each of one or several tokens; a word marked ``~`` counts only at the
                beginning of a caption and after one of the cues.
            implies: word -> classes that it shows to be there without naming them.
            cues: words after which comes a noun.

        Raises:
            ValueError: a class or a word is given twice, or a class is not known.
        """
        self.kinds: dict[str, str] = {}
        self.parents = dict(parents or {})
        self._cues = frozenset(cues)
        self._plain: dict[Term, str] = {}
        self._after_cue: dict[Term, str] = {}
        for kind, classes in terms.items():
            for name, words in classes.items():
                if name in self.kinds:
                    raise ValueError(f"the class {name} is given twice")
                self.kinds[name] = kind
                for word in words:
                    table = self._after_cue if word.startswith("~") else self._plain
                    term = tuple(word.removeprefix("~").split())
                    if not term or term in table:
                        raise ValueError(f"the word {word!r} of {name} is empty or given twice")
                    table[term] = name
        self._implies = {tuple(word.split()): frozenset(names) for word, names in (implies or {}).items()}
        named = {*self.parents, *self.parents.values(), *frozenset[str]().union(*self._implies.values())}
        if not named <= set(self.kinds):
            raise ValueError(f"there are no classes {sorted(named - set(self.kinds))}")
        self._longest = max((len(term) for term in (*self._plain, *self._after_cue, *self._implies)), default=0)
        self._lines = {name: frozenset(self._upwards(name)) for name in self.kinds}

    def mentions(self, words: Sequence[str]) -> tuple[Mention, ...]:
        """The classes that a caption names, from left to right; where words overlap, the longest run counts.

        Args:
            words: of a caption, as ``sat.data.tokens.tokenize`` gives them.
        """
        found: list[Mention] = []
        position = 0
        while position < len(words):
            noun = position == 0 or words[position - 1] in self._cues
            for length in range(min(self._longest, len(words) - position), 0, -1):
                term = tuple(words[position : position + length])
                name = (self._after_cue.get(term) if noun else None) or self._plain.get(term)
                if name is not None:
                    found.append(Mention(name, self.kinds[name], position, position + length - 1))
                    position += length
                    break
            else:
                position += 1
        return tuple(found)

    def implied(self, words: Sequence[str]) -> frozenset[str]:
        """The classes that a caption shows to be there without naming them ("skateboarder": a skateboard)."""
        spans = (tuple(words[i : i + n]) for i in range(len(words)) for n in range(1, self._longest + 1))
        return frozenset[str]().union(*(self._implies.get(span, frozenset()) for span in spans))

    def is_a(self, a: str, b: str) -> bool:
        """Whether a class is another one or stands below it: a man is a person."""
        return b in self._lines[a]

    def related(self, a: str, b: str) -> bool:
        """Whether one of two classes is the other: a man and a person, but not a man and a woman."""
        return self.is_a(a, b) or self.is_a(b, a)

    def borne_out(self, name: str, named: Collection[str]) -> bool:
        """Whether a class is true by what references name.

        It is if one of them names it or a class below it; a class above it will do only where nothing below that one
        is named beside: "person" bears "man" out, but not if it was a woman.
        """
        if any(name in self._lines[other] for other in named):
            return True
        line = self._lines[name]
        above = [other for other in named if other in line]
        return any(not any(a in self._lines[other] and other not in line for other in named) for a in above)

    def most_specific(self, named: Iterable[str]) -> frozenset[str]:
        """Those of some classes that have none of the others below them."""
        classes = frozenset(named)
        return frozenset(name for name in classes if not any(name in self._lines[o] for o in classes if o != name))

    def coverage(self, counts: Mapping[str, int], least: int) -> tuple[float, list[str]]:
        """How many of the words that occur at least so often are of a class as they stand, and those that are not.

        Args:
            counts: of words; each is looked up by itself, as a noun.
        """
        frequent = [word for word, count in Counter(counts).most_common() if count >= least]
        missing = [word for word in frequent if not self.mentions([word])]
        return 1 - len(missing) / max(len(frequent), 1), missing

    def _upwards(self, name: str) -> Iterator[str]:
        """A class and those above it."""
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            yield name
            name = self.parents.get(name, name)


@cache
def word_classes(dataset: str = "flickr8k") -> WordClasses:
    """The classes for the captions of a data set."""
    return read_classes(_FOLDER / f"{classes_name(dataset)}.yaml")


def classes_name(dataset: str) -> str:
    """Which classes those are: ``shapes`` or ``photographs``."""
    return "shapes" if dataset == "shapes" else "photographs"


def read_classes(path: Path) -> WordClasses:
    """The classes of a file like ``classes/photographs.yaml``.

    Raises:
        ValueError: see ``WordClasses``.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    terms: dict[str, dict[str, list[str]]] = {}
    parents: dict[str, str] = {}
    for kind, classes in content["kinds"].items():
        terms[kind] = {}
        for heading, words in classes.items():
            name, _, above = (part.strip() for part in heading.partition("<"))
            if above:
                parents[name] = above
            terms[kind][name] = _listed(words)
    implies: dict[str, list[str]] = {}
    for words, names in content.get("implies", {}).items():
        for word in _listed(words):
            implies[word] = implies.get(word, []) + _listed(names)
    return WordClasses(terms, parents=parents, implies=implies, cues=_listed(content.get("cues", "")))


def _listed(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",") if part.strip()]
