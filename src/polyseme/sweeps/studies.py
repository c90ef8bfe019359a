"""The study of each family, and that it is still the same sweep.

A study keeps what its trials were made from: search space, objectives, sampler, fixed params and
the bytes of corpus and tasks. Only the number of trials may change; anything else would mix trials
that cannot be compared, and is refused with the difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.study._frozen import FrozenStudy

from polyseme.errors import ConfigError
from polyseme.sweeps import conf, jobs, samplers
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.setup import Ready

SETTINGS = "settings"
MOST_SHOWN = 3


def open_studies(
    name: str, sweep: Sweep, families: Mapping[str, Ready], storage: BaseStorage, root: Path
) -> dict[str, Study]:
    """The studies, made if they are not there.

    Raises:
        ConfigError: a study is there that was made from something else.
    """
    return {key: _open(name, sweep, each, storage, root) for key, each in families.items()}


def _open(name: str, sweep: Sweep, family: Ready, storage: BaseStorage, root: Path) -> Study:
    settings = settings_of(sweep, family, root)
    goals = [objective.goal for objective in sweep.objectives.values()]
    there = {each.study_name: each for each in storage.get_all_studies()}
    label = f"{name}.{family.name}"
    if label in there:
        _keep_or_drop(storage, there[label], settings, name, family.name)
    study = optuna.create_study(
        storage=storage,
        study_name=label,
        directions=goals,
        load_if_exists=True,
        sampler=samplers.make(sweep, family.name),
        pruner=samplers.pruner(sweep, num_looks(family)),
    )
    if SETTINGS not in study.user_attrs:
        study.set_user_attr(SETTINGS, settings)
    _require_same(study.user_attrs[SETTINGS], settings, name, family.name)
    return study


def _keep_or_drop(
    storage: BaseStorage, found: FrozenStudy, settings: dict[str, Any], name: str, family: str
) -> None:
    """Refuse a study that was made from something else; without a trial it is made anew."""
    before = found.user_attrs.get(SETTINGS, settings)
    if before != settings and not storage.get_n_trials(found._study_id):
        storage.delete_study(found._study_id)
    else:
        _require_same(before, settings, name, family)


def num_looks(family: Ready) -> int:
    """Looks at held-out loss of one trial; 1 where its model has none."""
    return int(family.params["lm"].get(family.family.model, {}).get("num_validations", 1))


def settings_of(sweep: Sweep, family: Ready, root: Path) -> dict[str, Any]:
    """What the trials of a family are made from, by key; plain JSON."""
    space = family.family.space
    found: dict[str, Any] = {f"space {key}": asdict(domain) for key, domain in space.items()}
    found |= {f"objective {key}": asdict(each) for key, each in sweep.objectives.items()}
    for key in ("sampler", "startup", "seed"):
        found[key] = getattr(sweep, key)
    found["pruner"] = asdict(sweep.pruner)
    found["stages"] = [job.name for job in family.steps]
    entries, made = family.entries({}), set[str]()
    for entry in entries:
        found |= {k: v for key, value in entry.declared.items() for k, v in _flat(key, value)}
        outside = [path for path in entry.inputs() if path not in made]
        found |= {
            path: jobs.content(path, root / path)
            for path in outside
            if path.startswith(jobs.ARTIFACTS)
        }
        made |= set(entry.outs)
    for key in space:
        found.pop(key, None)
    found["trained with"] = jobs.how(jobs.settings.read(family.params["runtime"]))[:5]
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def _flat(key: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        return [pair for k, v in value.items() for pair in _flat(f"{key}.{k}", v)]
    return [(key, value)]


def _require_same(
    before: Mapping[str, Any], now: Mapping[str, Any], name: str, family: str
) -> None:
    changed = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    if changed:
        told = "; ".join(_told(key, before.get(key), now.get(key)) for key in changed[:MOST_SHOWN])
        more = len(changed) - MOST_SHOWN
        told += f"; and {more} more" if more > 0 else ""
        raise ConfigError(
            f"family {family!r} has changed since its study began: {told}",
            where=conf.path(name),
            mend="change it back, or copy the file under another name",
        )


def _told(key: str, before: Any, now: Any) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        parts = [k for k in sorted({*before, *now}) if before.get(k) != now.get(k)]
        return ", ".join(_told(f"{key} {part}", before.get(part), now.get(part)) for part in parts)
    if key.startswith(jobs.ARTIFACTS):
        return f"{key} holds other bytes"
    words = ["nothing" if value is None else json.dumps(value) for value in (before, now)]
    return f"{key} was {words[0]}, is {words[1]}"
