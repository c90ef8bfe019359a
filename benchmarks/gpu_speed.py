"""The same work on a GPU and on the processors beside it: training, encoding, probing, scoring.

Models are those of conf/lm/, and a BERT of base size (12 layers of 768 dimensions). Each row takes
turns, some rounds; the table gives ratios of medians.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _controlled, _report
from benchmarks._trainer import options_of, ours, random_ids
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.probes import linear
from polyseme.probes.base import ProbeData
from polyseme.runtime.settings import Runtime
from polyseme.tasks.common import controlled
from polyseme.training.determinism import device_of, make_deterministic

ROUNDS, STEPS = 3, 40
BASE = {"dim": 768, "num_layers": 12, "num_heads": 12, "dim_ff": 3072, "batch_size": 64,
        "sequence_length": 128}  # fmt: skip
LM = ("awd_lstm", "bert", "electra", "elmo", "gpt", "gpt_bert")
LABELS, LABELLINGS = 17, 6
Work = Callable[[Runtime], float]


def main(rounds: int = ROUNDS, steps: int = STEPS) -> int:
    if not torch.cuda.is_available():
        print("gpu_speed: there is no CUDA GPU; nothing measured")
        return 0
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads = min(8, os.cpu_count() or 1)
    places = {"gpu": Runtime(accelerator="gpu"), "cpu": Runtime(num_threads=threads)}
    rows = []
    for name, unit, work in _works(steps):
        found: dict[str, list[float]] = {place: [] for place in places}
        for _ in range(rounds):
            for place, runtime in places.items():
                make_deterministic(runtime)
                found[place].append(work(runtime))
        gpu, cpu = (statistics.median(values) for values in found.values())
        rows.append({"work": name, "unit": unit, "gpu": round(gpu), "cpu": round(cpu),
                     "gpu_is_faster_by": round(gpu / cpu, 2)})  # fmt: skip
        print(rows[-1], flush=True)
    _report.write("gpu_speed", rows, gpu=torch.cuda.get_device_name(), cpu_threads=threads)
    return 0


def _works(steps: int) -> list[tuple[str, str, Work]]:
    works = [(f"pre-train {name}", "tokens/s", _training(name, steps)) for name in LM]
    encode, scores = _of_sentences({}), _of_sentences({}, scoring=True)
    base = _of_sentences(BASE, sentences=300)
    return [
        *works,
        ("encode, bert", "sentences/s", encode),
        ("encode, bert of base size", "sentences/s", base),
        ("score by masks, bert", "sentences/s", scores),
        ("linear probes, 128 dimensions", "units/s", _probing(5, 128)),
        ("linear probes, 768 dimensions", "units/s", _probing(13, 768)),
    ]


def _training(name: str, steps: int) -> Work:
    _, options = options_of(name)
    ids = random_ids(options)
    return lambda runtime: ours(name, ids, steps, runtime)


def _of_sentences(changes: dict[str, Any], *, sentences: int = 2000, scoring: bool = False) -> Work:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _controlled.prepare(corpus, vocab_size=2500, num_words=60_000)
        documents = controlled.documents(corpus, "train")
        texts = [row["words"] for document in documents for row in document][:sentences]
        pieces = WordPieces.load(corpus / TOKENIZER)
    module, options = options_of("bert", **changes)
    model = module.Model(options, pieces)
    model.reset(0)

    def work(runtime: Runtime) -> float:
        model.eval().to(device_of(runtime))
        started = time.perf_counter()
        model.scores(texts) if scoring else model.encode(texts)
        return len(texts) / (time.perf_counter() - started)

    return work


def _probing(layers: int, dim: int, units: int = 20_000) -> Work:
    random = np.random.default_rng(0)
    h_LND = torch.from_numpy(random.normal(size=(layers, units, dim)).astype(np.float32))
    labels_VN = torch.from_numpy(random.integers(LABELS, size=(LABELLINGS, units)))
    options = linear.Config(epochs=2, min_steps=1)

    def work(runtime: Runtime) -> float:
        device = device_of(runtime)
        started = time.perf_counter()
        x_LND = h_LND.to(device)
        data = ProbeData(
            x_LND, x_LND[:, :2000], labels_VN.to(device), range(LABELLINGS), LABELS
        )  # fmt: skip
        linear.predict(options, data)[None].cpu()
        return options.epochs * units / (time.perf_counter() - started)

    return work


if __name__ == "__main__":
    sys.exit(main())
