"""Write the tables of benchmark results into the pages that show them.

    python -m benchmarks._docs

writes all of them anew; a benchmark writes its own when it has run. Where there is no result yet,
the page says which command measures it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks import _plan, _tables

ROOT = Path(__file__).parents[1]
LANGUAGE, REPRESENTATIONS, TRANSFER, PROBES, STATISTICS, SWEEPS, EXPLORER, READING, SCALE = (
    ROOT / "docs" / f"{name}.md"
    for name in (
        "controlled_language",
        "representations",
        "transfer",
        "probes",
        "statistics",
        "sweeps",
        "explorer",
        "reading_the_report",
        "scale",
    )
)
PAGES: dict[str, tuple[Path, ...]] = {
    "difficulty": (LANGUAGE,),
    "generate": (LANGUAGE,),
    "recipe": (LANGUAGE, REPRESENTATIONS),
    "bert_speed": (REPRESENTATIONS,),
    "gpt_speed": (REPRESENTATIONS,),
    "awd_lstm_speed": (REPRESENTATIONS,),
    "glove_speed": (REPRESENTATIONS,),
    "static_speed": (REPRESENTATIONS,),
    "encode_speed": (REPRESENTATIONS,),
    "learning_curves": (REPRESENTATIONS,),
    "gpu_speed": (REPRESENTATIONS,),
    "gpu_bert": (REPRESENTATIONS,),
    "frozen_cells": (TRANSFER,),
    "finetune_speed": (TRANSFER,),
    "probe_speed": (PROBES,),
    "probe_batches": (PROBES,),
    "probe_memory": (PROBES,),
    "blimp_speed": (PROBES,),
    "stats_calibration": (STATISTICS,),
    "stats_speed": (STATISTICS,),
    "sweep_overhead": (SWEEPS,),
    "explore_speed": (EXPLORER,),
    "report_speed": (READING,),
    "growth": (SCALE,),
    "growth_limits": (SCALE,),
    "scale_plan": (SCALE,),
    "scale_memory": (SCALE,),
    "dump_speed": (SCALE,),
}
"""Pages that show a benchmark; one that is not here is shown by none."""
COMPUTED: dict[str, Callable[[], str]] = {
    "scale_plan": _plan.stages,
    "scale_memory": _plan.memory,
}
"""What follows from the results of several benchmarks."""


def put(name: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end -->`.

    Raises:
        ValueError: a page lacks these marks.
    """
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    for page in PAGES.get(name, ()):
        before, found, after = _parts(mark, page)
        page.write_text(f"{before}{found[1]}{content(name)}\n{found[2]}{after}")


def _parts(mark: re.Pattern[str], page: Path) -> tuple[str, re.Match[str], str]:
    text = page.read_text()
    found = mark.search(text)
    if found is None:
        raise ValueError(f"{page}: has no place for {mark.pattern}")
    return text[: found.start()], found, text[found.end() :]


def content(name: str) -> str:
    """The table of the results, and the machine; without results, how to get them."""
    if name in COMPUTED:
        return COMPUTED[name]()
    path = ROOT / f"benchmarks/results/{name}.json"
    if not path.exists():
        return f"Not measured yet: `make bench BENCH={name}`."
    results = json.loads(path.read_text())
    rows, hardware = results["rows"], results["hardware"]
    lines = _tables.markdown(rows)
    beside = f", and one {gpu}" if (gpu := hardware.get("gpu")) else ""
    lines += ["", f"Measured on {hardware['cores']} cores, {hardware['cpu']}{beside}."]
    return "\n".join(lines)


if __name__ == "__main__":
    for each in PAGES:
        put(each)
