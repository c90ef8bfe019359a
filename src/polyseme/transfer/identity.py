"""What vectors and cells follow from; quick to import."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from polyseme.runtime.manifest import canonical
from polyseme.runtime.settings import Runtime, gpu_name, hardware, precision, versions


def source_hash(*modules: ModuleType) -> str:
    """Hash of the source of an item's module, and of those that it is built on."""
    return canonical([inspect.getsource(module) for module in modules])


def identity_of(
    digest: str, module: ModuleType, identity: Mapping[str, Any], runtime: Runtime
) -> dict[str, Any]:
    """What the vectors of a representation follow from, besides the texts.

    Args:
        digest: hash of its weights.
        module: of its item.
        identity: what else (numerics).
    """
    return {
        **identity,
        "representation": digest,
        "module": source_hash(module),
        "precision": precision(runtime),
        "threads": runtime.num_threads,
        "accelerator": runtime.accelerator,
        "feature_type": runtime.feature_type,
        "cpu": hardware()["cpu"],
        **({"gpu": gpu_name()} if runtime.accelerator == "gpu" else {}),
        "versions": versions(),
    }


def runtime_of_cell(runtime: Runtime) -> Runtime:
    """How one cell runs: on a cpu with one thread, else as the stage does."""
    return replace(runtime, num_threads=1) if runtime.accelerator == "cpu" else runtime
