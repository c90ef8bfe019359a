"""What BERT hides, and what it is scored on."""

from __future__ import annotations

import numpy as np
import torch

from polyseme.data.tokenizer import MASK, WordPieces
from polyseme.models import bert

ROWS, LENGTH = 64, 50


def _batch(
    pieces: WordPieces, **values: float
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    model = bert.Model(bert.Config(dim=16, num_layers=1, num_heads=2, **values), pieces)
    random = np.random.default_rng(1)
    ids = random.integers(5, pieces.vocab_size, (ROWS, LENGTH))
    flags = np.ones_like(ids, dtype=np.uint8)
    ids[:, [0, 9]], flags[:, [0, 9]] = 2, 2
    return ids, flags, model.make_batch(ids, flags, np.random.default_rng(2))


def test_every_row_hides_the_same_number_of_ordinary_tokens(pieces: WordPieces) -> None:
    ids, flags, batch = _batch(pieces, mask_ratio=0.2)
    positions = batch["positions_M"].reshape(ROWS, -1)
    assert positions.shape == (ROWS, 10)
    assert all(len(set(row)) == 10 for row in positions)
    assert (flags.ravel()[batch["positions_M"]] == 1).all()
    assert (ids.ravel()[batch["positions_M"]] == batch["targets_M"]).all()
    assert batch["weights_M"].all()


def test_hidden_tokens_are_shown_in_the_stated_shares(pieces: WordPieces) -> None:
    ids, _, batch = _batch(pieces, mask_ratio=0.5, mask_replace=0.6, mask_random=0.3)
    shown = batch["ids_BS"].ravel()[batch["positions_M"]]
    assert abs((shown == MASK).mean() - 0.6) < 0.04
    assert abs((shown == batch["targets_M"]).mean() - 0.1) < 0.04
    untouched = np.ones(ids.size, dtype=bool)
    untouched[batch["positions_M"]] = False
    assert (batch["ids_BS"].ravel()[untouched] == ids.ravel()[untouched]).all()


def test_a_row_of_special_tokens_counts_nothing(pieces: WordPieces) -> None:
    model = bert.Model(bert.Config(dim=16, num_layers=1, num_heads=2), pieces)
    ids = np.full((1, LENGTH), 3)
    batch = model.make_batch(ids, np.full((1, LENGTH), 2, np.uint8), np.random.default_rng(0))
    assert not batch["weights_M"].any()
    assert (batch["ids_BS"] == ids).all()


def test_losses_count_only_hidden_tokens_and_their_bytes(pieces: WordPieces) -> None:
    _, _, batch = _batch(pieces)
    model = bert.Model(bert.Config(dim=16, num_layers=1, num_heads=2), pieces)
    model.reset(0)
    tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
    nats, tokens, size = model.losses(tensors)
    assert tokens == len(batch["targets_M"])
    assert size == pieces.byte_lengths[batch["targets_M"]].sum()
    assert abs(nats / tokens - np.log(pieces.vocab_size)) < 0.5  # untrained: near uniform
