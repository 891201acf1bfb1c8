"""The 80 object classes of COCO with the synonyms of the CHAIR metric, for those who have that list.

``chair/synonyms.txt`` has one class a line: its name and its synonyms, separated by commas. As in the published metric,
plurals count, a list of double words goes before single ones ("hot dog" is no dog, a "train track" no train), and a
baby or adult animal is that animal and not a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sat.data.dataset import Dataset, data_root
from sat.errors import UserError
from sat.evaluation.word_classes import WordClasses

SYNONYMS_FILE = Path("chair") / "synonyms.txt"
_NOTHING = "home plate", "train track"  # double words that name none of the 80
_ANIMALS = "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal", "cub"
_COMPOUNDS = {"passenger jet": "airplane", "passenger train": "train", "toilet seat": "toilet"}
_IRREGULAR = {
    "person": "people", "child": "children", "man": "men", "woman": "women", "goose": "geese", "ox": "oxen",
    "mouse": "mice", "knife": "knives", "calf": "calves", "foot": "feet",
}  # fmt: skip


def find_synonyms(dataset: Dataset) -> Path | None:
    """The list beside a data set's folder or in the data root; None where there is none."""
    places = (dataset.root.parent / SYNONYMS_FILE, data_root() / SYNONYMS_FILE)
    return next((path for path in places if path.is_file()), None)


def standard_classes(path: Path) -> WordClasses:
    """The classes of a synonym list, all of the kind ``objects``; double words that name none are ``nothing``.

    Raises:
        UserError: the file cannot be read or is no such list.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): get the synonym list of the CHAIR metric again.") from None
    rows = [[" ".join(word.lower().split()) for word in line.split(",")] for line in lines if line.strip()]
    if not rows or not all(row[0] for row in rows) or len({row[0] for row in rows}) < len(rows):
        raise UserError(f"{path} is no synonym list: it should have one class a line, name and synonyms by commas.")
    names = {row[0] for row in rows}
    terms = {form: row[0] for row in reversed(rows) for word in row if word for form in _forms(word)}  # the first wins
    of_compounds = {form: name for word, name in _COMPOUNDS.items() for form in _forms(word) if name in names}
    young = {
        f"{age} {form}": animal if animal in names else "nothing"
        for age in ("baby", "adult")
        for animal in _ANIMALS
        for form in _forms(animal)
    }
    terms = {**{form: "nothing" for word in _NOTHING for form in _forms(word)}, **young, **of_compounds, **terms}
    objects = {name: [form for form, owner in terms.items() if owner == name] for name in (row[0] for row in rows)}
    nothing = [form for form, owner in terms.items() if owner == "nothing"]
    return WordClasses({"objects": objects, "nothing": {"nothing": nothing}})


def _forms(word: str) -> Iterator[str]:
    """A word and its plural."""
    yield word
    for one, many in _IRREGULAR.items():
        if word.endswith(one):
            yield word.removesuffix(one) + many
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        yield f"{word[:-1]}ies"
    elif word.endswith(("s", "x", "z", "ch", "sh")):
        yield f"{word}es"
    else:
        yield f"{word}s"
