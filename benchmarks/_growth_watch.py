"""What a piece of work takes: processor seconds, anonymous memory, bytes.

Anonymous memory is what a process must hold; pages of mapped files are left out, since the system
takes them back when it needs them. It is looked at from outside (`watched`), so that looking costs
the work nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

SAMPLING_SECONDS = 0.02
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}


def anonymous_bytes(process: int | str = "self") -> int:
    """Anonymous memory of a process now; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
    return next(found, 0)


class Watch:
    """Takes of the work inside the `with`, in this process and its children that have ended.

    Attributes:
        takes: processor seconds (user and system), seconds on the clock, bytes written to files
            that are kept or not, and the anonymous memory before.
    """

    takes: dict[str, float]

    def __enter__(self) -> Watch:
        self._before = anonymous_bytes()
        self._written = psutil.Process().io_counters().write_bytes
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.takes = {
            "cpu_seconds": round(_cpu_seconds() - self._cpu, 3),
            "wall_seconds": round(time.perf_counter() - self._wall, 3),
            "written_bytes": psutil.Process().io_counters().write_bytes - self._written,
            "bytes_before": self._before,
        }


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def watched(command: Sequence[str]) -> dict[str, Any]:
    """Run a command, with one thread, whose last line is JSON.

    Returns:
        That, and the most anonymous memory that the command had.

    Raises:
        SystemExit: it failed; with its exit code.
    """
    env = os.environ | ONE_THREAD
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous_bytes(process.pid))
        time.sleep(SAMPLING_SECONDS)
    assert process.stdout is not None
    said = process.stdout.read()
    if process.returncode:
        raise SystemExit(process.returncode)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found | {"peak_bytes": peak}
