"""BERT of base size pre-trained on a GPU: polyseme's loop against Hugging Face's Trainer, in bf16.

The same architecture, rows, batch and card, 12 layers of 768 dimensions; polyseme with Muon as
conf/lm/bert.yaml has it, and with AdamW as the Trainer. polyseme's kernels are deterministic, the
Trainer's are as it sets them. Tokens a second after the warm-up, ratios of medians.
"""

from __future__ import annotations

import os
import sys

import torch

from benchmarks import _report
from benchmarks._trainer import (
    ROUNDS,
    STEPS,
    VOCABULARY,
    MaskingCollator,
    options_of,
    ours,
    random_ids,
    roberta,
    take_turns,
    theirs,
)
from benchmarks.gpu_speed import BASE
from polyseme.runtime.settings import Runtime, precision
from polyseme.training.determinism import make_deterministic

GPU = Runtime(accelerator="gpu", num_threads=2)


def main(rounds: int = ROUNDS, steps: int = STEPS) -> int:
    if not torch.cuda.is_available():
        print("gpu_bert: there is no CUDA GPU; nothing measured")
        return 0
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    shape = BASE | {"positions": "learned"}
    _, options = options_of("bert", **shape)
    ids = random_ids(options)

    def polyseme(optimizer: str) -> float:
        make_deterministic(GPU)
        return ours("bert", ids, steps, GPU, **shape, optimizer=optimizer)

    def trainer() -> float:
        model, collator = roberta(options, VOCABULARY), MaskingCollator(options.mask_ratio)
        return theirs(model, options, ids, collator, steps=steps, bf16=True, gpu=True)

    rows = take_turns(
        {
            "polyseme, AdamW": lambda: polyseme("adamw"),
            "polyseme, Muon": lambda: polyseme("muon"),
            "Trainer, bf16": trainer,
        },
        rounds,
    )
    facts = {"gpu": torch.cuda.get_device_name(), "steps": steps, "batch": options.batch_size}
    _report.write("gpu_bert", rows, polyseme_precision=precision(GPU), **facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
