"""Supersenses: labels from sense keys, alternatives, and senses in no file of WordNet."""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import _tasks

from polyseme.errors import DataError
from polyseme.tasks import all_words, base, supersense
from polyseme.tasks.common import preparation
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import Scored

SEMCOR = """<contextfile>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
<wf cmd=done pos=NN lemma=jury lexsn=1:14:00::>jury</wf>
<wf cmd=done pos=VB lemma=take_place lexsn=2:30:00::;2:30:01::>took_place</wf>
<wf cmd=done pos=JJ lemma=full lexsn=5:00:00:whole:00>full</wf>
<wf cmd=done pos=JJ lemma=cut lexsn=3:44:00::>cut</wf>
<wf cmd=done pos=RB lemma=fast lexsn=4:02:00::>fast</wf>
</s>
</contextfile>
"""
XML = """<corpus><text id="t"><sentence id="s">
<instance id="t0" lemma="bank" pos="NOUN">bank</instance>
<wf lemma="run" pos="VERB">ran</wf>
<instance id="t1" lemma="good" pos="ADJ">good</instance>
</sentence></text></corpus>
"""
KEYS = "t0 bank%1:14:00:: bank%1:17:01::\nt1 good%3:00:01:: good%5:00:00:full:00\n"
FILES = {"br-a01": SEMCOR, "e.data.xml": XML, "e.gold.key.txt": KEYS}
VALUES = {
    "module": "supersense", "source": "x", "semcor": "br-*",
    "framework": {"valid": "e", "test": "e"},
}  # fmt: skip


def _prepared(folder: Path, **changes: str) -> tuple[dict[str, base.Split], dict[str, Any]]:
    for name, text in (FILES | changes).items():
        (folder / name).write_text(text)
    return preparation.prepare(preparation.configured("toy", VALUES), folder)


def test_labels_are_lexicographer_files_and_any_may_be_predicted(tmp_path: Path) -> None:
    splits, card = _prepared(tmp_path)
    train, test = splits["train"], splits["test"]
    assert train.labels == [["noun.group", "verb.change", "adj.all", "adj.ppl", "adv.all"]]
    assert train.places == [[1, 2, 4, 5, 6]]
    assert test.labels == [["noun.group|noun.object", "adj.all"]]
    assert all(split.keys is None for split in splits.values())
    assert (card["family"], card["probed_only"]) == ("word_sense", True)
    base.write(tmp_path, splits, card)
    task = PreparedTask(tmp_path)
    assert task.choices(task.splits["test"]) is None
    ((gold, _),) = task.targets(task.splits["test"])
    names = [task.labels.index("noun.group"), task.labels.index("verb.change")]
    for predicted, accuracy in zip(names, (1.0, 0.0), strict=True):
        scored = Scored(*np.array([[0], [0], [gold], [predicted]]), task.names)
        assert task.score(scored)["accuracy"] == accuracy


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        ("br-a01", "1:14:00::", "1:45:00::", "br-a01:4: '1:45:00::': no lexicographer file 45"),
        ("br-a01", "2:30:00::;", "2:14:00::;", "br-a01:5: '2:14:00::': no lexicographer file 14"),
        ("e.gold.key.txt", "5:00:00:full", "5:99:00:full", "e.gold.key.txt:2: '5:99:00:full:00'"),
    ],
)
def test_a_sense_in_no_lexicographer_file_is_named(
    tmp_path: Path, name: str, old: str, new: str, where: str
) -> None:
    with pytest.raises(DataError) as caught:
        _prepared(tmp_path, **{name: FILES[name].replace(old, new, 1)})
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}/{where}")
    assert line.endswith("files are numbered 00 to 44 in WordNet's lexnames")


def test_there_are_as_many_files_of_each_part_of_speech_as_in_wordnet() -> None:
    counts = Counter(name.partition(".")[0] for name in supersense.FILES)
    assert counts == {"noun": 26, "verb": 15, "adj": 3, "adv": 1}
    assert len(set(supersense.FILES)) == 45
    assert list(supersense.FILES[3:44]) == [
        *(n for n in supersense.FILES if n.startswith("noun")),
        *(n for n in supersense.FILES if n.startswith("verb")),
    ]


@pytest.mark.mirror
def test_files_are_those_of_open_english_wordnet() -> None:
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip("POLYSEME_MIRROR is not set: needs open-english-wordnet")
    path = Path(os.environ["POLYSEME_MIRROR"], "open-english-wordnet/oewn-synsets-yaml.tar.gz")
    with tarfile.open(path) as archive:
        names = {Path(name).stem for name in archive.getnames() if name.endswith(".yaml")}
    assert names - {"frames"} == set(supersense.FILES)


@pytest.mark.mirror
def test_supersenses_of_the_real_corpora(tmp_path: Path) -> None:
    """Figures of docs/tasks.md; each sense has one file, and each file is in SemCor."""
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip("POLYSEME_MIRROR is not set: needs SemCor and the evaluation framework")
    values = {k: v for k, v in _tasks.values("task", "supersense").items() if k != "at_most"}
    splits, card = _tasks.prepared(preparation.configured("supersense", values), tmp_path)
    assert [sum(map(len, splits[n].labels)) for n in base.SPLITS] == [234_136, 455, 7_253]
    assert base.label_names(splits["train"].labels) == sorted(supersense.FILES)
    assert card.get("unseen_labels") is None
    options = preparation.configured("all_words", _tasks.values("task", "all_words")).options
    senses = all_words.prepare(options, tmp_path / "all_words_wsd")["train"]
    pairs = Counter(
        (sense, label)
        for row, labels in zip(senses.labels, splits["train"].labels, strict=True)
        for sense, label in zip(row, labels, strict=True)
    )
    found = dict(iter(pairs))
    assert len(found) == len(pairs)
    assert [found[s] for s in ("person.n%1:03:00::", "dog.n%1:05:00::", "be.v%2:42:03::")] == [
        "noun.Tops", "noun.animal", "verb.stative",
    ]  # fmt: skip
    names = sum(pairs[f"{n}.n%1:03:00::", "noun.Tops"] for n in ("person", "group", "location"))
    tops = sum(row.count("noun.Tops") for row in splits["train"].labels)
    assert (names, tops) == (9_013, 9_798)  # see docs/tasks.md
