"""Pairs of texts and numbers on a scale, all the way from labelled data to rows and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from scipy import stats

from polyseme import results
from polyseme.data.tokenizer import WordPieces
from polyseme.models import word2vec
from polyseme.models.base import TEXT
from polyseme.models.common.table import Table
from polyseme.runtime.settings import Runtime
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import IGNORE
from polyseme.transfer.cells import Outcome
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.outcomes import rows_of

WORDS = [f"w{i}" for i in range(20)]
COMMON = {"epochs": 12, "batch_size": 8, "head_lr": 0.05, "dropout": 0.0}
STRATEGIES = {"frozen": COMMON, "full": COMMON | {"encoder_lr": 0.005}}


def _outcome(
    pieces: WordPieces, folder: Path, *, strategy: str, family: str, labels: Any, size: int = 300
) -> tuple[Outcome, list[dict[str, Any]]]:
    """Fine-tune on pairs of words whose label is a function of both."""
    random = np.random.default_rng(0)
    splits = {}
    for name, number in {"train": size, "valid": 80, "test": 80}.items():
        pairs = random.integers(len(WORDS), size=(number, 2))
        texts = [[WORDS[a], "of", TEXT, "the", WORDS[b]] for a, b in pairs]
        splits[name] = tasks.Split(texts, [labels(a, b) for a, b in pairs], places=[[2]] * number)
    (folder / "task").mkdir()
    metric = "pearson" if family == "relatedness" else "accuracy"
    card = {"name": "toy", "family": family, "main_metric": metric}
    tasks.write(folder / "task", splits, card)
    task = PreparedTask(folder / "task")
    table = Table([*WORDS, "of", "the"], 64, pieces, "zero")
    table.reset(0)
    evaluation = Evaluation(
        lambda: table, "weights", word2vec, {strategy: STRATEGIES[strategy]},
        seeds=[0], train_sizes=["all"], identity={}, scratch=folder,
        runtime=Runtime(num_threads=1, precision="fp32", progress=False),
    )  # fmt: skip
    (job,) = evaluation.jobs(task)
    (outcome,), (cell,) = evaluation.outcomes(task, "digest", job), job
    rows = list(rows_of(cell, outcome, {"corpus": "c", "representation": "r", "family": "static"}))
    return outcome, rows


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_head_learns_a_score_on_any_scale_and_leaves_it_in_rows_and_predictions(
    pieces: WordPieces, in_tmp: Path, strategy: str
) -> None:
    outcome, rows = _outcome(
        pieces,
        in_tmp,
        strategy=strategy,
        family="relatedness",
        labels=lambda a, b: 1000.0 + 40 * a - 15 * b,
    )
    results.write(in_tmp / "rows.parquet", rows)
    found = {(r["split"], r["metric"]): r["value"] for r in results.read(in_tmp / "rows.parquet")}
    assert {metric for _, metric in found} == {"pearson", "spearman"}
    table = outcome.predictions.filter(pc.equal(outcome.predictions["split"], "test"))
    gold, predicted = (np.array(table[c].to_pylist(), float) for c in ("gold", "predicted"))
    assert found["test", "pearson"] == pytest.approx(stats.pearsonr(gold, predicted).statistic)
    assert found["test", "spearman"] == pytest.approx(stats.spearmanr(gold, predicted).statistic)
    assert found["test", "pearson"] > 0.95
    assert np.abs(gold - predicted).mean() < 0.1 * np.ptp(gold)
    assert {row["num_items"] for row in rows} == {80}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_score_that_looks_like_no_label_counts_like_others(
    pieces: WordPieces, in_tmp: Path, strategy: str
) -> None:
    outcome, _ = _outcome(
        pieces,
        in_tmp,
        strategy=strategy,
        family="relatedness",
        size=40,
        labels=lambda a, b: float(IGNORE) * (a % 2),
    )
    assert outcome.scores["test"]["num_items"] == 80


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_head_tells_which_of_two_texts_a_word_is_in(
    pieces: WordPieces, in_tmp: Path, strategy: str
) -> None:
    _, rows = _outcome(
        pieces, in_tmp, strategy=strategy, family="sentence_pair", labels=lambda _, b: f"{b % 2}"
    )
    assert {r["metric"] for r in rows} == {"accuracy", "macro_f1"}
    assert min(r["value"] for r in rows if r["split"] == "test") > 0.9
