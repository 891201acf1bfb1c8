"""Formulas in one line of plain characters."""

from __future__ import annotations

import pytest

from sat.lessons.typeset.linear import linear


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"e_{ti} = v^T \tanh(W_a a_i + W_h h_{t-1})", "e_ti = v^T tanh(W_a a_i + W_h h_(t-1))"),
        (r"\alpha_i = \frac{\exp(e_i)}{\sum_k \exp(e_k)}", "alpha_i = exp(e_i) / (sum_k exp(e_k))"),
        (r"c_t = f_t \odot c_{t-1} + i_t \odot g_t", "c_t = f_t * c_(t-1) + i_t * g_t"),
        (r"\log p(y \mid a) \le 0", "log p(y | a) <= 0"),
        (r"\mathrm{softmax}\left(\frac{Q K^T}{\sqrt{d}}\right) V", "softmax((Q K^T) / sqrt(d)) V"),
        (r"\bar{a} = \frac{1}{L} \sum_i a_i", "mean a = (1 / L) sum_i a_i"),
        (r"\beta_t = \sigma(-1.23) = 0.226", "beta_t = sigma(-1.23) = 0.226"),
        (r"-\log p + \lambda", "-log p + lambda"),
        (r"3.1 \cdot 10^{-5}, \quad x", "3.1 * 10^(-5), x"),
        (r"b \to 0.9 \, b", "b -> 0.9 b"),
        (r"s \in \{1, \ldots, L\}", "s in {1, ..., L}"),
        (r"p(\text{dog}) = 1", "p(dog) = 1"),
    ],
)
def test_a_formula_reads_well(latex, text):
    assert linear(latex) == text
