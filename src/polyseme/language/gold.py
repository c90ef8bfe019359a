"""The truth about generated documents, as a table and as CoNLL-U.

gold.parquet has one row a sentence; <split>.conllu.gz holds the same in the format of Universal
Dependencies, with senses and cues in MISC and everything about the sentence in comments.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from polyseme.data.split import SPLITS, Split
from polyseme.language.source import Document, Sentence

FILE = "gold.parquet"
GROUP_WORDS = 200_000
"""Words in a row group. The writer holds what the footer says of each until the end."""
ROWS_AT_ONCE = 1_000
ID = "{:016x}"
SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("split", pa.string()),
        ("topic", pa.string()),
        ("sentence", pa.int32()),
        ("words", pa.list_(pa.string())),
        ("upos", pa.list_(pa.string())),
        ("lemmas", pa.list_(pa.string())),
        ("features", pa.list_(pa.string())),
        ("heads", pa.list_(pa.int16())),
        ("relations", pa.list_(pa.string())),
        ("senses", pa.list_(pa.string())),
        ("cue", pa.string()),
        ("cue_word", pa.int16()),
        ("sentiment", pa.string()),
        ("negated", pa.bool_()),
    ]
)


def written(sentence: Sentence) -> list[str]:
    """The words, the first one with a capital."""
    words = [token.form for token in sentence.tokens]
    words[0] = words[0][0].upper() + words[0][1:]
    return words


def table(documents: Sequence[Document]) -> pa.Table:
    """Rows of SCHEMA."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for document in documents:
        for number, sentence in enumerate(document.sentences):
            for name, value in _row(document, number, sentence).items():
                columns[name].append(value)
    return pa.table(columns, schema=SCHEMA)


def _row(document: Document, number: int, sentence: Sentence) -> dict[str, Any]:
    _, upos, lemmas, features, senses, cues = zip(*sentence.tokens, strict=True)
    attributes = sentence.attributes
    return {
        "doc_id": ID.format(document.number),
        "split": document.split,
        "topic": document.topic,
        "sentence": number,
        "words": written(sentence),
        "upos": upos,
        "lemmas": lemmas,
        "features": features,
        "heads": sentence.heads,
        "relations": sentence.relations,
        "senses": senses,
        "cue": attributes.get("cue", ""),
        "cue_word": cues.index(True) if True in cues else -1,
        "sentiment": attributes.get("sentiment", ""),
        "negated": attributes.get("negated") == "yes",
    }


def conllu(documents: Sequence[Document]) -> dict[Split, bytes]:
    """Gzipped CoNLL-U of each split; pieces may be joined, since gzip members may."""
    texts: dict[Split, list[str]] = {}
    for document in documents:
        lines = texts.setdefault(document.split, [])
        for number, sentence in enumerate(document.sentences):
            lines.extend(_lines(document, number, sentence))
    return {
        split: gzip.compress("\n".join([*lines, ""]).encode(), compresslevel=1, mtime=0)
        for split, lines in texts.items()
    }


def _lines(document: Document, number: int, sentence: Sentence) -> Iterator[str]:
    words, attributes = written(sentence), sentence.attributes
    if number == 0:
        yield f"# newdoc id = {ID.format(document.number)}"
    yield f"# sent_id = {ID.format(document.number)}-{number + 1}"
    yield f"# text = {' '.join(words)}"
    yield f"# topic = {document.topic}"
    for name in sorted(attributes):
        yield f"# {name} = {attributes[name]}"
    for n, token in enumerate(sentence.tokens):
        misc = [f"Sense={token.sense}"] * bool(token.sense) + ["Cue=Yes"] * token.is_cue
        yield (
            f"{n + 1}\t{words[n]}\t{token.lemma}\t{token.upos}\t_\t{token.features or '_'}\t"
            f"{sentence.heads[n]}\t{sentence.relations[n]}\t_\t{'|'.join(misc) or '_'}"
        )
    yield ""


class Writer:
    """Append tables and CoNLL-U in order; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._table = pq.ParquetWriter(
            folder / FILE, SCHEMA, compression="zstd", write_statistics=False
        )
        self._texts = {split: (folder / f"{split}.conllu.gz").open("wb") for split in SPLITS}
        self._group: list[pa.Table] = []
        self._words = 0

    def write(self, rows: pa.Table, texts: dict[Split, bytes]) -> int:
        """Add what `table` and `conllu` made; the number of its words."""
        for split, content in texts.items():
            self._texts[split].write(content)
        num_words: int = pc.sum(pc.list_value_length(rows["words"])).as_py()
        self._group.append(rows)
        self._words += num_words
        if self._words >= GROUP_WORDS:
            self._flush()
        return num_words

    def _flush(self) -> None:
        if self._group:
            self._table.write_table(pa.concat_tables(self._group).combine_chunks())
        self._group, self._words = [], 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._table.close()
        for stream in self._texts.values():
            stream.close()


def read(folder: Path, split: Split) -> Iterator[dict[str, Any]]:
    """Sentences of one split of a controlled corpus, in order."""
    with pq.ParquetFile(folder / FILE) as file:
        for index in range(file.num_row_groups):
            rows = file.read_row_group(index)
            for batch in rows.filter(pc.equal(rows["split"], split)).to_batches(ROWS_AT_ONCE):
                yield from batch.to_pylist()
