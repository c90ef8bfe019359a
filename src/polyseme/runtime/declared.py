"""What a stage is given from params.yaml."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polyseme import paths
from polyseme.errors import ConfigError, refuse_secrets
from polyseme.runtime import settings, whole

CHECKED = paths.SCRATCH / "checked"


def check(file: Path = Path("params.yaml")) -> None:
    """Check the whole of params.yaml, which `dvc exp run -S` and editors write without compose.

    The hash of what has passed is kept: only the first stage after a change takes the time. A
    project that is composed otherwise, without conf/, is left to the stages' own checks.

    Raises:
        ConfigError: the first thing that does not fit.
    """
    if not Path("conf/config.yaml").exists():
        return
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if CHECKED.exists() and CHECKED.read_text() == digest:
        return
    from omegaconf import OmegaConf

    from polyseme import compose

    compose.check(OmegaConf.to_container(OmegaConf.load(file)))  # type: ignore[arg-type]
    CHECKED.parent.mkdir(parents=True, exist_ok=True)
    whole.write_text(CHECKED, digest)


def params(name: str, args: Sequence[str], file: Path = Path("params.yaml")) -> dict[str, Any]:
    """Exactly the params that dvc.yaml declares for a stage; any other raises KeyError on use.

    Read here and not by `dvc.api.params_show`, which reads dvc.lock twice and took 2.3 s a stage.

    Args:
        name: as in dvc.yaml, `pretrain@wiki-bert`.
        args: of the command line; with the words of `cmd` they say what `${item.model}` stands for.

    Raises:
        ConfigError: dvc.yaml declares a param that is not there.
    """
    from omegaconf import OmegaConf

    dag: Any = OmegaConf.to_container(OmegaConf.load("dvc.yaml"))
    stage = dag["stages"][name.partition("@")[0]]
    stage = stage.get("do", stage)
    meant = dict(zip(stage["cmd"].split()[2:], args, strict=True))
    whole, found = OmegaConf.load(file), OmegaConf.create()
    for template in stage.get("params", []):
        key = re.sub(r"\$\{[^}]*\}", lambda mark: meant[mark[0]], template)
        value = OmegaConf.select(whole, key)
        if value is None:
            raise ConfigError(f"{key} is not there", where=file, mend="run `make params`")
        OmegaConf.update(found, key, value)
    values: dict[str, Any] = OmegaConf.to_container(found)  # type: ignore[assignment]
    refuse_secrets(values, where=file)
    return values


def runtime() -> settings.Runtime:
    """How to run, not what: the one group that no stage declares."""
    from omegaconf import OmegaConf

    values = OmegaConf.load("params.yaml")
    return settings.read(OmegaConf.to_container(values.runtime))  # type: ignore[arg-type]
