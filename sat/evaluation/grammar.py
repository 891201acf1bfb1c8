"""Simple signs that a caption is no good English, whatever the picture: enough to point a person to the word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sat.evaluation.word_classes import Mention, WordClasses

ATTRIBUTE_KINDS = ("colours", "sizes")
NOUN_KINDS = ("people", "animals", "clothing", "vehicles", "things", "food")
_ARTICLES = frozenset({"a", "an", "the"})
_NEVER_LAST = _ARTICLES | frozenset("and or of with at to from into is are while as his her its their for".split())
_NEVER_AFTER_ARTICLE = _NEVER_LAST | frozenset("in on by over under".split())
_NUMBERS = frozenset("two three four five six seven eight nine ten 2 3 4 5 6 7 8".split())
_PLURALS = frozenset({"men", "women", "children", "people"})  # that do not end in s
_VOWEL_SOUND = ("a", "e", "i", "o", "u")
_NOT_BY_LETTER = ("uni", "use", "usa", "eu", "one", "once", "ukulele", "hour", "honest", "heir", "u.s", "ufo")

Finding = tuple[int, str]  # which word, from 0, and why


def repetitions(classes: WordClasses, words: Sequence[str]) -> Iterator[Finding]:
    """A word twice in a row or round an "and", and words up to a noun that stand before in the same order."""
    nouns = {mention.last for mention in classes.mentions(words) if mention.kind in (*NOUN_KINDS, "places", "body")}
    place = 0
    while place < len(words):
        if place and words[place] == words[place - 1]:
            yield place, f"“{words[place]}” stands twice in a row."
        elif place > 1 and words[place - 1] == "and" and words[place] == words[place - 2]:
            yield place, f"“{words[place]}” stands on both sides of “and”."
        length = _said_before(words, place)
        named = nouns.intersection(range(place, place + length))
        if length > 1 and named:
            yield max(named), f"“{' '.join(words[place : max(named) + 1])}” has been said before."
            place += length
        else:
            place += 1


def _said_before(words: Sequence[str], place: int) -> int:
    """How many words from a place on stand before it in the same order."""
    longest = 0
    for start in range(place):
        length = 0
        while start + length < place < len(words) - length and words[start + length] == words[place + length]:
            length += 1
        longest = max(longest, length)
    return longest


def grammar(classes: WordClasses, words: Sequence[str]) -> Iterator[Finding]:
    """Words that cannot stand where they do: an article before the wrong sound, number or word, or a loose end."""
    for i, (word, after) in enumerate(pairwise(words)):
        if word in _ARTICLES and after in _NEVER_AFTER_ARTICLE:
            yield i + 1, f"“{after}” cannot follow “{word}”."
        elif word in ("a", "an") and after[:1].isalpha() and not after.startswith(_NOT_BY_LETTER):
            vowel = after.startswith(_VOWEL_SOUND)
            if vowel is not (word == "an"):
                yield i, f"It is “{'an' if vowel else 'a'} {after}”."
    if words and words[-1] in _NEVER_LAST:
        yield len(words) - 1, f"The caption ends with “{words[-1]}”: something is missing."
    yield from _numbers(classes, words)


def _numbers(classes: WordClasses, words: Sequence[str]) -> Iterator[Finding]:
    """Nouns, and "is" or "are" right after the first one, that do not go with the article or the number before them."""
    mentions = classes.mentions(words)
    ends = {mention.last: mention for mention in mentions}
    nouns = [mention for mention in mentions if mention.kind in NOUN_KINDS]
    for noun in nouns:
        determiner, head = _before(words, ends, noun), words[noun.last]
        verb = ""  # after a later noun it may be the first one's ("two men in a boat are")
        if noun is nouns[0] and noun.last + 1 < len(words):
            verb = words[noun.last + 1]
        if determiner in ("a", "an"):
            if _is_plural(classes, head):
                yield noun.last, f"“{determiner}” goes with one thing, “{head}” with several."
            elif verb == "are":
                yield noun.last + 1, f"One thing “is”: “{determiner} … {head} are”."
        elif determiner in _NUMBERS:
            if not _is_plural(classes, head) and _is_singular(classes, head):
                yield noun.last, f"After “{determiner}” there are several: “{head}” is one."
            elif verb == "is":
                yield noun.last + 1, f"Several things “are”: “{determiner} … {head} is”."


def _before(words: Sequence[str], ends: dict[int, Mention], noun: Mention) -> str:
    """The word before a noun and the colours and sizes that stand with it; empty at the beginning."""
    first = noun.first
    while (before := ends.get(first - 1)) is not None and before.kind in ATTRIBUTE_KINDS:
        first = before.first
    return words[first - 1] if first else ""


def _is_plural(classes: WordClasses, word: str) -> bool:
    """Whether a noun is the plural of another one of its class."""
    if word in _PLURALS:
        return True
    stems = [word[: -len(end)] for end in ("es", "s") if word.endswith(end) and not word.endswith("ss")]
    return any(_class(classes, stem) == _class(classes, word) is not None for stem in stems)


def _is_singular(classes: WordClasses, word: str) -> bool:
    """Whether a noun has a plural of its own in its class."""
    return any(_class(classes, word + end) == _class(classes, word) is not None for end in ("s", "es"))


def _class(classes: WordClasses, word: str) -> str | None:
    found = classes.mentions([word])
    return found[0].name if found else None
