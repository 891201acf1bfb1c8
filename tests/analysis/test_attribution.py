"""The parts of a logit: they add up, and each is what it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.analysis.attribution import attribute
from sat.vocabulary import START

from .small import VOCABULARY, L, captioned, plain_steps


def parts(found):
    return found.previous_word + found.hidden_state + found.image + found.bias


@pytest.mark.parametrize("kind", ["soft", "hard", "none", "rnn", "log-bilinear"])
def test_the_parts_add_up_to_the_logit(kind):
    captioner, raw, trace = captioned(kind)
    for step in range(len(trace.words) + 1):
        for word in VOCABULARY.words[2:]:
            found = captioner.analyse(attribute, raw, trace, step, word)
            assert parts(found) == pytest.approx(found.total, abs=1e-4)
            if captioner.attention == "none":
                assert found.cells is None and (found.image == 0) == (kind != "log-bilinear")
                assert (found.previous_word == 0) == (kind == "rnn")
            else:
                assert found.cells.sum() == pytest.approx(found.image, abs=1e-4)


def test_logits_are_the_models_own(attending):
    captioner, raw, trace = attending
    log_probs = plain_steps(captioner, raw, trace)
    for step, word in enumerate([*trace.words, "<end>"]):
        own = captioner.analyse(attribute, raw, trace, step)
        assert own.word == word and own.against is None
        rival = captioner.analyse(attribute, raw, trace, step, word, "sits")
        difference = log_probs[step][VOCABULARY.encode([word])[0] if word != "<end>" else 2]
        assert rival.total == pytest.approx(difference - log_probs[step][VOCABULARY.encode(["sits"])[0]], abs=1e-4)
        other = captioner.analyse(attribute, raw, trace, step, "sits")
        assert rival.image == pytest.approx(own.image - other.image, abs=1e-4)
        assert rival.bias == pytest.approx(own.bias - other.bias, abs=1e-4)
        np.testing.assert_allclose(rival.cells, own.cells - other.cells, atol=1e-4)


def test_the_parts_of_a_log_bilinear_logit_are_its_terms():
    captioner, raw, trace = captioned("log-bilinear")
    p = {name: t.double().numpy() for name, t in captioner.decoder.state_dict().items()}
    found = captioner.analyse(attribute, raw, trace, 1, "dog", "red")
    dog, red = VOCABULARY.encode(["dog", "red"])
    row, m = p["E.weight"][dog] - p["E.weight"][red], 7
    x = ((raw[0].double().numpy() - p["annotation_mean"]) / p["annotation_std"]).mean(0)
    last = p["E.weight"][VOCABULARY.encode(trace.words[:1])[0]]
    assert found.image == pytest.approx(row @ p["C_m.weight"] @ x, abs=1e-3)
    assert found.previous_word == pytest.approx(row @ p["C.weight"][:, :m] @ last, abs=1e-3)
    start = p["C.weight"][:, m:].reshape(m, -1, m).sum(1) @ p["E.weight"][START]  # all the words before
    assert found.hidden_state == pytest.approx(row @ start, abs=1e-3)
    assert found.bias == pytest.approx(p["L_o.bias"][dog] - p["L_o.bias"][red], abs=1e-4)


def test_parts_are_integrated_gradients_of_the_deep_output(attending):
    """Each part by a fine sum of gradients along the straight line from a silent hidden layer."""
    captioner, raw, trace = attending

    def slow(reading, step, word):
        decoder, moment = reading.decoder, reading.at(step)
        row = decoder.L_o.weight[word].double().detach()
        pieces = [
            decoder.E(moment.word)[0, 0],
            decoder.L_h.weight @ moment.out.state.h[0, 0],
            decoder.L_z(moment.out.context[0, 0]),
            decoder.L_h.bias,
        ]
        pieces = [piece.double() for piece in pieces]
        whole = sum(pieces)
        shares = np.zeros(4)
        N = 2000
        for k in range(N):
            slope = 1 - torch.tanh((k + 0.5) / N * whole) ** 2  # of the tanh, at the middle of each piece of the line
            shares += [float(row @ (slope * piece)) / N for piece in pieces]
        return shares

    word = VOCABULARY.encode(["dog"])[0]
    found = captioner.analyse(attribute, raw, trace, 1, "dog")
    shares = captioner.analyse(slow, raw, trace, 1, word)
    bias = float(captioner.decoder.L_o.bias.detach()[word])
    np.testing.assert_allclose(
        [found.previous_word, found.hidden_state, found.image, found.bias - bias], shares, atol=1e-3
    )


def test_a_cell_speaks_by_its_own_annotation(attending):
    captioner, raw, trace = attending

    def slow(reading):
        decoder, moment = reading.decoder, reading.at(1)
        s = decoder.E(moment.word)[0, 0] + decoder.L_h(moment.out.state.h[0, 0]) + decoder.L_z(moment.out.context[0, 0])
        cells = []
        for i in range(L):
            z = moment.out.beta[0, 0] * moment.out.weights[0, 0, i] * reading.annotations.values[0, i]
            cells.append(float(decoder.L_o.weight[5] @ (decoder.L_z(z) * torch.tanh(s) / s)))
        return cells

    found = captioner.analyse(attribute, raw, trace, 1, VOCABULARY.words[5])
    np.testing.assert_allclose(found.cells.flatten(), captioner.analyse(slow, raw, trace), atol=1e-5)
