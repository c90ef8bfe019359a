"""Fake rows of all probes and intrinsic measures, as the stages write them.

By default the five textbook findings hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fake_tree import EXPERIMENT, LAYERS, SEEDS, SELECTION, STATIC, Tree, noise

from polyseme import paths, results
from polyseme.tasks import base as tasks

Row = dict[str, Any]
TAGGED, TREES, EDGES = ("cpos", "senses", "trees"), "structure", "edges"
FAMILIES = {
    "simlex999": "similarity",
    "google_analogies": "analogies",
    "outliers888": "outliers",
    "bless_categories": "categorization",
    "agreement": "minimal_pairs",
    "syntaxgym": "syntaxgym",
    "senses": "tagging",
    "wic": "pair",
    "structure": "tree",
    "edges": "edge",
}
PAIRS = 40
RICH = replace(
    SELECTION,
    representations=("random", "word2vec", "bert", "gpt"),
    tasks=("cpos", "senses", "trees", TREES, EDGES, "wic", *list(FAMILIES)[:6]),
    probes=("linear", "mlp", "mdl", "structural", "edge"),
    intrinsic=("similarity", "distillation", "language_model", "contextuality"),
    strategies=(),
)
BEST = {"cpos": 1, "senses": 3, "trees": 4}
"""Layer in which the linear probe is best."""
GAIN = {"cpos": 0.02, "senses": 0.2, "trees": 0.1}
"""What training adds."""


def write(tree: Tree) -> Tree:
    """All rows, in place of those that the tree has written."""
    tree.params["intrinsic"] = {"similarity": {"draws": 20}}
    for name in tree.selection.representations:
        base = _base(name)
        twins = [name] if name in STATIC else [name, f"{name}_init"]
        probed = [row for own in twins for row in probes(base | {"representation": own})]
        tree.table(("probe", "wiki", name), probed)
        tree.table(("intrinsic", "wiki", name), list(intrinsic(base)))
        folder = tree.root / paths.results(EXPERIMENT, "intrinsic", "wiki", name)
        results.write_items(folder / paths.items_of("similarity", "simlex999"), list(kept(name)))
    for task in tree.selection.tasks:
        path = paths.task(EXPERIMENT, task) / "task.json"
        card = {"name": task, "num_items": {"test": 100}, "family": FAMILIES.get(task, "tagging")}
        tree._json(path, card)
    gold = tasks.Split([["a", "b"]] * PAIRS, [float(n) for n in range(PAIRS)])
    card = {"name": "simlex999", "family": "similarity"}
    tasks.write(tree.root / paths.task(EXPERIMENT, "simlex999"), {"test": gold}, card)
    return tree


def lines_of(folder: Path, caption: str) -> list[dict[str, str]]:
    """Lines of the table of a report whose caption starts so, without Markdown's escapes."""
    text = (folder / "README.md").read_text().replace("\\", "")
    lines = text[text.index(f"**{caption}") :].splitlines()
    lines = lines[next(n for n, line in enumerate(lines) if line.startswith("| ")) :]
    end = next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))
    cells = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines[:end]]
    return [dict(zip(cells[0], row, strict=False)) for row in cells[2:]]


def _base(name: str) -> Row:
    return {
        "corpus": "wiki",
        "representation": name,
        "family": "static" if name in STATIC else "contextual",
        "words_seen": 0 if name == "random" else 2_000_000,
        "num_parameters": 3_000_000,
        "pooling": None if name in STATIC else "mean",
    }


def probes(base: Row) -> Iterator[Row]:
    """Rows of the probe stage of one representation."""
    layers = LAYERS[base["representation"].removesuffix("_init")]
    base = base | {"stage": "probe", "train_size": 500, "num_items": 900}
    for seed in SEEDS:
        for layer in range(layers):
            place = base | {"seed": seed, "layer": str(layer)}
            for task in TAGGED:
                yield from _classified(place | {"task": task}, layer)
                yield from _coded(place | {"task": task}, layer)
            yield from _tree(place, layer)
            row = {"task": EDGES, "probe": "edge", "split": "test", "control": False}
            cumulative = row | {"variant": "cumulative", "metric": "accuracy"}
            yield place | cumulative | {"value": 0.5 + 0.03 * layer + 0.001 * seed}
        if layers > 1:
            found = {"accuracy": 0.62, "centre_of_gravity": 2.25, "expected_layer": 3.5}
            for metric, value in found.items():
                mix = row | {"layer": "mix", "metric": metric, "value": value}
                yield base | {"seed": seed} | mix
    chain = {"task": TREES, "probe": "structural", "split": "test", "control": False}
    yield base | chain | {"metric": "uuas_chain", "value": 0.41}


def _classified(row: Row, layer: int) -> Iterator[Row]:
    task, name = row["task"], row["representation"]
    trained = 0.0 if name.endswith("_init") else GAIN[task]
    for probe, ranks in {"linear": (None, 4), "mlp": (8, 64)}.items():
        for rank in ranks:
            limited = {None: 0.0, 4: -0.1, 8: -0.12, 64: 0.01}[rank]
            real = 0.6 + trained - 0.01 * abs(layer - BEST[task]) + limited
            real += 0.002 * noise(task, name, layer, row["seed"], rank)
            control = 0.3 + (0.1 if probe == "mlp" else 0.0)
            common = row | {"probe": probe, "rank": rank, "split": "test"}
            yield common | {"metric": "accuracy", "control": False, "value": real}
            yield common | {"metric": "accuracy", "control": True, "value": control}
            left = {"metric": "selectivity", "control": False, "value": real - control}
            yield common | left


def _coded(row: Row, layer: int) -> Iterator[Row]:
    for control in (False, True):
        common = row | {"probe": "mdl", "split": "train", "control": control}
        compression = (1.2 if control else 2.0) + 0.1 * layer
        yield common | {"metric": "compression", "value": compression}
        yield common | {"metric": "kilobits", "value": 90 / compression}


def _tree(row: Row, layer: int) -> Iterator[Row]:
    for rank in (4, 32):
        values = {"uuas": 0.5, "dspr": 0.6, "root_accuracy": 0.7, "nspr": 0.8}
        for metric, value in values.items():
            common = row | {"task": TREES, "probe": "structural", "rank": rank, "split": "test"}
            score = value + 0.01 * layer + 0.001 * rank
            yield common | {"control": False, "metric": metric, "value": score}


def intrinsic(base: Row) -> Iterator[Row]:
    """Rows of the intrinsic stage of one representation."""
    name, is_static = base["representation"], base["family"] == "static"
    base = base | {"stage": "intrinsic", "split": "test", "num_items": 100}
    for layer in range(LAYERS[name]):
        row = base | {"layer": str(layer)}
        yield from _types(row, is_static, layer)
        for variant in ("1nn", "centroid"):
            for metric in ("accuracy", "accuracy_with_backoff", "answered"):
                value = 0.5 + 0.02 * layer + 0.3 * (metric == "answered")
                yield row | {"task": "senses", "variant": variant, "metric": metric, "value": value}
        yield row | {"task": "wic", "metric": "accuracy", "value": 0.55 + 0.01 * layer}
        limit = {"task": "wic", "metric": "threshold", "split": "train", "value": 2.0}
        yield row | limit
        corpus = row | {"task": "contextuality"}
        yield corpus | {"metric": "anisotropy", "value": 0.1 + 0.1 * layer}
        for variant, less in (("raw", 0.0), ("corrected", 0.1 + 0.1 * layer)):
            for metric in fake_similarities():
                value = 0.95 - 0.05 * layer - less
                yield corpus | {"variant": variant, "metric": metric, "value": value}
    frequent = {"task": "senses", "variant": "most_frequent", "metric": "accuracy", "value": 0.77}
    yield base | frequent
    for part, value in ((None, 0.6), ("phenomenon: binding", 0.7), ("anaphor", 0.3)):
        row = {"task": "agreement", "metric": "accuracy", "part": part, "value": value}
        yield base | row
    if not is_static:
        for part, value in ((None, 0.4), ("npi", 0.3), ("fgd", 0.5)):
            yield base | {"task": "syntaxgym", "metric": "accuracy", "part": part, "value": value}
        pseudo = "pseudo_" if name == "bert" else ""
        for metric, value in {"bits_per_byte": 1.5, "word_perplexity": 88.0}.items():
            yield base | {"task": "language_model", "metric": pseudo + metric, "value": value}


def fake_similarities() -> tuple[str, ...]:
    """Metrics of contextuality, raw and corrected."""
    return ("self_similarity", "intra_sentence_similarity", "max_explained_variance")


def _types(row: Row, is_static: bool, layer: int) -> Iterator[Row]:
    simlex = row | {"task": "simlex999"}
    for variant in (None,) if is_static else ("alone", "mean", "template"):
        value = 0.5 if is_static else 0.2 + 0.02 * layer + 0.1 * (variant == "mean")
        common = simlex | {"variant": variant}
        yield common | {"metric": "coverage", "value": 0.9}
        for policy, more in {"skip": 0.05, "zero": 0.0, "backoff": 0.02}.items():
            found = {"strategy": policy, "metric": "spearman", "value": value + more}
            yield common | found | {"low": value - 0.1, "high": value + 0.1}
        yield from _analogies(row | {"task": "google_analogies"}, variant, layer)
        for task, metric in {"outliers888": "opp", "bless_categories": "purity"}.items():
            for policy in ("skip", "zero"):
                score = {"strategy": policy, "metric": metric, "value": 0.6 + 0.01 * layer}
                yield row | {"task": task, "variant": variant} | score
    for variant in () if is_static else ("distilled_mean", "distilled_first_component"):
        for policy in ("skip", "zero"):
            found = {"strategy": policy, "metric": "spearman", "value": 0.4 + 0.01 * layer}
            yield simlex | {"variant": variant} | found


def _analogies(row: Row, variant: str | None, layer: int) -> Iterator[Row]:
    for rule, value in {"3CosAdd": 0.2, "3CosMul": 0.25, "LRCos": 0.3}.items():
        common = row | {"variant": f"{rule}/{variant}" if variant else rule}
        for policy in ("skip", "zero"):
            more = 0.1 if policy == "skip" else 0.0
            found = {"strategy": policy, "metric": "accuracy", "value": value + more}
            yield common | found
        if variant in (None, "template") and layer == LAYERS[row["representation"]] - 1:
            part = {"part": "capitals", "strategy": "skip", "metric": "accuracy", "value": 0.99}
            yield common | part


def kept(name: str) -> Iterator[Row]:
    """Cosines of pairs; word2vec lacks every second one."""
    for layer in range(LAYERS[name]):
        for item in range(PAIRS):
            known = name != "word2vec" or item % 2 == 0
            value = item / PAIRS + 0.2 * noise(name, layer, item)
            row = {"item": item, "layer": str(layer), "metric": "cosine", "known": known}
            yield row | {"variant": None if name in STATIC else "alone", "value": value}
