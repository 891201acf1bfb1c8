"""The load: its sums are right, and a short run of it finds nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from load import __main__ as program
from load.pictures import make
from load.report import Load, growth, quantile
from load.visitor import Notes, Seen
from sat.images import read_picture


def test_every_picture_is_its_visitors_own():
    made = {key: make(*key) for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]}
    assert len({upload.digest for upload in made.values()}) == 4
    for key, upload in made.items():
        assert upload == make(*key)
        assert read_picture(upload.data).digest == upload.digest


def test_quantiles_are_values_that_were_measured():
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([5.0], 0.95) == 5.0
    assert quantile([float(n) for n in range(1, 101)], 0.95) == 95.0


def test_growth_is_that_of_the_end():
    weighed = [(2.0 * n, 500.0 if n < 150 else 1000.0 + n - 150) for n in range(301)]  # ten minutes, two seconds apart
    grown, window = growth(weighed)
    assert window == 300.0 and grown == pytest.approx((1000 + 135.5) / (1000 + 14.5) - 1, abs=0.002)
    assert growth(weighed[:5]) == (0.0, 0.0)
    assert growth([(float(n), 800.0) for n in range(60)]) == (0.0, 29.5)


def load(**changes) -> Load:
    seen = Seen((0, 0, 0), "soft", ("a", "dog"), "explore", 1.0, time.monotonic())
    values = {
        "sessions": 2, "minutes": 1.0, "think": (5.0, 15.0), "alone": (0.5, 0.5), "together": (1.0, 2.0),
        "notes": Notes(seen=[seen], steps=[0.1]), "memory": (800.0, 810.0, 900.0), "growth": 0.01, "window": 30.0,
        "differing": (), "compared": 1, "busy": 0.4,
    }  # fmt: skip
    return Load(**{**values, **changes})


def test_the_report_says_what_was_met():
    assert load().met and "4.0" in "\n".join(load().lines())
    page = load().as_page()
    assert "| that over the median of one visitor | 4.0 | at most 10: met |" in page and "5 to 15 s" in page
    for changes in (
        {"together": (1.0, 6.0)},
        {"memory": (800.0, 1100.0, 1150.0)},
        {"memory": (800.0, 810.0, 1300.0)},
        {"growth": 0.06},
        {"differing": ("soft on (0, 0, 0)",)},
        {"notes": Notes(errors=["it fell"])},
        {"notes": Notes(wrong=["somebody else's"])},
    ):
        assert not load(**changes).met


def test_options_out_of_range_are_one_line(capsys):
    with pytest.raises(SystemExit):
        program.main(["--sessions", "0"])
    assert "1 to 500 sessions" in capsys.readouterr().err


@pytest.mark.slow
def test_a_short_run_finds_no_error_and_no_wrong_picture(capsys):
    with ThreadPoolExecutor(1) as apart:  # from the loop of the browser's tests
        apart.submit(program.main, ["--sessions", "3", "--minutes", "0.5", "--think", "1", "3"]).result()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    counts = {line[0]: line for line in rows if line and line[0] in ("errors", "wrong", "captions")}
    assert counts["errors"][1] == "0", rows
    assert "0" in counts["wrong"] and counts["wrong"][-1] == "met"
    assert counts["captions"][-1] == "met"
