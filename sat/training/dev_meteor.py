"""METEOR of the dev captions of every epoch, scored beside the training, which does not wait for it.

METEOR is a Java program that takes seconds to start and then a few milliseconds a caption: one process, in a thread of
its own, serves a whole run. Without Java, or without the memory for it, a run trains as well and says so once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.evaluation.captions import Meteor
from sat.training.run import RunFolder

MEMORY = 600 * 2**20  # bytes that the Java process takes


class DevMeteor:
    """Scores what it is given, one epoch after the other, and records it in the run folder as ``kind: meteor``.

    Args:
        references: of the dev pictures, by name.
    """

    def __init__(self, references: Mapping[str, Sequence[str]], folder: RunFolder) -> None:
        self.names = tuple(references)
        self.references = [[" ".join(tokenize(text)) for text in references[name]] for name in self.names]
        self.folder = folder
        self._asked: queue.SimpleQueue[tuple[int, int, list[str]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def score(self, epoch: int, step: int, captions: Mapping[str, str]) -> None:
        """Ask for the score of an epoch's captions; comes back at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="meteor", daemon=True)
            self._thread.start()
        self._asked.put((epoch, step, [" ".join(tokenize(captions[name])) for name in self.names]))

    def close(self, wait: float) -> None:
        """Let it finish what was asked, for so many seconds; what is late then is not scored."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join(wait)
            self._thread = None

    def _work(self) -> None:
        # What fails here fails for the curve alone: a full disk or a deleted folder is for the training to report.
        try:
            with Meteor() as meteor:
                while (asked := self._asked.get()) is not None:
                    epoch, step, captions = asked
                    score = meteor.score(self.references, captions)
                    self.folder.record(kind="meteor", epoch=epoch, step=step, METEOR=score)
        except UserError as error:
            with suppress(UserError, OSError):
                self.folder.log(f"METEOR on dev is left out: {error}")


def with_meteor(folder: RunFolder) -> list[dict]:
    """The records of the epochs of a run, METEOR among the dev scores of those that have it."""
    scores = {record.get("epoch"): record.get("METEOR") for record in folder.metrics("meteor")}
    epochs = folder.metrics("epoch")
    for record in epochs:
        if isinstance(record.get("dev"), dict) and scores.get(record.get("epoch")) is not None:
            record["dev"]["METEOR"] = scores[record["epoch"]]
    return epochs
