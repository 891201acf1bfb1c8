"""The lock and the list of licences."""

from __future__ import annotations

import re
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from supply.__main__ import LICENCES, LOCK, RUNTIME, licences, lock
from supply.closure import Package, installed, needed, read
from supply.licences import licence_of


class _Distribution:
    """As importlib's, by hand."""

    files: tuple = ()

    def __init__(self, requires: tuple[str, ...] = (), **metadata: str) -> None:
        self.requires, self.metadata = list(requires), Message()
        for name, value in metadata.items():
            self.metadata[name.replace("_", "-")] = value


def package(name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> Package:
    distribution: Any = _Distribution(requires)
    return Package(name, version, distribution)


def test_what_a_package_needs_is_followed_through_markers_and_extras(tmp_path: Path):
    (tmp_path / "base.txt").write_text("A_b>=1,<2  # what it is for\n")
    (tmp_path / "all.txt").write_text("-r base.txt\nc[more]\n")
    known = {
        "a-b": package("a-b", "1.5", ("d; python_version >= '3'", "never; python_version < '3'")),
        "c": package("c", "2.0", ("e; extra == 'more'", "never; extra == 'less'")),
        "d": package("d", "0.1", ("c",)),  # round and round
        "e": package("e", "3.0+cpu"),
        "unused": package("unused"),
    }
    assert [p.name for p in needed(tmp_path / "base.txt", known)] == ["a-b", "c", "d"]
    everything = needed(tmp_path / "all.txt", known)
    assert lock(everything).splitlines()[-4:] == ["a-b==1.5", "c==2.0", "d==0.1", "e==3.0"]
    with pytest.raises(SystemExit, match="a-b is installed as 2.5"):
        needed(tmp_path / "base.txt", {"a-b": package("a-b", "2.5")})
    with pytest.raises(SystemExit, match="a-b is not installed"):
        needed(tmp_path / "base.txt", {})
    table = licences(everything[:2], everything)
    assert table.index("| a-b |") < table.index("tests and tools") < table.index("| e |")


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "x"}, "MIT OR Apache-2.0"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD License"),
        ({"License": "Apache 2.0"}, "Apache 2.0"),
        ({"License": "Copyright\n\nPermission is hereby granted, free of charge, to any person"}, "MIT"),
        ({}, "not said"),
    ],
)
def test_licences_in_a_few_words(metadata, licence):
    distribution: Any = _Distribution(**metadata)
    assert licence_of(distribution) == licence


def test_the_lock_has_what_the_program_needs_in_its_ranges():
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    for requirement in read(RUNTIME.with_name("requirements-dev.txt")):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert requirement.specifier.contains(locked[name]), requirement
    listed = LICENCES.read_text(encoding="utf-8")
    assert all(f"| {name} | {version}" in listed for name, version in locked.items())
    assert Requirement("streamlit").name in installed()
