"""GPT pre-training against Hugging Face's Trainer: same architecture, data, batch and machine.

Three contestants take turns, some rounds: polyseme's loop as conf/lm/gpt.yaml sets it, a GPT-2 of
the same shape in a Trainer at its defaults, and the same with bf16 on. Tokens a second are those
of the steps after the warm-up; the table gives ratios of medians.
"""

from __future__ import annotations

from benchmarks import _report
from benchmarks._trainer import (
    ROUNDS,
    STEPS,
    VOCABULARY,
    causal_collator,
    gpt2,
    options_of,
    ours,
    random_ids,
    take_turns,
    theirs,
)
from polyseme.runtime.settings import Runtime, precision


def main(rounds: int = ROUNDS, steps: int = STEPS) -> None:
    _, options = options_of("gpt")
    ids = random_ids(options)

    def trainer(bf16: bool) -> float:
        model = gpt2(options, VOCABULARY)
        return theirs(model, options, ids, causal_collator, steps=steps, bf16=bf16)

    rows = take_turns(
        {
            "polyseme": lambda: ours("gpt", ids, steps),
            "Trainer, defaults": lambda: trainer(False),
            "Trainer, bf16": lambda: trainer(True),
        },
        rounds,
    )
    _report.write("gpt_speed", rows, polyseme_precision=precision(Runtime()), steps=steps)


if __name__ == "__main__":
    main()
