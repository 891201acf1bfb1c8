"""An evaluation with rows: what it writes, that everything else stays as it was, and that nothing computed is lost."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from sat.captioner import Captioner
from sat.cli import app
from sat.data import shapes
from sat.data.dataset import Dataset
from sat.data.entities import ALIGNED_FILE, AlignedPicture
from sat.data.features import extract
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.evaluation import captions, task
from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.captions import Meteor
from sat.evaluation.evaluate import Evaluation, evaluate
from sat.evaluation.grounding import box_coverage
from sat.evaluation.parts import EvaluationStopped
from sat.vocabulary import Vocabulary

PICTURES, BATCH = 10, 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, tiny_captioners: dict[str, Captioner]) -> Path:
    """A folder with ten test pictures of shapes and, in ``cache``, their annotations."""
    root = tmp_path_factory.mktemp("data")
    dataset = shapes.generate(root / "shapes", count={"test": PICTURES})
    paths = [example.path for example in dataset.examples]
    extract(tiny_captioners["soft-tiny"].encoder, paths, cache=root / "cache")
    return root


@contextmanager
def quick(root: Path, meteor: Meteor) -> Iterator[pytest.MonkeyPatch]:
    """Small batches, one METEOR for all, and text tokenised without Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAT_CACHE", str(root / "cache"))
        patch.setenv("SAT_DATA", str(root))
        patch.setattr(task, "_BATCH", BATCH)
        patch.setattr("sat.evaluation.evaluate.Meteor", lambda: nullcontext(meteor))
        patch.setattr(captions, "ptb_tokenize", lambda texts: [" ".join(tokenize(text)) for text in texts])
        yield patch


@pytest.fixture
def dataset(root: Path, meteor: Meteor) -> Iterator[Dataset]:
    with quick(root, meteor):
        yield shapes.load(root)


@pytest.fixture(scope="module")
def whole(
    root: Path, meteor: Meteor, tiny_captioners: dict[str, Captioner], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Evaluation]]:
    """By name of a model, the folder of its evaluation with rows that nothing disturbed, and what came of it."""

    @cache
    def evaluated(name: str) -> tuple[Path, Evaluation]:
        folder = tmp_path_factory.mktemp("whole") / name
        with quick(root, meteor):
            return folder, evaluate(tiny_captioners[name], shapes.load(root), "test", seed=5, out=folder, rows=True)

    return evaluated


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that are captioned."""
    sizes: list[int] = []
    decode = Captioner.caption_annotations

    def counted(self: Captioner, raw: torch.Tensor, *args, **kwargs):
        sizes.append(len(raw))
        return decode(self, raw, *args, **kwargs)

    monkeypatch.setattr(Captioner, "caption_annotations", counted)
    return sizes


def content(folder: Path) -> dict[str, bytes]:
    """What an evaluation wrote, the rows as they are read."""
    assert not [path for path in folder.iterdir() if path.is_dir() and path.name != "store"]
    store = EvaluationStore.open(folder)
    words = [store.words(i, alphas=True) for i in range(store.count())]
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    rows = {"pictures": store.page(count=1000).rows, "words": words, "about": store.about}
    return {**files, "rows": repr(rows).encode()}


@pytest.mark.parametrize("name", ["soft-tiny", "hard-tiny", "none-tiny", "log-bilinear-tiny"])
def test_rows_beside_what_was_there_before(
    name: str,
    dataset: Dataset,
    tiny_captioners: dict[str, Captioner],
    tmp_path: Path,
    whole: Callable[[str], tuple[Path, Evaluation]],
) -> None:
    blind = name in ("none-tiny", "log-bilinear-tiny")
    plain, (full, done) = tmp_path / "plain", whole(name)
    evaluate(tiny_captioners[name], dataset, "test", seed=5, out=plain)
    assert sorted(path.name for path in plain.iterdir()) == ["captions.jsonl", "metrics.json"]
    assert sorted(path.name for path in full.iterdir()) == [
        "captions.jsonl", "hallucination.json", "metrics.json", "store",
    ]  # fmt: skip
    for file in ("captions.jsonl", "metrics.json"):
        assert (full / file).read_bytes() == (plain / file).read_bytes()

    store = EvaluationStore.open(full)
    assert (store.about["model"], store.about["dataset"], store.about["classes"]) == (name, "shapes", "shapes")
    pictures = store.page(count=PICTURES).rows
    for row, record in zip(pictures, done.records, strict=True):
        assert {key: row[key] for key in ("image", "caption", "words", "references")} == {
            key: record[key] for key in ("image", "caption", "words", "references")
        }
        assert row["log_prob"] == record["log_prob"] and row["length"] == len(record["words"])
        words = store.words(row["picture"], alphas=True)
        assert [word["word"] for word in words] == record["words"]
        for measure in ("entropy", "beta"):
            expected = [None] * len(words) if blind else record[measure]
            assert [word[measure] for word in words] == expected
        assert all((word["alpha"] is None) is (blind) for word in words)
        assert all((word["place"] is None) is (name != "hard-tiny") for word in words)
        assert all(word["evidence"] is not None for word in words)
        assert all((word["necessity"] is None) is (blind) for word in words)
    means = {score: np.mean([row[score] for row in pictures]) for score in ("CIDEr", "ROUGE-L")}
    assert means == pytest.approx({score: done.metrics["standard"][score] for score in means}, abs=1e-4)
    divergences = store.values(["step_divergence"], kind="words")["step_divergence"]
    if not blind:
        assert np.nanmean(divergences) == pytest.approx(done.metrics["attention"]["step_divergence"], abs=1e-4)

    found = json.loads((full / "hallucination.json").read_text())
    assert found == done.hallucination and found["coco80"] is None
    assert (found["model"], found["classes"], found["decoding"]) == (name, "shapes", done.metrics["decoding"])
    model = found["objects"]["model"]
    assert model["captions"] == PICTURES and found["objects"]["human"]["captions"] == PICTURES
    bad = [
        word for i in range(PICTURES) for word in store.words(i) if word["kind"] == "things" and word["hallucinated"]
    ]
    assert len(bad) == model["hallucinated"]
    assert model["chair_s"] == pytest.approx(10 * sum(row["hallucinated"] > 0 for row in pictures))


def test_attention_in_true_boxes(
    dataset: Dataset,
    tiny_captioners: dict[str, Captioner],
    tmp_path: Path,
    whole: Callable[[str], tuple[Path, Evaluation]],
) -> None:
    captioner = tiny_captioners["soft-tiny"]
    counts = Counter(word for record in whole("soft-tiny")[1].records for word in record["words"])
    common = counts.most_common(1)[0][0]
    names = ["shape" if word == common else word for word in captioner.vocabulary.words]  # it says what can be there
    renamed = Captioner(captioner.decoder, Vocabulary(names), captioner.encoder)
    evaluate(renamed, dataset, "test", out=tmp_path, rows=True)
    store = EvaluationStore.open(tmp_path)
    seen = 0
    rows = store.page(count=PICTURES).rows
    for number, example in enumerate(dataset.examples):
        _, record, _ = shapes.picture(0, "test", number)
        assert record.image == example.name
        check_boxed(rows[number], store.words(number, alphas=True), record)
        everything = [box for boxes in record.boxes.values() for box in boxes]  # each of them is of a shape
        for word in store.words(number, alphas=True):
            if word["word"] == "shape":
                cover = box_coverage(everything, 224, 224, 14, 14)
                assert word["word_class"] == "shape" and word["hallucinated"] is False
                assert word["box_mass"] == pytest.approx((word["alpha"] * cover).sum(), abs=1e-3)
                assert word["box_uniform"] == pytest.approx(cover.mean())
                seen += 1
            else:
                assert word["box_mass"] is None and word["box_hit"] is None
    assert seen == store.count([Condition("box_mass", "known")], kind="words") == counts[common]


def check_boxed(row: dict, words: list[dict], record: AlignedPicture) -> None:
    """Objects of shapes with boxes: the caption says "shape" of all of them or names none, and looks somewhere."""
    step = next((i for i, word in enumerate(row["words"]) if word == "shape"), None)
    assert {one["name"] for one in row["boxed"]} <= set(row["objects_in_references"]) and row["boxed"]
    everything = [box for boxes in record.boxes.values() for box in boxes]
    inside = [float((word["alpha"] * box_coverage(everything, 224, 224, 14, 14)).sum()) for word in words]
    for one in row["boxed"]:
        assert one["step"] == step and (one["at_word"] is None) is (step is None)
        assert 0 < one["most"] <= inside[one["most_step"]] + 1e-3 and 0 < one["uniform"] < 1
        assert 0 < one["elsewhere"] < 1
        assert step is None or one["at_word"] <= min(one["most"], inside[step] + 1e-3)


def stop_after(calls: int) -> Callable[[], bool]:
    asked = iter(range(calls))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize("calls", [0, 4])
def test_stopped_and_gone_on_with(
    calls: int,
    dataset: Dataset,
    tiny_captioners: dict[str, Captioner],
    tmp_path: Path,
    whole: Callable[[str], tuple[Path, Evaluation]],
    decoded: list[int],
) -> None:
    expected = content(whole("hard-tiny")[0])  # two ways of decoding, three batches each, and so has grounding
    decoded.clear()
    captioner, stages = tiny_captioners["hard-tiny"], []
    with pytest.raises(EvaluationStopped, match="pictures\\): start it again to go on"):
        evaluate(captioner, dataset, "test", seed=5, out=tmp_path, rows=True, should_stop=stop_after(calls))
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
    evaluate(captioner, dataset, "test", seed=5, out=tmp_path, rows=True, progress=lambda *p: stages.append(p))
    assert decoded == [4, 4, 2] * 2  # no batch twice
    assert stages[-1] == ("rows", PICTURES, PICTURES)
    assert content(tmp_path) == expected


def test_without_rows_a_stop_keeps_nothing(
    dataset: Dataset, tiny_captioners: dict[str, Captioner], tmp_path: Path
) -> None:
    with pytest.raises(EvaluationStopped, match=r"start it again\.$"):
        evaluate(tiny_captioners["soft-tiny"], dataset, "test", out=tmp_path / "out", should_stop=lambda: True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="written to a folder: name one"):
        evaluate(tiny_captioners["soft-tiny"], dataset, "test", rows=True)


KILLED = """
import os, signal, sys
from contextlib import nullcontext
from pathlib import Path

from sat.captioner import load
from sat.data import shapes
from sat.evaluation import evaluate as module, task

root, model, out, where = sys.argv[1:]
task._BATCH = 4
module.Meteor = nullcontext  # not needed: this process ends before
replace = os.replace


def kill_at(source, target):  # the file is written, and has not yet got its name
    if where in str(target):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)


os.replace = kill_at
module.evaluate(load(model), shapes.load(Path(root)), "test", out=Path(out), rows=True)
"""


@pytest.mark.parametrize(
    ("where", "again"),
    [("captions-00001", 2), ("captions-grounding", 0)],
    ids=["while a batch is written", "after all batches"],
)
def test_killed_and_gone_on_with(
    where: str,
    again: int,
    root: Path,
    dataset: Dataset,
    tiny_folder: Path,
    tiny_captioners: dict[str, Captioner],
    tmp_path: Path,
    whole: Callable[[str], tuple[Path, Evaluation]],
    decoded: list[int],
) -> None:
    expected = content(whole("soft-tiny")[0])
    decoded.clear()
    arguments = [str(root), str(tiny_folder / "soft-tiny"), str(tmp_path), where]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list((tmp_path / "parts").glob("captions-?????.parquet"))) == 3 - again
    evaluate(tiny_captioners["soft-tiny"], dataset, "test", seed=5, out=tmp_path, rows=True)
    assert len(decoded) == again
    assert content(tmp_path) == expected  # and no parts, no half-written file


def test_other_settings_start_anew(
    dataset: Dataset, tiny_captioners: dict[str, Captioner], tmp_path: Path, decoded: list[int], caplog
) -> None:
    captioner = tiny_captioners["soft-tiny"]
    with pytest.raises(EvaluationStopped):
        evaluate(captioner, dataset, "test", out=tmp_path, rows=True, should_stop=stop_after(1))
    assert len(decoded) == 2
    decoded.clear()
    greedy = captioner.config.decoding.model_copy(update={"method": "greedy"})
    evaluate(captioner, dataset, "test", out=tmp_path, rows=True, decoding=greedy)
    assert len(decoded) == 3
    assert json.loads((tmp_path / "metrics.json").read_text())["decoding"]["beam"] == 1
    (dataset.root / ALIGNED_FILE).rename(tmp_path / "boxes")
    try:
        with caplog.at_level(logging.WARNING):
            evaluate(captioner, dataset, "test", out=tmp_path / "bare", rows=True)
    finally:
        (tmp_path / "boxes").rename(dataset.root / ALIGNED_FILE)
    assert "grounding is null" in caplog.text
    assert all(row["box_words"] == 0 for row in EvaluationStore.open(tmp_path / "bare").page().rows)


@pytest.mark.parametrize(
    ("option", "said"), [("--rows", "stopped; go on with the same command"), ("--no-rows", "stopped")]
)
def test_ctrl_c_says_how_to_go_on(
    option: str,
    said: str,
    dataset: Dataset,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = []

    def interrupted(*_: object, rows: bool, **__: object) -> None:
        wanted.append(rows)
        raise KeyboardInterrupt

    monkeypatch.setattr("sat.evaluation.evaluate.evaluate", interrupted)
    arguments = ["--model", "soft-tiny", "--dataset", "shapes", "--split", "test", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        app(["evaluate", *arguments, option])
    assert ended.value.code == 130 and wanted == [option == "--rows"]
    assert capsys.readouterr().err.strip() == said
