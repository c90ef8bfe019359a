"""Which system is best, and which cannot be told apart from the best.

The leader has the best mean. Every other system is compared with it
(`polyseme.stats.differences`). Which one leads is known from the same data, so the family of
comparisons is that of all pairs of a table; their p values are corrected together (Holm 1979), and
a system is tied with the leader where its own stays above 5 %. Being tied is not transitive, so
only ties with the leader are stated, never groups further down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from polyseme.stats.differences import Difference, difference, holm
from polyseme.stats.seeds import LEVEL, Summary, summarize

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
    """The leader and its rivals, best mean first.

    Attributes:
        others: p of the pairs without the leader, not corrected.
    """

    leader: str
    summary: Summary
    rivals: tuple[Rival, ...]
    others: tuple[float, ...] = ()

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

    All pairs are one family; where a table has several rankings, `together` makes one of all.

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

    def less(first: str, second: str) -> Difference | None:
        found = compare(first, second) if compare else None
        return found or by_seeds(systems[first], systems[second])

    rivals = []
    for name in others:
        behind = less(leader, name)
        rivals.append(Rival(name, summaries[name], behind and behind.times(sign)))
    pairs = (less(*pair) for pair in combinations(others, 2))
    known = tuple(found.p for found in pairs if found and found.p is not None)
    return together([Ranking(leader, summaries[leader], tuple(rivals), known)])[0]


def by_seeds(first: Values, second: Values) -> Difference | None:
    """First less second over the seeds that both have; None where they share none."""
    common = sorted(first.keys() & second.keys())
    if not common:
        return None
    return difference([first[seed] - second[seed] for seed in common], None, None)


def together(rankings: Sequence[Ranking]) -> list[Ranking]:
    """The same rankings, with p corrected for all pairs of each."""
    own = [rival.behind.p if rival.behind else None for of in rankings for rival in of.rivals]
    corrected = iter(holm([*own, *(p for of in rankings for p in of.others)]))
    return [
        replace(of, rivals=tuple(replace(rival, p=next(corrected)) for rival in of.rivals))
        for of in rankings
    ]
