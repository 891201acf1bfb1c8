"""The README says what the program measured, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sat.evaluation.readme import README, with_tables


def test_its_tables_are_those_of_the_shipped_models(monkeypatch):
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: python -m sat.evaluation.readme"
    assert text.count("soft-flickr8k (ours)") >= 1 or "soft-flickr8k" in text.split("<!-- results -->")[1]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8")))))
def test_its_links_lead_somewhere(target):
    assert (README.parent / target).exists()


def test_its_commands_exist():
    """Every ``python -m sat COMMAND`` of the README is a command of the program."""
    from sat.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    named = set(re.findall(r"python -m sat ([a-z]+)", README.read_text(encoding="utf-8")))
    assert named <= known and len(named) >= 6
    assert Path(README.parent / "Makefile").is_file()
