"""Validation loss against seconds: polyseme's recipes and Hugging Face's defaults, equal time.

Each language model trains on the controlled language for the same seconds twice: by polyseme's loop
as conf/lm/ sets it, and as a Hugging Face model of the same size in a Trainer at its defaults
(AdamW, 5e-5 falling linearly to 0, batches of 8, float32). For electra, whose loss is that of its
generator, that is a masked model of the generator's size. Both are measured on the same held-out
tokens with the same tokens hidden; the Trainer's clock stands still meanwhile, polyseme's does not.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from benchmarks import _controlled, _report, _trainer
from benchmarks._trainer import MaskingCollator, causal_collator, gpt2, options_of, roberta
from polyseme.data.tokenizer import CLS, WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models.base import TOKENIZER
from polyseme.reporting.figures import series, style
from polyseme.runtime.settings import Runtime, precision
from polyseme.training.evaluate import held_out_batches
from polyseme.training.loop import pretrain

SECONDS, VALIDATIONS, TRIAL_STEPS, BATCH = 60.0, 12, 30, 8
MODELS = ("bert", "gpt", "gpt_bert", "electra")
OURS, THEIRS = "polyseme", "Hugging Face, defaults"
Curve = list[tuple[float, float]]
Batches = list[dict[str, Tensor]]


def main(seconds: float = SECONDS, num_words: int = 1_000_000) -> None:
    curves: dict[str, dict[str, Curve]] = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _controlled.prepare(corpus, vocab_size=3000, num_words=num_words)
        for name in MODELS:
            curves[name] = {
                OURS: ours(name, corpus, seconds),
                THEIRS: theirs(name, corpus, seconds),
            }
            print(name, {who: curve[-1] for who, curve in curves[name].items()}, flush=True)
    rows = [
        {
            "model": name,
            "polyseme_bits_per_byte": round(found[OURS][-1][1], 3),
            "trainer_bits_per_byte": round(found[THEIRS][-1][1], 3),
            "lower_by": round(found[THEIRS][-1][1] - found[OURS][-1][1], 3),
        }
        for name, found in curves.items()
    ]
    (_report.RESULTS / "learning_curves.svg").write_text(draw(curves))
    _report.write(
        "learning_curves", rows, seconds=seconds, precision=precision(Runtime()), curves=curves
    )


def _stores(corpus: Path) -> dict[str, TokenStore]:
    return {split: TokenStore.open(corpus, split) for split in ("train", "valid")}  # type: ignore[arg-type]


def ours(name: str, corpus: Path, seconds: float) -> Curve:
    budget = {"budget": seconds, "budget_unit": "seconds", "num_validations": VALIDATIONS}
    module, options = options_of(name, **budget)
    curve: Curve = []
    started: list[float] = []

    def note(row: Any, step: int) -> None:
        started[:] = started or [time.perf_counter()]
        if "valid_bits_per_byte" in row:
            curve.append((time.perf_counter() - started[0], row["valid_bits_per_byte"]))

    with tempfile.TemporaryDirectory() as folder:
        pretrain(
            module.Model(options, WordPieces.load(corpus / TOKENIZER)),
            options,
            _stores(corpus),
            seed=0,
            runtime=Runtime(progress=False, checkpoint_seconds=1e9),
            scratch=Path(folder),
            log=note,
        )
    return curve


class _Watch(transformers.TrainerCallback):
    """Measure now and then; the time that it takes does not count."""

    def __init__(self, measure: Callable[[], float], every: int) -> None:
        self.measure, self.every = measure, every
        self.curve: Curve = []
        self.seconds, self.since = 0.0, 0.0

    def on_train_begin(self, *_: object, **__: object) -> None:
        self.since = time.perf_counter()

    def on_step_end(self, _: object, state: Any, control: object, **__: object) -> None:
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.seconds += time.perf_counter() - self.since
            self.curve.append((self.seconds, self.measure()))
            self.since = time.perf_counter()


def theirs(name: str, corpus: Path, seconds: float) -> Curve:
    """A trial tells how many steps the seconds have, so that the rate ends at 0."""
    module, options = options_of(name)
    stores, pieces = _stores(corpus), WordPieces.load(corpus / TOKENIZER)
    held_out = held_out_batches(module.Model(options, pieces), stores["valid"], options)
    length = options.sequence_length
    ids = stores["train"].tokens[: stores["train"].num_tokens // length * length]

    def run(steps: int, every: int) -> Curve:
        torch.manual_seed(0)
        if name == "gpt":
            model, collator = gpt2(options, pieces.vocab_size), causal_collator
        else:
            divisor = getattr(options, "generator_divisor", 1)
            model = roberta(options, pieces.vocab_size, divisor=divisor)
            collator = MaskingCollator(0.15)  # DataCollatorForLanguageModeling's default
        watch = _Watch(lambda: bits_per_byte(model, held_out, pieces), every)
        _trainer.train(
            model, ids, options, collator, [watch], max_steps=steps, bf16=False, batch_size=BATCH
        )
        return watch.curve

    trial = run(TRIAL_STEPS, TRIAL_STEPS)
    steps = max(VALIDATIONS, round(TRIAL_STEPS * seconds / trial[-1][0]))
    return run(steps, steps // VALIDATIONS)


@torch.no_grad()
def bits_per_byte(model: Any, batches: Batches, pieces: WordPieces) -> float:
    """As polyseme's evaluation counts: the same tokens, the same bytes."""
    model.eval()
    nats = size = 0.0
    lengths = torch.from_numpy(pieces.byte_lengths)
    for batch in batches:
        logits_BSV = model(batch["ids_BS"]).logits
        targets_BS, counts_BS, shift = _questions(batch)
        logs = logits_BSV[:, : logits_BSV.shape[1] - shift].log_softmax(-1)
        found = -logs.gather(-1, targets_BS[..., None])[..., 0]
        nats += float(found[counts_BS].sum())
        size += float(lengths[targets_BS[counts_BS]].sum())
    model.train()
    return nats / math.log(2) / size


def _questions(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, int]:
    """What is to be predicted, where it counts, and how many tokens after the state."""
    ids_BS = batch["ids_BS"]
    if "causal_B" in batch:  # gpt_bert: its masked rows
        counts_BS = (batch["weights_BS"] > 0) & ~batch["causal_B"][:, None]
        return batch["targets_BS"], counts_BS, 0
    if "positions_BK" not in batch:
        return ids_BS[:, 1:], ids_BS[:, 1:] != CLS, 1
    targets_BS = ids_BS.scatter(1, batch["positions_BK"], batch["targets_BK"])
    counts_BS = torch.zeros_like(ids_BS, dtype=torch.bool)
    return targets_BS, counts_BS.scatter(1, batch["positions_BK"], batch["weights_BK"] > 0), 0


def draw(curves: dict[str, dict[str, Curve]]) -> str:
    """One panel a model."""
    looks = series.looks([OURS, THEIRS])
    with style.styled():
        figure, axes = style.canvas([1.6] * len(curves), labels=[OURS, THEIRS])
        for (name, found), [panel] in zip(curves.items(), axes, strict=True):
            for who, curve in found.items():
                x, y = zip(*curve, strict=True)
                look = looks[who]
                panel.plot(x, y, color=look.colour, marker=look.marker, ms=3.5, label=who)
            panel.set_title(name)
            panel.set_ylabel("bits per byte")
        axes[-1][0].set_xlabel("seconds of training")
        style.add_legend(figure, axes[0][0].get_lines())
        alt = "Validation loss against seconds, one panel a language model; numbers in the JSON."
        return style.to_svg(figure, name="curves", title="Learning curves", alt=alt)


if __name__ == "__main__":
    main()
