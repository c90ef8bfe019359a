"""Which system is best, and which cannot be told apart from the best.

The leader has the best mean. Every other system is compared with it
(`polyseme.stats.differences`); the p values of all comparisons that a table makes are corrected
together (Holm 1979), and a system is tied with the leader where its own stays above 5 %. Being tied
is not transitive, so only ties with the leader are stated, never groups further down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from polyseme.stats.differences import LEVEL, Difference, difference, holm
from polyseme.stats.seeds import Summary, summarize

Values = Mapping[int, float]
"""One measure by seed."""
Compare = Callable[[str, str], Difference | None]
"""First less second system."""


@dataclass(frozen=True)
class Rival:
    """A system that is not the leader.

    Attributes:
        behind: leader less system, oriented so that above 0 is worse; None without a common seed.
        p: of this difference, corrected for the others of its family; None where it has none.
    """

    name: str
    summary: Summary
    behind: Difference | None
    p: float | None = None

    @property
    def tied(self) -> bool:
        """Whether the leader cannot be told apart from it."""
        return self.p is None or self.p > 1 - LEVEL


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
    systems: Mapping[str, Values],
    *,
    lower_is_better: bool = False,
    compare: Compare | None = None,
) -> Ranking:
    """Rank `systems`, each the values of one measure by seed; equal means go by name.

    The comparisons with the leader are one family; where a table has several rankings, `together`
    makes one of all.

    Args:
        compare: two systems by seeds and items; where it is missing or gives None, seeds decide.

    Raises:
        ValueError: no systems, or one without values.
    """
    if not systems:
        raise ValueError("no systems to rank")
    sign = -1.0 if lower_is_better else 1.0
    summaries = {name: summarize(list(values.values())) for name, values in systems.items()}
    leader, *others = sorted(summaries, key=lambda name: (-sign * summaries[name].mean, name))
    rivals = []
    for name in others:
        behind = compare(leader, name) if compare else None
        behind = behind or by_seeds(systems[leader], systems[name])
        rivals.append(Rival(name, summaries[name], behind and behind.times(sign)))
    return together([Ranking(leader, summaries[leader], tuple(rivals))])[0]


def by_seeds(first: Values, second: Values) -> Difference | None:
    """First less second over the seeds that both have; None where they share none."""
    common = sorted(first.keys() & second.keys())
    if not common:
        return None
    return difference([first[seed] - second[seed] for seed in common], None, None)


def together(rankings: Sequence[Ranking]) -> list[Ranking]:
    """The same rankings, with p corrected for all their comparisons."""
    known = [
        r.behind.p for of in rankings for r in of.rivals if r.behind and r.behind.p is not None
    ]
    corrected = iter(holm(known))
    return [
        replace(
            of,
            rivals=tuple(
                replace(r, p=next(corrected)) if r.behind and r.behind.p is not None else r
                for r in of.rivals
            ),
        )
        for of in rankings
    ]
