"""The one exception that a user is meant to see.

Whatever a person can do wrong (a broken picture, a misspelt model, a malformed caption file) ends in a
``UserError`` whose message is one sentence on what was wrong and what to do. The command line prints it and
exits with code 2; a page shows it in place of the result. Everything else is a bug and keeps its traceback.
"""

from __future__ import annotations

LONGEST = 500  # characters of a message


class UserError(Exception):
    """A mistake in the input, with a message that says what to do about it.

    Messages repeat what was given: names of files, pieces of text. So whatever was in it, a message is one line that
    can be shown (what cannot, line breaks and control characters among it, becomes ``�``), and not longer than
    ``LONGEST``: of a longer one the middle is left out.
    """

    def __init__(self, message: str) -> None:
        line = "".join(c if c.isprintable() else "\ufffd" for c in message)
        if len(line) > LONGEST:
            line = f"{line[: LONGEST * 3 // 5]} … {line[-(LONGEST * 2 // 5 - 3) :]}"
        super().__init__(line)
