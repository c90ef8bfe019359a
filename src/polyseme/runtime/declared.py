"""What a stage is given from params.yaml."""

from __future__ import annotations

from typing import Any

from polyseme.runtime import settings


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
