"""What BERT hides, and what it is scored on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from polyseme.data.tokenizer import MASK, WordPieces
from polyseme.models import bert
from polyseme.training.pretrain import as_batch

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
    positions = batch["positions_BK"]
    assert positions.shape == (ROWS, 10)
    assert all(len(set(row)) == 10 for row in positions)
    assert (np.take_along_axis(flags, positions, 1) == 1).all()
    assert (np.take_along_axis(ids, positions, 1) == batch["targets_BK"]).all()
    assert batch["weights_BK"].all()


def test_hidden_tokens_are_shown_in_the_stated_shares(pieces: WordPieces) -> None:
    ids, _, batch = _batch(pieces, mask_ratio=0.5, mask_replace=0.6, mask_random=0.3)
    shown = np.take_along_axis(batch["ids_BS"], batch["positions_BK"], 1)
    assert abs((shown == MASK).mean() - 0.6) < 0.04
    assert abs((shown == batch["targets_BK"]).mean() - 0.1) < 0.04
    untouched = np.ones(ids.shape, dtype=bool)
    np.put_along_axis(untouched, batch["positions_BK"], False, 1)
    assert (batch["ids_BS"][untouched] == ids[untouched]).all()


def test_a_row_of_special_tokens_counts_nothing(pieces: WordPieces) -> None:
    model = bert.Model(bert.Config(dim=16, num_layers=1, num_heads=2), pieces)
    ids = np.full((1, LENGTH), 3)
    batch = model.make_batch(ids, np.full((1, LENGTH), 2, np.uint8), np.random.default_rng(0))
    assert not batch["weights_BK"].any()
    assert (batch["ids_BS"] == ids).all()


def test_losses_count_only_hidden_tokens_and_their_bytes(pieces: WordPieces) -> None:
    _, _, batch = _batch(pieces)
    model = bert.Model(bert.Config(dim=16, num_layers=1, num_heads=2), pieces)
    model.reset(0)
    tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
    nats, tokens, size, *_ = model.losses(tensors)
    assert tokens == batch["targets_BK"].size
    assert size == pieces.byte_lengths[batch["targets_BK"]].sum()
    assert abs(nats / tokens - np.log(pieces.vocab_size)) < 0.5  # untrained: near uniform


def test_the_share_of_hidden_tokens_falls_linearly_over_the_budget(pieces: WordPieces) -> None:
    options = bert.Config(dim=16, num_heads=2, num_layers=1, mask_ratio=0.4, mask_ratio_end=0.1)
    model = bert.Model(options, pieces)
    ids, flags = np.full((2, LENGTH), 9), np.ones((2, LENGTH), np.uint8)
    sizes = []
    for progress in (0.0, 0.5, 1.0):
        rows = as_batch(model, (ids, flags), np.random.default_rng(0), progress=progress)
        sizes.append(rows["positions_BK"].shape[1])
    assert sizes == [20, 12, 5]
    assert model.make_batch(ids, flags, np.random.default_rng(0))["positions_BK"].shape[1] == 5


def test_whole_words_are_hidden_or_none_of_their_pieces(pieces: WordPieces) -> None:
    random = np.random.default_rng(3)
    ids = random.integers(5, pieces.vocab_size, (ROWS, LENGTH))
    flags = random.choice([0, 0, 1, 2], (ROWS, LENGTH)).astype(np.uint8)
    flags[:, 1:][(flags[:, :-1] == 2) & (flags[:, 1:] == 0)] = 1  # a word begins with its beginning
    options = bert.Config(
        dim=16, num_heads=2, num_layers=1, mask_words=True, mask_ratio=0.3, mask_random=0.0,
        mask_replace=1.0,
    )  # fmt: skip
    batch = bert.Model(options, pieces).make_batch(ids, flags, random)
    assert batch["positions_BK"].shape == (ROWS, 15)
    for row in range(ROWS):
        hidden = batch["ids_BS"][row] == MASK
        starts = [0, *np.flatnonzero(flags[row] != 0)]
        for start, end in pairwise([*starts, LENGTH]):
            assert hidden[start:end].all() or not hidden[start:end].any()
        assert not hidden[flags[row] == 2].any()
        assert hidden.sum() == batch["weights_BK"][row].sum()
    assert 10 < (batch["ids_BS"] == MASK).sum(1).mean() <= 15
    whole = {"mask_words": False}
    alone = bert.Config(**{f: getattr(options, f) for f in options.__dataclass_fields__} | whole)
    words = np.ones_like(flags)  # where each word is one piece, whole words are what tokens are
    one, other = (
        bert.Model(made, pieces).make_batch(ids, words, np.random.default_rng(1))
        for made in (options, alone)
    )
    assert (one["ids_BS"] == other["ids_BS"]).all()
