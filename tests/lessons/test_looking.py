"""Looking at one place, the quick way and by ``Decoder.step``."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.errors import UserError
from sat.lessons.looking import look, prepare
from sat.models.decoder import State

from .slow import L, scene_of


def test_every_place_from_one_past_is_the_decoders_own_step(attending):
    def compare(reading):
        decoder, moment = reading.decoder, reading.at(1)
        state, logits = look(decoder, prepare(reading), moment.state, int(moment.word))
        for i in range(L):
            out = decoder.step(moment.state, moment.word, reading.annotations, forced_weights=torch.eye(L)[i])
            torch.testing.assert_close(logits[i], out.logits[0, 0], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(state.h[0, i], out.state.h[0, 0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(state.c[0, i], out.state.c[0, 0], atol=1e-5, rtol=1e-4)

    attending.look(compare)


def test_many_pasts_each_with_a_place_of_its_own(attending):
    seen = np.array([4, 0, 4])

    def compare(reading):
        decoder = reading.decoder
        torch.manual_seed(0)
        past = State(torch.randn(1, 3, 6), torch.randn(1, 3, 6))
        state, logits = look(decoder, prepare(reading), past, 5, seen)
        out = decoder.step(past, torch.full((1, 3), 5), reading.annotations, forced_weights=torch.eye(L)[seen])
        torch.testing.assert_close(logits, out.logits[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(state.h, out.state.h, atol=1e-5, rtol=1e-4)

    attending.look(compare)


def test_without_attention_there_are_no_places():
    with pytest.raises(UserError, match="has no attention"):
        scene_of("none").look(prepare)
