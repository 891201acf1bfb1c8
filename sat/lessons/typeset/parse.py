"""The part of LaTeX that the lessons' formulas are written in, as a small tree.

Letters, digits and signs, ``_`` and ``^``, ``\\frac``, ``\\sqrt``, ``\\bar``, ``\\left`` with ``\\right``, ``\\text``,
``\\mathrm``, spaces, and the symbols of ``SYMBOLS``: enough for the paper's equations, and read the same by KaTeX in
the page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["letter", "number", "operator", "relation", "sign", "open", "close", "comma", "text"]


@dataclass(frozen=True)
class Symbol:
    """One sign: ``glyph`` is drawn (empty: its text is), ``text`` stands for it in plain characters."""

    text: str
    kind: Kind
    glyph: str = ""


@dataclass(frozen=True)
class Row:
    """One after the other."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Scripts:
    """A base with something below and above it."""

    base: Item
    sub: Item | None
    sup: Item | None


@dataclass(frozen=True)
class Fraction:
    """One thing over another."""

    above: Item
    below: Item


@dataclass(frozen=True)
class Root:
    """A square root."""

    body: Item


@dataclass(frozen=True)
class Bar:
    """A line over something."""

    body: Item


@dataclass(frozen=True)
class Fence:
    """Brackets as high as what they hold."""

    left: str
    body: Item
    right: str


@dataclass(frozen=True)
class Space:
    """Room, in parts of the type size."""

    width: float


Item = Symbol | Row | Scripts | Fraction | Root | Bar | Fence | Space

# Command, plain text, kind; the glyph has the command's name unless the text itself is drawn.
SYMBOLS: dict[str, Symbol] = {
    **{
        name: Symbol(name, "letter", name)
        for name in ("alpha", "beta", "gamma", "delta", "lambda", "sigma", "theta", "partial", "nabla")
    },
    "sum": Symbol("sum", "operator", "sum"),
    "prod": Symbol("prod", "operator", "prod"),
    "odot": Symbol("*", "sign", "odot"),
    "cdot": Symbol("*", "sign", "cdot"),
    "times": Symbol("x", "sign", "times"),
    "approx": Symbol("~=", "relation", "approx"),
    "le": Symbol("<=", "relation", "le"),
    "ge": Symbol(">=", "relation", "ge"),
    "sim": Symbol("~", "relation", "sim"),
    "propto": Symbol("~", "relation", "propto"),
    "in": Symbol("in", "relation", "in"),
    "to": Symbol("->", "relation", "to"),
    "mid": Symbol("|", "relation"),
    "ldots": Symbol("...", "letter"),
    "{": Symbol("{", "open"),
    "}": Symbol("}", "close"),
    **{name: Symbol(name, "operator") for name in ("log", "exp", "tanh", "cos", "max", "min")},
}
_SPACES = {",": 0.17, ";": 0.28, " ": 0.25, "quad": 1.0, "qquad": 2.0}
_SIGNS: dict[str, Kind] = {
    **dict.fromkeys("+-/", "sign"),
    **dict.fromkeys("=<>", "relation"),
    **dict.fromkeys("([", "open"),
    **dict.fromkeys(")]", "close"),
    **dict.fromkeys(",;:", "comma"),
    **dict.fromkeys("|!'.*", "letter"),
}
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)


def parse(latex: str) -> Row:
    """The tree of a formula.

    Raises:
        ValueError: it is not closed, or holds a command that is not known.
    """
    reader = _Reader(latex)
    row = reader.row("")
    return row


class _Reader:
    def __init__(self, latex: str) -> None:
        self.tokens = _TOKEN.findall(latex)
        self.latex = latex
        self.at = 0

    def next(self) -> str:
        if self.at >= len(self.tokens):
            raise ValueError(f"the formula ends too early: {self.latex}")
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def row(self, end: str) -> Row:
        """Up to ``end``, which is read too; up to the formula's end if it is empty."""
        items: list[Item] = []
        while True:
            if end and self.at >= len(self.tokens):
                raise ValueError(f"{end} is missing: {self.latex}")
            if not end and self.at >= len(self.tokens):
                return Row(tuple(items))
            token = self.next()
            if token == end:
                return Row(tuple(items))
            if token in ("_", "^"):
                raise ValueError(f"nothing stands before {token}: {self.latex}")
            if not token.isspace():
                items.append(self.scripts(self.item(token)))

    def scripts(self, base: Item) -> Item:
        sub = sup = None
        while self.peek() in ("_", "^"):
            which = self.next()
            body = self.item(self.next())
            if which == "_":
                sub = body
            else:
                sup = body
        return base if sub is None and sup is None else Scripts(base, sub, sup)

    def group(self) -> Item:
        token = self.next()
        while token.isspace():
            token = self.next()
        return self.item(token)

    def item(self, token: str) -> Item:
        if token == "{":
            return self.row("}")
        if token == "}":
            raise ValueError(f"a bracket too many: {self.latex}")
        if token[0] == "\\":
            return self.command(token[1:])
        if token[0].isdigit():
            return Symbol(token, "number")
        if token in _SIGNS:
            return Symbol(token, _SIGNS[token], "minus" if token == "-" else "")
        if token.isalpha() and token.isascii():
            return Symbol(token, "letter")
        raise ValueError(f"{token!r} cannot be set: {self.latex}")

    def command(self, name: str) -> Item:
        if name in SYMBOLS:
            return SYMBOLS[name]
        if name in _SPACES:
            return Space(_SPACES[name])
        if name == "frac":
            return Fraction(self.group(), self.group())
        if name == "sqrt":
            return Root(self.group())
        if name == "bar":
            return Bar(self.group())
        if name in ("text", "mathrm"):
            return Symbol(self.words(), "text" if name == "text" else "operator")
        if name == "left":
            left = self.next()
            body = self.row(r"\right")
            return Fence(left.strip("\\"), body, self.next().strip("\\"))
        raise ValueError(f"\\{name} is not known: {self.latex}")

    def words(self) -> str:
        if self.next() != "{":
            raise ValueError(f"text stands in brackets: {self.latex}")
        parts: list[str] = []
        while (token := self.next()) != "}":
            parts.append(token)
        return "".join(parts)
