"""Every Transformer trained here, with both kinds of positions, as one of transformers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from polyseme.data.tokenizer import PAD, WordPieces
from polyseme.exporting import hugging_face
from polyseme.models import bert, electra, gpt, gpt_bert
from polyseme.models.base import TOKENIZER

transformers = pytest.importorskip("transformers")

TOLERANCE = 1e-5
SIZES = {"dim": 32, "num_layers": 2, "num_heads": 4, "dim_ff": 48}
KINDS = {
    ("bert", "learned"): ("RobertaPreLayerNormForMaskedLM", "AutoModelForMaskedLM"),
    ("bert", "rotary"): ("EsmForMaskedLM", "AutoModelForMaskedLM"),
    ("gpt", "learned"): ("GPT2LMHeadModel", "AutoModelForCausalLM"),
    ("gpt", "rotary"): ("GPTNeoXForCausalLM", "AutoModelForCausalLM"),
    ("gpt_bert", "learned"): ("RobertaPreLayerNormForMaskedLM", "AutoModelForMaskedLM"),
    ("gpt_bert", "rotary"): ("EsmForMaskedLM", "AutoModelForMaskedLM"),
    ("gpt_bert_left", "learned"): ("RobertaPreLayerNormForCausalLM", "AutoModelForCausalLM"),
    ("gpt_bert_left", "rotary"): ("EsmForMaskedLM", "AutoModelForMaskedLM"),
    ("electra", "learned"): ("RobertaPreLayerNormModel", "AutoModel"),
    ("electra", "rotary"): ("EsmModel", "AutoModel"),
}
MODULES = {"bert": bert, "gpt": gpt, "gpt_bert": gpt_bert, "electra": electra}


@pytest.mark.parametrize(("name", "positions"), KINDS)
def test_outputs_are_equal_and_token_ids_are_the_same(
    tmp_path: Path, pieces: WordPieces, toy_sentences: list[list[str]], name: str, positions: str
) -> None:
    module: Any = MODULES[name.removesuffix("_left")]
    more = {"sides": "left"} if name.endswith("_left") else {}
    options = module.Config(**SIZES, **more, max_length=24, sequence_length=16, positions=positions)
    model = module.Model(options, pieces)
    for number, weight in enumerate(model.parameters()):
        torch.nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(number))
    model.eval()
    pieces.tokenizer.save(str(tmp_path / TOKENIZER))
    out = tmp_path / "out"
    out.mkdir()
    exported = module.exported(model)
    exact = module.exported(copy.deepcopy(model).double())
    use = hugging_face.write(exported, exact, tmp_path / TOKENIZER, out)
    architecture, auto = KINDS[name, positions]
    assert use.architecture == architecture and auto in use.code
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    texts = [" ".join(sentence) for sentence in toy_sentences]
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    expected = [[2, *[i for w in s for i in pieces.ids(w)], 3] for s in toy_sentences]
    assert tokenizer(texts)["input_ids"] == expected
    attend_BS = batch["attention_mask"].bool()
    assert (batch["input_ids"] != PAD).equal(attend_BS)
    theirs = getattr(transformers, auto).from_pretrained(out).eval()
    with torch.no_grad():
        found = theirs(**{k: batch[k] for k in ("input_ids", "attention_mask")})[0][attend_BS]
        ours = exported.outputs(batch["input_ids"], attend_BS)[attend_BS]
    assert ours.std() > 0.1
    assert (ours - found).abs().max() <= TOLERANCE
