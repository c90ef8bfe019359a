"""gpt against Hugging Face's GPT-2 and GPT-NeoX with the same weights."""

from __future__ import annotations

import pytest
import torch

from polyseme.data.tokenizer import PAD, WordPieces
from polyseme.models import gpt
from polyseme.models.common.transformer import rotate

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-5
PARTS = ("query", "key", "value")


def _ours(pieces: WordPieces, positions: str) -> gpt.Model:
    options = gpt.Config(
        dim=32, num_layers=3, num_heads=4, dim_ff=64, max_length=48, sequence_length=32,
        positions=positions,
    )  # fmt: skip
    model = gpt.Model(options, pieces)
    for number, weight in enumerate(model.parameters()):
        generator = torch.Generator().manual_seed(number)
        torch.nn.init.normal_(weight, std=0.2, generator=generator)
    return model.eval()


def _gpt2(ours: gpt.Model) -> torch.nn.Module:
    options = ours.options
    config = transformers.GPT2Config(
        vocab_size=ours.pieces.vocab_size,
        n_positions=options.max_length,
        n_embd=options.dim,
        n_layer=options.num_layers,
        n_head=options.num_heads,
        n_inner=options.dim_ff,
        activation_function="gelu",
    )
    state = ours.state_dict()
    names = {
        "transformer.wte.weight": state["encoder.tokens.weight"],
        "transformer.wpe.weight": state["encoder.positions.weight"],
        "lm_head.weight": state["encoder.tokens.weight"],
    }
    pairs = {"encoder.final_norm": "transformer.ln_f"}
    for n in range(options.num_layers):
        block, layer = f"encoder.blocks.{n}", f"transformer.h.{n}"
        pairs |= {f"{block}.attention_norm": f"{layer}.ln_1", f"{block}.mlp_norm": f"{layer}.ln_2"}
        for kind in ("weight", "bias"):
            joined = torch.cat([state[f"{block}.attention.{part}.{kind}"] for part in PARTS])
            names[f"{layer}.attn.c_attn.{kind}"] = joined.t()
            for mine, other in (
                ("attention.output", "attn.c_proj"), ("up", "mlp.c_fc"), ("down", "mlp.c_proj")
            ):  # fmt: skip
                names[f"{layer}.{other}.{kind}"] = state[f"{block}.{mine}.{kind}"].t()
    return _loaded(transformers.GPT2LMHeadModel(config), state, names, pairs)


def _gpt_neox(ours: gpt.Model) -> torch.nn.Module:
    options = ours.options
    config = transformers.GPTNeoXConfig(
        vocab_size=ours.pieces.vocab_size,
        hidden_size=options.dim,
        num_hidden_layers=options.num_layers,
        num_attention_heads=options.num_heads,
        intermediate_size=options.dim_ff,
        max_position_embeddings=options.max_length,
        rope_parameters={
            "rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 1.0
        },
        use_parallel_residual=False,
        hidden_act="gelu",
    )  # fmt: skip
    state = ours.state_dict()
    names = {
        "gpt_neox.embed_in.weight": state["encoder.tokens.weight"],
        "lm_head.weight": state["encoder.tokens.weight"],
    }
    pairs = {"encoder.final_norm": "gpt_neox.final_layer_norm"}
    for n in range(options.num_layers):
        block, layer = f"encoder.blocks.{n}", f"gpt_neox.layers.{n}"
        pairs |= {
            f"{block}.attention_norm": f"{layer}.input_layernorm",
            f"{block}.mlp_norm": f"{layer}.post_attention_layernorm",
            f"{block}.attention.output": f"{layer}.attention.dense",
            f"{block}.up": f"{layer}.mlp.dense_h_to_4h",
            f"{block}.down": f"{layer}.mlp.dense_4h_to_h",
        }
        for kind in ("weight", "bias"):  # per head: query, key, value
            parts = [state[f"{block}.attention.{part}.{kind}"] for part in PARTS]
            heads = [part.unflatten(0, (options.num_heads, -1)) for part in parts]
            joined = torch.stack(heads, dim=1).flatten(0, 2)
            names[f"{layer}.attention.query_key_value.{kind}"] = joined
    return _loaded(transformers.GPTNeoXForCausalLM(config), state, names, pairs)


def _loaded(
    model: torch.nn.Module,
    state: dict[str, torch.Tensor],
    names: dict[str, torch.Tensor],
    pairs: dict[str, str],
) -> torch.nn.Module:
    for mine, other in pairs.items():
        names |= {f"{other}.{kind}": state[f"{mine}.{kind}"] for kind in ("weight", "bias")}
    found = model.load_state_dict(names, strict=False)
    assert not found.missing_keys
    assert not found.unexpected_keys
    return model.eval()


@pytest.mark.parametrize(("positions", "theirs"), [("learned", _gpt2), ("rotary", _gpt_neox)])
def test_logits_and_hidden_states_equal_hugging_face(
    pieces: WordPieces, toy_sentences: list[list[str]], positions: str, theirs: object
) -> None:
    rows = [[2, *[i for w in s for i in pieces.ids(w)], 3] for s in
            (toy_sentences[0], toy_sentences[3][:4], toy_sentences[2][:7])]  # fmt: skip
    longest = max(map(len, rows))
    ids_BS = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
    attend_BS = ids_BS != PAD
    ours = _ours(pieces, positions)
    with torch.no_grad():
        states, logits = ours.hidden_states(ids_BS, attend_BS), ours.causal_logits(ids_BS)
        found = theirs(ours)(ids_BS, attention_mask=attend_BS.long(), output_hidden_states=True)
    for mine, other in zip(states, found.hidden_states, strict=True):
        assert (mine - other)[attend_BS].abs().max() <= TOLERANCE
    assert (logits - found.logits)[attend_BS].abs().max() <= TOLERANCE
    assert logits[attend_BS].std() > 0.1


def test_rotation_equals_llamas() -> None:
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = transformers.LlamaConfig(hidden_size=32, num_attention_heads=4)
    x_BHSK = torch.randn(2, 4, 40, 8, generator=torch.Generator().manual_seed(0))
    cos, sin = llama.LlamaRotaryEmbedding(config)(x_BHSK, torch.arange(40)[None])
    expected, _ = llama.apply_rotary_pos_emb(x_BHSK, x_BHSK, cos, sin)
    assert (rotate(x_BHSK) - expected).abs().max() <= TOLERANCE
