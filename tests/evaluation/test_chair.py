"""The published synonym list: plurals, double words, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sat.data.dataset import Dataset
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.evaluation.chair import SYNONYMS_FILE, find_synonyms, standard_classes

LIST = """person, man, woman, policeman, child
dog, puppy
elephant
airplane, jet
train
knife, knive
hot dog
tie,  bow tie
bus
orange
"""


@pytest.fixture
def synonyms(tmp_path: Path) -> Path:
    path = tmp_path / SYNONYMS_FILE
    path.parent.mkdir()
    path.write_text(LIST)
    return path


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Two policemen and a woman with children", ["person", "person", "person"]),
        ("Puppies eat hot dogs with knives", ["dog", "hot dog", "knife"]),
        ("A baby elephant and an adult dog", ["elephant", "dog"]),
        ("A passenger jet over the train tracks", ["airplane"]),
        ("buses , a bow tie and an orange shirt", ["bus", "tie", "orange"]),
        ("a mandolin", []),
    ],
)
def test_mentions(synonyms: Path, caption: str, expected: list[str]) -> None:
    found = standard_classes(synonyms).mentions(tokenize(caption))
    assert [m.name for m in found if m.kind == "objects"] == expected


def test_where_the_list_is_looked_for(synonyms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAT_DATA", str(tmp_path / "empty"))
    assert find_synonyms(Dataset("flickr8k", tmp_path / "flickr8k", ())) == synonyms
    elsewhere = Dataset("folder", tmp_path / "a" / "b", ())
    assert find_synonyms(elsewhere) is None
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    assert find_synonyms(elsewhere) == synonyms


@pytest.mark.parametrize("content", [b"", b"dog, puppy\n, cat\n", b"dog\ndog\n", b"\xff\xfe\x00"])
def test_damaged_lists(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "synonyms.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="synonym list"):
        standard_classes(path)
