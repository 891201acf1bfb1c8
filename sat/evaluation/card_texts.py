"""What a model card says differently for each data set: what it is, who drew the boxes, what its captions are like."""

from __future__ import annotations

DATASETS = {
    "flickr8k": "Flickr8k, official split (6000 / 1000 / 1000 pictures, five captions each)",
    "flickr30k": "Flickr30k",
    "coco": "COCO captions",
    "shapes": "generated shapes with captions from a small grammar",
    "folder": "a folder of captioned pictures",
}
_STANDARD = "*standard* is the COCO caption evaluation: PTB tokens, punctuation dropped, brevity penalty."
_PAPER_LIKE = """
*paper-like* is what the published rows are nearest to: lower-cased, the final full stop a token, no brevity penalty,
references of the paper's caption edition. The two are never to be compared with each other. Of the published rows
only the attention models are known to be a single model on the official split."""
_OF_SHAPES = """
The references are five of the many true captions of a picture, drawn at random: another true caption scores less."""
_GROUNDING = """Attention inside {boxes} the {phrases} phrases of the reference captions,
teacher-forced. A phrase has the map of its last word; the best word is chosen with knowledge of the box and flatters.
Correctness is the share of attention inside the boxes, pointing how often the largest cell's centre hits one."""
_LEARNT_ALONE = """
No box was used in training: attention was learnt from the captions alone. It can know what the next word is about,
as captions of this data set name the larger shapes before the smaller."""
_LIMITS = {
    "photographs": (
        "it writes short English sentences about everyday photographs, and will invent on drawings, text and crowds",
        "it repeats what its training captions assume about people (gender, age, role): do not judge a person by it",
    ),
    "shapes": (
        "it knows six kinds of shapes in eight colours on plain backgrounds, and calls anything else by their names",
        "where things are (left, right, above, below) it hardly does better than guess: neither the annotations nor "
        "the context vector says where on the picture it looks",
    ),
}


def protocols(dataset: str) -> str:
    """What the scores are."""
    return _STANDARD + {"shapes": _OF_SHAPES, "flickr8k": _PAPER_LIKE}.get(dataset, "")


def grounding(dataset: str, phrases: int) -> str:
    """What attention was set against, and how."""
    if dataset == "shapes":
        return _GROUNDING.format(boxes="the true boxes of", phrases=phrases) + _LEARNT_ALONE
    return _GROUNDING.format(boxes="the boxes that people drew round", phrases=phrases)


def limits(dataset: str) -> tuple[str, ...]:
    """What a model of this data set cannot do, a sentence each."""
    return _LIMITS["shapes" if dataset == "shapes" else "photographs"]


def licence(dataset: str) -> str:
    """What the weights may be used for."""
    if dataset == "shapes":
        return "Trained on generated pictures only: under the licence of the project."
    return (
        f"The weights were trained on {DATASETS.get(dataset, dataset).split(',')[0]}, whose photographs belong to "
        "their photographers and whose terms allow research and education only; use the weights for nothing else. The "
        "code has its own licence."
    )
