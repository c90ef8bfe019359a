"""What a stage is given from params.yaml."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from polyseme import paths
from polyseme.runtime import settings

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
    temporary = CHECKED.with_name(f".{CHECKED.name}.tmp-{os.getpid()}")
    temporary.write_text(digest)
    temporary.replace(CHECKED)


def params(name: str) -> dict[str, Any]:
    """Exactly the params that dvc.yaml declares for a stage; any other raises KeyError on use."""
    import dvc.api
    from omegaconf import OmegaConf

    shown = dvc.api.params_show(stages=name)
    # dvc reads 1e-5 as YAML 1.2 does; a round trip leaves plain lists and dicts
    values: dict[str, Any] = OmegaConf.to_container(OmegaConf.create(shown))  # type: ignore[assignment]
    return values


def runtime() -> settings.Runtime:
    """How to run, not what: the one group that no stage declares."""
    from omegaconf import OmegaConf

    values = OmegaConf.load("params.yaml")
    return settings.read(OmegaConf.to_container(values.runtime))  # type: ignore[arg-type]
