"""Gaps in texts of the controlled language, each with the floor of its loss.

The label of an item is -log2 of the probability that the source gives the word, knowing all other
words of the text (language/inside.py). No model that is shown this text can expect a smaller loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from polyseme.config import config
from polyseme.corpora.controlled import language
from polyseme.data.split import Split as SplitName
from polyseme.draws import philox
from polyseme.language import inside
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.training.options import Positive

FAMILY = "gaps"
STREAM = 11


@config
class Config:
    """Values of conf/task/gaps.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    split: SplitName = "valid"
    """Split of the corpus; `test` has pairs that training never shows."""
    num_items: Positive = 1000
    """Texts, each with one gap."""
    num_sentences: Positive = 4
    """Of a text: the first ones of a document."""
    num_documents: Positive = 400
    """Documents for the entropy of the source."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Texts with one marked word as the split `test`, labels are floors in bits."""
    made = inside.make(drawn := language(source), held_out=options.split == "test")
    words, bits, places = [], [], []
    for number, rows in enumerate(_texts(options, source)):
        text = [row["words"] for row in rows]
        random = philox(0, STREAM, number)
        sentence = int(random.integers(len(text)))
        place = int(random.integers(len(text[sentence])))
        joined, start = controlled.window(rows, sentence, len(rows), len(rows))
        words.append(joined)
        places.append([start + place])
        bits += inside.floors(made, text, [(sentence, place)])
    del drawn
    return {"test": Split(words, bits, places)}


def _texts(options: Config, source: Path) -> Iterator[list[controlled.Row]]:
    found = controlled.documents(source, options.split)
    for rows in islice(found, options.num_items):
        yield rows[: options.num_sentences]


def facts(options: Config, source: Path) -> dict[str, Any]:
    """Entropy of the source, for the task's card."""
    drawn = language(source)
    drawing = (drawn.document(n, 0.0, 0.0) for n in range(options.num_documents))
    found = inside.entropy(drawn, inside.make(drawn), list(drawing))
    return {
        "entropy_bits_per_word": found.bits_per_word,
        "entropy_error": found.error,
        "entropy_documents": found.num_documents,
        "entropy_words": found.num_words,
    }
