"""Is corpus preparation flat in memory and linear in time? One command:

    python -m benchmarks prepare_memory

Makes dumps of 1x, 4x and 16x every fourth page of the Wikipedia excerpt that gensim ships. Each
copy has a quarter of its longer lower-case words exchanged for other words, so that no document is
a near-duplicate of another. Types grow by Heaps' law, 30 n^0.6 for n words of text: so many of the
exchanged words of a copy are invented, the others come from the excerpt or were invented before.
(n counts the words of the source in letters; the card's types also count what cleaning leaves of
names and numbers, of the train split.) At 16x these are about 95,000 types: fewer than fill the
caches of 262,144 words or spill a counter of 500,000, so the benchmark says nothing of those. Each
dump is prepared in a process of its own;
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
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from gensim.test.utils import datapath
from omegaconf import OmegaConf

from polyseme.data import corpus

ROOT = Path(__file__).parents[1]
EXCERPT = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SCALES = (1, 4, 16)
PAGES = 4  # every so manieth page
FRACTION = 0.15  # so that few documents fill every split
EXCHANGED = 0.25
HEAPS = (30, 0.6)
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
SAMPLING_SECONDS = 0.05
WORD = re.compile(r"(?<![\w&|=/])[a-z]{5,}(?![\w;|=/])")
TEXT = re.compile(r"(<text[^>]*>)(.*?)(</text>)", re.DOTALL)


class Exchange:
    """Exchange words of one copy after another; some become words that were never there."""

    def __init__(self, text: str) -> None:
        self._vocabulary = sorted(set(WORD.findall(text)))
        self._num_words = len(re.findall(r"[^\W\d_]+", text))
        self._exchanges = EXCHANGED * len(WORD.findall(text))
        self._invented = 0
        self.begin(0)

    def begin(self, copy: int) -> None:
        """Start the copy of this number."""
        self._draw = random.Random(copy)
        before, after = (HEAPS[0] * (n * self._num_words) ** HEAPS[1] for n in (copy, copy + 1))
        self._new = (after - before) / self._exchanges if copy else 0.0

    def __call__(self, match: re.Match[str]) -> str:
        """The word, or another one."""
        if self._draw.random() >= EXCHANGED:
            return match[0]
        if self._draw.random() < self._new:
            self._invented += 1
            return spelled(self._invented)
        drawn = self._draw.randrange(len(self._vocabulary) + self._invented)
        known = drawn < len(self._vocabulary)
        return self._vocabulary[drawn] if known else spelled(drawn - len(self._vocabulary) + 1)


def spelled(number: int) -> str:
    """An invented word of its own for each number."""
    word = ""
    while number:
        number, digit = divmod(number, len(SYLLABLES))
        word += SYLLABLES[digit]
    return f"zz{word}q"


def make(path: Path, scale: int) -> None:
    """A dump with `scale` altered copies of the pages."""
    dump = bz2.decompress(Path(datapath(EXCERPT)).read_bytes()).decode()
    start, stop = dump.index("<page>"), dump.rindex("</page>") + len("</page>")
    pages = re.findall(r"<page>.*?</page>\s*", dump, re.DOTALL)[::PAGES]
    text = "".join(pages)
    exchange = Exchange("".join(body for _, body, _ in TEXT.findall(text)))
    with bz2.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.write(dump[:start])
        for copy in range(scale):
            exchange.begin(copy)
            file.write(TEXT.sub(lambda m: m[1] + WORD.sub(exchange, m[2]) + m[3], text))
        file.write(dump[stop:])


def prepare(source: Path, out: Path, num_workers: int) -> None:
    """What the measured process does."""
    conf = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "corpus" / "wiki.yaml"))
    options, reader_options = corpus.check(conf, file="conf/corpus/wiki.yaml", key="corpus.wiki")  # type: ignore[arg-type]
    out.mkdir()
    options = replace(options, valid_fraction=FRACTION, test_fraction=FRACTION)
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
                    "types": card["splits"]["train"]["types"],
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
            heaps = HEAPS[0] * card["splits"]["train"]["words"] ** HEAPS[1]
            rows[-1]["heaps_types"] = round(heaps)
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
