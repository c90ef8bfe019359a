"""WiC, CoarseWSD-20, SemCor and its test sets, SemEval-2010 task 8: what is read and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from polyseme.errors import DataError
from polyseme.models.base import TEXT
from polyseme.tasks import all_words, coarse_senses, relations, word_in_context
from polyseme.tasks.common.texts import HeldOut

Texts = dict[str, str]


def _write(folder: Path, texts: Texts) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def _refused(caught: pytest.ExceptionInfo[DataError], where: str) -> None:
    assert where in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.mend


WIC = {
    "t.data.txt": "bank\tN\t1-2\tThe bank\tA river bank\ncrack\tV\t0-0\tCrack it\tCracked !\n",
    "t.gold.txt": "F\nT\n",
}


def _wic(folder: Path, texts: Texts) -> Any:
    _write(folder, texts)
    options = word_in_context.Config(module="x", source="x", files={"train": "t"})
    return word_in_context.prepare(options, folder)["train"]


@pytest.mark.parametrize("change", ["", "\ufeff", "\r\n"])
def test_pairs_have_a_marked_word_in_each_text(tmp_path: Path, change: str) -> None:
    texts = {n: change.strip() + t.replace("\n", change or "\n") for n, t in WIC.items()}
    split = _wic(tmp_path, texts if change == "\r\n" else {n: change + t for n, t in WIC.items()})
    assert split.sentences[0] == ["The", "bank", TEXT, "A", "river", "bank"]
    marked = [[s[p] for p in at] for s, at in zip(split.sentences, split.places, strict=True)]
    assert marked == [["bank", "bank"], ["Crack", "Cracked"]]
    assert split.labels == ["different", "same"]


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        ("t.data.txt", "1-2", "1-3", "t.data.txt:1: place 3 of 'bank' is outside of its text"),
        ("t.data.txt", "0-0", "2-0", "t.data.txt:2: place 2 of 'crack'"),
        ("t.data.txt", "1-2", "-1-2", "t.data.txt:1: places '-1-2' are none"),
        ("t.data.txt", "1-2", "one", "t.data.txt:1: places 'one' are none"),
        ("t.data.txt", "N\t", "", "t.data.txt:1: 4 columns separated by tabs instead of 5"),
        ("t.gold.txt", "T\n", "", "t.data.txt:2: line 2 has no line beside it in t.gold.txt"),
        ("t.gold.txt", "T\n", "T\nF\n", "t.gold.txt:3: line 3 has no line beside it in t.data"),
        ("t.gold.txt", "T", "yes", "t.gold.txt:2: 'yes' is no label"),
    ],
)
def test_a_broken_pair_is_named(tmp_path: Path, name: str, old: str, new: str, where: str) -> None:
    with pytest.raises(DataError) as caught:
        _wic(tmp_path, WIC | {name: WIC[name].replace(old, new, 1)})
    _refused(caught, where)


COARSE = {
    "bank/train.data.txt": "".join(f"1\tthe bank of  {n // 2}\n" for n in range(40)),
    "bank/train.gold.txt": "0\n1\n" * 20,
    "bank/test.data.txt": "0\tbank 👩‍👩‍👧 بنك\n",
    "bank/test.gold.txt": "1\n",
    "bank/classes_map.txt": '{"0": "bank_money", "1": "bank_river"}',
}


def _coarse(folder: Path, texts: Texts, *words: str) -> Any:
    _write(folder, texts)
    return coarse_senses.prepare(
        coarse_senses.Config(
            module="x", source="x", words=words, held_out=HeldOut(seed=0, valid=0.2)
        ),
        folder,
    )


def test_senses_carry_their_word_and_validation_comes_from_training(tmp_path: Path) -> None:
    splits = _coarse(tmp_path, COARSE)
    assert [len(split) for split in splits.values()] == [34, 6, 1]
    assert splits["train"].sentences[0] == ["the", "bank", "of", "0"]
    train, valid = ({tuple(s) for s in splits[n].sentences} for n in ("train", "valid"))
    assert not train & valid  # equal texts stay together
    test = splits["test"]
    assert (test.labels, test.keys, test.places) == ([["bank%bank_river"]], [["bank"]], [[0]])


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        (
            "bank/test.data.txt",
            "3\ta b\n",
            "test.data.txt:1: place '3' is no word of the text of 2",
        ),
        ("bank/test.data.txt", "x\ta b\n", "test.data.txt:1: place 'x'"),
        ("bank/test.gold.txt", "7\n", "test.gold.txt:1: sense '7' is not known"),
        ("bank/test.gold.txt", "1\n1\n", "test.gold.txt:2: line 2 has no line beside it"),
        ("bank/classes_map.txt", "{", "classes_map.txt: is not JSON"),
        ("bank/classes_map.txt", "[]", "classes_map.txt: is no table"),
    ],
)
def test_a_broken_sense_is_named(tmp_path: Path, name: str, text: str, where: str) -> None:
    with pytest.raises(DataError) as caught:
        _coarse(tmp_path, COARSE | {name: text})
    _refused(caught, where)


def test_a_word_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no word 'bass'; one of bank"):
        _coarse(tmp_path, COARSE, "bass")


SEMCOR = """<contextfile concordance=brown>
<context filename=br-a01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
<wf cmd=done rdf=group pos=NNP lemma=Group wnsn=1 lexsn=1:03:00:: pn=group>Grand_Jury</wf>
<wf cmd=done pos=VB lemma=take_place wnsn=1 lexsn=2:30:00::;2:30:01::>took_place</wf>
<punc>.</punc>
</s>
<s snum=2>
<wf cmd=tag pos=UH>Oh_no</wf>
</s>
</p>
</context>
</contextfile>"""
XML = """<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en">
<text id="d0">
<sentence id="d0.s0">
<wf lemma="the" pos="DET">The</wf>
<instance id="t0" lemma="grand_jury" pos="NOUN">grand jury</instance>
<instance id="t1" lemma="good" pos="ADJ">good</instance>
</sentence>
</text>
</corpus>
"""
KEYS = "t0 grand_jury%1:14:00::\nt1 good%3:00:01:: good%5:00:00:full:00\n"
WSD = {"brown/br-a01": SEMCOR, "e.data.xml": XML, "e.gold.key.txt": KEYS}


def _wsd(folder: Path, texts: Texts) -> Any:
    _write(folder, texts)
    options = all_words.Config(
        module="x", source="x", semcor="*/br-*", framework={"valid": "e", "test": "e"}
    )
    return all_words.prepare(options, folder)


def test_targets_of_several_words_are_marked_at_their_head(tmp_path: Path) -> None:
    splits = _wsd(tmp_path, WSD)
    train, test = splits["train"], splits["test"]
    assert train.sentences == [["The", "Grand", "Jury", "took", "place", "."]]
    assert (train.places, train.keys) == ([[2, 3]], [["group.n", "take_place.v"]])
    assert train.labels == [["group.n%1:03:00::", "take_place.v%2:30:00::"]]
    assert (test.sentences, test.places) == ([["The", "grand", "jury", "good"]], [[2, 3]])
    assert test.labels[0][1] == "good.a%3:00:01::|good.a%5:00:00:full:00"


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        ("e.data.xml", "</text>", "", "e.data.xml:10: broken XML"),
        ("e.data.xml", "</wf>", "", "e.data.xml:8: broken XML"),
        ("e.data.xml", 'pos="ADJ"', 'pos="X"', "e.data.xml: instance 't1' is not whole"),
        ("e.data.xml", 'id="t1"', 'id="t2"', "e.data.xml: instance 't2' has no sense"),
        ("e.gold.key.txt", "t1", "t9 x%1:00:00::\nt1", "e.gold.key.txt:2: 't9' is no instance"),
        ("e.gold.key.txt", "t1", "t0", "e.gold.key.txt:2: 't0' stands here again"),
        ("e.gold.key.txt", "%1:14:00::", "", "e.gold.key.txt:1: 't0' has no sense key"),
        ("brown/br-a01", "<punc>.</punc>", "<punc>.", "br-a01:8: '<punc>.' is no line of a tag"),
        ("brown/br-a01", "lexsn=1:03:00::", "lexsn=1:3", "br-a01:6: '1:3' is no sense of a lemma"),
        ("brown/br-a01", "lemma=take_place ", "", "br-a01:7: '2:30:00::;2:30:01::' is no sense"),
    ],
)
def test_a_broken_corpus_of_senses_is_named(
    tmp_path: Path, name: str, old: str, new: str, where: str
) -> None:
    with pytest.raises(DataError) as caught:
        _wsd(tmp_path, WSD | {name: WSD[name].replace(old, new, 1)})
    _refused(caught, where)


def test_a_pattern_without_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file matches '\*/br-\*'"):
        _wsd(tmp_path, {"e.data.xml": XML, "e.gold.key.txt": KEYS})


RELATION = (
    '1\t"The <e1>burst</e1> was caused by water-hammer <e2>pressure</e2>."\n'
    "Cause-Effect(e2,e1)\nComment: yes\n\n"
)
OTHER = '2\t"A <e1>misty ridge</e1> (<e2>surge</e2>)."\nOther\nComment:\n\n'


def _relations(folder: Path, train: str) -> Any:
    _write(folder, {"train": train, "test": RELATION})
    options = relations.Config(
        module="x", source="x", train="train", test="test", held_out=HeldOut(seed=0, valid=0.1)
    )
    return relations.prepare(options, folder)


@pytest.mark.parametrize("change", [str, lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")])
def test_spans_are_marked_from_first_word_to_end(tmp_path: Path, change: Any) -> None:
    splits = _relations(tmp_path, change(RELATION + OTHER))
    items = {
        tuple(words): (places, label)
        for split in (splits["train"], splits["valid"])
        for words, places, label in zip(split.sentences, split.places, split.labels, strict=True)
    }
    words = ("The burst was caused by water - hammer pressure .").split()
    assert items[tuple(words)] == ([1, 2, 8, 9], "Cause-Effect(e2,e1)")
    assert items[tuple("A misty ridge ( surge ) .".split())] == ([1, 3, 4, 5], "Other")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("</e1>", "", "train:1: </e1> is missing or out of order"),
        ("<e2>", "<e1>", "train:1: <e1> stands there twice"),
        ("<e1>burst</e1>", "<e1> </e1>", "train:1: a marked span is empty"),
        ("Cause-Effect(e2,e1)", "Cause-Effect", "train:1: 'Cause-Effect' below is no relation"),
        ("Cause-Effect(e2,e1)\nComment: yes", "", "train:1: nothing below is no relation"),
        ('"The', "The", "train:1: '1"),
    ],
)
def test_a_broken_relation_is_named(tmp_path: Path, old: str, new: str, where: str) -> None:
    with pytest.raises(DataError) as caught:
        _relations(tmp_path, RELATION.replace(old, new, 1))
    _refused(caught, where)
