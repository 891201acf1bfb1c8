"""Cohen's kappa against examples worked by hand."""

from __future__ import annotations

import pytest

from sat.evaluation.agreement import TagAgreement, agreement


@pytest.mark.parametrize(
    ("counts", "observed", "kappa"),
    [
        # Said yes by 25 and 30 of 50: chance (25 * 30 + 25 * 20) / 2500 = 0.5, and (0.7 - 0.5) / (1 - 0.5) = 0.4.
        ((20, 5, 10, 15), 0.7, 0.4),
        # 60 and 70 of 100: chance 0.6 * 0.7 + 0.4 * 0.3 = 0.54; (0.6 - 0.54) / 0.46.
        ((45, 15, 25, 15), 0.6, 0.06 / 0.46),
        ((3, 0, 0, 5), 1.0, 1.0),
        ((0, 4, 4, 0), 0.0, -1.0),
        ((1, 1, 1, 1), 0.5, 0.0),
        ((0, 0, 1, 9), 0.9, 0.0),  # one never says it: no better than chance, whatever the share
        ((0, 0, 0, 7), 1.0, None),  # chance agrees always
        ((7, 0, 0, 0), 1.0, None),
        ((0, 0, 0, 0), None, None),
    ],
)
def test_kappa(counts: tuple[int, int, int, int], observed: float | None, kappa: float | None) -> None:
    found = TagAgreement("object", *counts)
    assert found.items == sum(counts)
    assert found.observed == observed
    assert found.kappa == (None if kappa is None else pytest.approx(kappa, abs=1e-12))


def test_tag_by_tag_and_overall() -> None:
    items = ["a", "b", "c", "d"]
    first = {"a": ["object", "count"], "b": ["object"], "d": ["mine"], "elsewhere": ["action"]}
    second = {"a": ["object"], "c": ["object", "object"], "d": ["mine", "grammar"]}
    found = agreement("A", "B", items, (first, second), ("object", "count", "grammar"))
    assert (found.first, found.second, found.items) == ("A", "B", 4)
    assert found.tags == (
        TagAgreement("object", both=1, first_only=1, second_only=1, neither=1),
        TagAgreement("count", both=0, first_only=1, second_only=0, neither=3),
        TagAgreement("grammar", both=0, first_only=0, second_only=1, neither=3),
        TagAgreement("mine", both=1, first_only=0, second_only=0, neither=3),
    )
    assert [tag.kappa for tag in found.tags] == [0.0, 0.0, 0.0, 1.0]
    # 16 decisions, yes by 4 and 4: chance (16 + 144) / 256 = 0.625, observed 12 / 16; 0.125 / 0.375.
    assert found.overall == TagAgreement("", both=2, first_only=2, second_only=2, neither=10)
    assert found.overall.kappa == pytest.approx(1 / 3)


def test_nothing_in_common() -> None:
    found = agreement("A", "B", [], ({"a": ["object"]}, {}))
    assert (found.items, found.tags, found.overall.kappa, found.overall.observed) == (0, (), None, None)
