"""Words, tags and trees of UD English-EWT, and vectors of an untrained BERT."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch

from polyseme.data import conllu, tokenizer
from polyseme.data.conllu import Sentence
from polyseme.data.tokenizer import WordPieces
from polyseme.models import bert

TAGS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _".split()
FOLDERS = (
    Path(os.environ.get("POLYSEME_MIRROR", ".")) / "ud-english-ewt",
    Path("artifacts/data/ud_english_ewt"),
)


@cache
def sentences(name: str) -> list[Sentence]:
    """Sentences of train, dev or test."""
    source = next((f for f in FOLDERS if f.exists()), None)
    if source is None:
        sys.exit(
            "error: UD English-EWT is not here; set POLYSEME_MIRROR or run EXPERIMENT=standard"
        )
    return list(conllu.read(source / f"en_ewt-ud-{name}.conllu"))


@cache
def model() -> bert.Model:
    """BERT of conf/lm/bert.yaml's size with random weights and a tokenizer of the treebank."""
    text = (" ".join(s.words) for s in sentences("train"))
    made = tokenizer.train(text, vocab_size=4096, lowercase=True, where="benchmark")
    found = bert.Model(bert.Config(), WordPieces(made))
    found.reset(0)
    return found


def units(name: str, most: int) -> tuple[torch.Tensor, np.ndarray, list[str]]:
    """Vectors h_LND, tags and words of the first words of a split."""
    chosen, total = [], 0
    for sentence in sentences(name):
        if total >= most:
            break
        chosen.append(sentence)
        total += len(sentence.words)
    h_LND = torch.cat(model().encode([list(s.words) for s in chosen]), dim=1)[:, :most]
    gold = [TAGS.index(tag or "_") for s in chosen for tag in s.upos][:most]
    return h_LND.contiguous(), np.array(gold), [w for s in chosen for w in s.words][:most]
