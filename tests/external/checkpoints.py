"""Tiny checkpoints with random weights, made and saved by transformers itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import (
    BertWordPieceTokenizer,
    ByteLevelBPETokenizer,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT = [
    "there was a crack in the old wall of the house",
    "the police found crack and other drugs in the car",
    "naïve students match an unbelievable problem, don't they?",
]


def _wordpiece(folder: Path) -> Any:
    made = BertWordPieceTokenizer(lowercase=True)
    made.train_from_iterator(TEXT, vocab_size=90, min_frequency=1, show_progress=False)
    made.save_model(str(folder))
    return transformers.BertTokenizerFast(str(folder / "vocab.txt"))


def _bytes(folder: Path, kind: type, specials: list[str]) -> Any:
    made = ByteLevelBPETokenizer()
    made.train_from_iterator(
        TEXT, vocab_size=300, min_frequency=1, special_tokens=specials, show_progress=False
    )
    made.save_model(str(folder))
    return kind(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))


def _sentencepiece() -> Any:
    """As Llama's: spaces become `▁`, unknown characters bytes."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=["<unk>", "<s>", "</s>", *alphabet], show_progress=False
    )
    made.train_from_iterator(TEXT, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def make(name: str, folder: Path, *, heads: bool = True) -> Path:
    """A checkpoint `bert`, `roberta`, `gpt2`, `llama` or `electra`, and its tokenizer.

    Args:
        heads: save it with the head that it was trained with.
    """
    folder.mkdir()
    torch.manual_seed(0)
    t = transformers
    kind = {
        "bert": (t.BertForMaskedLM, t.BertModel),
        "roberta": (t.RobertaForMaskedLM, t.RobertaModel),
        "gpt2": (t.GPT2LMHeadModel, t.GPT2Model),
        "llama": (t.LlamaForCausalLM, t.LlamaModel),
        "electra": (t.ElectraForPreTraining, t.ElectraModel),
    }[name][0 if heads else 1]
    if name in ("bert", "electra"):
        tokenizer = _wordpiece(folder)
    elif name == "llama":
        tokenizer = _sentencepiece()
    else:
        roberta = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        specials = roberta if name == "roberta" else ["<|endoftext|>"]
        kinds = {"roberta": t.RobertaTokenizerFast, "gpt2": t.GPT2TokenizerFast}
        tokenizer = _bytes(folder, kinds[name], specials)
    options: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "intermediate_size": 32,
        "max_position_embeddings": 66,
        "initializer_range": 0.3,
    }
    if name == "electra":
        options["embedding_size"] = 8
    if name == "gpt2":
        options |= {"n_positions": 66}
    model = kind(kind.config_class(**SIZES, **options)).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
