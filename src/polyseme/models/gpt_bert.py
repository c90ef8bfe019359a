"""GPT-BERT: one network that reads both ways (Charpentier & Samuel 2024).

Some rows of each batch are read from both sides with hidden tokens, the others from the left. In
both the state of a position predicts the token after it: the next one, or the hidden one (masked
next-token prediction, section 2.1). So the two objectives differ in what is hidden and what is
seen, not in the network. The paper gives each objective some of many devices; here the rows of a
batch are divided by `masked_share`. Departures:

- the Transformer of bert.py instead of LTG-BERT's (no gates, no relative positions);
- hidden tokens as in common/masking.py, no spans;
- dropout is off while pre-training.

As in the paper, where each device averages over its tokens, each row counts alike in the
objective, however many tokens it predicts. Loss and bits per byte are those of the masked rows
where `sides` is both, of the causal rows where it is left; the other kind's stand beside them.

Shapes: B rows, S subwords, D dimensions, V vocabulary, M predicted positions of all rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import model_validator
from torch import Tensor
from torch.nn import functional as F

from polyseme.config import build, config
from polyseme.data.tokenizer import CLS, WordPieces
from polyseme.models.base import TOKENIZER, Words
from polyseme.models.common import exported as common
from polyseme.models.common.filling import CausalFilling, MaskedFilling
from polyseme.models.common.head import TokenHead
from polyseme.models.common.language_model import FROM_THE_LEFT, LanguageModel, Losses
from polyseme.models.common.masking import MaskingOptions, Ratio, hide
from polyseme.models.common.transformer import Transformer, initialize


@config
class Config(MaskingOptions):
    """Values of conf/lm/gpt_bert.yaml."""

    masked_share: Ratio = 0.9375
    """Share of a batch's rows that are masked; the others are causal."""
    sides: Literal["both", "left"] = "both"
    """What the network sees where it encodes, scores sentences and fills gaps."""

    @model_validator(mode="after")
    def _both_kinds(self) -> Config:
        if self.batch_size == 1:
            raise ValueError("batch_size >= 2: one row of each kind")
        return self


class Model(LanguageModel, MaskedFilling, CausalFilling):
    """Encoder, decoder and one head."""

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.dim, self.sides = options, options.dim, options.sides
        self.predicts = options.predicts if self.sides == "both" else FROM_THE_LEFT
        self.num_layers = options.num_layers + 1
        self.encoder = Transformer(options, pieces.vocab_size, embedding_norm=True)
        self.head = TokenHead(self.dim, self.dim, pieces.vocab_size)

    def reset(self, seed: int) -> None:
        """Random initial weights."""
        initialize(self, seed)
        self.head.reset()

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L = num_layers + 1 states h_RSD."""
        num_causal = len(ids_RS) if self.sides == "left" else 0
        return self.encoder(ids_RS, attend_RS, num_causal=num_causal)

    def masked_logits(self, ids_RS: Tensor, attend_RS: Tensor, positions_M: Tensor) -> Tensor:
        """Scores of every token at hidden positions, from the states before them, MV."""
        h_MD = self.encoder.at(ids_RS, attend_RS, positions_M - 1)
        return self.head(h_MD, self.encoder.tokens.weight)

    def causal_logits(self, ids_RS: Tensor) -> Tensor:
        """Scores of the token after each position, RSV."""
        h_RSD = self.encoder(ids_RS, num_causal=len(ids_RS))[-1]
        return self.head(h_RSD, self.encoder.tokens.weight)

    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """See Filling; from the sides of the options."""
        return FILLING[self.sides].surprisals(self, texts, places)

    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """See Filling; from the sides of the options."""
        return FILLING[self.sides].fill(self, text, place, num_words)

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Masked rows first, then causal ones; the share holds on average."""
        rows = len(ids_BS)
        wanted = int(self.options.masked_share * rows + random.random())
        num_masked = min(max(wanted, 1), max(rows - 1, 1))
        hidden = hide(
            ids_BS[:num_masked],
            flags_BS[:num_masked],
            self.options,
            vocab_size=self.pieces.vocab_size,
            random=random,
            progress=self.progress,
        )
        counts_BS = (ids_BS != CLS).astype(np.float32)
        counts_BS[:num_masked] = 0
        np.put_along_axis(counts_BS[:num_masked], hidden.positions_BK, hidden.weights_BK, axis=1)
        counts_BS[:, 0] = 0  # there is no state before it
        return {
            "ids_BS": np.concatenate([hidden.ids_BS, ids_BS[num_masked:]]),
            "targets_BS": ids_BS,
            "weights_BS": counts_BS,
            "causal_B": np.arange(rows) >= num_masked,
        }

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Cross-entropy of hidden and of next tokens."""
        causal_B, chosen_BS = batch["causal_B"], batch["weights_BS"][:, 1:] > 0
        h_BSD = self.encoder(batch["ids_BS"], num_causal=int(causal_B.sum()))[-1]
        targets_M = batch["targets_BS"][:, 1:][chosen_BS]
        logits_MV = self.head(h_BSD[:, :-1][chosen_BS], self.encoder.tokens.weight)
        nats_M = F.cross_entropy(logits_MV, targets_M, reduction="none")
        row_M, counts_B = chosen_BS.nonzero()[:, 0], chosen_BS.sum(1)
        total, weight = (nats_M / counts_B[row_M]).sum(), (counts_B > 0).float().sum()
        masked = self.sums(nats_M, targets_M, (~causal_B)[row_M].float())
        causal = self.sums(nats_M, targets_M, causal_B[row_M].float())
        (main, _), (other, name) = ((masked, "masked"), (causal, "causal"))[
            :: 1 if self.sides == "both" else -1
        ]
        return main._replace(
            objective=(total, weight),
            also={
                f"{name}_loss": (other.nats, other.tokens),
                f"{name}_bits_per_byte": (other.nats / math.log(2), other.bytes),
            },
        )


FILLING: dict[str, type[MaskedFilling] | type[CausalFilling]] = {
    "both": MaskedFilling,
    "left": CausalFilling,
}


def exported(model: Model) -> common.Exported:
    """As RoBERTa-PreLayerNorm, with rotary positions as ESM; it sees what `sides` says."""
    return common.exported(
        model.state_dict(),
        model.options,
        lambda ids_BS, attend_BS: model.head(
            model.hidden_states(ids_BS, attend_BS)[-1], model.encoder.tokens.weight
        ),
        head=common.Head("head.dense", "head.norm", "head.bias"),
        causal=model.sides == "left",
        note="The logits of a position are about the token after it, also of a hidden one.",
    )


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))
