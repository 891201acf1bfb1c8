"""The packages that a requirements file brings, themselves and through others, as they are installed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@dataclass(frozen=True)
class Package:
    """An installed package."""

    name: str
    version: str
    distribution: Distribution

    @property
    def public_version(self) -> str:
        """The version without what a builder has added to it (2.9.0+cpu)."""
        return Version(self.version).public


def installed() -> dict[str, Package]:
    """All packages of this environment by their canonical names."""
    found: dict[str, Package] = {}
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        found.setdefault(name, Package(name, distribution.version, distribution))
    return found


def needed(file: Path, known: Mapping[str, Package]) -> list[Package]:
    """What a requirements file brings, by name.

    Raises:
        SystemExit: something is missing or not in its range.
    """
    found: dict[str, set[str]] = {}
    for requirement in read(file):
        _follow(requirement, known, found)
    return [known[name] for name in sorted(found)]


def read(file: Path) -> list[Requirement]:
    """The requirements of a file, and of those that it names."""
    requirements = []
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r"):
            requirements += read(file.parent / text[2:].strip())
        elif text:
            requirements.append(Requirement(text))
    return requirements


def _follow(requirement: Requirement, known: Mapping[str, Package], found: dict[str, set[str]]) -> None:
    """Add a package with what it needs itself; extras that come later are followed too."""
    name = canonicalize_name(requirement.name)
    package = known.get(name)
    if package is None or not requirement.specifier.contains(package.version, prereleases=True):
        have = "is not installed" if package is None else f"is installed as {package.version}"
        raise SystemExit(f"{requirement} is needed, and {name} {have}: pip install -r requirements-dev.txt")
    extras = {"", *requirement.extras}
    new = extras - found.get(name, set())
    found.setdefault(name, set()).update(extras)
    for text in package.distribution.requires or [] if new else []:
        inner = Requirement(text)
        if _applies(inner, new):
            _follow(inner, known, found)


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)
