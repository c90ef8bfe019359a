"""Is corpus preparation flat in memory and linear in time? One command:

    python -m benchmarks prepare_memory

Makes dumps of 1x, 4x and 16x the Wikipedia excerpt that gensim ships. Each copy has a quarter of
its longer lower-case words exchanged for other words of the excerpt, so that no document is a
near-duplicate of another and the types do not grow. Each dump is prepared in a process of its own;
peak memory is the sum over the process and its workers (resident set, sampled every 50 ms). Prints
a table and writes benchmarks/results/prepare_memory.json.
"""

from __future__ import annotations

import argparse
import bz2
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from gensim.test.utils import datapath
from omegaconf import OmegaConf

from polyseme.data import corpus

ROOT = Path(__file__).parents[1]
EXCERPT = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SCALES = (1, 4, 16)
EXCHANGED = 0.25
SAMPLING_SECONDS = 0.05
WORD = re.compile(r"(?<![\w&|=/])[a-z]{5,}(?![\w;|=/])")
TEXT = re.compile(r"(<text[^>]*>)(.*?)(</text>)", re.DOTALL)


def make(path: Path, scale: int) -> None:
    """A dump with `scale` altered copies of the excerpt."""
    dump = bz2.decompress(Path(datapath(EXCERPT)).read_bytes()).decode()
    start, stop = dump.index("<page>"), dump.rindex("</page>") + len("</page>")
    vocabulary = sorted(set(WORD.findall(dump)))
    with bz2.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.write(dump[:start])
        for copy in range(scale):
            draw = random.Random(copy)

            def exchange(match: re.Match[str], draw: random.Random = draw) -> str:
                return draw.choice(vocabulary) if draw.random() < EXCHANGED else match[0]

            def alter(match: re.Match[str], exchange: Any = exchange) -> str:
                return match[1] + WORD.sub(exchange, match[2]) + match[3]

            file.write(TEXT.sub(alter, dump[start:stop]))
        file.write(dump[stop:])


def prepare(source: Path, out: Path, num_workers: int) -> None:
    """What the measured process does."""
    conf = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "corpus" / "wiki.yaml"))
    options, reader_options = corpus.check(conf, file="conf/corpus/wiki.yaml", key="corpus.wiki")  # type: ignore[arg-type]
    out.mkdir()
    corpus.prepare(
        options,
        reader_options,
        name="wiki",
        source=source,
        out=out,
        num_workers=num_workers,
        progress=False,
    )


def measure(source: Path, out: Path, num_workers: int) -> dict[str, float]:
    """Seconds and peak memory of one preparation."""
    command = [sys.executable, __file__, "--prepare", str(source), str(out)]
    started, peak = time.monotonic(), 0
    process = subprocess.Popen([*command, "--workers", str(num_workers)])
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, _resident(watched))
        time.sleep(SAMPLING_SECONDS)
    if process.returncode:
        raise SystemExit(process.returncode)
    return {"seconds": time.monotonic() - started, "peak_bytes": peak}


def _resident(process: psutil.Process) -> int:
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def run(num_workers: int) -> None:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for scale in SCALES:
            source, out = Path(folder, f"{scale}.xml.bz2"), Path(folder, f"{scale}x")
            make(source, scale)
            found = measure(source, out, num_workers)
            card = json.loads((out / "card.json").read_text())
            first = rows[0] if rows else None
            rows.append(
                {
                    "scale": scale,
                    "documents": card["total"]["documents"],
                    "words": card["total"]["words"],
                    "near_duplicates": card["duplicates_removed"]["near"],
                    "words_per_second": round(card["total"]["words"] / found["seconds"]),
                    "seconds": round(found["seconds"], 1),
                    "seconds_ratio": round(found["seconds"] / first["seconds"], 2)
                    if first
                    else 1.0,
                    "peak_mib": round(found["peak_bytes"] / 2**20),
                    "peak_ratio": round(found["peak_bytes"] / 2**20 / first["peak_mib"], 3)
                    if first
                    else 1.0,
                }
            )
            print("  ".join(f"{key} {value:,}" for key, value in rows[-1].items()), flush=True)
    result = {"num_workers": num_workers, "rows": rows}
    path = ROOT / "benchmarks" / "results" / "prepare_memory.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--prepare", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.prepare:
        prepare(*chosen.prepare, chosen.workers)
    else:
        run(chosen.workers)
