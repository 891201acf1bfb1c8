"""Teacher forcing over a batch and the losses of section 4: likelihood, doubly stochastic term, REINFORCE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sat.config import Context, HardConfig
from sat.models.attention import weights as context_weights
from sat.models.decoder import Annotations, Decoder, State
from sat.training.regions import RegionTargets


@dataclass(frozen=True)
class Rollout:
    """What a batch of captions did under teacher forcing, packed: N tokens of all captions, step by step.

    Attributes:
        logits: (N, V); targets: (N,), the words to be predicted, the end included.
        index: (N, 3), picture, caption and step of every token.
        coverage: sum_t alpha_ti, (B, K, L); None without attention.
        entropy: H[alpha_t], (N,); None without attention.
        log_alpha: log alpha_t, (N, L); None without attention.
        place_log_prob: log p(s_t given a), (N,), of sampled glimpses; None unless sampled.
        sampled: bool (N,), False where the expected context was used; None unless sampled.
        expected_log_prob: log p(y_t) under the expected context of the same state, (N,), detached; None unless
            asked for.
    """

    logits: Tensor
    targets: Tensor
    index: Tensor
    coverage: Tensor | None
    entropy: Tensor | None
    log_alpha: Tensor | None
    place_log_prob: Tensor | None
    sampled: Tensor | None
    expected_log_prob: Tensor | None


def rollout(
    decoder: Decoder,
    annotations: Annotations,
    inputs: Tensor,
    targets: Tensor,
    lengths: Tensor,
    *,
    context: Context = "expected",
    expect: Tensor | None = None,
    expected_baseline: bool = False,
    own_words: float = 0.0,
) -> Rollout:
    """Run all captions through ``Decoder.step``.

    Pictures must be sorted by their longest caption and the captions of a picture by length, longest first: then
    the unfinished captions of every step fit in a shrinking rectangle, and finished ones cost nothing.

    Args:
        inputs, targets: ids (B, K, T).
        lengths: number of targets of every caption, (B, K); 0 for a caption that is not there.
        context: ``expected``, or ``sample`` for hard attention.
        expect: bool (B,), pictures whose expected context stands in for the sample.
        expected_baseline: also score each word under the expected context, without gradient.
        own_words: probability of feeding a word drawn from the model in place of the true one (scheduled sampling).
    """
    B, K, T = inputs.shape
    state = decoder.start(annotations, K)
    sampling = context == "sample"
    # Glimpses have a generator of their own: between them the global one serves dropout alone and can be replayed.
    generator = _spawn(annotations.values.device) if sampling else None
    coverage = None
    packed: dict[str, list[Tensor]] = {"deep": [], "targets": [], "index": []}
    previous: Tensor | None = None
    for t in range(T):
        alive = lengths > t  # (B, K)
        b, k = int(alive.any(1).sum()), int(alive.any(0).sum())
        if b == 0:
            break
        alive = alive[:b, :k]
        state = State(state.h[:b, :k], state.c[:b, :k])
        word = inputs[:b, :k, t]  # (b, k)
        if own_words and previous is not None:
            swap = (torch.rand(b, k, device=word.device) < own_words) & alive
            word = word.masked_scatter(swap, _draw(decoder, previous[:b, :k][swap]))
        here = annotations.select(slice(0, b))
        before, noise = state, _rng_state(word.device) if expected_baseline else None
        out = decoder.step(
            state,
            word,
            here,
            context=context,
            expect=None if expect is None else expect[:b, None].expand(b, k),
            generator=generator,
            with_logits=False,
        )
        state = out.state
        packed["deep"].append(out.deep[alive])  # (n_t, m)
        packed["targets"].append(targets[:b, :k, t][alive])
        packed["index"].append(F.pad(alive.nonzero(), (0, 1), value=t))  # (n_t, 3)
        previous = out.deep.detach()
        if out.alpha is not None and out.scores is not None:
            log_alpha = out.scores.float().log_softmax(-1)  # (b, k, L)
            attended = F.pad((out.alpha * alive.unsqueeze(-1)), (0, 0, 0, K - k, 0, B - b))  # (B, K, L)
            coverage = attended if coverage is None else coverage + attended
            packed.setdefault("entropy", []).append(-(out.alpha * log_alpha).sum(-1)[alive])  # (n_t,)
            packed.setdefault("log_alpha", []).append(log_alpha[alive])  # (n_t, L)
            if sampling and out.weights is not None:
                one_hot = out.weights if expect is None else out.weights * ~expect[:b, None, None]
                place_log_prob = (one_hot.detach() * log_alpha.clamp(min=-30.0)).sum(-1)  # (b, k)
                packed.setdefault("place_log_prob", []).append(place_log_prob[alive])
                sampled = torch.ones_like(alive) if expect is None else ~expect[:b, None].expand(b, k)
                packed.setdefault("sampled", []).append(sampled[alive])
            if sampling and noise is not None and out.beta is not None:
                with _replayed(noise, word.device):
                    expected = _expected_log_prob(decoder, before, word, here, out.alpha, out.beta, targets[:b, :k, t])
                packed.setdefault("expected", []).append(expected[alive])
    joined = {name: torch.cat(parts) for name, parts in packed.items()}
    return Rollout(
        logits=decoder.L_o(joined["deep"]).float(),
        targets=joined["targets"],
        index=joined["index"],
        coverage=coverage,
        entropy=joined.get("entropy"),
        log_alpha=joined.get("log_alpha"),
        place_log_prob=joined.get("place_log_prob"),
        sampled=joined.get("sampled"),
        expected_log_prob=joined.get("expected"),
    )


def _spawn(device: torch.device) -> torch.Generator:
    """A generator whose seed comes from the global one, so that a saved state brings back its numbers too."""
    return torch.Generator(device).manual_seed(int(torch.randint(2**31, ())))


def _rng_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


@contextmanager
def _replayed(noise: Tensor, device: torch.device) -> Iterator[None]:
    """Dropout draws the same masks as it did after ``noise`` was taken; afterwards the generator is where it was."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        if device.type == "cuda":
            torch.cuda.set_rng_state(noise, device)
        else:
            torch.set_rng_state(noise)
        yield


@torch.no_grad()
def _draw(decoder: Decoder, deep: Tensor) -> Tensor:
    """A word for each row of the deep output's hidden layer (n, m), by inverting the cumulative distribution."""
    cumulative = decoder.L_o(deep).float().softmax(-1).cumsum(-1)  # (n, V)
    drawn = torch.rand(len(deep), 1, device=deep.device) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, drawn).squeeze(1).clamp(max=cumulative.shape[1] - 1)


@torch.no_grad()
def _expected_log_prob(
    decoder: Decoder, state: State, word: Tensor, annotations: Annotations, alpha: Tensor, beta: Tensor, target: Tensor
) -> Tensor:
    """log p(y_t), (b, k), had the step used sum_i alpha_i a_i; alpha and beta are not computed again."""
    embedded = decoder.E(word)
    z = beta.unsqueeze(-1) * decoder.attend(context_weights(alpha, "expected"), annotations)  # (b, k, D)
    z = decoder.context_dropout(z)
    new_state, _ = decoder.recur(state, [embedded, z])
    logits = decoder.L_o(decoder.deep_output(embedded, new_state.h, z)).float()  # (b, k, V)
    return logits.log_softmax(-1).gather(-1, target.unsqueeze(-1)).squeeze(-1)


def doubly_stochastic(coverage: Tensor, lengths: Tensor) -> Tensor:
    """Mean over captions and places of (1 - sum_t alpha_ti)^2 (equation 14, divided by L).

    Args:
        coverage: (B, K, L); lengths: (B, K), captions of length 0 do not count.
    """
    there = lengths > 0  # (B, K)
    return (1.0 - coverage[there]).square().mean()


def attention_inside(rolled: Rollout, regions: RegionTargets) -> Tensor:
    """log of the attention inside the boxes of the phrase, log sum_i alpha_ti c_i, for every word of a boxed phrase.

    Args:
        regions: with c_i, the fraction of cell i inside the boxes.

    Returns:
        (M,), of those M of the N words that belong to a region, in the order of ``rolled``.
    """
    assert rolled.log_alpha is not None
    region = regions.region[tuple(rolled.index.unbind(1))]  # (N,)
    boxed = region >= 0
    coverage = regions.coverage[region[boxed]]  # (M, L)
    return (rolled.log_alpha[boxed] + coverage.log()).logsumexp(-1)


def grounding(log_inside: Tensor, power: float) -> Tensor:
    """Mean over words of (1 - m^q) / q, m = exp(``log_inside``) in (0, 1] and q = ``power``; of -log m where q is 0.

    Zero where there are no words: a batch without boxes teaches nothing.
    """
    missed = -torch.expm1(power * log_inside) / power if power else -log_inside  # (M,)
    return missed.sum() / max(len(missed), 1)


def reinforce(rolled: Rollout, hard: HardConfig, baseline: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The surrogate whose gradient is that of the glimpses in equations 11 and 12 (entropy apart).

    loss = - lambda_r / N sum_t (reward - baseline) log p(s_t given a), N the tokens of the batch, so that it adds to
    a likelihood that is averaged over tokens.

    Args:
        rolled: with ``place_log_prob``; its word log-probabilities are the rewards.
        baseline: b_t, (T_max,): the moving averages of the reward by step (all equal unless ``to_go``); NaN where
            there was no reward yet, and no gradient is given there.

    Returns:
        the surrogate, the updated baseline, and the advantages (N,) of the sampled glimpses (zero elsewhere).
    """
    assert rolled.place_log_prob is not None and rolled.sampled is not None
    b, k, t = rolled.index.unbind(1)
    with torch.no_grad():
        word_log_prob = rolled.logits.log_softmax(-1).gather(1, rolled.targets.unsqueeze(1)).squeeze(1)  # (N,)
        steps = baseline.shape[0]
        table = torch.zeros(int(b.max()) + 1, int(k.max()) + 1, steps + 1, device=t.device)  # (B, K, T + 1)
        table[b, k, t] = word_log_prob
        to_go = table.flip(-1).cumsum(-1).flip(-1)  # (B, K, T + 1): sum of log p(y_t') over t' >= t
        if hard.reward == "word":
            reward = word_log_prob
        elif hard.reward == "to_go":
            reward = to_go[b, k, t]
        else:
            reward = to_go[b, k, 0]
            if hard.reward == "mean":
                count = torch.zeros_like(table[..., 0]).index_put_(
                    (b, k), torch.ones(len(b), device=b.device), accumulate=True
                )
                reward = reward / count[b, k]
        if hard.baseline == "none":
            advantage = reward
        elif hard.baseline == "expected":
            assert rolled.expected_log_prob is not None
            advantage = word_log_prob - rolled.expected_log_prob
            if hard.reward != "word":
                # Only this step's expected word score is free of the glimpse; later words keep the moving average.
                later = F.pad(baseline, (0, 1))[t + 1].nan_to_num()
                advantage = advantage + torch.where(to_go[b, k, t + 1] != 0, to_go[b, k, t + 1] - later, 0.0)
        else:
            advantage = reward - baseline[t]
        # The first batch only sets the baseline: without one its whole reward would be noise.
        advantage = torch.where(rolled.sampled & ~baseline[t].isnan(), advantage, 0.0)
        if hard.baseline == "expected" and hard.reward != "word":
            reward = to_go[b, k, t]
        updated = _update_baseline(baseline, hard, reward, rolled, t)
    surrogate = -hard.reward_weight * (advantage * rolled.place_log_prob).sum() / len(t)
    return surrogate, updated, advantage


def _update_baseline(baseline: Tensor, hard: HardConfig, reward: Tensor, rolled: Rollout, t: Tensor) -> Tensor:
    """b <- decay b + (1 - decay) mean reward, after use, by step where rewards differ by step."""
    decay = hard.baseline_decay
    assert rolled.sampled is not None
    if not bool(rolled.sampled.any()):
        return baseline
    if hard.reward in ("to_go", "word") or hard.baseline == "expected":
        sums = torch.zeros_like(baseline).index_add_(0, t, reward * rolled.sampled)
        counts = torch.zeros_like(baseline).index_add_(0, t, rolled.sampled.to(baseline.dtype))
        mean = torch.where(counts > 0, sums / counts.clamp(min=1), baseline)
    else:
        mean = ((reward * rolled.sampled).sum() / rolled.sampled.sum()).expand_as(baseline)
    return torch.where(baseline.isnan(), mean, decay * baseline + (1 - decay) * mean)
