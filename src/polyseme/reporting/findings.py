"""Five findings of the literature: do the rows of this report show them, too?

Each compares two numbers. Where they are measured with several seeds, the finding holds if the
lowest seed of the one lies above the highest of the other, and does not if it is the other way
round. Where they are measured once for each of several representations or tasks, it holds if it
does for each of them, and does not if it does for none. Anything between, one seed alone, or
missing rows: it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.probing import EDGE, MIX, Probing, probings
from polyseme.reporting.seedwise import (
    FEWEST,
    best_layer,
    contextual,
    gap,
    selectivities,
    similarities,
    spread,
)

YES, NO, UNTOLD = "as expected", "not here", "cannot be told"
LINEAR, MLP, ANISOTROPY = "linear", "mlp", "anisotropy"
TAGS = ("cpos", "upos", "afrikaans_upos")
SENSES = ("senses", "coarse_senses", "all_words", "wic")
RELATIONS = ("trees", "heads", "afrikaans_heads", "deprel", "edges", "edge_deprel", "relations")
"""Tasks that the findings speak of."""


@dataclass(frozen=True)
class Expectation:
    """What is known, with its source."""

    name: str
    text: str


@dataclass(frozen=True)
class Finding:
    """What came out of an expectation.

    Attributes:
        here: in words and numbers.
        verdict: YES, NO or UNTOLD.
        was_measured: whether there are rows for it.
    """

    expected: Expectation
    here: str
    verdict: str = UNTOLD
    was_measured: bool = False


SELECTIVE = Expectation(
    "selectivity",
    "A linear probe is more selective than one with a hidden layer (Hewitt & Liang 2019)",
)
RANDOM = Expectation(
    "random weights",
    "Random weights come close to trained ones where the word type says most, as on parts of "
    "speech, and less close on senses and relations (Zhang & Bowman 2018; Hewitt & Liang 2019)",
)
ORDER = Expectation(
    "order of layers",
    "Parts of speech stand lower in a network than relations between words (Tenney et al. 2019)",
)
NARROW = Expectation(
    "anisotropy",
    "Vectors of upper layers point more alike than those of lower ones (Ethayarajh 2019)",
)
TYPES = Expectation(
    "word similarity",
    "Static vectors agree better with human similarity than a contextual model that is asked for "
    "words without context, and tables distilled from occurrences better than the same model "
    "(Bommasani et al. 2020)",
)


def findings(evidence: Evidence) -> list[Finding]:
    """All five, whether or not there are rows for them."""
    found = probings(evidence)
    linear = [each for each in found if each.probe == LINEAR]
    mlp = [each for each in found if each.probe == MLP]
    edge = [each for each in found if each.kind == EDGE]
    return [
        _selectivity(evidence, linear, mlp),
        _random_weights(evidence, linear),
        _order(evidence, linear, edge),
        _anisotropy(evidence),
        _similarity(evidence),
    ]


def verdict(differences: Iterable[float]) -> str:
    """What the sign of some differences says, which are positive where the finding holds."""
    found = list(differences)
    if found and min(found) > 0:
        return YES
    return NO if found and max(found) < 0 else UNTOLD


def apart(larger: Mapping[int, float], smaller: Mapping[int, float]) -> str:
    """Whether the ranges over seeds lie apart, and which way round."""
    if min(len(larger), len(smaller)) < FEWEST:
        return UNTOLD
    return verdict(a - b for a in larger.values() for b in smaller.values())


def _selectivity(evidence: Evidence, linear: list[Probing], mlp: list[Probing]) -> Finding:
    ours, theirs = selectivities(linear, mlp, frozenset(evidence.made))
    if not ours:
        return Finding(SELECTIVE, "no layer was read by both probes")
    here = f"selectivity {spread(ours)} of the linear probe, {spread(theirs)} of the mlp"
    return Finding(SELECTIVE, here, apart(ours, theirs), was_measured=True)


def _random_weights(evidence: Evidence, linear: list[Probing]) -> Finding:
    tags = gap(evidence, linear, TAGS)
    others = gap(evidence, linear, (*SENSES, *RELATIONS))
    if not tags or not others:
        return Finding(RANDOM, "no task of both kinds was probed")
    here = f"training adds {spread(tags)} to accuracy on parts of speech, {spread(others)} on "
    here += "senses and relations"
    return Finding(RANDOM, here, apart(others, tags), was_measured=True)


def _order(evidence: Evidence, linear: list[Probing], edge: list[Probing]) -> Finding:
    tags, relations = (best_layer(evidence, linear, tasks) for tasks in (TAGS, RELATIONS))
    if not tags or not relations:
        return Finding(ORDER, "no task of both kinds was probed by layer")
    here = f"best layer of the linear probe {spread(tags)} for parts of speech, "
    here += f"{spread(relations)} for relations"
    chosen = contextual(evidence)
    mixed = [row for each in edge for row in each.rows.where(layer=MIX) if row["system"] in chosen]
    for metric in ("centre_of_gravity", "expected_layer"):
        if summary := Measurements(mixed).where(metric=metric).summary():
            here += f"; {numbers.name(metric)} of edges {numbers.value(metric, summary.mean)}"
    return Finding(ORDER, here, apart(relations, tags), was_measured=True)


def _anisotropy(evidence: Evidence) -> Finding:
    """Last layer less the first, of each contextual representation."""
    ends = []
    rows = evidence.rows.where(stage="intrinsic", metric=ANISOTROPY).known()
    for system, group in rows.by("system").items():
        layers = {row["layer"]: row["value"] for row in group}
        if system in contextual(evidence) and len(layers) > 1:
            first, *_, last = sorted(layers, key=int)
            ends.append((layers[first], layers[last]))
    if not ends:
        return Finding(NARROW, "no anisotropy of several layers was measured")
    rises = [last - first for first, last in ends]
    low, high = (numbers.value("", sum(of) / len(of)) for of in zip(*ends, strict=True))
    here = f"it rises in {sum(rise > 0 for rise in rises)} of {len(rises)} representations, in the "
    here += f"mean from {low} in the first layer to {high} in the last"
    return Finding(NARROW, here, verdict(rises), was_measured=True)


def _similarity(evidence: Evidence) -> Finding:
    static, distilled = similarities(evidence)
    if not static and not distilled:
        return Finding(TYPES, "no word similarity of both kinds was measured")
    told = []
    for found, who, cases in (
        (static, "the best static one is better than the best contextual one", "tasks"),
        (distilled, "distilled is better than alone", "cases"),
    ):
        if found:
            mean = numbers.value("", sum(found) / len(found), signed=True)
            wins = f"in {sum(value > 0 for value in found)} of {len(found)} {cases}"
            told.append(f"{who} {wins} (mean difference {mean})")
    both = verdict([*static, *distilled]) if static and distilled else UNTOLD
    return Finding(TYPES, "; ".join(told), both, was_measured=True)
