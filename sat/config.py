"""Typed, validated settings of a model, of a decoding and of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sat.errors import UserError

Attention = Literal["soft", "hard", "none"]
Recurrence = Literal["lstm", "rnn", "log-bilinear"]
Context = Literal["expected", "argmax", "sample"]
Settings = TypeVar("Settings", bound=BaseModel)

_MAX_YAML = 200_000  # characters; PyYAML reads about 100,000 a second


class _Strict(BaseModel):
    """Unknown keys are refused: a misspelt setting must not be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Decoding(_Strict):
    """How a caption is written (sections 4.2 and 5 of the paper; the rest is common practice).

    Attributes:
        method: ``greedy``, ``beam`` or ``sample``.
        beam: number of hypotheses kept (beam search only).
        length_norm: finished captions are ranked by log p / length ** length_norm, length counting the end.
        context: how attention becomes a context vector. ``expected`` is sum_i alpha_i a_i, ``argmax`` the
            annotation at the largest alpha, ``sample`` one drawn from alpha. None means the model's own: expected
            for soft attention, argmax for hard.
        temperature, top_k, top_p: sampling only; top_k 0 and top_p 1 switch the cuts off.
        seed: of sampled words and sampled glimpses.
        max_words: a caption that has not ended by then is cut.
        alternatives: how many of the best next words are kept at every step.
        block_unknown: never write the unknown-word token.
    """

    method: Literal["greedy", "beam", "sample"] = "beam"
    beam: int = Field(3, ge=1, le=50)
    length_norm: float = Field(0.7, ge=0.0, le=3.0)
    context: Context | None = None
    temperature: float = Field(1.0, gt=0.0, le=10.0)
    top_k: int = Field(0, ge=0)
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    seed: int = 0
    max_words: int = Field(20, ge=1, le=100)
    alternatives: int = Field(10, ge=1, le=100)
    block_unknown: bool = True


class ModelConfig(_Strict):
    """The shape of a captioner and everything that is needed to use it. Written to ``config.json``.

    Attributes:
        name: the name of the checkpoint folder.
        attention: ``soft`` (eq. 13), ``hard`` (eq. 8 and 9) or ``none`` (Show and Tell).
        recurrence: how one word follows another: ``lstm``, or, for the baselines without attention, ``rnn`` (a plain
            recurrent network) or ``log-bilinear`` (the last words only).
        encoder: a timm name, several joined by ``+``, or ``vgg19``.
        encoder_fingerprint: hash of the encoder's weights at training time; empty when not yet known.
        image_size: side of the square that the encoder sees, in pixels.
        rows, columns: the annotation grid; L = rows * columns.
        annotation_dim: D.
        embedding_dim: m, the size of a word vector and of the deep output's hidden layer.
        hidden_dim: n, the size of the LSTM or of the plain recurrent network.
        last_words: N, how many words a log-bilinear model predicts the next one from.
        attention_dim: size of the hidden layer of the attention's score.
        vocabulary_size: K.
        dropout: on the deep output's hidden layer, and ``context_dropout`` on z (training only). Of the baselines the
            latter is on the mean annotation; a log-bilinear model has the former on the vectors of the last words too.
        decoding: the setting chosen on the dev split.
        seed: of the training run; None for a model that was not trained.
    """

    name: str = "untitled"
    attention: Attention = "soft"
    recurrence: Recurrence = "lstm"
    encoder: str = "tf_efficientnet_lite2"
    encoder_fingerprint: str = ""
    image_size: int = Field(224, ge=32, le=1024)
    rows: int = Field(14, ge=1, le=256)
    columns: int = Field(14, ge=1, le=256)
    annotation_dim: int = Field(352, ge=1, le=65_536)
    embedding_dim: int = Field(256, ge=1, le=65_536)
    hidden_dim: int = Field(512, ge=1, le=65_536)
    attention_dim: int = Field(256, ge=1, le=65_536)
    last_words: int = Field(5, ge=1, le=100)
    vocabulary_size: int = Field(4, ge=4, le=10_000_000)
    dropout: float = Field(0.5, ge=0.0, lt=1.0)
    context_dropout: float = Field(0.2, ge=0.0, lt=1.0)
    decoding: Decoding = Decoding()
    seed: int | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        if self.recurrence != "lstm" and self.attention != "none":
            raise ValueError(f"only the LSTM has attention: set attention to none for recurrence {self.recurrence}")
        return self

    @property
    def places(self) -> int:
        """L, the number of places that attention can look at."""
        return self.rows * self.columns

    @property
    def default_context(self) -> Context | None:
        """The context that this model decodes with unless asked otherwise; None without attention."""
        if self.attention == "none":
            return None
        return self.decoding.context or ("argmax" if self.attention == "hard" else "expected")


class HardConfig(_Strict):
    """REINFORCE for hard attention (section 4.1, equations 11 and 12).

    Attributes:
        reward: ``total`` is log p(y given s, a) of the whole caption, as in equation 11; ``mean`` divides it by the
            caption's length; ``to_go`` credits a glimpse only with the words from its own step on, which leaves the
            gradient's expectation as it is (earlier words do not depend on the glimpse) and lowers its variance;
            ``word`` credits it with its own word only: its effect on later words, which is small beside their noise,
            is left to the expected contexts, and the estimator is no longer that of equation 11.
        baseline: ``moving_average`` is the paper's b (by step for ``to_go`` and ``word``); ``expected`` is log p of the
            glimpse's own word under the expected context of the same state and dropout, which does not depend on the
            glimpse either (later words keep the moving average).
        reward_weight: lambda_r. entropy_weight: lambda_e at the first update, falling linearly to
            ``entropy_weight_end`` at the last.
        expected_probability: how often the expected context stands in for a sample, drawn per picture.
        baseline_decay: b <- decay * b + (1 - decay) * reward.
    """

    reward: Literal["total", "mean", "to_go", "word"] = "total"
    baseline: Literal["moving_average", "expected", "none"] = "moving_average"
    reward_weight: float = Field(1.0, ge=0.0)
    entropy_weight: float = 0.0
    entropy_weight_end: float = 0.0
    expected_probability: float = Field(0.5, ge=0.0, le=1.0)
    baseline_decay: float = Field(0.9, ge=0.0, lt=1.0)


class GroundingConfig(_Strict):
    """Teaching attention by the boxes that people drew round phrases of training captions (no part of the paper).

    Attributes:
        weight: of the term beside the likelihood; 0 leaves attention to be learnt from the captions alone.
        power: q of the term (1 - m^q) / q, m being the attention inside the boxes of the phrase that a word belongs
            to. 0 is its limit -log m, which minds most the boxes that are missed wholly and spreads attention over
            what might be named; 1 is 1 - m, which minds the mean and makes maps sharp.
    """

    weight: float = Field(0.0, ge=0.0)
    power: float = Field(0.0, ge=0.0, le=1.0)


class TrainConfig(_Strict):
    """A training run. Presets are files of this in ``sat/training/presets``.

    Attributes:
        dataset: ``flickr8k``, ``flickr30k``, ``coco``, ``shapes`` or ``folder``.
        limit: use only so many training pictures (0: all).
        start_from: a checkpoint name or folder whose weights and vocabulary training starts from.
        doubly_stochastic: lambda of equation 14 on the *mean* over places of (1 - sum_t alpha_ti)^2; multiply by
            1/L to compare with the formula's sum.
        batch_pictures: pictures a step; each comes with all its captions.
        max_words: training captions are cut after so many words (references never are).
        mirror: also train on mirrored pictures, half of the time.
        learning_rate: peak; linear warm-up over ``warmup_steps``, then cosine to ``final_learning_rate``.
        scheduled_sampling: probability, at the last epoch, of feeding the model's own word (rising linearly).
        average_last: the shipped weights are the mean over so many last epochs where that is better on dev.
        precision: of the training matrix products; decoding and scores are always float32.
        encoder_learning_rate: above 0 the encoder is fine-tuned too, from pixels.
        patience: stop when the dev score has not risen for so many epochs (0: never).
        meteor: also score every epoch's dev captions by METEOR, in a Java process beside the training.
        samples: how many fixed dev pictures are captioned at every epoch into ``samples/``.
    """

    name: str = "run"
    dataset: Literal["flickr8k", "flickr30k", "coco", "shapes", "folder"] = "flickr8k"
    data: str | None = None
    limit: int = Field(0, ge=0)
    model: ModelConfig = ModelConfig()
    start_from: str | None = None
    hard: HardConfig = HardConfig()
    grounding: GroundingConfig = GroundingConfig()
    min_word_count: int = Field(5, ge=1)
    seed: int = 1
    epochs: int = Field(12, ge=1)
    batch_pictures: int = Field(32, ge=1)
    max_words: int = Field(17, ge=2)
    mirror: bool = False
    learning_rate: float = Field(1.2e-3, gt=0)
    final_learning_rate: float = Field(1e-5, ge=0)
    warmup_steps: int = Field(100, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(5.0, gt=0)
    doubly_stochastic: float = Field(1.0, ge=0)
    label_smoothing: float = Field(0.0, ge=0.0, lt=1.0)
    scheduled_sampling: float = Field(0.0, ge=0.0, le=1.0)
    average_last: int = Field(0, ge=0)
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    encoder_learning_rate: float = Field(0.0, ge=0)
    patience: int = Field(0, ge=0)
    meteor: bool = True
    samples: int = Field(8, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        if self.warmup_steps and self.final_learning_rate > self.learning_rate:
            raise ValueError("final_learning_rate is larger than learning_rate")
        if self.grounding.weight and self.model.attention == "none":
            raise ValueError("grounding needs attention: set grounding.weight to 0 for a model without")
        return self


def parse(kind: type[Settings], values: Any, source: str) -> Settings:
    """Validate settings, turning pydantic's report into one sentence.

    Raises:
        UserError: naming the first wrong setting and what it should be.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the settings"
        hint = first["msg"]
        if first["type"] == "extra_forbidden":
            hint = "there is no such setting"
        raise UserError(f"{source}: {where}: {hint[0].lower() + hint[1:]}.") from None


def load_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        UserError: the file is missing, unreadable or not YAML.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: name a preset or a YAML file of settings.") from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise UserError(f"{path}:{line}: not valid YAML: correct the line and try again.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): check the file.") from None


def parse_yaml(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, or larger than settings are.
    """
    if len(text) > _MAX_YAML:
        raise yaml.YAMLError("too large")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise
    except Exception as error:  # on odd dates, numbers, tags and depths PyYAML raises almost anything
        raise yaml.YAMLError(str(error)) from None
