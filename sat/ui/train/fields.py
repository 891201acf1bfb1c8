"""The settings that the form shows, each with what it means and the paper's value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sat.config import TrainConfig


@dataclass(frozen=True)
class Field:
    """One setting.

    Attributes:
        key: as in ``--set``, nested with dots.
        label, help: in plain words. paper: the paper's value, where it says one.
        low, high, step: of a number; choices: of a choice among words.
        kinds: of attention that it concerns; recurrences: likewise.
    """

    key: str
    label: str
    help: str
    paper: str = ""
    low: float = 0
    high: float = 1
    step: float = 1
    choices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("soft", "hard", "none")
    recurrences: tuple[str, ...] = ("lstm", "rnn", "log-bilinear")


ATTENDING = ("soft", "hard")
GROUPS: dict[str, tuple[Field, ...]] = {
    "Training": (
        Field("epochs", "Epochs", "How often every training picture is seen.", "stopped early, by BLEU on dev", 1, 200),
        Field(
            "batch_pictures",
            "Pictures a step",
            "Each comes with all its captions. Smaller needs less memory.",
            "64 captions",
            1,
            512,
        ),
        Field(
            "learning_rate",
            "Learning rate",
            "The peak; it warms up, then falls along half a cosine.",
            "RMSProp on Flickr8k, Adam on the others, adaptive",
            1e-6,
            1e-1,
            1e-4,
        ),
        Field("seed", "Seed", "Of everything that is drawn at random.", "", 0, 10**6),
        Field("limit", "Pictures at most", "Use only so many training pictures; 0 takes all.", "", 0, 10**6, 100),
        Field(
            "patience", "Patience", "Stop when dev has not risen for so many epochs; 0 never.", "early stopping", 0, 100
        ),
    ),
    "Attention": (
        Field(
            "doubly_stochastic",
            "Doubly stochastic λ",
            "Weight of the term that wants every place looked at (equation 14), on the mean over places.",
            "1, on the sum over places",
            0,
            1000,
            0.1,
            kinds=ATTENDING,
        ),
        Field(
            "hard.expected_probability",
            "Expected context",
            "How often a picture is trained with the expectation instead of a sampled place.",
            "0.5",
            0,
            1,
            0.05,
            kinds=("hard",),
        ),
        Field(
            "hard.reward",
            "Reward",
            "A glimpse is credited with the whole caption (equation 11), its mean, what follows, or its own word.",
            "total",
            choices=("total", "mean", "to_go", "word"),
            kinds=("hard",),
        ),
        Field(
            "hard.baseline",
            "Baseline",
            "What the reward is measured against.",
            "moving_average, with decay 0.9",
            choices=("moving_average", "expected", "none"),
            kinds=("hard",),
        ),
        Field("hard.reward_weight", "Weight of the reward", "λr of equation 11.", "", 0, 100, 0.1, kinds=("hard",)),
        Field(
            "hard.entropy_weight",
            "Weight of the entropy",
            "λe of equation 11: it raises entropy, for exploration, and falls linearly.",
            "",
            0,
            10,
            0.01,
            kinds=("hard",),
        ),
    ),
    "Model": (
        Field("model.hidden_dim", "LSTM", "Numbers in the hidden state.", "", 8, 4096, 32, recurrences=("lstm",)),
        Field(
            "model.hidden_dim", "Hidden state", "Numbers in the hidden state.", "", 8, 4096, 32, recurrences=("rnn",)
        ),
        Field(
            "model.last_words",
            "Last words",
            "How many words the next one is predicted from.",
            "",
            1,
            100,
            recurrences=("log-bilinear",),
        ),
        Field("model.embedding_dim", "Word vectors", "Numbers in a word's vector.", "", 8, 2048, 32),
        Field(
            "model.attention_dim", "Attention", "Size of the score's hidden layer.", "", 8, 2048, 32, kinds=ATTENDING
        ),
        Field(
            "model.dropout",
            "Dropout",
            "On what the words are read off; in a log-bilinear model on the last words' vectors too.",
            "used, next to early stopping",
            0,
            0.95,
            0.05,
        ),
        Field(
            "label_smoothing", "Label smoothing", "Part of the target given to all words alike.", "none", 0, 0.5, 0.05
        ),
        Field(
            "scheduled_sampling",
            "Scheduled sampling",
            "How often, at the end, the model reads its own word instead of the true one.",
            "none",
            0,
            1,
            0.05,
        ),
    ),
}


def value_of(config: TrainConfig, key: str) -> Any:
    """A setting by its dotted key."""
    return reduce(getattr, key.split("."), config)


def fields_for(config: TrainConfig) -> dict[str, Sequence[Field]]:
    """The groups with the settings that concern a kind of model; a model that is started from fixes its sizes."""
    shown = {
        name: [
            f
            for f in fields
            if config.model.attention in f.kinds
            and config.model.recurrence in f.recurrences
            and not (config.start_from and f.key.endswith("_dim"))
        ]
        for name, fields in GROUPS.items()
    }
    return {name: fields for name, fields in shown.items() if fields}


def as_text(value: Any) -> str:
    """A value as ``--set`` takes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
