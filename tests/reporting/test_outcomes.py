"""Predictions beside results: the tests of a report see items, not seeds alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import f1_score

from polyseme.reporting import questions, tested
from polyseme.reporting.outcomes import Outcomes

NUM, SEEDS = 80, (0, 1, 2)
GOLD = [("yes", "no")[n % 2] for n in range(NUM)]
CARDS = {"wic": {"family": "classification", "main_metric": "macro_f1"}}


def _cell(strategy, size, seed, rate, *, gold=GOLD, split="test"):
    rng = np.random.default_rng([seed, int(1000 * rate)])
    right = rng.random(len(gold)) < rate
    other = {"yes": "no", "no": "yes"}
    return pa.table(
        {
            "task": ["wic"] * len(gold),
            "strategy": [strategy] * len(gold),
            "train_size": [size] * len(gold),
            "seed": [str(seed)] * len(gold),
            "split": [split] * len(gold),
            "item": np.arange(len(gold)),
            "unit": np.zeros(len(gold), dtype=int),
            "gold": gold,
            "predicted": [g if ok else other[g] for g, ok in zip(gold, right, strict=True)],
        }
    )


def _write(path, cells):
    pq.write_table(pa.concat_tables(cells), path)
    return [path]


@pytest.fixture
def files(tmp_path):
    rates = {"bert": 0.9, "word2vec": 0.6}
    return {
        name: _write(
            tmp_path / f"{name}.parquet",
            [_cell("full", size, seed, rate - 0.3 * (size == "8"))
             for seed in SEEDS for size in ("8", "16", "all")],
        )
        for name, rate in rates.items()
    }  # fmt: skip


def _outcomes(files, **options):
    return Outcomes(files, CARDS, ["full"], draws=500, **options)


def test_the_cells_with_the_most_labels_are_compared_item_by_item(files):
    found = _outcomes(files).of("wic", "macro_f1", "test")
    assert found.num_items == NUM
    cell = found.cells["bert", "full"]
    assert cell.train_size == "all"
    rows = _cell("full", "all", 1, 0.9).to_pydict()
    assert cell.of_seed[1].value == pytest.approx(
        f1_score(rows["gold"], rows["predicted"], average="macro")
    )
    pair = ("bert", "full"), ("word2vec", "full")
    difference = found.compare(*pair, permute=True)
    assert difference.num_items == NUM
    assert difference.sd_items > 0
    assert difference.p < 0.05
    assert difference.p_items == pytest.approx(1 / 501)
    assert max(difference.p_mcnemar) < 0.01
    assert found.compare(*pair).p_items is None
    assert found.compare(*reversed(pair)).mean == pytest.approx(-difference.mean)
    low, high = found.bounds(("bert", "full"), 1)
    assert low < cell.of_seed[1].value < high
    assert found.bounds(("bert", "full"), 9) is found.bounds(("gpt", "full"), 1) is None
    one = found.interval(("bert", "full"))
    assert one.low < one.mean < one.high


def test_fewer_labels_are_compared_item_by_item_as_well(files):
    outcomes = _outcomes(files)
    few, most = outcomes.of("wic", "macro_f1", "test", 16), outcomes.of("wic", "macro_f1", "test")
    pair = ("bert", "full"), ("word2vec", "full")
    assert few.cells[pair[0]].train_size == "16"
    assert few.compare(*pair).num_items == NUM
    assert outcomes.of("wic", "macro_f1", "test", 8).compare(*pair).mean != few.compare(*pair).mean
    assert outcomes.of("wic", "macro_f1", "test", 12) is None
    assert most.cells[pair[0]].train_size == "all"


def test_a_system_that_seems_steady_by_chance_is_doubted_as_the_others_are(tmp_path):
    files = {}
    for n, rates in enumerate([(0.9, 0.9), (0.5, 0.8), (0.4, 0.7), (0.45, 0.8), (0.5, 0.9)]):
        cells = [_cell("full", "all", seed, rate) for seed, rate in enumerate(rates)]
        if n == 0:  # the same predictions with every seed
            cells[1] = cells[0].set_column(3, "seed", pa.array(["1"] * NUM))
        files[f"m{n}"] = _write(tmp_path / f"m{n}.parquet", cells)
    found = _outcomes(files).of("wic", "accuracy", "test")
    own = [of.value for of in found.cells["m0", "full"].of_seed.values()]
    assert own[0] == own[1]
    assert found.interval(("m0", "full")).sd_seeds > 0
    assert found.compare(("m0", "full"), ("m1", "full")).freedom > 1


def test_scores_on_a_scale_have_no_mcnemar(tmp_path):
    cell = _cell("full", "all", 0, 0.9).to_pydict()
    numbers = {"yes": "1.0", "no": "2.0"}
    cell |= {side: [numbers[name] for name in cell[side]] for side in ("gold", "predicted")}
    files = {"bert": _write(tmp_path / "bert.parquet", [pa.table(cell)])}
    cards = {"wic": {"family": "relatedness"}}
    found = Outcomes(files, cards, ["full"], draws=50).of("wic", "pearson", "test")
    assert found.cells["bert", "full"].right == {}


def test_what_was_not_kept_is_not_compared(files):
    outcomes = _outcomes(files)
    found = outcomes.of("wic", "macro_f1", "test")
    assert found.compare(("bert", "full"), ("bert", "frozen")) is None
    assert outcomes.of("wic", "macro_f1", "valid") is None
    assert Outcomes({}, {}, ()).of("wic", "macro_f1", "test") is None


def test_another_version_of_the_test_set_is_left_to_seeds(files, tmp_path):
    cells = [_cell("full", "all", seed, 0.8, gold=GOLD[::-1]) for seed in SEEDS]
    files["gpt"] = _write(tmp_path / "gpt.parquet", cells)
    found = _outcomes(files).of("wic", "macro_f1", "test")
    assert ("gpt", "full") not in found.cells
    assert ("bert", "full") in found.cells


def test_items_with_several_units_have_no_mcnemar(tmp_path):
    cell = _cell("full", "all", 0, 0.9).to_pydict() | {"item": [n // 2 for n in range(NUM)]}
    files = {"bert": _write(tmp_path / "bert.parquet", [pa.table(cell)])}
    found = _outcomes(files).of("wic", "accuracy", "test")
    assert found.num_items == NUM // 2
    assert found.cells["bert", "full"].right == {}


class _Fixed:
    """Outcomes that say the same of every pair, and remember what they were asked."""

    def __init__(self, difference):
        self.difference, self.asked = difference, []

    def of(self, task, metric, split, size=None):
        return self

    def compare(self, first, second, *, permute=False):
        self.asked.append((first, second, permute))
        return self.difference

    def bounds(self, key, seed):
        return (0.25, 0.75) if key[1] == "full" else None


def test_items_decide_in_every_part_of_the_answer(make_tree):
    evidence = make_tree().collect()
    plain = {d.field.task: d for d in questions.families(evidence)}
    assert {d.difference.num_items for d in plain.values()} == {None}
    made = questions.duel(evidence, plain["sst2"].field, *_keys(plain["sst2"])).difference
    sure = replace(made, num_items=321, p=1e-9, p_items=0.5)
    evidence = replace(evidence, outcomes=_Fixed(sure))
    for duel in questions.families(evidence):
        assert (duel.difference.num_items, duel.verdict) == (321, "better")
    assert any(permute for *_, permute in evidence.outcomes.asked)
    rows = list(tested.rows(evidence))
    assert {row["num_items"] for row in rows} >= {321}
    assert {row["variant"] for row in rows} >= {tested.BEST, tested.GAIN, tested.FAMILIES}
    bounded = [row for row in tested.bounded(evidence) if row["low"] == 0.25]
    assert {(row["stage"], row["strategy"]) for row in bounded} == {("finetune", "full")}
    assert {row["metric"] for row in bounded} == {"macro_f1"}
    contests = [row for row in rows if row["variant"] == tested.BEST]
    of_task = [row for row in contests if row["task"] == "sst2"]
    systems = {row["representation"] for row in of_task}
    systems |= {row["against"].partition(", ")[0] for row in of_task}
    num_pairs = len({row["strategy"] for row in of_task}) * len(systems) * (len(systems) - 1) // 2
    assert of_task[0]["p"] == pytest.approx(num_pairs * 1e-9)
    assert {row["against"].partition(", ")[0] for row in rows} <= set(evidence.made)


class _ByTask:
    """Outcomes of each task by itself."""

    def __init__(self, **found):
        self.found = found

    def of(self, task, metric, split, size=None):
        return _Fixed(self.found[task])


def test_what_is_tied_on_one_task_is_no_bargain_on_another(make_tree):
    evidence = make_tree().collect()
    made = questions.families(evidence)[0].difference
    sure, open_ = replace(made, mean=0.1, p=1e-9), replace(made, mean=0.1, p=0.5)
    evidence = replace(evidence, outcomes=_ByTask(truecase=sure, sst2=open_))
    for order in (evidence.selection.tasks, evidence.selection.tasks[::-1]):
        selection = replace(evidence.selection, tasks=order)
        found = {
            b.field.task: b for b in questions.bargains(replace(evidence, selection=selection))
        }
        assert found["truecase"].duel is None
        assert found["sst2"].duel.field.task == "sst2"
        assert found["sst2"].duel.p == pytest.approx(1.0)


def _keys(duel):
    return duel.first, duel.second
