"""Pictures that are there before anything is uploaded: photographs inside installed packages, and generated shapes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from sat.errors import UserError
from sat.images import Picture, from_array, read_picture


@dataclass(frozen=True)
class Sample:
    """A picture: its name in links, its label, and how to read it."""

    name: str
    label: str
    read: Callable[[], Picture]


# Of scikit-image's pictures only these photographs are in its wheel; the others would be downloaded.
_PHOTOGRAPHS = (
    ("photographer", "Photographer", "camera.png"),
    ("motorcycle", "Motorcycle", "motorcycle_left.png"),
    ("astronaut", "Astronaut", "astronaut.png"),
    ("cat", "Cat", "chelsea.png"),
    ("rocket", "Rocket", "rocket.jpg"),
    ("coffee", "Coffee", "coffee.png"),
)
_DRAWN = re.compile(r"test-(\d{5})")  # generated test pictures by number, which evaluations of shapes lead to
_SHAPES = (("shapes", "Shapes", 5), ("more-shapes", "More shapes", 11))  # numbers of generated test pictures


@lru_cache(maxsize=1)
def samples() -> tuple[Sample, ...]:
    """The sample pictures that are there, the one to begin with first."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    photographs = [
        Sample(name, label, partial(read_picture, folder / file))
        for name, label, file in _PHOTOGRAPHS
        if (folder / file).is_file()
    ]
    return (*photographs, *(Sample(name, label, partial(_shapes, number)) for name, label, number in _SHAPES))


def sample_names() -> list[str]:
    """The names for links, in the order of display."""
    return [sample.name for sample in samples()]


def is_sample(name: str) -> bool:
    """Whether there is a sample picture of that name: one that is displayed, or any generated test picture."""
    return name in sample_names() or _DRAWN.fullmatch(name) is not None


def read_sample(name: str) -> Picture:
    """The sample picture of that name.

    Raises:
        UserError: there is none.
    """
    for sample in samples():
        if sample.name == name:
            return sample.read()
    drawn = _DRAWN.fullmatch(name)
    if drawn is not None:
        return _shapes(int(drawn[1]))
    raise UserError(f"There is no sample called {name!r}: choose {', '.join(sample_names())}.")


def _shapes(number: int) -> Picture:
    from sat.data import shapes

    return from_array(shapes.picture(0, "test", number)[0])
