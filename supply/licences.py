"""The licence of an installed package, in a few words, from what it says of itself."""

from __future__ import annotations

import re
from importlib.metadata import Distribution

LONGEST = 90  # characters of a licence's name; longer ones are the licence itself
_TEXTS = {  # how the texts begin of those that give no name
    r"MIT License|Permission is hereby granted, free of charge": "MIT",
    r"Apache License": "Apache-2.0",
    r"BSD 3-Clause|Neither the name of": "BSD-3-Clause",
    r"Redistribution and use in source and binary forms": "BSD",
    r"NVIDIA": "NVIDIA proprietary",
    r"Mozilla Public License": "MPL-2.0",
}


def licence_of(distribution: Distribution) -> str:
    """Its licence: the expression, the name, the classifiers, or what the text of the licence file is."""
    metadata = distribution.metadata
    named = [*(metadata.get_all("License-Expression") or [""])[:1], *(metadata.get_all("License") or [""])[:1]]
    classified = [
        line.rpartition("::")[2].strip()
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    for text in (*named[:1], ", ".join(classified), *named[1:]):
        if text and text.strip() and text != "UNKNOWN" and len(text) <= LONGEST and "\n" not in text.strip():
            return text.strip().replace("|", "/")
    for text in (named[1], *_files(distribution)):
        for begins, name in _TEXTS.items():
            if re.search(begins, text):
                return name
    return "not said"


def _files(distribution: Distribution) -> list[str]:
    files = [f for f in distribution.files or [] if re.search(r"licen[cs]e|copying", f.name, re.IGNORECASE)]
    texts = []
    for file in files[:5]:
        try:
            texts.append(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
    return texts
