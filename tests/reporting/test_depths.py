"""Which layer, and whether few labels are enough: each claim with its test."""

from __future__ import annotations

import numpy as np
import pytest
from fake_tree import EXPERIMENT, SEEDS
from test_learning import with_budgets
from test_outcomes import CARDS, NUM, _cell, _write

from polyseme import paths, results
from polyseme.reporting import depths, few_labels, numbers, tested
from polyseme.reporting.outcomes import Outcomes, across
from polyseme.reporting.page import Cell
from polyseme.reporting.probe_outcomes import FILE, ProbeOutcomes
from polyseme.reporting.sections import answer, answer_where
from polyseme.stats.additive import Additive, ratio
from polyseme.stats.differences import difference
from polyseme.stats.resampling import bootstrap

ITEMS = 300
RATE = {0: 0.5, 1: 0.8, 2: 0.81}
"""Share of right answers by layer; the last two cannot be told apart."""


def _kept(name="bert", task="truecase", *, items=ITEMS):
    rng = np.random.default_rng(len(task))
    for layer, rate in RATE.items():
        for seed in SEEDS[::-1]:
            row = {"representation": name, "task": task, "probe": "linear", "layer": str(layer)}
            units = np.arange(items) % 3 + 1
            right = rng.binomial(units, rate)
            yield row | {"seed": seed, "right": right.tolist(), "units": units.tolist()}


@pytest.fixture
def evidence(make_tree):
    """A probe of three layers, whose rows say what its answers were."""
    tree = make_tree()
    folder = tree.root / paths.results(EXPERIMENT, "probe", "wiki", "bert")
    kept = [*_kept(), *_kept(task="sst2")]
    results.write(folder / FILE, kept, schema=results.PROBED_SCHEMA)
    whole = results.read(folder / "results.parquet")
    score = {
        (of["task"], of["layer"], of["seed"]): sum(of["right"]) / sum(of["units"]) for of in kept
    }
    rows = []
    for row in whole:
        key = row["task"], row["layer"], row["seed"]
        own = row["representation"] == "bert" and row["metric"] == "accuracy"
        if own and not row["control"] and key in score:
            row["value"] = score[key]
        rows += [row] if row["layer"] in "012" else []
    results.write(folder / "results.parquet", rows)
    return tree.collect()


def test_layers_are_compared_item_by_item(evidence):
    of = evidence.probed.of("truecase", "linear")
    rows = {(r["layer"], r["seed"]): r for r in _kept()}
    cells = [
        [Additive(np.stack([rows[k, s]["right"], rows[k, s]["units"]], axis=1), ratio)
         for s in SEEDS] for k in ("1", "0")
    ]  # fmt: skip
    ours, theirs = bootstrap(cells, 10_000)
    by_seed = [a.value - b.value for a, b in zip(*cells, strict=True)]
    wanted = difference(by_seed, ours - theirs, ITEMS)
    found = of.compare(("bert", "1"), ("bert", "0"))
    assert found.mean == pytest.approx(wanted.mean) == pytest.approx(0.3, abs=0.05)
    assert found.sd_items == pytest.approx(wanted.sd_items)
    assert found.num_items == ITEMS


def test_the_best_layer_is_told_with_what_cannot_be_told_apart_from_it(evidence):
    (first, second) = depths.depths(evidence)
    for depth in (first, second):
        assert (depth.system, depth.num_layers) == ("bert", 3)
        assert depth.best in (1, 2)
        assert [rival.name for rival in depth.ranking.tied] == [str(3 - depth.best)]
        assert depth.over_input.p < 0.001 and depth.over_input.behind.num_items == ITEMS
    assert {first.task, second.task} == {"truecase", "sst2"}
    (part,) = [p for p in answer.build(evidence).parts if p.title == "Which layer?"]
    assert "better than it in 2 of 2 pairs" in part.paragraphs[0]
    assert "better than every other in 0 (of 6 pairs of layers" in part.paragraphs[0]
    cells = {cell.text for row in part.tables[0].rows for cell in row}
    assert f"bert {first.best} ({3 - first.best})" in cells


def test_every_pair_of_layers_with_the_best_is_a_row(evidence):
    rows = [row for row in tested.rows(evidence) if row["variant"] == tested.LAYER]
    assert len(rows) == 4
    for row in rows:
        assert row["against"] in {f"bert, layer {n}" for n in range(3)} - {
            f"bert, layer {row['layer']}"
        }
        assert (row["probe"], row["metric"], row["strategy"]) == ("linear", "accuracy", None)
        assert row["value"] > 0 and row["num_items"] == ITEMS


def test_where_answers_were_not_kept_seeds_decide(make_tree):
    found = depths.depths(make_tree().collect())
    assert found
    assert all(r.behind.num_items is None for each in found for r in each.ranking.rivals)


def test_another_version_of_the_test_set_is_left_out(tmp_path):
    files = {}
    for name, items in (("bert", ITEMS), ("gpt", ITEMS - 1)):
        files[name] = tmp_path / name
        kept = list(_kept(name, items=items))
        results.write(files[name], kept, schema=results.PROBED_SCHEMA)
    found = ProbeOutcomes(files, {"bert": "bert", "gpt": "gpt"}, draws=50).of("truecase", "linear")
    assert {system for system, _ in found.cells} == {"bert"}
    assert ProbeOutcomes({}, {}).of("truecase", "linear") is None


def test_few_labels_against_all_are_compared_item_by_item(tmp_path):
    cells = [
        _cell(strategy, size, seed, rate)
        for strategy, size, rate in (("full", "8", 0.8), ("full", "all", 0.9),
                                     ("scratch", "8", 0.3), ("scratch", "all", 0.4))
        for seed in SEEDS
    ]  # fmt: skip
    files = {"bert": _write(tmp_path / "bert.parquet", cells)}
    made = Outcomes(files, CARDS, ["full", "scratch"], draws=500)
    few, most = made.of("wic", "accuracy", "test", 8), made.of("wic", "accuracy", "test")
    full, scratch = ("bert", "full"), ("bert", "scratch")
    found = across(few, most, full, scratch)
    wanted = few.interval(full).mean - most.interval(scratch).mean
    assert found.mean == pytest.approx(wanted) and found.num_items == NUM
    assert found.p < 0.05 and found.sd_items > 0
    assert across(few, few, full, scratch) == few.compare(full, scratch)
    assert across(few, None, full, scratch) is across(few, most, full, ("gpt", "full")) is None


def test_the_answer_says_whether_few_labels_are_enough(make_tree):
    evidence = with_budgets(make_tree()).collect()
    found = few_labels.few(evidence)
    assert found
    (part,) = [p for p in answer.build(evidence).parts if p.title == "With how many labels?"]
    for each, row in zip(found, part.tables[0].rows, strict=True):
        line = dict(zip(part.tables[0].columns, [c.text for c in row], strict=True))
        rows = evidence.rows.where(stage="finetune", task=each.saved.task, split="test").real()
        rows = rows.where(metric=each.saved.metric)
        ours = rows.where(system=each.saved.system, strategy=each.saved.strategy)
        of = ours.where(train_size=each.few).by_seed()
        theirs = rows.where(system=each.reference, strategy="scratch")
        other = theirs.where(train_size=each.most).by_seed()
        gap = sum(of[s] - other[s] for s in SEEDS) / len(SEEDS)
        assert each.difference.mean == pytest.approx(gap)
        assert each.most == max(rows.distinct("train_size")) > each.few
        assert line["Better"] == {"better": "few with", "worse": "all without"}.get(
            each.verdict, "tie"
        )
    kept = [row for row in tested.rows(evidence) if row["variant"] == tested.LABELS]
    assert [row["value"] for row in kept] == [each.difference.mean for each in found]
    assert all(row["against"].endswith(f"scratch with {found[0].most} labels") for row in kept)


def test_all_tasks_as_early_or_late_are_named():
    lines = [[name, Cell(f"{depth:.2f}", depth)] for name, depth in
             (("a", 0.0), ("b", 0.5), ("c", 0.891), ("d", 0.889))]  # fmt: skip
    assert answer_where._ends(lines, 0) == "a (0.00)"
    assert answer_where._ends(lines, -1) == "c and d (0.89)"


def test_labels_of_a_task_that_has_no_more_of_them_are_not_compared(make_tree):
    tree = with_budgets(make_tree())
    for name in tree.selection.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        rows = results.read(path)
        most = max(row["train_size"] for row in rows)
        few = [r for r in rows if r["task"] != "sst2" or r["train_size"] < most // 4]
        assert len(few) < len(rows)
        results.write(path, few)
    found = few_labels.few(tree.collect())
    assert all(each.few < each.most for each in found)
    assert "truecase" in {each.saved.task for each in found}


def test_the_reference_is_chosen_by_validation_among_all_from_scratch(make_tree):
    evidence = with_budgets(make_tree()).collect()
    for each in few_labels.few(evidence):
        rows = evidence.rows.where(stage="finetune", task=each.saved.task, split="valid").real()
        rows = rows.where(metric=each.saved.metric, strategy="scratch", train_size=each.most)
        means = {name: of.summary().mean for name, of in rows.by("system").items()}
        assert means[each.reference] == max(means.values())


def test_a_baseline_that_few_labels_do_not_beat_is_named(make_tree):
    tree = with_budgets(make_tree())
    path = tree.root / paths.results(EXPERIMENT, "baseline") / "results.parquet"
    rows = results.read(path)
    (high,) = {row["representation"] for row in rows} - {"majority"} or {"majority"}
    for row in rows:
        if (row["task"], row["representation"]) == ("sst2", high):
            row["value"] = 0.99
    results.write(path, rows)
    evidence = tree.collect()
    named = {each.saved.task: each.baseline for each in few_labels.few(evidence)}
    assert named["sst2"] == high and named["truecase"] == ""
    (part,) = [p for p in answer.build(evidence).parts if p.title == "With how many labels?"]
    assert part.paragraphs[1].endswith(f"on sst2 ({numbers.name(high)}).")


def test_layers_of_all_tasks_are_one_family(evidence):
    found = depths.depths(evidence)
    rivals = [rival for depth in found for rival in depth.ranking.rivals]
    pairs = sum(depth.num_pairs for depth in found)
    least = min(rivals, key=lambda rival: rival.behind.p)
    assert (len(found), pairs) == (2, 6)
    assert least.p == pytest.approx(pairs * least.behind.p, rel=1e-6, abs=0)
