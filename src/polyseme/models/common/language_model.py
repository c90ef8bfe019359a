"""What every pre-trained language model adds to a contextual representation: an objective.

Shapes: B rows, S subwords, M predicted positions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polyseme.data.tokenizer import WordPieces
from polyseme.models.common.contextual import Contextual, Pooling

FROM_THE_LEFT = "every token, from the left"
NOTHING: Mapping[str, tuple[Tensor, Tensor]] = {}


class Losses(NamedTuple):
    """Sums over predicted tokens, so that means over any set of batches are exact.

    Attributes:
        nats: negative log-likelihood.
        tokens: number of predicted tokens.
        bytes: UTF-8 bytes of the predicted tokens.
        objective: differentiable sum and its weight, where not nats / tokens is minimised; both add
            up over the parts of a batch.
        also: more sums and their weights that evaluation reports as means, by name.
    """

    nats: Tensor
    tokens: Tensor
    bytes: Tensor
    objective: tuple[Tensor, Tensor] | None = None
    also: Mapping[str, tuple[Tensor, Tensor]] = NOTHING


class LanguageModel(Contextual):
    """A network with a training objective on rows of running text.

    Attributes:
        options: of its module, network and training.
        progress: share of the budget that is used up where the next batch is trained on, for
            objectives that change; 1 outside of training.
        stateful: whether the rows of a training batch continue those of the batch before; they then
            overlap by one token, the last that was predicted and the first that is read.
        predicts: what loss, bits per byte and perplexity are over, and from what; those of models
            that say the same can be compared. Blank: with no other model's.
        predictor: the part that predicts, where it is not the representation itself.
    """

    stateful: ClassVar[bool] = False
    predicts: str = ""
    predictor: ClassVar[str] = ""
    byte_lengths_V: Tensor
    options: Any
    progress = 1.0

    def __init__(self, pieces: WordPieces, *, max_length: int, pooling: Pooling) -> None:
        super().__init__(pieces, max_length=max_length, pooling=pooling)
        lengths = torch.from_numpy(np.asarray(pieces.byte_lengths, dtype=np.float32))
        self.register_buffer("byte_lengths_V", lengths, persistent=False)

    @abstractmethod
    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """What is shown and what is to be predicted; all chance comes from `random`.

        The first axis of every array is B, so that processes can share a batch between them.
        """

    @abstractmethod
    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Differentiable sums over the batch."""

    def begin_stream(self, num_rows: int) -> None:
        """Before training of a stateful model: a state at zero, in buffers, for each row."""

    def step_taken(self) -> list[Tensor]:
        """After the optimizer's step: the state that the last batch left becomes the state.

        Returns:
            The buffers of it; zero at rows that were not in the batch.
        """
        return []

    def sums(self, nats_M: Tensor, targets_M: Tensor, weights_M: Tensor) -> Losses:
        """Sums over predicted tokens of weight 1."""
        sizes_M = self.byte_lengths_V[targets_M]
        return Losses((nats_M * weights_M).sum(), weights_M.sum(), (sizes_M * weights_M).sum())


def flat_positions(positions_BK: Tensor, length: int) -> Tensor:
    """Places in rows of S tokens as places in the batch, M = B * K."""
    starts_B1 = torch.arange(len(positions_BK), device=positions_BK.device)[:, None] * length
    return (positions_BK + starts_B1).flatten()
