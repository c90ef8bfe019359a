from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from polyseme.corpora import text
from polyseme.data import corpus, documents
from polyseme.data.split import SPLITS
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import FIRST, TokenStore, TokenWriter
from polyseme.errors import ConfigError, DataError

VALUES: dict[str, Any] = {
    "reader": "text",
    "source": "unused",
    "pattern": "*.txt",
    "licence": "CC0",
    "language": "en",
    "reader_options": {"document": "line"},
    "lowercase": True,
    "vocab_size": 300,
    "valid_fraction": 0.2,
    "test_fraction": 0.2,
    "min_paragraph_words": 1,
    "min_document_words": 5,
    "shingle_words": 2,
    "near_duplicate_threshold": 0.7,
    "tokenizer_sample_bytes": 1_000_000,
    "max_types": 1000,
}
LEXICON = [a + b for a in "Ba ka le mi no pu ra so ti vu".split() for b in "da fe gi ho ju".split()]


def line(number: int, length: int = 30) -> str:
    random = np.random.default_rng(number)
    return " ".join(LEXICON[i] for i in random.integers(len(LEXICON), size=length)) + "."


LINES = [line(number) for number in range(120)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "b.txt").write_text("\n".join(LINES[60:]))
    (folder / "a.txt").write_text("\n".join(LINES[:60]))
    (folder / "sha256.json").write_text("{}")
    return folder


def prepare(source: Path, out: Path, num_workers: int = 1, **changes: Any) -> dict[str, Any]:
    out.mkdir()
    values = VALUES | changes
    return corpus.prepare(
        corpus.Config(**values),
        text.Config(**values["reader_options"]),
        name="toy",
        source=source,
        out=out,
        num_workers=num_workers,
        progress=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_agree_with_each_other(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = prepare(source, out)
    assert json.loads((out / "card.json").read_text()) == card
    pieces = WordPieces.load(out / "tokenizer.json")
    assert pieces.vocab_size == card["vocab_size"] == 300
    for split in SPLITS:
        counts, store = card["splits"][split], TokenStore.open(out, split)
        found = list(documents.sentences(out, split))
        words = [word for sentence in found for word in sentence]
        ids = [i for s in found for i in (2, *(p for w in s for p in pieces.ids(w)), 3)]
        assert store.tokens.tolist() == ids
        assert int((store.flags == FIRST).sum()) == store.num_words == counts["words"] == len(words)
        assert counts["sentences"] == len(found)
        assert counts["bytes"] == int(pieces.byte_lengths[store.tokens].sum())
        assert counts["types"] == len({word.lower() for word in words})
    assert card["documents_read"] == card["total"]["documents"] == len(LINES)


def test_documents_are_in_source_order_and_keep_their_casing(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    found = list(documents.read(tmp_path / "out" / documents.FILE))
    assert [document.title for document in found[:2]] == ["a.txt:1", "a.txt:2"]
    assert [" ".join(d.sentences[0]) for d in found] == [text[:-1] + " ." for text in LINES]
    assert any("Ba" in word for document in found for word in document.sentences[0])
    assert len({document.doc_id for document in found}) == len(LINES)


def test_the_vocabulary_counts_the_train_split(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out/vocabulary.parquet").to_pylist()
    words = [w.lower() for s in documents.sentences(tmp_path / "out", "train") for w in s]
    assert {row["word"]: row["count"] for row in rows} == {w: words.count(w) for w in set(words)}
    assert rows == sorted(rows, key=lambda row: (-row["count"], row["word"]))


def test_bytes_do_not_depend_on_the_number_of_workers(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyseme.data.preparation.CHUNK_DOCUMENTS", 7)
    prepare(source, tmp_path / "one", num_workers=1)
    prepare(source, tmp_path / "two", num_workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 10


def test_duplicates_are_counted_and_the_first_stays(source: Path, tmp_path: Path) -> None:
    near = LINES[5].replace(LINES[5].split()[7], "else", 1)
    (source / "c.txt").write_text("\n".join([LINES[3], "", near, line(999)]))
    card = prepare(source, tmp_path / "out")
    assert card["duplicates_removed"] == {"exact": 1, "near": 1}
    titles = [d.title for d in documents.read(tmp_path / "out" / documents.FILE)]
    assert len(titles) == len(LINES) + 1
    assert titles[-1] == "c.txt:4"


def test_documents_keep_their_split_when_others_are_added(source: Path, tmp_path: Path) -> None:
    def splits(out: Path) -> dict[str, str]:
        return {d.doc_id: d.split for d in documents.read(out / documents.FILE)}

    prepare(source, tmp_path / "before")
    (source / "0.txt").write_text("\n".join(line(number) for number in range(500, 560)))
    prepare(source, tmp_path / "after")
    before, after = splits(tmp_path / "before"), splits(tmp_path / "after")
    assert len(after) == len(before) + 60
    assert before.items() <= after.items()


def test_the_tokenizer_sees_only_a_sample_of_train(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "all")
    prepare(source, tmp_path / "few", tokenizer_sample_bytes=2000)
    assert (
        contents(tmp_path / "all")["tokenizer.json"] != contents(tmp_path / "few")["tokenizer.json"]
    )


def test_short_documents_and_paragraphs_are_counted(source: Path, tmp_path: Path) -> None:
    (source / "c.txt").write_text("Too short.\n \nA\n...")
    card = prepare(source, tmp_path / "out", min_paragraph_words=2)
    assert card["dropped"] == {"empty": 1, "short": 2}


def test_nothing_left_after_filtering_says_what_fell_where(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepare(source, tmp_path / "out", min_document_words=1000)
    line = str(caught.value)
    assert "no document is left of 120" in line
    assert "0 empty" in line
    assert "120 shorter than 1000 words" in line
    assert "corpus.toy.min_document_words" in line
    assert not contents(tmp_path / "out")


def test_an_empty_split_says_what_to_change(source: Path, tmp_path: Path) -> None:
    options = {"document": "file"}
    with pytest.raises(DataError, match=r"no document of 2 fell into the \w+ split"):
        prepare(source, tmp_path / "out", reader_options=options)
    assert not contents(tmp_path / "out")


def test_a_vocabulary_larger_than_the_corpus_supports(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"corpus.toy.vocab_size: .*largest possible is"):
        prepare(source, tmp_path / "out", vocab_size=30_000)
    assert not contents(tmp_path / "out")


def test_bad_bytes_leave_no_output(source: Path, tmp_path: Path) -> None:
    (source / "c.txt").write_bytes(b"good line of text\nbad caf\xe9 line\n")
    with pytest.raises(DataError, match=r"c.txt: byte 25: not UTF-8"):
        prepare(source, tmp_path / "out", num_workers=2)
    assert not contents(tmp_path / "out")


def test_a_full_disk_surfaces_and_leaves_no_output(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A file on a disk with little room."""

        def __init__(self, room: int) -> None:
            self.room = room

        def write(self, data: bytes) -> None:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    created = TokenWriter.__init__

    def init(self: TokenWriter, *args: Any) -> None:
        created(self, *args)
        self._tokens.close()
        self._tokens = Full(1000)  # type: ignore[assignment]

    monkeypatch.setattr(TokenWriter, "__init__", init)
    with pytest.raises(OSError, match="No space left") as caught:
        prepare(source, tmp_path / "out")
    assert caught.value.errno == errno.ENOSPC
    assert not contents(tmp_path / "out")


def test_a_source_without_matching_files_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file matches '\*.md'"):
        prepare(source, tmp_path / "out", pattern="*.md")


def test_a_single_file_may_be_the_source(source: Path, tmp_path: Path) -> None:
    card = prepare(source / "a.txt", tmp_path / "out", pattern="*.md")
    assert [entry["file"] for entry in card["source"]] == ["a.txt"]
    assert card["documents_read"] == 60


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"vocab_size": 100}, "vocab_size"),
        ({"valid_fraction": 0.7}, "valid_fraction"),
        ({"reader": "pdf"}, "pdf"),
        ({"colour": 1}, "colour"),
        ({"reader_options": {"document": "page"}}, "reader_options.document"),
    ],
)
def test_configuration_is_checked(change: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        corpus.check(VALUES | change, file="conf/corpus/toy.yaml", key="corpus.toy")


@pytest.fixture(autouse=True)
def no_left_overs(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob(".work-*"))


@pytest.mark.parametrize("pattern", ["", ".", "/etc/*", "../*.txt", "a/../../*"])
def test_a_pattern_that_leaves_the_source_is_refused(
    source: Path, tmp_path: Path, pattern: str
) -> None:
    with pytest.raises(ConfigError, match="is no pattern inside the source folder"):
        prepare(source, tmp_path / "out", pattern=pattern)
    with pytest.raises(ConfigError, match=r"c.yaml: corpus.toy.pattern: "):
        corpus.check(VALUES | {"pattern": pattern}, file="c.yaml", key="corpus.toy")


@pytest.mark.parametrize("reader", ["text", "jsonl"])
def test_an_empty_split_advises_what_the_reader_has(tmp_path: Path, reader: str) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    record = LINES[0] if reader == "text" else json.dumps({"text": LINES[0]})
    (folder / "a.txt").write_text(record)
    values = VALUES | {"reader": reader, "reader_options": {}}
    options, reader_options = corpus.check(values, file="c.yaml", key="corpus.toy")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="no document of 1 fell into the") as caught:
        corpus.prepare(
            options,
            reader_options,
            name="toy",
            source=folder,
            out=tmp_path / "out",
            num_workers=1,
            progress=False,
        )
    assert ("reader_options.document" in str(caught.value)) == (reader == "text")
