"""Time, memory and size of a report of 100,000 result rows.

    python -m benchmarks report_speed

Each number of rows is a process of its own, which makes synthetic rows of every stage
(_result_rows.py; not timed) and writes the whole report. Memory is the peak of the process, the
rows included. It fails beyond 60 seconds of one core (a busy machine is no
failure), 2 GiB, and 10 MB of index.html.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import _report, _result_rows
from polyseme.reporting import build

NUMBERS = (20_000, 100_000)
MOST_SECONDS, MOST_GIB, MOST_MB = 60.0, 2.0, 10.0


def main() -> int:
    rows = []
    for number in NUMBERS:
        command = [sys.executable, "-m", __spec__.name, str(number)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    _report.write("report_speed", rows)
    last = rows[-1]
    limits = {"processor_seconds": MOST_SECONDS, "peak_gib": MOST_GIB, "page_mb": MOST_MB}
    beyond = [f"{name} {last[name]} > {most}" for name, most in limits.items() if last[name] > most]
    print("; ".join(beyond), file=sys.stderr)
    return int(bool(beyond))


def _run(number: int) -> dict[str, Any]:
    evidence = _result_rows.evidence(number)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start, used = time.perf_counter(), time.process_time()
        build.write(folder, evidence)
        seconds, cpu = time.perf_counter() - start, time.process_time() - used
        page = (folder / "index.html").read_text(encoding="utf-8")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "rows": len(evidence.rows),
        "seconds": round(seconds, 1),
        "processor_seconds": round(cpu, 1),
        "peak_gib": round(peak / 2**30, 2),
        "page_mb": round(len(page.encode()) / 1e6, 2),
        "sections": page.count("<section "),
    }


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(_run(int(sys.argv[1]))))
    else:
        sys.exit(main())
