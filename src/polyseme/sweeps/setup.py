"""A sweep on the composed configuration: what every trial of a family starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from polyseme import compose, items
from polyseme.errors import ConfigError, PolysemeError
from polyseme.sweeps import conf, jobs
from polyseme.sweeps.conf import Family, Sweep
from polyseme.sweeps.space import Domain

GROUPS = {"static": "static", "pretrain": "lm"}
"""Stage -> group that the model has to be of."""
ITEMS = frozenset(("static", "lm", "strategy", "probe", "intrinsic"))
"""Groups whose items are checked each by itself; anything else is checked with all."""
NARROWED = {"strategies": "strategy", "probes": "probe"}


@dataclass(frozen=True)
class Ready:
    """A family whose trials can run.

    Attributes:
        params: composed, narrowed to what the sweep selects; a trial changes some values.
        steps: the stages of each trial.
    """

    name: str
    family: Family
    params: Mapping[str, Any]
    steps: tuple[jobs.Job, ...]

    def entries(self, values: Mapping[str, Any]) -> list[jobs.Entry]:
        """The jobs of a trial with these values."""
        params = jobs.changed(self.params, values)
        return [jobs.Entry(job, params) for job in self.steps]

    def check(self, values: Mapping[str, Any]) -> None:
        """That the values are allowed, alone and together.

        Raises:
            ConfigError: naming the value.
        """
        params = jobs.changed(self.params, values)
        changed = {tuple(key.split(".")[:2]) for key in values}
        if not {each[0] for each in changed} <= ITEMS:
            return compose.check(params)
        for group, name in sorted(changed):
            compose.check_item(group, name, items.load(group, name), params[group][name])


def ready(name: str, sweep: Sweep, more: Sequence[str] = ()) -> dict[str, Ready]:
    """Compose the configuration of each family and check its search space against it.

    Args:
        more: Hydra overrides besides those of the sweep.

    Raises:
        ConfigError: naming the file of the sweep.
    """
    file = conf.path(name)
    return {
        each: _ready(each, family, sweep, file, more) for each, family in sweep.families.items()
    }


def _ready(name: str, family: Family, sweep: Sweep, file: Path, more: Sequence[str]) -> Ready:
    overrides = [f"experiment={sweep.experiment}", *sweep.overrides, *family.overrides, *more]
    params = compose.composed(overrides)
    _check_names(name, family, sweep, params, file)
    for key, group in NARROWED.items():
        if names := getattr(sweep, key):
            params[group] = {each: params[group][each] for each in names}
    params["tasks"] = list(sweep.tasks) or params["tasks"]
    found = Ready(name, family, params, tuple(jobs.expand(sweep, family, params)))
    entries = found.entries({})
    for key, domain in family.space.items():
        where = f"families.{name}.space.{key}"
        _check_key(key, where, params, entries, file)
        _check_ends(key, domain, where, found, file)
    return found


def _check_names(
    name: str, family: Family, sweep: Sweep, params: Mapping[str, Any], file: Path
) -> None:
    """Corpus, model, tasks, ... are selected by the experiment."""
    selected = {
        "corpus": ([sweep.corpus], params["corpora"]),
        f"families.{name}.model": ([family.model], params["representations"]),
        "tasks": (sweep.tasks, params["tasks"]),
        "strategies": (sweep.strategies, params["strategy"]),
        "probes": (sweep.probes, params["probe"]),
    }
    for stage in set(family.stages) & GROUPS.keys():
        there = params[GROUPS[stage]]
        selected[f"families.{name}.stages: {stage} of"] = [family.model], there
    for key, (wanted, there) in selected.items():
        for each in wanted:
            if each not in there:
                raise ConfigError(
                    f"{key} {each!r} is not selected by experiment {sweep.experiment!r}",
                    where=file,
                    mend=f"one of {', '.join(there)}",
                )


def _check_key(
    key: str, where: str, params: Mapping[str, Any], entries: list[jobs.Entry], file: Path
) -> None:
    """The key is a param, and a stage of the family is given it."""
    at: Any = params
    for part in key.split("."):
        if not isinstance(at, Mapping) or part not in at:
            known = [each for each in _keys(params) if jobs.is_read(each, entries)]
            near = get_close_matches(key, known, n=3, cutoff=0.4)
            mend = f"did you mean {', '.join(near)}?" if near else "see params.yaml for the keys"
            raise ConfigError(f"{where}: unknown parameter {key!r}", where=file, mend=mend)
        at = at[part]
    if isinstance(at, Mapping):
        raise ConfigError(f"{where} is a group", where=file, mend="name one of its values")
    if not jobs.is_read(key, entries):
        runs = ", ".join(entry.job.name for entry in entries)
        mend = f"the family runs {runs}"
        raise ConfigError(f"{where}: no stage of the family reads it", where=file, mend=mend)


def _keys(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        found += _keys(value, f"{name}.") if isinstance(value, Mapping) else [name]
    return found


def _check_ends(key: str, domain: Domain, where: str, family: Ready, file: Path) -> None:
    """The ends of a range, and each choice, are allowed where all else is as it is."""
    for value in domain.ends():
        try:
            family.check({key: value})
        except PolysemeError as error:
            raise ConfigError(f"{where}: {error.what}", where=file, mend=error.mend) from None
