"""The batched linear probe against scikit-learn, and the control task."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from polyseme.probes import linear
from polyseme.probes.base import ProbeData, control_labels

LAYERS, TRAIN, TEST, DIM, LABELS = 3, 4000, 2000, 32, 6


def _data() -> tuple[ProbeData, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    h = random.normal(size=(LAYERS, TRAIN + TEST, DIM)).astype(np.float32) * 3 + 1
    truth = random.normal(size=(DIM, LABELS))
    noise = random.gumbel(size=(TRAIN + TEST, LABELS)) * 4
    gold = (h[1] @ truth + noise).argmax(-1)  # layer 1 knows, the others do not
    control = random.integers(LABELS, size=TRAIN)
    labels = np.stack([gold[:TRAIN], gold[:TRAIN], control])
    data = ProbeData(
        torch.from_numpy(h[:, :TRAIN]), torch.from_numpy(h[:, TRAIN:]),
        torch.from_numpy(labels), [0, 1, 0], LABELS,
    )  # fmt: skip
    return data, h, gold


def test_accuracy_is_within_half_a_point_of_logistic_regression() -> None:
    data, h, gold = _data()
    predicted_LVM = linear.predict(linear.Config(), data)[None].numpy()
    for layer in range(LAYERS):
        reference = LogisticRegression(max_iter=1000).fit(h[layer, :TRAIN], gold[:TRAIN])
        expected = reference.score(h[layer, TRAIN:], gold[TRAIN:])
        for labelling in (0, 1):
            found = (predicted_LVM[layer, labelling] == gold[TRAIN:]).mean()
            assert abs(found - expected) <= (0.005 if layer == 1 else 0.03)


def test_a_labelling_is_trained_as_if_it_were_alone() -> None:
    data, _, _ = _data()
    together = linear.predict(linear.Config(epochs=3), data)[None]
    alone = ProbeData(data.train_LND, data.test_LMD, data.labels_VN[:1], [0], LABELS)
    agreement = (
        linear.predict(linear.Config(epochs=3), alone)[None][:, 0] == together[:, 0]
    ).float()
    assert agreement.mean() > 0.999


def test_equal_inputs_give_equal_predictions() -> None:
    data, _, _ = _data()
    options = linear.Config(epochs=2)
    assert torch.equal(linear.predict(options, data)[None], linear.predict(options, data)[None])


def test_control_labels_belong_to_the_type_and_follow_the_label_distribution() -> None:
    train_N = np.array([0] * 700 + [1] * 300)
    words = [f"word{i}" for i in range(5000)] * 2
    labels = control_labels(words, train_N, seed=0)
    assert (labels[:5000] == labels[5000:]).all()
    assert abs(labels.mean() - 0.3) < 0.03
    assert (labels != control_labels(words, train_N, seed=1)).mean() > 0.3
    assert (control_labels(["word7", "new"], train_N, seed=0)[0] == labels[7]).all()
