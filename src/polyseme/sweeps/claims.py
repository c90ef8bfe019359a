"""Who runs which trial.

A trial belongs to the worker that asked for it, which says so in the study, with a beat every
BEAT_SECONDS. A worker that is gone leaves its trial running in the study: on the same machine its
process is looked for, elsewhere a beat that does not change for PATIENCE_SECONDS, by the clock of
who waits, says that it is lost. A lost trial fails, and one with the same values is put in line.

Each family gets exactly its number of trials: lost ones and those that two workers began at once
for the same last place do not count.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.samplers import LOST, RETRY_OF, SURPLUS, grid_size
from polyseme.sweeps.storage import require_clock

BEAT_SECONDS, PATIENCE_SECONDS = 10.0, 60.0
OWNER, BEAT = "owner", "beat"


class Claim(NamedTuple):
    """A trial to run."""

    family: str
    study: Study
    trial: Trial


@cache
def machine() -> str:
    """This machine since it was started, and its space of process numbers."""
    parts = [os.uname().nodename]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


def owner() -> dict[str, Any]:
    """This process."""
    process = psutil.Process()
    return {"machine": machine(), "pid": process.pid, "started": process.create_time()}


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial takes one of the family's places."""
    return LOST not in trial.user_attrs and SURPLUS not in trial.user_attrs


class Claims:
    """Trials still to be run."""

    def __init__(self, sweep: Sweep, studies: Mapping[str, Study]) -> None:
        self.sweep, self.studies = sweep, studies
        self.space = {
            name: {key: domain.distribution() for key, domain in family.space.items()}
            for name, family in sweep.families.items()
        }
        self._seen: dict[tuple[str, int], tuple[Any, float]] = {}

    def budget(self, family: str) -> int:
        """Trials that a family gets: those of the grid where it has fewer."""
        size = grid_size(self.sweep.families[family].space)
        is_grid = self.sweep.sampler == "grid" and size is not None
        return min(self.sweep.trials, size or 1) if is_grid else self.sweep.trials

    def taken(self, family: str) -> list[FrozenTrial]:
        """Trials that take a place."""
        return [t for t in self.studies[family].get_trials(deepcopy=False) if counts(t)]

    def is_done(self) -> bool:
        """Whether all trials of all families have ended."""
        ended = {
            name: sum(trial.state.is_finished() for trial in self.taken(name))
            for name in self.studies
        }
        return all(ended[name] >= self.budget(name) for name in ended)

    def next(self) -> Claim | None:
        """A trial to run; None where there is none at the moment.

        Families take turns: the one with the fewest trials is next.
        """
        for study in self.studies.values():
            self._require_clock(study)
            self.give_back_lost(study)
        for family in self._open():
            study = self.studies[family]
            trial = study.ask(self.space[family])
            trial.set_user_attr(OWNER, owner())
            beat(trial, 0)
            if self._is_surplus(family, trial):
                trial.set_user_attr(SURPLUS, True)
                study.tell(trial, state=TrialState.FAIL)
                continue
            return Claim(family, study, trial)
        return None

    def _open(self) -> Iterator[str]:
        """Families with a place left or a trial in line."""
        taken = {name: self.taken(name) for name in self.studies}
        for name in sorted(taken, key=lambda name: len(taken[name])):
            waits = any(trial.state == TrialState.WAITING for trial in taken[name])
            if waits or len(taken[name]) < self.budget(name):
                yield name

    def _is_surplus(self, family: str, trial: Trial) -> bool:
        earlier = [each for each in self.taken(family) if each.number < trial.number]
        return len(earlier) >= self.budget(family)

    def give_back_lost(self, study: Study) -> None:
        """Fail the trials of workers that are gone, and put their values in line again."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._is_lost(study, trial):
                give_back(study, trial)

    def _is_lost(self, study: Study, trial: FrozenTrial) -> bool:
        who, sign = trial.user_attrs.get(OWNER), trial.user_attrs.get(BEAT)
        if who and who["machine"] == machine():
            return not _is_alive(who)
        seen, since = self._seen.get((study.study_name, trial.number), (None, 0.0))
        if (sign, True) != seen:
            self._seen[study.study_name, trial.number] = (sign, True), time.monotonic()
            return False
        return time.monotonic() - since > PATIENCE_SECONDS

    def _require_clock(self, study: Study) -> None:
        """That no other worker's beat lies in the future.

        Raises:
            ConfigError: the clock of this worker, or that of the other, is off.
        """
        latest = max(
            (
                t.user_attrs[BEAT][1]
                for t in study.get_trials(deepcopy=False)
                if BEAT in t.user_attrs
            ),
            default=0.0,
        )
        if latest > time.time():
            require_clock(latest, "another worker")


def _is_alive(who: Mapping[str, Any]) -> bool:
    try:
        process = psutil.Process(who["pid"])
        same = abs(process.create_time() - who["started"]) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def beat(trial: Trial, number: int) -> None:
    """Say that the trial's worker is there."""
    trial.set_user_attr(BEAT, [number, time.time()])


def give_back(study: Study, trial: FrozenTrial) -> None:
    """Fail a trial that its worker did not end, and put its values in line again.

    Of several who do so at once, one succeeds.
    """
    storage, number = study._storage, trial.number
    with suppress(UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial._trial_id, LOST, True)
        storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs={RETRY_OF: number})
