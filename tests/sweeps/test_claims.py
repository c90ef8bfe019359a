"""Trials whose worker is gone, on this machine and elsewhere; clocks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.sweeps import toy

from polyseme.errors import ConfigError
from polyseme.sweeps import claims
from polyseme.sweeps.claims import Claims


def line(project: Path, **changes: Any) -> Claims:
    sweep = toy.read(toy.conf(**changes))
    return Claims(sweep, toy.opened(sweep, project))


def test_a_living_worker_keeps_its_trial(project: Path) -> None:
    waiting = line(project)
    mine = waiting.next()
    assert mine is not None
    line(project).give_back_lost(mine.study)
    assert mine.study.trials[0].state == TrialState.RUNNING


def test_a_trial_of_a_process_that_is_gone_is_repeated_at_once(project: Path) -> None:
    first = line(project).next()
    assert first is not None
    gone = claims.owner() | {"started": 1.0}
    first.trial.set_user_attr(claims.OWNER, gone)
    second = line(project).next()
    assert second is not None
    assert second.trial.params == first.trial.params
    assert second.study.trials[0].state == TrialState.FAIL
    assert second.trial.user_attrs["retry_of"] == 0


def test_elsewhere_a_beat_that_stands_still_gives_the_trial_away(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "PATIENCE_SECONDS", 0.2)
    first = line(project).next()
    assert first is not None
    first.trial.set_user_attr(claims.OWNER, claims.owner() | {"machine": "another"})
    waiting = line(project, trials=1)
    for number in range(1, 5):  # as long as it beats, it keeps it
        assert waiting.next() is None
        time.sleep(0.1)
        claims.beat(first.trial, number)
    assert waiting.next() is None
    time.sleep(0.3)
    second = waiting.next()
    assert second is not None
    assert second.trial.params == first.trial.params


def test_of_several_who_find_a_lost_trial_one_repeats_it(project: Path) -> None:
    first = line(project).next()
    assert first is not None
    stale = first.study.get_trials()[0]
    for _ in range(3):
        claims.give_back(first.study, stale)
    assert [t.state for t in first.study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_two_who_ask_for_the_last_place_at_once_get_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = line(project, trials=1), line(project, trials=1)
    monkeypatch.setattr(two, "_open", lambda: iter(["a"]))  # as it saw it before `one` asked
    mine = one.next()
    assert mine is not None
    assert two.next() is None
    assert [t.state for t in mine.study.trials] == [TrialState.RUNNING, TrialState.FAIL]
    assert len(one.taken("a")) == 1


def test_families_take_turns(project: Path) -> None:
    waiting = line(project, families=("a", "b", "c"), trials=2)
    asked = [waiting.next() for _ in range(7)]
    assert [each.family for each in asked if each] == ["a", "b", "c", "a", "b", "c"]
    assert asked[-1] is None


def test_a_clock_that_is_off_is_refused(project: Path) -> None:
    first = line(project).next()
    assert first is not None
    first.trial.set_user_attr(claims.BEAT, [1, time.time() + 3600])
    with pytest.raises(ConfigError, match=r"clock of this worker is 3,[56]\d\d s behind"):
        line(project).next()
