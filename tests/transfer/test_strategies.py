"""Heads and pairs that strategies ask for, refusals, and both precisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.transfer.small import COMMON, RUNTIME, model_of, table_of, texts_of

from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import Representation
from polyseme.models.common.stacked import Stacked
from polyseme.strategies import frozen_bilstm, full, gradual, lora, stack
from polyseme.strategies.base import Strategy
from polyseme.tasks.families.base import get
from polyseme.transfer.finetune import Cellwise, predict, train
from polyseme.transfer.head import Head
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.vectors import Live


def test_a_bilstm_head_does_not_read_padding_and_depends_on_neighbours() -> None:
    strategy = frozen_bilstm.Strategy(
        frozen_bilstm.Config(epochs=1, batch_size=2, head_lr=0.1, lstm_dim=5)
    )
    torch.manual_seed(0)
    head = Head(
        num_layers=2, dim=8, num_labels=3, family=get("tagging"), options=strategy.head
    ).eval()
    h, mask = torch.randn(2, 1, 5, 8), torch.tensor([[True] * 3 + [False] * 2])
    other, changed = h.clone(), h.clone()
    other[:, :, 3:], changed[:, :, 2] = 50.0, 50.0
    seen, same, moved = (head(x, mask)[:, :3] for x in (h, other, changed))
    assert torch.allclose(seen, same)
    assert not torch.allclose(seen[:, 0], moved[:, 0])


def test_tables_are_refused_with_a_reason(pieces: WordPieces) -> None:
    table = table_of(pieces)
    stepwise = gradual.Strategy(gradual.Config(**COMMON))  # type: ignore[arg-type]
    assert "one layer" in str(stepwise.refuses(table))
    assert "no layer above" in str(
        lora.Strategy(lora.Config(**COMMON)).refuses(table)  # type: ignore[arg-type]
    )
    assert stepwise.refuses(model_of(pieces, "bert")) is None


@pytest.mark.parametrize("strategy", ["full", "gradual", "lora"])
def test_half_precision_learns_the_same_within_tolerance(
    pieces: WordPieces, tmp_path: Path, strategy: str
) -> None:
    """Words are odd or even; scores and the chances of each label are alike."""
    values: Any = COMMON | {"epochs": 8, "dropout": 0.0}
    kinds: dict[str, Strategy] = {
        "full": full.Strategy(full.Config(**values)),
        "gradual": gradual.Strategy(gradual.Config(**values)),
        "lora": lora.Strategy(lora.Config(**values)),
    }
    texts, scores, chances = texts_of(30), [], []
    for precision in ("fp32", "bf16"):
        model = kinds[strategy].start(model_of(pieces, "bert"), 0)
        targets = [[int(word[1:]) % 2 for word in words] for words in texts]
        split = Labelled(Live(model, texts), [len(words) for words in texts], targets)
        runtime = replace(RUNTIME, precision=precision)
        given = Cellwise(
            get("tagging"),
            2,
            lambda p, split=split: float((p == split.gold_N).mean()),
            runtime,
            tmp_path,
        )
        head = train(model, kinds[strategy], split, split, given, seed=0)
        scores.append(given.score(predict(head, split)))
        with torch.no_grad():
            chances.append(split.logits(head, range(len(texts))).softmax(-1))
    assert min(scores) > 0.8
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
    assert 0 < (chances[0] - chances[1]).abs().max() < 0.05


def test_stacked_vectors_are_both_and_the_same_in_any_batch(pieces: WordPieces) -> None:
    model, table, texts = model_of(pieces, "bert"), table_of(pieces), texts_of(7)
    both: Representation = Stacked(model, table)
    assert (both.num_layers, both.dim) == (4, 24)
    found = both.encode(texts)
    for words, h in zip(texts, found, strict=True):
        alone = both.encode([words])[0]
        torch.testing.assert_close(alone, h, atol=1e-5, rtol=1e-4)
        vectors = table.encode([words])[0][0]
        normal = torch.nn.functional.layer_norm(vectors, vectors.shape[-1:])
        assert all(torch.allclose(layer[:, 16:], normal) for layer in h)
    strategy = stack.Strategy(
        stack.Config(epochs=1, batch_size=2, head_lr=0.1, partner="table", models=("bert",))
    )
    assert strategy.refuses(both) is None
    assert strategy.refuses(model) == "needs a partner"
