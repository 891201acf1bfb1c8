"""Model cards and result tables in Markdown, every number taken from ``metrics.json`` and the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sat.config import ModelConfig, TrainConfig
from sat.evaluation import card_texts, published

Metrics = Mapping[str, Any]

PUBLISHED_FLICKR8K = {row.system: row.scores for row in published.rows("flickr8k")}
_COLUMNS = (*published.COLUMNS, "ROUGE-L", "CIDEr", "length_ratio")
_PROTOCOLS = {"standard": "standard", "paper_like": "paper-like"}
_WHAT = {
    "soft": "soft attention (the expected context, equation 13 of the paper)",
    "hard": "hard attention (one place a word, trained by REINFORCE, equations 8 to 12 of the paper)",
    "none": "no attention (Show and Tell: the mean annotation starts the decoder and is not looked at again)",
}
_BASELINES = {
    "rnn": "the recurrent generator of Karpathy and Fei-Fei (CVPR 2015, the row BRNN of the paper's table): a plain "
    "recurrent network that is shown the mean annotation at its first step",
    "log-bilinear": "the modality-biased log-bilinear model of Kiros et al. (ICML 2014, the row Log Bilinear of the "
    "paper's table): the next word from the last words and the mean annotation, all linearly",
}
# Columns of the training curves, in this order, where the run's metrics.jsonl has them.
_CURVES = ("epoch", "loss", "entropy", "effective_places", "reward", "baseline", "advantage_std", "BLEU-4", "CIDEr")
_ATTENTION_NOTE = """Over the words of the captions that it wrote. Effective places is exp of the mean entropy; step
divergence is the mean Jensen-Shannon divergence between the maps of consecutive words (0: it never moves; at most
0.693)."""
_MAPS_LIMIT = "where it looked is not why it wrote a word: read a map together with the baselines above"
_NO_MAPS_LIMIT = "it has no attention, so that there are no maps to look at"
_HARD_PLACES = 80  # effective places of 196 above which hard attention is too flat to be called so


def results_table(results: Sequence[Metrics]) -> str:
    """A Markdown table of the paper's own Flickr8k rows and of models' metrics, both protocols, for the README."""
    rows = _published_rows()
    for metrics in results:
        rows += _own_rows(metrics)
    return markdown_table(["model", "protocol", *_COLUMNS], rows)


def spread_table(models: Sequence[Sequence[Metrics]]) -> str:
    """A Markdown table of how far the scores of runs lie apart that differ by their seed only.

    Args:
        models: for each model its own metrics, then those of its other seeds.
    """
    rows = [[str(runs[0]["model"]), _seeds(runs), *row] for runs in models for row in _spread_rows(runs)]
    return markdown_table(["model", "seeds", "protocol", *_COLUMNS], rows)


def model_card(
    config: ModelConfig,
    metrics: Metrics,
    history: Sequence[Mapping[str, Any]],
    *,
    training: TrainConfig | None = None,
    other_seeds: Sequence[Metrics] = (),
) -> str:
    """The README.md of a checkpoint folder.

    Args:
        config: of the model; metrics: its ``metrics.json``.
        history: the lines of the run's ``metrics.jsonl``, one an epoch; numbers that it does not have are left out.
        training: settings of the run, for the recipe.
        other_seeds: metrics of runs that differ by their seed only, for the spread.
    """
    dataset = training.dataset if training is not None else "flickr8k"
    parts = [
        f"# {metrics['model']}",
        _what(config),
        "This card is generated from `metrics.json` and the settings of the run.",
        "## Model",
        _model(config),
        "## Data and training",
        _recipe(config, training, dataset),
        "## Scores",
        _scores(config, metrics, dataset, other_seeds),
    ]
    if metrics["attention"] is not None:
        parts += ["## Attention", _attention(config, metrics)]
        parts += ["## Grounding", _grounding(config, metrics, dataset)]
    curves = _curves(history)
    if curves:
        parts += ["## Training curves", curves]
    parts += [
        "## The command that made these numbers",
        _command(metrics, dataset),
        "## Limits",
        _limits(metrics, dataset),
    ]
    parts += ["## Licence of the weights", card_texts.licence(dataset)]
    return "\n\n".join(parts) + "\n"


def _what(config: ModelConfig) -> str:
    if config.recurrence in _BASELINES:
        return (
            'A baseline of "Show, Attend and Tell" (Xu et al., ICML 2015), with the encoder and the training of the '
            f"models with attention: {_BASELINES[config.recurrence]}."
        )
    return f'An image captioner after "Show, Attend and Tell" (Xu et al., ICML 2015) with {_WHAT[config.attention]}.'


def _model(config: ModelConfig) -> str:
    layers = {
        "lstm": f"LSTM of {config.hidden_dim}",
        "rnn": f"plain recurrent network of {config.hidden_dim} (ReLU)",
        "log-bilinear": f"log-bilinear over the last {config.last_words} words",
    }
    return _bullets(
        [
            f"encoder `{config.encoder}` at {config.image_size} px, to which pictures are squashed, not cropped",
            f"{config.rows} x {config.columns} = {config.places} annotations of {config.annotation_dim} numbers",
            f"decoder: {layers[config.recurrence]}, word vectors of {config.embedding_dim}, "
            + (f"attention score of {config.attention_dim}, " if config.attention != "none" else "")
            + f"{config.vocabulary_size} words",
            "weights in half precision (safetensors); computed in float32",
        ]
    )


def _recipe(config: ModelConfig, training: TrainConfig | None, dataset: str) -> str:
    lines = [
        f"data set: {card_texts.DATASETS.get(dataset, dataset)}; model and settings were chosen on dev, never on test"
    ]
    if training is not None:
        start = f"the weights of `{training.start_from}`" if training.start_from else "random weights"
        encoder = "fine-tuned" if training.encoder_learning_rate > 0 else "frozen, with its ImageNet weights"
        mirrored = ", mirrored pictures too" if training.mirror else ""
        lines += [
            f"start: {start}; encoder {encoder}",
            f"at most {training.epochs} epochs, {training.batch_pictures} pictures a step with all their captions",
            f"captions cut after {training.max_words} words{mirrored}; seed {training.seed}",
            f"AdamW, learning rate {training.learning_rate:g}, {training.warmup_steps} steps of warm-up, cosine decay",
            f"weight decay {training.weight_decay:g}, gradients clipped at {training.clip_norm:g}",
            f"dropout {config.dropout:g} ({config.context_dropout:g} on the "
            f"{'context' if config.recurrence == 'lstm' else 'mean annotation'})",
            f"label smoothing {training.label_smoothing:g}, scheduled sampling up to {training.scheduled_sampling:g}",
        ]
        if config.attention != "none":
            lines.append(
                f"doubly stochastic term: lambda {training.doubly_stochastic:g} on the mean over places "
                f"({training.doubly_stochastic / config.places:.2g} on the sum of equation 14)"
            )
        if training.grounding.weight:
            lines.append(
                "attention was taught by the boxes that people drew round phrases of the *training* captions: "
                f"{training.grounding.weight:g} times the mean of (1 - m^q) / q, m the attention inside the boxes, "
                f"q {training.grounding.power:g}"
            )
        if config.attention == "hard":
            hard = training.hard
            lines.append(
                f"REINFORCE: {hard.reward} reward, baseline {hard.baseline}, lambda_r {hard.reward_weight:g}, lambda_e "
                f"{hard.entropy_weight:g} falling to {hard.entropy_weight_end:g}, the expected context in place of a "
                f"sample with probability {hard.expected_probability:g}"
            )
        if training.average_last > 1:
            lines.append(f"weights averaged over up to {training.average_last} last epochs, where better on dev")
    return _bullets(lines)


def _scores(config: ModelConfig, metrics: Metrics, dataset: str, other_seeds: Sequence[Metrics]) -> str:
    rows = (_published_rows() if dataset == "flickr8k" else []) + _own_rows(metrics)
    decoding = metrics["decoding"]
    parts = [
        f"The {metrics['split']} split, seed {_or_dash(metrics['seed'])}, {_decoding(decoding)}. Scores are times 100.",
        markdown_table(["model", "protocol", *_COLUMNS], rows),
        card_texts.protocols(dataset),
    ]
    if metrics["paper_like"] is None and dataset != "shapes":
        parts.append("There is no paper-like score: the data set has no captions of the paper's edition.")
    if other_seeds:
        parts.append(_spread([metrics, *other_seeds]))
    paper = PUBLISHED_FLICKR8K.get(published.counterpart(config) or "")
    if dataset == "flickr8k" and metrics["paper_like"] is not None and paper is not None:
        parts.append(_against_paper(metrics["paper_like"], paper))
    return "\n\n".join(parts)


def _spread(runs: Sequence[Metrics]) -> str:
    """Least and greatest of every score over several seeds."""
    said = f"Least and greatest over {len(runs)} runs that differ by their seed ({_seeds(runs)}):\n\n"
    return said + markdown_table(["protocol", *_COLUMNS], _spread_rows(runs))


def _spread_rows(runs: Sequence[Metrics]) -> list[list[str]]:
    rows = []
    for key, protocol in _PROTOCOLS.items():
        scores = [run[key] for run in runs if run[key] is not None]
        if scores:
            rows.append([protocol, *(_from_to(scores, column) for column in _COLUMNS)])
    return rows


def _seeds(runs: Sequence[Metrics]) -> str:
    return ", ".join(_or_dash(run["seed"]) for run in runs)


def _against_paper(scores: Mapping[str, float], paper: Sequence[float | None]) -> str:
    below = [
        f"{column} ({scores[column]:.1f} against {value:.1f})"
        for column, value in zip(published.COLUMNS, paper, strict=True)
        if value is not None and scores[column] <= value
    ]
    if below:
        return f"By the paper-like score it falls short of the paper's own row in {', '.join(below)}."
    return "By the paper-like score it is above the paper's own row in every column."


def _attention(config: ModelConfig, metrics: Metrics) -> str:
    rows = [
        [
            str(record["decoding"]["context"]),
            _fixed(record["attention"]["entropy"], 3),
            _fixed(record["attention"]["uniform_entropy"], 3),
            f"{_fixed(record['attention']['effective_places'], 1)} of {config.places}",
            _fixed(record["attention"]["step_divergence"], 3),
        ]
        for record in _records(metrics)
    ]
    header = ["context", "entropy (nats)", "of uniform attention", "effective places", "step divergence (nats)"]
    parts = [_ATTENTION_NOTE, markdown_table(header, rows)]
    places = metrics["attention"]["effective_places"]
    if config.attention == "hard" and places is not None and places > _HARD_PLACES / 196 * config.places:
        parts.append(
            f"**It falls short here**: {places:.0f} effective places of {config.places} are too many for attention "
            "that is to be called hard."
        )
    return "\n\n".join(parts)


def _grounding(config: ModelConfig, metrics: Metrics, dataset: str) -> str:
    if metrics["grounding"] is None:
        return "Not measured: the data set has no boxes aligned to its captions."
    rows = []
    for record in _records(metrics):
        found = record["grounding"]
        label = f"{config.attention}, {record['decoding']['context']} context"
        names = ("correctness_last", "correctness_best", "pointing_0", "pointing_15")
        rows.append([label, *(f"{found[name]:.3f}" for name in names)])
    found = metrics["grounding"]
    rows.append(["centre (looks at no picture)", f"{found['centre']:.3f}", "", f"{found['centre_pointing']:.3f}", ""])
    rows.append(["uniform", f"{found['uniform']:.3f}", "", "", ""])
    header = ["", "correctness, last word", "best word", "pointing", "pointing, 15 px"]
    by_type = [
        [kind, str(f["phrases"])]
        + [f"{f[name]:.3f}" for name in ("correctness_last", "centre", "uniform", "pointing_0", "centre_pointing")]
        for kind, f in found["by_type"].items()
    ]
    return "\n\n".join(
        [
            card_texts.grounding(dataset, found["phrases"]),
            markdown_table(header, rows),
            _verdict("Correctness", found["correctness_last"], found["centre"])
            + " "
            + _verdict("Pointing", found["pointing_0"], found["centre_pointing"]),
            markdown_table(
                ["phrases of", "number", "correctness", "centre", "uniform", "pointing", "centre's"], by_type
            ),
        ]
    )


def _verdict(what: str, value: float, centre: float) -> str:
    if value > centre:
        return f"{what} {value:.3f} is above the centre baseline {centre:.3f}."
    return (
        f"**It falls short here**: {what.lower()} {value:.3f} is not above the centre baseline {centre:.3f}, which "
        "always looks at the middle of the picture."
    )


def _curves(history: Sequence[Mapping[str, Any]]) -> str:
    """The columns of ``_CURVES`` that the run logged, one row an epoch; groups such as ``dev`` are opened."""
    flat = [_flatten(line) for line in history if line.get("kind", "epoch") == "epoch"]
    flat = [{**line, "epoch": line["epoch"] + 1} if "epoch" in line else line for line in flat]  # logged from 0
    present = {key for line in flat for key in line}
    keys = [key for name in _CURVES for key in sorted(present) if key.split()[-1] == name]
    if len(keys) < 2:
        return ""
    return markdown_table(keys, [[_number(line.get(key)) for key in keys] for line in flat])


def _flatten(line: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in line.items():
        if isinstance(value, Mapping):
            found.update({f"{key} {name}": number for name, number in _flatten(value).items()})
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = value
    return found


def _command(metrics: Metrics, dataset: str) -> str:
    first = "python -m sat data prepare shapes\n" if dataset == "shapes" else ""
    command = f"{first}python -m sat evaluate --model {metrics['model']} --dataset {dataset} --split {metrics['split']}"
    return f"```\n{command} --out DIR\n```\n\nwith the data root in `SAT_DATA` or `--data`."


def _limits(metrics: Metrics, dataset: str) -> str:
    lines = [*card_texts.limits(dataset), _MAPS_LIMIT if metrics["attention"] is not None else _NO_MAPS_LIMIT]
    if metrics["split"] != "test":
        lines.append(f"these numbers are of the {metrics['split']} split, on which settings are chosen: they flatter")
    return _bullets(lines)


def _published_rows() -> list[list[str]]:
    return [
        [f"{name} (published)", "paper", *("-" if v is None else f"{v:g}" for v in values), "-", "-", "-"]
        for name, values in PUBLISHED_FLICKR8K.items()
    ]


def _own_rows(metrics: Metrics) -> list[list[str]]:
    """A row for each protocol, and for a hard model for each context."""
    rows = []
    for record in _records(metrics):
        label = str(record["model"]) + (f" ({record['decoding']['context']})" if "expected" in metrics else "")
        for key, protocol in _PROTOCOLS.items():
            scores = record[key]
            if scores is not None:
                rows.append([label, protocol, *(_score(scores, column) for column in _COLUMNS)])
    return rows


def _records(metrics: Metrics) -> list[Metrics]:
    """The metrics of a model, and those of its expected context where that is another."""
    expected = metrics.get("expected")
    other = expected is not None and expected["decoding"] != metrics["decoding"]
    return [metrics, expected] if other and expected is not None else [metrics]


def _from_to(scores: Sequence[Mapping[str, float]], column: str) -> str:
    if column not in scores[0]:
        return "-"
    ordered = sorted(scores, key=lambda run: run[column])
    return f"{_score(ordered[0], column)} to {_score(ordered[-1], column)}"


def _score(scores: Mapping[str, float], column: str) -> str:
    if column not in scores:
        return "-"
    return f"{scores[column]:.2f}" if column == "length_ratio" else f"{scores[column]:.1f}"


def _decoding(decoding: Mapping[str, Any]) -> str:
    search = f"beam {decoding['beam']}, length norm {decoding['length_norm']:g}" if decoding["beam"] > 1 else "greedy"
    return search + (f", {decoding['context']} context" if decoding["context"] else "")


def _or_dash(value: Any) -> str:
    return "-" if value is None else str(value)


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    right = ["---:" if column else "---" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, right, *rows))
