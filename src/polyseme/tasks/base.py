"""Labelled data in one form, whatever file it came from.

A task module has a `Config`, a `FAMILY` and `prepare(options, source) -> dict of splits`. A family
(families/) owns how items are represented, the loss and the metrics; the module only reads its
source. One with `PROBED_ONLY = True` asks what nobody wants for its own sake, as the length of a
sentence: it is probed, and nothing is fine-tuned. An item is one row of a Parquet file; its number
in the file is its id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.data.words import Glued
from polyseme.errors import DataError

CARD = "task.json"
SPLITS = ("train", "valid", "test")
OPTIONAL = ("places", "cut", "keys")
GLUED = "glued"
"""Column of the words of an item that no space comes before."""
"""Columns that a split may have besides words and labels."""
UNLABELLED = None
KEY_END = "%"
"""What stands between the key of a label and the rest of it."""


@dataclass(frozen=True)
class Split:
    """Items of one split.

    Attributes:
        sentences: words of each item; `Glued` where it is known that no space comes before one.
        labels: of each item: one label, or one for each word (None where a word has none).
        places: of each item: the words that its label is about; None where it is about all.
        cut: of each item: whether its end was left out; None where nothing was.
        keys: of each item and each of its labels: what is asked about. Only labels that begin with
            the key and `%` can be right; None where any label can.
    """

    sentences: Sequence[Sequence[str]]
    labels: Sequence[Any]
    places: Sequence[Sequence[int]] | None = None
    cut: Sequence[bool] | None = None
    keys: Sequence[Sequence[str]] | None = None

    def __len__(self) -> int:
        return len(self.sentences)

    def chosen(self, items: Sequence[int]) -> Split:
        """Some of the items, numbered anew."""
        columns: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: values for name, values in columns.items() if values is not None}
        return Split(**{name: [values[i] for i in items] for name, values in given.items()})


def write(folder: Path, splits: Mapping[str, Split], card: Mapping[str, Any]) -> None:
    """Write the splits and a card with their sizes.

    Raises:
        DataError: a split is empty.
    """
    require_items(splits, task=card["name"])
    for name, split in splits.items():
        columns = {"words": list(split.sentences), "labels": list(split.labels)}
        glued = [_glued(words) for words in split.sentences]
        if any(glued):
            columns[GLUED] = glued
        for column in OPTIONAL:
            if (values := getattr(split, column)) is not None:
                columns[column] = list(values)
        table = pa.table(columns)
        pq.write_table(table, folder / f"{name}.parquet")
    sizes = {name: len(split) for name, split in splits.items()}
    words = {name: sum(map(len, split.sentences)) for name, split in splits.items()}
    content = dict(card) | {"num_items": sizes, "num_words": words}
    if cut := {name: sum(split.cut) for name, split in splits.items() if split.cut is not None}:
        content["num_cut"] = cut
    (folder / CARD).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def require_splits(splits: Mapping[str, Split], *, task: str) -> None:
    """Refuse labelled data on which nothing can be trained, chosen or tested.

    Raises:
        DataError: naming the split that is missing, or one that is not known.
    """
    for name in sorted(set(SPLITS) ^ splits.keys()):
        what = "is missing" if name in SPLITS else "is not known"
        raise DataError(
            f"split {name!r} {what}", where=task, mend=f"give {', '.join(SPLITS)} in its conf file"
        )


def _glued(words: Sequence[str]) -> list[int]:
    return [place for place, word in enumerate(words) if isinstance(word, Glued)]


def require_items(splits: Mapping[str, Split], *, task: str) -> None:
    """Refuse a split without items.

    Raises:
        DataError: naming the split.
    """
    for name, split in splits.items():
        if not len(split):
            raise DataError(f"split {name!r} is empty", where=task, mend="check its source")


def read_card(folder: Path) -> dict[str, Any]:
    """Name, family, sizes, licence."""
    card: dict[str, Any] = json.loads((folder / CARD).read_text())
    return card


def read(folder: Path, split: str) -> Split:
    """One split of a prepared task."""
    table = pq.read_table(folder / f"{split}.parquet")
    others = {name: table[name].to_pylist() for name in OPTIONAL if name in table.column_names}
    sentences = table["words"].to_pylist()
    if GLUED in table.column_names:
        for words, places in zip(sentences, table[GLUED].to_pylist(), strict=True):
            for place in places:
                words[place] = Glued(words[place])
    return Split(sentences, table["labels"].to_pylist(), **others)


def budget_items(split: Split, size: int | str, *, task: str) -> list[int]:
    """The first `size` items in a fixed order: nested, stratified, the same for every model.

    The n-th of the N items of a label stands at (n + 1/2) / N, so any beginning has about the same
    share of each label as the whole. Items with several labels, or with a number, are one stratum.

    Args:
        size: number of items, or `all`.

    Raises:
        DataError: there are not so many.
    """
    if size == "all":
        return list(range(len(split)))
    if int(size) > len(split):
        raise DataError(
            f"has {len(split)} training items, fewer than train_sizes asks for: {size}",
            where=task,
            mend="lower it or use `all`",
        )
    order = np.random.Generator(np.random.Philox(0)).permutation(len(split)).tolist()
    strata: dict[str | None, list[int]] = {}
    for i in order:
        strata.setdefault(_stratum(split.labels[i]), []).append(i)
    places = {
        i: (number + 0.5) / len(members)
        for members in strata.values()
        for number, i in enumerate(members)
    }
    order.sort(key=places.__getitem__)
    return sorted(order[: int(size)])


def _stratum(label: Any) -> str | None:
    """The one label of an item, or None."""
    names = [n for n in (label if isinstance(label, list) else [label]) if n is not UNLABELLED]
    return names[0] if len(names) == 1 and isinstance(names[0], str) else None


def label_names(labels: Sequence[Any]) -> list[str]:
    """Distinct labels of items or of their words, sorted."""
    counts: Counter[str] = Counter()
    for label in labels:
        counts.update(label if isinstance(label, list) else [label])
    return sorted(name for name in counts if name is not UNLABELLED)


def same_words(words: Sequence[str]) -> str:
    """What two items have in common that are one and the same: words, whatever their case."""
    return " ".join(words).casefold()
