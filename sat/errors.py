"""The one exception that a user is meant to see.

Whatever a person can do wrong (a broken picture, a misspelt model, a malformed caption file) ends in a
``UserError`` whose message is one sentence on what was wrong and what to do. The command line prints it and
exits with code 2; a page shows it in place of the result. Everything else is a bug and keeps its traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """A mistake in the input, with a message that says what to do about it."""
