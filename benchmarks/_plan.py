"""A paper plan: what 100 billion words and 64 GPUs would take, from what is measured.

Nothing here is a measurement. Constants come from benchmarks/results (seconds and bytes a word at
the largest measured size, tokens a second on a GPU, bytes of each unit in memory), and the rest is
assumed: it stands below, and in the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import _tables

RESULTS = Path(__file__).parent / "results"
NEEDED = {"growth", "growth_limits", "gpu_bert", "gpu_speed", "encode_speed"}

WORDS, GPUS, MEMORY_GIB = 100e9, 64, 128
WORDS_PER_DOCUMENT, TOKENS_PER_WORD, ROW_TOKENS, GROUP_WORDS = 500, 1.5, 64, 100_000
HEAPS = (30, 0.6)
"""Types among n words: 30 n^0.6, as benchmark prepare_memory has it."""
SIGNATURE_BYTES = 512
ENCODED_WORDS = 1e9
BASE_LAYERS, BASE_DIM, BASE_VOCABULARY, BASE_BATCH_TOKENS = 12, 768, 8192, 64 * 128
PEAK_FLOPS = 989e12
"""Of an H100 SXM in bf16 without sparsity, as its data sheet says."""
GIB, TB, HOUR = 2**30, 1e12, 3600


class Measured(NamedTuple):
    """Results by benchmark, and the largest cell of each stage of `growth`, its best round."""

    results: dict[str, Any]
    cells: dict[str, dict[str, Any]]

    @classmethod
    def read(cls) -> Measured | None:
        """None where something is not measured yet."""
        paths = {name: RESULTS / f"{name}.json" for name in NEEDED}
        if not all(path.exists() for path in paths.values()):
            return None
        results = {name: json.loads(path.read_text()) for name, path in paths.items()}
        cells = results["growth"]["cells"]
        cells = sorted(cells, key=lambda cell: (cell["words"], -cell["cpu_seconds"]))
        return cls(results, {cell["stage"]: cell for cell in cells})

    def per_word(self, stage: str, key: str = "cpu_seconds") -> float:
        """What a word takes at the largest size."""
        cell = self.cells[stage]
        return float(cell[key] / cell["words"])

    def rate(self, benchmark: str, column: str, row: str, value: str) -> float:
        """A number out of a table."""
        rows = self.results[benchmark]["rows"]
        return float(next(r[value] for r in rows if r[column] == row))

    @property
    def cores(self) -> int:
        """Processors beside each GPU, as where it was measured."""
        return int(self.results["gpu_bert"]["hardware"]["cores"])


def stages() -> str:
    """The plan, stage by stage, and what it assumes."""
    return _if_measured(_stages)


def memory() -> str:
    """What is held in memory at this size."""
    return _if_measured(_memory)


def _if_measured(made: Callable[[Measured], str]) -> str:
    found = Measured.read()
    if found is None:
        return "Not measured yet: `make bench BENCH=growth` and `make bench BENCH=growth_limits`."
    return made(found)


def _stages(found: Measured) -> str:
    rows = [*_preparation(found), *_static(found), *_neural(found)]
    return "\n".join([*_tables.markdown(rows), "", *_assumed(found)])


def _row(
    stage: str, over: int, seconds: float, *, read: float, written: float, bottleneck: str
) -> dict[str, Any]:
    """Seconds are those of one processor or card; `over` as many share them."""
    return {
        "stage": stage,
        "over": f"{over:,}" if over > 1 else "one process",
        "hours_of_one": number(seconds / HOUR),
        "hours": number(seconds / over / HOUR),
        "read_TB": number(read / TB),
        "written_TB": number(written / TB),
        "bottleneck": bottleneck,
    }


def _preparation(found: Measured) -> list[dict[str, Any]]:
    clean, documents = found.cells["clean"], WORDS / WORDS_PER_DOCUMENT
    raw = WORDS * found.per_word("text", "input_bytes")
    kept = WORDS * found.per_word("clean", "output_bytes")
    store = WORDS * TOKENS_PER_WORD * found.cells["tokens"]["output_bytes"]
    store /= found.cells["tokens"]["tokens"]
    reading = WORDS * found.per_word("text")
    duplicates = documents * clean["duplicates_seconds"] / clean["read"]
    spool = kept + SIGNATURE_BYTES * documents
    cleaning = WORDS * found.per_word("clean", "clean_seconds")
    return [
        _row("read, clean, sign", GPUS * found.cores, cleaning,
             read=raw, written=spool, bottleneck="processors"),
        _row("seek duplicates", 1, duplicates,
             read=SIGNATURE_BYTES * documents, written=0, bottleneck="memory, below"),
        _row("select, count words", 1, WORDS * found.per_word("clean", "select_seconds"),
             read=kept, written=kept, bottleneck="one process"),
        _row("tokenizer", 1, found.cells["tokenizer"]["cpu_seconds"] + reading,
             read=kept, written=0, bottleneck="one process that reads it all for 100 MB"),
        _row("token store", 1, WORDS * found.per_word("tokens"),
             read=kept, written=store, bottleneck="one process"),
    ]  # fmt: skip


def _static(found: Measured) -> list[dict[str, Any]]:
    kept = WORDS * found.per_word("clean", "output_bytes")
    one_machine = "threads of one machine; types in memory"
    return [
        _row("word2vec, one pass", found.cores, WORDS * found.per_word("word2vec"),
             read=2 * kept, written=0, bottleneck=one_machine),
        _row("count", 1, WORDS * found.per_word("count"),
             read=kept, written=0, bottleneck="one process; pairs in memory"),
        _row("glove, one pass over pairs", 1, WORDS * found.per_word("glove"),
             read=kept, written=0, bottleneck="one process; pairs in memory"),
    ]  # fmt: skip


def _neural(found: Measured) -> list[dict[str, Any]]:
    tokens = WORDS * TOKENS_PER_WORD
    store = tokens * found.cells["tokens"]["output_bytes"] / found.cells["tokens"]["tokens"]
    sentences = found.rate("gpu_speed", "work", "encode, bert of base size", "gpu")
    words = sentences * found.results["encode_speed"]["words_per_sentence"]
    vectors = ENCODED_WORDS * (BASE_LAYERS + 1) * BASE_DIM * 2
    probed = 2000 * 512 / found.rate("gpu_speed", "work", "linear probes, 768 dimensions", "gpu")
    return [
        _row("pre-train BERT of base size, one pass", GPUS, tokens / _tokens_per_second(found),
             read=store, written=0, bottleneck="exchange of gradients, below"),
        _row("encode a billion words with it, 13 layers", GPUS, ENCODED_WORDS / words,
             read=0, written=vectors, bottleneck="disk"),
        _row("linear probes of one task", 1, probed,
             read=0, written=0, bottleneck="none: 50,000 units at most"),
    ]  # fmt: skip


def _tokens_per_second(found: Measured) -> float:
    return found.rate("gpu_bert", "contestant", "polyseme, AdamW", "tokens_per_second")


def _assumed(found: Measured) -> list[str]:
    rate = _tokens_per_second(found)
    weights = BASE_LAYERS * 12 * BASE_DIM**2 + BASE_VOCABULARY * BASE_DIM
    share = 6 * weights * rate / PEAK_FLOPS
    exchanged = 2 * 4 * weights * rate / BASE_BATCH_TOKENS
    sizes = {name: cell["words"] / 1e6 for name, cell in found.cells.items()}
    low, high = min(sizes.values()), max(sizes.values())
    return [
        f"Computed, not measured. Taken from measurements: seconds and bytes a word at the largest "
        f"size of each stage ({low:g}M to {high:g}M words of the controlled language), "
        f"{rate:,.0f} tokens a second of BERT of base size on one "
        f"{found.results['gpu_bert']['gpu']}. Assumed: all stages stay linear; documents of "
        f"{WORDS_PER_DOCUMENT} words, {TOKENS_PER_WORD} tokens a word; {GPUS} cards with "
        f"{found.cores} cores each, over which the work spreads without loss; `read, clean, sign` "
        "runs on shards of the files. Natural text compresses less and has more types and pairs; "
        "what is lost to stragglers, start-up and failures is not counted.",
        "",
        f"That rate is {share:.0%} of the card's peak (6 operations a weight and token, "
        f"{weights / 1e6:.0f}M weights, {PEAK_FLOPS / 1e12:.0f} TFLOP/s). At "
        f"{BASE_BATCH_TOKENS:,} tokens a card and step, a ring sends {exchanged / 1e9:.0f} GB/s "
        "of float32 gradients out of every card and as much into it: within reach of the links "
        "inside a machine, not of a common network between machines, where larger batches or "
        "accumulated steps have to make up for it.",
    ]


def _memory(found: Measured) -> str:
    rows = []
    for row in found.results["growth_limits"]["rows"]:
        units, note = _units(row["unit"], row["what"])
        held = units * row["bytes"] / GIB if units else 0.0
        fit = MEMORY_GIB * GIB / row["bytes"]
        rows.append({
            "what": row["what"], "stage": row["stage"],
            "bytes": f"{row['bytes']:,.0f} a {row['unit']}",
            "units_at_100B_words": note,
            "GiB": number(held) if units else "-",
            f"{MEMORY_GIB}_GiB_hold": f"{number(fit / 1e6)}M",
        })  # fmt: skip
    return "\n".join(_tables.markdown(rows))


def _units(unit: str, what: str) -> tuple[float, str]:
    types = HEAPS[0] * WORDS ** HEAPS[1]
    if "counter" in what:
        return 3 * 500_000, "3 splits x 500,000, whatever the text"
    known = {
        "document": WORDS / WORDS_PER_DOCUMENT,
        "type": types,
        "row group": WORDS / GROUP_WORDS,
        "row": WORDS * TOKENS_PER_WORD / ROW_TOKENS,
    }
    if unit not in known:
        return 0.0, {"pair": "depends on the text"}.get(unit, "those of the task, not of the text")
    return known[unit], f"{number(known[unit] / 1e6)}M"


def number(value: float) -> str:
    """Two or three digits that say enough."""
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
