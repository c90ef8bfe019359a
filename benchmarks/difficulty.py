"""What each parameter of the controlled language does: entropy, floor of a gap, bag of words.

A corpus of 300,000 words is drawn with one parameter changed at a time. No language model is
trained: the numbers say what there is to learn, and how far a bag of words gets with all labels.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _controlled, _report
from polyseme.baselines import base
from polyseme.corpora.controlled import language
from polyseme.language import inside
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask

VARIATIONS: list[dict[str, Any]] = [
    {},
    {"ambiguity": 0.25},
    {"ambiguity": 0.75},
    {"next": 0.6, "clause": 0.4},
    {"next": 0.0, "clause": 0.4},
    {"next": 0.0, "clause": 0.0},
    {"negation": 0.0},
    {"negation": 0.5},
    {"drift": 0.0},
    {"drift": 0.4},
]
NUM_DOCUMENTS, NUM_GAPS = 300, 300
TASKS = ("senses", "sentiment", "topic")


def main() -> None:
    rows = []
    for changed in VARIATIONS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(changed, Path(folder)))
        print(rows[-1], flush=True)
    _report.write("difficulty", rows, num_words=300_000, documents=NUM_DOCUMENTS, gaps=NUM_GAPS)


def _row(changed: dict[str, Any], folder: Path) -> dict[str, Any]:
    corpus = folder / "corpus"
    _controlled.prepare(corpus, vocab_size=1024, num_words=300_000, **changed)
    source = language(corpus)
    drawn = [source.document(n, 0.0, 0.0) for n in range(NUM_DOCUMENTS)]
    found = inside.entropy(source, inside.make(source), drawn)
    _controlled.task("gaps", corpus, folder / "gaps", num_items=NUM_GAPS)
    floors = tasks.read(folder / "gaps", "test").labels
    name = ", ".join(f"{key} {value}" for key, value in changed.items()) or "as in conf"
    row = {
        "parameters": name,
        "entropy_bits_per_word": round(found.bits_per_word, 2),
        "floor_bits_per_gap": round(float(np.mean(floors)), 2),
    }
    for task in TASKS:
        prepared = PreparedTask(_controlled.task(task, corpus, folder / task))
        scores = list(base.evaluate("bag_of_words", prepared, seeds=[0]))
        accuracy = next(s["value"] for s in scores if s["metric"] == "accuracy")
        row[f"bag_of_words_{task}"] = round(accuracy, 3)
    return row


if __name__ == "__main__":
    main()
