"""A static table as word2vec's text, which gensim loads."""

from __future__ import annotations

import re
from pathlib import Path

from polyseme.errors import DataError
from polyseme.exporting.card import Use
from polyseme.models.common.table import Table

FILE = "vectors.txt"
DIGITS = "%.9g"
"""As many as tell float32 apart."""
USE = """from gensim.models import KeyedVectors

vectors = KeyedVectors.load_word2vec_format("vectors.txt")
vectors["word"]
"""
NOTE = (
    "Words stand as they are looked up: `{normal}` is the form of `{word}`. The vector of unknown "
    "words is not in the file."
)
SAMPLE = "Word"


def write(table: Table, out: Path) -> Use:
    """Write vectors.txt.

    Raises:
        DataError: a word that the format cannot hold.
    """
    vectors_VD = table.table.weight.detach().cpu().numpy()
    with (out / FILE).open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(table.words)} {table.dim}\n")
        for word, vector_D in zip(table.words, vectors_VD, strict=False):  # the last: unknown words
            if not word or re.search(r"[ \n]", word):
                mend = "leave it out of the corpus"
                raise DataError(f"word {word!r} has white space", where=FILE, mend=mend)
            file.write(f"{word} {' '.join(map(DIGITS.__mod__, vector_D.tolist()))}\n")
    note = NOTE.format(word=SAMPLE, normal=table.normalizer.normalize(SAMPLE))
    return Use(library="gensim", code=USE, note=note, architecture="word2vec text format")
