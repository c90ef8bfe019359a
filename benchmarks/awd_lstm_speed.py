"""AWD-LSTM training against fastai's: same architecture, data, batch and machine.

fastai runs in an environment of its own (tests/fixtures/make_awd_lstm.py tells how to make one);
POLYSEME_FASTAI names its python. Contestants take turns, each in a process of its own: polyseme's
loop as conf/lm/awd_lstm.yaml sets it, polyseme in float32, and fastai's Learner with its AWD_LSTM,
its regularisation callbacks and Adam. Tokens a second are those of the steps after the warm-up;
the table gives ratios of medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS, STEPS, WARM_UP = (int(os.environ.get(f"AWD_{n}", d)) for n, d in
                          (("ROUNDS", 5), ("STEPS", 60), ("WARM_UP", 10)))  # fmt: skip
ROOT = Path(__file__).parents[1]
VOCABULARY, THREADS = 8192, 2
CONTESTANTS = ("polyseme", "polyseme, fp32", "fastai")
REGULARIZED = {
    "embedding_dropout": 0.02, "input_dropout": 0.25, "hidden_dropout": 0.15,
    "weight_dropout": 0.2, "output_dropout": 0.1, "ar": 2.0, "tar": 1.0,
}  # fmt: skip
"""fastai's defaults for language models, for all contestants."""


def main() -> None:
    from benchmarks import _report
    from polyseme.runtime.settings import Runtime, precision

    found: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS):
        for name in CONTESTANTS:
            found[name].append(_in_process(name))
    medians = {name: statistics.median(values) for name, values in found.items()}
    rows = [
        {
            "contestant": name,
            "tokens_per_second": round(medians[name]),
            "polyseme_is_faster_by": round(medians["polyseme"] / medians[name], 2),
            "rounds": [round(value) for value in found[name]],
        }
        for name in CONTESTANTS
    ]
    _report.write("awd_lstm_speed", rows, polyseme_precision=precision(Runtime()), steps=STEPS)


def _in_process(name: str) -> float:
    python = sys.executable
    if name == "fastai":
        python = os.environ.get("POLYSEME_FASTAI", "")
        if not python:
            sys.exit("error: POLYSEME_FASTAI is not set; mend: name the python that has fastai")
    command = [python, str(Path(__file__)), name, json.dumps(_options())]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return float(done.stdout.splitlines()[-1])


def _options() -> dict[str, Any]:
    """Values of conf/lm/awd_lstm.yaml with fastai's regularisation."""
    from omegaconf import OmegaConf

    raw: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/lm/awd_lstm.yaml").lm.awd_lstm)
    return raw | REGULARIZED | {"restart": 0.0}


def _ids(options: dict[str, Any]) -> np.ndarray:
    tokens = options["batch_size"] * options["sequence_length"] * (STEPS + 2)
    return np.random.default_rng(0).integers(5, VOCABULARY, tokens)


def ours(options: dict[str, Any], precision: str) -> float:
    from polyseme.data import tokenizer
    from polyseme.data.tokenizer import WordPieces
    from polyseme.data.tokens import TokenStore
    from polyseme.models import awd_lstm
    from polyseme.runtime.settings import Runtime
    from polyseme.training.loop import pretrain

    made = tokenizer.train(["a b c"], vocab_size=261, lowercase=True, where="benchmark")
    pieces = WordPieces(made)  # any will do: only the size of its vocabulary matters here
    pieces.vocab_size, pieces.byte_lengths = VOCABULARY, np.ones(VOCABULARY, dtype=np.int64)
    ids = _ids(options).astype(np.uint16)
    store = TokenStore(ids, np.ones(len(ids), dtype=np.uint8), len(ids))
    changed = {"budget": STEPS, "budget_unit": "steps", "num_validations": 1, "validation_rows": 16}
    config = awd_lstm.Config(**(options | changed))
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        pretrain(
            awd_lstm.Model(config, pieces),
            config,
            {"train": store, "valid": store},
            seed=0,
            runtime=Runtime(
                num_threads=THREADS, progress=False, checkpoint_seconds=1e9, precision=precision
            ),  # type: ignore[arg-type]
            scratch=Path(folder),
            log=lambda row, step: marks.append(time.perf_counter()),
        )
    return _rate(options, marks)


def theirs(options: dict[str, Any]) -> float:
    import torch
    from fastai.text import all as fastai

    torch.set_num_threads(THREADS)
    names = {"embed_p": "embedding_dropout", "input_p": "input_dropout",
             "hidden_p": "hidden_dropout", "weight_p": "weight_dropout",
             "output_p": "output_dropout"}  # fmt: skip
    config = fastai.awd_lstm_lm_config | {their: options[name] for their, name in names.items()}
    config |= {
        "emb_sz": options["dim"], "n_hid": options["hidden_dim"], "n_layers": options["num_layers"]
    }  # fmt: skip
    rows, length = options["batch_size"], options["sequence_length"]
    ids = torch.from_numpy(_ids(options))[: rows * (len(_ids(options)) // rows)].view(rows, -1)
    batches = [
        (ids[:, s * length : (s + 1) * length], ids[:, s * length + 1 : (s + 1) * length + 1])
        for s in range(STEPS)
    ]
    marks: list[float] = []

    class Clock(fastai.Callback):
        def after_batch(self) -> None:
            marks.append(time.perf_counter())

    learner = fastai.Learner(
        fastai.DataLoaders(batches, batches[:1], device=torch.device("cpu")),
        fastai.get_language_model(fastai.AWD_LSTM, VOCABULARY, config),
        loss_func=fastai.CrossEntropyLossFlat(),
        cbs=[*fastai.rnn_cbs(options["ar"], options["tar"]),
             fastai.GradientClip(options["gradient_clip"]), Clock()],
    )  # fmt: skip
    with learner.no_bar(), learner.no_logging():
        learner.fit(1, options["lr"], wd=options["weight_decay"])
    return _rate(options, marks[:STEPS])


def _rate(options: dict[str, Any], marks: list[float]) -> float:
    seconds = marks[STEPS - 1] - marks[WARM_UP - 1]
    return (STEPS - WARM_UP) * options["batch_size"] * options["sequence_length"] / seconds


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1] == "fastai":
        print(theirs(json.loads(sys.argv[2])))
    else:
        print(ours(json.loads(sys.argv[2]), "fp32" if "fp32" in sys.argv[1] else "auto"))
