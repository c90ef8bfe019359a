"""Edge tasks: spans and labels from trees and tags, what a probe sees, and input that is broken."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from polyseme.data.tokenizer import WordPieces
from polyseme.errors import DataError
from polyseme.language import gold
from polyseme.models.common.table import Table
from polyseme.probes.base import Probed
from polyseme.probes.common.evaluate import evaluate as probe
from polyseme.tasks import base, controlled_edges, entity_types, ud_edges
from polyseme.tasks.base import Split
from polyseme.tasks.common import edges, preparation
from polyseme.tasks.common.prepared import PreparedTask, trainable
from polyseme.tasks.families.base import get
from polyseme.tasks.families.edge import require_spans

TREE = [("2", "det"), ("3", "nsubj:pass"), ("0", "root"), ("3", "punct"), ("_", "_")]
FILES = {name: f"{name}.conllu" for name in base.SPLITS}


def _text(rows: list[tuple[str, str]]) -> str:
    lines = [f"{n}\tw{n}" + "\t_" * 4 + f"\t{h}\t{r}\t_\t_" for n, (h, r) in enumerate(rows, 1)]
    return "\n".join([*lines, "", ""])


def _ud(folder: Path, texts: str, **values: Any) -> Any:
    for file in FILES.values():
        (folder / file).write_text(texts)
    options = ud_edges.Config(module="x", source="x", files=FILES, **values)
    return ud_edges.prepare(options, folder)["train"]


def test_an_edge_is_a_word_its_head_and_the_universal_relation(tmp_path: Path) -> None:
    split = _ud(tmp_path, _text(TREE), per_sentence=9)
    assert split.sentences == [["w1", "w2", "w3", "w4", "w5"]] * 3
    assert split.places == [[0, 1, 1, 2], [1, 2, 2, 3], [3, 4, 2, 3]]
    assert split.labels == ["det", "nsubj", "punct"]


def test_a_relation_that_is_new_is_drawn_before_others(tmp_path: Path) -> None:
    common = [("2", "det"), ("0", "root"), *[("2", "punct")] * 8]
    texts = _text(common) * 40 + _text([*common, ("2", "vocative")]) + _text(common) * 40
    split = _ud(tmp_path, texts, per_sentence=2)
    counts = Counter(split.labels)
    assert counts["vocative"] == 1
    assert split.places[split.labels.index("vocative")] == [10, 11, 1, 2]
    assert len(split) == 81 * 2
    assert counts["det"] / len(split) == pytest.approx(1 / 9, abs=0.07)
    assert split == _ud(tmp_path, texts, per_sentence=2)
    assert len(set(map(tuple, split.places))) > 5
    assert len(_ud(tmp_path, texts, per_sentence=2, max_sentences={"train": 3})) == 6


BROKEN = [
    ([("0", "root"), ("0", "root")], r"word 2 \('w2'\) is a second root"),
    ([("2", "x"), ("1", "x")], r"word 1 \('w1'\) depends on itself"),
    ([("0", "root"), ("3", "x"), ("2", "x")], r"word 2 \('w2'\) depends on itself"),
]


@pytest.mark.parametrize(("rows", "what"), BROKEN)
def test_what_is_no_tree_is_refused(tmp_path: Path, rows: Any, what: str) -> None:
    first = _text(TREE)
    with pytest.raises(DataError, match=what) as caught:
        _ud(tmp_path, first + _text(rows), per_sentence=1)
    line = first.count("\n") + 1
    assert str(caught.value).startswith(f"{tmp_path / 'train.conllu'}:{line}: word ")
    assert str(caught.value).endswith("; correct the heads of the sentence that begins here")


def test_one_relation_alone_has_nothing_to_probe(tmp_path: Path) -> None:
    _ud(tmp_path, _text([("0", "root"), ("1", "det")]), per_sentence=1)
    values = {"module": "ud_edges", "source": "x", "files": FILES, "per_sentence": 1}
    with pytest.raises(DataError, match="source x: has one label only: 'det'; check its source"):
        preparation.prepare(preparation.configured("toy", values), tmp_path)


def test_a_prepared_edge_task_is_probed_and_not_trained(tmp_path: Path) -> None:
    _ud(tmp_path, _text(TREE), per_sentence=3)
    values = {"module": "ud_edges", "source": "x", "files": FILES, "per_sentence": 3}
    splits, card = preparation.prepare(preparation.configured("toy", values), tmp_path)
    assert (card["family"], card["probed_only"], card["main_metric"]) == ("edge", True, "accuracy")
    (tmp_path / "toy").mkdir()
    base.write(tmp_path / "toy", splits, card)
    assert trainable(tmp_path, ["toy"]) == []
    assert base.read(tmp_path / "toy", "train") == splits["train"]


def _controlled(folder: Path, **changes: Any) -> Any:
    row = {
        "doc_id": "d1", "split": "train", "topic": "t", "sentence": 4,
        "words": ["The", "dog", "ran"],
        "upos": ["DET", "NOUN", "VERB"], "lemmas": ["the", "dog", "run"],
        "features": ["", "Number=Sing", "Tense=Past|VerbForm=Fin"], "heads": [2, 3, 0],
        "relations": ["det", "nmod:poss", "root"], "senses": ["", "", ""], "cue": "",
        "cue_word": -1, "sentiment": "", "negated": False,
    } | changes  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row], schema=gold.SCHEMA), folder / gold.FILE)
    options = controlled_edges.Config(
        module="x", source="x", num_sentences={"train": 5}, per_sentence=2
    )
    return controlled_edges.prepare(options, folder)["train"]


def test_edges_of_the_controlled_language(tmp_path: Path) -> None:
    split = _controlled(tmp_path)
    assert split == Split(
        [["The", "dog", "ran"]] * 2, ["det", "nmod"], [[0, 1, 1, 2], [1, 2, 2, 3]]
    )


@pytest.mark.parametrize(
    ("heads", "what"),
    [
        ([2, 4, 0], r"word 2 \('dog'\) has head 4, outside of its sentence of 3 words"),
        ([0, 3, 0], r"word 3 \('ran'\) is a second root"),
        ([2, 1, 0], r"word 1 \('The'\) depends on itself"),
    ],
)
def test_a_gold_tree_that_is_none_is_named(tmp_path: Path, heads: list[int], what: str) -> None:
    with pytest.raises(
        DataError, match=rf"gold\.parquet, document d1, sentence 5: {what}.*; correct"
    ):
        _controlled(tmp_path, heads=heads)


def test_a_name_is_an_item_with_its_type(tmp_path: Path) -> None:
    rows = "The O\nNew B-LOC\nYork I-LOC\nTimes B-ORG\n\nnothing O\n\nOslo B-LOC\n"
    (tmp_path / "a").write_text(rows)
    options = entity_types.Config(module="x", source="x", files={"train": ("a",)})
    split = entity_types.prepare(options, tmp_path)["train"]
    assert split.sentences == [["The", "New", "York", "Times"]] * 2 + [["Oslo"]]
    assert split.places == [[1, 3], [3, 4], [0, 1]]
    assert split.labels == ["LOC", "ORG", "LOC"]
    (tmp_path / "a").write_text(rows.replace("B-ORG", "I-ORG"))
    with pytest.raises(DataError, match=r"a:4: I-ORG follows I-LOC, and no B-ORG begins it"):
        entity_types.prepare(options, tmp_path)


@pytest.mark.parametrize(
    ("places", "what"),
    [
        ([1, 1], r"span \[1, 1\] is empty"),
        ([0, 1, 2, 1], r"span \[2, 1\] is empty"),
        ([2, 4], r"span \[2, 4\] is outside of its sentence of 3 words"),
        ([-1, 1], r"span \[-1, 1\] is outside"),
        ([1], "has 1 places, which are not one span or two"),
        ([0, 1, 1, 2, 2, 3], "has 6 places"),
    ],
)
def test_a_span_that_is_not_there_is_refused(places: list[int], what: str) -> None:
    with pytest.raises(DataError, match=rf"a\.tsv:7: {what}.*; mark one span or two, each by"):
        edges.split([edges.Item(["a", "b", "c"], places, "x", "a.tsv:7")])
    require_spans(["a", "b", "c"], [0, 3, 2, 3], where="x")


def test_units_are_means_of_spans_and_zeros_where_there_is_no_second() -> None:
    h_BTD = torch.arange(12.0).reshape(1, 6, 2)
    mask_BT = torch.ones(1, 6, dtype=torch.bool)
    family = get("edge")
    two = family.units(h_BTD, mask_BT, torch.tensor([[1, 4, 5, 6]]))
    assert two.tolist() == [[[4.0, 5.0, 10.0, 11.0]]]
    one = family.units(h_BTD, mask_BT, torch.tensor([[1, 4]]))
    assert one.tolist() == [[[4.0, 5.0, 0.0, 0.0]]]
    assert one.shape[-1] == two.shape[-1] == family.width(2)
    assert family.marked([1, 4]) == [1, 2, 3]


@pytest.mark.parametrize("num_spans", [1, 2])
def test_a_linear_probe_reads_marked_words_and_no_others(
    num_spans: int, pieces: WordPieces, tmp_path: Path
) -> None:
    words = [f"w{i}" for i in range(40)]
    table = Table(words, 64, pieces, "zero")
    table.reset(0)
    splits = {
        name: _marked(words, num_spans, *size)
        for name, *size in (("train", 400, 1), ("valid", 20, 2), ("test", 100, 3))
    }
    base.write(tmp_path, splits, {"name": "toy", "family": "edge", "main_metric": "accuracy"})
    task = PreparedTask(tmp_path)
    rows = list(probe("linear", {"min_steps": 300}, Probed(table.encode, task, [0], 1, table.dim)))
    assert {row["metric"] for row in rows if not row["control"]} >= {"accuracy"}
    real = [r["value"] for r in rows if r["metric"] == "accuracy" and not r["control"]]
    assert min(real) > 0.9


def _marked(words: list[str], num_spans: int, count: int, seed: int) -> Split:
    """The label is told by the last marked word."""
    random = np.random.default_rng(seed)
    texts = [list(map(str, random.choice(words, 8))) for _ in range(count)]
    places = [
        [int(p) for at in random.permutation(8)[:num_spans] for p in (at, at + 1)] for _ in texts
    ]
    labels = [f"L{int(t[p[-2]][1:]) % 3}" for t, p in zip(texts, places, strict=True)]
    return Split(texts, labels, places)


def _mirror(folder: str) -> Path:
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip(f"POLYSEME_MIRROR is not set: needs {folder}")
    return Path(os.environ["POLYSEME_MIRROR"], folder)


@pytest.mark.mirror
def test_edges_of_the_real_treebank() -> None:
    names = {"train": "train", "valid": "dev", "test": "test"}
    files = {split: f"en_ewt-ud-{name}.conllu" for split, name in names.items()}
    folder = _mirror("ud-english-ewt")
    whole = ud_edges.Config(module="x", source="x", files=files, per_sentence=1_000)
    splits = ud_edges.prepare(whole, folder)
    words, sentences = [204_577, 25_147, 25_094], [12_544, 2_001, 2_077]
    assert [len(s) for s in splits.values()] == [
        w - s for w, s in zip(words, sentences, strict=True)
    ]
    assert len(base.label_names(splits["train"].labels)) == 36 - 1  # without root
    few = ud_edges.Config(module="x", source="x", files=files, per_sentence=2)
    for name, split in ud_edges.prepare(few, folder).items():
        assert set(split.labels) == set(splits[name].labels)
        assert len(split) < 2 * len(splits[name].sentences)


@pytest.mark.mirror
def test_types_of_names_are_the_published_counts() -> None:
    files = {"train": ("wnut17train.conll",), "test": ("emerging.test.annotated",)}
    options = entity_types.Config(module="x", source="x", files=files)
    splits = entity_types.prepare(options, _mirror("wnut17"))
    assert Counter(splits["test"].labels) == {
        "person": 429, "location": 150, "corporation": 66, "product": 127, "creative-work": 142,
        "group": 165,
    }  # fmt: skip
    assert len(splits["train"]) == 1_975
