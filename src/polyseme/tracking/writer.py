"""Events of a local history as calls of a W&B run.

    log       history; x axis `words_seen` where it is logged. A held-out loss or score also has its
              best value in the summary (`valid_loss.min`, `valid_accuracy.max`)
    summary   summary
    table     W&B table of at most so many rows; `tables.<name>.left_out` in the summary
    media     the SVG as it is, in a small HTML file: no browser and no PNG is needed
    artifact  lineage by digest, one small file: weights stay where they are, equal digests are one
              version

Lineage offline (wandb 0.31): `log_artifact` works and is uploaded by `wandb sync`, `use_artifact`
raises TypeError in offline mode whatever it is given. So inputs are linked as used artifacts online
only; in both modes the summary holds `lineage.inputs` and `lineage.outputs`, name to digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polyseme.reporting.measurements import LOWER_IS_BETTER
from polyseme.tracking.local import MAX_ROWS
from polyseme.tracking.tables import cells

if TYPE_CHECKING:
    import wandb

X_AXIS = "words_seen"
HELD_OUT = "valid_"
HIGHER_IS_BETTER = ("accuracy", "f1", "spearman", "pearson", "matthews")
"""Last part of the name of a score."""
MAX_MEDIA_BYTES = 4_000_000
PAGE = '<!doctype html><meta charset="utf-8">\n{}\n'


class Writer:
    """Writes into one W&B run."""

    def __init__(self, run: wandb.Run, folder: Path, *, online: bool) -> None:
        self.run, self.folder, self.online = run, folder, online
        self.step = 0
        self.facts: dict[str, Any] = {}
        self._defined: set[str] = set()

    def write(self, event: dict[str, Any]) -> None:
        """Dispatch to the method named after the event."""
        getattr(self, event["event"])(event)

    def log(self, event: dict[str, Any]) -> None:
        """A row of history, at the time when it was logged."""
        metrics = {name: float(value) for name, value in event["metrics"].items()}
        self._define(metrics)
        self.step = event["step"]
        self._log(metrics, event)

    def _log(self, values: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        self.run.log({**values, "_timestamp": event["time"]}, step=self.step)

    def _define(self, metrics: Mapping[str, float]) -> None:
        """Axis and best value of the metrics that are new."""
        if X_AXIS in metrics and X_AXIS not in self._defined:
            self.run.define_metric(X_AXIS)
            self.run.define_metric("*", step_metric=X_AXIS)
        for name in metrics.keys() - self._defined:
            if kept := best(name):
                axis = X_AXIS if X_AXIS in metrics else None
                self.run.define_metric(name, step_metric=axis, summary=f"{kept},last")
        self._defined |= metrics.keys()

    def summary(self, event: dict[str, Any]) -> None:
        """Facts about the run."""
        self._state(event["values"])

    def _state(self, values: dict[str, Any]) -> None:
        self.facts |= values
        self.run.summary.update(values)

    def table(self, event: dict[str, Any]) -> None:
        """Some rows of a Parquet file, and how many are not there."""
        import wandb

        columns, data, left_out = cells(*table_arguments(event, self.folder))
        self._log({event["name"]: wandb.Table(columns=[*columns], data=data)}, event)
        counts = {"rows": len(data), "left_out": left_out}
        self._state({"tables": {**self.facts.get("tables", {}), event["name"]: counts}})

    def media(self, event: dict[str, Any]) -> None:
        """A figure; one that is too heavy is named in the summary instead."""
        import wandb

        path = self.folder / event["copy"]
        if path.stat().st_size > MAX_MEDIA_BYTES:
            left_out = [*self.facts.get("media_left_out", []), event["name"]]
            return self._state({"media_left_out": left_out})
        page = PAGE.format(path.read_text(encoding="utf-8"))
        self._log({event["name"]: wandb.Html(page, inject=False)}, event)

    def artifact(self, event: dict[str, Any]) -> None:
        """Lineage by digest."""
        import wandb

        name = re.sub(r"[^\w.-]+", "-", event["name"])
        artifact = wandb.Artifact(name, event["type"], metadata={"digest": event["digest"]})
        with artifact.new_file("digest.txt") as stream:
            stream.write(event["digest"] + "\n")
        if event["direction"] == "output":
            self.run.log_artifact(artifact)
        elif self.online:
            self.run.use_artifact(artifact)
        lineage = self.facts.get("lineage", {"inputs": {}, "outputs": {}})
        lineage[event["direction"] + "s"][event["name"]] = event["digest"]
        self._state({"lineage": lineage})

    def finish(self, exit_code: int, time: float | None = None) -> None:
        """End the run; what was stated about it outlasts a row of the same name."""
        stamp = {} if time is None else {"_timestamp": time}
        self.run.log(stamp, step=self.step, commit=True)
        self.run.summary.update(self.facts)
        self.run.finish(exit_code=exit_code)


def best(name: str) -> Literal["min", "max"] | None:
    """Which value of a logged metric is the best one; None where no value is, or it is no measure.

    Of training batches none is: they differ from each other.
    """
    if not name.startswith(HELD_OUT):
        return None
    name = name.removeprefix(HELD_OUT)
    if name in LOWER_IS_BETTER:
        return "min"
    return "max" if name.endswith(HIGHER_IS_BETTER) else None


def table_arguments(event: Mapping[str, Any], folder: Path) -> tuple[Path, list[str], int]:
    """File, groups and number of rows that `cells` takes; events of before had neither."""
    return folder / event["copy"], event.get("groups", []), event.get("most", MAX_ROWS)
