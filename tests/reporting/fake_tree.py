"""A small fake tree of artifacts, as the stages would leave it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from fake_polysemy import OCCURRENCES, describe

from polyseme import paths, results
from polyseme.reporting.collect import Evidence, collect
from polyseme.reporting.selection import Selection

EXPERIMENT = "fake"
SEEDS = (0, 1, 2)
LEFT, HIDDEN = "every token, from the left", "hidden tokens (15 % of all), from both sides"
PREDICTS = {
    "elmo": {"predicts": "every token, from each side alone"},
    "awd_lstm": {"predicts": LEFT},
    "gpt": {"predicts": LEFT},
    "bert": {"predicts": HIDDEN},
    "electra": {"predicts": HIDDEN, "predictor": "its generator"},
    "gpt_bert": {"predicts": HIDDEN},
}
CONTEXTUAL = tuple(PREDICTS)
STATIC = ("random", "count", "word2vec", "cbow", "fasttext", "glove")
LAYERS = dict.fromkeys(STATIC, 1) | {"elmo": 4} | dict.fromkeys(CONTEXTUAL[1:], 5)
SELECTION = Selection(
    corpora=("wiki",),
    representations=("random", "word2vec", "bert"),
    tasks=("truecase", "sst2", "wordsim353", "google_analogies"),
    probes=("linear",),
    strategies=("scratch", "frozen", "full"),
    baselines=("majority", "type_majority"),
)
WITH_SENSES = replace(SELECTION, tasks=(*SELECTION.tasks, OCCURRENCES))
MANY = replace(WITH_SENSES, representations=(*STATIC, *CONTEXTUAL))
INTRINSIC = {"wordsim353": "spearman", "google_analogies": "accuracy"}
QUALITY = {
    **{name: 0.45 + 0.02 * n for n, name in enumerate(STATIC)},
    **{name: 0.56 + 0.02 * n for n, name in enumerate(CONTEXTUAL)},
    **{f"{name}_init": 0.42 for name in CONTEXTUAL},
    **{"random": 0.40, "word2vec": 0.55, "bert": 0.62},
}
BOOST = {"scratch": 0.0, "frozen": 0.06, "full": 0.10}


def noise(*key: Any) -> float:
    """A number in -1..1 that depends on the key alone."""
    return zlib.crc32(repr(key).encode()) / 2**31 - 1


class Tree:
    """Writes stage results below `root`; `rows` can be changed before `write`."""

    def __init__(self, root: Path, selection: Selection = SELECTION) -> None:
        self.root, self.selection = root, selection
        self.params: dict[str, Any] = {
            "numerics": 1,
            "names": {},
            "runtime": {"num_threads": 2},
            "task": {OCCURRENCES: {"words": ["crack", "bank"]}},
        }

    def write(self) -> Tree:
        for corpus in self.selection.corpora:
            card = {"name": corpus, "licence": "CC BY-SA 4.0", "documents": {"train": 90}}
            self._json(paths.corpus(EXPERIMENT, corpus) / "card.json", card)
            for name in self.selection.representations:
                self._write_representation(corpus, name)
        for task in self.selection.tasks:
            card = {"name": task, "main_metric": "macro_f1", "num_items": {"test": 1000}}
            card |= {"family": OCCURRENCES} if task == OCCURRENCES else {}
            self._json(paths.task(EXPERIMENT, task) / "task.json", card)
        if self.selection.baselines:
            self.table(("baseline",), list(self._baselines()))
        return self

    def table(
        self,
        stage: tuple[str, ...],
        rows: list[dict[str, Any]],
        schema: pa.Schema = results.SCHEMA,
    ) -> None:
        path = self.root / paths.results(EXPERIMENT, *stage) / "results.parquet"
        results.write(path, rows, schema=schema)

    def record(self, stage: str, **facts: Any) -> None:
        machine = {"hardware": {"cpu": "test", "cores": 2}, "versions": {"torch": "2.13.0"}}
        self._json(paths.run_record(EXPERIMENT, stage), {"stage": stage, **machine, **facts})

    def described(self, name: str, corpus: str = "wiki") -> Path:
        """Where the description of words with several senses lies, from the root."""
        return paths.results(EXPERIMENT, "intrinsic", corpus, name) / f"{OCCURRENCES}.json"

    def model(self, name: str, corpus: str = "wiki") -> Path:
        """Folder of a representation, from the root."""
        return paths.model(EXPERIMENT, corpus, name)

    def trained(self) -> list[str]:
        return [task for task in self.selection.tasks if task not in (*INTRINSIC, OCCURRENCES)]

    def collect(self) -> Evidence:
        return collect(
            EXPERIMENT,
            self.selection,
            params=self.params,
            root=self.root,
            open_=lambda path: self.root / path,
        )

    def _json(self, path: Path, content: Any) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(json.dumps(content), encoding="utf-8")

    def _write_representation(self, corpus: str, name: str) -> None:
        is_static = name in STATIC
        base = {
            "corpus": corpus,
            "representation": name,
            "family": "static" if is_static else "contextual",
            "words_seen": 0 if name == "random" else 2_000_000,
            "num_parameters": 3_000_000,
            "pooling": None if is_static else "mean",
        }
        self.table(("model", corpus, name), [] if is_static else list(self._pretrain(base)))
        self._json(self.model(name, corpus) / "representation.json", base)
        if not is_static:
            (self.root / self.model(name, corpus) / "history.csv").write_text(_history(name))
        self.record_making(name, corpus)
        if self.selection.strategies:
            self._write_finetune(base, corpus, name)
        if self.selection.probes:
            self.table(("probe", corpus, name), list(self._probe(base)))
        if self.selection.tasks:
            self.table(("intrinsic", corpus, name), list(self._intrinsic(base)))
            rows = list(self._invariance(base))
            self.table(("invariance", corpus, name), rows, schema=results.CHECK_SCHEMA)
        if OCCURRENCES in self.selection.tasks:
            self._json(self.described(name, corpus), describe(LAYERS[name]))

    def record_making(self, name: str, corpus: str = "wiki", **other: Any) -> None:
        """The run record of the stage that makes a representation, with other facts."""
        costs = {"num_bytes": 12_000_000}
        loss = PREDICTS.get(name, {})
        if name in STATIC:
            costs["num_types"] = 40_000
        if name == "glove":
            costs |= {"num_nonzeros": 700_000, "num_updates": 7_000_000}
        seconds = {"random": 1.5, "word2vec": 20.0}.get(name, 600.0)
        facts = {"seconds": seconds, "peak_memory_bytes": 2**30, "costs": costs, "loss": loss}
        stage = "static" if name in STATIC else "pretrain"
        self.record(f"{stage}@{corpus}-{name}", **facts | other)

    def _write_finetune(self, base: dict[str, Any], corpus: str, name: str) -> None:
        rows = list(self._finetune(base))
        self.table(("finetune", corpus, name), rows)
        keys = [
            "/".join(str(row[k]) for k in ("task", "strategy", "train_size", "seed"))
            for row in rows
        ]
        seconds = {key: 5.0 + noise(key) for key in keys}
        self.record(f"finetune@{corpus}-{name}", seconds=90.0, row_seconds=seconds)

    def _pretrain(self, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
        measured = {"loss": 4.2, "bits_per_byte": 1.31, "perplexity": 66.7}
        if base["representation"] == "electra":
            measured |= {"detection_loss": 0.3, "detection_accuracy": 0.9, "replaced_share": 0.12}
        for metric, value in measured.items():
            row = {"stage": "pretrain", "split": "valid", "metric": metric, "value": value}
            yield base | row | {"num_items": 5000}

    def _finetune(self, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for task in self.trained():
            for strategy in self.selection.strategies:
                for seed in SEEDS:
                    for metric in ("accuracy", "macro_f1"):
                        name = base["representation"]
                        value = QUALITY[name] + BOOST[strategy] + 0.1 * (metric == "accuracy")
                        value += 0.004 * noise(task, strategy, seed, name)
                        for split in ("valid", "test"):
                            row = {"stage": "finetune", "task": task, "strategy": strategy}
                            row |= {"seed": seed, "train_size": 1000, "split": split}
                            row |= {"layer": "mix", "metric": metric, "num_items": 900}
                            yield base | row | {"value": value + 0.01 * (split == "valid")}

    def _probe(self, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
        own = base["representation"]
        names = [own] if own in STATIC else [own, f"{own}_init"]
        for task in self.trained():
            for name in names:
                for layer in range(LAYERS[own]):
                    for seed in SEEDS:
                        yield from self._probed(base | {"representation": name}, task, layer, seed)

    def _probed(
        self, base: dict[str, Any], task: str, layer: int, seed: int
    ) -> Iterator[dict[str, Any]]:
        name = base["representation"]
        slope = 0.05 if name in CONTEXTUAL else -0.02
        real = QUALITY[name] + slope * layer + 0.004 * noise(task, name, layer, seed)
        control = 0.45 - 0.03 * layer + 0.004 * noise("control", task, name, layer, seed)
        row = {"stage": "probe", "task": task, "probe": "linear", "layer": str(layer)}
        row |= {"seed": seed, "train_size": 500, "split": "test", "num_items": 900}
        row = base | row
        yield row | {"metric": "accuracy", "control": False, "value": real}
        yield row | {"metric": "accuracy", "control": True, "value": control}
        yield row | {"metric": "selectivity", "value": real - control}

    def _intrinsic(self, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
        name = base["representation"]
        for task, metric in INTRINSIC.items():
            for layer in range(LAYERS[name]):
                row = base | {"stage": "intrinsic", "task": task, "layer": str(layer)}
                row |= {"split": "test"}
                yield row | {"metric": "coverage", "value": 0.8, "num_items": 353}
                for policy, items in {"skip": 282, "zero": 353}.items():
                    score = {"metric": metric, "strategy": policy, "num_items": items}
                    yield row | score | {"value": 0.3 * items / 353 + 0.01 * layer}

    def _invariance(self, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
        row = base | {"stage": "invariance", "split": "test", "num_items": 32}
        right = "all batches are padded on the right"
        for task in self.selection.tasks:
            for n, check in enumerate(("batch_size", "padding", "order")):
                found = {"task": task, "metric": check, "value": n * 1e-7, "tolerance": 1e-4}
                yield row | found | {"checked": True}
            yield row | {"task": task, "metric": "left_padding", "reason": right}

    def _baselines(self) -> Iterator[dict[str, Any]]:
        for task in self.trained():
            row = {"stage": "baseline", "task": task, "split": "test", "num_items": 900}
            for control in (False, True):
                for metric in ("accuracy", "macro_f1"):
                    score = {"metric": metric, "control": control, "value": 0.5 - 0.1 * control}
                    yield row | {"representation": "type_majority"} | score
                    yield row | {"representation": "majority"} | score | {"value": 0.3}


def _history(name: str) -> str:
    start = QUALITY[name] / QUALITY["bert"]
    lines = ["step,words_seen,learning_rate,loss,valid_loss,valid_bits_per_byte,valid_perplexity"]
    for step in range(1, 41):
        falling = start / step**0.3
        valid = f"{9 * falling:.4g},{3 * falling:.4g},{80 * falling:.4g}"
        lines.append(f"{step},{step * 50000},0.001,{9 * falling:.4g},")
        lines[-1] += valid if step % 4 == 0 else ",,"
    return "\n".join(lines) + "\n"
