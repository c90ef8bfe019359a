"""How a representation came to be: what its card and the record of its stage tell of the price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STAGES = ("static", "pretrain", "external")
"""Stages that make a representation."""
ELSEWHERE = "external"
"""The one whose time is that of a download, and not that of the training."""
NUM_BYTES = "num_bytes"


@dataclass(frozen=True)
class Made:
    """One representation.

    Attributes:
        card: what lies beside its weights.
        stage: that made it; blank where no record tells.
        record: of that stage.
        served: what `polyseme.invariance.latency` has measured, and with how many `threads`.
    """

    card: Mapping[str, Any]
    stage: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    served: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """static or contextual."""
        return str(self.card["family"])

    @property
    def is_static(self) -> bool:
        """Whether it has one vector a type."""
        return self.family == "static"

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether somebody else has trained it."""
        return self.stage == ELSEWHERE

    @property
    def seconds(self) -> float | None:
        """Of pre-training; None where it is not known."""
        return None if self.is_from_elsewhere else self.record.get("seconds")

    @property
    def latency(self) -> float | None:
        """Milliseconds for one sentence, the median; None where it was not measured."""
        return self.served.get("median_ms")

    @property
    def costs(self) -> dict[str, int]:
        """Counts of the record: bytes and, of a static one, types and units of training."""
        return dict(self.record.get("costs", {}))

    @property
    def predicts(self) -> str:
        """What its losses are over; those of models that say the same compare."""
        return str(self.record.get("loss", {}).get("predicts", ""))

    @property
    def predictor(self) -> str:
        """The part that predicts, where it is not the representation itself."""
        return str(self.record.get("loss", {}).get("predictor", ""))


def find(card: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]], item: str) -> Made:
    """The representation of a card.

    Args:
        item: its part of the names of stages, `<corpus>-<representation>`.
    """
    for stage in STAGES:
        if record := records.get(f"{stage}@{item}"):
            return Made(card, stage, record)
    return Made(card)


def fill_costs(
    row: dict[str, Any], of: Made | None, records: Mapping[str, Mapping[str, Any]]
) -> None:
    """Put what the records tell into a row, in place; null where there is nothing.

    A pre-training row takes the seconds of its whole stage, a fine-tuning row those of its own
    cell, which the record keeps under `row_seconds` as task/strategy/train_size/seed, with the
    word `all` for the size of a cell that was trained on everything.

    Args:
        of: the representation of the row; None for a baseline.
    """
    row[NUM_BYTES] = of.costs.get(NUM_BYTES) if of else None
    if row["stage"] == "pretrain" and of:
        row["seconds"] = of.seconds
    elif row["stage"] == "finetune":
        item = f"{row['corpus']}-{row['representation']}"
        cells: dict[str, float] = {}
        for stage in ("finetune", "stack"):
            cells |= records.get(f"{stage}@{item}", {}).get("row_seconds", {})
        keys = [
            "/".join(map(str, (row["task"], row["strategy"], size, row["seed"])))
            for size in (row["train_size"], "all")
        ]
        row["seconds"] = next((cells[key] for key in keys if key in cells), None)
