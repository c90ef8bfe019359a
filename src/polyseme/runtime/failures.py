"""Any error as one line and an exit code."""

from __future__ import annotations

import errno
import traceback
from contextlib import suppress

from polyseme import paths
from polyseme.errors import EXIT_DEFECT, PolysemeError, ResourceError
from polyseme.urls import redacted

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
"""The user's paths and rights, not a defect."""


def explain(error: Exception, stage: str) -> PolysemeError:
    """Any error as one line; the traceback of a defect goes to a file that the line names."""
    if isinstance(error, PolysemeError):
        return error
    if _disk_full(error):
        return ResourceError("disk full", where=stage, mend="free some space and run again")
    if isinstance(error, MemoryError):
        return ResourceError("out of memory", where=stage, mend="use smaller batches or shards")
    if isinstance(error, OSError) and error.errno in FORBIDDEN and error.filename:
        mend = "check the path, and that you may read and write there"
        return PolysemeError(str(error.strerror), where=error.filename, mend=mend)
    log = paths.SCRATCH / "log" / f"{stage}.txt"
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(redacted("".join(traceback.format_exception(error))))
    return _Defect(
        f"defect: {type(error).__name__}: {error}", where=stage, mend=f"please report {log}"
    )


class _Defect(PolysemeError):
    exit_code = EXIT_DEFECT


def _disk_full(error: Exception) -> bool:
    """Whether the disk is full; libraries in Rust tell it in their text only."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(f"os error {number}" in str(error) for number in (errno.ENOSPC, errno.EDQUOT))
