"""The linear probe against scikit-learn's LogisticRegression, layer by layer.

UPOS of UD English-EWT, all 204,577 training words (POLYSEME_MIRROR, or the artifact of experiment
`standard`), on five layers of an untrained BERT of 128 dimensions; three seeds with real labels and
three control labellings. scikit-learn needs no seeds for real labels, so it fits 4 models a layer
where polyseme fits 6. Memory is the growth of the process above the vectors, which both read.
"""

from __future__ import annotations

import resource
import time

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from benchmarks import _ewt, _report
from polyseme.probes import linear
from polyseme.probes.base import ProbeData, control_labels

SEEDS = (0, 1, 2)
OPTIONS = linear.Config(epochs=12, min_steps=1, batch_size=512, max_units=250_000, max_gib=2.0)


def main(train: int = 204_577, test: int = 25_094) -> None:
    torch.set_num_threads(2)
    found = [_ewt.units(name, most) for name, most in (("train", train), ("test", test))]
    (h_train, y_train, w_train), (h_test, y_test, w_test) = found
    controls = [(control_labels(w_train, y_train, seed=s), control_labels(w_test, y_train, seed=s))
                for s in SEEDS]  # fmt: skip
    labels = [*[(y_train, y_test)] * len(SEEDS), *controls]
    before = _peak()
    started = time.perf_counter()
    labels_VN = torch.from_numpy(np.stack([a for a, _ in labels]))
    data = ProbeData(h_train, h_test, labels_VN, SEEDS * 2, len(_ewt.TAGS))
    predicted = linear.predict(OPTIONS, data)[None].numpy()
    ours, grown = time.perf_counter() - started, _peak() - before
    mine = [[float((predicted[layer, v] == b).mean()) for v, (_, b) in enumerate(labels)]
            for layer in range(len(h_train))]  # fmt: skip
    started = time.perf_counter()
    theirs = [_sklearn(h_train[layer], h_test[layer], labels[2:]) for layer in range(len(h_train))]
    reference = time.perf_counter() - started
    rows = [
        {
            "layer": layer,
            "ours_real": round(float(np.mean(mine[layer][:3])), 4),
            "sklearn_real": round(theirs[layer][0], 4),
            "ours_control": round(float(np.mean(mine[layer][3:])), 4),
            "sklearn_control": round(float(np.mean(theirs[layer][1:])), 4),
        }
        for layer in range(len(h_train))
    ]
    ratio = round(reference / ours, 1)
    _report.write(
        "probe_speed", rows, polyseme_is_faster_by=ratio, train_units=len(y_train),
        seconds=[round(ours, 1), round(reference, 1)], memory_gib=round(grown, 2),
        vectors_gib=round(h_train.nbytes / 2**30, 2),
    )  # fmt: skip
    print(f"polyseme is faster by {ratio} (30 against 20 classifiers)")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _sklearn(train: torch.Tensor, test: torch.Tensor, labels: list) -> list[float]:  # type: ignore[type-arg]
    mean, scale = train.mean(0), train.std(0)
    x, z = ((t - mean) / scale for t in (train, test))
    return [float(LogisticRegression(max_iter=1000).fit(x, a).score(z, b)) for a, b in labels]


if __name__ == "__main__":
    main()
