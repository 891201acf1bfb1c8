"""The way into the pages, without a page."""

from __future__ import annotations

import gc
import threading

import pytest

from sat.ui import entry


def test_what_the_first_page_loads_is_never_looked_at_again(monkeypatch):
    monkeypatch.setattr(entry, "_first", threading.Lock())
    kept = gc.get_freeze_count()
    with pytest.raises(ZeroDivisionError), entry._libraries_kept():
        assert not gc.isenabled()
        made = [[number] for number in range(1000)]
        raise ZeroDivisionError
    assert gc.isenabled() and gc.get_freeze_count() >= kept + len(made)
    kept = gc.get_freeze_count()
    with entry._libraries_kept():  # the next visitors' pages are nothing special
        assert gc.isenabled()
        others = [[number] for number in range(1000)]
    assert gc.get_freeze_count() < kept + len(others)
