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
        representation: that is trained; None is noted where it is no language model.
        held_out: gives tokens that it was not trained on.

    Attributes:
        curve: epochs, steps and bits per byte, from before the first step on.
    """

    def __init__(self, representation: Representation, held_out: Callable[[], TokenStore]) -> None:
        self.representation, self.curve = representation, list[tuple[int, int, float]]()
        model = self._model()
        self._batches = []
        if model is not None:
            options = replace(model.options, validation_rows=ROWS)
            self._batches = held_out_batches(model, held_out(), options)
            self(0, 0)

    def __call__(self, step: int, epoch: int) -> None:
        """Note the loss now."""
        model = self._model()
        if model is not None:
            with torch.autocast(model.byte_lengths_V.device.type, enabled=False):
                self.curve.append((epoch, step, evaluate(model, self._batches)["bits_per_byte"]))

    def _model(self) -> LanguageModel | None:
        """The language model as it stands; a copy where something is put around it."""
        found = self.representation
        if not isinstance(found, LanguageModel):
            found = copy.deepcopy(found).merged()
        return found if isinstance(found, LanguageModel) else None
