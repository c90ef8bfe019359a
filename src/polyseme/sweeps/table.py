"""All trials as one table, and the expected best by number of trials."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from polyseme.sweeps import expected
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.expected import Expected
from polyseme.sweeps.samplers import LOST, RETRY_OF, SURPLUS

TRIALS = pa.schema(
    [
        ("family", pa.string()),
        ("trial", pa.int64()),
        ("place", pa.int64()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("params", pa.string()),
        ("objective", pa.string()),
        ("goal", pa.string()),
        ("value", pa.float64()),
        ("best_so_far", pa.float64()),
        ("is_front", pa.bool_()),
        ("looks", pa.int64()),
        ("last_look", pa.float64()),
        ("seconds", pa.float64()),
        ("digest", pa.string()),
    ]
)
EXPECTED = pa.schema(
    [
        ("family", pa.string()),
        ("objective", pa.string()),
        ("trials", pa.int64()),
        ("mean", pa.float64()),
        ("sd", pa.float64()),
        ("unbiased", pa.float64()),
    ]
)
DICTIONARY = {
    "family": "name in the sweep's file",
    "trial": "number in the study; repeated ones (their worker died) have a new number",
    "place": "how many trials of the family came before",
    "state": "complete, pruned or fail",
    "reason": "why it failed, in the stage's words",
    "params": "values of the search space, as JSON",
    "objective": "name in the sweep's file; one row for each",
    "goal": "minimize or maximize",
    "value": "of the objective; null where the trial is not complete",
    "best_so_far": "the best value of this and earlier trials of the family",
    "is_front": "whether no other trial of the family is at least as good in all objectives and "
    "better in one; with one objective: whether it is the best",
    "looks": "looks at held-out loss, where a pruner watched them",
    "last_look": "the last of them, of the value that the pruner watches",
    "seconds": "that the stages took when they ran; the one column that differs between equal runs",
    "digest": "of the last stage: its folder below .polyseme/sweeps/stages",
}


def trials_of(study: Study) -> list[FrozenTrial]:
    """Trials that have ended and count, in order."""
    trials = study.get_trials(deepcopy=False)
    return [
        t for t in trials if t.state.is_finished() and not {LOST, SURPLUS} & t.user_attrs.keys()
    ]


def front_of(study: Study) -> list[FrozenTrial]:
    """The trials that no other one beats in all objectives; with one, the first of the best."""
    from polyseme.sweeps.promote import best

    if len(study.directions) > 1:
        return sorted(study.best_trials, key=lambda trial: trial.number)
    done = any(t.state == TrialState.COMPLETE for t in trials_of(study))
    return [best(study)] if done else []


def rows(sweep: Sweep, studies: Mapping[str, Study]) -> list[dict[str, Any]]:
    """One row a trial and objective."""
    found = []
    for family, study in studies.items():
        front = {trial.number for trial in front_of(study)}
        trials = trials_of(study)
        for at, (name, objective) in enumerate(sweep.objectives.items()):
            better = min if objective.goal == "minimize" else max
            best: float | None = None
            for place, trial in enumerate(trials):
                value = trial.values[at] if trial.state == TrialState.COMPLETE else None
                if value is not None:
                    best = value if best is None else better(best, value)
                found.append(
                    _row(family, trial, place)
                    | {
                        "objective": name,
                        "goal": objective.goal,
                        "value": value,
                        "best_so_far": best,
                        "is_front": trial.number in front,
                    }
                )
    return found


def _row(family: str, trial: FrozenTrial, place: int) -> dict[str, Any]:
    looks = trial.intermediate_values
    last = looks[max(looks)] if looks else None
    return {
        "family": family,
        "trial": trial.number,
        "place": place,
        "state": trial.state.name.lower(),
        "reason": trial.user_attrs.get("reason"),
        "params": json.dumps(trial.params, sort_keys=True),
        "looks": len(looks) or None,
        "last_look": None if last is None or math.isnan(last) else abs(last),
        "seconds": trial.user_attrs.get("seconds"),
        "digest": trial.user_attrs.get("digest"),
    }


def curves(sweep: Sweep, studies: Mapping[str, Study]) -> dict[str, list[Expected]]:
    """Family -> expected best of 1, 2, ... trials in the first objective.

    A trial that was pruned or failed counts as the worst of its family: it was paid for, and has no
    value. A family without a complete trial has no curve.
    """
    objective = next(iter(sweep.objectives.values()))
    lower = objective.goal == "minimize"
    found = {}
    for family, study in studies.items():
        trials = trials_of(study)
        done = [trial.values[0] for trial in trials if trial.state == TrialState.COMPLETE]
        if done:
            worst = max(done) if lower else min(done)
            values = done + [worst] * (len(trials) - len(done))
            found[family] = expected.curve(values, lower_is_better=lower)
    return found


def write(
    folder: Path,
    sweep: Sweep,
    table: Sequence[Mapping[str, Any]],
    found: Mapping[str, list[Expected]],
) -> None:
    """trials.parquet and expected.parquet."""
    _write(folder / "trials.parquet", table, TRIALS)
    objective = next(iter(sweep.objectives))
    _write(
        folder / "expected.parquet",
        [
            {"family": family, "objective": objective} | point._asdict()
            for family, points in found.items()
            for point in points
        ],
        EXPECTED,
    )


def _write(path: Path, found: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    columns = {name: [row.get(name) for row in found] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), path)


def retried(study: Study) -> int:
    """Trials that repeat a lost one."""
    return sum(RETRY_OF in trial.user_attrs for trial in study.get_trials(deepcopy=False))
