"""What the Results page shows is what the files of the models say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from sat import checkpoints
from sat.evaluation import results
from sat.evaluation.published import COLUMNS, DATASETS, PUBLISHED, rows

SHIPPED = Path(__file__).parents[2] / "checkpoints"


@pytest.fixture(scope="module")
def found() -> list[results.Result]:
    return results.shipped(SHIPPED)


def test_the_papers_table_is_whole():
    assert [len(rows(name)) for name in DATASETS] == [4, 4, 7]
    assert all(len(row.scores) == len(COLUMNS) for row in PUBLISHED)
    sums = {name: [round(sum(v or 0 for v in row.scores), 2) for row in rows(name)] for name in DATASETS}
    assert sums == {  # of Table 1, added up by hand
        "flickr8k": [131.0, 170.71, 180.13, 185.7],
        "flickr30k": [154.6, 157.38, 176.49, 178.76],
        "coco": [20.41, 20.71, 160.0, 170.2, 198.43, 202.5, 205.94],
    }
    for row in PUBLISHED:  # n-gram precision falls with n
        given = [v for v in row.scores[:4] if v is not None]
        assert given == sorted(given, reverse=True)


def test_our_rows_hold_the_scores_of_metrics_json(found):
    for result in found:
        metrics = checkpoints.read_metrics(SHIPPED / result.model)
        record = metrics if result.context == metrics["decoding"]["context"] else metrics["expected"]
        for protocol in results.PROTOCOLS:
            table = results.score_rows(found, result.dataset, protocol)
            if record.get(protocol):
                (row,) = [r for r in table if r["model"] == result.label]
                assert {c: row[c] for c in COLUMNS} == {c: record[protocol].get(c) for c in COLUMNS}


def test_a_hard_model_has_a_row_a_context(found):
    labels = [r.label for r in found if r.model == "hard-flickr8k"]
    assert labels == ["hard-flickr8k", "hard-flickr8k (expected)"]
    assert all(
        "--model hard-flickr8k --dataset flickr8k --split test" in r.command for r in found if r.model == labels[0]
    )


def test_grounding_ends_with_the_baselines(found):
    table = results.grounding_rows(found, "flickr8k")
    assert [row["model"] for row in table[-2:]] == ["the centre", "everywhere alike"]
    soft = checkpoints.read_metrics(SHIPPED / "soft-flickr8k")["grounding"]
    assert (
        table[0]["correctness"] == soft["correctness_last"] and table[-2]["pointing"] == 100 * soft["centre_pointing"]
    )
    kinds = results.type_rows(found, "flickr8k")
    assert sum(row["how many"] for row in kinds) == sum(n["phrases"] for n in soft["by_type"].values())
    assert [row["how many"] for row in kinds] == sorted((row["how many"] for row in kinds), reverse=True)


def test_the_weights_are_named_by_their_hash(found):
    data = (SHIPPED / "soft-flickr8k" / "model.safetensors").read_bytes()
    (soft,) = [r for r in found if r.model == "soft-flickr8k"]
    assert soft.weights == hashlib.sha256(data).hexdigest()[:12]


def test_damaged_metrics_are_left_out(tmp_path):
    folder = tmp_path / "soft-x"
    folder.mkdir()
    (folder / "config.json").write_text((SHIPPED / "soft-flickr8k" / "config.json").read_text())
    (folder / "model.safetensors").write_bytes(b"")
    for text in (
        "",
        "[]",
        "{}",
        json.dumps({"model": "x"}),
        json.dumps({"decoding": 3, "model": "x", "split": "test"}),
    ):
        (folder / "metrics.json").write_text(text)
        assert results.shipped(tmp_path) == []
    (tmp_path / "soft-y").symlink_to(SHIPPED / "soft-flickr8k")
    assert [result.model for result in results.shipped(tmp_path)] == ["soft-flickr8k"]  # of the whole ones nothing is


def test_models_of_other_data_sets_leave_no_gap(found):
    others_first = sorted(found, key=lambda result: result.dataset == "flickr8k")
    assert others_first[0].dataset != "flickr8k"
    for table in (results.grounding_rows, results.hallucination_rows, results.type_rows):
        assert table(others_first, "flickr8k") == table(found, "flickr8k") != []


def test_hallucination_ends_with_people(found):
    table = results.hallucination_rows(found, "flickr8k")
    record = checkpoints.read_hallucination(SHIPPED / "soft-flickr8k")
    (soft,) = [row for row in table if row["model"] == "soft-flickr8k"]
    assert soft["CHAIR_i"] == record["objects"]["model"]["chair_i"] and table[-1]["model"] == "people"
    assert table[-1]["recall (80)"] == record["coco80"]["human"]["recall"]
    assert len({row["model"] for row in table}) == len(table)  # one way of decoding each
    assert results.hallucination_rows(found, "coco") == []


def test_a_ceiling_is_above_the_model_that_it_belongs_to(found):
    for result in results.ceilings(found, "flickr8k"):
        told = result.ceiling[result.split]
        assert told["phrases"] == result.metrics["grounding"]["phrases"]
        assert told["correctness_last"] > result.metrics["grounding"]["correctness_last"]


def test_speed_is_what_the_benchmarks_wrote(tmp_path):
    from benchmarks.results import read, summary_rows

    assert results.speed_rows() == summary_rows(read())
    (tmp_path / "summary.json").write_text('[{"what": 1}]')
    assert results.speed_rows(tmp_path / "summary.json") == [] == results.speed_rows(tmp_path / "none.json")
