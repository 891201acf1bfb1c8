"""Which faults there could be, and a sample of them; the faults themselves are those of Cosmic Ray."""

from __future__ import annotations

import ast
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from parso.tree import NodeOrLeaf

_ANNOTATIONS = {"tfpdef": 2, "annassign": 1}  # of a parameter and of a variable: which child; nothing runs there


@dataclass(frozen=True)
class Mutant:
    """One fault: an operator of Cosmic Ray at one place.

    Attributes:
        module: the file, relative to the project.
        operator: its name; occurrence: which of the places in the file that it could change, from 0.
        line: of the place, from 1; before, after: that line without and with the fault.
    """

    module: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str

    @property
    def key(self) -> str:
        """What it is, whatever lines stand before it."""
        return f"{self.module}: {self.before} => {self.after}"

    def source(self, root: Path) -> str:
        """The whole file with the fault in it."""
        operator = cosmic_ray.plugins.get_operator(self.operator)()
        return mutate_code((root / self.module).read_text(encoding="utf-8"), operator, self.occurrence)


def sample(root: Path, packages: list[str], count: int, seed: int) -> list[Mutant]:
    """``count`` faults, as many from each package; in each, places are drawn evenly, then a fault at the place."""
    drawn = random.Random(seed)
    chosen = []
    for number, package in enumerate(packages):
        places = defaultdict(list)
        for path in sorted((root / package).rglob("*.py")):
            module = str(path.relative_to(root))
            for operator, occurrence, place in _faults(path):
                places[module, place].append((operator, occurrence))
        wanted = count // len(packages) + (number < count % len(packages))
        mixed = iter(drawn.sample(sorted(places), len(places)))
        while wanted and (at := next(mixed, None)) is not None:
            operator, occurrence = drawn.choice(places[at])
            if mutant := _mutant(root, at[0], operator, occurrence, at[1][0]):
                chosen.append(mutant)
                wanted -= 1
    return chosen


def _faults(path: Path) -> list[tuple[str, int, tuple[int, int]]]:
    """Operator, occurrence and place of every fault that a file could have."""
    tree = get_ast_from_path(path)
    found = []
    for name in sorted(cosmic_ray.plugins.operator_names()):
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments():  # made for a project to fill in
            continue
        operator = kind()
        places = ((node, start) for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        found += [(name, n, start) for n, (node, start) in enumerate(places) if not _is_annotation(node)]
    return found


def _is_annotation(node: NodeOrLeaf) -> bool:
    while (parent := node.parent) is not None:
        if parent.type in _ANNOTATIONS and node is parent.children[_ANNOTATIONS[parent.type]]:
            return True
        if parent.type == "funcdef" and node is parent.annotation:
            return True
        node = parent
    return False


def _mutant(root: Path, module: str, operator: str, occurrence: int, line: int) -> Mutant | None:
    """The fault with its line; None where the file is no Python any more, which nobody needs a test to notice."""
    source = Mutant(module, operator, occurrence, line, "", "").source(root)
    try:
        ast.parse(source)
    except SyntaxError:
        return None
    before, after = (root / module).read_text(encoding="utf-8").splitlines(), source.splitlines()
    if len(before) == len(after):
        line = next((n for n, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b), line)
    return Mutant(module, operator, occurrence, line, before[line - 1].strip(), after[line - 1].strip())
