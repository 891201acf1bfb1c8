"""Who may train from here: nobody in a public demo; where people log in, those whom a list names; else everybody.

The page asks before it shows anything, and ``Jobs`` asks again before it changes anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sat.errors import UserError
from sat.public import is_public

LIST = "SAT_TRAINERS"
PUBLIC = "This is a public demo: training is switched off here (SAT_PUBLIC); run your own copy for it."
UNLISTED = f"Only those whom {LIST} names may train here: ask whoever runs this server."


def allowed() -> bool:
    """Whether training may be started from here: not in a public demo (``SAT_PUBLIC=1``)."""
    return not is_public()


def listed(user: Mapping[str, Any]) -> bool:
    """Whether a person who has logged in may train.

    Args:
        user: what the identity provider says of the person (OpenID Connect: ``email``, ``email_verified``).

    ``$SAT_TRAINERS`` names the addresses, separated by commas; ``@lab.org`` is everybody of that domain, and nobody is
    named where it is not set. An address that the provider calls unverified is nobody's.
    """
    address = str(user.get("email") or "").strip().lower()
    name, at, domain = address.rpartition("@")
    if not (name and at and domain) or user.get("email_verified") in (False, "false", "False"):
        return False
    named = {entry.strip().lower() for entry in os.environ.get(LIST, "").split(",")}
    return address in named or f"@{domain}" in named


def check_allowed() -> None:
    """Refuse in a public demo.

    Raises:
        UserError: it is one.
    """
    if not allowed():
        raise UserError(PUBLIC)
