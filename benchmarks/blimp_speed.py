"""BLiMP by masks: distinct rows in batches of one length against one masked sentence a forward.

The model is bert as conf/lm/bert.yaml sets it, with random weights; the pairs are the first ones of
each paradigm. Contestants take turns: `scores`; a plain loop that hides one piece (and the later
ones of its word) and calls the network once for each.
Scores agree within 1e-4 relative, or there is no result.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _report, _tasks
from benchmarks._trainer import options_of
from polyseme.data import tokenizer
from polyseme.data.tokenizer import MASK, WordPieces
from polyseme.models import bert
from polyseme.models.base import TEXT, Words
from polyseme.models.common.asking import located
from polyseme.runtime.settings import Runtime
from polyseme.tasks.common import preparation
from polyseme.training.determinism import make_deterministic

ROUNDS, PER_PARADIGM, PER_PARADIGM_KNOWN, VOCABULARY = 3, 4, 30, 1500
TOLERANCE = 1e-4


def main(rounds: int = ROUNDS, per_paradigm: int = PER_PARADIGM) -> None:
    make_deterministic(Runtime())
    texts = pairs(per_paradigm)
    known = (" ".join(text) for text in pairs(PER_PARADIGM_KNOWN))
    made = tokenizer.train(known, vocab_size=VOCABULARY, lowercase=True, where="benchmark")
    pieces = WordPieces(made)
    _, options = options_of("bert")
    model = bert.Model(options, pieces)
    model.reset(0)
    model.eval()
    contestants: dict[str, Callable[[], list[float]]] = {
        "polyseme": lambda: model.scores(texts),
        "one masked sentence a forward": lambda: one_by_one(model, texts),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        found = []
        for name, run in contestants.items():
            started = time.perf_counter()
            found.append(np.array(run()))
            seconds[name].append(time.perf_counter() - started)
        np.testing.assert_allclose(found[0], found[1], rtol=TOLERANCE)
    first = statistics.median(seconds["polyseme"])
    rows: list[dict[str, Any]] = [
        {
            "contestant": name,
            "pairs_per_second": round(len(texts) / 2 / statistics.median(found), 1),
            "polyseme_is_faster_by": round(statistics.median(found) / first, 2),
            "rounds": [round(value, 2) for value in found],
        }
        for name, found in seconds.items()
    ]
    _report.write("blimp_speed", rows, pairs=len(texts) // 2, threads=torch.get_num_threads())


def pairs(per_paradigm: int) -> list[Words]:
    """Sentences of BLiMP, the better one of each pair first."""
    values = _tasks.values("task", "blimp") | {"per_paradigm": per_paradigm}
    with tempfile.TemporaryDirectory() as folder:
        splits, _ = _tasks.prepared(preparation.configured("blimp", values), Path(folder))
    found: list[Words] = []
    for words in splits["test"].sentences:
        middle = list(words).index(TEXT)
        found += [words[:middle], words[middle + 1 :]]
    return found


@torch.no_grad()
def one_by_one(model: bert.Model, texts: Sequence[Words]) -> list[float]:
    """log2 of the pseudo-likelihoods, a forward pass for each piece."""
    scores = []
    for text in texts:
        total = 0.0
        for ids, start, end in located(model, [text] * len(text), range(len(text))):
            for n in range(start, end):
                hidden = torch.tensor([[*ids[:n], *[MASK] * (end - n), *ids[end:]]])
                h_SD = model.hidden_states(hidden, None)[-1][0]
                logs_V = model.logits(h_SD[n : n + 1])[0].log_softmax(-1)
                total += float(logs_V[ids[n]]) / math.log(2)
        scores.append(total)
    return scores


if __name__ == "__main__":
    main()
