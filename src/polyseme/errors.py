"""Errors that a user can act on, and the exit code of each.

Every error is one line: where it is, what is wrong, and the mend. Entry points print that line
and leave with the code; the table stands in the README as well.

    code  class            meaning
    0                      done
    1     PolysemeError    anything else that a user can mend
    2     ConfigError      conf/ or params.yaml: unknown key, wrong type, value out of range
    3     DataError        input data: missing, malformed, truncated, empty after filtering
    4     IntegrityError   bytes differ from their sha256: data set, manifest, checkpoint
    5     NumericsError    training diverged: loss or weights are not finite
    6     ResourceError    disk full, out of memory
    7     BusyError        another process is running the same stage
    8     PreemptedError   a scheduler wants its machine back; the same command continues
    70                     a defect of polyseme; the traceback is in the file that the line names
"""

from __future__ import annotations

from typing import Any

from polyseme.urls import redacted, with_secrets

EXIT_DEFECT = 70


class PolysemeError(Exception):
    """One line for the user.

    Args:
        what: what is wrong.
        where: file, `file:line`, stage or key that it is about.
        mend: what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, str(where), mend
        super().__init__(what, self.where, mend)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{line}; {self.mend}" if self.mend else line
        return redacted(" ".join(line.split()))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.mend)


def _rebuild(cls: type[PolysemeError], what: str, where: str, mend: str) -> PolysemeError:
    """Pickle support, so that an error keeps its parts on the way out of a worker process."""
    return cls(what, where=where, mend=mend)


class ConfigError(PolysemeError):
    """Configuration that cannot be used."""

    exit_code = 2


class DataError(PolysemeError):
    """Input data that cannot be used."""

    exit_code = 3


class IntegrityError(PolysemeError):
    """Bytes that are not the bytes that were promised."""

    exit_code = 4


class NumericsError(PolysemeError):
    """Training that is no longer finite."""

    exit_code = 5


class ResourceError(PolysemeError):
    """The machine ran out of something."""

    exit_code = 6


class BusyError(PolysemeError):
    """The same stage is running in another process."""

    exit_code = 7


class PreemptedError(PolysemeError):
    """Stopped by the signal of a scheduler, with everything saved that a continuation needs."""

    exit_code = 8


def refuse_secrets(values: Any, *, where: object) -> None:
    """Check that no URL among the values holds a secret: values are written to many places.

    Raises:
        ConfigError: naming the key, not the value.
    """
    for key in with_secrets(values):
        raise ConfigError(
            f"{key} holds a user name, a password, a key or a signature",
            where=where,
            mend="take it out; docs/scale.md says where credentials belong",
        )
