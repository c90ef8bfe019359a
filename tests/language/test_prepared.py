"""A prepared corpus of the controlled language: the same bytes, and one truth in all files."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import conllu as library
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf
from tests.language.conftest import ENGLISH

from polyseme.corpora import controlled
from polyseme.data import conllu, corpus, documents
from polyseme.data.split import SPLITS
from polyseme.errors import DataError
from polyseme.language import gold

NUM_WORDS = 30_000
CONF = "conf/corpus/controlled.yaml"


def prepare(out: Path, num_workers: int, num_words: int = NUM_WORDS) -> dict[str, Any]:
    values: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(CONF))  # type: ignore[assignment]
    values |= {"vocab_size": 400, "valid_fraction": 0.2, "test_fraction": 0.2}
    values["reader_options"] |= {"num_words": num_words}
    options, reader_options = corpus.check(values, file=CONF, key="corpus.controlled")
    out.mkdir()
    return corpus.prepare(
        options,
        reader_options,
        name="controlled",
        source=ENGLISH,
        out=out,
        num_workers=num_workers,
        progress=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "one"
    prepare(out, 1)
    return out


@pytest.mark.parametrize("num_workers", [1, 2])
def test_bytes_depend_neither_on_the_run_nor_on_the_workers(
    prepared: Path, tmp_path: Path, num_workers: int
) -> None:
    prepare(tmp_path / "again", num_workers)
    first, again = contents(prepared), contents(tmp_path / "again")
    assert first.keys() == again.keys()
    assert [name for name in first if first[name] != again[name]] == []
    assert {gold.FILE, "card.json", "train.conllu.gz", "language/grammar.txt"} <= first.keys()


@pytest.mark.parametrize("num_words", [1500, NUM_WORDS])
def test_it_ends_near_its_number_of_words(tmp_path: Path, num_words: int) -> None:
    card = prepare(tmp_path / "out", 1, num_words)
    assert num_words <= card["total"]["words"] <= num_words * 1.1


@pytest.mark.parametrize("split", SPLITS)
def test_trees_are_read_back_by_both_readers_as_the_table_has_them(
    prepared: Path, split: Any
) -> None:
    path = prepared / f"{split}.conllu.gz"
    rest, members = path.read_bytes(), 0
    while rest:
        member = zlib.decompressobj(wbits=31)
        member.decompress(rest)
        rest, members = member.unused_data, members + 1
    assert members > 1  # or joined pieces are not tested
    rows = list(gold.read(prepared, split))
    with gzip.open(path, "rt", encoding="utf-8") as file:
        theirs = list(library.parse_incr(file))
    ours = list(conllu.read(path))
    assert len(rows) == len(ours) == len(theirs) > 500
    doc_id = ""
    for row, mine, tree in zip(rows, ours, theirs, strict=True):
        meta = tree.metadata
        doc_id = meta.get("newdoc id", doc_id)
        assert ("newdoc id" in meta) == (row["sentence"] == 0)
        assert row["doc_id"] == doc_id
        assert mine.sent_id == meta["sent_id"] == f"{doc_id}-{row['sentence'] + 1}"
        assert list(mine.words) == [token["form"] for token in tree] == row["words"]
        assert list(mine.upos) == [token["upos"] for token in tree] == row["upos"]
        assert list(mine.heads) == [token["head"] for token in tree] == row["heads"]
        assert list(mine.deprels) == [token["deprel"] for token in tree] == row["relations"]
        assert [token["lemma"] for token in tree] == row["lemmas"]
        features = ["|".join(f"{k}={v}" for k, v in (t["feats"] or {}).items()) for t in tree]
        assert features == row["features"]
        misc = [token["misc"] or {} for token in tree]
        assert [m.get("Sense", "") for m in misc] == row["senses"]
        cues = [place for place, m in enumerate(misc) if m.get("Cue") == "Yes"]
        assert cues == [row["cue_word"]] * (row["cue_word"] >= 0)
        found = [meta.get(name, "") for name in ("topic", "cue", "sentiment", "negated", "text")]
        negated = "yes" if row["negated"] else ""
        expected = [row["topic"], row["cue"], row["sentiment"], negated, " ".join(row["words"])]
        assert found == expected
        tree.to_tree()  # the library's own check that there is one root


def test_documents_are_those_of_the_table(prepared: Path) -> None:
    rows = pq.read_table(prepared / gold.FILE).to_pylist()
    found = [
        (document.doc_id, document.split, document.title, number, sentence)
        for document in documents.read(prepared / documents.FILE)
        for number, sentence in enumerate(document.sentences)
    ]
    names = ("doc_id", "split", "topic", "sentence", "words")
    assert found == [tuple(row[name] for name in names) for row in rows]


def test_the_language_of_a_corpus_draws_the_corpus_again(prepared: Path) -> None:
    source = controlled.language(prepared)
    assert source.options.num_words == NUM_WORDS
    numbers = sorted({int(row["doc_id"], 16) for row in gold.read(prepared, "test")})
    made = gold.table([source.document(number, 0.2, 0.2) for number in numbers])
    assert made.to_pylist() == list(gold.read(prepared, "test"))


def test_another_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no corpus of the controlled language; check `source`"):
        controlled.language(tmp_path)
