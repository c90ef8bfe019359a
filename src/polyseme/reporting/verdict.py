"""Outcome of `make verify`, as verify.py finds it and as the terminal shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

STATUSES = ("identical", "within tolerance", "differs", "missing", "new")
LISTED = ("differs", "missing", "within tolerance", "new")


@dataclass(frozen=True)
class Item:
    """One artifact or metric: what it is, how it compares, and a word about the difference."""

    name: str
    status: str
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """Outcome of a comparison.

    Attributes:
        artifacts, metrics: everything that was compared.
        differences: versions, hardware and ways of running that are not those of the committed
            report, one line each; they explain other bytes.
        changes: params that are not those of the committed report: another experiment.
    """

    experiment: str
    against: str
    artifacts: list[Item] = field(default_factory=list)
    metrics: list[Item] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """identical, within tolerance or differs."""
        artifacts = {item.status for item in self.artifacts} - {"new"}
        metrics = {item.status for item in self.metrics} - {"new"}
        if self.changes or "missing" in artifacts | metrics or "differs" in metrics:
            return "differs"
        if "differs" in artifacts and not self.differences:
            return "differs"
        return "identical" if artifacts | metrics <= {"identical"} else "within tolerance"

    @property
    def exit_code(self) -> int:
        """0: identical or within tolerance; 1: differs."""
        return int(self.status == "differs")

    def summary(self) -> str:
        """For the terminal: counts, then what explains, then every item that is not identical."""
        lines = [f"{self.experiment} against {self.against}: {self.status}", ""]
        lines.append("".join(f"{head:>18}" for head in ("", *STATUSES)))
        for kind, items in (("artifacts", self.artifacts), ("metrics", self.metrics)):
            counts = Counter(item.status for item in items)
            lines.append("".join(f"{cell:>18}" for cell in (kind, *(counts[s] for s in STATUSES))))
        for title, found in (
            ("not the committed experiment:", self.changes),
            ("not as in the committed report, which explains other bytes:", self.differences),
        ):
            if found:
                lines += ["", title, *(f"  {line}" for line in found)]
        for status in LISTED:
            if chosen := [i for i in self.artifacts + self.metrics if i.status == status]:
                lines += ["", f"{status}:"]
                lines += [f"  {item.name}  {item.detail}".rstrip() for item in chosen]
        return "\n".join(lines)
