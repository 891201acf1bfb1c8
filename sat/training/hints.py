"""What to do about an error that ended a run, in one sentence."""

from __future__ import annotations

import re

_HINTS = (
    (
        r"out of memory|can't allocate memory|memory ?error|memory pressure|cublas_status_alloc_failed",
        "There was too little memory: make batch_pictures smaller (half of it is a good next try), train on fewer "
        "workers, or close what else is running; then clone the run with the change.",
    ),
    (
        r"loss became|not a number",
        "The last good state is kept: clone the run with a learning_rate a third as large or a smaller clip_norm.",
    ),
    (
        r"no space left|disk quota|file too large|could not be written|free some space",
        "The disk is full: free some space (old runs can be deleted), then resume; nothing that was saved is lost.",
    ),
    (
        r"was deleted while",
        "The run's folder is gone: submit the run again if that was a mistake.",
    ),
    (
        r"has no (train|dev|test) pictures|does not exist: (make|download|put|copy|name)|data prepare|captions\.csv",
        "The data set is missing or incomplete: say 'python -m sat data check NAME' to see what, make it ready with "
        "'python -m sat data prepare NAME', then resume.",
    ),
    (
        r"signal 9|sigkill|exit code -9|exit code 137",
        "It was killed from outside, most often because memory ran out: resume; if it happens again, make "
        "batch_pictures smaller.",
    ),
    (
        r"nccl|gloo|connection (closed|reset|refused)|worker.*(died|crashed)|actor.*died",
        "A worker or the connection to it was lost: resume, and the run goes on from the last saved state.",
    ),
)


def hint(error: BaseException | str) -> str:
    """What to do about an error, or nothing where only its own words help."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    for pattern, advice in _HINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return advice
    return ""
