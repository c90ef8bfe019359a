"""Write the values of a trial into conf/, after showing the difference.

They go into the experiment's file, so that other experiments stay as they are; with `item` into the
item's own, conf/<group>/<item>.yaml, unless the experiment's file says otherwise there.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from polyseme import compose
from polyseme.errors import ConfigError
from polyseme.runtime import whole
from polyseme.sweeps import edit
from polyseme.sweeps.conf import Sweep

CONF = Path("conf")


def best(study: Study) -> FrozenTrial:
    """The trial that is best in the first objective; the earlier one where two are equal.

    Raises:
        ConfigError: no trial is complete.
    """
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not done:
        raise ConfigError("has no complete trial", where=study.study_name, mend="run the sweep")
    sign = -1.0 if study.directions[0] == StudyDirection.MAXIMIZE else 1.0
    return min(done, key=lambda trial: (sign * trial.values[0], trial.number))


def chosen(study: Study, number: int | None) -> FrozenTrial:
    """The trial of that number, or the best.

    Raises:
        ConfigError: there is no such trial.
    """
    if number is None:
        return best(study)
    trials = study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        what = f"has no trial {number}"
        mend = f"0 to {len(trials) - 1}"
        raise ConfigError(what, where=study.study_name, mend=mend)
    if trials[number].state != TrialState.COMPLETE:
        what = f"trial {number} is {trials[number].state.name.lower()}"
        raise ConfigError(what, where=study.study_name, mend="choose a complete one")
    return trials[number]


def edits(sweep: Sweep, values: Mapping[str, Any], *, item: bool = False) -> dict[Path, str]:
    """New text of each file that changes.

    Raises:
        ConfigError: a value cannot be written, or would not take effect.
    """
    experiment = CONF / "experiment" / f"{sweep.experiment}.yaml"
    by_file: dict[Path, dict[str, Any]] = {}
    for key, value in values.items():
        by_file.setdefault(_file(key, experiment, item=item), {})[key] = value
    found = {}
    for file, wanted in by_file.items():
        text = file.read_text(encoding="utf-8")
        head = _package(text)
        inside = {key.removeprefix(head): value for key, value in wanted.items()}
        new = edit.set_values(text, inside, where=file)
        if new != text:
            found[file] = new
    return found


def _file(key: str, experiment: Path, *, item: bool) -> Path:
    """Where the value of a key is to be written."""
    parts = key.split(".")
    own = CONF.joinpath(*parts[:2]).with_suffix(".yaml")
    if not item:
        return experiment
    if edit.get(experiment.read_text(encoding="utf-8"), key)[0]:
        what = f"sets {key}: a value in {own} would not take effect"
        raise ConfigError(what, where=experiment, mend="leave out --item")
    if not own.is_file():
        raise ConfigError(f"{key} has no file of its own", where=own, mend="leave out --item")
    return own


def _package(text: str) -> str:
    """`strategy.full.` of a file that begins with `# @package strategy.full`."""
    first = text.partition("\n")[0].removeprefix("# @package").strip()
    is_item = text.startswith("# @package") and first not in ("_global_", "")
    return f"{first}." if is_item else ""


def difference(changed: Mapping[Path, str]) -> str:
    """The unified difference of all files."""
    lines: list[str] = []
    for file, new in changed.items():
        old = file.read_text(encoding="utf-8")
        lines += difflib.unified_diff(
            old.splitlines(keepends=True),
            new.splitlines(keepends=True),
            f"a/{file.as_posix()}",
            f"b/{file.as_posix()}",
        )
    return "".join(lines)


def write(sweep: Sweep, changed: Mapping[Path, str], values: Mapping[str, Any]) -> None:
    """Replace the files, once a copy of conf/ with the new ones composes to what was wanted.

    Raises:
        ConfigError: the composition is refused, or holds another value; nothing is written.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(CONF, Path(folder) / CONF)
        for file, text in changed.items():
            (Path(folder) / file).write_text(text, encoding="utf-8")
        params = compose.composed([f"experiment={sweep.experiment}"], copy)
    for key, value in values.items():
        at: Any = params
        for part in key.split("."):
            at = at[part]
        if at != value:
            what = f"{key} would be {at!r}, not {value!r}"
            raise ConfigError(what, where=", ".join(map(str, changed)), mend="edit by hand")
    for file, text in changed.items():
        whole.write_text(file, text)
