"""Our Transformers as architectures of Hugging Face that need no code of ours.

A language model's file has a function `exported(model)` if there is an architecture with the same
arithmetic; `polyseme export` calls it. With learned positions and a norm of the embeddings the
shared blocks are RoBERTa-PreLayerNorm, which counts positions from the padding id on: its table has
unused rows before ours.

Shapes: B rows, S subwords, V vocabulary, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from polyseme.data.tokenizer import CLS, PAD, SEP

ROBERTA = "roberta_prelayernorm"
LAYER_NORM_EPS = 1e-5
BLOCK = {
    "attention_norm": "attention.LayerNorm",
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "mlp_norm": "intermediate.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
}
"""Parts of a block, ours and RoBERTa-PreLayerNorm's."""


class Exported(NamedTuple):
    """A model under other names.

    Attributes:
        architecture: class of transformers.
        config: values of its configuration.
        weights: every weight that it has, by its names.
        outputs: from ids_BS and attend_BS to what that class gives first: logits, or the last
            hidden state; the exported model is held to it.
        max_length: most pieces of a row.
        note: what a user has to know, for the model card.
    """

    architecture: str
    config: dict[str, Any]
    weights: dict[str, Tensor]
    outputs: Callable[[Tensor, Tensor], Tensor]
    max_length: int
    note: str = ""


class Network(Protocol):
    """The sizes of a Transformer."""

    @property
    def dim(self) -> int: ...  # noqa: D102
    @property
    def num_layers(self) -> int: ...  # noqa: D102
    @property
    def num_heads(self) -> int: ...  # noqa: D102
    @property
    def dim_ff(self) -> int: ...  # noqa: D102
    @property
    def dropout(self) -> float: ...  # noqa: D102
    @property
    def max_length(self) -> int: ...  # noqa: D102


def roberta_config(options: Network, vocab_size: int) -> dict[str, Any]:
    """Configuration of RoBERTa-PreLayerNorm."""
    return {
        "vocab_size": vocab_size,
        "hidden_size": options.dim,
        "num_hidden_layers": options.num_layers,
        "num_attention_heads": options.num_heads,
        "intermediate_size": options.dim_ff,
        "hidden_dropout_prob": options.dropout,
        "attention_probs_dropout_prob": 0.0,
        "max_position_embeddings": options.max_length + PAD + 1,
        "type_vocab_size": 1,
        "layer_norm_eps": LAYER_NORM_EPS,
        "pad_token_id": PAD,
        "bos_token_id": CLS,
        "eos_token_id": SEP,
        "tie_word_embeddings": True,
    }


def roberta_encoder(state: Mapping[str, Tensor], num_layers: int) -> dict[str, Tensor]:
    """Weights below `encoder.` in a model's state, by the names of RoBERTa-PreLayerNorm."""
    tokens, positions = state["encoder.tokens.weight"], state["encoder.positions.weight"]
    width = tokens.shape[1]
    found = {
        "embeddings.word_embeddings.weight": tokens,
        "embeddings.position_embeddings.weight": torch.cat(
            [positions.new_zeros(PAD + 1, width), positions]
        ),
        "embeddings.token_type_embeddings.weight": tokens.new_zeros(1, width),
        **renamed(state, "encoder.embedding_norm", "embeddings.LayerNorm"),
        **renamed(state, "encoder.final_norm", "LayerNorm"),
    }
    for number in range(num_layers):
        for mine, other in BLOCK.items():
            block, layer = f"encoder.blocks.{number}", f"encoder.layer.{number}"
            found |= renamed(state, f"{block}.{mine}", f"{layer}.{other}")
    return {f"{ROBERTA}.{name}": weight for name, weight in found.items()}


def roberta_head(
    state: Mapping[str, Tensor], *, dense: str, norm: str, bias: str
) -> dict[str, Tensor]:
    """Weights of a head over the vocabulary, given the names of its parts in the state."""
    return {
        **renamed(state, dense, "lm_head.dense"),
        **renamed(state, norm, "lm_head.layer_norm"),
        "lm_head.decoder.weight": state["encoder.tokens.weight"],
        "lm_head.decoder.bias": state[bias],
        "lm_head.bias": state[bias],
    }


def renamed(state: Mapping[str, Tensor], mine: str, other: str) -> dict[str, Tensor]:
    """Weight and bias of a part under another name."""
    return {f"{other}.{kind}": state[f"{mine}.{kind}"] for kind in ("weight", "bias")}
