"""Who may train."""

from __future__ import annotations

import pytest

from sat.errors import UserError
from sat.jobs.access import UNLISTED, listed
from sat.jobs.runs import State
from sat.jobs.service import Jobs


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"email": "ann@lab.org"}, True),
        ({"email": " Ann@Lab.org ", "email_verified": True}, True),
        ({"email": "ann@lab.org", "email_verified": False}, False),
        ({"email": "ann@lab.org", "email_verified": "false"}, False),
        ({"email": "bob@lab.org"}, False),
        ({"email": "eve@school.edu"}, True),  # the whole domain
        ({"email": "eve@evil.school.edu"}, False),
        ({"email": "school.edu"}, False),
        ({"email": "@school.edu"}, False),  # an entry of the list is nobody's address
        ({"email": ""}, False),
        ({"email": None}, False),
        ({}, False),
    ],
)
def test_who_is_on_the_list(monkeypatch, user, expected):
    monkeypatch.setenv("SAT_TRAINERS", "ann@lab.org, @School.edu ,")
    assert listed(user) is expected


def test_without_a_list_nobody_is_on_it(monkeypatch):
    monkeypatch.delenv("SAT_TRAINERS", raising=False)
    assert not listed({"email": "ann@lab.org"}) and not listed({"email": ""})


def test_the_launcher_asks_at_every_change(jobs, queue, config, make_run):
    """A page that was drawn before somebody was taken off the list can do nothing any more."""
    answers = [True, False]
    service = Jobs(jobs.root, permit=lambda: answers.pop(0))
    service.cluster = queue
    assert service.submit(config, name="mine").state is State.QUEUED
    with pytest.raises(UserError) as refused:
        service.stop("mine")
    assert str(refused.value) == UNLISTED and queue.stopped == []
    assert service.get("mine").state is State.QUEUED and answers == []
