"""Which items a report is about: the names lists of the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Names of the selected conf items, in the order in which the report shows them."""

    corpora: tuple[str, ...] = ()
    """Corpora that representations were trained on."""
    representations: tuple[str, ...] = ()
    """Static embeddings and language models."""
    tasks: tuple[str, ...] = ()
    """Tasks, those that nothing is trained for among them."""
    probes: tuple[str, ...] = ()
    """Probes; none means that no probe stage ran."""
    strategies: tuple[str, ...] = ()
    """Transfer strategies; none means that no fine-tuning stage ran."""
    stacked: tuple[str, ...] = ()
    """Representations that were also measured with another one beside them."""
    intrinsic: tuple[str, ...] = ()
    """Measures without training."""
    baselines: tuple[str, ...] = ()
    """Baselines that look at no representation; none means that no baseline stage ran."""

    def pairs(self) -> list[tuple[str, str]]:
        """Every (corpus, representation)."""
        return [(corpus, name) for corpus in self.corpora for name in self.representations]


def select(params: Mapping[str, Any]) -> Selection:
    """The selection that the declared params of the report stage make."""
    return Selection(
        corpora=tuple(params["corpora"]),
        representations=tuple(params["representations"]),
        tasks=tuple(params["tasks"]),
        strategies=tuple(params["strategy"]),
        stacked=tuple(params["stacked"]),
        probes=tuple(params["probe"]),
        intrinsic=tuple(params["intrinsic"]),
        baselines=tuple(params["baseline"]),
    )
