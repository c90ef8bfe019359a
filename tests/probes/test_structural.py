"""Structural probes: trees and their scores against scipy, and vectors in which a tree is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from scipy.stats import spearmanr
from torch import Tensor

from polyseme.errors import DataError
from polyseme.probes import structural
from polyseme.probes.base import Probed
from polyseme.probes.common import geometry, trees
from polyseme.tasks import base, ud_trees
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families import tree

DIM = 40


def _heads(size: int, random: np.random.Generator) -> list[int]:
    """A random tree with one root, whose words stand in any order."""
    order = random.permutation(size)
    heads = [0] * size
    for n in range(1, size):
        heads[order[n]] = int(order[random.integers(n)]) + 1
    return heads


def _vectors(heads: list[int]) -> np.ndarray:
    """A dimension an edge, 1 on the way to the root: squared distances are those of the tree."""
    vectors = np.zeros((len(heads), DIM), dtype=np.float32)
    for place in range(len(heads)):
        at = place
        while heads[at] > 0:
            vectors[place, at] = 1
            at = heads[at] - 1
    return vectors


@pytest.fixture
def probed(tmp_path: Path) -> Probed:
    """Layer 0 is noise, layer 1 holds the trees in rotated coordinates."""
    random = np.random.default_rng(0)
    splits, vectors = {}, {}
    rotation = np.linalg.qr(random.normal(size=(DIM, DIM)))[0].astype(np.float32)
    for name, count in (("train", 120), ("valid", 5), ("test", 30)):
        sentences, labels = [], []
        for n in range(count):
            heads = _heads(int(random.integers(5, 12)), random)
            words = [f"{name}{n}_{place}" for place in range(len(heads))]
            noise = random.normal(size=(len(heads), DIM)).astype(np.float32)
            both = np.stack([noise, 3 * _vectors(heads) @ rotation + 1])
            vectors[words[0]] = torch.from_numpy(both.astype(np.float32))
            sentences.append(words)
            labels.append(tree.write(heads, [False] * len(heads)))
        splits[name] = Split(sentences, labels)
    base.write(tmp_path, splits, {"name": "trees", "family": "tree"})

    def encode(texts: object) -> list[Tensor]:
        return [vectors[words[0]] for words in texts]  # type: ignore[attr-defined]

    return Probed(encode, PreparedTask(tmp_path), [0, 1], 2, DIM)


OPTIONS = structural.Config(ranks=(4, 32), epochs=80, lr=0.01)


def test_a_tree_that_is_in_the_vectors_is_found(probed: Probed) -> None:
    rows = list(structural.measure(OPTIONS, probed))
    found = {(r.get("layer"), r.get("rank"), r.get("seed"), r["metric"]): r["value"] for r in rows}
    for seed in (0, 1):
        assert found["1", 32, seed, "uuas"] > 0.97
        assert found["1", 32, seed, "dspr"] > 0.9
        assert found["1", 32, seed, "root_accuracy"] > 0.95
        assert found["1", 32, seed, "nspr"] > 0.9
        assert found["0", 32, seed, "uuas"] < 0.5
        assert found["1", 4, seed, "uuas"] < found["1", 32, seed, "uuas"]
    assert 0.1 < found[None, None, None, "uuas_chain"] < 0.5


def test_a_layer_and_a_seed_are_trained_as_if_alone(probed: Probed) -> None:
    options = structural.Config(ranks=(4,), epochs=3, min_steps=1)
    together = list(structural.measure(options, probed))

    def encode(texts: object) -> list[Tensor]:
        return [h_LTD[1:] for h_LTD in probed.encode(texts)]  # type: ignore[arg-type]

    alone = structural.measure(options, Probed(encode, probed.task, [1], 1, DIM))
    expected = {r["metric"]: r["value"] for r in alone if r.get("layer")}
    found = {
        r["metric"]: r["value"] for r in together if r.get("layer") == "1" and r.get("seed") == 1
    }
    assert found == expected  # to the last bit


def test_spanning_trees_are_those_of_scipy() -> None:
    random = np.random.default_rng(1)
    weights = random.random((20, 9, 9))
    weights = weights + weights.transpose(0, 2, 1)
    there = random.random((20, 9)) < 0.8
    heads_GT = trees.spanning(weights, there)
    for g in range(20):
        places = np.flatnonzero(there[g])
        graph = np.triu(weights[g][np.ix_(places, places)], 1)
        rows, columns = minimum_spanning_tree(graph).nonzero()
        pairs = zip(places[rows], places[columns], strict=True)
        assert _edges(heads_GT[g]) == {(min(a, b), max(a, b)) for a, b in pairs}


def _edges(heads_T: np.ndarray) -> set[tuple[int, int]]:
    pairs = ((place, int(head)) for place, head in enumerate(heads_T) if head >= 0)
    return {(min(pair), max(pair)) for pair in pairs}


def test_distances_and_depths_are_shortest_paths() -> None:
    random = np.random.default_rng(2)
    for size in (1, 2, 7, 15):
        heads = _heads(size, random)
        made = trees.of(heads, [False] * size)
        graph = np.zeros((size, size))
        for place, head in enumerate(heads):
            if head:
                graph[place, head - 1] = 1
        expected = shortest_path(graph, directed=False)
        assert np.array_equal(made.distances_TT, expected)
        assert np.array_equal(made.depths_T, expected[heads.index(0)])
        assert made.root == heads.index(0)


def test_punctuation_is_in_no_edge() -> None:
    made = trees.of([2, 0, 2, 2], [False, False, False, True])
    assert made.edges == {(0, 1), (1, 2)}
    heads_GT = trees.spanning(made.distances_TT[None], made.scored_T[None])
    assert _edges(heads_GT[0]) == made.edges
    assert trees.right(heads_GT, made).tolist() == [2]


def test_scores_of_a_sentence_with_punctuation_by_hand() -> None:
    made = trees.of([2, 0, 2, 2], [False, False, False, True])
    # on a line, the mark between the root and a word: no edge may lead over it
    places = [1.0, 0.0, -1.5, -0.5]
    p_T1 = torch.tensor([[[place] for place in places]], dtype=torch.float64)
    right, correlation = structural.distance_score([p_T1], made)
    assert right.tolist() == [[2]]
    found = np.square(np.subtract.outer(places, places))
    gold = [[0, 1, 2, 2], [1, 0, 1, 1], [2, 1, 0, 2], [2, 1, 2, 0]]
    expected = np.mean([spearmanr(a, b).statistic for a, b in zip(found, gold, strict=True)])
    assert correlation == pytest.approx(np.full((1, 1), expected))
    far_T1 = torch.tensor([[[1.0], [0.5], [1.5], [0.1]]], dtype=torch.float64)
    right, correlation = structural.depth_score([p_T1, far_T1], made)
    assert right.tolist() == [[1], [1]]  # the mark is the nearest, but no candidate
    expected = [spearmanr([1, 0, 2.25, 0.25], [1, 0, 1, 1]).statistic,
                spearmanr([1, 0.25, 2.25, 0.01], [1, 0, 1, 1]).statistic]  # fmt: skip
    assert correlation[:, 0] == pytest.approx(expected)
    middle = trees.of([3, 3, 0], [False, True, False])
    assert structural.chain([middle]) == 1.0  # the mark between them is passed over
    assert structural.chain([made, middle]) == pytest.approx(3 / 3)
    wrong = trees.of([3, 1, 0, 1], [False] * 4)
    assert structural.chain([wrong]) == pytest.approx(1 / 3)


def test_gradients_of_distances_are_those_of_finite_differences() -> None:
    random = torch.Generator().manual_seed(0)
    p = torch.randn(2, 3, 4, 5, generator=random, dtype=torch.float64, requires_grad=True)
    gold, weight = torch.rand(2, 3, 4, 4, generator=random, dtype=torch.float64).unbind()
    gold, weight = ((x + x.transpose(1, 2)) * 10 for x in (gold, weight))
    assert torch.autograd.gradcheck(lambda p: geometry.OffDistances.apply(p, gold, weight), (p,))


def test_memory_bounds_the_sentences_that_are_trained_on(probed: Probed) -> None:
    words = [len(s) for s in probed.task.splits["train"].sentences]
    limit = sum(words[:50]) * 8 * 2 * DIM / 2**30
    options = structural.Config(ranks=(4,), epochs=1, min_steps=1, max_gib=limit)
    assert {r["train_size"] for r in structural.measure(options, probed)} == {50}


def test_rank_correlations_are_those_of_scipy() -> None:
    random = np.random.default_rng(3)
    a, b = random.integers(0, 4, size=(2, 6, 8)).astype(float)
    expected = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    assert trees.spearman(a, b) == pytest.approx(expected)
    assert np.isnan(trees.spearman(np.ones((1, 4)), np.arange(4.0)[None]))[0]


def test_correlations_are_averaged_by_length() -> None:
    assert trees.by_length(np.array([1.0, 0.0, 0.5, 0.9]), [5, 5, 6, 4]) == pytest.approx(0.5)
    assert trees.by_length(np.array([1.0, 0.5]), [50, 51]) == 1.0
    assert np.isnan(trees.by_length(np.array([1.0]), [4]))
    both = trees.by_length(np.array([[1.0, np.nan], [0.5, 0.2], [0.0, 0.4]]), [7, 7, 9])
    assert both.tolist() == pytest.approx([0.375, 0.3])


@pytest.mark.parametrize(
    ("heads", "what"),
    [((0, 0), "second root"), ((2, 1), "depends on itself")],
)
def test_what_is_no_tree_is_refused(heads: tuple[int, int], what: str, tmp_path: Path) -> None:
    lines = [f"{n}\tw{n}\tw\tNOUN\t_\t_\t{head}\tdep\t_\t_" for n, head in enumerate(heads, 1)]
    (tmp_path / "a.conllu").write_text("# sent_id = 1\n" + "\n".join(lines) + "\n\n")
    options = ud_trees.Config(module="ud_trees", source="x", files={"train": "a.conllu"})
    with pytest.raises(DataError, match=what) as caught:
        ud_trees.prepare(options, tmp_path)
    assert str(caught.value.where).endswith("a.conllu:1")
