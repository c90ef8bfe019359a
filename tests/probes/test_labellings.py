"""Units that are chosen within a memory, texts that are encoded once, rows by rank."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from polyseme import results
from polyseme.data.words import Glued
from polyseme.errors import ConfigError
from polyseme.models.base import Words
from polyseme.probes import base as probes
from polyseme.probes import linear
from polyseme.probes.base import Probed, ProbeData, control_labels
from polyseme.probes.common import labellings
from polyseme.probes.common.evaluate import evaluate
from polyseme.probes.common.nets import Hidden, Size
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask

DIM, LAYERS = 8, 2


@pytest.fixture
def probed(tmp_path: Path) -> Probed:
    """Tags that the word tells; every third sentence is one that stood before."""
    random = np.random.default_rng(0)
    vectors = {
        f"w{n}": torch.from_numpy(random.normal(size=(LAYERS, DIM))).float() for n in range(9)
    }
    splits = {}
    for name, count in (("train", 60), ("valid", 6), ("test", 30)):
        texts = [[f"w{n}" for n in random.integers(9, size=5)] for _ in range(count)]
        texts[::3] = [texts[1]] * len(texts[::3])
        splits[name] = Split(texts, [[f"t{int(w[1]) % 3}" for w in words] for words in texts])
    base.write(tmp_path, splits, {"name": "tags", "family": "tagging"})

    def encode(texts: Sequence[Words]) -> list[Tensor]:
        return [torch.stack([vectors[w] for w in words], dim=1) for words in texts]

    return Probed(encode, PreparedTask(tmp_path), [0, 1], LAYERS, DIM)


@pytest.fixture(autouse=True)
def few_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine are enough here."""
    monkeypatch.setattr(probes, "MIN_TYPES", 9)


def test_a_task_of_few_types_has_no_control_task(
    probed: Probed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {key.control for key in labellings.keys_of(probed)} == {False, True}
    monkeypatch.setattr(probes, "MIN_TYPES", 10)
    assert {key.control for key in labellings.keys_of(probed)} == {False}
    assert {row["metric"] for row in evaluate("linear", {"min_steps": 2}, probed)} == {"accuracy"}


def _noted() -> int:
    """Bytes of everything else, for 60 and 30 sentences of 5 words."""
    return labellings.WORK + labellings.BOOK * (60 + 30) * 5


def test_no_more_units_are_chosen_than_fit_beside_those_of_the_test(probed: Probed) -> None:
    test = labellings.units_of(probed, "test", None).h_LND.nbytes + _noted()
    for bytes_, expected in ((2**31, 200), (test + 100 * LAYERS * DIM * 8, 100), (test + 1, 1)):
        options = linear.Config(max_units=200, max_gib=bytes_ / 2**30)
        most = labellings.most_units(probed, options)
        assert most == expected
        found = labellings.units_of(probed, "train", most)
        assert found.h_LND.shape == (LAYERS, expected, DIM)
        assert len(found.gold_N) == len(found.words) == expected


def test_a_limit_below_what_the_test_needs_is_refused(probed: Probed) -> None:
    test = labellings.units_of(probed, "test", None).h_LND.nbytes + _noted()
    options = linear.Config(max_gib=test / 2**30)
    with pytest.raises(
        ConfigError, match=r"test units of tags, and .* units, take 0.*GiB.* raise max_gib"
    ):
        labellings.most_units(probed, options)
    assert labellings.most_units(probed, options, "valid", 1) > 1


def test_fewer_units_are_among_more_and_are_not_the_first() -> None:
    few, more = labellings.drawn(1000, 50), labellings.drawn(1000, 200)
    assert (len(few), len(more)) == (50, 200)
    assert set(few) < set(more)
    assert few == sorted(few) != list(range(50))
    assert labellings.drawn(10, 20) == list(range(10))


def test_equal_texts_are_encoded_once(probed: Probed) -> None:
    seen: list[int] = []

    def encode(texts: Sequence[Words]) -> list[Tensor]:
        seen.append(len(texts))
        return probed.encode(texts)

    texts = [*probed.task.splits["train"].sentences, ["w1", "w2"], ["w1", Glued("w2")]]
    found = labellings.encode_once(encode, texts)
    assert seen == [len({tuple(words) for words in texts[:-1]}) + 1]
    for h_LTD, wanted_LTD in zip(found, probed.encode(texts), strict=True):
        assert torch.equal(h_LTD, wanted_LTD)


def test_rows_of_every_rank_and_labelling(probed: Probed) -> None:
    rows = list(evaluate("linear", {"ranks": [1], "min_steps": 200}, probed))
    accuracy = {
        (r["rank"], r["layer"], r["seed"], r["control"]): r["value"]
        for r in rows
        if r["metric"] == "accuracy"
    }
    assert len(accuracy) == 2 * LAYERS * 2 * 2
    for row in rows:
        if row["metric"] == "selectivity":
            key = row["rank"], row["layer"], row["seed"]
            assert row["value"] == pytest.approx(accuracy[*key, False] - accuracy[*key, True])
    assert accuracy[None, "0", 0, False] == 1


@pytest.mark.parametrize("linear_", [True, False])
def test_scores_of_a_bounded_rank_have_it(linear_: bool) -> None:
    net = Hidden(Size(1, DIM, [0], DIM), 2, torch.device("cpu"), linear=linear_)
    x_LbD = torch.randn(1, 50, DIM, generator=torch.Generator().manual_seed(0))
    scores = net(x_LbD)[0, :, 0].detach()
    assert scores.shape == (50, DIM)
    assert int(torch.linalg.matrix_rank(scores)) <= 2
    doubled = net(2 * x_LbD)[0, :, 0] - net(-2 * x_LbD)[0, :, 0]
    assert torch.allclose(doubled, 4 * scores, atol=1e-5) == linear_


def test_only_labels_that_a_unit_may_have_are_predicted(probed: Probed) -> None:
    train = labellings.units_of(probed, "train", 200)
    labels_VN = torch.from_numpy(np.stack([train.gold_N] * 2))
    right_NC = torch.nn.functional.one_hot(labels_VN[0], 3).bool()
    allowed_NVC = torch.stack([torch.ones_like(right_NC), ~right_NC], dim=1)
    data = ProbeData(train.h_LND, train.h_LND, labels_VN, [0, 0], 3, allowed_NVC)
    free_LN, barred_LN = linear.predict(linear.Config(min_steps=200), data)[None].unbind(1)
    assert (free_LN == labels_VN[0]).all()
    assert (barred_LN != labels_VN[0]).all()


def test_labels_that_training_lacks_are_left_out_of_validation(probed: Probed) -> None:
    valid = probed.task.splits["valid"]
    valid.labels[0][0] = None  # type: ignore[index]
    expected = labellings.labelled(probed, linear.Config(), max_valid=100)
    probed.task.names.append("new")
    probed.task.index["new"] = 3
    valid.labels[0][0] = "new"  # type: ignore[index]
    found = labellings.labelled(probed, linear.Config(), max_valid=100)
    assert found is not None
    assert expected is not None
    assert torch.equal(found.valid_VP, expected.valid_VP)
    assert torch.equal(found.valid.h_LND, expected.valid.h_LND)


def test_probes_leave_out_what_they_cannot_read(probed: Probed) -> None:
    assert not list(evaluate("edge", {}, probed))
    assert not list(evaluate("structural", {}, probed))


def test_the_control_task_is_learned_and_scored_on_its_own_labels(
    probed: Probed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that remembers types is right on both, one that knows the tags on the real ones."""
    given: list[ProbeData] = []

    def remember(options: object, data: ProbeData) -> Tensor:
        given.append(data)
        near_LMN = torch.cdist(data.test_LMD, data.train_LND)
        return data.labels_VN[:, near_LMN.argmin(-1)].transpose(0, 1)

    def know(options: object, data: ProbeData) -> Tensor:
        found_LVM = remember(options, data)
        return found_LVM[:, :1].expand_as(found_LVM)

    def scores() -> dict[bool, set[float]]:
        found: dict[bool, set[float]] = {False: set(), True: set()}
        for row in evaluate("linear", {}, probed):
            if row["metric"] == "accuracy":
                found[row["control"]].add(row["value"])
        return found

    monkeypatch.setattr(linear, "predict", remember)
    assert scores() == {False: {1.0}, True: {1.0}}
    train = labellings.units_of(probed, "train", 10_000)
    expected = [train.gold_N] * 2
    expected += [control_labels(train.words, train.gold_N, seed=seed) for seed in (0, 1)]
    assert np.array_equal(given[0].labels_VN.numpy(), np.stack(expected))
    monkeypatch.setattr(linear, "predict", know)
    found = scores()
    assert found[False] == {1.0}
    assert max(found[True]) < 0.9


def test_right_answers_are_kept_item_by_item_of_real_labels_and_the_full_rank(
    probed: Probed,
) -> None:
    kept: list[dict[str, Any]] = []
    rows = list(evaluate("linear", {"ranks": [1], "min_steps": 3}, probed, kept.append))
    wanted = [r for r in rows if r["metric"] == "accuracy" and not r["control"] and not r["rank"]]
    assert len(kept) == len(wanted) == 2 * LAYERS
    lengths = [len(words) for words in probed.task.splits["test"].sentences]
    for row, of in zip(wanted, kept, strict=True):
        assert of.keys() == set(results.PROBED_SCHEMA.names) - {"representation"}
        assert [of[key] for key in ("task", "probe", "layer", "seed")] == [
            "tags", "linear", row["layer"], row["seed"]
        ]  # fmt: skip
        assert of["units"] == lengths and all(map(int.__le__, of["right"], lengths))
        assert sum(of["right"]) / sum(lengths) == pytest.approx(row["value"])
    equal = {tuple(of["right"][1::3]) for of in kept if len(set(of["right"])) > 1}
    assert equal, "not every answer is right or wrong"


def test_items_without_a_unit_are_not_counted(probed: Probed) -> None:
    split = probed.task.splits["test"]
    labels = [[None] * len(words) if n % 2 else words for n, words in enumerate(split.labels)]
    units = labellings.units(probed.encode, probed.task, Split(split.sentences, labels), None)
    assert units.num_items == 15 and units.items_N.max() == 14
    assert (np.bincount(units.items_N) == 5).all()


def test_right_answers_stand_at_their_items(
    probed: Probed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Sentences of one to four words, one in three without a label, every other unit right."""
    texts = [[f"w{n % 9}"] * (n % 4 + 1) for n in range(12)]
    labels = [[None if n % 3 == 2 else f"t{n % 2}"] * len(t) for n, t in enumerate(texts)]
    splits = dict.fromkeys(("train", "valid", "test"), Split(texts, labels))
    (tmp_path / "uneven").mkdir()
    base.write(tmp_path / "uneven", splits, {"name": "uneven", "family": "tagging"})
    task = PreparedTask(tmp_path / "uneven")
    gold = [label for row in labels for label in row if label]
    told = torch.tensor([task.index[g] if n % 2 else 1 - task.index[g] for n, g in enumerate(gold)])

    def predict(options: object, data: ProbeData) -> dict[int | None, Tensor]:
        return {None: told.expand(LAYERS, len(data.labels_VN), -1)}

    monkeypatch.setattr(linear, "predict", predict)
    kept: list[dict[str, Any]] = []
    list(evaluate("linear", {}, Probed(probed.encode, task, [0], LAYERS, DIM), kept.append))
    wanted, at = [], 0
    for row in labels:
        if row[0]:
            wanted.append(sum((at + n) % 2 for n in range(len(row))))
            at += len(row)
    assert [of["right"] for of in kept] == [wanted] * LAYERS
    assert kept[0]["units"] == [len(row) for row in labels if row[0]]
