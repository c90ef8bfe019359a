"""Minimal pairs: who wins is told by part, by item, and by nothing but the scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from tests.intrinsic.given import Given
from tests.intrinsic.toy import Toy

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import minimal_pairs
from polyseme.models import bert, electra
from polyseme.models.base import TEXT, Representation, WordBatch, Words
from polyseme.models.common.filling import Filling
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

NETWORK: dict[str, Any] = {
    "dim": 16, "num_layers": 1, "num_heads": 2, "dim_ff": 32, "max_length": 48,
    "sequence_length": 16,
}  # fmt: skip


class Lengths(Filling):
    """Longer sentences are better."""

    sides = "left"

    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        return [-1.0] * len(texts)

    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        raise NotImplementedError


ITEMS = [
    ("a b c", "a b", ["long", "phenomenon: size"]),
    ("a", "a b", ["short", "phenomenon: size"]),
    ("a b", "b a", ["even", "phenomenon: order"]),
    ("a b c", "a", ["long", "phenomenon: size"]),
]
SPLIT = Split(
    [[*good.split(), TEXT, *bad.split()] for good, bad, _ in ITEMS],
    [labels for _, _, labels in ITEMS],
)
OPTIONS = minimal_pairs.Config()


def test_accuracy_of_all_and_of_each_part_with_ties_as_half() -> None:
    model = cast("Representation", Lengths())
    rows = list(minimal_pairs.measure(OPTIONS, model, Given(SPLIT)))
    assert {r["part"]: (r["value"], r["num_items"]) for r in rows} == {
        None: (0.625, 4),
        "long": (1.0, 2),
        "short": (0.0, 1),
        "even": (0.5, 1),
        "phenomenon: size": (pytest.approx(2 / 3), 3),
        "phenomenon: order": (0.5, 1),
    }
    assert {r["metric"] for r in rows} == {"accuracy"} and {r["variant"] for r in rows} == {None}


def test_each_pair_is_kept_in_order_and_the_means_are_those_of_the_rows() -> None:
    model = cast("Representation", Lengths())
    kept = list(minimal_pairs.kept(OPTIONS, model, Given(SPLIT)))
    assert [(k["item"], k["part"], k["value"]) for k in kept] == [
        (0, "long", 1.0), (1, "short", 0.0), (2, "even", 0.5), (3, "long", 1.0),
    ]  # fmt: skip


def test_labels_may_be_single_names() -> None:
    split = Split(SPLIT.sentences, ["x", "x", "y", "y"])
    model = cast("Representation", Lengths())
    rows = list(minimal_pairs.measure(OPTIONS, model, Given(split)))
    assert {r["part"]: r["value"] for r in rows} == {None: 0.625, "x": 0.5, "y": 0.75}


def _made(module: Any, pieces: WordPieces) -> Any:
    made = module.Model(module.Config(**NETWORK), pieces)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(weight.numel()))
    return made.eval()


def test_pseudo_likelihoods_tell_which_and_others_do_not(pieces: WordPieces) -> None:
    words = ["there was an unbelievable crackdown", "there was unbelievable an crackdown"]
    split = Split([[*words[0].split(), TEXT, *words[1].split()]], ["order"])
    both = minimal_pairs.Config(whole_word=True)
    masked = _made(bert, pieces)
    rows = list(minimal_pairs.measure(both, masked, Given(split)))
    assert [r["variant"] for r in rows if r["part"] is None] == ["pll_word_l2r", "pll_whole_word"]
    a, b = (masked.scores([text.split()])[0] for text in words)
    assert rows[0]["value"] == float(a > b)
    rows = list(minimal_pairs.measure(both, _made(electra, pieces), Given(split)))
    assert [r["variant"] for r in rows] == [None, None]


def test_a_table_scores_by_how_well_vectors_agree(pieces: WordPieces) -> None:
    table = Table(["a", "b", "c"], 2, pieces, "zero")
    table.set_vectors(torch.tensor([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0]]).numpy())
    split = Split([["a", "b", TEXT, "a", "c"]], ["x"])
    rows = list(minimal_pairs.measure(OPTIONS, table.eval(), Given(split)))
    assert rows[0]["value"] == 1.0


def test_a_table_says_how_well_the_words_of_its_last_layer_agree(pieces: WordPieces) -> None:
    """The mean, so that a longer sentence is no better for its length."""

    class Two(Toy):
        def forward(self, batch: WordBatch) -> torch.Tensor:
            h_LBTD = super().forward(batch)
            return torch.stack([torch.randn_like(h_LBTD[0]), h_LBTD[0]])

    model = Two(["a", "b"], dim=2)
    model.table.weight.data[1:] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    pairs = [("a a", "a a a a"), ("a a", "a b b b"), ("a b a", "a b")]
    items = Split([[*x.split(), TEXT, *y.split()] for x, y in pairs], [["p"]] * 3)
    kept = minimal_pairs.kept(OPTIONS, model, Given(items))
    assert [row["value"] for row in kept] == [0.5, 1.0, 1.0]
