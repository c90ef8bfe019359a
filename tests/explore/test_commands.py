"""The commands: what they print and write, and the one line of each mistake."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from polyseme import cli
from polyseme.explore import embed as embedding
from polyseme.explore import filling
from polyseme.explore.explorer import Explorer
from polyseme.explore.text import Gapped, Reader
from polyseme.models.common.filling import locate

SENTENCE = "the police found crack"


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return int(left.value.code or 0), told.out, told.err


@pytest.mark.usefixtures("explorer")
def test_neighbors_in_context(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "neighbors", "Crack", "--in", SENTENCE, "--layer", 1)
    assert code == 0
    assert "not trained yet: later" in err
    blocks = out.split("\n\n")
    assert blocks[0] == "crack in: the police found [crack]"
    assert blocks[1].startswith("random, static")
    assert blocks[2].startswith("bert, contextual: layer 1 of 0 to 2")
    assert "[crack]" in blocks[2] and "(drug)" in blocks[2]
    assert blocks[3].startswith("gpt, contextual")


@pytest.mark.usefixtures("explorer")
def test_neighbors_without_context(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "neighbors", "crack", "--model", "random", "bert", "--top", 2)
    assert code == 0 and "gpt" not in out
    assert "its mean over 3 occurrences" in out
    assert out.count("\n  ") == 1 + 2 + 2 + 2
    _, out, _ = _run(capsys, "neighbors", "unheard")
    assert "unheard is not among them" in out and "cosine of the word alone" in out


@pytest.mark.usefixtures("explorer")
@pytest.mark.parametrize("gap", ["___", "[MASK]", "______"])
def test_fill_asks_each_language_model(gap: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "fill", f"the police {gap} crack", "--top", 3)
    assert code == 0
    first, bert, gpt = out.split("\n\n")
    assert first == "the police ___ crack"
    assert bert.startswith("bert: sees both sides") and gpt.startswith("gpt: proposes")
    assert len(bert.splitlines()) == len(gpt.splitlines()) == 4
    _, out, _ = _run(capsys, "fill", f"the police {gap}", "--model", "gpt")
    assert "gpt: the next word after the left side" in out


def test_a_masked_model_is_shown_one_mask(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bert = explorer.project.open("bert")
    shown: list[tuple[int, ...]] = []
    logits = bert._logits  # type: ignore[attr-defined]

    def seen(rows: list[tuple[int, ...]], positions: list[int]) -> object:
        shown.extend(rows)
        return logits(rows, positions)

    monkeypatch.setattr(bert, "_logits", seen)
    filling.fill(bert, Gapped(["the"], ["police"]), 3)
    ids, start, end = locate(bert, ["the", "the", "police"], 1)  # type: ignore[arg-type]
    assert end == start + 1
    assert shown == [(*ids[:start], bert.mask_piece, *ids[end:])]  # type: ignore[misc]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["neighbors", "crack", "--in", "the wall"], "'crack': does not stand in the sentence"),
        (["neighbors", "two words"], "'two words': is more than one word; name one of two, words"),
        (["neighbors", " "], "' ': has no word"),
        (["neighbors", "crack", "--in", ""], "sentence: has no word"),
        (["neighbors", "a", "--in", "a " * 101], "sentence: has 101 words; at most 100 words"),
        (["neighbors", "a", "--in", "a" * 1001], "sentence: has 1,001 characters"),
        (["neighbors", "crack", "--layer", "3", "--in", "crack"], "bert: has no layer 3"),
        (["neighbors", "crack", "--model", "later"], "no trained model 'later'; one of random,"),
        (["neighbors", "crack", "--corpus", "x"], "no model is trained on 'x'; one of toy"),
        (["neighbors", "crack", "--experiment", "none"], "no model is trained yet; run `make rep"),
        (["neighbors", "crack", "--experiment", ".."], "'..' is no name"),
        (["fill", "the wall"], "sentence: has no gap; write ___ or [MASK] once, for one word"),
        (["fill", "___ the [MASK]"], "sentence: has 2 gaps"),
        (["fill", " ___ "], "sentence: has no word"),
        (["fill", "a ___", "--model", "random"], "random: none of them fills gaps"),
    ],
)  # fmt: skip
def test_mistakes_get_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = _run(capsys, *arguments)
    assert code in (1, 2, 3)
    last = err.splitlines()[-1]
    assert last.startswith("error: ") and line in last


def test_outside_of_a_project(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "fill", "a ___")
    assert code == 2 and "params.yaml: names no experiment; go to the project" in err


def test_embed_means_and_words(
    explorer: Explorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "text.txt", tmp_path / "vectors.npy"
    lines = ["The police found it.", "a wall", "a wall of the bank"]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    words = [Reader("en").words(line) for line in lines]
    expected = [h_LTD[1].numpy() for h_LTD in explorer.project.open("bert").encode(words)]
    code, said, _ = _run(
        capsys, "embed", file, "-o", out, "--model", "bert", "--layer", 1, "--pooling", "words"
    )
    assert code == 0 and "12 words x 16 dimensions, bert, layer 1" in said
    assert np.allclose(np.load(out), np.concatenate(expected), atol=1e-6)
    with out.with_name("vectors.npy.words.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["word"] for row in rows] == [word for line in words for word in line]
    assert rows[5] == {"line": "2", "place": "0", "word": "a"}
    code, said, _ = _run(capsys, "embed", file, "-o", out, "--model", "bert", "--layer", 1)
    assert "3 sentences x 16" in said
    assert np.allclose(np.load(out), [h_TD.mean(0) for h_TD in expected], atol=1e-6)
    made = out.read_bytes()
    _run(capsys, "embed", file, "-o", out, "--model", "bert", "--layer", 1)
    assert out.read_bytes() == made
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "text.txt", "vectors.npy", "vectors.npy.words.tsv"
    ]  # fmt: skip


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a wall\n\na bank\n", "text.txt:2: line is empty"),
        (b"a wall\n\xc2\xad \n", "text.txt:2: line is empty"),
        (b"a wall\na caf\xe9\n", "text.txt:2: not UTF-8: byte 0xe9"),
        (b"a\0 wall\n", "text.txt:1: NUL byte in text"),
        (b"a" * (2**20 + 1), "text.txt:1: line longer than 1,048,576 bytes"),
        (b"", "text.txt: has no line"),
    ],
)  # fmt: skip
def test_embed_names_the_line(
    content: bytes, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "text.txt", tmp_path / "vectors.npy"
    file.write_bytes(content)
    code, _, err = _run(capsys, "embed", file, "-o", out)
    assert code == 3 and line in err
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("root")
def test_embed_refuses_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a wall\n")
    for out, line in {
        tmp_path / "no" / "x.npy": "is no folder",
        tmp_path: "is a folder",
        file: "is the file that is read",
    }.items():
        code, _, err = _run(capsys, "embed", file, "-o", out)
        assert code == 2 and line in err
    code, _, err = _run(capsys, "embed", tmp_path / "none.txt", "-o", tmp_path / "x.npy")
    assert code == 3 and "none.txt: cannot be read" in err
    assert file.read_text() == "a wall\n"


@pytest.mark.usefixtures("root")
def test_embed_that_is_killed_keeps_what_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = tmp_path / "text.txt", tmp_path / "vectors.npy"
    file.write_text("a wall\n")
    out.write_bytes(b"before")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedding, "_pooled", killed)
    code, _, err = _run(capsys, "embed", file, "-o", out)
    assert code == 130 and "interrupted" in err
    assert out.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 2
