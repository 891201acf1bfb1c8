"""The rules of a public demo, without a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from sat.errors import UserError
from sat.evaluation.found import evaluations
from sat.lessons.meteor import Statistics
from sat.public import Bucket, Share, hosts, is_public, server_options, without_paths
from sat.review import NoBook


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True), ("yes", True)])
def test_the_switch(monkeypatch, value, expected):
    monkeypatch.setenv("SAT_PUBLIC", value)
    assert is_public() is expected


def test_a_share_is_so_many_at_once_and_then_so_many_a_minute():
    now = [100.0]
    bucket = Bucket(Share("looked at as much", 3, 6.0), clock=lambda: now[0])
    for _ in range(3):
        bucket.spend()
    with pytest.raises(UserError, match=r"^You have looked at as much as .*: try again in 10 s\.$"):
        bucket.spend()
    now[0] += 4  # refusals cost nothing: six of the ten seconds remain
    with pytest.raises(UserError, match=r"again in [67] s\.$"):
        bucket.spend()
    now[0] += 6.01
    bucket.spend()
    now[0] += 3600  # never more than three at once
    for _ in range(3):
        bucket.spend()
    with pytest.raises(UserError):
        bucket.spend()


def test_no_folder_of_the_server_is_in_a_sentence(monkeypatch):
    monkeypatch.setenv("SAT_DATA", "/srv/our data")
    here = str(Path(__file__).parents[1])
    for sentence, expected in {
        f"{here}/checkpoints/soft/config.json is damaged.": "checkpoints/soft/config.json is damaged.",
        "/srv/our data/flickr8k is not here: name it.": "flickr8k is not here: name it.",
        "The file '/etc/ssl/private/key.pem' is damaged.": "The file 'key.pem' is damaged.",
        "Words and/or maps, 3/4 of them: https://example.org/a/b stays.": (
            "Words and/or maps, 3/4 of them: https://example.org/a/b stays."
        ),
        f"There is no model in {here}.": "There is no model in a folder of the server.",
    }.items():
        assert without_paths(sentence) == expected


def test_hosts_are_names():
    assert hosts({}) == []
    assert hosts({"SAT_HOSTS": " demo.example.org, *.lab.org ,localhost,"}) == [
        "demo.example.org",
        "*.lab.org",
        "localhost",
    ]
    for bad in ("https://demo.example.org", "a b", "demo.example.org:80", "a.*.org"):
        with pytest.raises(UserError, match="not the name of a host"):
            hosts({"SAT_HOSTS": bad})


def test_the_options_of_the_server():
    options = server_options(["demo.example.org", "*.lab.org"], public=True)
    assert options["server.allowedHosts"] == ["demo.example.org", "*.lab.org"]
    assert options["client.showErrorDetails"] == ["none"] and options["client.toolbarMode"] == ["viewer"]
    assert options["server.enableXsrfProtection"] == options["server.enableCORS"] == ["true"]
    assert options["server.maxUploadSize"] == ["10"] and options["browser.gatherUsageStats"] == ["false"]
    assert "server.allowedHosts" not in server_options([], public=False)


def test_streamlit_knows_these_options():
    from streamlit import config

    known = config.get_config_options()
    assert set(server_options(["a.org"], public=True)) <= set(known)


def test_reviews_are_kept_nowhere():
    book = NoBook()
    with pytest.raises(UserError, match="not kept"):
        book.add_tag("e", "i", "count", person="me")
    assert book.tags("e") == [] and book.people("e") == [] and book.note("e", "i", person="me") == ""


def test_evaluations_of_the_server_are_not_found(monkeypatch, tmp_path):
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    monkeypatch.setenv("SAT_PUBLIC", "1")
    monkeypatch.setattr("sat.evaluation.found.runs_root", lambda: pytest.fail("the runs are looked through"))
    assert evaluations() and all(one.shipped for one in evaluations())


def test_the_program_that_needs_a_gigabyte_is_not_started(monkeypatch):
    monkeypatch.setenv("SAT_PUBLIC", "1")
    with pytest.raises(UserError, match="gigabyte"), Statistics():
        pass
