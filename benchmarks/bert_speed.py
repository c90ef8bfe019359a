"""BERT pre-training against Hugging Face's Trainer: same architecture, data, batch and machine.

Three contestants take turns, some rounds: polyseme's loop as conf/lm/bert.yaml sets it, a
RoBERTa-PreLayerNorm of the same shape in a Trainer at its defaults, and the same with bf16 on.
Tokens a second are those of the steps after the warm-up; the table gives ratios of medians.
"""

from __future__ import annotations

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
from polyseme.runtime.settings import Runtime, precision


def main(rounds: int = ROUNDS, steps: int = STEPS) -> None:
    _, options = options_of("bert")
    ids = random_ids(options)

    def trainer(bf16: bool) -> float:
        model, collator = roberta(options, VOCABULARY), MaskingCollator(options.mask_ratio)
        return theirs(model, options, ids, collator, steps=steps, bf16=bf16)

    rows = take_turns(
        {
            "polyseme": lambda: ours("bert", ids, steps),
            "Trainer, defaults": lambda: trainer(False),
            "Trainer, bf16": lambda: trainer(True),
        },
        rounds,
    )
    _report.write("bert_speed", rows, polyseme_precision=precision(Runtime()), steps=steps)


if __name__ == "__main__":
    main()
