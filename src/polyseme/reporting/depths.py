"""Which layer a linear probe reads best, and which layers cannot be told apart from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from polyseme.reporting.collect import Evidence
from polyseme.reporting.outcomes import TaskOutcomes
from polyseme.reporting.probing import CLASSIFIER, probings
from polyseme.stats.differences import Difference
from polyseme.stats.ranking import Ranking, Rival, rank, together

LEAST, LINEAR, INPUT = 2, "linear", "0"


@dataclass(frozen=True)
class Depth:
    """Where a linear probe reads a task from a contextual representation.

    Attributes:
        num_layers: L, the input among them.
        ranking: of the layers, by accuracy on final data.
    """

    task: str
    metric: str
    system: str
    num_layers: int
    ranking: Ranking

    @property
    def best(self) -> int:
        """Number of the best layer; 0 is the input."""
        return int(self.ranking.leader)

    @property
    def num_pairs(self) -> int:
        """Of layers, each compared."""
        return self.num_layers * (self.num_layers - 1) // 2

    @property
    def over_input(self) -> Rival | None:
        """Layer 0, behind the best; None where it is the best."""
        return next((rival for rival in self.ranking.rivals if rival.name == INPUT), None)


def depths(evidence: Evidence) -> list[Depth]:
    """One for each task of a linear probe and contextual representation of several layers.

    All pairs of layers of a representation on a task are compared, by seeds and items where the
    answers were kept; the p values of all tasks are one family.
    """
    static, found = set(evidence.static()), []
    for each in probings(evidence):
        if each.kind == CLASSIFIER and each.probe == LINEAR:
            kept = evidence.probed.of(each.task, each.probe)
            for system in (name for name in evidence.ordered() if name not in static):
                by_layer = each.scores.where(system=system).by("layer")
                layers = {str(layer): of.by_seed() for layer, of in by_layer.items() if of}
                if len(layers) >= LEAST:
                    ranking = rank(layers, compare=partial(_compared, kept, system))
                    found.append(Depth(each.task, each.metric, system, len(layers), ranking))
    rankings = together([depth.ranking for depth in found])
    return [replace(depth, ranking=r) for depth, r in zip(found, rankings, strict=True)]


def _compared(kept: TaskOutcomes | None, system: str, first: str, second: str) -> Difference | None:
    return kept.compare((system, first), (system, second)) if kept else None
