"""Tags, features and heads of a treebank, and trees that are none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import conllu as library
import pytest

from polyseme.errors import DataError
from polyseme.tasks import ud_heads, ud_tags
from polyseme.tasks.common import heads

FILES = {"train": "a.conllu"}
TREE = [
    ("2", "det", "_"),
    ("3", "nsubj:pass", "Number=Sing"),
    ("0", "root", "Number=Plur|Tense=Past"),
]


def _text(rows: list[tuple[str, str, str]], *, more: bool = True) -> str:
    lines = [
        f"{n}\tw{n}\t_\tNOUN\t_\t{feats}\t{head}\t{deprel}\t_\t_"
        for n, (head, deprel, feats) in enumerate(rows, 1)
    ]
    if more:
        lines.insert(1, "2-3\tw2w3" + "\t_" * 8)
    lines.append(f"{len(rows)}.1\tghost" + "\t_" * 8)
    return "\n".join(["# sent_id = one", *lines, "", ""])


def _tags(folder: Path, label: str, text: str) -> Any:
    (folder / "a.conllu").write_text(text)
    options = ud_tags.Config(module="ud_tags", source="x", files=FILES, label=label)
    return ud_tags.prepare(options, folder)["train"]


def _heads(folder: Path, text: str) -> Any:
    (folder / "a.conllu").write_text(text)
    options = ud_heads.Config(module="ud_heads", source="x", files=FILES)
    return ud_heads.prepare(options, folder)["train"]


@pytest.mark.parametrize(
    ("label", "tags"),
    [
        ("upos", ["NOUN", "NOUN", "NOUN"]), ("deprel", ["det", "nsubj", "root"]),
        ("Number", [None, "Sing", "Plur"]), ("Tense", [None, None, "Past"]),
    ],
)  # fmt: skip
def test_labels_of_syntactic_words(tmp_path: Path, label: str, tags: list[str | None]) -> None:
    split = _tags(tmp_path, label, _text(TREE))
    assert split.sentences == [["w1", "w2", "w3"]]
    assert split.labels == [tags]


def test_a_feature_that_no_word_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no word has a 'Case'; .*here: Number, Tense"):
        _tags(tmp_path, "Case", _text(TREE))


def test_heads_become_labels_and_open_ones_are_not_scored(tmp_path: Path) -> None:
    rows = [*TREE, ("_", "_", "_")]
    assert _heads(tmp_path, _text(rows)).labels == [["+1 NOUN", "+1 NOUN", "root", None]]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([("0", "root", "_"), ("0", "root", "_")], r"word 2 \('w2'\) is a second root"),
        ([("2", "x", "_"), ("1", "x", "_")], r"word 1 \('w1'\) depends on itself"),
        ([("0", "root", "_"), ("3", "x", "_"), ("4", "x", "_"), ("2", "x", "_")], "word 2"),
        ([("1", "x", "_"), ("0", "root", "_")], r"word 1 .* or at once"),
    ],
)
def test_what_is_no_tree_is_refused(
    tmp_path: Path, rows: list[tuple[str, str, str]], what: str
) -> None:
    first = _text(TREE)
    with pytest.raises(DataError, match=what) as caught:
        _heads(tmp_path, first + _text(rows, more=False))
    assert f"a.conllu:{first.count(chr(10)) + 1}:" in str(caught.value)


def test_a_word_without_a_part_of_speech_has_no_label(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.conllu:1: word 3 has no part of speech"):
        _heads(tmp_path, _text(TREE).replace("w3\t_\tNOUN", "w3\t_\t_"))


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("folder", "prefix", "sentences", "words"),
    [
        ("ud-english-ewt", "en_ewt", [12_544, 2_001, 2_077], [204_577, 25_147, 25_094]),
        ("ud-afrikaans-afribooms", "af_afribooms", [1_315, 194, 425], [33_878, 5_317, 10_063]),
    ],
)
def test_trees_of_the_published_size_survive_the_encoding(
    folder: str, prefix: str, sentences: list[int], words: list[int]
) -> None:
    if "POLYSEME_MIRROR" not in os.environ:
        pytest.skip(f"POLYSEME_MIRROR is not set: needs {folder}")
    mirror = Path(os.environ["POLYSEME_MIRROR"], folder)
    names = {"train": "train", "valid": "dev", "test": "test"}
    files = {split: f"{prefix}-ud-{name}.conllu" for split, name in names.items()}
    options = ud_heads.Config(module="ud_heads", source="x", files=files)
    splits = ud_heads.prepare(options, mirror)
    assert [len(s) for s in splits.values()] == sentences
    assert [sum(map(len, s.sentences)) for s in splits.values()] == words
    with (mirror / files["test"]).open(encoding="utf-8") as file:
        for labels, theirs in zip(splits["test"].labels, library.parse_incr(file), strict=True):
            of = [token for token in theirs if isinstance(token["id"], int)]
            found = heads.decode(labels, [token["upos"] for token in of])
            assert found == [token["head"] for token in of]


@pytest.mark.mirror
def test_relations_and_features_are_those_of_the_conllu_library() -> None:
    if "POLYSEME_MIRROR" not in os.environ:
        pytest.skip("POLYSEME_MIRROR is not set: needs ud-afrikaans-afribooms")
    mirror = Path(os.environ["POLYSEME_MIRROR"], "ud-afrikaans-afribooms")
    name = "af_afribooms-ud-dev.conllu"
    for label in ("deprel", "Number", "Tense"):
        options = ud_tags.Config(module="x", source="x", files={"valid": name}, label=label)
        ours = ud_tags.prepare(options, mirror)["valid"].labels
        with (mirror / name).open(encoding="utf-8") as file:
            for labels, theirs in zip(ours, library.parse_incr(file), strict=True):
                of = [token for token in theirs if isinstance(token["id"], int)]
                if label == "deprel":
                    assert labels == [token["deprel"].split(":")[0] for token in of]
                else:
                    assert labels == [(token["feats"] or {}).get(label) for token in of]
