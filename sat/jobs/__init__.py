"""Training jobs: a queue of runs on Ray, on this machine or on a cluster, that outlives whoever started it.

``Jobs`` is the one object that pages and the command line use. A run is its folder; everything else here (the
register, Ray's own records) can be lost and is made again from the folders.

>>> from sat.jobs import Jobs
>>> run = Jobs().submit("soft-flickr8k", ["epochs=3"])
>>> run.state
<State.QUEUED: 'queued'>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sat.jobs.access import allowed
    from sat.jobs.runs import Order, Run, State, runs_root
    from sat.jobs.service import Jobs

__all__ = ["Jobs", "Order", "Run", "State", "allowed", "runs_root"]

_HOMES = {
    "Jobs": "service",
    "allowed": "access",
    "Order": "runs",
    "Run": "runs",
    "State": "runs",
    "runs_root": "runs",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the modules that a job itself runs must not load those that only watch it."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"sat.jobs.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sat.jobs' has no attribute {name!r}")
