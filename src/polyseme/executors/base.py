"""What every executor has in common.

`conf/executor/<name>.yaml` says which module of this package runs the work of `polyseme repro` and
`polyseme sweep`, and how. Like `runtime` it decides where something is computed and never what: no
stage depends on it, and artifacts are the same bytes.
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from polyseme import items
from polyseme.config import build, config
from polyseme.errors import ConfigError
from polyseme.runtime.settings import Runtime
from polyseme.urls import redacted

HERE = {"module": "here"}
FILE = "conf/executor"


@config
class Options:
    """Values that every executor has."""

    module: str
    """File of polyseme/executors."""


@dataclass(frozen=True)
class Command:
    """A command line.

    Attributes:
        title: names it in messages.
        environment: variables besides those of this process.
    """

    words: tuple[str, ...]
    title: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        settings = [f"{key}={shlex.quote(value)}" for key, value in self.environment.items()]
        return redacted(" ".join([*settings, shlex.join(self.words)]))


class Executor(ABC):
    """Runs commands side by side.

    Attributes:
        submits: whether they become jobs.
    """

    submits = False

    @abstractmethod
    def room(self, *, here: int, most: int) -> int:
        """How many commands at a time.

        Args:
            here: what this machine has room for.
            most: how many there are.
        """

    @abstractmethod
    def run(self, commands: Sequence[Command], *, key: str, here: Callable[[], int]) -> int:
        """Run commands and wait for all.

        Args:
            key: names the work; the same work of a killed command is found by it.
            here: runs them as children of this process.

        Returns:
            Exit code.

        Raises:
            PolysemeError: one of them failed.
        """

    def check(self, runtime: Runtime) -> None:  # noqa: B027 - most have nothing to ask for
        """Raise a ConfigError where a job has no room for what the runtime asks for."""

    def text(self, commands: Sequence[Command]) -> str:
        """What `run` would start, as a shell script."""
        return "".join(f"{command}\n" for command in commands)


def make(values: Mapping[str, Any], runtime: Runtime | None = None) -> Executor:
    """The executor that the group `executor` of the params describes.

    Args:
        runtime: what each job is to have room for.

    Raises:
        ConfigError: unknown module, unknown key, a value out of range, or no room.
    """
    if "module" not in values:
        known = ", ".join(items.available("executor"))
        raise ConfigError("key 'executor.module' is missing", where=FILE, mend=f"one of {known}")
    module = items.load("executor", str(values["module"]))
    made: Executor = module.Executor(build(module.Config, values, file=FILE, key="executor"))
    if runtime is not None:
        made.check(runtime)
    return made
