"""A formula as one line of plain (ASCII) characters: what a screen reader says and what a file's recipe keeps."""

from __future__ import annotations

from sat.lessons.typeset.parse import Bar, Fence, Fraction, Item, Root, Row, Scripts, Space, Symbol, parse


def linear(latex: str) -> str:
    """The formula in a line: ``alpha_i = exp(e_i) / sum_k exp(e_k)``.

    Raises:
        ValueError: it is not one of the formulas that can be read.
    """
    return " ".join(_row(parse(latex)).split())


def _row(row: Row) -> str:
    text, before = "", ""
    for number, item in enumerate(row.items):
        kind, piece = _kind(item), _item(item)
        if isinstance(item, Fraction) and _is_factor(row, number):
            piece = f"({piece})"
        if kind == "sign" and before in ("", "relation", "sign", "open", "comma"):  # belongs to what follows
            text, kind = text + piece, "open"
        elif kind in ("relation", "sign"):
            text = f"{text.rstrip()} {piece} "
        elif kind == "comma":
            text = f"{text.rstrip()}{piece} "
        elif kind == "space":
            text += " "
        elif not text or text[-1] == " " or before == "open" or kind in ("close", "open"):
            text += piece
        else:
            text += f" {piece}"
        before = "close" if isinstance(item, Fence) else kind
    return text


def _is_factor(row: Row, number: int) -> bool:
    """Whether something stands beside an item that it is multiplied with."""
    apart = ("relation", "sign", "comma", "open", "space", "")
    left = _kind(row.items[number - 1]) if number else ""
    right = _kind(row.items[number + 1]) if number + 1 < len(row.items) else ""
    return left not in apart or right not in (*apart, "close")


def _kind(item: Item) -> str:
    if isinstance(item, Symbol):
        return item.kind
    if isinstance(item, Scripts):
        inner = _kind(item.base)
        return inner if inner in ("close", "operator") else "letter"
    if isinstance(item, Space):
        return "space"
    return "open" if isinstance(item, Fence) else "letter"


def _item(item: Item) -> str:
    if isinstance(item, Symbol):
        return item.text
    if isinstance(item, Row):
        return _row(item)
    if isinstance(item, Scripts):
        sub = "" if item.sub is None else f"_{_small(item.sub)}"
        sup = "" if item.sup is None else f"^{_small(item.sup)}"
        return f"{_item(item.base)}{sub}{sup}"
    if isinstance(item, Fraction):
        return f"{_part(item.above)} / {_part(item.below)}"
    if isinstance(item, Root):
        return f"sqrt({_item(item.body)})"
    if isinstance(item, Bar):
        return f"mean {_item(item.body)}"
    if isinstance(item, Fence):
        return f"{item.left}{_item(item.body)}{item.right}"
    return " "


def _small(item: Item) -> str:
    """A sub- or superscript: in brackets where it is more than a name or a number."""
    text = _item(item)
    joined = text.replace(" ", "")
    if joined.isalnum() and len(joined) <= 3 and all(len(part) == 1 for part in text.split()):
        return joined
    return text if text.replace(".", "").isalnum() else f"({joined})"


def _part(item: Item) -> str:
    """One side of a fraction: in brackets where it is a sum or a product."""
    text = _item(item)
    return text if " " not in text else f"({text})"
