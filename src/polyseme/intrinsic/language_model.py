"""How well a language model predicts held-out text: bits per byte, perplexity per word.

Both are comparable between tokenizers, since they count what is in the text: words, and UTF-8 bytes
with one space or end of line after each word. Each sentence stands alone, its ends are given: what
is predicted are its words.

    bits_per_byte    = sum of surprisals / bytes
    word_perplexity  = 2 ^ (sum of surprisals / words)

A model that reads from the left gives the text's log-likelihood; one of two directions the mean of
two. One that sees both sides gives a pseudo-log-likelihood (Salazar et al. 2020), which is no
probability of the text and lies far above one: `pseudo_bits_per_byte`, `pseudo_word_perplexity`.
Kinds do not compare with each other. A tokenizer that lowers the case is asked for less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import MARKS, Representation, Words
from polyseme.models.common.filling import Filling
from polyseme.training.options import Positive


@config
class Config:
    """Values of conf/intrinsic/language_model.yaml."""

    num_sentences: Positive = 400
    """The first so many of the corpus' test split."""


FAMILIES = ()


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: both measures; none for a representation that predicts no words."""
    yield from of_text(representation, list(material.sentences("test", options.num_sentences)))


def of_text(
    representation: Representation, sentences: Sequence[Words], *, apart: str | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of some sentences.

    Args:
        apart: a word that is seen by the model, and not counted.
    """
    if not isinstance(representation, Filling):
        return
    words = bits = size = 0.0
    for sentence, surprisals in zip(
        sentences, representation.word_surprisals(sentences), strict=True
    ):
        for word, surprisal in zip(sentence, surprisals, strict=True):
            if word not in MARKS and word != apart:
                words, bits, size = words + 1, bits + surprisal, size + len(word.encode()) + 1
    if not words:
        return
    pseudo = "pseudo_" if representation.sides == "both" else ""
    values = {"bits_per_byte": bits / size, "word_perplexity": 2 ** (bits / words)}
    for metric, value in values.items():
        yield {
            "layer": None,
            "split": "test",
            "metric": f"{pseudo}{metric}",
            "value": value,
            "num_items": int(words),
        }
