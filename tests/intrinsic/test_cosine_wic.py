"""The threshold is the best one that a search finds, and is applied to the test pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st
from tests.intrinsic.given import Given
from tests.intrinsic.toy import Toy

from polyseme.errors import DataError
from polyseme.intrinsic import cosine_wic
from polyseme.models.base import TEXT
from polyseme.tasks.base import Split

FILL = [f"w{n}" for n in range(20)]


def _pairs(num_items: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    sentences, labels = [], []
    for _ in range(num_items):
        first, second = (["bank", *map(str, random.choice(FILL, 3))] for _ in range(2))
        label = str(random.choice(["same", "different"]))
        if label == "same" and random.random() < 0.9:
            second[1:] = first[1:3] + second[3:]
        sentences.append([*first, TEXT, *second])
        labels.append(label)
    return Split(sentences, labels, [[0, 5]] * num_items)


def _cosines(toy: Toy, pairs: Split, layer: int) -> np.ndarray:
    encoded = toy.encode(pairs.sentences)
    found = [torch.cosine_similarity(h[layer, 0], h[layer, 5], dim=0) for h in encoded]
    return np.array(found).astype(float)


def _best(cosine_N: np.ndarray, same_N: np.ndarray) -> int:
    tried = [-1.0, *cosine_N.tolist(), 2.0]
    return max(int(((cosine_N >= limit) == same_N).sum()) for limit in tried)


def test_accuracy_is_that_of_a_search_over_all_thresholds() -> None:
    toy, train, test = Toy([*FILL, "bank"]), _pairs(80, 0), _pairs(60, 1)
    rows = list(cosine_wic.measure(cosine_wic.Config(), toy, Given({"train": train, "test": test})))
    found = {(row["layer"], row["metric"]): row for row in rows}
    fitted_N, asked_N = _cosines(toy, train, 1), _cosines(toy, test, 1)
    same_N, gold_N = (np.array([x == "same" for x in split.labels]) for split in (train, test))
    limit = found["1", "threshold"]["value"]
    assert ((fitted_N >= limit) == same_N).sum() == _best(fitted_N, same_N)
    assert min(abs(fitted_N - limit)) > 1e-6
    assert found["1", "threshold"]["split"] == "train"
    assert found["1", "accuracy"]["split"] == "test"
    assert found["1", "accuracy"]["num_items"] == 60
    accuracy = ((asked_N >= limit) == gold_N).mean()
    assert 0.6 < accuracy < 1
    assert found["1", "accuracy"]["value"] == pytest.approx(accuracy)


def test_equal_vectors_leave_nothing_to_decide() -> None:
    toy, train, test = Toy([*FILL, "bank"]), _pairs(80, 0), _pairs(60, 1)
    rows = list(cosine_wic.measure(cosine_wic.Config(), toy, Given({"train": train, "test": test})))
    found = {row["metric"]: row["value"] for row in rows if row["layer"] == "0"}
    always = train.labels.count("same") >= len(train) / 2
    assert found["threshold"] == (-1 if always else 2)
    answer = "same" if always else "different"
    assert found["accuracy"] == pytest.approx(test.labels.count(answer) / 60)


@drawn(st.lists(st.tuples(st.sampled_from([-1, -0.5, 0, 0.1, 0.7, 1]), st.booleans()), min_size=1))
def test_the_lowest_of_the_best_thresholds(pairs: list[tuple[float, bool]]) -> None:
    cosine_N = np.array([cosine for cosine, _ in pairs], dtype=float)
    same_N = np.array([same for _, same in pairs])
    limit = cosine_wic.threshold(cosine_N, same_N)
    best = _best(cosine_N, same_N)
    assert ((cosine_N >= limit) == same_N).sum() == best
    below = [value for value in cosine_N.tolist() if value < limit]
    for lower in [-1.0, *below] if limit > -1 else []:
        assert ((cosine_N >= lower) == same_N).sum() < best


def test_a_zero_vector_has_cosine_zero() -> None:
    pair = Split([["unknown", TEXT, "w1"], ["w1", TEXT, "w1"]], ["different", "same"], [[0, 2]] * 2)
    material = Given({"train": pair, "test": pair})
    rows = list(cosine_wic.measure(cosine_wic.Config(), Toy(["w1"]), material))
    assert [r["value"] for r in rows if r["layer"] == "0"] == [1, 0.5]


def test_pairs_of_other_labels_are_not_measured() -> None:
    pair = Split([["w1", TEXT, "w1"]], ["synonym"], [[0, 2]])
    material = Given({"train": pair, "test": pair})
    assert not list(cosine_wic.measure(cosine_wic.Config(), Toy(["w1"]), material))


def test_pairs_without_marked_words_are_refused() -> None:
    material = Given({"train": Split([["w1"]], ["same"]), "test": _pairs(2, 0)})
    with pytest.raises(DataError, match="task given, split 'train': has no marked words; give"):
        list(cosine_wic.measure(cosine_wic.Config(), Toy(["w1"]), material))
