"""Write the tables of benchmark results into the pages that show them."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "controlled_language.md"
PAGES = dict.fromkeys(("difficulty", "generate", "recipe"), PAGE)


def put(name: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end -->`."""
    if name not in PAGES:
        return
    content = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text())
    rows, page = content["rows"], PAGES[name]
    columns = list(rows[0])
    lines = ["| " + " | ".join(c.replace("_", " ") for c in columns) + " |"]
    lines.append("|---" * len(columns) + "|")
    lines += ["| " + " | ".join(_cell(row[c]) for c in columns) + " |" for row in rows]
    hardware = content["hardware"]
    lines += ["", f"Measured on {hardware['cores']} cores, {hardware['cpu']}."]
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    text = mark.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], page.read_text())
    page.write_text(text)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
