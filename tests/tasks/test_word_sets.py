"""Sets of words: what is read from their files, and what is refused, naming the line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from benchmarks import _tasks

from polyseme import items
from polyseme.config import build
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import preparation

CONF: Mapping[str, Mapping[str, Any]] = {
    "similarity": {},
    "analogies": {},
    "outliers": {"name": "category", "outliers": "outliers", "words": "words"},
    "categorization": {"word": "word", "category": "category"},
}
TABLES: Mapping[str, Mapping[str, Any]] = {
    "similarity": {"columns": ["word1", "word2", "similarity"]},
    "analogies": {"columns": ["type", "word1", "word2", "word3", "target"]},
    "outliers": {},
    "categorization": {},
}


def read(folder: Path, module: str, content: str | bytes, **values: Any) -> Split:
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "set").write_bytes(data)
    task = items.load("task", module)
    given = {"module": module, "source": "x", "file": "set", **CONF[module], **values}
    split: Split = task.prepare(build(task.Config, given, file="conf/task/x.yaml"), folder)["test"]
    return split


HEADERS = {
    "similarity": ",word1,word2,similarity\n",
    "analogies": ",type,word1,word2,word3,target\n",
    "outliers": ",category,outliers,words\n",
    "categorization": ",category,word\n",
}
GOOD = {
    "similarity": "0,car,New York,0.5\n1,sea,The_Moon,2\n",
    "analogies": "0,r,a,b, c,d e\n",
    "outliers": """0,cats,"['Opel', 'New_York', '']","['cat', 'lion', 'tiger']"\n""",
    "categorization": "0,bird,owl\n1,bird,\n2,fish,cod\n3,fish,ray\n4,bird,emu\n5,bird,owl\n",
}
READ = {
    "similarity": ([["car", "New York"], ["sea", "The Moon"]], [0.5, 2.0]),
    "analogies": ([["a", "b", "c", "d e"]], ["r"]),
    "outliers": (
        [["cat", "lion", "tiger", "Opel"], ["cat", "lion", "tiger", "New York"]],
        ["cats", "cats"],
    ),
    "categorization": ([["owl"], ["cod"], ["ray"], ["emu"]], ["bird", "fish", "fish", "bird"]),
}


@pytest.mark.parametrize("module", GOOD)
def test_tables_are_read(module: str, tmp_path: Path) -> None:
    text = HEADERS[module] + GOOD[module]
    for content in (text, "\ufeff" + text, text.replace("\n", "\r\n"), text + "\n"):
        split = read(tmp_path, module, content, **TABLES[module])
        assert (split.sentences, split.labels) == READ[module]


@pytest.mark.parametrize(
    ("module", "content"),
    [("similarity", "tiger cat 7.5\n"), ("analogies", ": x\na b c d\n")],
)
def test_lines_may_have_a_byte_order_mark_and_returns(
    module: str, content: str, tmp_path: Path
) -> None:
    plain = read(tmp_path, module, content)
    assert len(plain) == 1
    for other in ("\ufeff" + content, content.replace("\n", "\r\n"), content.rstrip("\n")):
        assert read(tmp_path, module, other) == plain


BAD: list[tuple[str, str, str]] = [
    ("similarity", "0,car,bus,high\n", "set:2: is not `word word score`"),
    ("similarity", "0,car,bus,nan\n", "set:2: is not `word word score`"),
    ("similarity", "0,car,bus,1\n1,car,,1\n", "set:3: is not `word word score`"),
    ("similarity", "0,car,1\n", "set:2: has 3 columns, not 4"),
    ("analogies", "0,r,a,b,,d\n", "set:2: has 3 words, not 4"),
    ("analogies", "0,r,a,b,c\n", "set:2: has 5 columns, not 6"),
    ("outliers", """0,cats,"['']","['cat', 'lion']"\n""", "set:2: has 0 outliers, fewer than 1"),
    ("outliers", """0,cats,['car'],['cat']\n""", "set:2: has 1 words, fewer than 2"),
    ("outliers", """0,['car'],cats,"['cat', 'lion']"\n""", "set:2: is no list of outliers: 'cats'"),
    ("outliers", "0,cats,['car'],[1]\n", "set:2: is no list of words: '[1]'"),
    ("categorization", "0,,owl\n", "set:2: 'owl' has no category"),
    ("categorization", "0,owl,bird\n1,emu,bird\n", "set: has 2 categories for 2 words"),
    ("categorization", "0,bird,owl\n1,bird,emu\n", "set: has 1 categories for 2 words"),
]


@pytest.mark.parametrize(("module", "content", "line"), BAD)
def test_bad_tables_are_refused_in_one_line(
    module: str, content: str, line: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, module, HEADERS[module] + content, **TABLES[module])
    assert line in str(caught.value)
    assert caught.value.mend


@pytest.mark.parametrize("module", GOOD)
def test_a_file_without_the_columns_is_refused(module: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"set:1: has no column '\w+'; name one of 'x', 'y' in"):
        read(tmp_path, module, "x,y\n1,2\n", **TABLES[module])


@pytest.mark.parametrize("module", GOOD)
def test_empty_files_are_refused(module: str, tmp_path: Path) -> None:
    for content in ("", "\n", HEADERS[module]):
        with pytest.raises(DataError, match="set: has no items"):
            read(tmp_path, module, content, **TABLES[module])


@pytest.mark.parametrize("module", ["similarity", "analogies"])
def test_empty_lines_are_no_items(module: str, tmp_path: Path) -> None:
    for content in ("", "\n\n", "# nothing\n" if module == "similarity" else ": section\n"):
        with pytest.raises(DataError, match="set: has no items"):
            read(tmp_path, module, content)


@pytest.mark.parametrize(
    ("module", "content", "line"),
    [
        ("similarity", "a b 1\na b high\n", "set:2: is not `word word score`: 'a b high'"),
        ("similarity", "a b c 1\n", "set:1: is not `word word score`"),
        ("analogies", ": x\na b c\n", "set:2: has 3 words, not 4"),
        ("analogies", "a b c d e\n", "set:1: has 5 words, not 4"),
    ],
)
def test_bad_lines_are_refused(module: str, content: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, module, content)
    assert line in str(caught.value)


PUBLISHED = {
    "mc30": 30, "rg65": 65, "wordsim353_similarity": 203, "wordsim353_relatedness": 252,
    "men": 3_000, "rare_words": 2_034, "mturk287": 287, "yp130": 130, "verb143": 144,
    "wordsim353": 353, "simlex999": 999, "semeval2017_similarity": 500,
    "google_analogies": 19_544, "msr_analogies": 8_000, "semeval2012_analogies": 10_014,
    "outliers888": 64, "wikisem500": 2_812, "ap_categories": 402, "bless_categories": 200,
    "battig_categories": 5_229, "esslli2008_categories": 45,
}  # fmt: skip
GROUPS = {
    "google_analogies": 14, "msr_analogies": 16, "semeval2012_analogies": 79, "outliers888": 8,
    "wikisem500": 500, "ap_categories": 21, "bless_categories": 17, "battig_categories": 56,
    "esslli2008_categories": 9,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where data sets are put, once for all tests."""
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip("POLYSEME_MIRROR is not set: the real data sets are not here")
    return tmp_path_factory.mktemp("data")


@pytest.mark.mirror
@pytest.mark.parametrize("name", PUBLISHED)
def test_real_sets_have_their_published_sizes(name: str, folder: Path) -> None:
    task = preparation.configured(name, _tasks.values("task", name))
    splits, card = _tasks.prepared(task, folder)
    test = splits["test"]
    assert len(test) == PUBLISHED[name]
    assert card["family"] == items.load("task", _tasks.values("task", name)["module"]).FAMILY
    if name in GROUPS:
        assert len(Counter(test.labels)) == GROUPS[name]
    if name == "outliers888":
        assert {len(case) for case in test.sentences} == {9}
        assert set(Counter(test.labels).values()) == {8}
    if name == "semeval2017_similarity":
        assert sum(any(" " in word for word in pair) for pair in test.sentences) == 112
        assert (min(test.labels), max(test.labels)) == (0, 4)
