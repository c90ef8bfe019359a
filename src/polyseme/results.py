"""The one tidy table: one row a measurement, the same columns in every stage and report.

A missing value is null. `DICTIONARY` is the data dictionary; it is written beside each report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("corpus", pa.string()),
        ("representation", pa.string()),
        ("family", pa.string()),
        ("stage", pa.string()),
        ("task", pa.string()),
        ("strategy", pa.string()),
        ("part", pa.string()),
        ("probe", pa.string()),
        ("rank", pa.int64()),
        ("variant", pa.string()),
        ("layer", pa.string()),
        ("pooling", pa.string()),
        ("control", pa.bool_()),
        ("seed", pa.int64()),
        ("train_size", pa.int64()),
        ("split", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("num_items", pa.int64()),
        ("seconds", pa.float64()),
        ("words_seen", pa.int64()),
        ("num_parameters", pa.int64()),
        ("checked", pa.bool_()),
    ]
)

ITEM_SCHEMA = pa.schema(
    [
        ("item", pa.int64()),
        ("part", pa.string()),
        ("layer", pa.string()),
        ("variant", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("known", pa.bool_()),
    ]
)
"""Of values of single items, in the order of the test split, kept for comparisons."""

PROBED_SCHEMA = pa.schema(
    [
        ("representation", pa.string()),
        ("task", pa.string()),
        ("probe", pa.string()),
        ("layer", pa.string()),
        ("seed", pa.int64()),
        ("right", pa.list_(pa.int32())),
        ("units", pa.list_(pa.int32())),
    ]
)
"""Of a classifier's answers: right ones and units of each item, in the order of the test split."""

CHECK_SCHEMA = SCHEMA.append(pa.field("tolerance", pa.float64())).append(
    pa.field("reason", pa.string())
)
"""Of the rows of the invariance battery."""

STAGES = ("pretrain", "invariance", "finetune", "probe", "intrinsic", "baseline")
"""Of measurements, in the order of a report."""

TESTED = ("against", "p", "p_alone", "p_items", "sd_seeds", "sd_items")
"""Columns of the rows of tests."""

REPORT_SCHEMA = pa.schema(
    [
        *CHECK_SCHEMA,
        pa.field("num_bytes", pa.int64()),
        pa.field(TESTED[0], pa.string()),
        *(pa.field(name, pa.float64()) for name in TESTED[1:]),
    ]
)
"""Of the table of a report, which adds what run records tell, and tests."""

DICTIONARY = {
    "corpus": "corpus that the representation was trained on; null for baselines",
    "representation": "conf item; `<name>_init` is the same architecture with random weights; "
    "baselines that look at no representation carry their own name",
    "family": "static (one vector a type) or contextual (one vector a token); null for baselines",
    "stage": "pretrain, invariance, finetune, probe, intrinsic, baseline, or test: the difference "
    "of two systems in the main metric, `variant` saying which question it belongs to",
    "task": "conf item of the task, or the name of the intrinsic data set",
    "strategy": "transfer strategy; for intrinsic rows the policy for out-of-vocabulary words: "
    "skip (pairs with one are left out), zero (such pairs score 0), backoff (the vector of the "
    "nearest known form) or shared (only what all compared representations know)",
    "part": "part of the task that the row is about: a relation of analogies, a paradigm of "
    "minimal pairs; null: all of it",
    "probe": "conf item of the probe",
    "rank": "how much a probe may compute: rank of a linear or structural probe, width of an mlp; "
    "null where it is not limited",
    "variant": "one of several ways to measure the same: how a contextual representation gives a "
    "vector of a word type, by which rule an analogy is answered; null where there is one way",
    "layer": "0 is the input embedding; `mix` is a learned scalar mix of all layers",
    "pooling": "how subwords become one word vector: first, last or mean; null: words are whole",
    "control": "true: labels of the control task (random by word type), false: real labels",
    "seed": "seed of initialisation, order and sampling; for probes of initialisation and control "
    "labels only: their batches come in one order",
    "train_size": "labelled training items (sentences); null where nothing is trained",
    "split": "train, valid or test",
    "metric": "name of the measure; the unit of `value` follows from it: accuracy, macro_f1, "
    "selectivity, coverage, f1 (with precision and recall, of spans), relation_f1 (of relations "
    "with their direction), answered (words whose lemma occurs in training, or that have a "
    "vector), accuracy_with_backoff, purity, opp (outlier position), seen (words with an "
    "occurrence), uuas, uuas_chain, root_accuracy as fractions in 0..1 "
    "(selectivity -1..1), "
    "spearman, pearson, matthews, dspr and nspr in -1..1, anisotropy, self_similarity, "
    "intra_sentence_similarity (cosines) and max_explained_variance in -1..1, threshold a cosine "
    "(2: none), kilobits of labels, compression as a ratio, centre_of_gravity and "
    "expected_layer in layers, "
    "separation, detection_accuracy, replaced_share as fractions, bits_per_gap (and its floor, "
    "excess and error; also from_the_left, from_each_side) in bits a word, causal and masked: of "
    "the tokens that are predicted so, detection: of telling replaced tokens, "
    "bits_per_byte in bits per UTF-8 byte, perplexity per predicted token, word_perplexity per "
    "word (pseudo_...: of models that see both sides), loss in nats; in "
    "invariance rows the name of a check, whose value is the difference that it measured",
    "value": "the measurement",
    "low": "lower end of the 95 % interval of `value`, by bootstrap over items, in rows of tests "
    "over seeds as well; null where none was drawn",
    "high": "its upper end",
    "num_items": "items that it was measured on (words, sentences, pairs, tokens)",
    "seconds": "wall-clock seconds that the trained part of this row took on the machine of the "
    "report; the one column that differs between equal runs",
    "words_seen": "words of running text seen in pre-training, repetitions counted",
    "num_parameters": "parameters of the representation; in finetune rows, of the head as well",
    "checked": "in invariance rows, whether the check passed, null where it does not apply; in "
    "others, whether the representation passed all of them, null where they have not run",
    "tolerance": "largest difference with which a check of the invariance battery passes",
    "reason": "why such a check does not apply, or what it found",
    "num_bytes": "bytes of the weights of the representation, without any head",
    "against": "in rows of tests, system and strategy that are subtracted",
    "p": "of a true difference of 0, over seeds and items, corrected for all comparisons of its "
    "table (Holm)",
    "p_alone": "the same, not corrected",
    "p_items": "of these trained models, by exchanging items between them (permutation test); not "
    "corrected",
    "sd_seeds": "standard error of the difference that seeds account for",
    "sd_items": "standard error that the items of the test set account for",
}


def write(path: Path, rows: Iterable[Mapping[str, Any]], *, schema: pa.Schema = SCHEMA) -> None:
    """Write measurements as Parquet, in the given order.

    Raises:
        KeyError: a row has a key that is no column.
    """
    rows = list(rows)
    for row in rows:
        if unknown := row.keys() - set(schema.names):
            raise KeyError(f"not columns of the results table: {sorted(unknown)}")
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns, schema=schema), path)


def write_items(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write values of single items as Parquet, in the given order.

    Raises:
        KeyError: a row has a key that is no column.
    """
    write(path, rows, schema=ITEM_SCHEMA)


def read(path: Path, *, schema: pa.Schema = SCHEMA) -> list[dict[str, Any]]:
    """Rows of a results table; of a report's without what it adds."""
    rows: list[dict[str, Any]] = pq.read_table(path, schema=schema).to_pylist()
    return rows
