"""Our Transformers as architectures of Hugging Face that need no code of ours.

A language model's file has a function `exported(model)` if there is an architecture with the same
arithmetic; `polyseme export` calls it. The shared blocks with a norm of the embeddings are

- with learned positions RoBERTa-PreLayerNorm, which counts positions from the padding id on: its
  table has unused rows before ours;
- with rotary positions ESM, whose contact head, of no use here, stays zero.

Without that norm they are GPT-2 and GPT-NeoX (exported_causal.py).

Shapes: B rows, S subwords, V vocabulary, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from polyseme.data.tokenizer import CLS, MASK, PAD, SEP
from polyseme.models.common.transformer import ROTARY_BASE, TransformerOptions

LAYER_NORM_EPS = 1e-5
PARTS = {
    "attention_norm": "attention.LayerNorm",
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "up": "intermediate.dense",
    "down": "output.dense",
}
"""Parts of a block, ours and those of both architectures."""
Outputs = Callable[[Tensor, Tensor], Tensor]


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
    outputs: Outputs
    max_length: int
    note: str = ""


class Head(NamedTuple):
    """Names of the parts of a head over the vocabulary in a model's state."""

    dense: str
    norm: str
    bias: str


def exported(
    state: Mapping[str, Tensor],
    options: TransformerOptions,
    outputs: Outputs,
    *,
    head: Head | None,
    causal: bool = False,
    note: str = "",
) -> Exported:
    """A Transformer whose embeddings are normalised.

    Args:
        state: of the model; the Transformer lies below `encoder.`.
        head: None: the network alone, without one.
        causal: whether positions look to the left only.
    """
    rotary = options.positions == "rotary"
    architecture, base = (
        ("Esm", "esm") if rotary else ("RobertaPreLayerNorm", "roberta_prelayernorm")
    )
    weights = (_esm if rotary else _roberta)(state, options)
    ends = {(False, True): "ForCausalLM"}
    end = "Model" if head is None else ends.get((rotary, causal), "ForMaskedLM")
    if head is not None:
        weights = {f"{base}.{name}": weight for name, weight in weights.items()}
        weights |= _head(state, head, with_decoder_bias=not rotary)
    config = _config(options, len(state["encoder.tokens.weight"]), causal=causal)
    return Exported(f"{architecture}{end}", config, weights, outputs, options.max_length, note)


def _config(options: TransformerOptions, vocab_size: int, *, causal: bool) -> dict[str, Any]:
    """Configuration of both architectures; each has its share of the keys."""
    shared = {
        "vocab_size": vocab_size,
        "hidden_size": options.dim,
        "num_hidden_layers": options.num_layers,
        "num_attention_heads": options.num_heads,
        "intermediate_size": options.dim_ff,
        "hidden_dropout_prob": options.dropout,
        "attention_probs_dropout_prob": 0.0,
        "layer_norm_eps": LAYER_NORM_EPS,
        "is_decoder": causal,
        "pad_token_id": PAD,
        "bos_token_id": CLS,
        "eos_token_id": SEP,
        "tie_word_embeddings": True,
    }
    if options.positions == "rotary":
        return shared | {
            "max_position_embeddings": options.max_length,
            "position_embedding_type": "rotary",
            "emb_layer_norm_before": True,
            "token_dropout": False,
            "mask_token_id": MASK,
        }
    return shared | {"max_position_embeddings": options.max_length + PAD + 1, "type_vocab_size": 1}


def _roberta(state: Mapping[str, Tensor], options: TransformerOptions) -> dict[str, Tensor]:
    """Weights by the names of RoBERTa-PreLayerNorm."""
    tokens, positions = state["encoder.tokens.weight"], state["encoder.positions.weight"]
    unused = positions.new_zeros(PAD + 1, options.dim)
    return {
        "embeddings.word_embeddings.weight": tokens,
        "embeddings.position_embeddings.weight": torch.cat([unused, positions]),
        "embeddings.token_type_embeddings.weight": tokens.new_zeros(1, options.dim),
        **renamed(state, "encoder.embedding_norm", "embeddings.LayerNorm"),
        **renamed(state, "encoder.final_norm", "LayerNorm"),
        **_blocks(state, options, mlp_norm="intermediate.LayerNorm"),
    }


def _esm(state: Mapping[str, Tensor], options: TransformerOptions) -> dict[str, Tensor]:
    """Weights by the names of ESM."""
    tokens, width = state["encoder.tokens.weight"], options.dim // options.num_heads
    exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
    return {
        "embeddings.word_embeddings.weight": tokens,
        "rotary_embeddings.inv_freq": 1.0 / ROTARY_BASE**exponents,
        "contact_head.regression.weight": tokens.new_zeros(
            1, options.num_layers * options.num_heads
        ),
        "contact_head.regression.bias": tokens.new_zeros(1),
        **renamed(state, "encoder.embedding_norm", "embeddings.layer_norm"),
        **renamed(state, "encoder.final_norm", "encoder.emb_layer_norm_after"),
        **_blocks(state, options, mlp_norm="LayerNorm"),
    }


def _blocks(
    state: Mapping[str, Tensor], options: TransformerOptions, *, mlp_norm: str
) -> dict[str, Tensor]:
    """Weights of all blocks."""
    found: dict[str, Tensor] = {}
    for number in range(options.num_layers):
        for mine, other in (PARTS | {"mlp_norm": mlp_norm}).items():
            block, layer = f"encoder.blocks.{number}", f"encoder.layer.{number}"
            found |= renamed(state, f"{block}.{mine}", f"{layer}.{other}")
    return found


def _head(state: Mapping[str, Tensor], head: Head, *, with_decoder_bias: bool) -> dict[str, Tensor]:
    """Weights of a head over the vocabulary."""
    bias = state[head.bias]
    return {
        **renamed(state, head.dense, "lm_head.dense"),
        **renamed(state, head.norm, "lm_head.layer_norm"),
        "lm_head.decoder.weight": state["encoder.tokens.weight"],
        "lm_head.bias": bias,
        **({"lm_head.decoder.bias": bias} if with_decoder_bias else {}),
    }


def renamed(state: Mapping[str, Tensor], mine: str, other: str) -> dict[str, Tensor]:
    """Weight and bias of a part under another name."""
    return {f"{other}.{kind}": state[f"{mine}.{kind}"] for kind in ("weight", "bias")}
