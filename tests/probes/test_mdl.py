"""Online codes: closed forms, and labels that are easy, hard and random."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from polyseme.probes import mdl, mlp
from polyseme.probes.base import Probed, ProbeData
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask

DIM, TYPES, LABELS = 16, 60, 4
OPTIONS = mdl.Config(epochs=2, min_steps=60)


@pytest.fixture
def probed(tmp_path: Path) -> Probed:
    """Layer 0: the word type; layer 1: the label, too; tags depend on the context alone."""
    random = np.random.default_rng(0)
    types = random.normal(size=(TYPES, DIM))
    centres = random.normal(size=(LABELS, DIM))
    vectors, splits = {}, {}
    for name, count in (("train", 150), ("valid", 30), ("test", 30)):
        sentences, tags = [], []
        for n in range(count):
            chosen = random.integers(TYPES, size=8)
            labels = random.integers(LABELS, size=8)
            words = [f"{name}{n}", *(f"w{t}" for t in chosen)]
            below = np.concatenate([np.zeros((1, DIM)), types[chosen]])
            above = below.copy()
            above[1:] += 2 * centres[labels]
            vectors[words[0]] = torch.from_numpy(np.stack([below, above]).astype(np.float32))
            sentences.append(words)
            tags.append([None, *(f"t{label}" for label in labels)])
        splits[name] = Split(sentences, tags)
    base.write(tmp_path, splits, {"name": "tags", "family": "tagging"})

    def encode(texts: object) -> list[Tensor]:
        return [vectors[words[0]] for words in texts]  # type: ignore[attr-defined]

    return Probed(encode, PreparedTask(tmp_path), [0, 1], 2, DIM)


def test_what_is_told_by_the_vectors_costs_few_bits(probed: Probed) -> None:
    rows = list(mdl.measure(OPTIONS, probed))
    found = {(r["layer"], r["control"], r["seed"], r["metric"]): r["value"] for r in rows}
    uniform = 150 * 8 * math.log2(LABELS) / 1000
    for seed in (0, 1):
        assert found["1", False, seed, "compression"] > 2
        assert found["0", False, seed, "compression"] == pytest.approx(1, abs=0.1)
        assert found["0", True, seed, "compression"] > 1.25  # the type tells its control label
        for key in (("0", True), ("1", False)):
            product = found[*key, seed, "compression"] * found[*key, seed, "kilobits"]
            assert product == pytest.approx(uniform)


def test_the_code_of_a_uniform_coder_is_its_closed_form() -> None:
    def uniform(x: Tensor, y: Tensor, next_LND: Tensor, next_VN: Tensor) -> Tensor:
        return torch.full((len(x), len(y)), next_VN.shape[1] * math.log(7))

    x_LND, y_VN = torch.zeros(3, 1000, 2), torch.zeros(2, 1000, dtype=torch.long)
    bits_LV = mdl.online(x_LND, y_VN, mdl.Config().fractions, 7, uniform)
    assert bits_LV.numpy() == pytest.approx(np.full((3, 2), 1000 * math.log2(7)), rel=1e-6)


def test_each_block_is_coded_by_what_stands_before_it() -> None:
    seen = []

    def code(x_LND: Tensor, y_VN: Tensor, next_LND: Tensor, next_VN: Tensor) -> Tensor:
        seen.append((x_LND[0, :, 0].tolist(), next_LND[0, :, 0].tolist()))
        return torch.zeros(1, 1)

    x_LND, y_VN = torch.arange(8.0)[None, :, None], torch.zeros(1, 8, dtype=torch.long)
    bits_LV = mdl.online(x_LND, y_VN, (0.25, 0.5, 1.0), 4, code)
    assert seen == [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5, 6, 7])]
    assert bits_LV.item() == 2 * 2


def test_a_layer_and_a_labelling_are_coded_as_if_alone(probed: Probed) -> None:
    together = list(mdl.measure(OPTIONS, probed))

    def encode(texts: object) -> list[Tensor]:
        return [h_LTD[1:] for h_LTD in probed.encode(texts)]  # type: ignore[arg-type]

    alone = mdl.measure(OPTIONS, Probed(encode, probed.task, [1], 1, DIM))
    expected = {(r["control"], r["metric"]): r["value"] for r in alone}
    found = {
        (r["control"], r["metric"]): r["value"]
        for r in together
        if r["layer"] == "1" and r["seed"] == 1
    }
    assert found == pytest.approx(expected, rel=1e-4)


def test_width_is_what_a_probe_needs_for_what_is_not_linear() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(1, 1600, 2)).astype(np.float32)
    gold = (x[0, :, 0] * x[0, :, 1] > 0).astype(np.int64)
    data = ProbeData(
        torch.from_numpy(x[:, :1200]), torch.from_numpy(x[:, 1200:]),
        torch.from_numpy(gold[None, :1200]), [0], 2,
    )  # fmt: skip
    found = mlp.predict(mlp.Config(widths=(1, 32), min_steps=1500), data)
    narrow, wide = (float((found[w][0, 0].numpy() == gold[1200:]).mean()) for w in (1, 32))
    assert wide > 0.93
    assert narrow < 0.8


@pytest.mark.parametrize("fractions", [(0.5,), (0.5, 0.1, 1.0), (-1.0, 1.0), (0.5, 0.5, 1.0)])
def test_a_code_of_a_part_is_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="rise, the last one 1"):
        mdl.Config(fractions=fractions)
