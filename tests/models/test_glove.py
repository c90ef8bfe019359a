"""GloVe: gradient against autograd, updates against one nonzero at a time, published behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from polyseme.errors import NumericsError
from polyseme.models import glove
from polyseme.models.common.text import num_words


@pytest.fixture
def counts(random: np.random.Generator) -> sparse.csr_array:
    dense = random.poisson(0.4, (50, 50)) * random.gamma(1.0, 20.0, (50, 50))
    return sparse.csr_array(dense + dense.T)


def test_blocks_hold_every_nonzero_once(counts: sparse.csr_array) -> None:
    found = np.zeros(counts.shape)
    for block in glove.blocks(counts, glove.Config(block=64), seed=0):
        assert len(block.log_N) <= 64
        found[block.rows_R[block.row_N], block.columns_C[block.column_N]] += np.exp(block.log_N)
    np.testing.assert_allclose(found, counts.toarray(), rtol=1e-5)


def test_the_order_of_nonzeros_is_random(counts: sparse.csr_array) -> None:
    first, other = (
        glove.blocks(counts, glove.Config(block=64), seed=seed)[0].log_N for seed in (0, 1)
    )
    assert not np.array_equal(first, other)


def test_gradients_are_those_of_autograd(counts: sparse.csr_array) -> None:
    options = glove.Config(dim=7, x_max=30.0, block=128)
    model = glove.Glove(50, options, seed=1)
    model.word_VE *= 8  # away from zero, where products would not matter
    for block in glove.blocks(counts, options, seed=0)[:3]:
        word, context = model.word_VE[block.rows_R], model.context_VE[block.columns_C]
        w, c = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (word, context))
        i, j = torch.from_numpy(block.row_N).long(), torch.from_numpy(block.column_N).long()
        x = torch.from_numpy(np.exp(block.log_N.astype(np.float64)))
        weight = torch.clamp((x / 30.0) ** 0.75, max=1.0)
        found = (w[i, :-1] * c[j, :-1]).sum(1) + w[i, -1] + c[j, -1] - x.log()
        cost = 0.5 * (weight * found**2).sum()
        cost.backward()
        residual = glove.residuals(block, word, context)
        slope = block.weight_N * residual
        assert 0.5 * float(slope @ residual) == pytest.approx(cost.item(), rel=1e-5)
        for ours, theirs in zip(glove.gradients(block, word, context, slope), (w, c), strict=True):
            np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-4, atol=1e-5)


def _one_at_a_time(
    counts: sparse.csr_array, options: glove.Config, seed: int, *, before: bool
) -> list[float]:
    """Pennington et al.'s AdaGrad on single nonzeros in double precision; cost of each pass.

    Args:
        before: divide by the sum before this nonzero, as the authors' program does.
    """
    model, found = glove.Glove(counts.shape[0], options, seed), []
    w, c = model.word_VE.astype(float), model.context_VE.astype(float)
    sums_w, sums_c = np.ones_like(w), np.ones_like(c)
    order = [
        (block.rows_R[i], block.columns_C[j], log, weight)
        for block in glove.blocks(counts, options, seed)
        for i, j, log, weight in zip(
            block.row_N, block.column_N, block.log_N, block.weight_N, strict=True
        )
    ]
    for _ in range(options.epochs):
        total = 0.0
        for i, j, log, weight in order:
            residual = w[i, :-1] @ c[j, :-1] + w[i, -1] + c[j, -1] - log
            total += 0.5 * weight * residual**2
            step_w = options.lr * weight * residual * np.append(c[j, :-1], 1)
            step_c = options.lr * weight * residual * np.append(w[i, :-1], 1)
            for values, sums, row, step in ((w, sums_w, i, step_w), (c, sums_c, j, step_c)):
                divisor = sums[row].copy()
                sums[row] += step**2
                values[row] -= step / np.sqrt(divisor if before else sums[row])
        found.append(total / len(order))
    return found


def _costs(counts: sparse.csr_array, options: glove.Config, seed: int) -> list[float]:
    model = glove.Glove(counts.shape[0], options, seed)
    return list(glove.fit(model, glove.blocks(counts, options, seed), options.epochs))


def test_blocks_of_one_nonzero_are_plain_adagrad(counts: sparse.csr_array) -> None:
    options = glove.Config(dim=5, epochs=4, block=1)
    expected = _one_at_a_time(counts, options, 2, before=False)
    np.testing.assert_allclose(_costs(counts, options, 2), expected, rtol=1e-4)


def test_larger_blocks_learn_as_fast_as_the_authors_updates(counts: sparse.csr_array) -> None:
    options = glove.Config(dim=5, epochs=12, block=64)
    expected = _one_at_a_time(counts, options, 2, before=True)
    found = _costs(counts, options, 2)
    assert found[-1] < 0.25 * found[0]
    np.testing.assert_allclose(found[2:], expected[2:], rtol=0.1)


def test_equal_runs_give_equal_bytes_and_cost_falls(controlled: Path) -> None:
    options = glove.Config(dim=16, epochs=3, min_count=5)
    runs = [glove.train(options, controlled, seed=0, progress=False) for _ in range(2)]
    first, second = (table.table.weight.detach().numpy().tobytes() for table, _ in runs)
    assert first == second
    table, seen = runs[0]
    assert seen == num_words(controlled)
    assert table.costs["num_updates"] == 3 * table.costs["num_nonzeros"]


def _of_topics(random: np.random.Generator) -> tuple[sparse.csr_array, np.ndarray]:
    """Counts of 90 words of 6 topics; those of one topic stand together ten times as often."""
    topics = np.repeat(np.arange(6), 15)
    frequency = random.gamma(2.0, 1.0, 90)
    rate = np.where(topics[:, None] == topics, 30.0, 3.0) * np.outer(frequency, frequency)
    dense = random.poisson(rate).astype(float)
    return sparse.csr_array(np.triu(dense) + np.triu(dense, 1).T), topics


def test_neighbours_of_a_word_are_of_its_topic(random: np.random.Generator) -> None:
    counts, topics = _of_topics(random)
    options = glove.Config(dim=12, epochs=50, block=256)
    model = glove.Glove(90, options, 0)
    list(glove.fit(model, glove.blocks(counts, options, 0), options.epochs))
    vectors = model.vectors()
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    nearest = cosines.argsort(1)[:, -5:]
    assert (topics[nearest] == topics[:, None]).mean() > 0.9


def test_differences_of_vectors_tell_ratios_of_probabilities(random: np.random.Generator) -> None:
    """(w_i - w_j) . c_k is log P(k | i) / P(k | j), up to a constant of i and j (section 3)."""
    counts, _ = _of_topics(random)
    options = glove.Config(dim=12, epochs=50, block=256)
    model = glove.Glove(90, options, 0)
    list(glove.fit(model, glove.blocks(counts, options, 0), options.epochs))
    known = counts.toarray()
    w, c = model.word_VE[:, :-1], model.context_VE[:, :-1]
    found, expected = [], []
    for i, j in random.integers(0, 90, (200, 2)):
        k = (known[i] > 20) & (known[j] > 20)
        if k.sum() > 3:
            ratio, told = np.log(known[i, k] / known[j, k]), c[k] @ (w[i] - w[j])
            expected.extend(ratio - ratio.mean())
            found.extend(told - told.mean())
    assert np.corrcoef(found, expected)[0, 1] > 0.9


def test_divergence_is_refused(counts: sparse.csr_array) -> None:
    model = glove.Glove(50, glove.Config(dim=4), 0)
    model.word_VE[3] = np.inf
    with pytest.raises(NumericsError, match="pass 1 is not finite"), np.errstate(all="ignore"):
        list(glove.fit(model, glove.blocks(counts, glove.Config(), 0), 5))
