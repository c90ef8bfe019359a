"""The battery passes what is sound, and each fault fails the check of its name and no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.invariance.conftest import CONF, NOUNS, TASKS, VERBS, tiny
from torch import Tensor

from polyseme.data.tokenizer import WordPieces
from polyseme.invariance import battery, labels
from polyseme.models import bert
from polyseme.models.base import Representation, WordBatch, Words
from polyseme.models.common.table import Table
from polyseme.probes.base import MAX_LABELS
from polyseme.tasks import base as tasks
from polyseme.tasks.base import Split

ITEMS = [
    (group, path.stem)
    for group in ("static", "lm")
    for path in sorted((CONF / group).glob("*.yaml"))
]
EVERY = {*battery.CHECKS, *labels.CHECKS}


def _failed(representation: Representation, root: Path, names: Sequence[str] = TASKS) -> set[str]:
    rows = battery.run(representation, root, names)
    return {row["metric"] for row in rows if row["checked"] is False}


@pytest.mark.parametrize(("group", "name"), ITEMS)
def test_every_representation_of_the_tree_passes(
    pieces: WordPieces, root: Path, tmp_path: Path, group: str, name: str
) -> None:
    rows = list(battery.run(tiny(group, name, pieces, tmp_path), root, TASKS))
    assert {row["metric"] for row in rows} == EVERY
    assert [row for row in rows if row["checked"] is False] == []
    assert {row["metric"] for row in rows if row["checked"] is None} == {"left_padding"}
    assert {row["task"] for row in rows if row["metric"] == "padding"} == set(TASKS)
    assert [row["task"] for row in rows if row["metric"] in labels.CHECKS] == ["upos"] * 2
    assert min(row["num_items"] for row in rows) > 0


class _Faulty(Table):
    """Sound but for what a subclass spoils."""

    def forward(self, batch: WordBatch) -> Tensor:
        return self.spoil(super().forward(batch), batch)

    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return h_LBTD


class _BatchSize(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return h_LBTD * (1 + 0.1 * (len(batch.lengths_B) > 1))


class _Padding(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return h_LBTD * (1 + 0.01 * h_LBTD.shape[2])


class _Neighbours(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        rows_B = torch.arange(len(batch.lengths_B))
        return h_LBTD + h_LBTD[:, rows_B, batch.lengths_B - 1].mean(1)[:, None, None]


class _Order(_Faulty):
    def encode(self, sentences: Sequence[Words], **options: Any) -> list[Tensor]:
        first, *others = super().encode(sentences, **options)
        return [first + 0.1, *others]


class _Unsorted(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return h_LBTD + 0.1 * bool((batch.lengths_B.diff() < 0).any())


class _Bfloat16(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return h_LBTD.roll(1, -1) if torch.is_autocast_enabled("cpu") else h_LBTD


class _NotANumber(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        of_word_BT = batch.inputs["rows_BT"] == self.index["lit"]
        return h_LBTD.masked_fill(of_word_BT[None, ..., None], torch.nan)


class _Zero(_NotANumber):
    family = "contextual"

    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return super().spoil(h_LBTD, batch).nan_to_num(0.0)


class _NoRows(_Faulty):
    def encode(self, sentences: Sequence[Words], **options: Any) -> list[Tensor]:
        found = super().encode(sentences, **options)
        return [h if h.numel() else torch.zeros(1, 1, self.dim) for h in found]


class _OneWord(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        return h_LBTD / (batch.lengths_B > 1)[None, :, None, None] - 1.0


class _LongLost(_Faulty):
    def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
        h_LBTD[:, :, 100:] = torch.inf
        return h_LBTD


class _LongRaises(_Faulty):
    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        if max(map(len, sentences)) > 100:
            raise IndexError("index out of range in self")
        return super().prepare(sentences)


FAULTS = {
    _BatchSize: "batch_size",
    _Padding: "padding",
    _Neighbours: "neighbours",
    _Order: "order",
    _Unsorted: "length_sorted",
    _Bfloat16: "precision",
    _NotANumber: "defined",
    _Zero: "defined",
    _NoRows: "empty",
    _OneWord: "one_word",
    _LongLost: "long",
    _LongRaises: "long",
}


@pytest.mark.parametrize(("fault", "check"), FAULTS.items())
def test_a_fault_fails_the_check_of_its_name_alone(
    pieces: WordPieces, root: Path, fault: type[Table], check: str
) -> None:
    table = fault(["the", *NOUNS, *VERBS], 16, pieces, "zero")
    table.reset(0)
    assert _failed(table, root) == {check}


def test_the_row_of_a_fault_says_what_was_found(pieces: WordPieces, root: Path) -> None:
    rows = {}
    for fault in (_NotANumber, _LongRaises, _BatchSize):
        table = fault(["the", *NOUNS, *VERBS], 16, pieces, "zero")
        table.reset(0)
        found = battery.run(table, root, ["upos"])
        (rows[fault],) = (row for row in found if row["checked"] is False)
    assert rows[_NotANumber]["reason"] == "no vector: 'lit'"
    assert rows[_NotANumber]["value"] > rows[_NotANumber]["tolerance"] == 0.0
    assert rows[_LongRaises]["reason"] == "IndexError: index out of range in self"
    assert rows[_LongRaises]["value"] is None
    assert rows[_BatchSize]["value"] == pytest.approx(0.1)  # of the largest component


def test_a_representation_that_raises_has_failed_everything(pieces: WordPieces, root: Path) -> None:
    class Raising(_Faulty):
        def spoil(self, h_LBTD: Tensor, batch: WordBatch) -> Tensor:
            raise RuntimeError("not today")

    assert _failed(Raising(NOUNS, 16, pieces, "zero"), root, ["upos"]) == EVERY - {"left_padding"}


def test_windows_that_see_each_other_are_found(
    pieces: WordPieces, root: Path, tmp_path: Path
) -> None:
    class Seeing(bert.Model):
        def forward(self, batch: WordBatch) -> Tensor:
            cut = len(batch.inputs["ids_RS"]) > 2 * len(batch.lengths_B)
            return super().forward(batch) + 0.1 * cut

    model = tiny("lm", "bert", pieces, tmp_path)
    model.__class__ = Seeing
    assert _failed(model, root, ["upos"]) == set()
    model.max_length = 12
    assert "long" in _failed(model, root, ["upos"])


def test_labels_of_a_task_with_thousands_of_them_are_not_shuffled(tmp_path: Path) -> None:
    many = Split([["w"] * (MAX_LABELS + 1)], [[f"l{n}" for n in range(MAX_LABELS + 1)]])
    for name, family, split in (
        ("senses", "tagging", many),
        ("topic", "classification", Split([["w"]] * (MAX_LABELS * 2), ["a", "b"] * MAX_LABELS)),
    ):
        (tmp_path / name).mkdir()
        card = {"name": name, "family": family}
        tasks.write(tmp_path / name, dict.fromkeys(tasks.SPLITS, split), card)
    assert battery.labelled(tmp_path, ["senses", "topic"]) == ["topic"]
    assert battery.labelled(tmp_path, ["senses"]) == []
