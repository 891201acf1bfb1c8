"""Model cards and tables say what the metrics say, and say where a model falls short."""

from __future__ import annotations

import copy
from typing import Any

from sat.config import GroundingConfig, HardConfig, ModelConfig, TrainConfig
from sat.evaluation.card import model_card, results_table

STANDARD = dict(zip(("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"), (63.31, 45.5, 31.7, 21.8), strict=True)) | {
    "METEOR": 20.8, "ROUGE-L": 47.0, "CIDEr": 53.4, "length_ratio": 0.953,
}  # fmt: skip
PAPER_LIKE = {"BLEU-1": 68.0, "BLEU-2": 46.9, "BLEU-3": 32.9, "BLEU-4": 22.8, "METEOR": 21.7, "length_ratio": 0.96}
GROUNDED = {
    "phrases": 13063, "correctness_last": 0.421, "correctness_best": 0.47, "pointing_0": 0.51, "pointing_15": 0.6,
    "uniform": 0.308, "centre": 0.39, "centre_pointing": 0.545,
}  # fmt: skip


def metrics(name: str, context: str, **changes: Any) -> dict[str, Any]:
    values = {
        "model": name,
        "split": "test",
        "seed": 1,
        "decoding": {"context": context, "beam": 5, "length_norm": 0.8},
        "standard": dict(STANDARD),
        "paper_like": dict(PAPER_LIKE),
        "attention": {"entropy": 4.5, "uniform_entropy": 5.278, "effective_places": 90.0, "step_divergence": 0.12},
        "grounding": {**GROUNDED, "by_type": {"people": dict(GROUNDED, phrases=4510)}},
    }
    return copy.deepcopy({**values, **changes})


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_results_table_sets_ours_under_the_published_rows() -> None:
    hard = {**metrics("hard-x", "argmax"), "expected": metrics("hard-x", "expected", paper_like=None)}
    table = rows(results_table([metrics("soft-x", "expected"), hard]))
    assert len({len(row) for row in table}) == 1
    labels = [row[:2] for row in table[2:]]
    assert labels == [
        ["Google NIC (published)", "paper"],
        ["Log Bilinear (published)", "paper"],
        ["Soft-Attention (published)", "paper"],
        ["Hard-Attention (published)", "paper"],
        ["soft-x", "standard"],
        ["soft-x", "paper-like"],
        ["hard-x (argmax)", "standard"],
        ["hard-x (argmax)", "paper-like"],
        ["hard-x (expected)", "standard"],
    ]
    assert table[2][2:] == ["63", "41", "27", "-", "-", "-", "-", "-"]
    assert table[6][2:] == ["63.3", "45.5", "31.7", "21.8", "20.8", "47.0", "53.4", "0.95"]
    assert table[7][2:] == ["68.0", "46.9", "32.9", "22.8", "21.7", "-", "-", "0.96"]


def test_card_of_a_hard_model() -> None:
    hard = {**metrics("hard-x", "argmax"), "expected": metrics("hard-x", "expected")}
    config = ModelConfig(name="hard-x", attention="hard", vocabulary_size=2549)
    training = TrainConfig(model=config, start_from="soft-x", hard=HardConfig(reward="to_go"), doubly_stochastic=1.0)
    history = [
        {"kind": "step", "epoch": 0, "nll": 9.0},
        {"kind": "epoch", "epoch": 0, "train": {"loss": 3.25, "entropy": 4.9, "reward": -2.5}, "dev": {"CIDEr": 50.0}},
        {"kind": "epoch", "epoch": 1, "train": {"loss": 3.0, "entropy": 4.6, "reward": -2.25}, "dev": {"CIDEr": 52.0}},
    ]
    card = model_card(config, hard, history, training=training)
    assert card.startswith("# hard-x\n")
    assert "hard attention (one place a word, trained by REINFORCE" in card
    assert "start: the weights of `soft-x`" in card
    assert "REINFORCE: to_go reward" in card
    assert "beam 5, length norm 0.8, argmax context" in card
    assert "above the paper's own row in every column" in card
    assert "90 effective places of 196 are too many" in card
    assert "Correctness 0.421 is above the centre baseline 0.390." in card
    assert "**It falls short here**: pointing 0.510 is not above the centre baseline 0.545" in card
    assert "13063 phrases" in card
    assert ["hard, argmax context", "0.421", "0.470", "0.510", "0.600"] in rows(card)
    assert ["centre (looks at no picture)", "0.390", "", "0.545", ""] in rows(card)
    assert ["people", "4510", "0.421", "0.390", "0.308", "0.510", "0.545"] in rows(card)
    assert ["argmax", "4.500", "5.278", "90.0 of 196", "0.120"] in rows(card)
    assert ["epoch", "train loss", "train entropy", "train reward", "dev CIDEr"] in rows(card)
    assert ["2", "3", "4.6", "-2.25", "52"] in rows(card)
    assert "python -m sat evaluate --model hard-x --dataset flickr8k --split test --out DIR" in card
    assert "research and education only" in card


def test_card_of_a_model_without_attention_or_paper_edition() -> None:
    none = metrics("none-x", "expected", attention=None, grounding=None, paper_like=None)
    none["decoding"] = {"context": None, "beam": 1, "length_norm": 0.0}
    config = ModelConfig(name="none-x", attention="none")
    card = model_card(config, none, [], training=TrainConfig(dataset="flickr30k", model=config))
    assert "Show and Tell" in card
    assert "## Attention" not in card
    assert "## Grounding" not in card
    assert "## Training curves" not in card
    assert "greedy" in card
    assert "There is no paper-like score" in card
    assert "published" not in card  # those are Flickr8k's rows
    assert "trained on Flickr30k, whose photographs" in card


def test_cards_of_the_baselines_say_what_they_are() -> None:
    scores = metrics("x", "expected", attention=None, grounding=None, paper_like={**PAPER_LIKE, "METEOR": 17.0})
    scores["decoding"]["context"] = None
    for recurrence, layers, paper in (
        ("log-bilinear", "log-bilinear over the last 4 words, word vectors of 256, ", True),
        ("rnn", "plain recurrent network of 512 (ReLU), word vectors of 256, ", False),
    ):
        config = ModelConfig.model_validate({"attention": "none", "recurrence": recurrence, "last_words": 4})
        card = model_card(config, scores, [], training=TrainConfig(model=config))
        assert 'A baseline of "Show, Attend and Tell"' in card and "Show and Tell: the mean" not in card
        assert f"decoder: {layers}" in card and "on the mean annotation)" in card and "no attention, so" in card
        assert ("falls short of the paper's own row in METEOR (17.0 against 17.3)." in card) is paper


def test_card_of_shapes_names_nothing_of_flickr8k_or_the_paper_s_table() -> None:
    config = ModelConfig(name="soft-x", attention="soft")
    card = model_card(
        config, metrics("soft-x", "expected", paper_like=None), [], training=TrainConfig(dataset="shapes", model=config)
    )
    assert "data set: generated shapes" in card
    assert "Attention inside the true boxes of the 13063 phrases" in card and "No box was used in training" in card
    assert "python -m sat data prepare shapes\npython -m sat evaluate --model soft-x --dataset shapes" in card
    assert "Trained on generated pictures only" in card
    for word in ("Flickr", "published", "paper-like", "photograph", "people", "gender"):
        assert word not in card.replace("| people", "")


def test_card_says_where_the_paper_is_ahead_and_how_seeds_spread() -> None:
    soft = metrics("soft-x", "expected", paper_like={**PAPER_LIKE, "BLEU-1": 66.6}, grounding=None)
    other = metrics("soft-x", "expected", seed=2, standard={**STANDARD, "CIDEr": 55.0})
    config = ModelConfig(name="soft-x", attention="soft")
    card = model_card(config, soft, [], other_seeds=[other])
    assert "falls short of the paper's own row in BLEU-1 (66.6 against 67.0)." in card
    assert "Not measured: the data set has no boxes" in card
    assert "2 runs that differ by their seed (1, 2)" in card
    spread = [row for row in rows(card) if row[0] == "standard"]
    assert spread[0][7] == "53.4 to 55.0"


def test_card_says_that_boxes_were_used_in_training() -> None:
    config = ModelConfig(name="soft-g")
    plain, taught = (
        model_card(config, metrics("soft-g", "expected"), [], training=TrainConfig(model=config, grounding=grounding))
        for grounding in (GroundingConfig(), GroundingConfig(weight=1.0, power=0.5))
    )
    assert "taught by the boxes" not in plain and "q 0.5" in taught
