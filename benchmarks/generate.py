"""Drawing the controlled language: words a second and peak memory by size and number of workers.

Each run is a process of its own that draws, writes truth and CoNLL-U, counts words and trains the
tokenizer, as stage corpus@controlled does; `draw_seconds` is the time until the last document.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import _controlled, _report

SIZES = (500_000, 2_000_000, 8_000_000)
ROOT = Path(__file__).parents[1]


def main() -> None:
    rows = []
    for size in SIZES:
        for num_workers in (1, 2) if size == SIZES[1] else (2,):
            command = [sys.executable, "-m", "benchmarks.generate", str(size), str(num_workers)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
    _report.write("generate", rows)


def once(size: int, num_workers: int) -> dict[str, float]:
    """Draw and prepare one corpus in this process."""
    import resource

    from polyseme.data.preparation import Preparation

    marks: list[float] = []
    kept = Preparation.select

    def select(self, documents, workers):  # type: ignore[no-untyped-def]
        found = kept(self, documents, workers)
        marks.append(time.monotonic())
        return found

    Preparation.select = select  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        _controlled.prepare(
            Path(folder) / "corpus", vocab_size=1024, num_words=size, num_workers=num_workers
        )
        ended = time.monotonic()
    usage = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "words": size,
        "workers": num_workers,
        "draw_seconds": round(marks[0] - started, 1),
        "words_per_second": round(size / (marks[0] - started)),
        "all_seconds": round(ended - started, 1),
        "peak_mib_of_a_process": round(max(u.ru_maxrss for u in usage) / 1024),
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(once(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        main()
