"""The answer: one sentence and one table a question, from the rows that they name."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from fake_tree import EXPERIMENT, SELECTION
from test_learning import with_budgets

from polyseme import paths, results
from polyseme.reporting import alike, numbers, questions
from polyseme.reporting.rankings import finals, gains
from polyseme.reporting.sections import answer
from polyseme.stats.ranking import by_seeds


@pytest.fixture
def evidence(make_tree):
    return make_tree().collect()


@pytest.fixture
def section(evidence):
    return answer.build(evidence)


def _table(section, title):
    (part,) = [part for part in section.parts if part.title == title]
    (table,) = part.tables
    return part.paragraphs[0], [
        dict(zip(table.columns, [c.text for c in row], strict=True)) for row in table.rows
    ]


def test_every_question_that_the_rows_can_answer_has_a_part(section):
    titles = [part.title for part in section.parts]
    assert titles[:2] == ["What does pre-training buy?", "Static or contextual?"]
    assert {"Which strategy?", "Which layer?", "For which price?"} <= set(titles)
    assert all(len(part.paragraphs) == len(part.tables) == 1 for part in section.parts)


def test_families_are_chosen_on_validation_data_and_compared_on_final_data(evidence, section):
    sentence, lines = _table(section, "Static or contextual?")
    for line in lines:
        rows = evidence.rows.where(stage="finetune", task=line["Task"], split="test").real()
        rows = rows.where(metric=evidence.main_metric(line["Task"]))
        scores = []
        for column in ("Best contextual", "Best static"):
            system, strategy = line[column].partition(":")[0].split(", ")
            scores.append(rows.where(system=system, strategy=strategy).by_seed())
        found = by_seeds(*scores)
        assert line["Difference"] == numbers.value("", found.mean, signed=True)
        assert line["Interval"] == numbers.interval("", found, signed=True)
        assert line["Better"] in ("contextual", "static", "tie")
    named = [line["Task"] for line in lines if line["Better"] == "contextual"]
    assert not named or f"contextual is better on {numbers.listing(named)}" in sentence.lower()


def test_gains_are_counted_as_their_tests_say(evidence, section):
    sentence, lines = _table(section, "What does pre-training buy?")
    found = gains(evidence)
    better = sum(gain.verdict == "better" for gain in found)
    assert f"better in {better}, " in sentence
    assert sum(int(line["Better"]) for line in lines) == better
    assert sum(int(line["Comparisons"]) for line in lines) == len(found)


def test_the_cheapest_tie_costs_less_than_the_best(evidence):
    for bargain in questions.bargains(evidence):
        assert bargain.duel is None or bargain.duel.field.task == bargain.field.task
        assert bargain.duel is None or bargain.duel.verdict != "better"
        best, cheapest = (evidence.made[key[0]].seconds for key in (bargain.best, bargain.cheapest))
        assert cheapest <= best
        assert (bargain.duel is None) == (bargain.best == bargain.cheapest)


def test_who_stands_for_a_family_is_best_on_validation_data_not_on_final_data(make_tree):
    tree = make_tree()
    for name in tree.selection.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        rows = results.read(path)
        for row in rows:
            if row["split"] == "valid":  # the opposite of final data
                row["value"] = 1 - row["value"]
        results.write(path, rows)
    for of in questions.fields(tree.collect()):
        finals_ = {system: of.mean(of.key(system)) for system in of.order}
        assert list(finals_) == sorted(finals_, key=lambda name: finals_[name])
        for system, strategy in of.chosen.items():
            own = {s: of.mean((n, s)) for n, s in of.scores if n == system}
            assert own[strategy] == min(own.values())


def test_what_few_labels_buy_is_told_of_what_validation_chooses(make_tree):
    tree = with_budgets(make_tree())
    for name in tree.selection.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        rows = results.read(path)
        for row in rows:
            if row["split"] == "valid":  # the opposite of final data
                row["value"] = 1 - row["value"]
        results.write(path, rows)
    evidence = tree.collect()
    _, lines = _table(answer.build(evidence), "With how many labels?")
    for line in lines:
        size = int(line.get("Labels", "32").replace(",", ""))
        rows = evidence.rows.where(stage="finetune", task=line["Task"], split="valid")
        rows = rows.where(metric=evidence.main_metric(line["Task"]), train_size=size)
        means = {key: of.summary().mean for key, of in rows.by("system", "strategy").items()}
        told = tuple(line["Best with few labels"].split(", "))
        others = [m for (name, s), m in means.items() if s != "scratch" and name != "random"]
        assert means[told] == pytest.approx(max(others))


def test_ranks_run_from_behind_the_better_to_before_the_worse(evidence):
    for task, found in questions.ranks(evidence).items():
        assert min(low for low, _ in found.values()) == 1
        assert max(high for _, high in found.values()) == len(found)
        for of in (of for of in questions.fields(evidence) if of.task == task):
            assert list(found) == list(of.order)
            assert all(1 <= low <= high <= len(found) for low, high in found.values())


def test_a_strategy_alone_has_no_question(make_tree):
    evidence = make_tree(replace(SELECTION, strategies=("full",))).collect()
    titles = [part.title for part in answer.build(evidence).parts]
    assert "Which strategy?" not in titles
    assert "What does pre-training buy?" not in titles


def test_lines_are_tied_where_their_own_test_says_so(evidence):
    by_task = {task: finals(evidence, task) for task in ("truecase", "sst2")}
    lines = [
        (task, key)
        for task, rows in by_task.items()
        for key in rows.by("system", "strategy", "train_size")
    ]
    found = alike.ties(evidence, by_task, {line: n for n, line in enumerate(lines)})
    wanted = []
    for (n, (task, first)), (m, (other, second)) in combinations(enumerate(lines), 2):
        if task == other:
            groups = by_task[task].by("system", "strategy", "train_size")
            difference = by_seeds(groups[first].by_seed(), groups[second].by_seed())
            if difference.p is None or difference.p > 0.05:
                wanted.append([n, m])
    assert found == wanted
    assert 0 < len(found) < len(list(combinations(lines, 2)))


def test_too_many_lines_are_left_to_their_intervals(evidence, monkeypatch):
    monkeypatch.setattr(alike, "MOST_PAIRS", 3)
    assert alike.ties(evidence, {"sst2": finals(evidence, "sst2")}, {}) is None
