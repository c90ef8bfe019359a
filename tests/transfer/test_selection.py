"""Which look at the validation split is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polyseme.transfer.selection import Selection


def _looked(scores: list[float], patience: int = 0) -> Selection:
    selection = Selection(lambda predicted_N: float(predicted_N[0]), patience)
    for number, score in enumerate(scores):
        state = {"number": torch.tensor(number)}
        selection.look(np.array([score]), lambda state=state: state)
    return selection


@pytest.mark.parametrize(
    ("scores", "kept"),
    [([0.5, 0.5, 0.5], 0), ([0.1, 0.7, 0.3, 0.7], 1), ([0.3, 0.2], 0), ([-1.0, -0.5], 1)],
)
def test_the_first_of_the_best_looks_is_kept(scores: list[float], kept: int) -> None:
    selection = _looked(scores)
    assert selection.state is not None
    assert int(selection.state["number"]) == kept
    assert selection.looks == scores


@pytest.mark.parametrize(
    ("scores", "patience", "over"),
    [([0.5, 0.4], 2, False), ([0.5, 0.4, 0.5], 2, True), ([0.5, 0.4, 0.6], 2, False),
     ([0.5, 0.1, 0.1, 0.1], 0, False)],
)  # fmt: skip
def test_patience_counts_looks_that_are_not_better(
    scores: list[float], patience: int, over: bool
) -> None:
    assert _looked(scores, patience).is_over is over
