"""How fast is a Wikipedia dump prepared? Words a second, beside gensim's WikiCorpus and datatrove.

    python -m benchmarks dump_speed

- `WikiCorpus`: gensim's, alone: it reads, removes markup and splits words; it does not normalise,
  look for duplicates, split sentences, or write anything. Its words have 2 to 15 letters.
- `polyseme`: the whole preparation, with near-duplicates, subword tokenizer and token files. Its
  words are letters, numbers and other characters, without those of lists and headings.
- `datatrove`: the same steps as a datatrove pipeline (`preparation=datatrove_local`); same bytes.

Two processes each. The input is what gensim ships as test data, 106 articles, four times: each
copy with titles of its own, and a quarter of its longer words exchanged, so that no article is a
near-duplicate (prepare_memory.py). The tokenizer learns from about a twentieth of the text; of a
whole dump it would see less. Rounds are interleaved; each measures the seconds between call and
return in a fresh process, imports excluded, and the processor's seconds of all processes, which
other load on the machine changes less. Ratios are of words a second, medians over the rounds.

Markup left over is counted in the text of 20 articles of each, a 1,000 words: brackets and braces
of links, templates and tables, tags, entities, quotes, headings. WikiCorpus keeps letters only,
so its text is taken before it splits words (`filter_wiki`).
"""

from __future__ import annotations

import argparse
import bz2
import importlib
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from gensim.test.utils import datapath
from omegaconf import OmegaConf

from benchmarks import _report
from benchmarks.prepare_memory import EXCERPT, ROOT, TEXT, WORD, Exchange
from polyseme.data import corpus
from polyseme.runtime.preparing import Preparing

IMPORTED = {"polyseme": "polyseme.corpora.mediawiki", "datatrove": "polyseme.data.scale.executors"}
SYSTEMS = ("WikiCorpus", "polyseme", "datatrove")
COPIES, ROUNDS, PROCESSES, ARTICLES = 4, 3, 2, 20
SAMPLE_BYTES = 600_000
MARKUP = re.compile(
    r"\[\[|\]\]|\{\{|\}\}|\{\||\|\}|\||</?[a-zA-Z]+[^<>]*>|<ref|&[a-zA-Z]+;|&#\d+;|'{2,}|={2,}|__[A-Z]+__"
)
TITLE = re.compile(r"<title>(.*?)</title>")


def make(path: Path, copies: int) -> None:
    """A dump with altered copies of the pages."""
    dump = bz2.decompress(Path(datapath(EXCERPT)).read_bytes()).decode()
    start, stop = dump.index("<page>"), dump.rindex("</page>") + len("</page>")
    pages = dump[start:stop]
    exchange = Exchange("".join(body for _, body, _ in TEXT.findall(pages)))
    with bz2.open(path, "wt", encoding="utf-8") as file:
        file.write(dump[:start])
        for copy in range(copies):
            exchange.begin(copy)
            made = TEXT.sub(lambda m: m[1] + WORD.sub(exchange, m[2]) + m[3], pages)
            file.write(TITLE.sub(rf"<title>\1 {copy}</title>", made) + "\n")
        file.write(dump[stop:])


def wikicorpus(source: Path, _: Path) -> tuple[float, int]:
    from gensim.corpora import WikiCorpus

    started = time.perf_counter()
    corpus = WikiCorpus(str(source), processes=PROCESSES, dictionary={})
    words = sum(map(len, corpus.get_texts()))
    return time.perf_counter() - started, words


def prepared(source: Path, out: Path, executor: str) -> tuple[float, int]:
    conf = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "corpus" / "wiki.yaml"))
    options, reader_options = corpus.check(conf, file="conf/corpus/wiki.yaml", key="corpus.wiki")  # type: ignore[arg-type]
    (result := out / "result").mkdir()
    started = time.perf_counter()
    card = corpus.prepare(
        replace(options, tokenizer_sample_bytes=SAMPLE_BYTES),
        reader_options,
        name="wiki",
        source=source,
        out=result,
        num_workers=PROCESSES,
        progress=False,
        how=Preparing(executor=executor, num_tasks=PROCESSES),
        scratch=out,
    )
    return time.perf_counter() - started, card["total"]["words"]


def measure(system: str, source: Path) -> dict[str, float]:
    """Seconds and words of one system, in this process."""
    importlib.import_module("gensim.corpora" if system == "WikiCorpus" else IMPORTED[system])
    before = _processor()
    with tempfile.TemporaryDirectory() as folder:
        if system == "WikiCorpus":
            seconds, words = wikicorpus(source, Path(folder))
        else:
            executor = "here" if system == "polyseme" else "local"
            seconds, words = prepared(source, Path(folder), executor)
    return {"seconds": seconds, "words": words, "processor_seconds": _processor() - before}


def _processor() -> float:
    """Seconds of this process and of those that it has waited for."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)


def left_over() -> dict[str, float]:
    """Markup a 1,000 words in the text of the first articles."""
    from gensim.corpora.wikicorpus import filter_wiki

    from polyseme.corpora import mediawiki

    options = mediawiki.Config()
    raws = list(mediawiki.documents(options, Path(datapath(EXCERPT))))[:ARTICLES]
    texts = {
        "WikiCorpus": [filter_wiki(raw.text) for raw in raws],
        "polyseme": ["\n".join(mediawiki.clean(options, raw)) for raw in raws],
    }
    found = {}
    for system, articles in texts.items():
        text = "\n".join(articles)
        found[system] = round(1000 * len(MARKUP.findall(text)) / len(text.split()), 2)
    return found | {"datatrove": found["polyseme"]}


def run(copies: int, rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {system: [] for system in SYSTEMS}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "dump.xml.bz2")
        make(source, copies)
        for number in range(rounds):
            for system in SYSTEMS[number % 3 :] + SYSTEMS[: number % 3]:
                command = [sys.executable, "-m", "benchmarks.dump_speed", "--measure", system]
                done = subprocess.run([*command, str(source)], capture_output=True, check=True)
                found[system].append(json.loads(done.stdout.splitlines()[-1]))
                print(number, system, found[system][-1], flush=True)
    _report.write("dump_speed", list(rows(found)), copies=copies, rounds=found)


def rows(found: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """One row a system."""
    markup, result = left_over(), []
    for system, times in found.items():
        rates, ratios = _ratios(times, found["WikiCorpus"], "seconds")
        _, processor = _ratios(times, found["WikiCorpus"], "processor_seconds")
        result.append(
            {
                "system": system,
                "words": int(times[0]["words"]),
                "seconds": round(statistics.median(one["seconds"] for one in times), 2),
                "words_per_second": round(statistics.median(rates)),
                "ratio_to_WikiCorpus": round(statistics.median(ratios), 2),
                "range": [round(min(ratios), 2), round(max(ratios), 2)],
                "ratio_by_processor_seconds": round(statistics.median(processor), 2),
                "markup_a_1000_words": markup[system],
            }
        )
    return result


def _ratios(
    times: list[dict[str, float]], beside: list[dict[str, float]], per: str
) -> tuple[list[float], list[float]]:
    """Words a second of each round, and how many times those of another system."""
    rates = [one["words"] / one[per] for one in times]
    others = [one["words"] / one[per] for one in beside]
    return rates, [rate / other for rate, other in zip(rates, others, strict=True)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=COPIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure[0], Path(chosen.measure[1]))))
    else:
        run(chosen.copies, chosen.rounds)
