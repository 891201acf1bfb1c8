"""The baselines against their equations: whole captions computed apart in numpy, and by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from sat.config import ModelConfig
from sat.models.build import build
from sat.models.decoder import Decoder, State
from sat.models.log_bilinear import LogBilinear
from sat.models.rnn import RecurrentGenerator
from sat.vocabulary import START

B, K, L, D, N, M, V, T = 2, 3, 4, 5, 6, 7, 9, 5
LAST = 3  # words that the log-bilinear model looks back on
KINDS = ["rnn", "log-bilinear"]


def tiny(recurrence: str, seed: int = 0, **changes: object) -> Decoder:
    torch.manual_seed(seed)
    config = ModelConfig.model_validate(
        {
            "attention": "none", "recurrence": recurrence, "rows": 2, "columns": 2, "annotation_dim": D,
            "hidden_dim": N, "embedding_dim": M, "last_words": LAST, "vocabulary_size": V, "dropout": 0.0,
            "context_dropout": 0.0, **changes,
        }
    )  # fmt: skip
    decoder = build(config).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    decoder.annotation_mean.normal_()
    decoder.annotation_std.uniform_(0.5, 2.0)
    return decoder.requires_grad_(False)


def weights(decoder: Decoder) -> dict[str, np.ndarray]:
    return {name: t.double().numpy() for name, t in decoder.state_dict().items()}


def mean_annotation(decoder: Decoder, raw: torch.Tensor) -> np.ndarray:
    """x (D,), of one picture (L, D)."""
    p = weights(decoder)
    return ((raw.double().numpy() - p["annotation_mean"]) / p["annotation_std"]).mean(0)


def slow_rnn(decoder: Decoder, raw: torch.Tensor, words: list[int]) -> np.ndarray:
    """The logits (T, V) after each of the words, the start being the first of them."""
    p, x = weights(decoder), mean_annotation(decoder, raw)
    W_hx, W_hh = p["W_h.weight"][:, :M], p["W_h.weight"][:, M:]
    h, found = np.zeros(N), []
    for t, word in enumerate(words, start=1):
        pre = W_hx @ p["E.weight"][word] + W_hh @ h + p["W_h.bias"]
        if t == 1:
            pre = pre + p["W_hi.weight"] @ x
        h = np.maximum(pre, 0)
        found.append(p["L_o.weight"] @ h + p["L_o.bias"])
    return np.stack(found)


def slow_log_bilinear(decoder: Decoder, raw: torch.Tensor, words: list[int]) -> np.ndarray:
    p, x = weights(decoder), mean_annotation(decoder, raw)
    r, before, found = p["E.weight"], [START] * LAST, []
    for t in range(1, len(words) + 1):
        context = [*before, *words[:t]]
        predicted = p["C_m.weight"] @ x
        for k in range(1, LAST + 1):
            C_k = p["C.weight"][:, (k - 1) * M : k * M]
            predicted = predicted + C_k @ r[context[-k]]
        found.append([predicted @ r[w] + p["L_o.bias"][w] for w in range(V)])
    return np.array(found)


SLOW = {"rnn": slow_rnn, "log-bilinear": slow_log_bilinear}


@pytest.mark.parametrize("kind", KINDS)
def test_captions_equal_the_equations(kind):
    decoder = tiny(kind)
    raw = torch.randn(B, L, D)
    words = torch.randint(0, V, (B, K, T))
    words[:, :, 0] = START
    logits, alphas = decoder.forward(decoder.annotate(raw), words)
    assert alphas is None
    for b in range(B):
        for k in range(K):
            want = SLOW[kind](decoder, raw[b], words[b, k].tolist())
            np.testing.assert_allclose(logits[b, k].numpy(), want, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_has_neither_map_nor_gate(kind):
    decoder = tiny(kind)
    annotations = decoder.annotate(torch.randn(B, L, D))
    out = decoder.step(decoder.start(annotations, K), torch.randint(0, V, (B, K)), annotations)
    assert out.logits is not None and out.logits.shape == (B, K, V)
    assert (out.scores, out.alpha, out.weights, out.context, out.beta, out.gates) == (None,) * 6


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_vector_is_the_mean_annotation(kind):
    decoder = tiny(kind)
    raw = torch.randn(B, L, D)
    words = torch.randint(0, V, (B, K, T))
    whole, _ = decoder.forward(decoder.annotate(raw), words)
    mean, _ = decoder.forward(decoder.annotate(raw.mean(1, keepdim=True)), words)  # L = 1
    torch.testing.assert_close(mean, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_acts_through_the_start_alone(kind):
    decoder = tiny(kind)
    one, other = (decoder.annotate(torch.randn(B, L, D)) for _ in range(2))
    word = torch.randint(0, V, (B, K))
    state = decoder.start(one, K)
    assert torch.equal(decoder.step(state, word, one).logits, decoder.step(state, word, other).logits)
    assert not torch.equal(
        decoder.step(decoder.start(other, K), word, one).logits, decoder.step(state, word, one).logits
    )


def test_the_generator_by_hand():
    """Two hidden units, one number a word and one a picture; the picture is 2."""
    decoder = tiny("rnn", annotation_dim=1, hidden_dim=2, embedding_dim=1, vocabulary_size=5)
    assert isinstance(decoder, RecurrentGenerator)
    decoder.annotation_mean.fill_(1.0)
    decoder.annotation_std.fill_(2.0)
    decoder.E.weight.copy_(torch.tensor([[0.0], [1.0], [2.0], [3.0], [-1.0]]))
    decoder.W_h.weight.copy_(torch.tensor([[1.0, 0.0, 1.0], [-1.0, 2.0, 0.0]]))
    decoder.W_h.bias.copy_(torch.tensor([0.5, 0.0]))
    decoder.W_hi.weight.copy_(torch.tensor([[1.0], [3.0]]))
    decoder.L_o.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, -1.0], [0.0, 0.0]]))
    decoder.L_o.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 0.0, 7.0]))
    annotations = decoder.annotate(torch.full((1, 4, 1), 5.0))  # x = (5 - 1) / 2 = 2
    first = decoder.step(decoder.start(annotations), torch.tensor([[1]]), annotations)
    # y = 1: (1 + 0.5 + 2, -1 + 6)
    assert first.state.h.tolist() == [[[3.5, 5.0]]]
    assert first.logits.tolist() == [[[3.5, 5.0, 8.5, 2.0, 7.0]]]
    second = decoder.step(first.state, torch.tensor([[3]]), annotations)
    # y = 3, without the picture: (3 + 5 + 0.5, -3 + 7)
    assert second.state.h.tolist() == [[[8.5, 4.0]]]
    third = decoder.step(second.state, torch.tensor([[4]]), annotations)
    # y = -1: (-1 + 4 + 0.5, 1 + 17)
    assert third.state.h.tolist() == [[[3.5, 18.0]]]
    shut = decoder.step(State(torch.tensor([[[0.0, -9.0]]]), torch.zeros(1, 1, 2)), torch.tensor([[1]]), annotations)
    assert shut.state.h.tolist() == [[[0.0, 0.0]]]  # (1 - 9 + 0.5, -1)


def test_the_log_bilinear_model_by_hand():
    """Vectors of two numbers, the last two words, a picture of one number that is 2."""
    decoder = tiny("log-bilinear", annotation_dim=1, embedding_dim=2, last_words=2, vocabulary_size=5)
    assert isinstance(decoder, LogBilinear)
    decoder.annotation_mean.fill_(1.0)
    decoder.annotation_std.fill_(2.0)
    decoder.E.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [2.0, 0.0], [1.0, -1.0]]))
    C_1, C_2 = [[1.0, 0.0], [0.0, 2.0]], [[0.0, 1.0], [1.0, 0.0]]
    decoder.C.weight.copy_(torch.cat([torch.tensor(C_1), torch.tensor(C_2)], dim=1))
    decoder.C_m.weight.copy_(torch.tensor([[0.5], [-1.0]]))
    decoder.L_o.bias.copy_(torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0]))
    annotations = decoder.annotate(torch.full((1, 4, 1), 5.0))  # x = 2, C_m x = (1, -2)
    first = decoder.step(decoder.start(annotations), torch.tensor([[START]]), annotations)
    # the last two words are both <start>, r = (1, 1): (1, 2) + (1, 1) + (1, -2)
    assert first.state.h.tolist() == [[[3.0, 1.0]]]
    assert first.logits.tolist() == [[[0.0, 4.0, 4.0, 6.0, 2.0]]]
    second = decoder.step(first.state, torch.tensor([[3]]), annotations)
    # r = (2, 0) after (1, 1): (2, 0) + (1, 1) + (1, -2)
    assert second.state.h.tolist() == [[[4.0, -1.0]]]
    third = decoder.step(second.state, torch.tensor([[4]]), annotations)
    # r = (1, -1) after (2, 0), <start> forgotten: (1, -2) + (0, 2) + (1, -2)
    assert third.state.h.tolist() == [[[2.0, -2.0]]]


def test_only_the_last_words_count():
    decoder = tiny("log-bilinear")
    annotations = decoder.annotate(torch.randn(1, L, D))
    logits, _ = decoder.forward(annotations, torch.tensor([[[START, 4, 5, 6, 7], [START, 8, 5, 6, 7]]]))
    assert (logits[0, 0, 3] - logits[0, 1, 3]).abs().max() > 1e-3  # the last three words are 4, 5, 6 and 8, 5, 6
    torch.testing.assert_close(logits[0, 0, 4], logits[0, 1, 4])  # and then 5, 6, 7 both times


def test_words_are_read_and_written_by_the_same_vectors():
    decoder = copy.deepcopy(tiny("log-bilinear")).requires_grad_(True)
    assert isinstance(decoder, LogBilinear) and decoder.L_o.weight is decoder.E.weight
    assert [name for name, _ in decoder.named_parameters()] == ["E.weight", "C.weight", "C_m.weight", "L_o.bias"]
    annotations = decoder.annotate(torch.randn(1, L, D))
    out = decoder.step(decoder.start(annotations), torch.tensor([[4]]), annotations)
    out.logits[0, 0, 6].backward()
    moved = decoder.E.weight.grad.abs().sum(1) > 0
    assert moved.nonzero().flatten().tolist() == [START, 4, 6]  # read before, read now, written


@pytest.mark.parametrize("kind", KINDS)
def test_hypotheses_of_a_picture_equal_pictures_of_their_own(kind):
    decoder = tiny(kind)
    annotations = decoder.annotate(torch.randn(B, L, D))
    words = torch.randint(0, V, (B, K, T))
    together, _ = decoder.forward(annotations, words)
    apart, _ = decoder.forward(annotations.select(torch.arange(B).repeat_interleave(K)), words.view(B * K, 1, T))
    torch.testing.assert_close(together.view(B * K, 1, T, V), apart)


@pytest.mark.parametrize("kind", KINDS)
def test_choosing_hypotheses_takes_their_whole_state_along(kind):
    decoder = tiny(kind)
    annotations = decoder.annotate(torch.randn(B, L, D))
    state = decoder.step(decoder.start(annotations, K), torch.randint(0, V, (B, K)), annotations).state
    order = torch.tensor([[2, 0, 2, 1], [1, 1, 0, 2]])
    chosen = state.select(slice(None), order)
    for b in range(B):
        for k, source in enumerate(order[b]):
            assert torch.equal(chosen.h[b, k], state.h[b, source]) and torch.equal(chosen.c[b, k], state.c[b, source])
    assert torch.equal(state.select(torch.tensor([1])).c, state.c[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_the_summands_give_the_logits(kind):
    decoder = tiny(kind)
    annotations = decoder.annotate(torch.randn(B, L, D))
    state = decoder.start(annotations, K)
    for _ in range(T):
        word = torch.randint(0, V, (B, K))
        out = decoder.step(state, word, annotations)
        total = sum(decoder.summands(word, out).values())
        torch.testing.assert_close(decoder.L_o(decoder.squash(total)), out.logits, atol=1e-4, rtol=1e-4)
        state = out.state


def test_the_recurrence_chooses_the_class():
    config = {"attention": "none", "vocabulary_size": 5}
    found = {r: type(build(ModelConfig.model_validate({**config, "recurrence": r}))) for r in ("lstm", *KINDS)}
    assert found == {"lstm": Decoder, "rnn": RecurrentGenerator, "log-bilinear": LogBilinear}
    with pytest.raises(ValueError, match="use build"):
        Decoder(ModelConfig.model_validate({**config, "recurrence": "rnn"}))
