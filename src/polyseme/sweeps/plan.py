"""What a sweep will take, from what its stages took before; and whether to begin.

Seconds and bytes are those of the run records and artifacts of the project: pre-training is scaled
by its budget in words, fine-tuning adds up the cells that the trials keep. Trials of the study that
have ended say it better, and count instead once there are some.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.study import Study
from optuna.trial import TrialState

from polyseme import paths
from polyseme.errors import ConfigError
from polyseme.reporting import numbers
from polyseme.runtime import manifest
from polyseme.sweeps.claims import Claims
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.jobs import Entry
from polyseme.sweeps.setup import Ready


@dataclass(frozen=True)
class Cost:
    """Of one trial; None where nothing is known."""

    seconds: float | None
    num_bytes: float | None
    source: str


@dataclass(frozen=True)
class Line:
    """Of one family."""

    family: str
    trials: int
    left: int
    cost: Cost


def lines(
    sweep: Sweep, families: Mapping[str, Ready], studies: Mapping[str, Study], root: Path
) -> list[Line]:
    """The plan, one line a family."""
    claims = Claims(sweep, studies)
    found = []
    for name, family in families.items():
        ended = sum(trial.state.is_finished() for trial in claims.taken(name))
        budget = claims.budget(name)
        cost = cost_of(sweep, family, studies[name], root)
        found.append(Line(name, budget, max(0, budget - ended), cost))
    return found


def cost_of(sweep: Sweep, family: Ready, study: Study, root: Path) -> Cost:
    """What a trial of the family takes."""
    entries = family.entries({})
    sizes = [_bytes(entry, root) for entry in entries]
    num_bytes = None if None in sizes else math.fsum(s for s in sizes if s is not None)
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    seconds = [t.duration.total_seconds() for t in done if t.duration]
    if seconds:
        return Cost(math.fsum(seconds) / len(seconds), num_bytes, f"{len(seconds)} trials")
    parts = [_seconds(sweep, entry, root) for entry in entries]
    if None in parts:
        missing = entries[parts.index(None)].job.name
        return Cost(None, num_bytes, f"no record of {missing}")
    return Cost(math.fsum(p for p in parts if p is not None), num_bytes, "run records")


def _record(entry: Entry, root: Path) -> dict[str, Any]:
    path = root / paths.run_record(entry.job.args[0], entry.job.name)
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text()))
    return {}


def _seconds(sweep: Sweep, entry: Entry, root: Path) -> float | None:
    record = _record(entry, root)
    cells = record.get("row_seconds")
    if cells is not None:
        return math.fsum(s for key, s in cells.items() if _is_kept(key, entry.params))
    seconds = record.get("seconds")
    if seconds is None or entry.job.kind not in ("pretrain", "static"):
        return seconds
    return float(seconds) * _share(sweep, entry, root)


def _is_kept(key: str, params: Mapping[str, Any]) -> bool:
    task, strategy, size, seed = key.split("/")
    return (
        task in params["tasks"]
        and strategy in params["strategy"]
        and size in map(str, params["train_sizes"])
        and seed in map(str, params["seeds"])
    )


def _share(sweep: Sweep, entry: Entry, root: Path) -> float:
    """Budget in words against that of the run that was measured; 1 where it is not known."""
    model = entry.job.args[2]
    options = entry.params["lm" if entry.job.kind == "pretrain" else "static"][model]
    if options.get("budget_unit", "words") != "words" or "budget" not in options:
        return 1.0
    with suppress(OSError, ValueError, KeyError, ZeroDivisionError):
        card = root / paths.model(sweep.experiment, sweep.corpus, model) / "representation.json"
        return float(options["budget"]) / float(json.loads(card.read_text())["config"]["budget"])
    return 1.0


def _bytes(entry: Entry, root: Path) -> float | None:
    """Of the folders that the stage wrote when it was measured."""
    folders = [root / out for out in entry.outs if not out.endswith(".json")]
    if not all((folder / manifest.NAME).exists() for folder in folders):
        return None
    files = [each for folder in folders for each in manifest.read(folder)["files"].values()]
    return float(sum(file["bytes"] for file in files))


def text(name: str, sweep: Sweep, plan: Sequence[Line], workers: int, where: str) -> str:
    """The plan as lines for the screen."""
    told = [f"sweep {name}: {sweep.sampler}, study in {where}"]
    for line in plan:
        cost = line.cost
        each = numbers.duration(cost.seconds) if cost.seconds is not None else "unknown time"
        size = numbers.size(cost.num_bytes) if cost.num_bytes is not None else "unknown size"
        ended = line.trials - line.left
        told.append(
            f"  {line.family}: {line.trials} trials, {ended} done; a trial about {each}, {size}"
            f" ({cost.source})"
        )
    seconds = [line.left * line.cost.seconds for line in plan if line.cost.seconds is not None]
    sizes = [line.left * line.cost.num_bytes for line in plan if line.cost.num_bytes is not None]
    whole = numbers.duration(math.fsum(seconds) / workers) if len(seconds) == len(plan) else "?"
    disk = numbers.size(math.fsum(sizes)) if len(sizes) == len(plan) else "?"
    left = sum(line.left for line in plan)
    told.append(f"  to do: {left} trials, about {whole} with {workers} worker(s), {disk} of disk")
    return "\n".join(told)


def confirm(question: str, *, yes: bool) -> bool:
    """Ask, unless `yes`.

    Raises:
        ConfigError: there is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError(
            "no terminal to ask on", where=question.rstrip("?"), mend="--yes begins unasked"
        )
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
