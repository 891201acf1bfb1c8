"""The decoder against the equations, computed apart in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.config import ModelConfig
from sat.models.decoder import Annotations, Decoder, State, linear

B, K, L, D, N, M, A, V = 2, 3, 4, 5, 6, 7, 3, 9


def tiny(attention: str = "soft", seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    config = ModelConfig(
        attention=attention, rows=2, columns=2, annotation_dim=D, hidden_dim=N, embedding_dim=M, attention_dim=A,
        vocabulary_size=V, dropout=0.0, context_dropout=0.0,
    )  # fmt: skip
    decoder = Decoder(config).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    decoder.annotation_mean.normal_()
    decoder.annotation_std.uniform_(0.5, 2.0)
    return decoder.requires_grad_(False)


def inputs(decoder: Decoder, seed: int = 1) -> tuple[Annotations, State, torch.Tensor]:
    torch.manual_seed(seed)
    annotations = decoder.annotate(torch.randn(B, L, D))
    state = State(torch.randn(B, K, N), torch.randn(B, K, N))
    return annotations, state, torch.randint(0, V, (B, K))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def by_hand(decoder: Decoder, a: np.ndarray, h: np.ndarray, c: np.ndarray, word: int) -> dict[str, np.ndarray]:
    """One step for one hypothesis in numpy, float64, straight from the paper: a (L, D) standardised."""
    p = {name: t.double().numpy() for name, t in decoder.state_dict().items()}
    e = np.tanh(a @ p["score.W_a.weight"].T + p["score.W_a.bias"] + p["score.W_h.weight"] @ h) @ p["score.v"]
    alpha = np.exp(e - e.max()) / np.exp(e - e.max()).sum()
    beta = sigmoid(p["f_beta.weight"] @ h + p["f_beta.bias"])[0]
    z = beta * (alpha @ a)
    y = p["E.weight"][word]
    i, f, o, g = np.split(p["lstm.weight"] @ np.concatenate([y, z, h]) + p["lstm.bias"], 4)
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h_new = sigmoid(o) * np.tanh(c_new)
    deep = np.tanh(y + p["L_h.weight"] @ h_new + p["L_h.bias"] + p["L_z.weight"] @ z)
    return {
        "alpha": alpha, "beta": beta, "z": z, "h": h_new, "c": c_new, "logits": p["L_o.weight"] @ deep + p["L_o.bias"],
        "gates": np.stack([sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)]),
    }  # fmt: skip


def test_step_equals_the_equations():
    decoder = tiny()
    annotations, state, word = inputs(decoder)
    out = decoder.step(state, word, annotations)
    for b in range(B):
        for k in range(K):
            a = annotations.values[b].double().numpy()
            want = by_hand(decoder, a, state.h[b, k].double().numpy(), state.c[b, k].double().numpy(), int(word[b, k]))
            got = {
                "alpha": out.alpha, "beta": out.beta, "z": out.context, "h": out.state.h, "c": out.state.c,
                "logits": out.logits, "gates": out.gates,
            }  # fmt: skip
            for name, tensor in got.items():
                np.testing.assert_allclose(tensor[b, k].numpy(), want[name], atol=1e-5, err_msg=name)


def test_start_is_the_tanh_of_the_mean_annotation():
    decoder = tiny()
    raw = torch.randn(B, L, D)
    annotations = decoder.annotate(raw)
    values = (raw - decoder.annotation_mean) / decoder.annotation_std
    state = decoder.start(annotations, K)
    want = torch.tanh(decoder.init_h[0](values.mean(1)))
    assert state.h.shape == (B, K, N)
    torch.testing.assert_close(state.h[:, 2], want)
    torch.testing.assert_close(state.c[:, 0], torch.tanh(decoder.init_c[0](values.mean(1))))


def test_alpha_sums_to_one_and_one_hot_weights_are_at_its_maximum():
    decoder = tiny("hard")
    annotations, state, word = inputs(decoder)
    out = decoder.step(state, word, annotations, context="argmax")
    torch.testing.assert_close(out.alpha.sum(-1), torch.ones(B, K))
    assert torch.equal(out.weights.argmax(-1), out.alpha.argmax(-1))
    assert torch.equal(out.weights.sum(-1), torch.ones(B, K)) and out.weights.max() == 1


def test_soft_context_is_the_expectation_over_one_hot_contexts():
    decoder = tiny()
    annotations, state, word = inputs(decoder)
    soft = decoder.step(state, word, annotations)
    one_hot = torch.eye(L)
    contexts = torch.stack(
        [decoder.step(state, word, annotations, forced_weights=one_hot[i]).context for i in range(L)], dim=2
    )  # (B, K, L, D)
    torch.testing.assert_close(soft.context, (soft.alpha.unsqueeze(-1) * contexts).sum(2))


def test_forced_weights_and_gate_replace_the_models_own():
    decoder = tiny()
    annotations, state, word = inputs(decoder)
    place = torch.zeros(L)
    place[2] = 1.0
    out = decoder.step(state, word, annotations, forced_weights=place, forced_beta=0.25)
    torch.testing.assert_close(out.context, 0.25 * annotations.values[:, None, 2].expand(B, K, D))
    assert torch.equal(out.beta, torch.full((B, K), 0.25))
    own = decoder.step(state, word, annotations)
    torch.testing.assert_close(out.alpha, own.alpha)  # what the model would have done is still told
    same = decoder.step(state, word, annotations, forced_weights=own.alpha, forced_beta=own.beta)
    torch.testing.assert_close(same.logits, own.logits)


def test_training_score_gives_the_same_alpha_as_tanh():
    decoder = tiny()
    annotations, state, word = inputs(decoder)
    exact = decoder.step(state, word, annotations).alpha
    cheap = decoder.train().step(state, word, annotations).alpha
    torch.testing.assert_close(cheap, exact, atol=1e-6, rtol=1e-5)


def test_attention_depends_on_the_hidden_state():
    """tanh(W a) + tanh(U h) would cancel h in the softmax and give every word the same map."""
    decoder = tiny()
    annotations, state, word = inputs(decoder)
    alpha = decoder.step(state, word, annotations).alpha
    assert (alpha[:, 0] - alpha[:, 1]).abs().max() > 1e-3


def test_without_attention_the_picture_enters_once():
    decoder = tiny("none")
    annotations, state, word = inputs(decoder)
    out = decoder.step(state, word, annotations)
    assert out.alpha is None and out.beta is None and out.context is None and out.scores is None
    other = decoder.step(state, word, decoder.annotate(torch.randn(B, L, D)))
    assert torch.equal(out.logits, other.logits)  # the picture acts through the start state alone
    assert not torch.equal(decoder.start(annotations).h, decoder.start(decoder.annotate(torch.randn(B, L, D))).h)


def test_hypotheses_of_a_picture_equal_pictures_of_their_own():
    decoder = tiny()
    annotations, state, word = inputs(decoder)
    together = decoder.step(state, word, annotations)
    apart = decoder.step(
        State(state.h.view(B * K, 1, N), state.c.view(B * K, 1, N)),
        word.view(B * K, 1),
        annotations.select(torch.arange(B).repeat_interleave(K)),
    )
    torch.testing.assert_close(together.logits.view(B * K, 1, V), apart.logits)


def test_sampled_places_follow_alpha():
    decoder = tiny("hard")
    annotations, state, word = inputs(decoder)
    one = State(state.h[:1, :1].expand(1, 20000, N), state.c[:1, :1].expand(1, 20000, N))
    generator = torch.Generator().manual_seed(3)
    out = decoder.step(
        one, word[:1, :1].expand(1, 20000), annotations.select(slice(0, 1)), context="sample", generator=generator,
        with_logits=False,
    )  # fmt: skip
    frequency = out.weights[0].mean(0)
    torch.testing.assert_close(frequency, out.alpha[0, 0], atol=0.015, rtol=0)


@pytest.mark.parametrize("attention", ["soft", "none"])
def test_forward_is_step_after_step(attention):
    decoder = tiny(attention)
    annotations = decoder.annotate(torch.randn(B, L, D))
    words = torch.randint(0, V, (B, K, 4))
    logits, alphas = decoder.forward(annotations, words)
    state = decoder.start(annotations, K)
    for t in range(4):
        out = decoder.step(state, words[:, :, t], annotations)
        state = out.state
        torch.testing.assert_close(logits[:, :, t], out.logits)
        if alphas is not None:
            torch.testing.assert_close(alphas[:, :, t], out.alpha)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 9])
def test_a_few_rows_give_what_the_layer_gives(rows):
    layer, x = torch.nn.Linear(70, 33), torch.randn(1, rows, 70)
    with torch.inference_mode():
        found = linear(layer, x)
        assert found.shape == (1, rows, 33) and found.is_contiguous()
        torch.testing.assert_close(found, layer(x), rtol=1e-5, atol=1e-5)
    assert linear(layer, x).requires_grad
