"""What fine-tuning costs a language model: its loss on held-out text of the pre-training corpus."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch

from polyseme.data.tokens import TokenStore
from polyseme.models.base import Representation
from polyseme.models.common.language_model import LanguageModel
from polyseme.training.evaluate import evaluate, held_out_batches

ROWS = 32


class Forgetting:
    """The loss at the looks of one run.

    Args:
        representation: that is trained; nothing is noted where it is no language model.
        held_out: gives tokens that it was not trained on.
        untouched: as it was before the task's text, where it has gone on with that; the curve
            begins with it.

    Attributes:
        curve: epochs, steps and bits per byte, from before the first step on.
    """

    def __init__(
        self,
        representation: Representation,
        held_out: Callable[[], TokenStore],
        untouched: Representation | None = None,
    ) -> None:
        self.representation, self.curve = representation, list[tuple[int, int, float]]()
        first = _model(representation if untouched is None else untouched)
        self._batches = []
        if first is not None:
            options = replace(first.options, validation_rows=ROWS)
            self._batches = held_out_batches(first, held_out(), options)
            self._note(first, 0, 0)

    def __call__(self, step: int, epoch: int) -> None:
        """Note the loss now."""
        model = _model(self.representation)
        if model is not None:
            self._note(model, step, epoch)

    def _note(self, model: LanguageModel, step: int, epoch: int) -> None:
        with torch.autocast(model.byte_lengths_V.device.type, enabled=False):
            self.curve.append((epoch, step, evaluate(model, self._batches)["bits_per_byte"]))


def _model(found: Representation) -> LanguageModel | None:
    """The language model as it stands; a copy where something is put around it."""
    if not isinstance(found, LanguageModel):
        found = copy.deepcopy(found).merged()
    return found if isinstance(found, LanguageModel) else None
