"""Do labels that say nothing give chance?

Vectors stay as they are; a linear probe learns the labels of one task. Labels are shuffled many
times: of the test items after training, and of the training items before it. Chance is anything
from the agreement of two that choose labels with these frequencies (Cohen 1960) to the rate of the
most frequent label, which a probe reaches that predicts nothing else.

The mean over shuffles may be outside by what the binomial interval of the test items allows or,
where it is wider, by the Student interval of the shuffles: words of one type err together, so that
a probe of shuffled labels is further from chance than independent items would be.

Shapes: N training units, M test units, V labellings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from polyseme.draws import philox
from polyseme.invariance.base import Finding, judged
from polyseme.models.base import Representation
from polyseme.probes import linear
from polyseme.probes.base import ProbeData
from polyseme.probes.common.labellings import Units, units
from polyseme.stats.seeds import summarize
from polyseme.tasks.base import budget_items
from polyseme.tasks.common.prepared import PreparedTask

NUM_SHUFFLES, LEVEL = 16, 0.9999
MOST_ITEMS, MOST_UNITS = 256, 1000
PROBE = linear.Config(epochs=1, min_steps=100)
STREAM = 10


class Probed(NamedTuple):
    """What a probe says of the test units: after the true labels, then after shuffled ones."""

    predicted_VM: np.ndarray
    gold_M: np.ndarray

    @property
    def told(self) -> str:
        """How good it is, for the reader."""
        return f"with true labels {(self.predicted_VM[0] == self.gold_M).mean():.3f}"


def probe(representation: Representation, task: PreparedTask) -> Probed:
    """Train the probe of a task with all labellings at once."""
    train, test = (_units(representation, task, split) for split in ("train", "test"))
    return Probed(_predict(train, test, len(task.labels)), test.gold_N)


def test_labels(probed: Probed) -> Finding:
    """True labels in training, shuffled ones in the test."""
    shuffled = [philox(1, STREAM, n).permutation(probed.gold_M) for n in range(NUM_SHUFFLES)]
    return _chance([(probed.predicted_VM[0], gold_M) for gold_M in shuffled], probed.told)


def train_labels(probed: Probed) -> Finding:
    """Shuffled labels in training, true ones in the test."""
    return _chance([(row_M, probed.gold_M) for row_M in probed.predicted_VM[1:]], probed.told)


def _units(representation: Representation, task: PreparedTask, name: str) -> Units:
    """Those of some items of a split."""
    split = task.splits[name]
    chosen = budget_items(split, min(MOST_ITEMS, len(split)), task=task.name)
    return units(representation.encode, task, split.chosen(chosen), MOST_UNITS)


def _predict(train: Units, test: Units, num_labels: int) -> np.ndarray:
    """Labels of the test units after the true labelling and shuffled ones, from the last layer."""
    gold_N = train.gold_N
    labels = [gold_N, *(philox(0, STREAM, n).permutation(gold_N) for n in range(NUM_SHUFFLES))]
    labels_VN = torch.from_numpy(np.stack(labels))
    vectors = (train.h_LND[-1:], test.h_LND[-1:])
    data = ProbeData(*vectors, labels_VN, range(len(labels)), num_labels)
    predicted_VM: np.ndarray = linear.predict(PROBE, data)[None][0].numpy()
    return predicted_VM


def _chance(pairs: list[tuple[np.ndarray, np.ndarray]], told: str) -> Finding:
    """Mean accuracy of pairs of predictions and labels: how far it is from chance."""
    accuracies = np.array([float((a_M == b_M).mean()) for a_M, b_M in pairs])
    gold_M, accuracy = pairs[0][1], float(accuracies.mean())
    low = float(np.mean([agreement(a_M, b_M) for a_M, b_M in pairs]))
    high = max(low, float(np.bincount(gold_M).max() / len(gold_M)))
    beyond = max(accuracy - high, low - accuracy, 0.0)
    reason = f"{accuracy:.3f}, chance {low:.3f} to {high:.3f}, {told}"
    return judged(beyond, max(binomial(high, len(gold_M)), _student(accuracies)), reason)


def binomial(rate: float, size: int) -> float:
    """How far the rate of so many independent items may be from its expectation."""
    from scipy.special import bdtrik  # scipy.stats costs a second of imports

    low, high = (np.ceil(bdtrik(level, size, rate)) for level in (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
    return float(max(high / size - rate, rate - low / size))


def _student(values: np.ndarray) -> float:
    """Half the Student interval of a mean."""
    summary = summarize(values.tolist(), level=LEVEL)
    return 0.0 if summary.high is None else summary.high - summary.mean


def agreement(a_M: np.ndarray, b_M: np.ndarray) -> float:
    """How often two agree that choose with these frequencies."""
    num_labels = 1 + max(a_M.max(), b_M.max())
    shares = [np.bincount(x, minlength=num_labels) / len(x) for x in (a_M, b_M)]
    return float(shares[0] @ shares[1])


CHECKS = {check.__name__: check for check in (test_labels, train_labels)}
