"""What the address says of the captions that one looks at: which, and in what order. Knows nothing of widgets."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sat.evaluation.browse import Condition
from sat.evaluation.rows import SCORES

MEASURES = {  # that captions are sorted and chosen by, with what they are called
    "CIDEr": "CIDEr",
    "METEOR": "METEOR",
    "BLEU-4": "BLEU-4",
    "ROUGE-L": "ROUGE-L",
    "hallucinated": "objects made up",
    "missed": "objects missed",
    "length": "words",
    "repetition": "repetition",
    "log_prob": "log p",
    "entropy": "entropy of attention",
    "step_divergence": "how much attention moves",
    "beta": "gate β",
    "evidence": "evidence",
    "necessity": "necessity of attention",
    "box_mass": "attention in the true boxes",
}
HELP = {
    "CIDEr": "What it has in common with the references; rare phrases count more. Times 100.",
    "METEOR": "Words matched with a reference, stems and synonyms included. Times 100.",
    "BLEU-4": "Runs of one to four words found in the references, smoothed. Times 100.",
    "ROUGE-L": "The longest common subsequence with a reference. Times 100.",
    "hallucinated": "Object classes that the caption names and no reference bears out.",
    "missed": "Object classes of the references that the caption does not name.",
    "length": "Words of the caption.",
    "repetition": "Share of the pairs of neighbouring words that stand in the caption before.",
    "log_prob": "Log-probability of the caption, in nats.",
    "entropy": "Mean entropy of attention over the words, in nats: low is sharp.",
    "step_divergence": "Mean divergence between the maps of one word and the next, in nats.",
    "beta": "How much of what was seen the gate lets through, mean over the words.",
    "evidence": "What the picture adds: log p(word given image) - log p(word given mean image), mean over the words.",
    "necessity": "How much the next word changes when attention is spread evenly, mean over the words, in nats.",
    "box_mass": "Part of attention inside the boxes of what the words name, mean over the words that have boxes.",
}
ANY = "any"  # object made up
_TEXT = 100  # characters of what is looked for


@dataclass(frozen=True)
class Query:
    """Which captions, in what order.

    Attributes:
        sort: a measure; descending: the largest first.
        words: that the caption has; refs: texts that a reference has; each separated by spaces.
        wrong: a class that the caption makes up, or ``any`` object; object: a class that the references name.
        measure: to be at least ``low`` and at most ``high``; None: no such limit.
        tag: that somebody gave; state: how far the reader's review is.
        set: pictures that belong together for another reason (``sets.py``).
        page: from 1.
    """

    sort: str = "CIDEr"
    descending: bool = False
    words: str = ""
    refs: str = ""
    wrong: str = ""
    object: str = ""
    measure: str = ""
    low: float | None = None
    high: float | None = None
    tag: str = ""
    state: str = ""
    set: str = ""
    page: int = 1

    @property
    def filters(self) -> int:
        """How many of them are in use."""
        limited = self.measure and (self.low is not None or self.high is not None)
        return sum(map(bool, (self.words, self.refs, self.wrong, self.object, limited, self.tag, self.state, self.set)))


NAMES = ("sort", "order", "words", "refs", "wrong", "object", "measure", "from", "to", "tag", "state", "set", "page")


def read(address: Mapping[str, str]) -> tuple[Query, list[str]]:
    """The query of an address, and the names of parameters that say what cannot be; those count as not there."""
    wrong = []
    texts = {
        name: address.get(name, "").strip() for name in ("words", "refs", "wrong", "object", "tag", "state", "set")
    }
    for name, text in texts.items():
        if len(text) > _TEXT:
            wrong.append(name)
            texts[name] = ""
    query = Query(**texts)  # type: ignore[arg-type]
    if (sort := address.get("sort")) is not None:
        if sort in MEASURES:
            query = replace(query, sort=sort)
        else:
            wrong.append("sort")
    if (order := address.get("order")) is not None:
        if order in ("up", "down"):
            query = replace(query, descending=order == "down")
        else:
            wrong.append("order")
    if (measure := address.get("measure")) is not None:
        if measure in MEASURES:
            limits = {name: _number(address.get(name)) for name in ("from", "to")}
            wrong += [name for name, value in limits.items() if value is None and address.get(name) is not None]
            query = replace(query, measure=measure, low=limits["from"], high=limits["to"])
        else:
            wrong.append("measure")
    if (page := address.get("page")) is not None:
        if page.isascii() and page.isdigit() and 1 <= len(page) <= 6 and int(page) >= 1:
            query = replace(query, page=int(page))
        else:
            wrong.append("page")
    return query, wrong


def written(query: Query) -> dict[str, str]:
    """The address of a query; what goes without saying is left out."""
    said = {name: getattr(query, name) for name in ("words", "refs", "wrong", "object", "tag", "state", "set")}
    usual = Query()
    if query.sort != usual.sort:
        said["sort"] = query.sort
    if query.descending:
        said["order"] = "down"
    if query.measure:
        said["measure"] = query.measure
        said |= {n: f"{v:.6g}" for n, v in (("from", query.low), ("to", query.high)) if v is not None}
    if query.page > 1:
        said["page"] = str(query.page)
    return {name: value for name, value in said.items() if value}


def conditions(query: Query, among: list[Collection[str]]) -> list[Condition]:
    """What rows of pictures must fulfil.

    Args:
        among: names of pictures; a picture must be in each of these.
    """
    found = [Condition("words", "contains", word) for word in query.words.lower().split()]
    found += [Condition("references", "mentions", text) for text in query.refs.split()]
    if query.wrong == ANY:
        found.append(Condition("hallucinated", ">", 0))
    if query.object:
        found.append(Condition("objects_in_references", "contains", query.object))
    if query.measure and query.low is not None:
        found.append(Condition(query.measure, ">=", query.low))
    if query.measure and query.high is not None:
        found.append(Condition(query.measure, "<=", query.high))
    return found + [Condition("image", "in", list(names)) for names in among]


def descending_first(measure: str) -> bool:
    """Whether the worst of a measure are its largest values: what a click on a column shows first."""
    return measure not in (*SCORES, "log_prob", "evidence", "box_mass", "beta", "necessity")


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None and len(text) < 30 else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
