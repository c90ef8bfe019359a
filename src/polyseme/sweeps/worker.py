"""One worker: asks for trials, runs them, tells what came out, until all are done."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from polyseme import paths
from polyseme.errors import ConfigError, NumericsError, PolysemeError, PreemptedError
from polyseme.runtime import preempt, settings
from polyseme.sweeps import claims, jobs, measure, process
from polyseme.sweeps.claims import Claim, Claims
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.process import Finished, StageFailed
from polyseme.sweeps.setup import Ready
from polyseme.tracking.local import Tracker, open_tracker

WAIT_SECONDS = 0.5
FAILS = (ConfigError.exit_code, NumericsError.exit_code)
"""Exit codes of a stage that say that the values are to blame; others end the worker."""


@dataclass
class Outcome:
    """What a trial left.

    Attributes:
        digest: of its last stage; the same values leave the same.
        seconds: of its stages, when they ran.
        cached: whether no stage had to run.
    """

    values: list[float]
    digest: str = ""
    seconds: float = 0.0
    cached: bool = True
    stages: list[Finished] = field(default_factory=list)


class Worker:
    """Runs trials of a sweep.

    Args:
        root: folder of the project.
    """

    def __init__(
        self, name: str, sweep: Sweep, families: Mapping[str, Ready], root: Path = Path()
    ) -> None:
        self.name, self.sweep, self.families, self.root = name, sweep, families, root.resolve()

    def work(self, studies: Mapping[str, optuna.Study]) -> None:
        """Run trials until there are none, waiting for those of other workers.

        Raises:
            PolysemeError: what no other trial would mend; the trial is given back.
            PreemptedError: the signal of a scheduler has come; likewise.
        """
        line = Claims(self.sweep, studies)
        while not line.is_done():
            if preempt.asked():
                raise PreemptedError("preempted", mend="the same command continues it")
            claim = line.next()
            if claim is None:
                time.sleep(WAIT_SECONDS)
                continue
            try:
                self._run(claim)
            except BaseException:
                claims.give_back(claim.study, claim.study.trials[claim.trial.number])
                raise

    def _run(self, claim: Claim) -> None:
        trial, label = claim.trial, f"{claim.family} trial {claim.trial.number}"
        tracker = self._tracker(f"{claim.family}-{trial.number}", claim.family, trial.params)
        pulse = _Pulse(trial)
        state, reason, outcome = TrialState.COMPLETE, "", Outcome([])
        try:
            outcome = self.trial(
                claim.family, trial.params, _Report(self.sweep, trial, tracker), pulse
            )
            trial.set_user_attr("digest", outcome.digest)
            trial.set_user_attr("seconds", round(outcome.seconds, 3))
            trial.set_user_attr("cached", outcome.cached)
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except (StageFailed, ConfigError) as error:
            if isinstance(error, StageFailed) and error.exit_code not in (
                *FAILS,
                process.KILLED + 9,
            ):
                raise
            if isinstance(error, ConfigError) and error.where.startswith("conf/sweep"):
                raise
            state, reason = TrialState.FAIL, str(error)
            trial.set_user_attr("reason", reason)
        self._tell(claim, state, outcome)
        tracker.summary(self._summary(state, reason, outcome))
        tracker.finish(0 if state == TrialState.COMPLETE else 1)
        print(f"{label}: {self._said(state, reason, outcome)}", file=sys.stderr)

    def _tell(self, claim: Claim, state: TrialState, outcome: Outcome) -> None:
        """Tell the study, unless another worker has given the trial away meanwhile."""
        now = claim.study.trials[claim.trial.number]
        if now.state != TrialState.RUNNING:
            print(f"trial {now.number}: was taken for lost and repeated", file=sys.stderr)
            return
        values = outcome.values if state == TrialState.COMPLETE else None
        claim.study.tell(claim.trial, values, state)

    def _summary(self, state: TrialState, reason: str, outcome: Outcome) -> dict[str, Any]:
        values = dict(zip(self.sweep.objectives, outcome.values, strict=False))
        return values | {"state": state.name, "reason": reason, "seconds": outcome.seconds}

    def _said(self, state: TrialState, reason: str, outcome: Outcome) -> str:
        if state != TrialState.COMPLETE:
            return f"{state.name.lower()} {reason}".strip()
        pairs = zip(self.sweep.objectives, outcome.values, strict=True)
        text = ", ".join(f"{key} {value:.6g}" for key, value in pairs)
        return text + (" (was there)" if outcome.cached else f" in {outcome.seconds:.1f} s")

    def trial(self, family: str, values: Mapping[str, Any], report: Any, pulse: Any) -> Outcome:
        """Run the stages of a trial, as far as they have not run anywhere.

        Args:
            report: called with each row of held-out loss.
            pulse: called often.

        Raises:
            ConfigError: values that do not go together, or an objective that nothing writes.
            StageFailed: as the stage says.
        """
        ready = self.families[family]
        ready.check(values)
        made: dict[str, Path] = {}
        outcome = Outcome([])
        for entry in ready.entries(values):
            place = jobs.place(entry, made, self.root)
            done = process.run(place, self.root, report, pulse)
            made |= done.outs
            outcome.stages.append(done)
            outcome.digest = place.digest
            outcome.seconds += float(done.record.get("seconds", 0.0))
            outcome.cached &= done.was_there
        outcome.values = [
            measure.measure(self.name, key, objective, outcome.stages)
            for key, objective in self.sweep.objectives.items()
        ]
        return outcome

    def alone(self, family: str, values: Mapping[str, Any]) -> Outcome:
        """A trial that is in no study."""
        tracker = self._tracker(f"{family}-alone", family, values)
        code = 1
        try:
            looks = itertools.count(1)
            outcome = self.trial(
                family, values, lambda row: tracker.log(row, step=next(looks)), lambda: None
            )
            tracker.summary(self._summary(TrialState.COMPLETE, "", outcome))
            code = 0
        finally:
            tracker.finish(code)
        return outcome

    def _tracker(self, label: str, family: str, values: Mapping[str, Any]) -> Tracker:
        """History of the trial; the group of its mirror is the sweep."""
        runtime = settings.read(self.families[family].params["runtime"])
        return open_tracker(
            self.root / paths.SCRATCH / "tracking",
            experiment=f"sweep-{self.name}",
            stage=f"trial@{label}",
            params=values,
            mode=runtime.tracking,
            tags=[family],
        )


class _Pulse:
    """Beats now and then."""

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial, self.number, self.last = trial, 0, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self.last > claims.BEAT_SECONDS:
            self.number, self.last = self.number + 1, time.monotonic()
            claims.beat(self.trial, self.number)


class _Report:
    """Notes looks at held-out loss, and ends a trial that looks bad."""

    def __init__(self, sweep: Sweep, trial: optuna.Trial, tracker: Tracker) -> None:
        self.sweep, self.trial, self.tracker = sweep, trial, tracker
        self.look = 0
        goal = next(iter(sweep.objectives.values())).goal
        self.sign = 1.0 if goal == "minimize" else -1.0

    def __call__(self, row: dict[str, float]) -> None:
        self.look += 1
        self.tracker.log(row, step=self.look)
        if self.sweep.pruner.kind == "none":
            return
        self.trial.report(self.sign * row[self.sweep.pruner.watch], self.look)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def explain(error: Exception, url: str) -> PolysemeError | None:
    """The line about a storage that went away while the sweep ran; None: it is something else."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    from polyseme.sweeps.storage import unreachable

    is_storage = isinstance(error, StorageInternalError | SQLAlchemyError)
    return unreachable(url, error) if is_storage else None
