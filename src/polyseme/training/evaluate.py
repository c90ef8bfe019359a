"""Language-model loss on held-out text, with fixed rows and fixed random choices."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from polyseme.data.tokens import TokenStore
from polyseme.draws import philox
from polyseme.models.common.language_model import LanguageModel
from polyseme.training.batches import in_text_order
from polyseme.training.options import TrainingOptions
from polyseme.training.pretrain import as_batch

SEED = 0
LARGEST_EXPONENT = 700.0


def held_out_batches(
    model: LanguageModel, store: TokenStore, options: TrainingOptions
) -> list[dict[str, Tensor]]:
    """Batches of one split, the same in every run and for every step."""
    ids_BS, flags_BS = in_text_order(
        store, length=options.sequence_length, rows=options.validation_rows
    )
    starts = range(0, len(ids_BS), options.batch_size)
    pieces = [slice(start, start + options.batch_size) for start in starts]
    return [
        as_batch(model, (ids_BS[piece], flags_BS[piece]), philox(SEED, 3, number))
        for number, piece in enumerate(pieces)
    ]


@torch.no_grad()
def evaluate(model: LanguageModel, batches: list[dict[str, Tensor]]) -> dict[str, float]:
    """Loss in nats a predicted token, bits per UTF-8 byte of them, perplexity a token."""
    device = model.byte_lengths_V.device
    was_training = model.training
    model.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    for batch in batches:
        losses = model.losses({name: tensor.to(device) for name, tensor in batch.items()})
        found = (losses.nats, losses.tokens, losses.bytes)
        sums += torch.stack([value.double().cpu() for value in found])
    model.train(was_training)
    nats, tokens, size = sums.tolist()
    return {
        "loss": nats / tokens,
        "bits_per_byte": nats / math.log(2) / max(size, 1.0),
        "perplexity": math.exp(min(nats / tokens, LARGEST_EXPONENT)),
        "num_tokens": tokens,
    }
