"""Probes by layer: what they find in each, beside control labels and baselines."""

from __future__ import annotations

from polyseme.reporting import cards, numbers, probe_scores
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import layers as figure
from polyseme.reporting.figures import probed
from polyseme.reporting.page import Item, Link, Part, Section, Table
from polyseme.reporting.probing import (
    CHAIN,
    CLASSIFIER,
    CODE,
    EDGE,
    TREE,
    Probing,
    firsts,
    probings,
)
from polyseme.reporting.sections import probe_tables

SHOWN = 4
TABLES = {CODE: probe_tables.coded, TREE: probe_tables.trees, EDGE: probe_tables.edges}
BEST = (
    "The best layers named above are chosen on the scores shown, so they flatter every "
    "representation with several layers a little, the randomly initialised ones too."
)
NOTES = {
    CLASSIFIER: "Selectivity is the score on real labels minus that on control labels, which are "
    "random but fixed for each word type: a probe that merely memorises word types has little of "
    "it. A rank or width bounds what a probe may compute; sentences, figures and DVC metrics "
    "take the one without a bound, else the largest.",
    CODE: "Compression is the cost of labels that are sent one by one over that of sending them "
    "by a probe which learns on the way: 1 where nothing is learned, below 1 where the probe is "
    "surer than it is right, as with few items and many dimensions.",
    TREE: "UUAS is the share of the undirected edges of a tree that a learned distance finds; the "
    "linear chain joins each word to the next. Dspr and nspr are rank correlations of distances "
    "and of depths, averaged over sentences of 5 to 50 words.",
    EDGE: "The edge probe may use layers 0 to l; the expected layer is where its score rises, the "
    "centre of gravity where its mix of all layers lies.",
}


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was probed."""
    found = probings(evidence)
    if not found:
        return None
    drawn = [figure.draw(evidence), *probed.draw(evidence)]
    kinds = [kind for kind in NOTES if any(each.kind == kind for each in found)]
    tasks = dict.fromkeys(each.task for each in found)
    by_task = {task: [each for each in found if each.task == task] for task in tasks}
    has_cards = bool(cards.cards(evidence))
    return Section(
        "Probes by layer",
        "probes",
        items=tuple(
            Item(f"{each.task}, {each.probe} probe", _best(each)) for each in firsts(found)
        ),
        figures=tuple(each for each in drawn if each),
        widgets=("slider",) if probe_scores.build(evidence) else (),
        parts=tuple(Part(task, tables=_tables(own)) for task, own in by_task.items()),
        notes=(*(NOTES[kind] for kind in kinds), BEST),
        link=Link("Probe cards: every representation on every task", cards.PAGE)
        if has_cards
        else None,
    )


def _tables(found: list[Probing]) -> tuple[Table, ...]:
    """Of one task: classifiers in one table for each metric, others in their own."""
    metrics: dict[str, list[Probing]] = {}
    for each in found:
        if each.kind == CLASSIFIER:
            metrics.setdefault(each.metric, []).append(each)
    tables = []
    for group in metrics.values():
        tables += [probe_tables.best(group), probe_tables.classified(group)]
    tables += [TABLES[each.kind](each) for each in found if each.kind in TABLES]
    return tuple(tables)


def _best(each: Probing) -> str:
    """The best layer of the best representations, then the baselines."""
    metric = each.metric
    best = []
    for system, group in each.scores.by("system").items():
        layers = group.by("layer")
        means = {layer: summary.mean for layer, g in layers.items() if (summary := g.summary())}
        top = max(means, key=lambda layer: means[layer])
        at = f" (layer {top} of 0 to {len(means) - 1})" if len(means) > 1 else ""
        best.append((means[top], f"{system} {numbers.value(metric, means[top])}{at}"))
    best.sort(key=lambda pair: -pair[0])
    text = f"{numbers.name(metric)} {numbers.some([named for _, named in best], SHOWN)}"
    if len(best) > SHOWN + 1:
        text += f", down to {numbers.value(metric, best[-1][0])}"
    stands = _stands(each)
    return f"{text}; baselines: {numbers.listing(stands)}." if stands else f"{text}."


def _stands(each: Probing) -> list[str]:
    """Baselines with their values."""
    chain = each.rows.where(metric=CHAIN).values()[:1]
    found = [f"linear chain {numbers.value(each.metric, value)}" for value in chain]
    base = each.base.where(metric=each.metric).real()
    for name, group in base.by("representation").items():
        if summary := group.summary():
            found.append(f"{numbers.name(name)} {numbers.value(each.metric, summary.mean)}")
    return found
