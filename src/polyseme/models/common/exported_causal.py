"""A causal Transformer without a norm of the embeddings as GPT-2 or GPT-NeoX.

With learned positions it is GPT-2, whose matrices are transposed; with rotary positions GPT-NeoX
with a sequential residual, where query, key and value of each head lie together.

Shapes: D dimensions, H heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from polyseme.data.tokenizer import CLS, PAD, SEP
from polyseme.models.common.exported import LAYER_NORM_EPS, Exported, Outputs, renamed
from polyseme.models.common.transformer import ROTARY_BASE, TransformerOptions

JOINED = ("query", "key", "value")
GPT2 = {"attention.output": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}
NEOX = {
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "attention.output": "attention.dense",
    "up": "mlp.dense_h_to_4h",
    "down": "mlp.dense_4h_to_h",
}


def exported_causal(
    state: Mapping[str, Tensor], options: TransformerOptions, outputs: Outputs
) -> Exported:
    """The model with tied embeddings and no further head.

    Args:
        state: of the model; the Transformer lies below `encoder.`.
    """
    tokens = state["encoder.tokens.weight"]
    rotary = options.positions == "rotary"
    config = (_neox_config if rotary else _gpt2_config)(options) | {
        "vocab_size": len(tokens),
        "pad_token_id": PAD,
        "bos_token_id": CLS,
        "eos_token_id": SEP,
        "tie_word_embeddings": True,
    }
    weights = (_neox if rotary else _gpt2)(state, options) | {"lm_head.weight": tokens}
    architecture = "GPTNeoXForCausalLM" if rotary else "GPT2LMHeadModel"
    return Exported(architecture, config, weights, outputs, options.max_length)


def _gpt2_config(options: TransformerOptions) -> dict[str, Any]:
    return {
        "n_positions": options.max_length,
        "n_embd": options.dim,
        "n_layer": options.num_layers,
        "n_head": options.num_heads,
        "n_inner": options.dim_ff,
        "activation_function": "gelu",
        "layer_norm_epsilon": LAYER_NORM_EPS,
        "embd_pdrop": options.dropout,
        "resid_pdrop": options.dropout,
        "attn_pdrop": 0.0,
    }


def _gpt2(state: Mapping[str, Tensor], options: TransformerOptions) -> dict[str, Tensor]:
    """Weights by the names of GPT-2."""
    found = {
        "transformer.wte.weight": state["encoder.tokens.weight"],
        "transformer.wpe.weight": state["encoder.positions.weight"],
        **renamed(state, "encoder.final_norm", "transformer.ln_f"),
    }
    for number in range(options.num_layers):
        block, layer = f"encoder.blocks.{number}", f"transformer.h.{number}"
        found |= renamed(state, f"{block}.attention_norm", f"{layer}.ln_1")
        found |= renamed(state, f"{block}.mlp_norm", f"{layer}.ln_2")
        for kind in ("weight", "bias"):
            parts = [state[f"{block}.attention.{part}.{kind}"] for part in JOINED]
            found[f"{layer}.attn.c_attn.{kind}"] = torch.cat(parts).t().contiguous()
            for mine, other in GPT2.items():
                found[f"{layer}.{other}.{kind}"] = state[f"{block}.{mine}.{kind}"].t().contiguous()
    return found


def _neox_config(options: TransformerOptions) -> dict[str, Any]:
    return {
        "max_position_embeddings": options.max_length,
        "hidden_size": options.dim,
        "num_hidden_layers": options.num_layers,
        "num_attention_heads": options.num_heads,
        "intermediate_size": options.dim_ff,
        "hidden_act": "gelu",
        "layer_norm_eps": LAYER_NORM_EPS,
        "hidden_dropout": options.dropout,
        "attention_dropout": 0.0,
        "use_parallel_residual": False,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": ROTARY_BASE,
            "partial_rotary_factor": 1.0,
        },
    }


def _neox(state: Mapping[str, Tensor], options: TransformerOptions) -> dict[str, Tensor]:
    """Weights by the names of GPT-NeoX."""
    found = {
        "gpt_neox.embed_in.weight": state["encoder.tokens.weight"],
        **renamed(state, "encoder.final_norm", "gpt_neox.final_layer_norm"),
    }
    for number in range(options.num_layers):
        block, layer = f"encoder.blocks.{number}", f"gpt_neox.layers.{number}"
        for mine, other in NEOX.items():
            found |= renamed(state, f"{block}.{mine}", f"{layer}.{other}")
        for kind in ("weight", "bias"):
            parts = [state[f"{block}.attention.{part}.{kind}"] for part in JOINED]
            heads = [part.unflatten(0, (options.num_heads, -1)) for part in parts]
            joined = torch.stack(heads, dim=1).flatten(0, 2)
            found[f"{layer}.attention.query_key_value.{kind}"] = joined
    return found
