"""Reading a caption again meets what was met when it was written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sat.analysis.reading import log_probs_with, logits_with, one_hots, read
from sat.errors import UserError
from sat.trace import Trace

from .small import L, captioned, plain_steps


def words_read(reading):
    return reading.chosen().numpy()


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"method": "beam", "beam": 3}, {"method": "sample", "context": "sample"}, {"context": "expected"}],
)
def test_a_trace_read_again_has_its_own_log_probs(attention, settings):
    captioner, raw, trace = captioned(attention, **settings)
    chosen = captioner.analyse(words_read, raw, trace)
    np.testing.assert_allclose(chosen[:-1], [s.log_prob for s in trace.steps], atol=1e-5)
    if settings.get("context") != "sample":
        assert chosen[-1] == pytest.approx(trace.end_log_prob, abs=1e-5)


def test_every_next_word_distribution_is_that_of_plain_steps(attending):
    captioner, raw, trace = attending
    found = captioner.analyse(lambda reading: reading.log_probs().numpy(), raw, trace)
    np.testing.assert_allclose(found, plain_steps(captioner, raw, trace), atol=1e-5)


def test_forced_weights_give_what_the_step_itself_gives(attending):
    captioner, raw, trace = attending
    weights = torch.rand(4, L).softmax(-1)

    def both(reading):
        moment = reading.at(1)
        fast = logits_with(reading.decoder, moment, reading.annotations, weights)
        state = type(moment.state)(moment.state.h.expand(1, 4, -1), moment.state.c.expand(1, 4, -1))
        beta = moment.out.beta.expand(1, 4)
        slow = reading.decoder.step(
            state, moment.word.expand(1, 4), reading.annotations, forced_weights=weights, forced_beta=beta
        )
        return fast, slow.logits[0]

    fast, slow = captioner.analyse(both, raw, trace)
    torch.testing.assert_close(fast, slow)


def test_one_place_at_a_time_equals_a_loop_over_places(attending):
    captioner, raw, trace = attending
    batch = captioner.analyse(lambda reading: log_probs_with(reading, 2, one_hots(reading)).numpy(), raw, trace)
    for place in range(L):
        slow = plain_steps(captioner, raw, trace, {2: np.eye(L)[place]})[2]
        np.testing.assert_allclose(batch[place], slow, atol=1e-5)


def test_what_does_not_fit_is_refused(attending):
    captioner, raw, trace = attending
    with pytest.raises(UserError, match="written by other"):
        captioner.analyse(words_read, raw, replace(trace, model="other"))
    with pytest.raises(UserError, match="annotations of 5 numbers"):
        captioner.analyse(words_read, raw[:, :-1], trace)
    step = replace(trace.steps[0], alpha=np.ones((1, 1), np.float32))
    with pytest.raises(UserError, match="do not fit the grid"):
        captioner.analyse(words_read, raw, replace(trace, steps=(step, *trace.steps[1:])))
    for wrong in (-1, len(trace.words) + 1):
        with pytest.raises(UserError, match="choose one of them"):
            captioner.analyse(lambda reading, wrong=wrong: reading.at(wrong), raw, trace)
    with pytest.raises(UserError, match="does not know the word 'zebra'"):
        captioner.analyse(lambda reading: reading.word_at(0, "zebra"), raw, trace)


def test_a_model_without_attention_has_nowhere_to_look():
    captioner, raw, trace = captioned("none")
    with pytest.raises(UserError, match="has no attention"):
        captioner.analyse(lambda reading: reading.attending(0), raw, trace)


def test_an_empty_caption_has_only_its_end():
    captioner, raw, trace = captioned("soft")
    empty = replace(trace, steps=())
    reading = read(captioner.decoder, captioner.vocabulary, raw, empty)
    assert reading.words == ("<end>",) and len(reading.moments) == 1


def test_readings_are_kept_and_told_apart(attending):
    captioner, raw, trace = attending

    def itself(reading):
        return reading

    once = captioner.analyse(itself, raw, trace)
    assert captioner.analyse(itself, raw.clone(), Trace.from_dict(trace.to_dict())) is once
    assert captioner.analyse(itself, raw + 1, trace) is not once
    shut = replace(trace, steps=(replace(trace.steps[0], beta=0.0), *trace.steps[1:]))
    assert captioner.analyse(itself, raw, shut) is not once
    for i in range(40):
        captioner.analyse(itself, raw + i, trace)
    assert captioner.analyse(itself, raw, trace) is not once  # only the latest are kept
