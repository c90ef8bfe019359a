"""GPT-BERT: rows of two kinds in one batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from polyseme.data.tokenizer import CLS, MASK, WordPieces
from polyseme.models import gpt_bert

ROWS, LENGTH = 12, 40


def _batch(
    pieces: WordPieces, **values: object
) -> tuple[gpt_bert.Model, np.ndarray, dict[str, torch.Tensor]]:
    options = gpt_bert.Config(
        **(
            {"dim": 16, "num_layers": 2, "num_heads": 2, "dim_ff": 32, "masked_share": 0.75}
            | values
        )
    )
    model = gpt_bert.Model(options, pieces)
    model.reset(0)
    ids = np.random.default_rng(1).integers(5, pieces.vocab_size, (ROWS, LENGTH))
    flags = np.ones_like(ids, np.uint8)
    ids[:, 7], flags[:, 7] = CLS, 2
    made = model.make_batch(ids, flags, np.random.default_rng(2))
    return model, ids, {name: torch.from_numpy(array) for name, array in made.items()}


def test_rows_are_masked_or_causal_by_their_share(pieces: WordPieces) -> None:
    _, ids, batch = _batch(pieces)
    assert batch["causal_B"].tolist() == [False] * 9 + [True] * 3
    assert (batch["ids_BS"][:9] == MASK).any(1).all()
    assert (batch["ids_BS"][9:].numpy() == ids[9:]).all()
    assert batch["weights_BS"][:9].sum(1).max() <= 8
    assert (batch["weights_BS"][9:].sum(1) == LENGTH - 2).all()  # neither the first nor [CLS]


def test_a_share_that_gives_no_whole_row_holds_on_average(pieces: WordPieces) -> None:
    model, ids, _ = _batch(pieces, masked_share=0.3)
    counts = [
        (
            ~model.make_batch(ids, np.ones_like(ids, np.uint8), np.random.default_rng(n))[
                "causal_B"
            ]
        ).sum()
        for n in range(200)
    ]
    assert set(counts) == {3, 4}
    assert np.mean(counts) == pytest.approx(3.6, abs=0.15)


def test_both_kinds_are_computed_as_if_alone_and_each_row_counts_alike(pieces: WordPieces) -> None:
    model, _, batch = _batch(pieces)
    targets_BS = batch["targets_BS"]
    means, nats = [], {False: 0.0, True: 0.0}
    with torch.no_grad():
        for row in range(ROWS):
            causal = bool(batch["causal_B"][row])
            h_SD = model.encoder(batch["ids_BS"][row : row + 1], num_causal=int(causal))[-1][0]
            logits_SV = model.head(h_SD, model.encoder.tokens.weight)
            counted = batch["weights_BS"][row, 1:] > 0
            found = F.cross_entropy(
                logits_SV[:-1][counted], targets_BS[row, 1:][counted], reduction="none"
            )
            means.append(found.mean())
            nats[causal] += float(found.sum())
        losses = model.losses(batch)
    assert losses.objective is not None
    assert torch.allclose(losses.objective[0] / losses.objective[1], torch.stack(means).mean())
    assert float(losses.nats) == pytest.approx(nats[False], rel=1e-5)
    assert float(losses.also["causal_loss"][0]) == pytest.approx(nats[True], rel=1e-5)


def test_what_is_reported_first_follows_the_sides(pieces: WordPieces) -> None:
    both, left = (_batch(pieces, sides=sides) for sides in ("both", "left"))
    a, b = both[0].losses(both[2]), left[0].losses(left[2])
    assert torch.equal(a.nats, b.also["masked_loss"][0])
    assert torch.equal(b.nats, a.also["causal_loss"][0])
