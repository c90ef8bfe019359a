"""Imported checkpoints score sentences as transformers does, sentence by sentence."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from pathlib import Path

import pytest
import torch
from tests.external.conftest import Import
from tests.intrinsic.given import Given

from polyseme.intrinsic import minimal_pairs
from polyseme.models.base import TEXT
from polyseme.models.common.filling import Filling
from polyseme.models.external.common import checkpoint, source
from polyseme.tasks import blimp

transformers = pytest.importorskip("transformers")

from tests.external.checkpoints import make  # noqa: E402

PAIRS = [
    ("The police found crack in the unbelievable house.", "The police crack in found the house."),
    ("Don't naïve students match?", "Don't naïve match students?"),
    ("There was a wall.", "A was there wall."),
    ("Some ex-wives, of 3.5 men, like him.", "Some ex-wives, of 3.5 men, likes him."),
]


@torch.no_grad()
def _masked(folder: Path, text: str, words: list[str]) -> float:
    """Kauf & Ivanova's definition: a piece and the later ones of its word are hidden."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    total = 0.0
    found = tokenizer(text, return_offsets_mapping=True)
    ids, ends = found["input_ids"], []
    for word in words:
        ends.append(text.index(word, ends[-1] if ends else 0) + len(word))
    owners = [bisect_left(ends, end) if end else -1 for _, end in found["offset_mapping"]]
    for n, owner in enumerate(owners):
        if owner >= 0:
            hidden = [
                tokenizer.mask_token_id if m >= n and owners[m] == owner else i
                for m, i in enumerate(ids)
            ]
            logs_V = network(torch.tensor([hidden])).logits[0, n].log_softmax(-1)
            total += float(logs_V[ids[n]]) / math.log(2)
    return total


@torch.no_grad()
def _causal(folder: Path, text: str, words: list[str]) -> float:
    """The text after the token that ends one."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    if ids[0, 0] != tokenizer.bos_token_id:
        ids = torch.cat([torch.tensor([[tokenizer.bos_token_id]]), ids], dim=1)
    loss = network(ids, labels=ids).loss
    return -float(loss) * (ids.shape[1] - 1) / math.log(2)


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2", "llama"])
def test_blimp_is_scored_as_by_transformers(tmp_path: Path, bring_in: Import, name: str) -> None:
    folder = make(name, tmp_path / name)
    digest = source.digest(folder, checkpoint.files(folder))
    model = bring_in("hugging_face", path=str(folder), sha256=digest, max_length=64)
    assert isinstance(model, Filling)
    assert model.sides == ("both" if "bert" in name else "left")
    lines = [
        json.dumps({"sentence_good": good, "sentence_bad": bad, "linguistics_term": "order"})
        for good, bad in PAIRS
    ]
    data = tmp_path / "blimp"
    data.mkdir()
    (data / "swaps.jsonl").write_text("\n".join(lines))
    split = blimp.prepare(blimp.Config(module="blimp", source="x"), data)["test"]
    direct = _masked if "bert" in name else _causal
    right = []
    for texts, words in zip(PAIRS, split.sentences, strict=True):
        middle = words.index(TEXT)
        both = [list(words[:middle]), list(words[middle + 1 :])]
        expected = [direct(folder, *pair) for pair in zip(texts, both, strict=True)]
        assert model.scores(both) == pytest.approx(expected, rel=1e-4)
        right.append(float(expected[0] > expected[1]))
    kept = minimal_pairs.kept(minimal_pairs.Config(), model, Given(split))
    assert [row["value"] for row in kept] == right
    assert len(model.fill("there was a crack".split(), 3, 5)) == 5


@pytest.mark.parametrize(("name", "heads"), [("bert", False), ("gpt2", False), ("electra", True)])
def test_without_such_a_head_there_are_no_surprisals(
    tmp_path: Path, bring_in: Import, name: str, heads: bool
) -> None:
    folder = make(name, tmp_path / name, heads=heads)
    digest = source.digest(folder, checkpoint.files(folder))
    model = bring_in("hugging_face", path=str(folder), sha256=digest, max_length=64)
    assert not isinstance(model, Filling)
