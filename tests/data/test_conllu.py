from __future__ import annotations

import os
from pathlib import Path

import conllu as library
import pytest

from polyseme.data import conllu
from polyseme.errors import DataError


def row(word_id: str, form: str = "w", head: str = "0") -> str:
    return f"{word_id}\t{form}\t_\tNOUN\tNN\t_\t{head}\troot\t_\t_"


GOOD = "\n".join(
    [
        "# sent_id = one",
        "# text = don't go",
        "1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_",
        row("1", "do", "3"),
        row("2", "n't", "3"),
        row("3", "go"),
        row("3.1", "ghost", "_"),
        "",
        row("1", "Yes"),
        "",
        "",
    ]
)


def sentences(tmp_path: Path, text: str) -> list[conllu.Sentence]:
    (tmp_path / "a.conllu").write_bytes(text.encode())
    return list(conllu.read(tmp_path / "a.conllu"))


def test_multiword_tokens_and_empty_nodes_are_left_out(tmp_path: Path) -> None:
    first, second = sentences(tmp_path, GOOD)
    assert first == conllu.Sentence(
        "one", 1, ("do", "n't", "go"), ("NOUN",) * 3, (3, 3, 0), ("root",) * 3, ("_",) * 3
    )
    assert (second.words, second.line, second.sent_id) == (("Yes",), 9, "")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\n\n" + text.replace("\n\n", "\n\n\n"),
    ],
    ids=["byte order mark", "CRLF", "no final blank line", "many blank lines"],
)
def test_harmless_departures_are_read(tmp_path: Path, change: object) -> None:
    found = sentences(tmp_path, change(GOOD))  # type: ignore[operator]
    assert [s.words for s in found] == [s.words for s in sentences(tmp_path, GOOD)]


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ([row("1"), row("2").rpartition("\t")[0]], 2, "9 columns"),
        ([row("1"), row("2").replace("\t", " ")], 2, "1 columns"),
        ([row("1"), row("1")], 2, "blank line"),
        ([row("1"), "# sent_id = two", row("1")], 2, "blank line"),
        ([row("one")], 1, "'one' is no integer"),
        ([row("1"), row("3")], 2, "id '3' follows 1"),
        ([row("1", head="2")], 1, "head '2'"),
        ([row("1", head="x")], 1, "head 'x'"),
        ([row("1", form=" ")], 1, "empty word form"),
        ([row("1", head="9" * 5000)], 1, r"head '9{40}\.\.\.'"),
        ([row("1" * 5000)], 1, r"id '1{40}\.\.\.'"),
        ([row("1").replace("NOUN", "")], 1, "column 4 is empty"),
        ([row("1").replace("NN\t_", "NN\tSing|Case=Nom")], 1, "column 6, 'Sing|Case=Nom', is no"),
        ([row("1-3"), row("1"), row("2")], 1, "ends at '3', the sentence at 2"),
        ([row("1"), row("1-2"), row("2")], 2, "the range '1-2' follows word 1"),
        ([row("2-1"), row("1"), row("2")], 1, "id '2-1' is no integer, range"),
        (["# sent_id = one"], 1, "without words"),
    ],
)
def test_errors_name_file_line_and_mend(
    tmp_path: Path, lines: list[str], line: int, what: str
) -> None:
    with pytest.raises(DataError, match=what) as caught:
        sentences(tmp_path, "\n".join([*lines, "", ""]))
    assert f"a.conllu:{line}:" in str(caught.value)
    assert caught.value.mend


def test_a_head_may_be_missing(tmp_path: Path) -> None:
    (found,) = sentences(tmp_path, row("1", head="_"))
    assert found.heads == (conllu.NO_HEAD,)


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("split", "num_sentences", "num_words"),
    [("train", 12_544, 204_577), ("dev", 2_001, 25_147), ("test", 2_077, 25_094)],
)
def test_the_english_web_treebank(split: str, num_sentences: int, num_words: int) -> None:
    if "POLYSEME_MIRROR" not in os.environ:
        pytest.skip("POLYSEME_MIRROR is not set: needs ud-english-ewt")
    folder = Path(os.environ["POLYSEME_MIRROR"], "ud-english-ewt")
    found = list(conllu.read(folder / f"en_ewt-ud-{split}.conllu"))
    assert len(found) == num_sentences
    assert sum(len(sentence.words) for sentence in found) == num_words


@pytest.mark.mirror
def test_agrees_with_the_conllu_library_on_real_text() -> None:
    if "POLYSEME_MIRROR" not in os.environ:
        pytest.skip("POLYSEME_MIRROR is not set: needs ud-english-ewt")
    path = Path(os.environ["POLYSEME_MIRROR"], "ud-english-ewt", "en_ewt-ud-test.conllu")
    with path.open(encoding="utf-8") as file:
        for ours, theirs in zip(conllu.read(path), library.parse_incr(file), strict=True):
            words = [token for token in theirs if isinstance(token["id"], int)]
            assert ours.words == tuple(token["form"] for token in words)
            assert ours.upos == tuple(token["upos"] for token in words)
            assert ours.heads == tuple(token["head"] for token in words)
            assert ours.deprels == tuple(token["deprel"] for token in words)
            assert [conllu.features(text) for text in ours.feats] == [
                token["feats"] or {} for token in words
            ]
            assert ours.sent_id == theirs.metadata["sent_id"]


def test_a_word_without_a_tag_is_unlabelled(tmp_path: Path) -> None:
    (found,) = sentences(tmp_path, row("1").replace("NOUN", "_") + "\n" + row("2"))
    assert found.upos == (None, "NOUN")
