"""ELECTRA: an encoder trained to tell replaced tokens from real ones (Clark et al. 2020).

A small masked language model, the generator, fills hidden places with samples of its own; the
discriminator, which is the representation, judges every token. Both are trained at once on

    generator's loss + detection_weight * discriminator's loss

(section 2); no gradient goes through the samples. They share the tables of tokens and positions and
the norm after them, as the reference code does. Layers are those of the discriminator, whose
width, heads and feed-forward part the generator has divided by `generator_divisor`. Departures:

- pre-norm blocks, and heads as in bert.py;
- the output head of the generator computes only the hidden places;
- a sample is drawn by one number a place, from the batch's own draws, so that a run that is killed
  and continued, or spread over processes, draws the same;
- dropout is off while pre-training.

What is reported: loss and bits per byte are the generator's, over the hidden tokens; they compare
with bert's of the same mask ratio, but tell of the generator only. Beside them stand the
discriminator's loss and accuracy over all tokens, and the share of tokens that were replaced, which
bounds what always answering "real" gets. Gaps are filled by the generator; a sentence's score for
minimal pairs is the discriminator's log2 probability that all its pieces are real.

Shapes: B rows, S subwords, D dimensions, V vocabulary, K hidden places of a row, M = B * K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.config import build, config
from polyseme.data.tokenizer import PAD, WordPieces
from polyseme.models.base import TOKENIZER, Words, length_sorted_batches
from polyseme.models.common import exported as common
from polyseme.models.common.filling import BATCH_PIECES, MaskedFilling, padded
from polyseme.models.common.head import TokenHead
from polyseme.models.common.language_model import LanguageModel, Losses, flat_positions
from polyseme.models.common.masking import MaskingOptions, Ratio, hide
from polyseme.models.common.transformer import (
    INIT_STD,
    Block,
    Sight,
    Transformer,
    initialize,
)
from polyseme.training.options import Fraction, Positive

STEPS_OF_PROBABILITY = 2.0**40


@config
class Config(MaskingOptions):
    """Values of conf/lm/electra.yaml."""

    mask_ratio: Ratio = 0.15
    """Share of positions to fill."""
    mask_replace: Fraction = 0.85
    """Share of those that the generator sees as [MASK]."""
    mask_random: Fraction = 0.0
    """Share of those that the generator sees as a random token; the rest it sees as it is."""
    generator_divisor: Positive = 2
    """Of dim, num_heads and dim_ff; 2 to 4 (Clark et al., figure 3)."""
    detection_weight: Annotated[float, Field(gt=0)] = 50.0
    """Of the discriminator's loss."""

    @model_validator(mode="after")
    def _generator_fits(self) -> Config:
        if any(n % self.generator_divisor for n in (self.dim, self.num_heads, self.dim_ff)):
            raise ValueError("generator_divisor that divides dim, num_heads and dim_ff")
        return self


class Generator(nn.Module):
    """A smaller stack of blocks on the discriminator's embeddings."""

    def __init__(self, options: Config, vocab_size: int) -> None:
        super().__init__()
        by = options.generator_divisor
        width = options.dim // by
        self.project, self.final_norm = nn.Linear(options.dim, width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(width, options.num_heads // by, options.dim_ff // by, options.dropout)
            for _ in range(options.num_layers)
        )
        self.head = TokenHead(width, options.dim, vocab_size)

    def reset(self) -> None:
        """What differs from `initialize`: the projection keeps the scale of the embeddings.

        With BERT's smaller values the residual stream begins so small beside what the blocks add to
        it, at the rates that suit the discriminator, that the generator hardly learns.
        """
        self.head.reset()
        with torch.no_grad():
            self.project.weight.div_(INIT_STD * self.project.in_features**0.5)

    def forward(self, x_BSD: Tensor, sight: Sight) -> Tensor:
        """Last states of all positions, PE with P = B * S."""
        x_BSE = self.project(x_BSD)
        for block in self.blocks:
            x_BSE = block(x_BSE, sight)
        return self.final_norm(x_BSE).flatten(0, 1)


class Model(LanguageModel, MaskedFilling):
    """Discriminator and generator."""

    predictor: ClassVar[str] = "its generator"
    first: ClassVar[frozenset[str]] = frozenset({"generator"})

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.dim, self.predicts = options, options.dim, options.predicts
        self.num_layers = options.num_layers + 1
        self.encoder = Transformer(options, pieces.vocab_size, embedding_norm=True)
        self.generator = Generator(options, pieces.vocab_size)
        self.detector, self.verdict = nn.Linear(self.dim, self.dim), nn.Linear(self.dim, 1)

    def reset(self, seed: int) -> None:
        """Random initial weights."""
        initialize(self, seed)
        self.generator.reset()

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L = num_layers + 1 states h_RSD of the discriminator."""
        return self.encoder(ids_RS, attend_RS)

    def masked_logits(
        self, ids_RS: Tensor, attend_RS: Tensor | None, positions_M: Tensor
    ) -> Tensor:
        """The generator's scores of every token at hidden positions, MV."""
        sight = self.encoder.sight(ids_RS, attend_RS, num_causal=0)
        h_PE = self.generator(self.encoder.embed(ids_RS), sight)
        return self.generator.head(h_PE[positions_M], self.encoder.tokens.weight)

    def suspicion(self, ids_RS: Tensor, attend_RS: Tensor | None) -> Tensor:
        """Logit that each token has been replaced, RS."""
        h_RSD = self.encoder(ids_RS, attend_RS)[-1]
        return self.verdict(F.gelu(self.detector(h_RSD)))[..., 0].float()

    @torch.no_grad()
    def scores(self, texts: Sequence[Words]) -> list[float]:
        """log2 of the probability that all pieces of each text are real, as if independent."""
        rows = [(n, ids, spans) for n, text in enumerate(texts) for ids, spans in self._rows(text)]
        found = [0.0] * len(texts)
        device = next(self.parameters()).device
        for chosen in length_sorted_batches([len(ids) for _, ids, _ in rows], BATCH_PIECES):
            ids_RS = padded([rows[i][1] for i in chosen]).to(device)
            bits_RS = F.logsigmoid(-self.suspicion(ids_RS, ids_RS != PAD)).cpu() / math.log(2)
            for bits_S, i in zip(bits_RS, chosen, strict=True):
                owner, _, spans = rows[i]
                found[owner] += sum(float(bits_S[start:end].sum()) for start, end in spans)
        return found

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Hide K positions a row, and draw what the generator's samples need."""
        shown_BS, positions_BK, targets_BK, weights_BK = hide(
            ids_BS,
            flags_BS,
            self.options,
            vocab_size=self.pieces.vocab_size,
            random=random,
            progress=self.progress,
        )
        return {
            "ids_BS": shown_BS,
            "positions_BK": positions_BK,
            "targets_BK": targets_BK,
            "weights_BK": weights_BK,
            "draws_BK": random.random(positions_BK.shape),
        }

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """The generator's cross-entropy; both losses in the objective."""
        ids_BS, targets_M = batch["ids_BS"], batch["targets_BK"].flatten()
        positions_M = flat_positions(batch["positions_BK"], ids_BS.shape[1])
        weights_M = batch["weights_BK"].flatten()
        logits_MV = self.masked_logits(ids_BS, None, positions_M)
        nats_M = F.cross_entropy(logits_MV, targets_M, reduction="none")
        found = self.sums(nats_M, targets_M, weights_M)
        filled_M = torch.where(
            weights_M > 0, sample(logits_MV.detach(), batch["draws_BK"].flatten()), targets_M
        )
        filled_BS = ids_BS.flatten().index_copy(0, positions_M, filled_M).view_as(ids_BS)
        replaced_P = torch.zeros(ids_BS.numel(), device=ids_BS.device)
        replaced_P = replaced_P.index_copy(0, positions_M, (filled_M != targets_M).float())
        logits_P = self.suspicion(filled_BS, None).flatten()
        wrong = F.binary_cross_entropy_with_logits(logits_P, replaced_P, reduction="sum")
        share = len(targets_M) / len(replaced_P)  # K / S: both means are over one number of tokens
        count = torch.tensor(float(len(replaced_P)))
        right = ((logits_P > 0) == (replaced_P > 0)).float().sum()
        return found._replace(
            objective=(found.nats + self.options.detection_weight * share * wrong, found.tokens),
            also={
                "detection_loss": (wrong.detach(), count),
                "detection_accuracy": (right, count),
                "replaced_share": (replaced_P.sum(), count),
            },
        )


def sample(logits_MV: Tensor, draws_M: Tensor) -> Tensor:
    """One token a place, by its probability: where its share of the cumulated ones holds the draw.

    Probabilities are cumulated as integers, whose sums depend on no order.
    """
    shares_MV = (logits_MV.float().softmax(-1) * STEPS_OF_PROBABILITY).long().cumsum(-1)
    at_M1 = (draws_M[:, None] * shares_MV[:, -1:].double()).long()
    return torch.searchsorted(shares_MV, at_M1, right=True)[:, 0]


def exported(model: Model) -> common.Exported:
    """The discriminator without its verdict, whose head transformers does not have."""
    return common.exported(
        model.state_dict(),
        model.options,
        lambda ids_BS, attend_BS: model.hidden_states(ids_BS, attend_BS)[-1],
        head=None,
        note="The encoder alone: neither its verdict on each token nor the generator is here.",
    )


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))
