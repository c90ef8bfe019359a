"""The training split as static representations read it: normalised words, again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from polyseme.data.documents import sentences
from polyseme.data.tokenizer import WordPieces
from polyseme.errors import DataError

CHUNK_WORDS = 1_000_000
"""Words of one chunk of ids: what is in memory at once."""


class Text:
    """Training sentences of a prepared corpus; every iteration reads them from the start.

    Args:
        corpus: folder of the prepared corpus.
        pieces: its tokenizer, for the normalisation of words.
    """

    def __init__(self, corpus: Path, pieces: WordPieces) -> None:
        self.corpus, self.pieces = corpus, pieces

    def __iter__(self) -> Iterator[list[str]]:
        for sentence in sentences(self.corpus, "train"):
            yield [self.pieces.normalize(word) for word in sentence]

    def ids(
        self, words: Sequence[str], chunk_words: int = CHUNK_WORDS
    ) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
        """Known words as rows of `words`, in chunks of whole sentences.

        Unknown words are left out before distances are counted, as word2vec and GloVe do.

        Yields:
            ids_N: row of each word.
            sentence_N: number of the sentence that it stands in, ascending.
        """
        row_of = {word: row for row, word in enumerate(words)}
        ids: list[int] = []
        lengths: list[int] = []
        for sentence in self:
            known = [row_of[word] for word in sentence if word in row_of]
            ids.extend(known)
            lengths.append(len(known))
            if len(ids) >= chunk_words:
                yield _arrays(ids, lengths)
                ids, lengths = [], []
        yield _arrays(ids, lengths)


def _arrays(
    ids: list[int], lengths: list[int]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    sentence_N = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    return np.array(ids, dtype=np.int32), sentence_N


def num_words(corpus: Path) -> int:
    """Running words of the training split.

    Raises:
        DataError: the corpus has no data card.
    """
    path = corpus / "card.json"
    try:
        return int(json.loads(path.read_text("utf-8"))["splits"]["train"]["words"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        mend = "prepare the corpus again"
        raise DataError(f"no data card ({error})", where=path, mend=mend) from None
