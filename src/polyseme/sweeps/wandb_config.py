"""The same search space as a sweep of Weights & Biases, one family a file.

W&B's server then asks, and each of its agents runs `polyseme sweep NAME --family F --set KEY=VALUE
...`, one trial outside the study: the same stages, checks and kept results.
"""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]

from polyseme.errors import ConfigError
from polyseme.sweeps import conf
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.space import Domain
from polyseme.tracking.mirror import PROJECT

METHODS = {"random": "random", "qmc": "random", "tpe": "bayes", "nsga2": "bayes", "grid": "grid"}


def text(name: str, sweep: Sweep, family: str) -> str:
    """YAML for `wandb sweep`.

    Raises:
        ConfigError: a grid over a range without an end of values.
    """
    space = sweep.families[family].space
    key, objective = next(iter(sweep.objectives.items()))
    words = ["${env}", "python", "-m", "polyseme.cli", "sweep", name, "--family", family, "--yes"]
    content = {
        "name": f"{name}.{family}",
        "project": PROJECT,
        "method": METHODS[sweep.sampler],
        "metric": {"name": key, "goal": objective.goal},
        "parameters": {each: _parameter(name, each, sweep, d) for each, d in space.items()},
        "run_cap": sweep.trials,
        "program": "polyseme.cli",
        "command": [*words, "--set", "${args_no_hyphens}"],
    }
    head = f"# From {conf.path(name)}: polyseme sweep {name} --wandb-config FILE\n"
    return head + str(yaml.safe_dump(content, sort_keys=False))


def _parameter(name: str, key: str, sweep: Sweep, domain: Domain) -> dict[str, Any]:
    values = domain.grid()
    if values is not None and (sweep.sampler == "grid" or domain.choices is not None):
        return {"values": values}
    if sweep.sampler == "grid":
        what = f"space.{key}: a grid over a range without an end of values"
        raise ConfigError(what, where=conf.path(name), mend="give a step, or choices")
    low, high = domain.ends()[0], domain.ends()[-1]
    if domain.log:
        kind = "q_log_uniform_values" if domain.is_whole else "log_uniform_values"
        return {"distribution": kind, "min": low, "max": high}
    if domain.is_whole and (domain.step or 1) == 1:
        return {"distribution": "int_uniform", "min": low, "max": high}
    if domain.step:
        return {"distribution": "q_uniform", "min": low, "max": high, "q": domain.step}
    return {"distribution": "uniform", "min": float(low), "max": float(high)}
