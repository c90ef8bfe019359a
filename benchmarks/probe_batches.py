"""MDL and structural probes of all layers, seeds and ranks at once, against one after the other.

UD English-EWT on five layers of an untrained BERT of 128 dimensions: MDL of UPOS for three seeds
with real and control labels, structural probes of four ranks and three seeds. The loop runs the
same code for one layer and one labelling (one seed and rank) at a time. Results agree within 1e-4
relative, or there is none.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import _ewt, _report
from polyseme.models.base import Words
from polyseme.probes import mdl, structural
from polyseme.probes.base import Probed
from polyseme.probes.common.labellings import Labelled, labelled
from polyseme.tasks import base, ud_trees
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families import tree

ROUNDS, SEEDS, TOLERANCE = 2, (0, 1, 2), 1e-4
MDL = mdl.Config(epochs=2, min_steps=100, max_units=10_000)
STRUCTURAL = structural.Config(ranks=(4, 8, 16, 32), epochs=4, min_steps=1)
SIZES = {"train": 500, "valid": 100, "test": 100}
Found = dict[tuple[Any, ...], float]


def main(rounds: int = ROUNDS) -> None:
    torch.set_num_threads(2)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        tags, trees = (_probed(Path(name) / family, family) for family in ("tagging", "tree"))
        coded = labelled(tags, MDL, max_valid=MDL.max_valid)
        assert coded is not None
        num_labels = len(tags.task.labels)
        pairs: dict[str, tuple[Callable[[], Found], Callable[[], Found]]] = {
            "mdl": (
                lambda: _codes(coded, num_labels),
                lambda: _codes_in_turn(coded, num_labels),
            ),
            "structural": (lambda: _trees(trees), lambda: _trees_in_turn(trees)),
        }
        for probe, contestants in pairs.items():
            rows.append({"probe": probe, **_compared(contestants, rounds)})
    _report.write("probe_batches", rows, seeds=len(SEEDS), layers=_ewt.model().num_layers)


def _compared(contestants: Sequence[Callable[[], Found]], rounds: int) -> dict[str, Any]:
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        found = []
        for n, run in enumerate(contestants):
            started = time.perf_counter()
            found.append(run())
            seconds[n].append(time.perf_counter() - started)
        keys = sorted(found[0])
        assert keys == sorted(found[1])
        values = np.array([[of[key] for key in keys] for of in found])
        off = float((np.abs(values[0] - values[1]) / np.abs(values[0]).clip(1e-3)).max())
    together, loop = (statistics.median(of) for of in seconds)
    return {
        "seconds_at_once": round(together, 1),
        "seconds_in_turn": round(loop, 1),
        "faster_by": round(loop / together, 1),
        "largest_difference": float(f"{off:.1e}"),
        "equal": off <= TOLERANCE,
    }


def _probed(folder: Path, family: str) -> Probed:
    """The first sentences of each split as a task."""
    folder.mkdir()
    splits = {}
    for name, size in SIZES.items():
        found = _ewt.sentences({"valid": "dev"}.get(name, name))[
            : size * 4 if family == "tagging" else size
        ]
        if family == "tree":
            punctuation = [[tag == ud_trees.PUNCTUATION for tag in s.upos] for s in found]
            labels: list[Any] = [
                tree.write(s.heads, marks) for s, marks in zip(found, punctuation, strict=True)
            ]
        else:
            labels = [list(s.upos) for s in found]
        splits[name] = Split([list(s.words) for s in found], labels)
    base.write(folder, splits, {"name": family, "family": family})
    task = PreparedTask(folder)
    model = _ewt.model()
    known = {
        tuple(words): h_LTD
        for split in task.splits.values()
        for words, h_LTD in zip(split.sentences, model.encode(split.sentences), strict=True)
    }

    def encode(texts: Sequence[Words]) -> list[Tensor]:
        return [known[tuple(words)] for words in texts]

    return Probed(encode, task, SEEDS, model.num_layers, model.dim)


def _codes(units: Labelled, num_labels: int) -> Found:
    bits_LV = mdl.code_length(MDL, units, num_labels)
    return {
        (layer, *key): float(bits_LV[layer, v])
        for layer in range(len(bits_LV))
        for v, key in enumerate(units.keys)
    }


def _codes_in_turn(units: Labelled, num_labels: int) -> Found:
    found = {}
    for layer in range(len(units.train.h_LND)):
        for v, key in enumerate(units.keys):
            one = Labelled(
                [key],
                units.train._replace(h_LND=units.train.h_LND[layer : layer + 1]),
                units.labels_VN[v : v + 1],
                units.valid._replace(h_LND=units.valid.h_LND[layer : layer + 1]),
                units.valid_VP[v : v + 1],
            )
            found[layer, *key] = float(mdl.code_length(MDL, one, num_labels)[0, 0])
    return found


def _trees(
    probed: Probed, layer: int | None = None, ranks: Sequence[int] = STRUCTURAL.ranks
) -> Found:
    options = structural.Config(
        ranks=tuple(ranks), epochs=STRUCTURAL.epochs, min_steps=STRUCTURAL.min_steps
    )
    rows = structural.measure(options, probed)
    return {
        (layer if layer is not None else int(r["layer"]), r["rank"], r["seed"], r["metric"]): r[
            "value"
        ]
        for r in rows
        if "layer" in r
    }


def _trees_in_turn(probed: Probed) -> Found:
    found: Found = {}
    for layer in range(probed.num_layers):

        def encode(texts: Sequence[Words], layer: int = layer) -> list[Tensor]:
            return [h_LTD[layer : layer + 1] for h_LTD in probed.encode(texts)]

        for seed in SEEDS:
            one = Probed(encode, probed.task, [seed], 1, probed.dim)
            for rank in STRUCTURAL.ranks:
                found |= _trees(one, layer, [rank])
    return found


if __name__ == "__main__":
    main()
