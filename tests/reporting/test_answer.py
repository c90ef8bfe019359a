"""The answer: one sentence and one table a question, from the rows that they name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_tree import SELECTION

from polyseme.reporting import numbers, questions
from polyseme.reporting.rankings import gains
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
        best, cheapest = (evidence.made[key[0]].seconds for key in (bargain.best, bargain.cheapest))
        assert cheapest <= best
        assert (bargain.duel is None) == (bargain.best == bargain.cheapest)


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
