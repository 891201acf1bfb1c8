"""The fuzzer finds what it is there to find, and a short run of it finds nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest

from fuzz import __main__ as program
from fuzz.case import Target, Wrong, load_target, not_a_sentence
from fuzz.runner import run_target
from fuzz.worker import run_case
from sat.errors import UserError


@pytest.mark.parametrize(
    ("name", "count"), [("pictures", 250), ("models", 40), ("captions", 90), ("settings", 150), ("stores", 100)]
)
def test_a_short_run_finds_nothing(name, count):
    target = load_target(f"fuzz.{name}")
    target.warm()
    outcomes = [run_case(target, 1, number) for number in target.light(count)]
    assert [outcome for outcome in outcomes if outcome.ending == "failed"] == []
    assert {outcome.ending for outcome in outcomes} == {"refused", "accepted"}  # it is neither all bad nor all good


def test_a_case_depends_on_its_seed_and_number_alone(tmp_path):
    target = load_target("fuzz.pictures")
    first, again, other = (run_case(target, seed, 11) for seed in (3, 3, 4))
    assert (first.kind, first.ending, first.told) == (again.kind, again.ending, again.told)
    assert first.told != other.told or first.ending != other.ending


# A target whose cases are what a program may do wrong. Workers find it by its name.


def _raise(error: Exception):
    raise error


def _kinds():
    return {
        "fine": lambda rng, folder: lambda: None,
        "refused": lambda rng, folder: lambda: _raise(UserError("This is bad: use another.")),
        "traceback": lambda rng, folder: lambda: _raise(KeyError("x")),
        "mumble": lambda rng, folder: lambda: _raise(UserError("no")),
        "wrong": lambda rng, folder: lambda: _raise(Wrong("two heads")),
        "slow": lambda rng, folder: lambda: _spin(0.6),
        "large": lambda rng, folder: lambda: np.ones(20_000_000),
        "crash": lambda rng, folder: lambda: __import__("os").abort(),
        "endless": lambda rng, folder: lambda: time.sleep(60),
    }


def _spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


TARGET = Target(name="badly", kinds=_kinds(), cases=9, seconds=0.5, megabytes=50.0, heavy=frozenset({"large"}))


def test_everything_that_can_go_wrong_is_told():
    numbers = list(range(len(TARGET.kinds)))
    outcomes = run_target("tests.fuzz.test_fuzz", 0, numbers, workers=2, patience=10)
    assert [outcome.number for outcome in outcomes] == numbers
    told = {outcome.kind: (outcome.ending, outcome.told) for outcome in outcomes}
    assert told["fine"] == ("accepted", "")
    assert told["refused"] == ("refused", "This is bad: use another.")
    for kind, said in {
        "traceback": "KeyError",
        "mumble": "does not end like a sentence",
        "wrong": "two heads",
        "slow": "more than 0.5",
        "large": "MB, more than 50",
        "crash": "exit code -6",
        "endless": "did not end within 5 s",
    }.items():
        assert told[kind][0] == "failed" and said in told[kind][1], (kind, told[kind])


def test_heavy_kinds_have_one_turn_in_four_and_none_in_the_short_run():
    kinds = [TARGET.kind_of(number) for number in range(4 * len(TARGET.kinds))]
    assert kinds.count("large") == 1 and len(set(kinds)) == len(TARGET.kinds)
    assert "large" not in [TARGET.kind_of(number) for number in TARGET.light(50)]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("It is bad: use another.", ""),
        ("two\nlines.", "has several lines or none"),
        ("", "has several lines or none"),
        ("a\x1bb.", "holds characters that cannot be shown"),
        ("no end", "does not end like a sentence"),
        ("a" * 700 + ".", "has 701 characters"),
    ],
)
def test_what_is_a_sentence(message, problem):
    assert not_a_sentence(message) == problem


def test_the_program_prints_a_table_and_one_case_again(capsys):
    assert program.main(["--only", "settings", "--case", "3", "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    assert "edits, " in printed and "Seed 0: 1 cases, 0 failed." in printed and "settings" in printed


def test_one_case_needs_one_target(capsys):
    with pytest.raises(SystemExit):
        program.main(["--case", "3"])
    assert "--case needs one --only" in capsys.readouterr().err


def test_damage_is_damage(tmp_path: Path):
    from fuzz import change

    rng = random.Random(0)
    plain = bytes(range(256)) * 4
    assert sum(change.damage(plain, rng) == plain for _ in range(50)) < 5
    record = {"a": [1, {"b": 2}], "c": "text"}
    assert sum(change.values(record, rng) == record for _ in range(50)) < 10
    assert record == {"a": [1, {"b": 2}], "c": "text"}  # the original stays as it is
