"""Low-rank factors: the formula, what learns, and the same function when merged."""

from __future__ import annotations

import pytest
import torch
from tests.transfer.small import COMMON, model_of, texts_of
from torch import nn

from polyseme.data.tokenizer import WordPieces
from polyseme.strategies import lora


@pytest.mark.parametrize("name", ["bert", "awd_lstm", "elmo"])
def test_low_rank_factors_start_at_nothing_and_alone_learn(pieces: WordPieces, name: str) -> None:
    model, texts = model_of(pieces, name), texts_of(4)
    before, weights = model.encode(texts), {n: w.clone() for n, w in model.named_parameters()}
    strategy = lora.Strategy(lora.Config(**COMMON, rank=2))  # type: ignore[arg-type]
    adapted = strategy.start(model, 0)
    assert all(map(torch.equal, adapted.encode(texts), before))
    head = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(strategy.groups(adapted, head), lr=1.0)
    for _ in range(2):  # in the first step B alone has a gradient
        optimizer.zero_grad()
        adapted(adapted.prepare(texts)).square().sum().backward()
        optimizer.step()
    learned = [w for w in adapted.parameters() if w.requires_grad]
    assert sum(w.numel() for w in learned) < 0.6 * model.num_parameters()
    assert all(torch.equal(w, weights[n]) for n, w in model.named_parameters())
    changed = adapted.encode(texts)
    assert not all(map(torch.allclose, changed, before))
    for one, other in zip(adapted.merged().encode(texts), changed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    matrices = {n for n, w in model.named_parameters() if not torch.equal(w, weights[n])}
    assert matrices
    assert all(model.depth(n) for n in matrices)


def test_low_rank_update_is_that_of_the_paper(pieces: WordPieces) -> None:
    """h = W x + alpha / r B A x, for one matrix by hand."""
    model = model_of(pieces, "bert")
    adapted = lora.LowRank(model, rank=2, alpha=6.0, seed=1)
    number = adapted.names.index("encoder.blocks.1.up.weight")
    nn.init.normal_(adapted.up[number])
    x = torch.randn(16)
    by_hand = model.encoder.blocks[1].up.weight @ x + 3.0 * (  # type: ignore[attr-defined,index,union-attr]
        adapted.up[number] @ (adapted.down[number] @ x)
    )
    torch.testing.assert_close(adapted.adapted()["encoder.blocks.1.up.weight"] @ x, by_hand)
