"""Find an item by its name: yaml stem = module stem = stage item.

The rule of one: a new representation, task, probe, strategy, corpus reader, intrinsic measure or
baseline is one python file and one conf file. A
family of tasks is one python file. Names are looked up in the fixed packages below;
configuration can never name code outside them.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from polyseme.errors import ConfigError

PACKAGES = {
    "corpus": "polyseme.corpora",
    "static": "polyseme.models",
    "lm": "polyseme.models",
    "external": "polyseme.models.external",
    "task": "polyseme.tasks",
    "family": "polyseme.tasks.families",
    "strategy": "polyseme.strategies",
    "probe": "polyseme.probes",
    "intrinsic": "polyseme.intrinsic",
    "baseline": "polyseme.baselines",
    "executor": "polyseme.executors",
}


def available(group: str) -> list[str]:
    """Names of the modules of a group, found by listing its folder; nothing is imported."""
    package = importlib.import_module(PACKAGES[group])
    modules = pkgutil.iter_modules(package.__path__)
    names = [module.name for module in modules if not module.ispkg]
    return sorted(name for name in names if name != "base" and not name.startswith("_"))


def load(group: str, name: str) -> ModuleType:
    """Import the module of an item.

    Raises:
        ConfigError: no module of that name; the line lists those that exist.
    """
    names = available(group)
    if name not in names:
        package = PACKAGES[group].replace(".", "/")
        raise ConfigError(
            f"no {group} module {name!r}",
            where=f"conf/{group}",
            mend=f"one of {', '.join(names)}, or add src/{package}/{name}.py",
        )
    return importlib.import_module(f"{PACKAGES[group]}.{name}")
