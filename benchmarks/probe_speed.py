"""The linear probe against scikit-learn's LogisticRegression, layer by layer.

UPOS of UD English-EWT (POLYSEME_MIRROR, or the artifact of experiment `standard`) on five layers of
an untrained BERT of 128 dimensions; three seeds with real labels and three control labellings.
scikit-learn needs no seeds for real labels, so it fits 4 models a layer where polyseme fits 6.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from benchmarks import _report
from polyseme.data import conllu, tokenizer
from polyseme.data.tokenizer import WordPieces
from polyseme.models import bert
from polyseme.probes import linear
from polyseme.probes.base import ProbeData, control_labels

TAGS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _".split()
TRAIN, TEST, SEEDS = 20_000, 10_000, (0, 1, 2)
FOLDERS = (Path(os.environ.get("POLYSEME_MIRROR", ".")) / "ud-english-ewt",
           Path("artifacts/data/ud_english_ewt"))  # fmt: skip


def main() -> None:
    source = next((f for f in FOLDERS if f.exists()), None)
    if source is None:
        sys.exit(
            "error: UD English-EWT is not here; set POLYSEME_MIRROR or run EXPERIMENT=standard"
        )
    torch.set_num_threads(2)
    sets = [_read(source / f"en_ewt-ud-{name}.conllu") for name in ("train", "test")]
    model = _model(sets[0][0])
    (h_train, y_train, w_train), (h_test, y_test, w_test) = (
        _units(model, *data, most) for data, most in zip(sets, (TRAIN, TEST), strict=True)
    )
    controls = [(control_labels(w_train, y_train, seed=s), control_labels(w_test, y_train, seed=s))
                for s in SEEDS]  # fmt: skip
    labels = [*[(y_train, y_test)] * len(SEEDS), *controls]
    started = time.perf_counter()
    data = ProbeData(
        h_train, h_test, torch.from_numpy(np.stack([a for a, _ in labels])), SEEDS * 2, len(TAGS)
    )
    predicted = linear.predict(linear.Config(), data)[None].numpy()
    ours = time.perf_counter() - started
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
    _report.write("probe_speed", rows, polyseme_is_faster_by=ratio, train_units=len(y_train))
    print(f"polyseme is faster by {ratio} (30 against 20 classifiers)")


def _read(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    sentences = list(conllu.read(path))
    return [list(s.words) for s in sentences], [list(s.upos) for s in sentences]


def _model(sentences: list[list[str]]) -> bert.Model:
    text = (" ".join(s) for s in sentences)
    made = tokenizer.train(text, vocab_size=4096, lowercase=True, where="benchmark")
    model = bert.Model(bert.Config(), WordPieces(made))
    model.reset(0)
    return model


def _units(
    model: bert.Model, sentences: list[list[str]], tags: list[list[str]], most: int
) -> tuple[torch.Tensor, np.ndarray, list[str]]:
    count, total = 0, 0
    while total < most and count < len(sentences):
        total += len(sentences[count])
        count += 1
    h_LND = torch.cat(model.encode(sentences[:count]), dim=1)[:, :most]
    gold = [TAGS.index(t) for row in tags[:count] for t in row][:most]
    return h_LND, np.array(gold), [w for row in sentences[:count] for w in row][:most]


def _sklearn(train: torch.Tensor, test: torch.Tensor, labels: list) -> list[float]:  # type: ignore[type-arg]
    mean, scale = train.mean(0), train.std(0)
    x, z = ((t - mean) / scale for t in (train, test))
    return [float(LogisticRegression(max_iter=1000).fit(x, a).score(z, b)) for a, b in labels]


if __name__ == "__main__":
    main()
