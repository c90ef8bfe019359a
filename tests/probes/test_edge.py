"""Edge probes on spans whose label stands in one layer of their vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from polyseme.probes import edge
from polyseme.probes.base import Probed
from polyseme.probes.common.spans import Items, Spans
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import get

DIM, LAYERS, LABELS = 12, 4, 3
OPTIONS = edge.Config(min_steps=300, projection=16, hidden=16)


def _probed(folder: Path, *, num_spans: int, layer: int) -> Probed:
    """The label is told by the last word of the last span, in one layer alone."""
    random = np.random.default_rng(num_spans)
    centres = random.normal(size=(LABELS, DIM)) * 3
    vectors, splits = {}, {}
    for name, count in (("train", 400), ("valid", 10), ("test", 150)):
        sentences, labels, places = [], [], []
        for n in range(count):
            length = int(random.integers(6, 9))
            words = [f"{name}{n}.{place}" for place in range(length)]
            ends = [(1, 3), (4, int(random.integers(5, length + 1)))][-num_spans:]
            label = int(random.integers(LABELS))
            h_LTD = random.normal(size=(LAYERS, length, DIM))
            h_LTD[layer, ends[-1][1] - 1] += centres[label]
            vectors[words[0]] = torch.from_numpy(h_LTD.astype(np.float32))
            sentences.append(words)
            labels.append(f"r{label}")
            places.append([place for pair in ends for place in pair])
        splits[name] = Split(sentences, labels, places)
    base.write(folder, splits, {"name": "edges", "family": "edge"})

    def encode(texts: object) -> list[Tensor]:
        return [vectors[words[0]] for words in texts]  # type: ignore[attr-defined]

    return Probed(encode, PreparedTask(folder), [0, 1], LAYERS, DIM)


@pytest.mark.parametrize("num_spans", [1, 2])
def test_the_layer_that_tells_the_label_is_found(num_spans: int, tmp_path: Path) -> None:
    rows = list(edge.measure(OPTIONS, _probed(tmp_path, num_spans=num_spans, layer=2)))
    found = {(r["layer"], r["seed"], r["metric"]): r["value"] for r in rows}
    for seed in (0, 1):
        assert found["1", seed, "accuracy"] < 0.55
        assert found["2", seed, "accuracy"] > 0.9
        assert found["mix", seed, "accuracy"] == found["3", seed, "accuracy"]
        assert 1.4 < found["mix", seed, "centre_of_gravity"] < 2.6
        assert found["mix", seed, "expected_layer"] == pytest.approx(2, abs=0.4)


def test_a_probe_may_not_look_above_its_layer(tmp_path: Path) -> None:
    """What the layers above hold makes no difference, and has no share."""
    probed = _probed(tmp_path, num_spans=2, layer=3)
    options = edge.Config(epochs=1, min_steps=5)
    train = _spans(probed, "train", options)
    probe = edge.Probe(options, train, [0, 2], [0, 0], LABELS)
    assert probe.shares().tolist() == [[1, 0, 0, 0], pytest.approx([1 / 3] * 3 + [0])]
    other = train._replace(h_LNQSD=train.h_LNQSD.clone())
    other.h_LNQSD[3] = 7.0
    assert torch.equal(probe.logits(train), probe.logits(other))


def test_a_probe_is_trained_as_if_it_were_alone(tmp_path: Path) -> None:
    probed = _probed(tmp_path, num_spans=2, layer=1)
    options = edge.Config(epochs=2, min_steps=1)
    train, test = (_spans(probed, name, options) for name in ("train", "test"))
    together = edge.Probe(options, train, [0, 3, 3], [0, 0, 5], LABELS)
    alone = edge.Probe(options, train, [3], [5], LABELS)
    for probe in (together, alone):
        probe.fit(options, train)
    assert torch.allclose(together.logits(test)[2], alone.logits(test)[0], atol=1e-4)


def test_padding_and_long_spans(tmp_path: Path) -> None:
    """What stands beyond a span is not read; of a long one the last words are."""
    probed = _probed(tmp_path, num_spans=2, layer=1)
    spans = _spans(probed, "train", edge.Config(max_words=2))
    assert spans.mask_NQS.shape == (400, 2, 2)
    split = probed.task.splits["train"]
    (h_LTD,) = probed.encode([split.sentences[0]])
    end = split.places[0][3]  # type: ignore[index]
    size = int(spans.mask_NQS[0, 1].sum())
    assert torch.equal(spans.h_LNQSD[:, 0, 1, :size], h_LTD[:, end - size : end])
    probe = edge.Probe(edge.Config(), spans, [3], [0], LABELS)
    filled = spans.h_LNQSD.clone()
    filled[:, ~spans.mask_NQS] = 5.0
    assert torch.allclose(probe.logits(spans), probe.logits(spans._replace(h_LNQSD=filled)))


def test_the_expected_layer_is_that_of_the_gains() -> None:
    found = edge.summary([0.5, 0.7, 0.8], [0.2, 0.3, 0.5], 1000)
    assert found["expected_layer"] == pytest.approx((1 * 0.2 + 2 * 0.1) / 0.3)
    assert found["centre_of_gravity"] == pytest.approx(1.3)
    for scores in ([0.5, 0.5], [0.5, 0.9, 0.6, 0.51]):  # within two standard errors of 1,000
        assert "expected_layer" not in edge.summary(scores, [1 / len(scores)] * len(scores), 1000)


def test_memory_bounds_the_items_that_are_trained_on(tmp_path: Path) -> None:
    probed = _probed(tmp_path, num_spans=2, layer=1)
    most = 50 * 2 * 4 * 8 * LAYERS * DIM / 2**30
    options = edge.Config(min_steps=1, epochs=1, max_gib=most)
    assert {row["train_size"] for row in edge.measure(options, probed)} == {50}
    items = Items(probed, "train", max_words=16)
    few, more = items.chosen(30, 2.0), items.chosen(60, 2.0)
    assert few != list(range(30))
    assert set(few) < set(more)


def _spans(probed: Probed, name: str, options: edge.Config) -> Spans:
    items = Items(probed, name, max_words=options.max_words)
    return items.spans(range(len(items.labels)))


def test_spans_alone_are_read() -> None:
    assert [name for name in ("edge", "span_pair", "tagging", "tree") if edge.suits(get(name))] == [
        "edge", "span_pair",
    ]  # fmt: skip
