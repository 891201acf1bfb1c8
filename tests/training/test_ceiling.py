"""The ceiling's score starts as the model's own and learns from the word alone what the state cannot know."""

from __future__ import annotations

import pytest
import torch

from sat.config import ModelConfig
from sat.errors import UserError
from sat.models.decoder import Decoder
from sat.training.ceiling import ToldScore, measure, packed, read, states_before
from sat.training.losses import grounding

B, K, T, L, D, V = 2, 3, 4, 9, 5, 11


@pytest.fixture
def decoder() -> Decoder:
    torch.manual_seed(0)
    config = ModelConfig(
        attention="soft", rows=3, columns=3, annotation_dim=D, embedding_dim=6, hidden_dim=7, attention_dim=4,
        vocabulary_size=V,
    )  # fmt: skip
    return Decoder(config).eval().requires_grad_(False)


def test_untaught_it_scores_as_the_model_does(decoder):
    annotations = decoder.annotate(torch.rand(B, L, D))
    words = torch.randint(4, V, (B, K, T))
    _, alphas = decoder(annotations, words)
    before = states_before(decoder, annotations, words)
    told = ToldScore(decoder).eval()
    log_alpha = told(annotations.values, before.flatten(1, 2), decoder.E(words.flatten(1)))
    torch.testing.assert_close(log_alpha.exp().unflatten(1, (K, T)), alphas)


def test_it_learns_where_each_word_lies_though_the_state_is_the_same(decoder):
    """Two words, two places, one state: no score of the state alone can put more than half into both."""
    values = torch.randn(1, L, D)
    hidden, words = torch.zeros(1, 2, 7), torch.tensor([[5, 6]])
    coverage = torch.zeros(2, L)
    coverage[0, 2], coverage[1, 7] = 1.0, 1.0
    told = ToldScore(decoder).train()
    optimizer = torch.optim.Adam(told.parameters(), lr=0.05)
    for _ in range(200):
        log_alpha = told(values, hidden, decoder.E(words))[0]
        loss = grounding((log_alpha + coverage.log()).logsumexp(-1), 0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    alpha = told.eval()(values, hidden, decoder.E(words))[0].exp()
    assert alpha[0, 2] > 0.9 and alpha[1, 7] > 0.9
    assert all(p.grad is None for p in decoder.parameters())


def test_questions_are_packed_in_order():
    wanted = torch.tensor([[False, True, False, True], [False, False, True, False], [False] * 4])
    positions, there = packed(wanted)
    assert positions[0].tolist() == [1, 3] and positions[1, 0] == 2
    assert there.tolist() == [[True, True], [True, False], [False, False]]


def test_only_a_grounded_model_has_one(tiny_folder, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tiny_folder))
    with pytest.raises(UserError, match="was not trained with boxes"):
        measure("soft-tiny", data=None, epochs=1, log=print)
    assert read(tiny_folder / "soft-tiny") is None
