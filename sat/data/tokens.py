"""From a published caption to the words that a model is trained on."""

from __future__ import annotations

import re

# A word starts with a letter or digit and may hold inner apostrophes, hyphens and stops ("t-shirt", "u.s");
# a leading apostrophe keeps the clitics of the published tokenisation ("'s", "n't").
_WORD = re.compile(r"'?[^\W_]+(?:['’.\-&/][^\W_]+)*", re.UNICODE)


def tokenize(caption: str) -> list[str]:
    """Lower-case words without punctuation, as the standard caption evaluation sees them."""
    return _WORD.findall(caption.lower())
