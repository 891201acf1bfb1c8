"""One METEOR for all tests of this folder: starting it takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sat.evaluation.captions import Meteor


@pytest.fixture(scope="session")
def meteor() -> Iterator[Meteor]:
    """A running METEOR, for tests that do not end it."""
    with Meteor() as running:
        yield running
