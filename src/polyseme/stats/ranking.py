"""Which system is best, and which cannot be told apart from the best.

The leader has the best mean. Every other system is compared with it seed by seed
(`polyseme.stats.seeds.paired`); those whose interval includes 0 are tied with it. Being tied is
not transitive, so only ties with the leader are stated, never groups further down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from polyseme.stats.seeds import LEVEL, Summary, paired, summarize


@dataclass(frozen=True)
class Rival:
    """A system that is not the leader; `behind` is leader minus system, oriented: > 0 = worse."""

    name: str
    summary: Summary
    behind: Summary | None

    @property
    def tied(self) -> bool:
        """Whether the leader cannot be told apart from it."""
        return self.behind is None or self.behind.includes_zero


@dataclass(frozen=True)
class Ranking:
    """The leader and its rivals, best mean first."""

    leader: str
    summary: Summary
    rivals: tuple[Rival, ...]

    @property
    def tied(self) -> tuple[Rival, ...]:
        """Rivals that cannot be told apart from the leader."""
        return tuple(rival for rival in self.rivals if rival.tied)

    @property
    def beaten(self) -> tuple[Rival, ...]:
        """Rivals that the leader is better than."""
        return tuple(rival for rival in self.rivals if not rival.tied)


def rank(
    systems: Mapping[str, Mapping[int, float]],
    *,
    lower_is_better: bool = False,
    level: float = LEVEL,
) -> Ranking:
    """Rank `systems`, each the values of one measure by seed; equal means go by name.

    Raises:
        ValueError: no systems, or one without values.
    """
    if not systems:
        raise ValueError("no systems to rank")
    sign = -1.0 if lower_is_better else 1.0
    summaries = {name: summarize(list(values.values())) for name, values in systems.items()}
    order = sorted(summaries, key=lambda name: (-sign * summaries[name].mean, name))
    leader = {seed: sign * value for seed, value in systems[order[0]].items()}
    rivals = []
    for name in order[1:]:
        values = {seed: sign * value for seed, value in systems[name].items()}
        rivals.append(Rival(name, summaries[name], paired(leader, values, level=level)))
    return Ranking(order[0], summaries[order[0]], tuple(rivals))
