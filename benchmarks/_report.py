"""What every benchmark writes: rows and the machine, as JSON and as a table on the screen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _docs
from polyseme.runtime.settings import hardware, versions

RESULTS = Path(__file__).parent / "results"


def write(name: str, rows: Sequence[Mapping[str, Any]], **facts: Any) -> None:
    """Print the rows and keep them in benchmarks/results/<name>.json."""
    columns = list(rows[0])
    print(" | ".join(columns))
    for row in rows:
        print(" | ".join(str(row[column]) for column in columns))
    RESULTS.mkdir(exist_ok=True)
    content = {"rows": list(rows), "hardware": hardware(), "versions": versions(), **facts}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    _docs.put(name)
