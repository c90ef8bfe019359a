"""Heads side by side on fixed vectors: each is what one head alone is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from polyseme.runtime.settings import Runtime
from polyseme.strategies import frozen
from polyseme.tasks.families.base import IGNORE, get
from polyseme.transfer import fixed
from polyseme.transfer import heads as heads_module
from polyseme.transfer.finetune import Cellwise
from polyseme.transfer.finetune import predict as predict_one
from polyseme.transfer.head import Head
from polyseme.transfer.heads import Heads, predict
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.units import Units
from polyseme.transfer.vectors import Cached

RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False)
LAYERS, DIM, LABELS = 3, 8, 4
SEEDS = [0, 3]


def _split(family: str, count: int = 160, seed: int = 0) -> Labelled:
    """Texts of 0 to 8 words (marked words where a family needs them), the label in the vectors."""
    random = np.random.default_rng(seed)
    lengths = [int(n) for n in random.integers(2 if family == "pair" else 0, 9, count)]
    encoded = [torch.from_numpy(random.normal(size=(LAYERS, n, DIM)).astype("f")) for n in lengths]
    targets: list[list[int]] = []
    for h_LTD in encoded:
        if family == "tagging":
            rows = h_LTD[1, :, :LABELS].argmax(-1).tolist()
            targets.append([IGNORE if random.random() < 0.1 else int(y) for y in rows])
        else:
            targets.append([int(h_LTD[1].mean(0)[:LABELS].argmax()) if h_LTD.shape[1] else 0])
    places = [[0, n - 1] for n in lengths] if family == "pair" else None
    return Labelled(Cached(encoded), lengths, targets, places)


def _strategy(**values: float) -> frozen.Strategy:
    options = {"epochs": 12, "batch_size": 8, "head_lr": 0.05, "dropout": 0.0} | values
    return frozen.Strategy(frozen.Config(**options))  # type: ignore[arg-type]


def _accuracy(split: Labelled, predicted: np.ndarray) -> float:
    found = split.scored(predicted, [str(n) for n in range(LABELS)])
    return float((found.gold_N == found.predicted_N).mean())


def _trained(
    name: str, folder: Path, seeds: list[int], **values: float
) -> tuple[Heads, Labelled, Units]:
    family, split, valid = get(name), _split(name), _split(name, seed=1)
    given = Cellwise(family, LABELS, partial(_accuracy, valid), RUNTIME, folder)
    units, valid_units = Units.of(split, family), Units.of(valid, family)
    heads = fixed.train(
        _strategy(**values), units, valid_units, given, lengths=split.lengths, seeds=seeds
    )
    return heads, valid, valid_units


@pytest.mark.parametrize("name", ["tagging", "classification", "pair"])
def test_heads_compute_what_one_head_computes(name: str) -> None:
    family, split = get(name), _split(name)
    heads = Heads((LAYERS, DIM), LABELS, family, _strategy(), SEEDS).eval()
    units = Units.of(split, family)
    for number, seed in enumerate(SEEDS):
        torch.manual_seed(seed)
        head = Head(
            num_layers=LAYERS, dim=DIM, num_labels=LABELS, family=family, options=_strategy().head
        ).eval()
        with torch.no_grad():
            head.weights_L.copy_(torch.tensor([0.3, -1.0, 2.0]))
            heads.weights_VL[number] = head.weights_L
        found = predict(heads, units)[number]
        assert found.tolist() == predict_one(head, split).tolist()


@pytest.mark.parametrize("name", ["tagging", "classification", "pair"])
def test_heads_learn_and_their_seeds_do_not_mix(name: str, tmp_path: Path) -> None:
    heads, valid, units = _trained(name, tmp_path, SEEDS, dropout=0.1)
    assert not torch.equal(heads.weight_VEC[0], heads.weight_VEC[1])
    if name != "pair":  # whose labels its units do not tell
        assert _accuracy(valid, predict(heads, units)[0]) > 0.6
    alone, _, _ = _trained(name, tmp_path, SEEDS[1:], dropout=0.1)
    torch.testing.assert_close(heads.weight_VEC[1], alone.weight_VEC[0], atol=1e-4, rtol=1e-3)


def test_the_best_look_is_kept_and_patience_ends_a_run(tmp_path: Path) -> None:
    family, split = get("classification"), _split("classification")
    scores = iter([0.1, 0.9, 0.5, 0.4, 0.3, 0.2])
    seen: list[float] = []

    def score(_: np.ndarray) -> float:
        seen.append(next(scores))
        return seen[-1]

    given = Cellwise(family, LABELS, score, RUNTIME, tmp_path)
    units = Units.of(split, family)
    values = {"num_validations": 12, "patience": 2}
    found = fixed.train(_strategy(**values), units, units, given, lengths=split.lengths, seeds=[0])
    assert seen == [0.1, 0.9, 0.5, 0.4]
    two = Cellwise(family, LABELS, lambda _: 0.0, RUNTIME, tmp_path)
    short = fixed.train(
        _strategy(num_validations=12, patience=11), units, units, two,
        lengths=split.lengths, seeds=[0],
    )  # fmt: skip
    assert not torch.equal(found.weight_VEC, short.weight_VEC)  # the first of equals is epoch 1


def test_a_seed_whose_patience_is_over_does_not_wait_for_the_others(tmp_path: Path) -> None:
    """Its state is the one that it would have alone."""
    family, split = get("classification"), _split("classification")
    patient, hasty = [0.1, 0.2, 0.3, 0.4, 0.5, 0.9], [0.5, 0.1, 0.1, 0.9, 0.9, 0.9]
    units, values = Units.of(split, family), {"epochs": 6, "num_validations": 6, "patience": 2}

    def weights(scores: list[float], seeds: list[int]) -> torch.Tensor:
        of_looks = iter(scores)
        given = Cellwise(family, LABELS, lambda _: next(of_looks), RUNTIME, tmp_path)
        found = fixed.train(
            _strategy(**values), units, units, given, lengths=split.lengths, seeds=seeds
        )
        assert next(of_looks, None) is None
        return found.weight_VEC.detach()

    both = [*hasty[:1], *patient[:1], *hasty[1:2], *patient[1:2], *hasty[2:3], *patient[2:]]
    torch.testing.assert_close(weights(both, SEEDS)[0], weights(hasty[:3], SEEDS[:1])[0])


@pytest.mark.parametrize("name", ["tagging", "classification", "pair"])
def test_units_stay_on_the_cpu_wherever_the_heads_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device `meta` stands for a GPU: it computes nothing, and refuses tensors of others."""
    family, units = get(name), Units.of(_split(name), get(name))
    strategy = _strategy(dropout=0.1)
    heads = Heads((LAYERS, DIM), LABELS, family, strategy, SEEDS)
    module = fixed.FixedTraining(heads, strategy, units, [], lambda: False).train().to("meta")
    monkeypatch.setattr(fixed, "require_finite", lambda *_: None)
    module._loss([module._labelled([1, 2, 3]), module._labelled([4, 5])]).backward()
    assert {str(weight.grad.device) for weight in heads.parameters()} == {"meta"}
    monkeypatch.setattr(torch.Tensor, "cpu", lambda h: torch.zeros(h.shape))
    found = predict(heads.eval(), units)
    assert [len(predicted_N) for predicted_N in found] == [len(units.there)] * len(SEEDS)


def test_items_without_words_have_no_units_and_are_predicted_as_the_first_label() -> None:
    split = Labelled(Cached([torch.zeros(1, 0, DIM), torch.ones(1, 2, DIM)]), [0, 2], [[2], [1]])
    units = Units.of(split, get("classification"))
    assert units.targets_N.tolist() == [1]
    assert units.spread(np.array([3])).tolist() == [0, 3]


@pytest.mark.parametrize("name", ["tagging", "classification"])
def test_many_labels_are_predicted_in_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family, split = get(name), _split(name)
    heads = Heads((LAYERS, DIM), LABELS, family, _strategy(), SEEDS).eval()
    units = Units.of(split, family)
    whole = predict(heads, units)
    monkeypatch.setattr(heads_module, "PREDICTED_SCORES", 7 * LABELS * len(SEEDS))
    for found, wanted in zip(predict(heads, units), whole, strict=True):
        assert found.tolist() == wanted.tolist()
