"""As children of the command itself: nothing is submitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyseme.config import config
from polyseme.executors import base


@config
class Config(base.Options):
    """Values of conf/executor/here.yaml: no others."""


class Executor(base.Executor):
    """Leaves everything to the caller."""

    def __init__(self, options: Config) -> None:
        self.options = options

    def room(self, *, here: int, most: int) -> int:
        """What this machine has room for."""
        return here

    def run(self, commands: Sequence[base.Command], *, key: str, here: Callable[[], int]) -> int:
        """Run them here."""
        return here()
