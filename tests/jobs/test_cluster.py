"""What is told to Ray, without one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from sat.errors import UserError
from sat.jobs import cluster as module
from sat.jobs.cluster import PROJECT, Cluster
from sat.jobs.runs import Order


@pytest.fixture
def taken(monkeypatch) -> dict:
    """What the Jobs API was given."""
    given: dict = {}
    monkeypatch.setattr(Cluster, "_client", lambda self: SimpleNamespace(submit_job=lambda **what: given.update(what)))
    return given


def test_a_job_on_this_machine(tmp_path, taken, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAT_DATA", raising=False)
    monkeypatch.setenv("SAT_CACHE", "cache")
    Cluster(tmp_path).submit("j", tmp_path / "a run", Order(cpus=2.0), {"start_from": None})
    variables = taken["runtime_env"]["env_vars"]
    assert variables["SAT_JOB"] == "j" and variables["OMP_NUM_THREADS"] == "2"
    assert variables["SAT_DATA"] == str(tmp_path / "data") and variables["SAT_CACHE"] == str(tmp_path / "cache")
    assert variables["PYTHONPATH"].split(":")[0] == str(PROJECT)
    assert "working_dir" not in taken["runtime_env"] and "SAT_SETTINGS" not in variables
    assert taken["entrypoint"].endswith(f"-m sat.jobs.entry '{tmp_path / 'a run'}'")
    assert (taken["entrypoint_num_cpus"], taken["entrypoint_num_gpus"]) == (2.0, 0.0)
    assert taken["metadata"] == {"run": str(tmp_path / "a run")}


def test_a_team_reserves_nothing_for_the_one_who_waits_for_it(tmp_path, taken):
    Cluster(tmp_path).submit("j", tmp_path, Order(workers=2), {})
    assert taken["entrypoint_num_cpus"] is None and taken["entrypoint_num_gpus"] is None


def test_a_job_on_a_cluster_takes_code_and_settings_along(tmp_path, taken):
    settings = {"name": "x", "start_from": "soft-flickr8k"}
    Cluster(tmp_path, "http://far:8265/").submit("j", Path("/shared/x"), Order(gpus=1.0), settings)
    runtime = taken["runtime_env"]
    assert runtime["working_dir"] == str(PROJECT)
    assert json.loads(runtime["env_vars"]["SAT_SETTINGS"])["config"] == settings
    assert {"/.*/", "/data/", "/runs/"} <= set(runtime["excludes"])
    shipped = {path.name for path in (PROJECT / "checkpoints").iterdir()}
    left = {exclude.split("/")[2] for exclude in runtime["excludes"] if exclude.startswith("/checkpoints/")}
    assert left == shipped - {"soft-flickr8k"}  # training starts from that one
    assert taken["entrypoint"] == "exec python -m sat.jobs.entry /shared/x"


@pytest.mark.parametrize("address", ["far:8265", "ray://far:10001", "http://", "auto"])
def test_an_address_is_that_of_the_dashboard(tmp_path, address):
    with pytest.raises(UserError, match="http://head:8265"):
        Cluster(tmp_path, address)


def test_another_cluster_is_never_used_by_accident(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://somewhere:8265")
    with pytest.raises(UserError, match="RAY_ADDRESS is set: unset it"):
        Cluster(tmp_path, "http://127.0.0.1:9").ensure()


def test_where_nothing_answers(tmp_path, monkeypatch):
    for name in module.FOREIGN:
        monkeypatch.delenv(name, raising=False)
    for cluster in (Cluster(tmp_path), Cluster(tmp_path, "http://127.0.0.1:9")):
        assert cluster.news() is None and cluster.totals() is None and cluster.log("j") == ""
        cluster.stop("j")
        cluster.forget("j")
    with pytest.raises(UserError, match="cannot be reached"):
        Cluster(tmp_path, "http://127.0.0.1:9").ensure()
    with pytest.raises(UserError, match="not running on this machine"):
        Cluster(tmp_path).submit("j", tmp_path, Order(), {})


def test_the_token_of_a_named_cluster_is_where_ray_looks_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    named = Cluster(tmp_path, "http://far:8265")
    assert named._headers() == {}
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("from home\n")
    assert named._headers() == {"Authorization": "Bearer from home"}
    (tmp_path / "token").write_text("from file")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert named._headers() == {"Authorization": "Bearer from file"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "itself")
    assert named._headers() == {"Authorization": "Bearer itself"}
