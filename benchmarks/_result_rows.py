"""Result rows of an experiment that never ran: seeded, of every stage, as many as asked for.

Twelve representations and twenty tasks, as in the larger experiments; values fall with the number
of labels and rise with the layer, with noise over seeds, so that there is something to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Any

import numpy as np

from polyseme import results
from polyseme.reporting.collect import Evidence
from polyseme.reporting.made import Made
from polyseme.reporting.measurements import INIT, Measurements, ordering
from polyseme.reporting.polysemy import Context, Gap, Layer, Occurrence, Polysemy, Word
from polyseme.reporting.selection import Selection

STATIC = tuple("random count word2vec cbow fasttext glove".split())
CONTEXTUAL = tuple("elmo awd_lstm gpt bert electra gpt_bert".split())
ROWS_A_TASK = 5000
SIMILARITY = tuple(f"pairs_{n:02}" for n in range(10))
GAPS, SENSES, TREES = "gaps", "occurrences", "trees"
STRATEGIES = ("scratch", "frozen", "full", "gradual")
SIZES, SEEDS, LAYERS = (32, 128, 1024), range(5), range(5)
CORPUS = "corpus"
Row = dict[str, Any]


def evidence(number: int, seed: int = 0) -> Evidence:
    """What a report of `number` rows is made of; it has a task for every ROWS_A_TASK of them."""
    tasks = tuple(f"task_{n:02}" for n in range(max(2, number // ROWS_A_TASK)))
    selection = Selection(
        corpora=(CORPUS,),
        representations=(*STATIC, *CONTEXTUAL),
        tasks=(*tasks, TREES, *SIMILARITY, GAPS, SENSES),
        probes=("linear", "mlp", "mdl", "structural"),
        strategies=STRATEGIES,
        baselines=("majority", "type_majority"),
    )
    options = {name: {"epochs": 10, "learning_rate": 1e-3} for name in STRATEGIES}
    params = {"strategy": options, "numerics": 0}
    kinds = dict.fromkeys(SIMILARITY, "similarity") | {GAPS: "gaps", SENSES: "occurrences"}
    kinds |= {name: ("tagging", "classification")[n % 2] for n, name in enumerate(tasks)}
    cards = {
        name: {"name": name, "family": kind, "main_metric": "accuracy", "num_items": {"test": 900}}
        for name, kind in kinds.items()
    }
    found = Evidence("synthetic", selection, params, tasks=cards)
    found.corpora[CORPUS] = {"name": CORPUS, "licence": "CC0 1.0", "documents": {"train": 9000}}
    chance = np.random.default_rng(seed)
    for name in selection.representations:
        found.made[name] = _made(name)
        found.polysemy[name] = _polysemy(chance, 1 if name in STATIC else len(LAYERS))
    for name in CONTEXTUAL:
        found.histories[name] = [_step(n) for n in range(1, 200)]
        looks = product(tasks, range(4))
        found.forgetting += [_look(name, task, epoch) for task, epoch in looks]
    found.rows = _ordered(list(islice(_rows(chance, tasks), number)), selection)
    return found


def _rows(chance: np.random.Generator, tasks: Sequence[str]) -> Iterator[Row]:
    """Short stages first, then as many paradigms of minimal pairs as it takes."""
    parts = [_pretrain(), _checks(tasks), _baselines(tasks), _finetune(tasks), _probe(tasks)]
    parts += [_intrinsic(), _more()]
    for part in parts:
        for row in part:
            noise = 0.01 * float(chance.standard_normal())
            yield dict.fromkeys(results.REPORT_SCHEMA.names) | row | {"value": row["value"] + noise}


def _base(name: str) -> Row:
    kind = "static" if name in STATIC else "contextual"
    rank = (*STATIC, *CONTEXTUAL).index(name.removesuffix(INIT))
    size = {"num_parameters": 10**6 * (1 + rank), "num_bytes": 4 * 10**6 * (1 + rank)}
    row = {"corpus": CORPUS, "representation": name, "family": kind, "checked": True}
    return row | size | {"words_seen": 0 if name == "random" else 10**7, "num_items": 900}


def _quality(name: str) -> float:
    return 0.4 if name.endswith(INIT) else 0.45 + 0.02 * (*STATIC, *CONTEXTUAL).index(name)


def _pretrain() -> Iterator[Row]:
    for name in CONTEXTUAL:
        row = _base(name) | {"stage": "pretrain", "split": "valid"}
        for metric, value in (("loss", 4.2), ("bits_per_byte", 1.3), ("perplexity", 66.0)):
            yield row | {"metric": metric, "value": value}


def _checks(tasks: Sequence[str]) -> Iterator[Row]:
    for name, task, check in product(
        (*STATIC, *CONTEXTUAL), tasks, ("batch_size", "padding", "order")
    ):
        row = _base(name) | {"stage": "invariance", "split": "test", "task": task}
        yield row | {"metric": check, "value": 0.0, "tolerance": 1e-4}


def _baselines(tasks: Sequence[str]) -> Iterator[Row]:
    for name, task in product(("majority", "type_majority"), tasks):
        row = {"stage": "baseline", "representation": name, "task": task, "split": "test"}
        yield row | {"metric": "accuracy", "control": False, "value": 0.4, "num_items": 900}


def _finetune(tasks: Sequence[str]) -> Iterator[Row]:
    systems = (*STATIC, *CONTEXTUAL)
    for name, task, strategy in product(systems, tasks, STRATEGIES):
        base = _base(name) | {"stage": "finetune", "task": task, "strategy": strategy}
        base |= {"layer": "mix", "seconds": 5.0 + len(name), "control": False}
        for size, seed, split in product(SIZES, SEEDS, ("valid", "test")):
            value = _quality(name) + 0.04 * np.log2(size) / 5 + 0.02 * STRATEGIES.index(strategy)
            row = base | {"train_size": size, "seed": seed, "split": split}
            yield row | {"metric": "accuracy", "value": value}


def _probe(tasks: Sequence[str]) -> Iterator[Row]:
    twins = [f"{name}{INIT}" for name in CONTEXTUAL]
    for name, task in product((*STATIC, *CONTEXTUAL, *twins), (*tasks, TREES)):
        base = _base(name) | {"stage": "probe", "task": task, "split": "test", "train_size": 1024}
        for layer, seed in product(LAYERS if base["family"] == "contextual" else [0], SEEDS):
            row = base | {"layer": str(layer), "seed": seed, "control": False}
            real = _quality(name) + 0.02 * layer
            if task == TREES:
                yield row | {"probe": "structural", "metric": "uuas", "value": real}
                continue
            for probe in ("linear", "mlp"):
                own = row | {"probe": probe}
                yield own | {"metric": "accuracy", "value": real}
                yield own | {"metric": "accuracy", "control": True, "value": 0.4}
                yield own | {"metric": "selectivity", "control": None, "value": real - 0.4}
            yield row | {"probe": "mdl", "metric": "compression", "value": 1 + real}
            yield row | {"probe": "mdl", "metric": "kilobits", "value": 10 - real}


def _intrinsic() -> Iterator[Row]:
    for name in (*STATIC, *CONTEXTUAL):
        base = _base(name) | {"stage": "intrinsic", "split": "test"}
        for task, layer in product(SIMILARITY, LAYERS if name in CONTEXTUAL else [0]):
            row = base | {"task": task, "layer": str(layer)}
            yield row | {"metric": "coverage", "value": 0.8}
            for policy in ("skip", "zero"):
                yield row | {"strategy": policy, "metric": "spearman", "value": 0.3 + 0.01 * layer}
    for name, (metric, value) in product(
        ("bert", "gpt_bert"), (("bits_per_gap", 3.4), ("floor_bits_per_gap", 2.8),
                               ("excess_bits_per_gap", 0.6), ("excess_error", 0.04)),
    ):  # fmt: skip
        row = _base(name) | {"stage": "intrinsic", "task": GAPS, "split": "test"}
        yield row | {"metric": metric, "value": value}


def _more() -> Iterator[Row]:
    """Paradigms of analogies, without end."""
    n = 0
    while True:
        for name in (*STATIC, *CONTEXTUAL):
            row = _base(name) | {"stage": "intrinsic", "task": SIMILARITY[0], "split": "test"}
            row |= {"part": f"part {n:05}", "strategy": "skip", "layer": "0"}
            yield row | {"metric": "spearman", "value": 0.3}
        n += 1


def _ordered(rows: list[Row], selection: Selection) -> Measurements:
    for row in rows:
        row["system"] = row["representation"]
    names = {"representation": selection.representations, "task": selection.tasks}
    names |= {"strategy": selection.strategies, "probe": selection.probes}
    return Measurements(sorted(rows, key=ordering(names)))


def _made(name: str) -> Made:
    base = _base(name)
    record = {
        "seconds": 60.0,
        "peak_memory_bytes": 2**30,
        "costs": {"num_bytes": base["num_bytes"]},
    }
    record["loss"] = {"predicts": "every token, from the left"}
    return Made(base, "static" if name in STATIC else "pretrain", record)


def _step(n: int) -> dict[str, float | None]:
    loss = 9 / n**0.3
    names = ("loss", "valid_loss", "valid_bits_per_byte", "valid_perplexity")
    return {"step": float(n), "words_seen": 50_000.0 * n, "learning_rate": 1e-3} | dict.fromkeys(
        names, loss
    )


def _look(name: str, task: str, epoch: int) -> Row:
    bits = {"epoch": epoch, "step": 10 * epoch, "bits_per_byte": 1.3 + 0.1 * epoch}
    return {"system": name, "strategy": "full", "task": task, "train_size": 1024, "seed": 0} | bits


def _polysemy(chance: np.random.Generator, num_layers: int) -> Polysemy:
    shown = [Occurrence("the old bank closed .", 2, ("money", "shore")[n % 2]) for n in range(60)]
    layers = []
    for layer in range(num_layers):
        points = chance.standard_normal((len(shown), 2)).round(4).tolist()
        places = tuple((float(x), float(y)) for x, y in points)
        layers.append(Layer(str(layer), places, 0.5, 0.5 + 0.05 * layer))
    near = {str(layer): (("river", 0.8), ("money", 0.7)) for layer in range(num_layers)}
    contexts = tuple(Context(o.text, o.position, o.sense, near) for o in shown[:3])
    gap = Gap("the old ___ closed .", (("bank", 0.5), ("shop", 0.2)))
    words = {word: Word(tuple(shown), tuple(layers), contexts) for word in ("bank", "spring")}
    return Polysemy(words, (gap,) if num_layers > 1 else ())
