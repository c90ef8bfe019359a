"""How seconds and memory grow with the text, stage by stage, and by which exponents.

    python -m benchmarks.growth --sizes 1M,4M,16M,64M
    python -m benchmarks.growth --sizes 256M --stages preparation
    python -m benchmarks.growth --sizes ""            the table and figure of what is measured

The controlled language at each size; every (stage, size) is a process of its own with one worker
and one thread. Finished cells are kept in .polyseme/growth/cells.jsonl: a run that was killed
continues, one with more sizes adds to them, `--again` begins anew. Seconds are those of the
processor (user and system), which other programs disturb less than the clock; imports do not
count. Memory is the anonymous memory of the whole process, imports included. Of several rounds
(`--rounds`) the fewest seconds and the most memory stand. Least squares of logarithms, with a
Student interval (level 0.95), fits the exponents.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _docs, _growth_figure, _report
from benchmarks._growth_cells import PREPARATION, STAGES, Cell, Cells, measure, run
from benchmarks._growth_fit import (
    MEMORY_LIMIT,
    SMALLEST,
    TIME_LIMIT,
    Exponent,
    exponent,
    per_word,
    two,
)
from polyseme import paths

SIZES = "1M,4M,16M"
FOLDER = paths.SCRATCH / "growth"
MIB = 2**20


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--sizes", type=sizes_of, default=SIZES, help="words, as 1M,4M")
    parser.add_argument("--stages", default="all", help="all, preparation, or names: a,b")
    parser.add_argument("--rounds", type=int, default=1, help="measure each cell so often")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for what stages make")
    parser.add_argument("--again", action="store_true", help="forget the cells that are done")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.cell:
        name, words, folder = chosen.cell
        print(json.dumps(run(name, int(words), Path(folder))))
        return 0
    stages = {"all": list(STAGES), "preparation": PREPARATION}.get(
        chosen.stages, chosen.stages.split(",")
    )
    if unknown := set(stages) - set(STAGES):
        parser.error(f"no stage {', '.join(sorted(unknown))}; there are: {', '.join(STAGES)}")
    if chosen.again:
        (chosen.folder / "cells.jsonl").unlink(missing_ok=True)
    cells = Cells(chosen.folder / "cells.jsonl")
    measure(cells, stages, chosen.sizes, chosen.folder, chosen.rounds)
    return write(list(cells.done.values()))


def sizes_of(text: str) -> list[int]:
    """`1M,500k` as numbers of words."""
    units = {"k": 1_000, "M": 1_000_000}
    try:
        parts = [part for part in text.split(",") if part]
        sizes = [int(float(part.rstrip("kM")) * units.get(part[-1], 1)) for part in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of sizes such as 1M,4M") from None
    if any(size <= 0 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} has a size that is not positive")
    return sizes


def write(cells: Sequence[Cell]) -> int:
    """Table, figure and JSON of the sizes that are fitted."""
    found = best(c for c in cells if c["words"] >= SMALLEST and STAGES[c["stage"]].shown)
    if not found:
        print(f"growth: no size of {SMALLEST:,} words or more is measured; nothing written")
        return 0
    _report.RESULTS.mkdir(exist_ok=True)
    (_report.RESULTS / "growth.svg").write_text(_growth_figure.draw(found))
    _report.write("growth", rows_of(found), cells=list(cells))
    for name in _docs.COMPUTED:
        _docs.put(name)
    return 0


def best(cells: Iterable[Cell]) -> list[Cell]:
    """One cell a stage and size: the round of the fewest seconds, with the most memory of all."""
    found: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell["stage"], cell["words"]), []).append(cell)
    return [
        min(rounds, key=lambda cell: cell["cpu_seconds"])
        | {"peak_bytes": max(cell["peak_bytes"] for cell in rounds), "rounds": len(rounds)}
        for rounds in found.values()
    ]


def rows_of(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """One row a stage: what it took at each size, and how that grows."""
    sizes = sorted({cell["words"] for cell in cells})
    names = [name for name in STAGES if any(cell["stage"] == name for cell in cells)]
    return [_row(name, {c["words"]: c for c in cells if c["stage"] == name}, sizes)
            for name in names]  # fmt: skip


def _row(name: str, cells: Mapping[int, Cell], sizes: Sequence[int]) -> dict[str, Any]:
    def column(key: str, unit: float) -> list[str]:
        """One number a size."""
        return [shown(cells[size][key] / unit) if size in cells else "-" for size in sizes]

    words = list(cells)
    peaks = [cell["peak_bytes"] for cell in cells.values()]
    time = exponent(words, [cell["cpu_seconds"] for cell in cells.values()])
    memory = exponent(words, peaks)
    grown = per_word(words, peaks)
    at = "_".join(map(size_name, sizes))
    return {
        "stage": name,
        f"cpu_seconds_at_{at}": column("cpu_seconds", 1),
        "wall_seconds": column("wall_seconds", 1),
        "time_exponent": str(time),
        "last": two(time.last),
        "peak_MiB": column("peak_bytes", MIB),
        "memory_exponent": str(memory),
        "last_": two(memory.last),
        "bytes_a_further_word": shown(grown) if math.isfinite(grown) else "-",
        "rounds": [cells[size]["rounds"] if size in cells else "-" for size in sizes],
        "grows_with": STAGES[name].grows or "nothing",
        "within": _verdict(time, memory),
    }


def _verdict(time: Exponent, memory: Exponent) -> str:
    """Which of the two limits hold."""
    if not math.isfinite(time.value):
        return "-"
    holds = time.within(TIME_LIMIT), memory.within(MEMORY_LIMIT)
    names = {(True, True): "both", (True, False): "time", (False, True): "memory"}
    return names.get(holds, "neither")


def shown(value: float) -> str:
    """Three significant digits, no exponent."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 2)}f}"


def size_name(words: int) -> str:
    """`16M`."""
    return f"{words / 1e6:g}M"


if __name__ == "__main__":
    sys.exit(main())
