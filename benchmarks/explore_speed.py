"""How long the explorer's page waits: milliseconds of each kind of request, over HTTP.

For the trained representations of the experiment in params.yaml (`make repro` first): its server,
one connection, sentences of the sample. Each cell is the median and the 95th percentile.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import _report
from polyseme.explore.answers import Answers
from polyseme.explore.explorer import Explorer
from polyseme.explore.project import Project
from polyseme.explore.server import Server
from polyseme.explore.text import MAX_WORDS

REQUESTS, WARM_UP, LIMIT_MS = 40, 3, 300
Ask = Callable[[str, dict[str, Any]], int]


def main(requests: int = REQUESTS) -> None:
    explorer = Explorer(Project(), progress=True)
    lenses = explorer.open_all(print)
    fills = {name for name, lens in lenses.items() if hasattr(lens.representation, "fill")}
    longest = "the " * MAX_WORDS
    occurrences = explorer.sample.occurrences[:: len(explorer.sample.occurrences) // requests]
    asked = [(" ".join(explorer.sample.sentences[o.sentence]), o.place) for o in occurrences]
    with Server(Answers(explorer, lenses), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)

        def ask(name: str, values: dict[str, Any]) -> int:
            body, told = json.dumps(values), {"Content-Type": "application/json"}
            connection.request("POST", f"/api/{name}", body, told)
            reply = connection.getresponse()
            reply.read()
            return reply.status

        rows, slowest = [], 0.0
        for name in lenses:
            kinds = {
                "neighbors": [{"text": text, "place": place} for text, place in asked],
                "positions": [{"text": text, "place": place} for text, place in asked],
                "similarity": [
                    {"first": text, "second": asked[n - 1][0]} for n, (text, _) in enumerate(asked)
                ],
                "fillings": [{"text": text, "place": place} for text, place in asked],
                f"neighbors, {MAX_WORDS} words": [{"text": longest, "place": 1}] * requests,
            }
            row: dict[str, Any] = {"representation": name}
            for kind, values in kinds.items():
                row[kind] = "-"
                if kind != "fillings" or name in fills:
                    times = _milliseconds(ask, kind.partition(",")[0], name, values)
                    row[kind] = f"{np.median(times):.1f} / {np.percentile(times, 95):.1f}"
                    slowest = max(slowest, float(np.percentile(times, 95)))
            rows.append(row)
        server.shutdown()
    facts = {"limit_ms": LIMIT_MS, "slowest_p95_ms": round(slowest, 1)}
    _report.write("explore_speed", rows, **facts, within=slowest < LIMIT_MS)


def _milliseconds(ask: Ask, kind: str, name: str, values: list[dict[str, Any]]) -> list[float]:
    found = []
    for n, one in enumerate([*values[:WARM_UP], *values]):
        started = time.perf_counter()
        status = ask(kind, {"representation": name, **one})
        if status != http.client.OK:
            raise RuntimeError(f"{kind} of {name}: status {status}")
        if n >= WARM_UP:
            found.append(1000 * (time.perf_counter() - started))
    return found


if __name__ == "__main__":
    main()
