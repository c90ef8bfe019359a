"""ELECTRA: samples of the generator, and what the discriminator is asked."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from torch.nn import functional as F

from polyseme.data.tokenizer import WordPieces
from polyseme.models import electra
from polyseme.models.electra import sample

OPTIONS = electra.Config(dim=16, num_layers=1, num_heads=2, dim_ff=32)


def _model(pieces: WordPieces) -> electra.Model:
    model = electra.Model(OPTIONS, pieces)
    model.reset(0)
    return model


def _batch(model: electra.Model) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    ids = np.random.default_rng(1).integers(5, model.pieces.vocab_size, (8, 40))
    made = model.make_batch(ids, np.ones_like(ids, np.uint8), np.random.default_rng(2))
    return ids, {name: torch.from_numpy(array) for name, array in made.items()}


def test_samples_have_the_frequencies_of_the_softmax() -> None:
    logits_V = torch.tensor([0.0, 1.0, -2.0, 0.5, -30.0])
    draws = torch.from_numpy(np.random.default_rng(0).random(20_000))
    counts = sample(logits_V.expand(20_000, 5), draws).bincount(minlength=5)
    expected = logits_V[:4].double().softmax(0).numpy() * 20_000
    assert counts[4] == 0
    assert stats.chisquare(counts[:4].numpy(), expected).pvalue > 0.01


def test_the_ends_of_the_draws_are_tokens() -> None:
    logits_MV = torch.randn(2, 300, generator=torch.Generator().manual_seed(0))
    found = sample(logits_MV, torch.tensor([0.0, 1 - 1e-16], dtype=torch.float64))
    assert found[0] == 0
    assert found[1] < 300


def test_a_sample_does_not_depend_on_its_companions() -> None:
    random = torch.Generator().manual_seed(0)
    logits_MV, draws = torch.randn(50, 300, generator=random), torch.rand(50, generator=random)
    assert torch.equal(sample(logits_MV, draws)[::2], sample(logits_MV[::2], draws[::2]))


def test_the_objective_is_both_losses_with_labels_of_what_was_really_replaced(
    pieces: WordPieces,
) -> None:
    model = _model(pieces)
    ids, batch = _batch(model)
    found = model.losses(batch)
    flat = (batch["positions_BK"] + 40 * torch.arange(8)[:, None]).flatten()
    with torch.no_grad():
        logits_MV = model.masked_logits(batch["ids_BS"], None, flat)
        filled = torch.from_numpy(ids).flatten().clone()
        filled[flat] = sample(logits_MV, batch["draws_BK"].flatten())
        labels = (filled.view(8, 40) != torch.from_numpy(ids)).float()
        logits = model.suspicion(filled.view(8, 40), None)
        guessing = F.cross_entropy(logits_MV, batch["targets_BK"].flatten())
        telling = F.binary_cross_entropy_with_logits(logits, labels)
    assert found.objective is not None
    total, weight = found.objective
    assert torch.allclose(total / weight, guessing + 50 * telling, rtol=1e-5)
    assert torch.allclose(found.nats / found.tokens, guessing)
    also = {name: float(a / b) for name, (a, b) in found.also.items()}
    assert abs(also["detection_loss"] - float(telling)) < 1e-5
    assert abs(also["replaced_share"] - float(labels.mean())) < 1e-6
    right = ((logits > 0) == (labels > 0)).float().mean()
    assert abs(also["detection_accuracy"] - float(right)) < 1e-6


def test_the_discriminator_does_not_train_the_generator_through_its_samples(
    pieces: WordPieces,
) -> None:
    model = _model(pieces)
    _, batch = _batch(model)
    found = model.losses(batch)
    assert found.objective is not None
    (found.objective[0] - found.nats).backward()
    assert not any(w.grad.any() for w in model.generator.parameters() if w.grad is not None)
    assert model.verdict.weight.grad is not None
    assert model.encoder.tokens.weight.grad is not None
