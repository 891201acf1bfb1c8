"""Does a caption name what is not there? CHAIR (Rohrbach et al., 2018, "Object Hallucination in Image Captioning").

A class that a caption says and that none of the picture's references names is *hallucinated*. Two word lists:

- the project's own classes (``word_classes``), with kinds. Of a class that stands below another either word bears the
  other out ("man" and "person"), but not where the references know better ("woman"); and a reference also bears out
  what it shows without naming it ("skateboarder": a skateboard). ``OBJECT_KINDS`` are the objects; places, colours,
  counts, actions and so on are judged alike and reported each by itself.
- the 80 classes of COCO with their published synonyms (``chair.py``), where the user has that list.

References are no complete account of a picture: what nobody mentioned may be there all the same. So beside every number
stands the *human* one: each picture's first reference, judged by the others. Only the distance from it says something.

All numbers are percentages. ``chair_i`` is hallucinated mentions over all mentions, ``chair_s`` captions with a
hallucinated class over all captions, ``recall`` classes of the references that the caption says over all classes of the
references, counted once a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sat.data.tokens import tokenize
from sat.evaluation.word_classes import Mention, WordClasses

OBJECT_KINDS = ("people", "animals", "clothing", "vehicles", "things", "food")
_LISTED = 20  # of the classes that are hallucinated most often


@dataclass(frozen=True)
class Judgement:
    """The classes of one caption set against its references.

    Attributes:
        mentions: what the caption says, from left to right.
        hallucinated: of every mention, whether none of the references bears it out.
        referred: classes that the references name, the most specific ones.
        missed: those of them of which the caption says neither the class, nor one above or below it.
    """

    mentions: tuple[Mention, ...]
    hallucinated: tuple[bool, ...]
    referred: tuple[str, ...]
    missed: tuple[str, ...]

    def said(self, kinds: Collection[str]) -> list[str]:
        """The classes of some kinds that the caption says, each once, in its order."""
        return list(dict.fromkeys(m.name for m in self.mentions if m.kind in kinds))

    def made_up(self, kinds: Collection[str]) -> list[str]:
        """Those of them that are hallucinated."""
        pairs = zip(self.mentions, self.hallucinated, strict=True)
        return list(dict.fromkeys(m.name for m, bad in pairs if bad and m.kind in kinds))


def judge(classes: WordClasses, words: Sequence[str], references: Sequence[Sequence[str]]) -> Judgement:
    """Set a caption against references.

    Args:
        words: of the caption; references: words of each; as ``sat.data.tokens.tokenize`` gives them.
    """
    mentions = classes.mentions(words)
    named = {m.name for reference in references for m in classes.mentions(reference)}
    borne_out = named.union(*(classes.implied(reference) for reference in references))
    known = {name: classes.borne_out(name, borne_out) for name in {m.name for m in mentions}}
    referred = sorted(classes.most_specific(named))
    missed = [name for name in referred if not any(classes.related(name, m.name) for m in mentions)]
    return Judgement(mentions, tuple(not known[m.name] for m in mentions), tuple(referred), tuple(missed))


def chair(classes: WordClasses, judgements: Sequence[Judgement], kinds: Collection[str]) -> dict[str, Any]:
    """CHAIR over captions, of the classes of some kinds.

    Returns:
        ``captions``; ``mentions`` and ``hallucinated``, how many of them; ``chair_i``, ``chair_s`` and ``recall`` in
        percent, None where there is nothing to divide by.
    """
    mentions = hallucinated = captions = referred = missed = 0
    for judgement in judgements:
        bad = [b for m, b in zip(judgement.mentions, judgement.hallucinated, strict=True) if m.kind in kinds]
        mentions += len(bad)
        hallucinated += sum(bad)
        captions += any(bad)
        referred += sum(classes.kinds[name] in kinds for name in judgement.referred)
        missed += sum(classes.kinds[name] in kinds for name in judgement.missed)
    return {
        "captions": len(judgements),
        "mentions": mentions,
        "hallucinated": hallucinated,
        "chair_i": _percent(hallucinated, mentions),
        "chair_s": _percent(captions, len(judgements)),
        "recall": _percent(referred - missed, referred),
    }


def judge_all(
    classes: WordClasses, captions: Mapping[str, Sequence[str]], references: Mapping[str, Sequence[str]]
) -> list[Judgement]:
    """Judge one caption a picture, in the order of the references.

    Args:
        captions: words by picture; references: as published.
    """
    return [judge(classes, captions[name], [tokenize(text) for text in texts]) for name, texts in references.items()]


def judge_humans(classes: WordClasses, references: Mapping[str, Sequence[str]]) -> list[Judgement]:
    """Judge the first reference of every picture by its others; pictures with a single reference are left out."""
    words = [[tokenize(text) for text in texts] for texts in references.values() if len(texts) > 1]
    return [judge(classes, first, others) for first, *others in words]


def hallucination(
    classes: WordClasses,
    captions: Mapping[str, Sequence[str]],
    references: Mapping[str, Sequence[str]],
    *,
    standard: WordClasses | None = None,
) -> tuple[dict[str, Any], list[Judgement]]:
    """The content of ``hallucination.json``, and the judgements by the project's classes.

    Args:
        captions: words by picture; references: as published; of the same pictures.
        standard: the 80 classes, where there are any.

    Returns:
        ``objects``, ``by_kind`` (all kinds) and ``coco80`` (None without its list), each with a ``model`` and a
        ``human`` row (see ``chair``); ``most_often``, the object classes that are hallucinated in the most captions:
        ``class``, ``captions``, ``said`` (captions that say it).
    """
    mine, human = judge_all(classes, captions, references), judge_humans(classes, references)
    rows = (("model", mine), ("human", human))
    kinds = list(dict.fromkeys(classes.kinds.values()))
    coco80 = None
    if standard is not None:
        pairs = (("model", judge_all(standard, captions, references)), ("human", judge_humans(standard, references)))
        coco80 = {name: chair(standard, judged, ("objects",)) for name, judged in pairs}
    bad = Counter(name for judgement in mine for name in judgement.made_up(OBJECT_KINDS))
    said = Counter(name for judgement in mine for name in judgement.said(OBJECT_KINDS))
    return {
        "objects": {name: chair(classes, judged, OBJECT_KINDS) for name, judged in rows},
        "by_kind": {kind: {name: chair(classes, judged, (kind,)) for name, judged in rows} for kind in kinds},
        "coco80": coco80,
        "most_often": [{"class": n, "captions": c, "said": said[n]} for n, c in bad.most_common(_LISTED)],
    }, mine


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None
