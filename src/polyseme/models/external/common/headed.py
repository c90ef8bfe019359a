"""Checkpoints with the head of their language model: what they say about sentences.

A masked language model is scored as every one (common/filling.py), with the mask of its own
tokenizer. So is a causal one; where its rows have no special token before the text, as GPT-2's,
the token that stood between texts in its training is put there, so that the first word has a
surprisal, too.

Shapes: R rows, S pieces, M hidden pieces, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from polyseme.models.common.filling import CausalFilling, MaskedFilling, PieceFilling
from polyseme.models.external.common import checkpoint
from polyseme.models.external.common.encoder import Model, Template, built

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BEGINNINGS = ("Ġ", "▁")
"""How tokenizers mark the piece that begins a word."""


class Headed(Model, PieceFilling):
    """A network and the head above it; the network is registered once, as `network`."""

    def with_head(self, whole: PreTrainedModel) -> Headed:
        """Add the head; returns self."""
        parts = dict(whole.named_children())
        parts.pop(whole.base_model_prefix)
        self.head = nn.ModuleDict(parts)
        self._whole = [whole]  # a list, so that its parts are not registered twice
        self.whole.config.use_cache = False
        return self

    @property
    def whole(self) -> PreTrainedModel:
        """The network with its head, as transformers calls it."""
        return self._whole[0]

    def piece_text(self, piece: int) -> str:
        """See PieceFilling."""
        return str(self.tokenizer.decode([piece])).strip()

    def first_pieces(self) -> np.ndarray:
        """See PieceFilling; all pieces where the tokenizer does not mark them."""
        pieces = self.tokenizer.get_vocab()
        marked = [index for piece, index in pieces.items() if piece.startswith(BEGINNINGS)]
        return np.array(sorted(marked or pieces.values()))

    def reset(self, seed: int) -> None:
        """Random initial weights, as the configuration wants them."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = built(self.network.config)
            fresh = built_above(network)
        if fresh is not None:
            self.whole.load_state_dict(fresh.state_dict())


class Masked(Headed, MaskedFilling):
    """A masked language model."""

    def masked_logits(self, ids_RS: Tensor, attend_RS: Tensor, positions_M: Tensor) -> Tensor:
        """Scores of every token at hidden positions, MV."""
        logits_RSV = self.whole(input_ids=ids_RS, attention_mask=attend_RS.long()).logits
        found: Tensor = logits_RSV.flatten(0, 1)[positions_M]
        return found


class Causal(Headed, CausalFilling):
    """A causal language model."""

    def causal_logits(self, ids_RS: Tensor) -> Tensor:
        """Scores of the token after each position, RSV."""
        found: Tensor = self.whole(input_ids=ids_RS).logits
        return found


def wrapped(
    network: PreTrainedModel,
    whole: PreTrainedModel | None,
    tokenizer: Tokenizer,
    template: Template,
    **values: Any,
) -> Model:
    """The network as a representation; with its head, one that fills gaps."""
    kind = None if whole is None else checkpoint.head_kind(whole.config)
    if whole is None or (kind == "AutoModelForMaskedLM" and template.mask is None):
        return Model(network, tokenizer, template, **values)
    if kind == "AutoModelForMaskedLM":
        masked = Masked(network, tokenizer, template, **values)
        masked.mask_piece = int(template.mask or 0)
        return masked.with_head(whole)
    causal = Causal(network, tokenizer, template, **values)
    if not template.prefix and template.begin is not None:
        causal.begin = (template.begin,)
    return causal.with_head(whole)


def built_above(network: PreTrainedModel) -> PreTrainedModel | None:
    """The head of the network's kind above it, with random weights; None where it has none."""
    kind = checkpoint.head_kind(network.config)
    if kind is None:
        return None
    auto = getattr(checkpoint.library(), kind)
    whole: PreTrainedModel = auto.from_config(network.config, trust_remote_code=False)
    checkpoint.put_below(whole, network)
    return whole
