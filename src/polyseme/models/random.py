"""Random type vectors: what a table of the right shape is worth when nothing was learned.

The baseline that every static representation must beat (Wieting & Kiela 2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.table import OOV, Table, read_words
from polyseme.models.common.vocabulary import frequent
from polyseme.training.options import Positive


@config
class Config:
    """Values of conf/static/random.yaml."""

    dim: Positive = 128
    """Dimensions."""
    min_count: Positive = 2
    """Rarer types are unknown."""
    oov: OOV = "zero"
    """Vector of an unknown word."""


def train(options: Config, corpus: Path, *, seed: int, progress: bool) -> tuple[Table, int]:
    """Draw the table.

    Returns:
        The representation and the number of running words seen: none.
    """
    words = frequent(corpus, options.min_count)
    table = Table(words, options.dim, WordPieces.load(corpus / TOKENIZER), options.oov)
    table.reset(seed)
    return table, 0


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    pieces = WordPieces.load(folder / TOKENIZER)
    return Table(read_words(folder), options.dim, pieces, options.oov)
