"""bert against Hugging Face's RoBERTa-PreLayerNorm with the same weights."""

from __future__ import annotations

import pytest
import torch

from polyseme.data.tokenizer import PAD, WordPieces
from polyseme.models import bert

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-5


def _ours(pieces: WordPieces) -> bert.Model:
    options = bert.Config(
        dim=32, num_layers=3, num_heads=4, dim_ff=64, max_length=48, sequence_length=32
    )
    model = bert.Model(options, pieces)
    model.reset(7)
    for weight in model.parameters():  # biases and norms too, so that none is a special case
        torch.nn.init.normal_(weight, std=0.2)
    return model.eval()


def _theirs(ours: bert.Model) -> torch.nn.Module:
    options = ours.options
    config = transformers.RobertaPreLayerNormConfig(
        vocab_size=ours.pieces.vocab_size,
        hidden_size=options.dim,
        num_hidden_layers=options.num_layers,
        num_attention_heads=options.num_heads,
        intermediate_size=options.dim_ff,
        max_position_embeddings=options.max_length + PAD + 1,
        pad_token_id=PAD,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    model = transformers.RobertaPreLayerNormForMaskedLM(config).eval()
    model.load_state_dict(_renamed(ours), strict=False)
    torch.nn.init.zeros_(model.roberta_prelayernorm.embeddings.token_type_embeddings.weight)
    return model


def _renamed(ours: bert.Model) -> dict[str, torch.Tensor]:
    state, base = ours.state_dict(), "roberta_prelayernorm"
    offset = torch.zeros(PAD + 1, ours.dim)  # RoBERTa counts positions from the padding id on
    names = {
        f"{base}.embeddings.word_embeddings.weight": state["encoder.tokens.weight"],
        f"{base}.embeddings.position_embeddings.weight": torch.cat(
            [offset, state["encoder.positions.weight"]]
        ),
        "lm_head.decoder.weight": state["encoder.tokens.weight"],
        "lm_head.decoder.bias": state["head_bias"],
        "lm_head.bias": state["head_bias"],
    }
    parts = {
        "encoder.embedding_norm": f"{base}.embeddings.LayerNorm",
        "encoder.final_norm": f"{base}.LayerNorm",
        "head": "lm_head.dense",
        "head_norm": "lm_head.layer_norm",
    }
    for number in range(ours.options.num_layers):
        block, layer = f"encoder.blocks.{number}", f"{base}.encoder.layer.{number}"
        parts |= {
            f"{block}.attention_norm": f"{layer}.attention.LayerNorm",
            f"{block}.attention.query": f"{layer}.attention.self.query",
            f"{block}.attention.key": f"{layer}.attention.self.key",
            f"{block}.attention.value": f"{layer}.attention.self.value",
            f"{block}.attention.output": f"{layer}.attention.output.dense",
            f"{block}.mlp_norm": f"{layer}.intermediate.LayerNorm",
            f"{block}.up": f"{layer}.intermediate.dense",
            f"{block}.down": f"{layer}.output.dense",
        }
    for mine, other in parts.items():
        names |= {f"{other}.{kind}": state[f"{mine}.{kind}"] for kind in ("weight", "bias")}
    return names


def _padded(pieces: WordPieces, sentences: list[list[str]]) -> torch.Tensor:
    rows = [[2, *[i for w in s for i in pieces.ids(w)], 3] for s in sentences]
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def test_logits_and_hidden_states_equal_hugging_face(
    pieces: WordPieces, toy_sentences: list[list[str]]
) -> None:
    sentences = [toy_sentences[0], toy_sentences[3][:4], toy_sentences[2][:7]]
    ours = _ours(pieces)
    ids_BS = _padded(pieces, sentences)
    attend_BS = ids_BS != PAD
    with torch.no_grad():
        states = ours.hidden_states(ids_BS, attend_BS)
        logits = ours.logits(states[-1])
        theirs = _theirs(ours)(ids_BS, attention_mask=attend_BS.long(), output_hidden_states=True)
    for mine, other in zip(states[:-1], theirs.hidden_states[:-1], strict=True):
        assert (mine - other)[attend_BS].abs().max() <= TOLERANCE
    assert (logits - theirs.logits)[attend_BS].abs().max() <= TOLERANCE
    assert logits[attend_BS].std() > 0.1
