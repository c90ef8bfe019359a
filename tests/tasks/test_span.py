"""Spans from tags: against other definitions, and against spans that were written as tags."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import metrics
from sklearn.metrics import precision_recall_fscore_support

from polyseme.tasks.families.base import Scored, get
from polyseme.tasks.families.span import Found, spans

TYPES = ("PER", "ORG", "creative-work")
Tags = list[str]


def _tags(letters: str) -> st.SearchStrategy[Tags]:
    tag = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in letters for kind in TYPES)])
    return st.lists(tag, min_size=1, max_size=12)


@st.composite
def _texts(draw: st.DrawFn, letters: str) -> tuple[list[Tags], list[Tags]]:
    gold = draw(st.lists(_tags(letters), min_size=1, max_size=5))
    return gold, [(draw(_tags(letters)) * 12)[: len(tags)] for tags in gold]


def _scored(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    names = sorted(set(chain(*gold, *predicted)))
    columns = [
        (item, unit, names.index(g), names.index(p))
        for item, rows in enumerate(zip(gold, predicted, strict=True))
        for unit, (g, p) in enumerate(zip(*rows, strict=True))
    ]
    return get("span").score(Scored(*map(np.array, zip(*columns, strict=True)), names))


def _written(found: Sequence[Found], length: int, scheme: str) -> Tags:
    """Spans as tags: the inverse, written down independently."""
    tags = ["O"] * length
    for number, (kind, first, last) in enumerate(found):
        touches = number and found[number - 1][0] == kind and found[number - 1][2] == first - 1
        begin = "B" if scheme != "iob1" or touches else "I"
        tags[first : last + 1] = [f"I-{kind}"] * (last + 1 - first)
        tags[first] = f"{begin}-{kind}"
        if scheme == "bioes":
            tags[last] = f"{'S' if first == last else 'E'}-{kind}"
    return tags


@st.composite
def _drawn(draw: st.DrawFn) -> tuple[list[Found], int]:
    found, place = [], 0
    for _ in range(draw(st.integers(0, 4))):
        first = place + draw(st.integers(0, 2))
        last = first + draw(st.integers(0, 2))
        found.append((draw(st.sampled_from(TYPES)), first, last))
        place = last + 1
    return found, place + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", ["bio", "iob1", "bioes"])
@settings(max_examples=200, deadline=None)
@given(drawn=_drawn())
def test_spans_written_in_any_scheme_are_read_back(
    scheme: str, drawn: tuple[list[Found], int]
) -> None:
    assert spans(_written(*drawn, scheme)) == drawn[0]


@settings(max_examples=200, deadline=None)
@given(tags=_tags("BI"))
def test_bio_tags_are_grouped_as_transformers_groups_them(tags: Tags) -> None:
    from transformers import TokenClassificationPipeline

    pipeline = object.__new__(TokenClassificationPipeline)
    pipeline.group_sub_entities = list  # as they are
    entities = [{"entity": tag, "index": place} for place, tag in enumerate(tags)]
    groups = pipeline.group_entities(entities)
    theirs = [
        (group[0]["entity"].partition("-")[2], group[0]["index"], group[-1]["index"])
        for group in groups
        if group[0]["entity"] != "O"
    ]
    assert spans(tags) == theirs


@pytest.mark.parametrize("letters", ["BI", "I", "BIES"])
def test_scores_are_those_of_seqeval(letters: str) -> None:
    @settings(max_examples=300, deadline=None)
    @given(texts=_texts(letters))
    def check(texts: tuple[list[Tags], list[Tags]]) -> None:
        found = _scored(*texts)
        for name in ("precision", "recall", "f1"):
            score = getattr(metrics, f"{name}_score")
            wanted = score(*texts, zero_division=0)
            assert found[name] == pytest.approx(wanted, abs=1e-12)

    check()


@settings(max_examples=100, deadline=None)
@given(texts=_texts("BIES"))
def test_scores_are_micro_averages(texts: tuple[list[Tags], list[Tags]]) -> None:
    gold, predicted = (
        {(item, span) for item, tags in enumerate(side) for span in spans(tags)} for side in texts
    )
    every = sorted(gold | predicted) or [None]
    wanted = precision_recall_fscore_support(
        *([span in side for span in every] for side in (gold, predicted)),
        average="binary", zero_division=0,
    )  # fmt: skip
    found = _scored(*texts)
    assert [found[n] for n in ("precision", "recall", "f1")] == pytest.approx(wanted[:3])


def test_a_word_without_a_label_ends_a_span_and_an_unseen_type_is_missed() -> None:
    names = ["B-PER", "I-PER", "O", "B-NEW"]
    item_N, unit_N = np.array([0, 0, 1]), np.array([0, 2, 0])
    gold_N, predicted_N = np.array([0, 1, 3]), np.array([0, 1, 2])
    found = get("span").score(Scored(item_N, unit_N, gold_N, predicted_N, names))
    assert (found["precision"], found["recall"]) == (1.0, pytest.approx(2 / 3))
