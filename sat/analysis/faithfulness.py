"""Is attention a faithful account of a word? What happens to the word when places are barred, set beside alpha.

Everything is at one step, the state before it and the gate left as they were (a changed annotation would also change
the start of the LSTM, and with it every step before). Attention is *barred* from places: it keeps its scores on the
others and is normalised over them. Barred from all, it gets the mean annotation of the training split.

For a caption with expected context the word's probability is that of the one pass with the barred expectation. For
glimpses (argmax or sample) alpha says where a glimpse may fall, so it is the exact marginal sum_i alpha_i p(w given
a_i) over the places that are left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sat.analysis.reading import Moment, Reading, as_map, logits_with, mean_image
from sat.models.decoder import Annotations, Decoder, State

IDLE = 0.01  # nats; less moves nothing that a reader would notice
RANDOM_ORDERS = 20
POINTS = 29  # of a curve: every seventh of 196 places
_CHUNK = 512  # hypotheses at a time

Probability = Callable[[np.ndarray], np.ndarray]
Verdict = Literal["holds", "part", "not", "idle"]


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of the word as places are taken away (deletion) or given back (insertion), (C,) each.

    Attributes:
        fractions: of the places, 0 to 1.
        alpha: in order of alpha, largest first. centre: from the middle of the picture outwards.
        random: mean of the random orders; random_std: their standard deviation.
        auc: area under the curve by order (``alpha``, ``centre``, ``random``: the mean). Against the other orders, a
            faithful alpha has a small one for deletion and a large one for insertion.
        random_auc_std: standard deviation of the random orders' areas.
    """

    fractions: np.ndarray
    alpha: np.ndarray
    centre: np.ndarray
    random: np.ndarray
    random_std: np.ndarray
    auc: dict[str, float]
    random_auc_std: float


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Attention at one step beside what its places do.

    Attributes:
        step: from 0; word: whose probability is followed.
        probability: of it, attention barred from nowhere.
        alpha: float32 (rows, columns), the model's own.
        occlusion: float32 (rows, columns), log p(word) minus log p(word, attention barred from this one place), nats;
            above 0 the place speaks for the word.
        gradient: float32 (rows, columns), annotation times the gradient of log p(word) by it, through what is read
            there and through alpha; annotations are standardised, so 0 is the training set's mean.
        rank_occlusion, rank_gradient: Spearman's correlation of alpha with the two maps; None where one is constant.
        deletion, insertion: the curves.
    """

    step: int
    word: str
    probability: float
    alpha: np.ndarray
    occlusion: np.ndarray
    gradient: np.ndarray
    rank_occlusion: float | None
    rank_gradient: float | None
    deletion: Curves
    insertion: Curves


def faithfulness(
    reading: Reading,
    step: int,
    word: str | None = None,
    *,
    points: int = POINTS,
    random_orders: int = RANDOM_ORDERS,
    seed: int = 0,
) -> Faithfulness:
    """Compute all of it at a step.

    Args:
        word: None means the one that was written.
        points: at most so many numbers of places are tried for the curves.

    Raises:
        UserError: there is no such step or word, no attention, or the model holds no mean image.
    """
    moment, alpha = reading.attending(step)
    chosen = reading.word_at(step, word)
    probability = _probability(reading, moment, chosen)
    L = len(alpha)
    without = probability(np.vstack([np.ones(L, bool), ~np.eye(L, dtype=bool)]))  # (1 + L,)
    occlusion = np.log(without[0]) - np.log(without[1:])
    gradient = _gradient_times_annotation(reading, moment, chosen)
    weights = alpha.cpu().numpy()
    deletion, insertion = _curves(probability, weights, reading.grid, points, random_orders, seed)
    return Faithfulness(
        step=step,
        word=reading.vocabulary.words[chosen],
        probability=float(without[0]),
        alpha=as_map(reading, alpha),
        occlusion=occlusion.reshape(reading.grid).astype(np.float32),
        gradient=as_map(reading, gradient),
        rank_occlusion=rank_correlation(weights, occlusion),
        rank_gradient=rank_correlation(weights, gradient.cpu().numpy()),
        deletion=deletion,
        insertion=insertion,
    )


def judge(uniform: float, deletion: Curves, insertion: Curves) -> Verdict:
    """Whether a map can be trusted.

    It *holds* if taking away what it marks harms the word sooner, and giving it back helps sooner, than the centre's
    order and than two standard deviations from random orders; in *part* if in one of the two only; else *not*. It is
    *idle* where the word did not need attention: made uniform, it moves the next words by less than ``IDLE``.

    Args:
        uniform: ``Necessity.uniform`` of the step.
    """
    falls = deletion.auc["alpha"] < min(deletion.auc["centre"], deletion.auc["random"] - 2 * deletion.random_auc_std)
    rises = insertion.auc["alpha"] > max(
        insertion.auc["centre"], insertion.auc["random"] + 2 * insertion.random_auc_std
    )
    if uniform < IDLE:
        return "idle"
    return "holds" if falls and rises else "part" if falls or rises else "not"


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's: Pearson's of the ranks, ties sharing their mean rank; None where one of the two is constant."""
    ranks = average_ranks(x), average_ranks(y)
    if any(np.ptp(r) == 0 for r in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 up, those of equal values being the mean of theirs: ``scipy.stats.rankdata`` without the 500 modules
    of scipy that it brings, which take 40 MB and a second of the app's start."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: np.ndarray = np.cumsum(counts) - (counts - 1) / 2
    return means[place]


def centre_order(rows: int, columns: int) -> np.ndarray:
    """Places from the middle of the picture outwards, ties in the order of the rows."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    distance = ((row + 0.5) / rows - 0.5) ** 2 + ((column + 0.5) / columns - 0.5) ** 2
    return np.argsort(distance.round(12), kind="stable")


def _probability(reading: Reading, moment: Moment, word: int) -> Probability:
    """The probability (K,) of a word when attention may fall only on the places left, bool (K, L)."""
    decoder = reading.decoder
    assert moment.out.scores is not None
    scores = moment.out.scores[0, 0]  # (L,)
    nothing = mean_image(decoder).mean.unsqueeze(1)  # (1, 1, D): one place more, for when no other is left
    values = torch.cat([reading.annotations.values, nothing], 1)  # (1, L + 1, D)
    annotations = replace(reading.annotations, values=values, keys=None)

    def of_weights(weights: Tensor) -> Tensor:
        logits = [logits_with(decoder, moment, annotations, part) for part in weights.split(_CHUNK)]
        return torch.cat([part.log_softmax(-1)[:, word] for part in logits]).exp()  # (K,)

    per_place = of_weights(torch.eye(values.shape[1], device=values.device)) if reading.one_place else None  # (L + 1,)

    def probability(left: np.ndarray) -> np.ndarray:
        open_ = torch.from_numpy(left).to(values.device)  # (K, L)
        empty = ~open_.any(-1, keepdim=True)  # (K, 1)
        masked = torch.where(open_, scores, -torch.inf)
        last = torch.where(empty, 0.0, -torch.inf)
        weights = torch.cat([masked, last], -1).softmax(-1)  # (K, L + 1)
        found = of_weights(weights) if per_place is None else weights @ per_place
        return found.double().cpu().numpy()

    return probability


def _gradient_times_annotation(reading: Reading, moment: Moment, word: int) -> Tensor:
    """sum_d a_id d log p(word) / d a_id, (L,)."""
    with torch.inference_mode(False), torch.enable_grad():  # tensors made in inference mode must be copied to get out
        values = reading.annotations.values.clone().requires_grad_(True)  # (1, L, D)
        assert moment.out.beta is not None
        out = replace(moment.out, beta=moment.out.beta.clone())
        state = State(moment.state.h.clone(), moment.state.c.clone())
        moment = Moment(state, moment.word.clone(), out, moment.log_probs)
        log_prob = _log_prob(reading.decoder, moment, values, word, one_place=reading.one_place)
        (gradient,) = torch.autograd.grad(log_prob, values)
        return (gradient * values).sum(-1)[0].detach()


def _log_prob(decoder: Decoder, moment: Moment, values: Tensor, word: int, *, one_place: bool) -> Tensor:
    """log p(word) of a step as a function of the annotations (1, L, D) that it attends to."""
    scores = decoder.score(decoder.score.W_a(values), moment.state.h)[0]  # (1, L)
    annotations = Annotations(values, None, values.mean(1))
    if not one_place:
        return logits_with(decoder, moment, annotations, scores.softmax(-1)).log_softmax(-1)[0, word]
    places = torch.eye(values.shape[1], device=values.device)
    per_place = logits_with(decoder, moment, annotations, places).log_softmax(-1)[:, word]  # (L,)
    return (scores[0].log_softmax(-1) + per_place).logsumexp(-1)


def _curves(
    probability: Probability, alpha: np.ndarray, grid: tuple[int, int], points: int, random_orders: int, seed: int
) -> tuple[Curves, Curves]:
    L = len(alpha)
    rng = np.random.default_rng(seed)
    orders = np.stack(
        [np.argsort(-alpha, kind="stable"), centre_order(*grid), *(rng.permutation(L) for _ in range(random_orders))]
    )
    ranks = np.argsort(orders, axis=1)  # (O, L): when the turn of every place comes
    counts = np.unique(np.linspace(0, L, min(points, L + 1)).round().astype(int))  # (C,)
    taken = ranks[:, None] < counts[:, None]  # (O, C, L)
    left = np.stack([~taken, taken])  # (2, O, C, L)
    found = probability(left.reshape(-1, L)).reshape(2, len(orders), len(counts))
    deletion, insertion = (_summary(counts / L, curves) for curves in found)
    return deletion, insertion


def _summary(fractions: np.ndarray, curves: np.ndarray) -> Curves:
    """Of the curves (O, C) of alpha, the centre and the random orders."""
    areas = np.trapezoid(curves, fractions, axis=1)
    return Curves(
        fractions=fractions,
        alpha=curves[0],
        centre=curves[1],
        random=curves[2:].mean(0),
        random_std=curves[2:].std(0),
        auc={"alpha": float(areas[0]), "centre": float(areas[1]), "random": float(areas[2:].mean())},
        random_auc_std=float(areas[2:].std()),
    )
